# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of statements: what each row writes, what is recognised as its shape, and what is near but foreign."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._iam.principals import Principal, PrincipalType
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.capabilities import ordered
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.managed_statements import (
    NEWEST,
    SLOTS,
    ManagedStatement,
    ManagedStatements,
    Slot,
)
from ansible_collections.imageshare.aws.tests.support.builders import (
    ACCOUNT,
    EAST,
    ORGANIZATION,
    OTHER_ROOT,
    REPOSITORY,
    ROOT,
    UNIT,
    grant,
    principal,
)
from ansible_collections.imageshare.aws.tests.support.policies import ACCESS, ACTION_SETS, TEMPLATES, new_statement
from ansible_collections.imageshare.aws.tests.support.realistic_policies import REALISTIC

MANAGED = ManagedStatements("aws", REPOSITORY)
PULL, PUSH = list(ACTION_SETS["pull"]), list(ACTION_SETS["push"])
UPLOAD = [action for action in ACTION_SETS["pull_push"] if action not in PULL]
VALUES = {"identity": ROOT, "lambda": EAST, "organization": ORGANIZATION, "organizational_unit": UNIT}
# By Sid, each row of the table, the newest of its Sid, as a new statement with one value.
ROWS: dict[str, tuple[str, str]] = {TEMPLATES[key]: key for key in TEMPLATES}


def slot(sid: str) -> Slot:
    """The newest slot of a Sid."""
    return next(row for row in NEWEST if row.sid == sid)


def value_of(sid: str) -> str:
    return VALUES[ROWS[sid][0]]


def written(sid: str) -> dict[str, Any]:
    return new_statement(*ROWS[sid], value_of(sid))


def statement(sid: str, **elements: Any) -> dict[str, Any]:
    """A statement of the table, but for the given elements; None drops one."""
    whole = {**written(sid), **elements}
    return {name: value for name, value in whole.items() if value is not None}


def source(operator: str, values: Any = EAST) -> dict[str, Any]:
    return statement("AllowLambdaPull", Condition={operator: {"aws:sourceARN": values}})


def organization(operator: str, values: Any = ORGANIZATION) -> dict[str, Any]:
    return statement("AllowOrganizationPull", Condition={operator: {"aws:PrincipalOrgID": values}})


def unit(operator: str) -> dict[str, Any]:
    return statement("AllowOrganizationalUnitPull", Condition={operator: {"aws:PrincipalOrgPaths": UNIT}})


# --- the table ---


def test_the_table_has_these_rows_and_no_other() -> None:
    rows = {(row.sid, row.actions, ordered(row.access)) for row in SLOTS}
    assert rows == {(TEMPLATES[key], ACTION_SETS[key[1]], ACCESS[key[1]]) for key in TEMPLATES}
    assert len(SLOTS) == len(TEMPLATES)


def test_no_two_rows_can_be_mistaken_for_each_other() -> None:
    assert len({(row.shape, frozenset(row.actions)) for row in SLOTS}) == len(SLOTS)


@pytest.mark.parametrize("sid", ROWS)
def test_a_new_statement_is_that_of_the_table_to_the_letter(sid: str) -> None:
    assert json.dumps(MANAGED.new_statement(slot(sid), sid, [value_of(sid)])) == json.dumps(written(sid))


@pytest.mark.parametrize("key", TEMPLATES, ids=" ".join)
def test_a_statement_of_any_row_is_recognised(key: tuple[str, str]) -> None:
    found = MANAGED.match(new_statement(*key, VALUES[key[0]]))
    assert found is not None
    assert (found.slot.sid, found.slot.actions, found.values) == (
        TEMPLATES[key],
        ACTION_SETS[key[1]],
        (VALUES[key[0]],),
    )


@pytest.mark.parametrize("sid", ROWS)
def test_several_values_are_a_list_in_their_order(sid: str) -> None:
    several = MANAGED.new_statement(slot(sid), "a Sid", ["b", "a"])
    assert several["Sid"] == "a Sid"
    assert MANAGED.match(several) == ManagedStatement(slot(sid), ("b", "a"))
    assert '["b", "a"]' in json.dumps(several)


@pytest.mark.parametrize("row", SLOTS, ids=lambda row: f"{row.sid} {len(row.actions)}")
def test_a_slot_holds_principals_of_these_types(row: Slot) -> None:
    kind = next(kind for kind, name in TEMPLATES if TEMPLATES[kind, name] == row.sid)
    assert {member.value for member in row.shape.types} == {
        "identity": {"account", "role", "user", "session"},
        "lambda": {"account"},
    }.get(kind, {kind})


