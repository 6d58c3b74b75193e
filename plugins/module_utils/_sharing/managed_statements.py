# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Managed statements: which statements of a policy are ours, and where they hold their principals.

The rules:

- The shape decides, never the Sid. A statement is managed if it could have been written here, now or by an earlier
  version: the same effect, the same members, a set of actions of the table, and fixed parts of the same meaning.
- Scalar and list, duplicates, the order of lists, and the case of actions, operators and condition keys have no weight.
- The one list that is not fixed is the slot. It holds the principals, and is never empty: AWS stores no empty one, and
  a condition that loses its last value would open the statement to everyone.
- A statement with a condition or a member more than the shape has is somebody else's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any

from .._iam.arns import functions_account, functions_arn, functions_region, root_arn
from .._iam.document import DEFAULT_VERSION, Statement
from .._iam.principals import Principal, PrincipalType, read_principal
from .capabilities import LAMBDA_ACTIONS, LAMBDA_SERVICE, Access, Actions, action_sets, split, statement_sets, title
from .grants import Grant, gather


@dataclass(frozen=True, eq=False)
class Shape:
    """What is fixed in managed statements for principals of some types.

    Args:
        sid: The first part of the Sid of a new statement.
        types: The principals that the slot can hold.
        members: The members of a new statement, in their order.
        principal: The values of the fixed Principal by their kind; None where the slot itself is C(Principal.AWS).
        operators: The condition operators that are recognised, that of a new statement first; none without a condition.
        key: The condition key.
    """

    sid: str
    types: frozenset[PrincipalType]
    members: tuple[str, ...]
    principal: Mapping[str, str] | None = None
    operators: tuple[str, ...] = ()
    key: str = ""

    @cached_property
    def member_set(self) -> frozenset[str]:
        return frozenset(self.members)


@dataclass(frozen=True, eq=False)
class Slot:
    """A place for principals: a row of the table of statements. Statements of one row have the same slot.

    Args:
        shape: What is fixed.
        access: The capabilities; empty for the pull by Lambda functions.
        actions: One of the sets of actions that it was ever written with.
        sid: The Sid of a new statement.
        repositories: The pattern of the repositories that the statement is for, in the policy of a registry; None in a
            policy that is for all that it belongs to.
    """

    shape: Shape
    access: Access
    actions: Actions
    sid: str
    repositories: str | None = None


@dataclass(frozen=True)
class ManagedStatement:
    """A statement that is ours: its slot, and the values that are in it, as they are spelt there."""

    slot: Slot
    values: tuple[str, ...]


_EVERYONE: Mapping[str, str] = MappingProxyType({"AWS": "*"})
_CONDITIONAL = ("Sid", "Effect", "Principal", "Action", "Condition")
IDENTITIES = Shape(
    sid="Allow",
    types=frozenset({PrincipalType.ACCOUNT, PrincipalType.ROLE, PrincipalType.USER, PrincipalType.SESSION}),
    members=("Sid", "Effect", "Principal", "Action"),
)
ORGANIZATIONS = Shape(
    sid="AllowOrganization",
    types=frozenset({PrincipalType.ORGANIZATION}),
    members=_CONDITIONAL,
    principal=_EVERYONE,
    operators=("StringEquals",),
    key="aws:PrincipalOrgID",
)
ORGANIZATIONAL_UNITS = Shape(
    sid="AllowOrganizationalUnit",
    types=frozenset({PrincipalType.ORGANIZATIONAL_UNIT}),
    members=_CONDITIONAL,
    principal=_EVERYONE,
    operators=("ForAnyValue:StringLike",),
    key="aws:PrincipalOrgPaths",
)
# As in https://docs.aws.amazon.com/lambda/latest/dg/images-create.html#gettingstarted-images-permissions
LAMBDA = Shape(
    sid="AllowLambda",
    types=frozenset({PrincipalType.ACCOUNT}),
    members=("Sid", "Effect", "Action", "Principal", "Condition"),
    principal=MappingProxyType({"Service": LAMBDA_SERVICE}),
    operators=("StringLike", "ArnLike"),
    key="aws:sourceARN",
)
# Lambda writes a statement with this Sid and looks for it, so it is Lambda's whatever it says.
_LAMBDA_OWN_SID = "LambdaECRImageRetrievalPolicy"


