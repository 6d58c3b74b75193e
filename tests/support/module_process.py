# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules as processes of their own, and playbooks and inventories as Ansible runs them, against the embedded AWS.

Their environment is made here from nothing, so that no setting or credential of whoever runs the tests is in it.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ansible_collections.imageshare.aws.plugins.module_utils._containers import ROOT
from ansible_collections.imageshare.aws.tests.support import foreign_deprecations, warm_python
from ansible_collections.imageshare.aws.tests.support.embedded_aws import ACCESS_KEY, SECRET_KEY, EmbeddedAws

_MODULES = "ansible_collections.imageshare.aws.plugins.modules"
SHARE, RESTORE = "ecr_share_policy", "ecr_share_policy_restore"
AUDIT, REPOSITORIES = "ecr_share_policy_info", "ecr_repository_info"
BACKUPS = "ecr_share_backup_info"
SHARE_REGISTRY, SHARE_TEMPLATES = "ecr_share_registry_policy", "ecr_share_creation_template"
# What core adds to the values of every module.
_OF_ANSIBLE = ("invocation", "warnings")

_PLAY = """\
- hosts: localhost
  connection: local
  gather_facts: false
  vars:
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
  tasks:
"""
_SAVE = """
- name: Save what the tasks registered
  ansible.builtin.copy:
    content: "{{ dict(names | zip(q('ansible.builtin.vars', *names))) | to_json }}"
    dest: "{{ playbook_dir }}/registered.json"
    mode: "0600"
  check_mode: false
  diff: false
  vars:
    names: "{{ q('ansible.builtin.varnames', '^result_') }}"
"""


@dataclass(frozen=True)
class Result:
    """values: what the module returned. warnings: those of the task. text: all that was printed, its arguments as core
    tells them included. seconds: how long it took.
    """

    values: dict[str, Any]
    warnings: list[str]
    text: str
    seconds: float

    @property
    def failed(self) -> bool:
        return bool(self.values.get("failed"))

    @property
    def changed(self) -> bool:
        return bool(self.values.get("changed"))

    @property
    def message(self) -> str:
        return str(self.values.get("msg", ""))

    @property
    def rows(self) -> dict[str, dict[str, Any]]:
        return {row["name"]: row for row in self.values["repositories"]}

    @property
    def templates(self) -> dict[str, dict[str, Any]]:
        return {row["prefix"]: row for row in self.values["templates"]}

    @property
    def registry(self) -> dict[str, Any]:
        return dict(self.values["registry"])

    @property
    def row(self) -> dict[str, Any]:
        """The only one."""
        (row,) = self.values["repositories"]
        return dict(row)


@dataclass(frozen=True)
class Played:
    """registered: the variables C(result_…) at the end. text: all that was printed. code: of the process."""

    registered: dict[str, Any]
    text: str
    code: int


@dataclass(frozen=True)
class Listed:
    """hosts: the variables of each. groups: the names of the hosts of each. warnings: each in one line. text: all that
    was printed beside the list. code: of the process.
    """

    hosts: dict[str, dict[str, Any]]
    groups: dict[str, list[str]]
    warnings: list[str]
    text: str
    code: int


def run_module(
    aws: EmbeddedAws,
    *,
    module: str = SHARE,
    check: bool = False,
    diff: bool = False,
    environment: Mapping[str, str | None] | None = None,
    **options: Any,
) -> Result:
    """Run a module with its options. environment: variables to replace, or with None to take out.

    Whatever a run is about: it prints one JSON object and nothing else, and its exit code tells whether it failed.
    """
    begin = time.monotonic()
    process = warm_python.run(
        f"{_MODULES}.{module}",
        [],
        clean_environment(aws, environment or {}),
        text=_arguments(check, diff, options),
        timeout=600,
    )
    seconds = time.monotonic() - begin
    assert process.stderr == ""
    printed = json.loads(process.stdout)
    values = foreign_deprecations.values_without(printed)
    text = process.stdout if values == printed else json.dumps(values)
    warnings = [_warning(warning) for warning in values.get("warnings", ())]
    values = {name: value for name, value in values.items() if name not in _OF_ANSIBLE}
    assert process.returncode == (1 if values.get("failed") else 0)
    return Result(values, warnings, text, seconds)


