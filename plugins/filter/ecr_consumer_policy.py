# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: ecr_consumer_policy
short_description: The IAM policy that a grant's principal needs in its own account
version_added: 1.0.0
description:
  - A repository policy is one half of access across accounts. This makes the other half, the IAM policy that a role or
    user of the other account needs to pull or push what a grant of P(imageshare.aws.ecr_share_policy#module) shares.
  - It allows the actions of the grant on these repositories, and to log in, with C(ecr:GetAuthorizationToken), which no
    repository policy can grant.
  - Of a grant for Lambda alone (C(access) is an empty list), it is for whoever creates or updates the functions there.
    They need no login, and the functions themselves need no policy for ECR.
  - Reaches no AWS.
positional: _input, arns
options:
  _input:
    description:
      - The grant, with C(principals), C(access) and the other options of a grant.
    type: dict
    required: true
  arns:
    description:
      - The ARNs of the repositories, such as those that P(imageshare.aws.ecr_share_policy_info#module) returns. They
        may hold the wildcards C(*) and C(?), as in C(repository/base/*).
      - A grant that is narrowed to some C(repositories) leaves the others out.
      - IAM limits the length of a policy, that of a managed one to 6,144 characters. For more than some fifty
        repositories, use wildcards.
    type: list
    elements: str
    required: true
seealso:
  - name: Cross-account policy evaluation
    description: Why access across accounts needs both halves.
    link: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
  - name: Private repository policies
    description: Which actions pull and push, and who has to log in.
    link: https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policies.html
author:
  - imageshare.aws contributors (@imageshare)
"""

EXAMPLES = r"""
- name: Show what an account needs to pull the base images
  ansible.builtin.debug:
    msg: "{{ grant | imageshare.aws.ecr_consumer_policy(['arn:aws:ecr:us-east-1:123456789012:repository/base/*']) }}"
  vars:
    grant:
      principals: "111122223333"
      access: [pull]
"""

RETURN = r"""
_value:
  description: The policy.
  type: dict
  sample:
    Version: "2012-10-17"
    Statement:
      - Sid: LogIn
        Effect: Allow
        Action: ecr:GetAuthorizationToken
        Resource: "*"
      - Sid: Pull
        Effect: Allow
        Action:
          - ecr:GetDownloadUrlForLayer
          - ecr:BatchGetImage
          - ecr:BatchCheckLayerAvailability
        Resource: arn:aws:ecr:us-east-1:123456789012:repository/base/*
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.imageshare.aws.plugins.plugin_utils._old_core import refuse_old_core

refuse_old_core()

from ansible.errors import AnsibleFilterError
from ansible_collections.imageshare.aws.plugins.module_utils._errors import InvalidInputError
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.consumer_policy import (
    consumer_policy,
    partition_of,
)
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.grants import read_grants
from ansible_collections.imageshare.aws.plugins.plugin_utils._grant_options import read_grant_options
from ansible_collections.imageshare.aws.plugins.plugin_utils._native_types import native


def ecr_consumer_policy(grant: Mapping[str, Any], arns: Sequence[str] | str) -> dict[str, Any]:
    listed = [arns] if isinstance(arns, str) else [str(arn) for arn in native(arns)]
    try:
        # All principals of a grant have the same access.
        read, *_others = read_grants(
            read_grant_options("grants", [native(grant)]),
            partition=partition_of(listed),
            sharing=True,
            partition_of_region=lambda _region: None,
        )
        return consumer_policy(read, listed)
    except InvalidInputError as error:
        raise AnsibleFilterError("ecr_consumer_policy: " + ". ".join(error.problems)) from None


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"ecr_consumer_policy": ecr_consumer_policy}
