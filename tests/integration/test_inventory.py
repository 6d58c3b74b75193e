# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory of repositories, as ansible-inventory lists it and plays use it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.imageshare.aws.plugins.inventory import ecr_repositories
from ansible_collections.imageshare.aws.tests.integration.inventories import plant_registries
from ansible_collections.imageshare.aws.tests.support.embedded_aws import ACCESS_KEY, ACCOUNT, REGION, EmbeddedAws
from ansible_collections.imageshare.aws.tests.support.module_process import (
    Listed,
    profiles,
    run_inventory,
    run_playbook,
)

OTHER_ACCOUNT, OTHER_REGION = "210987654321", "eu-west-1"
PLUGIN = {"plugin": "imageshare.aws.ecr_repositories"}
DOCUMENTATION = yaml.safe_load(ecr_repositories.DOCUMENTATION)
EXAMPLES = list(yaml.safe_load_all(ecr_repositories.EXAMPLES))
# Ansible has this to say, too, where a file is no inventory.
UNPARSED = "No inventory was parsed, only implicit localhost is available"

List = Callable[..., Listed]


@pytest.fixture
def inventory(aws: EmbeddedAws, tmp_path: Path) -> List:
    """List an inventory of these options, see run_inventory."""

    def listed(*arguments: str, environment: Any = None, **options: Any) -> Listed:
        return run_inventory(aws, tmp_path, {**PLUGIN, **options}, *arguments, environment=environment)

    return listed


@pytest.fixture
def two_accounts(aws: EmbeddedAws, tmp_path: Path) -> dict[str, str]:
    """Repositories C(app) and C(web) in two regions of two accounts, and the environment of the profiles C(one)
    and C(two) that lead there.
    """
    for account in (ACCOUNT, OTHER_ACCOUNT):
        for region in (REGION, OTHER_REGION):
            aws.plant_many({"app": None, "web": None}, account, region)
            aws.tag_many({"app": {"account": account, "region": region}}, account, region)
    return profiles(aws, tmp_path, {"one": ACCOUNT, "two": OTHER_ACCOUNT})


def uri(name: str, account: str = ACCOUNT, region: str = REGION) -> str:
    return f"{account}.dkr.ecr.{region}.amazonaws.com/{name}"


def names(listed: Listed) -> list[str]:
    return [host["ecr_repository_name"] for host in listed.hosts.values()]


class TestHosts:
    def test_a_repository_is_a_host_with_these_variables(self, aws: EmbeddedAws, inventory: List) -> None:
        aws.plant("base/python", None)
        aws.tag_many({"base/python": {"Team Name": "web", "empty": ""}})

        listed = inventory()

        (variables,) = listed.hosts.values()
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", variables.pop("ecr_created_at"))
        assert listed.hosts == {
            uri("base/python"): {
                "ecr_repository_name": "base/python",
                "ecr_repository_arn": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/base/python",
                "ecr_repository_uri": uri("base/python"),
                "ecr_registry_id": ACCOUNT,
                "ecr_region": REGION,
                "ecr_tags": {"Team Name": "web", "empty": ""},
                "ecr_image_tag_mutability": "MUTABLE",
            }
        }
        assert listed.groups == {"ecr_repositories": [uri("base/python")]}
        assert (listed.warnings, listed.code) == ([], 0)

    def test_500_repositories_take_one_list_and_five_pages_of_tags(self, aws: EmbeddedAws, inventory: List) -> None:
        existing = [f"services/app-{number:03}" for number in range(500)]
        aws.plant_many(dict.fromkeys(existing))
        aws.tag_many({name: {"number": name[-3:]} for name in existing})

        listed = inventory()

        assert aws.calls() == {"DescribeRepositories": 1, "GetResources": 5}
        assert {host["ecr_repository_name"]: host["ecr_tags"] for host in listed.hosts.values()} == {
            name: {"number": name[-3:]} for name in existing
        }

    def test_throttled_and_broken_answers_are_asked_for_again(self, aws: EmbeddedAws, inventory: List) -> None:
        aws.plant_many({"app": None, "web": None})
        aws.settings(seed=3, throttle=0.3, server_error=0.2)
        assert names(inventory()) == ["app", "web"]


