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

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Any

from .._errors import InvalidInputError
from .._iam.principals import PrincipalType, read_principal
from .._text import word
from .exceptions import Accepted
from .finding import COMPARED
from .kinds import APPLY_TO, Kind
from .run import AssumedRole, Run, read_run, runs_of
from .variables import (
    ORIGIN,
    Credentials,
    Member,
    Needs,
    ReadOptions,
    Variables,
    accepted_of,
    declared_grants,
    is_true,
    names_of,
    principals_of,
    read_members,
    text_of,
    texts_of,
)

# The options that a role which was assumed has instead of a profile.
_KEYS = ("access_key", "secret_key", "session_token")


class Purpose(StrEnum):
    """The entry point of the role that is to be planned."""

    SHARE = "share"
    AUDIT = "audit"
    OFFBOARD = "offboard"
    ADOPT = "adopt"
    ASK = "ask"
    SNAPSHOT = "snapshot"
    RESTORE = "restore"


@dataclass(frozen=True)
class _Traits:
    """What the entry points differ in.

    Args:
        grants: Whether runs that share are planned, or that compare.
        reads: Whether runs that audit are planned.
        everywhere: Whether it is for all repositories of a registry.
        revoked: The variable with the principals that lose their access.
        needed: The variables without which it can do nothing.
        saves: Whether it saves policies.
    """

    grants: bool = False
    reads: bool = False
    everywhere: bool = False
    revoked: str | None = None
    needed: tuple[str, ...] = ()
    saves: bool = False


ASKED_REPOSITORIES = "ecr_share_ask_repositories"
_ABSENT, _OFFBOARD, _ASKED = "ecr_share_absent_principals", "ecr_share_offboard", "ecr_share_ask_principals"
_TRAITS: Mapping[Purpose, _Traits] = {
    Purpose.SHARE: _Traits(grants=True, saves=True),
    Purpose.AUDIT: _Traits(grants=True, reads=True),
    Purpose.OFFBOARD: _Traits(grants=True, reads=True, everywhere=True, revoked=_OFFBOARD, saves=True),
    Purpose.ADOPT: _Traits(reads=True, needed=("ecr_share_adopt_dir",)),
    Purpose.ASK: _Traits(reads=True),
    Purpose.SNAPSHOT: _Traits(reads=True, needed=("ecr_share_backup_dir",), saves=True),
    Purpose.RESTORE: _Traits(needed=("ecr_share_backup_path",), saves=True),
}


@dataclass(frozen=True)
class Sharing:
    """The options of the module that shares which are the same for all runs of a plan."""

    state: str = "present"
    purge_grants: bool = False
    purge_deleted_principals: bool = False
    unmanaged_access: str = "keep"
    whole_account: bool = False


