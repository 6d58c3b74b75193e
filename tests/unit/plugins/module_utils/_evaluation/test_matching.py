# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""To whom a statement applies, certainly, under conditions, or not at all; and what makes a policy public."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._evaluation.evaluator import ParsedPolicy, PolicyEvaluator
from ansible_collections.imageshare.aws.plugins.module_utils._iam.conditions import Applies
from ansible_collections.imageshare.aws.tests.support.builders import (
    ACCOUNT,
    DELETED_ROLE,
    EAST,
    LAMBDA,
    ORGANIZATION,
    OTHER,
    OTHER_ROOT,
    OWNER,
    REPOSITORY,
    ROLE,
    ROOT,
    SESSION,
    UNIT,
    USER,
    all_but,
    allow,
    deny,
    deny_when,
    policy,
    principal,
    root,
    statement,
    when,
)

NO, CONDITIONALLY, YES = Applies.NO, Applies.CONDITIONALLY, Applies.YES
for_lambda = partial(when, Principal=LAMBDA)
OTHER_EAST = EAST.replace(ACCOUNT, OTHER)
ROLE_WITH_PATH = f"arn:aws:iam::{ACCOUNT}:role/team/builders/ci"


def parsed(*listed: dict[str, Any], partition: str = "aws") -> ParsedPolicy:
    return PolicyEvaluator(partition, OWNER).parse(policy(*listed), REPOSITORY)


def applies(drawn: dict[str, Any], name: str, partition: str = "aws") -> Applies:
    """How far a statement applies to the principal of a name."""
    found = parsed(drawn, partition=partition)
    context = found.matcher.contexts.of(principal(name, partition))
    return found.matcher.applies(found.statements[0].statement, context)


# --- applies ---

