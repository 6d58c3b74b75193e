# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of policies: sharing, sharing no more, purge, orphans; always with a second run that does nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
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
    UNIT,
    Policy,
    Statement,
    allow,
    allow_functions,
    allow_organization,
    functions,
    policy,
    root,
)
from ansible_collections.imageshare.aws.tests.support.embedded_aws import ACCOUNT, REGION, EmbeddedAws
from ansible_collections.imageshare.aws.tests.support.policies import PULL

NAME = "base/python"
OTHER_ACCOUNT = "210987654321"


def stored(aws: EmbeddedAws, name: str = NAME, **where: str) -> Policy | None:
    text = aws.policies(**where)[name]
    return None if text is None else json.loads(text)


def sorted_principals(document: Policy) -> Policy:
    """The policy with a list of statements, and with the principals of each in one order: AWS answers them in any."""

    def settled(statement: Statement) -> Statement:
        lists = {
            element: {"AWS": sorted(statement[element]["AWS"])}
            for element in ("Principal", "NotPrincipal")
            if isinstance(statement.get(element), dict) and isinstance(statement[element].get("AWS"), list)
        }
        return {**statement, **lists}

    listed = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
    return {**document, "Statement": [settled(statement) for statement in listed]}


@pytest.mark.parametrize(
    ("grant", "expected"),
    [
        pytest.param(
            {"principals": [TEAM]},
            {
                "Version": "2008-10-17",
                "Statement": [
                    {
                        "Sid": "AllowPull",
                        "Effect": "Allow",
                        "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
                        "Action": [
                            "ecr:GetDownloadUrlForLayer",
                            "ecr:BatchGetImage",
                            "ecr:BatchCheckLayerAvailability",
                        ],
                    }
                ],
            },
            id="pull",
        ),
        pytest.param(
            {"principals": [TEAM], "access": ["pull", "push"]},
            {
                "Version": "2008-10-17",
                "Statement": [
                    {
                        "Sid": "AllowPullAndPush",
                        "Effect": "Allow",
                        "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
                        "Action": [
                            "ecr:GetDownloadUrlForLayer",
                            "ecr:BatchGetImage",
                            "ecr:BatchCheckLayerAvailability",
                            "ecr:PutImage",
                            "ecr:InitiateLayerUpload",
                            "ecr:UploadLayerPart",
                            "ecr:CompleteLayerUpload",
                        ],
                    }
                ],
            },
            id="pull and push",
        ),
        pytest.param(
            {"principals": [TEAM], "access": ["pull"], "lambda_regions": ["us-east-1"]},
            {
                "Version": "2008-10-17",
                "Statement": [
                    {
                        "Sid": "AllowPull",
                        "Effect": "Allow",
                        "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
                        "Action": [
                            "ecr:GetDownloadUrlForLayer",
                            "ecr:BatchGetImage",
                            "ecr:BatchCheckLayerAvailability",
                        ],
                    },
                    {
                        "Sid": "AllowLambdaPull",
                        "Effect": "Allow",
                        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                        "Principal": {"Service": "lambda.amazonaws.com"},
                        "Condition": {
                            "StringLike": {"aws:sourceARN": "arn:aws:lambda:us-east-1:111122223333:function:*"}
                        },
                    },
                ],
            },
            id="pull, and Lambda functions",
        ),
    ],
)
def test_a_repository_without_a_policy_gets_the_documented_one_to_the_letter(
    aws: EmbeddedAws, run: Run, grant: dict[str, Any], expected: Policy
) -> None:
    aws.plant(NAME, None)

    result = run(repositories=[NAME], grants=[grant], include_policy=True)

    assert result.changed
    # As text, because the order of the members counts here.
    assert json.dumps(result.row["policy"]) == json.dumps(expected)
    assert stored(aws) == expected
    operations = ["GetRepositoryPolicy", "SetRepositoryPolicy", "GetRepositoryPolicy"]
    assert aws.journal() == [(operation, NAME) for operation in operations]


