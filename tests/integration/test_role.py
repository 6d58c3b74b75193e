# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role and its playbooks, run by their names over inventories of registries and of repositories."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, ClassVar

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
from ansible_collections.imageshare.aws.tests.support.ansible_process import Done, ansible
from ansible_collections.imageshare.aws.tests.support.embedded_aws import ACCOUNT, REGION, EmbeddedAws

WRITES = {"SetRepositoryPolicy", "DeleteRepositoryPolicy"}


def stored(aws: EmbeddedAws, **where: str) -> dict[str, Any]:
    return {name: text and json.loads(text) for name, text in aws.policies(**where).items()}


def writes(aws: EmbeddedAws) -> int:
    return sum(count for operation, count in aws.calls().items() if operation in WRITES)


class TestManyRegistries:
    """Two accounts and two regions in one inventory, and 90 repositories in the three registries of them it names."""

    NAMES = tuple(f"services/s{number:02}" for number in range(18)) + tuple(
        f"base/b{number:02}" for number in range(12)
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

    def test_are_brought_to_their_grants_in_one_task_and_nothing_else_is(self, aws: EmbeddedAws, play: Play) -> None:
        before = policy(BUILDS)
        for account in (ACCOUNT, OTHER_ACCOUNT):
            for region in (REGION, OTHER_REGION):
                aws.plant_many(dict.fromkeys((*self.NAMES, "tools/other"), before), account, region)

        done = play("share", self.INVENTORY)

        assert done.code == 0, done.output
        assert done.output.count("TASK [imageshare.aws.ecr_share : Share repositories, or in check mode compare]") == 1
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
        calls = aws.calls()
        # On a busy machine, a policy whose read has become old is read once more. What counts these takes repositories
        # of one name in several registries for one.
        assert calls.pop("GetRepositoryPolicy") >= 180
        assert calls == {"DescribeRepositories": 3, "GetRegistryPolicy": 3, "SetRepositoryPolicy": 90}

        aws.reset_calls()
        again = play("share", self.INVENTORY)
        assert (again.code, writes(aws)) == (0, 0)
        assert again.recap("production")["changed"] == again.recap("staging")["changed"] == 0


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


# Of each host: the variables that are wrong, and what is said of them. All others are in test_input.py and in the unit
# tests of the plan.
WRONG = {
    "misspelt_variable": (
        {"ecr_share_grant": GRANTS},
        "ecr_share_grant is not a variable of this role; did you mean ecr_share_grants?",
    ),
    "misspelt_key": (
        {"ecr_share_grants": [{"principle": TEAM}]},
        "ecr_share_grants.principle. Supported parameters include",
    ),
    "misspelt_key_of_a_group": (
        {"ecr_share_grants_team": [{"principals": [TEAM], "region": REGION}]},
        "ecr_share_grants_team.region. Supported parameters include",
    ),
    "octal": (
        {"ecr_share_grants": [{"principals": [0o12345670123]}]},
        "ecr_share_grants[0] (principal 1402433619): 1402433619 has 10 digits, an account id has 12. YAML reads",
    ),
    "unknown_access": (
        {"ecr_share_grants": [{"principals": [TEAM], "access": "read"}]},
        "value of access must be one or more of: pull, push, describe. Got no match for: read",
    ),
    "unknown_state": (
        {"ecr_share_state": "shared"},
        "value of ecr_share_state must be one of: present, absent, got: shared",
    ),
    "no_number": ({"ecr_share_concurrency": "many"}, "ecr_share_concurrency"),
    "no_grants": ({"ecr_share_grants": []}, "ecr_share_grants is empty: name at least one principal"),
    "no_repositories": ({"ecr_share_repositories": []}, "ecr_share_repositories is empty"),
}


class TestVariables:
    def test_that_are_wrong_are_refused_by_their_name_and_do_not_stop_other_hosts(
        self, aws: EmbeddedAws, play: Play
    ) -> None:
        aws.plant("app", None)
        hosts = {name: sharing(**wrong) for name, (wrong, _said) in WRONG.items()}
        done = play("share", registries(images=sharing(), **hosts))
        assert done.code == 2
        assert done.recap("images")["changed"] == 1
        for name, (_wrong, said) in WRONG.items():
            assert done.recap(name)["failed"] == 1, name
            assert said in done.flat
        # Those of the host that is right.
        assert aws.prompt_calls() == {
            "DescribeRepositories": 1,
            "GetRegistryPolicy": 1,
            "GetRepositoryPolicy": 2,
            "SetRepositoryPolicy": 1,
        }

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


class TestAConditionOnTheRole:
    """One that leaves out the first host of the play. What is done once is done for the others all the same."""

    LOCAL: ClassVar = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}

    def play(self, aws: EmbeddedAws, home: Path, *entry_points: str, **more: Any) -> Done:
        inventory = registries({**sharing(**more), **self.LOCAL}, first={}, second={})
        roles = [{"name": "imageshare.aws.ecr_share", "tasks_from": entry_point} for entry_point in entry_points]
        tasks = [{"ansible.builtin.import_role": role, "when": "inventory_hostname == 'second'"} for role in roles]
        plays = [{"hosts": "ecr_registries", "gather_facts": False, "tasks": tasks}]
        for name, content in {"inventory": inventory, "playbook": plays}.items():
            (home / f"{name}.yml").write_text(yaml.safe_dump(content), encoding="utf-8")
        return ansible(aws, home, "playbook", "-i", home / "inventory.yml", home / "playbook.yml")

    def test_has_its_summary_its_report_and_its_folder_of_backups(self, aws: EmbeddedAws, tmp_path: Path) -> None:
        aws.plant("app", None)
        folders = {"ecr_share_backup_dir": f"{tmp_path}/backups", "ecr_share_report_dir": f"{tmp_path}/report"}

        done = self.play(aws, tmp_path, "main", **folders)

        assert done.code == 0, done.output
        assert done.recap("first")["changed"] == 0
        assert "1 of 1 repositories changed" in done.output
        assert f"+ {TEAM} pull" in (tmp_path / "report" / "changes.md").read_text(encoding="utf-8")
        (run,) = (tmp_path / "backups").iterdir()
        assert re.fullmatch(r"\d{8}T\d{6}Z", run.name)

    def test_is_told_what_was_found_and_fails_on_findings(self, aws: EmbeddedAws, tmp_path: Path) -> None:
        aws.plant("app", policy(allow("pull", root(PARTNER))))
        more = {
            "ecr_share_backup_dir": f"{tmp_path}/backups",
            "ecr_share_adopt_dir": f"{tmp_path}/adopted",
            "ecr_share_offboard": [STRANGER],
            "ecr_share_fail_on": ["drift"],
        }

        done = self.play(aws, tmp_path, "snapshot", "adopt", "ask", "offboard", "audit", **more)

        assert done.code == 2, done.output
        assert done.recap("first")["ok"] == 0
        told = [
            *(f"Tell what was {what}" for what in ("saved", "written", "done", "found")),
            *("Tell who gets in", "Tell who is left"),
        ]
        for name in told:
            assert re.search(rf"TASK \[imageshare.aws.ecr_share : {name}\] \*+\nok: \[second\]", done.output), name
        assert [path.name for path in (tmp_path / "adopted").iterdir()] == ["second.yml"]
        assert re.search(r"drift +111122223333 lacks pull: 1 repository: app", done.output)
        assert re.search(r"fatal: \[second\]: FAILED! .*finding", done.output)


