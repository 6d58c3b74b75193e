# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shares: who gets what from a policy of any shape, by which statements, and what a Deny takes away."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._evaluation.actions import REPOSITORY_ACTIONS
from ansible_collections.imageshare.aws.plugins.module_utils._evaluation.evaluator import PolicyEvaluator
from ansible_collections.imageshare.aws.tests.support.builders import (
    ACCOUNT,
    DELETED_ROLE,
    DESCRIBE,
    EAST,
    LAMBDA,
    LAMBDA_PULL,
    ORGANIZATION,
    OTHER,
    OTHER_ROOT,
    OWNER,
    PULL,
    PUSH,
    REPOSITORY,
    ROLE,
    ROOT,
    SESSION,
    UNIT,
    UPLOAD,
    USER,
    WEST,
    all_but,
    allow,
    aws,
    deny,
    deny_when,
    policy,
    root,
    when,
)
from ansible_collections.imageshare.aws.tests.support.builders import allow_functions as functions

RESIZE = f"{EAST[:-1]}resize"
LISTING = [*PULL, "ecr:ListImages"]


@dataclass(frozen=True)
class Row:
    """What is expected of a share; what is left out is as of an unconditional pull by an unmanaged first statement."""

    principal: str
    principal_type: str
    access: list[str] = field(default_factory=lambda: ["pull"])
    other_actions: list[str] = field(default_factory=list)
    regions: list[str] = field(default_factory=list)
    conditions: list[tuple[str, str, list[str]]] = field(default_factory=list)
    statements: list[int] = field(default_factory=lambda: [1])
    # The position of a Deny, and whether it is certain.
    denied_by: list[tuple[int, bool]] = field(default_factory=list)
    managed: bool = False


def found(*listed: dict[str, Any], partition: str = "aws") -> list[Row]:
    rows = [one.to_dict() for one in PolicyEvaluator(partition, OWNER).parse(policy(*listed), REPOSITORY).shares()]
    return [
        Row(
            row["principal"],
            row["principal_type"],
            row["access"],
            row["other_actions"],
            row["lambda_regions"],
            [(one["operator"], one["key"], one["values"]) for one in row["conditions"]],
            [one["position"] for one in row["statements"]],
            [(one["position"], one["certain"]) for one in row["denied_by"]],
            row["managed"],
        )
        for row in rows
    ]


account, everyone = partial(Row, ACCOUNT, "account"), partial(Row, "*", "everyone")


def lambdas(*, conditions: Any = (), managed: bool = False) -> Row:
    """The share of Lambda itself: its pull."""
    return Row(LAMBDA["Service"], "service", [], [*LAMBDA_PULL], conditions=[*conditions], managed=managed)


IN_ORGANIZATION = {"aws:PrincipalOrgID": ORGANIZATION}
TAGGED = {"StringEquals": {"aws:PrincipalTag/team": "a"}}
TAG = ("StringEquals", "aws:PrincipalTag/team", ["a"])
FOREIGN: Any = {"other_actions": ["ecr:ListImages"]}

# --- who ---

