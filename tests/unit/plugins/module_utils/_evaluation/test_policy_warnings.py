# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Warnings: each kind is raised where it must be, is silent where it must be, and says whom it concerns.

What they say word by word is in MESSAGES alone.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._errors import (
    SUMMARIES,
    PolicyWarning,
    RepositoryContext,
    certain_first,
)
from ansible_collections.imageshare.aws.plugins.module_utils._evaluation.evaluator import ParsedPolicy, PolicyEvaluator
from ansible_collections.imageshare.aws.plugins.module_utils._evaluation.policy_warnings import (
    deleted_principal_warnings,
    restoring_warnings,
    sharing_warnings,
    unsharing_warnings,
)
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.grants import Grant
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.managed_statements import ManagedStatements
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.merge import share
from ansible_collections.imageshare.aws.tests.support import builders
from ansible_collections.imageshare.aws.tests.support.builders import (
    ACCOUNT,
    DELETED_ROLE,
    DELETED_USER,
    DESCRIBE,
    EAST,
    LAMBDA,
    LAMBDA_PULL,
    ORGANIZATION,
    OTHER,
    OTHER_ROOT,
    OWNER,
    PULL,
    REPOSITORY,
    ROLE,
    ROOT,
    SESSION,
    UNIT,
    UPLOAD,
    WEST,
    grant,
    policy,
    root,
)

CONTEXT = RepositoryContext("base/python", "us-east-1", OWNER)
MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
PULL_PUSH = [*PULL, *UPLOAD[1:]]
BOTH = ("pull", "push")
PULLS, NO_REGION = [grant(ACCOUNT)], [grant(ACCOUNT, ["pull"], [])]
PULL_AND_EAST, EAST_ALONE = [grant(ACCOUNT, ["pull"], ["us-east-1"])], [grant(ACCOUNT, (), ["us-east-1"])]
FUNCTIONS_ALONE = [grant(ACCOUNT, (), ["*"])]
# Every statement here has a Sid, so that warnings can be told by it.
allow, deny, all_but = (partial(make, Sid="s") for make in (builders.allow, builders.deny, builders.all_but))
when, deny_when = (partial(make, Sid="s") for make in (builders.when, builders.deny_when))


def parsed(*listed: dict[str, Any]) -> ParsedPolicy:
    return PolicyEvaluator("aws", OWNER).parse(policy(*listed), REPOSITORY)


def after_share(*grants: Grant) -> ParsedPolicy:
    merged = share(None, grants, managed=ManagedStatements("aws", REPOSITORY), registry_id=OWNER)
    return PolicyEvaluator("aws", OWNER).parse(merged.policy, REPOSITORY)


def found(kind: str, warnings: tuple[PolicyWarning, ...]) -> list[PolicyWarning]:
    """The warnings of a kind, each of which names the repository, and the certain ones of which come first."""
    assert {warning.kind for warning in warnings} <= SUMMARIES.keys()
    for warning in warnings:
        assert warning.message.startswith(f"{CONTEXT.repository}: ")
        assert (warning.repository, warning.region, warning.registry_id) == ("base/python", "us-east-1", OWNER)
        assert all(name in warning.message for name in {*warning.principals} - {*LAMBDA.values()})
    assert certain_first(warnings) == warnings
    return [warning for warning in warnings if warning.kind == kind]


def sharing(kind: str, listed: list[dict[str, Any]], *grants: Grant) -> list[PolicyWarning]:
    return found(kind, sharing_warnings(parsed(*listed), grants, CONTEXT))


def unsharing(kind: str, listed: list[dict[str, Any]], *names: str) -> list[PolicyWarning]:
    return found(kind, unsharing_warnings(parsed(*listed), [grant(name) for name in names], CONTEXT))


@pytest.mark.parametrize("name", [ACCOUNT, ROLE, SESSION, ORGANIZATION, UNIT])
@pytest.mark.parametrize("access", [("pull",), ("push",), BOTH, ("pull", "describe")])
def test_a_policy_that_was_just_made_is_not_warned_about(name: str, access: tuple[str, ...]) -> None:
    granted = grant(name, access)
    assert sharing_warnings(after_share(granted), [granted], CONTEXT, purge_grants=True) == ()


@pytest.mark.parametrize("access", [("pull",), BOTH, ()])
@pytest.mark.parametrize("region", ["us-east-1", "*"])
def test_a_policy_that_was_just_made_with_lambda_is_not_warned_about(access: tuple[str, ...], region: str) -> None:
    granted = grant(ACCOUNT, access, [region])
    assert sharing_warnings(after_share(granted), [granted], CONTEXT, purge_grants=True) == ()


def test_no_policy_is_not_warned_about() -> None:
    nothing = PolicyEvaluator("aws").parse(None)
    assert unsharing_warnings(nothing, [grant(ACCOUNT)], CONTEXT) == ()
    assert deleted_principal_warnings(nothing, CONTEXT, writing=True, purged=True) == ()


