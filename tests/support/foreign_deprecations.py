# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What others have deprecated and use: amazon.aws 10.3 imports names that ansible-core 2.20 takes away in 2.24.

A run tells it whatever it is about, so it is left out of what tests look at. Every other deprecation is seen.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_OF_OTHERS = re.compile(r"Importing '\w+' from 'ansible\.module_utils\._text' is deprecated\.")
_DEPRECATION = "[DEPRECATION WARNING]: "
# Ansible says it once, ahead of the first one.
_INTRODUCTION = (
    "[WARNING]: Deprecation warnings can be disabled by setting `deprecation_warnings=False` in ansible.cfg."
)


def lines_without(text: str) -> str:
    """What Ansible has printed, without them."""
    lines = text.splitlines(keepends=True)
    kept = [line for line in lines if not (line.startswith(_DEPRECATION) and _OF_OTHERS.search(line))]
    if len(kept) == len(lines) or any(line.startswith(_DEPRECATION) for line in kept):
        return "".join(kept)
    return "".join(line for line in kept if not line.startswith(_INTRODUCTION))


def values_without(values: Mapping[str, Any]) -> dict[str, Any]:
    """What a module has returned, without them."""
    kept = [one for one in values.get("deprecations", ()) if not _OF_OTHERS.search(str(one))]
    others = {name: value for name, value in values.items() if name != "deprecations"}
    return {**others, "deprecations": kept} if kept else others
