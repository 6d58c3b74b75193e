# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of a policy grants would declare, and what none can express, by examples."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._evaluation.adoption import Adoptable, covering
from ansible_collections.imageshare.aws.plugins.module_utils._evaluation.evaluator import (
    PolicyEvaluator,
    RegistryPolicy,
)
from ansible_collections.imageshare.aws.tests.support.builders import (
    ACCOUNT,
    DELETED_ROLE,
    DESCRIBE,
    EAST,
    LAMBDA,
    LAMBDA_PULL,
    ORGANIZATION,
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
    all_but,
    allow,
    allow_functions,
    deny,
    functions,
    policy,
    root,
    statement,
    when,
)

Declared = tuple[str, list[str], list[str], list[str]]
NO_POLICY = RegistryPolicy()
IP = {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}
BUILDS = {"Service": "codebuild.amazonaws.com"}


def adoptable(*statements: dict[str, Any], registry_policy: RegistryPolicy = NO_POLICY) -> Adoptable:
    """What of a policy of these statements can be declared, and what cannot."""
    return PolicyEvaluator("aws", OWNER).parse(policy(*statements), REPOSITORY, registry_policy).adoptable()


def declared(found: Adoptable) -> list[Declared]:
    """What grants would give: to whom, the access, the regions, and what is more than there is."""
    return [
        (one.principal.name, list(one.access), list(one.lambda_regions), list(one.wider)) for one in found.declarations
    ]


def reasons(found: Adoptable) -> list[str]:
    return [one.reason for one in found.undeclarable]


