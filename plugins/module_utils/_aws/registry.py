# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Registries at AWS, the adapters of the port in `_registry`, and how modules and plugins connect to them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from .._core_version import refusal
from .._iam.document import PolicyError, parse, statements, strings
from .._registry import UNKNOWN_SCOPE, EcrError, PolicyMissingError, StoredRegistryPolicy, Template
from . import deadlines
from .calls import RegistryCalls
from .errors import (
    DESCRIBE_REPOSITORIES,
    DESCRIBE_TEMPLATES,
    GET_ACCOUNT_SETTING,
    GET_REGISTRY_POLICY,
    GET_RESOURCES,
    LIST_TAGS_FOR_RESOURCE,
)
from .policies import RegistryPolicy, RepositoryPolicy, TemplatePolicy
from .retries import RetryPolicy

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
# In seconds; botocore's own are 60. ECR answers such small calls in fractions of one, and a new connection may lose
# three packets in that time. Nothing is lost with a call that is given up too early: all of them may be repeated, and
# a policy is read again before it is written again.
CONNECT_TIMEOUT, READ_TIMEOUT = 10, 10
# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAccountSetting.html
SCOPE_SETTING, SCOPES = "REGISTRY_POLICY_SCOPE", ("V1", "V2")


class Registry(RegistryCalls):
    """The private registry of an account in a region. Its methods may be called from several threads."""

    def __init__(
        self,
        client: Any,
        identity: Callable[[], Any],
        registry_id: str | None = None,
        retries: RetryPolicy | None = None,
        send: deadlines.Send = deadlines.send_directly,
    ) -> None:
        super().__init__(client, identity, registry_id, retries, send)
        self._asking_for_policy = threading.Lock()
        self._registry_policy: StoredRegistryPolicy | EcrError | None = None

    @property
    def host(self) -> str:
        """What precedes the names of repositories in the URIs of their images. Each partition has its own domain:
        https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html
        """
        domain = _partitions()[self.partition]["outputs"]["dnsSuffix"]
        return f"{self.owner()}.dkr.ecr.{self.region}.{domain}"

    def of(self, registry_id: str) -> Registry:
        """Return the registry of an account in the same region, for the same caller."""
        return Registry(self.client, self._identity, registry_id, self.retries, self._send)

    def names(self) -> list[str]:
        """Return the names of all repositories, in AWS's order."""
        return [repository["repositoryName"] for repository in self.repositories()]

    def repositories(self) -> list[Mapping[str, Any]]:
        """Return all repositories, as AWS describes them:
        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_Repository.html
        """
        repositories = self.listed(
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
        if not DESCRIBE_TEMPLATES.is_known_to(self.client):
            raise EcrError("this boto3 does not know creation templates. Use a newer one.")
        listed = self.listed(
            DESCRIBE_TEMPLATES,
            lambda token: self.attempt(DESCRIBE_TEMPLATES, self.client, {"maxResults": PAGE_SIZE, **token}),
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

    def _read_registry_policy(self) -> StoredRegistryPolicy:
        try:
            answer = self.retries.run(self.own_call(GET_REGISTRY_POLICY))
        except PolicyMissingError:
            return StoredRegistryPolicy(None, None)
        self.note_owner(answer.get("registryId"))
        text = str(answer["policyText"])
        return StoredRegistryPolicy(text, self._registry_scope() if scope_matters(text) else None)

    def _registry_scope(self) -> str:
        """Return which actions of registry policies AWS heeds here, as StoredRegistryPolicy says it."""
        if not GET_ACCOUNT_SETTING.is_known_to(self.client):
            return UNKNOWN_SCOPE
        try:
            answer = self.retries.run(self.attempt(GET_ACCOUNT_SETTING, self.client, {"name": SCOPE_SETTING}))
        except EcrError:
            return UNKNOWN_SCOPE
        return str(answer["value"]) if answer["value"] in SCOPES else UNKNOWN_SCOPE


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
        listed = self.listed(
            GET_RESOURCES,
            lambda token: self.attempt(GET_RESOURCES, self._tagging, {**parameters, **token}),
            items="ResourceTagMappingList",
            token="PaginationToken",
        )
        return {tagged["ResourceARN"]: _tags_by_key(tagged["Tags"]) for tagged in listed}

    def tags_of(self, name: str, arn: str) -> dict[str, str]:
        """Return the tags of one repository. Raises RepositoryMissingError."""
        call = self.attempt(LIST_TAGS_FOR_RESOURCE, self.client, {"resourceArn": arn}, f"of {name}")
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
