# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds of every merge that takes principals out of unmanaged statements, whatever these say.

Who may do what is decided by tests/support/evaluator.py, which knows nothing of the code under test.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from ansible_collections.imageshare.aws.plugins.module_utils._iam.document import parse, serialise, statements
from ansible_collections.imageshare.aws.plugins.module_utils._iam.principals import PrincipalType
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.capabilities import actions_of
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.grants import gather
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.merge import Merged
from ansible_collections.imageshare.aws.tests.support import policies
from ansible_collections.imageshare.aws.tests.support.evaluator import Requester, effective_actions
from ansible_collections.imageshare.aws.tests.support.laws import laws
from ansible_collections.imageshare.aws.tests.support.merges import Case, cases, granted_to, reaches
from hypothesis import given

LAWS = laws(400)
ACCESS_LAWS = laws(200)
BY_HAND = cases(policies.policies_by_hand)


def merges(case: Case, policy: Any) -> Iterator[Merged]:
    """The policy after each of the ways to take principals out of unmanaged statements."""
    yield case.share(policy, revoke_unmanaged=True, purge_grants=False)
    yield case.unshare(policy, revoke_unmanaged=True)
    yield case.unshare(policy, whole_account=True)
    yield case.unshare(policy, revoke_unmanaged=True, whole_account=True)


def access(policy: Any, partition: str) -> list[tuple[Requester, frozenset[str]]]:
    asking = [*policies.requesters(partition), *policies.odd_requesters(partition)]
    return [(requester, effective_actions(policy, requester, policies.ACTIONS)) for requester in asking]


def accounts(case: Case) -> set[str]:
    return {grant.principal.name for grant in case.grants if grant.principal.kind is PrincipalType.ACCOUNT}


def identities(policy: Any) -> dict[str, Any]:
    """The policy without what no principal can be taken out of, so that an Allow names whomever it is for."""
    kept = [
        statement
        for statement in statements(policy)
        if statement.get("Effect") == "Allow"
        and isinstance(statement.get("Principal"), dict)
        and "*" not in json.dumps(statement["Principal"])
    ]
    return {"Version": "2012-10-17", "Statement": kept}


@LAWS
@given(BY_HAND)
def test_a_second_merge_changes_nothing(case: Case) -> None:
    for position in range(4):
        once = list(merges(case, case.policy))[position]
        twice = list(merges(case, once.policy))[position]
        assert not twice.changed
        assert twice.policy is once.policy
        assert (twice.granted, twice.revoked, twice.revoked_actions) == ((), (), ())


@LAWS
@given(BY_HAND)
def test_a_purge_finds_in_one_merge_what_it_would_find_in_the_next(case: Case) -> None:
    once = case.share(case.policy, revoke_unmanaged=True, purge_grants=True)
    assert not case.share(once.policy, revoke_unmanaged=True, purge_grants=True).changed


@LAWS
@given(BY_HAND)
def test_changed_says_whether_the_meaning_changed_and_so_do_the_changes(case: Case) -> None:
    for merged in merges(case, case.policy):
        assert merged.changed is not case.equal(case.policy, merged.policy)
        assert merged.changed or not (merged.granted or merged.revoked or merged.revoked_actions)


@LAWS
@given(BY_HAND)
def test_the_result_is_a_policy_and_what_is_passed_in_is_not_changed(case: Case) -> None:
    policy = deepcopy(case.policy)
    for merged in merges(case, case.policy):
        assert merged.policy is None or parse(serialise(merged.policy)) == merged.policy
    assert case.policy == policy


@LAWS
@given(BY_HAND)
def test_statements_that_do_not_name_whoever_leaves_stay_to_the_letter_and_in_place(case: Case) -> None:
    named = {grant.principal.account or grant.principal.name for grant in case.grants}
    untouched = [
        json.dumps(statement)
        for statement in statements(case.policy)
        if case.managed.match(statement) is None and not any(name in json.dumps(statement) for name in named)
    ]
    for merged in merges(case, case.policy):
        after = list(map(json.dumps, statements(merged.policy)))
        assert [text for text in after if text in untouched] == untouched


@LAWS
@given(BY_HAND)
def test_what_allows_nothing_and_what_keeps_out_stays_to_the_letter(case: Case) -> None:
    def others(policy: Any) -> list[str]:
        return [json.dumps(one) for one in statements(policy) if one.get("Effect") != "Allow" or "NotPrincipal" in one]

    for merged in merges(case, case.policy):
        assert others(merged.policy) == others(case.policy)


@ACCESS_LAWS
@given(BY_HAND)
def test_nobody_but_whoever_is_named_gains_or_loses_an_action(case: Case) -> None:
    before = access(case.policy, case.partition)
    for merged in merges(case, case.policy):
        after = access(merged.policy, case.partition)
        for (requester, had), (_same, has) in zip(before, after, strict=True):
            assert has == had or any(reaches(grant, requester) for grant in case.grants), requester


@ACCESS_LAWS
@given(BY_HAND)
def test_nothing_is_widened_but_by_what_is_declared(case: Case) -> None:
    before = access(case.policy, case.partition)
    for position, merged in enumerate(merges(case, case.policy)):
        for (requester, had), (_same, has) in zip(before, access(merged.policy, case.partition), strict=True):
            assert has - had <= (frozenset() if position else granted_to(requester, case.grants))


@ACCESS_LAWS
@given(BY_HAND)
def test_whoever_is_declared_has_it_unless_a_deny_takes_it_away(case: Case) -> None:
    policy = case.share(case.policy, revoke_unmanaged=True).policy
    allows = [statement for statement in statements(policy) if statement.get("Effect") != "Deny"]
    for requester, has in access({"Version": "2012-10-17", "Statement": allows}, case.partition):
        assert granted_to(requester, gather(case.grants)) <= has


@ACCESS_LAWS
@given(BY_HAND)
def test_a_declared_account_has_what_is_declared_and_no_more(case: Case) -> None:
    policy = identities(case.share(case.policy, revoke_unmanaged=True).policy)
    for grant in gather(case.grants):
        if grant.principal.kind is PrincipalType.ACCOUNT:
            unnamed = Requester(f"arn:{case.partition}:iam::{grant.principal.name}:role/unnamed")
            assert effective_actions(policy, unnamed, policies.ACTIONS) == set(actions_of(grant.access))


@ACCESS_LAWS
@given(BY_HAND)
def test_nobody_of_a_whole_account_is_named_afterwards(case: Case) -> None:
    gone = accounts(case)
    policy = identities(case.unshare(case.policy, revoke_unmanaged=True, whole_account=True).policy)
    for requester, has in access(policy, case.partition):
        if requester.principal.startswith("arn:") and requester.principal.split(":")[4] in gone:
            assert not has


@LAWS
@given(BY_HAND)
def test_taking_out_what_was_taken_over_is_taking_it_out(case: Case) -> None:
    shared = case.share(case.policy, revoke_unmanaged=True, purge_grants=False, purge_deleted_principals=False)
    for whole_account in (False, True):
        directly = case.unshare(case.policy, revoke_unmanaged=True, whole_account=whole_account).policy
        afterwards = case.unshare(shared.policy, revoke_unmanaged=True, whole_account=whole_account).policy
        assert case.equal(afterwards, directly)