@pytest.mark.parametrize(
    ("actions", "access"),
    [
        (PULL, {"pull"}),
        (LAMBDA_PULL, {"pull"}),
        (PUSH, {"push"}),
        (UPLOAD, {"push"}),
        (["ecr:PutImage"], {"push"}),
        ([*PULL, *UPLOAD], {"pull", "push"}),
        (DESCRIBE, {"describe"}),
        (["ecr:ListImages"], {"describe"}),
        ([*PULL, "ecr:DescribeImages"], {"pull", "describe"}),
        ([*PULL, *PUSH, *DESCRIBE, "ecr:DeleteRepository"], {"pull", "push", "describe"}),
        # Nobody gets a capability who could not use it.
        (["ecr:BatchGetImage"], set()),
        (["ecr:BatchGetImage", "ecr:BatchCheckLayerAvailability"], set()),
        (["ecr:UploadLayerPart"], set()),
        ([*UPLOAD, "ecr:GetDownloadUrlForLayer"], set()),
        (["ecr:DeleteRepository"], set()),
        ([], set()),
    ],
)
def test_the_fewest_capabilities_cover_actions_and_none_that_could_not_be_used(
    actions: list[str], access: set[str]
) -> None:
    assert covering(frozenset(actions)) == access


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([allow(ROOT)], [(ACCOUNT, ["pull"], [], [])]),
        ([allow(ROLE), allow(USER, Action=list(PUSH))], [(ROLE, ["pull"], [], []), (USER, ["push"], [], [])]),
        ([allow(SESSION)], [(SESSION, ["pull"], [], [])]),
        ([when("StringEquals", "aws:PrincipalOrgID", ORGANIZATION)], [(ORGANIZATION, ["pull"], [], [])]),
        ([when("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", UNIT)], [(UNIT, ["pull"], [], [])]),
        ([when("StringEquals", "aws:PrincipalAccount", ACCOUNT)], [(ACCOUNT, ["pull"], [], [])]),
        ([allow(ROOT, Resource="*")], [(ACCOUNT, ["pull"], [], [])]),
        (
            [allow(ROOT, Action=[*PULL, "ecr:DescribeImages"])],
            [(ACCOUNT, ["pull", "describe"], [], ["ecr:DescribeRepositories", "ecr:ListImages"])],
        ),
        ([allow(ROOT, Action=list(UPLOAD))], [(ACCOUNT, ["push"], [], ["ecr:BatchGetImage"])]),
        # What several statements give is one access.
        ([allow(ROOT), allow(ROOT, Action=list(DESCRIBE))], [(ACCOUNT, ["pull", "describe"], [], [])]),
        ([allow(ROOT), allow_functions(EAST)], [(ACCOUNT, ["pull"], ["us-east-1"], [])]),
        ([allow_functions(functions(ACCOUNT, "*"))], [(ACCOUNT, [], ["*"], [])]),
        # Lambda goes with the pull alone.
        (
            [allow(ROOT, Action=list(PUSH)), allow_functions(EAST)],
            [(ACCOUNT, ["push"], [], []), (ACCOUNT, [], ["us-east-1"], [])],
        ),
        # A condition that holds for certain is none.
        ([allow(ROOT, Condition={"StringEquals": {"aws:PrincipalAccount": ACCOUNT}})], [(ACCOUNT, ["pull"], [], [])]),
        # Of what a Deny takes a part of, the Allow counts.
        (
            [allow(ROOT, Action=[*PULL, *UPLOAD]), deny(ROOT, Action="ecr:PutImage")],
            [(ACCOUNT, ["pull", "push"], [], [])],
        ),
    ],
)
def test_a_grant_declares_what_is_given_without_conditions(
    statements: list[dict[str, Any]], expected: list[Declared]
) -> None:
    assert declared(adoptable(*statements)) == expected


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([statement()], "It is for everyone."),
        ([statement(Condition=IP)], "It is for everyone, under a condition on aws:SourceIp."),
        ([all_but(ROOT, Effect="Allow")], "It is for everyone but those that NotPrincipal names."),
        ([allow(ROOT, Condition=IP)], "It is under a condition on aws:SourceIp."),
        (
            [when("ArnLike", "aws:PrincipalArn", f"arn:aws:iam::{ACCOUNT}:role/ci-*")],
            "It is for a pattern of principals, and a grant names each.",
        ),
        (
            [allow_functions(functions(ACCOUNT, name="resize"))],
            "It is for single functions, and a grant is for all of a region.",
        ),
        (
            [allow_functions(functions(ACCOUNT, "eu-*"))],
            "It is for functions in a pattern of regions, and a grant names each region.",
        ),
        ([statement(Principal=BUILDS)], "It is for a service, whomever that acts for."),
        (
            [when("StringEquals", "aws:SourceAccount", ACCOUNT, Principal=BUILDS)],
            "It is for what a service does for others: codebuild.amazonaws.com.",
        ),
        (
            [when("StringEquals", "aws:SourceOrgID", ORGANIZATION, Principal=LAMBDA)],
            "It is for functions of more than one account, and a grant is for those of one.",
        ),
        ([allow(DELETED_ROLE)], "The role or user was deleted."),
        ([allow(root(ACCOUNT, "aws-cn"))], "No grant can name this principal."),
        ([allow(root(OWNER))], "It is for the account that owns the registry, which needs no grant."),
        (
            [
                allow_functions(
                    functions(OWNER),
                    Sid="LambdaECRImageRetrievalPolicy",
                    Action=[*LAMBDA_PULL, "ecr:SetRepositoryPolicy"],
                )
            ],
            "AWS Lambda writes it, and keeps it up to date.",
        ),
        ([allow(ROOT, Action="ecr:DeleteRepository")], "No capability has ecr:DeleteRepository."),
        ([allow(ROOT, Action="ecr:BatchGet?mage")], "Only a part of a capability: ecr:BatchGetImage."),
        (
            [allow(ROOT, Action="ecr:GetAuthorizationToken")],
            "It allows nothing that counts in this repository.",
        ),
        ([allow(ROOT, Resource=f"{REPOSITORY}-2")], "It allows nothing that counts in this repository."),
        ([deny(ROOT)], "It is a Deny, and a grant takes nothing away."),
    ],
)
def test_what_no_grant_can_express_is_told_with_a_reason(statements: list[dict[str, Any]], expected: str) -> None:
    found = adoptable(*statements)
    assert declared(found) == []
    assert set(reasons(found)) == {expected}


