# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The registry in memory treats policies of the registry and of templates as the embedded AWS does."""

from __future__ import annotations

import json

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._registry import (
    EcrError,
    PolicyRefusedError,
    PolicyTarget,
    RepositoryMissingError,
    StoredPolicy,
    Template,
)
from ansible_collections.imageshare.aws.tests.support.embedded_aws import EmbeddedAws
from ansible_collections.imageshare.aws.tests.support.in_memory import OWNER, InMemory
from ansible_collections.imageshare.aws.tests.unit.support.embedded_calls import GONE, policy, shared_with, statement

GUARDED = {"appliedFor": ["CREATE_ON_PUSH"], "imageTagMutability": "IMMUTABLE"}
OF_REGISTRY = policy(statement(Resource="*"))


def write(target: PolicyTarget, text: str | None) -> str | None:
    return target.write(text, replacing=StoredPolicy(None, None), force=False, retry_invalid_principal=False)


def registry(**more: object) -> InMemory:
    return InMemory({"app": None}, templates={"services": GUARDED}, **more)


@pytest.fixture
def targets() -> dict[str, PolicyTarget]:
    found = registry()
    return {"registry": found.policy_of_registry(), "template": found.template("services")}


@pytest.mark.parametrize(
    ("which", "label", "wanted"),
    [("registry", "registry policy", OF_REGISTRY), ("template", "template services", policy())],
)
def test_a_policy_is_stored_as_the_embedded_aws_stores_it(
    aws: EmbeddedAws, targets: dict[str, PolicyTarget], which: str, label: str, wanted: object
) -> None:
    target, text = targets[which], json.dumps(wanted)
    client = aws.client()
    if which == "registry":
        client.put_registry_policy(policyText=text)
        stored = aws.registry_policy()
    else:
        client.create_repository_creation_template(prefix="a", appliedFor=[], repositoryPolicy=text)
        stored = aws.templates()["a"]["repositoryPolicy"]
    assert (target.kind, target.label, target.resource_arn(OWNER)) == (which, label, None)
    assert target.read().text is None
    assert write(target, text) == target.read().text == stored
    assert target.read().registry_id == OWNER
    assert write(target, None) is None
    assert target.read().text is None


@pytest.mark.parametrize(
    ("which", "refused"),
    [
        pytest.param("registry", policy(), id="no Resource in that of a registry"),
        pytest.param("template", OF_REGISTRY, id="a Resource in that of a template"),
        pytest.param("template", shared_with(GONE), id="a deleted principal"),
    ],
)
def test_what_aws_refuses_is_refused(targets: dict[str, PolicyTarget], which: str, refused: object) -> None:
    with pytest.raises(PolicyRefusedError):
        write(targets[which], json.dumps(refused))
    assert targets[which].read().text is None


def test_a_template_keeps_its_other_fields_and_is_listed() -> None:
    found = registry()
    write(found.template("services"), json.dumps(policy()))
    assert found.template("services").read().fields == {"prefix": "services", **GUARDED}
    (listed,) = found.templates()
    assert listed == Template("services", ("CREATE_ON_PUSH",), found.of_templates["services"]["repositoryPolicy"])
    assert found.names() == ["app"]


def test_what_is_not_there_or_cannot_be_read_is_told() -> None:
    with pytest.raises(RepositoryMissingError):
        registry().template("none").read()
    with pytest.raises(EcrError, match="denied"):
        registry(registry_policy=EcrError("denied")).policy_of_registry().read()
