# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Warnings: each in the row of its repository, and each kind once from the task, with a count."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.imageshare.aws.tests.integration.conftest import Run
from ansible_collections.imageshare.aws.tests.integration.statements import (
    CI,
    DELETED_ROLE,
    ORGANIZATION,
    OTHER_NETWORKS_DENIED,
    PARTNER,
    PLAIN_HTTP_DENIED,
    SCANNERS,
    STRANGER,
    TEAM,
    Statement,
    allow,
    allow_functions,
    functions,
    policy,
    root,
)
from ansible_collections.imageshare.aws.tests.support.embedded_aws import ACCOUNT, REGION, EmbeddedAws

TEAM_DENIED = {"Sid": "no more", "Effect": "Deny", "Principal": {"AWS": root(TEAM)}, "Action": "ecr:BatchGet*"}
EVERYBODY = {"Effect": "Allow", "Principal": "*", "Action": ["ecr:BatchGetImage", "ecr:PutImage"]}


@pytest.mark.parametrize(
    ("before", "grant", "state", "expected"),
    [
        pytest.param(
            [EVERYBODY],
            {"principals": [TEAM]},
            "present",
            {"kind": "public", "sid": None, "principals": ["*"]},
            id="a statement opens the repository to everyone",
        ),
        pytest.param(
            [allow_functions("arn:aws:lambda:*:*:function:*", Sid="all functions")],
            {"principals": [TEAM]},
            "present",
            {"kind": "public", "sid": "all functions", "principals": ["arn:aws:lambda:*:*:function:*"]},
            id="functions of any account may pull",
        ),
        pytest.param(
            [TEAM_DENIED],
            {"principals": [TEAM]},
            "present",
            {"kind": "explicit_deny", "sid": "no more", "principals": [TEAM]},
            id="a denial of what is granted",
        ),
        pytest.param(
            [OTHER_NETWORKS_DENIED],
            {"principals": [ORGANIZATION]},
            "present",
            {"kind": "explicit_deny", "sid": "our network", "principals": [ORGANIZATION]},
            id="a denial under a condition",
        ),
        pytest.param(
            [],
            {"principals": [TEAM], "lambda_regions": ["eu-west-1"]},
            "present",
            {"kind": "lambda_region_not_covered", "sid": None, "principals": [TEAM]},
            id="regions without the one of the repository",
        ),
        pytest.param(
            [{**allow("pull_push", root(TEAM)), "Action": "ecr:*"}],
            {"principals": [TEAM]},
            "present",
            {"kind": "excess_access", "sid": "AllowPullAndPush", "principals": [TEAM]},
            id="a foreign statement gives more than is declared",
        ),
        pytest.param(
            [{**allow("pull", CI), "Action": "ecr:BatchGetImage"}],
            {"principals": [CI]},
            "absent",
            {"kind": "excess_access", "sid": "AllowPull", "principals": [CI]},
            id="a foreign statement still gives what is taken away",
        ),
    ],
)
def test_the_row_holds_the_warning_and_the_task_tells_it(
    aws: EmbeddedAws, run: Run, before: list[Statement], grant: dict[str, Any], state: str, expected: dict[str, Any]
) -> None:
    aws.plant("app", policy(*before) if before else None)

    result = run(repositories=["app"], grants=[grant], state=state)

    (warning,) = result.row["warnings"]
    assert {name: warning[name] for name in expected} == expected
    assert warning["message"].startswith("app")
    (told,) = result.warnings
    assert told.startswith("1 of 1 repositories ")
    assert told.endswith(warning["message"])
    assert not result.failed


def test_a_denial_of_plain_http_is_not_warned_about(aws: EmbeddedAws, run: Run) -> None:
    aws.plant("app", policy(PLAIN_HTTP_DENIED))

    assert run(repositories=["app"], grants=[{"principals": [TEAM], "lambda_regions": ["*"]}]).warnings == []


