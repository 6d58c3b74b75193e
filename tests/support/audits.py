# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reports on made-up registries: small ones by hand, and one that could be a company's, the same for the same numbers.

Of the latter only the policies are made up. They are shared, audited and reported on by the collection's own functions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from ansible_collections.imageshare.aws.plugins.module_utils._role.audited import AuditAnswer, HostAudit, audited
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
_HOSTS = {"123456789012": "images-prod", "210987654321": "images-sandbox"}
_CALLS = (
    "the-company",
    "sandboxes",
    "checkout-prod",
    "checkout-staging",
    "payments",
    "risk-prod",
    "risk-ci",
    "ledger",
    "search",
    "mobile",
    "data-lake",
    "partner-acme",
)
_DANGERS = ("public", "undeclared", "excess", "unscoped_service", "deleted_principal", "unread")
_NOT_LOOKED_AT = (
    "Policies of IAM in the accounts that pull.",
    "Resource and service control policies of the organization.",
    "Policies of VPC endpoints.",
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


def template(prefix: str, *shares: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return the row of a repository creation template as an audit has it."""
    row = repository("", *shares, applied_for=["CREATE_ON_PUSH"], **more)
    return {
        "prefix": prefix,
        **{member: value for member, value in row.items() if member not in ("name", "arn", "uri")},
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
    templates: Sequence[dict[str, Any]] | str | None = None,
) -> AuditAnswer:
    """Return what the audit of one registry returned.

    Args:
        rows: Its repositories.
        registry_id: The account that owns it.
        region: Its region.
        partition: Its partition.
        policy: That of the registry; none if it is left out.
        templates: Its templates, or why they could not be read; None where nobody asked for them.
    """
    found = {"repositories": rows, "registry_policy": policy or registry_policy()}
    answer = {
        "rows_as_text": json.dumps({**found, **({} if templates is None else of_templates(templates))}),
        "registry_id": registry_id,
        "region": region,
        "partition": partition,
    }
    return AuditAnswer("these credentials", region, region, registry_id, answer)


def of_templates(templates: Sequence[dict[str, Any]] | str) -> dict[str, Any]:
    """Return what an audit says of templates, or why it could not read them."""
    error = templates if isinstance(templates, str) else None
    read = {"read": error is None, "error": error, "error_code": error and "AccessDeniedException"}
    return {"templates": [] if isinstance(templates, str) else list(templates), "templates_read": read}


def failed(error: str, region: str = "us-east-1") -> AuditAnswer:
    """Return what an audit returned that could not list its repositories."""
    return AuditAnswer("these credentials", region, region, None, {"msg": error})


def finding(kind: str, principal: str | None = None, principal_type: str | None = None, **more: Any) -> dict[str, Any]:
    """Return a finding as a report has it: a certain one of the first registry, that nobody has accepted.

    Args:
        kind: What it is.
        principal: Whom it is about.
        principal_type: What that is.
        more: Other members.
    """
    return {
        "kind": kind,
        "certain": True,
        "host": "images",
        "registry_id": "123456789012",
        "region": "us-east-1",
        "repository": None,
        "principal": principal,
        "principal_type": principal_type,
        "name": None,
        "access": [],
        "other_actions": [],
        "lambda_regions": [],
        "statements": [],
        "message": f"{kind}: {principal}.",
        "accepted": None,
        **more,
    }


def reported(*audits: AuditAnswer, results: Sequence[dict[str, Any]] = (), compared: bool = True, **more: Any) -> str:
    """Return the report of one host as JSON. more: names, findings, and what was not looked at."""
    return of_hosts({"images": audits}, results=results, compared=compared, **more)


def of_hosts(
    hosts: Mapping[str, Sequence[AuditAnswer]],
    *,
    results: Sequence[dict[str, Any]] = (),
    compared: bool = True,
    **more: Any,
) -> str:
    """Return the report of several hosts as JSON."""
    found = [HostAudit(name, audits, results, compared) for name, audits in hosts.items()]
    return reports.report(audited(found), "2026-11-20T06:30:00Z", compared=compared, **more)


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
        # Some are in two registries.
        called = index - 1 if index % 100 == 17 else index
        name = _NAMES[called % len(_NAMES)] + (f"-{called // len(_NAMES) + 1}" if called >= len(_NAMES) else "")
        registry = _REGISTRIES[index % 5 % 3]
        granted = random.sample(known, random.randint(1, min(len(known), most_shares)))
        rows[registry].append(_row(index, name, *registry, granted, random))
        if compared and index % 41 == 12:
            drift[registry].append(_drift(name, known[0].name, known[2].name))
    hosts: dict[str, list[reports.AuditAnswer]] = {}
    for ((account, region), found), policy in zip(rows.items(), _registry_policies(), strict=True):
        answer = audit(*found, registry_id=account, region=region, policy=policy)
        hosts.setdefault(_HOSTS[account], []).append(answer)
    named = [one.account or one.name for one in known if one.account != _REGISTRIES[0][0]]
    return of_hosts(
        hosts,
        results=[_result(*registry, *found) for registry, found in drift.items()],
        compared=compared,
        names=dict(zip(named, _CALLS, strict=False)),
        findings=list(_findings(rows)) if compared else [],
        not_looked_at=_NOT_LOOKED_AT,
    )


def _findings(rows: Mapping[tuple[str, str], Sequence[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    """Yield findings on the rows, by danger: on what is public, on what the unmanaged statements give, and more."""
    found = [
        _finding(kind, words, registry, row, share)
        for registry, its_rows in rows.items()
        for row in its_rows
        for share in row.get("shares", ())
        for kind, words in [_kind(share)]
        if kind
    ]
    found += [
        finding(
            "unread", host=_HOSTS[account], registry_id=account, region=region, repository=row["name"],
            message=f"{row['name']} could not be read, so nothing is known of it.",
        )
        for (account, region), its_rows in rows.items()
        for row in its_rows
        if row.get("error")
    ]  # fmt: skip
    yield from sorted(found, key=lambda one: (_DANGERS.index(one["kind"]), not one["certain"]))


def _kind(share: dict[str, Any]) -> tuple[str | None, str]:
    match share["principal_type"]:
        case "everyone":
            return "public", "is open to everyone"
        case "service":
            return "unscoped_service", "is open to a service for whichever account it acts"
        case "deleted":
            return "deleted_principal", "names a role or user that was deleted"
        case "user":
            return "undeclared", "lets somebody in whom no grant names"
    excess = not share["managed"] and "push" in share["access"]
    return ("excess", "lets somebody push who may only pull") if excess else (None, "")


def _finding(
    kind: str, words: str, registry: tuple[str, str], row: dict[str, Any], share: dict[str, Any]
) -> dict[str, Any]:
    account, region = registry
    taken = kind == "undeclared" and row["name"].startswith("tools/")
    copied = {
        member: share[member]
        for member in ("principal", "principal_type", "access", "other_actions", "lambda_regions", "statements")
    }
    return finding(
        kind,
        **copied,
        certain=not share["conditions"],
        host=_HOSTS[account],
        registry_id=account,
        region=region,
        repository=row["name"],
        message=f"{row['name']} {words}: {share['principal']}.",
        accepted={"reason": "The inventory of tools lists all images", "until": "2027-03-31"} if taken else None,
    )


def _registry_policies() -> Iterator[dict[str, Any]]:
    """Yield the policy of each registry: the last one could not be read."""
    for account, region in _REGISTRIES[:-1]:
        policy = _policy_of_registry(account, region)
        read = {"read": True, "error": None, "error_code": None}
        yield {**read, **registry_findings(policy, evaluator(account)), "policy": policy.policy}
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
        **findings(document, evaluator(account), resource=arn, registry_policy=of_registry),
    }


@cache
def evaluator(account: str) -> PolicyEvaluator:
    """Return what says of the policies of an account who gets what."""
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
