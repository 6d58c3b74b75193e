# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shares: who gets what from a policy of any shape, by which statements, and what a Deny takes away."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._evaluation.actions import REPOSITORY_ACTIONS
from ansible_collections.imageshare.aws.plugins.module_utils._evaluation.effective_access import (
    StatementName,
    granted_by,
    public_statements,
    shares,
    unmanaged_statements,
)

OWNER = "123456789012"
ACCOUNT, OTHER = "111122223333", "444455556666"
ROOT, OTHER_ROOT = f"arn:aws:iam::{ACCOUNT}:root", f"arn:aws:iam::{OTHER}:root"
ROLE, USER = f"arn:aws:iam::{ACCOUNT}:role/ci", f"arn:aws:iam::{ACCOUNT}:user/alice"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/ci/nightly"
ORGANIZATION, UNIT = "o-a1b2c3d4e5", "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*"
EAST, WEST = (f"arn:aws:lambda:{region}:{ACCOUNT}:function:*" for region in ("us-east-1", "eu-west-1"))
RESIZE = f"{EAST[:-1]}resize"
ORPHAN = "AROAEXAMPLEROLE123456"

PULL = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
UPLOAD = ["ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart"]
LAMBDA_PULL = PULL[1:]
LISTING = [*PULL, "ecr:ListImages"]
LAMBDA: Any = {"Service": "lambda.amazonaws.com"}


def allow(**elements: Any) -> dict[str, Any]:
    """A statement that lets everybody pull, but for the given elements; None drops one."""
    whole = {"Effect": "Allow", "Principal": "*", "Action": PULL, **elements}
    return {name: value for name, value in whole.items() if value is not None}


def deny(**elements: Any) -> dict[str, Any]:
    return allow(Effect="Deny", **elements)


def aws(*names: str) -> Any:
    return {"AWS": list(names)}


def functions(*sources: str, **elements: Any) -> dict[str, Any]:
    return allow(
        **{
            "Principal": LAMBDA,
            "Action": LAMBDA_PULL,
            "Condition": {"StringLike": {"aws:sourceARN": list(sources)}},
            **elements,
        }
    )


@dataclass(frozen=True)
class Row:
    """What is expected of a share; what is left out is as of an unconditional pull by a foreign first statement."""

    principal: str
    kind: str
    access: str = "pull"
    actions: list[str] = field(default_factory=list)
    regions: list[str] = field(default_factory=list)
    conditions: list[tuple[str, str, list[str]]] = field(default_factory=list)
    statements: list[int] = field(default_factory=lambda: [1])
    # The position of a Deny, and whether it is certain.
    denied_by: list[tuple[int, bool]] = field(default_factory=list)
    managed: bool = False


def found(*listed: dict[str, Any], partition: str = "aws") -> list[Row]:
    return [
        Row(
            share.principal,
            share.kind,
            share.access,
            list(share.actions),
            list(share.lambda_regions),
            [(one.operator, one.key, list(one.values)) for one in share.conditions],
            [one.position for one in share.statements],
            [(one.position, one.certain) for one in share.denied_by],
            share.managed,
        )
        for share in shares({"Statement": list(listed)}, partition, OWNER)
    ]


TAGGED = {"StringEquals": {"aws:PrincipalTag/team": "a"}}
TAG = ("StringEquals", "aws:PrincipalTag/team", ["a"])
FOREIGN: Any = {"access": "partial", "actions": LISTING}

# --- who ---

