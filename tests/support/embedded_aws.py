# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An AWS in a process of its own on a loopback port: moto, with an ECR that behaves as the real one does.

Clients push to it, by the protocol of registries, and other accounts pull what policies let them: embedded_pushes.py
and embedded_images.py.

As a script it serves until SIGTERM or SIGINT, and then exits 0. Beside AWS it speaks, in plain JSON:

    GET  /_embedded/calls        {operation: count} of the calls of ECR, and of GetCallerIdentity, that no fault befell
    GET  /_embedded/refused      the same of those that a fault befell
    GET  /_embedded/damaged      the same of those that were done and whose answer was damaged
    GET  /_embedded/journal      [[operation, repository name, "template PREFIX" or null], ...] of the calls, in order
                                 of arrival
    GET  /_embedded/actions      the IAM actions, such as ecr:GetRepositoryPolicy, of all calls to all services, however
                                 they ended
    GET  /_embedded/policies     ?account=...&region=...: {repository: stored text or null}
    GET  /_embedded/registry_policy  ?account=...&region=...: stored text of the registry's own policy, or null
    POST /_embedded/plant        {account, region, repository, text or null}, or a list of such
    POST /_embedded/plant_registry_policy  {account, region, text or null}
    GET  /_embedded/templates    ?account=...&region=...: {prefix: {field: value}} of the repository creation templates,
                                 their policies as they are stored
    POST /_embedded/plant_template  {account, region, prefix, policy: text or null, fields: {field: value}}
    POST /_embedded/create_as_ecr  {account, region, name, by: "push", "cache" or "replication"}: what ECR does then,
                                 and whether it created a repository
    POST /_embedded/tag          {account, region, repository, tags: {key: value}}, or a list of such
    POST /_embedded/settings     some fields of embedded_ecr.Settings
    POST /_embedded/reset        forgets calls and journal; with {"all": true} everything
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler
from io import BytesIO
from socketserver import ThreadingTCPServer
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode, urlsplit
from wsgiref.handlers import SimpleHandler
from wsgiref.simple_server import WSGIRequestHandler

ACCOUNT = "123456789012"
REGION = "us-east-1"
ACCESS_KEY = "AKIAEMBEDDEDTESTKEY0"
SECRET_KEY = "embedded-test-secret-never-real"

_ANNOUNCEMENT = "embedded AWS listening on "
_TAGGING = "ResourceGroupsTaggingAPI_20170126"
_ECR_TARGETS = ("AmazonEC2ContainerRegistry_V20150921", _TAGGING)
_WRITES_OF_REPOSITORIES = ("SetRepositoryPolicy", "DeleteRepositoryPolicy")
_IDENTITY = b"Action=GetCallerIdentity"
# Where the name in a signature is not that in a policy.
_IAM_PREFIXES = {"tagging": "tag"}
_PAGE = b"<html><body><h1>Sorry, this is no JSON</h1></body></html>"
# What AWS answers, with the status 400, where it does not know the operation; the second speaks XML, as STS and IAM do.
_UNKNOWN_OPERATION = {"__type": "UnknownOperationException"}
_INVALID_ACTION = b"<ErrorResponse><Error><Type>Sender</Type><Code>InvalidAction</Code></Error></ErrorResponse>"
# Where clients push, by the protocol of registries.
_REGISTRY = "/v2/"
_FUNCTIONS = "/2015-03-31/functions"
# Stands for an answer that is on its way already.
_SENT = (0, None)
_STS_FAULT = "<ErrorResponse><Error><Code>{__type}</Code><Message>{message}</Message></Error></ErrorResponse>"