@dataclass(frozen=True)
class Plan:
    """What one host does.

    Args:
        host: Its name.
        acts: Whether it does anything; False for a repository whose runs another host does.
        purpose: The entry point.
        runs: The runs that share, restore, or compare with the declared grants.
        reads: The runs that read who gets what.
        lists: The runs that list the repositories of a registry, one for each.
        sharing: How runs share.
        batch_size: How many repositories a run has at most; 0 for no limit.
        unmatched_ok: Whether a pattern may match no repository anywhere.
        throttle: How many hosts may share at the same time; 0 for no limit.
        backup_dir: Where this run saves policies; None to save none.
        report_dir: Where it writes its report; None for nowhere.
        adopt_dir: Where it writes variables; None for nowhere.
        fail_on: The kinds of findings that make an audit fail.
        names: The name of each principal that has one.
        principals: Whom the entry point is about: who loses access, or who is asked for.
        still_named: Where grants are declared for those who lose their access.
        accepted: The exceptions of an audit.
        idle: The grants whose regions are none of this host, by where they were declared.
        problems: What is wrong with the variables, so that nothing is done.
    """

    host: str
    acts: bool = True
    purpose: str = Purpose.SHARE.value
    roles: tuple[AssumedRole, ...] = ()
    runs: tuple[Run, ...] = ()
    reads: tuple[Run, ...] = ()
    lists: tuple[Run, ...] = ()
    sharing: Sharing = Sharing()
    batch_size: int = 0
    unmatched_ok: bool = False
    throttle: int = 0
    backup_dir: str | None = None
    report_dir: str | None = None
    adopt_dir: str | None = None
    fail_on: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    principals: tuple[str, ...] = ()
    still_named: tuple[str, ...] = ()
    accepted: tuple[Accepted, ...] = ()
    idle: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def plan(
    variables: Variables,
    hosts: Mapping[str, Variables] | None = None,
    *,
    purpose: Purpose = Purpose.SHARE,
    host: str = "",
    most_at_once: int = 0,
    backup_name: str = "",
    read_options: ReadOptions,
) -> Plan:
    """Return the runs that variables ask for.

    Args:
        variables: Those of the role as the current host sees them, so that those of the play are among them.
        hosts: The variables of each host, if hosts are repositories; None if the current host is a registry.
        host: The name of the current host, which is one of them.
        most_at_once: How many hosts of the play may share at the same time; 0 for no limit.
        backup_name: The name of the directory of this run in ecr_share_backup_dir.

    Raises:
        InvalidInputError: With every problem; each begins with the variable that is wrong.
    """
    traits, sharing = _TRAITS[purpose], _sharing(variables, purpose)
    absent = sharing.state == "absent"
    revoked = traits.revoked or (_ABSENT if absent and traits.grants else None)
    fail_on = texts_of(variables, "ecr_share_fail_on") if purpose is Purpose.AUDIT else ()
    # Without grants an audit has nothing to compare, which is wrong only if it is to fail on that.
    required = traits.grants and (purpose is not Purpose.AUDIT or not set(COMPARED).isdisjoint(fail_on))
    needs = Needs(grants=traits.grants, required=required, everywhere=traits.everywhere, revoked=revoked)
    problems = [f"{name} is empty: {purpose} needs it" for name in traits.needed if not variables.get(name)]
    members: list[Member] = []
    accepted: tuple[Accepted, ...] = ()
    try:
        accepted = accepted_of(variables) if purpose is Purpose.AUDIT else ()
    except InvalidInputError as error:
        problems += error.problems
    try:
        members = read_members(variables, hosts, host=host, read_options=read_options, needs=needs)
    except InvalidInputError as error:
        problems += error.problems
    if problems:
        raise InvalidInputError(problems)
    candidates = tuple(runs_of(members, host))
    runs = tuple(run for _credentials, run in candidates if run.grants or purpose is Purpose.RESTORE)
    if sharing.purge_grants and traits.grants and not revoked:
        problems = list(_problems_of_purging(runs))
        if problems:
            raise InvalidInputError(problems)
    lists = tuple(replace(run, grants=()) for _credentials, run in candidates if run.kind == Kind.REPOSITORIES)
    principals = principals_of(variables, _ASKED if purpose is Purpose.ASK else revoked or "")
    if purpose is Purpose.ASK:
        asked_for = texts_of(variables, ASKED_REPOSITORIES)
        lists = tuple(replace(run, repositories=asked_for or ("*",)) for run in lists)
    reads = lists if traits.reads else ()
    if purpose in (Purpose.ASK, Purpose.OFFBOARD) and principals:
        reads = tuple(replace(run, principal=principal) for run in reads for principal in principals)
    backup_dir = text_of(variables, "ecr_share_backup_dir") if traits.saves else None
    sources = [variables] if hosts is None else [variables, *hosts.values()]
    return Plan(
        host=host,
        purpose=purpose.value,
        roles=tuple(_roles(candidates, {run.connection.number for run in (*runs, *reads)})),
        runs=runs,
        reads=reads,
        # Hosts that are repositories come from an inventory that has just listed them.
        lists=lists if purpose is not Purpose.RESTORE and hosts is None else (),
        sharing=sharing,
        batch_size=int(variables.get("ecr_share_batch_size") or 0) if traits.grants else 0,
        unmatched_ok=variables.get("ecr_share_on_missing") == "skip" or traits.everywhere,
        throttle=most_at_once if traits.saves and traits.grants else 0,
        backup_dir=f"{backup_dir}/{backup_name}" if backup_dir else None,
        report_dir=text_of(variables, "ecr_share_report_dir"),
        adopt_dir=text_of(variables, "ecr_share_adopt_dir") if purpose is Purpose.ADOPT else None,
        fail_on=fail_on,
        names=names_of(sources),
        principals=principals,
        still_named=tuple(_still_named(sources, read_options, principals)) if revoked else (),
        accepted=accepted,
        idle=_idle(variables, runs, read_options) if traits.grants and not revoked and hosts is None else (),
    )


