# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""What is known about requests to ECR: the condition keys that the requests of a set of callers have.

When a key is present: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from .._iam.arns import functions_arn
from .._iam.conditions import ABSENT, KnownKey, KnownKeys
from .._iam.patterns import ANY_PART
from .._iam.principals import EVERYONE, Principal, PrincipalType
from .._sharing.capabilities import LAMBDA_SERVICE

LAMBDA_PRINCIPAL = Principal(PrincipalType.SERVICE, LAMBDA_SERVICE)


@dataclass(frozen=True, eq=False)
class RequestContext:
    """The requests of a set of callers. Two are the same only if they are one object.

    Args:
        principal: The callers, as a policy names them.
        known_keys: What is known about the condition keys of their requests.
        functions_of: The account and the region of the functions that Lambda acts for, where that is said.
        unnamed: Whether no policy names the callers, so that only a principal that stands for everyone includes them.
    """

    principal: Principal
    known_keys: KnownKeys
    functions_of: tuple[str, str] | None = None
    unnamed: bool = False


# ECR has HTTPS endpoints alone: https://docs.aws.amazon.com/general/latest/gr/ecr.html. So the usual Deny of requests
# without TLS denies nobody.
_EVERY_REQUEST: KnownKeys = {"aws:securetransport": KnownKey("true")}
# aws:SourceArn and aws:SourceAccount are there only where a service calls on behalf of a resource.
_IDENTITIES: dict[str, KnownKey] = {
    "aws:principalisawsservice": KnownKey("false"),
    "aws:sourcearn": ABSENT,
    "aws:sourceaccount": ABSENT,
}
# A service is a member of no organization.
_SERVICES: dict[str, KnownKey] = {
    "aws:principalisawsservice": KnownKey("true"),
    "aws:principalorgid": ABSENT,
    "aws:principalorgpaths": ABSENT,
}
_ANY_ACCOUNT = KnownKey("????????????", every=True, unnamed=True)
_ANYTHING = KnownKey("*", every=True, unnamed=True)
# Nobody can choose the id of an organization, so a pattern that not all ids match lets no external caller in for
# certain.
_MEMBERSHIP = {
    "orgid": KnownKey("o-*", unnamed=True),
    "orgpaths": KnownKey("o-*/r-*/*", unnamed=True),
}
# What people with an account of their own choose for themselves and for their requests. S3 does not trust these keys
# either: https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
_CHOSEN_BY_CALLERS = (
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
# External callers come over the internet, or through endpoints that no policy names.
_ENDPOINTS = ("aws:sourcevpc", "aws:sourcevpcarn", "aws:sourcevpce", "aws:vpcsourceip")


# How many to remember of each kind.
CONTEXTS = 4096


class RequestContexts:
    """The requests for the repositories of one registry.

    Args:
        partition: The partition of the registry.
        registry_id: The account that owns it; None where that is not known.
    """

    def __init__(self, partition: str, registry_id: str | None) -> None:
        self.partition = partition
        owner = {"aws:resourceaccount": KnownKey(registry_id)} if registry_id else {}
        self._every_request: KnownKeys = {**_EVERY_REQUEST, **owner}
        # Contexts that are alike are one object.
        self.of: Callable[[Principal], RequestContext] = lru_cache(maxsize=CONTEXTS)(self._of)
        self.functions: Callable[[str, str], RequestContext] = lru_cache(maxsize=CONTEXTS)(self._functions)
        self.external: tuple[RequestContext, ...] = tuple(self._external())

    def _of(self, principal: Principal) -> RequestContext:
        """Return the requests that come from a principal, or from within it."""
        return RequestContext(principal, {**self._every_request, **self._known_keys(principal)})

    def _functions(self, account: str, region: str) -> RequestContext:
        """Return the requests of the Lambda service for the functions of an account.

        Args:
            account: The account.
            region: The region of the functions; C(*) for all.
        """
        functions = functions_arn(account, region.replace("*", ANY_PART), self.partition)
        sources = {"aws:sourcearn": KnownKey(functions, every=True), "aws:sourceaccount": KnownKey(account)}
        service = self.of(LAMBDA_PRINCIPAL)
        return replace(service, functions_of=(account, region), known_keys={**service.known_keys, **sources})

    def _known_keys(self, principal: Principal) -> KnownKeys:
        kind, name = principal.kind, principal.name
        if kind is PrincipalType.ORGANIZATION:
            return _IDENTITIES | {"aws:principalorgid": KnownKey(name), "aws:principalorgpaths": KnownKey(f"{name}/*")}
        if kind is PrincipalType.ORGANIZATIONAL_UNIT:
            organization = KnownKey(name.split("/")[0])
            return _IDENTITIES | {"aws:principalorgid": organization, "aws:principalorgpaths": KnownKey(name)}
        if kind is PrincipalType.SERVICE:
            return _SERVICES | {"aws:principalservicename": KnownKey(name)}
        if principal.account is not None:
            own = {"aws:principalaccount": KnownKey(principal.account), "aws:principalarn": self._own_arn(principal)}
            return _IDENTITIES | own
        return {}

    def _own_arn(self, principal: Principal) -> KnownKey:
        """Return what is known about aws:PrincipalArn, which for a session is the ARN of its role."""
        if principal.kind is PrincipalType.ACCOUNT:
            return KnownKey(f"arn:{self.partition}:{ANY_PART}::{principal.account}:*")
        if principal.kind is PrincipalType.SESSION and ":assumed-role/" in principal.name:
            role = principal.name.split(":assumed-role/")[1].split("/")[0]
            # The ARN of a session does not show the path of its role.
            return KnownKey(f"arn:{self.partition}:iam::{principal.account}:role/*{role}")
        return KnownKey(principal.name)

    def _external(self) -> Iterator[RequestContext]:
        """Yield the requests of everybody whom no policy names: people with an account of their own in no organization,
        such in an organization of their own, and the Lambda functions of both.
        """
        identity_arn = replace(_ANY_ACCOUNT, pattern=f"arn:{self.partition}:{ANY_PART}::{ANY_PART}:*")
        function_arn = replace(_ANY_ACCOUNT, pattern=functions_arn(ANY_PART, ANY_PART, self.partition))
        for member in (False, True):
            membership = {name: known if member else ABSENT for name, known in _MEMBERSHIP.items()}
            identity = {
                **self._every_request,
                **_IDENTITIES,
                **dict.fromkeys(_CHOSEN_BY_CALLERS, KnownKey("*", present=False, every=True)),
                **dict.fromkeys(_ENDPOINTS, ABSENT),
                "aws:principalaccount": _ANY_ACCOUNT,
                "aws:principalarn": identity_arn,
                "aws:sourceip": _ANYTHING,
                "aws:userid": KnownKey("*", unnamed=True),
                **{f"aws:principal{name}": known for name, known in membership.items()},
            }
            function = {
                **self.of(LAMBDA_PRINCIPAL).known_keys,
                **dict.fromkeys(_ENDPOINTS, ABSENT),
                # It is in every request, and a service is no account that a policy names:
                # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalaccount
                "aws:principalaccount": replace(_ANY_ACCOUNT, every=False),
                "aws:sourceip": replace(_ANYTHING, present=False, every=False),
                "aws:sourceaccount": _ANY_ACCOUNT,
                "aws:sourcearn": function_arn,
                **{f"aws:source{name}": known for name, known in membership.items()},
            }
            yield RequestContext(EVERYONE, identity, unnamed=True)
            yield RequestContext(LAMBDA_PRINCIPAL, function)
