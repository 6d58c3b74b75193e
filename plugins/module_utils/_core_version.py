# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Which ansible-core the collection needs, and why an older one is refused.

Since 2.19, Ansible evaluates templates that its user has written, and no others. Before, it evaluates whatever looks
like one in what an inventory plugin returns, and in what filters return to a loop, and so in what others have written
into policies and tags.

This file runs on every Python that an older ansible-core runs on.
"""

from __future__ import annotations

LOWEST = (2, 19)
# What a module has that was not started by Ansible, but by somebody who looks for an error.
UNKNOWN = (0, 0)


def refusal(version: str) -> str | None:
    """Return why this version of ansible-core, such as C(2.18.1), is refused, or None if it is not."""
    major, minor = map(int, version.split(".")[:2])
    if (major, minor) >= LOWEST or (major, minor) == UNKNOWN:
        return None
    lowest = ".".join(map(str, LOWEST))
    # The role says the same in tasks/require_core.yml, because none of its filters can be loaded there.
    return (
        f"imageshare.aws needs ansible-core {lowest} or later, and this is {version}. An older one can take what "
        "others have written into a policy or a tag for a template, and run it. Nothing was done. Install a newer one "
        "beside it, in a virtual environment of Python 3.11 or later: python3 -m pip install "
        f"'ansible-core>={lowest}'. Or use an execution environment that has it."
    )
