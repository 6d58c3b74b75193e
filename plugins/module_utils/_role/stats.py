# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""What a play did or found, as numbers alone, for programs that know a job by what it hands on.

Controllers keep these and hand them to the next job. So there is no name and no foreign text in them: their members are
words of this file, the kinds of warnings, and those of findings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .audited import AuditedRegistry
from .finding import Finding
from .kinds import Kind, kind_of
from .summary import RegistryRun, rows_of, warned

Stats = Mapping[str, Any]
_MEMBERS = {Kind.REPOSITORIES: "repositories", Kind.REGISTRY: "registry_policies", Kind.TEMPLATES: "templates"}


def stats_of_runs(runs: Sequence[RegistryRun], *, check_mode: bool) -> Stats:
    """Return what came of runs that write, or in check mode would come of them."""
    rows = [row for run in runs for row in rows_of(run)]
    return {
        "check_mode": check_mode,
        "registries": len({run.registry for run in runs}),
        "failed_registries": len({run.registry for run in runs if run.result["error"]}),
        **_by_kind(str(row["name"]) for row in rows),
        "changed": sum(bool(row["changed"]) for row in rows),
        "failed": sum("error" in row for row in rows),
        "warnings": _certain_and_possible(
            (kind, not possible) for (possible, kind), members in warned(runs, check_mode).items() for _one in members
        ),
    }


def stats_of_audit(
    registries: Sequence[AuditedRegistry], found: Sequence[Finding], *, failed: Iterable[str], failing: int
) -> Stats:
    """Return what an audit found.

    Args:
        registries: What it read.
        found: All findings.
        failed: The registries that could not be read, or not in all; some may be there several times.
        failing: How many findings make it fail.
    """
    return {
        "registries": len(registries),
        "failed_registries": len(set(failed)),
        **_by_kind(str(row["name"]) for registry in registries for row in registry.rows),
        "findings": _certain_and_possible((one.kind, one.certain) for one in found if one.accepted is None),
        "accepted": sum(one.accepted is not None for one in found),
        "failing": failing,
    }


def added(first: Stats, second: Stats) -> Stats:
    """Return the sum of what two plays of one run did. What holds for one of them holds for the run."""
    return {name: _sum(first.get(name), second.get(name)) for name in (*first, *(set(second) - set(first)))}


def _sum(first: Any, second: Any) -> Any:
    if first is None or second is None:
        return second if first is None else first
    if isinstance(first, Mapping):
        return added(first, second)
    return first or second if isinstance(first, bool) else first + second


def _by_kind(names: Iterable[str]) -> dict[str, int]:
    kinds = [kind_of(name) for name in names]
    return {member: kinds.count(kind) for kind, member in _MEMBERS.items()}


def _certain_and_possible(found: Iterable[tuple[str, bool]]) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for kind, certain in found:
        counts.setdefault(kind, {"certain": 0, "possible": 0})["certain" if certain else "possible"] += 1
    return counts
