# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Grants: who gets which capabilities, as a user declares it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .._errors import InvalidInputError
from .._iam.arns import is_region
from .._iam.principals import Principal, PrincipalType, invalid_principal_reason, read_principal
from .._text import quoted, word
from .capabilities import ALLOW_LAMBDA, DEFAULT_ACCESS, Access, ordered

# One grant may be for forty accounts, and every message about it names the grant.
_MOST_NAMED = 3


@dataclass(frozen=True)
class Grant:
    """One principal and its access.

    Args:
        principal: Who gets it.
        access: The capabilities; empty where Lambda functions alone may pull.
        lambda_regions: Regions, or C(*), whose Lambda functions may pull; empty for none, None where nothing is
            declared.
        repositories: Names and patterns that this grant is narrowed to; None for every repository of the task.
        position: The position, from 0, of the declared grant that it is a part of.
    """

    principal: Principal
    access: Access = DEFAULT_ACCESS
    lambda_regions: tuple[str, ...] | None = None
    repositories: tuple[str, ...] | None = None
    position: int = field(default=0, compare=False)


def read_grants(
    options: Sequence[Mapping[str, Any]],
    *,
    partition: str | None,
    sharing: bool,
    partition_of_region: Callable[[str], str | None],
    option_name: str = "grants",
    why_not: Callable[[str, str | None], str] = invalid_principal_reason,
) -> tuple[Grant, ...]:
    """Return the grants that a user declared, one for each principal of each.

    Args:
        options: The grants as the module's option O(grants) has them.
        partition: The partition of the registry; None where it is not known yet, so that nothing is refused for it.
        sharing: False where access is taken away, so that only the principals matter.
        partition_of_region: Returns the partition of a region; None where it is not known.
        option_name: What the user calls the options.
        why_not: Returns why a text is no principal of this partition.

    Raises:
        InvalidInputError: With every problem of every grant.
    """
    if not options:
        raise InvalidInputError([f"{option_name} is empty: name at least one principal"])
    grants: list[Grant] = []
    problems: list[str] = []
    for index, option in enumerate(options):
        names = [str(name or "").strip() for name in option.get("principals") or ()]
        if not names:
            problems.append(f"{option_name}[{index}]: principals is empty: name at least one principal")
        for name in dict.fromkeys(names):
            where = grant_label(option_name, index, name)
            principal = read_principal(name, partition)
            if principal is None:
                problems.append(f"{where}: {why_not(name, partition)}")
                continue
            grant = _read_grant(principal, option, index)
            grants.append(grant)
            if sharing:
                problems += [f"{where}: {why}" for why in _contradictions(grant, partition, partition_of_region)]
    if problems:
        raise InvalidInputError(problems)
    return tuple(grants)


def grant_label(option_name: str, index: int, principals: Any) -> str:
    """Return what messages call a grant: its option, and whom it is for."""
    names = principals if isinstance(principals, (list, tuple)) else [principals]
    named = [word(str(name)) for name in names if name]
    more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
    who = ", ".join(named[:_MOST_NAMED]) + more
    return f"{option_name}[{index}] (principal {who})" if who else f"{option_name}[{index}]"


def gather(grants: Iterable[Grant]) -> tuple[Grant, ...]:
    """Return one grant for each principal, in the order in which they are named first: access and regions add up."""
    return gather_by_repositories(map(_everywhere, grants))


def gather_by_repositories(grants: Iterable[Grant]) -> tuple[Grant, ...]:
    """Return one grant for each principal and what its grants are narrowed to; access and regions add up."""
    gathered: dict[tuple[Principal, tuple[str, ...] | None], Grant] = {}
    for grant in grants:
        key = (grant.principal, grant.repositories)
        known = gathered.get(key)
        gathered[key] = (
            grant
            if known is None
            else replace(
                known,
                access=known.access | grant.access,
                lambda_regions=_union(known.lambda_regions, grant.lambda_regions),
            )
        )
    return tuple(gathered.values())


def _read_grant(principal: Principal, option: Mapping[str, Any], position: int) -> Grant:
    access = option.get("access")
    return Grant(
        principal,
        DEFAULT_ACCESS if access is None else frozenset(access),
        _distinct(option.get("lambda_regions")),
        _distinct(option.get("repositories")),
        position,
    )


def _everywhere(grant: Grant) -> Grant:
    return grant if grant.repositories is None else replace(grant, repositories=None)


def _union(first: tuple[str, ...] | None, second: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if first is None or second is None:
        return second if first is None else first
    return tuple(dict.fromkeys(first + second))


def _contradictions(
    grant: Grant, partition: str | None, partition_of_region: Callable[[str], str | None]
) -> Iterator[str]:
    regions = grant.lambda_regions or ()
    if not grant.access and not regions:
        yield "access: [] is for Lambda alone, and needs at least one region in lambda_regions"
    if (regions or not grant.access) and grant.principal.kind is not PrincipalType.ACCOUNT:
        yield f"Lambda access is for accounts only, and this is {grant.principal.kind.label}: name its account instead"
    if regions and grant.access and not grant.access & ALLOW_LAMBDA:
        declared, needed = (", ".join(ordered(names)) for names in (grant.access, ALLOW_LAMBDA))
        yield (
            f"access: [{declared}] with lambda_regions: Lambda needs the pull, so add {needed} to access, or use a "
            "grant of its own with access: []"
        )
    for region in regions:
        if region == "*":
            continue
        if not is_region(region):
            yield f'lambda_regions: {quoted(region)} is not a region such as eu-west-1, nor "*" for every region'
        elif partition is not None and partition_of_region(region) not in (partition, None):
            yield f"lambda_regions: {region} is in another partition than the registry ({partition})"


def _distinct(values: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(dict.fromkeys(values))
