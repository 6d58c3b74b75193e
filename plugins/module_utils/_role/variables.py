# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Read what the hosts of a play declare, and check every variable of the role.

* What is wrong is reported all at once, under the name of the variable, before anything is done.
* A host is a registry, whose repositories its variables list, or it is one repository of an inventory that lists them.
* One list of grants serves all registries: whether what it names is anywhere is known when they are listed, see lists.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from .._errors import InvalidInputError
from .._iam.arns import is_region
from .._iam.principals import invalid_principal_reason
from .._repository_names import is_pattern, matches, problem_with
from .._sharing.grants import grant_label, read_grants
from .._text import word
from . import principal_names
from .exceptions import Accepted, read_accepted
from .finding import KINDS
from .kinds import (
    APPLY_TO,
    Kind,
    beyond_repositories,
    of_kind,
    problems_of_owner,
    problems_of_repository,
    problems_with,
    problems_with_templates,
)
from .principal_names import PrincipalNames, read_names

Variables = Mapping[str, Any]
GrantOptions = Mapping[str, Any]
# Reads the options of grants that a variable holds. Raises InvalidInputError for what is not a list of grants.
ReadOptions = Callable[[str, Any], Sequence[GrantOptions]]

# Each host that is a repository may have these for itself.
_OF_CONNECTIONS = ("ecr_share_profile", "ecr_share_assume_role_arn", "ecr_share_assume_role_external_id")
# A host that is a repository answers these by itself.
_OF_REGISTRIES = ("ecr_share_repositories", "ecr_share_regions", "ecr_share_registry_id")
_LISTS = ("ecr_share_repositories", "ecr_share_regions")
_TEMPLATES = "ecr_share_templates"
# Principals that are not in grants.
_PRINCIPALS = ("ecr_share_absent_principals", "ecr_share_offboard", "ecr_share_ask_principals")
# These are one for all hosts that are repositories.
_OF_PLAYS = (
    *_PRINCIPALS,
    "ecr_share_access_key",
    "ecr_share_adopt_dir",
    "ecr_share_ask_access",
    "ecr_share_ask_repositories",
    "ecr_share_assume_role_session_name",
    "ecr_share_backup_path",
    "ecr_share_backup_dir",
    "ecr_share_batch_size",
    "ecr_share_concurrency",
    "ecr_share_endpoint_url",
    "ecr_share_fail_on",
    "ecr_share_force_set_policy",
    "ecr_share_on_missing",
    "ecr_share_overwrite",
    "ecr_share_purge_deleted_principals",
    "ecr_share_purge_grants",
    "ecr_share_report_dir",
    "ecr_share_restore_apply_to",
    "ecr_share_restore_to",
    "ecr_share_secret_key",
    "ecr_share_session_token",
    "ecr_share_state",
    _TEMPLATES,
    "ecr_share_unmanaged_access",
    "ecr_share_whole_account",
)
# Hosts that have the same of these may be one registry.
_OWNERS = ("ecr_share_assume_role_arn", "ecr_share_profile", "ecr_share_registry_id", "ecr_share_access_key")
OF_OWNERS = (*_OWNERS, "ecr_share_regions")
_DIRECTORIES = ("ecr_share_adopt_dir", "ecr_share_backup_dir", "ecr_share_backup_path", "ecr_share_report_dir")
# The role sets them. A controller may hand the numbers of one job to the next.
RETURNED = ("ecr_share_result", "ecr_share_stats")
KNOWN = (
    *_OF_CONNECTIONS,
    *_OF_REGISTRIES,
    *_OF_PLAYS,
    *RETURNED,
    "ecr_share_grants",
    "ecr_share_principals",
    "ecr_share_accepted",
)
# Beside ecr_share_grants, so that each group adds grants of its own: a list in one group replaces that of another.
_GRANTS = re.compile(r"ecr_share_grants(?:_[a-z0-9_]+)?")
# Variables that groups add to, each under a name of its own.
_ACCEPTED = re.compile(r"ecr_share_accepted(?:_[a-z0-9_]+)?")
_ADDED = (_GRANTS, principal_names.VARIABLES, _ACCEPTED)
_UNSET: tuple[Any, ...] = (None, "", [])
_TRUE = ("true", "yes", "on", "y", "t", "1")


# What a grant of a plan has beside the options of the module: where it was declared.
ORIGIN = "origin"


