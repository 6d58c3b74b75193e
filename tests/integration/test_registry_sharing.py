# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What AWS has in the end where the policy of the registry shares: in other accounts, regions and partitions, amid
faults, and beside somebody else who writes it.

What becomes of a policy is tested in tests/unit/plugins/module_utils: the merge, and runs against a registry in memory.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._iam.document import PolicyComparison
from ansible_collections.imageshare.aws.plugins.module_utils._runs.backup_reader import find
from ansible_collections.imageshare.aws.tests.integration.conftest import Run
from ansible_collections.imageshare.aws.tests.integration.documented import DOCUMENTED
from ansible_collections.imageshare.aws.tests.integration.statements import (
    CI,
    ORGANIZATION,
    PARTNER,
    PUBLISHER,
    STRANGER,
    TEAM,
    Policy,
    allow,
    allow_organization,
    policy,
    root,
)
from ansible_collections.imageshare.aws.tests.integration.test_faults import IMPATIENT, MENDED
from ansible_collections.imageshare.aws.tests.integration.test_forged_lines import assert_harmless, play
from ansible_collections.imageshare.aws.tests.integration.test_least_privilege import NO_WRITES, named
from ansible_collections.imageshare.aws.tests.support.embedded_aws import ACCOUNT, REGION, EmbeddedAws
from ansible_collections.imageshare.aws.tests.support.hostile_policies import KEPT, REFUSED
from ansible_collections.imageshare.aws.tests.support.invalid_input import IAM_PATTERNS, REGISTRY_GRANTS
from ansible_collections.imageshare.aws.tests.support.module_process import SHARE_REGISTRY, run_module
from ansible_collections.imageshare.aws.tests.support.nasty_texts import ALL

OTHER_ACCOUNT = "210987654321"
GRANTS: list[dict[str, Any]] = [{"principals": [TEAM], "repositories": ["services/*"]}]
READ, WRITE, REMOVE, SCOPE, IDENTITY = (
    "GetRegistryPolicy",
    "PutRegistryPolicy",
    "DeleteRegistryPolicy",
    "GetAccountSetting",
    "GetCallerIdentity",
)


def repositories(pattern: str, account: str = ACCOUNT, region: str = REGION, partition: str = "aws") -> str:
    return f"arn:{partition}:ecr:{region}:{account}:repository/{pattern}"


# What the destination of a replication, and a team that looks after itself, have there.
REPLICATION = {
    "Sid": "ReplicationAccessCrossAccount",
    "Effect": "Allow",
    "Principal": {"AWS": root(PARTNER)},
    "Action": ["ecr:CreateRepository", "ecr:ReplicateImage"],
    "Resource": repositories("*"),
}
DENIED = {
    "Sid": "nobody deletes",
    "Effect": "Deny",
    "Principal": "*",
    "Action": ["ecr:DeleteRepository", "ecr:BatchDeleteImage"],
    "Resource": [repositories("prod/*"), repositories("base/*")],
}
OLD = {"Version": "2012-10-17", "Statement": [REPLICATION, DENIED]}
SHARED = allow("pull", root(TEAM), Resource=repositories("services/*"))
NEW = {**OLD, "Statement": [*OLD["Statement"], SHARED]}


def stored(aws: EmbeddedAws, **where: str) -> Policy | None:
    text = aws.registry_policy(**where)
    return None if text is None else json.loads(text)


def same(first: Policy | None, second: Policy | None) -> bool:
    return PolicyComparison("aws").equal(first, second)


def test_a_registry_without_a_policy_gets_the_documented_one_to_the_letter(
    aws: EmbeddedAws, share_registry: Run
) -> None:
    result = share_registry(grants=GRANTS, include_policy=True)
    expected = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "AllowPull",
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
                "Action": ["ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage", "ecr:BatchCheckLayerAvailability"],
                "Resource": "arn:aws:ecr:us-east-1:123456789012:repository/services/*",
            }
        ],
    }
    assert json.dumps(result.registry["policy"]) == json.dumps(expected)
    assert stored(aws) == expected
    assert (result.registry["registry_id"], result.registry["region"]) == (ACCOUNT, REGION)
    # Nothing is asked between the last read and the write, and nobody is asked twice.
    operations = [operation for operation, _name in aws.journal()]
    assert operations == [READ, IDENTITY, SCOPE, READ, WRITE, READ]


