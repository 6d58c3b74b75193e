# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The test equipment itself: the evaluator against what AWS documents, the strategies against what they promise."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from ansible_collections.imageshare.aws.tests.support import builders, policies
from ansible_collections.imageshare.aws.tests.support.builders import ACCOUNT, ROOT, USER
from ansible_collections.imageshare.aws.tests.support.evaluator import (
    Request,
    Requester,
    UnsupportedCondition,
    effective_actions,
    is_allowed,
)
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

ROLE = f"arn:aws:iam::{ACCOUNT}:role/team/ci"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/ci/build-7"
OTHER = "arn:aws:iam::444455556666:user/bob"
LAMBDA = "lambda.amazonaws.com"
FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:resize"
ACTION = "ecr:BatchGetImage"
# The example of the page on condition operators.
CROSSED = "arn:aws:someservice:*:111122223333:finance/*"
CROSSING = "arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt"
ORG_PATHS = ["o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/", "o-a1b2c3d4e5/r-ab12/ou-ab12-22222222/"]


statement, when = partial(builders.statement, Action=ACTION), partial(builders.when, Action=ACTION)


def to(principals: Any) -> dict[str, Any]:
    return statement(Principal={"AWS": principals})


def deny(**elements: Any) -> list[dict[str, Any]]:
    """A Deny beside an Allow for everybody."""
    return [statement(), statement(Effect="Deny", **elements)]


def deny_but(*names: str) -> list[dict[str, Any]]:
    return deny(Principal=None, NotPrincipal={"AWS": list(names)})


ALLOWED, DENIED = True, False
IN_UNITS = {"k": ORG_PATHS}
MOMENT = {"k": "2026-11-26T00:00:00Z"}

