# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shares: who gets what from a policy of any shape, by which statements, and what a Deny takes away."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._evaluation.evaluator import PolicyEvaluator
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.ecr_actions import REPOSITORY_ACTIONS
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
    via_service: str | None = None


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
            row.get("via_service"),
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
    "an account, where its root is asked for, which is its root user": (
        when("ArnEquals", "aws:PrincipalArn", ROOT),
        [account(conditions=[("ArnEquals", "aws:PrincipalArn", [ROOT])])],
    ),
    "an account by a pattern of its roles, and a role beside it": (
        when("ArnLike", "aws:PrincipalArn", [f"{ROLE}-*", ROLE]),
        [account(conditions=[("ArnLike", "aws:PrincipalArn", [f"{ROLE}-*"])]), Row(ROLE, "role")],
    ),
    "an account by all of its ARNs": (
        when("ArnLike", "aws:PrincipalArn", f"arn:aws:*::{ACCOUNT}:*"),
        [account()],
    ),
    "an organization, and a pattern of ARNs in it": (
        allow(Condition={"StringEquals": IN_ORGANIZATION, "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/ci"}}),
        [Row(ORGANIZATION, "organization", conditions=[("ArnLike", "aws:PrincipalArn", ["arn:aws:iam::*:role/ci"])])],
    ),
    "an organization, and a tag in it": (
        allow(Condition={"StringEquals": {**IN_ORGANIZATION, **TAGGED["StringEquals"]}}),
        [Row(ORGANIZATION, "organization", conditions=[TAG])],
    ),
    "a role among other ARNs of an organization": (
        allow(
            Condition={
                "StringEquals": IN_ORGANIZATION,
                "ArnLike": {"aws:PrincipalArn": [ROLE, "arn:aws:iam::*:role/ci"]},
            }
        ),
        [
            Row(ROLE, "role", conditions=[("StringEquals", "aws:PrincipalOrgID", [ORGANIZATION])]),
            Row(ORGANIZATION, "organization", conditions=[("ArnLike", "aws:PrincipalArn", ["arn:aws:iam::*:role/ci"])]),
        ],
    ),
    "an account, and a pattern of ARNs of every account": (
        allow(
            Condition={
                "StringEquals": {"aws:PrincipalAccount": ACCOUNT},
                "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/ci"},
            }
        ),
        [account(conditions=[("ArnLike", "aws:PrincipalArn", ["arn:aws:iam::*:role/ci"])])],
    ),
    "an organization by all of its paths": (
        when("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", f"{ORGANIZATION}/*"),
        [Row(ORGANIZATION, "organization", managed=True)],
    ),
    "nobody by a star to the letter": (when("StringEquals", "aws:PrincipalArn", "arn:aws:iam::*:role/ci"), []),
    "nobody by an ARN with a question mark to the letter": (
        when("StringEquals", "aws:PrincipalAccount", f"{ACCOUNT[:-1]}?"),
        [],
    ),
    "nobody by the tag of a request, which no pull has": (when("StringEquals", "aws:RequestTag/team", "a"), []),
    "everybody by all tags of a request, of which no pull has any": (
        when("ForAllValues:StringEquals", "aws:TagKeys", ["team"]),
        [everyone()],
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
    "a single function apart from all of them": (
        [functions(EAST, RESIZE)],
        [
            account([], regions=["us-east-1"], managed=True),
            account([], regions=["us-east-1"], conditions=[STRANGE], managed=True),
        ],
    ),
    "functions by a prefix": (
        [functions(f"{EAST[:-1]}web-*", Sid=None)],
        [
            account(
                [],
                regions=["us-east-1"],
                conditions=[("StringLike", "aws:sourceARN", [f"{EAST[:-1]}web-*"])],
                managed=True,
            )
        ],
    ),
    "more than the pull, through Lambda": (
        [functions(EAST, Action=[*LAMBDA_PULL, "ecr:PutImage"])],
        [
            account([], regions=["us-east-1"]),
            account([], ["ecr:PutImage"], via_service="lambda.amazonaws.com"),
        ],
    ),
    "what Lambda itself writes, which makes nobody an administrator": (
        [functions(EAST, Action=[*LAMBDA_PULL, "ecr:SetRepositoryPolicy"])],
        [
            account([], regions=["us-east-1"]),
            account([], ["ecr:SetRepositoryPolicy"], via_service="lambda.amazonaws.com"),
        ],
    ),
    "the change of the policy through Lambda beside what it does not write": (
        [functions(EAST, Action=[*LAMBDA_PULL, "ecr:SetRepositoryPolicy", "ecr:DeleteRepository"])],
        [
            account([], regions=["us-east-1"]),
            account(
                ["admin"],
                ["ecr:DeleteRepository", "ecr:SetRepositoryPolicy"],
                via_service="lambda.amazonaws.com",
            ),
        ],
    ),
    "less than the pull": (
        [functions(EAST, Action="ecr:BatchGetImage")],
        [account([], ["ecr:BatchGetImage"], via_service="lambda.amazonaws.com")],
    ),
    "the pull by two statements": (
        [functions(EAST, Action="ecr:BatchGetImage"), functions(EAST, Action=LAMBDA_PULL[1])],
        [account([], regions=["us-east-1"], statements=[1, 2])],
    ),
    "the whole pull, of which Lambda uses a part": (
        [functions(EAST, Action=list(PULL))],
        [account([], regions=["us-east-1"])],
    ),
    "functions of an account, whatever the principal": (
        [functions(EAST, Principal="*")],
        [account([], regions=["us-east-1"])],
    ),
    "an organization": (
        [functions(Condition={"StringEquals": {"aws:SourceOrgID": ORGANIZATION}})],
        [Row(ORGANIZATION, "organization", [], regions=["*"])],
    ),
    "a unit": (
        [functions(Condition={"ForAnyValue:StringLike": {"aws:SourceOrgPaths": UNIT}})],
        [Row(UNIT, "organizational_unit", [], regions=["*"])],
    ),
    "nobody by a star to the letter": ([functions(Condition={"StringEquals": {"aws:SourceArn": EAST}})], []),
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
        [account([], regions=["us-east-1"], conditions=[STRANGE])],
    ),
    "accounts by a pattern": (
        [functions(Condition={"StringLike": {"aws:SourceAccount": "1111*"}})],
        [lambdas(conditions=[("StringLike", "aws:SourceAccount", ["1111*"])])],
    ),
}


