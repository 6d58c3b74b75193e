# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policies are saved before they are replaced, and put back: after a whole run, and after one that was killed.

Which backups are taken, and what becomes of each, is tested in tests/unit/plugins/module_utils.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._iam.document import PolicyComparison, parse
from ansible_collections.imageshare.aws.tests.integration.conftest import Run
from ansible_collections.imageshare.aws.tests.integration.statements import (
    BUILDS,
    CI,
    DELETION_DENIED,
    LAMBDAS_OWN,
    PLAIN_HTTP_DENIED,
    SCANNERS,
    TEAM,
    allow,
    allow_functions,
    functions,
    policy,
    root,
)
from ansible_collections.imageshare.aws.tests.support.embedded_aws import ACCOUNT, EmbeddedAws
from ansible_collections.imageshare.aws.tests.support.module_process import started_module
from ansible_collections.imageshare.aws.tests.support.waiting import until

GRANTS = [{"principals": [TEAM], "access": ["pull", "push"]}]
OTHER_ACCOUNT, OTHER_REGION = "210987654321", "eu-west-1"
REGISTRY = {
    "base/no-policy": None,
    "base/foreign": policy(LAMBDAS_OWN, PLAIN_HTTP_DENIED, DELETION_DENIED, SCANNERS),
    "base/shared": policy(allow("pull_push", root(TEAM))),
    "base/shared-less": policy(allow("pull", root(TEAM), CI), allow_functions(functions(TEAM)), BUILDS),
}
CHANGED = {"base/no-policy", "base/foreign", "base/shared-less"}


def same(now: Mapping[str, str | None], before: Mapping[str, str | None]) -> bool:
    """Whether policies are equal in meaning."""
    parsed = [{name: text and parse(text) for name, text in texts.items()} for texts in (now, before)]
    return now.keys() == before.keys() and all(
        PolicyComparison("aws").equal(parsed[0][name], parsed[1][name]) for name in now
    )


def files(folder: Path) -> dict[str, dict[str, Any]]:
    found = [file for file in folder.iterdir() if file.name != "manifest.json"]
    return {file.name: json.loads(file.read_text(encoding="utf-8")) for file in found}


@pytest.fixture
def planted(aws: EmbeddedAws) -> dict[str, str | None]:
    """The text of each policy of the registry."""
    aws.plant_many(REGISTRY)
    return aws.policies()


class TestSaving:
    def test_each_policy_that_is_replaced_is_saved_to_the_letter(
        self, aws: EmbeddedAws, run: Run, planted: dict[str, str | None], tmp_path: Path
    ) -> None:
        result = run(repositories=["base/*"], grants=GRANTS, backup_dir=str(tmp_path / "backups"), include_policy=True)

        folder = Path(result.values["backup_path"])
        assert folder.parent == tmp_path / "backups"
        found = files(folder)
        assert found.keys() == {f"{name.replace('/', '__')}.json" for name in CHANGED}
        assert {file["name"]: file["policy"] for file in found.values()} == {
            name: text for name, text in planted.items() if name in CHANGED
        }
        for file in found.values():
            assert json.loads(file["written"]) == result.rows[file["name"]]["policy"]
            assert (file["format"], file["partition"], file["registry_id"], file["region"]) == (
                1,
                "aws",
                ACCOUNT,
                "us-east-1",
            )
        # A pattern is matched in a list that says whose the registry is.
        assert "GetCallerIdentity" not in aws.calls()

    def test_a_write_that_is_repeated_keeps_the_one_backup(self, aws: EmbeddedAws, run: Run, tmp_path: Path) -> None:
        names = [f"app-{number:02}" for number in range(40)]
        aws.plant_many({name: policy({**BUILDS, "Sid": name}) for name in names})
        planted = aws.policies()
        aws.settings(seed=5, throttle=0.3, server_error=0.1, drop=0.1)

        result = run(repositories=names, grants=GRANTS, backup_dir=str(tmp_path))

        assert not result.failed
        assert aws.refused()["SetRepositoryPolicy"] > 5
        saved = files(Path(result.values["backup_path"])).values()
        assert {file["name"]: file["policy"] for file in saved} == planted


def test_whose_the_registry_is_is_asked_once_and_only_for_backups(aws: EmbeddedAws, run: Run, tmp_path: Path) -> None:
    """AWS does not say it of a repository without a policy."""
    names = ["new-1", "new-2", "new-3"]
    aws.plant_many(dict.fromkeys(names))
    aws.settings(deny=[{"operation": "GetCallerIdentity"}])
    task = {"repositories": names, "grants": GRANTS, "backup_dir": "~/backups", "environment": {"HOME": str(tmp_path)}}

    refused = run(**task)
    assert all(row["error"].endswith("Set registry_id.") for row in refused.rows.values())
    assert set(aws.policies().values()) == {None}
    assert aws.refused() == {"GetCallerIdentity": 1}

    named = run(**task, registry_id=ACCOUNT)
    assert {file["registry_id"] for file in files(Path(named.values["backup_path"])).values()} == {ACCOUNT}
    # It was asked whether the registry is the caller's own, so that its policy can be read.
    assert aws.refused() == {"GetCallerIdentity": 2}
    assert not named.values["registry_policy"]["read"]

    aws.plant_many(dict.fromkeys(names))
    aws.settings(deny=[])
    assert not run(**task).failed
    assert aws.calls()["GetCallerIdentity"] == 1


