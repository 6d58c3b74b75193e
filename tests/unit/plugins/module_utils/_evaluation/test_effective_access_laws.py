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

from ansible_collections.imageshare.aws.plugins.module_utils._errors import RepositoryContext
from ansible_collections.imageshare.aws.plugins.module_utils._evaluation.effective_access import Share
from ansible_collections.imageshare.aws.plugins.module_utils._evaluation.evaluator import ParsedPolicy, PolicyEvaluator
from ansible_collections.imageshare.aws.plugins.module_utils._evaluation.policy_warnings import sharing_warnings
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.capabilities import ordered
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.ecr_actions import REPOSITORY_ACTIONS
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.grants import gather, read_grants
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.managed_statements import ManagedStatements
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.merge import share
from ansible_collections.imageshare.aws.tests.support import policies
from ansible_collections.imageshare.aws.tests.support.evaluator import Requester, effective_actions
from ansible_collections.imageshare.aws.tests.support.laws import laws
from ansible_collections.imageshare.aws.tests.support.wild_policies import strange_requesters, wild_policy
from hypothesis import given
from hypothesis import strategies as st

LAWS = laws(200)
OWNER = policies.REGISTRY_ID
LAMBDA = "lambda.amazonaws.com"
REPOSITORY = f"arn:aws:ecr:us-east-1:{OWNER}:repository/base/python"
RESOURCES = ("*", REPOSITORY, f"arn:aws:ecr:*:{OWNER}:repository/base/*", f"{REPOSITORY}-2", "arn:aws:ecr:*:*:*/ruby")
# Enough to tell the sets of actions of the policies apart.
ACTIONS = (*policies.ACTIONS, "ecr:GetLifecyclePolicy", "ecr:BatchDeleteImage")


def parsed(policy: Any, partition: str = "aws") -> ParsedPolicy:
    return PolicyEvaluator(partition, OWNER).parse(policy, REPOSITORY)


RESOURCE = st.sampled_from(
    (
        *[{}] * 6,
        *({"Resource": resource} for resource in (*RESOURCES, list(RESOURCES[1:4]), [])),
        *({"NotResource": resource} for resource in RESOURCES),
    )
)


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, Any]:
    """A partition and a policy: of our statements and what resembles them, or of anything that IAM's language has."""
    partition = draw(st.sampled_from(policies.PARTITIONS))
    if draw(st.booleans()):
        return partition, draw(policies.policies(partition))
    policy = wild_policy(draw(st.randoms(use_true_random=False)), partition)
    return partition, {**policy, "Statement": [{**one, **draw(RESOURCE)} for one in policy["Statement"]]}


def requesters(partition: str) -> list[Requester]:
    return [
        Requester(found.principal, {**found.context, "aws:ResourceAccount": OWNER})
        for found in (*policies.requesters(partition), *strange_requesters(partition))
    ]


def allowed(statements: Iterable[Any], partition: str) -> list[frozenset[str]]:
    """What each of the requesters may do."""
    policy = {"Statement": list(statements)}
    return [effective_actions(policy, requester, ACTIONS, REPOSITORY) for requester in requesters(partition)]


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
        "organization": {"STRINGEQUALS": {"aws:PrincipalOrgID": found.principal.name}},
        "organizational_unit": {"FORANYVALUE:STRINGLIKE": {"aws:PrincipalOrgPaths": found.principal.name}},
    }
    principal: Any = {"AWS": found.principal.name}
    if found.principal.kind == "service":
        principal = {"Service": found.principal.name}
    elif found.principal.kind in naming:
        principal = "*"
    own = {
        "Effect": "Allow",
        **({"NotPrincipal": spared} if spared else {"Principal": principal}),
        "Action": sorted(found.actions),
        "Condition": {**condition, **naming.get(found.principal.kind, {})},
    }
    sources = [f"arn:{partition}:lambda:{region}:{found.principal.name}:function:*" for region in found.lambda_regions]
    functions = {
        "Effect": "Allow",
        "Principal": {"Service": LAMBDA},
        "Action": list(policies.LAMBDA_PULL),
        "Condition": {**condition, "STRINGLIKE": {"aws:SourceArn": sources}},
    }
    return [*([own] if found.actions else []), *([functions] if sources else [])]


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
    found = parsed(policy, partition).shares()
    said = [statement for one in found for statement in as_statements(one, partition)]
    assert allowed([*said, *denies(policy).values()], partition) == allowed(listed(policy), partition)


