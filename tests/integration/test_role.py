# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role and its playbooks, run by their names over inventories of registries and of repositories."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.imageshare.aws.tests.integration.conftest import Play
from ansible_collections.imageshare.aws.tests.integration.inventories import (
    GRANTS,
    OTHER_ACCOUNT,
    OTHER_REGION,
    OTHER_ROLE,
    registries,
    repositories,
    sharing,
)
from ansible_collections.imageshare.aws.tests.integration.statements import (
    BUILDS,
    PARTNER,
    STRANGER,
    TEAM,
    allow,
    policy,
    root,
)
from ansible_collections.imageshare.aws.tests.support.ansible_process import ansible
from ansible_collections.imageshare.aws.tests.support.embedded_aws import ACCOUNT, REGION, EmbeddedAws

WRITES = {"SetRepositoryPolicy", "DeleteRepositoryPolicy"}


def stored(aws: EmbeddedAws, **where: str) -> dict[str, Any]:
    return {name: text and json.loads(text) for name, text in aws.policies(**where).items()}


def writes(aws: EmbeddedAws) -> int:
    return sum(count for operation, count in aws.calls().items() if operation in WRITES)


class TestManyRegistries:
    """Two accounts and two regions in one inventory, and 300 repositories in the three registries of them it names."""

    NAMES = tuple(f"services/s{number:02}" for number in range(60)) + tuple(
        f"base/b{number:02}" for number in range(40)
    )
    INVENTORY = registries(
        {"ecr_share_repositories": ["services/*", "base/*"], "ecr_share_grants": GRANTS},
        production={
            "ecr_share_regions": [REGION, OTHER_REGION],
            "ecr_share_grants_production": [
                {"principals": [PARTNER], "access": ["pull", "push"], "repositories": ["services/*"]}
            ],
        },
        staging={"ecr_share_regions": [REGION], "ecr_share_assume_role_arn": OTHER_ROLE},
    )
    SHARED = ((ACCOUNT, REGION), (ACCOUNT, OTHER_REGION), (OTHER_ACCOUNT, REGION))

    def test_are_brought_to_their_grants_and_nothing_else_is(self, aws: EmbeddedAws, play: Play) -> None:
        before = policy(BUILDS)
        for account in (ACCOUNT, OTHER_ACCOUNT):
            for region in (REGION, OTHER_REGION):
                aws.plant_many(dict.fromkeys((*self.NAMES, "tools/other"), before), account, region)

        done = play("share", self.INVENTORY)

        assert done.code == 0, done.output
        team = allow("pull", root(TEAM))
        both = allow("pull_push", root(PARTNER))
        for account, region in self.SHARED:
            found = stored(aws, account=account, region=region)
            production = [both] if account == ACCOUNT else []
            assert found.pop("tools/other") == before
            for name, whole in found.items():
                assert whole == policy(BUILDS, team, *(production if name.startswith("services/") else [])), name
        elsewhere = stored(aws, account=OTHER_ACCOUNT, region=OTHER_REGION)
        assert set(map(json.dumps, elsewhere.values())) == {json.dumps(before)}
        assert aws.calls() == {"DescribeRepositories": 3, "GetRepositoryPolicy": 600, "SetRepositoryPolicy": 300}

        aws.reset_calls()
        again = play("share", self.INVENTORY)
        assert (again.code, writes(aws)) == (0, 0)
        assert again.recap("production")["changed"] == again.recap("staging")["changed"] == 0

    def test_work_at_the_same_time(self, aws: EmbeddedAws, play: Play) -> None:
        hosts = {
            f"registry{n}": {"ecr_share_assume_role_arn": f"arn:aws:iam::{n}{OTHER_ACCOUNT[1:]}:role/x"}
            for n in (3, 4, 5)
        }
        for n in (3, 4, 5):
            aws.plant("app", None, account=f"{n}{OTHER_ACCOUNT[1:]}")

        done = play("share", registries(sharing(), **hosts))

        assert done.code == 0, done.output
        assert done.output.count("TASK [imageshare.aws.ecr_share : Share repositories, or in check mode compare]") == 1
        assert writes(aws) == 3


def test_hosts_that_are_one_registry_keep_what_the_other_grants(aws: EmbeddedAws, play: Play) -> None:
    names = [f"app-{number:02}" for number in range(40)]
    aws.plant_many(dict.fromkeys(names, None))
    aws.settings(latency=0.05)
    wanted = {"ecr_share_repositories": ["app-*"], "ecr_share_regions": [REGION]}
    hosts = {f"team_{n}": {"ecr_share_grants": [{"principals": [n * 12]}]} for n in "1234"}

    done = play("share", registries(wanted, **hosts))

    assert done.code == 0, done.output
    for whole in stored(aws).values():
        (statement,) = whole["Statement"]
        assert sorted(statement["Principal"]["AWS"]) == [root(n * 12) for n in "1234"]