# Of each case: the sentence, the Statement, the principal and the context unless USER asks without any, and whether
# ACTION is allowed.
CASES: list[tuple[Any, ...]] = [
    # Effect
    ("an Allow for everybody allows", statement(), ALLOWED),
    ("no statement at all denies", [], DENIED),
    ("an explicit Deny wins over an Allow after it", [*reversed(deny())], DENIED),
    ("a Deny of somebody else leaves the Allow", deny(Principal={"AWS": OTHER}), ALLOWED),
    ("a Deny whose condition fails leaves the Allow", [statement(), when("Bool", "k", "true")], ALLOWED),
    # Shape
    ("a misspelt Effect voids the statement", statement(Effect=None, Effetc="Allow"), DENIED),
    ("an effect in lower case voids the statement", statement(Effect="allow"), DENIED),
    ("a statement without Principal is void", statement(Principal=None), DENIED),
    ("a statement without Action is void", statement(Action=None), DENIED),
    ("a void Deny denies nothing", deny(Principal=None), ALLOWED),
    ("Action and NotAction together are void", deny(Action="s3:*", NotAction="s3:*"), ALLOWED),
    ("an unknown element voids the statement", statement(Conditions={}), DENIED),
    ("a bare ARN as Principal is void", statement(Principal=USER), DENIED),
    ("an unknown kind of principal voids the statement", statement(Principal={"AWS": USER, "User": "alice"}), DENIED),
    ("an empty list of actions voids the statement", deny(Action=[]), ALLOWED),
    ("an empty NotAction voids the statement", statement(Action=None, NotAction=[]), DENIED),
    ("an empty list of principals voids the statement", deny(Principal={"AWS": []}), ALLOWED),
    ("an empty principal map voids the statement", statement(Principal={}), DENIED),
    ("an element that is a number voids the statement", to([ACCOUNT, 1]), DENIED),
    ("a condition that is no map voids the statement", statement(Condition=["Bool"]), DENIED),
    ("an operator without keys voids the statement", statement(Condition={"Bool": "true"}), DENIED),
    ("a void statement leaves the others", [statement(Effect="x"), "text", None, statement()], ALLOWED),
    # Principal
    ("a star in the map is everybody", to("*"), ALLOWED),
    ("a star in a list is everybody", to([OTHER, "*"]), ALLOWED),
    ("a star is services, too", to(["*"]), LAMBDA, {}, ALLOWED),
    ("an account id stands for its users", to(ACCOUNT), ALLOWED),
    ("a root ARN stands for the account's users", to(ROOT), ALLOWED),
    ("a root ARN stands for the account's sessions", to([OTHER, ROOT]), SESSION, {}, ALLOWED),
    ("a root ARN stands for the account's root user", to(ROOT), ROOT, {}, ALLOWED),
    ("a root ARN is no other account's", to(ROOT), OTHER, {}, DENIED),
    ("a root ARN of another partition is another account", to(ROOT.replace("aws", "aws-cn")), DENIED),
    ("a user is matched by its exact ARN", to(USER), ALLOWED),
    ("a user's ARN has a case", to(USER.replace("alice", "Alice")), DENIED),
    ("a user does not stand for its account", to(USER), ROOT, {}, DENIED),
    ("a role is matched by its exact ARN", to(ROLE), ROLE, {}, ALLOWED),
    ("a role with a path stands for its sessions", to(ROLE), SESSION, {}, ALLOWED),
    ("a role is not another whose name it ends", to(f"{ROLE}-2"), SESSION, {}, DENIED),
    ("a session is matched by its exact ARN", to(SESSION), SESSION, {}, ALLOWED),
    ("a session stands for no other", to(f"{SESSION}8"), SESSION, {}, DENIED),
    ("a session does not stand for its role", to(SESSION), ROLE, {}, DENIED),
    ("no wildcard within an ARN", to(["arn:aws:iam::*:root", f"arn:aws:iam::{ACCOUNT}:user/*"]), DENIED),
    ("a unique id is nobody", to("AIDAEXAMPLEUSER123456"), DENIED),
    ("a service is matched by its name", statement(Principal={"Service": [LAMBDA]}), LAMBDA, {}, ALLOWED),
    ("a service is no other", statement(Principal={"Service": "ecs.amazonaws.com"}), LAMBDA, {}, DENIED),
    ("a service is not named under AWS", to(LAMBDA), LAMBDA, {}, DENIED),
    ("an account is not named under Service", statement(Principal={"Service": ACCOUNT}), DENIED),
    ("a mixed map is either", statement(Principal={"AWS": ROOT, "Service": LAMBDA}), LAMBDA, {}, ALLOWED),
    # NotPrincipal
    ("Deny NotPrincipal denies who is not named", deny_but(USER, ROOT), OTHER, {}, DENIED),
    ("Deny NotPrincipal spares a user named with the account", deny_but(USER, ROOT), ALLOWED),
    ("Deny NotPrincipal does not spare a user named alone", deny_but(USER), DENIED),
    ("Deny NotPrincipal does not spare users by the account alone", deny_but(ACCOUNT), DENIED),
    (
        "Deny NotPrincipal spares a session named with role and account",
        deny_but(SESSION, ROLE, ROOT),
        SESSION,
        {},
        ALLOWED,
    ),
    ("Deny NotPrincipal does not spare a session without its role", deny_but(SESSION, ROOT), SESSION, {}, DENIED),
    ("Deny NotPrincipal spares a root user named by the account's id", deny_but(ACCOUNT), ROOT, {}, ALLOWED),
    ("Deny NotPrincipal spares everybody by a star", deny(Principal=None, NotPrincipal="*"), ALLOWED),
    ("Deny NotPrincipal denies services", deny_but(USER, ROOT), LAMBDA, {}, DENIED),
    (
        "Allow NotPrincipal allows who is not named",
        statement(Principal=None, NotPrincipal={"AWS": ROOT}),
        OTHER,
        {},
        ALLOWED,
    ),
    ("Allow NotPrincipal leaves out who is named", statement(Principal=None, NotPrincipal={"AWS": USER}), DENIED),
    # Action
    ("actions have no case", statement(Action=["ECR:batchgetimage"]), ALLOWED),
    ("a star ends an action", statement(Action="ecr:Batch*"), ALLOWED),
    ("a star alone is every action", statement(Action="*"), ALLOWED),
    ("a question mark is one character", statement(Action="ecr:BatchGet?mage"), ALLOWED),
    ("a question mark is not none", statement(Action="ecr:BatchGetImage?"), DENIED),
    ("an action is not its prefix", statement(Action="ecr:BatchGet"), DENIED),
    ("brackets are no wildcard", statement(Action="ecr:[B]atchGetImage"), DENIED),
    ("NotAction covers the rest", statement(Action=None, NotAction=["ecr:Put*"]), ALLOWED),
    ("NotAction leaves out what it names", statement(Action=None, NotAction="ecr:batch*"), DENIED),
    # Condition: operators
    ("StringEquals is exact", when("StringEquals", "k", "Blue"), USER, {"k": "blue"}, DENIED),
    ("StringEquals takes a star to the letter", when("StringEquals", "k", "*"), USER, {"k": "blue"}, DENIED),
    ("StringEqualsIgnoreCase has no case", when("StringEqualsIgnoreCase", "k", "Blue"), USER, {"k": "bLUE"}, ALLOWED),
    ("StringLike takes wildcards", when("StringLike", "k", "b?u*"), USER, {"k": "blue"}, ALLOWED),
    ("StringLike has a case", when("StringLike", "k", "B*"), USER, {"k": "blue"}, DENIED),
    ("StringLike crosses colons", when("StringLike", "k", CROSSED), USER, {"k": CROSSING}, ALLOWED),
    ("ArnLike crosses no colon", when("ArnLike", "k", CROSSED), USER, {"k": CROSSING}, DENIED),
    ("ArnLike wants all six parts", when("ArnLike", "k", "*"), USER, {"k": FUNCTION}, DENIED),
    ("ArnLike wants an ARN", when("ArnLike", "k", "fun*"), USER, {"k": "function"}, DENIED),
    (
        "ArnLike takes wildcards in every part",
        when("ArnLike", "k", "arn:*:lambda:us-*:*:function:*"),
        USER,
        {"k": FUNCTION},
        ALLOWED,
    ),
    ("ArnEquals is ArnLike", when("ArnEquals", "k", "arn:aws:lambda:*:*:*"), USER, {"k": FUNCTION}, ALLOWED),
    (
        "ArnNotLike is its contrary",
        when("ArnNotLike", "k", "arn:aws:lambda:*:*:function:*"),
        USER,
        {"k": FUNCTION},
        DENIED,
    ),
    ("Bool takes a bare true for the word", when("Bool", "k", True), USER, {"k": "true"}, ALLOWED),
    ("Bool has no case", when("Bool", "k", "True"), USER, {"k": "true"}, ALLOWED),
    ("StringEquals takes a bare true for the word", when("StringEquals", "k", True), USER, {"k": "true"}, ALLOWED),
    ("Bool false is not true", when("Bool", "k", "false"), USER, {"k": "true"}, DENIED),
    ("Null true asks for a missing key", when("Null", "k", "true"), ALLOWED),
    ("Null true fails for a key that is there", when("Null", "k", "true"), USER, {"k": "x"}, DENIED),
    ("Null false asks for a key that is there", when("Null", "k", False), USER, {"K": "x"}, ALLOWED),
    ("Null takes an empty value for a missing key", when("Null", "k", "false"), USER, {"k": ""}, DENIED),
    ("IpAddress takes a range", when("IpAddress", "k", ["203.0.113.0/24"]), USER, {"k": "203.0.113.9"}, ALLOWED),
    ("IpAddress takes one address", when("IpAddress", "k", "203.0.113.9"), USER, {"k": "203.0.113.8"}, DENIED),
    ("IpAddress tells IPv6 from IPv4", when("IpAddress", "k", "::/0"), USER, {"k": "203.0.113.9"}, DENIED),
    ("NotIpAddress is its contrary", when("NotIpAddress", "k", "203.0.113.0/24"), USER, {"k": "192.0.2.1"}, ALLOWED),
    ("operators have no case", when("stringEQUALS", "k", "x"), USER, {"k": "x"}, ALLOWED),
    # Condition: how keys and values add up
    ("keys have no case", when("StringEquals", "aws:SourceARN", "x"), USER, {"AWS:sourceArn": "x"}, ALLOWED),
    ("values of one key are ORed", when("StringEquals", "k", ["x", "y"]), USER, {"k": "y"}, ALLOWED),
    ("values of a negated operator are NORed", when("StringNotEquals", "k", ["x", "y"]), USER, {"k": "y"}, DENIED),
    ("a negated operator wants all others", when("StringNotLike", "k", ["x*", "y*"]), USER, {"k": "z"}, ALLOWED),
    ("keys are ANDed", statement(Condition={"StringEquals": {"k": "x", "l": "y"}}), USER, {"k": "x", "l": "z"}, DENIED),
    (
        "keys that differ in case are ANDed",
        statement(Condition={"StringLike": {"aws:sourceArn": "a*", "aws:SourceARN": "*z"}}),
        LAMBDA,
        {"aws:SourceArn": "abc"},
        DENIED,
    ),
    (
        "operators are ANDed",
        statement(Condition={"StringLike": {"k": "x*"}, "StringNotEquals": {"k": "xy"}}),
        USER,
        {"k": "xy"},
        DENIED,
    ),
    # Condition: missing keys
    ("a missing key fails a positive operator", when("StringLike", "k", "*"), DENIED),
    ("a missing key fails IpAddress", when("IpAddress", "k", "0.0.0.0/0"), DENIED),
    ("a missing key satisfies a negated operator", when("StringNotEquals", "k", "x"), ALLOWED),
    ("a missing key satisfies NotIpAddress", when("NotIpAddress", "k", "0.0.0.0/0"), ALLOWED),
    ("a missing key satisfies IfExists", when("StringEqualsIfExists", "k", "x"), ALLOWED),
    ("a key that is there must satisfy IfExists", when("ArnLikeIfExists", "k", "arn:*"), USER, {"k": "x"}, DENIED),
    # Condition: sets
    (
        "ForAnyValue wants one of the values",
        when("ForAnyValue:StringLike", "k", "*/ou-ab12-2*/"),
        USER,
        IN_UNITS,
        ALLOWED,
    ),
    ("ForAnyValue fails without a match", when("ForAnyValue:StringEquals", "k", "x"), USER, IN_UNITS, DENIED),
    ("ForAnyValue fails for a missing key", when("ForAnyValue:StringLike", "k", "*"), DENIED),
    ("a negated ForAnyValue fails for a missing key", when("ForAnyValue:StringNotLike", "k", "x"), DENIED),
    ("ForAnyValue takes a single value", when("ForAnyValue:StringLike", "k", "x*"), USER, {"k": "xy"}, ALLOWED),
    (
        "ForAllValues wants all of the values",
        when("ForAllValues:StringLike", "k", "*/ou-ab12-2*/"),
        USER,
        IN_UNITS,
        DENIED,
    ),
    ("ForAllValues holds for a missing key", when("ForAllValues:StringLike", "k", "x"), ALLOWED),
    ("ForAllValues holds for an empty value", when("ForAllValues:StringLike", "k", "x"), USER, {"k": ""}, ALLOWED),
    (
        "a negated ForAllValues wants no value to match",
        when("ForAllValues:StringNotLike", "k", "*2222222/"),
        USER,
        IN_UNITS,
        DENIED,
    ),
    (
        "without a set operator a negated one wants no value to match",
        when("StringNotLike", "k", "*2222222/"),
        USER,
        IN_UNITS,
        DENIED,
    ),
    (
        "without a set operator one value that matches will do",
        when("StringLike", "k", "*2222222/"),
        USER,
        IN_UNITS,
        ALLOWED,
    ),
    # Condition: nothing expected
    ("an empty list is matched by no value", when("StringEquals", "k", []), USER, {"k": "x"}, DENIED),
    ("an empty list is not negated into a match", when("StringNotEquals", "k", []), USER, {"k": "x"}, DENIED),
    ("an empty list is not negated by a missing key", when("StringNotEquals", "k", []), DENIED),
    ("ForAllValues with an empty list wants no key", when("ForAllValues:StringLike", "k", []), ALLOWED),
    ("IfExists with an empty list wants no key", when("StringLikeIfExists", "k", []), USER, {"k": "x"}, DENIED),
    # Condition: dates and numbers
    ("a date is before a later one", when("DateLessThan", "k", "2027-01-01T00:00:00Z"), USER, MOMENT, ALLOWED),
    ("a date is not before itself", when("DateLessThan", "k", MOMENT["k"]), USER, MOMENT, DENIED),
    ("a date is at or before itself", when("DateLessThanEquals", "k", MOMENT["k"]), USER, MOMENT, ALLOWED),
    ("a date is after an earlier one", when("DateGreaterThan", "k", "2020-01-01T00:00:00Z"), USER, MOMENT, ALLOWED),
    ("a date may be seconds since 1970", when("DateGreaterThanEquals", "k", 1795651200), USER, MOMENT, ALLOWED),
    ("what is no date is before no date", when("DateLessThan", "k", "tomorrow"), USER, MOMENT, DENIED),
    ("a missing date is before none", when("DateLessThan", "k", "2027-01-01T00:00:00Z"), DENIED),
    ("a missing date does not equal one", when("DateNotEquals", "k", "2027-01-01T00:00:00Z"), ALLOWED),
    ("numbers are not compared as texts", when("NumericLessThan", "k", "100"), USER, {"k": "20"}, ALLOWED),
    ("a number equals another spelling", when("NumericEquals", "k", 1), USER, {"k": "1.0"}, ALLOWED),
    (
        "a number is one of none of those it does not equal",
        when("NumericNotEquals", "k", [1, 2]),
        USER,
        {"k": "2"},
        DENIED,
    ),
    ("IfExists holds for a missing number", when("NumericLessThanIfExists", "k", "100"), ALLOWED),
    # Condition: policy variables
    (
        "a policy variable is the value of its key",
        when("StringEquals", "k", "${aws:a}"),
        USER,
        {"k": "x", "aws:A": "x"},
        ALLOWED,
    ),
    (
        "a policy variable without a value equals nothing",
        when("StringEquals", "k", ["${a}", "y"]),
        USER,
        {"k": "x"},
        DENIED,
    ),
    ("what stands beside it may be equal", when("StringEquals", "k", ["${a}", "x"]), USER, {"k": "x"}, ALLOWED),
    (
        "a policy variable is a part of a pattern",
        when("StringLike", "k", "${aws:a}-*"),
        USER,
        {"k": "x", "aws:A": "x"},
        DENIED,
    ),
]


