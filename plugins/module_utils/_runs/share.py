# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""One run that shares many repositories: each is read, merged and written back to back, and read again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache, partial

from .._errors import PolicyWarning, RepositoryContext
from .._evaluation.evaluator import PolicyEvaluator
from .._evaluation.policy_warnings import deleted_principal_warnings, sharing_warnings, unsharing_warnings
from .._iam.arns import repository_arn
from .._iam.document import Policy, parse, serialise
from .._iam.principals import ORGANIZATIONS
from .._registry import EcrError, StoredPolicy
from .._repository_names import is_pattern, matches, select, unmatched
from .._sharing.grants import Grant, gather
from .._sharing.managed_statements import ManagedStatements
from .._sharing.merge import Merged, share, unshare
from .bulk import run_each
from .options import Request
from .results import Outcome, Result, outcome, row
from .settle import Settling
from .store import Registry, Replacement, Store, open_store

_BY_HAND = "take them out of the foreign statements by hand"
_ADVICE = {True: _BY_HAND, False: f"set purge_deleted_principals, or {_BY_HAND}"}


def run(request: Request, registry: Registry) -> Result:
    """Do what is asked, or in a dry run find out what would be done.

    Raises EcrError if patterns are asked for and the repositories cannot be listed; all other errors are rows.
    """
    existing = registry.names() if any(map(is_pattern, request.repositories)) else []
    selection = select(request.repositories, existing)
    unmatched = {text: f'no repository matches "{text}"' for text in selection.unmatched}
    for text, indices in _idle_in_grants(request.grants, selection.names).items():
        where = ", ".join(f"grants[{index}]" for index in indices)
        unmatched.setdefault(text, f'{where}: no repository of this task matches "{text}"')
    store = open_store(registry, dry=request.dry, force=request.force, backup_dir=request.backup_dir)

    evaluator_of = lru_cache(maxsize=2)(partial(PolicyEvaluator, registry.partition))

    def work(name: str, warnings: list[PolicyWarning]) -> Outcome:
        return _share_one(name, request, store, evaluator_of, warnings)

    settling = Settling(work, registry.pause)
    result = run_each(
        selection.names,
        settling.attempt,
        unmatched.items(),
        concurrency=request.concurrency,
        missing_ok=request.missing_ok,
        warn_of_unmatched=request.warn_of_unmatched,
        look=None if request.dry else settling.confirm,
    )
    return replace(result, backup=store.backup)


def _idle_in_grants(grants: Sequence[Grant], names: Sequence[str]) -> dict[str, list[int]]:
    """The names and patterns that grants are narrowed to and that match none of these, with the grants' indices."""
    found: dict[str, dict[int, None]] = {}
    for grant in grants:
        for text in unmatched(grant.repositories or (), names):
            found.setdefault(text, {})[grant.position] = None
    return {text: list(positions) for text, positions in found.items()}


def _share_one(
    name: str,
    request: Request,
    store: Store,
    evaluator_of: Callable[[str | None], PolicyEvaluator],
    warnings: list[PolicyWarning],
) -> Outcome:
    grants = gather(
        grant for grant in request.grants if grant.repositories is None or matches(grant.repositories, name)
    )
    if not grants:
        return Outcome(row(name))
    registry = store.registry
    stored = registry.read(name)
    context = RepositoryContext(name, registry.region, stored.registry_id)
    before = None if stored.text is None else parse(stored.text)
    managed = managed_statements(registry, name, stored)
    merged = _merge(before, grants, managed, stored, request)
    policy = evaluator_of(stored.registry_id).parse(merged.policy, _arn(registry, name, stored))
    if request.sharing:
        warnings += sharing_warnings(policy, grants, context, purge_grants=request.purge_grants)
    else:
        warnings += unsharing_warnings(policy, grants, context)
    purged = request.purge_deleted_principals
    warnings += deleted_principal_warnings(policy, context, writing=merged.changed, purged=purged)
    if merged.changed:
        fresh = tuple(grant.principal.name for grant in grants if _may_be_new(grant, merged))
        text = None if merged.policy is None else serialise(merged.policy)
        new = Replacement(
            stored,
            merged.policy,
            text,
            newcomers=fresh,
            patient=bool(fresh),
            advice=_ADVICE[request.purge_deleted_principals],
        )
        warnings += store.put(name, new)
    return outcome(name, warnings, before, merged, partition=registry.partition, diff=request.diff)


def _merge(
    before: Policy | None,
    grants: tuple[Grant, ...],
    managed: ManagedStatements,
    stored: StoredPolicy,
    request: Request,
) -> Merged:
    if not request.sharing:
        principals = [grant.principal for grant in grants]
        return unshare(before, principals, managed=managed, purge_deleted_principals=request.purge_deleted_principals)
    if request.purge_grants and before is not None and not stored.registry_id:
        raise EcrError("AWS did not say which account owns the registry, and purge_grants must spare that account")
    return share(
        before,
        grants,
        managed=managed,
        registry_id=stored.registry_id or "",
        purge_grants=request.purge_grants,
        purge_deleted_principals=request.purge_deleted_principals,
    )


def managed_statements(registry: Registry, name: str, stored: StoredPolicy) -> ManagedStatements:
    """Return the managed statements in the policy of a repository that was read."""
    return ManagedStatements(registry.partition, _arn(registry, name, stored))


def _arn(registry: Registry, name: str, stored: StoredPolicy) -> str | None:
    owner, region, partition = stored.registry_id, registry.region, registry.partition
    return repository_arn(name, owner, region, partition) if owner else None


def _may_be_new(grant: Grant, merged: Merged) -> bool:
    added = {change.principal for change in merged.granted}
    return grant.principal.name in added and grant.principal.kind not in ORGANIZATIONS