class EmbeddedAws:
    """The process, from the outside. It ends with the context, with ``close()``, or with its parent.

    ``settings`` are fields of embedded_ecr.Settings; ``reset()`` comes back to them.
    """

    def __init__(self, **settings: Any) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--with-parent", "--settings", json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with self._process.stdout as output:
            line = output.readline()
        if not line.startswith(_ANNOUNCEMENT):
            self.close()
            raise RuntimeError("the embedded AWS did not start: see its standard error")
        self.url = line.removeprefix(_ANNOUNCEMENT).strip()

    def __enter__(self) -> EmbeddedAws:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdin.close()

    def client(self, service: str = "ecr", region: str = REGION, **config: Any) -> Any:
        """A boto3 client; ``config`` goes to botocore's Config."""
        from botocore.config import Config

        return self._session.client(service, region, endpoint_url=self.url, config=Config(**config))

    @cached_property
    def _session(self) -> Any:
        # Not at the top: the process itself has no use for it.
        from boto3.session import Session

        return Session(aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY)

    def environment(self) -> dict[str, str]:
        """What to add to the environment of a child process; amazon.aws takes its endpoint from AWS_URL."""
        return {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_URL": self.url,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "NO_PROXY": "127.0.0.1",
        }

    def calls(self) -> dict[str, int]:
        return self._control("GET", "calls")

    def prompt_calls(self) -> dict[str, int]:
        """The calls as they would be if nothing had to wait: on a busy machine, a policy whose read has become old is
        read once more before it is written. Repositories of one name in several registries are taken for one.
        """
        calls, last = Counter(self.calls()), dict[str | None, list[str]]()
        for operation, name in self.journal():
            *_earlier, before, latest = "", *last.get(name, [""])
            if before == latest == "GetRepositoryPolicy" and operation in _WRITES_OF_REPOSITORIES:
                calls[latest] -= 1
            last[name] = [latest, operation]
        return dict(calls)

    def refused(self) -> dict[str, int]:
        return self._control("GET", "refused")

    def actions(self) -> set[str]:
        return set(self._control("GET", "actions"))

    def damaged(self) -> dict[str, int]:
        return self._control("GET", "damaged")

    def journal(self) -> list[tuple[str, str | None]]:
        return [tuple(call) for call in self._control("GET", "journal")]

    def reset_calls(self) -> None:
        self._control("POST", "reset", {})

    def reset(self) -> None:
        self._control("POST", "reset", {"all": True})

    def settings(self, **settings: Any) -> None:
        self._control("POST", "settings", settings)

    def plant(self, name: str, policy: Any, account: str = ACCOUNT, region: str = REGION) -> None:
        """Store a policy, its text, or None as it is: no refusal, no rewriting, no shuffling."""
        self.plant_many({name: policy}, account, region)

    def plant_many(self, policies: Mapping[str, Any], account: str = ACCOUNT, region: str = REGION) -> None:
        self._control(
            "POST",
            "plant",
            [
                {
                    "account": account,
                    "region": region,
                    "repository": name,
                    "text": _text_of(policy),
                }
                for name, policy in policies.items()
            ],
        )

    def plant_registry_policy(self, policy: Any, account: str = ACCOUNT, region: str = REGION) -> None:
        """The same for the policy of the registry itself."""
        planted = {"account": account, "region": region, "text": _text_of(policy)}
        self._control("POST", "plant_registry_policy", planted)

    def plant_template(
        self,
        prefix: str,
        policy: Any = None,
        *,
        applied_for: Iterable[str] = ("CREATE_ON_PUSH",),
        account: str = ACCOUNT,
        region: str = REGION,
        **fields: Any,
    ) -> None:
        """Store a repository creation template, its policy as it is; ``fields`` as boto3 spells them."""
        where = {"account": account, "region": region, "prefix": prefix, "policy": _text_of(policy)}
        self._control("POST", "plant_template", where | {"fields": {"appliedFor": list(applied_for), **fields}})

    def create_as_ecr(self, name: str, by: str, account: str = ACCOUNT, region: str = REGION) -> bool:
        """Let ECR itself create a repository, by ``push``, ``cache`` or ``replication``. Returns whether it did."""
        return self._control("POST", "create_as_ecr", {"account": account, "region": region, "name": name, "by": by})

    def tag_many(self, tags: Mapping[str, Mapping[str, str]], account: str = ACCOUNT, region: str = REGION) -> None:
        """Give repositories that are there these tags, and no others."""
        self._control(
            "POST",
            "tag",
            [
                {"account": account, "region": region, "repository": name, "tags": dict(of_one)}
                for name, of_one in tags.items()
            ],
        )

    def policies(self, account: str = ACCOUNT, region: str = REGION) -> dict[str, str | None]:
        """The stored text of each repository's policy, or None."""
        return self._control("GET", "policies?" + urlencode({"account": account, "region": region}))

    def registry_policy(self, account: str = ACCOUNT, region: str = REGION) -> str | None:
        """The stored text of the registry's own policy, or None."""
        return self._control("GET", "registry_policy?" + urlencode({"account": account, "region": region}))

    def templates(self, account: str = ACCOUNT, region: str = REGION) -> dict[str, dict[str, Any]]:
        """Each template by its prefix: all fields but the dates, and its policy as it is stored."""
        return self._control("GET", "templates?" + urlencode({"account": account, "region": region}))

    def _control(self, method: str, what: str, body: Any = None) -> Any:
        connection = HTTPConnection(urlsplit(self.url).netloc)
        try:
            connection.request(method, f"/_embedded/{what}", json.dumps(body))
            response = connection.getresponse()
            answer = json.load(response)
        finally:
            connection.close()
        if response.status != 200:
            raise ValueError(answer)
        return answer


