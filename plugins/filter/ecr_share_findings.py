# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: ecr_share_findings
short_description: What audits found, as a text
version_added: 1.0.0
description:
  - Keeps what runs of P(imageshare.aws.ecr_share_policy_info#module) returned as JSON, together with the drift from the
    declared grants, as one text. The role P(imageshare.aws.ecr_share#role) hands it to
    P(imageshare.aws.ecr_share_report#filter).
positional: _input, host
options:
  _input:
    description:
      - The results of a loop over the runs of P(imageshare.aws.ecr_share_plan#filter), each with its C(connection). The
        variable of the loop is C(ecr_share__this).
    type: list
    elements: dict
    required: true
  host:
    description: The name of the host.
    type: str
    required: true
  results:
    description: What the role returned of the same host in check mode, C(ecr_share_result).
    type: list
    elements: dict
    default: []
  compared:
    description: Whether the repositories were compared with declared grants.
    type: bool
    default: false
author:
  - imageshare.aws contributors (@imageshare)
"""

EXAMPLES = r"""
- name: Read the policies of a registry
  imageshare.aws.ecr_share_policy_info:
    as_json: true
  loop:
    - label: us-east-1
      connection: these credentials
      region: us-east-1
      registry_id:
  loop_control:
    loop_var: ecr_share__this
    label: "{{ ecr_share__this.label }}"
  register: looked

- name: Write a report on it
  ansible.builtin.copy:
    content: "{{ [text] | imageshare.aws.ecr_share_report(now(utc=true, fmt='%Y-%m-%dT%H:%M:%SZ')) }}"
    dest: "{{ playbook_dir }}/report.json"
    mode: "0600"
  vars:
    text: "{{ looked.results | imageshare.aws.ecr_share_findings('images') }}"
"""

RETURN = r"""
_value:
  description: The text, which is private to the role.
  type: str
  sample: '{"check": false, "registries": []}'
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.imageshare.aws.plugins.module_utils._role.report import Look, Place, findings_of


def ecr_share_findings(
    looked: Sequence[Mapping[str, Any]],
    host: str,
    results: Sequence[Mapping[str, Any]] = (),
    compared: bool = False,
) -> str:
    looks = [
        Look(Place(run["connection"], run["region"], run["registry_id"]), run["label"], answer)
        for answer in looked
        for run in [answer["ecr_share__this"]]
    ]
    return findings_of(host, looks, results, compared=compared)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"ecr_share_findings": ecr_share_findings}
