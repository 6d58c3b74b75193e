# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Whom a statement of a policy reaches.

How IAM decides: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html

The limits: a policy does not say which accounts an organization has, what tags a caller carries or where a call comes
from. What hangs on such a thing is said to apply conditionally; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TypeVar

from .._iam.arns import functions_account, functions_arn, functions_region, is_unique_id
from .._iam.conditions import (
    Applies,
    Condition,
    all_hold,
    contains,
    has_wildcards,
    inverse,
    is_open,
    is_positive,
    strongest,
)
from .._iam.document import Policy, statements
from .._iam.principals import Principal, PrincipalType, read_principal
from .._sharing.capabilities import LAMBDA_SERVICE
from .request_context import (
    EVERYONE,
    RequestContext,
    context_of,
    everyone,
    external_contexts,
    functions,
    named,
    service,
)
from .statements import ANSWERS, NOT_PRINCIPAL, Entry, ParsedStatement, parse_statement, valid_statements

_Named = TypeVar("_Named")
_ByAccount = Mapping["str | None", tuple[_Named, ...]]


@dataclass(frozen=True)
class NamedPrincipal:
    """Callers that a statement names, by one of its principals or by a condition on everyone.

    entry: the principal; None for NotPrincipal, which mentions everyone.
    callers: whom it means, as narrowly as the conditions say.
    conditions: what must hold. Where one of them names the callers, it has the one value that does.
    """

    entry: Entry | None
    callers: RequestContext
    conditions: tuple[Condition, ...]

    @property
    def via(self) -> str:
        """How to call it: an account by its id, all else as the statement has it."""
        return NOT_PRINCIPAL if self.entry is None else self.callers.name


@dataclass(frozen=True)
class Reach:
    """How far a statement applies to a principal, and via which of the callers that it mentions."""

    via: str
    applies: Applies


@dataclass(frozen=True)
class Opening:
    """An Allow that is open to strangers.

    position: of the statement, from 1.
    to_people: whether it is open to identities, and not to Lambda functions alone.
    entries: what opens it: C(*), the Lambda service, or patterns for an organization, an account or an ARN.
    """

    position: int
    rule: ParsedStatement
    to_people: bool
    entries: tuple[str, ...]

    @property
    def to_everyone(self) -> bool:
        return self.to_people and EVERYONE in self.entries


@lru_cache(maxsize=ANSWERS)
def applies(rule: ParsedStatement, callers: RequestContext, partition: str, *, for_one: bool = False) -> Applies:
    """How far a statement, Allow or Deny, applies to callers, whatever the action.

    for_one: whether it is enough that its conditions hold for one of the callers.
    """
    reached = _concerns(rule, callers, partition)
    if reached is Applies.NO:
        return Applies.NO
    return min(reached, all_hold(rule.conditions, callers.facts, callers.otherwise, for_one=for_one))


@lru_cache(maxsize=ANSWERS)
def match_principal(rule: ParsedStatement, principal: Principal, partition: str) -> tuple[Reach, ...]:
    """The callers that a statement mentions through which it reaches a principal; empty for none.

    An account's root stands for every role, user and session of the account, and one of these for a part of its
    account: the statement then applies conditionally. So does one with a condition that the policy cannot decide.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
    """
    callers = context_of(principal, partition)
    found = (
        Reach(
            mention.via,
            min(
                _concerns(rule, callers, partition)
                if mention.entry is None
                else _reached_by(mention.entry, callers, partition, rule.denies),
                all_hold(mention.conditions, callers.facts),
            ),
        )
        for mention in _of_account(_mentions_by_account(rule, partition), callers, named_principals(rule, partition))
    )
    return tuple(dict.fromkeys(reach for reach in found if reach.applies is not Applies.NO))


@lru_cache(maxsize=ANSWERS)
def reaches_functions(rule: ParsedStatement, account: str, partition: str, apart: tuple[str, ...] = ()) -> Applies:
    """How far a statement applies to the Lambda service when it acts for one of the functions of an account.

    apart: regions, or C(*) for all, whose functions do not count; what is left are the others.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
    """
    covered = [functions_arn(account, region, partition) for region in apart]
    others = functions(account, "*", partition)
    if functions_arn(account, "*", partition) in covered:
        return Applies.NO
    beyond = [
        replace(
            condition,
            values=tuple(
                value for value in condition.values if not any(contains(pattern, value) for pattern in covered)
            ),
        )
        if condition.key.lower() == "aws:sourcearn" and is_positive(condition)
        else condition
        for condition in rule.conditions
    ]
    return min(_concerns(rule, others, partition), all_hold(beyond, others.facts, for_one=True))