def test_batches_tell_how_far_they_are(aws: EmbeddedAws, play: Play) -> None:
    aws.plant_many(dict.fromkeys((f"services/s{number}" for number in range(25)), None))
    aws.plant_many({"app": None, "tools": None})
    wanted = sharing(
        ecr_share_repositories=["services/*", "tools"],
        ecr_share_batch_size=10,
        ecr_share_grants=[{"principals": [TEAM], "repositories": ["services/*"]}],
    )
    done = play("share", registries(wanted, images={}))
    assert done.code == 0, done.output
    for label in ("services 1–10 of 25", "services 11–20 of 25", "services 21–25 of 25"):
        assert f"changed: [images] => (item={label})" in done.output
    assert aws.prompt_calls() == {
        "DescribeRepositories": 1,
        # One for each batch.
        "GetRegistryPolicy": 3,
        "GetRepositoryPolicy": 50,
        "SetRepositoryPolicy": 25,
    }


class TestOneListForManyRegistries:
    """What grants and lists name must be in one registry of the play, and not in each."""

    COMMON = sharing(
        ecr_share_repositories=["base/*", "services/*"],
        ecr_share_grants=[{"principals": [TEAM]}, {"principals": [PARTNER], "repositories": ["services/*"]}],
    )
    HOSTS: ClassVar = {
        "here": {"ecr_share_regions": [REGION]},
        "there": {"ecr_share_regions": [REGION], "ecr_share_assume_role_arn": OTHER_ROLE},
    }

    @pytest.fixture(autouse=True)
    def planted(self, aws: EmbeddedAws) -> None:
        aws.plant_many(dict.fromkeys(("base/a", "base/b"), None))
        aws.plant_many({"services/a": None}, account=OTHER_ACCOUNT)

    def test_serves_registries_that_have_a_part_of_it(self, aws: EmbeddedAws, play: Play) -> None:
        done = play("share", registries(self.COMMON, **self.HOSTS))
        assert done.code == 0, done.output
        assert set(map(json.dumps, stored(aws).values())) == {json.dumps(policy(allow("pull", root(TEAM))))}
        assert stored(aws, account=OTHER_ACCOUNT)["services/a"] == policy(allow("pull", root(TEAM), root(PARTNER)))
        assert f"+ {TEAM} pull: 3 repositories: " in done.output

    @pytest.mark.parametrize("size", [0, 2])
    def test_with_a_slip_is_refused_once_before_anything_is_written(
        self, size: int, aws: EmbeddedAws, play: Play
    ) -> None:
        slip = {"principals": [PARTNER], "repositories": ["service/*"]}
        wanted = {**self.COMMON, "ecr_share_grants_slip": [slip], "ecr_share_batch_size": size}
        done = play("share", registries(wanted, **self.HOSTS))
        assert done.code == 2
        said = (
            f"Nothing was done. ecr_share_grants_slip[0] (principal {PARTNER}): repositories: "
            r"\"service/*\" matches no repository in any of the 2 registries of this play; did you mean services/*?"
        )
        assert done.flat.count(said) == 1
        assert set(stored(aws).values()) == {None}

    def test_with_a_slip_that_is_to_be_skipped_warns_once(self, aws: EmbeddedAws, play: Play) -> None:
        wanted = {**self.COMMON, "ecr_share_repositories": ["base/*", "tool/*"], "ecr_share_on_missing": "skip"}
        done = play("share", registries(wanted, **self.HOSTS))
        assert done.code == 0, done.output
        said = r"ecr_share_repositories: \"tool/*\" matches no repository in any of the 2 registries of this play"
        assert done.output.count(said) == 1
        assert None not in stored(aws).values()

    def test_is_no_slip_where_a_registry_could_not_be_listed(self, aws: EmbeddedAws, play: Play) -> None:
        hosts = {**self.HOSTS, "there": {**self.HOSTS["there"], "ecr_share_assume_role_arn": "no ARN"}}
        done = play("share", registries(self.COMMON, **hosts))
        assert done.code == 2
        assert "others of this play are not known" in done.flat
        assert None not in stored(aws).values()


