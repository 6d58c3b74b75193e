# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Plan what the role does: the variables of a play become runs of modules, as few as possible.

* A host is a registry, whose repositories its variables list, or it is one repository of an inventory that lists them.
* Of the hosts of a play that are repositories, the first acts for all. Repositories that share credentials, a registry
  and a region are one run.
* Every variable is checked before there is a plan, so that nothing is begun that cannot be finished.
* A plan holds no credentials, because Ansible prints what it holds. The role adds them to each task.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import StrEnum
from typing import Any

from .._errors import InvalidInputError
from .._iam.arns import is_region
from .._repository_names import is_pattern, matches, problem_with, select, unmatched
from .._sharing.grants import grant_label, read_grants

Variables = Mapping[str, Any]
GrantOptions = Mapping[str, Any]
# Reads the options of grants that a variable holds. Raises InvalidInputError for what is not a list of grants.
ReadOptions = Callable[[str, Any], Sequence[GrantOptions]]

# Each host that is a repository may have these for itself.
_OF_CONNECTIONS = ("ecr_share_profile", "ecr_share_assume_role_arn", "ecr_share_assume_role_external_id")
# A host that is a repository answers these by itself.
_OF_REGISTRIES = ("ecr_share_repositories", "ecr_share_regions", "ecr_share_registry_id")
_LISTS = ("ecr_share_repositories", "ecr_share_regions")
# These are one for all hosts that are repositories.
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
# Hosts that have the same of these may be one registry.
_OWNERS = ("ecr_share_assume_role_arn", "ecr_share_profile", "ecr_share_registry_id", "ecr_share_access_key")
OF_OWNERS = (*_OWNERS, "ecr_share_regions")
_DIRECTORIES = ("ecr_share_backup_dir", "ecr_share_report_dir")
# The role sets it.
RESULT = "ecr_share_result"
KNOWN = (*_OF_CONNECTIONS, *_OF_REGISTRIES, *_OF_PLAYS, RESULT, "ecr_share_grants")
# Beside ecr_share_grants, so that each group adds grants of its own: a list in one group replaces that of another.
_GRANTS = re.compile(r"ecr_share_grants(?:_[a-z0-9_]+)?")
# The options that a role which was assumed has instead of a profile.
_KEYS = ("access_key", "secret_key", "session_token")
_UNSET: tuple[Any, ...] = (None, "", [])
_TRUE = ("true", "yes", "on", "y", "t", "1")


class Purpose(StrEnum):
    """The entry point of the role that is to be planned."""

    SHARE = "share"
    AUDIT = "audit"
    RESTORE = "restore"


@dataclass(frozen=True)
class Connection:
    """Credentials that runs share, without the secrets.

    Args:
        number: Tells connections of the same label apart.
        label: What messages call it.
        profile: None where it is not set.
    """

    number: int
    label: str
    profile: str | None


@dataclass(frozen=True)
class AssumedRole:
    """An IAM role to assume before the runs of a connection.

    Args:
        connection: The number of the connection.
        region: Where to assume it; None for the region of the environment.
        profile: The profile to assume it with, if any.
    """

    connection: int
    arn: str
    external_id: str | None
    region: str | None
    profile: str | None


@dataclass(frozen=True)
class Run:
    """One run of a module.

    Args:
        label: What messages call it.
        registry: What messages call its registry.
        region: None for that of the connection.
        registry_id: None for that of the connection.
    """

    label: str
    registry: str
    connection: Connection
    region: str | None
    registry_id: str | None
    repositories: tuple[str, ...]
    grants: tuple[GrantOptions, ...] = ()

    @property
    def key(self) -> tuple[int, str | None, str | None]:
        """Return what tells a run from the others of its plan; its batches have the same."""
        return (self.connection.number, self.region, self.registry_id)


