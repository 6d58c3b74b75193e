# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""The conditions of a statement, and whether they hold for callers of whom not everything is known.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Any

from .document import Statement

# In a fact, any part of an ARN: a text without a colon.
ANY_PART = "\0"


class Applies(IntEnum):
    """How far something applies to callers, in rising order: to none; to a part, or it cannot be decided; to all."""

    NO = 0
    CONDITIONALLY = 1
    YES = 2


@dataclass(frozen=True)
class Condition:
    """One key under one operator, both as the statement spells them; a boolean or a number as its text."""

    operator: str
    key: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class KnownKey:
    """What is known of a condition key in the requests of a set of callers.

    pattern: what each value matches, with the wildcards C(*), C(?) and ANY_PART; None if the key is never there.
    present: whether the key is always there.
    every: whether each value that matches the pattern is that of one of the callers; and, where the key is not always
        there, whether one of them is without it.
    unnamed: whether no policy names the callers, so that no value without a wildcard is theirs, nor one that spells
        an account or an organization.
    """

    pattern: str | None
    present: bool = True
    every: bool = False
    unnamed: bool = False


UNKNOWN = KnownKey("*", present=False)
ABSENT = KnownKey(None, present=False)


@dataclass(frozen=True)
class _Operator:
    matching: str
    negated: bool
    # Whether it says what becomes of several values.
    for_several: bool
    # What it says of a key that is not there; None where AWS's pages contradict each other.
    absent: bool | None


_NEGATED = {
    "stringequals": "stringnotequals",
    "stringequalsignorecase": "stringnotequalsignorecase",
    "stringlike": "stringnotlike",
    "arnequals": "arnnotequals",
    "arnlike": "arnnotlike",
    "ipaddress": "notipaddress",
}
_MATCHING = {
    "stringequals": "text",
    "stringequalsignorecase": "caseless",
    "stringlike": "pattern",
    "arnequals": "arn",
    "arnlike": "arn",
    "bool": "caseless",
    "ipaddress": "address",
    "null": "null",
}
_POSITIVE = {negative: positive for positive, negative in _NEGATED.items()}
_OPERATOR = re.compile(r"(?:(?P<set>foranyvalue|forallvalues):)?(?P<name>\w+?)(?P<tolerant>ifexists)?")
# Operators without ForAllValues or ForAnyValue are not defined for them.
_OF_SEVERAL_VALUES = frozenset({"aws:principalorgpaths", "aws:sourceorgpaths"})
# Policy variables that name the owner of the repository.
_THE_OWNERS = frozenset({"${aws:resourceaccount}", "${aws:resourceorgid}"})
_WILDCARD = re.compile(r"[*?]")
_OPEN = re.compile(rf"[*?{ANY_PART}]")
_SPELLS_WHOSE = re.compile(r":[0-9]{12}:|^o-[a-z0-9]{10,32}(?:/|$)")


def conditions(statement: Statement) -> tuple[Condition, ...]:
    """The conditions of a statement, all of which must hold."""
    blocks = statement.get("Condition")
    if not blocks:
        return ()
    return tuple(
        Condition(operator, key, _texts(values)) for operator, keys in blocks.items() for key, values in keys.items()
    )


def is_readable(statement: Statement) -> bool:
    """Whether a statement has a Condition that is one, or none."""
    blocks = statement.get("Condition", {})
    return isinstance(blocks, dict) and all(isinstance(keys, dict) for keys in blocks.values())


def all_hold(
    required: Iterable[Condition],
    facts: Mapping[str, KnownKey],
    otherwise: KnownKey = UNKNOWN,
    *,
    for_one: bool = False,
) -> Applies:
    """Whether conditions hold for the callers that facts, by lower-case key, are known of.

    otherwise: what is known of all other keys.
    for_one: whether it is enough that they hold for one of the callers.
    """
    found = Applies.YES
    open_keys: set[str] = set()
    for condition in required:
        key, fact = condition.key.lower(), known_key(condition.key, facts, otherwise)
        verdict = holds(condition, fact)
        if for_one and verdict is Applies.CONDITIONALLY and fact.every and key not in open_keys:
            # For each of two conditions there may be a caller, and none for both.
            open_keys.add(key)
            verdict = _holds_for_one(condition, fact)
        if verdict is Applies.NO:
            return Applies.NO
        found = min(found, verdict)
    return found


