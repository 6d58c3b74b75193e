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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from types import MappingProxyType
from typing import Any, TypeAlias, TypeVar

from .audited import AuditedRegistry, RegistryKey, Row
from .cells import LEVELS, Cell, View, cells
from .differences import Difference, Differing, differences

# The account, the region and the repository of a finding: None for what it is not about.
_Place: TypeAlias = "tuple[str | None, str | None, str | None]"
_Value = TypeVar("_Value")
_NO_NAMES: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class _Repository:
    """A row, with what the page shows of it."""

    row: Row
    cells: Sequence[Cell]
    differing: Sequence[Differing]

    def as_row(self, views: Mapping[View, int], differing: Mapping[Difference, int]) -> Row:
        """Return the row for the report, with the positions of its views and its differences."""
        return {
            **self.row,
            "cells": [
                {
                    "shares": cell.shares,
                    "view": views[cell.view],
                    "share_views": [views[view] for view in cell.share_views],
                }
                for cell in self.cells
            ],
            "differing": [
                {
                    "principal": each.principal,
                    "principal_type": each.principal_type,
                    "difference": differing[each.difference],
                }
                for each in self.differing
            ],
        }


def report(
    registries: Sequence[AuditedRegistry],
    generated_at: str,
    *,
    compared: bool = False,
    names: Mapping[str, str] = _NO_NAMES,
    findings: Sequence[Mapping[str, Any]] = (),
    not_looked_at: Sequence[str] = (),
) -> str:
    """Return one report, as JSON in ASCII. C(docs/report.schema.json) describes it.

    A registry that several runs have read is there once, and so is each of its repositories. Its C(registry_policy) is
    that of a run that could read it, if one could; null where no run has come so far. Templates are among the
    repositories, each as C(template PREFIX).

    Args:
        registries: What the hosts have read.
        generated_at: The time in UTC, in the form of ISO 8601.
        compared: Whether the repositories were compared with declared grants.
        names: What people call principals, by what shares call them.
        findings: What is wrong, the most dangerous first.
        not_looked_at: What the audit did not look at, in sentences.
    """
    policies = {registry.key: registry.policy for registry in registries if registry.policy is not None}
    templates = {registry.key: registry.templates for registry in registries}
    by_place = _by_place(findings)
    found = {
        registry.key: [_repository(row, registry.key, by_place) for row in registry.rows] for registry in registries
    }
    readers = {registry.key: registry.hosts for registry in registries}
    of_policies = {registry: _views_of_shares(policy) for registry, policy in policies.items()}
    # Many cells are the same, so the report holds each view and each difference once, and cells have its position.
    every = [one for repositories in found.values() for one in repositories]
    its_views = (view for one in every for cell in one.cells for view in (cell.view, *cell.share_views))
    views = _positions(chain(its_views, *of_policies.values()))
    differing = _positions(each.difference for one in every for each in one.differing)
    return _text(
        {
            "generated_at": generated_at,
            "compared": compared,
            "names": dict(names),
            "findings": list(findings),
            "not_looked_at": list(not_looked_at),
            "registries": [
                {
                    **asdict(registry),
                    "hosts": list(readers[registry]),
                    "registry_policy": {
                        **policies[registry],
                        "share_views": [views[view] for view in of_policies[registry]],
                    }
                    if registry in policies
                    else None,
                    "templates_read": templates[registry],
                    "repositories": [one.as_row(views, differing) for one in repositories],
                }
                for registry, repositories in found.items()
            ],
            "levels": [asdict(level) for level in LEVELS],
            "views": [vars(view) for view in views],
            "differences": [vars(difference) for difference in differing],
        }
    )


def _by_place(findings: Iterable[Row]) -> dict[_Place, list[Row]]:
    by_place: dict[_Place, list[Row]] = {}
    for finding in findings:
        place = finding["registry_id"], finding["region"], finding["repository"]
        by_place.setdefault(place, []).append(finding)
    return by_place


def _repository(row: Row, registry: RegistryKey, by_place: Mapping[_Place, Sequence[Row]]) -> _Repository:
    """Return a row with its cells, and with what differs from what is declared."""
    its_cells = cells(row.get("shares", ()))
    own, of_registry = (by_place.get((registry.registry_id, registry.region, name), ()) for name in (row["name"], None))
    return _Repository(row, its_cells, differences(row, its_cells, own, of_registry))


def _positions(values: Iterable[_Value]) -> dict[_Value, int]:
    """Return different values in their order, with their positions."""
    return {value: position for position, value in enumerate(dict.fromkeys(values))}


def _views_of_shares(policy: Row) -> list[View]:
    """Return the view of each share of a registry policy. For which repositories it is is no condition of it."""
    shares = [
        {**share, "conditions": [one for one in share["conditions"] if not _names_repositories(one)]}
        for share in policy["shares"]
    ]
    return [cell.view for share in shares for cell in cells([share])]


def _names_repositories(condition: Row) -> bool:
    return bool(condition["operator"] == "Resource" and condition["key"] == "ARN")


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
