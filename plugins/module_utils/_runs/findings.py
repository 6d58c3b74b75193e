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
from .._evaluation.evaluator import PolicyEvaluator
from .._iam.conditions import Condition
from .._iam.document import Policy, serialise

Row = Mapping[str, Any]
# So many conditions and values are told of one policy. No honest one has nearly as many.
MOST_TOLD = 4_000
# The operator of what stands for conditions and values that are not told.
MORE = "…"


def findings(
    policy: Policy | None, evaluator: PolicyEvaluator, *, resource: str | None = None, principal: str | None = None
) -> dict[str, Any]:
    """Return what there is to say about the policy of one repository.

    C(policy_length) counts the compact text, which is what is sent to change a policy, and what AWS limits: the text
    that AWS returns has more white space. https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_SetRepositoryPolicy.html

    Args:
        policy: The policy; None for none.
        evaluator: That of the repository's registry.
        resource: The ARN of the repository; None where it is not known.
        principal: The name of the principal whose shares are wanted; None for all.
    """
    parsed = evaluator.parse(policy, resource)
    public = parsed.public_statements()
    shares = [share for share in parsed.shares() if principal in (None, share.principal.name)]
    return {
        "policy_length": 0 if policy is None else len(serialise(policy)),
        "shares": [share.to_dict() for share in _told(sorted(shares, key=_order))],
        "public": bool(public),
        "public_statements": [statement.statement.to_dict() for statement in public],
        "deleted_principals": sorted(parsed.deleted_principals()),
        "unmanaged_statements": [statement.to_dict() for statement in parsed.unmanaged_statements()],
    }


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
        "deleted_principals": sum(bool(row.get("deleted_principals")) for row in rows),
        "missing": sum("missing" in row for row in rows),
        "failed": sum("error" in row for row in rows),
    }


def _order(share: Share) -> tuple[int, str, str]:
    return share.statements[0].position, share.principal.kind.value, share.principal.name
