# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which repositories a task works on, in which order it tells of them, and what it asks AWS for that."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from ansible_collections.imageshare.aws.tests.integration.conftest import Run
from ansible_collections.imageshare.aws.tests.integration.statements import CI, PARTNER, TEAM, allow, policy, root
from ansible_collections.imageshare.aws.tests.support.embedded_aws import EmbeddedAws

GRANTS = [{"principals": [TEAM]}]
SHARED = policy(allow("pull", root(TEAM)))


def shared_with(aws: EmbeddedAws) -> dict[str, list[str]]:
    """The principals of each repository that has a policy."""
    return {
        name: [statement["Principal"]["AWS"] for statement in json.loads(text)["Statement"]]
        for name, text in aws.policies().items()
        if text
    }


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        pytest.param(["base/go", "app", "base/api"], ["base/go", "app", "base/api"], id="names, in the order given"),
        pytest.param(
            ["services/*", "base/*"],
            ["services/a", "services/a/b", "services/b", "base/api", "base/go"],
            id="patterns in the order given, each one sorted; an asterisk crosses slashes",
        ),
        pytest.param(
            ["base/go", "base/*", "base/go", "app", "*/go", "base/api"],
            ["base/go", "base/api", "app"],
            id="each repository once, where it is first chosen",
        ),
        pytest.param(["services/?", "[!b]p[o-q]"], ["services/a", "services/b", "app"], id="one character, or a set"),
    ],
)
def test_names_and_patterns_choose(aws: EmbeddedAws, run: Run, wanted: list[str], chosen: list[str]) -> None:
    aws.plant_many(dict.fromkeys(["app", "base/go", "base/api", "services/b", "services/a", "services/a/b"]))

    result = run(repositories=wanted, grants=GRANTS)

    assert [row["name"] for row in result.values["repositories"]] == chosen
    assert shared_with(aws) == {name: [root(TEAM)] for name in chosen}
    calls = {"GetRepositoryPolicy": 2 * len(chosen), "SetRepositoryPolicy": len(chosen)}
    lists = any(character in text for text in wanted for character in "*?[")
    assert aws.calls() == calls | ({"DescribeRepositories": 1} if lists else {})


def test_patterns_choose_from_every_page_of_a_large_registry(aws: EmbeddedAws, run: Run) -> None:
    chosen = ["app-0000/shared", "app-1234/shared", "app-2499/shared"]
    aws.plant_many(dict.fromkeys([*chosen, *(f"app-{number:04}/main" for number in range(2500))]))

    result = run(repositories=["app-*/shared"], grants=GRANTS)

    assert [row["name"] for row in result.values["repositories"]] == chosen
    assert aws.calls() == {"DescribeRepositories": 3, "GetRepositoryPolicy": 6, "SetRepositoryPolicy": 3}


def test_a_thousand_repositories_that_are_as_they_should_be_cost_one_call_each(aws: EmbeddedAws, run: Run) -> None:
    names = [f"app-{number:04}" for number in range(1000)]
    aws.plant_many(dict.fromkeys(names, SHARED))

    result = run(repositories=names, grants=GRANTS, concurrency=16)

    assert result.values["summary"]["unchanged"] == 1000
    assert Counter(aws.journal()) == Counter(("GetRepositoryPolicy", name) for name in names)


UNMATCHED = [
    pytest.param(["gone", "app"], GRANTS, "gone", "does not exist", id="a name"),
    pytest.param(["none/*", "app"], GRANTS, "none/*", 'no repository matches "none/*"', id="a pattern"),
    pytest.param(
        ["ap*"],
        [*GRANTS, {"principals": [CI], "repositories": ["apple"]}],
        "apple",
        'grants[1]: no repository of this task matches "apple"',
        id="a name that a grant is narrowed to",
    ),
    pytest.param(
        ["ap*"],
        [*GRANTS, {"principals": [CI], "repositories": ["*/nightly"]}],
        "*/nightly",
        'grants[1]: no repository of this task matches "*/nightly"',
        id="a pattern that a grant is narrowed to",
    ),
]


