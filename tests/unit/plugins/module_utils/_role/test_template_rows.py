# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Repositories to come in what the role tells: templates beside repositories, and what is declared for registries."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any, ClassVar

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._role.answers import ReadRegistry, answer, offboarded
from ansible_collections.imageshare.aws.plugins.module_utils._role.audit_text import audit_lines
from ansible_collections.imageshare.aws.plugins.module_utils._role.audited import (
    AuditedRegistry,
    Declaration,
    HostAudit,
    audited,
)
from ansible_collections.imageshare.aws.plugins.module_utils._role.exceptions import read_accepted
from ansible_collections.imageshare.aws.plugins.module_utils._role.findings import findings, not_looked_at
from ansible_collections.imageshare.aws.plugins.module_utils._role.junit import junit
from ansible_collections.imageshare.aws.plugins.module_utils._role.markdown import markdown
from ansible_collections.imageshare.aws.plugins.module_utils._role.report import report
from ansible_collections.imageshare.aws.plugins.module_utils._role.snapshot_text import saved_lines
from ansible_collections.imageshare.aws.plugins.module_utils._role.template_rows import (
    concerns,
    is_for,
    place_matches,
    template_rows,
)
from ansible_collections.imageshare.aws.tests.support import audits
from ansible_collections.imageshare.aws.tests.support.audited import change, drifted, grant, registries
from ansible_collections.imageshare.aws.tests.support.audits import repository, share, template
from ansible_collections.imageshare.aws.tests.support.builders import ACCOUNT, OTHER, OWNER
from ansible_collections.imageshare.aws.tests.support.report_schema import VALIDATOR

TODAY, NOW = date(2026, 11, 26), "2026-11-26T06:30:00Z"
PULL = share(ACCOUNT, "account", "pull", 1)
NOT_READ = "could not list the creation templates: AccessDenied"


def told(known: Sequence[AuditedRegistry], accepted: Sequence[Any] = ()) -> list[str]:
    """Each finding in a line: whether it is accepted, kind, where, who and what."""
    entries = read_accepted("ecr_share_accepted", list(accepted))
    return [
        " ".join(
            filter(None, (one.accepted and "accepted", one.kind, one.repository or "registry", one.principal, one.what))
        )
        for one in findings(known, entries, TODAY, {})
    ]


def for_templates(*grants: Any, templates: Sequence[str] = ("*",)) -> Declaration:
    return Declaration((), grants, "templates", tuple(templates))


def for_registry(*grants: Any) -> Declaration:
    return Declaration((), grants, "registry")


class TestDeclared:
    @pytest.mark.parametrize(
        ("beyond", "expected"),
        [
            pytest.param([], ["undeclared"], id="by nothing"),
            pytest.param([for_templates(grant(ACCOUNT))], [], id="for all templates"),
            pytest.param([for_templates(grant(ACCOUNT), templates=["serv*"])], [], id="for this template"),
            pytest.param([for_templates(grant(ACCOUNT), templates=["web"])], ["undeclared"], id="for another template"),
            pytest.param([for_templates(grant(OTHER))], ["undeclared"], id="for another account"),
            pytest.param([for_templates(grant(ACCOUNT, access="push"))], ["excess"], id="for another access"),
            pytest.param([for_templates(grant(ACCOUNT, repositories=["services/*"]))], [], id="for what it is for"),
            pytest.param(
                [for_templates(grant(ACCOUNT, repositories=["services/web*"]))], ["undeclared"], id="for a part of it"
            ),
            pytest.param([for_registry(grant(ACCOUNT))], [], id="for the whole registry"),
            pytest.param(
                [for_registry(grant(ACCOUNT, repositories=["services/web"]))],
                ["undeclared"],
                id="for a part of it in the registry",
            ),
        ],
    )
    def test_in_a_template_is_what_is_for_all_that_it_is_for(
        self, beyond: list[Declaration], expected: list[str]
    ) -> None:
        known = registries(templates=[template("services", PULL)], beyond=beyond)
        assert told(known) == [f"{kind} template services {ACCOUNT} pull" for kind in expected]

    @pytest.mark.parametrize(
        ("patterns", "expected"),
        [
            (None, []),
            (["services/*"], []),
            (["*web"], []),
            (["services/?eb"], []),
            (["services"], [f"undeclared services/web {ACCOUNT} pull"]),
        ],
    )
    def test_in_a_repository_is_also_what_is_for_its_registry(
        self, patterns: list[str] | None, expected: list[str]
    ) -> None:
        declared = for_registry(grant(ACCOUNT, **({} if patterns is None else {"repositories": patterns})))
        assert told(registries(repository("services/web", PULL), beyond=[declared])) == expected

    def test_in_a_repository_is_not_what_is_for_templates(self) -> None:
        known = registries(repository("services/web", PULL), beyond=[for_templates(grant(ACCOUNT))])
        assert told(known) == [f"undeclared services/web {ACCOUNT} pull"]

    def test_of_repositories_is_not_for_templates(self) -> None:
        known = registries(templates=[template("services", PULL)], grants=[grant(ACCOUNT)])
        assert told(known) == [f"undeclared template services {ACCOUNT} pull"]

    @pytest.mark.parametrize(
        ("beyond", "expected"),
        [
            ([for_registry(grant(ACCOUNT, repositories=["coming/*"]))], []),
            ([for_templates(grant(ACCOUNT))], [f"undeclared registry {ACCOUNT} pull"]),
        ],
    )
    def test_in_the_policy_of_a_registry_is_what_is_for_it(
        self, beyond: list[Declaration], expected: list[str]
    ) -> None:
        arn = f"arn:aws:ecr:us-east-1:{OWNER}:repository/coming/*"
        policy = audits.registry_policy(audits.registry_share(ACCOUNT, "account", "pull", 1, arn))
        assert told(registries(policy=policy, beyond=beyond)) == expected


