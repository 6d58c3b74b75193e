# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""What is known about requests to ECR: the condition keys that the requests of a set of callers have.

When a key is present, and with which values, is said by AWS for each of them:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html

Strangers are those whom no policy names. What they can bring about is theirs to choose: tags and sessions of their own,
an organization, endpoints in a network of their own. S3 does not trust these keys either:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from math import inf

from .._iam.arns import functions_arn
from .._iam.comparisons import ABSENT, IPV4, IPV6, KnownKey, KnownKeys
from .._iam.patterns import ANY_PART
from .._iam.principals import EVERYONE, ORGANIZATIONS, Principal, PrincipalType
from .._sharing.capabilities import LAMBDA_SERVICE

LAMBDA_PRINCIPAL = Principal(PrincipalType.SERVICE, LAMBDA_SERVICE)
# Whatever service it is that acts for somebody.
ANY_SERVICE = Principal(PrincipalType.SERVICE, "*")


@dataclass(frozen=True, eq=False)
class RequestContext:
    """The requests of a set of callers. Two are the same only if they are one object.

    Args:
        principal: The callers, as a policy names them.
        known_keys: What is known about the condition keys of their requests.
        acts_for: The account, organization or unit for whose resources the caller, a service, acts, where that is said.
        functions_region: The region of these resources, or C(*), where they are Lambda functions.
        unnamed: Whether no policy names the callers, so that only a principal that stands for everyone includes them.
    """

    principal: Principal
    known_keys: KnownKeys
    acts_for: Principal | None = None
    functions_region: str | None = None
    unnamed: bool = False


# ECR has HTTPS endpoints alone: https://docs.aws.amazon.com/general/latest/gr/ecr.html. So the usual Deny of requests
# without TLS denies nobody.
_EVERY_REQUEST: KnownKeys = {"aws:securetransport": KnownKey("true")}
# A service calls on behalf of a resource, and has a name as a principal; nobody else has these keys.
_IDENTITIES: dict[str, KnownKey] = {
    "aws:principalisawsservice": KnownKey("false"),
    **dict.fromkeys(
        (
            "aws:principalservicename",
            "aws:principalservicenameslist",
            "aws:sourcearn",
            "aws:sourceaccount",
            "aws:sourceorgid",
            "aws:sourceorgpaths",
        ),
        ABSENT,
    ),
}
_VPC_KEYS = (
    "aws:sourcevpc",
    "aws:sourcevpcarn",
    "aws:sourcevpce",
    "aws:vpceaccount",
    "aws:vpceorgid",
    "aws:vpceorgpaths",
    "aws:vpcsourceip",
)
# Strangers have, or have not, whatever value they want.
_CHOSEN = KnownKey("*", present=False, every=True)
# Many strangers have many values; none of them is another's.
_THEIR_OWN = KnownKey("*", present=False, every=True, unnamed=True)
# What the credentials of a role's session say of where they came from.
_OF_SESSIONS = {
    **dict.fromkeys(
        (
            "aws:chatbotsourcearn",
            "aws:ec2instancesourcevpc",
            "aws:federatedprovider",
            "aws:signinsessionarn",
            "codebuild:buildarn",
            "codebuild:projectarn",
            "ec2:sourceinstancearn",
            "identitystore:userid",
            "lambda:sourcefunctionarn",
            "ssm:sourceinstancearn",
        ),
        _THEIR_OWN,
    ),
    **dict.fromkeys(
        (
            "aws:ec2instancesourceprivateipv4",
            "aws:sourceidentity",
            "ec2:roledelivery",
            "glue:credentialissuingservice",
            "glue:roleassumedby",
        ),
        _CHOSEN,
    ),
}
# In seconds: sessions with MFA last 36 hours at most, all others are shorter.
# https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html
_LONGEST_SESSION = 129_600.0
_MFA = {
    "aws:multifactorauthpresent": _CHOSEN,
    "aws:multifactorauthage": replace(_CHOSEN, between=(0.0, _LONGEST_SESSION)),
}

