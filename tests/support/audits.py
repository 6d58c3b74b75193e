# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reports on made-up registries that could be a company's: the same for the same numbers.

A policy grows statement by statement, and with each statement the shares that whoever reads it would tell of.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, islice
from random import Random
from typing import Any

from ansible_collections.imageshare.aws.plugins.module_utils._iam.arns import functions_arn
from ansible_collections.imageshare.aws.plugins.module_utils._iam.principals import Principal, PrincipalType
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.grants import Access
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.managed_statements import (
    ACTIONS,
    LAMBDA,
    LAMBDA_ACTIONS,
    PULL_PUSH_ACTIONS,
    PUSH_ACTIONS,
    TEMPLATES,
    new_statement,
    slot_value,
)

LONGEST_POLICY = 10_240
_PARTITION = "aws"
_REGISTRIES = (("123456789012", "us-east-1"), ("123456789012", "eu-west-1"), ("210987654321", "us-east-1"))
_NAMES = tuple(
    f"{part}/{name}"
    for part, names in {
        "base": "alpine debian distroless go java node python ruby rust ubuntu",
        "billing": "invoices ledger payments refunds tax",
        "data": "airflow dbt feature-store ingest notebooks spark warehouse-loader",
        "edge": "cdn-purge image-resizer router waf-sync",
        "ml": "embeddings ranking recommender serving training",
        "platform": "argocd cert-manager fluent-bit ingress metrics otel-collector vault-agent",
        "services": "accounts cart catalogue checkout inventory mailer orders search shipping",
        "tools": "ci-runner linter migrate release-bot scanner",
    }.items()
    for name in names.split()
)
_ORGANIZATION = "o-a1b2c3d4e5"
_ROLES = ("ci", "deploy", "eks-nodes", "release", "scanner", "batch", "ecs-execution", "developer")
_ORPHAN = "AROAEXAMPLE7DELETED42"
_PUSH_ACTION = "ecr:PutImage"
# Pulling is what most principals do.
_ACCESS = (Access.PULL, Access.PULL, Access.PULL, Access.PUSH, Access.PULL_PUSH)


@dataclass
class _Policy:
    account: str
    region: str
    statements: list[dict[str, Any]] = field(default_factory=list)
    shares: list[dict[str, Any]] = field(default_factory=list)
    # To everyone, for certain.
    denied: set[str] = field(default_factory=set)

    def add(self, statement: dict[str, Any]) -> dict[str, Any]:
        """How a share names the statement."""
        self.statements.append(statement)
        return {"position": len(self.statements), "sid": statement.get("Sid")}

    def share(self, principal: str, kind: str, access: str, *through: dict[str, Any], **more: Any) -> None:
        self.shares.append(
            {
                "principal": principal,
                "kind": kind,
                "access": access,
                "actions": [],
                "lambda_regions": [],
                "conditions": [],
                "statements": list(through),
                "denied_by": [],
                "managed": False,
                **more,
            }
        )

    def told(self) -> list[dict[str, Any]]:
        """The shares with what each lets its principal do."""
        return [{**share, **self._can(share)} for share in self.shares]

    def _can(self, share: dict[str, Any]) -> dict[str, bool]:
        left = {*(share["actions"] or ACTIONS[Access(share["access"])])} - self.denied
        return {"can_pull": left.issuperset(LAMBDA_ACTIONS), "can_push": _PUSH_ACTION in left}


def report(repositories: int = 1000, principals: int = 50, most_shares: int = 12, check: bool = True) -> dict[str, Any]:
    """The variable C(ecr_share_report). most_shares: of a repository, in managed statements."""
    random = Random(f"{repositories} {principals} {most_shares}")
    # The others are those of the foreign statements.
    known = tuple(islice(_principals(random), principals - 7))
    registries: list[dict[str, Any]] = [
        {"registry_id": account, "region": region, "partition": _PARTITION, "repositories": []}
        for account, region in _REGISTRIES
    ]
    for index in range(repositories):
        name = _NAMES[index % len(_NAMES)] + (f"-{index // len(_NAMES) + 1}" if index >= len(_NAMES) else "")
        registry = registries[index % 5 % 3]
        granted = random.sample(known, random.randint(1, min(len(known), most_shares)))
        row = _row(index, name, registry["registry_id"], registry["region"], granted, random)
        if check and index % 41 == 12:
            row["drift"] = {
                "granted": [{"principal": known[0].name, "access": ["pull"], "lambda_regions": []}],
                "revoked": [{"principal": known[2].name, "access": ["pull", "push"], "lambda_regions": ["us-east-1"]}],
            }
        registry["repositories"].append(row)
    return {"generated_at": "2026-11-20T06:30:00Z", "check": check, "registries": registries}


