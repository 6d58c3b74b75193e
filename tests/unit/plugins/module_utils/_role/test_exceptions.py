# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._errors import InvalidInputError
from ansible_collections.imageshare.aws.plugins.module_utils._role.audited import AuditedRegistry
from ansible_collections.imageshare.aws.plugins.module_utils._role.exceptions import (
    Accepted,
    accepted_by,
    read_accepted,
)
from ansible_collections.imageshare.aws.plugins.module_utils._role.finding import Finding
from ansible_collections.imageshare.aws.plugins.module_utils._role.findings import findings
from ansible_collections.imageshare.aws.tests.support import audits
from ansible_collections.imageshare.aws.tests.support.audited import NOBODY, registries
from ansible_collections.imageshare.aws.tests.support.audits import repository, share, statement
from ansible_collections.imageshare.aws.tests.support.builders import (
    ACCOUNT,
    DELETED_ROLE,
    ORGANIZATION,
    OTHER,
    OWNER,
    ROLE,
    ROOT,
    UNIT,
)
from ansible_collections.imageshare.aws.tests.support.invalid_input import EXCEPTIONS

ENTRY = {"principal": ACCOUNT, "reason": "agreed with the partner"}
TODAY, YESTERDAY = date(2026, 11, 26), date(2026, 11, 25)


def entry(**members: Any) -> dict[str, Any]:
    """An exception for a team, but for the given members; None drops one."""
    return {name: value for name, value in {**ENTRY, **members}.items() if value is not None}


def read(**members: Any) -> Accepted:
    (accepted,) = read_accepted("ecr_share_accepted", [entry(**members)], {"partner": OTHER})
    return accepted


@pytest.mark.parametrize("row", EXCEPTIONS.values(), ids=EXCEPTIONS.keys())
def test_what_nobody_can_mean_is_refused_under_the_name_and_the_position(row: tuple[Any, str]) -> None:
    value, said = row
    bad = entry(**value) if isinstance(value, dict) else value
    with pytest.raises(InvalidInputError) as refusal:
        read_accepted("ecr_share_accepted_team", [ENTRY, bad])
    (problem,) = refusal.value.problems
    assert problem.startswith("ecr_share_accepted_team[1]: ")
    assert said.replace("\u0666", "\\u0666") in problem


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(InvalidInputError) as refusal:
        read_accepted("ecr_share_accepted", [{"since": 1}, entry(until="soon", kinds=["x", "y"])])
    assert [problem.split(": ")[0] for problem in refusal.value.problems] == [
        *["ecr_share_accepted[0]"] * 3,
        *["ecr_share_accepted[1]"] * 3,
    ]


@pytest.mark.parametrize("value", ["all", {"principal": ACCOUNT}, 5])
def test_variable_that_is_no_list_is_refused(value: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"^ecr_share_accepted is not a list of exceptions$"):
        read_accepted("ecr_share_accepted", value)


@pytest.mark.parametrize("value", [None, "", []])
def test_variable_that_is_not_set_accepts_nothing(value: Any) -> None:
    assert read_accepted("ecr_share_accepted", value) == ()


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        (ACCOUNT, ACCOUNT),
        (int(ACCOUNT), ACCOUNT),
        (ROOT, ACCOUNT),
        (ROLE, ROLE),
        ("partner", OTHER),
        ("*", "*"),
        ("codebuild.amazonaws.com", "codebuild.amazonaws.com"),
        ("s3.cn-north-1.amazonaws.com.cn", "s3.cn-north-1.amazonaws.com.cn"),
        (ORGANIZATION, ORGANIZATION),
        (UNIT, UNIT),
        (DELETED_ROLE, DELETED_ROLE),
        (f"arn:aws:iam::{ACCOUNT}:saml-provider/x", f"arn:aws:iam::{ACCOUNT}:saml-provider/x"),
    ],
)
def test_principal_is_as_shares_say_it(principal: Any, expected: str) -> None:
    assert read(principal=principal).principal == expected


@pytest.mark.parametrize("until", [date(2026, 12, 31), "2026-12-31", " 2026-12-31 "])
def test_day_may_be_a_text_or_what_yaml_reads(until: Any) -> None:
    assert read(until=until).until == date(2026, 12, 31)


@pytest.mark.parametrize(
    ("today", "over"), [(date(2026, 12, 30), False), (date(2026, 12, 31), False), (date(2027, 1, 1), True)]
)
def test_last_day_is_valid_as_a_whole(today: date, over: bool) -> None:
    assert read(until="2026-12-31").is_over(today) is over
    assert not read().is_over(today)


