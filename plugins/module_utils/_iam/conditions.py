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
* Nothing is guessed: policy variables but for a key's own, operators that are not known here, values that are no ARN
  under an ARN operator, and a key of several values under an operator without C(ForAnyValue) or C(ForAllValues) are
  never decided; dates and numbers only where the time, or the number, of the request is known.
* What an operator takes to the letter has no wildcards: C(StringEquals) with C(arn:…:function:*) holds for nobody.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

from .comparisons import (
    ABSENT,
    ADDRESS,
    ARN,
    CASELESS,
    DATES,
    IPV4,
    IPV6,
    NUMBERS,
    PATTERN,
    TEXT,
    UNKNOWN,
    WHO_ASKS,
    WILDCARD,
    Applies,
    ComparedValues,
    Comparison,
    KnownKey,
    KnownKeys,
    PatternComparison,
    is_open,
    read_moment,
    read_network,
    read_number,
    unanimous,
    whole_arn,
)
from .document import Statement, spelling
from .patterns import ANY_PART, PatternSet, Syntax


@dataclass(frozen=True)
class Condition:
    """One key under one operator, both as the statement spells them; a boolean or a number as its text.

    Args:
        operator: The operator.
        key: The condition key.
        values: The values, of which one is enough.
        has_variables: Whether C(${…}) in a value stands for something else. It does since the policy language of
            2012-10-17: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
    """

    operator: str
    key: str
    values: tuple[str, ...]
    has_variables: bool = True

    @cached_property
    def compared_values(self) -> ComparedValues:
        """The values, ready to be compared."""
        found = _operator(self.operator)
        comparison = None if found is None else found.comparison
        return (comparison or TEXT).prepare(self)


@dataclass(frozen=True)
class _Operator:
    """What a condition operator does.

    Args:
        comparison: How it compares; None for Null, which looks at no value.
        negated: Whether it wants none of the values.
        has_quantifier: Whether it says what happens to several values of a key.
        holds_for_absent: What it says of an absent key; None where AWS's pages contradict each other.
    """

    comparison: Comparison | None
    negated: bool
    has_quantifier: bool
    holds_for_absent: bool | None


# Operators without ForAllValues or ForAnyValue are not defined for them.
_MULTIVALUED_KEYS = frozenset(
    {
        "aws:calledvia",
        "aws:principalorgpaths",
        "aws:principalservicenameslist",
        "aws:resourceorgpaths",
        "aws:sourceorgpaths",
        "aws:tagkeys",
        "aws:vpceorgpaths",
    }
)
_OF_THE_RESOURCE = ("aws:resource", "ecr:resource")
# What wildcards of a pattern may stand for, where one text is wanted that matches it.
_ANY = re.compile(rf"[*{ANY_PART}]+")
_FILLS = ("a1", "999999999999", "", "x")
_MOST_WITNESSES = 64
_VARIABLE = re.compile(r"\$\{([^}*?$]+)\}")
_NEGATED = {
    "stringequals": "stringnotequals",
    "stringequalsignorecase": "stringnotequalsignorecase",
    "stringlike": "stringnotlike",
    "arnequals": "arnnotequals",
    "arnlike": "arnnotlike",
    "ipaddress": "notipaddress",
    "dateequals": "datenotequals",
    "numericequals": "numericnotequals",
}
_COMPARISON_OF: Mapping[str, Comparison | None] = {
    "stringequals": TEXT,
    "stringequalsignorecase": CASELESS,
    "stringlike": PATTERN,
    "arnequals": ARN,
    "arnlike": ARN,
    "bool": CASELESS,
    "ipaddress": ADDRESS,
    "null": None,
    **DATES,
    **NUMBERS,
}
_POSITIVE = {negative: positive for positive, negative in _NEGATED.items()}
_OPERATOR = re.compile(r"(?:(?P<quantifier>foranyvalue|forallvalues):)?(?P<name>\w+?)(?P<if_exists>ifexists)?")


