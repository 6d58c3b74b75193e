# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An ansible-core that is too old is refused, before anything else. C(make matrix) tries it on such cores."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible_collections.imageshare.aws.plugins.module_utils._core_version import LOWEST, refusal

ROOT = Path(__file__).resolve().parents[4]
TASKS = ROOT / "roles/ecr_share/tasks"
PLUGINS = sorted([*ROOT.glob("plugins/filter/*.py"), *ROOT.glob("plugins/inventory/*.py")])
REFUSE = "ansible_collections.imageshare.aws.plugins.plugin_utils._old_core"
# As an older ansible-core would load it, with the version of one in the place of this one's.
LOAD = """
import importlib, sys
import ansible.release
ansible.release.__version__ = "2.18.1"
from ansible.errors import AnsibleError
try:
    importlib.import_module(sys.argv[1])
except AnsibleError as error:
    print(error)
print(*(name for name in sys.modules if "amazon" in name or "module_utils._" in name and "imageshare" in name))
"""


@pytest.mark.parametrize("version", ["2.19.0", "2.19.0.dev0", "2.19.0b1", "2.20.10", "2.21.5rc1", "3.0.0"])
def test_that_is_new_enough_is_not_refused(version: str) -> None:
    assert refusal(version) is None


@pytest.mark.parametrize("version", ["2.9.27", "2.16.14", "2.18.0", "2.18.1rc1", "1.9.6"])
def test_that_is_too_old_is_refused_with_the_reason_and_what_to_do(version: str) -> None:
    words = refusal(version)
    assert words is not None
    assert words.startswith(f"imageshare.aws needs ansible-core 2.19 or later, and this is {version}. ")
    assert "pip install 'ansible-core>=2.19'" in words
    # An old ansible-core would evaluate it.
    assert not {"{{", "{%"} & set(words.split())


def test_of_a_module_that_nobody_told_the_version_is_not_refused() -> None:
    # AnsibleModule's own, where it was not started by Ansible.
    assert refusal("0.0") is None


def test_the_role_says_the_same_under_the_same_condition() -> None:
    (task,) = yaml.safe_load((TASKS / "require_core.yml").read_text(encoding="utf-8"))
    assert task["ansible.builtin.fail"]["msg"].replace("{{ ansible_version.full }}", "2.18.1") == refusal("2.18.1")
    assert task["when"] == f"ansible_version.full is version('{'.'.join(map(str, LOWEST))}', '<')"


def test_every_entry_point_of_the_role_begins_with_it() -> None:
    documented = yaml.safe_load((ROOT / "roles/ecr_share/meta/argument_specs.yml").read_text(encoding="utf-8"))
    for entry_point in (*documented["argument_specs"], "check_hosts"):
        first, *_others = yaml.safe_load((TASKS / f"{entry_point}.yml").read_text(encoding="utf-8"))
        assert first["ansible.builtin.import_tasks"] == "require_core.yml", entry_point


def test_every_playbook_begins_with_an_entry_point() -> None:
    for path in ROOT.glob("playbooks/*.yml"):
        first, *_others = yaml.safe_load(path.read_text(encoding="utf-8"))
        (task,) = first["tasks"]
        assert task["ansible.builtin.import_role"]["tasks_from"] == "check_hosts", path.name


@pytest.mark.parametrize("path", PLUGINS, ids=lambda path: path.stem)
def test_a_plugin_refuses_before_it_imports_anything_that_an_older_core_may_lack(path: Path) -> None:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)

    done = subprocess.run(
        [sys.executable, "-c", LOAD, f"ansible_collections.imageshare.aws.{name}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    said, imported = done.stdout.splitlines()
    assert said == refusal("2.18.1")
    assert imported.split() == ["ansible_collections.imageshare.aws.plugins.module_utils._core_version"]


@pytest.mark.parametrize("name", ["plugins/module_utils/_core_version.py", "plugins/plugin_utils/_old_core.py"])
def test_what_refuses_runs_on_the_python_of_an_older_core(name: str) -> None:
    ast.parse((ROOT / name).read_text(encoding="utf-8"), feature_version=(3, 8))
