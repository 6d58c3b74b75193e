# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Findings that say the same of many repositories, as one: for people, who read a line and not a thousand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from .._repository_names import REGISTRY_LABEL, label_text
from .._sharing.capabilities import CAPABILITIES
from .._text import quoted, word, words
from .amounts import REPORTED_ONLY
from .audited import AuditedRegistry
from .finding import EXCEPTION, KINDS, UNREAD, Finding
from .kinds import Kind, kind_of, numbers
from .places import compressed

REGISTRY_POLICY = "the registry policy"
# So many statements are named in a sentence.
_MOST_STATEMENTS = 3


@dataclass(frozen=True)
class Place:
    """The same repositories of one owner, in one region or several.

    Args:
        owner: What people call the owner.
        regions: The regions.
        repositories: Names and patterns, and REGISTRY_POLICY.
        names: The name of each row that these are, once for each region.
    """

    owner: str
    regions: tuple[str, ...]
    repositories: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def number(self) -> int:
        """How many repositories and templates that are, in all regions together."""
        return len(self.names)

    @property
    def registry(self) -> str:
        """What people call the registry, or the registries."""
        return " ".join(filter(None, (self.owner, words(self.regions))))


@dataclass(frozen=True)
class Group:
    """Findings of one kind that say the same of the same places, of one principal or of several.

    Args:
        findings: Those, at least one.
        places: Where; all of the principals have it in all of them.
    """

    findings: tuple[Finding, ...]
    places: tuple[Place, ...]

    @property
    def first(self) -> Finding:
        return self.findings[0]

    @property
    def principals(self) -> tuple[str, ...]:
        """Whom they are about, for people."""
        return tuple(dict.fromkeys(one.who for one in self.findings if one.principal is not None))

    @property
    def registries(self) -> int:
        """How many registries they are about."""
        return sum(len(place.regions) for place in self.places)

    @property
    def number(self) -> int:
        """How many repositories and templates they are about."""
        return sum(place.number for place in self.places)

    @property
    def numbers(self) -> str:
        """The same in words, with the policies of registries."""
        policies = (
            REGISTRY_LABEL for one in self.places if REGISTRY_POLICY in one.repositories for _region in one.regions
        )
        return numbers((*(name for place in self.places for name in place.names), *policies))

    @property
    def what(self) -> str:
        """What they say of the principal, in a few words."""
        finding = self.first
        if finding.kind in (UNREAD, EXCEPTION):
            others = len({one.message for one in self.findings}) - 1
            return f"{finding.message}; and {others} more" if others else finding.message
        return finding.what or _WITHOUT_ACCESS.get(finding.kind, "access")

    @property
    def statements(self) -> str:
        """The statements, if all of them name the same few; or else empty."""
        every = {finding.statements for finding in self.findings}
        (statements,) = every if len(every) == 1 else ((),)
        if not 0 < len(statements) <= _MOST_STATEMENTS:
            return ""
        named = [
            f"{'' if one.policy == 'repository' else 'registry policy '}{one.position}"
            + ("" if one.sid is None else f" {quoted(one.sid)}")
            for one in statements
        ]
        return f"{'statement' if len(named) == 1 else 'statements'} {', '.join(named)}"


# Capabilities that take certain actions are those that move images.
_OF_IMAGES = frozenset(capability.name for capability in CAPABILITIES if capability.required)
_WITHOUT_ACCESS = {
    "deleted_principal": "deleted, and still named",
    "drift": "as declared, by other statements than sharing would write",
}


def groups(findings: Iterable[Finding], registries: Iterable[AuditedRegistry]) -> tuple[Group, ...]:
    """Return findings that say the same as one: by kind, the certain ones first, and of them who has most.

    Args:
        findings: The findings.
        registries: Those that they are of.
    """
    names: dict[tuple[str, str], frozenset[str]] = {}
    for one in registries:
        where = (one.key.registry_id, one.key.region)
        # A pattern stands for no repository of which nothing is known.
        there = (row["name"] for row in one.rows if kind_of(row["name"]) is Kind.REPOSITORIES)
        names[where] = names.get(where, frozenset()).union(there)
    found: dict[tuple[object, ...], list[Finding]] = {}
    for finding in findings:
        found.setdefault(_key(finding), []).append(finding)
    # Often, many principals have the same in the same repositories.
    alike: dict[tuple[object, ...], Group] = {}
    for (_principal, *said), members in found.items():
        places = _places(members, names)
        key = (*said, places)
        known = alike[key].findings if key in alike else ()
        alike[key] = Group((*known, *members), places)
    return tuple(sorted(alike.values(), key=_danger))


def counted(findings: Iterable[Finding]) -> str:
    """Return how many findings there are of each kind, the most dangerous first."""
    numbers = Counter(finding.kind for finding in findings)
    return ", ".join(f"{kind} {numbers[kind]}" for kind in KINDS if numbers[kind])


def names_told(names: Iterable[str]) -> str:
    """Return names of repositories and templates, and REGISTRY_POLICY, as an enumeration."""
    return ", ".join(name if name == REGISTRY_POLICY else label_text(name) for name in names)


def label_of(host: str, registry_id: str, region: str = "") -> str:
    """Return what people call a registry. Where nobody says whose it is, its host is its id."""
    return " ".join(map(word, filter(None, dict.fromkeys((host, registry_id, region)))))


def _key(finding: Finding) -> tuple[object, ...]:
    # Each says something else, but for that repositories could not be read.
    name = finding.repository
    alike = name is not None and kind_of(name) is Kind.REPOSITORIES
    said = finding.message if finding.kind == EXCEPTION or (finding.kind == UNREAD and not alike) else None
    accepted = finding.accepted
    return (finding.principal, finding.kind, finding.certain, finding.amount, finding.lacking, accepted, said)


def _danger(group: Group) -> tuple[object, ...]:
    finding = group.first
    access = finding.amount.access
    unusual = [name not in access for name in reversed(REPORTED_ONLY)]
    # Who pushes is worse than who looks; what is missing harms nobody.
    most = (len(access & _OF_IMAGES), len(access), len(finding.amount.other_actions), group.number)
    return (KINDS.index(finding.kind), not finding.certain, finding.lacking, unusual, [-number for number in most])


def _places(findings: Sequence[Finding], names: Mapping[tuple[str, str], frozenset[str]]) -> tuple[Place, ...]:
    by_registry: dict[tuple[str, str, str], dict[str | None, None]] = {}
    for finding in findings:
        where = (finding.host, finding.registry_id, finding.region)
        by_registry.setdefault(where, {})[finding.repository] = None
    found: dict[tuple[str, tuple[str, ...]], Place] = {}
    for (host, registry_id, region), members in by_registry.items():
        own = [name for name in members if name is not None]
        told = (
            *((REGISTRY_POLICY,) if None in members else ()),
            *compressed(own, names.get((registry_id, region), ())),
        )
        owner = label_of(host, registry_id)
        known = found.get((owner, told), Place(owner, (), told, ()))
        found[(owner, told)] = replace(known, regions=(*known.regions, region), names=(*known.names, *own))
    return tuple(found.values())
