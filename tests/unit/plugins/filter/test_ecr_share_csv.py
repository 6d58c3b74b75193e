# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.imageshare.aws.plugins.filter.ecr_share_csv import ecr_share_csv
from hypothesis import given
from hypothesis import strategies as st

SHARE = {
    "principal": "111122223333",
    "principal_type": "account",
    "access": ["pull"],
    "other_actions": [],
    "can_pull": True,
    "can_push": False,
    "lambda_regions": [],
    "conditions": [],
    "statements": [{"position": 1, "sid": "AllowPull"}],
    "denied_by": [],
    "managed": True,
}


def report(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"registries": [{"registry_id": "123456789012", "region": "us-east-1", "repositories": list(rows)}]}


def repository(*shares: dict[str, Any]) -> dict[str, Any]:
    return {"name": "base/python", "public": False, "shares": list(shares)}


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.parametrize(
    ("member", "value", "cells"),
    [
        ("managed", False, {"managed": "false"}),
        ("access", [], {"access": "", "can_pull": "true", "can_push": "false"}),
        ("access", ["pull", "push", "admin"], {"access": "pull+push+admin"}),
        ("can_push", True, {"can_pull": "true", "can_push": "true"}),
        ("other_actions", ["ecr:ListImages", "ecr:PutImage"], {"other_actions": "ecr:ListImages ecr:PutImage"}),
        ("lambda_regions", ["eu-west-1", "us-east-1"], {"lambda_regions": "eu-west-1 us-east-1"}),
        ("conditions", [], {"conditions": "", "conditional": "false"}),
        (
            "conditions",
            [
                {"operator": "StringEquals", "key": "aws:SourceVpc", "values": ["vpc-1", "vpc-2"]},
                {"operator": "Bool", "key": "aws:SecureTransport", "values": ["true"]},
            ],
            {
                "conditions": 'StringEquals aws:SourceVpc ["vpc-1", "vpc-2"]; Bool aws:SecureTransport ["true"]',
                "conditional": "true",
            },
        ),
        (
            "statements",
            [{"position": 1, "sid": 'one"; 2'}, {"position": 3, "sid": None}],
            {"statements": r'1 "one\"; 2"; 3'},
        ),
        (
            "denied_by",
            [{"position": 2, "sid": "No", "certain": True}, {"position": 4, "sid": None, "certain": False}],
            {"denied_by": '2 "No" denied; 4 possibly denied'},
        ),
    ],
)
def test_member_of_a_share_is_a_cell(member: str, value: Any, cells: dict[str, str]) -> None:
    (line,) = read(ecr_share_csv(report(repository({**SHARE, member: value}))))
    assert {column: line[column] for column in cells} == cells


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_cell_that_looks_like_a_formula_is_text(text: str) -> None:
    (line,) = read(ecr_share_csv(report(repository({**SHARE, "principal": text, "other_actions": [text]}))))
    assert (line["principal"], line["other_actions"]) == (f"'{text}", f"'{text}")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_stays_in_its_cell(text: str) -> None:
    (line,) = read(ecr_share_csv(report(repository({**SHARE, "principal": text}))))
    assert line["principal"] in (text, f"'{text}")
    assert line["principal_type"] == "account"


@pytest.mark.parametrize(
    ("row", "cells"),
    [
        (repository(), {"repository": "base/python", "public": "false"}),
        (
            {"name": "secret", "error": "secret: AccessDeniedException", "error_code": "AccessDeniedException"},
            {"repository": "secret", "error": "secret: AccessDeniedException"},
        ),
    ],
)
def test_repository_without_shares_has_a_line_without_a_principal(row: dict[str, Any], cells: dict[str, str]) -> None:
    (line,) = read(ecr_share_csv(report(row)))
    filled = {column: text for column, text in line.items() if text}
    assert filled == {"registry_id": "123456789012", "region": "us-east-1", **cells}


def test_drift_is_on_each_line_of_its_repository() -> None:
    drift = {
        "missing": [{"principal": "o-a1b2c3d4e5", "access": ["pull", "push"], "lambda_regions": []}],
        "undeclared": [
            {"principal": "111122223333", "access": [], "lambda_regions": ["us-east-1", "eu-west-1"]},
            {"principal": "444455556666", "access": ["pull"], "lambda_regions": ["*"]},
        ],
    }
    lines = read(ecr_share_csv(report({**repository(SHARE, SHARE), "drift": drift})))
    expected = (
        "missing: o-a1b2c3d4e5 pull+push; undeclared: 111122223333 Lambda in us-east-1 eu-west-1; "
        "undeclared: 444455556666 pull Lambda in *"
    )
    assert [line["drift"] for line in lines] == [expected, expected]


@pytest.mark.parametrize("nothing", [{}, {"registries": [{}]}, "text", None, report({"name": "app", "shares": [{}]})])
def test_what_is_no_report_is_refused(nothing: Any) -> None:
    with pytest.raises(AnsibleFilterError, match="not a report"):
        ecr_share_csv(nothing)