def test_grants_join_what_is_there_and_leave_it_alone_and_go_again(aws: EmbeddedAws, share_registry: Run) -> None:
    aws.plant_registry_policy(OLD)
    task = {
        "grants": [
            {"principals": [TEAM, CI], "access": ["pull", "push"], "repositories": ["services/*", "base/python"]},
            {"principals": ORGANIZATION},
        ]
    }

    foretold = share_registry(**task, check=True, diff=True)
    assert stored(aws) == OLD
    assert aws.calls() == {READ: 1, SCOPE: 1}
    first = share_registry(**task, diff=True)
    assert first.values == foretold.values
    assert first.warnings == foretold.warnings
    shared = [
        allow("pull_push", root(TEAM), CI, Resource=repositories("services/*")),
        allow("pull_push", root(TEAM), CI, Resource=repositories("base/python"), Sid="AllowPullAndPush2"),
        allow_organization("pull", ORGANIZATION, Resource=repositories("*")),
    ]
    assert same(stored(aws), {**OLD, "Statement": [*OLD["Statement"], *shared]})
    (shown,) = first.values["diff"]
    assert shown["after"].startswith(shown["before"].removesuffix("\n  ]\n}\n") + ",\n")

    aws.reset_calls()
    for _round in range(3):
        second = share_registry(**task, diff=True)
        assert (second.changed, second.values["diff"], second.values["changes"]) == (False, [], [])
    assert aws.calls() == {READ: 3}, "one call each, and no write"

    assert share_registry(**task, state="absent").changed
    assert same(stored(aws), OLD)


def test_absent_takes_out_of_the_patterns_that_are_included_and_the_policy_with_its_last_statement(
    aws: EmbeddedAws, share_registry: Run
) -> None:
    patterns = ["services/*", "services/web", "*/web"]
    every = [allow("pull", root(TEAM), Resource=repositories(pattern), Sid=pattern[-3:]) for pattern in patterns]
    aws.plant_registry_policy(policy(*every))

    some = share_registry(grants=GRANTS, state="absent")

    assert stored(aws) == policy(every[2])
    assert [change["repositories"] for change in some.registry["revoked"]] == [["services/*"], ["services/web"]]
    rest = share_registry(grants=[{"principals": [TEAM]}], state="absent", include_policy=True)
    assert rest.registry["policy"] is stored(aws) is None
    assert aws.calls()[REMOVE] == 1
    assert not share_registry(grants=[{"principals": [TEAM]}], state="absent").changed


def test_what_others_wrote_is_taken_over_and_taken_away(aws: EmbeddedAws, share_registry: Run) -> None:
    by_hand = {**REPLICATION, "Principal": {"AWS": [root(TEAM), root(PARTNER)]}}
    role = f"arn:aws:iam::{TEAM}:role/ci"
    pulling = allow("pull", root(TEAM), role, Resource="*", Sid="by hand")
    aws.plant_registry_policy(policy(by_hand, pulling, DENIED))

    over = share_registry(grants=[{"principals": [TEAM]}], unmanaged_access="revoke")

    assert over.registry["granted"] == over.registry["revoked"] == []
    (others,) = over.registry["revoked_actions"]
    assert sorted(others["actions"]) == sorted(REPLICATION["Action"])
    assert others["repositories"] == ["*"]
    own = allow("pull", root(TEAM), Resource=repositories("*"))
    left = policy(REPLICATION, {**pulling, "Principal": {"AWS": role}}, DENIED)
    assert same(stored(aws), {**left, "Statement": [*left["Statement"], own]})

    everything = {"state": "absent", "unmanaged_access": "revoke", "whole_account": True}
    gone = share_registry(grants=[{"principals": [TEAM]}], **everything)
    assert same(stored(aws), policy(REPLICATION, DENIED))
    told = {(change["principal"], *change["repositories"]) for change in gone.values["changes"]}
    assert told == {(role, "*"), (TEAM, "*")}


