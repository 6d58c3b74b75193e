# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Who gets what: principals, access levels, and the grants that a user declares."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from .._errors import InvalidInputError
from .._iam.arns import is_region
from .._iam.principals import Principal, PrincipalType, invalid_principal_reason, read_principal


class Access(StrEnum):
    """A named, fixed set of actions; C(lambda) is the Lambda part of a grant alone."""

    PULL = "pull"
    PUSH = "push"
    PULL_PUSH = "pull_push"
    LAMBDA = "lambda"


@dataclass(frozen=True)
class Grant:
    """One principal and its access.

    lambda_regions: regions, or C(*), whose Lambda functions may pull; empty for none; None where nothing is declared.
    repositories: names and patterns this grant is narrowed to; None for every repository of the task.
    """

    principal: Principal
    access: Access = Access.PULL
    lambda_regions: tuple[str, ...] | None = None
    repositories: tuple[str, ...] | None = None


def read_grants(
    options: Sequence[Mapping[str, Any]],
    *,
    partition: str | None,
    sharing: bool,
    partition_of_region: Callable[[str], str | None],
    place: str = "grants",
) -> tuple[Grant, ...]:
    """The grants that a user wrote down, as the module's option C(grants) holds them.

    partition: None where it is not known yet, so that nothing is refused for the sake of it.
    sharing: False where only the principals matter, because access is taken away whatever it was.
    partition_of_region: the partition of a region name, None where it is not known.
    place: what the user calls the options.

    Raises InputError with every problem of every grant.
    """
    if not options:
        raise InvalidInputError([f"{place} is empty: name at least one principal"])
    grants, problems = [], []
    for index, option in enumerate(options):
        name = str(option.get("principal") or "").strip()
        where = f"{place}[{index}] (principal {name})" if name else f"{place}[{index}]"
        principal = read_principal(name, partition)
        if principal is None:
            problems.append(f"{where}: {invalid_principal_reason(name, partition)}")
            continue
        grant = Grant(principal, Access(option.get("access") or Access.PULL), _tuple(option.get("lambda_regions")))
        grant = replace(grant, repositories=_tuple(option.get("repositories")))
        grants.append(grant)
        if sharing:
            problems += [f"{where}: {why}" for why in _contradictions(grant, partition, partition_of_region)]
    if problems:
        raise InvalidInputError(problems)
    return tuple(grants)


def gather(grants: Iterable[Grant]) -> tuple[Grant, ...]:
    """One grant for each principal, in the order of their first mention: access adds up, regions unite."""
    gathered: dict[Principal, Grant] = {}
    for grant in grants:
        known = gathered.get(grant.principal)
        gathered[grant.principal] = (
            _everywhere(grant)
            if known is None
            else replace(
                known,
                access=_sum(known.access, grant.access),
                lambda_regions=_union(known.lambda_regions, grant.lambda_regions),
            )
        )
    return tuple(gathered.values())


def _everywhere(grant: Grant) -> Grant:
    return grant if grant.repositories is None else replace(grant, repositories=None)


def _sum(first: Access, second: Access) -> Access:
    levels = {first, second} - {Access.LAMBDA}
    if not levels:
        return Access.LAMBDA
    return levels.pop() if len(levels) == 1 else Access.PULL_PUSH


def _union(first: tuple[str, ...] | None, second: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if first is None or second is None:
        return second if first is None else first
    return tuple(dict.fromkeys(first + second))


def _contradictions(
    grant: Grant, partition: str | None, partition_of_region: Callable[[str], str | None]
) -> Iterable[str]:
    regions = grant.lambda_regions or ()
    if grant.access is Access.LAMBDA and not regions:
        yield "access lambda needs at least one region in lambda_regions"
    if (grant.access is Access.LAMBDA or regions) and grant.principal.kind is not PrincipalType.ACCOUNT:
        yield f"Lambda access is for accounts only, and this is {grant.principal.kind.label}: name its account instead"
    if grant.access is Access.PUSH and regions:
        yield "push with lambda_regions: Lambda needs the pull, so write access: pull_push, or a grant of its own"
    for region in regions:
        if region == "*":
            continue
        if not is_region(region):
            yield f'lambda_regions: "{region}" is not a region such as eu-west-1, nor "*" for every region'
        elif partition is not None and partition_of_region(region) not in (partition, None):
            yield f"lambda_regions: {region} is in another partition than the registry ({partition})"


def _tuple(values: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(dict.fromkeys(values))
