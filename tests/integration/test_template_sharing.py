# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What creation templates have in the end, and the repositories that ECR creates by them: amid faults, and beside
somebody else who changes them.

Which templates are chosen, and what is warned about, is tested in tests/unit/plugins/module_utils.
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
    BUILDS,
    CI,
    ORGANIZATION,
    PLAIN_HTTP_DENIED,
    TEAM,
    Policy,
    allow,
    allow_functions,
    allow_organization,
    functions,
    policy,
    root,
)
from ansible_collections.imageshare.aws.tests.integration.test_faults import IMPATIENT
from ansible_collections.imageshare.aws.tests.integration.test_forged_lines import STATEMENTS, assert_harmless, play
from ansible_collections.imageshare.aws.tests.integration.test_least_privilege import NO_WRITES, named
from ansible_collections.imageshare.aws.tests.integration.test_registry_sharing import FAULTS
from ansible_collections.imageshare.aws.tests.support.embedded_aws import ACCOUNT, REGION, EmbeddedAws
from ansible_collections.imageshare.aws.tests.support.hostile_policies import KEPT, REFUSED
from ansible_collections.imageshare.aws.tests.support.invalid_input import IAM_PATTERNS, TEMPLATE_OPTIONS
from ansible_collections.imageshare.aws.tests.support.module_process import SHARE_TEMPLATES, run_module

