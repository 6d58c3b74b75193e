# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whom a statement reaches, and with what: certainly, under conditions, or not at all."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._evaluation.matching import (
    Reach,
    applies,
    match_principal,
    openings,
    policy_unique_ids,
    reaches_functions,
)
from ansible_collections.imageshare.aws.plugins.module_utils._evaluation.request_context import context_of
from ansible_collections.imageshare.aws.plugins.module_utils._evaluation.statements import parse_statement
from ansible_collections.imageshare.aws.plugins.module_utils._iam.conditions import Applies
from ansible_collections.imageshare.aws.plugins.module_utils._iam.principals import Principal, read_principal

NO, CONDITIONALLY, YES = Applies.NO, Applies.CONDITIONALLY, Applies.YES

OWNER, ACCOUNT = "123456789012", "111122223333"
OTHER = "444455556666"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/ci"
ROLE_WITH_PATH = f"arn:aws:iam::{ACCOUNT}:role/team/builders/ci"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/ci/nightly"
USER = f"arn:aws:iam::{ACCOUNT}:user/alice"
ORGANIZATION = "o-a1b2c3d4e5"
UNIT = f"{ORGANIZATION}/r-ab12/ou-ab12-11111111/*"
ACTION = "ecr:BatchGetImage"


def who(text: str, partition: str = "aws") -> Principal:
    principal = read_principal(text, partition)
    assert principal is not None
    return principal


def statement(**elements: Any) -> dict[str, Any]:
    """A statement that allows everybody ACTION, but for the given elements; None drops one."""
    whole = {"Effect": "Allow", "Principal": "*", "Action": ACTION, **elements}
    return {name: value for name, value in whole.items() if value is not None}


def aws(*names: str) -> dict[str, Any]:
    return statement(Principal={"AWS": list(names)})


def all_but(*names: str) -> dict[str, Any]:
    return statement(Effect="Deny", Principal=None, NotPrincipal={"AWS": list(names)})


def when(operator: str, key: str, values: Any, **elements: Any) -> dict[str, Any]:
    return statement(Condition={operator: {key: values}}, **elements)


# --- applies ---

