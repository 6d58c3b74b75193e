# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check mode tells beforehand what the run then does, and the diff shows it.

Every kind of task is foretold in tests/unit/plugins/module_utils, and so is what a diff looks like.
"""

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
    # A policy of the registry would say something of repositories without a policy, whose owner is asked for then.
    read = {"DescribeRepositories", "GetRegistryPolicy", "GetRepositoryPolicy"}
    assert aws.calls().keys() - {"GetCallerIdentity"} == read

    done = run(**task)
    assert done.values == foretold.values
    assert done.warnings == foretold.warnings
    assert {name for name, row in done.rows.items() if "error" in row} == failed
    assert {name for name, row in done.rows.items() if not row["changed"]} == unchanged | failed
    # Nothing of what AWS rewrites is a difference: lines are added, and all others are as before.
    shown = {diff["after_header"]: diff for diff in done.values["diff"]}
    assert shown.keys() == {name for name, row in done.rows.items() if row["changed"]}
    assert shown["base/no-policy"]["before"] == ""
    assert shown["base/foreign"]["after"].startswith(shown["base/foreign"]["before"].removesuffix("\n  ]\n}\n") + ",\n")

    again = run(**task)
    assert (again.changed, again.values["diff"]) == (False, [])
    assert run(**task, check=True).values == again.values
