# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Races for policies in virtual time: how often an update is lost, and whether the one who lost it comes to know.

As a script it prints the figures of docs/reliability.md. The same seed yields the same figures.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from ansible_collections.imageshare.aws.plugins.module_utils._aws.registry import Registry
from ansible_collections.imageshare.aws.plugins.module_utils._aws.retries import CircuitBreaker, RetryPolicy
from ansible_collections.imageshare.aws.plugins.module_utils._repository_names import REGISTRY_LABEL
from ansible_collections.imageshare.aws.plugins.module_utils._runs import share as _share
from ansible_collections.imageshare.aws.plugins.module_utils._runs import share_registry
from ansible_collections.imageshare.aws.plugins.module_utils._runs.options import Request, read_request
from ansible_collections.imageshare.aws.plugins.module_utils._runs.policy_writes import PolicyWrites
from ansible_collections.imageshare.aws.plugins.module_utils._runs.registry_options import read_registry_request
from ansible_collections.imageshare.aws.plugins.module_utils._runs.results import WriteRunResult
from ansible_collections.imageshare.aws.tests.support import policy_text
from ansible_collections.imageshare.aws.tests.support.virtual_time import VirtualTime
from botocore.exceptions import ClientError

OWNER, FIRST, SECOND = "123456789012", "111122223333", "444455556666"
THEIRS = {
    "Sid": "LambdaECRImageRetrievalPolicy",
    "Effect": "Allow",
    "Principal": {"Service": "lambda.amazonaws.com"},
    "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
}
# What the destination of a replication has.
THEIRS_OF_REGISTRY = {
    "Sid": "ReplicationFromTheHub",
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::777788889999:root"},
    "Action": ["ecr:CreateRepository", "ecr:ReplicateImage"],
    "Resource": f"arn:aws:ecr:us-east-1:{OWNER}:repository/*",
}
# In seconds: how long a call is on its way to AWS, and as long back; and how far apart two writers begin at most.
_TRIP, _SPREAD = (0.005, 0.03), 0.05


class Client:
    """What boto3's client does for one writer. policies: the texts that all writers see, None for none; that of the
    registry is among them, by its label.
    """

    def __init__(self, policies: dict[str, str | None], time: VirtualTime) -> None:
        self._policies, self._time = policies, time
        config = SimpleNamespace(retries={"total_max_attempts": 1})
        self.meta = SimpleNamespace(partition="aws", region_name="us-east-1", config=config)

    def get_repository_policy(self, *, repositoryName: str) -> dict[str, Any]:
        return self._get(repositoryName, "GetRepositoryPolicy", "RepositoryPolicyNotFoundException")

    def set_repository_policy(self, *, repositoryName: str, policyText: str, force: bool) -> dict[str, Any]:
        return self._set(repositoryName, policyText, policy_text.OF_REPOSITORY, force=force)

    def get_registry_policy(self) -> dict[str, Any]:
        return self._get(REGISTRY_LABEL, "GetRegistryPolicy", "RegistryPolicyNotFoundException")

    def put_registry_policy(self, *, policyText: str) -> dict[str, Any]:
        return self._set(REGISTRY_LABEL, policyText, policy_text.OF_REGISTRY["V2"])

    def get_account_setting(self, *, name: str) -> dict[str, Any]:
        self._travel()
        self._travel()
        return {"name": name, "value": "V2"}

    def _get(self, label: str, operation: str, code_of_none: str) -> dict[str, Any]:
        self._travel()
        text = self._policies.get(label)
        self._travel()
        if text is None:
            raise ClientError({"Error": {"Code": code_of_none, "Message": "There is no policy"}}, operation)
        return self._answer(text)

    def _set(self, label: str, sent: str, grammar: policy_text.Grammar, *, force: bool = False) -> dict[str, Any]:
        self._travel()
        text = policy_text.accept(sent, "aws", lambda _principal: False, force=force, grammar=grammar)
        self._policies[label] = text
        self._travel()
        return self._answer(text)

    def _travel(self) -> None:
        self._time.sleep(self._time.dice.uniform(*_TRIP))

    def _answer(self, text: str) -> dict[str, Any]:
        return {"registryId": OWNER, "policyText": policy_text.answer(text, self._time.dice)}


@dataclass(frozen=True)
class Race:
    """What became of the updates of one race: how many there were, how many are not in the policies at its end, and of
    how many of these their writer believes that they are.
    """

    updates: int
    lost: int
    unnoticed: int

    def __add__(self, other: Race) -> Race:
        return Race(self.updates + other.updates, self.lost + other.lost, self.unnoticed + other.unnoticed)


@dataclass(frozen=True)
class Contested:
    """What writers are in each other's way about.

    Args:
        version: That of its policies.
        theirs: What another writer adds.
        labels: So many policies as rows call them.
        share: Runs one task for an account.
        get: Reads one, as another writer does.
        set: Stores one, as another writer does.
    """

    version: str
    theirs: Mapping[str, Any]
    labels: Callable[[int], Iterable[str]]
    share: Callable[[str, Iterable[str], Registry], WriteRunResult]
    get: Callable[[Client, str], Mapping[str, Any]]
    set: Callable[[Client, str, str], object]

    def policies(self, number: int) -> dict[str, str | None]:
        older = {**self.theirs, "Sid": "Older", "Effect": "Deny"}
        return dict.fromkeys(self.labels(number), json.dumps({"Version": self.version, "Statement": [older]}))

    def add_theirs(self, time: VirtualTime, policies: dict[str, str | None]) -> None:
        client = Client(policies, time)
        time.sleep(time.dice.uniform(0, _SPREAD))
        for label in policies:
            found = json.loads(self.get(client, label)["policyText"])
            found["Statement"].append(self.theirs)
            self.set(client, label, json.dumps(found))
            # As long as a run takes to look back, so that it stays near.
            time.sleep(time.dice.uniform(*_TRIP) + time.dice.uniform(*_TRIP))


