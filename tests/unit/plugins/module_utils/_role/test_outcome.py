# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What comes of a plan: which runs can be done, what the role returns, what an audit prints, and when it fails."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._role.outcome import (
    Answer,
    Selection,
    prepare,
    results,
    verdict,
)
from ansible_collections.imageshare.aws.plugins.module_utils._role.plan import Connection, Plan, Run
from ansible_collections.imageshare.aws.tests.support import audits

TEAM, PARTNER = "111122223333", "444455556666"
HOME, AWAY = Connection(0, "these credentials", None), Connection(1, "arn:aws:iam::210987654321:role/x", None)
NO_ROLE = {1: "AccessDenied"}


def run(name: str = "app", connection: Connection = HOME, region: str | None = "us-east-1") -> Run:
    registry = f"images {region}" if region else "images"
    label = f"{region}: {name}" if region else name
    return Run(label, registry, connection, region, None, (name,), ({"principals": [TEAM]},))


def row(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "changed": False, "granted": [], "revoked": [], "warnings": [], **more}


def change(principal: str, *access: str, lambda_regions: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"principal": principal, "access": list(access), "lambda_regions": list(lambda_regions)}


def shared(done: Run, *rows: dict[str, Any], **more: Any) -> Answer:
    return Answer(done, {"changed": any(row["changed"] for row in rows), "repositories": list(rows), **more})


def listed(done: Run, *names: str) -> Answer:
    return Answer(done, {"repositories": [{"repository_name": name} for name in names]})


def result(*rows: dict[str, Any], registry: str = "images us-east-1", error: str | None = None) -> dict[str, Any]:
    return {"registry": registry, "error": error, "repositories": list(rows)}


class TestRunsThatCanBeDone:
    def test_are_those_whose_role_was_assumed(self) -> None:
        here, there = run(), run(connection=AWAY)
        prepared = prepare(Plan("images", runs=(here, there)), Selection.RUNS, NO_ROLE)
        assert prepared.ready == (here,)
        assert prepared.refused == ((there, f"{AWAY.label}: AccessDenied"),)

    def test_of_each_kind_are_selected(self) -> None:
        plan = Plan("images", runs=(run("base/*"), run("app")), reads=(run(region=None),), batch_size=5)
        assert prepare(plan, Selection.LISTINGS, {}).ready == (run("base/*"),)
        assert prepare(plan, Selection.READS, {}).ready == (run(region=None),)

    def test_are_split_into_batches_of_what_was_listed(self) -> None:
        plan = Plan("images", runs=(run("base/*"),), batch_size=2)
        prepared = prepare(plan, Selection.RUNS, {}, [listed(run("base/*"), "base/a", "base/b", "base/c", "web")])
        assert [part.repositories for part in prepared.ready] == [("base/a", "base/b"), ("base/c",)]

    def test_are_none_if_a_pattern_matches_nothing(self) -> None:
        here, there = run("base/*"), run("web", region="eu-west-1")
        prepared = prepare(
            Plan("images", runs=(here, there), batch_size=2), Selection.RUNS, {}, [listed(here, "tools")]
        )
        assert prepared.ready == ()
        assert [refused for refused, _why in prepared.refused] == [here, there]
        assert {why for _refused, why in prepared.refused} == {
            'Nothing was done. ecr_share_repositories: "base/*" matches no repository'
        }

    def test_leave_out_what_could_not_be_listed(self) -> None:
        here, there = run("base/*"), run("base/*", region="eu-west-1")
        lists = [Answer(here, {"msg": "AccessDenied", "failed": False}), listed(there, "base/a")]
        prepared = prepare(Plan("images", runs=(here, there), batch_size=2), Selection.RUNS, {}, lists)
        assert [part.region for part in prepared.ready] == ["eu-west-1"]
        assert prepared.refused == ((here, "us-east-1: base/*: AccessDenied"),)


