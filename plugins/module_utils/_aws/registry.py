# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Every call to AWS: which faults may pass, and all errors in plain words.

SetRepositoryPolicy knows no version of what it replaces, so the last writer wins. Who reads a policy and writes it
does so back to back.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from .._iam.document import PolicyComparison, PolicyError, parse
from .._registry import SHORTEN, EcrError, PolicyChangedError, PolicyRefusedError, RepositoryMissingError, StoredPolicy
from .retries import Fault, GivenUpError, RetryPolicy

try:
    from botocore import xform_name
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
    from botocore.exceptions import ConnectionError as AwsConnectionError
    from botocore.loaders import create_loader
    from botocore.parsers import ResponseParserError
except ImportError:
    # AnsibleAWSModule says which library is missing.
    AWS_ERRORS: tuple[type[Exception], ...] = ()
else:
    AWS_ERRORS = (BotoCoreError, ClientError, ResponseParserError)

if TYPE_CHECKING:
    from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

# At most 1,000: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeRepositories.html
_PAGE_SIZE = 1000
# At most 100: https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html
_TAGS_PAGE_SIZE = 100
# In seconds; botocore's own are 60. ECR answers such small calls in fractions of one, and a new connection may lose
# three packets in that time. Nothing is lost with a call that is given up too early: all of them may be repeated, and
# a write is read back before that.
_CONNECT_TIMEOUT, _READ_TIMEOUT = 10, 10
# In seconds: a write that had to wait for longer looks first whether the policy is still the one that was read.
_STALE = 1.0
_REFUSED_PRINCIPAL = ("Invalid repository policy provided", "Principal not found")
_REFUSED_LENGTH = "must have length less than or equal to"

_FAULTS = {
    **dict.fromkeys(
        ("RequestLimitExceeded", "Throttling", "ThrottlingException", "TooManyRequestsException"), Fault.THROTTLED
    ),
    **dict.fromkeys(("ConnectTimeoutError", "ReadTimeoutError"), Fault.SILENT),
    **dict.fromkeys(("InternalFailure", "ServerException", "ServiceUnavailable"), Fault.FLEETING),
    **dict.fromkeys(
        (
            "CredentialRetrievalError",
            "ExpiredToken",
            "ExpiredTokenException",
            "IncompleteSignature",
            "IncompleteSignatureException",
            "InvalidClientTokenId",
            "InvalidSignatureException",
            "MissingAuthenticationToken",
            "MissingAuthenticationTokenException",
            "NoCredentialsError",
            "PartialCredentialsError",
            "SignatureDoesNotMatch",
            "SSOTokenLoadError",
            "TokenRetrievalError",
            "UnauthorizedSSOTokenError",
            "UnrecognizedClientException",
        ),
        Fault.SHUT_OUT,
    ),
}
# Where there was no connection, nothing was sent.
_NEVER_SENT = ("ConnectTimeoutError", "EndpointConnectionError", "ProxyConnectionError")
# What is in the answer of an operation; without it, somebody else has answered, or the answer broke off.
_ANSWERS = {
    "DescribeRepositories": "repositories",
    "GetRepositoryPolicy": "policyText",
    "SetRepositoryPolicy": "policyText",
    "DeleteRepositoryPolicy": "policyText",
    "GetResources": "ResourceTagMappingList",
    "ListTagsForResource": "tags",
    "GetCallerIdentity": "Account",
}
# In characters: a page that answers in the place of AWS is not worth more.
_LONGEST_SAYING = 500

_Call = Callable[[], Mapping[str, Any]]

_ADVICE = {
    "AccessDeniedException": "allow the caller {action} on {where}",
    "ExpiredTokenException": "renew the credentials and run again",
    "InvalidSignatureException": "check the credentials and the clock",
    "RepositoryNotFoundException": "check its name, the region and registry_id",
    "InternalFailure": "run again later",
    "ServerException": "run again later",
    "ServiceUnavailable": "run again later",
    "ThrottlingException": "run again later",
    "UnrecognizedClientException": "check the credentials",
}
_DOINGS = {
    "DescribeRepositories": "list the repositories",
    "GetRepositoryPolicy": "read the policy",
    "SetRepositoryPolicy": "set the policy",
    "DeleteRepositoryPolicy": "delete the policy",
    "GetResources": "list the tags of the repositories",
    "ListTagsForResource": "read the tags",
    "GetCallerIdentity": "tell whose credentials these are",
}
# The IAM actions that are not called ecr: and the operation.
_ACTIONS = {"GetCallerIdentity": "sts:GetCallerIdentity", "GetResources": "tag:GetResources"}


class _PolicyMissingError(EcrError):
    """The repository has no policy."""


