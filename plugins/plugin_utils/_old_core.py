# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Refuses an ansible-core that is too old.

Plugins call it before they import anything else of the collection or of amazon.aws, which may need what an older
ansible-core, or the Python that it runs on, does not have.
"""

from __future__ import annotations

from ansible.errors import AnsibleError
from ansible.release import __version__
from ansible_collections.imageshare.aws.plugins.module_utils._core_version import refusal


def refuse_old_core(version: str = __version__) -> None:
    """Raise AnsibleError with the reason if this ansible-core is refused. A plugin that does so is not loaded."""
    reason = refusal(version)
    if reason is not None:
        raise AnsibleError(reason)