class TestResults:
    def test_are_a_member_for_each_run_in_order_whether_it_was_done_or_not(self) -> None:
        first, second, third = run(connection=AWAY), run(), run(region="eu-west-1")
        found = results(
            Plan("images", runs=(first, second, third)),
            NO_ROLE,
            [],
            [
                shared(second, row("app", changed=True), summary={"changed": 1}, backup_path="/b"),
                shared(third, row("app", error="no"), msg="1 of 1 repositories failed", failed=True),
            ],
        )
        assert [
            (each["registry"], each["connection"], each["label"], each["changed"], each["error"]) for each in found
        ] == [
            ("images us-east-1", AWAY.label, "us-east-1: app", False, f"{AWAY.label}: AccessDenied"),
            ("images us-east-1", HOME.label, "us-east-1: app", True, None),
            ("images eu-west-1", HOME.label, "eu-west-1: app", False, "eu-west-1: app: 1 of 1 repositories failed"),
        ]
        assert [(each["summary"], each["backup_path"]) for each in found] == [
            ({}, None),
            ({"changed": 1}, "/b"),
            ({}, None),
        ]
        assert [len(each["repositories"]) for each in found] == [0, 1, 1]

    def test_have_a_member_for_what_could_not_be_read(self) -> None:
        compared, read = run(connection=AWAY), run(region="eu-west-1", connection=AWAY)
        plan = Plan("images", runs=(compared,), reads=(replace(compared, grants=()), read))
        assert [each["label"] for each in results(plan, NO_ROLE, [], [])] == ["us-east-1: app", "eu-west-1: app"]

    def test_are_not_those_of_an_earlier_plan(self) -> None:
        assert results(Plan("images", reads=(run(),)), {}, [], [shared(run(), row("app"))]) == ()


# Of each: the rows of a registry, and the lines.
DRIFT: dict[str, tuple[list[dict[str, Any]], list[str]]] = {
    "none": ([row("app")], ["images us-east-1: 0 of 1 repositories are not as declared"]),
    "no repositories": ([], ["images us-east-1: 0 of 0 repositories are not as declared"]),
    "a grant that is missing": (
        [row("app", changed=True, granted=[change(TEAM, "pull", "push")]), row("web")],
        ["images us-east-1: 1 of 2 repositories are not as declared", f"  app: +{TEAM} pull, push"],
    ),
    "one with Lambda, and one too many": (
        [
            row(
                "app",
                changed=True,
                granted=[change(TEAM, "pull", lambda_regions=("us-east-1", "eu-west-1"))],
                revoked=[change(PARTNER, lambda_regions=("*",))],
            )
        ],
        [
            "images us-east-1: 1 of 1 repositories are not as declared",
            f"  app: +{TEAM} pull (Lambda in us-east-1, eu-west-1) -{PARTNER} Lambda in *",
        ],
    ),
    "a repository that could not be read": (
        [row("app"), row("web", error="web: AccessDenied")],
        ["images us-east-1: 0 of 2 repositories are not as declared, 1 could not be read"],
    ),
}


SUMMARY = {
    "repositories": 3,
    "principals": 2,
    "public": 0,
    "unscoped_service": 0,
    "deleted_principals": 0,
    "registry_policy_unread": 0,
    "failed": 0,
}
# Of each: the registry policy, and what is said of it.
POLICIES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "none": (audits.registry_policy(), []),
    "one for a replication": (audits.registry_policy(audits.registry_share(TEAM, "account", "replicate", 1, "*")), []),
    "one that was not read": (
        audits.registry_policy(error="could not read it:\nAccessDenied \u202e"),
        [
            "  the registry policy was not read, and others may get in by it: could not read it: AccessDenied \\u202e",
        ],
    ),
    "one that is public": (
        audits.registry_policy(
            public=True, public_statements=[audits.statement(2, 'For "all"', "registry"), audits.statement(4)]
        ),
        [
            "  the registry policy is public, open to everyone or to any account, "
            r'through statements 2 "For \"all\"", 4',
        ],
    ),
    "one for whomever a service acts": (
        audits.registry_policy(
            unscoped_service=True, unscoped_service_statements=[audits.statement(1, None, "registry")]
        ),
        ["  the registry policy is open to a service without a source condition, through statement 1"],
    ),
    "one that is public by many statements": (
        audits.registry_policy(
            public=True, public_statements=[audits.statement(n, None, "registry") for n in range(1, 31)]
        ),
        [
            "  the registry policy is public, open to everyone or to any account, through statements "
            f"{', '.join(map(str, range(1, 21)))}, 10 more",
        ],
    ),
}


