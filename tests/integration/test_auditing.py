# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module that audits, as a process: what it tells of policies of all kinds, what it asks of AWS, what it needs."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.imageshare.aws.tests.integration.conftest import Run
from ansible_collections.imageshare.aws.tests.integration.documented import DOCUMENTED
from ansible_collections.imageshare.aws.tests.integration.statements import (
    BUILDS,
    CI,
    DELETED_ROLE,
    DELETION_DENIED,
    LAMBDAS_OWN,
    ORGANIZATION,
    OTHER_NETWORKS_DENIED,
    PARTNER,
    PLAIN_HTTP_DENIED,
    SCANNERS,
    STRANGER,
    TEAM,
    UNIT,
    allow,
    allow_functions,
    allow_organization,
    functions,
    policy,
    root,
)
from ansible_collections.imageshare.aws.tests.support.embedded_aws import ACCOUNT, REGION, EmbeddedAws
from ansible_collections.imageshare.aws.tests.support.module_process import (
    AUDIT,
    Result,
    run_module,
    run_playbook,
)

EVERYONE = {"Sid": "all", "Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}
DELETED = {**SCANNERS, "Principal": {"AWS": DELETED_ROLE}}
REGISTRY: dict[str, Any] = {
    "base/builds": policy(BUILDS, LAMBDAS_OWN, PLAIN_HTTP_DENIED, DELETION_DENIED),
    "base/empty": None,
    "base/orphan": policy(DELETED),
    "base/public": policy(EVERYONE, {**BUILDS, "Sid": "more builds"}, PLAIN_HTTP_DENIED),
    "base/shared": policy(allow("pull_push", root(TEAM), CI), allow_functions(functions(TEAM)), SCANNERS),
}


def told(row: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [
        (share["principal"], "+".join(share["access"]), tuple(share["lambda_regions"]), share["managed"])
        for share in row["shares"]
    ]


def test_it_tells_who_gets_what_and_who_is_in_how_many_repositories(aws: EmbeddedAws, audit: Run) -> None:
    aws.plant_many(REGISTRY)

    result = audit(principal=None)

    assert list(result.rows) == sorted(REGISTRY)
    assert told(result.rows["base/shared"]) == [
        (TEAM, "pull+push", (REGION,), True),
        (CI, "pull+push", (), True),
        (STRANGER, "pull", (), False),
        (f"arn:aws:iam::{STRANGER}:user/scanner", "pull", (), False),
    ]
    assert told(result.rows["base/builds"]) == [
        ("codebuild.amazonaws.com", "pull", (), False),
        ("lambda.amazonaws.com", "admin", (), False),
    ]
    assert told(result.rows["base/empty"]) == []
    assert [name for name, row in result.rows.items() if row["public"]] == ["base/public"]
    assert {name: row["deleted_principals"] for name, row in result.rows.items() if row["deleted_principals"]} == {
        "base/orphan": [DELETED_ROLE]
    }
    by_name = {one["principal"]: one["repositories"] for one in result.values["principals"]}
    assert by_name[STRANGER] == ["base/shared"]
    assert by_name["*"] == ["base/public"]
    assert result.values["summary"] == {
        "repositories": 5,
        "shares": 9,
        "principals": len(by_name),
        "public": 1,
        "deleted_principals": 1,
        "missing": 0,
        "failed": 0,
    }
    assert not result.changed


def test_the_address_of_a_repository_is_as_aws_says(aws: EmbeddedAws, audit: Run) -> None:
    aws.plant_many(REGISTRY)
    described = {
        one["repositoryName"]: (one["repositoryArn"], one["repositoryUri"], one["registryId"])
        for one in aws.client().describe_repositories()["repositories"]
    }

    rows = audit(repositories=sorted(REGISTRY)).rows

    assert {name: (row["arn"], row["uri"], row["registry_id"]) for name, row in rows.items()} == described


@pytest.mark.parametrize(
    ("region", "partition", "domain"),
    [
        ("eu-west-1", "aws", "amazonaws.com"),
        ("cn-north-1", "aws-cn", "amazonaws.com.cn"),
        ("us-gov-west-1", "aws-us-gov", "amazonaws.com"),
        ("us-iso-east-1", "aws-iso", "c2s.ic.gov"),
    ],
)
def test_a_partition_has_arns_and_a_domain_of_its_own(
    aws: EmbeddedAws, audit: Run, region: str, partition: str, domain: str
) -> None:
    shared = policy({**allow("pull"), "Principal": {"AWS": f"arn:{partition}:iam::{TEAM}:root"}})
    aws.plant("app", shared, region=region)

    result = audit(region=region, principal=TEAM)

    assert result.row["arn"] == f"arn:{partition}:ecr:{region}:{ACCOUNT}:repository/app"
    assert result.row["uri"] == f"{ACCOUNT}.dkr.ecr.{region}.{domain}/app"
    assert told(result.row) == [(TEAM, "pull", (), True)]
    assert result.values["partition"] == partition


GRANTS: list[dict[str, Any]] = [
    {"principals": [TEAM], "access": ["pull"], "lambda_regions": [REGION, "eu-west-1"]},
    {"principals": [PARTNER], "access": ["push"]},
    {"principals": [CI], "access": ["pull", "push"]},
    {"principals": [STRANGER], "access": [], "lambda_regions": ["*"]},
    {"principals": [ORGANIZATION], "access": ["pull"]},
    {"principals": [UNIT], "access": ["pull"]},
]


@pytest.mark.parametrize("purge", [True, False])
def test_right_after_a_share_the_managed_rows_are_the_declared_grants(
    aws: EmbeddedAws, run: Run, audit: Run, purge: bool
) -> None:
    before = policy(allow("push", root(TEAM), CI), allow_organization("pull", ORGANIZATION), SCANNERS, LAMBDAS_OWN)
    aws.plant_many({"base/go": None, "base/python": before})
    assert run(repositories=["base/*"], grants=GRANTS, purge_grants=purge).changed

    rows = audit().rows

    declared = {
        (one["principals"][0], "+".join(one["access"]), tuple(one.get("lambda_regions", ())), True) for one in GRANTS
    }
    for row in rows.values():
        assert {share for share in told(row) if share[-1]} == declared
    assert [share[0] for share in told(rows["base/python"]) if not share[-1]] != []
    assert [share for share in told(rows["base/go"]) if not share[-1]] == []


def test_what_a_share_says_to_have_granted_the_audit_says_in_the_same_words(
    aws: EmbeddedAws, run: Run, audit: Run
) -> None:
    aws.plant("app", policy(SCANNERS, PLAIN_HTTP_DENIED))
    granted = run(repositories=["app"], grants=GRANTS).row["granted"]

    row = audit().row

    words = ("principal", "access", "lambda_regions")
    managed = [{word: share[word] for word in words} for share in row["shares"] if share["managed"]]
    assert sorted(managed, key=str) == sorted(granted, key=str)
    assert [one["sid"] for one in row["unmanaged_statements"]] == ["AllowPull", "deny plain http"]


@pytest.mark.parametrize(
    ("principal", "names"),
    [
        pytest.param(TEAM, ["base/shared"], id="an account"),
        pytest.param(root(TEAM), ["base/shared"], id="an account by its root"),
        pytest.param(CI, ["base/shared"], id="a role"),
        pytest.param("*", ["base/public"], id="everyone"),
        pytest.param("codebuild.amazonaws.com", ["base/builds", "base/public"], id="a service"),
        pytest.param(DELETED_ROLE, ["base/orphan"], id="a deleted role"),
        pytest.param(PARTNER, [], id="an account that has none"),
    ],
)
def test_of_one_principal_only_its_shares_are_told(
    aws: EmbeddedAws, audit: Run, principal: str, names: list[str]
) -> None:
    aws.plant_many(REGISTRY)

    result = audit(principal=principal)

    assert list(result.rows) == names
    assert [one["repositories"] for one in result.values["principals"]] == ([names] if names else [])
    assert all("policy" not in row and len(row["shares"]) == 1 for row in result.rows.values())


def test_for_the_role_it_is_the_same_in_one_text(aws: EmbeddedAws, audit: Run) -> None:
    aws.plant_many(REGISTRY)
    plain = audit().values
    packed = run_module(aws, module=AUDIT, environment={"IMAGESHARE_AWS_ROWS_AS_TEXT": "1"}).values
    text = packed.pop("rows_as_text")
    assert {**packed, **json.loads(text)} == plain


def test_a_policy_is_returned_as_aws_has_it(aws: EmbeddedAws, audit: Run) -> None:
    statement = {"Effect": "Allow", "Principal": {"AWS": root(TEAM)}, "Action": "ecr:BatchGetImage"}
    strange = {
        "Statement": {**statement, "Sid": "{{ 7*7 }}<script>", "Condition": {"Bool": {"aws:ViaAWSService": True}}}
    }
    aws.plant("app", json.dumps(strange))

    result = audit(include_policy=True)

    assert result.row["policy"] == strange
    assert result.row["shares"][0]["statements"] == [{"position": 1, "sid": "{{ 7*7 }}<script>"}]


class TestCost:
    def test_an_audit_of_a_large_registry_costs_one_call_each_and_one_a_thousand(
        self, aws: EmbeddedAws, audit: Run
    ) -> None:
        names = [f"app-{number:04}" for number in range(1000)]
        aws.plant_many(dict.fromkeys(names, policy(allow("pull", root(TEAM)))))

        result = audit(concurrency=16)

        assert result.values["summary"]["shares"] == 1000
        reads = Counter(("GetRepositoryPolicy", name) for name in names)
        assert Counter(aws.journal()) == reads + Counter({("DescribeRepositories", None): 1})

    def test_names_alone_are_not_listed(self, aws: EmbeddedAws, audit: Run) -> None:
        aws.plant_many(REGISTRY)
        audit(repositories=["base/shared", "base/empty"])
        assert aws.calls() == {"GetRepositoryPolicy": 2}

    def test_where_no_answer_says_whose_the_registry_is_the_caller_is_asked_for(
        self, aws: EmbeddedAws, audit: Run
    ) -> None:
        aws.plant_many(REGISTRY)
        assert audit(repositories=["base/empty"]).row["registry_id"] == ACCOUNT
        assert aws.calls() == {"GetRepositoryPolicy": 1, "GetCallerIdentity": 1}

    def test_nothing_is_written_nor_is_the_permission_needed(self, aws: EmbeddedAws, audit: Run) -> None:
        aws.plant_many(REGISTRY)
        before = aws.policies()
        aws.settings(deny=[{"operation": "SetRepositoryPolicy"}, {"operation": "DeleteRepositoryPolicy"}])
        plain, checked = audit(), audit(check=True, diff=True)
        assert plain.values == checked.values
        assert aws.policies() == before
        assert aws.refused() == {}


class TestTrouble:
    def test_each_failure_is_told_and_the_others_are_told_too(self, aws: EmbeddedAws, audit: Run) -> None:
        aws.plant_many({**REGISTRY, "base/broken": "{'Statement': []}"})
        aws.settings(deny=[{"operation": "GetRepositoryPolicy", "repository": "base/orphan"}])

        result = audit(repositories=["base/*", "nowhere", "none/*"])

        assert result.failed
        assert result.message.startswith("4 of 8 repositories failed")
        errors = {name: row["error"] for name, row in result.rows.items() if "error" in row}
        assert sorted(errors) == ["base/broken", "base/orphan", "none/*", "nowhere"]
        assert "Allow the caller ecr:GetRepositoryPolicy" in errors["base/orphan"]
        assert "base/broken: the policy could not be parsed" in errors["base/broken"]
        assert result.rows["base/shared"]["shares"]
        assert result.values["summary"]["failed"] == 4

    def test_what_is_missing_may_be(self, aws: EmbeddedAws, audit: Run) -> None:
        aws.plant_many(REGISTRY)
        result = audit(repositories=["base/empty", "nowhere", "none/*"], on_missing="skip")
        assert not result.failed
        assert [name for name, row in result.rows.items() if row.get("missing")] == ["nowhere", "none/*"]

    def test_a_registry_without_repositories_is_no_failure(self, audit: Run) -> None:
        assert audit().values["repositories"] == []

    def test_a_list_that_is_denied_ends_the_task(self, aws: EmbeddedAws, audit: Run) -> None:
        aws.plant_many(REGISTRY)
        aws.settings(deny=[{"operation": "DescribeRepositories"}])
        result = audit()
        assert result.failed
        assert "Allow the caller ecr:DescribeRepositories" in result.message
        assert "repositories" not in result.values

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            pytest.param({"repositories": ["Base"]}, 'repositories: "Base" is not a repository name', id="a name"),
            pytest.param({"repositories": []}, "repositories is empty", id="no name"),
            pytest.param({"principal": 12345670123}, "quote account ids", id="a number"),
            pytest.param({"registry_id": "12"}, 'registry_id: "12" is not a 12-digit account id', id="a registry"),
            pytest.param({"concurrency": 0}, "concurrency: 0 is not between 1 and 16", id="nobody to work"),
        ],
    )
    def test_what_cannot_be_meant_is_refused_before_anything_is_asked(
        self, aws: EmbeddedAws, audit: Run, options: dict[str, Any], said: str
    ) -> None:
        result = audit(**options)
        assert result.failed
        assert said in result.message
        assert aws.calls() == {}