_OF_NOBODY = KnownKey("*", present=False, unnamed=True)
# A service is a member of no organization, and calls from AWS's own network. Which of the other keys it has, the page
# does not say for each; their values are never those of an account or of somebody in it. So a negated operator holds
# for them either way: https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_data-perimeters.html
_SERVICES: dict[str, KnownKey] = {
    "aws:principalisawsservice": KnownKey("true"),
    "aws:viaawsservice": KnownKey("false"),
    **dict.fromkeys(("aws:calledvia", "aws:calledviafirst", "aws:calledvialast"), ABSENT),
    "aws:principalorgid": ABSENT,
    "aws:principalorgpaths": ABSENT,
    **dict.fromkeys((*_VPC_KEYS, *_OF_SESSIONS, *_MFA, "aws:assumedroot", "aws:tokenissuetime"), ABSENT),
    "aws:principalaccount": KnownKey("*", unnamed=True),
    **dict.fromkeys(
        (
            "aws:principalarn",
            "aws:principaltag/",
            "aws:principaltype",
            "aws:sourceip",
            "aws:userid",
            "aws:username",
        ),
        _OF_NOBODY,
    ),
}
_ANY_ACCOUNT = KnownKey("????????????", every=True, unnamed=True)
# AWS gives organizations their ids. Somebody's begins with whatever a pattern wants.
_ORGANIZATION = KnownKey("o-*", every=True, unnamed=True)
_ORGANIZATION_PATHS = KnownKey("o-*/r-*/*", every=True, unnamed=True)
_CHOSEN_BY_CALLERS = (
    "aws:calledvia",
    "aws:calledviaawsmcp",
    "aws:calledviafirst",
    "aws:calledvialast",
    "aws:ismcpserviceaction",
    "aws:principaltag/",
    "aws:referer",
    "aws:useragent",
    "aws:viaawsmcpservice",
    "aws:viaawsservice",
    "aws:viacustomerdomain",
    # Of the request's own tags; statements that allow no tagging do not look at them.
    "aws:requesttag/",
    "aws:tagkeys",
)
# They say something of the repository, and nothing of the caller: whoever meets the statement at all is let in.
_OF_THE_REPOSITORY = ("aws:resourceorgid", "aws:resourceorgpaths", "aws:resourcetag/", "ecr:resourcetag/")
# How many to remember of each kind.
CONTEXTS = 4096


