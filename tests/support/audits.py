# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reports on made-up registries: small ones by hand, and one that could be a company's, the same for the same numbers.

Of the latter only the policies are made up. They are shared, audited and reported on by the collection's own functions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import count, islice
from random import Random
from typing import Any

from ansible_collections.imageshare.aws.plugins.module_utils._evaluation.evaluator import (
    PolicyEvaluator,
    RegistryPolicy,
)
from ansible_collections.imageshare.aws.plugins.module_utils._iam.arns import repository_arn
from ansible_collections.imageshare.aws.plugins.module_utils._iam.document import MAX_LENGTH, serialise
from ansible_collections.imageshare.aws.plugins.module_utils._iam.principals import Principal, PrincipalType
from ansible_collections.imageshare.aws.plugins.module_utils._role import report as reports
from ansible_collections.imageshare.aws.plugins.module_utils._runs.findings import findings, registry_findings
from ansible_collections.imageshare.aws.plugins.module_utils._sharing import merge
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.grants import Grant
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.managed_statements import ManagedStatements

Statement = dict[str, Any]

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
_DELETED = "AROAEXAMPLE7DELETED42"
# Pulling is what most principals do.
_ACCESS = tuple(
    frozenset(access.split())
    for access in ("pull", "pull", "pull", "pull describe", "push", "pull push", "pull push describe")
)
# Whose replication may put images into the first registry, and where.
_REPLICATING, _MIRROR = "333344445555", "base/*"
_PULL_ACTIONS = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability"]


def statement(position: int, sid: str | None = None, policy: str = "repository", **more: Any) -> dict[str, Any]:
    """Return what names a statement. more: C(written_by), or what a Deny does."""
    return {"policy": policy, "position": position, "sid": sid, **more}


def deny(position: int, *denies: str, sid: str | None = None, certain: bool = True, **more: Any) -> dict[str, Any]:
    """Return what names a statement that denies a share, or may if it is not certain. denies: what of the share."""
    return statement(position, sid, denies=list(denies), certain=certain, **more)


def share(principal: str, principal_type: str, access: str, *positions: int, **more: Any) -> dict[str, Any]:
    """Return a share as an audit has it, which can pull and push if its access says so.

    Args:
        principal: Whose it is.
        principal_type: Its type.
        access: The capabilities, C(admin) and C(replicate), with spaces between.
        positions: Those of its statements, in the policy of the repository.
        more: Other members.
    """
    return {
        "principal": principal,
        "principal_type": principal_type,
        "access": access.split(),
        "other_actions": [],
        "can_pull": "pull" in access,
        "can_push": "push" in access,
        "lambda_regions": [],
        "conditions": [],
        "statements": [statement(position, f"Statement{position}") for position in positions],
        "denied_by": [],
        "managed": False,
        **more,
    }


