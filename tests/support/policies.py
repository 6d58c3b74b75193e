# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hypothesis strategies for ECR repository policies and grants, and everybody worth asking what they get.

All of it lives in one small universe per partition, so that grants, statements and requesters meet often. The
statement templates are written down here a second time on purpose: tests compare the collection's table with this one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any

from ansible_collections.imageshare.aws.tests.support.builders import DESCRIBE, LAMBDA_PULL, PULL, PUSH, UPLOAD
from ansible_collections.imageshare.aws.tests.support.evaluator import Requester
from hypothesis import strategies as st

REGISTRY_ID = "123456789012"
# The zero in front is what a YAML integer would lose.
ACCOUNTS = (REGISTRY_ID, "111122223333", "444455556666", "777788889999", "012345678901")
STRANGER = "999900001111"
ORGANIZATIONS = ("o-a1b2c3d4e5", "o-z9y8x7w6v5")
OU_PATHS = (
    "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*",
    "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/ou-ab12-22222222/",
    "o-z9y8x7w6v5/r-cd34/ou-cd34-33333333/*",
)
# (organization, path) of a member account: in the parent unit, in its child, and in the other organization.
MEMBERSHIPS = (
    ("o-a1b2c3d4e5", "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/"),
    ("o-a1b2c3d4e5", "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/ou-ab12-22222222/"),
    ("o-z9y8x7w6v5", "o-z9y8x7w6v5/r-cd34/ou-cd34-33333333/"),
)
# The last region of each is in no slot but through a wildcard. Some are made up, since two partitions have but two.
_REGIONS = {
    "aws": ("us-east-1", "eu-west-1", "ap-southeast-2", "us-west-9"),
    "aws-cn": ("cn-north-1", "cn-northwest-1", "cn-south-1", "cn-north-9"),
    "aws-us-gov": ("us-gov-west-1", "us-gov-east-1", "us-gov-south-1", "us-gov-west-9"),
}
PARTITIONS = tuple(_REGIONS)
FUNCTIONS = ("resize", "thumbnail")

# Every set of actions that was ever published, by what it is called here. The last of an access is the newest.
ACTION_SETS = {
    "pull": PULL,
    "old push": UPLOAD,
    "push": PUSH,
    "describe": DESCRIBE,
    "pull_push": (*PULL, *UPLOAD[1:]),
    "lambda": LAMBDA_PULL,
}
# The capabilities that each of them is, as a grant names them.
ACCESS = {
    "pull": ("pull",),
    "old push": ("push",),
    "push": ("push",),
    "describe": ("describe",),
    "pull_push": ("pull", "push"),
    "lambda": (),
}
ACTIONS = (*PULL, *UPLOAD[1:], *DESCRIBE, "ecr:DeleteRepository", "ecr:SetRepositoryPolicy")

