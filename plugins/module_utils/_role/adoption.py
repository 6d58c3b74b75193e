# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Write down what is there as a file of variables for one host of an inventory, to be reviewed by a person.

* The values are exactly the grants. Comments say the rest: who somebody is, what a grant adds, what cannot be declared.
* Ansible takes braces in variables for a template. The path of a role may hold some, and whoever makes a role would run
  what they wrote: such a principal is told in a comment, and is not declared.
* Comments are single lines in which nothing is hidden, whatever others have called their statements.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from textwrap import wrap
from typing import Any

from .._iam.principals import read_principal
from .._text import quoted, visible, word

# Longer lists have a line for each entry.
_SHORT = 60
_WIDTH = 118
# Three patterns are shorter than a list, and more are not easier to read.
_MOST_PATTERNS = 3
_PLAIN = re.compile(r"[a-z][a-z0-9_./-]*")
# Other values than texts, as YAML 1.1 has them.
_NO_TEXTS = frozenset({"false", "n", "no", "null", "off", "on", "true", "y", "yes"})
_MEMBERS = ("principals", "access", "lambda_regions", "repositories", "apply_to")
_TEMPLATES = ("{{", "{%", "{#")
_TEMPLATE = "Ansible would take the name for a template."


@dataclass(frozen=True)
class AdoptedRegistry:
    """What an audit has found in one registry.

    Args:
        registry_id: The account that owns it.
        region: Its region.
        grants: What would declare what is there, as the audit returns it, with C(apply_to) for what is to come.
        undeclarable: What no grant can express, as the audit returns it.
        repositories: The names of all repositories.
        unread: What could not be read, each with the reason, so that nothing of it is declared.
    """

    registry_id: str
    region: str
    grants: Sequence[Mapping[str, Any]]
    undeclarable: Sequence[Mapping[str, Any]]
    repositories: Sequence[str]
    unread: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Names:
    """What people call principals, by their ids and ARNs."""

    by_principal: Mapping[str, str]

    def of(self, principal: str) -> str | None:
        return self.by_principal.get(principal)

    def usable(self, principal: str) -> str | None:
        """Return the name that stands for a principal in a grant."""
        name = self.of(principal)
        return None if name is None or _is_template(name) else name

    def told(self, principal: str) -> str:
        """Return what a comment calls a principal."""
        return "everyone" if principal == "*" else word(self.of(principal) or principal)


def adoption(host: str, registries: Sequence[AdoptedRegistry], names: Mapping[str, str]) -> str:
    """Return the text of a YAML file that declares what is there.

    Args:
        host: The name of the host in the inventory.
        registries: What is in its regions.
        names: What people call principals: their ids or ARNs by their names.
    """
    known = _Names(_by_principal(names))
    regions = tuple(dict.fromkeys(registry.region for registry in registries))
    accounts = ", ".join(dict.fromkeys(word(registry.registry_id) for registry in registries))
    merged = _merged([(registry.region, grant) for registry in registries for grant in registry.grants])
    lines = [
        "---",
        *_comment(f"Who may use the repositories of {accounts} today, as grants for the host {word(host)}."),
        *_comment("To share it takes nothing from anybody. Comments say where a grant gives more than there is."),
        "",
        'ecr_share_repositories: ["*"]',
        *_list("ecr_share_regions", regions, ""),
        *_grants(merged, registries, regions, known),
        *_undeclarable(registries, regions, merged, known),
        *_unread(registries, regions),
    ]
    return "\n".join(lines) + "\n"


def adopted_words(found: Sequence[AdoptedRegistry]) -> str:
    """Return how much was found in the registries of a host."""
    grants = [grant for registry in found for grant in registry.grants]
    numbers = (
        (sum(len(registry.repositories) for registry in found), "repository", "repositories"),
        (len(grants), "grant", "grants"),
        (sum("wider" in grant for grant in grants), *["wider than what is there"] * 2),
        (sum(len(registry.undeclarable) for registry in found), *["that no grant can express"] * 2),
    )
    return ", ".join(f"{number} {one if number == 1 else many}" for number, one, many in numbers)