def conditions(statement: Statement, *, has_variables: bool = True) -> tuple[Condition, ...]:
    """Return the conditions of a statement, all of which must hold.

    Args:
        statement: The statement.
        has_variables: Whether its policy is of a version that has policy variables.
    """
    blocks = statement.get("Condition")
    if not blocks:
        return ()
    return tuple(
        Condition(operator, key, _texts(values), has_variables)
        for operator, keys in blocks.items()
        for key, values in keys.items()
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
    open_keys: dict[str, list[Condition]] = {}
    for condition in required:
        key, known = condition.key.lower(), known_key(condition.key, known_keys)
        verdict = holds(condition, known)
        if for_one and verdict is Applies.CONDITIONALLY:
            if known is UNKNOWN:
                # Some request is without a key of which nothing is known.
                verdict = max(verdict, _without(condition, known_keys))
            elif known.every:
                open_keys.setdefault(key, []).append(condition)
                continue
        if verdict is Applies.NO:
            return Applies.NO
        result = min(result, verdict)
    for key, listed in open_keys.items():
        known = known_key(key, known_keys)
        if len(listed) == 1:
            verdict = _holds_for_one(listed[0], known, known_keys)
        else:
            # For each of several conditions there may be a caller, and none for all of them.
            found = any(
                all(holds(one, witness) is Applies.YES for one in listed) for witness in _witnesses(listed, known)
            )
            verdict = Applies.YES if found else Applies.CONDITIONALLY
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
        return unanimous({*verdicts, *(() if known.present else ("true" in wanted,))})
    undefined = operator.holds_for_absent is None and not known.present
    if undefined or (operator.negated and not condition.values):
        return Applies.CONDITIONALLY
    verdicts = set() if known.present else {operator.holds_for_absent is True}
    if known.pattern is not None:
        if condition.key.lower() in _MULTIVALUED_KEYS and not operator.has_quantifier:
            return Applies.CONDITIONALLY
        matched = condition.compared_values.compare(known)
        if matched is Applies.CONDITIONALLY:
            return Applies.CONDITIONALLY
        verdicts.add((matched is Applies.YES) != operator.negated)
    return unanimous(verdicts)


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


def names_texts(condition: Condition) -> bool:
    """Return whether a condition fails where its key is present and is none of the values, which are texts or ARNs."""
    operator = _operator(condition.operator)
    return operator is not None and not operator.negated and operator.comparison in (TEXT, CASELESS, PATTERN, ARN)


def has_wildcards(condition: Condition) -> bool:
    """Return whether C(*) and C(?) in the values of a condition stand for other characters."""
    operator = _operator(condition.operator)
    return operator is not None and operator.comparison in (PATTERN, ARN)


def is_text(condition: Condition) -> bool:
    """Return whether a condition compares texts, in which a star stands for colons as well."""
    operator = _operator(condition.operator)
    return operator is not None and operator.comparison is PATTERN


def _holds_for_one(condition: Condition, known: KnownKey, known_keys: KnownKeys) -> Applies:
    """Return whether a condition that does not hold, or fail, for all callers holds for one of them."""
    operator = _operator(condition.operator)
    multivalued = condition.key.lower() in _MULTIVALUED_KEYS
    if operator is None or not condition.values:
        return Applies.CONDITIONALLY
    if operator.comparison is None:
        return Applies.YES
    if (multivalued and not operator.has_quantifier) or (operator.holds_for_absent is None and not known.present):
        return Applies.CONDITIONALLY
    if operator.holds_for_absent and not known.present:
        return Applies.YES
    can_read, has_variables = operator.comparison.can_read, condition.has_variables
    undecided = [value for value in condition.values if (has_variables and "${" in value) or not can_read(value)]
    if operator.negated:
        chosen = has_variables and all(_is_chosen(value, known_keys) for value in undecided)
        return Applies.YES if chosen or not undecided else Applies.CONDITIONALLY
    if has_variables and any(_is_own(value, operator.comparison, known, known_keys) for value in undecided):
        return Applies.YES
    # Decided values overlap those of the callers without containing all of them: some match, and some do not.
    decided = replace(condition, values=tuple(value for value in condition.values if value not in undecided))
    return Applies.CONDITIONALLY if holds(decided, known) is Applies.NO else Applies.YES


def _without(condition: Condition, known_keys: KnownKeys) -> Applies:
    """Return whether a condition holds for requests without its key; a Resource, for those who choose its variables."""
    if condition.operator == "Resource":
        chosen = any(_is_chosen(value, known_keys) for value in condition.values)
        return Applies.YES if chosen else Applies.CONDITIONALLY
    return Applies.YES if holds(condition, ABSENT) is Applies.YES else Applies.CONDITIONALLY


def _witnesses(listed: Sequence[Condition], known: KnownKey) -> Iterator[KnownKey]:
    """Yield values of a key that some caller has, one of which may meet several conditions."""
    if not known.present:
        yield ABSENT
    values = [value for condition in listed for value in condition.values if "${" not in value][:_MOST_WITNESSES]
    if known.between is not None:
        least, greatest = known.between
        marks = [mark for value in values for mark in (read_number(value), read_moment(value)) if mark is not None]
        for moment in (least, greatest, *(mark + step for mark in marks for step in (-1.0, -0.5, 0.0, 0.5, 1.0))):
            if least <= moment <= greatest:
                yield replace(known, between=(moment, moment), present=True, every=False)
        return
    networks = [network for network in map(read_network, values) if network is not None]
    texts = [str(network[index]) for network in networks for index in (0, 1, -1) if abs(index) < network.num_addresses]
    named = known.unnamed
    patterns = [value for value in values if not named or is_open(value)]
    texts += [_filled(pattern, fill) for pattern in (*patterns, known.pattern or "") for fill in _FILLS]
    possible = PatternSet([known.pattern or ""])
    for text in dict.fromkeys(texts):
        if known.pattern in (IPV4, IPV6) or possible.contains(text):
            yield KnownKey(text, unnamed=known.unnamed)


def _filled(pattern: str, fill: str) -> str:
    return _ANY.sub(fill, pattern).replace("?", "7")


def _is_chosen(value: str, known_keys: KnownKeys) -> bool:
    """Return whether a value has policy variables, and callers can give each of them whatever value they want."""
    names = _VARIABLE.findall(value)
    known = (known_key(name, known_keys) for name in names)
    return 0 < len(names) == value.count("${") and all(one.every and not one.unnamed for one in known)


def _is_own(value: str, comparison: Comparison, known: KnownKey, known_keys: KnownKeys) -> bool:
    """Return whether what a value with policy variables stands for may be what one of the callers has.

    Whoever asks has all of it: an account, and an endpoint, a role, a name in it.
    """
    if known.pattern is None or not isinstance(comparison, PatternComparison):
        return False
    names = _VARIABLE.findall(value)
    if comparison.syntax is Syntax.LITERAL and WILDCARD.search(_VARIABLE.sub("", value)):
        return False
    if known.of_owner and WHO_ASKS.search(value):
        return False
    if known.unnamed and any(name.lower().startswith(_OF_THE_RESOURCE) for name in names):
        # The owner has said who that is.
        return False
    own_keys = [known_key(name, known_keys) for name in names]
    if not 0 < len(names) == value.count("${") or not all(key.every and key.pattern is not None for key in own_keys):
        return False
    found = iter(key.pattern for key in own_keys)
    own = _VARIABLE.sub(lambda _match: next(found) or "", value)
    if known.unnamed and not is_open(own):
        return False
    syntax = Syntax.ARN if comparison.syntax is Syntax.ARN else Syntax.TEXT
    return (syntax is Syntax.TEXT or whole_arn(own) is not None) and PatternSet([own], syntax).overlaps(known.pattern)


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


def _texts(values: Any) -> tuple[str, ...]:
    listed = values if isinstance(values, list) else [values]
    return tuple(str(spelling(value)) for value in listed)
