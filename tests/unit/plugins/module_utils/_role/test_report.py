# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._role import report as reports
from ansible_collections.imageshare.aws.plugins.module_utils._role.audited import AuditAnswer, HostAudit, audited
from ansible_collections.imageshare.aws.plugins.module_utils._role.cells import LEVELS
from ansible_collections.imageshare.aws.tests.support import audits

NOW = "2026-11-25T06:30:00Z"
HERE, THERE = "us-east-1", "eu-west-1"
TEAM = {"principal": "111122223333", "access": ["pull"], "lambda_regions": []}
CONDITION = {"operator": "StringEquals", "key": "aws:SourceVpc", "values": ["vpc-1"]}
PARTNER = {"principal": "444455556666", "access": ["push"], "lambda_regions": []}


# What the page shows of a row without shares.
UNSHARED: dict[str, Any] = {"cells": [], "differing": []}


def report(hosts: Iterable[HostAudit], generated_at: str, **more: Any) -> str:
    """Return the report of what hosts have read."""
    known = list(hosts)
    compared = any(host.compared for host in known)
    return reports.report(audited(known), generated_at, compared=compared, **more)


def row(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "shares": [], **more}


def reported_row(name: str, **more: Any) -> dict[str, Any]:
    return {**row(name), **UNSHARED, **more}


def differing(grant: dict[str, Any], position: int) -> dict[str, Any]:
    return {"principal": grant["principal"], "principal_type": "account", "difference": position}


def failed_row(name: str, error: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "error": error, "error_code": None, **more}


def run(
    region: str = HERE, *, label: str = "all", connection: str = "", registry_id: str | None = None
) -> dict[str, Any]:
    return {"connection": connection, "label": label, "region": region, "registry_id": registry_id}


def audit(
    *rows: dict[str, Any],
    region: str = HERE,
    registry_id: str | None = "123456789012",
    policy: dict[str, Any] | None = None,
) -> AuditAnswer:
    whole = {"repositories": rows, "principals": [], "registry_policy": policy or audits.registry_policy()}
    answer = {
        "rows_as_text": json.dumps(whole),
        "registry_id": registry_id,
        "region": region,
        "partition": "aws",
    }
    return AuditAnswer(**run(region), answer=answer)


def drifted(name: str, *granted: Any, revoked: Any = ()) -> dict[str, Any]:
    return {"name": name, "changed": True, "granted": list(granted), "revoked": list(revoked)}


def as_declared(name: str) -> dict[str, Any]:
    return {"name": name, "changed": False, "granted": [], "revoked": []}


def result(*rows: dict[str, Any], error: str | None = None, of: dict[str, Any] | None = None) -> dict[str, Any]:
    return {**(of or run()), "repositories": list(rows), "error": error}


def host(*audits: AuditAnswer, results: Any = (), name: str = "images", compared: bool = True) -> HostAudit:
    return HostAudit(name, audits, results, compared)


def reported(*hosts: HostAudit) -> dict[str, Any]:
    """By registry and region, its rows."""
    registries = json.loads(report(hosts, NOW))["registries"]
    return {f"{one['registry_id']} {one['region']}": one["repositories"] for one in registries}


def test_registries_keep_their_order_and_their_rows() -> None:
    text = report([host(audit(row("b"), row("a")), audit(row("c"), region=THERE))], NOW)
    registry = {
        "partition": "aws",
        "registry_id": "123456789012",
        "hosts": ["images"],
        "registry_policy": {**audits.registry_policy(), "share_views": []},
        "templates_read": None,
    }
    assert json.loads(text) == {
        "generated_at": NOW,
        "compared": True,
        "names": {},
        "findings": [],
        "not_looked_at": [],
        "registries": [
            {**registry, "region": HERE, "repositories": [reported_row("b"), reported_row("a")]},
            {**registry, "region": THERE, "repositories": [reported_row("c")]},
        ],
        "levels": [{**vars(level), "colours": list(level.colours)} for level in LEVELS],
        "views": [],
        "differences": [],
    }


def test_cells_name_the_view_of_all_shares_and_of_each() -> None:
    share = audits.share("111122223333", "account", "pull", 1)
    also = {**share, "access": [], "other_actions": ["ecr:StartImageScan"], "can_pull": False}
    text = report([host(audit(row("app", shares=[share, also]), row("web", shares=[share])))], NOW)
    whole = json.loads(text)
    app, web = (one["cells"] for one in whole["registries"][0]["repositories"])
    assert app == [{"shares": [0, 1], "view": 0, "share_views": [1, 2]}]
    assert web == [{"shares": [0], "view": 1, "share_views": [1]}]
    assert [view["words"] for view in whole["views"]] == ["pull and more", "pull", "other actions"]