class TestDrift:
    def test_of_templates_is_as_of_repositories(self) -> None:
        known = registries(
            templates=[template("services")], drift=[drifted("template services", [change(ACCOUNT, "pull")])]
        )
        assert told(known) == [f"drift template services {ACCOUNT} lacks pull"]

    def test_of_the_policy_of_a_registry_says_for_what(self) -> None:
        granted = {**change(ACCOUNT, "pull"), "repositories": ["services/*"]}
        everywhere = {**change(ACCOUNT, "pull"), "repositories": ["*"]}
        drift = drifted("registry policy", [granted, everywhere], [{**change(OTHER, "push"), "repositories": ["old"]}])
        found = findings(registries(drift=[drift]), (), TODAY, {})
        assert [(one.repository, one.message) for one in found] == [
            (None, f"{ACCOUNT} lacks pull by the registry policy for *, which is declared for it"),
            (None, f"{ACCOUNT} lacks pull by the registry policy for services/*, which is declared for it"),
            (
                None,
                f"{OTHER} has push by the registry policy for old by managed statements, which is not declared for it",
            ),
        ]

    def test_that_several_hosts_have_in_one_registry_adds_up(self) -> None:
        policies = [{**change(who, "pull"), "repositories": ["*"]} for who in (ACCOUNT, OTHER)]
        hosts = []
        for host, granted in zip(("a", "b"), policies, strict=True):
            read = replace(audits.audit(), beyond=[for_registry(grant(granted["principal"]))])
            run = {"connection": read.connection, "region": read.region, "registry_id": read.registry_id}
            results = [{**run, "label": "", "error": None, "repositories": [drifted("registry policy", [granted])]}]
            hosts.append(HostAudit(host, [read], results, compared=True))
        assert told(audited(hosts)) == [f"drift registry {who} lacks pull" for who in (ACCOUNT, OTHER)]


class TestUnread:
    """Templates that could not be read."""

    def test_are_one_finding_and_one_sentence(self) -> None:
        known = registries(repository("app"), templates=NOT_READ)
        (found,) = findings(known, (), TODAY, {})
        assert (found.kind, found.repository) == ("unread", "template *")
        assert found.message == f"templates could not be read: {NOT_READ}"
        (sentence,) = not_looked_at(known)
        assert sentence.endswith("the creation templates were not read, and repositories to come may let in others")

    def test_are_none_where_another_host_could_read_them(self) -> None:
        reads = [
            replace(audits.audit(templates=one), grants=[grant(OTHER)]) for one in (NOT_READ, [template("web", PULL)])
        ]
        known = audited(HostAudit(host, [read], [], compared=True) for host, read in zip("ab", reads, strict=True))
        assert told(known) == [f"undeclared template web {ACCOUNT} pull"]
        assert not_looked_at(known) == ()

    def test_are_not_claimed_to_be_read_where_nobody_asked(self) -> None:
        known = registries(repository("app"))
        assert (told(known), not_looked_at(known)) == ([], ())


