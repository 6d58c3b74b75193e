# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""A whole call has a deadline, from its first look for credentials to the last byte of its answer.

The timeouts of botocore are those of a connection and of each piece of an answer, so an answer that drips is waited for
without end. Therefore each worker has a thread that makes its calls. When the time of a call is over, or a moment after
the run has stopped, the worker gives up both: that thread may live on until the process ends, but it sends nothing from
then on, and the next call gets another.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from queue import SimpleQueue
from typing import Any, Protocol

from .errors import FaultKind, Operation

# In seconds: how long a call may still take once the run has stopped, and how soon it is seen that it has.
STOP_GRACE, POLL_INTERVAL = 2.0, 0.1
# In seconds, for each further try where botocore tries again by itself: its longest pause.
BOTOCORE_PAUSE = 20.0

# Of a worker, its caller; of a thread that makes calls, the try that it is at.
_of_thread = threading.local()


class Send(Protocol):
    """Makes one try of an operation; see `send`."""

    def __call__(
        self,
        operation: Operation,
        client: Any,
        parameters: Mapping[str, Any],
        subject: str = "",
        *,
        is_stopped: Callable[[], bool],
    ) -> Mapping[str, Any]: ...


class GivenUpError(Exception):
    """The call was given up before it was sent."""


class _Try:
    """A try of a call, in a thread of its own."""

    def __init__(self, call: Callable[[], Mapping[str, Any]]) -> None:
        self._call = call
        self.given_up = False
        self._answer: Mapping[str, Any] = {}
        self._error: BaseException | None = None
        # Held until the call is done. It is several times as fast as an event.
        self._running = threading.Lock()
        self._running.acquire()

    def run(self) -> None:
        _of_thread.attempt = self
        try:
            self._answer = self._call()
        except BaseException as error:  # It is raised where somebody waits for it.
            self._error = error
        finally:
            self._running.release()

    def wait(self, seconds: float) -> bool:
        """Wait so long at most, and return whether it is done."""
        return self._running.acquire(timeout=seconds)

    def result(self) -> Mapping[str, Any]:
        """Return the answer, or raise the error, of a call that is done."""
        if self._error is not None:
            raise self._error
        return self._answer


class _Caller:
    """A thread that makes one call after the other, until nobody refers to this object any more."""

    def __init__(self) -> None:
        self._tries: SimpleQueue[_Try | None] = SimpleQueue()
        threading.Thread(target=_make_calls, args=(self._tries,), daemon=True).start()

    def __del__(self) -> None:
        self._tries.put(None)

    def begin(self, attempt: _Try) -> None:
        self._tries.put(attempt)


def _make_calls(tries: SimpleQueue[_Try | None]) -> None:
    while attempt := tries.get():
        attempt.run()
        # The last answer need not live until the next call.
        del attempt


def send(
    operation: Operation,
    client: Any,
    parameters: Mapping[str, Any],
    subject: str = "",
    *,
    is_stopped: Callable[[], bool],
) -> Mapping[str, Any]:
    """Try an operation once, as `Operation.send` does, but no longer than its deadline.

    Raises:
        FaultError: Also where it was given up: AWS may have done it.
        EcrError: AWS refused.
    """
    attempt = _Try(lambda: operation.send(client, parameters, subject))
    caller = getattr(_of_thread, "caller", None) or _Caller()
    _of_thread.caller = caller
    caller.begin(attempt)
    seconds = deadline(client)
    end = time.monotonic() + seconds
    while not attempt.wait(POLL_INTERVAL):
        now = time.monotonic()
        if is_stopped() and end > now + STOP_GRACE:
            end = now + STOP_GRACE
        if now >= end:
            attempt.given_up = True
            del _of_thread.caller
            why = f"the whole answer did not come within {seconds:.0f} seconds"
            if is_stopped():
                why = "it was given up, because the run was stopped"
            raise operation.fault(why, subject, FaultKind.TIMEOUT)
    return attempt.result()


def send_directly(
    operation: Operation,
    client: Any,
    parameters: Mapping[str, Any],
    subject: str = "",
    *,
    is_stopped: Callable[[], bool],
) -> Mapping[str, Any]:
    """Try an operation once, in this thread and without a deadline: for a client that answers at once."""
    return operation.send(client, parameters, subject)


def deadline(client: Any) -> float:
    """Return how many seconds a whole call may take, by the timeouts and the tries that its client is made for."""
    config = client.meta.config
    once = float(config.connect_timeout + config.read_timeout)
    tries = (config.retries or {}).get("total_max_attempts") or 1
    return once * tries + BOTOCORE_PAUSE * (tries - 1)


def watch(client: Any) -> Any:
    """Return a client after seeing to it that what was given up is not sent afterwards."""
    client.meta.events.register("before-send", _refuse_if_given_up)
    return client


def _refuse_if_given_up(**_event: Any) -> None:
    attempt = getattr(_of_thread, "attempt", None)
    if attempt is not None and attempt.given_up:
        raise GivenUpError("the call was given up before it was sent")
