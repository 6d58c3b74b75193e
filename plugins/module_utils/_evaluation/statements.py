# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Statements as IAM reads them, for one repository, of its own policy or of that of its registry.

A thousand repositories often have the same few statements, so statements that are spelt alike are one object. It is
parsed once, and whoever asks about it can remember the answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache, cached_property, lru_cache
from typing import Any

from .._iam.comparisons import ABSENT, Applies, inverse, strongest
from .._iam.conditions import Condition, conditions, holds, is_positive, is_valid_condition
from .._iam.document import Statement, label_of, strings
from .._iam.patterns import PatternSet
from .._iam.principals import Principal, PrincipalType, principals_of
from .._sharing.capabilities import LAMBDA_ACTIONS, LAMBDA_SERVICE
from .._sharing.managed_statements import ManagedStatements
from .._text import printable
from .actions import ACTIONS_OF_SCOPE_V1, TAGGING_ACTIONS, granted_actions

NOT_PRINCIPAL = "NotPrincipal"
_RESOURCES = ("Resource", "NotResource")
# How many answers to whether a Resource covers a repository to remember.
SCOPES = 4096
# The policy language that has policy variables.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html
_WITH_VARIABLES = "2012-10-17"
# The keys of tags that a request brings along. A pull brings none.
_REQUEST_TAGS = ("aws:requesttag/", "aws:tagkeys")
# What Lambda gives itself when a function is created in the account that owns the repository, and keeps up to date:
# https://docs.aws.amazon.com/lambda/latest/dg/images-create.html#gettingstarted-images-permissions
_MAINTENANCE = frozenset({"ecr:DeleteRepositoryPolicy", "ecr:GetRepositoryPolicy", "ecr:SetRepositoryPolicy"})
_SOURCES = frozenset({"aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths"})
_SOURCE_OF_FUNCTIONS = frozenset({"aws:sourceaccount", "aws:sourcearn"})


class PolicyOrigin(StrEnum):
    """Whose policy a statement is in."""

    REPOSITORY = "repository"
    REGISTRY = "registry"


_VARIABLE = re.compile(r"\$\{[^}]*\}")


@dataclass(frozen=True, eq=False)
class Reading:
    """How the statements of a policy are read. There are few, and they are compared often.

    Args:
        origin: Whose policy it is.
        creating: Whether the creation of repositories counts. It is asked for before there is one.
        limited_to: The actions that AWS looks at in this policy; None for all.
        doubtful: Whether AWS may look at fewer, so that it may not deny what a wildcard stands for.
    """

    origin: PolicyOrigin = PolicyOrigin.REPOSITORY
    creating: bool = False
    limited_to: frozenset[str] | None = None
    doubtful: bool = False


OF_REPOSITORY = Reading()


@cache
def of_registry(scope: str | None, *, creating: bool = False) -> Reading:
    """Return how the policy of a registry is read.

    Args:
        scope: That of RegistryPolicy.
        creating: Whether the creation of repositories counts.
    """
    limited_to = ACTIONS_OF_SCOPE_V1 if scope == "V1" else None
    return Reading(PolicyOrigin.REGISTRY, creating, limited_to, doubtful=scope == "unknown")


@dataclass(frozen=True, eq=False)
class ParsedStatement:
    """A statement, and what it says. Two are the same only if they are one object, which makes them cheap to look up.

    Args:
        document: The statement; to be read only.
        sid: Its Sid, if that is a text.
        has_effect: Whether it allows or denies anything in this repository; if not, its conditions may be missing here.
        denies: Whether its Effect is Deny.
        managed: Whether it has the shape of a statement of this collection.
        excludes: Whether the principals are those of NotPrincipal.
        principals: Whom it names, each once.
        actions: Those on a repository, spelt as AWS does.
        conditions: What must hold; a Resource that cannot be decided is one of them.
        deleted_principals: The ids of deleted roles and users, wherever it names them.
        written_by: The service that writes such statements itself; None for all others.
        on_tagging: The rest of the statement, which is about requests that bring tags along, if its conditions are for
            these alone; None where there is none.
    """

    document: Statement
    sid: str | None
    has_effect: bool
    denies: bool
    managed: bool
    excludes: bool
    principals: tuple[Principal, ...]
    actions: frozenset[str]
    conditions: tuple[Condition, ...]
    deleted_principals: tuple[str, ...]
    written_by: str | None = None
    on_tagging: ParsedStatement | None = None

    @cached_property
    def named(self) -> frozenset[Principal]:
        """Whom it names."""
        return frozenset(self.principals)

    @cached_property
    def is_for_services(self) -> bool:
        """Whether services use it, and not those for whom they act."""
        return any(who.kind is PrincipalType.SERVICE for who in self.principals) or any(
            condition.key.lower() in _SOURCES for condition in self.conditions
        )


