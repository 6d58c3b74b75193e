# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Managed statements in the policy of a registry: what a Resource may be, what is written, and what leaves and is told.

What holds of every policy is in test_registry_statements_laws.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.merge import (
    Change,
    Merged,
    RevokedActions,
    share,
    unshare,
)
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.registry_statements import (
    RegistryStatements,
    include,
)
from ansible_collections.imageshare.aws.tests.support.builders import (
    ACCOUNT,
    DESCRIBE,
    EAST,
    ORGANIZATION,
    OTHER,
    OTHER_ROOT,
    OWNER,
    PULL,
    PUSH,
    ROLE,
    ROOT,
    UNIT,
    all_but,
    allow,
    deny,
    grant,
    policy,
    principal,
)
from ansible_collections.imageshare.aws.tests.support.policies import TEMPLATES, new_statement

REGISTRY = f"arn:aws:ecr:us-east-1:{OWNER}:repository/"
MANAGED = RegistryStatements("aws", "us-east-1", OWNER)
VALUES = {"identity": ROOT, "lambda": EAST, "organization": ORGANIZATION, "organizational_unit": UNIT}
REPLICATION = ["ecr:ReplicateImage", "ecr:CreateRepository"]
ALL = f"{REGISTRY}*"
VARIABLE = "${aws:PrincipalAccount}/*"


def for_repositories(statement: dict[str, Any], *patterns: str) -> dict[str, Any]:
    """A statement that is for patterns of our repositories: one as a text, several as a list."""
    resources = [f"{REGISTRY}{pattern}" for pattern in patterns]
    return {**statement, "Resource": resources[0] if len(resources) == 1 else resources}


def pulling(*names: str, pattern: str = "*", sid: str = "AllowPull", **elements: Any) -> dict[str, Any]:
    """The managed statement that lets identities pull, for a pattern, with its members in their order."""
    held: Any = names[0] if len(names) == 1 else list(names)
    written = {"Sid": sid, "Effect": "Allow", "Principal": {"AWS": held}, "Action": list(PULL)}
    return for_repositories({**written, **elements}, pattern)


def told(merged: Merged) -> tuple[Any, ...]:
    return merged.granted, merged.revoked, merged.revoked_actions


def of(name: str, *access: str, pattern: str) -> Change:
    return Change(name, access, repositories=(pattern,))


# --- what is recognised ---


@pytest.mark.parametrize("key", [key for key in TEMPLATES if key[0] != "lambda"], ids=" ".join)
def test_a_statement_of_any_row_is_recognised_with_its_pattern(key: tuple[str, str]) -> None:
    found = MANAGED.match(for_repositories(new_statement(*key, VALUES[key[0]]), "services/*"))
    assert found is not None
    assert (found.slot.sid, found.slot.repositories, found.values) == (TEMPLATES[key], "services/*", (VALUES[key[0]],))


def test_no_row_for_lambda_is_recognised() -> None:
    statement = new_statement("lambda", "lambda", EAST)
    assert MANAGED.match(for_repositories(statement, "*")) is None


def test_a_row_and_a_pattern_are_one_slot_and_another_text_is_another() -> None:
    slots = [MANAGED.match(pulling(name, pattern=pattern)) for name in (ROOT, OTHER) for pattern in ("*", "**", "?*")]
    first, second = slots[:3], slots[3:]
    assert [one and one.slot for one in first] == [one and one.slot for one in second]
    assert len({one.slot for one in first if one}) == 3


# Of each: a Resource, and the pattern in it.
OURS: dict[str, tuple[Any, str]] = {
    "every repository": (ALL, "*"),
    "a prefix": (f"{REGISTRY}services/*", "services/*"),
    "a name": (f"{REGISTRY}base/python", "base/python"),
    "a question mark": (f"{REGISTRY}team-?/web", "team-?/web"),
    "stars in a row": (f"{REGISTRY}**", "**"),
    "a list of one": ([ALL], "*"),
    "the same twice": ([ALL, ALL], "*"),
}


@pytest.mark.parametrize(("resource", "pattern"), OURS.values(), ids=OURS.keys())
def test_a_resource_is_ours(resource: Any, pattern: str) -> None:
    found = MANAGED.match({**pulling(ROOT), "Resource": resource})
    assert found is not None
    assert found.slot.repositories == pattern


