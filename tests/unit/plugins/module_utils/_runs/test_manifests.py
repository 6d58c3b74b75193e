# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What directories of backups say of their runs: the format, when it is written, and how it is read."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.imageshare.aws.plugins.module_utils._runs.backup_reader import doubts, find
from ansible_collections.imageshare.aws.plugins.module_utils._runs.backup_writer import BackupRun
from ansible_collections.imageshare.aws.plugins.module_utils._runs.backups import (
    COLLECTION_VERSION,
    MANIFEST_NAME,
    RUN_KINDS,
    Backup,
    BackupError,
    Manifest,
    manifest_from_text,
    manifest_to_text,
    to_text,
)
from ansible_collections.imageshare.aws.tests.support.in_memory import InMemory
from ansible_collections.imageshare.aws.tests.support.laws import laws
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[5]
POLICY = '{"Version": "2008-10-17", "Statement": []}'
OWNER = "123456789012"
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
MANIFEST = Manifest(
    kind="share",
    partition="aws",
    registry_id=OWNER,
    region="us-east-1",
    time="2026-01-31T12:00:00.000000Z",
    collection_version="1.0.0",
)


def backup_run(parent: Path, kind: str = "share") -> BackupRun:
    return BackupRun(str(parent), kind=kind, partition="aws", region="us-east-1", now=lambda: NOON)


def save(run: BackupRun, *repositories: str) -> None:
    for repository in repositories:
        run.save(InMemory({}).repository(repository), OWNER, policy=POLICY, written=None)


def manifest_of(run: BackupRun) -> Manifest:
    return manifest_from_text((Path(run.path or "") / MANIFEST_NAME).read_text(encoding="utf-8"))


# --- the format ---


def test_a_file_reads_like_this() -> None:
    assert json.loads(manifest_to_text(replace(MANIFEST, repositories=12, failed=("web",)))) == {
        "format": 1,
        "complete": False,
        "kind": "share",
        "partition": "aws",
        "registry_id": OWNER,
        "region": "us-east-1",
        "time": "2026-01-31T12:00:00.000000Z",
        "collection_version": "1.0.0",
        "repositories": 12,
        "failed": ["web"],
    }


manifests = st.builds(
    Manifest,
    kind=st.sampled_from(RUN_KINDS),
    partition=st.sampled_from(["aws", "aws-cn", "aws-us-gov"]),
    registry_id=st.from_regex(r"[0-9]{12}", fullmatch=True),
    region=st.sampled_from(["us-east-1", "us-gov-west-1", "cn-north-1"]),
    time=st.datetimes(min_value=datetime(1970, 1, 1)).map(lambda time: time.isoformat(timespec="microseconds") + "Z"),
    collection_version=st.sampled_from(["0.1.0", "1.0.0", "1.12.3-beta.1", "2.0.0-dev0+local"]),
    repositories=st.none() | st.integers(0, 100_000),
    failed=st.lists(st.sampled_from(["web", "base/python", "manifest"]), unique=True).map(tuple),
)


@laws(200)
@given(manifests)
def test_what_is_written_is_read_again(manifest: Manifest) -> None:
    text = manifest_to_text(manifest)
    assert manifest_from_text(text) == manifest
    assert json.loads(text)["complete"] == (manifest.repositories is not None and not manifest.failed)


def changed(**members: Any) -> str:
    return json.dumps({**json.loads(manifest_to_text(MANIFEST)), **members})


DAMAGED = {
    "nothing": ("", "it is not valid JSON"),
    "cut off": (manifest_to_text(MANIFEST)[:-20], "it is not valid JSON"),
    "a list": ("[]", "it is not a JSON object"),
    "a later format": (changed(format=2), "it is not the manifest of a run in format 1"),
    "a member more": (changed(comment="mine"), "its members are not"),
    "an unknown kind": (changed(kind="delete"), "its kind is not valid: 'delete'"),
    "a kind that is a list": (changed(kind=["share"]), "its kind is not a text"),
    "an account of eleven digits": (changed(registry_id="12345678901"), "its registry_id is not valid"),
    "a region that is a path": (changed(region="../etc"), "its region is not valid"),
    "a time without its fraction": (changed(time="2026-01-31T12:00:00Z"), "its time is not valid"),
    "a version in words": (changed(collection_version="latest"), "its collection_version is not valid"),
    "a number in words": (changed(repositories="12"), "its repositories is neither a number nor null"),
    "a number that is true": (changed(repositories=True), "its repositories is neither a number nor null"),
    "less than none": (changed(repositories=-1), "its repositories is neither a number nor null"),
    "a name that is a path": (changed(failed=["../x"]), "its failed is not a list of names"),
    "names that are one": (changed(failed="web"), "its failed is not a list of names"),
    "what contradicts itself": (changed(complete=True), "its complete is not what"),
    "a completeness in words": (changed(complete="no"), "its complete is not what"),
}


