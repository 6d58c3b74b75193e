# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Foreign texts in what is said to a person: shown so that they can forge nothing.

Policies, tags, names and answers are the writing of strangers. A terminal obeys some characters, and others are not
seen or change the order of what stands beside them. So a message shows such characters as JSON escapes, as in \\u001b:

- whatever Python calls not printable, such as controls, line breaks, marks of direction and halves of characters;
- what is printable and not seen, such as a filler;
- letters that are written from right to left, because what stands beside them would move.

The errors and warnings of the collection do that to their whole message, so nobody can forget it. That keeps a text in
its line. Whoever puts a foreign text into a sentence uses `quoted` or `word`, which keep it apart from the sentence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from itertools import accumulate
from unicodedata import bidirectional

# In characters, escapes counted in full. The longest policy fits in, however it is laid out.
MAX_MESSAGE_LENGTH = 25_000
# No name of a repository is longer, and no honest Sid.
MAX_QUOTED_LENGTH = 256
# No ARN of a role or function is longer: to cut it would hide whom it names.
MAX_WORD_LENGTH = 700

# Printable, and yet not seen: https://www.unicode.org/reports/tr44/#Default_Ignorable_Code_Point
_NOT_SEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_RIGHT_TO_LEFT = ("R", "AL", "AN")
# What names and ARNs are made of: no blank, and nothing that quotes.
_WORD = re.compile(r"[A-Za-z0-9_.:/*?@+=,~$#{}\[\]-]*")


def visible(text: str, most: int | None = None) -> str:
    """Return a text with an escape of JSON for each character that is not seen, or that moves others.

    Args:
        text: It is cut before the character that would go beyond the limit, and then ends with C(…).
        most: How many characters to return at most, but for that sign; None for no limit.
    """
    cut = most is not None and len(text) > most
    text = text[:most] if cut else text
    if not (text.isascii() and text.isprintable()):
        shown = [_escape(character) for character in text]
        if most is not None:
            number = sum(length <= most for length in accumulate(map(len, shown)))
            cut, shown = cut or number < len(shown), shown[:number]
        text = "".join(shown)
    return f"{text}…" if cut else text


def printable(text: str) -> str:
    """Return a text as rows have it: only what is not printable is an escape of JSON. Ansible prints rows as they are
    where a task fails. Letters stay as they are, whatever their direction.
    """
    return text if text.isprintable() else "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)


def one_line(text: str) -> str:
    """Return the words of a text that somebody else has laid out, with one blank between them."""
    return " ".join(text.split())


def message(text: str) -> str:
    """Return a whole message, visible and not longer than anybody reads."""
    return visible(text, MAX_MESSAGE_LENGTH)


def quoted(text: str, most: int = MAX_QUOTED_LENGTH) -> str:
    """Return a text in quotation marks that nothing in it can close. Where it is cut, C(…) follows them."""
    escaped = [_escape_quoted(character) for character in text[:most]]
    number = sum(length <= most for length in accumulate(map(len, escaped)))
    return f'"{"".join(escaped[:number])}"{"…" if number < len(text) else ""}'


def word(text: str) -> str:
    """Return a text as it is if it looks like a name, and quoted otherwise."""
    return visible(text, MAX_WORD_LENGTH) if _WORD.fullmatch(text) else quoted(text)


def words(texts: Iterable[str]) -> str:
    """Return texts as an enumeration."""
    return ", ".join(map(word, texts))


def visible_lines(text: str) -> str:
    """Return a text whose lines are ours, each of them visible: JSON stays the same JSON."""
    return text if text.isascii() and "\x7f" not in text else "\n".join(map(visible, text.split("\n")))


def _escape(character: str) -> str:
    if character.isascii() and character.isprintable():
        return character
    seen = character.isprintable() and not _NOT_SEEN.match(character)
    return character if seen and bidirectional(character) not in _RIGHT_TO_LEFT else json.dumps(character)[1:-1]


def _escape_quoted(character: str) -> str:
    return json.dumps(character)[1:-1] if character in '"\\' else _escape(character)