def test_purge_spares_the_owner_and_what_others_wrote(aws: EmbeddedAws, share_registry: Run) -> None:
    there = allow("push", root(ACCOUNT), PUBLISHER, root(STRANGER), Resource=repositories("base/*"))
    aws.plant_registry_policy(policy(REPLICATION, there))

    result = share_registry(grants=GRANTS, purge_grants=True)

    spared = [name for name in (root(ACCOUNT), PUBLISHER) if f":{ACCOUNT}:" in name]
    kept = allow("push", *spared, Resource=repositories("base/*"))
    assert same(stored(aws), policy(REPLICATION, kept, SHARED))
    assert STRANGER in {change["principal"] for change in result.registry["revoked"]}


class TestWarnings:
    def test_are_in_the_row_and_each_kind_once_in_the_task(self, aws: EmbeddedAws, share_registry: Run) -> None:
        everybody = {**REPLICATION, "Sid": "open", "Principal": "*"}
        denied = {**DENIED, "Action": "ecr:*", "Resource": "*"}
        aws.plant_registry_policy(policy(everybody, denied, {**denied, "Sid": "never"}))

        result = share_registry(grants=GRANTS)

        warnings = result.registry["warnings"]
        assert {warning["policy"] for warning in warnings} == {"registry"}
        assert [warning["kind"] for warning in warnings].count("explicit_deny") == 2
        assert len(result.warnings) == len({warning["kind"] for warning in warnings})
        assert result.warnings == share_registry(grants=GRANTS, check=True).warnings

    def test_tell_of_deleted_principals(self, aws: EmbeddedAws, share_registry: Run) -> None:
        there = allow("pull", root(PARTNER), "AROAEXAMPLEROLE123456", Resource=repositories("*"))
        aws.plant_registry_policy(policy(there))

        refused = share_registry(grants=GRANTS)
        assert refused.failed
        assert "Set purge_deleted_principals" in refused.message
        assert same(stored(aws), policy(there))
        assert share_registry(grants=GRANTS, purge_deleted_principals=True).changed
        own = [allow("pull", root(PARTNER), Resource=repositories("*")), {**SHARED, "Sid": "AllowPull2"}]
        assert same(stored(aws), policy(*own))


class TestElsewhere:
    def test_another_account_is_refused_before_its_policy_is_asked_for(
        self, aws: EmbeddedAws, share_registry: Run
    ) -> None:
        for account in (ACCOUNT, OTHER_ACCOUNT):
            aws.plant_registry_policy(OLD, account=account)

        result = share_registry(grants=GRANTS, registry_id=OTHER_ACCOUNT)

        assert result.failed
        assert f"Use credentials of account {OTHER_ACCOUNT}" in result.message
        assert aws.calls() == {IDENTITY: 1}
        assert stored(aws) == stored(aws, account=OTHER_ACCOUNT) == OLD

    def test_another_partition_has_its_own_arns(self, aws: EmbeddedAws, share_registry: Run) -> None:
        task = {"grants": GRANTS, "region": "cn-north-1"}
        assert share_registry(**task).changed
        resource = repositories("services/*", region="cn-north-1", partition="aws-cn")
        own = allow("pull", "arn:aws-cn:iam::111122223333:root", Resource=resource)
        assert stored(aws, region="cn-north-1") == {"Version": "2012-10-17", "Statement": [own]}
        assert stored(aws) is None
        assert not share_registry(**task).changed


class TestTheScope:
    @pytest.mark.parametrize("check", [True, False], ids=["check mode", "real"])
    def test_that_heeds_no_pull_fails_before_anything_is_written(
        self, aws: EmbeddedAws, share_registry: Run, tmp_path: Path, check: bool
    ) -> None:
        aws.plant_registry_policy(OLD)
        aws.settings(registry_policy_scope="V1")

        result = share_registry(grants=GRANTS, check=check, backup_dir=str(tmp_path / "backups"))

        assert result.failed
        assert "aws ecr put-account-setting --name REGISTRY_POLICY_SCOPE --value V2" in result.message
        assert WRITE not in aws.calls()
        assert stored(aws) == OLD
        assert not (tmp_path / "backups").exists()

    def test_that_cannot_be_asked_for_is_no_obstacle(self, aws: EmbeddedAws, share_registry: Run) -> None:
        aws.settings(deny=[{"operation": SCOPE}])
        assert share_registry(grants=GRANTS).changed


