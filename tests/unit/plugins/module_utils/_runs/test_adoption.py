# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The grants for many repositories: few, in an order of their own, and what else an audit says beside them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from random import Random
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._iam.document import serialise
from ansible_collections.imageshare.aws.plugins.module_utils._runs.audit import run
from ansible_collections.imageshare.aws.plugins.module_utils._runs.options import AuditRequest
from ansible_collections.imageshare.aws.tests.support.builders import (
    ACCOUNT,
    DELETED_ROLE,
    OTHER,
    OTHER_ROOT,
    OWNER,
    PULL,
    ROLE,
    ROOT,
    allow,
    deny,
    policy,
    principal,
    root,
    statement,
)
from ansible_collections.imageshare.aws.tests.support.in_memory import Verbatim

DESCRIBED = [*PULL, "ecr:DescribeImages"]
THIRD = "777788889999"


def audited(
    policies: Mapping[str, Iterable[dict[str, Any]]], *of_registry: dict[str, Any], **asked: Any
) -> dict[str, Any]:
    """What an audit says of repositories whose policies are of these statements."""
    texts = {name: json.dumps(policy(*statements)) for name, statements in policies.items()}
    registry = Verbatim(texts, registry_policy=json.dumps(policy(*of_registry)) if of_registry else None)
    whole = {"repositories": ("*",), "missing_ok": False, "concurrency": 1, "principal": None, "include_policy": False}
    return run(AuditRequest(**{**whole, **asked}), registry).to_dict()


def grants(policies: Mapping[str, Iterable[dict[str, Any]]]) -> list[Any]:
    listed: list[Any] = audited(policies)["grants"]
    return listed


def test_principals_with_the_same_access_to_the_same_repositories_are_one_grant() -> None:
    both = [allow(OTHER_ROOT, ROOT)]
    assert grants({"b": both, "a": both, "c": [allow(ROLE)]}) == [
        {"principals": [ACCOUNT, OTHER], "access": ["pull"], "repositories": ["a", "b"]},
        {"principals": [ROLE], "access": ["pull"], "repositories": ["c"]},
    ]


def test_of_two_ways_to_unite_them_the_one_with_fewer_grants_is_taken() -> None:
    third = root(THIRD)
    # Four kinds of repositories for three principals.
    policies = {
        "a": [allow(ROOT)],
        "b": [allow(ROOT, OTHER_ROOT)],
        "c": [allow(ROOT, third)],
        "d": [allow(ROOT, OTHER_ROOT, third)],
    }
    assert [(one["principals"], one["repositories"]) for one in grants(policies)] == [
        ([ACCOUNT], ["a", "b", "c", "d"]),
        ([OTHER], ["b", "d"]),
        ([THIRD], ["c", "d"]),
    ]
    # Three principals with different repositories, of which there are two kinds.
    policies = {
        "a": [allow(ROOT, OTHER_ROOT)],
        "b": [allow(OTHER_ROOT, third)],
        "c": [allow(ROOT, OTHER_ROOT)],
    }
    assert [(one["principals"], one["repositories"]) for one in grants(policies)] == [
        ([ACCOUNT, OTHER], ["a", "c"]),
        ([OTHER, THIRD], ["b"]),
    ]


def test_a_grant_says_what_it_gives_to_anybody_that_is_not_there() -> None:
    policies = {"a": [allow(ROOT, Action=DESCRIBED)], "b": [allow(ROOT, Action=[*DESCRIBED, "ecr:ListImages"])]}
    assert grants(policies) == [
        {
            "principals": [ACCOUNT],
            "access": ["pull", "describe"],
            "repositories": ["a", "b"],
            "wider": ["ecr:DescribeRepositories", "ecr:ListImages"],
        }
    ]


def test_the_order_in_which_aws_answers_does_not_matter() -> None:
    names = [root(str(100_000_000_000 + number)) for number in range(9)]
    statements = [
        allow(*names),
        allow(*names[:4], Action=DESCRIBED),
        deny(names[0], Action="ecr:PutImage"),
        statement(),
    ]
    random, first = Random(0), audited({"a": statements})
    for _time in range(5):
        mixed = [{**one, "Principal": _mixed(one["Principal"], random)} for one in statements]
        again = audited({"a": mixed})
        assert (again["grants"], again["undeclarable"]) == (first["grants"], first["undeclarable"])


