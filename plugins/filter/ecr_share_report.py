# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: ecr_share_report
short_description: One report on many registries
version_added: 1.0.0
description:
  - Unites what P(imageshare.aws.ecr_share_findings#filter) has kept, also of several hosts. The role
    P(imageshare.aws.ecr_share#role) makes its page from it, and P(imageshare.aws.ecr_share_csv#filter) writes it as
    CSV.
  - A registry that several runs looked at is there once, and so is each of its repositories.
positional: _input, generated_at
options:
  _input:
    description: The texts.
    type: list
    elements: str
    required: true
  generated_at:
    description: The time, in UTC.
    type: str
    required: true
author:
  - imageshare.aws contributors (@imageshare)
"""

EXAMPLES = r"""
- name: Make a report on nothing
  ansible.builtin.debug:
    msg: "{{ [] | imageshare.aws.ecr_share_report('2026-01-31T12:00:00Z') | from_json }}"
"""

RETURN = r"""
_value:
  description:
    - The report as JSON. Its C(registries) have C(registry_id), C(region), C(partition) and C(repositories), which are
      those of P(imageshare.aws.ecr_share_policy_info#module). One that is not as declared has a C(drift), with what is
      missing (C(granted)) and what is too much (C(revoked)).
  type: str
  sample: '{"generated_at": "2026-01-31T12:00:00Z", "check": false, "registries": []}'
"""

from collections.abc import Callable, Iterable
from typing import Any

from ansible_collections.imageshare.aws.plugins.module_utils._role.report import report


def ecr_share_report(texts: Iterable[str], generated_at: str) -> str:
    return report(texts, generated_at)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"ecr_share_report": ecr_share_report}