WHO: dict[str, tuple[dict[str, Any], list[Row]]] = {
    "an account by its root": (allow(ROOT), [account(managed=True)]),
    "an account by its id": (allow(ACCOUNT), [account(managed=True)]),
    "an account once, by both": (allow(ACCOUNT, ROOT), [account(managed=True)]),
    "a role, a user and a session": (
        allow(ROLE, USER, SESSION),
        [Row(ROLE, "role", managed=True), Row(USER, "user", managed=True), Row(SESSION, "session", managed=True)],
    ),
    "an organization": (
        when("StringEquals", "aws:PrincipalOrgID", ORGANIZATION),
        [Row(ORGANIZATION, "organization", managed=True)],
    ),
    "an organization by a pattern without a wildcard": (
        when("StringLike", "aws:PrincipalOrgID", ORGANIZATION),
        [Row(ORGANIZATION, "organization")],
    ),
    "a unit": (
        when("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", [UNIT]),
        [Row(UNIT, "organizational_unit", managed=True)],
    ),
    "a part of an organization by a pattern": (
        when("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", f"{ORGANIZATION}/*/ou-ab12-*"),
        [Row(f"{ORGANIZATION}/*/ou-ab12-*", "organizational_unit", managed=True)],
    ),
    "a unit that must be in the organization, as it is": (
        allow(Condition={"StringEquals": IN_ORGANIZATION, "ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": UNIT}}),
        [Row(UNIT, "organizational_unit")],
    ),
    "nobody of a unit that must be in another organization": (
        allow(
            Condition={
                "StringEquals": {"aws:PrincipalOrgID": "o-z9y8x7w6v5"},
                "ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": UNIT},
            }
        ),
        [],
    ),
    "a role by a condition on everybody": (when("ArnEquals", "aws:PrincipalArn", ROLE), [Row(ROLE, "role")]),
    "an account by a condition on everybody": (
        when("StringEquals", "aws:PrincipalAccount", [ACCOUNT, OTHER]),
        [account(), Row(OTHER, "account")],
    ),
    "everybody, where the root of an account is asked for, which is its root user": (
        when("ArnEquals", "aws:PrincipalArn", ROOT),
        [everyone(conditions=[("ArnEquals", "aws:PrincipalArn", [ROOT])])],
    ),
    "everybody": (allow(), [everyone()]),
    "everybody beside an account": (allow(ROOT, "*"), [account(), everyone()]),
    "everybody but some": (
        allow(Principal=None, NotPrincipal={"AWS": [ROOT], "Service": "ecs.amazonaws.com"}),
        [everyone(conditions=[("NotPrincipal", "AWS", [ROOT]), ("NotPrincipal", "Service", ["ecs.amazonaws.com"])])],
    ),
    "a service": (allow(Principal={"Service": "codebuild.amazonaws.com"}), [Row("codebuild.amazonaws.com", "service")]),
    "Lambda for anybody": (functions(Condition=None), [lambdas()]),
    "a deleted role": (allow(DELETED_ROLE), [Row(DELETED_ROLE, "deleted", managed=True)]),
    "an account of another partition": (
        allow("arn:aws-cn:iam::111122223333:root"),
        [Row("arn:aws-cn:iam::111122223333:root", "other", managed=True)],
    ),
    "an organization as a principal, which it cannot be": (
        allow(ORGANIZATION),
        [Row(ORGANIZATION, "other", managed=True)],
    ),
    "a federated provider and a canonical user": (
        allow(Principal={"Federated": "cognito-identity.amazonaws.com", "CanonicalUser": "79a59d"}),
        [Row("cognito-identity.amazonaws.com", "other"), Row("79a59d", "other")],
    ),
    "a star and a service where they are neither": (
        allow(
            Principal={"Federated": "*", "AWS": "lambda.amazonaws.com"},
            Action=list(LAMBDA_PULL),
            Condition={"StringEquals": IN_ORGANIZATION, "ArnLike": {"aws:SourceArn": EAST}},
        ),
        [
            Row(
                name,
                "other",
                [],
                [*LAMBDA_PULL],
                conditions=[
                    ("StringEquals", "aws:PrincipalOrgID", [ORGANIZATION]),
                    ("ArnLike", "aws:SourceArn", [EAST]),
                ],
            )
            for name in ("*", "lambda.amazonaws.com")
        ],
    ),
    "a mixed map": (
        allow(Principal={"AWS": ROOT, "Service": "ecs.amazonaws.com"}),
        [account(), Row("ecs.amazonaws.com", "service")],
    ),
    "nobody by an ARN outside of a map": (allow(Principal=ROOT), []),
    "nobody by no principal": (allow(Principal=None), []),
    "nobody by an effect that there is not": (allow(Effect="allow"), []),
    "nobody by a condition that is none": (allow(Condition="x"), []),
    "nobody by a Deny": (deny(), []),
    "nobody of the token, which cannot be granted": (allow(Action="ecr:GetAuthorizationToken"), []),
    "nobody of another service's actions": (allow(Action="s3:*"), []),
}


