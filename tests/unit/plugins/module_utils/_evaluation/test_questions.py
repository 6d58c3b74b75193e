# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is let in, asked for one principal: by shares of its own, of its members, and of others that it may be one of."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._evaluation.evaluator import PolicyEvaluator
from ansible_collections.imageshare.aws.plugins.module_utils._evaluation.questions import match
from ansible_collections.imageshare.aws.plugins.module_utils._iam.principals import (
    EVERYONE,
    Principal,
    PrincipalType,
    read_principal,
)
from ansible_collections.imageshare.aws.tests.support.builders import (
    ACCOUNT,
    DELETED_ROLE,
    EAST,
    LAMBDA,
    LAMBDA_PULL,
    ORGANIZATION,
    OTHER_ROOT,
    OWNER,
    REPOSITORY,
    ROLE,
    ROOT,
    SESSION,
    UNIT,
    USER,
    allow,
    deny,
    deny_when,
    policy,
    when,
)

LAMBDA_NAME = LAMBDA["Service"]
BUILDS = {"Service": "codebuild.amazonaws.com"}
for_lambda = partial(when, Principal=LAMBDA, Action=list(LAMBDA_PULL))
IN_ORGANIZATION = when("StringEquals", "aws:PrincipalOrgID", ORGANIZATION)
EVERYBODY_ELSE = allow(Principal=None, NotPrincipal={"AWS": [ROOT]})


def asked(name: str) -> Principal:
    if name == "*":
        return EVERYONE
    if name == DELETED_ROLE:
        return Principal(PrincipalType.DELETED, name)
    return read_principal(name, "aws") or Principal(PrincipalType.SERVICE, name)


# Of each: who is asked for, a statement, and how its shares let them in; those that do not are left out.
MATCHES: dict[str, tuple[str, dict[str, Any], list[tuple[str, str]]]] = {
    # An account
    "an account itself": (ACCOUNT, allow(ROOT, OTHER_ROOT), [(ACCOUNT, "exact")]),
    "an account's role, user and session": (
        ACCOUNT,
        allow(ROLE, USER, SESSION),
        [(ROLE, "member"), (USER, "member"), (SESSION, "member")],
    ),
    "an account's functions": (ACCOUNT, for_lambda("ArnLike", "aws:SourceArn", EAST), [(ACCOUNT, "member")]),
    "one of an account's functions": (
        ACCOUNT,
        for_lambda("StringEquals", "aws:SourceArn", f"{EAST[:-1]}scan"),
        [(ACCOUNT, "member")],
    ),
    "an account's functions by a prefix": (
        ACCOUNT,
        for_lambda("ArnLike", "aws:SourceArn", f"{EAST[:-1]}web-*"),
        [(ACCOUNT, "member")],
    ),
    "an account's functions whatever the principal": (
        ACCOUNT,
        when("ArnLike", "aws:SourceArn", EAST, Action=list(LAMBDA_PULL)),
        [(ACCOUNT, "member")],
    ),
    "a service for an account": (
        ACCOUNT,
        when("StringEquals", "aws:SourceAccount", ACCOUNT, Principal=BUILDS),
        [(ACCOUNT, "member")],
    ),
    "a service for anybody": (ACCOUNT, allow(Principal=BUILDS), [("codebuild.amazonaws.com", "possible")]),
    "a service for another": (ACCOUNT, when("StringEquals", "aws:SourceAccount", OWNER, Principal=BUILDS), []),
    "a service for an organization": (
        ACCOUNT,
        when("StringEquals", "aws:SourceOrgID", ORGANIZATION, Principal=BUILDS),
        [(ORGANIZATION, "possible")],
    ),
    "Lambda for an organization": (
        ACCOUNT,
        for_lambda("StringEquals", "aws:SourceOrgID", ORGANIZATION),
        [(ORGANIZATION, "possible")],
    ),
    "an organization that an account may be in": (ACCOUNT, IN_ORGANIZATION, [(ORGANIZATION, "possible")]),
    "a unit that an account may be in": (
        ACCOUNT,
        when("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", UNIT),
        [(UNIT, "possible")],
    ),
    "everybody": (ACCOUNT, allow(), [("*", "possible")]),
    "everybody but others": (ACCOUNT, allow(Principal=None, NotPrincipal={"AWS": [OTHER_ROOT]}), [("*", "possible")]),
    "everybody but the account, which services may still act for": (ACCOUNT, EVERYBODY_ELSE, [("*", "possible")]),
    "roles of a name in every account": (
        ACCOUNT,
        when("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/ci"),
        [("*", "possible")],
    ),
    "accounts by a pattern": (ACCOUNT, when("StringLike", "aws:PrincipalAccount", "1111*"), [("*", "possible")]),
    "accounts by another pattern": (ACCOUNT, when("StringLike", "aws:PrincipalAccount", "9999*"), []),
    "an endpoint": (ACCOUNT, when("StringEquals", "aws:SourceVpce", "vpce-1"), [("*", "possible")]),
    "another account": (ACCOUNT, allow(OTHER_ROOT), []),
    "another account's role": (ACCOUNT, allow(ROLE.replace("1111", "9999")), []),
    # A role, a user, a session
    "a role itself": (ROLE, allow(ROLE), [(ROLE, "exact")]),
    "a role's session": (ROLE, allow(SESSION), [(SESSION, "member")]),
    "a role's account": (ROLE, allow(ROOT, OTHER_ROOT), [(ACCOUNT, "possible")]),
    "a role's account's functions, which are not the role's": (ROLE, for_lambda("ArnLike", "aws:SourceArn", EAST), []),
    "a service for a role's account": (ROLE, when("StringEquals", "aws:SourceAccount", ACCOUNT, Principal=BUILDS), []),
    "another role": (ROLE, allow(f"{ROLE}-2", USER), []),
    "a session's role": (SESSION, allow(ROLE, f"{ROLE}-2"), [(ROLE, "possible")]),
    "a user in an organization": (USER, IN_ORGANIZATION, [(ORGANIZATION, "possible")]),
    # Organizations
    "an organization itself": (ORGANIZATION, IN_ORGANIZATION, [(ORGANIZATION, "exact")]),
    "a unit of an organization": (
        ORGANIZATION,
        when("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", UNIT),
        [(UNIT, "member")],
    ),
    "an organization under a pattern of ARNs": (
        ORGANIZATION,
        allow(
            Condition={
                "StringEquals": {"aws:PrincipalOrgID": ORGANIZATION},
                "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/ci"},
            }
        ),
        [(ORGANIZATION, "exact")],
    ),
    "Lambda for the organization": (
        ORGANIZATION,
        for_lambda("StringEquals", "aws:SourceOrgID", ORGANIZATION),
        [(ORGANIZATION, "member")],
    ),
    "another organization": (ORGANIZATION, when("StringEquals", "aws:PrincipalOrgID", "o-z9y8x7w6v5"), []),
    "an account, of an organization": (ORGANIZATION, allow(ROOT), []),
    "everybody, of an organization": (ORGANIZATION, allow(), [("*", "possible")]),
    "a unit's organization": (UNIT, IN_ORGANIZATION, [(ORGANIZATION, "possible")]),
    "a unit in a unit": (
        UNIT,
        when("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", f"{UNIT[:-1]}ou-ab12-22222222/*"),
        [(f"{UNIT[:-1]}ou-ab12-22222222/*", "member")],
    ),
    "a unit that may have accounts of another": (
        UNIT,
        when("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", f"{ORGANIZATION}/*/ou-ab12-22222222/*"),
        [(f"{ORGANIZATION}/*/ou-ab12-22222222/*", "possible")],
    ),
    "a unit of another organization": (
        UNIT,
        when("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", "o-z9y8x7w6v5/*/ou-ab12-22222222/*"),
        [],
    ),
    # Others
    "a service itself": ("codebuild.amazonaws.com", allow(Principal=BUILDS), [("codebuild.amazonaws.com", "exact")]),
    "what a service does for an account": (
        "codebuild.amazonaws.com",
        when("StringEquals", "aws:SourceAccount", ACCOUNT, Principal=BUILDS),
        [(ACCOUNT, "member")],
    ),
    "Lambda, of an account's functions": (
        LAMBDA_NAME,
        for_lambda("ArnLike", "aws:SourceArn", EAST),
        [(ACCOUNT, "member")],
    ),
    "another service, of an account's functions": (
        "codebuild.amazonaws.com",
        for_lambda("ArnLike", "aws:SourceArn", EAST),
        [],
    ),
    "a service, where any may act for an account": (
        "codebuild.amazonaws.com",
        when("StringEquals", "aws:SourceAccount", ACCOUNT),
        [(ACCOUNT, "possible")],
    ),
    "a service as one of everybody": (LAMBDA_NAME, allow(), [("*", "possible")]),
    "another service": (LAMBDA_NAME, allow(Principal=BUILDS), []),
    "everybody themselves": ("*", allow("*", ROOT), [("*", "exact")]),
    "everybody, and nobody else": ("*", IN_ORGANIZATION, []),
    "a deleted role": (DELETED_ROLE, allow(DELETED_ROLE, ROOT, "*"), [(DELETED_ROLE, "exact")]),
}


