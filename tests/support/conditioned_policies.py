# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policies with every kind of condition that ``wild_policies.py`` lacks, by kind, for the callers of ``callers.py``.

No policy here names the account, the organization or the endpoint of a stranger.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from ansible_collections.imageshare.aws.tests.support.builders import DESCRIBE, LAMBDA_PULL, PULL, UPLOAD
from ansible_collections.imageshare.aws.tests.support.callers import (
    BUILDS,
    LAMBDA,
    NAMED_ACCOUNTS,
    NAMED_ENDPOINT,
    NAMED_ROLE_ID,
    NAMED_USER_ID,
    NAMED_VPC,
    SERVICES,
)
from ansible_collections.imageshare.aws.tests.support.policies import (
    ORGANIZATIONS,
    OU_PATHS,
    REGISTRY_ID,
    Policy,
    Statement,
)

REPOSITORY = f"arn:aws:ecr:us-east-1:{REGISTRY_ID}:repository/base/app"
# Of the statements of a registry policy.
RESOURCES: tuple[Any, ...] = (
    "*",
    REPOSITORY,
    f"arn:aws:ecr:*:{REGISTRY_ID}:repository/b*p",
    f"{REPOSITORY[:-1]}?",
    f"{REPOSITORY}?",
    f"arn:aws:ecr:us-east-1:{REGISTRY_ID}:repository/*",
    f"arn:aws:ecr:eu-west-1:{REGISTRY_ID}:repository/*",
    [f"arn:aws:ecr:us-east-1:{REGISTRY_ID}:repository/mirror/*", f"{REPOSITORY[:-4]}/*"],
    f"arn:aws:ecr:us-east-1:{REGISTRY_ID}:repository/${{aws:PrincipalAccount}}/*",
)
FIRST, SECOND, THIRD = NAMED_ACCOUNTS
_ROLE, _USER = f"arn:aws:iam::{FIRST}:role/ci", f"arn:aws:iam::{SECOND}:user/alice"
_ACTIONS: tuple[Any, ...] = (
    "ecr:*",
    list(PULL),
    list(LAMBDA_PULL),
    [*PULL, *UPLOAD],
    [*PULL, *DESCRIBE],
    "ecr:BatchGetImage",
    ["ecr:Get*", "ecr:BatchGetImage"],
    ["ecr:ReplicateImage", "ecr:BatchImportUpstreamImage"],
    ["ecr:BatchGetImage", "ecr:SetRepositoryPolicy"],
)

_EQUAL = ("StringEquals", "StringEquals", "StringEqualsIgnoreCase", "StringLike")
_STRINGS = (*_EQUAL, "StringNotEquals", "StringNotLike", "StringNotEqualsIgnoreCase")
_ARNS = ("ArnLike", "ArnEquals", "StringLike", "StringEquals", "ArnNotLike", "ArnNotEquals", "StringNotLike")
_ADDRESSES = ("IpAddress", "IpAddress", "NotIpAddress")
_DATES = tuple(f"Date{order}" for order in ("LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"))
_NUMBERS = tuple(f"Numeric{order}" for order in ("LessThan", "LessThanEquals", "GreaterThan", "Equals", "NotEquals"))
_BOOLS = ("Bool",)
_TRUTHS = ("true", "false", True, False)
_MANY = frozenset({"aws:PrincipalOrgPaths", "aws:SourceOrgPaths", "aws:VpceOrgPaths", "aws:TagKeys"})
_DAYS = ("2020-01-01T00:00:00Z", "2026-11-01T00:00:00Z", "2026-12-24T12:00:00Z", "2031-01-01T00:00:00Z")
_SECONDS = ("1577836800", "1798113600", "1924992000", 1798113600)
_OWNERS = (FIRST, SECOND, FIRST, "????????????", "1*", f"{THIRD[:6]}*")
_OWN_PATHS = (*OU_PATHS, "o-*/*", f"{ORGANIZATIONS[0]}/*")
_ORGANIZATIONS = (*ORGANIZATIONS, *ORGANIZATIONS, "o-*", "o-a*")
_ARN_PATTERNS = (
    _ROLE,
    _USER,
    f"arn:aws:iam::{FIRST}:role/*",
    f"arn:aws:iam::{FIRST}:*",
    "arn:aws:iam::*:role/ci",
    "arn:aws:iam::*:role/team/*",
    "arn:aws:iam::*:*",
    "arn:*:iam::*:user/*",
)
_SOURCE_ARNS = (
    f"arn:aws:lambda:us-east-1:{FIRST}:function:*",
    f"arn:aws:lambda:us-east-1:{FIRST}:function:resize",
    f"arn:aws:codebuild:us-east-1:{FIRST}:project/*",
    f"arn:aws:emr-serverless:us-east-1:{SECOND}:/applications/*",
    f"arn:aws:*:*:{SECOND}:*",
    "arn:aws:lambda:*:*:function:*",
    "arn:aws:codebuild:us-east-1:*:project/*",
)


