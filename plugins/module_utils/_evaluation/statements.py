# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Statements as IAM reads them.

A thousand repositories often have the same few statements, so those that are spelt alike are one rule. It is read once,
and whoever asks about it can remember the answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .._iam.arns import is_unique_id
from .._iam.conditions import Condition, conditions, is_readable
from .._iam.document import Policy, Statement, statements, strings
from .._sharing.managed_statements import match_shape
from .actions import granted_actions
from .request_context import EVERYONE

NOT_PRINCIPAL = "NotPrincipal"
# How many rules to remember, and how many answers to each question about them. A policy has at most 10,240 characters,
# and each answer keeps its rule alive: at the very worst, 20 MB of text.
_RULES, ANSWERS = 1024, 2048


@dataclass(frozen=True)
class Entry:
    """One of a statement's principals. kind: C(AWS), C(Service), C(Federated) or C(CanonicalUser)."""

    kind: str
    name: str


@dataclass(frozen=True, eq=False)
class ParsedStatement:
    """A statement, and what it says. Two are the same only if they are one object, which makes them cheap to look up.

    statement: to be read only.
    readable: whether it has an effect; of one that has none, the conditions may be missing here.
    excludes: whether the entries are those of NotPrincipal.
    actions: those on a repository, spelt as AWS does.
    identities: its AWS principals, wherever they stand, without the C(*) for everyone.
    deleted_principals: the ids of deleted roles and users among them.
    """

    statement: Statement
    sid: str | None
    readable: bool
    denies: bool
    managed: bool
    excludes: bool
    entries: tuple[Entry, ...]
    actions: frozenset[str]
    conditions: tuple[Condition, ...]
    identities: tuple[str, ...]
    deleted_principals: tuple[str, ...]


def parse_statement(statement: Statement) -> ParsedStatement:
    """The rule that a statement of JSON values is."""
    return _rule(json.dumps(statement))


def valid_statements(policy: Policy | None) -> list[tuple[int, ParsedStatement]]:
    """The statements of a policy that have an effect, with their position from 1.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
    """
    rules = enumerate(map(parse_statement, statements(policy)), start=1)
    return [(position, rule) for position, rule in rules if rule.readable]


@lru_cache(maxsize=_RULES)
def _rule(text: str) -> ParsedStatement:
    # Read anew from the text, so that nobody else holds a part of what is remembered.
    statement: Mapping[str, Any] = json.loads(text)
    sid, excludes, decidable = statement.get("Sid"), NOT_PRINCIPAL in statement, is_readable(statement)
    included, excluded = _entries(statement.get("Principal")), _entries(statement.get(NOT_PRINCIPAL))
    named = (entry.name for entry in (*included, *excluded) if entry.kind == "AWS" and entry.name != EVERYONE)
    identities = tuple(dict.fromkeys(named))
    return ParsedStatement(
        statement=statement,
        sid=sid if isinstance(sid, str) else None,
        readable=decidable
        and statement.get("Effect") in ("Allow", "Deny")
        and ("Principal" in statement) != excludes
        and ("Action" in statement) != ("NotAction" in statement),
        denies=statement.get("Effect") == "Deny",
        managed="Resource" not in statement and match_shape(statement) is not None,
        excludes=excludes,
        entries=excluded if excludes else included,
        actions=granted_actions(statement),
        conditions=conditions(statement) if decidable else (),
        identities=identities,
        deleted_principals=tuple(filter(is_unique_id, identities)),
    )


def _entries(principal: Any) -> tuple[Entry, ...]:
    if isinstance(principal, dict):
        return tuple(Entry(kind, name) for kind, names in principal.items() for name in strings(names))
    return (Entry("AWS", EVERYONE),) if principal == EVERYONE else ()
