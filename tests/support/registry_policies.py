# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hypothesis strategies for the policies of registries, and merges of grants into them.

Statements are those of tests/support/policies.py, each for some repositories. Who may do what is decided by
tests/support/evaluator.py, which knows nothing of the code under test.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from typing import Any

from ansible_collections.imageshare.aws.plugins.module_utils._iam.document import PolicyComparison
from ansible_collections.imageshare.aws.plugins.module_utils._runs.share_registry import RegistryPlanner
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.grants import Grant, read_grants
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.merge import Merged, share, unshare
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.registry_statements import RegistryStatements
from ansible_collections.imageshare.aws.tests.support import policies
from ansible_collections.imageshare.aws.tests.support.evaluator import Requester, effective_actions, is_match
from ansible_collections.imageshare.aws.tests.support.in_memory import InMemory
from ansible_collections.imageshare.aws.tests.support.policies import REGISTRY_ID, STRANGER, Policy, Statement
from ansible_collections.imageshare.aws.tests.support.runs import to_share
from hypothesis import strategies as st

# Overlapping, nested, and equal in effect but not in text.
PATTERNS = (
    "*",
    "**",
    "services/*",
    "services/**",
    "services/web",
    "services/w?b",
    "services/*-test",
    "s*",
    "*/web",
    "*e*",
    "base",
    "team-?/*",
)
# Those of a registry beside those of a repository, as the destination of a replication has them.
_OF_REGISTRIES = ("ecr:ReplicateImage", "ecr:CreateRepository", "ecr:BatchImportUpstreamImage")
ACTIONS = (*policies.ACTIONS, *_OF_REGISTRIES)
_NEAR_MISSES = tuple(kind for kind in policies.NEAR_MISSES if kind != "Resource")
_KINDS = st.sampled_from(("identity", "identity", "organization", "organizational_unit"))


def region_of(partition: str) -> str:
    return policies.universe(partition).regions[0]


def arn(partition: str, pattern: str, *, account: str = REGISTRY_ID, region: str | None = None) -> str:
    """The ARN of repositories of a registry, our own unless another is given."""
    return f"arn:{partition}:ecr:{region or region_of(partition)}:{account}:repository/{pattern}"


def names_of(pattern: str) -> list[str]:
    """Names that a pattern matches; whatever matches all of them for a pattern of ours matches all that it does."""
    stands_for = {"*": ("", "qx", "q/x"), "?": ("q",)}
    return ["".join(parts) for parts in product(*(stands_for.get(character, (character,)) for character in pattern))]


def covers(patterns: Iterable[str], name: str) -> bool:
    return any(is_match(pattern, name) for pattern in patterns)


# --- statements ---


def _foreign_resources(partition: str) -> list[Any]:
    """What a managed statement's Resource is not: of others, of several, and what no grant could have."""
    elsewhere = policies.universe(partition).regions[1]
    other_partition = "aws-cn" if partition == "aws" else "aws"
    return [
        "*",
        ["*"],
        arn(partition, "*").removesuffix("/*") + "*",
        arn(partition, "*", account="*"),
        arn(partition, "*", account=STRANGER),
        arn(partition, "services/*", region=elsewhere),
        arn(partition, "services/*", region="*"),
        arn(other_partition, "*", region=region_of(partition)),
        arn(partition, "Services/*"),
        arn(partition, "services/"),
        arn(partition, "${aws:PrincipalAccount}/*"),
        [arn(partition, "services/*"), arn(partition, "base")],
        [arn(partition, "services/*"), arn(partition, "services/**")],
        [arn(partition, "base"), arn(partition, "*", account=STRANGER)],
        [],
    ]


def _ours(draw: st.DrawFn, partition: str, patterns: Sequence[str] = PATTERNS) -> Any:
    """Our own Resource, as a scalar or in a list of one, seldom of two that are the same."""
    resource = arn(partition, draw(st.sampled_from(patterns)))
    return draw(st.sampled_from((resource, resource, resource, [resource], [resource] * 2)))