@pytest.mark.parametrize(
    ("repositories", "accepted"),
    [
        (None, ["app", "template ROOT", "template web", "registry"]),
        (["*"], ["app"]),
        (["template *"], ["template ROOT", "template web"]),
        (["template web"], ["template web"]),
        (["registry policy"], ["registry"]),
        (["app", "template ROOT"], ["app", "template ROOT"]),
    ],
)
def test_exceptions_name_templates_and_the_registry_policy_as_rows_do(
    repositories: list[str] | None, accepted: list[str]
) -> None:
    policy = audits.registry_policy(audits.registry_share(ACCOUNT, "account", "push", 1))
    known = registries(
        repository("app", PULL), templates=[template("ROOT", PULL), template("web", PULL)], policy=policy
    )
    entry = {
        "principal": ACCOUNT,
        "reason": "known",
        **({} if repositories is None else {"repositories": repositories}),
    }
    lines = told(known, [entry])
    found = [
        name
        for name in ("app", "template ROOT", "template web", "registry")
        for line in lines
        if f" {name} " in line and line.startswith("accepted")
    ]
    assert found == accepted
    assert len([line for line in lines if not line.startswith("exception")]) == 4


class TestFiles:
    """Templates in the files and lines of an audit."""

    KNOWN = registries(
        repository("app", PULL),
        repository("web", PULL),
        templates=[template("ROOT", PULL), template("services", PULL)],
        drift=[drifted("registry policy", [{**change(OTHER, "pull"), "repositories": ["*"]}])],
    )
    FOUND = findings(KNOWN, (), TODAY, {})

    def test_a_line_names_them_behind_the_repositories(self) -> None:
        lines = audit_lines(self.FOUND, self.KNOWN, ())
        assert lines[0] == (
            f"undeclared        {ACCOUNT} pull: 2 repositories, 2 templates: *, template ROOT, template services "
            f"(images {OWNER} us-east-1)"
        )
        assert lines[1] == f"drift             {OTHER} lacks pull: the registry policy (images {OWNER} us-east-1)"
        assert lines[2] == f"images {OWNER} us-east-1: 2 repositories, 2 templates, 1 principal, 5 findings"

    def test_a_pull_request_counts_them(self) -> None:
        written = markdown(self.FOUND, self.KNOWN, (), NOW)
        assert "in 2 repositories, 2 templates." in written
        assert "`template ROOT`" in written

    def test_a_build_server_has_a_case_for_each(self) -> None:
        written = junit(self.FOUND, self.KNOWN, ["undeclared"], NOW)
        assert all(f'name="template {prefix}"' in written for prefix in ("ROOT", "services"))
        assert 'tests="5" failures="4"' in written

    @pytest.mark.parametrize("templates", [[template("ROOT", PULL)], NOT_READ, None])
    def test_the_report_is_as_described(self, templates: Any) -> None:
        known = registries(
            repository("app"),
            templates=templates,
            drift=[drifted("registry policy", [{**change(OTHER, "pull"), "repositories": ["*"]}])],
        )
        found = [one.to_dict() for one in findings(known, (), TODAY, {})]
        text = json.loads(report(known, NOW, compared=True, findings=found))
        VALIDATOR.validate(text)
        (registry,) = text["registries"]
        assert [row["name"] for row in registry["repositories"]] == {
            list: ["app", "template ROOT"],
            str: ["app", "template *"],
            type(None): ["app"],
        }[type(templates)]
        assert registry["registry_policy"]["drift"]["missing"][0]["repositories"] == ["*"]


def read(templates: Any, *rows: dict[str, Any], principal: str | None = ACCOUNT) -> ReadRegistry:
    found = audits.of_templates(templates)
    return ReadRegistry(
        "images us-east-1",
        principal,
        [*rows, *template_rows(found)],
        audits.registry_policy(),
        None,
        found["templates_read"],
    )


