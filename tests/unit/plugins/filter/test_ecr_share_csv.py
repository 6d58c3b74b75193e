# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.imageshare.aws.plugins.filter.ecr_share_csv import ecr_share_csv
from ansible_collections.imageshare.aws.tests.support import audits
from hypothesis import given
from hypothesis import strategies as st

CONDITION = {"operator": "StringEquals", "key": "aws:SourceVpc", "values": ["vpc-1"]}
SHARE = {
    "principal": "111122223333",
    "principal_type": "account",
    "access": ["pull"],
    "other_actions": [],
    "can_pull": True,
    "can_push": False,
    "lambda_regions": [],
    "conditions": [],
    "statements": [audits.statement(1, "AllowPull")],
    "denied_by": [],
    "managed": True,
}


def report(*rows: dict[str, Any], policy: dict[str, Any] | None = None) -> dict[str, Any]:
    registry = {"registry_id": "123456789012", "region": "us-east-1", "registry_policy": policy}
    return {"registries": [{**registry, "repositories": list(rows)}]}


def repository(*shares: dict[str, Any], **more: Any) -> dict[str, Any]:
    of_policy = {"public": False, "unscoped_service": False, "registry_policy_read": True}
    return {"name": "base/python", **of_policy, "shares": list(shares), **more}


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
            [audits.statement(1, 'one"; 2'), audits.statement(3)],
            {"statements": r'1 "one\"; 2"; 3'},
        ),
        (
            "statements",
            [audits.statement(1, "Sid", "registry"), audits.statement(1, "Sid"), audits.statement(2, None, "registry")],
            {"statements": 'registry 1 "Sid"; 1 "Sid"; registry 2'},
        ),
        (
            "statements",
            [audits.statement(1, "LambdaECRImageRetrievalPolicy", written_by="lambda.amazonaws.com")],
            {"statements": '1 "LambdaECRImageRetrievalPolicy" written by lambda.amazonaws.com'},
        ),
        (
            "denied_by",
            [
                audits.deny(2, "pull", "lambda", sid="No"),
                audits.deny(4, "push", certain=False),
                audits.deny(1, "admin", "other", policy="registry"),
            ],
            {"denied_by": '2 "No" denies pull+lambda; 4 may deny push; registry 1 denies admin+other'},
        ),
        ("denied_by", [], {"denied_by": "", "defeated": "false"}),
        ("defeated", True, {"defeated": "true"}),
        (
            "via_service",
            "codebuild.amazonaws.com",
            {"via_service": "codebuild.amazonaws.com", "principal_type": "account"},
        ),
        ("managed", True, {"via_service": "", "lambda_regions_denied": ""}),
        ("lambda_regions_denied", ["eu-west-1", "*"], {"lambda_regions_denied": "eu-west-1 *"}),
    ],
)
def test_member_of_a_share_is_a_cell(member: str, value: Any, cells: dict[str, str]) -> None:
    (line,) = read(ecr_share_csv(report(repository({**SHARE, member: value}))))
    assert {column: line[column] for column in cells} == cells


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "|cmd", "%x", "\uff1d1", "\u2212" + "1"])
def test_cell_that_looks_like_a_formula_is_text(text: str) -> None:
    (line,) = read(ecr_share_csv(report(repository({**SHARE, "principal": text, "other_actions": [text]}))))
    assert (line["principal"], line["other_actions"]) == (f"'{text}", f"'{text}")


@pytest.mark.parametrize("before", [";", "a;", ";; ", "a|", "a,", 'a;"', 'a;""', "a; '", "a ", "a\\", "\u201c"])
def test_formula_behind_what_may_separate_or_quote_is_text(before: str) -> None:
    (line,) = read(ecr_share_csv(report(repository({**SHARE, "principal": f"{before}=1+1"}))))
    assert line["principal"] == f"{before}'=1+1"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\t=1", r"\t=1"),
        ("a\r\n=1", r"a\r\n=1"),
        ("\ufeff=1", r"\ufeff=1"),
        ("\u202e1", r"\u202e1"),
        ("\xa0=1", r"\u00a0=1"),
        ("\ud800", r"\ud800"),
        ("\u05d0", r"\u05d0"),
    ],
)
def test_what_is_not_seen_or_moves_others_is_an_escape(text: str, shown: str) -> None:
    (line,) = read(ecr_share_csv(report(repository({**SHARE, "principal": text}))))
    assert line["principal"] == shown


@pytest.mark.parametrize("text", ["pull+push", "a-b", "arn:aws:iam::111122223333:role/ci@x", "ops=on", "ü", "🐳"])
def test_what_begins_no_cell_is_as_it_was(text: str) -> None:
    (line,) = read(ecr_share_csv(report(repository({**SHARE, "principal": text}))))
    assert line["principal"] == text


# As spreadsheets read a file, and as text is pasted: what parts cells, and which quotation marks count.
DELIMITERS = ",;\t| "
HABITS: dict[str, dict[str, Any]] = {
    "quoted": {},
    "quoted behind blanks": {"skipinitialspace": True},
    "without quotation marks": {"quoting": csv.QUOTE_NONE},
    "with escapes": {"escapechar": "\\", "doublequote": False},
}
FORMULA = re.compile(r"[\s\"]*[=+@\-\uff1d\uff0b\uff20\uff0d\u2212%|]")