class Registry:
    """The private registry of an account in a region. Its methods may be called from several threads.

    identity: makes a client of STS, in case that the caller's account must be asked for.
    registry_id: the 12-digit account that owns it; None for the caller's own.
    Every method raises EcrError.
    """

    def __init__(
        self,
        client: Any,
        identity: Callable[[], Any],
        registry_id: str | None = None,
        persistence: RetryPolicy | None = None,
    ) -> None:
        self._client, self._identity = client, identity
        self._whose = {"registryId": registry_id} if registry_id else {}
        self._owner = registry_id
        self._asking = threading.Lock()
        self._unknown: EcrError | None = None
        self._persistence = persistence or RetryPolicy(alone=_is_alone(client))
        self._last_read: dict[str, _Read] = {}
        self.partition: str = client.meta.partition
        self.region: str = client.meta.region_name

    @property
    def host(self) -> str:
        """What stands before the names of repositories in the URIs of their images. A partition has its own domain:
        https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html
        """
        domain = _partitions()[self.partition]["outputs"]["dnsSuffix"]
        return f"{self.owner()}.dkr.ecr.{self.region}.{domain}"

    def of(self, registry_id: str) -> Registry:
        """The registry of this account in the same region, for the same caller."""
        return Registry(self._client, self._identity, registry_id, self._persistence)

    def owner(self) -> str:
        """The 12-digit account that owns the registry: as it was asked for, or as an answer said, or else the
        caller's. That is asked for once, even if it cannot be had, with a call that needs no permission:
        https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
        """
        with self._asking:
            if self._owner is None and self._unknown is None:
                try:
                    self._owner = self._ask(self._identity(), "GetCallerIdentity", None)["Account"]
                except EcrError as error:
                    self._unknown = error
        if self._owner is None:
            why = str(self._unknown).rstrip(".")
            raise EcrError(f"whose registry it is, is not known: {why}. To do: set registry_id.")
        return self._owner

    def names(self) -> list[str]:
        """The names of all repositories, as AWS lists them."""
        return [repository["repositoryName"] for repository in self.repositories()]

    def repositories(self) -> list[Mapping[str, Any]]:
        """All repositories, as AWS lists and describes them:
        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_Repository.html
        """
        found = [repository for page in self._pages() for repository in page["repositories"]]
        self._owner = next((repository.get("registryId") for repository in found), self._owner)
        return found

    def read(self, name: str) -> StoredPolicy:
        """The policy of a repository. Raises RepositoryMissingError."""
        stored = self._read(name)
        self._last_read[name] = _Read(stored.text, self._now())
        return stored

    def write(self, name: str, text: str, *, force: bool, patient: bool) -> str:
        """Set the policy of a repository and return the text that AWS stored.

        force: set a policy even if it keeps the caller from ever setting another.
        patient: whether a refusal may be due to a principal that was made a moment ago, so that it is tried again.
        A write whose answer got lost, or that had to wait, looks first at what is stored.
        Raises PolicyChangedError, PolicyRefusedError, RepositoryMissingError.
        """
        writing = _Writing(self, name, text)
        while True:
            try:
                return str(writing.do("SetRepositoryPolicy", policyText=text, force=force))
            except PolicyRefusedError:
                with _unless_given_up():
                    if not (patient and self._persistence.patience.wait()):
                        raise

    def delete(self, name: str) -> None:
        """Delete the policy of a repository; done, too, if it has none any more.

        Raises PolicyChangedError, RepositoryMissingError.
        """
        with suppress(_PolicyMissingError):
            _Writing(self, name, None).do("DeleteRepositoryPolicy")

    def give_up(self, reason: str) -> None:
        """Let every call from now on fail at once, for this reason; also those of other registries of this caller."""
        self._persistence.breaker.give_up(reason)

    def pause(self, seconds: float) -> None:
        """Sleep, but not after the run has given up."""
        with _unless_given_up():
            self._persistence.breaker.sleep(seconds)

    def _now(self) -> float:
        return self._persistence.breaker.clock()

    def _read(self, name: str, *, first: bool = False) -> StoredPolicy:
        try:
            answer = self._call("GetRepositoryPolicy", name, first=first)
        except _PolicyMissingError:
            return StoredPolicy(None, None)
        self._owner = answer.get("registryId", self._owner)
        return StoredPolicy(answer["policyText"], answer.get("registryId"))

    def _pages(self) -> Iterator[Mapping[str, Any]]:
        page = self._call("DescribeRepositories", None, maxResults=_PAGE_SIZE)
        yield page
        while page.get("nextToken"):
            page = self._call("DescribeRepositories", None, maxResults=_PAGE_SIZE, nextToken=page["nextToken"])
            yield page

    def _call(
        self,
        operation: str,
        name: str | None,
        *,
        attempt: Callable[[_Call], Mapping[str, Any]] = lambda call: call(),
        first: bool = False,
        **parameters: Any,
    ) -> Mapping[str, Any]:
        if name is not None:
            parameters["repositoryName"] = name
        return self._ask(self._client, operation, name, attempt=attempt, first=first, **parameters, **self._whose)

    def _ask(
        self,
        client: Any,
        operation: str,
        name: str | None,
        *,
        attempt: Callable[[_Call], Mapping[str, Any]] = lambda call: call(),
        first: bool = False,
        **parameters: Any,
    ) -> Mapping[str, Any]:
        """The answer to a call, tried as often as it takes.

        attempt: makes each try. first: whether it may not wait for the calls of other workers.
        """
        method = getattr(client, xform_name(operation))

        def call() -> Mapping[str, Any]:
            answer: Mapping[str, Any] = method(**parameters)
            if _ANSWERS[operation] not in answer:
                raise ResponseParserError(f"there is no {_ANSWERS[operation]} in the answer, so it is not AWS's own")
            return answer

        def explain(error: Exception) -> str:
            return _told(error, operation, None)

        try:
            with _unless_given_up():
                return self._persistence.ask(lambda: attempt(call), AWS_ERRORS, _fault_of, explain, first=first)
        except AWS_ERRORS as error:
            raise _explained(error, operation, name) from error


