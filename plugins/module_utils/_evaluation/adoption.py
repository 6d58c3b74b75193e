# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Which grants would declare what a policy gives, and what of it no grant can express.

The rules:

* What a principal has without conditions is declared, of whatever statements it is: the fewest capabilities that cover
  it. Where they have more actions, the grant is wider, and says by what. With what the principal has itself, no
  capability can be used by that which could not be used before.
* What is under a condition is not declared, nor is what a Deny takes as a whole.
* Of a principal that has more, such as actions of no capability, the rest is told, and the part is declared. With
  O(unmanaged_access=revoke), a declared principal loses the rest; that is told as well.
* Nobody is declared who would lose something of the pull or the push by that, such as what is under a condition. So it
  is with Lambda: if single functions of an account are let in, or another service is for it, no regions are declared.
* The account that owns the registry needs no grant. Its Lambda functions may need one.
* Every statement that is not declared as a whole is told, with a reason.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, combinations
from typing import NamedTuple

from .._iam.arns import is_region
from .._iam.principals import Principal, PrincipalType, read_principal
from .._sharing.capabilities import ALLOW_LAMBDA, CAPABILITIES, NAMES, Access, actions_of, ordered
from .._text import words
from .actions import ADMIN_ACTIONS
from .effective_access import Share
from .statements import NOT_PRINCIPAL, NumberedStatement, ParsedStatement

# So many actions or conditions are told of one statement.
MOST_TOLD = 6


@dataclass(frozen=True)
class Declaration:
    """What declares what a principal gets.

    Args:
        principal: Who gets it.
        access: The capabilities, in the order of their table.
        lambda_regions: The regions, or C(*), whose Lambda functions may pull, sorted.
        wider: The actions that it has not got, and would get, sorted.
    """

    principal: Principal
    access: tuple[str, ...]
    lambda_regions: tuple[str, ...] = ()
    wider: tuple[str, ...] = ()


@dataclass(frozen=True)
class Undeclarable:
    """What no grant can express of a statement.

    Args:
        statement: The statement; None for the policy as a whole.
        principal: The name of whom it is about; None for nobody.
        reason: One sentence, or two.
    """

    statement: NumberedStatement | None
    principal: str | None
    reason: str


@dataclass(frozen=True)
class Adoptable:
    """What of a policy can be declared, and what cannot."""

    declarations: tuple[Declaration, ...] = ()
    undeclarable: tuple[Undeclarable, ...] = ()


NOTHING = Adoptable()


@dataclass(frozen=True)
class Registry:
    """Where the policy is.

    Args:
        partition: The partition of the registry.
        registry_id: The account that owns it; None where that is not known.
    """

    partition: str
    registry_id: str | None


def adoptable(
    shares: Iterable[Share], registry: Registry, statements: Iterable[NumberedStatement] | None = None
) -> Adoptable:
    """Return what of some shares can be declared, and what cannot.

    Args:
        shares: Those of one repository's own policy, of which any may be left out.
        registry: Where it is.
        statements: All statements of the policy; None where only what the shares name is wanted.
    """
    listed = list(shares)
    by_principal: dict[Principal, list[Share]] = {}
    for share in listed:
        by_principal.setdefault(share.principal, []).append(share)
    declarations: list[Declaration] = []
    told: list[Undeclarable] = []
    # Many principals have the same, and only their names differ.
    verdicts: dict[Hashable, _Verdict] = {}
    for principal, of_one in by_principal.items():
        alike = _likeness(principal, of_one, registry)
        verdict = verdicts.get(alike)
        if verdict is None:
            verdict = verdicts[alike] = _verdict(principal, of_one, registry)
        declarations += (Declaration(principal, *declared) for declared in verdict.declared)
        told += (Undeclarable(numbered, principal.name, reason) for numbered, reason in verdict.reasons)
    told += _denying(listed) if statements is None else _without_share(listed, statements)
    # A share may have a statement twice: with and without the tags of a request.
    return Adoptable(tuple(declarations), tuple(dict.fromkeys(told)))


@lru_cache(maxsize=1024)
def covering(actions: frozenset[str]) -> Access:
    """Return the fewest capabilities that cover as many of some actions as they can, with as few others as possible.

    None of them, and no other capability, can be used with them that cannot be used without.
    """
    unusable = [capability for capability in CAPABILITIES if not actions >= capability.required]
    candidates = [
        capability.name
        for capability in CAPABILITIES
        if capability not in unusable and actions & frozenset(capability.action_sets[-1])
    ]
    choices = chain.from_iterable(combinations(candidates, number) for number in range(len(candidates) + 1))
    with_actions = [(frozenset(choice), frozenset(actions_of(frozenset(choice)))) for choice in choices]
    return min(
        (
            (access, given)
            for access, given in with_actions
            if not any(actions | given >= capability.required for capability in unusable)
        ),
        key=lambda one: (len(actions - one[1]), len(one[1] - actions), len(one[0])),
    )[0]


