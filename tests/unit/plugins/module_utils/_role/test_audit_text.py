# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._role.audit_text import audit_lines, failure
from ansible_collections.imageshare.aws.plugins.module_utils._role.audited import AuditedRegistry
from ansible_collections.imageshare.aws.plugins.module_utils._role.exceptions import Accepted
from ansible_collections.imageshare.aws.plugins.module_utils._role.finding import Acceptance, Finding
from ansible_collections.imageshare.aws.plugins.module_utils._role.findings import findings, not_looked_at
from ansible_collections.imageshare.aws.tests.support import audits
from ansible_collections.imageshare.aws.tests.support.audited import change, drifted, grant, registries
from ansible_collections.imageshare.aws.tests.support.audits import repository, share, statement

STAGING, PROD = "614200000102", "614200000101"
STRANGER, TEAM, RISK = "555566667777", "730000000001", "730000000041"
NAMES = {TEAM: "checkout-dev", RISK: "risk-prod"}
CONDITION = {"operator": "StringEquals", "key": "aws:SourceVpc", "values": ["vpc-1"]}


def lines(known: Sequence[AuditedRegistry], *accepted: Accepted, **more: Any) -> tuple[str, ...]:
    found = findings(known, accepted, date(2026, 11, 26), NAMES)
    return audit_lines(found, known, not_looked_at(known), **more)


def staging(*rows: dict[str, Any], **more: Any) -> tuple[AuditedRegistry, ...]:
    return registries(*rows, **{"host": "staging", "owner": STAGING, "region": "eu-central-1", **more})


def prod(*rows: dict[str, Any], **more: Any) -> tuple[AuditedRegistry, ...]:
    return registries(*rows, **{"host": "prod", "owner": PROD, "region": "eu-central-1", **more})


def test_the_first_lines_say_what_is_dangerous_and_where() -> None:
    push = share(STRANGER, "account", "pull push describe", 2, statements=[statement(2, "StrangerPush")])
    opening = {"public": True, "public_statements": [statement(3, "Search")]}
    team = share(TEAM, "account", "pull", 1)
    builds = share("codebuild.amazonaws.com", "service", "pull", 2, conditions=[CONDITION])
    shared = [repository(f"prod/{name}", team, share(RISK, "account", "pull push", 1)) for name in ("a", "b")]
    drift = drifted("prod/a", [change(TEAM, "describe", "us-east-1")], [change(RISK, "push")])
    known = (
        *staging(
            repository("services/cart", team, push),
            repository("services/search", team, share("*", "everyone", "pull", 3), **opening),
            repository("services/web", team, builds),
            grants=[grant(TEAM)],
        ),
        *prod(
            *shared,
            {"name": "base/x", "error": "base/x: AccessDenied", "error_code": None},
            grants=[grant(TEAM, RISK)],
            drift=[drift],
            policy=audits.registry_policy(error="AccessDenied"),
        ),
    )
    accepted = Accepted("ecr_share_accepted[0]", "it is a demonstration", principal="*")
    late = Accepted("ecr_share_accepted[1]", "until the move", principal=STRANGER, until=date(2026, 11, 1))
    assert lines(known, accepted, late) == (
        "undeclared        555566667777 pull, push, describe: 1 repository: services/cart "
        '(staging 614200000102 eu-central-1), statement 2 "StrangerPush"',
        "excess            risk-prod 730000000041 push: 2 repositories: prod/* (prod 614200000101 eu-central-1), "
        'statement 1 "Statement1"',
        "unscoped_service  codebuild.amazonaws.com possibly pull: 1 repository: services/web "
        '(staging 614200000102 eu-central-1), statement 2 "Statement2"',
        "drift             risk-prod 730000000041 push: 1 repository: prod/a (prod 614200000101 eu-central-1)",
        "drift             checkout-dev 730000000001 lacks describe, Lambda in us-east-1: 1 repository: prod/a "
        "(prod 614200000101 eu-central-1)",
        "unread            could not be read: base/x: AccessDenied: 1 repository: base/x "
        "(prod 614200000101 eu-central-1)",
        "unread            the registry policy was not read, and others may get in by it: AccessDenied: "
        "the registry policy (prod 614200000101 eu-central-1)",
        "exception         ecr_share_accepted[1] (555566667777: until the move) was valid until 2026-11-01, "
        "and is still needed",
        "Accepted by ecr_share_accepted: public 1",
        "staging 614200000102 eu-central-1: 3 repositories, 4 principals, 3 findings, 1 accepted",
        "prod 614200000101 eu-central-1: 2 repositories, 2 principals, 6 findings, 1 could not be read",
        "Not looked at: prod 614200000101 eu-central-1: the registry policy was not read, and others may get in by it",
    )


def test_without_findings_that_is_said_first() -> None:
    assert lines(staging(repository("app"))) == (
        "No findings.",
        "staging 614200000102 eu-central-1: 1 repository, 0 principals, 0 findings",
    )


