# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""What a run did, or in check mode would do, told to a person: all registries of a play on one screen.

* What failed comes first and alone. Then whoever loses access, then whoever gains it: a line for each principal and
  access, with all its repositories in all registries. What the policies of registries say, and templates, are lines of
  their own: they are for repositories to come. Then warnings by kind, the certain ones first, then counts.
* Whoever loses access is never left out. Of the rest, as much as a screen has room for.
* The words are the same for a run, a check, the taking out of somebody, and what is put back.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from .._repository_names import label_text, template_prefix
from .._sharing.capabilities import ordered
from .._text import message, one_line, word, words
from .kinds import Kind, kind_of, numbers, plural
from .places import compressed
from .principal_names import labelled

Row = Mapping[str, Any]
# Lines of each part.
MOST_FAILURES, MOST_GRANTS, MOST_WARNINGS, MOST_REGISTRIES = 20, 20, 12, 10
# Names and patterns of a line.
MOST_PLACES = 6
# In characters: what a warning says of its first repository.
MAX_EXAMPLE = 160


@dataclass(frozen=True)
class RegistryRun:
    """What came of one run of a module.

    Args:
        registry: What people call the registry: its host and region.
        registry_id: The account that owns it; None where that is not known.
        existing: The names of all its repositories; None where they are not known.
        result: A member of C(ecr_share_result).
    """

    registry: str
    registry_id: str | None
    existing: tuple[str, ...] | None
    result: Row


