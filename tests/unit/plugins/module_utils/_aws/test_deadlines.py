# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long a call may take as a whole, and what becomes of one that is given up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._aws import deadlines
from ansible_collections.imageshare.aws.plugins.module_utils._aws.errors import (
    GET_REPOSITORY_POLICY,
    FaultError,
    FaultKind,
)
from ansible_collections.imageshare.aws.plugins.module_utils._registry import RepositoryMissingError
from botocore.config import Config
from botocore.exceptions import ClientError

ANSWER = {"policyText": "{}"}


def client_of(call: Callable[..., Any], **config: Any) -> Any:
    settings = {"connect_timeout": 0.1, "read_timeout": 0.1, "retries": {"total_max_attempts": 1}, **config}
    return SimpleNamespace(get_repository_policy=call, meta=SimpleNamespace(config=SimpleNamespace(**settings)))


def send(client: Any, *, stopped: bool = False) -> Any:
    return deadlines.send(GET_REPOSITORY_POLICY, client, {}, is_stopped=lambda: stopped)


@pytest.fixture
def never() -> Iterator[threading.Event]:
    """What nobody sets before the test ends."""
    event = threading.Event()
    yield event
    event.set()


def test_an_answer_and_an_error_come_through() -> None:
    def refuse() -> None:
        raise ClientError({"Error": {"Code": "RepositoryNotFoundException", "Message": "no"}}, "GetRepositoryPolicy")

    assert send(client_of(lambda: ANSWER)) is ANSWER
    with pytest.raises(RepositoryMissingError):
        send(client_of(refuse))


def test_a_call_that_takes_too_long_is_given_up_and_may_have_been_done(never: threading.Event) -> None:
    with pytest.raises(FaultError, match="the whole answer did not come within") as failed:
        send(client_of(never.wait))
    assert (failed.value.fault, failed.value.may_have_been_sent) == (FaultKind.TIMEOUT, True)


def test_after_a_stop_a_call_is_given_up_soon(never: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadlines, "STOP_GRACE", 0.1)
    with pytest.raises(FaultError, match="because the run was stopped"):
        send(client_of(never.wait, read_timeout=3600), stopped=True)


def test_after_a_stop_an_answer_that_comes_soon_is_taken() -> None:
    assert send(client_of(lambda: ANSWER), stopped=True) is ANSWER


@pytest.mark.parametrize(
    ("config", "seconds"),
    [
        ({"connect_timeout": 10, "read_timeout": 10}, 20),
        ({"connect_timeout": 10, "read_timeout": 60}, 70),
        ({"connect_timeout": 10, "read_timeout": 10, "retries": None}, 20),
        ({"connect_timeout": 10, "read_timeout": 10, "retries": {"total_max_attempts": 3}}, 100),
    ],
)
def test_the_deadline_leaves_what_the_user_has_asked_for(config: dict[str, Any], seconds: float) -> None:
    assert deadlines.deadline(client_of(lambda: ANSWER, **config)) == seconds


def test_what_was_given_up_before_it_was_sent_is_not_sent_afterwards(never: threading.Event) -> None:
    """As where the credentials are waited for."""
    settings = Config(connect_timeout=0.1, read_timeout=0.1, retries={"total_max_attempts": 1})
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}
    client = deadlines.watch(boto3.client("ecr", config=settings, endpoint_url="http://127.0.0.1:9", **keys))
    over, sent = threading.Event(), []
    client.meta.events.register_first("before-call", lambda **_event: never.wait(30) and None)
    client.meta.events.register_last("before-send", lambda **_event: sent.append("sent"))
    client.meta.events.register_last("needs-retry", lambda **_event: over.set())
    with pytest.raises(FaultError):
        deadlines.send(GET_REPOSITORY_POLICY, client, {"repositoryName": "app"}, is_stopped=lambda: False)
    never.set()
    over.wait(10)
    assert sent == []