# --- recognised ---

RECOGNISED = {
    "whatever the Sid": ("AllowPull", {"Sid": "new policy"}),
    "under the Sid of another row": ("AllowPull", {"Sid": "AllowPushAndPull"}),
    "with an empty Sid": ("AllowPull", {"Sid": ""}),
    "without a Sid": ("AllowPull", {"Sid": None}),
    "with its actions in another order": ("AllowPush", {"Action": PUSH[::-1]}),
    "with its actions in another case": ("AllowPush", {"Action": [action.upper() for action in PUSH]}),
    "with an action twice": ("AllowPull", {"Action": [*PULL, "ecr:batchgetimage"]}),
    "about every resource": ("AllowPull", {"Resource": "*"}),
    "about its repository": ("AllowLambdaPull", {"Resource": [REPOSITORY]}),
    "about both": ("AllowOrganizationPull", {"Resource": [REPOSITORY, "*", "*"]}),
    "with its service twice": ("AllowLambdaPull", {"Principal": {"Service": ["lambda.amazonaws.com"] * 2}}),
    "with everybody twice": ("AllowOrganizationalUnitPull", {"Principal": {"AWS": ["*", "*"]}}),
    "with its principal in a list of one": ("AllowPull", {"Principal": {"AWS": [ROOT]}}),
    "with its service in a list of one": ("AllowLambdaPull", {"Principal": {"Service": ["lambda.amazonaws.com"]}}),
    "with the source in a list of one": ("AllowLambdaPull", {"Condition": {"StringLike": {"aws:sourceARN": [EAST]}}}),
    "with ArnLike": ("AllowLambdaPull", {"Condition": {"ArnLike": {"aws:sourceARN": EAST}}}),
    "with operator and key in another case": ("AllowLambdaPull", {"Condition": {"arnlike": {"AWS:SourceArn": EAST}}}),
    "with everybody in a map": ("AllowOrganizationPull", {"Principal": {"AWS": "*"}}),
    "with everybody in a list of one": ("AllowOrganizationalUnitPush", {"Principal": {"AWS": ["*"]}}),
    "with the organization's key in another case": (
        "AllowOrganizationPush",
        {"Condition": {"stringequals": {"AWS:principalorgid": ORGANIZATION}}},
    ),
    "with the unit's operator and key in another case": (
        "AllowOrganizationalUnitPull",
        {"Condition": {"forAnyValue:stringlike": {"aws:principalorgpaths": [UNIT]}}},
    ),
}


@pytest.mark.parametrize(("sid", "elements"), RECOGNISED.values(), ids=RECOGNISED.keys())
def test_a_statement_is_recognised(sid: str, elements: dict[str, Any]) -> None:
    assert MANAGED.match(statement(sid, **elements)) == ManagedStatement(slot(sid), (value_of(sid),))


@pytest.mark.parametrize("sid", ROWS)
def test_a_statement_is_recognised_whatever_the_order_of_its_members(sid: str) -> None:
    found = MANAGED.match(dict(reversed(statement(sid).items())))
    assert found == ManagedStatement(slot(sid), (value_of(sid),))


# --- foreign ---

