# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The IAM actions that the documentation lists are those that are used: none is missing, and none is too much.

What is used is what the server is asked for, of whatever service.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import yaml
from ansible_collections.imageshare.aws.plugins.inventory import ecr_repositories
from ansible_collections.imageshare.aws.tests.integration import pages
from ansible_collections.imageshare.aws.tests.integration.conftest import Run
from ansible_collections.imageshare.aws.tests.integration.documented import DOCUMENTED
from ansible_collections.imageshare.aws.tests.integration.statements import DELETED_ROLE, TEAM, allow, policy, root
from ansible_collections.imageshare.aws.tests.support.ansible_process import Done, ansible
from ansible_collections.imageshare.aws.tests.support.embedded_aws import ACCOUNT, REGION, EmbeddedAws
from ansible_collections.imageshare.aws.tests.support.module_process import (
    AUDIT,
    REPOSITORIES,
    RESTORE,
    SHARE,
    SHARE_REGISTRY,
    SHARE_TEMPLATES,
    profiles,
    run_inventory,
    run_module,
)

ROOT = Path(__file__).parents[2]
PERMISSIONS, REGISTRIES, RELIABILITY = (
    pages.read(name) for name in ("permissions.md", "accounts-and-regions.md", "reliability.md")
)
OTHER_ACCOUNT, OTHER_REGION = "210987654321", "eu-west-1"
ROLE = f"arn:aws:iam::{OTHER_ACCOUNT}:role/registry"
GRANTS = [{"principals": [TEAM]}]
READ, LIST, IDENTITY = "ecr:GetRepositoryPolicy", "ecr:DescribeRepositories", "sts:GetCallerIdentity"
REGISTRY = {"ecr:GetRegistryPolicy", "ecr:GetAccountSetting"}
WRITES = {"ecr:SetRepositoryPolicy", "ecr:DeleteRepositoryPolicy"}
LIST_TEMPLATES = "ecr:DescribeRepositoryCreationTemplates"
WRITES_TO_COME = {"ecr:PutRegistryPolicy", "ecr:DeleteRegistryPolicy", "ecr:UpdateRepositoryCreationTemplate"}
# Every operation of ECR that is no reading, by how its name begins:
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
BEGINNINGS = "Batch[!CG] Complete Create Delete Initiate Put Replicate Set Start Tag Un Up"
NO_WRITES = [{"operation": f"{beginning}*"} for beginning in BEGINNINGS.split()]

Play = Callable[..., Done]


def named(text: str) -> set[str]:
    """The IAM actions in a text."""
    return set(re.findall(r"\b(?:ecr|sts|tag|iam):[A-Z]\w+", text))


def policy_of(sid: str) -> set[str]:
    """The actions of the whole policy that docs/permissions.md shows with a statement of this Sid."""
    (shown,) = (block for block in re.findall(r"```json\n(.*?)```", PERMISSIONS, re.DOTALL) if f'"{sid}"' in block)
    return named(" ".join(_listed(statement["Action"]) for statement in json.loads(shown)["Statement"]))


def _listed(actions: str | Iterable[str]) -> str:
    return actions if isinstance(actions, str) else " ".join(actions)


def registry(aws: EmbeddedAws, **where: str) -> None:
    """Repositories to share, to share no more, and to prune; the first without a policy."""
    shared = policy(allow("pull", root(TEAM)))
    orphaned = policy(allow("pull", DELETED_ROLE, root(TEAM)))
    aws.plant_many({"new": None, "shared": shared, "deleted_principals": orphaned}, **where)
    plant_wildcard(aws, **where)


def plant_wildcard(aws: EmbeddedAws, **where: str) -> None:
    """A policy of the registry, of which its scope says what it stands for."""
    every = {**allow("pull", root(TEAM)), "Action": "ecr:*", "Resource": "*"}
    aws.plant_registry_policy(policy(every), **where)


