#!/usr/bin/python

# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ecr_share_policy
short_description: Share ECR repositories with other AWS accounts
version_added: 1.0.0
description:
  - Merges grants into the policies of private ECR repositories, so that other accounts, roles, users, organizations
    and organizational units may pull from them or push to them, and Lambda functions of other accounts may run their
    images.
  - Changes the statements that it manages and nothing else. A statement is managed if it has exactly the shape of one
    that this module writes or has ever written, whatever its C(Sid). A C(Resource) of C(*) or of the repository itself
    makes no difference. Every other statement is unmanaged, and is kept as it is, where it is. Only
    O(unmanaged_access=revoke) takes the named principals out of those as well.
  - Writes a policy only if it changes in meaning. The order of statements and of lists, a scalar or a list of one,
    and an account id or its root ARN make no difference.
  - Works on one repository or on thousands in one task. It asks AWS once for a repository that is as it should be. In
    the end it reads once more each that it has written. Each repository is reported, even if others fail.
  - Repository policies are not replicated. Share the repositories of each region with a task of its own.
  - A repository policy is one half of cross-account access. The other account's own IAM policies must allow the pull
    or the push as well, and C(ecr:GetAuthorizationToken), which no repository policy can grant.
options:
  repositories:
    description:
      - The repositories to work on, by name (C(base/python)) or by shell pattern (C(services/*)).
      - In a pattern, C(*) stands for any characters, C(/) included, C(?) for one character, and C([abc]) for one of a
        set.
      - Names alone need no permission to list repositories.
      - A repository that no grant covers is left as it is.
    type: list
    elements: str
    required: true
  grants:
    description:
      - Who gets what. Grants for the same principal add up.
    type: list
    elements: dict
    required: true
    suboptions:
      principals:
        description:
          - Who gets it. One principal may be written without a list.
          - A principal is a 12-digit account id or the root ARN of the account; the ARN of an IAM role or user, or of
            an STS session; an organization (C(o-…)); or an organizational unit, as C(o-…/r-…/ou-…/) for that unit alone
            or C(o-…/r-…/ou-…/*) for everything below it, too.
          - Quote account ids. YAML reads an unquoted number that begins with C(0) as octal.
          - An ARN must be of the partition that the registry is in.
        type: list
        elements: str
        required: true
      access:
        description:
          - The capabilities that the principals have after the task, and no others. With V([pull]), they lose a C(push)
            that they had in a managed statement, and so on.
          - V(pull) is C(ecr:BatchGetImage), C(ecr:GetDownloadUrlForLayer) and C(ecr:BatchCheckLayerAvailability).
            V(push) is what an upload needs, with C(ecr:BatchGetImage), because clients ask for a manifest before they
            push it. V(describe) is C(ecr:DescribeRepositories), C(ecr:DescribeImages) and C(ecr:ListImages).
          - An empty list is for Lambda alone. Use it for an account that pulls through its organization, and whose
            Lambda functions need a statement of their own. It requires O(grants[].lambda_regions).
          - Ignored with O(state=absent).
        type: list
        elements: str
        choices: [pull, push, describe]
        default: [pull]
      lambda_regions:
        description:
          - The regions whose Lambda functions of this account may pull, or V(*) for all regions.
          - A function pulls from its own region only, so this is the region of the registry in most cases.
          - A region that boto3 does not know is warned about and granted, as it may be a new one.
          - If left out, the Lambda entries of the account stay as they are. An empty list takes them away.
          - For accounts only, and with V(pull) in O(grants[].access) or an empty one, as Lambda needs the pull.
          - Ignored with O(state=absent).
        type: list
        elements: str
      repositories:
        description:
          - Narrows O(repositories) for this grant, by names or patterns. If left out, the grant covers all of them.
        type: list
        elements: str
  state:
    description:
      - With V(present), each principal has exactly the declared access in the managed statements. If it has it by an
        older set of actions, it moves to the newest.
      - With V(absent), each principal leaves all managed statements, whatever access it had. That is so for the account
        that owns the registry, too, if it is named. What its own IAM policies allow does not depend on it.
      - A managed statement without principals is removed, and so is a policy without statements.
    type: str
    choices: [present, absent]
    default: present
  unmanaged_access:
    description:
      - What becomes of the access that the principals of O(grants) have by unmanaged statements.
      - With V(keep), it stays. What is more than declared is warned about.
      - With V(revoke), they leave each unmanaged statement that allows something. With O(state=present), they have what
        is declared and no more, so this is how to take over statements that were written by hand; the policy is
        written once, so nobody is without access in between. With O(state=absent), they have nothing.
      - Only two kinds of values are taken out. The first is an entry of C(Principal.AWS) that stands for exactly this
        principal. The second is a value of C(aws:SourceArn) or C(aws:SourceAccount) that can be of nobody but this
        account, in a statement for a service. Such values leave managed statements as well, where they are no whole
        region of Lambda functions.
      - A statement that names nobody any more is removed. A condition is never removed from a statement that stays.
      - With O(state=present), where O(grants[].lambda_regions) is left out, what services may do for the account stays.
      - C(LambdaECRImageRetrievalPolicy), which Lambda writes itself, is an unmanaged statement.
      - A C(Deny), C(NotPrincipal), C(*) and all other conditions stay as they are, such as those that name
        organizations. So do conditions with C(IfExists) or C(ForAllValues) that name nobody but this account, because
        without their statements others would lose access. Whatever access is left is warned about.
    type: str
    choices: [keep, revoke]
    default: keep
  on_missing:
    description:
      - What to do about a name or a pattern that matches no repository. With V(fail), it is reported as failed, and all
        others are done. With V(skip), it is reported as missing.
      - With O(state=absent), O(purge_grants=true) or O(unmanaged_access=revoke), V(skip) warns of it, because the
        access that was to be taken away may stay where it is, under another name or in another registry.
    type: str
    choices: [fail, skip]
    default: fail
  registry_id:
    description:
      - The 12-digit id of the account that owns the registry. If left out, it is the account of the credentials.
    type: str
notes:
  - "The IAM actions needed are C(ecr:GetRepositoryPolicy); C(ecr:DescribeRepositories) on C(*), if there are
    patterns; and outside check mode C(ecr:SetRepositoryPolicy) and C(ecr:DeleteRepositoryPolicy)."
  - "The warnings heed the policy of the registry, because ECR looks at it in all requests. It is read once, which takes
    C(ecr:GetRegistryPolicy) on C(*), and C(ecr:GetAccountSetting) where it has wildcards for actions. Nothing fails
    without them; RV(registry_policy) says so, and a task that takes access away warns of it. That of another
    account's registry cannot be read: the operation takes no O(registry_id)."
  - "With O(backup_dir), the account of the credentials is asked for if O(registry_id) is left out, and no other answer
    of AWS says it; with O(registry_id), to find out whether the policy of that registry can be read. That takes one
    call of C(sts:GetCallerIdentity), which needs no permission."
  - Throttled calls are tried again, at a pace that all workers keep together, unless AWS lets no call through for a
    minute. Calls that fail on the way are tried again as well, writes only after the policy was read again. A call is
    given 10 seconds to connect, and 10 for its answer. With retries in O(aws_config), it is botocore that tries again,
    and writes again without a look.
  - AWS keeps no version of a policy, and the last writer wins. The module reads each policy immediately before it
    writes it, and reads it once more in the end. What somebody else has overwritten meanwhile is merged and written
    again. What the module itself overwrites, because it was written between its read and its write, it cannot know.
  - "B(Caution:) the wildcards of O(repositories) are matched in Python. An IAM policy that limits the caller to some
    repositories makes the others fail, and not be left out."
seealso:
  - module: imageshare.aws.ecr_share_policy_info
  - module: imageshare.aws.ecr_share_policy_restore
  - module: community.aws.ecs_ecr
  - name: Repository policies in Amazon ECR
    description: What AWS says about them.
    link: https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policies.html
  - name: Lambda functions with images from another account
    description: What AWS says about the permissions that Lambda needs.
    link: https://docs.aws.amazon.com/lambda/latest/dg/images-create.html
author:
  - imageshare.aws contributors (@imageshare)
extends_documentation_fragment:
  - imageshare.aws._connection
  - imageshare.aws._attributes
  - imageshare.aws._attributes.action_group
  - imageshare.aws._sharing
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
- name: Let another account pull
  imageshare.aws.ecr_share_policy:
    repositories:
      - base/python
    grants:
      - principals: "111122223333"

- name: Let another account pull and push
  imageshare.aws.ecr_share_policy:
    repositories:
      - base/python
    grants:
      - principals: "111122223333"
        access: [pull, push]

- name: Let another account pull, and its Lambda functions as well
  imageshare.aws.ecr_share_policy:
    repositories:
      - base/python
    grants:
      - principals: "111122223333"
        lambda_regions:
          - us-east-1

- name: Share many repositories in one task
  imageshare.aws.ecr_share_policy:
    repositories:
      - base/python
      - services/*
    grants:
      - principals: o-exampleorg1
      - principals: "111122223333"
        access: []
        lambda_regions:
          - us-east-1
      - principals: arn:aws:iam::444455556666:role/ci
        access: [pull, push]
        repositories:
          - services/*

- name: Let several accounts pull, and list images
  imageshare.aws.ecr_share_policy:
    repositories:
      - base/*
    grants:
      - principals: ["111122223333", "444455556666"]
        access: [pull, describe]

- name: Share with these principals and no others
  imageshare.aws.ecr_share_policy:
    repositories:
      - services/*
    grants:
      - principals: o-exampleorg1/r-ab12/ou-ab12-11111111/*
    purge_grants: true
    purge_deleted_principals: true

- name: Save each policy before it is replaced
  imageshare.aws.ecr_share_policy:
    repositories:
      - base/*
    grants:
      - principals: "777788889999"
    backup_dir: ~/ecr-backups

- name: Take over what an account has by statements that were written by hand
  imageshare.aws.ecr_share_policy:
    repositories:
      - base/*
    grants:
      - principals: "444455556666"
        access: [pull, describe]
        lambda_regions:
          - us-east-1
    unmanaged_access: revoke

- name: Take everything from an account, and from its roles, users and functions
  imageshare.aws.ecr_share_policy:
    repositories:
      - "*"
    grants:
      - principals: "777788889999"
    state: absent
    unmanaged_access: revoke
    whole_account: true

- name: Stop sharing with an account
  imageshare.aws.ecr_share_policy:
    repositories:
      - "*"
    grants:
      - principals: "111122223333"
    state: absent
"""

RETURN = r"""
repositories:
  description:
    - One row for each repository, in the order asked for, also if the task fails. In check mode, what would be done.
    - A pattern or a name that matches no repository has a row of its own at the end.
  returned: if the options are valid and, with patterns, the repositories could be listed
  type: list
  elements: dict
  contains:
    name:
      description: The name of the repository.
      returned: always
      type: str
      sample: base/python
    changed:
      description: Whether its policy changed.
      returned: always
      type: bool
      sample: true
    granted:
      description:
        - What principals gained in the managed statements, one entry for each of them. What they had by an unmanaged
          statement that they have left, under no condition, they do not gain.
        - A principal that moves to a newer set of actions gains the capability again.
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
          description: The capabilities, as in O(grants[].access); empty where only Lambda regions changed.
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
      sample:
        - principal: "111122223333"
          access: [pull]
          lambda_regions: [us-east-1]
    revoked:
      description:
        - What principals lost, as in RV(repositories[].granted), in the managed statements and in the unmanaged ones
          that they have left.
      returned: always
      type: list
      elements: dict
      sample:
        - principal: "111122223333"
          access: [push]
          lambda_regions: []
    revoked_actions:
      description: What principals lost beside whole capabilities, when they left unmanaged statements.
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
          description:
            - The actions, as the statement spells them.
            - Those that a service could use on behalf of the account name the service.
          returned: always
          type: list
          elements: str
          sample: ["ecr:DeleteRepository", "ecr:SetRepositoryPolicy through lambda.amazonaws.com"]
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
            - >-
              V(public) if the repository is open to everyone, or to any account: also where anybody can meet the
              conditions of a statement.
            - >-
              V(unscoped_service) if a statement lets in a service without a condition that says on whose behalf, such
              as C(aws:SourceArn), so that it may act for any account.
            - >-
              V(explicit_deny) if a Deny takes a declared capability, or may take it; the message says which, and from
              whom. The usual Deny of requests without TLS is none, because ECR takes no such requests.
            - V(lambda_region_not_covered) if the declared Lambda regions do not cover the region of the repository.
            - >-
              V(excess_access) if a principal keeps, or may keep, more than the declared access through other
              statements; with O(purge_grants=true) also if the policy lets in others whom no grant names.
            - V(deleted_principal) if there are deleted principals in the policy.
            - V(stored_policy_differs) if AWS stored something else than what was sent.
            - >-
              V(pattern_not_matched) if with O(on_missing=skip) a name or a pattern matches no repository, so that no
              access was taken away by O(state=absent), O(purge_grants=true) or O(unmanaged_access=revoke).
            - V(not_verified) if the policy was written, but could not be read again in the end.
          returned: always
          type: str
          sample: explicit_deny
        certain:
          description:
            - Whether it is so, and not only possible. What is possible depends on what a policy does not say, such as
              which accounts an organization has.
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
            base/python: statement "DenyPull" denies 111122223333 the declared access (pull): a Deny overrides every
            Allow
        policy:
          description: Whose policy has the statement, V(repository) or V(registry); null where none is meant.
          returned: always
          type: str
          sample: repository
        sid:
          description: The C(Sid) of the statement; null if it has none, or if no statement is meant.
          returned: always
          type: str
          sample: DenyPull
        principals:
          description: The principals that are concerned.
          returned: always
          type: list
          elements: str
          sample: ["111122223333"]
      sample: []
    policy:
      description: The new policy; null if it was deleted.
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
    unmanaged_values:
      description:
        - Values in managed statements that no grant could have written, such as single Lambda functions or the unique
          ids of deleted roles. They stay, even with O(purge_grants=true), but for the functions of accounts that
          O(unmanaged_access=revoke) or O(whole_account=true) is about.
      returned: if there are any
      type: list
      elements: dict
      contains:
        sid:
          description: The C(Sid) of the statement, or null.
          returned: always
          type: str
          sample: AllowLambdaPull
        value:
          description: The value.
          returned: always
          type: str
          sample: arn:aws:lambda:us-east-1:111122223333:function:resize
      sample: []
    missing:
      description: That the repository does not exist, or that the pattern matches none.
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
        base/python: could not read the policy (GetRepositoryPolicy): AccessDeniedException: User is not
        authorized. Allow the caller ecr:GetRepositoryPolicy on this repository.
    error_code:
      description: The error code of AWS; null if the error is not one of AWS.
      returned: if it failed
      type: str
      sample: AccessDeniedException
changes:
  description:
    - The RV(repositories[].granted), RV(repositories[].revoked) and RV(repositories[].revoked_actions) of all rows, one
      entry for each principal and access, with its repositories. What is revoked comes first.
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
      description: As in RV(repositories[].revoked_actions); empty where something is granted.
      returned: always
      type: list
      elements: str
      sample: ["ecr:DeleteRepository"]
    repositories:
      description: The names of the repositories, in the order of RV(repositories).
      returned: always
      type: list
      elements: str
      sample: [base/python, services/api]
  sample:
    - change: revoked
      principal: "111122223333"
      access: [push]
      lambda_regions: []
      other_actions: ["ecr:DeleteRepository"]
      repositories: [base/python, services/api]
backup_path:
  description:
    - The absolute path of the directory that this run made in O(backup_dir). The module
      M(imageshare.aws.ecr_share_policy_restore) takes it.
  returned: if a policy was saved
  type: str
  sample: /var/backups/ecr/20260131T120000Z-123456789012-us-east-1-5f0c7d1e
registry_policy:
  description: Whether the policy of the registry is known, which the warnings heed.
  returned: if the options are valid and, with patterns, the repositories could be listed
  type: dict
  contains:
    read:
      description: Whether it is known, or is known not to exist.
      returned: always
      type: bool
      sample: true
    error:
      description: Why it is not known, and what to do; null if it is.
      returned: always
      type: str
      sample: null
    error_code:
      description: The error code of AWS; null if it is known, or if the error is not one of AWS.
      returned: always
      type: str
      sample: null
  sample:
    read: true
    error: null
    error_code: null
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
      description: Rows that were as they should be.
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

from ansible_collections.imageshare.aws.plugins.module_utils._runs.options import SHARING_OPTIONS, read_request
from ansible_collections.imageshare.aws.plugins.module_utils._runs.share import run
from ansible_collections.imageshare.aws.plugins.module_utils._tasks import share

ARGUMENT_SPEC = {
    **SHARING_OPTIONS,
    "repositories": {"type": "list", "elements": "str", "required": True},
    "on_missing": {"type": "str", "choices": ["fail", "skip"], "default": "fail"},
    "force_set_policy": {"type": "bool", "default": False},
    "concurrency": {"type": "int", "default": 8},
}


def main() -> None:
    share(ARGUMENT_SPEC, read_request, run)


if __name__ == "__main__":
    main()