@pytest.mark.parametrize(("listed", "expected"), FOR_FUNCTIONS.values(), ids=FOR_FUNCTIONS.keys())
def test_lambda_shares(listed: list[dict[str, Any]], expected: list[Row]) -> None:
    assert found(*listed) == expected


# --- other services ---

PROJECT = f"arn:aws:codebuild:us-east-1:{ACCOUNT}:project/*"
BUILDS: dict[str, Any] = {"Principal": {"Service": "codebuild.amazonaws.com"}}
by_builds = partial(account, via_service="codebuild.amazonaws.com")
FOR_OTHERS: dict[str, tuple[dict[str, Any], list[Row]]] = {
    "projects of an account": (
        when("ArnLike", "aws:SourceArn", PROJECT, **BUILDS),
        [by_builds(conditions=[("ArnLike", "aws:SourceArn", [PROJECT])])],
    ),
    "an account": (when("StringEquals", "aws:SourceAccount", ACCOUNT, **BUILDS), [by_builds()]),
    "a project of the account": (
        allow(
            **BUILDS,
            Condition={"ArnEquals": {"aws:SourceArn": PROJECT}, "StringEquals": {"aws:SourceAccount": ACCOUNT}},
        ),
        [by_builds(conditions=[("ArnEquals", "aws:SourceArn", [PROJECT])])],
    ),
    "nobody where the sources contradict each other": (
        allow(
            **BUILDS, Condition={"ArnEquals": {"aws:SourceArn": PROJECT}, "StringEquals": {"aws:SourceAccount": OTHER}}
        ),
        [],
    ),
    "an organization": (
        when("StringEquals", "aws:SourceOrgID", ORGANIZATION, **BUILDS),
        [Row(ORGANIZATION, "organization", via_service="codebuild.amazonaws.com")],
    ),
    "a unit": (
        when("ForAnyValue:StringLike", "aws:SourceOrgPaths", UNIT, **BUILDS),
        [Row(UNIT, "organizational_unit", via_service="codebuild.amazonaws.com")],
    ),
    "whichever service acts, Lambda included": (
        when("StringEquals", "aws:SourceAccount", ACCOUNT),
        [account(via_service="*"), account([], regions=["*"])],
    ),
    "no function, where Lambda is to act for something else": (
        when("ArnLike", "aws:SourceArn", PROJECT, Principal=LAMBDA, Action=list(LAMBDA_PULL)),
        [],
    ),
    "whichever service acts for a project": (
        when("ArnLike", "aws:SourceArn", PROJECT),
        [account(conditions=[("ArnLike", "aws:SourceArn", [PROJECT])], via_service="*")],
    ),
    "a service that a condition names": (
        allow(
            Condition={
                "StringEquals": {"aws:PrincipalServiceName": "codebuild.amazonaws.com", "aws:SourceAccount": ACCOUNT}
            }
        ),
        [by_builds()],
    ),
    "every service in an organization": (
        allow(
            Condition={"Bool": {"aws:PrincipalIsAWSService": "true"}, "StringEquals": {"aws:SourceOrgID": ORGANIZATION}}
        ),
        [
            Row(ORGANIZATION, "organization", via_service="*"),
            Row(ORGANIZATION, "organization", [], regions=["*"]),
        ],
    ),
    "nobody of an account by the source of a service": (
        when("StringEquals", "aws:SourceAccount", ACCOUNT, Principal=aws(ROOT)),
        [],
    ),
}


