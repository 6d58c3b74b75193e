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
from ansible_collections.imageshare.aws.plugins.module_utils._runs.audit import run
from ansible_collections.imageshare.aws.plugins.module_utils._runs.backup_reader import doubts, find
from ansible_collections.imageshare.aws.plugins.module_utils._runs.options import AuditRequest
from ansible_collections.imageshare.aws.tests.support.builders import ACCOUNT, OTHER, root
from ansible_collections.imageshare.aws.tests.support.in_memory import OWNER, InMemory, Vanishing, Verbatim
from ansible_collections.imageshare.aws.tests.support.runs import allowing, text_of

POLICIES = {"web": text_of(allowing(root(ACCOUNT))), "base/go": text_of(allowing(root(OTHER))), "new": None}


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


def test_every_policy_is_saved_as_it_was_read_and_that_there_is_none(tmp_path: Path) -> None:
    result = run(request(tmp_path / "to" / "make"), Verbatim(POLICIES))
    saved = find(result.backup_path or "")
    assert {found.backup.name: found.backup.policy for found in saved} == POLICIES
    assert all(found.backup.written == found.backup.policy for found in saved)
    assert {(found.backup.registry_id, found.backup.region) for found in saved} == {(OWNER, "us-east-1")}
    (manifest,) = {found.manifest for found in saved}
    assert manifest is not None
    assert (manifest.kind, manifest.repositories, manifest.complete) == ("snapshot", 3, True)
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
    assert len(find(result.backup_path or "")) == 3


def test_what_cannot_be_read_is_not_in_it_and_it_says_so(tmp_path: Path) -> None:
    result = run(request(tmp_path), Unreadable(POLICIES))
    saved = find(result.backup_path or "")
    assert [found.backup.name for found in saved] == ["base/go", "new"]
    assert list(doubts(saved).values()) == ["its run failed for web"]
    assert "web" in result.message


def test_what_cannot_be_parsed_is_not_in_it_and_it_says_so(tmp_path: Path) -> None:
    """One file that is no backup would keep all the others from being restored."""
    result = run(request(tmp_path), Verbatim({**POLICIES, "web": '{"Statement": 5}'}))
    saved = find(result.backup_path or "")
    assert [found.backup.name for found in saved] == ["base/go", "new"]
    assert list(doubts(saved).values()) == ["its run failed for web"]


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
