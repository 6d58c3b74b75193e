# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The embedded AWS, as boto3 and the control interface see it from another process."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
from ansible_collections.imageshare.aws.tests.support import embedded_aws
from ansible_collections.imageshare.aws.tests.support.embedded_aws import ACCESS_KEY, ACCOUNT, EmbeddedAws
from ansible_collections.imageshare.aws.tests.unit.support.embedded_calls import (
    GONE,
    ROLE,
    ROOT,
    outcome,
    policy,
    raw_call,
    shared_with,
    statement,
)
from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import ClientError


def set_policy(client: Any, wanted: Any, **parameters: Any) -> str:
    text = wanted if isinstance(wanted, str) else json.dumps(wanted)
    return client.set_repository_policy(repositoryName="app", policyText=text, **parameters)["policyText"]


def get_policy(client: Any, name: str = "app") -> str:
    return client.get_repository_policy(repositoryName=name)["policyText"]


DENIED_TO_ALL = {"Effect": "Deny", "Principal": "*"}

INVALID = "Invalid repository policy provided"


@pytest.mark.parametrize(
    ("refused", "constraint"),
    [
        pytest.param("pull, please", INVALID, id="text that is not JSON"),
        pytest.param("[" * 9000, INVALID, id="brackets without end"),
        pytest.param([policy()], INVALID, id="a list of policies"),
        pytest.param({"Version": "2008-10-17"}, INVALID, id="no statements"),
        pytest.param(policy(Statement=[]), INVALID, id="an empty list of statements"),
        pytest.param(policy(Statement="Allow"), INVALID, id="a statement that is no object"),
        pytest.param(policy(Version="2020-01-01"), INVALID, id="a version that does not exist"),
        pytest.param(policy(Comment="mine"), INVALID, id="an unknown element of the policy"),
        pytest.param(policy(statement(Comment="mine")), INVALID, id="an unknown element of a statement"),
        pytest.param(policy(statement(), statement(Effect="allow")), INVALID, id="an effect in the wrong case"),
        pytest.param(policy(statement(Effect=None)), INVALID, id="no effect"),
        pytest.param(policy(statement(Principal=None)), INVALID, id="no principal"),
        pytest.param(policy(statement(NotPrincipal="*")), INVALID, id="both Principal and NotPrincipal"),
        pytest.param(policy(statement(Action=None)), INVALID, id="no action"),
        pytest.param(policy(statement(Action=[])), INVALID, id="an empty list of actions"),
        pytest.param(policy(statement(Action="BatchGetImage")), INVALID, id="an action without a service"),
        pytest.param(policy(statement(NotAction="ecr:*")), INVALID, id="both Action and NotAction"),
        pytest.param(policy(statement(Resource="*")), INVALID, id="a Resource"),
        pytest.param(policy(statement(NotResource="*")), INVALID, id="a NotResource"),
        pytest.param(policy(statement(Sid=1)), INVALID, id="a Sid that is a number"),
        pytest.param(policy(statement(Condition="never")), INVALID, id="a condition that is no object"),
        pytest.param(policy(statement(Principal=ROOT)), INVALID, id="an ARN in the place of a principal map"),
        pytest.param(policy(statement(Principal={})), INVALID, id="an empty principal map"),
        pytest.param(policy(statement(Principal={"Group": "ci"})), INVALID, id="an unknown kind of principal"),
        pytest.param(policy(statement(Principal={"Service": []})), INVALID, id="an empty list of services"),
        pytest.param(shared_with(), INVALID, id="an empty list of AWS principals"),
        pytest.param(shared_with(ROOT, "arn:aws:iam::*:root"), INVALID, id="a principal with a wildcard inside"),
        pytest.param(shared_with("arn:aws:iam::444455556666:role/*"), INVALID, id="a role with a wildcard"),
        pytest.param(shared_with("arn:aws-cn:iam::111122223333:root"), INVALID, id="a principal of another partition"),
        pytest.param(shared_with("1234"), INVALID, id="an account id that is too short"),
        pytest.param(shared_with("arn:aws:s3:::bucket"), INVALID, id="an ARN of another service"),
        pytest.param(shared_with(ROOT, GONE), INVALID, id="the unique id of a deleted role"),
        pytest.param(shared_with("AIDAEXAMPLEEXAMPLEEXA"), INVALID, id="the unique id of a deleted user"),
        pytest.param(
            policy(Id="x" * 10_240), "must have length less than or equal to 10240", id="more than 10,240 characters"
        ),
        *(
            pytest.param(
                policy(statement(**DENIED_TO_ALL | elements)),
                "The policy would prevent setting another policy; use force to set it all the same",
                id=f"a Deny for everybody {how}",
            )
            for how, elements in {
                "on setting policies": {"Action": ["ecr:PutImage", "ecr:SetRepositoryPolicy"]},
                "on all of ECR": {"Action": "ecr:*"},
                "on everything": {"Action": "*", "Principal": {"AWS": ["*"]}},
                "on all but one action": {"Action": None, "NotAction": "ecr:BatchGetImage"},
            }.items()
        ),
    ],
)
def test_set_refuses(aws: EmbeddedAws, ecr: Any, refused: Any, constraint: str) -> None:
    with pytest.raises(ClientError) as caught:
        set_policy(ecr, refused)

    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert caught.value.response["Error"] == {
        "Code": "InvalidParameterException",
        "Message": f"Invalid parameter at 'PolicyText' failed to satisfy constraint: '{constraint}'",
    }
    assert aws.policies()["app"] is None


@pytest.mark.parametrize(
    "accepted",
    [
        pytest.param(policy(), id="a root ARN"),
        pytest.param(policy(Statement=statement()), id="a single statement outside a list"),
        pytest.param(policy(Id="x" * 10_000), id="just under the limit of characters"),
        pytest.param(policy(statement(Principal="*")), id="everybody"),
        pytest.param(policy(statement(Principal={"AWS": "*"})), id="everybody in a map"),
        pytest.param(policy(statement(Principal={"Service": "lambda.amazonaws.com"})), id="a service"),
        pytest.param(policy(statement(Principal=None, NotPrincipal={"AWS": ROLE})), id="everybody but one"),
        pytest.param(shared_with(ROLE, "arn:aws:sts::444455556666:assumed-role/ci/me"), id="a role and a session"),
        pytest.param(policy(statement(Action="ecr:NoSuchAction")), id="an action that ECR does not know"),
        pytest.param(policy(statement(Sid="two words"), statement(Sid="two words")), id="the same odd Sid twice"),
        pytest.param(policy(statement(Effect="Deny", Action="ecr:*")), id="a Deny for one account"),
        pytest.param(
            policy(statement(**DENIED_TO_ALL, Condition={"Bool": {"aws:SecureTransport": "false"}})),
            id="a Deny for everybody under a condition",
        ),
        pytest.param(policy(statement(**DENIED_TO_ALL)), id="a Deny for everybody on something harmless"),
    ],
)
def test_set_accepts(aws: EmbeddedAws, ecr: Any, accepted: dict[str, Any]) -> None:
    set_policy(ecr, accepted)

    assert json.loads(aws.policies()["app"]) == accepted


