# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who leaves unmanaged statements, what is left of them, and what is told of it.

What holds of every policy is in test_unmanaged_access_laws.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.grants import Grant
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.managed_statements import ManagedStatements
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.merge import (
    Change,
    Merged,
    RevokedActions,
    UnmanagedValue,
    share,
    unshare,
)
from ansible_collections.imageshare.aws.tests.support import policies
from ansible_collections.imageshare.aws.tests.support.builders import (
    ACCOUNT,
    DESCRIBE,
    EAST,
    LAMBDA_PULL,
    ORGANIZATION,
    OTHER,
    OTHER_ROOT,
    OWNER,
    PULL,
    PUSH,
    REPOSITORY,
    ROLE,
    ROOT,
    SESSION,
    UPLOAD,
    USER,
    WEST,
    all_but,
    allow,
    allow_functions,
    deny,
    functions,
    grant,
    policy,
    principal,
    statement,
    when,
)
from ansible_collections.imageshare.aws.tests.support.evaluator import effective_actions
from ansible_collections.imageshare.aws.tests.support.merges import reaches

EVERYTHING = "ecr:*"
OTHERS_EAST = functions(OTHER)
RESIZE = functions(ACCOUNT, name="resize")
FEDERATED = f"arn:aws:sts::{ACCOUNT}:federated-user/bob"
PROJECT = f"arn:aws:codebuild:us-east-1:{ACCOUNT}:project/images"
OTHERS_PROJECT = f"arn:aws:codebuild:us-east-1:{OTHER}:project/images"
LAMBDA, CODEBUILD = "lambda.amazonaws.com", "codebuild.amazonaws.com"
OFFICE = {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}
MANAGED = ManagedStatements("aws", REPOSITORY)


def take_out(*statements: dict[str, Any], named: Iterable[str] = (ACCOUNT,), whole_account: bool = False) -> Merged:
    """Take everything from principals."""
    return unshare(
        policy(*statements),
        list(map(principal, named)),
        managed=MANAGED,
        revoke_unmanaged=True,
        whole_account=whole_account,
    )


def take_over(*statements: dict[str, Any], grants: Iterable[Grant]) -> Merged:
    """Let principals have what is declared and no more."""
    return share(policy(*statements), grants, managed=MANAGED, registry_id=OWNER, revoke_unmanaged=True)


def left(merged: Merged) -> list[dict[str, Any]]:
    return [] if merged.policy is None else list(merged.policy["Statement"])


def source(condition: Any, service: Any = LAMBDA, **elements: Any) -> dict[str, Any]:
    """Return a statement that allows a service the pull and to delete, under a condition."""
    actions = [*LAMBDA_PULL, "ecr:DeleteRepository"]
    whole = {"Principal": {"Service": service}, "Action": actions, "Condition": condition, **elements}
    return statement(**whole)


# --- entries of Principal.AWS ---

# Of each: an unmanaged statement, and what is left of it when the account has left; None for nothing.
ENTRIES: dict[str, tuple[dict[str, Any], dict[str, Any] | None]] = {
    "the root ARN alone": (allow(ROOT, Action=EVERYTHING), None),
    "as one text": (statement(Principal={"AWS": ROOT}, Action=EVERYTHING), None),
    "the bare id": (allow(ACCOUNT, Action=EVERYTHING), None),
    "twice, in both spellings": (allow(ROOT, ACCOUNT, ROOT, Action=EVERYTHING), None),
    "among others": (allow(OTHER, ROOT, ROLE, ACCOUNT, Action=EVERYTHING), allow(OTHER, ROLE, Action=EVERYTHING)),
    "with NotAction": (allow(ROOT, OTHER, Action=None, NotAction="s3:*"), allow(OTHER, Action=None, NotAction="s3:*")),
    "under a condition": (allow(ROOT, Action=EVERYTHING, Condition=OFFICE), None),
    "under a condition, among others": (
        allow(ROOT, OTHER, Action=EVERYTHING, Condition=OFFICE),
        allow(OTHER, Action=EVERYTHING, Condition=OFFICE),
    ),
    "for another repository": (allow(ROOT, Resource="arn:aws:ecr:*:*:repository/web"), None),
    "beside everyone": (allow("*", ROOT, Action=EVERYTHING), allow("*", Action=EVERYTHING)),
    "beside a service, which stays": (
        statement(Principal={"AWS": ROOT, "Service": CODEBUILD}, Sid="a"),
        statement(Principal={"Service": CODEBUILD}, Sid="a"),
    ),
    "beside a service, among others": (
        statement(Principal={"Service": CODEBUILD, "AWS": [ROOT, OTHER_ROOT]}),
        statement(Principal={"Service": CODEBUILD, "AWS": [OTHER_ROOT]}),
    ),
    "beside a federation, which stays": (
        statement(Principal={"AWS": [ACCOUNT], "Federated": "accounts.google.com"}),
        statement(Principal={"Federated": "accounts.google.com"}),
    ),
    "beside no service": (statement(Principal={"AWS": ROOT, "Service": []}), None),
}