@pytest.mark.parametrize(("statement", "expected"), WHO.values(), ids=WHO.keys())
def test_a_statement_is_shared_with(statement: dict[str, Any], expected: list[Row]) -> None:
    assert found(statement) == expected


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_an_account_is_read_in_the_registrys_own_partition(partition: str) -> None:
    statement = allow(Principal=aws(root(ACCOUNT, partition)))
    assert found(statement, partition=partition) == [account(managed=True)]


# --- Lambda ---

STRANGE = ("StringLike", "aws:sourceARN", [RESIZE])
FOR_FUNCTIONS: dict[str, tuple[list[dict[str, Any]], list[Row]]] = {
    "an account's functions": (
        [functions(EAST, WEST)],
        [account([], regions=["us-east-1", "eu-west-1"], managed=True)],
    ),
    "the account and its functions in one row": (
        [allow(ROOT), functions(EAST)],
        [account(regions=["us-east-1"], statements=[1, 2], managed=True)],
    ),
    "Lambda's own statement, which is foreign, in another row": (
        [allow(ROOT), functions(EAST, Sid="LambdaECRImageRetrievalPolicy")],
        [account(managed=True), account([], regions=["us-east-1"], statements=[2])],
    ),
    "a single function, which is Lambda's row": (
        [functions(EAST, RESIZE)],
        [account([], regions=["us-east-1"], managed=True), lambdas(conditions=[STRANGE], managed=True)],
    ),
    "more than the pull, which is Lambda's as a whole": (
        [functions(EAST, RESIZE, Action=[*LAMBDA_PULL, "ecr:SetRepositoryPolicy"])],
        [
            account([], regions=["us-east-1"]),
            Row(
                "lambda.amazonaws.com",
                "service",
                ["admin"],
                [*LAMBDA_PULL, "ecr:SetRepositoryPolicy"],
                conditions=[("StringLike", "aws:sourceARN", [EAST, RESIZE])],
            ),
        ],
    ),
    "less than the pull": (
        [functions(EAST, Action="ecr:BatchGetImage")],
        [
            Row(
                "lambda.amazonaws.com",
                "service",
                [],
                ["ecr:BatchGetImage"],
                conditions=[("StringLike", "aws:sourceARN", [EAST])],
            )
        ],
    ),
    "a second condition on the same account, as it is": (
        [
            functions(
                EAST, Condition={"ArnLike": {"aws:SourceArn": EAST}, "StringEquals": {"aws:SourceAccount": ACCOUNT}}
            )
        ],
        [account([], regions=["us-east-1"])],
    ),
    "a second condition on another account": (
        [functions(EAST, Condition={"ArnLike": {"aws:SourceArn": EAST}, "StringEquals": {"aws:SourceAccount": OTHER}})],
        [],
    ),
    "a second condition that is not decided": (
        [functions(EAST, Condition={"ArnLike": {"aws:SourceArn": EAST}, "StringEquals": {"aws:SourceOrgID": "o-1"}})],
        [account([], regions=["us-east-1"], conditions=[("StringEquals", "aws:SourceOrgID", ["o-1"])])],
    ),
    "any value of the source": (
        [functions(Condition={"ForAnyValue:StringLike": {"aws:sourceARN": [EAST]}})],
        [account([], regions=["us-east-1"])],
    ),
    "all but a source": (
        [functions(Condition={"StringNotLike": {"aws:sourceARN": EAST}})],
        [lambdas(conditions=[("StringNotLike", "aws:sourceARN", [EAST])])],
    ),
    "an account by its id": (
        [functions(Condition={"StringEquals": {"aws:SourceAccount": ACCOUNT}})],
        [account([], regions=["*"])],
    ),
    "a single function of an account by its id": (
        [
            functions(
                Condition={"StringLike": {"aws:sourceARN": RESIZE}, "StringEquals": {"aws:SourceAccount": ACCOUNT}}
            )
        ],
        [lambdas(conditions=[STRANGE, ("StringEquals", "aws:SourceAccount", [ACCOUNT])])],
    ),
    "accounts by a pattern": (
        [functions(Condition={"StringLike": {"aws:SourceAccount": "1111*"}})],
        [lambdas(conditions=[("StringLike", "aws:SourceAccount", ["1111*"])])],
    ),
}


