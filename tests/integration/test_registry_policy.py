# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The policy of the registry itself, as the adapter reads it with a real client of boto3."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._aws.registry import Registry
from ansible_collections.imageshare.aws.plugins.module_utils._registry import EcrError, StoredRegistryPolicy
from ansible_collections.imageshare.aws.tests.support.embedded_aws import ACCOUNT, EmbeddedAws

OTHER = "222222222222"


def policy(*actions: str) -> str:
    root = f"arn:aws:iam::{OTHER}:root"
    allow = {"Effect": "Allow", "Principal": {"AWS": root}, "Action": list(actions), "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [allow]})


PLAIN, WILD = policy("ecr:BatchGetImage"), policy("ecr:*")


def registry(aws: EmbeddedAws, registry_id: str | None = None) -> Registry:
    config = {"retries": {"total_max_attempts": 1}, "max_pool_connections": 20}
    return Registry(aws.client(**config), lambda: aws.client("sts", **config), registry_id)


def read(found: Registry) -> StoredRegistryPolicy | str:
    try:
        return found.registry_policy()
    except EcrError as error:
        return str(error)


@pytest.mark.parametrize(
    ("planted", "found", "calls"),
    [
        pytest.param(None, StoredRegistryPolicy(None, None), {"GetRegistryPolicy": 1}, id="none"),
        pytest.param(PLAIN, StoredRegistryPolicy(PLAIN, None), {"GetRegistryPolicy": 1}, id="actions that are named"),
        pytest.param(
            WILD, StoredRegistryPolicy(WILD, "V1"), {"GetRegistryPolicy": 1, "GetAccountSetting": 1}, id="a wildcard"
        ),
    ],
)
def test_is_read_with_one_call_by_twenty_workers(
    aws: EmbeddedAws, planted: str | None, found: StoredRegistryPolicy, calls: dict[str, int]
) -> None:
    aws.settings(registry_policy_scope="V1", latency=0.05)
    aws.plant_registry_policy(planted)
    ours = registry(aws)
    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(lambda _number: read(ours), range(40))) == [found] * 40
    assert aws.calls() == calls


@pytest.mark.parametrize("denied", ["GetRegistryPolicy", "GetAccountSetting"])
def test_is_refused_once_and_the_scope_may_be(aws: EmbeddedAws, denied: str) -> None:
    aws.plant_registry_policy(WILD)
    aws.settings(deny=[{"operation": denied}])
    ours = registry(aws)
    found = {read(ours) for _time in range(3)}
    if denied == "GetAccountSetting":
        assert found == {StoredRegistryPolicy(WILD, None)}
    else:
        (said,) = found
        assert "could not read the registry policy (GetRegistryPolicy): AccessDeniedException: " in str(said)
        assert str(said).endswith('Allow the caller ecr:GetRegistryPolicy on the resource "*".')
    assert aws.refused() == {denied: 1}


@pytest.mark.parametrize(
    ("registry_id", "calls"),
    [(ACCOUNT, {"GetCallerIdentity": 1, "GetRegistryPolicy": 1}), (OTHER, {"GetCallerIdentity": 1})],
    ids=["the caller's own", "another's"],
)
def test_is_read_of_a_named_account_if_that_is_the_callers(
    aws: EmbeddedAws, registry_id: str, calls: dict[str, int]
) -> None:
    aws.plant_registry_policy(PLAIN)
    aws.plant_registry_policy(PLAIN, account=OTHER)
    ours = registry(aws, registry_id)
    found: set[Any] = {read(ours) for _time in range(3)}
    if registry_id == ACCOUNT:
        assert found == {StoredRegistryPolicy(PLAIN, None)}
    else:
        (said,) = found
        assert f"could not read the registry policy of account {OTHER}" in said
    assert aws.calls() == calls


def test_is_read_through_faults(aws: EmbeddedAws) -> None:
    aws.plant_registry_policy(WILD)
    aws.settings(seed=1, throttle=0.2, server_error=0.1, damage={"truncated": 0.1, "reset": 0.1})
    assert [registry(aws).registry_policy() for _time in range(5)] == [StoredRegistryPolicy(WILD, "V2")] * 5
