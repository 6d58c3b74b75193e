#!/usr/bin/python

# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ecr_share_registry_policy
short_description: Share ECR repositories, those to come among them, by the policy of their registry
version_added: 1.0.0
description:
  - Merges grants into the one policy of the caller's own private ECR registry, which ECR looks at in all requests. So
    repositories that match a pattern are shared, however and whenever they are created.
  - Replication, pull-through caches and other teams have their statements in the same policy. They are kept as they
    are, where they are. A statement is managed if it has exactly the shape of one that this module writes, and one
    C(Resource) with a pattern of repositories of this registry, whatever its C(Sid). Only O(unmanaged_access=revoke)
    takes the named principals out of the others as well.
  - Writes the policy only if it changes in meaning, saves it before if that is asked for, and reads it once more after.
  - A grant that stands here cannot be taken back for one of the repositories, but by a C(Deny).
  - "B(Caution:) AWS documents a pull from another account by a registry policy for pull-through caches, and that ECR
    looks at this policy in all requests. That a plain pull works is what follows from this; nobody has tried it with
    this collection on AWS yet. Try it before you rely on it."
options:
  grants:
    description:
      - Who gets what. Grants for the same principal and the same pattern add up.
    type: list
    elements: dict
    required: true
    suboptions:
      principals:
        description:
          - Who gets it, as in M(imageshare.aws.ecr_share_policy). One principal may be written without a list.
          - Quote account ids. YAML reads an unquoted number that begins with C(0) as octal.
        type: list
        elements: str
        required: true
      access:
        description:
          - The capabilities, as in M(imageshare.aws.ecr_share_policy).
          - Ignored with O(state=absent).
        type: list
        elements: str
        choices: [pull, push, describe]
        default: [pull]
      repositories:
        description:
          - The names of repositories, or patterns of names, that the grant is for. In a pattern, V(*) stands for any
            characters, C(/) included, and C(?) for one. IAM knows no others.
          - Repositories need not exist.
          - Left out, the grant is for all repositories of the registry. With O(state=absent), the principals leave the
            managed statements whose pattern these include, and all of them if it is left out.
          - What it is written as counts. V(services/*) and V(services/**) are two statements.
        type: list
        elements: str
      lambda_regions:
        description:
          - Refused, because AWS documents the pull by Lambda functions for the policies of repositories, and not for
            that of a registry. Use M(imageshare.aws.ecr_share_policy), and
            M(imageshare.aws.ecr_share_creation_template) for repositories to come.
          - Ignored with O(state=absent).
        type: list
        elements: str
  state:
    description:
      - With V(present), each principal has exactly the declared access for exactly the declared patterns in the managed
        statements.
      - With V(absent), each principal leaves the managed statements, whatever access it had.
      - A managed statement without principals is removed, and so is a policy without statements.
    type: str
    choices: [present, absent]
    default: present
  unmanaged_access:
    description:
      - What becomes of the access that the principals of O(grants) have by unmanaged statements. V(revoke) takes them
        out of all of these, whatever repositories they are for, as in M(imageshare.aws.ecr_share_policy).
      - With O(state=absent), V(revoke) takes the whole policy from them, so O(grants[].repositories) is refused.
    type: str
    choices: [keep, revoke]
    default: keep
  registry_id:
    description:
      - The 12-digit id of the account that owns the registry. AWS's API knows the policy of the caller's own registry
        alone, so the task fails before it writes if the credentials are of another account.
      - If left out, it is the registry of the credentials.
    type: str
notes:
  - "The IAM actions needed are C(ecr:GetRegistryPolicy), and outside check mode C(ecr:PutRegistryPolicy) and
    C(ecr:DeleteRegistryPolicy), all on C(*): IAM knows no narrower resource for them. Where something is granted,
    C(ecr:GetAccountSetting) is asked for whether the registry heeds such grants; nothing fails without it."
  - "Where there is no policy yet, AWS does not say whose the registry is, and the account of the credentials is asked
    for by C(sts:GetCallerIdentity), which needs no permission."
  - A registry with the policy scope V1 heeds the actions of replication and of pull-through caches alone. The task
    fails before it writes, and says how to change that. It never changes it.
  - AWS keeps no version of the policy, and the last writer wins. The module reads it immediately before it writes it,
    and once more in the end. What somebody else has overwritten meanwhile is merged and written again. What the module
    itself overwrites, because it was written between its read and its write, it cannot know.
  - AWS allows 10,240 characters for the policy.
seealso:
  - module: imageshare.aws.ecr_share_policy
  - module: imageshare.aws.ecr_share_creation_template
  - module: imageshare.aws.ecr_share_policy_info
  - module: imageshare.aws.ecr_share_policy_restore
  - name: Private registry permissions in Amazon ECR
    description: What AWS says about them.
    link: https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry-permissions.html
author:
  - imageshare.aws contributors (@imageshare)
extends_documentation_fragment:
  - imageshare.aws._connection
  - imageshare.aws._attributes
  - imageshare.aws._attributes.action_group
  - imageshare.aws._sharing
  - imageshare.aws._bulk.backups
attributes:
  check_mode:
    support: full
    details:
      - Reports the changes without making them. Errors that only AWS can detect are not predicted.
  diff_mode:
    support: full
    details:
      - Both sides are in a canonical form, so that only changes show.
  idempotent:
    support: full
"""

EXAMPLES = r"""
- name: Let an organization pull from all repositories, and from those to come
  imageshare.aws.ecr_share_registry_policy:
    grants:
      - principals: o-exampleorg1

- name: Let an account pull from everything below services, and a role push to one team's
  imageshare.aws.ecr_share_registry_policy:
    grants:
      - principals: "111122223333"
        access: [pull, describe]
        repositories: ["services/*"]
      - principals: arn:aws:iam::444455556666:role/ci
        access: [pull, push]
        repositories: ["services/checkout-*"]
    backup_dir: ~/ecr-backups

- name: Stop sharing with an account, whatever it was for
  imageshare.aws.ecr_share_registry_policy:
    grants:
      - principals: "111122223333"
    state: absent

- name: Take everything from an account, and from its roles, in statements written by hand as well
  imageshare.aws.ecr_share_registry_policy:
    grants:
      - principals: "777788889999"
    state: absent
    unmanaged_access: revoke
    whole_account: true
"""

RETURN = r"""
registry:
  description: What became of the policy of the registry, also if the task fails. In check mode, what would be done.
  returned: if the options are valid
  type: dict
  contains:
    registry_id:
      description: The account that owns the registry; null if the task failed and AWS did not say it.
      returned: always
      type: str
      sample: "123456789012"
    region:
      description: The region of the registry.
      returned: always
      type: str
      sample: us-east-1
    name:
      description: What warnings and backups call it.
      returned: always
      type: str
      sample: registry policy
    changed:
      description: Whether the policy changed. In check mode, whether it would.
      returned: always
      type: bool
      sample: true
    granted:
      description:
        - What principals gained, as in RV(imageshare.aws.ecr_share_policy#module:repositories[].granted).
        - Each entry has in C(repositories) the pattern that it is for.
      returned: always
      type: list
      elements: dict
      sample:
        - principal: "111122223333"
          access: [pull]
          lambda_regions: []
          repositories: ["services/*"]
    revoked:
      description: What principals lost, likewise.
      returned: always
      type: list
      elements: dict
      sample: []
    revoked_actions:
      description: What principals lost beside whole capabilities, when they left unmanaged statements.
      returned: if there is any
      type: list
      elements: dict
      sample: []
    warnings:
      description:
        - Warnings about the policy as it is after the task, as in
          RV(imageshare.aws.ecr_share_policy#module:repositories[].warnings). Those that are certain come first.
      returned: always
      type: list
      elements: dict
      sample: []
    policy:
      description: The new policy; null for none.
      returned: if it changed, with O(include_policy=true)
      type: dict
      sample:
        Version: "2012-10-17"
        Statement:
          - Sid: AllowPull
            Effect: Allow
            Principal:
              AWS: arn:aws:iam::111122223333:root
            Action:
              - ecr:GetDownloadUrlForLayer
              - ecr:BatchGetImage
              - ecr:BatchCheckLayerAvailability
            Resource: arn:aws:ecr:us-east-1:123456789012:repository/services/*
    unmanaged_values:
      description: Values in managed statements that no grant could have written. They stay.
      returned: if there are any
      type: list
      elements: dict
      sample: []
    error:
      description: Why it failed, and what to do. The policy is as it was, unless C(changed) is true.
      returned: if it failed
      type: str
      sample: >-
        registry policy: could not set the registry policy (PutRegistryPolicy): AccessDeniedException: User is not
        authorized. Allow the caller ecr:PutRegistryPolicy on the resource "*".
    error_code:
      description: The error code of AWS; null if the error is not one of AWS.
      returned: if it failed
      type: str
      sample: AccessDeniedException
changes:
  description:
    - What changed, one entry for each principal, access and pattern, as in
      RV(imageshare.aws.ecr_share_policy#module:changes), with C(policy=registry) and patterns as C(repositories).
      What is revoked comes first.
  returned: if the options are valid
  type: list
  elements: dict
  sample:
    - change: granted
      principal: "111122223333"
      access: [pull]
      lambda_regions: []
      other_actions: []
      policy: registry
      repositories: ["services/*"]
backup_path:
  description:
    - The absolute path of the directory that this run made in O(backup_dir), for
      M(imageshare.aws.ecr_share_policy_restore).
  returned: if a policy was saved
  type: str
  sample: /var/backups/ecr/20260131T120000Z-123456789012-us-east-1-5f0c7d1e
"""

from ansible_collections.imageshare.aws.plugins.module_utils._runs.options import SHARING_OPTIONS
from ansible_collections.imageshare.aws.plugins.module_utils._runs.registry_options import read_registry_request
from ansible_collections.imageshare.aws.plugins.module_utils._runs.share_registry import run
from ansible_collections.imageshare.aws.plugins.module_utils._tasks import share

ARGUMENT_SPEC = SHARING_OPTIONS


def main() -> None:
    share(ARGUMENT_SPEC, read_registry_request, run)


if __name__ == "__main__":
    main()