@dataclass(frozen=True)
class Needs:
    """What an entry point heeds of the variables.

    Args:
        grants: Whether it heeds grants.
        required: Whether there must be some.
        everywhere: Whether it is for all repositories of a registry, whatever ecr_share_repositories says.
        revoked: The variable with the principals that lose their access; None where grants say who has it.
    """

    grants: bool
    required: bool = False
    everywhere: bool = False
    revoked: str | None = None


@dataclass(frozen=True)
class Credentials:
    """What tells connections apart. None where it is not set."""

    profile: str | None
    role_arn: str | None
    external_id: str | None

    @property
    def label(self) -> str:
        return self.role_arn or (f"profile {self.profile}" if self.profile else "these credentials")


@dataclass(frozen=True)
class Member:
    """What one host brings.

    Args:
        repositories: Those of a registry.
        grants: The grants for them, each with its ORIGIN.
        templates: The prefixes and patterns of the templates of the registry that grants are for.
        beyond: The grants for the policy of the registry, and for templates, each with its ORIGIN and with APPLY_TO.
    """

    credentials: Credentials
    region: str | None
    registry_id: str | None
    repositories: tuple[str, ...]
    grants: tuple[GrantOptions, ...]
    templates: tuple[str, ...] = ()
    beyond: tuple[GrantOptions, ...] = ()


def read_members(
    variables: Variables,
    hosts: Mapping[str, Variables] | None,
    *,
    host: str,
    read_options: ReadOptions,
    needs: Needs,
) -> list[Member]:
    """Return what the hosts declare.

    Args:
        variables: The variables of the role as the current host sees them.
        hosts: The variables of each host, if hosts are repositories; None if the current host is a registry.
        host: The name of the current host.
        needs: What of it matters.

    Raises:
        InvalidInputError: With every problem; each begins with the variable that is wrong.
    """
    # Who loses access is one for all hosts of a play, which may say it where the inventory of a host does not.
    revoked = () if needs.revoked is None else principals_of(variables, needs.revoked)
    of_hosts = {} if hosts is None else hosts
    problems = [*_misspelt([variables, *of_hosts.values()]), *_different(of_hosts), *_problems_of_plays(variables)]
    if needs.revoked is not None and not revoked:
        problems.append(f"{needs.revoked} is empty: name at least one principal")
    reader = _GrantReader(read_options, needs.revoked, revoked)
    sources = [(host, variables)] if hosts is None else [(n, _effective(variables, hosts, n, host)) for n in hosts]
    members: list[Member] = []
    # Grants for other regions than those of this host are grants.
    declared = False
    for name, own in sources:
        try:
            grants = reader.grants(own) if needs.grants else ()
            declared = declared or bool(grants)
            members += (
                _registry(own, grants, needs)
                if hosts is None
                else [_repository(name, own, grants, needs, _templates(variables, needs))]
            )
        except InvalidInputError as error:
            problems += error.problems
    if not problems and needs.required and not declared:
        problems = ["ecr_share_grants is empty: name at least one principal, there or in variables ecr_share_grants_…"]
    if problems:
        raise InvalidInputError(list(dict.fromkeys(problems)))
    return members


def names_of(sources: Iterable[Variables]) -> dict[str, str]:
    """Return the name of each principal that the variables of hosts define. What is wrong there is passed over."""
    known: dict[str, PrincipalNames] = {}
    for variables in sources:
        own = {name: value for name, value in variables.items() if principal_names.VARIABLES.fullmatch(name)}
        key = canonical(own)
        if key not in known:
            try:
                known[key] = read_names(own)
            except InvalidInputError:
                known[key] = PrincipalNames()
    return principal_names.united_names(known.values())


def principals_of(variables: Variables, name: str) -> tuple[str, ...]:
    """Return the principals that a variable lists, with their names replaced. They may be invalid."""
    try:
        names = read_names(variables)
    except InvalidInputError:
        names = PrincipalNames()
    value = variables.get(name)
    if value in _UNSET:
        return ()
    # An empty text among others is no slip to pass over: who was meant would keep the access.
    listed = _listed(value) if isinstance(value, (str, list)) else [value]
    return tuple(dict.fromkeys(names.principal("" if text is None else str(text)) for text in listed))


def accepted_of(variables: Variables) -> tuple[Accepted, ...]:
    """Return the exceptions that a host accepts. Raises InvalidInputError with every problem."""
    names = read_names(variables)
    found: list[Accepted] = []
    problems: list[str] = []
    for variable in sorted(filter(_ACCEPTED.fullmatch, variables)):
        try:
            found += read_accepted(variable, variables[variable], names.principals)
        except InvalidInputError as error:
            problems += error.problems
    if problems:
        raise InvalidInputError(problems)
    return tuple(found)


