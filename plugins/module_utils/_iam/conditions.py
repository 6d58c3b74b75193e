# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""The conditions of a statement, and whether they hold for requests of which not everything is known.

What follows rests on these rules:

* There are three answers. A condition holds for all requests of a set of callers (C(YES)), for none (C(NO)), or for
  some of them, or that cannot be decided from the policy (C(CONDITIONALLY)). What is certain is certain for every
  request.
* All conditions of a statement must hold. Of the values of one condition one is enough; a negated operator wants none.
* A negated operator also holds where the key is absent. So does one with C(IfExists), or C(ForAllValues). All others do
  not.
* Nothing is guessed: policy variables, dates, numbers, operators that are not known here, values that are no ARN under
  an ARN operator, and a key of several values under an operator without C(ForAnyValue) or C(ForAllValues) are never
  decided.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property, lru_cache
from typing import Any

from .document import Statement, spelling
from .patterns import PatternSet, Syntax


class Applies(IntEnum):
    """How far something applies to callers, in rising order: to none; to some, or it cannot be decided; to all."""

    NO = 0
    CONDITIONALLY = 1
    YES = 2


@dataclass(frozen=True)
class Condition:
    """One key under one operator, both as the statement spells them; a boolean or a number as its text."""

    operator: str
    key: str
    values: tuple[str, ...]

    @cached_property
    def compared_values(self) -> _ComparedValues:
        """The values, ready to be compared."""
        return _ComparedValues(self.values, _comparison_of(self))

    @cached_property
    def compared_values_of_nobody(self) -> _ComparedValues:
        """The same, without those that name somebody."""
        comparison = _comparison_of(self)
        return _ComparedValues([value for value in self.values if not _names_somebody(value, comparison)], comparison)


@dataclass(frozen=True)
class KnownKey:
    """What is known about one condition key in the requests of a set of callers.

    Args:
        pattern: What each value matches, with the wildcards C(*), C(?) and ANY_PART; None if the key is always absent.
        present: Whether the key is in every request.
        every: Whether each value that matches the pattern is that of one of the callers, and, if the key is not in
            every request, whether one of them is without it.
        unnamed: Whether no policy names the callers, so that no value without a wildcard is theirs, nor one that
            spells an account or an organization.
    """

    pattern: str | None
    present: bool = True
    every: bool = False
    unnamed: bool = False


# What is known about condition keys, by their name in lower case. A name that ends in C(/) is that of all tags.
KnownKeys = Mapping[str, KnownKey]
UNKNOWN = KnownKey("*", present=False)
ABSENT = KnownKey(None, present=False)


@dataclass(frozen=True)
class _Comparison:
    """How a condition operator compares the values of a condition with those of a key.

    Args:
        syntax: How patterns are made of them.
        read: Returns the pattern that a value is; None for one that cannot be decided.
        read_known: The same of what is known about the key.
    """

    syntax: Syntax
    read: Callable[[str], str | None] = str
    read_known: Callable[[str], str | None] = str


def _whole_arn(text: str) -> str | None:
    return text if text.count(":") >= 5 else None


def _every_network(value: str) -> str | None:
    return "*" if value.endswith("/0") else None


_TEXT = _Comparison(Syntax.LITERAL)
_CASELESS = _Comparison(Syntax.LITERAL, str.lower, str.lower)
_PATTERN = _Comparison(Syntax.TEXT)
_ARN = _Comparison(Syntax.ARN, _whole_arn, _whole_arn)
# Whatever is known of an address, only the network of all addresses is certain to have it.
_ADDRESS = _Comparison(Syntax.TEXT, _every_network)


@dataclass(frozen=True)
class _Operator:
    """What a condition operator does.

    Args:
        comparison: How it compares; None for Null, which looks at no value.
        negated: Whether it wants none of the values.
        has_quantifier: Whether it says what happens to several values of a key.
        holds_for_absent: What it says of an absent key; None where AWS's pages contradict each other.
    """

    comparison: _Comparison | None
    negated: bool
    has_quantifier: bool
    holds_for_absent: bool | None