class TestBackups:
    def test_undo_what_was_done(self, aws: EmbeddedAws, share_registry: Run, restore: Run, tmp_path: Path) -> None:
        aws.plant_registry_policy(OLD)
        shared = share_registry(grants=GRANTS, backup_dir=str(tmp_path))
        (saved,) = find(str(tmp_path))
        assert (saved.backup.name, json.loads(saved.backup.policy or "")) == ("registry policy", OLD)
        assert saved.path == f"{shared.values['backup_path']}/registry--policy.json"

        foretold = restore(backup_path=str(tmp_path), check=True, diff=True)
        done = restore(backup_path=str(tmp_path), diff=True)

        assert same(stored(aws), OLD)
        assert done.values == foretold.values
        assert (done.row["name"], done.row["restored_from"]) == ("registry policy", saved.path)
        assert not restore(backup_path=str(tmp_path)).changed

    def test_of_another_account_never_touch_the_callers_own(
        self, aws: EmbeddedAws, share_registry: Run, restore: Run, tmp_path: Path
    ) -> None:
        share_registry(grants=GRANTS, backup_dir=str(tmp_path))
        file = next(tmp_path.glob("*/registry--policy.json"))
        for found in (file, file.with_name("manifest.json")):
            found.write_text(found.read_text(encoding="utf-8").replace(ACCOUNT, OTHER_ACCOUNT), encoding="utf-8")
        before = stored(aws)
        aws.reset_calls()

        for options in ({"overwrite": True}, {"to": "written", "overwrite": True}, {"apply_to": ["registry"]}):
            result = restore(backup_path=str(tmp_path), registry_id=OTHER_ACCOUNT, **options)
            assert result.failed
            assert f"Use credentials of account {OTHER_ACCOUNT}" in result.message
        assert restore(backup_path=str(tmp_path), on_missing="skip").values["skipped_backups"] == [
            {"registry_id": OTHER_ACCOUNT, "region": REGION, "backups": 1}
        ]

        assert aws.calls().keys() == {IDENTITY}
        assert stored(aws) == before

    def test_that_cannot_be_saved_keep_the_policy_as_it_is(
        self, aws: EmbeddedAws, share_registry: Run, tmp_path: Path
    ) -> None:
        aws.plant_registry_policy(OLD)
        (tmp_path / "file").touch()
        result = share_registry(grants=GRANTS, backup_dir=str(tmp_path / "file"))
        assert result.failed
        assert aws.calls() == {}


# How each fault is mended is tested in test_faults.py.
FAULTS: dict[str, dict[str, Any]] = {
    **{name: MENDED[name] for name in ("six in ten", "one in five answers is lost", "a bit of everything")},
    "a principal is known 2 seconds after it was made": {"missing_principals": {TEAM: 2}},
}


