# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Properties are tested with few examples, unless pytest's option C(--hypothesis-profile=thorough) comes after this."""

from __future__ import annotations

from ansible_collections.imageshare.aws.tests.support import laws

laws.settings.load_profile(laws.QUICK)
