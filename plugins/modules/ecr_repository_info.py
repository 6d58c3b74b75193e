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
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
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
  description: The repositories, by name.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name of the repository.
      returned: always
      type: str
      sample: base/python
    arn:
      description: Its ARN.
      returned: always
      type: str
      sample: arn:aws:ecr:us-east-1:123456789012:repository/base/python
    uri:
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
      description: Whether its image tags can be overwritten, as AWS calls it.
      returned: always
      type: str
      sample: MUTABLE
  sample:
    - name: base/python
      arn: arn:aws:ecr:us-east-1:123456789012:repository/base/python
      uri: 123456789012.dkr.ecr.us-east-1.amazonaws.com/base/python
      registry_id: "123456789012"
      created_at: "2026-01-31T12:00:00Z"
      image_tag_mutability: MUTABLE
missing:
  description: The names and patterns of O(repositories) that match none.
  returned: success
  type: list
  elements: str
  sample: [services/api]
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.imageshare.aws.plugins.module_utils._aws.registry import connect
from ansible_collections.imageshare.aws.plugins.module_utils._errors import InvalidInputError
from ansible_collections.imageshare.aws.plugins.module_utils._inventory.filters import read_filter
from ansible_collections.imageshare.aws.plugins.module_utils._inventory.listing import describe
from ansible_collections.imageshare.aws.plugins.module_utils._registry import EcrError
from ansible_collections.imageshare.aws.plugins.module_utils._runs.options import problems_with_registry_id

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
        found = map(describe, connect(module, concurrency=1).repositories())
        by_name = {repository["name"]: repository for repository in found}
    except InvalidInputError as error:
        module.fail_json(msg=". ".join(error.problems))
    except EcrError as error:
        module.fail_json(msg=str(error))
    names = sorted(by_name)
    module.exit_json(
        repositories=[by_name[name] for name in names if wanted.takes(name, {})],
        missing=[text for text in wanted.unmatched(names) if text != "*"],
    )


if __name__ == "__main__":
    main()
