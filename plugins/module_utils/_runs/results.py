# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""What a run says of itself: a row for each repository, their sum, and what deserves a warning or a failure."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from .._errors import SUMMARIES, PolicyWarning
from .._iam.document import Policy, PolicyComparison
from .._sharing.merge import Change, Merged

Row = Mapping[str, Any]
# The policy before and after, as Ansible shows them.
Diff = Mapping[str, str]
_MOST_ERRORS_TOLD = 5


@dataclass(frozen=True)
class Outcome:
    """What became of one repository. diff: None where nothing changed, or none was asked for."""

    row: Row
    diff: Diff | None = None


@dataclass(frozen=True)
class Result:
    """rows: one a repository, in the order asked for. diffs: before and after of each changed one. backup: the path of
    the directory that the policies from before were saved in, None where none was.
    """

    rows: tuple[Row, ...]
    diffs: tuple[Diff, ...]
    backup: str | None = None

    @property
    def changed(self) -> bool:
        return any(row["changed"] for row in self.rows)

    @property
    def failures(self) -> tuple[str, ...]:
        """What to tell of the repositories that failed: the first few in full."""
        errors = [row["error"] for row in self.rows if "error" in row]
        more = [f"and {len(errors) - _MOST_ERRORS_TOLD} more"] if len(errors) > _MOST_ERRORS_TOLD else []
        return (*errors[:_MOST_ERRORS_TOLD], *more)

    @property
    def message(self) -> str:
        """What a task says that fails because repositories did."""
        failed, all_of_them = sum("error" in row for row in self.rows), len(self.rows)
        others = ", the others are done" if failed < all_of_them else ""
        return f"{failed} of {all_of_them} repositories failed{others}. {' | '.join(self.failures)}"

    def report(self, *, diff: bool) -> dict[str, Any]:
        """What a task returns. diff: whether diffs are asked for."""
        report: dict[str, Any] = {"changed": self.changed, "repositories": list(self.rows), "summary": self.summary}
        if self.backup is not None:
            report["backup_path"] = self.backup
        if diff:
            report["diff"] = list(self.diffs)
        return report

    @property
    def summary(self) -> dict[str, int]:
        counts = {
            "repositories": len(self.rows),
            "changed": sum(row["changed"] for row in self.rows),
            "missing": sum("missing" in row for row in self.rows),
            "failed": sum("error" in row for row in self.rows),
            "warnings": sum(len(row["warnings"]) for row in self.rows),
        }
        counts["unchanged"] = counts["repositories"] - counts["changed"] - counts["missing"] - counts["failed"]
        return counts

    @property
    def warnings(self) -> tuple[str, ...]:
        """One sentence for each kind of warning, with the number of repositories and an example."""
        found: dict[str, list[str]] = {}
        for row in self.rows:
            for kind, message in {warning["kind"]: warning["message"] for warning in reversed(row["warnings"])}.items():
                found.setdefault(kind, []).append(message)
        return tuple(
            f"{len(found[kind])} of {len(self.rows)} repositories {what} (see the warnings in their rows). The first: "
            f"{found[kind][0]}"
            for kind, what in SUMMARIES.items()
            if kind in found
        )


def row(name: str, warnings: Sequence[PolicyWarning] = (), merged: Merged | None = None, **more: Any) -> Row:
    """The row of one repository. merged: what was done, or would be; None where nothing was. more: further members."""
    result = {
        "name": name,
        "changed": bool(merged and merged.changed),
        "granted": _changes(merged.granted if merged else ()),
        "revoked": _changes(merged.revoked if merged else ()),
        "warnings": [_warning(warning) for warning in warnings],
        **more,
    }
    if merged and merged.changed:
        result["policy"] = merged.policy
    if merged and merged.unmanaged_values:
        result["unmanaged_values"] = [asdict(value) for value in merged.unmanaged_values]
    return result


def outcome(
    name: str,
    warnings: Sequence[PolicyWarning],
    before: Policy | None,
    merged: Merged,
    *,
    partition: str,
    diff: bool,
) -> Outcome:
    """What became of a repository whose policy was the one before. diff: whether to tell both policies."""
    shown = None
    if merged.changed and diff:
        shown = {
            "before_header": name,
            "before": _shown(before, partition),
            "after_header": name,
            "after": _shown(merged.policy, partition),
        }
    return Outcome(row(name, warnings, merged), shown)


def warned(outcome: Outcome, warning: PolicyWarning) -> Outcome:
    """What became of a repository, with one more warning."""
    warnings = [*outcome.row["warnings"], _warning(warning)]
    return replace(outcome, row={**outcome.row, "warnings": warnings})


def _warning(warning: PolicyWarning) -> dict[str, Any]:
    return {**asdict(warning), "principals": list(warning.principals)}


def _changes(changes: Sequence[Change]) -> list[dict[str, Any]]:
    return [
        {
            "principal": change.principal,
            "access": list(change.access),
            "lambda_regions": list(change.lambda_regions),
        }
        for change in changes
    ]


def _shown(policy: Policy | None, partition: str) -> str:
    # All repositories may have had the same policy, and get the same: their texts need to be in memory only once.
    return sys.intern(PolicyComparison(partition).pretty(policy))
