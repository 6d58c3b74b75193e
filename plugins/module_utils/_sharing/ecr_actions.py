# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""The actions of ECR: which the policy of a repository, or of a registry, can grant."""

from __future__ import annotations

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
