# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Follow a plan: which of its runs can be done, what they returned, and what the role says of it.

A run that cannot be done, because its role could not be assumed or its repositories could not be listed, has a result
with an error, so that the others are done all the same.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Any

from .._errors import InvalidInputError
from .._text import message, one_line, quoted, word, words
from .plan import Plan, Run, batches, needs_listing

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


@dataclass(frozen=True)
class Verdict:
    """What an audit says.

    Args:
        lines: For people.
        failure: Why the role fails; empty if it does not.
    """

    lines: tuple[str, ...]
    failure: str


def prepare(plan: Plan, selection: Selection, unusable: Mapping[int, str], listed: Iterable[Answer] = ()) -> Prepared:
    """Return which runs can be done.

    Args:
        unusable: The numbers of connections whose role could not be assumed, each with the reason.
        listed: The repositories of the runs that need_listing() returns.
    """
    runs = {
        Selection.LISTINGS: needs_listing(plan),
        Selection.RUNS: plan.runs,
        Selection.READS: plan.reads,
    }[selection]
    ready = tuple(run for run in runs if run.connection.number not in unusable)
    refused = tuple(
        (run, message(f"{run.connection.label}: {one_line(str(unusable[run.connection.number]))}"))
        for run in runs
        if run.connection.number in unusable
    )
    if selection is Selection.RUNS and plan.batch_size > 0:
        return _split(plan, Prepared(ready, refused), listed)
    return Prepared(ready, refused)


def results(
    plan: Plan, unusable: Mapping[int, str], listed: Sequence[Answer], done: Iterable[Answer]
) -> tuple[Result, ...]:
    """Return ecr_share_result: what came of each run, also of those that could not be done.

    Args:
        unusable: The numbers of connections whose role could not be assumed, each with the reason.
        listed: The repositories of the runs that need_listing() returns.
        done: What the runs returned that share, restore, or compare.
    """
    order = [run.key for run in (*plan.runs, *plan.reads)]
    planned = {run.key for run in plan.runs}
    refused = [
        *prepare(plan, Selection.RUNS, unusable, listed).refused,
        *(each for each in prepare(plan, Selection.READS, unusable).refused if each[0].key not in planned),
    ]
    found = [(run, _result(run, {}, error)) for run, error in refused]
    # Without runs to do, those are of another plan.
    found += [(answer.run, _result(answer.run, answer.values, answer.error)) for answer in done if plan.runs]
    return tuple(result for _run, result in sorted(found, key=lambda each: order.index(each[0].key)))


def verdict(plan: Plan, results: Sequence[Result], reads: Sequence[Answer]) -> Verdict:
    """Return what an audit says of its results.

    Args:
        reads: What the runs returned that read who gets what.
    """
    errors = dict.fromkeys(result["error"] for result in results if result["error"])
    errors |= dict.fromkeys(answer.error for answer in reads if answer.error)
    drifted = sum(row["changed"] for result in results for row in result["repositories"])
    failure = " | ".join(errors)
    if not failure and plan.fail_on_drift and drifted:
        failure = f"{drifted} repositories are not as declared; the report above names them"
    # Whoever reads a registry says it of its policy, too.
    known = {answer.run.registry for answer in reads}
    lines = [*_lines_of_drift(results, known), *_lines_of_reads(reads, compared=bool(plan.runs))]
    return Verdict(tuple(map(message, lines)), message(failure))


def _split(plan: Plan, prepared: Prepared, listed: Iterable[Answer]) -> Prepared:
    """Split runs into batches. If a pattern matches nothing, nothing at all is done."""
    answers = {answer.run.key: answer for answer in listed}
    ready: list[Run] = []
    refused = list(prepared.refused)
    problems: list[str] = []
    for run in prepared.ready:
        answer = answers.get(run.key, Answer(run, {"repositories": []}))
        if answer.error:
            refused.append((run, answer.error))
            continue
        names = [row["repository_name"] for row in answer.values["repositories"]]
        try:
            ready += batches(run, names, plan.batch_size, unmatched_ok=plan.unmatched_ok)
        except InvalidInputError as invalid:
            problems += invalid.problems
    if problems:
        refusal = "Nothing was done. " + ". ".join(dict.fromkeys(problems))
        return Prepared((), tuple((run, refusal) for run in plan.runs))
    return Prepared(tuple(ready), tuple(refused))


def _result(run: Run, values: Mapping[str, Any], error: str | None) -> Result:
    return {
        "registry": run.registry,
        "connection": run.connection.label,
        "label": run.label,
        "region": run.region,
        "registry_id": run.registry_id,
        "changed": bool(values.get("changed")),
        "summary": values.get("summary", {}),
        "repositories": values.get("repositories", []),
        "backup_path": values.get("backup_path"),
        "registry_policy": values.get("registry_policy"),
        "error": error,
    }