def declared_grants(variables: Variables, read_options: ReadOptions) -> tuple[GrantOptions, ...]:
    """Return the grants that a host declares, each with its ORIGIN. Raises InvalidInputError."""
    return _GrantReader(read_options).grants(variables)


def throttle(registries: Iterable[Variables]) -> int:
    """Return how many hosts may share at the same time; 0 for no limit.

    Hosts that may be one registry share one after the other: each reads what the one before has written. Side by side,
    the last of them would overwrite the grants of the others.
    """
    places = []
    for variables in registries:
        regions = variables.get("ecr_share_regions")
        # What is wrong with the variables of another host is for that host to refuse.
        listed = _listed(regions) if isinstance(regions, (str, list)) else []
        owner = tuple(text_of(variables, name) for name in _OWNERS)
        places += [(owner, region) for region in dict.fromkeys(map(str, listed)) or [None]]
    return 0 if len(set(places)) == len(places) else 1


def covers(grant: GrantOptions, name: str) -> bool:
    """Return whether a grant is for a repository."""
    narrowed = grant.get("repositories")
    return narrowed is None or matches(narrowed, name)


def is_true(value: Any) -> bool:
    """Return whether a variable is true, as Ansible reads it."""
    return str(value).lower() in _TRUE


def _misspelt(variables: Iterable[Variables]) -> Iterator[str]:
    names = dict.fromkeys(name for of_host in variables for name in of_host if name.startswith("ecr_share_"))
    for name in names:
        if name in KNOWN or any(pattern.fullmatch(name) for pattern in _ADDED):
            continue
        nearest = [known for known in KNOWN if known.startswith(name)] or get_close_matches(name, KNOWN, n=1, cutoff=0)
        yield f"{word(name)} is not a variable of this role; did you mean {' or '.join(nearest)}?"


def _different(hosts: Mapping[str, Variables]) -> Iterator[str]:
    for name in _OF_PLAYS:
        holders: dict[str, str] = {}
        for host, variables in hosts.items():
            holders.setdefault(canonical(variables.get(name)), host)
        if len(holders) > 1:
            first, second, *_others = holders.values()
            yield (
                f"{name} differs between {word(first)} and {word(second)}, and all hosts that are repositories share "
                "one value: run a play for each value"
            )


def _problems_of_plays(variables: Variables) -> Iterator[str]:
    for name in _DIRECTORIES:
        path = variables.get(name)
        if path and not str(path).startswith(("/", "~")):
            # A module's working directory is that of the playbook, which may be in the collection itself.
            yield f"{name}: {word(str(path))} is not an absolute path"
    absent = variables.get("ecr_share_state") == "absent"
    if is_true(variables.get("ecr_share_purge_grants")) and absent:
        yield "ecr_share_purge_grants requires ecr_share_state: present; absent removes only the listed principals"
    if is_true(variables.get("ecr_share_whole_account")) and not absent:
        yield "ecr_share_whole_account requires ecr_share_state: absent"
    if variables.get("ecr_share_absent_principals") and not absent:
        yield "ecr_share_absent_principals requires ecr_share_state: absent"
    for kind in texts_of(variables, "ecr_share_fail_on"):
        if kind not in KINDS:
            yield f"ecr_share_fail_on: {word(kind)} is not a kind of findings; there are {', '.join(KINDS)}"
    for name in _PRINCIPALS:
        if not isinstance(variables.get(name) or [], (str, int, list)):
            yield f"{name} is not a list"
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
        and canonical(value) != canonical(first.get(name))
        and (_GRANTS.fullmatch(name) or principal_names.VARIABLES.fullmatch(name) or name in _OF_CONNECTIONS)
    }
    return {**own, **above}