def repository(name: str, *shares: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return the row of a repository as an audit has it."""
    return {
        "name": name,
        "arn": f"arn:aws:ecr:us-east-1:123456789012:repository/{name}",
        "uri": f"123456789012.dkr.ecr.us-east-1.amazonaws.com/{name}",
        "registry_id": "123456789012",
        "region": "us-east-1",
        "policy_length": 500,
        "shares": list(shares),
        "public": False,
        "public_statements": [],
        "unscoped_service": False,
        "unscoped_service_statements": [],
        "registry_policy_read": True,
        "deleted_principals": [],
        "unmanaged_statements": [],
        **more,
    }


def registry_policy(*shares: dict[str, Any], error: str | None = None, **more: Any) -> dict[str, Any]:
    """Return the policy of a registry as an audit has it.

    Args:
        shares: Its shares; none if there is no policy.
        error: Why it could not be read.
        more: Other members.
    """
    return {
        "read": error is None,
        "error": error,
        "error_code": error and "AccessDeniedException",
        "scope": None if error else "V2",
        "policy_length": None if error else 300 * len(shares),
        "public": False,
        "public_statements": [],
        "unscoped_service": False,
        "unscoped_service_statements": [],
        "shares": list(shares),
        **more,
    }


def registry_share(
    principal: str, principal_type: str, access: str, position: int, *arns: str, **more: Any
) -> dict[str, Any]:
    """Return a share of a registry policy, for the repositories that these patterns of ARNs name; for all without."""
    where = [{"operator": "Resource", "key": "ARN", "values": list(arns)}] if arns else []
    named = {"statements": [statement(position, f"Registry{position}", "registry")]}
    return share(
        principal, principal_type, access, **{**named, **more, "conditions": [*where, *more.get("conditions", ())]}
    )


def audit(
    *rows: dict[str, Any],
    registry_id: str | None = "123456789012",
    region: str = "us-east-1",
    partition: str = "aws",
    policy: dict[str, Any] | None = None,
) -> reports.AuditAnswer:
    """Return what the audit of one registry returned. policy: that of the registry; none if it is left out."""
    answer = {
        "rows_as_text": json.dumps({"repositories": rows, "registry_policy": policy or registry_policy()}),
        "registry_id": registry_id,
        "region": region,
        "partition": partition,
    }
    return reports.AuditAnswer("these credentials", region, region, registry_id, answer)


def failed(error: str, region: str = "us-east-1") -> reports.AuditAnswer:
    """Return what an audit returned that could not list its repositories."""
    return reports.AuditAnswer("these credentials", region, region, None, {"msg": error})


def reported(*audits: reports.AuditAnswer, results: Sequence[dict[str, Any]] = (), compared: bool = True) -> str:
    """Return the report of one host as JSON."""
    return reports.report([reports.HostAudit("images", audits, results, compared)], "2026-11-20T06:30:00Z")


def report(repositories: int = 1000, principals: int = 50, most_shares: int = 12, compared: bool = True) -> str:
    """Return a report as JSON.

    Args:
        repositories: How many there are.
        principals: How many have access to some of them.
        most_shares: How many have access to one of them by managed statements, at most.
        compared: Whether some repositories differ from what is declared.
    """
    random = Random(f"{repositories} {principals} {most_shares}")
    # The others are those of the unmanaged statements and of the registry policy.
    known = tuple(islice(_principals(random), principals - 8))
    rows: dict[tuple[str, str], list[dict[str, Any]]] = {registry: [] for registry in _REGISTRIES}
    drift: dict[tuple[str, str], list[dict[str, Any]]] = {registry: [] for registry in _REGISTRIES}
    for index in range(repositories):
        name = _NAMES[index % len(_NAMES)] + (f"-{index // len(_NAMES) + 1}" if index >= len(_NAMES) else "")
        registry = _REGISTRIES[index % 5 % 3]
        granted = random.sample(known, random.randint(1, min(len(known), most_shares)))
        rows[registry].append(_row(index, name, *registry, granted, random))
        if compared and index % 41 == 12:
            drift[registry].append(_drift(name, known[0].name, known[2].name))
    return reported(
        *(
            audit(*found, registry_id=account, region=region, policy=policy)
            for ((account, region), found), policy in zip(rows.items(), _registry_policies(), strict=True)
        ),
        results=[_result(*registry, *found) for registry, found in drift.items()],
        compared=compared,
    )


def _registry_policies() -> Iterator[dict[str, Any]]:
    """Yield the policy of each registry: the last one could not be read."""
    for account, region in _REGISTRIES[:-1]:
        policy = _policy_of_registry(account, region)
        read = {"read": True, "error": None, "error_code": None}
        yield {**read, **registry_findings(policy, _evaluator(account)), "policy": policy.policy}
    said = "AccessDeniedException: User is not authorized to perform ecr:GetRegistryPolicy."
    yield registry_policy(error=f"could not read the registry policy (GetRegistryPolicy): {said}")


def _policy_of_registry(account: str, region: str) -> RegistryPolicy:
    """Return the policy of a registry: that of the first one is for a replication, and the others have none."""
    if (account, region) != _REGISTRIES[0]:
        return RegistryPolicy(None, None)
    principal = {"AWS": f"arn:{_PARTITION}:iam::{_REPLICATING}:root"}
    actions = ["ecr:CreateRepository", "ecr:ReplicateImage"]
    arn = repository_arn(_MIRROR, account, region, _PARTITION)
    replication = _statement("Replication from build", principal, actions, Resource=[arn])
    return RegistryPolicy({"Version": "2012-10-17", "Statement": [replication]}, "V2")


def _result(account: str, region: str, *rows: dict[str, Any]) -> dict[str, Any]:
    run = {"connection": "these credentials", "label": region, "region": region, "registry_id": account}
    return {**run, "repositories": list(rows), "error": None}


def _drift(name: str, missing: str, undeclared: str) -> dict[str, Any]:
    return {
        "name": name,
        "changed": True,
        "granted": [{"principal": missing, "access": ["pull"], "lambda_regions": []}],
        "revoked": [{"principal": undeclared, "access": ["pull", "push"], "lambda_regions": ["us-east-1"]}],
    }


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


def _row(
    index: int, name: str, account: str, region: str, granted: Sequence[Principal], random: Random
) -> dict[str, Any]:
    if index % 61 == 33:
        said = f"AccessDeniedException: User is not authorized to perform ecr:GetRepositoryPolicy on {name}."
        error = f"{name}: could not read the policy (GetRepositoryPolicy): {said}"
        return {"name": name, "error": error, "error_code": "AccessDeniedException"}
    arn = repository_arn(name, account, region, _PARTITION)
    grants = () if index % 23 == 7 else tuple(_grant(principal, region, random) for principal in granted)
    managed = ManagedStatements(_PARTITION, arn)
    policy = merge.share(None, grants, managed=managed, registry_id=account).policy if grants else None
    statements = [] if policy is None else list(policy["Statement"])
    for every, rest, add in _UNMANAGED:
        if index % every == rest:
            statements += add(account, grants, statements)
    document = {"Version": "2008-10-17", "Statement": statements} if statements else None
    of_registry = None if (account, region) == _REGISTRIES[-1] else _policy_of_registry(account, region)
    return {
        "name": name,
        "arn": arn,
        "uri": f"{account}.dkr.ecr.{region}.amazonaws.com/{name}",
        "registry_id": account,
        "region": region,
        "policy": document,
        **findings(document, _evaluator(account), resource=arn, registry_policy=of_registry),
    }


@cache
def _evaluator(account: str) -> PolicyEvaluator:
    return PolicyEvaluator(_PARTITION, account)


def _grant(principal: Principal, region: str, random: Random) -> Grant:
    access = random.choice(_ACCESS)
    functions = principal.kind is PrincipalType.ACCOUNT and "pull" in access and random.random() < 0.3
    return Grant(principal, access, lambda_regions=(region,) if functions else ())


def _statement(sid: str | None, principal: Any, actions: str | Sequence[str], **more: Any) -> Statement:
    named = {} if sid is None else {"Sid": sid}
    return {**named, "Effect": "Allow", "Principal": principal, "Action": actions, **more}


def _public(_account: str, _grants: Sequence[Grant], _statements: Sequence[Statement]) -> list[Statement]:
    return [_statement("new statement", "*", _PULL_ACTIONS)]


def _service(account: str, _grants: Sequence[Grant], _statements: Sequence[Statement]) -> list[Statement]:
    condition = {"StringEquals": {"aws:SourceAccount": account}}
    return [_statement("Code Build", {"Service": "codebuild.amazonaws.com"}, _PULL_ACTIONS[:2], Condition=condition)]


def _any_builds(_account: str, _grants: Sequence[Grant], _statements: Sequence[Statement]) -> list[Statement]:
    """The same service, for whichever account it builds."""
    return [_statement("Code Build for all", {"Service": "codebuild.amazonaws.com"}, _PULL_ACTIONS[:2])]


def _written_by_lambda(account: str, _grants: Sequence[Grant], _statements: Sequence[Statement]) -> list[Statement]:
    """What Lambda writes: https://docs.aws.amazon.com/lambda/latest/dg/images-create.html#gettingstarted-images-permissions"""
    actions = [*_PULL_ACTIONS[:2], "ecr:SetRepositoryPolicy", "ecr:DeleteRepositoryPolicy", "ecr:GetRepositoryPolicy"]
    condition = {"StringLike": {"aws:sourceArn": f"arn:{_PARTITION}:lambda:us-east-1:{account}:function:*"}}
    service = {"Service": "lambda.amazonaws.com"}
    return [_statement("LambdaECRImageRetrievalPolicy", service, actions, Condition=condition)]


def _administrator(account: str, _grants: Sequence[Grant], _statements: Sequence[Statement]) -> list[Statement]:
    return [_statement(None, {"AWS": f"arn:{_PARTITION}:iam::{account}:role/platform-admin"}, "ecr:*")]


def _publisher(_account: str, grants: Sequence[Grant], _statements: Sequence[Statement]) -> list[Statement]:
    """An account that pulls may push and scan by a statement of its own."""
    accounts = [grant.principal.name for grant in grants if grant.principal.kind is PrincipalType.ACCOUNT]
    actions = ["ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart"]
    return [
        _statement("Publisher", {"AWS": f"arn:{_PARTITION}:iam::{account}:root"}, [*actions, "ecr:StartImageScan"])
        for account in accounts[:1]
    ]


def _lister(account: str, _grants: Sequence[Grant], _statements: Sequence[Statement]) -> list[Statement]:
    principal = {"AWS": f"arn:{_PARTITION}:iam::{account}:user/inventory"}
    return [_statement("List", principal, ["ecr:DescribeImages", "ecr:ListImages"])]


def _deleted(_account: str, _grants: Sequence[Grant], _statements: Sequence[Statement]) -> list[Statement]:
    return [_statement("Old deploy role", {"AWS": _DELETED}, _PULL_ACTIONS)]


def _denials(_account: str, _grants: Sequence[Grant], _statements: Sequence[Statement]) -> list[Statement]:
    """Nobody pushes; and only from one network."""
    network = {"StringNotEquals": {"aws:SourceVpc": "vpc-0a1b2c3d"}}
    return [
        {**_statement("Frozen", "*", ["ecr:PutImage"]), "Effect": "Deny"},
        {**_statement("Only our network", "*", "ecr:*", Condition=network), "Effect": "Deny"},
    ]


def _almost_full(account: str, _grants: Sequence[Grant], statements: Sequence[Statement]) -> list[Statement]:
    """A list of networks that somebody keeps in the policy until it is almost full."""
    room = MAX_LENGTH - 900 - len(serialise({"Statement": list(statements)}))
    networks = {"StringNotEquals": {"aws:SourceVpc": [f"vpc-{number:017x}" for number in range(room // 24)]}}
    principal = {"AWS": f"arn:{_PARTITION}:iam::{account}:role/retired"}
    return [{**_statement("Networks", principal, "ecr:*", Condition=networks), "Effect": "Deny"}]


# The repositories that have such statements: every so many, from which on.
_UNMANAGED: tuple[tuple[int, int, Callable[[str, Sequence[Grant], Sequence[Statement]], list[Statement]]], ...] = (
    (29, 11, _public),
    (4, 2, _service),
    (43, 8, _any_builds),
    (13, 9, _written_by_lambda),
    (9, 1, _administrator),
    (7, 3, _publisher),
    (6, 5, _lister),
    (19, 6, _deleted),
    (27, 4, _denials),
    (37, 20, _almost_full),
)
