# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/report.schema.json describes report.json. The reports of real audits are held against it where they are made."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._iam.principals import PrincipalType
from ansible_collections.imageshare.aws.tests.support import audits
from ansible_collections.imageshare.aws.tests.support.report_schema import SCHEMA, VALIDATOR
from jsonschema import Draft202012Validator

CONDITION = {"operator": "Bool", "key": "aws:SecureTransport", "values": [True]}
EVERYTHING = audits.share(
    "111122223333",
    "account",
    "pull",
    1,
    via_service="*",
    lambda_regions=["us-east-1"],
    lambda_regions_denied=["us-east-1"],
    conditions=[CONDITION],
    denied_by=[audits.deny(2, "pull", "lambda", policy="registry")],
    defeated=True,
)
CHANGE = {"principal": "o-a1b2c3d4e5", "access": ["pull"], "lambda_regions": []}
ACCEPTED = {"reason": "It moves", "until": "2027-01-31"}
FINDING = audits.finding("excess", "111122223333", "account", access=["push"], statements=[audits.statement(1)])
REPORTS = {
    "a company": audits.report(200, 50),
    "nothing": audits.reported(),
    "a failure": audits.reported(audits.failed("AccessDenied"), compared=False),
    "an unread policy": audits.reported(audits.audit(policy=audits.registry_policy(error="AccessDenied"))),
    "everything": audits.reported(
        audits.audit(
            audits.repository("app", EVERYTHING, drift={"missing": [CHANGE], "undeclared": [CHANGE]}),
            {"name": "web", "error": "web: no", "error_code": None},
            policy=audits.registry_policy(audits.registry_share("*", "everyone", "create", 1, "*"), policy=None),
        ),
        names={"111122223333": "team"},
        findings=[FINDING, {**FINDING, "accepted": ACCEPTED}, audits.finding("unread", registry_id=None, region=None)],
        not_looked_at=["Policies of IAM."],
    ),
}


@pytest.mark.parametrize("name", REPORTS)
def test_report_is_as_described(name: str) -> None:
    VALIDATOR.validate(json.loads(REPORTS[name]))


def _registry(report: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = report["registries"][0]
    return found


def _row(report: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = _registry(report)["repositories"][0]
    return found


def _share(report: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = _row(report)["shares"][0]
    return found


# What is changed in a report that is right.
WRONG: dict[str, Callable[[dict[str, Any]], Any]] = {
    "another member": lambda report: report.update(more=1),
    "no findings": lambda report: report.pop("findings"),
    "a time without a zone": lambda report: report.update(generated_at="2026-11-20T06:30:00"),
    "a name that is none": lambda report: report["names"].update({"111122223333": None}),
    "a registry without hosts": lambda report: _registry(report).update(hosts=[]),
    "another member of a registry": lambda report: _registry(report).update(more=1),
    "a registry policy that says not whether it was read": lambda report: _registry(report)["registry_policy"].pop(
        "read"
    ),
    "another member of a registry policy": lambda report: _registry(report)["registry_policy"].update(more=1),
    "a repository without a name": lambda report: _row(report).pop("name"),
    "a repository that was read and says not what is public": lambda report: _row(report).pop("public"),
    "a repository that was neither read nor failed": lambda report: _row(report).pop("shares"),
    "another member of a repository": lambda report: _row(report).update(more=1),
    "a drift without what is missing": lambda report: _row(report)["drift"].pop("missing"),
    "an access that is no list": lambda report: _share(report).update(access="pull"),
    "a type of principals that is unknown": lambda report: _share(report).update(principal_type="somebody"),
    "another member of a share": lambda report: _share(report).update(more=1),
    "a capability that is perhaps usable": lambda report: _share(report).update(can_pull="maybe"),
    "a position from 0": lambda report: _share(report)["statements"][0].update(position=0),
    "a Deny that says not what it denies": lambda report: _share(report)["denied_by"][0].pop("denies"),
    "a finding of an unknown kind": lambda report: report["findings"][0].update(kind="strange"),
    "a finding without its certainty": lambda report: report["findings"][0].pop("certain"),
    "an exception without a reason": lambda report: report["findings"][1]["accepted"].update(reason=""),
    "an exception until a day that is none": lambda report: report["findings"][1]["accepted"].update(until="soon"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_otherwise_is_refused(name: str) -> None:
    report = json.loads(REPORTS["everything"])
    assert VALIDATOR.is_valid(report)
    WRONG[name](report)
    assert not VALIDATOR.is_valid(report)


def test_schema_is_one_and_names_every_type_of_principals() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$defs"]["principal_type"]["enum"] == [kind.value for kind in PrincipalType]


def _members(schema: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(schema, dict):
        yield from ((f"{where}.{name}", one) for name, one in schema.get("properties", {}).items())
        for name, one in schema.items():
            yield from _members(one, f"{where}.{name}")


def test_every_member_is_described() -> None:
    silent = [
        where
        for where, one in _members(SCHEMA)
        if "description" not in one and "$ref" not in one and "oneOf" not in where
    ]
    assert silent == []