# Of each: the statement, the principal, and how far it applies.
VERDICTS: dict[str, tuple[dict[str, Any], str, Applies]] = {
    # Principal
    "everybody is an account": (statement(), ACCOUNT, YES),
    "everybody is a role": (statement(Principal={"AWS": "*"}), ROLE, YES),
    "everybody is an organization": (statement(Principal={"AWS": ["*"]}), ORGANIZATION, YES),
    "everybody is a unit": (statement(), UNIT, YES),
    "a star is everybody beside others, too": (aws(OTHER, "*"), ACCOUNT, YES),
    "a root ARN is its account": (aws(ROOT), ACCOUNT, YES),
    "an account id is its account": (aws(OTHER, ACCOUNT), ACCOUNT, YES),
    "a root ARN stands for the account's roles": (aws(ROOT), ROLE, YES),
    "an account id stands for the account's users": (aws(ACCOUNT), USER, YES),
    "an account id stands for the account's sessions": (aws(ACCOUNT), SESSION, YES),
    "another account is not reached": (aws(OTHER), ACCOUNT, NO),
    "another account's role is not reached": (aws(OTHER), ROLE, NO),
    "a role is itself": (aws(ROLE), ROLE, YES),
    "a role is a part of its account": (aws(ROLE), ACCOUNT, CONDITIONALLY),
    "a user is a part of its account": (aws(USER), ACCOUNT, CONDITIONALLY),
    "a session is a part of its account": (aws(SESSION), ACCOUNT, CONDITIONALLY),
    "a role is no other role": (aws(ROLE), f"{ROLE}-2", NO),
    "a role is no user": (aws(ROLE), USER, NO),
    "a role is no role of that name elsewhere": (aws(ROLE), ROLE.replace(ACCOUNT, OTHER), NO),
    "a role stands for its sessions": (aws(ROLE), SESSION, YES),
    "a role with a path stands for its sessions, which do not show it": (aws(ROLE_WITH_PATH), SESSION, YES),
    "a role stands for no session of a role elsewhere": (aws(ROLE), SESSION.replace(ACCOUNT, OTHER), NO),
    "a role stands for no session of another role": (aws(f"{ROLE}-2"), SESSION, NO),
    "a session is a part of its role": (aws(SESSION), ROLE_WITH_PATH, CONDITIONALLY),
    "a session is no other session": (aws(SESSION), f"{SESSION}-2", NO),
    "a federated user is no session of a role": (
        aws(ROLE),
        f"arn:aws:sts::{ACCOUNT}:federated-user/ci",
        NO,
    ),
    "the strongest entry counts": (aws(ROLE, ROOT), ACCOUNT, YES),
    "an account says nothing of its organization": (aws(ROOT), ORGANIZATION, NO),
    "a service is no account": (statement(Principal={"Service": "lambda.amazonaws.com"}), ACCOUNT, NO),
    "an account is reached beside a service": (
        statement(Principal={"Service": "lambda.amazonaws.com", "AWS": ROOT}),
        ACCOUNT,
        YES,
    ),
    "a unique id is nobody": (aws("AROAEXAMPLEROLE123456"), ACCOUNT, NO),
    "an account of another partition is another": (aws("arn:aws-cn:iam::111122223333:root"), ACCOUNT, NO),
    "no principal is nobody": (statement(Principal=None), ACCOUNT, NO),
    "a principal outside a map is nobody": (statement(Principal=ROOT), ACCOUNT, NO),
    "a Deny applies as an Allow does": (statement(Effect="Deny", Principal={"AWS": ROOT}), ROLE, YES),
    # NotPrincipal of a Deny
    "all but another account": (all_but(f"arn:aws:iam::{OTHER}:root"), ACCOUNT, YES),
    "all but another account, and its role": (all_but(f"arn:aws:iam::{OTHER}:root"), ROLE, YES),
    "all but the account, whose roles are not spared": (all_but(ROOT), ACCOUNT, CONDITIONALLY),
    "all but the account by its id": (all_but(ACCOUNT), ACCOUNT, CONDITIONALLY),
    "all but the account, not its role": (all_but(ROOT), ROLE, YES),
    "all but a user and its account": (all_but(USER, ROOT), USER, NO),
    "all but a user without its account": (all_but(USER), USER, CONDITIONALLY),
    "all but a session, its role and its account": (all_but(SESSION, ROLE, ROOT), SESSION, NO),
    "all but another user of the account": (all_but(USER, ROOT), f"{USER}-2", YES),
    "all but the account, which may be in the organization": (all_but(ROOT), ORGANIZATION, CONDITIONALLY),
    "all but a role without its account, and the organization": (all_but(ROLE), ORGANIZATION, YES),
    "all but a role and its account: its sessions are not spared": (all_but(ROLE, ROOT), ROLE, CONDITIONALLY),
    "all but a session and its account, without its role": (all_but(SESSION, ROOT), SESSION, CONDITIONALLY),
    "all but everybody": (all_but("*"), ACCOUNT, NO),
    "a Deny of an account, which may be in the organization": (
        statement(Effect="Deny", Principal={"AWS": ROOT}),
        ORGANIZATION,
        CONDITIONALLY,
    ),
    # Condition
    "a condition that is not known": (when("StringLike", "aws:PrincipalTag/team", "*"), ACCOUNT, CONDITIONALLY),
    "a condition on TLS, which every request has": (when("Bool", "aws:SecureTransport", True), ACCOUNT, YES),
    "a condition on the lack of TLS": (when("Bool", "aws:SecureTransport", False), ACCOUNT, NO),
    "a condition on the caller being no service": (
        when("BoolIfExists", "aws:PrincipalIsAWSService", ["false"]),
        ROLE,
        YES,
    ),
    "a condition on whom a service acts for": (when("StringEquals", "aws:SourceAccount", ACCOUNT), ACCOUNT, NO),
    "a condition on the address": (when("IpAddress", "aws:SourceIp", ["203.0.113.0/24"]), ACCOUNT, CONDITIONALLY),
    "a condition on the principal's own ARN": (when("ArnLike", "aws:PrincipalArn", ROOT), ACCOUNT, CONDITIONALLY),
    "a condition does not reach further than the principal": (
        when("Bool", "aws:SecureTransport", "true", Principal={"AWS": OTHER}),
        ACCOUNT,
        NO,
    ),
    "an empty condition is none": (statement(Condition={}), ACCOUNT, YES),
    "an organization itself": (when("StringEquals", "aws:PrincipalOrgID", ORGANIZATION), ORGANIZATION, YES),
    "an organization among others, in another case of the key": (
        when("stringequals", "AWS:principalorgid", ["o-z9y8x7w6v5", ORGANIZATION]),
        ORGANIZATION,
        YES,
    ),
    "another organization": (when("StringEquals", "aws:PrincipalOrgID", "o-z9y8x7w6v5"), ORGANIZATION, NO),
    "a unit of the organization": (when("StringEquals", "aws:PrincipalOrgID", ORGANIZATION), UNIT, YES),
    "a unit of another organization": (when("StringEquals", "aws:PrincipalOrgID", "o-z9y8x7w6v5"), UNIT, NO),
    "an account that may be in the organization": (
        when("StringEquals", "aws:PrincipalOrgID", ORGANIZATION),
        ACCOUNT,
        CONDITIONALLY,
    ),
    "a role that may be in the unit": (
        when("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", UNIT),
        ROLE,
        CONDITIONALLY,
    ),
    "an organization by other operators": (
        when("StringNotEquals", "aws:PrincipalOrgID", "o-z9y8x7w6v5"),
        ORGANIZATION,
        YES,
    ),
    "an organization under a second condition": (
        statement(
            Condition={
                "StringEquals": {"aws:PrincipalOrgID": ORGANIZATION},
                "StringLike": {"aws:PrincipalTag/team": "a"},
            }
        ),
        ORGANIZATION,
        CONDITIONALLY,
    ),
    "a unit itself": (when("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", UNIT), UNIT, YES),
    "a unit in the unit": (
        when("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", UNIT),
        f"{UNIT[:-1]}ou-ab12-22222222/*",
        YES,
    ),
    "a unit under any path of its organization": (
        when("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", f"{ORGANIZATION}/*"),
        UNIT,
        YES,
    ),
    "another unit": (
        when("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", UNIT),
        f"{ORGANIZATION}/r-ab12/ou-ab12-99999999/*",
        NO,
    ),
    "a unit whose part is named": (
        when("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", f"{UNIT[:-1]}ou-ab12-22222222/*"),
        UNIT,
        CONDITIONALLY,
    ),
    "an organization whose unit is named": (
        when("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", UNIT),
        ORGANIZATION,
        CONDITIONALLY,
    ),
    "an organization when a unit of another is named": (
        when("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", UNIT),
        "o-z9y8x7w6v5",
        NO,
    ),
}


