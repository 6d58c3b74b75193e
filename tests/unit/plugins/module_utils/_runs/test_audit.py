# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs that audit, over a registry in memory: which repositories, in what order, at what cost, and what failed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._iam.document import PolicyComparison
from ansible_collections.imageshare.aws.plugins.module_utils._iam.principals import Principal, PrincipalType
from ansible_collections.imageshare.aws.plugins.module_utils._registry import EcrError, StoredPolicy
from ansible_collections.imageshare.aws.plugins.module_utils._runs.audit import AuditRunResult, run
from ansible_collections.imageshare.aws.plugins.module_utils._runs.options import AuditRequest
from ansible_collections.imageshare.aws.tests.support.builders import ACCOUNT, OTHER, root
from ansible_collections.imageshare.aws.tests.support.in_memory import OWNER, InMemory, Verbatim
from ansible_collections.imageshare.aws.tests.support.runs import allowing, text_of


def principal(name: str) -> Principal:
    return Principal(PrincipalType.ACCOUNT, name, name)


def request(*repositories: str, **changes: Any) -> AuditRequest:
    asked: dict[str, Any] = {"principal": None, "include_policy": False, "missing_ok": False, "concurrency": 4}
    return AuditRequest(repositories=repositories or ("*",), **{**asked, **changes})


def text(*accounts: str) -> str:
    return text_of(allowing(*map(root, accounts)))


POLICIES = {"web": text(ACCOUNT, OTHER), "base/python": text(ACCOUNT), "base/empty": None, "base/go": text(OTHER)}


def rows(audit: AuditRunResult) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in audit.to_dict()["repositories"]}


def test_all_repositories_of_a_registry_cost_one_list_and_a_read_each() -> None:
    registry = InMemory(POLICIES)
    audit = run(request(), registry)
    assert list(rows(audit)) == ["base/empty", "base/go", "base/python", "web"]
    calls = [call[0] for call in registry.journal]
    assert calls[0] == "names"
    assert calls.count("read") == 4
    assert calls.count("registry_policy") == 1
    assert set(calls) <= {"names", "read", "owner", "registry_policy"}


def test_names_are_taken_in_their_order_and_not_looked_up() -> None:
    registry = InMemory(POLICIES)
    assert list(rows(run(request("web", "base/go"), registry))) == ["web", "base/go"]
    assert ("names",) not in registry.journal


def test_a_repository_has_its_address() -> None:
    row = rows(run(request("base/python"), InMemory(POLICIES)))["base/python"]
    assert list(row)[:5] == ["name", "arn", "uri", "registry_id", "region"]
    assert row["arn"] == f"arn:aws:ecr:us-east-1:{OWNER}:repository/base/python"
    assert row["uri"] == f"{OWNER}.dkr.ecr.us-east-1.amazonaws.com/base/python"
    assert (row["registry_id"], row["region"]) == (OWNER, "us-east-1")


def test_a_policy_is_returned_as_it_is_where_it_is_wanted() -> None:
    found, equal = rows(run(request(include_policy=True), InMemory(POLICIES))), PolicyComparison("aws").equal
    assert found["base/empty"]["policy"] is None
    assert all(equal(found[name]["policy"], json.loads(policy)) for name, policy in POLICIES.items() if policy)
    assert all("policy" not in row for row in rows(run(request(), InMemory(POLICIES))).values())


def test_of_one_principal_only_its_repositories_are_told() -> None:
    audit = run(request(principal=principal(OTHER)), InMemory(POLICIES))
    assert {name: [share["principal"] for share in row["shares"]] for name, row in rows(audit).items()} == {
        "base/go": [OTHER],
        "web": [OTHER],
    }


def test_nor_does_a_filter_hide_what_could_not_be_read_or_is_not_there() -> None:
    registry = InMemory({**POLICIES, "broken": "{"})
    audit = run(request("*", "x*", principal=principal(OTHER)), registry)
    assert {name for name, row in rows(audit).items() if "error" in row} == {"broken", "x*"}


@pytest.mark.parametrize(
    ("wanted", "said", "code"),
    [
        (
            "tools/*",
            'no repository matches "tools/*" in the registry of these credentials in us-east-1. '
            "Check it, the region and registry_id.",
            None,
        ),
        ("tools/ci", "tools/ci: could not read the policy: it does not exist", "RepositoryNotFoundException"),
    ],
)
def test_what_is_not_there_fails_or_is_missing(wanted: str, said: str, code: str | None) -> None:
    failing = run(request(wanted, "web"), InMemory(POLICIES))
    assert rows(failing)[wanted] == {"name": wanted, "error": said, "error_code": code}
    assert "shares" in rows(failing)["web"]
    skipping = run(request(wanted, "web", missing_ok=True), InMemory(POLICIES))
    assert rows(skipping)[wanted] == {"name": wanted, "missing": True}
    assert not skipping.failures


