# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Registries at AWS, and their policies: the adapters of the port in `_registry`.

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

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from .._core_version import refusal
from .._iam.arns import repository_arn
from .._iam.document import MAX_LENGTH, PolicyComparison, PolicyError, parse, statements, strings
from .._registry import (
    REGISTRY,
    REPOSITORY,
    TEMPLATE,
    UNKNOWN_SCOPE,
    EcrError,
    PolicyChangedError,
    PolicyMissingError,
    PolicyRefusedError,
    RepositoryMissingError,
    StoredPolicy,
    StoredRegistryPolicy,
    Template,
)
from .._repository_names import REGISTRY_LABEL, template_label
from . import deadlines
from .errors import (
    DELETE_REGISTRY_POLICY,
    DELETE_REPOSITORY_POLICY,
    DESCRIBE_REPOSITORIES,
    DESCRIBE_TEMPLATES,
    GET_ACCOUNT_SETTING,
    GET_CALLER_IDENTITY,
    GET_REGISTRY_POLICY,
    GET_REPOSITORY_POLICY,
    GET_RESOURCES,
    LIST_TAGS_FOR_RESOURCE,
    PUT_REGISTRY_POLICY,
    SET_REPOSITORY_POLICY,
    UPDATE_TEMPLATE,
    FaultError,
    Operation,
)
from .retries import RetryPolicy, Tries

try:
    from botocore.config import Config
    from botocore.loaders import create_loader
except ImportError:
    # AnsibleAWSModule says which library is missing.
    pass

if TYPE_CHECKING:
    from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

# At most 1,000: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeRepositories.html
PAGE_SIZE = 1000
# At most 100: https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html
TAGS_PAGE_SIZE = 100
# A registry holds 100,000 repositories. Pages may be empty, such as those of a filter, but hardly so many in a row.
MAX_PAGES, MAX_EMPTY_PAGES = 10_000, 100
# In seconds; botocore's own are 60. ECR answers such small calls in fractions of one, and a new connection may lose
# three packets in that time. Nothing is lost with a call that is given up too early: all of them may be repeated, and
# a policy is read again before it is written again.
CONNECT_TIMEOUT, READ_TIMEOUT = 10, 10
# In seconds. Where nothing has to wait, a policy is written within a tenth of one. ECR's answer may itself take as long
# as that from another continent, and to look again would then only add to it.
STALE_AFTER = 0.5
# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAccountSetting.html
SCOPE_SETTING, SCOPES = "REGISTRY_POLICY_SCOPE", ("V1", "V2")

# What UpdateRepositoryCreationTemplate resets where it is left out. An older boto3 does not know the second.
_MUTABILITY, _EXCLUSIONS = "imageTagMutability", "imageTagMutabilityExclusionFilters"
_RESET_BY_UPDATES = (_MUTABILITY, _EXCLUSIONS)
_WITH_EXCLUSIONS = "_WITH_EXCLUSION"
_CHANGED_BY_UPDATES = frozenset({"repositoryPolicy", "updatedAt"})

# One try of an operation.
Call = Callable[[], Mapping[str, Any]]


