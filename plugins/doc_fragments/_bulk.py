# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

from __future__ import annotations


class ModuleDocFragment:
    """Options of modules that write policies, and of those that read many of them."""

    DOCUMENTATION = r"""
options:
  force_set_policy:
    description:
      - Whether to set a policy even if it keeps the caller from setting another one later.
    type: bool
    default: false
"""

    BACKUPS = r"""
options:
  backup_dir:
    description:
      - A directory on the managed host, in which to save each policy before it is replaced or deleted. It is made if it
        does not exist. If left out, nothing is saved. The path must be absolute, or begin with C(~).
      - Each run that changes something makes a directory of its own there, called after the time in UTC, the account
        that owns the registry and the region, with one JSON file for each policy that it changes. Only its owner
        can read them, whatever the umask. So one directory will do for all registries.
      - If somebody else than root and the user who runs the module could change what is in the directory, it is refused
        before anything is done, as M(imageshare.aws.ecr_share_policy_restore) would refuse to restore from it.
      - "A file has the members C(format), which is 1; C(kind), which is C(repository), C(registry) or C(template);
        C(partition); C(registry_id); C(region); C(name), that of the repository, C(registry policy), or C(template) and
        the prefix; C(time), in UTC; C(policy), the text of the policy as AWS returned
        it, or null if there was none; and C(written), the text that was about to be sent, or null if the policy was
        about to be deleted."
      - Beside these files, C(manifest.json) tells of the run. It has the members C(format), which is 1; C(kind), which
        is C(share), C(restore) or C(snapshot); C(partition), C(registry_id) and C(region) of the registry; C(time), in
        UTC; C(collection_version); C(repositories), how many have a backup, or null as long as the run goes on;
        C(failed), the names of those that the run failed for; and C(complete), whether it came to its end and failed
        for none. A run that is interrupted leaves behind that it is not complete.
        M(imageshare.aws.ecr_share_backup_info) lists them.
      - If somebody else overwrites a policy during the run, and it is written again, the file is that of the last
        write. The earlier ones are kept beside it with a number behind their names, and restored by name alone.
      - A repository whose policy cannot be saved fails, and is left as it is.
      - Nothing is saved in check mode.
    type: path
"""

    CONCURRENCY = r"""
options:
  concurrency:
    description:
      - How many repositories to work on at the same time, from 1 to 16.
    type: int
    default: 8
"""
