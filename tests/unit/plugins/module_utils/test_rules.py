# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules: what is spelt alike is one, nothing else is, and nobody can change one."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._evaluation.statements import (
    Entry,
    parse_statement,
    valid_statements,
)
from ansible_collections.imageshare.aws.plugins.module_utils._iam.conditions import Condition

ROOT = "arn:aws:iam::111122223333:root"
DELETED = "AROAEXAMPLEROLE123456"
SECURE = {"Bool": {"aws:SecureTransport": "true"}}


def statement(**elements: Any) -> dict[str, Any]:
    whole = {"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "ecr:BatchGetImage", **elements}
    return {name: value for name, value in whole.items() if value is not None}


def test_statements_that_are_spelt_alike_are_one_rule() -> None:
    assert parse_statement(statement()) is parse_statement(statement())


OTHERS: dict[str, dict[str, Any]] = {
    "Sid": statement(Sid="s"),
    "case": statement(Action="ecr:batchgetimage"),
    "kind of value": statement(Condition={"Bool": {"aws:SecureTransport": True}}),
    "order of principals": statement(Principal={"AWS": [DELETED, ROOT]}),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS.keys())
def test_statements_are_two_rules_if_they_differ_in_the(other: dict[str, Any]) -> None:
    alike = (statement(), statement(Condition=SECURE), statement(Principal={"AWS": [ROOT, DELETED]}))
    assert parse_statement(other) not in map(parse_statement, alike)


def test_a_rule_does_not_change_with_the_statement_that_it_was_made_of() -> None:
    drawn = statement(Condition=deepcopy(SECURE))
    rule = parse_statement(drawn)
    drawn["Condition"]["Bool"]["aws:SecureTransport"] = "false"
    assert rule.statement == statement(Condition=SECURE)
    assert rule.conditions == (Condition("Bool", "aws:SecureTransport", ("true",)),)
    assert parse_statement(drawn) is not rule


def test_a_rule_says_what_its_statement_says() -> None:
    rule = parse_statement(
        statement(Sid="s", Effect="Deny", Principal=None, NotPrincipal={"AWS": [ROOT, DELETED, "*"]})
    )
    assert (rule.sid, rule.denies, rule.excludes, rule.managed) == ("s", True, True, False)
    assert rule.entries == (Entry("AWS", ROOT), Entry("AWS", DELETED), Entry("AWS", "*"))
    assert (rule.identities, rule.deleted_principals) == ((ROOT, DELETED), (DELETED,))
    assert rule.actions == {"ecr:BatchGetImage"}


UNREADABLE: dict[str, dict[str, Any]] = {
    "no effect": statement(Effect=None),
    "an effect that there is not": statement(Effect="allow"),
    "no principal": statement(Principal=None),
    "both kinds of principal": statement(NotPrincipal="*"),
    "no action": statement(Action=None),
    "both kinds of action": statement(NotAction="*"),
    "a condition that is none": statement(Condition=["true"]),
    "an operator without keys": statement(Condition={"Bool": "true"}),
}


@pytest.mark.parametrize("drawn", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_statement_has_no_effect_with(drawn: dict[str, Any]) -> None:
    policy = {"Statement": [drawn, statement()]}
    assert valid_statements(policy) == [(2, parse_statement(statement()))]


def test_no_policy_has_no_rules() -> None:
    assert valid_statements(None) == []
