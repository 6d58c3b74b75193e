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
    choices:
      - throttle
      - plan
      - connection
      - ready
      - listings
      - slips
      - results
      - summary
      - added
      - changes
      - read
      - verdict
      - reports
      - offboarded
      - answer
      - adoption
      - snapshots
      - shown
      - pack
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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import cached_property
from typing import Any

from ansible_collections.imageshare.aws.plugins.plugin_utils._old_core import refuse_old_core

refuse_old_core()

from ansible.errors import AnsibleFilterError
from ansible_collections.imageshare.aws.plugins.module_utils._containers import lost
from ansible_collections.imageshare.aws.plugins.module_utils._errors import InvalidInputError
from ansible_collections.imageshare.aws.plugins.module_utils._role.adoption import (
    AdoptedRegistry,
    adopted_words,
    adoption,
)
from ansible_collections.imageshare.aws.plugins.module_utils._role.answers import ReadRegistry, answer, offboarded
from ansible_collections.imageshare.aws.plugins.module_utils._role.audit_text import audit_lines, failing_ones, failure
from ansible_collections.imageshare.aws.plugins.module_utils._role.audited import (
    AuditAnswer,
    AuditedRegistry,
    Declaration,
    HostAudit,
    audited,
)
from ansible_collections.imageshare.aws.plugins.module_utils._role.exceptions import accepted_by
from ansible_collections.imageshare.aws.plugins.module_utils._role.finding import Finding
from ansible_collections.imageshare.aws.plugins.module_utils._role.findings import findings, not_looked_at
from ansible_collections.imageshare.aws.plugins.module_utils._role.junit import junit
from ansible_collections.imageshare.aws.plugins.module_utils._role.kinds import Kind, kind_of
from ansible_collections.imageshare.aws.plugins.module_utils._role.lists import (
    HostListings,
    Listing,
    TemplateRun,
    read_listing,
    slips,
    template_slips,
)
from ansible_collections.imageshare.aws.plugins.module_utils._role.markdown import markdown as report_as_markdown
from ansible_collections.imageshare.aws.plugins.module_utils._role.outcome import (
    Answer,
    Selection,
    prepare,
    results,
)
from ansible_collections.imageshare.aws.plugins.module_utils._role.plan import (
    Plan,
    Purpose,
    connection_options,
    plan,
    plan_values,
    read_plan,
)
from ansible_collections.imageshare.aws.plugins.module_utils._role.report import report
from ansible_collections.imageshare.aws.plugins.module_utils._role.run import AssumedRole, Run, read_run
from ansible_collections.imageshare.aws.plugins.module_utils._role.snapshot_text import saved_lines
from ansible_collections.imageshare.aws.plugins.module_utils._role.stats import added, stats_of_audit, stats_of_runs
from ansible_collections.imageshare.aws.plugins.module_utils._role.summary import (
    RegistryRun,
    Telling,
    markdown,
    summary,
)
from ansible_collections.imageshare.aws.plugins.module_utils._role.template_rows import (
    concerns,
    template_rows,
    unread_to_come,
)
from ansible_collections.imageshare.aws.plugins.module_utils._role.variables import (
    OF_OWNERS,
    ORIGIN,
    RETURNED,
    throttle,
)
from ansible_collections.imageshare.aws.plugins.module_utils._text import message as visible_message
from ansible_collections.imageshare.aws.plugins.plugin_utils._grant_options import read_grant_options
from ansible_collections.imageshare.aws.plugins.plugin_utils._native_types import native

