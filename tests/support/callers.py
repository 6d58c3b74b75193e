# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Callers with all keys that their requests have, and callers made to fit the conditions of a policy.

Which keys are there at the same time, and what they hold:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache, lru_cache
from ipaddress import ip_address, ip_network
from itertools import islice, product
from random import Random
from typing import Any

from ansible_collections.imageshare.aws.tests.support.policies import MEMBERSHIPS, ORGANIZATIONS, REGISTRY_ID, STRANGER
from ansible_collections.imageshare.aws.tests.support.wild_policies import OWN_ORGANIZATION

# Thursday, 26 November 2026.
NOW = 1795651200
DAY = 24 * 60 * 60
REGION = "us-east-1"
# What policies name; a stranger has none of it.
NAMED_ACCOUNTS = ("111122223333", "444455556666", "777788889999")
NAMED_ENDPOINT, NAMED_VPC = "vpce-0a1b2c3d4e5f60718", "vpc-0a1b2c3d4e5f60718"
NAMED_ROLE_ID, NAMED_USER_ID = "AROAEXAMPLEROLE123456", "AIDAEXAMPLEUSER123456"
OWN_UNIT = "r-xy12/ou-xy12-77777777/"
V4, V6 = "192.0.2.1", "3fff:5::1"
BUILDS, SERVERLESS, LAMBDA = "codebuild.amazonaws.com", "emr-serverless.amazonaws.com", "lambda.amazonaws.com"
SERVICES = (LAMBDA, BUILDS, SERVERLESS)
# Sessions with MFA last 36 hours at most: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html
LONGEST_SESSION = 36 * 60 * 60
# The condition keys that whoever calls chooses for themselves, by their name in lower case.
CHOSEN_KEYS = {
    key.lower(): key
    for key in (
        "aws:MultiFactorAuthAge",
        "aws:MultiFactorAuthPresent",
        "aws:PrincipalTag/team",
        "aws:SourceIdentity",
        "aws:UserAgent",
        "aws:ViaAWSService",
        "aws:referer",
    )
}
# What the repository may be like, whoever calls.
REPOSITORY_KEYS = {key.lower(): key for key in ("aws:ResourceOrgID", "aws:ResourceTag/visibility")}
_SPELLING = {**CHOSEN_KEYS, **REPOSITORY_KEYS}
_MFA_KEYS = frozenset({"aws:multifactorauthage", "aws:multifactorauthpresent"})
# What of it a kind of caller does not have: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html
# says nothing of MFA, and only who assumes a role brings an identity of a source.
_NEVER: Mapping[str, Set[str]] = {
    "session": frozenset(),
    "user": {"aws:sourceidentity"},
    "root": {"aws:sourceidentity", "aws:principaltag/team"},
    "federated": {"aws:sourceidentity", *_MFA_KEYS},
    "service": CHOSEN_KEYS.keys(),
}
# These may hold any text; tags and names have no wildcard in them.
_FREE_TEXTS = frozenset({"aws:useragent", "aws:referer"})


