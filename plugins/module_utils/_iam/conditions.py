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

import operator as relations
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import IntEnum
from functools import cached_property, lru_cache
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from math import isfinite
from typing import Any, Protocol

from .document import Statement, spelling
from .patterns import ANY_PART, PatternSet, Syntax


class Applies(IntEnum):
    """How far something applies to callers, in rising order: to none; to some, or it cannot be decided; to all."""

    NO = 0
    CONDITIONALLY = 1
    YES = 2


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
    has_variables: bool = field(default=True, compare=False)

    @cached_property
    def compared_values(self) -> _ComparedValues:
        """The values, ready to be compared."""
        found = _operator(self.operator)
        comparison = None if found is None else found.comparison
        return (comparison or _TEXT).prepare(self)


@dataclass(frozen=True)
class KnownKey:
    """What is known about one condition key in the requests of a set of callers.

    Args:
        pattern: What each value matches, with the wildcards C(*), C(?) and ANY_PART; None if the key is always absent.
            Addresses are one of IPV4 and IPV6, or a network.
        present: Whether the key is in every request.
        every: Whether each value that matches the pattern is that of one of the callers, and, if the key is not in
            every request, whether one of them is without it.
        unnamed: Whether no policy names the callers, so that no value without a wildcard is theirs, nor one that
            spells an account, an organization or the id of a role or user.
        between: Of a date, in seconds since 1970, or a number: the least and the greatest that it can be.
        of_owner: Whether it is about the owner of the repository, whose account and organization is not the callers'.
    """

    pattern: str | None
    present: bool = True
    every: bool = False
    unnamed: bool = False
    between: tuple[float, float] | None = None
    of_owner: bool = False


# Every address of a kind.
IPV4, IPV6 = "*.*.*.*", "*:*"
# What is known about condition keys, by their name in lower case. A name that ends in C(/) is that of all tags.
KnownKeys = Mapping[str, KnownKey]
UNKNOWN = KnownKey("*", present=False)
ABSENT = KnownKey(None, present=False)


class _ComparedValues(Protocol):
    """The values of a condition, as an operator compares them."""

    def compare(self, known: KnownKey) -> Applies:
        """Return whether all, some or none of what a present key can be is among the values."""


class _Comparison(Protocol):
    """How a condition operator compares the values of a condition with those of a key."""

    def prepare(self, condition: Condition) -> _ComparedValues:
        """Return the values of a condition, ready to be compared."""

    def can_read(self, value: str) -> bool:
        """Return whether a value without policy variables can be compared."""


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
# The values of these keys are names, ids and ARNs, which have neither C(*) nor C(?), nor C(${).
_IDENTIFIERS = ("aws:principal", "aws:resource", "aws:source", "aws:userid", "aws:username", "aws:vpce")
_OF_THE_RESOURCE = ("aws:resource", "ecr:resource")
# Policy variables for the account or the organization of whoever asks.
_WHO_ASKS = re.compile(r"\$\{aws:(?:principal|source|vpce)(?:account|orgid|orgpaths|arn)\}", re.IGNORECASE)
# Paths of roles and names of sessions may have colons, and so what looks like an account.
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
_WITH_FREE_COLONS = frozenset({"aws:principalarn", "aws:userid"})
# Policy variables that name the owner of the repository.
_OWNER_VARIABLES = frozenset({"${aws:resourceaccount}", "${aws:resourceorgid}"})
_WILDCARD = re.compile(r"[*?]")
_YEAR = re.compile(r"[0-9]{4}")
# What wildcards of a pattern may stand for, where one text is wanted that matches it.
_ANY = re.compile(rf"[*{ANY_PART}]+")
_FILLS = ("a1", "999999999999", "", "x")
_MOST_WITNESSES = 64
_VARIABLE = re.compile(r"\$\{([^}*?$]+)\}")
_SPELLS_OWNER = re.compile(
    # An account has 12 digits, so that a star beside them adds nobody.
    r"(?:^|[:*])[0-9]{12}(?:[:*]|$)|^o-[a-z0-9]{10,32}(?:/|$)"
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
    r"|^A(?:ROA|IDA)[A-Z0-9]{12,}"
)


@dataclass(frozen=True)
class _Patterns:
    """Values as patterns.

    Args:
        decided: Those that can be decided.
        any: Whether there is any.
        some_undecided: Whether there are others.
    """

    decided: PatternSet
    any: bool
    some_undecided: bool


class _PatternComparison:
    """Compares texts and patterns.

    Args:
        syntax: How patterns are made of values.
        read: Returns the pattern that a value is; None for one that cannot be decided.
    """

    def __init__(self, syntax: Syntax, read: Callable[[str], str | None] = str) -> None:
        self.syntax, self.read = syntax, read

    def prepare(self, condition: Condition) -> _ComparedPatterns:
        return _ComparedPatterns(condition, self)

    def can_read(self, value: str) -> bool:
        return self.read(value) is not None


