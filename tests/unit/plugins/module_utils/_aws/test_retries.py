# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How often a call is tried, when a run stops, and how long it waits for new principals."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._aws.errors import FaultError, FaultKind
from ansible_collections.imageshare.aws.plugins.module_utils._aws.retries import (
    CircuitBreaker,
    PropagationWait,
    RetryPolicy,
    RunStoppedError,
)
from ansible_collections.imageshare.aws.plugins.module_utils._registry import EcrError
from ansible_collections.imageshare.aws.tests.support.virtual_time import VirtualTime


class Time:
    """A clock in seconds that only sleeping moves, and every sleep."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


# Seconds in all, seconds between two tries, and the sleeps until the patience is at its end.
PATIENCE = {
    "in equal parts": (6.0, 2.0, [2.0, 2.0, 2.0]),
    "with a shorter last part": (5.0, 2.0, [2.0, 2.0, 1.0]),
    "in one part": (1.0, 2.0, [1.0]),
    "not at all": (0.0, 2.0, []),
}


@pytest.mark.parametrize(("seconds", "delay", "slept"), PATIENCE.values(), ids=PATIENCE.keys())
def test_patience_is_used_up(seconds: float, delay: float, slept: list[float]) -> None:
    time = Time()
    patience = PropagationWait(seconds, delay, time.clock, time.sleep)
    assert [patience.wait() for _try in range(len(slept) + 2)] == [*[True] * len(slept), False, False]
    assert time.slept == slept


def test_patience_begins_with_the_first_wait() -> None:
    time = Time()
    patience = PropagationWait(4.0, 2.0, time.clock, time.sleep)
    time.now += 3600
    assert [patience.wait() for _try in range(3)] == [True, True, False]


def test_time_spent_on_other_work_counts() -> None:
    time = Time()
    patience = PropagationWait(10.0, 2.0, time.clock, time.sleep)
    assert patience.wait()
    time.now += 7.5
    assert patience.wait()
    assert not patience.wait()
    assert time.slept == [2.0, 0.5]


def test_workers_who_sleep_at_the_same_time_share_one_budget() -> None:
    time = Time()
    slept: list[float] = []
    patience = PropagationWait(3.0, 2.0, time.clock, slept.append)
    assert [patience.wait() for _worker in range(8)] == [True] * 8
    time.now += 2.0
    assert [patience.wait() for _worker in range(8)] == [True] * 8
    time.now += 1.0
    assert [patience.wait() for _worker in range(8)] == [False] * 8
    assert slept == [2.0] * 8 + [1.0] * 8


def test_without_other_wishes_a_run_waits_for_20_seconds() -> None:
    time = Time()
    patience = PropagationWait(clock=time.clock, sleep=time.sleep)
    while patience.wait():
        pass
    assert sum(time.slept) == 20.0


def fault_of(fault: FaultKind | None) -> EcrError:
    """A call that failed with a fault, or was refused."""
    if fault is None:
        return EcrError("refused", "AccessDeniedException")
    return FaultError(f"because of {fault.name}", None, fault=fault, may_have_been_sent=True)


class Calls:
    """A run whose calls end as they are told to, one after the other, and then well. number: how many were made."""

    def __init__(self, time: VirtualTime, *, retries_enabled: bool = True) -> None:
        breaker = CircuitBreaker(time.clock, time.sleep)
        self.retries = RetryPolicy(retries_enabled=retries_enabled, breaker=breaker)
        self.number = 0

    def run(self, faults: Iterable[FaultKind | None]) -> str:
        left = iter(faults)

        def call() -> str:
            self.number += 1
            for fault in left:
                raise fault_of(fault)
            return "done"

        return self.retries.run(call)


def in_virtual_time(job: Callable[[VirtualTime], None]) -> float:
    """How long a job takes, in virtual seconds."""
    time = VirtualTime()
    time.run(lambda: job(time))
    return time.clock()


# The faults of the only call, and whether it is done in the end.
TRIES = {
    "without a fault": ([], True),
    "throttled 200 times": ([FaultKind.THROTTLED] * 200, True),
    "7 times without a connection": ([FaultKind.TRANSIENT] * 7, True),
    "8 times without a connection": ([FaultKind.TRANSIENT] * 8, False),
    "2 times without an answer": ([FaultKind.TIMEOUT] * 2, True),
    "3 times without an answer": ([FaultKind.TIMEOUT] * 3, False),
    "throttled in between": ([FaultKind.TRANSIENT, FaultKind.THROTTLED] * 7, True),
    "shut out": ([FaultKind.AUTHENTICATION], False),
    "refused": ([None], False),
}


@pytest.mark.parametrize(("faults", "done"), TRIES.values(), ids=TRIES.keys())
def test_a_call_is_tried_as_often_as_it_deserves(faults: list[FaultKind | None], done: bool) -> None:
    def job(time: VirtualTime) -> None:
        calls = Calls(time)
        if done:
            assert calls.run(faults) == "done"
        else:
            with pytest.raises(EcrError):
                calls.run(faults)
        assert calls.number == len(faults) + done

    assert in_virtual_time(job) < 60


@pytest.mark.parametrize("fault", [FaultKind.TRANSIENT, FaultKind.TIMEOUT])
def test_where_somebody_else_tries_again_we_do_not(fault: FaultKind) -> None:
    def job(time: VirtualTime) -> None:
        calls = Calls(time, retries_enabled=False)
        with pytest.raises(FaultError):
            calls.run([fault])
        assert calls.number == 1

    assert in_virtual_time(job) == 0


def test_who_is_shut_out_does_not_ask_again() -> None:
    def job(time: VirtualTime) -> None:
        calls = Calls(time)
        with pytest.raises(FaultError):
            calls.run([FaultKind.AUTHENTICATION])
        for _other in range(3):
            with pytest.raises(RunStoppedError, match="because of AUTHENTICATION"):
                calls.run([])
        assert calls.number == 1

    assert in_virtual_time(job) == 0


@pytest.mark.parametrize(("fault", "tries"), [(FaultKind.TRANSIENT, 8), (FaultKind.TIMEOUT, 3)])
def test_three_calls_in_vain_are_enough(fault: FaultKind, tries: int) -> None:
    def job(time: VirtualTime) -> None:
        calls = Calls(time)
        for _call in range(3):
            with pytest.raises(FaultError):
                calls.run([fault] * tries)
        with pytest.raises(RunStoppedError, match=f"because of {fault.name}"):
            calls.run([])
        assert calls.number == 3 * tries

    in_virtual_time(job)


@pytest.mark.parametrize(
    "sign", [[], [None], [FaultKind.THROTTLED]], ids=["an answer", "a refusal", "a throttled call"]
)
def test_not_if_there_is_a_sign_of_life_in_between(sign: list[FaultKind | None]) -> None:
    def job(time: VirtualTime) -> None:
        calls = Calls(time)
        for _call in range(5):
            with pytest.raises(FaultError):
                calls.run([FaultKind.TRANSIENT] * 8)
            with suppress(EcrError):
                calls.run(sign)
        assert calls.run([]) == "done"

    in_virtual_time(job)


def test_if_nothing_gets_through_for_a_minute_all_give_up() -> None:
    def job(time: VirtualTime) -> None:
        calls = Calls(time)
        with pytest.raises(FaultError) as failed:
            calls.run(iter(lambda: FaultKind.THROTTLED, None))
        assert "let no call through for 60 seconds: because of THROTTLED" in str(failed.value)
        with pytest.raises(RunStoppedError):
            calls.run([])

    assert 60 <= in_virtual_time(job) < 61


def test_whoever_sleeps_wakes_up_when_the_others_give_up() -> None:
    time = VirtualTime()
    breaker = CircuitBreaker(time.clock, time.sleep)

    def sleeper() -> None:
        with pytest.raises(RunStoppedError, match="interrupted"):
            breaker.sleep(3600)

    def other() -> None:
        time.sleep(5)
        breaker.stop("interrupted")
        breaker.stop("too late to be the reason")

    time.run(sleeper, other)

    assert time.clock() == pytest.approx(5, abs=0.2)