def test_force_sets_a_policy_that_locks_the_owner_out(ecr: Any) -> None:
    locked = policy(statement(**DENIED_TO_ALL, Action="ecr:*"))

    assert json.loads(set_policy(ecr, locked, force=True)) == locked


@pytest.mark.parametrize(
    ("region", "partition"), [("us-east-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_an_account_id_becomes_the_root_arn_of_the_regions_partition(
    ecr: Any, clients: dict[str, Any], region: str, partition: str
) -> None:
    shown = json.loads(set_policy(clients[region], policy(statement(Principal={"AWS": "111122223333"}))))

    assert shown["Statement"][0]["Principal"] == {"AWS": f"arn:{partition}:iam::111122223333:root"}


def test_text_is_printed_as_aws_prints_it(ecr: Any) -> None:
    set_policy(ecr, policy(statement(Principal={"AWS": ROOT}, Action=["ecr:PutImage", "ecr:BatchGetImage"], Sid="ü")))

    assert get_policy(ecr) == (
        "{\n"
        '  "Version" : "2008-10-17",\n'
        '  "Statement" : [ {\n'
        '    "Sid" : "ü",\n'
        '    "Effect" : "Allow",\n'
        '    "Principal" : {\n'
        '      "AWS" : "arn:aws:iam::111122223333:root"\n'
        "    },\n"
        '    "Action" : [ "ecr:PutImage", "ecr:BatchGetImage" ]\n'
        "  } ]\n"
        "}"
    )


# Of each: what was sent to the real AWS, and what it answered.
RECORDINGS = {
    # Test data of Cloud Custodian, test_cross_account_ecr__api.ecr.SetRepositoryPolicy_1.json.
    "cloud custodian": (
        {
            "Id": "Foo",
            "Version": "2012-10-17",
            "Statement": [{"Action": "ecr:BatchGetImage", "Effect": "Allow", "Principal": "*"}],
        },
        """{
  "Version" : "2012-10-17",
  "Id" : "Foo",
  "Statement" : [ {
    "Effect" : "Allow",
    "Principal" : "*",
    "Action" : "ecr:BatchGetImage"
  } ]
}""",
    ),
    # https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_SetRepositoryPolicy.html, its example.
    "reference of the API": (
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "AllowPull",
                    "Effect": "Allow",
                    "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                    "Principal": "*",
                }
            ],
        },
        """{
  "Version" : "2012-10-17",
  "Statement" : [ {
    "Sid" : "AllowPull",
    "Effect" : "Allow",
    "Principal" : "*",
    "Action" : [ "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer" ]
  } ]
}""",
    ),
    # A record of CloudTrail of November 2020, in panther-analysis, rule aws_resource_made_public.
    "panther": (
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Action": [
                        "ecr:BatchCheckLayerAvailability",
                        "ecr:BatchGetImage",
                        "ecr:GetAuthorizationToken",
                        "ecr:GetDownloadUrlForLayer",
                    ],
                    "Effect": "Allow",
                    "Principal": "*",
                    "Sid": "PublicRead",
                }
            ],
        },
        """{
  "Version" : "2012-10-17",
  "Statement" : [ {
    "Sid" : "PublicRead",
    "Effect" : "Allow",
    "Principal" : "*",
    "Action" : [ "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetAuthorizationToken", """
        """"ecr:GetDownloadUrlForLayer" ]
  } ]
}""",
    ),
    # The documentation of Endgame, on ECR.
    "endgame": (
        {
            "Version": "2008-10-17",
            "Statement": [{"Sid": "allow public pull", "Effect": "Allow", "Principal": "*", "Action": ["ecr:*"]}],
        },
        """{
  "Version" : "2008-10-17",
  "Statement" : [ {
    "Sid" : "allow public pull",
    "Effect" : "Allow",
    "Principal" : "*",
    "Action" : "ecr:*"
  } ]
}""",
    ),
}


@pytest.mark.parametrize(("sent", "stored"), RECORDINGS.values(), ids=RECORDINGS.keys())
def test_a_policy_is_stored_as_recordings_of_aws_show(
    aws: EmbeddedAws, ecr: Any, sent: dict[str, Any], stored: str
) -> None:
    assert set_policy(ecr, sent) == get_policy(ecr) == aws.policies()["app"] == stored


def test_the_order_of_members_is_that_of_aws_and_what_is_inside_them_stays(ecr: Any) -> None:
    condition = {"StringLike": {"b": ["2", "1"], "a": "x"}, "Bool": {"aws:SecureTransport": "true"}}
    denied = {"Condition": condition, "NotAction": ["ecr:b", "ecr:a"], "NotPrincipal": {"AWS": ROLE}, "Effect": "Deny"}

    shown = json.loads(set_policy(ecr, {"Statement": denied, "Id": "x", "Version": "2012-10-17"}))

    assert list(shown) == ["Version", "Id", "Statement"]
    assert list(shown["Statement"]) == ["Effect", "NotPrincipal", "NotAction", "Condition"]
    assert json.dumps(shown["Statement"]["Condition"]) == json.dumps(condition)
    assert shown["Statement"] == denied


def test_principals_come_in_another_order_from_read_to_read(aws: EmbeddedAws, ecr: Any) -> None:
    principals = [f"arn:aws:iam::444455556666:role/{number}" for number in range(6)]
    set_policy(ecr, shared_with(*principals))

    def reads() -> list[list[str]]:
        aws.settings(seed=7)
        return [json.loads(get_policy(ecr))["Statement"][0]["Principal"]["AWS"] for _time in range(10)]

    orders = reads()
    assert len({tuple(order) for order in orders}) > 5
    assert all(sorted(order) == principals for order in orders)
    assert reads() == orders, "the same seed shows the same orders"


def test_a_list_of_one_principal_is_shown_as_a_list_or_a_scalar(ecr: Any) -> None:
    set_policy(ecr, shared_with(ROOT))

    shown = [json.loads(get_policy(ecr))["Statement"][0]["Principal"]["AWS"] for _time in range(20)]
    assert ROOT in shown
    assert [ROOT] in shown