WHO: dict[str, tuple[dict[str, Any], list[Row]]] = {
    "an account by its root": (allow(Principal=aws(ROOT)), [Row(ACCOUNT, "account", managed=True)]),
    "an account by its id": (allow(Principal=aws(ACCOUNT)), [Row(ACCOUNT, "account", managed=True)]),
    "an account once, by both": (allow(Principal=aws(ACCOUNT, ROOT)), [Row(ACCOUNT, "account", managed=True)]),
    "a role, a user and a session": (
        allow(Principal=aws(ROLE, USER, SESSION)),
        [Row(ROLE, "role", managed=True), Row(USER, "user", managed=True), Row(SESSION, "session", managed=True)],
    ),
    "an organization": (
        allow(Condition={"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}}),
        [Row(ORGANIZATION, "organization", managed=True)],
    ),
    "an organization by a pattern without a wildcard": (
        allow(Condition={"StringLike": {"aws:PrincipalOrgID": ORGANIZATION}}),
        [Row(ORGANIZATION, "organization")],
    ),
    "a unit": (
        allow(Condition={"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": [UNIT]}}),
        [Row(UNIT, "organizational_unit", managed=True)],
    ),
    "a part of an organization by a pattern": (
        allow(Condition={"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": f"{ORGANIZATION}/*/ou-ab12-*"}}),
        [Row(f"{ORGANIZATION}/*/ou-ab12-*", "organizational_unit", managed=True)],
    ),
    "a unit that must be in the organization, as it is": (
        allow(
            Condition={
                "StringEquals": {"aws:PrincipalOrgID": ORGANIZATION},
                "ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": UNIT},
            }
        ),
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
    "a role by a condition on everybody": (
        allow(Condition={"ArnEquals": {"aws:PrincipalArn": ROLE}}),
        [Row(ROLE, "role")],
    ),
    "an account by a condition on everybody": (
        allow(Condition={"StringEquals": {"aws:PrincipalAccount": [ACCOUNT, OTHER]}}),
        [Row(ACCOUNT, "account"), Row(OTHER, "account")],
    ),
    "everybody, where the root of an account is asked for, which is its root user": (
        allow(Condition={"ArnEquals": {"aws:PrincipalArn": ROOT}}),
        [Row("*", "everyone", conditions=[("ArnEquals", "aws:PrincipalArn", [ROOT])])],
    ),
    "everybody": (allow(), [Row("*", "everyone")]),
    "everybody beside an account": (
        allow(Principal=aws(ROOT, "*")),
        [Row(ACCOUNT, "account"), Row("*", "everyone")],
    ),
    "everybody but some": (
        allow(Principal=None, NotPrincipal={"AWS": [ROOT], "Service": "ecs.amazonaws.com"}),
        [
            Row(
                "*",
                "everyone",
                conditions=[("NotPrincipal", "AWS", [ROOT]), ("NotPrincipal", "Service", ["ecs.amazonaws.com"])],
            )
        ],
    ),
    "a service": (
        allow(Principal={"Service": "codebuild.amazonaws.com"}),
        [Row("codebuild.amazonaws.com", "service")],
    ),
    "Lambda for anybody": (functions(Condition=None), [Row("lambda.amazonaws.com", "service", "lambda")]),
    "a deleted role": (allow(Principal=aws(ORPHAN)), [Row(ORPHAN, "deleted", managed=True)]),
    "an account of another partition": (
        allow(Principal=aws("arn:aws-cn:iam::111122223333:root")),
        [Row("arn:aws-cn:iam::111122223333:root", "other", managed=True)],
    ),
    "an organization as a principal, which it cannot be": (
        allow(Principal=aws(ORGANIZATION)),
        [Row(ORGANIZATION, "other", managed=True)],
    ),
    "a federated provider and a canonical user": (
        allow(Principal={"Federated": "cognito-identity.amazonaws.com", "CanonicalUser": "79a59d"}),
        [Row("cognito-identity.amazonaws.com", "other"), Row("79a59d", "other")],
    ),
    "a star and a service where they are neither": (
        allow(
            Principal={"Federated": "*", "AWS": "lambda.amazonaws.com"},
            Action=LAMBDA_PULL,
            Condition={"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}, "ArnLike": {"aws:SourceArn": EAST}},
        ),
        [
            Row(
                name,
                "other",
                "partial",
                LAMBDA_PULL,
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
        [Row(ACCOUNT, "account"), Row("ecs.amazonaws.com", "service")],
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
    statement = allow(Principal=aws(f"arn:{partition}:iam::{ACCOUNT}:root"))
    assert found(statement, partition=partition) == [Row(ACCOUNT, "account", managed=True)]


# --- Lambda ---

STRANGE = ("StringLike", "aws:sourceARN", [RESIZE])
FOR_FUNCTIONS: dict[str, tuple[list[dict[str, Any]], list[Row]]] = {
    "an account's functions": (
        [functions(EAST, WEST)],
        [Row(ACCOUNT, "account", "lambda", regions=["us-east-1", "eu-west-1"], managed=True)],
    ),
    "the account and its functions in one row": (
        [allow(Principal=aws(ROOT)), functions(EAST)],
        [Row(ACCOUNT, "account", regions=["us-east-1"], statements=[1, 2], managed=True)],
    ),
    "Lambda's own statement, which is foreign, in another row": (
        [allow(Principal=aws(ROOT)), functions(EAST, Sid="LambdaECRImageRetrievalPolicy")],
        [
            Row(ACCOUNT, "account", managed=True),
            Row(ACCOUNT, "account", "lambda", regions=["us-east-1"], statements=[2]),
        ],
    ),
    "a single function, which is Lambda's row": (
        [functions(EAST, RESIZE)],
        [
            Row(ACCOUNT, "account", "lambda", regions=["us-east-1"], managed=True),
            Row("lambda.amazonaws.com", "service", "lambda", conditions=[STRANGE], managed=True),
        ],
    ),
    "more than the pull, which is Lambda's as a whole": (
        [functions(EAST, RESIZE, Action=[*LAMBDA_PULL, "ecr:SetRepositoryPolicy"])],
        [
            Row(ACCOUNT, "account", "lambda", regions=["us-east-1"]),
            Row(
                "lambda.amazonaws.com",
                "service",
                "admin",
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
                "partial",
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
        [Row(ACCOUNT, "account", "lambda", regions=["us-east-1"])],
    ),
    "a second condition on another account": (
        [functions(EAST, Condition={"ArnLike": {"aws:SourceArn": EAST}, "StringEquals": {"aws:SourceAccount": OTHER}})],
        [],
    ),
    "a second condition that is not decided": (
        [functions(EAST, Condition={"ArnLike": {"aws:SourceArn": EAST}, "StringEquals": {"aws:SourceOrgID": "o-1"}})],
        [
            Row(
                ACCOUNT,
                "account",
                "lambda",
                regions=["us-east-1"],
                conditions=[("StringEquals", "aws:SourceOrgID", ["o-1"])],
            )
        ],
    ),
    "any value of the source": (
        [functions(Condition={"ForAnyValue:StringLike": {"aws:sourceARN": [EAST]}})],
        [Row(ACCOUNT, "account", "lambda", regions=["us-east-1"])],
    ),
    "all but a source": (
        [functions(Condition={"StringNotLike": {"aws:sourceARN": EAST}})],
        [Row("lambda.amazonaws.com", "service", "lambda", conditions=[("StringNotLike", "aws:sourceARN", [EAST])])],
    ),
    "an account by its id": (
        [functions(Condition={"StringEquals": {"aws:SourceAccount": ACCOUNT}})],
        [Row(ACCOUNT, "account", "lambda", regions=["*"])],
    ),
    "a single function of an account by its id": (
        [
            functions(
                Condition={"StringLike": {"aws:sourceARN": RESIZE}, "StringEquals": {"aws:SourceAccount": ACCOUNT}}
            )
        ],
        [
            Row(
                "lambda.amazonaws.com",
                "service",
                "lambda",
                conditions=[STRANGE, ("StringEquals", "aws:SourceAccount", [ACCOUNT])],
            )
        ],
    ),
    "accounts by a pattern": (
        [functions(Condition={"StringLike": {"aws:SourceAccount": "1111*"}})],
        [
            Row(
                "lambda.amazonaws.com",
                "service",
                "lambda",
                conditions=[("StringLike", "aws:SourceAccount", ["1111*"])],
            )
        ],
    ),
}


@pytest.mark.parametrize(("listed", "expected"), FOR_FUNCTIONS.values(), ids=FOR_FUNCTIONS.keys())
def test_lambda_shares(listed: list[dict[str, Any]], expected: list[Row]) -> None:
    assert found(*listed) == expected


# --- what, and under which conditions ---

WHAT: dict[str, tuple[list[dict[str, Any]], list[Row]]] = {
    "a push": (
        [allow(Principal=aws(ROOT), Action=[PULL[0], *UPLOAD])],
        [Row(ACCOUNT, "account", "push", managed=True)],
    ),
    "two managed statements that add up": (
        [allow(Principal=aws(ROOT)), allow(Principal=aws(ROOT), Action=[PULL[0], *UPLOAD])],
        [Row(ACCOUNT, "account", "pull_push", statements=[1, 2], managed=True)],
    ),
    "foreign statements that add up": (
        [allow(Principal=aws(ROOT), Action="ecr:BatchGet*"), allow(Principal=aws(ACCOUNT), Action="ecr:PutImage")],
        [
            Row(
                ACCOUNT,
                "account",
                "partial",
                ["ecr:BatchGetImage", "ecr:BatchGetRepositoryScanningConfiguration", "ecr:PutImage"],
                statements=[1, 2],
            )
        ],
    ),
    "wildcards that amount to a pull": (
        [allow(Principal=aws(ROOT), Action=["ecr:BatchC*", "ecr:BatchGetI*", "ecr:GetDownload*", "ecr:GetAuth*"])],
        [Row(ACCOUNT, "account")],
    ),
    "everything": (
        [allow(Principal=aws(ROLE), Action="ecr:*")],
        [Row(ROLE, "role", "admin", sorted(REPOSITORY_ACTIONS))],
    ),
    "the same under a condition apart": (
        [allow(Principal=aws(ROOT), Action=LISTING), allow(Principal=aws(ROOT), Condition=TAGGED)],
        [
            Row(ACCOUNT, "account", **FOREIGN),
            Row(ACCOUNT, "account", conditions=[TAG], statements=[2]),
        ],
    ),
    "conditions that hold for certain are left out": (
        [allow(Principal=aws(ROLE), Condition={"Bool": {"aws:SecureTransport": True}, **TAGGED})],
        [Row(ROLE, "role", conditions=[TAG])],
    ),
    "the owner's own account as the resource's": (
        [allow(Principal=aws(ROLE), Condition={"StringEquals": {"aws:ResourceAccount": OWNER}})],
        [Row(ROLE, "role")],
    ),
    "another account as the resource's": (
        [allow(Principal=aws(ROLE), Condition={"StringEquals": {"aws:ResourceAccount": OTHER}})],
        [],
    ),
    "an account under a condition on one of its roles": (
        [allow(Principal=aws(ROOT), Condition={"ArnLike": {"aws:PrincipalArn": f"{ROLE}*"}})],
        [Row(ACCOUNT, "account", conditions=[("ArnLike", "aws:PrincipalArn", [f"{ROLE}*"])])],
    ),
    "an account under a condition on another's role": (
        [allow(Principal=aws(OTHER_ROOT), Condition={"ArnLike": {"aws:PrincipalArn": ROLE}})],
        [],
    ),
    "an account that must be in an organization": (
        [allow(Principal=aws(ROOT), Condition={"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}})],
        [Row(ACCOUNT, "account", conditions=[("StringEquals", "aws:PrincipalOrgID", [ORGANIZATION])])],
    ),
    "an organization, or none": (
        [allow(Condition={"StringEqualsIfExists": {"aws:PrincipalOrgID": ORGANIZATION}})],
        [Row("*", "everyone", conditions=[("StringEqualsIfExists", "aws:PrincipalOrgID", [ORGANIZATION])])],
    ),
    "organizations that are one and that are none": (
        [allow(Condition={"StringEquals": {"aws:PrincipalOrgID": [ORGANIZATION, "o-*"]}})],
        [
            Row(ORGANIZATION, "organization", managed=True),
            Row("*", "everyone", conditions=[("StringEquals", "aws:PrincipalOrgID", ["o-*"])], managed=True),
        ],
    ),
}


@pytest.mark.parametrize(("listed", "expected"), WHAT.values(), ids=WHAT.keys())
def test_what_is_shared(listed: list[dict[str, Any]], expected: list[Row]) -> None:
    assert found(*listed) == expected


# --- Deny ---

BY_ACCOUNT = allow(Principal=aws(ROOT))
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
    "a role of the account": (BY_ACCOUNT, [deny(Principal=aws(ROLE))], [(2, False)]),
    "a role's account": (allow(Principal=aws(ROLE)), [deny(Principal=aws(ROOT))], [(2, True)]),
    "another account": (BY_ACCOUNT, [deny(Principal=aws(OTHER))], []),
    "under a condition": (BY_ACCOUNT, [deny(Condition=TAGGED)], [(2, False)]),
    "requests without TLS": (BY_ACCOUNT, [deny(Condition={"Bool": {"aws:SecureTransport": "false"}})], []),
    "everybody else": (
        allow(Principal=aws(USER)),
        [deny(Condition={"StringNotEquals": {"aws:PrincipalArn": USER}})],
        [],
    ),
    "everybody but the owner, by NotPrincipal": (
        BY_ACCOUNT,
        [deny(Principal=None, NotPrincipal=aws(OWNER, f"arn:aws:iam::{OWNER}:role/admin"))],
        [(2, True)],
    ),
    "everybody outside of the organization": (
        allow(Condition={"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}}),
        [deny(Condition={"StringNotEquals": {"aws:PrincipalOrgID": ORGANIZATION}})],
        [],
    ),
    "an account that may be in the organization": (
        allow(Condition={"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}}),
        [deny(Principal=aws(ROOT))],
        [(2, False)],
    ),
    "an account, of everybody": (allow(), [deny(Principal=aws(ROOT))], [(2, False)]),
    "a service, of everybody": (allow(), [deny(Principal=LAMBDA)], [(2, False)]),
    "nobody, of everybody": (allow(), [deny(Principal=aws(ORPHAN))], []),
    "the same deleted role": (allow(Principal=aws(ORPHAN)), [deny(Principal=aws(ORPHAN))], [(2, True)]),
    "the functions in one of two regions": (
        functions(EAST, WEST),
        [deny(Principal=LAMBDA, Condition={"StringLike": {"aws:SourceArn": EAST}})],
        [(2, False)],
    ),
    "the functions in both of two regions": (
        functions(EAST, WEST),
        [deny(Condition={"ArnLike": {"aws:SourceArn": [EAST, WEST]}})],
        [(2, True)],
    ),
    "functions in another region": (
        functions(EAST),
        [deny(Principal=LAMBDA, Condition={"StringLike": {"aws:SourceArn": WEST}})],
        [],
    ),
    "whoever is in no organization, as no service is": (
        functions(EAST),
        [deny(Condition={"StringNotEquals": {"aws:PrincipalOrgID": ORGANIZATION}})],
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
    fence = deny(Principal=aws(ROOT))
    (row,) = found(BY_ACCOUNT, functions(EAST), fence)
    assert row.denied_by == [(3, False)]
    (row,) = found(BY_ACCOUNT, functions(EAST), fence, deny(Principal=LAMBDA))
    assert row.denied_by == [(3, True), (4, True)]


# Of each: statements, and of every share of an account whether it can pull, and push.
ABLE: dict[str, tuple[list[dict[str, Any]], list[tuple[bool, bool]]]] = {
    "to pull by a pull": ([BY_ACCOUNT], [(True, False)]),
    "to pull by the two actions that it takes": ([allow(Principal=aws(ROOT), Action=LAMBDA_PULL)], [(True, False)]),
    "to pull by more": ([allow(Principal=aws(ROOT), Action=LISTING)], [(True, False)]),
    "to do neither by one of the two": ([allow(Principal=aws(ROOT), Action=PULL[:2])], [(False, False)]),
    "to push alone": ([allow(Principal=aws(ROOT), Action=[PULL[0], *UPLOAD])], [(False, True)]),
    "to push by PutImage": ([allow(Principal=aws(ROOT), Action="ecr:Put*")], [(False, True)]),
    "to do both by everything": ([allow(Principal=aws(ROOT), Action="ecr:*")], [(True, True)]),
    "to do neither by its functions": ([functions(EAST)], [(False, False)]),
    "to pull by two statements, one of them foreign": (
        [allow(Principal=aws(ROOT), Action=[PULL[1]]), allow(Principal=aws(ROOT), Action=[PULL[2]], Condition=TAGGED)],
        [(True, False), (True, False)],
    ),
    "to push by one statement and pull by another": (
        [BY_ACCOUNT, allow(Principal=aws(ROOT), Action=["ecr:PutImage", "ecr:ListImages"])],
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
    assert [(share.can_pull, share.can_push) for share in shares({"Statement": listed}, "aws", OWNER)] == able


# --- the rest of a policy ---


def test_statements_are_named_by_position_and_sid() -> None:
    (share,) = shares(
        {"Statement": [allow(Sid="first", Principal=aws(ROOT)), deny(Sid="no"), allow(Principal=aws(ROOT))]},
        "aws",
        OWNER,
    )
    assert share.statements == (StatementName(1, "first"), StatementName(3, None))
    assert [(denial.position, denial.sid) for denial in share.denied_by] == [(2, "no")]


def test_unmanaged_statements_are_those_that_are_not_managed() -> None:
    policy = {"Statement": [allow(Principal=aws(ROOT)), allow(Sid="all", Action="ecr:*"), deny()]}
    assert unmanaged_statements(policy) == (StatementName(2, "all"), StatementName(3, None))


def test_no_policy_shares_nothing() -> None:
    assert shares(None, "aws", OWNER) == ()
    assert unmanaged_statements(None) == ()
    assert public_statements(None, "aws", OWNER) == ()


def test_a_single_statement_need_not_be_in_a_list() -> None:
    policy = {"Statement": allow()}
    assert [share.principal for share in shares(policy, "aws", OWNER)] == ["*"]
    assert public_statements(policy, "aws", OWNER) == (StatementName(1, None),)


GRANTED_BY: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a level": (allow(Principal=aws(ROOT)), PULL),
    "a list": (allow(Principal=aws(ROOT), Action=LISTING), LISTING),
    "nothing for an account whose functions alone may pull": (functions(EAST), []),
    "the pull of Lambda": (functions(RESIZE), LAMBDA_PULL),
}


@pytest.mark.parametrize(("statement", "expected"), GRANTED_BY.values(), ids=GRANTED_BY.keys())
def test_the_principal_itself_may_use(statement: dict[str, Any], expected: list[str]) -> None:
    (share,) = shares({"Statement": [statement]}, "aws", OWNER)
    assert sorted(granted_by(share)) == sorted(expected)
