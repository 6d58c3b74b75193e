# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""To whom a statement applies, certainly, under conditions, or not at all; and what makes a policy public."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._evaluation.evaluator import ParsedPolicy, PolicyEvaluator
from ansible_collections.imageshare.aws.plugins.module_utils._iam.comparisons import Applies
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

# In November 2026.
NOW = 1_795_694_400.0
NO, CONDITIONALLY, YES = Applies.NO, Applies.CONDITIONALLY, Applies.YES
for_lambda = partial(when, Principal=LAMBDA)
OTHER_EAST = EAST.replace(ACCOUNT, OTHER)
ROLE_WITH_PATH = f"arn:aws:iam::{ACCOUNT}:role/team/builders/ci"


def parsed(*listed: dict[str, Any], partition: str = "aws") -> ParsedPolicy:
    evaluator = PolicyEvaluator(partition, OWNER, region="us-east-1", now=NOW)
    return evaluator.parse(policy(*listed), REPOSITORY)


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
    "a condition that is not known": (for_lambda("StringEquals", "aws:UserAgent", "x"), CONDITIONALLY),
    "an endpoint, which no service has": (for_lambda("StringEquals", "aws:SourceVpc", "vpc-1"), NO),
    "all but an endpoint": (for_lambda("StringNotEquals", "aws:SourceVpc", "vpc-1"), YES),
    "all but a user": (for_lambda("StringNotLike", "aws:userid", f"{DELETED_ROLE}:*"), YES),
    "all but an account, which no service is": (for_lambda("StringNotEquals", "aws:PrincipalAccount", OWNER), YES),
    "a network, in which no service is": (for_lambda("IpAddress", "aws:SourceIp", "203.0.113.0/24"), NO),
    "a project of the account": (for_lambda("ArnLike", "aws:SourceArn", f"arn:aws:codebuild:*:{ACCOUNT}:*"), NO),
    "functions to the letter": (for_lambda("StringEquals", "aws:SourceArn", EAST), NO),
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
    "a service that calls for one": (when("ForAnyValue:StringEquals", "aws:CalledVia", "x.amazonaws.com"), ("*",)),
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
    "an ARN pattern that is none, which is not decided": (when("ArnLike", "aws:PrincipalArn", "*"), ()),
    "a policy variable, which is a text in this version": (
        when("StringLike", "aws:PrincipalArn", "*${aws:username}"),
        (),
    ),
    # Endpoints and networks
    "any endpoint": (when("StringLike", "aws:SourceVpce", "vpce-*"), ("*",)),
    "an endpoint of some": (when("StringLike", "aws:SourceVpce", "vpce-0*"), ("*",)),
    "some endpoint": (when("Null", "aws:SourceVpce", "false"), ("*",)),
    "no endpoint": (when("Null", "aws:SourceVpce", "true"), ("*",)),
    "an endpoint to the letter": (when("StringEquals", "aws:SourceVpce", "vpce-*"), ()),
    "any endpoint without regard to case, to the letter": (
        when("StringEqualsIgnoreCase", "aws:SourceVpce", "VPCE-*"),
        (),
    ),
    "any VPC": (when("StringLike", "aws:SourceVpc", ["vpc-*"]), ("*",)),
    "any VPC by its ARN": (when("ArnLike", "aws:SourceVpcArn", "arn:aws:ec2:*:*:vpc/*"), ("*",)),
    "the VPCs of an account": (when("ArnLike", "aws:SourceVpcArn", f"arn:aws:ec2:*:{ACCOUNT}:vpc/*"), ()),
    "a private address in any VPC": (when("IpAddress", "aws:VpcSourceIp", "10.0.0.0/8"), ("*",)),
    "one private address in any VPC": (when("IpAddress", "aws:VpcSourceIp", "10.0.0.1"), ("*",)),
    "all but private addresses in a VPC": (when("NotIpAddress", "aws:VpcSourceIp", "10.0.0.0/8"), ("*",)),
    "a private address in a VPC that is named": (
        statement(
            Condition={"IpAddress": {"aws:VpcSourceIp": "10.0.0.0/8"}, "StringEquals": {"aws:SourceVpc": "vpc-1"}}
        ),
        (),
    ),
    "a VPC and an endpoint, any of them": (
        statement(Condition={"StringLike": {"aws:SourceVpc": "vpc-*", "aws:SourceVpce": "vpce-*"}}),
        ("*",),
    ),
    "an endpoint, and an address by the internet": (
        statement(Condition={"StringLike": {"aws:SourceVpce": "*"}, "IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}),
        (),
    ),
    "endpoints of any account": (when("StringLike", "aws:VpceAccount", "*"), ("*",)),
    "endpoints of an account": (when("StringEquals", "aws:VpceAccount", ACCOUNT), ()),
    "endpoints of all but an account": (when("StringNotEquals", "aws:VpceAccount", ACCOUNT), ("*",)),
    "endpoints of any organization": (when("StringLike", "aws:VpceOrgID", "o-*"), ("*",)),
    "endpoints of an organization": (when("StringEquals", "aws:VpceOrgID", ORGANIZATION), ()),
    "endpoints of an organization, or none": (when("StringEqualsIfExists", "aws:VpceOrgID", ORGANIZATION), ("*",)),
    "endpoints of any organization's units": (when("ForAnyValue:StringLike", "aws:VpceOrgPaths", "o-*/*"), ("*",)),
    "endpoints of a unit": (when("ForAnyValue:StringLike", "aws:VpceOrgPaths", UNIT), ()),
    "endpoints of a unit, all of none": (when("ForAllValues:StringLike", "aws:VpceOrgPaths", UNIT), ("*",)),
    "addresses of one kind": (when("IpAddress", "aws:SourceIp", "::/0"), ("*",)),
    "a private network": (when("IpAddress", "aws:SourceIp", ["fd00::/8", "10.0.0.0/8", "fc00::/7"]), ()),
    "all but a private network": (when("NotIpAddress", "aws:SourceIp", "10.0.0.0/8"), ("*",)),
    "addresses of the network of the carrier": (when("IpAddress", "aws:SourceIp", "100.64.0.0/10"), ()),
    # Several conditions on one key
    "a tag, and a pattern of it": (
        statement(Condition={"Null": {"aws:PrincipalTag/x": "false"}, "StringLike": {"aws:PrincipalTag/x": "t*"}}),
        ("*",),
    ),
    "no tag, and a pattern of it": (
        statement(Condition={"Null": {"aws:PrincipalTag/x": "true"}, "StringLike": {"aws:PrincipalTag/x": "t*"}}),
        (),
    ),
    "a sign-in, of late": (
        statement(
            Condition={"Null": {"aws:MultiFactorAuthAge": "false"}, "NumericLessThan": {"aws:MultiFactorAuthAge": 3600}}
        ),
        ("*",),
    ),
    "a sign-in at no time": (
        statement(
            Condition={
                "NumericGreaterThan": {"aws:MultiFactorAuthAge": 3600},
                "NumericLessThan": {"aws:MultiFactorAuthAge": 3600},
            }
        ),
        (),
    ),
    "private addresses but one": (
        statement(
            Condition={
                "IpAddress": {"aws:VpcSourceIp": "10.0.0.0/8"},
                "NotIpAddress": {"aws:VpcSourceIp": "10.0.0.5/32"},
            }
        ),
        ("*",),
    ),
    "roles of a name but some": (
        statement(
            Condition={
                "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/ci-*"},
                "ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/ci-old*"},
            }
        ),
        ("arn:aws:iam::*:role/ci-*",),
    ),
    "roles of a name but all": (
        statement(
            Condition={
                "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/ci-*"},
                "ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/ci*"},
            }
        ),
        (),
    ),
    # Keys that a request to ECR has not, or that nothing is known of
    "all but a value of another service's key": (when("StringNotEquals", "s3:x-amz-acl", "x"), ("*",)),
    "another service's key, if it is there": (when("StringEqualsIfExists", "kms:ViaService", "x"), ("*",)),
    "none of another service's key": (when("Null", "saml:aud", "true"), ("*",)),
    "another service's key": (when("StringEquals", "s3:x-amz-acl", "x"), ()),
    "whoever calls directly": (when("Null", "aws:CalledVia", "true"), ("*",)),
    "some path of the repository": (when("Null", "aws:ResourceOrgPaths", "false"), ("*",)),
    # What spells an account
    "an account beside a star": (when("StringLike", "aws:PrincipalAccount", [f"{ACCOUNT}*", f"*{ACCOUNT}"]), ()),
    "an account's ARNs by a text": (when("StringLike", "aws:PrincipalArn", f"arn:aws:iam::{ACCOUNT}:role/*"), ()),
    "what looks like an account behind a star, as a path of a role may": (
        when("StringLike", "aws:PrincipalArn", f"arn:*:iam::{ACCOUNT}:role/*"),
        ("*",),
    ),
    "what looks like an account in the name of a session": (when("StringLike", "aws:userid", f"*:{ACCOUNT}"), ("*",)),
    "any value, if it exists, of which AWS says both": (
        when("ForAnyValue:StringEqualsIfExists", "aws:SourceIdentity", "x"),
        (),
    ),
    # Ids of users and sessions
    "any session of a role": (when("StringLike", "aws:userid", "AROA*"), ("*",)),
    "any user": (when("StringLike", "aws:userid", "AIDA*"), ("*",)),
    "a session's name": (when("StringLike", "aws:userid", "*:ci"), ("*",)),
    "all but a role": (when("StringNotLike", "aws:userid", f"{DELETED_ROLE}:*"), ("*",)),
    "all but a root user": (when("StringNotEquals", "aws:userid", ACCOUNT), ("*",)),
    "a root user": (when("StringEquals", "aws:userid", ACCOUNT), ()),
    "federated users of an account": (when("StringLike", "aws:userid", f"{ACCOUNT}:*"), ()),
    "sessions of a role, though users": (
        statement(Condition={"StringLike": {"aws:userid": "AROA*"}, "StringEquals": {"aws:PrincipalType": "User"}}),
        (),
    ),
    "somebody anonymous, whom ECR does not know": (when("StringEquals", "aws:PrincipalType", "Anonymous"), ()),
    "all but users": (when("StringNotEquals", "aws:PrincipalType", "User"), ("*",)),
    "all but ARNs of users": (when("ArnNotLike", "aws:PrincipalArn", "arn:aws:iam::*:user/*"), ("*",)),
    "a user's name under roles": (
        statement(
            Condition={
                "StringEquals": {"aws:username": "joe"},
                "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"},
            }
        ),
        (),
    ),
    "a source identity": (when("StringEquals", "aws:SourceIdentity", "joe"), ("*",)),
    "any function's role": (when("ArnLike", "lambda:SourceFunctionArn", "arn:aws:lambda:*:*:function:*"), ("*",)),
    "a function's role": (when("ArnLike", "lambda:SourceFunctionArn", EAST), ()),
    "some instance": (when("Null", "ec2:SourceInstanceArn", "false"), ("*",)),
    # What says nothing of the caller
    "the organization of the repository": (when("StringEquals", "aws:ResourceOrgID", ORGANIZATION), ("*",)),
    "the unit of the repository": (when("ForAnyValue:StringLike", "aws:ResourceOrgPaths", UNIT), ("*",)),
    "a tag of the repository": (when("StringEquals", "aws:ResourceTag/env", "prod"), ("*",)),
    "a tag of the repository, by ECR's own key": (when("StringEquals", "ecr:ResourceTag/env", "prod"), ("*",)),
    "repositories without a tag": (when("Null", "aws:ResourceTag/env", "true"), ("*",)),
    "the region": (when("StringEquals", "aws:RequestedRegion", "us-east-1"), ("*",)),
    "another region": (when("StringEquals", "aws:RequestedRegion", "eu-west-1"), ()),
    "all but another region": (when("StringNotEquals", "aws:RequestedRegion", "eu-west-1"), ("*",)),
    "the tags of a request, all of none": (when("ForAllValues:StringEquals", "aws:TagKeys", ["team"]), ("*",)),
    "the tags of a request, any of none": (when("ForAnyValue:StringEquals", "aws:TagKeys", ["team"]), ()),
    "the tags of a request that tags": (
        when("ForAnyValue:StringEquals", "aws:TagKeys", ["team"], Action="ecr:TagResource"),
        ("*",),
    ),
    "the tag of a request": (when("StringEquals", "aws:RequestTag/team", "a"), ()),
    "no tag of a request": (when("Null", "aws:RequestTag/team", "true"), ("*",)),
    "no tag of a request, among requests that tag": (when("Null", "aws:TagKeys", "true", Action="ecr:*"), ("*",)),
    "the tag of a request, among requests without": (
        when("StringEquals", "aws:RequestTag/team", "a", Action="ecr:*"),
        ("*",),
    ),
    "some organizations, of which anybody may have one": (when("StringLike", "aws:PrincipalOrgID", "o-a*"), ("o-a*",)),
    "a session's name under a root user": (
        statement(Condition={"StringLike": {"aws:userid": "*:ci"}, "StringEquals": {"aws:PrincipalType": "Account"}}),
        (),
    ),
    # Time
    "a date to come": (when("DateLessThan", "aws:CurrentTime", "2099-01-01T00:00:00Z"), ("*",)),
    "a date that has gone": (when("DateLessThan", "aws:CurrentTime", "2020-01-01T00:00:00Z"), ()),
    "after a date that has gone": (when("DateGreaterThanEquals", "aws:CurrentTime", "2020-01-01T00:00:00Z"), ("*",)),
    "seconds to come": (when("NumericLessThan", "aws:EpochTime", "4102444800"), ("*",)),
    "seconds to come, as a date": (when("DateLessThan", "aws:EpochTime", "2099-01-01T00:00:00Z"), ("*",)),
    "a date that is none": (when("DateLessThan", "aws:CurrentTime", "soon"), ()),
    "a token of late": (when("DateGreaterThan", "aws:TokenIssueTime", "2020-01-01T00:00:00Z"), ("*",)),
    "a token of long ago": (when("DateLessThan", "aws:TokenIssueTime", "2020-01-01T00:00:00Z"), ()),
    "a token": (when("Null", "aws:TokenIssueTime", "false"), ("*",)),
    "no token": (when("Null", "aws:TokenIssueTime", "true"), ("*",)),
    "a recent sign-in": (when("NumericLessThan", "aws:MultiFactorAuthAge", "3600"), ("*",)),
    "a sign-in as text": (when("NumericLessThanEquals", "aws:MultiFactorAuthAge", 100), ("*",)),
    "a sign-in before itself": (when("NumericLessThan", "aws:MultiFactorAuthAge", "0"), ()),
    # Sources, which people have not
    "whom any function acts for": (when("ArnLike", "aws:SourceArn", "arn:aws:lambda:*:*:function:*"), ()),
    "whom no service acts for": (when("Null", "aws:SourceArn", "true"), ("*",)),
    "no service of a name": (when("StringNotEquals", "aws:PrincipalServiceName", "x.amazonaws.com"), ("*",)),
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
    "a Deny": (deny(), ()),
    "an account": (allow(ROOT), ()),
    "services alone": (when("Bool", "aws:PrincipalIsAWSService", True), ()),
    "Lambda": (statement(Principal=LAMBDA), ()),
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