class _GrantReader:
    """Reads the grants of hosts, and each value once: all hosts of a group hold the same.

    Args:
        read_options: Reads the options of grants that a variable holds.
        revoked: The variable with the principals that lose their access; None where grants say who has it.
        principals: These principals.
    """

    def __init__(self, read_options: ReadOptions, revoked: str | None = None, principals: Sequence[str] = ()) -> None:
        self._read_options, self._revoked, self._principals = read_options, revoked, principals
        self._known: dict[tuple[str, str, str], tuple[GrantOptions, ...]] = {}

    def grants(self, variables: Variables) -> tuple[GrantOptions, ...]:
        """Return what a host declares, names of principals replaced.

        Raises:
            InvalidInputError: With every problem.
        """
        names = read_names(variables)
        if self._revoked is not None:
            return self._of_revoked(self._revoked, names)
        of_names = canonical(names.principals)
        grants: list[GrantOptions] = []
        problems: list[str] = []
        for variable in sorted(filter(_GRANTS.fullmatch, variables)):
            value = variables[variable]
            if value == []:
                continue
            key = (variable, canonical(value), of_names)
            try:
                if key not in self._known:
                    self._known[key] = self._read(variable, value, names)
                grants += self._known[key]
            except InvalidInputError as error:
                problems += error.problems
        if problems:
            raise InvalidInputError(problems)
        return tuple(grants)

    def _read(self, variable: str, value: Any, names: PrincipalNames) -> tuple[GrantOptions, ...]:
        """Return the grants of a variable. Refuses what the module would refuse, under the name of the variable."""
        written = self._read_options(variable, value)
        options = [{**option, "principals": _resolved(option["principals"], names)} for option in written]
        problems = []
        for index, option in enumerate(written):
            label = grant_label(variable, index, option["principals"])
            listed = map(problem_with, option.get("repositories") or ())
            problems += [f"{label}: repositories: {problem}" for problem in listed if problem]
            problems += [f"{label}: regions: {_no_region(r)}" for r in option.get("regions") or () if not is_region(r)]
            if option.get("regions") == []:
                problems.append(f"{label}: regions is empty: leave it out to grant access in every region")
            problems += [f"{label}: {problem}" for problem in problems_with(option)]
        problems += _problems_with_principals(variable, options, names, sharing=True)
        if problems:
            raise InvalidInputError(problems)
        return tuple(
            {**option, ORIGIN: grant_label(variable, index, written[index]["principals"])}
            for index, option in enumerate(options)
        )

    def _of_revoked(self, variable: str, names: PrincipalNames) -> tuple[GrantOptions, ...]:
        """Return grants of those that lose their access."""
        options = [{"principals": [principal]} for principal in self._principals]
        problems = list(_problems_with_principals(variable, options, names, sharing=False)) if options else []
        if problems:
            raise InvalidInputError(problems)
        # Whoever is to be out, must be in none of them.
        return tuple({**option, ORIGIN: variable, APPLY_TO: tuple(Kind)} for option in options)


def _resolved(principals: Any, names: PrincipalNames) -> Any:
    if not isinstance(principals, (list, tuple)):
        return names.principal(str(principals))
    return [names.principal(str(principal)) for principal in principals]


def _problems_with_principals(
    variable: str, options: Sequence[GrantOptions], names: PrincipalNames, *, sharing: bool
) -> Iterator[str]:
    def why_not(text: str, partition: str | None) -> str:
        return invalid_principal_reason(text, partition) + names.suggestion(text)

    try:
        read_grants(
            options,
            partition=None,
            sharing=sharing,
            partition_of_region=lambda _region: None,
            option_name=variable,
            why_not=why_not,
        )
    except InvalidInputError as error:
        yield from error.problems


def _registry(variables: Variables, grants: tuple[GrantOptions, ...], needs: Needs) -> list[Member]:
    problems = list(_problems_with_types(variables, _LISTS, (str, list), "a list"))
    problems += _problems_with_types(variables, (*_OF_CONNECTIONS, "ecr_share_registry_id"), (str, int), "a text")
    if problems:
        raise InvalidInputError(problems)
    wanted, regions = (_listed(variables.get(name)) for name in _LISTS)
    of_repositories, beyond = of_kind(grants, Kind.REPOSITORIES), beyond_repositories(grants)
    templates = _templates(variables, needs)
    if needs.everywhere:
        wanted = ["*"]
    elif (of_repositories or (needs.required and not beyond)) and not wanted:
        problems.append("ecr_share_repositories is empty: name at least one repository or pattern")
    problems += [f"ecr_share_repositories: {problem}" for problem in map(problem_with, wanted) if problem]
    # A region without a name would be that of the connection, which nobody has named.
    problems += [f"ecr_share_regions: {_no_region(region)}" for region in regions if not is_region(region)]
    if not regions:
        problems += [
            f"{grant[ORIGIN]}: regions: this host has no ecr_share_regions, so it is not known which region is its own"
            for grant in grants
            if grant.get("regions")
        ]
    problems += problems_with_templates(beyond, templates, _TEMPLATES)
    credentials, registry_id = _credentials(variables), text_of(variables, "ecr_share_registry_id")
    if needs.revoked is None:
        owned = problems_of_owner(grants, registry_id, credentials.role_arn)
        problems += [f"ecr_share_registry_id: {problem}" for problem in owned]
    if problems:
        raise InvalidInputError(problems)
    return [
        Member(
            credentials,
            region,
            registry_id,
            tuple(wanted),
            _in_region(region, of_repositories),
            tuple(templates),
            _in_region(region, beyond),
        )
        for region in (dict.fromkeys(regions) if regions else (None,))
    ]