@dataclass(frozen=True)
class Caller:
    """Somebody, or a service, from somewhere, at some time.

    ``kind`` is one of session, user, root, federated and service; a service has its name in ``name``. Without
    ``address``, the call comes through an endpoint in a VPC. ``chosen`` has what callers choose, by the key in lower
    case. Times are seconds since 1970; ``issued`` counts for what has a session token, as users and root users may
    if ``token``.
    """

    kind: str = "session"
    account: str = STRANGER
    name: str = "work"
    path: str = ""
    session: str = "build-7"
    unique_id: str | None = None
    organization: str | None = None
    unit: str = OWN_UNIT
    address: str | None = V4
    endpoint: str = "vpce-0fedcba9876543210"
    vpc: str = "vpc-0fedcba9876543210"
    vpc_account: str | None = None
    vpc_organization: str | None = None
    vpc_unit: str | None = None
    vpc_address: str = "10.20.30.40"
    chosen: tuple[tuple[str, str], ...] = ()
    moment: int = NOW
    token: bool = False
    issued: int = NOW - 600
    source_arn: str | None = None
    source_account: str | None = None
    source_organization: str | None = None
    source_unit: str = OWN_UNIT

    @property
    def principal(self) -> str:
        """Who asks, as the engine and the evaluator call them."""
        if self.kind == "session":
            return f"arn:aws:sts::{self.account}:assumed-role/{self.name}/{self.session}"
        return self.name if self.kind == "service" else self.arn

    @property
    def arn(self) -> str:
        """aws:PrincipalArn."""
        if self.kind == "root":
            return f"arn:aws:iam::{self.account}:root"
        if self.kind == "federated":
            return f"arn:aws:sts::{self.account}:federated-user/{self.name}"
        return f"arn:aws:iam::{self.account}:{'user' if self.kind == 'user' else 'role'}/{self.path}{self.name}"

    def context(self, resource: Mapping[str, Any]) -> dict[str, Any]:
        """All keys of a request for a repository, about which these are known besides."""
        always: dict[str, Any] = {
            "aws:CurrentTime": _date(self.moment),
            "aws:EpochTime": str(self.moment),
            "aws:RequestedRegion": REGION,
            "aws:SecureTransport": "true",
            "aws:ResourceAccount": REGISTRY_ID,
            "aws:ViaAWSService": "false",
            "aws:UserAgent": "docker/27.1",
            **resource,
            **{_SPELLING[key]: value for key, value in self.chosen if key not in _NEVER[self.kind]},
        }
        if self.kind == "service":
            return {**always, **self._service()}
        return {**always, **self._identity(), **self._network()}

    def _identity(self) -> dict[str, Any]:
        kinds = {"session": "AssumedRole", "user": "User", "root": "Account", "federated": "FederatedUser"}
        prefix = "AIDA" if self.kind == "user" else "AROA"
        unique_id = self.unique_id or f"{prefix}STRANGERS12345678"
        ids = {
            "session": f"{unique_id}:{self.session}",
            "user": unique_id,
            "root": self.account,
            "federated": f"{self.account}:{self.name}",
        }
        found: dict[str, Any] = {
            "aws:PrincipalArn": self.arn,
            "aws:PrincipalAccount": self.account,
            "aws:PrincipalType": kinds[self.kind],
            "aws:PrincipalIsAWSService": "false",
            "aws:userid": ids[self.kind],
        }
        if self.kind == "user":
            found["aws:username"] = self.name
        if self.token or self.kind in ("session", "federated"):
            found["aws:TokenIssueTime"] = _date(min(self.issued, self.moment))
        if self.organization:
            found["aws:PrincipalOrgID"] = self.organization
            found["aws:PrincipalOrgPaths"] = [f"{self.organization}/{self.unit}"]
        return found

    def _network(self) -> dict[str, Any]:
        if dict(self.chosen).get("aws:viaawsservice") == "true":
            # The service that they use calls for them, from its own network.
            return {}
        if self.address is not None:
            return {"aws:SourceIp": self.address}
        account = self.vpc_account or self.account
        found: dict[str, Any] = {
            "aws:SourceVpce": self.endpoint,
            "aws:SourceVpc": self.vpc,
            "aws:SourceVpcArn": f"arn:aws:ec2:{REGION}:{account}:vpc/{self.vpc}",
            "aws:VpcSourceIp": self.vpc_address,
            "aws:VpceAccount": account,
        }
        organization = self.vpc_organization or self.organization
        if organization:
            found["aws:VpceOrgID"] = organization
            found["aws:VpceOrgPaths"] = [f"{organization}/{self.vpc_unit or self.unit}"]
        return found

    def _service(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            # It is in every request. The account of a service is one that no policy names.
            "aws:PrincipalAccount": "999999999999",
            "aws:PrincipalIsAWSService": "true",
            "aws:PrincipalServiceName": self.name,
            "aws:PrincipalServiceNamesList": [self.name],
        }
        if self.address is not None:
            found["aws:SourceIp"] = self.address
        if self.source_arn:
            found["aws:SourceArn"] = self.source_arn
        if self.source_account:
            found["aws:SourceAccount"] = self.source_account
        if self.source_organization:
            found["aws:SourceOrgID"] = self.source_organization
            found["aws:SourceOrgPaths"] = [f"{self.source_organization}/{self.source_unit}"]
        return found


def source(service: str, account: str, name: str = "work") -> str:
    """The ARN of a resource of an account, for which a service acts."""
    resources = {LAMBDA: f"function:{name}", BUILDS: f"project/{name}", SERVERLESS: f"/applications/{name}"}
    return f"arn:aws:{service.partition('.')[0]}:{REGION}:{account}:{resources[service]}"


def service(
    name: str, account: str, resource: str = "work", organization: str | None = None, address: str | None = None
) -> Caller:
    """A service that acts for a resource of an account, which may have an address."""
    return Caller(
        kind="service",
        name=name,
        source_arn=source(name, account, resource),
        source_account=account,
        source_organization=organization,
        address=address,
    )


