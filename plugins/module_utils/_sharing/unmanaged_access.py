# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Take principals out of what the merge leaves alone: unmanaged statements, and unmanaged values of managed ones.

The rules:

- Two kinds of values leave an Allow, and nothing else is touched: entries of C(Principal.AWS), and source values, which
  are those of C(aws:SourceArn) and C(aws:SourceAccount) where C(Principal) has a service.
- An entry stands for one principal. A source value leaves if it can be of nobody but one account: a pattern that
  another account's resource matches stays, and so does what a negated operator spares.
- Nothing is ever widened. A condition whose last value would leave is never dropped: its statement goes. Only the
  entries of C(Principal.AWS) may go as a whole, where other kinds of principals stay.
- Nobody else loses anything. Under an operator that holds for an absent key as well (C(IfExists), C(ForAllValues)) the
  last value stays, because without its statement requests that have no such key would be denied.

What stays is for warnings to tell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Protocol

from .._iam.arns import functions_account, is_account_id
from .._iam.conditions import (
    Condition,
    conditions,
    has_wildcards,
    is_positive,
    is_text,
    is_valid_condition,
    names_texts,
)
from .._iam.document import Statement, spelling, strings
from .._iam.patterns import PatternSet, is_literal
from .._iam.principals import EVERYONE, Principal, read_principal
from .capabilities import LAMBDA_ACTIONS, LAMBDA_SERVICE
from .ecr_actions import OTHER_ACTIONS, REPOSITORY_ACTIONS
from .managed_statements import ManagedStatement, Slot


class Shapes(Protocol):
    """What is asked of the managed statements; ManagedStatements says what they do."""

    @property
    def partition(self) -> str: ...
    def match(self, statement: Statement) -> ManagedStatement | None: ...
    def is_about_all(self, statement: Statement) -> bool: ...
    def repositories_of(self, statement: Statement) -> tuple[str, ...]: ...
    def holder(self, slot: Slot, value: str) -> Principal | None: ...


@dataclass(frozen=True)
class Leavers:
    """Who leaves.

    Args:
        principals: Whose entries of C(Principal.AWS) leave.
        sources: The accounts whose source values leave.
        whole_accounts: The accounts whose roles, users and sessions leave as well.
        unmanaged: Whether they leave unmanaged statements, and not only what is unmanaged in managed ones.
    """

    principals: frozenset[Principal] = frozenset()
    sources: frozenset[str] = frozenset()
    whole_accounts: frozenset[str] = frozenset()
    unmanaged: bool = False


NOBODY = Leavers()


@dataclass(frozen=True)
class Taken:
    """What a statement gave to one who has left it.

    Args:
        principal: Its name; of a source value, the account.
        actions: The actions on a repository that it could use itself.
        told: All that was given, as a person is told it: an action as the statement spells it, and through which
            service if through one. The pull by Lambda functions is not among them.
        regions: The regions whose Lambda functions could pull.
        certain: Whether it was given under no other condition.
        repositories: The pattern of the repositories that it was given for, in the policy of a registry.
    """

    principal: str
    actions: frozenset[str] = frozenset()
    told: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    certain: bool = True
    repositories: tuple[str, ...] = ()


@dataclass(frozen=True)
class Left:
    """What is left of statements, and what was taken. A statement that nobody has left is the same object."""

    statements: tuple[Statement, ...]
    taken: tuple[Taken, ...] = ()


def take_out(statements: Iterable[Statement], leavers: Leavers, shapes: Shapes) -> Left:
    """Take principals out of statements, but for what a grant could have written.

    Args:
        statements: The statements.
        leavers: Who leaves.
        shapes: Recognises the managed statements.
    """
    if leavers == NOBODY:
        return Left(tuple(statements))
    after: list[Statement] = []
    taken: list[Taken] = []
    for statement in statements:
        left, given = _without(statement, leavers, shapes)
        taken += given
        if left is not None:
            after.append(left)
    return Left(tuple(after), tuple(taken))


def held_by_hand(statements: Iterable[Statement], shapes: Shapes) -> tuple[Taken, ...]:
    """Return what unmanaged statements give to the principals that they name, everyone and services left out.

    Args:
        statements: The statements.
        shapes: Recognises the managed statements.
    """
    held: list[Taken] = []
    for statement in statements:
        principal = statement.get("Principal")
        if statement.get("Effect") == "Allow" and isinstance(principal, Mapping) and shapes.match(statement) is None:
            entries = [entry for entry in strings(principal.get("AWS")) if entry != EVERYONE.name]
            held += _given(statement, entries, (), shapes)
    return tuple(held)


_Leaves = Callable[[str], bool]


