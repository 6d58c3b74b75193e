# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""One run that shares many repositories: which of them, what their policies become, and what to warn about."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache, partial

from .._errors import PolicyWarning, RepositoryContext, certain_first
from .._evaluation.evaluator import PolicyEvaluator, RegistryPolicy
from .._evaluation.policy_warnings import deleted_principal_warnings, sharing_warnings, unsharing_warnings
from .._iam.document import Policy, parse, serialise, statements
from .._iam.principals import ORGANIZATIONS, Principal, policy_unique_ids
from .._registry import EcrError, PolicyTarget, Registry, StoredPolicy
from .._repository_names import is_pattern, matches, select, unmatched
from .._sharing.grants import Grant, gather
from .._sharing.managed_statements import ManagedStatements, Slot
from .._sharing.merge import Merged, share, unshare
from .bulk import nothing_matches, place_of
from .options import Request
from .policy_writes import Plan, PlannedWrite, planned, run_writes
from .registry_policy import RegistryPolicyReader
from .results import WriteResult, WriteRunResult
from .targets import context_of, evaluated, managed_statements

_BY_HAND = "remove them from the unmanaged statements by hand."
# By whether managed statements name deleted principals.
_ADVICE = {False: _BY_HAND.capitalize(), True: f"Set purge_deleted_principals, or {_BY_HAND}"}


def run(request: Request, registry: Registry) -> WriteRunResult:
    """Share, or in check mode find out what would be done.

    Raises:
        EcrError: There are patterns, and the repositories cannot be listed. All other errors are in the results.
    """
    existing = registry.names() if any(map(is_pattern, request.repositories)) else []
    selection = select(request.repositories, existing)
    reasons = {text: nothing_matches(text, registry) for text in selection.unmatched}
    for text, positions in _unmatched_in_grants(request.grants, selection.names).items():
        where = ", ".join(f"grants[{position}]" for position in positions)
        reasons.setdefault(text, f'{where}: no repository of this task matches "{text}"')
    registry_policy = RegistryPolicyReader(registry)
    result = run_writes(
        [registry.repository(name) for name in selection.names],
        SharingPlanner(request, registry, registry_policy),
        request,
        registry,
        unmatched=[WriteResult(text, error=why, missing=True) for text, why in reasons.items()],
    )
    # Whoever takes access away wants to know that nobody else has it.
    result = replace(
        result,
        registry_policy=registry_policy.read(),
        warn_of_unread=request.revoke_unmanaged or request.purge_grants or not request.sharing,
    )
    if not request.warn_of_unmatched:
        return result
    rows = (_warned_if_missing(row, reasons.get(row.name), registry) for row in result.results)
    return replace(result, results=tuple(rows))