Values = Mapping[str, Any]
# The loop variables of the role's tasks.
_ROLE = "_ecr_share_role"
# What the module that assumes roles does not always say, such as where nothing answers.
_NO_REASON = "the role could not be assumed: STS could not be reached, or did not answer"
_RUN = "_ecr_share_run"
# What is kept of the answer of a module that reads.
_REPORTED = ("rows_as_text", "partition", "region", "registry_id", "backup_path", "msg")


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
    throttle: int = 0,
) -> dict[str, Any]:
    """Return the plan of a host, or what is wrong with its variables. An error of a filter would be hard to read.

    Args:
        variables: The variables ecr_share_… as it sees them.
        play_hosts: The hosts of the play, of which it is one.
        repositories: The hosts that are repositories.
        throttle: How many of the hosts may share at the same time; 0 for no limit.
    """
    of_all = hostvars or {}
    members = [name for name in play_hosts if name in set(repositories)] if host in repositories else []
    if members and host != members[0]:
        return plan_values(Plan(host, acts=False))
    own = _of_the_role(variables)
    problems = []
    for name in ("ecr_share_report_dir", "ecr_share_adopt_dir"):
        if not own.get(name):
            continue
        # Filters run on the host that runs Ansible, where these directories are.
        directory = own[name] = os.path.expanduser(str(own[name]))
        if os.path.exists(directory) and not os.path.isdir(directory):
            problems.append(visible_message(f"{name}: {directory} exists and is not a directory"))
    try:
        planned = plan(
            own,
            {name: _of_the_role(of_all[name]) for name in members} if members else None,
            purpose=Purpose(purpose),
            host=host,
            most_at_once=throttle,
            backup_name=backup_name,
            read_options=read_grant_options,
        )
    except InvalidInputError as error:
        problems += error.problems
    if problems:
        return plan_values(Plan(host, acts=False, problems=tuple(problems)))
    return plan_values(planned)


def _throttle(hosts: Sequence[str], *, hostvars: Values, repositories: Sequence[str] = ()) -> int:
    """Return how many hosts of a play may share at the same time; 0 for no limit.

    Args:
        repositories: The hosts that are repositories. If all are, one of them shares for the others. Beside registries,
            nobody knows whether it shares in one of these.
    """
    registries = set(hosts) - set(repositories)
    if registries and len(registries) < len(hosts):
        return 1
    return throttle(_chosen(hostvars[name], OF_OWNERS) for name in hosts) if registries else 0


def _connection(request: Values, *, credentials: Values, assumed: Values | None = None) -> dict[str, Any]:
    """Return the options with which a module connects for a run, or to assume a role."""
    values = native(request)
    return connection_options(
        AssumedRole(**values) if "arn" in values else read_run(values), native(credentials), _keys(assumed or {})
    )


def _ready(
    planned: Values,
    *,
    selection: str,
    assumed: Values,
    listings: Sequence[Values] = (),
    kind: str = Kind.REPOSITORIES.value,
) -> list[dict[str, Any]]:
    """Return the runs of a kind that can be done, for a task to loop over, with grants as the module takes them."""
    read = read_plan(native(planned))
    prepared = prepare(read, Selection(selection), _unusable(read, assumed), _listings(listings))
    return [_as_task(run) for run in prepared.ready if run.kind == kind]


def _as_task(run: Run) -> dict[str, Any]:
    grants = tuple({name: value for name, value in grant.items() if name != ORIGIN} for grant in run.grants)
    return asdict(replace(run, grants=grants))


def _listed(planned: Values, *, assumed: Values, listed: Values) -> list[dict[str, Any]]:
    """Return what is in the registries of a host, as far as they could be listed."""
    read = read_plan(native(planned))
    refused = prepare(read, Selection.LISTINGS, _unusable(read, assumed)).refused
    found: list[dict[str, Any]] = [{"key": run.key, "names": None, "owner": None, "error": why} for run, why in refused]
    if "results" not in listed and "msg" in listed:
        return [{"key": run.key, "names": None, "owner": None, "error": str(listed["msg"])} for run in read.lists]
    for one in _answers(listed):
        owner = one.values.get("owner") or one.run.registry_id
        names = one.values.get("names_as_text") if one.error is None else None
        found.append({"key": one.run.key, "names": names, "owner": owner, "error": one.error})
    return found


def _listings(values: Sequence[Values]) -> list[Listing]:
    return [read_listing(one) for one in native(values)]


def _slips(hosts: Sequence[str], *, hostvars: Values, complete: bool) -> dict[str, Any]:
    """Return what the variables of a play name and is in no registry of it."""
    found = slips([HostListings(one.plan, one.listings) for one in _acting(hosts, hostvars)], complete=complete)
    return asdict(found)


@dataclass(frozen=True)
class _Acting:
    """A host that does something.

    Args:
        plan: Its plan.
        listings: What is in its registries.
        variables: Its variables. Ansible takes long to look up a host, so nobody does it twice.
    """

    plan: Plan
    listings: Sequence[Listing]
    variables: Values

    @cached_property
    def results(self) -> list[Values]:
        return list(native(self.variables.get("ecr_share_result") or []))

    @cached_property
    def reads(self) -> list[Values]:
        return list(native(self.variables.get("_ecr_share_read") or []))


