# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Who gets in, and where: answers to questions such as "who can push to prod/*?" and "is this account really out?".

* What gets somebody in for certain is told first: a statement for exactly that principal, or for a part of it, without
  a condition that a policy cannot decide. What may get somebody in comes after it: an organization, a pattern,
  everyone, a condition, a Deny that may apply.
* "Nobody gets in" is said only of what was read. What was not read is said before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._iam.arns import is_account_id
from .._iam.patterns import PatternSet
from .._iam.principals import PrincipalType
from .._sharing.capabilities import CAPABILITIES
from .._text import message, one_line, quoted, word, words
from .amounts import together
from .kinds import Kind, counted, narrows, numbers, patterns_of
from .principal_names import labelled
from .summary import places

Row = Mapping[str, Any]
LAMBDA, ADMIN = "lambda", "admin"
# What may be asked for.
ACCESS = (*(capability.name for capability in CAPABILITIES), LAMBDA, ADMIN)
_CERTAIN = ("exact", "member")
# Conditions by which an ARN, whose fifth part is an account, says who somebody is.
_EQUAL = frozenset({"arnlike", "arnequals", "stringlike", "stringequals"})
_ARNS = frozenset({"aws:principalarn", "aws:sourcearn"})
MOST_LINES, MOST_UNREAD = 40, 20


@dataclass(frozen=True)
class ReadRegistry:
    """What the module that audits returned for one registry, and maybe one principal.

    Args:
        registry: What people call it: its host and region.
        principal: Who was asked for; None for all.
        rows: The rows of its repositories and templates.
        policy: What it says of the policy of the registry; None where it did not come so far.
        error: Why not all could be read; None where all was.
        templates: Whether it could read the templates, and why not; None where it did not come so far.
        wanted: The names and patterns of the repositories that were asked for.
    """

    registry: str
    principal: str | None
    rows: Sequence[Row]
    policy: Row | None
    error: str | None
    templates: Row | None = None
    wanted: tuple[str, ...] = ("*",)


@dataclass(frozen=True)
class Entrance:
    """How somebody gets in, the same in several repositories.

    Args:
        principal: Whom the statements name.
        asked: Who was asked for; None for all.
        certain: Whether it is so for every request.
        access: What they give, in words.
        why: How that is the one who was asked for, or under which condition; empty where there is nothing to say.
        statements: Through which statements of registry policies; those of repositories differ from one to the next.
    """

    principal: str
    asked: str | None
    certain: bool
    access: str
    why: str
    statements: tuple[str, ...]


def entrances(registries: Iterable[ReadRegistry], access: Iterable[str] = ()) -> dict[Entrance, dict[str, list[str]]]:
    """Return how who was asked for gets in, each with its repositories by their registry, the certain ones first.

    Args:
        registries: What was read.
        access: Members of ACCESS; a share that gives one of these is meant. All shares if there are none.
    """
    wanted = tuple(access)
    found: dict[Entrance, dict[str, list[str]]] = {}
    for registry in registries:
        for row in registry.rows:
            for share in row.get("shares", ()):
                if share.get("defeated") or not _gives(share, wanted):
                    continue
                names = found.setdefault(_entrance(share, registry.principal), {}).setdefault(registry.registry, [])
                if row["name"] not in names[-1:]:
                    names.append(row["name"])
        for share in _for_other_repositories(registry):
            if not share.get("defeated") and _gives(share, wanted):
                found.setdefault(_entrance(share, registry.principal), {}).setdefault(registry.registry, [])
    return dict(sorted(found.items(), key=lambda each: not each[0].certain))


def _for_other_repositories(registry: ReadRegistry) -> Iterator[Row]:
    """Yield the shares of the policy of a registry that are for none of the repositories that are there."""
    if registry.policy is None:
        return
    told = {
        (share["principal"], one["position"])
        for row in registry.rows
        for share in row.get("shares", ())
        for one in share["statements"]
        if one["policy"] == "registry"
    }
    for share in registry.policy.get("shares", ()):
        if not _concern(registry.wanted, patterns_of(share)):
            continue
        if any((share["principal"], one["position"]) not in told for one in share["statements"]):
            # For which repositories it is does not make it conditional.
            yield {**share, "conditions": [one for one in share["conditions"] if not narrows(one)]}