def test_a_statement_for_another_repository_is_not_warned_about() -> None:
    elsewhere = {"Resource": f"{REPOSITORY}-2", "Action": "ecr:*"}
    policy_of_both = parsed(allow(**elsewhere), deny(**elsewhere), allow(OTHER_ROOT, **elsewhere))
    assert sharing_warnings(policy_of_both, [grant(ACCOUNT)], CONTEXT, purge_grants=True) == ()
    assert unsharing_warnings(policy_of_both, [grant(OTHER)], CONTEXT) == ()


# --- public ---

# Of each: the statement, and what the warning names; None where there must be none. What is public is in test_matching.
PUBLIC: dict[str, tuple[dict[str, Any], str | None]] = {
    "everybody": (allow(), "*"),
    "everybody under no Sid": (allow(Sid=None), "*"),
    "everybody in an organization of their own": (when("StringLike", "aws:PrincipalOrgID", "o-*"), "o-*"),
    "an account": (allow(OTHER_ROOT), None),
}


@pytest.mark.parametrize(("drawn", "named"), PUBLIC.values(), ids=PUBLIC.keys())
@pytest.mark.parametrize("warnings_of", [sharing, unsharing], ids=["sharing", "unsharing"])
def test_public(warnings_of: Any, drawn: dict[str, Any], named: str | None) -> None:
    before = allow(OTHER_ROOT, Sid="other")
    warnings = warnings_of("public", [before, drawn], grant(ACCOUNT) if warnings_of is sharing else ACCOUNT)
    expected = [] if named is None else [(drawn.get("Sid"), (named,), True)]
    assert [(warning.sid, warning.principals, warning.certain) for warning in warnings] == expected


def test_excess_is_only_possible_where_a_deny_may_take_it() -> None:
    wide, other_networks = allow(ROOT, Action="ecr:*"), deny_when("NotIpAddress", "aws:SourceIp", "203.0.113.0/24")
    other_networks = {**other_networks, "Action": "ecr:*"}
    assert [one.certain for one in sharing("excess_access", [wide], grant(ACCOUNT))] == [True]
    assert [one.certain for one in sharing("excess_access", [wide, other_networks], grant(ACCOUNT))] == [False]
    assert sharing("excess_access", [wide, deny(Action="ecr:*")], grant(ACCOUNT)) == []
    both = lambda_statement(EAST, WEST)
    west_denied = deny_when("StringLike", "aws:SourceArn", WEST, Principal=LAMBDA)
    assert [one.certain for one in sharing("excess_access", [both, west_denied], *EAST_ALONE)] == [False]


# --- unscoped_service ---

UNSCOPED: dict[str, tuple[dict[str, Any], tuple[str, ...] | None]] = {
    "Lambda for everybody": (allow(Principal=LAMBDA, Action=list(LAMBDA_PULL)), ("lambda.amazonaws.com",)),
    "functions of every account": (
        allow(Principal=LAMBDA, Condition={"StringLike": {"aws:sourceARN": [EAST, "arn:aws:lambda:*:*:function:*"]}}),
        ("lambda.amazonaws.com",),
    ),
    "two services": (
        allow(Principal={"Service": ["codebuild.amazonaws.com", "ecs.amazonaws.com"]}),
        ("codebuild.amazonaws.com", "ecs.amazonaws.com"),
    ),
    "an account's functions": (allow(Principal=LAMBDA, Condition={"ArnLike": {"aws:SourceArn": EAST}}), None),
    "everybody, which is public": (allow(), None),
}


@pytest.mark.parametrize(("drawn", "named"), UNSCOPED.values(), ids=UNSCOPED.keys())
@pytest.mark.parametrize("warnings_of", [sharing, unsharing], ids=["sharing", "unsharing"])
def test_unscoped_service(warnings_of: Any, drawn: dict[str, Any], named: tuple[str, ...] | None) -> None:
    warnings = warnings_of("unscoped_service", [drawn], grant(ACCOUNT) if warnings_of is sharing else ACCOUNT)
    expected = [] if named is None else [("s", named, True)]
    assert [(warning.sid, warning.principals, warning.certain) for warning in warnings] == expected


# --- explicit_deny ---