NOT_OURS: dict[str, Any] = {
    "a star": "*",
    "a star in a list": ["*"],
    "no value": [],
    "two patterns": [f"{REGISTRY}services/*", f"{REGISTRY}base/*"],
    "two that are equal in effect": [ALL, f"{REGISTRY}**"],
    "a number": 5,
    "null": None,
    "a star without the slash": ALL.replace("/*", "*"),
    "the ARN of nothing": REGISTRY,
    "another account": ALL.replace(OWNER, OTHER),
    "every account": ALL.replace(OWNER, "*"),
    "another region": ALL.replace("us-east-1", "eu-west-1"),
    "every region": ALL.replace("us-east-1", "*"),
    "another partition": ALL.replace("arn:aws:", "arn:aws-cn:"),
    "every partition": ALL.replace("arn:aws:", "arn:*:"),
    "every service": ALL.replace(":ecr:", ":*:"),
    "capitals in the ARN": ALL.replace("repository", "Repository"),
    "capitals in a pattern": f"{REGISTRY}Services/*",
    "a set of characters": f"{REGISTRY}[a-c]*",
    "a slash at the end": f"{REGISTRY}services/",
    "two slashes, without a wildcard": f"{REGISTRY}/base",
    "a variable": f"{REGISTRY}{VARIABLE}",
    "a blank": f"{REGISTRY}base *",
    "more than a name has": f"{REGISTRY}{'a' * 256}*",
}


@pytest.mark.parametrize("resource", NOT_OURS.values(), ids=NOT_OURS.keys())
def test_a_resource_is_not_ours_and_its_statement_stays_to_the_letter(resource: Any) -> None:
    theirs = {**pulling(ROOT), "Resource": resource}
    assert MANAGED.match(theirs) is None
    merged = share(policy(theirs), [grant(ACCOUNT)], managed=MANAGED, registry_id=OWNER)
    assert merged.policy is not None
    assert json.dumps(merged.policy["Statement"][0]) == json.dumps(theirs)
    assert merged.policy["Statement"][1:] == [pulling(ROOT, sid="AllowPull2")]


def test_a_statement_without_a_resource_or_with_notresource_is_not_ours() -> None:
    whole = pulling(ROOT)
    without = {name: value for name, value in whole.items() if name != "Resource"}
    for theirs in (without, {**without, "NotResource": ALL}, {**whole, "NotResource": ALL}):
        assert MANAGED.match(theirs) is None


@pytest.mark.parametrize(("partition", "region"), [("aws-cn", "cn-north-1"), ("aws-us-gov", "us-gov-west-1")])
def test_each_partition_has_its_own_arn(partition: str, region: str) -> None:
    managed = RegistryStatements(partition, region, OWNER)
    merged = share(None, [grant(ACCOUNT, partition=partition)], managed=managed, registry_id=OWNER)
    assert merged.policy is not None
    (written,) = merged.policy["Statement"]
    assert written["Resource"] == f"arn:{partition}:ecr:{region}:{OWNER}:repository/*"
    assert managed.match(written) is not None
    assert MANAGED.match(written) is None


# --- what is written ---


