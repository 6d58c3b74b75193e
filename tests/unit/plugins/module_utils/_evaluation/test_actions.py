# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The actions of ECR: the table against the API's own model, what wildcards stand for, and what it amounts to."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._evaluation.actions import (
    ADMIN_ACTIONS,
    access_of,
    additional_actions,
    granted_actions,
    other_actions,
)
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.capabilities import CAPABILITIES
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.ecr_actions import (
    OTHER_ACTIONS,
    PERMISSIONS_ONLY,
    REPOSITORY_ACTIONS,
)
from ansible_collections.imageshare.aws.tests.support.builders import DESCRIBE, PULL, PUSH, UPLOAD
from ansible_collections.imageshare.aws.tests.support.builders import statement as any_statement
from botocore.loaders import Loader

ACTION = "ecr:BatchGetImage"


def statement(**elements: Any) -> dict[str, Any]:
    """A statement that allows everybody ACTION, but for the given elements; None drops one."""
    return any_statement(**{"Action": ACTION, **elements})


# --- the tables ---


@pytest.mark.filterwarnings("default:new operations:UserWarning")
def test_every_action_of_the_tables_is_an_operation_of_the_api_or_a_permission_alone() -> None:
    """A later botocore may have new operations. They are told; whether they are actions is in AWS's reference."""
    operations = {f"ecr:{name}" for name in Loader().load_service_model("ecr", "service-2")["operations"]}
    gone = (REPOSITORY_ACTIONS | OTHER_ACTIONS) - PERMISSIONS_ONLY - operations
    assert not gone, f"no operations of the API: {sorted(gone)}; look them up in the service authorization reference"
    new = operations - REPOSITORY_ACTIONS - OTHER_ACTIONS
    if new:
        warnings.warn(f"new operations, not in the tables of _actions.py: {sorted(new)}", stacklevel=1)


def test_the_tables_hold_what_the_collection_grants() -> None:
    granted = {action for capability in CAPABILITIES for actions in capability.action_sets for action in actions}
    assert granted <= REPOSITORY_ACTIONS
    assert ADMIN_ACTIONS <= REPOSITORY_ACTIONS
    assert PERMISSIONS_ONLY <= REPOSITORY_ACTIONS
    assert not REPOSITORY_ACTIONS & OTHER_ACTIONS


# --- what a statement includes ---

COVERED: dict[str, tuple[dict[str, Any], bool]] = {
    "itself": (statement(), True),
    "itself in another case": (statement(Action=["ECR:batchgetimage"]), True),
    "a star at the end": (statement(Action="ecr:Batch*"), True),
    "a star in between": (statement(Action="ecr:*Image"), True),
    "a question mark": (statement(Action="ecr:BatchGet?mage"), True),
    "a star alone": (statement(Action="*"), True),
    "another action": (statement(Action="ecr:PutImage"), False),
    "its prefix": (statement(Action="ecr:BatchGet"), False),
    "a question mark too many": (statement(Action="ecr:BatchGetImage?"), False),
    "brackets, which are no wildcard": (statement(Action="ecr:[B]atchGetImage"), False),
    "another service's star": (statement(Action="ecr-public:*"), False),
    "no action": (statement(Action=None), False),
    "an empty list": (statement(Action=[]), False),
    "all but another": (statement(Action=None, NotAction="ecr:PutImage"), True),
    "all but itself": (statement(Action=None, NotAction=["ecr:PutImage", "ecr:batch*"]), False),
}


@pytest.mark.parametrize(("drawn", "expected"), COVERED.values(), ids=COVERED.keys())
def test_an_action_is_covered_by(drawn: dict[str, Any], expected: bool) -> None:
    assert (ACTION in granted_actions(drawn)) is expected


ADDITIONAL: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "nothing where all is known": (statement(Action=["ecr:batchGetImage", ACTION]), ()),
    "what is not known, as it is spelt": (statement(Action=[ACTION, "ECR:PutImage"]), ("ECR:PutImage",)),
    "each action once, in order": (
        statement(Action=["ecr:PutImage", "ecr:ListImages", "ecr:PutImage"]),
        ("ecr:PutImage", "ecr:ListImages"),
    ),
    "a wildcard": (statement(Action="ecr:BatchGet*"), ("ecr:BatchGet*",)),
    "a star alone": (statement(Action="*"), ("*",)),
    "not the token, which cannot be granted": (statement(Action=["ecr:getAuthorizationToken", ACTION]), ()),
    "not what belongs to another service": (statement(Action=["s3:GetObject", "ecr-public:*"]), ()),
    "all but what NotAction names": (
        statement(Action=None, NotAction=["ecr:PutImage", "ecr:Delete*"]),
        ("all but ecr:PutImage, ecr:Delete*",),
    ),
    "nothing of no action": (statement(Action=None), ()),
}


