# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policies that use the whole language of IAM, in the small universe of ``policies.py``.

A generator takes a ``random.Random``: Hypothesis brings one, and a test that needs thousands of policies another.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from ansible_collections.imageshare.aws.tests.support.evaluator import Requester
from ansible_collections.imageshare.aws.tests.support.policies import (
    ACCOUNTS,
    FUNCTIONS,
    ORGANIZATIONS,
    OU_PATHS,
    PULL,
    REGISTRY_ID,
    STRANGER,
    UPLOAD,
    Policy,
    Statement,
    ordinary_values,
    strange_values,
    universe,
)

OWN_ORGANIZATION = "o-strangersown"
LAMBDA, BUILDS = "lambda.amazonaws.com", "codebuild.amazonaws.com"

_ACTIONS: tuple[Any, ...] = (
    "*",
    "ecr:*",
    "ecr:Batch*",
    "ecr:*Image",
    "ECR:?utImage",
    ["ecr:Get*", "ecr:BatchGetImage"],
    [*PULL, "ecr:DeleteRepository"],
    ["ecr:GetAuthorizationToken"],
    ["ecr:SetRepositoryPolicy", "ecr:DeleteRepositoryPolicy", "s3:GetObject"],
    ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
    [action.lower() for action in PULL],
    [*PULL, *UPLOAD],
    list(UPLOAD),
)
_STRINGS = ("StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase")
_ARNS = ("ArnLike", "ArnNotLike", "ArnEquals", "ArnNotEquals", "StringLike", "StringNotLike", "StringEquals")


def wild_policy(random: Random, partition: str = "aws") -> Policy:
    """A policy of up to five statements, two in three of them an Allow."""
    count = random.choice((1, 2, 2, 3, 4, 5))
    return {"Version": "2012-10-17", "Statement": [wild_statement(random, partition) for _number in range(count)]}


def wild_statement(random: Random, partition: str = "aws") -> Statement:
    statement: Statement = {"Effect": random.choice(("Allow", "Allow", "Deny"))}
    negated = random.random() < 0.08
    statement["NotPrincipal" if negated else "Principal"] = _principal(random, partition, named=negated)
    statement["NotAction" if random.random() < 0.1 else "Action"] = random.choice(_ACTIONS)
    blocks: dict[str, dict[str, Any]] = {}
    for _number in range(random.choice((0, 0, 1, 1, 1, 2, 3))):
        operator, key, values = _condition(random, partition)
        blocks.setdefault(operator, {})[key] = values[0] if len(values) == 1 and random.random() < 0.7 else values
    return {**statement, "Condition": blocks} if blocks else statement


def strange_requesters(partition: str = "aws") -> list[Requester]:
    """Everybody whom no policy here names: alone, in an organization of their own, and their functions."""
    world, own = universe(partition), f"{OWN_ORGANIZATION}/r-xy12/ou-xy12-77777777/"
    found = []
    for role in ("ci", "deploy", "unnamed"):
        for member in ({}, {"aws:PrincipalOrgID": OWN_ORGANIZATION, "aws:PrincipalOrgPaths": [own]}):
            context: dict[str, str | Sequence[str]] = {
                "aws:PrincipalArn": world.iam(STRANGER, f"role/{role}"),
                "aws:PrincipalAccount": STRANGER,
                "aws:PrincipalIsAWSService": "false",
                "aws:SecureTransport": "true",
                "aws:SourceIp": "192.0.2.1",
                **member,
            }
            found.append(Requester(world.session(STRANGER, role, "work"), context))
    for region in world.regions:
        for name in (*FUNCTIONS, "else"):
            context = {
                "aws:SourceArn": world.function(region, STRANGER, f"function:{name}"),
                "aws:SourceAccount": STRANGER,
                # It is in every request. The account of a service is one that no policy names.
                "aws:PrincipalAccount": "999999999999",
                "aws:PrincipalIsAWSService": "true",
                "aws:SecureTransport": "true",
            }
            found.append(Requester(LAMBDA, context))
    return found


def _principal(random: Random, partition: str, *, named: bool) -> Any:
    identities = [*ordinary_values("identity", partition), *strange_values("identity", partition)]
    some = random.sample(identities, random.choice((1, 1, 2, 3)))
    kind = random.choice(("AWS", "AWS", "Service", "both") if named else ("*", "*", "AWS", "AWS", "Service", "both"))
    if kind == "*":
        return random.choice(("*", {"AWS": "*"}, {"AWS": ["*"]}, {"AWS": [*some, "*"]}))
    services = random.choice((LAMBDA, [LAMBDA], LAMBDA, BUILDS, [LAMBDA, BUILDS]))
    parts = {"AWS": some[0] if len(some) == 1 else some, "Service": services}
    return parts if kind == "both" else {kind: parts[kind]}


def _condition(random: Random, partition: str) -> tuple[str, str, list[Any]]:
    world = universe(partition)
    account = random.choice((*ACCOUNTS, STRANGER))
    arns = [
        *world.roles,
        *world.users,
        world.iam("*", "role/*"),
        world.iam(account, "*"),
        "*",
        f"arn:*:iam::{account}:*",
    ]
    sources = [*ordinary_values("lambda", partition), *strange_values("lambda", partition)]
    accounts = [*ACCOUNTS, STRANGER, "1*", "????????????", f"{account[:6]}*"]
    choices: tuple[tuple[Sequence[str], str, Sequence[Any]], ...] = (
        (_STRINGS, "aws:PrincipalOrgID", [*ORGANIZATIONS, "o-*", "*", ORGANIZATIONS[0].upper()]),
        (_STRINGS, "aws:PrincipalOrgPaths", [*OU_PATHS, *strange_values("organizational_unit", partition)]),
        (_ARNS, "aws:PrincipalArn", arns),
        (_STRINGS, "aws:PrincipalAccount", accounts),
        (_ARNS, "aws:SourceArn", sources),
        (_STRINGS, "aws:SourceAccount", accounts),
        (_STRINGS, "aws:PrincipalTag/team", ["platform", "data", "*"]),
        (_STRINGS, "aws:ResourceAccount", [REGISTRY_ID, *ACCOUNTS[1:]]),
        (("Bool",), "aws:SecureTransport", ["true", "false", True, False]),
        (("Bool",), "aws:PrincipalIsAWSService", ["true", "false", True]),
        (("IpAddress", "NotIpAddress"), "aws:SourceIp", ["203.0.113.0/24", "198.51.100.0/24", "0.0.0.0/0"]),
        (("Null",), "aws:PrincipalOrgID", ["true", "false"]),
        (("Null",), "aws:SourceArn", ["true", "false", True]),
    )
    operators, key, values = random.choice(choices)
    operator = random.choice(operators)
    if operator != "Null":
        quantifiers = (
            ("", "ForAnyValue:", "ForAllValues:") if key.endswith("OrgPaths") else ("", "", "", "", "ForAnyValue:")
        )
        operator = f"{random.choice(quantifiers)}{operator}{random.choice(('', '', '', 'IfExists'))}"
    spelt = random.choice((str, str, str, str.lower, str.upper))
    return spelt(operator), random.choice((key, key, key.lower())), random.sample(values, random.choice((1, 1, 2)))