class _ComparedPatterns:
    def __init__(self, condition: Condition, comparison: _PatternComparison) -> None:
        self._condition, self._comparison = condition, comparison
        key = condition.key.lower()
        own = f"${{{key}}}"
        self._matches_itself = condition.has_variables and any(value.lower() == own for value in condition.values)
        self._identifiers = key.startswith(_IDENTIFIERS)
        self._all = self._patterns(condition.values)

    def compare(self, known: KnownKey) -> Applies:
        if self._matches_itself:
            return Applies.YES
        if known.pattern is None or not self._condition.values:
            return Applies.NO
        compared = self._compare(known.pattern, self._of_owner if known.of_owner else self._all)
        if known.unnamed and compared is Applies.CONDITIONALLY:
            return self._compare(known.pattern, self._of_nobody)
        return compared

    @cached_property
    def _of_owner(self) -> _Patterns:
        return self._patterns([value for value in self._condition.values if not _WHO_ASKS.search(value)])

    @cached_property
    def _of_nobody(self) -> _Patterns:
        return self._patterns([value for value in self._condition.values if not self._names_somebody(value)])

    def _patterns(self, values: Sequence[str]) -> _Patterns:
        variables = [self._condition.has_variables and "${" in value for value in values]
        read = [
            None if variable else self._comparison.read(value)
            for value, variable in zip(values, variables, strict=True)
            if variable or not (self._identifiers and self._matches_nobody(value))
        ]
        listed = [pattern for pattern in read if pattern is not None]
        return _Patterns(PatternSet(listed, self._comparison.syntax), bool(read), None in read)

    def _compare(self, known: str, patterns: _Patterns) -> Applies:
        pattern = self._comparison.read(known)
        if pattern is None:
            return Applies.CONDITIONALLY if patterns.any else Applies.NO
        if patterns.decided.contains(pattern):
            return Applies.YES
        doubtful = patterns.some_undecided or patterns.decided.overlaps(pattern)
        return Applies.CONDITIONALLY if doubtful else Applies.NO

    def _matches_nobody(self, value: str) -> bool:
        """Return whether a value has to the letter what no identifier has."""
        return "${" in value or (self._comparison.syntax is Syntax.LITERAL and bool(_WILDCARD.search(value)))

    def _names_somebody(self, value: str) -> bool:
        if self._condition.has_variables and "${" in value:
            return value.lower() in _OWNER_VARIABLES
        if self._comparison.syntax is Syntax.LITERAL:
            return True
        if self._comparison.syntax is Syntax.TEXT and self._condition.key.lower() in _WITH_FREE_COLONS:
            # What follows a star may stand in the path of a role, or in the name of a session.
            return not is_open(value[: value.find("*")] + "*" if "*" in value else value)
        return not is_open(value)


class _AddressComparison:
    """Compares an address with networks."""

    def prepare(self, condition: Condition) -> _ComparedNetworks:
        return _ComparedNetworks(condition)

    def can_read(self, value: str) -> bool:
        return _network(value) is not None


class _ComparedNetworks:
    def __init__(self, condition: Condition) -> None:
        read = [_network(value) for value in condition.values]
        self._some_undecided = None in read
        networks = [network for network in read if network is not None]
        # Two halves are one network.
        self._networks: tuple[_Network, ...] = (
            *collapse_addresses(network for network in networks if isinstance(network, IPv4Network)),
            *collapse_addresses(network for network in networks if isinstance(network, IPv6Network)),
        )

    def compare(self, known: KnownKey) -> Applies:
        wanted = _KNOWN_NETWORKS.get(known.pattern or "") or _network(known.pattern or "")
        if wanted is None:
            doubtful = self._networks
            contains = {network.version for network in doubtful if network.prefixlen == 0} == {4, 6}
        else:
            doubtful = tuple(network for network in self._networks if network.overlaps(wanted))
            contains = any(wanted.subnet_of(network) for network in doubtful)  # type: ignore[arg-type]
        if contains:
            return Applies.YES
        if known.unnamed:
            # Nobody comes from a private network, and a small one is somebody's.
            doubtful = tuple(network for network in doubtful if network.is_global and _is_broad(network))
        return Applies.CONDITIONALLY if self._some_undecided or doubtful else Applies.NO


_Network = IPv4Network | IPv6Network
_KNOWN_NETWORKS: Mapping[str, _Network] = {IPV4: IPv4Network("0.0.0.0/0"), IPV6: IPv6Network("::/0")}


def _network(text: str) -> _Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def _is_broad(network: _Network) -> bool:
    """Return whether a network is too large to belong to somebody, by the measure of S3.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
    """
    return network.prefixlen < (8 if network.version == 4 else 32)