def test_principals_that_have_the_same_in_the_same_places_are_one_line() -> None:
    shares = [share(f"7300000000{number:02}", "account", "pull", 1) for number in range(40)]
    known = (
        *staging(*(repository(f"ml/{name}", *shares) for name in "ab"), repository("tool")),
        *staging(*(repository(f"ml/{name}", *shares) for name in "ab"), repository("tool"), region="eu-west-1"),
    )
    assert lines(known)[0] == (
        "undeclared        730000000000 and 39 more pull: 4 repositories: ml/* "
        '(staging 614200000102 eu-central-1, eu-west-1), statement 1 "Statement1"'
    )


@pytest.mark.parametrize("host", ["staging", "a-host-whose-name-leaves-hardly-any-room-for-anything-else-in-a-line"])
def test_the_policies_of_registries_are_counted_where_they_are(host: str) -> None:
    by_registry = audits.registry_policy(audits.registry_share(STRANGER, "account", "pull", 1))
    found = [
        *staging(repository("a", share(STRANGER, "account", "pull", 1)), policy=by_registry, host=host),
        *staging(repository("b"), policy=by_registry, host=host, region="eu-west-1"),
    ]
    assert lines(found)[0].startswith(f"undeclared        {STRANGER} pull: 1 repository, 2 registry policies")


def test_who_has_most_is_first() -> None:
    shares = [
        share("111111111111", "account", "pull", 1),
        share("555555555555", "account", "pull describe", 1, other_actions=["ecr:StartImageScan"]),
        share("222222222222", "account", "pull push", 1),
        share("333333333333", "account", "admin", 1),
        share("444444444444", "account", "admin", 1, conditions=[CONDITION]),
    ]
    assert [line.split()[1] for line in lines(staging(repository("app", *shares)))[:5]] == [
        "333333333333",
        "222222222222",
        "555555555555",
        "111111111111",
        "444444444444",
    ]


def test_of_a_kind_there_are_ten_lines_and_a_word_on_the_others() -> None:
    rows = [repository(f"r{number}", share(f"{number:012}", "account", "pull", 1)) for number in range(24)]
    told = lines(staging(*rows), more="see report.html")
    assert [line.startswith("undeclared") for line in told] == [True] * 10 + [False] * 2
    assert told[10].strip() == "and 14 more: see report.html"


@pytest.mark.parametrize("number", [1, 2, 5, 40])
@pytest.mark.parametrize("length", [10, 60, 110])
@pytest.mark.parametrize("regions", [("eu-central-1",), ("eu-central-1", "eu-west-1")])
def test_lines_are_no_wider_than_a_screen_if_that_can_be_helped(
    number: int, length: int, regions: tuple[str, ...]
) -> None:
    stranger = share(STRANGER, "account", "pull", 1)
    rows = [repository(f"{'x' * length}{index}", stranger) for index in range(number)]
    known = [one for region in regions for one in staging(*rows, repository("other"), region=region)]
    first, *_others = lines(known)
    # One name is told, however long it is.
    assert len(first) <= 150 or number == 1
    assert STRANGER in first
    assert ("1 repository" if number * len(regions) == 1 else f"{number * len(regions)} repositories") in first
    if number == 1:
        assert rows[0]["name"] in first or len(regions) > 1


def test_what_others_have_written_forges_no_line() -> None:
    sid = 'x"\nprod: No findings.\u202e'
    bad = share("arn:aws:iam::1:user/\u001b[2J\n", "other", "pull", 1, statements=[statement(1, sid)])
    told = lines(staging(repository("app", bad)))
    assert len(told) == 2
    assert all(line.isprintable() for line in told)


FOUND = Finding("undeclared", True, "staging", STAGING, "eu-central-1", "app", "a sentence", principal=STRANGER)
ACCEPTED = replace(FOUND, accepted=Acceptance("agreed", None))


@pytest.mark.parametrize(
    ("found", "fail_on", "host", "said"),
    [
        ([], ["undeclared"], "staging", ""),
        ([FOUND], [], "staging", ""),
        ([FOUND], ["drift"], "staging", ""),
        ([FOUND], ["undeclared"], "prod", ""),
        ([ACCEPTED], ["undeclared"], "staging", ""),
        (
            [FOUND],
            ["undeclared"],
            "staging",
            "1 finding that ecr_share_fail_on names: undeclared 1; it is listed above",
        ),
        (
            [replace(FOUND, kind="drift"), FOUND, replace(FOUND, kind="unread"), ACCEPTED],
            ["drift", "undeclared"],
            "staging",
            "2 findings that ecr_share_fail_on names: undeclared 1, drift 1; they are listed above",
        ),
        # Somebody may get in, and nobody has accepted that.
        (
            [replace(FOUND, certain=False)],
            ["undeclared"],
            "staging",
            "1 finding that ecr_share_fail_on names: undeclared 1; it is listed above",
        ),
    ],
)
def test_failure_says_what_and_how_many(found: list[Finding], fail_on: list[str], host: str, said: str) -> None:
    assert failure(found, fail_on, host) == said