@cache
def stranger_bases() -> tuple[Caller, ...]:
    """People whom no policy names: of each kind, in an organization of their own or none, from everywhere."""
    return tuple(
        Caller(kind=kind, organization=organization, address=address)
        for kind in ("session", "user", "root", "federated")
        for organization in (None, OWN_ORGANIZATION)
        for address in (V4, V6, None)
    )


@cache
def strange_services() -> tuple[Caller, ...]:
    """Services that act for resources of somebody whom no policy names."""
    acting = [
        service(name, STRANGER, organization=organization, address=address)
        for name in SERVICES
        for organization in (None, OWN_ORGANIZATION)
        for address in (None, "192.0.2.77")
    ]
    # Not every service says for which resource it acts.
    return (*acting, *(Caller(kind="service", name=name, address=None) for name in SERVICES if name != LAMBDA))


@cache
def member_bases() -> tuple[Caller, ...]:
    """People whom policies name: of their accounts, in their organizations or none, also through their endpoints."""
    found = []
    for account in NAMED_ACCOUNTS:
        for organization, path in ((None, OWN_UNIT), *((one, path.split("/", 1)[1]) for one, path in MEMBERSHIPS)):
            for kind in ("session", "user", "root", "federated"):
                base = Caller(kind=kind, account=account, organization=organization, unit=path, name="ci")
                found += [base, replace(base, address=None, endpoint=NAMED_ENDPOINT, vpc=NAMED_VPC)]
                found.append(replace(base, name="unnamed", address="203.0.113.10", session="nightly"))
                found.append(replace(base, address=None, chosen=(("aws:principaltag/team", "platform"),)))
    return tuple(found)


@cache
def member_services() -> tuple[Caller, ...]:
    """Services that act for resources of accounts that policies name, and of the registry's own."""
    return tuple(
        replace(service(name, account, resource, organization), source_unit=MEMBERSHIPS[0][1].split("/", 1)[1])
        for name in SERVICES
        for account in (*NAMED_ACCOUNTS, REGISTRY_ID)
        for resource in ("resize", "work")
        for organization in (None, ORGANIZATIONS[0])
    )


# --- callers who fit ---

_Update = Mapping[str, Any]
_WILDCARD = re.compile(r"[*?]")
_OPERATOR = re.compile(r"(?:for(?:any|all)values?:)?(\w+?)(?:ifexists)?", re.IGNORECASE)


@dataclass(frozen=True)
class _Wish:
    """A condition, as fitting reads it. ``named`` says whether whoever fits may be whom it spells."""

    patterns: bool
    values: tuple[str, ...]
    named: bool

    def texts(self, star: str, character: str, *, literal: bool) -> Iterator[str]:
        """Texts that match the values; those of values without a wildcard if ``literal``."""
        for value in self.values:
            if "${" in value:
                continue
            if self.patterns and _WILDCARD.search(value):
                yield value.replace("*", star).replace("?", character)
            elif literal:
                yield value


def _glob(pattern: str, text: str) -> bool:
    expression = "".join({"*": ".*", "?": "."}.get(one, re.escape(one)) for one in pattern)
    return re.fullmatch(expression, text) is not None


def _accounts(wish: _Wish) -> Iterator[str]:
    for value in wish.values:
        if wish.patterns and _WILDCARD.search(value):
            fixed = value.replace("?", "8")
            yield fixed.replace("*", "8" * (13 - len(fixed)), 1).replace("*", "")
        elif wish.named and value.isdecimal():
            yield value


def _arns(wish: _Wish) -> Iterator[_Update]:
    for value in wish.values:
        parts = value.split(":", 5)
        if "${" in value:
            continue
        spelt = parts[4] if len(parts) == 6 else "*"
        if spelt.isdecimal() and not wish.named:
            continue
        accounts = [spelt] if spelt.isdecimal() else [STRANGER, *_accounts(_Wish(True, (spelt,), wish.named))]
        if wish.named:
            accounts = [*accounts, NAMED_ACCOUNTS[0]]
        last = value.rpartition("/")[2].replace("*", "ci").replace("?", "x")
        literal = not (wish.patterns and _WILDCARD.search(value))
        if literal and not wish.named:
            continue
        for account, kind, name, path in product(
            accounts,
            ("session", "user", "root", "federated"),
            (last, "ci", "work"),
            ("", "team/", "platform/builders/"),
        ):
            caller = Caller(kind=kind, account=account, name=name, path=path)
            if _NAME.fullmatch(name) and _glob(value if not literal else re.sub(r"[*?]", "x", value), caller.arn):
                yield {"kind": kind, "account": account, "name": name, "path": path}


