# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""README.md and CONTRIBUTING.md hold true: examples run, JSON is JSON, and what is named exists."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.imageshare.aws.plugins.module_utils._templates import TEMPLATES
from ansible_collections.imageshare.aws.plugins.module_utils._warnings import SUMMARIES
from ansible_collections.imageshare.aws.tests.support.embedded_aws import EmbeddedAws

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
# Every example changes this: it grants something else to the account that examples name, and something to a stranger.
PLANTED = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "Uploads",
            "Effect": "Allow",
            "Principal": {"AWS": ["arn:aws:iam::111122223333:root", "arn:aws:iam::777788889999:root"]},
            "Action": [
                "ecr:BatchCheckLayerAvailability",
                "ecr:PutImage",
                "ecr:InitiateLayerUpload",
                "ecr:UploadLayerPart",
                "ecr:CompleteLayerUpload",
            ],
        }
    ],
}


def blocks(document: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", document, re.MULTILINE | re.DOTALL)


def values(node: Any, key: str) -> Iterator[Any]:
    """What a key holds, wherever it occurs."""
    members = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, member in members:
        if name == key:
            yield member
        yield from values(member, key)


EXAMPLES = [yaml.safe_load(text) for text in blocks(README, "yaml")]
REPOSITORIES = {text.replace("*", "example") for listed in values(EXAMPLES, "repositories") for text in listed}


def play(example: Any, aws: EmbeddedAws, home: Path, times: int) -> list[int]:
    """Run an example, and count the tasks that changed something each time. Tasks become a play, as with a reader."""
    if not all("hosts" in item for item in example):
        example = [{"name": "Play", "hosts": "localhost", "gather_facts": False, "tasks": example}]
    playbook, configuration = home / "playbook.yml", home / "ansible.cfg"
    configuration.touch()
    playbook.write_text(yaml.safe_dump(example), encoding="utf-8")
    (home / "ansible.cfg").touch()
    environment = {
        "PATH": os.defpath,
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_CONFIG": str(home / "ansible.cfg"),
        "ANSIBLE_HOME": str(home / "ansible"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        **aws.environment(),
    }
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", *[str(playbook)] * times],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "[WARNING]" not in done.stdout, done.stdout
    # Each recap counts what the playbooks before it did as well.
    totals = map(int, re.findall(r"^localhost +:.* changed=(\d+) ", done.stdout, re.MULTILINE))
    return [after - before for before, after in pairwise([0, *totals])]


@pytest.mark.parametrize("example", [pytest.param(example, id=example[0]["name"]) for example in EXAMPLES])
def test_example_changes_something_once(example: Any, aws: EmbeddedAws, tmp_path: Path) -> None:
    aws.plant_many(dict.fromkeys(REPOSITORIES, PLANTED))
    assert play(example, aws, tmp_path, times=2) == [1, 0]


def test_policy_that_is_shown_is_the_one_that_is_stored(aws: EmbeddedAws, tmp_path: Path) -> None:
    before, _middle, after = README.partition("A repository without a policy then has this one:")
    example = yaml.safe_load(blocks(before, "yaml")[-1])
    ((repository,),) = values(example, "repositories")
    aws.plant(repository, None)
    play(example, aws, tmp_path, times=1)
    assert json.loads(aws.policies()[repository]) == json.loads(blocks(after, "json")[0])


def test_json_is_json() -> None:
    found = [json.loads(text) for text in blocks(README, "json")]
    assert all(policy["Version"] and policy["Statement"] for policy in found)
    assert len(found) == 4


def test_readme_names_every_new_statement_and_every_kind_of_warning() -> None:
    named = {template.sid for template in TEMPLATES} | set(SUMMARIES)
    assert {name for name in named if f"`{name}`" not in README} == set()


@pytest.mark.parametrize("document", [README, CONTRIBUTING], ids=["README.md", "CONTRIBUTING.md"])
def test_targets_that_are_named_exist(document: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)(?=`|$)", document, re.MULTILINE))
    assert named
    assert named <= targets


@pytest.mark.parametrize("document", [README, CONTRIBUTING], ids=["README.md", "CONTRIBUTING.md"])
def test_paths_that_are_linked_exist(document: str) -> None:
    assert {path for path in re.findall(r"\]\(([^):]+)\)", document) if not (ROOT / path).exists()} == set()


def test_paths_that_contributing_names_exist() -> None:
    named = re.findall(r"`((?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:md|yml|toml))`", CONTRIBUTING)
    assert "plugins/module_utils/_merge.py" in named
    assert {path for path in named if not (ROOT / path).exists()} == {"prune-orphans-in-rows.yml"}


def test_map_of_the_house_is_complete() -> None:
    files = {path.relative_to(ROOT).as_posix() for path in (ROOT / "plugins").glob("[fm]*/*.py")}
    assert {path for path in files if f"| `{path}` |" not in CONTRIBUTING} == set()