VARIABLES: dict[str, tuple[dict[str, Any], bool]] = {
    "one's own account": (when("StringEquals", "aws:PrincipalAccount", "${aws:PrincipalAccount}"), True),
    "one's own ARN, in another case": (when("StringLike", "aws:PrincipalArn", "${AWS:principalarn}"), True),
    "what is not one's own account": (
        when("StringNotEquals", "aws:PrincipalAccount", "${aws:PrincipalAccount}"),
        False,
    ),
    "the owner's organization": (when("StringEquals", "aws:PrincipalOrgID", "${aws:ResourceOrgID}"), False),
    "the owner's account": (when("StringEquals", "aws:PrincipalAccount", "${aws:ResourceAccount}"), False),
    "all but the owner's account": (when("StringNotEquals", "aws:PrincipalAccount", "${aws:ResourceAccount}"), True),
    "a tag of one's own like another": (when("StringEquals", "aws:PrincipalTag/a", "${aws:PrincipalTag/b}"), True),
    "a tag of one's own like the repository's": (
        when("StringEquals", "aws:PrincipalTag/team", "${aws:ResourceTag/team}"),
        True,
    ),
    "one's own account's endpoint": (when("StringEquals", "aws:VpceAccount", "${aws:PrincipalAccount}"), True),
    "one's own organization's endpoint": (when("StringEquals", "aws:VpceOrgID", "${aws:PrincipalOrgID}"), True),
    "a role of one's own account": (
        when("StringLike", "aws:PrincipalArn", "arn:aws:iam::${aws:PrincipalAccount}:role/*"),
        True,
    ),
    "a role of an account by one's own name": (
        when("ArnLike", "aws:PrincipalArn", f"arn:aws:iam::{ACCOUNT}:role/ci-${{aws:username}}"),
        False,
    ),
    "one's own account in a tag of one's own": (
        when("StringEquals", "aws:PrincipalAccount", "${aws:PrincipalTag/account}"),
        True,
    ),
    "the organization of the repository as one's own": (
        when("StringEquals", "aws:ResourceOrgID", "${aws:PrincipalOrgID}"),
        False,
    ),
    "an account's tag on the repository": (
        when("StringEquals", "aws:ResourceTag/allowed", "${aws:PrincipalAccount}"),
        False,
    ),
    "a star to the letter behind one's own account": (
        when("StringEquals", "aws:PrincipalArn", "arn:aws:iam::${aws:PrincipalAccount}:role/*"),
        False,
    ),
    "the account in a tag of the repository": (
        when("StringEquals", "aws:PrincipalAccount", "${aws:ResourceTag/account}"),
        False,
    ),
    "one's own name in one's own ARN": (when("StringLike", "aws:PrincipalArn", "*${aws:username}"), True),
    "what is not decided": (when("StringLike", "aws:PrincipalArn", "*${saml:aud}"), False),
    "what is not decided beside any role": (
        when("StringLike", "aws:PrincipalArn", ["*${saml:aud}", "arn:aws:iam::*:role/*"]),
        True,
    ),
    "all but what is not decided": (
        when("StringNotLike", "aws:PrincipalArn", ["*${saml:aud}", "arn:aws:iam::*:role/*"]),
        False,
    ),
}


