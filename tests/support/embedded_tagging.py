# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""GetResources of the Resource Groups Tagging API, for the repositories of the embedded ECR. That of moto knows none.

https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from moto.core.exceptions import ServiceException
from moto.ecr.models import ECRBackend


def get_resources(backend: ECRBackend, params: dict[str, Any]) -> dict[str, Any]:
    """A page of the repositories that have tags. Other types, and filters by tag, are refused: nobody asks for them."""
    if params.get("ResourceTypeFilters") != ["ecr:repository"] or params.get("TagFilters"):
        raise _invalid("the embedded AWS lists the type ecr:repository alone, and all of it")
    size = params.get("ResourcesPerPage", 50)
    if not 1 <= size <= 100:
        raise _invalid("ResourcesPerPage must be between 1 and 100")
    try:
        last = urlsafe_b64decode(params.get("PaginationToken", "")).decode()
    except ValueError:
        raise _invalid("PaginationToken is not of an earlier answer") from None
    tagged = {
        repository.arn: tags
        for repository in list(backend.repositories.values())
        if (tags := backend.tagger.list_tags_for_resource(repository.arn)["tags"])
    }
    arns = sorted(arn for arn in tagged if arn > last)
    # The last page has an empty token, not none.
    more = len(arns) > size
    return {
        "PaginationToken": urlsafe_b64encode(arns[size - 1].encode()).decode() if more else "",
        "ResourceTagMappingList": [{"ResourceARN": arn, "Tags": tagged[arn]} for arn in arns[:size]],
    }


def _invalid(message: str) -> ServiceException:
    return ServiceException("InvalidParameterException", message)
