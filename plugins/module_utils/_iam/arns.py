# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Account ids, ARNs and the other identifiers of AWS, as texts."""

from __future__ import annotations

import re

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns
PARTITION = r"aws(?:-[a-z]+)*"
_ACCOUNT_ID = re.compile(r"[0-9]{12}")
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
_UNIQUE_ID = re.compile(r"A(?:ROA|IDA)[A-Z0-9]{12,124}")
_REGION = re.compile(r"[a-z]{2,}(?:-[a-z]+)+-[0-9]+")
_FUNCTIONS = re.compile(r"arn:(?P<partition>[^:]+):lambda:[^:]+:(?P<account>[0-9]{12}):function:\*")


def is_account_id(value: object) -> bool:
    """Return whether a value is a 12-digit account id."""
    return isinstance(value, str) and _ACCOUNT_ID.fullmatch(value) is not None


def is_unique_id(value: object) -> bool:
    """Return whether a principal is the bare id of a deleted role or user.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
    """
    return isinstance(value, str) and _UNIQUE_ID.fullmatch(value) is not None


def is_region(value: object) -> bool:
    """Return whether a value looks like the name of a region: AWS opens new ones, so only it knows which there are."""
    return isinstance(value, str) and _REGION.fullmatch(value) is not None


def root_arn(account: str, partition: str) -> str:
    """Return the principal that stands for a whole account.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-accounts
    """
    return f"arn:{partition}:iam::{account}:root"


def functions_arn(account: str, region: str, partition: str) -> str:
    """Return the pattern of all Lambda functions of an account in a region, or C(*) for all regions."""
    return f"arn:{partition}:lambda:{region}:{account}:function:*"


def functions_region(arn: str) -> str:
    """Return the region, or the pattern of regions, in a result of functions_arn()."""
    return arn.split(":")[3]


def functions_account(arn: str, partition: str) -> str | None:
    """Return the account whose functions a text stands for, all of them in a region or in every region.

    Returns:
        None for what functions_arn() cannot have made in this partition.
    """
    match = _FUNCTIONS.fullmatch(arn)
    return match["account"] if match is not None and match["partition"] == partition else None


def repository_arn(name: str, registry_id: str, region: str, partition: str) -> str:
    """Return the ARN of a repository.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
    """
    return f"arn:{partition}:ecr:{region}:{registry_id}:repository/{name}"
