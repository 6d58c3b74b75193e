# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes wrong with a repository, with AWS or on the way there: it is told, and the other repositories are done."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Thread
from typing import Any

import pytest
from ansible_collections.imageshare.aws.tests.integration.conftest import Run
from ansible_collections.imageshare.aws.tests.integration.statements import (
    BUILDS,
    CI,
    DELETED_ROLE,
    PARTNER,
    PLAIN_HTTP_DENIED,
    SCANNERS,
    TEAM,
    allow,
    allow_functions,
    functions,
    policy,
    root,
)
from ansible_collections.imageshare.aws.tests.support.embedded_aws import EmbeddedAws
from ansible_collections.imageshare.aws.tests.support.module_process import Result, run_module

NAME = "base/python"
GRANTS = [{"principals": [TEAM]}]
SHARED = policy(allow("pull", root(TEAM)))
ROLE = f"arn:aws:iam::{PARTNER}:role/never-made"


@pytest.fixture(scope="module", autouse=True)
def run_with_a_role_that_never_exists() -> Iterator[tuple[EmbeddedAws, Future[Result]]]:
    """It takes the whole patience of the module, so it begins before the other tests here, on an AWS of its own."""
    names = ["app", "base/go", "base/python"]
    with EmbeddedAws(missing_principals=[ROLE]) as aws, ThreadPoolExecutor() as executor:
        aws.plant_many(dict.fromkeys(names))
        grants = [{"principals": [TEAM]}, {"principals": [ROLE], "access": ["push"], "repositories": ["base/*"]}]
        yield aws, executor.submit(run_module, aws, repositories=names, grants=grants, concurrency=1)


def test_each_failure_is_told_and_the_others_are_done(aws: EmbeddedAws, run: Run) -> None:
    before = policy(BUILDS)
    aws.plant_many(
        {"app": before, "not-json": "{", "not-readable": before, "not-writable": before, "shared": SHARED, "web": None}
    )
    planted = aws.policies()
    aws.settings(
        deny=[
            {"operation": "GetRepositoryPolicy", "repository": "not-readable"},
            {"operation": "SetRepositoryPolicy", "repository": "not-writable"},
        ]
    )
    names = ["app", "not-json", "not-readable", "not-writable", "not-there", "shared", "web"]

    result = run(repositories=names, grants=GRANTS, diff=True, include_policy=True)

    assert (result.failed, result.changed) == (True, True)
    assert list(result.rows) == names
    errors = {name: row["error"] for name, row in result.rows.items() if "error" in row}
    assert list(errors) == ["not-json", "not-readable", "not-writable", "not-there"]
    assert "not valid JSON" in errors["not-json"]
    assert "Allow the caller ecr:GetRepositoryPolicy" in errors["not-readable"]
    assert "Allow the caller ecr:SetRepositoryPolicy" in errors["not-writable"]
    assert "Check its name, the region and registry_id" in errors["not-there"]
    assert {name: row.get("error_code") for name, row in result.rows.items() if "error" in row} == {
        "not-json": None,
        "not-readable": "AccessDeniedException",
        "not-writable": "AccessDeniedException",
        "not-there": "RepositoryNotFoundException",
    }
    # We name the repository once; what AWS says may name it again.
    assert all(error.startswith(f"{name}: ") and f"of {name}" not in error for name, error in errors.items())
    assert [error for error in errors.values() if error not in result.message] == []
    assert "4 of 7 repositories failed" in result.message
    assert result.values["summary"] == {
        "repositories": 7,
        "changed": 2,
        "unchanged": 1,
        "missing": 0,
        "failed": 4,
        "warnings": 0,
    }
    assert [shown["after_header"] for shown in result.values["diff"]] == ["app", "web"]
    for name in ("app", "web"):
        assert json.loads(aws.policies()[name]) == result.rows[name]["policy"]
    untouched = ("not-json", "not-readable", "not-writable", "shared")
    assert {name: aws.policies()[name] for name in untouched} == {name: planted[name] for name in untouched}