FOREIGN = {
    "a Deny under our Sid": statement("AllowPull", Effect="Deny"),
    "an Effect in lower case": statement("AllowPull", Effect="allow"),
    "no Effect": statement("AllowPull", Effect=None),
    "an action more": statement("AllowPull", Action=[*PULL, "ecr:ListImages"]),
    "the token's action more": statement("AllowPull", Action=[*PULL, "ecr:GetAuthorizationToken"]),
    "a wildcard more": statement("AllowPull", Action=[*PULL, "ecr:Batch*"]),
    "an action less": statement("AllowPull", Action=PULL[:2]),
    "an action less than pull and push": statement("AllowPullAndPush", Action=[*PULL, *UPLOAD[1:]]),
    "an action exchanged": statement("AllowPull", Action=[*PULL[:2], "ecr:ListImages"]),
    "one action alone": statement("AllowPull", Action="ecr:BatchGetImage"),
    "a wildcard for its actions": statement("AllowPull", Action="ecr:*"),
    "no action": statement("AllowPull", Action=[]),
    "an action that is no text": statement("AllowPull", Action=[*PULL, 1]),
    "NotAction": statement("AllowPull", Action=None, NotAction=PULL),
    "NotAction besides": statement("AllowPull", NotAction="ecr:DeleteRepository"),
    "pull's actions for Lambda": statement("AllowLambdaPull", Action=PULL),
    "Lambda's actions for an account": statement("AllowPull", Action=PULL[:2]),
    "Lambda's actions for an organization": statement("AllowOrganizationPull", Action=PULL[:2]),
    "no principal": statement("AllowPull", Principal=None),
    "NotPrincipal": statement("AllowPull", Principal=None, NotPrincipal={"AWS": ROOT}),
    "NotPrincipal besides": statement("AllowPull", NotPrincipal={"AWS": OTHER_ROOT}),
    "a principal outside a map": statement("AllowPull", Principal=ROOT),
    "a service beside the accounts": statement(
        "AllowPull", Principal={"AWS": ROOT, "Service": "codebuild.amazonaws.com"}
    ),
    "an account beside the service": statement(
        "AllowLambdaPull", Principal={"Service": "lambda.amazonaws.com", "AWS": ROOT}
    ),
    "a second service": statement(
        "AllowLambdaPull", Principal={"Service": ["lambda.amazonaws.com", "codebuild.amazonaws.com"]}
    ),
    "another service": statement("AllowLambdaPull", Principal={"Service": "codebuild.amazonaws.com"}),
    "Lambda's service in capitals": statement("AllowLambdaPull", Principal={"Service": "Lambda.amazonaws.com"}),
    "an account in place of the service": statement("AllowLambdaPull", Principal={"AWS": ROOT}),
    "everybody in place of the service": statement("AllowLambdaPull", Principal="*"),
    "everybody in place of the accounts": statement("AllowPull", Principal="*"),
    "everybody in the accounts' list": statement("AllowPull", Principal={"AWS": "*"}),
    "everybody among the accounts": statement("AllowPull", Principal={"AWS": [ROOT, "*"]}),
    "an account beside everybody": statement("AllowOrganizationPull", Principal={"AWS": ["*", ROOT]}),
    "an account in place of everybody": statement("AllowOrganizationPull", Principal={"AWS": ROOT}),
    "a service in place of everybody": statement("AllowOrganizationPull", Principal={"Service": "*"}),
    "an empty list of accounts": statement("AllowPull", Principal={"AWS": []}),
    "an empty map of principals": statement("AllowPull", Principal={}),
    "a principal that is no text": statement("AllowPull", Principal={"AWS": [ROOT, 444455556666]}),
    "a condition on accounts": statement("AllowPull", Condition={"Bool": {"aws:SecureTransport": "true"}}),
    "an empty condition on accounts": statement("AllowPull", Condition={}),
    "Lambda without a condition": statement("AllowLambdaPull", Condition=None),
    "Lambda with an empty condition": statement("AllowLambdaPull", Condition={}),
    "an organization without a condition": statement("AllowOrganizationPull", Condition=None),
    "an empty list of sources": source("StringLike", []),
    "an empty list of organizations": organization("StringEquals", []),
    "an operator without a key": statement("AllowLambdaPull", Condition={"StringLike": {}}),
    "a second condition": statement(
        "AllowLambdaPull",
        Condition={"StringLike": {"aws:sourceARN": EAST}, "StringEquals": {"aws:SourceAccount": ACCOUNT}},
    ),
    "a second key": statement(
        "AllowLambdaPull", Condition={"StringLike": {"aws:sourceARN": EAST, "aws:SourceAccount": ACCOUNT}}
    ),
    "the key twice, in two cases": statement(
        "AllowLambdaPull", Condition={"StringLike": {"aws:sourceARN": EAST, "aws:SourceArn": EAST}}
    ),
    "the operator twice, in two cases": statement(
        "AllowLambdaPull", Condition={"StringLike": {"aws:sourceARN": EAST}, "stringlike": {"aws:sourceARN": EAST}}
    ),
    "both of the operators": statement(
        "AllowLambdaPull", Condition={"StringLike": {"aws:sourceARN": EAST}, "ArnLike": {"aws:sourceARN": EAST}}
    ),
    "StringEquals on the source": source("StringEquals"),
    "ForAnyValue on the source": source("ForAnyValue:StringLike"),
    "StringLikeIfExists on the source": source("StringLikeIfExists"),
    "another key than the source": statement(
        "AllowLambdaPull", Condition={"StringLike": {"aws:SourceAccount": ACCOUNT}}
    ),
    "a source that is no text": source("StringLike", [1]),
    "StringLike on the organization": organization("StringLike"),
    "ForAnyValue on the organization": organization("ForAnyValue:StringEquals"),
    "all but the organization": organization("StringNotEquals"),
    "StringLike on the paths": unit("StringLike"),
    "ForAllValues on the paths": unit("ForAllValues:StringLike"),
    "the key of paths with the organization's operator": statement(
        "AllowOrganizationPull", Condition={"StringEquals": {"aws:PrincipalOrgPaths": UNIT}}
    ),
    "a condition that is no map": statement("AllowOrganizationPull", Condition=["StringEquals"]),
    "keys that are no map": statement("AllowOrganizationPull", Condition={"StringEquals": ORGANIZATION}),
    "another repository as Resource": statement("AllowPull", Resource=f"{REPOSITORY}2"),
    "another repository besides": statement("AllowPull", Resource=["*", f"{REPOSITORY}2"]),
    "a pattern as Resource": statement("AllowPull", Resource=f"{REPOSITORY[:-3]}*"),
    "a Resource in another case": statement("AllowPull", Resource=REPOSITORY.upper()),
    "an empty list of resources": statement("AllowPull", Resource=[]),
    "a Resource that is no text": statement("AllowPull", Resource=["*", 1]),
    "NotResource": statement("AllowPull", NotResource=f"{REPOSITORY}2"),
    "an unknown element": statement("AllowPull", Comment="ours"),
    "Lambda's own Sid": statement("AllowLambdaPull", Sid="LambdaECRImageRetrievalPolicy"),
    "Lambda's own Sid on another shape": statement("AllowPull", Sid="LambdaECRImageRetrievalPolicy"),
    "nothing at all": {},
}


