# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible_collections.imageshare.aws.plugins.module_utils._role.audited import (
    AuditAnswer,
    AuditedRegistry,
    Declaration,
    HostAudit,
    audited,
)
from ansible_collections.imageshare.aws.tests.support import audits
from ansible_collections.imageshare.aws.tests.support.audited import grant, registries
from ansible_collections.imageshare.aws.tests.support.audits import repository
from ansible_collections.imageshare.aws.tests.support.builders import ACCOUNT, OTHER


def host(name: str, *answers: AuditAnswer, compared: bool = False, **result: Any) -> HostAudit:
    run = {name: getattr(answers[0], name) for name in ("connection", "region", "registry_id")}
    results = [{**run, "label": "all", "repositories": [], "error": None, **result}] if result else []
    return HostAudit(name, answers, results, compared)


def one(*hosts: HostAudit) -> AuditedRegistry:
    (registry,) = audited(hosts)
    return registry


def test_a_registry_has_all_of_its_hosts_and_each_repository_the_first_that_has_read_it() -> None:
    registry = one(
        host("one", audits.audit(repository("app"))), host("two", audits.audit(repository("app"), repository("web")))
    )
    assert registry.hosts == ("one", "two")
    assert [registry.host_of(name) for name in ("app", "web", None)] == ["one", "two", "one"]


def test_what_is_declared_is_that_of_all_runs_with_what_each_is_for() -> None:
    team, other = grant(ACCOUNT), grant(OTHER, repositories=["web"])
    answers = [
        replace(audits.audit(), grants=[team], repositories=("app",)),
        replace(audits.audit(), grants=[other, team]),
    ]
    assert one(host("one", answers[0]), host("two", answers[1])).declared == (
        Declaration(("app",), (team,)),
        Declaration((), (other, team)),
    )


def test_it_is_compared_if_one_of_its_hosts_is_and_says_why_others_are_not() -> None:
    hosts = [host("one", audits.audit(), compared=True), host("two", audits.audit(), error="throttled")]
    registry = one(*hosts)
    assert registry.compared
    assert registry.failures == ("throttled",)


def test_registries_of_other_regions_and_owners_are_others() -> None:
    known = audited([host("one", audits.audit(), audits.audit(region="eu-west-1"), audits.audit(registry_id=ACCOUNT))])
    assert len(known) == len({registry.key for registry in known}) == 3


def test_grants_of_a_run_that_failed_are_declared_all_the_same() -> None:
    failed = replace(audits.failed("AccessDenied"), grants=[grant(ACCOUNT)])
    assert one(host("one", failed)).declared == (Declaration((), (grant(ACCOUNT),)),)


def test_rows_keep_what_is_not_as_declared() -> None:
    drift = {"name": "app", "changed": True, "granted": [], "revoked": []}
    ((row,),) = (registry.rows for registry in registries(repository("app"), drift=[drift]))
    assert row["drift"] == {"missing": [], "undeclared": []}