def _text_of(policy: Any) -> str | None:
    return json.dumps(policy) if isinstance(policy, dict) else policy


class _Server(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, settings: Mapping[str, Any]) -> None:
        # Not at the top: who imports EmbeddedAws needs no moto, and finds no siblings by these names.
        from embedded_ecr import EmbeddedEcr, Settings
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

        super().__init__(("127.0.0.1", port), _Handler)
        self.base_environ = {"SERVER_NAME": "127.0.0.1", "SERVER_PORT": str(self.server_address[1]), "SCRIPT_NAME": ""}
        self.moto = DomainDispatcherApplication(create_backend_app)
        self.ecr = EmbeddedEcr(Settings(**settings))
        self.ecr.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.actions: set[str] = set()

    def handle_error(self, request: Any, client_address: Any) -> None:
        # That a client is gone, or is to be dropped, is no news; the connection is closed in any case.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def answer(self, environ: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """What moto answers; where it does not know the operation, what AWS does with one that it does not know."""
        from botocore.model import OperationNotFoundError

        try:
            return self.moto(environ, start_response)
        except (NotImplementedError, OperationNotFoundError):
            in_json = "HTTP_X_AMZ_TARGET" in environ
            kind = "application/x-amz-json-1.1" if in_json else "text/xml"
            start_response("400 Bad Request", [("Content-Type", kind)])
            return [json.dumps(_UNKNOWN_OPERATION).encode() if in_json else _INVALID_ACTION]

    def control(self, method: str, what: str, query: Mapping[str, str], body: Any) -> Any:
        match method, what:
            case "GET", "calls" | "refused" | "damaged" | "journal":
                return getattr(self.ecr, what)
            case "GET", "actions":
                return sorted(self.actions)
            case "GET", "policies":
                return self.ecr.policies(**query)
            case "GET", "registry_policy":
                return self.ecr.registry_policy(**query)
            case "POST", "plant_registry_policy":
                self.ecr.plant_registry_policy(**body)
            case "GET", "templates":
                return self.ecr.templates(**query)
            case "POST", "plant_template":
                self.ecr.plant_template(**body)
            case "POST", "create_as_ecr":
                return self.ecr.create_as_ecr(**body)
            case "POST", "plant":
                for planted in body if isinstance(body, list) else [body]:
                    self.ecr.plant(**planted)
            case "POST", "tag":
                for tagged in body if isinstance(body, list) else [body]:
                    self.ecr.tag(**tagged)
            case "POST", "settings":
                self.ecr.change(body)
            case "POST", "reset":
                self.ecr.reset(everything=bool(body and body.get("all")))
                self.actions.clear()
            case _:
                raise LookupError(f"{method} {what}")
        return {}


class _WsgiResponse(SimpleHandler):
    http_version = "1.1"
    os_environ: ClassVar[dict[str, str]] = {}