@st.composite
def managed_statements(draw: st.DrawFn, partition: str = "aws", patterns: Sequence[str] = PATTERNS) -> Statement:
    """A statement of a managed shape, for the repositories of one of the patterns."""
    statement = draw(policies.managed_statements(partition, draw(_KINDS)))
    return {**statement, "Resource": _ours(draw, partition, patterns)}


@st.composite
def elsewhere_statements(draw: st.DrawFn, partition: str = "aws") -> Statement:
    """A statement of a managed shape that is foreign for its Resource, or for the lack of one."""
    statement = draw(policies.managed_statements(partition))
    others = {name: value for name, value in statement.items() if name != "Resource"}
    member = draw(st.sampled_from(("Resource", "Resource", "Resource", "NotResource", "")))
    if not member:
        return others
    if member == "NotResource":
        return {**others, "NotResource": _ours(draw, partition)}
    return {**others, "Resource": draw(st.sampled_from(_foreign_resources(partition)))}


@st.composite
def unmanaged_statements(draw: st.DrawFn, partition: str = "aws") -> Statement:
    """A statement of somebody else: of another shape, for Lambda, or for replication, whatever it is for."""
    near = policies.near_misses(
        partition, draw(st.sampled_from([kind for kind in policies.NEAR_MISSES if kind != "Resource"]))
    )
    functions = policies.managed_statements(partition, "lambda")
    statement = draw(st.one_of(near, policies.unmanaged_statements(partition), functions))
    if draw(st.integers(0, 3)) == 0:
        statement = {**statement, "Action": draw(st.sampled_from((list(_OF_REGISTRIES[:2]), _OF_REGISTRIES[2])))}
        statement.pop("NotAction", None)
    resources = draw(st.booleans())
    resource = _ours(draw, partition) if resources else draw(st.sampled_from(_foreign_resources(partition)))
    return {**statement, "Resource": resource}


def statements(partition: str = "aws") -> st.SearchStrategy[Statement]:
    """Any statement: a half of them are managed."""
    managed = managed_statements(partition)
    return st.one_of(managed, managed, elsewhere_statements(partition), unmanaged_statements(partition))


@st.composite
def registry_policies(draw: st.DrawFn, partition: str = "aws") -> Policy:
    """A policy of up to six statements."""
    listed = draw(st.lists(statements(partition), max_size=6))
    alone = len(listed) == 1 and draw(st.booleans())
    return {"Version": "2012-10-17", "Statement": listed[0] if alone else listed}


@st.composite
def managed_policies(draw: st.DrawFn, partition: str = "aws") -> Policy:
    """A policy of managed statements alone."""
    return {"Version": "2012-10-17", "Statement": draw(st.lists(managed_statements(partition), max_size=5))}


@st.composite
def stored_policies(draw: st.DrawFn, partition: str = "aws") -> Policy:
    """A policy of statements that AWS takes, each of them either managed or like no template."""
    kinds = st.one_of(managed_statements(partition), _taken_statements(partition))
    return {"Version": "2012-10-17", "Statement": draw(st.lists(kinds, min_size=1, max_size=5))}


@st.composite
def _taken_statements(draw: st.DrawFn, partition: str) -> Statement:
    resource = draw(st.sampled_from([found for found in _foreign_resources(partition) if found]))
    statement = draw(policies.unmanaged_statements(partition))
    # There are no others than those of ECR: policy_text.OF_REGISTRY.
    action = "ecr:*" if statement["Action"] == "*" else statement["Action"]
    return {**statement, "Action": action, "Resource": resource}


# --- merges ---


