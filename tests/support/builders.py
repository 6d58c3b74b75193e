# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policies, statements and grants for tests, and the names that they use.

The sets of actions are written out here a second time, on purpose.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ansible_collections.imageshare.aws.plugins.module_utils._iam.principals import Principal, read_principal
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.grants import Grant

OWNER, ACCOUNT, OTHER = "123456789012", "111122223333", "444455556666"
ROLE, USER = f"arn:aws:iam::{ACCOUNT}:role/ci", f"arn:aws:iam::{ACCOUNT}:user/alice"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/ci/nightly"
ORGANIZATION, UNIT = "o-a1b2c3d4e5", "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*"
DELETED_ROLE, DELETED_USER = "AROAEXAMPLEROLE123456", "AIDAEXAMPLEUSER123456"
REPOSITORY = f"arn:aws:ecr:us-east-1:{OWNER}:repository/base/python"

PULL = ("ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage", "ecr:BatchCheckLayerAvailability")
UPLOAD = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:PutImage",
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
)
PUSH = (*UPLOAD, "ecr:BatchGetImage")
DESCRIBE = ("ecr:DescribeRepositories", "ecr:DescribeImages", "ecr:ListImages")
LAMBDA_PULL = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
LAMBDA: dict[str, Any] = {"Service": "lambda.amazonaws.com"}


def root(account: str, partition: str = "aws") -> str:
    """Return the principal that stands for a whole account."""
    return f"arn:{partition}:iam::{account}:root"


def functions(account: str, region: str = "us-east-1", name: str = "*", partition: str = "aws") -> str:
    """Return the ARN of a Lambda function, or the pattern of all of them in a region."""
    return f"arn:{partition}:lambda:{region}:{account}:function:{name}"


ROOT, OTHER_ROOT = root(ACCOUNT), root(OTHER)
EAST, WEST = functions(ACCOUNT), functions(ACCOUNT, "eu-west-1")


def aws(*names: str) -> dict[str, Any]:
    """Return the Principal of AWS identities."""
    return {"AWS": list(names)}


def statement(**elements: Any) -> dict[str, Any]:
    """Return a statement that allows everybody the pull, but for the given elements; None drops one."""
    whole = {"Effect": "Allow", "Principal": "*", "Action": list(PULL), **elements}
    return {name: value for name, value in whole.items() if value is not None}


def allow(*names: str, **elements: Any) -> dict[str, Any]:
    """Return a statement that allows AWS identities, or everybody, the pull, but for the given elements."""
    return statement(**{**({"Principal": aws(*names)} if names else {}), **elements})


def deny(*names: str, **elements: Any) -> dict[str, Any]:
    """Return a statement that denies AWS identities, or everybody, the pull, but for the given elements."""
    return allow(*names, **{"Effect": "Deny", **elements})


def all_but(*names: str, **elements: Any) -> dict[str, Any]:
    """Return a Deny for everybody but AWS identities."""
    return deny(**{"Principal": None, "NotPrincipal": aws(*names), **elements})


def when(operator: str, key: str, values: Any, **elements: Any) -> dict[str, Any]:
    """Return a statement that allows everybody the pull under a condition, but for the given elements."""
    return statement(Condition={operator: {key: values}}, **elements)


def deny_when(operator: str, key: str, values: Any, **elements: Any) -> dict[str, Any]:
    """Return a statement that denies everybody the pull under a condition, but for the given elements."""
    return when(operator, key, values, **{"Effect": "Deny", **elements})


def allow_functions(*sources: str, **elements: Any) -> dict[str, Any]:
    """Return a statement that allows Lambda the pull, on behalf of these functions if there are any."""
    condition = {"StringLike": {"aws:sourceARN": list(sources)}} if sources else None
    return statement(**{"Principal": LAMBDA, "Action": list(LAMBDA_PULL), "Condition": condition, **elements})


def policy(*statements: dict[str, Any], **members: Any) -> dict[str, Any]:
    """Return a policy of these statements."""
    return {"Version": "2008-10-17", **members, "Statement": list(statements)}


def principal(name: str, partition: str = "aws") -> Principal:
    """Return the principal of a grant."""
    found = read_principal(name, partition)
    assert found is not None, name
    return found


def grant(
    name: str,
    access: Iterable[str] = ("pull",),
    regions: Iterable[str] | None = None,
    partition: str = "aws",
    repositories: Iterable[str] | None = None,
) -> Grant:
    """Return the grant of some capabilities to one principal."""
    assert not isinstance(access, str), access
    listed = (None if values is None else tuple(values) for values in (regions, repositories))
    return Grant(principal(name, partition), frozenset(access), *listed)
