# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run's patience with fresh principals, and the partitions of regions."""

from __future__ import annotations

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._ecr import partition_of_region
from ansible_collections.imageshare.aws.plugins.module_utils._retry import Patience


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
    patience = Patience(seconds, delay, time.clock, time.sleep)
    assert [patience.wait() for _try in range(len(slept) + 2)] == [*[True] * len(slept), False, False]
    assert time.slept == slept


def test_patience_begins_with_the_first_wait() -> None:
    time = Time()
    patience = Patience(4.0, 2.0, time.clock, time.sleep)
    time.now += 3600
    assert [patience.wait() for _try in range(3)] == [True, True, False]


def test_time_spent_on_other_work_counts() -> None:
    time = Time()
    patience = Patience(10.0, 2.0, time.clock, time.sleep)
    assert patience.wait()
    time.now += 7.5
    assert patience.wait()
    assert not patience.wait()
    assert time.slept == [2.0, 0.5]


def test_workers_who_sleep_at_the_same_time_share_one_budget() -> None:
    time = Time()
    slept: list[float] = []
    patience = Patience(3.0, 2.0, time.clock, slept.append)
    assert [patience.wait() for _worker in range(8)] == [True] * 8
    time.now += 2.0
    assert [patience.wait() for _worker in range(8)] == [True] * 8
    time.now += 1.0
    assert [patience.wait() for _worker in range(8)] == [False] * 8
    assert slept == [2.0] * 8 + [1.0] * 8


def test_without_other_wishes_a_run_waits_for_20_seconds() -> None:
    time = Time()
    patience = Patience(clock=time.clock, sleep=time.sleep)
    while patience.wait():
        pass
    assert sum(time.slept) == 20.0


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("us-east-1", "aws"),
        ("eu-west-1", "aws"),
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
        ("us-east-99", None),
        ("US-EAST-1", None),
        ("", None),
    ],
)
def test_the_partition_of_a_region(region: str, partition: str | None) -> None:
    assert partition_of_region(region) == partition