class TestRegistries:
    def test_every_profile_is_asked_in_every_region(
        self, aws: EmbeddedAws, inventory: List, two_accounts: dict[str, str]
    ) -> None:
        # The credentials of the environment, which are there as well, must not win over the profiles.
        assert aws.environment()["AWS_ACCESS_KEY_ID"]
        listed = inventory(profiles=["one", "two"], regions=[REGION, OTHER_REGION, REGION], environment=two_accounts)

        assert listed.warnings == []
        assert {
            name: (host["ecr_profile"], host["ecr_registry_id"], host["ecr_region"], host["ecr_tags"])
            for name, host in listed.hosts.items()
        } == {
            uri(name, account, region): (
                profile,
                account,
                region,
                {"account": account, "region": region} if name == "app" else {},
            )
            for profile, account in (("one", ACCOUNT), ("two", OTHER_ACCOUNT))
            for region in (REGION, OTHER_REGION)
            for name in ("app", "web")
        }
        assert aws.calls() == {"DescribeRepositories": 4, "GetResources": 4}

    def test_a_role_is_assumed(self, inventory: List, two_accounts: dict[str, str]) -> None:
        listed = inventory(assume_role_arn=f"arn:aws:iam::{OTHER_ACCOUNT}:role/lister", environment=two_accounts)
        assert list(listed.hosts) == [uri("app", OTHER_ACCOUNT), uri("web", OTHER_ACCOUNT)]

    @pytest.mark.usefixtures("two_accounts")
    def test_without_regions_it_is_the_one_of_the_connection(self, inventory: List) -> None:
        elsewhere = [uri("app", region=OTHER_REGION), uri("web", region=OTHER_REGION)]
        assert list(inventory(region=OTHER_REGION).hosts) == elsewhere
        from_boto3 = {"AWS_REGION": None, "AWS_DEFAULT_REGION": OTHER_REGION}
        assert list(inventory(environment=from_boto3).hosts) == elsewhere

    def test_options_may_be_templates(self, inventory: List, two_accounts: dict[str, str]) -> None:
        fetch = "{{ lookup('ansible.builtin.env', '%s') }}"
        listed = inventory(
            profiles=[fetch % "PROFILE"],
            regions=[fetch % "PLACE"],
            repositories=[fetch % "NAME"],
            tags={"region": fetch % "PLACE"},
            environment={**two_accounts, "PROFILE": "two", "PLACE": OTHER_REGION, "NAME": "a*"},
        )
        assert list(listed.hosts) == [uri("app", OTHER_ACCOUNT, OTHER_REGION)]


def test_names_and_tags_choose(aws: EmbeddedAws, inventory: List) -> None:
    aws.plant_many(dict.fromkeys(["base/go", "base/python", "tools", "web"]))
    aws.tag_many({"base/go": {"team": "a", "share": "yes"}, "base/python": {"team": "b"}, "tools": {"share": ""}})
    listed = inventory(repositories=["base/*", "web", "bsae/*"], tags={"team": ["a", "b"], "share": None})
    assert names(listed) == ["base/go"]
    assert listed.warnings == ['repositories: "bsae/*" matches no repository']


