# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Names of repositories, and the shell patterns that select among them: C(*) crosses C(/)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache

from ._text import quoted

# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html
_PART = r"[a-z0-9]+(?:[._-][a-z0-9]+)*"
_NAME = re.compile(rf"(?=.{{2,256}}\Z){_PART}(?:/{_PART})*")
# A repository's URI has the form of a name, and is none: 123456789012.dkr.ecr.us-east-1.amazonaws.com/base/python.
_ADDRESS = re.compile(r"arn:|https?:|[0-9]{12}\.dkr[.-]|public\.ecr\.aws/")
_PATTERN = re.compile(r"[a-z0-9._/*?\[\]!-]{1,256}")


@dataclass(frozen=True)
class Selection:
    """The repositories that names and patterns select.

    Args:
        names: In the order asked for, each once.
        unmatched: The patterns that match none.
    """

    names: tuple[str, ...]
    unmatched: tuple[str, ...]


def is_pattern(text: str) -> bool:
    """Return whether a text is a pattern rather than a name."""
    return any(character in text for character in "*?[")


def is_name(text: str) -> bool:
    """Return whether a text can be the name of a repository."""
    return _NAME.fullmatch(text) is not None


def problem_with(text: object) -> str | None:
    """Return why a value is neither the name of a repository nor a pattern; None if it is one."""
    if not isinstance(text, str):
        return f"{text!r} is not a string"
    if _ADDRESS.match(text):
        return f"{quoted(text)} is an ARN or a URI: write the repository's name alone, such as base/python"
    if _PATTERN.fullmatch(text) if is_pattern(text) else _NAME.fullmatch(text):
        return None
    what = "a repository name, nor a pattern with * ? [ ] (lower case, digits, and . _ - / between)"
    return f"{quoted(text)} is not {what}"


def matches(texts: Iterable[str], name: str) -> bool:
    """Return whether one of the names or patterns matches a repository."""
    names, patterns = _names_and_patterns(tuple(texts))
    return name in names or any(fnmatchcase(name, pattern) for pattern in patterns)


def unmatched(texts: Iterable[str], names: Iterable[str]) -> tuple[str, ...]:
    """Return the names and patterns that match none of these repositories."""
    existing = dict.fromkeys(names)
    return tuple(
        text
        for text in texts
        if not (any(fnmatchcase(name, text) for name in existing) if is_pattern(text) else text in existing)
    )


@lru_cache(maxsize=1024)
def _names_and_patterns(texts: tuple[str, ...]) -> tuple[frozenset[str], tuple[str, ...]]:
    # A grant may name a thousand repositories, and each of these is held against it.
    patterns = tuple(text for text in texts if is_pattern(text))
    return frozenset(texts).difference(patterns), patterns


def select(wanted: Sequence[str], existing: Sequence[str]) -> Selection:
    """Return the repositories that names and patterns match, each once.

    Args:
        wanted: Names and patterns.
        existing: The names in the registry, for patterns. A plain name is selected whether it is there or not.
    """
    selected: dict[str, None] = {}
    unmatched = []
    for text in dict.fromkeys(wanted):
        if is_pattern(text):
            names = [name for name in sorted(existing) if fnmatchcase(name, text)]
            if not names:
                unmatched.append(text)
        else:
            names = [text]
        selected.update(dict.fromkeys(names))
    return Selection(tuple(selected), tuple(unmatched))