# Of each: the statement, the principal, and how far it applies.
VERDICTS: dict[str, tuple[dict[str, Any], str, Applies]] = {
    # Principal
    "everybody is an account": (statement(), ACCOUNT, YES),
    "everybody is a role": (statement(Principal={"AWS": "*"}), ROLE, YES),
    "everybody is an organization": (statement(Principal={"AWS": ["*"]}), ORGANIZATION, YES),
    "everybody is a unit": (statement(), UNIT, YES),
    "a star is everybody beside others, too": (allow(OTHER, "*"), ACCOUNT, YES),
    "a root ARN is its account": (allow(ROOT), ACCOUNT, YES),
    "an account id is its account": (allow(OTHER, ACCOUNT), ACCOUNT, YES),
    "a root ARN stands for the account's roles": (allow(ROOT), ROLE, YES),
    "an account id stands for the account's users": (allow(ACCOUNT), USER, YES),
    "an account id stands for the account's sessions": (allow(ACCOUNT), SESSION, YES),
    "another account is not reached": (allow(OTHER), ACCOUNT, NO),
    "another account's role is not reached": (allow(OTHER), ROLE, NO),
    "a role is itself": (allow(ROLE), ROLE, YES),
    "a role is a part of its account": (allow(ROLE), ACCOUNT, CONDITIONALLY),
    "a user is a part of its account": (allow(USER), ACCOUNT, CONDITIONALLY),
    "a session is a part of its account": (allow(SESSION), ACCOUNT, CONDITIONALLY),
    "a role is no other role": (allow(ROLE), f"{ROLE}-2", NO),
    "a role is no user": (allow(ROLE), USER, NO),
    "a role is no role of that name elsewhere": (allow(ROLE), ROLE.replace(ACCOUNT, OTHER), NO),
    "a role stands for its sessions": (allow(ROLE), SESSION, YES),
    "a role with a path stands for its sessions, which do not show it": (allow(ROLE_WITH_PATH), SESSION, YES),
    "a role stands for no session of a role elsewhere": (allow(ROLE), SESSION.replace(ACCOUNT, OTHER), NO),
    "a role stands for no session of another role": (allow(f"{ROLE}-2"), SESSION, NO),
    "a session is a part of its role": (allow(SESSION), ROLE_WITH_PATH, CONDITIONALLY),
    "a session is no other session": (allow(SESSION), f"{SESSION}-2", NO),
    "a federated user is no session of a role": (allow(ROLE), f"arn:aws:sts::{ACCOUNT}:federated-user/ci", NO),
    "the strongest entry counts": (allow(ROLE, ROOT), ACCOUNT, YES),
    "an account says nothing of its organization": (allow(ROOT), ORGANIZATION, NO),
    "a service is no account": (statement(Principal={"Service": "lambda.amazonaws.com"}), ACCOUNT, NO),
    "an account is reached beside a service": (
        statement(Principal={"Service": "lambda.amazonaws.com", "AWS": ROOT}),
        ACCOUNT,
        YES,
    ),
    "a unique id is nobody": (allow(DELETED_ROLE), ACCOUNT, NO),
    "an account of another partition is another": (allow("arn:aws-cn:iam::111122223333:root"), ACCOUNT, NO),
    "no principal is nobody": (statement(Principal=None), ACCOUNT, NO),
    "a principal outside a map is nobody": (statement(Principal=ROOT), ACCOUNT, NO),
    "a Deny applies as an Allow does": (deny(Principal={"AWS": ROOT}), ROLE, YES),
    # NotPrincipal of a Deny
    "all but another account": (all_but(OTHER_ROOT), ACCOUNT, YES),
    "all but another account, and its role": (all_but(OTHER_ROOT), ROLE, YES),
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
        deny(Principal={"AWS": ROOT}),
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


@pytest.mark.parametrize(("drawn", "name", "expected"), VERDICTS.values(), ids=VERDICTS.keys())
def test_how_far_a_statement_applies(drawn: dict[str, Any], name: str, expected: Applies) -> None:
    assert applies(drawn, name) is expected


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_a_root_arn_is_read_in_the_registrys_own_partition(partition: str) -> None:
    drawn = allow(root(ACCOUNT, partition))
    assert applies(drawn, ACCOUNT, partition) is YES
    assert applies(drawn, ACCOUNT, "aws-iso") is NO


# --- match_principal ---

# Of each: the statement, the principal, and the names by which the statement applies to it.
WAYS: dict[str, tuple[dict[str, Any], str, dict[str, Applies]]] = {
    "none": (allow(OTHER), ACCOUNT, {}),
    "a star": (statement(), ACCOUNT, {"*": YES}),
    "an account, by its id": (allow(ROOT), ROLE, {ACCOUNT: YES}),
    "each entry, in order": (allow(SESSION, OTHER, ROOT, ROLE), SESSION, {SESSION: YES, ACCOUNT: YES, ROLE: YES}),
    "a part of the account": (allow(ROLE), ACCOUNT, {ROLE: CONDITIONALLY}),
    "NotPrincipal, by that name": (all_but(OTHER), ACCOUNT, {"NotPrincipal": YES}),
    "an organization, by its id": (
        when("StringEquals", "aws:PrincipalOrgID", ["o-z9y8x7w6v5", ORGANIZATION]),
        ORGANIZATION,
        {ORGANIZATION: YES},
    ),
    "any organization that an account may be in": (
        when("StringEquals", "aws:PrincipalOrgID", ["o-z9y8x7w6v5", ORGANIZATION]),
        ACCOUNT,
        {"o-z9y8x7w6v5": CONDITIONALLY, ORGANIZATION: CONDITIONALLY},
    ),
    "an account, and not the organization that it must be in": (
        when("StringEquals", "aws:PrincipalOrgID", ORGANIZATION, Principal={"AWS": ROOT}),
        ACCOUNT,
        {ACCOUNT: CONDITIONALLY},
    ),
    "a unit, by its path": (when("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", UNIT), ROLE, {UNIT: CONDITIONALLY}),
    "no organization where none is listed": (when("StringEquals", "aws:PrincipalOrgID", []), ACCOUNT, {}),
}


@pytest.mark.parametrize(("drawn", "name", "expected"), WAYS.values(), ids=WAYS.keys())
def test_a_principal_is_matched_as(drawn: dict[str, Any], name: str, expected: dict[str, Applies]) -> None:
    found = parsed(drawn)
    assert dict(found.matcher.match_principal(found.statements[0].statement, principal(name))) == expected


# --- applies_to_functions ---

FUNCTIONS: dict[str, tuple[dict[str, Any], Applies]] = {
    "the service without a condition": (statement(Principal=LAMBDA), YES),
    "the service among others": (statement(Principal={"Service": ["ecs.amazonaws.com", "lambda.amazonaws.com"]}), YES),
    "everybody": (statement(), YES),
    "everybody in a list": (allow(OTHER, "*"), YES),
    "another service": (statement(Principal={"Service": "codebuild.amazonaws.com"}), NO),
    "the account": (allow(ROOT), NO),
    "the account's functions": (for_lambda("StringLike", "aws:sourceARN", EAST), YES),
    "one of the account's functions": (for_lambda("ArnEquals", "aws:SourceArn", f"{EAST[:-1]}resize"), YES),
    "the account's functions among others": (for_lambda("ArnLike", "aws:SourceArn", [OTHER_EAST, EAST]), YES),
    "the account's functions as any value": (for_lambda("ForAnyValue:StringLike", "aws:sourceARN", [EAST]), YES),
    "the functions of every account": (for_lambda("StringLike", "aws:sourceARN", "arn:aws:lambda:*:*:function:*"), YES),
    "another account's functions": (for_lambda("StringLike", "aws:sourceARN", OTHER_EAST), NO),
    "no function": (for_lambda("StringLike", "aws:sourceARN", []), NO),
    "the account as source": (for_lambda("StringEquals", "aws:SourceAccount", ACCOUNT), YES),
    "accounts as source by a pattern": (for_lambda("StringLike", "aws:SourceAccount", "1111*"), YES),
    "another account as source": (for_lambda("StringEquals", "aws:SourceAccount", OTHER), NO),
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
    "all but some source": (for_lambda("StringNotLike", "aws:SourceArn", EAST), YES),
    "all but every source": (for_lambda("StringNotLike", "aws:SourceArn", f"*:{ACCOUNT}:*"), NO),
    "a source that may be missing": (for_lambda("StringLikeIfExists", "aws:SourceArn", EAST), YES),
    "a condition on TLS": (for_lambda("Bool", "aws:SecureTransport", "true"), YES),
    "a condition that is not known": (for_lambda("StringEquals", "aws:SourceVpc", "vpc-1"), CONDITIONALLY),
    "everybody in an organization, which no service is in": (
        when("StringEquals", "aws:PrincipalOrgID", ORGANIZATION),
        NO,
    ),
    "everybody in a unit, which no service is in": (when("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", UNIT), NO),
    "everybody outside an organization, as every service is": (
        deny_when("StringNotEquals", "aws:PrincipalOrgID", ORGANIZATION),
        YES,
    ),
}


@pytest.mark.parametrize(("drawn", "expected"), FUNCTIONS.values(), ids=FUNCTIONS.keys())
def test_how_far_a_statement_applies_to_the_functions_of_an_account(drawn: dict[str, Any], expected: Applies) -> None:
    found = parsed(drawn)
    assert found.matcher.applies_to_functions(found.statements[0].statement, ACCOUNT) is expected


# --- public statements ---

# Of each: the statement, and what opens it to callers whom no policy names.
OPENED: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "a star": (statement(), ("*",)),
    "a star in the map": (statement(Principal={"AWS": "*"}), ("*",)),
    "a star among accounts": (allow(ROOT, "*"), ("*",)),
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
    "a session of a role": (when("StringLike", "aws:userid", f"{DELETED_ROLE}:*"), ()),
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
        for_lambda("StringLike", "aws:sourceARN", ["arn:aws:lambda:*:*:function:*", EAST]),
        ("arn:aws:lambda:*:*:function:*",),
    ),
    "Lambda for a function's name in every account": (
        for_lambda("ArnLike", "aws:SourceArn", "arn:aws:lambda:us-east-1:*:function:resize"),
        ("arn:aws:lambda:us-east-1:*:function:resize",),
    ),
    "Lambda for any function, in an account": (
        statement(
            Principal=LAMBDA,
            Condition={"StringLike": {"aws:SourceArn": "*"}, "StringEquals": {"aws:SourceAccount": ACCOUNT}},
        ),
        (),
    ),
    "Lambda for an account": (for_lambda("StringLike", "aws:sourceARN", EAST), ()),
    "Lambda for all but an account": (for_lambda("StringNotLike", "aws:sourceARN", EAST), ("lambda.amazonaws.com",)),
    "everybody that Lambda acts for": (when("StringLike", "aws:SourceArn", "arn:aws:lambda:*"), ("arn:aws:lambda:*",)),
    "a Deny": (deny(), ()),
    "an account": (allow(ROOT), ()),
    "another service": (statement(Principal={"Service": "codebuild.amazonaws.com"}), ()),
    "a service by a star, which is none": (statement(Principal={"Service": "*"}), ()),
    "a star with the token alone, which cannot be granted": (statement(Action="ecr:GetAuthorizationToken"), ()),
    "a star with no action": (statement(Action=[]), ()),
    "a star with an action of the registry alone": (statement(Action="ecr:CreateRepository"), ()),
}


