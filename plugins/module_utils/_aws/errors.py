# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""The operations of AWS that the collection calls, and the errors that they may end with: two tables, and one boundary.

- Every call goes through an `Operation`. It holds all that is to be known of it, so nothing can be forgotten.
- `Operation.send` is the only place that sees an exception of botocore. What leaves it is an `EcrError` with its code:
  a `FaultError` where the failure says something about other calls, so that `retries.py` may try again or stop the run.
- What is known of an error is one row of `ERRORS`, by the code of AWS or the name of botocore's exception. What may be
  tried again is asked of botocore, so `ERRORS` has only what botocore does not know.
- What an answer must look like stands beside its operation, as data. Whatever does not is not from AWS, and neither is
  what botocore stumbles over: it is as fleeting as a page of a gateway.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cache
from typing import Any

from .._registry import SHORTEN, EcrError, PolicyMissingError, PolicyRefusedError, RepositoryMissingError
from .._text import one_line, visible

try:
    from botocore import xform_name
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
    from botocore.exceptions import ConnectionError as AwsConnectionError
    from botocore.loaders import create_loader
    from botocore.parsers import ResponseParserError
    from botocore.retries.standard import (
        ModeledRetryErrorDetector,
        RetryContext,
        ThrottledRetryableChecker,
        TransientRetryableChecker,
    )
except ImportError:
    # AnsibleAWSModule says which library is missing.
    AWS_ERRORS: tuple[type[Exception], ...] = ()
else:
    AWS_ERRORS = (BotoCoreError, ClientError, ResponseParserError)

_NOT_OF_AWS = "the answer is not that of AWS"
# In characters: a page that answers in place of AWS is not worth more.
MAX_MESSAGE_LENGTH = 500
MAX_CODE_LENGTH = 100


class FaultKind(Enum):
    """Why a call failed, where that says something about other calls."""

    # It has done nothing and costs nothing, so it is tried until its turn comes.
    THROTTLED = auto()
    # A second try may succeed.
    TRANSIENT = auto()
    # The same, but each try takes as long as the client waits for an answer.
    TIMEOUT = auto()
    # No other call will be let in either.
    AUTHENTICATION = auto()


class FaultError(EcrError):
    """A call failed, and others may fail for the same reason.

    Args:
        fault: Why.
        may_have_been_sent: Whether AWS may have done what it was asked to do all the same.
    """

    def __init__(self, message: str, code: str | None, *, fault: FaultKind, may_have_been_sent: bool) -> None:
        super().__init__(message, code)
        self.fault = fault
        self.may_have_been_sent = may_have_been_sent


@dataclass(frozen=True)
class KnownError:
    """What is known of an error.

    Args:
        fault: None for one that a second try cannot mend.
        advice: What to do, as a sentence, with the `action` and the `resource` of the operation.
        may_have_been_sent: Whether the request may have reached AWS.
        raises: What a run sees, if it is no fault.
    """

    fault: FaultKind | None = None
    advice: str = ""
    may_have_been_sent: bool = True
    raises: type[EcrError] = EcrError


_THROTTLED = KnownError(FaultKind.THROTTLED, "Run again later.", may_have_been_sent=False)
_OUT_OF_ORDER = KnownError(FaultKind.TRANSIENT, "Run again later.")
_NO_CONNECTION = KnownError(FaultKind.TRANSIENT, may_have_been_sent=False)
_NO_CREDENTIALS = KnownError(FaultKind.AUTHENTICATION, may_have_been_sent=False)
_EXPIRED = KnownError(FaultKind.AUTHENTICATION, "Renew the credentials and run again.", may_have_been_sent=False)
_UNKNOWN_CREDENTIALS = KnownError(FaultKind.AUTHENTICATION, "Check the credentials.", may_have_been_sent=False)
_BAD_SIGNATURE = KnownError(FaultKind.AUTHENTICATION, "Check the credentials and the clock.", may_have_been_sent=False)

# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/CommonErrors.html
ERRORS: Mapping[str, KnownError] = {
    "AccessDeniedException": KnownError(advice="Allow the caller {action} on {resource}."),
    "ConnectTimeoutError": KnownError(FaultKind.TIMEOUT, may_have_been_sent=False),
    "CredentialRetrievalError": _NO_CREDENTIALS,
    "EndpointConnectionError": _NO_CONNECTION,
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "IncompleteSignature": _BAD_SIGNATURE,
    "IncompleteSignatureException": _BAD_SIGNATURE,
    "InternalFailure": _OUT_OF_ORDER,
    "InvalidClientTokenId": _UNKNOWN_CREDENTIALS,
    "InvalidSignatureException": _BAD_SIGNATURE,
    "MissingAuthenticationToken": _NO_CREDENTIALS,
    "MissingAuthenticationTokenException": _NO_CREDENTIALS,
    "NoCredentialsError": _NO_CREDENTIALS,
    "PartialCredentialsError": _NO_CREDENTIALS,
    "ProxyConnectionError": _NO_CONNECTION,
    "ReadTimeoutError": KnownError(FaultKind.TIMEOUT),
    "RegistryPolicyNotFoundException": KnownError(raises=PolicyMissingError),
    "RepositoryNotFoundException": KnownError(
        advice="Check its name, the region and registry_id.", raises=RepositoryMissingError
    ),
    "RepositoryPolicyNotFoundException": KnownError(raises=PolicyMissingError),
    "SSOTokenLoadError": _NO_CREDENTIALS,
    "ServerException": _OUT_OF_ORDER,
    "ServiceUnavailable": _OUT_OF_ORDER,
    "SignatureDoesNotMatch": _BAD_SIGNATURE,
    "TemplateNotFoundException": KnownError(advice="Check its prefix and the region.", raises=RepositoryMissingError),
    "TokenRetrievalError": _NO_CREDENTIALS,
    "UnauthorizedSSOTokenError": _NO_CREDENTIALS,
    "UnrecognizedClientException": _UNKNOWN_CREDENTIALS,
}
# What botocore, or the status of an answer, says of an error that is not in the table.
_BY_FAULT: Mapping[FaultKind, KnownError] = {FaultKind.THROTTLED: _THROTTLED, FaultKind.TRANSIENT: _OUT_OF_ORDER}
# Besides those from 500 on. A gateway answers with them and with no code of AWS.
_FAULT_OF_STATUS: Mapping[int, FaultKind] = {408: FaultKind.TRANSIENT, 429: FaultKind.THROTTLED}
# Of a policy that is set and refused, the code says too little, and the message the rest. The length may be that of
# what AWS makes of the policy: account ids become root ARNs, which are longer.
_REFUSED_POLICIES: Mapping[str, KnownError] = {
    "Invalid repository policy provided": KnownError(raises=PolicyRefusedError),
    "Invalid registry policy provided": KnownError(raises=PolicyRefusedError),
    "Principal not found": KnownError(raises=PolicyRefusedError),
    "must have length less than or equal to": KnownError(advice=SHORTEN),
}
_REFUSED_POLICY_CODE = "InvalidParameterException"


# What a value of an answer must be: a type, a text that matches, a list of such, or a map with such members. A member
# whose name ends with "?" may be missing; others that are not named may be anything.
Shape = Any
_ACCOUNT = re.compile(r"[0-9]{12}")
_TAGS: Shape = [{"Key": str, "Value": str}]
_POLICY: Shape = {"policyText": str, "registryId?": _ACCOUNT}
_TEMPLATE: Shape = {"prefix": str, "repositoryPolicy?": str, "appliedFor?": [str], "imageTagMutability?": str}


def misfit(value: object, shape: Shape, place: str = "answer") -> str | None:
    """Return the place of the first value that has another shape; None if all is well."""
    if isinstance(shape, re.Pattern):
        return None if isinstance(value, str) and shape.fullmatch(value) else place
    if isinstance(shape, type):
        return None if isinstance(value, shape) else place
    if isinstance(shape, list):
        if not isinstance(value, list):
            return place
        found = [misfit(item, shape[0], f"{place}[{number}]") for number, item in enumerate(value)]
    else:
        if not isinstance(value, Mapping):
            return place
        members = [(name.rstrip("?"), name, wanted) for name, wanted in shape.items()]
        found = [
            misfit(value.get(member), wanted, f"{place}.{member}")
            for member, name, wanted in members
            if member in value or member == name
        ]
    return next(filter(None, found), None)