def test_of_many_failures_the_message_tells_the_first_and_the_rows_all(aws: EmbeddedAws, run: Run) -> None:
    names = [f"gone-{number}" for number in range(8)]

    result = run(repositories=names, grants=GRANTS)

    assert [name for name in names if name in result.message] == names[:5]
    assert "and 3 more" in result.message
    assert all("error" in row for row in result.rows.values())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param('{"Version":"2008-10-17","Statement":[', "not valid JSON", id="JSON that breaks off"),
        pytest.param("", "not valid JSON", id="no text"),
        pytest.param('["Statement"]', "not a JSON object", id="a list"),
        pytest.param('{"Version":"2008-10-17"}', "has no Statement", id="no statements"),
        pytest.param('{"Statement":["Allow"]}', "neither an object nor a list of objects", id="a statement of text"),
        pytest.param(
            '{"Version":"2008-10-17","Statement":[{"Effect":"Deny","Action":"ecr:*","Action":"*","Principal":"*"}]}',
            'the key "Action" occurs twice',
            id="a key that occurs twice",
        ),
    ],
)
def test_a_policy_that_cannot_be_kept_is_left_alone(aws: EmbeddedAws, run: Run, text: str, reason: str) -> None:
    aws.plant(NAME, text)

    result = run(repositories=[NAME], grants=GRANTS, purge_grants=True, purge_deleted_principals=True)

    assert result.failed
    assert reason in result.row["error"]
    assert "policy not changed" in result.row["error"]
    assert aws.policies() == {NAME: text}
    assert aws.calls() == {"GetRepositoryPolicy": 1}


def test_nor_is_access_taken_away_from_one_that_cannot_be_kept(aws: EmbeddedAws, run: Run) -> None:
    aws.plant(NAME, "{}")

    assert run(repositories=[NAME], grants=GRANTS, state="absent").failed
    assert aws.policies() == {NAME: "{}"}


class TestLength:
    @staticmethod
    def foreign(excess: int) -> dict[str, Any]:
        """A statement that lets the policy, once shared with the team, exceed the limit by so many characters."""
        whole = policy({**PLAIN_HTTP_DENIED, "Sid": ""}, allow("pull", root(TEAM)))
        length = len(json.dumps(whole, separators=(",", ":")))
        return {**PLAIN_HTTP_DENIED, "Sid": "x" * (10_240 + excess - length)}

    @pytest.mark.parametrize("check", [True, False], ids=["in check mode", "in a run"])
    def test_a_policy_that_would_be_too_long_is_left_alone(self, aws: EmbeddedAws, run: Run, check: bool) -> None:
        before = policy(self.foreign(excess=1))
        aws.plant_many({NAME: before, "app": None})
        planted = aws.policies()

        result = run(repositories=[NAME, "app"], grants=GRANTS, check=check, diff=True)

        error = result.rows[NAME]["error"]
        assert [words for words in ("10,241 characters", "10,240", "organization") if words not in error] == []
        assert (result.failed, result.rows["app"]["changed"]) == (True, True)
        assert [shown["after_header"] for shown in result.values["diff"]] == ["app"]
        assert aws.policies()[NAME] == planted[NAME]
        assert ("SetRepositoryPolicy", NAME) not in aws.journal()

    def test_the_longest_policy_is_stored(self, aws: EmbeddedAws, run: Run) -> None:
        foreign = self.foreign(excess=0)
        aws.plant(NAME, policy(foreign))

        assert run(repositories=[NAME], grants=GRANTS).changed
        assert json.loads(aws.policies()[NAME]) == policy(foreign, allow("pull", root(TEAM)))


class TestPrincipalsThatAwsRefuses:
    def test_a_role_that_was_made_just_now_is_waited_for(self, aws: EmbeddedAws, run: Run) -> None:
        aws.plant_many({NAME: None, "app": None})
        aws.settings(missing_principals={CI: 3}, principal_not_found_message=True)

        result = run(repositories=[NAME, "app"], grants=[{"principals": [CI]}])

        assert (result.failed, result.values["summary"]["changed"]) == (False, 2)

    @pytest.mark.parametrize(
        "managed",
        [
            pytest.param(allow("pull", DELETED_ROLE, root(PARTNER)), id="in a statement that the grant joins"),
            pytest.param(
                allow_functions(functions(PARTNER)) | {"Principal": {"AWS": DELETED_ROLE}, "Sid": "theirs"},
                id="in a foreign statement",
            ),
        ],
    )
    def test_one_that_was_deleted_is_named_at_once(self, aws: EmbeddedAws, run: Run, managed: dict[str, Any]) -> None:
        before = policy(managed)
        aws.plant(NAME, before)

        result = run(repositories=[NAME], grants=GRANTS)

        assert result.failed
        assert DELETED_ROLE in result.row["error"]
        assert "Set purge_deleted_principals" in result.row["error"]
        (warning,) = result.row["warnings"]
        assert (warning["kind"], warning["principals"]) == ("deleted_principal", [DELETED_ROLE])
        assert aws.calls() == {"GetRepositoryPolicy": 1, "SetRepositoryPolicy": 1}, "waiting cannot help"
        assert json.loads(aws.policies()[NAME]) == before

    def test_none_is_suspected_of_those_that_were_there(self, aws: EmbeddedAws, run: Run) -> None:
        aws.plant(NAME, policy(SCANNERS, allow("pull", root(PARTNER), root(TEAM))))
        aws.settings(missing_principals=[SCANNERS["Principal"]["AWS"][1]])

        result = run(repositories=[NAME], grants=GRANTS, state="absent")

        assert result.failed
        assert "None of the principals is new here" in result.row["error"]
        assert aws.calls() == {"GetRepositoryPolicy": 1, "SetRepositoryPolicy": 1}, "waiting cannot help"