OTHER_ACCOUNT = "210987654321"
GRANTS = [{"principals": [TEAM]}]
READ, WRITE, IDENTITY = "DescribeRepositoryCreationTemplates", "UpdateRepositoryCreationTemplate", "GetCallerIdentity"
OLD, NEW = policy(BUILDS), policy(BUILDS, allow("pull", root(TEAM)))
EXCLUDING = {
    "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
    "imageTagMutabilityExclusionFilters": [
        {"filterType": "WILDCARD", "filter": "dev-*"},
        {"filterType": "WILDCARD", "filter": "latest"},
    ],
}
# All that a template may have beside its policy.
FIELDS: dict[str, Any] = {
    **EXCLUDING,
    "description": "for the teams",
    "lifecyclePolicy": '{"rules": []}',
    "resourceTags": [{"Key": "team", "Value": "a"}, {"Key": "cost", "Value": "1"}],
    "encryptionConfiguration": {"encryptionType": "KMS", "kmsKey": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/x"},
    "customRoleArn": f"arn:aws:iam::{ACCOUNT}:role/creator",
}


def stored(aws: EmbeddedAws, prefix: str = "services", **where: str) -> Policy | None:
    text = aws.templates(**where)[prefix].get("repositoryPolicy")
    return None if not text else json.loads(text)


def same(first: Policy | None, second: Policy | None) -> bool:
    return PolicyComparison("aws").equal(first, second)


def others(aws: EmbeddedAws, prefix: str = "services") -> dict[str, Any]:
    """All fields but the policy."""
    return {name: value for name, value in aws.templates()[prefix].items() if name != "repositoryPolicy"}


def plant(aws: EmbeddedAws, number: int, text: Any = OLD) -> list[str]:
    prefixes = [f"app-{index:02}" for index in range(number)]
    for prefix in prefixes:
        aws.plant_template(prefix, text, **EXCLUDING)
    return prefixes


def test_what_ecr_creates_afterwards_is_shared_already(aws: EmbeddedAws, share_templates: Run) -> None:
    aws.plant_template("ROOT", policy(PLAIN_HTTP_DENIED))
    aws.plant_template("services", applied_for=["CREATE_ON_PUSH", "REPLICATION"])
    assert aws.create_as_ecr("services/before", "push")
    task = {
        "prefixes": ["*"],
        "grants": [
            {"principals": [TEAM], "access": ["pull", "describe"], "lambda_regions": [REGION]},
            {"principals": [ORGANIZATION], "repositories": ["services/*"]},
        ],
    }

    foretold = share_templates(**task, check=True, diff=True, include_policy=True)
    assert aws.calls() == {READ: 3}
    done = share_templates(**task, diff=True, include_policy=True)

    assert done.values == foretold.values
    shared = [allow("pull", root(TEAM)), allow("describe", root(TEAM)), allow_functions(functions(TEAM))]
    below = policy(*shared, allow_organization("pull", ORGANIZATION))
    for name, by, expected in (
        ("services/web", "push", below),
        ("services/copy", "replication", below),
        ("tools/lint", "push", policy(PLAIN_HTTP_DENIED, *shared)),
    ):
        assert aws.create_as_ecr(name, by)
        assert same(json.loads(aws.policies()[name] or ""), expected), name
    assert aws.policies()["services/before"] is None
    assert done.templates["services"]["policy"] == stored(aws)

    aws.reset_calls()
    again = share_templates(**task, diff=True)
    assert (again.changed, again.values["diff"], again.values["summary"]["unchanged"]) == (False, [], 2)
    assert aws.calls() == {READ: 3}, "the list and one each, and no update"

    gone = share_templates(**task, state="absent", include_policy=True)
    assert gone.templates["services"]["policy"] is stored(aws) is None
    assert same(stored(aws, "ROOT"), policy(PLAIN_HTTP_DENIED))
    assert not share_templates(**task, state="absent").changed


@pytest.mark.parametrize("resets", [True, False], ids=["AWS resets what is left out", "AWS keeps it"])
@pytest.mark.parametrize("options", [{}, {"state": "absent"}], ids=["shared", "emptied"])
def test_all_other_fields_stay(aws: EmbeddedAws, share_templates: Run, resets: bool, options: dict[str, Any]) -> None:
    aws.settings(resets_mutability=resets)
    aws.plant_template("services", policy(allow("pull", root(TEAM), CI)), applied_for=["PULL_THROUGH_CACHE"], **FIELDS)
    before = others(aws)
    grants = [{"principals": [TEAM, CI], "access": ["push"]}]

    result = share_templates(prefixes=["services"], grants=grants, **options)

    assert (result.failed, result.changed) == (False, True)
    assert others(aws) == before
    assert before.items() >= FIELDS.items()
    assert (stored(aws) is None) is bool(options)


def test_each_changed_template_takes_one_update_and_a_read_before_and_after(
    aws: EmbeddedAws, share_templates: Run
) -> None:
    plant(aws, 3)
    aws.plant_template("shared", NEW)
    assert share_templates(prefixes=["*"], grants=GRANTS).values["summary"]["changed"] == 3
    # The list; a read of each; of those that change, one right before the update and one after it.
    assert aws.calls() == {READ: 1 + 4 + 3 + 3, WRITE: 3}


def test_templates_come_in_pages(aws: EmbeddedAws, share_templates: Run) -> None:
    for index in range(1_010):
        aws.plant_template(f"app-{index:04}", NEW)
    aws.plant_template("zebra")
    result = share_templates(prefixes=["z*"], grants=GRANTS)
    assert list(result.templates) == ["zebra"]
    assert aws.calls()[READ] == 2 + 3


def test_what_is_missing_fails_or_is_skipped(aws: EmbeddedAws, share_templates: Run) -> None:
    aws.plant_template("services")
    narrowed = {"principals": [CI], "repositories": ["base/*"]}
    task = {"prefixes": ["services/", "nope", "x*"], "grants": [*GRANTS, narrowed]}
    failed = share_templates(**task)
    assert failed.message.startswith("3 of 4 templates failed, the others are done. ")
    assert (failed.templates["services"]["changed"], "error" in failed.templates["services"]) == (True, False)
    skipped = share_templates(**task, on_missing="skip", state="absent")
    assert (skipped.failed, skipped.values["summary"]["missing"]) == (False, 3)
    assert skipped.warnings[0].startswith("3 of 4 templates are names or patterns that match nothing")


class TestWarnings:
    def test_of_templates_are_in_rows_and_once_a_kind_in_the_task(self, aws: EmbeddedAws, share_templates: Run) -> None:
        aws.plant_template("ROOT")
        aws.plant_template("cache", applied_for=["PULL_THROUGH_CACHE"])
        aws.plant_template("services", policy({**BUILDS, "Principal": "*", "Condition": {}}))
        grants = [{"principals": [CI]}, {"principals": [TEAM], "repositories": ["services/*/x"]}]

        result = share_templates(prefixes=["ROOT", "services"], grants=grants, on_missing="skip")

        kinds = {prefix: [one["kind"] for one in row["warnings"]] for prefix, row in result.templates.items()}
        # What the narrow grant is for gets the other template.
        assert sorted(kinds["ROOT"]) == ["role_in_template", "shadowed"]
        assert sorted(kinds["services"]) == ["grant_too_narrow", "public", "role_in_template"]
        assert len(result.warnings) == 4
        explained = DOCUMENTED[SHARE_TEMPLATES].row_description("warnings")
        assert all(f"V({kind})" in explained for kind in ("shadowed", "grant_too_narrow", "role_in_template"))


class TestBackups:
    def test_undo_what_was_done(self, aws: EmbeddedAws, share_templates: Run, restore: Run, tmp_path: Path) -> None:
        aws.plant_template("ROOT", OLD, **EXCLUDING)
        aws.plant_template("services/web/", **FIELDS)
        before = {prefix: others(aws, prefix) for prefix in aws.templates()}
        share_templates(prefixes=["*"], grants=GRANTS, backup_dir=str(tmp_path))
        files = {Path(saved.path).name for saved in find(str(tmp_path))}
        assert files == {"template--ROOT.json", "template--services__web__.json"}

        result = restore(backup_path=str(tmp_path), diff=True)

        assert sorted(result.rows) == ["template ROOT", "template services/web/"]
        assert same(stored(aws, "ROOT"), OLD)
        assert stored(aws, "services/web/") is None
        assert {prefix: others(aws, prefix) for prefix in aws.templates()} == before
        assert not restore(backup_path=str(tmp_path)).changed
        assert restore(backup_path=str(tmp_path), to="written", apply_to=["templates"]).changed
        assert same(stored(aws, "ROOT"), NEW)


def test_another_account_is_refused_before_its_templates_are_asked_for(aws: EmbeddedAws, share_templates: Run) -> None:
    for account in (ACCOUNT, OTHER_ACCOUNT):
        aws.plant_template("services", OLD, account=account)
    result = share_templates(prefixes=["*"], grants=GRANTS, registry_id=OTHER_ACCOUNT)
    assert result.message.startswith("Nothing was done: ")
    assert f"Use credentials of account {OTHER_ACCOUNT}" in result.message
    assert aws.calls() == {IDENTITY: 1}


class TestFaults:
    @pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS.keys())
    def test_that_pass_keep_nothing_from_being_done(
        self, aws: EmbeddedAws, share_templates: Run, faults: dict[str, Any]
    ) -> None:
        prefixes = plant(aws, 10)
        before = {prefix: others(aws, prefix) for prefix in prefixes}
        aws.settings(seed=1, latency=0.002, **faults)

        result = share_templates(prefixes=["*"], grants=GRANTS, **IMPATIENT)

        assert not result.failed, result.message
        assert (result.values["summary"]["changed"], result.values["summary"]["warnings"]) == (10, 0)
        assert all(same(stored(aws, prefix), NEW) for prefix in prefixes)
        assert {prefix: others(aws, prefix) for prefix in prefixes} == before
        assert "missing_principals" in faults or aws.calls()[WRITE] == 10, "what is stored already is not sent again"

    def test_that_stay_are_told_and_leave_a_whole_policy(self, aws: EmbeddedAws, share_templates: Run) -> None:
        plant(aws, 3)
        aws.settings(deny=[{"operation": WRITE, "template": "app-01"}])
        result = share_templates(prefixes=["*"], grants=GRANTS)
        assert [prefix for prefix, row in result.templates.items() if "error" in row] == ["app-01"]
        denied = result.templates["app-01"]
        assert (denied["changed"], denied["error_code"]) == (False, "AccessDeniedException")
        assert "ecr:UpdateRepositoryCreationTemplate" in denied["error"]
        assert stored(aws, "app-01") == OLD

        aws.settings(deny=[{"operation": READ}])
        unlisted = share_templates(prefixes=["*"], grants=GRANTS)
        assert unlisted.message.startswith("Nothing was done: could not read the creation templates")
        assert "templates" not in unlisted.values


