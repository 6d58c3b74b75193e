# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Repository policies as people and tools write them. Not one of their statements is managed."""

from __future__ import annotations

from typing import Any

REALISTIC: dict[str, dict[str, Any]] = {
    "a Terraform module's reader, writer and build service": {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "PrivateReadOnly",
                "Effect": "Allow",
                "Principal": {
                    "AWS": ["arn:aws:iam::444455556666:role/reader", "arn:aws:iam::111122223333:role/ci/builder"]
                },
                "Action": [
                    "ecr:ListImages",
                    "ecr:GetDownloadUrlForLayer",
                    "ecr:GetAuthorizationToken",
                    "ecr:DescribeImages",
                    "ecr:BatchGetImage",
                    "ecr:BatchCheckLayerAvailability",
                ],
            },
            {
                "Sid": "ReadWrite",
                "Effect": "Allow",
                "Action": ["ecr:UploadLayerPart", "ecr:PutImage", "ecr:InitiateLayerUpload", "ecr:CompleteLayerUpload"],
                "Principal": {"AWS": "arn:aws:iam::123456789012:role/release"},
            },
            {
                "Sid": "Code Build",
                "Effect": "Allow",
                "Principal": {"Service": "codebuild.amazonaws.com"},
                "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                "Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}},
            },
        ],
    },
    "Lambda's own statement beside another service's": {
        "Version": "2008-10-17",
        "Statement": [
            {
                "Sid": "LambdaECRImageRetrievalPolicy",
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                "Condition": {"StringLike": {"aws:sourceArn": "arn:aws:lambda:us-east-1:123456789012:function:*"}},
            },
            {
                "Sid": "EmrServerless",
                "Effect": "Allow",
                "Principal": {"Service": "emr-serverless.amazonaws.com"},
                "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:DescribeImages"],
                "Condition": {
                    "StringLike": {"aws:SourceArn": "arn:aws:emr-serverless:us-east-1:123456789012:/applications/*"}
                },
            },
        ],
    },
    "a guard rail around an organization": {
        "Version": "2012-10-17",
        "Id": "guard-rail",
        "Statement": [
            {
                "Sid": "Read_Only_All",
                "Effect": "Allow",
                "Principal": "*",
                "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:DescribeImages"],
                "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}},
            },
            {
                "Effect": "Deny",
                "Principal": {"AWS": "*"},
                "Action": "ecr:*",
                "Condition": {
                    "StringNotEqualsIfExists": {"aws:PrincipalOrgID": ["o-a1b2c3d4e5", "o-z9y8x7w6v5"]},
                    "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
                },
            },
        ],
    },
    "the console's wide-open hand, as one object": {
        "Version": "2008-10-17",
        "Statement": {
            "Sid": "new statement",
            "Effect": "Allow",
            "Principal": {"AWS": ["arn:aws:iam::444455556666:root", "AROAEXAMPLEROLE123456"]},
            "Action": ["ecr:*", "ecr:GetAuthorizationToken"],
        },
    },
    "our own Sids around other contents": {
        "Version": "2012-10-17",
        "Id": "",
        "Statement": [
            {
                "Sid": "AllowPull",
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
                "Action": [
                    "ecr:GetDownloadUrlForLayer",
                    "ecr:BatchGetImage",
                    "ecr:BatchCheckLayerAvailability",
                    "ecr:DescribeImages",
                ],
            },
            {
                "Sid": "AllowPullAndPush",
                "Effect": "Deny",
                "NotPrincipal": {"AWS": ["arn:aws:iam::123456789012:root", "arn:aws:iam::123456789012:role/release"]},
                "NotAction": ["ecr:BatchGetImage", "ecr:Describe*"],
            },
            {
                "Sid": "AllowLambdaPull",
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                "Condition": {
                    "ForAnyValue:StringLike": {"aws:sourceARN": ["arn:aws:lambda:us-east-1:111122223333:function:*"]}
                },
            },
        ],
    },
}