def _concern(wanted: Sequence[str], patterns: Sequence[str]) -> bool:
    """Return whether what is for the repositories of some patterns may be for some that were asked for."""
    known = PatternSet(patterns)
    # What brackets stand for is not known to IAM.
    return any("[" in text or known.overlaps(text) for text in wanted)


def unread(registries: Iterable[ReadRegistry]) -> tuple[str, ...]:
    """Return what was not read, so that somebody may get in by it."""
    found: list[str] = []
    for registry in registries:
        if registry.error is not None:
            found.append(f"{registry.registry}: {one_line(registry.error)}")
        if registry.policy is not None and not registry.policy["read"]:
            found.append(f"{registry.registry}: the registry policy: {one_line(str(registry.policy['error']))}")
        if registry.templates is not None and not registry.templates["read"]:
            found.append(f"{registry.registry}: the creation templates: {one_line(str(registry.templates['error']))}")
    return tuple(dict.fromkeys(found))


def answer(
    registries: Sequence[ReadRegistry],
    *,
    asked: Sequence[str],
    access: Sequence[str],
    names: Mapping[str, str],
    existing: Mapping[str, Sequence[str] | None],
) -> tuple[str, ...]:
    """Return the answer as lines.

    Args:
        registries: What was read.
        asked: The principals who were asked for; none for all.
        access: Members of ACCESS that were asked for; none for all.
        names: The name of each principal that has one.
        existing: The names of all repositories of each registry; None where they are not known.
    """
    found, not_read = entrances(registries, access), unread(registries)
    lines = [f"? not read, so somebody may get in by it: {text}" for text in not_read[:MOST_UNREAD]]
    if len(not_read) > MOST_UNREAD:
        lines.append(f"? and {len(not_read) - MOST_UNREAD} more were not read")
    told = list(found.items())
    for entrance, by_registry in told[:MOST_LINES]:
        lines.append(line(entrance, by_registry, names, existing))
    if len(told) > MOST_LINES:
        lines.append(f"and {len(told) - MOST_LINES} more: ask for one of them, or see the report of an audit")
    reached = {one.asked for one in found if one.certain}
    may = {one.asked for one in found}
    looked = _looked(registries)
    wanted = " or ".join(map(word, access))
    for principal in asked:
        who = labelled(principal, names)
        if principal in reached:
            lines.append(f"{who} has {wanted}" if access else f"{who} gets in")
        elif principal in may:
            lines.append(f"{who} may {f'have {wanted}' if access else 'get in'}, as the above says{looked}")
        else:
            what = f"has {wanted}" if access else "gets in"
            lines.append(f"{who} {what} nowhere{' that was read' if not_read else ''}{looked}")
    if not asked and not found:
        what = f" {wanted}" if access else ""
        lines.append(f"nobody has{what or ' access'}{' where it was read' if not_read else ''}{looked}")
    elif not asked:
        who_gets_in = len({one.principal for one in found})
        principals = "1 principal" if who_gets_in == 1 else f"{who_gets_in} principals"
        lines.append(f"{principals} in {numbers(row['name'] for one in registries for row in one.rows)}{looked}")
    return tuple(map(message, lines))


def line(
    entrance: Entrance,
    by_registry: Mapping[str, Sequence[str]],
    names: Mapping[str, str],
    existing: Mapping[str, Sequence[str] | None],
) -> str:
    """Return one way in as a line."""
    who = labelled(entrance.principal, names)
    if any(by_registry.values()):
        where = places({registry: found for registry, found in by_registry.items() if found}, existing)
    else:
        where = f"every repository that its Resource covers, in {words(by_registry)}"
    why = f" ({entrance.why})" if entrance.why else ""
    through = f", through {', '.join(entrance.statements)}" if entrance.statements else ""
    return f"{'+' if entrance.certain else '?'} {who} {entrance.access}{why}: {where}{through}"