class TestNames:
    def test_of_hosts_are_those_that_read_the_registry(self) -> None:
        hosts = [
            host(audit(row("app")), audit(row("app"), region=THERE), name="one"),
            host(audit(row("web")), name="two"),
            host(AuditAnswer(**run(label="us-east-1: *"), answer={"msg": "AccessDenied"}), name="three"),
        ]
        registries = json.loads(report(hosts, NOW))["registries"]
        assert [one["hosts"] for one in registries] == [["one", "two"], ["one"], ["three"]]

    def test_of_principals_findings_and_what_was_not_looked_at_are_as_they_were_given(self) -> None:
        given: dict[str, Any] = {
            "names": {"111122223333": "team"},
            "findings": [audits.finding("unread"), audits.finding("public", "*", "everyone", repository="app")],
            "not_looked_at": ["Policies of IAM."],
        }
        whole = json.loads(report([host(audit(row("app")))], NOW, **given))
        assert {name: whole[name] for name in given} == given


class TestDifferences:
    """What a difference says is tested with differences()."""

    PUBLIC = audits.finding("public", "*", "everyone", access=["pull"])

    def test_are_those_of_the_drift_and_the_findings_of_the_repository(self) -> None:
        everyone = audits.share("*", "everyone", "pull", 1)
        of_registry = audits.share("*", "everyone", "pull", statements=[audits.statement(1, policy="registry")])
        rows = [row("app", shares=[everyone]), row("web", shares=[everyone]), row("all", shares=[of_registry])]
        found = [{**self.PUBLIC, "repository": "app"}, self.PUBLIC, {**self.PUBLIC, "region": THERE}]
        text = report([host(audit(*rows), results=[result(drifted("web", TEAM))])], NOW, findings=found)
        whole = json.loads(text)
        assert [difference["words"] for difference in whole["differences"]] == [
            "more than declared: pull",
            "declared and missing: pull",
        ]
        app, web, every = (one["differing"] for one in whole["registries"][0]["repositories"])
        assert app == every == [{"principal": "*", "principal_type": "everyone", "difference": 0}]
        assert web == [{"principal": TEAM["principal"], "principal_type": "account", "difference": 1}]


class TestDrift:
    def test_is_in_the_row_of_its_repository_in_its_region(self) -> None:
        results = [result(drifted("app", TEAM), as_declared("web")), result(as_declared("app"), of=run(THERE))]
        rows = reported(host(audit(row("app"), row("web")), audit(row("app"), region=THERE), results=results))
        assert rows == {
            "123456789012 us-east-1": [
                reported_row("app", drift={"missing": [TEAM], "undeclared": []}, differing=[differing(TEAM, 0)]),
                reported_row("web"),
            ],
            "123456789012 eu-west-1": [reported_row("app")],
        }

    def test_is_that_of_all_batches(self) -> None:
        results = [result(drifted(name, revoked=[TEAM]), of=run(label=name)) for name in ("app", "web")]
        (rows,) = reported(host(audit(row("app"), row("web")), results=results)).values()
        assert [one["drift"] for one in rows] == [{"missing": [], "undeclared": [TEAM]}] * 2

    def test_of_several_hosts_adds_up(self) -> None:
        hosts = [
            host(audit(row("app")), results=[result(drifted("app", *grants))], name=name)
            for name, grants in {"one": [TEAM], "two": [TEAM, PARTNER]}.items()
        ]
        (rows,) = reported(*hosts).values()
        drift = {"missing": [TEAM, PARTNER], "undeclared": []}
        assert rows == [reported_row("app", drift=drift, differing=[differing(TEAM, 0), differing(PARTNER, 1)])]

    @pytest.mark.parametrize(("hosts", "compared"), [((False, False), False), ((False, True), True)])
    def test_is_known_if_one_host_was_compared(self, hosts: tuple[bool, ...], compared: bool) -> None:
        assert json.loads(report((host(compared=one) for one in hosts), NOW))["compared"] is compared


