# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Share and unshare: a policy and grants make another policy, and a list of what changed.

The rules:

- Pure: nothing that is passed in is changed, and the same input gives the same output.
- Idempotent: merging the result once more changes nothing.
- Unmanaged statements come out as they went in, in place.
- A declared principal is in exactly the slots of its grant, those of the newest sets of actions. Whoever is not
  declared stays where they are, unless they are purged.
- A statement whose slot becomes empty is removed, and so is a policy without statements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Protocol

from .._iam.arns import is_unique_id
from .._iam.document import DEFAULT_VERSION, Policy, PolicyComparison, Statement, statements
from .._iam.principals import Principal
from .capabilities import ordered, versions
from .grants import Grant, gather
from .managed_statements import ManagedStatement, Slot


class Statements(Protocol):
    """What the merge knows of the managed statements in a kind of policies; ManagedStatements says what they do."""

    @property
    def partition(self) -> str: ...
    @property
    def slots(self) -> Sequence[Slot]: ...
    def match(self, statement: Statement) -> ManagedStatement | None: ...
    def slots_of(self, grant: Grant) -> Mapping[Slot, tuple[str, ...]]: ...
    def holder(self, slot: Slot, value: str) -> Principal | None: ...
    def distinct(self, slot: Slot, value: str) -> str: ...
    def region(self, slot: Slot, value: str) -> str | None: ...
    def new_statement(self, slot: Slot, sid: str, values: Sequence[str]) -> dict[str, Any]: ...
    def with_values(self, statement: Statement, values: Sequence[str]) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Change:
    """Access that a principal gained or lost in the managed statements.

    Args:
        principal: Its name, or a value that belongs to no principal.
        access: The capabilities, in the order of their table; none for the pull by Lambda functions alone. One that is
            given by a newer set of actions than before is gained.
        lambda_regions: The regions whose Lambda functions gained or lost the pull.
    """

    principal: str
    access: tuple[str, ...]
    lambda_regions: tuple[str, ...] = ()


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
    """

    policy: Policy | None
    changed: bool
    granted: tuple[Change, ...]
    revoked: tuple[Change, ...]
    unmanaged_values: tuple[UnmanagedValue, ...]


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
) -> Merged:
    """Bring each declared principal into exactly the slots of its grant.

    Args:
        policy: The policy as it is.
        grants: What is declared.
        managed: The managed statements of such a policy.
        registry_id: The 12-digit account that owns the policy; with purge_grants, its own entries stay.
        purge_grants: Whether principals that are not declared leave the slots.
        purge_deleted_principals: Whether the unique ids of deleted principals leave the slots.
    """
    declared = {grant.principal: grant for grant in gather(grants)}
    slots_of = {principal: managed.slots_of(grant) for principal, grant in declared.items()}
    wanted: dict[Slot, list[str]] = {}
    for slots in slots_of.values():
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

    return _apply(policy, keep, wanted, managed)


def unshare(
    policy: Policy | None,
    principals: Iterable[Principal],
    *,
    managed: Statements,
    purge_deleted_principals: bool = False,
) -> Merged:
    """Take each named principal out of every slot."""
    named = set(principals)

    def keep(slot: Slot, value: str) -> bool:
        principal = managed.holder(slot, value)
        if principal is None:
            return not (purge_deleted_principals and is_unique_id(value))
        return principal not in named

    return _apply(policy, keep, {}, managed)


def replaced(before: Policy | None, after: Policy | None, *, managed: Statements) -> Merged:
    """Return what it means for principals that a policy is replaced by another, whatever that holds."""
    held, wanted = (_holdings(map(managed.match, statements(policy)), managed) for policy in (before, after))
    return Merged(
        policy=after,
        changed=not PolicyComparison(managed.partition).equal(before, after),
        granted=_gains(held, wanted),
        revoked=_gains(wanted, held),
        unmanaged_values=(),
    )


def _apply(policy: Policy | None, keep: _Keep, wanted: _Wanted, managed: Statements) -> Merged:
    before = statements(policy)
    found = [managed.match(statement) for statement in before]
    after: list[Statement] = []
    held: list[ManagedStatement | None] = []
    missing = _not_yet_held(found, wanted, managed)
    for statement, ours in zip(before, found, strict=True):
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
    for slot in managed.slots:
        values = missing.get(slot)
        if values:
            after.append(managed.new_statement(slot, _free_sid(slot.sid, after), values))
            held.append(ManagedStatement(slot, tuple(values)))

    changed = len(after) != len(before) or any(new is not old for new, old in zip(after, before, strict=True))
    old, new = (_holdings(each, managed) for each in (found, held)) if changed else ({}, {})
    return Merged(
        policy=_with_statements(policy, after) if changed else policy,
        changed=changed,
        granted=_gains(old, new),
        revoked=_gains(new, old),
        unmanaged_values=_unmanaged_values(after, held, managed),
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


def _with_statements(policy: Policy | None, after: list[Statement]) -> Policy | None:
    if not after:
        return None
    return {"Version": DEFAULT_VERSION, "Statement": after} if policy is None else {**policy, "Statement": after}


@dataclass(frozen=True)
class _Holding:
    """What a principal holds in the managed statements of a policy.

    Args:
        actions: Those of all its slots but that of Lambda.
        regions: The regions whose Lambda functions may pull.
        functions: Whether it stands for some other functions.
    """

    actions: frozenset[str] = frozenset()
    regions: tuple[str, ...] = ()
    functions: bool = False


_Holdings = Mapping[str, _Holding]


def _holdings(found: Iterable[ManagedStatement | None], managed: Statements) -> _Holdings:
    values: dict[str, list[tuple[Slot, str]]] = {}
    for ours in found:
        if ours is not None:
            for value in ours.values:
                principal = managed.holder(ours.slot, value)
                values.setdefault(principal.name if principal else value, []).append((ours.slot, value))
    return {name: _holding(entries, managed) for name, entries in values.items()}


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
    for name, holding in after.items():
        known = before.get(name, _Holding())
        had = versions(known.actions)
        access = ordered(
            capability for capability, version in versions(holding.actions).items() if version > had.get(capability, -1)
        )
        regions = tuple(region for region in holding.regions if region not in known.regions)
        if access or regions or holding.functions > known.functions:
            changes.append(Change(name, access, regions))
    return tuple(changes)


def _unmanaged_values(after: Iterable[Statement], held: _Managed, managed: Statements) -> tuple[UnmanagedValue, ...]:
    return tuple(
        UnmanagedValue(sid if isinstance(sid := statement.get("Sid"), str) else None, value)
        for statement, ours in zip(after, held, strict=True)
        if ours is not None
        for value in ours.values
        if managed.holder(ours.slot, value) is None
    )