@dataclass(frozen=True)
class _Read:
    """A policy as it was read, None for none. at: when, in seconds since some moment."""

    text: str | None
    at: float


class _Writing:
    """One write of a policy that was read, however often it is tried. after: the text that is to be, None for none."""

    def __init__(self, registry: Registry, name: str, after: str | None) -> None:
        self._registry, self._name, self._after = registry, name, after
        self._read = registry._last_read.get(name)
        self._tried = False
        # Whether AWS may have done it without our knowing.
        self._in_doubt = False

    def do(self, operation: str, **parameters: Any) -> str | None:
        """Write, and return the text that AWS answers. Raises PolicyChangedError."""
        try:
            answer = self._registry._call(operation, self._name, attempt=self._attempt, first=True, **parameters)
        except PolicyChangedError:
            raise
        except EcrError as error:
            if not self._in_doubt:
                raise
            return self._look_after(error)
        text: str | None = answer["policyText"]
        return text

    def _attempt(self, call: _Call) -> Mapping[str, Any]:
        if (self._in_doubt or (self._tried and self._is_stale())) and self._stands():
            return {"policyText": self._after}
        self._tried = True
        try:
            return call()
        except AWS_ERRORS as error:
            fault = _fault_of(error)
            self._in_doubt = fault in (Fault.FLEETING, Fault.SILENT) and _code(error) not in _NEVER_SENT
            raise

    def _is_stale(self) -> bool:
        return self._read is None or self._registry._now() - self._read.at > _STALE

    def _look_after(self, error: EcrError) -> str | None:
        try:
            stands = self._stands()
        except PolicyChangedError:
            raise
        except EcrError:
            raise EcrError(
                f"{error} The new policy was sent, and whether AWS has stored it is not known, because it could not be "
                "read back. To do: run again; what is as it should be is left alone."
            ) from error
        if not stands:
            raise error
        return self._after

    def _stands(self) -> bool:
        """Whether the policy is as it is to be; False if it is as it was read. Raises PolicyChangedError."""
        now = _Read(self._registry._read(self._name, first=True).text, self._registry._now())
        self._in_doubt = False
        if self._same(now.text, self._after):
            return True
        if self._read is None or not self._same(now.text, self._read.text):
            raise PolicyChangedError("somebody else changed the policy while its write had to wait")
        self._read = now
        return False

    def _same(self, first: str | None, second: str | None) -> bool:
        if first is None or second is None:
            return first is second
        try:
            return PolicyComparison(self._registry.partition).equal(parse(first), parse(second))
        except PolicyError:
            return first == second


class TaggedRegistry(Registry):
    """The caller's own registry, with the tags of its repositories.

    tagging: a client of the Resource Groups Tagging API in the same account and region.
    """

    def __init__(self, client: Any, identity: Callable[[], Any], tagging: Any) -> None:
        super().__init__(client, identity)
        self._tagging = tagging

    def tags(self) -> dict[str, dict[str, str]]:
        """The tags of every repository that has any, by its ARN, a hundred repositories a call."""
        pages = [self._tags_page()]
        while token := pages[-1].get("PaginationToken"):
            pages.append(self._tags_page(PaginationToken=token))
        return {
            tagged["ResourceARN"]: _tags_by_key(tagged["Tags"])
            for page in pages
            for tagged in page["ResourceTagMappingList"]
        }

    def tags_of(self, name: str, arn: str) -> dict[str, str]:
        """The tags of one repository. Raises RepositoryMissingError."""
        return _tags_by_key(self._ask(self._client, "ListTagsForResource", name, resourceArn=arn)["tags"])

    def _tags_page(self, **token: Any) -> Mapping[str, Any]:
        return self._ask(
            self._tagging,
            "GetResources",
            None,
            ResourceTypeFilters=["ecr:repository"],
            ResourcesPerPage=_TAGS_PAGE_SIZE,
            **token,
        )


