# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backups on disk: their format, their names, how they are saved, and that nothing else is taken for one."""

from __future__ import annotations

import json
import os
import re
import socket
import stat
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._runs.backup_reader import MAX_DEPTH, find
from ansible_collections.imageshare.aws.plugins.module_utils._runs.backup_writer import (
    BackupRun,
    problem_with_directory,
)
from ansible_collections.imageshare.aws.plugins.module_utils._runs.backups import (
    Backup,
    BackupError,
    file_name,
    from_text,
    to_text,
)
from ansible_collections.imageshare.aws.plugins.module_utils._runs.safe_paths import Trust
from ansible_collections.imageshare.aws.tests.support.in_memory import InMemory
from ansible_collections.imageshare.aws.tests.support.laws import laws
from hypothesis import given
from hypothesis import strategies as st

LAWS = laws(300)
POLICY = '{\n  "Version" : "2008-10-17",\n  "Statement" : [ { "Sid" : "Über-Zugriff 🔑" } ]\n}'
PLACE = {"kind": "repository", "partition": "aws", "registry_id": "123456789012", "region": "us-east-1"}
BACKUP = Backup(**PLACE, name="base/python", time="2026-01-31T12:00:00Z", policy=POLICY, written=None)
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def backup_run(parent: Path, kind: str = "share") -> BackupRun:
    return BackupRun(str(parent), kind=kind, partition="aws", region="us-east-1", now=lambda: NOON)


def save(run: BackupRun, repository: str = "base/python", policy: str | None = POLICY) -> None:
    run.save(InMemory({}).repository(repository), "123456789012", policy=policy, written=None)


def mode(path: str | Path) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


# --- the format ---


def test_a_file_reads_like_this() -> None:
    assert json.loads(to_text(BACKUP)) == {
        "format": 1,
        "kind": "repository",
        "partition": "aws",
        "registry_id": "123456789012",
        "region": "us-east-1",
        "name": "base/python",
        "time": "2026-01-31T12:00:00Z",
        "policy": POLICY,
        "written": None,
    }


policies = st.none() | st.builds(
    lambda sid, indent: json.dumps({"Statement": [{"Sid": sid}]}, indent=indent, ensure_ascii=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=50),
    st.none() | st.integers(0, 4),
)


@LAWS
@given(policies, policies)
def test_what_is_written_is_read_to_the_character(policy: str | None, written: str | None) -> None:
    backup = replace(BACKUP, policy=policy, written=written)
    assert from_text(to_text(backup)) == backup


def changed(**members: Any) -> str:
    return json.dumps({**json.loads(to_text(BACKUP)), **members})


def without(name: str) -> str:
    return json.dumps({key: value for key, value in json.loads(to_text(BACKUP)).items() if key != name})