# Of each: a Deny, what is declared, and whom it denies, and whether for certain.
DENIES, MAY_DENY = True, False
SURELY, PERHAPS = {(ACCOUNT,): DENIES}, {(ACCOUNT,): MAY_DENY}
DENIED: dict[str, tuple[dict[str, Any], list[Grant], dict[tuple[str, ...], bool]]] = {
    "the account itself": (deny(ROOT), PULLS, SURELY),
    "everybody": (deny(), [grant(ACCOUNT), grant(ORGANIZATION)], {(ACCOUNT, ORGANIZATION): DENIES}),
    "one of two": (deny(OTHER), [grant(ACCOUNT), grant(OTHER)], {(OTHER,): DENIES}),
    "one action of several": (deny(Action="ecr:BatchGetImage"), PULLS, SURELY),
    "by a wildcard": (deny(Action="ecr:Put*"), [grant(ACCOUNT, ["push"])], SURELY),
    "by NotAction": (deny(Action=None, NotAction="ecr:DescribeImages"), PULLS, SURELY),
    "under a condition": (deny_when("NotIpAddress", "aws:SourceIp", "203.0.113.0/24"), PULLS, PERHAPS),
    "whoever is in no organization, so Lambda for certain": (
        deny_when("StringNotEquals", "aws:PrincipalOrgID", ORGANIZATION),
        [grant(ORGANIZATION), grant(ACCOUNT, ["pull"]), grant(OTHER, (), ["us-east-1"])],
        {(OTHER,): DENIES, (ACCOUNT,): MAY_DENY},
    ),
    "some of the declared regions": (
        deny_when("StringLike", "aws:sourceARN", EAST, Principal=LAMBDA),
        [grant(ACCOUNT, (), ["us-east-1", "eu-west-1"])],
        SURELY,
    ),
    "the repository's own region of all, which is the one that counts": (
        deny_when("StringLike", "aws:sourceARN", EAST, Principal=LAMBDA),
        FUNCTIONS_ALONE,
        {(ACCOUNT,): True},
    ),
    "another region than the repository's": (
        deny_when("StringLike", "aws:sourceARN", WEST, Principal=LAMBDA),
        [grant(ACCOUNT, (), ["us-east-1", "eu-west-1"])],
        {},
    ),
    "one of several regions that are not the repository's": (
        deny_when("StringLike", "aws:sourceARN", WEST, Principal=LAMBDA),
        [grant(ACCOUNT, (), ["eu-central-1", "eu-west-1"])],
        PERHAPS,
    ),
    "one function of a declared region": (
        deny_when("ArnLike", "aws:SourceArn", f"{EAST[:-1]}resize", Principal=LAMBDA),
        PULL_AND_EAST,
        PERHAPS,
    ),
    "certainly the one, perhaps the other": (
        deny(ROLE, OTHER),
        [grant(ACCOUNT), grant(OTHER)],
        {(OTHER,): DENIES, (ACCOUNT,): MAY_DENY},
    ),
    "Lambda's service": (deny(Principal=LAMBDA), EAST_ALONE, SURELY),
    "Lambda's service, where the pull has regions": (deny(Principal=LAMBDA), PULL_AND_EAST, SURELY),
    "Lambda's service for functions of other regions": (
        deny_when("StringNotLike", "aws:sourceARN", EAST, Principal=LAMBDA),
        FUNCTIONS_ALONE,
        {},
    ),
    "actions that are not granted": (deny(Action="ecr:PutImage"), PULLS, {}),
    "Lambda's service, where no region is declared": (deny(Principal=LAMBDA), NO_REGION, {}),
    "Lambda's service, from another action": (
        deny(Principal=LAMBDA, Action="ecr:SetRepositoryPolicy"),
        FUNCTIONS_ALONE,
        {},
    ),
    "all but the account, which does not spare Lambda": (all_but(ROOT, Action="ecr:*"), EAST_ALONE, SURELY),
    "requests without TLS, of which ECR takes none": (
        deny_when("Bool", "aws:SecureTransport", "false", Action="ecr:*"),
        [grant(ACCOUNT, BOTH, ["*"]), grant(ROLE), grant(ORGANIZATION)],
        {},
    ),
    "another region than the declared ones": (
        deny_when("StringLike", "aws:sourceARN", WEST, Principal=LAMBDA),
        PULL_AND_EAST,
        {},
    ),
    "one function of another region": (
        deny_when("ArnEquals", "aws:SourceArn", f"{WEST[:-1]}resize", Principal=LAMBDA),
        PULL_AND_EAST,
        {},
    ),
    "everybody but the role": (
        deny_when("ArnNotEquals", "aws:PrincipalArn", ROLE),
        [grant(ROLE), grant(SESSION)],
        {(SESSION,): MAY_DENY},
    ),
}


@pytest.mark.parametrize(("drawn", "grants", "expected"), DENIED.values(), ids=DENIED.keys())
def test_explicit_deny(drawn: dict[str, Any], grants: list[Grant], expected: dict[tuple[str, ...], bool]) -> None:
    warnings = sharing("explicit_deny", [drawn], *grants)
    assert {warning.principals: warning.certain for warning in warnings} == expected
    assert {warning.sid for warning in warnings} <= {"s"}


def test_a_deny_does_not_matter_to_who_is_to_have_nothing() -> None:
    assert unsharing("explicit_deny", [deny()], ACCOUNT) == []


# --- lambda_region_not_covered ---

REGIONS: dict[str, tuple[list[Grant], tuple[str, ...] | None]] = {
    "another region": ([grant(ACCOUNT, ["pull"], ["eu-west-1"])], (ACCOUNT,)),
    "other regions of several": (
        [grant(ACCOUNT, (), ["eu-west-1", "us-west-2"]), grant(OTHER, BOTH, ["eu-west-1"])],
        (ACCOUNT, OTHER),
    ),
    "one of two": ([grant(ACCOUNT, ["pull"], ["eu-west-1"]), grant(OTHER, ["pull"], ["us-east-1"])], (ACCOUNT,)),
    "its own region": (PULL_AND_EAST, None),
    "its own region among others": ([grant(ACCOUNT, ["pull"], ["eu-west-1", "us-east-1"])], None),
    "every region": ([grant(ACCOUNT, ["pull"], ["*"])], None),
    "no region": (NO_REGION, None),
    "regions left out": (PULLS, None),
}