@pytest.mark.parametrize(("drawn", "expected"), OPENED.values(), ids=OPENED.keys())
def test_a_policy_is_opened_by(drawn: dict[str, Any], expected: tuple[str, ...]) -> None:
    found = parsed(allow(ROOT), drawn).public_statements()
    assert [(one.statement.position, one.opened_by) for one in found] == ([(2, expected)] if expected else [])


# Of each: a Deny, and whether it closes a statement that is open to everybody.
CLOSING: dict[str, tuple[dict[str, Any], bool]] = {
    "everybody": (deny(), True),
    "every action": (deny(Action="ecr:*"), True),
    "all outside of an organization": (deny_when("StringNotEquals", "aws:PrincipalOrgID", ORGANIZATION), True),
    "all outside of an organization that is there": (
        deny_when("StringNotEqualsIfExists", "aws:PrincipalOrgID", ORGANIZATION),
        True,
    ),
    "all outside of a unit": (deny_when("ForAllValues:StringNotLike", "aws:PrincipalOrgPaths", UNIT), True),
    "all but an account and its role": (all_but(ROOT, ROLE), True),
    "all outside of a network": (deny_when("NotIpAddress", "aws:SourceIp", "203.0.113.0/24"), True),
    "all outside of the owner's organization": (
        deny_when("StringNotEqualsIfExists", "aws:PrincipalOrgID", "${aws:ResourceOrgID}"),
        True,
    ),
    "a policy variable, which is not decided": (
        deny_when("StringNotEquals", "aws:PrincipalAccount", "${aws:SourceAccount}"),
        False,
    ),
    "another action": (deny(Action="ecr:PutImage"), False),
    "members of another organization alone": (
        deny_when("ForAnyValue:StringNotLike", "aws:PrincipalOrgPaths", UNIT),
        False,
    ),
    "an account": (deny(Principal={"AWS": ROOT}), False),
    "users, as a stranger need not be one": (deny_when("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:user/*"), False),
    "all without a tag, which anybody can have": (deny_when("StringNotEquals", "aws:PrincipalTag/team", "a"), False),
    "all outside of an endpoint": (deny_when("StringNotEquals", "aws:SourceVpc", "vpc-1a2b3c4d"), True),
    "all accounts but one": (deny_when("StringNotEquals", "aws:PrincipalAccount", ACCOUNT), True),
    "callers of the owner's repository": (deny_when("StringEquals", "aws:ResourceAccount", OWNER), True),
    "what is not decided": (deny_when("StringNotEquals", "aws:ResourceTag/env", "dev"), False),
}


