# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""What warnings have in common: the statement that each is about, and words for actions and services, however many."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .._errors import PolicyWarning, RepositoryContext
from .._text import word, words
from .request_context import ANY_SERVICE
from .statements import NumberedStatement

# How what NotAction lets in is told.
_ALL_BUT = "all but "


def about(
    numbered: NumberedStatement,
    repository: RepositoryContext,
    kind: str,
    text: str,
    principals: Iterable[str] = (),
    *,
    certain: bool = True,
) -> PolicyWarning:
    """Return a warning about a statement of the policy of a repository."""
    return repository.warning(
        kind, text, certain=certain, policy=numbered.origin.value, sid=numbered.sid, principals=principals
    )


def service_name(name: str) -> str:
    return "any service" if name == ANY_SERVICE.name else word(name)


def some_actions(actions: Sequence[str]) -> str:
    return first_of(list(map(_action, actions)))


def first_of(texts: Sequence[str], most: int = 5) -> str:
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


def _action(text: str) -> str:
    # What NotAction spares follows words of our own.
    spared = text.removeprefix(_ALL_BUT)
    return word(text) if spared == text else _ALL_BUT + words(spared.split(", "))
