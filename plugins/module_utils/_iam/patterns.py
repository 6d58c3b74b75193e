# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Patterns with the wildcards of IAM: C(*) is any text, C(?) one character.

Whoever may set the policy of a repository writes the patterns, and can make them as slow as they like. So:

* Nothing is tried twice. All patterns of a set are followed at once through the other pattern, from left to right. The
  places where they may stand are the bits of one number, and each token of the other moves all of them in a few steps.
* That one pattern contains another is found where its tokens show it: C(?*) contains C(*?), and that is not found. That
  two overlap is exact: some text matches both.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property, lru_cache

# In the pattern of a known key, any one part of an ARN: a text without a colon. No policy can have it, because it is
# half of a surrogate pair.
ANY_PART = "\udfff"


class Syntax(Enum):
    """How patterns are read."""

    # Nothing is a wildcard.
    LITERAL = "literal"
    TEXT = "text"
    # No wildcard crosses a colon before the last of six parts.
    ARN = "arn"


# A token is one character that stands for itself, or one of these.
_TEXT, _PART, _CHARACTER, _PART_CHARACTER = "any text", "any part", "any character", "any character of a part"
# Stars in a row are one.
_TOKEN = re.compile(rf"[*{ANY_PART}]+|.", re.DOTALL)
_WILDCARD = re.compile(rf"[*?{ANY_PART}]")
# What a token of another pattern does to the places: from which it leads to the next, at which it stays because a star
# goes on there, and, if it is a star itself, through which runs of places it may lead.
_Step = tuple[int, int, "int | None"]


class PatternSet:
    """Patterns, of which one is enough.

    Args:
        patterns: The patterns; under C(Syntax.ARN) each has six parts.
        syntax: How they are read. Whatever they are compared with has wildcards.
    """

    def __init__(self, patterns: Iterable[str], syntax: Syntax = Syntax.TEXT) -> None:
        self._syntax_of_others = Syntax.TEXT if syntax is Syntax.LITERAL else syntax
        listed: dict[str, list[int]] = {}
        starts, ends, size = [], [], 0
        for pattern in patterns:
            starts.append(size)
            for token in _tokens(pattern, syntax):
                listed.setdefault(token, []).append(size)
                size += 1
            # Behind the last token.
            ends.append(size)
            size += 1
        places = _Places({token: _bits(numbers, size) for token, numbers in listed.items()})
        self._stars, self._ends = places.stars, _bits(ends, size)
        start = _bits(starts, size)
        self._start = start | (start & self._stars) << 1
        literals = places.literal_steps()
        self._containing = literals | places.containing_steps()
        self._overlapping = literals | places.overlapping_steps(((1 << size) - 1) & ~self._ends)
        self._of_unknown: _Step = places.literal_step("")

    def contains(self, inner: str) -> bool:
        """Return whether one of the patterns matches everything that another pattern matches."""
        return self._follow(inner, self._containing)

    def overlaps(self, other: str) -> bool:
        """Return whether some text matches one of the patterns and another one."""
        return self._follow(other, self._overlapping)

    def _follow(self, other: str, steps: Mapping[str, _Step]) -> bool:
        state, stars, of_unknown = self._start, self._stars, self._of_unknown
        for token in _tokens(other, self._syntax_of_others):
            leading, staying, runs = steps.get(token, of_unknown)
            if runs is None:
                state = (state & leading) << 1 | state & staying
                # A star may be nothing at all.
                state |= (state & stars) << 1
            else:
                # In the sum, each bit is carried to the end of its run.
                state |= (runs + (state & runs)) ^ runs
            if not state:
                return False
        return bool(state & self._ends)


@dataclass(frozen=True)
class _Places:
    """Where each token stands in the patterns of a set, as the bits of a number."""

    of: Mapping[str, int]

    @cached_property
    def stars(self) -> int:
        return self._at(_TEXT, _PART)

    @cached_property
    def _characters(self) -> int:
        return self._at(_CHARACTER, _PART_CHARACTER)

    def literal_step(self, literal: str) -> _Step:
        """Return what a character does; the empty text stands for one that is in no pattern."""
        if literal == ":":
            return self._at(literal, _CHARACTER), self._at(_TEXT), None
        return self.of.get(literal, 0) | self._characters, self.stars, None

    def literal_steps(self) -> dict[str, _Step]:
        return {literal: self.literal_step(literal) for literal in {":", *self.of} if len(literal) == 1}

    def containing_steps(self) -> dict[str, _Step]:
        """Return what wildcards do where all that they stand for is to be matched."""
        return {
            _TEXT: (0, self._at(_TEXT), None),
            _PART: (0, self.stars, None),
            _CHARACTER: (self._at(_CHARACTER), self._at(_TEXT), None),
            _PART_CHARACTER: (self._characters, self.stars, None),
        }

    def overlapping_steps(self, everywhere: int) -> dict[str, _Step]:
        """Return what wildcards do where something that they stand for is to be matched.

        Args:
            everywhere: The places of all tokens.
        """
        within_part = everywhere & ~self._at(":")
        return {
            _TEXT: (0, 0, everywhere),
            _PART: (0, 0, within_part),
            _CHARACTER: (everywhere & ~self.stars, self.stars, None),
            _PART_CHARACTER: (within_part & ~self.stars, self.stars, None),
        }

    def _at(self, *tokens: str) -> int:
        result = 0
        for token in tokens:
            result |= self.of.get(token, 0)
        return result


def is_literal(pattern: str) -> bool:
    """Return whether a pattern matches one text alone."""
    return _WILDCARD.search(pattern) is None


# The few patterns of known keys are compared with every condition.
@lru_cache(maxsize=128)
def _tokens(pattern: str, syntax: Syntax) -> Sequence[str]:
    if syntax is Syntax.LITERAL or is_literal(pattern):
        return pattern
    if syntax is Syntax.TEXT:
        return [_token(text, _TEXT, _CHARACTER) for text in _TOKEN.findall(pattern)]
    *parts, last = pattern.split(":", 5)
    tokens = [_token(text, _PART, _PART_CHARACTER) for text in _TOKEN.findall("".join(f"{part}:" for part in parts))]
    return [*tokens, *_tokens(last, Syntax.TEXT)]


def _token(text: str, star: str, character: str) -> str:
    """Return the token that a text is: one character, or stars."""
    if text == "?":
        return character
    return star if "*" in text else _PART if ANY_PART in text else text


def _bits(places: Iterable[int], size: int) -> int:
    result = bytearray(size // 8 + 1)
    for place in places:
        result[place >> 3] |= 1 << (place & 7)
    return int.from_bytes(result, "little")