def _lines_of_drift(results: Iterable[Result], known: Collection[str]) -> Iterator[str]:
    """Yield a line for each registry, and for each repository that is not as declared.

    Args:
        results: Those of the runs in check mode.
        known: The registries of whose policy other lines tell.
    """
    ordered = sorted(results, key=lambda result: str(result["registry"]))
    for registry, group in groupby(ordered, key=lambda result: str(result["registry"])):
        members = list(group)
        rows = [row for result in members for row in result["repositories"]]
        errors = dict.fromkeys(result["error"] for result in members if result["error"])
        drifted = [row for row in rows if row["changed"]]
        unread = sum("error" in row for row in rows)
        if rows or not errors:
            also = f", {unread} could not be read" if unread else ""
            yield f"{registry}: {len(drifted)} of {len(rows)} repositories are not as declared{also}"
        else:
            yield f"{registry}: could not be read"
        yield from (f"  {word(row['name'])}: {_changes(row)}" for row in drifted[:_MAX_ROWS_SHOWN])
        if len(drifted) > _MAX_ROWS_SHOWN:
            yield f"  and {len(drifted) - _MAX_ROWS_SHOWN} more: see --diff"
        yield from (f"  {error}" for error in errors)
        policies = [] if registry in known else [result.get("registry_policy") for result in members]
        unknown = [policy for policy in policies if policy is not None and not policy["read"]]
        yield from (f"  {_not_read(policy)}" for policy in unknown[:1])


def _changes(row: Row) -> str:
    changes = [("+", change) for change in row["granted"]] + [("-", change) for change in row["revoked"]]
    told = " ".join(f"{sign}{word(change['principal'])} {_access(change)}" for sign, change in changes)
    return told or "the same access, by other statements"


def _access(change: Mapping[str, Any]) -> str:
    access, regions = words(change["access"]), words(change["lambda_regions"])
    if access and regions:
        return f"{access} (Lambda in {regions})"
    return access or f"Lambda in {regions}"


def _lines_of_reads(reads: Iterable[Answer], *, compared: bool) -> Iterator[str]:
    """Yield a line for each registry that was read, what its policy does to all of its repositories, and the error if
    no line of the drift has it.
    """
    for answer in reads:
        summary = answer.values.get("summary")
        yield f"{answer.run.registry}: {_counts(summary) if summary else 'could not be read'}"
        yield from (f"  {line}" for line in _lines_of_policy(_registry_policy(answer)))
        if not compared and answer.error:
            yield f"  {answer.values['msg']}"


def _counts(summary: Mapping[str, int]) -> str:
    counts = [f"{summary['repositories']} repositories", f"{summary['principals']} principals"]
    more = {
        "public": "public",
        "unscoped_service": "open to a service without a source condition",
        "deleted_principals": "with deleted principals",
        "failed": "that could not be read",
    }
    return ", ".join([*counts, *(f"{summary[name]} {what}" for name, what in more.items() if summary.get(name))])


def _registry_policy(answer: Answer) -> Row | None:
    """Return what a run says of the policy of its registry; None if it did not come so far."""
    text = answer.values.get("rows_as_text")
    values = answer.values if text is None else json.loads(text)
    policy: Row | None = values.get("registry_policy")
    return policy


def _lines_of_policy(policy: Row | None) -> Iterator[str]:
    """Yield what a registry policy lets in, or may let in because it was not read."""
    if policy is None:
        return
    if not policy["read"]:
        yield _not_read(policy)
    if policy["public"]:
        through = _statements(policy["public_statements"])
        yield f"the registry policy is public, open to everyone or to any account{through}"
    if policy["unscoped_service"]:
        through = _statements(policy["unscoped_service_statements"])
        yield f"the registry policy is open to a service without a source condition{through}"


def _not_read(policy: Row) -> str:
    return f"the registry policy was not read, and others may get in by it: {one_line(str(policy['error']))}"


def _statements(statements: Sequence[Row]) -> str:
    """Return through which statements, as the end of a sentence. A registry policy can have hundreds of them."""
    named = [
        str(statement["position"])
        if statement["sid"] is None
        else f"{statement['position']} {quoted(statement['sid'])}"
        for statement in statements[:_MAX_ROWS_SHOWN]
    ]
    more = [f"{len(statements) - _MAX_ROWS_SHOWN} more"] if len(statements) > _MAX_ROWS_SHOWN else []
    what = "statement" if len(statements) == 1 else "statements"
    return f", through {what} {', '.join([*named, *more])}" if named else ""
