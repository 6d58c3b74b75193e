# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of the role that are not modules. Each hands values of Ansible to a function of _role, and back."""

from __future__ import annotations

DOCUMENTATION = r"""
name: ecr_share_internal
short_description: Internal to the ecr_share role
version_added: 1.0.0
description:
  - Does the steps of the role P(imageshare.aws.ecr_share#role) that are no modules, such as to plan which runs its
    variables ask for.
  - Do not use it. Its steps, their arguments and what they return may change in any release.
positional: _input, step
options:
  _input:
    description: What the step takes.
    type: raw
    required: true
  step:
    description: The step. Each has further arguments of its own.
    type: str
    choices: [plan, connection, ready, results, audit, reports, shown, pack]
    required: true
author:
  - imageshare.aws contributors (@imageshare)
"""

EXAMPLES = r"""
- name: Show the runs that the role would do
  ansible.builtin.debug:
    msg: "{{ (variables | imageshare.aws.ecr_share_internal('plan')).runs }}"
  vars:
    variables:
      ecr_share_repositories:
        - base/*
      ecr_share_regions:
        - us-east-1
        - eu-west-1
      ecr_share_grants:
        - principals: "111122223333"
"""

RETURN = r"""
_value:
  description: What the step makes.
  type: raw
"""

import base64
import json
import os
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.imageshare.aws.plugins.module_utils._errors import InvalidInputError
from ansible_collections.imageshare.aws.plugins.module_utils._role.outcome import (
    Answer,
    Selection,
    prepare,
    results,
    verdict,
)
from ansible_collections.imageshare.aws.plugins.module_utils._role.plan import (
    AssumedRole,
    Plan,
    Purpose,
    connection_options,
    plan,
    read_plan,
    read_run,
)
from ansible_collections.imageshare.aws.plugins.module_utils._role.report import AuditAnswer, HostAudit, report
from ansible_collections.imageshare.aws.plugins.module_utils._role.variables import OF_OWNERS, RESULT
from ansible_collections.imageshare.aws.plugins.module_utils._text import message as visible_message
from ansible_collections.imageshare.aws.plugins.plugin_utils._grant_options import read_grant_options
from ansible_collections.imageshare.aws.plugins.plugin_utils._native_types import native

Values = Mapping[str, Any]
# The loop variables of the role's tasks.
_ROLE = "_ecr_share_role"
_RUN = "_ecr_share_run"
# What a report takes of the answer of a module.
_REPORTED = ("rows_as_text", "partition", "region", "registry_id", "msg")


def ecr_share_internal(value: Any, step: str, **arguments: Any) -> Any:
    if step not in _STEPS:
        raise AnsibleFilterError(visible_message(f"ecr_share_internal: {step!r} is not a step"))
    try:
        return _STEPS[step](value, **arguments)
    except InvalidInputError as error:
        raise AnsibleFilterError("Nothing was done. " + ". ".join(error.problems)) from None


def _plan(
    variables: Values,
    *,
    purpose: str = "share",
    host: str = "",
    play_hosts: Sequence[str] = (),
    repositories: Sequence[str] = (),
    hostvars: Values | None = None,
    backup_name: str = "",
) -> dict[str, Any]:
    """Return the plan of a host, or what is wrong with its variables. An error of a filter would be hard to read.

    Args:
        variables: The variables ecr_share_… as it sees them.
        play_hosts: The hosts of the play, of which it is one.
        repositories: The hosts that are repositories.
    """
    of_all = hostvars or {}
    members = [name for name in play_hosts if name in set(repositories)] if host in repositories else []
    if members and host != members[0]:
        return asdict(Plan(host, acts=False))
    own = _of_the_role(variables)
    problems, directory = [], own.get("ecr_share_report_dir")
    if purpose == Purpose.AUDIT and directory:
        # Filters run on the host that runs Ansible, where the directory is.
        directory = own["ecr_share_report_dir"] = os.path.expanduser(str(directory))
        if os.path.exists(directory) and not os.path.isdir(directory):
            problems.append(visible_message(f"ecr_share_report_dir: {directory} exists and is not a directory"))
    try:
        planned = plan(
            own,
            {name: _of_the_role(of_all[name]) for name in members} if members else None,
            purpose=Purpose(purpose),
            host=host,
            others=[_chosen(of_all[name], OF_OWNERS) for name in play_hosts] if of_all and not members else (),
            backup_name=backup_name,
            read_options=read_grant_options,
        )
    except InvalidInputError as error:
        problems += error.problems
    if problems:
        return asdict(Plan(host, acts=False, problems=tuple(problems)))
    return asdict(planned)


def _connection(request: Values, *, credentials: Values, assumed: Values | None = None) -> dict[str, Any]:
    """Return the options with which a module connects for a run, or to assume a role."""
    values = native(request)
    return connection_options(
        AssumedRole(**values) if "arn" in values else read_run(values), native(credentials), _keys(assumed or {})
    )