class SharingPlanner:
    """What policies become when grants are merged into them: those of repositories. Subclasses say what is otherwise.

    Args:
        request: What is asked for.
        registry: Where the policies are.
        registry_policy: Reads the policy of the registry, which warnings heed; None where that makes no difference.
    """

    def __init__(
        self, request: Request, registry: Registry, registry_policy: RegistryPolicyReader | None = None
    ) -> None:
        self._request, self._registry, self._region = request, registry, registry.region
        self._registry_policy = registry_policy
        # AWS says who owns a policy, but not where there is none, so there are two at most.
        self._evaluator = cache(
            partial(PolicyEvaluator, registry.partition, region=registry.region, now=time.time(), check=registry.check)
        )

    def covers(self, label: str) -> bool:
        return any(self.is_for(grant, label) for grant in self._request.grants)

    def is_for(self, grant: Grant, label: str) -> bool:
        """Return whether a grant is merged into the policy with a label."""
        return _covers(grant, label)

    def leaves(self, principal: Principal, slot: Slot) -> bool:
        """Return whether one who is named leaves a slot where access is taken away."""
        return True

    def check(self, merged: Merged) -> None:
        """Raise EcrError if AWS would not heed what a policy becomes."""

    def more_warnings(
        self, target: PolicyTarget, merged: Merged, grants: Sequence[Grant], context: RepositoryContext
    ) -> Iterable[PolicyWarning]:
        """Return what else a person should know."""
        return ()

    def plan(self, target: PolicyTarget, stored: StoredPolicy) -> Plan:
        """Plan what a policy becomes.

        Raises:
            PolicyError: The policy cannot be kept to the letter.
            EcrError: The owner is to be spared, and is not known, or is named.
        """
        request = self._request
        declared = tuple(grant for grant in request.grants if self.is_for(grant, target.label))
        grants = gather(declared)
        before = None if stored.text is None else parse(stored.text)
        merged = self._merge(target, stored, before, declared)
        self.check(merged)
        new_principals = tuple(grant.principal.name for grant in grants if _may_be_new(grant, merged))

        def write() -> PlannedWrite:
            return PlannedWrite(
                target,
                replaces=stored,
                policy=merged.policy,
                text=None if merged.policy is None else serialise(merged.policy),
                new_principals=new_principals,
                retry_invalid_principal=bool(new_principals),
                advice=_ADVICE[_has_deleted(merged.policy, managed_statements(target, stored, self._registry))],
            )

        warnings = partial(self._warnings, target, stored, merged, grants)
        return planned(target, stored, before, merged, warnings, request, self._registry, write)

    def _merge(
        self, target: PolicyTarget, stored: StoredPolicy, before: Policy | None, grants: Sequence[Grant]
    ) -> Merged:
        request, managed = self._request, managed_statements(target, stored, self._registry)
        if not request.sharing:
            principals = [grant.principal for grant in grants]
            if request.whole_account and stored.registry_id in {principal.name for principal in principals}:
                raise EcrError(
                    f"{stored.registry_id} owns this registry, and whole_account would take out its own roles and "
                    "functions. Take it off the grants; without whole_account, its entries alone leave"
                )
            return unshare(
                before,
                principals,
                managed=managed,
                leaves=self.leaves,
                purge_deleted_principals=request.purge_deleted_principals,
                revoke_unmanaged=request.revoke_unmanaged,
                whole_account=request.whole_account,
            )
        if request.purge_grants and before is not None and not stored.registry_id:
            raise EcrError("AWS did not say which account owns the registry, and purge_grants must spare that account")
        return share(
            before,
            grants,
            managed=managed,
            registry_id=stored.registry_id or "",
            purge_grants=request.purge_grants,
            purge_deleted_principals=request.purge_deleted_principals,
            revoke_unmanaged=request.revoke_unmanaged,
        )

    def _warnings(
        self, target: PolicyTarget, stored: StoredPolicy, merged: Merged, grants: Sequence[Grant]
    ) -> list[PolicyWarning]:
        request, owner, of_registry = self._request, stored.registry_id, RegistryPolicy()
        if self._registry_policy is not None:
            owner = owner or self._registry_policy.owner()
            of_registry = self._registry_policy.read().policy or of_registry
        context = context_of(target, self._region, owner)
        policy = evaluated(merged.policy, target, self._evaluator(owner), owner, of_registry)
        if request.sharing:
            # Where there is no policy, there was nothing to purge.
            purge_grants = request.purge_grants and owner is not None
            warnings = sharing_warnings(policy, grants, context, purge_grants=purge_grants)
        else:
            warnings = unsharing_warnings(policy, grants, context, whole_account=request.whole_account)
        managed = managed_statements(target, stored, self._registry)
        of_merged = statements(merged.policy)
        deleted = deleted_principal_warnings(
            policy,
            context,
            writing=merged.changed,
            purged=request.purge_deleted_principals,
            is_managed=lambda numbered: managed.match(of_merged[numbered.position - 1]) is not None,
        )
        return [*warnings, *deleted, *self.more_warnings(target, merged, grants, context)]


def _has_deleted(policy: Policy | None, managed: ManagedStatements) -> bool:
    """Return whether a managed statement names deleted principals."""
    naming = (one for one in statements(policy) if policy_unique_ids({"Statement": one}))
    return any(managed.match(statement) is not None for statement in naming)


def _covers(grant: Grant, name: str) -> bool:
    return grant.repositories is None or matches(grant.repositories, name)


def _may_be_new(grant: Grant, merged: Merged) -> bool:
    added = {change.principal for change in merged.granted}
    return grant.principal.name in added and grant.principal.kind not in ORGANIZATIONS


def _unmatched_in_grants(grants: Sequence[Grant], names: Sequence[str]) -> dict[str, list[int]]:
    """Return what grants are narrowed to and matches none of the names, with the positions of the grants."""
    found: dict[str, dict[int, None]] = {}
    for grant in grants:
        for text in unmatched(grant.repositories or (), names):
            found.setdefault(text, {})[grant.position] = None
    return {text: list(positions) for text, positions in found.items()}


def _warned_if_missing(result: WriteResult, why: str | None, registry: Registry) -> WriteResult:
    """Return a result with a warning if its name or pattern matches nothing, which is no failure."""
    if not result.missing or result.error is not None:
        return result
    why = why or f"there is no repository of this name in {place_of(registry)}"
    context = RepositoryContext(result.name, registry.region, registry.requested_owner)
    warning = context.warning("pattern_not_matched", why)
    return replace(result, warnings=certain_first([*result.warnings, warning]))