class TestOthersWriteToo:
    THEIRS: ClassVar = {"Sid": "Theirs", "Effect": "Deny", "Principal": "*", "Action": "ecr:DeleteRepository"}

    def test_what_they_overwrite_is_merged_again(self, aws: EmbeddedAws, share_templates: Run, tmp_path: Path) -> None:
        plant(aws, 3)
        theirs = policy(BUILDS, self.THEIRS)
        aws.settings(others=[{"after": WRITE, "template": "*", "policy": theirs}])

        result = share_templates(prefixes=["*"], grants=GRANTS, backup_dir=str(tmp_path))

        assert (result.failed, result.values["summary"]["changed"]) == (False, 3)
        both = policy(BUILDS, self.THEIRS, allow("pull", root(TEAM)))
        assert all(same(stored(aws, prefix), both) for prefix in aws.templates())
        assert [json.loads(found.backup.policy or "") for found in find(str(tmp_path))] == [theirs] * 3

    def test_what_they_change_between_the_read_and_the_update_stays(
        self, aws: EmbeddedAws, share_templates: Run
    ) -> None:
        prefixes = plant(aws, 3)
        theirs = {"imageTagMutability": "MUTABLE", "imageTagMutabilityExclusionFilters": None, "description": "theirs"}
        # The first of the two is the list.
        rule = {"after": READ, "template": "*", "fields": theirs, "statement": self.THEIRS, "times": 2}
        aws.settings(others=[rule])

        result = share_templates(prefixes=["*"], grants=GRANTS)

        assert not result.failed, result.message
        for prefix in prefixes:
            assert others(aws, prefix).items() >= {"imageTagMutability": "MUTABLE", "description": "theirs"}.items()
            shared = policy(BUILDS, self.THEIRS, self.THEIRS, allow("pull", root(TEAM)))
            assert same(stored(aws, prefix), shared)

    def test_what_they_change_with_the_update_is_told_beside_what_was_done(
        self, aws: EmbeddedAws, share_templates: Run
    ) -> None:
        plant(aws, 2)
        aws.settings(others=[{"after": WRITE, "template": "app-00", "fields": {"description": "theirs"}}])

        result = share_templates(prefixes=["*"], grants=GRANTS)

        assert (result.failed, result.changed) == (True, True)
        row = result.templates["app-00"]
        assert (row["changed"], len(row["granted"]), row["error_code"]) == (True, 1, None)
        assert "description was None and is 'theirs'" in row["error"]
        assert "error" not in result.templates["app-01"]

    def test_a_template_that_they_delete_is_missing(self, aws: EmbeddedAws, share_templates: Run) -> None:
        plant(aws, 2)
        aws.settings(others=[{"after": READ, "template": "app-00", "delete": True}])
        result = share_templates(prefixes=["*"], grants=GRANTS)
        assert result.templates["app-00"]["error_code"] == "TemplateNotFoundException"
        assert list(aws.templates()) == ["app-01"]


