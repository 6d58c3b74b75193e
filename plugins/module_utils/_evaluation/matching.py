# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""To whom a statement applies.

How IAM decides: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html

What follows rests on these rules, beside those of conditions.py:

* A statement applies as far as its principals do and its conditions hold, whichever is less. The actions do not matter.
* An account stands for every role, user and session in it, a role for its sessions. The other way round it is a part,
  so that the statement applies conditionally.
* An organization has accounts, and no policy says which. What its accounts are denied may be denied to a part of it;
  what they are allowed is not the organization's.
* NotPrincipal of a Deny spares those whose account, role and session are all named.
* A condition on everyone may be what names the callers: a role or user, an account, a unit or an organization. Of
  several such conditions the narrowest that names somebody does, and the others remain conditions: an organization and
  a pattern of ARNs are that organization, under the condition of the pattern.
* What a service may do only for the resources of an account, a unit or an organization is theirs, through the service.
* What depends on a thing that no policy says, such as the tags of a caller or the origin of a call, applies
  conditionally; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol, TypeVar

from .._iam.arns import functions_arn, is_account_id
from .._iam.comparisons import Applies, inverse, strongest
from .._iam.conditions import Condition, all_hold, has_wildcards, is_positive, is_text
from .._iam.patterns import PatternSet, is_literal
from .._iam.principals import (
    EVERYONE,
    ORGANIZATIONS,
    Principal,
    PrincipalType,
    is_session_of,
    read_principal,
)
from .actions import additional_actions
from .request_context import ANY_SERVICE, LAMBDA_PRINCIPAL, RequestContext, RequestContexts
from .statements import NOT_PRINCIPAL, ParsedStatement

# So many principals and values of a condition together are told apart.
MOST_NAMED = 4096
# How many answers to each question to remember.
ANSWERS = 2048
_Item = TypeVar("_Item")
# What may concern the principals of an account; under None what may concern those of all other accounts.
_ByAccount = Mapping["str | None", tuple[_Item, ...]]


@dataclass(frozen=True)
class NamedPrincipal:
    """Callers that a statement names, by one of its principals or by a condition on everyone.

    Args:
        listed: The principal of the statement; None for NotPrincipal, which names everyone else.
        context: Whom it means, as narrowly as the conditions say.
        conditions: What must hold. Where one of them names the callers, it has the one value that does.
    """

    listed: Principal | None
    context: RequestContext
    conditions: tuple[Condition, ...]

    @property
    def name(self) -> str:
        """What to call it: an account by its id, everything else as the statement has it."""
        return NOT_PRINCIPAL if self.listed is None else self.context.principal.name


class _AppliesTo(Protocol):
    def __call__(self, statement: ParsedStatement, context: RequestContext, *, for_one: bool = False) -> Applies: ...


class _AppliesToFunctions(Protocol):
    def __call__(
        self, statement: ParsedStatement, account: str, excluding_regions: tuple[str, ...] = ()
    ) -> Applies: ...


