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
    REGISTRY,
    REPOSITORY,
    TEMPLATE,
    UNKNOWN_SCOPE,
    EcrError,
    PolicyRefusedError,
    RepositoryMissingError,
    StoredPolicy,
    StoredRegistryPolicy,
    Template,
)
from ansible_collections.imageshare.aws.plugins.module_utils._repository_names import (
    REGISTRY_LABEL,
    template_label,
    template_prefix,
)
from ansible_collections.imageshare.aws.tests.support import policy_text

OWNER = "123456789012"


@dataclass(frozen=True)
class Target:
    """One of its policies. What it does is said by the registry, so that tests need one subclass."""

    registry: InMemory
    label: str

    max_length = MAX_LENGTH

    @property
    def kind(self) -> str:
        if self.label == REGISTRY_LABEL:
            return REGISTRY
        return REPOSITORY if template_prefix(self.label) is None else TEMPLATE

    def resource_arn(self, registry_id: str | None) -> str | None:
        if registry_id is None or self.kind != REPOSITORY:
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
    """Repositories and the texts of their policies, None for none; journal holds every call, in order. Policies of
    repositories, of the registry and of templates are called by their labels.

    sent: the last text that was sent for each. replaced: what each write was told to replace. whose: the account that
    answers say to own it. missing: principals that do not exist. Besides them, no unique id does. registry_policy: the
    text of the registry's own policy, None for none, or the error with which its reading ends; registry_scope: which of
    its actions are heeded. of_templates: the fields of each creation template by its prefix, as boto3 spells them.
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
        templates: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self.policies = dict(policies)
        self.missing = missing
        self._registry_policy = registry_policy
        self.of_templates = {prefix: dict(fields) for prefix, fields in (templates or {}).items()}
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

    def policy_of_registry(self) -> Target:
        return Target(self, REGISTRY_LABEL)

    def registry_policy_scope(self) -> str:
        self.journal.append(("registry_policy_scope",))
        return self.registry_scope or UNKNOWN_SCOPE

    def templates(self) -> list[Template]:
        self.journal.append(("templates",))
        return [
            Template(prefix, tuple(fields.get("appliedFor", ())), fields.get("repositoryPolicy") or None)
            for prefix, fields in self.of_templates.items()
        ]

    def template(self, prefix: str) -> Target:
        return Target(self, template_label(prefix))

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
        shown = None if text is None else self._shown(text)
        prefix = template_prefix(name)
        if prefix is not None:
            others = {field: value for field, value in self.of_templates[prefix].items() if field != "repositoryPolicy"}
            return StoredPolicy(shown, self.whose, fields={"prefix": prefix, **others})
        return StoredPolicy(shown, None if shown is None else self.whose)

    def write(self, name: str, text: str, *, force: bool, patient: bool) -> str:
        self.journal.append(("write", name, {"force": force, "patient": patient}))
        self._stored(name)
        self.sent[name] = text
        of_registry = policy_text.OF_REGISTRY.get(self.registry_scope or "", policy_text.OF_REGISTRY["V2"])
        grammar = of_registry if name == REGISTRY_LABEL else policy_text.OF_REPOSITORY
        try:
            stored = policy_text.accept(text, self.partition, self._is_missing, force=force, grammar=grammar)
        except policy_text.PolicyRefused as refusal:
            refused = PolicyRefusedError if str(refusal) == grammar.invalid else EcrError
            raise refused(f"could not set the policy: {refusal}.", "InvalidParameterException") from None
        self._store(name, stored)
        return self._shown(stored)

    def delete(self, name: str) -> None:
        self.journal.append(("delete", name))
        self._stored(name)
        self._store(name, None)

    def pause(self, seconds: float) -> None:
        self.journal.append(("pause",))

    def check(self) -> None:
        pass

    def _stored(self, name: str) -> str | None:
        prefix = template_prefix(name)
        if name == REGISTRY_LABEL:
            if isinstance(self._registry_policy, EcrError):
                raise self._registry_policy
            return self._registry_policy
        if prefix is not None:
            if prefix not in self.of_templates:
                raise RepositoryMissingError("could not read it: it does not exist", "TemplateNotFoundException")
            return self.of_templates[prefix].get("repositoryPolicy")
        if name not in self.policies:
            raise RepositoryMissingError("could not read the policy: it does not exist", "RepositoryNotFoundException")
        return self.policies[name]

    def _store(self, name: str, text: str | None) -> None:
        prefix = template_prefix(name)
        if name == REGISTRY_LABEL:
            self._registry_policy = text
        elif prefix is not None:
            self.of_templates[prefix]["repositoryPolicy"] = text
        else:
            self.policies[name] = text

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
