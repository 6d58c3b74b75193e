# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Share and unshare: a policy and grants make another policy, and a list of what changed.

The rules:

- Pure: nothing that is passed in is changed, and the same input gives the same output.
- Idempotent: merging the result once more changes nothing.
- Unmanaged statements come out as they went in, in place, but for whoever is to leave them: unmanaged_access.py.
- A declared principal is in exactly the slots of its grant, those of the newest sets of actions. Whoever is not
  declared stays where they are, unless they are purged.
- A statement whose slot becomes empty is removed, and so is a policy without statements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Protocol

from .._iam.arns import is_unique_id
from .._iam.document import Policy, PolicyComparison, Statement, statements
from .._iam.principals import Principal, PrincipalType
from .capabilities import CAPABILITIES, ordered, versions
from .grants import Grant, gather
from .managed_statements import ManagedStatement, Slot
from .unmanaged_access import NOBODY, Leavers, Taken, held_by_hand, take_out


class Statements(Protocol):
    """What the merge knows of the managed statements in a kind of policies; ManagedStatements says what they do."""

    @property
    def partition(self) -> str: ...
    @property
    def version(self) -> str: ...
    def match(self, statement: Statement) -> ManagedStatement | None: ...
    def is_about_all(self, statement: Statement) -> bool: ...
    def repositories_of(self, statement: Statement) -> tuple[str, ...]: ...
    def gather(self, grants: Iterable[Grant]) -> tuple[Grant, ...]: ...
    def in_order(self, slots: Iterable[Slot]) -> Sequence[Slot]: ...
    def slots_of(self, grant: Grant) -> Mapping[Slot, tuple[str, ...]]: ...
    def holder(self, slot: Slot, value: str) -> Principal | None: ...
    def distinct(self, slot: Slot, value: str) -> str: ...
    def region(self, slot: Slot, value: str) -> str | None: ...
    def new_statement(self, slot: Slot, sid: str, values: Sequence[str]) -> dict[str, Any]: ...
    def with_values(self, statement: Statement, values: Sequence[str]) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Change:
    """Access that a principal gained or lost, in the managed statements and in those unmanaged ones that it has left.

    Args:
        principal: Its name, or a value that belongs to no principal.
        access: The capabilities, in the order of their table; none for the pull by Lambda functions alone. One that is
            given by a newer set of actions than before is gained.
        lambda_regions: The regions whose Lambda functions gained or lost the pull.
        repositories: The patterns of the repositories that it is for, in the policy of a registry.
    """

    principal: str
    access: tuple[str, ...]
    lambda_regions: tuple[str, ...] = ()
    repositories: tuple[str, ...] = ()


@dataclass(frozen=True)
class RevokedActions:
    """What a principal lost beside whole capabilities, when it left an unmanaged statement.

    Args:
        principal: Its name.
        actions: The actions as the statement spells them; those that it had through a service say so.
        repositories: The patterns of the repositories that it was for, in the policy of a registry.
    """

    principal: str
    actions: tuple[str, ...]
    repositories: tuple[str, ...] = ()


@dataclass(frozen=True)
class UnmanagedValue:
    """A value in a managed statement that no grant could have written. It belongs to no principal, and stays."""

    sid: str | None
    value: str


@dataclass(frozen=True)
class Merged:
    """What a merge comes to.

    Args:
        policy: The new policy; None for none.
        changed: Whether it differs in meaning from the old one.
        granted: What principals gained.
        revoked: What principals lost.
        unmanaged_values: What is in managed statements and belongs to no principal.
        revoked_actions: What else they lost.
    """

    policy: Policy | None
    changed: bool
    granted: tuple[Change, ...]
    revoked: tuple[Change, ...]
    unmanaged_values: tuple[UnmanagedValue, ...]
    revoked_actions: tuple[RevokedActions, ...] = ()


_Keep = Callable[[Slot, str], bool]
_Wanted = Mapping[Slot, Sequence[str]]
# The managed statements by their position, with None for each unmanaged one.
_Managed = Sequence[ManagedStatement | None]


