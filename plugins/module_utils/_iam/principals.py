# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Principals: who can be given access, and how a policy or a person names them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from .arns import PARTITION, is_account_id, is_unique_id
from .document import Policy, Statement, statements, strings


class PrincipalType(StrEnum):
    """What a principal is."""

    ACCOUNT = "account"
    ROLE = "role"
    USER = "user"
    SESSION = "session"
    ORGANIZATION = "organization"
    ORGANIZATIONAL_UNIT = "organizational_unit"
    # These occur in policies, and no grant can name them.
    SERVICE = "service"
    EVERYONE = "everyone"
    DELETED = "deleted"
    OTHER = "other"

    @property
    def label(self) -> str:
        """The same with its article, for messages."""
        return f"{'an' if self.value[0] in 'ao' else 'a'} {self.value.replace('_', ' ')}"


ORGANIZATIONS = frozenset({PrincipalType.ORGANIZATION, PrincipalType.ORGANIZATIONAL_UNIT})


@dataclass(frozen=True)
class Principal:
    """Who gets access.

    Args:
        kind: What it is.
        name: A 12-digit account id, an IAM or STS ARN, an organization id, or the path of an organizational unit; of
            those that no grant can name: a service, C(*) for everyone, or the text of the policy.
        account: The 12-digit id of the account it lives in; None for whatever lives in none.
    """

    kind: PrincipalType
    name: str
    account: str | None = None


EVERYONE = Principal(PrincipalType.EVERYONE, "*")


# A path may hold any printable character, but a wildcard inside a principal is refused by AWS.
_NAME = r"[A-Za-z0-9_+=,.@-]+"
_OF_A_PARTITION = re.compile(rf"arn:(?P<partition>{PARTITION}):(?:[^:]*:){{3}}")
_ARN = re.compile(
    rf"arn:(?P<partition>{PARTITION}):"
    rf"(?:iam::(?P<iam>[0-9]{{12}}):(?:(?P<root>root)|(?P<kind>role|user)/(?:[!-)+->@-~]+/)?{_NAME})"
    rf"|sts::(?P<sts>[0-9]{{12}}):(?:assumed-role/{_NAME}/|federated-user/){_NAME})"
)
# https://docs.aws.amazon.com/organizations/latest/APIReference/API_Organization.html and API_OrganizationalUnit.html
_ORGANIZATION_ID = re.compile(r"o-[a-z0-9]{10,32}")
_ORGANIZATION_PATH = re.compile(r"o-[a-z0-9]{10,32}/r-[a-z0-9]{4,32}/(?:ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}/)*\*?")


def read_principal(text: str, partition: str | None) -> Principal | None:
    """Return the principal that a text names.

    Args:
        text: As a user or a policy spells it.
        partition: The partition of the registry; None takes every partition.

    Returns:
        None if it names none that a grant could have.
    """
    if is_account_id(text):
        return Principal(PrincipalType.ACCOUNT, text, text)
    if _ORGANIZATION_ID.fullmatch(text):
        return Principal(PrincipalType.ORGANIZATION, text)
    if _ORGANIZATION_PATH.fullmatch(text):
        return Principal(PrincipalType.ORGANIZATIONAL_UNIT, text)
    arn = _ARN.fullmatch(text)
    if arn is None or partition not in (arn["partition"], None):
        return None
    account = arn["iam"] or arn["sts"]
    if arn["root"]:
        return Principal(PrincipalType.ACCOUNT, account, account)
    return Principal(PrincipalType(arn["kind"]) if arn["kind"] else PrincipalType.SESSION, text, account)


def principals_of(element: Any, partition: str) -> tuple[Principal, ...]:
    """Return the principals that the Principal or NotPrincipal of a statement names, in order, each once.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html

    Args:
        element: The JSON value of the element; None for none.
        partition: The partition of the registry.
    """
    if element == EVERYONE.name:
        return (EVERYONE,)
    if not isinstance(element, dict):
        return ()
    named = (_principal(kind, name, partition) for kind, names in element.items() for name in strings(names))
    return tuple(dict.fromkeys(named))


def is_session_of(session: Principal, role: Principal) -> bool:
    """Return whether a session is one of a role: its ARN has the role's name, which is unique in its account, and not
    the role's path.
    """
    return (
        session.kind is PrincipalType.SESSION
        and role.kind is PrincipalType.ROLE
        and session.account == role.account
        and session.name.split(":assumed-role/")[-1].split("/")[0] == role.name.rsplit("/", 1)[-1]
    )


def policy_principals(policy: Policy | None) -> tuple[str, ...]:
    """Return the AWS principals that a policy names anywhere, as it spells them, each once, without C(*)."""
    return tuple(dict.fromkeys(name for statement in statements(policy) for name in _aws_principals(statement)))


def policy_unique_ids(policy: Policy | None) -> tuple[str, ...]:
    """Return the ids of deleted roles and users anywhere in a policy, because of which AWS refuses to store it."""
    return tuple(filter(is_unique_id, policy_principals(policy)))


def _principal(kind: str, name: str, partition: str) -> Principal:
    if kind == "Service":
        return Principal(PrincipalType.SERVICE, name)
    if kind == "AWS":
        if name == EVERYONE.name:
            return EVERYONE
        principal = read_principal(name, partition)
        if principal is not None and principal.account is not None:
            return principal
        if is_unique_id(name):
            return Principal(PrincipalType.DELETED, name)
    return Principal(PrincipalType.OTHER, name)


def _aws_principals(statement: Statement) -> Iterator[str]:
    for member in ("Principal", "NotPrincipal"):
        element = statement.get(member)
        if isinstance(element, dict):
            yield from (name for name in strings(element.get("AWS")) if name != EVERYONE.name)


def invalid_principal_reason(name: str, partition: str | None) -> str:
    """Return what is wrong with a text for which read_principal() returns None, and what to write instead."""
    if not name:
        return "principal is empty"
    if name.isascii() and name.isdecimal():
        return (
            f"{name} has {len(name)} digits, an account id has 12. YAML reads a number that begins with 0 as octal: "
            'quote account ids, as in "012345670123"'
        )
    if is_unique_id(name):
        return (
            "this is the id of a deleted role or user; to remove such ids from managed statements use "
            "purge_deleted_principals"
        )
    elsewhere = _OF_A_PARTITION.match(name)
    if elsewhere and partition not in (elsewhere["partition"], None):
        return f"it belongs to the partition {elsewhere['partition']}, and the registry to {partition}"
    if name.startswith("o-") and "/" in name:
        return (
            "the path of an organizational unit reads o-…/r-…/ou-…/ for that unit alone or o-…/r-…/ou-…/* for all "
            "below it, too; no other wildcard"
        )
    if "*" in name or "?" in name:
        return "AWS takes no wildcard in a principal; to share with many accounts name their organization (o-…)"
    return (
        "not a valid principal; expected a 12-digit account id, the ARN of an IAM role or user or of an STS session, "
        "an organization (o-…) or an organizational unit (o-…/r-…/ou-…/*)"
    )