@pytest.mark.parametrize(("drawn", "is_open"), VARIABLES.values(), ids=VARIABLES.keys())
def test_policy_variables_open_a_policy_of_their_version_alone(drawn: dict[str, Any], is_open: bool) -> None:
    evaluator = PolicyEvaluator("aws", OWNER, region="us-east-1", now=NOW)
    assert bool(evaluator.parse(policy(drawn, Version="2012-10-17")).public_statements()) is is_open
    older = evaluator.parse(policy(drawn, Version="2008-10-17")).public_statements()
    # Before, it was a text, which is nobody's.
    ((operator, keys),) = drawn["Condition"].items()
    assert bool(older) is ("Not" in operator or any("arn:aws:iam::*:role/*" in values for values in keys.values()))


# Of each: the statement, and the services that it lets in on behalf of anybody.
UNSCOPED: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "a service": (statement(Principal={"Service": "codebuild.amazonaws.com"}), ("codebuild.amazonaws.com",)),
    "Lambda": (statement(Principal=LAMBDA), ("lambda.amazonaws.com",)),
    "two services, one of them twice": (
        statement(Principal={"Service": ["ecs.amazonaws.com", "lambda.amazonaws.com", "ecs.amazonaws.com"]}),
        ("ecs.amazonaws.com", "lambda.amazonaws.com"),
    ),
    "a service beside an account": (
        statement(Principal={"AWS": ROOT, "Service": "ecs.amazonaws.com"}),
        ("ecs.amazonaws.com",),
    ),
    "functions of every account": (
        for_lambda("StringLike", "aws:sourceARN", ["arn:aws:lambda:*:*:function:*", EAST]),
        ("lambda.amazonaws.com",),
    ),
    "a function's name in every account": (
        for_lambda("ArnLike", "aws:SourceArn", "arn:aws:lambda:us-east-1:*:function:resize"),
        ("lambda.amazonaws.com",),
    ),
    "all but an account": (for_lambda("StringNotEquals", "aws:SourceAccount", ACCOUNT), ("lambda.amazonaws.com",)),
    "some accounts": (for_lambda("StringLike", "aws:SourceAccount", "1*"), ("lambda.amazonaws.com",)),
    "any organization": (for_lambda("StringLike", "aws:SourceOrgID", "o-*"), ("lambda.amazonaws.com",)),
    "an account, or none": (
        when("StringEqualsIfExists", "aws:SourceAccount", ACCOUNT, Principal={"Service": "ecs.amazonaws.com"}),
        ("ecs.amazonaws.com",),
    ),
    "an account, which Lambda always says": (for_lambda("StringEqualsIfExists", "aws:SourceAccount", ACCOUNT), ()),
    "no source": (
        when("Null", "aws:SourceAccount", "true", Principal={"Service": "ecs.amazonaws.com"}),
        ("ecs.amazonaws.com",),
    ),
    "a region, and TLS": (
        statement(
            Principal={"Service": "ecs.amazonaws.com"},
            Condition={"Bool": {"aws:SecureTransport": "true"}, "StringEquals": {"aws:RequestedRegion": "us-east-1"}},
        ),
        ("ecs.amazonaws.com",),
    ),
    "a service without MFA, as every service is": (
        when("Null", "aws:MultiFactorAuthAge", "true", Principal={"Service": "ecs.amazonaws.com"}),
        ("ecs.amazonaws.com",),
    ),
    "a service by one of its names": (
        when(
            "ForAnyValue:StringEquals",
            "aws:PrincipalServiceNamesList",
            "ecs.us-east-1.amazonaws.com",
            Principal={"Service": "ecs.amazonaws.com"},
        ),
        ("ecs.amazonaws.com",),
    ),
    "every service": (when("Bool", "aws:PrincipalIsAWSService", True), ("*",)),
    "every service, if it is said": (when("Bool", "aws:PrincipalIsAWSService", "true", Principal={"AWS": "*"}), ("*",)),
    "a service by a condition": (when("StringEquals", "aws:PrincipalServiceName", "ecs.amazonaws.com"), ("*",)),
    "any source whatever the principal": (when("StringLike", "aws:SourceArn", "arn:aws:lambda:*"), ("*",)),
    "any source account whatever the principal": (when("StringLike", "aws:SourceAccount", "*"), ("*",)),
    "an account's functions": (for_lambda("StringLike", "aws:sourceARN", EAST), ()),
    "an account": (for_lambda("StringEquals", "aws:SourceAccount", ACCOUNT), ()),
    "an organization": (for_lambda("StringEquals", "aws:SourceOrgID", ORGANIZATION), ()),
    "a unit": (for_lambda("ForAnyValue:StringLike", "aws:SourceOrgPaths", UNIT), ()),
    "any function in an account": (
        statement(
            Principal=LAMBDA,
            Condition={"StringLike": {"aws:SourceArn": "*"}, "StringEquals": {"aws:SourceAccount": ACCOUNT}},
        ),
        (),
    ),
    "an account's functions whatever the principal": (when("ArnLike", "aws:SourceArn", EAST), ()),
    "an organization of principals, in which no service is": (
        for_lambda("StringEquals", "aws:PrincipalOrgID", ORGANIZATION),
        (),
    ),
    "everybody, which is worse": (statement(), ()),
    "an account's own statement": (allow(ROOT), ()),
    "a Deny": (deny(Principal=LAMBDA), ()),
    "a service with no action": (statement(Principal=LAMBDA, Action=[]), ()),
}


