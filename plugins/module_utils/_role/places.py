# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Lists of repositories, as short as a person would write them: C(prod/*) where all of these are meant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache

from .._repository_names import is_pattern

# One name says more than a pattern that matches nothing else.
_FEWEST = 2


def compressed(names: Iterable[str], all_names: Iterable[str]) -> tuple[str, ...]:
    """Return names of repositories, and patterns such as C(prod/*) in place of all that they match.

    A pattern stands for two repositories at least, and for none that is not among the names. So the result, as a grant
    or a filter, selects these names and no others. It keeps the order in which the names are given.

    Args:
        names: The repositories to list.
        all_names: Those that there are. A name that is not among them stays as it is.
    """
    wanted = tuple(dict.fromkeys(names))
    existing = frozenset(all_names)
    in_all = _counted(existing)
    in_names = _counted(frozenset(wanted) & existing)
    whole = {folder for folder, number in in_names.items() if number >= _FEWEST and number == in_all[folder]}
    return tuple(
        dict.fromkeys(
            next((f"{folder}*" for folder in _folders(name) if folder in whole), name) if name in existing else name
            for name in wanted
        )
    )


# The names of one registry are asked for with one list after the other.
@lru_cache(maxsize=16)
def _counted(names: frozenset[str]) -> Counter[str]:
    """Return how many names are in each folder."""
    return Counter(folder for name in names for folder in _folders(name))


def _folders(name: str) -> Iterator[str]:
    """Yield what patterns may begin with to match a name, the widest first."""
    parts = name.split("/")
    folders = ("".join(f"{part}/" for part in parts[:depth]) for depth in range(len(parts)))
    # What stands for a registry that could not be listed is no name, and may look like a pattern.
    return (folder for folder in folders if not is_pattern(folder))
