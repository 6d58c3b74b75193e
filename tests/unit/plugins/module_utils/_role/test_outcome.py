# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What comes of a plan: which runs can be done, and what the role returns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._role.kinds import Kind
from ansible_collections.imageshare.aws.plugins.module_utils._role.lists import Listing
from ansible_collections.imageshare.aws.plugins.module_utils._role.outcome import (
    Answer,
    Selection,
    prepare,
    results,
)
from ansible_collections.imageshare.aws.plugins.module_utils._role.plan import Plan
from ansible_collections.imageshare.aws.plugins.module_utils._role.run import Connection, Run

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


def listing(done: Run, *names: str) -> Listing:
    return Listing(done.key, names, "123456789012")


class TestRunsThatCanBeDone:
    def test_are_those_whose_role_was_assumed(self) -> None:
        here, there = run(), run(connection=AWAY)
        prepared = prepare(Plan("images", runs=(here, there)), Selection.RUNS, NO_ROLE)
        assert prepared.ready == (here,)
        assert prepared.refused == ((there, f"{AWAY.label}: AccessDenied"),)

    def test_of_each_kind_are_selected(self) -> None:
        plan = Plan("images", runs=(run("app"),), reads=(run(region=None),), lists=(run("base/*"),))
        assert prepare(plan, Selection.LISTINGS, {}).ready == (run("base/*"),)
        assert prepare(plan, Selection.RUNS, {}).ready == (run("app"),)
        assert prepare(plan, Selection.READS, {}).ready == (run(region=None),)

    def test_share_the_repositories_that_there_are_and_a_grant_covers(self) -> None:
        wanted = replace(
            run("base/*"),
            repositories=("base/*", "tools"),
            grants=({"principals": [TEAM], "repositories": ["base/a", "base/x", "web"]},),
        )
        (only,) = prepare(
            Plan("images", runs=(wanted,)), Selection.RUNS, {}, [listing(wanted, "base/a", "base/b", "web")]
        ).ready
        assert only.repositories == ("base/a",)
        assert only.grants == ({"principals": [TEAM], "repositories": ["base/a"]},)

    def test_are_none_for_a_registry_that_has_nothing_of_it(self) -> None:
        here, there = run("base/*"), run("base/*", region="eu-west-1")
        lists = [listing(here, "base/a"), listing(there, "web")]
        prepared = prepare(Plan("images", runs=(here, there)), Selection.RUNS, {}, lists)
        assert [part.region for part in prepared.ready] == ["us-east-1"]
        assert prepared.refused == ()

    def test_are_split_into_batches_of_what_was_listed(self) -> None:
        plan = Plan("images", runs=(run("base/*"),), batch_size=2)
        prepared = prepare(plan, Selection.RUNS, {}, [listing(run("base/*"), "base/a", "base/b", "base/c", "web")])
        assert [part.repositories for part in prepared.ready] == [("base/a", "base/b"), ("base/c",)]

    @pytest.mark.parametrize(("size", "regions"), [(0, ["us-east-1", "eu-west-1"]), (2, ["eu-west-1"])])
    def test_whose_registry_could_not_be_listed_are_as_declared_or_refused_in_batches(
        self, size: int, regions: list[str]
    ) -> None:
        here, there = run("base/*"), run("base/*", region="eu-west-1")
        lists = [Listing(here.key, None, error="AccessDenied"), listing(there, "base/a")]
        prepared = prepare(Plan("images", runs=(here, there), batch_size=size), Selection.RUNS, {}, lists)
        assert [part.region for part in prepared.ready] == regions
        assert prepared.refused == (((here, "us-east-1: base/*: AccessDenied"),) if size else ())

    @pytest.mark.parametrize(
        ("wanted", "names", "repositories"),
        [
            pytest.param(("*",), ("a", "b"), [("a", "b")], id="all"),
            pytest.param((), ("a", "b"), [("a", "b")], id="all, because none are named"),
            pytest.param(("*",), (), [("*",)], id="an empty registry, for its policy"),
            pytest.param(("a*", "x"), ("a", "b"), [("a",)], id="some"),
            pytest.param(("x",), ("a", "b"), [], id="none"),
        ],
    )
    def test_that_read_take_what_was_listed(
        self, wanted: tuple[str, ...], names: tuple[str, ...], repositories: list[tuple[str, ...]]
    ) -> None:
        read = replace(run(), repositories=wanted)
        ready = prepare(Plan("images", reads=(read,)), Selection.READS, {}, [listing(read, *names)]).ready
        assert [part.repositories for part in ready] == repositories

    def test_that_save_a_whole_registry_name_no_repositories(self) -> None:
        whole, some = replace(run(), repositories=("*",)), replace(run(), repositories=("a*",))
        plan = Plan("images", purpose="snapshot", reads=(whole, some))
        ready = prepare(plan, Selection.READS, {}, [listing(whole, "a", "b")]).ready
        assert [part.repositories for part in ready] == [("*",), ("a",)]


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


class TestKinds:
    """Runs for the policy of a registry and for templates, beside those for repositories."""

    REGISTRY = replace(run(), label="us-east-1: registry policy", repositories=(), kind=Kind.REGISTRY)
    TEMPLATES = replace(run(), label="us-east-1: templates *", repositories=(), kind=Kind.TEMPLATES, templates=("*",))

    @pytest.mark.parametrize("size", [0, 2])
    @pytest.mark.parametrize("listed", [("web",), (), None])
    def test_are_done_whatever_repositories_there_are(self, listed: tuple[str, ...] | None, size: int) -> None:
        plan = Plan("images", runs=(self.REGISTRY, self.TEMPLATES), batch_size=size)
        error = None if listed is not None else "AccessDenied"
        prepared = prepare(plan, Selection.RUNS, {}, [Listing(run().key, listed, error=error)])
        assert (prepared.ready, prepared.refused) == ((self.REGISTRY, self.TEMPLATES), ())

    def test_have_rows_with_the_names_of_what_they_are_for(self) -> None:
        no_name = {"changed": True, "granted": [], "revoked": []}
        done = [
            Answer(self.TEMPLATES, {"templates": [{"prefix": "services", **no_name}, {"prefix": "ROOT", **no_name}]}),
            Answer(self.REGISTRY, {"changed": True, "registry": row("registry policy", changed=True)}),
            shared(run(), row("app")),
        ]
        found = results(Plan("images", runs=(run(), self.REGISTRY, self.TEMPLATES)), {}, [], done)
        assert [(each["kind"], [one["name"] for one in each["repositories"]]) for each in found] == [
            ("templates", ["template services", "template ROOT"]),
            ("registry", ["registry policy"]),
            ("repositories", ["app"]),
        ]

    def test_have_no_rows_where_they_failed_before_they_had_any(self) -> None:
        done = [Answer(one, {"msg": "scope V1"}) for one in (self.REGISTRY, self.TEMPLATES)]
        found = results(Plan("images", runs=(self.REGISTRY, self.TEMPLATES)), {}, [], done)
        assert [(each["error"], each["repositories"]) for each in found] == [
            ("us-east-1: registry policy: scope V1", []),
            ("us-east-1: templates *: scope V1", []),
        ]
