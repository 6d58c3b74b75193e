# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that shares by the policy of a registry, against a registry in memory that treats policies as AWS does.

What every run does that writes is in test_share.py and test_policy_writes.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._iam.document import PolicyComparison
from ansible_collections.imageshare.aws.plugins.module_utils._registry import EcrError, StoredPolicy
from ansible_collections.imageshare.aws.plugins.module_utils._runs.backup_reader import find
from ansible_collections.imageshare.aws.plugins.module_utils._runs.options import Request
from ansible_collections.imageshare.aws.plugins.module_utils._runs.share_registry import RegistryRunResult, run
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.grants import Grant
from ansible_collections.imageshare.aws.tests.support.builders import (
    ACCOUNT,
    DELETED_ROLE,
    ORGANIZATION,
    OTHER,
    OTHER_ROOT,
    OWNER,
    PULL,
    ROLE,
    ROOT,
    allow,
    deny,
    grant,
    root,
    statement,
)
from ansible_collections.imageshare.aws.tests.support.in_memory import InMemory, Verbatim
from ansible_collections.imageshare.aws.tests.support.runs import change, to_share

LABEL = "registry policy"
REPOSITORIES = f"arn:aws:ecr:us-east-1:{OWNER}:repository/"
SERVICES = (grant(ACCOUNT, repositories=["services/*"]),)


def of(*statements: Mapping[str, Any], pattern: str | None = None) -> str:
    """The text of a registry policy: of these statements, all for one pattern if there is one."""
    own = {} if pattern is None else {"Resource": f"{REPOSITORIES}{pattern}"}
    return json.dumps({"Version": "2012-10-17", "Statement": [{**one, **own} for one in statements]})


def pulling(*names: str, sid: str = "AllowPull") -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Principal": {"AWS": list(names)}, "Action": list(PULL)}


REPLICATION = {
    **allow(OTHER_ROOT, Sid="ReplicationFromTheHub", Action=["ecr:CreateRepository", "ecr:ReplicateImage"]),
    "Resource": f"{REPOSITORIES}*",
}
SHARED = of(pulling(ROOT), pattern="services/*")


def to(*grants: Grant, **changes: Any) -> Request:
    return to_share(LABEL, grants=grants or SERVICES, **changes)


def row(result: RegistryRunResult) -> dict[str, Any]:
    """What the task returns of the registry, without the policy."""
    found: dict[str, Any] = result.to_dict(diff=False, include_policy=False)["registry"]
    return found


def stored(registry: InMemory) -> Any:
    text = registry.policy_of_registry().read().text
    return None if text is None else json.loads(text)


def gained(principal: str, *access: str, pattern: str = "services/*") -> dict[str, Any]:
    return {**change(principal, *access), "repositories": [pattern]}


# --- what is done, and foretold ---


@pytest.mark.parametrize("policy", [None, of(REPLICATION)], ids=["no policy", "a policy of others"])
def test_grants_join_what_is_there(policy: str | None) -> None:
    registry = InMemory({}, registry_policy=policy)
    result = run(to(), registry)
    assert row(result) == {
        "registry_id": OWNER,
        "region": "us-east-1",
        "name": LABEL,
        "changed": True,
        "granted": [gained(ACCOUNT)],
        "revoked": [],
        "warnings": [],
    }
    before = [] if policy is None else [REPLICATION]
    written = {**pulling(ROOT), "Principal": {"AWS": ROOT}, "Resource": f"{REPOSITORIES}services/*"}
    assert PolicyComparison("aws").equal(stored(registry), {"Version": "2012-10-17", "Statement": [*before, written]})
    assert (result.message, result.warnings) == ("", ())


