# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""A policy, evaluated for one repository, with that of the registry: the entrance to everything else here.

ECR looks at the policy of the registry in all requests: what either allows is allowed, what either denies is denied.
https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry-permissions.html

How IAM reads a policy: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

from .._iam.arns import repository_arn
from .._iam.document import Policy, Statement, statements, strings
from .._iam.patterns import PatternSet
from .._iam.principals import Principal
from .adoption import Adoptable, Registry, adoptable
from .effective_access import Share, shares
from .matching import StatementMatcher
from .public_access import PublicStatement, UnscopedStatement, public_statements, unscoped_statements
from .request_context import RequestContexts
from .statements import (
    OF_REPOSITORY,
    NumberedStatement,
    ParsedStatement,
    PolicyOrigin,
    Reading,
    StatementParser,
    of_registry,
)

# So much text of distinct statements is remembered, with all that was found of it, which takes some 200 times as much
# memory. Then all is forgotten at once: where so much differs, there is little to be gained by a choice.
MOST_CHARACTERS = 200_000
# The same statements may be combined in many policies, each of which takes as much memory again.
MOST_POLICIES = 128


@dataclass(frozen=True)
class RegistryPolicy:
    """The policy of a registry.

    Args:
        policy: The policy; None for none.
        scope: C(V1) if the registry looks at the actions of replication and of pull-through caches alone, C(V2) if at
            all, C(unknown) if that is not known, so that what it allows counts and what it denies may; None where it
            does not matter.
    """

    policy: Policy | None = None
    scope: str | None = None


class ParsedPolicy:
    """The statements of a policy, and what they amount to. Every answer is found once.

    Args:
        statements: Its statements, in order.
        matcher: Decides to whom they apply.
        of_registry: The statements of the registry's policy.
        origin: Which of the two it is about.
    """

    def __init__(
        self,
        statements: tuple[ParsedStatement, ...],
        matcher: StatementMatcher,
        of_registry: tuple[ParsedStatement, ...] = (),
        origin: PolicyOrigin = PolicyOrigin.REPOSITORY,
    ) -> None:
        self._origin = origin
        self.statements = _numbered(statements, PolicyOrigin.REPOSITORY)
        self._of_registry = _numbered(of_registry, PolicyOrigin.REGISTRY)
        self.matcher = matcher

    @property
    def own_statements(self) -> tuple[NumberedStatement, ...]:
        """The statements of the policy that was asked about."""
        return self._of_registry if self._origin is PolicyOrigin.REGISTRY else self.statements

    @cached_property
    def effective_statements(self) -> tuple[NumberedStatement, ...]:
        """The statements that have an effect in the repository, those of the registry last."""
        listed = (*self.statements, *self._of_registry)
        with_rest = (one for numbered in listed for one in (numbered, numbered.on_tagging) if one is not None)
        return tuple(numbered for numbered in with_rest if numbered.statement.has_effect)

    def shares(self) -> tuple[Share, ...]:
        """Return who gets what, in the order in which the statements name them."""
        return self._shares

    def own_shares(self) -> tuple[Share, ...]:
        """Return who gets what by the policy of the repository alone; what the registry's denies is heeded."""
        return self._own_shares

    def adoptable(self) -> Adoptable:
        """Return what of the policy of the repository grants can declare, and what they cannot."""
        return self._adoptable

    @property
    def registry(self) -> Registry:
        """Where the policy is."""
        return Registry(self.matcher.contexts.partition, self.matcher.contexts.registry_id)

    def public_statements(self) -> tuple[PublicStatement, ...]:
        """Return the statements that are open to people whom no policy names."""
        return self._public_statements

    def unscoped_statements(self) -> tuple[UnscopedStatement, ...]:
        """Return the statements that are open to services on behalf of anybody, and are not public."""
        return self._unscoped_statements

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
    def _own_shares(self) -> tuple[Share, ...]:
        own = tuple(
            numbered
            for numbered in self.effective_statements
            if numbered.origin is PolicyOrigin.REPOSITORY or numbered.statement.denies
        )
        return self._shares if own == self.effective_statements else shares(own, self.matcher)

    @cached_property
    def _adoptable(self) -> Adoptable:
        return adoptable(self._own_shares, self.registry, self.statements)

    @cached_property
    def _public_statements(self) -> tuple[PublicStatement, ...]:
        return public_statements(self.effective_statements, self.matcher)

    @cached_property
    def _unscoped_statements(self) -> tuple[UnscopedStatement, ...]:
        return unscoped_statements(self.effective_statements, self.matcher, self._public_statements)


