# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting until something that runs beside a test has come so far."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(reached: Callable[[], bool]) -> None:
    """Ask again and again, for a minute at most."""
    deadline = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.01)
