# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""The port to AWS: what runs need of a registry, which policy is read and written, and the errors of both.

A run knows nothing else of AWS. `_aws.registry` and `_aws.policies` have the adapters, and tests have others in memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ._text import message as visible_message

# What to do about a policy that is too long.
SHORTEN = "Grant access to an organization (o-…) instead of many accounts, or remove what is no longer needed."


# The scope of a registry policy that AWS did not say.
UNKNOWN_SCOPE = "unknown"

# What has a policy, as backups name it.
REPOSITORY, REGISTRY, TEMPLATE = "repository", "registry", "template"


class EcrError(Exception):
    """AWS did not do what it was asked to do.

    Args:
        message: What was tried, what AWS said, and what to do.
        code: The error code that AWS answered; None where the error is not an answer of AWS.
    """

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(visible_message(message))
        self.code = code


class RepositoryMissingError(EcrError):
    """The repository, or the creation template, does not exist in this registry and region."""


class PolicyMissingError(EcrError):
    """There is no such policy."""


class PolicyChangedError(EcrError):
    """Somebody else changed the policy: it is neither the one that was read nor the one that was to be written.

    Args:
        outcome_unknown: Whether the new policy was sent, so that AWS may have stored it before.
    """

    def __init__(self, message: str, code: str | None = None, *, outcome_unknown: bool = False) -> None:
        super().__init__(message, code)
        self.outcome_unknown = outcome_unknown


class PolicyRefusedError(EcrError):
    """AWS refuses the policy as invalid, often because one of its principals does not exist."""


@dataclass(frozen=True)
class StoredPolicy:
    """A policy as it was read.

    Args:
        text: The policy as AWS returned it; None if there is none.
        registry_id: The account that owns the registry; None where AWS returned no policy to say it of.
        read_at: When the answer was asked for, in seconds of the clock of the registry: it may be as old as that.
        fields: What else belongs to it and is to stay as it is: the other fields of a creation template.
    """

    text: str | None
    registry_id: str | None
    read_at: float = field(default=float("-inf"), compare=False)
    fields: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def changed_fields(self, earlier: StoredPolicy) -> tuple[str, ...]:
        """Return the names of the fields that are others than they were. The order of a list has no weight."""
        return tuple(
            name
            for name in sorted({*self.fields, *earlier.fields})
            if _unordered(self.fields.get(name)) != _unordered(earlier.fields.get(name))
        )


@dataclass(frozen=True)
class StoredRegistryPolicy:
    """The policy of a whole registry, as it was read.

    Args:
        text: The policy as AWS returned it; None if there is none.
        scope: Which actions AWS heeds in it, V1 (three of them), V2 (all) or UNKNOWN_SCOPE; None where that makes no
            difference to this policy. https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry-permissions.html
    """

    text: str | None
    scope: str | None


@dataclass(frozen=True)
class Template:
    """A creation template, as it was listed.

    Args:
        prefix: Its prefix, or ROOT.
        applied_for: What makes the repositories that it is for, such as C(CREATE_ON_PUSH).
        policy: The policy that repositories begin with, as a text; None for none.
    """

    prefix: str
    applied_for: tuple[str, ...]
    policy: str | None


def _unordered(value: Any) -> Any:
    return sorted(map(repr, value)) if isinstance(value, list) else value


class PolicyTarget(Protocol):
    """Which policy is read and written: that of a repository, of the registry, or of a creation template.

    Attributes:
        kind: What has the policy: REPOSITORY, REGISTRY or TEMPLATE.
        label: What messages and rows call it, such as the name of the repository.
        max_length: How many characters AWS allows.
    """

    @property
    def kind(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def max_length(self) -> int: ...

    def resource_arn(self, registry_id: str | None) -> str | None:
        """Return the ARN that a `Resource` of the policy may name; None where the owner is not known."""

    def read(self) -> StoredPolicy:
        """Read the policy. Raises RepositoryMissingError, EcrError."""

    def write(
        self, text: str | None, *, replacing: StoredPolicy, force: bool, retry_invalid_principal: bool
    ) -> str | None:
        """Store another policy in place of the one that was read.

        SetRepositoryPolicy cannot be told which version it replaces. So before a write that had to wait, and before one
        is repeated whose answer was lost, the policy is read again.

        Args:
            text: The new policy; None to delete it.
            replacing: What was read.
            force: Whether to set a policy even if it keeps the caller from ever setting another.
            retry_invalid_principal: Whether a refusal may be due to a principal that was created a moment ago.

        Returns:
            The text that AWS stored; None for a policy that was deleted.

        Raises:
            PolicyChangedError: Somebody else has changed the policy since it was read, as far as could be seen.
            PolicyRefusedError: AWS refuses the policy.
            RepositoryMissingError: It does not exist any more.
            EcrError: Any other error.
        """


class Registry(Protocol):
    """The private registry of an account in a region. Its methods may be called from several threads.

    Attributes:
        partition: Its partition.
        region: Its region.
        requested_owner: The 12-digit account that it was asked for by; None for the caller's own.
    """

    partition: str
    region: str
    requested_owner: str | None

    @property
    def host(self) -> str:
        """What precedes the names of repositories in the URIs of their images."""

    def of(self, registry_id: str) -> Registry:
        """Return the registry of another account in the same region, for the same caller."""

    def owner(self) -> str:
        """Return the 12-digit account that owns the registry. Raises EcrError."""

    def names(self) -> list[str]:
        """Return the names of all repositories. Raises EcrError."""

    def repository(self, name: str) -> PolicyTarget:
        """Return the policy of a repository, which need not exist."""

    def registry_policy(self) -> StoredRegistryPolicy:
        """Return the policy of the registry itself. Raises EcrError, also where it is another account's: AWS's API has
        that of the caller's own registry alone.
        """

    def policy_of_registry(self) -> PolicyTarget:
        """Return the policy of the registry itself, to read and write it."""

    def registry_policy_scope(self) -> str:
        """Return which actions AWS heeds in the policy of the registry: V1, V2 or UNKNOWN_SCOPE."""

    def templates(self) -> list[Template]:
        """Return all creation templates. Raises EcrError, also where the registry is another account's."""

    def template(self, prefix: str) -> PolicyTarget:
        """Return the policy of a creation template, which need not exist."""

    def pause(self, seconds: float) -> None:
        """Sleep. Raises EcrError as soon as the run is stopped."""

    def check(self) -> None:
        """Raise EcrError if the run is stopped: whoever computes asks this often."""


class TaggedRegistry(Protocol):
    """The caller's own registry, with the tags of its repositories."""

    region: str

    def repositories(self) -> list[Mapping[str, Any]]:
        """Return all repositories, as AWS describes them. Raises EcrError."""

    def tags(self) -> dict[str, dict[str, str]]:
        """Return the tags of every repository that has any, by its ARN. Raises EcrError."""

    def tags_of(self, name: str, arn: str) -> dict[str, str]:
        """Return the tags of one repository. Raises RepositoryMissingError, EcrError."""
