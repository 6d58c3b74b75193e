#!/usr/bin/python

# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ecr_share_backup_info
short_description: List the backups of policies of ECR repositories
version_added: 1.0.0
description:
  - Lists the runs whose backups are in a directory and below it, the newest first.
  - They are those that M(imageshare.aws.ecr_share_policy) and M(imageshare.aws.ecr_share_policy_restore) saved before
    they wrote, and the snapshots of M(imageshare.aws.ecr_share_policy_info).
  - Reads every file, and tells which directories M(imageshare.aws.ecr_share_policy_restore) would refuse, and why.
    Writes nothing, and asks AWS for nothing.
options:
  backup_dir:
    description:
      - The directory, on the managed host, that holds the backups of all runs, or of one. It must be absolute, or begin
        with C(~).
      - It must exist, and nobody else than root and the user who runs the module may be able to change it, as
        M(imageshare.aws.ecr_share_policy_restore) demands it.
    type: path
    required: true
  registry_id:
    description:
      - Lists only the backups of this account, by its 12-digit id, and those of which nobody can tell whose they are.
    type: str
  region:
    description:
      - Lists only the backups of this region, and those of which nobody can tell it.
    type: str
notes:
  - It needs no credentials, and no boto3.
seealso:
  - module: imageshare.aws.ecr_share_policy
  - module: imageshare.aws.ecr_share_policy_info
  - module: imageshare.aws.ecr_share_policy_restore
author:
  - imageshare.aws contributors (@imageshare)
extends_documentation_fragment:
  - imageshare.aws._attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
  idempotent:
    support: full
"""

EXAMPLES = r"""
- name: List all backups
  imageshare.aws.ecr_share_backup_info:
    backup_dir: ~/ecr-backups
  register: backups

- name: Fail if the latest snapshot is not complete
  ansible.builtin.assert:
    that: (backups.runs | selectattr('kind', 'equalto', 'snapshot') | first).complete

- name: Put back what somebody else has overwritten since the latest snapshot
  imageshare.aws.ecr_share_policy_restore:
    backup_path: "{{ (backups.runs | selectattr('kind', 'equalto', 'snapshot') | first).path }}"
"""

RETURN = r"""
runs:
  description:
    - One entry for each directory with backups, or with anything that keeps it from being restored. The newest is
      first.
  returned: if the directory can be read
  type: list
  elements: dict
  contains:
    path:
      description: The directory, which M(imageshare.aws.ecr_share_policy_restore) takes.
      returned: always
      type: str
      sample: /var/backups/ecr/20260131T120000Z-123456789012-us-east-1-5f0c7d1e
    kind:
      description:
        - What made it, V(share), V(restore) or V(snapshot); null if nothing says that.
      returned: always
      type: str
      sample: share
    time:
      description:
        - When it was made, in UTC. Where nothing says that, it is the time of its first backup; null if it has none.
      returned: always
      type: str
      sample: "2026-01-31T12:00:00.000000Z"
    registry_id:
      description: The account that owns the registry; null if nothing says that, or if it has backups of several.
      returned: always
      type: str
      sample: "123456789012"
    region:
      description: The region of the registry; null likewise.
      returned: always
      type: str
      sample: us-east-1
    repositories:
      description: How many repositories have a backup in it.
      returned: always
      type: int
      sample: 12
    collection_version:
      description: The version of the collection that made it; null if nothing says that.
      returned: always
      type: str
      sample: 1.0.0
    complete:
      description:
        - Whether its run came to its end and failed for no repository, and all that it saved is there. It is null if
          nothing says that, because there is no C(manifest.json).
        - What a run was interrupted in, or failed for, is missing in a snapshot. Everything that a run changed is in
          its backup, even if that is not complete.
      returned: always
      type: bool
      sample: true
    restorable:
      description: Whether M(imageshare.aws.ecr_share_policy_restore) takes it.
      returned: always
      type: bool
      sample: true
    problem:
      description: Why it is not complete, or not restorable; null if it is both.
      returned: always
      type: str
      sample: "its run did not come to its end: it was interrupted, or it still goes on"
  sample:
    - path: /var/backups/ecr/20260131T120000Z-123456789012-us-east-1-5f0c7d1e
      kind: share
      time: "2026-01-31T12:00:00.000000Z"
      registry_id: "123456789012"
      region: us-east-1
      repositories: 12
      collection_version: 1.0.0
      complete: true
      restorable: true
      problem: null
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.imageshare.aws.plugins.module_utils._core_version import refusal
from ansible_collections.imageshare.aws.plugins.module_utils._errors import InvalidInputError
from ansible_collections.imageshare.aws.plugins.module_utils._runs.backup_list import list_runs
from ansible_collections.imageshare.aws.plugins.module_utils._runs.backups import BackupError
from ansible_collections.imageshare.aws.plugins.module_utils._runs.options import read_backup_list_request

ARGUMENT_SPEC = {
    "backup_dir": {"type": "path", "required": True},
    "registry_id": {"type": "str"},
    "region": {"type": "str"},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    reason = refusal(module.ansible_version)
    if reason is not None:
        module.fail_json(msg=reason)
    try:
        request = read_backup_list_request(module.params)
        listed = list_runs(request.backup_dir, registry_id=request.registry_id, region=request.region)
    except InvalidInputError as error:
        module.fail_json(msg=". ".join(error.problems))
    except BackupError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, runs=[run.to_dict() for run in listed])


if __name__ == "__main__":
    main()
