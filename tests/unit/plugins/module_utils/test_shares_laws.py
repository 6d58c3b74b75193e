# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds of the shares of every policy: they say neither more nor less than the policy does.

What a policy allows is decided by tests/support/evaluator.py, which knows nothing of the code under test. Shares are
put to it as a policy of their own, with one or two statements for each share.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Any

from ansible_collections.imageshare.aws.plugins.module_utils._evaluation.actions import REPOSITORY_ACTIONS
from ansible_collections.imageshare.aws.plugins.module_utils._evaluation.effective_access import (
    Share,
    granted_by,
    public_statements,
    shares,
    unmanaged_statements,
)
from ansible_collections.imageshare.aws.plugins.module_utils._evaluation.policy_warnings import Place, after_sharing
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.grants import gather, read_grants
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.managed_statements import ManagedStatements
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.merge import share
from ansible_collections.imageshare.aws.tests.support import policies
from ansible_collections.imageshare.aws.tests.support.evaluator import Requester, effective_actions
from ansible_collections.imageshare.aws.tests.support.wild_policies import strange_requesters, wild_policy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

LAWS = settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
OWNER = policies.REGISTRY_ID
LAMBDA = "lambda.amazonaws.com"
# Enough to tell the sets of actions of the policies apart.
ACTIONS = (*policies.ACTIONS, "ecr:GetLifecyclePolicy", "ecr:BatchDeleteImage")


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, Any]:
    """A partition and a policy: of our statements and what resembles them, or of anything that IAM's language has."""
    partition = draw(st.sampled_from(policies.PARTITIONS))
    if draw(st.booleans()):
        return partition, draw(policies.policies(partition))
    return partition, wild_policy(draw(st.randoms(use_true_random=False)), partition)


def requesters(partition: str) -> list[Requester]:
    return [
        Requester(found.principal, {**found.context, "aws:ResourceAccount": OWNER})
        for found in (*policies.requesters(partition), *strange_requesters(partition))
    ]


def allowed(statements: Iterable[Any], partition: str) -> list[frozenset[str]]:
    """What each of the requesters may do."""
    policy = {"Statement": list(statements)}
    return [effective_actions(policy, requester, ACTIONS) for requester in requesters(partition)]


def as_statements(found: Share, partition: str) -> list[dict[str, Any]]:
    """What a share says, as statements. Operators are in capitals where a key may be there already."""
    condition: dict[str, dict[str, Any]] = {}
    spared: dict[str, list[str]] = {}
    for required in found.conditions:
        if required.operator == "NotPrincipal":
            spared[required.key] = list(required.values)
        else:
            condition.setdefault(required.operator, {})[required.key] = list(required.values)
    naming = {
        "organization": {"STRINGEQUALS": {"aws:PrincipalOrgID": found.principal}},
        "organizational_unit": {"FORANYVALUE:STRINGLIKE": {"aws:PrincipalOrgPaths": found.principal}},
    }
    principal: Any = {"AWS": found.principal}
    if found.kind == "service":
        principal = {"Service": found.principal}
    elif found.kind in naming:
        principal = "*"
    own = {
        "Effect": "Allow",
        **({"NotPrincipal": spared} if spared else {"Principal": principal}),
        "Action": sorted(granted_by(found)),
        "Condition": {**condition, **naming.get(found.kind, {})},
    }
    sources = [f"arn:{partition}:lambda:{region}:{found.principal}:function:*" for region in found.lambda_regions]
    functions = {
        "Effect": "Allow",
        "Principal": {"Service": LAMBDA},
        "Action": list(policies.LAMBDA_PULL),
        "Condition": {**condition, "STRINGLIKE": {"aws:SourceArn": sources}},
    }
    return [*([own] if granted_by(found) else []), *([functions] if sources else [])]


def listed(policy: Any) -> list[Any]:
    found = policy["Statement"]
    return found if isinstance(found, list) else [found]


def denies(policy: Any) -> dict[int, Any]:
    return {
        position: statement
        for position, statement in enumerate(listed(policy), start=1)
        if statement.get("Effect") == "Deny"
    }


@LAWS
@given(cases())
def test_shares_say_neither_more_nor_less_than_the_policy(case: tuple[str, Any]) -> None:
    partition, policy = case
    found = shares(policy, partition, OWNER)
    said = [statement for one in found for statement in as_statements(one, partition)]
    assert allowed([*said, *denies(policy).values()], partition) == allowed(listed(policy), partition)


@LAWS
@given(cases())
def test_a_share_is_denied_by_what_it_says_and_by_nothing_else(case: tuple[str, Any]) -> None:
    partition, policy = case
    for found in shares(policy, partition, OWNER):
        own = as_statements(found, partition)
        named = {denial.position for denial in found.denied_by}
        others = [statement for position, statement in denies(policy).items() if position not in named]
        assert allowed([*own, *others], partition) == allowed(own, partition)
        certain = [denies(policy)[denial.position] for denial in found.denied_by if denial.certain]
        if certain:
            assert not any(allowed([*own, *certain], partition))