# Of each, the policy before and what is asked.
RUNS: dict[str, tuple[str | None, Request]] = {
    "no policy": (None, to()),
    "no policy, and nobody to take out": (None, to(sharing=False)),
    "a policy of others": (of(REPLICATION), to()),
    "shared already": (SHARED, to()),
    "more access": (SHARED, to(grant(ACCOUNT, ["pull", "push"], repositories=["services/*"]))),
    "another pattern": (SHARED, to(grant(ACCOUNT))),
    "several patterns": (SHARED, to(grant(ACCOUNT, repositories=["services/*", "base"]), grant(ORGANIZATION))),
    "purge_grants": (of(pulling(ROOT, OTHER_ROOT, root(OWNER)), pattern="base"), to(purge_grants=True)),
    "the last principal leaves": (SHARED, to(sharing=False)),
    "one of two patterns is left": (
        of(*({**pulling(ROOT), "Resource": f"{REPOSITORIES}{one}"} for one in ("services/*", "base"))),
        to(sharing=False),
    ),
    "nobody leaves": (of(REPLICATION), to(sharing=False)),
    "taken out of what others wrote": (of(REPLICATION), to(grant(OTHER), sharing=False, revoke_unmanaged=True)),
    "an orphan is pruned": (of(pulling(DELETED_ROLE, ROOT), pattern="*"), to(purge_deleted_principals=True)),
    "a broken policy": ("{", to()),
}


@pytest.mark.parametrize(("policy", "asked"), RUNS.values(), ids=RUNS.keys())
def test_a_dry_run_writes_nothing_and_foretells_the_row_and_the_diff(policy: str | None, asked: Request) -> None:
    # Verbatim, because a run that writes reads once more, and AWS answers principals in any order.
    dry = Verbatim({}, registry_policy=policy)
    foretold = run(replace(asked, check_mode=True, diff=True), dry)
    assert dry.written == []
    done = run(replace(asked, diff=True), Verbatim({}, registry_policy=policy))
    assert foretold == done
    diffs = done.to_dict(diff=True, include_policy=False)["diff"]
    assert [diff["before_header"] for diff in diffs] == [LABEL] * done.changed


@pytest.mark.parametrize(("policy", "asked"), RUNS.values(), ids=RUNS.keys())
def test_a_second_run_changes_nothing_writes_nothing_and_asks_for_no_scope(policy: str | None, asked: Request) -> None:
    registry = InMemory({}, registry_policy=policy)
    run(asked, registry)
    registry.journal.clear()
    second = run(asked, registry)
    assert not second.changed
    assert registry.written == []
    assert ("registry_policy_scope",) not in registry.journal


def test_a_write_is_one_and_is_looked_at_afterwards() -> None:
    registry = InMemory({}, registry_policy=SHARED)
    run(to(sharing=False), registry)
    calls = [call[0] for call in registry.journal if call[0] != "owner"]
    assert calls == ["read", "delete", "pause", "read"]


def test_taking_out_of_patterns_leaves_what_they_do_not_include() -> None:
    patterns = ("services/*", "services/web", "*/web", "*")
    registry = InMemory({}, registry_policy=of(*({**pulling(ROOT), "Resource": REPOSITORIES + p} for p in patterns)))
    found = row(run(to(sharing=False), registry))
    assert found["revoked"] == [gained(ACCOUNT, pattern=pattern) for pattern in patterns[:2]]
    assert [one["Resource"].removeprefix(REPOSITORIES) for one in stored(registry)["Statement"]] == ["*/web", "*"]


def test_a_principal_of_several_grants_leaves_the_patterns_of_each() -> None:
    patterns = ("services/*", "base", "team/*")
    registry = InMemory({}, registry_policy=of(*({**pulling(ROOT), "Resource": REPOSITORIES + p} for p in patterns)))
    run(to(*SERVICES, grant(ACCOUNT, repositories=["b*"]), grant(OTHER), sharing=False), registry)
    assert [one["Resource"] for one in stored(registry)["Statement"]] == [f"{REPOSITORIES}team/*"]


# --- what is told ---


def test_changes_have_patterns_and_what_is_revoked_comes_first() -> None:
    others = {**allow(ROOT, Action=["ecr:ReplicateImage"], Sid="theirs"), "Resource": "*"}
    registry = InMemory({}, registry_policy=of(others, {**pulling(ROOT), "Resource": f"{REPOSITORIES}base"}))
    grants = (grant(ACCOUNT, ["pull", "describe"], repositories=["services/*"]), grant(ROLE))
    result = run(to(*grants, revoke_unmanaged=True), registry).to_dict(diff=False, include_policy=False)
    told = [
        (one["change"], one["principal"], one["access"], one["other_actions"], one["repositories"])
        for one in result["changes"]
    ]
    assert told == [
        ("revoked", ACCOUNT, ["pull"], [], ["base"]),
        ("revoked", ACCOUNT, [], ["ecr:ReplicateImage"], ["*"]),
        ("granted", ACCOUNT, ["pull", "describe"], [], ["services/*"]),
        ("granted", ROLE, ["pull"], [], ["*"]),
    ]
    assert {one["policy"] for one in result["changes"]} == {"registry"}
    assert result["registry"]["revoked_actions"] == [
        {"principal": ACCOUNT, "actions": ["ecr:ReplicateImage"], "repositories": ["*"]}
    ]
    assert result.keys() == {"changed", "registry", "changes"}