def test_a_write_that_had_to_wait_keeps_what_somebody_else_wrote_meanwhile(aws: EmbeddedAws, run: Run) -> None:
    theirs = policy(BUILDS, {"Sid": "Theirs", "Effect": "Deny", "Principal": "*", "Action": "ecr:DeleteRepository"})
    aws.plant(NAME, policy(BUILDS))
    aws.settings(missing_principals=[CI])

    def write_between() -> None:
        while "SetRepositoryPolicy" not in aws.calls():
            pass
        aws.plant(NAME, theirs)
        aws.settings(missing_principals=[])

    other = Thread(target=write_between, daemon=True)
    other.start()

    result = run(repositories=[NAME], grants=[{"principals": [CI]}])
    other.join()

    assert not result.failed
    stored = json.loads(aws.policies()[NAME] or "")
    assert stored["Statement"][:2] == theirs["Statement"]
    assert stored["Statement"][2]["Principal"] == {"AWS": CI}


class TestOnTheWay:
    NAMES = tuple(f"app-{number:02}" for number in range(60))

    @pytest.mark.parametrize(
        "faults",
        [
            pytest.param({"throttle": 0.3}, id="three calls in ten are throttled"),
            pytest.param({"server_error": 0.1, "drop": 0.1}, id="one in ten fails at AWS, and one is dropped"),
            pytest.param({"rate_limit": 60}, id="more than 60 a second are throttled"),
        ],
    )
    def test_calls_that_fail_for_a_while_fail_no_repository(
        self, aws: EmbeddedAws, run: Run, faults: dict[str, float]
    ) -> None:
        aws.plant_many(dict.fromkeys(self.NAMES, policy(BUILDS)))
        aws.settings(seed=7, **faults)

        result = run(repositories=["app-*"], grants=GRANTS)

        assert not result.failed
        assert result.values["summary"]["changed"] == 60
        assert {text and json.loads(text)["Statement"][1]["Sid"] for text in aws.policies().values()} == {"AllowPull"}
        calls, refused = aws.calls(), aws.refused()
        assert (calls["DescribeRepositories"], calls["SetRepositoryPolicy"]) == (1, 60)
        # Before and after each write, and before one is repeated that may have been done.
        assert 120 <= calls["GetRepositoryPolicy"] <= 120 + refused["SetRepositoryPolicy"]
        assert sum(refused.values()) > 10

    @pytest.mark.parametrize(
        ("wanted", "beginning"),
        [
            pytest.param([NAME], "1 of 1 repositories failed", id="a name"),
            pytest.param(["base/*"], "Nothing was done: could not list the repositories", id="a pattern"),
        ],
    )
    def test_without_credentials_it_says_so(
        self, aws: EmbeddedAws, run: Run, wanted: list[str], beginning: str
    ) -> None:
        changes = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}

        result = run(repositories=wanted, grants=GRANTS, environment=changes)

        assert result.failed
        assert result.message.startswith(beginning)
        assert "Unable to locate credentials" in result.message
        assert aws.calls() == {}

    def test_where_nobody_listens_it_says_so_soon(self, aws: EmbeddedAws, run: Run) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]

        result = run(repositories=[NAME], grants=GRANTS, environment={"AWS_URL": f"http://127.0.0.1:{port}"})

        assert result.failed
        assert f'Could not connect to the endpoint URL: "http://127.0.0.1:{port}/"' in result.row["error"]

    def test_without_a_region_it_says_so(self, aws: EmbeddedAws, run: Run) -> None:
        result = run(repositories=[NAME], grants=GRANTS, environment={"AWS_REGION": None, "AWS_DEFAULT_REGION": None})

        assert result.failed
        assert "requires a region" in result.message


# The last one here, so that the wait has gone by.
def test_a_role_that_never_exists_is_suspected(
    run_with_a_role_that_never_exists: tuple[EmbeddedAws, Future[Result]],
) -> None:
    aws, running = run_with_a_role_that_never_exists
    result = running.result()

    assert [name for name, row in result.rows.items() if "error" in row] == ["base/go", "base/python"]
    assert result.rows["app"]["changed"]
    for name in ("base/go", "base/python"):
        error = result.rows[name]["error"]
        assert "InvalidParameterException" in error
        assert f"and that the region is enabled for it: {TEAM}, {ROLE}." in error
    assert result.seconds > 15
    # One write of app, those of base/go for 20 seconds, 2 after each, and one of base/python.
    assert aws.calls()["SetRepositoryPolicy"] <= 1 + 12 + 1, "one wait for all repositories"
