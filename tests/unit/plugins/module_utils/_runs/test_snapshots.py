# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An audit saves every policy that it reads as a snapshot, if that is asked for, and is the same audit."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._iam.principals import Principal, PrincipalType
from ansible_collections.imageshare.aws.plugins.module_utils._registry import EcrError, StoredPolicy
from ansible_collections.imageshare.aws.plugins.module_utils._runs.audit import AuditRunResult, run
from ansible_collections.imageshare.aws.plugins.module_utils._runs.backup_reader import doubts, find
from ansible_collections.imageshare.aws.plugins.module_utils._runs.options import AuditRequest
from ansible_collections.imageshare.aws.tests.support.builders import ACCOUNT, OTHER, root
from ansible_collections.imageshare.aws.tests.support.in_memory import OWNER, InMemory, Vanishing, Verbatim
from ansible_collections.imageshare.aws.tests.support.runs import allowing, text_of

POLICIES = {"web": text_of(allowing(root(ACCOUNT))), "base/go": text_of(allowing(root(OTHER))), "new": None}
REGISTRY = "registry policy"
OF_REGISTRY = text_of({**allowing(root(OTHER)), "Resource": "*"})
TEMPLATES = {
    "ROOT": {"appliedFor": ["CREATE_ON_PUSH"], "repositoryPolicy": POLICIES["web"]},
    "services": {"appliedFor": ["REPLICATION"], "repositoryPolicy": None},
}


def request(folder: Path | None, *repositories: str, **changes: Any) -> AuditRequest:
    asked: dict[str, Any] = {"principal": None, "include_policy": False, "missing_ok": False, "concurrency": 4}
    directory = None if folder is None else str(folder)
    return AuditRequest(repositories=repositories or ("*",), backup_dir=directory, **{**asked, **changes})


class Unreadable(Verbatim):
    """A registry of which one policy cannot be read."""

    def read(self, name: str) -> StoredPolicy:
        if name == "web":
            raise EcrError("could not read the policy", "AccessDeniedException")
        return super().read(name)


def names(result: AuditRunResult) -> list[str]:
    return [found.backup.name for found in find(result.backup_path or "")]


def test_every_policy_is_saved_as_it_was_read_and_that_there_is_none(tmp_path: Path) -> None:
    result = run(request(tmp_path / "to" / "make"), Verbatim(POLICIES, registry_policy=OF_REGISTRY))
    saved = find(result.backup_path or "")
    assert {found.backup.name: found.backup.policy for found in saved} == {**POLICIES, REGISTRY: OF_REGISTRY}
    assert all(found.backup.written == found.backup.policy for found in saved)
    assert {(found.backup.registry_id, found.backup.region) for found in saved} == {(OWNER, "us-east-1")}
    (manifest,) = {found.manifest for found in saved}
    assert manifest is not None
    assert (manifest.kind, manifest.repositories, manifest.complete) == ("snapshot", 4, True)
    assert (doubts(saved), result.backup_trouble) == ({}, None)


def test_it_is_the_same_audit_at_the_same_cost(tmp_path: Path) -> None:
    saving, other = Verbatim(POLICIES), Verbatim(POLICIES)
    saved = run(request(tmp_path, concurrency=1), saving)
    assert saving.written == []
    assert saving.journal.count(("read", "web")) == 1
    assert replace(saved, backup_path=None) == run(request(None, concurrency=1), other)
    assert {call for call in saving.journal if call[0] != "owner"} == set(other.journal) - {("owner",)}


def test_those_that_an_audit_is_not_about_are_saved_as_well(tmp_path: Path) -> None:
    result = run(request(tmp_path, principal=Principal(PrincipalType.ACCOUNT, OTHER, OTHER)), Verbatim(POLICIES))
    assert [row.name for row in result.results] == ["base/go"]
    assert names(result) == ["base/go", "new", "web"]


def test_what_cannot_be_read_is_not_in_it_and_it_says_so(tmp_path: Path) -> None:
    result = run(request(tmp_path), Unreadable(POLICIES))
    assert names(result) == ["base/go", "new"]
    assert list(doubts(find(result.backup_path or "")).values()) == ["its run failed for web"]
    assert "web" in result.message


def test_what_cannot_be_parsed_is_not_in_it_and_it_says_so(tmp_path: Path) -> None:
    """One file that is no backup would keep all the others from being restored."""
    result = run(request(tmp_path), Verbatim({**POLICIES, "web": '{"Statement": 5}'}))
    assert names(result) == ["base/go", "new"]
    assert list(doubts(find(result.backup_path or "")).values()) == ["its run failed for web"]


