# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Threads in a time that passes only while all of them sleep, so that a seed decides how they interleave."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any


class VirtualTime:
    """Only one thread runs at a time, until it sleeps or ends; then the one that is to wake first does.

    A job may leave its sleeping to another thread that it waits for, if only one of them sleeps at a time. Nobody may
    sleep while holding a lock.
    """

    def __init__(self, seed: int = 0) -> None:
        self.dice = Random(seed)
        self._now = 0.0
        self._sleepers: list[tuple[float, float, int, threading.Event]] = []
        self._sleeps = 0

    def clock(self) -> float:
        """In seconds, from 0."""
        return self._now

    def sleep(self, seconds: float) -> None:
        event = self._until(self._now + seconds)
        self._wake_next()
        event.wait()

    def run(self, *jobs: Callable[[], Any]) -> list[Any]:
        """Run jobs at the same time and return what they return, in their order."""

        def begun(event: threading.Event, job: Callable[[], Any]) -> Any:
            event.wait()
            try:
                return job()
            finally:
                self._wake_next()

        with ThreadPoolExecutor(max_workers=len(jobs)) as threads:
            running = [threads.submit(begun, self._until(self._now), job) for job in jobs]
            self._wake_next()
        return [job.result() for job in running]

    def _until(self, moment: float) -> threading.Event:
        event = threading.Event()
        self._sleeps += 1
        # Of those who wake at the same moment, any may be the first.
        heapq.heappush(self._sleepers, (moment, self.dice.random(), self._sleeps, event))
        return event

    def _wake_next(self) -> None:
        if self._sleepers:
            self._now, _order, _number, event = heapq.heappop(self._sleepers)
            event.set()
