# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What AWS has in the end: as it rewrites policies, in other accounts, regions and partitions, and after a second run.

What becomes of a policy is tested in tests/unit/plugins/module_utils: the merge, and runs against a registry in memory.
"""

from __future__ import annotations

import json

from ansible_collections.imageshare.aws.plugins.module_utils._iam.document import PolicyComparison
from ansible_collections.imageshare.aws.tests.integration.conftest import Run
from ansible_collections.imageshare.aws.tests.integration.statements import (
    BUILDS,
    CI,
    DELETED_ROLE,
    DELETED_USER,
    DELETION_DENIED,
    LAMBDAS_OWN,
    ORGANIZATION,
    PARTNER,
    PLAIN_HTTP_DENIED,
    PUBLISHER,
    SCANNERS,
    STRANGER,
    TEAM,
    Policy,
    allow,
    allow_functions,
    allow_organization,
    functions,
    policy,
    root,
)
from ansible_collections.imageshare.aws.tests.support.embedded_aws import REGION, EmbeddedAws
from ansible_collections.imageshare.aws.tests.support.policies import PULL

NAME = "base/python"
OTHER_ACCOUNT = "210987654321"


def stored(aws: EmbeddedAws, name: str = NAME, **where: str) -> Policy | None:
    text = aws.policies(**where)[name]
    return None if text is None else json.loads(text)


def test_a_repository_without_a_policy_gets_the_documented_one_to_the_letter(aws: EmbeddedAws, run: Run) -> None:
    expected = {
        "Version": "2008-10-17",
        "Statement": [
            {
                "Sid": "AllowPull",
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
                "Action": ["ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage", "ecr:BatchCheckLayerAvailability"],
            },
            {
                "Sid": "AllowLambdaPull",
                "Effect": "Allow",
                "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Condition": {"StringLike": {"aws:sourceARN": "arn:aws:lambda:us-east-1:111122223333:function:*"}},
            },
        ],
    }
    aws.plant(NAME, None)

    result = run(repositories=[NAME], grants=[{"principals": [TEAM], "lambda_regions": [REGION]}], include_policy=True)

    assert result.changed
    assert "diff" not in result.values
    # As text, because the order of the members counts here.
    assert json.dumps(result.row["policy"]) == json.dumps(expected)
    assert stored(aws) == expected
    operations = ["GetRepositoryPolicy", "SetRepositoryPolicy", "GetRegistryPolicy", "GetRepositoryPolicy"]
    assert aws.journal() == [
        (operation, None if operation == "GetRegistryPolicy" else NAME) for operation in operations
    ]


SHARED = (
    allow("pull", root(TEAM)),
    allow("pull_push", CI),
    allow_functions(functions(TEAM)),
)
PULLED_BEFORE = {"Sid": "cross-account pulling", "Action": [action.lower() for action in PULL]}


# Of each: the policy before, and after the grants.
JOINED: dict[str, tuple[Policy, Policy]] = {
    "lambda-wrote-its-own": (policy(LAMBDAS_OWN), policy(LAMBDAS_OWN, *SHARED)),
    "version-id-and-denials": (
        {"Version": "2012-10-17", "Id": "guard rails", "Statement": [PLAIN_HTTP_DENIED, DELETION_DENIED]},
        {"Version": "2012-10-17", "Id": "guard rails", "Statement": [PLAIN_HTTP_DENIED, DELETION_DENIED, *SHARED]},
    ),
    "others-pull-in-another-spelling": (
        policy(allow("pull", PUBLISHER, root(STRANGER), **PULLED_BEFORE), BUILDS),
        policy(allow("pull", PUBLISHER, root(STRANGER), root(TEAM), **PULLED_BEFORE), BUILDS, *SHARED[1:]),
    ),
    "foreign-statement-with-our-sid": (
        policy(SCANNERS, BUILDS),
        policy(SCANNERS, BUILDS, {**SHARED[0], "Sid": "AllowPull2"}, *SHARED[1:]),
    ),
    "single-statement-without-version": (
        {"Statement": allow_organization("pull", ORGANIZATION)},
        {"Statement": [allow_organization("pull", ORGANIZATION), *SHARED]},
    ),
}


def test_grants_join_what_is_there_and_leave_it_alone(aws: EmbeddedAws, run: Run) -> None:
    aws.plant_many({name: before for name, (before, _after) in JOINED.items()})
    task = {
        "repositories": list(JOINED),
        "grants": [
            {"principals": [TEAM], "lambda_regions": [REGION]},
            {"principals": [CI], "access": ["pull", "push"]},
        ],
        "include_policy": True,
    }

    first = run(**task)
    for name, (_before, after) in JOINED.items():
        assert first.rows[name]["policy"] == stored(aws, name) == after
        assert first.rows[name]["granted"] == [
            {"principal": TEAM, "access": ["pull"], "lambda_regions": [REGION]},
            {"principal": CI, "access": ["pull", "push"], "lambda_regions": []},
        ]
        assert first.rows[name]["revoked"] == []

    aws.reset_calls()
    second = run(**task)
    assert not second.changed
    assert {frozenset(row) for row in second.rows.values()} == {
        frozenset({"name", "changed", "granted", "revoked", "warnings"})
    }
    assert aws.calls() == {"GetRepositoryPolicy": len(JOINED), "GetRegistryPolicy": 1}, "one call each, and no write"

    assert run(**task, state="absent").changed
    for name, (before, _after) in JOINED.items():
        # AWS answers principals in any order, and a statement that was no list is one now.
        listed = before["Statement"] if isinstance(before["Statement"], list) else [before["Statement"]]
        assert PolicyComparison("aws").equal(stored(aws, name), {**before, "Statement": listed})


def test_what_aws_shuffles_and_rewrites_is_no_change(aws: EmbeddedAws, run: Run) -> None:
    names = [f"base/image-{number:02}" for number in range(12)]
    aws.plant_many(dict.fromkeys(names))
    principals = [TEAM, PARTNER, STRANGER, CI, PUBLISHER]
    task = {"repositories": names, "grants": [{"principals": [principal]} for principal in principals]}
    assert run(**task).values["summary"]["changed"] == 12
    texts = aws.policies()

    for _round in range(3):
        aws.reset_calls()
        result = run(**task, diff=True)

        assert (result.changed, result.values["diff"]) == (False, [])
        assert aws.calls() == {"GetRepositoryPolicy": 12, "GetRegistryPolicy": 1}
    assert aws.policies() == texts


def test_absent_takes_the_named_principal_and_the_policy_with_its_last_statement(aws: EmbeddedAws, run: Run) -> None:
    lambdas = allow_functions(functions(TEAM), functions(TEAM, "eu-west-*"))
    before = policy(PLAIN_HTTP_DENIED, allow("push", root(TEAM)), allow("pull_push", root(TEAM), CI), lambdas)
    aws.plant_many({NAME: before, "alone": policy(allow("pull", TEAM), allow("pull", root(TEAM), Sid="once more"))})
    task = {
        "repositories": [NAME, "alone", "gone", "none/*"],
        # Access and regions are ignored, even such as sharing would refuse.
        "grants": [{"principals": [TEAM], "access": ["push"], "lambda_regions": [REGION]}],
        "state": "absent",
        "on_missing": "skip",
        "include_policy": True,
    }

    first = run(**task)

    after = policy(PLAIN_HTTP_DENIED, allow("pull_push", CI))
    assert first.rows[NAME]["policy"] == stored(aws) == after
    assert first.rows["alone"]["policy"] is stored(aws, "alone") is None
    assert [name for name, row in first.rows.items() if row.get("missing")] == ["gone", "none/*"]
    writes = [call for call in aws.journal() if call[0] in ("SetRepositoryPolicy", "DeleteRepositoryPolicy")]
    assert sorted(writes) == [("DeleteRepositoryPolicy", "alone"), ("SetRepositoryPolicy", NAME)]

    aws.reset_calls()
    assert not run(**task).changed
    assert aws.calls() == {"DescribeRepositories": 1, "GetRepositoryPolicy": 3, "GetRegistryPolicy": 1}


def test_deleted_principals_leave_managed_statements_on_request_and_are_named_in_others(
    aws: EmbeddedAws, run: Run
) -> None:
    foreign = {**SCANNERS, "Principal": {"AWS": DELETED_ROLE}}
    before = policy(allow("pull", root(TEAM), DELETED_ROLE), allow("push", DELETED_USER), BUILDS)
    aws.plant_many({NAME: before, "foreign": policy(foreign, allow("pull", root(TEAM))), "undone": before})
    task = {"grants": [{"principals": [TEAM]}], "purge_deleted_principals": True}

    result = run(repositories=[NAME, "foreign"], **task)
    assert run(repositories=["undone"], state="absent", **task).changed

    assert stored(aws) == policy(allow("pull", root(TEAM)), BUILDS)
    assert [change["principal"] for change in result.rows[NAME]["revoked"]] == [DELETED_ROLE, DELETED_USER]
    assert not result.rows["foreign"]["changed"]
    (warning,) = result.rows["foreign"]["warnings"]
    assert (warning["kind"], warning["principals"]) == ("deleted_principal", [DELETED_ROLE])
    assert stored(aws, "undone") == policy(BUILDS)


def test_a_policy_that_locks_its_owner_out_is_set_by_force_alone(aws: EmbeddedAws, run: Run) -> None:
    locked = policy({"Sid": "hands off", "Effect": "Deny", "Principal": "*", "Action": "ecr:SetRepositoryPolicy"})
    aws.plant(NAME, locked)
    task = {"repositories": [NAME], "grants": [{"principals": [TEAM]}]}

    assert "would prevent setting another policy" in run(**task).row["error"]
    assert stored(aws) == locked
    assert run(**task, force_set_policy=True).changed
    assert stored(aws) == policy(*locked["Statement"], allow("pull", root(TEAM)))


def test_statements_by_hand_are_taken_over_and_taken_away(aws: EmbeddedAws, run: Run) -> None:
    role = f"arn:aws:iam::{TEAM}:role/ci"
    by_hand = {**SCANNERS, "Principal": {"AWS": [root(TEAM), role, *SCANNERS["Principal"]["AWS"]]}}
    builds = {**BUILDS, "Condition": {"StringEquals": {"aws:SourceAccount": [PARTNER, TEAM]}}}
    lambdas = {**LAMBDAS_OWN, "Condition": {"StringLike": {"aws:sourceArn": functions(TEAM)}}}
    aws.plant(NAME, policy(by_hand, builds, lambdas, DELETION_DENIED))
    task = {"repositories": [NAME], "unmanaged_access": "revoke"}
    grants = [{"principals": [TEAM], "access": ["pull", "describe"], "lambda_regions": [REGION]}]

    taken_over = run(**task, grants=grants)

    scanners = {**SCANNERS, "Principal": {"AWS": [role, *SCANNERS["Principal"]["AWS"]]}}
    managed = (
        allow("pull", root(TEAM), Sid="AllowPull2"),
        allow("describe", root(TEAM)),
        allow_functions(functions(TEAM)),
    )
    assert PolicyComparison("aws").equal(stored(aws), policy(scanners, BUILDS, DELETION_DENIED, *managed))
    assert taken_over.row["granted"] == [{"principal": TEAM, "access": ["describe"], "lambda_regions": []}]
    assert taken_over.row["revoked"] == []
    (others,) = taken_over.row["revoked_actions"]
    assert set(others["actions"]) == {
        *(f"{action} through codebuild.amazonaws.com" for action in PULL),
        *(f"ecr:{action}RepositoryPolicy through lambda.amazonaws.com" for action in ("Delete", "Get", "Set")),
    }
    assert not run(**task, grants=grants).changed

    gone = run(**task, grants=[{"principals": [TEAM]}], state="absent", whole_account=True)

    assert PolicyComparison("aws").equal(stored(aws), policy(SCANNERS, BUILDS, DELETION_DENIED))
    changes = gone.values["changes"]
    assert [(change["change"], change["principal"]) for change in changes] == [("revoked", TEAM), ("revoked", role)]
    assert [change["lambda_regions"] for change in changes] == [[REGION], []]
    assert all(change["repositories"] == [NAME] for change in changes)
    assert not run(**task, grants=[{"principals": [TEAM]}], state="absent", whole_account=True).changed


class TestWarnings:
    """Each is in the row of its repository, and each kind once in the warnings of the task, with a count."""

    def test_the_task_warns_once_a_kind_with_a_count(self, aws: EmbeddedAws, run: Run) -> None:
        denied = {"Sid": "no more", "Effect": "Deny", "Principal": {"AWS": root(TEAM)}, "Action": "ecr:BatchGet*"}
        everybody = {"Effect": "Allow", "Principal": "*", "Action": ["ecr:BatchGetImage", "ecr:PutImage"]}
        # Needs no change, and is warned about all the same.
        unchanged = policy(denied, {**denied, "Sid": "never"}, allow("pull", root(TEAM)))
        aws.plant_many(
            {"app": policy(denied, everybody), "base/go": unchanged, "base/python": policy(allow("pull", root(TEAM)))}
        )
        task = {"repositories": ["*"], "grants": [{"principals": [TEAM]}]}

        result = run(**task)

        kinds = {name: [warning["kind"] for warning in row["warnings"]] for name, row in result.rows.items()}
        assert kinds == {"app": ["public", "explicit_deny"], "base/go": ["explicit_deny"] * 2, "base/python": []}
        assert (result.rows["base/go"]["changed"], result.values["summary"]["warnings"]) == (False, 4)
        (opened, closed) = sorted(result.warnings)
        assert (opened[:6], closed[:6]) == ("1 of 3", "2 of 3")
        assert closed.endswith(result.rows["app"]["warnings"][1]["message"])
        assert result.warnings == run(**task, check=True).warnings

    def test_a_policy_that_aws_stores_in_other_words_is_told(self, aws: EmbeddedAws, run: Run) -> None:
        # The embedded AWS names the account of a NotPrincipal by its ARN, which there need not mean the same.
        others = {"Sid": "others", "Effect": "Deny", "NotPrincipal": {"AWS": PARTNER}, "Action": "ecr:DeleteRepository"}
        aws.plant(NAME, policy(others))

        result = run(repositories=[NAME], grants=[{"principals": [TEAM]}])

        assert result.changed
        (warning,) = result.row["warnings"]
        assert warning["kind"] == "stored_policy_differs"
        assert root(PARTNER) in warning["message"]

    def test_a_region_that_boto3_does_not_know_is_granted(self, aws: EmbeddedAws, run: Run) -> None:
        aws.plant(NAME, None)
        regions = [REGION, "us-esat-1"]

        result = run(repositories=[NAME], grants=[{"principals": [TEAM], "lambda_regions": regions}])

        assert result.row["granted"] == [{"principal": TEAM, "access": ["pull"], "lambda_regions": regions}]
        (warning,) = result.warnings
        assert "boto3 knows no region us-esat-1" in warning


class TestElsewhere:
    def test_the_registry_of_another_account_and_what_is_its_own_there(self, aws: EmbeddedAws, run: Run) -> None:
        builder = f"arn:aws:iam::{OTHER_ACCOUNT}:role/builder"
        aws.plant(NAME, None)
        aws.plant(NAME, policy(allow("push", builder, PUBLISHER)), account=OTHER_ACCOUNT)

        result = run(
            repositories=["base/*"],
            grants=[{"principals": [TEAM]}],
            purge_grants=True,
            registry_id=OTHER_ACCOUNT,
            diff=True,
        )

        assert stored(aws, account=OTHER_ACCOUNT) == policy(allow("push", builder), allow("pull", root(TEAM)))
        assert stored(aws) is None
        assert [change["principal"] for change in result.row["revoked"]] == [PUBLISHER]

    def test_another_partition_names_principals_in_its_own_way(self, aws: EmbeddedAws, run: Run) -> None:
        aws.plant(NAME, None, region="cn-north-1")
        task = {
            "repositories": [NAME],
            "grants": [{"principals": [TEAM], "lambda_regions": ["cn-north-1"]}],
            "region": "cn-north-1",
        }

        run(**task)

        assert stored(aws, region="cn-north-1") == policy(
            allow("pull", "arn:aws-cn:iam::111122223333:root"),
            allow_functions("arn:aws-cn:lambda:cn-north-1:111122223333:function:*"),
        )
        assert not run(**task).changed