@pytest.mark.parametrize(("listed", "expected"), FOR_FUNCTIONS.values(), ids=FOR_FUNCTIONS.keys())
def test_lambda_shares(listed: list[dict[str, Any]], expected: list[Row]) -> None:
    assert found(*listed) == expected


# --- what, and under which conditions ---

WHAT: dict[str, tuple[list[dict[str, Any]], list[Row]]] = {
    "a push": ([allow(ROOT, Action=list(PUSH))], [account(["push"], managed=True)]),
    "a push as an earlier version wrote it": ([allow(ROOT, Action=list(UPLOAD))], [account(["push"], managed=True)]),
    "a pull and what describes it": ([allow(ROOT, Action=[*PULL, *DESCRIBE])], [account(["pull", "describe"])]),
    "two managed statements that add up": (
        [allow(ROOT), allow(ROOT, Action=list(UPLOAD))],
        [account(["pull", "push"], statements=[1, 2], managed=True)],
    ),
    "less than a pull": ([allow(ROOT, Action="ecr:BatchGetImage")], [account([], ["ecr:BatchGetImage"])]),
    "a pull and the end of images": (
        [allow(ROOT, Action=[*PULL, "ecr:BatchDeleteImage"])],
        [account(["pull", "admin"], ["ecr:BatchDeleteImage"])],
    ),
    "foreign statements that add up": (
        [allow(ROOT, Action="ecr:BatchGet*"), allow(ACCOUNT, Action="ecr:PutImage")],
        [
            account(
                [],
                ["ecr:BatchGetImage", "ecr:BatchGetRepositoryScanningConfiguration", "ecr:PutImage"],
                statements=[1, 2],
            )
        ],
    ),
    "wildcards that amount to a pull": (
        [allow(ROOT, Action=["ecr:BatchC*", "ecr:BatchGetI*", "ecr:GetDownload*", "ecr:GetAuth*"])],
        [account()],
    ),
    "everything": (
        [allow(ROLE, Action="ecr:*")],
        [
            Row(
                ROLE,
                "role",
                ["pull", "push", "describe", "admin"],
                sorted(REPOSITORY_ACTIONS.difference(PULL, PUSH, DESCRIBE)),
            )
        ],
    ),
    "the same under a condition apart": (
        [allow(ROOT, Action=LISTING), allow(ROOT, Condition=TAGGED)],
        [account(**FOREIGN), account(conditions=[TAG], statements=[2])],
    ),
    "conditions that hold for certain are left out": (
        [allow(ROLE, Condition={"Bool": {"aws:SecureTransport": True}, **TAGGED})],
        [Row(ROLE, "role", conditions=[TAG])],
    ),
    "the owner's own account as the resource's": (
        [allow(ROLE, Condition={"StringEquals": {"aws:ResourceAccount": OWNER}})],
        [Row(ROLE, "role")],
    ),
    "another account as the resource's": (
        [allow(ROLE, Condition={"StringEquals": {"aws:ResourceAccount": OTHER}})],
        [],
    ),
    "an account under a condition on one of its roles": (
        [allow(ROOT, Condition={"ArnLike": {"aws:PrincipalArn": f"{ROLE}*"}})],
        [account(conditions=[("ArnLike", "aws:PrincipalArn", [f"{ROLE}*"])])],
    ),
    "an account under a condition on another's role": (
        [allow(OTHER_ROOT, Condition={"ArnLike": {"aws:PrincipalArn": ROLE}})],
        [],
    ),
    "an account that must be in an organization": (
        [allow(ROOT, Condition={"StringEquals": IN_ORGANIZATION})],
        [account(conditions=[("StringEquals", "aws:PrincipalOrgID", [ORGANIZATION])])],
    ),
    "an organization, or none": (
        [when("StringEqualsIfExists", "aws:PrincipalOrgID", ORGANIZATION)],
        [everyone(conditions=[("StringEqualsIfExists", "aws:PrincipalOrgID", [ORGANIZATION])])],
    ),
    "organizations that are one and that are none": (
        [when("StringEquals", "aws:PrincipalOrgID", [ORGANIZATION, "o-*"])],
        [
            Row(ORGANIZATION, "organization", managed=True),
            everyone(conditions=[("StringEquals", "aws:PrincipalOrgID", ["o-*"])], managed=True),
        ],
    ),
}


