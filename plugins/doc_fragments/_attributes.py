# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Whether check mode foretells the result and changes nothing.
  diff_mode:
    description: Whether diff mode shows what changed, or in check mode what would change.
  idempotent:
    description:
      - Whether a second run with the same options changes nothing, as long as nobody else has changed anything.
"""

    ACTION_GROUP = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/imageshare.aws.aws) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - imageshare.aws.aws
"""