class TestConstruction:
    def test_groups_and_variables_are_made(self, aws: EmbeddedAws, inventory: List) -> None:
        aws.plant_many({"app": None, "web": None})
        aws.tag_many({"app": {"team": "platform"}})
        listed = inventory(
            keyed_groups=[{"key": "ecr_tags.team", "prefix": "team"}, {"key": "ecr_region", "prefix": "region"}],
            groups={"untagged": "not ecr_tags"},
            compose={"ansible_connection": "'local'", "short": "ecr_repository_name | upper"},
        )
        assert listed.groups == {
            "ecr_repositories": [uri("app"), uri("web")],
            "region_us_east_1": [uri("app"), uri("web")],
            "team_platform": [uri("app")],
            "untagged": [uri("web")],
        }
        assert [(host["ansible_connection"], host["short"]) for host in listed.hosts.values()] == [
            ("local", "APP"),
            ("local", "WEB"),
        ]

    def test_what_cannot_be_made_fails_where_strict(self, aws: EmbeddedAws, inventory: List) -> None:
        aws.plant("app", None)
        assert inventory(compose={"owner": "ecr_tags.owner"}).warnings == []
        strict = inventory(compose={"owner": "ecr_tags.owner"}, strict=True)
        assert f"Could not set owner for host {uri('app')}" in strict.warnings[0]

    @pytest.mark.parametrize("cached", [False, True], ids=["from AWS", "from the cache"])
    def test_a_tag_is_text_whatever_it_looks_like(
        self, aws: EmbeddedAws, inventory: List, tmp_path: Path, cached: bool
    ) -> None:
        evil = {"note": "{{ 1 + 1 }}", "{{ 2 + 2 }}": "{% raw %}", "number": "007", "truth": "yes"}
        aws.plant("app", None)
        aws.tag_many({"app": evil})
        options = {
            "cache": True,
            "cache_plugin": "ansible.builtin.jsonfile",
            "cache_connection": str(tmp_path / "cache"),
            "compose": {"copied": "ecr_tags.note"},
        }
        if cached:
            inventory(**options)
            aws.reset_calls()

        listed = inventory(**options)
        tasks = """
- name: Show
  ansible.builtin.debug:
    msg: ["{{ hostvars[item].ecr_tags }}", "{{ hostvars[item].copied }}"]
  loop: "{{ groups.ecr_repositories }}"
  register: result_shown
"""
        played = run_playbook(aws, tmp_path, tasks, f"--inventory={tmp_path / 'ecr_repositories.yml'}")

        (variables,) = listed.hosts.values()
        assert (variables["ecr_tags"], variables["copied"]) == (evil, "{{ 1 + 1 }}")
        (shown,) = played.registered["result_shown"]["results"]
        assert shown["msg"] == [evil, "{{ 1 + 1 }}"]
        assert aws.calls() == ({} if cached else {"DescribeRepositories": 1, "GetResources": 1})


