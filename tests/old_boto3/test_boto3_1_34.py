# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the first boto3 that amazon.aws 10 takes does not know is told, and all else is done. C(make matrix) runs this.

It knows neither creation templates nor the settings of an account.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from ansible_collections.imageshare.aws.tests.integration.inventories import registries
from ansible_collections.imageshare.aws.tests.integration.statements import BUILDS, TEAM, allow, policy, root
from ansible_collections.imageshare.aws.tests.support.ansible_process import ansible
from ansible_collections.imageshare.aws.tests.support.embedded_aws import REGION, EmbeddedAws
from ansible_collections.imageshare.aws.tests.support.module_process import (
    AUDIT,
    SHARE_REGISTRY,
    SHARE_TEMPLATES,
    run_module,
)

GRANTS = [{"principals": [TEAM], "access": ["pull"]}]


def test_creation_templates_are_refused_with_what_to_do(aws: EmbeddedAws) -> None:
    aws.plant_template("services", policy(BUILDS))

    result = run_module(aws, module=SHARE_TEMPLATES, prefixes=["*"], grants=GRANTS)

    assert result.failed
    assert result.message == "Nothing was done: this boto3 does not know creation templates. Use a newer one."
    assert aws.actions() == set()


def test_an_audit_reads_the_rest_and_tells_that_templates_are_not_known(aws: EmbeddedAws) -> None:
    aws.plant("app", policy(allow("pull", root(TEAM))))
    aws.plant_template("services", policy(BUILDS))

    result = run_module(aws, module=AUDIT, include_templates=True)

    assert "creation templates" in result.text
    assert "Use a newer one" in result.text
    assert [share["principal"] for share in result.rows["app"]["shares"]] == [TEAM]


@pytest.mark.parametrize("check", [True, False], ids=["check mode", "real"])
def test_the_policy_of_a_registry_is_shared_without_a_look_at_its_scope(aws: EmbeddedAws, check: bool) -> None:
    result = run_module(aws, module=SHARE_REGISTRY, grants=GRANTS, check=check)

    assert result.changed
    assert "ecr:GetAccountSetting" not in aws.actions()
    stored = aws.registry_policy()
    assert (stored is None) == check
    if stored is not None:
        (statement,) = json.loads(stored)["Statement"]
        assert statement["Principal"] == {"AWS": root(TEAM)}


def test_a_scope_that_refuses_a_pull_is_named_among_the_reasons(aws: EmbeddedAws) -> None:
    aws.settings(registry_policy_scope="V1")

    result = run_module(aws, module=SHARE_REGISTRY, grants=GRANTS)

    assert result.failed
    assert "has the policy scope V1" in result.message
    assert "boto3 1.35 or later" in result.message
    assert aws.registry_policy() is None


def test_the_role_takes_out_of_repositories_who_is_to_leave_and_fails_for_the_templates(
    aws: EmbeddedAws, tmp_path: Path
) -> None:
    aws.plant("app", policy(BUILDS, allow("pull", root(TEAM))))
    variables = {
        "ecr_share_repositories": ["app"],
        "ecr_share_regions": [REGION],
        "ecr_share_state": "absent",
        "ecr_share_absent_principals": [TEAM],
    }
    inventory = tmp_path / "inventory.yml"
    inventory.write_text(yaml.safe_dump(registries(variables, images={})), encoding="utf-8")

    done = ansible(aws, tmp_path, "playbook", "-i", inventory, "imageshare.aws.share")

    assert done.code == 2
    assert "templates *: Nothing was done: this boto3 does not know creation templates. Use a newer one." in done.flat
    assert json.loads(aws.policies()["app"] or "") == policy(BUILDS)