@dataclass(frozen=True)
class _Source:
    """A source value that leaves.

    Args:
        account: Whose it is.
        key: The condition key, in lower case.
        value: The value.
        matches: Whether the operator lets it match anything: a star is none where it is taken to the letter.
    """

    account: str
    key: str
    value: str
    matches: bool


_ACCOUNT_KEY, _ARN_KEY = "aws:sourceaccount", "aws:sourcearn"
_FUNCTION = "function:"
_SPELLING = {action.lower(): action for action in REPOSITORY_ACTIONS}
_NOT_GIVEN = frozenset(action.lower() for action in OTHER_ACTIONS)
_LAMBDA_PULL = frozenset(LAMBDA_ACTIONS)


def _without(statement: Statement, leavers: Leavers, shapes: Shapes) -> tuple[Statement | None, tuple[Taken, ...]]:
    """Return what is left of a statement, None if it goes, and what was taken."""
    principal = statement.get("Principal")
    if statement.get("Effect") != "Allow" or "NotPrincipal" in statement or not isinstance(principal, dict):
        return statement, ()
    ours = shapes.match(statement)
    if ours is None and not leavers.unmanaged:
        return statement, ()

    def is_unmanaged(value: str) -> bool:
        return ours is None or shapes.holder(ours.slot, value) is None

    def leaves(entry: str) -> bool:
        return is_unmanaged(entry) and _leaves(entry, leavers, shapes.partition)

    entries = tuple(dict.fromkeys(filter(leaves, strings(principal.get("AWS")))))
    condition, sources = _without_sources(statement, leavers.sources, shapes.partition, is_unmanaged)
    if not entries and not sources:
        return statement, ()
    taken = _given(statement, entries, sources, shapes)
    left = _without_entries(principal, leaves) if entries else principal
    if left is None or condition is None:
        return None, taken
    changed = {"Principal": left, **({"Condition": condition} if sources else {})}
    return {name: changed.get(name, value) for name, value in statement.items()}, taken


def _leaves(entry: str, leavers: Leavers, partition: str) -> bool:
    """Return whether an entry of Principal.AWS stands for one who leaves, or for a member of a whole account."""
    principal = read_principal(entry, partition)
    # The id of an organization is no entry that AWS knows.
    if principal is not None and principal.account is not None and principal in leavers.principals:
        return True
    return bool(leavers.whole_accounts) and _spelt_account(entry, partition) in leavers.whole_accounts


def _spelt_account(entry: str, partition: str) -> str | None:
    parts = entry.split(":", 5)
    if len(parts) == 6:
        return parts[4] if parts[:2] == ["arn", partition] else None
    return entry if is_account_id(entry) else None


def _without_entries(principal: Mapping[str, Any], leaves: _Leaves) -> Mapping[str, Any] | None:
    """Return a Principal without the entries that leave; None if it names nobody then."""
    kept = _kept(principal["AWS"], leaves)
    others = {kind: names for kind, names in principal.items() if kind != "AWS"}
    if kept:
        return {**principal, "AWS": kept}
    return others if any(map(strings, others.values())) else None


def _without_sources(
    statement: Statement, accounts: frozenset[str], partition: str, is_unmanaged: _Leaves
) -> tuple[Mapping[str, Any] | None, tuple[_Source, ...]]:
    """Return a service's Condition without the source values of accounts, None if one has no value then, and these."""
    condition, services = statement.get("Condition", {}), strings(statement["Principal"].get("Service"))
    if not (accounts and services and is_valid_condition(statement)):
        return condition, ()
    after: dict[str, dict[str, Any]] = {}
    gone: list[_Source] = []
    emptied = False
    for operator, keys in condition.items():
        after[operator] = {}
        for key, values in keys.items():
            read = Condition(operator, key, ())
            found = {
                text: _Source(account, key.lower(), text, has_wildcards(read) or is_literal(text))
                for text in map(_text, values if isinstance(values, list) else [values])
                if is_unmanaged(text) and (account := _account(read, text, partition)) in accounts and account
            }
            kept = _kept(values, found.__contains__)
            if found and not kept and not is_positive(read):
                found, kept = {}, values
            emptied = emptied or bool(found and not kept)
            after[operator][key] = kept
            gone += found.values()
    return None if emptied else after, tuple(gone)


