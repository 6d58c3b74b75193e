# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How fast the workers of a run ask an AWS that throttles them, in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._aws.errors import FaultError, FaultKind
from ansible_collections.imageshare.aws.plugins.module_utils._aws.retries import CircuitBreaker, RetryPolicy
from ansible_collections.imageshare.aws.tests.support.virtual_time import VirtualTime

WORKERS = 8


class Bucket:
    """An AWS that lets so many calls a second through, and that holds those of a tenth of a second, at least one."""

    def __init__(self, time: VirtualTime, rate: float, latency: float) -> None:
        self._time, self._rate, self._latency = time, rate, latency
        self._size = self._tokens = max(1.0, rate / 10)
        self._filled = 0.0
        self.passed = self.refused = 0

    def call(self) -> str:
        self._time.sleep(self._latency)
        now = self._time.clock()
        self._tokens = min(self._size, self._tokens + (now - self._filled) * self._rate)
        self._filled = now
        if self._tokens < 1:
            self.refused += 1
            raise FaultError("throttled", "ThrottlingException", fault=FaultKind.THROTTLED, may_have_been_sent=False)
        self._tokens -= 1
        self.passed += 1
        return "done"


def run(time: VirtualTime, aws: Bucket, repositories: int, waits: list[float]) -> Iterator[Callable[[], None]]:
    """The workers of a run that reads and writes so many repositories. waits: from each read to its write's end."""
    retries = RetryPolicy(breaker=CircuitBreaker(time.clock, time.sleep))
    names = iter(range(repositories))

    def work() -> None:
        for _name in names:
            retries.run(aws.call)
            begin = time.clock()
            retries.run(aws.call, priority=True)
            waits.append(time.clock() - begin)

    return (work for _worker in range(WORKERS))


@pytest.mark.parametrize("latency", [0.001, 0.03])
@pytest.mark.parametrize("rate", [20, 50, 100, 200])
def test_what_aws_allows_is_used(rate: float, latency: float) -> None:
    time, waits = VirtualTime(), list[float]()
    aws = Bucket(time, rate, latency)

    time.run(*run(time, aws, repositories=200, waits=waits))

    assert aws.passed == 400
    assert time.clock() <= 400 / rate / 0.9


@pytest.mark.parametrize("rate", [20, 100])
def test_few_calls_are_throttled_and_a_write_follows_its_read(rate: float) -> None:
    time, waits = VirtualTime(), list[float]()
    aws = Bucket(time, rate, latency=0.03)

    time.run(*run(time, aws, repositories=200, waits=waits))

    assert aws.refused < 100
    assert max(waits) < 1


@pytest.mark.parametrize("rate", [1, 5, 10])
def test_where_aws_allows_next_to_nothing_every_call_gets_its_turn(rate: float) -> None:
    time, waits = VirtualTime(), list[float]()
    aws = Bucket(time, rate, latency=0.03)

    time.run(*run(time, aws, repositories=50, waits=waits))

    assert aws.passed == 100
    assert time.clock() <= 100 / rate / 0.5


def test_two_runs_at_once_both_get_on() -> None:
    time = VirtualTime()
    waits: list[list[float]] = [[], []]
    aws = Bucket(time, rate=20, latency=0.03)

    time.run(*(job for own in waits for job in run(time, aws, repositories=100, waits=own)))

    assert [len(own) for own in waits] == [100, 100]
    assert time.clock() <= 400 / 20 / 0.9


def test_nobody_waits_before_a_call_was_throttled() -> None:
    time, waits = VirtualTime(), list[float]()
    aws = Bucket(time, rate=1e9, latency=0.03)

    time.run(*run(time, aws, repositories=200, waits=waits))

    assert time.clock() == pytest.approx(0.03 * 400 / WORKERS)


def test_when_others_stop_it_speeds_up_again() -> None:
    time, waits = VirtualTime(), list[float]()
    aws = Bucket(time, rate=20, latency=0.001)
    jobs = [*run(time, aws, repositories=1000, waits=waits)]

    def free() -> None:
        time.sleep(10)
        aws._rate, aws._size = 200.0, 20.0

    time.run(*jobs, free)

    # 200 calls in the first 10 seconds; the rest at full speed would take 9.
    assert time.clock() <= 40