class _Verdict(NamedTuple):
    """What can be declared of the shares of one principal, and what cannot.

    Args:
        declared: Members of Declaration.
        reasons: Members of Undeclarable.
    """

    declared: tuple[tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]], ...]
    reasons: tuple[tuple[NumberedStatement, str], ...]


def _likeness(principal: Principal, shares: Iterable[Share], registry: Registry) -> Hashable:
    """Return what the verdict on the shares of a principal depends on."""
    return (
        principal.kind,
        principal.name == registry.registry_id,
        _is_nameable(principal, registry.partition),
        *(
            (
                share.actions,
                share.lambda_regions,
                share.denied_regions,
                share.conditions,
                share.statements,
                share.defeated,
                share.via_service,
                tuple([principal in numbered.statement.named for numbered in share.statements]),
            )
            for share in shares
        ),
    )


def _verdict(principal: Principal, shares: Sequence[Share], registry: Registry) -> _Verdict:
    """Return what of the shares of one principal can be declared, and what cannot."""
    obstacles = [_obstacle(share, registry) for share in shares]
    plain = [share for share, obstacle in zip(shares, obstacles, strict=True) if obstacle is None]
    others = [share for share, obstacle in zip(shares, obstacles, strict=True) if obstacle is not None]
    is_owner = principal.name == registry.registry_id
    actions = _union(plain)
    access = frozenset[str]() if is_owner else covering(actions)
    regions, why_no_regions = _regions(principal, plain, others)
    losing = bool(access or regions) and _is_losing(principal, actions, access, others)
    if losing:
        access, regions, why_no_regions = frozenset(), (), _LOSING
    given = frozenset(actions_of(access))
    reasons: list[tuple[NumberedStatement, str]] = []
    for share, obstacle in zip(shares, obstacles, strict=True):
        for numbered in share.statements:
            statement = numbered.statement
            if obstacle is not None:
                why: tuple[str, ...] = (obstacle,)
            elif statement.is_for_services:
                why = (why_no_regions,) if share.lambda_regions and why_no_regions is not None else ()
            elif is_owner or losing:
                why = (_OF_OWNER if is_owner else _LOSING,)
            else:
                why = _left_over(share.actions & statement.actions, given)
            if why:
                taken = (access or regions) and _is_taken(statement, principal)
                reasons += ((numbered, f"{one}.{_LOST if taken else ''}") for one in why)
    return _Verdict(tuple(_declared(actions, access, regions)), tuple(reasons))


def _union(shares: Iterable[Share]) -> frozenset[str]:
    return frozenset[str]().union(*(share.actions for share in shares))


def _declared(
    actions: frozenset[str], access: Access, regions: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]]:
    """Yield members of Declaration: one, or two where Lambda does not go with the access."""
    wider = tuple(sorted(frozenset(actions_of(access)) - actions))
    together = bool(access & ALLOW_LAMBDA) or not access
    if access or (regions and together):
        yield ordered(access), regions if together else (), wider
    if regions and not together:
        yield (), regions, ()


def _is_losing(principal: Principal, actions: frozenset[str], access: Access, others: Iterable[Share]) -> bool:
    """Return whether a principal could lose a capability by being declared, since the grant does not give it again.

    Args:
        principal: Whom the grant is for.
        actions: What it has without conditions.
        access: What the grant gives.
        others: What it has besides.
    """
    named = [
        share
        for share in others
        if share.via_service is None
        and not share.defeated
        and any(principal in numbered.statement.named for numbered in share.statements)
    ]
    # Even a part counts: an organization may have the rest.
    had, given = actions | _union(named), frozenset(actions_of(access))
    return any(not given >= had & capability.required for capability in CAPABILITIES)


def _regions(
    principal: Principal, plain: Iterable[Share], others: Iterable[Share]
) -> tuple[tuple[str, ...], str | None]:
    """Return the regions of functions to declare, and why there are none though functions may pull."""
    denied = {region for share in plain for region in share.denied_regions}
    found = {region for share in plain for region in share.lambda_regions} - denied
    if not found:
        return (), _DEFEATED if denied else None
    if principal.kind is not PrincipalType.ACCOUNT:
        return (), "It is for functions of more than one account, and a grant is for those of one"
    if not all(region == "*" or is_region(region) for region in found):
        return (), "It is for functions in a pattern of regions, and a grant names each region"
    if any(share.via_service is not None or share.lambda_regions for share in others):
        return (), "Other statements let in single functions or another service of the account"
    return tuple(sorted(found)), None


