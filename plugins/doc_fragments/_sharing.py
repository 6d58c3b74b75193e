# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

from __future__ import annotations


class ModuleDocFragment:
    """Options that the modules that share have in common."""

    DOCUMENTATION = r"""
options:
  whole_account:
    description:
      - Whether with each account its roles, users, sessions and single Lambda functions leave, too. They leave the
        managed statements, and with O(unmanaged_access=revoke) the unmanaged ones.
      - Principals of O(grants) that are no accounts leave as they do without it.
      - Goes with O(state=absent) only. The account that owns the registry is refused.
    type: bool
    default: false
  purge_grants:
    description:
      - Whether principals that no grant names leave the managed statements of what the grants cover.
      - The account that owns the registry, its roles and users, and its Lambda functions stay.
      - Goes with O(state=present) only.
    type: bool
    default: false
  purge_deleted_principals:
    description:
      - Whether the unique ids of deleted roles and users (C(AROA…), C(AIDA…)) leave the managed statements. AWS
        refuses to store a policy that has any.
      - Those in other statements stay, and are warned about.
    type: bool
    default: false
  include_policy:
    description:
      - Whether what is returned has the new policy, where it changed.
    type: bool
    default: false
"""
