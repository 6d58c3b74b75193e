# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The internal filter of the role, with what Ansible registers for its tasks."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest
from ansible_collections.imageshare.aws.plugins.filter.ecr_share_internal import ecr_share_internal
from ansible_collections.imageshare.aws.tests.support import audits

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
LISTED = {"results": [{"_ecr_share_run": RUN, "names_as_text": "base/a base/b web", "owner": "210987654321"}]}
LISTINGS = ecr_share_internal(PLAN, "listings", assumed=ASSUMED, listed=LISTED)
NOTHING = {"results": [], "skipped": True}
RESULT = {
    "registry": "images us-east-1",
    "connection": ROLE,
    "label": "us-east-1: base/*",
    "region": "us-east-1",
    "registry_id": None,
    "error": None,
    "repositories": [],
}
DRIFTED = {
    "name": "of-c",
    "changed": True,
    "granted": [{"principal": "111122223333", "access": ["pull"], "lambda_regions": []}],
    "revoked": [],
}


def ready(selection: str, **more: Any) -> list[str]:
    return [run["label"] for run in ecr_share_internal(PLAN, "ready", selection=selection, assumed=ASSUMED, **more)]


def results(done: Any, assumed: Any = ASSUMED) -> list[tuple[str, bool, str | None]]:
    found = ecr_share_internal(PLAN, "results", assumed=assumed, listings=LISTINGS, done={"repositories": done})
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
    assert ready("runs", listings=LISTINGS) == ["us-east-1: base 1–1 of 2", "us-east-1: base 2–2 of 2"]


def test_results_of_batches_are_those_of_the_modules() -> None:
    parts = ecr_share_internal(PLAN, "ready", selection="runs", assumed=ASSUMED, listings=LISTINGS)
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


def test_what_each_kind_of_runs_returned_is_in_the_results() -> None:
    everything = {**VARIABLES, "ecr_share_grants": [{"principals": "111122223333", "apply_to": "registry,templates"}]}
    plan = ecr_share_internal(everything, "plan", host="images")
    (policy,), (template,) = (
        ecr_share_internal(plan, "ready", selection="runs", kind=kind, assumed=ASSUMED)
        for kind in ("registry", "templates")
    )
    assert ecr_share_internal(plan, "ready", selection="runs", assumed=ASSUMED) == []
    assert template["templates"] == ("*",)
    assert policy["grants"] == ({"principals": ["111122223333"], "access": ["pull"], "repositories": None},)
    row = {"name": "registry policy", "changed": True, "granted": [], "revoked": [], "warnings": []}
    done = {
        "repositories": NOTHING,
        "registry": {"results": [{"_ecr_share_run": policy, "changed": True, "registry": row}]},
        "templates": {"msg": "no such option", "failed": True},
    }
    found = ecr_share_internal(plan, "results", assumed=ASSUMED, listings=[], done=done)
    assert [(one["kind"], one["changed"], one["error"]) for one in found] == [
        ("registry", True, None),
        ("templates", False, "us-east-1: templates *: no such option"),
    ]
    assert found[0]["repositories"] == [row]


class TestAudits:
    """What hosts have read, as facts, becomes one verdict and one report for each directory."""

    VARIABLES: ClassVar = {**VARIABLES, "ecr_share_batch_size": 0, "ecr_share_report_dir": "/srv/report"}
    NOW = "2026-11-25T06:30:00Z"

    def facts(self, host: str, **more: Any) -> dict[str, Any]:
        plan = ecr_share_internal({**self.VARIABLES, **more}, "plan", purpose="audit", host=host)
        policy = audits.registry_policy()
        answer = {"registry_id": "123456789012", "region": "us-east-1", "partition": "aws", "summary": {}}
        rows = json.dumps({"repositories": [audits.repository(f"of-{host}")], "registry_policy": policy})
        reads = [{"_ecr_share_run": run, **answer, "rows_as_text": rows} for run in plan["reads"]]
        kept = ecr_share_internal(plan, "read", reads={"results": reads})
        return {"_ecr_share_plan": plan, "_ecr_share_read": kept, "ecr_share_result": []}

    def test_have_one_report_for_each_directory_and_each_host_once(self) -> None:
        first, second = self.facts("a"), self.facts("b", ecr_share_report_dir="/srv/other")
        # With run_once, all hosts of a play have the facts of the one that acts.
        hostvars = {"a": first, "a2": first, "b": second, "c": self.facts("c", ecr_share_report_dir=""), "d": {}}
        reports = ecr_share_internal([*hostvars, "x"], "reports", hostvars=hostvars, generated_at=self.NOW)
        assert {
            directory: [
                row["name"]
                for registry in json.loads(files["report"])["registries"]
                for row in registry["repositories"]
            ]
            for directory, files in reports.items()
        } == {"/srv/report": ["of-a"], "/srv/other": ["of-b"]}
        assert {name for files in reports.values() for name in files} == {"report", "report.md", "report.junit.xml"}

    def test_fail_for_the_hosts_that_have_what_is_to_fail(self) -> None:
        hostvars = {
            "a": self.facts("a", ecr_share_fail_on=["drift"]),
            "b": {**self.facts("b"), "ecr_share_result": [{**RESULT, "error": "AccessDenied"}]},
            "c": {
                **self.facts("c", ecr_share_fail_on=["drift"]),
                "ecr_share_result": [{**RESULT, "repositories": [DRIFTED]}],
            },
        }
        said = ecr_share_internal(list(hostvars), "verdict", hostvars=hostvars, generated_at=self.NOW)
        assert said["failures"] == {
            "b": "AccessDenied",
            "c": "1 finding that ecr_share_fail_on names: drift 1; it is listed above",
        }


@pytest.mark.parametrize(
    ("hosts", "most"),
    [
        pytest.param(["east", "west"], 0, id="two registries"),
        pytest.param(["east", "also-east"], 1, id="one registry"),
        pytest.param(["app", "web"], 0, id="repositories, of which one shares for all"),
        pytest.param(["east", "app"], 1, id="a registry, and a repository that may be in it"),
    ],
)
def test_hosts_that_may_be_one_registry_share_one_after_the_other(hosts: list[str], most: int) -> None:
    regions = {"east": "us-east-1", "also-east": "us-east-1", "west": "us-west-1"}
    hostvars = {name: {"ecr_share_regions": region} for name, region in regions.items()} | {"app": {}, "web": {}}
    found = ecr_share_internal(hosts, "throttle", hostvars=hostvars, repositories=["app", "web"])
    assert found == most