@pytest.mark.parametrize("habit", HABITS.values(), ids=HABITS.keys())
@given(st.lists(st.one_of(st.text(alphabet="=+-@|%,;\t\r\n \"'\\a1\uff1d\u200b"), st.text()), min_size=3, max_size=3))
def test_no_cell_begins_a_formula_however_the_text_is_taken_apart(habit: dict[str, Any], texts: list[str]) -> None:
    principal, sid, error = texts
    share = {
        **SHARE,
        "principal": principal,
        "other_actions": texts,
        "via_service": sid,
        "statements": [audits.statement(1, sid, written_by=principal)],
        "denied_by": [audits.deny(1, sid, sid=sid)],
        "conditions": [{"operator": principal, "key": sid, "values": texts}],
    }
    text = ecr_share_csv(report({**repository(share), "error": error, "name": error}))
    assert len(read(text)) == 1
    for delimiter in DELIMITERS:
        cells = [
            cell for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, **habit) for cell in row
        ]
        assert [cell for cell in cells if FORMULA.match(cell)] == []


@pytest.mark.parametrize(
    ("row", "cells"),
    [
        (
            repository(),
            {
                "repository": "base/python",
                "public": "false",
                "unscoped_service": "false",
                "registry_policy_read": "true",
            },
        ),
        (
            repository(public=True, unscoped_service=True, registry_policy_read=False),
            {
                "repository": "base/python",
                "public": "true",
                "unscoped_service": "true",
                "registry_policy_read": "false",
            },
        ),
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


HERE = "arn:aws:ecr:us-east-1:123456789012:repository"


class TestRegistryPolicy:
    def test_has_a_line_for_each_share_before_those_of_the_repositories(self) -> None:
        policy = audits.registry_policy(
            audits.registry_share("333344445555", "account", "replicate create", 1, f"{HERE}/base/*", f"{HERE}/app"),
            audits.registry_share("*", "everyone", "pull", 2, "*", conditions=[CONDITION]),
            public=True,
        )
        first, second, last = read(ecr_share_csv(report(repository(SHARE), policy=policy)))
        assert {column: text for column, text in first.items() if text} == {
            "registry_id": "123456789012",
            "region": "us-east-1",
            "principal": "333344445555",
            "principal_type": "account",
            "access": "replicate+create",
            "can_pull": "false",
            "can_push": "false",
            "conditional": "false",
            "conditions": f'Resource ARN ["{HERE}/base/*", "{HERE}/app"]',
            "statements": 'registry 1 "Registry1"',
            "defeated": "false",
            "managed": "false",
            "public": "true",
            "unscoped_service": "false",
            "registry_policy_read": "true",
        }
        assert (second["principal"], second["conditional"]) == ("*", "true")
        assert second["conditions"] == 'Resource ARN ["*"]; StringEquals aws:SourceVpc ["vpc-1"]'
        assert last["repository"] == "base/python"

    def test_that_was_not_read_has_a_line_with_the_reason(self) -> None:
        lines = read(ecr_share_csv(report(repository(SHARE), policy=audits.registry_policy(error="-AccessDenied"))))
        assert [line["repository"] for line in lines] == ["", "base/python"]
        assert {column: text for column, text in lines[0].items() if text} == {
            "registry_id": "123456789012",
            "region": "us-east-1",
            "registry_policy_read": "false",
            "error": "'-AccessDenied",
        }

    @pytest.mark.parametrize("policy", [None, audits.registry_policy()])
    def test_that_gives_nobody_anything_has_no_line(self, policy: dict[str, Any] | None) -> None:
        assert [line["repository"] for line in read(ecr_share_csv(report(repository(), policy=policy)))] == [
            "base/python"
        ]


def test_names_are_beside_what_they_name() -> None:
    policy = audits.registry_policy(audits.registry_share("333344445555", "account", "pull", 1))
    whole = report(repository(SHARE, {**SHARE, "principal": "444455556666"}), policy=policy)
    whole["registries"][0]["hosts"] = ["images", "images-two"]
    lines = read(ecr_share_csv({**whole, "names": {"333344445555": "mirror", "111122223333": "=team"}}))
    assert [line["principal_name"] for line in lines] == ["mirror", "'=team", ""]
    assert {line["hosts"] for line in lines} == {"images images-two"}


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


def test_drift_names_other_actions_and_the_patterns_of_a_registry() -> None:
    lost = [{"principal": "111122223333", "actions": ["ecr:A", "ecr:B"]}]
    lines = read(ecr_share_csv(report({**repository(SHARE), "drift": {"missing": [], "undeclared_actions": lost}})))
    assert [line["drift"] for line in lines] == ["undeclared_actions: 111122223333 ecr:A ecr:B"]
    missing = {"principal": "444455556666", "access": ["pull"], "lambda_regions": [], "repositories": ["a/*", "b"]}
    policy = audits.registry_policy(drift={"missing": [missing], "undeclared": []})
    (line,) = read(ecr_share_csv(audits.reported(audits.audit(policy=policy))))
    assert (line["repository"], line["drift"]) == ("", "missing: 444455556666 pull for a/* b")


def test_templates_are_lines_beside_repositories() -> None:
    lines = read(ecr_share_csv(audits.reported(audits.audit(templates=[audits.template("ROOT")]))))
    assert [line["repository"] for line in lines] == ["template ROOT"]


@pytest.mark.parametrize("nothing", [{}, {"registries": [{}]}, "text", None, report({"name": "app", "shares": [{}]})])
def test_what_is_no_report_is_refused(nothing: Any) -> None:
    with pytest.raises(AnsibleFilterError, match="not a report"):
        ecr_share_csv(nothing)
