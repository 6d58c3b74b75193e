# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Questions that people asked in public about such policies, and their neighbours, each with the right answer.

Every case names its source. The account ids are replaced.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._iam.document import PolicyComparison
from ansible_collections.imageshare.aws.plugins.module_utils._runs import audit, share
from ansible_collections.imageshare.aws.plugins.module_utils._runs.options import read_audit_request, read_request
from ansible_collections.imageshare.aws.tests.support.in_memory import OWNER, InMemory

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "field_questions.json").read_text(encoding="utf-8"))
NAMES = [f"{number}: {case['source']}" for number, case in enumerate(CASES, start=1)]
AUDIT = {"repositories": ["app"], "principal": None, "include_policy": False, "on_missing": "fail", "registry_id": None}
SHARE = {
    **AUDIT,
    "state": "present",
    "purge_grants": False,
    "purge_deleted_principals": False,
    "unmanaged_access": "keep",
    "whole_account": False,
    "force_set_policy": False,
    "concurrency": 1,
    "backup_dir": None,
}


def asking(question: str) -> list[Any]:
    """The cases of a question."""
    return [
        pytest.param(case, id=name) for name, case in zip(NAMES, CASES, strict=True) if case["question"] == question
    ]


def registry(case: dict[str, Any]) -> InMemory:
    return InMemory({"app": json.dumps(case["policy"])})


def audited(case: dict[str, Any], principal: str | None = None) -> list[dict[str, Any]]:
    request = read_audit_request({**AUDIT, "principal": principal, "concurrency": 1}, partition="aws")
    found: list[dict[str, Any]] = audit.run(request, registry(case)).to_dict()["repositories"]
    return found


def warned(case: dict[str, Any]) -> list[dict[str, Any]]:
    grants = [
        {**grant, "principals": [grant["principals"]] if isinstance(grant["principals"], str) else grant["principals"]}
        for grant in case["options"]["grants"]
    ]
    options = {**SHARE, **case["options"], "grants": grants}
    request = read_request(
        options, partition="aws", partition_of_region=lambda _region: "aws", check_mode=True, diff=False
    )
    (row,) = share.run(request, registry(case)).to_dict(diff=False, include_policy=False)["repositories"]
    assert "error" not in row
    found: list[dict[str, Any]] = row["warnings"]
    return found


def test_every_case_is_asked() -> None:
    assert {case["question"] for case in CASES} == {"public", "warnings", "rows", "equal conditions"}
    assert {case.get("registry_id", OWNER) for case in CASES} == {OWNER}


@pytest.mark.parametrize("case", asking("public"))
def test_whether_a_policy_is_public(case: dict[str, Any]) -> None:
    (row,) = audited(case)
    assert row["public"] is case["right"], case.get("why")


@pytest.mark.parametrize("case", asking("warnings"))
def test_what_a_task_warns_about(case: dict[str, Any]) -> None:
    found = warned(case)

    def are_told(kind: str, about: str) -> bool:
        return any(one["kind"] == kind and re.search(about, one["message"]) for one in found)

    assert all(are_told(**expected) for expected in case.get("warns", ())), found
    assert not any(are_told(**unexpected) for unexpected in case.get("never", ())), found
    if "kinds" in case:
        assert sorted({one["kind"] for one in found}) == case["kinds"]


@pytest.mark.parametrize("case", asking("rows"))
def test_who_is_found(case: dict[str, Any]) -> None:
    assert bool(audited(case, case["principal"])) is case["right"]


@pytest.mark.parametrize("case", asking("equal conditions"))
def test_what_is_equal(case: dict[str, Any]) -> None:
    def policy(condition: Any) -> dict[str, Any]:
        allowed = {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage", "Condition": condition}
        return {"Version": "2012-10-17", "Statement": [allowed]}

    equal = PolicyComparison("aws").equal(policy(case["first"]), policy(case["second"]))
    assert equal is case["right"]
