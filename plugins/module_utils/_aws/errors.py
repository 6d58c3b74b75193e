# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""The operations of AWS that the collection calls, and the errors that they may end with: two tables, and one boundary.

- Every call goes through an `Operation`. It holds all that is to be known of it, so nothing can be forgotten.
- `Operation.send` is the only place that sees an exception of botocore. What leaves it is an `EcrError` with its code:
  a `FaultError` where the failure says something about other calls, so that `retries.py` may try again or stop the run.
- What is known of an error is one row of `ERRORS`, by the code of AWS or the name of botocore's exception.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from .._registry import SHORTEN, EcrError, PolicyMissingError, PolicyRefusedError, RepositoryMissingError
from .._text import one_line, visible

try:
    from botocore import xform_name
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
    from botocore.exceptions import ConnectionError as AwsConnectionError
    from botocore.parsers import ResponseParserError
except ImportError:
    # AnsibleAWSModule says which library is missing.
    AWS_ERRORS: tuple[type[Exception], ...] = ()
else:
    AWS_ERRORS = (BotoCoreError, ClientError, ResponseParserError)

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
    "RepositoryNotFoundException": KnownError(
        advice="Check its name, the region and registry_id.", raises=RepositoryMissingError
    ),
    "RepositoryPolicyNotFoundException": KnownError(raises=PolicyMissingError),
    "RequestLimitExceeded": _THROTTLED,
    "SSOTokenLoadError": _NO_CREDENTIALS,
    "ServerException": _OUT_OF_ORDER,
    "ServiceUnavailable": _OUT_OF_ORDER,
    "SignatureDoesNotMatch": _BAD_SIGNATURE,
    "Throttling": _THROTTLED,
    "ThrottlingException": _THROTTLED,
    "TokenRetrievalError": _NO_CREDENTIALS,
    "TooManyRequestsException": _THROTTLED,
    "UnauthorizedSSOTokenError": _NO_CREDENTIALS,
    "UnrecognizedClientException": _UNKNOWN_CREDENTIALS,
}
# Of a policy that is set and refused, the code says too little, and the message the rest. The length may be that of
# what AWS makes of the policy: account ids become root ARNs, which are longer.
_REFUSED_POLICIES: Mapping[str, KnownError] = {
    "Invalid repository policy provided": KnownError(raises=PolicyRefusedError),
    "Principal not found": KnownError(raises=PolicyRefusedError),
    "must have length less than or equal to": KnownError(advice=SHORTEN),
}
_REFUSED_POLICY_CODE = "InvalidParameterException"


@dataclass(frozen=True)
class Operation:
    """An operation of AWS.

    Args:
        name: As AWS's API spells it.
        answer_key: A member of every answer. Without it, something else has answered, or the answer is cut short.
        label: What it does, after "could not".
        iam_action: What the caller must be allowed.
        resource: What the caller must be allowed that on.
        sets_policy: Whether a policy is sent, which AWS may refuse.
    """

    name: str
    answer_key: str
    label: str
    iam_action: str
    resource: str = "this repository"
    sets_policy: bool = False

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
            if self.answer_key not in answer:
                raise ResponseParserError(f"there is no {self.answer_key} in the answer, so it is not that of AWS")
        except AWS_ERRORS as error:
            raise self._typed(error, subject) from error
        return answer

    def _typed(self, error: Exception, subject: str) -> EcrError:
        code, message = _code_and_message(error)
        known = self._known(code, message)
        what = f"could not {self.label}{subject and f' {subject}'} ({self.name}): {code}: {message}"
        advice = known.advice.format(action=self.iam_action, resource=self.resource)
        text = f"{what.rstrip('.')}. {advice}" if advice else what
        aws_code = code if isinstance(error, ClientError) else None
        fault = known.fault or (FaultKind.TRANSIENT if _is_transient(error) else None)
        if fault is None:
            return known.raises(text, aws_code)
        return FaultError(text, aws_code, fault=fault, may_have_been_sent=known.may_have_been_sent)

    def _known(self, code: str, message: str) -> KnownError:
        if self.sets_policy and code == _REFUSED_POLICY_CODE:
            return next((known for part, known in _REFUSED_POLICIES.items() if part in message), KnownError())
        return ERRORS.get(code, KnownError())


def _code_and_message(error: Exception) -> tuple[str, str]:
    code, message = type(error).__name__, str(error)
    if isinstance(error, ClientError):
        code, message = (str(error.response["Error"].get(key, "")) for key in ("Code", "Message"))
    # A page of HTML has many lines and margins.
    return visible(code, MAX_CODE_LENGTH), visible(one_line(message), MAX_MESSAGE_LENGTH)


def _is_transient(error: Exception) -> bool:
    if isinstance(error, ClientError):
        return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) >= 500
    return isinstance(error, (AwsConnectionError, HTTPClientError, ResponseParserError))


_ALL = "all repositories"

DESCRIBE_REPOSITORIES = Operation(
    "DescribeRepositories", "repositories", "list the repositories", "ecr:DescribeRepositories", _ALL
)
GET_REPOSITORY_POLICY = Operation("GetRepositoryPolicy", "policyText", "read the policy", "ecr:GetRepositoryPolicy")
SET_REPOSITORY_POLICY = Operation(
    "SetRepositoryPolicy", "policyText", "set the policy", "ecr:SetRepositoryPolicy", sets_policy=True
)
DELETE_REPOSITORY_POLICY = Operation(
    "DeleteRepositoryPolicy", "policyText", "delete the policy", "ecr:DeleteRepositoryPolicy"
)
LIST_TAGS_FOR_RESOURCE = Operation("ListTagsForResource", "tags", "read the tags", "ecr:ListTagsForResource")
GET_RESOURCES = Operation(
    "GetResources", "ResourceTagMappingList", "list the tags of the repositories", "tag:GetResources", _ALL
)
# It needs no permission: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
GET_CALLER_IDENTITY = Operation(
    "GetCallerIdentity", "Account", "get the caller identity", "sts:GetCallerIdentity", _ALL
)