@lru_cache(maxsize=1024)
def _left_over(actions: frozenset[str], given: frozenset[str]) -> tuple[str, ...]:
    """Return what there is of actions that are not given."""
    left = actions - given
    parts = left & _OF_CAPABILITIES
    return tuple(
        f"{what} {_first(sorted(some, key=lambda action: (action not in ADMIN_ACTIONS, action)))}"
        for some, what in ((left - parts, "No capability has"), (parts, "Only a part of a capability:"))
        if some
    )


def _first(texts: Sequence[str]) -> str:
    """Return texts as an enumeration, the first few of many."""
    more = len(texts) - MOST_TOLD
    return words(texts[:MOST_TOLD]) + (f" and {more} more" if more > 0 else "")


def _denying(shares: Iterable[Share]) -> Iterator[Undeclarable]:
    """Yield the statements that take something from shares, or may."""
    for share in shares:
        for denial in share.denied_by:
            yield Undeclarable(denial.statement, share.principal.name, f"{_DENIES}.")


def _without_share(shares: Iterable[Share], statements: Iterable[NumberedStatement]) -> Iterator[Undeclarable]:
    """Yield the statements that are in no share, each with whom it names."""
    positions = {numbered.position for share in shares for numbered in share.statements}
    for numbered in statements:
        if numbered.position not in positions:
            reason = _DENIES if numbered.statement.denies else "It allows nothing that counts in this repository"
            for name in names_of(numbered):
                yield Undeclarable(numbered, name, f"{reason}.")


def names_of(numbered: NumberedStatement) -> tuple[str | None, ...]:
    """Return whom a statement names; None alone for nobody."""
    return tuple(who.name for who in numbered.statement.principals) or (None,)


def _is_taken(statement: ParsedStatement, principal: Principal) -> bool:
    """Return whether unmanaged_access=revoke takes a declared principal out of a statement."""
    return not statement.managed and principal in statement.named


def _obstacle(share: Share, registry: Registry) -> str | None:
    """Return why no grant can express a share; None if one can, but for some of the actions."""
    return next((why(share) for applies, why in _OBSTACLES if applies(share, registry)), None)


# Many policies name the same principals.
@lru_cache(maxsize=8192)
def _is_nameable(principal: Principal, partition: str) -> bool:
    return read_principal(principal.name, partition) == principal


_Applies = Callable[[Share, Registry], bool]


def _of(kind: PrincipalType) -> _Applies:
    return lambda share, _registry: share.principal.kind is kind


def _under(*keys: str) -> _Applies:
    return lambda share, _registry: any(condition.key.lower() in keys for condition in share.conditions)


def _said(reason: str) -> Callable[[Share], str]:
    return lambda _share: reason


def _for_everyone(share: Share) -> str:
    if any(condition.operator == NOT_PRINCIPAL for condition in share.conditions):
        return "It is for everyone but those that NotPrincipal names"
    return f"It is for everyone, under a condition on {_keys(share)}" if share.conditions else "It is for everyone"


def _keys(share: Share) -> str:
    return _first(list(dict.fromkeys(condition.key for condition in share.conditions)))


_DEFEATED = "A Deny takes all of it"
_DENIES = "It is a Deny, and a grant takes nothing away"
_OF_OWNER = "It is for the account that owns the registry, which needs no grant"
_LOSING = "A grant would take away what the principal has of the pull or the push by other statements"
_LOST = " unmanaged_access=revoke takes that away."
# Of several, the first is told.
_OBSTACLES: tuple[tuple[_Applies, Callable[[Share], str]], ...] = (
    (
        lambda share, _registry: all(numbered.statement.written_by for numbered in share.statements),
        _said("AWS Lambda writes it, and keeps it up to date"),
    ),
    (lambda share, _registry: share.defeated, _said(_DEFEATED)),
    (_of(PrincipalType.DELETED), _said("The role or user was deleted")),
    (
        lambda share, _registry: share.via_service is not None,
        lambda share: f"It is for what a service does for others: {words([share.via_service or ''])}",
    ),
    (_of(PrincipalType.SERVICE), _said("It is for a service, whomever that acts for")),
    (_of(PrincipalType.EVERYONE), _for_everyone),
    (
        lambda share, registry: not _is_nameable(share.principal, registry.partition),
        _said("No grant can name this principal"),
    ),
    (_under("aws:principalarn"), _said("It is for a pattern of principals, and a grant names each")),
    (_under("aws:sourcearn"), _said("It is for single functions, and a grant is for all of a region")),
    (
        lambda share, _registry: bool(share.conditions),
        lambda share: f"It is under a condition on {_keys(share)}",
    ),
)
_OF_CAPABILITIES = frozenset(chain.from_iterable(actions_of(frozenset({name})) for name in NAMES))
