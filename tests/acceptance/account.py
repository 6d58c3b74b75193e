# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An AWS account as the acceptance uses it, and what stops it in between two calls."""

from __future__ import annotations

import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

_CONFIG = Config(connect_timeout=10, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 8})
_PAUSE = 2.0
ACCEPTED = "accepted"


class Interrupted(BaseException):
    """Somebody wants an end. The message is the name of the signal."""


class Stop:
    """Hears SIGINT, SIGTERM and SIGHUP, and speaks up at the next call of AWS: none is left half done, and what it made
    can be found. From then on, whoever cleans up is left in peace.
    """

    def __init__(self) -> None:
        self._heard = threading.Event()
        self._signal = ""
        self.cleaning = False

    def listen(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._hear)

    def _hear(self, number: int, _frame: object) -> None:
        if self._heard.is_set():
            print("Cleaning up; that ends by itself.", flush=True)
        self._signal = signal.Signals(number).name
        self._heard.set()

    def look(self, **_of_botocore: Any) -> None:
        if self._heard.is_set() and not self.cleaning:
            raise Interrupted(self._signal)

    def until(self, reached: Callable[[], bool], patience: float) -> bool:
        """Ask until it is so, for some seconds and at least once. Returns whether it was so in the end."""
        deadline = time.monotonic() + patience
        while not reached():
            if time.monotonic() >= deadline:
                return False
            if self.cleaning:
                time.sleep(_PAUSE)
            else:
                self._heard.wait(_PAUSE)
                self.look()
        return True


@dataclass(frozen=True)
class Account:
    """An account in a region, by the credentials of somebody there."""

    session: Session
    id: str
    arn: str
    stop: Stop = field(repr=False)

    @classmethod
    def of(cls, profile: str | None, region: str | None, stop: Stop) -> Account:
        """Raises BotoCoreError or ClientError where there are no credentials, or none that are good for anything."""
        session = Session(profile_name=profile, region_name=region)
        answer = session.client("sts", config=_CONFIG, region_name=session.region_name or "us-east-1")
        identity = answer.get_caller_identity()
        return cls(session, identity["Account"], identity["Arn"], stop)

    @property
    def region(self) -> str:
        return str(self.session.region_name)

    @property
    def partition(self) -> str:
        return self.arn.split(":")[1]

    @property
    def root(self) -> str:
        return f"arn:{self.partition}:iam::{self.id}:root"

    def repository_arn(self, name: str) -> str:
        return f"arn:{self.partition}:ecr:{self.region}:{self.id}:repository/{name}"

    @cached_property
    def ecr(self) -> Any:
        return self._client("ecr")

    @cached_property
    def iam(self) -> Any:
        return self._client("iam")

    @cached_property
    def functions(self) -> Any:
        return self._client("lambda")

    @cached_property
    def organizations(self) -> Any:
        return self._client("organizations")

    def environment(self) -> dict[str, str]:
        """The variables that lead a process to this account, however the credentials were found."""
        found = self.session.get_credentials().get_frozen_credentials()
        token = {"AWS_SESSION_TOKEN": found.token} if found.token else {}
        return {
            "AWS_ACCESS_KEY_ID": found.access_key,
            "AWS_SECRET_ACCESS_KEY": found.secret_key,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            **token,
        }

    def _client(self, service: str) -> Any:
        client = self.session.client(service, config=_CONFIG)
        client.meta.events.register("before-call", self.stop.look)
        return client


def pages(operation: Callable[..., Any], key: str, **parameters: Any) -> Iterator[Any]:
    """All that an operation lists under this key, whichever of the two ways of paging it has."""
    token: dict[str, str] = {}
    while True:
        answer = operation(**parameters, **token)
        yield from answer[key]
        sent = {"nextToken": "nextToken", "Marker": "Marker", "NextMarker": "Marker"}
        token = {sent[name]: answer[name] for name in sent if answer.get(name)}
        if not token:
            return


def said(error: ClientError | BotoCoreError) -> str:
    """What AWS said, without who asked."""
    if isinstance(error, ClientError):
        message = re.sub(r"User: \S+", "User: CALLER", error.response["Error"].get("Message", ""))
        return f"{error.response['Error']['Code']}: {message}"
    return f"{type(error).__name__}: {error}"


def code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])


def answered(ask: Callable[[], Any]) -> str:
    """What AWS says to a call: its refusal, or that there was none."""
    try:
        ask()
    except ClientError as error:
        return said(error)
    return ACCEPTED
