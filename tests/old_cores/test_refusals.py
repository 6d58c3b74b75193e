# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An ansible-core that is too old is refused in the first step, with the reason, and evaluates nothing of AWS's.

C(make matrix) runs these tests on such cores, and they fail on every other one. The registry of each test is full of
templates that leave a trace if they are evaluated.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.release import __version__
from ansible_collections.imageshare.aws.plugins.module_utils._core_version import refusal
from ansible_collections.imageshare.aws.tests.support.ansible_process import Done, ansible
from ansible_collections.imageshare.aws.tests.support.embedded_aws import REGION, EmbeddedAws

ROOT = Path(__file__).resolve().parents[2]
WORDS = str(refusal(__version__))
ENTRY_POINTS = yaml.safe_load((ROOT / "roles/ecr_share/meta/argument_specs.yml").read_text("utf-8"))["argument_specs"]
PLAYBOOKS = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml"))
FILTERS = sorted(path.stem for path in (ROOT / "plugins/filter").glob("*.py"))
MODULES = sorted(path.stem for path in (ROOT / "plugins/modules").glob("*.py"))
GRANTS = [{"principals": "111122223333"}]
REQUIRED: dict[str, dict[str, Any]] = {
    "ecr_share_backup_info": {"backup_dir": "."},
    "ecr_share_creation_template": {"prefixes": ["*"], "grants": GRANTS},
    "ecr_share_policy": {"repositories": ["*"], "grants": GRANTS},
    "ecr_share_policy_restore": {"backup_path": "."},
    "ecr_share_registry_policy": {"grants": GRANTS},
}
# What each filter takes: a text that came from AWS, as a task reads it.
OF_AWS = "lookup('ansible.builtin.file', 'of_aws.json')"
CALLS = {
    "ecr_consumer_policy": f"{OF_AWS} | from_json | imageshare.aws.ecr_consumer_policy(['*'])",
    "ecr_share_csv": f"{OF_AWS} | imageshare.aws.ecr_share_csv",
    "ecr_share_internal": f"{OF_AWS} | imageshare.aws.ecr_share_internal('shown')",
}
INVENTORY = {
    "ecr_registries": {
        "hosts": {"images": None},
        "vars": {
            "ansible_connection": "local",
            "ecr_share_regions": [REGION],
            "ecr_share_repositories": ["*"],
            "ecr_share_grants": GRANTS,
            "ecr_share_offboard": ["111122223333"],
            "ecr_share_backup_path": "backups",
            "ecr_share_backup_dir": "backups",
            "ecr_share_report_dir": "report",
            "ecr_share_adopt_dir": "host_vars",
            "ecr_share_ask_principals": ["111122223333"],
        },
    }
}


@pytest.fixture(scope="session")
def process() -> Iterator[EmbeddedAws]:
    with EmbeddedAws() as running:
        yield running


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    return tmp_path / "evaluated"


@pytest.fixture
def template(trace: Path) -> str:
    return "{{ lookup('ansible.builtin.pipe', 'touch " + str(trace) + "') }}"


@pytest.fixture
def aws(process: EmbeddedAws, tmp_path: Path, template: str) -> EmbeddedAws:
    """A repository with templates in its policy and its tags, and a file of the same."""
    process.reset()
    statement = {
        "Sid": template,
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::444455556666:root"},
        "Action": "ecr:BatchGetImage",
        "Condition": {"StringEquals": {"aws:PrincipalTag/team": template}},
    }
    process.plant("app", {"Version": "2012-10-17", "Statement": [statement]})
    process.tag_many({"app": {"team": template, template: "team"}})
    (tmp_path / "of_aws.json").write_text(json.dumps({"message": template}), encoding="utf-8")
    process.reset_calls()
    return process


@pytest.fixture(autouse=True)
def _nothing_happens(aws: EmbeddedAws, trace: Path, request: pytest.FixtureRequest) -> Iterator[None]:
    """Nothing was asked of AWS, and no template was evaluated, but where a test shows that it would be."""
    yield
    assert aws.calls() == {}
    assert trace.exists() == ("would_be_evaluated" in request.node.name)


def play(aws: EmbeddedAws, home: Path, plays: Any, *arguments: str) -> Done:
    playbook, inventory = home / "playbook.yml", home / "inventory.yml"
    playbook.write_text(yaml.safe_dump(plays), encoding="utf-8")
    inventory.write_text(yaml.safe_dump(INVENTORY), encoding="utf-8")
    return run(aws, home, "playbook", "-i", str(inventory), str(playbook), *arguments)


