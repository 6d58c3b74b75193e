# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""What a task asks for: the module's options, read and checked whole before anything is done."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from .._errors import InvalidInputError
from .._iam.arns import is_unique_id
from .._iam.principals import EVERYONE, Principal, PrincipalType, invalid_principal_reason, read_principal
from .._registry import REPOSITORY
from .._repository_names import is_pattern, matches, problem_with, unmatched
from .._sharing.capabilities import DEFAULT_ACCESS, NAMES, ordered
from .._sharing.grants import Grant, grant_label, read_grants
from .._text import quoted, word
from .backup_writer import problem_with_directory
from .backups import APPLY_TO, KINDS, RESTORE, SHARE, problem_with_path

# The options of a grant, as Ansible's argument specifications spell them.
GRANT_OPTIONS: Mapping[str, Any] = {
    "principals": {"type": "list", "elements": "str", "required": True},
    "access": {"type": "list", "elements": "str", "choices": list(NAMES), "default": list(ordered(DEFAULT_ACCESS))},
    "lambda_regions": {"type": "list", "elements": "str"},
    "repositories": {"type": "list", "elements": "str"},
}
# Of all modules that share. Each has besides what it shares.
SHARING_OPTIONS: Mapping[str, Any] = {
    "grants": {"type": "list", "elements": "dict", "required": True, "options": GRANT_OPTIONS},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "unmanaged_access": {"type": "str", "choices": ["keep", "revoke"], "default": "keep"},
    "whole_account": {"type": "bool", "default": False},
    "purge_grants": {"type": "bool", "default": False},
    "purge_deleted_principals": {"type": "bool", "default": False},
    "backup_dir": {"type": "path"},
    "include_policy": {"type": "bool", "default": False},
    "registry_id": {"type": "str"},
}
# What a backup is put back to: what the run found, or what it wrote.
BEFORE, WRITTEN = "before", "written"
# More do not pay: over TLS every new connection costs some 20 ms of CPU.
MAX_CONCURRENCY = 16
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-services
_SERVICE = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+")


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """What every run over repositories is asked for.

    Args:
        repositories: Names and patterns.
        missing_ok: Whether a name or pattern may match nothing.
        concurrency: How many repositories to work on at the same time.
        include_policy: Whether rows have policies.
    """

    repositories: tuple[str, ...]
    missing_ok: bool
    concurrency: int
    include_policy: bool = False


@dataclass(frozen=True, kw_only=True)
class WriteOptions(RunOptions):
    """What every run that writes is asked for.

    Args:
        check_mode: Whether nothing is written anywhere.
        diff: Whether the policies before and after are shown.
        force_set_policy: Whether to set a policy even if it keeps the caller from ever setting another.
        backup_dir: The directory for the backups of all runs; None for none.
    """

    # What manifests of backups call it.
    run_kind: ClassVar[str]
    check_mode: bool
    diff: bool
    force_set_policy: bool
    backup_dir: str | None


@dataclass(frozen=True, kw_only=True)
class Request(WriteOptions):
    """What a task that shares is asked for.

    Args:
        grants: Who gets what.
        sharing: True for `state: present`, False for `absent`.
        purge_grants: Whether principals that no grant names lose their access.
        purge_deleted_principals: Whether ids of deleted principals are removed.
        warn_of_unmatched: Whether to warn of a name or pattern that may match nothing, and does not.
        revoke_unmanaged: Whether the principals of the grants leave the unmanaged statements as well.
        whole_account: Whether the roles, users, sessions and functions of accounts lose their access as well.
        warnings: What else a person should know about the options.
    """

    run_kind = SHARE
    grants: tuple[Grant, ...]
    sharing: bool
    purge_grants: bool
    purge_deleted_principals: bool
    warn_of_unmatched: bool = False
    revoke_unmanaged: bool = False
    whole_account: bool = False
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RestoreRequest(WriteOptions):
    """What a task that restores policies is asked for; its `repositories` choose among those that were backed up.

    Args:
        backup_path: A backup, or a directory of backups.
        to: What to put back: BEFORE or WRITTEN.
        overwrite: Whether to restore even what was changed since, and what may never have been written.
        registry_id: 12 digits; None where none is asked for.
        kinds: What has the policies, some of backups.KINDS.
        named_kinds: Those that were asked for by name.
    """

    run_kind = RESTORE
    backup_path: str
    to: str
    overwrite: bool
    registry_id: str | None
    kinds: tuple[str, ...] = tuple(KINDS)
    named_kinds: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class AuditRequest(RunOptions):
    """What a task that audits a registry is asked for.

    Args:
        principal: Who is asked for; None for all.
        backup_dir: The directory for snapshots; None to save none.
        include_templates: Whether the creation templates are read as well.
    """

    principal: Principal | None
    backup_dir: str | None = None
    include_templates: bool = False


