#!/usr/bin/python

# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ecr_share_creation_template
short_description: Share the ECR repositories that ECR will create by creation templates
version_added: 1.0.0
description:
  - Merges grants into the repository policies of existing repository creation templates in the caller's own registry.
    A repository that ECR itself creates by such a template, for a push, a pull-through cache or a replication, has this
    policy from its first moment.
  - Repositories that exist, and those that a client creates, are not changed. For them there are
    M(imageshare.aws.ecr_share_policy) and M(imageshare.aws.ecr_share_registry_policy).
  - The merge is that of M(imageshare.aws.ecr_share_policy). Unmanaged statements are kept as they are.
  - Every other field of a template stays as it is. AWS would reset the mutability of tags in an update that does not
    name it, so it is sent back as it was read. The template is read again after it was written, and the task fails if
    anything else has changed.
  - Creates no template, and deletes none. A template for pushes lets whoever may push create repositories.
options:
  prefixes:
    description:
      - The templates to work on, by their prefix (C(services)), V(ROOT), or shell patterns. V(*) stands for all that
        there are, V(ROOT) among them.
      - A slash at the end makes no difference.
    type: list
    elements: str
    required: true
  grants:
    description:
      - Who gets what. Grants for the same principal add up.
      - AWS does not say what becomes of a repository whose template names a role or user that was deleted since. Prefer
        accounts and organizations; a role or user is warned about.
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
      lambda_regions:
        description:
          - The regions whose Lambda functions of this account may pull, or V(*) for all, as in
            M(imageshare.aws.ecr_share_policy).
        type: list
        elements: str
      repositories:
        description:
          - Narrows the grant to templates whose repositories all match one of these names or patterns, with V(*) for
            any characters and C(?) for one. V(services/*) is for the templates C(services) and C(services/web), and not
            for V(ROOT).
          - A template that only some of the repositories of a grant belong to is left as it is, with a warning.
          - Left out, the grant is for all O(prefixes).
        type: list
        elements: str
  state:
    description:
      - With V(present), each principal has exactly the declared access in the managed statements.
      - With V(absent), each principal leaves the managed statements, whatever access it had.
    type: str
    choices: [present, absent]
    default: present
  unmanaged_access:
    description:
      - What becomes of the access that the principals of O(grants) have by unmanaged statements, as in
        M(imageshare.aws.ecr_share_policy).
    type: str
    choices: [keep, revoke]
    default: keep
  registry_id:
    description:
      - The 12-digit id of the account that owns the registry. AWS's API knows the templates of the caller's own
        registry alone, so the task fails before it writes if the credentials are of another account.
      - If left out, it is the registry of the credentials.
    type: str
  on_missing:
    description:
      - What to do about a prefix or a pattern that matches no template, or a grant that is narrowed to what none of the
        templates is for. With V(fail), it is reported as failed, and all others are done. With V(skip), it is reported
        as missing.
    type: str
    choices: [fail, skip]
    default: fail
notes:
  - "The IAM actions needed are C(ecr:DescribeRepositoryCreationTemplates), and outside check mode
    C(ecr:UpdateRepositoryCreationTemplate) and C(ecr:SetRepositoryPolicy), all on C(*)."
  - "Of several templates that match, ECR takes the one with the longest prefix, and no other: a grant in V(ROOT) is not
    for repositories below C(services) once there is a template C(services). If that one lacks the grant, it is warned
    about."
  - That an update keeps the fields that it does not name is what AWS's examples show, and that an empty text removes a
    policy is what others do. Nobody has tried it with this collection on AWS yet.
  - An older boto3 does not know exclusions from the mutability of tags. A template that has some fails then, and is
    left as it is.
seealso:
  - module: imageshare.aws.ecr_share_policy
  - module: imageshare.aws.ecr_share_registry_policy
  - module: imageshare.aws.ecr_share_policy_info
  - module: imageshare.aws.ecr_share_policy_restore
  - name: Templates to control repositories created by Amazon ECR
    description: What AWS says about them.
    link: https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-creation-templates.html
author:
  - imageshare.aws contributors (@imageshare)
extends_documentation_fragment:
  - imageshare.aws._connection
  - imageshare.aws._attributes
  - imageshare.aws._attributes.action_group
  - imageshare.aws._sharing
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
      - One entry for each changed template. Both sides are in a canonical form, so that only changes show.
  idempotent:
    support: full
"""

EXAMPLES = r"""
- name: Let an organization pull from every repository that ECR will create by a template
  imageshare.aws.ecr_share_creation_template:
    prefixes: ["*"]
    grants:
      - principals: o-exampleorg1

- name: Let an account pull, and its Lambda functions, from what ECR will create below services
  imageshare.aws.ecr_share_creation_template:
    prefixes:
      - services
    grants:
      - principals: "111122223333"
        access: [pull, describe]
        lambda_regions:
          - us-east-1
    backup_dir: ~/ecr-backups

- name: Stop sharing with an account
  imageshare.aws.ecr_share_creation_template:
    prefixes: ["*"]
    grants:
      - principals: "111122223333"
    state: absent
"""

RETURN = r"""
templates:
  description: One row for each template, also if the task fails. In check mode, what would be done.
  returned: if the options are valid, and the templates could be listed
  type: list
  elements: dict
  contains:
    prefix:
      description: The prefix of the template, or a prefix or pattern that matches none.
      returned: always
      type: str
      sample: services
    changed:
      description: Whether the policy changed. In check mode, whether it would.
      returned: always
      type: bool
      sample: true
    granted:
      description:
        - What principals gained, as in RV(imageshare.aws.ecr_share_policy#module:repositories[].granted).
      returned: always
      type: list
      elements: dict
      sample:
        - principal: "111122223333"
          access: [pull]
          lambda_regions: []
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
        - >-
          Its kinds are V(shadowed), if a template with a longer prefix lacks a grant, so that repositories below that
          prefix will not have it; V(grant_too_narrow), if a grant is narrowed to a part of what the template is for;
          V(role_in_template), if a role or user is named that may be deleted later; and those of
          M(imageshare.aws.ecr_share_policy).
      returned: always
      type: list
      elements: dict
      sample: []
    policy:
      description: The new policy; null for none.
      returned: if it changed, with O(include_policy=true)
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
    unmanaged_values:
      description: Values in managed statements that no grant could have written. They stay.
      returned: if there are any
      type: list
      elements: dict
      sample: []
    missing:
      description: That there is no such template, or that the pattern matches none.
      returned: if that is so, and no failure
      type: bool
      sample: true
    error:
      description: Why it failed, and what to do. The policy is as it was, unless C(changed) is true.
      returned: if it failed
      type: str
      sample: >-
        template services: could not update the creation template (UpdateRepositoryCreationTemplate):
        AccessDeniedException: User is not authorized.
    error_code:
      description: The error code of AWS; null if the error is not one of AWS.
      returned: if it failed
      type: str
      sample: AccessDeniedException
changes:
  description:
    - What changed, one entry for each principal and access, as in
      RV(imageshare.aws.ecr_share_policy#module:changes), with C(policy=template), and the prefixes as C(templates).
      What is revoked comes first.
  returned: if the options are valid, and the templates could be listed
  type: list
  elements: dict
  sample:
    - change: granted
      principal: "111122223333"
      access: [pull]
      lambda_regions: []
      other_actions: []
      policy: template
      templates: [services]
backup_path:
  description:
    - The absolute path of the directory that this run made in O(backup_dir), for
      M(imageshare.aws.ecr_share_policy_restore).
  returned: if a policy was saved
  type: str
  sample: /var/backups/ecr/20260131T120000Z-123456789012-us-east-1-5f0c7d1e
summary:
  description: The rows, counted.
  returned: when RV(templates) is
  type: dict
  sample:
    templates: 3
    changed: 1
    unchanged: 2
    missing: 0
    failed: 0
    warnings: 0
"""

from ansible_collections.imageshare.aws.plugins.module_utils._runs.options import SHARING_OPTIONS
from ansible_collections.imageshare.aws.plugins.module_utils._runs.registry_options import read_template_request
from ansible_collections.imageshare.aws.plugins.module_utils._runs.share_templates import run
from ansible_collections.imageshare.aws.plugins.module_utils._tasks import share

ARGUMENT_SPEC = {
    **SHARING_OPTIONS,
    "prefixes": {"type": "list", "elements": "str", "required": True},
    "on_missing": {"type": "str", "choices": ["fail", "skip"], "default": "fail"},
    "concurrency": {"type": "int", "default": 8},
}


def main() -> None:
    share(ARGUMENT_SPEC, read_template_request, run)


if __name__ == "__main__":
    main()