class TestSharing:
    def use_every_feature(self, aws: EmbeddedAws, folder: Path, *, check: bool) -> None:
        every = {
            "purge_deleted_principals": True,
            "force_set_policy": True,
            "diff": True,
            "backup_dir": str(folder),
            "check": check,
        }
        # Without a pattern, nothing but STS says whose a repository without a policy is.
        for options in (
            {"repositories": ["new"], "grants": [{"principals": [TEAM], "lambda_regions": [REGION]}]},
            {"repositories": ["*"], "grants": GRANTS, "purge_grants": True},
            {"repositories": ["*"], "grants": GRANTS, "registry_id": ACCOUNT, "on_missing": "skip"},
            {"repositories": ["*", "nowhere"], "grants": GRANTS, "state": "absent", "on_missing": "skip"},
        ):
            assert not run_module(aws, **every, **options).failed

    def test_uses_what_its_notes_say(self, aws: EmbeddedAws, tmp_path: Path) -> None:
        registry(aws)
        self.use_every_feature(aws, tmp_path, check=False)
        assert aws.actions() == named(DOCUMENTED[SHARE].permissions())
        assert aws.actions() == policy_of("ShareRepositories") | {IDENTITY}

    def test_uses_in_check_mode_what_its_notes_do_not_except(self, aws: EmbeddedAws, tmp_path: Path) -> None:
        registry(aws)
        aws.settings(deny=NO_WRITES)
        self.use_every_feature(aws, tmp_path, check=True)
        assert aws.actions() == {READ, LIST, *REGISTRY, IDENTITY}
        assert aws.actions() == policy_of("CheckSharing") - {LIST_TEMPLATES} | {IDENTITY}
        excepted = named(DOCUMENTED[SHARE].permissions().partition("outside check mode")[2].partition(".")[0])
        assert excepted == WRITES
        assert sum(aws.refused().values()) == 0

    def test_lists_no_repositories_for_names(self, aws: EmbeddedAws, run: Run) -> None:
        registry(aws)
        assert not run(repositories=["new", "shared"], grants=GRANTS).failed
        assert aws.actions() == {READ, "ecr:SetRepositoryPolicy", *REGISTRY}


class TestRestoring:
    def use_every_feature(self, aws: EmbeddedAws, folder: Path, *, check: bool) -> None:
        every = {"force_set_policy": True, "diff": True, "check": check}
        for options in (
            {"backup_path": str(folder), "backup_dir": str(folder.parent / "later")},
            {"backup_path": str(folder), "registry_id": ACCOUNT, "repositories": ["s*"], "overwrite": True},
            {"backup_path": str(folder), "region": OTHER_REGION},
        ):
            assert not run_module(aws, module=RESTORE, **every, **options).failed

    @pytest.fixture
    def backup(self, aws: EmbeddedAws, tmp_path: Path) -> Path:
        aws.plant_many({"new": None, "shared": policy(allow("push", root(TEAM)))})
        aws.plant_registry_policy(policy({**allow("push", root(TEAM)), "Resource": "*"}))
        aws.plant_template("services")
        saving = {"grants": GRANTS, "backup_dir": str(tmp_path / "backups")}
        for options in (
            {"repositories": ["*"]},
            {"module": SHARE_REGISTRY},
            {"module": SHARE_TEMPLATES, "prefixes": ["*"]},
            # There is no policy there.
            {"module": SHARE_REGISTRY, "region": OTHER_REGION},
        ):
            assert run_module(aws, **saving, **options).changed
        aws.reset_calls()
        return tmp_path / "backups"

    def test_uses_what_its_notes_say(self, aws: EmbeddedAws, backup: Path) -> None:
        self.use_every_feature(aws, backup, check=False)
        assert aws.actions() == named(DOCUMENTED[RESTORE].permissions())
        every = policy_of("ShareRepositories") | policy_of("ShareRepositoriesToCome")
        assert aws.actions() == every - {LIST, "ecr:GetAccountSetting"} | {IDENTITY}

    def test_uses_in_check_mode_what_its_notes_do_not_except(self, aws: EmbeddedAws, backup: Path) -> None:
        aws.settings(deny=NO_WRITES)
        self.use_every_feature(aws, backup, check=True)
        reading = {READ, "ecr:GetRegistryPolicy", LIST_TEMPLATES, IDENTITY}
        assert aws.actions() == reading == named(DOCUMENTED[RESTORE].permissions()) - WRITES - WRITES_TO_COME
        assert sum(aws.refused().values()) == 0


def test_listing_uses_what_its_notes_say(aws: EmbeddedAws) -> None:
    registry(aws)
    aws.settings(deny=NO_WRITES)
    for options in ({}, {"repositories": ["new", "s*"]}, {"registry_id": ACCOUNT}):
        assert not run_module(aws, module=REPOSITORIES, **options).failed
    assert aws.actions() == {LIST} == named(DOCUMENTED[REPOSITORIES].permissions())