@pytest.mark.parametrize(("before", "after"), ENTRIES.values(), ids=ENTRIES.keys())
def test_an_account_leaves_the_principals_of_unmanaged_statements(before: Any, after: Any) -> None:
    merged = take_out(before)
    assert json.dumps(left(merged)) == json.dumps([] if after is None else [after])
    assert merged.changed
    assert (merged.policy is None) is (after is None)


# --- sources of services ---

# Of each: the condition of a service's statement, and the one that is left; None where the statement goes.
SOURCES: dict[str, tuple[Any, Any]] = {
    "the account": ({"StringEquals": {"aws:SourceAccount": ACCOUNT}}, None),
    "the account as a number": ({"StringEquals": {"aws:SourceAccount": [int(ACCOUNT)]}}, None),
    "its functions": ({"StringLike": {"aws:sourceArn": EAST}}, None),
    "its functions, spelt another way": ({"ARNLIKE": {"AWS:SOURCEARN": [EAST, EAST]}}, None),
    "one of its functions": ({"ArnEquals": {"aws:SourceArn": RESIZE}}, None),
    "its functions in every region": ({"StringLike": {"aws:SourceArn": functions(ACCOUNT, "*")}}, None),
    "all that it has": ({"ArnLike": {"aws:SourceArn": f"arn:aws:*:*:{ACCOUNT}:*"}}, None),
    "a pattern that matches nothing": ({"StringEquals": {"aws:SourceArn": EAST}}, None),
    "any value of several": ({"ForAnyValue:StringLike": {"aws:SourceArn": EAST}}, None),
    "among others": (
        {"StringLike": {"aws:SourceArn": [OTHERS_EAST, EAST, RESIZE]}},
        {"StringLike": {"aws:SourceArn": [OTHERS_EAST]}},
    ),
    "two keys": (
        {"StringEquals": {"aws:SourceAccount": ACCOUNT}, "ArnLike": {"aws:SourceArn": EAST}},
        None,
    ),
    "two keys, among others": (
        {"StringEquals": {"aws:SourceAccount": [ACCOUNT, OTHER]}, "ArnLike": {"aws:SourceArn": [EAST, OTHERS_EAST]}},
        {"StringEquals": {"aws:SourceAccount": [OTHER]}, "ArnLike": {"aws:SourceArn": [OTHERS_EAST]}},
    ),
    "one key that names others, and one that does not": (
        {"StringEquals": {"aws:SourceAccount": [ACCOUNT, OTHER]}, "ArnLike": {"aws:SourceArn": EAST}},
        None,
    ),
    "one key in two cases": (
        {"StringLike": {"aws:SourceArn": [EAST, OTHERS_EAST], "AWS:sourcearn": [OTHERS_EAST]}},
        {"StringLike": {"aws:SourceArn": [OTHERS_EAST], "AWS:sourcearn": [OTHERS_EAST]}},
    ),
    "beside another condition": (
        {"StringEquals": {"aws:SourceAccount": [ACCOUNT, OTHER], "aws:SourceOrgID": ORGANIZATION}, **OFFICE},
        {"StringEquals": {"aws:SourceAccount": [OTHER], "aws:SourceOrgID": ORGANIZATION}, **OFFICE},
    ),
    "beside a negated one": (
        {"StringEquals": {"aws:SourceAccount": [ACCOUNT, OTHER]}, "ArnNotLike": {"aws:SourceArn": RESIZE}},
        {"StringEquals": {"aws:SourceAccount": [OTHER]}, "ArnNotLike": {"aws:SourceArn": RESIZE}},
    ),
    "if it exists, among others": (
        {"StringEqualsIfExists": {"aws:SourceAccount": [ACCOUNT, OTHER]}},
        {"StringEqualsIfExists": {"aws:SourceAccount": [OTHER]}},
    ),
    "all values, among others": (
        {"ForAllValues:StringEquals": {"aws:SourceAccount": [ACCOUNT, OTHER]}},
        {"ForAllValues:StringEquals": {"aws:SourceAccount": [OTHER]}},
    ),
    "if it exists, and for certain": (
        {"StringEqualsIfExists": {"aws:SourceAccount": ACCOUNT}, "ArnLike": {"aws:SourceArn": EAST}},
        None,
    ),
    "if it exists, and for certain among others": (
        {"StringEqualsIfExists": {"aws:SourceAccount": ACCOUNT}, "ArnLike": {"aws:SourceArn": [EAST, OTHERS_EAST]}},
        {"StringEqualsIfExists": {"aws:SourceAccount": ACCOUNT}, "ArnLike": {"aws:SourceArn": [OTHERS_EAST]}},
    ),
}