def _numbered(statements: tuple[ParsedStatement, ...], origin: PolicyOrigin) -> tuple[NumberedStatement, ...]:
    return tuple(NumberedStatement(position, one, origin) for position, one in enumerate(statements, start=1))


class _Memory:
    """What is remembered of the policies of one registry: their statements, each once, and all answers about them.

    Args:
        contexts: The requests for the repositories of the registry.
        check: See PolicyEvaluator.
    """

    def __init__(self, contexts: RequestContexts, check: Callable[[], None]) -> None:
        self.parser = StatementParser(contexts.partition)
        matcher = StatementMatcher(contexts, check)
        self.policy: Callable[[tuple[ParsedStatement, ...], tuple[ParsedStatement, ...], PolicyOrigin], ParsedPolicy]
        self.policy = lru_cache(maxsize=MOST_POLICIES)(
            lambda parsed, of_registry, origin: ParsedPolicy(parsed, matcher, of_registry, origin)
        )

    def parsed(self, policy: Policy | None, resource: str | None, reading: Reading) -> tuple[ParsedStatement, ...]:
        """Return the statements of a policy."""
        if policy is None:
            return ()
        version = policy.get("Version")
        return tuple([self.parser.parse(one, resource, version=version, reading=reading) for one in statements(policy)])


class PolicyEvaluator:
    """Evaluates the policies of one registry, in one run: what it remembers goes with it. Several threads may use it.

    Args:
        partition: The partition of the registry.
        registry_id: The account that owns it; None where that is not known.
        region: The region of the registry; None where that is not known.
        now: The time for which policies are evaluated, in seconds since 1970; None decides no date.
        check: Is called time and again while policies are evaluated. What it raises ends that.
    """

    def __init__(
        self,
        partition: str,
        registry_id: str | None = None,
        *,
        region: str | None = None,
        now: float | None = None,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._partition, self._registry_id, self._region = partition, registry_id, region
        self._now, self._check = now, check
        self._memory = self._new_memory()

    def parse(
        self, policy: Policy | None, resource: str | None = None, registry_policy: RegistryPolicy = RegistryPolicy()
    ) -> ParsedPolicy:
        """Return what a policy says about a repository, with that of its registry.

        Args:
            policy: The policy; None for none. It is not kept.
            resource: The ARN of the repository; None where it is not known, so that what a Resource covers is not
                decided.
            registry_policy: That of the registry, if there is one and it is known.
        """
        memory = self._current_memory()
        added = memory.parsed(registry_policy.policy, resource, of_registry(registry_policy.scope))
        return memory.policy(memory.parsed(policy, resource, OF_REPOSITORY), added, PolicyOrigin.REPOSITORY)

    def parse_registry_policy(self, registry_policy: RegistryPolicy, *, for_some: bool = False) -> ParsedPolicy:
        """Return what the policy of the registry says by itself, whatever repositories there are.

        What its statements say of repositories is one of their conditions.

        Args:
            registry_policy: The policy.
            for_some: Whether it is enough that an Allow is for some repositories, so that this is no condition.
        """
        memory = self._current_memory()
        policy = registry_policy.policy
        if for_some and policy is not None:
            policy = {**policy, "Statement": [self._for_some(statement) for statement in statements(policy)]}
        parsed = memory.parsed(policy, None, of_registry(registry_policy.scope, creating=True))
        return memory.policy((), parsed, PolicyOrigin.REGISTRY)

    def _for_some(self, statement: Statement) -> Statement:
        """Return an Allow without its Resource, if some repository of this registry may be meant."""
        resources = strings(statement.get("Resource"))
        if statement.get("Effect") != "Allow" or not resources:
            return statement
        repositories = repository_arn("*", self._registry_id or "*", self._region or "*", self._partition)
        if not PatternSet(resources).overlaps(repositories):
            return statement
        return {name: value for name, value in statement.items() if name != "Resource"}

    def _current_memory(self) -> _Memory:
        if self._memory.parser.characters > MOST_CHARACTERS:
            # Whoever still uses the old one keeps it as long.
            self._memory = self._new_memory()
        return self._memory

    def _new_memory(self) -> _Memory:
        contexts = RequestContexts(self._partition, self._registry_id, self._region, self._now)
        return _Memory(contexts, self._check)
