# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""What the hosts of an audit have read, and what they declare, as registries.

Hosts may be the same registry, and each may read a part of it. The registry is there once, and so is each of its
repositories: a run that could read one knows more than one that could not, and what is not as declared adds up.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import itemgetter
from typing import Any

from .._repository_names import REGISTRY_LABEL
from .kinds import Kind
from .template_rows import ALL_TEMPLATES, template_rows, unread_row
from .variables import GrantOptions

Row = Mapping[str, Any]
# What the run in check mode would grant is missing, what it would revoke is not declared. Rows tell the last only if
# there are any: the actions that are no capability.
_DRIFT = {"missing": "granted", "undeclared": "revoked", "undeclared_actions": "revoked_actions"}
_ALWAYS = ("missing", "undeclared")


@dataclass(frozen=True)
class AuditAnswer:
    """What one run of the module that audits returned.

    Args:
        connection: The label of the run's connection.
        label: The label of the run.
        region: The region of the run; None for that of the connection.
        registry_id: The registry of the run; None for that of the connection.
        answer: The result of the module: C(rows_as_text), C(partition), C(region) and C(registry_id), or only C(msg)
            where it failed before it had rows.
        grants: What is declared for the run, with principals in the place of their names.
        repositories: The names and patterns that these grants are for; empty for all.
        beyond: What is declared for the policy of the registry, and for templates.
    """

    connection: str
    label: str
    region: str | None
    registry_id: str | None
    answer: Mapping[str, Any]
    grants: Sequence[GrantOptions] = ()
    repositories: Sequence[str] = ()
    beyond: Sequence[Declaration] = ()

    @property
    def key(self) -> RunKey:
        return RunKey(self.connection, self.region, self.registry_id)

    @property
    def declared(self) -> tuple[Declaration, ...]:
        """All that is declared."""
        return (Declaration(tuple(self.repositories), tuple(self.grants)), *self.beyond)


@dataclass(frozen=True)
class HostAudit:
    """What the runs of one host returned.

    Args:
        host: The name of the host.
        answers: The runs of the module that audits.
        results: C(ecr_share_result) of the run in check mode, with the drift, and with whatever failed before the
            repositories could be read.
        compared: Whether the repositories were compared with declared grants.
    """

    host: str
    answers: Sequence[AuditAnswer]
    results: Sequence[Row]
    compared: bool


@dataclass(frozen=True)
class RunKey:
    """What the runs that share and those that audit have in common."""

    connection: str
    region: str | None
    registry_id: str | None


@dataclass(frozen=True)
class RegistryKey:
    """What tells registries apart. Where nobody says whose it is, the host stands for its owner."""

    partition: str
    registry_id: str
    region: str


@dataclass(frozen=True)
class Declaration:
    """The grants of one run.

    Args:
        repositories: The names and patterns that they are for; empty for all.
        grants: The grants, each of which may be narrowed further.
        kind: What they apply to.
        templates: The prefixes and patterns of the templates that they are for, if they apply to templates.
    """

    repositories: tuple[str, ...]
    grants: tuple[GrantOptions, ...]
    kind: str = Kind.REPOSITORIES.value
    templates: tuple[str, ...] = ()


@dataclass(frozen=True)
class AuditedRegistry:
    """A registry, as all hosts together know it.

    Args:
        key: Which one.
        hosts: The hosts that are this registry, at least one.
        rows: A row for each repository and template, with C(drift) where it is not as declared, and one for each run
            that failed.
        policy: What a run said of the registry's own policy, one that could read it if there is one, with C(drift)
            where it is not as declared; None where no run came so far.
        templates: Whether a run could read the templates, and why not; None where none came so far.
        declared: What is declared, for each run.
        readers: For each name of a row the host that has read it first.
        compared: Whether a run has compared repositories with what is declared.
        failures: Why others of the runs that compare have failed.
    """

    key: RegistryKey
    hosts: tuple[str, ...]
    rows: tuple[Row, ...]
    policy: Row | None = None
    templates: Row | None = None
    declared: tuple[Declaration, ...] = ()
    readers: Mapping[str, str] = field(default_factory=dict)
    compared: bool = False
    failures: tuple[str, ...] = ()

    def host_of(self, name: str | None) -> str:
        """Return the host that answers for a repository, or for the registry as a whole."""
        return self.hosts[0] if name is None else self.readers.get(name, self.hosts[0])


@dataclass(frozen=True)
class _Read:
    """What one run has read of a registry.

    Args:
        policy: That of the registry as the module returned it, if it did.
        templates: Whether it could read the templates, if it came so far.
    """

    host: str
    registry: RegistryKey
    rows: Sequence[Row]
    policy: Row | None = None
    templates: Row | None = None
    declared: tuple[Declaration, ...] = ()
    compared: bool = False
    failures: tuple[str, ...] = ()


