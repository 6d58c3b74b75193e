# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An embedded AWS for each module of tests that asks for one, and clients of it that never retry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.imageshare.aws.tests.support.embedded_aws import EmbeddedAws


@pytest.fixture(scope="module")
def process() -> Iterator[EmbeddedAws]:
    with EmbeddedAws() as running:
        yield running


@pytest.fixture(scope="module")
def clients(process: EmbeddedAws) -> dict[str, Any]:
    regions = ("us-east-1", "cn-north-1", "us-gov-west-1")
    return {region: process.client(region=region, retries={"max_attempts": 0}) for region in regions}


@pytest.fixture
def aws(process: EmbeddedAws) -> EmbeddedAws:
    process.reset()
    return process


@pytest.fixture
def ecr(aws: EmbeddedAws, clients: dict[str, Any]) -> Any:
    """A client that never retries, and a repository ``app`` without a policy in each region."""
    for region in clients:
        aws.plant("app", None, region=region)
    return clients["us-east-1"]
