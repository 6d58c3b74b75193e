# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A company as people really have one: 69 repositories in six registries, and who should get what from them.

Their policies were written by Terraform, by hand and by Lambda. There are principals that no longer exist, a C(Deny),
an organization, two that are open to everyone, a partner's role, one near the limit of 10,240 characters, and an
account that left the company, in six different shapes. The inventory is what a user writes of all that should be.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice
from typing import Any

from ansible_collections.imageshare.aws.tests.support.embedded_aws import EmbeddedAws

PROD, STAGING, DATA = "614200000101", "614200000102", "614200000103"
HOSTS = {"prod": PROD, "staging": STAGING, "data": DATA}
FRANKFURT, IRELAND = "eu-central-1", "eu-west-1"
REGIONS = (FRANKFURT, IRELAND)
ORGANIZATION = "o-acme12345a"
CI_ROLE = f"arn:aws:iam::{STAGING}:role/ci-main"
# It left the company, and is in the policies all the same.
LEFT = "999911112222"

_TEAMS = ("checkout", "cart", "search", "pricing", "catalog", "invoices", "ledger", "payments", "fraud", "gateway")
_MORE_TEAMS = ("media", "mobile", "web", "ads", "support", "loyalty", "shipping", "returns", "data", "risk")
_NUMBERS = (number for number in range(1, 42) if number != 12)
CONSUMERS = {
    f"{team}-{stage}": f"{730000000000 + next(_NUMBERS)}"
    for team in (*_TEAMS, *_MORE_TEAMS)
    for stage in ("dev", "prod")
}
NAMES = {**CONSUMERS, "ci-main": CI_ROLE, "acme": ORGANIZATION}

_PULL = ("ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage", "ecr:BatchCheckLayerAvailability")
_PULL_AND_LOOK = (*_PULL, "ecr:DescribeImages")
_PUSH = (*_PULL, "ecr:PutImage", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload")
# What a stranger has that reads and writes.
READ_AND_WRITE = (*_PUSH, "ecr:DescribeImages")
_LAMBDA = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
_READ_ONLY = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:DescribeImageScanFindings",
    "ecr:DescribeImages",
    "ecr:DescribeRepositories",
    "ecr:GetAuthorizationToken",
    "ecr:GetDownloadUrlForLayer",
    "ecr:GetLifecyclePolicy",
    "ecr:GetLifecyclePolicyPreview",
    "ecr:GetRepositoryPolicy",
    "ecr:ListImages",
    "ecr:ListTagsForResource",
)
# What Lambda writes by itself where a function of the owner is made of an image.
_LAMBDA_OF_OWNER = (
    "ecr:BatchGetImage",
    "ecr:DeleteRepositoryPolicy",
    "ecr:GetDownloadUrlForLayer",
    "ecr:GetRepositoryPolicy",
    "ecr:SetRepositoryPolicy",
)

Statement = Mapping[str, Any]


@dataclass(frozen=True)
class Repository:
    """A repository of the estate. text: of its policy, or None. C(REGION) in it stands for the region."""

    account: str
    region: str
    name: str
    text: str | None


def estate() -> list[Repository]:
    """Return the 69 repositories."""
    return list(_repositories())


def large_estate(size: int) -> list[Repository]:
    """Return so many repositories in the same six registries: those of the estate, again and again by other names."""
    copies = (
        replace(repository, name=f"{repository.name}-{copy:03}") if copy else repository
        for copy in count()
        for repository in _repositories()
    )
    return list(islice(copies, size))


def plant(aws: EmbeddedAws, repositories: Iterable[Repository]) -> None:
    """Plant repositories, and nothing else: what was there before is gone."""
    aws.reset()
    by_registry: dict[tuple[str, str], dict[str, str | None]] = {}
    for repository in repositories:
        by_registry.setdefault((repository.account, repository.region), {})[repository.name] = repository.text
    for (account, region), texts in by_registry.items():
        aws.plant_many(texts, account, region)


def stored(aws: EmbeddedAws) -> dict[tuple[str, str, str], str | None]:
    """Return the text of each policy, by account, region and name of the repository."""
    return {
        (account, region, name): text
        for account in HOSTS.values()
        for region in REGIONS
        for name, text in aws.policies(account, region).items()
    }


def inventory(**more: Any) -> dict[str, Any]:
    """Return the inventory as a user writes it: three accounts in two regions, and one list of names and grants.

    more: further variables of all registries, or others for those that are here; None takes one out.
    """
    variables: dict[str, Any] = {
        "ecr_share_regions": list(REGIONS),
        "ecr_share_repositories": ["prod/*", "services/*", "ml/*", "lambda/*", "base/*", "shared/*"],
        "ecr_share_principals": dict(NAMES),
        "ecr_share_grants": grants(),
        **more,
    }
    return {
        "ecr_registries": {
            "vars": {name: value for name, value in variables.items() if value is not None},
            "hosts": {
                host: {"ecr_share_assume_role_arn": f"arn:aws:iam::{account}:role/ecr-share"}
                for host, account in HOSTS.items()
            },
        }
    }