@pytest.mark.parametrize(("before", "after"), SOURCES.values(), ids=SOURCES.keys())
def test_what_services_do_for_an_account_leaves_and_no_condition_is_dropped(before: Any, after: Any) -> None:
    merged = take_out(source(before))
    assert json.dumps(left(merged)) == json.dumps([] if after is None else [source(after)])
    assert merged.changed


def test_lambdas_own_statement_is_unmanaged_and_goes() -> None:
    own = allow_functions(EAST, Sid="LambdaECRImageRetrievalPolicy")
    assert take_out(own).policy is None
    # Without regions nothing is declared of Lambda, with an empty list that nothing is allowed.
    assert left(take_over(own, grants=[grant(ACCOUNT)]))[0] == own
    assert own not in left(take_over(own, grants=[grant(ACCOUNT, regions=[])]))


def test_entries_and_sources_of_one_statement_leave_together() -> None:
    both = statement(
        Principal={"AWS": [ROOT, OTHER_ROOT], "Service": CODEBUILD},
        Condition={"StringEquals": {"aws:SourceAccount": [ACCOUNT, OTHER]}},
    )
    assert left(take_out(both)) == [
        {
            **both,
            "Principal": {"AWS": [OTHER_ROOT], "Service": CODEBUILD},
            "Condition": {"StringEquals": {"aws:SourceAccount": [OTHER]}},
        }
    ]


# --- what is never touched ---