@lru_cache(maxsize=8192)
def holds(condition: Condition, fact: KnownKey) -> Applies:
    """Whether a condition holds for all callers that a fact is known of; it is decided only where that is certain."""
    operator = _operator(condition.operator)
    if operator is None:
        return Applies.CONDITIONALLY
    if operator.matching == "null":
        wanted = {value.lower() for value in condition.values}
        verdicts = {"false" in wanted} if fact.pattern is not None else set()
        return _only({*verdicts, *(() if fact.present else ("true" in wanted,))})
    undefined = operator.absent is None and not fact.present
    if undefined or (operator.negated and not condition.values):
        return Applies.CONDITIONALLY
    verdicts = set() if fact.present else {operator.absent is True}
    if fact.pattern is not None:
        if condition.key.lower() in _OF_SEVERAL_VALUES and not operator.for_several:
            return Applies.CONDITIONALLY
        matched = _matched(condition.values, fact.pattern, operator.matching, fact.unnamed)
        if matched is Applies.CONDITIONALLY:
            return Applies.CONDITIONALLY
        verdicts.add((matched is Applies.YES) != operator.negated)
    return _only(verdicts)


def known_key(key: str, facts: Mapping[str, KnownKey], otherwise: KnownKey = UNKNOWN) -> KnownKey:
    """What is known of a condition key. Of keys that end in a name of one's own, such as those of tags, facts may know
    something in common, under what comes before the name, with its slash.
    """
    key = key.lower()
    return facts.get(key) or facts.get(f"{key.partition('/')[0]}/", otherwise)


def is_positive(condition: Condition) -> bool:
    """Whether a condition holds only where the key is there and has one of the values."""
    operator = _operator(condition.operator)
    return operator is not None and not operator.negated and operator.absent is False and operator.matching != "null"


def has_wildcards(condition: Condition) -> bool:
    """Whether C(*) and C(?) in the values of a condition stand for other characters."""
    operator = _operator(condition.operator)
    return operator is not None and operator.matching in ("pattern", "arn")


def is_open(value: str) -> bool:
    """Whether a pattern is open to accounts that it does not spell.

    Patterns that spell an account, or an organization at their beginning, are not; all others with a wildcard are.
    """
    return bool(_WILDCARD.search(value)) and not _SPELLS_WHOSE.search(value)


@lru_cache(maxsize=8192)
def contains(pattern: str, inner: str) -> bool:
    """Whether a pattern matches all that another pattern matches."""
    # Only a star takes in a star of the inner pattern.
    return re.fullmatch(regex(pattern, one=r"[^*\0]").replace(ANY_PART, "[^:]*"), inner, re.DOTALL) is not None


def regex(pattern: str, one: str = ".") -> str:
    """The regular expression of a pattern, in which C(*) is any text, and C(?) one character. It needs DOTALL.

    The text after a star is taken at its first place and for good: the last star makes up for it. A policy with a
    hundred stars would else take years.
    """
    first, *rest = (re.escape(text).replace(r"\?", one) for text in pattern.split("*"))
    if not rest:
        return first
    return first + "".join(f"(?>.*?{text})" for text in rest[:-1]) + ".*" + rest[-1]


@lru_cache(maxsize=8192)
def meets(value: str, pattern: str) -> bool:
    """Whether some text matches both a value, in which C(*) and C(?) are wildcards, and the pattern of a fact."""
    todo, seen = [(0, 0)], set()
    while todo:
        i, j = place = todo.pop()
        if place in seen:
            continue
        seen.add(place)
        left, right = value[i : i + 1], pattern[j : j + 1]
        if not left and not right:
            return True
        if left == "*":
            todo.append((i + 1, j))
        if right in ("*", ANY_PART):
            todo.append((i, j + 1))
        if left and right:
            todo += _steps(i, j, left, right)
    return False


def _steps(i: int, j: int, left: str, right: str) -> Iterable[tuple[int, int]]:
    """The places after one character that both sides take."""
    if left == "*":
        return ((i, j + 1),)
    if right == "*" or (right == ANY_PART and left != ":"):
        return ((i + 1, j),)
    return ((i + 1, j + 1),) if left == right or "?" in (left, right) else ()


