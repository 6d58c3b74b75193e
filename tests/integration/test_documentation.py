# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules' documentation is true: examples and results. What they need is in test_least_privilege.py."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.imageshare.aws.tests.integration.documented import DOCUMENTED
from ansible_collections.imageshare.aws.tests.integration.statements import (
    BUILDS,
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
from ansible_collections.imageshare.aws.tests.support.module_process import (
    AUDIT,
    BACKUPS,
    RESTORE,
    SHARE,
    SHARE_REGISTRY,
    SHARE_TEMPLATES,
    Result,
    run_module,
    run_playbook,
)

# It is gone before it can be looked at.
VANISHING = [{"after": "SetRepositoryPolicy", "repository": "base/vanishing", "delete": True}]


def test_every_example_of_sharing_changes_something_once(aws: EmbeddedAws, tmp_path: Path) -> None:
    before = policy(allow("push", root(TEAM), root(STRANGER)), allow_functions(functions(PARTNER, name="resize")))
    aws.plant_many(dict.fromkeys(["base/python", "services/api", "services/web/admin"], before))

    # One after the other, so that each begins with what the one before left.
    changed = play(aws, tmp_path, [(example, 2) for example in DOCUMENTED[SHARE].examples])

    assert changed == [True, False] * len(DOCUMENTED[SHARE].examples)


def test_the_examples_of_restoring_undo_what_was_done_once(aws: EmbeddedAws, tmp_path: Path) -> None:
    aws.plant_many({"base/go": None, "base/python": policy(SCANNERS)})
    planted = aws.policies()
    sharing, everything, some, foreseeing, mending = DOCUMENTED[RESTORE].examples

    assert play(aws, tmp_path, [(sharing, 1), (everything, 2)]) == [True, True, False]
    assert {name: text and json.loads(text) for name, text in aws.policies().items()} == {
        name: text and json.loads(text) for name, text in planted.items()
    }

    aws.plant("base/python", policy(BUILDS))
    assert play(aws, tmp_path, [(some, 2)]) == [True, False]
    assert json.loads(aws.policies()["base/python"] or "") == policy(SCANNERS)

    # As it was never shared, from here on.
    assert play(aws, tmp_path, [(foreseeing, 2), (mending, 2)]) == [True, True, True, False]
    assert "AllowPull" in (aws.policies()["base/python"] or "")


def test_the_examples_of_snapshots_and_of_listing_them_put_back_what_was_overwritten_since(
    aws: EmbeddedAws, tmp_path: Path
) -> None:
    aws.plant_many({"base/go": None, "base/python": policy(SCANNERS)})
    saving, restoring = DOCUMENTED[AUDIT].examples[-2:]
    listing, asserting, mending = DOCUMENTED[BACKUPS].examples
    assert play(aws, tmp_path, [(saving, 1)]) == [False]

    aws.plant_many({"base/go": policy(BUILDS), "base/python": policy(BUILDS)})
    assert play(aws, tmp_path, [(listing, 1), (asserting, 1), (mending, 2)]) == [False, False, True, False]
    assert aws.policies()["base/go"] is None
    assert json.loads(aws.policies()["base/python"] or "") == policy(SCANNERS)

    aws.plant("base/go", policy(BUILDS))
    assert play(aws, tmp_path, [(saving, 1), (restoring, 1)]) == [False, False]
    assert aws.policies()["base/go"] is not None


def play(aws: EmbeddedAws, folder: Path, examples: list[tuple[dict[str, Any], int]]) -> list[bool]:
    """Run examples, each so many times, and tell of each whether it changed something."""
    tasks = [example for example, times in examples for _time in range(times)]
    steps: list[dict[str, Any]] = []
    for position, task in enumerate(tasks):
        # What an example registers, a later one uses.
        registered = task.get("register", "registered")
        steps.append({**task, "register": registered})
        steps.append({"ansible.builtin.set_fact": {f"result_{position}": f"{{{{ {registered} }}}}"}})
    played = run_playbook(aws, folder, yaml.safe_dump(steps))
    assert played.code == 0, played.text
    return [played.registered[f"result_{position}"]["changed"] for position in range(len(tasks))]


@dataclass(frozen=True)
class Eventful:
    """What runs of a module returned."""

    module: str
    results: tuple[Result, ...]


@pytest.fixture(scope="module", params=[SHARE, RESTORE])
def eventful(
    process: EmbeddedAws, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Eventful:
    """Runs that between them see to everything that the documentation speaks of."""
    process.reset()
    make = {SHARE: eventful_sharing, RESTORE: eventful_restoring}[request.param]
    results = make(process, tmp_path_factory.mktemp("backups"))
    assert [result.failed for result in results] == [True, *[False] * (len(results) - 1)]
    return Eventful(request.param, results)


def eventful_sharing(aws: EmbeddedAws, folder: Path) -> tuple[Result, ...]:
    denied = {"Sid": "others", "Effect": "Deny", "NotPrincipal": {"AWS": PARTNER}, "Action": "ecr:*"}
    aws.plant_many(
        {
            "base/excess": policy(SCANNERS),
            "base/functions": policy(allow_functions("*", functions(STRANGER, name="resize"))),
            "base/hand": policy({**SCANNERS, "Principal": {"AWS": root(TEAM)}}),
            "base/orphan": policy({**SCANNERS, "Principal": {"AWS": DELETED_ROLE}}),
            "base/reworded": policy({**denied, "Condition": OTHER_NETWORKS_DENIED["Condition"]}),
            "base/shared": policy(allow("pull_push", root(TEAM)), allow_functions(functions(TEAM))),
            "base/open": policy({**SCANNERS, "Principal": "*"}),
            "base/vanishing": None,
        }
    )
    aws.settings(others=VANISHING)
    grants = [{"principals": [STRANGER], "lambda_regions": ["eu-west-1"]}, {"principals": [CI]}]
    sharing = run_module(aws, repositories=["base/*"], grants=grants, backup_dir=str(folder), include_policy=True)
    every = [{"principals": [TEAM]}, *grants]
    names = ["base/hand", "base/shared", "tools/*"]
    how = {"state": "absent", "unmanaged_access": "revoke", "whole_account": True, "on_missing": "skip"}
    taking = run_module(aws, repositories=names, grants=every, **how)
    assert aws.policies()["base/hand"] is aws.policies()["base/shared"] is None
    return sharing, taking


def eventful_restoring(aws: EmbeddedAws, folder: Path) -> tuple[Result, ...]:
    denied = {"Sid": "others", "Effect": "Deny", "NotPrincipal": {"AWS": PARTNER}, "Action": "ecr:*"}
    everyone = {"Sid": "all", "Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}
    planted = {
        "base/gone": policy(SCANNERS),
        "base/new": None,
        "base/public": policy(everyone, allow("pull", root(TEAM))),
        "base/reworded": policy({**denied, "Condition": OTHER_NETWORKS_DENIED["Condition"]}),
        "base/vanishing": policy(SCANNERS),
    }
    aws.plant_many(planted)
    aws.plant_many(planted, region="eu-west-1")
    aws.plant_registry_policy(policy({**SCANNERS, "Resource": "*"}))
    aws.plant_template("services")
    grants = [{"principals": [TEAM], "access": ["push"]}]
    for module, options in ((SHARE_REGISTRY, {}), (SHARE_TEMPLATES, {"prefixes": ["*"]})):
        assert run_module(aws, module=module, grants=grants, backup_dir=str(folder), **options).changed
    for region in ("us-east-1", "eu-west-1"):
        shared = run_module(aws, repositories=["base/*"], grants=grants, backup_dir=str(folder), region=region)
        assert not shared.failed
    aws.plant("base/gone", None)
    everything = {**SCANNERS, "Principal": {"AWS": root(STRANGER)}, "Action": "ecr:*"}
    aws.plant("base/new", policy(everything))
    aws.plant_registry_policy(policy({**everything, "Resource": "*"}))
    aws.reset_calls()
    aws.settings(others=VANISHING)
    names = ["base/*", "nowhere"]
    restored = run_module(
        aws,
        module=RESTORE,
        backup_path=str(folder),
        repositories=names,
        apply_to=["repositories", "registry", "templates"],
        overwrite=True,
        backup_dir=str(folder / "later"),
        include_policy=True,
    )
    assert aws.policies()["base/new"] is None
    again = run_module(
        aws,
        module=RESTORE,
        backup_path=restored.values["backup_path"],
        repositories=["base/p*", "nowhere"],
        on_missing="skip",
    )
    none = run_module(
        aws, module=RESTORE, backup_path=restored.values["backup_path"], repositories=["nowhere"], on_missing="skip"
    )
    return restored, again, none


def test_everything_that_it_says_to_return_is_returned(eventful: Eventful) -> None:
    # That nothing else is returned, and all of the documented types, the fixtures run and restore see to in every test.
    documented = DOCUMENTED[eventful.module]

    assert set().union(*(documented.seen(result.values) for result in eventful.results)) == documented.values()


def test_every_kind_of_warning_that_it_explains_is_given(eventful: Eventful) -> None:
    rows = [row for result in eventful.results for row in result.values["repositories"]]

    found = {warning["kind"] for row in rows for warning in row["warnings"]}
    assert found == DOCUMENTED[eventful.module].warning_kinds()