@pytest.mark.parametrize("case", [pytest.param(case[1:], id=case[0]) for case in CASES])
def test_a_policy_is_read_as_aws_documents(case: Any) -> None:
    listed, *asking, expected = case
    principal, context = asking or (USER, {})
    assert is_allowed({"Statement": listed}, Request(principal, ACTION, context)) is expected


@pytest.mark.parametrize("policy", [None, {}, [], "text", {"Statement": None}, {"Statement": "*"}, {"Statement": [[]]}])
def test_a_policy_of_no_shape_at_all_allows_nothing(policy: Any) -> None:
    assert effective_actions(policy, Requester(USER), policies.ACTIONS) == frozenset()


@pytest.mark.parametrize(
    "condition",
    [
        {"StringResembles": {"k": "x"}},
        {"BinaryEquals": {"k": "MQ=="}},
        {"NullIfExists": {"k": "true"}},
        {"ForSomeValues:StringLike": {"k": "x"}},
        {"StringNotLike": {"k": "${aws:username}"}},
    ],
)
def test_what_cannot_be_decided_raises_whoever_asks(condition: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedCondition):
        is_allowed({"Statement": statement(Principal={"AWS": OTHER}, Condition=condition)}, Request(USER, "s3:Get"))


def test_effective_actions_are_what_is_allowed_and_not_denied() -> None:
    policy = {"Statement": [statement(Action="ecr:*"), statement(Effect="Deny", Action="ecr:*Layer*")]}
    assert effective_actions(policy, Requester(USER), policies.PULL) == {ACTION}