@pytest.mark.parametrize(("drawn", "principal", "expected"), VERDICTS.values(), ids=VERDICTS.keys())
def test_a_statement_applies(drawn: dict[str, Any], principal: str, expected: Applies) -> None:
    assert applies(parse_statement(drawn), context_of(who(principal), "aws"), "aws") is expected


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_a_root_arn_is_read_in_the_registrys_own_partition(partition: str) -> None:
    drawn = aws(f"arn:{partition}:iam::{ACCOUNT}:root")
    assert applies(parse_statement(drawn), context_of(who(ACCOUNT), partition), partition) is YES
    assert applies(parse_statement(drawn), context_of(who(ACCOUNT), "aws-iso"), "aws-iso") is NO


# --- reaches ---

# Of each: the statement, the principal, and the entries through which it is reached.
WAYS: dict[str, tuple[dict[str, Any], str, list[Reach]]] = {
    "none": (aws(OTHER), ACCOUNT, []),
    "a star": (statement(), ACCOUNT, [Reach("*", YES)]),
    "an account, by its id": (aws(ROOT), ROLE, [Reach(ACCOUNT, YES)]),
    "each entry, in order": (
        aws(SESSION, OTHER, ROOT, ROLE),
        SESSION,
        [Reach(SESSION, YES), Reach(ACCOUNT, YES), Reach(ROLE, YES)],
    ),
    "a part of the account": (aws(ROLE), ACCOUNT, [Reach(ROLE, CONDITIONALLY)]),
    "NotPrincipal, by that name": (all_but(OTHER), ACCOUNT, [Reach("NotPrincipal", YES)]),
    "an organization, by its id": (
        when("StringEquals", "aws:PrincipalOrgID", ["o-z9y8x7w6v5", ORGANIZATION]),
        ORGANIZATION,
        [Reach(ORGANIZATION, YES)],
    ),
    "any organization that an account may be in": (
        when("StringEquals", "aws:PrincipalOrgID", ["o-z9y8x7w6v5", ORGANIZATION]),
        ACCOUNT,
        [Reach("o-z9y8x7w6v5", CONDITIONALLY), Reach(ORGANIZATION, CONDITIONALLY)],
    ),
    "an account, and not the organization that it must be in": (
        when("StringEquals", "aws:PrincipalOrgID", ORGANIZATION, Principal={"AWS": ROOT}),
        ACCOUNT,
        [Reach(ACCOUNT, CONDITIONALLY)],
    ),
    "a unit, by its path": (
        when("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", UNIT),
        ROLE,
        [Reach(UNIT, CONDITIONALLY)],
    ),
    "no organization where none is listed": (when("StringEquals", "aws:PrincipalOrgID", []), ACCOUNT, []),
}