@pytest.mark.parametrize(("grants", "named"), REGIONS.values(), ids=REGIONS.keys())
def test_lambda_region_not_covered(grants: list[Grant], named: tuple[str, ...] | None) -> None:
    warnings = found("lambda_region_not_covered", sharing_warnings(after_share(*grants), grants, CONTEXT))
    if named is None:
        assert warnings == []
        return
    (warning,) = warnings
    assert (warning.sid, warning.principals) == (None, named)
    assert warning.certain


# --- excess_access ---

# Of each: a statement, what is declared, and who has more by it, as whom if not as itself, and whether for certain.
ALLOWS, MAY_ALLOW = True, False
MORE = {(ACCOUNT,): (None, ALLOWS)}
EXCESS: dict[str, tuple[dict[str, Any], list[Grant], dict[tuple[str, ...], tuple[str | None, bool]]]] = {
    "an action more of the account": (allow(ROOT, Action=[*PULL, "ecr:PutImage"]), PULLS, MORE),
    "a wildcard of the account": (allow(ACCOUNT, Action="ecr:*"), [grant(ACCOUNT, BOTH)], MORE),
    "all but some actions": (allow(ROOT, Action=None, NotAction="ecr:Delete*"), PULLS, MORE),
    "what the account has and the role has not": (
        allow(ROOT, Action=PULL_PUSH),
        [grant(ROLE)],
        {(ROLE,): (ACCOUNT, ALLOWS)},
    ),
    "what a role has and its account has not": (allow(ROLE, Action=PULL_PUSH), PULLS, {(ACCOUNT,): (ROLE, MAY_ALLOW)}),
    "what a role's sessions have by the role": (
        allow(ROLE, Action=PULL_PUSH),
        [grant(SESSION)],
        {(SESSION,): (ROLE, ALLOWS)},
    ),
    "what members of an organization have": (
        when("StringEquals", "aws:PrincipalOrgID", ORGANIZATION, Action=PULL_PUSH),
        PULLS,
        {(ACCOUNT,): (ORGANIZATION, MAY_ALLOW)},
    ),
    "what an organization's unit has": (
        when("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", UNIT, Action=PULL_PUSH),
        [grant(ORGANIZATION)],
        {(ORGANIZATION,): (UNIT, MAY_ALLOW)},
    ),
    "what everybody has under a condition": (
        when("IpAddress", "aws:SourceIp", "203.0.113.0/24", Action=PULL_PUSH),
        [grant(ACCOUNT), grant(ORGANIZATION)],
        {(ACCOUNT, ORGANIZATION): ("*", MAY_ALLOW)},
    ),
    "what describes the images, which is declared": (
        allow(ROOT, Action=[*PULL, *DESCRIBE]),
        [grant(ACCOUNT, ["pull", "describe"])],
        {},
    ),
    "a push as an earlier version wrote it": (allow(ROOT, Action=list(UPLOAD)), [grant(ACCOUNT, ["push"])], {}),
    "what is less than the declared": (allow(ROOT, Action="ecr:BatchGetImage"), [grant(ACCOUNT, BOTH)], {}),
    "what is declared for the account, and reaches the role": (
        allow(ROOT, Action=PULL_PUSH),
        [grant(ROLE), grant(ACCOUNT, BOTH)],
        {},
    ),
    "what is declared for the organization, and may reach the account": (
        when("StringEquals", "aws:PrincipalOrgID", ORGANIZATION),
        [grant(ORGANIZATION), grant(ACCOUNT, (), ["us-east-1"])],
        {},
    ),
    "what everybody has, which is public": (allow(Action="ecr:*"), PULLS, {}),
}


@pytest.mark.parametrize(("drawn", "grants", "expected"), EXCESS.values(), ids=EXCESS.keys())
def test_excess_access(
    drawn: dict[str, Any], grants: list[Grant], expected: dict[tuple[str, ...], tuple[str | None, bool]]
) -> None:
    warnings = sharing("excess_access", [drawn], *grants)
    assert {warning.principals: warning.certain for warning in warnings} == {
        names: certain for names, (_matched_as, certain) in expected.items()
    }
    for warning in warnings:
        matched_as = expected[warning.principals][0]
        assert (f", as {matched_as}: " in warning.message) is (matched_as is not None)
        assert warning.sid == "s"


