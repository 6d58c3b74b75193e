# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Plan what the role does: the variables of a play become runs of modules, as few as possible.

* Of the hosts of a play that are repositories, the first acts for all. Repositories that share credentials, a registry
  and a region are one run.
* A plan holds no credentials, because Ansible prints what it holds. The role adds them to each task.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from .._errors import InvalidInputError
from .._repository_names import is_pattern, matches, select, unmatched
from .._text import quoted, words
from .variables import (
    Credentials,
    GrantOptions,
    Member,
    ReadOptions,
    Variables,
    canonical,
    covers,
    is_true,
    read_members,
    text_of,
    throttle,
)

# The options that a role which was assumed has instead of a profile.
_KEYS = ("access_key", "secret_key", "session_token")


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
        problems: What is wrong with the variables, so that nothing is done.
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
    problems: tuple[str, ...] = ()


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
    auditing, granting = purpose is Purpose.AUDIT, purpose is not Purpose.RESTORE
    fail_on_drift = is_true(variables.get("ecr_share_fail_on_drift"))
    # Without grants an audit has nothing to compare, which is wrong only if it is to fail on drift.
    required = granting and (fail_on_drift or not auditing)
    members = read_members(variables, hosts, host=host, read_options=read_options, granting=granting, required=required)
    candidates = tuple(_runs(members, host))
    runs = tuple(run for _credentials, run in candidates if run.grants or not granting)
    report_dir, backup_dir = (text_of(variables, name) for name in ("ecr_share_report_dir", "ecr_share_backup_dir"))
    reading = auditing and (report_dir is not None or not runs)
    reads = tuple(replace(run, grants=()) for _credentials, run in candidates if reading)
    return Plan(
        host=host,
        roles=tuple(_roles(candidates, {run.connection.number for run in (*runs, *reads)})),
        runs=runs,
        reads=reads,
        batch_size=int(variables.get("ecr_share_batch_size") or 0) if granting else 0,
        unmatched_ok=variables.get("ecr_share_on_missing") == "skip",
        throttle=throttle(others) if purpose is Purpose.SHARE and hosts is None else 0,
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
        unmatched_ok: Whether a pattern may match no repository, and so may a grant's own repositories. The last batch
            has what matches none, so that the module reports it.

    Raises:
        InvalidInputError: For what matches none and may not, because no batch could tell.
    """
    selection = select(run.repositories, existing)
    covered = [name for name in selection.names if any(covers(grant, name) for grant in run.grants)]
    problems = [f"ecr_share_repositories: {quoted(text)} matches no repository" for text in selection.unmatched]
    of_grants = [
        (text, f"ecr_share_grants (principal {_principals(grant)}): repositories: {quoted(text)} matches no repository")
        for grant in run.grants
        for text in unmatched(grant.get("repositories") or (), selection.names)
    ]
    problems += [problem for _text, problem in of_grants]
    # That a grant is for something else than the run is for is an error of its own.
    beside = any(not is_pattern(text) and not matches(run.repositories, text) for text, _problem in of_grants)
    if beside or (problems and not unmatched_ok):
        raise InvalidInputError(problems)
    parts = [covered[start : start + size] for start in range(0, len(covered), size)]
    if problems and not parts:
        parts = [list(selection.names[:1])]
    found = [
        replace(
            run,
            label=_batch_label(run.region, part, number * size + 1, len(covered)),
            repositories=tuple(part),
            grants=tuple(_narrowed_to(part, run.grants)),
        )
        for number, part in enumerate(parts)
    ]
    if problems:
        found[-1] = _with_unmatched(found[-1], run, selection.unmatched, [text for text, _problem in of_grants])
    return tuple(found)


def _with_unmatched(batch: Run, run: Run, patterns: Sequence[str], of_grants: Sequence[str]) -> Run:
    """Return a batch of a run with what matches no repository, for the module to tell.

    Args:
        patterns: Those of the run.
        of_grants: The names and patterns of its grants.
    """
    names = [text for text in of_grants if not is_pattern(text)]
    wanted = tuple(dict.fromkeys((*batch.repositories, *patterns, *names)))
    grants = tuple(_narrowed_to(batch.repositories, run.grants, besides=of_grants))
    label = batch.label if batch.repositories else _label(run.region, wanted)
    return replace(batch, label=label, repositories=wanted, grants=grants)


def _runs(members: Iterable[Member], host: str) -> Iterator[tuple[Credentials, Run]]:
    """Yield one run for all members that share credentials, a registry and a region."""
    by_credentials: dict[Credentials, dict[tuple[str | None, str | None], list[Member]]] = {}
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


def _roles(runs: Iterable[tuple[Credentials, Run]], connections: Collection[int]) -> Iterator[AssumedRole]:
    """Yield the roles of these connections, each to be assumed in the region of its first run."""
    first = {run.connection: (credentials, run) for credentials, run in reversed(list(runs))}
    for connection in sorted(first, key=lambda connection: connection.number):
        credentials, run = first[connection]
        if credentials.role_arn and connection.number in connections:
            yield AssumedRole(
                connection.number, credentials.role_arn, credentials.external_id, run.region, credentials.profile
            )


def _united(members: Sequence[Member], names: Sequence[str]) -> tuple[GrantOptions, ...]:
    """Return the grants of members of one registry. Several of them hold one repository each."""
    if len(members) == 1:
        return members[0].grants
    holders: dict[str, tuple[GrantOptions, dict[str, None]]] = {}
    for member in members:
        for grant in member.grants:
            _grant, covered = holders.setdefault(canonical(grant), (grant, {}))
            covered.update(dict.fromkeys(member.repositories))
    return tuple(
        {**grant, "repositories": None if len(covered) == len(names) else list(covered)}
        for grant, covered in holders.values()
    )


def _principals(grant: GrantOptions) -> str:
    return words(map(str, grant["principals"]))


def _narrowed_to(
    names: Sequence[str], grants: Iterable[GrantOptions], *, besides: Collection[str] = ()
) -> Iterator[GrantOptions]:
    """Yield grants with what covers one of these repositories of a run, and these texts besides."""
    for grant in grants:
        if grant.get("repositories") is None:
            yield grant
            continue
        unused = set(unmatched(grant["repositories"], names)).difference(besides)
        kept = [text for text in grant["repositories"] if text not in unused]
        if kept:
            yield {**grant, "repositories": kept}


def _label(region: str | None, repositories: Sequence[str]) -> str:
    what = ", ".join(repositories or ["all"]) if len(repositories) <= 3 else f"{len(repositories):,} repositories"
    return f"{region}: {what}" if region else what


def _batch_label(region: str | None, names: Sequence[str], first: int, total: int) -> str:
    if not total:
        return _label(region, names)
    stems = {name.split("/")[0] for name in names}
    stem = stems.pop() if len(stems) == 1 else "repositories"
    what = f"{stem} {first:,}–{first + len(names) - 1:,} of {total:,}"
    return f"{region}: {what}" if region else what