DAMAGED = {
    "nothing": ("", "it is not valid JSON"),
    "cut off": (to_text(BACKUP)[:-20], "it is not valid JSON"),
    "two after one another": (to_text(BACKUP) * 2, "it is not valid JSON"),
    "nested beyond measure": ("[" * 100_000, "it is not valid JSON"),
    "a number beyond measure": ("9" * 10_000, "it is not valid JSON"),
    "a member twice": (to_text(BACKUP).replace('"format": 1', '"format": 1, "format": 1'), "it is not valid JSON"),
    "a list": ("[]", "it is not a JSON object"),
    "a policy": ('{"Version":"2008-10-17","Statement":[]}', "it is not a backup of a policy in format 1"),
    "a later format": (changed(format=2), "it is not a backup of a policy in format 1"),
    "a format that is true": (changed(format=True), "it is not a backup of a policy in format 1"),
    "a member more": (changed(comment="mine"), "its members are not"),
    **{f"no {name}": (without(name), "its members are not") for name in ("kind", "name", "policy", "written", "time")},
    "an unknown kind": (changed(kind="bucket"), "its kind is not valid: 'bucket'"),
    "a kind that is a list": (changed(kind=["repository"]), "its kind is not a text"),
    "a name that is a number": (changed(name=5), "its name is not a text"),
    "a name that is a path": (changed(name="../etc/passwd"), "its name is not that of a repository: '../etc/passwd'"),
    "a name that is a pattern": (changed(name="base/*"), "its name is not that of a repository: 'base/*'"),
    "an account of eleven digits": (changed(registry_id="12345678901"), "its registry_id is not valid: '12345678901'"),
    "an account that is a number": (changed(registry_id=123456789012), "its registry_id is not a text"),
    "an account in other digits": (changed(registry_id="١٢٣٤٥٦٧٨٩٠١٢"), "its registry_id is not valid"),
    "a region of two lines": (changed(region="us-east-1\n"), r"its region is not valid: 'us-east-1\n'"),
    "a partition that is none": (changed(partition=""), "its partition is not valid: ''"),
    "a time in words": (changed(time="noon"), "its time is not valid: 'noon'"),
    "a policy that is an object": (changed(policy={"Statement": []}), "its policy is neither a text nor null"),
    "a policy that is no JSON": (changed(policy="{"), "its policy is not a policy: it is not valid JSON"),
    "a policy without statements": (changed(policy="{}"), "its policy is not a policy: it has no Statement"),
    "half a character in a policy": (changed(policy='{"Statement":[],"Id":"\ud800"}'), "its policy is not a policy"),
    "a written text that is no policy": (changed(written="[]"), "its written is not a policy: it is not a JSON object"),
    "a policy beyond what AWS stores": (
        changed(policy=json.dumps({"Statement": [{"Sid": "x" * 10_240}]})),
        "its policy is longer than AWS allows",
    ),
}


