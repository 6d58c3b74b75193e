# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module is measured against: boto3, threads and nothing else. It merges nothing, and looks at no policy.

On standard input it takes {repositories: names, threads: how many, write: whether to set a policy after each read}.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import boto3
from botocore.config import Config

POLICY = {
    "Version": "2008-10-17",
    "Statement": [
        {
            "Sid": "AllowPull",
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
            "Action": [
                "ecr:GetDownloadUrlForLayer",
                "ecr:BatchGetImage",
                "ecr:BatchCheckLayerAvailability",
            ],
        }
    ],
}


def main() -> None:
    asked = json.load(sys.stdin)
    client = boto3.client("ecr", config=Config(max_pool_connections=asked["threads"]))
    # Not in the threads: if two of them are the first to ask, they may get two classes.
    missing = client.exceptions.RepositoryPolicyNotFoundException

    def work(name: str) -> None:
        with suppress(missing):
            client.get_repository_policy(repositoryName=name)
        if asked["write"]:
            client.set_repository_policy(repositoryName=name, policyText=json.dumps(POLICY))

    with ThreadPoolExecutor(asked["threads"]) as threads:
        for _done in threads.map(work, asked["repositories"]):
            pass


if __name__ == "__main__":
    main()