@pytest.mark.parametrize(("drawn", "principal", "expected"), WAYS.values(), ids=WAYS.keys())
def test_a_principal_is_reached_through(drawn: dict[str, Any], principal: str, expected: list[Reach]) -> None:
    assert match_principal(parse_statement(drawn), who(principal), "aws") == tuple(expected)


# --- reaches_functions ---

LAMBDA: Any = {"Service": "lambda.amazonaws.com"}
EAST = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:*"
FUNCTIONS: dict[str, tuple[dict[str, Any], Applies]] = {
    "the service without a condition": (statement(Principal=LAMBDA), YES),
    "the service among others": (
        statement(Principal={"Service": ["ecs.amazonaws.com", "lambda.amazonaws.com"]}),
        YES,
    ),
    "everybody": (statement(), YES),
    "everybody in a list": (aws(OTHER, "*"), YES),
    "another service": (statement(Principal={"Service": "codebuild.amazonaws.com"}), NO),
    "the account": (aws(ROOT), NO),
    "the account's functions": (when("StringLike", "aws:sourceARN", EAST, Principal=LAMBDA), YES),
    "one of the account's functions": (
        when("ArnEquals", "aws:SourceArn", f"{EAST[:-1]}resize", Principal=LAMBDA),
        YES,
    ),
    "the account's functions among others": (
        when("ArnLike", "aws:SourceArn", [EAST.replace(ACCOUNT, OTHER), EAST], Principal=LAMBDA),
        YES,
    ),
    "the account's functions as any value": (
        when("ForAnyValue:StringLike", "aws:sourceARN", [EAST], Principal=LAMBDA),
        YES,
    ),
    "the functions of every account": (
        when("StringLike", "aws:sourceARN", "arn:aws:lambda:*:*:function:*", Principal=LAMBDA),
        YES,
    ),
    "another account's functions": (
        when("StringLike", "aws:sourceARN", EAST.replace(ACCOUNT, OTHER), Principal=LAMBDA),
        NO,
    ),
    "no function": (when("StringLike", "aws:sourceARN", [], Principal=LAMBDA), NO),
    "the account as source": (when("StringEquals", "aws:SourceAccount", ACCOUNT, Principal=LAMBDA), YES),
    "accounts as source by a pattern": (when("StringLike", "aws:SourceAccount", "1111*", Principal=LAMBDA), YES),
    "another account as source": (when("StringEquals", "aws:SourceAccount", OTHER, Principal=LAMBDA), NO),
    "both source conditions": (
        statement(
            Principal=LAMBDA,
            Condition={"StringLike": {"aws:SourceArn": EAST}, "StringEquals": {"aws:SourceAccount": ACCOUNT}},
        ),
        YES,
    ),
    "source conditions that exclude each other": (
        statement(
            Principal=LAMBDA,
            Condition={"StringLike": {"aws:SourceArn": EAST}, "StringEquals": {"aws:SourceAccount": OTHER}},
        ),
        NO,
    ),
    "all but some source": (when("StringNotLike", "aws:SourceArn", EAST, Principal=LAMBDA), YES),
    "all but every source": (when("StringNotLike", "aws:SourceArn", f"*:{ACCOUNT}:*", Principal=LAMBDA), NO),
    "a source that may be missing": (when("StringLikeIfExists", "aws:SourceArn", EAST, Principal=LAMBDA), YES),
    "a condition on TLS": (when("Bool", "aws:SecureTransport", "true", Principal=LAMBDA), YES),
    "a condition that is not known": (when("StringEquals", "aws:SourceVpc", "vpc-1", Principal=LAMBDA), CONDITIONALLY),
    "an account whose id is in the name of another's function": (
        when("StringLike", "aws:SourceArn", EAST.replace(ACCOUNT, OTHER), Principal=LAMBDA),
        NO,
    ),
    "everybody in an organization, which no service is in": (
        when("StringEquals", "aws:PrincipalOrgID", ORGANIZATION),
        NO,
    ),
    "everybody in a unit, which no service is in": (
        when("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", UNIT),
        NO,
    ),
    "everybody outside an organization, as every service is": (
        when("StringNotEquals", "aws:PrincipalOrgID", ORGANIZATION, Effect="Deny"),
        YES,
    ),
}