@pytest.mark.parametrize("drawn", FOREIGN.values(), ids=FOREIGN.keys())
def test_a_statement_is_foreign_by(drawn: dict[str, Any]) -> None:
    assert MANAGED.match(drawn) is None


@pytest.mark.parametrize("policy", REALISTIC.values(), ids=REALISTIC.keys())
def test_the_realistic_statements_are_foreign(policy: dict[str, Any]) -> None:
    listed = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
    assert [MANAGED.match(drawn) for drawn in listed] == [None] * len(listed)


def test_a_repository_that_is_not_known_is_no_resource() -> None:
    managed = ManagedStatements("aws")
    assert managed.match(statement("AllowPull", Resource=REPOSITORY)) is None
    assert managed.match(statement("AllowPull", Resource="*")) is not None


# --- slots ---


@pytest.mark.parametrize(("sid", "elements"), RECOGNISED.values(), ids=RECOGNISED.keys())
def test_another_value_leaves_all_else_as_it_was_spelt(sid: str, elements: dict[str, Any]) -> None:
    before = statement(sid, **elements)
    value = json.dumps(value_of(sid))
    expected = json.dumps(before).replace(f"[{value}]", value).replace(value, '"x"')
    assert json.dumps(MANAGED.with_values(before, ["x"])) == expected


@pytest.mark.parametrize(("sid", "elements"), RECOGNISED.values(), ids=RECOGNISED.keys())
def test_other_values_are_recognised_in_their_order(sid: str, elements: dict[str, Any]) -> None:
    found = MANAGED.match(MANAGED.with_values(statement(sid, **elements), ["y", "x"]))
    assert found == ManagedStatement(slot(sid), ("y", "x"))


@pytest.mark.parametrize("sid", ROWS)
def test_a_statement_is_not_changed_by_other_values(sid: str) -> None:
    before = written(sid)
    copy = deepcopy(before)
    MANAGED.with_values(before, ["x"])
    assert before == copy


