# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Backups of policies on disk: a directory for each run, a file for each policy, and how they are read again.

Rules
-----
- A backup is on disk, and outlasts a crash of the machine, before the policy that it is of is replaced.
- A file is there as a whole or not at all. One that a run left unfinished has a name of its own, and is passed over.
- A directory is used only if every file in it is a backup, so that nothing is begun with a part of them.
- What others could have changed is no backup: see safe_paths.
- What was published once is read for ever, so another format gets another number.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import stat
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from hashlib import sha256
from itertools import count
from typing import Any

from .._iam.document import MAX_LENGTH, PolicyError, parse, serialise
from .._registry import PolicyTarget
from .._repository_names import is_name
from .._text import message as visible_message
from .safe_paths import (
    Trust,
    UnsafePathError,
    look,
    make_directories,
    make_directory,
    resolve,
    shown,
    trust,
)

FORMAT = 1

# What has a policy, and whether a text is the name of such a thing.
KINDS: Mapping[str, Callable[[str], bool]] = {"repository": is_name}
# Most file systems take 255 bytes.
MAX_PLAIN_NAME_LENGTH = 200
UNFINISHED_SUFFIX = ".unfinished"
_EARLIER = re.compile(r"\.json\.[0-9]+$")
# Two policies, each character of which may be an escape of six.
MAX_FILE_SIZE = 1 << 20
MAX_PROBLEMS_SHOWN = 5
# Of folders below the one that is named. Runs make three at most.
MAX_DEPTH = 32
TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
_MEMBERS = {
    "partition": re.compile(r"[a-z]+(?:-[a-z]+)*"),
    "registry_id": re.compile(r"[0-9]{12}"),
    "region": re.compile(r"[a-z]+(?:-[a-z]+)*-[0-9]+"),
    "time": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"),
}