def test_statements_sids_and_actions_keep_their_order(ecr: Any) -> None:
    ordered = policy(*(statement(Sid=sid, Action=["ecr:b", "ecr:a", "ecr:c"]) for sid in "312"))
    set_policy(ecr, ordered)

    assert all(json.loads(get_policy(ecr)) == ordered for _time in range(5))


MISSING_REPOSITORY = (
    "RepositoryNotFoundException",
    f"The repository with name 'none' does not exist in the registry with id '{ACCOUNT}'",
)
MISSING_POLICY = (
    "RepositoryPolicyNotFoundException",
    f"Repository policy does not exist for the repository with name 'app' in the registry with id '{ACCOUNT}'",
)


@pytest.mark.parametrize(
    ("operation", "parameters", "error"),
    [
        pytest.param("get_repository_policy", {}, MISSING_POLICY, id="reading no policy"),
        pytest.param("delete_repository_policy", {}, MISSING_POLICY, id="deleting no policy"),
        *(
            pytest.param(operation, {"repositoryName": "none"} | more, MISSING_REPOSITORY, id=f"{operation} on nothing")
            for operation, more in {
                "get_repository_policy": {},
                "delete_repository_policy": {},
                "set_repository_policy": {"policyText": json.dumps(policy())},
            }.items()
        ),
    ],
)
def test_errors_about_what_does_not_exist(
    ecr: Any, operation: str, parameters: dict[str, Any], error: tuple[str, str]
) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(ecr, operation)(**{"repositoryName": "app"} | parameters)

    shown = caught.value.response["Error"]
    assert (shown["Code"], shown["Message"]) == error


def test_delete_answers_the_policy_and_removes_it(aws: EmbeddedAws, ecr: Any) -> None:
    set_policy(ecr, policy())

    deleted = ecr.delete_repository_policy(repositoryName="app")

    assert json.loads(deleted["policyText"]) == policy()
    assert aws.policies() == {"app": None}


def for_registry(*statements: dict[str, Any]) -> dict[str, Any]:
    return policy(*(statements or [statement(Resource="*")]), Version="2012-10-17")


def put_registry_policy(client: Any, wanted: Any) -> str:
    text = wanted if isinstance(wanted, str) else json.dumps(wanted)
    return client.put_registry_policy(policyText=text)["policyText"]


def get_registry_policy(client: Any) -> str:
    return client.get_registry_policy()["policyText"]


REPLICATION = ("ecr:ReplicateImage", "ecr:CreateRepository")


