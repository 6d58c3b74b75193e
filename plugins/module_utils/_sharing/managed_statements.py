# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""The table of statement templates: which statements are managed, and where they hold their grantees."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from .._iam.arns import root_arn
from .._iam.document import Statement
from .._iam.principals import Principal, PrincipalType, read_principal
from .grants import Access


@dataclass(frozen=True, eq=False)
class Slot:
    """The one list of a managed statement that holds its grantees, and the fixed part around it.

    kinds: the principals it can hold.
    principal: the fixed Principal; None where the slot itself is C(Principal.AWS).
    operators, key: the condition that holds the slot, spelt as in a new statement; any of the operators is recognised.
    order: the members of a new statement.
    """

    kinds: frozenset[PrincipalType]
    order: tuple[str, ...]
    principal: Any = None
    operators: tuple[str, ...] = ()
    key: str = ""

    @cached_property
    def members(self) -> frozenset[str]:
        return frozenset(self.order)

    @property
    def takes_wildcards(self) -> bool:
        return any(operator.endswith("Like") for operator in self.operators)


@dataclass(frozen=True)
class Template:
    """A row of the table of statements: sid is that of a new statement, actions are in the order of one."""

    slot: Slot
    access: Access
    sid: str
    actions: tuple[str, ...]


PULL_ACTIONS = ("ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage", "ecr:BatchCheckLayerAvailability")
_UPLOAD = ("ecr:PutImage", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload")
PUSH_ACTIONS = ("ecr:BatchCheckLayerAvailability", *_UPLOAD)
PULL_PUSH_ACTIONS = PULL_ACTIONS + _UPLOAD
# https://docs.aws.amazon.com/lambda/latest/dg/images-create.html#gettingstarted-images-permissions
LAMBDA_ACTIONS = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
LAMBDA_SERVICE = "lambda.amazonaws.com"
# Lambda writes a statement with this Sid and looks for it, so it is Lambda's whatever it says.
_LAMBDA_OWN_SID = "LambdaECRImageRetrievalPolicy"

_IDENTITY = Slot(
    kinds=frozenset({PrincipalType.ACCOUNT, PrincipalType.ROLE, PrincipalType.USER, PrincipalType.SESSION}),
    order=("Sid", "Effect", "Principal", "Action"),
)
LAMBDA = Slot(
    kinds=frozenset({PrincipalType.ACCOUNT}),
    order=("Sid", "Effect", "Action", "Principal", "Condition"),
    principal={"Service": LAMBDA_SERVICE},
    operators=("StringLike", "ArnLike"),
    key="aws:sourceARN",
)
_ORGANIZATION = Slot(
    kinds=frozenset({PrincipalType.ORGANIZATION}),
    order=("Sid", "Effect", "Principal", "Action", "Condition"),
    principal="*",
    operators=("StringEquals",),
    key="aws:PrincipalOrgID",
)
_ORGANIZATIONAL_UNIT = Slot(
    kinds=frozenset({PrincipalType.ORGANIZATIONAL_UNIT}),
    order=("Sid", "Effect", "Principal", "Action", "Condition"),
    principal="*",
    operators=("ForAnyValue:StringLike",),
    key="aws:PrincipalOrgPaths",
)

# A set of actions that was published once stays in this table for ever, so that what it wrote is still recognised;
# a later one goes after it, in a row of its own.
TEMPLATES = (
    Template(_IDENTITY, Access.PULL, "AllowPull", PULL_ACTIONS),
    Template(_IDENTITY, Access.PUSH, "AllowPush", PUSH_ACTIONS),
    Template(_IDENTITY, Access.PULL_PUSH, "AllowPullAndPush", PULL_PUSH_ACTIONS),
    Template(LAMBDA, Access.LAMBDA, "AllowLambdaPull", LAMBDA_ACTIONS),
    Template(_ORGANIZATION, Access.PULL, "AllowOrganizationPull", PULL_ACTIONS),
    Template(_ORGANIZATION, Access.PUSH, "AllowOrganizationPush", PUSH_ACTIONS),
    Template(_ORGANIZATION, Access.PULL_PUSH, "AllowOrganizationPullAndPush", PULL_PUSH_ACTIONS),
    Template(_ORGANIZATIONAL_UNIT, Access.PULL, "AllowOrganizationalUnitPull", PULL_ACTIONS),
    Template(_ORGANIZATIONAL_UNIT, Access.PUSH, "AllowOrganizationalUnitPush", PUSH_ACTIONS),
    Template(_ORGANIZATIONAL_UNIT, Access.PULL_PUSH, "AllowOrganizationalUnitPullAndPush", PULL_PUSH_ACTIONS),
)
ACTIONS: Mapping[Access, tuple[str, ...]] = {
    Access.PULL: PULL_ACTIONS,
    Access.PUSH: PUSH_ACTIONS,
    Access.PULL_PUSH: PULL_PUSH_ACTIONS,
    Access.LAMBDA: (),
}

_BY_ACTIONS: dict[frozenset[str], list[Template]] = {}
for _template in TEMPLATES:
    _BY_ACTIONS.setdefault(frozenset(action.lower() for action in _template.actions), []).append(_template)
_FUNCTIONS = re.compile(r"arn:(?P<partition>[^:]+):lambda:(?P<region>[^:]+):(?P<account>[0-9]{12}):function:\*")


def match_template(statement: Statement) -> tuple[Template, tuple[str, ...]] | None:
    """The template that a statement has the exact shape of, and the values in its slot; None if it is foreign.

    The Sid does not matter, except that Lambda's own statement is always foreign. So is one with an empty slot: AWS
    stores none, and taking the last value out of it again would remove it.
    """
    if statement.get("Effect") != "Allow" or statement.get("Sid") == _LAMBDA_OWN_SID:
        return None
    members = {*statement, "Sid"}
    for template in _templates_with(_strings(statement.get("Action")) or ()):
        if members == template.slot.members:
            values = _slot_values(template.slot, statement)
            if values:
                return template, values
    return None


def new_statement(template: Template, sid: str, values: Sequence[str]) -> dict[str, Any]:
    """A statement that grants a template's actions to the holders of the values (at least one)."""
    slot, held = template.slot, _scalar_or_list(values)
    members = {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": slot.principal if slot.key else {"AWS": held},
        "Action": list(template.actions),
        "Condition": {slot.operators[0]: {slot.key: held}} if slot.key else None,
    }
    return {name: members[name] for name in slot.order}


def with_values(statement: Statement, values: Sequence[str]) -> dict[str, Any]:
    """A managed statement with other values (at least one) in its slot, and all else as it was spelt."""
    held = _scalar_or_list(values)
    if "Condition" not in statement:
        return {**statement, "Principal": {"AWS": held}}
    ((operator, keys),) = statement["Condition"].items()
    return {**statement, "Condition": {operator: dict.fromkeys(keys, held)}}


def slot_value(principal: Principal, partition: str) -> str:
    """What stands for a principal in the slot of its kind."""
    return root_arn(principal.name, partition) if principal.kind is PrincipalType.ACCOUNT else principal.name


@lru_cache(maxsize=8192)
def principal_for_value(slot: Slot, value: str, partition: str) -> Principal | None:
    """Whom a value in a slot belongs to; None for a value that no grant could have written."""
    if slot is LAMBDA:
        match = _FUNCTIONS.fullmatch(value)
        if match is None or match["partition"] != partition:
            return None
        return Principal(PrincipalType.ACCOUNT, match["account"], match["account"])
    principal = read_principal(value, partition)
    return principal if principal is not None and principal.kind in slot.kinds else None


@lru_cache(maxsize=1024)
def _templates_with(actions: tuple[str, ...]) -> Sequence[Template]:
    return _BY_ACTIONS.get(frozenset(action.lower() for action in actions), ())


def _slot_values(slot: Slot, statement: Statement) -> tuple[str, ...] | None:
    principal = statement["Principal"]
    if not slot.key:
        values = _strings(principal["AWS"]) if isinstance(principal, dict) and set(principal) == {"AWS"} else None
        return None if values is None or "*" in values else values
    if not _is_fixed_principal(slot, principal):
        return None
    operator, keys = _only_member(statement["Condition"])
    key, value = _only_member(keys)
    if operator not in {known.lower() for known in slot.operators} or key != slot.key.lower():
        return None
    return _strings(value)


def _is_fixed_principal(slot: Slot, principal: Any) -> bool:
    if slot.principal == "*":
        principal = principal if isinstance(principal, dict) else {"AWS": principal}
        return set(principal) == {"AWS"} and _strings(principal["AWS"]) == ("*",)
    return (
        isinstance(principal, dict)
        and set(principal) == set(slot.principal)
        and all(_strings(principal[kind]) == (service,) for kind, service in slot.principal.items())
    )


def _only_member(value: Any) -> tuple[str, Any]:
    if not isinstance(value, dict) or len(value) != 1:
        return "", None
    ((name, member),) = value.items()
    return name.lower(), member


def _strings(value: Any) -> tuple[str, ...] | None:
    values = value if isinstance(value, list) else [value]
    return tuple(values) if all(isinstance(item, str) for item in values) else None


def _scalar_or_list(values: Sequence[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)
