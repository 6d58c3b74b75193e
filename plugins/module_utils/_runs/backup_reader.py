# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.


"""Backups on disk, as they are read again. The rules are in backups."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from .backups import (
    MANIFEST_NAME,
    UNFINISHED_SUFFIX,
    Backup,
    BackupError,
    Manifest,
    from_text,
    manifest_from_text,
    problem_with_path,
)
from .safe_paths import Trust, UnsafePathError, look, resolve, shown, trust

_EARLIER = re.compile(r"\.json\.[0-9]+$")
# Two policies, each character of which may be an escape of six.
MAX_FILE_SIZE = 1 << 20
# As many names as AWS allows in a registry, a hundred thousand.
MAX_MANIFEST_SIZE = 1 << 25
MAX_PROBLEMS_SHOWN = 5
# Of folders below the one that is named. Runs make three at most.
MAX_DEPTH = 32


@dataclass(frozen=True)
class Saved:
    """A backup, and the file that it is in.

    Args:
        path: That of the file.
        backup: The backup.
        manifest: That of its directory; None where there is none.
    """

    path: str
    backup: Backup
    manifest: Manifest | None = None

    @property
    def directory(self) -> str:
        """Where its file is."""
        return os.path.dirname(self.path)

    @property
    def confirmed(self) -> bool | None:
        """Whether the run did what it saved this for; None where nobody knows, because it did not come to its end."""
        if self.manifest is None or self.manifest.repositories is None:
            return None
        return self.backup.name not in self.manifest.failed


@dataclass(frozen=True)
class BackupDirectory:
    """What is in a directory, without those below it.

    Args:
        path: Where it is.
        manifest: Its manifest; None where it has none that can be used.
        saved: Its backups.
        problems: What keeps it from being restored.
    """

    path: str
    manifest: Manifest | None
    saved: tuple[Saved, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True)
class _Entry:
    """A file or folder, and what it is: a backup, a manifest, or a text with what is wrong with it."""

    directory: str
    path: str
    found: Backup | Manifest | str


def find(path: str) -> tuple[Saved, ...]:
    """Return the backups in a file, or in a directory and below it, in the order of their paths.

    A file that a run left unfinished is passed over: nothing was written to AWS for its policy.

    Args:
        path: An absolute path.

    Raises:
        BackupError: With every file that is not a backup, or that somebody else could have changed.
    """
    saved, _manifests, problems = _sorted_out(_entries(path))
    if problems:
        raise BackupError(_message([text for _directory, text in problems]))
    return tuple(saved)


def directories(path: str) -> tuple[BackupDirectory, ...]:
    """Return the directories with backups at a path and below it, in the order of their paths.

    Args:
        path: An absolute path.

    Raises:
        BackupError: It does not exist, or somebody else could change what is there.
    """
    saved, manifests, problems = _sorted_out(_entries(path))
    saved_in: dict[str, list[Saved]] = {}
    for found in saved:
        saved_in.setdefault(found.directory, []).append(found)
    wrong_in: dict[str, list[str]] = {}
    for directory, text in problems:
        wrong_in.setdefault(directory, []).append(text)
    return tuple(
        BackupDirectory(place, manifests.get(place), tuple(saved_in.get(place, ())), tuple(wrong_in.get(place, ())))
        for place in sorted(saved_in.keys() | manifests.keys() | wrong_in.keys())
    )


def doubts(saved: Sequence[Saved]) -> dict[str, str]:
    """Return why directories may not have all that they should, by their paths.

    Args:
        saved: All backups that are in them.
    """
    manifests = {found.directory: found.manifest for found in saved}
    names: dict[str, set[str]] = {}
    for found in saved:
        names.setdefault(found.directory, set()).add(found.backup.name)
    told = {directory: doubt(manifest, len(names[directory])) for directory, manifest in manifests.items()}
    return {directory: why for directory, why in told.items() if why is not None}


def doubt(manifest: Manifest | None, number: int) -> str | None:
    """Return why a directory may not have all that it should; None if it has.

    Args:
        manifest: Its manifest; None where it has none.
        number: Of how many repositories it has backups.
    """
    if manifest is None:
        return f"it has no {MANIFEST_NAME}, so nobody can tell whether it has all that its run saved"
    if manifest.repositories is None:
        return "its run did not come to its end: it was interrupted, or it still goes on"
    if manifest.repositories != number:
        return f"the number of its backups is {number}, and its run saved {manifest.repositories}"
    if manifest.failed:
        names = ", ".join(manifest.failed[:MAX_PROBLEMS_SHOWN])
        more = len(manifest.failed) - MAX_PROBLEMS_SHOWN
        return f"its run failed for {names}{f' and {more} more' if more > 0 else ''}"
    return None


def _sorted_out(
    entries: Sequence[_Entry],
) -> tuple[list[Saved], Mapping[str, Manifest], list[tuple[str, str]]]:
    """Return the backups, the manifests by their directories, and the directories and texts of problems."""
    manifests = {entry.directory: entry.found for entry in entries if isinstance(entry.found, Manifest)}
    saved: list[Saved] = []
    problems: list[tuple[str, str]] = []
    for entry in entries:
        found, manifest = entry.found, manifests.get(entry.directory)
        if isinstance(found, Backup) and manifest is not None and _place(found) != _place(manifest):
            found = f"it is of the registry {_place(found)}, and the {MANIFEST_NAME} beside it of {_place(manifest)}"
        if isinstance(found, Backup):
            saved.append(Saved(entry.path, found, manifest))
        elif isinstance(found, str):
            problems.append((entry.directory, f"{shown(entry.path)}: {found}"))
    return saved, manifests, problems


def _place(of: Backup | Manifest) -> str:
    return f"{of.registry_id} in {of.region} ({of.partition})"


def _entries(path: str) -> tuple[_Entry, ...]:
    """Read all that is at a path and below it. Raises BackupError if that cannot be begun."""
    why = problem_with_path(path)
    if why is not None:
        raise BackupError(why)
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
    entries = tuple(_read_entry(path, trusted))
    return entries if os.path.isdir(path) else (*entries, *_manifest_beside(path, trusted))


def _manifest_beside(path: str, trusted: Trust) -> Iterator[_Entry]:
    """Yield the manifest in the directory of a file, unless anything is wrong with it: it was not asked for."""
    beside = os.path.join(os.path.dirname(path), MANIFEST_NAME)
    if beside != path and os.path.lexists(beside):
        yield from (entry for entry in _read_entry(beside, trusted) if isinstance(entry.found, Manifest))


def _read_entry(path: str, trusted: Trust) -> Iterator[_Entry]:
    for file, why in _files(path, trusted):
        directory = os.path.dirname(file)
        if why is not None:
            yield _Entry(file if os.path.isdir(file) and not os.path.islink(file) else directory, file, why)
            continue
        try:
            yield _Entry(directory, file, _read(file))
        except OSError as error:
            yield _Entry(directory, file, error.strerror or str(error))
        except (BackupError, UnicodeDecodeError) as error:
            yield _Entry(directory, file, str(error))


def _files(path: str, trusted: Trust) -> Iterator[tuple[str, str | None]]:
    """Yield the files at a path and below it, in their order, but for unfinished and earlier ones.

    Args:
        path: Of a file or a directory.
        trusted: Whom to trust.

    Returns:
        Each with None; and what cannot be used, with the reason.
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
                yield found, None
            elif why is None and depth > MAX_DEPTH:
                why = f"it is more than {MAX_DEPTH} directories deep"
            elif why is None:
                names = [name for name in os.listdir(found) if not _is_passed_over(name)]
                waiting += [(os.path.join(found, name), depth + 1) for name in sorted(names, reverse=True)]
        except OSError as error:
            why = error.strerror
        if why is not None:
            yield found, why


def _is_passed_over(name: str) -> bool:
    return name.endswith(UNFINISHED_SUFFIX) or _EARLIER.search(name) is not None


def _read(path: str) -> Backup | Manifest:
    if os.path.basename(path) != MANIFEST_NAME:
        return from_text(_text(path, MAX_FILE_SIZE))
    text = _text(path, MAX_MANIFEST_SIZE)
    try:
        return manifest_from_text(text)
    except BackupError:
        # Before there were manifests, the backup of a repository of this name had it.
        try:
            return from_text(text)
        except BackupError:
            pass
        raise


def _text(path: str, most: int) -> str:
    # What was a file a moment ago may be a link, or a pipe that never ends, by now.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise BackupError("it is longer than any backup")
    return content.decode()


def _message(problems: Sequence[str]) -> str:
    more = f" | and {len(problems) - MAX_PROBLEMS_SHOWN} more" if len(problems) > MAX_PROBLEMS_SHOWN else ""
    first = " | ".join(problems[:MAX_PROBLEMS_SHOWN])
    return f"not every file there can be restored: {first}{more}. Take them out, or name the backups that are meant."
