# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""What the role does: the variables of a play make runs of a module, as few as possible.

A host is a registry, whose repositories its variables list, or it is one repository of an inventory that lists them.
Then one run does all repositories that share a connection, a registry and a region.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from .._errors import InvalidInputError
from .._iam.arns import is_region
from .._repository_names import is_pattern, matches, problem_with, select, unmatched
from .._sharing.grants import grant_label, read_grants

Variables = Mapping[str, Any]
GrantOptions = Mapping[str, Any]
# Reads the options of grants that a variable holds. Raises InputError for what is not a list of grants.
ReadOptions = Callable[[str, Any], Sequence[GrantOptions]]

# Those that a host which is a repository may have for itself.
_OF_CONNECTIONS = ("ecr_share_profile", "ecr_share_assume_role_arn", "ecr_share_assume_role_external_id")
# Those whose answer such a host is by itself.
_OF_REGISTRIES = ("ecr_share_repositories", "ecr_share_regions", "ecr_share_registry_id")
_OF_LISTS = ("ecr_share_repositories", "ecr_share_regions")
# All others are one for the whole play.
_OF_PLAYS = (
    "ecr_share_access_key",
    "ecr_share_assume_role_session_name",
    "ecr_share_backup_path",
    "ecr_share_backup_dir",
    "ecr_share_batch_size",
    "ecr_share_concurrency",
    "ecr_share_endpoint_url",
    "ecr_share_fail_on_drift",
    "ecr_share_force_set_policy",
    "ecr_share_on_missing",
    "ecr_share_overwrite",
    "ecr_share_purge_deleted_principals",
    "ecr_share_purge_grants",
    "ecr_share_report_dir",
    "ecr_share_secret_key",
    "ecr_share_session_token",
    "ecr_share_state",
)
_FOLDERS = ("ecr_share_backup_dir", "ecr_share_report_dir")
# Written by the role.
_OF_RESULTS = ("ecr_share_result",)
KNOWN = (*_OF_CONNECTIONS, *_OF_REGISTRIES, *_OF_PLAYS, *_OF_RESULTS, "ecr_share_grants")
# Beside ecr_share_grants, so that each group adds grants of its own: a list in one group replaces that of another.
_GRANTS = re.compile(r"ecr_share_grants(?:_[a-z0-9_]+)?")
_PRIVATE = "ecr_share__"
_UNSET: tuple[Any, ...] = (None, "", [])


@dataclass(frozen=True)
class Run:
    """One run of a module. region, registry_id: None for those of the connection. label: what a person calls it."""

    label: str
    region: str | None
    registry_id: str | None
    repositories: tuple[str, ...]
    grants: tuple[GrantOptions, ...]


@dataclass(frozen=True)
class Connection:
    """Runs with the same credentials. profile, assume_role_arn, assume_role_external_id: None where not set."""

    label: str
    profile: str | None
    assume_role_arn: str | None
    assume_role_external_id: str | None
    runs: tuple[Run, ...]


@dataclass(frozen=True)
class _Member:
    """What one host brings: repositories of a registry, and who gets them."""

    connection: tuple[str | None, ...]
    region: str | None
    registry_id: str | None
    repositories: tuple[str, ...]
    grants: tuple[GrantOptions, ...]


def plan(
    play: Variables,
    hosts: Mapping[str, Variables] | None = None,
    *,
    current: str = "",
    read_options: ReadOptions,
    granting: bool = True,
    required: bool = True,
) -> tuple[Connection, ...]:
    """The runs that variables ask for, by connection.

    play: the variables as the current host sees them, so that those of the play are among them.
    hosts: the variables of each host, if hosts are repositories; None if the current host is a registry.
    current: the name of the current host, which is one of them.
    granting: False where grants do not matter. required: False where no grants at all are no runs, and no problem.

    Raises InputError with every problem; each begins with the variable that is wrong.
    """
    of_hosts = {} if hosts is None else hosts
    problems = list(_misspelt([play, *of_hosts.values()]))
    problems += _different(of_hosts)
    for name in _FOLDERS:
        folder = play.get(name)
        if folder and not str(folder).startswith(("/", "~")):
            # A module's working directory is that of the playbook, which may be in the collection itself.
            problems.append(f"{name}: {folder} is not an absolute path")
    members: list[_Member] = []
    read = _remembering(_strictly(read_options, sharing=play.get("ecr_share_state") != "absent"))
    sources = [("", play)] if hosts is None else [(name, _effective(play, hosts, name, current)) for name in hosts]
    for host, variables in sources:
        try:
            grants = _all_grants(variables, read) if granting else ()
            members += (
                _registry(variables, grants, granting and (required or bool(grants)))
                if hosts is None
                else [_repository(host, variables, grants)]
            )
        except InvalidInputError as error:
            problems += error.problems
    if problems:
        raise InvalidInputError(list(dict.fromkeys(problems)))
    if granting and required and not any(member.grants for member in members):
        raise InvalidInputError(
            ["ecr_share_grants is empty: name at least one principal, there or in variables ecr_share_grants_…"]
        )
    return tuple(_connections(members, granting))