class Registry:
    """The private registry of an account in a region. Its methods may be called from several threads.

    Args:
        client: The client of boto3 for ECR.
        identity: Makes a client of STS, in case that the caller's account must be asked for.
        registry_id: The 12-digit account that owns it; None for the caller's own.
        retries: Those of the run.
        send: Makes one try of an operation.
    """

    def __init__(
        self,
        client: Any,
        identity: Callable[[], Any],
        registry_id: str | None = None,
        retries: RetryPolicy | None = None,
        send: deadlines.Send = deadlines.send_directly,
    ) -> None:
        self._client, self._identity, self._send = client, identity, send
        self.requested_owner = registry_id
        self._registry_parameter = {"registryId": registry_id} if registry_id else {}
        self._owner = registry_id
        self._asking_for_owner = threading.Lock()
        self._owner_error: EcrError | None = None
        self._caller_account: str | None = None
        self._asking_for_policy = threading.Lock()
        self._registry_policy: StoredRegistryPolicy | EcrError | None = None
        self.retries = retries or RetryPolicy(retries_enabled=not _botocore_retries(client))
        self.partition: str = client.meta.partition
        self.region: str = client.meta.region_name

    @property
    def host(self) -> str:
        """What precedes the names of repositories in the URIs of their images. Each partition has its own domain:
        https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html
        """
        domain = _partitions()[self.partition]["outputs"]["dnsSuffix"]
        return f"{self.owner()}.dkr.ecr.{self.region}.{domain}"

    def of(self, registry_id: str) -> Registry:
        """Return the registry of an account in the same region, for the same caller."""
        return Registry(self._client, self._identity, registry_id, self.retries, self._send)

    def owner(self) -> str:
        """Return the 12-digit account that owns the registry: as it was asked for, or as an answer said, or else the
        caller's. That is asked for once, even if it cannot be had.
        """
        with self._asking_for_owner:
            if self._owner is not None:
                return self._owner
            if self._owner_error is None:
                try:
                    self._owner = self._caller()
                except EcrError as error:
                    text = f"could not determine the registry ID: {str(error).rstrip('.')}. Set registry_id."
                    self._owner_error = EcrError(text, error.code)
                else:
                    return self._owner
            raise self._owner_error

    def note_owner(self, registry_id: str | None) -> None:
        """Remember whose registry it is, as an answer said."""
        self._owner = registry_id or self._owner

    def names(self) -> list[str]:
        """Return the names of all repositories, in AWS's order."""
        return [repository["repositoryName"] for repository in self.repositories()]

    def repositories(self) -> list[Mapping[str, Any]]:
        """Return all repositories, as AWS describes them:
        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_Repository.html
        """
        repositories = self._listed(
            DESCRIBE_REPOSITORIES,
            lambda token: self.call(DESCRIBE_REPOSITORIES, maxResults=PAGE_SIZE, **token),
            items="repositories",
            token="nextToken",
        )
        self.note_owner(next((repository.get("registryId") for repository in repositories), None))
        return repositories

    def repository(self, name: str) -> RepositoryPolicy:
        """Return the policy of a repository, which need not exist."""
        return RepositoryPolicy(self, name)

    def registry_policy(self) -> StoredRegistryPolicy:
        """Return the policy of the registry itself. That is asked for once, even if it cannot be had."""
        with self._asking_for_policy:
            if self._registry_policy is None:
                try:
                    self._registry_policy = self._read_registry_policy()
                except EcrError as error:
                    self._registry_policy = error
            if isinstance(self._registry_policy, EcrError):
                raise self._registry_policy
            return self._registry_policy

    def policy_of_registry(self) -> RegistryPolicy:
        """Return the policy of the registry itself, to read and write it."""
        return RegistryPolicy(self)

    def registry_policy_scope(self) -> str:
        """Return which actions of registry policies AWS heeds here: V1, V2 or UNKNOWN_SCOPE."""
        return self._registry_scope()

    def templates(self) -> list[Template]:
        """Return all creation templates, in AWS's order."""
        self.check_own(DESCRIBE_TEMPLATES)
        if not DESCRIBE_TEMPLATES.is_known_to(self._client):
            raise EcrError("this boto3 does not know creation templates. Use a newer one.")
        listed = self._listed(
            DESCRIBE_TEMPLATES,
            lambda token: self._try(DESCRIBE_TEMPLATES, self._client, {"maxResults": PAGE_SIZE, **token}),
            items="repositoryCreationTemplates",
            token="nextToken",
        )
        return [
            Template(one["prefix"], tuple(one.get("appliedFor", ())), one.get("repositoryPolicy") or None)
            for one in listed
        ]

    def template(self, prefix: str) -> TemplatePolicy:
        """Return the policy of a creation template, which need not exist."""
        return TemplatePolicy(self, prefix)

    def stop(self, reason: str) -> None:
        """Let every call from now on fail at once, for this reason; also those of other registries of this caller."""
        self.retries.breaker.stop(reason)

    def pause(self, seconds: float) -> None:
        """Sleep, but not after the run has stopped."""
        self.retries.breaker.sleep(seconds)

    def check(self) -> None:
        """Raise RunStoppedError if the run has stopped."""
        self.retries.breaker.check()

    def call(self, operation: Operation, **parameters: Any) -> Call:
        """Prepare a try of an operation on this registry."""
        return self._try(operation, self._client, {**parameters, **self._registry_parameter})

    def own_call(self, operation: Operation, **parameters: Any) -> Call:
        """Prepare a try of an operation that has no registryId, because it is on the caller's own registry.

        Raises:
            EcrError: It is another account's.
        """
        self.check_own(operation)
        return self._try(operation, self._client, parameters)

    def _caller(self) -> str:
        """Return the account of the caller."""
        if self._caller_account is None:
            answer = self.retries.run(self._try(GET_CALLER_IDENTITY, self._identity(), {}))
            self._caller_account = str(answer["Account"])
        return self._caller_account

    def _read_registry_policy(self) -> StoredRegistryPolicy:
        try:
            answer = self.retries.run(self.own_call(GET_REGISTRY_POLICY))
        except PolicyMissingError:
            return StoredRegistryPolicy(None, None)
        self.note_owner(answer.get("registryId"))
        text = str(answer["policyText"])
        return StoredRegistryPolicy(text, self._registry_scope() if scope_matters(text) else None)

    def check_own(self, operation: Operation) -> None:
        """Raise EcrError unless the registry is the caller's own: the operation has no registryId.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetRegistryPolicy.html
        """
        if self.requested_owner is None:
            return
        subject = f"of account {self.requested_owner}"
        try:
            caller = self._caller()
        except EcrError as error:
            raise EcrError(operation.error_text(str(error), subject), error.code) from error
        if caller != self.requested_owner:
            why = (
                f"AWS's API has it for the caller's own registry alone, that of account {caller}. Use credentials of "
                f"account {self.requested_owner}."
            )
            raise EcrError(operation.error_text(why, subject))

    def _registry_scope(self) -> str:
        """Return which actions of registry policies AWS heeds here, as StoredRegistryPolicy says it."""
        if not GET_ACCOUNT_SETTING.is_known_to(self._client):
            return UNKNOWN_SCOPE
        try:
            answer = self.retries.run(self._try(GET_ACCOUNT_SETTING, self._client, {"name": SCOPE_SETTING}))
        except EcrError:
            return UNKNOWN_SCOPE
        return str(answer["value"]) if answer["value"] in SCOPES else UNKNOWN_SCOPE

    def _try(self, operation: Operation, client: Any, parameters: Mapping[str, Any], subject: str = "") -> Call:
        return partial(self._send, operation, client, parameters, subject, is_stopped=self.retries.breaker.is_stopped)

    def _listed(
        self, operation: Operation, page_call: Callable[[Mapping[str, str]], Call], *, items: str, token: str
    ) -> list[Mapping[str, Any]]:
        """Return all that the pages of a listing have, which end at some time whatever AWS answers."""
        found: list[Mapping[str, Any]] = []
        parameter: dict[str, str] = {}
        seen: set[str] = set()
        empty = 0
        for _number in range(MAX_PAGES):
            page = self.retries.run(page_call(parameter))
            found += page[items]
            following = page.get(token)
            if not following:
                return found
            if following in seen:
                raise EcrError(operation.error_text("AWS answered a pagination token that it had answered before"))
            empty = 0 if page[items] else empty + 1
            if empty >= MAX_EMPTY_PAGES:
                raise EcrError(operation.error_text(f"AWS answered {empty} empty pages in a row, and no end"))
            seen.add(following)
            parameter = {token: following}
        raise EcrError(operation.error_text(f"AWS answered {MAX_PAGES:,} pages, and no end"))