lambda_statement = partial(builders.allow_functions, Sid="s")
OTHER_EAST = EAST.replace(ACCOUNT, OTHER)
FUNCTIONS: dict[str, tuple[dict[str, Any], list[Grant], list[tuple[str, ...]]]] = {
    "a single function, where no region is declared": (lambda_statement(f"{EAST[:-1]}resize"), NO_REGION, [(ACCOUNT,)]),
    "a single function in another region": (lambda_statement(EAST, f"{WEST[:-1]}resize"), PULL_AND_EAST, [(ACCOUNT,)]),
    "the service without a condition": (lambda_statement(), NO_REGION, [(ACCOUNT,)]),
    "a foreign statement for the account's functions": (
        lambda_statement(EAST, Action=[*LAMBDA_PULL, "ecr:DescribeImages"]),
        [grant(ACCOUNT, ["pull"], []), grant(OTHER, ["pull"], [])],
        # The pull, and what Lambda may do besides.
        [(ACCOUNT,), (ACCOUNT,)],
    ),
    "another region": (lambda_statement(WEST), EAST_ALONE, [(ACCOUNT,)]),
    "Lambda's own statement for another region": (
        lambda_statement(WEST, Sid="LambdaECRImageRetrievalPolicy"),
        EAST_ALONE,
        [(ACCOUNT,)],
    ),
    "a single function in a declared region": (lambda_statement(EAST, f"{EAST[:-1]}resize"), EAST_ALONE, []),
    "every region declared": (lambda_statement(f"{WEST[:-1]}resize"), [grant(ACCOUNT, (), ["us-east-1", "*"])], []),
    "regions left out": (lambda_statement(f"{EAST[:-1]}resize"), PULLS, []),
    "a role's grant": (lambda_statement(EAST), [grant(ROLE, ["pull"], [])], []),
}


@pytest.mark.parametrize(("drawn", "grants", "named"), FUNCTIONS.values(), ids=FUNCTIONS.keys())
def test_excess_access_of_functions(drawn: dict[str, Any], grants: list[Grant], named: list[tuple[str, ...]]) -> None:
    warnings = sharing("excess_access", [drawn], *grants)
    assert [warning.principals for warning in warnings] == named
    assert all(warning.certain for warning in warnings)


RESIZE, OWN_RESIZE = f"{OTHER_EAST[:-1]}resize", f"{EAST.replace(ACCOUNT, OWNER)[:-1]}resize"
ABROAD = root(OTHER, "aws-us-gov")
OTHER_ACTIONS = [*PULL, "ecr:ListImages"]
# Of each: the statement, and whom a purge that keeps ACCOUNT and ORGANIZATION leaves in, certainly or possibly.
UNDECLARED: dict[str, tuple[dict[str, Any], dict[tuple[str, ...], bool]]] = {
    "an unmanaged statement": (allow(OTHER_ROOT, ROOT, Action=OTHER_ACTIONS), {(OTHER,): ALLOWS}),
    "an unmanaged statement under a condition": (
        allow(OTHER_ROOT, Condition={"StringEquals": {"aws:PrincipalTag/team": "a"}}),
        {(OTHER,): MAY_ALLOW},
    ),
    "a single function of another account": (lambda_statement(RESIZE, EAST), {(OTHER,): ALLOWS}),
    "another service for another account": (
        when("StringEquals", "aws:SourceAccount", OTHER, Principal={"Service": "codebuild.amazonaws.com"}),
        {(OTHER,): ALLOWS},
    ),
    "another service for an organization": (
        when("StringEquals", "aws:SourceOrgID", "o-z9y8x7w6v5", Principal={"Service": "codebuild.amazonaws.com"}),
        {("o-z9y8x7w6v5",): ALLOWS},
    ),
    "another service for a declared account": (
        when("StringEquals", "aws:SourceAccount", ACCOUNT, Principal={"Service": "codebuild.amazonaws.com"}),
        {},
    ),
    "Lambda's own statement for another account": (
        lambda_statement(OTHER_EAST, Action=[*LAMBDA_PULL, "ecr:GetRepositoryPolicy"]),
        {(OTHER,): ALLOWS},
    ),
    "another service for everybody, which is a warning of its own": (
        allow(Principal={"Service": "codebuild.amazonaws.com"}),
        {},
    ),
    "a federated provider": (
        allow(Principal={"Federated": "cognito-identity.amazonaws.com"}),
        {("cognito-identity.amazonaws.com",): ALLOWS},
    ),
    "an account of another partition": (allow(ABROAD), {(ABROAD,): ALLOWS}),
    "another organization": (
        when("StringEquals", "aws:PrincipalOrgID", "o-z9y8x7w6v5", Action=OTHER_ACTIONS),
        {("o-z9y8x7w6v5",): ALLOWS},
    ),
    "everybody under a condition": (when("IpAddress", "aws:SourceIp", "203.0.113.9"), {("*",): MAY_ALLOW}),
    "everybody, which is public": (allow(), {}),
    "Lambda for everybody, which is a warning of its own": (lambda_statement(), {}),
    "a declared account": (allow(ROOT), {}),
    "a unit of a declared organization": (
        when("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", UNIT, Action=OTHER_ACTIONS),
        {},
    ),
    "the owner": (allow(OWNER, Action="ecr:*"), {}),
    "a single function of the owner": (lambda_statement(OWN_RESIZE), {}),
    "a deleted role": (allow(DELETED_ROLE, Action="ecr:*"), {}),
    "a Deny": (deny(OTHER), {}),
}