def _problems_of_purging(runs: Iterable[Run]) -> Iterator[str]:
    """Yield the grants whose templates would give repositories what the next run takes from them."""
    known = list(runs)
    to_repositories = {grant[ORIGIN] for run in known if run.kind == Kind.REPOSITORIES for grant in run.grants}
    to_templates = (grant[ORIGIN] for run in known if run.kind == Kind.TEMPLATES for grant in run.grants)
    if to_repositories:
        for origin in dict.fromkeys(to_templates):
            if origin not in to_repositories:
                yield (
                    f"{origin}: {APPLY_TO}: with ecr_share_purge_grants, the next run would take away what ECR gives "
                    f"new repositories by this template: add {Kind.REPOSITORIES} to it"
                )


def _idle(variables: Variables, runs: Iterable[Run], read_options: ReadOptions) -> tuple[str, ...]:
    used = {grant[ORIGIN] for run in runs for grant in run.grants}
    origins = (grant[ORIGIN] for grant in declared_grants(variables, read_options))
    return tuple(origin for origin in origins if origin not in used)


def _sharing(variables: Variables, purpose: Purpose) -> Sharing:
    deleted = is_true(variables.get("ecr_share_purge_deleted_principals"))
    if purpose is Purpose.OFFBOARD:
        return Sharing("absent", False, deleted, "revoke", whole_account=True)
    return Sharing(
        state=str(variables.get("ecr_share_state") or "present"),
        purge_grants=is_true(variables.get("ecr_share_purge_grants")),
        purge_deleted_principals=deleted,
        unmanaged_access=str(variables.get("ecr_share_unmanaged_access") or "keep"),
        whole_account=is_true(variables.get("ecr_share_whole_account")),
    )


def _still_named(sources: Iterable[Variables], read_options: ReadOptions, principals: Iterable[str]) -> Iterator[str]:
    """Yield where grants name those who lose their access, so that the next run would give it back."""
    found: dict[str, None] = {}
    gone = {who for text in principals if (who := read_principal(text, None)) is not None}
    accounts = {who.name for who in gone if who.kind is PrincipalType.ACCOUNT}
    for variables in sources:
        try:
            grants = declared_grants(variables, read_options)
        except InvalidInputError:
            # Whoever shares by these grants is told what is wrong with them.
            continue
        for grant in grants:
            named = (read_principal(str(text), None) for text in grant["principals"])
            found.update(
                (f"{grant[ORIGIN]} names {word(who.name)}", None)
                for who in named
                if who is not None and (who in gone or who.account in accounts)
            )
    yield from found


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
            "sharing": Sharing(**values["sharing"]),
            "accepted": tuple(map(_read_accepted, values["accepted"])),
            **{name: tuple(map(read_run, values[name])) for name in ("runs", "reads", "lists")},
            **{name: tuple(values[name]) for name in ("fail_on", "principals", "still_named", "idle", "problems")},
        }
    )


def plan_values(plan: Plan) -> dict[str, Any]:
    """Return a plan as plain values, which read_plan() takes."""
    accepted = [{**asdict(one), "until": one.until and one.until.isoformat()} for one in plan.accepted]
    return {**asdict(plan), "accepted": accepted}


def _read_accepted(values: Mapping[str, Any]) -> Accepted:
    lists = {name: tuple(values[name]) for name in ("kinds", "registries", "hosts")}
    repositories, until = values["repositories"], values["until"]
    return Accepted(
        **{
            **values,
            **lists,
            "repositories": None if repositories is None else tuple(repositories),
            "until": None if until is None else date.fromisoformat(until),
        }
    )


def _roles(runs: Iterable[tuple[Credentials, Run]], connections: Collection[int]) -> Iterator[AssumedRole]:
    """Yield the roles of these connections, each to be assumed in the region of its first run."""
    first = {run.connection: (credentials, run) for credentials, run in reversed(list(runs))}
    for connection in sorted(first, key=lambda connection: connection.number):
        credentials, run = first[connection]
        if credentials.role_arn and connection.number in connections:
            yield AssumedRole(
                connection.number, credentials.role_arn, credentials.external_id, run.region, credentials.profile
            )