class _QuantityComparison:
    """Compares dates, or numbers.

    Args:
        read: Returns the number that a value is; None for one that is none.
        holds: Whether the number of the request and that of the policy are as the operator wants it.
    """

    def __init__(self, read: Callable[[str], float | None], holds: Callable[[float, float], bool]) -> None:
        self.read, self.holds = read, holds

    def prepare(self, condition: Condition) -> _ComparedQuantities:
        return _ComparedQuantities(condition, self)

    def can_read(self, value: str) -> bool:
        return self.read(value) is not None


class _ComparedQuantities:
    def __init__(self, condition: Condition, comparison: _QuantityComparison) -> None:
        read = [comparison.read(value) for value in condition.values]
        self._comparison, self._some_undecided = comparison, None in read
        self._values = [value for value in read if value is not None]

    def compare(self, known: KnownKey) -> Applies:
        between = known.between or self._exactly(known.pattern)
        if between is None:
            return Applies.CONDITIONALLY if self._some_undecided or self._values else Applies.NO
        verdicts = [self._of(value, *between) for value in self._values]
        found = strongest(verdicts)
        return Applies.CONDITIONALLY if found is Applies.NO and self._some_undecided else found

    def _of(self, value: float, least: float, greatest: float) -> Applies:
        decisive = (least, greatest, value) if least <= value <= greatest else (least, greatest)
        return _unanimous({self._comparison.holds(number, value) for number in decisive})

    def _exactly(self, pattern: str | None) -> tuple[float, float] | None:
        number = None if pattern is None else self._comparison.read(pattern)
        return None if number is None else (number, number)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) else None


def _moment(text: str) -> float | None:
    """Return the seconds since 1970 of a date, which may be that number itself."""
    number = None if _YEAR.fullmatch(text) else _number(text)
    if number is not None:
        return number
    try:
        moment = datetime.fromisoformat({4: f"{text}-01-01", 7: f"{text}-01"}.get(len(text), text))
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _whole_arn(text: str) -> str | None:
    return text if text.count(":") >= 5 else None


_TEXT = _PatternComparison(Syntax.LITERAL)
_CASELESS = _PatternComparison(Syntax.LITERAL, str.lower)
_PATTERN = _PatternComparison(Syntax.TEXT)
_ARN = _PatternComparison(Syntax.ARN, _whole_arn)
_ADDRESS = _AddressComparison()
_RELATIONS = {
    "equals": relations.eq,
    "lessthan": relations.lt,
    "lessthanequals": relations.le,
    "greaterthan": relations.gt,
    "greaterthanequals": relations.ge,
}
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
_COMPARISON_OF: Mapping[str, _Comparison | None] = {
    "stringequals": _TEXT,
    "stringequalsignorecase": _CASELESS,
    "stringlike": _PATTERN,
    "arnequals": _ARN,
    "arnlike": _ARN,
    "bool": _CASELESS,
    "ipaddress": _ADDRESS,
    "null": None,
    **{f"date{name}": _QuantityComparison(_moment, holds) for name, holds in _RELATIONS.items()},
    **{f"numeric{name}": _QuantityComparison(_number, holds) for name, holds in _RELATIONS.items()},
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
        return _unanimous({*verdicts, *(() if known.present else ("true" in wanted,))})
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


def is_text(condition: Condition) -> bool:
    """Return whether a condition compares texts, in which a star stands for colons as well."""
    operator = _operator(condition.operator)
    return operator is not None and operator.comparison is _PATTERN


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
        marks = [mark for value in values for mark in (_number(value), _moment(value)) if mark is not None]
        for moment in (least, greatest, *(mark + step for mark in marks for step in (-1.0, -0.5, 0.0, 0.5, 1.0))):
            if least <= moment <= greatest:
                yield replace(known, between=(moment, moment), present=True, every=False)
        return
    networks = [network for network in map(_network, values) if network is not None]
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


def _is_own(value: str, comparison: _Comparison, known: KnownKey, known_keys: KnownKeys) -> bool:
    """Return whether what a value with policy variables stands for may be what one of the callers has.

    Whoever asks has all of it: an account, and an endpoint, a role, a name in it.
    """
    if known.pattern is None or not isinstance(comparison, _PatternComparison):
        return False
    names = _VARIABLE.findall(value)
    if comparison.syntax is Syntax.LITERAL and _WILDCARD.search(_VARIABLE.sub("", value)):
        return False
    if known.of_owner and _WHO_ASKS.search(value):
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
    return (syntax is Syntax.TEXT or _whole_arn(own) is not None) and PatternSet([own], syntax).overlaps(known.pattern)


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


def _unanimous(verdicts: set[bool]) -> Applies:
    if len(verdicts) != 1:
        return Applies.CONDITIONALLY
    return Applies.YES if verdicts.pop() else Applies.NO


def _texts(values: Any) -> tuple[str, ...]:
    listed = values if isinstance(values, list) else [values]
    return tuple(str(spelling(value)) for value in listed)