LAMBDA_SID = "LambdaECRImageRetrievalPolicy"
_SHAPES = {"identity": "Allow", "organization": "AllowOrganization", "organizational_unit": "AllowOrganizationalUnit"}
_TITLES = {"pull": "Pull", "old push": "Push", "push": "Push", "describe": "Describe", "pull_push": "PullAndPush"}
# (kind of slot, set of actions) of a managed statement, and the Sid that a new one gets.
TEMPLATES = {
    **{("identity", name): f"Allow{title}" for name, title in _TITLES.items()},
    ("lambda", "lambda"): "AllowLambdaPull",
    **{
        (kind, name): f"{sid}{title}"
        for kind, sid in _SHAPES.items()
        if kind != "identity"
        for name, title in _TITLES.items()
    },
}
_OTHER_SIDS = (
    "",
    "new policy",
    "cross-account pulling",
    "Read_Only_All",
    "Push-n-Pull",
    "AllowPull2",
    "AllowPush4",
    "AllowLambdaPull3",
)
# Identities as often as both kinds of organization, and Lambda, with its single template, half as often.
_KINDS = st.sampled_from(("identity", "identity", "lambda", "organization", "organizational_unit"))
_SIDS = st.none() | st.sampled_from(tuple(TEMPLATES.values())) | st.sampled_from(_OTHER_SIDS)
_SPELLINGS: st.SearchStrategy[Callable[[str], str]] = st.sampled_from((str, str, str.lower, str.upper))
_ORDERS = {actions: st.just(actions) | st.permutations(actions) for actions in ACTION_SETS.values()}
# Copied, as every sample that can be changed: examples must not share lists.
_EVERYBODY = st.sampled_from(("*", {"AWS": "*"}, {"AWS": ["*"]}, {"AWS": ["*", "*"]})).map(deepcopy)
_SELDOM = st.integers(0, 9).map(lambda number: number == 9)
# For each conditional kind: spellings of its operator and of its key, the usual one first.
_CONDITIONS = {
    "lambda": (
        ("StringLike", "ArnLike", "stringlike", "ARNLIKE"),
        ("aws:sourceARN", "aws:SourceArn", "aws:sourceArn", "AWS:SOURCEARN"),
    ),
    "organization": (("StringEquals", "stringEquals"), ("aws:PrincipalOrgID", "aws:principalOrgId")),
    "organizational_unit": (
        ("ForAnyValue:StringLike", "forAnyValue:stringlike"),
        ("aws:PrincipalOrgPaths", "AWS:principalorgpaths"),
    ),
}

Statement = dict[str, Any]
Policy = dict[str, Any]
Grant = dict[str, Any]


@dataclass(frozen=True)
class Universe:
    """Everything that grants can name in one partition. The roots are those of ACCOUNTS, in that order."""

    partition: str
    roots: tuple[str, ...]
    roles: tuple[str, ...]
    users: tuple[str, ...]
    sessions: tuple[str, ...]
    regions: tuple[str, ...]

    def iam(self, account: str, resource: str) -> str:
        return f"arn:{self.partition}:iam::{account}:{resource}"

    def session(self, account: str, role: str, name: str) -> str:
        return f"arn:{self.partition}:sts::{account}:assumed-role/{role}/{name}"

    def function(self, region: str, account: str, resource: str = "function:*") -> str:
        return f"arn:{self.partition}:lambda:{region}:{account}:{resource}"


@cache
def universe(partition: str = "aws") -> Universe:
    """Return the universe of one of PARTITIONS."""
    owner, first, second, third, _last = ACCOUNTS
    iam = f"arn:{partition}:iam::"
    return Universe(
        partition=partition,
        roots=tuple(f"{iam}{account}:root" for account in ACCOUNTS),
        # Two roles share a name, in two accounts; one has a path, which its sessions' ARNs do not show.
        roles=(
            f"{iam}{second}:role/ci",
            f"{iam}{second}:role/deploy",
            f"{iam}{first}:role/platform/builders/ci",
            f"{iam}{owner}:role/publisher",
        ),
        users=(f"{iam}{first}:user/alice", f"{iam}{third}:user/teams/bob"),
        sessions=(f"arn:{partition}:sts::{second}:assumed-role/ci/nightly",),
        regions=_REGIONS[partition][:3],
    )


# --- statements to the letter ---


