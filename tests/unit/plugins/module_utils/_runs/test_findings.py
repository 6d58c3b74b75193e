# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rows of an audit: what is said of one policy, and of many."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._evaluation.evaluator import (
    PolicyEvaluator,
    RegistryPolicy,
)
from ansible_collections.imageshare.aws.plugins.module_utils._iam.document import parse
from ansible_collections.imageshare.aws.plugins.module_utils._iam.principals import read_principal
from ansible_collections.imageshare.aws.plugins.module_utils._runs.findings import (
    by_principal,
    counts,
    findings,
    registry_findings,
)
from ansible_collections.imageshare.aws.tests.support import wild_policies
from ansible_collections.imageshare.aws.tests.support.builders import (
    ACCOUNT,
    DELETED_ROLE,
    DELETED_USER,
    OTHER,
    OTHER_ROOT,
    OWNER,
    PULL,
    REPOSITORY,
    ROOT,
    allow,
    policy,
)
from hypothesis import given
from hypothesis import strategies as st

DELETED = [DELETED_ROLE, DELETED_USER]


def named(position: int, sid: str | None, policy: str = "repository") -> dict[str, Any]:
    """What rows call a statement."""
    return {"policy": policy, "position": position, "sid": sid}


EVALUATOR = PolicyEvaluator("aws", OWNER)


NETWORK = {"Condition": {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}}
DENIED = {"Sid": "network", "Effect": "Deny", "Principal": "*", "Action": "ecr:*", **NETWORK}


def test_everything_is_said_in_plain_values() -> None:
    whole = policy(
        allow(ROOT, Sid="AllowPull"),
        {"Sid": "some", **allow("*"), "Condition": {"StringEquals": {"aws:SourceVpc": ["vpc-1", "vpc-2"]}}},
        DENIED,
    )
    found = findings(whole, EVALUATOR)
    assert json.loads(json.dumps(found)) == found
    del found["policy_length"]
    denied = [{**named(3, "network"), "denies": ["pull"], "certain": False}]
    able: dict[str, Any] = {"other_actions": [], "can_pull": True, "can_push": False, "lambda_regions": []}
    assert found == {
        "shares": [
            {
                "principal": ACCOUNT,
                "principal_type": "account",
                "access": ["pull"],
                **able,
                "conditions": [],
                "statements": [named(1, "AllowPull")],
                "denied_by": denied,
                "managed": True,
            },
            {
                "principal": "*",
                "principal_type": "everyone",
                "access": ["pull"],
                **able,
                "conditions": [{"operator": "StringEquals", "key": "aws:SourceVpc", "values": ["vpc-1", "vpc-2"]}],
                "statements": [named(2, "some")],
                "denied_by": denied,
                "managed": False,
            },
        ],
        "public": False,
        "public_statements": [],
        "deleted_principals": [],
        "unscoped_service": False,
        "unscoped_service_statements": [],
        "unmanaged_statements": [named(2, "some"), named(3, "network")],
        "registry_policy_read": False,
    }


def test_of_no_policy_there_is_nothing_to_say() -> None:
    assert findings(None, EVALUATOR) == {
        "policy_length": 0,
        "shares": [],
        "public": False,
        "public_statements": [],
        "deleted_principals": [],
        "unscoped_service": False,
        "unscoped_service_statements": [],
        "unmanaged_statements": [],
        "registry_policy_read": False,
    }


def test_the_length_is_that_of_the_text_that_would_be_sent() -> None:
    spread = json.dumps(policy(allow(ROOT, Sid="é")), indent=8, ensure_ascii=False)
    compact = json.dumps(json.loads(spread), separators=(",", ":"), ensure_ascii=False)
    assert findings(parse(spread), EVALUATOR)["policy_length"] == len(compact)


def test_a_statement_for_another_repository_grants_nothing_and_is_listed() -> None:
    elsewhere = policy(allow("*", Sid="elsewhere", Resource=f"{REPOSITORY}-2"))
    found = findings(elsewhere, EVALUATOR, resource=REPOSITORY)
    assert (found["shares"], found["public"]) == ([], False)
    assert found["unmanaged_statements"] == [named(1, "elsewhere")]


def test_only_the_shares_of_one_principal_are_told_and_all_else_is_of_the_whole() -> None:
    whole = policy(allow(ROOT, OTHER_ROOT, *DELETED), allow("*"))
    alone = findings(whole, EVALUATOR, principal=read_principal(ACCOUNT, "aws"))
    assert [(share["principal"], share["matches"]) for share in alone["shares"]] == [
        (ACCOUNT, "exact"),
        ("*", "possible"),
    ]
    assert {**alone, "shares": []} == {**findings(whole, EVALUATOR), "shares": []}
    assert alone["public"]
    assert alone["public_statements"] == [named(2, None)]
    assert alone["deleted_principals"] == sorted(DELETED)


