# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The callers of support/callers.py: who they are, and that they fit the policies that they are made for."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from ansible_collections.imageshare.aws.tests.support.callers import (
    BUILDS,
    NAMED_ACCOUNTS,
    NAMED_ENDPOINT,
    NAMED_ROLE_ID,
    NAMED_USER_ID,
    NAMED_VPC,
    Caller,
    fitting,
    member_bases,
    service,
    strange_services,
    stranger_bases,
)
from ansible_collections.imageshare.aws.tests.support.conditioned_policies import ALL_KINDS, conditioned_policies
from ansible_collections.imageshare.aws.tests.support.evaluator import conditions_hold
from ansible_collections.imageshare.aws.tests.support.policies import ORGANIZATIONS

NAMED = (*NAMED_ACCOUNTS, *ORGANIZATIONS, NAMED_ENDPOINT, NAMED_VPC, NAMED_ROLE_ID, NAMED_USER_ID)
# What only the account, the organization or the network of a caller brings about.
OF_CALLERS = ("aws:principal", "aws:source", "aws:userid", "aws:vpce")


@pytest.mark.parametrize("bases", [stranger_bases(), strange_services()], ids=["people", "services"])
def test_strangers_who_fit_a_policy_have_nothing_that_it_names(bases: tuple[Caller, ...]) -> None:
    random, tried = Random(1), 0
    for conditioned in conditioned_policies(random, 400):
        for caller in fitting(conditioned.policy["Statement"], bases, random, count=4, named=False):
            tried += 1
            context = {key: value for key, value in caller.context({}).items() if key.lower().startswith(OF_CALLERS)}
            text = json.dumps([caller.principal, context])
            assert [name for name in NAMED if name in text] == []
    assert tried > 1500


@pytest.mark.parametrize(
    "condition",
    [
        {"StringLike": {"aws:SourceVpce": "vpce-*"}},
        {"StringLike": {"aws:PrincipalOrgID": "o-a*"}},
        {"ForAnyValue:StringLike": {"aws:VpceOrgPaths": "o-*/*"}},
        {"IpAddress": {"aws:VpcSourceIp": "172.31.0.0/16"}},
        {"IpAddress": {"aws:SourceIp": "::/0"}},
        {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/team/*"}},
        {"ArnLike": {"aws:SourceVpcArn": "arn:aws:ec2:us-east-1:*:vpc/*"}},
        {"StringLike": {"aws:PrincipalAccount": "1*"}},
        {"StringLike": {"aws:userid": "AROA*:nightly"}},
        {"StringEquals": {"aws:PrincipalTag/team": "platform"}},
        {"StringEquals": {"aws:username": "alice"}},
        {"StringEquals": {"aws:PrincipalType": "FederatedUser"}},
        {"StringEquals": {"aws:ResourceTag/visibility": "public"}},
        {"NumericLessThan": {"aws:MultiFactorAuthAge": "300"}},
        {"DateGreaterThan": {"aws:TokenIssueTime": "2026-11-01T00:00:00Z"}},
        {"Null": {"aws:TokenIssueTime": "false"}, "StringEquals": {"aws:PrincipalType": "User"}},
        {"Bool": {"aws:ViaAWSService": "true"}},
    ],
    ids=json.dumps,
)
def test_some_stranger_meets_a_condition_that_strangers_can_meet(condition: dict[str, Any]) -> None:
    statement = {"Effect": "Allow", "Principal": "*", "Action": "*", "Condition": condition}
    callers = fitting([statement], stranger_bases(), Random(1), count=40, named=False)
    assert any(conditions_hold(condition, caller.context({})) for caller in callers)


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"aws:SourceVpce": NAMED_ENDPOINT}},
        {"StringEquals": {"aws:PrincipalOrgID": ORGANIZATIONS[0]}},
        {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
        {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
        {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{NAMED_ACCOUNTS[0]}:role/*"}},
        {"StringLike": {"aws:userid": f"{NAMED_ROLE_ID}:*"}},
        {"StringEquals": {"aws:SourceVpce": "vpce-*"}},
        {"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}},
        {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}},
        {"StringLike": {"aws:SourceArn": "*"}},
    ],
    ids=json.dumps,
)
def test_no_stranger_meets_a_condition_that_strangers_cannot_meet(condition: dict[str, Any]) -> None:
    statement = {"Effect": "Allow", "Principal": "*", "Action": "*", "Condition": condition}
    callers = fitting([statement], stranger_bases(), Random(1), count=40, named=False)
    assert not any(conditions_hold(condition, caller.context({})) for caller in callers)


def test_a_member_meets_a_condition_that_names_it() -> None:
    condition = {"StringEquals": {"aws:SourceVpce": NAMED_ENDPOINT, "aws:PrincipalOrgID": ORGANIZATIONS[0]}}
    statement = {"Effect": "Allow", "Principal": "*", "Action": "*", "Condition": condition}
    callers = fitting([statement], member_bases(), Random(1), count=40, named=True)
    assert any(conditions_hold(condition, caller.context({})) for caller in callers)


def test_a_request_has_an_address_or_the_keys_of_an_endpoint_and_never_both() -> None:
    for caller in (*stranger_bases(), *member_bases()):
        keys = caller.context({}).keys()
        assert ("aws:SourceIp" in keys) is not ("aws:SourceVpce" in keys)
    by_a_service = replace(stranger_bases()[0], chosen=(("aws:viaawsservice", "true"),))
    assert not {"aws:SourceIp", "aws:SourceVpce"} & by_a_service.context({}).keys()


def test_the_keys_of_a_request_are_those_of_its_kind_of_caller() -> None:
    chosen = (("aws:multifactorauthage", "300"), ("aws:sourceidentity", "alice"))
    keys = {kind: Caller(kind=kind, chosen=chosen).context({}).keys() for kind in ("session", "user", "federated")}
    assert {kind for kind in keys if "aws:username" in keys[kind]} == {"user"}
    assert {kind for kind in keys if "aws:TokenIssueTime" in keys[kind]} == {"session", "federated"}
    assert {kind for kind in keys if "aws:MultiFactorAuthAge" in keys[kind]} == {"session", "user"}
    assert {kind for kind in keys if "aws:SourceIdentity" in keys[kind]} == {"session"}
    of_service = service(BUILDS, NAMED_ACCOUNTS[0]).context({})
    assert of_service["aws:SourceArn"] == f"arn:aws:codebuild:us-east-1:{NAMED_ACCOUNTS[0]}:project/work"
    assert of_service["aws:SourceAccount"] == NAMED_ACCOUNTS[0]
    assert "aws:userid" not in of_service


def test_a_service_acts_for_a_resource_of_the_account_that_it_says() -> None:
    random = Random(1)
    for conditioned in conditioned_policies(random, 400):
        for caller in fitting(conditioned.policy["Statement"], strange_services(), random, count=4, named=False):
            if caller.source_arn is not None:
                assert caller.source_arn.split(":")[4] == caller.source_account


def test_every_kind_leads_in_as_many_policies() -> None:
    policies = conditioned_policies(Random(1), 2 * len(ALL_KINDS))
    assert all(kind in policies[number % len(policies)].kinds for number, kind in enumerate(ALL_KINDS * 2))
