# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Policies at AWS, the adapters of `PolicyTarget`: those of repositories, of a registry and of creation templates.

How a policy is written
-----------------------
SetRepositoryPolicy cannot be told which version it replaces, so the last writer wins. A write therefore carries the
policy that it replaces, as it was read. The policy is read once more before it is sent

- if the read was sent more than `STALE_AFTER` seconds ago,
- if it is that of a creation template, whose update sends back what it would reset, or
- if the answer to the write was lost, so that AWS may have stored it already.

What is stored by then decides: the policy that is to be replaced lets the write go on, the new one ends it if it may be
ours, and any other is a `PolicyChangedError`, after which the run begins anew with what is there.

Another kind of policy needs a subclass of `AwsPolicy` with its calls.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from .._iam.arns import repository_arn
from .._iam.document import MAX_LENGTH, PolicyComparison, PolicyError, parse
from .._registry import (
    REGISTRY,
    REPOSITORY,
    TEMPLATE,
    EcrError,
    PolicyChangedError,
    PolicyMissingError,
    PolicyRefusedError,
    RepositoryMissingError,
    StoredPolicy,
)
from .._repository_names import REGISTRY_LABEL, template_label
from .calls import Call, RegistryCalls
from .errors import (
    DELETE_REGISTRY_POLICY,
    DELETE_REPOSITORY_POLICY,
    DESCRIBE_TEMPLATES,
    GET_REGISTRY_POLICY,
    GET_REPOSITORY_POLICY,
    PUT_REGISTRY_POLICY,
    SET_REPOSITORY_POLICY,
    UPDATE_TEMPLATE,
    FaultError,
)
from .retries import Tries

# In seconds. Where nothing has to wait, a policy is written within a tenth of one. ECR's answer may itself take as long
# as that from another continent, and to look again would then only add to it.
STALE_AFTER = 0.5

# What UpdateRepositoryCreationTemplate resets where it is left out. An older boto3 does not know the second.
_MUTABILITY, _EXCLUSIONS = "imageTagMutability", "imageTagMutabilityExclusionFilters"
_RESET_BY_UPDATES = (_MUTABILITY, _EXCLUSIONS)
_WITH_EXCLUSIONS = "_WITH_EXCLUSION"
_CHANGED_BY_UPDATES = frozenset({"repositoryPolicy", "updatedAt"})