class AwsPolicy(ABC):
    """A policy at AWS. See `PolicyTarget`, and the rules above.

    Args:
        registry: The registry that it belongs to.
        label: What messages and rows call it.
    """

    kind: str
    max_length = MAX_LENGTH
    # In seconds: what was read earlier is read again before it is replaced.
    stale_after = STALE_AFTER

    def __init__(self, registry: Registry, label: str) -> None:
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

    def __init__(self, registry: Registry) -> None:
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

    def __init__(self, registry: Registry, prefix: str) -> None:
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


class TaggedRegistry(Registry):
    """The caller's own registry, with the tags of its repositories.

    Args:
        client: The client of boto3 for ECR.
        identity: Makes a client of STS.
        tagging: The client of the Resource Groups Tagging API in the same account and region.
        send: Makes one try of an operation.
    """

    def __init__(
        self,
        client: Any,
        identity: Callable[[], Any],
        tagging: Any,
        *,
        send: deadlines.Send = deadlines.send_directly,
    ) -> None:
        super().__init__(client, identity, send=send)
        self._tagging = tagging

    def tags(self) -> dict[str, dict[str, str]]:
        """Return the tags of every repository that has any, by its ARN. A call returns those of a hundred."""
        parameters = {"ResourceTypeFilters": ["ecr:repository"], "ResourcesPerPage": TAGS_PAGE_SIZE}
        listed = self._listed(
            GET_RESOURCES,
            lambda token: self._try(GET_RESOURCES, self._tagging, {**parameters, **token}),
            items="ResourceTagMappingList",
            token="PaginationToken",
        )
        return {tagged["ResourceARN"]: _tags_by_key(tagged["Tags"]) for tagged in listed}

    def tags_of(self, name: str, arn: str) -> dict[str, str]:
        """Return the tags of one repository. Raises RepositoryMissingError."""
        call = self._try(LIST_TAGS_FOR_RESOURCE, self._client, {"resourceArn": arn}, f"of {name}")
        return _tags_by_key(self.retries.run(call)["tags"])