@lru_cache(maxsize=ANSWERS)
def named_principals(rule: ParsedStatement, partition: str) -> tuple[NamedPrincipal, ...]:
    """The callers that a statement names, each with what must hold for them."""
    if rule.excludes:
        return (NamedPrincipal(None, everyone(), rule.conditions),)
    return tuple(
        mention
        for entry in rule.entries
        for mention in _narrowed(entry, _named_by(entry, partition), rule.conditions, partition)
    )


def openings(policy: Policy | None, partition: str, registry_id: str | None = None) -> tuple[Opening, ...]:
    """The Allows by which strangers, people or the Lambda functions of people with an account of their own, get what
    no Deny certainly takes from them again.

    registry_id: the account that owns the repository, where it is known.

    A condition that any of them can meet bars nobody: it is met by every caller, as a pattern that all ARNs match is,
    or by an organization or a tag of one's own. One that the policy cannot decide, such as a date or a tag of the
    repository, is taken to bar them.
    """
    listed = valid_statements(policy)
    denies = tuple(rule for _position, rule in listed if rule.denies)
    return tuple(
        Opening(position, rule, *opened)
        for position, rule in listed
        if not rule.denies and (opened := _opened(rule, denies, partition, registry_id))
    )


def actions_not_denied(
    denies: Iterable[ParsedStatement], actions: frozenset[str], callers: RequestContext, partition: str
) -> frozenset[str]:
    """What Deny statements do not take from callers for certain."""
    for deny in denies:
        if actions & deny.actions and applies(deny, callers, partition) is Applies.YES:
            actions -= deny.actions
    return actions


def policy_unique_ids(policy: Policy | None) -> tuple[str, ...]:
    """The ids of deleted roles and users anywhere in a policy, for whose sake AWS refuses to store it."""
    return tuple(entry for entry in policy_principals(policy) if is_unique_id(entry))


def policy_principals(policy: Policy | None) -> tuple[str, ...]:
    """The AWS principals that a policy names anywhere, as it spells them, without the C(*) for everyone."""
    named = (name for statement in statements(policy) for name in parse_statement(statement).identities)
    return tuple(dict.fromkeys(named))


def _concerns(rule: ParsedStatement, callers: RequestContext, partition: str) -> Applies:
    if not rule.excludes:
        return _reached(rule, callers, partition, rule.denies)
    if rule.denies:
        return _all_but(rule, callers, partition)
    return inverse(_reached(rule, callers, partition, True))


def _reached(rule: ParsedStatement, callers: RequestContext, partition: str, parts: bool) -> Applies:
    listed = _of_account(_entries_by_account(rule, partition), callers, rule.entries)
    return strongest(_reached_by(entry, callers, partition, parts) for entry in listed)


@lru_cache(maxsize=ANSWERS)
def _entries_by_account(rule: ParsedStatement, partition: str) -> _ByAccount[Entry]:
    return _by_account(((entry, entry) for entry in rule.entries), partition)


@lru_cache(maxsize=ANSWERS)
def _mentions_by_account(rule: ParsedStatement, partition: str) -> _ByAccount[NamedPrincipal]:
    return _by_account(((mention.entry, mention) for mention in named_principals(rule, partition)), partition)


def _by_account(named: Iterable[tuple[Entry | None, _Named]], partition: str) -> _ByAccount[_Named]:
    """What may concern those of an account, in order: what names the account, one of its identities, or no account.

    A statement may name hundreds of accounts, and each of hundreds of grants is held against it.
    """
    found: dict[str | None, list[_Named]] = {None: []}
    for entry, item in named:
        who = _identity(entry, partition) if entry else None
        if who:
            found.setdefault(who.account, list(found[None])).append(item)
        else:
            for items in found.values():
                items.append(item)
    return {account: tuple(items) for account, items in found.items()}


