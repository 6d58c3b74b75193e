# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Properties are tested with few examples, unless pytest's option C(--hypothesis-profile=thorough) comes after this.

Nothing here depends on whether the tests run in a container.
"""

from __future__ import annotations

import os

from ansible_collections.imageshare.aws.plugins.module_utils import _containers
from ansible_collections.imageshare.aws.tests.support import laws

laws.settings.load_profile(laws.QUICK)
os.environ[_containers.ROOT] = "/nonexistent"
