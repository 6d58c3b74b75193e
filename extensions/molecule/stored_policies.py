# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Print the policy of every repository of an account and region as JSON, read with boto3 and no code of the collection.

usage: stored_policies.py URL ACCOUNT REGION

AWS answers principals in another order at each read, so they are sorted; all else is as AWS has it.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import boto3


def policies(url: str, account: str, region: str) -> dict[str, Any]:
    session = boto3.Session("AKIAEMBEDDEDTESTKEY0", "embedded-test-secret-never-real", region_name=region)
    ecr = session.client("ecr", endpoint_url=url)
    found = {}
    for page in ecr.get_paginator("describe_repositories").paginate(registryId=account):
        for repository in page["repositories"]:
            try:
                answer = ecr.get_repository_policy(registryId=account, repositoryName=repository["repositoryName"])
            except ecr.exceptions.RepositoryPolicyNotFoundException:
                found[repository["repositoryName"]] = None
            else:
                found[repository["repositoryName"]] = in_order(json.loads(answer["policyText"]))
    return found


def in_order(policy: dict[str, Any]) -> dict[str, Any]:
    for statement in policy["Statement"]:
        principal = statement.get("Principal")
        for kind, named in principal.items() if isinstance(principal, dict) else ():
            principal[kind] = sorted(named) if isinstance(named, list) else named
    return policy


if __name__ == "__main__":
    json.dump(policies(*sys.argv[1:]), sys.stdout)
