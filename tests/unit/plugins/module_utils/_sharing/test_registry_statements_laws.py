# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds of every merge into the policy of a registry, whatever the policy, the grants and their patterns.

Who may do what in which repository is decided by tests/support/evaluator.py, which knows nothing of the code that is
tested.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from copy import deepcopy
from random import Random
from typing import Any

from ansible_collections.imageshare.aws.plugins.module_utils._iam.document import parse, serialise, statements
from ansible_collections.imageshare.aws.plugins.module_utils._iam.principals import PrincipalType
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.grants import Grant
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.merge import Change, Merged
from ansible_collections.imageshare.aws.tests.support import policies, policy_text, registry_policies
from ansible_collections.imageshare.aws.tests.support.evaluator import Requester, effective_actions
from ansible_collections.imageshare.aws.tests.support.laws import laws
from ansible_collections.imageshare.aws.tests.support.merges import granted_to, reaches
from ansible_collections.imageshare.aws.tests.support.registry_policies import (
    ACTIONS,
    PATTERNS,
    RegistryCase,
    access,
    arn,
    cases,
    covers,
    names_of,
    repository_names,
    stored_policies,
)
from hypothesis import given
from hypothesis import strategies as st

LAWS = laws(300)
ACCESS_LAWS = laws(120)
OWNER = policies.REGISTRY_ID
# The newest set of actions of each capability.
NEWEST = {name: frozenset(policies.ACTION_SETS[name]) for name in ("pull", "push", "describe")}
# Of each pair of a principal and a pattern, the actions of their managed statements.
Held = dict[tuple[str, str], set[str]]


def foreign(case: RegistryCase, policy: Any) -> list[str]:
    return [json.dumps(statement) for statement in statements(policy) if case.managed.match(statement) is None]


def patterns_of(grant: Grant) -> tuple[str, ...]:
    return ("*",) if grant.repositories is None else grant.repositories


def held(case: RegistryCase, policy: Any) -> Held:
    """Who has what by managed statements, by the text of their Resource."""
    result: Held = {}
    for statement, ours in ((one, case.managed.match(one)) for one in statements(policy)):
        for value in ours.values if ours else ():
            principal = case.managed.holder(ours.slot, value) if ours else None
            if principal is not None:
                (resource,) = {*_listed(statement["Resource"])}
                pattern = resource.removeprefix(arn(case.partition, ""))
                actions = {action.lower() for action in _listed(statement["Action"])}
                result.setdefault((principal.name, pattern), set()).update(actions)
    return result


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def wanted(grants: Iterable[Grant]) -> Held:
    """Who is to have what by managed statements."""
    result: Held = {}
    for grant in grants:
        for pattern in patterns_of(grant):
            for name in grant.access:
                result.setdefault((grant.principal.name, pattern), set()).update(map(str.lower, NEWEST[name]))
    return result


def merges(case: RegistryCase, policy: Any) -> Iterator[Merged]:
    yield case.share(policy)
    yield case.unshare(policy)
    yield case.unshare(policy, narrowed=True)
    yield case.share(policy, revoke_unmanaged=True)
    yield case.unshare(policy, revoke_unmanaged=True)


def for_patterns(kind: Any) -> Any:
    """A statement of a kind, in one of the partitions, and which."""
    return st.sampled_from(policies.PARTITIONS).flatmap(
        lambda partition: st.tuples(st.just(partition), kind(partition))
    )


def managed_in(partition: str) -> Any:
    return RegistryCase(partition, None, (), purge=False).managed


@LAWS
@given(for_patterns(registry_policies.managed_statements))
def test_a_statement_of_a_template_for_one_pattern_is_managed(drawn: Any) -> None:
    partition, statement = drawn
    found = managed_in(partition).match(statement)
    assert found is not None
    assert {*_listed(statement["Resource"])} == {arn(partition, found.slot.repositories)}


@LAWS
@given(for_patterns(registry_policies.elsewhere_statements))
def test_a_statement_of_a_template_for_anything_else_is_foreign(drawn: Any) -> None:
    partition, statement = drawn
    assert managed_in(partition).match(statement) is None


