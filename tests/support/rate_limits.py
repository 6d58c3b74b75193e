# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How much of a hard rate limit a run uses, with the module's own retries and with those of botocore.

As a script it prints the figures of docs/reliability.md.
"""

from __future__ import annotations

import argparse
from typing import Any

from ansible_collections.imageshare.aws.tests.support.embedded_aws import EmbeddedAws
from ansible_collections.imageshare.aws.tests.support.module_process import Result, run_module

# The aws_config of each way, as a user would set it.
WAYS: dict[str, dict[str, Any]] = {
    "the module's own": {},
    "botocore, standard": {"retries": {"mode": "standard", "max_attempts": 10}},
    "botocore, adaptive": {"retries": {"mode": "adaptive", "max_attempts": 10}},
}
_POLICY = {
    "Version": "2008-10-17",
    "Statement": [
        {"Sid": "Builds", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "ecr:*"}
    ],
}


def measure(aws: EmbeddedAws, config: dict[str, Any], *, rate: float | None, repositories: int) -> Result:
    """Share so many repositories, of which none is shared yet."""
    aws.reset()
    names = [f"app-{number:04}" for number in range(repositories)]
    aws.plant_many(dict.fromkeys(names, _POLICY))
    aws.settings(latency=0.03, rate_limit=rate)
    return run_module(aws, repositories=names, grants=[{"principals": ["111122223333"]}], aws_config=config)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure runs at a hard rate limit.")
    parser.add_argument("--rates", type=float, nargs="+", default=[20, 100], help="in calls a second")
    parser.add_argument("--repositories", type=int, default=200)
    arguments = parser.parse_args()
    with EmbeddedAws() as aws:
        start = measure(aws, {}, rate=None, repositories=1).seconds
        for rate in arguments.rates:
            # One read before each write, and one after it.
            least = 3 * arguments.repositories / rate
            for way, config in WAYS.items():
                result = measure(aws, config, rate=rate, repositories=arguments.repositories)
                seconds, throttled = result.seconds - start, sum(aws.refused().values())
                failed = result.values["summary"]["failed"]
                print(
                    f"{rate:4.0f}/s  {way:20}{seconds:6.1f} s, at least {least:.1f} s: {least / seconds:4.0%} used, "
                    f"{throttled:4} throttled, {failed} failed",
                    flush=True,
                )


if __name__ == "__main__":
    main()
