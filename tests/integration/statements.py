# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is shared with, and statements: those of the templates, and what people and tools write beside them."""

from __future__ import annotations

from typing import Any

from ansible_collections.imageshare.aws.tests.support.embedded_aws import ACCOUNT, REGION
from ansible_collections.imageshare.aws.tests.support.policies import ACTION_SETS, new_statement

TEAM, PARTNER, STRANGER = "111122223333", "444455556666", "777788889999"
CI = f"arn:aws:iam::{PARTNER}:role/ci"
PUBLISHER = f"arn:aws:iam::{ACCOUNT}:role/publisher"
ORGANIZATION = "o-a1b2c3d4e5"
UNIT = f"{ORGANIZATION}/r-ab12/ou-ab12-11111111/*"
DELETED_ROLE, DELETED_USER = "AROAEXAMPLEROLE123456", "AIDAEXAMPLEUSER123456"

Statement = dict[str, Any]
Policy = dict[str, Any]


def root(account: str) -> str:
    return f"arn:aws:iam::{account}:root"


def functions(account: str, region: str = REGION, name: str = "*") -> str:
    return f"arn:aws:lambda:{region}:{account}:function:{name}"


def policy(*statements: Statement, **elements: Any) -> Policy:
    return {"Version": "2008-10-17", **elements, "Statement": list(statements)}


def allow(name: str, *principals: str, **elements: Any) -> Statement:
    """What the module writes to give accounts, roles or users an access, but for these elements."""
    return new_statement("identity", name, *principals, **elements)


def allow_organization(name: str, *organizations: str, **elements: Any) -> Statement:
    return new_statement("organization", name, *organizations, **elements)


def allow_functions(*sources: str, **elements: Any) -> Statement:
    return new_statement("lambda", "lambda", *sources, **elements)


# Lambda adds it when a function of the registry's own account is made from an image.
LAMBDAS_OWN: Statement = {
    "Sid": "LambdaECRImageRetrievalPolicy",
    "Effect": "Allow",
    "Principal": {"Service": "lambda.amazonaws.com"},
    "Action": [
        "ecr:BatchGetImage",
        "ecr:DeleteRepositoryPolicy",
        "ecr:GetDownloadUrlForLayer",
        "ecr:GetRepositoryPolicy",
        "ecr:SetRepositoryPolicy",
    ],
    "Condition": {"StringLike": {"aws:sourceArn": functions(ACCOUNT)}},
}
PLAIN_HTTP_DENIED: Statement = {
    "Sid": "deny plain http",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "ecr:*",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}
OTHER_NETWORKS_DENIED: Statement = {
    "Sid": "our network",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "ecr:*",
    "Condition": {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
}
DELETION_DENIED: Statement = {
    "Effect": "Deny",
    "NotPrincipal": {"AWS": [root(ACCOUNT), PUBLISHER]},
    "Action": ["ecr:DeleteRepository", "ecr:BatchDeleteImage"],
}
BUILDS: Statement = {
    "Sid": "CodeBuild access",
    "Effect": "Allow",
    "Principal": {"Service": "codebuild.amazonaws.com"},
    "Action": list(ACTION_SETS["pull"]),
    "Condition": {"StringEquals": {"aws:SourceAccount": PARTNER}},
}
SCANNERS: Statement = {
    "Sid": "AllowPull",
    "Effect": "Allow",
    "Principal": {"AWS": [root(STRANGER), f"arn:aws:iam::{STRANGER}:user/scanner"]},
    "Action": [*ACTION_SETS["pull"], "ecr:ListImages", "ecr:DescribeImages"],
}