def _of_account(
    grouped: _ByAccount[_Named], callers: RequestContext, everything: tuple[_Named, ...]
) -> tuple[_Named, ...]:
    """What may concern callers. Everyone is concerned by everything, and so are organizations, which have accounts."""
    account = None if callers.principal is None else callers.principal.account
    if callers.kind == "everyone" or (callers.principal and account is None):
        return everything
    return grouped.get(account, grouped[None])


def _reached_by(entry: Entry, callers: RequestContext, partition: str, parts: bool) -> Applies:
    """How far one of a statement's principals stands for callers.

    parts: whether it counts that an account may be a part of an organization. That matters where access is taken away:
    what an account is given is not its organization's.
    """
    if entry == _ANYBODY:
        return Applies.YES
    if callers.principal is None:
        if callers.kind == "everyone":
            return Applies.CONDITIONALLY if _is_somebody(entry, partition) else Applies.NO
        same = entry.name == callers.name and (entry.kind == "Service") == (callers.kind == "service")
        return Applies.YES if same else Applies.NO
    who, principal = _identity(entry, partition), callers.principal
    if who is None:
        return Applies.NO
    if principal.account is None:
        return Applies.CONDITIONALLY if parts else Applies.NO
    if who.account != principal.account:
        return Applies.NO
    if who == principal or who.kind is PrincipalType.ACCOUNT or _is_session_of(principal, who):
        return Applies.YES
    if principal.kind is PrincipalType.ACCOUNT or _is_session_of(who, principal):
        return Applies.CONDITIONALLY
    return Applies.NO


def _all_but(rule: ParsedStatement, callers: RequestContext, partition: str) -> Applies:
    """How far a Deny with NotPrincipal applies: it spares those whose account, role and session are all named."""
    if _ANYBODY in rule.entries:
        return Applies.NO
    principal = callers.principal
    if principal is None:
        return inverse(_reached(rule, callers, partition, True))
    spared = [who for who in (_identity(entry, partition) for entry in rule.entries) if who is not None]
    if principal.account is None:
        # It may have the accounts that are named.
        return Applies.CONDITIONALLY if any(who.kind is PrincipalType.ACCOUNT for who in spared) else Applies.YES
    account = any(who.kind is PrincipalType.ACCOUNT and who.account == principal.account for who in spared)
    if principal.kind is PrincipalType.ACCOUNT:
        # The account is spared, its roles and users are not unless they are named as well.
        return Applies.CONDITIONALLY if account else Applies.YES
    if principal in spared:
        role = principal.kind is PrincipalType.USER or any(_is_session_of(principal, who) for who in spared)
        return Applies.NO if account and role and principal.kind is not PrincipalType.ROLE else Applies.CONDITIONALLY
    related = any(_is_session_of(principal, who) or _is_session_of(who, principal) for who in spared)
    return Applies.CONDITIONALLY if related else Applies.YES


def _named_by(entry: Entry, partition: str) -> RequestContext:
    if entry == _ANYBODY:
        return everyone()
    if entry.kind == "Service":
        return service(entry.name)
    who = _identity(entry, partition)
    if who is not None:
        return context_of(who, partition)
    return named("deleted" if entry.kind == "AWS" and is_unique_id(entry.name) else "other", entry.name)


def _narrowed(
    entry: Entry, callers: RequestContext, required: tuple[Condition, ...], partition: str
) -> Iterable[NamedPrincipal]:
    """One mention for each of the callers that a condition names, and one for all values that name none."""
    readers = _READERS.get((callers.kind, callers.name), {})
    naming = min(
        (condition for condition in required if condition.key.lower() in readers and is_positive(condition)),
        key=lambda condition: list(readers).index(condition.key.lower()),
        default=None,
    )
    if naming is None:
        yield NamedPrincipal(entry, callers, required)
        return
    rest = []
    for value in dict.fromkeys(naming.values):
        literal = not has_wildcards(naming)
        meant = readers[naming.key.lower()](value, partition)
        if meant is None or (literal and ("*" in value or "?" in value)):
            rest.append(value)
        else:
            yield NamedPrincipal(entry, meant, _with_values(required, naming, (value,)))
    if rest:
        yield NamedPrincipal(entry, callers, _with_values(required, naming, tuple(rest)))


