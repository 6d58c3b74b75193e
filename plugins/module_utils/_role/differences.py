# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""What differs, in the report, between what is declared for a principal in a repository and what is there.

The rules:

- Missing is what the run in check mode would grant. A level that shares give anyway, without a condition, is there: it
  comes by other statements than the declared ones.
- Too much is what that run would revoke, and what a finding says that no grant gives. One on a registry policy belongs
  to the cells that have a share by that policy. What of it is no level of the cell makes the whole cell too much.
- A finding that was accepted is no difference.
- A principal that has nothing has a difference all the same if something is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .._iam.principals import PrincipalType, read_principal
from .cells import Cell, Names, cells, in_order, levels_of, listed

Values = Mapping[str, Any]

_UNDECLARED = "undeclared"
# The kinds of findings that say that somebody has what no grant gives.
_TOO_MUCH = frozenset({"public", _UNDECLARED, "excess", "unscoped_service"})


@dataclass(frozen=True)
class Difference:
    """What differs in a cell, or where there is none.

    Args:
        levels: The names of the levels to show, in the order of LEVELS: those of the cell, and what is missing.
        missing: Those that are declared, and not there.
        too_much: Those that are there, and not declared.
        undeclared: Whether no grant names the principal.
        words: The same in words.
    """

    levels: tuple[str, ...]
    missing: tuple[str, ...]
    too_much: tuple[str, ...]
    undeclared: bool
    words: str


@dataclass(frozen=True)
class Differing:
    """A principal for which something differs in a repository.

    Args:
        principal: As shares say it.
        principal_type: What it is.
        difference: What differs.
    """

    principal: str
    principal_type: str
    difference: Difference


def differences(
    row: Values, its_cells: Sequence[Cell], findings: Iterable[Values], of_registry: Iterable[Values] = ()
) -> tuple[Differing, ...]:
    """Return what differs in a repository, for each principal for which something does.

    Args:
        row: The repository in an audit, with the C(drift) that it may have.
        its_cells: Its cells.
        findings: Those on the repository.
        of_registry: Those on the policy of its registry.
    """
    drift = row.get("drift", {})
    missing = _by_principal(drift.get("missing", ()))
    revoked = _by_principal(drift.get("undeclared", ()))
    found = _by_principal(filter(_counts, findings))
    found_in_registry = _by_principal(filter(_counts, of_registry))
    if not (missing or revoked or found or found_in_registry):
        return ()
    shares = row.get("shares", ())
    known = {shares[cell.shares[0]]["principal"]: cell for cell in its_cells}
    made = []
    for principal in dict.fromkeys((*known, *missing)):
        cell = known.get(principal)
        own = [shares[index] for index in cell.shares] if cell else []
        by_registry = found_in_registry.get(principal, ()) if any(map(_is_by_registry, own)) else ()
        lacks = missing.get(principal, ())
        exceeds = (*revoked.get(principal, ()), *found.get(principal, ()), *by_registry)
        if lacks or exceeds:
            difference = _difference(cell, own, missing=lacks, too_much=exceeds)
            made.append(Differing(principal, own[0]["principal_type"] if own else _type_of(principal), difference))
    return tuple(made)


def _by_principal(values: Iterable[Values]) -> dict[str, list[Values]]:
    by_principal: dict[str, list[Values]] = {}
    for value in values:
        by_principal.setdefault(value["principal"], []).append(value)
    return by_principal


def _counts(finding: Values) -> bool:
    return finding["kind"] in _TOO_MUCH and finding["principal"] is not None and finding["accepted"] is None


def _is_by_registry(share: Values) -> bool:
    return any(statement.get("policy") == "registry" for statement in share["statements"])


def _type_of(principal: str) -> str:
    read = read_principal(principal, None)
    return (read.kind if read else PrincipalType.OTHER).value


def _difference(
    cell: Cell | None, shares: Sequence[Values], *, missing: Sequence[Values], too_much: Sequence[Values]
) -> Difference:
    """Return what differs for one principal."""
    declared = _levels(missing)
    there = _there(shares, missing)
    shown = frozenset(cell.view.levels if cell else ())
    # What it has only under a condition is in the cell, and missing.
    lacking = declared - there
    surplus = _levels(too_much) & shown - lacking
    if too_much and not surplus:
        surplus = shown - lacking
    return _made(
        levels=shown | lacking,
        missing=lacking,
        otherwise=declared & there,
        too_much=surplus,
        undeclared=any(value.get("kind") == _UNDECLARED for value in too_much),
    )


@lru_cache(maxsize=4096)
def _made(*, levels: Names, missing: Names, otherwise: Names, too_much: Names, undeclared: bool) -> Difference:
    parts = {
        "declared and missing": missing,
        "declared, and there by other statements": otherwise,
        "not on our list" if undeclared else "more than declared": too_much,
    }
    return Difference(
        levels=in_order(levels),
        missing=in_order(missing),
        too_much=in_order(too_much),
        undeclared=undeclared,
        words="; ".join(f"{words}: {listed(in_order(names))}" for words, names in parts.items() if names),
    )


def _levels(values: Iterable[Values]) -> Names:
    return frozenset().union(*map(levels_of, values))


def _there(shares: Sequence[Values], missing: Sequence[Values]) -> Names:
    """Return the levels that shares give without a condition. Lambda functions of another region are others."""
    unconditional = [share for share in shares if not share["conditions"]]
    levels: Names = frozenset(
        level for cell in cells(unconditional) if not cell.view.marks for level in cell.view.levels
    )
    regions = {region for share in unconditional for region in share["lambda_regions"]}
    wanted = {region for value in missing for region in value["lambda_regions"]}
    return levels if "*" in regions or wanted <= regions else levels - levels_of({"lambda_regions": ["*"]})