def _templates(variables: Variables, needs: Needs) -> list[Any]:
    """Return the templates that grants are for, as they are written. Whoever is to be out, must be in none of them."""
    value = variables.get(_TEMPLATES)
    if needs.revoked is not None or value is None:
        return ["*"]
    return _listed(value) if isinstance(value, (str, list)) else [value]


def _in_region(region: str | None, grants: Iterable[GrantOptions]) -> tuple[GrantOptions, ...]:
    """Return the grants for a region, as the module takes them."""
    return tuple(
        {name: value for name, value in grant.items() if name != "regions"}
        for grant in grants
        if not grant.get("regions") or region in grant["regions"]
    )


def _listed(value: Any) -> list[Any]:
    """Return a list of texts as the argument specification reads it: in a text, commas separate the members."""
    members = value.split(",") if isinstance(value, str) else value or []
    return [str(member).strip() if isinstance(member, (str, int)) else member for member in members]


def _repository(
    host: str, variables: Variables, grants: tuple[GrantOptions, ...], needs: Needs, templates: Sequence[Any]
) -> Member:
    name: Any = variables.get("ecr_repository_name")
    region = variables.get("ecr_region") or None
    texts = (*_OF_CONNECTIONS, "ecr_profile", "ecr_registry_id")
    problems = list(_problems_with_types(variables, texts, (str, int), "a text", f" of the host {word(host)}"))
    if not isinstance(name, str) or is_pattern(name) or problem_with(name):
        problems.append(f"ecr_repository_name of the host {word(host)} is not the name of a repository: {name!r}")
    if region is not None and not is_region(region):
        problems.append(f"ecr_region of the host {word(host)}: {_no_region(region)}")
    credentials, registry_id = _credentials(variables), text_of(variables, "ecr_registry_id")
    beyond = beyond_repositories(grants)
    problems += problems_with_templates(beyond, templates, _TEMPLATES)
    if needs.revoked is None:
        owned = problems_of_owner(grants, registry_id, credentials.role_arn)
        problems += [f"ecr_registry_id of the host {word(host)}: {problem}" for problem in owned]
        problems += problems_of_repository(grants, ORIGIN)
    if problems:
        raise InvalidInputError(problems)
    of_repositories = _in_region(region, of_kind(grants, Kind.REPOSITORIES))
    covering = tuple({**grant, "repositories": None} for grant in of_repositories if covers(grant, name))
    wanted = ("*",) if needs.everywhere else (name,)
    return Member(credentials, region, registry_id, wanted, covering, tuple(templates), _in_region(region, beyond))


def _problems_with_types(
    variables: Variables, names: Iterable[str], types: tuple[type, ...], what: str, whose: str = ""
) -> Iterator[str]:
    # The value is left out: it may be a secret.
    return (f"{name}{whose} is not {what}" for name in names if not isinstance(variables.get(name) or "", types))


def _no_region(value: Any) -> str:
    return f"{value!r} is not the name of a region, such as us-east-1"


def text_of(variables: Variables, name: str) -> str | None:
    """Return the text that a variable holds; None where it is not set."""
    return str(variables.get(name) or "") or None


def texts_of(variables: Variables, name: str) -> tuple[str, ...]:
    """Return the texts that a variable lists."""
    value = variables.get(name)
    return tuple(map(str, _listed(value))) if isinstance(value, (str, list)) else ()


def _credentials(variables: Variables) -> Credentials:
    profile, role_arn, external_id = (text_of(variables, name) for name in _OF_CONNECTIONS)
    return Credentials(profile or text_of(variables, "ecr_profile"), role_arn, external_id)


def canonical(value: Any) -> str:
    """Return a text that is the same for equal values."""
    return json.dumps(value, sort_keys=True, default=str)
