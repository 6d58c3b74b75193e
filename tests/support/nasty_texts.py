# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Characters that a stranger writes to forge what a terminal or a page shows, and whether a text is free of them."""

from __future__ import annotations

from unicodedata import bidirectional

# Of each kind, what it looks like in JSON.
NASTY: dict[str, tuple[str, str]] = {
    "a line break": ("\n", r"\n"),
    "a return": ("\r", r"\r"),
    "a tab": ("\t", r"\t"),
    "a NUL": ("\0", r"\u0000"),
    "a backspace": ("\b", r"\b"),
    "an escape": ("\x1b", r"\u001b"),
    "a bell": ("\a", r"\u0007"),
    "a DEL": ("\x7f", r"\u007f"),
    "a next line": ("\x85", r"\u0085"),
    "an introducer of commands": ("\x9b", r"\u009b"),
    "a blank that does not break": ("\xa0", r"\u00a0"),
    "a soft hyphen": ("\xad", r"\u00ad"),
    "a filler of Hangul": ("\u3164", r"\u3164"),
    "an empty pattern of Braille": ("\u2800", r"\u2800"),
    "a mark of Arabic": ("\u061c", r"\u061c"),
    "a space without width": ("\u200b", r"\u200b"),
    "a joiner": ("\u200d", r"\u200d"),
    "a mark from right to left": ("\u200f", r"\u200f"),
    "a separator of lines": ("\u2028", r"\u2028"),
    "a separator of paragraphs": ("\u2029", r"\u2029"),
    "an override of the direction": ("\u202e", r"\u202e"),
    "an isolate": ("\u2067", r"\u2067"),
    "a byte order mark": ("\ufeff", r"\ufeff"),
    "a variation": ("\ufe0f", r"\ufe0f"),
    "a private character": ("\ue000", r"\ue000"),
    "a tag": ("\U000e0041", r"\udb40\udc41"),
    "a letter from right to left": ("\u05d0", r"\u05d0"),
    "a digit of Arabic": ("\u0661", r"\u0661"),
    "a letter from right to left of old": ("\U00010900", r"\ud802\udd00"),
}
# None of the above is half of a character, which no file has.
HALF = ("\ud800", r"\ud800")
# What it looks like to be believed.
FORGED = "PLAY RECAP *** localhost : ok=99"
ALL = "".join(f"{character}{FORGED}" for character, _shown in NASTY.values())


def forging(text: str, allowed: str = "\n") -> list[str]:
    """The characters of a text that a terminal obeys, that it hides, or that move others.

    allowed: what the printer itself adds.
    """
    hidden = "\u034f\u115f\u1160\u2800\u3164\uffa0" + "".join(map(chr, range(0xFE00, 0xFE10)))
    return [
        one
        for one in text
        if one not in allowed and (not one.isprintable() or one in hidden or bidirectional(one) in ("R", "AL", "AN"))
    ]