@LAWS
@given(for_patterns(registry_policies.unmanaged_statements))
def test_a_statement_of_another_shape_or_for_lambda_is_foreign(drawn: Any) -> None:
    partition, statement = drawn
    assert managed_in(partition).match(statement) is None


@ACCESS_LAWS
@given(st.data(), cases(), st.integers(0, 99))
def test_what_aws_makes_of_a_policy_means_the_same_and_needs_no_second_write(
    data: st.DataObject, case: RegistryCase, seed: int
) -> None:
    random, grammar = Random(seed), policy_text.OF_REGISTRY["V2"]

    def read_back(policy: Any) -> Any:
        text = policy_text.accept(serialise(policy), case.partition, lambda _principal: False, grammar=grammar)
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
def test_unmanaged_statements_are_kept_in_order_and_to_the_letter(case: RegistryCase) -> None:
    before = foreign(case, case.policy)
    for merged in (case.share(case.policy), case.unshare(case.policy), case.unshare(case.policy, narrowed=True)):
        assert foreign(case, merged.policy) == before


@LAWS
@given(cases())
def test_what_is_passed_in_is_not_changed_and_the_result_survives_its_text(case: RegistryCase) -> None:
    policy = deepcopy(case.policy)
    for merged in merges(case, case.policy):
        assert merged.policy is None or parse(serialise(merged.policy)) == merged.policy
    assert case.policy == policy


@LAWS
@given(cases())
def test_a_second_merge_changes_nothing(case: RegistryCase) -> None:
    for position, once in enumerate(merges(case, case.policy)):
        twice = list(merges(case, once.policy))[position]
        assert not twice.changed
        assert twice.policy is once.policy
        assert (twice.granted, twice.revoked, twice.revoked_actions) == ((), (), ())


@LAWS
@given(cases())
def test_changed_says_whether_the_meaning_changed_and_so_do_the_changes(case: RegistryCase) -> None:
    for merged in merges(case, case.policy):
        assert merged.changed is not case.equal(case.policy, merged.policy)
        assert merged.changed or not (merged.granted or merged.revoked or merged.revoked_actions)


@LAWS
@given(cases())
def test_declared_principals_are_in_exactly_the_slots_of_their_patterns(case: RegistryCase) -> None:
    declared = {grant.principal.name for grant in case.grants}
    after = held(case, case.share(case.policy).policy)
    assert {key: actions for key, actions in after.items() if key[0] in declared} == wanted(case.grants)


@LAWS
@given(cases())
def test_principals_that_are_not_declared_keep_their_slots_unless_purged(case: RegistryCase) -> None:
    declared = {grant.principal.name for grant in case.grants}
    before, after = held(case, case.policy), held(case, case.share(case.policy).policy)
    for key, actions in before.items():
        if key[0] not in declared:
            owned = key[0] == OWNER or key[0].split(":")[4:5] == [OWNER]
            assert after.get(key) == (actions if owned or not case.purge else None)
    assert {key for key in after if key[0] not in declared} <= before.keys()


@LAWS
@given(cases())
def test_a_new_policy_has_a_statement_for_each_row_and_pattern_and_a_sid_of_its_own(case: RegistryCase) -> None:
    policy = case.share(None).policy
    assert policy is not None
    assert policy["Version"] == "2012-10-17"
    rows = [(str(one["Principal"] == "*"), *sorted(one["Action"]), one["Resource"]) for one in policy["Statement"]]
    identities = [row for row in rows if row[0] == "False"]
    assert len(set(identities)) == len(identities)
    assert len({one["Sid"] for one in policy["Statement"]}) == len(policy["Statement"])


@LAWS
@given(cases())
def test_unsharing_what_was_shared_restores_the_meaning(case: RegistryCase) -> None:
    granted = {grant.principal.name for grant in case.grants}
    there = {name for name, _pattern in held(case, case.policy)}
    if granted & there or (case.policy is not None and not statements(case.policy)):
        return
    shared = case.share(case.policy, purge_grants=False)
    for narrowed in (False, True):
        assert case.equal(case.unshare(shared.policy, narrowed=narrowed).policy, case.policy)


