# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the collection says of policies, against an independent engine: @cloud-copilot/iam-simulate, run in Node.js.

Thousands of points, each a policy, a requester with all that is known of the request, and an action.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._evaluation.actions import REPOSITORY_ACTIONS
from ansible_collections.imageshare.aws.plugins.module_utils._evaluation.evaluator import PolicyEvaluator
from ansible_collections.imageshare.aws.plugins.module_utils._evaluation.request_context import RequestContext
from ansible_collections.imageshare.aws.plugins.module_utils._iam.conditions import ABSENT, Applies, KnownKey
from ansible_collections.imageshare.aws.plugins.module_utils._iam.principals import (
    Principal,
    PrincipalType,
    read_principal,
)
from ansible_collections.imageshare.aws.tests.support.builders import all_but, allow
from ansible_collections.imageshare.aws.tests.support.builders import policy as policy_of
from ansible_collections.imageshare.aws.tests.support.evaluator import Request, is_allowed
from ansible_collections.imageshare.aws.tests.support.policies import ACTIONS, REGISTRY_ID, requesters
from ansible_collections.imageshare.aws.tests.support.wild_policies import strange_requesters, wild_policy

ROOT = Path(__file__).resolve().parents[2]
UNAVAILABLE = 69
# The last of the policies have statements for some repositories.
POLICIES, LIMITED, POINTS_EACH = 2000, 500, 4
REPOSITORY = f"arn:aws:ecr:us-east-1:{REGISTRY_ID}:repository/base/app"
RESOURCES: tuple[Any, ...] = (
    "*",
    REPOSITORY,
    f"arn:aws:ecr:*:{REGISTRY_ID}:repository/b*p",
    f"{REPOSITORY[:-1]}?",
    f"{REPOSITORY}?",
    f"arn:aws:ecr:eu-west-1:{REGISTRY_ID}:repository/*",
    ["arn:aws:s3:::base", f"{REPOSITORY[:-4]}/*"],
)


@dataclass(frozen=True)
class Point:
    policy: Any
    principal: str
    action: str
    context: Mapping[str, Any]


def points() -> list[Point]:
    random = Random("the same points each time")
    everybody = [
        found
        for found in (*requesters(), *strange_requesters())
        # In its own account, an identity needs no policy of the repository; the engine knows that.
        if f"::{REGISTRY_ID}:" not in found.principal
    ]
    found = []
    for number in range(POLICIES):
        policy = wild_policy(random)
        if number >= POLICIES - LIMITED:
            policy = limited(policy, random)
        for requester in random.sample(everybody, POINTS_EACH):
            context = {**requester.context, "aws:ResourceAccount": REGISTRY_ID}
            found.append(Point(policy, requester.principal, random.choice(ACTIONS), context))
    # It is rare above that a Deny with NotPrincipal decides.
    session = next(one for one in everybody if ":assumed-role/" in one.principal)
    account = f"arn:aws:iam::{session.principal.split(':')[4]}:root"
    fenced = policy_of(allow(), all_but(account))
    return [*found, Point(fenced, session.principal, "ecr:BatchGetImage", session.context)]


def limited(policy: Any, random: Random) -> Any:
    """The policy, some statements of which are for some repositories."""
    members = [{}, {"Resource": random.choice(RESOURCES)}, {"NotResource": random.choice(RESOURCES)}]
    return {**policy, "Statement": [{**one, **random.choice(members)} for one in policy["Statement"]]}


def ours(point: Point) -> Applies:
    """Whether the statements allow the point, for a caller about whose request everything is known."""
    policy = PolicyEvaluator("aws", REGISTRY_ID).parse(point.policy, REPOSITORY)
    keys = {condition.key for numbered in policy.statements for condition in numbered.statement.conditions}
    known_keys = {key.lower(): ABSENT for key in keys} | {
        key.lower(): KnownKey(values if isinstance(values, str) else values[0]) for key, values in point.context.items()
    }
    principal = read_principal(point.principal, "aws") or Principal(PrincipalType.SERVICE, point.principal)
    context = RequestContext(principal, known_keys)
    verdicts = {"Allow": Applies.NO, "Deny": Applies.NO}
    for numbered in policy.effective_statements:
        if point.action in numbered.statement.actions:
            effect = "Deny" if numbered.statement.denies else "Allow"
            verdicts[effect] = max(verdicts[effect], policy.matcher.applies(numbered.statement, context))
    if verdicts["Allow"] is Applies.NO or verdicts["Deny"] is Applies.YES:
        return Applies.NO
    return Applies.YES if verdicts == {"Allow": Applies.YES, "Deny": Applies.NO} else Applies.CONDITIONALLY