# --- the strategies ---

QUICK = settings(
    max_examples=25, deadline=None, database=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
TEMPLATE_ACTIONS = [frozenset(map(str.lower, actions)) for actions in policies.ACTION_SETS.values()]


def actions_of(drawn: dict[str, Any]) -> frozenset[str]:
    listed = drawn.get("Action", [])
    return frozenset(action.lower() for action in (listed if isinstance(listed, list) else [listed]))


def named_by(drawn: dict[str, Any], kind: str) -> Any:
    principal = drawn.get("Principal")
    return principal.get(kind) if isinstance(principal, dict) else None


def conditions_of(drawn: dict[str, Any]) -> list[tuple[str, str]]:
    return [(operator, key.lower()) for operator, keys in drawn.get("Condition", {}).items() for key in keys]


def missed_by(drawn: dict[str, Any]) -> list[frozenset[str]]:
    """The action sets of the templates with this kind of principal; none if the statement has one of them."""
    accesses = ["lambda"] if named_by(drawn, "Service") else policies.ACTION_SETS.keys() - {"lambda"}
    usual = [frozenset(map(str.lower, policies.ACTION_SETS[access])) for access in accesses]
    return [] if actions_of(drawn) in usual else usual


# What is amiss in each near miss.
AMISS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "one action more": lambda drawn: any(
        usual < actions_of(drawn) and len(actions_of(drawn)) == len(usual) + 1 for usual in missed_by(drawn)
    ),
    "one action less": lambda drawn: any(
        usual > actions_of(drawn) and len(actions_of(drawn)) == len(usual) - 1 for usual in missed_by(drawn)
    ),
    "Deny under our Sid": lambda drawn: (
        drawn.get("Effect") == "Deny" and drawn.get("Sid") in policies.TEMPLATES.values()
    ),
    "mixed principal map": lambda drawn: named_by(drawn, "AWS") and named_by(drawn, "Service"),
    "second condition": lambda drawn: any(
        key in ("aws:sourceaccount", "aws:principaltag/team", "aws:securetransport", "aws:sourceip")
        for _operator, key in conditions_of(drawn)
    ),
    "source ARN key in two cases": lambda drawn: conditions_of(drawn) == [("StringLike", "aws:sourcearn")] * 2,
    "StringEquals on source ARN": lambda drawn: ("StringEquals", "aws:sourcearn") in conditions_of(drawn),
    "ForAnyValue on source ARN": lambda drawn: ("ForAnyValue:StringLike", "aws:sourcearn") in conditions_of(drawn),
    "other operator on organization": lambda drawn: any(
        operator.lower() != "stringequals" and key == "aws:principalorgid" for operator, key in conditions_of(drawn)
    ),
    "other operator on paths": lambda drawn: any(
        operator.lower() != "foranyvalue:stringlike" and key == "aws:principalorgpaths"
        for operator, key in conditions_of(drawn)
    ),
    "star among principals": lambda drawn: "*" in (named_by(drawn, "AWS") or []) and "Condition" not in drawn,
    "empty list": lambda drawn: "[]" in json.dumps(drawn),
    "NotAction": lambda drawn: "NotAction" in drawn and "Action" not in drawn,
    "NotPrincipal": lambda drawn: "NotPrincipal" in drawn and "Principal" not in drawn,
    "Resource": lambda drawn: drawn.get("Resource", "*") not in ("*", ["*"]),
    "Lambda's own Sid": lambda drawn: drawn.get("Sid") == policies.LAMBDA_SID and actions_of(drawn) in TEMPLATE_ACTIONS,
    "other service": lambda drawn: named_by(drawn, "Service") not in (None, LAMBDA, [LAMBDA], [LAMBDA, LAMBDA]),
    "no condition": lambda drawn: (
        "Condition" not in drawn
        and (
            drawn.get("Principal") == "*"
            or named_by(drawn, "AWS") in ("*", ["*"], ["*", "*"])
            or named_by(drawn, "Service")
        )
    ),
    "misspelt Effect": lambda drawn: "Effetc" in drawn and "Effect" not in drawn,
}


