# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Who gets what from a policy of any shape, through which statements, and what a Deny takes away again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from .._iam.conditions import Applies, Condition, KnownKey, holds, known_key
from .._iam.document import Policy, statements
from .._iam.principals import Principal, PrincipalType
from .._sharing.capabilities import LAMBDA_SERVICE, actions_of
from .actions import LAMBDA_PULL, PULLING, PUSHING, level
from .matching import NamedPrincipal, actions_not_denied, applies, named_principals, openings
from .request_context import RequestContext, context_of, functions, service
from .statements import ANSWERS, NOT_PRINCIPAL, ParsedStatement, parse_statement, valid_statements


@dataclass(frozen=True)
class StatementName:
    """Which statement of a policy: its position from 1, and its Sid or None."""

    position: int
    sid: str | None


@dataclass(frozen=True)
class Denial:
    """A Deny statement. certain: whether it, with the others that are certain, defeats all of a share."""

    position: int
    sid: str | None
    certain: bool


@dataclass(frozen=True)
class Share:
    """What a principal gets from the managed statements of a policy, or from the foreign ones.

    principal: an account's id, an ARN, an organization, the path of a unit, a service, C(*), or an id as it is.
    kind: C(account), C(role), C(user), C(session), C(organization), C(organizational_unit), C(service), C(everyone),
        C(deleted) or C(other).
    access: what the actions amount to: a level of grants, C(lambda) for the Lambda part alone, C(admin) or C(partial).
    actions: all of them, sorted, where access is C(admin) or C(partial); else empty.
    can_pull, can_push: whether they, with those of the principal's other shares, include what nothing is pulled or
        pushed without, and no Deny certainly takes any of that.
    lambda_regions: regions, or C(*), whose Lambda functions of this account may pull.
    conditions: what must hold besides, and cannot be decided from the policy. C(NotPrincipal) is one of them: it holds
        for all but those that it names.
    denied_by: the Deny statements that defeat all or a part of it, or may do so.
    """

    principal: str
    kind: str
    access: str
    actions: tuple[str, ...]
    can_pull: bool
    can_push: bool
    lambda_regions: tuple[str, ...]
    conditions: tuple[Condition, ...]
    statements: tuple[StatementName, ...]
    denied_by: tuple[Denial, ...]
    managed: bool


@dataclass
class _Row:
    """A share while it is gathered from the statements."""

    callers: RequestContext
    managed: bool
    conditions: tuple[Condition, ...]
    actions: frozenset[str] = frozenset()
    regions: dict[str, None] = field(default_factory=dict)
    statements: dict[int, StatementName] = field(default_factory=dict)


# The callers, the region of their functions or None for themselves, and what must hold besides.
_Grantee = tuple[RequestContext, "str | None", tuple[Condition, ...]]
_Rows = dict[tuple[str, str, bool, tuple[Condition, ...]], _Row]
_Deny = tuple[int, ParsedStatement]


def shares(policy: Policy | None, partition: str, registry_id: str) -> tuple[Share, ...]:
    """One share a principal, managed or foreign, and set of conditions, in the order of their first mention.

    registry_id: the account that owns the repository, which is what aws:ResourceAccount says.

    What is said to be granted is what the Allows grant; C(denied_by) tells what becomes of it.
    """
    rows: _Rows = {}
    denies: list[_Deny] = []
    for position, rule in valid_statements(policy):
        if rule.denies:
            denies.append((position, rule))
        elif rule.actions:
            _gather(rows, position, rule, partition, registry_id)
    granted: dict[tuple[str, str], frozenset[str]] = {}
    for row in rows.values():
        who = row.callers.kind, row.callers.name
        granted[who] = granted.get(who, frozenset()) | row.actions
    return tuple(
        _share(row, granted[row.callers.kind, row.callers.name], denies, partition, registry_id)
        for row in rows.values()
    )


def public_statements(policy: Policy | None, partition: str, registry_id: str) -> tuple[StatementName, ...]:
    """The statements that open a policy to everyone, or to the Lambda functions of everyone."""
    return tuple(
        StatementName(opening.position, opening.rule.sid) for opening in openings(policy, partition, registry_id)
    )


def unmanaged_statements(policy: Policy | None) -> tuple[StatementName, ...]:
    """The statements of a policy that are not managed."""
    rules = enumerate(map(parse_statement, statements(policy)), start=1)
    return tuple(StatementName(position, rule.sid) for position, rule in rules if not rule.managed)


def granted_by(share: Share) -> frozenset[str]:
    """The actions that a share's principal itself may use; those of its functions are not among them."""
    if share.access == "lambda":
        return LAMBDA_PULL if share.kind == "service" else frozenset()
    return frozenset(share.actions or actions_of(frozenset(share.access.split("_"))))


