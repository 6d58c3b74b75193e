# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""The runs whose backups are in a directory, the newest first."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from .backup_reader import MAX_PROBLEMS_SHOWN, BackupDirectory, directories, doubt


@dataclass(frozen=True)
class ListedRun:
    """A directory with backups, and what it says of the run that made it.

    Args:
        path: The directory.
        kind: What the run did; None where nothing says it.
        time: When the directory was made, or its first backup where nothing says that.
        registry_id: The account that owns the registry; None where there are several.
        region: That of the registry; None likewise.
        repositories: How many have a backup in it.
        collection_version: The version of the collection that made it; None where nothing says it.
        complete: Whether the run did all that it was asked for, and all that it saved is there; None where nothing says
            it.
        restorable: Whether it can be restored.
        problem: Why it is not complete, or cannot be restored; None for neither.
    """

    path: str
    kind: str | None
    time: str | None
    registry_id: str | None
    region: str | None
    repositories: int
    collection_version: str | None
    complete: bool | None
    restorable: bool
    problem: str | None

    def to_dict(self) -> dict[str, Any]:
        """Return it in plain values."""
        return asdict(self)


def list_runs(path: str, *, registry_id: str | None = None, region: str | None = None) -> tuple[ListedRun, ...]:
    """Return the runs whose backups are at a path and below it, the newest first.

    Args:
        path: An absolute path.
        registry_id: Only those of this account, and those of which that is not known; None for all.
        region: Likewise.

    Raises:
        BackupError: It does not exist, or somebody else could change what is there.
    """
    listed = [_listed(directory) for directory in directories(path)]
    wanted = [run for run in listed if run.registry_id in (None, registry_id) or registry_id is None]
    wanted = [run for run in wanted if run.region in (None, region) or region is None]
    return tuple(sorted(wanted, key=lambda run: (run.time or "", run.path), reverse=True))


def _listed(directory: BackupDirectory) -> ListedRun:
    manifest, backups = directory.manifest, [saved.backup for saved in directory.saved]
    number = len({backup.name for backup in backups})
    known = backups if manifest is None else [manifest]
    why = doubt(manifest, number) if known else None
    return ListedRun(
        path=directory.path,
        kind=None if manifest is None else manifest.kind,
        time=min((one.time for one in known), default=None),
        registry_id=_one({one.registry_id for one in known}),
        region=_one({one.region for one in known}),
        repositories=number,
        collection_version=None if manifest is None else manifest.collection_version,
        complete=None if manifest is None else why is None and not directory.problems,
        restorable=bool(backups) and not directory.problems,
        problem=" | ".join(_first(directory.problems)) or why,
    )


def _one(values: set[str]) -> str | None:
    return next(iter(values)) if len(values) == 1 else None


def _first(problems: tuple[str, ...]) -> list[str]:
    more = len(problems) - MAX_PROBLEMS_SHOWN
    return [*problems[:MAX_PROBLEMS_SHOWN], *([f"and {more} more"] if more > 0 else [])]
