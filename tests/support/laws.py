# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""With how many examples a property is tested, a hundred where it says nothing.

C(make test) takes a third of them, and always the same, so that a red check means a change in the code. C(make
test-thorough) takes all of them, and others each time. C(make matrix) takes five in each of its cells: these are about
what differs between versions, and the laws do not.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

SPARSE, QUICK, THOROUGH = "sparse", "quick", "thorough"
settings.register_profile(SPARSE, max_examples=5, deadline=None, derandomize=True)
settings.register_profile(QUICK, max_examples=34, deadline=None, derandomize=True)
settings.register_profile(THOROUGH, deadline=None, print_blob=True)


def laws(examples: int) -> settings:
    """The settings of a property that deserves so many examples."""
    profile = settings.get_current_profile_name()
    thorough = profile == THOROUGH
    return settings(
        max_examples=examples if thorough else 5 if profile == SPARSE else max(20, examples // 3),
        deadline=None,
        derandomize=not thorough,
        suppress_health_check=[HealthCheck.too_slow],
    )
