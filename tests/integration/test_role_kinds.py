# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role with grants for the policies of registries and for creation templates, from one inventory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.imageshare.aws.tests.integration.conftest import Play
from ansible_collections.imageshare.aws.tests.integration.desk import told
from ansible_collections.imageshare.aws.tests.integration.inventories import (
    OTHER_ACCOUNT,
    registries,
    repositories,
)
from ansible_collections.imageshare.aws.tests.integration.statements import (
    BUILDS,
    ORGANIZATION,
    PARTNER,
    SCANNERS,
    STRANGER,
    TEAM,
    allow,
    allow_functions,
    allow_organization,
    functions,
    policy,
    root,
)
from ansible_collections.imageshare.aws.tests.support.embedded_aws import ACCOUNT, REGION, EmbeddedAws
from ansible_collections.imageshare.aws.tests.support.report_schema import VALIDATOR

# What others have in the policy of the registry.
REPLICATION: dict[str, Any] = {
    "Sid": "replication",
    "Effect": "Allow",
    "Principal": {"AWS": root(STRANGER)},
    "Action": ["ecr:CreateRepository", "ecr:ReplicateImage"],
    "Resource": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/*",
}
# What the owner itself has.
OWN_BUILDS = {**BUILDS, "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}}}
WRITES = {
    "SetRepositoryPolicy",
    "DeleteRepositoryPolicy",
    "PutRegistryPolicy",
    "DeleteRegistryPolicy",
    "UpdateRepositoryCreationTemplate",
}
GRANTS = [
    {"principals": [ORGANIZATION], "apply_to": ["registry"]},
    {"principals": [TEAM], "lambda_regions": [REGION], "apply_to": ["repositories", "templates"]},
    {
        "principals": [PARTNER],
        "access": ["pull", "push"],
        "repositories": ["services/*"],
        "apply_to": ["repositories", "registry", "templates"],
    },
]
INVENTORY = registries(
    {"ecr_share_repositories": ["*"], "ecr_share_grants": GRANTS}, images={"ecr_share_regions": [REGION]}
)


def in_registry(statement: Mapping[str, Any], pattern: str) -> dict[str, Any]:
    """What a statement is in the policy of the registry."""
    return {**statement, "Resource": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{pattern}"}


def whole_registry(*statements: Mapping[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def registry_policy(aws: EmbeddedAws) -> Any:
    text = aws.registry_policy()
    return text and json.loads(text)


def of_templates(aws: EmbeddedAws) -> dict[str, Any]:
    """The policy of each template; None for none."""
    texts = {prefix: one.get("repositoryPolicy") for prefix, one in aws.templates().items()}
    return {prefix: text and json.loads(text) for prefix, text in texts.items()}


def of_repositories(aws: EmbeddedAws) -> dict[str, Any]:
    return {name: text and json.loads(text) for name, text in aws.policies().items()}


def writes(aws: EmbeddedAws) -> dict[str, int]:
    return {operation: count for operation, count in aws.calls().items() if operation in WRITES}


@pytest.fixture
def planted(aws: EmbeddedAws) -> EmbeddedAws:
    """Two repositories, two templates, and a policy of the registry that somebody else has written."""
    aws.plant_many({"services/web": None, "base": policy(OWN_BUILDS)})
    aws.plant_registry_policy(whole_registry(REPLICATION))
    aws.plant_template("services", policy(OWN_BUILDS), imageTagMutability="IMMUTABLE", description="of services")
    aws.plant_template("ROOT", applied_for=["CREATE_ON_PUSH", "PULL_THROUGH_CACHE"])
    return aws


TEAMS = (allow("pull", root(TEAM)), allow_functions(functions(TEAM)))
PARTNERS = allow("pull_push", root(PARTNER))
SHARED = {
    "repositories": {"services/web": policy(TEAMS[0], PARTNERS, TEAMS[1]), "base": policy(OWN_BUILDS, *TEAMS)},
    "registry": whole_registry(
        REPLICATION,
        in_registry(allow_organization("pull", ORGANIZATION), "*"),
        in_registry(PARTNERS, "services/*"),
    ),
    "templates": {"services": policy(OWN_BUILDS, TEAMS[0], PARTNERS, TEAMS[1]), "ROOT": policy(*TEAMS)},
}


def stored(aws: EmbeddedAws) -> dict[str, Any]:
    return {"repositories": of_repositories(aws), "registry": registry_policy(aws), "templates": of_templates(aws)}


def plant_shared(aws: EmbeddedAws) -> None:
    """Bring the planted ones to the grants, as a run would."""
    aws.plant_many(SHARED["repositories"])
    aws.plant_registry_policy(SHARED["registry"])
    for prefix, text in SHARED["templates"].items():
        aws.plant_template(prefix, text)


class TestSharing:
    def test_brings_all_three_to_the_grants_of_one_inventory_and_keeps_what_others_have(
        self, planted: EmbeddedAws, play: Play
    ) -> None:
        before = stored(planted)
        foreseen = play("share", INVENTORY, "--check")
        assert (foreseen.code, stored(planted)) == (0, before), foreseen.output

        done = play("share", INVENTORY)

        assert done.code == 0, done.output
        assert stored(planted) == SHARED
        services = planted.templates()["services"]
        assert (services["imageTagMutability"], services["description"]) == ("IMMUTABLE", "of services")
        lines = [
            f"+ {TEAM} pull, Lambda in us-east-1: 2 repositories: * in images us-east-1",
            f"+ {TEAM} pull, Lambda in us-east-1: 2 templates: ROOT, services in images us-east-1",
            f"+ {PARTNER} pull, push: 1 repository: services/web in images us-east-1",
            f"+ {ORGANIZATION} pull: registry policy for * in images us-east-1",
            f"+ {PARTNER} pull, push: registry policy for services/* in images us-east-1",
            f"+ {PARTNER} pull, push: 1 template: services in images us-east-1",
        ]
        assert told(foreseen)[:7] == ["GRANTS (check mode: nothing was written)", *lines]
        assert told(done)[:7] == ["GRANTS", *lines]
        counts = "2 of 2 repositories, 1 of 1 registry policies, 2 of 2 templates {} in 1 registry"
        assert counts.format("would change") in told(foreseen)
        assert counts.format("changed") in told(done)
        # What ECR creates afterwards is shared from its first moment.
        assert planted.create_as_ecr("services/coming", "push")
        assert of_repositories(planted)["services/coming"] == SHARED["templates"]["services"]

    def test_again_changes_nothing(self, planted: EmbeddedAws, play: Play) -> None:
        plant_shared(planted)
        planted.reset_calls()
        done = play("share", INVENTORY)
        assert (done.code, done.recap("images")["changed"], writes(planted)) == (0, 0, {}), done.output

    def test_never_writes_to_the_registry_of_another_account(self, planted: EmbeddedAws, play: Play) -> None:
        before = stored(planted)
        own = {"ecr_share_regions": [REGION], "ecr_share_registry_id": OTHER_ACCOUNT}
        planted.plant_many({"services/web": None}, OTHER_ACCOUNT)
        done = play("share", registries({"ecr_share_repositories": ["*"], "ecr_share_grants": GRANTS}, images=own))
        assert done.code == 2
        assert stored(planted) == before
        assert planted.policies(account=OTHER_ACCOUNT)["services/web"] is not None
        failures = [line for line in told(done) if line.startswith("x ")]
        assert len(failures) == 2
        assert all(f"registry alone, that of account {ACCOUNT}" in line for line in failures)

    def test_of_hosts_that_are_repositories_has_one_run_for_their_registry(
        self, planted: EmbeddedAws, play: Play
    ) -> None:
        common = {"ecr_share_grants": [{**GRANTS[2], "apply_to": ["registry"]}]}
        done = play("share", repositories(common, **{"services/web": {}, "base": {}}))
        assert done.code == 0, done.output
        assert registry_policy(planted) == whole_registry(REPLICATION, in_registry(PARTNERS, "services/*"))
        assert writes(planted) == {"PutRegistryPolicy": 1}


class TestAudit:
    def test_finds_in_all_three_what_is_not_as_declared(self, planted: EmbeddedAws, play: Play, tmp_path: Path) -> None:
        stranger = allow("push", root(STRANGER))
        plant_shared(planted)
        planted.plant_registry_policy(whole_registry(REPLICATION, in_registry(stranger, "old/*")))
        planted.plant_template("services", policy(TEAMS[0], stranger))
        folder = tmp_path / "report"

        done = play("audit", INVENTORY, "-e", json.dumps({"ecr_share_report_dir": str(folder)}))

        assert done.code == 0, done.output
        found = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        VALIDATOR.validate(found)
        findings = {
            (one["kind"], one["repository"], one["principal"], tuple(one["access"])) for one in found["findings"]
        }
        assert findings == {
            # Each is for other repositories.
            ("undeclared", None, STRANGER, ("replicate", "create")),
            ("undeclared", None, STRANGER, ("push",)),
            ("undeclared", "template services", STRANGER, ("push",)),
            ("drift", None, ORGANIZATION, ("pull",)),
            ("drift", None, PARTNER, ("pull", "push")),
            ("drift", "template services", PARTNER, ("pull", "push")),
            ("drift", "template services", TEAM, ()),
        }
        (registry,) = found["registries"]
        assert [row["name"] for row in registry["repositories"]] == [
            "base", "services/web", "template ROOT", "template services"
        ]  # fmt: skip
        assert "template services" in (folder / "report.csv").read_text(encoding="utf-8")
        assert "`template services`" in (folder / "report.md").read_text(encoding="utf-8")
        assert 'name="template services"' in (folder / "report.junit.xml").read_text(encoding="utf-8")

    def test_finds_nothing_where_all_three_are_as_declared(self, planted: EmbeddedAws, play: Play) -> None:
        plant_shared(planted)
        accepted = {"principal": STRANGER, "reason": "replication", "repositories": ["registry policy"]}
        done = play("audit", INVENTORY, "-e", json.dumps({"ecr_share_accepted": [accepted]}))
        assert told(done)[0] == "No findings.", done.output
        assert f"images {ACCOUNT} us-east-1: 2 repositories, 2 templates, " in done.flat

    def test_says_that_templates_could_not_be_read(self, planted: EmbeddedAws, play: Play) -> None:
        planted.settings(deny=[{"operation": "DescribeRepositoryCreationTemplates"}])
        only = {"ecr_share_grants": [{"principals": [TEAM]}], "ecr_share_fail_on": ["unread"]}
        done = play("audit", INVENTORY, "-e", json.dumps(only))
        assert done.code == 2
        assert "1 finding that ecr_share_fail_on names: unread 1" in done.flat
        assert any(line.startswith("unread ") and "template *" in line for line in told(done))
        assert "the creation templates were not read, and repositories to come may let in others" in done.flat


class TestTakingOut:
    OFFBOARD = ("-e", json.dumps({"ecr_share_offboard": [PARTNER]}))

    def test_is_from_all_three_whatever_wrote_it(self, planted: EmbeddedAws, play: Play) -> None:
        plant_shared(planted)
        by_hand = {**SCANNERS, "Sid": "by hand", "Principal": {"AWS": [root(PARTNER), root(TEAM)]}}
        planted.plant_registry_policy(whole_registry(REPLICATION, {**by_hand, "Resource": "*"}))
        planted.plant_template("ROOT", policy(by_hand))

        done = play("offboard", INVENTORY, *self.OFFBOARD)

        assert done.code == 0, done.output
        assert PARTNER not in json.dumps(stored(planted))
        assert root(TEAM) in json.dumps(registry_policy(planted))
        assert root(TEAM) in json.dumps(of_templates(planted)["ROOT"])
        lines = told(done)
        assert f"- {PARTNER} pull, push: 1 repository: services/web in images us-east-1" in lines
        assert f"- {PARTNER} pull, push: 1 template: services in images us-east-1" in lines
        assert any(line.startswith(f"- {PARTNER} ") and "registry policy for *" in line for line in lines)
        assert lines[-1].startswith(f"{PARTNER} is out")

    @pytest.mark.parametrize(
        ("operation", "said"),
        [
            ("DescribeRepositoryCreationTemplates", "the creation templates: "),
            ("UpdateRepositoryCreationTemplate", "template services: "),
        ],
    )
    def test_is_not_claimed_where_templates_may_let_somebody_in(
        self, planted: EmbeddedAws, play: Play, operation: str, said: str
    ) -> None:
        plant_shared(planted)
        planted.settings(deny=[{"operation": operation}])
        done = play("offboard", INVENTORY, *self.OFFBOARD)
        assert done.code == 2
        assert said in done.flat
        assert told(done)[-1].startswith((f"{PARTNER} is out as far as could be read", f"{PARTNER} still gets in"))

    def test_by_the_state_is_from_all_three(self, planted: EmbeddedAws, play: Play) -> None:
        plant_shared(planted)
        absent = {"ecr_share_state": "absent", "ecr_share_absent_principals": [PARTNER]}
        done = play("share", INVENTORY, "-e", json.dumps(absent))
        assert done.code == 0, done.output
        found = json.dumps(stored(planted))
        assert root(PARTNER) not in found
        assert root(TEAM) in found


class TestRecovering:
    def test_puts_back_what_a_snapshot_has_of_one_kind_or_of_all(
        self, planted: EmbeddedAws, play: Play, tmp_path: Path
    ) -> None:
        before = stored(planted)
        saved = play("snapshot", INVENTORY, "-e", json.dumps({"ecr_share_backup_dir": str(tmp_path / "saved")}))
        (line,) = told(saved)
        assert ": 5 policies saved (2 repositories, 1 registry policy, 2 templates), in " in line, saved.output
        plant_shared(planted)
        restoring = {"ecr_share_backup_path": str(tmp_path / "saved"), "ecr_share_overwrite": True}

        one = play("restore", INVENTORY, "-e", json.dumps({**restoring, "ecr_share_restore_apply_to": ["templates"]}))
        assert one.code == 0, one.output
        assert stored(planted) == {**SHARED, "templates": before["templates"]}
        assert "2 of 2 templates changed in 1 registry" in told(one)

        rest = play("restore", INVENTORY, "-e", json.dumps(restoring))
        assert rest.code == 0, rest.output
        assert stored(planted) == before


def test_asking_tells_of_templates_that_may_be_for_what_is_asked_for(planted: EmbeddedAws, play: Play) -> None:
    plant_shared(planted)
    asking = {"ecr_share_ask_principals": [PARTNER], "ecr_share_ask_repositories": ["services/*"]}
    done = play("ask", INVENTORY, "-e", json.dumps(asking))
    assert done.code == 0, done.output
    assert (
        f"+ {PARTNER} pull, push: 1 repository, 1 template: services/web, template services in images us-east-1"
        in "\n".join(told(done))
    )


def test_adopting_declares_what_is_in_all_three_so_that_sharing_it_changes_nothing(
    planted: EmbeddedAws, play: Play, tmp_path: Path
) -> None:
    plant_shared(planted)
    where = {"ecr_share_adopt_dir": str(tmp_path / "adopted"), "ecr_share_grants": []}
    done = play("adopt", INVENTORY, "-e", json.dumps(where))
    assert done.code == 0, done.output
    file = tmp_path / "adopted" / "images.yml"
    adopted = yaml.safe_load(file.read_text(encoding="utf-8"))
    applied = {(*one["principals"], *one.get("apply_to", ())) for one in adopted["ecr_share_grants_adopted"]}
    assert applied >= {
        (ORGANIZATION, "registry"),
        (PARTNER, "registry"),
        (TEAM, "templates"),
        (PARTNER, "templates"),
        (TEAM,),
        (PARTNER,),
    }

    shared = play("share", registries(images={}), "-e", f"@{file}")

    assert (shared.code, shared.recap("images")["changed"]) == (0, 0), shared.output
    assert stored(planted) == SHARED