def grants(consumers: Sequence[str] = tuple(CONSUMERS)) -> list[dict[str, Any]]:
    """Return what should be: the consumers pull, four of them run functions, and so on."""
    functions = ["checkout-dev", "checkout-prod", "search-prod", "risk-prod"]
    return [
        {"principals": list(consumers), "repositories": ["prod/*", "services/*", "ml/*"]},
        {
            "principals": [name for name in functions if name in consumers],
            "lambda_regions": list(REGIONS),
            "repositories": ["lambda/*"],
        },
        {"principals": ["acme"], "repositories": ["base/*", "shared/*"]},
        {"principals": ["ci-main"], "access": ["pull", "push"], "repositories": ["prod/*", "base/*", "services/*"]},
    ]


def with_stranger(text: str | None, stranger: str, actions: tuple[str, ...]) -> dict[str, Any]:
    """Return a policy with a statement more, which somebody has written by hand and which lets an account in."""
    document = {"Version": "2008-10-17", "Statement": []} if text is None else json.loads(text)
    return {**document, "Statement": [*document["Statement"], _allow("tmp-debug", [_root(stranger)], actions)]}


def _root(account: str) -> str:
    return f"arn:aws:iam::{account}:root"


def _consumers(*numbers: int) -> list[str]:
    return [_root(f"{730000000000 + number}") for number in numbers]


def _allow(sid: str | None, principal: Any, actions: Any, condition: Any = None) -> Statement:
    """A statement; a list of principals is one of AWS."""
    return {
        **({} if sid is None else {"Sid": sid}),
        "Effect": "Allow",
        "Principal": {"AWS": principal} if isinstance(principal, list) else principal,
        "Action": list(actions) if isinstance(actions, tuple) else actions,
        **({} if condition is None else {"Condition": condition}),
    }


def _functions(sid: str, key: str, account: str, actions: tuple[str, ...]) -> Statement:
    condition = {"StringLike": {key: f"arn:aws:lambda:REGION:{account}:function:*"}}
    return _allow(sid, {"Service": "lambda.amazonaws.com"}, actions, condition)