def _with_values(required: tuple[Condition, ...], naming: Condition, values: tuple[str, ...]) -> tuple[Condition, ...]:
    return tuple(replace(naming, values=values) if condition is naming else condition for condition in required)


def _unit(value: str, partition: str) -> RequestContext | None:
    # A pattern such as o-…/*/ou-… names a part of the organization that no grant could name.
    if "/" not in value or read_principal(value.split("/")[0], partition) is None:
        return None
    return context_of(Principal(PrincipalType.ORGANIZATIONAL_UNIT, value), partition)


def _reader(*kinds: PrincipalType) -> Callable[[str, str], RequestContext | None]:
    def read(value: str, partition: str) -> RequestContext | None:
        who = read_principal(value, partition)
        return context_of(who, partition) if who is not None and who.kind in kinds else None

    return read


def _account(value: str, partition: str) -> RequestContext | None:
    return _reader(PrincipalType.ACCOUNT)(value, partition) if value.isdecimal() else None


def _functions(value: str, partition: str) -> RequestContext | None:
    account = functions_account(value, partition)
    return None if account is None else functions(account, functions_region(value), partition)


def _functions_of_account(value: str, partition: str) -> RequestContext | None:
    return functions(value, "*", partition) if _account(value, partition) else None


# The conditions that say who is meant, of everyone and of Lambda, the narrowest first.
_READERS: Mapping[tuple[str, str], Mapping[str, Callable[[str, str], RequestContext | None]]] = {
    ("everyone", EVERYONE): {
        "aws:principalarn": _reader(PrincipalType.ROLE, PrincipalType.USER),
        "aws:principalaccount": _account,
        "aws:principalorgpaths": _unit,
        "aws:principalorgid": _reader(PrincipalType.ORGANIZATION),
    },
    ("service", LAMBDA_SERVICE): {
        "aws:sourcearn": _functions,
        "aws:sourceaccount": _functions_of_account,
    },
}
_ANYBODY = Entry("AWS", EVERYONE)


@lru_cache(maxsize=ANSWERS)
def _opened(
    rule: ParsedStatement, denies: tuple[ParsedStatement, ...], partition: str, registry_id: str | None
) -> tuple[bool, tuple[str, ...]] | None:
    """Whether an Allow is open to people, and what opens it; None if it lets no stranger in."""
    opened = [
        callers for callers in external_contexts(partition, registry_id) if _lets_in(rule, callers, denies, partition)
    ]
    if not opened:
        return None
    people = any(callers.name == EVERYONE for callers in opened)
    return people, _opened_by(rule) or (EVERYONE if people else LAMBDA_SERVICE,)


def _lets_in(rule: ParsedStatement, callers: RequestContext, denies: Iterable[ParsedStatement], partition: str) -> bool:
    if applies(rule, callers, partition, for_one=True) is not Applies.YES:
        return False
    return bool(actions_not_denied(denies, rule.actions, callers, partition))


def _opened_by(rule: ParsedStatement) -> tuple[str, ...]:
    """The values by which a condition names strangers without spelling them."""
    keys = {key for readers in _READERS.values() for key in readers}
    return tuple(
        value
        for condition in rule.conditions
        if condition.key.lower() in keys and is_positive(condition)
        for value in condition.values
        if is_open(value) and has_wildcards(condition)
    )


@lru_cache(maxsize=8192)
def _identity(entry: Entry, partition: str) -> Principal | None:
    """The account, role, user or session that a principal names."""
    who = read_principal(entry.name, partition) if entry.kind == "AWS" else None
    return who if who is not None and who.account is not None else None


def _is_somebody(entry: Entry, partition: str) -> bool:
    return entry.kind != "AWS" or _identity(entry, partition) is not None


def _is_session_of(session: Principal, role: Principal) -> bool:
    """A session's ARN has the role's name, which is unique in its account, and not the role's path."""
    return (
        session.kind is PrincipalType.SESSION
        and role.kind is PrincipalType.ROLE
        and session.account == role.account
        and session.name.split(":assumed-role/")[-1].split("/")[0] == role.name.rsplit("/", 1)[-1]
    )
