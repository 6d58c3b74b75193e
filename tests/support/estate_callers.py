# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everybody who could ask for anything in the estate, and what they get: judged by tests/support/evaluator.py alone."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache

from ansible_collections.imageshare.aws.tests.support import estate
from ansible_collections.imageshare.aws.tests.support.evaluator import Requester, effective_actions

ACTIONS = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchDeleteImage",
    "ecr:BatchGetImage",
    "ecr:CompleteLayerUpload",
    "ecr:DeleteRepository",
    "ecr:DeleteRepositoryPolicy",
    "ecr:DescribeImageScanFindings",
    "ecr:DescribeImages",
    "ecr:DescribeRepositories",
    "ecr:GetDownloadUrlForLayer",
    "ecr:GetLifecyclePolicy",
    "ecr:GetRepositoryPolicy",
    "ecr:InitiateLayerUpload",
    "ecr:ListImages",
    "ecr:ListTagsForResource",
    "ecr:PutImage",
    "ecr:SetRepositoryPolicy",
    "ecr:UploadLayerPart",
)
# In none of the policies.
NOBODY = "444455556666"
Place = tuple[str, str, str]
Access = Mapping[tuple[Place, str], frozenset[str]]


def access(texts: Mapping[Place, str | None]) -> Access:
    """Return what each caller may do in each repository, by the place of the repository and the name of the caller."""
    return {
        (place, name): allowed for place, text in texts.items() for name, allowed in _allowed(text).items() if allowed
    }


def difference(more: Access, less: Access) -> dict[tuple[Place, str], frozenset[str]]:
    """Return what somebody may do by the first that they may not do by the second."""
    return {key: left for key, allowed in more.items() if (left := allowed - less.get(key, frozenset()))}


@cache
def _allowed(text: str | None) -> dict[str, frozenset[str]]:
    """By the name of the caller. No policy of the estate has a Resource, so the repository does not matter."""
    policy = None if text is None else json.loads(text)
    return {name: effective_actions(policy, caller, ACTIONS) for name, caller in _callers().items()}


@cache
def _callers() -> Mapping[str, Requester]:
    """A person of each account within and without the organization, each role that a policy names, and functions."""
    texts = " ".join(repository.text or "" for repository in estate.estate())
    accounts = {*re.findall(r"\b[0-9]{12}\b", texts), *estate.CONSUMERS.values(), NOBODY}
    roles = {*re.findall(r"arn:aws:iam::[0-9]{12}:role/[a-z-]*[a-z]\b", texts), estate.CI_ROLE}
    people = {account: f"arn:aws:iam::{account}:role/any" for account in accounts} | {role: role for role in roles}
    callers = {}
    for name, arn in people.items():
        account = arn.split(":")[4]
        context = {"aws:PrincipalArn": arn, "aws:PrincipalAccount": account, "aws:SourceIp": "198.51.100.1"}
        callers[name] = Requester(arn, context)
        callers[f"{name} of the organization"] = Requester(arn, {**context, "aws:PrincipalOrgID": estate.ORGANIZATION})
    for account in accounts:
        for region in estate.REGIONS:
            source = {"aws:SourceArn": f"arn:aws:lambda:{region}:{account}:function:any", "aws:SourceAccount": account}
            callers[f"functions of {account} in {region}"] = Requester("lambda.amazonaws.com", source)
    return callers