_NEGATED = {
    "stringequals": "stringnotequals",
    "stringequalsignorecase": "stringnotequalsignorecase",
    "stringlike": "stringnotlike",
    "arnequals": "arnnotequals",
    "arnlike": "arnnotlike",
    "ipaddress": "notipaddress",
}
_COMPARISON_OF: Mapping[str, _Comparison | None] = {
    "stringequals": _TEXT,
    "stringequalsignorecase": _CASELESS,
    "stringlike": _PATTERN,
    "arnequals": _ARN,
    "arnlike": _ARN,
    "bool": _CASELESS,
    "ipaddress": _ADDRESS,
    "null": None,
}
_POSITIVE = {negative: positive for positive, negative in _NEGATED.items()}
_OPERATOR = re.compile(r"(?:(?P<quantifier>foranyvalue|forallvalues):)?(?P<name>\w+?)(?P<if_exists>ifexists)?")
# Operators without ForAllValues or ForAnyValue are not defined for them.
_MULTIVALUED_KEYS = frozenset({"aws:principalorgpaths", "aws:sourceorgpaths"})
# Policy variables that name the owner of the repository.
_OWNER_VARIABLES = frozenset({"${aws:resourceaccount}", "${aws:resourceorgid}"})
_WILDCARD = re.compile(r"[*?]")
_SPELLS_OWNER = re.compile(r":[0-9]{12}:|^o-[a-z0-9]{10,32}(?:/|$)")


def conditions(statement: Statement) -> tuple[Condition, ...]:
    """Return the conditions of a statement, all of which must hold."""
    blocks = statement.get("Condition")
    if not blocks:
        return ()
    return tuple(
        Condition(operator, key, _texts(values)) for operator, keys in blocks.items() for key, values in keys.items()
    )


def is_valid_condition(statement: Statement) -> bool:
    """Return whether the Condition of a statement, if it has one, maps operators to keys."""
    blocks = statement.get("Condition", {})
    return isinstance(blocks, dict) and all(isinstance(keys, dict) for keys in blocks.values())


def all_hold(required: Iterable[Condition], known_keys: KnownKeys, *, for_one: bool = False) -> Applies:
    """Return whether conditions hold for the callers that something is known about.

    Args:
        required: The conditions.
        known_keys: What is known; all other keys are UNKNOWN.
        for_one: Whether it is enough that they hold for one of the callers.
    """
    result = Applies.YES
    open_keys: set[str] = set()
    for condition in required:
        key, known = condition.key.lower(), known_key(condition.key, known_keys)
        verdict = holds(condition, known)
        if for_one and verdict is Applies.CONDITIONALLY and known.every and key not in open_keys:
            # For each of two conditions there may be a caller, and none for both.
            open_keys.add(key)
            verdict = _holds_for_one(condition)
        if verdict is Applies.NO:
            return Applies.NO
        result = min(result, verdict)
    return result


def holds(condition: Condition, known: KnownKey) -> Applies:
    """Return whether a condition holds for all callers that a key is known of."""
    operator = _operator(condition.operator)
    if operator is None:
        return Applies.CONDITIONALLY
    if operator.comparison is None:
        wanted = {value.lower() for value in condition.values}
        verdicts = {"false" in wanted} if known.pattern is not None else set()
        return _unanimous({*verdicts, *(() if known.present else ("true" in wanted,))})
    undefined = operator.holds_for_absent is None and not known.present
    if undefined or (operator.negated and not condition.values):
        return Applies.CONDITIONALLY
    verdicts = set() if known.present else {operator.holds_for_absent is True}
    if known.pattern is not None:
        if condition.key.lower() in _MULTIVALUED_KEYS and not operator.has_quantifier:
            return Applies.CONDITIONALLY
        matched = _compare(condition, known.pattern, unnamed=known.unnamed)
        if matched is Applies.CONDITIONALLY:
            return Applies.CONDITIONALLY
        verdicts.add((matched is Applies.YES) != operator.negated)
    return _unanimous(verdicts)


def known_key(key: str, known_keys: KnownKeys) -> KnownKey:
    """Return what is known about a condition key.

    Of keys that end in a name of one's own, such as those of tags, something may be known in common, under what comes
    before the name, with its slash.
    """
    key = key.lower()
    return known_keys.get(key) or known_keys.get(f"{key.partition('/')[0]}/", UNKNOWN)


def is_positive(condition: Condition) -> bool:
    """Return whether a condition holds only where the key is present and has one of the values."""
    operator = _operator(condition.operator)
    return (
        operator is not None
        and not operator.negated
        and operator.holds_for_absent is False
        and operator.comparison is not None
    )


def has_wildcards(condition: Condition) -> bool:
    """Return whether C(*) and C(?) in the values of a condition stand for other characters."""
    operator = _operator(condition.operator)
    return operator is not None and operator.comparison in (_PATTERN, _ARN)


