# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter, and what it makes in the two halves of access, judged by the tests' own evaluator."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.imageshare.aws.plugins.filter.ecr_consumer_policy import ecr_consumer_policy
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.grants import read_grants
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.managed_statements import ManagedStatements
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.merge import share
from ansible_collections.imageshare.aws.plugins.plugin_utils._grant_options import read_grant_options
from ansible_collections.imageshare.aws.tests.support.evaluator import Requester, effective_actions
from ansible_collections.imageshare.aws.tests.support.policies import ACTIONS, REGISTRY_ID, grants, requesters
from hypothesis import given
from hypothesis import strategies as st

PAGE = (Path(__file__).resolve().parents[4] / "docs" / "permissions.md").read_text(encoding="utf-8")
BASE = "arn:aws:ecr:us-east-1:123456789012:repository/base/*"
PYTHON = "arn:aws:ecr:us-east-1:123456789012:repository/base/python"
GO = "arn:aws:ecr:us-east-1:123456789012:repository/base/go"
TEAM = "111122223333"
LOG_IN = {"Sid": "LogIn", "Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}
PULL = ["ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage", "ecr:BatchCheckLayerAvailability"]
UPLOAD = ["ecr:PutImage", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload"]


# https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policy-examples.html
# https://repost.aws/knowledge-center/lambda-ecr-image
@pytest.mark.parametrize(
    ("access", "statements"),
    [
        ({}, [LOG_IN, ("Pull", PULL)]),
        ({"access": ["pull"], "lambda_regions": ["us-east-1"]}, [LOG_IN, ("Pull", PULL)]),
        ({"access": ["push"]}, [LOG_IN, ("Push", ["ecr:BatchCheckLayerAvailability", *UPLOAD, "ecr:BatchGetImage"])]),
        (
            {"access": ["describe"]},
            [("Describe", ["ecr:DescribeRepositories", "ecr:DescribeImages", "ecr:ListImages"])],
        ),
        ({"access": ["pull", "push"]}, [LOG_IN, ("PullAndPush", [*PULL, *UPLOAD])]),
        (
            {"access": [], "lambda_regions": ["us-east-1"]},
            [("CreateFunctions", ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"])],
        ),
    ],
    ids=["nothing said", "pull", "push", "describe", "pull and push", "lambda"],
)
def test_policy_has_the_actions_of_the_access(access: dict[str, Any], statements: list[Any]) -> None:
    expected = [
        one if isinstance(one, dict) else {"Sid": one[0], "Effect": "Allow", "Action": one[1], "Resource": BASE}
        for one in statements
    ]
    made = ecr_consumer_policy({"principals": [TEAM], **access}, [BASE])
    assert made == {"Version": "2012-10-17", "Statement": expected}


def test_policy_is_the_one_of_the_page() -> None:
    policies = map(json.loads, re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
    placed = BASE.replace("us-east-1", "REGION_NAME").replace("123456789012", "ACCOUNT_ID")
    (shown,) = (policy for policy in policies if policy["Statement"][0]["Sid"] == "LogIn")
    shown["Statement"][1]["Resource"] = shown["Statement"][1]["Resource"].replace(placed, BASE)
    assert shown == ecr_consumer_policy({"principals": [TEAM]}, [BASE])


@pytest.mark.parametrize("principal", [TEAM, "o-exampleorg1", "o-exampleorg1/r-ab12/*", f"arn:aws:iam::{TEAM}:role/ci"])
def test_policy_is_one_whoever_the_principal_is(principal: str) -> None:
    assert ecr_consumer_policy({"principals": [principal]}, [PYTHON]) == ecr_consumer_policy(
        {"principals": [TEAM]}, [PYTHON]
    )


class TestRepositories:
    def test_are_listed_once_each(self) -> None:
        made = ecr_consumer_policy({"principals": [TEAM]}, [GO, PYTHON, GO])
        assert made["Statement"][1]["Resource"] == [GO, PYTHON]

    def test_are_those_that_the_grant_covers(self) -> None:
        made = ecr_consumer_policy({"principals": [TEAM], "repositories": ["*/python"]}, [GO, PYTHON])
        assert made["Statement"][1]["Resource"] == PYTHON

    @pytest.mark.parametrize(
        "arn",
        [
            PYTHON,
            BASE.replace("us-east-1", "*"),
            PYTHON.replace("aws:", "aws-cn:", 1).replace("us-east-1", "cn-north-1"),
            PYTHON.replace("aws:", "aws-us-gov:", 1).replace("us-east-1", "us-gov-west-1"),
        ],
    )
    def test_of_any_partition_are_taken_as_they_are(self, arn: str) -> None:
        assert ecr_consumer_policy({"principals": [TEAM]}, arn)["Statement"][1]["Resource"] == arn


# A grant is read as the modules read it; here is one that is refused so.
WRONG: dict[str, tuple[Any, Any, str]] = {
    "a name": ({"principals": [TEAM]}, ["base/python"], '"base/python" is not the ARN of a repository, as ecr_share_'),
    "a URI": ({"principals": [TEAM]}, ["123456789012.dkr.ecr.us-east-1.amazonaws.com/app"], "is not the ARN of a"),
    "every repository of AWS": ({"principals": [TEAM]}, ["*"], '"*" is not the ARN of a repository'),
    "a variable of policies": ({"principals": [TEAM]}, [f"{GO}/${{aws:username}}"], "is not the ARN of a repository"),
    "no text": ({"principals": [TEAM]}, [None], '"None" is not the ARN of a repository'),
    "nothing": ({"principals": [TEAM]}, [], "no repositories were given"),
    "none that is covered": ({"principals": [TEAM], "repositories": ["web"]}, [GO], "the grant covers none of these"),
    "two partitions": (
        {"principals": [TEAM]},
        [GO, GO.replace("aws:", "aws-cn:", 1)],
        "the repositories are in several partitions: aws, aws-cn",
    ),
    "an octal number": ({"principals": [0o12345670123]}, [GO], "grants[0] (principal 1402433619): 1402433619 has 10"),
    "no grant": ("111122223333", [GO], "dictionary"),
}


@pytest.mark.parametrize(("grant", "arns", "said"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_meant_is_refused(grant: Any, arns: Any, said: str) -> None:
    with pytest.raises(AnsibleFilterError, match=f"^ecr_consumer_policy: .*{re.escape(said)}"):
        ecr_consumer_policy(grant, arns)


@given(grant=grants(), requester=st.sampled_from(requesters()))
def test_both_halves_together_allow_what_the_grant_shares(grant: dict[str, Any], requester: Requester) -> None:
    """Across accounts, AWS allows what both halves allow."""
    (read,) = read_grants(
        read_grant_options("grants", [grant]), partition="aws", sharing=True, partition_of_region=lambda _region: None
    )
    theirs = share(None, [read], managed=ManagedStatements("aws"), registry_id=REGISTRY_ID).policy
    shared = effective_actions(theirs, requester, ACTIONS)
    # The evaluator reads policies of repositories, which say whom they concern, and not on what.
    own = [{**one, "Principal": "*"} for one in ecr_consumer_policy(grant, [PYTHON])["Statement"]]
    for statement in own:
        del statement["Resource"]
    allowed = effective_actions({"Version": "2012-10-17", "Statement": own}, requester, ACTIONS)
    if "lambda_regions" in grant and requester.principal == "lambda.amazonaws.com":
        # AWS's own service, which needs no permission of the account.
        return
    assert shared <= allowed