SHARED = (
    allow("pull", root(TEAM)),
    allow("pull_push", CI),
    allow_functions(functions(TEAM)),
)
PULLED_BEFORE = {"Sid": "cross-account pulling", "Action": [action.lower() for action in PULL]}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(policy(LAMBDAS_OWN), policy(LAMBDAS_OWN, *SHARED), id="Lambda wrote a statement of its own"),
        pytest.param(
            {"Version": "2012-10-17", "Id": "guard rails", "Statement": [PLAIN_HTTP_DENIED, DELETION_DENIED]},
            {"Version": "2012-10-17", "Id": "guard rails", "Statement": [PLAIN_HTTP_DENIED, DELETION_DENIED, *SHARED]},
            id="denials, one without a Sid, in another version and with an Id",
        ),
        pytest.param(
            policy(allow("pull", PUBLISHER, root(STRANGER), **PULLED_BEFORE), BUILDS),
            policy(allow("pull", PUBLISHER, root(STRANGER), root(TEAM), **PULLED_BEFORE), BUILDS, *SHARED[1:]),
            id="others pull already, by a statement with a Sid and a spelling of somebody else",
        ),
        pytest.param(
            policy(SCANNERS, BUILDS),
            policy(SCANNERS, BUILDS, {**SHARED[0], "Sid": "AllowPull2"}, *SHARED[1:]),
            id="a foreign statement has our Sid",
        ),
        pytest.param(
            {"Statement": allow_organization("pull", ORGANIZATION)},
            {"Statement": [allow_organization("pull", ORGANIZATION), *SHARED]},
            id="a single statement that is no list, and no version",
        ),
    ],
)
def test_grants_join_what_is_there_and_leave_it_alone(
    aws: EmbeddedAws, run: Run, before: Policy, after: Policy
) -> None:
    aws.plant(NAME, before)
    task = {
        "repositories": [NAME],
        "grants": [
            {"principals": [TEAM], "lambda_regions": [REGION]},
            {"principals": [CI], "access": ["pull", "push"]},
        ],
        "include_policy": True,
    }

    first = run(**task)
    assert first.row["policy"] == after
    assert stored(aws) == after
    assert first.row["granted"] == [
        {"principal": TEAM, "access": ["pull"], "lambda_regions": [REGION]},
        {"principal": CI, "access": ["pull", "push"], "lambda_regions": []},
    ]
    assert first.row["revoked"] == []

    aws.reset_calls()
    second = run(**task)
    assert not second.changed
    assert second.row.keys() == {"name", "changed", "granted", "revoked", "warnings"}
    assert aws.journal() == [("GetRepositoryPolicy", NAME)], "one call, and no write"

    undone = run(**task, state="absent")
    assert undone.changed
    assert sorted_principals(stored(aws)) == sorted_principals(before)


@pytest.mark.parametrize(
    ("before", "grant", "after", "granted", "revoked"),
    [
        pytest.param(
            allow("pull_push", root(TEAM)),
            {"principals": [TEAM]},
            allow("pull", root(TEAM)),
            [],
            [{"principal": TEAM, "access": ["push"], "lambda_regions": []}],
            id="pull takes the push away",
        ),
        pytest.param(
            allow_functions(functions(TEAM, "eu-west-1")),
            {"principals": [TEAM], "access": [], "lambda_regions": [REGION]},
            allow_functions(functions(TEAM)),
            [{"principal": TEAM, "access": [], "lambda_regions": [REGION]}],
            [{"principal": TEAM, "access": [], "lambda_regions": ["eu-west-1"]}],
            id="another region takes the place of the one before",
        ),
        pytest.param(
            allow_organization("pull", "o-z9y8x7w6v5"),
            {"principals": [ORGANIZATION]},
            allow_organization("pull", "o-z9y8x7w6v5", ORGANIZATION),
            [{"principal": ORGANIZATION, "access": ["pull"], "lambda_regions": []}],
            [],
            id="an organization joins another one",
        ),
    ],
)
def test_access_becomes_exactly_what_is_declared(
    aws: EmbeddedAws,
    run: Run,
    before: Statement,
    grant: dict[str, Any],
    after: Statement,
    granted: list[dict[str, Any]],
    revoked: list[dict[str, Any]],
) -> None:
    aws.plant(NAME, policy(before))

    result = run(repositories=[NAME], grants=[grant])

    assert stored(aws) == policy(after)
    assert (result.row["granted"], result.row["revoked"]) == (granted, revoked)


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
        assert aws.calls() == {"GetRepositoryPolicy": 12}
    assert aws.policies() == texts


