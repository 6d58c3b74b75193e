# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of statements: what each row writes, what is recognised as its shape, and what is near but foreign."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._iam.arns import functions_arn, functions_region
from ansible_collections.imageshare.aws.plugins.module_utils._iam.principals import (
    Principal,
    PrincipalType,
    read_principal,
)
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.grants import Access
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.managed_statements import (
    TEMPLATES,
    Template,
    match_template,
    new_statement,
    principal_for_value,
    slot_value,
    with_values,
)
from ansible_collections.imageshare.aws.tests.support import policies
from ansible_collections.imageshare.aws.tests.unit.plugins.module_utils.realistic import REALISTIC

ACCOUNT = "111122223333"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
OTHER = "arn:aws:iam::444455556666:root"
FUNCTIONS = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:*"
ORGANIZATION = "o-a1b2c3d4e5"
UNIT = f"{ORGANIZATION}/r-ab12/ou-ab12-11111111/*"

PULL = ["ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage", "ecr:BatchCheckLayerAvailability"]
UPLOAD = ["ecr:PutImage", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload"]
PUSH = ["ecr:BatchCheckLayerAvailability", *UPLOAD]


def identity(sid: str, actions: list[str]) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": actions}


def organization(sid: str, actions: list[str], **condition: dict[str, str]) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Principal": "*", "Action": actions, "Condition": condition}


IN_ORGANIZATION: Any = {"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}}
IN_UNIT: Any = {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": UNIT}}

# Each row of the table, as a new statement with one value.
ROWS: dict[str, tuple[Access, str, dict[str, Any]]] = {
    row[2]["Sid"]: row
    for row in (
        (Access.PULL, ROOT, identity("AllowPull", PULL)),
        (Access.PUSH, ROOT, identity("AllowPush", PUSH)),
        (Access.PULL_PUSH, ROOT, identity("AllowPullAndPush", PULL + UPLOAD)),
        (
            Access.LAMBDA,
            FUNCTIONS,
            {
                "Sid": "AllowLambdaPull",
                "Effect": "Allow",
                "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Condition": {"StringLike": {"aws:sourceARN": FUNCTIONS}},
            },
        ),
        (Access.PULL, ORGANIZATION, organization("AllowOrganizationPull", PULL, **IN_ORGANIZATION)),
        (Access.PUSH, ORGANIZATION, organization("AllowOrganizationPush", PUSH, **IN_ORGANIZATION)),
        (
            Access.PULL_PUSH,
            ORGANIZATION,
            organization("AllowOrganizationPullAndPush", PULL + UPLOAD, **IN_ORGANIZATION),
        ),
        (Access.PULL, UNIT, organization("AllowOrganizationalUnitPull", PULL, **IN_UNIT)),
        (Access.PUSH, UNIT, organization("AllowOrganizationalUnitPush", PUSH, **IN_UNIT)),
        (Access.PULL_PUSH, UNIT, organization("AllowOrganizationalUnitPullAndPush", PULL + UPLOAD, **IN_UNIT)),
    )
}


def template(sid: str) -> Template:
    return next(row for row in TEMPLATES if row.sid == sid)


def statement(sid: str, **elements: Any) -> dict[str, Any]:
    """A statement of the table, but for the given elements; None drops one."""
    whole = {**deepcopy(ROWS[sid][2]), **elements}
    return {name: value for name, value in whole.items() if value is not None}


# --- the table ---


def test_the_table_has_these_rows_and_no_other() -> None:
    assert [row.sid for row in TEMPLATES] == list(ROWS)
    assert [row.sid for row in TEMPLATES] == list(policies.TEMPLATES.values())


@pytest.mark.parametrize(("access", "value", "written"), ROWS.values(), ids=ROWS.keys())
def test_a_new_statement_is_that_of_the_table_to_the_letter(
    access: Access, value: str, written: dict[str, Any]
) -> None:
    row = template(written["Sid"])
    assert row.access is access
    assert json.dumps(new_statement(row, written["Sid"], [value])) == json.dumps(written)


@pytest.mark.parametrize(("access", "value", "written"), ROWS.values(), ids=ROWS.keys())
def test_a_new_statement_is_recognised(access: Access, value: str, written: dict[str, Any]) -> None:
    assert match_template(written) == (template(written["Sid"]), (value,))


@pytest.mark.parametrize("sid", ROWS)
def test_several_values_are_a_list_in_their_order(sid: str) -> None:
    written = new_statement(template(sid), "a Sid", ["b", "a"])
    assert written["Sid"] == "a Sid"
    assert match_template(written) == (template(sid), ("b", "a"))
    assert '["b", "a"]' in json.dumps(written)


@pytest.mark.parametrize("key", policies.TEMPLATES, ids=" ".join)
def test_the_table_agrees_with_the_one_of_the_test_equipment(key: tuple[str, str]) -> None:
    kind, access = key
    row = template(policies.TEMPLATES[key])
    assert row.access.value == access
    assert row.actions == policies.ACTION_SETS[access]
    assert {member.value.replace(" ", "_") for member in row.slot.kinds} == {
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
    "with its principal in a list of one": ("AllowPull", {"Principal": {"AWS": [ROOT]}}),
    "with its service in a list of one": ("AllowLambdaPull", {"Principal": {"Service": ["lambda.amazonaws.com"]}}),
    "with the source in a list of one": (
        "AllowLambdaPull",
        {"Condition": {"StringLike": {"aws:sourceARN": [FUNCTIONS]}}},
    ),
    "with ArnLike": ("AllowLambdaPull", {"Condition": {"ArnLike": {"aws:sourceARN": FUNCTIONS}}}),
    "with operator and key in another case": (
        "AllowLambdaPull",
        {"Condition": {"arnlike": {"AWS:SourceArn": FUNCTIONS}}},
    ),
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
    assert match_template(statement(sid, **elements)) == (template(sid), (ROWS[sid][1],))


@pytest.mark.parametrize("sid", ROWS)
def test_a_statement_is_recognised_whatever_the_order_of_its_members(sid: str) -> None:
    assert match_template(dict(reversed(statement(sid).items()))) == (template(sid), (ROWS[sid][1],))


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
    "NotPrincipal besides": statement("AllowPull", NotPrincipal={"AWS": OTHER}),
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
    "an empty list of sources": statement("AllowLambdaPull", Condition={"StringLike": {"aws:sourceARN": []}}),
    "an empty list of organizations": statement(
        "AllowOrganizationPull", Condition={"StringEquals": {"aws:PrincipalOrgID": []}}
    ),
    "an operator without a key": statement("AllowLambdaPull", Condition={"StringLike": {}}),
    "a second condition": statement(
        "AllowLambdaPull",
        Condition={"StringLike": {"aws:sourceARN": FUNCTIONS}, "StringEquals": {"aws:SourceAccount": ACCOUNT}},
    ),
    "a second key": statement(
        "AllowLambdaPull", Condition={"StringLike": {"aws:sourceARN": FUNCTIONS, "aws:SourceAccount": ACCOUNT}}
    ),
    "the key twice, in two cases": statement(
        "AllowLambdaPull", Condition={"StringLike": {"aws:sourceARN": FUNCTIONS, "aws:SourceArn": FUNCTIONS}}
    ),
    "the operator twice, in two cases": statement(
        "AllowLambdaPull",
        Condition={"StringLike": {"aws:sourceARN": FUNCTIONS}, "stringlike": {"aws:sourceARN": FUNCTIONS}},
    ),
    "both of the operators": statement(
        "AllowLambdaPull",
        Condition={"StringLike": {"aws:sourceARN": FUNCTIONS}, "ArnLike": {"aws:sourceARN": FUNCTIONS}},
    ),
    "StringEquals on the source": statement(
        "AllowLambdaPull", Condition={"StringEquals": {"aws:sourceARN": FUNCTIONS}}
    ),
    "ForAnyValue on the source": statement(
        "AllowLambdaPull", Condition={"ForAnyValue:StringLike": {"aws:sourceARN": FUNCTIONS}}
    ),
    "StringLikeIfExists on the source": statement(
        "AllowLambdaPull", Condition={"StringLikeIfExists": {"aws:sourceARN": FUNCTIONS}}
    ),
    "another key than the source": statement(
        "AllowLambdaPull", Condition={"StringLike": {"aws:SourceAccount": ACCOUNT}}
    ),
    "a source that is no text": statement("AllowLambdaPull", Condition={"StringLike": {"aws:sourceARN": [1]}}),
    "StringLike on the organization": statement(
        "AllowOrganizationPull", Condition={"StringLike": {"aws:PrincipalOrgID": ORGANIZATION}}
    ),
    "ForAnyValue on the organization": statement(
        "AllowOrganizationPull", Condition={"ForAnyValue:StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}}
    ),
    "all but the organization": statement(
        "AllowOrganizationPull", Condition={"StringNotEquals": {"aws:PrincipalOrgID": ORGANIZATION}}
    ),
    "StringLike on the paths": statement(
        "AllowOrganizationalUnitPull", Condition={"StringLike": {"aws:PrincipalOrgPaths": UNIT}}
    ),
    "ForAllValues on the paths": statement(
        "AllowOrganizationalUnitPull", Condition={"ForAllValues:StringLike": {"aws:PrincipalOrgPaths": UNIT}}
    ),
    "the key of paths with the organization's operator": statement(
        "AllowOrganizationPull", Condition={"StringEquals": {"aws:PrincipalOrgPaths": UNIT}}
    ),
    "a condition that is no map": statement("AllowOrganizationPull", Condition=["StringEquals"]),
    "keys that are no map": statement("AllowOrganizationPull", Condition={"StringEquals": ORGANIZATION}),
    "Resource": statement("AllowPull", Resource="*"),
    "an unknown element": statement("AllowPull", Comment="ours"),
    "Lambda's own Sid": statement("AllowLambdaPull", Sid="LambdaECRImageRetrievalPolicy"),
    "Lambda's own Sid on another shape": statement("AllowPull", Sid="LambdaECRImageRetrievalPolicy"),
    "nothing at all": {},
}


@pytest.mark.parametrize("drawn", FOREIGN.values(), ids=FOREIGN.keys())
def test_a_statement_is_foreign_by(drawn: dict[str, Any]) -> None:
    assert match_template(drawn) is None


@pytest.mark.parametrize("policy", REALISTIC.values(), ids=REALISTIC.keys())
def test_the_realistic_statements_are_foreign(policy: dict[str, Any]) -> None:
    listed = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
    assert [match_template(drawn) for drawn in listed] == [None] * len(listed)


# --- slots ---


@pytest.mark.parametrize(("sid", "elements"), RECOGNISED.values(), ids=RECOGNISED.keys())
def test_another_value_leaves_all_else_as_it_was_spelt(sid: str, elements: dict[str, Any]) -> None:
    written = statement(sid, **elements)
    value = json.dumps(ROWS[sid][1])
    expected = json.dumps(written).replace(f"[{value}]", value).replace(value, '"x"')
    assert json.dumps(with_values(written, ["x"])) == expected


@pytest.mark.parametrize(("sid", "elements"), RECOGNISED.values(), ids=RECOGNISED.keys())
def test_other_values_are_recognised_in_their_order(sid: str, elements: dict[str, Any]) -> None:
    assert match_template(with_values(statement(sid, **elements), ["y", "x"])) == (template(sid), ("y", "x"))


def test_a_statement_is_not_changed_by_other_values() -> None:
    for sid, (_access, _value, written) in ROWS.items():
        before = deepcopy(written)
        with_values(written, ["x"])
        assert written == before, sid


def who(text: str) -> Principal:
    principal = read_principal(text, "aws")
    assert principal is not None
    return principal


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
    "functions in a region": ("AllowLambdaPull", FUNCTIONS, ACCOUNT),
    "functions in every region": ("AllowLambdaPull", f"arn:aws:lambda:*:{ACCOUNT}:function:*", ACCOUNT),
    "functions in regions by a pattern": ("AllowLambdaPull", f"arn:aws:lambda:us-*:{ACCOUNT}:function:*", ACCOUNT),
    "functions in regions by question marks": (
        "AllowLambdaPull",
        f"arn:aws:lambda:us-????-1:{ACCOUNT}:function:*",
        ACCOUNT,
    ),
    "no functions of every account": ("AllowLambdaPull", "arn:aws:lambda:*:*:function:*", None),
    "no functions of some accounts": ("AllowLambdaPull", "arn:aws:lambda:*:1111*:function:*", None),
    "no single function": ("AllowLambdaPull", f"{FUNCTIONS[:-1]}resize", None),
    "no functions by a prefix": ("AllowLambdaPull", f"{FUNCTIONS[:-1]}resize*", None),
    "no alias of every function": ("AllowLambdaPull", f"{FUNCTIONS}:live", None),
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
    assert principal_for_value(template(sid).slot, value, "aws") == (None if expected is None else who(expected))


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_what_is_written_for_a_principal_belongs_to_it(partition: str) -> None:
    account = Principal(PrincipalType.ACCOUNT, ACCOUNT, ACCOUNT)
    root = slot_value(account, partition)
    functions = functions_arn(ACCOUNT, "*", partition)
    assert root == f"arn:{partition}:iam::{ACCOUNT}:root"
    assert functions == f"arn:{partition}:lambda:*:{ACCOUNT}:function:*"
    assert principal_for_value(template("AllowPull").slot, root, partition) == account
    assert principal_for_value(template("AllowLambdaPull").slot, functions, partition) == account


@pytest.mark.parametrize("text", [f"arn:aws:iam::{ACCOUNT}:role/ci", ORGANIZATION, UNIT])
def test_all_but_accounts_stand_for_themselves(text: str) -> None:
    assert slot_value(who(text), "aws") == text


@pytest.mark.parametrize("region", ["us-east-1", "*", "us-*"])
def test_the_region_of_a_lambda_value(region: str) -> None:
    assert functions_region(functions_arn(ACCOUNT, region, "aws")) == region