@dataclass(frozen=True, kw_only=True)
class BackupListRequest:
    """What a task that lists backups is asked for.

    Args:
        backup_dir: The directory for the backups of all runs.
        registry_id: 12 digits; None for those of all registries.
        region: None for those of all regions.
    """

    backup_dir: str
    registry_id: str | None
    region: str | None


def read_request(
    options: Mapping[str, Any],
    *,
    partition: str,
    partition_of_region: Callable[[str], str | None],
    check_mode: bool,
    diff: bool,
) -> Request:
    """What the module's options ask for.

    Raises InputError with every problem, so that nothing is begun that cannot be finished.
    """
    declared = read_declared(options, partition=partition, partition_of_region=partition_of_region)
    return request_of(
        options,
        declared,
        tuple(options["repositories"]),
        problems=_problems_with_names(options),
        check_mode=check_mode,
        diff=diff,
    )


@dataclass(frozen=True)
class Declared:
    """What the grants of a task ask for.

    Args:
        grants: The grants; none where they are not valid.
        problems: What is wrong with them.
        warnings: What a person should know about them.
    """

    grants: tuple[Grant, ...]
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def read_declared(
    options: Mapping[str, Any],
    *,
    partition: str,
    partition_of_region: Callable[[str], str | None],
    functions: bool = True,
) -> Declared:
    """Return what the grants of a task ask for.

    Args:
        options: Those of the module.
        partition: That of the registry.
        partition_of_region: Returns the partition of a region; None where it is not known.
        functions: Whether a grant may be for Lambda functions: only then it matters what is said of them.
    """
    sharing = functions and is_sharing(options)
    try:
        grants = read_grants(
            options["grants"], partition=partition, sharing=sharing, partition_of_region=partition_of_region
        )
    except InvalidInputError as error:
        return Declared((), error.problems)
    return Declared(grants, warnings=tuple(_unknown_regions(grants, partition_of_region)) if sharing else ())


def is_sharing(options: Mapping[str, Any]) -> bool:
    """Return whether access is given, and not taken away."""
    return bool(options["state"] == "present")


def request_of(
    options: Mapping[str, Any],
    declared: Declared,
    names: tuple[str, ...],
    *,
    problems: Sequence[str],
    check_mode: bool,
    diff: bool,
) -> Request:
    """Return what a task that shares asks for.

    Args:
        options: Those of the module.
        declared: What its grants ask for.
        names: Names and patterns of what has the policies.
        problems: What is wrong with these.
        check_mode: Whether nothing is written anywhere.
        diff: Whether the policies before and after are shown.

    Raises:
        InvalidInputError: With every problem.
    """
    sharing, revoke_unmanaged = is_sharing(options), options["unmanaged_access"] == "revoke"
    problems = [*declared.problems, *problems]
    if options["purge_grants"] and not sharing:
        problems.append("purge_grants requires state=present; state=absent removes only the listed principals")
    if options["whole_account"] and sharing:
        problems.append(
            "whole_account requires state=absent: a grant is for the principals that it names, and no others"
        )
    problems += _problems_with_runs(options)
    if problems:
        raise InvalidInputError(problems)
    return Request(
        repositories=names,
        grants=declared.grants,
        sharing=sharing,
        purge_grants=options["purge_grants"],
        purge_deleted_principals=options["purge_deleted_principals"],
        revoke_unmanaged=revoke_unmanaged,
        whole_account=options["whole_account"],
        missing_ok=options["on_missing"] == "skip",
        force_set_policy=options["force_set_policy"],
        concurrency=options["concurrency"],
        backup_dir=options["backup_dir"],
        include_policy=options["include_policy"],
        check_mode=check_mode,
        diff=diff,
        # A slip in a name would leave access that was to be taken away.
        warn_of_unmatched=options["on_missing"] == "skip"
        and (revoke_unmanaged or options["purge_grants"] or not sharing),
        warnings=declared.warnings,
    )


def read_restore_request(options: Mapping[str, Any], *, check_mode: bool, diff: bool) -> RestoreRequest:
    """What the options of the module that restores ask for.

    Raises InputError with every problem.
    """
    problems = [*_problems_with_wanted(options["repositories"]), *_problems_with_runs(options)]
    if options["apply_to"] == []:
        problems.append(f"apply_to is empty: name some of {', '.join(APPLY_TO)}, or leave it out")
    trouble = problem_with_path(options["backup_path"])
    if trouble:
        problems.append(f"backup_path: {trouble}")
    if problems:
        raise InvalidInputError(problems)
    return RestoreRequest(
        backup_path=options["backup_path"],
        to=options["to"],
        repositories=tuple(options["repositories"]),
        overwrite=options["overwrite"],
        registry_id=options["registry_id"],
        kinds=_kinds(options),
        named_kinds=_named_kinds(options),
        missing_ok=options["on_missing"] == "skip",
        force_set_policy=options["force_set_policy"],
        concurrency=options["concurrency"],
        backup_dir=options["backup_dir"],
        include_policy=options["include_policy"],
        check_mode=check_mode,
        diff=diff,
    )


