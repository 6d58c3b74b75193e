# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check mode tells beforehand what the run then does, and the diff shows it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.imageshare.aws.tests.integration.conftest import Run
from ansible_collections.imageshare.aws.tests.integration.statements import (
    BUILDS,
    CI,
    DELETED_ROLE,
    DELETION_DENIED,
    LAMBDAS_OWN,
    ORGANIZATION,
    PARTNER,
    PLAIN_HTTP_DENIED,
    PUBLISHER,
    SCANNERS,
    TEAM,
    allow,
    allow_functions,
    allow_organization,
    functions,
    policy,
    root,
)
from ansible_collections.imageshare.aws.tests.support.embedded_aws import ACCOUNT, REGION, EmbeddedAws

# A repository of every kind: what becomes of it depends on the task.
REGISTRY = {
    "base/no-policy": None,
    "base/foreign": policy(LAMBDAS_OWN, PLAIN_HTTP_DENIED, DELETION_DENIED, SCANNERS),
    "base/shared-with-one": policy(allow("pull_push", root(TEAM)), allow_functions(functions(TEAM))),
    "base/shared-with-many": policy(
        allow("pull", root(PARTNER), root(TEAM), PUBLISHER, Sid="cross-account pulling"),
        allow("push", CI),
        allow_organization("pull", ORGANIZATION),
        BUILDS,
    ),
    "base/broad": policy({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "ecr:*"}),
    "base/not-json": "{'Statement': []}",
    # Just below what AWS stores.
    "base/full": policy({**PLAIN_HTTP_DENIED, "Sid": "x" * 10_000}),
}
WITH_DELETED = {"base/deleted": policy(allow("pull", root(TEAM), DELETED_ROLE))}


@pytest.mark.parametrize(
    ("registry", "options", "unchanged", "failed"),
    [
        pytest.param(
            REGISTRY,
            {
                "grants": [
                    {"principals": [TEAM], "lambda_regions": [REGION, "eu-west-1"]},
                    {"principals": [CI], "access": ["pull", "push"], "repositories": ["base/shared-*", "base/foreign"]},
                ]
            },
            set(),
            {"base/not-json", "base/full", "services/none", "tools/*"},
            id="sharing",
        ),
        pytest.param(
            REGISTRY,
            {"grants": [{"principals": [TEAM]}], "state": "absent"},
            {"base/no-policy", "base/foreign", "base/broad", "base/full", "services/none", "tools/*"},
            {"base/not-json"},
            id="sharing no more",
        ),
        pytest.param(
            REGISTRY | WITH_DELETED,
            {
                "grants": [{"principals": [PARTNER]}],
                "purge_grants": True,
                "purge_deleted_principals": True,
                "on_missing": "skip",
                "registry_id": ACCOUNT,
            },
            {"services/none", "tools/*"},
            {"base/not-json", "base/full"},
            id="sharing with nobody else, deleted principals included",
        ),
    ],
)
def test_the_run_does_what_check_mode_foretold(
    aws: EmbeddedAws, run: Run, registry: dict[str, Any], options: dict[str, Any], unchanged: set[str], failed: set[str]
) -> None:
    aws.plant_many(registry)
    planted = aws.policies()
    task = {"repositories": ["base/*", "services/none", "tools/*"], "diff": True, **options}

    foretold = run(**task, check=True)
    assert aws.policies() == planted
    assert aws.calls().keys() == {"DescribeRepositories", "GetRepositoryPolicy"}

    done = run(**task)
    assert done.values == foretold.values
    assert done.warnings == foretold.warnings
    assert {name for name, row in done.rows.items() if "error" in row} == failed
    assert {name for name, row in done.rows.items() if not row["changed"]} == unchanged | failed

    again = run(**task)
    assert (again.changed, again.values["diff"]) == (False, [])
    assert run(**task, check=True).values == again.values


class TestDiff:
    def test_it_has_both_sides_in_one_spelling(self, aws: EmbeddedAws, run: Run) -> None:
        aws.plant_many(
            {
                "app": policy(allow("pull", TEAM, Condition={"Bool": {"aws:SecureTransport": True}})),
                "tool": policy(allow("pull", root(TEAM), CI)),
                "unshared": None,
            }
        )

        result = run(repositories=["app", "tool", "unshared"], grants=[{"principals": [CI]}], diff=True)

        pull = (
            '        "ecr:BatchCheckLayerAvailability",\n'
            '        "ecr:BatchGetImage",\n'
            '        "ecr:GetDownloadUrlForLayer"\n'
        )
        conditional = (
            "    {\n"
            '      "Sid": "AllowPull",\n'
            '      "Effect": "Allow",\n'
            '      "Principal": {\n'
            '        "AWS": "arn:aws:iam::111122223333:root"\n'
            "      },\n"
            f'      "Action": [\n{pull}      ],\n'
            '      "Condition": {\n'
            '        "Bool": {\n'
            '          "aws:SecureTransport": "true"\n'
            "        }\n"
            "      }\n"
            "    }"
        )
        granted = (
            "    {\n"
            '      "Sid": "AllowPull%s",\n'
            '      "Effect": "Allow",\n'
            '      "Principal": {\n'
            '        "AWS": "arn:aws:iam::444455556666:role/ci"\n'
            "      },\n"
            f'      "Action": [\n{pull}      ]\n'
            "    }"
        )
        document = '{\n  "Version": "2008-10-17",\n  "Statement": [\n%s\n  ]\n}\n'
        assert result.values["diff"] == [
            {
                "before_header": "app",
                "before": document % conditional,
                "after_header": "app",
                "after": document % f"{conditional},\n{granted % 2}",
            },
            {
                "before_header": "unshared",
                "before": "",
                "after_header": "unshared",
                "after": document % granted % "",
            },
        ]

    def test_a_policy_that_goes_leaves_nothing(self, aws: EmbeddedAws, run: Run) -> None:
        aws.plant("app", policy(allow("pull", root(TEAM))))

        result = run(repositories=["app"], grants=[{"principals": [TEAM]}], state="absent", diff=True)

        (shown,) = result.values["diff"]
        assert root(TEAM) in shown["before"]
        assert shown["after"] == ""

    def test_it_is_told_only_when_asked_for(self, aws: EmbeddedAws, run: Run) -> None:
        aws.plant("app", None)

        assert "diff" not in run(repositories=["app"], grants=[{"principals": [TEAM]}], check=True).values
