# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Roles in the policies of the embedded ECR: AWS stores the id of a role, and shows its ARN as long as there is one.

So a role that was deleted shows as an id, and another of the same name is another role:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html. Of roles that nobody
created in this AWS, which are most that tests name, it is taken for granted that they exist.
"""

from __future__ import annotations

from collections.abc import Iterator

from moto.iam.models import Role, iam_backends
from policy_text import with_principals


class Roles:
    """Those that were ever named in a policy, while they existed."""

    def __init__(self) -> None:
        self._named: set[str] = set()

    def stored(self, text: str) -> str:
        """A policy with ids in place of the ARNs of roles."""
        ids = {role.arn: role.id for role in _roles()}

        def id_of(principal: str) -> str:
            if principal in ids:
                self._named.add(principal)
            return ids.get(principal, principal)

        return with_principals(text, id_of) if ids else text

    def was_deleted(self, principal: str) -> bool:
        return principal in self._named and all(role.arn != principal for role in _roles())


def is_id_of_role(principal: str) -> bool:
    return any(role.id == principal for role in _roles())


def shown(text: str) -> str:
    """A stored policy with the ARNs of the roles that there are."""
    arns = {role.id: role.arn for role in _roles()}
    return with_principals(text, lambda principal: arns.get(principal, principal)) if arns else text


def _roles() -> Iterator[Role]:
    # Only where IAM was used: moto makes the IAM of an account when it is asked for it, which takes a while.
    for account in tuple(iam_backends):
        for backend in tuple(iam_backends[account].values()):
            yield from tuple(backend.roles.values())
