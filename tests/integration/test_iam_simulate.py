# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the collection says of policies, against an independent engine: @cloud-copilot/iam-simulate, run in Node.js.

Thousands of points, each a policy, a requester with all that is known of the request, and an action; and thousands of
claims: who gets what, and that nobody else does. To run them over the code of another checkout and to count by kind:
``python tests/support/iam_simulate/compare.py``.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._iam.comparisons import Applies
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.ecr_actions import REPOSITORY_ACTIONS
from ansible_collections.imageshare.aws.tests.support.conditioned_policies import ALL_KINDS, REPOSITORY
from ansible_collections.imageshare.aws.tests.support.evaluator import Request, UnsupportedCondition, is_allowed
from ansible_collections.imageshare.aws.tests.support.iam_claims import (
    CLAIMS,
    DEFEATED,
    DENIED,
    DIFFERENCES,
    NOT_PUBLIC,
    NOT_SHARED,
    PUBLIC,
    SCOPED,
    SHARED,
    UNSCOPED,
    Answers,
    Claim,
    Disagreement,
    Point,
    Unavailable,
    allowed,
    ask,
    claims,
    disagreements,
    engines_reading,
    evaluator_of_all,
    is_undefined,
    points,
    verdict,
)

# Of each claim: how often it is made at least, so that the comparison is of weight.
LEAST = {
    PUBLIC: 300,
    NOT_PUBLIC: 700,
    UNSCOPED: 60,
    SCOPED: 400,
    SHARED: 2000,
    DEFEATED: 80,
    DENIED: 200,
    NOT_SHARED: 6000,
}
# So many policies at most, of those that are said to be open, are closed by Deny statements that are not certain.
MOST_OVERSTATED = 25


@dataclass(frozen=True)
class Compared:
    """All points and claims, what the collection says of the points, and what the engine says of both."""

    points: list[Point]
    verdicts: list[Applies]
    claims: list[Claim]
    answers: Answers
    disagreements: list[Disagreement]


@pytest.fixture(scope="module")
def compared() -> Compared:
    """The comparison, made once."""
    evaluator = evaluator_of_all()
    asked = points()
    verdicts = [verdict(point, evaluator) for point in asked]
    claimed = claims(evaluator)
    try:
        answers = ask(asked, claimed)
    except Unavailable as error:
        pytest.skip(f"NOT COMPARED with the independent engine of IAM policies: {error}")
    return Compared(asked, verdicts, claimed, answers, list(disagreements(verdicts, asked, claimed, answers)))


def test_the_collection_and_the_engine_agree_on_points_but_for_what_aws_documents(compared: Compared) -> None:
    contradicted = [one for one in compared.disagreements if one.what.startswith("point") and not one.explained_by]
    assert "\n".join(map(str, contradicted)) == ""
    # The comparison is of weight: many points are allowed, and few are undefined by AWS's pages and so not decided.
    told = Counter(said.name for said in compared.verdicts)
    assert told["YES"] > 4000
    assert told["NO"] > 15000
    assert told["CONDITIONALLY"] < 500


@pytest.mark.parametrize("name", CLAIMS)
def test_what_is_said_of_a_policy_is_so_for_the_engine(name: str, compared: Compared) -> None:
    contradicted = [one for one in compared.disagreements if one.what == name and not one.explained_by]
    assert "\n".join(str(one) for one in contradicted if not one.overstated) == ""
    assert len(contradicted) <= MOST_OVERSTATED
    assert sum(claim.name == name for claim in compared.claims) >= LEAST[name]


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_points_and_claims_reach_every_kind_of_condition(kind: str, compared: Compared) -> None:
    decided = Counter(
        said for said, point in zip(compared.verdicts, compared.points, strict=True) if kind in point.kinds
    )
    claimed = Counter(claim.expected for claim in compared.claims if kind in claim.kinds)
    assert decided[Applies.YES] >= 50
    assert decided[Applies.NO] >= 300
    assert claimed[True] >= 50
    assert claimed[False] >= 200


def test_every_difference_in_the_table_is_met(compared: Compared) -> None:
    # One that is gone is taken out of the table.
    assert {one for each in compared.disagreements for one in each.explained_by} == DIFFERENCES.keys()


def test_the_engine_has_the_actions_of_a_repository_that_the_collection_has(compared: Compared) -> None:
    # The engine has AWS's reference. CreateRepository is asked for before there is a repository with a policy.
    assert compared.answers.actions == REPOSITORY_ACTIONS | {"ecr:CreateRepository"}


def test_the_tests_own_evaluator_says_what_the_collection_does(compared: Compared) -> None:
    different, decided = [], 0
    for point, said in zip(compared.points, compared.verdicts, strict=True):
        if said is not Applies.CONDITIONALLY:
            try:
                own = is_allowed(point.policy, Request(point.principal, point.action, point.context), REPOSITORY)
            except UnsupportedCondition:
                continue
            decided += 1
            if own is not (said is Applies.YES):
                different.append(point)
    assert different == []
    assert decided > 19000


def test_the_tests_own_evaluator_says_what_the_engine_does_but_for_what_aws_documents(compared: Compared) -> None:
    different, decided = [], 0
    for point, answer in zip(compared.points, compared.answers.points, strict=True):
        if is_undefined(point.policy):
            continue
        policy, _differences = engines_reading(point.policy, point.principal)
        try:
            own = is_allowed(policy, Request(point.principal, point.action, point.context), REPOSITORY)
        except UnsupportedCondition:
            continue
        decided += 1
        if own is not allowed(answer):
            different.append(point)
    assert different == []
    assert decided > 19000
