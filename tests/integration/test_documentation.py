# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module's documentation is true: its examples, what it returns, and what it needs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.imageshare.aws.tests.integration import documented
from ansible_collections.imageshare.aws.tests.integration.conftest import Run
from ansible_collections.imageshare.aws.tests.integration.statements import (
    CI,
    DELETED_ROLE,
    PARTNER,
    PLAIN_HTTP_DENIED,
    SCANNERS,
    STRANGER,
    TEAM,
    allow,
    allow_functions,
    functions,
    policy,
    root,
)
from ansible_collections.imageshare.aws.tests.support.embedded_aws import EmbeddedAws
from ansible_collections.imageshare.aws.tests.support.module_process import run_playbook


class TestExamples:
    # With it, every example has something to change.
    BEFORE = policy(allow("push", root(TEAM), root(STRANGER)), allow_functions(functions(PARTNER, name="resize")))

    @pytest.mark.parametrize("example", [pytest.param(task, id=task["name"]) for task in documented.EXAMPLES])
    def test_it_changes_something_once(self, aws: EmbeddedAws, tmp_path: Path, example: dict[str, Any]) -> None:
        names = ["base/python", "services/api", "services/web/admin"]
        aws.plant_many(dict.fromkeys(names, self.BEFORE))
        tasks = [{**example, "register": "result_first"}, {**example, "register": "result_second"}]

        played = run_playbook(aws, tmp_path, yaml.safe_dump(tasks))

        assert played.code == 0
        first, second = played.registered["result_first"], played.registered["result_second"]
        assert (first["changed"], second["changed"]) == (True, False)
        assert [row for row in first["repositories"] if not row["changed"]] == []
        assert played.registered["result_first"].get("warnings", []) == []


@pytest.fixture
def eventful_results(aws: EmbeddedAws, run: Run) -> list[Mapping[str, Any]]:
    """What runs return that between them see to everything that the documentation speaks of."""
    denied = {**PLAIN_HTTP_DENIED, "NotPrincipal": {"AWS": PARTNER}}
    del denied["Principal"]
    aws.plant_many(
        {
            "base/excess": policy(SCANNERS),
            "base/functions": policy(allow_functions("*", functions(STRANGER, name="resize"))),
            "base/orphan": policy({**SCANNERS, "Principal": {"AWS": DELETED_ROLE}}),
            "base/reworded": policy(denied),
            "base/shared": policy(allow("pull_push", root(TEAM)), allow_functions(functions(TEAM))),
        }
    )
    grants = [{"principal": STRANGER, "lambda_regions": ["eu-west-1"]}, {"principal": CI}]
    sharing = run(repositories=["base/*"], grants=grants)
    taking = run(repositories=["base/shared", "tools/*"], grants=[{"principal": TEAM}, *grants], state="absent")
    assert sharing.failed
    assert not taking.failed
    return [sharing.values, taking.values]


def test_everything_that_it_says_to_return_is_returned(eventful_results: list[Mapping[str, Any]]) -> None:
    # That nothing else is returned, and all of the documented types, the fixture run sees to in every test.
    seen = set().union(*map(documented.seen, eventful_results))

    assert seen == documented.values()


def test_every_kind_of_warning_that_it_explains_is_given(eventful_results: list[Mapping[str, Any]]) -> None:
    rows = [row for result in eventful_results for row in result["repositories"]]

    assert {warning["kind"] for row in rows for warning in row["warnings"]} == documented.warning_kinds()


def test_the_actions_that_it_says_to_need_are_those_that_are_called(
    aws: EmbeddedAws, eventful_results: list[Mapping[str, Any]]
) -> None:
    assert {operation for operation, _name in aws.journal()} == documented.iam_actions()
    assert any(row["changed"] and row["policy"] is None for row in eventful_results[1]["repositories"])
