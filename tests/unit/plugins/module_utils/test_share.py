# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A whole run, against a registry in memory that stores text as AWS does."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._ecr import (
    EcrError,
    PolicyRefusedError,
    RepositoryMissingError,
    StoredPolicy,
)
from ansible_collections.imageshare.aws.plugins.module_utils._request import read_request
from ansible_collections.imageshare.aws.plugins.module_utils._result import Result
from ansible_collections.imageshare.aws.plugins.module_utils._share import run

OWNER, OTHER = "123456789012", "111122223333"
ORPHAN = "AROAEXAMPLEEXAMPLE123"
DEFAULTS = {
    "grants": [{"principal": OTHER}],
    "state": "present",
    "purge": False,
    "prune_orphans": False,
    "missing": "fail",
    "registry_id": None,
    "force_set_policy": False,
    "concurrency": 8,
}


class Memory:
    """A registry: repositories by name, each with the text of its policy or None."""

    partition, region = "aws", "us-east-1"

    def __init__(self, policies: Mapping[str, Any]) -> None:
        self.texts = {name: json.dumps(p) if isinstance(p, dict) else p for name, p in policies.items()}
        self.calls: list[tuple[str, str]] = []
        self.patient: list[bool] = []
        self.refused: set[str] = set()
        self.answer: str | None = None
        self._lock = threading.Lock()

    def names(self) -> list[str]:
        self.calls.append(("list", ""))
        return list(self.texts)

    def read(self, name: str) -> StoredPolicy:
        self._note("read", name)
        return StoredPolicy(self.texts[name], OWNER if self.texts[name] else None)

    def write(self, name: str, text: str, *, force: bool, patient: bool) -> str:
        self._note("write", name)
        self.patient.append(patient)
        if any(principal in text for principal in self.refused):
            raise PolicyRefusedError("AWS said no.")
        self.texts[name] = self.answer or text
        return self.texts[name]

    def delete(self, name: str) -> None:
        self._note("delete", name)
        self.texts[name] = None

    def _note(self, call: str, name: str) -> None:
        with self._lock:
            self.calls.append((call, name))
        if name not in self.texts:
            raise RepositoryMissingError(f"{name} does not exist.")

    def writes(self) -> list[str]:
        return [name for call, name in self.calls if call in ("write", "delete")]


def share(registry: Memory, *repositories: str, check: bool = False, diff: bool = False, **options: Any) -> Result:
    request = read_request(
        {**DEFAULTS, "repositories": list(repositories), **options},
        partition=registry.partition,
        partition_of_region=lambda _region: None,
        check_mode=check,
        diff=diff,
    )
    return run(request, registry)


def statement(*principals: str, **elements: Any) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Principal": {"AWS": list(principals)},
        "Action": ["ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage", "ecr:BatchCheckLayerAvailability"],
        **elements,
    }


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


FOREIGN = statement("444455556666", Action="ecr:ListImages", Sid="Listing")


def test_a_dry_run_writes_nothing_and_says_what_the_run_then_does() -> None:
    before = {"aa": None, "bb": policy(FOREIGN), "cc": policy(statement(OTHER))}
    registry = Memory(before)
    foretold = share(registry, "aa", "bb", "cc", check=True, diff=True)
    assert registry.writes() == []
    assert share(registry, "aa", "bb", "cc", diff=True) == foretold
    assert [row["changed"] for row in foretold.rows] == [True, True, False]
    assert [diff["before_header"] for diff in foretold.diffs] == ["aa", "bb"]


def test_a_second_run_reads_once_and_writes_nothing() -> None:
    registry = Memory({"aa": None, "bb": policy(FOREIGN)})
    share(registry, "aa", "bb")
    registry.calls.clear()
    assert not share(registry, "aa", "bb").changed
    assert sorted(registry.calls) == [("read", "aa"), ("read", "bb")]


def test_each_repository_is_written_right_after_it_is_read() -> None:
    registry = Memory({"aa": None, "bb": None})
    share(registry, "aa", "bb", concurrency=1)
    assert registry.calls == [("read", "aa"), ("write", "aa"), ("read", "bb"), ("write", "bb")]


def test_rows_are_in_the_order_asked_for() -> None:
    names = [f"service/{number}" for number in range(50)]
    rows = share(Memory(dict.fromkeys(names)), *reversed(names)).rows
    assert [row["name"] for row in rows] == names[::-1]


@pytest.mark.parametrize("text", ["{", "[]", '{"Statement": null}', '{"Statement": [], "Statement": []}', ""])
@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_policy_that_cannot_be_read_is_left_alone_and_the_others_are_done(text: str, state: str) -> None:
    registry = Memory({"bad": text, "good": policy(FOREIGN, statement("444455556666"))})
    result = share(registry, "bad", "good", state=state, grants=[{"principal": "444455556666", "access": "push"}])
    assert registry.texts["bad"] == text
    assert "left alone" in result.rows[0]["error"]
    assert result.rows[1]["changed"]
    assert result.summary["failed"] == 1


@pytest.mark.parametrize(
    ("options", "fails"),
    [
        pytest.param({"missing": "fail"}, True, id="a missing repository fails"),
        pytest.param({"missing": "skip"}, False, id="unless it is to be skipped"),
        pytest.param({"state": "absent"}, False, id="or access is taken away"),
    ],
)
def test_what_is_missing(options: dict[str, Any], fails: bool) -> None:
    rows = share(Memory({"here": policy(FOREIGN)}), "gone", "none/*", "here", **options).rows
    assert [row["name"] for row in rows] == ["gone", "here", "none/*"]
    assert ["error" in row for row in rows] == [fails, False, fails]
    assert ["missing" in row for row in rows] == [not fails, False, not fails]


