# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""What a snapshot has saved, told to a person: how many policies of what, where, and which could not be had."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .._repository_names import REGISTRY_LABEL
from .._text import message
from .kinds import numbers
from .template_rows import template_rows, unread_to_come


def saved_lines(
    registry: str, found: Mapping[str, Any], path: str | None, *, whole: bool, check_mode: bool
) -> Iterator[str]:
    """Yield what was saved of one registry.

    Args:
        registry: What people call it.
        found: What the module that audits has returned.
        path: Where it was saved; None if nothing was.
        whole: Whether the whole registry is meant, and not some repositories.
        check_mode: Whether nothing was to be saved.
    """
    read = [row["name"] for row in (*found.get("repositories", ()), *template_rows(found)) if "error" not in row]
    policy = found.get("registry_policy")
    if whole and policy is not None and policy["read"]:
        read.append(REGISTRY_LABEL)
    where = f"in {path}" if path else "nothing was written"
    verb = "read" if check_mode else "saved"
    yield message(f"{registry}: {len(read)} policies {verb} ({numbers(read)}), {where}")
    for what, why in unread_to_come(found).items() if whole else ():
        yield message(f"! {registry}: the {what} could not be read, so that no run can put that back: {why}")