def _ready(planned: Values, *, selection: str, assumed: Values, listed: Values | None = None) -> list[dict[str, Any]]:
    """Return the runs that can be done, for a task to loop over."""
    read = read_plan(native(planned))
    prepared = prepare(read, Selection(selection), _unusable(read, assumed), _answers(listed or {}))
    return [asdict(run) for run in prepared.ready]


def _results(planned: Values, *, assumed: Values, listed: Values, done: Values) -> list[Values]:
    """Return the fact ecr_share_result."""
    read = read_plan(native(planned))
    unusable, lists = _unusable(read, assumed), _answers(listed)
    if "results" in done or "msg" not in done:
        answers = _answers(done)
    else:
        # The task failed before it came to its first run.
        answers = [Answer(run, done) for run in prepare(read, Selection.RUNS, unusable, lists).ready]
    return list(results(read, unusable, lists, answers))


def _audit(planned: Values, *, results: Sequence[Values], reads: Values) -> dict[str, Any]:
    """Return what an audit says, and what its report takes of this host."""
    read = read_plan(native(planned))
    found, answers = native(results), _answers(reads) if read.reads else []
    said = verdict(read, found, answers)
    return {
        "host": read.host,
        "report_dir": read.report_dir,
        "compared": bool(read.runs),
        "lines": list(said.lines),
        "failure": said.failure,
        "answers": [
            {
                "connection": answer.run.connection.label,
                "label": answer.run.label,
                "region": answer.run.region,
                "registry_id": answer.run.registry_id,
                "answer": {name: answer.values[name] for name in _REPORTED if name in answer.values},
            }
            for answer in answers
            if read.report_dir
        ],
        "results": [
            {**result, "repositories": [row for row in result["repositories"] if row["changed"]]}
            for result in found
            if read.report_dir
        ],
    }


def _reports(
    directories: Iterable[str], *, hosts: Iterable[str], hostvars: Values, generated_at: str
) -> dict[str, str]:
    """Return the report for each directory, on all of these hosts that name it."""
    audits: dict[str, Values] = {}
    for name in hosts:
        # With run_once, all hosts of a play have the fact of the one that acts.
        audit = hostvars[name].get("_ecr_share_audit") if name in hostvars else None
        if audit:
            audits.setdefault(audit["host"], audit)
    by_directory: dict[str, list[HostAudit]] = {directory: [] for directory in directories}
    for audit in audits.values():
        if audit["report_dir"] in by_directory:
            by_directory[audit["report_dir"]].append(_host_audit(native(audit)))
    return {directory: report(found, generated_at) for directory, found in by_directory.items()}


def _host_audit(audit: Values) -> HostAudit:
    answers = [AuditAnswer(**answer) for answer in audit["answers"]]
    return HostAudit(audit["host"], answers, audit["results"], audit["compared"])


def _shown(text: str) -> str:
    """Return a text, such as a path, as messages show it."""
    return visible_message(text)


def _pack(files: Values) -> str:
    """Return files, by their names, as the text that files/write_files.py of the role takes."""
    return base64.b64encode(zlib.compress(json.dumps(native(files)).encode(), 1)).decode()


def _unusable(read: Plan, assumed: Values) -> dict[int, str]:
    """Return the connections whose role could not be assumed, by number, each with the reason."""
    if "results" not in assumed and "msg" in assumed:
        return {role.connection: str(assumed["msg"]) for role in read.roles}
    return {
        result[_ROLE]["connection"]: str(result.get("msg"))
        for result in assumed.get("results", ())
        if "sts_creds" not in result
    }


def _keys(assumed: Values) -> dict[int, Values]:
    """Return the keys of the roles that were assumed, by the number of their connection."""
    return {
        result[_ROLE]["connection"]: native(result["sts_creds"])
        for result in assumed.get("results", ())
        if "sts_creds" in result
    }


def _answers(registered: Values) -> list[Answer]:
    """Return what the runs of a loop returned, as a task registers it."""
    return [Answer(read_run(result[_RUN]), result) for result in native(registered.get("results", ()))]


def _of_the_role(variables: Values) -> dict[str, Any]:
    # The other variables of a host are not read, because each may be a template that costs, or fails. What the role
    # returned belongs to all hosts that are repositories, and with run_once each of them has it.
    return _chosen(variables, [name for name in variables if name.startswith("ecr_") and name != RESULT])


def _chosen(variables: Values, names: Iterable[str]) -> dict[str, Any]:
    return {name: native(variables[name]) for name in names if name in variables}


_STEPS: Mapping[str, Callable[..., Any]] = {
    "plan": _plan,
    "connection": _connection,
    "ready": _ready,
    "results": _results,
    "audit": _audit,
    "reports": _reports,
    "shown": _shown,
    "pack": _pack,
}


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"ecr_share_internal": ecr_share_internal}
