# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Who gets what from a policy of any shape, through which statements, and what a Deny takes away again.

The rules:

* There is one share for each principal, managed or not, and set of conditions. Conditions that hold for certain are
  left out, and what cannot hold is no share.
* What is said to be granted is what the Allow statements grant; C(denied_by) says which Deny statements defeat it.
* What a service may do for the resources of an account alone is the account's, and C(via_service) says which service
  it is. The pull by its Lambda functions is a part of the account's own share. The same goes for organizations and
  units. What a service may do for anybody is the service's.
* Lambda functions pull where they have both actions of a pull, be it through several statements.
* A NotPrincipal is a condition on everyone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from .._iam.comparisons import Applies
from .._iam.conditions import Condition, holds, known_key
from .._iam.document import strings
from .._iam.principals import EVERYONE, ORGANIZATIONS, Principal
from .._sharing.capabilities import CAPABILITIES
from .._text import printable
from .actions import LAMBDA_PULL, REPORTED_ONLY, WHOLE_PULL, access_of, included_actions, other_actions
from .matching import NamedPrincipal, StatementMatcher
from .public_access import actions_not_denied
from .request_context import ANY_SERVICE, LAMBDA_PRINCIPAL, RequestContext
from .statements import NOT_PRINCIPAL, NumberedStatement, ParsedStatement, named_once


@dataclass(frozen=True)
class Denial:
    """What a Deny takes from a share, or may take.

    Args:
        statement: The Deny.
        denies: What it takes: capabilities and LAMBDA, names of REPORTED_ONLY, and OTHER for other actions.
        certain: Whether it takes that from every request; if not, it may, or takes it from a part.
    """

    statement: NumberedStatement
    denies: tuple[str, ...]
    certain: bool


@dataclass(frozen=True)
class Share:
    """What a principal gets from the managed statements of a policy, or from the others.

    Args:
        principal: Who gets it.
        actions: What the principal itself may do, or the service for it; what its functions may do is not among it.
        access: The capabilities that the actions include as a whole, and the names of REPORTED_ONLY.
        other_actions: The actions that are not a part of these capabilities, sorted.
        usable: For each capability that needs certain actions, whether all shares of the principal together have them,
            this one has some, and no Deny takes any of them for certain. Of what a service gets, it is none.
        lambda_regions: Regions, or C(*), whose Lambda functions of this account may pull.
        conditions: What must hold besides, and cannot be decided from the policy.
        statements: The statements that it is from.
        denied_by: What Deny statements take of it, or may take.
        defeated: Whether the certain ones together take all of it.
        denied_regions: Those of the regions whose functions certainly cannot pull.
        managed: Whether the statements are managed.
        via_service: The service that acts for the principal, C(*) for any; None where it acts itself.
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
    defeated: bool
    denied_regions: tuple[str, ...]
    managed: bool
    via_service: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the share as a row of an audit has it. What is seldom so is left out where it is not so."""
        return {
            "principal": printable(self.principal.name),
            "principal_type": self.principal.kind.value,
            **({} if self.via_service is None else {"via_service": printable(self.via_service)}),
            "access": list(self.access),
            "other_actions": list(map(printable, self.other_actions)),
            **{f"can_{name}": usable for name, usable in self.usable.items()},
            "lambda_regions": list(map(printable, self.lambda_regions)),
            **({"lambda_regions_denied": list(map(printable, self.denied_regions))} if self.denied_regions else {}),
            "conditions": [
                {
                    "operator": printable(condition.operator),
                    "key": printable(condition.key),
                    "values": list(map(printable, condition.values)),
                }
                for condition in self.conditions
            ],
            "statements": named_once(self.statements),
            "denied_by": [
                {**denial.statement.to_dict(), "denies": list(denial.denies), "certain": denial.certain}
                for denial in self.denied_by
            ],
            **({"defeated": True} if self.defeated else {}),
            "managed": self.managed,
        }


class _Grantee(NamedTuple):
    """Who gets something from Allow statements."""

    principal: Principal
    conditions: tuple[Condition, ...]
    managed: bool
    service: Principal | None = None


@dataclass
class _Gathered:
    """What a grantee gets, while it is gathered from the statements."""

    actions: frozenset[str] = frozenset()
    regions: dict[str, None] = field(default_factory=dict)
    statements: dict[NumberedStatement, None] = field(default_factory=dict)