@dataclass(frozen=True)
class Telling:
    """How a run is told.

    Args:
        names: The name of each principal that has one.
        check_mode: Whether nothing was written.
        diff: Whether Ansible has shown each policy before and after.
        whole: Whether all is told, and not what a screen has room for.
        notes: What else there is to say before the counts, such as what the variables name that is nowhere.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    check_mode: bool = False
    diff: bool = False
    whole: bool = False
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Change:
    """What a principal loses or gains, the same in several repositories.

    Args:
        kind: In what.
        principal: Who.
        access: Capabilities.
        lambda_regions: The regions whose Lambda functions lose or gain the pull.
        other_actions: The actions that are no capability.
    """

    kind: Kind
    principal: str
    access: tuple[str, ...]
    lambda_regions: tuple[str, ...]
    other_actions: tuple[str, ...]

    def words(self) -> str:
        """Return what it is."""
        parts = [
            *self.access,
            *([f"Lambda in {words(self.lambda_regions)}"] if self.lambda_regions else []),
            *_shortened(list(self.other_actions), 3),
        ]
        return ", ".join(word(part) if part in self.other_actions else part for part in parts)


def changes(runs: Iterable[RegistryRun], sign: str) -> dict[Change, dict[str, list[str]]]:
    """Return what changed, each with its repositories by their registry.

    Those of the policy of a registry are the patterns of repositories that it is for.

    Args:
        runs: What came of the runs.
        sign: C(revoked) or C(granted).
    """
    found: dict[Change, dict[str, list[str]]] = {}
    for run in runs:
        for row in run.result["repositories"]:
            for change, names in _of_row(row, sign):
                found.setdefault(change, {}).setdefault(run.registry, []).extend(names)
    return found


def summary(runs: Sequence[RegistryRun], telling: Telling) -> tuple[str, ...]:
    """Return what a play did, as lines."""
    existing = {run.registry: run.existing for run in runs}
    lines = [*_failures(runs, telling)]
    most_grants = None if telling.whole else MOST_GRANTS
    for sign, title, most in (("revoked", "REVOKES", None), ("granted", "GRANTS", most_grants)):
        found = changes(runs, sign)
        if found:
            lines.append(_title(title, telling))
            lines += _lines_of_changes(found, "-" if sign == "revoked" else "+", existing, telling, most)
    lines += _warnings(runs, telling)
    lines += [f"! {note}" for note in telling.notes]
    lines += _counts(runs, telling)
    return tuple(map(message, lines))


def markdown(lines: Sequence[str], *, check_mode: bool, generated_at: str) -> str:
    """Return a summary as a file for a pull request: what is taken away is red there, and what is given green.

    Args:
        lines: Those of summary().
        check_mode: Whether nothing was written.
        generated_at: The time in UTC, in the form of ISO 8601.
    """
    longest = max((len(fence) for line in lines for fence in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    title = "What sharing would change" if check_mode else "What sharing changed"
    body = "\n".join(lines)
    return f"# {title}\n\n{generated_at}\n\n{fence}diff\n{body}\n{fence}\n"


def places(
    by_registry: Mapping[str, Sequence[str]], existing: Mapping[str, Sequence[str] | None], *, whole: bool = False
) -> str:
    """Return where something is: how many repositories and templates, which, and in which registries.

    Args:
        by_registry: The names, by the registry.
        existing: All names of each registry; None where they are not known.
        whole: Whether all is told, and not what a line has room for.
    """
    names = [name for of_registry in by_registry.values() for name in of_registry]
    told_by_registry = {}
    for registry, of_registry in by_registry.items():
        every = existing.get(registry)
        told = of_registry if every is None else compressed(of_registry, every)
        told_by_registry[registry] = tuple(map(label_text, told))
    return f"{numbers(names)}: {_where(told_by_registry, existing, whole=whole)}"


def _place(
    kind: Kind, by_registry: Mapping[str, Sequence[str]], existing: Mapping[str, Sequence[str] | None], *, whole: bool
) -> str:
    """Return where something changed: places() for repositories; for a registry, the patterns that its policy names."""
    if kind is Kind.REPOSITORIES:
        return places(by_registry, existing, whole=whole)
    told = {
        registry: tuple(word(template_prefix(name) or name) for name in dict.fromkeys(names))
        for registry, names in by_registry.items()
    }
    what = "registry policy for " if kind is Kind.REGISTRY else f"{numbers(chain(*by_registry.values()))}: "
    return f"{what}{_where(told, existing, whole=whole)}"


def _where(told: Mapping[str, tuple[str, ...]], existing: Mapping[str, Any], *, whole: bool) -> str:
    """Return names by registry as an enumeration, in which registries with the same names are together."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for registry, names in told.items():
        alike.setdefault(names, []).append(registry)
    told_all = len(told) == len(existing) > 2
    parts = []
    for names, registries in alike.items():
        where = f"all {len(registries)} registries" if told_all and len(alike) == 1 else _joined(registries, whole)
        parts.append(f"{', '.join(_shortened(names, None if whole else MOST_PLACES))} in {where}")
    return "; ".join(_shortened(parts, None if whole else 4))


def _joined(registries: Sequence[str], whole: bool) -> str:
    """Return registries as an enumeration, in which a host is named once for its regions."""
    by_host: dict[str, list[str]] = {}
    for registry in registries:
        host, _blank, region = registry.partition(" ")
        by_host.setdefault(host, []).append(region)
    told = [f"{host} {'+'.join(regions)}".strip() for host, regions in by_host.items()]
    return ", ".join(_shortened(told, None if whole else 4))


def _title(title: str, telling: Telling) -> str:
    return f"{title} (check mode: nothing was written)" if telling.check_mode else title


def _lines_of_changes(
    found: Mapping[Change, Mapping[str, Sequence[str]]],
    sign: str,
    existing: Mapping[str, Sequence[str] | None],
    telling: Telling,
    most: int | None,
) -> Iterator[str]:
    """Yield a line for each change; of many, those of most repositories first."""
    ordered_changes = sorted(found, key=lambda change: -sum(map(len, found[change].values())))
    shown = ordered_changes[:most]
    for change in shown:
        who = labelled(change.principal, telling.names)
        where = _place(change.kind, found[change], existing, whole=telling.whole)
        yield f"{sign} {who} {change.words()}: {where}"
    left = ordered_changes[len(shown) :]
    if left:
        principals = len({change.principal for change in left})
        yield f"{sign} and {len(left)} more lines for {principals} principals: ecr_share_report_dir writes all of them"


