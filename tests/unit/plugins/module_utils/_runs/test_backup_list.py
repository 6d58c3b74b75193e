# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The list of backups: what made each, whether it is complete, and whether it can be restored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._runs.backup_list import ListedRun, list_runs
from ansible_collections.imageshare.aws.plugins.module_utils._runs.backup_writer import BackupRun
from ansible_collections.imageshare.aws.plugins.module_utils._runs.backups import (
    COLLECTION_VERSION,
    MANIFEST_NAME,
    BackupError,
)
from ansible_collections.imageshare.aws.tests.support.in_memory import InMemory

OWNER, OTHER = "123456789012", "210987654321"
POLICY = '{"Version": "2008-10-17", "Statement": []}'


def made(
    parent: Path, *repositories: str, kind: str = "share", hour: int = 12, owner: str = OWNER, region: str = "us-east-1"
) -> BackupRun:
    """A run of some hour that has saved repositories, and has not come to its end."""
    run = BackupRun(
        str(parent), kind=kind, partition="aws", region=region, now=lambda: datetime(2026, 1, 31, hour, tzinfo=UTC)
    )
    for repository in repositories:
        run.save(InMemory({}).repository(repository), owner, policy=POLICY, written=None)
    return run


@pytest.fixture
def several(tmp_path: Path) -> list[str]:
    """The paths of runs of several kinds and registries, the newest first."""
    runs = [
        made(tmp_path / "old", "web", hour=1),
        made(tmp_path, "web", "app", kind="snapshot", hour=2),
        made(tmp_path, "web", kind="restore", hour=3, region="eu-west-1"),
        made(tmp_path, "web", hour=4, owner=OTHER),
    ]
    for run in runs:
        run.finish(())
    return [run.path or "" for run in reversed(runs)]


def test_runs_are_listed_the_newest_first_with_all_that_their_manifests_say(tmp_path: Path, several: list[str]) -> None:
    listed = list_runs(str(tmp_path))
    assert [run.path for run in listed] == several
    assert [run.kind for run in listed] == ["share", "restore", "snapshot", "share"]
    assert listed[2].to_dict() == {
        "path": several[2],
        "kind": "snapshot",
        "time": "2026-01-31T02:00:00.000000Z",
        "registry_id": OWNER,
        "region": "us-east-1",
        "repositories": 2,
        "collection_version": COLLECTION_VERSION,
        "complete": True,
        "restorable": True,
        "problem": None,
    }


FILTERS: dict[str, tuple[dict[str, str], list[int]]] = {
    "all": ({}, [0, 1, 2, 3]),
    "an account": ({"registry_id": OTHER}, [0]),
    "a region": ({"region": "us-east-1"}, [0, 2, 3]),
    "both": ({"registry_id": OWNER, "region": "us-east-1"}, [2, 3]),
    "none": ({"registry_id": OTHER, "region": "eu-west-1"}, []),
}


@pytest.mark.parametrize(("asked", "found"), FILTERS.values(), ids=FILTERS.keys())
def test_an_account_and_a_region_choose(
    asked: dict[str, str], found: list[int], tmp_path: Path, several: list[str]
) -> None:
    assert [run.path for run in list_runs(str(tmp_path), **asked)] == [several[index] for index in found]


def test_one_run_by_itself_and_an_empty_directory(tmp_path: Path, several: list[str]) -> None:
    assert [run.path for run in list_runs(several[0])] == several[:1]
    (tmp_path / "empty").mkdir()
    assert list_runs(str(tmp_path / "empty")) == ()


def broken(path: Path) -> None:
    (path / "web.json").write_text("{", encoding="utf-8")