class TestAbsent:
    @pytest.mark.parametrize(
        ("before", "after"),
        [
            pytest.param(
                policy(allow("pull", root(PARTNER), root(TEAM), CI), BUILDS),
                policy(allow("pull", root(PARTNER), CI), BUILDS),
                id="others keep their access",
            ),
            pytest.param(
                policy(
                    PLAIN_HTTP_DENIED,
                    allow("push", root(TEAM)),
                    allow("pull_push", root(TEAM)),
                    allow_functions(functions(TEAM), functions(TEAM, "eu-west-*")),
                ),
                policy(PLAIN_HTTP_DENIED),
                id="a statement goes with its last principal, whatever the access was",
            ),
            pytest.param(
                policy(allow("pull", TEAM), allow("pull", root(TEAM), Sid="once more")),
                None,
                id="the policy goes with its last statement",
            ),
        ],
    )
    def test_the_named_principal_leaves(self, aws: EmbeddedAws, run: Run, before: Policy, after: Policy | None) -> None:
        aws.plant(NAME, before)
        task = {
            "repositories": [NAME],
            # Access and regions are ignored, even such as sharing would refuse.
            "grants": [{"principals": [TEAM], "access": ["push"], "lambda_regions": [REGION]}],
            "state": "absent",
            "include_policy": True,
        }

        first = run(**task)
        assert first.row["policy"] == stored(aws) == after
        write = "DeleteRepositoryPolicy" if after is None else "SetRepositoryPolicy"
        read = "GetRepositoryPolicy"
        assert aws.journal() == [(operation, NAME) for operation in (read, write, read)]

        aws.reset_calls()
        assert not run(**task).changed
        assert aws.journal() == [("GetRepositoryPolicy", NAME)]

    def test_a_repository_that_does_not_exist_is_no_failure(self, aws: EmbeddedAws, run: Run) -> None:
        aws.plant(NAME, policy(allow("pull", root(TEAM))))

        result = run(repositories=["gone", NAME, "none/*"], grants=[{"principals": [TEAM]}], state="absent")

        assert not result.failed
        assert {name: (row["changed"], row.get("missing")) for name, row in result.rows.items()} == {
            "gone": (False, True),
            NAME: (True, None),
            "none/*": (False, True),
        }
        assert aws.policies() == {NAME: None}


