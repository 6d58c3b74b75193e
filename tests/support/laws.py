# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""With how many examples a property is tested, a hundred where it says nothing.

C(make test) takes a third of them, and always the same, so that a red check means a change in the code. C(make
test-thorough) takes all of them, and others each time.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

QUICK, THOROUGH = "quick", "thorough"
settings.register_profile(QUICK, max_examples=34, deadline=None, derandomize=True)
settings.register_profile(THOROUGH, deadline=None, print_blob=True)


def laws(examples: int) -> settings:
    """The settings of a property that deserves so many examples."""
    thorough = settings.get_current_profile_name() == THOROUGH
    return settings(
        max_examples=examples if thorough else max(20, examples // 3),
        deadline=None,
        derandomize=not thorough,
        suppress_health_check=[HealthCheck.too_slow],
    )