def _account(condition: Condition, value: str, partition: str) -> str | None:
    """Return the account that a value of a condition names, as the source of a request; None where it may be another's.

    A star of a text crosses colons, so that what follows it may be the end of another account's ARN. Only the ARN of a
    function has nothing behind its account that could be taken for C(ACCOUNT:function:).
    """
    key = condition.key.lower()
    if not names_texts(condition):
        return None
    if key == _ACCOUNT_KEY:
        return value if is_account_id(value) else None
    parts = value.split(":", 5)
    # A policy variable may be anything, with any number of colons.
    if key != _ARN_KEY or len(parts) < 6 or parts[0] != "arn" or "${" in value or not is_account_id(parts[4]):
        return None
    front = parts[1:3] if parts[2] == "lambda" and parts[5].startswith(_FUNCTION) else parts[1:4]
    if is_text(condition) and not all(map(is_literal, front)):
        return None
    return parts[4] if parts[1] in (partition, "*") else None


def _given(
    statement: Statement, entries: Iterable[str], sources: Sequence[_Source], shapes: Shapes
) -> tuple[Taken, ...]:
    """Return what a statement gives by some of its entries and source values, each of its patterns by itself."""
    patterns = shapes.repositories_of(statement)
    given = (*_from_entries(statement, entries, shapes), *_from_sources(statement, sources, shapes))
    return tuple(replace(one, repositories=(pattern,)) for one in given for pattern in patterns) if patterns else given


def _from_entries(statement: Statement, entries: Iterable[str], shapes: Shapes) -> Iterator[Taken]:
    actions, told = _actions(statement), _told(statement, shapes)
    certain = not statement.get("Condition") and shapes.is_about_all(statement)
    for entry in entries:
        principal = read_principal(entry, shapes.partition)
        yield Taken(entry if principal is None else principal.name, actions, told, certain=certain)


def _from_sources(statement: Statement, sources: Sequence[_Source], shapes: Shapes) -> Iterator[Taken]:
    by_account: dict[str, list[_Source]] = {}
    for source in sources:
        if source.matches:
            by_account.setdefault(source.account, []).append(source)
    if not by_account:
        return
    services, told = strings(statement["Principal"].get("Service")), _told(statement, shapes)
    pulls = LAMBDA_SERVICE in services and _actions(statement) >= _LAMBDA_PULL
    through = tuple(
        f"{action} through {service}"
        for service in services
        for action in told
        if not (pulls and service == LAMBDA_SERVICE and action in _LAMBDA_PULL)
    )
    met = {condition.key.lower() for condition in conditions(statement)}
    for account, listed in by_account.items():
        certain = shapes.is_about_all(statement) and met == {source.key for source in listed}
        yield Taken(account, told=through, certain=certain)
        if pulls:
            yield from _regions(account, listed, shapes.partition, certain=certain)


def _regions(account: str, sources: Sequence[_Source], partition: str, *, certain: bool) -> Iterator[Taken]:
    """Yield the regions whose functions could pull; a single function is not for certain all of its region."""
    arns = [source.value for source in sources if source.key == _ARN_KEY]
    if not arns:
        yield Taken(account, regions=("*",), certain=certain)
    for arn in arns:
        _arn, _partition, service, region, _account_id, resource = arn.split(":", 5)
        if service == "lambda" and resource.startswith((_FUNCTION, "*")):
            whole = functions_account(arn, partition) is not None
            yield Taken(account, regions=(region,), certain=certain and whole)


def _actions(statement: Statement) -> frozenset[str]:
    """Return the actions on a repository that a statement includes."""
    excluding = "NotAction" in statement
    if excluding and "Action" in statement:
        return frozenset()
    named = _named(strings(statement.get("NotAction" if excluding else "Action")))
    return REPOSITORY_ACTIONS - named if excluding else named


@lru_cache(maxsize=256)
def _named(patterns: tuple[str, ...]) -> frozenset[str]:
    included = PatternSet([pattern.lower() for pattern in patterns])
    return frozenset(action for lower, action in _SPELLING.items() if included.contains(lower))


def _told(statement: Statement, shapes: Shapes) -> tuple[str, ...]:
    """Return the actions of a statement that its policy can give, in its own words."""
    # Only the policy of a registry can give those that are about the registry.
    not_given = frozenset() if shapes.repositories_of(statement) else _NOT_GIVEN
    if "NotAction" in statement:
        return (f"all but {', '.join(strings(statement['NotAction']))}",)
    named = dict.fromkeys(_SPELLING.get(action.lower(), action) for action in strings(statement.get("Action")))
    return tuple(
        action
        for action in named
        if action.lower() not in not_given and (action.lower().startswith("ecr:") or "*" in action.split(":")[0])
    )


def _kept(values: Any, leaves: _Leaves) -> Any:
    """Return values without those that leave, as a list if they were one; an empty list if none stays."""
    listed = values if isinstance(values, list) else [values]
    kept = [value for value in listed if not leaves(_text(value))]
    return kept if isinstance(values, list) or not kept else values


def _text(value: Any) -> str:
    return str(spelling(value))
