# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._role.cells import LEVELS, cells
from ansible_collections.imageshare.aws.plugins.module_utils._role.differences import Differing, differences
from ansible_collections.imageshare.aws.tests.support.audits import deny, finding, share, statement
from hypothesis import given
from hypothesis import strategies as st

TEAM, ROLE = "111122223333", "arn:aws-cn:iam::444455556666:role/ci"
ORGANIZATION = "o-a1b2c3d4e5"
HERE, THERE = "us-east-1", "eu-west-1"
CONDITION = {"operator": "StringEquals", "key": "aws:SourceVpc", "values": ["vpc-1"]}
BY_REGISTRY = {"statements": [statement(1, policy="registry")]}
REASON = {"reason": "Until the move is over", "until": None}


def change(principal: str, access: str = "pull", *regions: str) -> dict[str, Any]:
    return {"principal": principal, "access": access.split(), "lambda_regions": list(regions)}


def of(
    *shares: dict[str, Any],
    missing: Any = (),
    revoked: Any = (),
    findings: Any = (),
    of_registry: Any = (),
) -> tuple[Differing, ...]:
    drift = {"drift": {"missing": list(missing), "undeclared": list(revoked)}} if missing or revoked else {}
    return differences({"name": "app", "shares": list(shares), **drift}, cells(shares), findings, of_registry)


PULL = share(TEAM, "account", "pull", 1)
BOTH = share(TEAM, "account", "pull push", 1)
FUNCTIONS = share(TEAM, "account", "", 2, lambda_regions=[HERE])
# What is there and declared, and the levels, those that are missing, those that are too much, and what is said.
DIFFERENCES: dict[str, tuple[dict[str, Any], list[dict[str, Any]], str, str, str, str]] = {
    "nothing is there": ({"missing": [change(TEAM)]}, [], "pull", "pull", "", "declared and missing: pull"),
    "something else is there": (
        {"missing": [change(TEAM, "push")]},
        [PULL],
        "pull push",
        "push",
        "",
        "declared and missing: push",
    ),
    "it is there by other statements": (
        {"missing": [change(TEAM)]},
        [BOTH],
        "pull push",
        "",
        "",
        "declared, and there by other statements: pull",
    ),
    "it is there under a condition": (
        {"missing": [change(TEAM)]},
        [{**PULL, "conditions": [CONDITION]}],
        "pull",
        "pull",
        "",
        "declared and missing: pull",
    ),
    "it is there and denied": (
        {"missing": [change(TEAM)]},
        [{**PULL, "denied_by": [deny(9, "pull")], "defeated": True, "can_pull": False}],
        "pull",
        "pull",
        "",
        "declared and missing: pull",
    ),
    "functions of another region pull": (
        {"missing": [change(TEAM, "", THERE)]},
        [FUNCTIONS],
        "lambda",
        "lambda",
        "",
        "declared and missing: lambda",
    ),
    "functions of that region pull": (
        {"missing": [change(TEAM, "", HERE)]},
        [FUNCTIONS],
        "lambda",
        "",
        "",
        "declared, and there by other statements: lambda",
    ),
    "a part is revoked": (
        {"revoked": [change(TEAM, "push")]},
        [BOTH],
        "pull push",
        "",
        "push",
        "more than declared: push",
    ),
    "no grant names it": (
        {"findings": [finding("undeclared", TEAM, "account", access=["pull"])]},
        [PULL],
        "pull",
        "",
        "pull",
        "not on our list: pull",
    ),
    "it has more, and less": (
        {
            "missing": [change(TEAM, "describe")],
            "findings": [finding("excess", TEAM, "account", access=["push"])],
        },
        [BOTH],
        "pull push describe",
        "describe",
        "push",
        "declared and missing: describe; more than declared: push",
    ),
    "what a service has for it is called by no level": (
        {"findings": [finding("excess", TEAM, "account", access=["pull"])]},
        [share(TEAM, "account", "pull", 1, via_service="codebuild.amazonaws.com", can_pull=False)],
        "service",
        "",
        "service",
        "more than declared: service",
    ),
    "the policy of the registry gives it": (
        {"of_registry": [finding("undeclared", TEAM, "account", access=["pull"])]},
        [{**PULL, **BY_REGISTRY}],
        "pull",
        "",
        "pull",
        "not on our list: pull",
    ),
}


@pytest.mark.parametrize(
    ("given", "shares", "levels", "missing", "too_much", "words"), DIFFERENCES.values(), ids=DIFFERENCES
)
def test_difference_of_a_principal(
    given: dict[str, Any], shares: list[dict[str, Any]], levels: str, missing: str, too_much: str, words: str
) -> None:
    ((principal, kind, found),) = ((one.principal, one.principal_type, one.difference) for one in of(*shares, **given))
    assert (principal, kind) == (TEAM, "account")
    assert " ".join(found.levels) == levels
    assert (" ".join(found.missing), " ".join(found.too_much)) == (missing, too_much)
    assert found.words == words
    assert found.undeclared is words.startswith("not on our list")


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"findings": [finding("undeclared", TEAM, "account", access=["pull"], accepted=REASON)]},
        {"findings": [finding("deleted_principal", TEAM, "account")]},
        {"findings": [finding("unread")]},
        {"findings": [finding("undeclared", ROLE, "role", access=["pull"])]},
        {"revoked": [change(ROLE)]},
        {"of_registry": [finding("undeclared", TEAM, "account", access=["pull"])]},
    ],
    ids=["nothing", "accepted", "no access", "nobody", "somebody else", "revoked of nobody", "by the registry alone"],
)
def test_no_difference(given: dict[str, Any]) -> None:
    assert of(PULL, **given) == ()


@pytest.mark.parametrize(
    ("principal", "principal_type"), [(TEAM, "account"), (ROLE, "role"), (ORGANIZATION, "organization"), ("?", "other")]
)
def test_what_has_nothing_has_its_type(principal: str, principal_type: str) -> None:
    assert [one.principal_type for one in of(PULL, missing=[change(principal)])] == [principal_type]


ACCESS = st.sampled_from(["", "pull", "push", "pull push", "describe"])


@given(ACCESS, ACCESS, ACCESS)
def test_each_level_is_there_or_missing_and_never_both(there: str, wanted: str, found: str) -> None:
    shares = [share(TEAM, "account", there, 1)] if there else []
    excess = [finding("excess", TEAM, "account", access=found.split())]
    for one in of(*shares, missing=[change(TEAM, wanted)] if wanted else [], findings=excess):
        missing, too_much = set(one.difference.missing), set(one.difference.too_much)
        assert missing == set(wanted.split()) - set(there.split())
        assert not missing & too_much
        assert missing | too_much <= set(one.difference.levels) <= {level.name for level in LEVELS}
        assert set(one.difference.levels) == missing | set(there.split())
