# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""How the values of a condition are compared with what is known of a key.

The rules:

* There are three answers: all that a key can be is among the values, some of it, or none.
* What cannot be read, such as a text that is no date, is never decided. Of a policy variable, only that of the key
  itself is: it is what it is.
* What an operator takes to the letter has no wildcards, and no identifier has any.
* Strangers have none of the values that name somebody: no text without a wildcard, and none that spells an account, an
  organization, or the id of a role or user.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

import operator as relations
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from math import isfinite
from typing import Protocol, TypeAlias

from .patterns import PatternSet, Syntax


class Applies(IntEnum):
    """How far something applies to callers, in rising order: to none; to some, or it cannot be decided; to all."""

    NO = 0
    CONDITIONALLY = 1
    YES = 2


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


class Values(Protocol):
    """The values of a condition, of which one is enough, as Condition has them."""

    @property
    def key(self) -> str: ...
    @property
    def values(self) -> tuple[str, ...]: ...
    @property
    def has_variables(self) -> bool: ...


class ComparedValues(Protocol):
    """The values of a condition, as an operator compares them."""

    def compare(self, known: KnownKey) -> Applies:
        """Return whether all, some or none of what a present key can be is among the values."""


class Comparison(Protocol):
    """How a condition operator compares the values of a condition with those of a key."""

    def prepare(self, condition: Values) -> ComparedValues:
        """Return the values of a condition, ready to be compared."""

    def can_read(self, value: str) -> bool:
        """Return whether a value without policy variables can be compared."""


# The values of these keys are names, ids and ARNs, which have neither C(*) nor C(?), nor C(${).
_IDENTIFIERS = ("aws:principal", "aws:resource", "aws:source", "aws:userid", "aws:username", "aws:vpce")
# Policy variables for the account or the organization of whoever asks.
WHO_ASKS = re.compile(r"\$\{aws:(?:principal|source|vpce)(?:account|orgid|orgpaths|arn)\}", re.IGNORECASE)
# Paths of roles and names of sessions may have colons, and so what looks like an account.
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
_WITH_FREE_COLONS = frozenset({"aws:principalarn", "aws:userid"})
# Policy variables that name the owner of the repository.
_OWNER_VARIABLES = frozenset({"${aws:resourceaccount}", "${aws:resourceorgid}"})
_YEAR = re.compile(r"[0-9]{4}")
_SPELLS_OWNER = re.compile(
    # An account has 12 digits, so that a star beside them adds nobody.
    r"(?:^|[:*])[0-9]{12}(?:[:*]|$)|^o-[a-z0-9]{10,32}(?:/|$)"
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
    r"|^A(?:ROA|IDA)[A-Z0-9]{12,}"
)
WILDCARD = re.compile(r"[*?]")


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


class PatternComparison:
    """Compares texts and patterns.

    Args:
        syntax: How patterns are made of values.
        read: Returns the pattern that a value is; None for one that cannot be decided.
    """

    def __init__(self, syntax: Syntax, read: Callable[[str], str | None] = str) -> None:
        self.syntax, self.read = syntax, read

    def prepare(self, condition: Values) -> _ComparedPatterns:
        return _ComparedPatterns(condition, self)

    def can_read(self, value: str) -> bool:
        return self.read(value) is not None


class _ComparedPatterns:
    def __init__(self, condition: Values, comparison: PatternComparison) -> None:
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
        return self._patterns([value for value in self._condition.values if not WHO_ASKS.search(value)])

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
        return "${" in value or (self._comparison.syntax is Syntax.LITERAL and bool(WILDCARD.search(value)))

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

    def prepare(self, condition: Values) -> _ComparedNetworks:
        return _ComparedNetworks(condition)

    def can_read(self, value: str) -> bool:
        return read_network(value) is not None


