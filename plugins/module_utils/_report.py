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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_DRIFT = ("granted", "revoked")


@dataclass(frozen=True)
class Look:
    """A run that audits.

    host, connection, region, registry_id, label: which it was; region and registry_id may be None, as they are in the
    run that compares the same repositories with their grants.
    answer: what the module returned.
    """

    host: str
    connection: str
    region: str | None
    registry_id: str | None
    label: str
    answer: Mapping[str, Any]


def findings_of(looks: Iterable[Look], results: Sequence[Mapping[str, Any]], *, compared: bool) -> str:
    """What runs of one host found, as a text for report().

    results: what the role returns of the runs that compare. compared: whether there were any.
    """
    return _text({"check": compared, "registries": [_registry(look, _drift(look, results)) for look in looks]})


def report(texts: Iterable[str], generated_at: str) -> str:
    """One report of the texts of findings_of(). A registry that several runs looked at is there once, and so is each of
    its repositories.

    generated_at: the time, in UTC, as ISO 8601 has it.
    """
    check = False
    registries: dict[tuple[str, ...], dict[str, Any]] = {}
    rows: dict[tuple[str, ...], dict[str, dict[str, Any]]] = {}
    for found in map(json.loads, dict.fromkeys(texts)):
        check = check or found["check"]
        for registry in found["registries"]:
            where = (registry["partition"], registry["registry_id"], registry["region"])
            registries.setdefault(where, registry)
            known = rows.setdefault(where, {})
            for row in registry["repositories"]:
                known[row["name"]] = {**row, **known.get(row["name"], {})}
    listed = [{**registry, "repositories": list(rows[where].values())} for where, registry in registries.items()]
    return _text({"generated_at": generated_at, "check": check, "registries": listed})


def _registry(look: Look, drift: Mapping[str, Any]) -> dict[str, Any]:
    answer = look.answer
    if "json" not in answer:
        return {
            "registry_id": look.registry_id or look.host,
            "region": look.region or "",
            "partition": "",
            "repositories": [{"name": look.label, "error": answer["msg"]}],
        }
    rows = [row for row in json.loads(answer["json"])["repositories"] if "missing" not in row]
    return {
        "registry_id": answer["registry_id"] or look.host,
        "region": answer["region"],
        "partition": answer["partition"],
        "repositories": [{**row, **drift.get(row["name"], {})} for row in rows],
    }


def _drift(look: Look, results: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        row["name"]: {"drift": {name: row[name] for name in _DRIFT}}
        for result in results
        if (result["connection"], result["region"], result["registry_id"])
        == (look.connection, look.region, look.registry_id)
        for row in result["repositories"]
        if row["changed"]
    }


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