@given(st.randoms(use_true_random=False))
def test_the_order_in_which_aws_lists_principals_does_not_matter(random: Any) -> None:
    principals = [ROOT, OTHER_ROOT, f"arn:aws:iam::{OTHER}:role/ci", f"arn:aws:iam::{OTHER}:user/ci", *DELETED, "*"]
    expected = findings(policy(allow(*principals)), EVALUATOR)
    random.shuffle(principals)
    assert findings(policy(allow(*principals)), EVALUATOR) == expected


@given(st.randoms(use_true_random=False))
def test_any_policy_has_findings_that_are_plain_values(random: Any) -> None:
    found = findings(parse(json.dumps(wild_policies.wild_policy(random))), EVALUATOR)
    assert json.loads(json.dumps(found)) == found
    positions = [share["statements"][0]["position"] for share in found["shares"]]
    assert positions == sorted(positions)


# --- the policy of the registry ---

EVERY = f"arn:aws:ecr:us-east-1:{OWNER}:repository/*"


def with_registry(*listed: dict[str, Any], own: Any = None, scope: str | None = None) -> dict[str, Any]:
    """What is said of a repository whose registry has a policy of these statements."""
    of_registry = RegistryPolicy(policy(*listed), scope)
    return findings(own, EVALUATOR, resource=REPOSITORY, registry_policy=of_registry)


def test_what_the_policy_of_the_registry_allows_is_added() -> None:
    found = with_registry(allow(OTHER_ROOT, Resource=EVERY), own=policy(allow(ROOT, Sid="own")))
    assert [(share["principal"], share["statements"]) for share in found["shares"]] == [
        (ACCOUNT, [named(1, "own")]),
        (OTHER, [named(1, None, "registry")]),
    ]
    assert found["registry_policy_read"]
    # It is neither of the repository's statements, nor managed by whoever manages these.
    assert found["unmanaged_statements"] == []
    assert not found["shares"][1]["managed"]


def test_two_policies_may_give_together_what_neither_does() -> None:
    own = policy(allow(ROOT, Action="ecr:BatchGetImage"))
    found = with_registry(allow(ROOT, Action="ecr:GetDownloadUrlForLayer", Resource=EVERY), own=own)
    (share,) = found["shares"]
    assert share["can_pull"]
    assert share["statements"] == [named(1, None), named(1, None, "registry")]


@pytest.mark.parametrize("denying", ["repository", "registry"])
def test_what_either_policy_denies_is_denied(denying: str) -> None:
    granting, fence = allow(ROOT), {**allow("*"), "Effect": "Deny"}
    if denying == "registry":
        found = with_registry({**fence, "Resource": EVERY}, own=policy(granting))
    else:
        found = with_registry({**granting, "Resource": EVERY}, own=policy(fence))
    (share,) = found["shares"]
    assert share["denied_by"] == [{**named(1, None, denying), "denies": ["pull"], "certain": True}]
    assert share["defeated"]
    assert not share["can_pull"]


@pytest.mark.parametrize(
    ("resource", "covers"),
    [
        ("*", True),
        (EVERY, True),
        (EVERY.replace("/*", "/base/*"), True),
        ([EVERY.replace("/*", "/web/*"), EVERY.replace("/*", "/base/pytho?")], True),
        (EVERY.replace("us-east-1", "*"), True),
        (EVERY.replace("/*", "/prod-*"), False),
        (EVERY.replace("us-east-1", "eu-west-1"), False),
        ([], False),
    ],
)
def test_a_statement_of_the_registry_is_for_the_repositories_of_its_resource(resource: Any, covers: bool) -> None:
    found = with_registry(allow(ROOT, Resource=resource), {**allow("*"), "Resource": resource})
    assert [share["principal"] for share in found["shares"]] == ([ACCOUNT, "*"] if covers else [])
    assert found["public"] is covers
    assert found["public_statements"] == ([named(2, None, "registry")] if covers else [])


def test_a_service_that_the_registry_lets_in_for_anybody_is_told() -> None:
    found = with_registry(allow(Principal={"Service": "codebuild.amazonaws.com"}, Resource=EVERY))
    assert (found["public"], found["unscoped_service"]) == (False, True)
    assert found["unscoped_service_statements"] == [named(1, None, "registry")]


def test_replication_is_told_as_what_it_is_and_the_creation_of_repositories_only_of_the_registry() -> None:
    replicating = allow(ROOT, Action=["ecr:ReplicateImage", "ecr:CreateRepository"], Resource=EVERY)
    (share,) = with_registry(replicating)["shares"]
    assert (share["access"], share["other_actions"]) == (["replicate"], ["ecr:ReplicateImage"])
    said = registry_findings(RegistryPolicy(policy(replicating)), EVALUATOR)
    (share,) = said["shares"]
    assert share["access"] == ["replicate", "create"]
    assert share["other_actions"] == ["ecr:CreateRepository", "ecr:ReplicateImage"]
    assert share["conditions"] == [{"operator": "Resource", "key": "ARN", "values": [EVERY]}]


