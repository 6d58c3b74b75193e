#!/usr/bin/python

# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ecr_share_policy_restore
short_description: Put back policies of ECR repositories and registries as a run found or wrote them
version_added: 1.0.0
description:
  - Puts back the policies that M(imageshare.aws.ecr_share_policy), M(imageshare.aws.ecr_share_registry_policy) and
    M(imageshare.aws.ecr_share_creation_template) saved before they replaced or deleted them, in their
    O(imageshare.aws.ecr_share_policy#module:backup_dir), or those of a snapshot, which
    M(imageshare.aws.ecr_share_policy_info) saves. A repository that had no policy has none again.
  - With O(to=before), it undoes a run. With O(to=written), it does again what runs did, where somebody else has
    overwritten it since. The whole policy is put back, with the statements of others that were in it.
  - A repository whose policy already is what is to be put back, in meaning, is left as it is. So it does no harm to
    restore a run that was interrupted, or to restore twice.
  - What could destroy more than it mends fails and is left as it is, unless O(overwrite) is set. The others are done.
    O(to) says what that is.
  - AWS gets the text that it returned when the policy was saved. Only if that is longer than it takes, for the white
    space that it adds, it gets the same policy without white space.
  - Before anything is done, every file below O(backup_path) must be a backup or the C(manifest.json) of a run, and it
    must be clear which backup is meant.
    Files that a run was interrupted in writing are passed over; it had not yet changed anything in their repositories.
  - What others could have changed is refused. The files, their directories, and every directory above them must belong
    to root or to the user who runs the module, and nobody else may write them. A directory with the sticky bit, such as
    C(/tmp), may be above one of your own. A link on the way must be root's, and there may be none below O(backup_path).
  - A directory that may lack something is restored, and warned of. Its run was interrupted, goes on, or failed for some
    repositories, files were taken out of it, or it has no C(manifest.json), as it was made before there were any. The
    repositories that it lacks are left as they are.
options:
  backup_path:
    description:
      - The path, on the managed host, of the directory that a run returned as
        RV(imageshare.aws.ecr_share_policy#module:backup_path), of a directory above it, or of one file in it.
        It must be absolute, or begin with C(~).
      - If there are several backups of a repository that is to be restored, with O(to=written) the latest is meant.
        With O(to=before), nothing is done then, and the message lists their directories; to go back over several runs,
        restore the latest first.
    type: path
    required: true
  to:
    description:
      - With V(before), policies become again what the run found. One that was changed after that run, in meaning, is
        not put back without O(overwrite), because that change would be lost.
      - With V(written), they become again what the run wrote, whatever they are now. Where all runs and snapshots of a
        registry are below O(backup_path), each repository gets what was written last, or what the latest snapshot has;
        so those that are as they should be are left alone. Look at it in check mode first.
      - With V(written), a policy that the run may never have written is not put back without O(overwrite). That is one
        that the run failed for, and one that is as it was before a run of which nobody can tell whether it came to its
        end. What an earlier run wrote is not put back instead, because the later one may have taken access away.
      - A snapshot is put back with both in the same way, whatever the policy is now. If the latest backup of a
        repository is a snapshot, and it differs from what the run before wrote, V(written) warns of it, because a
        snapshot may have been made after the damage.
    type: str
    choices: [before, written]
    default: before
  repositories:
    description:
      - Which of the repositories that were saved to restore, by names or shell patterns, in which C(*) crosses C(/).
    type: list
    elements: str
    default: ["*"]
  apply_to:
    description:
      - What has the policies that are put back. V(repositories) stands for those in O(repositories), V(registry) for
        the registry itself, and V(templates) for all creation templates that were saved.
      - If left out, it is all that was saved, or repositories alone where O(repositories) is set.
      - Of a template, the policy is put back, and no other field.
    type: list
    elements: str
    choices: [repositories, registry, templates]
  overwrite:
    description:
      - With O(to=before), whether to put back even a policy that was changed after the run. What was changed since is
        lost, unless O(backup_dir) is set.
      - With O(to=written), whether to write even what the run may never have written.
    type: bool
    default: false
  include_policy:
    description:
      - Whether the rows of changed repositories have the policy that was put back.
    type: bool
    default: false
  on_missing:
    description:
      - What to do about a repository that no longer exists, and about a name or a pattern that matches no repository in
        the backup. With V(fail), it is reported as failed, and all others are done. With V(skip), it is reported as
        missing. Then it is no failure either if the backup has nothing of this registry, as long as it has something.
      - With V(skip), it is warned of if the backup has repositories of this registry, and none that was asked for. That
        there are backups of other registries is normal, and is not warned of.
    type: str
    choices: [fail, skip]
    default: fail
  registry_id:
    description:
      - The 12-digit id of the account that owns the registry. Backups of other accounts are skipped.
      - If left out, it is the account of the credentials.
    type: str
notes:
  - "The IAM actions needed are C(ecr:GetRepositoryPolicy), and outside check mode C(ecr:SetRepositoryPolicy) and
    C(ecr:DeleteRepositoryPolicy). The policy of a registry takes C(ecr:GetRegistryPolicy), C(ecr:PutRegistryPolicy) and
    C(ecr:DeleteRegistryPolicy), and a creation template C(ecr:DescribeRepositoryCreationTemplates),
    C(ecr:UpdateRepositoryCreationTemplate) and C(ecr:SetRepositoryPolicy), all on C(*). They are the caller's own: with
    the O(registry_id) of another account, they fail."
  - If O(registry_id) is left out, the account of the credentials is asked for. That takes one call of
    C(sts:GetCallerIdentity), which needs no permission.
  - Backups of other regions are skipped. Restore each region with a task of its own.
  - AWS refuses a policy with a principal that was deleted since. The error names those that may be meant.
  - AWS keeps no version of a policy, and the last writer wins. The module reads each policy immediately before it
    writes it.
seealso:
  - module: imageshare.aws.ecr_share_policy
  - module: imageshare.aws.ecr_share_registry_policy
  - module: imageshare.aws.ecr_share_creation_template
  - module: imageshare.aws.ecr_share_policy_info
  - module: imageshare.aws.ecr_share_backup_info
author:
  - imageshare.aws contributors (@imageshare)
extends_documentation_fragment:
  - imageshare.aws._connection
  - imageshare.aws._attributes
  - imageshare.aws._attributes.action_group
  - imageshare.aws._bulk
  - imageshare.aws._bulk.backups
  - imageshare.aws._bulk.concurrency
attributes:
  check_mode:
    support: full
    details:
      - Reports the changes without making them. Errors that only AWS can detect are not predicted.
  diff_mode:
    support: full
    details:
      - One entry for each changed repository. Both sides are in a canonical form, so that only changes show.
  idempotent:
    support: full
"""

EXAMPLES = r"""
- name: Share, and save each policy before it is replaced
  imageshare.aws.ecr_share_policy:
    repositories:
      - base/*
    grants:
      - principals: "111122223333"
    backup_dir: ~/ecr-backups
  register: shared

- name: Put all of them back, as they were before
  imageshare.aws.ecr_share_policy_restore:
    backup_path: "{{ shared.backup_path }}"

- name: Put some of the only run in a directory back, even where they were changed since
  imageshare.aws.ecr_share_policy_restore:
    backup_path: ~/ecr-backups
    repositories:
      - base/p*
    overwrite: true

- name: Foresee what it takes to mend what somebody else has overwritten since the last runs
  imageshare.aws.ecr_share_policy_restore:
    backup_path: ~/ecr-backups
    to: written
  check_mode: true
  diff: true

- name: Mend it, and leave alone what is as it was written
  imageshare.aws.ecr_share_policy_restore:
    backup_path: ~/ecr-backups
    to: written
    backup_dir: ~/ecr-backups
"""

RETURN = r"""
repositories:
  description:
    - One row for each repository, in the order asked for, or else by name; also if the task fails. In check mode, what
      would be done.
    - A pattern or a name that matches no repository in the backup has a row of its own at the end.
  returned: if it is clear which backups are meant
  type: list
  elements: dict
  contains:
    name:
      description: The name of the repository, or C(registry policy), or C(template) and the prefix of a template.
      returned: always
      type: str
      sample: base/python
    changed:
      description: Whether its policy changed.
      returned: always
      type: bool
      sample: true
    granted:
      description: What principals gained that statements name, managed or not, one entry for each of them.
      returned: always
      type: list
      elements: dict
      contains:
        principal:
          description: An account id, an ARN, an organization or an organizational unit.
          returned: always
          type: str
          sample: "111122223333"
        access:
          description: The capabilities, as in grants; empty where only Lambda regions changed.
          returned: always
          type: list
          elements: str
          sample: [pull]
        lambda_regions:
          description: The regions whose Lambda functions are concerned.
          returned: always
          type: list
          elements: str
          sample: [us-east-1]
        repositories:
          description: The pattern of the repositories that it is for.
          returned: in the row of a registry
          type: list
          elements: str
          sample: ["services/*"]
      sample:
        - principal: "111122223333"
          access: [pull]
          lambda_regions: [us-east-1]
    revoked:
      description: What principals lost, as in RV(repositories[].granted).
      returned: always
      type: list
      elements: dict
      sample:
        - principal: "111122223333"
          access: [pull, push]
          lambda_regions: []
    revoked_actions:
      description: What principals lost beside whole capabilities in unmanaged statements.
      returned: if there is any
      type: list
      elements: dict
      contains:
        principal:
          description: As in RV(repositories[].granted).
          returned: always
          type: str
          sample: "111122223333"
        actions:
          description: The actions, as the statement spells them.
          returned: always
          type: list
          elements: str
          sample: ["ecr:DeleteRepository"]
        repositories:
          description: The pattern of the repositories that they were for.
          returned: in the row of a registry
          type: list
          elements: str
          sample: ["services/*"]
      sample:
        - principal: "111122223333"
          actions: ["ecr:DeleteRepository"]
    warnings:
      description: Warnings about the policy as it is after the task, those that are certain first.
      returned: always
      type: list
      elements: dict
      contains:
        kind:
          description:
            - V(public) if the repository is open to everyone, or to any account.
            - V(excess_access) if somebody is let in, certainly or possibly, whom the policy before the task did not let
              in, by whatever statement, or if a Deny of that policy is taken back.
            - V(pattern_not_matched) if with O(on_missing=skip) no name or pattern matches a repository in the backup.
            - V(stored_policy_differs) if AWS stored something else than what was sent.
            - V(not_verified) if the policy was written, but could not be read again in the end, or had been changed.
          returned: always
          type: str
          sample: public
        certain:
          description: Whether it is so, and not only possible.
          returned: always
          type: bool
          sample: true
        repository:
          description: The name of the repository.
          returned: always
          type: str
          sample: base/python
        region:
          description: The region of the registry.
          returned: always
          type: str
          sample: us-east-1
        registry_id:
          description: The account that owns the registry; null where AWS did not say it.
          returned: always
          type: str
          sample: "123456789012"
        message:
          description: The warning, with the name of the repository.
          returned: always
          type: str
          sample: >-
            base/python: the repository is public: statement "AllowAll" allows everyone ("*", without a condition) to
            use ecr:*
        policy:
          description: Whose policy has the statement, V(repository) or V(registry); null where none is meant.
          returned: always
          type: str
          sample: repository
        sid:
          description: The C(Sid) of the statement; null if it has none, or if no statement is meant.
          returned: always
          type: str
          sample: AllowAll
        principals:
          description: The principals that are concerned.
          returned: always
          type: list
          elements: str
          sample: ["*"]
      sample: []
    policy:
      description: The policy that was put back; null if there had been none.
      returned: if the policy changed, with O(include_policy=true)
      type: dict
      sample:
        Version: "2008-10-17"
        Statement:
          - Sid: AllowPull
            Effect: Allow
            Principal:
              AWS: arn:aws:iam::111122223333:root
            Action:
              - ecr:GetDownloadUrlForLayer
              - ecr:BatchGetImage
              - ecr:BatchCheckLayerAvailability
    restored_from:
      description: The file of the backup that was put back.
      returned: if the policy changed
      type: str
      sample: /var/backups/ecr/20260131T120000Z-123456789012-us-east-1-5f0c7d1e/base__python.json
    missing:
      description: That the repository does not exist any more, or that the backup has none of that name or pattern.
      returned: if that is so, and no failure
      type: bool
      sample: true
    error:
      description:
        - Why it failed, and what to do.
        - Its policy is as it was, unless RV(repositories[].changed) is true or the message says otherwise.
      returned: if it failed
      type: str
      sample: >-
        base/python: policy not changed: it was changed (new: statement "AllowPush") after the run that backed it up at
        2026-01-31T12:00:00Z.
    error_code:
      description: The error code of AWS; null if the error is not one of AWS.
      returned: if it failed
      type: str
      sample: AccessDeniedException
skipped_backups:
  description: The backups that are of other registries, which were skipped.
  returned: when RV(repositories) is
  type: list
  elements: dict
  contains:
    registry_id:
      description: The account that owns the registry.
      returned: always
      type: str
      sample: "123456789012"
    region:
      description: The region of the registry.
      returned: always
      type: str
      sample: eu-west-1
    backups:
      description: How many backups of it there are.
      returned: always
      type: int
      sample: 40
  sample: []
changes:
  description:
    - The RV(repositories[].granted) and RV(repositories[].revoked) of all rows, one entry for each
      principal and access, with its repositories. What is revoked comes first.
  returned: when RV(repositories) is
  type: list
  elements: dict
  contains:
    change:
      description: V(revoked) or V(granted).
      returned: always
      type: str
      sample: revoked
    principal:
      description: As in RV(repositories[].granted).
      returned: always
      type: str
      sample: "111122223333"
    access:
      description: As in RV(repositories[].granted).
      returned: always
      type: list
      elements: str
      sample: [push]
    lambda_regions:
      description: As in RV(repositories[].granted).
      returned: always
      type: list
      elements: str
      sample: []
    other_actions:
      description: What it lost beside that, as in RV(repositories[].revoked_actions).
      returned: always
      type: list
      elements: str
      sample: []
    repositories:
      description:
        - The names of the repositories, in the order of RV(repositories).
        - In the policy of a registry, the pattern of the repositories.
      returned: if it is not of creation templates
      type: list
      elements: str
      sample: [base/python, services/api]
    policy:
      description: V(registry) or V(template).
      returned: if it is not of repositories
      type: str
      sample: registry
    templates:
      description: The prefixes of the creation templates.
      returned: if it is of creation templates
      type: list
      elements: str
      sample: [services]
  sample:
    - change: revoked
      principal: "111122223333"
      access: [push]
      lambda_regions: []
      other_actions: []
      repositories: [base/python, services/api]
backup_path:
  description:
    - The absolute path of the directory that this run made in O(backup_dir). The module
      M(imageshare.aws.ecr_share_policy_restore) takes it to undo this run.
  returned: if a policy was saved
  type: str
  sample: /var/backups/ecr/20260131T120000Z-123456789012-us-east-1-5f0c7d1e
summary:
  description: The rows, counted.
  returned: when RV(repositories) is
  type: dict
  contains:
    repositories:
      description: All rows.
      returned: always
      type: int
      sample: 40
    changed:
      description: Rows that changed.
      returned: always
      type: int
      sample: 3
    unchanged:
      description: Rows that were as they had been before.
      returned: always
      type: int
      sample: 36
    missing:
      description: Rows of repositories that do not exist.
      returned: always
      type: int
      sample: 0
    failed:
      description: Rows with an error.
      returned: always
      type: int
      sample: 1
    warnings:
      description: All warnings in all rows.
      returned: always
      type: int
      sample: 2
  sample:
    repositories: 40
    changed: 3
    unchanged: 36
    missing: 0
    failed: 1
    warnings: 2
"""

import os

# Not AnsibleAWSModule's own warn: it hands its warnings on in a way that ansible-core deprecates.
from ansible.module_utils.common.warnings import warn
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.imageshare.aws.plugins.module_utils._aws.registry import connect
from ansible_collections.imageshare.aws.plugins.module_utils._errors import InvalidInputError
from ansible_collections.imageshare.aws.plugins.module_utils._registry import EcrError
from ansible_collections.imageshare.aws.plugins.module_utils._runs.backups import APPLY_TO, BackupError
from ansible_collections.imageshare.aws.plugins.module_utils._runs.bulk import stop_on_signals
from ansible_collections.imageshare.aws.plugins.module_utils._runs.options import read_restore_request
from ansible_collections.imageshare.aws.plugins.module_utils._runs.restore import run

ARGUMENT_SPEC = {
    "backup_path": {"type": "path", "required": True},
    "repositories": {"type": "list", "elements": "str", "default": ["*"]},
    "apply_to": {"type": "list", "elements": "str", "choices": list(APPLY_TO)},
    "to": {"type": "str", "choices": ["before", "written"], "default": "before"},
    "overwrite": {"type": "bool", "default": False},
    "on_missing": {"type": "str", "choices": ["fail", "skip"], "default": "fail"},
    "registry_id": {"type": "str"},
    "force_set_policy": {"type": "bool", "default": False},
    "concurrency": {"type": "int", "default": 8},
    "backup_dir": {"type": "path"},
    "include_policy": {"type": "bool", "default": False},
}
# Set by the role, and by nobody else: it tells the warnings of all registries together, by kind.
QUIET = "IMAGESHARE_AWS_QUIET"


def main() -> None:
    module = AnsibleAWSModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    registry = connect(module, concurrency=module.params["concurrency"])
    stop_on_signals(registry.stop)
    try:
        request = read_restore_request(module.params, check_mode=module.check_mode, diff=module._diff)
        result = run(request, registry)
    except InvalidInputError as error:
        module.fail_json(msg="Nothing was done. " + ". ".join(error.problems))
    except (BackupError, EcrError) as error:
        module.fail_json(msg=f"Nothing was done: {error}")
    # Notes and trouble are about backups, and in no row.
    for warning in (*result.trouble, *result.notes) if QUIET in os.environ else result.warnings:
        warn(warning)
    report = result.to_dict(diff=request.diff, include_policy=request.include_policy)
    if result.failures:
        module.fail_json(msg=result.message, **report)
    module.exit_json(**report)


if __name__ == "__main__":
    main()
