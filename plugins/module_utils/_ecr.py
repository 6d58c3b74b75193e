# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Every call to AWS: its retries, and its errors in plain words.

SetRepositoryPolicy knows no version of what it replaces, so the last writer wins. Who reads a policy and writes it
does so back to back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Any

from ansible_collections.amazon.aws.plugins.module_utils.cloud import CloudRetry
from ansible_collections.imageshare.aws.plugins.module_utils._policy import PolicyError, equal, parse

try:
    from botocore import xform_name
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError
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
_CONNECT_TIMEOUT = 10
# IAM is eventually consistent: a principal made seconds ago may still be unknown to ECR.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
_PATIENCE = 20.0
_REFUSED_PRINCIPAL = ("Invalid repository policy provided", "Principal not found")
_REFUSED_LENGTH = "must have length less than or equal to"
SHORTEN = "grant access to an organization (o-…) instead of many accounts, or take away what is no longer needed"

# A throttled call has done nothing and costs nothing, so it is tried until its turn comes: half a minute or more.
_THROTTLED = ("RequestLimitExceeded", "Throttling", "ThrottlingException", "TooManyRequestsException")
# What a second try may mend; all calls may be repeated. A dead endpoint must not take long to be told.
_FLEETING = (
    "ConnectTimeoutError",
    "ConnectionClosedError",
    "EndpointConnectionError",
    "InternalFailure",
    "ReadTimeoutError",
    "ResponseParserError",
    "ServerException",
    "ServiceUnavailable",
)
_THROTTLED_TRIES, _FLEETING_TRIES = 30, 8
_PACE = {"delay": 0.2, "backoff": 1.5, "max_delay": 4}