@LAWS
@given(cases())
def test_what_is_public_lets_strangers_in_and_nothing_else_does_for_certain(case: tuple[str, Any]) -> None:
    partition, policy = case
    strangers = [
        Requester(found.principal, {**found.context, "aws:ResourceAccount": OWNER, **tags})
        for found in strange_requesters(partition)
        for tags in ({}, {"aws:PrincipalTag/team": "platform"}, {"aws:PrincipalTag/team": "data"})
        if not tags or found.principal != LAMBDA
    ]
    let_in = any(effective_actions(policy, stranger, ACTIONS) for stranger in strangers)
    if public_statements(policy, partition, OWNER):
        # A Deny that cannot be decided, and may keep them out, is no reason not to tell.
        allows = {"Statement": [one for one in listed(policy) if one.get("Effect") == "Allow"]}
        assert any(effective_actions(allows, stranger, REPOSITORY_ACTIONS) for stranger in strangers)
    elif let_in:
        found = shares(policy, partition, OWNER)
        assert any(one.kind in ("everyone", "service") and one.conditions for one in found)


@LAWS
@given(cases())
def test_a_share_has_every_statement_that_it_is_from_and_is_told_once(case: tuple[str, Any]) -> None:
    partition, policy = case
    found = shares(policy, partition, OWNER)
    assert len({(one.principal, one.kind, one.managed, one.conditions) for one in found}) == len(found)
    for one in found:
        assert one.statements
        assert one.actions == tuple(sorted(one.actions))
        assert bool(one.actions) is (one.access in ("admin", "partial"))
        for name in (*one.statements, *one.denied_by):
            assert listed(policy)[name.position - 1].get("Sid") == name.sid


@LAWS
@given(st.data())
def test_after_a_share_the_managed_rows_are_the_declared_grants(data: st.DataObject) -> None:
    partition = data.draw(st.sampled_from(policies.PARTITIONS))
    grants = read_grants(
        data.draw(policies.grant_lists(partition)),
        partition=partition,
        sharing=True,
        partition_of_region=lambda _region: partition,
    )
    before = data.draw(st.none() | policies.policies(partition))
    after = share(
        before, grants, managed=ManagedStatements(partition), registry_id=OWNER, purge_grants=data.draw(st.booleans())
    )
    rows = [row for row in shares(after.policy, partition, OWNER) if row.managed]
    for grant in gather(grants):
        found = [row for row in rows if row.principal == grant.principal.name and not row.conditions]
        if not grant.access or grant.lambda_regions is not None:
            assert [(row.access, set(row.lambda_regions)) for row in found] == [
                (grant.access, set(grant.lambda_regions or ()))
            ]
        else:
            assert [row.access for row in found] == [grant.access]


@LAWS
@given(st.data())
def test_after_a_share_of_nothing_else_there_are_no_other_rows(data: st.DataObject) -> None:
    partition = data.draw(st.sampled_from(policies.PARTITIONS))
    grants = read_grants(
        data.draw(policies.grant_lists(partition)),
        partition=partition,
        sharing=True,
        partition_of_region=lambda _region: partition,
    )
    after = share(None, grants, managed=ManagedStatements(partition), registry_id=OWNER)
    rows = shares(after.policy, partition, OWNER)
    assert all(row.managed and not row.conditions and not row.denied_by for row in rows)
    assert {(row.principal, row.access, frozenset(row.lambda_regions)) for row in rows} == {
        (grant.principal.name, grant.access, frozenset(grant.lambda_regions or ())) for grant in gather(grants)
    }


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(0, 9)
    | st.sampled_from(("*", "ecr:*", "Allow", "Deny", "AWS", "a:b", "${x}")),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(("AWS", "Bool", "Null", "x")), inner, max_size=2)
    ),
    max_leaves=4,
)
_ELEMENTS = ("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Condition", "Resource")


@LAWS
@given(st.lists(st.dictionaries(st.sampled_from(_ELEMENTS), _JSON), max_size=3), st.data())
def test_a_policy_that_no_tool_writes_is_no_trouble(listed: list[Any], data: st.DataObject) -> None:
    policy = {"Statement": [{**wild_policy(Random(1))["Statement"][0], **statement} for statement in listed]}
    shares(policy, "aws", OWNER)
    public_statements(policy, "aws", OWNER)
    unmanaged_statements(policy)
    grants = read_grants(
        data.draw(policies.grant_lists()), partition="aws", sharing=True, partition_of_region=lambda _region: "aws"
    )
    after_sharing(policy, gather(grants), Place("app", "us-east-1", "aws"), purged_for=OWNER)


def test_shares_do_not_change_what_they_are_told_of() -> None:
    for seed in range(50):
        policy, again = wild_policy(Random(seed)), wild_policy(Random(seed))
        shares(policy, "aws", OWNER)
        assert policy == again
