# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Which repositories an inventory lists: by name and by tag."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._errors import InvalidInputError
from .._repository_names import matches, problem_with, unmatched
from .._text import word


@dataclass(frozen=True)
class Filter:
    """Which repositories are listed.

    Args:
        names: Names and patterns, of which one must match.
        tags: Keys that must all be there, each with one of the values, or with any where that is None.
    """

    names: tuple[str, ...]
    tags: Mapping[str, tuple[str, ...] | None]

    def matches(self, name: str, tags: Mapping[str, str]) -> bool:
        """Return whether a repository is listed. Keys and values of tags are compared to the letter."""
        return matches(self.names, name) and all(
            key in tags and (values is None or tags[key] in values) for key, values in self.tags.items()
        )

    def unmatched(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return the names and patterns that match none of these repositories."""
        return unmatched(self.names, names)


def read_filter(names: Sequence[Any], tags: Mapping[Any, Any]) -> Filter:
    """Return the filter that the options O(repositories) and O(tags) ask for.

    Raises:
        InvalidInputError: With every problem.
    """
    problems = [*_problems_with_names(names), *_problems_with_tags(tags)]
    if problems:
        raise InvalidInputError(problems)
    return Filter(tuple(names), {key: None if value is None else tuple(_listed(value)) for key, value in tags.items()})


def _problems_with_names(names: Sequence[Any]) -> Iterator[str]:
    if not names:
        yield "repositories is empty: leave it out to list all, or name at least one repository or pattern"
    for text in names:
        problem = problem_with(text)
        if problem:
            yield f"repositories: {problem}"


def _problems_with_tags(tags: Mapping[Any, Any]) -> Iterator[str]:
    for key, value in tags.items():
        if not isinstance(key, str):
            yield f'tags: the key {key!r} is not a string; quote it, as in "{key}"'
        if value is None:
            continue
        if not _listed(value):
            yield f"tags[{word(str(key))}] is empty: give at least one value, or null for any value"
        for one in _listed(value):
            if not isinstance(one, str):
                yield (
                    f"tags[{word(str(key))}]: {one!r} is not a string; quote values, as YAML reads some as numbers or "
                    "booleans"
                )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
