# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rows that a task returns of a run, with the policies of those that changed."""

from __future__ import annotations

from typing import Any

from ansible_collections.imageshare.aws.plugins.module_utils._runs.results import WriteRunResult


def rows(result: WriteRunResult) -> list[dict[str, Any]]:
    """Return the rows as a task returns them."""
    returned: list[dict[str, Any]] = result.to_dict(diff=False, include_policy=True)["repositories"]
    return returned


def only(result: WriteRunResult) -> dict[str, Any]:
    """Return the only row."""
    (row,) = rows(result)
    return row