def is_open(value: str) -> bool:
    """Return whether a pattern matches accounts that it does not spell.

    Patterns that spell an account, or an organization at their beginning, do not; all others with a wildcard do.
    """
    return bool(_WILDCARD.search(value)) and not _SPELLS_OWNER.search(value)


def strongest(verdicts: Iterable[Applies]) -> Applies:
    """Return the verdict that applies furthest; NO for none."""
    result = Applies.NO
    for verdict in verdicts:
        if verdict is Applies.YES:
            return verdict
        if verdict is Applies.CONDITIONALLY:
            result = verdict
    return result


def inverse(verdict: Applies) -> Applies:
    """Return how far the opposite applies."""
    return Applies(Applies.YES - verdict)


def _holds_for_one(condition: Condition) -> Applies:
    """Return whether a condition that does not hold, or fail, for all callers holds for one of them."""
    operator = _operator(condition.operator)
    multivalued = condition.key.lower() in _MULTIVALUED_KEYS
    if operator is None or not condition.values or (multivalued and not operator.has_quantifier):
        return Applies.CONDITIONALLY
    if any("${" in value or (operator.comparison is _ARN and _whole_arn(value) is None) for value in condition.values):
        return Applies.CONDITIONALLY
    # The values overlap those of the callers without containing all of them: some match, and some do not.
    return Applies.YES


def _compare(condition: Condition, known: str, *, unnamed: bool) -> Applies:
    """Return whether all, some or none of what a known pattern matches is among the values of a condition."""
    compared = condition.compared_values.compare(known)
    if unnamed and compared is Applies.CONDITIONALLY:
        return condition.compared_values_of_nobody.compare(known)
    return compared


class _ComparedValues:
    """The values of a condition, as an operator compares them.

    Args:
        values: The values.
        comparison: What the operator does.
    """

    def __init__(self, values: Sequence[str], comparison: _Comparison) -> None:
        # A policy variable is another text in each request.
        read = [None if "${" in value else comparison.read(value) for value in values]
        self._comparison = comparison
        self._any, self._some_undecided = bool(read), None in read
        self._patterns = PatternSet([pattern for pattern in read if pattern is not None], comparison.syntax)

    def compare(self, known: str) -> Applies:
        """Return whether all, some or none of what a known pattern matches is among the values."""
        pattern = self._comparison.read_known(known)
        if pattern is None:
            return Applies.CONDITIONALLY if self._any else Applies.NO
        if self._patterns.contains(pattern):
            return Applies.YES
        return Applies.CONDITIONALLY if self._some_undecided or self._patterns.overlaps(pattern) else Applies.NO


def _names_somebody(value: str, comparison: _Comparison) -> bool:
    if "${" in value:
        return value.lower() in _OWNER_VARIABLES
    if comparison is _ADDRESS:
        return not _is_broad(value)
    return comparison.syntax is Syntax.LITERAL or not is_open(value)


def _is_broad(network: str) -> bool:
    """Return whether a network is too large to belong to somebody, by the measure of S3.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
    """
    length = network.partition("/")[2]
    return length.isdecimal() and int(length) < (32 if ":" in network else 8)


@lru_cache(maxsize=256)
def _operator(name: str) -> _Operator | None:
    """Return what an operator does; None for one whose comparison cannot be decided here."""
    parsed = _OPERATOR.fullmatch(name.lower())
    base = parsed["name"] if parsed else ""
    positive = _POSITIVE.get(base, base)
    if parsed is None or positive not in _COMPARISON_OF:
        return None
    negated = base in _POSITIVE
    quantifier, if_exists = parsed["quantifier"], bool(parsed["if_exists"])
    holds_for_absent = if_exists or quantifier == "forallvalues" or (negated and not quantifier)
    # IfExists holds for an absent key, ForAnyValue does not: which of the two wins, no page says.
    undefined = if_exists and quantifier == "foranyvalue"
    return _Operator(_COMPARISON_OF[positive], negated, bool(quantifier), None if undefined else holds_for_absent)


def _comparison_of(condition: Condition) -> _Comparison:
    operator = _operator(condition.operator)
    return _TEXT if operator is None or operator.comparison is None else operator.comparison


def _unanimous(verdicts: set[bool]) -> Applies:
    if len(verdicts) != 1:
        return Applies.CONDITIONALLY
    return Applies.YES if verdicts.pop() else Applies.NO


def _texts(values: Any) -> tuple[str, ...]:
    listed = values if isinstance(values, list) else [values]
    return tuple(str(spelling(value)) for value in listed)