@pytest.mark.parametrize(("drawn", "expected"), FUNCTIONS.values(), ids=FUNCTIONS.keys())
def test_an_accounts_functions_are_reached_by(drawn: dict[str, Any], expected: Applies) -> None:
    assert reaches_functions(parse_statement(drawn), ACCOUNT, "aws") is expected


# --- openings ---

# Of each: the statement, and what opens it to strangers.
OPENED: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "a star": (statement(), ("*",)),
    "a star in the map": (statement(Principal={"AWS": "*"}), ("*",)),
    "a star among accounts": (aws(ROOT, "*"), ("*",)),
    "a star beside a service": (statement(Principal={"AWS": "*", "Service": "ecs.amazonaws.com"}), ("*",)),
    "a star with an empty condition": (statement(Condition={}), ("*",)),
    "a star with any action": (statement(Action="ecr:DescribeImages"), ("*",)),
    "an Allow of all but some": (statement(Principal=None, NotPrincipal={"AWS": ROOT}), ("*",)),
    "a star and NotAction": (statement(Action=None, NotAction="ecr:Delete*"), ("*",)),
    "any ARN": (when("StringLike", "aws:PrincipalArn", "*"), ("*",)),
    "any ARN of IAM": (when("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/*"), ("arn:aws:iam::*:role/*",)),
    "a role's name in every account": (
        when("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/ci"),
        ("arn:aws:iam::*:role/ci",),
    ),
    "any organization": (when("StringLike", "aws:PrincipalOrgID", "o-*"), ("o-*",)),
    "any organization, or none": (when("StringLikeIfExists", "aws:PrincipalOrgID", "*"), ("*",)),
    "no organization": (when("Null", "aws:PrincipalOrgID", "true"), ("*",)),
    "some organization": (when("Null", "aws:PrincipalOrgID", False), ("*",)),
    "an organization, or none": (when("StringEqualsIfExists", "aws:PrincipalOrgID", ORGANIZATION), ("*",)),
    "all but an organization": (when("StringNotEquals", "aws:PrincipalOrgID", ORGANIZATION), ("*",)),
    "all but an account": (when("StringNotEquals", "aws:PrincipalAccount", ACCOUNT), ("*",)),
    "a unit, or none": (when("ForAllValues:StringLike", "aws:PrincipalOrgPaths", UNIT), ("*",)),
    "units of every organization": (when("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", "o-*/*"), ("o-*/*",)),
    "every address": (when("IpAddress", "aws:SourceIp", ["0.0.0.0/0", "::/0"]), ("*",)),
    "no service": (when("Bool", "aws:PrincipalIsAWSService", "false"), ("*",)),
    "a TLS connection": (when("Bool", "aws:SecureTransport", True), ("*",)),
    "several conditions that bar nobody": (
        statement(Condition={"Bool": {"aws:SecureTransport": "true"}, "StringLike": {"aws:PrincipalArn": "arn:*"}}),
        ("arn:*",),
    ),
    "an organization": (when("StringEquals", "aws:PrincipalOrgID", ORGANIZATION), ()),
    "a star in an organization's id, to the letter": (when("StringEquals", "aws:PrincipalOrgID", "o-*"), ()),
    "a unit": (when("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", UNIT), ()),
    "an account's ARNs": (when("ArnLike", "aws:PrincipalArn", f"arn:aws:iam::{ACCOUNT}:*"), ()),
    "an account by a condition": (when("StringEquals", "aws:PrincipalAccount", ACCOUNT), ()),
    "an address": (when("IpAddress", "aws:SourceIp", "203.0.113.0/24"), ()),
    "a tag of one's own": (when("StringEquals", "aws:PrincipalTag/team", "a"), ("*",)),
    "any tag of one's own": (when("StringLike", "aws:PrincipalTag/team", "*"), ("*",)),
    "no tag of one's own": (when("Null", "aws:PrincipalTag/team", "true"), ("*",)),
    "all without a tag": (when("StringNotEquals", "aws:PrincipalTag/team", "a"), ("*",)),
    "a user's name": (when("StringEquals", "aws:username", "joe"), ("*",)),
    "a kind of principal": (when("StringEquals", "aws:PrincipalType", "AssumedRole"), ("*",)),
    "a client": (when("StringLike", "aws:UserAgent", "docker*"), ("*",)),
    "an endpoint, or none": (when("StringEqualsIfExists", "aws:SourceVpce", "vpce-1a2b3c4d"), ("*",)),
    "all but an endpoint": (when("StringNotEquals", "aws:SourceVpce", "vpce-1a2b3c4d"), ("*",)),
    "half of all addresses": (when("IpAddress", "aws:SourceIp", "0.0.0.0/1"), ("*",)),
    "half of all addresses, twice": (when("IpAddress", "aws:SourceIp", ["0.0.0.0/1", "128.0.0.0/1"]), ("*",)),
    "very many addresses": (when("IpAddress", "aws:SourceIp", "2001::/16"), ("*",)),
    "any id of a user": (when("StringLike", "aws:userid", "*"), ("*",)),
    "the owner's own repository": (when("StringEquals", "aws:ResourceAccount", OWNER), ("*",)),
    "another's repository": (when("StringEquals", "aws:ResourceAccount", ACCOUNT), ()),
    "a large network": (when("IpAddress", "aws:SourceIp", ["10.0.0.0/8", "2001:db8::/32"]), ()),
    "an endpoint": (when("StringEquals", "aws:SourceVpce", "vpce-1a2b3c4d"), ()),
    "a session of a role": (when("StringLike", "aws:userid", "AROAEXAMPLEROLE123456:*"), ()),
    "a tag of the repository, which is not decided": (when("StringEquals", "aws:ResourceTag/env", "prod"), ()),
    "a date, which is not decided": (when("DateLessThan", "aws:CurrentTime", "2030-01-01T00:00:00Z"), ()),
    "an ARN pattern that is none, which is not decided": (when("ArnLike", "aws:PrincipalArn", "*"), ()),
    "a policy variable, which is not decided": (when("StringLike", "aws:PrincipalArn", "*${aws:username}"), ()),
    "the owner's organization": (when("StringEquals", "aws:PrincipalOrgID", "${aws:ResourceOrgID}"), ()),
    "two patterns of one key, which may exclude each other": (
        statement(
            Condition={
                "StringLike": {"aws:PrincipalArn": "*:role/a*"},
                "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/b*"},
            }
        ),
        (),
    ),
    "the lack of TLS": (when("Bool", "aws:SecureTransport", False), ()),
    "services alone": (
        when("Bool", "aws:PrincipalIsAWSService", True, Principal={"AWS": "*"}),
        ("lambda.amazonaws.com",),
    ),
    "Lambda": (statement(Principal=LAMBDA), ("lambda.amazonaws.com",)),
    "Lambda for any function": (
        when("StringLike", "aws:sourceARN", ["arn:aws:lambda:*:*:function:*", EAST], Principal=LAMBDA),
        ("arn:aws:lambda:*:*:function:*",),
    ),
    "Lambda for a function's name in every account": (
        when("ArnLike", "aws:SourceArn", "arn:aws:lambda:us-east-1:*:function:resize", Principal=LAMBDA),
        ("arn:aws:lambda:us-east-1:*:function:resize",),
    ),
    "Lambda for any function, in an account": (
        statement(
            Principal=LAMBDA,
            Condition={"StringLike": {"aws:SourceArn": "*"}, "StringEquals": {"aws:SourceAccount": ACCOUNT}},
        ),
        (),
    ),
    "Lambda for an account": (when("StringLike", "aws:sourceARN", EAST, Principal=LAMBDA), ()),
    "Lambda for all but an account": (
        when("StringNotLike", "aws:sourceARN", EAST, Principal=LAMBDA),
        ("lambda.amazonaws.com",),
    ),
    "everybody that Lambda acts for": (
        when("StringLike", "aws:SourceArn", "arn:aws:lambda:*"),
        ("arn:aws:lambda:*",),
    ),
    "a Deny": (statement(Effect="Deny"), ()),
    "an account": (aws(ROOT), ()),
    "another service": (statement(Principal={"Service": "codebuild.amazonaws.com"}), ()),
    "a service by a star, which is none": (statement(Principal={"Service": "*"}), ()),
    "a star with the token alone, which cannot be granted": (statement(Action="ecr:GetAuthorizationToken"), ()),
    "a star with no action": (statement(Action=[]), ()),
    "a star with an action of the registry alone": (statement(Action="ecr:CreateRepository"), ()),
}


