# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Share and unshare: a policy and grants make another policy and a list of what changed.

Pure: nothing that is passed in is changed, and the same input gives the same output. Idempotent: merging the result
once more changes nothing. Foreign statements come out as they went in, in place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import count

from .._iam.arns import functions_arn, functions_region, is_unique_id
from .._iam.document import DEFAULT_VERSION, Policy, Statement, equal, statements
from .._iam.principals import Principal
from .grants import Access, Grant, gather
from .managed_statements import (
    LAMBDA,
    TEMPLATES,
    Slot,
    Template,
    match_template,
    new_statement,
    principal_for_value,
    slot_value,
    with_values,
)


@dataclass(frozen=True)
class Change:
    """Access that a principal gained or lost: the slot it joined or left.

    lambda_regions: the regions whose Lambda functions gained or lost the pull. They stand beside the pull if that
    changed too, else beside C(access=lambda).
    """

    principal: str
    access: Access
    lambda_regions: tuple[str, ...] = ()


@dataclass(frozen=True)
class UnmanagedValue:
    """A value in a managed statement that no grant could have written. It belongs to no principal, and stays."""

    sid: str | None
    value: str


@dataclass(frozen=True)
class Merged:
    """policy: the new policy, None for none. changed: whether it differs in meaning from the old one."""

    policy: Policy | None
    changed: bool
    granted: tuple[Change, ...]
    revoked: tuple[Change, ...]
    unmanaged_values: tuple[UnmanagedValue, ...]


_Keep = Callable[[Template, str], bool]
_Wanted = Sequence[tuple[Template, str]]
# The template of a managed statement, and what it holds; there is None for a foreign one.
_Managed = tuple[Template, tuple[str, ...]]
# Statements of one place count as one, whichever set of actions or operator they were written with.
_Place = tuple[Slot, Access]


def _place(template: Template) -> _Place:
    return template.slot, template.access


_NEWEST = tuple({_place(template): template for template in TEMPLATES}.values())


def share(
    policy: Policy | None,
    grants: Iterable[Grant],
    *,
    partition: str,
    registry_id: str,
    purge_grants: bool = False,
    purge_deleted_principals: bool = False,
) -> Merged:
    """Bring each declared principal into exactly the slots of its access, and no other of its kind.

    registry_id: the 12-digit account that owns the repository; with purge, its own entries stay.
    purge_grants: whether principals that are not declared leave the slots.
    purge_deleted_principals: whether the unique ids of deleted principals leave the slots.
    """
    declared = {grant.principal: grant for grant in gather(grants)}
    wanted = [
        (template, value)
        for template in _NEWEST
        for grant in declared.values()
        for value in _wanted_values(grant, template, partition)
    ]

    def keep(template: Template, value: str) -> bool:
        principal = principal_for_value(template.slot, value, partition)
        if principal is None:
            return not (purge_deleted_principals and is_unique_id(value))
        grant = declared.get(principal)
        if grant is None:
            return not purge_grants or principal.account == registry_id
        if template.slot is LAMBDA:
            return grant.lambda_regions is None or functions_region(value) in grant.lambda_regions
        return template.access is grant.access

    return _apply(policy, keep, wanted, partition)


def unshare(
    policy: Policy | None,
    principals: Iterable[Principal],
    *,
    partition: str,
    purge_deleted_principals: bool = False,
) -> Merged:
    """Take each named principal out of every slot."""
    named = set(principals)

    def keep(template: Template, value: str) -> bool:
        principal = principal_for_value(template.slot, value, partition)
        if principal is None:
            return not (purge_deleted_principals and is_unique_id(value))
        return principal not in named

    return _apply(policy, keep, [], partition)


def replaced(before: Policy | None, after: Policy | None, *, partition: str) -> Merged:
    """What it means for principals that another policy takes the place of one, whatever it holds."""
    held, wanted = (_holdings(map(match_template, statements(policy)), partition) for policy in (before, after))
    granted, revoked = _changes(held, wanted)
    return Merged(
        policy=after,
        changed=not equal(before, after, partition),
        granted=granted,
        revoked=revoked,
        unmanaged_values=(),
    )


def _wanted_values(grant: Grant, template: Template, partition: str) -> list[str]:
    if grant.principal.kind not in template.slot.kinds:
        return []
    if template.slot is LAMBDA:
        return [functions_arn(grant.principal.name, region, partition) for region in grant.lambda_regions or ()]
    return [slot_value(grant.principal, partition)] if template.access is grant.access else []