@pytest.mark.parametrize(("drawn", "expected"), UNDECLARED.values(), ids=UNDECLARED.keys())
def test_excess_access_of_whom_a_purge_leaves_in(drawn: dict[str, Any], expected: dict[tuple[str, ...], bool]) -> None:
    grants = [grant(ACCOUNT, ["pull"], ["us-east-1"]), grant(ORGANIZATION)]
    unpurged = sharing_warnings(parsed(drawn), grants, CONTEXT)
    purged = sharing_warnings(parsed(drawn), grants, CONTEXT, purge_grants=True)
    assert set(unpurged) <= set(purged)
    added = [warning for warning in found("excess_access", purged) if warning not in unpurged]
    assert {warning.principals: warning.certain for warning in added} == expected
    assert {warning.sid for warning in added} <= {"s"}


def test_whom_a_deny_defeats_is_not_left_in_by_a_purge() -> None:
    listed = parsed(allow(OTHER, Action=OTHER_ACTIONS), deny(Action="ecr:*"))
    assert found("excess_access", sharing_warnings(listed, PULLS, CONTEXT, purge_grants=True)) == []


LEFT: dict[str, tuple[dict[str, Any], list[str], list[tuple[str, ...]]]] = {
    "an unmanaged statement": (allow(ROOT, Action="ecr:DescribeImages"), [ACCOUNT, OTHER], [(ACCOUNT,)]),
    "a managed statement of the account, for its role": (allow(ROOT), [ROLE], [(ROLE,)]),
    "a managed statement of a role, for its account": (allow(ROLE), [ACCOUNT], [(ACCOUNT,)]),
    "a single function": (lambda_statement(f"{EAST[:-1]}resize"), [ACCOUNT], [(ACCOUNT,)]),
    "the token alone": (allow(ROOT, Action="ecr:GetAuthorizationToken"), [ACCOUNT], []),
    "somebody else's statement": (allow(OTHER), [ACCOUNT], []),
}


@pytest.mark.parametrize(("drawn", "whom", "named"), LEFT.values(), ids=LEFT.keys())
def test_excess_access_after_unsharing(drawn: dict[str, Any], whom: list[str], named: list[tuple[str, ...]]) -> None:
    warnings = unsharing("excess_access", [drawn], *whom)
    assert [warning.principals for warning in warnings] == named
    assert [warning.sid for warning in warnings] == ["s"] * len(named)


# --- deleted_principal ---

UNMANAGED = allow(DELETED_ROLE, ROOT, Sid="unmanaged", Action="ecr:*")
MANAGED = allow(ROOT, DELETED_USER, Sid=None)


def deleted(*listed: dict[str, Any], writing: bool, purged: bool) -> list[tuple[str | None, tuple[str, ...]]]:
    warnings = deleted_principal_warnings(parsed(*listed), CONTEXT, writing=writing, purged=purged)
    assert all(warning.certain for warning in warnings)
    return [(warning.sid, warning.principals) for warning in found("deleted_principal", warnings)]


def test_deleted_principals_are_not_worth_a_warning_where_nothing_is_written_or_purged() -> None:
    assert deleted(UNMANAGED, MANAGED, writing=False, purged=False) == []


def test_deleted_principals_are_warned_of_before_aws_refuses_them() -> None:
    listed = [UNMANAGED, allow(ROOT), MANAGED]
    expected = [("unmanaged", (DELETED_ROLE,)), (None, (DELETED_USER,))]
    assert deleted(*listed, writing=True, purged=False) == expected


def test_deleted_principals_of_unmanaged_statements_are_warned_of_where_the_others_were_purged() -> None:
    assert deleted(UNMANAGED, writing=False, purged=True) == [("unmanaged", (DELETED_ROLE,))]


def test_a_policy_without_deleted_principals_is_not_warned_about() -> None:
    assert deleted(allow(ROOT, ROLE), writing=True, purged=True) == []


# --- order and words ---


def test_certain_warnings_come_first_in_their_order() -> None:
    warnings = [PolicyWarning("public", str(number), certain=number % 2 == 0) for number in range(4)]
    assert [warning.message for warning in certain_first(warnings)] == ["0", "2", "1", "3"]


def messages(*listed: dict[str, Any], grants: list[Grant], **options: bool) -> list[str]:
    return [warning.message for warning in sharing_warnings(parsed(*listed), grants, CONTEXT, **options)]


def restoring(kind: str, listed: list[dict[str, Any]], present: list[dict[str, Any]]) -> list[PolicyWarning]:
    return found(kind, restoring_warnings(parsed(*listed), parsed(*present), CONTEXT))


