# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds of every merge, whatever the policy and the grants.

Who may do what is decided by tests/support/evaluator.py, which knows nothing of the code under test.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from random import Random
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._iam.document import parse, serialise, statements
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.grants import Grant, gather
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.managed_statements import (
    NEWEST,
    ManagedStatements,
    Slot,
)
from ansible_collections.imageshare.aws.tests.support import policies, policy_text
from ansible_collections.imageshare.aws.tests.support.evaluator import Requester
from ansible_collections.imageshare.aws.tests.support.laws import laws
from ansible_collections.imageshare.aws.tests.support.merges import Case, access, cases, granted_to, others
from hypothesis import given
from hypothesis import strategies as st

# Examples are cheap, asking 77 requesters is not.
LAWS = laws(300)
ACCESS_LAWS = laws(120)
OWNER = policies.REGISTRY_ID
# What is managed does not depend on the partition.
MANAGED = ManagedStatements("aws")


def anything(*kinds: Callable[[str], st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    """One of the kinds of statements, in one of the partitions."""
    return st.sampled_from(policies.PARTITIONS).flatmap(lambda partition: st.one_of(kind(partition) for kind in kinds))


@st.composite
def stored_policies(draw: st.DrawFn, partition: str) -> Any:
    """A policy of statements that AWS takes, each of them either managed or like no template."""
    strategies = policies.managed_statements(partition), policies.unmanaged_statements(partition)
    return {"Version": "2012-10-17", "Statement": draw(st.lists(st.one_of(strategies), min_size=1, max_size=5))}


def foreign(policy: Any) -> list[Any]:
    return [statement for statement in statements(policy) if MANAGED.match(statement) is None]


Held = dict[str, set[tuple[Slot, str]]]


def held(policy: Any, managed: ManagedStatements) -> Held:
    """The slots of each principal, as pairs of slot and Lambda region."""
    result: Held = {}
    for found in filter(None, map(managed.match, statements(policy))):
        for value in found.values:
            principal = managed.holder(found.slot, value)
            if principal:
                region = managed.region(found.slot, value) or ""
                result.setdefault(principal.name, set()).add((found.slot, region))
    return result


def wanted(grant: Grant, before: set[tuple[Slot, str]]) -> set[tuple[Slot, str]]:
    """The slots that a grant is to have: those of the newest sets of actions whose capabilities are its access."""
    kind = grant.principal.kind
    (functions,) = (slot for slot in NEWEST if slot.sid == "AllowLambdaPull")
    own = [slot for slot in NEWEST if kind in slot.shape.types and slot.access and slot.access <= grant.access]
    shared = {slot for slot in own if len(slot.access) > 1}
    alone = {slot for slot in own if not any(slot.access < other.access for other in shared)}
    slots = {(slot, "") for slot in alone | shared}
    if grant.lambda_regions is None:
        return slots | {(slot, region) for slot, region in before if slot is functions}
    return slots | {(functions, region) for region in grant.lambda_regions}


@LAWS
@given(anything(policies.managed_statements))
def test_a_statement_of_a_template_is_managed_however_it_is_spelt(statement: Any) -> None:
    assert MANAGED.match(statement) is not None


@pytest.mark.parametrize("kind", policies.NEAR_MISSES)
def test_a_statement_that_misses_a_template_by_one_detail_is_foreign(kind: str) -> None:
    @laws(30)
    @given(anything(lambda partition: policies.near_misses(partition, kind)))
    def check(statement: Any) -> None:
        assert MANAGED.match(statement) is None

    check()


@LAWS
@given(anything(policies.unmanaged_statements))
def test_a_statement_that_resembles_no_template_is_foreign(statement: Any) -> None:
    assert MANAGED.match(statement) is None


@ACCESS_LAWS
@given(st.data(), cases(), st.integers(0, 99))
def test_what_aws_makes_of_a_policy_means_the_same_and_needs_no_second_write(
    data: st.DataObject, case: Case, seed: int
) -> None:
    random = Random(seed)

    def read_back(policy: Any) -> Any:
        text = policy_text.accept(serialise(policy), case.partition, lambda _principal: False, force=True)
        return parse(policy_text.answer(text, random))

    policy = data.draw(stored_policies(case.partition))
    try:
        read = read_back(policy)
    except policy_text.PolicyRefused:  # A principal of another partition.
        return
    assert case.equal(read, policy)
    shared = case.share(read).policy
    if shared is not None:
        assert case.equal(read_back(shared), shared)
        assert not case.share(read_back(shared)).changed


@LAWS
@given(cases())
def test_unmanaged_statements_are_kept_in_order_and_to_the_letter(case: Case) -> None:
    before = [json.dumps(statement) for statement in foreign(case.policy)]
    for merged in (case.share(case.policy), case.unshare(case.policy)):
        assert [json.dumps(statement) for statement in foreign(merged.policy)] == before


@LAWS
@given(cases())
def test_what_is_passed_in_is_not_changed(case: Case) -> None:
    policy = deepcopy(case.policy)
    case.unshare(case.share(case.policy).policy)
    case.unshare(case.policy)
    assert case.policy == policy


@LAWS
@given(cases())
def test_a_second_merge_changes_nothing(case: Case) -> None:
    for merge in (case.share, case.unshare):
        once = merge(case.policy)
        twice = merge(once.policy)
        assert not twice.changed
        assert twice.policy is once.policy
        assert (twice.granted, twice.revoked) == ((), ())


@LAWS
@given(cases())
def test_changed_says_whether_the_meaning_changed_and_so_do_the_changes(case: Case) -> None:
    for merged in (case.share(case.policy), case.unshare(case.policy)):
        assert merged.changed is not case.equal(case.policy, merged.policy)
        assert merged.changed or not (merged.granted or merged.revoked)


@LAWS
@given(cases())
def test_the_result_is_a_policy_that_survives_its_text(case: Case) -> None:
    merged = case.share(case.policy)
    if merged.policy is not None:
        assert parse(serialise(merged.policy)) == merged.policy
        assert all(found.values for found in map(MANAGED.match, statements(merged.policy)) if found)


@LAWS
@given(cases())
def test_declared_principals_are_in_exactly_their_slots(case: Case) -> None:
    before, after = held(case.policy, case.managed), held(case.share(case.policy).policy, case.managed)
    for grant in gather(case.grants):
        name = grant.principal.name
        assert after.get(name, set()) == wanted(grant, before.get(name, set()))


@LAWS
@given(cases())
def test_principals_that_are_not_declared_keep_their_slots_unless_purged(case: Case) -> None:
    declared = {grant.principal.name for grant in case.grants}
    before, after = held(case.policy, case.managed), held(case.share(case.policy).policy, case.managed)
    for name, slots in before.items():
        if name not in declared:
            owned = name == OWNER or name.split(":")[4:5] == [OWNER]
            assert after.get(name) == (slots if owned or not case.purge else None)
    assert after.keys() - declared <= before.keys()


@LAWS
@given(cases())
def test_values_that_belong_to_nobody_stay_and_are_named(case: Case) -> None:
    def strange(policy: Any) -> list[str]:
        return [
            value
            for found in filter(None, map(MANAGED.match, statements(policy)))
            for value in found.values
            if case.managed.holder(found.slot, value) is None
        ]

    kept = case.share(case.policy, purge_deleted_principals=False)
    assert strange(kept.policy) == strange(case.policy) == [value.value for value in kept.unmanaged_values]
    pruned = case.share(case.policy, purge_deleted_principals=True)
    ids = ("AROA", "AIDA")
    assert strange(pruned.policy) == [value for value in strange(case.policy) if not value.startswith(ids)]


@LAWS
@given(cases())
def test_unsharing_takes_the_named_out_of_every_slot_and_nobody_else(case: Case) -> None:
    named = {grant.principal.name for grant in case.grants}
    before, after = held(case.policy, case.managed), held(case.unshare(case.policy).policy, case.managed)
    assert after == {name: slots for name, slots in before.items() if name not in named}


@LAWS
@given(cases())
def test_unsharing_what_was_shared_restores_the_meaning(case: Case) -> None:
    granted = {grant.principal.name for grant in case.grants}
    if case.policy is not None and (granted & held(case.policy, case.managed).keys() or not statements(case.policy)):
        return
    shared = case.share(case.policy, purge_grants=False, purge_deleted_principals=False)
    assert case.equal(case.unshare(shared.policy).policy, case.policy)


@ACCESS_LAWS
@given(cases())
def test_nobody_outside_the_grants_gains_or_loses_an_action(case: Case) -> None:
    before = others(case.grants, access(case.policy, case.partition))
    for merged in (case.share(case.policy, purge_grants=False), case.unshare(case.policy)):
        assert others(case.grants, access(merged.policy, case.partition)) == before


@ACCESS_LAWS
@given(cases())
def test_nobody_gains_more_than_what_is_granted(case: Case) -> None:
    before, after = access(case.policy, case.partition), access(case.share(case.policy).policy, case.partition)
    for (requester, had), (_same, has) in zip(before, after, strict=True):
        assert has - had <= granted_to(requester, case.grants)


@ACCESS_LAWS
@given(cases())
def test_whoever_is_granted_access_has_it_unless_a_deny_takes_it_away(case: Case) -> None:
    policy = case.share(case.policy).policy
    allows = [statement for statement in statements(policy) if statement.get("Effect") != "Deny"]
    for requester, has in access({"Version": "2012-10-17", "Statement": allows}, case.partition):
        assert granted_to(requester, gather(case.grants)) <= has


@ACCESS_LAWS
@given(cases())
def test_purging_takes_nothing_from_the_owner(case: Case) -> None:
    declared = [grant for grant in case.grants if grant.principal.account == OWNER]
    purged = case.share(case.policy, purge_grants=True, purge_deleted_principals=False).policy
    kept = case.share(case.policy, purge_grants=False, purge_deleted_principals=False).policy
    # Not those whom an organization reaches as well: it is not declared, and leaves.
    rows = [row for row in access(kept, case.partition) if is_owners(row[0]) and not in_organization(row[0])]
    after = {id_of(requester): has for requester, has in access(purged, case.partition)}
    assert all(has <= after[id_of(requester)] for requester, has in others(declared, rows))


def is_owners(requester: Requester) -> bool:
    context: Mapping[str, Any] = requester.context
    return OWNER in (context.get("aws:PrincipalAccount"), context.get("aws:SourceAccount"))


def in_organization(requester: Requester) -> bool:
    return "aws:PrincipalOrgID" in requester.context


def id_of(requester: Requester) -> str:
    return json.dumps([requester.principal, dict(requester.context)], sort_keys=True)
