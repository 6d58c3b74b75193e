# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the collection says of policies, as questions for an independent engine: @cloud-copilot/iam-simulate.

A *point* is a policy, a caller about whose request everything is known, and an action. A *claim* is what the collection
says of a policy of which it knows nothing else: who gets what, and that nobody else does.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from inspect import signature
from pathlib import Path
from random import Random
from typing import Any

from ansible_collections.imageshare.aws.plugins.module_utils._evaluation import evaluator as evaluation
from ansible_collections.imageshare.aws.plugins.module_utils._evaluation.evaluator import ParsedPolicy, PolicyEvaluator
from ansible_collections.imageshare.aws.plugins.module_utils._evaluation.request_context import RequestContext
from ansible_collections.imageshare.aws.plugins.module_utils._iam.comparisons import ABSENT, Applies, KnownKey
from ansible_collections.imageshare.aws.plugins.module_utils._iam.principals import (
    Principal,
    PrincipalType,
    read_principal,
)
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.ecr_actions import REPOSITORY_ACTIONS
from ansible_collections.imageshare.aws.tests.support import policies
from ansible_collections.imageshare.aws.tests.support.builders import (
    DESCRIBE,
    LAMBDA_PULL,
    PULL,
    UPLOAD,
    all_but,
    allow,
)
from ansible_collections.imageshare.aws.tests.support.builders import policy as policy_of
from ansible_collections.imageshare.aws.tests.support.callers import (
    LAMBDA,
    NOW,
    REGION,
    Caller,
    conditions_of,
    fitting,
    member_bases,
    member_services,
    strange_services,
    stranger_bases,
)
from ansible_collections.imageshare.aws.tests.support.conditioned_policies import (
    REPOSITORY,
    RESOURCES,
    conditioned_policies,
)
from ansible_collections.imageshare.aws.tests.support.evaluator import (
    Request,
    UnsupportedCondition,
    conditions_hold,
    covers,
    is_allowed,
    is_match,
)
from ansible_collections.imageshare.aws.tests.support.policies import (
    MEMBERSHIPS,
    ORGANIZATIONS,
    REGISTRY_ID,
    requesters,
)
from ansible_collections.imageshare.aws.tests.support.wild_policies import strange_requesters, wild_policy

RegistryPolicy: Any = getattr(evaluation, "RegistryPolicy", None)
ROOT = Path(__file__).resolve().parents[2]
UNAVAILABLE = 69
WILD, LIMITED, WILD_POINTS_EACH = 2000, 500, 4
CONDITIONED, POINTS_EACH = 3600, 4
CLAIMED = 2000
# How many callers are tried, at most, for each Allow of a policy; and besides them.
FITTED, BASES = 12, 8
# Of what a Deny is said to take from a share: what is needed for it.
NEEDED = {"pull": LAMBDA_PULL, "push": UPLOAD, "describe": DESCRIBE, "replicate": ("ecr:ReplicateImage",)}
# It is not said for each key whether a service has it, nor what it holds then:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
UNKNOWN_OF_SERVICES = (
    "aws:principalarn",
    "aws:principaltag/",
    "aws:principaltype",
    "aws:sourceidentity",
    "aws:sourceip",
    "aws:userid",
    "aws:username",
)
ACTIONS = tuple(sorted(REPOSITORY_ACTIONS, key=lambda action: (action not in policies.ACTIONS, action)))
# What is true of the repository, and what no policy says.
WORLDS: tuple[Mapping[str, Any], ...] = (
    {},
    {"aws:ResourceTag/visibility": "private"},
    {"aws:ResourceOrgID": ORGANIZATIONS[0], "aws:ResourceOrgPaths": [MEMBERSHIPS[0][1]]},
)
# The registry is in an organization, as most are, and the repository has no tag.
WORLD = WORLDS[2]


@dataclass(frozen=True)
class Point:
    """A policy, a requester with all keys of the request, and an action; ``kinds`` says what the policy is made of."""

    policy: Any
    principal: str
    action: str
    context: Mapping[str, Any]
    kinds: frozenset[str] = frozenset({"wild"})


@dataclass(frozen=True)
class Claim:
    """What follows from the answers of the collection: whether one of the callers is allowed one of the actions, or all
    of them if ``every``.
    """

    name: str
    policy: Any
    kinds: frozenset[str]
    callers: tuple[Caller, ...]
    actions: tuple[str, ...]
    expected: bool
    every: bool = False