def test_auditing_uses_what_its_notes_say(aws: EmbeddedAws) -> None:
    registry(aws)
    aws.settings(deny=NO_WRITES)
    # Without a pattern, nothing but STS says whose a repository without a policy is.
    for options in ({}, {"repositories": ["new"]}, {"registry_id": ACCOUNT, "principal": TEAM}):
        assert not run_module(aws, module=AUDIT, **options).failed
    assert LIST_TEMPLATES not in aws.actions()
    assert not run_module(aws, module=AUDIT, include_templates=True).failed
    reading = {LIST, READ, IDENTITY, *REGISTRY, LIST_TEMPLATES}
    assert aws.actions() == reading == named(DOCUMENTED[AUDIT].permissions())
    assert sum(aws.refused().values()) == 0


def test_the_inventory_uses_what_its_notes_say(aws: EmbeddedAws, tmp_path: Path) -> None:
    environment = profiles(aws, tmp_path, {"other": OTHER_ACCOUNT})
    for account in (ACCOUNT, OTHER_ACCOUNT):
        registry(aws, account=account)
    common = {"plugin": "imageshare.aws.ecr_repositories", "tags": {"team": ["a"]}, "repositories": ["n*"]}
    aws.settings(deny=NO_WRITES)
    used: list[set[str]] = []
    for options, denied in (
        ({}, []),
        ({"profiles": ["other"]}, []),
        ({"assume_role_arn": ROLE}, []),
        ({}, [{"operation": "GetResources"}]),
    ):
        aws.settings(deny=NO_WRITES + denied)
        run_inventory(aws, tmp_path, {**common, **options}, environment=environment)
        used.append(aws.actions())
        aws.reset_calls()
    tags = "tag:GetResources"
    assert used == [
        {LIST, tags},
        {LIST, tags, "sts:AssumeRole"},
        {LIST, tags, "sts:AssumeRole"},
        {LIST, tags, "ecr:ListTagsForResource"},
    ]
    notes = " ".join(yaml.safe_load(ecr_repositories.DOCUMENTATION)["notes"])
    assert set().union(*used) == named(notes)
    (told,) = re.findall(r"It takes one call to AWS for 1,000 .*?\n\n", REGISTRIES, re.DOTALL)
    assert set().union(*used) == named(told)


def test_the_table_of_reliability_has_what_the_notes_say() -> None:
    rows = re.findall(r"^\| ([^|]+) \| (.*) \|$", RELIABILITY.partition("## Least privilege")[2], re.MULTILINE)
    told = {what: named(actions) for what, actions in rows}
    notes = {module: named(DOCUMENTED[module].permissions()) for module in DOCUMENTED}
    assert told["share, purge, share no more"] == notes[SHARE]
    assert told["share, or restore, the policy of the registry"] == notes[SHARE_REGISTRY]
    assert told["share, or restore, creation templates"] == notes[SHARE_TEMPLATES]
    to_come = notes[SHARE_REGISTRY] - {"ecr:GetAccountSetting"} | notes[SHARE_TEMPLATES]
    assert told["restore"] == notes[RESTORE] - (to_come - WRITES - {IDENTITY})
    assert told["audit"] == notes[AUDIT]
    assert told["list repositories"] == notes[REPOSITORIES]