def batches(run: Run, existing: Sequence[str], size: int, *, missing_ok: bool) -> tuple[Run, ...]:
    """The same run in parts of so many repositories, with labels that tell how far they are.

    existing: the names in the registry, for patterns to choose from.
    missing_ok: whether a pattern may match no repository, and so a grant's own repositories.

    Raises InputError for what matches none, because no part could tell.
    """
    selection = select(run.repositories, existing)
    covered = [name for name in selection.names if any(_covers(grant, name) for grant in run.grants)]
    strange = [f'ecr_share_repositories: "{text}" matches no repository' for text in selection.unmatched]
    strange += [
        f'ecr_share_grants (principal {", ".join(grant["principals"])}): repositories: "{text}" matches no repository'
        for grant in run.grants
        for text in unmatched(grant.get("repositories") or (), selection.names)
    ]
    if strange and not missing_ok:
        raise InvalidInputError(strange)
    parts = [covered[start : start + size] for start in range(0, len(covered), size)]
    return tuple(
        replace(
            run,
            label=_part_label(run.region, part, number * size + 1, len(covered)),
            repositories=tuple(part),
            grants=tuple(_narrowed_to(part, run.grants)),
        )
        for number, part in enumerate(parts)
    )


def _misspelt(variables: Iterable[Variables]) -> Iterator[str]:
    names = dict.fromkeys(name for of_host in variables for name in of_host if name.startswith("ecr_share_"))
    for name in names:
        if name in KNOWN or _GRANTS.fullmatch(name) or name.startswith(_PRIVATE):
            continue
        (nearest,) = get_close_matches(name, KNOWN, n=1, cutoff=0)
        yield f"{name} is no variable of this role; is {nearest} meant?"


def _different(hosts: Mapping[str, Variables]) -> Iterator[str]:
    for name in _OF_PLAYS:
        holders: dict[str, str] = {}
        for host, variables in hosts.items():
            holders.setdefault(_text(variables.get(name)), host)
        if len(holders) > 1:
            first, second, *_others = holders.values()
            yield (
                f"{name} differs between {first} and {second}, and is one for all hosts that are repositories: run a "
                "play for each of its values"
            )


def _effective(play: Variables, hosts: Mapping[str, Variables], host: str, current: str) -> dict[str, Any]:
    """The variables of a host, as it would see them.

    What the current host sees and its inventory does not say was set by the play or the role's defaults. Ansible puts
    the first before every inventory, and the second after.
    """
    own, first = hosts[host], hosts.get(current, {})
    above = {
        name: value
        for name, value in play.items()
        if value not in _UNSET
        and _text(value) != _text(first.get(name))
        and (_GRANTS.fullmatch(name) or name in _OF_CONNECTIONS)
    }
    return {**own, **above}


def _all_grants(variables: Variables, read: ReadOptions) -> tuple[GrantOptions, ...]:
    grants: list[GrantOptions] = []
    problems: list[str] = []
    for name in sorted(filter(_GRANTS.fullmatch, variables)):
        if variables[name] == []:
            continue
        try:
            grants += read(name, variables[name])
        except InvalidInputError as error:
            problems += error.problems
    if problems:
        raise InvalidInputError(problems)
    return tuple(grants)


def _strictly(read_options: ReadOptions, *, sharing: bool) -> ReadOptions:
    """Read options of grants, and refuse what the module would refuse, in the words of the variable."""

    def read(name: str, value: Any) -> Sequence[GrantOptions]:
        options = read_options(name, value)
        problems = [
            f"{grant_label(name, index, option['principals'])}: repositories: {problem}"
            for index, option in enumerate(options)
            for problem in map(problem_with, option.get("repositories") or ())
            if problem
        ]
        try:
            read_grants(
                options, partition=None, sharing=sharing, partition_of_region=lambda _region: None, option_name=name
            )
        except InvalidInputError as error:
            problems += error.problems
        if problems:
            raise InvalidInputError(problems)
        return options

    return read


def _remembering(read: ReadOptions) -> ReadOptions:
    """Hosts of a group hold the same value: it is read once."""
    known: dict[tuple[str, str], Sequence[GrantOptions]] = {}

    def remembering(name: str, value: Any) -> Sequence[GrantOptions]:
        key = (name, _text(value))
        if key not in known:
            known[key] = read(name, value)
        return known[key]

    return remembering


def _registry(variables: Variables, grants: tuple[GrantOptions, ...], granting: bool) -> list[_Member]:
    problems = list(_problems_with_types(variables, _OF_LISTS, (str, list), "a list"))
    problems += _problems_with_types(variables, (*_OF_CONNECTIONS, "ecr_share_registry_id"), (str, int), "a text")
    if problems:
        raise InvalidInputError(problems)
    wanted, regions = (_listed(variables.get(name)) for name in _OF_LISTS)
    if granting and not wanted:
        problems.append("ecr_share_repositories is empty: name at least one repository or pattern")
    problems += [f"ecr_share_repositories: {problem}" for problem in map(problem_with, wanted) if problem]
    # Of a region without a name it would be that of the connection, which nobody has named.
    problems += [f"ecr_share_regions: {_no_region(region)}" for region in regions if not is_region(region)]
    if problems:
        raise InvalidInputError(problems)
    return [
        _Member(_connection(variables), region, _registry_id(variables, "ecr_share_registry_id"), tuple(wanted), grants)
        for region in (dict.fromkeys(regions) if regions else (None,))
    ]