def run(aws: EmbeddedAws, home: Path, command: str, *arguments: str) -> Done:
    return ansible(aws, home, command, *arguments)


def joined(text: str) -> str:
    """A text without blanks: these cores break their lines at blanks and hyphens."""
    return "".join(text.split())


def here(*tasks: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": list(tasks)}]


def test_what_a_filter_returns_would_be_evaluated_here(aws: EmbeddedAws, tmp_path: Path, template: str) -> None:
    # With a filter of Ansible's own, in a loop, as the role has them.
    packed = b64encode(template.encode()).decode()
    task = {"ansible.builtin.debug": {"msg": "{{ item }}"}, "loop": f"{{{{ ['{packed}'] | map('b64decode') | list }}}}"}
    assert play(aws, tmp_path, here(task)).code == 0


@pytest.mark.parametrize("entry_point", [*ENTRY_POINTS, "check_hosts"])
@pytest.mark.parametrize("how", ["import_role", "include_role"])
def test_the_role_refuses_before_anything_else(aws: EmbeddedAws, tmp_path: Path, entry_point: str, how: str) -> None:
    role = {f"ansible.builtin.{how}": {"name": "imageshare.aws.ecr_share", "tasks_from": entry_point}}
    done = play(aws, tmp_path, [{"hosts": "ecr_registries", "gather_facts": False, "tasks": [role]}])

    assert done.code == 2
    assert WORDS in done.output
    # Ansible itself compares variables with the documentation of the role first, and includes it where it is included.
    tasks = re.findall(r"^TASK \[(.*)\]", done.output, re.MULTILINE)
    assert [task for task in tasks if "Validating arguments" not in task and how not in task] == [
        "imageshare.aws.ecr_share : Refuse an older ansible-core"
    ]


@pytest.mark.parametrize("name", PLAYBOOKS)
def test_a_playbook_refuses_in_its_first_task(aws: EmbeddedAws, tmp_path: Path, name: str) -> None:
    inventory = tmp_path / "inventory.yml"
    inventory.write_text(yaml.safe_dump(INVENTORY), encoding="utf-8")

    done = run(aws, tmp_path, "playbook", "-i", str(inventory), f"imageshare.aws.{name}")

    assert done.code == 2
    assert WORDS in done.output
    assert done.output.count("TASK [") == 1


def test_no_filter_is_loaded_and_each_says_why(aws: EmbeddedAws, tmp_path: Path) -> None:
    assert sorted(CALLS) == FILTERS
    tasks = [
        task
        for call in CALLS.values()
        for task in (
            {"ansible.builtin.set_fact": {"returned": f"{{{{ {call} }}}}"}, "ignore_errors": True},
            {"ansible.builtin.debug": {"msg": "{{ returned | default('nothing') }}"}},
        )
    ]

    done = play(aws, tmp_path, here(*tasks))

    assert done.recap("localhost")["ignored"] == len(FILTERS)
    assert done.output.count('"msg": "nothing"') == len(FILTERS)
    for name in FILTERS:
        assert joined(f"imageshare.aws.{name}'; an error occurred while loading: {WORDS}") in joined(done.output)


def test_the_inventory_plugin_lists_nothing_and_says_why(aws: EmbeddedAws, tmp_path: Path) -> None:
    source = tmp_path / "ecr_repositories.yml"
    options = {"plugin": "imageshare.aws.ecr_repositories", "regions": [REGION], "compose": {"team": "ecr_tags.team"}}
    source.write_text(yaml.safe_dump(options), encoding="utf-8")

    listed = run(aws, tmp_path, "inventory", "-i", str(source), "--list")
    shared = run(aws, tmp_path, "playbook", "-i", str(source), "imageshare.aws.share")

    assert joined(f"auto plugin: {WORDS}") in joined(listed.output)
    assert '"hostvars": {}' in listed.output
    assert joined(f"auto plugin: {WORDS}") in joined(shared.output)
    assert shared.code == 2


def test_no_module_does_anything(aws: EmbeddedAws, tmp_path: Path) -> None:
    tasks = [{f"imageshare.aws.{name}": REQUIRED.get(name, {}), "ignore_errors": True} for name in MODULES]

    done = play(aws, tmp_path, here(*tasks))

    assert done.output.count(f'"msg": "{WORDS}"') == done.recap("localhost")["ignored"] == len(MODULES)