class RequestContexts:
    """The requests for the repositories of one registry.

    Args:
        partition: The partition of the registry.
        registry_id: The account that owns it; None where that is not known.
        region: The region of the registry; None where that is not known.
        now: The time of the requests, in seconds since 1970; None where it is not known.
    """

    def __init__(
        self, partition: str, registry_id: str | None, region: str | None = None, now: float | None = None
    ) -> None:
        self.partition = partition
        self.registry_id = registry_id
        self._now = now
        self._every_request: KnownKeys = {
            **_EVERY_REQUEST,
            **({"aws:resourceaccount": KnownKey(registry_id)} if registry_id else {}),
            **({"aws:requestedregion": KnownKey(region)} if region else {}),
        }
        # What ended stays ended, and whoever is asked about now may ask again later. Strangers are asked about now.
        moment, from_now = (
            {} if now is None else dict.fromkeys(("aws:currenttime", "aws:epochtime"), _time(now, last))
            for last in (now or 0.0, inf)
        )
        self._every_named_request: KnownKeys = {**self._every_request, **from_now}
        self._of_everybody: KnownKeys = {
            "aws:requestedregion": _CHOSEN,
            **self._every_request,
            **moment,
            **dict.fromkeys(_OF_THE_REPOSITORY, replace(_CHOSEN, of_owner=True)),
            **({"aws:resourceaccount": KnownKey(registry_id, of_owner=True)} if registry_id else {}),
        }
        # Contexts that are alike are one object.
        self.of: Callable[[Principal], RequestContext] = lru_cache(maxsize=CONTEXTS)(self._of)
        self.functions: Callable[[str, str], RequestContext] = lru_cache(maxsize=CONTEXTS)(self._functions)
        self.acting: Callable[[Principal, Principal], RequestContext] = lru_cache(maxsize=CONTEXTS)(self._acting)
        self.strangers: tuple[RequestContext, ...] = tuple(self._strangers())
        self.services_of_strangers: Callable[[Principal], tuple[RequestContext, ...]] = lru_cache(maxsize=CONTEXTS)(
            lambda service: tuple(self._services_of_strangers(service))
        )

    def _of(self, principal: Principal) -> RequestContext:
        """Return the requests that come from a principal, or from within it."""
        return RequestContext(principal, {**self._every_named_request, **self._known_keys(principal)})

    def _functions(self, account: str, region: str) -> RequestContext:
        """Return the requests of the Lambda service for the functions of an account.

        Args:
            account: The account.
            region: The region of the functions; C(*) for all.
        """
        functions = functions_arn(account, region.replace("*", ANY_PART), self.partition)
        acting = self.acting(LAMBDA_PRINCIPAL, Principal(PrincipalType.ACCOUNT, account, account))
        known_keys = {**acting.known_keys, "aws:sourcearn": KnownKey(functions, every=True)}
        return replace(acting, functions_region=region, known_keys=known_keys)

    def _acting(self, service: Principal, owner: Principal) -> RequestContext:
        """Return the requests of a service for the resources of an account, an organization or a unit.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
        """
        if owner.kind in ORGANIZATIONS:
            paths = owner.name if owner.kind is PrincipalType.ORGANIZATIONAL_UNIT else f"{owner.name}/*"
            sources = {
                "aws:sourceorgid": KnownKey(owner.name.split("/")[0]),
                "aws:sourceorgpaths": KnownKey(paths),
            }
        else:
            arn = f"arn:{self.partition}:{ANY_PART}:{ANY_PART}:{owner.account}:*"
            if service == LAMBDA_PRINCIPAL and owner.account is not None:
                # It acts for functions alone.
                arn = functions_arn(owner.account, ANY_PART, self.partition)
            sources = {
                "aws:sourceaccount": KnownKey(owner.account),
                "aws:sourcearn": KnownKey(arn, every=True),
            }
        known_keys = {**self.of(service).known_keys, **sources}
        return RequestContext(
            service, known_keys, acts_for=owner, functions_region="*" if service == LAMBDA_PRINCIPAL else None
        )

    def _known_keys(self, principal: Principal) -> KnownKeys:
        kind, name = principal.kind, principal.name
        if kind is PrincipalType.ORGANIZATION:
            return _IDENTITIES | {"aws:principalorgid": KnownKey(name), "aws:principalorgpaths": KnownKey(f"{name}/*")}
        if kind is PrincipalType.ORGANIZATIONAL_UNIT:
            organization = KnownKey(name.split("/")[0])
            return _IDENTITIES | {"aws:principalorgid": organization, "aws:principalorgpaths": KnownKey(name)}
        if kind is PrincipalType.SERVICE:
            service = KnownKey("*", every=True) if principal == ANY_SERVICE else KnownKey(name)
            return _SERVICES | {"aws:principalservicename": service}
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

    def _strangers(self) -> Iterator[RequestContext]:
        """Yield the requests of people whom no policy names: of each kind, by each way, in no organization or in one of
        their own.
        """
        ways = (
            {"aws:sourceip": KnownKey(IPV4, every=True, unnamed=True), **dict.fromkeys(_VPC_KEYS, ABSENT)},
            {"aws:sourceip": KnownKey(IPV6, every=True, unnamed=True), **dict.fromkeys(_VPC_KEYS, ABSENT)},
            self._endpoint(),
        )
        for kind, way, member in product(self._kinds_of_stranger(), ways, (False, True)):
            chosen = dict.fromkeys(_CHOSEN_BY_CALLERS, _CHOSEN)
            keys = {**self._of_everybody, **chosen, **_IDENTITIES, "aws:principalaccount": _ANY_ACCOUNT, **kind, **way}
            if not member:
                keys |= dict.fromkeys(("aws:principalorgid", "aws:principalorgpaths"), ABSENT)
                keys |= dict.fromkeys(("aws:vpceorgid", "aws:vpceorgpaths"), ABSENT)
            yield RequestContext(EVERYONE, keys, unnamed=True)

    def _kinds_of_stranger(self) -> Iterator[dict[str, KnownKey]]:
        """Yield what is known of sessions of roles, of users, of root users, and of federated users.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#principaltable
        """
        member = {"aws:principalorgid": _ORGANIZATION, "aws:principalorgpaths": _ORGANIZATION_PATHS}
        issued = {} if self._now is None else {"aws:tokenissuetime": _time(self._now - _LONGEST_SESSION, self._now)}
        maybe_issued = {key: replace(known, present=False) for key, known in issued.items()}
        kinds = (
            ("iam", "role/*", "AROA*:*", "AssumedRole", {**_OF_SESSIONS, **_MFA, **issued}),
            (
                "iam",
                "user/*",
                "AIDA*",
                "User",
                {"aws:username": replace(_CHOSEN, present=True), **_MFA, **maybe_issued},
            ),
            ("iam", "root", ANY_PART, "Account", {**_MFA, **maybe_issued}),
            ("sts", "federated-user/*", f"{ANY_PART}:*", "FederatedUser", issued),
        )
        absent = dict.fromkeys((*_OF_SESSIONS, *_MFA, "aws:assumedroot", "aws:tokenissuetime", "aws:username"), ABSENT)
        if self._now is None:
            del absent["aws:tokenissuetime"]
        for service, name, unique_id, type_name, more in kinds:
            yield {
                **absent,
                **member,
                "aws:principalarn": replace(_ANY_ACCOUNT, pattern=f"arn:{self.partition}:{service}::{ANY_PART}:{name}"),
                "aws:userid": replace(_ANY_ACCOUNT, pattern=unique_id),
                "aws:principaltype": KnownKey(type_name),
                **more,
            }

    def _endpoint(self) -> dict[str, KnownKey]:
        """Return what is known of requests through an endpoint that strangers have in a network of their own."""
        own = replace(_THEIR_OWN, present=True)
        return {
            "aws:sourceip": ABSENT,
            "aws:sourcevpce": replace(own, pattern="vpce-*"),
            "aws:sourcevpc": replace(own, pattern="vpc-*"),
            "aws:sourcevpcarn": replace(own, pattern=f"arn:{self.partition}:ec2:{ANY_PART}:{ANY_PART}:vpc/vpc-*"),
            "aws:vpceaccount": _ANY_ACCOUNT,
            "aws:vpceorgid": _ORGANIZATION,
            "aws:vpceorgpaths": _ORGANIZATION_PATHS,
            # Everybody has the same private addresses.
            "aws:vpcsourceip": replace(_CHOSEN, present=True),
        }

    def _services_of_strangers(self, service: Principal) -> Iterator[RequestContext]:
        """Yield the requests of a service for the resources of accounts that no policy names."""
        if service == LAMBDA_PRINCIPAL:
            arn = KnownKey(functions_arn(ANY_PART, ANY_PART, self.partition), every=True, unnamed=True)
            account = _ANY_ACCOUNT
        else:
            # Not every service says for which resource it acts.
            arn = replace(_THEIR_OWN, pattern=f"arn:{self.partition}:{ANY_PART}:{ANY_PART}:{ANY_PART}:*")
            account = replace(_ANY_ACCOUNT, present=False)
        for member in (False, True):
            yield RequestContext(
                service,
                {
                    **self.of(service).known_keys,
                    **self._of_everybody,
                    "aws:principalservicenameslist": replace(_CHOSEN, present=True),
                    "aws:sourceaccount": account,
                    "aws:sourcearn": arn,
                    "aws:sourceorgid": _ORGANIZATION if member else ABSENT,
                    "aws:sourceorgpaths": _ORGANIZATION_PATHS if member else ABSENT,
                },
            )


def _time(first: float, last: float) -> KnownKey:
    return KnownKey("*", every=True, between=(first, last))
