# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""The grants that would declare what many repositories have: as few as a person can read, and exactly what is there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar

from .._evaluation.adoption import Adoptable, Declaration, Undeclarable, adoptable, names_of
from .._evaluation.effective_access import Share
from .._evaluation.evaluator import ParsedPolicy
from .._evaluation.questions import Match, match
from .._evaluation.statements import PolicyOrigin
from .._iam.document import MAX_LENGTH, Policy, serialise
from .._iam.principals import Principal
from .._repository_names import template_label
from .._sharing.capabilities import NAMES
from .._sharing.grants import Grant
from .._sharing.managed_statements import ManagedStatements
from .._sharing.merge import share
from .._text import printable
from .adoption_to_come import AdoptedPolicy, AdoptedTemplates, PatternGrant

_OF_REGISTRY = "It is in the policy of the registry, and no grant for the registry declares it."
NOTHING_OF_REGISTRY = AdoptedPolicy()
# More characters than a new statement has without its principals, than there are around the name of a principal, and
# than what stands for the Lambda functions of an account has.
_NEW_STATEMENT, _AROUND_NAME, _FUNCTIONS = 500, 40, 100
_Who = TypeVar("_Who", str, "str | None")
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")
# The repositories in which somebody has something.
_Cells = Mapping[_Who, Iterable[str]]


class _Access(NamedTuple):
    """What a grant gives."""

    access: tuple[str, ...]
    lambda_regions: tuple[str, ...]

    @property
    def order(self) -> tuple[int, ...]:
        """What brings accesses into the order of the capabilities."""
        return (len(self.access), *map(NAMES.index, self.access))


class _Reason(NamedTuple):
    """Why something of a statement cannot be declared."""

    policy: PolicyOrigin
    sid: str | None
    reason: str


def adoptable_of(
    parsed: ParsedPolicy, policy: Policy | None, principal: Principal | None = None, *, resource: str | None = None
) -> Adoptable:
    """Return what of the policy of a repository, and of its registry, can be declared, and what cannot.

    Args:
        parsed: What the policy says.
        policy: The policy.
        principal: Who is asked for, with those that are a part of it; None for all.
        resource: The ARN of the repository; None where it is not known.
    """
    if principal is None:
        found = parsed.adoptable()
        more = _too_long(found, parsed, policy, resource)
    else:
        found = adoptable(_belonging(parsed.own_shares(), principal, parsed), parsed.registry)
        more = ()
    more += _of_registry(parsed, principal)
    return replace(found, undeclarable=(*found.undeclarable, *more)) if more else found


def adopted(
    found: Mapping[str, Adoptable],
    registry_policy: ParsedPolicy,
    principal: Principal | None = None,
    *,
    of_registry: AdoptedPolicy = NOTHING_OF_REGISTRY,
    of_templates: AdoptedTemplates | None = None,
) -> dict[str, Any]:
    """Return the grants for many repositories and for those to come, and what cannot be declared, in plain values.

    Args:
        found: What there is in each repository.
        registry_policy: The policy of the registry by itself. What of it is for none of the repositories is told, too.
        principal: Who is asked for; None for all.
        of_registry: What of the policy of the registry is declared.
        of_templates: What of templates is declared, and what cannot be; None where nobody asked for them.
    """
    grants: dict[_Access, dict[str, list[str]]] = {}
    wider: dict[tuple[_Access, str, str], tuple[str, ...]] = {}
    reasons: dict[_Reason, dict[str | None, dict[str, None]]] = {}
    positions: dict[_Reason, set[int]] = {}

    def tell(one: Undeclarable, *repositories: str) -> None:
        statement = one.statement
        origin, sid = (PolicyOrigin.REPOSITORY, None) if statement is None else (statement.origin, statement.sid)
        if origin is PolicyOrigin.REGISTRY and statement and (statement.position, one.principal) in of_registry.told:
            return
        key = _Reason(origin, sid, one.reason)
        reasons.setdefault(key, {}).setdefault(one.principal, {}).update(dict.fromkeys(repositories))
        positions.setdefault(key, set()).update(() if statement is None else (statement.position,))

    for name, adoptables in found.items():
        for declared in adoptables.declarations:
            access = _Access(declared.access, declared.lambda_regions)
            grants.setdefault(access, {}).setdefault(declared.principal.name, []).append(name)
            if declared.wider:
                wider[access, declared.principal.name, name] = declared.wider
        for one in adoptables.undeclarable:
            tell(one, name)
    seen = {position for key, listed in positions.items() if key.policy is PolicyOrigin.REGISTRY for position in listed}
    for one in _of_registry(registry_policy, principal):
        if one.statement is not None and one.statement.position not in seen:
            tell(one)
    for prefix, one in () if of_templates is None else of_templates.undeclarable:
        tell(one, template_label(prefix))
    return {
        "grants": list(_grants(grants, wider)),
        "registry_grants": _grants_to_come(of_registry.grants),
        **({} if of_templates is None else {"template_grants": _grants_to_come(of_templates.grants)}),
        "undeclarable": list(_undeclarable(reasons, positions)),
    }


