# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""The report of an audit: what many runs found in many registries, as one JSON text.

Ansible takes some ten microseconds for each value of a variable, with each task that uses it, and a registry has a
million of them. As a text they are one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]
# Of a repository that is not as declared: what is missing, and what is too much.
_DRIFT = ("granted", "revoked")


@dataclass(frozen=True)
class Place:
    """Where a run looks. connection: what a person calls it. region, registry_id: None for those of the connection."""

    connection: str
    region: str | None
    registry_id: str | None


@dataclass(frozen=True)
class Look:
    """A run that audits. label: what a person calls it. answer: what the module that audits returned, as JSON."""

    place: Place
    label: str
    answer: Mapping[str, Any]


def findings_of(host: str, looks: Sequence[Look], results: Sequence[Row], *, compared: bool) -> str:
    """What runs of one host found, as a text for report().

    results: the C(ecr_share_result) of the role, with the drift, and with whatever failed before it could look.
    compared: whether the repositories were compared with grants.
    """
    by_place: dict[Place, list[Row]] = {}
    for result in results:
        place = Place(result["connection"], result["region"], result["registry_id"])
        by_place.setdefault(place, []).append(result)
    registries = [_looked_at(host, look, _drift(by_place.get(look.place, ()))) for look in looks]
    looked_at = {look.place for look in looks}
    for place, of_place in by_place.items():
        failed = {result["label"]: result["error"] for result in of_place if result["error"]}
        if place not in looked_at:
            registries += [_failed(host, place, label, error) for label, error in failed.items()]
    return _text({"check": compared, "registries": registries})


def report(texts: Iterable[str], generated_at: str) -> str:
    """One report of the texts of findings_of(). A registry that several runs looked at is there once, and so is each of
    its repositories.

    generated_at: the time, in UTC, as ISO 8601 has it.
    """
    check = False
    registries: dict[tuple[str, ...], dict[str, Any]] = {}
    rows: dict[tuple[str, ...], dict[str, Row]] = {}
    for found in map(json.loads, texts):
        check = check or found["check"]
        for registry in found["registries"]:
            where = (registry["partition"], registry["registry_id"], registry["region"])
            registries.setdefault(where, registry)
            known = rows.setdefault(where, {})
            for row in registry["repositories"]:
                known[row["name"]] = _united(known[row["name"]], row) if row["name"] in known else row
    listed = [{**registry, "repositories": list(rows[where].values())} for where, registry in registries.items()]
    return _text({"generated_at": generated_at, "check": check, "registries": listed})


def _looked_at(host: str, look: Look, drift: Mapping[str, Any]) -> dict[str, Any]:
    answer = look.answer
    if "json" not in answer:
        return _failed(host, look.place, look.label, answer["msg"])
    rows = [row for row in json.loads(answer["json"])["repositories"] if "missing" not in row]
    return {
        "registry_id": answer["registry_id"] or look.place.registry_id or host,
        "region": answer["region"],
        "partition": answer["partition"],
        "repositories": [{**row, **drift.get(row["name"], {})} for row in rows],
    }


def _failed(host: str, place: Place, label: str, error: str) -> dict[str, Any]:
    """A registry of which nothing is known has one row, so that the report does not pass it over."""
    return {
        "registry_id": place.registry_id or host,
        "region": place.region or "",
        "partition": "",
        "repositories": [{"name": label, "error": error}],
    }


def _drift(results: Iterable[Row]) -> dict[str, Any]:
    return {
        row["name"]: {"drift": {name: row[name] for name in _DRIFT}}
        for result in results
        for row in result["repositories"]
        if row["changed"]
    }


def _united(row: Row, other: Row) -> Row:
    """One row of two for the same repository: who could read it knows more, and each may miss grants of its own."""
    read = other if "error" in row and "error" not in other else row
    drifts = [each["drift"] for each in (row, other) if "drift" in each]
    drift = {name: list(_each_once(change for drift in drifts for change in drift[name])) for name in _DRIFT}
    return {**read, "drift": drift} if drifts else read


def _each_once(changes: Iterable[Row]) -> Iterator[Row]:
    return iter({_text(change): change for change in changes}.values())


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