def share(
    policy: Policy | None,
    grants: Iterable[Grant],
    *,
    managed: Statements,
    registry_id: str,
    purge_grants: bool = False,
    purge_deleted_principals: bool = False,
    revoke_unmanaged: bool = False,
) -> Merged:
    """Bring each declared principal into exactly the slots of its grant.

    Args:
        policy: The policy as it is.
        grants: What is declared.
        managed: The managed statements of such a policy.
        registry_id: The 12-digit account that owns the policy; with purge_grants, its own entries stay.
        purge_grants: Whether principals that are not declared leave the slots.
        purge_deleted_principals: Whether the unique ids of deleted principals leave the slots.
        revoke_unmanaged: Whether the declared principals leave all unmanaged statements. What services do for an
            account stays where its grant says nothing of regions.
    """
    grants = tuple(grants)
    declared = {grant.principal: grant for grant in gather(grants)}
    slots_of: dict[Principal, set[Slot]] = {}
    wanted: dict[Slot, list[str]] = {}
    for grant in managed.gather(grants):
        slots = managed.slots_of(grant)
        slots_of.setdefault(grant.principal, set()).update(slots)
        for slot, values in slots.items():
            wanted.setdefault(slot, []).extend(values)

    def keep(slot: Slot, value: str) -> bool:
        principal = managed.holder(slot, value)
        if principal is None:
            return not (purge_deleted_principals and is_unique_id(value))
        grant = declared.get(principal)
        if grant is None:
            return not purge_grants or principal.account == registry_id
        region = managed.region(slot, value)
        if region is not None:
            return grant.lambda_regions is None or region in grant.lambda_regions
        return slot in slots_of[principal]

    leavers = NOBODY
    if revoke_unmanaged:
        of_services = (name for name, grant in declared.items() if grant.lambda_regions is not None)
        leavers = Leavers(frozenset(declared), _accounts(of_services), unmanaged=True)
    return _apply(policy, keep, wanted, managed, leavers)


def unshare(
    policy: Policy | None,
    principals: Iterable[Principal],
    *,
    managed: Statements,
    purge_deleted_principals: bool = False,
    revoke_unmanaged: bool = False,
    whole_account: bool = False,
    leaves: Callable[[Principal, Slot], bool] = lambda _principal, _slot: True,
) -> Merged:
    """Take each named principal out of every slot.

    Args:
        policy: The policy as it is.
        principals: Who leaves.
        managed: The managed statements of such a policy.
        purge_deleted_principals: Whether the unique ids of deleted principals leave the slots.
        revoke_unmanaged: Whether the principals leave all unmanaged statements as well.
        whole_account: Whether the roles, users, sessions and functions of the accounts among them leave, too.
        leaves: Whether a named principal leaves a slot.
    """
    named = frozenset(principals)
    accounts = _accounts(named)
    whole = accounts if whole_account else frozenset()

    def keep(slot: Slot, value: str) -> bool:
        principal = managed.holder(slot, value)
        if principal is None:
            return not (purge_deleted_principals and is_unique_id(value))
        return not (principal in named and leaves(principal, slot)) and principal.account not in whole

    leavers = Leavers(named, accounts if revoke_unmanaged else whole, whole, unmanaged=revoke_unmanaged)
    return _apply(policy, keep, {}, managed, leavers if revoke_unmanaged or whole else NOBODY)


def replaced(before: Policy | None, after: Policy | None, *, managed: Statements) -> Merged:
    """Return what it means for principals that a policy is replaced by another, whatever that holds.

    What unmanaged statements give to those whom they name counts as well: whoever has overwritten a policy wrote others
    than ours.
    """
    held, wanted = (
        _holdings(map(managed.match, statements(policy)), managed, held_by_hand(statements(policy), managed))
        for policy in (before, after)
    )
    return Merged(
        policy=after,
        changed=not PolicyComparison(managed.partition).equal(before, after),
        granted=_gains(held, wanted),
        revoked=_gains(wanted, held),
        unmanaged_values=(),
        revoked_actions=tuple(_other_losses(held, wanted)),
    )


def _accounts(principals: Iterable[Principal]) -> frozenset[str]:
    return frozenset(principal.name for principal in principals if principal.kind is PrincipalType.ACCOUNT)


def _apply(policy: Policy | None, keep: _Keep, wanted: _Wanted, managed: Statements, leavers: Leavers) -> Merged:
    before = statements(policy)
    # Whoever leaves goes first: a statement that is left may have become a managed one.
    left = take_out(before, leavers, managed)
    found = [managed.match(statement) for statement in left.statements]
    after: list[Statement] = []
    held: list[ManagedStatement | None] = []
    missing = _not_yet_held(found, wanted, managed)
    for statement, ours in zip(left.statements, found, strict=True):
        if ours is None:
            after.append(statement)
            held.append(None)
            continue
        kept = tuple(value for value in ours.values if keep(ours.slot, value))
        added = tuple(missing.pop(ours.slot, ()))
        if len(kept) == len(ours.values) and not added:
            after.append(statement)
            held.append(ours)
        elif kept or added:
            after.append(managed.with_values(statement, kept + added))
            held.append(ManagedStatement(ours.slot, kept + added))
    for slot in managed.in_order(missing):
        values = missing[slot]
        after.append(managed.new_statement(slot, _free_sid(slot.sid, after), values))
        held.append(ManagedStatement(slot, tuple(values)))

    changed = len(after) != len(before) or any(new is not old for new, old in zip(after, before, strict=True))
    # What was given under a condition is lost where it goes, and gained where it is given without.
    certainly = [taken for taken in left.taken if taken.certain]
    new = _holdings(held, managed) if changed else {}
    old = _holdings(found, managed, left.taken) if changed else {}
    old_for_certain = _holdings(found, managed, certainly) if len(certainly) < len(left.taken) else old
    return Merged(
        policy=_with_statements(policy, after, managed.version) if changed else policy,
        changed=changed,
        granted=_gains(old_for_certain, new),
        revoked=_gains(new, old),
        unmanaged_values=_unmanaged_values(after, held, managed),
        revoked_actions=tuple(_other_losses(old, new)),
    )


