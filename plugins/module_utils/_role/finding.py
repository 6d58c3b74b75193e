# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""What an audit finds: its kinds, and one finding."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from .._text import word
from .amounts import NOTHING, Amount

# The kinds that come of what is declared, so that without grants there are none.
COMPARED = frozenset({"undeclared", "excess", "drift"})
# An entry of ecr_share_accepted that is over, or that nothing needs.
EXCEPTION = "exception"
UNREAD = "unread"
# In the order of danger.
KINDS = ("public", "undeclared", "excess", "unscoped_service", "drift", "deleted_principal", UNREAD, EXCEPTION)
# What a person can know and accept: nobody knows what was not read.
ACCEPTABLE = tuple(kind for kind in KINDS if kind not in (UNREAD, EXCEPTION))


@dataclass(frozen=True)
class StatementName:
    """What names a statement. policy: C(repository) or C(registry), whose policy it is in."""

    policy: str
    position: int
    sid: str | None


@dataclass(frozen=True)
class Acceptance:
    """Why a finding is accepted. until: the last day, as C(YYYY-MM-DD); None for no end."""

    reason: str
    until: str | None


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be.

    There is one for each repository, principal and kind, and one more for what is only possible beside what is certain.

    Args:
        kind: One of KINDS.
        certain: Whether it is so whatever the policy leaves to conditions.
        host: The host that answers for it.
        registry_id: The account that owns the registry.
        region: That of the registry.
        repository: The repository; None for the policy of the registry.
        message: One sentence, which does not say where.
        principal: Whom it is about, as shares say it; None if nobody is meant.
        principal_type: What that is.
        name: What people call it.
        amount: What it has that it should not have, or lacks.
        lacking: Whether it lacks the amount.
        statements: Those through which it has that.
        accepted: Why it is accepted; None if it is not.
    """

    kind: str
    certain: bool
    host: str
    registry_id: str
    region: str
    repository: str | None
    message: str
    principal: str | None = None
    principal_type: str | None = None
    name: str | None = None
    amount: Amount = NOTHING
    lacking: bool = False
    statements: tuple[StatementName, ...] = ()
    accepted: Acceptance | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as a report has it."""
        return {
            "kind": self.kind,
            "certain": self.certain,
            "host": self.host,
            "registry_id": self.registry_id,
            "region": self.region,
            "repository": self.repository,
            "principal": self.principal,
            "principal_type": self.principal_type,
            "name": self.name,
            "access": list(self.amount.ordered_access),
            "other_actions": sorted(self.amount.other_actions),
            "lambda_regions": sorted(self.amount.lambda_regions),
            "statements": [asdict(statement) for statement in self.statements],
            "message": self.message,
            "accepted": None if self.accepted is None else asdict(self.accepted),
        }

    @property
    def what(self) -> str:
        """What it has or lacks, for people; empty if nothing is known of that."""
        return f"lacks {self.amount.words}" if self.lacking and self.amount else self.amount.words

    @property
    def who(self) -> str:
        """Whom it is about, for people, with the name beside the id."""
        return who(self.principal, self.name)


def who(principal: str | None, name: str | None) -> str:
    """Return a principal as people read it; empty for none."""
    if principal is None:
        return ""
    shown = "everyone" if principal == "*" else word(principal)
    return f"{word(name)} {shown}" if name else shown


def statements_named(statements: Iterable[Mapping[str, Any]]) -> tuple[StatementName, ...]:
    """Return statements as findings name them, each once, those of the repository first."""
    named = {StatementName(one["policy"], one["position"], one["sid"]) for one in statements}
    return tuple(sorted(named, key=lambda one: (one.policy != "repository", one.position)))