def _mixed(element: Any, random: Random) -> Any:
    return element if element == "*" else {"AWS": random.sample(element["AWS"], len(element["AWS"]))}


def test_what_cannot_be_declared_is_told_once_for_all_repositories_that_have_it() -> None:
    public = statement(Sid="All")
    assert audited({"a": [public], "b": [allow(ROOT), public], "c": [public]})["undeclarable"] == [
        {
            "repositories": ["a", "b", "c"],
            "policy": "repository",
            "sid": "All",
            "principals": ["*"],
            "reason": "It is for everyone.",
        }
    ]
    (alone,) = audited({"a": [allow(ROOT), public]})["undeclarable"]
    assert alone["position"] == 2


def test_the_policy_of_the_registry_is_told_be_it_for_repositories_or_for_none() -> None:
    arn = f"arn:aws:ecr:us-east-1:{OWNER}:repository/"
    found = audited(
        {"base/a": [allow(ROOT)], "base/b": [], "web": []},
        allow(ROOT, Sid="Base", Resource=[f"{arn}base/*", f"{arn}old"]),
        allow(OTHER_ROOT, Sid="Nothing", Resource=f"{arn}data/*", Action="ecr:PutImage"),
        deny(OTHER_ROOT, Sid="Web", Resource=f"{arn}web"),
    )
    assert found["grants"] == [{"principals": [ACCOUNT], "access": ["pull"], "repositories": ["base/a"]}]
    assert [(one["sid"], one["repositories"], one["policy"]) for one in found["undeclarable"]] == [
        ("Nothing", [], "registry"),
        ("Base", ["base/a", "base/b"], "registry"),
        ("Web", ["web"], "registry"),
    ]
    assert found["registry_grants"] == []


def test_of_one_principal_only_its_own_and_its_parts_are_told() -> None:
    policies = {
        "a": [allow(ROOT, OTHER_ROOT, ROLE, Action="ecr:*"), statement(), deny(ROOT, Action="ecr:PutImage")],
        "b": [allow(OTHER_ROOT)],
    }
    found = audited(policies, principal=principal(ACCOUNT))
    assert [one["principals"] for one in found["grants"]] == [[ACCOUNT, ROLE]]
    assert {who for one in found["undeclarable"] for who in one["principals"]} == {ACCOUNT, ROLE}
    assert any(one["reason"].startswith("It is a Deny") for one in found["undeclarable"])


def test_a_policy_that_would_be_too_long_with_its_grants_is_told() -> None:
    names = [root(str(100_000_000_000 + number)) for number in range(35)]
    teams = [allow(*names[start : start + 5], Action=DESCRIBED, Sid=f"Team{start:03}") for start in range(0, 35, 5)]
    long = [*teams, *[{**one, "Sid": f"{one['Sid']}{copy}"} for copy in range(3) for one in teams]]
    assert 8_000 < len(serialise(policy(*long))) < 10_240
    (told,) = audited({"a": long})["undeclarable"]
    assert told["repositories"] == ["a"]
    assert told["reason"].startswith("It is declared, but beside what is there it would make the policy 1")
    assert audited({"a": teams})["undeclarable"] == []


def test_a_repository_that_could_not_be_read_has_no_grants() -> None:
    registry = Verbatim({"a": "{", "b": json.dumps(policy(allow(ROOT)))})
    request = AuditRequest(repositories=("*",), missing_ok=False, concurrency=1, principal=None, include_policy=False)
    assert [one["repositories"] for one in run(request, registry).to_dict()["grants"]] == [["b"]]


@pytest.mark.parametrize("text", ["a\nb", "\x1b[31m"])
def test_nothing_that_a_terminal_obeys_is_in_what_is_told(text: str) -> None:
    found = audited({"a": [statement(Sid=text, Principal={"Service": text}), allow(DELETED_ROLE)]})
    assert text not in json.dumps(found["undeclarable"], ensure_ascii=False)
    assert all(one.isprintable() for told in found["undeclarable"] for one in (told["sid"] or "", *told["principals"]))
