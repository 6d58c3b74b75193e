# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Backups of policies on disk: a directory for each run, a file for each repository, and how they are read again.

What was published once is read for ever, so another format gets another number.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from .._iam.document import MAX_LENGTH, PolicyError, parse, serialise
from .._repository_names import is_name

FORMAT = 1

# Most file systems take 255 bytes.
_LONGEST_PLAIN_NAME = 200
_UNFINISHED = ".unfinished"
# Two policies, each character of which may be an escape of six.
_MOST_BYTES = 1 << 20
_MOST_PROBLEMS_TOLD = 5
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_MEMBERS = {
    "partition": re.compile(r"[a-z]+(?:-[a-z]+)*"),
    "registry_id": re.compile(r"[0-9]{12}"),
    "region": re.compile(r"[a-z]+(?:-[a-z]+)*-[0-9]+"),
    "time": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"),
}


class BackupError(Exception):
    """A backup cannot be saved, or cannot be used. The message says which, why, and what to do."""


@dataclass(frozen=True)
class Backup:
    """The policy of a repository as it was before a run wrote.

    registry_id: the 12-digit account that owns the repository. time: in UTC, such as C(2026-01-31T12:00:00Z).
    policy: the text as AWS returned it, None for none. written: the text that was about to be sent, None where the
    policy was about to be deleted.
    """

    partition: str
    registry_id: str
    region: str
    repository: str
    time: str
    policy: str | None
    written: str | None


@dataclass(frozen=True)
class Saved:
    """A backup, and the file that it is in."""

    path: str
    backup: Backup


