# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policies to send to the embedded AWS, and what comes of a call."""

from __future__ import annotations

import json
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.imageshare.aws.tests.support.embedded_aws import ACCESS_KEY, EmbeddedAws
from botocore.exceptions import BotoCoreError, ClientError

ROOT = "arn:aws:iam::111122223333:root"
ROLE = "arn:aws:iam::444455556666:role/ci"
GONE = "AROAEXAMPLEEXAMPLEEXA"


def statement(**elements: Any) -> dict[str, Any]:
    """A good statement with other elements in it; None takes one out."""
    good = {"Sid": "Pull", "Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "ecr:BatchGetImage"}
    return {name: element for name, element in (good | elements).items() if element is not None}


def policy(*statements: dict[str, Any], **elements: Any) -> dict[str, Any]:
    return {"Version": "2008-10-17", "Statement": list(statements) or [statement()]} | elements


def shared_with(*principals: str) -> dict[str, Any]:
    return policy(statement(Principal={"AWS": list(principals)}))


def outcome(call: Callable[[], Any]) -> str:
    """The code of AWS, or the name of what boto3 made of it."""
    try:
        call()
    except ClientError as error:
        return error.response["Error"]["Code"]
    except BotoCoreError as error:
        return type(error).__name__
    return "answered"


def raw_call(aws: EmbeddedAws, operation: str, parameters: dict[str, Any], service: str = "ecr") -> tuple[int, Any]:
    """Status and answer of a call that boto3 would not make."""
    target = {"ecr": "AmazonEC2ContainerRegistry_V20150921", "tagging": "ResourceGroupsTaggingAPI_20170126"}[service]
    scope = f"{ACCESS_KEY}/20250101/us-east-1/{service}/aws4_request"
    headers = {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, x", "X-Amz-Target": f"{target}.{operation}"}
    connection = HTTPConnection(urlsplit(aws.url).netloc)
    try:
        connection.request("POST", "/", json.dumps(parameters), headers)
        response = connection.getresponse()
        return response.status, json.load(response)
    finally:
        connection.close()