def _slots() -> Iterator[Slot]:
    for access in statement_sets():
        yield from (Slot(IDENTITIES, access, actions, f"Allow{title(access)}") for actions in action_sets(access))
    yield Slot(LAMBDA, frozenset(), LAMBDA_ACTIONS, "AllowLambdaPull")
    for shape in (ORGANIZATIONS, ORGANIZATIONAL_UNITS):
        for access in statement_sets():
            yield from (Slot(shape, access, actions, f"{shape.sid}{title(access)}") for actions in action_sets(access))


# The table of statements. Of the rows with one shape and access, the last is for new statements.
SLOTS = tuple(_slots())
NEWEST = tuple({(slot.shape, slot.access): slot for slot in SLOTS}.values())


class ManagedStatements:
    """The managed statements in the policy of one repository, or in one that repositories begin with.

    Args:
        partition: The partition of the registry.
        resource: The ARN of the repository; None where it is not known.
    """

    # That of a new policy.
    version = DEFAULT_VERSION

    def __init__(self, partition: str, resource: str | None = None) -> None:
        self.partition = partition
        self._resources = frozenset({"*", resource} - {None})

    def match(self, statement: Statement) -> ManagedStatement | None:
        """Return what a managed statement holds; None if the statement is not ours.

        A Resource that is C(*) or the repository itself has no weight: a repository's policy is about nothing else, and
        AWS's own examples have one. https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policy-examples.html
        """
        return match_shape(statement) if self.is_about_all(statement) else None

    def is_about_all(self, statement: Statement) -> bool:
        """Return whether a statement is about the repository for certain: it has no Resource, or one without weight."""
        if "NotResource" in statement:
            return False
        if "Resource" not in statement:
            return True
        resources = _strings(statement["Resource"])
        return bool(resources) and self._resources.issuperset(resources or ())

    def gather(self, grants: Iterable[Grant]) -> tuple[Grant, ...]:
        """Return one grant for each principal: the slots of a policy differ in their access alone."""
        return gather(grants)

    def in_order(self, slots: Iterable[Slot]) -> tuple[Slot, ...]:
        """Return slots in the order in which their new statements come."""
        wanted = frozenset(slots)
        return tuple(slot for slot in NEWEST if slot in wanted)

    def repositories_of(self, statement: Statement) -> tuple[str, ...]:
        """Return the patterns of repositories that a statement is for; none where that makes no difference."""
        return ()

    def slots_of(self, grant: Grant) -> dict[Slot, tuple[str, ...]]:
        """Return the slots that a grant's principal belongs in, and the values that stand for it there."""
        principal = grant.principal
        accesses = split(grant.access)
        found: dict[Slot, tuple[str, ...]] = {}
        for slot in NEWEST:
            if principal.kind not in slot.shape.types:
                continue
            if slot.shape is LAMBDA:
                regions = grant.lambda_regions or ()
                values = tuple(functions_arn(principal.name, region, self.partition) for region in regions)
            else:
                values = (self.spelling(principal),) if slot.access in accesses else ()
            if values:
                found[slot] = values
        return found

    def spelling(self, principal: Principal) -> str:
        """Return what stands for a principal in the slot of its type, but for that of Lambda functions."""
        is_account = principal.kind is PrincipalType.ACCOUNT
        return root_arn(principal.name, self.partition) if is_account else principal.name

    def holder(self, slot: Slot, value: str) -> Principal | None:
        """Return the principal that a value in a slot belongs to; None for a value that no grant could have written."""
        return _holder(slot.shape, value, self.partition)

    def distinct(self, slot: Slot, value: str) -> str:
        """Return the one spelling of a value in a slot."""
        principal = None if slot.shape is LAMBDA else self.holder(slot, value)
        return value if principal is None else self.spelling(principal)

    def region(self, slot: Slot, value: str) -> str | None:
        """Return the region of the functions that a value stands for; None where it does not stand for functions."""
        return functions_region(value) if slot.shape is LAMBDA and self.holder(slot, value) else None

    def new_statement(self, slot: Slot, sid: str, values: Sequence[str]) -> dict[str, Any]:
        """Return a statement that grants a slot's actions to the holders of the values, at least one."""
        shape, held = slot.shape, _scalar_or_list(values)
        fixed = "*" if shape.principal is _EVERYONE else dict(shape.principal or {})
        members = {
            "Sid": sid,
            "Effect": "Allow",
            "Principal": fixed if shape.key else {"AWS": held},
            "Action": list(slot.actions),
            "Condition": {shape.operators[0]: {shape.key: held}} if shape.key else None,
        }
        return {name: members[name] for name in shape.members}

    def with_values(self, statement: Statement, values: Sequence[str]) -> dict[str, Any]:
        """Return a managed statement with other values, at least one, in its slot, and all else as it was spelt."""
        held = _scalar_or_list(values)
        if "Condition" not in statement:
            return {**statement, "Principal": {"AWS": held}}
        ((operator, keys),) = statement["Condition"].items()
        return {**statement, "Condition": {operator: dict.fromkeys(keys, held)}}


