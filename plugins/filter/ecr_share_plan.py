# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: ecr_share_plan
short_description: Plan what the role ecr_share does
version_added: 1.0.0
description:
  - Makes the runs of P(imageshare.aws.ecr_share_policy#module) that the variables of the role
    P(imageshare.aws.ecr_share#role) ask for, as few as possible, and refuses variables that cannot be meant. Reaches no
    AWS.
  - A host is a registry, whose repositories its variables list. With O(hosts), each host is one repository, and one run
    does all that share a connection, a registry and a region.
positional: _input
options:
  _input:
    description: The variables C(ecr_share_…) as the current host sees them.
    type: dict
    required: true
  hosts:
    description:
      - The variables of each host that is a repository, as P(imageshare.aws.ecr_repositories#inventory) makes them.
    type: dict
  current:
    description: The name of the current host, which is one of O(hosts).
    type: str
  granting:
    description: Whether grants are needed; they are not to restore a backup.
    type: bool
    default: true
  required:
    description: Whether it is a failure that nothing is granted. If it is none, there are no runs then.
    type: bool
    default: true
author:
  - imageshare.aws contributors (@imageshare)
"""

EXAMPLES = r"""
- name: Show what the role would do
  ansible.builtin.debug:
    msg: "{{ variables | imageshare.aws.ecr_share_plan }}"
  vars:
    variables:
      ecr_share_repositories:
        - base/*
      ecr_share_regions:
        - us-east-1
        - eu-west-1
      ecr_share_grants:
        - principals: "111122223333"
"""

RETURN = r"""
_value:
  description: Connections, each with its runs.
  type: list
  elements: dict
  contains:
    label:
      description: What a person calls the connection.
      type: str
      returned: always
      sample: profile production
    profile:
      description: The profile of the connection, or null.
      type: str
      returned: always
      sample: production
    assume_role_arn:
      description: The role to assume, or null.
      type: str
      returned: always
      sample: arn:aws:iam::123456789012:role/registry
    assume_role_external_id:
      description: The external id to assume it with, or null.
      type: str
      returned: always
      sample: a1b2c3
    runs:
      description: The runs of the module, in order.
      type: list
      elements: dict
      returned: always
      contains:
        label:
          description: What a person calls the run.
          type: str
          returned: always
          sample: "us-east-1: base/*"
        region:
          description: The region, or null for that of the connection.
          type: str
          returned: always
          sample: us-east-1
        registry_id:
          description: The registry, or null for that of the connection.
          type: str
          returned: always
          sample: "123456789012"
        repositories:
          description: The names and patterns of repositories.
          type: list
          elements: str
          returned: always
          sample: [base/*]
        grants:
          description: The grants.
          type: list
          elements: dict
          returned: always
          sample:
            - principal: "111122223333"
              access: pull
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.imageshare.aws.plugins.module_utils._errors import InvalidInputError
from ansible_collections.imageshare.aws.plugins.module_utils._role.plan import plan
from ansible_collections.imageshare.aws.plugins.plugin_utils._options import read_options
from ansible_collections.imageshare.aws.plugins.plugin_utils._plain import plain


def ecr_share_plan(
    play: Mapping[str, Any],
    hosts: Mapping[str, Mapping[str, Any]] | None = None,
    current: str = "",
    granting: bool = True,
    required: bool = True,
) -> list[dict[str, Any]]:
    try:
        connections = plan(
            _of_the_role(play),
            None if hosts is None else {host: _of_the_role(variables) for host, variables in hosts.items()},
            current=current,
            read_options=read_options,
            granting=granting,
            required=required,
        )
    except InvalidInputError as error:
        raise AnsibleFilterError("Nothing was done. " + ". ".join(error.problems)) from None
    return [asdict(connection) for connection in connections]


def _of_the_role(variables: Mapping[str, Any]) -> dict[str, Any]:
    # A host's other variables are not looked at, because each of them may be a template that costs, or fails. What the
    # role has set by itself is of all repositories of the play, and with run_once each of their hosts has it.
    return {
        name: plain(variables[name])
        for name in variables
        if name.startswith("ecr_") and not name.startswith("ecr_share__") and name != "ecr_share_result"
    }


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"ecr_share_plan": ecr_share_plan}