class TestCache:
    @pytest.fixture
    def cached(self, aws: EmbeddedAws, inventory: List, two_accounts: dict[str, str], tmp_path: Path) -> List:
        """The inventory with a cache, which is warm."""

        def listed(*arguments: str, environment: Any = None, **options: Any) -> Listed:
            return inventory(
                *arguments,
                cache=True,
                cache_plugin="ansible.builtin.jsonfile",
                cache_connection=str(tmp_path / "cache"),
                environment={**two_accounts, **(environment or {})},
                **options,
            )

        listed()
        aws.reset_calls()
        return listed

    def test_a_warm_cache_needs_no_call_and_tells_the_same(
        self, aws: EmbeddedAws, inventory: List, cached: List
    ) -> None:
        assert cached() == inventory()
        assert aws.calls() == {"DescribeRepositories": 1, "GetResources": 1}

    def test_filters_and_groups_are_applied_to_what_is_cached(self, aws: EmbeddedAws, cached: List) -> None:
        listed = cached(repositories=["a*"], keyed_groups=[{"key": "ecr_tags.region", "prefix": "in"}])
        assert listed.groups == {"ecr_repositories": [uri("app")], "in_us_east_1": [uri("app")]}
        assert names(cached(tags={"region": None})) == ["app"]
        assert aws.calls() == {}

    def test_a_flushed_cache_is_filled_anew(self, aws: EmbeddedAws, cached: List) -> None:
        aws.plant("new", None)
        assert "new" not in names(cached())
        assert "new" in names(cached("--flush-cache"))
        aws.reset_calls()
        assert "new" in names(cached())
        assert aws.calls() == {}

    @pytest.mark.parametrize(
        ("options", "environment", "host"),
        [
            pytest.param({"regions": [OTHER_REGION]}, {}, uri("app", region=OTHER_REGION), id="a region"),
            pytest.param({"profiles": ["two"]}, {}, uri("app", OTHER_ACCOUNT), id="a profile"),
            pytest.param(
                {"access_key": "", "secret_key": ""},
                {"AWS_PROFILE": "two"},
                uri("app", OTHER_ACCOUNT),
                id="a profile in the environment",
            ),
            pytest.param(
                {},
                {"AWS_REGION": None, "AWS_DEFAULT_REGION": OTHER_REGION},
                uri("app", region=OTHER_REGION),
                id="a region in the environment",
            ),
        ],
    )
    def test_it_is_not_taken_for_another_registry(
        self, aws: EmbeddedAws, cached: List, options: dict[str, Any], environment: dict[str, str | None], host: str
    ) -> None:
        assert host in cached(environment=environment, **options).hosts
        assert aws.calls()["DescribeRepositories"] == 1

    def test_a_warm_cache_needs_no_role_and_no_secret(self, cached: List) -> None:
        options = {"assume_role_arn": f"arn:aws:iam::{OTHER_ACCOUNT}:role/lister"}
        before = cached(**options)
        no_secret = {"AWS_SECRET_ACCESS_KEY": None}
        assert cached(**options, environment=no_secret) == before
        assert list(before.hosts) == [uri("app", OTHER_ACCOUNT), uri("web", OTHER_ACCOUNT)]
        assert cached("--flush-cache", **options, environment=no_secret).hosts == {}

    def test_a_registry_that_fails_is_not_cached(self, aws: EmbeddedAws, cached: List) -> None:
        aws.settings(deny=[{"operation": "DescribeRepositories"}])
        assert cached("--flush-cache").hosts == {}
        aws.settings(deny=[])
        assert names(cached()) == ["app", "web"]


class TestTagsThatAreNotListed:
    def test_each_repository_is_asked_with_one_warning(self, aws: EmbeddedAws, inventory: List) -> None:
        aws.plant_many({"app": None, "web": None})
        aws.tag_many({"app": {"team": "a"}})
        aws.settings(deny=[{"operation": "GetResources"}])

        listed = inventory(tags={"team": "a"})

        assert names(listed) == ["app"]
        (warning,) = listed.warnings
        assert "Allow the caller tag:GetResources on all repositories." in warning
        assert warning.endswith("Each of the 2 repositories was asked for its tags instead.")
        assert aws.calls() == {"DescribeRepositories": 1, "ListTagsForResource": 2}