class TestRestoring:
    def test_a_run_is_undone_and_once_only(
        self, aws: EmbeddedAws, run: Run, restore: Run, planted: dict[str, str | None], tmp_path: Path
    ) -> None:
        backup = run(repositories=["base/*"], grants=GRANTS, backup_dir=str(tmp_path)).values["backup_path"]
        shared = aws.policies()
        aws.reset_calls()

        foretold = restore(backup_path=backup, check=True, diff=True)
        assert aws.policies() == shared
        assert aws.calls() == {"GetCallerIdentity": 1, "GetRepositoryPolicy": 3}
        aws.reset_calls()
        done = restore(backup_path=backup, diff=True)

        assert (foretold.values, foretold.warnings) == (done.values, done.warnings)
        assert {name for name, row in done.rows.items() if row["changed"]} == CHANGED
        assert [shown["after_header"] for shown in done.values["diff"]] == sorted(CHANGED)
        writes = {"SetRepositoryPolicy": 2, "DeleteRepositoryPolicy": 1}
        assert aws.prompt_calls() == {"GetCallerIdentity": 1, "GetRepositoryPolicy": 6, **writes}
        assert same(aws.policies(), planted)
        assert aws.policies()["base/shared"] == planted["base/shared"]

        aws.reset_calls()
        again = restore(backup_path=backup, diff=True)
        assert (again.changed, again.failed, again.values["diff"]) == (False, False, [])
        assert aws.calls() == {"GetCallerIdentity": 1, "GetRepositoryPolicy": 3}

    def test_no_other_registry_is_touched(
        self, aws: EmbeddedAws, run: Run, restore: Run, planted: dict[str, str | None], tmp_path: Path
    ) -> None:
        places = [(ACCOUNT, "us-east-1"), (ACCOUNT, OTHER_REGION), (OTHER_ACCOUNT, "us-east-1")]
        for account, region in places:
            aws.plant_many(REGISTRY, account, region)
            share = {"repositories": ["base/*"], "grants": GRANTS, "backup_dir": str(tmp_path)}
            assert run(**share, region=region, registry_id=account).changed
        shared = {place: aws.policies(*place) for place in places}

        result = restore(backup_path=str(tmp_path))

        assert result.values["summary"]["changed"] == 3
        assert result.values["skipped_backups"] == [
            {"registry_id": ACCOUNT, "region": OTHER_REGION, "backups": 3},
            {"registry_id": OTHER_ACCOUNT, "region": "us-east-1", "backups": 3},
        ]
        assert result.warnings == []
        assert same(aws.policies(), planted)
        assert {place: aws.policies(*place) for place in places[1:]} == {place: shared[place] for place in places[1:]}

        # Of this region there is now a run to restore, and its registry is not the caller's.
        assert restore(backup_path=str(tmp_path), registry_id=OTHER_ACCOUNT).values["summary"]["changed"] == 3
        assert same(aws.policies(OTHER_ACCOUNT), planted)
        assert restore(backup_path=str(tmp_path), region="eu-central-1").message.startswith("Nothing was done: ")


class TestAKilledRun:
    def test_in_the_middle_of_writing_it_is_undone(self, aws: EmbeddedAws, restore: Run, tmp_path: Path) -> None:
        kinds = list(REGISTRY.values())
        aws.plant_many({f"app-{number:03}": kinds[number % len(kinds)] for number in range(200)})
        planted = aws.policies()
        aws.settings(latency=0.03)

        with started_module(aws, repositories=["app-*"], grants=GRANTS, backup_dir=str(tmp_path)) as process:
            until(lambda: aws.calls().get("SetRepositoryPolicy", 0) >= 70)
            process.kill()
        # What was on its way by then arrives before a call that is made later.
        aws.client().describe_repositories()
        aws.settings(latency=0.0)
        killed = aws.policies()
        written = {name for name in planted if not same({name: killed[name]}, {name: planted[name]})}
        assert 50 < len(written) < 150, "150 of them would be changed"
        assert {name: killed[name] for name in planted if name not in written} == {
            name: planted[name] for name in planted if name not in written
        }

        result = restore(backup_path=str(tmp_path))

        assert not result.failed
        assert {name for name, row in result.rows.items() if row["changed"]} == written
        restored = aws.policies()
        assert same(restored, planted)
        assert {name: restored[name] for name in planted if name not in written} == {
            name: planted[name] for name in planted if name not in written
        }

    def test_between_saving_and_writing_there_is_nothing_to_undo(
        self, aws: EmbeddedAws, restore: Run, tmp_path: Path
    ) -> None:
        aws.plant("app", policy(BUILDS))
        planted = aws.policies()
        # While AWS does not know the role, the module waits and tries again.
        aws.settings(missing_principals=[CI])

        with started_module(
            aws, repositories=["app"], grants=[{"principals": [CI]}], backup_dir=str(tmp_path)
        ) as process:
            until(lambda: "SetRepositoryPolicy" in aws.calls())
            process.kill()
        result = restore(backup_path=str(tmp_path))

        assert (result.failed, result.row["changed"]) == (False, False)
        assert aws.policies() == planted