class StatementMatcher:
    """Decides to whom statements apply, and remembers it.

    Args:
        contexts: The requests for the repositories of one registry.
        check: Is called time and again. What it raises ends whatever is being decided.
    """

    def __init__(self, contexts: RequestContexts, check: Callable[[], None]) -> None:
        self.contexts, self.check = contexts, check
        # Each of these is the method of its name below, and remembers its answers as long as the matcher lives.
        remember = lru_cache(maxsize=ANSWERS)
        self.applies: _AppliesTo = remember(self._applies)
        self.match_principal: Callable[[ParsedStatement, Principal], Mapping[str, Applies]] = remember(
            self._match_principal
        )
        self.applies_to_functions: _AppliesToFunctions = remember(self._applies_to_functions)
        self.named_principals: Callable[[ParsedStatement], tuple[NamedPrincipal, ...]] = remember(
            self._named_principals
        )
        self.additional_actions: Callable[[ParsedStatement, tuple[str, ...]], tuple[str, ...]] = remember(
            lambda statement, known: additional_actions(statement.document, known)
        )
        self._listed_by_account: Callable[[ParsedStatement], _ByAccount[Principal]] = remember(
            lambda statement: _by_account((who.account, who) for who in statement.principals)
        )
        self._named_by_account: Callable[[ParsedStatement], _ByAccount[NamedPrincipal]] = remember(
            lambda statement: _by_account((_account_of(named), named) for named in self.named_principals(statement))
        )
        self._sources_by_account: Callable[[ParsedStatement], Mapping[str | None, tuple[str, ...]]] = remember(
            _sources_by_account
        )

    def _applies(self, statement: ParsedStatement, context: RequestContext, *, for_one: bool = False) -> Applies:
        """Return how far a statement, Allow or Deny, applies to callers, whatever the action.

        Args:
            statement: The statement.
            context: The callers.
            for_one: Whether it is enough that its conditions hold for one of the callers.
        """
        self.check()
        included = self._includes(statement, context)
        if included is Applies.NO:
            return Applies.NO
        return min(included, all_hold(statement.conditions, context.known_keys, for_one=for_one))

    def _match_principal(self, statement: ParsedStatement, principal: Principal) -> Mapping[str, Applies]:
        """Return the names by which a statement applies to a principal, and how far; empty if it does not.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
        """
        self.check()
        context = self.contexts.of(principal)
        result: dict[str, Applies] = {}
        named_principals = self.named_principals(statement)
        for named in _concerning(context, self._named_by_account(statement), named_principals):
            if named.listed is None:
                included = self._includes(statement, context)
            else:
                included = _includes(named.listed, context, members=statement.denies)
            if included is not Applies.NO:
                verdict = min(included, all_hold(named.conditions, context.known_keys))
                if verdict > result.get(named.name, Applies.NO):
                    result[named.name] = verdict
        return result

    def _applies_to_functions(
        self, statement: ParsedStatement, account: str, excluding_regions: tuple[str, ...] = ()
    ) -> Applies:
        """Return how far a statement applies to the Lambda service when it acts for the functions of an account.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html

        Args:
            statement: The statement.
            account: The account of the functions.
            excluding_regions: The regions, or C(*) for all, whose functions do not count.
        """
        self.check()
        if "*" in excluding_regions:
            return Applies.NO
        context = self.contexts.functions(account, "*")
        included = self._includes(statement, context)
        if included is Applies.NO:
            return Applies.NO
        required = self._without_regions(statement, account, excluding_regions)
        return min(included, all_hold(required, context.known_keys, for_one=True))

    def _without_regions(
        self, statement: ParsedStatement, account: str, regions: tuple[str, ...]
    ) -> tuple[Condition, ...]:
        """Return the conditions of a statement without the sources that are functions of an account in regions."""
        # Whatever is within them spells the account.
        by_account = self._sources_by_account(statement)
        functions = PatternSet(functions_arn(account, region, self.contexts.partition) for region in regions)
        excluded = {source for source in by_account.get(account, ()) if functions.contains(source)}
        if not excluded:
            return statement.conditions
        kept = {*by_account[None], *by_account[account]} - excluded
        return tuple(
            replace(condition, values=tuple(value for value in condition.values if value in kept))
            if _is_source(condition)
            else condition
            for condition in statement.conditions
        )

    def _named_principals(self, statement: ParsedStatement) -> tuple[NamedPrincipal, ...]:
        """Return the callers that a statement names, each with what must hold for them."""
        if statement.excludes:
            return (NamedPrincipal(None, self.contexts.of(EVERYONE), statement.conditions),)
        # Hundreds of services for hundreds of accounts would be too many to tell.
        values = max((len(condition.values) for condition in statement.conditions), default=0)
        narrows = len(statement.principals) * values <= MOST_NAMED
        return tuple(
            named
            for listed in statement.principals
            for named in self._narrowed(listed, statement.conditions, _naming_keys(listed) if narrows else ())
        )

    def _narrowed(
        self, listed: Principal, required: tuple[Condition, ...], keys: tuple[str, ...]
    ) -> Iterable[NamedPrincipal]:
        """Yield one for each of the callers that a condition names, and one for all values that name none.

        Args:
            listed: The principal of the statement.
            required: What must hold.
            keys: The keys that may name the callers, the narrowest first.
        """
        naming = min(
            (condition for condition in required if condition.key.lower() in keys and is_positive(condition)),
            key=lambda condition: keys.index(condition.key.lower()),
            default=None,
        )
        if naming is None:
            yield NamedPrincipal(listed, self.contexts.of(listed), required)
            return
        key, literal, others = naming.key.lower(), not has_wildcards(naming), []
        read, service = NAMING_KEYS[key], _acting_service(listed, required)
        for value in dict.fromkeys(naming.values):
            nobody = literal and ("*" in value or "?" in value)
            # A star of StringLike may stand for colons, and so for another account.
            anybody = key == "aws:principalarn" and is_text(naming) and "*" in ":".join(value.split(":", 5)[:5])
            context = None if nobody or anybody else read(value, service, self.contexts)
            if context is None:
                others.append(value)
            else:
                yield NamedPrincipal(listed, context, _with_values(required, naming, (value,)))
        if others or not naming.values:
            left = _with_values(required, naming, tuple(others))
            yield from self._narrowed(listed, left, keys[keys.index(key) + 1 :])

    def _includes(self, statement: ParsedStatement, context: RequestContext) -> Applies:
        """Return how far the principals of a statement include callers."""
        caller = context.principal
        if not statement.excludes:
            return self._lists(statement, context, members=statement.denies)
        if statement.denies and caller.kind in ORGANIZATIONS:
            return _organization_not_spared(statement.principals)
        if statement.denies and caller.account is not None:
            return _not_spared(statement.principals, caller)
        return inverse(self._lists(statement, context, members=True))

    def _lists(self, statement: ParsedStatement, context: RequestContext, *, members: bool) -> Applies:
        listed = _concerning(context, self._listed_by_account(statement), statement.principals)
        return strongest(_includes(who, context, members=members) for who in listed)