@pytest.mark.parametrize(("drawn", "closes"), CLOSING.values(), ids=CLOSING.keys())
def test_an_open_policy_is_closed_by_a_deny_of(drawn: dict[str, Any], closes: bool) -> None:
    assert bool(parsed(statement(), drawn).public_statements()) is not closes


@pytest.mark.parametrize(("operator", "value"), [("Null", "false"), ("StringLike", "*")])
def test_a_deny_of_all_with_a_tag_lets_people_in_who_have_none(operator: str, value: str) -> None:
    closing = deny_when(operator, "aws:PrincipalTag/team", value)
    (public,) = parsed(statement(), closing).public_statements()
    assert public.grants_identities


def test_a_statement_is_public_for_the_owner_of_its_registry_alone() -> None:
    drawn = policy(when("StringEquals", "aws:ResourceAccount", OWNER))
    assert PolicyEvaluator("aws", OWNER).parse(drawn).public_statements()
    assert not PolicyEvaluator("aws", OTHER).parse(drawn).public_statements()
    assert not PolicyEvaluator("aws").parse(drawn).public_statements()


# --- Resource ---

# Of each: the elements, and how far an Allow with them applies to an account.
RESOURCES: dict[str, tuple[dict[str, Any], Applies]] = {
    "everything": ({"Resource": "*"}, YES),
    "the repository": ({"Resource": REPOSITORY}, YES),
    "the repository among others": ({"Resource": ["arn:aws:s3:::base", REPOSITORY]}, YES),
    "a pattern of repositories": ({"Resource": f"arn:aws:ecr:us-east-1:{OWNER}:repository/base/*"}, YES),
    "a star across a slash": ({"Resource": f"arn:aws:ecr:*:{OWNER}:repository/b*n"}, YES),
    "a question mark": ({"Resource": REPOSITORY.replace("python", "pytho?")}, YES),
    "another repository": ({"Resource": REPOSITORY.replace("python", "ruby")}, NO),
    "a question mark too many": ({"Resource": f"{REPOSITORY}?"}, NO),
    "another region": ({"Resource": REPOSITORY.replace("us-east-1", "eu-west-1")}, NO),
    "another account": ({"Resource": REPOSITORY.replace(OWNER, OTHER)}, NO),
    "another case": ({"Resource": REPOSITORY.replace("python", "Python")}, NO),
    "a resource that is no ARN": ({"Resource": "*:user/${username}"}, NO),
    "no resource at all": ({"Resource": []}, NO),
    "what is no text": ({"Resource": 5}, NO),
    "a policy variable, which is not decided": (
        {"Resource": REPOSITORY.replace("python", "${aws:PrincipalTag/team}")},
        CONDITIONALLY,
    ),
    "a policy variable of another repository": ({"Resource": "arn:aws:ecr:*:*:repository/${aws:username}/x"}, NO),
    "all but everything": ({"NotResource": "*"}, NO),
    "all but the repository": ({"NotResource": REPOSITORY}, NO),
    "all but another": ({"NotResource": REPOSITORY.replace("python", "ruby")}, YES),
    "all but what a policy variable says": (
        {"NotResource": REPOSITORY.replace("python", "${aws:PrincipalTag/team}")},
        CONDITIONALLY,
    ),
    "both elements, which AWS refuses": ({"Resource": "*", "NotResource": "arn:aws:s3:::base"}, NO),
}