@pytest.mark.parametrize(("drawn", "expected"), ADDITIONAL.values(), ids=ADDITIONAL.keys())
def test_actions_that_are_not_known_are(drawn: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert additional_actions(drawn, [ACTION]) == expected


GRANTED: dict[str, tuple[dict[str, Any], set[str]]] = {
    "names in any case": (statement(Action=["ECR:batchgetimage"]), {ACTION}),
    "a wildcard": (statement(Action="ecr:*LayerUpload"), {"ecr:InitiateLayerUpload", "ecr:CompleteLayerUpload"}),
    "question marks": (statement(Action="ecr:???Image"), {"ecr:PutImage"}),
    "a wildcard for the service": (statement(Action="e*:PutImage"), {"ecr:PutImage"}),
    "everything of ECR": (statement(Action="ecr:*"), set(REPOSITORY_ACTIONS)),
    "everything": (statement(Action="*"), set(REPOSITORY_ACTIONS)),
    "all but some": (
        statement(Action=None, NotAction=["ecr:Put*", ACTION]),
        set(REPOSITORY_ACTIONS)
        - {ACTION, "ecr:PutImage", "ecr:PutImageScanningConfiguration", "ecr:PutImageTagMutability"}
        - {"ecr:PutLifecyclePolicy"},
    ),
    "all but what belongs to another service": (statement(Action=None, NotAction="s3:*"), set(REPOSITORY_ACTIONS)),
    "all but everything": (statement(Action=None, NotAction="*"), set()),
    "nothing where both are given, which AWS refuses": (statement(NotAction="ecr:PutImage"), set()),
    "nothing by more stars than there is time for": (statement(Action="ecr:" + "*e" * 40 + "x"), set()),
    "nothing of another service": (statement(Action=["s3:*", "ecr-public:PutImage"]), set()),
    "not the token": (statement(Action=["ecr:GetAuthorizationToken", "ecr:getauthorizationtoken"]), set()),
    "not what is the registry's": (statement(Action=["ecr:CreateRepository", "ecr:PutRegistryPolicy"]), set()),
    "a name that the tables do not have, as it is written": (
        statement(Action=["ecr:BatchCheckLaterAvailability"]),
        {"ecr:BatchCheckLaterAvailability"},
    ),
    "not what is no name": (statement(Action=["ecr: ListImages", "ecr:", "PutImage"]), set()),
}


@pytest.mark.parametrize(("drawn", "expected"), GRANTED.values(), ids=GRANTED.keys())
def test_a_statement_includes(drawn: dict[str, Any], expected: set[str]) -> None:
    assert granted_actions(drawn) == expected


# --- what actions amount to ---

# Of each: actions, the capabilities that they include as a whole, and what is left.
ACCESS: dict[str, tuple[set[str], tuple[str, ...], set[str]]] = {
    "nothing": (set(), (), set()),
    "a pull": ({*PULL}, ("pull",), set()),
    "a push": ({*PUSH}, ("push",), set()),
    "a push as an earlier version wrote it": ({*UPLOAD}, ("push",), set()),
    "a description": ({*DESCRIBE}, ("describe",), set()),
    "a pull and a push": ({*PULL, *PUSH}, ("pull", "push"), set()),
    "a pull and an earlier push": ({*PULL, *UPLOAD}, ("pull", "push"), set()),
    "less than a pull": ({*PULL[:2]}, (), {*PULL[:2]}),
    "more than a pull": ({*PULL, "ecr:ListImages"}, ("pull",), {"ecr:ListImages"}),
    "something else": ({"ecr:DescribeImages"}, (), {"ecr:DescribeImages"}),
    "a pull and more that changes the policy": (
        {*PULL, "ecr:SetRepositoryPolicy"},
        ("pull", "admin"),
        {"ecr:SetRepositoryPolicy"},
    ),
    "the end of images": ({"ecr:BatchDeleteImage"}, ("admin",), {"ecr:BatchDeleteImage"}),
    "everything": (
        set(REPOSITORY_ACTIONS),
        ("pull", "push", "describe", "replicate", "admin"),
        REPOSITORY_ACTIONS.difference(PULL, PUSH, DESCRIBE),
    ),
}


@pytest.mark.parametrize(("actions", "access", "others"), ACCESS.values(), ids=ACCESS.keys())
def test_actions_amount_to(actions: set[str], access: tuple[str, ...], others: set[str]) -> None:
    assert access_of(frozenset(actions)) == access
    assert other_actions(frozenset(actions)) == others
