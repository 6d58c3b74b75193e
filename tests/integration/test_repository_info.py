# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module that lists repositories: which, in what order, what is said of them, and what is asked of AWS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.imageshare.aws.tests.integration.documented import DOCUMENTED
from ansible_collections.imageshare.aws.tests.support.embedded_aws import ACCOUNT, EmbeddedAws
from ansible_collections.imageshare.aws.tests.support.module_process import (
    REPOSITORIES,
    Result,
    run_module,
    run_playbook,
)

OTHER_ACCOUNT = "210987654321"


def listed(aws: EmbeddedAws, **options: Any) -> Result:
    result = run_module(aws, module=REPOSITORIES, **options)
    DOCUMENTED[REPOSITORIES].seen(result.values)
    return result


def names(result: Result) -> list[str]:
    return [repository["repository_name"] for repository in result.values["repositories"]]


@pytest.fixture
def planted(aws: EmbeddedAws) -> EmbeddedAws:
    aws.plant_many(dict.fromkeys(["web", "base/python", "base/go"], None))
    aws.plant("app", None, account=OTHER_ACCOUNT)
    return aws


def test_all_are_listed_by_name_with_what_aws_says_of_them(planted: EmbeddedAws) -> None:
    result = listed(planted)
    assert names(result) == ["base/go", "base/python", "web"]
    first = result.values["repositories"][0]
    assert first.pop("created_at").endswith("Z")
    assert first.pop("image_scanning_configuration") == {"scan_on_push": False}
    assert first.pop("encryption_configuration") == {"encryption_type": "AES256"}
    assert first == {
        "repository_name": "base/go",
        "repository_arn": f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/base/go",
        "repository_uri": f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/base/go",
        "registry_id": ACCOUNT,
        "image_tag_mutability": "MUTABLE",
    }
    assert not result.changed
    assert planted.calls() == {"DescribeRepositories": 1}


def test_names_and_patterns_choose_and_tell_what_they_miss(planted: EmbeddedAws) -> None:
    result = listed(planted, repositories=["base/*", "web", "api", "x*"], check=True)
    assert names(result) == ["base/go", "base/python", "web"]
    assert result.values["unmatched"] == ["api", "x*"]


def test_another_registry_can_be_asked_for(planted: EmbeddedAws) -> None:
    assert names(listed(planted, registry_id=OTHER_ACCOUNT)) == ["app"]


def test_what_cannot_be_done_is_told(planted: EmbeddedAws) -> None:
    planted.settings(deny=[{"operation": "DescribeRepositories"}])
    for options, said in (
        ({}, "Allow the caller ecr:DescribeRepositories on all repositories"),
        ({"repositories": ["Base"]}, 'repositories: "Base" is not a repository name'),
        ({"registry_id": 12}, 'registry_id: "12" is not a 12-digit account id'),
    ):
        result = listed(planted, **options)
        assert result.failed
        assert said in result.message
    assert planted.calls() == {}
    assert planted.refused() == {"DescribeRepositories": 1}


def test_examples_run(planted: EmbeddedAws, tmp_path: Path) -> None:
    documented = DOCUMENTED[REPOSITORIES]
    tasks = [{**example, "register": f"result_{number}"} for number, example in enumerate(documented.examples)]
    played = run_playbook(planted, tmp_path, yaml.safe_dump(tasks))
    assert played.code == 0
    assert [len(result["repositories"]) for result in played.registered.values()] == [3, 2]
