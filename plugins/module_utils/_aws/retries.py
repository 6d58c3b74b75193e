# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""When a call is tried again, how fast all workers of a run call AWS together, and when they all stop.

Rules
-----
- A throttled call has done nothing. It waits for its turn and is tried again, however often, unless AWS lets no call of
  the run through for `THROTTLE_TIMEOUT` seconds: then the run stops.
- A call that failed at AWS or on the way is tried 8 times, with short random pauses; 3 times if each try takes as long
  as the client waits for an answer. If botocore tries again by itself, it is tried once.
- `MAX_CONSECUTIVE_FAILURES` calls in a row that run out of tries, while AWS answers no other, stop the run: it cannot
  be reached. Any answer, even a refusal, begins the count anew.
- Credentials that AWS does not accept stop the run at once.
- When the run has stopped, every call fails at once with the reason, and whoever sleeps wakes up.
- Nobody waits before the first call is throttled. From then on all workers keep to one rate, which settles slightly
  above what AWS allows. A call with priority goes before all others: whoever has read a policy is to write it soon.
- A principal that was created a moment ago may be unknown to ECR. All workers of a run wait for it together, as long
  in all as for one.

Whether a write that is repeated has been stored already is not decided here, but by the one who writes.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import TypeVar

from .._registry import EcrError
from .errors import FaultError, FaultKind

Answer = TypeVar("Answer")

MAX_TRIES = {FaultKind.TRANSIENT: 8, FaultKind.TIMEOUT: 3}
# In seconds: the longest pause before the second try, by how much it grows with each, and its limit.
FIRST_PAUSE, BACKOFF, LONGEST_PAUSE = 0.2, 1.5, 4.0
MAX_CONSECUTIVE_FAILURES = 3
# In seconds.
THROTTLE_TIMEOUT = 60.0
# In seconds. IAM is eventually consistent:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
PROPAGATION_TIMEOUT, PROPAGATION_INTERVAL = 20.0, 2.0
# In seconds: how long it takes a sleeper to see that the run has stopped.
POLL_INTERVAL = 0.2
# In calls a second: after the first throttled call, and at least.
FIRST_RATE, LOWEST_RATE = 400.0, 5.0
# With these, about one call in eleven is throttled once the rate has settled: 0.95 * 1.005**10 is about 1.
SLOWER, FASTER = 0.95, 1.005
# In seconds: so much of a delay is caught up, such as that of a sleeper who is woken late.
RATE_CREDIT = 0.05


class RunStoppedError(EcrError):
    """The run has stopped, so the call was not tried, or not again.

    Args:
        reason: Why the run has stopped.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"not attempted, because the run was stopped: {reason}")
        self.reason = reason


class CircuitBreaker:
    """What the workers of a run know together: whether AWS can be called, and if not, why.

    Args:
        clock: Returns the seconds since some moment.
        sleep: Sleeps for so many seconds.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.clock, self._sleep = clock, sleep
        self._lock = threading.Lock()
        self._failures = 0
        self._last_answer: float | None = None
        self._reason: str | None = None

    def stop(self, reason: str) -> None:
        """Let every call from now on fail at once, for the first reason that was given."""
        self._reason = self._reason or reason

    def is_stopped(self) -> bool:
        """Return whether the run has stopped."""
        return self._reason is not None

    def check(self) -> None:
        """Raise RunStoppedError if the run has stopped."""
        if self._reason is not None:
            raise RunStoppedError(self._reason)

    def sleep(self, seconds: float) -> None:
        """Sleep. Raises RunStoppedError as soon as the run stops."""
        end = self.clock() + seconds
        self.check()
        while (left := end - self.clock()) > 0:
            self._sleep(min(left, POLL_INTERVAL))
            self.check()

    def answered(self) -> None:
        """Note that AWS has answered a call, whatever it said."""
        self._failures, self._last_answer = 0, self.clock()

    def failed(self, reason: str) -> None:
        """Note that a call ran out of tries, because AWS cannot be reached or is out of order."""
        with self._lock:
            self._failures += 1
            if self._failures >= MAX_CONSECUTIVE_FAILURES:
                self.stop(reason)

    def throttled(self, reason: str) -> None:
        """Note that AWS has throttled a call."""
        now = self.clock()
        with self._lock:
            self._failures = 0
            self._last_answer = now if self._last_answer is None else self._last_answer
            if now - self._last_answer > THROTTLE_TIMEOUT:
                self.stop(f"AWS has let no call through for {THROTTLE_TIMEOUT:.0f} seconds: {reason}")