@dataclass(frozen=True)
class Plan:
    """What one host does.

    Args:
        host: Its name.
        acts: Whether it does anything; False for a repository whose runs another host does.
        runs: The runs that share, restore, or compare with the declared grants.
        reads: The runs that read who gets what.
        batch_size: How many repositories a run has at most; 0 for no limit.
        unmatched_ok: Whether a pattern may match no repository.
        throttle: How many hosts may share at the same time; 0 for no limit.
        backup_dir: Where this run saves policies; None to save none.
        report_dir: Where an audit writes its report; None for nowhere.
        fail_on_drift: Whether an audit fails on drift.
    """

    host: str
    acts: bool = True
    roles: tuple[AssumedRole, ...] = ()
    runs: tuple[Run, ...] = ()
    reads: tuple[Run, ...] = ()
    batch_size: int = 0
    unmatched_ok: bool = False
    throttle: int = 0
    backup_dir: str | None = None
    report_dir: str | None = None
    fail_on_drift: bool = False


@dataclass(frozen=True)
class _Credentials:
    """What tells connections apart. None where it is not set."""

    profile: str | None
    role_arn: str | None
    external_id: str | None

    @property
    def label(self) -> str:
        return self.role_arn or (f"profile {self.profile}" if self.profile else "these credentials")


@dataclass(frozen=True)
class _Member:
    """What one host brings: repositories of a registry, and the grants for them."""

    credentials: _Credentials
    region: str | None
    registry_id: str | None
    repositories: tuple[str, ...]
    grants: tuple[GrantOptions, ...]


def plan(
    variables: Variables,
    hosts: Mapping[str, Variables] | None = None,
    *,
    purpose: Purpose = Purpose.SHARE,
    host: str = "",
    others: Iterable[Variables] = (),
    backup_name: str = "",
    read_options: ReadOptions,
) -> Plan:
    """Return the runs that variables ask for.

    Args:
        variables: Those of the role as the current host sees them, so that those of the play are among them.
        hosts: The variables of each host, if hosts are repositories; None if the current host is a registry.
        host: The name of the current host, which is one of them.
        others: The variables of all hosts of the play, if hosts are registries.
        backup_name: The name of the directory of this run in ecr_share_backup_dir.

    Raises:
        InvalidInputError: With every problem; each begins with the variable that is wrong.
    """
    of_hosts = {} if hosts is None else hosts
    problems = [*_misspelt([variables, *of_hosts.values()]), *_different(of_hosts), *_problems_of_plays(variables)]
    auditing, granting = purpose is Purpose.AUDIT, purpose is not Purpose.RESTORE
    fail_on_drift = _is_true(variables.get("ecr_share_fail_on_drift"))
    # Without grants an audit has nothing to compare, which is wrong only if it is to fail on drift.
    required = granting and (fail_on_drift or not auditing)
    read = _remembering(_strictly(read_options, sharing=variables.get("ecr_share_state") != "absent"))
    sources = [(host, variables)] if hosts is None else [(n, _effective(variables, hosts, n, host)) for n in hosts]
    members: list[_Member] = []
    for name, own in sources:
        try:
            grants = _all_grants(own, read) if granting else ()
            members += (
                _registry(own, grants, needs_repositories=required or bool(grants))
                if hosts is None
                else [_repository(name, own, grants)]
            )
        except InvalidInputError as error:
            problems += error.problems
    granted = any(member.grants for member in members)
    if not problems and required and not granted:
        problems = ["ecr_share_grants is empty: name at least one principal, there or in variables ecr_share_grants_…"]
    if problems:
        raise InvalidInputError(list(dict.fromkeys(problems)))
    candidates = tuple(_runs(members, host))
    runs = tuple(run for _credentials, run in candidates if run.grants or not granting)
    report_dir, backup_dir = (_text(variables, name) for name in ("ecr_share_report_dir", "ecr_share_backup_dir"))
    reading = auditing and (report_dir is not None or not runs)
    reads = tuple(replace(run, grants=()) for _credentials, run in candidates if reading)
    return Plan(
        host=host,
        roles=tuple(_roles(candidates, {run.connection.number for run in (*runs, *reads)})),
        runs=runs,
        reads=reads,
        batch_size=int(variables.get("ecr_share_batch_size") or 0) if granting else 0,
        unmatched_ok=variables.get("ecr_share_on_missing") == "skip" or variables.get("ecr_share_state") == "absent",
        throttle=_throttle(others) if purpose is Purpose.SHARE and hosts is None else 0,
        backup_dir=f"{backup_dir}/{backup_name}" if backup_dir and not auditing else None,
        report_dir=report_dir if auditing else None,
        fail_on_drift=fail_on_drift,
    )