UNTOUCHED: dict[str, dict[str, Any]] = {
    "a Deny": deny(ROOT),
    "a Deny of its functions": source({"StringLike": {"aws:SourceArn": EAST}}, Effect="Deny"),
    "a Deny for all but it": all_but(ROOT),
    "an Allow for all but it": statement(Principal=None, NotPrincipal={"AWS": ROOT}),
    "Principal and NotPrincipal": allow(ROOT, NotPrincipal={"AWS": OTHER}),
    "no Effect": allow(ROOT, Effect=None),
    "everyone": statement(Principal="*"),
    "everyone in a list": allow("*", Action=EVERYTHING),
    "everyone, as the account": when("StringEquals", "aws:PrincipalAccount", ACCOUNT),
    "everyone, through a service": when("StringEquals", "aws:SourceAccount", ACCOUNT),
    "its organization": when("StringEquals", "aws:PrincipalOrgID", ORGANIZATION, Action=EVERYTHING),
    "another account": allow(OTHER, Action=EVERYTHING),
    "its role": allow(ROLE, Action=EVERYTHING),
    "its session": allow(SESSION, Action=EVERYTHING),
    "the account in another partition": allow(f"arn:aws-cn:iam::{ACCOUNT}:root", Action=EVERYTHING),
    "another account through a service": source({"StringEquals": {"aws:SourceAccount": OTHER}}),
    "an account that is condition of an identity": allow(
        OTHER, Condition={"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    ),
    "a negated account": source({"StringNotEquals": {"aws:SourceAccount": ACCOUNT}}),
    "a negated ARN": source({"ArnNotLike": {"aws:SourceArn": EAST}}),
    "a negated one if it exists": source({"StringNotEqualsIfExists": {"aws:SourceAccount": ACCOUNT}}),
    "the absence of an account": source({"Null": {"aws:SourceAccount": "true"}}),
    "the account, if it exists": source({"StringEqualsIfExists": {"aws:SourceAccount": [ACCOUNT, ACCOUNT]}}),
    "the account among all values": source({"ForAllValues:StringEquals": {"aws:SourceAccount": ACCOUNT}}),
    "an unknown operator": source({"StringAlmostEquals": {"aws:SourceAccount": ACCOUNT}}),
    "a number": source({"NumericEquals": {"aws:SourceAccount": ACCOUNT}}),
    "every account": source({"StringLike": {"aws:SourceArn": functions("*")}}),
    "a part of an account's id": source({"StringLike": {"aws:SourceArn": functions(f"{ACCOUNT[:11]}*")}}),
    "an ARN without an end": source({"StringLike": {"aws:SourceArn": f"arn:aws:lambda:us-east-1:{ACCOUNT}"}}),
    "a star that crosses colons": source({"StringLike": {"aws:SourceArn": f"arn:aws:*:*:{ACCOUNT}:*"}}),
    "a region that crosses colons": source({"StringLike": {"aws:SourceArn": f"arn:aws:sns:*:{ACCOUNT}:topic"}}),
    "an account behind a star": source({"StringLike": {"aws:SourceArn": f"*:{ACCOUNT}:function:*"}}),
    "an account in a name": source({"StringLike": {"aws:SourceArn": functions(OTHER, name=ACCOUNT)}}),
    "an ARN with a variable": source({"ArnLike": {"aws:SourceArn": f"arn:aws:lambda:${{a:{ACCOUNT}:function:*"}}),
    "functions of another partition": source({"ArnLike": {"aws:SourceArn": functions(ACCOUNT, partition="aws-cn")}}),
    "a condition that is none": source("never"),
    "a condition without keys": source({"StringEquals": ACCOUNT}),
    "no values": source({"StringEquals": {"aws:SourceAccount": []}}),
    "another key": source({"StringEquals": {"aws:ResourceAccount": ACCOUNT}}),
    "a principal that is a text": statement(Principal=ROOT),
    "a principal that is no text": statement(Principal={"AWS": [5, None, {"AWS": ROOT}]}),
}


DECIDABLE = [
    *(before for before, _after in ENTRIES.values()),
    *(source(before, service) for before, _after in SOURCES.values() for service in (LAMBDA, CODEBUILD)),
    *(one for name, one in UNTOUCHED.items() if name not in ("an unknown operator", "an ARN with a variable")),
]


@pytest.mark.parametrize("before", DECIDABLE, ids=range(len(DECIDABLE)))
def test_nobody_else_gains_or_loses_an_action(before: dict[str, Any]) -> None:
    after = take_out(before, whole_account=True).policy
    for requester in (*policies.requesters(), *policies.odd_requesters()):
        had, has = (effective_actions(one, requester, policies.ACTIONS) for one in (policy(before), after))
        assert has == had or (reaches(grant(ACCOUNT), requester) and has < had), requester


@pytest.mark.parametrize("untouched", UNTOUCHED.values(), ids=UNTOUCHED.keys())
def test_everything_else_stays_to_the_letter(untouched: dict[str, Any]) -> None:
    before = policy(untouched)
    text = json.dumps(before)
    merged = unshare(before, [principal(ACCOUNT)], managed=MANAGED, revoke_unmanaged=True)
    assert merged == Merged(before, False, (), (), ())
    assert merged.policy is before
    assert json.dumps(before) == text


def test_what_is_kept_is_kept_unless_revoking_is_asked_for() -> None:
    before = policy(allow(ROOT, Action=EVERYTHING), source({"StringLike": {"aws:SourceArn": EAST}}))
    assert unshare(before, [principal(ACCOUNT)], managed=MANAGED).policy is before
    after = share(before, [grant(ACCOUNT, regions=[])], managed=MANAGED, registry_id=OWNER).policy
    assert after is not None
    assert after["Statement"][:2] == before["Statement"]


@pytest.mark.parametrize("name", [ROLE, USER, SESSION])
def test_a_principal_that_is_no_account_leaves_alone(name: str) -> None:
    before = allow(ROOT, ROLE, USER, SESSION, Action=EVERYTHING)
    kept = [other for other in (ROOT, ROLE, USER, SESSION) if other != name]
    for whole_account in (False, True):
        assert left(take_out(before, named=[name], whole_account=whole_account)) == [allow(*kept, Action=EVERYTHING)]


def test_an_organization_has_no_entries() -> None:
    before = policy(statement(Principal={"AWS": [ORGANIZATION]}, Action=EVERYTHING))
    gone = unshare(before, [principal(ORGANIZATION)], managed=MANAGED, revoke_unmanaged=True, whole_account=True)
    assert gone.policy is before


# --- a whole account ---


def test_with_a_whole_account_its_members_leave_managed_and_unmanaged_statements() -> None:
    members = (ROOT, ACCOUNT, ROLE, USER, SESSION, FEDERATED)
    merged = take_out(
        allow(*members, OTHER_ROOT, Sid="managed"),
        allow(*members, OTHER_ROOT, Sid="by hand", Action=EVERYTHING),
        allow_functions(EAST, RESIZE, OTHERS_EAST, Sid="functions"),
        source({"ArnLike": {"aws:SourceArn": [RESIZE, PROJECT, OTHERS_PROJECT]}}, CODEBUILD),
        named=[ACCOUNT, "arn:aws:iam::777788889999:role/ci"],
        whole_account=True,
    )
    assert [one.get("Principal") for one in left(merged)] == [
        {"AWS": OTHER_ROOT},
        {"AWS": [OTHER_ROOT]},
        {"Service": LAMBDA},
        {"Service": CODEBUILD},
    ]
    assert [one["Condition"] for one in left(merged)[2:]] == [
        {"StringLike": {"aws:sourceARN": OTHERS_EAST}},
        {"ArnLike": {"aws:SourceArn": [OTHERS_PROJECT]}},
    ]


def test_a_whole_account_leaves_unmanaged_statements_only_if_that_is_asked_for() -> None:
    by_hand = (
        allow(ROLE, Action=EVERYTHING),
        allow_functions(RESIZE, Action=[*LAMBDA_PULL, "ecr:ListImages"]),
    )
    before = policy(allow(ROLE, SESSION), allow_functions(RESIZE, functions("*")), *by_hand)
    merged = unshare(before, [principal(ACCOUNT)], managed=MANAGED, whole_account=True)
    assert left(merged) == [allow_functions(functions("*")), *by_hand]
    assert merged.unmanaged_values == (UnmanagedValue(None, functions("*")),)


def test_single_functions_stay_in_managed_statements_unless_they_are_revoked() -> None:
    before = policy(allow_functions(RESIZE, OTHERS_EAST))
    assert unshare(before, [principal(ACCOUNT)], managed=MANAGED).policy is before
    assert left(take_out(*before["Statement"])) == [allow_functions(OTHERS_EAST)]


# --- taking over ---


def test_a_statement_that_was_written_by_hand_becomes_a_managed_one() -> None:
    by_hand = allow(ROOT, OTHER_ROOT, Sid="AllowPull", Action=[*PULL, "ecr:DescribeImages"])
    merged = take_over(by_hand, grants=[grant(ACCOUNT, ["pull", "describe"])])
    assert left(merged) == [
        {**by_hand, "Principal": {"AWS": [OTHER_ROOT]}},
        {"Sid": "AllowPull2", **statement(Principal={"AWS": ROOT})},
        {"Sid": "AllowDescribe", **statement(Principal={"AWS": ROOT}, Action=list(DESCRIBE))},
    ]
    assert merged.granted == (Change(ACCOUNT, ("describe",)),)
    assert merged.revoked == merged.revoked_actions == ()


def test_what_is_left_may_have_become_managed_and_is_merged_at_once() -> None:
    mixed = allow_functions(EAST, OTHERS_EAST, Principal={"AWS": ROOT, "Service": LAMBDA})
    merged = share(
        policy(mixed),
        [grant(ACCOUNT, regions=["us-east-1"])],
        managed=MANAGED,
        registry_id=OWNER,
        purge_grants=True,
        revoke_unmanaged=True,
    )
    again = share(
        merged.policy,
        [grant(ACCOUNT, regions=["us-east-1"])],
        managed=MANAGED,
        registry_id=OWNER,
        purge_grants=True,
        revoke_unmanaged=True,
    )
    assert OTHER not in json.dumps(merged.policy)
    assert not again.changed


def test_only_the_regions_that_are_declared_are_left() -> None:
    by_hand = source({"StringEquals": {"aws:SourceAccount": [ACCOUNT, OTHER]}})
    merged = take_over(by_hand, grants=[grant(ACCOUNT, [], ["us-east-1"])])
    assert left(merged) == [
        source({"StringEquals": {"aws:SourceAccount": [OTHER]}}),
        {"Sid": "AllowLambdaPull", **allow_functions(Condition={"StringLike": {"aws:sourceARN": EAST}})},
    ]
    assert (merged.granted, merged.revoked) == ((), (Change(ACCOUNT, (), ("*",)),))


# --- what is told ---

MORE = "ecr:GetLifecyclePolicy"
# Of each: the statements, the grant of the account, and what it gained, lost, and lost beside.
TOLD: dict[str, tuple[list[dict[str, Any]], Grant, list[Change], list[Change], list[str]]] = {
    "as much as before": (
        [allow(ROOT, Sid="a", Action=[*PULL, "ecr:ListTagsForResource"])],
        grant(ACCOUNT),
        [],
        [],
        ["ecr:ListTagsForResource"],
    ),
    "in another case": ([allow(ROOT, Action=[*map(str.lower, PULL), MORE.lower()])], grant(ACCOUNT), [], [], [MORE]),
    "more": ([allow(ROOT, Action="ecr:BatchGetImage")], grant(ACCOUNT), [Change(ACCOUNT, ("pull",))], [], []),
    "from two statements": (
        [allow(ROOT, Action=PULL[0]), allow(ACCOUNT, Action=[*PULL[1:], MORE])],
        grant(ACCOUNT),
        [],
        [],
        [MORE],
    ),
    "from a managed and an unmanaged one": (
        [allow(ROOT), allow(ROOT, Action=[*UPLOAD, MORE])],
        grant(ACCOUNT),
        [],
        [Change(ACCOUNT, ("push",))],
        [MORE],
    ),
    "everything": (
        [allow(ROOT, Action=EVERYTHING)],
        grant(ACCOUNT),
        [],
        [Change(ACCOUNT, ("push", "describe"))],
        [EVERYTHING],
    ),
    "all but something": (
        [allow(ROOT, Action=None, NotAction="ecr:Put*")],
        grant(ACCOUNT, ["push"]),
        [Change(ACCOUNT, ("push",))],
        [Change(ACCOUNT, ("pull", "describe"))],
        ["all but ecr:Put*"],
    ),
    "an older set": (
        [allow(ROOT, Action=[*UPLOAD, MORE])],
        grant(ACCOUNT, ["push"]),
        [Change(ACCOUNT, ("push",))],
        [],
        [MORE],
    ),
    "what no policy of a repository grants": (
        [allow(ROOT, Action=[*PULL, "ecr:GetAuthorizationToken", "s3:Get*"])],
        grant(ACCOUNT),
        [],
        [],
        [],
    ),
    "under a condition": ([allow(ROOT, Condition=OFFICE)], grant(ACCOUNT), [Change(ACCOUNT, ("pull",))], [], []),
    "for another repository": (
        [allow(ROOT, Resource="arn:aws:ecr:*")],
        grant(ACCOUNT),
        [Change(ACCOUNT, ("pull",))],
        [],
        [],
    ),
    "for this repository": ([allow(ROOT, Action=[*PULL, MORE], Resource=[REPOSITORY])], grant(ACCOUNT), [], [], [MORE]),
    "lost under a condition": (
        [allow(ROOT, Action=[*PUSH, *PULL, MORE], Condition=OFFICE)],
        grant(ACCOUNT, ["push"]),
        [Change(ACCOUNT, ("push",))],
        [Change(ACCOUNT, ("pull",))],
        [MORE],
    ),
    "functions of one region": (
        [source({"StringLike": {"aws:SourceArn": [EAST, WEST]}})],
        grant(ACCOUNT, [], ["us-east-1"]),
        [],
        [Change(ACCOUNT, (), ("eu-west-1",))],
        [f"ecr:DeleteRepository through {LAMBDA}"],
    ),
    "one function": (
        [source({"ArnEquals": {"aws:SourceArn": RESIZE}}, Action=[*LAMBDA_PULL, MORE])],
        grant(ACCOUNT, [], ["us-east-1"]),
        [Change(ACCOUNT, (), ("us-east-1",))],
        [],
        [f"{MORE} through {LAMBDA}"],
    ),
    "functions in every region": (
        [source({"StringEquals": {"aws:SourceAccount": ACCOUNT}}, Action=[*LAMBDA_PULL])],
        grant(ACCOUNT, [], ["*"]),
        [],
        [],
        [],
    ),
    "functions under a condition": (
        [source({"StringLike": {"aws:SourceArn": EAST}, **OFFICE}, Action=EVERYTHING)],
        grant(ACCOUNT, [], ["us-east-1"]),
        [Change(ACCOUNT, (), ("us-east-1",))],
        [],
        [f"{EVERYTHING} through {LAMBDA}"],
    ),
    "a pattern that matched nothing": (
        [source({"StringEquals": {"aws:SourceArn": EAST}})],
        grant(ACCOUNT, [], ["eu-west-1"]),
        [Change(ACCOUNT, (), ("eu-west-1",))],
        [],
        [],
    ),
    "another service": (
        [source({"StringEquals": {"aws:SourceAccount": ACCOUNT}}, CODEBUILD, Action=[*LAMBDA_PULL])],
        grant(ACCOUNT, regions=[]),
        [Change(ACCOUNT, ("pull",))],
        [],
        [f"{action} through {CODEBUILD}" for action in LAMBDA_PULL],
    ),
}


@pytest.mark.parametrize(("before", "granted", "gained", "lost", "others"), TOLD.values(), ids=TOLD.keys())
def test_gains_and_losses_are_real(
    before: list[dict[str, Any]], granted: Grant, gained: list[Change], lost: list[Change], others: list[str]
) -> None:
    merged = take_over(*before, grants=[granted])
    told = tuple(RevokedActions(ACCOUNT, tuple(others)) for _once in others[:1])
    assert (merged.granted, merged.revoked, merged.revoked_actions) == (tuple(gained), tuple(lost), told)


def test_each_who_leaves_is_told_by_name() -> None:
    merged = take_out(allow(ROOT, ROLE, FEDERATED, Action=[*PULL, MORE]), allow_functions(RESIZE), whole_account=True)
    assert merged.revoked == (
        Change(ACCOUNT, ("pull",), ("us-east-1",)),
        Change(ROLE, ("pull",)),
        Change(FEDERATED, ("pull",)),
    )
    assert merged.revoked_actions == tuple(RevokedActions(name, (MORE,)) for name in (ACCOUNT, ROLE, FEDERATED))
