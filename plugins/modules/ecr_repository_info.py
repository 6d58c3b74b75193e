#!/usr/bin/python

# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ecr_repository_info
short_description: List ECR repositories
version_added: 1.0.0
description:
  - Lists the private ECR repositories of a registry, with one call to AWS for 1,000 of them.
  - Reads no policies. To list repositories as hosts, with their tags, use
    P(imageshare.aws.ecr_repositories#inventory).
options:
  repositories:
    description:
      - Which repositories to list, by name (C(base/python)) or by shell pattern (C(services/*)), in which C(*) crosses
        C(/). If left out, all.
    type: list
    elements: str
    default: ["*"]
  registry_id:
    description:
      - The 12-digit id of the account that owns the registry. If left out, it is the account of the credentials.
    type: str
notes:
  - "The IAM actions needed are C(ecr:DescribeRepositories) on C(*)."
seealso:
  - module: imageshare.aws.ecr_share_policy
  - plugin: imageshare.aws.ecr_repositories
    plugin_type: inventory
author:
  - imageshare.aws contributors (@imageshare)
extends_documentation_fragment:
  - imageshare.aws._connection
  - imageshare.aws._attributes
  - imageshare.aws._attributes.action_group
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
  idempotent:
    support: full
"""

EXAMPLES = r"""
- name: List all repositories
  imageshare.aws.ecr_repository_info:

- name: List some of them
  imageshare.aws.ecr_repository_info:
    repositories:
      - base/*
      - services/api
"""

RETURN = r"""
repositories:
  description: The repositories, sorted by name, each as boto3 describes it.
  returned: success
  type: list
  elements: dict
  contains:
    repository_name:
      description: The name of the repository.
      returned: always
      type: str
      sample: base/python
    repository_arn:
      description: Its ARN.
      returned: always
      type: str
      sample: arn:aws:ecr:us-east-1:123456789012:repository/base/python
    repository_uri:
      description: Where its images are pulled from and pushed to.
      returned: always
      type: str
      sample: 123456789012.dkr.ecr.us-east-1.amazonaws.com/base/python
    registry_id:
      description: The 12-digit id of the account that owns the registry.
      returned: always
      type: str
      sample: "123456789012"
    created_at:
      description: When it was made, in UTC.
      returned: always
      type: str
      sample: "2026-01-31T12:00:00Z"
    image_tag_mutability:
      description: Whether its image tags can be overwritten.
      returned: always
      type: str
      sample: MUTABLE
    image_scanning_configuration:
      description: When its images are scanned.
      returned: if AWS returns it
      type: dict
      sample:
        scan_on_push: false
    encryption_configuration:
      description: How its images are encrypted.
      returned: if AWS returns it
      type: dict
      sample:
        encryption_type: AES256
  sample:
    - repository_name: base/python
      repository_arn: arn:aws:ecr:us-east-1:123456789012:repository/base/python
      repository_uri: 123456789012.dkr.ecr.us-east-1.amazonaws.com/base/python
      registry_id: "123456789012"
      created_at: "2026-01-31T12:00:00Z"
      image_tag_mutability: MUTABLE
unmatched:
  description: The names and patterns of O(repositories) that match no repository.
  returned: success
  type: list
  elements: str
  sample: [services/api]
"""

import os
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.common.dict_transformations import camel_dict_to_snake_dict
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.imageshare.aws.plugins.module_utils._aws.registry import connect
from ansible_collections.imageshare.aws.plugins.module_utils._errors import InvalidInputError
from ansible_collections.imageshare.aws.plugins.module_utils._inventory.filters import read_filter
from ansible_collections.imageshare.aws.plugins.module_utils._inventory.listing import in_utc
from ansible_collections.imageshare.aws.plugins.module_utils._registry import EcrError
from ansible_collections.imageshare.aws.plugins.module_utils._runs.options import problems_with_registry_id

# Set by the role, and by nobody else, as in ecr_share_policy_info: the names alone, as one text.
ROWS_AS_TEXT = "IMAGESHARE_AWS_ROWS_AS_TEXT"

ARGUMENT_SPEC = {
    "repositories": {"type": "list", "elements": "str", "default": ["*"]},
    "registry_id": {"type": "str"},
}


def main() -> None:
    module = AnsibleAWSModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    problems = problems_with_registry_id(module.params["registry_id"])
    if problems:
        module.fail_json(msg=". ".join(problems))
    try:
        wanted = read_filter(module.params["repositories"], {})
        found = connect(module, concurrency=1).repositories()
    except InvalidInputError as error:
        module.fail_json(msg=". ".join(error.problems))
    except EcrError as error:
        module.fail_json(msg=str(error))
    if ROWS_AS_TEXT in os.environ:
        owner = str(found[0]["registryId"]) if found else None
        module.exit_json(names_as_text=" ".join(sorted(str(one["repositoryName"]) for one in found)), owner=owner)
    by_name = {str(repository["repositoryName"]): repository for repository in found}
    names = sorted(by_name)
    module.exit_json(
        repositories=[_described(by_name[name]) for name in names if wanted.matches(name, {})],
        unmatched=[text for text in wanted.unmatched(names) if text != "*"],
    )


def _described(repository: Mapping[str, Any]) -> dict[str, Any]:
    return camel_dict_to_snake_dict({**repository, "createdAt": in_utc(repository["createdAt"])})


if __name__ == "__main__":
    main()
