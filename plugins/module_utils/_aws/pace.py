# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""How fast the workers of a run ask AWS together."""

from __future__ import annotations

import threading
from collections.abc import Callable

# In calls a second.
_FIRST, _SLOWEST = 400.0, 5.0
# With these, about one call in eleven is throttled once the pace has settled: 0.95 * 1.005**10 is about 1.
_SLOWER, _FASTER = 0.95, 1.005
# In seconds: so much of a delay is caught up, such as that of a sleeper who is woken late.
_CREDIT = 0.05


class RateLimiter:
    """As fast as the workers can, until AWS throttles a call; from then on, as fast as AWS lets them.

    What AWS allows is not told, and others use it up as well. So each call that is throttled lowers the pace a little,
    and each that is let through raises it by less. A throttled call costs nothing, but a moment in which nobody asks is
    lost: the pace settles slightly above what is allowed.

    clock: seconds since some moment. sleep: for so many seconds. May be used by several threads.
    """

    def __init__(self, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._clock, self._sleep = clock, sleep
        self._lock = threading.Lock()
        self._rate: float | None = None
        self._next = 0.0
        self._going_first = 0

    def turn(self, *, first: bool) -> None:
        """Wait for one's turn to call AWS. first: before all who wait without it."""
        if self._rate is None:
            return
        with self._lock:
            self._going_first += first
        try:
            while wait := self._take_turn(first):
                self._sleep(wait)
        finally:
            with self._lock:
                self._going_first -= first

    def passed(self) -> None:
        """A call was let through."""
        if self._rate is not None:
            with self._lock:
                self._rate *= _FASTER

    def throttled(self) -> None:
        """A call was throttled."""
        with self._lock:
            self._rate = _FIRST if self._rate is None else max(_SLOWEST, self._rate * _SLOWER)

    def _take_turn(self, first: bool) -> float:
        """How long to wait before asking again; 0 for a turn that is taken."""
        with self._lock:
            now, gap = self._clock(), 1 / (self._rate or _FIRST)
            if now < self._next:
                return self._next - now
            if self._going_first and not first:
                return gap
            self._next = max(self._next, now - _CREDIT) + gap
            return 0.0