@pytest.mark.parametrize(("drawn", "expected"), OPENED.values(), ids=OPENED.keys())
def test_a_policy_is_opened_by(drawn: dict[str, Any], expected: tuple[str, ...]) -> None:
    found = openings({"Statement": [aws(ROOT), drawn]}, "aws", OWNER)
    assert [(opening.position, opening.entries) for opening in found] == ([(2, expected)] if expected else [])


# Of each: a Deny, and whether it closes a statement that is open to everybody.
CLOSING: dict[str, tuple[dict[str, Any], bool]] = {
    "everybody": (statement(Effect="Deny"), True),
    "every action": (statement(Effect="Deny", Action="ecr:*"), True),
    "all outside of an organization": (
        when("StringNotEquals", "aws:PrincipalOrgID", ORGANIZATION, Effect="Deny"),
        True,
    ),
    "all outside of an organization that is there": (
        when("StringNotEqualsIfExists", "aws:PrincipalOrgID", ORGANIZATION, Effect="Deny"),
        True,
    ),
    "all outside of a unit": (
        when("ForAllValues:StringNotLike", "aws:PrincipalOrgPaths", UNIT, Effect="Deny"),
        True,
    ),
    "all but an account and its role": (all_but(ROOT, ROLE), True),
    "all outside of a network": (when("NotIpAddress", "aws:SourceIp", "203.0.113.0/24", Effect="Deny"), True),
    "all outside of the owner's organization": (
        when("StringNotEqualsIfExists", "aws:PrincipalOrgID", "${aws:ResourceOrgID}", Effect="Deny"),
        True,
    ),
    "a policy variable, which is not decided": (
        when("StringNotEquals", "aws:PrincipalAccount", "${aws:SourceAccount}", Effect="Deny"),
        False,
    ),
    "another action": (statement(Effect="Deny", Action="ecr:PutImage"), False),
    "members of another organization alone": (
        when("ForAnyValue:StringNotLike", "aws:PrincipalOrgPaths", UNIT, Effect="Deny"),
        False,
    ),
    "an account": (statement(Effect="Deny", Principal={"AWS": ROOT}), False),
    "users, as a stranger need not be one": (
        when("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:user/*", Effect="Deny"),
        False,
    ),
    "all without a tag, which anybody can have": (
        when("StringNotEquals", "aws:PrincipalTag/team", "a", Effect="Deny"),
        False,
    ),
    "all outside of an endpoint": (when("StringNotEquals", "aws:SourceVpc", "vpc-1a2b3c4d", Effect="Deny"), True),
    "all accounts but one": (when("StringNotEquals", "aws:PrincipalAccount", ACCOUNT, Effect="Deny"), True),
    "callers of the owner's repository": (
        when("StringEquals", "aws:ResourceAccount", OWNER, Effect="Deny"),
        True,
    ),
    "what is not decided": (when("StringNotEquals", "aws:ResourceTag/env", "dev", Effect="Deny"), False),
}