@dataclass(frozen=True)
class RegistryCase:
    """The policy of a registry, and what is asked of it."""

    partition: str
    policy: Any
    grants: tuple[Grant, ...]
    purge: bool

    @property
    def managed(self) -> RegistryStatements:
        return RegistryStatements(self.partition, region_of(self.partition), REGISTRY_ID)

    def equal(self, first: Any, second: Any) -> bool:
        return PolicyComparison(self.partition).equal(first, second)

    def share(self, policy: Any, *, purge_grants: bool | None = None, revoke_unmanaged: bool = False) -> Merged:
        return share(
            policy,
            self.grants,
            managed=self.managed,
            registry_id=REGISTRY_ID,
            purge_grants=self.purge if purge_grants is None else purge_grants,
            revoke_unmanaged=revoke_unmanaged,
        )

    def unshare(self, policy: Any, *, narrowed: bool = False, revoke_unmanaged: bool = False) -> Merged:
        """Take out the principals: of all statements, or narrowed to the patterns of their grants."""
        grants = self.grants if narrowed else tuple(replace(grant, repositories=None) for grant in self.grants)
        planner = RegistryPlanner(to_share("registry policy", grants=grants, sharing=False), InMemory({}))
        return unshare(
            policy,
            [grant.principal for grant in grants],
            managed=self.managed,
            leaves=planner.leaves,
            revoke_unmanaged=revoke_unmanaged,
        )


@st.composite
def grants(draw: st.DrawFn, partition: str = "aws") -> dict[str, Any]:
    """A valid grant for one principal, for some patterns, or for none, which is for all."""
    grant = draw(policies.grants(partition))
    patterns = draw(st.none() | st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=2, unique=True))
    return {"principals": grant["principals"], "access": grant["access"] or ["pull"], "repositories": patterns}


@st.composite
def cases(draw: st.DrawFn, *, managed_alone: bool = False) -> RegistryCase:
    """A policy, and grants. managed_alone: whether it has no statement of anybody else."""
    partition = draw(st.sampled_from(policies.PARTITIONS))
    declared = read_grants(
        draw(st.lists(grants(partition), min_size=1, max_size=4)),
        partition=partition,
        sharing=True,
        partition_of_region=lambda _region: partition,
    )
    kind = managed_policies(partition) if managed_alone else registry_policies(partition)
    case = RegistryCase(partition, draw(st.none() | kind), declared, draw(st.booleans()))
    if draw(st.booleans()):
        return case
    # The same principals have something already, for these patterns or others.
    several = st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=4, unique=True)
    earlier = [replace(grant, repositories=tuple(draw(several))) for grant in declared if draw(st.booleans())]
    return replace(case, policy=replace(case, grants=tuple(earlier)).share(case.policy).policy)


# --- access ---


@cache
def requesters(partition: str) -> tuple[Requester, ...]:
    """Everybody of tests/support/policies.py, but of Lambda the functions of one name in one region of each account."""
    of_one = f":{region_of(partition)}:", policies.FUNCTIONS[0]

    def is_wanted(requester: Requester) -> bool:
        source = str(requester.context.get("aws:SourceArn", ""))
        return requester.principal != "lambda.amazonaws.com" or all(part in source for part in of_one)

    return tuple(filter(is_wanted, policies.requesters(partition)))


@st.composite
def repository_names(draw: st.DrawFn, case: RegistryCase) -> list[str]:
    """Two names that are matched by patterns of the grants or of others, and one that few match."""
    own = [pattern for grant in case.grants for pattern in grant.repositories or ()]
    patterns = st.sampled_from(own) | st.sampled_from(PATTERNS) if own else st.sampled_from(PATTERNS)
    names = [draw(st.sampled_from(names_of(draw(patterns)))) for _number in range(2)]
    return list(dict.fromkeys([*names, "other-123"]))


def access(policy: Any, partition: str, names: Iterable[str]) -> list[tuple[Requester, str, frozenset[str]]]:
    """Who may do what in which repository."""
    return [
        (requester, name, effective_actions(policy, requester, ACTIONS, arn(partition, name)))
        for requester in requesters(partition)
        for name in names
    ]