def _of_row(row: Row, sign: str) -> Iterator[tuple[Change, Sequence[str]]]:
    """Yield what changed, and where. What else was revoked stands beside the capabilities that were."""
    name = str(row["name"])
    kind = kind_of(name)
    others = row.get("revoked_actions", ()) if sign == "revoked" else ()
    rest = {(one["principal"], _patterns(one)): tuple(one["actions"]) for one in others}
    for change in row[sign]:
        principal, patterns = change["principal"], _patterns(change)
        actions = rest.pop((principal, patterns), ())
        access, regions = ordered(change["access"]), tuple(change["lambda_regions"])
        yield Change(kind, principal, access, regions, actions), patterns or (name,)
    for (principal, patterns), actions in rest.items():
        yield Change(kind, principal, (), (), actions), patterns or (name,)


def _patterns(change: Row) -> tuple[str, ...]:
    """Return the patterns of the repositories that a change of the policy of a registry is for."""
    return tuple(change.get("repositories", ()))


def _failures(runs: Iterable[RegistryRun], telling: Telling) -> Iterator[str]:
    """Yield what failed: of a run whose repositories failed, each of them, and otherwise the run."""
    lines: list[str] = []
    for run in runs:
        rows = [row for row in run.result["repositories"] if row.get("error")]
        lines += [f"x {run.registry}: {one_line(str(row['error']))}" for row in rows]
        if run.result["error"] and not rows:
            lines.append(f"x {run.registry}: {one_line(str(run.result['error']))}")
    lines = list(dict.fromkeys(lines))
    if lines:
        shown = lines if telling.whole else lines[:MOST_FAILURES]
        yield "FAILED"
        yield from shown
        if len(lines) > len(shown):
            yield f"x and {len(lines) - len(shown)} more"


def _is_foreseen(warning: Row, name: str, losing: frozenset[str]) -> bool:
    """Return whether a repository is warned of what the policy of its registry allows those who would lose it there: a
    dry run has left that policy as it is. What stays there, the registry policy is warned of itself.
    """
    of_registry = warning["kind"] == "excess_access" and warning.get("policy") == "registry"
    return of_registry and kind_of(name) is Kind.REPOSITORIES and losing.issuperset(warning["principals"])


def _losing(runs: Iterable[RegistryRun]) -> dict[str, frozenset[str]]:
    """Return who would lose something in the policy of each registry."""
    return {
        run.registry: frozenset(
            change["principal"]
            for row in run.result["repositories"]
            for change in (*row.get("revoked", ()), *row.get("revoked_actions", ()))
        )
        for run in runs
        if any(kind_of(str(row["name"])) is Kind.REGISTRY for row in run.result["repositories"])
    }


def warned(runs: Sequence[RegistryRun], check_mode: bool) -> dict[tuple[bool, str], list[tuple[RegistryRun, Row, Row]]]:
    """Return what is warned of, each kind once for a repository: by whether it is only possible, and by its kind.

    Args:
        runs: What came of the runs.
        check_mode: Whether nothing was written.
    """
    found: dict[tuple[bool, str], list[tuple[RegistryRun, Row, Row]]] = {}
    losing = _losing(runs) if check_mode else {}
    for run in runs:
        for row in run.result["repositories"]:
            of_row: dict[str, Row] = {}
            for warning in row.get("warnings", ()):
                if _is_foreseen(warning, str(row["name"]), losing.get(run.registry, frozenset())):
                    continue
                known = of_row.setdefault(warning["kind"], warning)
                if warning["certain"] and not known["certain"]:
                    of_row[warning["kind"]] = warning
            for kind, warning in of_row.items():
                found.setdefault((not warning["certain"], kind), []).append((run, row, warning))
    return found


def rows_of(run: RegistryRun) -> list[Row]:
    """Return the rows of a run that count: a pattern that matches nothing has a row as well, and is no repository."""
    return [row for row in run.result["repositories"] if "error" in row or not row.get("missing")]