def test_of_a_registry_of_the_first_scope_three_actions_count() -> None:
    everything = allow(ROOT, Action="ecr:*", Resource="*")
    (share,) = with_registry(everything, scope="V1")["shares"]
    assert share["other_actions"] == ["ecr:BatchImportUpstreamImage", "ecr:ReplicateImage"]
    assert not share["can_pull"]
    (share,) = with_registry(everything, scope="V2")["shares"]
    assert share["can_pull"]
    said = registry_findings(RegistryPolicy(policy(everything), "V1"), EVALUATOR)
    assert [one["access"] for one in said["shares"]] == [["replicate", "create"]]
    assert said["scope"] == "V1"


def test_of_a_registry_whose_scope_is_not_known_what_a_wildcard_denies_is_only_possible() -> None:
    wild, named_one = (
        {**allow("*", Action=action), "Effect": "Deny", "Resource": "*"} for action in ("ecr:*", list(PULL))
    )
    own = policy(allow(ROOT))
    (share,) = with_registry(wild, own=own, scope="unknown")["shares"]
    assert [(one["denies"], one["certain"]) for one in share["denied_by"]] == [(["pull"], False)]
    assert share["can_pull"]
    # AWS takes no other names in the first scope.
    (share,) = with_registry(named_one, own=own, scope="unknown")["shares"]
    assert share["defeated"]
    assert with_registry(allow("*", Action="ecr:*", Resource="*"), scope="unknown")["public"]
    assert not with_registry(allow("*", Action="ecr:*", Resource="*"), {**wild}, scope="V2")["public"]
    assert with_registry(allow("*", Action="ecr:*", Resource="*"), {**wild}, scope="unknown")["public"]


def test_what_a_registry_says_of_repositories_to_come_is_told() -> None:
    prefix = EVERY.replace("/*", "/new/*")
    said = registry_findings(
        RegistryPolicy(policy(allow("*", Resource=prefix), allow(OTHER_ROOT, Resource="*"))), EVALUATOR
    )
    assert [(one["principal"], one["conditions"]) for one in said["shares"]] == [
        ("*", [{"operator": "Resource", "key": "ARN", "values": [prefix]}]),
        (OTHER, []),
    ]
    # Some repository may be meant, and that is enough.
    assert said["public"]


@pytest.mark.parametrize(
    "resource", ["arn:aws:s3:::x/*", EVERY.replace("us-east-1", "eu-west-1"), EVERY.replace(OWNER, OTHER)]
)
def test_what_a_registry_says_of_other_resources_opens_nothing(resource: str) -> None:
    evaluator = PolicyEvaluator("aws", OWNER, region="us-east-1")
    assert not registry_findings(RegistryPolicy(policy(allow("*", Resource=resource))), evaluator)["public"]


def test_of_a_registry_without_a_policy_there_is_nothing_to_say() -> None:
    assert registry_findings(RegistryPolicy(), EVALUATOR) == {
        "scope": None,
        "policy_length": 0,
        "public": False,
        "public_statements": [],
        "unscoped_service": False,
        "unscoped_service_statements": [],
        "shares": [],
    }


# --- many ---


def row(name: str, *shared: tuple[str, str], **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "shares": [{"principal_type": kind, "principal": principal} for kind, principal in shared],
        **more,
    }


ROWS = [
    row("web", ("role", "r"), ("account", OTHER), ("account", OTHER), public=True, deleted_principals=[]),
    row(
        "base",
        ("account", ACCOUNT),
        ("account", OTHER),
        public=False,
        unscoped_service=True,
        deleted_principals=DELETED,
        registry_policy_read=False,
    ),
    row("empty", public=False, deleted_principals=[], registry_policy_read=False),
    {"name": "denied", "error": "denied: no"},
    {"name": "gone", "missing": True},
]


def test_each_principal_has_the_names_of_its_repositories_once_and_in_their_order() -> None:
    assert by_principal(ROWS) == [
        {"principal": ACCOUNT, "principal_type": "account", "repositories": ["base"]},
        {"principal": OTHER, "principal_type": "account", "repositories": ["web", "base"]},
        {"principal": "r", "principal_type": "role", "repositories": ["web"]},
    ]


def test_a_role_and_an_account_of_one_name_are_two_principals() -> None:
    found = by_principal([row("web", ("other", "x")), row("base", ("service", "x"))])
    assert [(one["principal_type"], one["repositories"]) for one in found] == [
        ("other", ["web"]),
        ("service", ["base"]),
    ]


def test_rows_are_counted() -> None:
    assert counts(ROWS) == {
        "repositories": 5,
        "shares": 5,
        "principals": 3,
        "public": 1,
        "unscoped_service": 1,
        "deleted_principals": 1,
        "registry_policy_unread": 2,
        "missing": 1,
        "failed": 1,
    }


def test_no_rows_are_counted() -> None:
    assert set(counts([]).values()) == {0}
    assert by_principal([]) == []
