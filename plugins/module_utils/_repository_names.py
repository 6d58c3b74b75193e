# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Names of repositories, and the shell patterns that choose among them: C(*) crosses C(/)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache

# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html
_PART = r"[a-z0-9]+(?:[._-][a-z0-9]+)*"
_NAME = re.compile(rf"(?=.{{2,256}}\Z){_PART}(?:/{_PART})*")
# A repository's URI has the form of a name, and is none: 123456789012.dkr.ecr.us-east-1.amazonaws.com/base/python.
_ADDRESS = re.compile(r"arn:|https?:|[0-9]{12}\.dkr[.-]|public\.ecr\.aws/")
_PATTERN = re.compile(r"[a-z0-9._/*?\[\]!-]{1,256}")


@dataclass(frozen=True)
class Selection:
    """names: repositories in the order asked for. unmatched: patterns that chose none."""

    names: tuple[str, ...]
    unmatched: tuple[str, ...]


def is_pattern(text: str) -> bool:
    return any(character in text for character in "*?[")


def is_name(text: str) -> bool:
    """Whether AWS would take a text for the name of a repository."""
    return _NAME.fullmatch(text) is not None


def problem_with(text: object) -> str | None:
    """Why a value is neither a repository's name nor a pattern; None if it is one."""
    if not isinstance(text, str):
        return f"{text!r} is not a string"
    if _ADDRESS.match(text):
        return f'"{text}" is an ARN or a URI: write the repository\'s name alone, such as base/python'
    if _PATTERN.fullmatch(text) if is_pattern(text) else _NAME.fullmatch(text):
        return None
    return f'"{text}" is not a repository name, nor a pattern with * ? [ ] (lower case, digits, and . _ - / between)'


def matches(texts: Iterable[str], name: str) -> bool:
    """Whether one of the names or patterns chooses a repository."""
    names, patterns = _parted(tuple(texts))
    return name in names or any(fnmatchcase(name, pattern) for pattern in patterns)


def unmatched(texts: Iterable[str], names: Iterable[str]) -> tuple[str, ...]:
    """The names and patterns that choose none of these repositories."""
    existing = dict.fromkeys(names)
    return tuple(
        text
        for text in texts
        if not (any(fnmatchcase(name, text) for name in existing) if is_pattern(text) else text in existing)
    )


@lru_cache(maxsize=1024)
def _parted(texts: tuple[str, ...]) -> tuple[frozenset[str], tuple[str, ...]]:
    # A grant may name a thousand repositories, and each of these is held against it.
    patterns = tuple(text for text in texts if is_pattern(text))
    return frozenset(texts).difference(patterns), patterns


def select(wanted: Sequence[str], existing: Sequence[str]) -> Selection:
    """The repositories that names and patterns choose, each once.

    existing: the names in the registry, which patterns choose from; a plain name is taken without a look there.
    """
    chosen: dict[str, None] = {}
    unmatched = []
    for text in dict.fromkeys(wanted):
        if is_pattern(text):
            found = [name for name in sorted(existing) if fnmatchcase(name, text)]
            if not found:
                unmatched.append(text)
        else:
            found = [text]
        chosen.update(dict.fromkeys(found))
    return Selection(tuple(chosen), tuple(unmatched))
