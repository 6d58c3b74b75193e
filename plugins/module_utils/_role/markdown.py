# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""The report as Markdown, for a pull request: what sharing would change, and what was found, to be read in a minute.

What others have written, such as names and Sids, stands in code spans: nothing in them is markup, a link, HTML, a
mention or a reference. The two characters that could end a span or a cell are escapes of JSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from .._text import visible
from .audited import AuditedRegistry
from .finding import EXCEPTION, UNREAD, Finding
from .groups import Group, Place, groups
from .kinds import numbers

# A reviewer reads no more rows of a table, and no more in a cell.
_MOST_ROWS = 40
_MOST_IN_A_CELL = 10
_MOST_CHARACTERS = 300
_ESCAPES = str.maketrans({"`": "\\u0060", "|": "\\u007c"})
_DRIFT = "drift"


def markdown(
    findings: Sequence[Finding],
    registries: Sequence[AuditedRegistry],
    not_looked_at: Iterable[str],
    generated_at: str,
) -> str:
    """Return the report as Markdown of GitHub's flavour.

    Args:
        findings: What the audit found.
        registries: What it read.
        not_looked_at: What it did not look at, a sentence each.
        generated_at: The time in UTC, in the form of ISO 8601.
    """
    open_ones = [finding for finding in findings if finding.accepted is None]
    accepted = [finding for finding in findings if finding.accepted is not None]
    read = numbers(row["name"] for registry in registries for row in registry.rows if not row.get("error"))
    number = f"{len(open_ones):,} {'finding' if len(open_ones) == 1 else 'findings'}"
    blocks = (
        "# Shares of ECR repositories",
        f"**{number}**, {len(accepted):,} accepted, in {read}. Read at {generated_at}.",
        *_changes(findings, registries),
        *_found(open_ones, registries),
        *_accepted(accepted, registries),
        *_left_out(not_looked_at),
    )
    return "\n\n".join(blocks) + "\n"


def _changes(findings: Iterable[Finding], registries: Sequence[AuditedRegistry]) -> Iterator[str]:
    """Yield what sharing would change, accepted or not: first what it revokes, then what it grants."""
    if not any(registry.compared for registry in registries):
        return
    yield "## What sharing would change"
    drift = [finding for finding in findings if finding.kind == _DRIFT]
    if not drift:
        yield "Nothing."
    for title, lacking in (("REVOKES", False), ("GRANTS", True)):
        some = groups((one for one in drift if one.principal is not None and one.lacking is lacking), registries)
        if some:
            yield f"### {title}"
            rows = [(_who(group), _code(group.first.amount.words), _where(group.places)) for group in some]
            yield _table(("Principal", "Access", "Repositories"), rows)
    for group in groups((one for one in drift if one.principal is None), registries):
        yield f"The same access, by other statements, in {group.numbers}: {_where(group.places)}"


def _found(findings: Iterable[Finding], registries: Sequence[AuditedRegistry]) -> Iterator[str]:
    """Yield a table for each kind of findings. What sharing would change is told already."""
    others = groups((one for one in findings if one.kind != _DRIFT), registries)
    yield "## Findings"
    if not others:
        yield "None."
    for kind, members in groupby(others, key=lambda group: group.first.kind):
        known = list(members)
        yield f"### {kind}"
        if kind in (UNREAD, EXCEPTION):
            yield _table(("What", "Where"), [(_code(group.what), _where(group.places)) for group in known])
        else:
            yield _table(
                ("Principal", "Access", "Where", "Statements"),
                [(_who(group), _what(group), _where(group.places), _code(group.statements)) for group in known],
            )


def _accepted(findings: Iterable[Finding], registries: Sequence[AuditedRegistry]) -> Iterator[str]:
    known = groups(findings, registries)
    if not known:
        return
    yield "## Accepted"
    rows = [
        (group.first.kind, _who(group), _where(group.places), _code(accepted.reason), accepted.until or "no end")
        for group in known
        if (accepted := group.first.accepted) is not None
    ]
    yield _table(("Kind", "Principal", "Where", "Reason", "Until"), rows)


def _left_out(sentences: Iterable[str]) -> Iterator[str]:
    known = list(sentences)
    if known:
        yield "## Not looked at"
        yield "\n".join(f"- {_code(sentence)}" for sentence in known)


def _what(group: Group) -> str:
    """Return what principals have, or may have."""
    return f"{'' if group.first.certain else 'possibly '}{_code(group.what)}"


def _who(group: Group) -> str:
    return _listed(group.principals)


def _where(places: Iterable[Place]) -> str:
    return "; ".join(f"{_listed(place.repositories)} ({_code(place.registry)})" for place in places)


def _listed(texts: Sequence[str]) -> str:
    left = len(texts) - _MOST_IN_A_CELL
    more = f" and {left:,} more" if left > 0 else ""
    return ", ".join(map(_code, texts[:_MOST_IN_A_CELL])) + more


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    left = len(rows) - _MOST_ROWS
    lines = [header, ["---"] * len(header), *rows[:_MOST_ROWS]]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    return f"{table}\n\nAnd {left:,} more, which the other files of the report have." if left > 0 else table


def _code(text: str) -> str:
    """Return a text as code, which is shown as it is; nothing for none."""
    return f"`{visible(text, _MOST_CHARACTERS).translate(_ESCAPES)}`" if text else ""