def test_a_policy_of_the_registry_that_cannot_be_parsed_is_not_in_it_and_it_says_so(tmp_path: Path) -> None:
    result = run(request(tmp_path), Verbatim(POLICIES, registry_policy='{"Statement": 5}'))
    assert names(result) == ["base/go", "new", "web"]
    assert list(doubts(find(result.backup_path or "")).values()) == ["its run failed for registry policy"]
    assert result.message.startswith("registry policy: the policy could not be parsed: ")


def test_a_policy_of_the_registry_that_cannot_be_read_is_not_in_it_and_the_result_says_so(tmp_path: Path) -> None:
    result = run(request(tmp_path), Verbatim(POLICIES, registry_policy=EcrError("no", "AccessDeniedException")))
    assert names(result) == ["base/go", "new", "web"]
    assert list(doubts(find(result.backup_path or "")).values()) == [f"its run failed for {REGISTRY}"]
    assert (result.failures, result.registry_policy["read"], result.registry_policy["error"]) == ((), False, "no")


def test_that_the_registry_has_no_policy_is_not_in_it_so_that_none_is_deleted_by_it(tmp_path: Path) -> None:
    assert names(run(request(tmp_path), Verbatim(POLICIES))) == ["base/go", "new", "web"]


@pytest.mark.parametrize("wanted", [("web", "base/go", "new"), ("*", "web")], ids=["names", "a pattern and a name"])
def test_whoever_names_repositories_has_a_snapshot_of_them_alone(wanted: tuple[str, ...], tmp_path: Path) -> None:
    result = run(request(tmp_path, *wanted), Verbatim(POLICIES, registry_policy=OF_REGISTRY))
    assert names(result) == ["base/go", "new", "web"]


def test_templates_are_in_it_if_they_are_asked_for(tmp_path: Path) -> None:
    result = run(request(tmp_path, include_templates=True), Verbatim({}, templates=TEMPLATES))
    saved = {found.backup.name: found.backup.policy for found in find(result.backup_path or "")}
    assert saved == {"template ROOT": POLICIES["web"], "template services": None}
    assert names(run(request(tmp_path, "new", include_templates=False), Verbatim(POLICIES, templates=TEMPLATES))) == [
        "new"
    ]


def test_a_template_that_cannot_be_parsed_is_not_in_it_and_it_says_so(tmp_path: Path) -> None:
    broken = {**TEMPLATES, "services": {"appliedFor": [], "repositoryPolicy": "{"}}
    result = run(request(tmp_path, include_templates=True), Verbatim(POLICIES, templates=broken))
    assert names(result) == ["base/go", "new", "template ROOT", "web"]
    assert list(doubts(find(result.backup_path or "")).values()) == ["its run failed for template services"]
    assert result.message.startswith("template services: the policy could not be parsed: ")


def test_a_repository_that_was_deleted_meanwhile_is_not_missed(tmp_path: Path) -> None:
    class Deleted(Verbatim):
        def read(self, name: str) -> StoredPolicy:
            self.policies.pop("web", None)
            return super().read(name)

    result = run(request(tmp_path, missing_ok=True), Deleted(POLICIES))
    assert doubts(find(result.backup_path or "")) == {}


def test_what_cannot_be_saved_fails(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = run(request(tmp_path / "file"), InMemory(POLICIES))
    assert result.backup_path is None
    assert all("could not save a backup of its policy" in (row.error or "") for row in result.results)
    assert all("So it is not in the snapshot. Check backup_dir." in (row.error or "") for row in result.results)


def test_a_policy_of_the_registry_or_of_a_template_that_cannot_be_saved_fails(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    registry = Verbatim({}, registry_policy=OF_REGISTRY, templates=TEMPLATES)
    result = run(request(tmp_path / "file", include_templates=True), registry)
    assert result.backup_path is None
    assert [told.partition(": ")[0] for told in result.failures] == ["template ROOT", "template services", REGISTRY]
    assert all("could not save a backup of its policy" in told for told in result.failures)


@pytest.mark.parametrize("registry", [InMemory({}), Vanishing({})], ids=["empty", "vanishing"])
def test_where_there_is_nothing_to_save_nothing_is_made(registry: InMemory, tmp_path: Path) -> None:
    assert run(request(tmp_path / "backups"), registry).backup_path is None
    assert os.listdir(tmp_path) == []


def test_whose_the_registry_is_must_be_known(tmp_path: Path) -> None:
    class Unknown(InMemory):
        whose = None

        def owner(self) -> str:
            raise EcrError("could not determine the registry ID. Set registry_id")

    result = run(request(tmp_path / "backups"), Unknown(POLICIES))
    assert all((row.error or "").endswith("Set registry_id") for row in result.results)
    assert os.listdir(tmp_path) == []
