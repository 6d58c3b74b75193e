# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Merges for the laws that hold of every one: what is asked for, and whom it is about.

Who may do what is decided by tests/support/evaluator.py, which knows nothing of the code under test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from ansible_collections.imageshare.aws.plugins.module_utils._iam.document import PolicyComparison
from ansible_collections.imageshare.aws.plugins.module_utils._iam.principals import PrincipalType
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.capabilities import LAMBDA_ACTIONS, actions_of
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.grants import Grant, read_grants
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.managed_statements import ManagedStatements
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.merge import Merged, share, unshare
from ansible_collections.imageshare.aws.tests.support import policies
from ansible_collections.imageshare.aws.tests.support.evaluator import Requester, effective_actions
from hypothesis import strategies as st


@dataclass(frozen=True)
class Case:
    """A policy, and what is asked of it."""

    partition: str
    policy: Any
    grants: tuple[Grant, ...]
    purge: bool
    purge_deleted_principals: bool

    @property
    def managed(self) -> ManagedStatements:
        return ManagedStatements(self.partition)

    def equal(self, first: Any, second: Any) -> bool:
        return PolicyComparison(self.partition).equal(first, second)

    def share(
        self,
        policy: Any,
        *,
        purge_grants: bool | None = None,
        purge_deleted_principals: bool | None = None,
        revoke_unmanaged: bool = False,
    ) -> Merged:
        return share(
            policy,
            self.grants,
            managed=self.managed,
            registry_id=policies.REGISTRY_ID,
            purge_grants=self.purge if purge_grants is None else purge_grants,
            purge_deleted_principals=self.purge_deleted_principals
            if purge_deleted_principals is None
            else purge_deleted_principals,
            revoke_unmanaged=revoke_unmanaged,
        )

    def unshare(self, policy: Any, *, revoke_unmanaged: bool = False, whole_account: bool = False) -> Merged:
        return unshare(
            policy,
            [grant.principal for grant in self.grants],
            managed=self.managed,
            revoke_unmanaged=revoke_unmanaged,
            whole_account=whole_account,
        )


def _policies_or_none(partition: str) -> st.SearchStrategy[Any]:
    return st.none() | policies.policies(partition)


@st.composite
def cases(draw: st.DrawFn, kind: Callable[[str], st.SearchStrategy[Any]] = _policies_or_none) -> Case:
    """A policy of one kind, and grants."""
    partition = draw(st.sampled_from(policies.PARTITIONS))
    grants = read_grants(
        draw(policies.grant_lists(partition)),
        partition=partition,
        sharing=True,
        partition_of_region=lambda _region: partition,
    )
    policy = draw(kind(partition))
    return Case(partition, policy, grants, draw(st.booleans()), draw(st.booleans()))


def reaches(grant: Grant, requester: Requester) -> bool:
    """Whether a grant is for a requester, by the words of the contract."""
    principal, context = grant.principal, requester.context
    if not requester.principal.startswith("arn:"):
        return context.get("aws:SourceAccount") == principal.name
    if principal.kind is PrincipalType.ACCOUNT:
        return requester.principal.split(":")[4:5] == [principal.name]
    if principal.kind is PrincipalType.ORGANIZATION:
        return context.get("aws:PrincipalOrgID") == principal.name
    if principal.kind is PrincipalType.ORGANIZATIONAL_UNIT:
        return any(fnmatchcase(path, principal.name) for path in context.get("aws:PrincipalOrgPaths", ()))
    return principal.name in (requester.principal, context.get("aws:PrincipalArn"))


def access(policy: Any, partition: str) -> list[tuple[Requester, frozenset[str]]]:
    return [
        (requester, effective_actions(policy, requester, policies.ACTIONS))
        for requester in policies.requesters(partition)
    ]


def others(grants: Iterable[Grant], rows: Sequence[Any]) -> list[Any]:
    return [row for row in rows if not any(reaches(grant, row[0]) for grant in grants)]


def granted_to(requester: Requester, grants: Iterable[Grant]) -> frozenset[str]:
    """The actions that grants promise a requester; of Lambda, only in the regions of a grant."""
    found: set[str] = set()
    for grant in grants:
        if not reaches(grant, requester):
            continue
        if requester.principal == "lambda.amazonaws.com":
            region = requester.context["aws:SourceArn"].split(":")[3]
            if {region, "*"} & set(grant.lambda_regions or ()):
                found.update(LAMBDA_ACTIONS)
        elif requester.principal.startswith("arn:"):
            found.update(actions_of(grant.access))
    return frozenset(found)
