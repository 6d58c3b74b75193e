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
from ansible_collections.imageshare.aws.tests.integration.conftest import Play
from ansible_collections.imageshare.aws.tests.integration.desk import told
from ansible_collections.imageshare.aws.tests.integration.inventories import (
    OTHER_ACCOUNT,
    OTHER_REGION,
    registries,
    repositories,
)
from ansible_collections.imageshare.aws.tests.integration.statements import (
    BUILDS,
    ORGANIZATION,
    PARTNER,
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

# What others have in the policy of the registry.
REPLICATION: dict[str, Any] = {
    "Sid": "replication",
    "Effect": "Allow",
    "Principal": {"AWS": root(STRANGER)},
    "Action": ["ecr:CreateRepository", "ecr:ReplicateImage"],
    "Resource": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/*",
}
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
    aws.plant_many({"services/web": None, "base": policy(BUILDS)})
    aws.plant_registry_policy(whole_registry(REPLICATION))
    aws.plant_template("services", policy(BUILDS), imageTagMutability="IMMUTABLE", description="of services")
    aws.plant_template("ROOT", applied_for=["CREATE_ON_PUSH", "PULL_THROUGH_CACHE"])
    return aws


TEAMS = (allow("pull", root(TEAM)), allow_functions(functions(TEAM)))
PARTNERS = allow("pull_push", root(PARTNER))


class TestSharing:
    def test_brings_all_three_to_the_grants_of_one_inventory_and_keeps_what_others_have(
        self, planted: EmbeddedAws, play: Play, tmp_path: Path
    ) -> None:
        foreseen = play("share", INVENTORY, "--check")
        assert (foreseen.code, writes(planted)) == (0, {}), foreseen.output

        done = play("share", INVENTORY)

        assert done.code == 0, done.output
        assert of_repositories(planted) == {
            "services/web": policy(TEAMS[0], PARTNERS, TEAMS[1]),
            "base": policy(BUILDS, *TEAMS),
        }
        print(json.dumps(registry_policy(planted), indent=1), json.dumps(of_templates(planted), indent=1))
        print(told(done))
        again = play("share", INVENTORY)
        assert again.recap("images")["changed"] == 0
        assert 0