# Of each: the variables of a registry that are wrong, and what is said of them.
WRONG = {
    "a misspelt variable": (
        {"ecr_share_grant": GRANTS},
        "ecr_share_grant is not a variable of this role; did you mean ecr_share_grants?",
    ),
    "a misspelt key of a grant": (
        {"ecr_share_grants": [{"principle": TEAM}]},
        "ecr_share_grants.principle. Supported parameters include",
    ),
    "a misspelt key of a grant under another name": (
        {"ecr_share_grants_team": [{"principals": [TEAM], "region": REGION}]},
        "ecr_share_grants_team.region. Supported parameters include",
    ),
    "an account that YAML takes for octal": (
        {"ecr_share_grants": [{"principals": [0o12345670123]}]},
        "ecr_share_grants[0] (principal 1402433619): 1402433619 has 10 digits, an account id has 12. YAML reads",
    ),
    "an access that is unknown": (
        {"ecr_share_grants": [{"principals": [TEAM], "access": "read"}]},
        "value of access must be one or more of: pull, push, describe. Got no match for: read",
    ),
    "no grants": ({"ecr_share_grants": []}, "ecr_share_grants is empty: name at least one principal"),
    "no repositories": ({"ecr_share_repositories": []}, "ecr_share_repositories is empty"),
    "a state that is unknown": (
        {"ecr_share_state": "shared"},
        "value of ecr_share_state must be one of: present, absent, got: shared",
    ),
    "a number of workers that is none": ({"ecr_share_concurrency": "many"}, "ecr_share_concurrency"),
}


class TestVariables:
    @pytest.mark.parametrize(("wrong", "said"), WRONG.values(), ids=WRONG.keys())
    def test_that_are_wrong_are_refused_by_their_name_before_anything_is_done(
        self, aws: EmbeddedAws, play: Play, wrong: dict[str, Any], said: str
    ) -> None:
        aws.plant("app", None)
        done = play("share", registries(sharing(**wrong), images={}))
        assert done.code == 2
        assert said in done.flat
        assert aws.calls() == {}

    def test_that_are_wrong_on_one_host_do_not_stop_the_others(self, aws: EmbeddedAws, play: Play) -> None:
        aws.plant("app", None)
        done = play("share", registries(sharing(), images={}, odd={"ecr_share_grants": []}))
        assert done.code == 2
        assert (done.recap("images")["changed"], done.recap("odd")["failed"]) == (1, 1)

    def test_of_connections_stand_beside_defaults_of_the_play(self, aws: EmbeddedAws, tmp_path: Path) -> None:
        aws.plant("app", None, region=OTHER_REGION)
        playbook = tmp_path / "play.yml"
        whole = [
            {
                "hosts": "localhost",
                "gather_facts": False,
                "module_defaults": {"group/imageshare.aws.aws": {"region": OTHER_REGION, "endpoint_url": aws.url}},
                "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
                "roles": [{"role": "imageshare.aws.ecr_share", "vars": sharing()}],
            }
        ]
        playbook.write_text(yaml.safe_dump(whole), encoding="utf-8")
        done = ansible(aws, tmp_path, "playbook", playbook, environment={"AWS_URL": "http://127.0.0.1:9"})
        assert done.code == 0, done.output
        assert stored(aws, region=OTHER_REGION)["app"] == policy(allow("pull", root(TEAM)))


class TestFailures:
    def test_of_one_repository_are_told_when_all_others_are_done(self, aws: EmbeddedAws, play: Play) -> None:
        aws.plant("app", None)
        aws.plant("app", None, region=OTHER_REGION)
        aws.plant("broken", "not JSON")
        common = sharing(ecr_share_repositories=["app", "broken"], ecr_share_on_missing="skip")
        done = play("share", registries({**common, "ecr_share_regions": [REGION, OTHER_REGION]}, images={}))
        assert done.code == 2
        assert "us-east-1: app, broken: 1 of 2 repositories failed, the others are done. broken: " in done.flat
        assert writes(aws) == 2

    def test_to_assume_a_role_are_told_and_say_why(self, aws: EmbeddedAws, play: Play) -> None:
        aws.plant("a", None)
        hosts = repositories(
            {"ecr_share_grants": GRANTS},
            a={},
            b={"ecr_registry_id": OTHER_ACCOUNT, "ecr_share_assume_role_arn": "no ARN", "ecr_repository_name": "bb"},
        )
        hosts["ecr_repositories"]["hosts"]["a"]["ecr_repository_name"] = "app"
        aws.plant("app", None)
        done = play("share", hosts)
        assert done.code == 2
        assert "no ARN: Parameter validation failed: Invalid length for parameter RoleArn" in done.flat
        assert stored(aws)["app"] == policy(allow("pull", root(TEAM)))


