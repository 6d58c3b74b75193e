# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where clients push to the embedded ECR, by the protocol of registries.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md. A push to a repository that is not there has ECR
create it, if a creation template says so. Only the account itself can push.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from moto.ecr.models import ecr_backends

if TYPE_CHECKING:
    from embedded_ecr import EmbeddedEcr

Answer = tuple[int, dict[str, str], dict[str, Any]]

_uploads: dict[str, bytes] = {}


def push(ecr: EmbeddedEcr, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
    """Status, headers and JSON of the answer."""
    _user, _colon, whose = b64decode(headers.get("Authorization", "").removeprefix("Basic ")).decode().partition(":")
    account, _slash, region = whose.partition("/")
    url = urlsplit(path)
    found = re.fullmatch(r"/v2/(.+)/(blobs/uploads|manifests)/(.*)", url.path)
    if not found or not region:
        return _refusal(404, "UNSUPPORTED", f"not of the embedded registry: {method} {path}")
    name, kind, last = found.groups()
    repositories = ecr_backends[account][region].repositories
    if method == "POST":
        ecr.create_as_ecr(account, region, name, "push")
    if name not in repositories:
        missing = f"The repository with name '{name}' does not exist in the registry with id '{account}'"
        return _refusal(404, "NAME_UNKNOWN", missing)
    match kind, method:
        case "blobs/uploads", "POST":
            last = str(uuid4())
            _uploads[last] = b""
        case "blobs/uploads", "PATCH":
            _uploads[last] += body
        case "blobs/uploads", "PUT":
            blob = _uploads.pop(last)
            digest = f"sha256:{sha256(blob).hexdigest()}"
            if parse_qs(url.query)["digest"] != [digest]:
                return _refusal(400, "DIGEST_INVALID", f"The blob has the digest {digest}")
            repositories[name].layers[digest] = len(blob)
            return 201, {}, {}
        case "manifests", "PUT":
            manifest = json.loads(body)
            if any(one["digest"] not in repositories[name].layers for one in [manifest["config"], *manifest["layers"]]):
                return _refusal(400, "MANIFEST_BLOB_UNKNOWN", "A layer of the manifest is not there")
            ecr_backends[account][region].put_image(name, body.decode(), last, headers["Content-Type"])
            return 201, {}, {}
        case _:
            return _refusal(405, "UNSUPPORTED", f"not of the embedded registry: {method} {path}")
    return 202, {"Location": f"/v2/{name}/blobs/uploads/{last}"}, {}


def _refusal(status: int, code: str, message: str) -> Answer:
    return status, {}, {"errors": [{"code": code, "message": message}]}