# Of each: the slot, the value, and whom it belongs to.
HOLDERS = {
    "an account by its root ARN": ("AllowPull", ROOT, ACCOUNT),
    "an account by its id": ("AllowPush", ACCOUNT, ACCOUNT),
    "a role": ("AllowPull", f"arn:aws:iam::{ACCOUNT}:role/a/b", f"arn:aws:iam::{ACCOUNT}:role/a/b"),
    "a user": ("AllowPull", f"arn:aws:iam::{ACCOUNT}:user/a", f"arn:aws:iam::{ACCOUNT}:user/a"),
    "a session": ("AllowPull", f"arn:aws:sts::{ACCOUNT}:assumed-role/a/b", f"arn:aws:sts::{ACCOUNT}:assumed-role/a/b"),
    "no organization among accounts": ("AllowPull", ORGANIZATION, None),
    "no account of another partition": ("AllowPull", "arn:aws-cn:iam::111122223333:root", None),
    "no deleted role": ("AllowPull", "AROAEXAMPLEROLE123456", None),
    "functions in a region": ("AllowLambdaPull", EAST, ACCOUNT),
    "functions in every region": ("AllowLambdaPull", f"arn:aws:lambda:*:{ACCOUNT}:function:*", ACCOUNT),
    "functions in regions by a pattern": ("AllowLambdaPull", f"arn:aws:lambda:us-*:{ACCOUNT}:function:*", ACCOUNT),
    "functions in regions by question marks": (
        "AllowLambdaPull",
        f"arn:aws:lambda:us-????-1:{ACCOUNT}:function:*",
        ACCOUNT,
    ),
    "no functions of every account": ("AllowLambdaPull", "arn:aws:lambda:*:*:function:*", None),
    "no functions of some accounts": ("AllowLambdaPull", "arn:aws:lambda:*:1111*:function:*", None),
    "no single function": ("AllowLambdaPull", f"{EAST[:-1]}resize", None),
    "no functions by a prefix": ("AllowLambdaPull", f"{EAST[:-1]}resize*", None),
    "no alias of every function": ("AllowLambdaPull", f"{EAST}:live", None),
    "no whole account": ("AllowLambdaPull", f"arn:aws:lambda:us-east-1:{ACCOUNT}:*", None),
    "no functions of another partition": ("AllowLambdaPull", f"arn:aws-cn:lambda:*:{ACCOUNT}:function:*", None),
    "no functions of every partition": ("AllowLambdaPull", f"arn:*:lambda:*:{ACCOUNT}:function:*", None),
    "no star as a source": ("AllowLambdaPull", "*", None),
    "no account as a source": ("AllowLambdaPull", ACCOUNT, None),
    "an organization": ("AllowOrganizationPull", ORGANIZATION, ORGANIZATION),
    "no organization by a star": ("AllowOrganizationPull", "o-*", None),
    "no account among organizations": ("AllowOrganizationPull", ACCOUNT, None),
    "no unit among organizations": ("AllowOrganizationPull", UNIT, None),
    "a unit with all below it": ("AllowOrganizationalUnitPull", UNIT, UNIT),
    "a unit alone": ("AllowOrganizationalUnitPull", UNIT[:-1], UNIT[:-1]),
    "no organization among units": ("AllowOrganizationalUnitPull", ORGANIZATION, None),
    "no units of every organization": ("AllowOrganizationalUnitPull", "o-*/*", None),
    "no units of a whole organization": ("AllowOrganizationalUnitPull", f"{ORGANIZATION}/*", None),
    "no star as a unit": ("AllowOrganizationalUnitPull", "*", None),
}


@pytest.mark.parametrize(("sid", "value", "expected"), HOLDERS.values(), ids=HOLDERS.keys())
def test_a_value_belongs_to(sid: str, value: str, expected: str | None) -> None:
    assert MANAGED.holder(slot(sid), value) == (None if expected is None else principal(expected))


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_what_is_written_for_a_principal_belongs_to_it(partition: str) -> None:
    account = Principal(PrincipalType.ACCOUNT, ACCOUNT, ACCOUNT)
    managed = ManagedStatements(partition)
    slots = managed.slots_of(grant(ACCOUNT, regions=["*"]))
    assert slots == {
        slot("AllowPull"): (f"arn:{partition}:iam::{ACCOUNT}:root",),
        slot("AllowLambdaPull"): (f"arn:{partition}:lambda:*:{ACCOUNT}:function:*",),
    }
    assert {managed.holder(each, value) for each, values in slots.items() for value in values} == {account}


@pytest.mark.parametrize("text", [f"arn:aws:iam::{ACCOUNT}:role/ci", ORGANIZATION, UNIT])
def test_all_but_accounts_stand_for_themselves(text: str) -> None:
    assert MANAGED.spelling(principal(text)) == text