# What denials call the pull by Lambda functions, and actions that are no capability's.
LAMBDA, OTHER = "lambda", "other"
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
    denies = tuple(numbered for numbered in statements if numbered.statement.denies)
    gathered = _gathered(statements, matcher)
    granted: dict[Principal, frozenset[str]] = {}
    for grantee, got in gathered.items():
        if grantee.service is None:
            granted[grantee.principal] = granted.get(grantee.principal, frozenset()) | got.actions
    remaining = {
        principal: actions_not_denied(
            actions, matcher.contexts.of(principal), (deny.statement for deny in denies), matcher
        )
        for principal, actions in granted.items()
    }
    return tuple(
        _share(grantee, got, remaining.get(grantee.principal, frozenset()), denies, matcher)
        for grantee, got in gathered.items()
    )


def _gathered(statements: Iterable[NumberedStatement], matcher: StatementMatcher) -> dict[_Grantee, _Gathered]:
    """Return what each grantee gets."""
    gathered: dict[_Grantee, _Gathered] = {}
    # What Lambda may do for functions: by whose they are, and by their region.
    functions: dict[_Grantee, dict[str, _Gathered]] = {}
    for numbered in statements:
        statement = numbered.statement
        if statement.denies or not statement.actions:
            continue
        for named in matcher.named_principals(statement):
            matcher.check()
            conditions, context = _undecided(named, statement), named.context
            if conditions is None:
                continue
            if context.acts_for is None:
                grantee = _Grantee(context.principal, conditions, statement.managed)
                got = gathered.setdefault(grantee, _Gathered())
            else:
                grantee = _Grantee(context.acts_for, conditions, statement.managed, context.principal)
                if context.functions_region is None:
                    got = gathered.setdefault(grantee, _Gathered())
                else:
                    got = functions.setdefault(grantee, {}).setdefault(context.functions_region, _Gathered())
                    # Their share has the place of the first statement that is for them.
                    pulling = statement.actions & LAMBDA_PULL
                    gathered.setdefault(grantee._replace(service=None) if pulling else grantee, _Gathered())
            got.actions |= statement.actions
            got.statements[numbered] = None
            if context.acts_for is not None and context.principal == ANY_SERVICE:
                _add_functions(functions, gathered, named, numbered, matcher)
    for grantee, by_region in functions.items():
        for region, got in by_region.items():
            left = got.actions
            if left >= LAMBDA_PULL:
                left -= WHOLE_PULL
                owner = gathered[grantee._replace(service=None)]
                owner.regions[region] = None
                owner.statements.update(_with_any(LAMBDA_PULL, got.statements))
            if left:
                service = gathered.setdefault(grantee, _Gathered())
                service.actions |= left
                service.statements.update(_with_any(left, got.statements))
    return {grantee: got for grantee, got in gathered.items() if got.statements}


def _add_functions(
    functions: dict[_Grantee, dict[str, _Gathered]],
    gathered: dict[_Grantee, _Gathered],
    named: NamedPrincipal,
    numbered: NumberedStatement,
    matcher: StatementMatcher,
) -> None:
    """Add the pull by Lambda functions where any service may act for somebody, as Lambda is one."""
    owner, statement = named.context.acts_for, numbered.statement
    pulling = statement.actions & LAMBDA_PULL
    if owner is None or not pulling:
        return
    conditions = _undecided(replace(named, context=matcher.contexts.acting(LAMBDA_PRINCIPAL, owner)), statement)
    if conditions is None:
        return
    itself = _Grantee(owner, conditions, statement.managed)
    gathered.setdefault(itself, _Gathered())
    got = functions.setdefault(itself._replace(service=LAMBDA_PRINCIPAL), {}).setdefault("*", _Gathered())
    got.actions |= pulling
    got.statements[numbered] = None


def _with_any(actions: frozenset[str], statements: Iterable[NumberedStatement]) -> dict[NumberedStatement, None]:
    return dict.fromkeys(numbered for numbered in statements if numbered.statement.actions & actions)


def _share(
    grantee: _Grantee,
    got: _Gathered,
    remaining: frozenset[str],
    denies: Sequence[NumberedStatement],
    matcher: StatementMatcher,
) -> Share:
    """Return what a grantee gets, and what of that is denied.

    Args:
        grantee: Who.
        got: What.
        remaining: The actions that no Deny takes for certain, of all that its principal may do itself.
        denies: The Deny statements.
        matcher: Decides to whom they apply.
    """
    denied = _denied(grantee, got, denies, matcher) if denies else _NOTHING
    itself = grantee.service is None
    return Share(
        principal=grantee.principal,
        actions=got.actions,
        # Lambda keeps its own statement up to date, which makes nobody an administrator.
        access=access_of(got.actions, administers=not all(one.statement.written_by for one in got.statements)),
        other_actions=tuple(sorted(other_actions(got.actions))),
        usable={name: itself and bool(got.actions & required) and remaining >= required for name, required in _USABLE},
        lambda_regions=tuple(got.regions),
        conditions=grantee.conditions,
        statements=tuple(got.statements),
        denied_by=denied.by,
        defeated=denied.all,
        denied_regions=denied.regions,
        managed=grantee.managed,
        via_service=None if grantee.service is None else grantee.service.name,
    )


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