class _Handler(WSGIRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    # One segment an answer, sent at once: otherwise Nagle's algorithm waits for the client's delayed acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True

    def handle(self) -> None:
        # Not WSGIRequestHandler's own, which ends the connection after one request.
        BaseHTTPRequestHandler.handle(self)

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        service, _dot, operation = self.headers.get("X-Amz-Target", "").partition(".")
        answer = None
        if self.path.startswith(_REGISTRY):
            self._of_registry(body)
            return
        if not self.path.startswith("/_embedded/"):
            self.server.actions.add(_iam_action(self.headers, operation, body))
        if self.path.startswith("/_embedded/"):
            answer = self._control(body)
        elif service in _ECR_TARGETS:
            answer = self._of_ecr(operation, json.loads(body))
            if answer is None and service == _TAGGING:
                # moto's own fails there with an error of its own, whatever the operation.
                answer = 400, _UNKNOWN_OPERATION
        elif _IDENTITY in body:
            answer = self.server.ecr.call("GetCallerIdentity", {}, self.headers)
        elif self.command == "POST" and self.path == _FUNCTIONS:
            answer = self._of_lambda(json.loads(body))
        if answer is _SENT:
            return
        if answer and _IDENTITY in body:
            # STS speaks XML. All that the embedded ECR has to say about it are faults.
            status, fault = answer
            self._send_content(status, "text/xml", _STS_FAULT.format(**fault).encode())
        elif answer:
            self._send(*answer)
        else:
            _WsgiResponse(BytesIO(body), self.wfile, sys.stderr, self.get_environ()).run(self.server.answer)

    do_DELETE = do_GET = do_HEAD = do_PATCH = do_PUT = do_POST

    def _of_registry(self, body: bytes) -> None:
        from embedded_pushes import push

        status, headers, answer = push(self.server.ecr, self.command, self.path, self.headers, body)
        self._send_content(status, "application/json", json.dumps(answer).encode(), headers=headers)

    def _of_lambda(self, request: dict[str, Any]) -> tuple[int, Any] | None:
        from embedded_ecr import caller
        from embedded_images import refused_function

        message = refused_function(request, *caller(self.headers))
        return message and (403, {"__type": "AccessDeniedException", "Message": message})

    def _of_ecr(self, operation: str, params: dict[str, Any]) -> tuple[int, Any] | None:
        from embedded_ecr import BadGateway, DamagedAnswer

        try:
            return self.server.ecr.call(operation, params, self.headers)
        except BadGateway:
            self._send_content(502, "text/html", _PAGE)
        except DamagedAnswer as damaged:
            self._send_damaged(damaged.how, json.dumps(damaged.answer).encode(), damaged.hang_seconds)
        return _SENT

    def _send_damaged(self, how: str, content: bytes, hang_seconds: float) -> None:
        kind, half = "application/x-amz-json-1.1", len(content) // 2
        if how == "truncated":
            self._send_content(200, kind, content[:half])
        elif how == "garbled":
            self._send_content(200, "text/html", _PAGE)
        elif how == "reset":
            self._send_content(200, kind, content[:half], announced=len(content))
            self.wfile.flush()
            # Closed with no time to linger, and without saying that no more will come, a connection is reset.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(self.connection.detach())
            raise ConnectionAbortedError
        elif how == "hang":
            time.sleep(hang_seconds)
            raise ConnectionAbortedError
        else:
            raise ConnectionAbortedError

    def _control(self, body: bytes) -> tuple[int, Any]:
        url = urlsplit(self.path)
        what = url.path.removeprefix("/_embedded/")
        try:
            return 200, self.server.control(self.command, what, dict(parse_qsl(url.query)), json.loads(body or "null"))
        except Exception as error:
            return 400, f"{type(error).__name__}: {error}"

    def _send(self, status: int, answer: Any) -> None:
        self._send_content(status, "application/x-amz-json-1.1", json.dumps(answer).encode())

    def _send_content(
        self,
        status: int,
        kind: str,
        content: bytes,
        announced: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """announced: the length that is said, where it is not that of the content. headers: more of them."""
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content) if announced is None else announced))
        self.end_headers()
        self.wfile.write(content)


def _iam_action(headers: Mapping[str, str], operation: str, body: bytes) -> str:
    """The IAM action of a signed request in JSON, or in the protocol of STS and IAM."""
    scope = re.search(r"Credential=[^/]+/[^/]+/[^/]+/([^/]+)/", headers.get("Authorization", ""))
    service = scope[1] if scope else "unsigned"
    named = re.search(rb"(?:^|&)Action=(\w+)", body)
    return f"{_IAM_PREFIXES.get(service, service)}:{operation or (named[1].decode() if named else '')}"


def _exit_with_parent() -> None:
    """Wait for the end of standard input, a pipe that the parent never writes to and that dies with it."""
    os.read(0, 1)
    os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve an AWS on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes any free one")
    parser.add_argument("--settings", type=json.loads, default={}, help="JSON, see embedded_ecr.Settings")
    parser.add_argument("--with-parent", action="store_true", help="exit when standard input ends")
    arguments = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    if arguments.with_parent:
        threading.Thread(target=_exit_with_parent, daemon=True).start()
    with _Server(arguments.port, arguments.settings) as server:
        print(f"{_ANNOUNCEMENT}{server.ecr.url}", flush=True)
        sys.stdout = sys.stderr
        server.serve_forever()


if __name__ == "__main__":
    main()