def test_all_of_an_empty_registry_is_no_failure() -> None:
    audit = run(request(), InMemory({}))
    assert audit.results == ()
    assert not audit.failures


def test_a_policy_that_is_none_is_an_error_of_its_repository_alone() -> None:
    found = rows(run(request(), Verbatim({"base": text(ACCOUNT), "broken": "[]"})))
    assert found["broken"]["error"].startswith("broken: the policy could not be parsed: it is not a JSON object")
    assert "shares" in found["base"]


class Nobodys(InMemory):
    """Nobody says whose it is, not even AWS."""

    whose = None

    def owner(self) -> str:
        raise EcrError("could not determine the registry ID. Set registry_id.", "AccessDenied")


def test_where_nobody_says_whose_the_registry_is_the_rows_fail_and_say_so() -> None:
    audit = run(request("web", "x", missing_ok=True), Nobodys(POLICIES))
    said = "web: could not determine the registry ID. Set registry_id."
    assert audit.to_dict()["repositories"] == [
        {"name": "web", "error": said, "error_code": "AccessDenied"},
        {"name": "x", "missing": True},
    ]
    assert audit.registry_id is None


class Surprising(InMemory):
    def read(self, name: str) -> StoredPolicy:
        if name == "web":
            raise KeyError("policyText")
        return super().read(name)


def test_a_surprise_hides_nothing_of_the_others() -> None:
    found = rows(run(request(), Surprising(POLICIES)))
    assert found["web"]["error"].startswith("web: unexpected KeyError: 'policyText'.")
    assert all("shares" in row for name, row in found.items() if name != "web")


OF_REGISTRY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Base",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"},
                "Action": "ecr:BatchGetImage",
                "Resource": f"arn:aws:ecr:us-east-1:{OWNER}:repository/base/*",
            }
        ],
    }
)


def test_the_policy_of_the_registry_counts_for_the_repositories_that_it_is_for() -> None:
    audit = run(request(include_policy=True), InMemory(POLICIES, registry_policy=OF_REGISTRY))
    found = rows(audit)
    assert [share["principal"] for share in found["base/empty"]["shares"]] == [OTHER]
    assert [share["principal"] for share in found["base/python"]["shares"]] == [ACCOUNT, OTHER]
    assert [len(share["statements"]) for share in found["web"]["shares"]] == [1, 1]
    assert all(row["registry_policy_read"] for row in found.values())
    said = audit.to_dict()["registry_policy"]
    assert (said["read"], said["error"], said["error_code"]) == (True, None, None)
    assert said["policy"] == json.loads(OF_REGISTRY)
    assert said["policy_length"] == len(json.dumps(said["policy"], separators=(",", ":")))
    assert [share["principal"] for share in said["shares"]] == [OTHER]
    assert audit.to_dict()["summary"]["registry_policy_unread"] == 0


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (EcrError("could not read it. Allow it.", "AccessDeniedException"), "could not read it. Allow it."),
        ("[]", "the policy of the registry could not be parsed: it is not a JSON object"),
    ],
)
def test_a_policy_of_the_registry_that_is_not_known_is_said_everywhere_and_is_no_failure(
    policy: str | EcrError, said: str
) -> None:
    audit = run(request(), InMemory(POLICIES, registry_policy=policy))
    assert not audit.failures
    assert not any(row["registry_policy_read"] for row in rows(audit).values())
    whole = audit.to_dict()
    assert whole["summary"]["registry_policy_unread"] == len(POLICIES)
    of_registry = whole["registry_policy"]
    assert (of_registry["read"], of_registry["error"], of_registry["policy_length"]) == (False, said, None)
    assert of_registry["error_code"] == getattr(policy, "code", None)
    assert of_registry["shares"] == []


def test_a_report_is_plain_values_or_one_text() -> None:
    audit = run(request(include_policy=True), InMemory(POLICIES))
    whole = audit.to_dict()
    assert json.loads(json.dumps(whole)) == whole
    short = audit.to_dict(rows_as_text=True)
    assert {**whole, **json.loads(short.pop("rows_as_text"))} == whole
    assert short.items() <= whole.items()
    assert [one["principal"] for one in whole["principals"]] == [ACCOUNT, OTHER]
    assert whole["summary"]["shares"] == 4
