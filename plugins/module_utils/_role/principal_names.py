# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Names of principals for people: C(checkout-prod) instead of C(111122223333).

* A grant may use them, and whatever is printed shows them beside the ids.
* A name has one meaning in a play. A principal may have several names; what is printed has the first.
* What is itself an id or an ARN is no name, so that nobody can give an account the id of another.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from .._errors import InvalidInputError
from .._iam.principals import EVERYONE, invalid_principal_reason, read_principal
from .._text import quoted, word

# Each group adds names under a variable of its own, as it does with grants.
VARIABLES = re.compile(r"ecr_share_principals(?:_[a-z0-9_]+)?")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._/@+-]{0,62}[A-Za-z0-9])?")


@dataclass(frozen=True)
class PrincipalNames:
    """The names that a play knows.

    Args:
        principals: The principal by its name: an account id, an ARN, an organization or a unit.
    """

    principals: Mapping[str, str] = field(default_factory=dict)

    def principal(self, text: str) -> str:
        """Return the principal of this name, or the text as it is."""
        return self.principals.get(text.strip(), text)

    def by_principal(self) -> dict[str, str]:
        """Return the name of each principal, the first of several."""
        return {principal: name for name, principal in reversed(list(self.principals.items()))}

    def suggestion(self, text: str) -> str:
        """Return what to say of a text that is neither a principal nor a name; empty if there are no names."""
        if not self.principals:
            return ""
        nearest = get_close_matches(text, self.principals, n=1)
        meant = f"; did you mean {word(nearest[0])}?" if nearest else ""
        return f". It is not a name in ecr_share_principals either{meant}"


def labelled(principal: str, names: Mapping[str, str]) -> str:
    """Return what messages call a principal: its name, if it has one, and itself.

    Args:
        names: The name of each principal that has one.
    """
    name = names.get(principal)
    shown = "everyone" if principal == EVERYONE.name else word(principal)
    return shown if name is None else f"{word(name)} {shown}"


def read_names(variables: Mapping[str, Any]) -> PrincipalNames:
    """Return the names that the variables of a host define.

    Raises:
        InvalidInputError: With every problem; each begins with the variable that is wrong.
    """
    found: dict[str, str] = {}
    holders: dict[str, str] = {}
    problems: list[str] = []
    for variable in sorted(filter(VARIABLES.fullmatch, variables)):
        value = variables[variable]
        if not isinstance(value, Mapping):
            problems.append(f"{variable} is not a mapping of names to principals")
            continue
        for name, text in value.items():
            principal, why = _read(name, text)
            if principal is None:
                problems.append(f"{variable}: {word(str(name))}: {why}")
            elif found.setdefault(name, principal) != principal:
                problems.append(
                    f"{variable}: {word(name)} is {word(principal)}, and {holders[name]} says {word(found[name])}: "
                    "a name has one meaning"
                )
            else:
                holders.setdefault(name, variable)
    if problems:
        raise InvalidInputError(problems)
    return PrincipalNames(found)


def united_names(all_names: Iterable[PrincipalNames]) -> dict[str, str]:
    """Return the name of each principal that any of these has a name for, the first that is found."""
    found: dict[str, str] = {}
    for names in all_names:
        for principal, name in names.by_principal().items():
            found.setdefault(principal, name)
    return found


def _read(name: Any, text: Any) -> tuple[str | None, str]:
    """Return the principal of a name, or None and what is wrong."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return (
            None,
            "a name has up to 64 letters, digits, blanks and . _ - / @ +, and a letter or digit at both ends",
        )
    if read_principal(name, None) is not None:
        return None, "this is a principal itself and not a name for one"
    value = "" if text is None or isinstance(text, bool) else str(text).strip()
    principal = read_principal(value, None)
    if principal is None:
        if not value:
            return None, f"{quoted(str(text))} is not a principal"
        return None, invalid_principal_reason(value, None)
    return principal.name, ""