def spared(statement: Mapping[str, Any], principal: str) -> bool:
    """Whether a Deny with NotPrincipal names a requester, its role or its account, be it only one of them."""
    if statement["Effect"] != "Deny" or "NotPrincipal" not in statement:
        return False
    account, name = (principal.split(":")[4], principal.split("/")[1]) if "/" in principal else ("", principal)
    names = [one for kind in statement["NotPrincipal"].values() for one in (kind if isinstance(kind, list) else [kind])]
    own = {principal, account, f"arn:aws:iam::{account}:root"}
    role = re.compile(rf"arn:aws:iam::{account}:role/(.+/)?{re.escape(name)}")
    return any(one in own or role.fullmatch(one) for one in names)


def replaced(policy: Any, old: str, new: str) -> Any:
    return json.loads(json.dumps(policy).replace(old, new))


# Where the engine differs from what AWS documents, and the policy that says what the engine takes a policy to say.
DIFFERENCES: dict[str, Callable[[Any, str], Any]] = {
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies-cross-account-resource-access.html
    "nobody is let in from another partition; the engine compares account ids alone": lambda policy, _principal: (
        replaced(policy, "arn:aws-cn:", "arn:aws:")
    ),
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html, "IP address
    # condition operators", which are CIDR blocks of RFC 4632
    "0.0.0.0/0 holds every address; for the engine it holds none": lambda policy, _principal: replaced(
        policy, "0.0.0.0/0", "255.255.255.255/32"
    ),
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
    "NotPrincipal spares those whose account, role and session are all named; for the engine one of them will do": (
        lambda policy, principal: {
            **policy,
            "Statement": [one for one in policy["Statement"] if not spared(one, principal)],
        }
    ),
}


def answered() -> tuple[list[tuple[Point, str]], frozenset[str]]:
    """The points, each with what the engine says, and the actions that AWS's reference has for a repository."""
    installed = subprocess.run([ROOT / "tools/iam-simulate.sh"], capture_output=True, text=True, check=False)
    if installed.returncode == UNAVAILABLE:
        pytest.skip(f"NOT COMPARED with the independent engine of IAM policies: {installed.stderr.strip()}")
    assert installed.returncode == 0, installed.stderr
    asked = points()
    request = {
        "account": REGISTRY_ID,
        "resource": REPOSITORY,
        "points": [vars(point) for point in asked],
    }
    script = ROOT / "build/iam-simulate/points.mjs"
    run = subprocess.run(["node", script], input=json.dumps(request), capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    return list(zip(asked, result["answers"], strict=True)), frozenset(result["actions"])


def test_the_collection_and_the_engine_agree_but_for_what_aws_documents() -> None:
    told: Counter[str] = Counter()
    unexplained: list[tuple[str, str, Point]] = []
    answers, actions = answered()
    for point, answer in answers:
        verdict = ours(point)
        allowed = answer in ("Allowed", "AllowedForAccount")
        assert allowed or answer.endswith(("Denied", "DeniedForAccount")), answer
        told[verdict.name] += 1
        if verdict is not Applies.CONDITIONALLY and (verdict is Applies.YES) is not allowed:
            policy = point.policy
            for sentence, engines_reading in DIFFERENCES.items():
                read = engines_reading(policy, point.principal)
                told[sentence] += read != policy
                policy = read
            if is_allowed(policy, Request(point.principal, point.action, point.context), REPOSITORY) is not allowed:
                unexplained.append((verdict.name, answer, point))
    assert unexplained == []
    # A difference that is gone is taken out of the table.
    assert all(told[sentence] for sentence in DIFFERENCES)
    # The comparison is of weight: many points are allowed, and few are undefined by AWS's pages and so not decided.
    assert told["YES"] > 1000
    assert told["NO"] > 3000
    assert told["CONDITIONALLY"] < 150
    # The engine has AWS's reference. CreateRepository is asked for before there is a repository with a policy.
    assert actions == REPOSITORY_ACTIONS | {"ecr:CreateRepository"}


def test_the_tests_own_evaluator_says_what_the_collection_does() -> None:
    for point in points():
        verdict = ours(point)
        if verdict is not Applies.CONDITIONALLY:
            allowed = is_allowed(point.policy, Request(point.principal, point.action, point.context), REPOSITORY)
            assert allowed is (verdict is Applies.YES)