@pytest.mark.parametrize(("text", "why"), DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_one_is_refused_by_name(text: str, why: str, tmp_path: Path) -> None:
    save(run := backup_run(tmp_path), "web")
    file = Path(run.path or "") / MANIFEST_NAME
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BackupError, match=f"^not every file there can be restored: {re.escape(f'{file}: {why}')}"):
        find(str(tmp_path))


def test_it_tells_the_version_of_the_collection() -> None:
    assert yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"] == COLLECTION_VERSION


# --- when it is written ---


@pytest.mark.parametrize("kind", RUN_KINDS)
def test_it_says_that_the_run_goes_on_until_it_has_come_to_its_end(kind: str, tmp_path: Path) -> None:
    run = backup_run(tmp_path, kind)
    assert run.finish(()) is None
    assert os.listdir(tmp_path) == []

    save(run, "base/go", "web")
    begun = manifest_of(run)
    assert begun == replace(MANIFEST, kind=kind, collection_version=COLLECTION_VERSION)
    assert not begun.complete

    assert run.finish(()) is None
    assert manifest_of(run) == replace(begun, repositories=2)
    assert manifest_of(run).complete
    assert sorted(os.listdir(run.path or "")) == ["base__go.json", "manifest.json", "web.json"]


def test_it_names_what_the_run_failed_for(tmp_path: Path) -> None:
    save(run := backup_run(tmp_path), "base/go", "web")
    run.finish(iter(["web", "app"]))
    assert (manifest_of(run).failed, manifest_of(run).complete) == (("app", "web"), False)
    assert [(saved.backup.name, saved.confirmed) for saved in find(str(tmp_path))] == [
        ("base/go", True),
        ("web", False),
    ]