class AwsPolicy(ABC):
    """A policy at AWS. See `PolicyTarget`, and the rules above.

    Args:
        registry: The calls of the registry that it belongs to.
        label: What messages and rows call it.
    """

    kind: str
    max_length = MAX_LENGTH
    # In seconds: what was read earlier is read again before it is replaced.
    stale_after = STALE_AFTER

    def __init__(self, registry: RegistryCalls, label: str) -> None:
        self.registry, self.label = registry, label

    @abstractmethod
    def resource_arn(self, registry_id: str | None) -> str | None: ...

    @abstractmethod
    def get_call(self) -> Call:
        """Prepare a try to read it. A PolicyMissingError says that there is none."""

    @abstractmethod
    def set_call(self, text: str, *, replacing: StoredPolicy, force: bool) -> Call:
        """Prepare a try to store a text."""

    @abstractmethod
    def delete_call(self, *, replacing: StoredPolicy) -> Call:
        """Prepare a try to delete it."""

    def text_of(self, answer: Mapping[str, Any]) -> str | None:
        """Return the policy in an answer; None for none. Raises RepositoryMissingError."""
        return str(answer["policyText"])

    def fields_of(self, answer: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what else of an answer is to stay as it is."""
        return {}

    def read(self, *, priority: bool = False) -> StoredPolicy:
        """Read the policy.

        Args:
            priority: Whether to go before the calls of other workers.
        """
        retries, call = self.registry.retries, self.get_call()
        sent_at = retries.breaker.clock()

        def send() -> Mapping[str, Any]:
            nonlocal sent_at
            sent_at = retries.breaker.clock()
            return call()

        try:
            answer = retries.run(send, priority=priority)
        except PolicyMissingError:
            return StoredPolicy(None, None, sent_at)
        owner = answer.get("registryId") or self.registry.requested_owner
        self.registry.note_owner(owner)
        return StoredPolicy(self.text_of(answer), owner, sent_at, self.fields_of(answer))

    def write(
        self, text: str | None, *, replacing: StoredPolicy, force: bool, retry_invalid_principal: bool
    ) -> str | None:
        write = _Write(self, text, replacing, force=force)
        while True:
            try:
                return write.send()
            except PolicyRefusedError:
                if not (retry_invalid_principal and self.registry.retries.propagation.wait()):
                    raise


class RepositoryPolicy(AwsPolicy):
    """The policy of a repository."""

    kind = REPOSITORY

    def resource_arn(self, registry_id: str | None) -> str | None:
        if registry_id is None:
            return None
        return repository_arn(self.label, registry_id, self.registry.region, self.registry.partition)

    def get_call(self) -> Call:
        return self.registry.call(GET_REPOSITORY_POLICY, repositoryName=self.label)

    def set_call(self, text: str, *, replacing: StoredPolicy, force: bool) -> Call:
        return self.registry.call(SET_REPOSITORY_POLICY, repositoryName=self.label, policyText=text, force=force)

    def delete_call(self, *, replacing: StoredPolicy) -> Call:
        return self.registry.call(DELETE_REPOSITORY_POLICY, repositoryName=self.label)


class RegistryPolicy(AwsPolicy):
    """The policy of a registry, the caller's own."""

    kind = REGISTRY

    def __init__(self, registry: RegistryCalls) -> None:
        super().__init__(registry, REGISTRY_LABEL)

    def resource_arn(self, registry_id: str | None) -> str | None:
        return None

    def get_call(self) -> Call:
        return self.registry.own_call(GET_REGISTRY_POLICY)

    def set_call(self, text: str, *, replacing: StoredPolicy, force: bool) -> Call:
        return self.registry.own_call(PUT_REGISTRY_POLICY, policyText=text)

    def delete_call(self, *, replacing: StoredPolicy) -> Call:
        return self.registry.own_call(DELETE_REGISTRY_POLICY)


class TemplatePolicy(AwsPolicy):
    """The policy that repositories begin with which ECR creates by a template of the caller's own registry.

    An update keeps what it does not name, but for the mutability of tags, which it would reset: that is sent as it was
    read. https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_UpdateRepositoryCreationTemplate.html
    """

    kind = TEMPLATE
    # What an update sends back must be what is there.
    stale_after = float("-inf")

    def __init__(self, registry: RegistryCalls, prefix: str) -> None:
        super().__init__(registry, template_label(prefix))
        self._prefix = prefix

    def resource_arn(self, registry_id: str | None) -> str | None:
        return None

    def get_call(self) -> Call:
        return self.registry.own_call(DESCRIBE_TEMPLATES, prefixes=[self._prefix])

    def set_call(self, text: str, *, replacing: StoredPolicy, force: bool) -> Call:
        fields = replacing.fields
        mutability = {name: fields[name] for name in _RESET_BY_UPDATES if name in fields}
        if str(fields.get(_MUTABILITY)).endswith(_WITH_EXCLUSIONS) and _EXCLUSIONS not in fields:
            raise EcrError(
                f"the template is {fields[_MUTABILITY]}, and this boto3 does not know for which tags, so an update "
                "would lose them. Use a newer boto3."
            )
        return self.registry.own_call(UPDATE_TEMPLATE, prefix=self._prefix, repositoryPolicy=text, **mutability)

    def delete_call(self, *, replacing: StoredPolicy) -> Call:
        # What is left out of an update stays.
        return self.set_call("", replacing=replacing, force=False)

    def text_of(self, answer: Mapping[str, Any]) -> str | None:
        return self._template(answer).get("repositoryPolicy") or None

    def fields_of(self, answer: Mapping[str, Any]) -> Mapping[str, Any]:
        template = self._template(answer)
        return {name: value for name, value in template.items() if name not in _CHANGED_BY_UPDATES}

    def _template(self, answer: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the template in an answer to a reading, or to an update."""
        updated = answer.get("repositoryCreationTemplate")
        listed: list[Mapping[str, Any]] = answer["repositoryCreationTemplates"] if updated is None else [updated]
        for template in listed:
            if template["prefix"] == self._prefix:
                return template
        raise RepositoryMissingError("there is no such creation template. Check its prefix and the region.")


class _Write:
    """One write of a policy, however often it is sent.

    Args:
        target: The policy.
        text: The new text; None for none.
        replacing: What was read.
        force: Whether to set a policy even if it keeps the caller from ever setting another.
    """

    def __init__(self, target: AwsPolicy, text: str | None, replacing: StoredPolicy, *, force: bool) -> None:
        self._target, self._text, self._replacing, self._force = target, text, replacing, force
        self._outcome_unknown = False

    def send(self) -> str | None:
        """Write, and return the text that AWS stored."""
        try:
            return self._send()
        except PolicyMissingError:
            # There was nothing left to delete.
            return None
        except PolicyChangedError:
            raise
        except EcrError as error:
            if not self._outcome_unknown:
                raise
            return self._resolve_unknown_outcome(error)

    def _send(self) -> str | None:
        tries = Tries(self._target.registry.retries, priority=True)
        while True:
            tries.wait()
            if (self._outcome_unknown or self._is_stale()) and self._is_stored():
                return self._text
            with tries:
                try:
                    answer = self._prepare()()
                except FaultError as error:
                    self._outcome_unknown = error.may_have_been_sent
                    raise
                return None if self._text is None else self._target.text_of(answer)

    def _prepare(self) -> Call:
        """Prepare a try with what is there now, as far as that is known."""
        target, replacing = self._target, self._replacing
        if self._text is None:
            return target.delete_call(replacing=replacing)
        return target.set_call(self._text, replacing=replacing, force=self._force)

    def _is_stale(self) -> bool:
        age = self._target.registry.retries.breaker.clock() - self._replacing.read_at
        return age > self._target.stale_after

    def _is_stored(self) -> bool:
        """Read whether AWS has the new policy from us; False if it still has the one that is to be replaced."""
        found = self._target.read(priority=True)
        may_be_ours, self._outcome_unknown = self._outcome_unknown, False
        if may_be_ours and self._is_same(found.text, self._text):
            return True
        if not self._is_same(found.text, self._replacing.text) or found.changed_fields(self._replacing):
            text = "somebody else changed the policy while its write had to wait"
            raise PolicyChangedError(text, outcome_unknown=may_be_ours)
        self._replacing = found
        return False

    def _resolve_unknown_outcome(self, error: EcrError) -> str | None:
        try:
            is_stored = self._is_stored()
        except PolicyChangedError:
            raise
        except EcrError:
            text = (
                f"{str(error).rstrip('.')}. The new policy was sent, and whether AWS has stored it is not known, "
                "because it could not be read back. Run again; what is as it should be is left alone."
            )
            raise EcrError(text, error.code) from error
        if not is_stored:
            raise error
        return self._text

    def _is_same(self, first: str | None, second: str | None) -> bool:
        if first is None or second is None:
            return first is second
        try:
            return PolicyComparison(self._target.registry.partition).equal(parse(first), parse(second))
        except PolicyError:
            return first == second