_NAME = re.compile(r"[\w+=,.@-]+")


def _user_ids(wish: _Wish) -> Iterator[_Update]:
    for value in wish.values:
        unique_id, _colon, session = value.partition(":")
        open_id = (
            wish.patterns and bool(_WILDCARD.search(unique_id)) and not _glob("A?[DO]A?????????????????", unique_id)
        )
        if open_id:
            name = session.replace("*", "ci").replace("?", "x") or unique_id.rpartition("*")[2]
            if _NAME.fullmatch(name):
                yield {"kind": "session", "session": name}
                yield {"kind": "federated", "name": name}
            yield {"kind": "user"}
        elif wish.named:
            kind = "user" if unique_id.startswith("AIDA") else "session"
            yield {"kind": kind, "unique_id": unique_id, "session": session.replace("*", "ci") or "build-7"}


def _names(wish: _Wish) -> Iterator[_Update]:
    for text in wish.texts("x", "x", literal=True):
        if _NAME.fullmatch(text):
            yield {"kind": "user", "name": text}


def _types(wish: _Wish) -> Iterator[_Update]:
    kinds = {"assumedrole": "session", "user": "user", "account": "root", "federateduser": "federated"}
    for text in wish.texts("", "", literal=True):
        yield from ({"kind": kind} for spelt, kind in kinds.items() if spelt.startswith(text.lower()))


def _organizations(field: str) -> Callable[[_Wish], Iterator[_Update]]:
    def found(wish: _Wish) -> Iterator[_Update]:
        for text in wish.texts(OWN_ORGANIZATION[2:], "x", literal=wish.named):
            yield {field: text if text.startswith("o-") else OWN_ORGANIZATION, **_through(field)}

    return found


def _paths(field: str, unit: str) -> Callable[[_Wish], Iterator[_Update]]:
    def found(wish: _Wish) -> Iterator[_Update]:
        for value in wish.values:
            owner, _slash, rest = value.partition("/")
            if "${" in value or not (wish.named or (wish.patterns and _WILDCARD.search(owner))):
                continue
            organization = owner.replace("*", OWN_ORGANIZATION[2:]).replace("?", "x")
            organization = organization if organization.startswith("o-") else OWN_ORGANIZATION
            tails = (rest.rstrip("*").replace("*", "ou-xy12-77777777").replace("?", "x"), OWN_UNIT)
            for tail in tails:
                if _glob(value, f"{organization}/{tail}"):
                    yield {field: organization, unit: tail, **_through(field)}

    return found


def _through(field: str) -> _Update:
    return {"address": None} if field.startswith("vpc") else {}


def _endpoints(field: str, prefix: str) -> Callable[[_Wish], Iterator[_Update]]:
    def found(wish: _Wish) -> Iterator[_Update]:
        for text in wish.texts("0fedcba9876543210", "0", literal=wish.named):
            yield {field: text if text.startswith(prefix) else f"{prefix}0fedcba9876543210", "address": None}

    return found


def _vpc_arns(wish: _Wish) -> Iterator[_Update]:
    for value in wish.values:
        parts = value.split(":", 5)
        spelt, last = (parts[4], parts[5]) if len(parts) == 6 else ("*", "*")
        if "${" in value or (not wish.named and (spelt.isdecimal() or not _WILDCARD.search(value))):
            continue
        vpc = last.removeprefix("vpc/")
        found = {"address": None, "vpc": NAMED_VPC if vpc == NAMED_VPC else "vpc-0fedcba9876543210"}
        for account in [spelt] if spelt.isdecimal() else _accounts(_Wish(True, (spelt,), wish.named)):
            yield {**found, "vpc_account": account}
        yield found


def _private(wish: _Wish) -> Iterator[_Update]:
    # Whoever makes a VPC chooses its addresses.
    for value in wish.values:
        yield {"address": None, "vpc_address": str(ip_network(value)[1])}