@pytest.mark.parametrize(("listed", "expected"), WHAT.values(), ids=WHAT.keys())
def test_what_is_shared(listed: list[dict[str, Any]], expected: list[Row]) -> None:
    assert found(*listed) == expected


# --- Deny ---

BY_ACCOUNT = allow(ROOT)
# Of each: an Allow, Deny statements after it, and which of them deny it, and whether certainly.
DENIED: dict[str, tuple[dict[str, Any], list[dict[str, Any]], list[tuple[int, bool]]]] = {
    "all of it": (BY_ACCOUNT, [deny(Action="ecr:*")], [(2, True)]),
    "a part of it": (BY_ACCOUNT, [deny(Action="ecr:BatchGetImage")], [(2, False)]),
    "all of it, in two parts": (
        BY_ACCOUNT,
        [deny(Action="ecr:Batch*"), deny(Action="ecr:Get*", Condition=TAGGED), deny(Action="ecr:GetDownload*")],
        [(2, True), (3, False), (4, True)],
    ),
    "what is not granted": (BY_ACCOUNT, [deny(Action="ecr:PutImage")], []),
    "a role of the account": (BY_ACCOUNT, [deny(ROLE)], [(2, False)]),
    "a role's account": (allow(ROLE), [deny(ROOT)], [(2, True)]),
    "another account": (BY_ACCOUNT, [deny(OTHER)], []),
    "under a condition": (BY_ACCOUNT, [deny(Condition=TAGGED)], [(2, False)]),
    "requests without TLS": (BY_ACCOUNT, [deny_when("Bool", "aws:SecureTransport", "false")], []),
    "everybody else": (allow(USER), [deny_when("StringNotEquals", "aws:PrincipalArn", USER)], []),
    "everybody but the owner, by NotPrincipal": (
        BY_ACCOUNT,
        [all_but(OWNER, f"arn:aws:iam::{OWNER}:role/admin")],
        [(2, True)],
    ),
    "everybody outside of the organization": (
        when("StringEquals", "aws:PrincipalOrgID", ORGANIZATION),
        [deny_when("StringNotEquals", "aws:PrincipalOrgID", ORGANIZATION)],
        [],
    ),
    "an account that may be in the organization": (
        when("StringEquals", "aws:PrincipalOrgID", ORGANIZATION),
        [deny(ROOT)],
        [(2, False)],
    ),
    "an account, of everybody": (allow(), [deny(ROOT)], [(2, False)]),
    "a service, of everybody": (allow(), [deny(Principal=LAMBDA)], [(2, False)]),
    "nobody, of everybody": (allow(), [deny(DELETED_ROLE)], []),
    "the same deleted role": (allow(DELETED_ROLE), [deny(DELETED_ROLE)], [(2, True)]),
    "the functions in one of two regions": (
        functions(EAST, WEST),
        [deny_when("StringLike", "aws:SourceArn", EAST, Principal=LAMBDA)],
        [(2, False)],
    ),
    "the functions in both of two regions": (
        functions(EAST, WEST),
        [deny_when("ArnLike", "aws:SourceArn", [EAST, WEST])],
        [(2, True)],
    ),
    "functions in another region": (
        functions(EAST),
        [deny_when("StringLike", "aws:SourceArn", WEST, Principal=LAMBDA)],
        [],
    ),
    "whoever is in no organization, as no service is": (
        functions(EAST),
        [deny_when("StringNotEquals", "aws:PrincipalOrgID", ORGANIZATION)],
        [(2, True)],
    ),
    "a Deny that is none": (BY_ACCOUNT, [deny(Principal=None)], []),
}


@pytest.mark.parametrize(("granting", "denying", "expected"), DENIED.values(), ids=DENIED.keys())
def test_a_share_is_denied(
    granting: dict[str, Any], denying: list[dict[str, Any]], expected: list[tuple[int, bool]]
) -> None:
    (row,) = found(granting, *denying)
    assert row.denied_by == expected