class TestFaults:
    @pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS.keys())
    def test_that_pass_keep_nothing_from_being_done(
        self, aws: EmbeddedAws, share_registry: Run, faults: dict[str, Any]
    ) -> None:
        aws.plant_registry_policy(OLD)
        for seed in range(3):
            aws.settings(seed=seed, **faults)
            result = share_registry(grants=GRANTS, **IMPATIENT)
            assert not result.failed, result.message
            assert result.registry["warnings"] == []
            assert same(stored(aws), NEW)
            assert share_registry(grants=GRANTS, state="absent", **IMPATIENT).changed
            assert same(stored(aws), OLD)
        assert "missing_principals" in faults or aws.calls()[WRITE] == 6, "what is stored already is not sent again"

    def test_that_stay_leave_the_old_policy_or_the_new_one_as_a_whole(
        self, aws: EmbeddedAws, share_registry: Run
    ) -> None:
        aws.plant_registry_policy(OLD)
        for faults in ({"damage": {"lost": 1.0}}, {"drop": 1.0, "damage": {}}, {"drop": 0.0, "expire_after": 0}):
            aws.settings(**faults)
            result = share_registry(grants=GRANTS)
            assert result.failed
            assert result.registry["error"] == result.message
            assert stored(aws) in (OLD, NEW)

    @pytest.mark.parametrize("operation", [WRITE, READ])
    def test_of_permissions_tell_what_to_allow(self, aws: EmbeddedAws, share_registry: Run, operation: str) -> None:
        aws.plant_registry_policy(OLD)
        aws.settings(deny=[{"operation": operation}])
        result = share_registry(grants=GRANTS)
        assert result.registry["error_code"] == "AccessDeniedException"
        assert f'Allow the caller ecr:{operation} on the resource "*"' in result.message
        assert stored(aws) == OLD


class TestOthersWriteToo:
    THEIRS: ClassVar = {**REPLICATION, "Sid": "Theirs", "Principal": {"AWS": root(STRANGER)}}

    def test_what_they_overwrite_is_merged_again(self, aws: EmbeddedAws, share_registry: Run, tmp_path: Path) -> None:
        aws.plant_registry_policy(OLD)
        theirs = policy(self.THEIRS)
        aws.settings(others=[{"after": WRITE, "registry": True, "policy": theirs, "times": 2}])

        result = share_registry(grants=GRANTS, backup_dir=str(tmp_path))

        assert (result.failed, result.changed) == (False, True)
        assert same(stored(aws), policy(self.THEIRS, SHARED))
        (saved,) = find(str(tmp_path))
        assert json.loads(saved.backup.policy or "") == theirs
        assert aws.calls()[WRITE] == 3

    @pytest.mark.parametrize("after", [SCOPE, READ])
    def test_what_they_add_before_the_write_stays(self, aws: EmbeddedAws, share_registry: Run, after: str) -> None:
        aws.plant_registry_policy(OLD)
        # A slow read is followed by another look.
        aws.settings(latency=0.6, others=[{"after": after, "registry": True, "statement": self.THEIRS}])

        assert not share_registry(grants=GRANTS).failed

        assert same(stored(aws), {**OLD, "Statement": [*OLD["Statement"], self.THEIRS, SHARED]})

    def test_what_they_overwrite_every_time_is_told_as_it_was_written(
        self, aws: EmbeddedAws, share_registry: Run
    ) -> None:
        aws.plant_registry_policy(OLD)
        aws.settings(others=[{"after": WRITE, "registry": True, "policy": OLD, "times": 99}])

        result = share_registry(grants=GRANTS)

        assert "each of the 9 times" in result.registry["error"]
        assert (result.changed, len(result.registry["granted"])) == (True, 1)
        assert aws.calls()[WRITE] == 9

    def test_what_they_delete_is_there_again(self, aws: EmbeddedAws, share_registry: Run) -> None:
        aws.plant_registry_policy(OLD)
        aws.settings(others=[{"after": WRITE, "registry": True, "delete": True}])
        assert not share_registry(grants=GRANTS).failed
        assert stored(aws) == {"Version": "2012-10-17", "Statement": [SHARED]}


def test_uses_what_its_notes_say(aws: EmbeddedAws, tmp_path: Path) -> None:
    for options in ({"grants": GRANTS}, {"grants": GRANTS, "state": "absent"}):
        done = run_module(aws, module=SHARE_REGISTRY, backup_dir=str(tmp_path), diff=True, **options)
        assert done.changed
    assert aws.actions() == named(DOCUMENTED[SHARE_REGISTRY].permissions())

    aws.reset()
    aws.settings(deny=NO_WRITES)
    assert run_module(aws, module=SHARE_REGISTRY, grants=GRANTS, check=True).changed
    assert aws.actions() == named(DOCUMENTED[SHARE_REGISTRY].permissions()) - {f"ecr:{WRITE}", f"ecr:{REMOVE}"}