def _by_principal(names: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, principal in sorted(names.items()):
        read = read_principal(principal, None)
        found.setdefault(principal if read is None else read.name, name)
    return found


def _is_template(text: str) -> bool:
    return any(mark in text for mark in _TEMPLATES)


@dataclass(frozen=True)
class _Merged:
    """A grant, and the regions in which it is."""

    grant: Mapping[str, Any]
    regions: tuple[str, ...]
    wider: tuple[str, ...]


def _merged(grants: Iterable[tuple[str, Mapping[str, Any]]]) -> list[_Merged]:
    """Return each grant once, with the regions in which it is the same."""
    found: dict[Any, list[tuple[str, Mapping[str, Any]]]] = {}
    for region, grant in grants:
        key = tuple(tuple(grant.get(name, ())) for name in _MEMBERS)
        found.setdefault(key, []).append((region, grant))
    return [
        _Merged(
            same[0][1],
            tuple(dict.fromkeys(region for region, _grant in same)),
            tuple(sorted({action for _region, grant in same for action in grant.get("wider", ())})),
        )
        for same in found.values()
    ]


def _grants(
    merged: Iterable[_Merged], registries: Sequence[AdoptedRegistry], regions: Sequence[str], names: _Names
) -> list[str]:
    lines = [line for one in merged for line in _grant(one, registries, regions, names)]
    # Under a name of its own: a list in host_vars replaces that of the same name in group_vars.
    return ["", "ecr_share_grants_adopted:", *lines] if lines else ["", "ecr_share_grants_adopted: []"]


def _grant(
    merged: _Merged, registries: Sequence[AdoptedRegistry], regions: Sequence[str], names: _Names
) -> Iterator[str]:
    """Yield the lines of a grant; none if all of its principals would be templates."""
    grant = merged.grant
    principals = [principal for principal in grant["principals"] if not _is_template(principal)]
    if not principals:
        return
    yield "  - principals:"
    for principal in principals:
        name, usable = names.of(principal), names.usable(principal)
        remark = name if usable is None else principal
        yield f"      - {_scalar(usable or principal)}{'' if remark is None else f'  # {word(remark)}'}"
    more = f"  # more than there is today: {', '.join(map(word, merged.wider))}" if merged.wider else ""
    yield f"    access: [{', '.join(map(_scalar, grant['access']))}]{more}"
    if grant.get("lambda_regions"):
        yield from _list("lambda_regions", grant["lambda_regions"], "    ")
    to_come = grant.get("apply_to", ())
    patterns = () if to_come else _patterns(grant["repositories"], _repositories(registries, merged.regions))
    yield from _list("repositories", grant["repositories"], "    ", _remark(patterns))
    if to_come:
        yield from _list("apply_to", to_come, "    ")
    if set(merged.regions) != set(regions):
        yield from _list("regions", merged.regions, "    ")


def _remark(patterns: Sequence[str]) -> str:
    if not patterns:
        return ""
    return f"  # all that {' and '.join(patterns)} {'matches' if len(patterns) == 1 else 'match'} today"


def _repositories(registries: Iterable[AdoptedRegistry], regions: Sequence[str]) -> list[str]:
    return [name for registry in registries if registry.region in regions for name in registry.repositories]


def _patterns(listed: Sequence[str], existing: Sequence[str]) -> tuple[str, ...]:
    """Return the patterns that match exactly the listed ones of the existing repositories; none if none do."""
    wanted, others = frozenset(listed), frozenset(existing).difference(listed)
    if not wanted:
        return ()
    if len(wanted) > 1 and not others:
        return ("*",)
    # Whatever begins like another repository is not all of anything.
    taken = frozenset(prefix for name in others for prefix in _prefixes(name))
    found: dict[str, int] = {}
    for name in sorted(wanted):
        prefix = next((prefix for prefix in _prefixes(name) if prefix not in taken), None)
        if prefix is None:
            return ()
        found[prefix] = found.get(prefix, 0) + 1
    # A pattern for a single one suggests more than is known.
    return tuple(f"{prefix}*" for prefix in found) if len(found) <= _MOST_PATTERNS and min(found.values()) > 1 else ()


def _prefixes(name: str) -> list[str]:
    """Return what patterns of a repository's name begin with, the shortest first."""
    return [name[: index + 1] for index, character in enumerate(name) if character == "/"]


def _undeclarable(
    registries: Sequence[AdoptedRegistry], regions: Sequence[str], merged: Iterable[_Merged], names: _Names
) -> Iterator[str]:
    """Yield comments that say what is not declared, each with its reason and place."""
    found: dict[Any, list[str]] = {}
    for registry in registries:
        for one in registry.undeclarable:
            members = (one["reason"], one["policy"], one["sid"], tuple(one["repositories"]), tuple(one["principals"]))
            found.setdefault(members, []).append(registry.region)
    for same in merged:
        templates = tuple(filter(_is_template, same.grant["principals"]))
        if templates:
            key = (
                "Ansible would take the name for a template.",
                "repository",
                None,
                same.grant["repositories"],
                templates,
            )
            found.setdefault((key[0], key[1], key[2], tuple(key[3]), key[4]), []).extend(same.regions)
    if not found:
        return
    yield ""
    yield from _comment("What no grant can express. It stays as it is, unless its reason says something else:")
    for (reason, policy, sid, repositories, principals), where in found.items():
        shown = _patterns(repositories, _repositories(registries, where)) or tuple(map(word, repositories))
        place = ", ".join(shown) if policy == "repository" else "The policy of the registry"
        only = "" if set(where) == set(regions) else f" in {', '.join(map(word, dict.fromkeys(where)))}"
        statement = "" if sid is None else f", statement {quoted(sid)}"
        who = f": {', '.join(map(names.told, principals))}" if principals else ""
        yield "#"
        yield from _comment(f"{place}{only}{statement}{who}", "- ")
        yield from _comment(reason, "  ")


def _unread(registries: Iterable[AdoptedRegistry], regions: Sequence[str]) -> Iterator[str]:
    """Yield comments that say what could not be read."""
    for registry in registries:
        for what, why in registry.unread.items():
            where = f" in {word(registry.region)}" if len(regions) > 1 else ""
            yield ""
            yield from _comment(f"Not declared, because it could not be read: {what}{where}: {why}")


def _comment(text: str, begin: str = "") -> list[str]:
    """Return a text as lines of a comment."""
    return wrap(
        visible(text),
        _WIDTH,
        initial_indent=f"# {begin}",
        subsequent_indent="# " + " " * len(begin),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _list(name: str, values: Sequence[str], indent: str, remark: str = "") -> list[str]:
    scalars = list(map(_scalar, values))
    line = ", ".join(scalars)
    if len(line) <= _SHORT:
        return [f"{indent}{name}: [{line}]{remark}"]
    return [f"{indent}{name}:{remark}", *(f"{indent}  - {scalar}" for scalar in scalars)]


def _scalar(text: str) -> str:
    """Return a text as YAML has it, in one line: plain where that can be nothing else."""
    if _PLAIN.fullmatch(text) and text not in _NO_TEXTS:
        return text
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isascii() and character.isprintable():
        return character
    return f"\\U{ord(character):08x}"
