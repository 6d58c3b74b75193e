# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What AWS ECR does to the text of a repository's or a registry's policy: refuses it, rewrites it, answers it in
another order.

moto does none of this. Where ECR documents no rule, the grammar of IAM policies decides:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from random import Random
from typing import Any

LONGEST_TEXT = 10_240

INVALID = "Invalid repository policy provided"
NOT_FOUND = "Principal not found"
TOO_LONG = f"must have length less than or equal to {LONGEST_TEXT}"
# The words of AWS are not documented for this one; these are ours.
LOCKS_OUT = "The policy would prevent setting another policy; use force to set it all the same"

_VERSIONS = ("2008-10-17", "2012-10-17")
# In the order in which AWS shows them.
_POLICY_ELEMENTS = ("Version", "Id", "Statement")
_STATEMENT_ELEMENTS = (
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
)
_RESOURCES = {"Resource", "NotResource"}
_PRINCIPAL_KINDS = {"AWS", "Service", "Federated", "CanonicalUser"}

_PRINCIPAL = r"\*|[^*?]+"
_UNIQUE_ID = r"A(?:ROA|IDA)[A-Z0-9]+"
_IAM_ARN = r"iam::\d{12}:(?:root|(?:role|user)/[^*?]+)"
_STS_ARN = r"sts::\d{12}:(?:assumed-role|federated-user)/[^*?]+"


class PolicyRefused(ValueError):
    """AWS refuses the policy; the message is the constraint that it names."""


@dataclass(frozen=True)
class Grammar:
    """What a policy of a kind must be.

    Args:
        invalid: The constraint that AWS names if it is not.
        action: The pattern of an action.
        needs_resource: Whether a statement has a Resource (or NotResource), or none.
        may_lock_out: Whether a policy is stored that keeps its owner from setting another.
    """

    invalid: str
    action: str
    needs_resource: bool
    may_lock_out: bool


OF_REPOSITORY = Grammar(INVALID, r"\*|[\w-]+:.+", needs_resource=False, may_lock_out=False)
# By the scope of registry policies. https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry-permissions.html
# of today has V2 alone; in 2024 it had both, and the three actions of V1.
OF_REGISTRY: Mapping[str, Grammar] = {
    scope: Grammar("Invalid registry policy provided", rf"(?i:ecr:(?:{names}))", needs_resource=True, may_lock_out=True)
    for scope, names in {
        "V1": r"ReplicateImage|BatchImportUpstreamImage|CreateRepository|\*",
        "V2": ".+",
    }.items()
}


def accept(
    text: str,
    partition: str,
    missing: Callable[[str], bool],
    missing_message: str | None = None,
    force: bool = False,
    grammar: Grammar = OF_REPOSITORY,
) -> str:
    """The text that AWS stores for a text that it is given; raises PolicyRefused.

    The limit is for the text as it comes, and for what is stored, in which an account id is the longer root ARN; AWS
    documents the first alone. ``missing`` is asked about each named AWS principal (an account as its root ARN);
    ``missing_message`` is what the refusal then says, if not that the policy is invalid.
    """
    if len(text) > LONGEST_TEXT:
        raise PolicyRefused(TOO_LONG)
    try:
        policy = json.loads(text)
    except (ValueError, RecursionError):
        raise PolicyRefused(grammar.invalid) from None
    if not _is_policy(policy, partition, grammar):
        raise PolicyRefused(grammar.invalid)
    for principals in _principal_maps(policy):
        if "AWS" in principals:
            named = [root_arn(principal, partition) for principal in _listed(principals["AWS"])]
            if any(missing(principal) for principal in named if principal != "*"):
                raise PolicyRefused(missing_message or grammar.invalid)
            principals["AWS"] = named if isinstance(principals["AWS"], list) else named[0]
    if len(json.dumps(policy, separators=(",", ":"), ensure_ascii=False)) > LONGEST_TEXT:
        raise PolicyRefused(TOO_LONG)
    if not (force or grammar.may_lock_out) and any(_locks_out(statement) for statement in _listed(policy["Statement"])):
        raise PolicyRefused(LOCKS_OUT)
    return stored(policy)


def stored(policy: Mapping[str, Any]) -> str:
    """The text that AWS stores for a policy: members in its own order, a list of one action as a scalar."""
    statements = policy["Statement"]
    rewritten = [_rewritten(statement) for statement in _listed(statements)]
    found = {**policy, "Statement": rewritten if isinstance(statements, list) else rewritten[0]}
    return pretty(_in_order(found, _POLICY_ELEMENTS))


def answer(stored: str, random: Random) -> str:
    """A stored text as one read shows it: principals in any order, a list of one perhaps as a scalar."""
    policy = json.loads(stored)
    for principals in _principal_maps(policy):
        for kind, listed in principals.items():
            if isinstance(listed, list):
                scalar = len(listed) == 1 and random.random() < 0.5
                principals[kind] = listed[0] if scalar else random.sample(listed, len(listed))
    return pretty(policy)


