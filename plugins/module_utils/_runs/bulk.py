# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Many repositories at a time: a result for each of them, whatever happens to the others or to the run."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from .._iam.document import PolicyError
from .._registry import EcrError, PolicyTarget, Registry, RepositoryMissingError
from .._repository_names import label_text
from .._text import message, quoted
from .backups import BackupError
from .results import RepositoryResult, Result

# The last says that the connection or the terminal is lost.
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# In seconds.
_SAME_INTERRUPT = 1.0


def run_each(
    targets: Sequence[PolicyTarget],
    work: Callable[[PolicyTarget], Result],
    *,
    result_type: type[Result],
    concurrency: int,
) -> tuple[Result, ...]:
    """Work on many repositories at the same time.

    Args:
        targets: Their policies.
        work: Returns what becomes of one. What it raises becomes a result, too.
        result_type: Makes the result of one that failed.
        concurrency: How many to work on at the same time.

    Returns:
        A result for each, in the order of the targets.
    """

    def work_on(target: PolicyTarget) -> Result:
        try:
            return work(target)
        except Exception as error:  # The surprise of one repository must not hide what was done to the others.
            return failed(result_type(target.label), error)

    with ThreadPoolExecutor(max_workers=concurrency) as workers:
        return tuple(workers.map(work_on, targets))


def failed(result: Result, error: Exception) -> Result:
    """Return a result with an error beside it."""
    name = label_text(result.name)
    if isinstance(error, EcrError):
        missing = isinstance(error, RepositoryMissingError)
        return replace(result, error=f"{name}: {error}", error_code=error.code, missing=missing)
    if isinstance(error, BackupError):
        return replace(result, error=f"{name}: {error}")
    if isinstance(error, PolicyError):
        return replace(result, error=f"{name}: policy not changed: {error}")
    text = (
        f"{name}: unexpected {type(error).__name__}: {error}. Check its policy, which may have been written if the "
        "task writes, and please report this to the collection imageshare.aws"
    )
    return replace(result, error=message(text))


def failed_names(results: Iterable[RepositoryResult]) -> list[str]:
    """Return the names of the repositories that there are, and of which not all was done that was asked for."""
    return [result.name for result in results if result.error is not None and not result.missing]


def place_of(registry: Registry) -> str:
    """Return what messages call a registry whose owner no answer has told."""
    owner = registry.requested_owner
    return f"{f'registry {owner}' if owner else 'the registry of these credentials'} in {registry.region}"


def nothing_matches(text: str, registry: Registry) -> str:
    """Return why a pattern has no repository, and what to do."""
    return f"no repository matches {quoted(text)} in {place_of(registry)}. Check it, the region and registry_id."


def allow_missing(results: Iterable[Result]) -> tuple[Result, ...]:
    """Return results in which no repository has failed because it is missing."""
    return tuple(replace(result, error=None, error_code=None) if result.missing else result for result in results)


def stop_on_signals(stop: Callable[[str], None]) -> None:
    """Let an interrupted run stop soon, so that it still returns what it has done.

    A second signal ends the process at once, unless it comes within a second: whoever ends a job may send one to all of
    its processes, and another to each.

    Args:
        stop: Takes the reason. It is called in the middle of whatever the main thread does, so it may take no lock.
    """
    first_at: list[float] = []

    def handle(number: int, _frame: object) -> None:
        if first_at:
            if time.monotonic() - first_at[0] > _SAME_INTERRUPT:
                signal.signal(number, signal.SIG_DFL)
                os.kill(os.getpid(), number)
            return
        first_at.append(time.monotonic())
        name = signal.Signals(number).name
        stop(f"interrupted by {name}; changes already made are kept. Run the task again.")

    # Only the main thread may set handlers.
    if threading.current_thread() is threading.main_thread():
        for number in _SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, handle)