@dataclass(frozen=True, eq=False)
class NumberedStatement:
    """A statement in its policy. Two are the same only if they are one object.

    Args:
        position: Where it stands, from 1.
        statement: The statement.
        origin: Whose policy that is.
    """

    position: int
    statement: ParsedStatement
    origin: PolicyOrigin = PolicyOrigin.REPOSITORY

    @property
    def on_tagging(self) -> NumberedStatement | None:
        """The rest of the statement, which is about requests that bring tags along; None where there is none."""
        rest = self.statement.on_tagging
        return None if rest is None else replace(self, statement=rest)

    @property
    def sid(self) -> str | None:
        """The Sid of the statement; None where it has none."""
        return self.statement.sid

    @property
    def label(self) -> str:
        """What to call the statement in a message."""
        label = label_of(self.position, self.statement.document)
        return label if self.origin is PolicyOrigin.REPOSITORY else f"{label} of the registry policy"

    def to_dict(self) -> dict[str, Any]:
        """Return what rows call the statement."""
        writer = self.statement.written_by
        return {
            "policy": self.origin.value,
            "position": self.position,
            "sid": None if self.sid is None else printable(self.sid),
            **({"written_by": writer} if writer else {}),
        }


def named_once(listed: Iterable[NumberedStatement]) -> list[dict[str, Any]]:
    """Return what rows call statements, each once, though its rest may be among them as well."""
    named = list(listed)
    if len(named) > 1:
        named = list({(one.origin, one.position): one for one in named}.values())
    return [one.to_dict() for one in named]


class StatementParser:
    """Parses the statements of one registry's policies, each distinct one once.

    Args:
        partition: The partition of the registry.

    Attributes:
        characters: How much text of distinct statements it has parsed, and remembers.
    """

    def __init__(self, partition: str) -> None:
        self._partition = partition
        self.characters = 0
        self._parsed: Callable[[str, Reading, bool, _Scope], ParsedStatement] = cache(self._parse)
        self._scope: Callable[[str, str | None], _Scope] = lru_cache(maxsize=SCOPES)(_scope)

    def parse(
        self,
        statement: Statement,
        resource: str | None,
        *,
        version: str | None = None,
        reading: Reading = OF_REPOSITORY,
    ) -> ParsedStatement:
        """Return the statement that JSON values are.

        Args:
            statement: As it is in a policy.
            resource: The ARN of the repository; None where it is not known.
            version: The Version of its policy; None for none.
            reading: How its policy is read.
        """
        scope = _EVERYWHERE
        if "Resource" in statement or "NotResource" in statement:
            members = {name: statement[name] for name in _RESOURCES if name in statement}
            scope = self._scope(json.dumps(members), resource)
        if reading is not OF_REPOSITORY and scope.covered is Applies.YES:
            # The statement is the same for all that it covers.
            scope = _EVERYWHERE
        text = json.dumps(statement)
        return self._parsed(text, reading, version == _WITH_VARIABLES or "${" not in text, scope)

    def _parse(self, text: str, reading: Reading, has_variables: bool, scope: _Scope) -> ParsedStatement:
        self.characters += len(text)
        # Read anew from the text, so that nobody else holds a part of what is remembered.
        statement: Mapping[str, Any] = json.loads(text)
        of_repository = reading.origin is PolicyOrigin.REPOSITORY
        sid, excludes, valid_condition = statement.get("Sid"), NOT_PRINCIPAL in statement, is_valid_condition(statement)
        included = principals_of(statement.get("Principal"), self._partition)
        excluded = principals_of(statement.get(NOT_PRINCIPAL), self._partition)
        deleted = (who.name for who in (*included, *excluded) if who.kind is PrincipalType.DELETED)
        actions = granted_actions(statement, creating=reading.creating)
        if reading.limited_to is not None:
            actions &= reading.limited_to
        required = conditions(statement, has_variables=has_variables) if valid_condition else ()
        managed = of_repository and ManagedStatements(self._partition, scope.own_arn).match(statement) is not None
        of_lambda = of_repository and not managed and _is_of_lambda_itself(statement, included, actions, required)
        whole = ParsedStatement(
            document=statement,
            sid=sid if isinstance(sid, str) else None,
            has_effect=valid_condition
            and scope.covered is not Applies.NO
            and statement.get("Effect") in ("Allow", "Deny")
            and ("Principal" in statement) != excludes
            and ("Action" in statement) != ("NotAction" in statement),
            denies=statement.get("Effect") == "Deny",
            managed=managed,
            excludes=excludes,
            principals=excluded if excludes else included,
            actions=actions,
            conditions=(
                *required,
                *scope.conditions,
                *(_IF_EXTENDED if reading.doubtful and _is_deny_of_many(statement) else ()),
            ),
            deleted_principals=tuple(dict.fromkeys(deleted)),
            written_by=LAMBDA_SERVICE if of_lambda else None,
        )
        return _split(whole)


