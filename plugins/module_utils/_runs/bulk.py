# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Many repositories at a time: a row for each of them, whatever happens to the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from .._errors import PolicyWarning
from .._iam.document import PolicyError
from .._registry import EcrError, RepositoryMissingError
from .backups import BackupError
from .results import Outcome, Result, Row, row

# Works on the repository of a name. The warnings that it adds to the list are told even if it raises.
Work = Callable[[str, list[PolicyWarning]], Outcome]
# Makes the row of a repository that failed or is missing: of its name, the warnings, and C(error) or C(missing).
MakeRow = Callable[..., Row]
# Looks at the repository of a name once more, after the outcome of the work. Returns the last one.
Look = Callable[[str, Outcome], Outcome]


def run_each(
    names: Sequence[str],
    work: Work,
    unmatched: Iterable[tuple[str, str]],
    *,
    concurrency: int,
    missing_ok: bool,
    warn_of_unmatched: bool = False,
    make_row: MakeRow = row,
    look: Look | None = None,
) -> Result:
    """What became of each repository, in the order of the names; an error is a row, too.

    unmatched: repositories or patterns that there is none of, and why; they come last.
    concurrency: how many to work on at the same time. missing_ok: whether a repository may be missing.
    warn_of_unmatched: whether to warn of what is unmatched where that is no failure.
    look: what to do in the end, when the work on all is done, with each that has changed.
    """
    with ThreadPoolExecutor(max_workers=concurrency) as workers:
        outcomes = list(workers.map(lambda name: _run_one(name, work, missing_ok, make_row), names))
        if look:
            outcomes = list(workers.map(lambda name, outcome: _look_at(name, outcome, look), names, outcomes))
    rows = [outcome.row for outcome in outcomes]
    for text, why in unmatched:
        warnings = (
            [PolicyWarning("pattern_not_matched", f"{text}: {why}", repository=text)] if warn_of_unmatched else []
        )
        rows.append(_missing(text, why, missing_ok, make_row, warnings))
    return Result(tuple(rows), tuple(outcome.diff for outcome in outcomes if outcome.diff))


def _look_at(name: str, outcome: Outcome, look: Look) -> Outcome:
    if not outcome.row["changed"]:
        return outcome
    return _run_one(name, lambda *_: look(name, outcome), missing_ok=False, make_row=row)


def _run_one(name: str, work: Work, missing_ok: bool, make_row: MakeRow) -> Outcome:
    warnings: list[PolicyWarning] = []
    try:
        return work(name, warnings)
    except RepositoryMissingError as error:
        return Outcome(_missing(name, str(error), missing_ok, make_row))
    except (BackupError, EcrError) as error:
        return Outcome(make_row(name, warnings, error=f"{name}: {error}"))
    except PolicyError as error:
        return Outcome(make_row(name, warnings, error=f"{name}: its policy is left alone, because {error}"))
    except Exception as error:  # One repository's surprise must not hide what was done to the others.
        text = (
            f"{name}: unexpected {type(error).__name__}: {error}. Look at its policy, which may have been written "
            "if the task writes, and please report this to the collection imageshare.aws"
        )
        return Outcome(make_row(name, warnings, error=text))


def _missing(name: str, why: str, missing_ok: bool, make_row: MakeRow, warnings: Sequence[PolicyWarning] = ()) -> Row:
    return make_row(name, warnings, missing=True) if missing_ok else make_row(name, error=why)
