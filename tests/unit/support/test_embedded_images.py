# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images and roles in the embedded AWS: who may pull, what a push creates, and what becomes of roles in policies."""

from __future__ import annotations

import json
from base64 import b64decode
from hashlib import sha256
from typing import Any

import pytest
import requests
from ansible_collections.imageshare.aws.tests.acceptance.embedded import CONSUMER, consumer
from ansible_collections.imageshare.aws.tests.support.embedded_aws import ACCOUNT, REGION, EmbeddedAws
from ansible_collections.imageshare.aws.tests.unit.support.embedded_calls import outcome, policy, statement
from botocore.exceptions import ClientError

PULL = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
EVERY = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/*"
ALLOW = statement(Principal={"AWS": CONSUMER}, Action=PULL)
DENY = ALLOW | {"Effect": "Deny"}
LAYER = b"layer"
DIGEST = f"sha256:{sha256(LAYER).hexdigest()}"
MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
MANIFEST = {
    "schemaVersion": 2,
    "mediaType": MANIFEST_TYPE,
    "config": {"digest": DIGEST},
    "layers": [{"digest": DIGEST}],
}


def send(ecr: Any, method: str, path: str, content: bytes = b"", kind: str = "") -> requests.Response:
    """A request of the protocol of registries, as the account of a client."""
    (access,) = ecr.get_authorization_token()["authorizationData"]
    headers = {"Authorization": f"Basic {access['authorizationToken']}", "Content-Type": kind}
    return requests.request(method, access["proxyEndpoint"] + path, data=content, headers=headers, timeout=10)


def push(ecr: Any, name: str = "app") -> list[int]:
    begun = send(ecr, "POST", f"/v2/{name}/blobs/uploads/")
    if begun.status_code != 202:
        return [begun.status_code]
    where = begun.headers["Location"]
    answers = [
        send(ecr, "PATCH", where, LAYER),
        send(ecr, "PUT", f"{where}?digest={DIGEST}"),
        send(ecr, "PUT", f"/v2/{name}/manifests/one", json.dumps(MANIFEST).encode(), MANIFEST_TYPE),
    ]
    return [begun.status_code, *(answer.status_code for answer in answers)]


def pull(client: Any, name: str = "app") -> list[str]:
    asked = {"registryId": ACCOUNT, "repositoryName": name}
    return [
        outcome(lambda: client.batch_get_image(**asked, imageIds=[{"imageTag": "one"}])),
        outcome(lambda: client.get_download_url_for_layer(**asked, layerDigest=DIGEST)),
    ]


class TestPulls:
    def test_the_owner_gets_what_was_pushed(self, ecr: Any) -> None:
        assert push(ecr) == [202, 202, 201, 201]
        (image,) = ecr.batch_get_image(repositoryName="app", imageIds=[{"imageTag": "one"}])["images"]
        assert json.loads(image["imageManifest"]) == MANIFEST
        assert image["repositoryName"] == "app"
        assert ecr.get_download_url_for_layer(repositoryName="app", layerDigest=DIGEST)["layerDigest"] == DIGEST
        assert pull(ecr, "gone") == ["RepositoryNotFoundException"] * 2

    @pytest.mark.parametrize(
        ("of_repository", "of_registry", "pulls"),
        [
            pytest.param(None, None, [False, False], id="no policy"),
            pytest.param(ALLOW, None, [True, True], id="the repository allows"),
            pytest.param(ALLOW | {"Action": PULL[0]}, None, [True, False], id="half of it"),
            pytest.param(None, ALLOW, [True, True], id="the registry allows"),
            pytest.param(ALLOW, DENY, [False, False], id="the registry denies"),
            pytest.param(DENY, ALLOW, [False, False], id="the repository denies"),
            pytest.param(ALLOW | {"Principal": {"AWS": "111122223333"}}, None, [False, False], id="another account"),
        ],
    )
    def test_another_account_may_what_the_two_policies_say(
        self, aws: EmbeddedAws, ecr: Any, of_repository: Any, of_registry: Any, pulls: list[bool]
    ) -> None:
        push(ecr)
        if of_repository:
            ecr.set_repository_policy(repositoryName="app", policyText=json.dumps(policy(of_repository)))
        if of_registry:
            ecr.put_registry_policy(policyText=json.dumps(policy(of_registry | {"Resource": EVERY})))
        answers = pull(consumer(aws, "ecr"))
        assert answers == ["answered" if one else "AccessDeniedException" for one in pulls]

    def test_a_policy_of_the_registry_is_for_its_resource(self, aws: EmbeddedAws, ecr: Any) -> None:
        push(ecr)
        elsewhere = ALLOW | {"Resource": EVERY.replace("*", "other/*")}
        ecr.put_registry_policy(policyText=json.dumps(policy(elsewhere)))
        assert pull(consumer(aws, "ecr")) == ["AccessDeniedException"] * 2

    def test_an_organization_is_that_of_the_account(self, aws: EmbeddedAws, ecr: Any) -> None:
        push(ecr)
        made = consumer(aws, "organizations").create_organization(FeatureSet="ALL")["Organization"]["Id"]

        def answers(organization: str) -> set[str]:
            condition = {"StringEquals": {"aws:PrincipalOrgID": organization}}
            allow = statement(Principal="*", Action=PULL, Condition=condition)
            ecr.set_repository_policy(repositoryName="app", policyText=json.dumps(policy(allow)))
            return set(pull(consumer(aws, "ecr")))

        assert answers(made) == {"answered"}
        assert answers("o-another0000") == {"AccessDeniedException"}


class TestPushes:
    def test_one_to_a_repository_that_is_not_there_is_refused(self, ecr: Any) -> None:
        assert push(ecr, "services/new") == [404]

    def test_one_below_a_template_creates_a_repository_with_its_policy(self, aws: EmbeddedAws, ecr: Any) -> None:
        aws.plant_template("services", policy(ALLOW))
        assert push(ecr, "services/new") == [202, 202, 201, 201]
        assert json.loads(aws.policies()["services/new"] or "") == policy(ALLOW)

    def test_what_is_wrong_is_refused(self, ecr: Any) -> None:
        where = send(ecr, "POST", "/v2/app/blobs/uploads/").headers["Location"]
        send(ecr, "PATCH", where, b"another")
        assert "DIGEST_INVALID" in send(ecr, "PUT", f"{where}?digest={DIGEST}").text
        manifest = json.dumps(MANIFEST).encode()
        assert "MANIFEST_BLOB_UNKNOWN" in send(ecr, "PUT", "/v2/app/manifests/one", manifest, MANIFEST_TYPE).text
        assert send(ecr, "DELETE", "/v2/app/manifests/one").status_code == 405
        assert send(ecr, "GET", "/v2/").status_code == 404

    def test_a_token_is_that_of_the_account_and_region(self, aws: EmbeddedAws) -> None:
        (access,) = aws.client(region="eu-west-1").get_authorization_token()["authorizationData"]
        assert b64decode(access["authorizationToken"]) == f"AWS:{ACCOUNT}/eu-west-1".encode()
        assert access["proxyEndpoint"] == aws.url


class TestLambda:
    SERVICE = statement(Principal={"Service": "lambda.amazonaws.com"}, Action=PULL)
    ELSEWHERE = SERVICE | {"Condition": {"StringLike": {"aws:SourceArn": "arn:aws:lambda:*:999999999999:function:*"}}}

    def create(self, client: Any, role: str) -> str:
        image = {"ImageUri": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/app:one"}
        try:
            client.create_function(FunctionName="pulls", PackageType="Image", Code=image, Role=role)
        except ClientError as error:
            return str(error.response["Error"]["Message"])
        return "created"

    @pytest.mark.parametrize(
        ("of_repository", "created"), [(SERVICE, True), (ELSEWHERE, False), (ALLOW, False), (None, False)]
    )
    def test_a_function_of_another_account_needs_the_policy_of_the_repository(
        self, aws: EmbeddedAws, ecr: Any, of_repository: Any, created: bool
    ) -> None:
        ecr.put_registry_policy(policyText=json.dumps(policy(self.SERVICE | {"Resource": EVERY})))
        if of_repository:
            ecr.set_repository_policy(repositoryName="app", policyText=json.dumps(policy(of_repository)))
        trust = json.dumps(policy(statement(Principal={"Service": "lambda.amazonaws.com"}, Action="sts:AssumeRole")))
        role = consumer(aws, "iam").create_role(RoleName="pulls", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        answer = self.create(consumer(aws, "lambda"), role)
        assert answer == "created" if created else "does not have permission to access the ECR image" in answer


class TestRoles:
    @pytest.fixture
    def iam(self, aws: EmbeddedAws) -> Any:
        return aws.client("iam")

    def create(self, iam: Any) -> dict[str, Any]:
        return dict(iam.create_role(RoleName="ci", Path="/team/", AssumeRolePolicyDocument="{}")["Role"])

    def store(self, ecr: Any, *principals: str) -> None:
        text = json.dumps(policy(statement(Principal={"AWS": list(principals)})))
        ecr.set_repository_policy(repositoryName="app", policyText=text)

    def shown(self, ecr: Any) -> set[str]:
        text = ecr.get_repository_policy(repositoryName="app")["policyText"]
        principals = json.loads(text)["Statement"][0]["Principal"]["AWS"]
        return set(principals if isinstance(principals, list) else [principals])

    def test_one_that_is_deleted_shows_as_its_id(self, ecr: Any, iam: Any) -> None:
        role = self.create(iam)
        root = f"arn:aws:iam::{ACCOUNT}:root"
        self.store(ecr, role["Arn"], root)
        assert self.shown(ecr) == {role["Arn"], root}
        iam.delete_role(RoleName="ci")
        assert self.shown(ecr) == {role["RoleId"], root}
        assert outcome(lambda: self.store(ecr, role["RoleId"])) == "InvalidParameterException"
        assert outcome(lambda: self.store(ecr, role["Arn"])) == "InvalidParameterException"

    def test_another_of_its_name_is_another(self, ecr: Any, iam: Any) -> None:
        old = self.create(iam)
        self.store(ecr, old["Arn"])
        iam.delete_role(RoleName="ci")
        new = self.create(iam)
        assert self.shown(ecr) == {old["RoleId"]}
        self.store(ecr, new["Arn"])
        assert self.shown(ecr) == {new["Arn"]}

    def test_the_id_of_one_that_exists_is_as_good_as_its_arn(self, ecr: Any, iam: Any) -> None:
        role = self.create(iam)
        self.store(ecr, role["RoleId"])
        assert self.shown(ecr) == {role["Arn"]}
