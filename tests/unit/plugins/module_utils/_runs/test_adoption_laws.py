# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds of the grants for every policy: whoever shares them takes nothing from anybody, and gives what is marked.

What a policy allows is decided by tests/support/evaluator.py, which knows nothing of the code under test.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.imageshare.aws.plugins.module_utils._evaluation.evaluator import ParsedPolicy, PolicyEvaluator
from ansible_collections.imageshare.aws.plugins.module_utils._iam.document import statements
from ansible_collections.imageshare.aws.plugins.module_utils._runs.adoption import adoptable_of, adopted
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.grants import read_grants
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.managed_statements import ManagedStatements
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.merge import share
from ansible_collections.imageshare.aws.tests.support import policies
from ansible_collections.imageshare.aws.tests.support.evaluator import Requester, effective_actions
from ansible_collections.imageshare.aws.tests.support.laws import laws
from ansible_collections.imageshare.aws.tests.support.wild_policies import strange_requesters, wild_policy
from hypothesis import given
from hypothesis import strategies as st

LAWS = laws(300)
OWNER = policies.REGISTRY_ID
NAME = "base/python"
RESOURCE = f"arn:aws:ecr:us-east-1:{OWNER}:repository/{NAME}"
ACTIONS = (*policies.ACTIONS, "ecr:GetLifecyclePolicy", "ecr:DescribeRepositories", "ecr:ListImages")
DESCRIBING = ("ecr:DescribeImages", ["ecr:DescribeImages", "ecr:ListImages"], "ecr:Describe*")


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, Any]:
    """A partition and a policy: of our statements and what resembles them, or of anything that IAM's language has."""
    partition = draw(st.sampled_from(policies.PARTITIONS))
    if draw(st.booleans()):
        policy = draw(policies.policies(partition))
    else:
        policy = wild_policy(draw(st.randoms(use_true_random=False)), partition)
    listed = statements(policy)
    if not listed or not draw(st.booleans()):
        return partition, policy
    one = draw(st.sampled_from(listed))
    kept = {name: value for name, value in one.items() if name != "NotAction"}
    added = {**kept, "Action": draw(st.sampled_from(DESCRIBING))}
    return partition, {**policy, "Statement": [*listed, added]}


def requesters(partition: str) -> list[Requester]:
    return [
        Requester(found.principal, {**found.context, "aws:ResourceAccount": OWNER})
        for found in (*policies.requesters(partition), *strange_requesters(partition))
    ]


def allowed(policy: Any, partition: str) -> list[frozenset[str]]:
    return [effective_actions(policy, requester, ACTIONS, RESOURCE) for requester in requesters(partition)]


def parsed(policy: Any, partition: str) -> ParsedPolicy:
    return PolicyEvaluator(partition, OWNER).parse(policy, RESOURCE)


def grants_of(policy: Any, partition: str) -> list[dict[str, Any]]:
    found = adoptable_of(parsed(policy, partition), policy, resource=RESOURCE)
    grants: list[dict[str, Any]] = adopted({NAME: found}, parsed(None, partition))["grants"]
    return grants


def shared(policy: Any, grants: Sequence[Mapping[str, Any]], partition: str) -> Any:
    """The policy afterwards. The grants are read as a task reads them."""
    if not grants:
        return policy
    read = read_grants(grants, partition=partition, sharing=True, partition_of_region=lambda _region: None)
    return share(policy, read, managed=ManagedStatements(partition, RESOURCE), registry_id=OWNER).policy


@LAWS
@given(cases())
def test_sharing_what_is_there_takes_nothing_from_anybody_and_gives_what_is_marked(case: tuple[str, Any]) -> None:
    partition, policy = case
    grants = grants_of(policy, partition)
    after = shared(policy, grants, partition)
    wider = {action for grant in grants for action in grant.get("wider", ())}
    for had, has in zip(allowed(policy, partition), allowed(after, partition), strict=True):
        assert had <= has
        assert has - had <= wider


@LAWS
@given(cases())
def test_what_was_shared_is_what_there_is_and_nothing_is_wider_any_more(case: tuple[str, Any]) -> None:
    partition, policy = case
    grants = grants_of(policy, partition)
    again = grants_of(shared(policy, grants, partition), partition)
    assert [{**grant, "wider": None} for grant in grants] == [{"wider": None, **grant} for grant in again]


@LAWS
@given(cases())
def test_every_statement_is_declared_or_told(case: tuple[str, Any]) -> None:
    partition, policy = case
    whole = parsed(policy, partition)
    found = adoptable_of(whole, policy, resource=RESOURCE)
    told = {one.statement.position for one in found.undeclarable if one.statement is not None}
    declared = {(one.principal, bool(one.lambda_regions)) for one in found.declarations}
    for numbered in whole.statements:
        shares = [share for share in whole.shares() if numbered in share.statements]
        plain = [share for share in shares if (share.principal, bool(share.lambda_regions)) in declared]
        assert numbered.position in told or plain