class TestWhatMatchesNothing:
    @pytest.mark.parametrize(("wanted", "grants", "name", "words"), UNMATCHED)
    def test_fails_and_the_others_are_done(
        self, aws: EmbeddedAws, run: Run, wanted: list[str], grants: list[dict[str, Any]], name: str, words: str
    ) -> None:
        aws.plant_many({"app": None, "base/nightly": None})

        result = run(repositories=wanted, grants=grants)

        assert result.failed
        assert words in result.message
        assert words in result.rows[name]["error"]
        assert result.values["summary"] == {
            "repositories": 2,
            "changed": 1,
            "unchanged": 0,
            "missing": 0,
            "failed": 1,
            "warnings": 0,
        }
        assert shared_with(aws) == {"app": [root(TEAM)]}

    @pytest.mark.parametrize(("wanted", "grants", "name", "_words"), UNMATCHED)
    def test_may_be_missing(
        self, aws: EmbeddedAws, run: Run, wanted: list[str], grants: list[dict[str, Any]], name: str, _words: str
    ) -> None:
        aws.plant_many({"app": None, "base/nightly": None})

        result = run(repositories=wanted, grants=grants, on_missing="skip")

        assert not result.failed
        assert result.rows[name] == {
            "name": name,
            "changed": False,
            "granted": [],
            "revoked": [],
            "warnings": [],
            "missing": True,
        }
        assert result.values["summary"] == {
            "repositories": 2,
            "changed": 1,
            "unchanged": 0,
            "missing": 1,
            "failed": 0,
            "warnings": 0,
        }
        assert shared_with(aws) == {"app": [root(TEAM)]}


def test_grants_are_narrowed_by_names_and_patterns(aws: EmbeddedAws, run: Run) -> None:
    aws.plant_many(dict.fromkeys(["app", "base/go", "base/api", "services/a"]))

    result = run(
        repositories=["app", "base/*", "services/a"],
        grants=[
            {"principals": [TEAM], "repositories": ["base/*"]},
            {"principals": [CI], "repositories": ["base/go", "services/a"]},
            {"principals": [PARTNER], "repositories": ["base/api"], "access": ["push"]},
            {"principals": [PARTNER], "repositories": ["*/api"]},
        ],
    )

    assert shared_with(aws) == {
        "base/api": [root(TEAM), root(PARTNER)],
        "base/go": [[root(TEAM), CI]],
        "services/a": [CI],
    }
    assert result.rows["base/api"]["granted"] == [
        {"principal": TEAM, "access": ["pull"], "lambda_regions": []},
        {"principal": PARTNER, "access": ["pull", "push"], "lambda_regions": []},
    ]
    assert ("GetRepositoryPolicy", "app") not in aws.journal(), "no grant covers it"
    assert not result.rows["app"]["changed"]


class TestPermissions:
    """Without a permission that is not needed for a task, it succeeds; the documentation says which are needed."""

    def test_names_alone_need_not_be_listed(self, aws: EmbeddedAws, run: Run) -> None:
        aws.plant("app", None)
        aws.settings(deny=[{"operation": "DescribeRepositories"}])

        assert run(repositories=["app"], grants=GRANTS).changed

    def test_check_mode_needs_no_permission_to_write(self, aws: EmbeddedAws, run: Run) -> None:
        aws.plant_many({"app": None, "base/go": SHARED})
        aws.settings(deny=[{"operation": "SetRepositoryPolicy"}, {"operation": "DeleteRepositoryPolicy"}])

        assert run(repositories=["*"], grants=GRANTS, check=True).changed
        assert run(repositories=["*"], grants=GRANTS, state="absent", check=True).changed

    def test_patterns_need_them_listed_and_else_nothing_is_begun(self, aws: EmbeddedAws, run: Run) -> None:
        aws.plant("app", None)
        aws.settings(deny=[{"operation": "DescribeRepositories"}])

        result = run(repositories=["app", "base/*"], grants=GRANTS)

        assert result.failed
        assert result.message.startswith("Nothing was done: could not list the repositories")
        assert "ecr:DescribeRepositories" in result.message
        assert aws.calls() == {}