def _public(wish: _Wish) -> Iterator[_Update]:
    for value in wish.values:
        network = ip_network(value)
        broad = network.prefixlen < (8 if network.version == 4 else 32)
        if network.prefixlen == 0:
            yield {"address": V4 if network.version == 4 else V6}
        elif broad or wish.named:
            inside = network[1] if network.num_addresses > 1 else network[0]
            if inside.is_global or ip_address(V4) in network or wish.named:
                yield {"address": str(inside)}


def _moments(wish: _Wish) -> Iterator[_Update]:
    # Strangers are asked about at one moment.
    for moment in map(_seconds, wish.values if wish.named else ()):
        yield from ({"moment": one} for one in (moment, moment - 60, moment + 60))


def _issued(wish: _Wish) -> Iterator[_Update]:
    if not wish.named:
        yield {"token": True}
    for moment in map(_seconds, wish.values):
        for one in (moment, moment - 60, moment + 60):
            if wish.named or NOW - LONGEST_SESSION <= one <= NOW:
                yield {"token": True, "issued": one, **({"moment": one + 60} if wish.named else {})}


def _chosen(key: str) -> Callable[[_Wish], Iterator[_Update]]:
    def found(wish: _Wish) -> Iterator[_Update]:
        if key == "aws:multifactorauthage":
            numbers = [int(value) for value in wish.values]
            ages = (number + by for number in numbers for by in (-1, 0, 1) if 0 <= number + by <= LONGEST_SESSION)
            yield from ({key: str(age), "token": True} for age in ages)
        elif key == "aws:multifactorauthpresent":
            yield from ({key: value, "token": True} for value in ("true", "false"))
        elif key == "aws:viaawsservice":
            yield from ({key: value} for value in ("true", "false"))
        elif key == "aws:sourceidentity":
            yield from ({key: text, "kind": "session"} for text in (*wish.texts("x", "x", literal=True), "other"))
        else:
            texts = (*wish.texts("x", "x", literal=True), "o-another123" if key.endswith("orgid") else "other")
            yield from ({key: text} for text in texts)

    return found


def _sources(wish: _Wish) -> Iterator[_Update]:
    for value in wish.values:
        parts = value.split(":", 5)
        spelt = parts[4] if len(parts) == 6 else "*"
        if "${" in value or (spelt.isdecimal() and not wish.named):
            continue
        account = spelt if spelt.isdecimal() else next(_accounts(_Wish(True, (spelt,), wish.named)), STRANGER)
        if len(parts) == 6 and _WILDCARD.search(value):
            # What a service calls the resource for which it acts is its own affair, but for Lambda's functions.
            fixed = ":".join([*parts[:4], account, parts[5]]).replace("*", "x").replace("?", "x")
            for name in (BUILDS, SERVERLESS) if not (wish.named and parts[2] == "lambda") else ():
                yield {"name": name, "source_arn": fixed, "source_account": account}
        for name in SERVICES:
            for resource in (value.rpartition("/")[2].rpartition(":")[2].replace("*", "ci"), "work"):
                arn = source(name, account, resource)
                if _glob(value, arn):
                    yield {"name": name, "source_arn": arn, "source_account": account}


def _field(field: str, values: Callable[[_Wish], Iterator[str]]) -> Callable[[_Wish], Iterator[_Update]]:
    return lambda wish: ({field: value, **_through(field)} for value in values(wish))


# By the key in lower case: what a person changes to have one of the values that a condition wants.
_PEOPLE: Mapping[str, Callable[[_Wish], Iterator[_Update]]] = {
    "aws:principalarn": _arns,
    "aws:principalaccount": _field("account", _accounts),
    "aws:principaltype": _types,
    "aws:principalorgid": _organizations("organization"),
    "aws:principalorgpaths": _paths("organization", "unit"),
    "aws:userid": _user_ids,
    "aws:username": _names,
    "aws:sourcevpce": _endpoints("endpoint", "vpce-"),
    "aws:sourcevpc": _endpoints("vpc", "vpc-"),
    "aws:sourcevpcarn": _vpc_arns,
    "aws:vpcsourceip": _private,
    "aws:vpceaccount": _field("vpc_account", _accounts),
    "aws:vpceorgid": _organizations("vpc_organization"),
    "aws:vpceorgpaths": _paths("vpc_organization", "vpc_unit"),
    "aws:sourceip": _public,
    "aws:currenttime": _moments,
    "aws:epochtime": _moments,
    "aws:tokenissuetime": _issued,
    **{key: _chosen(key) for key in (*CHOSEN_KEYS, *REPOSITORY_KEYS)},
}
# The same for a service.
_FOR_SERVICES: Mapping[str, Callable[[_Wish], Iterator[_Update]]] = {
    "aws:sourcearn": _sources,
    "aws:sourceaccount": _field("source_account", _accounts),
    "aws:sourceorgid": _organizations("source_organization"),
    "aws:sourceorgpaths": _paths("source_organization", "source_unit"),
    "aws:currenttime": _moments,
    "aws:epochtime": _moments,
    **{key: _chosen(key) for key in REPOSITORY_KEYS},
}
_PRESENT: Mapping[str, tuple[_Update, ...]] = {
    **{key: ({key: "true"},) for key in CHOSEN_KEYS},
    "aws:multifactorauthage": ({"aws:multifactorauthage": "300", "token": True},),
    "aws:multifactorauthpresent": ({"aws:multifactorauthpresent": "true", "token": True},),
    "aws:tokenissuetime": ({"token": True},),
}
MOST_WISHES = 5