@dataclass(frozen=True)
class Answers:
    """What the engine says of each point; of each claim, whom it allows what first; and which actions it knows."""

    points: tuple[str, ...]
    claims: tuple[tuple[Caller, str] | None, ...]
    actions: frozenset[str]


class Unavailable(Exception):
    """The engine cannot be installed; the text says why."""


# --- the points ---


def points() -> list[Point]:
    """The same points each time, of every kind."""
    return [*wild_points(), *conditioned_points()]


def wild_points() -> list[Point]:
    """Points of policies that use the whole language in a small universe."""
    random = Random("the same points each time")
    everybody = [
        found
        for found in (*requesters(), *strange_requesters())
        # In its own account, an identity needs no policy of the repository; the engine knows that.
        if f"::{REGISTRY_ID}:" not in found.principal
    ]
    found = []
    for number in range(WILD):
        policy = wild_policy(random)
        if number >= WILD - LIMITED:
            # The last of the policies have statements for some repositories.
            policy = _limited(policy, random)
        for requester in random.sample(everybody, WILD_POINTS_EACH):
            context = {**requester.context, "aws:ResourceAccount": REGISTRY_ID}
            found.append(Point(policy, requester.principal, random.choice(policies.ACTIONS), context))
    # It is rare above that a Deny with NotPrincipal decides.
    session = next(one for one in everybody if ":assumed-role/" in one.principal)
    account = f"arn:aws:iam::{session.principal.split(':')[4]}:root"
    fenced = policy_of(allow(), all_but(account))
    return [*found, Point(fenced, session.principal, "ecr:BatchGetImage", session.context)]


def _limited(policy: Any, random: Random) -> Any:
    """The policy, some statements of which are for some repositories."""
    members = [{}, {"Resource": random.choice(RESOURCES[:-1])}, {"NotResource": random.choice(RESOURCES[:-1])}]
    return {**policy, "Statement": [{**one, **random.choice(members)} for one in policy["Statement"]]}