def test_purge_takes_out_who_is_not_declared_and_spares_the_owner_and_the_unclear(aws: EmbeddedAws, run: Run) -> None:
    one_function, everybody = functions(PARTNER, name="resize"), "arn:aws:lambda:*:*:function:*"
    before = policy(
        LAMBDAS_OWN,
        allow("pull", root(TEAM), root(STRANGER), root(ACCOUNT), CI),
        allow("pull_push", PUBLISHER, root(PARTNER)),
        allow("push", STRANGER),
        allow_organization("pull", ORGANIZATION, "o-*"),
        allow_functions(functions(TEAM), functions(PARTNER), functions(ACCOUNT), one_function, everybody),
    )
    aws.plant_many({NAME: before, "services/api": before, "services/web": before})
    task = {
        "repositories": [NAME, "services/*"],
        "grants": [
            {"principals": [TEAM], "repositories": [NAME, "services/api"]},
            {"principals": [UNIT], "repositories": [NAME]},
        ],
        "purge_grants": True,
    }

    result = run(**task)

    kept = [
        LAMBDAS_OWN,
        allow("pull", root(TEAM), root(ACCOUNT)),
        allow("pull_push", PUBLISHER),
        allow_organization("pull", "o-*"),
        allow_functions(functions(TEAM), functions(ACCOUNT), one_function, everybody),
    ]
    unit = allow_organization("pull", Sid="AllowOrganizationalUnitPull") | {
        "Condition": {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": UNIT}}
    }
    assert {name: json.loads(text) for name, text in aws.policies().items()} == {
        NAME: policy(*kept, unit),
        "services/api": policy(*kept),
        "services/web": before,
    }
    revoked = result.rows["services/api"]["revoked"]
    assert {change["principal"]: change["access"] for change in revoked} == {
        STRANGER: ["pull", "push"],
        CI: ["pull"],
        PARTNER: ["pull", "push"],
        ORGANIZATION: ["pull"],
    }
    assert result.rows[NAME]["unmanaged_values"] == [
        {"sid": "AllowOrganizationPull", "value": "o-*"},
        {"sid": "AllowLambdaPull", "value": one_function},
        {"sid": "AllowLambdaPull", "value": everybody},
    ]
    assert ("GetRepositoryPolicy", "services/web") not in aws.journal(), "no grant covers it"

    aws.reset_calls()
    assert not run(**task).changed
    assert aws.calls() == {"DescribeRepositories": 1, "GetRepositoryPolicy": 2}


class TestDeletedPrincipals:
    BEFORE = policy(allow("pull", root(TEAM), DELETED_ROLE), allow("push", DELETED_USER), BUILDS)

    def test_pruning_takes_them_out_of_managed_statements(self, aws: EmbeddedAws, run: Run) -> None:
        aws.plant(NAME, self.BEFORE)

        result = run(repositories=[NAME], grants=[{"principals": [PARTNER]}], purge_deleted_principals=True)

        assert stored(aws) == policy(allow("pull", root(TEAM), root(PARTNER)), BUILDS)
        assert [change["principal"] for change in result.row["revoked"]] == [DELETED_ROLE, DELETED_USER]
        assert result.row["warnings"] == []

    def test_pruning_is_reason_enough_to_write(self, aws: EmbeddedAws, run: Run) -> None:
        aws.plant(NAME, self.BEFORE)

        assert run(repositories=[NAME], grants=[{"principals": [TEAM]}], purge_deleted_principals=True).changed
        assert stored(aws) == policy(allow("pull", root(TEAM)), BUILDS)

    def test_pruning_goes_with_absent_too(self, aws: EmbeddedAws, run: Run) -> None:
        aws.plant(NAME, self.BEFORE)

        run(repositories=[NAME], grants=[{"principals": [TEAM]}], purge_deleted_principals=True, state="absent")

        assert stored(aws) == policy(BUILDS)

    def test_those_in_unmanaged_statements_stay_and_are_named(self, aws: EmbeddedAws, run: Run) -> None:
        foreign = {**SCANNERS, "Principal": {"AWS": DELETED_ROLE}}
        aws.plant(NAME, policy(foreign, allow("pull", root(TEAM))))

        result = run(repositories=[NAME], grants=[{"principals": [TEAM]}], purge_deleted_principals=True)

        assert (result.failed, result.changed) == (False, False)
        (warning,) = result.row["warnings"]
        assert (warning["kind"], warning["principals"]) == ("deleted_principal", [DELETED_ROLE])
        assert stored(aws) == policy(foreign, allow("pull", root(TEAM)))


class TestForce:
    LOCKED = policy({"Sid": "hands off", "Effect": "Deny", "Principal": "*", "Action": "ecr:SetRepositoryPolicy"})

    def test_a_policy_that_locks_its_owner_out_is_refused(self, aws: EmbeddedAws, run: Run) -> None:
        aws.plant(NAME, self.LOCKED)

        result = run(repositories=[NAME], grants=[{"principals": [TEAM]}])

        assert result.failed
        assert "would prevent setting another policy" in result.row["error"]
        assert stored(aws) == self.LOCKED

    def test_force_sets_it_all_the_same(self, aws: EmbeddedAws, run: Run) -> None:
        aws.plant(NAME, self.LOCKED)

        assert run(repositories=[NAME], grants=[{"principals": [TEAM]}], force_set_policy=True).changed
        assert stored(aws) == policy(*self.LOCKED["Statement"], allow("pull", root(TEAM)))


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

    def test_another_region_has_policies_of_its_own(self, aws: EmbeddedAws, run: Run) -> None:
        aws.plant(NAME, None)
        aws.plant(NAME, None, region="eu-west-1")

        run(repositories=[NAME], grants=[{"principals": [TEAM]}], region="eu-west-1")

        assert stored(aws) is None
        assert stored(aws, region="eu-west-1") == policy(allow("pull", root(TEAM)))

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