def _listed(value: Any) -> list[Any]:
    """A list of texts as the argument specification takes it: a text that stands for a list has commas in it."""
    members = value.split(",") if isinstance(value, str) else value or []
    return [str(member).strip() if isinstance(member, (str, int)) else member for member in members]


def _repository(host: str, variables: Variables, grants: tuple[GrantOptions, ...]) -> _Member:
    name: Any = variables.get("ecr_repository_name")
    region = variables.get("ecr_region") or None
    texts = (*_OF_CONNECTIONS, "ecr_profile", "ecr_registry_id")
    problems = list(_problems_with_types(variables, texts, (str, int), "a text", f" of the host {host}"))
    if not isinstance(name, str) or is_pattern(name) or problem_with(name):
        problems.append(f"ecr_repository_name of the host {host} is not the name of a repository: {name!r}")
    if region is not None and not is_region(region):
        problems.append(f"ecr_region of the host {host}: {_no_region(region)}")
    if problems:
        raise InvalidInputError(problems)
    return _Member(
        connection=_connection(variables),
        region=region,
        registry_id=_registry_id(variables, "ecr_registry_id"),
        repositories=(name,),
        grants=tuple({**grant, "repositories": None} for grant in grants if _covers(grant, name)),
    )


def _problems_with_types(
    variables: Variables, names: Iterable[str], types: tuple[type, ...], what: str, whose: str = ""
) -> Iterator[str]:
    # The value is not told: it may be a secret.
    return (f"{name}{whose} is not {what}" for name in names if not isinstance(variables.get(name) or "", types))


def _no_region(value: Any) -> str:
    return f"{value!r} is not the name of a region, such as us-east-1"


def _registry_id(variables: Variables, name: str) -> str | None:
    return str(variables.get(name) or "") or None


def _connection(variables: Variables) -> tuple[str | None, ...]:
    profile, role, external_id = (variables.get(name) or None for name in _OF_CONNECTIONS)
    return (profile or variables.get("ecr_profile") or None, role, external_id)


def _connections(members: Iterable[_Member], granting: bool) -> Iterator[Connection]:
    places: dict[tuple[str | None, ...], dict[tuple[str | None, ...], list[_Member]]] = {}
    for member in members:
        place = (member.region, member.registry_id)
        places.setdefault(member.connection, {}).setdefault(place, []).append(member)
    for (profile, role, external_id), by_place in places.items():
        runs = [_united(of_place) for of_place in by_place.values()]
        label = role or (f"profile {profile}" if profile else "these credentials")
        wanted = tuple(run for run in runs if run.grants or not granting)
        if wanted:
            yield Connection(label, profile, role, external_id, wanted)


def _united(members: Sequence[_Member]) -> Run:
    """One run for members of one registry and region. Several of them hold one repository each."""
    first = members[0]
    names = tuple(dict.fromkeys(name for member in members for name in member.repositories))
    if len(members) == 1:
        return Run(_label(first.region, names), first.region, first.registry_id, names, first.grants)
    holders: dict[str, tuple[GrantOptions, dict[str, None]]] = {}
    for member in members:
        for grant in member.grants:
            _grant, covered = holders.setdefault(_text(grant), (grant, {}))
            covered.update(dict.fromkeys(member.repositories))
    grants = tuple(
        {**grant, "repositories": None if len(covered) == len(names) else list(covered)}
        for grant, covered in holders.values()
    )
    return Run(_label(first.region, names), first.region, first.registry_id, names, grants)


def _covers(grant: GrantOptions, name: str) -> bool:
    narrowed = grant.get("repositories")
    return narrowed is None or matches(narrowed, name)


def _narrowed_to(names: Sequence[str], grants: Iterable[GrantOptions]) -> Iterator[GrantOptions]:
    for grant in grants:
        if grant.get("repositories") is None:
            yield grant
            continue
        unused = set(unmatched(grant["repositories"], names))
        kept = [text for text in grant["repositories"] if text not in unused]
        if kept:
            yield {**grant, "repositories": kept}


def _label(region: str | None, repositories: Sequence[str]) -> str:
    told = ", ".join(repositories or ["all"]) if len(repositories) <= 3 else f"{len(repositories):,} repositories"
    return f"{region}: {told}" if region else told


def _part_label(region: str | None, names: Sequence[str], first: int, total: int) -> str:
    stems = {name.split("/")[0] for name in names}
    stem = stems.pop() if len(stems) == 1 else "repositories"
    told = f"{stem} {first:,}–{first + len(names) - 1:,} of {total:,}"
    return f"{region}: {told}" if region else told


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
