# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run costs beside AWS, in calls and lines of our own code: unlike seconds, they are the same on every machine.

A line may do much at once where it calls C. What of that grows with a policy are operations on numbers of as many bits
as the policy has characters, on lists, and on texts: some microseconds for one of the longest policies.
"""

from __future__ import annotations

import gc
import json
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from types import FrameType
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._errors import RepositoryContext
from ansible_collections.imageshare.aws.plugins.module_utils._evaluation import evaluator
from ansible_collections.imageshare.aws.plugins.module_utils._evaluation.evaluator import PolicyEvaluator
from ansible_collections.imageshare.aws.plugins.module_utils._evaluation.policy_warnings import sharing_warnings
from ansible_collections.imageshare.aws.plugins.module_utils._iam.principals import policy_unique_ids
from ansible_collections.imageshare.aws.plugins.module_utils._runs import audit
from ansible_collections.imageshare.aws.plugins.module_utils._runs.options import AuditRequest, Request, read_request
from ansible_collections.imageshare.aws.plugins.module_utils._runs.share import run
from ansible_collections.imageshare.aws.tests.support import builders
from ansible_collections.imageshare.aws.tests.support.in_memory import OWNER, Verbatim
from ansible_collections.imageshare.aws.tests.support.laws import laws
from ansible_collections.imageshare.aws.tests.support.realistic_policies import REALISTIC
from ansible_collections.imageshare.aws.tests.support.slow_policies import slow_case
from hypothesis import example, given
from hypothesis import strategies as st

OURS = run.__code__.co_filename.removesuffix("_runs/share.py")
# AWS refuses to store a policy that names a deleted principal, so that nothing is ever as it should be there.
POLICIES = [policy for policy in REALISTIC.values() if not policy_unique_ids(policy)]
GRANTS = (
    {"principals": ["111122223333"], "lambda_regions": ["us-east-1"]},
    {"principals": ["arn:aws:iam::444455556666:role/ci"], "access": ["pull", "push"]},
    {"principals": ["o-a1b2c3d4e5"]},
)


def calls(work: Callable[[], object]) -> int:
    """How often a function of the collection, or an expression in one, begins or goes on, in all threads."""
    found = []

    def note(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(OURS):
            found.append(frame.f_code)

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return len(found)


class Lines:
    """How many lines of the collection run, in all threads, and how many at most in a row while nobody asks whether the
    run is stopped.
    """

    def __init__(self) -> None:
        self.number, self.longest, self._asked = 0, 0, 0

    def ask(self) -> None:
        self.longest, self._asked = max(self.longest, self.number - self._asked), self.number

    def count(self, work: Callable[[], object]) -> None:
        def count_line(_frame: FrameType, event: str, _argument: object) -> Any:
            self.number += event == "line"
            return count_line

        def enter(frame: FrameType, _event: str, _argument: object) -> Any:
            return count_line if frame.f_code.co_filename.startswith(OURS) else None

        threading.settrace(enter)
        sys.settrace(enter)
        try:
            work()
        finally:
            sys.settrace(None)
            threading.settrace(None)
        self.ask()


def request(
    names: Sequence[str], grants: Sequence[Mapping[str, Any]] = GRANTS, *, purge_grants: bool = False
) -> Request:
    options = {
        "repositories": names,
        "grants": [{"access": ["pull"], "lambda_regions": None, "repositories": None, **grant} for grant in grants],
        "state": "present",
        "purge_grants": purge_grants,
        "purge_deleted_principals": True,
        "unmanaged_access": "keep",
        "whole_account": False,
        "on_missing": "fail",
        "registry_id": None,
        "force_set_policy": False,
        "concurrency": 1,
        "backup_dir": None,
        "include_policy": False,
    }
    return read_request(options, partition="aws", partition_of_region=lambda _: "aws", check_mode=False, diff=False)


def unchanged(repositories: int, grants: Sequence[Mapping[str, Any]] = GRANTS) -> int:
    """What it costs to find that all is as it should be, when it was found before."""
    policies = {f"base/{number}": json.dumps(POLICIES[number % len(POLICIES)]) for number in range(repositories)}
    names, registry = list(policies), Verbatim(policies)
    wanted = request(names, grants)
    for _time in range(2):
        run(wanted, registry)
    registry.journal.clear()
    cost = calls(lambda: run(wanted, registry))
    assert [call for call in registry.journal if call[0] == "read"] == [("read", name) for name in names]
    # The policy of the registry is read once, beside the first of them.
    assert registry.journal.count(("registry_policy",)) == 1
    assert len(registry.journal) == len(names) + 1
    return cost


def test_an_unchanged_repository_costs_little_and_no_more_where_there_are_many() -> None:
    few, many = unchanged(20) / 20, unchanged(200) / 200
    assert many < 1.05 * few
    assert many < 600


def test_the_cost_of_a_repository_grows_no_faster_than_its_grants() -> None:
    def cost(principals: int) -> int:
        accounts = [str(number) for number in range(100_000_000_000, 100_000_000_000 + principals)]
        return unchanged(5, [{"principals": [account], "lambda_regions": ["us-east-1"]} for account in accounts])

    assert cost(80) < 10 * cost(8)


# Of each: a policy that names accounts.
NAMING: dict[str, Callable[[Sequence[str]], Any]] = {
    "as principals": lambda accounts: builders.allow(*accounts, Action="ecr:*"),
    "as principals of a Deny": lambda accounts: builders.deny(*accounts),
    "as what NotPrincipal spares": lambda accounts: builders.all_but(*accounts),
    "by a condition on everybody": lambda accounts: builders.when(
        "StringEquals", "aws:PrincipalAccount", accounts, Action="ecr:*"
    ),
    "by their functions": lambda accounts: builders.allow_functions(
        *(builders.functions(account, name="resize") for account in accounts)
    ),
    "as the source of Lambda": lambda accounts: builders.when(
        "StringEquals", "aws:SourceAccount", accounts, Principal=builders.LAMBDA
    ),
}


@pytest.mark.parametrize("statement_of", NAMING.values(), ids=NAMING.keys())
def test_the_cost_of_warnings_grows_no_faster_than_the_grants_and_the_policy(
    statement_of: Callable[[Sequence[str]], Any],
) -> None:
    def cost(size: int) -> int:
        accounts = [str(number) for number in range(100_000_000_000, 100_000_000_000 + size)]
        grants = [builders.grant(account, [], ["us-east-1"]) for account in accounts]
        context = RepositoryContext("app", "us-east-1", OWNER)

        def warn() -> None:
            policy = PolicyEvaluator("aws", OWNER).parse(builders.policy(statement_of(accounts)))
            sharing_warnings(policy, grants, context, purge_grants=True)

        return calls(warn)

    assert cost(160) < 12 * cost(16)


def test_it_costs_little_to_find_who_gets_what_by_statements_that_were_met_before() -> None:
    remembering = PolicyEvaluator("aws", OWNER)

    def find() -> None:
        for policy in POLICIES:
            found = remembering.parse(policy)
            found.shares()
            found.public_statements()
            found.unmanaged_statements()

    find()
    assert calls(find) / len(POLICIES) < 20


def slow_runs(seed: int, counted: Lines) -> Iterator[Callable[[], dict[str, Any]]]:
    """A share into a policy that is made to be slow, with grants that fit into it, then an audit of what came of it."""
    policy, grants = slow_case(Random(seed))
    registry = Verbatim({"app": json.dumps(policy, separators=(",", ":"))})
    vars(registry)["check"] = counted.ask
    wanted = request(["app"], grants, purge_grants=True)
    yield lambda: run(wanted, registry).to_dict(diff=True, include_policy=True)
    audited = AuditRequest(repositories=("app",), missing_ok=False, concurrency=1, principal=None)
    yield lambda: audit.run(audited, registry).to_dict()


# With seed 2, patterns that are compared by the product of their lengths take 69 million lines, and 550 MB.
@laws(300)
@given(st.integers(0, 2**32))
@example(2)
def test_no_policy_that_aws_stores_takes_long_and_whoever_reads_it_can_be_stopped_soon(seed: int) -> None:
    for work in slow_runs(seed, counted := Lines()):
        counted.count(work)
        assert counted.number < 8_000_000
        assert counted.longest < 1_000_000


@laws(60)
@given(st.integers(0, 2**32))
@example(2)
def test_no_policy_that_aws_stores_takes_much_memory(seed: int) -> None:
    for work in slow_runs(seed, Lines()):
        tracemalloc.start()
        try:
            returned = work()
            assert tracemalloc.get_traced_memory()[1] < 25_000_000
            assert len(json.dumps(returned)) < 2_000_000
        finally:
            tracemalloc.stop()


def test_what_is_remembered_of_policies_that_all_differ_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluator, "MOST_CHARACTERS", 20_000)
    remembering, sizes = PolicyEvaluator("aws", OWNER), []
    tracemalloc.start()
    try:
        for number in range(60):
            accounts = [str(100_000_000_000 + number * 100 + n) for n in range(100)]
            policy = builders.policy(builders.allow(*accounts, Action="ecr:*"), builders.deny(*accounts))
            found = remembering.parse(policy)
            found.shares()
            sharing_warnings(found, [builders.grant(accounts[0])], RepositoryContext("app", "us-east-1", OWNER))
            # What was forgotten refers to itself.
            gc.collect()
            sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert max(sizes[20:]) < 1.1 * max(sizes[:20])
