# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""The report of an audit: the results of many runs, on many registries, as one JSON text.

Ansible takes some ten microseconds for each value of a variable, with each task that uses it, and a registry has a
million of them. As a text they are one: the module returns a text, which is read for the lines that an audit prints,
and here, and the report is written once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from operator import itemgetter
from typing import Any

from .cells import LEVELS, View, cells

Row = Mapping[str, Any]
# What the run in check mode would grant is missing, what it would revoke is not declared.
_DRIFT = {"missing": "granted", "undeclared": "revoked"}


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
    """

    connection: str
    label: str
    region: str | None
    registry_id: str | None
    answer: Mapping[str, Any]

    @property
    def key(self) -> _RunKey:
        return _RunKey(self.connection, self.region, self.registry_id)


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
class _RunKey:
    """What the runs that share and those that audit have in common."""

    connection: str
    region: str | None
    registry_id: str | None


@dataclass(frozen=True)
class _Registry:
    partition: str
    registry_id: str
    region: str


@dataclass(frozen=True)
class _Read:
    """What one run has read of a registry. policy: that of the registry as the module returned it, if it did."""

    registry: _Registry
    rows: Sequence[Row]
    policy: Row | None = None


def report(hosts: Iterable[HostAudit], generated_at: str) -> str:
    """Return one report, as JSON in ASCII.

    A registry that several runs have read is there once, and so is each of its repositories. Its C(registry_policy) is
    that of a run that could read it, if one could; null where no run has come so far.

    Args:
        hosts: What the runs of each host returned.
        generated_at: The time in UTC, in the form of ISO 8601.
    """
    known = list(hosts)
    registries: dict[_Registry, dict[str, Row]] = {}
    policies: dict[_Registry, Row] = {}
    for host in known:
        for read in _registries(host):
            rows = registries.setdefault(read.registry, {})
            for row in read.rows:
                rows[row["name"]] = _united(rows[row["name"]], row) if row["name"] in rows else row
            if read.policy is not None:
                policies[read.registry] = max(
                    (policies.get(read.registry, read.policy), read.policy), key=itemgetter("read")
                )
    found = {
        registry: [(row, cells(row.get("shares", ()))) for row in rows.values()]
        for registry, rows in registries.items()
    }
    of_policies = {registry: _views_of_shares(policy) for registry, policy in policies.items()}
    # Many cells are the same, so the report holds each view once, and cells have its position.
    every = [cell for rows in found.values() for _row, its_cells in rows for cell in its_cells]
    views = dict.fromkeys(view for cell in every for view in (cell.view, *cell.share_views))
    views |= dict.fromkeys(view for its_views in of_policies.values() for view in its_views)
    positions = {view: position for position, view in enumerate(views)}
    return _text(
        {
            "generated_at": generated_at,
            "compared": any(host.compared for host in known),
            "registries": [
                {
                    **asdict(registry),
                    "registry_policy": {
                        **policies[registry],
                        "share_views": [positions[view] for view in of_policies[registry]],
                    }
                    if registry in policies
                    else None,
                    "repositories": [
                        {
                            **row,
                            "cells": [
                                {
                                    "shares": cell.shares,
                                    "view": positions[cell.view],
                                    "share_views": [positions[view] for view in cell.share_views],
                                }
                                for cell in its_cells
                            ],
                        }
                        for row, its_cells in rows
                    ],
                }
                for registry, rows in found.items()
            ],
            "levels": [asdict(level) for level in LEVELS],
            "views": [vars(view) for view in views],
        }
    )


def _registries(host: HostAudit) -> Iterator[_Read]:
    """Yield each registry of a host with its rows, and one row for each run of which nothing is known."""
    by_run: dict[_RunKey, list[Row]] = {}
    for result in host.results:
        key = _RunKey(result["connection"], result["region"], result["registry_id"])
        by_run.setdefault(key, []).append(result)
    for audit in host.answers:
        answer = audit.answer
        if "rows_as_text" in answer:
            drift = _drift(by_run.get(audit.key, ()))
            registry_id = answer["registry_id"] or audit.registry_id or host.host
            found = json.loads(answer["rows_as_text"])
            yield _Read(
                _Registry(answer["partition"], registry_id, answer["region"]),
                [{**row, **drift.get(row["name"], {})} for row in found["repositories"] if not row.get("missing")],
                found.get("registry_policy"),
            )
        else:
            yield _failed(host, audit.key, audit.label, answer["msg"])
    audited = {audit.key for audit in host.answers}
    for key, results in by_run.items():
        if key not in audited:
            failed = {result["label"]: result["error"] for result in results if result["error"]}
            yield from (_failed(host, key, label, error) for label, error in failed.items())


def _failed(host: HostAudit, run: _RunKey, label: str, error: str) -> _Read:
    """Return a registry of which nothing is known: it has one row, so that the report does not leave it out."""
    row = {"name": label, "error": error, "error_code": None}
    return _Read(_Registry("", run.registry_id or host.host, run.region or ""), [row])


def _views_of_shares(policy: Row) -> list[View]:
    """Return the view of each share of a registry policy. For which repositories it is is no condition of it."""
    shares = [
        {**share, "conditions": [one for one in share["conditions"] if not _names_repositories(one)]}
        for share in policy["shares"]
    ]
    return [cell.view for share in shares for cell in cells([share])]


def _names_repositories(condition: Row) -> bool:
    return bool(condition["operator"] == "Resource" and condition["key"] == "ARN")


def _drift(results: Iterable[Row]) -> dict[str, Row]:
    """Return for each repository that is not as declared the member of its row that says so."""
    return {
        row["name"]: {"drift": {name: row[change] for name, change in _DRIFT.items()}}
        for result in results
        for row in result["repositories"]
        if row["changed"]
    }


def _united(row: Row, other: Row) -> Row:
    """Return one row of two for the same repository.

    A run that could read it, and the policy of its registry, knows more, and to each other grants may be missing.
    """
    read = max((row, other), key=lambda each: (not each.get("error"), bool(each.get("registry_policy_read"))))
    drifts = [each["drift"] for each in (row, other) if "drift" in each]
    drift = {name: _unique(change for drift in drifts for change in drift[name]) for name in _DRIFT}
    return {**read, "drift": drift} if drifts else read


def _unique(changes: Iterable[Row]) -> list[Row]:
    return list({_text(change): change for change in changes}.values())


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