@pytest.mark.parametrize(("drawn", "expected"), UNSCOPED.values(), ids=UNSCOPED.keys())
def test_a_statement_is_open_to_services_on_behalf_of_anybody(drawn: dict[str, Any], expected: tuple[str, ...]) -> None:
    found = parsed(allow(ROOT), drawn).unscoped_statements()
    assert [(one.statement.position, one.services) for one in found] == ([(2, expected)] if expected else [])


def test_a_deny_closes_what_is_open_to_services() -> None:
    fences = [
        deny(Principal=LAMBDA),
        deny_when("Bool", "aws:PrincipalIsAWSService", "true"),
        deny_when("StringNotEquals", "aws:PrincipalOrgID", ORGANIZATION),
        deny_when("StringNotEqualsIfExists", "aws:SourceAccount", ACCOUNT),
        deny_when("NotIpAddress", "aws:SourceIp", "203.0.113.0/24"),
    ]
    for fence in fences:
        assert not parsed(statement(Principal=LAMBDA), fence).unscoped_statements()
    for hole in (deny(ROOT), deny_when("Null", "aws:SourceAccount", "true"), deny(Action="ecr:PutImage")):
        assert parsed(statement(Principal=LAMBDA), hole).unscoped_statements()


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
    "all but a text that is no account": (
        deny_when("StringNotEquals", "aws:PrincipalAccount", "${aws:SourceAccount}"),
        True,
    ),
    "all but a role and a root user, by their ids": (
        deny_when("StringNotLike", "aws:userId", [f"{DELETED_ROLE}:*", ACCOUNT]),
        True,
    ),
    "all but sessions of any role": (deny_when("StringNotLike", "aws:userid", "AROA*"), False),
    "all but a role": (deny_when("StringNotEquals", "aws:PrincipalArn", [ROLE]), True),
    "all but a role and a root user": (deny_when("ArnNotEquals", "aws:PrincipalArn", [ROOT, ROLE]), True),
    "all but roles of a name": (deny_when("ArnNotLike", "aws:PrincipalArn", "arn:aws:iam::*:role/ci"), False),
    "all outside of an organization's endpoints": (
        deny_when("StringNotEqualsIfExists", "aws:VpceOrgID", ORGANIZATION),
        True,
    ),
    "all outside of an account's endpoints": (deny_when("StringNotEqualsIfExists", "aws:VpceAccount", ACCOUNT), True),
    "all outside of any endpoint": (deny_when("Null", "aws:SourceVpce", "true"), False),
    "all that come by the internet": (deny_when("Null", "aws:SourceIp", "false"), False),
    "all outside of two ways": (
        deny_when("StringNotEquals", "aws:SourceVpce", "vpce-1", Action="ecr:*"),
        True,
    ),
    "all outside of a network and of an endpoint": (
        deny(
            Condition={
                "NotIpAddressIfExists": {"aws:SourceIp": "203.0.113.0/24"},
                "StringNotEqualsIfExists": {"aws:SourceVpc": "vpc-1"},
            }
        ),
        True,
    ),
    "addresses of one kind alone": (deny_when("IpAddress", "aws:SourceIp", "0.0.0.0/0"), False),
    "all without a token": (deny_when("Null", "aws:TokenIssueTime", "true"), False),
    "tokens of long ago": (deny_when("DateLessThan", "aws:TokenIssueTime", "2020-01-01T00:00:00Z"), False),
    "until a date to come": (deny_when("DateLessThan", "aws:CurrentTime", "2099-01-01T00:00:00Z"), True),
    "after a date to come": (deny_when("DateGreaterThan", "aws:CurrentTime", "2099-01-01T00:00:00Z"), False),
    "whoever brings tags along": (deny_when("Null", "aws:TagKeys", "false", Action="ecr:*"), False),
    "whoever brings no tags along": (
        deny_when("ForAllValues:StringLike", "aws:TagKeys", "cost*", Action="ecr:*"),
        True,
    ),
    "whoever signed in without MFA": (deny_when("BoolIfExists", "aws:MultiFactorAuthPresent", "false"), False),
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
    "callers of another's repository": (deny_when("StringNotEquals", "aws:ResourceAccount", OWNER), False),
    "callers of the owner's repository": (deny_when("StringEquals", "aws:ResourceAccount", OWNER), True),
    "what is not decided": (deny_when("StringNotEquals", "aws:ResourceTag/env", "dev"), False),
}


