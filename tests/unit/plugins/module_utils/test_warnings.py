# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Warnings: each kind is raised where it must be, is silent where it must be, and says where and whom it concerns."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._errors import SUMMARIES, PolicyWarning
from ansible_collections.imageshare.aws.plugins.module_utils._evaluation.policy_warnings import (
    Place,
    about_orphans,
    after_sharing,
    after_unsharing,
)
from ansible_collections.imageshare.aws.plugins.module_utils._iam.principals import (
    Principal,
    PrincipalType,
    read_principal,
)
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.grants import Grant
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.managed_statements import ManagedStatements
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.merge import share
from ansible_collections.imageshare.aws.tests.support.policies import ACCESS

PLACE = Place("base/python", "us-east-1", "aws")
OWNER = "123456789012"
ACCOUNT, OTHER = "111122223333", "444455556666"
ROOT, OTHER_ROOT = f"arn:aws:iam::{ACCOUNT}:root", f"arn:aws:iam::{OTHER}:root"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/ci"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/ci/nightly"
ORGANIZATION, UNIT = "o-a1b2c3d4e5", "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*"
EAST, WEST = (f"arn:aws:lambda:{region}:{ACCOUNT}:function:*" for region in ("us-east-1", "eu-west-1"))
ORPHAN, ORPHANED_USER = "AROAEXAMPLEROLE123456", "AIDAEXAMPLEUSER123456"

PULL = ["ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage", "ecr:BatchCheckLayerAvailability"]
LAMBDA_PULL = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
PULL_PUSH = [
    *PULL,
    "ecr:PutImage",
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
]
LAMBDA: Any = {"Service": "lambda.amazonaws.com"}


def grant(who: str, access: str = "pull", regions: list[str] | None = None) -> Grant:
    principal = read_principal(who, "aws")
    assert principal is not None
    return Grant(principal, frozenset(ACCESS[access]), None if regions is None else tuple(regions))


def allow(**elements: Any) -> dict[str, Any]:
    """A statement that allows everybody a pull, but for the given elements; None drops one."""
    whole = {"Sid": "s", "Effect": "Allow", "Principal": "*", "Action": PULL, **elements}
    return {name: value for name, value in whole.items() if value is not None}


def deny(**elements: Any) -> dict[str, Any]:
    return allow(Effect="Deny", **elements)


def aws(*names: str) -> Any:
    return {"AWS": list(names)}


def found(kind: str, warnings: tuple[PolicyWarning, ...]) -> list[PolicyWarning]:
    """The warnings of a kind, each of which names the repository."""
    assert {warning.kind for warning in warnings} <= SUMMARIES.keys()
    assert all(warning.message.startswith(PLACE.repository) for warning in warnings)
    return [warning for warning in warnings if warning.kind == kind]


def sharing(kind: str, listed: list[dict[str, Any]], *grants: Grant) -> list[PolicyWarning]:
    return found(kind, after_sharing({"Statement": listed}, grants, PLACE))


def unsharing(kind: str, listed: list[dict[str, Any]], *whom: str) -> list[PolicyWarning]:
    return found(kind, after_unsharing({"Statement": listed}, [grant(who) for who in whom], PLACE))


@pytest.mark.parametrize("who", [ACCOUNT, ROLE, SESSION, ORGANIZATION, UNIT])
@pytest.mark.parametrize("access", ["pull", "push", "pull_push"])
def test_a_policy_that_was_just_made_is_not_warned_about(who: str, access: str) -> None:
    granted = grant(who, access)
    made = share(None, [granted], managed=ManagedStatements("aws"), registry_id=OWNER).policy
    assert after_sharing(made, [granted], PLACE) == ()


@pytest.mark.parametrize("access", ["pull", "pull_push", "lambda"])
@pytest.mark.parametrize("region", ["us-east-1", "*"])
def test_a_policy_that_was_just_made_with_lambda_is_not_warned_about(access: str, region: str) -> None:
    granted = grant(ACCOUNT, access, [region])
    made = share(None, [granted], managed=ManagedStatements("aws"), registry_id=OWNER).policy
    assert after_sharing(made, [granted], PLACE) == ()


def test_no_policy_is_not_warned_about() -> None:
    assert after_unsharing(None, [grant(ACCOUNT)], PLACE) == ()
    assert about_orphans(None, PLACE, writing=True, pruned=True) == ()