class TestRegistryPolicy:
    @pytest.mark.parametrize(
        "refused",
        [
            pytest.param("pull, please", id="text that is not JSON"),
            pytest.param(policy(Statement=[]), id="no statement"),
            pytest.param(policy(statement()), id="no Resource"),
            pytest.param(policy(statement(Resource=[])), id="an empty list of resources"),
            pytest.param(policy(statement(Resource="")), id="an empty resource"),
            pytest.param(policy(statement(Resource="*", NotResource="*")), id="both Resource and NotResource"),
            pytest.param(policy(statement(Resource="*", Action="s3:GetObject")), id="an action of another service"),
            pytest.param(policy(statement(Resource="*", Effect="allow")), id="an effect in the wrong case"),
            pytest.param(policy(statement(Resource="*", Principal={"AWS": GONE})), id="a deleted principal"),
        ],
    )
    def test_put_refuses(self, aws: EmbeddedAws, ecr: Any, refused: Any) -> None:
        with pytest.raises(ClientError) as caught:
            put_registry_policy(ecr, refused)
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
        assert caught.value.response["Error"] == {
            "Code": "InvalidParameterException",
            "Message": "Invalid parameter at 'PolicyText' failed to satisfy constraint: "
            "'Invalid registry policy provided'",
        }
        assert aws.registry_policy() is None

    def test_put_refuses_what_is_too_long(self, aws: EmbeddedAws, ecr: Any) -> None:
        statements = [statement(Sid=f"s{number}", Resource="*") for number in range(100)]
        assert len(json.dumps(for_registry(*statements))) > 10_240
        # botocore itself knows the length as well.
        client = aws.client(parameter_validation=False)
        with pytest.raises(ClientError, match="must have length less than or equal to 10240"):
            put_registry_policy(client, for_registry(*statements))
        put_registry_policy(client, for_registry(*statements[:50]))

    @pytest.mark.parametrize(
        "accepted",
        [
            pytest.param(statement(Resource="arn:aws:ecr:us-east-1:123456789012:repository/base/*"), id="an ARN"),
            pytest.param(statement(Resource=["a", "b*"]), id="a list of anything"),
            pytest.param(statement(NotResource="*"), id="a NotResource"),
            pytest.param(statement(Resource="*", Principal="*", Action="ecr:*"), id="everybody and all of ECR"),
            pytest.param(statement(Resource="*", Action=None, NotAction="ECR:PutImage"), id="a NotAction"),
            pytest.param(
                statement(Resource="*", Effect="Deny", Principal="*", Action="ecr:*"), id="one that locks out"
            ),
        ],
    )
    def test_put_accepts(self, aws: EmbeddedAws, ecr: Any, accepted: dict[str, Any]) -> None:
        answered = put_registry_policy(ecr, for_registry(accepted))
        assert json.loads(answered) == json.loads(aws.registry_policy() or "") == for_registry(accepted)

    def test_is_stored_as_a_policy_of_a_repository_is(self, aws: EmbeddedAws, ecr: Any) -> None:
        sent = {"Resource": "*", "Action": ["ecr:PutImage"], "Principal": {"AWS": "111122223333"}, "Effect": "Allow"}
        stored = (
            '{\n  "Version" : "2012-10-17",\n  "Statement" : [ {\n    "Effect" : "Allow",\n'
            '    "Principal" : {\n      "AWS" : "arn:aws:iam::111122223333:root"\n    },\n'
            '    "Action" : "ecr:PutImage",\n    "Resource" : "*"\n  } ]\n}'
        )
        assert put_registry_policy(ecr, {"Statement": [sent], "Version": "2012-10-17"}) == stored
        assert get_registry_policy(ecr) == aws.registry_policy() == stored

    def test_principals_come_in_another_order_from_read_to_read(self, ecr: Any) -> None:
        principals = [f"arn:aws:iam::444455556666:role/{number}" for number in range(6)]
        put_registry_policy(ecr, for_registry(statement(Resource="*", Principal={"AWS": principals})))
        orders = [json.loads(get_registry_policy(ecr))["Statement"][0]["Principal"]["AWS"] for _time in range(10)]
        assert len({tuple(order) for order in orders}) > 5
        assert all(sorted(order) == principals for order in orders)

    def test_missing_principals_are_refused(self, aws: EmbeddedAws, ecr: Any) -> None:
        aws.settings(missing_principals=["111122223333"], principal_not_found_message=True)
        with pytest.raises(ClientError, match="failed to satisfy constraint: 'Principal not found'"):
            put_registry_policy(ecr, for_registry())

    @pytest.mark.parametrize("operation", ["get_registry_policy", "delete_registry_policy"])
    def test_errors_where_there_is_none(self, ecr: Any, operation: str) -> None:
        with pytest.raises(ClientError) as caught:
            getattr(ecr, operation)()
        shown = caught.value.response["Error"]
        assert (shown["Code"], shown["Message"]) == (
            "RegistryPolicyNotFoundException",
            f"Registry policy does not exist in the registry with id '{ACCOUNT}'",
        )

    def test_delete_answers_the_policy_and_removes_it(self, aws: EmbeddedAws, ecr: Any) -> None:
        put_registry_policy(ecr, for_registry())
        deleted = ecr.delete_registry_policy()
        assert (deleted["registryId"], json.loads(deleted["policyText"])) == (ACCOUNT, for_registry())
        assert aws.registry_policy() is None

    def test_each_account_and_region_has_its_own_whatever_registry_is_named(
        self, aws: EmbeddedAws, ecr: Any, clients: dict[str, Any]
    ) -> None:
        other = "222222222222"
        aws.plant_registry_policy("mine")
        aws.plant_registry_policy("theirs", account=other)
        assert outcome(clients["cn-north-1"].get_registry_policy) == "RegistryPolicyNotFoundException"
        role = aws.client("sts").assume_role(RoleArn=f"arn:aws:iam::{other}:role/ci", RoleSessionName="test")
        credentials = (role["Credentials"][name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken"))
        theirs = Session(*credentials).client("ecr", "us-east-1", endpoint_url=aws.url)
        assert theirs.get_registry_policy() | {"ResponseMetadata": None} == {
            "registryId": other,
            "policyText": "theirs",
            "ResponseMetadata": None,
        }
        status, answer = raw_call(aws, "GetRegistryPolicy", {"registryId": other})
        assert (status, answer["policyText"]) == (200, "mine")

    @pytest.mark.parametrize("planted", ["no policy", "", json.dumps(policy(statement(Action="s3:*")), indent=1)])
    def test_a_planted_text_is_shown_to_the_letter_until_another_is_put(
        self, aws: EmbeddedAws, ecr: Any, planted: str
    ) -> None:
        aws.plant_registry_policy(planted)
        assert [get_registry_policy(ecr) for _time in range(3)] == [planted] * 3
        assert aws.registry_policy() == planted
        put_registry_policy(ecr, for_registry())
        assert json.loads(get_registry_policy(ecr)) == for_registry()

    def test_a_planted_policy_is_gone_with_none_and_with_a_reset(self, aws: EmbeddedAws) -> None:
        aws.plant_registry_policy(for_registry())
        assert json.loads(aws.registry_policy() or "") == for_registry()
        aws.plant_registry_policy(None)
        assert aws.registry_policy() is None
        aws.plant_registry_policy(for_registry())
        aws.reset()
        assert aws.registry_policy() is None

    @pytest.mark.parametrize(
        ("settings", "error"),
        [
            ({"deny": [{"operation": "*RegistryPolicy"}]}, "AccessDeniedException"),
            ({"deny": [{"repository": "base/*"}]}, "answered"),
            ({"throttle": 1}, "ThrottlingException"),
            ({"server_error": 1}, "ServerException"),
            ({"damage": {"lost": 1}}, "ConnectionClosedError"),
        ],
        ids=repr,
    )
    def test_faults_befall_it_as_well(self, aws: EmbeddedAws, ecr: Any, settings: dict[str, Any], error: str) -> None:
        aws.plant_registry_policy(for_registry())
        aws.settings(**settings)
        assert outcome(ecr.get_registry_policy) == error
        done = {"GetRegistryPolicy": 1}
        let_through = error in ("answered", "ConnectionClosedError")
        assert (aws.calls(), aws.refused()) == ((done, {}) if let_through else ({}, done))
        assert aws.journal() == [("GetRegistryPolicy", None)] * let_through
        assert aws.damaged().get("GetRegistryPolicy", 0) == ("damage" in settings)

    def test_who_is_denied_is_told_the_resource_that_iam_knows(self, aws: EmbeddedAws, ecr: Any) -> None:
        aws.settings(deny=[{"operation": "GetRegistryPolicy"}])
        with pytest.raises(ClientError, match=r"to perform: ecr:GetRegistryPolicy on resource: \* because"):
            ecr.get_registry_policy()


class TestScope:
    @pytest.mark.parametrize(
        ("action", "accepted"),
        [
            ("ecr:ReplicateImage", True),
            (["ecr:BatchImportUpstreamImage", "ecr:createrepository"], True),
            ("ecr:*", True),
            ("ecr:BatchGetImage", False),
            ([*REPLICATION, "ecr:BatchGetImage"], False),
            ("ecr:Batch*", False),
        ],
    )
    def test_with_v1_three_actions_and_all_of_ecr_are_accepted(
        self, aws: EmbeddedAws, ecr: Any, action: Any, accepted: bool
    ) -> None:
        wanted = for_registry(statement(Resource="*", Action=action))
        assert outcome(lambda: put_registry_policy(ecr, wanted)) == "answered", "V2 is the default"
        aws.settings(registry_policy_scope="V1")
        expected = "answered" if accepted else "InvalidParameterException"
        assert outcome(lambda: put_registry_policy(ecr, wanted)) == expected

    def scope(self, client: Any) -> str:
        return client.get_account_setting(name="REGISTRY_POLICY_SCOPE")["value"]

    def test_one_is_put_for_an_account_and_region(self, aws: EmbeddedAws, ecr: Any, clients: dict[str, Any]) -> None:
        assert self.scope(ecr) == "V2"
        aws.settings(registry_policy_scope="V1")
        assert self.scope(ecr) == "V1"
        put = ecr.put_account_setting(name="REGISTRY_POLICY_SCOPE", value="V2")
        assert (put["name"], put["value"]) == ("REGISTRY_POLICY_SCOPE", "V2")
        assert (self.scope(ecr), self.scope(clients["cn-north-1"])) == ("V2", "V1")
        aws.reset()
        aws.settings(registry_policy_scope="V1")
        assert self.scope(ecr) == "V1"

    def test_nobody_goes_back(self, ecr: Any) -> None:
        back = {"name": "REGISTRY_POLICY_SCOPE", "value": "V1"}
        assert outcome(lambda: ecr.put_account_setting(**back)) == "InvalidParameterException"
        assert self.scope(ecr) == "V2"

    def test_other_settings_are_refused(self, ecr: Any) -> None:
        name = "BASIC_SCAN_TYPE_VERSION"
        assert outcome(lambda: ecr.get_account_setting(name=name)) == "InvalidParameterException"
        assert outcome(lambda: ecr.put_account_setting(name=name, value="V2")) == "InvalidParameterException"

    def test_another_scope_is_a_mistake(self, aws: EmbeddedAws) -> None:
        with pytest.raises(ValueError, match="V3"):
            aws.settings(registry_policy_scope="V3")


class TestUnknownOperations:
    @pytest.mark.parametrize(
        ("operation", "parameters"),
        [
            ("describe_pull_through_cache_rules", {}),
            (
                "create_pull_through_cache_rule",
                {"ecrRepositoryPrefix": "base", "upstreamRegistryUrl": "public.ecr.aws"},
            ),
            ("validate_pull_through_cache_rule", {"ecrRepositoryPrefix": "base"}),
        ],
    )
    def test_one_that_only_aws_knows_is_refused_as_aws_would(
        self, aws: EmbeddedAws, ecr: Any, operation: str, parameters: dict[str, Any]
    ) -> None:
        with pytest.raises(ClientError) as caught:
            getattr(ecr, operation)(**parameters)
        assert caught.value.response["Error"]["Code"] == "UnknownOperationException"
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400

    @pytest.mark.parametrize(
        ("service", "operation"), [("ecr", "ShareAll"), ("tagging", "ShareAll"), ("tagging", "GetTagKeys")]
    )
    def test_one_that_nobody_knows_is_refused_as_well(self, aws: EmbeddedAws, service: str, operation: str) -> None:
        assert raw_call(aws, operation, {}, service) == (400, {"__type": "UnknownOperationException"})

    def test_faults_befall_it_first(self, aws: EmbeddedAws, ecr: Any) -> None:
        aws.settings(throttle=1)
        assert outcome(ecr.describe_pull_through_cache_rules) == "ThrottlingException"

    @pytest.mark.parametrize("service", ["sts", "iam"])
    def test_one_of_a_service_that_speaks_xml_is_refused_in_xml(self, aws: EmbeddedAws, service: str) -> None:
        client = aws.client(service, retries={"max_attempts": 0})

        def rename(params: dict[str, Any], **_event: Any) -> None:
            params["body"]["Action"] = "ShareAll"

        client.meta.events.register("before-call", rename)
        call = client.get_caller_identity if service == "sts" else client.list_roles
        assert outcome(call) == "InvalidAction"


class TestMissingPrincipals:
    @pytest.mark.parametrize("named", ["111122223333", ROOT])
    def test_an_account_that_does_not_exist_is_refused_however_it_is_written(
        self, aws: EmbeddedAws, ecr: Any, named: str
    ) -> None:
        aws.settings(missing_principals=["111122223333"])

        assert outcome(lambda: set_policy(ecr, shared_with(ROLE, named))) == "InvalidParameterException"
        assert outcome(lambda: set_policy(ecr, shared_with(ROLE))) == "answered"

    @pytest.mark.parametrize("principal", [ROLE, GONE])
    def test_the_message_can_be_the_newer_one(self, aws: EmbeddedAws, ecr: Any, principal: str) -> None:
        aws.settings(missing_principals=[ROLE], principal_not_found_message=True)

        with pytest.raises(ClientError, match="failed to satisfy constraint: 'Principal not found'"):
            set_policy(ecr, shared_with(principal))

    def test_one_can_exist_after_a_while(self, aws: EmbeddedAws, ecr: Any) -> None:
        aws.settings(missing_principals={ROLE: 0.5})
        assert outcome(lambda: set_policy(ecr, shared_with(ROLE))) == "InvalidParameterException"

        aws.settings(latency=0)
        time.sleep(0.5)
        assert outcome(lambda: set_policy(ecr, shared_with(ROLE))) == "answered"


class TestDescribeRepositories:
    @pytest.fixture
    def registry(self, aws: EmbeddedAws, clients: dict[str, Any]) -> Any:
        aws.plant_many({f"base/{number:04}": None for number in range(1050)})
        return clients["us-east-1"]

    @pytest.mark.parametrize(
        ("parameters", "sizes"),
        [
            pytest.param({}, [100] * 10 + [50], id="a hundred a page by default"),
            pytest.param({"maxResults": 1000}, [1000, 50], id="a thousand a page at most"),
            pytest.param({"maxResults": 525}, [525, 525], id="no empty page after a full one"),
        ],
    )
    def test_pages(self, registry: Any, parameters: dict[str, Any], sizes: list[int]) -> None:
        pages = [registry.describe_repositories(**parameters)]
        while token := pages[-1].get("nextToken"):
            pages.append(registry.describe_repositories(**parameters, nextToken=token))

        assert [len(page["repositories"]) for page in pages] == sizes
        names = {repository["repositoryName"] for page in pages for repository in page["repositories"]}
        assert len(names) == 1050

    def test_named_repositories_come_in_the_order_of_the_names(self, registry: Any) -> None:
        names = ["base/0007", "base/0003"]

        found = registry.describe_repositories(repositoryNames=names)

        assert [repository["repositoryName"] for repository in found["repositories"]] == names
        assert "nextToken" not in found

    @pytest.mark.parametrize(
        ("parameters", "code"),
        [
            pytest.param({"maxResults": 1001}, "InvalidParameterException", id="too large a page"),
            pytest.param({"nextToken": "x"}, "InvalidParameterException", id="a token that was never given"),
            pytest.param(
                {"repositoryNames": ["base/0001"], "maxResults": 5}, "InvalidParameterException", id="names and a size"
            ),
            pytest.param(
                {"repositoryNames": ["base/0001"], "nextToken": "YQ=="},
                "InvalidParameterException",
                id="names and a token",
            ),
            pytest.param({"repositoryNames": ["app"] * 101}, "InvalidParameterException", id="101 names"),
            pytest.param({"repositoryNames": ["base/0001", "none"]}, "RepositoryNotFoundException", id="a wrong name"),
        ],
    )
    def test_errors(self, registry: Any, parameters: dict[str, Any], code: str) -> None:
        assert outcome(lambda: registry.describe_repositories(**parameters)) == code

    def test_a_repository_looks_as_moto_shows_it(self, aws: EmbeddedAws, clients: dict[str, Any]) -> None:
        created = clients["us-east-1"].create_repository(repositoryName="base/new", imageTagMutability="IMMUTABLE")

        (described,) = clients["us-east-1"].describe_repositories()["repositories"]

        age = described.pop("createdAt") - created["repository"].pop("createdAt")
        assert abs(age) < timedelta(seconds=0.01), "moto shows milliseconds, AWS more"
        assert described == created["repository"]


def test_everything_else_is_motos_and_sees_the_same_repositories(aws: EmbeddedAws, ecr: Any) -> None:
    ecr.create_repository(repositoryName="new", tags=[{"Key": "team", "Value": "base"}])
    set_policy(ecr, policy())
    ecr.delete_repository(repositoryName="app")

    (left,) = ecr.describe_repositories()["repositories"]
    assert ecr.list_tags_for_resource(resourceArn=left["repositoryArn"])["tags"] == [{"Key": "team", "Value": "base"}]
    assert aws.client("sts").get_caller_identity()["Account"] == ACCOUNT


def test_an_assumed_role_works_in_its_own_account_and_a_registry_id_in_another(aws: EmbeddedAws, ecr: Any) -> None:
    other = "222222222222"
    role = aws.client("sts").assume_role(RoleArn=f"arn:aws:iam::{other}:role/ci", RoleSessionName="test")
    credentials = (role["Credentials"][name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken"))
    theirs = Session(*credentials).client("ecr", "us-east-1", endpoint_url=aws.url)
    aws.plant("app", shared_with(ROLE), account=other)

    assert json.loads(get_policy(theirs)) == shared_with(ROLE)
    assert outcome(lambda: get_policy(ecr)) == "RepositoryPolicyNotFoundException"
    answered = ecr.get_repository_policy(repositoryName="app", registryId=other)
    assert answered["registryId"] == other
    assert json.loads(answered["policyText"]) == shared_with(ROLE)
    (repository,) = ecr.describe_repositories(registryId=other)["repositories"]
    assert repository["repositoryArn"] == f"arn:aws:ecr:us-east-1:{other}:repository/app"


class TestFaults:
    def test_shares_of_calls_fail_in_the_way_and_the_order_that_the_seed_says(self, aws: EmbeddedAws, ecr: Any) -> None:
        def outcomes(seed: int) -> list[str]:
            aws.settings(seed=seed, throttle=0.2, server_error=0.2, drop=0.2)
            return [outcome(ecr.describe_repositories) for _time in range(40)]

        first = outcomes(1)

        assert set(first) == {"answered", "ThrottlingException", "ServerException", "ConnectionClosedError"}
        assert outcomes(1) == first
        assert outcomes(2) != first

    @pytest.mark.parametrize(
        ("fault", "status", "error"),
        [
            ("throttle", 400, {"Code": "ThrottlingException", "Message": "Rate exceeded"}),
            ("server_error", 500, {"Code": "ServerException", "Message": "Something went wrong on the server's side"}),
        ],
    )
    def test_what_a_failing_call_answers(
        self, aws: EmbeddedAws, ecr: Any, fault: str, status: int, error: dict[str, str]
    ) -> None:
        aws.settings(**{fault: 1})

        with pytest.raises(ClientError) as caught:
            ecr.describe_repositories()

        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
        assert caught.value.response["Error"] == error

    @pytest.mark.parametrize(
        ("how", "error"),
        [
            ("lost", "ConnectionClosedError"),
            ("reset", "ConnectionClosedError"),
            ("hang", "ReadTimeoutError"),
            # botocore takes what is no JSON for an answer without content.
            ("truncated", "answered"),
            ("garbled", "answered"),
        ],
    )
    def test_a_call_whose_answer_is_damaged_was_done(self, aws: EmbeddedAws, ecr: Any, how: str, error: str) -> None:
        set_policy(ecr, shared_with(ROLE))
        aws.reset_calls()
        aws.settings(damage={how: 1}, hang_seconds=0.5)
        client = aws.client(retries={"total_max_attempts": 1}, read_timeout=0.2)

        answers: list[Any] = []
        assert outcome(lambda: answers.append(client.delete_repository_policy(repositoryName="app"))) == error

        assert not any("policyText" in answer for answer in answers)
        assert aws.policies()["app"] is None
        assert aws.calls() == aws.damaged() == {"DeleteRepositoryPolicy": 1}
        assert aws.refused() == {}

    def test_a_gateway_answers_with_a_page(self, aws: EmbeddedAws, ecr: Any) -> None:
        aws.settings(bad_gateway=1)

        with pytest.raises(ClientError) as caught:
            ecr.describe_repositories()

        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 502
        assert aws.refused() == {"DescribeRepositories": 1}

    def test_credentials_expire_after_so_many_calls(self, aws: EmbeddedAws, ecr: Any) -> None:
        aws.settings(expire_after=2)

        outcomes = [outcome(ecr.describe_repositories) for _time in range(4)]

        assert outcomes == ["answered", "answered", "ExpiredTokenException", "ExpiredTokenException"]

    def test_others_write_between_two_calls(self, aws: EmbeddedAws, ecr: Any) -> None:
        added = {**shared_with(ROLE)["Statement"][0], "Sid": "Added"}
        aws.settings(
            others=[
                {"after": "SetRepositoryPolicy", "repository": "a*", "statement": added, "times": 2},
                {"after": "DeleteRepositoryPolicy", "policy": policy(added)},
                {"after": "ListImages", "delete": True},
            ]
        )

        for sids in (2, 2, 1):
            set_policy(ecr, shared_with(ROLE))
            assert len(json.loads(aws.policies()["app"] or "")["Statement"]) == sids
        ecr.delete_repository_policy(repositoryName="app")
        assert json.loads(aws.policies()["app"] or "") == policy(added)

    def test_a_hard_limit_of_calls_a_second(self, aws: EmbeddedAws, ecr: Any) -> None:
        aws.settings(rate_limit=20)

        begin = time.monotonic()
        outcomes = [outcome(ecr.describe_repositories) for _time in range(200)]
        burst, since = 2, time.monotonic() - begin

        assert burst <= outcomes.count("answered") <= burst + 20 * since + 1
        assert outcomes.count("answered") + outcomes.count("ThrottlingException") == 200

    @pytest.mark.parametrize(
        ("rule", "denied"),
        [
            pytest.param({"operation": "GetRepositoryPolicy"}, True, id="an operation on any repository"),
            pytest.param({"repository": "a*"}, True, id="any operation on some repositories"),
            pytest.param({"operation": "Get*", "repository": "app"}, True, id="both match"),
            pytest.param({"operation": "Get*", "repository": "base/*"}, False, id="another repository"),
            pytest.param({"operation": "Set*", "repository": "app"}, False, id="another operation"),
        ],
    )
    def test_denied_access(self, aws: EmbeddedAws, ecr: Any, rule: dict[str, str], denied: bool) -> None:
        set_policy(ecr, policy())
        aws.settings(deny=[rule])

        assert outcome(lambda: get_policy(ecr)) == ("AccessDeniedException" if denied else "answered")

    def test_latency_is_slept_by_each_call_for_itself(self, aws: EmbeddedAws, ecr: Any) -> None:
        aws.settings(latency=1)

        begin = time.monotonic()
        with ThreadPoolExecutor(10) as pool:
            list(pool.map(lambda _: ecr.describe_repositories(), range(10)))

        assert 1 <= time.monotonic() - begin < 10, "one after the other, they would take ten seconds"

    def test_other_services_are_spared(self, aws: EmbeddedAws) -> None:
        aws.settings(throttle=1)

        assert aws.client("sts").get_caller_identity()["Account"] == ACCOUNT

    def test_whose_credentials_these_are_can_be_denied(self, aws: EmbeddedAws) -> None:
        sts = aws.client("sts")
        assert sts.get_caller_identity()["Account"] == ACCOUNT
        aws.settings(deny=[{"operation": "GetCallerIdentity"}])

        assert outcome(sts.get_caller_identity) == "AccessDeniedException"
        assert (aws.calls(), aws.refused()) == ({"GetCallerIdentity": 1}, {"GetCallerIdentity": 1})


class TestControl:
    def test_calls_are_counted_apart_from_those_that_a_fault_befell(self, aws: EmbeddedAws, ecr: Any) -> None:
        set_policy(ecr, policy())
        get_policy(ecr)
        outcome(lambda: get_policy(ecr, "none"))
        ecr.describe_repositories()
        ecr.list_images(repositoryName="app")
        aws.settings(deny=[{"repository": "app"}])
        outcome(lambda: get_policy(ecr))

        assert aws.journal() == [
            ("SetRepositoryPolicy", "app"),
            ("GetRepositoryPolicy", "app"),
            ("GetRepositoryPolicy", "none"),
            ("DescribeRepositories", None),
            ("ListImages", "app"),
        ]
        assert aws.calls() == {
            "SetRepositoryPolicy": 1,
            "GetRepositoryPolicy": 2,
            "DescribeRepositories": 1,
            "ListImages": 1,
        }
        assert aws.refused() == {"GetRepositoryPolicy": 1}

        aws.reset_calls()
        assert (aws.calls(), aws.refused(), aws.journal()) == ({}, {}, [])
        assert outcome(lambda: get_policy(ecr)) == "AccessDeniedException", "the settings stay"

    def test_prompt_calls_leave_out_what_was_read_twice_before_a_write_and_nothing_else(
        self, aws: EmbeddedAws, ecr: Any
    ) -> None:
        set_policy(ecr, policy())
        for reads in (1, 2):
            for _read in range(reads):
                get_policy(ecr)
            set_policy(ecr, policy())
        for _read in range(2):
            get_policy(ecr)

        assert aws.calls() == {"GetRepositoryPolicy": 5, "SetRepositoryPolicy": 3}
        assert aws.prompt_calls() == {"GetRepositoryPolicy": 4, "SetRepositoryPolicy": 3}

    @pytest.mark.parametrize(
        "planted",
        [
            pytest.param("not JSON", id="text that is not JSON"),
            pytest.param("", id="no text at all"),
            pytest.param(json.dumps(shared_with(GONE, ROOT), indent=1), id="a deleted principal, oddly indented"),
        ],
    )
    def test_a_planted_text_is_shown_to_the_letter_until_it_is_set(
        self, aws: EmbeddedAws, ecr: Any, planted: str
    ) -> None:
        aws.plant("app", planted)

        assert [get_policy(ecr) for _time in range(3)] == [planted] * 3
        assert aws.policies() == {"app": planted}
        assert set_policy(ecr, policy()) == get_policy(ecr) != planted

    def test_thousands_are_planted_at_once_in_any_account_and_region(self, aws: EmbeddedAws) -> None:
        policies = {f"base/{number:04}": policy() for number in range(3000)}

        aws.plant_many(policies, account="222222222222", region="eu-west-1")

        stored = aws.policies("222222222222", "eu-west-1")
        assert {name: json.loads(text) for name, text in stored.items()} == policies
        assert aws.policies() == {}

    def test_settings_replace_only_what_they_name_and_reset_ends_them(self, aws: EmbeddedAws, ecr: Any) -> None:
        aws.settings(deny=[{}])
        aws.settings(latency=0.001)
        assert outcome(ecr.describe_repositories) == "AccessDeniedException"

        aws.reset()
        assert ecr.describe_repositories()["repositories"] == []
        assert aws.calls() == {"DescribeRepositories": 1}

    @pytest.mark.parametrize(
        ("request_", "complaint"),
        [
            pytest.param(lambda aws: aws.settings(lag=1), "lag", id="an unknown setting"),
            pytest.param(lambda aws: aws.plant("app", None, region="nowhere"), "nowhere", id="an unknown region"),
            pytest.param(lambda aws: aws.plant("UPPER", None), "repositoryName", id="a name that ECR forbids"),
        ],
    )
    def test_mistakes_are_told(self, aws: EmbeddedAws, request_: Callable[[EmbeddedAws], None], complaint: str) -> None:
        with pytest.raises(ValueError, match=complaint):
            request_(aws)


class TestProcess:
    def test_connections_are_kept_alive(self, aws: EmbeddedAws) -> None:
        connection = HTTPConnection(urlsplit(aws.url).netloc)
        connection.connect()
        first = connection.sock
        signed = {"Authorization": f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/20250101/us-east-1/ecr/aws4_request, x"}
        for operation in ("DescribeRepositories", "DescribeRegistry"):
            target = {"X-Amz-Target": f"AmazonEC2ContainerRegistry_V20150921.{operation}"}
            connection.request("POST", "/", "{}", signed | target)
            assert connection.getresponse().read()

            assert connection.sock is first, operation
        connection.close()

    def test_only_the_loopback_address_is_bound(self, aws: EmbeddedAws) -> None:
        with pytest.raises((ConnectionRefusedError, TimeoutError)):
            socket.create_connection(("127.0.0.2", urlsplit(aws.url).port), timeout=1)

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_as_a_script_it_prints_one_line_and_exits_well_when_told_to(self, number: int) -> None:
        with subprocess.Popen(
            [sys.executable, embedded_aws.__file__, "--settings", '{"throttle": 1}'],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as script:
            line = script.stdout.readline()
            url = line.removeprefix("embedded AWS listening on ").strip()
            session = Session(ACCESS_KEY, "never-real")
            client = session.client("ecr", "us-east-1", endpoint_url=url, config=Config(retries={"max_attempts": 0}))
            assert outcome(client.describe_repositories) == "ThrottlingException"

            script.send_signal(number)
            assert script.communicate(timeout=60) == ("", "")
            assert script.returncode == 0

    def test_a_child_process_finds_it_through_the_environment(self, aws: EmbeddedAws) -> None:
        child = "import boto3, os; boto3.client('ecr', endpoint_url=os.environ['AWS_URL']).describe_repositories()"

        subprocess.run([sys.executable, "-c", child], env=aws.environment(), check=True)

        assert aws.calls() == {"DescribeRepositories": 1}

    def test_it_ends_with_a_parent_that_is_killed(self) -> None:
        parent = (
            f"import os, signal, {embedded_aws.__name__} as e\n"
            "print(e.EmbeddedAws().url, flush=True)\n"
            "os.kill(os.getpid(), signal.SIGKILL)\n"
        )
        parent_process = subprocess.run([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True, check=False)
        url = parent_process.stdout.strip()
        address = (urlsplit(url).hostname, urlsplit(url).port)

        end = time.monotonic() + 5
        while time.monotonic() < end:
            try:
                socket.create_connection(address).close()
            except ConnectionError:
                return
            time.sleep(0.02)
        pytest.fail("it still listens")

    def test_one_that_cannot_start_says_so(self, capfd: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(RuntimeError, match="did not start"):
            EmbeddedAws(lag=1)

        assert "lag" in capfd.readouterr().err

    def test_close_leaves_nothing_behind(self) -> None:
        with EmbeddedAws() as running:
            number = running._process.pid

        with pytest.raises(ProcessLookupError):
            os.kill(number, 0)


class TestTags:
    """What GetResources of the tagging API answers of repositories."""

    FILTER = ("ecr:repository",)

    def tagged(self, aws: EmbeddedAws, client: Any, **parameters: Any) -> dict[str, Any]:
        return client.get_resources(ResourceTypeFilters=self.FILTER, **parameters)

    def test_repositories_that_have_tags_are_listed(self, aws: EmbeddedAws) -> None:
        aws.plant_many({"app": None, "bare": None, "web": None})
        aws.tag_many({"app": {"old": "1"}, "web": {"team": "b"}})
        aws.tag_many({"app": {"team": "a", "note": ""}})
        answer = self.tagged(aws, aws.client("resourcegroupstaggingapi"))
        assert answer["PaginationToken"] == ""
        assert answer["ResourceTagMappingList"] == [
            {
                "ResourceARN": f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/app",
                "Tags": [{"Key": "team", "Value": "a"}, {"Key": "note", "Value": ""}],
            },
            {"ResourceARN": f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/web", "Tags": [{"Key": "team", "Value": "b"}]},
        ]

    def test_pages_follow_one_another_to_an_empty_token(self, aws: EmbeddedAws) -> None:
        names = [f"app-{number:03}" for number in range(120)]
        aws.plant_many(dict.fromkeys(names))
        aws.tag_many({name: {"team": "a"} for name in names})
        client = aws.client("resourcegroupstaggingapi")
        found, token, sizes = [], "", []
        while token or not sizes:
            page = self.tagged(aws, client, PaginationToken=token)
            found += [one["ResourceARN"].rpartition("/")[2] for one in page["ResourceTagMappingList"]]
            sizes.append(len(page["ResourceTagMappingList"]))
            token = page["PaginationToken"]
        assert (found, sizes) == (names, [50, 50, 20])
        assert aws.calls() == {"GetResources": 3}

    @pytest.mark.parametrize(
        "parameters",
        [
            pytest.param({"ResourcesPerPage": 101}, id="a page of more than 100"),
            pytest.param({"ResourcesPerPage": 0}, id="a page of nothing"),
            pytest.param({"PaginationToken": "x"}, id="a token of another's"),
            pytest.param({"TagFilters": [{"Key": "team"}]}, id="a filter, which it does not know"),
        ],
    )
    def test_wrong_parameters_are_refused(self, aws: EmbeddedAws, parameters: dict[str, Any]) -> None:
        client = aws.client("resourcegroupstaggingapi", retries={"max_attempts": 0})
        assert outcome(lambda: self.tagged(aws, client, **parameters)) == "InvalidParameterException"

    def test_faults_befall_it_as_well(self, aws: EmbeddedAws) -> None:
        client = aws.client("resourcegroupstaggingapi", retries={"max_attempts": 0})
        aws.settings(deny=[{"operation": "GetResources"}])
        with pytest.raises(ClientError, match="not authorized to perform: tag:GetResources because"):
            self.tagged(aws, client)
        assert (aws.calls(), aws.refused()) == ({}, {"GetResources": 1})


def test_every_call_to_every_service_tells_its_iam_action(aws: EmbeddedAws, ecr: Any) -> None:
    aws.reset_calls()
    aws.settings(deny=[{"operation": "DeleteRepositoryPolicy"}])
    role = "arn:aws:iam::210987654321:role/registry"
    ecr.describe_repositories()
    with pytest.raises(ClientError):
        ecr.delete_repository_policy(repositoryName="app")
    aws.client("sts").assume_role(RoleArn=role, RoleSessionName="test")
    aws.client("sts").get_caller_identity()
    aws.client("resourcegroupstaggingapi").get_resources(ResourceTypeFilters=["ecr:repository"])
    aws.client("iam").list_roles()
    assert aws.actions() == {
        "ecr:DescribeRepositories",
        "ecr:DeleteRepositoryPolicy",
        "sts:AssumeRole",
        "sts:GetCallerIdentity",
        "tag:GetResources",
        "iam:ListRoles",
    }
    aws.reset_calls()
    assert aws.actions() == set()


def test_set_refuses_what_is_too_long_only_as_it_is_stored(aws: EmbeddedAws, ecr: Any) -> None:
    accounts = [f"{number:012}" for number in range(400)]
    statement = {"Effect": "Allow", "Principal": {"AWS": accounts}, "Action": "ecr:*"}
    text = json.dumps({"Version": "2008-10-17", "Statement": [statement]}, separators=(",", ":"))
    assert len(text) < 10_240
    with pytest.raises(ClientError, match="must have length less than or equal to 10240"):
        ecr.set_repository_policy(repositoryName="app", policyText=text)
    assert aws.policies() == {"app": None}