class TestTheRole:
    @pytest.fixture
    def play(self, aws: EmbeddedAws, tmp_path: Path) -> Play:
        for account in (ACCOUNT, OTHER_ACCOUNT):
            aws.plant_many({"new": None, "shared": policy(allow("pull_push", root(TEAM)))}, account)
            plant_wildcard(aws, account=account)
        common = {
            "ecr_share_repositories": ["*"],
            "ecr_share_grants": GRANTS,
            "ecr_share_regions": [REGION],
            "ecr_share_purge_grants": True,
            "ecr_share_purge_deleted_principals": True,
            "ecr_share_batch_size": 2,
            "ecr_share_backup_dir": str(tmp_path / "backups"),
            "ecr_share_backup_path": str(tmp_path / "backups"),
        }
        hosts = {"images": {}, "others": {"ecr_share_assume_role_arn": ROLE}}
        inventory = tmp_path / "inventory.yml"
        inventory.write_text(yaml.safe_dump({"ecr_registries": {"vars": common, "hosts": hosts}}), encoding="utf-8")

        def run(name: str, *arguments: str) -> Done:
            done = ansible(aws, tmp_path, "playbook", "-i", inventory, f"imageshare.aws.{name}", *arguments)
            assert done.code == 0, done.output
            return done

        return run

    def test_uses_what_its_readme_says(self, aws: EmbeddedAws, play: Play) -> None:
        play("share")
        shared = aws.actions()
        aws.reset_calls()
        play("restore")
        restored = aws.actions()
        few = ("--limit", "images,localhost")
        gone = {"ecr_share_absent_principals": [TEAM], "ecr_share_purge_grants": False, "ecr_share_state": "absent"}
        play("share", *few, "-e", json.dumps(gone))
        shared |= aws.actions()
        # Whoever takes access away looks at what is to come as well.
        assert shared == policy_of("ShareRepositories") | {LIST_TEMPLATES, "sts:AssumeRole", IDENTITY}
        assert restored == policy_of("ShareRepositories") - {LIST} - REGISTRY | {"sts:AssumeRole", IDENTITY}

    def test_only_reads_to_audit_and_in_check_mode(self, aws: EmbeddedAws, play: Play, tmp_path: Path) -> None:
        aws.settings(deny=NO_WRITES)
        play("audit", "-e", f"ecr_share_report_dir={tmp_path / 'report'}")
        assert (tmp_path / "report" / "report.html").exists()
        play("share", "--check", "--diff", "--limit", "images,localhost")
        assert aws.actions() == policy_of("CheckSharing") | {"sts:AssumeRole"}
        assert sum(aws.refused().values()) == 0

    def test_lists_no_other_actions(self) -> None:
        text = (ROOT / "roles/ecr_share/README.md").read_text(encoding="utf-8")
        assert named(text.partition("## Permissions")[2]) == {"sts:AssumeRole", LIST}


@pytest.mark.parametrize("denied", ["GetRegistryPolicy", "GetAccountSetting"])
def test_nothing_fails_without_the_permission_to_read_the_policy_of_the_registry(
    aws: EmbeddedAws, run: Run, denied: str
) -> None:
    registry(aws)
    aws.settings(deny=[{"operation": denied}])
    shared = run(repositories=["new", "shared"], grants=GRANTS)
    audited = run_module(aws, module=AUDIT)
    assert not shared.failed
    assert not audited.failed
    is_read = denied != "GetRegistryPolicy"
    for found in (shared.values["registry_policy"], audited.values["registry_policy"]):
        assert found["read"] is is_read
        assert (found["error_code"] == "AccessDeniedException") is not is_read
    assert all(row["registry_policy_read"] is is_read for row in audited.rows.values())


def test_the_policies_of_the_page_are_what_its_words_say() -> None:
    (words,) = re.findall(r"Plain names need no .*?\n\n", PERMISSIONS, re.DOTALL)
    assert named(words) <= policy_of("ShareRepositories") | {IDENTITY}
    to_come = named(" ".join(DOCUMENTED[module].permissions() for module in (SHARE_REGISTRY, SHARE_TEMPLATES)))
    assert policy_of("ShareRepositoriesToCome") == to_come - {IDENTITY}
    every = policy_of("ShareRepositories") | policy_of("ShareRepositoriesToCome")
    assert policy_of("CheckSharing") == every - WRITES - WRITES_TO_COME


@pytest.mark.parametrize("denied", ["GetRegistryPolicy", "DescribeRepositoryCreationTemplates"])
def test_an_audit_without_a_permission_goes_on_and_says_so(aws: EmbeddedAws, denied: str) -> None:
    registry(aws)
    aws.plant_template("services")
    aws.settings(deny=[{"operation": denied}])
    audited = run_module(aws, module=AUDIT, include_templates=True)
    assert not audited.failed
    unread = {"registry_policy": "GetRegistryPolicy", "templates_read": "DescribeRepositoryCreationTemplates"}
    for name, operation in unread.items():
        found = audited.values[name]
        assert found["read"] is (denied != operation)
        assert found["error_code"] == ("AccessDeniedException" if denied == operation else None)
    assert len(audited.warnings) == 1