def _gather(rows: _Rows, position: int, rule: ParsedStatement, partition: str, registry_id: str) -> None:
    name = StatementName(position, rule.sid)
    for callers, region, undecided in _grantees(rule, partition, registry_id):
        key = (callers.kind, callers.name, rule.managed, undecided)
        row = rows.setdefault(key, _Row(callers, rule.managed, undecided))
        row.statements[position] = name
        if region is None:
            row.actions |= rule.actions
        else:
            row.regions[region] = None


@lru_cache(maxsize=ANSWERS)
def _grantees(rule: ParsedStatement, partition: str, registry_id: str) -> tuple[_Grantee, ...]:
    """Who gets something from an Allow: for a region of Lambda functions, their account the pull, else all of it."""
    found: list[_Grantee] = []
    for mention in named_principals(rule, partition):
        undecided = _undecided(mention, rule, registry_id)
        if undecided is None:
            continue
        if mention.callers.functions_of is not None and rule.actions >= LAMBDA_PULL:
            account, region = mention.callers.functions_of
            found.append((context_of(Principal(PrincipalType.ACCOUNT, account, account), partition), region, undecided))
        if mention.callers.is_lambda and rule.actions != LAMBDA_PULL:
            # What Lambda gets besides the pull is no account's, so it is Lambda's, under all that the statement asks.
            whole = NamedPrincipal(mention.entry, service(LAMBDA_SERVICE), rule.conditions)
            mention, undecided = whole, _undecided(whole, rule, registry_id) or ()
        if mention.callers.functions_of is None:
            found.append((mention.callers, None, undecided))
    return tuple(found)


def _undecided(mention: NamedPrincipal, rule: ParsedStatement, registry_id: str) -> tuple[Condition, ...] | None:
    """The conditions of a mention that do not hold for certain; None if one cannot hold."""
    callers = _at(registry_id, mention.callers)
    found: list[Condition] = []
    for condition in mention.conditions:
        verdict = holds(condition, known_key(condition.key, callers.facts, callers.otherwise))
        if verdict is Applies.NO:
            return None
        if verdict is Applies.CONDITIONALLY:
            found.append(condition)
    if mention.entry is None:
        spared: dict[str, list[str]] = {}
        for entry in rule.entries:
            spared.setdefault(entry.kind, []).append(entry.name)
        found += [Condition(NOT_PRINCIPAL, kind, tuple(names)) for kind, names in spared.items()]
    return tuple(found)


def _share(row: _Row, granted: frozenset[str], denies: Sequence[_Deny], partition: str, registry_id: str) -> Share:
    """granted: the actions of all shares of the principal."""
    callers = row.callers
    left = actions_not_denied((rule for _position, rule in denies), granted, _at(registry_id, callers), partition)
    if callers.is_lambda and row.actions == LAMBDA_PULL:
        access = "lambda"
    else:
        access = level(row.actions) if row.actions else "lambda"
    return Share(
        principal=callers.name,
        kind=callers.kind,
        access=access,
        actions=tuple(sorted(row.actions)) if access in ("admin", "partial") else (),
        can_pull=bool(row.actions & PULLING) and left >= PULLING,
        can_push=bool(row.actions & PUSHING) and left >= PUSHING,
        lambda_regions=tuple(row.regions),
        conditions=row.conditions,
        statements=tuple(row.statements.values()),
        denied_by=_denials(row, denies, partition, registry_id),
        managed=row.managed,
    )


def _denials(row: _Row, denies: Iterable[_Deny], partition: str, registry_id: str) -> tuple[Denial, ...]:
    parts = [(_at(registry_id, row.callers), row.actions)] if row.actions else []
    parts += [(_at(registry_id, functions(row.callers.name, region, partition)), LAMBDA_PULL) for region in row.regions]
    # By position, the pieces that a Deny defeats for certain: the number of a part, and an action.
    defeated: dict[int, set[tuple[int, str]]] = {}
    sids: dict[int, str | None] = {}
    for position, rule in denies:
        for number, (callers, actions) in enumerate(parts):
            hit = actions & rule.actions
            verdict = applies(rule, callers, partition) if hit else Applies.NO
            if verdict is not Applies.NO:
                sids[position] = rule.sid
                certain = hit if verdict is Applies.YES else ()
                defeated.setdefault(position, set()).update((number, action) for action in certain)
    all_of_it = sum(len(actions) for _callers, actions in parts)
    everything = len(set().union(*defeated.values())) == all_of_it
    return tuple(Denial(position, sid, everything and bool(defeated[position])) for position, sid in sids.items())


@lru_cache(maxsize=16384)
def _at(registry_id: str, callers: RequestContext) -> RequestContext:
    """The callers when they call for a repository of an account."""
    return replace(callers, facts={**callers.facts, "aws:resourceaccount": KnownKey(registry_id)})
