# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults of AWS and of the way there: what was to be done is done, or its repository says why not, and its policy is
the old one or the new one as a whole.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from threading import Thread

import pytest
from ansible_collections.imageshare.aws.tests.integration.conftest import Run
from ansible_collections.imageshare.aws.tests.integration.statements import BUILDS, TEAM, allow, policy, root
from ansible_collections.imageshare.aws.tests.support.embedded_aws import EmbeddedAws
from ansible_collections.imageshare.aws.tests.support.module_process import Result, run_module

GRANTS = [{"principal": TEAM}]
OLD, NEW = policy(BUILDS), policy(BUILDS, allow("pull", root(TEAM)))
# A test should not wait as long as a user.
IMPATIENT = {"aws_config": {"connect_timeout": 1, "read_timeout": 1}}


def names(number: int) -> list[str]:
    return [f"app-{index:03}" for index in range(number)]


def plant(aws: EmbeddedAws, number: int) -> list[str]:
    aws.plant_many(dict.fromkeys(names(number), OLD))
    return names(number)


def assert_true(result: Result, policies: Mapping[str, str | None]) -> None:
    """Every row says what became of its repository."""
    assert "Traceback" not in result.text
    assert "unexpected" not in result.text
    for name, row in result.rows.items():
        stored = json.loads(policies[name] or "null")
        assert stored in ([NEW] if row["changed"] else [OLD, NEW]), name
        assert row["changed"] or row["error"]


@pytest.mark.parametrize(("rate", "number"), [(20, 40), (100, 100)])
def test_at_a_rate_limit_no_call_is_wasted(aws: EmbeddedAws, run: Run, rate: float, number: int) -> None:
    wanted = plant(aws, number)
    aws.settings(rate_limit=rate, latency=0.005)

    result = run(repositories=wanted, grants=GRANTS)

    assert not result.failed
    assert aws.calls() == {"GetRepositoryPolicy": 2 * number, "SetRepositoryPolicy": number}
    # What the calls take at least, and a start that was measured nowhere near 4 seconds.
    assert result.seconds < 3 * number / rate / 0.9 + 4


class TestNobodyAnswers:
    def test_where_nobody_listens_all_say_so_soon(self, aws: EmbeddedAws, run: Run) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]

        result = run(repositories=names(500), grants=GRANTS, environment={"AWS_URL": f"http://127.0.0.1:{port}"})

        assert result.values["summary"]["failed"] == 500
        assert all("Could not connect to the endpoint URL" in row["error"] for row in result.rows.values())
        given_up = [row for row in result.rows.values() if "the run gave up" in row["error"]]
        assert len(given_up) >= 490
        assert result.seconds < 20

    def test_if_it_dies_amid_a_run_what_was_done_is_told(self, run: Run) -> None:
        with EmbeddedAws(latency=0.01) as aws:
            wanted = plant(aws, 200)
            stored = {}

            def die() -> None:
                while aws.calls().get("SetRepositoryPolicy", 0) < 30:
                    pass
                aws.settings(drop=1.0)
                while sum(aws.refused().values()) < 30:
                    pass
                # What was under way has arrived.
                stored.update(aws.policies())
                aws.close()

            death = Thread(target=die)
            death.start()
            result = run_module(aws, repositories=wanted, grants=GRANTS)
            death.join()

        assert_true(result, stored)
        assert 20 < result.values["summary"]["changed"] < 200
        assert result.seconds < 30

    def test_where_all_hangs_all_say_so_soon(self, aws: EmbeddedAws, run: Run) -> None:
        wanted = plant(aws, 200)
        aws.settings(damage={"hang": 1.0}, hang_seconds=2)

        result = run(repositories=wanted, grants=GRANTS, **IMPATIENT)

        assert result.values["summary"]["failed"] == 200
        assert all("ReadTimeoutError" in row["error"] for row in result.rows.values())
        assert sum(aws.calls().values()) < 4 * 8, "three tries a worker, and a few more until all have heard"
        assert_true(result, aws.policies())
        assert result.seconds < 15


@pytest.mark.parametrize("after", [0, 101])
def test_once_the_credentials_have_expired_nobody_asks_again(aws: EmbeddedAws, run: Run, after: int) -> None:
    wanted = plant(aws, 200)
    aws.settings(expire_after=after)

    result = run(repositories=wanted, grants=GRANTS)

    assert_true(result, aws.policies())
    assert sum(aws.calls().values()) == after
    assert sum(aws.refused().values()) <= 8, "one call a worker"
    errors = [row["error"] for row in result.rows.values() if "error" in row]
    assert len(errors) == 200 - result.values["summary"]["changed"]
    assert all("renew the credentials and run again; what was done stays done" in error for error in errors)