_OWN_FUNCTIONS = _functions("LambdaECRImageRetrievalPolicy", "aws:sourceArn", PROD, _LAMBDA_OF_OWNER)
_ONE_TEAM = _allow("CrossAccountPull", _consumers(31), _PULL)
_BOTH, _FIRST, _SECOND = REGIONS, (FRANKFURT,), (IRELAND,)
_SERVICES = (*_TEAMS[:7], "payments")
# The account, the regions, the names, and the statements of each, which are none where there is no policy.
_ROWS: tuple[tuple[str, Sequence[str], Sequence[str], Sequence[Statement]], ...] = (
    (
        PROD,
        _BOTH,
        [f"prod/{name}" for name in _TEAMS[:5]],
        [_allow("CrossAccountPull", _consumers(1, 2, 3), _PULL_AND_LOOK)],
    ),
    (PROD, _BOTH, ["prod/invoices", "prod/ledger"], [_allow("CrossAccountPull", _consumers(4, 5), _PULL)]),
    (
        PROD,
        _BOTH,
        ["base/python", "base/node", "base/jvm", "base/nginx"],
        [_allow("PrivateReadOnly", _consumers(*range(1, 21)), _READ_ONLY)],
    ),
    (PROD, _BOTH, ["base/alpine", "base/debian"], []),
    (
        PROD,
        _BOTH,
        ["shared/otel-collector"],
        [_allow("OrgPull", "*", _PULL, {"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}})],
    ),
    (
        PROD,
        _BOTH,
        ["shared/fluent-bit"],
        [_allow("OrgRead", {"AWS": "*"}, _PULL_AND_LOOK, {"StringEquals": {"aws:PrincipalOrgID": [ORGANIZATION]}})],
    ),
    (PROD, _BOTH, ["lambda/thumbnailer"], [_OWN_FUNCTIONS]),
    (
        PROD,
        _BOTH,
        ["lambda/webhooks"],
        [
            _OWN_FUNCTIONS,
            _allow("AllowPull", _consumers(6), _PULL),
            _functions("LambdaECRImageCrossAccountRetrievalPolicy", "aws:sourceARN", "730000000006", _LAMBDA),
        ],
    ),
    (
        PROD,
        _BOTH,
        ["prod/payments"],
        [
            _allow("AllowCrossAccountPush2019", {"AWS": "arn:aws:iam::730000000010:role/jenkins"}, _PUSH),
            {
                "Sid": "DenyPushExceptCI",
                "Effect": "Deny",
                "Principal": {"AWS": "*"},
                "Action": ["ecr:PutImage"],
                "Condition": {
                    "ArnNotLike": {
                        "aws:PrincipalArn": [
                            f"arn:aws:iam::{STAGING}:role/ci-*",
                            f"arn:aws:iam::{PROD}:role/break-glass",
                        ]
                    }
                },
            },
        ],
    ),
    (
        PROD,
        _BOTH,
        ["prod/gateway"],
        [_allow("newstatement", _consumers(7), "ecr:*"), _allow("Statement1", _consumers(8), _PUSH)],
    ),
    (
        PROD,
        _FIRST,
        ["prod/legacy-monolith"],
        [
            _allow(None, [*_consumers(9), "AROAEXAMPLEDELETED001"], _PULL),
            _allow("AllowPull", [*_consumers(11), "AROAEXAMPLEDELETED002"], _PULL),
        ],
    ),
    (PROD, _FIRST, ["shared/public-demo"], [_allow("everyone", "*", _PULL)]),
    (PROD, _BOTH, ["prod/fraud"], [_allow("CrossAccountPull", [*_consumers(1), _root(LEFT)], _PULL_AND_LOOK)]),
    (
        PROD,
        _FIRST,
        ["prod/notifications"],
        [
            _allow("AllowPull", [*_consumers(1), _root(LEFT)], _PULL),
            _functions("LambdaX", "aws:sourceARN", LEFT, _LAMBDA),
        ],
    ),
    (
        PROD,
        _FIRST,
        ["shared/everything-image"],
        [
            _allow(
                f"Team{team:03}",
                _consumers(*(1 + (5 * team + member) % 35 for member in range(5))),
                (*_PULL_AND_LOOK, "ecr:ListImages"),
            )
            for team in range(28)
        ],
    ),
    (
        STAGING,
        _FIRST,
        [f"services/{name}" for name in _SERVICES],
        [_allow("CrossAccountPull", _consumers(21, 22), _PULL_AND_LOOK)],
    ),
    (STAGING, _FIRST, ["tools/kaniko", "tools/trivy", "tools/renovate", "tools/terraform"], []),
    (STAGING, _SECOND, ["tools/terraform"], [_allow("AllowPull", _consumers(1), _PULL)]),
    (STAGING, _FIRST, ["tools/runner"], [_allow("AllowPushPull", [*_consumers(23), _root(LEFT)], _PUSH)]),
    (
        STAGING,
        _FIRST,
        ["sandbox/playground"],
        [_allow("x", {"AWS": "*"}, ("ecr:*",), {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}})],
    ),
    (DATA, _BOTH, ["ml/train", "ml/serve", "ml/features"], [_ONE_TEAM]),
    (
        DATA,
        _BOTH,
        ["ml/notebook"],
        [_allow("CrossAccountPull", [*_consumers(31, 32), _root(LEFT)], _PULL)],
    ),
    (
        DATA,
        _FIRST,
        ["ml/partner-export"],
        [
            _allow(
                "Partner",
                {"AWS": "arn:aws:iam::888877776666:role/puller"},
                _PULL,
                {"StringEquals": {"sts:ExternalId": "acme"}},
            )
        ],
    ),
    (
        DATA,
        _FIRST,
        ["ml/sagemaker"],
        [
            _allow("SageMaker", {"Service": "sagemaker.amazonaws.com"}, _PULL),
            _allow("Sidless", {"AWS": "arn:aws:iam::730000000033:root"}, _PULL),
        ],
    ),
)
# Of the first statement, where whoever wrote the policy said the newer version. Consoles do not, and Lambda neither.
_NEWER = frozenset({"CrossAccountPull", "PrivateReadOnly", "AllowCrossAccountPush2019", "Team000"})


def _repositories() -> Iterator[Repository]:
    for account, regions, names, statements in _ROWS:
        for name in names:
            for region in regions:
                yield Repository(account, region, name, _text(region, statements))


def _text(region: str, statements: Sequence[Statement]) -> str | None:
    if not statements:
        return None
    version = "2012-10-17" if statements[0].get("Sid") in _NEWER else "2008-10-17"
    # With blanks, the longest would be longer than ECR stores.
    separators = (",", ":") if len(statements) > 9 else (", ", ": ")
    document = {"Version": version, "Statement": list(statements)}
    return json.dumps(document, separators=separators).replace("REGION", region)