def _kinds(options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what has the policies that are put back: whoever names repositories means no others."""
    unnamed = tuple(KINDS) if options["repositories"] == ["*"] else (REPOSITORY,)
    return _named_kinds(options) or unnamed


def _named_kinds(options: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(APPLY_TO[word] for word in options["apply_to"] or ()))


def read_audit_request(options: Mapping[str, Any], *, partition: str, check_mode: bool = False) -> AuditRequest:
    """What the options of the module that audits ask for.

    Raises InputError with every problem.
    """
    problems = [*_problems_with_wanted(options["repositories"]), *_problems_with_runs(options)]
    name = None if options["principal"] is None else options["principal"].strip()
    principal = None
    if name is not None:
        principal = read_principal(name, partition) or _only_found(name)
        if principal is None:
            why = invalid_principal_reason(name, partition)
            problems.append(
                f"principal {word(name)}: {why}; or * for everyone, a service, or the id of a deleted principal"
            )
    if problems:
        raise InvalidInputError(problems)
    return AuditRequest(
        repositories=tuple(options["repositories"]),
        principal=principal,
        include_policy=options["include_policy"],
        missing_ok=options["on_missing"] == "skip",
        concurrency=options["concurrency"],
        # Whoever only foresees changes nothing on the managed host either.
        backup_dir=None if check_mode else options.get("backup_dir"),
        include_templates=bool(options.get("include_templates")),
    )


def read_backup_list_request(options: Mapping[str, Any]) -> BackupListRequest:
    """What the options of the module that lists backups ask for.

    Raises InputError with every problem.
    """
    problems = problems_with_registry_id(options["registry_id"])
    trouble = problem_with_path(options["backup_dir"])
    if trouble:
        problems.append(f"backup_dir: {trouble}")
    if problems:
        raise InvalidInputError(problems)
    # An empty text is what a template makes of nothing.
    return BackupListRequest(
        backup_dir=options["backup_dir"], registry_id=options["registry_id"] or None, region=options["region"] or None
    )


def _only_found(name: str) -> Principal | None:
    """Return whom policies name, though no grant does: everyone, a service, the id of a deleted principal."""
    if name == EVERYONE.name:
        return EVERYONE
    if is_unique_id(name):
        return Principal(PrincipalType.DELETED, name)
    return Principal(PrincipalType.SERVICE, name) if _SERVICE.fullmatch(name) else None


def problems_with_registry_id(registry_id: str | None) -> list[str]:
    """What is wrong with the option C(registry_id), which may be left out."""
    if not registry_id or (len(registry_id) == 12 and registry_id.isascii() and registry_id.isdecimal()):
        return []
    return [f'registry_id: {quoted(registry_id)} is not a 12-digit account id; quote it, as in "012345670123"']


def _unknown_regions(grants: Sequence[Grant], partition_of_region: Callable[[str], str | None]) -> Iterator[str]:
    # Not refused: AWS opens regions faster than boto3 is updated.
    for region in dict.fromkeys(region for grant in grants for region in grant.lambda_regions or ()):
        if region != "*" and partition_of_region(region) is None:
            yield f"lambda_regions: boto3 knows no region {region}. If it is not a new one, correct it and run again"


def _problems_with_runs(options: Mapping[str, Any]) -> list[str]:
    """What is wrong with the options that every run over repositories has."""
    problems = []
    if not 1 <= options["concurrency"] <= MAX_CONCURRENCY:
        problems.append(f"concurrency: {options['concurrency']} is not between 1 and {MAX_CONCURRENCY}")
    problems += problems_with_registry_id(options["registry_id"])
    backup_dir = options.get("backup_dir")
    trouble = problem_with_directory(backup_dir) if backup_dir else None
    if trouble:
        problems.append(f"backup_dir: {trouble}")
    return problems


def _problems_with_wanted(wanted: Sequence[str]) -> list[str]:
    if not wanted:
        return ["repositories is empty: name at least one repository or pattern"]
    return [f"repositories: {problem}" for problem in map(problem_with, wanted) if problem]


def _problems_with_names(options: Mapping[str, Any]) -> list[str]:
    wanted = options["repositories"]
    problems = _problems_with_wanted(wanted)
    all_plain = not any(map(is_pattern, wanted))
    for index, grant in enumerate(options["grants"]):
        narrowed = grant.get("repositories")
        place = f"{grant_label('grants', index, grant.get('principals'))}: repositories"
        if narrowed is None:
            continue
        if not narrowed:
            problems.append(f"{place} is empty: leave it out to grant access to every repository of the task")
        unused = set(unmatched(narrowed, wanted)) if all_plain else set()
        for text in narrowed:
            problem = problem_with(text)
            if problem:
                problems.append(f"{place}: {problem}")
            elif text in unused and (options["on_missing"] == "fail" or not is_pattern(text)):
                problems.append(f'{place}: "{text}" matches none of the repositories of the task')
            elif not is_pattern(text) and not matches(wanted, text):
                problems.append(f'{place}: "{text}" is not among the repositories of the task')
    return problems