def _is_alone(client: Any) -> bool:
    # A user's aws_config may let botocore try again by itself.
    return (client.meta.config.retries or {}).get("total_max_attempts") == 1


@contextmanager
def _unless_given_up() -> Iterator[None]:
    try:
        yield
    except GivenUpError as given_up:
        raise EcrError(_gave_up(given_up)) from given_up


def _gave_up(given_up: GivenUpError) -> str:
    return f"AWS was not asked any more, because the run gave up: {given_up}"


def _fault_of(error: Exception) -> Fault | None:
    fault = _FAULTS.get(_code(error))
    return Fault.FLEETING if fault is None and _is_fleeting(error) else fault


def _is_fleeting(error: Exception) -> bool:
    if isinstance(error, ClientError):
        return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) >= 500
    return isinstance(error, (AwsConnectionError, HTTPClientError, ResponseParserError))


def _tags_by_key(tags: Iterable[Mapping[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags}


def connect(module: AnsibleAWSModule, *, concurrency: int) -> Registry:
    """The registry that a module's connection options name, for so many threads.

    A user's C(aws_config) wins over the retries and the pool chosen here.
    """
    config = _config(concurrency)
    return Registry(
        module.client("ecr", config=config), lambda: module.client("sts", config=config), module.params["registry_id"]
    )


def connect_with_tags(client: Callable[..., Any], *, concurrency: int) -> TaggedRegistry:
    """The caller's own registry, for so many threads. client: makes a client from a service and botocore's config."""
    config = _config(concurrency)
    return TaggedRegistry(
        client("ecr", config=config),
        lambda: client("sts", config=config),
        client("resourcegroupstaggingapi", config=config),
    )


def _config(concurrency: int) -> Config:
    # botocore's own retries are off: they know nothing of the other workers, or of a policy that must be read again.
    return Config(
        retries={"mode": "standard", "total_max_attempts": 1},
        max_pool_connections=concurrency,
        connect_timeout=_CONNECT_TIMEOUT,
        read_timeout=_READ_TIMEOUT,
    )


@cache
def partition_of_region(region: str) -> str | None:
    """The partition a region belongs to, as botocore's data has it; None for a region that it does not know."""
    return next((name for name, partition in _partitions().items() if region in partition["regions"]), None)


@cache
def _partitions() -> Mapping[str, Any]:
    return {partition["id"]: partition for partition in create_loader().load_data("partitions")["partitions"]}


def _code(error: Exception) -> str:
    return str(error.response["Error"].get("Code", "")) if isinstance(error, ClientError) else type(error).__name__


def _said(error: Exception) -> str:
    said = str(error.response["Error"].get("Message", "")) if isinstance(error, ClientError) else str(error)
    return said if len(said) <= _LONGEST_SAYING else f"{said[:_LONGEST_SAYING]}…"


def _told(error: Exception, operation: str, name: str | None) -> str:
    """What went wrong, and what to do. name: None for all repositories, or whichever it was."""
    code, said = _code(error), _said(error)
    whose = f" of {name}" if name else ""
    where = "this repository" if name else "all repositories"
    advice = _ADVICE.get(code, "").format(action=_ACTIONS.get(operation, f"ecr:{operation}"), where=where)
    if operation == "SetRepositoryPolicy" and _REFUSED_LENGTH in said:
        # It may count what it makes of the policy: account ids become root ARNs, which are longer.
        advice = SHORTEN
    text = f"could not {_DOINGS[operation]}{whose} ({operation}): {code}: {said}"
    return f"{text.rstrip('.')}. To do: {advice}." if advice else text


def _explained(error: Exception, operation: str, name: str | None) -> EcrError:
    code, said, text = _code(error), _said(error), _told(error, operation, name)
    if isinstance(error.__cause__, GivenUpError):
        return EcrError(f"{text.rstrip('.')}. {_gave_up(error.__cause__)}")
    if code == "RepositoryNotFoundException":
        return RepositoryMissingError(text)
    if code == "RepositoryPolicyNotFoundException":
        return _PolicyMissingError(text)
    if code == "InvalidParameterException" and any(reason in said for reason in _REFUSED_PRINCIPAL):
        return PolicyRefusedError(text)
    return EcrError(text)
