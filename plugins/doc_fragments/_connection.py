# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

from __future__ import annotations


class ModuleDocFragment:
    """Options that amazon.aws reads, in words of our own.

    Whatever makes pages of this documentation, such as Ansible Galaxy, may not have amazon.aws, and then its fragments
    leave no documentation at all. A test holds these here against the options that amazon.aws has.
    """

    # For modules. They read the variables of the environment by themselves, so these stand in the descriptions.
    DOCUMENTATION = r"""
options:
  region:
    description:
      - The region of AWS, such as V(us-east-1).
      - If left out, it is E(AWS_REGION) or E(AWS_DEFAULT_REGION), or else the region that boto3 finds in its own
        settings.
    type: str
    aliases: [aws_region]
  profile:
    description:
      - The profile to take credentials from, one of those in the files of the AWS CLI on the managed host.
      - If left out, it is E(AWS_PROFILE) or E(AWS_DEFAULT_PROFILE).
      - Not together with O(access_key), O(secret_key) or O(session_token).
    type: str
    aliases: [aws_profile]
  access_key:
    description:
      - The id of an access key. It goes with O(secret_key).
      - If left out, it is E(AWS_ACCESS_KEY_ID) or E(AWS_ACCESS_KEY), or else boto3 looks for credentials in its own
        places, such as those of the machine. Prefer these to a key that lives long.
    type: str
    aliases: [aws_access_key_id, aws_access_key]
  secret_key:
    description:
      - The secret of the access key.
      - If left out, it is E(AWS_SECRET_ACCESS_KEY) or E(AWS_SECRET_KEY).
    type: str
    aliases: [aws_secret_access_key, aws_secret_key]
  session_token:
    description:
      - The token that belongs to a temporary access key.
      - If left out, it is E(AWS_SESSION_TOKEN).
    type: str
    aliases: [aws_session_token]
  endpoint_url:
    description:
      - A URL to call in the place of AWS's own, such as that of a VPC endpoint. All services are called there.
      - If left out, it is E(AWS_URL).
    type: str
    aliases: [aws_endpoint_url]
  aws_ca_bundle:
    description:
      - A file with the certificates that are trusted, for a proxy that looks into TLS.
      - If left out, it is E(AWS_CA_BUNDLE).
    type: path
  validate_certs:
    description:
      - Whether certificates are checked. Without that, whoever is on the way can read and change what is sent. Set
        O(aws_ca_bundle) instead.
    type: bool
    default: true
  aws_config:
    description:
      - Settings of botocore, by the names of its class C(Config), such as C(proxies) or C(connect_timeout).
      - "They are described in
        L(botocore's documentation,https://botocore.amazonaws.com/v1/documentation/api/latest/reference/config.html)."
    type: dict
  debug_botocore_endpoint_logs:
    description:
      - Whether the result has the calls to AWS, each of them once, as C(resource_actions).
      - If left out, it is E(ANSIBLE_DEBUG_BOTOCORE_LOGS).
    type: bool
    default: false
requirements:
  - python >= 3.11
  - boto3 >= 1.34.0, or what the installed amazon.aws asks for, which is more with amazon.aws 11
  - botocore >= 1.34.0, likewise
notes:
  - Environment, profiles and settings of boto3 are those of the host on which the module runs. With a local connection,
    they are those of Ansible itself.
"""

    # For the inventory.
    INVENTORY = r"""
options:
  region:
    description:
      - The region of AWS, such as V(us-east-1).
      - If left out, it is the region that boto3 finds in its own settings.
    type: str
    aliases: [aws_region]
    env:
      - name: AWS_REGION
  profile:
    description:
      - The profile to take credentials from, one of those in the files of the AWS CLI.
      - Not together with O(access_key), O(secret_key) or O(session_token).
    type: str
    aliases: [aws_profile]
    env:
      - name: AWS_PROFILE
      - name: AWS_DEFAULT_PROFILE
  access_key:
    description:
      - The id of an access key. It goes with O(secret_key).
      - If left out, boto3 looks for credentials in its own places, such as those of the machine. Prefer these to a key
        that lives long.
    type: str
    aliases: [aws_access_key_id, aws_access_key]
    env:
      - name: AWS_ACCESS_KEY_ID
      - name: AWS_ACCESS_KEY
  secret_key:
    description:
      - The secret of the access key.
    type: str
    aliases: [aws_secret_access_key, aws_secret_key]
    env:
      - name: AWS_SECRET_ACCESS_KEY
      - name: AWS_SECRET_KEY
  session_token:
    description:
      - The token that belongs to a temporary access key.
    type: str
    aliases: [aws_session_token]
    env:
      - name: AWS_SESSION_TOKEN
  endpoint_url:
    description:
      - A URL to call in the place of AWS's own, such as that of a VPC endpoint. All services are called there.
    type: str
    aliases: [aws_endpoint_url]
    env:
      - name: AWS_URL
  assume_role_arn:
    description:
      - The ARN of a role to assume, with the credentials that are there, before anything is listed.
    type: str
    aliases: [iam_role_arn]
requirements:
  - python >= 3.11
  - boto3 >= 1.34.0, or what the installed amazon.aws asks for, which is more with amazon.aws 11
  - botocore >= 1.34.0, likewise
notes:
  - Environment, profiles and settings of boto3 are those of the machine on which Ansible itself runs.
"""
