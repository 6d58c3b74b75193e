# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers that come a byte at a time, of which each byte would be in time."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Iterator
from socketserver import BaseRequestHandler, ThreadingTCPServer

import pytest
from ansible_collections.imageshare.aws.tests.integration.statements import TEAM
from ansible_collections.imageshare.aws.tests.support.embedded_aws import EmbeddedAws
from ansible_collections.imageshare.aws.tests.support.module_process import AUDIT, run_module, started_module

BODY = b'{"policyText": "{}", "registryId": "123456789012", "repositories": []}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: %d\r\n\r\n" % len(BODY)
# In seconds between two bytes.
PAUSE = 0.5


class _Drip(BaseRequestHandler):
    def handle(self) -> None:
        server = self.server
        assert isinstance(server, Dripping)
        self.request.recv(65536)
        server.asked.set()
        answer = HEAD + BODY
        at_once = len(HEAD) if server.head_at_once else 0
        try:
            self.request.sendall(answer[:at_once])
            for byte in answer[at_once:]:
                if server.over.wait(PAUSE):
                    return
                self.request.sendall(bytes([byte]))
        except OSError:
            """The client has given up."""


class Dripping(ThreadingTCPServer):
    daemon_threads = True
    head_at_once = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Drip)
        self.asked, self.over = threading.Event(), threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@pytest.fixture
def dripping() -> Iterator[Dripping]:
    with Dripping() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.over.set()
        server.shutdown()


@pytest.mark.parametrize("head_at_once", [True, False], ids=["the body", "all of it"])
def test_an_answer_that_drips_is_given_up(aws: EmbeddedAws, dripping: Dripping, head_at_once: bool) -> None:
    dripping.head_at_once = head_at_once
    result = run_module(
        aws,
        environment={"AWS_URL": dripping.url},
        repositories=["app"],
        grants=[{"principals": [TEAM]}],
        aws_config={"connect_timeout": 1, "read_timeout": 1},
    )
    assert result.failed
    assert "the whole answer did not come within 2 seconds" in result.row["error"]
    # Three tries of two seconds. All of it takes 35 seconds or 80 to come.
    assert result.seconds < 30


@pytest.mark.parametrize("module", ["ecr_share_policy", AUDIT])
def test_a_run_that_waits_for_such_an_answer_can_be_stopped(aws: EmbeddedAws, dripping: Dripping, module: str) -> None:
    grants = {} if module == AUDIT else {"grants": [{"principals": [TEAM]}]}
    where = {"AWS_URL": dripping.url}
    with started_module(aws, module=module, environment=where, repositories=["app"], **grants) as process:
        assert dripping.asked.wait(60)
        process.send_signal(signal.SIGTERM)
        begin = time.monotonic()
        assert process.stdout
        output = process.stdout.read()
        process.wait(60)
        seconds = time.monotonic() - begin

    (row,) = json.loads(output)["repositories"]
    assert "interrupted by SIGTERM" in row["error"]
    # It would be given up after 20.
    assert seconds < 12