@pytest.mark.parametrize(("drawn", "closes"), CLOSING.values(), ids=CLOSING.keys())
def test_an_open_policy_is_closed_by_a_deny_of(drawn: dict[str, Any], closes: bool) -> None:
    assert bool(parsed(statement(), drawn).public_statements()) is not closes


@pytest.mark.parametrize(
    ("key", "variable"),
    [("aws:ResourceOrgID", "${aws:PrincipalOrgID}"), ("aws:ResourceAccount", "${aws:PrincipalAccount}")],
)
def test_a_deny_of_all_whose_own_the_repository_is_not_closes(key: str, variable: str) -> None:
    fence = deny_when("StringNotEquals", key, variable)
    evaluator = PolicyEvaluator("aws", OWNER)
    assert not evaluator.parse(policy(statement(), fence, Version="2012-10-17"), REPOSITORY).public_statements()


def test_a_deny_takes_actions_that_no_table_has() -> None:
    strange = statement(Action="ecr:SomethingNew")
    for closing in ("ecr:*", "ECR:somethingnew"):
        assert not parsed(strange, deny(Action=closing)).public_statements()
    assert not parsed(strange, deny(Action=None, NotAction="ecr:Get*")).public_statements()
    assert parsed(strange, deny(Action="ecr:Something")).public_statements()


