# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Who gets what from a policy of any shape, through which statements, and what a Deny takes away again.

The rules:

* There is one share for each principal, managed or not, and set of conditions. Conditions that hold for certain are
  left out, and what cannot hold is no share.
* What is said to be granted is what the Allow statements grant; C(denied_by) says which Deny statements defeat it.
* The pull by the Lambda functions of an account is a part of the account's share. Whatever else Lambda gets is
  Lambda's, under all conditions of the statement.
* A NotPrincipal is a condition on everyone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .._iam.conditions import Applies, Condition, holds, known_key
from .._iam.document import strings
from .._iam.principals import EVERYONE, Principal, PrincipalType
from .._sharing.capabilities import CAPABILITIES
from .._text import printable
from .actions import LAMBDA_PULL, access_of, other_actions
from .matching import NamedPrincipal, StatementMatcher
from .public_access import actions_not_denied
from .request_context import LAMBDA_PRINCIPAL
from .statements import NOT_PRINCIPAL, NumberedStatement, ParsedStatement


@dataclass(frozen=True)
class Denial:
    """A Deny that defeats a share, or may do so.

    Args:
        statement: The Deny.
        certain: Whether it, with the others that are certain, defeats all of the share.
    """

    statement: NumberedStatement
    certain: bool


@dataclass(frozen=True)
class Share:
    """What a principal gets from the managed statements of a policy, or from the others.

    Args:
        principal: Who gets it.
        actions: What the principal itself may do; what its functions may do is not among it.
        access: The capabilities that the actions include as a whole, and C(admin).
        other_actions: The actions that are not a part of these capabilities, sorted.
        usable: For each capability that needs certain actions, whether all shares of the principal together have them,
            this one has some, and no Deny takes any of them for certain.
        lambda_regions: Regions, or C(*), whose Lambda functions of this account may pull.
        conditions: What must hold besides, and cannot be decided from the policy.
        statements: The statements that it is from.
        denied_by: The Deny statements that defeat all or a part of it, or may do so.
        managed: Whether the statements are managed.
    """

    principal: Principal
    actions: frozenset[str]
    access: tuple[str, ...]
    other_actions: tuple[str, ...]
    usable: Mapping[str, bool]
    lambda_regions: tuple[str, ...]
    conditions: tuple[Condition, ...]
    statements: tuple[NumberedStatement, ...]
    denied_by: tuple[Denial, ...]
    managed: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the share as a row of an audit has it."""
        return {
            "principal": printable(self.principal.name),
            "principal_type": self.principal.kind.value,
            "access": list(self.access),
            "other_actions": list(map(printable, self.other_actions)),
            **{f"can_{name}": usable for name, usable in self.usable.items()},
            "lambda_regions": list(map(printable, self.lambda_regions)),
            "conditions": [
                {
                    "operator": printable(condition.operator),
                    "key": printable(condition.key),
                    "values": list(map(printable, condition.values)),
                }
                for condition in self.conditions
            ],
            "statements": [statement.to_dict() for statement in self.statements],
            "denied_by": [{**denial.statement.to_dict(), "certain": denial.certain} for denial in self.denied_by],
            "managed": self.managed,
        }


class _Grantee(NamedTuple):
    """Who gets something from an Allow: the pull for the functions of an account in a region, or all of it."""

    principal: Principal
    region: str | None
    conditions: tuple[Condition, ...]


@dataclass
class _Gathered:
    """A share while it is gathered from the statements."""

    principal: Principal
    conditions: tuple[Condition, ...]
    managed: bool
    actions: frozenset[str] = frozenset()
    regions: dict[str, None] = field(default_factory=dict)
    statements: dict[NumberedStatement, None] = field(default_factory=dict)


# So many conditions of a statement are decided for each of those whom it names; whatever comes after them may hold or
# not. Hundreds of conditions on hundreds of principals would take too long.
MOST_DECIDED = 64
_USABLE = tuple((capability.name, capability.required) for capability in CAPABILITIES if capability.required)


def shares(statements: Sequence[NumberedStatement], matcher: StatementMatcher) -> tuple[Share, ...]:
    """Return who gets what, in the order in which the statements name them.

    Args:
        statements: Those of a policy that have an effect.
        matcher: Decides to whom they apply.
    """
    gathered: dict[tuple[Principal, tuple[Condition, ...], bool], _Gathered] = {}
    denies = tuple(numbered for numbered in statements if numbered.statement.denies)
    for numbered in statements:
        statement = numbered.statement
        if statement.denies or not statement.actions:
            continue
        for principal, region, conditions in _grantees(statement, matcher):
            key = (principal, conditions, statement.managed)
            share = gathered.setdefault(key, _Gathered(*key))
            share.statements[numbered] = None
            if region is None:
                share.actions |= statement.actions
            else:
                share.regions[region] = None
    granted: dict[Principal, frozenset[str]] = {}
    for share in gathered.values():
        granted[share.principal] = granted.get(share.principal, frozenset()) | share.actions
    remaining = {
        principal: actions_not_denied(
            actions, matcher.contexts.of(principal), (deny.statement for deny in denies), matcher
        )
        for principal, actions in granted.items()
    }
    return tuple(
        Share(
            principal=share.principal,
            actions=share.actions,
            access=access_of(share.actions),
            other_actions=tuple(sorted(other_actions(share.actions))),
            usable={
                name: bool(share.actions & required) and remaining[share.principal] >= required
                for name, required in _USABLE
            },
            lambda_regions=tuple(share.regions),
            conditions=share.conditions,
            statements=tuple(share.statements),
            denied_by=_denials(share, denies, matcher),
            managed=share.managed,
        )
        for share in gathered.values()
    )


def _grantees(statement: ParsedStatement, matcher: StatementMatcher) -> Iterator[_Grantee]:
    for named in matcher.named_principals(statement):
        matcher.check()
        conditions = _undecided(named, statement)
        if conditions is None:
            continue
        context = named.context
        if context.functions_of is not None and statement.actions >= LAMBDA_PULL:
            account, region = context.functions_of
            yield _Grantee(Principal(PrincipalType.ACCOUNT, account, account), region, conditions)
        if context.principal == LAMBDA_PRINCIPAL and statement.actions != LAMBDA_PULL:
            # What Lambda gets besides the pull is no account's, so it is Lambda's, under all that the statement asks.
            service = NamedPrincipal(named.listed, matcher.contexts.of(LAMBDA_PRINCIPAL), statement.conditions)
            conditions = _undecided(service, statement) or ()
        elif context.functions_of is not None:
            continue
        yield _Grantee(context.principal, None, conditions)


def _undecided(named: NamedPrincipal, statement: ParsedStatement) -> tuple[Condition, ...] | None:
    """Return the conditions on a named principal that do not hold for certain; None if one cannot hold."""
    result: list[Condition] = []
    for condition in named.conditions[:MOST_DECIDED]:
        verdict = holds(condition, known_key(condition.key, named.context.known_keys))
        if verdict is Applies.NO:
            return None
        if verdict is Applies.CONDITIONALLY:
            result.append(condition)
    return (*result, *named.conditions[MOST_DECIDED:], *(_exclusions(statement) if named.listed is None else ()))


def _exclusions(statement: ParsedStatement) -> Iterator[Condition]:
    """Yield the conditions that a NotPrincipal is: whom it names, by kind."""
    excluded = statement.document[NOT_PRINCIPAL]
    kinds = {"AWS": excluded} if excluded == EVERYONE.name else excluded
    for kind, value in kinds.items() if isinstance(kinds, dict) else ():
        names = strings(value)
        if names:
            yield Condition(NOT_PRINCIPAL, kind, names)


def _denials(share: _Gathered, denies: Iterable[NumberedStatement], matcher: StatementMatcher) -> tuple[Denial, ...]:
    contexts = matcher.contexts
    parts = [(contexts.of(share.principal), share.actions)] if share.actions else []
    parts += [(contexts.functions(share.principal.name, region), LAMBDA_PULL) for region in share.regions]
    # For each Deny the pieces that it defeats for certain: the number of a part, and an action.
    defeated: dict[NumberedStatement, set[tuple[int, str]]] = {}
    for deny in denies:
        for number, (context, actions) in enumerate(parts):
            denied = actions & deny.statement.actions
            verdict = matcher.applies(deny.statement, context) if denied else Applies.NO
            if verdict is not Applies.NO:
                certain = denied if verdict is Applies.YES else ()
                defeated.setdefault(deny, set()).update((number, action) for action in certain)
    size = sum(len(actions) for _context, actions in parts)
    everything = len(set().union(*defeated.values())) == size
    return tuple(Denial(deny, everything and bool(pieces)) for deny, pieces in defeated.items())