def with_principals(text: str, rename: Callable[[str], str]) -> str:
    """A stored text with other names for its AWS principals."""
    policy = json.loads(text)
    for principals in _principal_maps(policy):
        if "AWS" in principals:
            named = principals["AWS"]
            principals["AWS"] = [rename(one) for one in named] if isinstance(named, list) else rename(named)
    return pretty(policy)


def pretty(value: Any, indent: str = "") -> str:
    """JSON as AWS prints it: an object over several lines, a list on one, a space on both sides of a colon."""
    if isinstance(value, dict) and value:
        inner = indent + "  "
        members = (f"{inner}{json.dumps(key)} : {pretty(member, inner)}" for key, member in value.items())
        return "{\n" + ",\n".join(members) + f"\n{indent}}}"
    if isinstance(value, list) and value:
        return "[ " + ", ".join(pretty(member, indent) for member in value) + " ]"
    return json.dumps(value, ensure_ascii=False)


def root_arn(principal: str, partition: str) -> str:
    """A 12-digit account id as the ARN of its root; any other principal as it is."""
    return f"arn:{partition}:iam::{principal}:root" if re.fullmatch(r"\d{12}", principal) else principal


def is_unique_id(principal: str) -> bool:
    """Whether this is the id by which AWS shows a role or user that was deleted."""
    return re.fullmatch(_UNIQUE_ID, principal) is not None


def _rewritten(statement: Mapping[str, Any]) -> dict[str, Any]:
    action = statement.get("Action")
    single = {"Action": action[0]} if isinstance(action, list) and len(action) == 1 else {}
    return _in_order({**statement, **single}, _STATEMENT_ELEMENTS)


def _in_order(members: Mapping[str, Any], order: tuple[str, ...]) -> dict[str, Any]:
    """The members that AWS knows in this order, and then all others."""
    return {name: members[name] for name in order if name in members} | dict(members)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _principal_maps(policy: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for statement in _listed(policy["Statement"]):
        principal = statement.get("Principal", statement.get("NotPrincipal"))
        if isinstance(principal, dict):
            yield principal


def _is_policy(policy: Any, partition: str, grammar: Grammar) -> bool:
    if not isinstance(policy, dict):
        return False
    statements = _listed(policy.get("Statement", []))
    return (
        policy.keys() <= {*_POLICY_ELEMENTS}
        and policy.get("Version", _VERSIONS[0]) in _VERSIONS
        and bool(statements)
        and all(_is_statement(statement, partition, grammar) for statement in statements)
    )


def _is_statement(statement: Any, partition: str, grammar: Grammar) -> bool:
    return (
        isinstance(statement, dict)
        and statement.keys() <= {*_STATEMENT_ELEMENTS}
        and len(statement.keys() & _RESOURCES) == grammar.needs_resource
        and all(_all_match(".+", statement[name]) for name in statement.keys() & _RESOURCES)
        and statement.get("Effect") in ("Allow", "Deny")
        and ("Principal" in statement) != ("NotPrincipal" in statement)
        and ("Action" in statement) != ("NotAction" in statement)
        and _is_principal(statement.get("Principal", statement.get("NotPrincipal")), partition)
        and _all_match(grammar.action, statement.get("Action", statement.get("NotAction")))
        and isinstance(statement.get("Sid", ""), str)
        and isinstance(statement.get("Condition", {}), dict)
    )


def _is_principal(principal: Any, partition: str) -> bool:
    if not isinstance(principal, dict):
        return principal == "*"
    aws_principal = rf"\*|\d{{12}}|{_UNIQUE_ID}|arn:{partition}:(?:{_IAM_ARN}|{_STS_ARN})"
    return (
        bool(principal)
        and principal.keys() <= _PRINCIPAL_KINDS
        and all(_all_match(aws_principal if kind == "AWS" else _PRINCIPAL, named) for kind, named in principal.items())
    )


def _all_match(pattern: str, value: Any) -> bool:
    strings = _listed(value)
    return bool(strings) and all(isinstance(string, str) and re.fullmatch(pattern, string) for string in strings)


def _locks_out(statement: dict[str, Any]) -> bool:
    principal = statement.get("Principal")
    everybody = principal == "*" or (isinstance(principal, dict) and "*" in _listed(principal.get("AWS")))
    actions = _listed(statement.get("Action", statement.get("NotAction")))
    named = any(fnmatchcase("ecr:setrepositorypolicy", action.lower()) for action in actions)
    return (
        statement["Effect"] == "Deny"
        and everybody
        and not statement.get("Condition")
        and named == ("Action" in statement)
    )
