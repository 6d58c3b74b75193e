# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Those who call ECR, as a policy can tell them apart, and what is known of the condition keys of their requests.

When a key is there: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from .._iam.arns import functions_arn
from .._iam.conditions import ABSENT, ANY_PART, UNKNOWN, KnownKey
from .._iam.principals import Principal, PrincipalType
from .._sharing.capabilities import LAMBDA_SERVICE

EVERYONE = "*"


@dataclass(frozen=True, eq=False)
class RequestContext:
    """A set of callers.

    kind: C(account), C(role), C(user), C(session), C(organization), C(organizational_unit), C(service), C(everyone),
        C(deleted), C(strangers), or C(other).
    name: as a policy names them, an account by its id, everyone as C(*).
    principal: the same of those that a grant can name, None for others.
    functions_of: the account and the region of the functions that Lambda acts for, where that is said.
    facts: what is known of condition keys, by their name in lower case; otherwise: of all other keys.
    """

    kind: str
    name: str
    principal: Principal | None = None
    functions_of: tuple[str, str] | None = None
    facts: Mapping[str, KnownKey] = field(default_factory=dict)
    otherwise: KnownKey = UNKNOWN

    @property
    def is_lambda(self) -> bool:
        return self.kind == "service" and self.name == LAMBDA_SERVICE


# ECR has HTTPS endpoints alone: https://docs.aws.amazon.com/general/latest/gr/ecr.html. So the usual Deny of requests
# without TLS denies nobody.
_ALL: Mapping[str, KnownKey] = {"aws:securetransport": KnownKey("true")}
# aws:SourceArn and aws:SourceAccount are there only where a service calls on behalf of a resource.
_IDENTITIES: Mapping[str, KnownKey] = {
    **_ALL,
    "aws:principalisawsservice": KnownKey("false"),
    "aws:sourcearn": ABSENT,
    "aws:sourceaccount": ABSENT,
}
# A service is a member of no organization.
_SERVICES: Mapping[str, KnownKey] = {
    **_ALL,
    "aws:principalisawsservice": KnownKey("true"),
    "aws:principalorgid": ABSENT,
    "aws:principalorgpaths": ABSENT,
}
_ANY_ACCOUNT = "????????????"
# What people with an account of their own make of themselves and of their requests as they like. S3 does not trust in
# these keys either: https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
_AS_THEY_LIKE = (
    "aws:multifactorauthpresent",
    "aws:principaltag/",
    "aws:principaltype",
    "aws:referer",
    "aws:requestedregion",
    "aws:sourceidentity",
    "aws:useragent",
    "aws:username",
    "aws:viaawsservice",
)
# Strangers come over the internet, or through endpoints that no policy names.
_OF_ENDPOINTS = ("aws:sourcevpc", "aws:sourcevpcarn", "aws:sourcevpce", "aws:vpcsourceip")


def everyone() -> RequestContext:
    """All identities of all accounts, and all services."""
    return _EVERYONE


@lru_cache(maxsize=8192)
def context_of(principal: Principal, partition: str) -> RequestContext:
    """The requests that come from a principal, or from within it."""
    kind, name, account = principal.kind, principal.name, principal.account
    if kind is PrincipalType.ORGANIZATION:
        known = {"aws:principalorgid": KnownKey(name), "aws:principalorgpaths": KnownKey(f"{name}/*")}
    elif kind is PrincipalType.ORGANIZATIONAL_UNIT:
        known = {"aws:principalorgid": KnownKey(name.split("/")[0]), "aws:principalorgpaths": KnownKey(name)}
    else:
        known = {
            "aws:principalaccount": KnownKey(account),
            "aws:principalarn": KnownKey(_own_arn(principal, partition)),
        }
    return RequestContext(kind.value, name, principal, facts={**_IDENTITIES, **known})