@pytest.mark.parametrize("kind", policies.NEAR_MISSES)
def test_a_near_miss_lacks_what_its_name_says(kind: str) -> None:
    @settings(QUICK)
    @given(st.sampled_from(policies.PARTITIONS).flatmap(lambda partition: policies.near_misses(partition, kind)))
    def check(drawn: dict[str, Any]) -> None:
        assert AMISS[kind](drawn)

    check()


@settings(QUICK, max_examples=100)
@given(st.sampled_from(policies.PARTITIONS).flatmap(policies.managed_statements))
def test_a_managed_statement_has_no_more_than_a_template(drawn: dict[str, Any]) -> None:
    assert drawn.keys() <= {"Sid", "Effect", "Principal", "Action", "Condition", "Resource"}
    assert drawn["Effect"] == "Allow"
    assert drawn.get("Sid") != policies.LAMBDA_SID
    assert actions_of(drawn) in TEMPLATE_ACTIONS
    assert [key for _operator, key in conditions_of(drawn)] in (
        [],
        ["aws:sourcearn"],
        ["aws:principalorgid"],
        ["aws:principalorgpaths"],
    )
    assert not any(amiss(drawn) for amiss in AMISS.values())


@pytest.mark.parametrize(
    ("kind", "value", "who"),
    [
        ("identity", policies.universe().roots[1], lambda asks: asks.context.get("aws:PrincipalAccount") == ACCOUNT),
        ("identity", ACCOUNT, lambda asks: asks.context.get("aws:PrincipalAccount") == ACCOUNT),
        ("identity", policies.universe().roles[0], lambda asks: ":444455556666:assumed-role/ci/" in asks.principal),
        ("identity", policies.universe().sessions[0], lambda asks: asks.principal.endswith("/nightly")),
        (
            "lambda",
            policies.universe().function("us-east-1", ACCOUNT),
            lambda asks: asks.context.get("aws:SourceArn", "").startswith(f"arn:aws:lambda:us-east-1:{ACCOUNT}:"),
        ),
        (
            "organization",
            policies.ORGANIZATIONS[0],
            lambda asks: asks.context.get("aws:PrincipalOrgID") == policies.ORGANIZATIONS[0],
        ),
        (
            "organizational_unit",
            policies.OU_PATHS[1],
            lambda asks: asks.context.get("aws:PrincipalOrgPaths") == [policies.OU_PATHS[1]],
        ),
    ],
)
def test_a_managed_statement_reaches_whom_its_slot_names_and_nobody_else(
    kind: str, value: str, who: Callable[[Requester], bool]
) -> None:
    everybody = policies.requesters()

    @settings(QUICK)
    @given(policies.managed_statements(kind=kind, values=[value]))
    def check(drawn: dict[str, Any]) -> None:
        for asks in everybody:
            actions = effective_actions({"Statement": drawn}, asks, policies.ACTIONS)
            assert frozenset(map(str.lower, actions)) == (actions_of(drawn) if who(asks) else frozenset())

    assert any(map(who, everybody))
    check()