@contextmanager
def started_module(
    aws: EmbeddedAws,
    *,
    module: str = SHARE,
    ignored: Collection[signal.Signals] = (),
    environment: Mapping[str, str | None] | None = None,
    **options: Any,
) -> Iterator[subprocess.Popen[str]]:
    """A module that has begun to run with its options, to be killed at the latest when the context ends. Its standard
    output is a pipe. It has a session of its own and no terminal, as where a scheduler starts it.

    ignored: the signals that it is started to ignore, whatever the tests do.
    """
    with subprocess.Popen(
        [sys.executable, "-m", f"{_MODULES}.{module}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=clean_environment(aws, environment or {}),
        start_new_session=True,
        preexec_fn=partial(_heed_signals, ignored),
    ) as process:
        assert process.stdin
        try:
            with process.stdin as stdin:
                stdin.write(_arguments(False, False, options))
            yield process
        finally:
            process.kill()


def run_playbook(
    aws: EmbeddedAws, folder: Path, tasks: str, *arguments: str, environment: Mapping[str, str | None] | None = None
) -> Played:
    """Run tasks, in YAML, on localhost with ansible-playbook and these arguments, in a folder of the test's own."""
    playbook = folder / "playbook.yml"
    playbook.write_text(_PLAY + textwrap.indent(tasks + _SAVE, "    "), encoding="utf-8")
    process = warm_python.run(
        warm_python.COMMAND_LINE,
        ["playbook", "--inventory=localhost,", *arguments, str(playbook)],
        clean_environment(aws, {**ansible_settings(folder), **(environment or {})}),
        timeout=600,
    )
    text = foreign_deprecations.lines_without(process.stdout + process.stderr)
    saved = folder / "registered.json"
    assert saved.exists(), text
    return Played(json.loads(saved.read_text(encoding="utf-8")), text, process.returncode)


def run_inventory(
    aws: EmbeddedAws,
    folder: Path,
    options: Mapping[str, Any],
    *arguments: str,
    environment: Mapping[str, str | None] | None = None,
) -> Listed:
    """List an inventory of these options with ansible-inventory and these arguments, in a folder of the test's own."""
    source = folder / "ecr_repositories.yml"
    source.write_text(json.dumps(options), encoding="utf-8")
    process = warm_python.run(
        warm_python.COMMAND_LINE,
        ["inventory", f"--inventory={source}", "--list", *arguments],
        clean_environment(aws, {**ansible_settings(folder), "COLUMNS": "10000", **(environment or {})}),
        timeout=600,
    )
    text = foreign_deprecations.lines_without(process.stderr)
    assert "Traceback" not in text
    assert SECRET_KEY not in process.stdout + process.stderr
    # ansible-inventory says in this way which strings are no templates.
    content = json.loads(process.stdout or "{}", object_hook=lambda members: members.get("__ansible_unsafe", members))
    hosts = content.pop("_meta", {}).get("hostvars", {})
    groups = {name: group["hosts"] for name, group in content.items() if "hosts" in group}
    warnings = re.findall(r"^\[WARNING\]: (.*(?:\n(?!\[).*)*)", text, re.MULTILINE)
    return Listed(hosts, groups, [" ".join(warning.split()) for warning in warnings], text, process.returncode)


def profiles(aws: EmbeddedAws, folder: Path, accounts: Mapping[str, str]) -> dict[str, str]:
    """What to add to the environment for profiles that lead to these accounts: each assumes a role there."""
    lines = ["[profile source]", f"aws_access_key_id = {ACCESS_KEY}", f"aws_secret_access_key = {SECRET_KEY}"]
    for name, account in accounts.items():
        lines += [f"[profile {name}]", f"role_arn = arn:aws:iam::{account}:role/lister", "source_profile = source"]
    configuration = folder / "aws.config"
    configuration.write_text("\n".join(lines), encoding="utf-8")
    # amazon.aws takes its endpoint from AWS_URL, and boto3, which assumes the roles, from this one.
    return {"AWS_CONFIG_FILE": str(configuration), "AWS_ENDPOINT_URL": aws.url}


def _heed_signals(ignored: Collection[signal.Signals]) -> None:
    """Make a new process heed signals but for these. It would ignore what the tests were started to ignore: SIGINT in
    the background of a shell script, SIGHUP with nohup.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)


def ansible_settings(folder: Path) -> dict[str, str]:
    """The variables that have Ansible read and write in a folder of the test's own, and nowhere else."""
    configuration = folder / "ansible.cfg"
    # Stands in for the configuration files of the user and in /etc.
    configuration.touch()
    return {
        "HOME": str(folder),
        "ANSIBLE_CONFIG": str(configuration),
        "ANSIBLE_HOME": str(folder / "ansible"),
        "ANSIBLE_REMOTE_TMP": str(folder / "remote"),
        "ANSIBLE_NOCOLOR": "true",
    }


def _arguments(check: bool, diff: bool, options: Mapping[str, Any]) -> str:
    return json.dumps({"ANSIBLE_MODULE_ARGS": {"_ansible_check_mode": check, "_ansible_diff": diff, **options}})


def clean_environment(aws: EmbeddedAws, changes: Mapping[str, str | None]) -> dict[str, str]:
    """An environment that leads to the embedded AWS, and has nothing else of the one of the tests.

    changes: variables to replace, or with None to take out.
    """
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": os.devnull, **aws.environment()}
    # Nobody is warned of folders that go with a container, even if the tests run in one.
    environment = {**environment, ROOT: "/nonexistent", **changes}
    return {name: value for name, value in environment.items() if value is not None}


def _warning(warning: Any) -> str:
    # A string in a task's result; ansible-core 2.19 and later print them as objects.
    return warning if isinstance(warning, str) else str(warning["event"]["msg"])