def _warnings(runs: Sequence[RegistryRun], telling: Telling) -> Iterator[str]:
    """Yield a line for each kind of warning, the certain ones first."""
    found = warned(runs, telling.check_mode)
    if not found:
        return
    yield "WARNINGS"
    in_order = sorted(found.items(), key=lambda each: each[0][0])
    shown = in_order if telling.whole else in_order[:MOST_WARNINGS]
    for (possible, kind), members in shown:
        run, _row, warning = members[0]
        number = numbers(str(row["name"]) for _run, row, _warning in members)
        example = one_line(str(warning["message"]))
        example = example if len(example) <= MAX_EXAMPLE else f"{example[:MAX_EXAMPLE]}…"
        yield f"! {kind}{', possibly' if possible else ''}: {number}, such as {run.registry}: {example}"
    if len(in_order) > len(shown):
        yield f"! and {len(in_order) - len(shown)} more kinds"


def _counts(runs: Sequence[RegistryRun], telling: Telling) -> Iterator[str]:
    verb = "would change" if telling.check_mode else "changed"
    by_registry: dict[str, list[RegistryRun]] = {}
    for run in runs:
        by_registry.setdefault(run.registry, []).append(run)
    counted: list[tuple[str, str | None, Sequence[Row]]] = []
    for registry, members in by_registry.items():
        rows = [row for member in members for row in rows_of(member)]
        if not rows and any(member.result["error"] for member in members):
            continue
        owner = next((member.registry_id for member in members if member.registry_id), None)
        counted.append((registry, owner, rows))
    every = [row for _registry, _owner, rows in counted for row in rows]
    registries = f"{len(counted)} {'registry' if len(counted) == 1 else 'registries'}"
    yield f"{_numbers(every)} {verb} in {registries}{_failed(every)}"
    for registry, owner, own in counted[:MOST_REGISTRIES] if len(counted) > 1 else []:
        host, _blank, region = registry.partition(" ")
        label = " ".join(filter(None, (host, owner if owner != host else None, region)))
        yield f"  {label}: {_numbers(own, of_repositories='')} {verb}{_failed(own)}"
    if len(counted) > MOST_REGISTRIES:
        yield f"  and {len(counted) - MOST_REGISTRIES} more registries"
    saved = dict.fromkeys(str(run.result["backup_path"]) for run in runs if run.result.get("backup_path"))
    # Of several registries, what the entry point that restores takes: they are in there.
    for path in saved if len(saved) == 1 else dict.fromkeys(posixpath.dirname(path) for path in saved):
        yield f"The policies from before are in {word(path)}"
    if any(row["changed"] for row in every) and not telling.diff:
        yield "--diff shows each policy before and after"


def _numbers(rows: Iterable[Row], *, of_repositories: str = " repositories") -> str:
    """Return how many rows of each kind changed.

    Args:
        of_repositories: What is said behind the number of repositories, if there is nothing else.
    """
    by_kind: dict[Kind, list[bool]] = {}
    for row in rows:
        by_kind.setdefault(kind_of(str(row["name"])), []).append(bool(row["changed"]))
    if not by_kind.keys() - {Kind.REPOSITORIES}:
        changed = by_kind.get(Kind.REPOSITORIES, [])
        return f"{sum(changed)} of {len(changed)}{of_repositories}"
    in_order = [(kind, by_kind[kind]) for kind in Kind if kind in by_kind]
    return ", ".join(f"{sum(changed)} of {len(changed)} {plural(kind)}" for kind, changed in in_order)


def _failed(rows: Iterable[Row]) -> str:
    failed = sum("error" in row for row in rows)
    return f", {failed} failed" if failed else ""


def _shortened(texts: Sequence[str], most: int | None) -> list[str]:
    """Return the first of many texts, and how many more there are. most: None for no limit."""
    if most is None or len(texts) <= most:
        return list(texts)
    return [*texts[: most - 1], f"{len(texts) - most + 1} more"]