@pytest.mark.parametrize(("drawn", "closes"), CLOSING.values(), ids=CLOSING.keys())
def test_an_open_policy_is_closed_by_a_deny_of(drawn: dict[str, Any], closes: bool) -> None:
    assert bool(openings({"Statement": [statement(), drawn]}, "aws", OWNER)) is not closes


@pytest.mark.parametrize(("operator", "value"), [("Null", "false"), ("StringLike", "*")])
def test_a_deny_of_all_with_a_tag_lets_people_in_who_have_none(operator: str, value: str) -> None:
    deny = when(operator, "aws:PrincipalTag/team", value, Effect="Deny")
    (opening,) = openings({"Statement": [statement(), deny]}, "aws", OWNER)
    assert opening.to_people


def test_no_policy_is_open_to_nobody() -> None:
    assert openings(None, "aws") == ()


# --- unique ids ---

ROLE_ID, USER_ID = "AROAEXAMPLEROLE123456", "AIDAEXAMPLEUSER123456"
IDS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "none": (aws(ROOT, ROLE), ()),
    "a scalar": (statement(Principal={"AWS": ROLE_ID}), (ROLE_ID,)),
    "several, each once": (aws(USER_ID, ROOT, ROLE_ID, USER_ID), (USER_ID, ROLE_ID)),
    "those of NotPrincipal": (all_but(ROOT, ROLE_ID), (ROLE_ID,)),
    "none of a condition": (when("StringLike", "aws:userId", ROLE_ID), ()),
}


@pytest.mark.parametrize(("drawn", "expected"), IDS.values(), ids=IDS.keys())
def test_the_ids_of_deleted_principals_are(drawn: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert parse_statement(drawn).deleted_principals == expected


def test_the_ids_of_deleted_principals_are_those_of_all_statements() -> None:
    policy = {"Statement": [aws(ROLE_ID, ROOT), all_but(USER_ID), aws(ROLE_ID)]}
    assert policy_unique_ids(policy) == (ROLE_ID, USER_ID)
    assert policy_unique_ids(None) == ()