def two_runs(of: Contested, seed: int, number: int) -> tuple[Race, Race]:
    """Two runs share the same with another account each, at the same time."""
    time, policies = VirtualTime(seed), of.policies(number)
    results = time.run(*(_run(of, time, policies, account) for account in (FIRST, SECOND)))
    first, second = (
        _judged(policies, _grants_to(account), result) for account, result in zip((FIRST, SECOND), results, strict=True)
    )
    return first, second


def run_and_other(of: Contested, seed: int, number: int) -> tuple[Race, Race]:
    """A run shares, and meanwhile somebody else adds a statement to each policy, as Lambda does."""
    time, policies = VirtualTime(seed), of.policies(number)
    result, _nothing = time.run(_run(of, time, policies, FIRST), lambda: of.add_theirs(time, policies))
    ours = _judged(policies, _grants_to(FIRST), result)
    lost = sum(of.theirs["Sid"] not in str(text) for text in policies.values())
    return ours, Race(len(policies), lost, lost)


def _run(
    of: Contested, time: VirtualTime, policies: dict[str, str | None], account: str
) -> Callable[[], WriteRunResult]:
    def job() -> WriteRunResult:
        retries = RetryPolicy(breaker=CircuitBreaker(time.clock, time.sleep))
        registry = Registry(Client(policies, time), lambda: None, None, retries)
        time.sleep(time.dice.uniform(0, _SPREAD))
        return of.share(account, policies, registry)

    return job


def _share_repositories(account: str, names: Iterable[str], registry: Registry) -> WriteRunResult:
    params = {
        **_options(account),
        "repositories": list(names),
        "on_missing": "fail",
        "force_set_policy": False,
        # One worker: a second thread would not wait for the virtual time.
        "concurrency": 1,
    }
    return _share.run(_request(read_request, params), registry)


def _share_by_registry(account: str, _labels: Iterable[str], registry: Registry) -> WriteRunResult:
    return share_registry.run(_request(read_registry_request, _options(account)), registry)


def _options(account: str) -> dict[str, Any]:
    return {
        "grants": [{"principals": [account], "access": ["pull"], "lambda_regions": None, "repositories": None}],
        "state": "present",
        "purge_grants": False,
        "purge_deleted_principals": False,
        "unmanaged_access": "keep",
        "whole_account": False,
        "registry_id": None,
        "backup_dir": None,
        "include_policy": False,
    }


def _request(read: Callable[..., Request], params: Mapping[str, Any]) -> Request:
    return read(params, partition="aws", partition_of_region=lambda _region: "aws", check_mode=False, diff=False)


def _grants_to(account: str) -> Callable[[str], bool]:
    return lambda text: f"arn:aws:iam::{account}:root" in text


def _judged(policies: dict[str, str | None], has_it: Callable[[str], bool], result: WriteRunResult) -> Race:
    lost = [found for found in result.results if not has_it(str(policies[found.name]))]
    return Race(len(result.results), len(lost), sum(found.error is None for found in lost))


REPOSITORIES = Contested(
    "2008-10-17",
    THEIRS,
    labels=lambda number: [f"app-{position:03}" for position in range(number)],
    share=_share_repositories,
    get=lambda client, name: client.get_repository_policy(repositoryName=name),
    set=lambda client, name, text: client.set_repository_policy(repositoryName=name, policyText=text, force=False),
)
REGISTRY = Contested(
    "2012-10-17",
    THEIRS_OF_REGISTRY,
    labels=lambda _number: [REGISTRY_LABEL],
    share=_share_by_registry,
    get=lambda client, _label: client.get_registry_policy(),
    set=lambda client, _label, text: client.put_registry_policy(policyText=text),
)
RACES = {
    "two runs": (two_runs, ("first run", "second run")),
    "a run and another writer": (run_and_other, ("run", "other writer")),
}
# What a run does in the end with what it has written.
WAYS = {"without a look": lambda _writes, _target, written: written, "with a look": PolicyWrites.verify}


def figures(
    seed: int, interleavings: int, repositories: int, of: Contested = REPOSITORIES
) -> dict[tuple[str, str, str], Race]:
    """By race, way and writer: the sum of so many races for as many repositories each. A registry has one policy."""
    found = {}
    for way, verify in WAYS.items():
        for name, (race, writers) in RACES.items():
            # The pauses of a run are random as well.
            random.seed(seed)
            seeds = range(seed * 1_000_000, seed * 1_000_000 + interleavings // repositories)
            with patch.object(PolicyWrites, "verify", verify):
                races = [race(of, number, repositories) for number in seeds]
            for writer, of_one in zip(writers, zip(*races, strict=True), strict=True):
                found[name, way, writer] = sum(of_one, Race(0, 0, 0))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Count lost updates in virtual time.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--interleavings", type=int, default=1000, help="how often two writers meet")
    arguments = parser.parse_args()
    for of, number, told in (
        (REPOSITORIES, 1, "1 repository"),
        (REPOSITORIES, 100, "100 repositories"),
        (REGISTRY, 1, "the policy of the registry"),
    ):
        print(f"{arguments.interleavings} interleavings, in races for {told} each:")
        for labels, race in figures(arguments.seed, arguments.interleavings, number, of).items():
            columns = "  ".join(f"{label:24}" for label in labels)
            print(f"  {columns} {race.updates:5} updates {race.lost:5} lost {race.unnoticed:5} unnoticed")


if __name__ == "__main__":
    main()
