# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The internal filter of the role, with what Ansible registers for its tasks."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest
from ansible_collections.imageshare.aws.plugins.filter.ecr_share_internal import ecr_share_internal

ROLE = "arn:aws:iam::210987654321:role/registry"
KEYS = {"access_key": "ASIA", "secret_key": "s", "session_token": "t"}
VARIABLES = {
    "ecr_share_repositories": ["base/*"],
    "ecr_share_regions": ["us-east-1"],
    "ecr_share_grants": [{"principals": "111122223333"}],
    "ecr_share_assume_role_arn": ROLE,
    "ecr_share_batch_size": 1,
}
PLAN = ecr_share_internal(VARIABLES, "plan", host="images")
(RUN,) = PLAN["runs"]
ASSUMED = {"results": [{"_ecr_share_role": PLAN["roles"][0], "sts_creds": KEYS}]}
NOT_ASSUMED = {"results": [{"_ecr_share_role": PLAN["roles"][0], "msg": "AccessDenied", "failed": False}]}
LISTED = {
    "results": [{"_ecr_share_run": RUN, "repositories": [{"repository_name": name} for name in ("base/a", "base/b")]}]
}
NOTHING = {"results": [], "skipped": True}


def ready(selection: str, **more: Any) -> list[str]:
    return [run["label"] for run in ecr_share_internal(PLAN, "ready", selection=selection, assumed=ASSUMED, **more)]


def results(done: Any, assumed: Any = ASSUMED) -> list[tuple[str, bool, str | None]]:
    found = ecr_share_internal(PLAN, "results", assumed=assumed, listed=LISTED, done=done)
    json.dumps(found)
    return [(result["label"], result["changed"], result["error"]) for result in found]


def test_runs_connect_with_the_keys_of_their_role() -> None:
    options = ecr_share_internal(RUN, "connection", credentials={"endpoint_url": "http://aws"}, assumed=ASSUMED)
    assert options == {"endpoint_url": "http://aws", "region": "us-east-1", **KEYS}
    (role,) = PLAN["roles"]
    assert ecr_share_internal(role, "connection", credentials={"profile": "", "access_key": "AKIA"}) == {
        "access_key": "AKIA",
        "region": "us-east-1",
    }


def test_runs_are_listed_then_split() -> None:
    assert ready("listings") == ["us-east-1: base/*"]
    assert ready("runs", listed=LISTED) == ["us-east-1: base 1–1 of 2", "us-east-1: base 2–2 of 2"]


def test_results_of_batches_are_those_of_the_modules() -> None:
    parts = ecr_share_internal(PLAN, "ready", selection="runs", assumed=ASSUMED, listed=LISTED)
    done = [
        {"_ecr_share_run": parts[0], "changed": True, "repositories": []},
        {"_ecr_share_run": parts[1], "changed": False, "failed": True, "msg": "no", "repositories": []},
    ]
    assert results({"results": done}) == [
        ("us-east-1: base 1–1 of 2", True, None),
        ("us-east-1: base 2–2 of 2", False, "us-east-1: base 2–2 of 2: no"),
    ]


@pytest.mark.parametrize(
    ("assumed", "done", "label", "error"),
    [
        pytest.param(NOT_ASSUMED, NOTHING, "us-east-1: base/*", f"{ROLE}: AccessDenied", id="a role was not assumed"),
        pytest.param({"msg": "lost"}, NOTHING, "us-east-1: base/*", f"{ROLE}: lost", id="no role was assumed"),
    ],
)
def test_results_have_what_could_not_be_done(assumed: Any, done: Any, label: str, error: str) -> None:
    assert results(done, assumed) == [(label, False, error)]


def test_a_task_that_fails_before_its_first_run_fails_all_runs() -> None:
    assert results({"failed": True, "msg": "backup_dir"}) == [
        ("us-east-1: base 1–1 of 2", False, "us-east-1: base 1–1 of 2: backup_dir"),
        ("us-east-1: base 2–2 of 2", False, "us-east-1: base 2–2 of 2: backup_dir"),
    ]


class TestReports:
    VARIABLES: ClassVar = {**VARIABLES, "ecr_share_batch_size": 0, "ecr_share_report_dir": "/srv/report"}

    def audit(self, host: str, **more: Any) -> dict[str, Any]:
        plan = ecr_share_internal({**self.VARIABLES, **more}, "plan", purpose="audit", host=host)
        answer = {"registry_id": "123456789012", "region": "us-east-1", "partition": "aws", "summary": {}}
        rows = json.dumps({"repositories": [{"name": f"of-{host}", "shares": []}], "principals": []})
        reads = [{"_ecr_share_run": run, **answer, "rows_as_text": rows} for run in plan["reads"]]
        audit: dict[str, Any] = ecr_share_internal(plan, "audit", results=[], reads={"results": reads})
        return audit

    def test_are_one_for_each_directory_and_hold_each_host_once(self) -> None:
        first, second = self.audit("a"), self.audit("b", ecr_share_report_dir="/srv/other")
        third = self.audit("c", ecr_share_report_dir="")
        hostvars = {name: {"_ecr_share_audit": audit} for name, audit in {"a": first, "a2": first, "b": second}.items()}
        hostvars |= {"c": {"_ecr_share_audit": third}, "d": {}}
        reports = ecr_share_internal(
            ["/srv/report", "/srv/other"], "reports", hosts=[*hostvars, "x"], hostvars=hostvars, generated_at="now"
        )
        found = {directory: json.loads(text) for directory, text in reports.items()}
        assert {
            directory: [row["name"] for registry in report["registries"] for row in registry["repositories"]]
            for directory, report in found.items()
        } == {"/srv/report": ["of-a"], "/srv/other": ["of-b"]}

    def test_take_nothing_of_a_host_without_a_directory(self) -> None:
        audit = self.audit("c", ecr_share_report_dir="")
        assert (audit["report_dir"], audit["answers"], audit["results"]) == (None, [], [])
