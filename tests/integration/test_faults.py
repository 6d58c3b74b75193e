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
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._runs.backup_reader import find
from ansible_collections.imageshare.aws.tests.integration.conftest import Run
from ansible_collections.imageshare.aws.tests.integration.statements import BUILDS, TEAM, allow, policy, root
from ansible_collections.imageshare.aws.tests.support.embedded_aws import EmbeddedAws
from ansible_collections.imageshare.aws.tests.support.module_process import REPOSITORIES, Result, run_module

GRANTS = [{"principals": [TEAM]}]
OLD, NEW = policy(BUILDS), policy(BUILDS, allow("pull", root(TEAM)))
# A test should not wait as long as a user.
IMPATIENT = {"aws_config": {"connect_timeout": 2, "read_timeout": 2}}


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
        stored = json.loads(policies.get(name) or "null")
        assert stored in ([NEW] if row["changed"] else [OLD, NEW, None]), name
        assert row["changed"] or row["error"]


# What a second try mends, sooner or later.
MENDED: dict[str, dict[str, Any]] = {
    "one call in ten is throttled": {"throttle": 0.1},
    "three in ten": {"throttle": 0.3},
    "six in ten": {"throttle": 0.6},
    "one in five fails at AWS": {"server_error": 0.2},
    "one in five is answered by a gateway that has no AWS behind it": {"bad_gateway": 0.2},
    "one in five is cut off before AWS gets it": {"drop": 0.2},
    "one in five answers is lost": {"damage": {"lost": 0.2}},
    "one in five is reset half-way": {"damage": {"reset": 0.2}},
    "one in five is cut short": {"damage": {"truncated": 0.2}},
    "one in five is no JSON": {"damage": {"garbled": 0.2}},
    "one in twenty does not come in time": {"damage": {"hang": 0.05}, "hang_seconds": 3},
    "a bit of everything": {
        "throttle": 0.05,
        "server_error": 0.05,
        "bad_gateway": 0.05,
        "drop": 0.05,
        "damage": {"lost": 0.05, "reset": 0.05, "truncated": 0.05, "garbled": 0.05},
    },
    "a principal is known 5 seconds after it was made": {"missing_principals": {TEAM: 5}},
}
mended = pytest.mark.parametrize("faults", MENDED.values(), ids=MENDED.keys())


class TestFaultsThatPass:
    NUMBER = 15

    @mended
    def test_everything_is_shared(self, aws: EmbeddedAws, run: Run, faults: dict[str, Any]) -> None:
        wanted = plant(aws, self.NUMBER)
        aws.settings(seed=1, latency=0.002, **faults)

        result = run(repositories=wanted, grants=GRANTS, **IMPATIENT)

        assert not result.failed
        assert result.values["summary"]["changed"] == self.NUMBER
        assert result.values["summary"]["warnings"] == 0
        assert_true(result, aws.policies())
        if "missing_principals" not in faults:
            assert sum(aws.refused().values()) + sum(aws.damaged().values()) > 0
            assert aws.calls()["SetRepositoryPolicy"] == self.NUMBER, "what is stored already is not sent again"

    @mended
    def test_everything_is_restored(
        self, aws: EmbeddedAws, run: Run, restore: Run, tmp_path: Path, faults: dict[str, Any]
    ) -> None:
        backup = run(repositories=plant(aws, self.NUMBER), grants=GRANTS, backup_dir=str(tmp_path)).values[
            "backup_path"
        ]
        aws.reset_calls()
        aws.settings(seed=2, latency=0.002, **faults)

        result = restore(backup_path=backup, **IMPATIENT)

        assert not result.failed
        assert result.values["summary"]["changed"] == self.NUMBER
        assert {json.dumps(json.loads(text or "null")) for text in aws.policies().values()} == {json.dumps(OLD)}
        assert aws.calls()["SetRepositoryPolicy"] == self.NUMBER

    @pytest.mark.parametrize(
        "faults",
        [
            pytest.param({"throttle": 0.7}, id="most calls are throttled"),
            pytest.param({"server_error": 0.7}, id="most fail at AWS"),
            pytest.param({"drop": 0.7}, id="most are cut off"),
            pytest.param({"damage": {"truncated": 0.7}}, id="most answers are cut short"),
        ],
    )
    def test_everything_is_listed(self, aws: EmbeddedAws, faults: dict[str, Any]) -> None:
        wanted = plant(aws, 3)
        aws.settings(seed=3, **faults)

        result = run_module(aws, module=REPOSITORIES)

        assert not result.failed
        assert [row["repository_name"] for row in result.values["repositories"]] == wanted
        assert sum(aws.refused().values()) + sum(aws.damaged().values()) > 0


