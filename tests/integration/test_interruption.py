# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that is interrupted amid 500 repositories: no policy is half written, and the next run does the rest."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections import Counter

import pytest
from ansible_collections.imageshare.aws.tests.integration.conftest import Run
from ansible_collections.imageshare.aws.tests.integration.statements import BUILDS, TEAM, allow, policy, root
from ansible_collections.imageshare.aws.tests.support.embedded_aws import EmbeddedAws
from ansible_collections.imageshare.aws.tests.support.module_process import AUDIT, started_module

NAMES = [f"app-{number:03}" for number in range(500)]
GRANTS = [{"principals": [TEAM]}]
OLD, NEW = policy(BUILDS), policy(BUILDS, allow("pull", root(TEAM)))


def begin(aws: EmbeddedAws) -> None:
    aws.plant_many(dict.fromkeys(NAMES, OLD))
    # Slow enough for the signal to arrive amid the run, however busy the machine is.
    aws.settings(latency=0.03)


def wait_for_writes(aws: EmbeddedAws, number: int) -> None:
    while aws.calls().get("SetRepositoryPolicy", 0) < number:
        pass


def rest_of(process: subprocess.Popen[str]) -> str:
    """What it prints until it ends."""
    assert process.stdout
    output = process.stdout.read()
    process.wait(timeout=600)
    return output


def states(aws: EmbeddedAws) -> Counter[str]:
    """How many policies are the old one and the new one. There is no other."""
    stored = [json.loads(text or "null") for text in aws.policies().values()]
    found = Counter("new" if one == NEW else "old" if one == OLD else "another" for one in stored)
    assert found.keys() <= {"old", "new"}
    return found


def assert_next_run_does_the_rest(aws: EmbeddedAws, run: Run) -> None:
    left = states(aws)["old"]
    aws.settings(latency=0)

    result = run(repositories=NAMES, grants=GRANTS)

    assert not result.failed
    assert result.values["summary"]["changed"] == left
    assert states(aws) == {"new": 500}


# Of each: the signals that a run is started to ignore, and the one that ends it.
STARTS: dict[str, tuple[tuple[signal.Signals, ...], signal.Signals]] = {
    "a terminal, in which somebody presses Ctrl-C": ((), signal.SIGINT),
    "a terminal, or a connection, that is closed": ((), signal.SIGHUP),
    "a scheduler, at its end": ((signal.SIGINT,), signal.SIGTERM),
    "nohup in the background": ((signal.SIGINT, signal.SIGHUP), signal.SIGTERM),
}


@pytest.mark.parametrize(("ignored", "number"), STARTS.values(), ids=STARTS.keys())
def test_who_is_interrupted_stops_soon_and_tells_what_was_done_started_from(
    aws: EmbeddedAws, run: Run, ignored: tuple[signal.Signals, ...], number: signal.Signals
) -> None:
    begin(aws)
    with started_module(aws, ignored=ignored, repositories=NAMES, grants=GRANTS) as process:
        wait_for_writes(aws, 100)
        # As whoever ends a job does, to all its processes. What is to be ignored ends nothing.
        for each in (*ignored, number):
            os.killpg(process.pid, each)
        output = rest_of(process)

    assert "Traceback" not in output
    values = json.loads(output)
    assert process.returncode == 1
    rows = {row["name"]: row for row in values["repositories"]}
    assert list(rows) == NAMES
    for name, text in aws.policies().items():
        assert rows[name]["changed"] == (json.loads(text or "") == NEW), name
        assert rows[name]["changed"] or f"interrupted by {number.name}" in rows[name]["error"]
    assert 100 <= values["summary"]["changed"] < 450
    assert values["changed"]
    assert_next_run_does_the_rest(aws, run)


def test_a_run_that_is_started_to_ignore_signals_goes_on(aws: EmbeddedAws) -> None:
    ignored = (signal.SIGINT, signal.SIGHUP)
    begin(aws)
    with started_module(aws, ignored=ignored, repositories=NAMES[:60], grants=GRANTS) as process:
        wait_for_writes(aws, 10)
        for each in ignored:
            os.killpg(process.pid, each)
        output = rest_of(process)

    assert process.returncode == 0
    assert json.loads(output)["summary"]["changed"] == 60


def test_an_audit_that_is_interrupted_tells_what_it_has_read(aws: EmbeddedAws) -> None:
    begin(aws)
    with started_module(aws, module=AUDIT) as process:
        while aws.calls().get("GetRepositoryPolicy", 0) < 50:
            pass
        process.send_signal(signal.SIGINT)
        output = rest_of(process)

    assert "Traceback" not in output
    values = json.loads(output)
    assert process.returncode == 1
    assert [row["name"] for row in values["repositories"]] == NAMES
    read = [row for row in values["repositories"] if "shares" in row]
    assert 50 <= len(read) < 450
    assert all("interrupted by SIGINT" in row["error"] for row in values["repositories"] if "shares" not in row)


def test_who_is_killed_leaves_nothing_half_written(aws: EmbeddedAws, run: Run) -> None:
    begin(aws)
    with started_module(aws, repositories=NAMES, grants=GRANTS) as process:
        wait_for_writes(aws, 100)
        process.send_signal(signal.SIGKILL)
        rest_of(process)
    # What was on its way by then arrives before a call that is made later.
    aws.client().describe_repositories()

    assert 100 <= states(aws)["new"] < 450
    assert_next_run_does_the_rest(aws, run)


def test_a_run_that_waits_for_a_principal_stops_as_soon(aws: EmbeddedAws) -> None:
    aws.plant(NAMES[0], OLD)
    aws.settings(missing_principals=[TEAM])
    with started_module(aws, repositories=NAMES[:1], grants=GRANTS) as process:
        wait_for_writes(aws, 1)
        tried = aws.calls()["SetRepositoryPolicy"]
        process.send_signal(signal.SIGTERM)
        output = rest_of(process)

    assert aws.calls()["SetRepositoryPolicy"] <= tried + 1
    (row,) = json.loads(output)["repositories"]
    assert "interrupted by SIGTERM" in row["error"]