def strongest(verdicts: Iterable[Applies]) -> Applies:
    """The one that applies furthest; NO for none."""
    found = Applies.NO
    for verdict in verdicts:
        if verdict is Applies.YES:
            return verdict
        if verdict is Applies.CONDITIONALLY:
            found = verdict
    return found


def inverse(verdict: Applies) -> Applies:
    """How far the opposite applies."""
    return Applies(Applies.YES - verdict)


def _holds_for_one(condition: Condition, fact: KnownKey) -> Applies:
    """Whether a condition that does not hold, or fail, for all callers holds for one of them."""
    operator = _operator(condition.operator)
    several = condition.key.lower() in _OF_SEVERAL_VALUES
    if operator is None or not condition.values or (several and not operator.for_several):
        return Applies.CONDITIONALLY
    if any("${" in value or (operator.matching == "arn" and value.count(":") < 5) for value in condition.values):
        return Applies.CONDITIONALLY
    # The values meet those of the callers without taking all of them in: some match, and some do not.
    return Applies.YES


def _matched(values: tuple[str, ...], pattern: str, matching: str, unnamed: bool) -> Applies:
    """Whether a value that a fact's pattern is known of matches one of the values of a condition."""
    found = Applies.NO
    for value in values:
        # A policy variable is another text in each request.
        compared = Applies.CONDITIONALLY if "${" in value else _COMPARISONS[matching](value, pattern)
        if not (unnamed and compared is not Applies.YES and _names_somebody(value, matching)):
            found = max(found, compared)
    return found


def _names_somebody(value: str, matching: str) -> bool:
    if "${" in value:
        return value.lower() in _THE_OWNERS
    if matching == "address":
        return not _is_broad(value)
    return matching not in ("pattern", "arn") or not is_open(value)


def _compared(value: str, pattern: str) -> Applies:
    if contains(value, pattern):
        return Applies.YES
    return Applies.CONDITIONALLY if meets(value, pattern) else Applies.NO


def _text(value: str, pattern: str) -> Applies:
    if not contains(pattern, value):
        return Applies.NO
    return Applies.CONDITIONALLY if _OPEN.search(pattern) else Applies.YES


def _arn(value: str, pattern: str) -> Applies:
    """No wildcard crosses a colon before the last part."""
    values, patterns = value.split(":", 5), pattern.split(":", 5)
    if len(values) < 6 or len(patterns) < 6:
        return Applies.CONDITIONALLY
    return min(map(_compared, values, patterns))


def _address(value: str, pattern: str) -> Applies:
    return Applies.YES if value.endswith("/0") else Applies.CONDITIONALLY


def _is_broad(network: str) -> bool:
    """Whether a network is too large to be somebody's, by the measure of S3:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
    """
    _address, _slash, length = network.partition("/")
    return length.isdecimal() and int(length) < (32 if ":" in network else 8)


_COMPARISONS: Mapping[str, Callable[[str, str], Applies]] = {
    "text": _text,
    "caseless": lambda value, pattern: _text(value.lower(), pattern.lower()),
    "pattern": _compared,
    "arn": _arn,
    "address": _address,
}


@lru_cache(maxsize=256)
def _operator(name: str) -> _Operator | None:
    """What an operator does; None for one whose comparison cannot be decided here."""
    parsed = _OPERATOR.fullmatch(name.lower())
    base = parsed["name"] if parsed else ""
    matching = _MATCHING.get(_POSITIVE.get(base, base))
    if parsed is None or matching is None:
        return None
    negated = base in _POSITIVE
    quantifier, tolerant = parsed["set"], bool(parsed["tolerant"])
    absent = tolerant or quantifier == "forallvalues" or (negated and not quantifier)
    # IfExists holds for a key that is not there, ForAnyValue does not: which of the two, no page says.
    undefined = tolerant and quantifier == "foranyvalue"
    return _Operator(matching, negated, bool(quantifier), None if undefined else absent)


def _only(verdicts: set[bool]) -> Applies:
    if len(verdicts) != 1:
        return Applies.CONDITIONALLY
    return Applies.YES if verdicts.pop() else Applies.NO


def _texts(values: Any) -> tuple[str, ...]:
    listed = values if isinstance(values, list) else [values]
    return tuple(str(value).lower() if isinstance(value, bool) else str(value) for value in listed)
