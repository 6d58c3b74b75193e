# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Statements as IAM reads them, for one repository.

A thousand repositories often have the same few statements, so statements that are spelt alike are one object. It is
parsed once, and whoever asks about it can remember the answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from .._iam.conditions import Applies, Condition, conditions, inverse, is_valid_condition, strongest
from .._iam.document import Statement, label_of, strings
from .._iam.patterns import PatternSet
from .._iam.principals import Principal, PrincipalType, principals_of
from .._sharing.managed_statements import ManagedStatements
from .._text import printable
from .actions import granted_actions

NOT_PRINCIPAL = "NotPrincipal"
_VARIABLE = re.compile(r"\$\{[^}]*\}")


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


@dataclass(frozen=True)
class NumberedStatement:
    """A statement in its policy.

    Args:
        position: Where it stands, from 1.
        statement: The statement.
    """

    position: int
    statement: ParsedStatement

    @property
    def sid(self) -> str | None:
        """The Sid of the statement; None where it has none."""
        return self.statement.sid

    @property
    def label(self) -> str:
        """What to call the statement in a message."""
        return label_of(self.position, self.statement.document)

    def to_dict(self) -> dict[str, Any]:
        """Return what rows call the statement."""
        return {"position": self.position, "sid": None if self.sid is None else printable(self.sid)}


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
        self._parsed: Callable[[str, str | None], ParsedStatement] = cache(self._parse)

    def parse(self, statement: Statement, resource: str | None) -> ParsedStatement:
        """Return the statement that JSON values are.

        Args:
            statement: As it is in a policy.
            resource: The ARN of the repository; None where it is not known.
        """
        restricted = "Resource" in statement or "NotResource" in statement
        return self._parsed(json.dumps(statement), resource if restricted else None)

    def _parse(self, text: str, resource: str | None) -> ParsedStatement:
        self.characters += len(text)
        # Read anew from the text, so that nobody else holds a part of what is remembered.
        statement: Mapping[str, Any] = json.loads(text)
        sid, excludes, valid_condition = statement.get("Sid"), NOT_PRINCIPAL in statement, is_valid_condition(statement)
        included = principals_of(statement.get("Principal"), self._partition)
        excluded = principals_of(statement.get(NOT_PRINCIPAL), self._partition)
        covered, scope = _resource_scope(statement, resource)
        deleted = (who.name for who in (*included, *excluded) if who.kind is PrincipalType.DELETED)
        return ParsedStatement(
            document=statement,
            sid=sid if isinstance(sid, str) else None,
            has_effect=valid_condition
            and covered is not Applies.NO
            and statement.get("Effect") in ("Allow", "Deny")
            and ("Principal" in statement) != excludes
            and ("Action" in statement) != ("NotAction" in statement),
            denies=statement.get("Effect") == "Deny",
            managed=ManagedStatements(self._partition, resource).match(statement) is not None,
            excludes=excludes,
            principals=excluded if excludes else included,
            actions=granted_actions(statement),
            conditions=(*conditions(statement), *scope) if valid_condition else (),
            deleted_principals=tuple(dict.fromkeys(deleted)),
        )


def _resource_scope(statement: Statement, resource: str | None) -> tuple[Applies, tuple[Condition, ...]]:
    """Return how far a statement covers a repository, and the condition that says so where it is not certain.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notresource.html
    """
    members = [member for member in ("Resource", "NotResource") if member in statement]
    if not members:
        return Applies.YES, ()
    if len(members) > 1:
        return Applies.NO, ()
    patterns = strings(statement[members[0]])
    covered = strongest(_covers(pattern, resource) for pattern in patterns)
    if covered is Applies.CONDITIONALLY:
        return covered, (Condition(members[0], "ARN", patterns),)
    return covered if members == ["Resource"] else inverse(covered), ()


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