class TestFailures:
    def test_a_registry_that_refuses_is_named_with_what_to_do(
        self, aws: EmbeddedAws, inventory: List, two_accounts: dict[str, str]
    ) -> None:
        aws.settings(deny=[{"operation": "DescribeRepositories"}])
        listed = inventory(profiles=["one", "two"], environment=two_accounts)
        told = listed.warnings[0]
        assert listed.hosts == {}
        assert f"2 of 2 registries could not be listed. profile one, {REGION}: could not list the repositories" in told
        assert f" | profile two, {REGION}: could not list the repositories" in told
        assert "Allow the caller ecr:DescribeRepositories on all repositories." in told
        assert listed.warnings[-1] == UNPARSED

    def test_a_failure_is_fatal_where_ansible_is_told_so(self, aws: EmbeddedAws, inventory: List) -> None:
        aws.settings(deny=[{"operation": "DescribeRepositories"}])
        listed = inventory(environment={"ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true"})
        assert listed.code != 0
        assert "Completely failed to parse inventory source" in listed.text

    def test_a_profile_that_does_not_exist_is_named(self, inventory: List, two_accounts: dict[str, str]) -> None:
        listed = inventory(profiles=["one", "tow"], environment=two_accounts)
        assert listed.hosts == {}
        assert f"profile tow, {REGION}: " in listed.warnings[0]
        assert "The config profile (tow) could not be found" in listed.warnings[0]

    def test_a_role_that_cannot_be_assumed_is_named(self, inventory: List) -> None:
        role = f"arn:aws:iam::{OTHER_ACCOUNT}:role/lister"
        retries = {"AWS_MAX_ATTEMPTS": "1", "AWS_URL": "http://127.0.0.1:1"}
        told = inventory(assume_role_arn=role, environment=retries).warnings[0]
        assert f"role {role}: Could not connect to the endpoint URL" in told

    def test_no_region_at_all_is_told(self, inventory: List) -> None:
        told = inventory(environment={"AWS_REGION": None, "AWS_DEFAULT_REGION": None}).warnings[0]
        assert "requires a region" in told

    # Names and tags that are refused are in test_hostile.py and in the unit tests of the filter.
    @pytest.mark.parametrize(
        ("options", "told"),
        [
            pytest.param({"tag": {"a": "b"}}, "There is no option tag.", id="an option that does not exist"),
            pytest.param(
                {"regions": ["US-EAST-1"]}, "regions: 'US-EAST-1' is not the name of a region", id="no region"
            ),
            pytest.param({"regions": {"a": "b"}}, "Config 'regions' for", id="regions as a map"),
            pytest.param({"profiles": [42]}, "profiles: 42 is not the name of a profile; quote it", id="no profile"),
            pytest.param(
                {"profiles": ["one"], "aws_access_key": ACCESS_KEY, "profile": "two"},
                "profiles cannot go together with profile, access_key",
                id="several ways to the credentials",
            ),
        ],
    )
    def test_wrong_options_are_refused_before_aws_is_asked(
        self, aws: EmbeddedAws, inventory: List, options: dict[str, Any], told: str
    ) -> None:
        aws.plant("app", None)
        listed = inventory(**options)
        assert listed.hosts == {}
        assert told in listed.warnings[0]
        assert aws.calls() == {}


class TestDocumentation:
    @pytest.mark.parametrize(
        ("example", "hosts", "groups"),
        [
            pytest.param(EXAMPLES[0], 2, set(), id="one registry"),
            pytest.param(EXAMPLES[1], 4, {"ecr_region_us_east_1", "ecr_team_platform"}, id="several registries"),
            pytest.param(EXAMPLES[2], 1, {"internal"}, id="by tag"),
        ],
    )
    def test_every_example_runs_and_lists(
        self, aws: EmbeddedAws, tmp_path: Path, example: dict[str, Any], hosts: int, groups: set[str]
    ) -> None:
        tags = {"share": "yes", "team": "platform", "owner": "x", "visibility": "internal"}
        environment = plant_registries(aws, tmp_path, example, tags)
        own_cache = {"cache_connection": str(tmp_path / "cache")} if "cache_connection" in example else {}

        listed = run_inventory(aws, tmp_path, {**example, **own_cache}, environment=environment)

        assert (len(listed.hosts), listed.warnings) == (hosts, [])
        assert groups <= listed.groups.keys()

    def test_there_are_no_other_examples(self) -> None:
        assert len(EXAMPLES) == 3

    def test_the_variables_it_speaks_of_are_those_of_a_host(
        self, inventory: List, two_accounts: dict[str, str]
    ) -> None:
        listed = inventory(profiles=["one"], environment=two_accounts)
        (variables,) = (text for text in DOCUMENTATION["description"] if text.startswith("Host variables"))
        assert set(re.findall(r"C\((ecr_\w+)\)", variables)) == set(listed.hosts[uri("app")])

    @pytest.mark.parametrize(
        ("name", "taken"), [("ecr_repositories.yml", True), ("all.ecr_repositories.yaml", True), ("ecr.yml", False)]
    )
    def test_files_have_the_names_it_says(self, tmp_path: Path, name: str, taken: bool) -> None:
        (tmp_path / name).touch()
        assert ecr_repositories.InventoryModule().verify_file(str(tmp_path / name)) is taken
