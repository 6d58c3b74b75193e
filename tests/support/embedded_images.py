# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may do what with the images of the embedded ECR, which moto asks of nobody.

Another account may pull what the policies of the repository and of the registry let it: ECR enforces the latter in
all requests, https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry-permissions.html. Lambda looks at the
policy of the repository, https://docs.aws.amazon.com/lambda/latest/dg/images-create.html. What the caller's own account
must allow besides is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from evaluator import Requester, effective_actions
from moto.core.exceptions import ServiceException
from moto.ecr.exceptions import RepositoryNotFoundException
from moto.ecr.models import ECRBackend, Repository, ecr_backends
from moto.organizations.models import organizations_backends
from moto.utilities.utils import get_partition

_PULL = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
_IMAGE_URI = r"(\d{12})\.dkr\.ecr\.([\w-]+)\.amazonaws\.[\w.]+/([^:@]+)[:@].+"
# What AWS answers, as its users quote it.
_NOT_FOR_LAMBDA = "Lambda does not have permission to access the ECR image. Check the ECR permissions."


def pulled(backend: ECRBackend, params: Mapping[str, Any], caller: str) -> dict[str, Any]:
    """The answer of BatchGetImage to an account."""
    repository = _pulling("BatchGetImage", backend, params, caller)
    found = backend.batch_get_image(repository.name, None, params["imageIds"])
    images = [
        {
            "registryId": repository.registry_id,
            "repositoryName": repository.name,
            "imageId": {"imageDigest": image.get_image_digest(), "imageTag": image.image_tag},
            "imageManifest": image.image_manifest,
        }
        for image in found["images"]
    ]
    return {"images": images, "failures": found["failures"]}


def layer_url(backend: ECRBackend, params: Mapping[str, Any], caller: str) -> dict[str, Any]:
    """The answer of GetDownloadUrlForLayer to an account. Nothing is there."""
    _pulling("GetDownloadUrlForLayer", backend, params, caller)
    digest = params["layerDigest"]
    return {"downloadUrl": f"https://layers.invalid/{digest}", "layerDigest": digest}


def refused_function(request: Mapping[str, Any], account: str, region: str) -> str | None:
    """What Lambda answers to CreateFunction where the image is another account's, and not for it."""
    image = re.fullmatch(_IMAGE_URI, request.get("Code", {}).get("ImageUri", ""))
    if not image or image[1] == account:
        return None
    backend = ecr_backends[image[1]][image[2]]
    repository = backend.repositories.get(image[3])
    function = f"arn:{get_partition(region)}:lambda:{region}:{account}:function:{request['FunctionName']}"
    service = Requester("lambda.amazonaws.com", {"aws:SourceArn": function, "aws:SourceAccount": account})
    allowed = repository and _allowed([repository.policy], service, repository.arn)
    return None if allowed == frozenset(_PULL) else _NOT_FOR_LAMBDA


def _pulling(operation: str, backend: ECRBackend, params: Mapping[str, Any], caller: str) -> Repository:
    """The repository, if it is the caller's own, or if its policies let the caller do that."""
    name = params["repositoryName"]
    repository = backend.repositories.get(name)
    if not repository or caller != backend.account_id:
        partition = get_partition(backend.region_name)
        arn = f"arn:{partition}:ecr:{backend.region_name}:{backend.account_id}:repository/{name}"
        policies = [repository.policy if repository else None, backend.registry_policy]
        requester = Requester(f"arn:{partition}:iam::{caller}:root", _organization(caller))
        if f"ecr:{operation}" not in _allowed(policies, requester, arn) and caller != backend.account_id:
            raise ServiceException(
                "AccessDeniedException",
                f"User: {requester.principal} is not authorized to perform: ecr:{operation} on resource: {arn} "
                f"because no resource-based policy allows the ecr:{operation} action",
            )
    if not repository:
        raise RepositoryNotFoundException(name, backend.account_id)
    return repository


def _allowed(policies: Iterable[str | None], requester: Requester, resource: str) -> frozenset[str]:
    """All statements of the policies count together: one Deny is enough."""
    found = [json.loads(text)["Statement"] for text in policies if text]
    statements = [one for listed in found for one in (listed if isinstance(listed, list) else [listed])]
    return effective_actions({"Statement": statements}, requester, _PULL, resource)


def _organization(account: str) -> dict[str, str]:
    backends = organizations_backends[account].values() if account in organizations_backends else ()
    found = [backend.org.id for backend in backends if backend.org]
    return {"aws:PrincipalOrgID": found[0]} if found else {}