def test_what_a_deny_takes_as_a_whole_is_not_declared() -> None:
    found = adoptable(allow(ROOT), allow(OTHER_ROOT), deny(ROOT))
    assert [one.principal.name for one in found.declarations] == ["444455556666"]
    assert reasons(found) == ["A Deny takes all of it.", "It is a Deny, and a grant takes nothing away."]


def test_the_rest_of_a_declared_access_is_told_and_that_it_would_be_taken_away() -> None:
    found = adoptable(allow(ROOT, Action="ecr:*"))
    assert declared(found) == [(ACCOUNT, ["pull", "push", "describe"], [], [])]
    (reason,) = reasons(found)
    assert reason.startswith("No capability has ecr:BatchDeleteImage, ecr:DeleteRepository, ")
    assert reason.endswith(" more. unmanaged_access=revoke takes that away.")


def test_what_is_under_a_condition_besides_is_told_and_that_it_would_be_taken_away() -> None:
    found = adoptable(allow(ROOT), allow(ROOT, Action=list(DESCRIBE), Condition=IP))
    assert declared(found) == [(ACCOUNT, ["pull"], [], [])]
    assert reasons(found) == ["It is under a condition on aws:SourceIp. unmanaged_access=revoke takes that away."]


@pytest.mark.parametrize(
    "statements",
    [
        [allow(ROOT, Action=list(DESCRIBE)), allow(ROOT, Condition=IP)],
        [allow(ROOT), allow(ROOT, Action=list(UPLOAD), Condition=IP)],
        [allow(ROOT, Action=[*DESCRIBE, *UPLOAD, "ecr:GetDownloadUrlForLayer"])],
        [allow_functions(EAST), allow(ROOT, Condition=IP)],
        # The rest of a pull may be given to the organization of the account.
        [allow(ROOT, Action=[*DESCRIBE, "ecr:GetDownloadUrlForLayer"])],
    ],
)
def test_nobody_is_declared_who_would_lose_the_pull_or_the_push_by_that(statements: list[dict[str, Any]]) -> None:
    found = adoptable(*statements)
    assert declared(found) == []
    assert any(reason.startswith("A grant would take away what the principal has of") for reason in reasons(found))


@pytest.mark.parametrize(
    "other",
    [
        allow_functions(functions(ACCOUNT, "eu-west-1", "resize")),
        when("StringEquals", "aws:SourceAccount", ACCOUNT, Principal=BUILDS),
    ],
)
def test_regions_are_not_declared_where_that_would_take_another_service_or_single_functions_away(
    other: dict[str, Any],
) -> None:
    found = adoptable(allow(ROOT), allow_functions(EAST), other)
    assert declared(found) == [(ACCOUNT, ["pull"], [], [])]
    assert "Other statements let in single functions or another service of the account." in reasons(found)


def test_functions_of_the_owner_are_declared_though_the_owner_is_not() -> None:
    found = adoptable(allow_functions(functions(OWNER)))
    assert declared(found) == [(OWNER, [], ["us-east-1"], [])]
    assert reasons(found) == []


def test_what_the_registry_allows_is_not_declared_for_the_repository_and_what_it_denies_counts() -> None:
    whole = {"Resource": "*"}
    allowing = RegistryPolicy(policy(allow(ROOT, Action=list(PUSH), **whole)), "V2")
    assert declared(adoptable(allow(ROOT), registry_policy=allowing)) == [(ACCOUNT, ["pull"], [], [])]
    denying = RegistryPolicy(policy(deny(ROOT, **whole)), "V2")
    assert declared(adoptable(allow(ROOT), registry_policy=denying)) == []
