# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""The words that warnings about policies have in common: actions and services, of which there may be many."""

from __future__ import annotations

from collections.abc import Sequence

from .._text import word, words
from .request_context import ANY_SERVICE

# How what NotAction lets in is told.
_ALL_BUT = "all but "


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