@pytest.mark.parametrize(("text", "why"), DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_file_is_refused_by_name(text: str, why: str, tmp_path: Path) -> None:
    save(run := backup_run(tmp_path))
    file = Path(run.path or "") / "damaged.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BackupError, match=f"^not every file there can be restored: {re.escape(f'{file}: {why}')}"):
        find(str(tmp_path))


# --- names of files ---

parts = st.tuples(st.sampled_from("/._-"), st.text("ab1", min_size=1, max_size=9)).map("".join)
names = st.lists(parts, min_size=1, max_size=60).map(lambda found: f"a{''.join(found)}"[:256].rstrip("/._-"))
LONG = "team/" * 49 + "service"


@LAWS
@given(names)
def test_a_name_fits_any_file_system_and_says_what_it_is_for(name: str) -> None:
    file = file_name("repository", name)
    assert len(f"{file}.unfinished".encode()) <= 255
    assert re.fullmatch(r"[a-z0-9][a-z0-9._-]*\.json", file)
    assert file != "manifest.json"
    assert file.startswith(name.replace("/", "__")[:100])


ALIKE = [
    "base/python",
    "base_python",
    "base-python",
    "base.python",
    "basepython",
    "base/py/thon",
    "base/python.json",
    LONG,
    f"{LONG}2",
    f"{LONG[:-1]}f",
    LONG.replace("/", "-"),
    LONG.replace("/", "_"),
    "a" * 200,
    "a" * 201,
    "a" * 255,
    "a" * 256,
    "manifest",
]


def test_names_that_are_alike_have_files_of_their_own() -> None:
    assert len(set(map(partial(file_name, "repository"), ALIKE))) == len(ALIKE)


@LAWS
@given(st.lists(names, min_size=2, max_size=20, unique=True))
def test_distinct_names_have_distinct_files(found: list[str]) -> None:
    assert len(set(map(partial(file_name, "repository"), found))) == len(found)


@pytest.mark.parametrize("name", ["", "a__b", "../x", "a/../b", "Base", "a\n", "x" * 257])
def test_what_is_no_repository_has_no_file(name: str) -> None:
    with pytest.raises(BackupError, match="is not the name of a repository"):
        file_name("repository", name)


# --- saving ---


def test_a_run_saves_into_a_directory_of_its_own_for_its_owner_alone(tmp_path: Path) -> None:
    runs = [backup_run(tmp_path / "of" / "all runs") for _run in range(3)]
    for run in runs:
        save(run)
        save(run, "web", None)
    paths = [Path(run.path or "") for run in runs]
    assert len(set(paths)) == 3
    for path in paths:
        assert re.fullmatch(r"20260131T120000Z-123456789012-us-east-1-[0-9a-f]{8}", path.name)
        assert sorted(os.listdir(path)) == ["base__python.json", "manifest.json", "web.json"]
        assert [mode(found) for found in (path, path / "web.json", path.parent)] == [0o700, 0o600, 0o700]


def test_nothing_is_made_before_there_is_something_to_save(tmp_path: Path) -> None:
    run = backup_run(tmp_path / "backups")
    assert run.path is None
    assert os.listdir(tmp_path) == []


def test_many_workers_save_into_one_directory(tmp_path: Path) -> None:
    run = backup_run(tmp_path)
    repositories = [f"app-{number}" for number in range(64)]
    with ThreadPoolExecutor(max_workers=16) as workers:
        list(workers.map(lambda repository: save(run, repository), repositories))
    assert [found.backup.name for found in find(run.path or "")] == sorted(repositories)


@pytest.mark.parametrize("call", ["fsync", "replace", "mkdir"])
def test_a_disk_that_is_full_leaves_no_part_of_a_backup(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object, **_more: object) -> None:
        raise OSError(28, "No space left on device")

    run = backup_run(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        with pytest.raises(BackupError, match=r"No space left on device.*the policy was not written"):
            save(run)
    assert run.path is None
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []


# --- finding ---


def test_backups_are_found_in_a_run_above_it_and_one_by_one(tmp_path: Path) -> None:
    first, second = backup_run(tmp_path / "a"), backup_run(tmp_path / "b" / "c")
    save(first, "base/go")
    save(first)
    save(second, "web", None)

    def found(path: str | Path) -> list[str]:
        return [saved.backup.name for saved in find(str(path))]

    assert found(tmp_path) == ["base/go", "base/python", "web"]
    assert found(first.path or "") == ["base/go", "base/python"]
    assert found(Path(second.path or "") / "web.json") == ["web"]
    assert [saved.path for saved in find(second.path or "")] == [f"{second.path}/web.json"]


def test_a_file_may_have_any_name_and_lie_anywhere(tmp_path: Path) -> None:
    save(run := backup_run(tmp_path))
    os.rename(Path(run.path or "") / "base__python.json", tmp_path / "before lunch.txt")
    assert [saved.backup.name for saved in find(str(tmp_path))] == ["base/python"]


def test_a_link_to_all_of_them_is_not_followed_and_one_on_the_way_is_if_it_may_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(run := backup_run(tmp_path / "runs"))
    (tmp_path / "latest").symlink_to(run.path or "")
    with pytest.raises(BackupError, match="latest is a link"):
        find(str(tmp_path / "latest"))
    assert len(find(str(tmp_path / "latest" / "base__python.json"))) == 1
    monkeypatch.setattr(Trust, "problem_with_link", lambda *_link: "it is not ours")
    with pytest.raises(BackupError, match="latest: it is not ours"):
        find(str(tmp_path / "latest" / "base__python.json"))


def test_a_folder_that_somebody_else_made_meanwhile_is_not_used(tmp_path: Path) -> None:
    run = backup_run(tmp_path / "backups")
    (tmp_path / "backups").mkdir()
    (tmp_path / "backups").chmod(0o777)
    with pytest.raises(BackupError, match="everybody may write it"):
        save(run)
    assert list((tmp_path / "backups").iterdir()) == []


def test_what_a_run_was_killed_in_writing_is_passed_over(tmp_path: Path) -> None:
    save(run := backup_run(tmp_path))
    (Path(run.path or "") / "web.json.unfinished").write_text('{"format": 1, "par')
    assert [saved.backup.name for saved in find(str(tmp_path))] == ["base/python"]


def bound(path: Path) -> None:
    """A path of its own would be too long for a socket."""
    here = os.open(path.parent, os.O_RDONLY)
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f"/proc/self/fd/{here}/{path.name}")
    finally:
        os.close(here)


STRANGE: dict[str, Callable[[Path], Any]] = {
    "a link to a file": lambda path: path.symlink_to("/etc/hostname"),
    "a link to a directory": lambda path: path.symlink_to("/etc"),
    "a link to nowhere": lambda path: path.symlink_to("/nowhere"),
    "a pipe": os.mkfifo,
    "a socket": bound,
    "a file that is no text": lambda path: path.write_bytes(b"\xff\xfe"),
    "a file without end": lambda path: path.write_bytes(b" " * (1 << 21)),
    "another file": lambda path: path.write_text("Do not delete.\n"),
}


@pytest.mark.parametrize("make", STRANGE.values(), ids=STRANGE.keys())
def test_whatever_else_is_there_is_refused_by_name(make: Callable[[Path], Any], tmp_path: Path) -> None:
    save(backup_run(tmp_path))
    make(tmp_path / "strange")
    with pytest.raises(BackupError, match=f"{re.escape(str(tmp_path / 'strange'))}: .*Take them out"):
        find(str(tmp_path))


def test_of_many_problems_the_first_are_told(tmp_path: Path) -> None:
    for number in range(9):
        (tmp_path / f"file-{number}").touch()
    with pytest.raises(BackupError) as refusal:
        find(str(tmp_path))
    assert [number for number in range(9) if f"file-{number}:" in str(refusal.value)] == [0, 1, 2, 3, 4]
    assert "and 4 more" in str(refusal.value)


def test_a_path_that_leads_nowhere_is_told() -> None:
    with pytest.raises(BackupError, match="/nowhere/at all does not exist"):
        find("/nowhere/at all")


def test_an_empty_directory_has_none(tmp_path: Path) -> None:
    assert find(str(tmp_path)) == ()


def test_a_device_is_no_backup() -> None:
    with pytest.raises(BackupError, match="/dev/null: it is a link, or not a file"):
        find("/dev/null")


def tree(top: Path, depth: int) -> None:
    """Folders in one another, deeper than a path may be long."""
    here = os.open(top, os.O_RDONLY)
    for _level in range(depth):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)