PULLED = allow(ROOT, Action=list(PULL))
# Of each: the policy that is put back, the present one, and who is let in again, certainly or possibly.
AGAIN: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]], list[tuple[tuple[str, ...], bool]]]] = {
    "the same": ([PULLED], [PULLED], []),
    "less": ([PULLED], [allow(ROOT, Action="ecr:*")], []),
    "the same by another statement": ([PULLED], [allow(ROOT, Action=list(PULL), Sid="t", Resource="*")], []),
    "nothing": ([], [PULLED], []),
    "somebody who has nothing": ([PULLED], [], [((ACCOUNT,), True)]),
    "somebody beside another": ([PULLED, allow(OTHER_ROOT)], [PULLED], [((OTHER,), True)]),
    "somebody with more": ([allow(ROOT, Action=PULL_PUSH)], [PULLED], [((ACCOUNT,), True)]),
    "by an unmanaged statement": ([allow(ROOT, Action="ecr:TagResource")], [], [((ACCOUNT,), True)]),
    "a role of an account that is let in": ([allow(ROLE)], [allow(ROOT)], []),
    "a role": ([allow(ROLE)], [], [((ROLE,), True)]),
    "the owner": ([allow(root(OWNER))], [], []),
    "under a condition": ([allow(ROOT, Condition=MFA)], [], [((ACCOUNT,), False)]),
    "without the condition": ([PULLED], [allow(ROOT, Action=list(PULL), Condition=MFA)], [((ACCOUNT,), True)]),
    "under another condition": ([allow(ROOT, Condition=MFA)], [allow(ROOT)], []),
    "who is denied": ([allow(ROOT), deny(ROOT)], [], []),
    "who was denied": ([allow(ROOT)], [allow(ROOT), deny(ROOT)], [((ACCOUNT,), True), ((), True)]),
    "functions": ([lambda_statement(EAST)], [], [((ACCOUNT,), True)]),
    "functions as before": ([lambda_statement(EAST)], [lambda_statement(EAST)], []),
    "where everyone is let in": ([PULLED], [allow(Action=list(PULL))], []),
    "no longer denied": ([PULLED], [PULLED, deny(OTHER_ROOT)], [((), True)]),
    "denied in another order": ([deny(ROOT, OTHER_ROOT)], [deny(OTHER_ROOT, ROOT)], []),
    "denied by a key in another case": (
        [deny(Condition={"StringNotEquals": {"aws:SourceVpc": "vpc-1"}})],
        [deny(Condition={"stringNotEquals": {"aws:sourcevpc": ["vpc-1"]}})],
        [],
    ),
    "denied less": ([deny(ROOT, Action="ecr:PutImage")], [deny(ROOT, Action="ecr:*")], [((), True)]),
}


@pytest.mark.parametrize(("listed", "present", "again"), AGAIN.values(), ids=AGAIN.keys())
def test_whom_a_policy_that_is_put_back_lets_in_again(
    listed: list[dict[str, Any]], present: list[dict[str, Any]], again: list[tuple[tuple[str, ...], bool]]
) -> None:
    warnings = restoring("excess_access", listed, present)
    assert [(warning.principals, warning.certain) for warning in warnings] == again


def test_a_public_policy_that_is_put_back_is_warned_about() -> None:
    assert len(restoring("public", [allow()], [])) == 1
    assert restoring("excess_access", [allow()], []) == []


def said_of_restoring(listed: list[dict[str, Any]], present: list[dict[str, Any]]) -> list[str]:
    return [warning.message for warning in restoring_warnings(parsed(*listed), parsed(*present), CONTEXT)]