def test_a_first_policy_to_the_letter() -> None:
    grants = [
        grant(ACCOUNT, ["pull", "describe"], repositories=["services/*"]),
        grant(OTHER),
        grant(ROLE, ["pull", "push"], repositories=["services/*", "base"]),
        grant(ORGANIZATION, repositories=["services/*"]),
    ]
    merged = share(None, grants, managed=MANAGED, registry_id=OWNER)
    push = [*PULL, *(action for action in PUSH if action not in PULL)]
    everybody = {"Condition": {"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}}}
    whole = {"Sid": "", "Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": push}
    expected = [
        pulling(ROOT, pattern="services/*"),
        for_repositories(
            {"Sid": "AllowDescribe", "Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": list(DESCRIBE)},
            "services/*",
        ),
        for_repositories({**whole, "Sid": "AllowPullAndPush"}, "services/*"),
        {
            **pulling("*", pattern="services/*", sid="AllowOrganizationPull"),
            "Principal": "*",
            **everybody,
        },
        pulling(OTHER_ROOT, sid="AllowPull2"),
        for_repositories({**whole, "Sid": "AllowPullAndPush2"}, "base"),
    ]
    # As text, because the order of the members counts here: the Resource comes behind the Action.
    assert json.dumps(merged.policy) == json.dumps({"Version": "2012-10-17", "Statement": expected})


def test_a_policy_that_is_there_keeps_its_version() -> None:
    merged = share(policy(for_repositories(deny(OTHER), "*")), [grant(ACCOUNT)], managed=MANAGED, registry_id=OWNER)
    assert merged.policy is not None
    assert merged.policy["Version"] == "2008-10-17"


def test_principals_of_a_row_and_pattern_share_its_statement_and_join_the_one_that_is_there() -> None:
    grants = [grant(ACCOUNT), grant(ROLE), grant(ROLE, repositories=["**"])]
    merged = share(policy(pulling(OTHER_ROOT, sid="old")), grants, managed=MANAGED, registry_id=OWNER)
    assert merged.policy is not None
    assert merged.policy["Statement"] == [pulling(OTHER_ROOT, ROOT, ROLE, sid="old"), pulling(ROLE, pattern="**")]


def test_new_statements_of_a_pattern_come_together_in_the_order_of_the_table() -> None:
    grants = [
        grant(name, access, repositories=[pattern])
        for pattern in ("b*", "a*")
        for name, access in ((UNIT, ["describe"]), (ORGANIZATION, ["pull"]), (ACCOUNT, ["push"]), (ROLE, ["pull"]))
    ]
    merged = share(None, grants, managed=MANAGED, registry_id=OWNER)
    assert merged.policy is not None
    sids = [(one["Sid"], one["Resource"].removeprefix(REGISTRY)) for one in merged.policy["Statement"]]
    rows = ["AllowPull", "AllowPush", "AllowOrganizationPull", "AllowOrganizationalUnitDescribe"]
    assert sids == [*((sid, "b*") for sid in rows), *((f"{sid}2", "a*") for sid in rows)]


# --- what is told ---


def test_a_change_of_the_pattern_is_told_as_both() -> None:
    there = policy(pulling(ROOT, pattern="services/*"))
    merged = share(there, [grant(ACCOUNT, ["pull", "push"])], managed=MANAGED, registry_id=OWNER)
    gone = of(ACCOUNT, "pull", pattern="services/*")
    assert told(merged) == ((of(ACCOUNT, "pull", "push", pattern="*"),), (gone,), ())


def test_grants_of_one_principal_add_up_within_a_pattern_alone() -> None:
    grants = [
        grant(ACCOUNT, repositories=["a*", "b*"]),
        grant(ACCOUNT, ["push"], repositories=["b*"]),
        grant(ACCOUNT, ["describe"]),
    ]
    merged = share(None, grants, managed=MANAGED, registry_id=OWNER)
    assert merged.granted == (
        of(ACCOUNT, "pull", pattern="a*"),
        of(ACCOUNT, "pull", "push", pattern="b*"),
        of(ACCOUNT, "describe", pattern="*"),
    )


def revoke(*statements: dict[str, Any], named: Iterable[str] = (ACCOUNT,), whole_account: bool = False) -> Merged:
    return unshare(
        policy(*statements),
        list(map(principal, named)),
        managed=MANAGED,
        revoke_unmanaged=True,
        whole_account=whole_account,
    )


# Of each: a statement of somebody else, what is told of an account that leaves it, and what stays.
LEFT: dict[str, tuple[dict[str, Any], tuple[Any, ...], dict[str, Any] | None]] = {
    "replication": (
        for_repositories(allow(ROOT, OTHER, Action=REPLICATION), "*"),
        ((), (), (RevokedActions(ACCOUNT, tuple(REPLICATION), ("*",)),)),
        for_repositories(allow(OTHER, Action=REPLICATION), "*"),
    ),
    "replication of everything": (
        {**allow(ROOT, Action=REPLICATION), "Resource": "*"},
        ((), (), (RevokedActions(ACCOUNT, tuple(REPLICATION), ("*",)),)),
        None,
    ),
    "a pull for several patterns": (
        for_repositories(allow(ROOT, OTHER), "services/*", "base"),
        ((), tuple(of(ACCOUNT, "pull", pattern=pattern) for pattern in ("services/*", "base")), ()),
        for_repositories(allow(OTHER), "services/*", "base"),
    ),
    "a pull and more": (
        {**allow(ROOT, Action=[*PULL, "ecr:ReplicateImage"]), "Resource": "*"},
        (
            (),
            (Change(ACCOUNT, ("pull",), repositories=("*",)),),
            (RevokedActions(ACCOUNT, ("ecr:ReplicateImage",), ("*",)),),
        ),
        None,
    ),
    "repositories of others": (
        {**allow(ROOT), "Resource": ALL.replace(OWNER, OTHER)},
        ((), (Change(ACCOUNT, ("pull",), repositories=(ALL.replace(OWNER, OTHER),)),), ()),
        None,
    ),
}


@pytest.mark.parametrize(("statement", "said", "stays"), LEFT.values(), ids=LEFT.keys())
def test_whoever_leaves_a_statement_of_others_is_told_of_with_its_repositories(
    statement: dict[str, Any], said: tuple[Any, ...], stays: dict[str, Any] | None
) -> None:
    merged = revoke(statement)
    assert told(merged) == said
    assert merged.policy == (None if stays is None else policy(stays))


def test_a_whole_account_leaves_managed_statements_of_every_pattern_and_those_of_others() -> None:
    services = for_repositories(allow(ROLE, ROOT, Action=REPLICATION), "services/*")
    merged = revoke(
        pulling(ROLE, OTHER_ROOT),
        pulling(ROOT, pattern="base"),
        services,
        for_repositories(deny(ROOT), "*"),
        whole_account=True,
    )
    assert merged.policy == policy(pulling(OTHER_ROOT), for_repositories(deny(ROOT), "*"))
    assert {(one.principal, one.repositories) for one in merged.revoked} == {(ROLE, ("*",)), (ACCOUNT, ("base",))}
    assert {(one.principal, one.repositories) for one in merged.revoked_actions} == {
        (ROLE, ("services/*",)),
        (ACCOUNT, ("services/*",)),
    }


@pytest.mark.parametrize("patterns", [["services/*"], ["services/*", "base"]], ids=["one", "several"])
def test_statements_by_hand_are_taken_over_pattern_by_pattern(patterns: list[str]) -> None:
    by_hand = for_repositories(allow(ROOT, OTHER, Action=[*PULL, *DESCRIBE]), *patterns)
    grants = [grant(ACCOUNT, repositories=patterns)]
    merged = share(policy(by_hand), grants, managed=MANAGED, registry_id=OWNER, revoke_unmanaged=True)
    assert merged.policy is not None
    assert merged.policy["Statement"][0] == for_repositories(allow(OTHER, Action=[*PULL, *DESCRIBE]), *patterns)
    assert [one["Resource"] for one in merged.policy["Statement"][1:]] == [f"{REGISTRY}{one}" for one in patterns]
    assert told(merged) == ((), tuple(of(ACCOUNT, "describe", pattern=pattern) for pattern in patterns), ())


def test_what_was_given_under_a_condition_is_gained_where_it_is_given_without() -> None:
    office = {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}
    by_hand = for_repositories(allow(ROOT, Condition=office), "services/*")
    variable = {**allow(ROOT), "Resource": f"{REGISTRY}{VARIABLE}"}
    grants = [grant(ACCOUNT, repositories=["services/*"])]
    for statement, lost in ((by_hand, ()), (variable, (Change(ACCOUNT, ("pull",), repositories=(VARIABLE,)),))):
        merged = share(policy(statement), grants, managed=MANAGED, registry_id=OWNER, revoke_unmanaged=True)
        assert told(merged) == ((of(ACCOUNT, "pull", pattern="services/*"),), lost, ())


UNTOUCHED = {
    "a Deny": for_repositories(deny(ROOT), "*"),
    "all but some": for_repositories(all_but(ROOT), "*"),
    "everybody": for_repositories(allow(), "*"),
    "another account's replication": for_repositories(allow(OTHER, Action=REPLICATION), "*"),
}


@pytest.mark.parametrize("statement", UNTOUCHED.values(), ids=UNTOUCHED.keys())
def test_what_names_nobody_who_leaves_stays(statement: dict[str, Any]) -> None:
    merged = revoke(statement, whole_account=True)
    assert not merged.changed
    assert merged.policy == policy(statement)


# --- which patterns include another ---

# Of each: the patterns that are named, None for all, and another; and whether they include it.
INCLUDED: dict[str, tuple[list[str] | None, str, bool]] = {
    "all": (None, "services/*", True),
    "itself": (["services/*"], "services/*", True),
    "a wider one": (["*"], "services/*", True),
    "one that is equal in effect": (["services/**"], "services/*", True),
    "one of several": (["base", "services/*"], "services/web", True),
    "a question mark within a star": (["w*b"], "w?b", True),
    "a narrower one": (["services/web"], "services/*", False),
    "one that overlaps": (["services/*"], "*/web", False),
    "another": (["base"], "services/*", False),
    "a star within a question mark": (["w?b"], "w*b", False),
    "everything in parts": (["a*", "b*"], "*", False),
}


@pytest.mark.parametrize(("patterns", "pattern", "expected"), INCLUDED.values(), ids=INCLUDED.keys())
def test_patterns_include_another(patterns: list[str] | None, pattern: str, expected: bool) -> None:
    assert include(patterns, pattern) is expected
