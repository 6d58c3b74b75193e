# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""What an audit says about one policy and about many: plain values, in an order that does not depend on AWS's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from .._evaluation.effective_access import Share
from .._evaluation.evaluator import ParsedPolicy, PolicyEvaluator, RegistryPolicy
from .._evaluation.questions import match
from .._evaluation.statements import PolicyOrigin
from .._iam.conditions import Condition
from .._iam.document import Policy, serialise
from .._iam.principals import Principal

Row = Mapping[str, Any]
# So many conditions and values are told of one policy. No honest one has nearly as many.
MOST_TOLD = 4_000
# The operator of what stands for conditions and values that are not told.
MORE = "…"


def findings(
    policy: Policy | None,
    evaluator: PolicyEvaluator,
    *,
    resource: str | None = None,
    registry_policy: RegistryPolicy | None = None,
    principal: Principal | None = None,
) -> dict[str, Any]:
    """Return what there is to say about one repository: of its policy, and of that of its registry.

    C(policy_length) counts the compact text, which is what is sent to change a policy, and what AWS limits: the text
    that AWS returns has more white space. https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_SetRepositoryPolicy.html

    Args:
        policy: The policy; None for none.
        evaluator: That of the repository's registry.
        resource: The ARN of the repository; None where it is not known.
        registry_policy: That of the registry; None where it was not read.
        principal: Whose shares are wanted; None for all.
    """
    parsed = evaluator.parse(policy, resource, registry_policy or RegistryPolicy())
    return {
        "policy_length": _length(policy),
        **_openings(parsed),
        "shares": list(_shares(parsed, principal)),
        "deleted_principals": sorted(parsed.deleted_principals()),
        "unmanaged_statements": [statement.to_dict() for statement in parsed.unmanaged_statements()],
        "registry_policy_read": registry_policy is not None,
    }


def registry_findings(
    registry_policy: RegistryPolicy, evaluator: PolicyEvaluator, principal: Principal | None = None
) -> dict[str, Any]:
    """Return what there is to say about the policy of a registry, whatever repositories there are.

    Args:
        registry_policy: The policy.
        evaluator: That of the registry.
        principal: Whose shares are wanted; None for all.
    """
    parsed = evaluator.parse_registry_policy(registry_policy)
    return {
        "scope": registry_policy.scope,
        "policy_length": _length(registry_policy.policy),
        **_openings(evaluator.parse_registry_policy(registry_policy, for_some=True)),
        "shares": list(_shares(parsed, principal)),
    }


def _length(policy: Policy | None) -> int:
    return 0 if policy is None else len(serialise(policy))


def _openings(parsed: ParsedPolicy) -> dict[str, Any]:
    public, unscoped = parsed.public_statements(), parsed.unscoped_statements()
    return {
        "public": bool(public),
        "public_statements": [one.statement.to_dict() for one in public],
        "unscoped_service": bool(unscoped),
        "unscoped_service_statements": [one.statement.to_dict() for one in unscoped],
    }


def _shares(parsed: ParsedPolicy, principal: Principal | None) -> Iterator[dict[str, Any]]:
    """Yield the shares as rows have them; of a principal, those that let it in, and how."""
    wanted = sorted(parsed.shares(), key=_order)
    if principal is None:
        yield from (share.to_dict() for share in _told(wanted))
        return
    matches = {index: match(share, principal, parsed) for index, share in enumerate(wanted)}
    for index, share in enumerate(_told(wanted)):
        matched = matches[index]
        if matched is not None:
            yield {**share.to_dict(), "matches": matched.value}


def _told(shares: Iterable[Share]) -> Iterator[Share]:
    """Yield shares as rows tell them: when all that a policy's tell is very much, with the first condition alone.

    A policy that names hundreds of principals under hundreds of conditions would make a row of ten megabytes.
    """
    told = 0
    for share in shares:
        told += sum(1 + len(condition.values) for condition in share.conditions)
        yield share if told <= MOST_TOLD else replace(share, conditions=_shortened(share.conditions))


def _shortened(conditions: Sequence[Condition]) -> tuple[Condition, ...]:
    """Return the first of several conditions, with its first value, and what is left out."""
    if not conditions:
        return ()
    first, *others = conditions
    left_out = {"values": max(0, len(first.values) - 1), "conditions": len(others)}
    notes = (Condition(MORE, f"{number} more {what}", ()) for what, number in left_out.items() if number)
    return (replace(first, values=first.values[:1]), *notes)


def by_principal(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Return for each principal of many rows the names of its repositories, each once."""
    names: dict[tuple[str, str], dict[str, None]] = {}
    for row in rows:
        for share in row.get("shares", ()):
            names.setdefault((share["principal_type"], share["principal"]), {})[row["name"]] = None
    return [
        {"principal": principal, "principal_type": principal_type, "repositories": list(repositories)}
        for (principal_type, principal), repositories in sorted(names.items())
    ]


def counts(rows: Sequence[Row]) -> dict[str, int]:
    """Return how many of what many rows have."""
    return {
        "repositories": len(rows),
        "shares": sum(len(row.get("shares", ())) for row in rows),
        "principals": len(by_principal(rows)),
        "public": sum(row.get("public", False) for row in rows),
        "unscoped_service": sum(row.get("unscoped_service", False) for row in rows),
        "deleted_principals": sum(bool(row.get("deleted_principals")) for row in rows),
        "registry_policy_unread": sum(not row.get("registry_policy_read", True) for row in rows),
        "missing": sum("missing" in row for row in rows),
        "failed": sum("error" in row for row in rows),
    }


def _order(share: Share) -> tuple[bool, int, str, str]:
    first = share.statements[0]
    return first.origin is PolicyOrigin.REGISTRY, first.position, share.principal.kind.value, share.principal.name