@dataclass(frozen=True)
class Operation:
    """An operation of AWS.

    Args:
        name: As AWS's API spells it.
        answer: The shape of every answer. With another, something else has answered, or the answer is cut short.
        label: What it does, after "could not".
        iam_action: What the caller must be allowed.
        resource: What the caller must be allowed that on.
        sets_policy: Whether a policy is sent, which AWS may refuse.
    """

    name: str
    answer: Shape = field(hash=False)
    label: str
    iam_action: str
    resource: str = "this repository"
    sets_policy: bool = False

    def is_known_to(self, client: Any) -> bool:
        """Return whether the botocore that made a client of its service knows the operation."""
        return hasattr(client, xform_name(self.name))

    def send(self, client: Any, parameters: Mapping[str, Any], subject: str = "") -> Mapping[str, Any]:
        """Try the operation once.

        Args:
            client: The client of boto3 for its service.
            parameters: Those of the operation.
            subject: What the message of an error names after the label, such as "of base/python"; empty where the row
                of the repository names it.

        Raises:
            FaultError: It may be tried again, or all others will fail as well.
            EcrError: AWS refused.
        """
        try:
            answer: Mapping[str, Any] = getattr(client, xform_name(self.name))(**parameters)
            place = misfit(answer, self.answer)
        except AWS_ERRORS as error:
            raise self._typed(error, subject, client) from error
        except EcrError:
            raise
        except Exception as error:  # botocore's parsers raise anything where a body is not AWS's.
            raise self.fault(f"{_NOT_OF_AWS}: {type(error).__name__}: {_cut(str(error))}", subject) from error
        if place:
            raise self.fault(f"{_NOT_OF_AWS}: {place} is missing or of another kind", subject)
        return answer

    def fault(self, why: str, subject: str = "", kind: FaultKind = FaultKind.TRANSIENT) -> FaultError:
        """Return the fault of a call that may have been done, though no answer of AWS says so."""
        return FaultError(self.error_text(why, subject), None, fault=kind, may_have_been_sent=True)

    def error_text(self, why: str, subject: str = "") -> str:
        """Return the message of an error: what could not be done, and why."""
        return f"could not {self.label}{subject and f' {subject}'} ({self.name}): {why}"

    def _typed(self, error: Exception, subject: str, client: Any) -> EcrError:
        code, message = _code_and_message(error)
        fault = _fault(error, client, self.name)
        known = self._known(code, message) or (_BY_FAULT[fault] if fault else KnownError())
        what = self.error_text(f"{code}: {message}", subject)
        advice = known.advice.format(action=self.iam_action, resource=self.resource)
        text = f"{what.rstrip('.')}. {advice}" if advice else what
        aws_code = code if isinstance(error, ClientError) else None
        fault = known.fault or fault
        if fault is None:
            return known.raises(text, aws_code)
        return FaultError(text, aws_code, fault=fault, may_have_been_sent=known.may_have_been_sent)

    def _known(self, code: str, message: str) -> KnownError | None:
        if self.sets_policy and code == _REFUSED_POLICY_CODE:
            return next((known for part, known in _REFUSED_POLICIES.items() if part in message), KnownError())
        return ERRORS.get(code)


def _code_and_message(error: Exception) -> tuple[str, str]:
    code, message = type(error).__name__, str(error)
    if isinstance(error, ClientError):
        said = _error_members(error)
        code, message = (str(said.get(key, "")) for key in ("Code", "Message"))
    return visible(code, MAX_CODE_LENGTH), _cut(message)


def _error_members(error: ClientError) -> Mapping[str, Any]:
    said = error.response.get("Error")
    return said if isinstance(said, Mapping) else {}


def _cut(text: str) -> str:
    # A page of HTML has many lines and margins.
    return visible(one_line(text), MAX_MESSAGE_LENGTH)


def _fault(error: Exception, client: Any, operation: str) -> FaultKind | None:
    """Return which fault an error is, whatever `ERRORS` says."""
    if not isinstance(error, ClientError):
        transient = isinstance(error, (AwsConnectionError, HTTPClientError, ResponseParserError))
        return FaultKind.TRANSIENT if transient else None
    metadata = error.response.get("ResponseMetadata")
    status = metadata.get("HTTPStatusCode", 0) if isinstance(metadata, Mapping) else 0
    if status in _FAULT_OF_STATUS:
        return _FAULT_OF_STATUS[status]
    said = _error_members(error)
    code, message = said.get("Code"), said.get("Message", "")
    # Where a body names no code, botocore takes the status for it.
    odd = not isinstance(code, str) or code in ("", str(status), "Unknown") or not isinstance(message, str)
    return FaultKind.TRANSIENT if odd or status >= 500 else _fault_of_botocore(error, client, operation)