@lru_cache(maxsize=1024)
def service(name: str) -> RequestContext:
    """A service on behalf of anybody."""
    return RequestContext("service", name, facts={**_SERVICES, "aws:principalservicename": KnownKey(name)})


@lru_cache(maxsize=8192)
def functions(account: str, region: str, partition: str) -> RequestContext:
    """The Lambda service on behalf of the functions of an account in a region, or in all for C(*)."""
    known = {
        "aws:sourcearn": KnownKey(functions_arn(account, region.replace("*", ANY_PART), partition), every=True),
        "aws:sourceaccount": KnownKey(account),
    }
    lambda_service = service(LAMBDA_SERVICE)
    return replace(lambda_service, functions_of=(account, region), facts={**lambda_service.facts, **known})


@lru_cache(maxsize=1024)
def named(kind: str, name: str) -> RequestContext:
    """Callers of whom nothing is known but what a policy calls them: C(deleted) or C(other)."""
    return RequestContext(kind, name, facts=_ALL)


@lru_cache(maxsize=64)
def external_contexts(partition: str, registry_id: str | None = None) -> tuple[RequestContext, ...]:
    """Everybody on earth whom no policy names: people with an account of their own in no organization, such in an
    organization of their own, and the Lambda functions of both.

    registry_id: the account whose repository they call for, where it is known.
    """
    account, anywhere = KnownKey(_ANY_ACCOUNT, every=True, unnamed=True), KnownKey("*", every=True, unnamed=True)
    # Nobody can choose the id of an organization, so a pattern that not all ids match lets no stranger in for certain.
    organization = KnownKey("o-*", unnamed=True)
    membership = {"orgid": organization, "orgpaths": replace(organization, pattern="o-*/r-*/*")}
    at = {"aws:resourceaccount": KnownKey(registry_id)} if registry_id else {}
    found = []
    for member in (False, True):
        of = {name: fact if member else ABSENT for name, fact in membership.items()}
        person = {
            **_IDENTITIES,
            **at,
            **dict.fromkeys(_AS_THEY_LIKE, KnownKey("*", present=False, every=True)),
            **dict.fromkeys(_OF_ENDPOINTS, ABSENT),
            "aws:principalaccount": account,
            "aws:principalarn": replace(account, pattern=f"arn:{partition}:{ANY_PART}::{ANY_PART}:*"),
            "aws:sourceip": anywhere,
            "aws:userid": KnownKey("*", unnamed=True),
            **{f"aws:principal{name}": fact for name, fact in of.items()},
        }
        function = {
            **service(LAMBDA_SERVICE).facts,
            **at,
            **dict.fromkeys(_OF_ENDPOINTS, ABSENT),
            # It is in every request, and a service is no account that a policy names:
            # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalaccount
            "aws:principalaccount": replace(account, every=False),
            "aws:sourceip": replace(anywhere, present=False, every=False),
            "aws:sourceaccount": account,
            "aws:sourcearn": replace(account, pattern=functions_arn(ANY_PART, ANY_PART, partition)),
            **{f"aws:source{name}": fact for name, fact in of.items()},
        }
        found += [
            RequestContext("strangers", EVERYONE, facts=person),
            RequestContext("service", LAMBDA_SERVICE, facts=function),
        ]
    return tuple(found)


def _own_arn(principal: Principal, partition: str) -> str:
    """A pattern of aws:PrincipalArn, which for a session is the ARN of its role."""
    if principal.kind is PrincipalType.ACCOUNT:
        return f"arn:{partition}:{ANY_PART}::{principal.account}:*"
    if principal.kind is PrincipalType.SESSION and ":assumed-role/" in principal.name:
        role = principal.name.split(":assumed-role/")[1].split("/")[0]
        # The ARN of a session does not show the path of its role.
        return f"arn:{partition}:iam::{principal.account}:role/*{role}"
    return principal.name


_EVERYONE = RequestContext("everyone", EVERYONE, facts=_ALL)