def test_wherever_a_run_is_killed_its_directory_can_be_read_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is on disk before each step by which it changes is what is left if that step never comes."""
    seen: list[tuple[list[str], bool]] = []

    def watched(step: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(*arguments: Any, **more: Any) -> Any:
            seen.append((sorted(file.name for file in tmp_path.rglob("*.json")), done_for_sure()))
            return step(*arguments, **more)

        return stepped

    def done_for_sure() -> bool:
        saved = find(str(tmp_path))
        return bool(saved) and doubts(saved) == {}

    run = backup_run(tmp_path)
    with monkeypatch.context() as patch:
        for name in ("mkdir", "replace", "fsync", "fchmod"):
            patch.setattr(os, name, watched(getattr(os, name)))
        save(run, "web", "base/go", "web")
        run.finish(())
    assert done_for_sure()
    assert len(seen) > 15
    # The last step is to bring the name of the finished manifest to disk.
    assert [done for _files, done in seen] == [*[False] * (len(seen) - 1), True]
    assert all("manifest.json" in files for files, _done in seen if files)


def test_where_it_cannot_be_completed_that_is_told_and_the_backups_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object, **_more: object) -> None:
        raise OSError(28, "No space left on device")

    save(run := backup_run(tmp_path), "web")
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        told = run.finish(())
    assert told is not None
    assert "No space left on device" in told
    assert run.path is not None
    assert run.path in told
    assert not manifest_of(run).complete
    assert [saved.confirmed for saved in find(str(tmp_path))] == [None]


def test_a_disk_that_was_full_for_a_while_leaves_one_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object, **_more: object) -> None:
        raise OSError(28, "No space left on device")

    run = backup_run(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        for repository in ("web", "app"):
            with pytest.raises(BackupError, match="No space left on device"):
                save(run, repository)
    save(run, "web")
    run.finish(["app"])
    assert [Path(run.path or "")] == list(tmp_path.iterdir())
    assert (manifest_of(run).repositories, manifest_of(run).failed) == (1, ("app",))


# --- how it is read ---


def test_a_repository_of_its_name_has_a_file_of_its_own(tmp_path: Path) -> None:
    save(run := backup_run(tmp_path), "manifest", "web")
    run.finish(())
    assert sorted(saved.backup.name for saved in find(str(tmp_path))) == ["manifest", "web"]
    assert manifest_of(run).repositories == 2


def test_before_there_were_any_a_repository_had_its_name(tmp_path: Path) -> None:
    backup = Backup("repository", "aws", OWNER, "us-east-1", "manifest", "2026-01-31T12:00:00Z", POLICY, None)
    (tmp_path / MANIFEST_NAME).write_text(to_text(backup), encoding="utf-8")
    (saved,) = find(str(tmp_path))
    assert (saved.backup, saved.manifest, saved.confirmed) == (backup, None, None)


def test_one_of_another_registry_is_refused(tmp_path: Path) -> None:
    save(run := backup_run(tmp_path), "web")
    file = Path(run.path or "") / MANIFEST_NAME
    file.write_text(manifest_to_text(replace(MANIFEST, region="eu-west-1")), encoding="utf-8")
    with pytest.raises(BackupError, match=r"web\.json: it is of the registry 123456789012 in us-east-1 \(aws\), and"):
        find(str(tmp_path))


def test_a_file_that_is_named_by_itself_has_the_one_beside_it_unless_somebody_else_could_have_made_that(
    tmp_path: Path,
) -> None:
    save(run := backup_run(tmp_path), "web", "app")
    run.finish(["web"])
    file = Path(run.path or "") / "web.json"
    assert [saved.confirmed for saved in find(str(file))] == [False]
    (file.parent / MANIFEST_NAME).chmod(0o606)
    assert [saved.confirmed for saved in find(str(file))] == [None]
    (file.parent / MANIFEST_NAME).chmod(0o600)
    (file.parent / MANIFEST_NAME).write_text("{", encoding="utf-8")
    assert [saved.confirmed for saved in find(str(file))] == [None]


UNSAFE: dict[str, Callable[[Path], Any]] = {
    "that everybody may write": lambda path: path.chmod(0o666),
    "that is a link": lambda path: [path.unlink(), path.symlink_to("/etc/hostname")],
    "that is a pipe": lambda path: [path.unlink(), os.mkfifo(path)],
    "without end": lambda path: path.write_bytes(b" " * ((1 << 25) + 1)),
}


@pytest.mark.parametrize("change", UNSAFE.values(), ids=UNSAFE.keys())
def test_one_is_refused(change: Callable[[Path], Any], tmp_path: Path) -> None:
    save(run := backup_run(tmp_path), "web")
    change(Path(run.path or "") / MANIFEST_NAME)
    with pytest.raises(BackupError, match=r"^not every file there can be restored: .*manifest\.json: "):
        find(str(tmp_path))


# Of each: what becomes of a directory of two backups, and what is said of it.
LACKING: dict[str, tuple[Callable[[BackupRun, Path], Any], str | None]] = {
    "whole": (lambda run, _path: run.finish(()), None),
    "of a run that was killed": (lambda _run, _path: None, "its run did not come to its end"),
    "of a run that failed": (lambda run, _path: run.finish(["app", "web"]), "its run failed for app, web"),
    "of a run that failed for many": (
        lambda run, _path: run.finish([f"app-{number}" for number in range(7)]),
        "its run failed for app-0, app-1, app-2, app-3, app-4 and 2 more",
    ),
    "without a manifest": (lambda _run, path: (path / MANIFEST_NAME).unlink(), "it has no manifest.json"),
    "without one of its files": (
        lambda run, path: [run.finish(()), (path / "web.json").unlink()],
        "the number of its backups is 1, and its run saved 2",
    ),
}


@pytest.mark.parametrize(("change", "said"), LACKING.values(), ids=LACKING.keys())
def test_what_a_directory_lacks_is_told(
    change: Callable[[BackupRun, Path], Any], said: str | None, tmp_path: Path
) -> None:
    save(run := backup_run(tmp_path), "web", "base/go")
    change(run, path := Path(run.path or ""))
    told = doubts(find(str(tmp_path)))
    assert told.keys() == ({str(path)} if said else set())
    assert said is None or told[str(path)].startswith(said)
