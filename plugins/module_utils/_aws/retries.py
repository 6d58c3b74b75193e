# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""When a call is tried again, how long a run waits for what, and when all of its workers give up together."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from enum import Enum, auto
from typing import TypeVar

from .pace import RateLimiter

Answer = TypeVar("Answer")


class Fault(Enum):
    """Why a call failed, where that says something about other calls."""

    # It has done nothing and costs nothing, so it is tried until its turn comes.
    THROTTLED = auto()
    # What a second try may mend.
    FLEETING = auto()
    # The same, but each try takes as long as the client waits for an answer.
    SILENT = auto()
    # No other call will be let in either.
    SHUT_OUT = auto()


_TRIES = {Fault.FLEETING: 8, Fault.SILENT: 3}
_DELAY, _BACKOFF, _LONGEST_DELAY = 0.2, 1.5, 4.0
# Calls in a row that ran out of tries, while AWS answered no other.
_IN_VAIN = 3
# In seconds: as long as AWS lets no call of a run through.
_HOPE = 60.0
# IAM is eventually consistent: a principal made seconds ago may still be unknown to ECR.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
_PATIENCE = 20.0
# How long it takes a sleeper to see that the run has given up.
_NAP = 0.2


class GivenUpError(Exception):
    """The run has given up, so the call was not tried, or not again. The message says why."""


class Breaker:
    """What the workers of a run know together: whether there is any use in asking AWS, and if not, why.

    clock: seconds since some moment. sleep: for so many seconds.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.clock, self._sleep = clock, sleep
        self._lock = threading.Lock()
        self._in_vain = 0
        self._let_through: float | None = None
        self._reason: str | None = None

    def give_up(self, reason: str) -> None:
        """Let every call from now on fail at once, for the first reason that was given."""
        self._reason = self._reason or reason

    def check(self) -> None:
        """Raises GivenUpError."""
        if self._reason is not None:
            raise GivenUpError(self._reason)

    def sleep(self, seconds: float) -> None:
        """Raises GivenUpError as soon as the run gives up."""
        end = self.clock() + seconds
        self.check()
        while (left := end - self.clock()) > 0:
            self._sleep(min(left, _NAP))
            self.check()

    def answered(self) -> None:
        """AWS has let a call through, whatever it said."""
        self._in_vain, self._let_through = 0, self.clock()

    def failed(self, reason: str) -> None:
        """A call ran out of tries, because AWS cannot be reached or is out of order."""
        with self._lock:
            self._in_vain += 1
            if self._in_vain >= _IN_VAIN:
                self.give_up(reason)

    def throttled(self, reason: str) -> None:
        """AWS has throttled a call."""
        now = self.clock()
        with self._lock:
            self._in_vain = 0
            self._let_through = now if self._let_through is None else self._let_through
            if now - self._let_through > _HOPE:
                self.give_up(reason)


class PropagationWait:
    """One wait for all workers of a run: as long in all as one fresh principal needs to become known."""

    def __init__(
        self,
        seconds: float = _PATIENCE,
        delay: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._seconds, self._delay, self._clock, self._sleep = seconds, delay, clock, sleep
        self._lock = threading.Lock()
        self._deadline: float | None = None

    def wait(self) -> bool:
        """Sleep a little; False, at once, when the time is used up."""
        with self._lock:
            now = self._clock()
            self._deadline = now + self._seconds if self._deadline is None else self._deadline
            left = self._deadline - now
        if left <= 0:
            return False
        self._sleep(min(self._delay, left))
        return True


class RetryPolicy:
    """How all workers of a run persist: with one breaker, at one pace, and with one patience.

    alone: whether nobody beneath tries a call again that failed on the way to AWS or back.
    """

    def __init__(self, *, alone: bool = True, breaker: Breaker | None = None) -> None:
        self.breaker = breaker or Breaker()
        self.pace = RateLimiter(self.breaker.clock, self.breaker.sleep)
        self.patience = PropagationWait(clock=self.breaker.clock, sleep=self.breaker.sleep)
        self._tries = _TRIES if alone else dict.fromkeys(_TRIES, 1)

    def ask(
        self,
        call: Callable[[], Answer],
        errors: tuple[type[Exception], ...],
        fault_of: Callable[[Exception], Fault | None],
        explain: Callable[[Exception], str],
        *,
        first: bool,
    ) -> Answer:
        """What a call returns, tried as often as its faults deserve.

        errors: those of the call that have a fault; all others pass through. fault_of: None for one that trying again
        cannot mend. explain: an error as the reason why all workers give up. first: whether the call may not wait for
        others.

        Raises the last error of the call, with a GivenUpError as its cause if it would have been tried again;
        GivenUpError if it was not tried at all.
        """
        tries: Counter[Fault | None] = Counter()
        self._wait(0.0, first)
        while True:
            try:
                answer = call()
            except errors as error:
                fault = fault_of(error)
                tries[fault] += 1
                if not self._is_worth_another(fault, tries[fault], explain(error)):
                    raise
                try:
                    # The pace is what a throttled call waits for.
                    self._wait(0.0 if fault is Fault.THROTTLED else _pause(tries[fault]), first)
                except GivenUpError as given_up:
                    raise error from given_up
            else:
                self._got_through()
                return answer

    def _wait(self, pause: float, first: bool) -> None:
        self.breaker.sleep(pause)
        self.pace.turn(first=first)

    def _is_worth_another(self, fault: Fault | None, tries: int, reason: str) -> bool:
        if fault is Fault.THROTTLED:
            self.pace.throttled()
            self.breaker.throttled(f"AWS has let no call through for {_HOPE:.0f} seconds: {reason}")
            return True
        if fault is Fault.SHUT_OUT:
            self.breaker.give_up(reason)
            return False
        if fault is None:
            self._got_through()
            return False
        if tries < self._tries[fault]:
            return True
        self.breaker.failed(reason)
        return False

    def _got_through(self) -> None:
        self.breaker.answered()
        self.pace.passed()


def _pause(tries: int) -> float:
    return random.uniform(0, min(_DELAY * _BACKOFF ** (tries - 1), _LONGEST_DELAY))