def test_a_pull_is_denied_for_certain_only_with_its_functions() -> None:
    fence = deny(ROOT)
    (row,) = found(BY_ACCOUNT, functions(EAST), fence)
    assert row.denied_by == [(3, False)]
    (row,) = found(BY_ACCOUNT, functions(EAST), fence, deny(Principal=LAMBDA))
    assert row.denied_by == [(3, True), (4, True)]


# Of each: statements, and of every share of an account whether it can pull, and push.
ABLE: dict[str, tuple[list[dict[str, Any]], list[tuple[bool, bool]]]] = {
    "to pull by a pull": ([BY_ACCOUNT], [(True, False)]),
    "to pull by the two actions that it takes": ([allow(ROOT, Action=list(LAMBDA_PULL))], [(True, False)]),
    "to pull by more": ([allow(ROOT, Action=LISTING)], [(True, False)]),
    "to do neither by one of the two": ([allow(ROOT, Action=list(PULL[1:]))], [(False, False)]),
    "to push alone": ([allow(ROOT, Action=list(UPLOAD))], [(False, True)]),
    "to push by PutImage": ([allow(ROOT, Action="ecr:Put*")], [(False, True)]),
    "to do both by everything": ([allow(ROOT, Action="ecr:*")], [(True, True)]),
    "to do neither by its functions": ([functions(EAST)], [(False, False)]),
    "to pull by two statements, one of them foreign": (
        [allow(ROOT, Action=[PULL[0]]), allow(ROOT, Action=[PULL[1]], Condition=TAGGED)],
        [(True, False), (True, False)],
    ),
    "to push by one statement and pull by another": (
        [BY_ACCOUNT, allow(ROOT, Action=["ecr:PutImage", "ecr:ListImages"])],
        [(True, False), (False, True)],
    ),
    "to do neither where a Deny takes a part of the pull": (
        [BY_ACCOUNT, deny(Action="ecr:BatchGetImage")],
        [(False, False)],
    ),
    "to pull where a Deny takes what it does not need": (
        [BY_ACCOUNT, deny(Action="ecr:BatchCheckLayerAvailability")],
        [(True, False)],
    ),
    "to pull where a Deny may take it": ([BY_ACCOUNT, deny(Condition=TAGGED)], [(True, False)]),
}


@pytest.mark.parametrize(("listed", "able"), ABLE.values(), ids=ABLE.keys())
def test_an_account_is_able(listed: list[dict[str, Any]], able: list[tuple[bool, bool]]) -> None:
    rows = [one.to_dict() for one in PolicyEvaluator("aws", OWNER).parse(policy(*listed)).shares()]
    assert [(row["can_pull"], row["can_push"]) for row in rows] == able
    # Nothing is required to describe, so nobody is said to be able to.
    assert all("can_describe" not in row for row in rows)


def test_statements_of_a_share_are_named_by_position_and_sid() -> None:
    listed = [allow(ROOT, Sid="first"), deny(Sid="no"), allow(ROOT)]
    (share,) = PolicyEvaluator("aws", OWNER).parse(policy(*listed)).shares()
    row = share.to_dict()
    assert row["statements"] == [{"position": 1, "sid": "first"}, {"position": 3, "sid": None}]
    assert row["denied_by"] == [{"position": 2, "sid": "no", "certain": True}]


# Of each: a statement, and what its only principal itself may do, in contrast to its functions.
ACTIONS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a capability": (allow(ROOT), list(PULL)),
    "more than that": (allow(ROOT, Action=LISTING), LISTING),
    "nothing for an account whose functions alone may pull": (functions(EAST), []),
    "the pull of Lambda": (functions(RESIZE), list(LAMBDA_PULL)),
}


@pytest.mark.parametrize(("statement", "expected"), ACTIONS.values(), ids=ACTIONS.keys())
def test_the_principal_itself_may_do(statement: dict[str, Any], expected: list[str]) -> None:
    (share,) = PolicyEvaluator("aws", OWNER).parse(policy(statement)).shares()
    assert sorted(share.actions) == sorted(expected)
