# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rows of an audit: what is said of one policy, and of many."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.imageshare.aws.plugins.module_utils._evaluation.evaluator import PolicyEvaluator
from ansible_collections.imageshare.aws.plugins.module_utils._iam.document import parse
from ansible_collections.imageshare.aws.plugins.module_utils._runs.findings import by_principal, counts, findings
from ansible_collections.imageshare.aws.tests.support import wild_policies
from ansible_collections.imageshare.aws.tests.support.builders import (
    ACCOUNT,
    DELETED_ROLE,
    DELETED_USER,
    OTHER,
    OTHER_ROOT,
    OWNER,
    REPOSITORY,
    ROOT,
    allow,
    policy,
)
from hypothesis import given
from hypothesis import strategies as st

DELETED = [DELETED_ROLE, DELETED_USER]
EVALUATOR = PolicyEvaluator("aws", OWNER)


NETWORK = {"Condition": {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}}
DENIED = {"Sid": "network", "Effect": "Deny", "Principal": "*", "Action": "ecr:*", **NETWORK}


def test_everything_is_said_in_plain_values() -> None:
    whole = policy(
        allow(ROOT, Sid="AllowPull"),
        {"Sid": "some", **allow("*"), "Condition": {"StringEquals": {"aws:SourceVpc": ["vpc-1", "vpc-2"]}}},
        DENIED,
    )
    found = findings(whole, EVALUATOR)
    assert json.loads(json.dumps(found)) == found
    del found["policy_length"]
    denied = [{"position": 3, "sid": "network", "certain": False}]
    able: dict[str, Any] = {"other_actions": [], "can_pull": True, "can_push": False, "lambda_regions": []}
    assert found == {
        "shares": [
            {
                "principal": ACCOUNT,
                "principal_type": "account",
                "access": ["pull"],
                **able,
                "conditions": [],
                "statements": [{"position": 1, "sid": "AllowPull"}],
                "denied_by": denied,
                "managed": True,
            },
            {
                "principal": "*",
                "principal_type": "everyone",
                "access": ["pull"],
                **able,
                "conditions": [{"operator": "StringEquals", "key": "aws:SourceVpc", "values": ["vpc-1", "vpc-2"]}],
                "statements": [{"position": 2, "sid": "some"}],
                "denied_by": denied,
                "managed": False,
            },
        ],
        "public": False,
        "public_statements": [],
        "deleted_principals": [],
        "unmanaged_statements": [{"position": 2, "sid": "some"}, {"position": 3, "sid": "network"}],
    }


def test_of_no_policy_there_is_nothing_to_say() -> None:
    assert findings(None, EVALUATOR) == {
        "policy_length": 0,
        "shares": [],
        "public": False,
        "public_statements": [],
        "deleted_principals": [],
        "unmanaged_statements": [],
    }


def test_the_length_is_that_of_the_text_that_would_be_sent() -> None:
    spread = json.dumps(policy(allow(ROOT, Sid="é")), indent=8, ensure_ascii=False)
    compact = json.dumps(json.loads(spread), separators=(",", ":"), ensure_ascii=False)
    assert findings(parse(spread), EVALUATOR)["policy_length"] == len(compact)


def test_a_statement_for_another_repository_grants_nothing_and_is_listed() -> None:
    elsewhere = policy(allow("*", Sid="elsewhere", Resource=f"{REPOSITORY}-2"))
    found = findings(elsewhere, EVALUATOR, resource=REPOSITORY)
    assert (found["shares"], found["public"]) == ([], False)
    assert found["unmanaged_statements"] == [{"position": 1, "sid": "elsewhere"}]


def test_only_the_shares_of_one_principal_are_told_and_all_else_is_of_the_whole() -> None:
    whole = policy(allow(ROOT, OTHER_ROOT, *DELETED), allow("*"))
    alone = findings(whole, EVALUATOR, principal=ACCOUNT)
    assert [share["principal"] for share in alone["shares"]] == [ACCOUNT]
    assert {**alone, "shares": []} == {**findings(whole, EVALUATOR), "shares": []}
    assert alone["public"]
    assert alone["public_statements"] == [{"position": 2, "sid": None}]
    assert alone["deleted_principals"] == sorted(DELETED)


@given(st.randoms(use_true_random=False))
def test_the_order_in_which_aws_lists_principals_does_not_matter(random: Any) -> None:
    principals = [ROOT, OTHER_ROOT, f"arn:aws:iam::{OTHER}:role/ci", f"arn:aws:iam::{OTHER}:user/ci", *DELETED, "*"]
    expected = findings(policy(allow(*principals)), EVALUATOR)
    random.shuffle(principals)
    assert findings(policy(allow(*principals)), EVALUATOR) == expected


@given(st.randoms(use_true_random=False))
def test_any_policy_has_findings_that_are_plain_values(random: Any) -> None:
    found = findings(parse(json.dumps(wild_policies.wild_policy(random))), EVALUATOR)
    assert json.loads(json.dumps(found)) == found
    positions = [share["statements"][0]["position"] for share in found["shares"]]
    assert positions == sorted(positions)


# --- many ---


def row(name: str, *shared: tuple[str, str], **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "shares": [{"principal_type": kind, "principal": principal} for kind, principal in shared],
        **more,
    }


ROWS = [
    row("web", ("role", "r"), ("account", OTHER), ("account", OTHER), public=True, deleted_principals=[]),
    row("base", ("account", ACCOUNT), ("account", OTHER), public=False, deleted_principals=DELETED),
    row("empty", public=False, deleted_principals=[]),
    {"name": "denied", "error": "denied: no"},
    {"name": "gone", "missing": True},
]


def test_each_principal_has_the_names_of_its_repositories_once_and_in_their_order() -> None:
    assert by_principal(ROWS) == [
        {"principal": ACCOUNT, "principal_type": "account", "repositories": ["base"]},
        {"principal": OTHER, "principal_type": "account", "repositories": ["web", "base"]},
        {"principal": "r", "principal_type": "role", "repositories": ["web"]},
    ]


def test_a_role_and_an_account_of_one_name_are_two_principals() -> None:
    found = by_principal([row("web", ("other", "x")), row("base", ("service", "x"))])
    assert [(one["principal_type"], one["repositories"]) for one in found] == [
        ("other", ["web"]),
        ("service", ["base"]),
    ]


def test_rows_are_counted() -> None:
    assert counts(ROWS) == {
        "repositories": 5,
        "shares": 5,
        "principals": 3,
        "public": 1,
        "deleted_principals": 1,
        "missing": 1,
        "failed": 1,
    }


def test_no_rows_are_counted() -> None:
    assert set(counts([]).values()) == {0}
    assert by_principal([]) == []