def _acting(hosts: Iterable[str], hostvars: Values) -> list[_Acting]:
    """Return the hosts that do something."""
    found = []
    for name in hosts:
        if name not in hostvars:
            continue
        variables = hostvars[name]
        values = variables.get("_ecr_share_plan")
        # With run_once, all hosts of a play have the fact of the one that acts.
        if values and values["acts"] and values["host"] == name:
            listings = _listings(variables.get("_ecr_share_listings") or [])
            found.append(_Acting(read_plan(native(values)), listings, variables))
    return found


def _results(planned: Values, *, assumed: Values, listings: Sequence[Values], done: Values) -> list[Values]:
    """Return the fact ecr_share_result.

    Args:
        done: What the task for the runs of each kind has registered.
    """
    read = read_plan(native(planned))
    unusable, lists = _unusable(read, assumed), _listings(listings)
    ready = prepare(read, Selection.RUNS, unusable, lists).ready
    answers: list[Answer] = []
    for kind, registered in done.items():
        if "results" in registered or "msg" not in registered:
            answers += _answers(registered)
        else:
            # The task failed before it came to its first run.
            answers += [Answer(run, registered) for run in ready if run.kind == kind]
    return list(results(read, unusable, lists, answers))


def _registry_runs(acting: Iterable[_Acting]) -> Iterator[RegistryRun]:
    for one in acting:
        known = {(f"{listing.key[1]}", listing.key[2]): listing for listing in one.listings}
        for result in one.results:
            listing = known.get((f"{result['region']}", result["registry_id"]))
            yield RegistryRun(
                result["registry"],
                (listing.owner if listing else None) or result["registry_id"],
                listing.names if listing else None,
                result,
            )


def _summary(
    hosts: Sequence[str], *, hostvars: Values, check_mode: bool, diff: bool, notes: Sequence[str] = ()
) -> dict[str, Any]:
    """Return what a play did, as lines, and as numbers by the entry point."""
    acting = _acting(hosts, hostvars)
    runs = list(_registry_runs(acting))
    notes = [*native(notes), *_template_slips(acting), *_lost("ecr_share_report_dir", acting)]
    return {
        "lines": list(summary(runs, Telling(_names(acting), check_mode, diff, notes=notes))),
        "stats": {
            purpose: stats_of_runs(runs, check_mode=check_mode) for purpose in {one.plan.purpose for one in acting}
        },
    }


def _added(stats: Values, *, before: Values) -> dict[str, Any]:
    """Return the numbers of a play and of those before it in the same run."""
    return dict(added(native(before), native(stats)))