@pytest.mark.parametrize("include_policy", [True, False])
def test_the_policy_is_in_the_row_if_it_is_asked_for(include_policy: bool) -> None:
    result = run(to(include_policy=include_policy), InMemory({}))
    assert ("policy" in result.to_dict(diff=False, include_policy=include_policy)["registry"]) is include_policy


# Of each: a statement of somebody else, and the warning about it: kind, whether certain, and whom it names.
WARNED: dict[str, tuple[dict[str, Any], tuple[str, bool, tuple[str, ...]] | None]] = {
    "open to everybody": ({**statement(), "Resource": "*"}, ("public", True, ("*",))),
    "open to everybody, for a pattern": (
        {**statement(), "Resource": f"{REPOSITORIES}base/*"},
        ("public", True, ("*",)),
    ),
    "open to everybody, in another registry": (
        {**statement(), "Resource": f"{REPOSITORIES}*".replace(OWNER, OTHER)},
        None,
    ),
    "a Deny for everything": ({**deny(ROOT), "Resource": "*"}, ("explicit_deny", True, (ACCOUNT,))),
    "a Deny for a part": (
        {**deny(ROOT), "Resource": f"{REPOSITORIES}services/web"},
        ("explicit_deny", False, (ACCOUNT,)),
    ),
    "a Deny for others": ({**deny(OTHER_ROOT), "Resource": "*"}, None),
    "a push besides": (
        {**allow(ROOT, Action="ecr:PutImage"), "Resource": f"{REPOSITORIES}services/*"},
        ("excess_access", True, (ACCOUNT,)),
    ),
    "replication besides": (
        {**allow(ROOT, Action="ecr:ReplicateImage"), "Resource": "*"},
        ("excess_access", True, (ACCOUNT,)),
    ),
    "replication of others": (REPLICATION, None),
    "any service": (
        {**statement(Principal={"Service": "codebuild.amazonaws.com"}), "Resource": "*"},
        ("unscoped_service", True, ("codebuild.amazonaws.com",)),
    ),
}


@pytest.mark.parametrize(("theirs", "expected"), WARNED.values(), ids=WARNED.keys())
@pytest.mark.parametrize("policy", [True, False], ids=["changed", "unchanged"])
def test_what_else_the_policy_says_is_warned_about(theirs: Any, expected: Any, policy: bool) -> None:
    named = {**theirs, "Sid": "theirs"}
    own = [] if policy else [json.loads(SHARED)["Statement"][0]]
    result = run(to(), InMemory({}, registry_policy=of(named, *own)))
    found = row(result)
    assert found["changed"] is policy
    told = [(one["kind"], one["certain"], tuple(one["principals"])) for one in found["warnings"]]
    assert told == ([] if expected is None else [expected])
    places = {(one["policy"], one["sid"], one["repository"]) for one in found["warnings"]}
    assert places <= {("registry", "theirs", LABEL)}
    # The only row is told whole.
    assert list(result.warnings) == [one["message"] for one in found["warnings"]]


def test_whoever_is_taken_out_and_still_gets_in_is_warned_about() -> None:
    found = row(run(to(grant(OTHER), sharing=False), InMemory({}, registry_policy=of(REPLICATION))))
    (warning,) = found["warnings"]
    assert (warning["kind"], warning["sid"], warning["principals"]) == ("excess_access", REPLICATION["Sid"], [OTHER])


def test_the_task_tells_one_warning_of_a_kind() -> None:
    theirs = [{**deny(ROOT), "Sid": sid, "Resource": "*"} for sid in ("first", "second")]
    result = run(to(), InMemory({}, registry_policy=of(*theirs)))
    assert len(row(result)["warnings"]) == 2
    (told,) = result.warnings
    assert '"first"' in told


# --- the scope ---