# Of each: what becomes of a directory, and how it is listed then.
TROUBLES: dict[str, tuple[Callable[[BackupRun, Path], Any], dict[str, Any], str]] = {
    "killed": (lambda _run, _path: None, {"complete": False}, "its run did not come to its end"),
    "failed": (lambda run, _path: run.finish(["app"]), {"complete": False}, "its run failed for app"),
    "without a manifest": (
        lambda _run, path: (path / MANIFEST_NAME).unlink(),
        {"kind": None, "collection_version": None, "complete": None, "time": "2026-01-31T12:00:00Z"},
        "it has no manifest.json",
    ),
    "without a backup": (
        lambda run, path: [run.finish(()), (path / "web.json").unlink()],
        {"repositories": 0, "complete": False, "restorable": False},
        "the number of its backups is 0, and its run saved 1",
    ),
    "with a damaged backup": (
        lambda run, path: [run.finish(()), broken(path)],
        {"repositories": 0, "complete": False, "restorable": False},
        "web.json: it is not valid JSON",
    ),
    "with a damaged manifest": (
        lambda _run, path: (path / MANIFEST_NAME).write_text("{", encoding="utf-8"),
        {
            "kind": None,
            "collection_version": None,
            "complete": None,
            "restorable": False,
            "time": "2026-01-31T12:00:00Z",
        },
        "manifest.json: it is not valid JSON",
    ),
    "with a file that everybody may write": (
        lambda run, path: [run.finish(()), (path / "web.json").chmod(0o606)],
        {"repositories": 0, "complete": False, "restorable": False},
        "web.json: everybody may write it",
    ),
    "that everybody may write": (
        lambda run, path: [run.finish(()), path.chmod(0o707)],
        {
            "kind": None,
            "time": None,
            "registry_id": None,
            "region": None,
            "repositories": 0,
            "collection_version": None,
            "complete": None,
            "restorable": False,
        },
        "everybody may write it",
    ),
}


@pytest.mark.parametrize(("change", "differs", "said"), TROUBLES.values(), ids=TROUBLES.keys())
def test_what_is_wrong_with_a_directory_is_told(
    change: Callable[[BackupRun, Path], Any], differs: dict[str, Any], said: str, tmp_path: Path
) -> None:
    change(run := made(tmp_path / "runs", "web"), Path(run.path or ""))
    whole = made(tmp_path / "runs", "web", hour=20)
    whole.finish(())
    (fine, listed) = sorted(list_runs(str(tmp_path)), key=lambda found: found.path == run.path)
    expected = ListedRun(
        path=run.path or "",
        kind="share",
        time="2026-01-31T12:00:00.000000Z",
        registry_id=OWNER,
        region="us-east-1",
        repositories=1,
        collection_version=COLLECTION_VERSION,
        complete=True,
        restorable=True,
        problem=listed.problem,
    )
    assert listed == replace(expected, **differs)
    assert said in (listed.problem or "")
    assert "|" not in (listed.problem or "")
    # The others are as they are.
    assert (fine.path, fine.complete, fine.restorable, fine.problem) == (whole.path, True, True, None)


def test_a_file_of_somebody_elses_making_is_told_where_it_lies(tmp_path: Path, several: list[str]) -> None:
    (tmp_path / "notes.txt").write_text("Do not delete.\n", encoding="utf-8")
    *listed, stray = list_runs(str(tmp_path))
    assert [run.path for run in listed] == several
    assert (stray.path, stray.restorable) == (str(tmp_path), False)
    assert stray.problem == f"{tmp_path}/notes.txt: it is not valid JSON"


REFUSED: dict[str, tuple[Callable[[Path], str], str]] = {
    "a path that leads nowhere": (lambda path: f"{path}/nowhere", "/nowhere does not exist"),
    "a relative path": (lambda _path: "backups", "'backups' is not an absolute path"),
    "a link": (lambda path: (path / "link").symlink_to("/etc") or f"{path}/link", "/link is a link"),
    "what everybody may write": (lambda path: path.chmod(0o777) or str(path / "x"), "everybody may write it"),
}


@pytest.mark.parametrize(("make", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_listed_is_refused(make: Callable[[Path], str], said: str, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match=said):
        list_runs(make(tmp_path))
