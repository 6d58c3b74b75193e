# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs that take principals out of unmanaged statements: rows, what they come to, and warnings of what is left."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._runs.share import run
from ansible_collections.imageshare.aws.tests.support.builders import (
    ACCOUNT,
    EAST,
    LAMBDA,
    LAMBDA_PULL,
    ORGANIZATION,
    OTHER,
    PULL,
    ROLE,
    ROOT,
    allow,
    allow_functions,
    grant,
    root,
    statement,
    when,
)
from ansible_collections.imageshare.aws.tests.support.in_memory import OWNER, InMemory
from ansible_collections.imageshare.aws.tests.support.runs import allowing, change, only, rows, text_of, to_share

BY_HAND = allowing(ROOT, root(OTHER), sid="by hand", actions=[*PULL, "ecr:DescribeImages"])
TAKING: dict[str, Any] = {"sharing": False, "revoke_unmanaged": True}


def test_rows_tell_real_gains_and_losses_and_changes_sum_them_up_with_losses_first() -> None:
    registry = InMemory({"a": text_of(BY_HAND), "b": text_of(BY_HAND), "c": text_of(allowing(ROOT))})
    result = run(to_share("*", grants=(grant(ACCOUNT, ["pull", "push"]),), revoke_unmanaged=True), registry)

    by_hand = {"principal": ACCOUNT, "actions": ["ecr:DescribeImages"]}
    assert [(row["granted"], row["revoked"], row.get("revoked_actions")) for row in rows(result)] == [
        ([change(ACCOUNT, "push")], [], [by_hand]),
        ([change(ACCOUNT, "push")], [], [by_hand]),
        ([change(ACCOUNT, "push")], [], None),
    ]
    lost, gained = result.to_dict(diff=False, include_policy=False)["changes"]
    common = {"principal": ACCOUNT, "lambda_regions": []}
    others = ["ecr:DescribeImages"]
    assert lost == {"change": "revoked", **common, "access": [], "other_actions": others, "repositories": ["a", "b"]}
    assert gained == {
        "change": "granted",
        **common,
        "access": ["push"],
        "other_actions": [],
        "repositories": ["a", "b", "c"],
    }


@pytest.mark.parametrize("check_mode", [True, False], ids=["check mode", "real"])
def test_check_mode_and_diff_foretell_what_is_revoked(check_mode: bool) -> None:
    registry = InMemory({"a": text_of(BY_HAND)})
    result = run(to_share("a", **TAKING, check_mode=check_mode, diff=True), registry)

    assert bool(registry.written) is not check_mode
    assert only(result)["revoked"] == [change(ACCOUNT)]
    (diff,) = result.to_dict(diff=True, include_policy=False)["diff"]
    assert ROOT in diff["before"]
    assert ROOT not in diff["after"]


def test_a_second_run_writes_nothing() -> None:
    registry = InMemory({"a": text_of(BY_HAND, allow_functions(EAST, Sid="LambdaECRImageRetrievalPolicy"))})
    for request in (
        to_share("a", grants=(grant(ACCOUNT, regions=[]),), revoke_unmanaged=True),
        to_share("a", **TAKING),
    ):
        assert only(run(request, registry))["changed"]
        assert not only(run(request, registry))["changed"]
    assert json.loads(registry.policies["a"] or "")["Statement"][0]["Principal"] == {"AWS": [root(OTHER)]}


def test_a_grant_for_some_repositories_revokes_in_those_alone() -> None:
    registry = InMemory({"a": text_of(BY_HAND), "b": text_of(BY_HAND)})
    narrowed = (grant(ACCOUNT, repositories=["a"]), grant(OTHER, repositories=["b"]))
    run(to_share("*", grants=narrowed, **TAKING), registry)
    held = {
        name: json.loads(text or "")["Statement"][0]["Principal"]["AWS"] for name, text in registry.policies.items()
    }
    assert held == {"a": [root(OTHER)], "b": [ROOT]}


def test_the_owner_is_taken_out_where_it_is_named_and_refused_as_a_whole_account() -> None:
    text = text_of(allowing(root(OWNER), root(OTHER), sid="by hand", actions="ecr:*"))
    owner = {"grants": (grant(OWNER), grant(OTHER)), **TAKING}

    registry = InMemory({"a": text, "b": None})
    refused, nothing = rows(run(to_share("a", "b", **owner, whole_account=True), registry))
    assert refused["error"].startswith(f"a: {OWNER} owns this registry, and whole_account would")
    assert not refused["changed"]
    assert "error" not in nothing
    assert registry.written == []

    assert only(run(to_share("a", **owner), registry))["changed"]
    assert registry.policies["a"] is None


def test_a_role_of_the_owner_is_no_account() -> None:
    role = f"arn:aws:iam::{OWNER}:role/ci"
    registry = InMemory({"a": text_of(allowing(role, root(OWNER), sid="by hand", actions="ecr:*"))})
    assert only(run(to_share("a", grants=(grant(role),), **TAKING, whole_account=True), registry))["changed"]


# Of each: a statement that lets in the account, or what is its, and stays; and whether that is certain.
STAYING: dict[str, tuple[dict[str, Any], bool]] = {
    "everyone, as the account": (when("StringEquals", "aws:PrincipalAccount", ACCOUNT, Sid="s"), True),
    "everyone, as a service for it": (when("StringEquals", "aws:SourceAccount", ACCOUNT, Sid="s"), True),
    "its organization, perhaps": (when("StringEquals", "aws:PrincipalOrgID", ORGANIZATION, Sid="s"), False),
    "a service for it, if it says so": (
        statement(
            Principal=LAMBDA,
            Action=list(LAMBDA_PULL),
            Condition={"StringEqualsIfExists": {"aws:SourceAccount": ACCOUNT}},
            Sid="s",
        ),
        True,
    ),
    "a service for a pattern": (allow_functions(f"*:{ACCOUNT}:function:*", Sid="s"), True),
    "a role, by a condition": (when("ArnLike", "aws:PrincipalArn", f"arn:aws:iam::{ACCOUNT}:role/*", Sid="s"), False),
}


@pytest.mark.parametrize(("staying", "certain"), STAYING.values(), ids=STAYING.keys())
def test_what_stays_is_warned_about(staying: dict[str, Any], certain: bool) -> None:
    found = only(run(to_share("a", **TAKING, whole_account=True), InMemory({"a": text_of(staying)})))
    assert not found["changed"]
    told = [(one["sid"], one["certain"]) for one in found["warnings"] if one["kind"] != "unscoped_service"]
    assert ("s", certain) in told or "unscoped_service" in {one["kind"] for one in found["warnings"]}


def test_members_of_a_whole_account_that_stay_are_warned_about() -> None:
    text = text_of(allowing(ROLE, sid="by hand", actions="ecr:*"), allow(ROLE))
    found = only(run(to_share("a", sharing=False, whole_account=True), InMemory({"a": text})))
    assert found["revoked"] == [change(ROLE)]
    assert [(one["sid"], one["principals"]) for one in found["warnings"]] == [("by hand", [ROLE])]
    (possible,) = only(run(to_share("a", sharing=False), InMemory({"a": text})))["warnings"][:1]
    assert (possible["certain"], possible["principals"]) == (False, [ACCOUNT])
