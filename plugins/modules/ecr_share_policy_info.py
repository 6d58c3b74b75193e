#!/usr/bin/python

# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ecr_share_policy_info
short_description: Tell who may use ECR repositories, and through which statements
version_added: 1.0.0
description:
  - Reads the policies of private ECR repositories and reports who gets what from them, under which conditions, and
    through which statements.
  - It understands any policy, however it came about, and not only what P(imageshare.aws.ecr_share_policy#module) has
    written. What a policy does not decide is returned as a condition, and nothing is guessed.
  - The policy of the registry counts as well, because ECR looks at it in all requests. What it allows is added to the
    repositories that its C(Resource) covers, and what it denies is taken from them. It is read once, with the
    permission C(ecr:GetRegistryPolicy). Where it cannot be read, the run goes on and says so, because others may get in
    by it; it never can for the registry of another account, since the operation takes no O(registry_id).
  - It reports what these policies grant. The account that owns the registry can grant access to its own roles and
    users without them, and whoever is in another account needs the permission of that account as well. The filter
    P(imageshare.aws.ecr_consumer_policy#filter) makes the policy that is needed there.
  - "What nobody can read from here may deny what is reported: service and resource control policies, the policies of
    VPC endpoints, permissions boundaries and the IAM policies of the other account."
  - It also returns the grants that would declare what is there (RV(grants)), for the first step from policies that were
    written by hand or by other tools, and what no grant can express (RV(undeclarable)).
  - Asks AWS once for each repository, once for the registry, and once for each 1,000 to match patterns. Writes nothing
    to AWS. With O(backup_dir), what was read is saved on the managed host.
options:
  repositories:
    description:
      - The repositories to audit, by name (C(base/python)) or by shell pattern (C(services/*)), in which C(*) crosses
        C(/). If left out, all.
      - Names alone need no permission to list repositories.
    type: list
    elements: str
    default: ["*"]
  principal:
    description:
      - Reports only what lets this principal in, and leaves out the repositories of which it gets nothing.
      - RV(repositories[].shares[].matches) says how each share does. An account has members, which are its roles, users
        and sessions, its Lambda functions, and services that act for it; a role has its sessions, an organization its
        units, and a service what it does for others. Whoever may be meant by a share of others, such as everyone, an
        organization, a pattern of ARNs, or the account of a role, possibly gets in. Asked for an organization, it says
        nothing of the accounts that may be in it.
      - "A principal as in the grants of P(imageshare.aws.ecr_share_policy#module): an account id or its root ARN, the
        ARN of an IAM role or user, or of an STS session, an organization or an organizational unit. Or else, as
        RV(repositories[].shares[].principal) has them, V(*) for everyone, a service, or the id of a deleted principal."
    type: str
  include_policy:
    description:
      - Whether to return the policies themselves. They are larger than all else, and Ansible takes time for each value
        of a result.
    type: bool
    default: false
  include_templates:
    description:
      - Whether to read the repository creation templates of the registry as well, which one call lists. They say who
        gets what in the repositories that ECR will create by them.
      - Without the permission C(ecr:DescribeRepositoryCreationTemplates), and for the registry of another account, the
        run goes on, and RV(templates_read) says so.
    type: bool
    default: false
  backup_dir:
    description:
      - A directory on the managed host, in which to save every policy that is read, as a snapshot. It is made if it
        does not exist. If left out, nothing is saved. The path must be absolute, or begin with C(~).
      - Each run makes a directory of its own there, in the same form as those of
        O(imageshare.aws.ecr_share_policy#module:backup_dir), whatever O(principal) is. A repository without a policy is
        saved as well, so that restoring takes away what it got since. So is the policy of the registry, if
        O(repositories) is left out, and so are creation templates with O(include_templates=true).
      - "The module M(imageshare.aws.ecr_share_policy_restore) puts a snapshot back: what differs from it, and nothing
        else."
      - A repository that cannot be read or saved fails. Then, and where the run is interrupted, the snapshot says of
        itself that it is not complete.
      - If somebody else than root and the user who runs the module could change what is in the directory, or if it
        cannot be written to, it is refused before AWS is asked for anything.
      - Nothing is saved in check mode, and a warning says so. RV(ignore:changed) is false all the same outside of it,
        because nothing changes on AWS.
    type: path
  on_missing:
    description:
      - What to do about a name or a pattern that matches no repository. With V(fail), it is reported as failed, and all
        others are done. With V(skip), it is reported as missing.
      - That there are no repositories at all for the pattern C(*) is never a failure.
    type: str
    choices: [fail, skip]
    default: fail
  registry_id:
    description:
      - The 12-digit id of the account that owns the registry. If left out, it is the account of the credentials.
    type: str
notes:
  - "The IAM actions needed are C(ecr:GetRepositoryPolicy), and on C(*) C(ecr:DescribeRepositories), if there are
    patterns, and C(ecr:GetRegistryPolicy). If the policy of the registry has wildcards for actions,
    C(ecr:GetAccountSetting) on C(*) tells which actions the registry looks at; without it, all count. Creation
    templates take C(ecr:DescribeRepositoryCreationTemplates) on C(*). Nothing fails without the last three."
  - If O(registry_id) is left out and no answer of AWS says it, because all of the repositories are named and none has
    a policy, the account of the credentials is asked for. With O(registry_id), it is asked for as well, to find out
    whether the policy of that registry can be read. That takes one call of C(sts:GetCallerIdentity), which needs no
    permission.
  - A repository that cannot be read is returned with its error, and the task fails at its end, with all rows.
seealso:
  - module: imageshare.aws.ecr_share_policy
  - module: imageshare.aws.ecr_share_policy_restore
  - module: imageshare.aws.ecr_share_backup_info
  - module: imageshare.aws.ecr_repository_info
  - plugin: imageshare.aws.ecr_consumer_policy
    plugin_type: filter
  - name: How IAM evaluates policies
    description: What AWS says about it.
    link: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
author:
  - imageshare.aws contributors (@imageshare)
extends_documentation_fragment:
  - imageshare.aws._connection
  - imageshare.aws._attributes
  - imageshare.aws._attributes.action_group
  - imageshare.aws._bulk.concurrency
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
  idempotent:
    support: full
"""

EXAMPLES = r"""
- name: Audit all repositories of a registry
  imageshare.aws.ecr_share_policy_info:
  register: audit

- name: List those that are open to everyone
  ansible.builtin.debug:
    msg: "{{ audit.repositories | selectattr('public') | map(attribute='name') }}"

- name: List who can push, and to what
  ansible.builtin.debug:
    msg: "{{ pushers | map(attribute='0.name') | zip(pushers | map(attribute='1.principal')) | map('join', ': ') }}"
  vars:
    pushers: "{{ audit.repositories | subelements('shares') | selectattr('1.can_push') }}"

- name: Find out by what an account gets in, with its roles and functions
  imageshare.aws.ecr_share_policy_info:
    repositories:
      - base/*
    principal: "111122223333"

- name: Find the repositories whose policies name roles that were deleted
  imageshare.aws.ecr_share_policy_info:
  register: audit

- name: List them
  ansible.builtin.debug:
    msg: "{{ found | items2dict(key_name='name', value_name='deleted_principals') }}"
  vars:
    found: "{{ audit.repositories | selectattr('deleted_principals') }}"

- name: Find out which grants would declare what is there
  imageshare.aws.ecr_share_policy_info:
  register: audit

- name: Show them, and what no grant can express
  ansible.builtin.debug:
    msg:
      grants: "{{ audit.grants }}"
      undeclarable: "{{ audit.undeclarable }}"

- name: Save all policies of a registry as they are
  imageshare.aws.ecr_share_policy_info:
    backup_dir: ~/ecr-backups
  register: snapshot

- name: Put back those that differ from it, some day
  imageshare.aws.ecr_share_policy_restore:
    backup_path: "{{ snapshot.backup_path }}"
"""

RETURN = r"""
repositories:
  description:
    - One row for each repository, in the order asked for, those of a pattern by name; also if the task fails.
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
    arn:
      description: Its ARN.
      returned: if it could be read
      type: str
      sample: arn:aws:ecr:us-east-1:123456789012:repository/base/python
    uri:
      description: Where its images are pulled from and pushed to.
      returned: if it could be read
      type: str
      sample: 123456789012.dkr.ecr.us-east-1.amazonaws.com/base/python
    registry_id:
      description: The 12-digit id of the account that owns the registry.
      returned: if it could be read
      type: str
      sample: "123456789012"
    region:
      description: The region of the registry.
      returned: if it could be read
      type: str
      sample: us-east-1
    policy:
      description: The policy; null if there is none.
      returned: if it could be read, with O(include_policy=true)
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
    policy_length:
      description:
        - The number of characters of the policy, 0 if there is none.
        - It is that of the policy as AWS has stored it, with account ids spelt as ARNs, without white space. That is
          what this collection sends, and what AWS limits. AWS shows a policy with more white space.
      returned: if it could be read
      type: int
      sample: 218
    shares:
      description:
        - Who gets what. A principal has one row for the managed statements, one for the unmanaged ones, and one more
          for each other set of conditions.
        - What the statements with C(Allow) grant. RV(repositories[].shares[].denied_by) says what of that is denied.
      returned: if it could be read
      type: list
      elements: dict
      contains:
        principal:
          description:
            - An account by its id; a role, a user or a session by its ARN; an organization by its id, and an
              organizational unit by its path; a service by its name; everyone as V(*); a deleted role or user by its
              unique id.
          returned: always
          type: str
          sample: "111122223333"
        principal_type:
          description:
            - V(account), V(role), V(user), V(session), V(organization), V(organizational_unit), V(service),
              V(everyone), V(deleted) for the unique id of a deleted role or user, or V(other) for a principal of
              another kind or partition.
          returned: always
          type: str
          sample: account
        access:
          description:
            - The capabilities that it has with all of their actions, as in grants, V(admin) if it may change the
              policy, or delete, and V(replicate) if its replication may put images into the repository.
            - AWS Lambda's own statement, by which it keeps its own permission up to date, makes nobody V(admin).
            - Empty where only Lambda functions of the account may pull, and where it has no capability as a whole.
          returned: always
          type: list
          elements: str
          sample: [pull]
        other_actions:
          description: The actions that are not part of these capabilities, those that make it V(admin) included.
          returned: always
          type: list
          elements: str
          sample: []
        can_pull:
          description:
            - Whether it can pull images. That takes C(ecr:BatchGetImage) and
              C(ecr:GetDownloadUrlForLayer), here or in its other rows, and no C(Deny) that takes one of them away for
              certain. It is about the principal itself, and not about its Lambda functions.
          returned: always
          type: bool
          sample: true
        can_push:
          description:
            - Likewise, whether it can put images into the repository, which takes C(ecr:PutImage). New layers take
              more, but an image may be made of layers that are there already.
          returned: always
          type: bool
          sample: false
        via_service:
          description:
            - The service that gets it on behalf of RV(repositories[].shares[].principal), such as
              V(codebuild.amazonaws.com), or V(*) for any service. The principal is then the account, the organization
              or the organizational unit for whose resources it acts, because a condition such as C(aws:SourceArn) says
              so.
            - The pull by Lambda is in RV(repositories[].shares[].lambda_regions).
          returned: if a service acts for the principal
          type: str
          sample: codebuild.amazonaws.com
        matches:
          description:
            - How the share lets O(principal) in. It is V(exact) for itself, V(member) for a part of it, such as a role
              or the functions of an account, and V(possible) for others that it may be one of.
          returned: with O(principal)
          type: str
          sample: exact
        lambda_regions:
          description:
            - The regions whose Lambda functions of this account may pull; V(*) is every region. Where
              RV(repositories[].shares[].conditions) has an C(aws:SourceArn), these functions alone.
          returned: always
          type: list
          elements: str
          sample: [us-east-1]
        lambda_regions_denied:
          description: Those of RV(repositories[].shares[].lambda_regions) whose functions certainly cannot pull.
          returned: if there are any
          type: list
          elements: str
          sample: [us-east-1]
        conditions:
          description:
            - What must hold besides, and is not decided by the policy. Empty if the access is unconditional.
            - A condition that names the principal, such as C(aws:PrincipalOrgID) of an organization, is none of them.
            - Where the shares of one repository have more than 4,000 conditions and values between them, further shares
              have their first one, and entries whose operator is C(…) and whose key says how many more there are.
          returned: always
          type: list
          elements: dict
          contains:
            operator:
              description:
                - The condition operator, or C(NotPrincipal), which exempts those that it names.
                - Or C(Resource) or C(NotResource), where a policy variable decides whether it covers the repository.
              returned: always
              type: str
              sample: StringEquals
            key:
              description:
                - The condition key. Of C(NotPrincipal), the kind of the principals, such as C(AWS). Of C(Resource),
                  V(ARN).
              returned: always
              type: str
              sample: aws:SourceVpc
            values:
              description: The values, any of which will do.
              returned: always
              type: list
              elements: str
              sample: [vpc-0a1b2c3d]
          sample: []
        statements:
          description: The statements that grant it.
          returned: always
          type: list
          elements: dict
          contains: &written_statement
            <<: &statement
              policy:
                description: Whose policy it is in, V(repository) or V(registry).
                returned: always
                type: str
                sample: repository
              position:
                description: The position of the statement in that policy, from 1.
                returned: always
                type: int
                sample: 1
              sid:
                description: Its C(Sid); null if it has none.
                returned: always
                type: str
                sample: AllowPull
            written_by:
              description: The service that writes such statements itself, as AWS Lambda does for its functions.
              returned: if the statement has that shape
              type: str
              sample: lambda.amazonaws.com
          sample:
            - policy: repository
              position: 1
              sid: AllowPull
        denied_by:
          description: What statements with C(Deny) take of it, or may take.
          returned: always
          type: list
          elements: dict
          contains:
            <<: *statement
            denies:
              description:
                - What it takes. V(pull), V(push), V(describe), V(admin) and V(replicate) are as in
                  RV(repositories[].shares[].access), V(lambda) is the pull by Lambda functions, and V(other) stands for
                  other actions. A capability is taken with one of the actions that it needs.
              returned: always
              type: list
              elements: str
              sample: [push]
            certain:
              description: Whether it takes that from every request. If not, it may, or takes it from a part.
              returned: always
              type: bool
              sample: false
          sample: []
        defeated:
          description: That the certain statements with C(Deny) together take all of it.
          returned: if that is so
          type: bool
          sample: true
        managed:
          description:
            - Whether the statements are managed, which means that P(imageshare.aws.ecr_share_policy#module) would have
              written the same, whatever their C(Sid). These rows are as the grants that were declared, but for
              principals and values that no grant can name, such as accounts of another partition or single functions.
          returned: always
          type: bool
          sample: true
      sample:
        - principal: "111122223333"
          principal_type: account
          access: [pull]
          other_actions: []
          can_pull: true
          can_push: false
          lambda_regions: [us-east-1]
          conditions: []
          statements:
            - policy: repository
              position: 1
              sid: AllowPull
            - policy: repository
              position: 2
              sid: AllowLambdaPull
          denied_by: []
          managed: true
    public:
      description:
        - Whether it is open to everyone, or to any account, so that somebody unknown may use it.
        - Conditions that strangers can meet do not keep it from being public, such as those on a tag or a name of
          theirs, on any VPC endpoint, until a date to come, or on networks larger than C(/8). Nor do those that say
          nothing of the caller, such as one on a tag of the repository.
        - A condition that a policy does not decide keeps it from being public, and a share of V(*) has it.
      returned: if it could be read
      type: bool
      sample: false
    public_statements:
      description: The statements that make it public.
      returned: if it could be read
      type: list
      elements: dict
      contains: *statement
      sample: []
    unscoped_service:
      description:
        - Whether a statement allows a service to use it without a condition that says on whose behalf, such as
          C(aws:SourceArn) or C(aws:SourceAccount). Then the service may use it for any account. AWS calls that a
          confused deputy.
      returned: if it could be read
      type: bool
      sample: false
    unscoped_service_statements:
      description: These statements. Those that are public are left out.
      returned: if it could be read
      type: list
      elements: dict
      contains: *written_statement
      sample: []
    deleted_principals:
      description: The unique ids of deleted roles and users in its policy. AWS refuses to store it again with them.
      returned: if it could be read
      type: list
      elements: str
      sample: []
    unmanaged_statements:
      description: The statements of its own policy that are not managed.
      returned: if it could be read
      type: list
      elements: dict
      contains: *written_statement
      sample: []
    registry_policy_read:
      description:
        - Whether the policy of the registry is a part of what is reported here. If not, whoever that lets in is
          missing, and RV(registry_policy.error) says why.
      returned: if it could be read
      type: bool
      sample: true
    missing:
      description: That the repository does not exist, or that the pattern matches none.
      returned: if that is so, and no failure
      type: bool
      sample: true
    error:
      description: Why it failed, and what to do.
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
principals:
  description: The principals of all RV(repositories), by kind and name.
  returned: when RV(repositories) is
  type: list
  elements: dict
  contains:
    principal:
      description: The principal, as RV(repositories[].shares[].principal) has it.
      returned: always
      type: str
      sample: "111122223333"
    principal_type:
      description: What it is, as RV(repositories[].shares[].principal_type) says.
      returned: always
      type: str
      sample: account
    repositories:
      description: The names of the repositories of which it gets something.
      returned: always
      type: list
      elements: str
      sample: [base/node, base/python]
  sample:
    - principal: "111122223333"
      principal_type: account
      repositories: [base/node, base/python]
summary:
  description: The rows, counted.
  returned: if the options are valid and, with patterns, the repositories could be listed
  type: dict
  contains:
    repositories:
      description: All rows.
      returned: always
      type: int
      sample: 40
    shares:
      description: The shares in all rows.
      returned: always
      type: int
      sample: 96
    principals:
      description: The principals.
      returned: always
      type: int
      sample: 12
    public:
      description: Rows of repositories that are public.
      returned: always
      type: int
      sample: 1
    unscoped_service:
      description: Rows of repositories that let in a service on behalf of any account.
      returned: always
      type: int
      sample: 0
    deleted_principals:
      description: Rows of repositories whose policies name deleted principals.
      returned: always
      type: int
      sample: 2
    registry_policy_unread:
      description: Rows that were read without the policy of the registry.
      returned: always
      type: int
      sample: 0
    missing:
      description: Rows of repositories that do not exist.
      returned: always
      type: int
      sample: 0
    failed:
      description: Rows with an error.
      returned: always
      type: int
      sample: 0
  sample:
    repositories: 40
    shares: 96
    principals: 12
    public: 1
    unscoped_service: 0
    deleted_principals: 2
    registry_policy_unread: 0
    missing: 0
    failed: 0
registry_policy:
  description: The policy of the registry, whatever repositories there are.
  returned: when RV(repositories) is
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
    scope:
      description:
        - Which actions the registry looks at in it. With V(V1), these are C(ecr:ReplicateImage),
          C(ecr:BatchImportUpstreamImage) and C(ecr:CreateRepository) alone, with V(V2) all.
        - V(unknown) where AWS did not say it. Then what it allows counts, and what it denies by wildcards may count.
        - It is null where it makes no difference.
      returned: always
      type: str
      sample: null
    policy:
      description: The policy; null if there is none, or if it is not known.
      returned: with O(include_policy=true)
      type: dict
      sample:
        Version: "2012-10-17"
        Statement:
          - Sid: Replication
            Effect: Allow
            Principal:
              AWS: arn:aws:iam::444455556666:root
            Action:
              - ecr:CreateRepository
              - ecr:ReplicateImage
            Resource: arn:aws:ecr:us-east-1:123456789012:repository/*
    policy_length:
      description: The number of its characters without white space, 0 if there is none; null if it is not known.
      returned: always
      type: int
      sample: 231
    public:
      description: Whether it opens some repositories, be they still to come, to everyone or to any account.
      returned: always
      type: bool
      sample: false
    public_statements:
      description: The statements that do.
      returned: always
      type: list
      elements: dict
      contains: *statement
      sample: []
    unscoped_service:
      description: Whether it lets in a service on behalf of any account.
      returned: always
      type: bool
      sample: false
    unscoped_service_statements:
      description: The statements that do.
      returned: always
      type: list
      elements: dict
      contains: *statement
      sample: []
    shares:
      description:
        - Who gets what from it alone, as in RV(repositories[].shares). In C(access), V(create) is the right to create
          repositories.
        - The repositories that it is for are one of the C(conditions), whose operator is C(Resource).
      returned: always
      type: list
      elements: dict
      sample:
        - principal: "444455556666"
          principal_type: account
          access: [replicate, create]
          other_actions: [ecr:CreateRepository, ecr:ReplicateImage]
          can_pull: false
          can_push: false
          lambda_regions: []
          conditions:
            - operator: Resource
              key: ARN
              values: [arn:aws:ecr:us-east-1:123456789012:repository/*]
          statements:
            - policy: registry
              position: 1
              sid: Replication
          denied_by: []
          managed: false
  sample:
    read: true
    error: null
    error_code: null
    scope: null
    policy_length: 0
    public: false
    public_statements: []
    unscoped_service: false
    unscoped_service_statements: []
    shares: []
backup_path:
  description:
    - The absolute path of the directory with the snapshot, which M(imageshare.aws.ecr_share_policy_restore) takes.
  returned: if a policy was saved
  type: str
  sample: /var/backups/ecr/20260131T120000Z-123456789012-us-east-1-5f0c7d1e
grants:
  description:
    - The grants that would declare what the policies of the repositories give, as
      P(imageshare.aws.ecr_share_policy#module) takes them, but for RV(grants[].wider). Principals that have the same
      access to the same repositories are together.
    - To share them takes nothing from anybody with O(imageshare.aws.ecr_share_policy#module:purge_grants=false), and
      gives nothing but RV(grants[].wider). Statements that are not managed stay, so that a policy becomes longer.
    - What is given under a condition is not declared, nor what a C(Deny) takes as a whole, nor what the policy of the
      registry gives. The account that owns the registry needs no grant, but its Lambda functions may.
    - Of a principal that has more than capabilities, these are declared, and RV(undeclarable) has the rest. A
      principal that has something of the pull or the push besides, such as under a condition, is not declared, because
      it would lose that with a grant and C(unmanaged_access=revoke).
    - With O(principal), those of this principal, and of its parts.
  returned: when RV(repositories) is
  type: list
  elements: dict
  contains:
    principals:
      description: Who gets it, as RV(repositories[].shares[].principal) has them.
      returned: always
      type: list
      elements: str
      sample: ["111122223333", "444455556666"]
    access:
      description: The fewest capabilities that cover what they have; empty where only Lambda functions may pull.
      returned: always
      type: list
      elements: str
      sample: [pull, describe]
    lambda_regions:
      description: The regions whose Lambda functions of these accounts may pull; V(*) is every region.
      returned: if there are any
      type: list
      elements: str
      sample: [us-east-1]
    repositories:
      description: The names of the repositories.
      returned: always
      type: list
      elements: str
      sample: [base/node, base/python]
    wider:
      description:
        - The actions that the grant gives, and that one of the principals has not got in one of the repositories.
          Whoever cannot pull, or push, by its own shares cannot do so by a wider grant, unless shares of others that it
          may be one of, such as its organization, have what is missing.
      returned: if there are any
      type: list
      elements: str
      sample: [ecr:DescribeRepositories, ecr:ListImages]
  sample:
    - principals: ["111122223333", "444455556666"]
      access: [pull, describe]
      repositories: [base/node, base/python]
      wider: [ecr:DescribeRepositories, ecr:ListImages]
undeclarable:
  description:
    - What no grant can express, by statement and reason. A statement that RV(grants) do not declare as a whole is here.
    - With O(principal), what is about this principal, and its parts.
  returned: when RV(repositories) is
  type: list
  elements: dict
  contains:
    repositories:
      description:
        - The names of the repositories; none if a statement of the policy of the registry is for none of them.
        - C(template) and its prefix for a creation template.
      returned: always
      type: list
      elements: str
      sample: [base/python]
    policy:
      description: Whose policy it is in, V(repository) or V(registry).
      returned: always
      type: str
      sample: repository
    position:
      description: The position of the statement, from 1.
      returned: if it is about a statement that has the same position in all of these policies
      type: int
      sample: 2
    sid:
      description: The C(Sid) of the statement; null if it has none.
      returned: always
      type: str
      sample: Administrators
    principals:
      description: Whom it is about.
      returned: always
      type: list
      elements: str
      sample: ["111122223333"]
    reason:
      description:
        - Why it cannot be declared.
        - It says so where a declared principal would lose it, if the grant is shared with C(unmanaged_access=revoke).
        - It also tells policies that would be too long with the grants beside what is there.
      returned: always
      type: str
      sample: No capability has ecr:DeleteRepository. unmanaged_access=revoke takes that away.
  sample:
    - repositories: [base/python]
      policy: repository
      position: 2
      sid: Administrators
      principals: ["111122223333"]
      reason: No capability has ecr:DeleteRepository. unmanaged_access=revoke takes that away.
registry_grants:
  description:
    - What would declare what managed statements of the policy of the registry give, as the grants of
      M(imageshare.aws.ecr_share_registry_policy), with C(wider) as in RV(grants).
    - What else that policy has is in RV(undeclarable).
  returned: when RV(summary) is
  type: list
  elements: dict
  sample:
    - principals: [o-exampleorg1]
      access: [pull]
      repositories: ["*"]
template_grants:
  description:
    - What would declare what creation templates have, as the grants of M(imageshare.aws.ecr_share_creation_template)
      for all templates, with C(wider) as in RV(grants).
    - A grant for a template is for those with a longer prefix as well. So what only some of these have is in
      RV(undeclarable), under the name C(template) and the prefix.
  returned: when RV(summary) is, with O(include_templates=true)
  type: list
  elements: dict
  sample:
    - principals: ["111122223333"]
      access: [pull]
      repositories: ["services/*"]
templates:
  description: One row for each creation template, as RV(repositories) has them.
  returned: when RV(summary) is, with O(include_templates=true)
  type: list
  elements: dict
  contains:
    prefix:
      description: The prefix of the template.
      returned: always
      type: str
      sample: services
    applied_for:
      description: What makes the repositories that it is for.
      returned: always
      type: list
      elements: str
      sample: [CREATE_ON_PUSH]
    policy:
      description: The policy that repositories begin with; null for none.
      returned: if it could be read, with O(include_policy=true)
      type: dict
      sample: null
    policy_length:
      description: As in RV(repositories[].policy_length).
      returned: if it could be read
      type: int
      sample: 0
    public:
      description: As in RV(repositories[].public).
      returned: if it could be read
      type: bool
      sample: false
    public_statements:
      description: As in RV(repositories[].public_statements).
      returned: if it could be read
      type: list
      elements: dict
      sample: []
    unscoped_service:
      description: As in RV(repositories[].unscoped_service).
      returned: if it could be read
      type: bool
      sample: false
    unscoped_service_statements:
      description: As in RV(repositories[].unscoped_service_statements).
      returned: if it could be read
      type: list
      elements: dict
      sample: []
    shares:
      description: Who gets what, as in RV(repositories[].shares). The policy of the registry comes on top.
      returned: if it could be read
      type: list
      elements: dict
      sample: []
    deleted_principals:
      description: As in RV(repositories[].deleted_principals).
      returned: if it could be read
      type: list
      elements: str
      sample: []
    unmanaged_statements:
      description: As in RV(repositories[].unmanaged_statements).
      returned: if it could be read
      type: list
      elements: dict
      sample: []
    registry_policy_read:
      description: Always true, because RV(templates[].shares) says nothing of the policy of the registry.
      returned: if it could be read
      type: bool
      sample: true
    error:
      description: Why its policy could not be read.
      returned: if it failed
      type: str
      sample: "template services: the policy could not be parsed: it is not valid JSON"
    error_code:
      description: The error code of AWS; null if the error is not one of AWS.
      returned: if it failed
      type: str
      sample: null
  sample:
    - prefix: services
      applied_for: [CREATE_ON_PUSH]
      shares: []
templates_read:
  description: Whether the creation templates are known.
  returned: when RV(templates) is
  type: dict
  contains:
    read:
      description: Whether they are known, or are known not to exist.
      returned: always
      type: bool
      sample: true
    error:
      description: Why they are not known, and what to do; null if they are.
      returned: always
      type: str
      sample: null
    error_code:
      description: The error code of AWS; null if they are known, or if the error is not one of AWS.
      returned: always
      type: str
      sample: null
  sample:
    read: true
    error: null
    error_code: null
partition:
  description: The partition of the registry.
  returned: when RV(summary) is
  type: str
  sample: aws
region:
  description: The region of the registry.
  returned: when RV(summary) is
  type: str
  sample: us-east-1
registry_id:
  description: The 12-digit id of the account that owns the registry; null if nobody says whose it is.
  returned: when RV(summary) is
  type: str
  sample: "123456789012"
"""

import os

# Not AnsibleAWSModule's own warn: it hands its warnings on in a way that ansible-core deprecates.
from ansible.module_utils.common.warnings import warn
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.imageshare.aws.plugins.module_utils._aws.registry import connect
from ansible_collections.imageshare.aws.plugins.module_utils._errors import InvalidInputError
from ansible_collections.imageshare.aws.plugins.module_utils._registry import EcrError
from ansible_collections.imageshare.aws.plugins.module_utils._runs.audit import run
from ansible_collections.imageshare.aws.plugins.module_utils._runs.bulk import stop_on_signals
from ansible_collections.imageshare.aws.plugins.module_utils._runs.options import read_audit_request

ARGUMENT_SPEC = {
    "repositories": {"type": "list", "elements": "str", "default": ["*"]},
    "principal": {"type": "str"},
    "include_policy": {"type": "bool", "default": False},
    "include_templates": {"type": "bool", "default": False},
    "backup_dir": {"type": "path"},
    "on_missing": {"type": "str", "choices": ["fail", "skip"], "default": "fail"},
    "registry_id": {"type": "str"},
    "concurrency": {"type": "int", "default": 8},
}
# Set by the role, and by nobody else: Ansible handles one text in a small part of the time that it takes for as many
# values. It is no option, because an option must not change what is returned.
ROWS_AS_TEXT = "IMAGESHARE_AWS_ROWS_AS_TEXT"
# The same, for the warnings, which it tells of all registries together.
QUIET = "IMAGESHARE_AWS_QUIET"


def main() -> None:
    module = AnsibleAWSModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    registry = connect(module, concurrency=module.params["concurrency"])
    stop_on_signals(registry.stop)
    try:
        request = read_audit_request(module.params, partition=registry.partition, check_mode=module.check_mode)
        result = run(request, registry)
    except InvalidInputError as error:
        module.fail_json(msg=". ".join(error.problems))
    except EcrError as error:
        module.fail_json(msg=str(error))
    unread = result.registry_policy["error"]
    if unread is not None and QUIET not in os.environ:
        warn(f"The policy of the registry is not known, and others may get in by it: {unread}")
    unlisted = None if result.templates is None else result.templates.error
    if unlisted is not None and QUIET not in os.environ:
        warn(f"The creation templates are not known, and others may get in by what they create: {unlisted}")
    if module.check_mode and module.params["backup_dir"]:
        warn("No snapshot was saved, because nothing is saved in check mode.")
    if result.backup_trouble is not None:
        warn(result.backup_trouble)
    report = result.to_dict(rows_as_text=ROWS_AS_TEXT in os.environ)
    if result.failures:
        module.fail_json(msg=result.message, **report)
    module.exit_json(changed=False, **report)


if __name__ == "__main__":
    main()
