# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Who gets what: principals, access levels, and the grants that a user declares."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What a principal is."""

    ACCOUNT = "account"
    ROLE = "role"
    USER = "user"
    SESSION = "session"
    ORGANIZATION = "organization"
    ORGANIZATIONAL_UNIT = "organizational unit"


class Access(StrEnum):
    """A named, fixed set of actions; C(lambda) is the Lambda part of a grant alone."""

    PULL = "pull"
    PUSH = "push"
    PULL_PUSH = "pull_push"
    LAMBDA = "lambda"


@dataclass(frozen=True)
class Principal:
    """Who gets access.

    name: a 12-digit account id, an IAM or STS ARN, an organization id, or the path of an organizational unit.
    account: the 12-digit id of the account it lives in; None for organizations and their units.
    """

    kind: Kind
    name: str
    account: str | None = None


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


_ACCOUNT = re.compile(r"[0-9]{12}")
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns; a path may hold any
# printable character, but a wildcard inside a principal is refused by AWS.
_NAME = r"[A-Za-z0-9_+=,.@-]+"
_OF_A_PARTITION = re.compile(r"arn:(?P<partition>aws(?:-[a-z]+)*):(?:[^:]*:){3}")
_ARN = re.compile(
    r"arn:(?P<partition>aws(?:-[a-z]+)*):"
    rf"(?:iam::(?P<iam>[0-9]{{12}}):(?:(?P<root>root)|(?P<kind>role|user)/(?:[!-)+->@-~]+/)?{_NAME})"
    rf"|sts::(?P<sts>[0-9]{{12}}):(?:assumed-role/{_NAME}/|federated-user/){_NAME})"
)
# https://docs.aws.amazon.com/organizations/latest/APIReference/API_Organization.html and API_OrganizationalUnit.html
_ORGANIZATION_ID = re.compile(r"o-[a-z0-9]{10,32}")
_ORGANIZATION_PATH = re.compile(r"o-[a-z0-9]{10,32}/r-[a-z0-9]{4,32}/(?:ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}/)*\*?")
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
_UNIQUE_ID = re.compile(r"A(?:ROA|IDA)[A-Z0-9]{12,124}")
_REGION = re.compile(r"[a-z]{2,}(?:-[a-z]+)+-[0-9]+")


class InputError(ValueError):
    """Options that cannot be meant. problems: one message each, which begins with the place of what is wrong."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


def is_unique_id(value: object) -> bool:
    """Whether a principal is the bare id of a deleted role or user.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
    """
    return isinstance(value, str) and _UNIQUE_ID.fullmatch(value) is not None


def is_region(value: object) -> bool:
    """Whether a value looks like the name of a region: AWS opens new ones, so only it knows which there are."""
    return isinstance(value, str) and _REGION.fullmatch(value) is not None


def read_principal(text: str, partition: str | None) -> Principal | None:
    """The principal that a text names, in this partition; None if it names none that a grant could have.

    partition: None takes every partition.
    """
    if _ACCOUNT.fullmatch(text):
        return Principal(Kind.ACCOUNT, text, text)
    if _ORGANIZATION_ID.fullmatch(text):
        return Principal(Kind.ORGANIZATION, text)
    if _ORGANIZATION_PATH.fullmatch(text):
        return Principal(Kind.ORGANIZATIONAL_UNIT, text)
    arn = _ARN.fullmatch(text)
    if arn is None or partition not in (arn["partition"], None):
        return None
    account = arn["iam"] or arn["sts"]
    if arn["root"]:
        return Principal(Kind.ACCOUNT, account, account)
    return Principal(Kind(arn["kind"]) if arn["kind"] else Kind.SESSION, text, account)


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
        raise InputError([f"{place} is empty: name at least one principal"])
    grants, problems = [], []
    for index, option in enumerate(options):
        name = str(option.get("principal") or "").strip()
        where = f"{place}[{index}] (principal {name})" if name else f"{place}[{index}]"
        principal = read_principal(name, partition)
        if principal is None:
            problems.append(f"{where}: {_why_no_principal(name, partition)}")
            continue
        grant = Grant(principal, Access(option.get("access") or Access.PULL), _tuple(option.get("lambda_regions")))
        grant = replace(grant, repositories=_tuple(option.get("repositories")))
        grants.append(grant)
        if sharing:
            problems += [f"{where}: {why}" for why in _contradictions(grant, partition, partition_of_region)]
    if problems:
        raise InputError(problems)
    return tuple(grants)


def gather(grants: Iterable[Grant]) -> tuple[Grant, ...]:
    """One grant for each principal, in the order of their first mention: access adds up, regions unite."""
    gathered: dict[Principal, Grant] = {}
    for grant in grants:
        known = gathered.get(grant.principal)
        gathered[grant.principal] = (
            replace(grant, repositories=None)
            if known is None
            else replace(
                known,
                access=_sum(known.access, grant.access),
                lambda_regions=_union(known.lambda_regions, grant.lambda_regions),
            )
        )
    return tuple(gathered.values())


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
    if (grant.access is Access.LAMBDA or regions) and grant.principal.kind is not Kind.ACCOUNT:
        yield f"Lambda access is for accounts only, and this is {_a(grant.principal.kind)}: name its account instead"
    if grant.access is Access.PUSH and regions:
        yield "push with lambda_regions: Lambda needs the pull, so write access: pull_push, or a grant of its own"
    for region in regions:
        if region == "*":
            continue
        if not is_region(region):
            yield f'lambda_regions: "{region}" is not a region such as eu-west-1, nor "*" for every region'
        elif partition is not None and partition_of_region(region) not in (partition, None):
            yield f"lambda_regions: {region} is in another partition than the registry ({partition})"


def _why_no_principal(name: str, partition: str | None) -> str:
    if not name:
        return "principal is empty"
    if name.isascii() and name.isdecimal():
        return (
            f"{name} has {len(name)} digits, an account id has 12. YAML reads a number that begins with 0 as octal: "
            'quote account ids, as in "012345670123"'
        )
    if is_unique_id(name):
        return "this is the id of a deleted role or user; to remove such ids from managed statements use prune_orphans"
    elsewhere = _OF_A_PARTITION.match(name)
    if elsewhere and partition not in (elsewhere["partition"], None):
        return f"it belongs to the partition {elsewhere['partition']}, and the registry to {partition}"
    if name.startswith("o-") and "/" in name:
        return (
            "the path of an organizational unit reads o-…/r-…/ou-…/ for that unit alone or o-…/r-…/ou-…/* for all "
            "below it, too; no other wildcard"
        )
    if "*" in name or "?" in name:
        return "AWS takes no wildcard in a principal; to share with many accounts name their organization (o-…)"
    return (
        "it is no principal that a repository can be shared with: a 12-digit account id, the ARN of an IAM role or "
        "user or of an STS session, an organization (o-…) or an organizational unit (o-…/r-…/ou-…/*)"
    )


def _a(kind: Kind) -> str:
    return f"an {kind.value}" if kind.value[0] in "aou" and kind is not Kind.USER else f"a {kind.value}"


def _tuple(values: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(dict.fromkeys(values))