# Of each: what is said, and what it is said about.
MESSAGES: dict[str, list[str]] = {
    'base/python: the repository is public: statement "s" allows everyone ("*", without a condition) to use '
    "ecr:GetDownloadUrlForLayer, ecr:BatchGetImage, ecr:BatchCheckLayerAvailability": messages(allow(), grants=PULLS),
    'base/python: the repository is public: statement 1 allows everyone ("*", under a condition that anybody can meet) '
    "to use ecr:*": messages(
        allow(Sid=None, Action="ecr:*", Condition={"Bool": {"aws:SecureTransport": True}}), grants=PULLS
    ),
    'base/python: statement "s" allows lambda.amazonaws.com, on behalf of any account, to use ecr:BatchGetImage, '
    "ecr:GetDownloadUrlForLayer: no condition on aws:SourceArn, aws:SourceAccount or the like names an account": (
        messages(lambda_statement(), grants=PULLS)
    ),
    'base/python: statement "s" allows any service, on behalf of any account, to use ecr:BatchGetImage: no condition '
    "on aws:SourceArn, aws:SourceAccount or the like names an account": messages(
        when("Bool", "aws:PrincipalIsAWSService", "true", Action="ecr:BatchGetImage"), grants=PULLS
    ),
    'base/python: statement "s" is open to accounts that it does not name: o-*': messages(
        when("StringLike", "aws:PrincipalOrgID", "o-*"), grants=[grant(ORGANIZATION)]
    ),
    'base/python: statement "s" denies 111122223333, o-a1b2c3d4e5 the declared access (pull): a Deny overrides every '
    "Allow": messages(deny(), grants=[grant(ACCOUNT), grant(ORGANIZATION)]),
    'base/python: statement "s" may deny 111122223333 the declared access (pull), under its conditions or for a part '
    "of them": messages(deny(ROLE), grants=PULLS),
    'base/python: statement "s" denies 111122223333 the declared access (a part of push (ecr:InitiateLayerUpload)): a '
    "Deny overrides every Allow": messages(
        deny(Action="ecr:InitiateLayerUpload"), grants=[grant(ACCOUNT, ["pull", "push"])]
    ),
    'base/python: statement "s" denies lambda.amazonaws.com the declared pull for functions of 111122223333: a Deny '
    "overrides every Allow": messages(deny(Principal=LAMBDA), grants=PULL_AND_EAST),
    'base/python: statement "s" still allows codebuild.amazonaws.com, on behalf of 111122223333, to use ecr:PutImage': (
        messages(
            when(
                "StringEquals",
                "aws:SourceAccount",
                ACCOUNT,
                Principal={"Service": "codebuild.amazonaws.com"},
                Action=["ecr:PutImage", "ecr:BatchGetImage"],
            ),
            grants=PULLS,
        )
    ),
    'base/python: statement "s" may still allow any service, on behalf of 111122223333, to use ecr:PutImage': messages(
        when("ArnLike", "aws:SourceArn", f"arn:aws:codebuild:us-east-1:{ACCOUNT}:project/*", Action="ecr:PutImage"),
        grants=PULLS,
    ),
    "base/python: the repository is in us-east-1, which no declared lambda_regions of 111122223333 covers: a function "
    "pulls its image from its own region only": messages(grants=[grant(ACCOUNT, [], ["eu-west-1"])]),
    'base/python: statement "s" still allows 111122223333 more than the declared access: ecr:PutImage, '
    "ecr:InitiateLayerUpload, ecr:UploadLayerPart, ecr:CompleteLayerUpload, ecr:ListImages and 1 more": messages(
        allow(ROOT, Action=[*PULL_PUSH, "ecr:ListImages", "ecr:TagResource"]), grants=PULLS
    ),
    f'base/python: statement "s" may still allow 111122223333 more than the declared access, as {ROLE}: ecr:Put*': (
        messages(allow(ROLE, Action="ecr:Put*"), grants=PULLS)
    ),
    'base/python: statement "s" still allows 111122223333 more than the declared access: all but ecr:Delete*': messages(
        allow(ROOT, Action=None, NotAction="ecr:Delete*"), grants=PULLS
    ),
    'base/python: statement "s" still allows Lambda functions of 111122223333 to pull beyond the declared '
    "lambda_regions": messages(lambda_statement(WEST), grants=[grant(ACCOUNT, [], ["us-east-1"])]),
    (
        'base/python: statement "s" still gives access to 444455556666, whom no grant names. purge_grants does not '
        "change it"
    ): (messages(allow(OTHER, Action=OTHER_ACTIONS), grants=PULLS, purge_grants=True)),
    (
        'base/python: statement "s" still gives access to 444455556666 through codebuild.amazonaws.com, whom no grant '
        "names. purge_grants does not change it"
    ): messages(
        when("StringEquals", "aws:SourceAccount", OTHER, Principal={"Service": "codebuild.amazonaws.com"}),
        grants=PULLS,
        purge_grants=True,
    ),
    'base/python: statement "s" still allows 111122223333 access: ecr:PutImage': [
        one.message for one in unsharing_warnings(parsed(allow(ROOT, Action="ecr:PutImage")), [grant(ACCOUNT)], CONTEXT)
    ],
    'base/python: statement "s" still allows Lambda functions of 111122223333 to pull': [
        one.message for one in unsharing_warnings(parsed(lambda_statement(EAST)), [grant(ACCOUNT)], CONTEXT)
    ],
    f'base/python: statement "unmanaged" names deleted principals ({DELETED_ROLE}), and AWS refuses to store a policy '
    "that does. Remove them from it by hand": [
        one.message for one in deleted_principal_warnings(parsed(UNMANAGED), CONTEXT, writing=True, purged=False)
    ],
    'base/python: statement "s" lets in again 444455556666: the present policy does not allow ecr:PutImage': (
        said_of_restoring([allow(OTHER_ROOT, Action="ecr:PutImage")], [])
    ),
    'base/python: statement "s" may let in again 444455556666: the present policy does not allow ecr:PutImage': (
        said_of_restoring([allow(OTHER_ROOT, Action="ecr:PutImage", Condition=MFA)], [])
    ),
    'base/python: statement "s" of the present policy, a Deny, is taken back: it denies ecr:PutImage': (
        said_of_restoring([], [deny(ROOT, Action="ecr:PutImage")])
    ),
    f"base/python: statement 1 names deleted principals ({DELETED_USER}). Set purge_deleted_principals": [
        one.message for one in deleted_principal_warnings(parsed(MANAGED), CONTEXT, writing=False, purged=True)
    ],
}


@pytest.mark.parametrize(("expected", "said"), MESSAGES.items())
def test_messages(expected: str, said: list[str]) -> None:
    assert said == [expected]
