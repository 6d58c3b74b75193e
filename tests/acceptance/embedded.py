# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two accounts of an embedded AWS, for the acceptance itself to be tried."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ansible_collections.imageshare.aws.tests.support.embedded_aws import ACCOUNT, REGION, EmbeddedAws
from ansible_collections.imageshare.aws.tests.support.module_process import profiles
from boto3.session import Session

OWNER, CONSUMER, PROFILE = ACCOUNT, "222222222222", "consumer"


@contextmanager
def two_accounts(folder: Path) -> Iterator[tuple[EmbeddedAws, dict[str, str]]]:
    """The AWS, and the variables that lead to it: to the first account, and by the profile C(consumer) to the second,
    which is in an organization. folder: for the profile.
    """
    with EmbeddedAws() as aws:
        environment = {**aws.environment(), **profiles(aws, folder, {PROFILE: CONSUMER})}
        role = aws.client("sts").assume_role(RoleArn=f"arn:aws:iam::{CONSUMER}:role/lister", RoleSessionName="make")
        keys = [role["Credentials"][name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")]
        Session(*keys).client("organizations", REGION, endpoint_url=aws.url).create_organization(FeatureSet="ALL")
        yield aws, environment