def matches(name: str, *listed: dict[str, Any]) -> list[tuple[str, str]]:
    parsed = PolicyEvaluator("aws", OWNER).parse(policy(*listed), REPOSITORY)
    found = [(share.principal.name, match(share, asked(name), parsed)) for share in parsed.shares()]
    return [(principal, matched.value) for principal, matched in found if matched is not None]


@pytest.mark.parametrize(("name", "statement", "expected"), MATCHES.values(), ids=MATCHES.keys())
def test_who_is_let_in(name: str, statement: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert matches(name, statement) == expected


def test_an_account_has_its_own_share_and_its_functions_in_one() -> None:
    assert matches(ACCOUNT, allow(ROOT), for_lambda("StringLike", "aws:sourceARN", [EAST])) == [(ACCOUNT, "exact")]


def test_whoever_is_certainly_denied_is_not_one_of_everybody() -> None:
    services = deny_when("Bool", "aws:PrincipalIsAWSService", "true")
    assert matches(ACCOUNT, allow(), services, deny(ROOT, Action="ecr:*")) == []
    assert matches(ROLE, allow(), deny(ROOT, Action="ecr:*")) == []
    # Lambda, for one, may still pull for the account.
    assert matches(ACCOUNT, allow(), deny(ROOT, Action="ecr:*")) == [("*", "possible")]
    assert matches(ACCOUNT, allow(), deny(ROOT, Action="ecr:BatchGetImage")) == [("*", "possible")]
    assert matches(ACCOUNT, allow(), deny(ROLE, Action="ecr:*")) == [("*", "possible")]


def test_a_share_of_ones_own_is_told_even_if_it_is_denied() -> None:
    assert matches(ACCOUNT, allow(ROOT), deny(ROOT, Action="ecr:*")) == [(ACCOUNT, "exact")]