class TestAbsence:
    def test_needs_those_who_lose_their_access_whatever_grants_are_declared(self, aws: EmbeddedAws, play: Play) -> None:
        whole = policy(allow("pull", root(TEAM), root(PARTNER)))
        aws.plant("app", whole)
        done = play("share", registries(sharing(), images={}), "-e", "ecr_share_state=absent")
        assert done.code == 2
        assert "ecr_share_absent_principals is empty" in done.flat
        assert stored(aws)["app"] == whole

        inventory = registries(sharing(ecr_share_principals={"old-partner": PARTNER}), images={})
        gone = {"ecr_share_state": "absent", "ecr_share_absent_principals": ["old-partner"]}
        done = play("share", inventory, "-e", json.dumps(gone))
        assert done.code == 0, done.output
        assert stored(aws)["app"] == policy(allow("pull", root(TEAM)))
        assert f"- old-partner {PARTNER} pull: 1 repository: app in images" in done.output


class TestRepositoriesOfTheInventory:
    def test_are_one_task_for_each_registry(self, aws: EmbeddedAws, play: Play) -> None:
        """200 hosts in two regions, of which some have grants of their own."""
        names = [f"services/s{number:03}" for number in range(200)]
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
        assert done.output.count("(item=us-east-1: 100 repositories)") == 1
        assert len(re.findall(r"^\w+: \[", done.output, re.MULTILINE)) < 50, "hosts that did a task"
        team, partner = allow("pull", root(TEAM)), allow("push", root(PARTNER))
        for number, name in enumerate(names):
            here, there = (OTHER_REGION, REGION) if number % 2 else (REGION, OTHER_REGION)
            if number in (0, 1, 48, 49, 50, 51, 198, 199):
                expected = policy(team, *([partner] if number < 50 else []))
                assert stored(aws, region=here)[name] == expected
                assert stored(aws, region=there)[name] is None
        # The inventory says whose the repositories are, and it is asked whether these registries are the caller's own.
        once = {"GetCallerIdentity": 2, "GetRegistryPolicy": 2}
        assert aws.prompt_calls() == {**once, "GetRepositoryPolicy": 400, "SetRepositoryPolicy": 200}

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
        once = {"GetCallerIdentity": 1, "GetRegistryPolicy": 1}
        assert aws.prompt_calls() == {**once, "GetRepositoryPolicy": 4, "SetRepositoryPolicy": 2}