def test_a_registry_that_heeds_no_pull_is_left_alone_and_the_command_is_said() -> None:
    registry = InMemory({}, registry_policy=of(REPLICATION))
    registry.registry_scope = "V1"
    found = row(run(to(), registry))
    assert (found["changed"], found["granted"], registry.written) == (False, [], [])
    assert found["error"].startswith("registry policy: this registry has the policy scope V1")
    assert found["error"].endswith("aws ecr put-account-setting --name REGISTRY_POLICY_SCOPE --value V2")
    assert found["error_code"] is None


@pytest.mark.parametrize("check_mode", [True, False], ids=["check mode", "real"])
def test_check_mode_foretells_the_refusal(check_mode: bool) -> None:
    registry = InMemory({})
    registry.registry_scope = "V1"
    assert "V1" in run(to(check_mode=check_mode), registry).message


def test_the_scope_does_not_keep_anybody_from_leaving() -> None:
    registry = InMemory({}, registry_policy=of(REPLICATION))
    registry.registry_scope = "V1"
    assert run(to(grant(OTHER), sharing=False, revoke_unmanaged=True), registry).changed
    assert ("registry_policy_scope",) not in registry.journal
    assert stored(registry) is None


def test_a_scope_that_is_not_known_is_no_obstacle() -> None:
    registry = InMemory({})
    registry.registry_scope = None
    assert run(to(), registry).changed


def test_the_scope_is_asked_for_once_however_often_others_write() -> None:
    class Contested(InMemory):
        reads = 0

        def read(self, name: str) -> StoredPolicy:
            self.reads += 1
            if self.reads == 3:
                # Right after the write.
                self._store(name, of(REPLICATION))
            return super().read(name)

    registry = Contested({})
    assert run(to(), registry).changed
    assert registry.journal.count(("registry_policy_scope",)) == 1
    assert [one["Sid"] for one in stored(registry)["Statement"]] == [REPLICATION["Sid"], "AllowPull"]


def test_what_others_write_while_the_scope_is_asked_for_stays() -> None:
    class Slow(InMemory):
        def registry_policy_scope(self) -> str:
            self._store(LABEL, of(REPLICATION))
            return super().registry_policy_scope()

    registry = Slow({})
    run(to(), registry)
    assert [one["Sid"] for one in stored(registry)["Statement"]] == [REPLICATION["Sid"], "AllowPull"]


# --- whose it is ---


def test_the_owner_is_asked_for_only_where_no_policy_says_it() -> None:
    there = InMemory({}, registry_policy=SHARED)
    run(to(), there)
    assert ("owner",) not in there.journal
    none = InMemory({})
    run(to(), none)
    assert ("owner",) in none.journal


def test_without_an_owner_nothing_is_written() -> None:
    class Unknown(InMemory):
        def owner(self) -> str:
            raise EcrError("could not determine the registry ID", "ExpiredTokenException")

    registry = Unknown({})
    found = row(run(to(), registry))
    assert (found["error"], found["registry_id"]) == ("registry policy: could not determine the registry ID", None)
    assert registry.written == []


def test_purge_spares_the_owner() -> None:
    registry = InMemory({}, registry_policy=of(pulling(OTHER_ROOT, root(OWNER)), pattern="base"))
    assert row(run(to(purge_grants=True), registry))["revoked"] == [gained(OTHER, pattern="base")]
    (kept, _new) = stored(registry)["Statement"]
    assert kept["Principal"] == {"AWS": root(OWNER)}


def test_the_owner_cannot_be_taken_out_with_its_whole_account() -> None:
    registry = InMemory({}, registry_policy=SHARED)
    error = row(run(to(grant(OWNER), sharing=False, whole_account=True), registry))["error"]
    assert f"{OWNER} owns this registry" in error
    assert registry.written == []


# --- trouble ---


def test_a_policy_that_would_be_too_long_is_left_alone() -> None:
    theirs = {**allow(*(root(f"{number:012}") for number in range(280)), Action="ecr:ReplicateImage"), "Resource": "*"}
    registry = InMemory({}, registry_policy=of(theirs))
    error = row(run(to(*(grant(f"9{number:011}") for number in range(30))), registry))["error"]
    assert error.startswith("registry policy: policy not changed: it would be ")
    assert "AWS allows 10,240. Grant access to an organization" in error
    assert registry.written == []


