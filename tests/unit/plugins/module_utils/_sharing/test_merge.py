# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Share and unshare: what is written, what is left alone, and what is said to have changed.

The tables show a policy of managed statements as {Sid: values of the slot}. Which slots a principal has afterwards,
whatever the policy and the grants, is in test_merge_laws.py; here is in what order, how it is spelt and what is said.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.grants import Grant
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.managed_statements import ManagedStatements
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.merge import (
    Change,
    Merged,
    UnmanagedValue,
    share,
    unshare,
)
from ansible_collections.imageshare.aws.tests.support import builders
from ansible_collections.imageshare.aws.tests.support.builders import (
    ACCOUNT,
    DELETED_ROLE,
    DELETED_USER,
    EAST,
    LAMBDA,
    ORGANIZATION,
    OTHER,
    OWNER,
    ROLE,
    ROOT,
    SESSION,
    UNIT,
    USER,
    WEST,
    functions,
    root,
)
from ansible_collections.imageshare.aws.tests.support.policies import ACCESS, ACTION_SETS, TEMPLATES, new_statement
from ansible_collections.imageshare.aws.tests.support.realistic_policies import REALISTIC

SECOND, THIRD = OTHER, "777788889999"
EAST2, EVERYWHERE = functions(SECOND), functions(ACCOUNT, "*")
ROOT2, ROOT3 = root(SECOND), root(THIRD)


def grant(who: str, access: str = "pull", regions: list[str] | None = None, partition: str = "aws") -> Grant:
    return builders.grant(who, ACCESS[access], regions, partition)


PULLS, BOTH_GRANTED = [grant(ACCOUNT)], grant(ACCOUNT, "pull_push")


def merge(policy: Any, *grants: Grant, partition: str = "aws", **options: Any) -> Merged:
    return share(policy, grants, managed=ManagedStatements(partition), registry_id=OWNER, **options)


def remove(policy: Any, *whom: str, partition: str = "aws", **options: Any) -> Merged:
    return unshare(policy, [grant(who).principal for who in whom], managed=ManagedStatements(partition), **options)