@pytest.mark.parametrize(("statement", "expected"), FOR_OTHERS.values(), ids=FOR_OTHERS.keys())
def test_a_service_acts_for(statement: dict[str, Any], expected: list[Row]) -> None:
    assert found(statement) == expected


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
                ["pull", "push", "describe", "replicate", "admin"],
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
    "an organization, and what is none to the letter": (
        [when("StringEquals", "aws:PrincipalOrgID", [ORGANIZATION, "o-*"])],
        [Row(ORGANIZATION, "organization", managed=True)],
    ),
    "an organization, and any of a pattern": (
        [when("StringLike", "aws:PrincipalOrgID", [ORGANIZATION, "o-*"])],
        [
            Row(ORGANIZATION, "organization"),
            everyone(conditions=[("StringLike", "aws:PrincipalOrgID", ["o-*"])]),
        ],
    ),
    "the replication of an account": (
        [allow(ROOT, Action=["ecr:ReplicateImage", "ecr:CreateRepository"])],
        [account(["replicate"], ["ecr:ReplicateImage"])],
    ),
}


@pytest.mark.parametrize(("listed", "expected"), WHAT.values(), ids=WHAT.keys())
def test_what_is_shared(listed: list[dict[str, Any]], expected: list[Row]) -> None:
    assert found(*listed) == expected


# --- Deny ---

