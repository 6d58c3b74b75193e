# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""The other half of access across accounts: what IAM must allow where the images are pulled from or pushed to.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from .._errors import InvalidInputError
from .._repository_names import matches
from .._text import quoted
from .capabilities import CAPABILITIES, LAMBDA_ACTIONS, actions_of, title
from .grants import Grant

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html, and the
# wildcards of IAM. All names of repositories are in lower case.
_REPOSITORY = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):ecr:[a-z0-9*?-]+:[0-9]{12}:repository/(?P<name>[a-z0-9._/*?-]+)"
)
# No repository policy can grant it, and it is for all registries:
# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html
_LOG_IN = {"Sid": "LogIn", "Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}
_LAMBDA_SID = "CreateFunctions"


def consumer_policy(grant: Grant, arns: Iterable[str]) -> dict[str, Any]:
    """Return the IAM policy that a grant's principal needs to use what it is granted.

    Of a grant for Lambda alone it is for whoever creates or updates the functions. Lambda pulls without a login:
    https://repost.aws/knowledge-center/lambda-ecr-image

    Args:
        grant: The grant. One that is narrowed to some repositories leaves the others out.
        arns: The ARNs of the repositories; wildcards as IAM has them will do.

    Raises:
        InvalidInputError: If no repository is left.
    """
    covered = [
        arn
        for arn, match in _read(arns).items()
        if grant.repositories is None or matches(grant.repositories, match["name"])
    ]
    if not covered:
        raise InvalidInputError(["the grant covers none of these repositories"])
    use = {
        "Sid": title(grant.access) or _LAMBDA_SID,
        "Effect": "Allow",
        "Action": list(actions_of(grant.access) or LAMBDA_ACTIONS),
        "Resource": covered[0] if len(covered) == 1 else covered,
    }
    logs_in = any(capability.needs_login for capability in CAPABILITIES if capability.name in grant.access)
    return {"Version": "2012-10-17", "Statement": [dict(_LOG_IN), use] if logs_in else [use]}


def partition_of(arns: Sequence[str]) -> str:
    """Return the partition of repositories.

    Raises:
        InvalidInputError: For what is not the ARN of a repository, and for several partitions, between which nobody
            has access.
    """
    first, *others = {match["partition"]: None for match in _read(arns).values()}
    if others:
        raise InvalidInputError([f"the repositories are in several partitions: {', '.join([first, *others])}"])
    return first


def _read(arns: Iterable[str]) -> dict[str, re.Match[str]]:
    found = {arn: _REPOSITORY.fullmatch(arn) for arn in arns}
    problems = [
        f"{quoted(arn)} is not the ARN of a repository, as ecr_share_policy_info returns it"
        for arn, match in found.items()
        if match is None
    ]
    if not found:
        problems = ["no repositories were given"]
    if problems:
        raise InvalidInputError(problems)
    return {arn: match for arn, match in found.items() if match}