@pytest.mark.parametrize(("elements", "expected"), RESOURCES.values(), ids=RESOURCES.keys())
@pytest.mark.parametrize("effect", ["Allow", "Deny"])
def test_how_far_a_statement_covers_the_repository(elements: dict[str, Any], expected: Applies, effect: str) -> None:
    found = parsed(allow(ROOT, Effect=effect, **elements))
    assert bool(found.effective_statements) is (expected is not NO)
    for numbered in found.effective_statements:
        context = found.matcher.contexts.of(principal(ACCOUNT))
        assert found.matcher.applies(numbered.statement, context) is expected
    assert [share.principal.name for share in found.shares()] == (
        [ACCOUNT] if effect == "Allow" and expected is not NO else []
    )


def test_a_resource_is_not_decided_where_the_repository_is_not_known() -> None:
    (share,) = PolicyEvaluator("aws").parse(policy(allow(ROOT, Resource=REPOSITORY))).shares()
    assert [(one.operator, one.values) for one in share.conditions] == [("Resource", (REPOSITORY,))]
    (share,) = PolicyEvaluator("aws").parse(policy(allow(ROOT, Resource="*"))).shares()
    assert share.conditions == ()


def test_one_policy_is_another_for_each_repository() -> None:
    evaluator, drawn = PolicyEvaluator("aws", OWNER), policy(statement(Resource=REPOSITORY), statement(Action="ecr:*"))
    positions = [
        [public.statement.position for public in evaluator.parse(drawn, resource).public_statements()]
        for resource in (REPOSITORY, REPOSITORY.replace("python", "ruby"), REPOSITORY)
    ]
    assert positions == [[1, 2], [2], [1, 2]]
