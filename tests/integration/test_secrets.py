# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No secret is in what is printed, however much Ansible is asked to print, nor in what is returned or saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.imageshare.aws.tests.integration.statements import BUILDS, TEAM, policy
from ansible_collections.imageshare.aws.tests.support.ansible_process import Done, ansible
from ansible_collections.imageshare.aws.tests.support.embedded_aws import ACCESS_KEY, ACCOUNT, REGION, EmbeddedAws
from moto.sts.utils import SESSION_TOKEN_PREFIX

ROLE = "arn:aws:iam::210987654321:role/registry"
# An access key is the name of a secret, and none itself.
SECRET, TOKEN = "planted-secret-key-7c1f0e52d9b84a63", "planted-session-token-e04b9a7d51c24f88"
CREDENTIALS = {"access_key": ACCESS_KEY, "secret_key": SECRET, "session_token": TOKEN}
# Other names of the same options, as amazon.aws has them.
ALIASES = {
    "aws_access_key_id": ACCESS_KEY,
    "aws_secret_access_key": SECRET,
    "aws_session_token": TOKEN,
}
# What is looked for: these, and how the token of every assumed role begins.
SECRETS = (SECRET, TOKEN, SESSION_TOKEN_PREFIX)
GRANTS = [{"principals": [TEAM]}]


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def assert_no_secret(done: Done, *folders: Path) -> None:
    """Neither in what was printed nor in what was saved, and a secret was there: connections are made with it."""
    assert [line for line in done.output.splitlines() if any(secret in line for secret in SECRETS)] == []
    for folder in folders:
        found = files(folder)
        assert found
        assert [name for name, content in found.items() if any(secret.encode() in content for secret in SECRETS)] == []


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The user's folder; playbooks and inventories, which do hold secrets, lie beside what runs save."""
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def test_of_modules(aws: EmbeddedAws, home: Path, tmp_path: Path) -> None:
    aws.plant_many({"app": policy(BUILDS), "broken": "{"})
    backups = tmp_path / "backups"
    share = {"repositories": ["*"], "grants": GRANTS, "backup_dir": str(backups)}
    tasks: list[dict[str, Any]] = [
        {"imageshare.aws.ecr_share_policy": share},
        {"imageshare.aws.ecr_share_policy": {**share, "grants": [{"principals": ["*"]}]}},
        {"imageshare.aws.ecr_share_policy": {**share, "nonsense": True}},
        {"imageshare.aws.ecr_share_registry_policy": {"grants": GRANTS, "backup_dir": str(backups)}},
        {"imageshare.aws.ecr_share_creation_template": {"prefixes": ["nowhere"], "grants": GRANTS}},
        {"imageshare.aws.ecr_repository_info": {}},
        {"imageshare.aws.ecr_repository_info": {"registry_id": "none"}},
        {"imageshare.aws.ecr_share_policy_info": {}},
        {"imageshare.aws.ecr_share_policy_info": {"repositories": ["app"], "principals": ["nobody"]}},
        {"imageshare.aws.ecr_share_policy_restore": {"backup_path": str(backups)}},
        {"imageshare.aws.ecr_share_policy_restore": {"backup_path": "/nowhere"}},
    ]
    for number, task in enumerate(tasks):
        ((_name, options),) = task.items()
        # As variables: where a task fails, ansible-core shows the lines of the playbook around it.
        options |= {name: f"{{{{ planted_{name} }}}}" for name in (ALIASES if number % 2 else CREDENTIALS)}
        task |= {"ignore_errors": True, "register": f"result_{number}"}
    returned = ", ".join(task["register"] for task in tasks)
    tasks.append({"ansible.builtin.debug": {"msg": f"{{{{ [{returned}] }}}}"}})
    playbook = tmp_path / "play.yml"
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}
    play["vars"] = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    playbook.write_text(yaml.safe_dump([play]), encoding="utf-8")

    variables = tmp_path / "vault.yml"
    planted = {f"planted_{name}": value for name, value in {**CREDENTIALS, **ALIASES}.items()}
    variables.write_text(yaml.safe_dump(planted), encoding="utf-8")

    arguments = ("-vvvv", "--diff", "-e", f"@{variables}", playbook)
    done = ansible(aws, home, "playbook", *arguments, environment=without_credentials())

    assert done.recap("localhost")["ignored"] == 8, done.output
    assert aws.actions() >= {"ecr:SetRepositoryPolicy", "ecr:DescribeRepositories", "ecr:PutRegistryPolicy"}
    # The arguments of the modules are printed, with this in the place of secrets.
    assert done.output.count("VALUE_SPECIFIED_IN_NO_LOG_PARAMETER") >= 2 * 10
    assert_no_secret(done, backups)