class TestRegistry:
    def test_that_several_hosts_read_is_there_once(self) -> None:
        hosts = host(audit(row("app"), row("web"))), host(audit(row("web"), row("cli")), name="two")
        assert reported(*hosts) == {"123456789012 us-east-1": [reported_row(name) for name in ("app", "web", "cli")]}

    @pytest.mark.parametrize("first_fails", [True, False])
    def test_that_one_host_could_not_read_has_what_the_other_read(self, first_fails: bool) -> None:
        hosts = [host(audit(row("app", public=True))), host(audit(failed_row("app", "no")), name="two")]
        (rows,) = reported(*(reversed(hosts) if first_fails else hosts)).values()
        assert rows == [reported_row("app", public=True)]

    @pytest.mark.parametrize("first_lacks", [True, False])
    def test_row_that_was_read_with_the_registry_policy_counts(self, first_lacks: bool) -> None:
        whole, own = row("app", registry_policy_read=True), row("app", registry_policy_read=False)
        hosts = [host(audit(whole)), host(audit(own), name="two")]
        (rows,) = reported(*(reversed(hosts) if first_lacks else hosts)).values()
        assert rows == [{**whole, **UNSHARED}]

    def test_row_that_was_read_alone_counts_more_than_a_failed_one(self) -> None:
        own = row("app", registry_policy_read=False)
        (rows,) = reported(host(audit(failed_row("app", "no")), audit(own))).values()
        assert rows == [{**own, **UNSHARED}]

    def test_that_nobody_could_read_says_why(self) -> None:
        failed = failed_row("app", "app: AccessDenied")
        assert reported(host(audit(failed)), host(audit(failed))) == {
            "123456789012 us-east-1": [{**failed, **UNSHARED}]
        }

    def test_that_cannot_be_listed_has_a_row(self) -> None:
        unlisted = AuditAnswer(**run(label="us-east-1: *"), answer={"msg": "AccessDenied"})
        assert reported(host(unlisted, audit(row("app"), region=THERE))) == {
            "images us-east-1": [failed_row("us-east-1: *", "AccessDenied", **UNSHARED)],
            "123456789012 eu-west-1": [reported_row("app")],
        }

    def test_whose_connection_failed_has_a_row(self) -> None:
        """The comparison and the audit have both failed, so the result is there twice."""
        other = run(connection="the role", registry_id="210987654321", label="us-east-1: *")
        failed = result(error="the role: no", of=other)
        assert reported(host(audit(row("app"), region=THERE), results=[failed, failed])) == {
            "123456789012 eu-west-1": [reported_row("app")],
            "210987654321 us-east-1": [failed_row("us-east-1: *", "the role: no", **UNSHARED)],
        }

    def test_that_was_read_in_spite_of_a_failed_comparison_has_no_row_for_that(self) -> None:
        assert reported(host(audit(row("app")), results=[result(error="throttled")])) == {
            "123456789012 us-east-1": [reported_row("app")]
        }

    def test_whose_owner_is_not_known_has_the_name_of_the_host(self) -> None:
        assert reported(host(audit(registry_id=None))) == {"images us-east-1": []}

    def test_lacks_the_repositories_that_may_be_missing(self) -> None:
        assert reported(host(audit(row("app"), {"name": "tool/*", "missing": True}))) == {
            "123456789012 us-east-1": [reported_row("app")]
        }


class TestRegistryPolicy:
    """What one registry allows on all of its repositories."""

    @staticmethod
    def of(*hosts: HostAudit) -> list[Any]:
        return [one["registry_policy"] for one in json.loads(report(hosts, NOW))["registries"]]

    def test_is_as_the_module_returned_it_with_the_view_of_each_share(self) -> None:
        arns = f"arn:aws:ecr:{HERE}:123456789012:repository/base/*", "*"
        policy = audits.registry_policy(
            audits.registry_share("333344445555", "account", "replicate create", 1, arns[0]),
            audits.registry_share("333344445555", "account", "pull", 2, *arns, conditions=[CONDITION]),
            policy={"Statement": []},
        )
        text = report([host(audit(row("app"), policy=policy))], NOW)
        (found,) = (one["registry_policy"] for one in json.loads(text)["registries"])
        views = json.loads(text)["views"]
        assert {name: value for name, value in found.items() if name != "share_views"} == policy
        # For which repositories a share is does not make it conditional.
        assert [views[position]["words"] for position in found["share_views"]] == [
            "replicate and create repositories",
            "pull, under a condition",
        ]

    @pytest.mark.parametrize("first_fails", [True, False])
    def test_that_one_run_has_read_wins(self, first_fails: bool) -> None:
        unread, read = audits.registry_policy(error="AccessDenied"), audits.registry_policy(policy_length=9)
        answers = [audit(row("app"), policy=read), audit(row("web"), policy=unread)]
        (found,) = self.of(host(*(reversed(answers) if first_fails else answers)))
        assert found == {**read, "share_views": []}

    def test_that_no_run_has_read_says_why(self) -> None:
        unread = audits.registry_policy(error="AccessDenied")
        (found,) = self.of(host(audit(policy=unread)), host(audit(policy=audits.registry_policy(error="later"))))
        assert found == {**unread, "share_views": []}

    def test_is_that_of_its_own_region(self) -> None:
        here, there = (audits.registry_policy(policy_length=length) for length in (1, 2))
        found = self.of(host(audit(policy=here), audit(policy=there, region=THERE)))
        assert [one["policy_length"] for one in found] == [1, 2]

    def test_is_null_where_no_run_came_so_far(self) -> None:
        assert self.of(host(AuditAnswer(**run(label="us-east-1: *"), answer={"msg": "AccessDenied"}))) == [None]


def test_text_is_of_ascii_whatever_a_policy_holds() -> None:
    """A file cannot hold half of a surrogate pair."""
    sid = "\ud800 </script> {{ 7 * 7 }} \u2028 é"
    text = report([host(audit(row("app", policy={"Statement": {"Sid": sid}})))], NOW)
    assert text.isascii()
    assert json.loads(text)["registries"][0]["repositories"][0]["policy"]["Statement"]["Sid"] == sid