def test_whom_a_purge_leaves_in_is_warned_about_and_whom_it_spares_is_not(aws: EmbeddedAws, run: Run) -> None:
    strange = functions(STRANGER, name="resize")
    aws.plant("app", policy(SCANNERS, allow_functions(functions(ACCOUNT), strange), allow("pull", CI, root(ACCOUNT))))
    task = {"repositories": ["app"], "grants": [{"principals": [TEAM]}]}

    assert run(**task).warnings == []
    warnings = run(**task, purge_grants=True).row["warnings"]

    assert [(warning["kind"], warning["sid"], warning["principals"]) for warning in warnings] == [
        ("excess_access", SCANNERS["Sid"], [STRANGER]),
        ("excess_access", "AllowLambdaPull", [strange]),
    ]


def test_the_task_warns_once_a_kind_with_a_count(aws: EmbeddedAws, run: Run) -> None:
    aws.plant_many(
        {
            "app": policy(TEAM_DENIED, EVERYBODY),
            "base/go": policy(TEAM_DENIED, {**TEAM_DENIED, "Sid": "never"}),
            "base/python": policy(allow("pull", root(TEAM))),
            "services/api": policy(allow("pull", DELETED_ROLE)),
        }
    )

    result = run(repositories=["*"], grants=[{"principals": [TEAM]}])

    kinds = {name: [warning["kind"] for warning in row["warnings"]] for name, row in result.rows.items()}
    assert kinds == {
        "app": ["public", "explicit_deny"],
        "base/go": ["explicit_deny", "explicit_deny"],
        "base/python": [],
        "services/api": ["deleted_principal"],
    }
    assert result.values["summary"]["warnings"] == 5
    counts = [warning.split(" repositories ")[0] for warning in result.warnings]
    assert sorted(counts) == ["1 of 4", "1 of 4", "2 of 4"]
    (denied,) = (warning for warning in result.warnings if warning.startswith("2 of 4"))
    assert denied.endswith(result.rows["app"]["warnings"][1]["message"])


def test_a_repository_that_needs_no_change_is_warned_about_as_well(aws: EmbeddedAws, run: Run) -> None:
    aws.plant("app", policy(TEAM_DENIED, allow("pull", root(TEAM))))
    task = {"repositories": ["app"], "grants": [{"principals": [TEAM]}]}

    result = run(**task)

    assert not result.changed
    assert [warning["kind"] for warning in result.row["warnings"]] == ["explicit_deny"]
    assert result.warnings == run(**task, check=True).warnings


def test_a_policy_that_aws_stores_in_other_words_is_told(aws: EmbeddedAws, run: Run) -> None:
    # The embedded AWS names the account of a NotPrincipal by its ARN, which there need not mean the same.
    others = {"Sid": "others", "Effect": "Deny", "NotPrincipal": {"AWS": PARTNER}, "Action": "ecr:DeleteRepository"}
    aws.plant("app", policy(others))

    result = run(repositories=["app"], grants=[{"principals": [TEAM]}])

    assert result.changed
    (warning,) = result.row["warnings"]
    assert warning["kind"] == "stored_policy_differs"
    assert root(PARTNER) in warning["message"]


def test_a_region_that_may_be_new_is_granted_and_warned_about(aws: EmbeddedAws, run: Run) -> None:
    aws.plant("app", None)
    regions = [REGION, "us-esat-1"]

    result = run(repositories=["app"], grants=[{"principals": [TEAM], "lambda_regions": regions}])

    assert result.row["granted"] == [{"principal": TEAM, "access": ["pull"], "lambda_regions": regions}]
    (warning,) = result.warnings
    assert "boto3 knows no region us-esat-1" in warning


def test_lambda_everywhere_covers_the_region_of_the_repository(aws: EmbeddedAws, run: Run) -> None:
    aws.plant("app", None)

    for regions in (["*"], ["eu-west-1", REGION]):
        assert run(repositories=["app"], grants=[{"principals": [TEAM], "lambda_regions": regions}]).warnings == []