def found(
    *accepted: Accepted, known: tuple[AuditedRegistry, ...] | None = None, grants: Any = (NOBODY,)
) -> list[Finding]:
    shares = [share(ACCOUNT, "account", "pull", 1), share(OTHER, "account", "push", 2)]
    default = registries(repository("base/app", *shares), grants=grants)
    return list(findings(default if known is None else known, accepted, TODAY, {}))


def accepted_of(*accepted: Accepted) -> list[str | None]:
    """Who of the two strangers is accepted."""
    return [one.principal for one in found(*accepted) if one.accepted is not None]


@pytest.mark.parametrize(
    ("members", "accepts"),
    [
        ({}, True),
        ({"principal": None, "sid": "Statement1"}, True),
        ({"principal": None, "sid": "Statement"}, False),
        ({"repositories": ["base/*"]}, True),
        ({"repositories": "base/app"}, True),
        ({"repositories": ["services/*"]}, False),
        ({"kinds": ["public", "undeclared"]}, True),
        ({"kinds": "excess"}, False),
        ({"registries": [OWNER]}, True),
        ({"registries": [int(OWNER)]}, True),
        ({"registries": ["images"]}, True),
        ({"registries": ["other"]}, False),
        ({"until": TODAY}, True),
        ({"until": YESTERDAY}, False),
    ],
)
def test_an_entry_accepts_what_it_is_for_and_nothing_else(members: dict[str, Any], accepts: bool) -> None:
    assert accepted_of(read(**members)) == ([ACCOUNT] if accepts else [])


def test_what_is_accepted_says_why_and_until_when() -> None:
    (first, *_others) = found(read(until="2026-12-31", reason=" until the\n move "))
    assert first.to_dict()["accepted"] == {"reason": "until the move", "until": "2026-12-31"}


def test_finding_of_several_statements_is_accepted_by_a_sid_only_if_all_have_it() -> None:
    shares = [share(ACCOUNT, "account", "pull", 1), share(ACCOUNT, "account", "push", 2)]
    one = read(principal=None, sid="Statement1")
    (finding, exception) = found(one, known=registries(repository("app", *shares)))
    assert finding.accepted is None
    assert exception.kind == "exception"
    same = [{**share, "statements": [statement(index, "Statement1")]} for index, share in enumerate(shares)]
    (finding,) = found(one, known=registries(repository("app", *same)))
    assert finding.accepted is not None


def test_policy_of_the_registry_is_accepted_only_without_repositories() -> None:
    policy = audits.registry_policy(audits.registry_share(ACCOUNT, "account", "pull", 1))
    known = registries(policy=policy)
    assert [one.accepted is not None for one in found(read(), known=known)] == [True]
    assert [one.accepted is not None for one in found(read(repositories=["*"]), known=known)] == [False, False]


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"until": YESTERDAY}, "was valid until 2026-11-25, and is still needed"),
        (
            {"until": YESTERDAY, "repositories": ["web"]},
            "was valid until 2026-11-25, and nothing needs it any more",
        ),
        ({"repositories": ["web"]}, "accepts nothing that is there"),
    ],
)
def test_an_entry_that_is_over_or_that_nothing_needs_is_found(members: dict[str, Any], said: str) -> None:
    (exception,) = (one for one in found(read(**members)) if one.kind == "exception")
    assert exception.message == f"ecr_share_accepted[0] ({ACCOUNT}: agreed with the partner) {said}"
    assert (exception.host, exception.certain, exception.principal) == ("images", True, ACCOUNT)


def test_an_entry_that_something_unread_may_need_is_possibly_unneeded() -> None:
    known = registries({"name": "app", "error": "no", "error_code": None})
    (_unread, exception) = found(read(), known=known)
    assert (exception.kind, exception.certain) == ("exception", False)


@pytest.mark.parametrize(("kinds", "number"), [(None, 0), (["undeclared"], 0), (["public"], 1)])
def test_where_nothing_is_declared_only_what_was_looked_for_can_be_unneeded(kinds: Any, number: int) -> None:
    assert len(found(read(kinds=kinds), grants=())) == number


def test_an_entry_for_no_registry_of_the_run_is_not_unneeded() -> None:
    assert {one.kind for one in found(read(registries=["elsewhere"]))} == {"undeclared"}


def test_entries_of_one_host_accept_nothing_of_another() -> None:
    everywhere, here, there = read(), read(principal=OTHER), read(principal=OTHER, reason="for staging")
    united = accepted_by({"images": [everywhere, here], "staging": [everywhere, there]})
    assert [one.hosts for one in united] == [("images", "staging"), ("images",), ("staging",)]
    reasons = [one.accepted and one.accepted.reason for one in found(*united)]
    assert reasons == [ENTRY["reason"], ENTRY["reason"]]
