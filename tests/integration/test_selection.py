# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which repositories a task works on, and what it asks AWS for that.

Which names and patterns choose what is tested in tests/unit/plugins/module_utils.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from ansible_collections.imageshare.aws.tests.integration.conftest import Run
from ansible_collections.imageshare.aws.tests.integration.statements import CI, TEAM, allow, policy, root
from ansible_collections.imageshare.aws.tests.support.embedded_aws import EmbeddedAws

GRANTS = [{"principals": [TEAM]}]


def test_names_and_patterns_choose_each_repository_once_in_the_order_given(aws: EmbeddedAws, run: Run) -> None:
    aws.plant_many(dict.fromkeys(["app", "base/go", "base/api", "services/b", "services/a", "services/a/b"]))

    result = run(repositories=["services/*", "base/go", "base/*", "base/go", "*/go"], grants=GRANTS)

    chosen = ["services/a", "services/a/b", "services/b", "base/go", "base/api"]
    assert [row["name"] for row in result.values["repositories"]] == chosen
    assert {name for name, text in aws.policies().items() if text} == set(chosen)
    once = {"DescribeRepositories": 1, "GetRegistryPolicy": 1}
    assert aws.prompt_calls() == {**once, "GetRepositoryPolicy": 10, "SetRepositoryPolicy": 5}


def test_patterns_choose_from_every_page_of_a_large_registry(aws: EmbeddedAws, run: Run) -> None:
    chosen = ["app-0000/shared", "app-1234/shared", "app-2499/shared"]
    aws.plant_many(dict.fromkeys([*chosen, *(f"app-{number:04}/main" for number in range(2500))]))

    result = run(repositories=["app-*/shared"], grants=GRANTS)

    assert [row["name"] for row in result.values["repositories"]] == chosen
    assert aws.prompt_calls() == {
        "DescribeRepositories": 3,
        "GetRegistryPolicy": 1,
        "GetRepositoryPolicy": 6,
        "SetRepositoryPolicy": 3,
    }


def test_a_thousand_repositories_that_are_as_they_should_be_cost_one_call_each(aws: EmbeddedAws, run: Run) -> None:
    names = [f"app-{number:04}" for number in range(1000)]
    aws.plant_many(dict.fromkeys(names, policy(allow("pull", root(TEAM)))))

    result = run(repositories=names, grants=GRANTS, concurrency=16)

    assert result.values["summary"]["unchanged"] == 1000
    once = {("GetRegistryPolicy", None): 1}
    assert Counter(aws.journal()) == Counter(("GetRepositoryPolicy", name) for name in names) + Counter(once)


def test_what_matches_nothing_fails_or_is_missing_and_the_others_are_done(aws: EmbeddedAws, run: Run) -> None:
    aws.plant_many({"app": None, "base/nightly": None})
    narrowed = [{"principals": [CI], "repositories": [name]} for name in ("apple", "*/nightly")]
    task = {"repositories": ["gone", "none/*", "ap*"], "grants": [*GRANTS, *narrowed]}

    failed = run(**task)

    assert failed.message.startswith("4 of 5 repositories failed, the others are done.")
    for name, words in {
        "gone": "does not exist",
        "none/*": 'no repository matches "none/*"',
        "apple": 'grants[1]: no repository of this task matches "apple"',
        "*/nightly": 'grants[2]: no repository of this task matches "*/nightly"',
    }.items():
        assert words in failed.message
        assert words in failed.rows[name]["error"]
    assert {name: bool(text) for name, text in aws.policies().items()} == {"app": True, "base/nightly": False}

    skipped = run(**task, on_missing="skip")

    assert not skipped.failed
    assert skipped.rows["gone"] == {
        "name": "gone",
        "changed": False,
        "granted": [],
        "revoked": [],
        "warnings": [],
        "missing": True,
    }
    assert skipped.values["summary"] == {
        "repositories": 5,
        "changed": 0,
        "unchanged": 1,
        "missing": 4,
        "failed": 0,
        "warnings": 0,
    }


SLIPS: dict[str, dict[str, Any]] = {
    "a name": {"repositories": ["base/pyhton"]},
    "a pattern": {"repositories": ["bsae/*"]},
    "another registry": {"repositories": ["base/python"], "registry_id": "210987654321"},
    "all of an empty registry": {"repositories": ["*"], "registry_id": "210987654321"},
    "the pattern of a grant": {
        "repositories": ["base/*"],
        "grants": [{"principals": [TEAM], "repositories": ["bsae/*"]}],
    },
}


@pytest.mark.parametrize("slip", SLIPS.values(), ids=SLIPS.keys())
def test_access_that_a_slip_leaves_is_a_failure_or_at_least_a_warning(
    slip: dict[str, Any], aws: EmbeddedAws, run: Run
) -> None:
    aws.plant("base/python", policy(allow("pull", root(TEAM))))
    task = {"grants": GRANTS, "state": "absent", **slip}

    failed, skipped = run(**task), run(**task, on_missing="skip")

    assert failed.message.startswith("1 of ")
    assert (skipped.failed, skipped.values["summary"]["missing"]) == (False, 1)
    told, *unread = skipped.warnings
    assert "names or patterns that match nothing, so that nothing was done" in told
    # Of another account's registry, nobody knows the policy.
    assert bool(unread) is ("registry_id" in slip)
    assert [row["warnings"][0]["kind"] for row in skipped.values["repositories"] if row.get("missing")] == [
        "pattern_not_matched"
    ]


def test_where_repositories_cannot_be_listed_nothing_is_begun(aws: EmbeddedAws, run: Run) -> None:
    aws.plant("app", None)
    aws.settings(deny=[{"operation": "DescribeRepositories"}])

    result = run(repositories=["app", "base/*"], grants=GRANTS)

    assert result.failed
    assert result.message.startswith("Nothing was done: could not list the repositories")
    assert "ecr:DescribeRepositories" in result.message
    assert aws.calls() == {}
