# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Which backup of a repository is meant, where there are several, and what to know about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from os.path import isdir

from .._iam.document import Policy, PolicyComparison, parse
from .._registry import REPOSITORY
from .._repository_names import select
from .._text import message
from .backup_reader import Saved, doubts
from .backups import BackupError
from .options import WRITTEN, RestoreRequest
from .safe_paths import shown

MAX_RUNS_SHOWN = 10
MAX_NAMES_SHOWN = 5


def chosen_backups(here: Sequence[Saved], request: RestoreRequest, partition: str) -> dict[str, Saved]:
    """Return the backup that is meant of each repository that is asked for, and of what else has a policy.

    Args:
        here: All backups of the registry, of the kinds that are asked for.
        request: What is asked for.
        partition: That of the registry.

    Raises:
        BackupError: It is not clear which is meant.
    """
    by_name = _by_name(here)
    others = sorted(name for name, found in by_name.items() if found[0].backup.kind != REPOSITORY)
    repositories = [name for name in by_name if name not in others]
    names = [*(name for name in select(request.repositories, repositories).names if name in by_name), *others]
    choose = _latest if request.to == WRITTEN else _only
    chosen = {name: choose(by_name[name]) for name in names}
    for saved in chosen.values():
        backup = saved.backup
        if backup.partition != partition:
            raise BackupError(
                f"{saved.path} says that {backup.region} is in the partition {backup.partition}, and it is in "
                f"{partition}"
            )
    return chosen


def notes(
    saved: Sequence[Saved],
    here: Sequence[Saved],
    chosen: Mapping[str, Saved],
    request: RestoreRequest,
    partition: str,
) -> tuple[str, ...]:
    """Return what a person should know about the backups that were meant, a sentence each.

    Args:
        saved: All backups that were found.
        here: Those of the registry.
        chosen: Those that were meant.
        request: What is asked for.
        partition: That of the registry.
    """
    # Whoever names a file knows that it is one policy.
    lacking = _lacking(saved, chosen) if isdir(request.backup_path) else ()
    hidden = _hidden(here, chosen, PolicyComparison(partition)) if request.to == WRITTEN else ()
    return tuple(map(message, (*lacking, *hidden)))


def _lacking(saved: Sequence[Saved], chosen: Mapping[str, Saved]) -> Iterator[str]:
    used = {found.directory for found in chosen.values()}
    by_reason: dict[str, list[str]] = {}
    for path, why in sorted(doubts(saved).items()):
        if path in used:
            by_reason.setdefault(why, []).append(shown(path))
    for why, paths in by_reason.items():
        yield f"A backup may not be whole, and what it lacks is left as it is: {_first(paths)}: {why}."


def _hidden(here: Sequence[Saved], chosen: Mapping[str, Saved], comparison: PolicyComparison) -> Iterator[str]:
    by_name = _by_name(here)
    names = [name for name, found in chosen.items() if _hides_a_run(found, by_name[name], comparison)]
    if names:
        yield (
            f"The latest backup of {_first(names)} is a snapshot of another policy than the one that the run before it "
            "wrote, and the snapshot counts. If it was made after the damage, name the directory of the run that is "
            "meant."
        )


def _first(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - MAX_NAMES_SHOWN} more" if len(texts) > MAX_NAMES_SHOWN else ""
    return f"{', '.join(texts[:MAX_NAMES_SHOWN])}{more}"


def _by_name(here: Sequence[Saved]) -> dict[str, list[Saved]]:
    by_name: dict[str, list[Saved]] = {}
    for found in here:
        by_name.setdefault(found.backup.name, []).append(found)
    return by_name


def _only(saved: Sequence[Saved]) -> Saved:
    """Return the only backup of a repository, since of several it is not clear how far to go back."""
    if len(saved) > 1:
        raise BackupError(
            f"there are {len(saved)} backups of {saved[0].backup.name}. Name the one that is meant, of "
            f"{_places(saved)}; to go back over several runs, restore the latest first."
        )
    return saved[0]


def _latest(saved: Sequence[Saved]) -> Saved:
    """Return the latest backup of a repository, also if its run failed for it: what an earlier run wrote may be access
    that the later one took away.
    """
    latest = max(map(_time, saved))
    found = [found for found in saved if _time(found) == latest]
    if len({one.backup.written for one in found}) > 1:
        raise BackupError(
            f"there are {len(found)} backups of {found[0].backup.name} from the same time, {found[0].backup.time}. "
            f"Name the one that is meant, of {_places(found)}."
        )
    return found[0]


def _time(saved: Saved) -> tuple[str, str]:
    # That of the policy is in whole seconds.
    return saved.backup.time, "" if saved.manifest is None else saved.manifest.time


def _places(saved: Sequence[Saved]) -> str:
    directories = sorted({found.directory for found in saved})
    choices = directories if len(directories) > 1 else [found.path for found in saved]
    earlier = f" and {len(choices) - MAX_RUNS_SHOWN} earlier ones" if len(choices) > MAX_RUNS_SHOWN else ""
    return f"{', '.join(choices[-MAX_RUNS_SHOWN:])}{earlier}"


def _hides_a_run(snapshot: Saved, saved: Sequence[Saved], comparison: PolicyComparison) -> bool:
    """Return whether a snapshot is of another policy than the one that the last run wrote."""
    runs = [found for found in saved if not found.backup.is_snapshot and found.confirmed is not False]
    if not snapshot.backup.is_snapshot or not runs:
        return False
    written = max(runs, key=_time).backup.written
    return not comparison.equal(parsed(snapshot.backup.written), parsed(written))


def parsed(text: str | None) -> Policy | None:
    """Return the policy that a backup has as a text."""
    return None if text is None else parse(text)
