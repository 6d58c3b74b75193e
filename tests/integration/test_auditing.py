# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module that audits, as a process: what it tells of what AWS has stored, and what it asks of AWS.

What becomes of policies of all kinds is tested in tests/unit/plugins/module_utils.
"""

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
from ansible_collections.imageshare.aws.tests.support.policies import ACTION_SETS

EVERYONE = {"Sid": "all", "Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}
DELETED = {**SCANNERS, "Principal": {"AWS": DELETED_ROLE}}
# What an audit asks for once, however many repositories there are.
ONCE = ("DescribeRepositories", "GetRegistryPolicy")
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
        (PARTNER, "pull", (), False),
        (ACCOUNT, "", (REGION,), False),
        (ACCOUNT, "", (), False),
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
        "shares": 10,
        "principals": len(by_name),
        "public": 1,
        "unscoped_service": 0,
        "deleted_principals": 1,
        "registry_policy_unread": 0,
        "missing": 0,
        "failed": 0,
    }
    assert not result.changed
    assert audit(check=True, diff=True).values == result.values
    of_team = audit(principal=root(TEAM)).rows
    matches = {name: [share["matches"] for share in row["shares"]] for name, row in of_team.items()}
    assert matches == {"base/public": ["possible"], "base/shared": ["exact"]}
    packed = run_module(aws, module=AUDIT, environment={"IMAGESHARE_AWS_ROWS_AS_TEXT": "1"}).values
    text = packed.pop("rows_as_text")
    assert {**packed, **json.loads(text)} == result.values


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


def test_right_after_a_share_the_managed_rows_are_the_declared_grants_in_the_same_words(
    aws: EmbeddedAws, run: Run, audit: Run
) -> None:
    before = policy(allow("push", root(TEAM), CI), allow_organization("pull", ORGANIZATION), SCANNERS, LAMBDAS_OWN)
    aws.plant_many({"base/go": None, "base/python": before})
    granted = run(repositories=["base/*"], grants=GRANTS, purge_grants=True).rows["base/go"]["granted"]

    rows = audit().rows

    declared = {
        (one["principals"][0], "+".join(one["access"]), tuple(one.get("lambda_regions", ())), True) for one in GRANTS
    }
    for row in rows.values():
        assert {share for share in told(row) if share[-1]} == declared
    words = ("principal", "access", "lambda_regions")
    shares = [{word: share[word] for word in words} for share in rows["base/go"]["shares"]]
    assert sorted(shares, key=str) == sorted(granted, key=str)
    assert [share[0] for share in told(rows["base/python"]) if not share[-1]] != []
    assert [one["sid"] for one in rows["base/python"]["unmanaged_statements"]] == [SCANNERS["Sid"], LAMBDAS_OWN["Sid"]]


def test_the_grants_of_an_audit_declare_what_is_there_so_that_sharing_them_changes_nothing_but_what_is_marked(
    aws: EmbeddedAws, run: Run, audit: Run
) -> None:
    described = {"Sid": "Team", "Action": [*ACTION_SETS["pull"], "ecr:DescribeImages"]}
    by_hand = policy(allow("pull", root(TEAM), CI, **described), allow_functions(functions(TEAM)), EVERYONE)
    aws.plant_many({"base/go": by_hand, "base/python": by_hand})

    found = audit().values

    assert found["grants"] == [
        {
            "principals": [CI],
            "access": ["pull", "describe"],
            "repositories": ["base/go", "base/python"],
            "wider": ["ecr:DescribeRepositories", "ecr:ListImages"],
        },
        {
            "principals": [TEAM],
            "access": ["pull", "describe"],
            "lambda_regions": [REGION],
            "repositories": ["base/go", "base/python"],
            "wider": ["ecr:DescribeRepositories", "ecr:ListImages"],
        },
    ]
    assert [(one["sid"], one["principals"], one["reason"]) for one in found["undeclarable"]] == [
        ("all", ["*"], "It is for everyone.")
    ]
    grants = [{name: value for name, value in grant.items() if name != "wider"} for grant in found["grants"]]
    shared = run(repositories=["base/*"], grants=grants)
    assert {change["principal"] for row in shared.rows.values() for change in row["granted"]} == {TEAM, CI}
    assert not any(row["revoked"] for row in shared.rows.values())
    assert audit().values["grants"] == grants
    assert not run(repositories=["base/*"], grants=grants).changed
    of_team = audit(principal=TEAM).values
    assert [grant["principals"] for grant in of_team["grants"]] == [[TEAM]]
    assert of_team["undeclarable"] == []


def test_an_audit_of_a_large_registry_costs_one_call_each_and_one_a_thousand(aws: EmbeddedAws, audit: Run) -> None:
    names = [f"app-{number:04}" for number in range(1000)]
    aws.plant_many(dict.fromkeys(names, policy(allow("pull", root(TEAM)))))

    result = audit(concurrency=16)

    assert result.values["summary"]["shares"] == 1000
    reads = Counter(("GetRepositoryPolicy", name) for name in names)
    assert Counter(aws.journal()) == reads + Counter({(once, None): 1 for once in ONCE})


def test_where_no_answer_says_whose_the_registry_is_the_caller_is_asked_for(aws: EmbeddedAws, audit: Run) -> None:
    aws.plant_many(REGISTRY)
    assert audit(repositories=["base/empty"]).row["registry_id"] == ACCOUNT
    assert aws.calls() == {"GetRepositoryPolicy": 1, "GetRegistryPolicy": 1, "GetCallerIdentity": 1}


def test_each_failure_is_told_and_the_others_are_told_too(aws: EmbeddedAws, audit: Run) -> None:
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


def test_what_cannot_be_done_at_all_ends_the_task(aws: EmbeddedAws, audit: Run) -> None:
    aws.plant_many(REGISTRY)
    aws.settings(deny=[{"operation": "DescribeRepositories"}])
    for options, said in (
        ({}, "Allow the caller ecr:DescribeRepositories"),
        # Which options are refused is tested in tests/unit/plugins/module_utils.
        ({"repositories": ["Base"], "principal": 12345670123}, 'repositories: "Base" is not a repository name'),
    ):
        result = audit(**options)
        assert result.failed
        assert said in result.message
        assert "repositories" not in result.values
    assert aws.calls() == {}


class TestDocumentation:
    def test_all_that_it_says_to_return_is_returned(self, aws: EmbeddedAws, tmp_path: Path) -> None:
        documented = DOCUMENTED[AUDIT]
        tagged = {**EVERYONE, "Condition": {"StringEquals": {"aws:PrincipalTag/team": "web"}}}
        own = {name: value for name, value in LAMBDAS_OWN.items() if name != "Condition"}
        aws.plant_many(
            {
                **REGISTRY,
                "base/deny": policy(tagged, OTHER_NETWORKS_DENIED),
                "base/described": policy(allow("describe", CI, Action="ecr:ListImages")),
                "base/denied": policy(allow_functions(functions(TEAM)), OTHER_NETWORKS_DENIED, own),
                "base/lambda": policy(own),
            }
        )
        every = {"Resource": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/new/*"}
        builds = {name: value for name, value in BUILDS.items() if name != "Condition"}
        aws.plant_registry_policy(policy({**EVERYONE, **every}, {**builds, **every}))
        aws.plant_template("services", policy(EVERYONE))
        aws.plant_template("broken", "{")
        aws.settings(deny=[{"operation": "GetRepositoryPolicy", "repository": "base/builds"}])
        results: list[Result] = [
            run_module(aws, module=AUDIT, include_policy=True),
            run_module(aws, module=AUDIT, repositories=["*", "nowhere"], on_missing="skip"),
            run_module(aws, module=AUDIT, principal=TEAM, backup_dir=f"{tmp_path}/backups"),
            run_module(aws, module=AUDIT, repositories=["base/deny"], include_templates=True, include_policy=True),
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
        assert {
            row["name"]: {share["matches"] for share in row["shares"]} for row in found["result_3"]["repositories"]
        } == {"base/public": {"possible"}, "base/shared": {"exact"}}
        assert found["result_5"]["msg"] == {"base/orphan": [DELETED_ROLE]}
        adopted = found["result_7"]["msg"]
        assert {name for grant in adopted["grants"] for name in grant["repositories"]} == {"base/shared"}
        assert {"base/orphan", "base/public"} <= {
            name for told in adopted["undeclarable"] for name in told["repositories"]
        }
        assert not any(result.get("changed") for result in found.values())
