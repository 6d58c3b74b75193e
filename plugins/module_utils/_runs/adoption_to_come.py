# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""The grants that would declare what the policy of a registry and its templates have, for repositories to come.

The rules:

* Of the policy of a registry, what managed statements give is declared, for the pattern that they have. All else stays
  as it is, and is told with the other statements that no grant can express.
* Of templates, what can be declared of a repository's policy can be declared of theirs. A grant names repositories, and
  is for every template whose repositories these include: a grant for C(ROOT) is for all templates. So what a template
  gives is declared only if all others that the grant would be for give it as well, and if what is declared there is all
  that the principal has there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from .._evaluation.adoption import Adoptable, Declaration, Undeclarable
from .._evaluation.statements import NumberedStatement
from .._iam.principals import Principal
from .._repository_names import template_repositories
from .._sharing.capabilities import Access, actions_of, ordered
from .._sharing.registry_statements import RegistryStatements, include

_NARROWER = (
    "A grant for this template is for those with a longer prefix as well, and there the principal has more or less."
)


@dataclass(frozen=True)
class PatternGrant:
    """What declares what a principal gets in repositories that a pattern matches.

    Args:
        declaration: What.
        pattern: The pattern.
    """

    declaration: Declaration
    pattern: str


@dataclass(frozen=True)
class AdoptedPolicy:
    """What of the policy of a registry is declared.

    Args:
        grants: What declares it.
        told: The principals that are declared, each by the statement that names it.
    """

    grants: tuple[PatternGrant, ...] = ()
    told: frozenset[tuple[int, str]] = frozenset()


def adopted_policy(
    statements: Iterable[NumberedStatement],
    managed: RegistryStatements,
    owner: str,
    wanted: frozenset[Principal] | None,
) -> AdoptedPolicy:
    """Return what of the policy of a registry is declared.

    Args:
        statements: Its statements.
        managed: Which of them are managed.
        owner: The account that owns it, which needs no grant.
        wanted: Who is asked for; None for all.
    """
    actions: dict[tuple[Principal, str], set[str]] = {}
    accesses: dict[tuple[Principal, str], Access] = {}
    told: set[tuple[int, str]] = set()
    for numbered in statements:
        ours = managed.match(numbered.statement.document)
        if ours is None:
            continue
        pattern = str(ours.slot.repositories)
        for principal in filter(None, (managed.holder(ours.slot, value) for value in ours.values)):
            if principal.name == owner or not (wanted is None or principal in wanted):
                continue
            key = (principal, pattern)
            accesses[key] = accesses.get(key, frozenset()) | ours.slot.access
            actions.setdefault(key, set()).update(ours.slot.actions)
            told.add((numbered.position, principal.name))
    grants = [
        PatternGrant(
            Declaration(
                principal,
                ordered(access),
                wider=tuple(sorted(frozenset(actions_of(access)) - actions[principal, pattern])),
            ),
            pattern,
        )
        for (principal, pattern), access in accesses.items()
    ]
    return AdoptedPolicy(tuple(grants), frozenset(told))


@dataclass(frozen=True)
class AdoptedTemplates:
    """What of templates is declared.

    Args:
        grants: What declares it.
        undeclarable: By the prefix, what no grant can express.
    """

    grants: tuple[PatternGrant, ...] = ()
    undeclarable: tuple[tuple[str, Undeclarable], ...] = ()


def adopted_templates(found: Mapping[str, Adoptable]) -> AdoptedTemplates:
    """Return what of templates is declared, and what cannot be.

    Args:
        found: By the prefix, what of the policy of each template can be declared by itself.
    """
    undeclarable = [(prefix, one) for prefix, adoptable in found.items() for one in adoptable.undeclarable]
    within = {prefix: frozenset(_within(prefix, found)) for prefix in found}
    had: dict[Principal, dict[str, list[Declaration]]] = {}
    for prefix, adoptable in found.items():
        for declaration in adoptable.declarations:
            had.setdefault(declaration.principal, {}).setdefault(prefix, []).append(declaration)
    grants: list[PatternGrant] = []
    for principal, by_prefix in had.items():
        declared = _declared(by_prefix, within)
        undeclarable += (
            (prefix, Undeclarable(None, principal.name, _NARROWER))
            for prefix, listed in by_prefix.items()
            if not all(_has(one, _at(prefix, declared, within)) for one in listed)
        )
        grants += (
            PatternGrant(one, template_repositories(prefix))
            for prefix, one in declared
            # What a wider one declares is not said again.
            if not any(other != prefix and same == one and prefix in within[other] for other, same in declared)
        )
    return AdoptedTemplates(tuple(grants), tuple(undeclarable))


# What is declared for all templates that a grant for one of them is for.
_Candidates = Sequence[tuple[str, Declaration]]


def _declared(had: Mapping[str, Sequence[Declaration]], within: Mapping[str, frozenset[str]]) -> _Candidates:
    """Return what of one principal can be declared, so that it gains and loses nothing in any template.

    Args:
        had: What it has, by the prefix.
        within: By the prefix, the templates that a grant for this one is for.
    """
    found = [
        (prefix, one)
        for prefix, listed in had.items()
        for one in listed
        if all(_has(one, had.get(other, ())) for other in within[prefix])
    ]
    while True:
        # Where a grant is for it, a principal has what is declared and no more.
        losing = {
            prefix
            for prefix, listed in had.items()
            for there in [_at(prefix, found, within)]
            if there and not all(_has(one, there) for one in listed)
        }
        if not losing:
            return found
        found = [(prefix, one) for prefix, one in found if within[prefix].isdisjoint(losing)]


def _at(prefix: str, declared: _Candidates, within: Mapping[str, frozenset[str]]) -> list[Declaration]:
    """Return what is declared in a template."""
    return [one for wider, one in declared if prefix in within[wider]]


def _within(prefix: str, prefixes: Iterable[str]) -> Iterator[str]:
    """Yield the templates that a grant for one of them is for."""
    pattern = template_repositories(prefix)
    return (other for other in prefixes if include((pattern,), template_repositories(other)))


def _has(wanted: Declaration, there: Iterable[Declaration]) -> bool:
    """Return whether somebody has what is declared, and maybe more."""
    known = list(there)
    access = {name for one in known for name in one.access}
    regions = {region for one in known for region in one.lambda_regions}
    return access.issuperset(wanted.access) and ("*" in regions or regions.issuperset(wanted.lambda_regions))
