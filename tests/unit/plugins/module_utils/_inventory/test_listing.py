# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The repositories of several registries as the variables of hosts, with registries made up here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._inventory.listing import (
    ListingError,
    Source,
    list_registries,
)
from ansible_collections.imageshare.aws.plugins.module_utils._registry import EcrError, RepositoryMissingError

CREATED = datetime(2026, 1, 31, 23, 30, 15, 250000, tzinfo=timezone(timedelta(hours=-2)))


@dataclass
class Registry:
    """names: in the order in which AWS lists them. refusals: what to answer instead, by the name of a method, or of a
    repository whose tags are asked for.
    """

    names: list[str]
    account: str = "123456789012"
    region: str = "us-east-1"
    tagged: Mapping[str, dict[str, str]] = field(default_factory=dict)
    refusals: Mapping[str, Exception] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def repositories(self) -> list[Mapping[str, Any]]:
        self._answer("repositories")
        return [
            {
                "repositoryName": name,
                "repositoryArn": self._arn(name),
                "repositoryUri": f"{self.account}.dkr.ecr.{self.region}.amazonaws.com/{name}",
                "registryId": self.account,
                "createdAt": CREATED,
                "imageTagMutability": "IMMUTABLE",
            }
            for name in self.names
        ]

    def tags(self) -> dict[str, dict[str, str]]:
        self._answer("tags")
        return {self._arn(name): tags for name, tags in self.tagged.items()}

    def tags_of(self, name: str, arn: str) -> dict[str, str]:
        assert arn == self._arn(name)
        self._answer(name)
        return self.tagged.get(name, {})

    def _arn(self, name: str) -> str:
        return f"arn:aws:ecr:{self.region}:{self.account}:repository/{name}"

    def _answer(self, what: str) -> None:
        self.asked.append(what)
        if what in self.refusals:
            raise self.refusals[what]


def listed(*sources: Source) -> list[str]:
    return [repository["ecr_repository_uri"].split(".", 1)[1] for repository in list_registries(sources).repositories]


def test_a_host_has_these_variables_and_json_can_hold_them() -> None:
    registry = Registry(["base/python"], tagged={"base/python": {"Team Name": "web", "team": "{{ 1 + 1 }}"}})
    (repository,) = list_registries([Source(None, registry)]).repositories
    assert json.loads(json.dumps(repository)) == {
        "ecr_repository_name": "base/python",
        "ecr_repository_arn": "arn:aws:ecr:us-east-1:123456789012:repository/base/python",
        "ecr_repository_uri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/base/python",
        "ecr_registry_id": "123456789012",
        "ecr_region": "us-east-1",
        "ecr_tags": {"Team Name": "web", "team": "{{ 1 + 1 }}"},
        "ecr_created_at": "2026-02-01T01:30:15Z",
        "ecr_image_tag_mutability": "IMMUTABLE",
    }


def test_the_profile_is_a_variable_where_there_is_one() -> None:
    (repository,) = list_registries([Source("images", Registry(["app"]))]).repositories
    assert repository["ecr_profile"] == "images"


def test_what_has_no_tags_has_none() -> None:
    registry = Registry(["app", "web"], tagged={"web": {"team": "a"}, "deleted": {"team": "b"}})
    assert [one["ecr_tags"] for one in list_registries([Source(None, registry)]).repositories] == [{}, {"team": "a"}]


def test_repositories_come_in_the_order_of_registries_and_names() -> None:
    east, west = Registry(["web", "app"]), Registry(["base"], region="eu-west-1")
    assert listed(Source(None, west), Source(None, east)) == [
        "dkr.ecr.eu-west-1.amazonaws.com/base",
        "dkr.ecr.us-east-1.amazonaws.com/app",
        "dkr.ecr.us-east-1.amazonaws.com/web",
    ]


def test_a_registry_without_repositories_is_not_asked_for_tags() -> None:
    registry = Registry([])
    assert list_registries([Source(None, registry)]).repositories == ()
    assert registry.asked == ["repositories"]


class TestTagsThatAreNotListed:
    def test_each_repository_is_asked_and_there_is_one_warning(self) -> None:
        tagged = {"app": {"team": "a"}}
        registry = Registry(["app", "web"], tagged=tagged, refusals={"tags": EcrError("could not list the tags.")})
        listing = list_registries([Source("images", registry)])
        assert [one["ecr_tags"] for one in listing.repositories] == [{"team": "a"}, {}]
        assert listing.warnings == (
            "profile images, us-east-1: could not list the tags. Each of the 2 repositories was asked for its tags "
            "instead.",
        )

    def test_a_repository_that_was_deleted_meanwhile_is_left_out(self) -> None:
        refusals = {"tags": EcrError("no."), "app": RepositoryMissingError("gone.")}
        assert listed(Source(None, Registry(["app", "web"], refusals=refusals))) == [
            "dkr.ecr.us-east-1.amazonaws.com/web"
        ]

    def test_who_refuses_both_is_a_failure_that_tells_both(self) -> None:
        refusals = {"tags": EcrError("no list."), "web": EcrError("no tags.")}
        with pytest.raises(ListingError, match=r"us-east-1: no list\. Nor .* for each repository: no tags\."):
            list_registries([Source(None, Registry(["app", "web"], refusals=refusals))])


class TestFailures:
    def test_one_registry_that_fails_fails_all_and_is_named(self) -> None:
        broken = Registry(["web"], region="eu-west-1", refusals={"repositories": EcrError("no. Ask.")})
        with pytest.raises(ListingError) as failed:
            list_registries([Source("images", Registry(["app"])), Source("images", broken)])
        assert str(failed.value) == ("1 of 2 registries could not be listed. profile images, eu-west-1: no. Ask.")

    def test_every_failure_is_told(self) -> None:
        refusals = {"repositories": EcrError("no.")}
        sources = [Source(name, Registry([], refusals=refusals)) for name in ("one", "two")]
        with pytest.raises(ListingError, match=r"2 of 2 .*profile one, .*no\. \| profile two, .*no\."):
            list_registries(sources)


class TestProfilesThatLeadToTheSameRegistry:
    def test_its_repositories_are_those_of_the_first_and_there_is_one_warning(self) -> None:
        sources = [Source(name, Registry(["app", "web"])) for name in ("one", "two")]
        listing = list_registries(sources)
        assert [(one["ecr_repository_name"], one["ecr_profile"]) for one in listing.repositories] == [
            ("app", "one"),
            ("web", "one"),
        ]
        (warning,) = listing.warnings
        assert warning.startswith(
            "profile two, us-east-1: leads to the registry 123456789012, as profile one, us-east-1"
        )

    def test_the_same_name_elsewhere_is_another_repository(self) -> None:
        sources = [
            Source("one", Registry(["app"])),
            Source("one", Registry(["app"], region="eu-west-1")),
            Source("two", Registry(["app"], account="210987654321")),
        ]
        listing = list_registries(sources)
        assert len({one["ecr_repository_uri"] for one in listing.repositories}) == 3
        assert listing.warnings == ()