@dataclass(frozen=True, eq=False)
class _Part:
    """Actions that the same callers are given.

    Args:
        context: The callers.
        actions: What they may do.
        region: The region of the Lambda functions that pull; None for all else.
    """

    context: RequestContext
    actions: frozenset[str]
    region: str | None = None


class _Denied(NamedTuple):
    """What Deny statements do to a share.

    Args:
        by: What each takes, or may take.
        all: Whether the certain ones together take all of it.
        regions: Those whose functions certainly cannot pull.
    """

    by: tuple[Denial, ...] = ()
    all: bool = False
    regions: tuple[str, ...] = ()


_NOTHING = _Denied()


def _denied(
    grantee: _Grantee, got: _Gathered, denies: Iterable[NumberedStatement], matcher: StatementMatcher
) -> _Denied:
    parts = _parts(grantee, got, matcher)
    verdicts = _verdicts(parts, denies, matcher)
    certain = {piece for taken in verdicts.values() for piece in taken[Applies.YES]}
    return _Denied(
        by=tuple(
            Denial(deny, names, verdict is Applies.YES)
            for deny, taken in verdicts.items()
            for verdict in (Applies.YES, Applies.CONDITIONALLY)
            if (names := _names(taken[verdict], got.actions))
        ),
        all=len(certain) == sum(len(part.actions) for part in parts),
        # In the order in which they are told.
        regions=tuple(region for region in got.regions if any(part.region == region for part, _action in certain)),
    )


# What a Deny takes, by whether that is certain.
_Taken = Mapping[Applies, "set[tuple[_Part, str]]"]


def _parts(grantee: _Grantee, got: _Gathered, matcher: StatementMatcher) -> tuple[_Part, ...]:
    contexts, principal = matcher.contexts, grantee.principal
    if grantee.service is not None:
        return (_Part(contexts.acting(grantee.service, principal), got.actions),)
    itself = (_Part(contexts.of(principal), got.actions),) if got.actions else ()
    if principal.kind in ORGANIZATIONS:
        functions = [(region, contexts.acting(LAMBDA_PRINCIPAL, principal)) for region in got.regions]
    else:
        functions = [(region, contexts.functions(principal.name, region)) for region in got.regions]
    return (*itself, *(_Part(context, LAMBDA_PULL, region) for region, context in functions))


def _verdicts(
    parts: Sequence[_Part], denies: Iterable[NumberedStatement], matcher: StatementMatcher
) -> dict[NumberedStatement, _Taken]:
    """Return what each Deny takes of the parts of a share, or may take."""
    verdicts: dict[NumberedStatement, _Taken] = {}
    for deny in denies:
        taken: _Taken = {verdict: set() for verdict in Applies}
        for part in parts:
            denied = included_actions(deny.statement.document, part.actions, deny.statement.actions)
            if denied:
                verdict = matcher.applies(deny.statement, part.context)
                taken[verdict].update((part, action) for action in denied)
        if taken[Applies.YES] or taken[Applies.CONDITIONALLY]:
            verdicts[deny] = taken
    return verdicts


def _names(taken: Iterable[tuple[_Part, str]], granted: frozenset[str]) -> tuple[str, ...]:
    """Return what the actions that a Deny takes are called. Without one that it needs, a capability is gone."""
    pieces = list(taken)
    actions = frozenset(action for part, action in pieces if part.region is None)
    names, known = [], frozenset[str]()
    for capability in CAPABILITIES:
        needed = capability.required or frozenset(capability.action_sets[0])
        if granted >= needed and actions & needed:
            names.append(capability.name)
            known |= frozenset().union(*capability.action_sets)
    for name, one_of in REPORTED_ONLY.items():
        # Of several, each is as good as the others.
        if actions & one_of and actions >= granted & one_of:
            names.append(name)
            known |= one_of
    functions = [LAMBDA] if any(part.region is not None for part, _action in pieces) else []
    return (*names, *functions, *([OTHER] if actions - known else []))