class TestAudit:
    @pytest.mark.parametrize(("rows", "lines"), DRIFT.values(), ids=DRIFT.keys())
    def test_prints_the_drift(self, rows: list[dict[str, Any]], lines: list[str]) -> None:
        assert list(verdict(Plan("images", runs=(run(),)), [result(*rows)], []).lines) == lines

    def test_says_once_for_a_registry_that_its_policy_was_not_read(self) -> None:
        unread = {"registry_policy": {"read": False, "error": "could not read it", "error_code": None}}
        found = [{**result(row("app")), **unread}, {**result(row("web")), **unread}]
        said = "  the registry policy was not read, and others may get in by it: could not read it"
        plan = Plan("images", runs=(run(),))
        assert verdict(plan, found, []).lines == ("images us-east-1: 0 of 2 repositories are not as declared", said)
        # Who reads the registry says it already.
        read = Answer(run(), {"summary": SUMMARY, "registry_policy": audits.registry_policy(error="could not read it")})
        assert list(verdict(plan, found, [read]).lines).count(said) == 1

    def test_prints_no_more_than_a_screen(self) -> None:
        rows = [row(f"r{n}", changed=True, granted=[change(TEAM, "pull")]) for n in range(25)]
        lines = verdict(Plan("images", runs=(run(),)), [result(*rows)], []).lines
        assert (len(lines), lines[-1]) == (22, "  and 5 more: see --diff")

    def test_prints_one_line_for_a_registry_that_several_runs_share(self) -> None:
        found = [result(row("a")), result(row("b"), registry="images eu-west-1"), result(row("c", changed=True))]
        lines = verdict(Plan("images", runs=(run(),)), found, []).lines
        assert [line for line in lines if not line.startswith(" ")] == [
            "images eu-west-1: 0 of 1 repositories are not as declared",
            "images us-east-1: 1 of 2 repositories are not as declared",
        ]

    def test_prints_what_could_not_be_read_and_why(self) -> None:
        said = verdict(Plan("images", runs=(run(),)), [result(error="x: AccessDenied")] * 2, [])
        assert said.lines == ("images us-east-1: could not be read", "  x: AccessDenied")
        assert said.failure == "x: AccessDenied"

    def test_prints_how_much_is_shared(self) -> None:
        summary = {**SUMMARY, "public": 1, "unscoped_service": 2, "failed": 1}
        reads = [
            Answer(run(), {"summary": summary, "msg": "1 of 3 repositories failed"}),
            Answer(run(region="eu-west-1"), {"msg": "AccessDenied", "failed": False}),
        ]
        alone = verdict(Plan("images", reads=(run(),)), [], reads)
        assert alone.lines == (
            "images us-east-1: 3 repositories, 2 principals, 1 public, 2 open to a service without a source condition, "
            "1 that could not be read",
            "  1 of 3 repositories failed",
            "images eu-west-1: could not be read",
            "  AccessDenied",
        )
        assert alone.failure == "us-east-1: app: 1 of 3 repositories failed | eu-west-1: app: AccessDenied"
        compared = verdict(Plan("images", runs=(run(),)), [], reads)
        assert [line for line in compared.lines if line.startswith(" ")] == []

    @pytest.mark.parametrize("compared", [True, False])
    @pytest.mark.parametrize("as_text", [True, False])
    @pytest.mark.parametrize(("policy", "lines"), POLICIES.values(), ids=POLICIES.keys())
    def test_prints_what_the_registry_policy_lets_in(
        self, policy: dict[str, Any], lines: list[str], as_text: bool, compared: bool
    ) -> None:
        grown = {"repositories": [], "registry_policy": policy}
        values = {"summary": SUMMARY, **({"rows_as_text": json.dumps(grown)} if as_text else grown)}
        runs = (run(),) if compared else ()
        said = verdict(Plan("images", runs=runs, reads=(run(),)), [], [Answer(run(), values)])
        assert list(said.lines) == ["images us-east-1: 3 repositories, 2 principals", *lines]
        assert said.failure == ""

    def test_registry_policy_that_was_not_read_is_no_drift(self) -> None:
        read = Answer(run(), {"summary": SUMMARY, "registry_policy": audits.registry_policy(error="AccessDenied")})
        plan = Plan("images", runs=(run(),), reads=(run(),), fail_on_drift=True)
        assert verdict(plan, [result(row("app"))], [read]).failure == ""

    @pytest.mark.parametrize(
        ("fail_on_drift", "rows", "error", "failure"),
        [
            (True, [row("app", changed=True)], None, "1 repositories are not as declared"),
            (True, [row("app")], None, ""),
            (False, [row("app", changed=True)], None, ""),
            (True, [row("app", changed=True)], "x: AccessDenied", "x: AccessDenied"),
        ],
    )
    def test_fails_on_errors_and_if_asked_to_on_drift(
        self, fail_on_drift: bool, rows: list[dict[str, Any]], error: str | None, failure: str
    ) -> None:
        plan = Plan("images", runs=(run(),), fail_on_drift=fail_on_drift)
        said = verdict(plan, [result(*rows, error=error)], [])
        assert said.failure.startswith(failure)
        assert bool(said.failure) is bool(failure)