def _grants_to_come(found: Iterable[PatternGrant]) -> list[dict[str, Any]]:
    """Return the grants for repositories to come, in the form of those for repositories."""
    grants: dict[_Access, dict[str, list[str]]] = {}
    wider: dict[tuple[_Access, str, str], tuple[str, ...]] = {}
    for one in found:
        declared, name = one.declaration, one.declaration.principal.name
        access = _Access(declared.access, declared.lambda_regions)
        grants.setdefault(access, {}).setdefault(name, []).append(one.pattern)
        if declared.wider:
            wider[access, name, one.pattern] = declared.wider
    return list(_grants(grants, wider))


def belonging_to(principal: Principal | None, policy: ParsedPolicy) -> frozenset[Principal] | None:
    """Return a principal and its parts, as the policy of a registry names them; None for all."""
    return (
        None
        if principal is None
        else frozenset(one.principal for one in _belonging(policy.shares(), principal, policy))
    )


def _belonging(shares: Iterable[Share], principal: Principal, policy: ParsedPolicy) -> list[Share]:
    """Return the shares of a principal and of its parts."""
    return [share for share in shares if match(share, principal, policy) in (Match.EXACT, Match.MEMBER)]


def _too_long(
    found: Adoptable, parsed: ParsedPolicy, policy: Policy | None, resource: str | None
) -> tuple[Undeclarable, ...]:
    """Return that a policy would be too long with its own grants beside its unmanaged statements, if it would."""
    if policy is None or not parsed.unmanaged_statements():
        return ()
    before, registry = len(serialise(policy)), parsed.registry
    if before + _most_added(found.declarations) <= MAX_LENGTH:
        return ()
    grants = [
        Grant(declared.principal, frozenset(declared.access), declared.lambda_regions or None)
        for declared in found.declarations
    ]
    managed = ManagedStatements(registry.partition, resource)
    after = share(policy, grants, managed=managed, registry_id=registry.registry_id or "").policy
    length = before if after is None else len(serialise(after))
    if length <= MAX_LENGTH:
        return ()
    reason = (
        f"It is declared, but beside what is there it would make the policy {length:,} characters long, and AWS allows "
        f"{MAX_LENGTH:,}: share it with unmanaged_access=revoke, which replaces what is there."
    )
    return (Undeclarable(None, None, reason),)


def _most_added(declarations: Sequence[Declaration]) -> int:
    """Return more characters than grants add to a policy."""
    statements = {(one.principal.kind, name) for one in declarations for name in (*one.access, *one.lambda_regions)}
    values = sum(
        (len(one.principal.name) + _AROUND_NAME) * len(one.access) + _FUNCTIONS * len(one.lambda_regions)
        for one in declarations
    )
    return _NEW_STATEMENT * len(statements) + values