BY_ACCOUNT = allow(ROOT)
PULLING, ALL_OF_IT = ("pull",), True
# Of each: an Allow, Deny statements after it, what each of them takes, whether certainly, and whether that is all.
DENIED: dict[str, tuple[dict[str, Any], list[dict[str, Any]], list[tuple[int, tuple[str, ...], bool]], bool]] = {
    "all of it": (BY_ACCOUNT, [deny(Action="ecr:*")], [(2, PULLING, True)], True),
    "a part of it, without which there is no pull": (
        BY_ACCOUNT,
        [deny(Action="ecr:BatchGetImage")],
        [(2, PULLING, True)],
        False,
    ),
    "a part of it that is not needed": (
        BY_ACCOUNT,
        [deny(Action="ecr:BatchCheckLayerAvailability")],
        [(2, ("other",), True)],
        False,
    ),
    "the push alone": (
        allow(ROOT, Action=[*PULL, *UPLOAD]),
        [deny(Action=[*UPLOAD])],
        [(2, ("push",), True)],
        False,
    ),
    "what makes an administrator": (
        allow(ROOT, Action="ecr:*"),
        [deny(Action=["ecr:Set*", "ecr:Delete*", "ecr:BatchDeleteImage", "ecr:PutLifecyclePolicy"])],
        [(2, ("admin", "other"), True)],
        False,
    ),
    "a part of what makes an administrator": (
        allow(ROOT, Action="ecr:*"),
        [deny(Action="ecr:Set*")],
        [(2, ("other",), True)],
        False,
    ),
    "all of it, in two parts": (
        BY_ACCOUNT,
        [deny(Action="ecr:Batch*"), deny(Action="ecr:Get*", Condition=TAGGED), deny(Action="ecr:GetDownload*")],
        [(2, PULLING, True), (3, PULLING, False), (4, PULLING, True)],
        True,
    ),
    "what is not granted": (BY_ACCOUNT, [deny(Action="ecr:PutImage")], [], False),
    "a role of the account": (BY_ACCOUNT, [deny(ROLE)], [(2, PULLING, False)], False),
    "a role's account": (allow(ROLE), [deny(ROOT)], [(2, PULLING, True)], True),
    "another account": (BY_ACCOUNT, [deny(OTHER)], [], False),
    "under a condition": (BY_ACCOUNT, [deny(Condition=TAGGED)], [(2, PULLING, False)], False),
    "requests without TLS": (BY_ACCOUNT, [deny_when("Bool", "aws:SecureTransport", "false")], [], False),
    "everybody else": (allow(USER), [deny_when("StringNotEquals", "aws:PrincipalArn", USER)], [], False),
    "everybody but the owner, by NotPrincipal": (
        BY_ACCOUNT,
        [all_but(OWNER, f"arn:aws:iam::{OWNER}:role/admin")],
        [(2, PULLING, True)],
        True,
    ),
    "everybody outside of the organization": (
        when("StringEquals", "aws:PrincipalOrgID", ORGANIZATION),
        [deny_when("StringNotEquals", "aws:PrincipalOrgID", ORGANIZATION)],
        [],
        False,
    ),
    "an account that may be in the organization": (
        when("StringEquals", "aws:PrincipalOrgID", ORGANIZATION),
        [deny(ROOT)],
        [(2, PULLING, False)],
        False,
    ),
    "an account, of everybody": (allow(), [deny(ROOT)], [(2, PULLING, False)], False),
    "a service, of everybody": (allow(), [deny(Principal=LAMBDA)], [(2, PULLING, False)], False),
    "nobody, of everybody": (allow(), [deny(DELETED_ROLE)], [], False),
    "the same deleted role": (allow(DELETED_ROLE), [deny(DELETED_ROLE)], [(2, PULLING, True)], True),
    "the functions in one of two regions": (
        functions(EAST, WEST),
        [deny_when("StringLike", "aws:SourceArn", EAST, Principal=LAMBDA)],
        [(2, ("lambda",), True)],
        False,
    ),
    "the functions in both of two regions": (
        functions(EAST, WEST),
        [deny_when("ArnLike", "aws:SourceArn", [EAST, WEST])],
        [(2, ("lambda",), True)],
        True,
    ),
    "functions in another region": (
        functions(EAST),
        [deny_when("StringLike", "aws:SourceArn", WEST, Principal=LAMBDA)],
        [],
        False,
    ),
    "whoever is in no organization, as no service is": (
        functions(EAST),
        [deny_when("StringNotEquals", "aws:PrincipalOrgID", ORGANIZATION)],
        [(2, ("lambda",), True)],
        True,
    ),
    "all but a network, where no service is": (
        functions(EAST),
        [deny_when("NotIpAddress", "aws:SourceIp", "203.0.113.0/24")],
        [(2, ("lambda",), True)],
        True,
    ),
    "all but a role, which no service is": (
        functions(EAST),
        [deny_when("ArnNotEquals", "aws:PrincipalArn", ROLE)],
        [(2, ("lambda",), True)],
        True,
    ),
    "services that act for an account": (
        when("StringEquals", "aws:SourceAccount", ACCOUNT, **BUILDS),
        [deny_when("Bool", "aws:PrincipalIsAWSService", "true")],
        [(2, PULLING, True)],
        True,
    ),
    "services, of an account": (BY_ACCOUNT, [deny_when("Bool", "aws:PrincipalIsAWSService", "true")], [], False),
    "a Deny that is none": (BY_ACCOUNT, [deny(Principal=None)], [], False),
}