def test_uses_what_its_notes_say(aws: EmbeddedAws, tmp_path: Path) -> None:
    plant(aws, 1)
    for options in ({}, {"state": "absent"}):
        task = {"prefixes": ["*"], "grants": GRANTS, "backup_dir": str(tmp_path), **options}
        assert run_module(aws, module=SHARE_TEMPLATES, **task).changed
    # AWS asks for the right to set a policy beside that to update; nobody calls it.
    notes = named(DOCUMENTED[SHARE_TEMPLATES].permissions())
    assert aws.actions() == notes - {"ecr:SetRepositoryPolicy"} == {f"ecr:{READ}", f"ecr:{WRITE}"}

    aws.reset_calls()
    aws.settings(deny=NO_WRITES)
    assert run_module(aws, module=SHARE_TEMPLATES, prefixes=["*"], grants=GRANTS, check=True).changed
    assert aws.actions() == {f"ecr:{READ}"}


def test_every_example_is_idempotent(aws: EmbeddedAws, tmp_path: Path) -> None:
    for prefix in ("ROOT", "services"):
        aws.plant_template(prefix)
    for example in DOCUMENTED[SHARE_TEMPLATES].examples:
        ((_module, options),) = ((name, value) for name, value in example.items() if name != "name")
        if "backup_dir" in options:
            options = {**options, "backup_dir": str(tmp_path)}
        changed = [run_module(aws, module=SHARE_TEMPLATES, **options).changed for _time in range(2)]
        assert changed == [True, False], example["name"]