def _includes(listed: Principal, context: RequestContext, *, members: bool) -> Applies:
    """Return how far one of a statement's principals includes callers.

    Args:
        listed: The principal of the statement.
        context: The callers.
        members: Whether it counts that an account may be in an organization. It does where access is taken away.
    """
    caller = context.principal
    if listed.kind is PrincipalType.EVERYONE:
        return Applies.YES
    if context.unnamed:
        return Applies.NO
    if listed == caller:
        return Applies.YES
    if caller.kind is PrincipalType.EVERYONE:
        return Applies.NO if listed.kind is PrincipalType.DELETED else Applies.CONDITIONALLY
    if caller.kind in ORGANIZATIONS:
        return Applies.CONDITIONALLY if members and listed.account else Applies.NO
    if caller.account is None or listed.account != caller.account:
        return Applies.NO
    if listed.kind is PrincipalType.ACCOUNT or is_session_of(caller, listed):
        return Applies.YES
    if caller.kind is PrincipalType.ACCOUNT or is_session_of(listed, caller):
        return Applies.CONDITIONALLY
    return Applies.NO


def _organization_not_spared(spared: tuple[Principal, ...]) -> Applies:
    """Return how far a Deny with NotPrincipal applies to an organization, which may have the named accounts."""
    if EVERYONE in spared:
        return Applies.NO
    return Applies.CONDITIONALLY if any(who.kind is PrincipalType.ACCOUNT for who in spared) else Applies.YES