class TestAnswers:
    EXISTING: ClassVar = {"images us-east-1": ("app",)}
    IN = template("services", {**PULL, "matches": "exact"})

    def asked(self, registry: ReadRegistry, *principals: str) -> tuple[str, ...]:
        return answer([registry], asked=principals, access=(), names={}, existing=self.EXISTING)

    def out(self, registry: ReadRegistry) -> tuple[str, bool]:
        """The last line, and whether the role fails."""
        judged = offboarded(
            {"images": [registry]},
            principals=[ACCOUNT],
            still_named=[],
            names={},
            existing=self.EXISTING,
            check_mode=False,
        )
        return judged.lines[-1].split(" (")[0], bool(judged.failures)

    def test_name_templates(self) -> None:
        registry = read([self.IN], repository("app", {**PULL, "matches": "exact"}))
        assert self.asked(registry, ACCOUNT)[0] == (
            f"+ {ACCOUNT} pull: 1 repository, 1 template: app, template services in images us-east-1"
        )

    def test_count_templates(self) -> None:
        registry = read([template("services", PULL), template("ROOT")], repository("app"), principal=None)
        assert self.asked(registry)[-1] == "1 principal in 1 repository, 2 templates (1 registry was looked at)"

    def test_say_that_templates_were_not_read(self) -> None:
        assert self.asked(read(NOT_READ), ACCOUNT) == (
            f"? not read, so somebody may get in by it: images us-east-1: the creation templates: {NOT_READ}",
            f"{ACCOUNT} gets in nowhere that was read (1 registry was looked at)",
        )

    @pytest.mark.parametrize(
        ("templates", "last", "fails"),
        [
            ([template("services")], f"{ACCOUNT} is out", False),
            ([IN], f"{ACCOUNT} still gets in", True),
            (NOT_READ, f"{ACCOUNT} is out as far as could be read", True),
        ],
    )
    def test_call_nobody_out_whom_a_template_lets_in_or_may(self, templates: Any, last: str, fails: bool) -> None:
        assert self.out(read(templates)) == (last, fails)


@pytest.mark.parametrize(
    ("templates", "whole", "expected"),
    [
        ([template("ROOT")], True, ["images: 3 policies saved (1 repository, 1 registry policy, 1 template), in /srv"]),
        (
            NOT_READ,
            True,
            [
                "images: 2 policies saved (1 repository, 1 registry policy), in /srv",
                f"! images: the creation templates could not be read, so that no run can put that back: {NOT_READ}",
            ],
        ),
        ([], False, ["images: 1 policies saved (1 repository), in /srv"]),
    ],
)
def test_a_snapshot_tells_what_it_has_and_what_it_has_not(templates: Any, whole: bool, expected: list[str]) -> None:
    found = {
        "repositories": [repository("app"), {"name": "web", "error": "no"}],
        "registry_policy": audits.registry_policy(),
        **audits.of_templates(templates),
    }
    assert list(saved_lines("images", found, "/srv", whole=whole, check_mode=False)) == expected


@pytest.mark.parametrize(
    ("patterns", "prefix", "whole", "some"),
    [
        (None, "services", True, None),
        (["*"], "ROOT", True, True),
        (["services/*"], "services", True, True),
        (["services/*"], "services/", True, True),
        (["services/*"], "services/web", True, True),
        (["services/*"], "ROOT", False, True),
        (["services/web"], "services", False, True),
        (["a", "serv*"], "services", True, True),
        (["services"], "services", False, False),
        (["base/*"], "services", False, False),
        (["[st]ervices/*"], "services", False, True),
    ],
)
def test_patterns_are_for_all_or_some_that_a_template_is_for(
    patterns: list[str] | None, prefix: str, whole: bool, some: bool | None
) -> None:
    assert is_for(patterns, prefix) is whole
    if patterns is not None:
        assert concerns(patterns, prefix) is some


@pytest.mark.parametrize(
    ("texts", "name", "found"),
    [
        (["*"], "app", True),
        (["*"], "template app", False),
        (["*"], "registry policy", False),
        (["template *"], "template app", True),
        (["template *"], "app", False),
        (["registry policy"], "registry policy", True),
    ],
)
def test_patterns_of_places_are_for_their_kind(texts: list[str], name: str, found: bool) -> None:
    assert place_matches(texts, name) is found