class RateLimiter:
    """As fast as the workers can, until AWS throttles a call; from then on, as fast as AWS lets them.

    AWS does not say what it allows, and others use it up as well. So each throttled call lowers the rate a little, and
    each other raises it by less. A throttled call costs nothing, but a moment in which nobody calls is lost: the rate
    settles slightly above what is allowed. May be used by several threads.

    Args:
        clock: Returns the seconds since some moment.
        sleep: Sleeps for so many seconds.
    """

    def __init__(self, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._clock, self._sleep = clock, sleep
        self._lock = threading.Lock()
        self._rate: float | None = None
        self._next = 0.0
        self._waiting_with_priority = 0

    def acquire(self, *, priority: bool) -> None:
        """Wait for one's turn to call AWS.

        Args:
            priority: Whether it comes before that of all who wait without priority.
        """
        if self._rate is None:
            return
        with self._lock:
            self._waiting_with_priority += priority
        try:
            while wait := self._try_to_acquire(priority):
                self._sleep(wait)
        finally:
            with self._lock:
                self._waiting_with_priority -= priority

    def succeeded(self) -> None:
        """Note that a call was not throttled."""
        if self._rate is not None:
            with self._lock:
                self._rate *= FASTER

    def throttled(self) -> None:
        """Note that a call was throttled."""
        with self._lock:
            self._rate = FIRST_RATE if self._rate is None else max(LOWEST_RATE, self._rate * SLOWER)

    def _try_to_acquire(self, priority: bool) -> float:
        """Return how long to wait before the next attempt; 0 for a turn that is taken."""
        with self._lock:
            now, gap = self._clock(), 1 / (self._rate or FIRST_RATE)
            if now < self._next:
                return self._next - now
            if self._waiting_with_priority and not priority:
                return gap
            self._next = max(self._next, now - RATE_CREDIT) + gap
            return 0.0


class PropagationWait:
    """One wait for all workers of a run: as long in all as one new principal needs to become known.

    Args:
        seconds: How long.
        interval: How long one sleep is at most.
        clock: Returns the seconds since some moment.
        sleep: Sleeps for so many seconds.
    """

    def __init__(
        self,
        seconds: float = PROPAGATION_TIMEOUT,
        interval: float = PROPAGATION_INTERVAL,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._seconds, self._interval, self._clock, self._sleep = seconds, interval, clock, sleep
        self._lock = threading.Lock()
        self._deadline: float | None = None

    def wait(self) -> bool:
        """Sleep a little; return False, at once, when the time is used up."""
        with self._lock:
            now = self._clock()
            self._deadline = now + self._seconds if self._deadline is None else self._deadline
            left = self._deadline - now
        if left <= 0:
            return False
        self._sleep(min(self._interval, left))
        return True


class RetryPolicy:
    """How all workers of a run call AWS: with one circuit breaker, at one rate, and with one wait for new principals.

    Args:
        retries_enabled: Whether calls are tried again; False where botocore does that by itself. Throttled calls are
            tried again all the same.
        breaker: That of the run.
    """

    def __init__(self, *, retries_enabled: bool = True, breaker: CircuitBreaker | None = None) -> None:
        self.breaker = breaker or CircuitBreaker()
        self.limiter = RateLimiter(self.breaker.clock, self.breaker.sleep)
        self.propagation = PropagationWait(clock=self.breaker.clock, sleep=self.breaker.sleep)
        self.max_tries = MAX_TRIES if retries_enabled else dict.fromkeys(MAX_TRIES, 1)

    def run(self, call: Callable[[], Answer], *, priority: bool = False) -> Answer:
        """Try a call as often as its faults deserve, and return its answer.

        Raises:
            FaultError: The last fault of the call.
            RunStoppedError: It was not tried at all.
            EcrError: AWS refused.
        """
        tries = Tries(self, priority=priority)
        while True:
            tries.wait()
            with tries:
                return call()


class Tries:
    """The tries of one call: wait for one's turn, then make the call in a `with` block, and all that again.

    The block swallows a fault that deserves another try, and lets every other exception through.

    Args:
        policy: That of the run.
        priority: Whether the call goes before those of other workers.
    """

    def __init__(self, policy: RetryPolicy, *, priority: bool = False) -> None:
        self._policy, self._priority = policy, priority
        self._number: Counter[FaultKind] = Counter()
        self._fault: FaultError | None = None

    def wait(self) -> None:
        """Wait for the turn of the next try. Raises RunStoppedError, or the last fault if there was one."""
        try:
            self._policy.breaker.sleep(self._pause())
            self._policy.limiter.acquire(priority=self._priority)
        except RunStoppedError as stopped:
            if self._fault is None:
                raise
            raise _not_tried_again(self._fault, stopped.reason) from self._fault

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, _type: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> bool:
        if isinstance(error, FaultError):
            self._fault = error
            self._number[error.fault] += 1
            return self._deserves_another_try(error)
        if error is None or isinstance(error, EcrError):
            self._policy.breaker.answered()
            self._policy.limiter.succeeded()
        return False

    def _pause(self) -> float:
        # A throttled call waits for its turn, and for nothing else.
        if self._fault is None or self._fault.fault is FaultKind.THROTTLED:
            return 0.0
        return random.uniform(0, min(FIRST_PAUSE * BACKOFF ** (self._number[self._fault.fault] - 1), LONGEST_PAUSE))

    def _deserves_another_try(self, error: FaultError) -> bool:
        breaker, reason = self._policy.breaker, str(error)
        if error.fault is FaultKind.THROTTLED:
            self._policy.limiter.throttled()
            breaker.throttled(reason)
            return True
        if error.fault is FaultKind.AUTHENTICATION:
            breaker.stop(reason)
            return False
        if self._number[error.fault] < self._policy.max_tries[error.fault]:
            return True
        breaker.failed(reason)
        return False


def _not_tried_again(fault: FaultError, reason: str) -> FaultError:
    text = f"{str(fault).rstrip('.')}. Not tried again, because the run was stopped: {reason}"
    return FaultError(text, fault.code, fault=fault.fault, may_have_been_sent=fault.may_have_been_sent)
