# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What answers mean that AWS does not give, and which errors are tried again: those that botocore itself would."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._aws import errors
from ansible_collections.imageshare.aws.plugins.module_utils._aws.errors import FaultError, FaultKind, Operation
from ansible_collections.imageshare.aws.plugins.module_utils._registry import EcrError
from botocore import xform_name
from botocore.exceptions import ClientError, ParamValidationError
from botocore.loaders import create_loader
from botocore.retries.standard import ThrottledRetryableChecker, TransientRetryableChecker

# Of each operation, an answer of AWS. Every member of it is needed, or looked at where it is there.
ANSWERS: dict[str, dict[str, Any]] = {
    "DESCRIBE_REPOSITORIES": {
        "repositories": [
            {
                "repositoryName": "app",
                "repositoryArn": "arn:aws:ecr:us-east-1:123456789012:repository/app",
                "repositoryUri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/app",
                "registryId": "123456789012",
            }
        ],
        "nextToken": "more",
    },
    "GET_REPOSITORY_POLICY": {"policyText": "{}", "registryId": "123456789012"},
    "SET_REPOSITORY_POLICY": {"policyText": "{}", "registryId": "123456789012"},
    "DELETE_REPOSITORY_POLICY": {"policyText": "{}", "registryId": "123456789012"},
    "GET_REGISTRY_POLICY": {"policyText": "{}", "registryId": "123456789012"},
    "GET_ACCOUNT_SETTING": {"value": "V2"},
    "LIST_TAGS_FOR_RESOURCE": {"tags": [{"Key": "team", "Value": "web"}]},
    "GET_RESOURCES": {
        "ResourceTagMappingList": [{"ResourceARN": "arn", "Tags": [{"Key": "team", "Value": "web"}]}],
        "PaginationToken": "more",
    },
    "GET_CALLER_IDENTITY": {"Account": "123456789012"},
}
# What may stand where AWS has something else.
ODD = (None, 7, True, 1.5, "", "\x1b[2J", [], [None], [[]], ["text"], {}, {"a": 1}, b"\xff")