@dataclass(frozen=True)
class Key:
    """A condition key, with the operators and the values that a policy has for it."""

    name: str
    operators: Sequence[str]
    values: Sequence[Any]


def _strings(name: str, *values: Any) -> Key:
    return Key(name, _STRINGS, values)


_SOURCES = (
    Key("aws:SourceArn", _ARNS, _SOURCE_ARNS),
    _strings("aws:SourceAccount", *_OWNERS),
    _strings("aws:SourceOrgID", *_ORGANIZATIONS),
    _strings("aws:SourceOrgPaths", *_OWN_PATHS),
)
_PRINCIPAL_ARN = Key("aws:PrincipalArn", _ARNS, _ARN_PATTERNS)
_PRINCIPAL_ORG = _strings("aws:PrincipalOrgID", *_ORGANIZATIONS)
_RESOURCE_TAG = _strings("aws:ResourceTag/visibility", "public", "private", "p*")
_USER_IDS = (f"{NAMED_ROLE_ID}:*", f"{NAMED_ROLE_ID}:ci", NAMED_USER_ID, "*:ci", "AROA*:nightly", "*", "AIDA*", FIRST)
# By kind: the keys, of which one is in a condition, or all where the kind ends in "together".
KINDS: dict[str, tuple[Key, ...]] = {
    "endpoint": (
        _strings("aws:SourceVpce", NAMED_ENDPOINT, NAMED_ENDPOINT, "vpce-*", "vpce-0a1b*", "*"),
        _strings("aws:SourceVpc", NAMED_VPC, NAMED_VPC, "vpc-*", "vpc-0a1b*"),
    ),
    "endpoint's VPC by ARN": (
        Key("aws:SourceVpcArn", _ARNS, (f"arn:aws:ec2:us-east-1:{FIRST}:vpc/*", "arn:aws:ec2:us-east-1:*:vpc/*")),
    ),
    "endpoint's address": (
        Key("aws:VpcSourceIp", _ADDRESSES, ("10.0.0.0/8", "10.20.0.0/16", "172.31.0.0/16", "0.0.0.0/0")),
    ),
    "endpoint's owner": (
        _strings("aws:VpceAccount", *_OWNERS),
        _strings("aws:VpceOrgID", *_ORGANIZATIONS),
        _strings("aws:VpceOrgPaths", *_OWN_PATHS),
    ),
    "user id": (_strings("aws:userid", *_USER_IDS),),
    "user name": (_strings("aws:username", "alice", "ci-*", "*"),),
    "type of principal": (_strings("aws:PrincipalType", "AssumedRole", "User", "Account", "FederatedUser", "*User"),),
    "organization and ARN together": (_PRINCIPAL_ORG, _PRINCIPAL_ARN),
    "unit and ARN together": (_strings("aws:PrincipalOrgPaths", *_OWN_PATHS), _PRINCIPAL_ARN),
    "source, of everyone": _SOURCES,
    "source, of a service": _SOURCES,
    "source, of Lambda's service": (
        Key("aws:SourceArn", _ARNS, [arn for arn in _SOURCE_ARNS if ":lambda:" in arn]),
        Key("aws:SourceArn", ("StringLike", "ArnLike"), [f"arn:aws:lambda:*:{FIRST}:function:*"]),
        _strings("aws:SourceAccount", FIRST, SECOND),
        Key("aws:SourceOrgID", _EQUAL, ORGANIZATIONS),
    ),
    "service without source": (),
    "whether a service": (
        Key("aws:PrincipalIsAWSService", _BOOLS, _TRUTHS),
        _strings("aws:PrincipalServiceName", LAMBDA, BUILDS, "*.amazonaws.com"),
    ),
    "current time": (Key("aws:CurrentTime", _DATES, _DAYS), Key("aws:EpochTime", (*_NUMBERS[:3], *_DATES), _SECONDS)),
    "age of a token": (
        Key("aws:TokenIssueTime", _DATES, _DAYS),
        Key("aws:MultiFactorAuthAge", _NUMBERS, ("300", 3600, "86400")),
        Key("aws:MultiFactorAuthPresent", _BOOLS, _TRUTHS),
    ),
    "presence": tuple(
        Key(name, ("Null",), _TRUTHS)
        for name in (
            "aws:SourceVpce",
            "aws:SourceIp",
            "aws:TokenIssueTime",
            "aws:MultiFactorAuthAge",
            "aws:username",
            "aws:VpceOrgID",
            "aws:PrincipalOrgID",
            "aws:SourceArn",
            "aws:PrincipalTag/team",
            "aws:userid",
            "aws:PrincipalServiceName",
            "aws:TagKeys",
        )
    ),
    "all values of an absent key": (
        Key("aws:TagKeys", ("ForAllValues:StringEquals", "ForAllValues:StringLike"), ("team", "cost*")),
        Key("aws:SourceOrgPaths", ("ForAllValues:StringLike", "ForAllValues:StringNotLike"), _OWN_PATHS),
        Key("aws:VpceOrgPaths", ("ForAllValues:StringLike",), _OWN_PATHS),
    ),
    "repository": (
        _strings("aws:ResourceOrgID", *ORGANIZATIONS),
        _strings("aws:ResourceAccount", REGISTRY_ID, FIRST),
        _RESOURCE_TAG,
    ),
    "address": (
        Key(
            "aws:SourceIp",
            _ADDRESSES,
            (
                "203.0.113.0/24",
                "203.0.113.10/32",
                "10.0.0.0/8",
                "192.168.0.0/16",
                "0.0.0.0/0",
                "128.0.0.0/1",
                "::/0",
                "2001:db8::/32",
                "2000::/3",
                "2001:db8:1::/48",
            ),
        ),
    ),
    "policy variable": (
        _strings("aws:PrincipalAccount", "${aws:ResourceAccount}", "${aws:PrincipalAccount}"),
        _strings("aws:PrincipalOrgID", "${aws:ResourceOrgID}"),
        _strings("aws:SourceAccount", "${aws:ResourceAccount}"),
        _strings("aws:VpceAccount", "${aws:PrincipalAccount}"),
        _strings("aws:VpceOrgID", "${aws:PrincipalOrgID}"),
        Key("aws:PrincipalArn", _ARNS, ("arn:aws:iam::${aws:PrincipalAccount}:role/*", f"{_ROLE}-${{aws:username}}")),
    ),
    "equal to a star": (
        Key("aws:PrincipalArn", ("StringEquals", "StringNotEquals"), (f"arn:aws:iam::{FIRST}:role/*", "*")),
        Key("aws:PrincipalOrgID", ("StringEquals", "StringNotEquals"), ("o-*", "*")),
        Key("aws:userid", ("StringEquals",), (f"{NAMED_ROLE_ID}:*", "*:ci")),
        Key("aws:SourceVpce", ("StringEquals", "StringEqualsIgnoreCase"), ("vpce-*", "*")),
        Key("aws:PrincipalTag/team", ("StringEquals",), ("*", "plat*")),
    ),
    "region": (_strings("aws:RequestedRegion", "us-east-1", "eu-west-1", "us-*"),),
    "chosen by callers": (
        _strings("aws:PrincipalTag/team", "platform", "plat*", "*"),
        _strings("aws:UserAgent", "docker/27.1", "docker*", "*curl*"),
        _strings("aws:referer", "https://example.com/*", "secret"),
        _strings("aws:SourceIdentity", "alice", "*"),
        Key("aws:ViaAWSService", _BOOLS, _TRUTHS),
    ),
}
NEGATION = "Deny by negation"
REGISTRY = "registry policy"
# What people write to keep everybody out but a few. Each is the Condition of a Deny for everyone.
FENCES: tuple[dict[str, Any], ...] = (
    {"StringNotLike": {"aws:userid": [f"{NAMED_ROLE_ID}:*", NAMED_USER_ID]}},
    {"StringNotLike": {"aws:userid": ["*:ci", FIRST]}},
    {"StringNotEqualsIfExists": {"aws:VpceOrgID": ORGANIZATIONS[0]}, "BoolIfExists": {"aws:ViaAWSService": "false"}},
    {"StringNotEquals": {"aws:SourceVpce": [NAMED_ENDPOINT]}},
    {"StringNotEqualsIfExists": {"aws:SourceVpc": NAMED_VPC}},
    {"StringNotEqualsIfExists": {"aws:VpceAccount": [FIRST, SECOND]}},
    {"ArnNotEquals": {"aws:PrincipalArn": [_ROLE, _USER]}},
    {"ArnNotLike": {"aws:PrincipalArn": f"arn:aws:iam::{FIRST}:*"}, "Bool": {"aws:PrincipalIsAWSService": "false"}},
    {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/ci"}},
    {"StringNotEquals": {"aws:PrincipalOrgID": ORGANIZATIONS[0]}},
    {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": ORGANIZATIONS[0], "aws:SourceOrgID": ORGANIZATIONS[0]}},
    {"StringNotEquals": {"aws:PrincipalAccount": [FIRST, SECOND]}},
    {"StringNotEquals": {"aws:PrincipalAccount": "${aws:ResourceAccount}"}},
    {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
    {"NotIpAddressIfExists": {"aws:SourceIp": ["203.0.113.0/24", "2001:db8:1::/48"]}},
    {"NotIpAddress": {"aws:VpcSourceIp": "10.0.0.0/8"}, "Null": {"aws:SourceVpce": "false"}},
    {"StringNotLikeIfExists": {"aws:PrincipalTag/team": "plat*"}},
    {"StringNotEquals": {"aws:PrincipalType": "AssumedRole"}},
    {"ForAllValues:StringNotLike": {"aws:PrincipalOrgPaths": OU_PATHS[0]}},
    {"NumericGreaterThanIfExists": {"aws:MultiFactorAuthAge": "3600"}},
    {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
    {"DateGreaterThan": {"aws:CurrentTime": "2026-12-24T12:00:00Z"}},
    {"Null": {"aws:TokenIssueTime": "true"}},
    {"Null": {"aws:SourceVpce": True}},
    {"StringNotEquals": {"aws:RequestedRegion": ["us-east-1", "eu-west-1"]}},
    {"ArnNotLikeIfExists": {"aws:SourceArn": f"arn:aws:lambda:*:{FIRST}:function:*"}},
    {"Bool": {"aws:SecureTransport": "false"}},
)
ALL_KINDS = (*KINDS, NEGATION, REGISTRY)


@dataclass(frozen=True)
class Conditioned:
    """A policy, and the kinds of condition that it has."""

    policy: Policy
    kinds: frozenset[str]


def conditioned_policies(random: Random, count: int) -> list[Conditioned]:
    """Policies of one to four statements; every kind leads in as many of them."""
    return [_policy(random, ALL_KINDS[number % len(ALL_KINDS)]) for number in range(count)]


def _policy(random: Random, leading: str) -> Conditioned:
    names = list(KINDS)
    first = random.choice(names) if leading in (NEGATION, REGISTRY) else leading
    kinds, statements = {leading, first}, [_statement(random, first, "Allow")]
    if leading == NEGATION:
        if random.random() < 0.6:
            statements = [_open(random)]
            kinds = {leading}
        statements.append(_fence(random))
    for _number in range(random.choice((0, 0, 1, 1, 2))):
        kind = random.choice((*names, *(leading,) * 8, *(NEGATION,) * 6))
        if kind == NEGATION:
            statements.append(_fence(random))
        else:
            kind = kind if kind in KINDS else random.choice(names)
            statements.append(_statement(random, kind, random.choice(("Allow", "Deny", "Deny"))))
        kinds.add(kind)
    if leading == REGISTRY:
        # The statements of the registry's policy follow those of the repository's.
        others = [_statement(random, random.choice(names), random.choice(("Allow", "Deny"))) for _ in range(2)]
        statements = [
            *(statements if random.random() < 0.7 else ()),
            *(
                {**one, "Resource": random.choice(RESOURCES)}
                for one in (_open(random), *others)[random.choice((0, 1)) :]
            ),
        ]
    elif random.random() < 0.5:
        random.shuffle(statements)
    return Conditioned({"Version": "2012-10-17", "Statement": statements}, frozenset(kinds))


def _open(random: Random) -> Statement:
    """An Allow without a condition, as people write it."""
    principal = random.choice(("*", "*", {"AWS": "*"}, {"AWS": [FIRST, _USER]}, {"AWS": FIRST, "Service": BUILDS}))
    return {"Effect": "Allow", "Principal": principal, "Action": random.choice(_ACTIONS)}


def _fence(random: Random) -> Statement:
    fence = {"Effect": "Deny", "Principal": "*", "Action": "ecr:*", "Condition": random.choice(FENCES)}
    return fence if random.random() < 0.8 else {**fence, "Action": random.choice(_ACTIONS)}


def _statement(random: Random, kind: str, effect: str) -> Statement:
    services = "service" in kind and kind != "whether a service"
    statement = {
        "Effect": effect,
        "Principal": _service(random, kind) if services and effect == "Allow" else _principal(random),
        "Action": random.choice(_ACTIONS) if effect == "Allow" else random.choice(("ecr:*", random.choice(_ACTIONS))),
    }
    keys = KINDS[kind]
    chosen = list(keys) if kind.endswith("together") else [random.choice(keys)] if keys else []
    if random.random() < 0.2:
        more = random.choice(KINDS[random.choice(list(KINDS))] or keys or (_RESOURCE_TAG,))
        chosen = [*chosen, *(() if more.name in [key.name for key in chosen] or not keys else (more,))]
    blocks: dict[str, dict[str, Any]] = {}
    for key in chosen:
        operator, values = _condition(random, key, denies=effect == "Deny")
        blocks.setdefault(operator, {})[key.name] = values
    return {**statement, "Condition": blocks} if blocks else statement


def _principal(random: Random) -> Any:
    everyone = random.choice(("*", {"AWS": "*"}))
    some = random.choice((FIRST, f"arn:aws:iam::{SECOND}:root", [_ROLE, _USER]))
    return random.choice((everyone, everyone, everyone, {"AWS": some}))


def _service(random: Random, kind: str) -> Any:
    name = LAMBDA if "Lambda" in kind else random.choice((*SERVICES, [LAMBDA, BUILDS]))
    return random.choice(({"Service": name}, {"Service": name}, {"Service": name, "AWS": THIRD}))


def _condition(random: Random, key: Key, *, denies: bool) -> tuple[str, Any]:
    operators = key.operators
    negated = [operator for operator in operators if "Not" in operator]
    # A Deny is mostly negated, an Allow seldom.
    if negated and len(negated) < len(operators) and random.random() < 0.75:
        operators = negated if denies else [operator for operator in operators if "Not" not in operator]
    operator = random.choice(operators)
    if operator != "Null" and ":" not in operator:
        if key.name in _MANY:
            operator = f"{random.choice(('ForAnyValue:', 'ForAnyValue:', 'ForAllValues:'))}{operator}"
        elif random.random() < 0.04:
            operator = f"ForAnyValue:{operator}"
        if random.random() < (0.35 if denies else 0.15):
            operator = f"{operator}IfExists"
    values = random.sample(list(key.values), min(len(key.values), random.choice((1, 1, 1, 2))))
    if operator == "Null" or key.operators is _BOOLS:
        values = values[:1]
    return operator, values[0] if len(values) == 1 and random.random() < 0.7 else values
