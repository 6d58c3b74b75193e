# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Values that Ansible hands to a plugin, in Python's own types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def native(value: Any) -> Any:
    """Return the value in dicts and lists of Python's own.

    Those of Ansible render their templates when they are read, and cannot be copied.
    """
    if isinstance(value, Mapping):
        return {native(key): native(member) for key, member in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [native(member) for member in value]
    return value