# A managed statement of each kind that is spelt as no new one is.
SPELT: dict[str, Callable[[list[str]], dict[str, Any]]] = {
    "identity": lambda values: {"Principal": {"AWS": values}},
    "lambda": lambda values: {"Principal": LAMBDA, "Condition": {"ArnLike": {"aws:SourceArn": values}}},
    "organization": lambda values: {
        "Principal": {"AWS": "*"},
        "Condition": {"StringEquals": {"aws:PrincipalOrgID": values}},
    },
    "organizational_unit": lambda values: {
        "Principal": "*",
        "Condition": {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": values}},
    },
}
KEYS = {sid: key for key, sid in TEMPLATES.items()}


def statement(access: str, *values: str, kind: str = "identity", **elements: Any) -> dict[str, Any]:
    return {"Action": sorted(ACTION_SETS[access]), "Effect": "Allow", **SPELT[kind](list(values)), **elements}


lambda_statement = partial(statement, "lambda", kind="lambda")


def policy_of(slots: dict[str, list[str]]) -> dict[str, Any] | None:
    """A policy with these slots; none for no slot."""
    keys = {sid: KEYS[sid] for sid in slots}
    listed = [statement(keys[sid][1], *values, kind=keys[sid][0], Sid=sid) for sid, values in slots.items()]
    return {"Version": "2012-10-17", "Statement": listed} if listed else None


def slots_of(policy: Any) -> dict[str, list[str]]:
    """The slots of a policy of managed statements, by Sid."""
    result = {}
    for each in [] if policy is None else policy["Statement"]:
        if "Condition" in each:
            ((_operator, keys),) = each["Condition"].items()
            ((_key, held),) = keys.items()
        else:
            held = each["Principal"]["AWS"]
        result[each["Sid"]] = held if isinstance(held, list) else [held]
    return result


# --- new statements ---

# Of each: a grant, and what is written for it to the letter.
NEW: dict[str, tuple[Grant, list[dict[str, Any]]]] = {
    "pull": (grant(ACCOUNT), [new_statement("identity", "pull", ROOT)]),
    "pull and push": (grant(ACCOUNT, "pull_push"), [new_statement("identity", "pull_push", ROOT)]),
    "pull, and Lambda": (
        grant(ACCOUNT, regions=["us-east-1"]),
        [new_statement("identity", "pull", ROOT), new_statement("lambda", "lambda", EAST)],
    ),
}
GRANTED = pytest.mark.parametrize(("granted", "written"), NEW.values(), ids=NEW.keys())


@GRANTED
def test_a_repository_without_a_policy_gets_one_to_the_letter_and_no_other(granted: Grant, written: list[Any]) -> None:
    merged = merge(None, granted)
    assert json.dumps(merged.policy) == json.dumps({"Version": "2008-10-17", "Statement": written})
    assert merged.changed
    before = deepcopy(merged.policy)
    assert merge(before, granted) == Merged(before, False, (), (), ())
    assert merge(before, granted).policy is before


@GRANTED
@pytest.mark.parametrize("before", REALISTIC.values(), ids=REALISTIC.keys())
def test_a_realistic_policy_gets_new_statements_behind_its_own(
    before: dict[str, Any], granted: Grant, written: list[dict[str, Any]]
) -> None:
    after = merge(before, granted).policy
    assert after is not None
    own = before["Statement"] if isinstance(before["Statement"], list) else [before["Statement"]]
    taken = {each.get("Sid") for each in own}
    added = [{**each, "Sid": f"{each['Sid']}2" if each["Sid"] in taken else each["Sid"]} for each in written]
    assert json.dumps(after) == json.dumps({**before, "Statement": [*own, *added]})


@pytest.mark.parametrize("before", REALISTIC.values(), ids=REALISTIC.keys())
def test_nothing_is_taken_from_a_realistic_policy(before: dict[str, Any]) -> None:
    merged = remove(before, ACCOUNT, SECOND, OWNER, ORGANIZATION, purge_deleted_principals=True)
    assert merged == Merged(before, False, (), (), ())


def test_nothing_is_taken_from_no_policy() -> None:
    assert remove(None, ACCOUNT) == Merged(None, False, (), (), ())


# --- slots before and after sharing ---

# Of each: the slots before, the grants, and the slots after.
SHARED: dict[str, tuple[dict[str, list[str]], list[Grant], dict[str, list[str]]]] = {
    "an account joins by its root ARN": ({}, PULLS, {"AllowPull": [ROOT]}),
    "an account joins others behind them": ({"AllowPull": [ROOT2]}, PULLS, {"AllowPull": [ROOT2, ROOT]}),
    "accounts join in the order of the grants": (
        {},
        [grant(THIRD), grant(ACCOUNT), grant(SECOND)],
        {"AllowPull": [ROOT3, ROOT, ROOT2]},
    ),
    "statements are made in the order of the table": (
        {},
        [grant(UNIT), grant(ORGANIZATION, "push"), BOTH_GRANTED, grant(SECOND, "push"), grant(THIRD)],
        {
            "AllowPull": [ROOT3],
            "AllowPush": [ROOT2],
            "AllowPullAndPush": [ROOT],
            "AllowOrganizationPush": [ORGANIZATION],
            "AllowOrganizationalUnitPull": [UNIT],
        },
    ),
    "a role, a user and a session join by their ARN": (
        {},
        [grant(ROLE), grant(USER), grant(SESSION)],
        {"AllowPull": [ROLE, USER, SESSION]},
    ),
    "pull and push of two grants add up": (
        {},
        [grant(ACCOUNT, "push"), grant(ROOT, "pull")],
        {"AllowPullAndPush": [ROOT]},
    ),
    "from pull and push to pull": (
        {"AllowPullAndPush": [ROOT, ROOT2]},
        PULLS,
        {"AllowPullAndPush": [ROOT2], "AllowPull": [ROOT]},
    ),
    "from pull beside push to pull and push": (
        {"AllowPull": [ROOT], "AllowPush": [ROOT]},
        [BOTH_GRANTED],
        {"AllowPullAndPush": [ROOT]},
    ),
    "an account is not its role, user or session": (
        {"AllowPush": [ROLE, USER, SESSION, ROOT]},
        PULLS,
        {"AllowPush": [ROLE, USER, SESSION], "AllowPull": [ROOT]},
    ),
    "who is not declared stays": (
        {"AllowPull": [ROOT2, ROLE], "AllowLambdaPull": [EAST2], "AllowOrganizationPull": [ORGANIZATION]},
        PULLS,
        {"AllowPull": [ROOT2, ROLE, ROOT], "AllowLambdaPull": [EAST2], "AllowOrganizationPull": [ORGANIZATION]},
    ),
    # Lambda
    "each region is a value": (
        {},
        [grant(ACCOUNT, regions=["us-east-1", "eu-west-1"])],
        {"AllowPull": [ROOT], "AllowLambdaPull": [EAST, WEST]},
    ),
    "every region is a star": (
        {},
        [grant(ACCOUNT, regions=["*"])],
        {"AllowPull": [ROOT], "AllowLambdaPull": [EVERYWHERE]},
    ),
    "regions left out keep the Lambda entries": (
        {"AllowLambdaPull": [EAST, functions(ACCOUNT, "us-*")]},
        [BOTH_GRANTED],
        {"AllowLambdaPull": [EAST, functions(ACCOUNT, "us-*")], "AllowPullAndPush": [ROOT]},
    ),
    "no regions take the Lambda entries away": (
        {"AllowPull": [ROOT], "AllowLambdaPull": [EAST, EAST2, EVERYWHERE, WEST]},
        [grant(ACCOUNT, regions=[])],
        {"AllowPull": [ROOT], "AllowLambdaPull": [EAST2]},
    ),
    "other regions replace the Lambda entries": (
        {"AllowPull": [ROOT], "AllowLambdaPull": [EAST, EAST2]},
        [grant(ACCOUNT, regions=["eu-west-1"])],
        {"AllowPull": [ROOT], "AllowLambdaPull": [EAST2, WEST]},
    ),
    "a region more keeps the others in place": (
        {"AllowPull": [ROOT], "AllowLambdaPull": [WEST, EAST2]},
        [grant(ACCOUNT, regions=["us-east-1", "eu-west-1"])],
        {"AllowPull": [ROOT], "AllowLambdaPull": [WEST, EAST2, EAST]},
    ),
    "access lambda is the Lambda part alone": (
        {},
        [grant(ACCOUNT, "lambda", ["us-east-1"])],
        {"AllowLambdaPull": [EAST]},
    ),
    "access lambda leaves the slots of pull and push": (
        {"AllowPull": [ROOT, ROLE], "AllowPush": [ROOT2, ACCOUNT], "AllowPullAndPush": [ROOT]},
        [grant(ACCOUNT, "lambda", ["us-east-1"])],
        {"AllowPull": [ROLE], "AllowPush": [ROOT2], "AllowLambdaPull": [EAST]},
    ),
}


@pytest.mark.parametrize(("before", "grants", "after"), SHARED.values(), ids=SHARED.keys())
def test_sharing(before: dict[str, list[str]], grants: list[Grant], after: dict[str, list[str]]) -> None:
    merged = merge(policy_of(before), *grants)
    assert list(slots_of(merged.policy).items()) == list(after.items())
    assert merged.changed == (before != after)


# --- purge ---

PURGED: dict[str, tuple[dict[str, list[str]], list[Grant], dict[str, list[str]]]] = {
    "who is not declared leaves every slot": (
        {
            "AllowPull": [ROOT2, ROOT, ROLE],
            "AllowPush": [USER, SESSION],
            "AllowPullAndPush": [THIRD],
            "AllowLambdaPull": [EAST2, functions(THIRD, "*")],
            "AllowOrganizationPull": [ORGANIZATION],
            "AllowOrganizationalUnitPush": [UNIT],
        },
        PULLS,
        {"AllowPull": [ROOT]},
    ),
    "the last to leave makes room for the next": ({"AllowPull": [ROOT2]}, PULLS, {"AllowPull": [ROOT]}),
    "the owner stays, by ARN and by id": (
        {"AllowPull": [root(OWNER), ROOT2], "AllowPush": [OWNER]},
        PULLS,
        {"AllowPull": [root(OWNER), ROOT], "AllowPush": [OWNER]},
    ),
    "the owner is bound by what is declared for it": (
        {"AllowPullAndPush": [root(OWNER), f"arn:aws:iam::{OWNER}:role/ci"]},
        [grant(OWNER)],
        {"AllowPullAndPush": [f"arn:aws:iam::{OWNER}:role/ci"], "AllowPull": [root(OWNER)]},
    ),
}


@pytest.mark.parametrize(("before", "grants", "after"), PURGED.values(), ids=PURGED.keys())
def test_purging(before: dict[str, list[str]], grants: list[Grant], after: dict[str, list[str]]) -> None:
    merged = merge(policy_of(before), *grants, purge_grants=True)
    assert list(slots_of(merged.policy).items()) == list(after.items())


def test_purging_leaves_unmanaged_statements_alone() -> None:
    before = REALISTIC["our own Sids around other contents"]
    after = merge(before, grant(THIRD), purge_grants=True).policy
    assert after is not None
    assert after["Statement"][:-1] == before["Statement"]


# --- unshare ---

UNSHARED: dict[str, tuple[dict[str, list[str]], list[str], dict[str, list[str]]]] = {
    "an account leaves every slot, by ARN, id and Lambda entry": (
        {
            "AllowPull": [ROOT, ROOT2],
            "AllowPush": [ACCOUNT, ROLE],
            "AllowPullAndPush": [ROOT3, ACCOUNT, ROOT],
            "AllowLambdaPull": [EAST, EAST2, EVERYWHERE, functions(ACCOUNT, "us-*")],
        },
        [ACCOUNT],
        {"AllowPull": [ROOT2], "AllowPush": [ROLE], "AllowPullAndPush": [ROOT3], "AllowLambdaPull": [EAST2]},
    ),
    "an account may be named by its root ARN": ({"AllowPull": [ACCOUNT, ROOT2]}, [ROOT], {"AllowPull": [ROOT2]}),
    "the last to leave takes the statement along": (
        {"AllowPull": [ROOT2], "AllowPush": [ROOT], "AllowLambdaPull": [EAST]},
        [ACCOUNT],
        {"AllowPull": [ROOT2]},
    ),
    "the last to leave takes the policy along": (
        {"AllowPull": [ROOT, ACCOUNT], "AllowLambdaPull": [EAST], "AllowOrganizationPull": [ORGANIZATION]},
        [ACCOUNT, ORGANIZATION],
        {},
    ),
}


@pytest.mark.parametrize(("before", "whom", "after"), UNSHARED.values(), ids=UNSHARED.keys())
def test_unsharing(before: dict[str, list[str]], whom: list[str], after: dict[str, list[str]]) -> None:
    merged = remove(policy_of(before), *whom)
    assert list(slots_of(merged.policy).items()) == list(after.items())
    assert merged.changed == (before != after)


# --- statements ---


def test_a_slot_is_found_whatever_the_sid() -> None:
    before = {"Statement": [statement("push", ROOT2, Sid="Push-n-Pull"), statement("pull", ROOT3)]}
    after = merge(before, grant(ACCOUNT)).policy
    assert after == {"Statement": [statement("push", ROOT2, Sid="Push-n-Pull"), statement("pull", ROOT3, ROOT)]}


def test_a_managed_statement_changes_in_place_and_in_nothing_but_its_slot() -> None:
    console, guard_rail = (
        REALISTIC["the console's wide-open hand, as one object"]["Statement"],
        REALISTIC["a guard rail around an organization"]["Statement"][1],
    )
    before = {"Version": "2012-10-17", "Statement": [console, lambda_statement(EAST, Sid="x"), guard_rail]}
    after = merge(before, grant(ACCOUNT, "lambda", ["us-east-1", "eu-west-1"])).policy
    assert json.dumps(after) == json.dumps(
        {"Version": "2012-10-17", "Statement": [console, lambda_statement(EAST, WEST, Sid="x"), guard_rail]}
    )


def test_two_statements_of_one_shape_are_added_to_as_one() -> None:
    before = {"Statement": [statement("pull", ROOT2, Sid="a"), statement("pull", ROOT3, Sid="b")]}
    assert slots_of(merge(before, grant(ACCOUNT)).policy) == {"a": [ROOT2, ROOT], "b": [ROOT3]}


def test_who_is_in_either_of_two_statements_of_one_shape_is_there() -> None:
    before = {"Statement": [statement("pull", ROOT2, Sid="a"), statement("pull", ROOT, Sid="b")]}
    assert merge(before, grant(ACCOUNT)) == Merged(before, False, (), (), ())


def test_who_leaves_leaves_both_of_two_statements_of_one_shape() -> None:
    before = {
        "Statement": [
            statement("pull", ROOT2, ROOT, Sid="a"),
            statement("pull", ACCOUNT, Sid="b"),
            statement("pull", ROOT, ROOT3, Sid="c"),
        ]
    }
    assert slots_of(remove(before, ACCOUNT).policy) == {"a": [ROOT2], "c": [ROOT3]}


def test_lambda_statements_of_both_operators_count_as_one() -> None:
    string_like = new_statement("lambda", "lambda", EAST, Sid="b")
    before = {"Statement": [lambda_statement(EAST2, Sid="a"), string_like]}
    assert not merge(before, grant(ACCOUNT, "lambda", ["us-east-1"])).changed
    after = merge(before, grant(ACCOUNT, "lambda", ["eu-west-1"])).policy
    assert slots_of(after) == {"a": [EAST2, WEST]}


def test_the_first_of_two_statements_is_refilled_though_all_left_it() -> None:
    before = {"Statement": [statement("pull", ROOT2, Sid="a"), statement("pull", ROOT3, Sid="b")]}
    assert slots_of(merge(before, grant(ACCOUNT), purge_grants=True).policy) == {"a": [ROOT]}


SIDS: dict[str, tuple[list[str | None], str]] = {
    "free": ([None, "", "allowpull"], "AllowPull"),
    "taken": (["AllowPull"], "AllowPull2"),
    "taken twice": (["AllowPull", "AllowPull2"], "AllowPull3"),
    "taken with a gap": (["AllowPull", "AllowPull3"], "AllowPull2"),
    "taken but for its number": (["AllowPull2"], "AllowPull"),
    "taken by several": (["AllowPull", "AllowPull"], "AllowPull2"),
}


@pytest.mark.parametrize(("taken", "expected"), SIDS.values(), ids=SIDS.keys())
def test_a_new_statements_sid_where_it_is(taken: list[str | None], expected: str) -> None:
    others = [{"Sid": sid, "Effect": "Deny"} if sid is not None else {"Effect": "Deny"} for sid in taken]
    after = merge({"Statement": others}, grant(ACCOUNT)).policy
    assert after is not None
    assert [each["Sid"] for each in after["Statement"][len(others) :]] == [expected]


def test_a_new_statements_sid_may_be_taken_by_a_managed_one_of_another_shape() -> None:
    before = {"Statement": [statement("push", ROOT2, Sid="AllowPull")]}
    assert slots_of(merge(before, grant(ACCOUNT)).policy) == {"AllowPull": [ROOT2], "AllowPull2": [ROOT]}


def test_a_sid_is_free_again_when_its_statement_goes() -> None:
    before = {"Statement": [statement("push", ROOT, Sid="AllowPull")]}
    assert slots_of(merge(before, grant(ACCOUNT)).policy) == {"AllowPull": [ROOT]}


def test_a_statement_of_ours_that_somebody_extended_is_left_alone_and_replaced() -> None:
    extended = {**statement("pull", ROOT2, Sid="AllowPull"), "Condition": {"Bool": {"aws:SecureTransport": "true"}}}
    after = merge({"Statement": [extended]}, grant(ACCOUNT)).policy
    assert after is not None
    assert after["Statement"][0] == extended
    assert slots_of({"Statement": after["Statement"][1:]}) == {"AllowPull2": [ROOT]}


SPELLINGS: dict[str, tuple[Any, list[Grant], Any]] = {
    "a scalar becomes a list when another joins": (ROOT2, PULLS, [ROOT2, ROOT]),
    "a list stays a list when another joins": ([ROOT2], PULLS, [ROOT2, ROOT]),
    "a list becomes a scalar when one is left": ([ROOT2, ROOT], [grant(ACCOUNT, "push")], ROOT2),
    "a list of one stays as it is": ([ROOT], PULLS, [ROOT]),
    "a scalar stays as it is": (ROOT, PULLS, ROOT),
    "duplicates stay as they are": ([ROOT2, ROOT2], PULLS, [ROOT2, ROOT2, ROOT]),
    "both names of an account stay as they are": ([ACCOUNT, ROOT], PULLS, [ACCOUNT, ROOT]),
}


@pytest.mark.parametrize(("before", "grants", "after"), SPELLINGS.values(), ids=SPELLINGS.keys())
def test_a_slot_is_spelt(before: Any, grants: list[Grant], after: Any) -> None:
    merged = merge({"Statement": [{**statement("pull"), "Principal": {"AWS": before}}]}, *grants)
    assert merged.policy is not None
    assert merged.policy["Statement"][0]["Principal"] == {"AWS": after}


def test_a_new_statement_with_several_values_has_a_list() -> None:
    after = merge(None, grant(ORGANIZATION), grant("o-z9y8x7w6v5")).policy
    assert after is not None
    assert after["Statement"][0]["Condition"] == {
        "StringEquals": {"aws:PrincipalOrgID": [ORGANIZATION, "o-z9y8x7w6v5"]}
    }


# --- the policy around them ---


@pytest.mark.parametrize(
    "members",
    [{}, {"Version": "2012-10-17"}, {"Version": "2008-10-17", "Id": ""}, {"Id": "x"}, {"Comment": None}],
    ids=json.dumps,
)
def test_version_and_id_are_never_touched(members: dict[str, Any]) -> None:
    before = {**members, "Statement": [statement("pull", ROOT2)]}
    shared = merge(before, grant(ACCOUNT)).policy
    assert shared is not None
    assert {**shared, "Statement": None} == {**members, "Statement": None}
    unshared = remove(shared, ACCOUNT).policy
    assert unshared is not None
    assert {**unshared, "Statement": None} == {**members, "Statement": None}


def test_one_statement_as_an_object_stays_one_where_nothing_changes() -> None:
    before = {"Statement": statement("pull", ROOT)}
    assert merge(before, grant(ACCOUNT)).policy is before


def test_one_statement_as_an_object_becomes_a_list_where_something_changes() -> None:
    before = {"Statement": statement("pull", ROOT2)}
    assert merge(before, grant(ACCOUNT)).policy == {"Statement": [statement("pull", ROOT2, ROOT)]}


def test_one_statement_as_an_object_goes_with_its_policy() -> None:
    assert remove({"Statement": statement("pull", ROOT)}, ACCOUNT).policy is None


def test_a_foreign_statement_keeps_the_policy() -> None:
    lambdas_own = REALISTIC["Lambda's own statement beside another service's"]["Statement"][0]
    before = {"Version": "2008-10-17", "Statement": [statement("pull", ROOT), lambdas_own]}
    assert remove(before, ACCOUNT).policy == {"Version": "2008-10-17", "Statement": [lambdas_own]}


def test_a_policy_without_statements_gets_one() -> None:
    after = merge({"Version": "2012-10-17", "Statement": []}, grant(ACCOUNT)).policy
    assert after is not None
    assert after["Version"] == "2012-10-17"
    assert slots_of(after) == {"AllowPull": [ROOT]}


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_a_policy_is_written_in_the_registrys_partition(partition: str) -> None:
    granted = grant(ACCOUNT, regions=["*"], partition=partition)
    merged = merge(None, granted, partition=partition)
    assert slots_of(merged.policy) == {
        "AllowPull": [root(ACCOUNT, partition)],
        "AllowLambdaPull": [functions(ACCOUNT, "*", partition=partition)],
    }
    assert not merge(merged.policy, granted, partition=partition).changed
    assert remove(merged.policy, ACCOUNT, partition=partition).policy is None


def test_an_entry_of_another_partition_is_another_account() -> None:
    abroad = {"AllowPull": [root(ACCOUNT, "aws-cn")], "AllowLambdaPull": [functions(ACCOUNT, "*", partition="aws-cn")]}
    merged = merge(policy_of(abroad), grant(ACCOUNT, regions=[]), purge_grants=True)
    assert slots_of(merged.policy) == {
        "AllowPull": [root(ACCOUNT, "aws-cn"), ROOT],
        "AllowLambdaPull": [functions(ACCOUNT, "*", partition="aws-cn")],
    }


def test_nothing_that_is_passed_in_is_changed() -> None:
    before = {
        "Statement": [statement("pull", ROOT, ROOT2), lambda_statement(EAST, WEST), statement("push", DELETED_ROLE)]
    }
    copy = deepcopy(before)
    merge(before, grant(ACCOUNT, "push", ["us-east-1"]), grant(THIRD), purge_grants=True, purge_deleted_principals=True)
    remove(before, ACCOUNT, purge_deleted_principals=True)
    assert before == copy


# --- older sets of actions ---

OLD_PUSH = {"Statement": [statement("old push", ROOT, ROOT2, Sid="AllowPush")]}


def test_a_declared_principal_moves_to_the_newest_set_of_actions_and_its_neighbour_stays() -> None:
    merged = merge(OLD_PUSH, grant(ACCOUNT, "push"))
    assert merged.policy is not None
    stayed, moved = merged.policy["Statement"]
    assert stayed == {**OLD_PUSH["Statement"][0], "Principal": {"AWS": ROOT2}}
    assert (moved["Sid"], moved["Action"]) == ("AllowPush2", list(ACTION_SETS["push"]))
    assert moved["Principal"] == {"AWS": ROOT}
    assert (merged.granted, merged.revoked) == ((Change(ACCOUNT, PUSH),), ())
    assert not merge(merged.policy, grant(ACCOUNT, "push")).changed


def test_the_last_principal_takes_an_older_statement_with_it() -> None:
    merged = merge(OLD_PUSH, grant(ACCOUNT, "push"), grant(SECOND, "push"))
    assert merged.policy is not None
    (only,) = merged.policy["Statement"]
    assert (only["Sid"], only["Action"]) == ("AllowPush", list(ACTION_SETS["push"]))


def test_a_principal_that_gets_more_leaves_an_older_statement() -> None:
    merged = merge(OLD_PUSH, BOTH_GRANTED, purge_grants=True)
    assert slots_of(merged.policy) == {"AllowPullAndPush": [ROOT]}
    assert merged.granted == (Change(ACCOUNT, BOTH),)
    assert merged.revoked == (Change(SECOND, PUSH),)


def test_a_principal_is_taken_out_of_older_and_newer_statements() -> None:
    both = {"Statement": [*OLD_PUSH["Statement"], statement("push", ROOT, ROOT3, Sid="newer")]}
    merged = remove(both, ACCOUNT)
    assert slots_of(merged.policy) == {"AllowPush": [ROOT2], "newer": [ROOT3]}
    assert merged.revoked == (Change(ACCOUNT, PUSH),)


# --- capabilities add up ---


def test_capabilities_that_share_no_statement_have_one_each() -> None:
    everything = Grant(grant(ACCOUNT).principal, frozenset({"pull", "push", "describe"}))
    merged = merge(None, everything)
    assert slots_of(merged.policy) == {"AllowDescribe": [ROOT], "AllowPullAndPush": [ROOT]}
    assert merged.granted == (Change(ACCOUNT, ("pull", "push", "describe")),)
    assert not merge(merged.policy, everything).changed


# --- values that belong to nobody ---

NOBODYS = {
    "a deleted role": ("AllowPull", DELETED_ROLE),
    "an account of another partition": ("AllowPush", root(ACCOUNT, "aws-cn")),
    "a star as a source": ("AllowLambdaPull", "*"),
    "functions of every account": ("AllowLambdaPull", functions("*", "*")),
    "a single function": ("AllowLambdaPull", EAST.replace("*", "resize")),
    "organizations by a star": ("AllowOrganizationPull", "o-*"),
    "units of every organization": ("AllowOrganizationalUnitPull", "o-*/*"),
}


@pytest.mark.parametrize(("sid", "value"), NOBODYS.values(), ids=NOBODYS.keys())
def test_what_belongs_to_nobody_stays_even_under_purge_and_is_named(sid: str, value: str) -> None:
    merged = merge(policy_of({sid: [value]}), grant(SECOND), grant(ACCOUNT, regions=[]), purge_grants=True)
    assert value in slots_of(merged.policy)[sid]
    assert merged.unmanaged_values == (UnmanagedValue(sid, value),)


@pytest.mark.parametrize(("sid", "value"), NOBODYS.values(), ids=NOBODYS.keys())
def test_what_belongs_to_nobody_stays_when_all_others_leave(sid: str, value: str) -> None:
    merged = remove(policy_of({sid: [value], "AllowPullAndPush": [ROOT]}), ACCOUNT, SECOND, ORGANIZATION)
    assert slots_of(merged.policy) == {sid: [value]}
    assert merged.unmanaged_values == (UnmanagedValue(sid, value),)


def test_what_belongs_to_nobody_is_named_by_a_statement_without_sid_too() -> None:
    merged = remove({"Statement": [statement("pull", ROOT2, DELETED_ROLE)]}, ACCOUNT)
    assert not merged.changed
    assert merged.unmanaged_values == (UnmanagedValue(None, DELETED_ROLE),)


def test_orphans_leave_the_managed_slots_on_request_alone() -> None:
    foreign = REALISTIC["the console's wide-open hand, as one object"]["Statement"]
    before = {"Statement": [foreign, statement("pull", DELETED_ROLE, ROOT), statement("push", DELETED_USER)]}
    assert merge(before, grant(ACCOUNT)).policy is before
    expected = {"Statement": [foreign, {**statement("pull"), "Principal": {"AWS": ROOT}}]}
    shared = merge(before, grant(ACCOUNT), purge_deleted_principals=True)
    unshared = remove(before, SECOND, purge_deleted_principals=True)
    assert shared.policy == unshared.policy == expected
    assert shared.unmanaged_values == unshared.unmanaged_values == ()
    gone = (Change(DELETED_ROLE, ("pull",)), Change(DELETED_USER, ("push",)))
    assert shared.revoked == unshared.revoked == gone


@pytest.mark.parametrize(("sid", "value"), NOBODYS.values(), ids=NOBODYS.keys())
def test_pruning_takes_deleted_principals_and_nothing_else_that_belongs_to_nobody(sid: str, value: str) -> None:
    before = {sid: [value], "AllowPullAndPush": [ROOT]}
    after = {"AllowPullAndPush": [ROOT]} if value == DELETED_ROLE else before
    assert slots_of(merge(policy_of(before), BOTH_GRANTED, purge_deleted_principals=True).policy) == after
    assert slots_of(remove(policy_of(before), SECOND, purge_deleted_principals=True).policy) == after


# --- what is said to have changed ---

PULL, PUSH, BOTH, ALONE = ("pull",), ("push",), ("pull", "push"), ()

# Of each: the slots before, the grants, what is granted, and what is revoked.
TOLD: dict[str, tuple[dict[str, list[str]], list[Grant], list[Change], list[Change]]] = {
    "a pull": ({}, PULLS, [Change(ACCOUNT, PULL)], []),
    "a role by its ARN": ({}, [grant(ROLE, "push")], [Change(ROLE, PUSH)], []),
    "several, in the order of the slots": (
        {},
        [grant(ORGANIZATION), grant(SECOND, "push"), grant(ACCOUNT, "push"), grant(THIRD)],
        [Change(THIRD, PULL), Change(SECOND, PUSH), Change(ACCOUNT, PUSH), Change(ORGANIZATION, PULL)],
        [],
    ),
    "nothing of what was there": ({"AllowPull": [ROOT2, ACCOUNT]}, PULLS, [], []),
    "a pull with its regions": (
        {},
        [grant(ACCOUNT, regions=["eu-west-1", "us-east-1"])],
        [Change(ACCOUNT, PULL, ("eu-west-1", "us-east-1"))],
        [],
    ),
    "a region of who has the pull already": (
        {"AllowPull": [ROOT], "AllowLambdaPull": [EAST]},
        [grant(ACCOUNT, regions=["us-east-1", "eu-west-1"])],
        [Change(ACCOUNT, ALONE, ("eu-west-1",))],
        [],
    ),
    "a pull of who has the region already": (
        {"AllowLambdaPull": [EAST]},
        [grant(ACCOUNT, regions=["us-east-1"])],
        [Change(ACCOUNT, PULL)],
        [],
    ),
    "a region, then every region": (
        {"AllowPull": [ROOT], "AllowLambdaPull": [EAST]},
        [grant(ACCOUNT, regions=["*"])],
        [Change(ACCOUNT, ALONE, ("*",))],
        [],
    ),
    "every region, then one": (
        {"AllowPull": [ROOT], "AllowLambdaPull": [functions(ACCOUNT, "*")]},
        [grant(ACCOUNT, regions=["us-east-1"])],
        [],
        [Change(ACCOUNT, ALONE, ("*",))],
    ),
    "regions exchanged": (
        {"AllowPull": [ROOT], "AllowLambdaPull": [EAST]},
        [grant(ACCOUNT, regions=["eu-west-1"])],
        [Change(ACCOUNT, ALONE, ("eu-west-1",))],
        [Change(ACCOUNT, ALONE, ("us-east-1",))],
    ),
    "access exchanged": ({"AllowPullAndPush": [ROOT]}, PULLS, [], [Change(ACCOUNT, PUSH)]),
    "nothing where two slots become one": ({"AllowPull": [ROOT], "AllowPush": [ROOT]}, [BOTH_GRANTED], [], []),
    "a capability besides": (
        {"AllowPull": [ROOT]},
        [grant(ACCOUNT, "describe"), grant(ACCOUNT)],
        [Change(ACCOUNT, ("describe",))],
        [],
    ),
    "the pull taken and its regions with it": (
        {"AllowPullAndPush": [ROOT], "AllowLambdaPull": [EAST, WEST]},
        [grant(ACCOUNT, "push", [])],
        [],
        [Change(ACCOUNT, PULL, ("us-east-1", "eu-west-1"))],
    ),
    "the push taken and the regions beside it": (
        {"AllowPush": [ROOT], "AllowLambdaPull": [EAST]},
        [grant(ACCOUNT, "lambda", ["eu-west-1"])],
        [Change(ACCOUNT, ALONE, ("eu-west-1",))],
        [Change(ACCOUNT, PUSH, ("us-east-1",))],
    ),
    "a move between statements of one shape": (
        {"AllowPull": [ROOT], "AllowOrganizationPull": [ORGANIZATION]},
        [grant(ACCOUNT), grant(ORGANIZATION, "pull_push")],
        [Change(ORGANIZATION, PUSH)],
        [],
    ),
}


@pytest.mark.parametrize(("before", "grants", "granted", "revoked"), TOLD.values(), ids=TOLD.keys())
def test_what_is_granted_and_revoked(
    before: dict[str, list[str]], grants: list[Grant], granted: list[Change], revoked: list[Change]
) -> None:
    merged = merge(policy_of(before), *grants)
    assert merged.granted == tuple(granted)
    assert merged.revoked == tuple(revoked)


def test_what_purge_takes_is_revoked() -> None:
    before = {"AllowPull": [ROOT2, ROLE, ROOT], "AllowLambdaPull": [EAST2, functions(THIRD, "us-*")]}
    merged = merge(policy_of(before), grant(ACCOUNT), purge_grants=True)
    assert merged.granted == ()
    assert merged.revoked == (Change(SECOND, PULL, ("us-east-1",)), Change(ROLE, PULL), Change(THIRD, ALONE, ("us-*",)))


def test_what_unsharing_takes_is_revoked() -> None:
    before = {"AllowPull": [ACCOUNT], "AllowPullAndPush": [ROOT, ROOT2], "AllowLambdaPull": [EAST]}
    merged = remove(policy_of(before), ACCOUNT, THIRD)
    assert merged.granted == ()
    assert merged.revoked == (Change(ACCOUNT, BOTH, ("us-east-1",)),)


def test_who_is_twice_in_one_slot_is_told_once() -> None:
    before = {"Statement": [statement("pull", ROOT, ACCOUNT, Sid="a"), statement("pull", ROOT, Sid="b")]}
    assert remove(before, ACCOUNT).revoked == (Change(ACCOUNT, PULL),)
