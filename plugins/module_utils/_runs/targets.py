# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""What the policies of repositories, registries and creation templates differ in, for a run that reads or writes them.

Everything else is the same for all three: the merge, the run, the warnings and the backups.
"""

from __future__ import annotations

from collections.abc import Mapping

from .._errors import RepositoryContext
from .._evaluation.evaluator import ParsedPolicy, PolicyEvaluator, RegistryPolicy
from .._iam.document import Policy
from .._registry import REGISTRY, REPOSITORY, TEMPLATE, PolicyTarget, Registry, StoredPolicy
from .._repository_names import REGISTRY_LABEL, template_prefix
from .._sharing.managed_statements import ManagedStatements
from .._sharing.registry_statements import RegistryStatements

_THINGS: Mapping[str, str] = {REPOSITORY: "the repository", REGISTRY: "the registry", TEMPLATE: "the template"}
NO_POLICY = RegistryPolicy()


def target_of(registry: Registry, label: str) -> PolicyTarget:
    """Return the policy that rows and backups call so, which need not exist."""
    if label == REGISTRY_LABEL:
        return registry.policy_of_registry()
    prefix = template_prefix(label)
    return registry.repository(label) if prefix is None else registry.template(prefix)


def context_of(target: PolicyTarget, region: str, registry_id: str | None) -> RepositoryContext:
    """Return what warnings about a policy say of its place."""
    return RepositoryContext(target.label, region, registry_id, _THINGS[target.kind])


def managed_statements(target: PolicyTarget, stored: StoredPolicy, registry: Registry) -> ManagedStatements:
    """Return the managed statements in a policy that was read. Raises EcrError where its owner cannot be had."""
    if target.kind == REGISTRY:
        return RegistryStatements(registry.partition, registry.region, stored.registry_id or registry.owner())
    return ManagedStatements(registry.partition, target.resource_arn(stored.registry_id))


def evaluated(
    policy: Policy | None,
    target: PolicyTarget,
    evaluator: PolicyEvaluator,
    registry_id: str | None,
    registry_policy: RegistryPolicy = NO_POLICY,
) -> ParsedPolicy:
    """Return what a policy says.

    Args:
        policy: The policy; None for none.
        target: What has it.
        evaluator: That of the registry.
        registry_id: The account that owns the registry; None where it is not known.
        registry_policy: What the registry adds to the policy of a repository.
    """
    if target.kind == REGISTRY:
        return evaluator.parse_registry_policy(RegistryPolicy(policy), for_some=True)
    return evaluator.parse(policy, target.resource_arn(registry_id), registry_policy)
