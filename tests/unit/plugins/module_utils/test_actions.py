# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The actions of ECR: the table against the API's own model, what wildcards stand for, and what it amounts to."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._evaluation.actions import (
    ADMIN_ACTIONS,
    OTHER_ACTIONS,
    PERMISSIONS_ONLY,
    PULLING,
    PUSHING,
    REPOSITORY_ACTIONS,
    additional_actions,
    covers,
    granted_actions,
    level,
)
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.managed_statements import ACTIONS
from botocore.loaders import Loader

ROOT = Path(__file__).resolve().parents[4]
ACTION = "ecr:BatchGetImage"


def statement(**elements: Any) -> dict[str, Any]:
    """A statement that allows everybody ACTION, but for the given elements; None drops one."""
    whole = {"Effect": "Allow", "Principal": "*", "Action": ACTION, **elements}
    return {name: value for name, value in whole.items() if value is not None}


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
    granted = {action for actions in ACTIONS.values() for action in actions}
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
    assert covers(drawn, ACTION) is expected


BEYOND: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
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


@pytest.mark.parametrize(("drawn", "expected"), BEYOND.values(), ids=BEYOND.keys())
def test_beyond_the_known_actions_is(drawn: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert additional_actions(drawn, [ACTION]) == expected


GRANTED: dict[str, tuple[dict[str, Any], set[str]]] = {
    "names in any case": (statement(Action=["ECR:batchgetimage"]), {ACTION}),
    "a wildcard": (
        statement(Action="ecr:*LayerUpload"),
        {"ecr:InitiateLayerUpload", "ecr:CompleteLayerUpload"},
    ),
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


# --- level ---

PULL = {"ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage", "ecr:BatchCheckLayerAvailability"}
UPLOAD = {"ecr:PutImage", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload"}
LEVELS: dict[str, tuple[set[str], str]] = {
    "a pull": (PULL, "pull"),
    "a push": (UPLOAD | {"ecr:BatchCheckLayerAvailability"}, "push"),
    "both": (PULL | UPLOAD, "pull_push"),
    "less than a pull": (PULL - {"ecr:BatchCheckLayerAvailability"}, "partial"),
    "more than a pull": (PULL | {"ecr:ListImages"}, "partial"),
    "something else": ({"ecr:DescribeImages"}, "partial"),
    "a pull and more that changes the policy": (PULL | {"ecr:SetRepositoryPolicy"}, "admin"),
    "the end of images": (PULL | {"ecr:BatchDeleteImage"}, "admin"),
    "everything": (set(REPOSITORY_ACTIONS), "admin"),
}


@pytest.mark.parametrize(("actions", "expected"), LEVELS.values(), ids=LEVELS.keys())
def test_actions_amount_to(actions: set[str], expected: str) -> None:
    assert level(frozenset(actions)) == expected


@pytest.mark.parametrize(
    ("deed", "needs", "uses"),
    [("pull", PULLING, ACTIONS[frozenset({"pull"})]), ("push", PUSHING, ACTIONS[frozenset({"push"})])],
)
def test_the_page_of_the_role_knows_the_same_actions(deed: str, needs: frozenset[str], uses: tuple[str, ...]) -> None:
    # It stands alone, and cannot ask.
    script = (ROOT / "roles/ecr_share/templates/report.js").read_text(encoding="utf-8")
    (found,) = re.findall(rf'deed: "{deed}".*?needs: \[(.*?)\].*?uses: \[(.*?)\]', script, re.DOTALL)
    assert [set(re.findall(r'"(.*?)"', listed)) for listed in found] == [set(needs), set(uses)]
