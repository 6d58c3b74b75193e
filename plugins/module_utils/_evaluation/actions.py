# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""The actions of ECR: which a repository's policy can grant, and which of them a statement includes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from .._iam.document import Statement, strings
from .._iam.patterns import PatternSet, is_literal
from .._sharing.capabilities import CAPABILITIES, LAMBDA_ACTIONS

# As of September 2026, the actions with the resource type "repository" in
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
# but for CreateRepository, which is asked for before there is a repository that could have a policy.
REPOSITORY_ACTIONS = frozenset(
    f"ecr:{name}"
    for name in (
        "BatchCheckLayerAvailability",
        "BatchDeleteImage",
        "BatchGetImage",
        "BatchGetRepositoryScanningConfiguration",
        "BatchImportUpstreamImage",
        "CompleteLayerUpload",
        "DeleteLifecyclePolicy",
        "DeleteRepository",
        "DeleteRepositoryPolicy",
        "DescribeImageReplicationStatus",
        "DescribeImageScanFindings",
        "DescribeImageSigningStatus",
        "DescribeImages",
        "DescribeRepositories",
        "GetDownloadUrlForLayer",
        "GetImageCopyStatus",
        "GetLifecyclePolicy",
        "GetLifecyclePolicyPreview",
        "GetRepositoryPolicy",
        "InitiateLayerUpload",
        "ListImages",
        "ListTagsForResource",
        "PutImage",
        "PutImageScanningConfiguration",
        "PutImageTagMutability",
        "PutLifecyclePolicy",
        "ReplicateImage",
        "SetRepositoryPolicy",
        "StartImageScan",
        "StartLifecyclePolicyPreview",
        "TagResource",
        "UntagResource",
        "UpdateImageStorageClass",
        "UploadLayerPart",
    )
)
# Permissions that are no operations of the API.
PERMISSIONS_ONLY = frozenset({"ecr:BatchImportUpstreamImage", "ecr:GetImageCopyStatus", "ecr:ReplicateImage"})
# The other actions of the same page are about the registry or the account: no repository's policy can grant them.
# ListImageReferrers is an operation without an action of its own: ecr:BatchGetImage allows it.
# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImageReferrers.html
OTHER_ACTIONS = frozenset(
    f"ecr:{name}"
    for name in (
        "CreatePullThroughCacheRule",
        "CreateRepository",
        "CreateRepositoryCreationTemplate",
        "DeletePullThroughCacheRule",
        "DeleteRegistryPolicy",
        "DeleteRepositoryCreationTemplate",
        "DeleteSigningConfiguration",
        "DeregisterPullTimeUpdateExclusion",
        "DescribePullThroughCacheRules",
        "DescribeRegistry",
        "DescribeReplicationBackfillResults",
        "DescribeRepositoryCreationTemplates",
        "GetAccountSetting",
        "GetAuthorizationToken",
        "GetRegistryPolicy",
        "GetRegistryScanningConfiguration",
        "GetSigningConfiguration",
        "ListImageReferrers",
        "ListPullTimeUpdateExclusions",
        "ListReplicationBackfills",
        "PutAccountSetting",
        "PutRegistryPolicy",
        "PutRegistryScanningConfiguration",
        "PutReplicationConfiguration",
        "PutSigningConfiguration",
        "RegisterPullTimeUpdateExclusion",
        "StartReplicationBackfill",
        "StopReplicationBackfill",
        "UpdatePullThroughCacheRule",
        "UpdateRepositoryCreationTemplate",
        "ValidatePullThroughCacheRule",
    )
)
# Whoever may use one of these can let others in, lock them out, or destroy what they pull. A lifecycle policy deletes
# images: https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
ADMIN_ACTIONS = frozenset(
    {
        "ecr:BatchDeleteImage",
        "ecr:DeleteRepository",
        "ecr:DeleteRepositoryPolicy",
        "ecr:PutLifecyclePolicy",
        "ecr:SetRepositoryPolicy",
    }
)

LAMBDA_PULL = frozenset(LAMBDA_ACTIONS)
# What access_of() calls ADMIN_ACTIONS: no grant gives it.
ADMIN = "admin"
# Cannot be granted by a repository policy: https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policies.html
_WITHOUT_EFFECT = "ecr:getauthorizationtoken"
_SPELLING = {action.lower(): action for action in REPOSITORY_ACTIONS}
_ELSEWHERE = frozenset(action.lower() for action in OTHER_ACTIONS)
_NAME = re.compile(r"ecr:[A-Za-z]+")


def access_of(actions: frozenset[str]) -> tuple[str, ...]:
    """Return the names of the capabilities that actions include as a whole, and C(admin) last for ADMIN_ACTIONS."""
    names = tuple(capability.name for capability in CAPABILITIES if _included(capability.action_sets, actions))
    return (*names, ADMIN) if actions & ADMIN_ACTIONS else names


def other_actions(actions: frozenset[str]) -> frozenset[str]:
    """Return the actions that are not a part of the capabilities that they include as a whole."""
    return actions.difference(*(_included(capability.action_sets, actions) for capability in CAPABILITIES))


def granted_actions(statement: Statement) -> frozenset[str]:
    """Return the actions on a repository that a statement's Action or NotAction includes, spelt as AWS does.

    Wildcards stand for what is in REPOSITORY_ACTIONS. A name that the tables do not have counts as it is written: AWS
    may be ahead of them.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notaction.html
    """
    if "NotAction" in statement:
        excluded = strings(statement["NotAction"])
        return REPOSITORY_ACTIONS - _expanded(excluded) if excluded and "Action" not in statement else frozenset()
    return _expanded(strings(statement.get("Action")))


def additional_actions(statement: Statement, known: Iterable[str]) -> tuple[str, ...]:
    """Return the ECR actions of a statement that are not known, as the statement spells them.

    A wildcard is never known: what it stands for may grow. Of NotAction the result says C(all but …).

    Args:
        statement: The statement.
        known: The actions that are expected.
    """
    if "NotAction" in statement:
        return (f"all but {', '.join(strings(statement['NotAction']))}",)
    ignored = {_WITHOUT_EFFECT, *(action.lower() for action in known)}
    return tuple(
        action
        for action in dict.fromkeys(strings(statement.get("Action")))
        if action.lower() not in ignored and (action.lower().startswith("ecr:") or "*" in action.split(":")[0])
    )


def _included(action_sets: Iterable[Iterable[str]], actions: frozenset[str]) -> frozenset[str]:
    """Return what actions include of a capability: nothing if none of its sets is there as a whole."""
    return frozenset[str]().union(*(included for included in action_sets if actions.issuperset(included)))


@lru_cache(maxsize=256)
def _expanded(patterns: tuple[str, ...]) -> frozenset[str]:
    result: set[str] = set()
    with_wildcards = [pattern.lower() for pattern in patterns if not is_literal(pattern)]
    if with_wildcards:
        included = PatternSet(with_wildcards)
        result.update(action for lower, action in _SPELLING.items() if included.contains(lower))
    for name in patterns:
        if name.lower() in _SPELLING:
            result.add(_SPELLING[name.lower()])
        elif _NAME.fullmatch(name) and name.lower() not in _ELSEWHERE:
            result.add(name)
    return frozenset(result)