class _ComparedNetworks:
    def __init__(self, condition: Values) -> None:
        read = [read_network(value) for value in condition.values]
        self._some_undecided = None in read
        networks = [network for network in read if network is not None]
        # Two halves are one network.
        self._networks: tuple[_Network, ...] = (
            *collapse_addresses(network for network in networks if isinstance(network, IPv4Network)),
            *collapse_addresses(network for network in networks if isinstance(network, IPv6Network)),
        )

    def compare(self, known: KnownKey) -> Applies:
        wanted = _KNOWN_NETWORKS.get(known.pattern or "") or read_network(known.pattern or "")
        if wanted is None:
            doubtful = self._networks
            contains = {network.version for network in doubtful if network.prefixlen == 0} == {4, 6}
        else:
            doubtful = tuple(network for network in self._networks if network.overlaps(wanted))
            # Networks that overlap are of one version; the types cannot say so.
            contains = any(wanted.subnet_of(network) for network in doubtful)  # type: ignore[arg-type]
        if contains:
            return Applies.YES
        if known.unnamed:
            # Nobody comes from a private network, and a small one is somebody's.
            doubtful = tuple(network for network in doubtful if network.is_global and _is_broad(network))
        return Applies.CONDITIONALLY if self._some_undecided or doubtful else Applies.NO


_Network: TypeAlias = "IPv4Network | IPv6Network"
_KNOWN_NETWORKS: Mapping[str, _Network] = {IPV4: IPv4Network("0.0.0.0/0"), IPV6: IPv6Network("::/0")}


def read_network(text: str) -> _Network | None:
    """Return an address or a CIDR block as a network, None where the text is neither."""
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

    def prepare(self, condition: Values) -> _ComparedQuantities:
        return _ComparedQuantities(condition, self)

    def can_read(self, value: str) -> bool:
        return self.read(value) is not None


class _ComparedQuantities:
    def __init__(self, condition: Values, comparison: _QuantityComparison) -> None:
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
        return unanimous({self._comparison.holds(number, value) for number in decisive})

    def _exactly(self, pattern: str | None) -> tuple[float, float] | None:
        number = None if pattern is None else self._comparison.read(pattern)
        return None if number is None else (number, number)


def read_number(text: str) -> float | None:
    """Return a finite number, None where the text is none."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) else None


def read_moment(text: str) -> float | None:
    """Return the seconds since 1970 of a date, which may be that number itself."""
    number = None if _YEAR.fullmatch(text) else read_number(text)
    if number is not None:
        return number
    try:
        moment = datetime.fromisoformat({4: f"{text}-01-01", 7: f"{text}-01"}.get(len(text), text))
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def whole_arn(text: str) -> str | None:
    return text if text.count(":") >= 5 else None


TEXT = PatternComparison(Syntax.LITERAL)
CASELESS = PatternComparison(Syntax.LITERAL, str.lower)
PATTERN = PatternComparison(Syntax.TEXT)
ARN = PatternComparison(Syntax.ARN, whole_arn)
ADDRESS = _AddressComparison()
_RELATIONS = {
    "equals": relations.eq,
    "lessthan": relations.lt,
    "lessthanequals": relations.le,
    "greaterthan": relations.gt,
    "greaterthanequals": relations.ge,
}
# By the name of the operator, in lower case.
DATES: Mapping[str, Comparison] = {
    f"date{name}": _QuantityComparison(read_moment, holds) for name, holds in _RELATIONS.items()
}
NUMBERS: Mapping[str, Comparison] = {
    f"numeric{name}": _QuantityComparison(read_number, holds) for name, holds in _RELATIONS.items()
}


def is_open(value: str) -> bool:
    """Return whether a pattern matches accounts that it does not spell.

    Patterns that spell an account, or an organization at their beginning, do not; all others with a wildcard do.
    """
    return bool(WILDCARD.search(value)) and not _SPELLS_OWNER.search(value)


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


def unanimous(verdicts: set[bool]) -> Applies:
    if len(verdicts) != 1:
        return Applies.CONDITIONALLY
    return Applies.YES if verdicts.pop() else Applies.NO