class TestFaultsThatStay:
    @pytest.mark.parametrize(
        ("config", "tries"), [({}, 8), ({"retries": {"total_max_attempts": 3}}, 3)], ids=["ours", "botocore"]
    )
    def test_only_one_of_us_tries_again(self, aws: EmbeddedAws, run: Run, config: dict[str, Any], tries: int) -> None:
        aws.settings(drop=1.0)

        assert run(repositories=names(1), grants=GRANTS, aws_config=config).failed
        assert aws.refused() == {"GetRepositoryPolicy": tries, "GetRegistryPolicy": tries}

    @pytest.mark.parametrize("missing", ["fail", "skip"])
    def test_one_that_is_deleted_between_read_and_write_is_missing(
        self, aws: EmbeddedAws, run: Run, missing: str
    ) -> None:
        wanted = plant(aws, 30)
        aws.settings(others=[{"after": "GetRepositoryPolicy", "repository": "app-00[0-4]", "delete": True}])

        result = run(repositories=wanted, grants=GRANTS, on_missing=missing)

        assert result.failed is (missing == "fail")
        assert sorted(aws.policies()) == wanted[5:]
        assert result.values["summary"]["changed"] == 25
        for name in names(5):
            row = result.rows[name]
            assert row.get("missing") or "RepositoryNotFoundException" in row["error"]

    def test_an_answer_that_is_lost_for_good_leaves_a_doubt(self, aws: EmbeddedAws, run: Run) -> None:
        wanted = plant(aws, 30)
        aws.settings(damage={"lost": 1.0})

        result = run(repositories=wanted, grants=GRANTS)

        assert result.values["summary"]["failed"] == 30
        assert_true(result, aws.policies())