@LAWS
@given(cases())
def test_a_share_is_denied_by_what_it_says_and_by_nothing_else(case: tuple[str, Any]) -> None:
    partition, policy = case
    for found in parsed(policy, partition).shares():
        own = as_statements(found, partition)
        named = {denial.statement.position for denial in found.denied_by}
        others = [statement for position, statement in denies(policy).items() if position not in named]
        assert allowed([*own, *others], partition) == allowed(own, partition)
        certain = [denies(policy)[denial.statement.position] for denial in found.denied_by if denial.certain]
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
    let_in = any(effective_actions(policy, stranger, ACTIONS, REPOSITORY) for stranger in strangers)
    if parsed(policy, partition).public_statements():
        # A Deny that cannot be decided, and may keep them out, is no reason not to tell.
        allows = {"Statement": [one for one in listed(policy) if one.get("Effect") == "Allow"]}
        assert any(effective_actions(allows, stranger, REPOSITORY_ACTIONS, REPOSITORY) for stranger in strangers)
    elif let_in:
        found = parsed(policy, partition).shares()
        assert any(one.principal.kind in ("everyone", "service") and one.conditions for one in found)


@LAWS
@given(cases())
def test_a_share_has_every_statement_that_it_is_from_and_is_told_once(case: tuple[str, Any]) -> None:
    partition, policy = case
    found = parsed(policy, partition).shares()
    assert len({(one.principal, one.managed, one.conditions) for one in found}) == len(found)
    for one in found:
        assert one.statements
        row = one.to_dict()
        assert row["other_actions"] == sorted(set(row["other_actions"]))
        assert one.actions >= set(row["other_actions"])
        assert one.actions or (not one.access and one.lambda_regions)
        for statement in (*row["statements"], *row["denied_by"]):
            assert listed(policy)[statement["position"] - 1].get("Sid") == statement["sid"]


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
    rows = [row for row in parsed(after.policy, partition).shares() if row.managed]
    for grant in gather(grants):
        found = [row for row in rows if row.principal == grant.principal and not row.conditions]
        access = ordered(grant.access)
        if not grant.access or grant.lambda_regions is not None:
            regions = set(grant.lambda_regions or ())
            assert [(row.access, set(row.lambda_regions)) for row in found] == [(access, regions)]
        else:
            assert [row.access for row in found] == [access]


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
    rows = parsed(after.policy, partition).shares()
    assert all(row.managed and not row.conditions and not row.denied_by for row in rows)
    assert {(row.principal, row.access, frozenset(row.lambda_regions)) for row in rows} == {
        (grant.principal, ordered(grant.access), frozenset(grant.lambda_regions or ())) for grant in gather(grants)
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
    found = parsed(policy)
    for one in found.shares():
        one.to_dict()
    found.public_statements()
    found.unmanaged_statements()
    grants = read_grants(
        data.draw(policies.grant_lists()), partition="aws", sharing=True, partition_of_region=lambda _region: "aws"
    )
    sharing_warnings(found, gather(grants), RepositoryContext("app", "us-east-1", OWNER), purge_grants=True)


def test_a_policy_is_not_changed_by_its_evaluation() -> None:
    for seed in range(50):
        policy, again = wild_policy(Random(seed)), wild_policy(Random(seed))
        parsed(policy).shares()
        assert policy == again
