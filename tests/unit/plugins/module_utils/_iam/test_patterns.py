# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What patterns match, compared with what others do; and that none of them can be made slow."""

from __future__ import annotations

import re
from itertools import product

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._iam.patterns import ANY_PART, PatternSet, Syntax
from ansible_collections.imageshare.aws.tests.support.laws import laws
from hypothesis import given
from hypothesis import strategies as st

# Of each: a pattern, another, whether it contains the other, and whether they overlap.
PATTERNS: dict[str, tuple[str, str, bool, bool]] = {
    "itself": ("a*c", "a*c", True, True),
    "a text": ("a*c", "abc", True, True),
    "a narrower one": ("a*", "a*c", True, True),
    "a wider one": ("a*c", "a*", False, True),
    "one that crosses it": ("a*", "*c", False, True),
    "one apart": ("a*", "b*", False, False),
    "one apart at its end": ("*a", "*b", False, False),
    "a question mark for a star": ("a?c", "a*c", False, True),
    "a star for a question mark": ("a*c", "a?c", True, True),
    "nothing for a star": ("*", "", True, True),
    "something for nothing": ("", "?", False, False),
    "nothing for nothing": ("", "", True, True),
    "a star for nothing": ("", "*", False, True),
    "stars in a row": ("**", "*?*", True, True),
    "a part of an ARN": ("a:*:c", f"a:{ANY_PART}:c", True, True),
    "a text where a part of an ARN is": ("a:b:c", f"a:{ANY_PART}:c", False, True),
    "no colon in a part of an ARN": ("a:b:b:c", f"a:{ANY_PART}:c", False, False),
    "a star across parts of an ARN": ("a*c", f"a:{ANY_PART}:{ANY_PART}:c", True, True),
    "a question mark for a colon": ("a?c", "a:c", True, True),
    "brackets, which are no wildcard": ("[ab]", "a", False, False),
    "another case": ("a*", "A", False, False),
    "a line's end": ("a*b", "a\nb", True, True),
    "wildcards in a text": ("a?*", "a*", False, True),
    "the first of several places": ("*ab*b", "ababb", True, True),
    "more stars than there is time for, if each were tried everywhere": ("*a" * 40 + "b", "a" * 90, False, False),
}


@pytest.mark.parametrize(("pattern", "other", "contained", "overlapping"), PATTERNS.values(), ids=PATTERNS.keys())
def test_a_pattern_contains_or_overlaps(pattern: str, other: str, contained: bool, overlapping: bool) -> None:
    patterns = PatternSet([pattern])
    assert patterns.contains(other) is contained
    assert patterns.overlaps(other) is overlapping


# Of each the same, all of them read as ARNs.
ARNS: dict[str, tuple[str, str, bool, bool]] = {
    "a star in each part": ("*:*:*:*:*:*", "arn:aws:iam::1:role/a:b", True, True),
    "a star that would cross a colon": ("arn:*:role/ci:a:b:c", "arn:aws:iam::1:role/ci", False, False),
    "a star that crosses colons in the last part": ("arn:aws:a:b:c:f*d", "arn:aws:a:b:c:f:o:d", True, True),
    "a question mark for a colon": ("arn:aws?iam::1:role/a:", "arn:aws:iam::1:role/a:", False, False),
    "parts that nobody knows": ("arn:aws:*::*:*", f"arn:aws:{ANY_PART}::{ANY_PART}:*", True, True),
    "one of the parts that nobody knows": ("arn:aws:iam::*:*", f"arn:aws:{ANY_PART}::{ANY_PART}:*", False, True),
}


@pytest.mark.parametrize(("pattern", "other", "contained", "overlapping"), ARNS.values(), ids=ARNS.keys())
def test_an_arn_contains_or_overlaps(pattern: str, other: str, contained: bool, overlapping: bool) -> None:
    patterns = PatternSet([pattern], Syntax.ARN)
    assert patterns.contains(other) is contained
    assert patterns.overlaps(other) is overlapping


def test_a_literal_has_no_wildcards_and_what_it_is_compared_with_has() -> None:
    literals = PatternSet(["a*", "b?"], Syntax.LITERAL)
    assert not literals.contains("ab")
    assert not literals.contains("a*")
    assert not PatternSet(["ab"], Syntax.LITERAL).overlaps("c*")
    assert PatternSet(["ab"], Syntax.LITERAL).overlaps("a*")


def test_no_pattern_matches_nothing() -> None:
    assert not PatternSet([]).contains("")
    assert not PatternSet([]).overlaps("*")


_ALPHABET = "a:"
TEXTS = ["".join(text) for length in range(6) for text in product(_ALPHABET, repeat=length)]
SHORT_PATTERNS = st.text(alphabet=f"{_ALPHABET}*?{ANY_PART}", max_size=4)


def matched(pattern: str) -> set[str]:
    """The short texts that a pattern matches, by the regular expression that it is."""
    parts = {"*": ".*", "?": ".", ANY_PART: "[^:]*"}
    expression = re.compile("".join(parts.get(character, character) for character in pattern))
    return {text for text in TEXTS if expression.fullmatch(text)}


# Two patterns of four characters each that overlap do so in a text of at most four characters.
@laws(600)
@given(st.lists(SHORT_PATTERNS, max_size=3), SHORT_PATTERNS)
def test_patterns_overlap_if_and_only_if_a_text_matches_both(patterns: list[str], other: str) -> None:
    texts = set().union(*map(matched, patterns))
    assert PatternSet(patterns).overlaps(other) is bool(texts & matched(other))


@laws(600)
@given(st.lists(SHORT_PATTERNS, max_size=3), SHORT_PATTERNS)
def test_what_patterns_contain_they_match(patterns: list[str], inner: str) -> None:
    if PatternSet(patterns).contains(inner):
        assert matched(inner) <= set().union(*map(matched, patterns))


@laws(300)
@given(st.lists(SHORT_PATTERNS, max_size=3), st.sampled_from(TEXTS))
def test_patterns_contain_a_text_if_and_only_if_one_matches_it(patterns: list[str], text: str) -> None:
    assert PatternSet(patterns).contains(text) is any(text in matched(pattern) for pattern in patterns)
