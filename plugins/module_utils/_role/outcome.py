# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Follow a plan: which of its runs can be done, and what they returned.

A run that cannot be done, because its role could not be assumed or its repositories could not be listed, has a result
with an error, so that the others are done all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from .._repository_names import select, template_label
from .._text import message, one_line
from .kinds import Kind
from .lists import Listing
from .plan import Plan, Purpose
from .run import Run, batches, narrowed

# A member of ecr_share_result.
Result = Mapping[str, Any]
Row = Mapping[str, Any]
# A registry in which every repository has drifted would fill the screen.
_MAX_ROWS_SHOWN = 20


class Selection(StrEnum):
    """Runs of a plan that a task of the role loops over."""

    LISTINGS = "listings"
    RUNS = "runs"
    READS = "reads"


@dataclass(frozen=True)
class Answer:
    """What the module of a run returned."""

    run: Run
    values: Mapping[str, Any]

    @property
    def error(self) -> str | None:
        """Return why it failed; None if it did not. Modules return a message only if they fail."""
        return message(f"{self.run.label}: {one_line(str(self.values['msg']))}") if "msg" in self.values else None


@dataclass(frozen=True)
class Prepared:
    """The runs that can be done, and the others, each with the reason."""

    ready: tuple[Run, ...]
    refused: tuple[tuple[Run, str], ...] = ()


def prepare(
    plan: Plan, selection: Selection, unusable: Mapping[int, str], listings: Sequence[Listing] = ()
) -> Prepared:
    """Return which runs can be done.

    Args:
        unusable: The numbers of connections whose role could not be assumed, each with the reason.
        listings: What is in the registries, as far as they were listed.
    """
    runs = {Selection.LISTINGS: plan.lists, Selection.RUNS: plan.runs, Selection.READS: plan.reads}[selection]
    ready = [run for run in runs if run.connection.number not in unusable]
    refused = [
        (run, message(f"{run.connection.label}: {one_line(str(unusable[run.connection.number]))}"))
        for run in runs
        if run.connection.number in unusable
    ]
    if selection is Selection.READS:
        whole = plan.purpose == Purpose.SNAPSHOT
        return Prepared(tuple(_for_reading(ready, listings, whole=whole)), tuple(refused))
    if selection is Selection.RUNS and plan.purpose != Purpose.RESTORE:
        found: list[Run] = []
        for run in ready:
            if run.kind != Kind.REPOSITORIES:
                # It is for whatever will be there.
                found.append(run)
                continue
            listing = _listing(run, listings)
            if listing is None or listing.names is not None:
                there = run if listing is None else narrowed(run, listing.names or ())
                parts = batches(there, plan.batch_size) if plan.batch_size > 0 else (there,)
                found += [part for part in parts if part.repositories]
            elif plan.batch_size > 0:
                refused.append((run, message(f"{run.label}: {one_line(str(listing.error))}")))
            else:
                # With names alone, it need not be allowed to list repositories.
                found.append(run)
        ready = found
    return Prepared(tuple(ready), tuple(refused))


def _for_reading(runs: Iterable[Run], listings: Sequence[Listing], *, whole: bool) -> Iterator[Run]:
    """Yield runs that read, with what of them there is.

    Args:
        runs: The runs.
        listings: What is in the registries.
        whole: Whether what is for a whole registry stays so: a snapshot of names has no policy of the registry.
    """
    for run in runs:
        listing = _listing(run, listings)
        is_whole = whole and "*" in (run.repositories or "*")
        if listing is None or listing.names is None or is_whole:
            yield run
            continue
        there = frozenset(listing.names)
        names = tuple(name for name in select(run.repositories or ("*",), listing.names).names if name in there)
        if names:
            yield replace(run, repositories=names)
        elif "*" in (run.repositories or "*"):
            # The policy of an empty registry is read all the same.
            yield run


def _listing(run: Run, listings: Iterable[Listing]) -> Listing | None:
    return next((listing for listing in listings if listing.key == run.key), None)


def results(
    plan: Plan, unusable: Mapping[int, str], listings: Sequence[Listing], done: Iterable[Answer]
) -> tuple[Result, ...]:
    """Return ecr_share_result: what came of each run, also of those that could not be done.

    Args:
        unusable: The numbers of connections whose role could not be assumed, each with the reason.
        listings: What is in the registries, as far as they were listed.
        done: What the runs returned that share, restore, or compare.
    """
    order = [run.key for run in (*plan.runs, *plan.reads)]
    planned = {run.key for run in plan.runs}
    refused = [
        *prepare(plan, Selection.RUNS, unusable, listings).refused,
        *(each for each in prepare(plan, Selection.READS, unusable).refused if each[0].key not in planned),
    ]
    found = [(run, _result(run, {}, error)) for run, error in refused]
    # Without runs to do, those are of another plan.
    found += [(answer.run, _result(answer.run, answer.values, answer.error)) for answer in done if plan.runs]
    return tuple(result for _run, result in sorted(found, key=lambda each: order.index(each[0].key)))


def _result(run: Run, values: Mapping[str, Any], error: str | None) -> Result:
    return {
        "registry": run.registry,
        "connection": run.connection.label,
        "label": run.label,
        "kind": run.kind,
        "region": run.region,
        "registry_id": run.registry_id,
        "changed": bool(values.get("changed")),
        "summary": values.get("summary", {}),
        "repositories": _rows(run, values),
        "backup_path": values.get("backup_path"),
        "registry_policy": values.get("registry_policy"),
        "error": error,
    }


def _rows(run: Run, values: Mapping[str, Any]) -> list[Row]:
    """Return the rows of a run, each with the name of what it is of."""
    if run.kind == Kind.REGISTRY:
        return [values["registry"]] if "registry" in values else []
    if run.kind == Kind.TEMPLATES:
        rows = [{**row, "name": template_label(row["prefix"])} for row in values.get("templates", [])]
        # All templates may be none.
        return [row for row in rows if not (row.get("missing") and row["prefix"] == "*")]
    return list(values.get("repositories", []))