def _not_yet_held(found: _Managed, wanted: _Wanted, managed: Statements) -> dict[Slot, list[str]]:
    held = {
        (ours.slot, managed.distinct(ours.slot, value)) for ours in found if ours is not None for value in ours.values
    }
    missing = {slot: [value for value in values if (slot, value) not in held] for slot, values in wanted.items()}
    return {slot: values for slot, values in missing.items() if values}


def _free_sid(sid: str, others: Iterable[Statement]) -> str:
    taken = {statement.get("Sid") for statement in others if isinstance(statement.get("Sid"), str)}
    return sid if sid not in taken else next(f"{sid}{n}" for n in count(2) if f"{sid}{n}" not in taken)


def _with_statements(policy: Policy | None, after: list[Statement], version: str) -> Policy | None:
    if not after:
        return None
    return {"Version": version, "Statement": after} if policy is None else {**policy, "Statement": after}


@dataclass(frozen=True)
class _Holding:
    """What a principal holds in the managed statements of a policy, and held in those that it has left.

    Args:
        actions: Those of all its slots but that of Lambda.
        regions: The regions whose Lambda functions may pull.
        functions: Whether it stands for some other functions.
        told: What it held in the statements that it has left, as a person is told it.
    """

    actions: frozenset[str] = frozenset()
    regions: tuple[str, ...] = ()
    functions: bool = False
    told: tuple[str, ...] = ()


# By the name of the principal, and the patterns of the repositories in the policy of a registry.
_HoldingKey = tuple[str, tuple[str, ...]]
_Holdings = Mapping[_HoldingKey, _Holding]


def _holdings(found: Iterable[ManagedStatement | None], managed: Statements, taken: Iterable[Taken] = ()) -> _Holdings:
    values: dict[_HoldingKey, list[tuple[Slot, str]]] = {}
    for ours in found:
        if ours is not None:
            pattern = ours.slot.repositories
            repositories: tuple[str, ...] = () if pattern is None else (pattern,)
            for value in ours.values:
                principal = managed.holder(ours.slot, value)
                key = (principal.name if principal else value, repositories)
                values.setdefault(key, []).append((ours.slot, value))
    holdings = {key: _holding(entries, managed) for key, entries in values.items()}
    for one in taken:
        key = (one.principal, one.repositories)
        known = holdings.get(key, _Holding())
        holdings[key] = replace(
            known,
            actions=known.actions | one.actions,
            regions=tuple(dict.fromkeys(known.regions + one.regions)),
            told=tuple(dict.fromkeys(known.told + one.told)),
        )
    return holdings


def _holding(entries: Sequence[tuple[Slot, str]], managed: Statements) -> _Holding:
    regions = [managed.region(slot, value) for slot, value in entries if not slot.access]
    return _Holding(
        actions=frozenset(action for slot, _value in entries if slot.access for action in slot.actions),
        regions=tuple(dict.fromkeys(region for region in regions if region is not None)),
        functions=None in regions,
    )


def _gains(before: _Holdings, after: _Holdings) -> tuple[Change, ...]:
    """Return what each principal holds after and not before."""
    changes: list[Change] = []
    for key, holding in after.items():
        known = before.get(key, _Holding())
        access = _newer(known.actions, holding.actions)
        regions = tuple(region for region in holding.regions if not {region, "*"}.intersection(known.regions))
        if access or regions or holding.functions > known.functions:
            name, repositories = key
            changes.append(Change(name, access, regions, repositories))
    return tuple(changes)


def _newer(before: frozenset[str], after: frozenset[str]) -> tuple[str, ...]:
    """Return the capabilities that actions include, and that others do not, or in an older version."""
    had = versions(before)
    return ordered(name for name, version in versions(after).items() if version > had.get(name, -1))


def _other_losses(before: _Holdings, after: _Holdings) -> Iterator[RevokedActions]:
    """Yield what each principal lost beside whole capabilities."""
    for key, holding in before.items():
        left = after.get(key, _Holding())
        now = left.actions
        lost = _newer(now, holding.actions) if holding.told else ()
        explained = now.union(left.told, *(row.action_sets[-1] for row in CAPABILITIES if row.name in lost))
        actions = tuple(action for action in holding.told if action not in explained)
        if actions:
            name, repositories = key
            yield RevokedActions(name, actions, repositories)


def _unmanaged_values(after: Iterable[Statement], held: _Managed, managed: Statements) -> tuple[UnmanagedValue, ...]:
    return tuple(
        UnmanagedValue(sid if isinstance(sid := statement.get("Sid"), str) else None, value)
        for statement, ours in zip(after, held, strict=True)
        if ours is not None
        for value in ours.values
        if managed.holder(ours.slot, value) is None
    )