def test_a_grant_that_matches_no_repository_is_reported() -> None:
    grants = [{"principal": OTHER, "repositories": ["servces/*"]}]
    result = share(Memory({"services/a": None}), "services/*", grants=grants)
    assert result.failures == ('grants[0]: no repository of this task matches "servces/*"',)
    assert not result.changed


def test_a_repository_that_no_grant_covers_is_not_even_read() -> None:
    registry = Memory({"base/a": policy(statement("444455556666")), "services/a": None})
    grants = [{"principal": OTHER, "repositories": ["services/a"]}]
    rows = share(registry, "base/a", "services/a", grants=grants, purge=True).rows
    assert [row["changed"] for row in rows] == [False, True]
    assert ("read", "base/a") not in registry.calls


def test_a_policy_without_statements_is_deleted() -> None:
    registry = Memory({"aa": policy(statement(OTHER))})
    (row,) = share(registry, "aa", state="absent").rows
    assert registry.calls == [("read", "aa"), ("delete", "aa")]
    assert (row["changed"], row["policy"]) == (True, None)


@pytest.mark.parametrize("check", [True, False])
def test_a_policy_that_would_be_too_long_is_refused_before_it_is_written(check: bool) -> None:
    crowd = statement(*(f"arn:aws:iam::{number:012}:root" for number in range(330)), Action="ecr:ListImages")
    registry = Memory({"aa": policy(crowd)})
    (row,) = share(registry, "aa", check=check).rows
    assert registry.writes() == []
    assert "characters long, and AWS allows 10,240" in row["error"]
    assert "organization" in row["error"]


def test_a_refused_principal_is_named_and_given_time() -> None:
    registry = Memory({"aa": policy(FOREIGN)})
    registry.refused = {OTHER}
    (row,) = share(registry, "aa").rows
    assert registry.patient == [True]
    assert OTHER in row["error"]
    assert (row["changed"], row["granted"]) == (False, [])


def test_deleted_principals_are_named_and_not_waited_for() -> None:
    registry = Memory({"aa": policy(statement(ORPHAN, Sid="Old"))})
    registry.refused = {ORPHAN}
    (row,) = share(registry, "aa").rows
    assert registry.patient == [False]
    assert ORPHAN in row["error"]
    assert "prune_orphans" in row["error"]
    assert [(warning["kind"], warning["sid"]) for warning in row["warnings"]] == [("orphan", "Old")]


def test_a_refusal_of_what_takes_access_away_is_not_waited_for() -> None:
    registry = Memory({"aa": policy(FOREIGN, statement(OTHER))})
    registry.refused = {"444455556666"}
    (row,) = share(registry, "aa", state="absent").rows
    assert registry.patient == [False]
    assert "None of the principals is new" in row["error"]


@pytest.mark.parametrize("answer", ['{"Version": "2012-10-17", "Statement": []}', "not JSON"])
def test_a_policy_that_was_stored_with_another_meaning_is_warned_about(answer: str) -> None:
    registry = Memory({"aa": None})
    registry.answer = answer
    (row,) = share(registry, "aa").rows
    assert [warning["kind"] for warning in row["warnings"]] == ["stored_differently"]
    assert answer in row["warnings"][0]["message"]


def test_purge_spares_the_owner_that_aws_names() -> None:
    registry = Memory({"aa": policy(statement(f"arn:aws:iam::{OWNER}:role/ci", "444455556666"))})
    (row,) = share(registry, "aa", purge=True).rows
    assert row["revoked"] == [{"principal": "444455556666", "access": "pull", "lambda_regions": []}]


class Silent(Memory):
    def read(self, name: str) -> StoredPolicy:
        return StoredPolicy(super().read(name).text, None)


def test_purge_does_nothing_where_the_owner_is_not_known() -> None:
    registry = Silent({"aa": policy(statement("444455556666"))})
    (row,) = share(registry, "aa", purge=True).rows
    assert "purge must spare" in row["error"]
    assert registry.writes() == []


class Faulty(Memory):
    def __init__(self, policies: Mapping[str, Any], error: Exception) -> None:
        super().__init__(policies)
        self._error = error

    def write(self, name: str, text: str, *, force: bool, patient: bool) -> str:
        if name == "faulty":
            raise self._error
        return super().write(name, text, force=force, patient=patient)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        pytest.param(EcrError("AWS said no."), "faulty: AWS said no.", id="what AWS refuses is a row"),
        pytest.param(KeyError("x"), "faulty: unexpected KeyError: 'x'", id="and so is a surprise"),
    ],
)
def test_one_failure_does_not_hide_what_was_done_to_the_others(error: Exception, told: str) -> None:
    registry = Faulty({"aa": None, "faulty": None, "bb": None}, error)
    result = share(registry, "aa", "faulty", "bb")
    assert [row["changed"] for row in result.rows] == [True, False, True]
    assert result.rows[1]["error"].startswith(told)
    assert result.summary == {
        "repositories": 3,
        "changed": 2,
        "unchanged": 0,
        "missing": 0,
        "failed": 1,
        "warnings": 0,
    }


def test_of_many_failures_five_are_told_and_the_rest_counted() -> None:
    failures = share(Memory({}), *(f"gone/{number}" for number in range(8))).failures
    assert len(failures) == 6
    assert failures[-1] == "and 3 more"


def test_warnings_are_summed_up_once_for_each_kind() -> None:
    everyone = {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage", "Sid": "Open"}
    names = ["aa", "bb", "cc", "dd"]
    result = share(Memory(dict.fromkeys(names, policy(everyone, everyone))), *names)
    (warning,) = result.warnings
    assert warning.startswith("4 of 4 repositories are open to everyone")
    assert result.summary["warnings"] == 8
