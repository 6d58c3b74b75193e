# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""After an incident, one command puts back what is broken: snapshots, what runs wrote, and the list of backups.

What becomes of each policy is tested in tests/unit/plugins/module_utils/_runs.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._iam.document import PolicyComparison, parse
from ansible_collections.imageshare.aws.tests.integration.conftest import Run
from ansible_collections.imageshare.aws.tests.integration.statements import (
    BUILDS,
    DELETION_DENIED,
    SCANNERS,
    STRANGER,
    TEAM,
    allow,
    policy,
    root,
)
from ansible_collections.imageshare.aws.tests.support.embedded_aws import ACCOUNT, EmbeddedAws
from ansible_collections.imageshare.aws.tests.support.module_process import AUDIT, started_module

OTHER_REGION = "eu-west-1"
GRANTS = [{"principals": [TEAM]}]
# What somebody else's tool writes, which knows of nobody else.
OVERWRITTEN = policy(allow("push", root(STRANGER)))
NAMES = [f"prod/app-{number:02}" for number in range(24)]
BROKEN = NAMES[6:18]


def differing(now: Mapping[str, str | None], before: Mapping[str, str | None]) -> set[str]:
    """The names of the policies that differ in meaning."""
    same = PolicyComparison("aws").equal
    assert now.keys() == before.keys()
    return {name for name in now if not same(parsed(now[name]), parsed(before[name]))}


def parsed(text: str | None) -> Any:
    return None if text is None else parse(text)


@pytest.fixture
def healthy(aws: EmbeddedAws, run: Run, audit: Run, tmp_path: Path) -> dict[str, str | None]:
    """The policies of a registry with statements of others, after a snapshot and then a run that changed half of it."""
    shared = policy(DELETION_DENIED, allow("pull", root(TEAM)))
    texts = {name: shared if number % 2 else policy(SCANNERS, BUILDS) for number, name in enumerate(NAMES)}
    aws.plant_many({**texts, "base/none": None})
    aws.plant_many(texts, region=OTHER_REGION)
    for region in ("us-east-1", OTHER_REGION):
        assert not audit(backup_dir=str(tmp_path), region=region).failed
        done = run(repositories=["prod/*"], grants=GRANTS, backup_dir=str(tmp_path), region=region)
        assert done.values["summary"]["changed"] == 12
    return aws.policies()


def test_what_somebody_else_has_overwritten_is_put_back_by_one_command_and_nothing_else_is_touched(
    aws: EmbeddedAws, restore: Run, healthy: dict[str, str | None], tmp_path: Path
) -> None:
    aws.plant_many(dict.fromkeys(BROKEN, OVERWRITTEN))
    overwritten = aws.policies()
    aws.reset_calls()

    foretold = restore(backup_path=str(tmp_path), to="written", check=True, diff=True)
    assert aws.policies() == overwritten
    done = restore(backup_path=str(tmp_path), to="written", diff=True)

    assert (foretold.values, foretold.warnings) == (done.values, done.warnings)
    assert {name for name, row in done.rows.items() if row["changed"]} == set(BROKEN)
    assert (done.values["summary"]["changed"], done.values["summary"]["unchanged"]) == (12, 13)
    assert aws.calls()["SetRepositoryPolicy"] == 12
    assert differing(aws.policies(), healthy) == set()
    assert {name: text for name, text in aws.policies().items() if name not in BROKEN} == {
        name: text for name, text in healthy.items() if name not in BROKEN
    }
    assert "Deny" in (aws.policies()[BROKEN[1]] or "")
    # That there are backups of other registries is normal.
    assert done.values["skipped_backups"] == [{"registry_id": ACCOUNT, "region": OTHER_REGION, "backups": 36}]
    assert all("may not be whole" not in warning for warning in done.warnings)
    assert not restore(backup_path=str(tmp_path), to="written").changed


def test_a_snapshot_puts_back_what_differs_from_it(
    aws: EmbeddedAws, audit: Run, restore: Run, healthy: dict[str, str | None], tmp_path: Path
) -> None:
    snapshot = audit(backup_dir=str(tmp_path / "snapshots")).values["backup_path"]
    aws.plant_many({**dict.fromkeys(BROKEN, OVERWRITTEN), NAMES[0]: None, "base/none": OVERWRITTEN})

    result = restore(backup_path=snapshot)

    assert not result.failed
    assert {name for name, row in result.rows.items() if row["changed"]} == {*BROKEN, NAMES[0], "base/none"}
    assert differing(aws.policies(), healthy) == set()
    assert aws.policies()["base/none"] is None