def new_statement(kind: str, name: str, *values: str, **elements: Any) -> Statement:
    """What is written for values in a slot, members in their order, but for these elements.

    kind, name: a key of TEMPLATES.
    """
    held = values[0] if len(values) == 1 else list(values)
    sid, actions = TEMPLATES[kind, name], list(ACTION_SETS[name])
    if kind == "lambda":
        statement = {
            "Sid": sid,
            "Effect": "Allow",
            "Action": actions,
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Condition": {"StringLike": {"aws:sourceARN": held}},
        }
    else:
        principal = {"AWS": held} if kind == "identity" else "*"
        statement = {"Sid": sid, "Effect": "Allow", "Principal": principal, "Action": actions}
    if kind == "organization":
        statement["Condition"] = {"StringEquals": {"aws:PrincipalOrgID": held}}
    if kind == "organizational_unit":
        statement["Condition"] = {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": held}}
    return {**statement, **elements}


# --- slots ---


def ordinary_values(kind: str, partition: str = "aws") -> list[str]:
    """What names a principal in the slots of one kind: as a grant writes it, an account also by its bare id.

    One Lambda entry has a region pattern that no option can ask for; it is its account's all the same.
    """
    world = universe(partition)
    if kind == "identity":
        return [*world.roots, *ACCOUNTS, *world.roles, *world.users, *world.sessions]
    if kind == "lambda":
        pattern = world.function(f"{world.regions[0][:3]}*", ACCOUNTS[1])
        return [world.function(region, account) for account in ACCOUNTS for region in (*world.regions, "*")] + [pattern]
    return list(ORGANIZATIONS if kind == "organization" else OU_PATHS)


def strange_values(kind: str, partition: str = "aws") -> list[str]:
    """What AWS accepts in the slots of one kind, but no grant could have written and no principal owns."""
    world = universe(partition)
    region, account = world.regions[0], ACCOUNTS[1]
    if kind == "identity":
        elsewhere = universe("aws-cn" if partition == "aws" else "aws")
        return ["AROAEXAMPLEROLE123456", "AIDAEXAMPLEUSER123456", elsewhere.roots[1]]
    if kind == "lambda":
        return [
            "*",
            world.function("*", "*"),
            world.function(region, "*"),
            world.function(region, account, f"function:{FUNCTIONS[0]}"),
            world.function(region, account, f"function:{FUNCTIONS[0]}*"),
            world.function(region, account, "function:*:live"),
            world.function("*", REGISTRY_ID, f"function:{FUNCTIONS[1]}"),
        ]
    if kind == "organization":
        return ["o-*"]
    return ["*", "o-*/*", f"{ORGANIZATIONS[0]}/*/*/*", f"{ORGANIZATIONS[0]}/r-ab12/ou-*/"]


@cache
def slot_values(kind: str, partition: str = "aws") -> st.SearchStrategy[list[str]]:
    """One to four values of a slot, seldom with a duplicate; about one list in four has a strange value."""
    ordinary = st.sampled_from(ordinary_values(kind, partition))
    either = st.one_of(ordinary, ordinary, st.sampled_from(strange_values(kind, partition)))
    alone = st.lists(ordinary, min_size=1, max_size=4, unique=True)
    return st.one_of(alone, alone, st.lists(either, min_size=1, max_size=4))


# --- statements ---
#
# Functions that take ``draw`` rather than strategies that nest: a strategy made anew for each draw costs more than
# what it draws.


def _one_or_many(draw: st.DrawFn, values: list[str]) -> str | list[str]:
    """A single value as a scalar or as a list: AWS reads both alike."""
    return values[0] if len(values) == 1 and draw(st.booleans()) else values


def _spelled_actions(draw: st.DrawFn, actions: tuple[str, ...]) -> list[str]:
    """The actions in some order and case, seldom one of them twice."""
    ordered = list(draw(_ORDERS[actions]))
    spelled = [ordered[0], *map(draw(_SPELLINGS), ordered[1:])]
    return [*spelled, ordered[0]] if draw(_SELDOM) else spelled


def _with_sid(draw: st.DrawFn, statement: Statement, usual: str) -> Statement:
    """The usual Sid, one of another template, somebody else's, or none; all from few enough to collide."""
    sid = usual if draw(st.booleans()) else draw(_SIDS)
    return statement if sid is None else {"Sid": sid, **statement}


def _managed(
    draw: st.DrawFn, partition: str, kind: str | None = None, values: Sequence[str] | None = None
) -> Statement:
    shape = kind or draw(_KINDS)
    access = draw(st.sampled_from([key[1] for key in TEMPLATES if key[0] == shape]))
    slot = _one_or_many(draw, list(values or draw(slot_values(shape, partition))))
    statement: Statement = {"Effect": "Allow", "Action": _spelled_actions(draw, ACTION_SETS[access])}
    if shape == "identity":
        statement["Principal"] = {"AWS": slot}
    elif shape == "lambda":
        services = ["lambda.amazonaws.com"] * (2 if draw(_SELDOM) else 1)
        statement["Principal"] = {"Service": _one_or_many(draw, services)}
    else:
        statement["Principal"] = draw(_EVERYBODY)
    if shape in _CONDITIONS:
        operators, keys = _CONDITIONS[shape]
        statement["Condition"] = {draw(st.sampled_from(operators)): {draw(st.sampled_from(keys)): slot}}
    if draw(_SELDOM):
        statement["Resource"] = _one_or_many(draw, ["*"])
    return _with_sid(draw, statement, TEMPLATES[shape, access])


@st.composite
def managed_statements(
    draw: st.DrawFn, partition: str = "aws", kind: str | None = None, values: Sequence[str] | None = None
) -> Statement:
    """A statement with exactly the shape of a template, whatever its Sid.

    On request of one kind, the first of a key of TEMPLATES; and with these values in its slot.
    """
    return _managed(draw, partition, kind, values)


def _replaced(statement: Statement, **elements: Any) -> Statement:
    """The statement with elements replaced, added or, where None, dropped."""
    return {name: value for name, value in {**statement, **elements}.items() if value is not None}


_KNOWN_SETS = [{action.lower() for action in actions} for actions in ACTION_SETS.values()]


def _one_action_more(draw: st.DrawFn, partition: str) -> Statement:
    statement = _managed(draw, partition)
    extra = draw(
        st.sampled_from(("ecr:GetLifecyclePolicy", "ecr:StartImageScan", "ecr:GetAuthorizationToken", "ecr:*"))
    )
    return _replaced(statement, Action=[*statement["Action"], extra])


def _one_action_less(draw: st.DrawFn, partition: str) -> Statement:
    statement = _managed(draw, partition)
    named = {action.lower() for action in statement["Action"]}
    # What is left may be another set of actions of the table.
    losses = sorted(lost for lost in named if named - {lost} not in _KNOWN_SETS)
    lost = draw(st.sampled_from(losses))
    kept = [action for action in statement["Action"] if action.lower() != lost]
    return _replaced(statement, Action=_one_or_many(draw, kept))


def _deny(draw: st.DrawFn, partition: str) -> Statement:
    statement = _managed(draw, partition)
    return _replaced(statement, Effect="Deny", Sid=draw(st.sampled_from(sorted(TEMPLATES.values()))))


def _mixed_principals(draw: st.DrawFn, partition: str) -> Statement:
    statement = _managed(draw, partition)
    principal = {"AWS": "*"} if statement["Principal"] == "*" else statement["Principal"]
    other = {"AWS": universe(partition).roots[1]} if "Service" in principal else {"Service": "codebuild.amazonaws.com"}
    return _replaced(statement, Principal={**principal, **other})


def _second_condition(draw: st.DrawFn, partition: str) -> Statement:
    statement = _managed(draw, partition)
    operator, key, value = draw(
        st.sampled_from(
            (
                ("StringEquals", "aws:SourceAccount", ACCOUNTS[1]),
                ("StringLike", "aws:PrincipalTag/team", "plat*"),
                ("Bool", "aws:SecureTransport", "true"),
                ("IpAddress", "aws:SourceIp", ["203.0.113.0/24"]),
            )
        )
    )
    condition = statement.get("Condition", {})
    return _replaced(statement, Condition={**condition, operator: {**condition.get(operator, {}), key: value}})


def _source_arn_twice(draw: st.DrawFn, partition: str) -> Statement:
    both = {key: draw(slot_values("lambda", partition)) for key in ("aws:sourceArn", "aws:SourceARN")}
    return _replaced(_managed(draw, partition, "lambda"), Condition={"StringLike": both})


def _other_operator(kind: str, *operators: str) -> Callable[[st.DrawFn, str], Statement]:
    def build(draw: st.DrawFn, partition: str) -> Statement:
        statement = _managed(draw, partition, kind)
        (keys,) = statement["Condition"].values()
        return _replaced(statement, Condition={draw(st.sampled_from(operators)): keys})

    return build


def _star_among_principals(draw: st.DrawFn, partition: str) -> Statement:
    principals = draw(slot_values("identity", partition))
    place = draw(st.integers(0, len(principals)))
    starred = _one_or_many(draw, ["*"]) if draw(st.booleans()) else [*principals[:place], "*", *principals[place:]]
    return _replaced(_managed(draw, partition, "identity"), Principal={"AWS": starred})


def _empty_list(draw: st.DrawFn, partition: str) -> Statement:
    statement = _managed(draw, partition)
    empty: list[str] = []
    emptied: list[Statement] = [{"Action": empty}]
    principal = statement["Principal"]
    emptied.append({"Principal": dict.fromkeys(principal if isinstance(principal, dict) else ("AWS",), empty)})
    for operator, keys in statement.get("Condition", {}).items():
        emptied.append({"Condition": {operator: dict.fromkeys(keys, empty)}})
    return _replaced(statement, **draw(st.sampled_from(emptied)))


def _not_action(draw: st.DrawFn, partition: str) -> Statement:
    statement = _managed(draw, partition)
    return _replaced(statement, Action=None, NotAction=statement["Action"])


def _not_principal(draw: st.DrawFn, partition: str) -> Statement:
    statement = _managed(draw, partition, "identity")
    effect = draw(st.sampled_from(("Allow", "Deny")))
    return _replaced(statement, Effect=effect, Principal=None, NotPrincipal=statement["Principal"])


def _resource(draw: st.DrawFn, partition: str) -> Statement:
    resources = draw(st.sampled_from((["arn:*"], ["*", f"arn:{partition}:ecr:*:*:repository/*"], [])))
    return _replaced(_managed(draw, partition), Resource=_one_or_many(draw, list(resources)))


def _lambdas_own_sid(draw: st.DrawFn, partition: str) -> Statement:
    return _replaced(_managed(draw, partition, "lambda"), Sid=LAMBDA_SID)


def _other_service(draw: st.DrawFn, partition: str) -> Statement:
    services = draw(
        st.sampled_from(("emr-serverless.amazonaws.com", ["lambda.amazonaws.com", "codebuild.amazonaws.com"]))
    )
    return _replaced(_managed(draw, partition, "lambda"), Principal={"Service": services})


def _no_condition(draw: st.DrawFn, partition: str) -> Statement:
    kind = draw(st.sampled_from(sorted(_CONDITIONS)))
    return _replaced(_managed(draw, partition, kind), Condition=None)


def _misspelt_effect(draw: st.DrawFn, partition: str) -> Statement:
    return _replaced(_managed(draw, partition), Effect=None, Effetc="Allow")


_NEAR_MISSES: dict[str, Callable[[st.DrawFn, str], Statement]] = {
    "one action more": _one_action_more,
    "one action less": _one_action_less,
    "Deny under our Sid": _deny,
    "mixed principal map": _mixed_principals,
    "second condition": _second_condition,
    "source ARN key in two cases": _source_arn_twice,
    "StringEquals on source ARN": _other_operator("lambda", "StringEquals"),
    "ForAnyValue on source ARN": _other_operator("lambda", "ForAnyValue:StringLike"),
    "other operator on organization": _other_operator("organization", "StringLike", "StringEqualsIfExists"),
    "other operator on paths": _other_operator("organizational_unit", "StringLike", "ForAllValues:StringLike"),
    "star among principals": _star_among_principals,
    "empty list": _empty_list,
    "NotAction": _not_action,
    "NotPrincipal": _not_principal,
    "Resource": _resource,
    "Lambda's own Sid": _lambdas_own_sid,
    "other service": _other_service,
    "no condition": _no_condition,
    "misspelt Effect": _misspelt_effect,
}
NEAR_MISSES = tuple(_NEAR_MISSES)


@st.composite
def near_misses(draw: st.DrawFn, partition: str = "aws", kind: str | None = None) -> Statement:
    """A foreign statement that one detail keeps from being managed; ``kind`` is one of NEAR_MISSES."""
    return _NEAR_MISSES[kind or draw(st.sampled_from(NEAR_MISSES))](draw, partition)


# No combination of these is the action set of a template, so a statement built from them is never managed.
_FOREIGN_ACTIONS = st.sampled_from(
    (
        "ecr:*",
        "*",
        ["ecr:Get*", "ecr:BatchGet?mage", "ecr:Describe*"],
        "ecr:BatchGetImage",
        ["ecr:DeleteRepository", "ecr:BatchDeleteImage"],
        [*LAMBDA_PULL, "ecr:SetRepositoryPolicy", "ecr:DeleteRepositoryPolicy", "ecr:GetRepositoryPolicy"],
        [*PULL, "ecr:DescribeImages", "ecr:DescribeRepositories", "ecr:ListImages"],
    )
).map(deepcopy)
_FOREIGN_CONDITIONS = st.none() | st.sampled_from(
    (
        {"StringEquals": {"aws:PrincipalTag/team": ["platform", "data"]}},
        {"StringEquals": {"ecr:ResourceTag/Environment": "prod"}},
        {"StringEqualsIfExists": {"aws:PrincipalOrgID": ORGANIZATIONS[0]}},
        {"StringNotEquals": {"aws:PrincipalOrgID": list(ORGANIZATIONS)}, "Bool": {"aws:PrincipalIsAWSService": False}},
        {"StringNotEqualsIfExists": {"aws:SourceAccount": list(ACCOUNTS)}},
        {"NotIpAddress": {"aws:SourceIp": ["203.0.113.0/24", "2001:db8::/32"]}},
        {"IpAddress": {"aws:SourceIp": "198.51.100.0/24"}},
        {"Bool": {"aws:SecureTransport": "false"}},
        {"Null": {"aws:PrincipalOrgID": "true"}},
        {"ArnNotLike": {"aws:PrincipalArn": ["arn:*:iam::*:role/platform/*", "arn:*:iam::*:user/*"]}},
        {"ForAllValues:StringNotLike": {"aws:PrincipalOrgPaths": [f"{ORGANIZATIONS[0]}/*"]}},
        {
            "StringEquals": {"aws:SourceAccount": ACCOUNTS[1]},
            "ArnLike": {"aws:SourceArn": "arn:*:codebuild:*:*:project/*"},
        },
    )
).map(deepcopy)
_SERVICES = ("lambda.amazonaws.com", "codebuild.amazonaws.com", "emr-serverless.amazonaws.com")


@st.composite
def unmanaged_statements(draw: st.DrawFn, partition: str = "aws") -> Statement:
    """A statement of somebody else, Allow or Deny, that resembles no template."""
    kind = draw(st.sampled_from(("everybody", "AWS", "Service")))
    if kind == "everybody":
        principal = draw(_EVERYBODY)
    elif kind == "AWS":
        principal = {"AWS": _one_or_many(draw, draw(slot_values("identity", partition)))}
    else:
        principal = {"Service": draw(st.sampled_from(_SERVICES))}
    statement = {
        "Effect": draw(st.sampled_from(("Allow", "Deny"))),
        "Principal": principal,
        "Action": draw(_FOREIGN_ACTIONS),
        "Condition": draw(_FOREIGN_CONDITIONS),
    }
    usual = LAMBDA_SID if principal == {"Service": "lambda.amazonaws.com"} else "new policy"
    return _with_sid(draw, _replaced(statement), usual)


_SOURCE_OPERATORS = {
    "aws:SourceAccount": (
        "StringEquals",
        "StringEquals",
        "StringLike",
        "StringEqualsIfExists",
        "ForAllValues:StringEquals",
        "StringNotEquals",
    ),
    "aws:SourceArn": ("StringLike", "ArnLike", "ArnLike", "ArnEquals", "ArnLikeIfExists", "StringEquals", "ArnNotLike"),
}


def source_values(key: str, account: str, partition: str = "aws") -> list[str]:
    """What people let services act for: an account, functions and builds of it, and patterns that others match."""
    if key == "aws:SourceAccount":
        return [account]
    world = universe(partition)
    one, every = (world.function(world.regions[0], account, f"function:{name}") for name in (FUNCTIONS[0], "*"))
    exact = [one, every, world.function("*", account), f"arn:{partition}:codebuild:{world.regions[0]}:{account}:*"]
    return [*exact, f"arn:{partition}:*:*:{account}:*", f"*:{account}:function:*", world.function("*", "*")]


@st.composite
def service_statements(draw: st.DrawFn, partition: str = "aws") -> Statement:
    """A statement for services on behalf of an account or two, some of them for identities as well."""
    accounts = draw(st.lists(st.sampled_from(ACCOUNTS[1:4]), min_size=1, max_size=2))
    services = draw(st.sampled_from((*_SERVICES[:2], _SERVICES[1:])))
    principal: dict[str, Any] = {"Service": services if isinstance(services, str) else list(services)}
    identities = draw(st.none() | st.just(accounts) | slot_values("identity", partition))
    if identities is not None:
        principal["AWS"] = _one_or_many(draw, list(identities))
    condition: dict[str, Any] = {}
    for key in draw(st.sampled_from((("aws:SourceAccount",), ("aws:SourceArn",), tuple(_SOURCE_OPERATORS)))):
        values = [draw(st.sampled_from(source_values(key, account, partition))) for account in accounts]
        spelt = draw(st.sampled_from((key, key.lower())))
        operator = draw(st.sampled_from(_SOURCE_OPERATORS[key]))
        condition[operator] = {**condition.get(operator, {}), spelt: _one_or_many(draw, values)}
    if draw(_SELDOM):
        condition["Bool"] = {"aws:SecureTransport": "true"}
    statement = {
        "Effect": "Deny" if draw(_SELDOM) else "Allow",
        "Principal": principal,
        "Action": draw(_FOREIGN_ACTIONS | st.just(LAMBDA_PULL).map(list)),
        "Condition": condition,
    }
    return _with_sid(draw, statement, LAMBDA_SID)


def statements(partition: str = "aws") -> st.SearchStrategy[Statement]:
    """Any statement: two in five are managed, two nearly so."""
    managed, near = managed_statements(partition), near_misses(partition)
    return st.one_of(managed, managed, near, near, unmanaged_statements(partition))


@st.composite
def policies(draw: st.DrawFn, partition: str = "aws") -> Policy:
    """A policy of up to six statements, as people and tools write them."""
    listed = draw(st.lists(statements(partition), max_size=6))
    alone = len(listed) == 1 and draw(st.booleans())
    version = draw(st.sampled_from((None, "2008-10-17", "2012-10-17")))
    identifier = draw(st.sampled_from((None, None, "shared", "")))
    return _replaced({"Version": version, "Id": identifier, "Statement": listed[0] if alone else listed})


def policies_by_hand(partition: str = "aws") -> st.SearchStrategy[Policy]:
    """A policy of which a person wrote most, and a half about services."""
    unmanaged, services = unmanaged_statements(partition), service_statements(partition)
    kinds = st.one_of(statements(partition), unmanaged, services, services)
    listed = st.lists(kinds, min_size=1, max_size=5)
    return listed.map(lambda found: {"Version": "2012-10-17", "Statement": found})


# --- grants ---


_ACCESSES = (("pull",), ("push",), ("describe",), ("pull", "push"), ("push", "describe"), ("describe", "push", "pull"))


@cache
def _regions(access: tuple[str, ...], partition: str) -> st.SearchStrategy[list[str] | None]:
    """The regions that go with an account's access; None where the option is left out."""
    some = st.lists(st.sampled_from((*universe(partition).regions, "*")), min_size=1, unique=True)
    no_region = st.none() | st.builds(list[str])
    if not access:
        return some
    return no_region | some if "pull" in access else no_region


@st.composite
def grants(draw: st.DrawFn, partition: str = "aws") -> Grant:
    """A valid grant for one principal, in the shape of the module's option; accounts as id or as root ARN."""
    world = universe(partition)
    others = (*world.roles, *world.users, *world.sessions, *ORGANIZATIONS, *OU_PATHS)
    if draw(st.booleans()):
        return {"principals": [draw(st.sampled_from(others))], "access": list(draw(st.sampled_from(_ACCESSES)))}
    principal = draw(st.sampled_from((*ACCOUNTS, *world.roots)))
    access = draw(st.sampled_from((*_ACCESSES, ())))
    return _replaced(
        {"principals": [principal], "access": list(access), "lambda_regions": draw(_regions(access, partition))}
    )


def principal_of(grant: Grant) -> str:
    """The principal, with an account's root ARN as its id: grants that agree in it are one principal's."""
    principal: str = grant["principals"][0]
    return principal.split(":")[4] if principal.endswith(":root") else principal


def grant_lists(partition: str = "aws", max_size: int = 4) -> st.SearchStrategy[list[Grant]]:
    """At least one grant. A principal may come twice."""
    return st.lists(grants(partition), min_size=1, max_size=max_size)


# --- requesters ---


def _identity(principal: str, principal_arn: str, extra: dict[str, str | Sequence[str]] | None = None) -> Requester:
    context = {
        "aws:PrincipalArn": principal_arn,
        "aws:PrincipalAccount": principal_arn.split(":")[4],
        "aws:PrincipalIsAWSService": "false",
        "aws:SecureTransport": "true",
        "aws:SourceIp": "203.0.113.10",
    }
    return Requester(principal, {**context, **(extra or {})})


def _service(principal: str, source_arn: str) -> Requester:
    context = {
        "aws:SourceArn": source_arn,
        "aws:SourceAccount": source_arn.split(":")[4],
        "aws:PrincipalIsAWSService": "true",
        "aws:SecureTransport": "true",
    }
    return Requester(principal, context)


def requesters(partition: str = "aws") -> list[Requester]:
    """Everybody whose access a test should compare before and after.

    An unnamed role of each account, in no organization and in each of MEMBERSHIPS; a session of each named role, the
    named users and sessions; Lambda for functions of every account and region, some outside all slots; CodeBuild for
    a project; and a stranger's role.
    """
    world = universe(partition)

    def role_session(role: str, name: str = "work") -> str:
        return world.session(role.split(":")[4], role.rpartition("/")[2], name)

    members: list[dict[str, str | Sequence[str]]] = [{}]
    members += [{"aws:PrincipalOrgID": name, "aws:PrincipalOrgPaths": [path]} for name, path in MEMBERSHIPS]
    unnamed = [world.iam(account, "role/unnamed") for account in ACCOUNTS]
    stranger = world.iam(STRANGER, "role/unnamed")
    return [
        *(_identity(role_session(role), role, member) for role in unnamed for member in members),
        *(_identity(role_session(role), role) for role in (*world.roles, stranger)),
        *(_identity(user, user, {"aws:PrincipalTag/team": "platform"}) for user in world.users),
        *(_identity(session, world.roles[0]) for session in world.sessions),
        *(
            _service("lambda.amazonaws.com", world.function(region, account, f"function:{name}"))
            for account in (*ACCOUNTS, STRANGER)
            for region in _REGIONS[partition]
            for name in FUNCTIONS
        ),
        _service(
            "codebuild.amazonaws.com", f"arn:{partition}:codebuild:{world.regions[0]}:{ACCOUNTS[1]}:project/images"
        ),
    ]


def odd_requesters(partition: str = "aws") -> list[Requester]:
    """Services that do not say for whom they act, or that act for a stranger's resource with another account's name."""
    owner = {"aws:SourceAccount": STRANGER}
    named = [f"arn:{partition}:logs:x:{STRANGER}:log-group:{account}:function:x" for account in ACCOUNTS]
    return [
        Requester(service, context)
        for service in _SERVICES[:2]
        for context in ({}, *({**owner, "aws:SourceArn": arn} for arn in named))
    ]
