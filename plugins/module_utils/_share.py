# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""One run over many repositories: read, merge, write and report each of them, whatever happens to the others."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from ansible_collections.imageshare.aws.plugins.module_utils._access import policy_unique_ids
from ansible_collections.imageshare.aws.plugins.module_utils._ecr import (
    EcrError,
    PolicyRefusedError,
    RepositoryMissingError,
    StoredPolicy,
)
from ansible_collections.imageshare.aws.plugins.module_utils._grants import Grant, Kind, gather
from ansible_collections.imageshare.aws.plugins.module_utils._merge import Merged, share, unshare
from ansible_collections.imageshare.aws.plugins.module_utils._names import is_pattern, matches, select
from ansible_collections.imageshare.aws.plugins.module_utils._policy import (
    MAX_LENGTH,
    Policy,
    PolicyError,
    equal,
    parse,
    pretty,
    serialise,
)
from ansible_collections.imageshare.aws.plugins.module_utils._request import Request
from ansible_collections.imageshare.aws.plugins.module_utils._result import Result, Row, row
from ansible_collections.imageshare.aws.plugins.module_utils._warnings import (
    Place,
    PolicyWarning,
    about_orphans,
    after_sharing,
    after_unsharing,
)

# The policy before and after, as Ansible shows them.
_Diff = Mapping[str, str]


class Registry(Protocol):
    """What a run needs of a registry; _ecr.Registry says what its methods do."""

    partition: str
    region: str

    def names(self) -> list[str]: ...
    def read(self, name: str) -> StoredPolicy: ...
    def write(self, name: str, text: str, *, force: bool, patient: bool) -> str: ...
    def delete(self, name: str) -> None: ...


def run(request: Request, registry: Registry) -> Result:
    """Do what is asked, or in a dry run find out what would be done.

    Raises EcrError if patterns are asked for and the repositories cannot be listed; all other errors are rows.
    """
    existing = registry.names() if any(map(is_pattern, request.repositories)) else []
    selection = select(request.repositories, existing)
    with ThreadPoolExecutor(max_workers=request.concurrency) as workers:
        outcomes = list(workers.map(lambda name: _run_one(name, request, registry), selection.names))
    rows = [
        *(done for done, _diff in outcomes),
        *(_unmatched(pattern, f'no repository matches "{pattern}"', request) for pattern in selection.unmatched),
        *(
            _unmatched(text, f'grants[{index}]: no repository of this task matches "{text}"', request)
            for index, grant in enumerate(request.grants)
            for text in grant.repositories or ()
            if not any(matches([text], name) for name in selection.names)
        ),
    ]
    return Result(tuple(rows), tuple(diff for _done, diff in outcomes if diff))


def _run_one(name: str, request: Request, registry: Registry) -> tuple[Row, _Diff | None]:
    grants = gather(
        grant for grant in request.grants if grant.repositories is None or matches(grant.repositories, name)
    )
    warnings: list[PolicyWarning] = []
    try:
        return _share_one(name, grants, request, registry, warnings)
    except RepositoryMissingError as error:
        return _unmatched(name, str(error), request), None
    except EcrError as error:
        return row(name, warnings, error=f"{name}: {error}"), None
    except PolicyError as error:
        return row(name, warnings, error=f"{name}: its policy is left alone, because {error}"), None
    except Exception as error:  # One repository's surprise must not hide what was done to the others.
        text = (
            f"{name}: unexpected {type(error).__name__}: {error}. Look at its policy, which may have been written, and "
            "please report this to the collection imageshare.aws"
        )
        return row(name, warnings, error=text), None


def _share_one(
    name: str, grants: tuple[Grant, ...], request: Request, registry: Registry, warnings: list[PolicyWarning]
) -> tuple[Row, _Diff | None]:
    if not grants:
        return row(name), None
    place = Place(name, registry.region, registry.partition)
    stored = registry.read(name)
    before = None if stored.text is None else parse(stored.text)
    merged = _merge(before, grants, stored, request, registry)
    if request.sharing:
        purged_for = stored.registry_id if request.purge else None
        warnings += after_sharing(merged.policy, grants, place, purged_for=purged_for)
    else:
        warnings += after_unsharing(merged.policy, grants, place)
    warnings += about_orphans(merged.policy, place, writing=merged.changed, pruned=request.prune_orphans)
    if merged.changed:
        _store(name, merged, grants, request, registry, warnings)
    diff = None
    if merged.changed and request.diff:
        diff = {
            "before_header": name,
            "before": pretty(before, registry.partition),
            "after_header": name,
            "after": pretty(merged.policy, registry.partition),
        }
    return row(name, warnings, merged), diff


def _merge(
    before: Policy | None, grants: tuple[Grant, ...], stored: StoredPolicy, request: Request, registry: Registry
) -> Merged:
    if not request.sharing:
        principals = [grant.principal for grant in grants]
        return unshare(before, principals, partition=registry.partition, prune_orphans=request.prune_orphans)
    if request.purge and before is not None and not stored.registry_id:
        raise EcrError("AWS did not say which account owns the registry, and purge must spare that account")
    return share(
        before,
        grants,
        partition=registry.partition,
        registry_id=stored.registry_id or "",
        purge=request.purge,
        prune_orphans=request.prune_orphans,
    )


def _store(
    name: str,
    merged: Merged,
    grants: tuple[Grant, ...],
    request: Request,
    registry: Registry,
    warnings: list[PolicyWarning],
) -> None:
    if merged.policy is None:
        if not request.dry:
            registry.delete(name)
        return
    text = serialise(merged.policy)
    if len(text) > MAX_LENGTH:
        raise PolicyError(
            f"it would be {len(text):,} characters long, and AWS allows {MAX_LENGTH:,}. To do: grant access to an "
            "organization (o-…) instead of many accounts, or take away what is no longer needed"
        )
    if request.dry:
        return
    orphans = policy_unique_ids(merged.policy)
    fresh = tuple(grant.principal.name for grant in grants if _may_be_new(grant, merged))
    try:
        answer = registry.write(name, text, force=request.force, patient=bool(fresh) and not orphans)
    except PolicyRefusedError as error:
        raise EcrError(f"{error} {_suspects(orphans, fresh)}") from error
    if not _means(answer, merged.policy, registry.partition):
        message = f"{name}: AWS stored another policy than the one that was sent. It has now: {answer}"
        warnings.append(PolicyWarning("stored_differently", message))


def _means(text: str, policy: Policy, partition: str) -> bool:
    try:
        return equal(parse(text), policy, partition)
    except PolicyError:
        return False


def _may_be_new(grant: Grant, merged: Merged) -> bool:
    added = {change.principal for change in merged.granted}
    return grant.principal.name in added and grant.principal.kind not in (Kind.ORGANIZATION, Kind.ORGANIZATIONAL_UNIT)


def _suspects(orphans: tuple[str, ...], fresh: tuple[str, ...]) -> str:
    if orphans:
        return (
            f"It names deleted principals, which AWS refuses: {', '.join(orphans)}. To do: set prune_orphans, or take "
            "them out of the foreign statements by hand."
        )
    if fresh:
        return f"Does each of these exist, and is its region enabled: {', '.join(fresh)}?"
    return "None of the principals is new here: look for one that was deleted, or for what AWS no longer accepts."


def _unmatched(name: str, why: str, request: Request) -> Row:
    return row(name, missing=True) if request.missing_ok else row(name, error=why)