def text_has(value: str, element: str | None = None) -> Callable[[Any], bool]:
    """Whether a string occurs, whole, anywhere in what is drawn, or in one element of it."""
    return lambda drawn: json.dumps(value) in json.dumps(drawn[element] if element else drawn)


def statements_of(policy: dict[str, Any]) -> list[dict[str, Any]]:
    return policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]


def has_twice(values: list[Any]) -> bool:
    return len(set(values)) < len(values)


# Of each strategy: what must be seen in its examples.
SIGHTS: dict[str, tuple[st.SearchStrategy[Any], dict[str, Callable[[Any], Any]]]] = {
    "managed statements": (
        policies.managed_statements(),
        {
            "no Sid": lambda drawn: "Sid" not in drawn,
            "an empty Sid": lambda drawn: drawn.get("Sid") == "",
            "a Sid of ours that does not fit": lambda drawn: (
                drawn.get("Sid") in policies.TEMPLATES.values()
                and ("Organization" in drawn["Sid"]) != ("org" in str(conditions_of(drawn)))
            ),
            "a numbered Sid": lambda drawn: drawn.get("Sid", "")[-1:].isdigit(),
            "somebody else's Sid": lambda drawn: not drawn.get("Sid", "Allow").startswith("Allow"),
            "an action in lower case": lambda drawn: "ecr:batchgetimage" in drawn["Action"],
            "another order": lambda drawn: drawn["Action"][0] == "ecr:BatchCheckLayerAvailability",
        },
    ),
    "identity statements": (
        policies.managed_statements(kind="identity"),
        {
            **{value: text_has(value) for value in policies.strange_values("identity")},
            "an account's root ARN": lambda drawn: ":root" in str(named_by(drawn, "AWS")),
            "an account's id": lambda drawn: str(named_by(drawn, "AWS")).isdigit(),
            "a list of one": lambda drawn: (
                isinstance(named_by(drawn, "AWS"), list) and len(named_by(drawn, "AWS")) == 1
            ),
        },
    ),
    "Lambda statements": (
        policies.managed_statements(kind="lambda"),
        {
            **{value: text_has(value) for value in policies.strange_values("lambda")},
            **{name: text_has(name) for name in ("StringLike", "ArnLike", "aws:sourceARN", "aws:SourceArn")},
        },
    ),
    "organization statements": (
        policies.managed_statements(kind="organization"),
        {value: text_has(value) for value in policies.strange_values("organization")},
    ),
    "organizational unit statements": (
        policies.managed_statements(kind="organizational_unit"),
        {value: text_has(value, "Condition") for value in policies.strange_values("organizational_unit")},
    ),
    "foreign statements": (
        policies.unmanaged_statements(),
        {
            "Lambda's own": lambda drawn: (
                drawn.get("Sid") == policies.LAMBDA_SID and named_by(drawn, "Service") == LAMBDA
            ),
            "another service": lambda drawn: named_by(drawn, "Service") == "codebuild.amazonaws.com",
            "a tag": lambda drawn: "PrincipalTag" in str(drawn),
            "a conditional Deny": lambda drawn: drawn["Effect"] == "Deny" and "Condition" in drawn,
            "a wildcard in an action": lambda drawn: "?" in str(drawn["Action"]),
            "everybody, unconditionally": lambda drawn: drawn["Principal"] == "*" and "Condition" not in drawn,
        },
    ),
    "policies": (
        policies.policies(),
        {
            "no Version": lambda drawn: "Version" not in drawn,
            "the old Version": lambda drawn: drawn.get("Version") == "2008-10-17",
            "the new Version": lambda drawn: drawn.get("Version") == "2012-10-17",
            "an Id": lambda drawn: "Id" in drawn,
            "one statement without a list": lambda drawn: isinstance(drawn["Statement"], dict),
            "no statement": lambda drawn: drawn["Statement"] == [],
            "six statements": lambda drawn: len(statements_of(drawn)) == 6,
            "a Sid twice": lambda drawn: has_twice([one["Sid"] for one in statements_of(drawn) if "Sid" in one]),
        },
    ),
    "grants": (
        policies.grant_lists(),
        {
            "a principal twice": lambda drawn: has_twice(list(map(policies.principal_of, drawn))),
            "a root ARN": lambda drawn: drawn[0]["principals"][0].endswith(":root"),
            "every region": lambda drawn: "*" in drawn[0].get("lambda_regions", []),
            "regions left out": lambda drawn: drawn[0]["principals"][0].isdigit() and "lambda_regions" not in drawn[0],
            "regions emptied": lambda drawn: drawn[0].get("lambda_regions") == [],
            "Lambda alone": lambda drawn: drawn[0]["access"] == [],
            **{capability: text_has(capability) for capability in ("pull", "push", "describe")},
        },
    ),
}