def _apply(policy: Policy | None, keep: _Keep, wanted: _Wanted, partition: str) -> Merged:
    before = statements(policy)
    managed = list(map(match_template, before))
    after: list[Statement] = []
    held: list[_Managed | None] = []
    missing = _not_yet_held(managed, wanted, partition)
    for statement, found in zip(before, managed, strict=True):
        if found is None:
            after.append(statement)
            held.append(None)
            continue
        template, values = found
        kept = tuple(value for value in values if keep(template, value))
        added = tuple(missing.pop(_place(template), ()))
        if len(kept) == len(values) and not added:
            after.append(statement)
            held.append(found)
        elif kept or added:
            after.append(with_values(statement, kept + added))
            held.append((template, kept + added))
    for template in _NEWEST:
        unplaced = missing.get(_place(template))
        if unplaced:
            after.append(new_statement(template, _free_sid(template.sid, after), unplaced))
            held.append((template, tuple(unplaced)))

    changed = len(after) != len(before) or any(new is not old for new, old in zip(after, before, strict=True))
    granted, revoked = _changes(_holdings(managed, partition), _holdings(held, partition)) if changed else ((), ())
    return Merged(
        policy=_with_statements(policy, after) if changed else policy,
        changed=changed,
        granted=granted,
        revoked=revoked,
        unmanaged_values=_unmanaged_values(after, held, partition),
    )


def _not_yet_held(managed: Iterable[_Managed | None], wanted: _Wanted, partition: str) -> dict[_Place, list[str]]:
    held = {
        (_place(template), _one_spelling(template, value, partition))
        for template, values in filter(None, managed)
        for value in values
    }
    missing: dict[_Place, list[str]] = {}
    for template, value in wanted:
        if (_place(template), value) not in held:
            missing.setdefault(_place(template), []).append(value)
    return missing


def _one_spelling(template: Template, value: str, partition: str) -> str:
    principal = None if template.slot is LAMBDA else principal_for_value(template.slot, value, partition)
    return value if principal is None else slot_value(principal, partition)


def _free_sid(sid: str, others: Iterable[Statement]) -> str:
    taken = {statement.get("Sid") for statement in others if isinstance(statement.get("Sid"), str)}
    return sid if sid not in taken else next(f"{sid}{n}" for n in count(2) if f"{sid}{n}" not in taken)


def _with_statements(policy: Policy | None, after: list[Statement]) -> Policy | None:
    if not after:
        return None
    return {"Version": DEFAULT_VERSION, "Statement": after} if policy is None else {**policy, "Statement": after}


_Holdings = dict[str, dict[tuple[Access, str], None]]


def _holdings(managed: Iterable[_Managed | None], partition: str) -> _Holdings:
    """The slots of each principal, a pair of access and region (empty but for Lambda) each, in order."""
    result: _Holdings = {}
    for template, values in filter(None, managed):
        for value in values:
            principal = principal_for_value(template.slot, value, partition)
            region = functions_region(value) if principal and template.slot is LAMBDA else ""
            result.setdefault(principal.name if principal else value, {})[template.access, region] = None
    return result


def _changes(before: _Holdings, after: _Holdings) -> tuple[tuple[Change, ...], tuple[Change, ...]]:
    return _more(before, after), _more(after, before)


def _more(less: _Holdings, more: _Holdings) -> tuple[Change, ...]:
    """What each principal holds in the second and not in the first."""
    changes: list[Change] = []
    for principal, held in more.items():
        new = [slot for slot in held if slot not in less.get(principal, {})]
        accesses: list[Access] = [access for access, _region in new if access is not Access.LAMBDA]
        regions = tuple(region for access, region in new if access is Access.LAMBDA)
        beside = next((access for access in accesses if access is not Access.PUSH), Access.LAMBDA)
        if regions and beside is Access.LAMBDA:
            accesses.append(Access.LAMBDA)
        changes += [Change(principal, access, regions if access is beside else ()) for access in accesses]
    return tuple(changes)


def _unmanaged_values(
    after: Iterable[Statement], held: Iterable[_Managed | None], partition: str
) -> tuple[UnmanagedValue, ...]:
    return tuple(
        UnmanagedValue(statement.get("Sid"), value)
        for statement, found in zip(after, held, strict=True)
        if found is not None
        for value in found[1]
        if principal_for_value(found[0].slot, value, partition) is None
    )
