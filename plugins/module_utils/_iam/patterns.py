# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Patterns with the wildcards of IAM: C(*) is any text, C(?) one character."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

# In the pattern of a known key, any one part of an ARN: a text without a colon.
ANY_PART = "\0"
_WILDCARD = re.compile(rf"[*?{ANY_PART}]")


def regex(pattern: str, one: str = ".") -> str:
    """Return the regular expression of a pattern, which needs DOTALL.

    The text after a star is matched at the first position and not tried again: the last star makes up for it. A policy
    with a hundred stars would otherwise take years.
    """
    first, *rest = (re.escape(text).replace(r"\?", one) for text in pattern.split("*"))
    if not rest:
        return first
    return first + "".join(f"(?>.*?{text})" for text in rest[:-1]) + ".*" + rest[-1]


def matches(pattern: str, text: str) -> bool:
    """Return whether a pattern matches a text."""
    return re.fullmatch(regex(pattern), text, re.DOTALL) is not None


def is_literal(pattern: str) -> bool:
    """Return whether a pattern matches one text alone."""
    return _WILDCARD.search(pattern) is None


def contains(pattern: str, inner: str) -> bool:
    """Return whether a pattern matches everything that another pattern matches."""
    return pattern == inner or _container(pattern).fullmatch(inner) is not None


def overlaps(first: str, second: str) -> bool:
    """Return whether some text matches both patterns; ANY_PART may occur in the second."""
    pending, seen = [(0, 0)], set()
    while pending:
        i, j = position = pending.pop()
        if position in seen:
            continue
        seen.add(position)
        left, right = first[i : i + 1], second[j : j + 1]
        if not left and not right:
            return True
        if left == "*":
            pending.append((i + 1, j))
        if right in ("*", ANY_PART):
            pending.append((i, j + 1))
        if left and right:
            pending += _steps(i, j, left, right)
    return False


@lru_cache(maxsize=2048)
def _container(pattern: str) -> re.Pattern[str]:
    # Only a star contains a star of the inner pattern.
    return re.compile(regex(pattern, one=r"[^*\0]").replace(ANY_PART, "[^:]*"), re.DOTALL)


def _steps(i: int, j: int, left: str, right: str) -> Iterable[tuple[int, int]]:
    """Return the positions after one character that both patterns match."""
    if left == "*":
        return ((i, j + 1),)
    if right == "*" or (right == ANY_PART and left != ":"):
        return ((i + 1, j),)
    return ((i + 1, j + 1),) if left == right or "?" in (left, right) else ()