def _of_registry(policy: ParsedPolicy, principal: Principal | None) -> tuple[Undeclarable, ...]:
    """Return what the policy of the registry does: nothing of it can be declared for repositories."""
    shares = policy.shares() if principal is None else _belonging(policy.shares(), principal, policy)
    found = [
        Undeclarable(numbered, share.principal.name, _OF_REGISTRY)
        for share in shares
        for numbered in share.statements
        if numbered.origin is PolicyOrigin.REGISTRY
    ]
    if principal is None:
        denying = (one for one in policy.effective_statements if one.statement.denies)
        found += [
            Undeclarable(numbered, who, _OF_REGISTRY)
            for numbered in denying
            if numbered.origin is PolicyOrigin.REGISTRY
            for who in names_of(numbered)
        ]
    return tuple(dict.fromkeys(found))


def _grants(
    found: Mapping[_Access, _Cells[str]], wider: Mapping[tuple[_Access, str, str], tuple[str, ...]]
) -> Iterator[dict[str, Any]]:
    """Yield the grants, in an order that does not depend on AWS's."""
    listed = [(access, *block) for access, cells in found.items() for block in _blocks(cells)]
    for access, principals, repositories in sorted(listed, key=lambda one: (one[2], one[0].order, one[0], one[1])):
        more = {
            action
            for principal in principals
            for name in repositories
            for action in wider.get((access, principal, name), ())
        }
        yield {
            "principals": list(principals),
            "access": list(access.access),
            **({"lambda_regions": list(access.lambda_regions)} if access.lambda_regions else {}),
            "repositories": list(repositories),
            **({"wider": sorted(more)} if more else {}),
        }


def _undeclarable(
    reasons: Mapping[_Reason, _Cells[str | None]], positions: Mapping[_Reason, Collection[int]]
) -> Iterator[dict[str, Any]]:
    """Yield what cannot be declared, that of the registry last, in an order that does not depend on AWS's."""
    listed = [(key, *block) for key, cells in reasons.items() for block in _blocks(cells)]
    for key, principals, repositories in sorted(listed, key=_place):
        where = positions[key]
        yield {
            "repositories": list(repositories),
            "policy": key.policy.value,
            **({"position": min(where)} if len(where) == 1 else {}),
            "sid": None if key.sid is None else printable(key.sid),
            "principals": [printable(name) for name in principals if name],
            "reason": printable(key.reason),
        }


def _place(block: tuple[_Reason, tuple[str | None, ...], tuple[str, ...]]) -> tuple[Any, ...]:
    reason, principals, repositories = block
    return (
        reason.policy is PolicyOrigin.REGISTRY,
        repositories,
        reason.sid or "",
        reason.reason,
        list(map(str, principals)),
    )


def _blocks(cells: _Cells[_Who]) -> list[tuple[tuple[_Who, ...], tuple[str, ...]]]:
    """Return who has something where: each of the first of a block has it in all of the second.

    Those who have it in the same repositories are together, or else the repositories in which the same have it:
    whichever takes fewer blocks, and then fewer words.
    """
    columns = _together({who: tuple(sorted(names)) for who, names in cells.items()})
    by_name: dict[str, list[_Who]] = {}
    for who, names in cells.items():
        for name in names:
            by_name.setdefault(name, []).append(who)
    rows = _together({name: tuple(sorted(whom, key=str)) for name, whom in by_name.items()})
    by_column = [(tuple(sorted(whom, key=str)), names) for names, whom in columns.items()]
    by_row = [(whom, tuple(sorted(names))) for whom, names in rows.items()]
    # What is nowhere is in no row.
    return by_column if () in columns else min(by_row, by_column, key=_size)


def _together(listed: Mapping[_Key, _Value]) -> dict[_Value, list[_Key]]:
    """Return which keys have the same value."""
    found: dict[_Value, list[_Key]] = {}
    for key, value in listed.items():
        found.setdefault(value, []).append(key)
    return found


def _size(blocks: Sequence[tuple[Sized, Sized]]) -> tuple[int, int]:
    return len(blocks), sum(len(whom) + len(names) for whom, names in blocks)