def test_a_stranger_with_the_tag_that_a_resource_wants_is_let_in() -> None:
    tagged = statement(Resource=REPOSITORY.replace("base/", "${aws:PrincipalTag/team}/"))
    evaluator = PolicyEvaluator("aws", OWNER)
    assert evaluator.parse(policy(tagged, Version="2012-10-17"), REPOSITORY).public_statements()
    named = statement(Resource=REPOSITORY.replace("base/", "${aws:PrincipalAccount}/"))
    assert not evaluator.parse(policy(named, Version="2012-10-17"), REPOSITORY).public_statements()


def test_two_denies_may_close_what_neither_does() -> None:
    users = deny_when("StringEquals", "aws:PrincipalType", "User")
    others = deny_when("StringNotEquals", "aws:PrincipalType", "User")
    assert parsed(statement(), users).public_statements()
    assert parsed(statement(), others).public_statements()
    assert not parsed(statement(), users, others).public_statements()
    kinds = [deny_when("IpAddress", "aws:SourceIp", every) for every in ("0.0.0.0/0", "::/0")]
    assert parsed(statement(), *kinds).public_statements()
    assert not parsed(statement(), *kinds, deny_when("Null", "aws:SourceVpce", "false")).public_statements()


@pytest.mark.parametrize(("operator", "value"), [("Null", "false"), ("StringLike", "*")])
def test_a_deny_of_all_with_a_tag_lets_people_in_who_have_none(operator: str, value: str) -> None:
    closing = deny_when(operator, "aws:PrincipalTag/team", value)
    assert parsed(statement(), closing).public_statements()