def refused(policy: str | None, grants: Iterable[Grant] = SERVICES, *missing: str, **changes: Any) -> dict[str, Any]:
    return row(run(to(*grants, **changes), InMemory({}, frozenset(missing), registry_policy=policy)))


def test_a_refused_policy_names_the_suspects() -> None:
    found = refused(None, (grant(ACCOUNT), grant(ROLE)), ROLE)
    assert (found["changed"], found["error_code"]) == (False, "InvalidParameterException")
    assert found["error"].startswith("registry policy: could not set the policy: Invalid registry policy provided")
    assert found["error"].endswith(f"that the region is enabled for it: {ACCOUNT}, {ROLE}.")


def test_deleted_principals_in_managed_statements_leave_on_request() -> None:
    there = of(pulling(DELETED_ROLE, OTHER_ROOT), pattern="base")
    found = refused(there)
    assert "Set purge_deleted_principals" in found["error"]
    (warning,) = found["warnings"]
    assert (warning["kind"], warning["principals"]) == ("deleted_principal", [DELETED_ROLE])
    assert warning["message"].endswith("Set purge_deleted_principals")
    purged = refused(there, purge_deleted_principals=True)
    assert purged["revoked"] == [gained(DELETED_ROLE, pattern="base")]
    assert "error" not in purged


@pytest.mark.parametrize(
    "theirs",
    [
        {**pulling(DELETED_ROLE, sid="theirs"), "Resource": "*"},
        {**allow(DELETED_ROLE, Sid="theirs", Action="ecr:ReplicateImage"), "Resource": f"{REPOSITORIES}*"},
    ],
    ids=["a managed shape for all", "replication"],
)
def test_deleted_principals_in_statements_of_others_are_to_be_removed_by_hand(theirs: dict[str, Any]) -> None:
    found = refused(of(theirs), purge_deleted_principals=True)
    assert found["error"].endswith(f"{DELETED_ROLE}. Remove them from the unmanaged statements by hand.")
    (warning,) = found["warnings"]
    assert warning["message"].endswith("Remove them from it by hand")


def test_values_that_no_grant_could_have_written_are_named() -> None:
    there = of(pulling(ROOT, "arn:aws-cn:iam::111122223333:root"), pattern="services/*")
    found = refused(there)
    assert found["unmanaged_values"] == [{"sid": "AllowPull", "value": "arn:aws-cn:iam::111122223333:root"}]


def test_a_policy_that_cannot_be_read_is_told_with_its_code() -> None:
    registry = InMemory({}, registry_policy=EcrError("could not read the registry policy", "AccessDeniedException"))
    result = run(to(), registry)
    assert row(result)["error"] == "registry policy: could not read the registry policy"
    assert row(result)["error_code"] == "AccessDeniedException"
    assert result.message == row(result)["error"]


def test_a_policy_of_which_aws_stores_another_is_warned_about() -> None:
    class Rewriting(InMemory):
        def write(self, name: str, text: str, *, force: bool, patient: bool) -> str:
            super().write(name, text, force=force, patient=patient)
            return text.replace(ACCOUNT, OTHER)

    found = row(run(to(), Rewriting({})))
    assert [one["kind"] for one in found["warnings"]] == ["stored_policy_differs"]


# --- backups ---


def test_the_policy_is_saved_as_it_was_read_before_it_is_replaced(tmp_path: Path) -> None:
    before = of(REPLICATION)
    registry = Verbatim({}, registry_policy=before)
    result = run(to(backup_dir=str(tmp_path)), registry)
    (saved,) = find(str(tmp_path))
    backup = saved.backup
    assert (backup.kind, backup.name, backup.registry_id, backup.region) == ("registry", LABEL, OWNER, "us-east-1")
    assert (backup.policy, backup.written) == (before, registry.sent[LABEL])
    assert saved.path == f"{result.backup_path}/registry--policy.json"
    assert saved.manifest is not None
    assert (saved.manifest.kind, saved.manifest.repositories, saved.manifest.complete) == ("share", 1, True)
    assert result.to_dict(diff=False, include_policy=False)["backup_path"] == result.backup_path


def test_what_cannot_be_saved_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    registry = InMemory({}, registry_policy=SHARED)
    result = run(to(sharing=False, backup_dir=str(tmp_path / "file")), registry)
    assert "could not save a backup of its policy" in row(result)["error"]
    assert (registry.written, result.changed, result.backup_path) == ([], False, None)
