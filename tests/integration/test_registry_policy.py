# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The policy of the registry itself: as the adapter reads it with a real client of boto3, and as modules heed it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._aws.registry import Registry
from ansible_collections.imageshare.aws.plugins.module_utils._registry import EcrError, StoredRegistryPolicy
from ansible_collections.imageshare.aws.tests.integration.conftest import Run
from ansible_collections.imageshare.aws.tests.integration.statements import TEAM, allow, root
from ansible_collections.imageshare.aws.tests.integration.statements import policy as policy_of
from ansible_collections.imageshare.aws.tests.support.embedded_aws import ACCOUNT, REGION, EmbeddedAws

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
        assert found == {StoredRegistryPolicy(WILD, "unknown")}
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


ORGANIZATION = "o-a1b2c3d4e5"
PREFIX = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/base/*"
PULLS = {"Sid": "R", "Effect": "Allow", "Action": "ecr:Batch*", "Resource": PREFIX}
IN_ORGANIZATION = {"Condition": {"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}}}
# Of each: a statement of the registry's policy for a prefix, whom it lets in, whether it makes repositories public, and
# of which kinds a share, a purge and a task that takes access from TEAM warn, where it counts.
LET_IN: dict[str, tuple[dict[str, Any], list[str], bool, tuple[set[str], set[str], set[str]]]] = {
    "an account": (
        {**PULLS, "Principal": {"AWS": root(OTHER)}},
        [OTHER],
        False,
        (set(), {"excess_access"}, set()),
    ),
    "whom the task is about": (
        {**PULLS, "Principal": {"AWS": root(TEAM)}},
        [TEAM],
        False,
        ({"excess_access"}, {"excess_access"}, {"excess_access"}),
    ),
    "everyone": ({**PULLS, "Principal": "*"}, ["*"], True, ({"public"}, {"public"}, {"public"})),
    "an organization": (
        {**PULLS, "Principal": "*", **IN_ORGANIZATION},
        [ORGANIZATION],
        False,
        ({"excess_access"}, {"excess_access"}, {"excess_access"}),
    ),
    "a service for anybody": (
        {**PULLS, "Principal": {"Service": "codebuild.amazonaws.com"}},
        ["codebuild.amazonaws.com"],
        False,
        ({"unscoped_service"}, {"unscoped_service"}, {"unscoped_service"}),
    ),
    "nobody, as it denies": (
        {**PULLS, "Principal": "*", "Effect": "Deny"},
        [],
        False,
        ({"explicit_deny"}, {"explicit_deny"}, set()),
    ),
}
GRANTS = [{"principals": [TEAM]}]
TASKS: list[dict[str, Any]] = [{}, {"purge_grants": True}, {"state": "absent"}]


@pytest.mark.parametrize(("statement", "named", "public", "kinds"), LET_IN.values(), ids=LET_IN.keys())
def test_what_it_says_counts_for_the_repositories_of_its_prefix(
    aws: EmbeddedAws,
    audit: Run,
    run: Run,
    statement: dict[str, Any],
    named: list[str],
    public: bool,
    kinds: tuple[set[str], set[str], set[str]],
) -> None:
    own = policy_of(allow("pull", root(TEAM)))
    aws.plant_many({"base/app": own, "base/empty": None, "web": own})
    aws.plant_registry_policy(policy_of(statement))

    rows = audit().rows
    by_it = {
        name: [
            share["principal"]
            for share in row["shares"]
            if "registry" in {one["policy"] for one in share["statements"]}
        ]
        for name, row in rows.items()
    }
    assert by_it == {"base/app": named, "base/empty": named, "web": []}
    assert {name: row["public"] for name, row in rows.items()} == {
        "base/app": public,
        "base/empty": public,
        "web": False,
    }
    denied = [one["policy"] for share in rows["base/app"]["shares"] for one in share["denied_by"]]
    assert denied == (["registry"] if statement["Effect"] == "Deny" else [])

    for task, expected in zip(TASKS, kinds, strict=True):
        aws.plant_many({"base/app": own, "base/empty": None, "web": own})
        done = run(repositories=["*"], grants=GRANTS, check=True, **task)
        found = {
            name: {(one["kind"], one["policy"], one["sid"]) for one in row["warnings"]}
            for name, row in done.rows.items()
        }
        assert found == {
            "base/app": {(kind, "registry", "R") for kind in expected},
            "base/empty": {(kind, "registry", "R") for kind in expected},
            "web": set(),
        }, task
        assert done.values["registry_policy"] == {"read": True, "error": None, "error_code": None}


def test_where_it_is_not_known_a_task_that_takes_access_away_warns_and_no_task_fails(
    aws: EmbeddedAws, run: Run
) -> None:
    aws.plant("app", policy_of(allow("pull", root(TEAM))))
    aws.settings(deny=[{"operation": "GetRegistryPolicy"}])
    for task in TASKS:
        done = run(repositories=["app"], grants=GRANTS, check=True, **task)
        assert not done.failed
        assert done.values["registry_policy"]["error_code"] == "AccessDeniedException"
        told = [text for text in done.warnings if "The policy of the registry is not known" in text]
        assert bool(told) is bool(task)
        assert all("Allow the caller ecr:GetRegistryPolicy" in text for text in told)


def test_that_of_another_account_is_not_asked_for_and_never_taken_for_none(aws: EmbeddedAws, audit: Run) -> None:
    aws.plant("app", policy_of(allow("pull", root(TEAM))), account=OTHER)
    found = audit(registry_id=OTHER)
    assert found.row["registry_policy_read"] is False
    assert found.values["summary"]["registry_policy_unread"] == 1
    said = found.values["registry_policy"]
    assert (said["read"], said["error_code"], said["policy_length"]) == (False, None, None)
    assert "AWS's API has it for the caller's own registry alone" in said["error"]
    assert "GetRegistryPolicy" not in aws.calls()