def test_every_example_is_idempotent(aws: EmbeddedAws, tmp_path: Path) -> None:
    by_hand = {**REPLICATION, "Principal": {"AWS": root("777788889999")}}
    aws.plant_registry_policy(policy(by_hand))
    for example in DOCUMENTED[SHARE_REGISTRY].examples:
        ((_module, options),) = ((name, value) for name, value in example.items() if name != "name")
        if "backup_dir" in options:
            options = {**options, "backup_dir": str(tmp_path)}
        changed = [run_module(aws, module=SHARE_REGISTRY, **options).changed for _time in range(2)]
        assert changed == [True, False], example["name"]


class TestHostileInput:
    def test_policies_are_left_alone_or_kept_to_the_letter(self, aws: EmbeddedAws) -> None:
        for name, (text, reason) in list(REFUSED.items())[::5]:
            aws.plant_registry_policy(text)
            result = run_module(aws, module=SHARE_REGISTRY, grants=[{"principals": [ORGANIZATION]}])
            assert reason in result.registry["error"], name
            assert aws.registry_policy() == text
        for name, text in list(KEPT.items())[::5]:
            aws.plant_registry_policy(text)
            result = run_module(aws, module=SHARE_REGISTRY, grants=[{"principals": [ORGANIZATION]}])
            assert "unexpected" not in result.text, name
            assert result.failed or result.changed
            assert result.changed or aws.registry_policy() == text

    def test_statements_forge_no_line(self, aws: EmbeddedAws, tmp_path: Path) -> None:
        theirs = [
            {**allow("pull", ALL, Sid=ALL), "Resource": ALL},
            {**allow("pull", "*", Sid=ALL), "Resource": "*"},
            {**allow("pull", root(TEAM), Sid=ALL), "Effect": "Deny", "Resource": repositories(ALL)},
            {**allow("push", root(TEAM), Sid=ALL), "Action": [ALL, "ecr:*"], "Resource": [ALL, "*"]},
        ]
        aws.plant_registry_policy(policy(*theirs))
        how = {"state": "absent", "unmanaged_access": "revoke"}
        for options in ({}, {"purge_grants": True}, how):
            result = run_module(aws, module=SHARE_REGISTRY, grants=[{"principals": [TEAM]}], check=True, **options)
            assert result.registry["warnings"]
            for text in (*result.warnings, result.message, *(one["message"] for one in result.registry["warnings"])):
                assert_harmless(text, allowed="")
            changed = [
                name for one in result.values["changes"] for name in (*one["repositories"], *one["other_actions"])
            ]
            assert all(map(str.isprintable, changed))
        task = {"imageshare.aws.ecr_share_registry_policy": {"grants": [{"principals": [TEAM]}]}}
        assert_harmless(play(aws, tmp_path, [task], "--check", "--diff"))

    @pytest.mark.parametrize("name", ["a set of characters", "capitals", "an ARN", "no patterns"])
    def test_a_pattern_that_cannot_be_meant_is_refused_before_anything_is_asked(
        self, aws: EmbeddedAws, share_registry: Run, name: str
    ) -> None:
        patterns, words = IAM_PATTERNS[name]
        result = share_registry(grants=[*GRANTS, {"principals": [PARTNER], "repositories": patterns}])
        assert result.message.startswith(f"Nothing was done. grants[1] (principal {PARTNER}): ")
        assert words in result.message
        assert aws.journal() == []

    @pytest.mark.parametrize("name", ["regions", "patterns of both"])
    def test_a_grant_that_cannot_be_meant_is_refused_before_anything_is_asked(
        self, aws: EmbeddedAws, share_registry: Run, name: str
    ) -> None:
        options, changes, words = REGISTRY_GRANTS[name]
        result = share_registry(grants=[{"principals": [PARTNER]}, {"principals": [TEAM], **changes}], **options)
        assert result.message.startswith(f"Nothing was done. grants[1] (principal {TEAM}): ")
        assert all(word in result.message for word in ([words] if isinstance(words, str) else words))
        assert aws.journal() == []