def client_of(answer: Any, operation: Operation) -> Any:
    def call(**_parameters: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return SimpleNamespace(**{xform_name(operation.name): call})


def failure(answer: Any, operation: Operation = errors.GET_REPOSITORY_POLICY) -> EcrError:
    with pytest.raises(EcrError) as failed:
        operation.send(client_of(answer, operation), {})
    return failed.value


def variations(value: Any) -> Iterator[Any]:
    """An answer with an odd value in each of its places, one after the other."""
    yield from (odd for odd in ODD if type(odd) is not type(value) and odd is not None)
    if isinstance(value, dict):
        for name, member in value.items():
            yield from ({**value, name: odd} for odd in variations(member))
    if isinstance(value, list):
        yield from ([odd] for odd in variations(value[0]))


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_of_aws_is_taken_and_one_of_any_other_shape_may_pass(name: str) -> None:
    operation, answer = getattr(errors, name), ANSWERS[name]
    assert operation.send(client_of(answer, operation), {}) == answer
    for odd in variations(answer):
        error = failure(odd, operation)
        assert isinstance(error, FaultError), odd
        assert (error.fault, error.may_have_been_sent, error.code) == (FaultKind.TRANSIENT, True, None)
        assert "not that of AWS" in str(error)


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_lacks_nothing_but_what_aws_may_leave_out(name: str) -> None:
    operation, answer = getattr(errors, name), ANSWERS[name]
    for member in answer:
        rest = {known: value for known, value in answer.items() if known != member}
        if f"{member}?" in operation.answer:
            assert operation.send(client_of(rest, operation), {}) == rest
        else:
            assert isinstance(failure(rest, operation), FaultError)


# Of each: an error that botocore's parsers raise where a body is none of AWS.
STUMBLES = (
    AttributeError("'list' object has no attribute 'get'"),
    KeyError("Error"),
    TypeError("argument of type 'NoneType' is not iterable"),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
    ValueError("no"),
    RecursionError(),
)


@pytest.mark.parametrize("error", STUMBLES, ids=lambda error: type(error).__name__)
def test_what_botocore_stumbles_over_may_pass(error: Exception) -> None:
    found = failure(error)
    assert isinstance(found, FaultError)
    assert (found.fault, found.may_have_been_sent) == (FaultKind.TRANSIENT, True)


def test_what_botocore_refuses_to_send_is_not_tried_again() -> None:
    assert not isinstance(failure(ParamValidationError(report="Invalid length")), FaultError)


def answered(response: Any) -> ClientError:
    error = ClientError({"Error": {}}, "GetRepositoryPolicy")
    error.response = response
    return error


@pytest.mark.parametrize(
    "said",
    [None, [], "text", {}, {"Code": None}, {"Code": 7}, {"Code": ["x"]}, {"Code": "X", "Message": []}],
    ids=repr,
)
@pytest.mark.parametrize("metadata", [None, [], {}, {"HTTPStatusCode": 400}], ids=repr)
def test_an_error_of_any_other_shape_may_pass(said: Any, metadata: Any) -> None:
    found = failure(answered({"Error": said, "ResponseMetadata": metadata}))
    assert isinstance(found, FaultError)
    assert found.fault is FaultKind.TRANSIENT


def fault_of(code: str, status: int = 400, operation: Operation = errors.GET_REPOSITORY_POLICY) -> FaultKind | None:
    response = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return getattr(failure(ClientError(response, operation.name), operation), "fault", None)


@pytest.mark.parametrize(
    ("status", "fault"),
    [(408, FaultKind.TRANSIENT), (429, FaultKind.THROTTLED), (500, FaultKind.TRANSIENT), (504, FaultKind.TRANSIENT)],
)
@pytest.mark.parametrize("code", ["", "{status}", "Unknown", "Something"])
def test_a_status_says_enough(status: int, fault: FaultKind, code: str) -> None:
    assert fault_of(code.format(status=status), status) is fault


def _legacy_codes(node: Any) -> Iterator[str]:
    for key, value in node.items():
        if key == "service_error_code":
            yield value
        elif isinstance(value, dict):
            yield from _legacy_codes(value)


# The lists of the botocore that is installed.
TRANSIENT = sorted(TransientRetryableChecker._TRANSIENT_ERROR_CODES)
THROTTLED = sorted({*ThrottledRetryableChecker._THROTTLED_ERROR_CODES} - {*TRANSIENT})
OTHERS = sorted({*_legacy_codes(create_loader().load_data("_retry"))} - {*THROTTLED, *TRANSIENT})


@pytest.mark.parametrize("code", THROTTLED)
def test_what_botocore_calls_throttled_waits_for_its_turn(code: str) -> None:
    assert fault_of(code) is FaultKind.THROTTLED


@pytest.mark.parametrize("code", [*TRANSIENT, *OTHERS])
def test_what_else_botocore_would_try_again_is_tried_again(code: str) -> None:
    assert fault_of(code) in (FaultKind.TRANSIENT, FaultKind.THROTTLED)


def test_what_the_model_of_an_operation_calls_retryable_is_tried_again() -> None:
    def call(**_parameters: Any) -> None:
        raise ClientError(
            {
                "Error": {"Code": "SlowServiceException", "Message": "no"},
                "ResponseMetadata": {"HTTPStatusCode": 400},
            },
            "GetRepositoryPolicy",
        )

    real = boto3.client("ecr", region_name="us-east-1").meta.service_model
    shape = SimpleNamespace(name="SlowServiceException", metadata={"retryable": {"throttling": True}, "error": {}})
    modeled = SimpleNamespace(error_shapes=[shape], name="GetRepositoryPolicy")
    assert real.operation_model("GetRepositoryPolicy").error_shapes
    client = SimpleNamespace(
        get_repository_policy=call,
        meta=SimpleNamespace(service_model=SimpleNamespace(operation_model=lambda _name: modeled)),
    )
    with pytest.raises(FaultError) as failed:
        errors.GET_REPOSITORY_POLICY.send(client, {})
    assert failed.value.fault is FaultKind.THROTTLED


@pytest.mark.parametrize("code", ["AccessDeniedException", "InvalidParameterException", "ValidationException"])
def test_a_refusal_is_not_tried_again(code: str) -> None:
    assert fault_of(code) is None
