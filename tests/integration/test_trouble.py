# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes wrong with a repository, with AWS or on the way there: it is told, and the other repositories are done.

Policies that cannot be read or would be too long are in test_hostile.py and test_check_mode.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Thread

import pytest
from ansible_collections.imageshare.aws.tests.integration.conftest import Run
from ansible_collections.imageshare.aws.tests.integration.statements import (
    BUILDS,
    CI,
    DELETED_ROLE,
    PARTNER,
    TEAM,
    allow,
    allow_functions,
    functions,
    policy,
    root,
)
from ansible_collections.imageshare.aws.tests.support.embedded_aws import EmbeddedAws
from ansible_collections.imageshare.aws.tests.support.module_process import Result, run_module
from ansible_collections.imageshare.aws.tests.support.waiting import until

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


class TestPrincipalsThatAwsRefuses:
    def test_a_role_that_was_made_just_now_is_waited_for(self, aws: EmbeddedAws, run: Run) -> None:
        aws.plant_many({NAME: None, "app": None})
        aws.settings(missing_principals={CI: 3}, principal_not_found_message=True)

        result = run(repositories=[NAME, "app"], grants=[{"principals": [CI]}])

        assert (result.failed, result.values["summary"]["changed"]) == (False, 2)

    def test_one_that_was_deleted_is_named_at_once(self, aws: EmbeddedAws, run: Run) -> None:
        foreign = allow_functions(functions(PARTNER)) | {"Principal": {"AWS": DELETED_ROLE}, "Sid": "theirs"}
        before = {"joined": policy(allow("pull", DELETED_ROLE, root(PARTNER))), "foreign": policy(foreign)}
        aws.plant_many(before)

        result = run(repositories=list(before), grants=GRANTS)

        for row in result.rows.values():
            assert DELETED_ROLE in row["error"]
            (warning,) = row["warnings"]
            assert (warning["kind"], warning["principals"]) == ("deleted_principal", [DELETED_ROLE])
        assert "Set purge_deleted_principals, or remove them" in result.rows["joined"]["error"]
        # There, the option would not help.
        assert result.rows["foreign"]["error"].endswith("Remove them from the unmanaged statements by hand.")
        calls = {"GetRegistryPolicy": 1, "GetRepositoryPolicy": 2, "SetRepositoryPolicy": 2}
        assert aws.calls() == calls, "waiting cannot help"
        assert {name: json.loads(text) for name, text in aws.policies().items()} == before


def test_a_write_that_had_to_wait_keeps_what_somebody_else_wrote_meanwhile(aws: EmbeddedAws, run: Run) -> None:
    theirs = policy(BUILDS, {"Sid": "Theirs", "Effect": "Deny", "Principal": "*", "Action": "ecr:DeleteRepository"})
    aws.plant(NAME, policy(BUILDS))
    # They write after the first read, and the first write is refused.
    others = [{"after": "GetRepositoryPolicy", "policy": theirs}]
    aws.settings(missing_principals=[CI], others=others)

    def make_the_role() -> None:
        # A call is counted before it is done: not until the next read has the write been refused.
        until(lambda: aws.calls().get("GetRepositoryPolicy", 0) > 1)
        aws.settings(missing_principals=[], others=[])

    other = Thread(target=make_the_role, daemon=True)
    other.start()

    result = run(repositories=[NAME], grants=[{"principals": [CI]}])
    other.join()

    assert not result.failed
    stored = json.loads(aws.policies()[NAME] or "")
    assert stored["Statement"][:2] == theirs["Statement"]
    assert stored["Statement"][2]["Principal"] == {"AWS": CI}


class TestConnection:
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
