# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Folders that go with a container are told of, once, by whoever writes into them."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._containers import ROOT
from ansible_collections.imageshare.aws.tests.integration.conftest import Play, Run
from ansible_collections.imageshare.aws.tests.integration.inventories import (
    OTHER_ACCOUNT,
    OTHER_ROLE,
    registries,
    sharing,
)
from ansible_collections.imageshare.aws.tests.integration.statements import TEAM
from ansible_collections.imageshare.aws.tests.support.embedded_aws import EmbeddedAws

INVENTORY = registries(sharing(), images={}, other={"ecr_share_assume_role_arn": OTHER_ROLE})
LOST = (
    "is lost when this container ends, because it is on no folder that is mounted there. Copy it elsewhere in the same"
)


@pytest.fixture
def container(tmp_path: Path) -> dict[str, str]:
    """The environment of a command that runs in a container."""
    mounts = tmp_path / "root" / "proc" / "self" / "mountinfo"
    mounts.parent.mkdir(parents=True)
    mounts.write_text("1 0 0:52 / / rw - overlay overlay rw,upperdir=/var/lib/containerd/8/fs\n", encoding="utf-8")
    return {ROOT: str(tmp_path / "root")}


def test_role_tells_of_backups_and_reports_of_all_registries_once(
    aws: EmbeddedAws, play: Play, tmp_path: Path, container: dict[str, str]
) -> None:
    aws.plant("app", None)
    aws.plant("app", None, OTHER_ACCOUNT)
    folders = [f"ecr_share_backup_dir={tmp_path}/backups", f"ecr_share_report_dir={tmp_path}/report"]

    done = play("share", INVENTORY, "-e", folders[0], "-e", folders[1], **container)

    assert done.code == 0, done.output
    assert done.recap("images")["changed"] == done.recap("other")["changed"] == 1
    assert done.flat.count(LOST) == 2, done.output
    assert done.flat.count(f"[WARNING]: backup_dir: {tmp_path}/backups/") == 1
    assert done.flat.count(f"! ecr_share_report_dir: {tmp_path}/report {LOST}") == 1

    adopted = play("adopt", INVENTORY, "-e", f"ecr_share_adopt_dir={tmp_path}/adopted", **container)
    assert adopted.flat.count(f"ecr_share_adopt_dir: {tmp_path}/adopted {LOST}") == 1
    audited = play("audit", INVENTORY, "-e", folders[1], **container)
    assert audited.flat.count(f"ecr_share_report_dir: {tmp_path}/report {LOST}") == 1


def test_modules_tell_of_their_backups_alone(
    aws: EmbeddedAws, run: Run, audit: Run, restore: Run, tmp_path: Path, container: dict[str, str]
) -> None:
    aws.plant_many({"app": None, "web": None})
    folder = str(tmp_path / "backups")
    options = {"repositories": ["app", "web"], "grants": [{"principals": [TEAM]}], "environment": container}

    assert run(**options, backup_dir=folder, check=True).warnings == []
    shared = run(**options, backup_dir=folder)
    (said,) = shared.warnings
    assert said.startswith(f"backup_dir: {folder} {LOST}")
    # Nothing was saved.
    assert run(**options, backup_dir=folder).warnings == []
    assert restore(backup_path=shared.values["backup_path"], backup_dir=folder, environment=container).warnings == [
        said
    ]
    assert said in audit(repositories=["*"], backup_dir=folder, environment=container).warnings
