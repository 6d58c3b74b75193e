# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The smallest image that ECR takes, and the push of it, as a client such as Docker does it.

Whether the operations of boto3 have ECR create a repository, as a push of such a client may, AWS does not say.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from typing import Any
from urllib.parse import urljoin

import requests
from ansible_collections.imageshare.aws.tests.acceptance.account import Account

TAG = "acceptance"
_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
_BLOB = "application/octet-stream"
_ARCHIVE = bytes(1024)
LAYER = gzip.compress(_ARCHIVE, mtime=0)


class PushRefused(Exception):
    """The message is what the registry answered."""


def push(account: Account, repository: str) -> None:
    """Push an image of one empty layer."""
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Cmd": ["/none"]},
        "rootfs": {"type": "layers", "diff_ids": [digest(_ARCHIVE)]},
    }
    (access,) = account.ecr.get_authorization_token()["authorizationData"]
    with requests.Session() as session:
        session.headers["Authorization"] = f"Basic {access['authorizationToken']}"
        url = f"{access['proxyEndpoint']}/v2/{repository}"
        text = json.dumps(config).encode()
        _push_blob(session, url, LAYER)
        _push_blob(session, url, text)
        manifest = {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": {"mediaType": _CONFIG, "size": len(text), "digest": digest(text)},
            "layers": [{"mediaType": _LAYER, "size": len(LAYER), "digest": digest(LAYER)}],
        }
        _send(session, "PUT", f"{url}/manifests/{TAG}", json.dumps(manifest).encode(), _MANIFEST)


def digest(blob: bytes) -> str:
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"


def _push_blob(session: requests.Session, url: str, blob: bytes) -> None:
    begun = f"{url}/blobs/uploads/"
    where = urljoin(begun, _send(session, "POST", begun).headers["Location"])
    where = urljoin(where, _send(session, "PATCH", where, blob, _BLOB).headers["Location"])
    _send(session, "PUT", f"{where}{'&' if '?' in where else '?'}digest={digest(blob)}")


def _send(session: requests.Session, method: str, url: str, content: bytes = b"", kind: str = _BLOB) -> Any:
    answer = session.request(method, url, data=content, headers={"Content-Type": kind}, timeout=60)
    if not answer.ok:
        raise PushRefused(f"{answer.status_code} {' '.join(answer.text.split())}")
    return answer