@pytest.mark.parametrize(("depth", "fine"), [(MAX_DEPTH, True), (MAX_DEPTH + 1, False), (1500, False), (4000, False)])
def test_a_tree_that_is_too_deep_is_an_error_that_says_so(depth: int, fine: bool, tmp_path: Path) -> None:
    save(backup_run(tmp_path))
    tree(tmp_path, depth)
    try:
        if fine:
            assert len(find(str(tmp_path))) == 1
        else:
            with pytest.raises(BackupError, match=f"d: it is more than {MAX_DEPTH} directories deep"):
                find(str(tmp_path))
    finally:
        subprocess.run(["rm", "-r", tmp_path / "d"], check=True)


def test_a_name_that_is_too_long_is_told(tmp_path: Path) -> None:
    path = f"{tmp_path}/{'d' * 300}"
    with pytest.raises(BackupError, match="File name too long"):
        find(path)
    assert "File name too long" in (problem_with_directory(path) or "")


# --- what others could change ---

SOMEBODY = 65_533


def of_somebody_else(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a path to another user, if that can be done; or else let this be another user than its owner."""
    if os.geteuid() == 0:
        os.chown(path, SOMEBODY, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: SOMEBODY)


CHANGEABLE: dict[str, Callable[[Path], Path]] = {
    "the file": lambda top: top / "run" / "web.json",
    "the directory of the run": lambda top: top / "run",
    "the directory above": lambda top: top,
    "the one above that": lambda top: top.parent,
}


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A directory of backups with one run."""
    save(run := backup_run(tmp_path / "above" / "top"), "web")
    os.rename(run.path or "", tmp_path / "above" / "top" / "run")
    return tmp_path / "above" / "top"


@pytest.mark.parametrize("choose", CHANGEABLE.values(), ids=CHANGEABLE.keys())
def test_what_belongs_to_somebody_else_is_not_restored(
    choose: Callable[[Path], Path], kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(find(str(kept / "run"))) == 1
    of_somebody_else(choose(kept), monkeypatch)
    with pytest.raises(BackupError, match=r"it belongs to .*, who runs this\. If it can be trusted, .*: chown "):
        find(str(kept))


@pytest.mark.parametrize("choose", CHANGEABLE.values(), ids=CHANGEABLE.keys())
def test_what_somebody_else_may_write_is_not_restored(choose: Callable[[Path], Path], kept: Path) -> None:
    path = choose(kept)
    os.chmod(path, 0o707)
    with pytest.raises(BackupError, match=rf"{path}: everybody may write it \(mode 0707\).*: chmod o-w {path}"):
        find(str(kept))
    os.chmod(path, 0o755)
    assert len(find(str(kept))) == 1


def test_a_directory_to_save_to_that_could_not_be_restored_from_is_refused_beforehand(kept: Path) -> None:
    os.chmod(kept.parent, 0o777)
    for path in (kept, kept / "to be made", kept.parent):
        assert "could not be restored" in (problem_with_directory(str(path)) or "")
    os.chmod(kept.parent, 0o1777)
    assert [problem_with_directory(str(path)) for path in (kept, kept.parent)] == [None, None]


def test_a_name_that_cannot_be_printed_forges_no_line(tmp_path: Path) -> None:
    (tmp_path / "x\nok: [host]\x1b[2K\u202e").touch()
    with pytest.raises(BackupError) as refusal:
        find(str(tmp_path))
    assert str(refusal.value).isprintable()


UMASKS = [0o000, 0o022, 0o277, 0o777]


def saved_by_somebody(umask: int) -> list[tuple[str, str]]:
    """Save with a umask, as a user who may not do everything, and return the modes of all that was made."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(SOMEBODY)
        os.setuid(SOMEBODY)
    os.umask(umask)
    with TemporaryDirectory() as folder:
        os.chmod(folder, 0o700)
        run = backup_run(Path(folder) / "of" / "all" / "runs")
        save(run)
        save(run)
        assert len(find(folder)) == 1
        return [(path.name[:4], oct(mode(path))) for path in sorted(Path(folder).rglob("*"))]


@pytest.mark.parametrize("umask", UMASKS, ids=oct)
def test_whatever_the_umask_all_that_is_made_is_for_its_owner_alone(umask: int) -> None:
    """In a process of its own, because neither a umask nor a user is taken back by another thread."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(writing, json.dumps(saved_by_somebody(umask)).encode())
        except BaseException as error:
            os.write(writing, json.dumps(repr(error)).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        told = json.loads(answer.read())
    os.waitpid(child, 0)
    made = [[name, "0o700"] for name in ("of", "all", "runs", "2026")]
    assert told == [*made, ["base", "0o600"], ["base", "0o600"], ["mani", "0o600"]]


# --- a directory to save to ---


def test_a_directory_that_is_there_or_can_be_made_will_do(tmp_path: Path) -> None:
    assert problem_with_directory(str(tmp_path)) is None
    assert problem_with_directory(str(tmp_path / "to" / "be made")) is None


@pytest.mark.parametrize("below", ["file", "file/backups", "link"])
def test_a_file_is_no_directory(below: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("/nowhere")
    assert "is not a directory" in (problem_with_directory(str(tmp_path / below)) or "")