class AllSeen(Exception):
    """There is no need of more examples."""


@pytest.mark.parametrize("strategy", SIGHTS)
def test_a_strategy_brings_forth_what_it_promises(strategy: str) -> None:
    examples, predicates = SIGHTS[strategy]
    seen: set[str] = set()

    @settings(QUICK, max_examples=400, phases=[Phase.generate])
    @given(examples)
    def look(drawn: Any) -> None:
        seen.update(name for name, holds in predicates.items() if holds(drawn))
        if seen == set(predicates):
            raise AllSeen

    with suppress(AllSeen):
        look()
    assert seen == set(predicates)


@settings(QUICK)
@given(st.sampled_from(policies.PARTITIONS).flatmap(policies.policies))
def test_a_policy_is_json_that_the_registry_would_take(policy: dict[str, Any]) -> None:
    text = json.dumps(policy, indent=2)
    assert json.loads(text) == policy
    assert len(text) <= 10240


@settings(QUICK, max_examples=100)
@given(st.sampled_from(policies.PARTITIONS).flatmap(policies.grant_lists))
def test_grants_are_valid_combinations(drawn: list[dict[str, Any]]) -> None:
    assert drawn
    for grant in drawn:
        regions = grant.get("lambda_regions")
        assert set(grant["access"]) <= {"pull", "push", "describe"}
        assert regions is None or policies.principal_of(grant) in policies.ACCOUNTS
        assert not regions or not grant["access"] or "pull" in grant["access"]
        assert regions or grant["access"]


@pytest.mark.parametrize("partition", policies.PARTITIONS)
def test_requesters_are_of_one_partition_and_all_different(partition: str) -> None:
    everybody = policies.requesters(partition)
    arns = [str(asks.context.get("aws:SourceArn") or asks.context["aws:PrincipalArn"]) for asks in everybody]
    assert {arn.split(":")[1] for arn in arns} == {partition}
    assert all(everybody.count(asks) == 1 for asks in everybody)
    assert any(f":{policies.STRANGER}:" in arn for arn in arns)