# --- public ---

# Of each: the statement, and what the warning has to say and to name; None where there must be none.
PUBLIC: dict[str, tuple[dict[str, Any], list[str] | None, str]] = {
    "everybody": (allow(), ["public", 'statement "s"', '"*", without a condition', "ecr:BatchGetImage"], "*"),
    "everybody under no Sid": (allow(Sid=None), ["statement 2"], "*"),
    "everybody among others": (allow(Principal=aws(ROOT, "*")), ["public"], "*"),
    "all but some": (allow(Principal=None, NotPrincipal=aws(ROOT)), ["public"], "*"),
    "many actions": (allow(Action=PULL_PUSH), ["ecr:PutImage, ecr:InitiateLayerUpload and 2 more"], "*"),
    "Lambda functions of every account": (
        allow(
            Principal=LAMBDA,
            Action=LAMBDA_PULL,
            Condition={"StringLike": {"aws:sourceARN": [EAST, "arn:aws:lambda:*:*:function:*"]}},
        ),
        ["open to accounts that it does not name", "arn:aws:lambda:*:*:function:*"],
        "arn:aws:lambda:*:*:function:*",
    ),
    "a star as Lambda's source": (
        allow(Principal=LAMBDA, Action=LAMBDA_PULL, Condition={"StringLike": {"aws:sourceARN": "*"}}),
        ["open to accounts that it does not name: *"],
        "*",
    ),
    "units of every organization": (
        allow(Condition={"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-*/*"}}),
        ["open to accounts that it does not name: o-*/*"],
        "o-*/*",
    ),
    "everybody with a TLS connection": (
        allow(Condition={"Bool": {"aws:SecureTransport": "true"}}),
        ["public", "under a condition that anybody can meet"],
        "*",
    ),
    "everybody whose ARN is one": (allow(Condition={"StringLike": {"aws:PrincipalArn": "*"}}), ["public"], "*"),
    "everybody in an organization of their own": (
        allow(Condition={"StringLike": {"aws:PrincipalOrgID": "o-*"}}),
        ["open to accounts that it does not name: o-*"],
        "o-*",
    ),
    "Lambda for everybody": (
        allow(Principal=LAMBDA, Action=LAMBDA_PULL),
        ["lets Lambda functions of every account use ecr:BatchGetImage"],
        "lambda.amazonaws.com",
    ),
    "Lambda for some accounts by a pattern, in a foreign statement": (
        allow(Principal=LAMBDA, Condition={"StringLike": {"aws:SourceAccount": "1111????????"}}),
        ["open to accounts that it does not name: 1111????????"],
        "1111????????",
    ),
    "Lambda for an account": (
        allow(Principal=LAMBDA, Condition={"StringEquals": {"aws:SourceAccount": OTHER}}),
        None,
        "",
    ),
    "an organization": (allow(Condition={"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}}), None, ""),
    "an organization's name with a star, to the letter": (
        allow(Condition={"StringEquals": {"aws:PrincipalOrgID": "o-*"}}),
        None,
        "",
    ),
    "a unit": (allow(Condition={"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": UNIT}}), None, ""),
    "one account's functions in every region": (
        allow(
            Principal=LAMBDA,
            Action=LAMBDA_PULL,
            Condition={"ArnLike": {"aws:sourceARN": f"arn:aws:lambda:*:{OTHER}:function:*"}},
        ),
        None,
        "",
    ),
    "everybody under another condition": (allow(Condition={"IpAddress": {"aws:SourceIp": "203.0.113.9"}}), None, ""),
    "a Deny for everybody": (deny(), None, ""),
    "an account": (allow(Principal=aws(OTHER_ROOT)), None, ""),
    "a service": (allow(Principal={"Service": "codebuild.amazonaws.com"}), None, ""),
    "everybody with the token alone": (allow(Action="ecr:GetAuthorizationToken"), None, ""),
}


@pytest.mark.parametrize(("drawn", "words", "named"), PUBLIC.values(), ids=PUBLIC.keys())
@pytest.mark.parametrize("warnings_of", [sharing, unsharing], ids=["sharing", "unsharing"])
def test_public(warnings_of: Any, drawn: dict[str, Any], words: list[str] | None, named: str) -> None:
    before = allow(Sid="other", Principal=aws(OTHER_ROOT))
    whom = grant(ACCOUNT) if warnings_of is sharing else ACCOUNT
    warnings = warnings_of("public", [before, drawn], whom)
    if words is None:
        assert warnings == []
        return
    (warning,) = warnings
    assert [word for word in words if word not in warning.message] == []
    assert (warning.sid, warning.principals) == (drawn.get("Sid"), (named,))


def test_a_deny_of_all_strangers_closes_what_is_open() -> None:
    fence = deny(Condition={"StringNotEquals": {"aws:PrincipalOrgID": ORGANIZATION}})
    assert sharing("public", [allow(), fence], grant(ACCOUNT)) == []
    (still,) = sharing("public", [allow(Action=PULL_PUSH), fence], grant(ACCOUNT))
    assert still.principals == ("*",)


# --- denied ---

WINS, MAY = "a Deny wins over every Allow", "may deny"
DENIED: dict[str, tuple[dict[str, Any], list[Grant], dict[tuple[str, ...], str]]] = {
    "the account itself": (deny(Principal=aws(ROOT)), [grant(ACCOUNT)], {(ACCOUNT,): WINS}),
    "everybody": (deny(), [grant(ACCOUNT), grant(ORGANIZATION)], {(ACCOUNT, ORGANIZATION): WINS}),
    "one of two": (deny(Principal=aws(OTHER)), [grant(ACCOUNT), grant(OTHER)], {(OTHER,): WINS}),
    "one action of several": (deny(Action="ecr:BatchGetImage"), [grant(ACCOUNT)], {(ACCOUNT,): WINS}),
    "by a wildcard": (deny(Action="ecr:Put*"), [grant(ACCOUNT, "push")], {(ACCOUNT,): WINS}),
    "by NotAction": (
        deny(Action=None, NotAction="ecr:DescribeImages"),
        [grant(ACCOUNT)],
        {(ACCOUNT,): WINS},
    ),
    "by NotPrincipal": (deny(Principal=None, NotPrincipal=aws(OTHER_ROOT)), [grant(ACCOUNT)], {(ACCOUNT,): WINS}),
    "a role by its account": (deny(Principal=aws(ROOT)), [grant(ROLE)], {(ROLE,): WINS}),
    "an account by its role": (deny(Principal=aws(ROLE)), [grant(ACCOUNT)], {(ACCOUNT,): MAY}),
    "under a condition": (
        deny(Condition={"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}),
        [grant(ACCOUNT)],
        {(ACCOUNT,): MAY},
    ),
    "whoever is in no organization, so Lambda for certain": (
        deny(Condition={"StringNotEquals": {"aws:PrincipalOrgID": ORGANIZATION}}),
        [grant(ORGANIZATION), grant(ACCOUNT, "pull"), grant(OTHER, "lambda", ["us-east-1"])],
        {(OTHER,): WINS, (ACCOUNT,): MAY},
    ),
    "an account that may be in the organization": (deny(Principal=aws(OTHER)), [grant(UNIT)], {(UNIT,): MAY}),
    "some of the declared regions": (
        deny(Principal=LAMBDA, Condition={"StringLike": {"aws:sourceARN": EAST}}),
        [grant(ACCOUNT, "lambda", ["us-east-1", "eu-west-1"])],
        {(ACCOUNT,): WINS},
    ),
    "a part of all regions": (
        deny(Principal=LAMBDA, Condition={"StringLike": {"aws:sourceARN": EAST}}),
        [grant(ACCOUNT, "lambda", ["*"])],
        {(ACCOUNT,): MAY},
    ),
    "one function of a declared region": (
        deny(Principal=LAMBDA, Condition={"ArnLike": {"aws:SourceArn": f"{EAST[:-1]}resize"}}),
        [grant(ACCOUNT, "pull", ["us-east-1"])],
        {(ACCOUNT,): MAY},
    ),
    "certainly the one, perhaps the other": (
        deny(Principal=aws(ROLE, OTHER)),
        [grant(ACCOUNT), grant(OTHER)],
        {(OTHER,): WINS, (ACCOUNT,): MAY},
    ),
    "Lambda's service": (deny(Principal=LAMBDA), [grant(ACCOUNT, "lambda", ["us-east-1"])], {(ACCOUNT,): WINS}),
    "Lambda's service, where the pull has regions": (
        deny(Principal=LAMBDA),
        [grant(ACCOUNT, "pull", ["us-east-1"])],
        {(ACCOUNT,): WINS},
    ),
    "Lambda's service for some functions": (
        deny(Principal=LAMBDA, Condition={"StringNotLike": {"aws:sourceARN": EAST}}),
        [grant(ACCOUNT, "lambda", ["*"])],
        {(ACCOUNT,): MAY},
    ),
    "actions that are not granted": (deny(Action="ecr:PutImage"), [grant(ACCOUNT)], {}),
    "another account": (deny(Principal=aws(OTHER)), [grant(ACCOUNT), grant(ROLE)], {}),
    "all but the user and its account": (
        deny(Principal=None, NotPrincipal=aws(ROOT, f"arn:aws:iam::{ACCOUNT}:user/alice")),
        [grant(f"arn:aws:iam::{ACCOUNT}:user/alice")],
        {},
    ),
    "Lambda's service, where no region is declared": (deny(Principal=LAMBDA), [grant(ACCOUNT, "pull", [])], {}),
    "Lambda's service for another account's functions": (
        deny(Principal=LAMBDA, Condition={"StringEquals": {"aws:SourceAccount": OTHER}}),
        [grant(ACCOUNT, "lambda", ["*"])],
        {},
    ),
    "Lambda's service, from another action": (
        deny(Principal=LAMBDA, Action="ecr:SetRepositoryPolicy"),
        [grant(ACCOUNT, "lambda", ["*"])],
        {},
    ),
    "no Deny at all": (allow(), [grant(ACCOUNT)], {}),
    "requests without TLS, of which ECR takes none": (
        deny(Action="ecr:*", Condition={"Bool": {"aws:SecureTransport": "false"}}),
        [grant(ACCOUNT, "pull_push", ["*"]), grant(ROLE), grant(ORGANIZATION)],
        {},
    ),
    "another region than the declared ones": (
        deny(Principal=LAMBDA, Condition={"StringLike": {"aws:sourceARN": WEST}}),
        [grant(ACCOUNT, "pull", ["us-east-1"])],
        {},
    ),
    "one function of another region": (
        deny(Principal=LAMBDA, Condition={"ArnEquals": {"aws:SourceArn": f"{WEST[:-1]}resize"}}),
        [grant(ACCOUNT, "pull", ["us-east-1"])],
        {},
    ),
    "everybody but the role": (
        deny(Condition={"ArnNotEquals": {"aws:PrincipalArn": ROLE}}),
        [grant(ROLE), grant(SESSION)],
        {(SESSION,): MAY},
    ),
}


@pytest.mark.parametrize(("drawn", "grants", "expected"), DENIED.values(), ids=DENIED.keys())
def test_denied(drawn: dict[str, Any], grants: list[Grant], expected: dict[tuple[str, ...], str]) -> None:
    warnings = sharing("explicit_deny", [drawn], *grants)
    assert [warning.principals for warning in warnings] == list(expected)
    for warning in warnings:
        assert expected[warning.principals] in warning.message
        assert ", ".join(warning.principals) in warning.message
        assert 'statement "s"' in warning.message
        assert warning.sid == "s"


def test_a_deny_without_a_sid_is_named_by_its_position() -> None:
    (warning,) = sharing("explicit_deny", [allow(), deny(Sid=None)], grant(ACCOUNT))
    assert "statement 2 denies" in warning.message
    assert warning.sid is None


def test_a_deny_does_not_matter_to_who_is_to_have_nothing() -> None:
    assert unsharing("explicit_deny", [deny()], ACCOUNT) == []


# --- lambda_region ---

REGIONS: dict[str, tuple[list[Grant], tuple[str, ...] | None]] = {
    "another region": ([grant(ACCOUNT, "pull", ["eu-west-1"])], (ACCOUNT,)),
    "other regions of several": (
        [grant(ACCOUNT, "lambda", ["eu-west-1", "us-west-2"]), grant(OTHER, "pull_push", ["eu-west-1"])],
        (ACCOUNT, OTHER),
    ),
    "one of two": ([grant(ACCOUNT, "pull", ["eu-west-1"]), grant(OTHER, "pull", ["us-east-1"])], (ACCOUNT,)),
    "its own region": ([grant(ACCOUNT, "pull", ["us-east-1"])], None),
    "its own region among others": ([grant(ACCOUNT, "pull", ["eu-west-1", "us-east-1"])], None),
    "every region": ([grant(ACCOUNT, "pull", ["*"])], None),
    "no region": ([grant(ACCOUNT, "pull", [])], None),
    "regions left out": ([grant(ACCOUNT)], None),
}


@pytest.mark.parametrize(("grants", "named"), REGIONS.values(), ids=REGIONS.keys())
def test_lambda_region(grants: list[Grant], named: tuple[str, ...] | None) -> None:
    policy = share(None, grants, managed=ManagedStatements("aws"), registry_id=OWNER).policy
    warnings = found("lambda_region_not_covered", after_sharing(policy, grants, PLACE))
    if named is None:
        assert warnings == []
        return
    (warning,) = warnings
    assert (warning.sid, warning.principals) == (None, named)
    assert "us-east-1" in warning.message
    assert ", ".join(named) in warning.message


# --- excess_access ---

STILL, MAY_STILL = "still gives", "may still give"
EXCESS: dict[str, tuple[dict[str, Any], list[Grant], dict[tuple[str, ...], list[str]]]] = {
    "an action more of the account": (
        allow(Principal=aws(ROOT), Action=[*PULL, "ecr:PutImage"]),
        [grant(ACCOUNT)],
        {(ACCOUNT,): [STILL, "ecr:PutImage"]},
    ),
    "a wildcard of the account": (
        allow(Principal=aws(ACCOUNT), Action="ecr:*"),
        [grant(ACCOUNT, "pull_push")],
        {(ACCOUNT,): [STILL, "ecr:*"]},
    ),
    "all but some actions": (
        allow(Principal=aws(ROOT), Action=None, NotAction="ecr:Delete*"),
        [grant(ACCOUNT)],
        {(ACCOUNT,): [STILL, "all but ecr:Delete*"]},
    ),
    "what the account has and the role has not": (
        allow(Principal=aws(ROOT), Action=PULL_PUSH),
        [grant(ROLE)],
        {(ROLE,): [STILL, f"through {ACCOUNT}", "ecr:PutImage"]},
    ),
    "what a role has and its account has not": (
        allow(Principal=aws(ROLE), Action=PULL_PUSH),
        [grant(ACCOUNT)],
        {(ACCOUNT,): [MAY_STILL, f"through {ROLE}"]},
    ),
    "what a role's sessions have by the role": (
        allow(Principal=aws(ROLE), Action=PULL_PUSH),
        [grant(SESSION)],
        {(SESSION,): [STILL, f"through {ROLE}"]},
    ),
    "what members of an organization have": (
        allow(Action=PULL_PUSH, Condition={"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}}),
        [grant(ACCOUNT)],
        {(ACCOUNT,): [MAY_STILL, f"through {ORGANIZATION}"]},
    ),
    "what an organization's unit has": (
        allow(Action=PULL_PUSH, Condition={"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": UNIT}}),
        [grant(ORGANIZATION)],
        {(ORGANIZATION,): [MAY_STILL, f"through {UNIT}"]},
    ),
    "what everybody has under a condition": (
        allow(Action=PULL_PUSH, Condition={"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}),
        [grant(ACCOUNT), grant(ORGANIZATION)],
        {(ACCOUNT, ORGANIZATION): [MAY_STILL, "through *"]},
    ),
    "what is no more than the declared": (allow(Principal=aws(ROOT)), [grant(ACCOUNT)], {}),
    "what is less than the declared": (
        allow(Principal=aws(ROOT), Action="ecr:BatchGetImage"),
        [grant(ACCOUNT, "pull_push")],
        {},
    ),
    "the token, which cannot be granted": (
        allow(Principal=aws(ROOT), Action=[*PULL, "ecr:GetAuthorizationToken"]),
        [grant(ACCOUNT)],
        {},
    ),
    "what somebody else has": (allow(Principal=aws(OTHER), Action="ecr:*"), [grant(ACCOUNT), grant(ROLE)], {}),
    "what is declared for the account, and reaches the role": (
        allow(Principal=aws(ROOT), Action=PULL_PUSH),
        [grant(ROLE), grant(ACCOUNT, "pull_push")],
        {},
    ),
    "what is declared for the organization, and may reach the account": (
        allow(Condition={"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}}),
        [grant(ORGANIZATION), grant(ACCOUNT, "lambda", ["us-east-1"])],
        {},
    ),
    "what everybody has, which is public": (allow(Action="ecr:*"), [grant(ACCOUNT)], {}),
    "what is denied": (deny(Action="ecr:*"), [grant(ACCOUNT)], {}),
}


@pytest.mark.parametrize(("drawn", "grants", "expected"), EXCESS.values(), ids=EXCESS.keys())
def test_excess_access(drawn: dict[str, Any], grants: list[Grant], expected: dict[tuple[str, ...], list[str]]) -> None:
    warnings = sharing("excess_access", [drawn], *grants)
    assert [warning.principals for warning in warnings] == list(expected)
    for warning in warnings:
        words = [*expected[warning.principals], 'statement "s"', ", ".join(warning.principals)]
        assert [word for word in words if word not in warning.message] == []
        assert warning.sid == "s"


def test_excess_access_is_certain_or_it_is_not() -> None:
    (certain,) = sharing("excess_access", [allow(Principal=aws(ROOT), Action="ecr:*")], grant(ACCOUNT))
    assert "may" not in certain.message


def lambda_statement(*sources: str, actions: list[str] | None = None) -> dict[str, Any]:
    return allow(
        Principal=LAMBDA,
        Action=actions or LAMBDA_PULL,
        Condition={"StringLike": {"aws:sourceARN": list(sources)}} if sources else None,
    )


OTHER_EAST = EAST.replace(ACCOUNT, OTHER)
FUNCTIONS: dict[str, tuple[dict[str, Any], list[Grant], list[tuple[str, ...]]]] = {
    "a single function, where no region is declared": (
        lambda_statement(f"{EAST[:-1]}resize"),
        [grant(ACCOUNT, "pull", [])],
        [(ACCOUNT,)],
    ),
    "a single function in another region": (
        lambda_statement(EAST, f"{WEST[:-1]}resize"),
        [grant(ACCOUNT, "pull", ["us-east-1"])],
        [(ACCOUNT,)],
    ),
    "the service without a condition": (lambda_statement(), [grant(ACCOUNT, "pull", [])], [(ACCOUNT,)]),
    "a foreign statement for the account's functions": (
        lambda_statement(EAST, actions=[*LAMBDA_PULL, "ecr:DescribeImages"]),
        [grant(ACCOUNT, "pull", []), grant(OTHER, "pull", [])],
        [(ACCOUNT,)],
    ),
    "declared regions": (lambda_statement(EAST), [grant(ACCOUNT, "pull", ["us-east-1"])], []),
    "regions left out": (lambda_statement(f"{EAST[:-1]}resize"), [grant(ACCOUNT)], []),
    "another account's functions": (lambda_statement(OTHER_EAST), [grant(ACCOUNT, "pull", [])], []),
    "a role's grant": (lambda_statement(EAST), [grant(ROLE, "pull", [])], []),
}


@pytest.mark.parametrize(("drawn", "grants", "named"), FUNCTIONS.values(), ids=FUNCTIONS.keys())
def test_excess_access_of_functions(drawn: dict[str, Any], grants: list[Grant], named: list[tuple[str, ...]]) -> None:
    warnings = sharing("excess_access", [drawn], *grants)
    assert [warning.principals for warning in warnings] == named
    for warning in warnings:
        assert 'statement "s" still lets Lambda functions of' in warning.message
        assert ", ".join(warning.principals) in warning.message
        assert "beyond the declared lambda_regions" in warning.message


RESIZE, OWN_RESIZE = f"{OTHER_EAST[:-1]}resize", f"{EAST.replace(ACCOUNT, OWNER)[:-1]}resize"
FOREIGN_ACTIONS = [*PULL, "ecr:ListImages"]
# Of each: the statement, and whom a purge that keeps ACCOUNT and ORGANIZATION leaves in, certainly or perhaps.
UNDECLARED: dict[str, tuple[dict[str, Any], dict[tuple[str, ...], str]]] = {
    "a foreign statement": (
        allow(Principal=aws(OTHER_ROOT, ROOT), Action=FOREIGN_ACTIONS),
        {(OTHER,): 'statement "s" still lets in 444455556666'},
    ),
    "a foreign statement under a condition": (
        allow(Principal=aws(OTHER_ROOT), Condition={"StringEquals": {"aws:PrincipalTag/team": "a"}}),
        {(OTHER,): "may still let in"},
    ),
    "a single function of a stranger": (lambda_statement(RESIZE, EAST), {(RESIZE,): "still lets in"}),
    "Lambda's own statement for a stranger": (
        lambda_statement(OTHER_EAST, actions=[*LAMBDA_PULL, "ecr:GetRepositoryPolicy"]),
        {(OTHER,): "still lets in"},
    ),
    "another service": (
        allow(Principal={"Service": "codebuild.amazonaws.com"}),
        {("codebuild.amazonaws.com",): "still"},
    ),
    "a federated provider": (
        allow(Principal={"Federated": "cognito-identity.amazonaws.com"}),
        {("cognito-identity.amazonaws.com",): "still lets in"},
    ),
    "an account of another partition": (
        allow(Principal=aws("arn:aws-us-gov:iam::444455556666:root")),
        {("arn:aws-us-gov:iam::444455556666:root",): "still lets in"},
    ),
    "another organization": (
        allow(Action=FOREIGN_ACTIONS, Condition={"StringEquals": {"aws:PrincipalOrgID": "o-z9y8x7w6v5"}}),
        {("o-z9y8x7w6v5",): "still lets in"},
    ),
    "everybody under a condition": (
        allow(Condition={"IpAddress": {"aws:SourceIp": "203.0.113.9"}}),
        {("*",): "may still let in"},
    ),
    "everybody, which is public": (allow(), {}),
    "Lambda for everybody, which is public": (lambda_statement(), {}),
    "a declared account": (allow(Principal=aws(ROOT)), {}),
    "a unit of a declared organization": (
        allow(Action=FOREIGN_ACTIONS, Condition={"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": UNIT}}),
        {},
    ),
    "the owner": (allow(Principal=aws(OWNER), Action="ecr:*"), {}),
    "a single function of the owner": (lambda_statement(OWN_RESIZE), {}),
    "a deleted role": (allow(Principal=aws(ORPHAN), Action="ecr:*"), {}),
    "a Deny": (deny(Principal=aws(OTHER)), {}),
}


@pytest.mark.parametrize(("drawn", "expected"), UNDECLARED.values(), ids=UNDECLARED.keys())
def test_excess_access_of_whom_a_purge_leaves_in(drawn: dict[str, Any], expected: dict[tuple[str, ...], str]) -> None:
    grants = [grant(ACCOUNT, "pull", ["us-east-1"]), grant(ORGANIZATION)]
    policy = {"Statement": [drawn]}
    unpurged = after_sharing(policy, grants, PLACE)
    purged = after_sharing(policy, grants, PLACE, purged_for=OWNER)
    assert purged[: len(unpurged)] == unpurged
    added = found("excess_access", purged[len(unpurged) :])
    assert [warning.principals for warning in added] == list(expected)
    for warning in added:
        assert expected[warning.principals] in warning.message
        assert "purge keeps it" in warning.message
        assert warning.sid == "s"


def test_whom_a_deny_defeats_is_not_left_in_by_a_purge() -> None:
    policy = {"Statement": [allow(Principal=aws(OTHER), Action=FOREIGN_ACTIONS), deny(Action="ecr:*")]}
    assert found("excess_access", after_sharing(policy, [grant(ACCOUNT)], PLACE, purged_for=OWNER)) == []


LEFT: dict[str, tuple[dict[str, Any], list[str], list[tuple[str, ...]]]] = {
    "a foreign statement": (
        allow(Principal=aws(ROOT), Action="ecr:DescribeImages"),
        [ACCOUNT, OTHER],
        [(ACCOUNT,)],
    ),
    "a managed statement of the account, for its role": (allow(Principal=aws(ROOT)), [ROLE], [(ROLE,)]),
    "a managed statement of a role, for its account": (allow(Principal=aws(ROLE)), [ACCOUNT], [(ACCOUNT,)]),
    "a single function": (lambda_statement(f"{EAST[:-1]}resize"), [ACCOUNT], [(ACCOUNT,)]),
    "the token alone": (allow(Principal=aws(ROOT), Action="ecr:GetAuthorizationToken"), [ACCOUNT], []),
    "somebody else's statement": (allow(Principal=aws(OTHER)), [ACCOUNT], []),
}


@pytest.mark.parametrize(("drawn", "whom", "named"), LEFT.values(), ids=LEFT.keys())
def test_excess_access_after_unsharing(drawn: dict[str, Any], whom: list[str], named: list[tuple[str, ...]]) -> None:
    warnings = unsharing("excess_access", [drawn], *whom)
    assert [warning.principals for warning in warnings] == named
    assert [warning.sid for warning in warnings] == ["s"] * len(named)


# --- orphan ---

FOREIGN = allow(Sid="foreign", Principal=aws(ORPHAN, ROOT), Action="ecr:*")
MANAGED = allow(Sid=None, Principal=aws(ROOT, ORPHANED_USER))


def orphans(*listed: dict[str, Any], writing: bool, pruned: bool) -> list[PolicyWarning]:
    return found("deleted_principal", about_orphans({"Statement": list(listed)}, PLACE, writing=writing, pruned=pruned))


def test_deleted_principals_are_not_worth_a_word_where_nothing_is_written_or_pruned() -> None:
    assert orphans(FOREIGN, MANAGED, writing=False, pruned=False) == []


def test_deleted_principals_are_told_before_aws_refuses_them() -> None:
    foreign, managed = orphans(FOREIGN, allow(Principal=aws(ROOT)), MANAGED, writing=True, pruned=False)
    assert (foreign.sid, foreign.principals) == ("foreign", (ORPHAN,))
    assert 'statement "foreign" names deleted principals' in foreign.message
    assert ORPHAN in foreign.message
    assert "AWS refuses" in foreign.message
    assert "by hand" in foreign.message
    assert (managed.sid, managed.principals) == (None, (ORPHANED_USER,))
    assert "statement 3 names deleted principals" in managed.message
    assert "AWS refuses" in managed.message
    assert "purge_deleted_principals" in managed.message


def test_deleted_principals_of_unmanaged_statements_are_named_where_the_others_were_pruned() -> None:
    (foreign,) = orphans(FOREIGN, writing=False, pruned=True)
    assert (foreign.sid, foreign.principals) == ("foreign", (ORPHAN,))
    assert "by hand" in foreign.message
    assert "refuses" not in foreign.message


def test_a_policy_without_deleted_principals_is_not_warned_about() -> None:
    assert orphans(allow(Principal=aws(ROOT, ROLE)), writing=True, pruned=True) == []


EAST, WEST = (f"arn:aws:lambda:{region}:111122223333:function:*" for region in ("us-east-1", "eu-west-1"))


def lambda_statement(*sources: str, **elements: Any) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        "Condition": {"StringLike": {"aws:sourceARN": list(sources)}},
        **elements,
    }


@pytest.mark.parametrize(
    ("statement", "regions", "kinds"),
    [
        pytest.param(
            lambda_statement(EAST, Sid="LambdaECRImageRetrievalPolicy"),
            ("us-east-1",),
            [],
            id="Lambda's own statement for a declared region is not beyond it",
        ),
        pytest.param(
            lambda_statement(WEST, Sid="LambdaECRImageRetrievalPolicy"),
            ("us-east-1",),
            ["excess_access"],
            id="for another region it is",
        ),
        pytest.param(
            lambda_statement(EAST, EAST.replace("*", "resize")),
            ("us-east-1",),
            [],
            id="a single function in a declared region is not beyond it",
        ),
        pytest.param(
            lambda_statement(WEST.replace("*", "resize")),
            ("us-east-1",),
            ["excess_access"],
            id="in another region it is",
        ),
        pytest.param(
            lambda_statement(WEST.replace("*", "resize")),
            ("us-east-1", "*"),
            [],
            id="every region covers all",
        ),
        pytest.param(
            {"Effect": "Deny", "NotPrincipal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "ecr:*"},
            ("us-east-1",),
            ["explicit_deny"],
            id="a Deny that spares the account does not spare Lambda",
        ),
    ],
)
def test_lambda_beyond_the_declared_regions(
    statement: dict[str, Any], regions: tuple[str, ...], kinds: list[str]
) -> None:
    account = Principal(PrincipalType.ACCOUNT, "111122223333", "111122223333")
    grant = Grant(account, frozenset(), regions)
    found = after_sharing({"Statement": [statement]}, [grant], Place("base/python", "us-east-1", "aws"))
    assert [warning.kind for warning in found] == kinds