def _changes(
    hosts: Sequence[str], *, hostvars: Values, check_mode: bool, generated_at: str, notes: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Return the file on what changed, for each directory that a host names."""
    acting = _acting(hosts, hostvars)
    directories = dict.fromkeys(one.plan.report_dir for one in acting if one.plan.report_dir)
    if not directories:
        return []
    notes = [*native(notes), *_template_slips(acting)]
    telling = Telling(_names(acting), check_mode, whole=True, notes=notes)
    lines = summary(list(_registry_runs(acting)), telling)
    text = markdown(lines, check_mode=check_mode, generated_at=generated_at)
    return [{"directory": directory, "files": {"changes.md": text}} for directory in directories]


def _template_slips(acting: Iterable[_Acting]) -> tuple[str, ...]:
    """Return what the variables of a play name, and what no template is for."""
    runs = [
        TemplateRun(run, result["repositories"])
        for one in acting
        for run in one.plan.runs
        for result in one.results
        if (run.kind, run.label) == (Kind.TEMPLATES, result["label"]) and not result["error"]
    ]
    return template_slips(runs)


def _lost(variable: str, acting: Iterable[_Acting]) -> list[str]:
    """Return what to tell of directories that go with the container in which Ansible runs."""
    attribute = variable.removeprefix("ecr_share_")
    directories = dict.fromkeys(getattr(one.plan, attribute) for one in acting)
    return [f"{variable}: {why}" for why in map(lost, filter(None, directories)) if why]


def _names(acting: Iterable[_Acting]) -> dict[str, str]:
    """Return the name of each principal that a host of the play has a name for."""
    found: dict[str, str] = {}
    for one in acting:
        for principal, name in one.plan.names.items():
            found.setdefault(principal, name)
    return found


def _read(planned: Values, *, reads: Values) -> list[dict[str, Any]]:
    """Return what the runs that read have returned, as few values as can be: the rows are one text."""
    read = read_plan(native(planned))
    if "results" not in reads and "msg" in reads:
        return [_kept(Answer(run, reads)) for run in read.reads]
    return [_kept(one) for one in _answers(reads)]


def _kept(answer: Answer) -> dict[str, Any]:
    """Return what is kept of a run that reads: which it was, and what matters of what it returned."""
    run = {**asdict(answer.run), "grants": (), "connection": answer.run.connection.label}
    values = {name: answer.values[name] for name in _REPORTED if name in answer.values}
    return {"run": run, "answer": values, "error": answer.error}


def _registries_read(acting: Iterable[_Acting]) -> Iterator[tuple[Plan, Values, Values]]:
    """Yield what was read of each registry: the plan of its host, what was kept, and what the module returned.

    Nobody asked a registry whose role could not be assumed. It is one that could not be read.
    """
    for one in acting:
        for kept in one.reads:
            yield one.plan, kept, json.loads(kept["answer"].get("rows_as_text") or "{}")
        known = {kept["run"]["registry"] for kept in one.reads}
        for result in one.results:
            if result["error"] and result["registry"] not in known:
                run = {"registry": result["registry"], "principal": None}
                yield one.plan, {"run": run, "answer": {}, "error": result["error"]}, {}


def _answer(hosts: Sequence[str], *, hostvars: Values, access: Any = ()) -> dict[str, Any]:
    """Return who gets in as lines, and why hosts fail."""
    wanted = [access] if isinstance(access, str) else list(native(access))
    acting = _acting(hosts, hostvars)
    found = list(_registries_read(acting))
    registries = [_registry_of(its_plan, kept, rows) for its_plan, kept, rows in found]
    asked = list(dict.fromkeys(who for its_plan, _kept, _rows in found for who in its_plan.principals))
    # Whoever asks for some repositories is told of these alone.
    names = {one.registry: [row["name"] for row in one.rows] for one in registries}
    existing = {
        registry: None if wanted or asked else [name for name in its if kind_of(name) is Kind.REPOSITORIES]
        for registry, its in names.items()
    }
    lines = answer(registries, asked=asked, access=wanted, names=_names(acting), existing=existing)
    failures = {its_plan.host: kept["error"] for its_plan, kept, _rows in found if kept["error"]}
    return {"lines": list(lines), "failures": failures}


def _registry_of(its_plan: Plan, kept: Values, rows: Values) -> ReadRegistry:
    # Whoever asks for some repositories is told of the templates that may be for such.
    wanted = next((run.repositories for run in its_plan.reads if run.repositories), ("*",))
    read = [*rows.get("repositories", ()), *(row for row in template_rows(rows) if concerns(wanted, row["prefix"]))]
    return ReadRegistry(
        kept["run"]["registry"],
        kept["run"]["principal"],
        [row for row in read if "error" not in row],
        rows.get("registry_policy"),
        kept["error"],
        rows.get("templates_read"),
        tuple(wanted),
    )


def _offboarded(
    hosts: Sequence[str], *, hostvars: Values, check_mode: bool, not_judged: Sequence[str] = ()
) -> dict[str, Any]:
    """Return whether those who lost their access are out, as lines, and why hosts fail."""
    acting = _acting(hosts, hostvars)
    plans = [one.plan for one in acting]
    failed = {one.plan.host: [result["error"] for result in one.results if result["error"]] for one in acting}
    by_host: dict[str, list[ReadRegistry]] = {its_plan.host: [] for its_plan in plans}
    for its_plan, kept, rows in _registries_read(acting):
        by_host[its_plan.host].append(_registry_of(its_plan, kept, rows))
    existing = {
        run.registry: names
        for one in acting
        for run in one.plan.reads
        for names in [HostListings(one.plan, one.listings).names(run.key)]
    }
    judged = offboarded(
        by_host,
        principals=list(dict.fromkeys(who for its_plan in plans for who in its_plan.principals)),
        still_named=list(dict.fromkeys(where for its_plan in plans for where in its_plan.still_named)),
        names=_names(acting),
        existing=existing,
        check_mode=check_mode,
        not_judged=native(not_judged),
    )
    for host, why in judged.failures.items():
        failed[host].append(why)
    failures = {host: " | ".join(dict.fromkeys(reasons)) for host, reasons in failed.items() if reasons}
    stats = {Purpose.OFFBOARD.value: {"verdicts": judged.verdicts}} if judged.verdicts else {}
    return {"lines": list(judged.lines), "failures": failures, "stats": stats}


def _snapshots(hosts: Sequence[str], *, hostvars: Values, check_mode: bool) -> dict[str, Any]:
    """Return what was saved as lines, and why hosts fail."""
    lines: list[str] = []
    failures: dict[str, str] = {}
    for its_plan, kept, rows in _registries_read(_acting(hosts, hostvars)):
        run = kept["run"]
        path, whole = kept["answer"].get("backup_path"), "*" in (run["repositories"] or "*")
        lines += saved_lines(run["registry"], rows, path, whole=whole, check_mode=check_mode)
        if kept["error"]:
            failures[its_plan.host] = kept["error"]
    return {"lines": lines, "failures": failures}


def _adoption(hosts: Sequence[str], *, hostvars: Values) -> dict[str, Any]:
    """Return the files of variables that declare what is there, lines for people, and why hosts fail."""
    by_host: dict[str, list[AdoptedRegistry]] = {}
    failures: dict[str, str] = {}
    acting = _acting(hosts, hostvars)
    names = _names(acting)
    for its_plan, kept, rows in _registries_read(acting):
        if kept["error"]:
            failures[its_plan.host] = kept["error"]
        if "grants" in rows:
            by_host.setdefault(its_plan.host, []).append(
                AdoptedRegistry(
                    kept["answer"]["registry_id"] or its_plan.host,
                    kept["answer"]["region"],
                    [
                        *rows["grants"],
                        *({**grant, "apply_to": ["registry"]} for grant in rows.get("registry_grants", ())),
                        *({**grant, "apply_to": ["templates"]} for grant in rows.get("template_grants", ())),
                    ],
                    rows["undeclarable"],
                    [row["name"] for row in rows["repositories"] if "error" not in row],
                    unread_to_come(rows),
                )
            )
    directories: dict[str, dict[str, str]] = {}
    lines = []
    for its_plan in (one.plan for one in acting):
        found = by_host.get(its_plan.host)
        if found is None or its_plan.host in failures:
            lines.append(visible_message(f"{its_plan.host}: not written, because not all of it could be read"))
            continue
        file = f"{its_plan.host}.yml"
        directories.setdefault(its_plan.adopt_dir or "", {})[file] = adoption(
            its_plan.host, found, {name: principal for principal, name in names.items()}
        )
        lines.append(visible_message(f"{its_plan.adopt_dir}/{file}: {adopted_words(found)}"))
    if directories:
        lines += [visible_message(why) for why in _lost("ecr_share_adopt_dir", acting)]
    return {
        "lines": lines,
        "failures": failures,
        "directories": [{"directory": name, "files": files} for name, files in directories.items()],
    }


@dataclass(frozen=True)
class _Audit:
    """What hosts have read, and what was found."""

    hosts: Sequence[HostAudit]
    registries: Sequence[AuditedRegistry]
    findings: Sequence[Finding]
    not_looked_at: Sequence[str]
    names: Mapping[str, str]


def _audit_of(acting: Sequence[_Acting], generated_at: str, directory: str | None = None) -> _Audit:
    """Return what hosts have read and what was found, of those that name this directory if it is given."""
    members = [
        (one.plan, _host_audit(one))
        for one in acting
        if one.plan.purpose == Purpose.AUDIT and directory in (None, one.plan.report_dir)
    ]
    registries = audited(host for _plan, host in members)
    accepted = accepted_by({its_plan.host: its_plan.accepted for its_plan, _host in members})
    names = _names(acting)
    found = findings(registries, accepted, date.fromisoformat(generated_at[:10]), names)
    return _Audit([host for _plan, host in members], registries, found, not_looked_at(registries), names)


def _host_audit(one: _Acting) -> HostAudit:
    its_plan, host = one.plan, HostListings(one.plan, one.listings)
    grants = {run.key: run.grants for run in its_plan.runs if run.kind == Kind.REPOSITORIES}
    answers = []
    for kept in one.reads:
        run = kept["run"]
        wanted = next(
            read for read in its_plan.reads if (read.connection.label, read.region, read.registry_id) == _key(run)
        )
        answers.append(
            AuditAnswer(
                run["connection"],
                run["label"],
                run["region"],
                run["registry_id"],
                kept["answer"],
                grants.get(wanted.key, ()) if its_plan.sharing.state == "present" else (),
                () if host.is_all(wanted) else wanted.repositories,
                _beyond(its_plan, wanted) if its_plan.sharing.state == "present" else (),
            )
        )
    return HostAudit(its_plan.host, answers, one.results, bool(its_plan.runs))


def _beyond(its_plan: Plan, read: Run) -> tuple[Declaration, ...]:
    """Return what is declared for the policy of a registry that was read, and for its templates."""
    return tuple(
        Declaration((), run.grants, run.kind, run.templates)
        for run in its_plan.runs
        if run.key == read.key and run.kind != Kind.REPOSITORIES
    )


def _key(run: Values) -> tuple[str, str | None, str | None]:
    return (run["connection"], run["region"], run["registry_id"])


def _verdict(hosts: Sequence[str], *, hostvars: Values, generated_at: str, slips: Sequence[str] = ()) -> dict[str, Any]:
    """Return what an audit says as lines, and why hosts fail."""
    acting = _acting(hosts, hostvars)
    audit = _audit_of(acting, generated_at)
    failures: dict[str, str] = {}
    failed: list[str] = []
    failing = 0
    for one in acting:
        its_plan = one.plan
        errors = [(result["error"], result["registry"]) for result in one.results if result["error"]]
        errors += [(kept["error"], kept["run"]["registry"]) for kept in one.reads if kept["error"]]
        failed += [registry for _error, registry in errors]
        failing += len(failing_ones(audit.findings, its_plan.fail_on, its_plan.host))
        said = " | ".join(dict.fromkeys(error for error, _registry in errors)) or failure(
            audit.findings, its_plan.fail_on, its_plan.host
        )
        if said:
            failures[its_plan.host] = visible_message(said)
    more = [*native(slips), *_template_slips(acting)]
    lines = [
        *audit_lines(audit.findings, audit.registries, [*audit.not_looked_at, *more]),
        *map(visible_message, _lost("ecr_share_report_dir", acting)),
    ]
    stats = stats_of_audit(audit.registries, audit.findings, failed=failed, failing=failing)
    return {"lines": lines, "failures": failures, "stats": {Purpose.AUDIT.value: stats}}


def _reports(hosts: Sequence[str], *, hostvars: Values, generated_at: str) -> dict[str, dict[str, Any]]:
    """Return what to write into each directory that a host names, on all hosts that name it, of earlier plays, too."""
    reports = {}
    acting = _acting(hosts, hostvars)
    fail_on = {kind for one in acting for kind in one.plan.fail_on}
    for directory in dict.fromkeys(one.plan.report_dir for one in acting):
        if directory is None:
            continue
        audit = _audit_of(acting, generated_at, directory)
        reports[directory] = {
            "report": report(
                audit.registries,
                generated_at,
                compared=any(host.compared for host in audit.hosts),
                names=audit.names,
                findings=[finding.to_dict() for finding in audit.findings],
                not_looked_at=audit.not_looked_at,
            ),
            "report.md": report_as_markdown(audit.findings, audit.registries, audit.not_looked_at, generated_at),
            "report.junit.xml": junit(audit.findings, audit.registries, fail_on, generated_at),
        }
    return reports


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
        result[_ROLE]["connection"]: str(result.get("msg") or _NO_REASON)
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
    return _chosen(variables, [name for name in variables if name.startswith("ecr_") and name not in RETURNED])


def _chosen(variables: Values, names: Iterable[str]) -> dict[str, Any]:
    return {name: native(variables[name]) for name in names if name in variables}


_STEPS: Mapping[str, Callable[..., Any]] = {
    "throttle": _throttle,
    "plan": _plan,
    "connection": _connection,
    "ready": _ready,
    "listings": _listed,
    "slips": _slips,
    "summary": _summary,
    "added": _added,
    "changes": _changes,
    "read": _read,
    "answer": _answer,
    "offboarded": _offboarded,
    "snapshots": _snapshots,
    "adoption": _adoption,
    "results": _results,
    "verdict": _verdict,
    "reports": _reports,
    "shown": _shown,
    "pack": _pack,
}


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"ecr_share_internal": ecr_share_internal}