def connection_options(
    request: Run | AssumedRole, credentials: Mapping[str, Any], assumed: Mapping[int, Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the options with which a module connects.

    Only what is set is among them: the rest is left to module_defaults of the play, and to the environment.

    Args:
        credentials: The options endpoint_url, access_key, secret_key and session_token, as variables set them.
        assumed: The keys of the roles that were assumed, by the number of their connection.
    """
    if isinstance(request, AssumedRole):
        options = {**credentials, "profile": request.profile, "region": request.region}
    else:
        keys = assumed.get(request.connection.number)
        options = {
            **credentials,
            **({"profile": request.connection.profile} if keys is None else {name: keys[name] for name in _KEYS}),
            "region": request.region,
            "registry_id": request.registry_id,
        }
    return {name: value for name, value in options.items() if value}


def read_plan(values: Mapping[str, Any]) -> Plan:
    """Return the plan of which these are the values, as dataclasses.asdict() makes them."""
    return Plan(
        **{
            **values,
            "roles": tuple(AssumedRole(**role) for role in values["roles"]),
            "runs": tuple(map(read_run, values["runs"])),
            "reads": tuple(map(read_run, values["reads"])),
        }
    )


def read_run(values: Mapping[str, Any]) -> Run:
    """Return the run of which these are the values, as dataclasses.asdict() makes them."""
    return Run(
        **{
            **values,
            "connection": Connection(**values["connection"]),
            "repositories": tuple(values["repositories"]),
            "grants": tuple(values["grants"]),
        }
    )


def needs_listing(plan: Plan) -> tuple[Run, ...]:
    """Return the runs whose patterns must be resolved before they can be split into batches."""
    return tuple(run for run in plan.runs if plan.batch_size > 0 and any(map(is_pattern, run.repositories)))


def batches(run: Run, existing: Sequence[str], size: int, *, unmatched_ok: bool) -> tuple[Run, ...]:
    """Split a run into runs of at most so many repositories, whose labels tell the progress.

    Args:
        existing: The names in the registry, for patterns to select from.
        unmatched_ok: Whether a pattern may match no repository, and so may a grant's own repositories.

    Raises:
        InvalidInputError: For what matches none, because no batch could tell.
    """
    selection = select(run.repositories, existing)
    covered = [name for name in selection.names if any(_covers(grant, name) for grant in run.grants)]
    problems = [f'ecr_share_repositories: "{text}" matches no repository' for text in selection.unmatched]
    problems += [
        f'ecr_share_grants (principal {_principals(grant)}): repositories: "{text}" matches no repository'
        for grant in run.grants
        for text in unmatched(grant.get("repositories") or (), selection.names)
    ]
    if problems and not unmatched_ok:
        raise InvalidInputError(problems)
    parts = [covered[start : start + size] for start in range(0, len(covered), size)]
    return tuple(
        replace(
            run,
            label=_batch_label(run.region, part, number * size + 1, len(covered)),
            repositories=tuple(part),
            grants=tuple(_narrowed_to(part, run.grants)),
        )
        for number, part in enumerate(parts)
    )


def _misspelt(variables: Iterable[Variables]) -> Iterator[str]:
    names = dict.fromkeys(name for of_host in variables for name in of_host if name.startswith("ecr_share_"))
    for name in names:
        if name in KNOWN or _GRANTS.fullmatch(name):
            continue
        (nearest,) = get_close_matches(name, KNOWN, n=1, cutoff=0)
        yield f"{name} is not a variable of this role; did you mean {nearest}?"


def _different(hosts: Mapping[str, Variables]) -> Iterator[str]:
    for name in _OF_PLAYS:
        holders: dict[str, str] = {}
        for host, variables in hosts.items():
            holders.setdefault(_canonical(variables.get(name)), host)
        if len(holders) > 1:
            first, second, *_others = holders.values()
            yield (
                f"{name} differs between {first} and {second}, and all hosts that are repositories share one value: "
                "run a play for each value"
            )


def _problems_of_plays(variables: Variables) -> Iterator[str]:
    for name in _DIRECTORIES:
        path = variables.get(name)
        if path and not str(path).startswith(("/", "~")):
            # A module's working directory is that of the playbook, which may be in the collection itself.
            yield f"{name}: {path} is not an absolute path"
    size = variables.get("ecr_share_batch_size") or 0
    if not str(size).isdecimal():
        yield f"ecr_share_batch_size: {size!r} is not a number of repositories"


def _effective(play: Variables, hosts: Mapping[str, Variables], host: str, current: str) -> dict[str, Any]:
    """Return the variables of a host, as it would see them.

    What the current host sees and its inventory does not say was set by the play or the role's defaults. Ansible puts
    the first before every inventory, and the second after.
    """
    own, first = hosts[host], hosts.get(current, {})
    above = {
        name: value
        for name, value in play.items()
        if value not in _UNSET
        and _canonical(value) != _canonical(first.get(name))
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
    """Return a reader that refuses what the module would refuse, under the name of the variable."""

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
    """Return a reader that reads each value once: all hosts of a group hold the same."""
    known: dict[tuple[str, str], Sequence[GrantOptions]] = {}

    def remembering(name: str, value: Any) -> Sequence[GrantOptions]:
        key = (name, _canonical(value))
        if key not in known:
            known[key] = read(name, value)
        return known[key]

    return remembering


def _registry(variables: Variables, grants: tuple[GrantOptions, ...], *, needs_repositories: bool) -> list[_Member]:
    problems = list(_problems_with_types(variables, _LISTS, (str, list), "a list"))
    problems += _problems_with_types(variables, (*_OF_CONNECTIONS, "ecr_share_registry_id"), (str, int), "a text")
    if problems:
        raise InvalidInputError(problems)
    wanted, regions = (_listed(variables.get(name)) for name in _LISTS)
    if needs_repositories and not wanted:
        problems.append("ecr_share_repositories is empty: name at least one repository or pattern")
    problems += [f"ecr_share_repositories: {problem}" for problem in map(problem_with, wanted) if problem]
    # A region without a name would be that of the connection, which nobody has named.
    problems += [f"ecr_share_regions: {_no_region(region)}" for region in regions if not is_region(region)]
    if problems:
        raise InvalidInputError(problems)
    registry_id = _text(variables, "ecr_share_registry_id")
    return [
        _Member(_credentials(variables), region, registry_id, tuple(wanted), grants)
        for region in (dict.fromkeys(regions) if regions else (None,))
    ]


def _listed(value: Any) -> list[Any]:
    """Return a list of texts as the argument specification reads it: in a text, commas separate the members."""
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
    covering = tuple({**grant, "repositories": None} for grant in grants if _covers(grant, name))
    return _Member(_credentials(variables), region, _text(variables, "ecr_registry_id"), (name,), covering)


def _problems_with_types(
    variables: Variables, names: Iterable[str], types: tuple[type, ...], what: str, whose: str = ""
) -> Iterator[str]:
    # The value is left out: it may be a secret.
    return (f"{name}{whose} is not {what}" for name in names if not isinstance(variables.get(name) or "", types))


def _no_region(value: Any) -> str:
    return f"{value!r} is not the name of a region, such as us-east-1"


def _text(variables: Variables, name: str) -> str | None:
    return str(variables.get(name) or "") or None


def _credentials(variables: Variables) -> _Credentials:
    profile, role_arn, external_id = (_text(variables, name) for name in _OF_CONNECTIONS)
    return _Credentials(profile or _text(variables, "ecr_profile"), role_arn, external_id)


def _runs(members: Iterable[_Member], host: str) -> Iterator[tuple[_Credentials, Run]]:
    """Yield one run for all members that share credentials, a registry and a region."""
    by_credentials: dict[_Credentials, dict[tuple[str | None, str | None], list[_Member]]] = {}
    for member in members:
        of_connection = by_credentials.setdefault(member.credentials, {})
        of_connection.setdefault((member.region, member.registry_id), []).append(member)
    for number, (credentials, by_registry) in enumerate(by_credentials.items()):
        connection = Connection(number, credentials.label, credentials.profile)
        for (region, registry_id), of_registry in by_registry.items():
            names = tuple(dict.fromkeys(name for member in of_registry for name in member.repositories))
            registry = " ".join(filter(None, (registry_id or host, region)))
            grants = _united(of_registry, names)
            yield credentials, Run(_label(region, names), registry, connection, region, registry_id, names, grants)


def _roles(runs: Iterable[tuple[_Credentials, Run]], connections: Collection[int]) -> Iterator[AssumedRole]:
    """Yield the roles of these connections, each to be assumed in the region of its first run."""
    first = {run.connection: (credentials, run) for credentials, run in reversed(list(runs))}
    for connection in sorted(first, key=lambda connection: connection.number):
        credentials, run = first[connection]
        if credentials.role_arn and connection.number in connections:
            yield AssumedRole(
                connection.number, credentials.role_arn, credentials.external_id, run.region, credentials.profile
            )


def _united(members: Sequence[_Member], names: Sequence[str]) -> tuple[GrantOptions, ...]:
    """Return the grants of members of one registry. Several of them hold one repository each."""
    if len(members) == 1:
        return members[0].grants
    holders: dict[str, tuple[GrantOptions, dict[str, None]]] = {}
    for member in members:
        for grant in member.grants:
            _grant, covered = holders.setdefault(_canonical(grant), (grant, {}))
            covered.update(dict.fromkeys(member.repositories))
    return tuple(
        {**grant, "repositories": None if len(covered) == len(names) else list(covered)}
        for grant, covered in holders.values()
    )


def _throttle(registries: Iterable[Variables]) -> int:
    """Return how many hosts may share at the same time; 0 for no limit.

    Hosts that may be one registry share one after the other: each reads what the one before has written. Side by side,
    the last of them would overwrite the grants of the others.
    """
    places = []
    for variables in registries:
        regions = variables.get("ecr_share_regions")
        # What is wrong with the variables of another host is for that host to refuse.
        listed = _listed(regions) if isinstance(regions, (str, list)) else []
        owner = tuple(_text(variables, name) for name in _OWNERS)
        places += [(owner, region) for region in dict.fromkeys(map(str, listed)) or [None]]
    return 0 if len(set(places)) == len(places) else 1


def _principals(grant: GrantOptions) -> str:
    return ", ".join(map(str, grant["principals"]))


def _is_true(value: Any) -> bool:
    return str(value).lower() in _TRUE


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
    what = ", ".join(repositories or ["all"]) if len(repositories) <= 3 else f"{len(repositories):,} repositories"
    return f"{region}: {what}" if region else what


def _batch_label(region: str | None, names: Sequence[str], first: int, total: int) -> str:
    stems = {name.split("/")[0] for name in names}
    stem = stems.pop() if len(stems) == 1 else "repositories"
    what = f"{stem} {first:,}–{first + len(names) - 1:,} of {total:,}"
    return f"{region}: {what}" if region else what


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