def _principals(random: Random) -> Iterator[Principal]:
    yield Principal(PrincipalType.ORGANIZATION, _ORGANIZATION)
    yield Principal(PrincipalType.ORGANIZATIONAL_UNIT, f"{_ORGANIZATION}/r-ab12/ou-ab12-11111111/*")
    for index in count():
        account = f"{random.randrange(10**12):012}"
        if index % 5 < 3:
            yield Principal(PrincipalType.ACCOUNT, account, account)
        else:
            yield Principal(
                PrincipalType.ROLE, f"arn:{_PARTITION}:iam::{account}:role/{random.choice(_ROLES)}", account
            )


def _row(index: int, name: str, account: str, region: str, granted: list[Principal], random: Random) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": name,
        "arn": f"arn:{_PARTITION}:ecr:{region}:{account}:repository/{name}",
        "uri": f"{account}.dkr.ecr.{region}.amazonaws.com/{name}",
        "registry_id": account,
        "region": region,
    }
    if index % 61 == 33:
        said = f"AccessDeniedException: User is not authorized to perform ecr:GetRepositoryPolicy on {name}."
        todo = "To do: allow the caller ecr:GetRepositoryPolicy on this repository."
        return {**row, "error": f"{name}: could not read the policy (GetRepositoryPolicy): {said} {todo}"}
    policy = _Policy(account, region)
    if index % 23 != 7:
        _add_managed(policy, granted, random)
    for every, rest, add in _FOREIGN:
        if index % every == rest:
            add(policy)
    document = {"Version": "2008-10-17", "Statement": policy.statements} if policy.statements else None
    length = len(json.dumps(document, indent=2)) if document else 0
    openings = [share for share in policy.shares if share["kind"] == "everyone" and not share["conditions"]]
    managed = {place["position"] for share in policy.shares if share["managed"] for place in share["statements"]}
    return {
        **row,
        "policy": document,
        "policy_length": length,
        "policy_room": max(0, LONGEST_POLICY - length),
        "shares": policy.told(),
        "public": bool(openings),
        "public_statements": [place for share in openings for place in share["statements"]],
        "deleted_principals": [share["principal"] for share in policy.shares if share["kind"] == "deleted"],
        "unmanaged_statements": [
            {"position": position, "sid": statement.get("Sid")}
            for position, statement in enumerate(policy.statements, 1)
            if position not in managed
        ],
    }


def _add_managed(policy: _Policy, granted: list[Principal], random: Random) -> None:
    access = {principal: random.choice(_ACCESS) for principal in granted}
    functions = {
        principal
        for principal in granted
        if principal.kind is PrincipalType.ACCOUNT and access[principal] is not Access.PUSH and random.random() < 0.3
    }
    through: dict[Principal, list[dict[str, Any]]] = {principal: [] for principal in granted}
    for template in TEMPLATES:
        if template.slot is LAMBDA:
            holders = [principal for principal in granted if principal in functions]
            values = [functions_arn(principal.name, policy.region, _PARTITION) for principal in holders]
        else:
            holders = [
                principal
                for principal in granted
                if principal.kind in template.slot.kinds and access[principal] is template.access
            ]
            values = [slot_value(principal, _PARTITION) for principal in holders]
        if holders:
            place = policy.add(new_statement(template, template.sid, values))
            for principal in holders:
                through[principal].append(place)
    for principal in granted:
        policy.share(
            principal.name,
            principal.kind.name.lower(),
            access[principal].value,
            *through[principal],
            lambda_regions=[policy.region] if principal in functions else [],
            managed=True,
        )


