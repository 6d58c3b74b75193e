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
from ansible_collections.imageshare.aws.tests.integration.statements import (
    CI,
    DELETED_ROLE,
    OTHER_NETWORKS_DENIED,
    PARTNER,
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
from ansible_collections.imageshare.aws.tests.support.module_process import run_module, run_playbook


def test_every_example_changes_something_once(aws: EmbeddedAws, tmp_path: Path) -> None:
    before = policy(allow("push", root(TEAM), root(STRANGER)), allow_functions(functions(PARTNER, name="resize")))
    aws.plant_many(dict.fromkeys(["base/python", "services/api", "services/web/admin"], before))
    tasks = [
        {**example, "register": f"result_{number}_{time}"}
        for number, example in enumerate(documented.EXAMPLES)
        for time in ("first", "second")
    ]

    # One after the other, so that each begins with what the one before left.
    played = run_playbook(aws, tmp_path, yaml.safe_dump(tasks))

    assert played.code == 0
    changed = {name: result["changed"] for name, result in played.registered.items()}
    assert changed == {task["register"]: task["register"].endswith("first") for task in tasks}


@pytest.fixture(scope="module")
def eventful(process: EmbeddedAws) -> tuple[list[Mapping[str, Any]], set[str]]:
    """What runs return that between them see to everything that the documentation speaks of, and what they called."""
    process.reset()
    denied = {"Sid": "others", "Effect": "Deny", "NotPrincipal": {"AWS": PARTNER}, "Action": "ecr:*"}
    process.plant_many(
        {
            "base/excess": policy(SCANNERS),
            "base/functions": policy(allow_functions("*", functions(STRANGER, name="resize"))),
            "base/orphan": policy({**SCANNERS, "Principal": {"AWS": DELETED_ROLE}}),
            "base/reworded": policy({**denied, "Condition": OTHER_NETWORKS_DENIED["Condition"]}),
            "base/shared": policy(allow("pull_push", root(TEAM)), allow_functions(functions(TEAM))),
        }
    )
    grants = [{"principal": STRANGER, "lambda_regions": ["eu-west-1"]}, {"principal": CI}]
    sharing = run_module(process, repositories=["base/*"], grants=grants)
    every = [{"principal": TEAM}, *grants]
    taking = run_module(process, repositories=["base/shared", "tools/*"], grants=every, state="absent")
    assert (sharing.failed, taking.failed) == (True, False)
    assert process.policies()["base/shared"] is None
    return [sharing.values, taking.values], {operation for operation, _name in process.journal()}


def test_everything_that_it_says_to_return_is_returned(eventful: tuple[list[Mapping[str, Any]], set[str]]) -> None:
    # That nothing else is returned, and all of the documented types, the fixture run sees to in every test.
    results, _operations = eventful

    assert set().union(*map(documented.seen, results)) == documented.values()


def test_every_kind_of_warning_that_it_explains_is_given(eventful: tuple[list[Mapping[str, Any]], set[str]]) -> None:
    results, _operations = eventful
    rows = [row for result in results for row in result["repositories"]]

    assert {warning["kind"] for row in rows for warning in row["warnings"]} == documented.warning_kinds()


def test_the_actions_that_it_says_to_need_are_those_that_are_called(
    eventful: tuple[list[Mapping[str, Any]], set[str]],
) -> None:
    _results, operations = eventful

    assert operations == documented.iam_actions()
