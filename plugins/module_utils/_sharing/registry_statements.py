# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Managed statements in the policy of a registry: those of managed_statements, each for the repositories of a pattern.

The rules that are more:

- A managed statement has a Resource of exactly one value: the ARN of repositories of this registry, whose name is a
  pattern that a grant could have. The text of the pattern is a part of the slot: two that match the same are two.
- C(Resource: "*"), several values, and repositories of others make a statement somebody else's. It is kept.
- There is no statement for Lambda. AWS documents its pull for the policies of repositories alone:
  https://docs.aws.amazon.com/lambda/latest/dg/images-create.html#gettingstarted-images-permissions
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from .._iam.arns import repository_arn
from .._iam.document import Statement, strings
from .._iam.patterns import PatternSet
from .._repository_names import problem_with_iam_pattern
from .grants import Grant, gather_by_repositories
from .managed_statements import LAMBDA, NEWEST, ManagedStatement, ManagedStatements, Slot, match_shape

# That of every example of AWS: https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry-permissions.html
VERSION = "2012-10-17"
EVERY_REPOSITORY = "*"


class RegistryStatements(ManagedStatements):
    """The managed statements in the policy of a registry.

    Args:
        partition: The partition of the registry.
        region: The region of the registry.
        registry_id: The 12-digit account that owns it.
    """

    version = VERSION

    def __init__(self, partition: str, region: str, registry_id: str) -> None:
        super().__init__(partition)
        self._repositories = repository_arn("", registry_id, region, partition)
        self._slots: dict[tuple[Slot, str], Slot] = {}

    def match(self, statement: Statement) -> ManagedStatement | None:
        """Return what a managed statement holds; None if the statement is not ours."""
        resources = set(strings(statement.get("Resource")))
        if len(resources) != 1 or "NotResource" in statement:
            return None
        (resource,) = resources
        pattern = resource.removeprefix(self._repositories)
        if pattern == resource or problem_with_iam_pattern(pattern) is not None:
            return None
        found = match_shape(statement)
        if found is None or found.slot.shape is LAMBDA:
            return None
        return replace(found, slot=self._slot(found.slot, pattern))

    def is_about_all(self, statement: Statement) -> bool:
        """Return whether a statement is for certain about all that matches what repositories_of() returns."""
        resources = strings(statement.get("Resource"))
        return bool(resources) and "NotResource" not in statement and not any("${" in one for one in resources)

    def repositories_of(self, statement: Statement) -> tuple[str, ...]:
        """Return the patterns of the repositories that a statement is for, an ARN of others as it is."""
        return tuple(dict.fromkeys(one.removeprefix(self._repositories) for one in strings(statement.get("Resource"))))

    def gather(self, grants: Iterable[Grant]) -> tuple[Grant, ...]:
        """Return one grant for each principal and pattern."""
        return gather_by_repositories(
            replace(grant, repositories=(pattern,), lambda_regions=None)
            for grant in grants
            for pattern in grant.repositories or (EVERY_REPOSITORY,)
        )

    def in_order(self, slots: Iterable[Slot]) -> tuple[Slot, ...]:
        """Return slots in the order in which their new statements come: those of a pattern together."""
        listed = list(slots)
        patterns = list(dict.fromkeys(slot.repositories for slot in listed))
        rows = {(row.shape, row.access): number for number, row in enumerate(NEWEST)}
        return tuple(
            sorted(listed, key=lambda slot: (patterns.index(slot.repositories), rows[slot.shape, slot.access]))
        )

    def slots_of(self, grant: Grant) -> dict[Slot, tuple[str, ...]]:
        """Return the slots that a grant's principal belongs in; the grant is one of gather()."""
        (pattern,) = grant.repositories or (EVERY_REPOSITORY,)
        return {self._slot(slot, pattern): values for slot, values in super().slots_of(grant).items()}

    def new_statement(self, slot: Slot, sid: str, values: Sequence[str]) -> dict[str, Any]:
        """Return a statement that grants a slot's actions in its repositories, its Resource behind the Action."""
        members = super().new_statement(slot, sid, values).items()
        resource = f"{self._repositories}{slot.repositories}"
        return {
            key: member
            for name, value in members
            for key, member in ((name, value), *((("Resource", resource),) if name == "Action" else ()))
        }

    def _slot(self, slot: Slot, pattern: str) -> Slot:
        """Return the one slot that is of a row of the table and a pattern."""
        return self._slots.setdefault((slot, pattern), replace(slot, repositories=pattern))


def include(patterns: Sequence[str] | None, pattern: str) -> bool:
    """Return whether patterns of repositories, all for None, match everything that another one matches."""
    return PatternSet(patterns or (EVERY_REPOSITORY,)).contains(pattern)