def _not_spared(spared: tuple[Principal, ...], caller: Principal) -> Applies:
    """Return how far a Deny with NotPrincipal applies to a principal of an account."""
    if EVERYONE in spared:
        return Applies.NO
    account = any(who.kind is PrincipalType.ACCOUNT and who.account == caller.account for who in spared)
    if caller.kind is PrincipalType.ACCOUNT:
        # The account is spared, its roles and users are not unless they are named as well.
        return Applies.CONDITIONALLY if account else Applies.YES
    if caller in spared:
        role = caller.kind is PrincipalType.USER or any(is_session_of(caller, who) for who in spared)
        return Applies.NO if account and role and caller.kind is not PrincipalType.ROLE else Applies.CONDITIONALLY
    related = any(is_session_of(caller, who) or is_session_of(who, caller) for who in spared)
    return Applies.CONDITIONALLY if related else Applies.YES


def _by_account(items: Iterable[tuple[str | None, _Item]]) -> _ByAccount[_Item]:
    """Return what may concern each account, in order: what is of the account, or of none.

    A statement may name hundreds of accounts, and each of hundreds of grants is compared with it.
    """
    result: dict[str | None, list[_Item]] = {None: []}
    for account, item in items:
        if account is not None:
            result.setdefault(account, list(result[None])).append(item)
        else:
            for listed in result.values():
                listed.append(item)
    return {account: tuple(listed) for account, listed in result.items()}


def _concerning(
    context: RequestContext, by_account: _ByAccount[_Item], everything: tuple[_Item, ...]
) -> tuple[_Item, ...]:
    """Return what may concern callers. That is everything for everyone, and for organizations, which have accounts."""
    caller = context.principal
    if caller.kind in ORGANIZATIONS or (caller.kind is PrincipalType.EVERYONE and not context.unnamed):
        return everything
    return by_account.get(caller.account, by_account[None])


def _account_of(named: NamedPrincipal) -> str | None:
    if named.listed is None:
        return None
    return (named.context.acts_for or named.context.principal).account


def _is_source(condition: Condition) -> bool:
    return condition.key.lower() == "aws:sourcearn" and is_positive(condition)


def _sources_by_account(statement: ParsedStatement) -> Mapping[str | None, tuple[str, ...]]:
    """Return the sources that may be functions of each account: those that spell it, and under None those of none."""
    result: dict[str | None, dict[str, None]] = {None: {}}
    for condition in filter(_is_source, statement.conditions):
        for value in condition.values:
            result.setdefault(_spelt_account(value), {})[value] = None
    return {account: tuple(values) for account, values in result.items()}


def _spelt_account(source: str) -> str | None:
    account = source.split(":", 5)[4] if source.count(":") >= 5 else ""
    return account if account.isdecimal() else None


def _with_values(required: tuple[Condition, ...], naming: Condition, values: tuple[str, ...]) -> tuple[Condition, ...]:
    return tuple(replace(naming, values=values) if condition is naming else condition for condition in required)


_Reader = Callable[[str, Principal, RequestContexts], "RequestContext | None"]


def _read_identity(value: str, _service: Principal, contexts: RequestContexts) -> RequestContext | None:
    """Return whom a value of aws:PrincipalArn means: a role or user, or else the account that it spells."""
    principal = read_principal(value, contexts.partition)
    if principal is not None and principal.kind in (PrincipalType.ROLE, PrincipalType.USER):
        return contexts.of(principal)
    account = _spelt_owner(value, contexts)
    return None if account is None else contexts.of(account)


def _read_account(value: str, _service: Principal, contexts: RequestContexts) -> RequestContext | None:
    return contexts.of(_account(value)) if is_account_id(value) else None


def _read_organization(value: str, _service: Principal, contexts: RequestContexts) -> RequestContext | None:
    principal = read_principal(value, contexts.partition)
    return contexts.of(principal) if principal is not None and principal.kind in ORGANIZATIONS else None


def _read_unit(value: str, _service: Principal, contexts: RequestContexts) -> RequestContext | None:
    unit = _unit(value, contexts)
    return None if unit is None else contexts.of(unit)