@pytest.mark.parametrize(("granting", "denying", "expected", "defeated"), DENIED.values(), ids=DENIED.keys())
def test_a_share_is_denied(
    granting: dict[str, Any],
    denying: list[dict[str, Any]],
    expected: list[tuple[int, tuple[str, ...], bool]],
    defeated: bool,
) -> None:
    (share,) = PolicyEvaluator("aws", OWNER).parse(policy(granting, *denying), REPOSITORY).shares()
    denials = share.to_dict()["denied_by"]
    assert [(one["position"], tuple(one["denies"]), one["certain"]) for one in denials] == expected
    assert share.to_dict().get("defeated", False) is share.defeated is defeated


def test_a_deny_is_told_for_what_it_takes_for_certain_and_for_what_it_may_take() -> None:
    fence = deny(ROLE, Action="ecr:*")
    (share,) = PolicyEvaluator("aws", OWNER).parse(policy(BY_ACCOUNT, functions(EAST), fence)).shares()
    assert [(one.denies, one.certain) for one in share.denied_by] == [(("pull",), False)]
    everybody = deny_when("StringNotEquals", "aws:PrincipalTag/team", "a", Action="ecr:*")
    (share,) = PolicyEvaluator("aws", OWNER).parse(policy(BY_ACCOUNT, functions(EAST), everybody)).shares()
    assert [(one.denies, one.certain) for one in share.denied_by] == [(("lambda",), True), (("pull",), False)]
    assert share.denied_regions == ("us-east-1",)
    assert not share.defeated


def test_all_of_a_share_is_denied_only_with_its_functions() -> None:
    evaluator, fence = PolicyEvaluator("aws", OWNER), deny(ROOT)
    (share,) = evaluator.parse(policy(BY_ACCOUNT, functions(EAST), fence)).shares()
    assert not share.defeated
    assert share.denied_regions == ()
    (share,) = evaluator.parse(policy(BY_ACCOUNT, functions(EAST), fence, deny(Principal=LAMBDA))).shares()
    assert share.defeated
    assert share.to_dict()["lambda_regions_denied"] == ["us-east-1"]


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
    of_repository = {"policy": "repository"}
    assert row["statements"] == [
        {**of_repository, "position": 1, "sid": "first"},
        {**of_repository, "position": 3, "sid": None},
    ]
    assert row["denied_by"] == [{**of_repository, "position": 2, "sid": "no", "denies": ["pull"], "certain": True}]


# Of each: a statement, and what its only principal itself may do, in contrast to its functions.
ACTIONS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a capability": (allow(ROOT), list(PULL)),
    "more than that": (allow(ROOT, Action=LISTING), LISTING),
    "nothing for an account whose functions alone may pull": (functions(EAST), []),
    "nothing for an account of which one function may pull": (functions(RESIZE), []),
    "the pull of Lambda for anybody": (functions(Condition=None), list(LAMBDA_PULL)),
}


@pytest.mark.parametrize(("statement", "expected"), ACTIONS.values(), ids=ACTIONS.keys())
def test_the_principal_itself_may_do(statement: dict[str, Any], expected: list[str]) -> None:
    (share,) = PolicyEvaluator("aws", OWNER).parse(policy(statement)).shares()
    assert sorted(share.actions) == sorted(expected)


# Of each: an operator, a date, and whether an Allow that was once under it is still of weight, and a Deny certain.
DATES: dict[str, tuple[str, str, bool, bool]] = {
    "what has ended": ("DateLessThan", "2020-01-01", False, False),
    "what has begun": ("DateGreaterThan", "2020-01-01", True, True),
    "what will end": ("DateLessThan", "2099-01-01", True, False),
    "what will begin": ("DateGreaterThan", "2099-01-01", True, False),
}


@pytest.mark.parametrize(("operator", "date", "counts", "certain"), DATES.values(), ids=DATES.keys())
def test_what_a_date_has_decided_for_ever_is_decided(operator: str, date: str, counts: bool, certain: bool) -> None:
    evaluator = PolicyEvaluator("aws", OWNER, now=1_795_694_400.0)
    condition = {"Condition": {operator: {"aws:CurrentTime": date}}}
    shares = evaluator.parse(policy(allow(ROOT, **condition))).shares()
    assert [bool(share.conditions) for share in shares] == ([not certain] if counts else [])
    (share,) = evaluator.parse(policy(allow(ROOT), deny(**condition))).shares()
    assert [denial.certain for denial in share.denied_by] == ([certain] if counts else [])