def test_of_the_role(aws: EmbeddedAws, home: Path, tmp_path: Path) -> None:
    aws.plant_many({"app": policy(BUILDS), "broken": "{"})
    aws.plant("app", policy(BUILDS), account="210987654321")
    backups = tmp_path / "backups"
    common = {
        **{f"ecr_share_{name}": value for name, value in CREDENTIALS.items()},
        "ecr_share_repositories": ["*"],
        "ecr_share_grants": GRANTS,
        "ecr_share_grants_to_come": [{**GRANTS[0], "apply_to": ["registry"]}],
        "ecr_share_regions": [REGION],
        "ecr_share_backup_dir": str(backups),
        "ecr_share_backup_path": str(backups),
        "ecr_share_batch_size": 10,
        "ecr_share_report_dir": str(tmp_path / "report"),
    }
    hosts = {
        "images": {},
        "others": {"ecr_share_assume_role_arn": ROLE},
        "lost": {"ecr_share_assume_role_arn": "no ARN"},
        "odd": {"ecr_share_grants": [{"principals": ["*"]}]},
    }
    inventory = tmp_path / "inventory.yml"
    inventory.write_text(yaml.safe_dump({"ecr_registries": {"vars": common, "hosts": hosts}}), encoding="utf-8")

    for name in ("audit", "share", "restore"):
        done = ansible(
            aws,
            home,
            "playbook",
            "-vvvv",
            "--diff",
            "-i",
            inventory,
            f"imageshare.aws.{name}",
            environment=without_credentials(),
        )
        assert done.code == 2, done.output
        assert_no_secret(done)
    assert_no_secret(done, backups, tmp_path / "report")
    assert aws.actions() >= {"ecr:SetRepositoryPolicy", "ecr:DescribeRepositories", "ecr:PutRegistryPolicy"}


# As long as the keys of the role are in the variables of the host: the connection is lost, no module
# starts, and a variable cannot be evaluated.
ASSUMED = "(_ecr_share_assumed | default({}, true))"
TROUBLE: dict[str, dict[str, Any]] = {
    "fine": {},
    "broken": {"ecr_share_repositories": ["app", "broken"]},
    "lost": {
        "ansible_connection": f"{{{{ 'ssh' if {ASSUMED} else 'local' }}}}",
        "ansible_host": "127.0.0.1",
        "ansible_port": 9,
    },
    "lifeless": {"ansible_python_interpreter": f"{{{{ '/bin/false' if {ASSUMED} else ansible_playbook_python }}}}"},
    "undecided": {"ecr_share_concurrency": f"{{{{ 8 // (0 if {ASSUMED} else 1) }}}}"},
}
# What a host has itself: with a strategy of its own, another may be amid the role.
OWN = {"ansible.builtin.debug": {"msg": "{{ hostvars[inventory_hostname] | to_json }}"}}
ALL = {
    "ansible.builtin.debug": {"msg": "{{ dict(groups.all | zip(groups.all | map('extract', hostvars))) | to_json }}"}
}
KEEP = {"ansible.builtin.set_fact": {"kept": "{{ inventory_hostname }}", "cacheable": True}}
WAYS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "share": ("main", {}, {}),
    "audit": ("audit", {}, {}),
    "restore": ("restore", {}, {}),
    "each host for itself": ("main", {"strategy": "free"}, {}),
    "with any error fatal": ("main", {"any_errors_fatal": True}, {}),
    "for another host": ("main", {}, {"apply": {"delegate_to": "other"}}),
}


