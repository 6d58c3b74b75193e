# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parsed statements: what is spelt alike is one object, nothing else is, and nobody can change one."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._evaluation.evaluator import PolicyEvaluator
from ansible_collections.imageshare.aws.plugins.module_utils._evaluation.statements import (
    ParsedStatement,
)
from ansible_collections.imageshare.aws.plugins.module_utils._iam.conditions import Condition
from ansible_collections.imageshare.aws.plugins.module_utils._iam.principals import (
    Principal,
    PrincipalType,
    policy_principals,
    policy_unique_ids,
)
from ansible_collections.imageshare.aws.tests.support.builders import (
    ACCOUNT,
    DELETED_ROLE,
    DELETED_USER,
    ORGANIZATION,
    OTHER,
    OWNER,
    REPOSITORY,
    ROLE,
    ROOT,
    USER,
    all_but,
    allow,
    aws,
    policy,
    root,
    statement,
)

EVALUATOR = PolicyEvaluator("aws", OWNER)
SECURE = {"Bool": {"aws:SecureTransport": "true"}}


def parsed(drawn: dict[str, Any], resource: str = REPOSITORY) -> ParsedStatement:
    (numbered,) = EVALUATOR.parse(policy(drawn), resource).statements
    return numbered.statement


def test_statements_that_are_spelt_alike_are_one() -> None:
    assert parsed(allow(ROOT)) is parsed(allow(ROOT))


def test_policies_whose_statements_are_spelt_alike_are_one() -> None:
    assert EVALUATOR.parse(policy(allow(ROOT), Id="a")) is EVALUATOR.parse(policy(allow(ROOT), Version="2012-10-17"))


OTHERS: dict[str, dict[str, Any]] = {
    "Sid": allow(ROOT, Sid="s"),
    "case": allow(ROOT, Action="ecr:batchgetimage"),
    "kind of value": allow(ROOT, Condition={"Bool": {"aws:SecureTransport": True}}),
    "order of principals": allow(DELETED_ROLE, ROOT),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS.keys())
def test_statements_are_two_if_they_differ_in_the(other: dict[str, Any]) -> None:
    alike = (allow(ROOT), allow(ROOT, Condition=SECURE), allow(ROOT, DELETED_ROLE))
    assert parsed(other) not in map(parsed, alike)


def test_a_parsed_statement_does_not_change_with_the_one_that_it_was_made_of() -> None:
    drawn = allow(ROOT, Condition=deepcopy(SECURE))
    made = parsed(drawn)
    drawn["Condition"]["Bool"]["aws:SecureTransport"] = "false"
    assert made.document == allow(ROOT, Condition=SECURE)
    assert made.conditions == (Condition("Bool", "aws:SecureTransport", ("true",)),)
    assert parsed(drawn) is not made


def test_a_parsed_statement_says_what_the_statement_says() -> None:
    made = parsed(all_but(ROOT, ACCOUNT, DELETED_ROLE, "*", Sid="s", Action="ecr:putimage"))
    assert (made.sid, made.denies, made.excludes, made.managed, made.has_effect) == ("s", True, True, False, True)
    assert [(who.kind, who.name) for who in made.principals] == [
        (PrincipalType.ACCOUNT, ACCOUNT),
        (PrincipalType.DELETED, DELETED_ROLE),
        (PrincipalType.EVERYONE, "*"),
    ]
    assert made.deleted_principals == (DELETED_ROLE,)
    assert made.actions == {"ecr:PutImage"}


PRINCIPALS: dict[str, tuple[Any, list[tuple[str, str]]]] = {
    "everyone": ("*", [("everyone", "*")]),
    "everyone in a list": (aws(ROLE, "*"), [("role", ROLE), ("everyone", "*")]),
    "a service and a star that is none": (
        {"Service": ["lambda.amazonaws.com", "*"]},
        [("service", "lambda.amazonaws.com"), ("service", "*")],
    ),
    "a federated provider": ({"Federated": "*"}, [("other", "*")]),
    "an organization, which no Principal can be": (aws(ORGANIZATION), [("other", ORGANIZATION)]),
    "an account of another partition": (aws(root(ACCOUNT, "aws-cn")), [("other", root(ACCOUNT, "aws-cn"))]),
    "nobody outside of a map": (ROOT, []),
    "nobody but texts": ({"AWS": [ROOT, 5]}, [("account", ACCOUNT)]),
}


@pytest.mark.parametrize(("element", "expected"), PRINCIPALS.values(), ids=PRINCIPALS.keys())
def test_a_principal_element_names(element: Any, expected: list[tuple[str, str]]) -> None:
    assert [(who.kind.value, who.name) for who in parsed(statement(Principal=element)).principals] == expected


