# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""What an audit tells of a policy and of many: rows of plain values, in an order that does not depend on AWS's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .._evaluation.effective_access import Share, StatementName, public_statements, shares, unmanaged_statements
from .._evaluation.matching import policy_unique_ids
from .._iam.document import MAX_LENGTH, Policy, serialise
from .results import Row


def findings(policy: Policy | None, partition: str, registry_id: str, principal: str | None = None) -> dict[str, Any]:
    """What there is to say of one policy.

    registry_id: the account that owns the repository; it does not matter where there is no policy.
    principal: whose shares to tell, as they name it; None for all.

    C(policy_length) counts the compact text, which is what is sent to change a policy, and what AWS limits: the text
    that AWS returns has more white space. https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_SetRepositoryPolicy.html
    """
    length = 0 if policy is None else len(serialise(policy))
    opened = public_statements(policy, partition, registry_id)
    found = [share for share in shares(policy, partition, registry_id) if principal in (None, share.principal)]
    return {
        "policy_length": length,
        "policy_room": max(0, MAX_LENGTH - length),
        "shares": [_plain(share) for share in sorted(found, key=_order)],
        "public": bool(opened),
        "public_statements": _named(opened),
        "deleted_principals": sorted(policy_unique_ids(policy)),
        "unmanaged_statements": _named(unmanaged_statements(policy)),
    }


def by_principal(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """For each principal of many rows the names of its repositories, each once."""
    found: dict[tuple[str, str], dict[str, None]] = {}
    for row in rows:
        for share in row.get("shares", ()):
            found.setdefault((share["kind"], share["principal"]), {})[row["name"]] = None
    return [
        {"principal": principal, "kind": kind, "repositories": list(names)}
        for (kind, principal), names in sorted(found.items())
    ]


def counts(rows: Sequence[Row]) -> dict[str, int]:
    """Many rows, counted."""
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
    return share.statements[0].position, share.kind, share.principal


def _plain(share: Share) -> dict[str, Any]:
    return {
        "principal": share.principal,
        "kind": share.kind,
        "access": share.access,
        "actions": list(share.actions),
        "can_pull": share.can_pull,
        "can_push": share.can_push,
        "lambda_regions": list(share.lambda_regions),
        "conditions": [
            {"operator": condition.operator, "key": condition.key, "values": list(condition.values)}
            for condition in share.conditions
        ],
        "statements": _named(share.statements),
        "denied_by": [
            {"position": denial.position, "sid": denial.sid, "certain": denial.certain} for denial in share.denied_by
        ],
        "managed": share.managed,
    }


def _named(statements: Iterable[StatementName]) -> list[dict[str, Any]]:
    return [{"position": statement.position, "sid": statement.sid} for statement in statements]
