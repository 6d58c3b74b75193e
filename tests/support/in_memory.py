# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A registry in memory that treats policies as AWS does: an adapter of the port, as those of AWS are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from ansible_collections.imageshare.aws.plugins.module_utils._aws.registry import scope_matters
from ansible_collections.imageshare.aws.plugins.module_utils._iam.arns import repository_arn
from ansible_collections.imageshare.aws.plugins.module_utils._iam.document import MAX_LENGTH
from ansible_collections.imageshare.aws.plugins.module_utils._registry import (
    EcrError,
    PolicyRefusedError,
    RepositoryMissingError,
    StoredPolicy,
    StoredRegistryPolicy,
)
from ansible_collections.imageshare.aws.tests.support import policy_text

OWNER = "123456789012"


@dataclass(frozen=True)
class Target:
    """The policy of one of its repositories. What it does is said by the registry, so that tests need one subclass."""

    registry: InMemory
    label: str

    kind = "repository"
    max_length = MAX_LENGTH

    def resource_arn(self, registry_id: str | None) -> str | None:
        if registry_id is None:
            return None
        return repository_arn(self.label, registry_id, self.registry.region, self.registry.partition)

    def read(self) -> StoredPolicy:
        return self.registry.read(self.label)

    def write(
        self, text: str | None, *, replacing: StoredPolicy, force: bool, retry_invalid_principal: bool
    ) -> str | None:
        self.registry.replaced.append((self.label, replacing.text))
        if text is None:
            self.registry.delete(self.label)
            return None
        return self.registry.write(self.label, text, force=force, patient=retry_invalid_principal)


class InMemory:
    """Repositories and the texts of their policies, None for none; journal holds every call, in order.

    sent: the last text that was sent for each. replaced: what each write was told to replace. whose: the account that
    answers say to own it. missing: principals that do not exist. Besides them, no unique id does. registry_policy: the
    text of the registry's own policy, None for none, or the error with which its reading ends; registry_scope: which of
    its actions are heeded.
    """

    partition = "aws"
    region = "us-east-1"
    host = f"{OWNER}.dkr.ecr.us-east-1.amazonaws.com"
    whose: str | None = OWNER
    requested_owner: str | None = None
    registry_scope: str | None = "V2"

    def __init__(
        self,
        policies: Mapping[str, str | None],
        missing: frozenset[str] = frozenset(),
        *,
        registry_policy: str | EcrError | None = None,
    ) -> None:
        self.policies = dict(policies)
        self.missing = missing
        self._registry_policy = registry_policy
        self.journal: list[tuple[Any, ...]] = []
        self.sent: dict[str, str] = {}
        self.replaced: list[tuple[str, str | None]] = []
        self._order = Random(0)

    def of(self, registry_id: str) -> InMemory:
        self.journal.append(("of", registry_id))
        return self

    def owner(self) -> str:
        self.journal.append(("owner",))
        return OWNER

    @property
    def written(self) -> list[tuple[Any, ...]]:
        return [call for call in self.journal if call[0] in ("write", "delete")]

    def names(self) -> list[str]:
        self.journal.append(("names",))
        return list(self.policies)

    def repository(self, name: str) -> Target:
        return Target(self, name)

    def registry_policy(self) -> StoredRegistryPolicy:
        self.journal.append(("registry_policy",))
        found = self._registry_policy
        if isinstance(found, EcrError):
            raise found
        scope = self.registry_scope if found is not None and scope_matters(found) else None
        return StoredRegistryPolicy(found, scope)

    def read(self, name: str) -> StoredPolicy:
        self.journal.append(("read", name))
        text = self._stored(name)
        if text is None:
            return StoredPolicy(None, None)
        return StoredPolicy(self._shown(text), self.whose)

    def write(self, name: str, text: str, *, force: bool, patient: bool) -> str:
        self.journal.append(("write", name, {"force": force, "patient": patient}))
        self._stored(name)
        self.sent[name] = text
        try:
            self.policies[name] = policy_text.accept(text, self.partition, self._is_missing, force=force)
        except policy_text.PolicyRefused as refusal:
            refused = PolicyRefusedError if str(refusal) == policy_text.INVALID else EcrError
            raise refused(f"could not set the policy: {refusal}.", "InvalidParameterException") from None
        return self._shown(self.policies[name] or "")

    def delete(self, name: str) -> None:
        self.journal.append(("delete", name))
        self._stored(name)
        self.policies[name] = None

    def pause(self, seconds: float) -> None:
        self.journal.append(("pause",))

    def check(self) -> None:
        pass

    def _stored(self, name: str) -> str | None:
        if name not in self.policies:
            raise RepositoryMissingError("could not read the policy: it does not exist", "RepositoryNotFoundException")
        return self.policies[name]

    def _shown(self, text: str) -> str:
        try:
            return policy_text.answer(text, self._order)
        except ValueError:
            return text

    def _is_missing(self, principal: str) -> bool:
        return principal in self.missing or policy_text.is_unique_id(principal)


class Verbatim(InMemory):
    """A registry whose answers are the texts as they are."""

    def _shown(self, text: str) -> str:
        return text


class Vanishing(InMemory):
    """A registry whose repositories are deleted as soon as they were read."""

    def read(self, name: str) -> StoredPolicy:
        stored = super().read(name)
        del self.policies[name]
        return stored