_ADVICE = {
    "AccessDeniedException": "allow the caller {action} on {where}",
    "ExpiredTokenException": "renew the credentials and run again; what was done stays done",
    "InvalidSignatureException": "check the credentials and the clock",
    "RepositoryNotFoundException": "check its name, the region and registry_id",
    "ThrottlingException": "run again later, with a lower concurrency where there is one",
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


class EcrError(Exception):
    """AWS did not do what it was asked. The message says what, what AWS said, and what to do."""


class RepositoryMissingError(EcrError):
    """The repository does not exist in this registry and region."""


class _PolicyMissingError(EcrError):
    """The repository has no policy."""


class PolicyRefusedError(EcrError):
    """AWS takes the policy for invalid, often because one of its principals does not exist."""


@dataclass(frozen=True)
class StoredPolicy:
    """text: the policy as AWS returned it, None for none. registry_id: the account that owns it, None where AWS has no
    policy to say it of.
    """

    text: str | None
    registry_id: str | None


class Patience:
    """One wait for all workers of a run: as long in all as one fresh principal needs to become known."""

    def __init__(
        self,
        seconds: float = _PATIENCE,
        delay: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._seconds, self._delay, self._clock, self._sleep = seconds, delay, clock, sleep
        self._lock = threading.Lock()
        self._deadline: float | None = None

    def wait(self) -> bool:
        """Sleep a little; False, at once, when the time is used up."""
        with self._lock:
            now = self._clock()
            self._deadline = now + self._seconds if self._deadline is None else self._deadline
            left = self._deadline - now
        if left <= 0:
            return False
        self._sleep(min(self._delay, left))
        return True


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
        patience: Patience | None = None,
    ) -> None:
        self._client, self._identity = client, identity
        self._whose = {"registryId": registry_id} if registry_id else {}
        self._owner = registry_id
        self._asking = threading.Lock()
        self._unknown: EcrError | None = None
        self._patience = patience or Patience()
        self._last_read: dict[str, str | None] = {}
        self.partition: str = client.meta.partition
        self.region: str = client.meta.region_name

    def of(self, registry_id: str) -> Registry:
        """The registry of this account in the same region, for the same caller."""
        return Registry(self._client, self._identity, registry_id, self._patience)

    def owner(self) -> str:
        """The 12-digit account that owns the registry: as it was asked for, or as an answer said, or else the
        caller's. That is asked for once, even if it cannot be had, with a call that needs no permission:
        https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
        """
        with self._asking:
            if self._owner is None and self._unknown is None:
                try:
                    self._owner = _ask(self._identity(), "GetCallerIdentity", None)["Account"]
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
        try:
            answer = self._call("GetRepositoryPolicy", name)
        except _PolicyMissingError:
            self._last_read[name] = None
            return StoredPolicy(None, None)
        self._last_read[name] = answer["policyText"]
        self._owner = answer.get("registryId", self._owner)
        return StoredPolicy(answer["policyText"], answer.get("registryId"))

    def write(self, name: str, text: str, *, force: bool, patient: bool) -> str:
        """Set the policy of a repository and return the text that AWS stored.

        force: set a policy even if it keeps the caller from ever setting another.
        patient: whether a refusal may be due to a principal that was made a moment ago, so that it is tried again.
        A write that has to be repeated looks first whether somebody else changed the policy since it was read.
        Raises PolicyRefusedError, RepositoryMissingError.
        """
        guard = self._guard(name, text)
        while True:
            try:
                answer = self._call("SetRepositoryPolicy", name, guard, policyText=text, force=force)
                return str(answer["policyText"])
            except PolicyRefusedError:
                if not (patient and self._patience.wait()):
                    raise

    def delete(self, name: str) -> None:
        """Delete the policy of a repository; done, too, if it has none any more. Raises RepositoryMissingError."""
        with suppress(_PolicyMissingError):
            self._call("DeleteRepositoryPolicy", name, self._guard(name, None))

    def _pages(self) -> Iterator[Mapping[str, Any]]:
        page = self._call("DescribeRepositories", None, maxResults=_PAGE_SIZE)
        yield page
        while page.get("nextToken"):
            page = self._call("DescribeRepositories", None, maxResults=_PAGE_SIZE, nextToken=page["nextToken"])
            yield page

    def _guard(self, name: str, text: str | None) -> Callable[[], Mapping[str, Any] | None]:
        """What to ask before each try of a write: an answer if the policy is as wanted already, None to go on.

        Raises EcrError if the policy is neither what was read nor what is to be written.
        """
        before = self._last_read.get(name)
        tries = count()

        def guard() -> Mapping[str, Any] | None:
            if next(tries) == 0:
                return None
            now = self.read(name).text
            # An answer that got lost on its way back: the write was done.
            if self._same(now, text):
                return {"policyText": now}
            if self._same(now, before):
                return None
            raise EcrError(
                "somebody else changed the policy while its write had to wait. Nothing was written. Run again."
            )

        return guard

    def _same(self, first: str | None, second: str | None) -> bool:
        if first is None or second is None:
            return first is second
        try:
            return equal(parse(first), parse(second), self.partition)
        except PolicyError:
            return first == second

    def _call(
        self,
        operation: str,
        name: str | None,
        guard: Callable[[], Mapping[str, Any] | None] = lambda: None,
        **parameters: Any,
    ) -> Mapping[str, Any]:
        if name is not None:
            parameters["repositoryName"] = name
        return _ask(self._client, operation, name, guard, **parameters, **self._whose)


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
        return _tags_by_key(_ask(self._client, "ListTagsForResource", name, resourceArn=arn)["tags"])

    def _tags_page(self, **token: Any) -> Mapping[str, Any]:
        return _ask(
            self._tagging,
            "GetResources",
            None,
            ResourceTypeFilters=["ecr:repository"],
            ResourcesPerPage=_TAGS_PAGE_SIZE,
            **token,
        )


class _Retry(CloudRetry):
    """amazon.aws's retries, for connection errors as well. Its AWSRetry knows those of AWS alone."""

    base_class = AWS_ERRORS

    @staticmethod
    def status_code_from_exception(error: Exception) -> str:
        return _code(error)


def _patiently(call: Callable[..., Any]) -> Callable[..., Any]:
    # Made anew for each call: a decorator's back-off is state that threads would share.
    for codes, tries in ((_FLEETING, _FLEETING_TRIES), (_THROTTLED, _THROTTLED_TRIES)):
        call = _Retry.jittered_backoff(retries=tries, catch_extra_error_codes=codes, **_PACE)(call)
    return call


def _ask(
    client: Any,
    operation: str,
    name: str | None,
    guard: Callable[[], Mapping[str, Any] | None] = lambda: None,
    **parameters: Any,
) -> Mapping[str, Any]:
    method = getattr(client, xform_name(operation))
    try:
        answer: Mapping[str, Any] = _patiently(lambda: guard() or method(**parameters))()
    except AWS_ERRORS as error:
        raise _explained(error, operation, name) from error
    return answer


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
    # botocore's own retries are off: with a shared client, standard and legacy wait for seconds where a fraction would
    # do, and adaptive takes a few throttled calls for a rate of one call a second.
    return Config(
        retries={"mode": "standard", "total_max_attempts": 1},
        max_pool_connections=concurrency,
        connect_timeout=_CONNECT_TIMEOUT,
    )


@cache
def partition_of_region(region: str) -> str | None:
    """The partition a region belongs to, as botocore's data has it; None for a region that it does not know."""
    for partition in create_loader().load_data("partitions")["partitions"]:
        if region in partition["regions"]:
            return str(partition["id"])
    return None


def _code(error: Exception) -> str:
    return str(error.response["Error"].get("Code", "")) if isinstance(error, ClientError) else type(error).__name__


def _said(error: Exception) -> str:
    return str(error.response["Error"].get("Message", "")) if isinstance(error, ClientError) else str(error)


def _explained(error: Exception, operation: str, name: str | None) -> EcrError:
    code, said = _code(error), _said(error)
    whose = f" of {name}" if name else ""
    where = "this repository" if name else "all repositories"
    advice = _ADVICE.get(code, "").format(action=_ACTIONS.get(operation, f"ecr:{operation}"), where=where)
    if operation == "SetRepositoryPolicy" and _REFUSED_LENGTH in said:
        # It may count what it makes of the policy: account ids become root ARNs, which are longer.
        advice = SHORTEN
    text = f"could not {_DOINGS[operation]}{whose} ({operation}): {code}: {said}"
    text = f"{text.rstrip('.')}. To do: {advice}." if advice else text
    if code == "RepositoryNotFoundException":
        return RepositoryMissingError(text)
    if code == "RepositoryPolicyNotFoundException":
        return _PolicyMissingError(text)
    if code == "InvalidParameterException" and any(reason in said for reason in _REFUSED_PRINCIPAL):
        return PolicyRefusedError(text)
    return EcrError(text)