def test_keys_of_an_assumed_role_are_gone_when_the_role_ends(aws: EmbeddedAws, tmp_path: Path) -> None:
    """Also when it fails."""
    aws.plant("app", "not JSON", account=OTHER_ACCOUNT)
    role = {"name": "imageshare.aws.ecr_share"}
    wanted = sharing(ecr_share_assume_role_arn=OTHER_ROLE)
    tasks = [
        {
            "block": [{"ansible.builtin.include_role": role, "vars": wanted}],
            "rescue": [{"ansible.builtin.meta": "noop"}],
        },
        {"ansible.builtin.debug": {"msg": "{{ hostvars[inventory_hostname] | to_json }}"}},
    ]
    whole = [{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]
    (tmp_path / "play.yml").write_text(yaml.safe_dump(whole), encoding="utf-8")
    done = ansible(aws, tmp_path, "playbook", tmp_path / "play.yml", "-v")
    assert (done.code, done.recap("localhost")["rescued"]) == (0, 1), done.output
    assert OTHER_ROLE in done.output
    for key in ("sts_creds", "session_token", "secret_key"):
        assert key not in done.output


class TestBatches:
    def test_tell_how_far_they_are(self, aws: EmbeddedAws, play: Play) -> None:
        aws.plant_many(dict.fromkeys((f"services/s{number}" for number in range(25)), None))
        aws.plant("tools", None)
        common = sharing(
            ecr_share_repositories=["services/*", "tools"],
            ecr_share_batch_size=10,
            ecr_share_grants=[{"principals": [TEAM], "repositories": ["services/*"]}],
        )
        done = play("share", registries(common, images={}))
        assert done.code == 0, done.output
        for label in ("services 1–10 of 25", "services 11–20 of 25", "services 21–25 of 25"):
            assert f"changed: [images] => (item={label})" in done.output
        assert aws.calls() == {"DescribeRepositories": 1, "GetRepositoryPolicy": 50, "SetRepositoryPolicy": 25}
        assert play("share", registries(common, images={})).recap("images")["changed"] == 0

    def test_refuse_a_pattern_that_matches_nothing_before_anything_is_written(
        self, aws: EmbeddedAws, play: Play
    ) -> None:
        aws.plant("app", None)
        common = sharing(ecr_share_repositories=["app", "tool/*"], ecr_share_batch_size=10)
        done = play("share", registries(common, images={}))
        assert done.code == 2
        assert 'ecr_share_repositories: "tool/*" matches no repository' in done.flat
        assert writes(aws) == 0


class TestRepositoriesOfTheInventory:
    def test_are_one_task_for_each_registry(self, aws: EmbeddedAws, play: Play) -> None:
        """500 hosts in two regions, of which some have grants of their own."""
        names = [f"services/s{number:03}" for number in range(500)]
        hosts = {
            name: {
                "ecr_region": OTHER_REGION if number % 2 else REGION,
                **({"ecr_share_grants_team": [{"principals": [PARTNER], "access": ["push"]}]} if number < 50 else {}),
            }
            for number, name in enumerate(names)
        }
        for region in (REGION, OTHER_REGION):
            aws.plant_many(dict.fromkeys(names, None), region=region)

        done = play("share", repositories({"ecr_share_grants": GRANTS}, **hosts))

        assert done.code == 0, done.output
        assert done.output.count("(item=us-east-1: 250 repositories)") == 1
        assert len(re.findall(r"^\w+: \[", done.output, re.MULTILINE)) < 50, "hosts that did a task"
        team, partner = allow("pull", root(TEAM)), allow("push", root(PARTNER))
        for number, name in enumerate(names):
            here, there = (OTHER_REGION, REGION) if number % 2 else (REGION, OTHER_REGION)
            if number in (0, 1, 48, 49, 50, 51, 498, 499):
                expected = policy(team, *([partner] if number < 50 else []))
                assert stored(aws, region=here)[name] == expected
                assert stored(aws, region=there)[name] is None
        assert aws.calls() == {"GetRepositoryPolicy": 1000, "SetRepositoryPolicy": 500}

    def test_of_which_some_are_left_out_by_a_limit_are_left_alone(self, aws: EmbeddedAws, play: Play) -> None:
        aws.plant_many({"app": None, "web": None})
        done = play("share", repositories({"ecr_share_grants": GRANTS}, app={}, web={}), "--limit", "web,localhost")
        assert done.code == 0, done.output
        assert {name: bool(text) for name, text in aws.policies().items()} == {"app": False, "web": True}

    def test_can_be_shared_without_run_once(self, aws: EmbeddedAws, tmp_path: Path) -> None:
        aws.plant_many({"app": None, "web": None})
        inventory, playbook = tmp_path / "inventory.yml", tmp_path / "play.yml"
        inventory.write_text(yaml.safe_dump(repositories({"ecr_share_grants": GRANTS}, app={}, web={})), "utf-8")
        whole = [
            {
                "hosts": "ecr_repositories",
                "gather_facts": False,
                "connection": "local",
                "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
                "roles": ["imageshare.aws.ecr_share"],
            }
        ]
        playbook.write_text(yaml.safe_dump(whole), encoding="utf-8")
        done = ansible(aws, tmp_path, "playbook", "-i", inventory, playbook)
        assert done.code == 0, done.output
        assert aws.calls() == {"GetRepositoryPolicy": 4, "SetRepositoryPolicy": 2}


class TestAudit:
    def inventory(self, **more: Any) -> dict[str, Any]:
        grants = [{"principals": [TEAM], "lambda_regions": [REGION]}]
        wanted = sharing(ecr_share_repositories=["app", "web"], ecr_share_grants=grants, ecr_share_purge_grants=True)
        return registries({**wanted, **more}, images={"ecr_share_regions": [REGION]})

    def test_tells_the_drift_and_writes_nothing(self, aws: EmbeddedAws, play: Play) -> None:
        aws.plant_many({"app": policy(allow("pull", root(STRANGER))), "web": None})
        aws.settings(deny=[{"operation": operation} for operation in WRITES])

        done = play("audit", self.inventory())

        assert done.code == 0, done.output
        assert '"images us-east-1: 2 of 2 repositories are not as declared"' in done.output
        assert f'"  app: +{TEAM} pull (Lambda in us-east-1) -{STRANGER} pull"' in done.output
        assert writes(aws) == sum(aws.refused().values()) == 0

    def test_fails_on_drift_only_if_asked_to(self, aws: EmbeddedAws, play: Play) -> None:
        aws.plant_many({"app": None, "web": None})
        failing = self.inventory(ecr_share_fail_on_drift=True)

        drifted = play("audit", failing)
        assert drifted.code == 2
        assert "2 repositories are not as declared" in drifted.flat

        assert play("share", failing).code == 0
        done = play("audit", failing)
        assert done.code == 0, done.output
        assert '"images us-east-1: 0 of 2 repositories are not as declared"' in done.output

    def test_fails_where_it_cannot_read_and_prints_the_rest(self, aws: EmbeddedAws, play: Play) -> None:
        aws.plant_many({"app": None, "web": None})
        aws.settings(deny=[{"repository": "web"}])

        done = play("audit", self.inventory())

        assert done.code == 2
        assert '"images us-east-1: 1 of 2 repositories are not as declared, 1 could not be read"' in done.output
        assert "AccessDeniedException" in done.output

    def test_says_of_a_registry_that_cannot_be_listed_that_it_cannot(self, aws: EmbeddedAws, play: Play) -> None:
        aws.settings(deny=[{"operation": "DescribeRepositories"}])

        done = play("audit", self.inventory(ecr_share_repositories=["*"]))

        assert done.code == 2
        assert '"images us-east-1: could not be read",' in done.output

    def test_covers_registries_and_repositories_even_if_all_registries_drift(
        self, aws: EmbeddedAws, play: Play
    ) -> None:
        aws.plant_many({"app": None, "web": None})
        inventory = {**self.inventory(), **repositories({"ecr_share_grants": GRANTS}, app={})}

        done = play("audit", inventory, "-e", "ecr_share_fail_on_drift=true")

        assert done.code == 2
        assert f'"{ACCOUNT} us-east-1: 1 of 1 repositories are not as declared"' in done.output
        assert '"images us-east-1: 2 of 2 repositories are not as declared"' in done.output


@pytest.mark.parametrize("name", ["share", "audit", "restore"])
def test_an_inventory_without_hosts_to_share_is_no_success(aws: EmbeddedAws, play: Play, name: str) -> None:
    done = play(name, {"web": {"hosts": {"web1": {}}}})
    assert done.code == 2
    assert "The inventory has no host in ecr_registries or in ecr_repositories" in done.flat
    assert aws.calls() == {}