@LAWS
@given(cases())
def test_unsharing_with_patterns_takes_out_of_the_included_ones_and_of_no_other(case: RegistryCase) -> None:
    named = {grant.principal.name: [] for grant in case.grants}
    for grant in case.grants:
        named[grant.principal.name].append(patterns_of(grant))

    def leaves(name: str, pattern: str) -> bool:
        return any(all(covers(listed, one) for one in names_of(pattern)) for listed in named.get(name, ()))

    before, after = held(case, case.policy), held(case, case.unshare(case.policy, narrowed=True).policy)
    assert after == {key: actions for key, actions in before.items() if not leaves(*key)}


@ACCESS_LAWS
@given(st.data(), cases())
def test_nobody_outside_the_grants_gains_or_loses_an_action(data: st.DataObject, case: RegistryCase) -> None:
    names = data.draw(repository_names(case))
    before = access(case.policy, case.partition, names)
    for merged in (
        case.share(case.policy, purge_grants=False),
        case.unshare(case.policy),
        case.unshare(case.policy, narrowed=True),
        case.unshare(case.policy, revoke_unmanaged=True),
    ):
        for had, has in zip(before, access(merged.policy, case.partition, names), strict=True):
            assert had == has or any(reaches(grant, had[0]) for grant in case.grants), had


@ACCESS_LAWS
@given(st.data(), cases())
def test_nobody_gains_more_than_what_is_granted_for_the_repository(data: st.DataObject, case: RegistryCase) -> None:
    names = data.draw(repository_names(case))
    before = access(case.policy, case.partition, names)
    after = access(case.share(case.policy).policy, case.partition, names)
    for (requester, name, had), (_same, _name, has) in zip(before, after, strict=True):
        assert has - had <= granted_to(requester, _for(case.grants, name)), (requester, name)


@ACCESS_LAWS
@given(st.data(), cases())
def test_whoever_is_granted_access_has_it_unless_a_deny_takes_it_away(data: st.DataObject, case: RegistryCase) -> None:
    policy = case.share(case.policy).policy
    allows = [statement for statement in statements(policy) if statement.get("Effect") != "Deny"]
    names = data.draw(repository_names(case))
    for requester, name, has in access({"Version": "2012-10-17", "Statement": allows}, case.partition, names):
        assert granted_to(requester, _for(case.grants, name)) <= has, (requester, name)


@ACCESS_LAWS
@given(st.data(), cases())
def test_nobody_loses_anything_in_a_repository_that_no_named_pattern_is_for(
    data: st.DataObject, case: RegistryCase
) -> None:
    named = [pattern for grant in case.grants for pattern in patterns_of(grant)]
    names = [name for name in data.draw(repository_names(case)) if not covers(named, name)]
    after = case.unshare(case.policy, narrowed=True).policy
    assert access(after, case.partition, names) == access(case.policy, case.partition, names)


def _for(grants: Iterable[Grant], name: str) -> list[Grant]:
    """Those of the grants that are for a repository."""
    return [grant for grant in grants if covers(patterns_of(grant), name)]


@ACCESS_LAWS
@given(cases(managed_alone=True))
def test_what_is_told_to_be_granted_and_revoked_is_what_the_principal_gained_and_lost(case: RegistryCase) -> None:
    """Each pattern by itself: what two of them give to the same repository is told of both."""
    for merged in (case.share(case.policy), case.unshare(case.policy), case.unshare(case.policy, narrowed=True)):
        granted, revoked = _told(merged.granted), _told(merged.revoked)
        everyone = {principal for principal, _pattern in (*granted, *revoked)}
        everyone |= {grant.principal.name for grant in case.grants}
        for principal in everyone:
            requester = _requester(principal, case.partition)
            for pattern in PATTERNS if requester else ():
                had, has = (
                    _alone(policy, requester, principal, pattern, case) for policy in (case.policy, merged.policy)
                )
                gain, loss = granted.get((principal, pattern), ()), revoked.get((principal, pattern), ())
                assert has - had <= _actions(gain) <= has, (principal, pattern)
                assert had - has <= _actions(loss), (principal, pattern)
                assert not any(NEWEST[name] <= had for name in gain), (principal, pattern)
                assert not any(NEWEST[name] <= has for name in loss), (principal, pattern)