class TestDocumentation:
    def test_all_that_it_says_to_return_is_returned(self, aws: EmbeddedAws) -> None:
        documented = DOCUMENTED[AUDIT]
        tagged = {**EVERYONE, "Condition": {"StringEquals": {"aws:PrincipalTag/team": "web"}}}
        aws.plant_many({**REGISTRY, "base/deny": policy(tagged, OTHER_NETWORKS_DENIED)})
        aws.settings(deny=[{"operation": "GetRepositoryPolicy", "repository": "base/builds"}])
        results: list[Result] = [
            run_module(aws, module=AUDIT, include_policy=True),
            run_module(aws, module=AUDIT, repositories=["*", "nowhere"], on_missing="skip"),
        ]
        assert set().union(*(documented.seen(result.values) for result in results)) == documented.values()

    def test_the_examples_run(self, aws: EmbeddedAws, tmp_path: Path) -> None:
        aws.plant_many(REGISTRY)
        steps: list[dict[str, Any]] = []
        for number, example in enumerate(DOCUMENTED[AUDIT].examples):
            registered = example.get("register", f"registered_{number}")
            steps.append({**example, "register": registered})
            steps.append({"ansible.builtin.set_fact": {f"result_{number}": f"{{{{ {registered} }}}}"}})
        played = run_playbook(aws, tmp_path, yaml.safe_dump(steps))
        assert played.code == 0, played.text
        found = played.registered
        assert found["result_1"]["msg"] == ["base/public"]
        assert found["result_2"]["msg"] == [f"base/shared: {TEAM}", f"base/shared: {CI}"]
        assert [row["name"] for row in found["result_3"]["repositories"]] == ["base/shared"]
        assert found["result_5"]["msg"] == {"base/orphan": [DELETED_ROLE]}
        assert not any(result.get("changed") for result in found.values())


def test_the_task_may_stand_in_module_defaults_of_its_group(aws: EmbeddedAws, tmp_path: Path) -> None:
    aws.plant("app", policy(allow("pull", root(TEAM))), region="eu-west-1")
    tasks = yaml.safe_dump(
        [
            {
                "module_defaults": {"group/imageshare.aws.aws": {"region": "eu-west-1"}},
                "block": [{f"imageshare.aws.{AUDIT}": {}, "register": "result_audit"}],
            }
        ]
    )
    assert run_playbook(aws, tmp_path, tasks).registered["result_audit"]["region"] == "eu-west-1"
