# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: ecr_share_report
short_description: Internal to the ecr_share role - one report on many registries
version_added: 1.0.0
description:
  - Makes one report of what runs of P(imageshare.aws.ecr_share_policy_info#module) returned, also on several hosts.
  - A registry that several runs have read is there once, and so is each of its repositories.
positional: _input, generated_at
options:
  _input:
    description:
      - "For each host its name (C(host)), the results of its runs (C(answers), each with the C(connection), C(label),
        C(region) and C(registry_id) of the run and the result as C(answer)), what the role returned in check mode
        (C(results)), and whether grants are declared (C(compared))."
    type: list
    elements: dict
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
  description: The report as JSON.
  type: str
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible_collections.imageshare.aws.plugins.module_utils._role.report import AuditAnswer, HostAudit, report


def ecr_share_report(hosts: Iterable[Mapping[str, Any]], generated_at: str) -> str:
    """Return one report on the registries of several hosts."""
    return report(
        (HostAudit(**{**host, "answers": [AuditAnswer(**answer) for answer in host["answers"]]}) for host in hosts),
        generated_at,
    )


class FilterModule:
    """The filters of this file, as Ansible asks for them."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"ecr_share_report": ecr_share_report}