def conditioned_points() -> list[Point]:
    """Points of policies with every kind of condition: half of them of callers who were made to fit."""
    random = Random("conditioned points")
    found = []
    for conditioned in conditioned_policies(random, CONDITIONED):
        policy = conditioned.policy
        anybody = _callers(random, policy, POINTS_EACH // 2, named=True)
        anybody += [random.choice(random.choice(_BASES)) for _number in range(POINTS_EACH - len(anybody))]
        actions = _telling_actions(policy) or ACTIONS
        for caller in anybody[:POINTS_EACH]:
            action = random.choice(actions)
            context = caller.context(random.choice(WORLDS))
            found.append(Point(policy, caller.principal, action, context, conditioned.kinds))
    return found


_BASES = (stranger_bases(), member_bases(), member_bases(), member_services(), strange_services())


def _callers(random: Random, policy: Any, count: int, *, named: bool) -> list[Caller]:
    """Callers who fit a policy, and are whom it names if ``named``; services if it names one."""
    statements = policy["Statement"]
    services = any("Service" in one["Principal"] for one in statements if one["Effect"] == "Allow")
    people = (member_bases(), *((stranger_bases(),) if not named else ()))
    bases = random.choice((*people, *((member_services(),) * 2 if services else ())))
    found = list(fitting(statements, bases, random, count=count, named=named))
    return random.sample(found, min(count, len(found)))


def _telling_actions(policy: Any) -> tuple[str, ...]:
    """One action of each set of those that the same statements name, an Allow among them."""
    named = [
        (one["Effect"], _named_actions(*(json.dumps(one.get(member)) for member in ("Action", "NotAction"))))
        for one in policy["Statement"]
    ]
    found: dict[tuple[bool, ...], str] = {}
    for action in ACTIONS:
        if any(effect == "Allow" and action in actions for effect, actions in named):
            found.setdefault(tuple(action in actions for _effect, actions in named), action)
    return tuple(found.values())


def _allowed_actions(statements: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    allows = [one for one in statements if one["Effect"] == "Allow"]
    return frozenset().union(*(_named_actions(json.dumps(one.get("Action")), "null") for one in allows))


@cache
def _named_actions(action: str, not_action: str) -> frozenset[str]:
    """The actions that the Action and the NotAction of a statement, both as JSON, name."""
    members = {"Action": json.loads(action), "NotAction": json.loads(not_action)}
    statement = {name: value for name, value in members.items() if value is not None}
    return frozenset(one for one in ACTIONS if covers(statement, one))


def verdict(point: Point, evaluator: PolicyEvaluator) -> Applies:
    """Whether the collection says that the statements allow a point, for a caller about whom everything is known."""
    policy = parsed(point.policy, evaluator)
    keys = {condition.key for numbered in policy.effective_statements for condition in numbered.statement.conditions}
    known_keys = {key.lower(): ABSENT for key in keys} | {
        key.lower(): KnownKey(values if isinstance(values, str) else values[0]) for key, values in point.context.items()
    }
    principal = read_principal(point.principal, "aws") or Principal(PrincipalType.SERVICE, point.principal)
    context = RequestContext(principal, known_keys)
    verdicts = {"Allow": Applies.NO, "Deny": Applies.NO}
    for numbered in policy.effective_statements:
        if point.action in numbered.statement.actions:
            effect = "Deny" if numbered.statement.denies else "Allow"
            verdicts[effect] = max(verdicts[effect], policy.matcher.applies(numbered.statement, context))
    if verdicts["Allow"] is Applies.NO or verdicts["Deny"] is Applies.YES:
        return Applies.NO
    return Applies.YES if verdicts == {"Allow": Applies.YES, "Deny": Applies.NO} else Applies.CONDITIONALLY


# --- the claims ---

PUBLIC = "public statements: a stranger is let in"
NOT_PUBLIC = "no public statement: no stranger is let in"
UNSCOPED = "unscoped statements: a service is let in for a stranger"
SCOPED = "neither public nor unscoped: no service is let in for a stranger"
SHARED = "a share that applies and is not denied: its actions are allowed"
DEFEATED = "a share that is defeated: its actions are denied"
DENIED = "what a Deny takes from a share for certain is not all allowed"
NOT_SHARED = "no share applies: everything is denied"
CLAIMS = (PUBLIC, NOT_PUBLIC, UNSCOPED, SCOPED, SHARED, DEFEATED, DENIED, NOT_SHARED)


def claims(evaluator: PolicyEvaluator) -> list[Claim]:
    """What the collection says of policies of every kind, the same policies each time."""
    random = Random("claims")
    found: list[Claim] = []
    for conditioned in conditioned_policies(random, CLAIMED):
        read = parsed(conditioned.policy, evaluator)
        actions = _telling_actions(conditioned.policy)
        if actions:
            found += _claims_of_strangers(random, conditioned.policy, conditioned.kinds, read, actions)
            found += _claims_of_shares(random, conditioned.policy, conditioned.kinds, read, actions)
    return found


def _claims_of_strangers(
    random: Random, policy: Any, kinds: frozenset[str], read: ParsedPolicy, actions: tuple[str, ...]
) -> Iterator[Claim]:
    statements = policy["Statement"]
    is_public = any(getattr(one, "grants_identities", True) for one in read.public_statements())
    # One of them is enough, and the first ends the search.
    count = FITTED * 5 if is_public else FITTED
    people = [
        *random.sample(stranger_bases(), BASES),
        *fitting(statements, stranger_bases(), random, count=count, named=False),
    ]
    # Before there were unscoped statements, those that are open to functions of everyone were public.
    unscoped = read.unscoped_statements() if hasattr(read, "unscoped_statements") else ()
    is_open = bool(unscoped) or any(not getattr(one, "grants_identities", True) for one in read.public_statements())
    count = FITTED * 5 if is_open else FITTED // 2
    services = [
        *strange_services(),
        *fitting(statements, strange_services(), random, count=count, named=False),
    ]
    yield Claim(PUBLIC if is_public else NOT_PUBLIC, policy, kinds, _distinct(people), actions, is_public)
    if (is_open or not is_public) and not _is_undefined_for_services(statements):
        yield Claim(UNSCOPED if is_open else SCOPED, policy, kinds, _distinct(services), actions, is_open)


def _is_undefined_for_services(statements: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a condition depends on a key that a service may have or not."""
    for statement in statements:
        for operator, key, values in conditions_of(statement):
            spelt, patterns = operator.lower().removeprefix("foranyvalue:"), any("*" in value for value in values)
            either_way = spelt.endswith("ifexists") or spelt.startswith(("null", "forallvalues", "ipaddress"))
            if key.lower().startswith(UNKNOWN_OF_SERVICES) and (either_way or patterns):
                return True
    return False


def _claims_of_shares(
    random: Random, policy: Any, kinds: frozenset[str], read: ParsedPolicy, actions: tuple[str, ...]
) -> Iterator[Claim]:
    statements = policy["Statement"]
    people = fitting(statements, member_bases(), random, count=2, named=True)
    undefined = _is_undefined_for_services(statements)
    # Where services are meant they are asked about more often.
    count = 4 if any("Service" in one["Principal"] or "aws:Source" in json.dumps(one) for one in statements) else 1
    services = () if undefined else fitting(statements, member_services(), random, count=count, named=True)
    # What the collection says is said at one moment.
    fitted = [replace(one, moment=NOW, issued=min(one.issued, NOW)) for one in (*people, *services)]
    anybody = [*fitted, *(random.choice(bases) for bases in (_BASES[:3] if undefined else _BASES))]
    for caller in _distinct(anybody):
        context = caller.context(WORLD)
        shared = [(share, _applies(share, caller, context)) for share in read.shares()]
        given: set[str] = set()
        taken: set[str] = set()
        possible: set[str] = set()
        for share, applies in shared:
            named = _actions_for(share, caller)
            if applies is not False:
                # What functions may do besides their pull may be counted as the pull.
                possible |= {*named, *(PULL if named >= set(LAMBDA_PULL) else ())}
            if applies:
                given |= set() if share.denied_by else named
                taken |= named if _is_defeated(share) else set()
                for needed in _needed_and_denied(share, caller):
                    yield Claim(DENIED, policy, kinds, (caller,), needed, False, every=True)
        allowed = tuple(action for action in actions if action in given)
        # Of what no statement allows, nothing is shared.
        more = tuple(sorted(given - _allowed_actions(statements)))
        for action in (*allowed[:2], *more[:1]):
            yield Claim(SHARED, policy, kinds, (caller,), (action,), True)
        # What is defeated in one share may be another one's.
        denied = tuple(action for action in actions if action in taken and action not in given)
        if denied:
            yield Claim(DEFEATED, policy, kinds, (caller,), denied, False)
        others = tuple(action for action in actions if action not in possible)
        if others:
            yield Claim(NOT_SHARED, policy, kinds, (caller,), others, False)


def _distinct(callers: Iterable[Caller]) -> tuple[Caller, ...]:
    return tuple(dict.fromkeys(callers))


def _is_defeated(share: Any) -> bool:
    if hasattr(share, "defeated"):
        return bool(share.defeated)
    return bool(share.denied_by) and any(denial.certain for denial in share.denied_by)


def _actions_for(share: Any, caller: Caller) -> set[str]:
    """What a share gives to a caller of its principal, or to the functions of its principal."""
    if share.lambda_regions and caller.kind == "service" and caller.name == LAMBDA:
        return set(LAMBDA_PULL) | (set(share.actions) if _service_of(share) else set())
    return set(share.actions)


def _needed_and_denied(share: Any, caller: Caller) -> Iterator[tuple[str, ...]]:
    """The actions, of each capability that Deny statements take from a share for certain, without which it is gone.

    Code from before there were names for what a Deny takes says none.
    """
    functions = caller.kind == "service" and caller.name == LAMBDA and _service_of(share) is None
    names = {name for one in share.denied_by if one.certain for name in getattr(one, "denies", ())}
    if functions and share.lambda_regions and set(share.lambda_regions) <= set(getattr(share, "denied_regions", ())):
        yield LAMBDA_PULL
    if not functions or not share.lambda_regions:
        yield from (needed for name, needed in NEEDED.items() if name in names)


def _service_of(share: Any) -> str | None:
    service: str | None = getattr(share, "via_service", None)
    return service


def _applies(share: Any, caller: Caller, context: Mapping[str, Any]) -> bool | None:
    """Whether a share is for a caller; None if that is not certain."""
    certain = _includes(share, caller, context)
    for condition in share.conditions if certain is not False else ():
        holds = _holds(condition, context)
        if holds is False:
            return False
        certain = certain if holds else None
    return certain


def _holds(condition: Any, context: Mapping[str, Any]) -> bool | None:
    operator = condition.operator.lower()
    if operator in ("resource", "notresource", "notprincipal"):
        return None
    if operator.startswith("foranyvalue:") and operator.endswith("ifexists"):
        # IfExists holds for an absent key, ForAnyValue does not: which of the two wins, no page says.
        return None
    try:
        return conditions_hold({condition.operator: {condition.key: list(condition.values)}}, context)
    except UnsupportedCondition:
        return None


def _includes(share: Any, caller: Caller, context: Mapping[str, Any]) -> bool | None:
    kind, name, service = share.principal.kind, share.principal.name, _service_of(share)
    if kind is PrincipalType.EVERYONE and service is None:
        return True
    if caller.kind == "service":
        if kind is PrincipalType.SERVICE and service is None:
            return bool(name == caller.name)
        functions = bool(share.lambda_regions) and caller.name == LAMBDA
        if not functions and service not in (caller.name, "*"):
            return False
        return _is_member(kind, name, caller.source_account, "Source", context)
    if service is not None:
        return False
    if kind is PrincipalType.ROLE:
        # A role's name is unique in its account. With another path, the policy names a role that is not there.
        spelt = caller.arn.split("/")[-1] == name.split("/")[-1] and name.startswith(f"arn:aws:iam::{caller.account}:")
        return None if caller.kind == "session" and spelt and caller.arn != name else caller.arn == name
    if kind in (PrincipalType.USER, PrincipalType.SESSION):
        return bool(name == caller.principal)
    return _is_member(kind, name, caller.account, "Principal", context)


def _is_member(kind: PrincipalType, name: str, account: str | None, side: str, context: Mapping[str, Any]) -> bool:
    if kind is PrincipalType.ACCOUNT:
        return name == account
    if kind is PrincipalType.ORGANIZATION:
        return context.get(f"aws:{side}OrgID") == name
    if kind is PrincipalType.ORGANIZATIONAL_UNIT:
        return any(is_match(name, path) for path in context.get(f"aws:{side}OrgPaths", ()))
    return kind is PrincipalType.EVERYONE


# --- the engine ---


@dataclass
class _Batch:
    """What the engine is asked: each policy and each requester once, by number."""

    policies: dict[str, int] = field(default_factory=dict)
    requesters: dict[Any, int] = field(default_factory=dict)
    contexts: list[Mapping[str, Any]] = field(default_factory=list)

    def policy(self, policy: Any) -> int:
        return self.policies.setdefault(json.dumps(policy), len(self.policies))

    def requester(self, principal: str, context: Mapping[str, Any]) -> int:
        number = self.requesters.setdefault((principal, json.dumps(context)), len(self.requesters))
        if number == len(self.contexts):
            self.contexts.append({"principal": principal, "context": context})
        return number

    def caller(self, caller: Caller) -> int:
        number = self.requesters.setdefault(caller, len(self.requesters))
        if number == len(self.contexts):
            self.contexts.append({"principal": caller.principal, "context": caller.context(WORLD)})
        return number


def ask(asked: Sequence[Point], claimed: Sequence[Claim]) -> Answers:
    """Return what the engine says. Raises Unavailable where there is no engine."""
    installed = subprocess.run([ROOT / "tools/iam-simulate.sh"], capture_output=True, text=True, check=False)
    if installed.returncode == UNAVAILABLE:
        raise Unavailable(installed.stderr.strip())
    assert installed.returncode == 0, installed.stderr
    batch = _Batch()
    request = {
        "account": REGISTRY_ID,
        "resource": REPOSITORY,
        "points": [
            [batch.policy(one.policy), batch.requester(one.principal, one.context), one.action] for one in asked
        ],
        "searches": [
            [batch.policy(one.policy), [batch.caller(caller) for caller in one.callers], one.actions, one.every]
            for one in claimed
        ],
        "policies": [json.loads(text) for text in batch.policies],
        "requesters": batch.contexts,
    }
    script = ROOT / "build/iam-simulate/points.mjs"
    run = subprocess.run(["node", script], input=json.dumps(request), capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    everybody = list(batch.requesters)
    found = tuple(None if one is None else (everybody[one[0]], one[1]) for one in result["found"])
    return Answers(tuple(result["answers"]), found, frozenset(result["actions"]))


# --- where the engine differs from what AWS documents ---


def _spared(statement: Mapping[str, Any], principal: str) -> bool:
    """Whether a Deny with NotPrincipal names a requester, its role or its account, be it only one of them."""
    if statement["Effect"] != "Deny" or "NotPrincipal" not in statement:
        return False
    account, name = (principal.split(":")[4], principal.split("/")[1]) if "/" in principal else ("", principal)
    names = [one for kind in statement["NotPrincipal"].values() for one in (kind if isinstance(kind, list) else [kind])]
    own = {principal, account, f"arn:aws:iam::{account}:root"}
    role = re.compile(rf"arn:aws:iam::{account}:role/(.+/)?{re.escape(name)}")
    return any(one in own or role.fullmatch(one) for one in names)


def _replaced(policy: Any, old: str, new: str) -> Any:
    return json.loads(json.dumps(policy).replace(old, new))


def _without_split_variables(policy: Any, _principal: str) -> Any:
    """The policy with a pattern of no ARN for each that the engine splits within the name of a variable."""

    def read(value: Any) -> Any:
        return "arn:aws:iam::nobody:nothing" if _SPLIT_VARIABLE.match(str(value)) else value

    def statement(one: Mapping[str, Any]) -> dict[str, Any]:
        condition = {
            operator: {
                key: [read(value) for value in values] if isinstance(values, list) else read(values)
                for key, values in keys.items()
            }
            if "arn" in operator.lower()
            else keys
            for operator, keys in one.get("Condition", {}).items()
        }
        return {**one, "Condition": condition} if condition else dict(one)

    return {**policy, "Statement": [statement(one) for one in policy["Statement"]]}


# A variable in one of the first five parts of an ARN.
_SPLIT_VARIABLE = re.compile(r"(?:[^:$]*:){1,4}[^:$]*\$\{[^}]*:")

# The policy that says what the engine takes a policy to say.
DIFFERENCES: dict[str, Callable[[Any, str], Any]] = {
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies-cross-account-resource-access.html
    "nobody is let in from another partition; the engine compares account ids alone": lambda policy, _principal: (
        _replaced(policy, "arn:aws-cn:", "arn:aws:")
    ),
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html, "IP address
    # condition operators", which are CIDR blocks of RFC 4632
    "0.0.0.0/0 holds every address; for the engine it holds none": lambda policy, _principal: _replaced(
        policy, "0.0.0.0/0", "255.255.255.255/32"
    ),
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
    "NotPrincipal spares those whose account, role and session are all named; for the engine one of them will do": (
        lambda policy, principal: {
            **policy,
            "Statement": [one for one in policy["Statement"] if not _spared(one, principal)],
        }
    ),
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html, "Using policy variables in the
    # Condition element"
    "ARN operators know policy variables; the engine splits arn:aws:iam::${aws:PrincipalAccount}:role/* within them": (
        _without_split_variables
    ),
}


def is_undefined(policy: Any) -> bool:
    """Whether a policy has what AWS's pages leave open, so that the tests' own evaluator and the engine may differ.

    That is a key of several values without ForAnyValue or ForAllValues, an absent key under ForAnyValue with IfExists,
    and an ARN operator with a value that is no ARN.
    """
    for statement in policy["Statement"]:
        for operator, key, values in conditions_of(statement):
            spelt = operator.lower()
            several = key.lower().endswith("orgpaths") and ":" not in spelt
            absent = spelt.startswith("foranyvalue:") and spelt.endswith("ifexists")
            if several or absent or ("arn" in spelt and any(value.count(":") < 5 for value in values)):
                return True
    return False


def engines_reading(policy: Any, principal: str) -> tuple[Any, tuple[str, ...]]:
    """The policy as the engine reads it, and the differences that it has."""
    applied = []
    for sentence, reading in DIFFERENCES.items():
        read = reading(policy, principal)
        if read != policy:
            applied.append(sentence)
        policy = read
    return policy, tuple(applied)


def allowed(answer: str) -> bool:
    """Whether the engine says that the policy allows it; fails for what is no answer."""
    yes = answer in ("Allowed", "AllowedForAccount")
    assert yes or answer.endswith(("Denied", "DeniedForAccount")), answer
    return yes


@cache
def evaluator_of_all() -> PolicyEvaluator:
    """One evaluator for all points and claims: most policies are asked about several times.

    Code from before there were a region and a time in it has neither.
    """
    known = {"region": REGION, "now": float(NOW)}
    parameters = signature(PolicyEvaluator).parameters
    return PolicyEvaluator("aws", REGISTRY_ID, **{name: value for name, value in known.items() if name in parameters})


def parsed(policy: Any, evaluator: PolicyEvaluator) -> ParsedPolicy:
    """What the collection reads a policy as, in which the statements with a Resource are those of the registry's.

    Code from before there was a policy of the registry reads one of them all.
    """
    of_registry = [one for one in policy["Statement"] if "Resource" in one or "NotResource" in one]
    if RegistryPolicy is None or not of_registry:
        return evaluator.parse(policy, REPOSITORY)
    others = [one for one in policy["Statement"] if one not in of_registry]
    registry_policy = RegistryPolicy({**policy, "Statement": of_registry})
    return evaluator.parse({**policy, "Statement": others}, REPOSITORY, registry_policy)


@dataclass(frozen=True)
class Disagreement:
    """Where the engine contradicts the collection, and the differences that explain it, if they do."""

    what: str
    kinds: frozenset[str]
    policy: Any
    principal: str
    action: str
    context: Mapping[str, Any]
    engine: str
    explained_by: tuple[str, ...]

    def __str__(self) -> str:
        looked_at = {key.lower() for one in self.policy["Statement"] for _operator, key, _values in conditions_of(one)}
        known = {key: value for key, value in self.context.items() if key.lower() in looked_at}
        statements, keys = json.dumps(self.policy["Statement"]), json.dumps(known)
        return f"{self.what}; the engine: {self.engine}\n  {statements}\n  {self.principal} {self.action} {keys}"

    @property
    def overstated(self) -> bool:
        """Whether the collection says that a policy is open where only Deny statements with conditions close it.

        It says so on purpose: only what is denied for certain is not open. What people choose for themselves is never
        certain, nor is that two keys exclude each other.
        """
        denied = any(one["Effect"] == "Deny" and "Condition" in one for one in self.policy["Statement"])
        return denied and self.what in (PUBLIC, UNSCOPED)


def disagreements(
    verdicts: Sequence[Applies], asked: Sequence[Point], claimed: Sequence[Claim], answers: Answers
) -> Iterator[Disagreement]:
    """Yield every point and every claim that the engine contradicts."""
    for said, point, answer in zip(verdicts, asked, answers.points, strict=True):
        if said is not Applies.CONDITIONALLY and (said is Applies.YES) is not allowed(answer):
            explained = _explained(point.policy, point.principal, point.context, (point.action,), allowed(answer))
            what = f"point: {said.name}"
            yield Disagreement(
                what, point.kinds, point.policy, point.principal, point.action, point.context, answer, explained
            )
    for claim, found in zip(claimed, answers.claims, strict=True):
        if claim.expected is (found is not None):
            continue
        tried = [(found[0], (found[1],))] if found else [(caller, claim.actions) for caller in claim.callers]
        every = [
            _explained(claim.policy, caller.principal, caller.context(WORLD), actions, found is not None)
            for caller, actions in tried
        ]
        # Nobody is let in: it is enough that the engine misreads the policy for one of those who should be.
        explained = next((one for one in every if one), ())
        caller, actions = tried[0]
        yield Disagreement(
            claim.name,
            claim.kinds,
            claim.policy,
            caller.principal,
            actions[0],
            caller.context(WORLD),
            "allowed" if found else "denied",
            explained,
        )


def _explained(
    policy: Any, principal: str, context: Mapping[str, Any], actions: Sequence[str], engine_allows: bool
) -> tuple[str, ...]:
    """The differences by which the engine allows an action or does not, against what AWS's pages say."""
    read, applied = engines_reading(policy, principal)
    for action in actions if applied else ():
        request = Request(principal, action, context)
        try:
            documented, misread = (is_allowed(one, request, REPOSITORY) for one in (policy, read))
        except UnsupportedCondition:
            continue
        if misread is engine_allows and documented is not engine_allows:
            return applied
    return ()