def _entrance(share: Row, asked: str | None) -> Entrance:
    matches = share.get("matches")
    doubtful = any(not deny["certain"] for deny in share["denied_by"])
    # A condition that only says which part of an account it is leaves that part in.
    narrowing = [one for one in share["conditions"] if _is_inside(one, asked)]
    conditional = len(narrowing) < len(share["conditions"])
    known = matches in (None, *_CERTAIN) or bool(narrowing)
    # Whatever a Deny may take: what it leaves is certain.
    certain = known and not conditional and bool(together([{**share, "conditions": []}]).certain)
    if narrowing and matches == "possible":
        matches = "member"
    service = f"by the service {word(share['via_service'])}" if "via_service" in share else ""
    reasons = [
        service,
        f"it is a part of {word(asked)}" if matches == "member" and asked else "",
        _possibly(share, asked) if matches == "possible" and asked else "",
        "under a condition" if conditional else "",
        "a Deny may apply" if doubtful else "",
    ]
    of_registry = tuple(
        f"statement {one['position']}{'' if one['sid'] is None else ' ' + quoted(one['sid'])} of the registry policy"
        for one in share["statements"]
        if one["policy"] == "registry"
    )
    why = ", ".join(filter(None, reasons))
    return Entrance(share["principal"], asked, certain, _words(share), why, of_registry)


def _is_inside(condition: Row, asked: str | None) -> bool:
    """Return whether a condition is met by a part of an account alone, and by some of that part in any case."""
    if asked is None or not is_account_id(asked):
        return False
    if condition["operator"].lower() not in _EQUAL or condition["key"].lower() not in _ARNS:
        return False
    accounts = [value.split(":")[4] for value in condition["values"] if value.count(":") >= 5]
    return bool(accounts) and len(accounts) == len(condition["values"]) and set(accounts) == {asked}


def _possibly(share: Row, asked: str) -> str:
    """Return how a share may be for somebody whom it does not name."""
    kind = share["principal_type"]
    if kind == PrincipalType.EVERYONE:
        return ""
    if kind == PrincipalType.SERVICE:
        return "on behalf of anybody"
    return f"if {word(asked)} is a part of it"


def _words(share: Row) -> str:
    """Return what a share gives, as audits say it: whoever can push, has the push."""
    amounts = together([share], heeding_conditions=False)
    return (amounts.certain | amounts.possible).words or "nothing"


def _gives(share: Row, wanted: Sequence[str]) -> bool:
    return not wanted or any(_has(share, name) for name in wanted)


def _has(share: Row, name: str) -> bool:
    if name == LAMBDA:
        return bool(share["lambda_regions"])
    usable: bool = share.get(f"can_{name}", name in share["access"])
    return usable


def _looked(registries: Sequence[ReadRegistry]) -> str:
    """Return what was looked at, as the end of a sentence."""
    number = len({registry.registry for registry in registries if registry.rows or registry.error is None})
    return f" ({number} {'registry was' if number == 1 else 'registries were'} looked at)"


@dataclass(frozen=True)
class Offboarded:
    """Whether somebody is out.

    Args:
        lines: For people.
        failures: Why the role fails, by the host: somebody is still in, or nobody knows.
        verdicts: How many principals are still in, may be, are out, or are as far as anybody knows.
    """

    lines: tuple[str, ...]
    failures: Mapping[str, str]
    verdicts: Mapping[str, int] = field(default_factory=dict)


