# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""One run that shares repositories by the policy of their registry, those to come among them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .._errors import SUMMARIES, PolicyWarning, RepositoryContext
from .._iam.document import statements
from .._iam.principals import Principal
from .._registry import REGISTRY, UNKNOWN_SCOPE, EcrError, PolicyTarget, Registry, StoredPolicy
from .._sharing.capabilities import actions_of
from .._sharing.grants import Grant
from .._sharing.managed_statements import Slot
from .._sharing.merge import Merged
from .._sharing.registry_statements import include
from .._sharing.unmanaged_access import held_by_hand
from .._text import quoted, visible, words
from .options import Request
from .policy_writes import Plan, run_writes
from .results import MAX_WARNING_SHOWN, WriteRunResult
from .share import SharingPlanner
from .targets import managed_statements

_UNKNOWN_SCOPE = (
    " Or the registry has the policy scope V1, which takes neither pull nor push: it takes ecr:GetAccountSetting, and "
    "boto3 1.35 or later, to find that out."
)
_WIDEN = "aws ecr put-account-setting --name REGISTRY_POLICY_SCOPE --value V2"


@dataclass(frozen=True)
class RegistryRunResult(WriteRunResult):
    """What a run returns that writes the policy of a registry: there is one row, and nothing to count.

    Args:
        region: That of the registry.
    """

    region: str = ""

    @property
    def message(self) -> str:
        return " | ".join(self.failures)

    @property
    def warnings(self) -> tuple[str, ...]:
        found = {warning.kind: warning for result in self.results for warning in reversed(result.warnings)}
        said = tuple(visible(found[kind].message, MAX_WARNING_SHOWN) for kind in SUMMARIES if kind in found)
        return (*said, *self.trouble)

    def to_dict(self, *, diff: bool, include_policy: bool) -> dict[str, Any]:
        (result,) = self.results
        place = {"registry_id": result.registry_id, "region": self.region}
        told = super().to_dict(diff=diff, include_policy=include_policy)
        rows, _summary = told.pop(self.things), told.pop("summary")
        return {**told, "registry": {**place, **rows[0]}}


def run(request: Request, registry: Registry) -> RegistryRunResult:
    """Share by the policy of the registry, or in check mode find out what would be done. Errors are in the result."""
    result = run_writes([registry.policy_of_registry()], RegistryPlanner(request, registry), request, registry)
    (row,) = result.results
    if row.error is None and row.registry_id is None:
        # AWS does not say whose a registry without a policy is. By now it was asked for.
        row = replace(row, registry_id=registry.owner())
    return RegistryRunResult((row,), result.backup_path, backup_trouble=result.backup_trouble, region=registry.region)


class RegistryPlanner(SharingPlanner):
    """What the policy of a registry becomes when grants are merged into it."""

    # Which actions the registry heeds, as soon as that was asked.
    _scope: str | None = None

    def is_for(self, grant: Grant, label: str) -> bool:
        return True

    def leaves(self, principal: Principal, slot: Slot) -> bool:
        patterns = [grant.repositories for grant in self._request.grants if grant.principal == principal]
        return any(include(listed, str(slot.repositories)) for listed in patterns)

    def plan(self, target: PolicyTarget, stored: StoredPolicy) -> Plan:
        """Plan what the policy becomes. See `SharingPlanner.plan`."""
        known = self._scope is not None
        plan = super().plan(target, stored)
        if not (known or self._scope is None or plan.write is None or self._request.check_mode):
            # To ask took time, in which others may have written.
            plan = super().plan(target, target.read())
        if self._scope != UNKNOWN_SCOPE or plan.write is None:
            return plan
        return replace(plan, write=replace(plan.write, other_cause=_UNKNOWN_SCOPE))

    def more_warnings(
        self, target: PolicyTarget, merged: Merged, grants: Sequence[Grant], context: RepositoryContext
    ) -> Iterable[PolicyWarning]:
        """Yield that unmanaged statements are for repositories that no grant of their principals is for."""
        if not self._request.sharing:
            return
        managed = managed_statements(target, StoredPolicy(None, context.registry_id), self._registry)
        declared: dict[str, list[tuple[str, ...] | None]] = {}
        for grant in self._request.grants:
            declared.setdefault(grant.principal.name, []).append(grant.repositories)
        actions = {grant.principal.name: frozenset(actions_of(grant.access)) for grant in grants}
        for position, statement in enumerate(statements(merged.policy), start=1):
            wider: dict[str, list[str]] = {}
            for taken in held_by_hand([statement], managed):
                patterns = declared.get(taken.principal, [None])
                beyond = [one for one in taken.repositories if not any(include(own, one) for own in patterns)]
                # What is more than a grant gives anywhere is warned of already.
                if beyond and actions.get(taken.principal, frozenset()).issuperset(taken.told):
                    wider.setdefault(words(beyond), []).append(taken.principal)
            sid = statement.get("Sid") if isinstance(statement.get("Sid"), str) else None
            label = f"statement {position if sid is None else quoted(sid)} of the registry policy"
            for repositories, named in wider.items():
                names = list(dict.fromkeys(named))
                text = f"{label} lets in {words(names)} for {repositories}, which is more than their grants are for"
                yield context.warning("excess_access", text, policy=REGISTRY, sid=sid, principals=names)

    def check(self, merged: Merged) -> None:
        """Raise EcrError where the registry heeds the actions of replication and of pull-through caches alone."""
        if not merged.granted:
            return
        self._scope = self._scope or self._registry.registry_policy_scope()
        if self._scope == "V1":
            raise EcrError(
                "this registry has the policy scope V1, and heeds neither pull nor push in its policy. Look at what "
                f"the policy has, and then change it: {_WIDEN}"
            )
