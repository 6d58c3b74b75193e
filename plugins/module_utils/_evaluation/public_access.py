# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Which statements are open: to people whom no policy names, or to services on behalf of anybody.

The rules:

* A condition that any of these callers can meet keeps none of them out: every caller meets it, as with a pattern that
  all ARNs match; or an organization, a tag, a session, an endpoint of one's own does.
* A condition that says nothing of the caller, such as one on the repository, keeps nobody out either.
* A condition that the policy cannot decide is taken to keep them out. Dates are those of the moment.
* What Deny statements take from them for certain is not open.
* A statement that lets in a service without saying for whom it may act is open to everybody whom the service acts for:
  https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html. It is not public: nobody gets in by themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from .._iam.comparisons import Applies, is_open
from .._iam.conditions import has_wildcards, is_positive
from .._iam.principals import EVERYONE, PrincipalType
from .actions import included_actions
from .matching import NAMING_KEYS, StatementMatcher
from .request_context import ANY_SERVICE, RequestContext
from .statements import NumberedStatement, ParsedStatement


@dataclass(frozen=True)
class PublicStatement:
    """An Allow that is open to callers whom no policy names.

    Args:
        statement: The statement.
        opened_by: What opens it: C(*), or patterns for an organization, an account or an ARN.
    """

    statement: NumberedStatement
    opened_by: tuple[str, ...]

    @property
    def grants_everyone(self) -> bool:
        """Whether it is open to everyone, and not to whoever matches a pattern."""
        return EVERYONE.name in self.opened_by


@dataclass(frozen=True)
class UnscopedStatement:
    """An Allow that is open to services on behalf of accounts that no policy names.

    Args:
        statement: The statement.
        services: The names of the services; C(*) for any.
    """

    statement: NumberedStatement
    services: tuple[str, ...]


def public_statements(
    statements: Sequence[NumberedStatement], matcher: StatementMatcher
) -> tuple[PublicStatement, ...]:
    """Return the statements that are public.

    Args:
        statements: Those that have an effect.
        matcher: Decides to whom they apply.
    """
    denies = _denies(statements)
    found = (
        PublicStatement(numbered, _open_values(numbered.statement) or (EVERYONE.name,))
        for numbered in _allows(statements)
        if _names_everyone(numbered.statement)
        and any(_lets_in(numbered.statement, context, denies, matcher) for context in matcher.contexts.strangers)
    )
    # The rest of a statement may be so as well.
    return tuple({(one.statement.origin, one.statement.position): one for one in found}.values())


def unscoped_statements(
    statements: Sequence[NumberedStatement], matcher: StatementMatcher, public: Iterable[PublicStatement]
) -> tuple[UnscopedStatement, ...]:
    """Return the statements that let in services on behalf of anybody.

    Args:
        statements: Those that have an effect.
        matcher: Decides to whom they apply.
        public: Those that are public, which is worse.
    """
    denies, worse = _denies(statements), {(one.statement.origin, one.statement.position) for one in public}
    found = (
        (numbered, tuple(_unscoped_services(numbered.statement, denies, matcher)))
        for numbered in _allows(statements)
        if (numbered.origin, numbered.position) not in worse
    )
    unscoped = (UnscopedStatement(numbered, services) for numbered, services in found if services)
    return tuple({(one.statement.origin, one.statement.position): one for one in unscoped}.values())


def actions_not_denied(
    actions: frozenset[str], context: RequestContext, denies: Iterable[ParsedStatement], matcher: StatementMatcher
) -> frozenset[str]:
    """Return the actions that Deny statements do not take from callers for certain."""
    for deny in denies:
        taken = included_actions(deny.document, actions, deny.actions)
        if taken and matcher.applies(deny, context) is Applies.YES:
            actions -= taken
    return actions


def _denies(statements: Iterable[NumberedStatement]) -> tuple[ParsedStatement, ...]:
    return tuple(numbered.statement for numbered in statements if numbered.statement.denies)


def _allows(statements: Iterable[NumberedStatement]) -> Iterator[NumberedStatement]:
    return (numbered for numbered in statements if not numbered.statement.denies and numbered.statement.actions)


def _names_everyone(statement: ParsedStatement) -> bool:
    return statement.excludes or EVERYONE in statement.principals


def _unscoped_services(
    statement: ParsedStatement, denies: Sequence[ParsedStatement], matcher: StatementMatcher
) -> Iterator[str]:
    services = [who for who in statement.principals if who.kind is PrincipalType.SERVICE]
    if _names_everyone(statement):
        services = [ANY_SERVICE]
    for service in services:
        contexts = matcher.contexts.services_of_strangers(service)
        if any(_lets_in(statement, context, denies, matcher) for context in contexts):
            yield service.name


def _lets_in(
    statement: ParsedStatement, context: RequestContext, denies: Sequence[ParsedStatement], matcher: StatementMatcher
) -> bool:
    if matcher.applies(statement, context, for_one=True) is not Applies.YES:
        return False
    return bool(actions_not_denied(statement.actions, context, denies, matcher))


def _open_values(statement: ParsedStatement) -> tuple[str, ...]:
    """Return the values by which a condition names callers without spelling them."""
    return tuple(
        value
        for condition in statement.conditions
        if condition.key.lower() in NAMING_KEYS and is_positive(condition)
        for value in condition.values
        if is_open(value) and has_wildcards(condition)
    )