def match_shape(statement: Statement) -> ManagedStatement | None:
    """Return what a statement of a managed shape holds, whatever its Resource; None if it has another shape."""
    if statement.get("Effect") != "Allow" or statement.get("Sid") == _LAMBDA_OWN_SID:
        return None
    members = {*statement, "Sid"} - {"Resource"}
    for slot in _slots_with(_strings(statement.get("Action")) or ()):
        if members == slot.shape.member_set:
            values = _slot_values(slot.shape, statement)
            if values:
                return ManagedStatement(slot, values)
    return None


@lru_cache(maxsize=1024)
def _slots_with(actions: tuple[str, ...]) -> tuple[Slot, ...]:
    wanted = {action.lower() for action in actions}
    return tuple(slot for slot in SLOTS if {action.lower() for action in slot.actions} == wanted)


@lru_cache(maxsize=8192)
def _holder(shape: Shape, value: str, partition: str) -> Principal | None:
    if shape is LAMBDA:
        account = functions_account(value, partition)
        return None if account is None else Principal(PrincipalType.ACCOUNT, account, account)
    principal = read_principal(value, partition)
    return principal if principal is not None and principal.kind in shape.types else None


def _slot_values(shape: Shape, statement: Statement) -> tuple[str, ...] | None:
    principal = statement["Principal"]
    if not shape.key:
        values = _strings(principal["AWS"]) if isinstance(principal, dict) and set(principal) == {"AWS"} else None
        return None if values is None or "*" in values else values
    if not _is_fixed_principal(shape, principal):
        return None
    operator, keys = _only_member(statement["Condition"])
    key, value = _only_member(keys)
    if operator not in {known.lower() for known in shape.operators} or key != shape.key.lower():
        return None
    return _strings(value)


def _is_fixed_principal(shape: Shape, principal: Any) -> bool:
    fixed = shape.principal or {}
    found = {"AWS": "*"} if principal == "*" else principal
    return (
        isinstance(found, dict)
        and set(found) == set(fixed)
        and all(set(_strings(found[kind]) or ()) == {value} for kind, value in fixed.items())
    )


def _only_member(value: Any) -> tuple[str, Any]:
    if not isinstance(value, dict) or len(value) != 1:
        return "", None
    ((name, member),) = value.items()
    return name.lower(), member


def _strings(value: Any) -> tuple[str, ...] | None:
    values = value if isinstance(value, list) else [value]
    return tuple(values) if all(isinstance(item, str) for item in values) else None


def _scalar_or_list(values: Sequence[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)