@pytest.mark.parametrize(("entry", "keywords", "options"), WAYS.values(), ids=WAYS.keys())
def test_of_an_assumed_role_is_left_in_no_variable_of_a_host(
    entry: str, keywords: dict[str, Any], options: dict[str, Any], aws: EmbeddedAws, home: Path, tmp_path: Path
) -> None:
    for repository, text in {"app": policy(BUILDS), "broken": "{"}.items():
        aws.plant(repository, text, account="210987654321")
    backups = tmp_path / "backups"
    common = {
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "ecr_share_repositories": ["app"],
        "ecr_share_grants": GRANTS,
        "ecr_share_regions": [REGION],
        "ecr_share_batch_size": 10,
        "ecr_share_backup_path": str(backups),
        "ecr_share_report_dir": str(tmp_path / "report"),
        "ecr_share_assume_role_arn": ROLE,
    }
    inventory = tmp_path / "inventory.yml"
    groups = {"registries": {"vars": common, "hosts": TROUBLE}, "others": {"vars": common, "hosts": {"other": {}}}}
    inventory.write_text(yaml.safe_dump({"all": {"children": groups}}), encoding="utf-8")
    role = {"name": "imageshare.aws.ecr_share", "tasks_from": entry, **options}
    plays = [
        {
            "hosts": "registries",
            "gather_facts": False,
            **keywords,
            "tasks": [{"block": [{"ansible.builtin.include_role": role}], "rescue": [OWN]}, KEEP, OWN],
        },
        {"hosts": "localhost", "gather_facts": False, "tasks": [ALL]},
    ]
    playbook = tmp_path / "play.yml"
    playbook.write_text(yaml.safe_dump(plays), encoding="utf-8")
    cache = {"ANSIBLE_CACHE_PLUGIN": "jsonfile", "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(tmp_path / "cache")}

    done = ansible(aws, home, "playbook", "-i", inventory, playbook, environment=cache)

    assert "sts:AssumeRole" in aws.actions()
    assert done.recap("localhost")["ok"] == 1, done.output
    assert all(done.recap(name)["rescued"] for name in ("broken", "undecided")), done.output
    assert "sts_creds" not in done.output
    assert_no_secret(done, tmp_path / "cache")


def test_of_the_inventory(aws: EmbeddedAws, home: Path, tmp_path: Path) -> None:
    for account in (ACCOUNT, "210987654321"):
        aws.plant("app", None, account=account)
    cache = tmp_path / "cache"
    source = tmp_path / "ecr_repositories.yml"
    common = {
        "plugin": "imageshare.aws.ecr_repositories",
        "regions": [REGION],
        "cache": True,
        "cache_plugin": "ansible.builtin.jsonfile",
        "cache_connection": str(cache),
        **CREDENTIALS,
    }
    variants: list[dict[str, Any]] = [
        {},
        {"assume_role_arn": ROLE},
        {"assume_role_arn": "no ARN"},
        {"profiles": ["x"]},
        {"nonsense": True},
    ]
    # amazon.aws takes its endpoint from AWS_URL, and boto3, which assumes the role, from this one.
    environment = {**without_credentials(), "AWS_ENDPOINT_URL": aws.url}
    told = []
    for variant in variants:
        source.write_text(yaml.safe_dump({**common, **variant}), encoding="utf-8")
        done = ansible(aws, home, "inventory", "-vvvv", "-i", source, "--list", environment=environment)
        told.append("ecr_repository_name" in done.output)
        assert_no_secret(done)
    assert told == [True, True, False, False, False]
    assert_no_secret(done, cache)


def without_credentials() -> dict[str, str]:
    """Those of the environment would do as well; so that the planted ones are used, there are none."""
    return {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