def offboarded(
    by_host: Mapping[str, Sequence[ReadRegistry]],
    *,
    principals: Sequence[str],
    still_named: Sequence[str],
    names: Mapping[str, str],
    existing: Mapping[str, Sequence[str] | None],
    check_mode: bool,
    not_judged: Sequence[str] = (),
) -> Offboarded:
    """Return whether those who lost their access are out of all registries.

    Args:
        by_host: What was read afterwards, by the host.
        principals: Who lost their access.
        still_named: Where grants still name them, so that the next run gives it back.
        names: The name of each principal that has one.
        existing: The names of all repositories of each registry; None where they are not known.
        check_mode: Whether nothing was written, so that nothing can be said.
        not_judged: The hosts of the inventory that are no part of this, such as those that a limit leaves out, or that
            failed before.
    """
    lines = [f"! {where}: the next run that shares gives it access again" for where in still_named]
    if check_mode:
        who = ", ".join(labelled(principal, names) for principal in principals)
        return Offboarded(tuple(map(message, [*lines, f"check mode: whether {who} is out is known after a run"])), {})
    registries = [registry for of_host in by_host.values() for registry in of_host]
    found = entrances(registries)
    # Where nothing came back, nobody has looked.
    silent = tuple(f"{word(host)}: nothing was read" for host, of_host in by_host.items() if not of_host)
    not_read = (*unread(registries), *silent)
    certain = {way: where for way, where in found.items() if way.certain}
    possible = {way: where for way, where in found.items() if not way.certain}
    for title, ways in (("STILL GETS IN", certain), ("MAY STILL GET IN", possible)):
        if ways:
            lines.append(title)
            lines += [line(way, where, names, existing) for way, where in list(ways.items())[:MOST_LINES]]
            lines += [f"and {len(ways) - MOST_LINES} more"] if len(ways) > MOST_LINES else []
    if not_read:
        lines += ["NOT READ, so nobody knows", *(f"? {text}" for text in not_read[:MOST_UNREAD])]
        lines += [f"? and {len(not_read) - MOST_UNREAD} more"] if len(not_read) > MOST_UNREAD else []
    number = sum(len(all_names or ()) for all_names in existing.values())
    was_read = {registry.registry for registry in registries if registry.rows or registry.error is None}
    where = "1 registry" if len(was_read) == 1 else f"{len(was_read)} registries"
    # Of hosts that are repositories nobody lists the registry.
    what = f"{counted(number, Kind.REPOSITORIES)} in {where}" if number else where
    looked = f"{what} {'was' if (number or len(was_read)) == 1 else 'were'} looked at"
    if not_judged:
        more = f" and {len(not_judged) - MOST_UNREAD} more" if len(not_judged) > MOST_UNREAD else ""
        lines.append(f"NOT LOOKED AT, so nobody knows: {words(not_judged[:MOST_UNREAD])}{more}")
    verdicts = dict.fromkeys(("still_in", "unknown", "possible", "out"), 0)
    for principal in principals:
        who, rest = labelled(principal, names), ""
        if any(way.asked == principal for way in possible):
            rest = ", but for what is possible"
        if any(way.asked == principal for way in certain):
            lines.append(f"{who} still gets in ({looked})")
            verdict = "still_in"
        elif not_read:
            lines.append(f"{who} is out as far as could be read ({looked})")
            verdict = "unknown"
        elif not_judged:
            lines.append(f"{who} is out of what was looked at alone{rest} ({looked})")
            verdict = "unknown"
        else:
            lines.append(f"{who} is out{rest} ({looked})")
            verdict = "possible" if rest else "out"
        verdicts[verdict] += 1
    failures = {}
    for host, of_host in by_host.items():
        ways_in = [way for way in entrances(of_host) if way.certain]
        reasons = [
            *([f"{words(dict.fromkeys(way.asked or '' for way in ways_in))} still gets in"] if ways_in else []),
            *(f"not read: {text}" for text in unread(of_host)),
            *([] if of_host else ["not read: nothing was read"]),
        ]
        if reasons:
            failures[host] = message(" | ".join(reasons))
    return Offboarded(tuple(map(message, lines)), failures, verdicts)
