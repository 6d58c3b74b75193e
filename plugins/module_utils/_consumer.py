# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""The other half of access across accounts: what IAM must allow where the images are pulled from or pushed to.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ansible_collections.imageshare.aws.plugins.module_utils._grants import Access, Grant, InputError
from ansible_collections.imageshare.aws.plugins.module_utils._names import matches
from ansible_collections.imageshare.aws.plugins.module_utils._templates import ACTIONS, LAMBDA_ACTIONS

_REPOSITORY = re.compile(r"arn:[a-z-]+:ecr:[a-z0-9-]+:[0-9]{12}:repository/(?P<name>.+)")
# No repository policy can grant it, and it is for all registries:
# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html
_LOG_IN = {"Sid": "LogIn", "Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}
_SIDS = {
    Access.PULL: "Pull",
    Access.PUSH: "Push",
    Access.PULL_PUSH: "PullAndPush",
    Access.LAMBDA: "CreateFunctions",
}


def consumer_policy(grant: Grant, arns: Sequence[str]) -> dict[str, Any]:
    """The IAM policy that a grant's principal needs to use what it is granted.

    arns: those of the repositories; wildcards as IAM has them will do. A grant that is narrowed to some repositories
    leaves the others out.

    For C(lambda) it is for whoever creates or updates the functions, from whose pull no login is needed:
    https://repost.aws/knowledge-center/lambda-ecr-image

    Raises InputError for what is no ARN of a repository, and if none is left.
    """
    names = {arn: _REPOSITORY.fullmatch(arn) for arn in dict.fromkeys(arns)}
    problems = [
        f'"{arn}" is not the ARN of a repository, as ecr_share_policy_info returns it'
        for arn, match in names.items()
        if match is None
    ]
    covered = [
        arn
        for arn, match in names.items()
        if match and (grant.repositories is None or matches(grant.repositories, match["name"]))
    ]
    if not problems and not covered:
        problems = ["the grant covers none of these repositories"] if names else ["no repositories were given"]
    if problems:
        raise InputError(problems)
    actions = ACTIONS[grant.access] or LAMBDA_ACTIONS
    use = {
        "Sid": _SIDS[grant.access],
        "Effect": "Allow",
        "Action": list(actions),
        "Resource": covered[0] if len(covered) == 1 else covered,
    }
    return {"Version": "2012-10-17", "Statement": [use] if grant.access is Access.LAMBDA else [dict(_LOG_IN), use]}