def _told(changes: Iterable[Change]) -> dict[tuple[str, str], tuple[str, ...]]:
    told = {}
    for change in changes:
        (pattern,) = change.repositories
        assert (change.principal, pattern) not in told
        assert change.access
        assert change.lambda_regions == ()
        told[change.principal, pattern] = change.access
    return told


def _actions(access: Iterable[str]) -> frozenset[str]:
    return frozenset().union(*(NEWEST[name] for name in access))


def _requester(principal: str, partition: str) -> Requester | None:
    """One who is that principal, and whom no other managed statement is for; None for the id of a deleted one."""
    if principal.isdecimal():
        return Requester(f"arn:{partition}:iam::{principal}:role/unnamed", {})
    if principal.startswith("o-"):
        organization, path = principal.partition("/")[0], principal.removesuffix("*")
        context = {"aws:PrincipalOrgID": organization} if path == principal == organization else {}
        paths = {} if context else {"aws:PrincipalOrgPaths": [path]}
        return Requester(f"arn:{partition}:iam::{policies.STRANGER}:role/unnamed", {**context, **paths})
    return Requester(principal, {}) if principal.startswith(f"arn:{partition}:") else None


def _alone(
    policy: Any, requester: Requester | None, principal: str, pattern: str, case: RegistryCase
) -> frozenset[str]:
    """What statements for exactly this pattern, with nobody else in them, let a principal do in its repositories."""
    assert requester is not None
    spellings = {principal, f"arn:{case.partition}:iam::{principal}:root"}
    kept = []
    for statement in statements(policy):
        if {*_listed(statement["Resource"])} != {arn(case.partition, pattern)}:
            continue
        if "Condition" not in statement:
            names = [name for name in _listed(statement["Principal"]["AWS"]) if name in spellings]
            kept += [{**statement, "Principal": {"AWS": names}}] if names else []
            continue
        ((operator, keys),) = statement["Condition"].items()
        ((key, values),) = keys.items()
        if principal in _listed(values):
            kept.append({**statement, "Condition": {operator: {key: principal}}})
    places = (arn(case.partition, name) for name in names_of(pattern))
    found = {effective_actions({"Statement": kept}, requester, ACTIONS, place) for place in places}
    (actions,) = found
    return actions


@LAWS
@given(cases())
def test_what_leaves_statements_of_others_is_told_with_the_repositories_that_they_are_for(case: RegistryCase) -> None:
    merged = case.unshare(case.policy, revoke_unmanaged=True)
    resources = {
        resource.removeprefix(arn(case.partition, ""))
        for statement in statements(case.policy)
        for resource in _listed(statement.get("Resource", []))
    }
    for told in merged.revoked_actions:
        assert told.actions
        assert set(told.repositories) <= resources


@ACCESS_LAWS
@given(st.data(), cases())
def test_whoever_is_taken_out_of_everything_has_nothing_left_by_name(data: st.DataObject, case: RegistryCase) -> None:
    policy = case.unshare(case.policy, revoke_unmanaged=True).policy
    by_name = [
        statement
        for statement in statements(policy)
        if statement.get("Effect") == "Allow"
        and isinstance(statement.get("Principal"), dict)
        and "*" not in json.dumps(statement["Principal"])
    ]
    for grant in case.grants:
        if grant.principal.kind is PrincipalType.ACCOUNT:
            unnamed = Requester(f"arn:{case.partition}:iam::{grant.principal.name}:role/unnamed")
            for name in data.draw(repository_names(case)):
                resource = arn(case.partition, name)
                assert effective_actions({"Statement": by_name}, unnamed, ACTIONS, resource) == frozenset()