def _read_source(value: str, service: Principal, contexts: RequestContexts) -> RequestContext | None:
    """Return whom a value of aws:SourceArn means: the functions of an account, or else a service that acts for it."""
    owner = _spelt_owner(value, contexts)
    if owner is None or owner.account is None:
        return None
    parts = value.split(":", 5)
    if service in (LAMBDA_PRINCIPAL, ANY_SERVICE) and parts[2] == "lambda" and parts[5].startswith("function:"):
        return contexts.functions(owner.account, parts[3])
    return contexts.acting(service, owner)


def _read_source_account(value: str, service: Principal, contexts: RequestContexts) -> RequestContext | None:
    if not is_account_id(value):
        return None
    return contexts.functions(value, "*") if service == LAMBDA_PRINCIPAL else contexts.acting(service, _account(value))


def _read_source_unit(value: str, service: Principal, contexts: RequestContexts) -> RequestContext | None:
    unit = _unit(value, contexts)
    return None if unit is None else contexts.acting(service, unit)


def _read_source_organization(value: str, service: Principal, contexts: RequestContexts) -> RequestContext | None:
    principal = read_principal(value, contexts.partition)
    if principal is None or principal.kind is not PrincipalType.ORGANIZATION:
        return None
    return contexts.acting(service, principal)


def _account(account_id: str) -> Principal:
    return Principal(PrincipalType.ACCOUNT, account_id, account_id)


def _unit(value: str, contexts: RequestContexts) -> Principal | None:
    # A pattern such as o-…/*/ou-… names a part of the organization that no grant could name.
    if "/" not in value or read_principal(value.split("/")[0], contexts.partition) is None:
        return None
    path = value.removesuffix("/*")
    # All of an organization is the organization.
    return (
        read_principal(path, contexts.partition)
        if "/" not in path
        else Principal(PrincipalType.ORGANIZATIONAL_UNIT, value)
    )


def _spelt_owner(arn: str, contexts: RequestContexts) -> Principal | None:
    """Return the account that an ARN, or a pattern of ARNs, spells."""
    parts = arn.split(":", 5)
    known = len(parts) == 6 and parts[0] == "arn" and parts[1] in (contexts.partition, "*") and is_account_id(parts[4])
    return _account(parts[4]) if known else None


def _acting_service(listed: Principal, required: Iterable[Condition]) -> Principal:
    """Return which service acts, where a source is named."""
    if listed.kind is PrincipalType.SERVICE:
        return listed
    names = [
        condition.values[0]
        for condition in required
        if condition.key.lower() == "aws:principalservicename"
        and is_positive(condition)
        and len(condition.values) == 1
        and is_literal(condition.values[0])
    ]
    return Principal(PrincipalType.SERVICE, names[0]) if names else ANY_SERVICE


def _naming_keys(listed: Principal) -> tuple[str, ...]:
    if listed == EVERYONE:
        return _OF_EVERYONE
    return _OF_SERVICES if listed.kind is PrincipalType.SERVICE else ()


# The conditions that say who is meant, the narrowest first: of everyone, and of whom a service acts for.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
IDENTITY_KEYS: Mapping[str, _Reader] = {
    "aws:principalarn": _read_identity,
    "aws:principalaccount": _read_account,
    "aws:principalorgpaths": _read_unit,
    "aws:principalorgid": _read_organization,
}
_SOURCE_KEYS: Mapping[str, _Reader] = {
    "aws:sourcearn": _read_source,
    "aws:sourceaccount": _read_source_account,
    "aws:sourceorgpaths": _read_source_unit,
    "aws:sourceorgid": _read_source_organization,
}
NAMING_KEYS: Mapping[str, _Reader] = {**IDENTITY_KEYS, **_SOURCE_KEYS}
_OF_EVERYONE, _OF_SERVICES = tuple(NAMING_KEYS), tuple(_SOURCE_KEYS)