class TestHostileInput:
    def test_policies_are_left_alone_or_kept_to_the_letter(self, aws: EmbeddedAws) -> None:
        # Of a template, an empty text is no policy.
        refused = {f"left/p{number:03}": row for number, row in enumerate(REFUSED.values()) if row[0]}
        odd = {f"odd/p{number:03}": text for number, text in enumerate(KEPT.values())}
        texts = {**{prefix: text for prefix, (text, _reason) in refused.items()}, **odd}
        for prefix, text in texts.items():
            aws.plant_template(prefix, text)
        organization = [{"principals": [ORGANIZATION]}]

        foretold = run_module(aws, module=SHARE_TEMPLATES, prefixes=["*"], grants=organization, check=True)
        assert {prefix: found["repositoryPolicy"] for prefix, found in aws.templates().items()} == texts
        done = run_module(aws, module=SHARE_TEMPLATES, prefixes=["*"], grants=organization)

        now = aws.templates()
        for prefix, (text, reason) in refused.items():
            assert reason in done.templates[prefix]["error"], prefix
            assert now[prefix]["repositoryPolicy"] == text
        for prefix, row in done.templates.items():
            assert row["changed"] or now[prefix]["repositoryPolicy"] == texts[prefix]
        assert "unexpected" not in done.text + foretold.text

    def test_statements_forge_no_line(self, aws: EmbeddedAws, tmp_path: Path) -> None:
        for number, statement in enumerate(STATEMENTS.values()):
            aws.plant_template(f"app-{number:02}", policy(statement))
        options = {"prefixes": ["*"], "grants": [{"principals": [TEAM], "access": ["pull", "push"]}]}
        result = run_module(aws, module=SHARE_TEMPLATES, check=True, **options)
        for row in result.templates.values():
            for text in (row.get("error", ""), *(warning["message"] for warning in row["warnings"])):
                assert_harmless(text, allowed="")
        task = {"imageshare.aws.ecr_share_creation_template": options}
        assert_harmless(play(aws, tmp_path, [task], "--check", "--diff"))

    @pytest.mark.parametrize("name", ["no prefixes", "a prefix that is in capitals", "a concurrency of 17"])
    def test_an_option_that_cannot_be_meant_is_refused_before_anything_is_asked(
        self, aws: EmbeddedAws, share_templates: Run, name: str
    ) -> None:
        options, words = TEMPLATE_OPTIONS[name]
        result = share_templates(**{"prefixes": ["services"], "grants": GRANTS, **options})
        assert result.message.startswith("Nothing was done. ")
        assert words in result.message
        assert aws.journal() == []

    def test_a_pattern_that_cannot_be_meant_is_refused_before_anything_is_asked(
        self, aws: EmbeddedAws, share_templates: Run
    ) -> None:
        patterns, words = IAM_PATTERNS["a set of characters"]
        result = share_templates(prefixes=["*"], grants=[{"principals": [TEAM], "repositories": patterns}])
        assert result.message == f"Nothing was done. grants[0] (principal {TEAM}): {words}"
        assert aws.journal() == []