def test_audit_tells_the_drift_of_registries_and_repositories_and_writes_nothing(aws: EmbeddedAws, play: Play) -> None:
    aws.plant_many({"app": policy(allow("pull", root(STRANGER))), "web": None})
    aws.settings(deny=[{"operation": operation} for operation in WRITES])
    grants = [{"principals": [TEAM], "lambda_regions": [REGION]}]
    wanted = sharing(ecr_share_repositories=["app", "web"], ecr_share_grants=grants, ecr_share_purge_grants=True)
    inventory = {
        **registries(wanted, images={"ecr_share_regions": [REGION]}),
        **repositories({"ecr_share_grants": GRANTS}, app={}),
    }

    done = play("audit", inventory, "-e", '{"ecr_share_fail_on": ["drift"]}')

    # Each is told, though all registries have failed by then.
    assert done.code == 2
    images = f"images {ACCOUNT} {REGION}"
    assert f'"drift             {TEAM} lacks pull, Lambda in us-east-1: 2 repositories: * ({images})"' in done.output
    assert f'"drift             {STRANGER} pull: 1 repository: app ({images})"' in done.output
    assert f'"drift             {TEAM} lacks pull: 1 repository: app (app {ACCOUNT} {REGION})"' in done.output
    assert "1 finding that ecr_share_fail_on names: drift 1; it is listed above" in done.flat
    assert writes(aws) == sum(aws.refused().values()) == 0


@pytest.mark.parametrize("name", ["adopt", "ask", "audit", "offboard", "restore", "share", "snapshot"])
def test_an_inventory_without_hosts_to_share_is_no_success(aws: EmbeddedAws, play: Play, name: str) -> None:
    done = play(name, {"web": {"hosts": {"web1": {}}}})
    assert done.code == 2
    assert "The inventory has no host in ecr_registries or in ecr_repositories" in done.flat
    assert aws.calls() == {}