class BackupRun:
    """The backups of one run, in a directory of their own that is made with the first of them.

    parent: the directory that holds those of all runs; it is made as well. May be used by several threads.
    """

    def __init__(
        self, parent: str, *, partition: str, region: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._parent = os.path.abspath(parent)
        self._partition, self._region, self._now = partition, region, now
        self._lock = threading.Lock()
        self._made: str | None = None
        self._used = False

    @property
    def path(self) -> str | None:
        """The absolute path of the run's directory; None as long as no backup was saved."""
        return self._made if self._used else None

    def save(self, repository: str, registry_id: str, *, policy: str | None, written: str | None) -> None:
        """Bring a backup to disk, so that it outlasts even a crash of the machine.

        Raises BackupError.
        """
        time = self._now().strftime(_TIME)
        backup = Backup(self._partition, registry_id, self._region, repository, time, policy, written)
        try:
            _write(self._directory(), file_name(repository), to_text(backup))
        except OSError as error:
            raise BackupError(
                f"could not save a backup of its policy: {error}. Nothing was written to AWS. To do: see to backup_dir"
            ) from error
        self._used = True

    def _directory(self) -> str:
        with self._lock:
            if self._made is None:
                os.makedirs(self._parent, mode=0o700, exist_ok=True)
                stamp = self._now().strftime("%Y%m%dT%H%M%SZ")
                path = os.path.join(self._parent, f"{stamp}-{self._region}-{secrets.token_hex(4)}")
                os.mkdir(path, mode=0o700)
                _flush_directory(self._parent)
                self._made = path
            return self._made


def file_name(repository: str) -> str:
    """The name of a repository's file: distinct for distinct names, and of at most 255 bytes.

    No name of a repository has two of C(. _ -) beside each other, so C(__) stands for C(/), and C(--) for a cut.
    """
    if not is_name(repository):
        raise BackupError(f'"{repository}" is not the name of a repository, so no backup can be named for it')
    plain = repository.replace("/", "__")
    if len(plain) > _LONGEST_PLAIN_NAME:
        plain = f"{plain[: _LONGEST_PLAIN_NAME - 66]}--{sha256(repository.encode()).hexdigest()}"
    return f"{plain}.json"


def to_text(backup: Backup) -> str:
    """A backup as its file has it."""
    return json.dumps({"format": FORMAT, **asdict(backup)}, indent=2) + "\n"


def from_text(text: str) -> Backup:
    """The backup that a file has.

    Raises BackupError for anything that was not written by to_text.
    """
    try:
        document = json.loads(text, object_pairs_hook=_unique_keys)
    except (ValueError, RecursionError):
        raise BackupError("it is not valid JSON") from None
    if not isinstance(document, dict):
        raise BackupError("it is not a JSON object")
    version = document.pop("format", None)
    if version.__class__ is not int or version != FORMAT:
        raise BackupError(f"it is no backup of a policy in format {FORMAT}")
    names = {field.name for field in fields(Backup)}
    if document.keys() != names:
        raise BackupError(f"its members are not format and {', '.join(sorted(names))}")
    for name, value in document.items():
        _check(name, value)
    return Backup(**document)


def find(path: str) -> tuple[Saved, ...]:
    """The backups in a file, or in a directory and below it, in the order of their paths.

    A file that a run left unfinished is passed over: nothing was written to AWS for its repository.

    Raises BackupError with every file that is no backup, so that nothing is begun with a part of them.
    """
    if _is_no_path(path):
        raise BackupError(f"{path!a} is no path")
    # Whoever names a link means where it leads. Links below are nobody's word.
    path = os.path.realpath(path)
    if not os.path.exists(path):
        raise BackupError(f"{path} does not exist")
    saved: list[Saved] = []
    problems: list[str] = []
    for file in _files(path, problems):
        try:
            saved.append(Saved(file, from_text(_read(file))))
        except (BackupError, OSError, UnicodeDecodeError) as error:
            problems.append(f"{file}: {error}")
    if problems:
        raise BackupError(_told(problems))
    return tuple(saved)


def problem_with_directory(path: str) -> str | None:
    """Why no directory for backups can be used or made at a path; None if it can, as far as one can see."""
    if _is_no_path(path):
        return f"{path!a} is no path"
    path = os.path.abspath(path)
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    if not os.path.isdir(path):
        return f"{path} is not a directory"
    return None if os.access(path, os.W_OK | os.X_OK) else f"{path} cannot be written to"


def _is_no_path(text: str) -> bool:
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return True
    return not text or "\0" in text


def _check(name: str, value: Any) -> None:
    if name in ("policy", "written"):
        if value is not None:
            _check_policy(name, value)
    elif not isinstance(value, str):
        raise BackupError(f"its {name} is not a text")
    elif not (is_name(value) if name == "repository" else _MEMBERS[name].fullmatch(value)):
        raise BackupError(f"its {name} is not one: {value[:40]!a}")


def _check_policy(name: str, value: Any) -> None:
    if not isinstance(value, str):
        raise BackupError(f"its {name} is neither a text nor null")
    try:
        length = len(serialise(parse(value)))
    except PolicyError as error:
        raise BackupError(f"its {name} is not a policy: {error}") from None
    if length > MAX_LENGTH:
        raise BackupError(f"its {name} is longer than AWS allows")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key occurs twice")
    return dict(pairs)


def _files(path: str, problems: list[str]) -> Iterator[str]:
    """The files at a path and below it, but for unfinished ones. What is neither file nor directory is a problem."""
    try:
        mode = os.lstat(path).st_mode
        if stat.S_ISDIR(mode):
            for name in sorted(os.listdir(path)):
                if not name.endswith(_UNFINISHED):
                    yield from _files(os.path.join(path, name), problems)
        elif stat.S_ISREG(mode):
            yield path
        else:
            problems.append(f"{path}: it is a link, or else no file")
    except OSError as error:
        problems.append(f"{path}: {error.strerror}")


def _read(path: str) -> str:
    # What was a file a moment ago may be a link, or a pipe that never ends, by now.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise BackupError("it is longer than any backup")
    return content.decode()


def _write(directory: str, name: str, text: str) -> None:
    """Make a file that is there as a whole or not at all, whatever happens meanwhile."""
    path = os.path.join(directory, name)
    unfinished = path + _UNFINISHED
    try:
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except OSError:
        with suppress(OSError):
            os.unlink(unfinished)
        raise
    _flush_directory(directory)


def _flush_directory(path: str) -> None:
    # The name of a file is in its directory, and lost with it.
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _told(problems: Sequence[str]) -> str:
    more = f" | and {len(problems) - _MOST_PROBLEMS_TOLD} more" if len(problems) > _MOST_PROBLEMS_TOLD else ""
    told = " | ".join(problems[:_MOST_PROBLEMS_TOLD])
    return f"not every file there is a backup: {told}{more}. To do: take them out, or name the backups that are meant"