def scope_matters(text: str) -> bool:
    """Return whether a registry policy means something else with the scope V1, which has three actions: whether it has
    a statement with a wildcard in Action, or with NotAction. Other actions are refused there.
    """
    try:
        found = statements(parse(text))
    except PolicyError:
        return False
    return any(
        "NotAction" in statement or any("*" in action or "?" in action for action in strings(statement.get("Action")))
        for statement in found
    )


def _botocore_retries(client: Any) -> bool:
    # A user's aws_config may let botocore try again by itself.
    return bool((client.meta.config.retries or {}).get("total_max_attempts") != 1)


def _tags_by_key(tags: Iterable[Mapping[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags}


def connect(module: AnsibleAWSModule, *, concurrency: int) -> Registry:
    """Return the registry that a module's connection options name, for so many threads.

    A user's C(aws_config) wins over the retries and the pool chosen here.

    It ends the process where ansible-core is too old.
    """
    # Not the member of AnsibleAWSModule: that of an older amazon.aws has none.
    reason = refusal(module._module.ansible_version)
    if reason is not None:
        module.fail_json(msg=reason)
    config = _config(concurrency)
    return Registry(
        deadlines.watch(module.client("ecr", config=config)),
        lambda: deadlines.watch(module.client("sts", config=config)),
        module.params.get("registry_id"),
        send=deadlines.send,
    )


def connect_with_tags(client: Callable[..., Any], *, concurrency: int) -> TaggedRegistry:
    """Return the caller's own registry, for so many threads.

    Args:
        client: Makes a client from a service and botocore's config.
        concurrency: The number of threads.
    """
    config = _config(concurrency)
    return TaggedRegistry(
        deadlines.watch(client("ecr", config=config)),
        lambda: deadlines.watch(client("sts", config=config)),
        deadlines.watch(client("resourcegroupstaggingapi", config=config)),
        send=deadlines.send,
    )


def _config(concurrency: int) -> Config:
    # botocore's own retries are off: they know nothing of the other workers, or of a policy that must be read again.
    return Config(
        retries={"mode": "standard", "total_max_attempts": 1},
        max_pool_connections=concurrency,
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
    )


@cache
def partition_of_region(region: str) -> str | None:
    """Return the partition a region belongs to, as botocore's data has it; None for a region that it does not know."""
    return next((name for name, partition in _partitions().items() if region in partition["regions"]), None)


@cache
def _partitions() -> Mapping[str, Any]:
    return {partition["id"]: partition for partition in create_loader().load_data("partitions")["partitions"]}