class BackupError(Exception):
    """A backup cannot be saved, or cannot be used. The message says which, why, and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(visible_message(message))


@dataclass(frozen=True)
class Backup:
    """A policy as it was before a run wrote.

    Args:
        kind: What has the policy, a key of KINDS.
        partition: That of the registry.
        registry_id: The 12-digit account that owns the registry.
        region: That of the registry.
        name: Such as that of the repository.
        time: In UTC, such as C(2026-01-31T12:00:00Z).
        policy: The text as AWS returned it; None for none.
        written: The text that was about to be sent; None where the policy was about to be deleted.
    """

    kind: str
    partition: str
    registry_id: str
    region: str
    name: str
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

    May be used by several threads.

    Args:
        parent: The directory that holds those of all runs; it is made as well.
        partition: That of the registry.
        region: That of the registry.
        now: Returns the time.
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

    def save(self, target: PolicyTarget, registry_id: str, *, policy: str | None, written: str | None) -> None:
        """Bring a backup to disk, so that it outlasts even a crash of the machine.

        Args:
            target: Which policy.
            registry_id: The account that owns the registry.
            policy: The text as AWS returned it; None for none.
            written: The text that is about to be sent; None where the policy is about to be deleted.

        Raises:
            BackupError: It could not be saved.
        """
        backup = Backup(
            kind=target.kind,
            partition=self._partition,
            registry_id=registry_id,
            region=self._region,
            name=target.label,
            time=self._now().strftime(TIME_FORMAT),
            policy=policy,
            written=written,
        )
        try:
            _write(self._directory(), file_name(backup.kind, backup.name), to_text(backup))
        except (OSError, UnsafePathError) as error:
            raise BackupError(
                f"could not save a backup of its policy: {error}. So the policy was not written. Check backup_dir."
            ) from error
        self._used = True

    def _directory(self) -> str:
        with self._lock:
            if self._made is None:
                make_directories(self._parent)
                # Somebody else may have made one of them since it was looked at.
                resolve(self._parent, trust(), above=True)
                stamp = self._now().strftime("%Y%m%dT%H%M%SZ")
                path = os.path.join(self._parent, f"{stamp}-{self._region}-{secrets.token_hex(4)}")
                make_directory(path)
                _flush_directory(self._parent)
                self._made = path
            return self._made


def file_name(kind: str, name: str) -> str:
    """Return the name of the file for a policy: distinct for distinct names, and of at most 255 bytes.

    No name of a repository has two of C(. _ -) beside each other, so C(__) stands for C(/), and C(--) for a cut.

    Args:
        kind: What has the policy.
        name: Its name.
    """
    if not KINDS[kind](name):
        raise BackupError(f'"{name}" is not the name of a {kind}, so no backup can be named for it')
    plain = name.replace("/", "__")
    if len(plain) > MAX_PLAIN_NAME_LENGTH:
        plain = f"{plain[: MAX_PLAIN_NAME_LENGTH - 66]}--{sha256(name.encode()).hexdigest()}"
    return f"{plain}.json"


def to_text(backup: Backup) -> str:
    """Return a backup as its file has it."""
    return json.dumps({"format": FORMAT, **asdict(backup)}, indent=2) + "\n"


def from_text(text: str) -> Backup:
    """Return the backup that a file has. Raises BackupError for anything that to_text() has not written."""
    try:
        document = json.loads(text, object_pairs_hook=_unique_keys)
    except (ValueError, RecursionError):
        raise BackupError("it is not valid JSON") from None
    if not isinstance(document, dict):
        raise BackupError("it is not a JSON object")
    version = document.pop("format", None)
    if version.__class__ is not int or version != FORMAT:
        raise BackupError(f"it is not a backup of a policy in format {FORMAT}")
    names = {field.name for field in fields(Backup)}
    if document.keys() != names:
        raise BackupError(f"its members are not format and {', '.join(sorted(names))}")
    for name, value in document.items():
        _check(name, value)
    if not KINDS[document["kind"]](document["name"]):
        raise BackupError(f"its name is not that of a {document['kind']}: {document['name'][:40]!a}")
    return Backup(**document)


def find(path: str) -> tuple[Saved, ...]:
    """Return the backups in a file, or in a directory and below it, in the order of their paths.

    A file that a run left unfinished is passed over: nothing was written to AWS for its policy.

    Raises:
        BackupError: With every file that is not a backup, or that somebody else could have changed.
    """
    if not _is_path(path):
        raise BackupError(f"{path!a} is not a valid path")
    trusted = trust()
    try:
        path = os.path.abspath(path)
        if os.path.islink(path):
            raise BackupError(f"{shown(path)} is a link. Name what it leads to.")
        path = resolve(path, trusted)
    except UnsafePathError as error:
        raise BackupError(f"{error}. Otherwise do not restore what is there.") from None
    except OSError as error:
        raise BackupError(f"{shown(path)[:200]}: {error.strerror}") from None
    if not os.path.lexists(path):
        raise BackupError(f"{shown(path)} does not exist")
    saved: list[Saved] = []
    problems: list[str] = []
    for file in _files(path, trusted, problems):
        try:
            saved.append(Saved(file, from_text(_read(file))))
        except OSError as error:
            problems.append(f"{shown(file)}: {error.strerror}")
        except (BackupError, UnicodeDecodeError) as error:
            problems.append(f"{shown(file)}: {error}")
    if problems:
        raise BackupError(_message(problems))
    return tuple(saved)


def problem_with_directory(path: str) -> str | None:
    """Return why no directory for backups can be used or made at a path; None if it can, as far as can be seen."""
    if not _is_path(path):
        return f"{path!a} is not a valid path"
    path = nearest = os.path.abspath(path)
    while not os.path.lexists(nearest):
        nearest = os.path.dirname(nearest)
    if not os.path.isdir(nearest):
        return f"{shown(nearest)} is not a directory"
    try:
        resolve(path, trust(), above=True)
    except UnsafePathError as error:
        return f"what is saved there could not be restored. {error}"
    except OSError as error:
        return f"{shown(path)[:200]}: {error.strerror}"
    return None if os.access(nearest, os.W_OK | os.X_OK) else f"{shown(nearest)} cannot be written to"


def _is_path(text: str) -> bool:
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return bool(text) and "\0" not in text


def _check(name: str, value: Any) -> None:
    if name in ("policy", "written"):
        if value is not None:
            _check_policy(name, value)
    elif not isinstance(value, str):
        raise BackupError(f"its {name} is not a text")
    elif not (value in KINDS if name == "kind" else name == "name" or _MEMBERS[name].fullmatch(value)):
        raise BackupError(f"its {name} is not valid: {value[:40]!a}")


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


def _files(path: str, trusted: Trust, problems: list[str]) -> Iterator[str]:
    """Yield the files at a path and below it, in their order, but for unfinished and earlier ones.

    Args:
        path: Of a file or a directory.
        trusted: Whom to trust.
        problems: What is neither, or could have been changed by somebody else, is added to these.
    """
    # The last of them is next. A tree may be deeper than Python can call itself.
    waiting = [(path, 0)]
    while waiting:
        found, depth = waiting.pop()
        try:
            entry = look(found)
            if not stat.S_ISDIR(entry.mode) and not stat.S_ISREG(entry.mode):
                why: str | None = "it is a link, or not a file"
            else:
                why = trusted.problem(entry)
            if why is None and stat.S_ISREG(entry.mode):
                yield found
            elif why is None and depth > MAX_DEPTH:
                why = f"it is more than {MAX_DEPTH} directories deep"
            elif why is None:
                names = [name for name in os.listdir(found) if not _is_passed_over(name)]
                waiting += [(os.path.join(found, name), depth + 1) for name in sorted(names, reverse=True)]
        except OSError as error:
            why = error.strerror
        if why is not None:
            problems.append(f"{shown(found)}: {why}")


def _is_passed_over(name: str) -> bool:
    return name.endswith(UNFINISHED_SUFFIX) or _EARLIER.search(name) is not None


def _read(path: str) -> str:
    # What was a file a moment ago may be a link, or a pipe that never ends, by now.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        content = file.read(MAX_FILE_SIZE + 1)
    if len(content) > MAX_FILE_SIZE:
        raise BackupError("it is longer than any backup")
    return content.decode()


def _write(directory: str, name: str, text: str) -> None:
    """Make a file that is there as a whole or not at all, whatever happens meanwhile.

    A run that writes a policy again, because somebody else has overwritten it, saves what it replaces each time. The
    last is what undoes the run. An earlier one is kept beside it, under a name with a number.
    """
    path = os.path.join(directory, name)
    unfinished = path + UNFINISHED_SUFFIX
    try:
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            # The umask may have taken from it what its owner needs.
            os.fchmod(file.fileno(), 0o600)
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        if os.path.lexists(path):
            number = next(number for number in count(1) if not os.path.lexists(f"{path}.{number}"))
            os.link(path, f"{path}.{number}", follow_symlinks=False)
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


def _message(problems: Sequence[str]) -> str:
    more = f" | and {len(problems) - MAX_PROBLEMS_SHOWN} more" if len(problems) > MAX_PROBLEMS_SHOWN else ""
    first = " | ".join(problems[:MAX_PROBLEMS_SHOWN])
    return f"not every file there can be restored: {first}{more}. Take them out, or name the backups that are meant."
