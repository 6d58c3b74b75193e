# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two accounts of an embedded AWS, for the acceptance itself to be tried."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.imageshare.aws.tests.support.embedded_aws import ACCOUNT, REGION, EmbeddedAws
from ansible_collections.imageshare.aws.tests.support.module_process import profiles
from boto3.session import Session

OWNER, CONSUMER, PROFILE = ACCOUNT, "222222222222", "consumer"


def variables(aws: EmbeddedAws, folder: Path) -> dict[str, str]:
    """The variables that lead to the AWS: to the first account, and by the profile C(consumer) to the second, which is
    in an organization. folder: for the profile.
    """
    consumer(aws, "organizations").create_organization(FeatureSet="ALL")
    return {**aws.environment(), **profiles(aws, folder, {PROFILE: CONSUMER})}


def consumer(aws: EmbeddedAws, service: str) -> Any:
    """A client of the second account."""
    role = aws.client("sts").assume_role(RoleArn=f"arn:aws:iam::{CONSUMER}:role/lister", RoleSessionName="test")
    keys = [role["Credentials"][name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")]
    return Session(*keys).client(service, REGION, endpoint_url=aws.url)
