# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._role.report import Look, Place, findings_of, report

NOW = "2026-11-25T06:30:00Z"
HERE = Place("these credentials", "us-east-1", None)
THERE = Place("these credentials", "eu-west-1", None)
TEAM = {"principal": "111122223333", "access": ["pull"], "lambda_regions": []}
PARTNER = {"principal": "444455556666", "access": ["push"], "lambda_regions": []}


def row(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "shares": [], **more}


def look(*rows: dict[str, Any], place: Place = HERE, registry_id: str | None = "123456789012") -> Look:
    answer = {
        "json": json.dumps({"repositories": rows, "principals": []}),
        "registry_id": registry_id,
        "region": place.region,
        "partition": "aws",
    }
    return Look(place, "all", answer)


def drifted(name: str, *granted: Any, revoked: Any = ()) -> dict[str, Any]:
    return {"name": name, "changed": True, "granted": list(granted), "revoked": list(revoked)}


def as_declared(name: str) -> dict[str, Any]:
    return {"name": name, "changed": False, "granted": [], "revoked": []}


def result(*rows: dict[str, Any], place: Place = HERE, error: str | None = None, label: str = "all") -> dict[str, Any]:
    return {**vars(place), "label": label, "repositories": list(rows), "error": error}


def found(*looks: Look, results: Any = (), host: str = "images", compared: bool = True) -> str:
    return findings_of(host, looks, results, compared=compared)


def reported(*texts: str) -> dict[str, Any]:
    """By registry and region, its rows."""
    registries = json.loads(report(texts, NOW))["registries"]
    return {f"{one['registry_id']} {one['region']}": one["repositories"] for one in registries}


def test_registries_keep_their_order_and_their_rows() -> None:
    text = report([found(look(row("b"), row("a")), look(row("c"), place=THERE))], NOW)
    assert json.loads(text) == {
        "generated_at": NOW,
        "check": True,
        "registries": [
            {
                "registry_id": "123456789012",
                "region": "us-east-1",
                "partition": "aws",
                "repositories": [row("b"), row("a")],
            },
            {"registry_id": "123456789012", "region": "eu-west-1", "partition": "aws", "repositories": [row("c")]},
        ],
    }


class TestDrift:
    def test_is_in_the_row_of_its_repository_in_its_region(self) -> None:
        results = [result(drifted("app", TEAM), as_declared("web")), result(as_declared("app"), place=THERE)]
        rows = reported(found(look(row("app"), row("web")), look(row("app"), place=THERE), results=results))
        assert rows == {
            "123456789012 us-east-1": [row("app", drift={"granted": [TEAM], "revoked": []}), row("web")],
            "123456789012 eu-west-1": [row("app")],
        }

    def test_of_all_batches_is_told(self) -> None:
        results = [result(drifted(name, revoked=[TEAM]), label=name) for name in ("app", "web")]
        (rows,) = reported(found(look(row("app"), row("web")), results=results)).values()
        assert [one["drift"] for one in rows] == [{"granted": [], "revoked": [TEAM]}] * 2

    def test_of_several_hosts_adds_up(self) -> None:
        texts = [
            found(look(row("app")), results=[result(drifted("app", *grants))], host=host)
            for host, grants in {"one": [TEAM], "two": [TEAM, PARTNER]}.items()
        ]
        (rows,) = reported(*texts).values()
        assert rows == [row("app", drift={"granted": [TEAM, PARTNER], "revoked": []})]

    @pytest.mark.parametrize(("compared", "check"), [((False, False), False), ((False, True), True)])
    def test_is_looked_for_if_one_host_was_compared(self, compared: tuple[bool, ...], check: bool) -> None:
        texts = [found(compared=one) for one in compared]
        assert json.loads(report(texts, NOW))["check"] is check


class TestRegistry:
    def test_that_several_hosts_looked_at_is_there_once(self) -> None:
        assert reported(found(look(row("app"), row("web"))), found(look(row("web"), row("cli")), host="two")) == {
            "123456789012 us-east-1": [row("app"), row("web"), row("cli")]
        }

    @pytest.mark.parametrize("first_fails", [True, False])
    def test_that_one_host_could_not_read_has_what_the_other_read(self, first_fails: bool) -> None:
        texts = [found(look(row("app", public=True))), found(look({"name": "app", "error": "app: no"}), host="two")]
        (rows,) = reported(*(reversed(texts) if first_fails else texts)).values()
        assert rows == [row("app", public=True)]

    def test_that_nobody_could_read_says_why(self) -> None:
        failed = {"name": "app", "error": "app: AccessDenied"}
        assert reported(found(look(failed)), found(look(failed))) == {"123456789012 us-east-1": [failed]}

    def test_that_cannot_be_listed_has_a_row(self) -> None:
        texts = found(Look(HERE, "us-east-1: *", {"msg": "AccessDenied"}), look(row("app"), place=THERE))
        assert reported(texts) == {
            "images us-east-1": [{"name": "us-east-1: *", "error": "AccessDenied"}],
            "123456789012 eu-west-1": [row("app")],
        }

    def test_of_which_the_connection_failed_has_a_row(self) -> None:
        """The comparison and the look have both failed, so it is told twice."""
        failed = result(
            place=Place("the role", "us-east-1", "210987654321"), error="the role: no", label="us-east-1: *"
        )
        assert reported(found(look(row("app"), place=THERE), results=[failed, failed])) == {
            "123456789012 eu-west-1": [row("app")],
            "210987654321 us-east-1": [{"name": "us-east-1: *", "error": "the role: no"}],
        }

    def test_that_was_looked_at_in_spite_of_a_failed_comparison_has_no_row_for_that(self) -> None:
        assert reported(found(look(row("app")), results=[result(error="throttled")])) == {
            "123456789012 us-east-1": [row("app")]
        }

    def test_whose_owner_nobody_says_is_that_of_the_host(self) -> None:
        assert reported(found(look(registry_id=None))) == {"images us-east-1": []}

    def test_lacks_the_repositories_that_may_be_missing(self) -> None:
        assert reported(found(look(row("app"), {"name": "tool/*", "missing": True}))) == {
            "123456789012 us-east-1": [row("app")]
        }


def test_text_is_of_ascii_whatever_a_policy_holds() -> None:
    """A file cannot hold half of a surrogate pair."""
    sid = "\ud800 </script> {{ 7 * 7 }} \u2028 é"
    text = report([found(look(row("app", policy={"Statement": {"Sid": sid}})))], NOW)
    assert text.isascii()
    assert json.loads(text)["registries"][0]["repositories"][0]["policy"]["Statement"]["Sid"] == sid
