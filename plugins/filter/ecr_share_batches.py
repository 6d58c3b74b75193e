# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: ecr_share_batches
short_description: Part the runs of the role ecr_share
version_added: 1.0.0
description:
  - Parts runs as P(imageshare.aws.ecr_share_plan#filter) makes them, so that a play over many repositories tells how
    far it is. Each part has the grants of its repositories, and a repository that no grant covers is in none.
positional: _input, existing, size
options:
  _input:
    description: The runs.
    type: list
    elements: dict
    required: true
  existing:
    description: Of each run, the names of the repositories that are there for its patterns to choose from.
    type: list
    elements: list
    required: true
  size:
    description: How many repositories a part has at most.
    type: int
    required: true
  missing_ok:
    description: Whether a pattern may match no repository. If not, that is an error.
    type: bool
    default: false
author:
  - imageshare.aws contributors (@imageshare)
"""

EXAMPLES = r"""
- name: Show the parts of a run
  ansible.builtin.debug:
    msg: "{{ runs | imageshare.aws.ecr_share_batches([['base/go', 'base/python']], 1) | map(attribute='label') }}"
  vars:
    runs:
      - label: "us-east-1: base/*"
        region: us-east-1
        registry_id:
        repositories:
          - base/*
        grants:
          - principals: "111122223333"
"""

RETURN = r"""
_value:
  description: Runs of the same kind, with labels that tell how far they are.
  type: list
  elements: dict
  sample:
    - label: "us-east-1: base 1–1 of 2"
      region: us-east-1
      registry_id:
      repositories: [base/go]
      grants:
        - principal: "111122223333"
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.imageshare.aws.plugins.module_utils._errors import InvalidInputError
from ansible_collections.imageshare.aws.plugins.module_utils._role.plan import Run, batches
from ansible_collections.imageshare.aws.plugins.plugin_utils._plain import plain


def ecr_share_batches(
    runs: Sequence[Mapping[str, Any]], existing: Sequence[Sequence[str]], size: int, missing_ok: bool = False
) -> list[dict[str, Any]]:
    try:
        parts = [
            part
            for run, names in zip(plain(runs), plain(existing), strict=True)
            for part in batches(Run(**run), names, size, missing_ok=missing_ok)
        ]
    except InvalidInputError as error:
        raise AnsibleFilterError("Nothing was done. " + ". ".join(error.problems)) from None
    return [asdict(part) for part in parts]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"ecr_share_batches": ecr_share_batches}