@dataclass(frozen=True, eq=False)
class _Scope:
    """How far a statement covers a repository. It is compared often.

    Args:
        covered: How far.
        conditions: What says so where it is not certain.
        own_arn: The ARN of the repository, if that is all that the statement names.
    """

    covered: Applies
    conditions: tuple[Condition, ...] = ()
    own_arn: str | None = None


_EVERYWHERE, _NOWHERE = _Scope(Applies.YES), _Scope(Applies.NO)


@lru_cache(maxsize=SCOPES)
def _conditional_scope(name: str, patterns: tuple[str, ...]) -> _Scope:
    return _Scope(Applies.CONDITIONALLY, (Condition(name, "ARN", patterns),))


def _scope(members_as_text: str, resource: str | None) -> _Scope:
    """Return how far a statement with Resource or NotResource covers a repository.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notresource.html
    """
    members: Mapping[str, Any] = json.loads(members_as_text)
    if len(members) > 1:
        return _NOWHERE
    ((name, value),) = members.items()
    patterns = strings(value)
    covered = strongest(_covers(pattern, resource) for pattern in patterns)
    if covered is Applies.CONDITIONALLY:
        return _conditional_scope(name, patterns)
    if name == "Resource" and resource in patterns:
        return _Scope(covered, own_arn=resource)
    certain = covered if name == "Resource" else inverse(covered)
    return _EVERYWHERE if certain is Applies.YES else _NOWHERE


# What is not known of a registry's policy: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAccountSetting.html
_IF_EXTENDED = (Condition("Scope", "REGISTRY_POLICY_SCOPE", ("V2",)),)


def _is_deny_of_many(statement: Statement) -> bool:
    wild = "NotAction" in statement or any("*" in one or "?" in one for one in strings(statement.get("Action")))
    return statement.get("Effect") == "Deny" and wild


def _split(whole: ParsedStatement) -> ParsedStatement:
    """Return a statement in which conditions on the tags of the request are decided where a request has none.

    Only requests that tag a repository have any: https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-using-tags.html
    """
    on_tags = [condition for condition in whole.conditions if condition.key.lower().startswith(_REQUEST_TAGS)]
    if not on_tags or not whole.has_effect:
        return whole
    verdicts = {condition: holds(condition, ABSENT) for condition in on_tags}
    left = tuple(condition for condition in whole.conditions if verdicts.get(condition) is not Applies.YES)
    tagging = whole.actions & TAGGING_ACTIONS
    return replace(
        whole,
        has_effect=Applies.NO not in verdicts.values(),
        actions=whole.actions - tagging,
        conditions=left,
        on_tagging=replace(whole, actions=tagging) if tagging else None,
    )


def _is_of_lambda_itself(
    statement: Statement,
    included: tuple[Principal, ...],
    actions: frozenset[str],
    required: tuple[Condition, ...],
) -> bool:
    """Return whether a statement is as Lambda writes it: for itself, for what it does, and for functions at most."""
    return (
        statement.get("Effect") == "Allow"
        and included == (Principal(PrincipalType.SERVICE, LAMBDA_SERVICE),)
        and "Action" in statement
        and actions.issuperset(LAMBDA_ACTIONS)
        and bool(actions & _MAINTENANCE)
        and actions <= _MAINTENANCE.union(LAMBDA_ACTIONS)
        and all(condition.key.lower() in _SOURCE_OF_FUNCTIONS and is_positive(condition) for condition in required)
    )


def _covers(pattern: str, resource: str | None) -> Applies:
    if pattern == "*":
        return Applies.YES
    if resource is None:
        return Applies.CONDITIONALLY
    # A policy variable is another text in each request.
    fixed = _VARIABLE.sub("*", pattern)
    if not PatternSet([fixed]).contains(resource):
        return Applies.NO
    return Applies.YES if fixed == pattern else Applies.CONDITIONALLY