def _add_public(policy: _Policy) -> None:
    place = policy.add(
        {
            "Sid": "new statement",
            "Effect": "Allow",
            "Principal": "*",
            "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability"],
        }
    )
    policy.share("*", "everyone", "pull", place)


def _add_service(policy: _Policy) -> None:
    place = policy.add(
        {
            "Sid": "Code Build",
            "Effect": "Allow",
            "Principal": {"Service": "codebuild.amazonaws.com"},
            "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            "Condition": {"StringEquals": {"aws:SourceAccount": policy.account}},
        }
    )
    condition = {"operator": "StringEquals", "key": "aws:SourceAccount", "values": [policy.account]}
    policy.share(
        "codebuild.amazonaws.com",
        "service",
        "partial",
        place,
        actions=["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        conditions=[condition],
    )


def _add_administrator(policy: _Policy) -> None:
    administrator = f"arn:{_PARTITION}:iam::{policy.account}:role/platform-admin"
    place = policy.add({"Effect": "Allow", "Principal": {"AWS": administrator}, "Action": "ecr:*"})
    actions = sorted({*PULL_PUSH_ACTIONS, "ecr:DeleteRepository", "ecr:SetRepositoryPolicy"})
    policy.share(administrator, "role", "admin", place, actions=actions)


def _add_publisher(policy: _Policy) -> None:
    """An account that pulls is let push, and look, by a statement of its own."""
    pulling = (share for share in policy.shares if (share["kind"], share["access"]) == ("account", "pull"))
    if share := next(pulling, None):
        actions = sorted({*PUSH_ACTIONS, "ecr:DescribeImages"})
        principal = {"AWS": f"arn:{_PARTITION}:iam::{share['principal']}:root"}
        place = policy.add({"Sid": "Publisher", "Effect": "Allow", "Principal": principal, "Action": actions})
        policy.share(share["principal"], "account", "partial", place, actions=actions)


def _add_lister(policy: _Policy) -> None:
    lister = f"arn:{_PARTITION}:iam::{policy.account}:user/inventory"
    actions = ["ecr:DescribeImages", "ecr:ListImages"]
    place = policy.add({"Sid": "List", "Effect": "Allow", "Principal": {"AWS": lister}, "Action": actions})
    policy.share(lister, "user", "partial", place, actions=actions)


def _add_orphan(policy: _Policy) -> None:
    place = policy.add(
        {
            "Sid": "Old deploy role",
            "Effect": "Allow",
            "Principal": {"AWS": _ORPHAN},
            "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability"],
        }
    )
    policy.share(_ORPHAN, "deleted", "pull", place)


def _add_deny(policy: _Policy) -> None:
    """Nobody pushes; and only from one network."""
    push = policy.add({"Sid": "Frozen", "Effect": "Deny", "Principal": "*", "Action": [_PUSH_ACTION]})
    network = policy.add(
        {
            "Sid": "Only our network",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "ecr:*",
            "Condition": {"StringNotEquals": {"aws:SourceVpc": "vpc-0a1b2c3d"}},
        }
    )
    for share in policy.shares:
        pushes = share["access"] in ("push", "pull_push", "admin")
        share["denied_by"] = [
            *([{**push, "certain": share["access"] == "push"}] if pushes else []),
            {**network, "certain": False},
        ]
    policy.denied.add(_PUSH_ACTION)


def _add_length(policy: _Policy) -> None:
    """A list of networks that somebody keeps in the policy until it is almost full."""
    room = LONGEST_POLICY - 900 - len(json.dumps(policy.statements, indent=2))
    networks = [f"vpc-{number:017x}" for number in range(room // 42)]
    policy.add(
        {
            "Sid": "Networks",
            "Effect": "Deny",
            "Principal": {"AWS": f"arn:{_PARTITION}:iam::{policy.account}:role/retired"},
            "Action": "ecr:*",
            "Condition": {"StringNotEquals": {"aws:SourceVpc": networks}},
        }
    )


# The repositories that have such a statement: every so many, from which on.
_FOREIGN = (
    (29, 11, _add_public),
    (4, 2, _add_service),
    (9, 1, _add_administrator),
    (7, 3, _add_publisher),
    (6, 5, _add_lister),
    (19, 6, _add_orphan),
    (27, 4, _add_deny),
    (37, 20, _add_length),
)
