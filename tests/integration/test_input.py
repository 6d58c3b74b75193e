# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that cannot be meant: refused in words that say which and why, before AWS is asked anything."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.imageshare.aws.tests.integration.conftest import Run
from ansible_collections.imageshare.aws.tests.integration.statements import (
    DELETED_ROLE,
    ORGANIZATION,
    TEAM,
    UNIT,
    allow,
    policy,
    root,
)
from ansible_collections.imageshare.aws.tests.support.embedded_aws import EmbeddedAws

GRANT = {"principals": [TEAM]}
OCTAL = 0o12345670123


@pytest.mark.parametrize(
    ("grant", "words"),
    [
        pytest.param({"principals": ["11112222333"]}, ["11 digits", "quote"], id="eleven digits"),
        pytest.param(
            {"principals": [OCTAL]}, ["1402433619", "octal", "quote"], id="what YAML makes of a zero in front"
        ),
        pytest.param({"principals": [""]}, ["principal is empty"], id="no text"),
        pytest.param({"principals": []}, ["principals is empty"], id="nobody"),
        pytest.param({"principals": ["*"]}, ["no wildcard", "organization"], id="everyone"),
        pytest.param(
            {"principals": ["arn:aws:iam::111122223333:role/*"]}, ["no wildcard"], id="a wildcard in the name of a role"
        ),
        pytest.param(
            {"principals": ["arn:aws-cn:iam::111122223333:root"]},
            ["partition aws-cn", "registry to aws"],
            id="an account of another partition",
        ),
        pytest.param(
            {"principals": [DELETED_ROLE]}, ["deleted", "purge_deleted_principals"], id="the id of a deleted role"
        ),
        pytest.param({"principals": ["arn:aws:s3:::images"]}, ["not a valid principal"], id="a bucket"),
        pytest.param(
            {"principals": ["arn:aws:iam::111122223333:group/dev"]}, ["not a valid principal"], id="an IAM group"
        ),
        pytest.param({"principals": ["lambda.amazonaws.com"]}, ["not a valid principal"], id="a service"),
        pytest.param(
            {"principals": [f"{ORGANIZATION}/*"]},
            ["organizational unit reads o-…/r-…/ou-…/"],
            id="a path without a root",
        ),
        pytest.param(
            {"principals": [f"{ORGANIZATION}/r-ab12/ou-*/"]},
            ["organizational unit reads", "no other wildcard"],
            id="a wildcard within a path",
        ),
        pytest.param(
            {"principals": [TEAM], "access": []}, ["at least one region"], id="access for Lambda, and no region"
        ),
        pytest.param(
            {"principals": [TEAM], "access": [], "lambda_regions": []},
            ["at least one region"],
            id="access for Lambda in an empty list of regions",
        ),
        pytest.param(
            {"principals": [TEAM], "access": ["push"], "lambda_regions": ["us-east-1"]},
            ["Lambda needs the pull", "access: []"],
            id="regions with push alone",
        ),
        pytest.param(
            {"principals": [ORGANIZATION], "lambda_regions": ["us-east-1"]},
            ["accounts only", "an organization"],
            id="Lambda functions of an organization",
        ),
        pytest.param(
            {"principals": [UNIT], "access": [], "lambda_regions": ["*"]},
            ["accounts only", "an organizational unit"],
            id="Lambda functions of an organizational unit",
        ),
        pytest.param(
            {"principals": ["arn:aws:iam::111122223333:role/ci"], "lambda_regions": ["us-east-1"]},
            ["accounts only", "a role"],
            id="Lambda functions of a role",
        ),
        pytest.param(
            {"principals": [TEAM], "lambda_regions": ["us-*"]}, ["lambda_regions", "us-*"], id="a pattern of regions"
        ),
        pytest.param(
            {"principals": [TEAM], "lambda_regions": ["us-east-1", "cn-north-1"]},
            ["lambda_regions", "cn-north-1", "another partition"],
            id="a region of another partition",
        ),
        pytest.param({"principals": [TEAM], "repositories": []}, ["repositories is empty"], id="narrowed to nothing"),
        pytest.param(
            {"principals": [TEAM], "repositories": ["Base/*"]}, ["Base/*", "lower case"], id="narrowed to a bad pattern"
        ),
        pytest.param(
            {"principals": [TEAM], "repositories": ["services/*"]},
            ["services/*", "matches none of the repositories"],
            id="narrowed by a pattern to none of the names of the task",
        ),
        pytest.param(
            {"principals": [TEAM], "repositories": ["services/api"]},
            ["services/api", "matches none of the repositories"],
            id="narrowed to a name that is not among those of the task",
        ),
    ],
)
def test_a_bad_grant_is_named_by_its_number(
    aws: EmbeddedAws, run: Run, grant: dict[str, Any], words: list[str]
) -> None:
    aws.plant("base/python", None)

    result = run(repositories=["base/python"], grants=[GRANT, grant, GRANT])

    assert result.failed
    assert result.message.startswith("Nothing was done. grants[1]")
    assert [word for word in words if word not in result.message] == []
    assert aws.journal() == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param({"grants": []}, ["grants is empty"], id="no grants"),
        pytest.param({"grants": [{}]}, ["principal", "grants"], id="a grant to nobody"),
        pytest.param(
            {"grants": [{**GRANT, "access": "read"}]},
            ["read", "pull, push, describe", "grants"],
            id="an unknown access",
        ),
        pytest.param(
            {"grants": [{**GRANT, "region": "*"}]}, ["grants.region", "lambda_regions"], id="an unknown option"
        ),
        pytest.param({"repositories": []}, ["repositories is empty"], id="no repositories"),
        pytest.param({"repositories": [""]}, ["repositories", '""'], id="a name without a character"),
        pytest.param({"repositories": ["Base/Python"]}, ["Base/Python", "lower case"], id="capitals"),
        pytest.param({"repositories": ["base/python:3.13"]}, ["base/python:3.13"], id="a tag"),
        pytest.param(
            {"repositories": ["arn:aws:ecr:us-east-1:123456789012:repository/base/python"]},
            ["an ARN or a URI", "name alone"],
            id="an ARN",
        ),
        pytest.param(
            {"repositories": ["123456789012.dkr.ecr.us-east-1.amazonaws.com/base/python"]},
            ["an ARN or a URI", "name alone"],
            id="a URI",
        ),
        pytest.param({"repositories": ["{base,services}/*"]}, ["{base,services}/*"], id="braces"),
        pytest.param({"state": "shared"}, ["state", "present, absent"], id="an unknown state"),
        pytest.param(
            {"state": "absent", "purge_grants": True},
            ["purge_grants", "state=present"],
            id="purge of what is taken away",
        ),
        pytest.param({"concurrency": 0}, ["concurrency", "between 1 and 16"], id="nobody at work"),
        pytest.param({"concurrency": 17}, ["concurrency", "between 1 and 16"], id="too many at work"),
        pytest.param({"registry_id": OCTAL}, ["registry_id", "1402433619", "quote"], id="a registry read as octal"),
        pytest.param({"registry_id": "my-account"}, ["registry_id", "12-digit"], id="a registry by another name"),
    ],
)
def test_a_bad_option_is_named(aws: EmbeddedAws, run: Run, options: dict[str, Any], words: list[str]) -> None:
    aws.plant("base/python", None)

    result = run(**{"repositories": ["base/python"], "grants": [GRANT], **options})

    assert result.failed
    assert [word for word in words if word not in result.message] == []
    assert aws.journal() == []


def test_all_problems_are_told_at_once(aws: EmbeddedAws, run: Run) -> None:
    result = run(
        repositories=["Base"],
        grants=[{"principals": ["*"]}, GRANT, {"principals": [ORGANIZATION], "lambda_regions": ["nowhere"]}],
        concurrency=99,
        registry_id="1",
    )

    expected = [
        "grants[0]",
        "grants[2]",
        "accounts only",
        '"nowhere" is not a region',
        "Base",
        "concurrency",
        "registry_id",
    ]
    assert [word for word in expected if word not in result.message] == []
    assert "grants[1]" not in result.message


def test_other_ways_to_write_a_grant_mean_the_same(aws: EmbeddedAws, run: Run) -> None:
    aws.plant("base/python", policy(allow("pull", root(TEAM))))
    principals = [int(TEAM), root(TEAM), f" {TEAM} "]

    result = run(
        repositories=["base/python"],
        grants=[*({"principals": [principal]} for principal in principals), {**GRANT, "lambda_regions": []}],
    )

    assert (result.failed, result.changed) == (False, False)
