# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""What an audit tells a person: what is dangerous and where, then how much there is, then what was not looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby

from .._text import message
from .audited import AuditedRegistry
from .finding import EXCEPTION, KINDS, Finding
from .groups import Group, Place, counted, groups, label_of, names_told
from .kinds import numbers

# No line is longer, if that can be helped.
_WIDTH = 150
# Of one kind, so many lines: a registry that has gone astray would fill the screen.
_MOST_LINES = 10
# How many principals are tried before they become a number.
_PRINCIPALS_SHOWN = (3, 1, 0)
# How many names of a registry are tried before they become a number; None for all.
_NAMES_SHOWN = (None, 3, 1)
_KIND = max(map(len, KINDS))


def audit_lines(
    findings: Sequence[Finding],
    registries: Sequence[AuditedRegistry],
    not_looked_at: Iterable[str],
    *,
    more: str = "see the report",
) -> tuple[str, ...]:
    """Return the lines of an audit.

    Args:
        findings: What it found, in their order.
        registries: What it read.
        not_looked_at: What it did not look at, a sentence each.
        more: Where whatever is left out can be seen.
    """
    open_ones = [finding for finding in findings if finding.accepted is None]
    accepted = [finding for finding in findings if finding.accepted is not None]
    lines = [
        *_lines_of_findings(open_ones, registries, more),
        *(() if open_ones else ("No findings.",)),
        *((f"Accepted by ecr_share_accepted: {counted(accepted)}",) if accepted else ()),
        *(_counts(registry, findings) for registry in registries),
        *(f"Not looked at: {sentence}" for sentence in not_looked_at),
    ]
    return tuple(map(message, lines))


def failure(findings: Iterable[Finding], fail_on: Collection[str], host: str) -> str:
    """Return why the audit of a host fails; empty if it does not.

    What is only possible counts as well: somebody may get in, and nobody has accepted that.

    Args:
        findings: What was found on all hosts.
        fail_on: The kinds of findings to fail on.
        host: The host.
    """
    failing = failing_ones(findings, fail_on, host)
    if not failing:
        return ""
    what, they = ("finding", "it is") if len(failing) == 1 else ("findings", "they are")
    return f"{len(failing):,} {what} that ecr_share_fail_on names: {counted(failing)}; {they} listed above"


def failing_ones(findings: Iterable[Finding], fail_on: Collection[str], host: str) -> list[Finding]:
    """Return the findings that make the audit of a host fail."""
    return [one for one in findings if one.host == host and one.kind in fail_on and one.accepted is None]


def _lines_of_findings(findings: Iterable[Finding], registries: Sequence[AuditedRegistry], more: str) -> Iterator[str]:
    for _kind, members in groupby(groups(findings, registries), key=lambda group: group.first.kind):
        known = list(members)
        yield from map(_line, known[:_MOST_LINES])
        if len(known) > _MOST_LINES:
            yield f"{'':{_KIND}} and {len(known) - _MOST_LINES} more: {more}"


def _line(group: Group) -> str:
    finding = group.first
    kind = f"{finding.kind:{_KIND}}"
    possibly = "" if finding.certain else "possibly "
    if finding.kind == EXCEPTION:
        return f"{kind} {possibly}{group.what}"
    through = f", {group.statements}" if group.statements else ""
    # One principal is named, however long that is.
    shown = _PRINCIPALS_SHOWN if len(group.principals) > 1 else (1,)
    heads = [f"{kind} {_who(group.principals, most)}{possibly}{group.what}: " for most in shown]
    return _fitting(tuple(dict.fromkeys(heads)), group, through)


def _who(principals: Sequence[str], most: int) -> str:
    left = len(principals) - most
    if left > 0 and not most:
        return f"{left} principals "
    return f"{', '.join(principals[:most])}{f' and {left} more' if left > 0 else ''} " if principals else ""


def _fitting(heads: Sequence[str], group: Group, tail: str) -> str:
    """Return a line that says where as fully as there is room for: rather where than who, or by which statement."""
    number = group.numbers if group.number else ""
    all_named, *fewer = ("; ".join(_place(place, most) for place in group.places) for most in _NAMES_SHOWN)
    counts = "; ".join(f"{_number(place)} of {place.registry}" for place in group.places)
    colon = ": " if number else ""
    wheres = [f"{number}{colon}{where}" for where in (all_named, *fewer, counts)]
    if group.registries > 1:
        wheres.append(f"{group.numbers} in {group.registries} registries")
    *named, shortest = heads
    lines = [
        *(f"{head}{where}" for where in wheres for head in named or heads),
        *(f"{shortest}{where}" for where in wheres),
    ]
    best = next((line for line in lines if len(line) <= _WIDTH), min(lines, key=len))
    return f"{best}{tail}" if len(best) + len(tail) <= _WIDTH else best


def _place(place: Place, most: int | None) -> str:
    shown = place.repositories[:most]
    left = len(place.repositories) - len(shown)
    return f"{names_told(shown)}{f' and {left} more' if left else ''} ({place.registry})"


def _number(place: Place) -> str:
    return f"{place.number:,}" if place.number > 1 else names_told(place.repositories)


def _counts(registry: AuditedRegistry, findings: Iterable[Finding]) -> str:
    """Return how much there is in a registry."""
    key = registry.key
    read = [row for row in registry.rows if not row.get("error")]
    here = [one for one in findings if (one.registry_id, one.region) == (key.registry_id, key.region)]
    open_ones = sum(one.accepted is None for one in here)
    principals = Counter((share["principal_type"], share["principal"]) for row in read for share in row["shares"])
    unread = len(registry.rows) - len(read)
    parts = (
        numbers(row["name"] for row in read),
        f"{len(principals):,} {'principal' if len(principals) == 1 else 'principals'}",
        f"{open_ones:,} {'finding' if open_ones == 1 else 'findings'}",
        *((f"{len(here) - open_ones:,} accepted",) if len(here) > open_ones else ()),
        *((f"{unread:,} could not be read",) if unread else ()),
    )
    return f"{label_of(registry.hosts[0], key.registry_id, key.region)}: {', '.join(parts)}"