class TestSnapshots:
    def test_all_that_is_read_is_saved_and_nothing_changes(self, aws: EmbeddedAws, audit: Run, tmp_path: Path) -> None:
        aws.plant_many({"base/go": policy(SCANNERS), "base/none": None})
        planted = aws.policies()
        result = audit(backup_dir=str(tmp_path), principal="111122223333")
        assert not result.changed
        assert aws.policies() == planted
        folder = Path(result.values["backup_path"])
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        assert (manifest["kind"], manifest["repositories"], manifest["complete"]) == ("snapshot", 2, True)
        assert f"-{ACCOUNT}-us-east-1-" in folder.name
        assert folder.stat().st_mode & 0o777 == 0o700

    def test_in_check_mode_nothing_is_saved_and_that_is_said(
        self, aws: EmbeddedAws, audit: Run, tmp_path: Path
    ) -> None:
        aws.plant("app", policy(SCANNERS))
        result = audit(backup_dir=str(tmp_path / "backups"), check=True)
        assert list(tmp_path.iterdir()) == []
        assert "backup_path" not in result.values
        assert list(result.rows) == ["app"]
        assert "No snapshot was saved, because nothing is saved in check mode." in result.warnings

    @pytest.mark.parametrize("folder", ["file", "file/below", "unsafe", "unsafe/below"])
    def test_a_folder_that_cannot_be_used_is_refused_before_aws_is_asked(
        self, aws: EmbeddedAws, audit: Run, folder: str, tmp_path: Path
    ) -> None:
        (tmp_path / "file").touch()
        (tmp_path / "unsafe").mkdir()
        (tmp_path / "unsafe").chmod(0o777)
        result = audit(backup_dir=str(tmp_path / folder))
        assert result.message.startswith("backup_dir: ")
        assert aws.actions() == set()

    def test_one_that_was_killed_says_so(self, aws: EmbeddedAws, restore: Run, backups: Run, tmp_path: Path) -> None:
        aws.plant_many({f"app-{number:03}": policy(SCANNERS) for number in range(100)})
        aws.settings(latency=0.05)
        with started_module(aws, module=AUDIT, backup_dir=str(tmp_path), concurrency=2) as process:
            deadline = time.monotonic() + 60
            while len(list(tmp_path.glob("*/app-*.json"))) < 10:
                assert time.monotonic() < deadline
            process.kill()
        aws.settings(latency=0.0)

        (listed,) = backups(backup_dir=str(tmp_path)).values["runs"]
        assert (listed["kind"], listed["complete"], listed["restorable"]) == ("snapshot", False, True)
        assert 10 <= listed["repositories"] < 100
        aws.plant("app-000", OVERWRITTEN)
        result = restore(backup_path=listed["path"])
        assert result.rows["app-000"]["changed"]
        assert any("its run did not come to its end" in warning for warning in result.warnings)

    def test_one_that_was_interrupted_keeps_what_it_has_and_says_what_it_has_not(
        self, aws: EmbeddedAws, audit: Run, backups: Run, tmp_path: Path
    ) -> None:
        aws.plant_many({"base": policy(SCANNERS), "web": policy(SCANNERS)})
        aws.settings(deny=[{"operation": "GetRepositoryPolicy", "repository": "web"}])
        assert audit(backup_dir=str(tmp_path)).failed
        (listed,) = backups(backup_dir=str(tmp_path)).values["runs"]
        assert (listed["repositories"], listed["complete"]) == (1, False)
        assert listed["problem"] == "its run failed for web"


def test_backups_are_listed_without_aws(
    aws: EmbeddedAws, backups: Run, healthy: dict[str, str | None], tmp_path: Path
) -> None:
    aws.reset_calls()
    result = backups(backup_dir=str(tmp_path), environment={"AWS_URL": None, "AWS_ACCESS_KEY_ID": None})
    runs = result.values["runs"]
    assert [(run["kind"], run["region"], run["repositories"]) for run in runs] == [
        ("share", OTHER_REGION, 12),
        ("snapshot", OTHER_REGION, 24),
        ("share", "us-east-1", 12),
        ("snapshot", "us-east-1", 25),
    ]
    assert {(run["registry_id"], run["complete"], run["problem"]) for run in runs} == {(ACCOUNT, True, None)}
    assert backups(backup_dir=str(tmp_path), region=OTHER_REGION).values["runs"] == runs[:2]
    assert backups(backup_dir="backups").message.startswith("backup_dir: 'backups' is not an absolute path")
    assert backups(backup_dir=f"{tmp_path}/nowhere").message == f"{tmp_path}/nowhere does not exist"
    assert (result.changed, aws.actions()) == (False, set())


def test_a_relative_path_is_refused_by_whatever_takes_one(aws: EmbeddedAws, run: Run, restore: Run, audit: Run) -> None:
    told = [
        run(repositories=["app"], grants=GRANTS, backup_dir="backups").message,
        restore(backup_path="backups").message,
        restore(backup_path="/backups", backup_dir="backups").message,
        audit(backup_dir="backups").message,
    ]
    assert ["'backups' is not an absolute path. Begin it with / or ~" in message for message in told] == [True] * 4
    assert aws.actions() == set()