def audited(hosts: Iterable[HostAudit]) -> tuple[AuditedRegistry, ...]:
    """Return what hosts have read, by registry, in the order in which they name them.

    Args:
        hosts: What the runs of each host returned.
    """
    by_registry: dict[RegistryKey, list[_Read]] = {}
    for host in hosts:
        for read in _reads(host):
            by_registry.setdefault(read.registry, []).append(read)
    return tuple(_registry(key, reads) for key, reads in by_registry.items())


def _registry(key: RegistryKey, reads: Sequence[_Read]) -> AuditedRegistry:
    rows: dict[str, Row] = {}
    readers: dict[str, str] = {}
    for read in reads:
        for row in read.rows:
            name = row["name"]
            rows[name] = _united(rows[name], row) if name in rows else row
            readers.setdefault(name, read.host)
    policies = [read.policy for read in reads if read.policy is not None]
    # Of runs that know as much, the first.
    templates = max((one.templates for one in reads if one.templates is not None), key=itemgetter("read"), default=None)
    if templates is not None and not templates["read"]:
        rows[ALL_TEMPLATES] = unread_row(templates)
    return AuditedRegistry(
        key=key,
        hosts=tuple(dict.fromkeys(read.host for read in reads)),
        rows=tuple(rows.values()),
        policy=reduce(_united, policies) if policies else None,
        templates=templates,
        declared=tuple(declaration for read in reads for declaration in read.declared),
        readers=readers,
        compared=any(read.compared for read in reads),
        failures=tuple(dict.fromkeys(failure for read in reads for failure in read.failures)),
    )


def _reads(host: HostAudit) -> Iterator[_Read]:
    """Yield each registry of a host with its rows, and one row for each run of which nothing is known."""
    by_run: dict[RunKey, list[Row]] = {}
    for result in host.results:
        key = RunKey(result["connection"], result["region"], result["registry_id"])
        by_run.setdefault(key, []).append(result)
    for audit in host.answers:
        answer, results = audit.answer, by_run.get(audit.key, [])
        if "rows_as_text" in answer:
            drift = _drift(results)
            registry_id = answer["registry_id"] or audit.registry_id or host.host
            found = json.loads(answer["rows_as_text"])
            rows, policy = [*found["repositories"], *template_rows(found)], found.get("registry_policy")
            yield _Read(
                host.host,
                RegistryKey(answer["partition"], registry_id, answer["region"]),
                [{**row, **drift.get(row["name"], {})} for row in rows if not row.get("missing")],
                None if policy is None else {**policy, **drift.get(REGISTRY_LABEL, {})},
                found.get("templates_read"),
                audit.declared,
                compared=host.compared,
                failures=tuple(result["error"] for result in results if result["error"]),
            )
        else:
            yield replace(_failed(host, audit.key, audit.label, answer["msg"]), declared=audit.declared)
    read_runs = {audit.key for audit in host.answers}
    for key, results in by_run.items():
        if key not in read_runs:
            failed = {result["label"]: result["error"] for result in results if result["error"]}
            yield from (_failed(host, key, label, error) for label, error in failed.items())


def _failed(host: HostAudit, run: RunKey, label: str, error: str) -> _Read:
    """Return a registry of which nothing is known: it has one row, so that nobody leaves it out."""
    row = {"name": label, "error": error, "error_code": None}
    return _Read(host.host, RegistryKey("", run.registry_id or host.host, run.region or ""), [row])


def _drift(results: Iterable[Row]) -> dict[str, Row]:
    """Return for each name of a row that is not as declared the member that says so."""
    return {
        row["name"]: {
            "drift": {
                name: row.get(change, []) for name, change in _DRIFT.items() if name in _ALWAYS or row.get(change)
            }
        }
        for result in results
        for row in result["repositories"]
        if row["changed"]
    }


def _united(row: Row, other: Row) -> Row:
    """Return one row of two for the same repository, or for the policy of the same registry.

    A run that could read it, and the policy of its registry, knows more, and to each other grants may be missing.
    """
    read = max((row, other), key=lambda each: (not each.get("error"), bool(each.get("registry_policy_read"))))
    drifts = [each["drift"] for each in (row, other) if "drift" in each]
    names = dict.fromkeys(name for drift in drifts for name in drift)
    drift = {name: _unique(change for drift in drifts for change in drift.get(name, ())) for name in names}
    return {**read, "drift": drift} if drifts else read


def _unique(changes: Iterable[Row]) -> list[Row]:
    return list({json.dumps(change): change for change in changes}.values())