INEFFECTIVE: dict[str, dict[str, Any]] = {
    "no effect": allow(ROOT, Effect=None),
    "an effect that there is not": allow(ROOT, Effect="allow"),
    "no principal": statement(Principal=None),
    "both kinds of principal": allow(ROOT, NotPrincipal="*"),
    "no action": allow(ROOT, Action=None),
    "both kinds of action": allow(ROOT, NotAction="*"),
    "a condition that is none": allow(ROOT, Condition=["true"]),
    "an operator without keys": allow(ROOT, Condition={"Bool": "true"}),
    "another repository as its Resource": allow(ROOT, Resource=f"{REPOSITORY}-2"),
}


@pytest.mark.parametrize("drawn", INEFFECTIVE.values(), ids=INEFFECTIVE.keys())
def test_a_statement_has_no_effect_with(drawn: dict[str, Any]) -> None:
    found = EVALUATOR.parse(policy(drawn, allow(ROOT)), REPOSITORY)
    assert [(one.position, one.statement) for one in found.effective_statements] == [(2, parsed(allow(ROOT)))]
    assert found.unmanaged_statements() == found.statements[:1]


MANAGED: dict[str, tuple[dict[str, Any], bool]] = {
    "no Resource": ({}, True),
    "every Resource": ({"Resource": "*"}, True),
    "the repository as Resource": ({"Resource": [REPOSITORY]}, True),
    "a pattern of the repository": ({"Resource": f"{REPOSITORY[:-1]}*"}, False),
    "another repository": ({"Resource": f"{REPOSITORY}-2"}, False),
    "all but another repository": ({"NotResource": f"{REPOSITORY}-2"}, False),
}


@pytest.mark.parametrize(("elements", "managed"), MANAGED.values(), ids=MANAGED.keys())
def test_a_statement_is_managed_with(elements: dict[str, Any], managed: bool) -> None:
    assert parsed(allow(ROOT, **elements)).managed is managed


def test_a_statement_is_called_by_its_sid_or_its_position() -> None:
    found = EVALUATOR.parse(policy(allow(ROOT, Sid="first"), allow(ROOT), allow(ROOT, Sid=5)))
    assert [(one.sid, one.label) for one in found.statements] == [
        ("first", 'statement "first"'),
        (None, "statement 2"),
        (None, "statement 3"),
    ]


# Of each: a statement, and the ids of deleted principals in it.
IDS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "none": (allow(ROOT, ROLE), ()),
    "a scalar": (statement(Principal={"AWS": DELETED_ROLE}), (DELETED_ROLE,)),
    "several, each once": (allow(DELETED_USER, ROOT, DELETED_ROLE, DELETED_USER), (DELETED_USER, DELETED_ROLE)),
    "those of NotPrincipal": (all_but(ROOT, DELETED_ROLE), (DELETED_ROLE,)),
    "none of a condition": (statement(Condition={"StringLike": {"aws:userId": DELETED_ROLE}}), ()),
}


@pytest.mark.parametrize(("drawn", "expected"), IDS.values(), ids=IDS.keys())
def test_the_ids_of_deleted_principals_are(drawn: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert parsed(drawn).deleted_principals == expected


def test_a_policy_names_what_its_statements_name() -> None:
    found = EVALUATOR.parse(policy(allow(DELETED_ROLE, ROOT), all_but(DELETED_USER), allow(DELETED_ROLE, USER, OTHER)))
    assert found.deleted_principals() == (DELETED_ROLE, DELETED_USER)
    assert found.principals() == (
        Principal(PrincipalType.DELETED, DELETED_ROLE),
        Principal(PrincipalType.ACCOUNT, ACCOUNT, ACCOUNT),
        Principal(PrincipalType.DELETED, DELETED_USER),
        Principal(PrincipalType.USER, USER, ACCOUNT),
        Principal(PrincipalType.ACCOUNT, OTHER, OTHER),
    )


def test_a_document_names_its_principals_as_it_spells_them() -> None:
    named = policy(allow(DELETED_ROLE, ROOT, "*"), all_but(DELETED_USER, ACCOUNT), allow(DELETED_ROLE), statement())
    assert policy_principals(named) == (DELETED_ROLE, ROOT, DELETED_USER, ACCOUNT)
    assert policy_unique_ids(named) == (DELETED_ROLE, DELETED_USER)
    assert policy_principals(policy(statement(Principal={"Service": "a"}), statement(Principal=ROOT))) == ()
    assert policy_principals(None) == policy_unique_ids(None) == ()


def test_no_policy_says_nothing() -> None:
    nothing = EVALUATOR.parse(None)
    assert (nothing.statements, nothing.effective_statements, nothing.principals()) == ((), (), ())
    assert (nothing.shares(), nothing.public_statements(), nothing.unmanaged_statements()) == ((), (), ())
    assert nothing.deleted_principals() == ()


def test_a_single_statement_need_not_be_in_a_list() -> None:
    assert len(EVALUATOR.parse({"Statement": allow(ROOT)}).statements) == 1