def test_without_a_clock_no_date_opens_or_closes() -> None:
    evaluator = PolicyEvaluator("aws", OWNER)
    to_come = when("DateLessThan", "aws:CurrentTime", "2099-01-01T00:00:00Z")
    assert not evaluator.parse(policy(to_come)).public_statements()
    assert evaluator.parse(policy(statement(), {**to_come, "Effect": "Deny"})).public_statements()
    of_late = when("DateGreaterThan", "aws:TokenIssueTime", "2020-01-01T00:00:00Z")
    assert not evaluator.parse(policy(of_late)).public_statements()


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


def test_a_condition_on_the_tags_of_a_request_is_about_requests_that_tag() -> None:
    listed = when("StringEquals", "aws:RequestTag/team", "a", Principal={"AWS": ROOT}, Action="ecr:*")
    found = parsed(listed, {**listed, "Effect": "Deny"}, allow(ROOT))
    (share, other) = (one.to_dict() for one in found.shares())
    assert (share["other_actions"], share["statements"][0]["position"]) == (["ecr:TagResource"], 1)
    assert [one["key"] for one in share["conditions"]] == ["aws:RequestTag/team"]
    assert (other["access"], other["denied_by"]) == (["pull"], [])
    # A request without tags meets the other condition, whatever else it does.
    found = parsed({**listed, "Condition": {"Null": {"aws:RequestTag/team": "true"}}})
    shares = [one.to_dict() for one in found.shares()]
    assert [[one["position"] for one in share["statements"]] for share in shares] == [[1], [1]]
    assert shares[0]["can_push"]
    assert shares[0]["conditions"] == []
    assert shares[1]["other_actions"] == ["ecr:TagResource"]