def _fault_of_botocore(error: ClientError, client: Any, operation: str) -> FaultKind | None:
    """Return what botocore's own lists, and AWS's model of the operation, say of an error that has a code."""
    service = getattr(getattr(client, "meta", None), "service_model", None)
    context = RetryContext(1, service and service.operation_model(operation), error.response)
    modeled = ModeledRetryErrorDetector().detect_error_type(context)
    if TransientRetryableChecker().is_retryable(context) or modeled == ModeledRetryErrorDetector.TRANSIENT_ERROR:
        return FaultKind.TRANSIENT
    if ThrottledRetryableChecker().is_retryable(context) or modeled == ModeledRetryErrorDetector.THROTTLING_ERROR:
        return FaultKind.THROTTLED
    return FaultKind.TRANSIENT if context.get_error_code() in _legacy_codes() else None


@cache
def _legacy_codes() -> frozenset[str]:
    """Return the codes that botocore's retry data name for any service."""

    def codes(node: Any) -> Iterator[str]:
        for key, value in node.items():
            if key == "service_error_code":
                yield value
            elif isinstance(value, Mapping):
                yield from codes(value)

    return frozenset(codes(create_loader().load_data("_retry")))


_ALL = "all repositories"
# Of an operation on a whole registry, IAM knows no narrower resource:
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
_ANY = 'the resource "*"'

_REPOSITORY: Shape = {"repositoryName": str, "repositoryArn?": str, "repositoryUri?": str, "registryId?": _ACCOUNT}
DESCRIBE_REPOSITORIES = Operation(
    "DescribeRepositories",
    {"repositories": [_REPOSITORY], "nextToken?": str},
    "list the repositories",
    "ecr:DescribeRepositories",
    _ALL,
)
GET_REPOSITORY_POLICY = Operation("GetRepositoryPolicy", _POLICY, "read the policy", "ecr:GetRepositoryPolicy")
SET_REPOSITORY_POLICY = Operation(
    "SetRepositoryPolicy", _POLICY, "set the policy", "ecr:SetRepositoryPolicy", sets_policy=True
)
DELETE_REPOSITORY_POLICY = Operation(
    "DeleteRepositoryPolicy", _POLICY, "delete the policy", "ecr:DeleteRepositoryPolicy"
)
GET_REGISTRY_POLICY = Operation("GetRegistryPolicy", _POLICY, "read the registry policy", "ecr:GetRegistryPolicy", _ANY)
PUT_REGISTRY_POLICY = Operation(
    "PutRegistryPolicy", _POLICY, "set the registry policy", "ecr:PutRegistryPolicy", _ANY, sets_policy=True
)
DELETE_REGISTRY_POLICY = Operation(
    "DeleteRegistryPolicy", _POLICY, "delete the registry policy", "ecr:DeleteRegistryPolicy", _ANY
)
DESCRIBE_TEMPLATES = Operation(
    "DescribeRepositoryCreationTemplates",
    {"repositoryCreationTemplates": [_TEMPLATE], "nextToken?": str, "registryId?": _ACCOUNT},
    "read the creation templates",
    "ecr:DescribeRepositoryCreationTemplates",
    _ANY,
)
# With a policy it takes more than its own action:
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-creation-templates-create.html
UPDATE_TEMPLATE = Operation(
    "UpdateRepositoryCreationTemplate",
    {"repositoryCreationTemplate": _TEMPLATE, "registryId?": _ACCOUNT},
    "update the creation template",
    "ecr:UpdateRepositoryCreationTemplate",
    f"{_ANY}, and ecr:SetRepositoryPolicy as well",
    sets_policy=True,
)
GET_ACCOUNT_SETTING = Operation("GetAccountSetting", {"value": str}, "read the setting", "ecr:GetAccountSetting", _ANY)
LIST_TAGS_FOR_RESOURCE = Operation("ListTagsForResource", {"tags": _TAGS}, "read the tags", "ecr:ListTagsForResource")
GET_RESOURCES = Operation(
    "GetResources",
    {"ResourceTagMappingList": [{"ResourceARN": str, "Tags": _TAGS}], "PaginationToken?": str},
    "list the tags of the repositories",
    "tag:GetResources",
    _ALL,
)
# It needs no permission: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
GET_CALLER_IDENTITY = Operation(
    "GetCallerIdentity", {"Account": _ACCOUNT}, "get the caller identity", "sts:GetCallerIdentity", _ALL
)