@lru_cache(maxsize=4096)
def _updates(operator: str, key: str, values: tuple[str, ...], named: bool, is_service: bool) -> tuple[_Update, ...]:
    parsed = _OPERATOR.fullmatch(operator)
    base = parsed[1].lower() if parsed else ""
    reader = (_FOR_SERVICES if is_service else _PEOPLE).get(key.lower())
    if base == "null":
        # Who does not come with it may choose to.
        return _PRESENT.get(key.lower(), ())
    if reader is None:
        return ()
    found = reader(_Wish("like" in base or base.startswith("arn"), values, named))
    return tuple(islice((update for update in found if _is_possible(update)), MOST_WISHES))


def _is_possible(update: _Update) -> bool:
    """Whether no id or name has a wildcard in it."""
    return not any(
        isinstance(text, str) and _WILDCARD.search(text) for key, text in update.items() if key not in _FREE_TEXTS
    )


def conditions_of(statement: Mapping[str, Any]) -> list[tuple[str, str, tuple[str, ...]]]:
    """The operator, the key and the values of each condition of a statement, all as texts."""
    return [
        (operator, key, tuple(_spelt(value) for value in (values if isinstance(values, list) else [values])))
        for operator, keys in statement.get("Condition", {}).items()
        for key, values in keys.items()
    ]


def fitting(
    statements: Sequence[Mapping[str, Any]], bases: Sequence[Caller], random: Random, *, count: int, named: bool
) -> Iterator[Caller]:
    """Callers like those of ``bases``, each changed so as to meet the conditions of an Allow, and those of a Deny.

    What they change is theirs to choose; with ``named`` they are also whom a condition spells.
    """
    is_service = bases[0].kind == "service"
    denied = [
        updates
        for statement in statements
        if statement["Effect"] == "Deny"
        for condition in conditions_of(statement)
        if (updates := _updates(*condition, named, is_service))
    ]
    allows = [statement for statement in statements if statement["Effect"] == "Allow"]
    for statement in allows:
        wanted = [
            updates for condition in conditions_of(statement) if (updates := _updates(*condition, named, is_service))
        ]
        for _number in range(count):
            caller = random.choice(bases)
            changes = [random.choice(updates) for updates in wanted if random.random() < 0.8]
            # A Deny may spare those who are as it says, or those who are not.
            changes = [*(random.choice(updates) for updates in denied if random.random() < 0.5), *changes]
            yield changed(caller, changes)


def changed(caller: Caller, changes: Sequence[_Update]) -> Caller:
    """The caller after the changes, the last of which wins."""
    chosen = dict(caller.chosen)
    fields: dict[str, Any] = {}
    for change in changes:
        for name, value in change.items():
            if name.startswith("aws:"):
                chosen[name] = value
            else:
                fields[name] = value
    result = replace(caller, **fields, chosen=tuple(sorted(chosen.items())))
    return _of_one_account(result, follow="source_arn" if "source_arn" in fields else "source_account")


def _of_one_account(caller: Caller, *, follow: str) -> Caller:
    """The caller, for a resource of the account that it says, be that in the ARN or by itself."""
    if caller.source_arn is None or caller.source_account is None:
        return caller
    parts = caller.source_arn.split(":", 5)
    if follow == "source_arn":
        return replace(caller, source_account=parts[4])
    return replace(caller, source_arn=":".join([*parts[:4], caller.source_account, parts[5]]))


def _spelt(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _date(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _seconds(text: str) -> int:
    return int(text) if text.isdecimal() else int(datetime.fromisoformat(text).timestamp())