class TestOthersWriteToo:
    THEIRS: ClassVar = {"Sid": "Theirs", "Effect": "Deny", "Principal": "*", "Action": "ecr:DeleteRepository"}

    def test_what_they_overwrite_is_merged_again(self, aws: EmbeddedAws, run: Run, tmp_path: Path) -> None:
        wanted = plant(aws, 30)
        theirs = policy(BUILDS, self.THEIRS)
        aws.settings(others=[{"after": "SetRepositoryPolicy", "policy": theirs, "times": 1}])

        result = run(repositories=wanted, grants=GRANTS, backup_dir=str(tmp_path), diff=True)

        assert (result.failed, result.values["summary"]["changed"]) == (False, 30)
        both = policy(BUILDS, self.THEIRS, allow("pull", root(TEAM)))
        assert all(json.loads(text or "") == both for text in aws.policies().values())
        saved = [json.loads(found.backup.policy or "") for found in find(str(tmp_path))]
        assert saved == [theirs] * 30

    def test_what_they_add_after_a_slow_read_stays(self, aws: EmbeddedAws, run: Run, tmp_path: Path) -> None:
        wanted = plant(aws, 3)
        aws.settings(latency=0.6, others=[{"after": "GetRepositoryPolicy", "statement": self.THEIRS, "times": 1}])

        result = run(repositories=wanted, grants=GRANTS, backup_dir=str(tmp_path))

        assert (result.failed, result.values["summary"]["changed"]) == (False, 3)
        both = policy(BUILDS, self.THEIRS, allow("pull", root(TEAM)))
        assert all(json.loads(text or "") == both for text in aws.policies().values())
        saved = [json.loads(found.backup.policy or "") for found in find(str(tmp_path))]
        assert saved == [policy(BUILDS, self.THEIRS)] * 3

    def test_what_they_overwrite_every_time_is_told_as_it_was_written(self, aws: EmbeddedAws, run: Run) -> None:
        wanted = plant(aws, 3)
        aws.settings(others=[{"after": "SetRepositoryPolicy", "policy": OLD, "times": 9, "repository": "app-000"}])

        result = run(repositories=wanted, grants=GRANTS, diff=True)

        assert aws.prompt_calls() == {
            "GetRegistryPolicy": 1,
            "GetRepositoryPolicy": 3 + 2 + 9,
            "SetRepositoryPolicy": 9 + 2,
        }
        assert result.failed
        assert result.values["summary"] | {"warnings": 0} == {
            "repositories": 3,
            "changed": 3,
            "unchanged": 0,
            "missing": 0,
            "failed": 1,
            "warnings": 0,
        }
        overwritten, *others = result.rows.values()
        assert "each of the 9 times" in overwritten["error"]
        assert overwritten["granted"] == others[0]["granted"] != []
        assert len(result.values["diff"]) == 3
        assert result.changed

    def test_what_they_add_afterwards_stays(self, aws: EmbeddedAws, run: Run) -> None:
        wanted = plant(aws, 30)
        aws.settings(others=[{"after": "SetRepositoryPolicy", "statement": self.THEIRS}])

        result = run(repositories=wanted, grants=GRANTS)

        assert not result.failed
        assert aws.prompt_calls() == {"GetRegistryPolicy": 1, "GetRepositoryPolicy": 60, "SetRepositoryPolicy": 30}
        both = policy(BUILDS, allow("pull", root(TEAM)), self.THEIRS)
        assert all(json.loads(text or "") == both for text in aws.policies().values())


@pytest.mark.parametrize(("rate", "number"), [(20, 40), (100, 100)])
def test_at_a_rate_limit_no_call_is_wasted(aws: EmbeddedAws, run: Run, rate: float, number: int) -> None:
    wanted = plant(aws, number)
    aws.settings(rate_limit=rate, latency=0.005)

    result = run(repositories=wanted, grants=GRANTS)

    assert not result.failed
    assert aws.prompt_calls() == {
        "GetRegistryPolicy": 1,
        "GetRepositoryPolicy": 2 * number,
        "SetRepositoryPolicy": number,
    }
    # How much of the limit is used, test_pace.py tells in virtual time.


class TestNobodyAnswers:
    def test_where_nobody_listens_all_say_so_soon(self, aws: EmbeddedAws, run: Run) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]

        result = run(repositories=names(500), grants=GRANTS, environment={"AWS_URL": f"http://127.0.0.1:{port}"})

        assert result.values["summary"]["failed"] == 500
        assert all("Could not connect to the endpoint URL" in row["error"] for row in result.rows.values())
        given_up = [row for row in result.rows.values() if "the run was stopped" in row["error"]]
        assert len(given_up) >= 490

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
        assert any("the run was stopped" in row.get("error", "") for row in result.rows.values())

    def test_where_all_hangs_all_say_so_soon(self, aws: EmbeddedAws, run: Run) -> None:
        wanted = plant(aws, 200)
        aws.settings(damage={"hang": 1.0}, hang_seconds=3)

        result = run(repositories=wanted, grants=GRANTS, **IMPATIENT)

        assert result.values["summary"]["failed"] == 200
        assert all("ReadTimeoutError" in row["error"] for row in result.rows.values())
        assert sum(aws.calls().values()) < 4 * 8, "three tries a worker, and a few more until all have heard"
        assert_true(result, aws.policies())


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
    assert all("Renew the credentials and run again" in error for error in errors)
