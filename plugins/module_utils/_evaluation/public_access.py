# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Which statements are public: open to people, or to the Lambda functions of people, whom no policy names.

The rules:

* A condition that any of these callers can meet keeps none of them out: every caller meets it, as with a pattern that
  all ARNs match; or an organization, a tag or a session of one's own does.
* A condition that the policy cannot decide, such as a date or a tag of the repository, is taken to keep them out.
* What Deny statements take from them for certain is not open.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .._iam.conditions import Applies, has_wildcards, is_open, is_positive
from .._iam.principals import EVERYONE
from .matching import NAMING_KEYS, StatementMatcher
from .request_context import LAMBDA_PRINCIPAL, RequestContext
from .statements import NumberedStatement, ParsedStatement

_NAMING_KEYS = frozenset(key for readers in NAMING_KEYS.values() for key in readers)


@dataclass(frozen=True)
class PublicStatement:
    """An Allow that is open to callers whom no policy names.

    Args:
        statement: The statement.
        grants_identities: Whether it is open to people, and not to Lambda functions alone.
        opened_by: What opens it: C(*), the Lambda service, or patterns for an organization, an account or an ARN.
    """

    statement: NumberedStatement
    grants_identities: bool
    opened_by: tuple[str, ...]

    @property
    def grants_everyone(self) -> bool:
        """Whether it is open to everyone, and not to whoever matches a pattern."""
        return self.grants_identities and EVERYONE.name in self.opened_by


def public_statements(
    statements: Sequence[NumberedStatement], matcher: StatementMatcher
) -> tuple[PublicStatement, ...]:
    """Return the statements that are public.

    Args:
        statements: Those of a policy that have an effect.
        matcher: Decides to whom they apply.
    """
    denies = tuple(numbered.statement for numbered in statements if numbered.statement.denies)
    return tuple(
        PublicStatement(numbered, *opened)
        for numbered in statements
        if not numbered.statement.denies and (opened := _opened(numbered.statement, denies, matcher))
    )


def actions_not_denied(
    actions: frozenset[str], context: RequestContext, denies: Iterable[ParsedStatement], matcher: StatementMatcher
) -> frozenset[str]:
    """Return the actions that Deny statements do not take from callers for certain."""
    for deny in denies:
        if actions & deny.actions and matcher.applies(deny, context) is Applies.YES:
            actions -= deny.actions
    return actions


def _opened(
    statement: ParsedStatement, denies: Sequence[ParsedStatement], matcher: StatementMatcher
) -> tuple[bool, tuple[str, ...]] | None:
    """Return whether an Allow is open to people, and what opens it; None if it is not public."""
    opened = [context for context in matcher.contexts.external if _lets_in(statement, context, denies, matcher)]
    if not opened:
        return None
    identities = any(context.principal == EVERYONE for context in opened)
    return identities, _open_values(statement) or ((EVERYONE if identities else LAMBDA_PRINCIPAL).name,)


def _lets_in(
    statement: ParsedStatement, context: RequestContext, denies: Sequence[ParsedStatement], matcher: StatementMatcher
) -> bool:
    if not statement.actions or matcher.applies(statement, context, for_one=True) is not Applies.YES:
        return False
    return bool(actions_not_denied(statement.actions, context, denies, matcher))


def _open_values(statement: ParsedStatement) -> tuple[str, ...]:
    """Return the values by which a condition names callers without spelling them."""
    return tuple(
        value
        for condition in statement.conditions
        if condition.key.lower() in _NAMING_KEYS and is_positive(condition)
        for value in condition.values
        if is_open(value) and has_wildcards(condition)
    )
