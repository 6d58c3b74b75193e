# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""A policy, evaluated for one repository: the entrance to everything else here.

How IAM reads a policy: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache

from .._iam.document import Policy, statements
from .._iam.principals import Principal
from .effective_access import Share, shares
from .matching import StatementMatcher
from .public_access import PublicStatement, public_statements
from .request_context import RequestContexts
from .statements import NumberedStatement, ParsedStatement, StatementParser

# So much text of distinct statements is remembered, with all that was found of it, which takes some 200 times as much
# memory. Then all is forgotten at once: where so much differs, there is little to be gained by a choice.
MOST_CHARACTERS = 200_000
# The same statements may be combined in many policies, each of which takes as much memory again.
MOST_POLICIES = 128


class ParsedPolicy:
    """The statements of a policy, and what they amount to. Every answer is found once.

    Args:
        statements: Its statements, in order.
        matcher: Decides to whom they apply.
    """

    def __init__(self, statements: tuple[ParsedStatement, ...], matcher: StatementMatcher) -> None:
        self.statements = tuple(
            NumberedStatement(position, statement) for position, statement in enumerate(statements, start=1)
        )
        self.matcher = matcher

    @cached_property
    def effective_statements(self) -> tuple[NumberedStatement, ...]:
        """The statements that have an effect in the repository."""
        return tuple(numbered for numbered in self.statements if numbered.statement.has_effect)

    def shares(self) -> tuple[Share, ...]:
        """Return who gets what, in the order in which the statements name them."""
        return self._shares

    def public_statements(self) -> tuple[PublicStatement, ...]:
        """Return the statements that are open to everyone, or to the Lambda functions of everyone."""
        return self._public_statements

    def unmanaged_statements(self) -> tuple[NumberedStatement, ...]:
        """Return the statements that have not the shape of one of this collection."""
        return tuple(numbered for numbered in self.statements if not numbered.statement.managed)

    def deleted_principals(self) -> tuple[str, ...]:
        """Return the ids of deleted roles and users that any statement names, each once."""
        return tuple(
            dict.fromkeys(name for numbered in self.statements for name in numbered.statement.deleted_principals)
        )

    def principals(self) -> tuple[Principal, ...]:
        """Return whom the statements name by Principal or NotPrincipal, each once."""
        return tuple(dict.fromkeys(who for numbered in self.statements for who in numbered.statement.principals))

    @cached_property
    def _shares(self) -> tuple[Share, ...]:
        return shares(self.effective_statements, self.matcher)

    @cached_property
    def _public_statements(self) -> tuple[PublicStatement, ...]:
        return public_statements(self.effective_statements, self.matcher)


class _Memory:
    """What is remembered of the policies of one registry: their statements, each once, and all answers about them.

    Args:
        contexts: The requests for the repositories of the registry.
    """

    def __init__(self, contexts: RequestContexts) -> None:
        self.parser = StatementParser(contexts.partition)
        matcher = StatementMatcher(contexts)
        self.policy: Callable[[tuple[ParsedStatement, ...]], ParsedPolicy] = lru_cache(maxsize=MOST_POLICIES)(
            lambda parsed: ParsedPolicy(parsed, matcher)
        )


class PolicyEvaluator:
    """Evaluates the policies of one registry, in one run: what it remembers goes with it. Several threads may use it.

    Args:
        partition: The partition of the registry.
        registry_id: The account that owns it; None where that is not known.
    """

    def __init__(self, partition: str, registry_id: str | None = None) -> None:
        self._partition, self._registry_id = partition, registry_id
        self._memory = self._new_memory()

    def parse(self, policy: Policy | None, resource: str | None = None) -> ParsedPolicy:
        """Return what a policy says about a repository.

        Args:
            policy: The policy; None for none. It is not kept.
            resource: The ARN of the repository; None where it is not known, so that what a Resource covers is not
                decided.
        """
        memory = self._memory
        if memory.parser.characters > MOST_CHARACTERS:
            # Whoever still uses it keeps it as long.
            memory = self._memory = self._new_memory()
        return memory.policy(tuple([memory.parser.parse(statement, resource) for statement in statements(policy)]))

    def _new_memory(self) -> _Memory:
        return _Memory(RequestContexts(self._partition, self._registry_id))
