# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Whether a share lets somebody in who is asked for: as themselves, as a part of them, or as one of others.

The rules:

* An account is itself, and has members: its roles, users, sessions, Lambda functions, and services that act for
  it. A role has its sessions, an organization its units, a service whatever it does for others.
* Whoever may be meant by a share of somebody else (everyone, an organization, a pattern, their account)
  possibly gets in.
* A share that certainly is for others, or of which a Deny certainly takes all from them, does not let them in.
"""

from __future__ import annotations

from enum import StrEnum

from .._iam.comparisons import Applies
from .._iam.conditions import all_hold, is_positive
from .._iam.patterns import PatternSet
from .._iam.principals import ORGANIZATIONS, Principal, PrincipalType, is_session_of
from .actions import LAMBDA_PULL
from .effective_access import Share
from .evaluator import ParsedPolicy
from .matching import IDENTITY_KEYS
from .public_access import actions_not_denied
from .request_context import ANY_SERVICE, LAMBDA_PRINCIPAL, RequestContext

# Whom policies name, and nobody else can be.
_THEMSELVES_ALONE = frozenset({PrincipalType.EVERYONE, PrincipalType.DELETED, PrincipalType.OTHER})


class Match(StrEnum):
    """How a share is for somebody."""

    EXACT = "exact"
    MEMBER = "member"
    POSSIBLE = "possible"


def match(share: Share, principal: Principal, policy: ParsedPolicy) -> Match | None:
    """Return how a share of a policy is for a principal; None if it is not."""
    if share.principal == principal:
        return Match.EXACT if share.actions and share.via_service is None else Match.MEMBER
    if _is_member(share, principal):
        return Match.MEMBER
    if principal.kind in _THEMSELVES_ALONE:
        return None
    if principal.kind is PrincipalType.SERVICE and share.via_service == ANY_SERVICE.name:
        return Match.POSSIBLE
    itself, through = _may_use(share, principal, policy), _may_be_served(share, principal, policy)
    return Match.POSSIBLE if itself or through else None


def _is_member(share: Share, principal: Principal) -> bool:
    member = share.principal
    if principal.kind is PrincipalType.ACCOUNT:
        return member.account == principal.account
    if principal.kind is PrincipalType.SERVICE:
        return share.via_service == principal.name or (principal == LAMBDA_PRINCIPAL and bool(share.lambda_regions))
    if principal.kind in ORGANIZATIONS:
        return _contains(principal, member)
    return is_session_of(member, principal)


def _contains(organization: Principal, member: Principal) -> bool:
    """Return whether a unit is in an organization or unit."""
    if member.kind is not PrincipalType.ORGANIZATIONAL_UNIT or organization.kind not in ORGANIZATIONS:
        return False
    is_unit = organization.kind is PrincipalType.ORGANIZATIONAL_UNIT
    return PatternSet([organization.name if is_unit else f"{organization.name}/*"]).contains(member.name)


def _may_share(one: Principal, other: Principal) -> bool:
    """Return whether an account may be in both of two organizations or units."""
    if other.kind not in ORGANIZATIONS:
        return False
    paths = [who.name if who.kind is PrincipalType.ORGANIZATIONAL_UNIT else f"{who.name}/*" for who in (one, other)]
    return PatternSet(paths[:1]).overlaps(paths[1])


def _may_use(share: Share, principal: Principal, policy: ParsedPolicy) -> bool:
    """Return whether a principal may get in by itself, as one of those whom a share is for."""
    if share.via_service is not None or not _may_be_one_of(principal, share.principal):
        return False
    return _is_let_in(share, share.actions, policy.matcher.contexts.of(principal), policy)


def _may_be_one_of(principal: Principal, others: Principal) -> bool:
    if others.kind is PrincipalType.EVERYONE:
        return True
    if others.kind in ORGANIZATIONS:
        # No policy says in which organization an account is, nor where in it a unit is.
        return principal.account is not None or _may_share(others, principal)
    if others.kind is PrincipalType.ACCOUNT:
        return principal.account == others.account
    return is_session_of(principal, others)


def _may_be_served(share: Share, principal: Principal, policy: ParsedPolicy) -> bool:
    """Return whether a service may use a share for the resources of an account, an organization or a unit."""
    owner, contexts = share.principal, policy.matcher.contexts
    if principal.kind is not PrincipalType.ACCOUNT and principal.kind not in ORGANIZATIONS:
        return False
    if owner.kind in (PrincipalType.SERVICE, PrincipalType.EVERYONE) and share.via_service is None:
        if any(condition.key.lower() in IDENTITY_KEYS and is_positive(condition) for condition in share.conditions):
            # These are the keys of people.
            return False
        service = owner if owner.kind is PrincipalType.SERVICE else ANY_SERVICE
        return _is_let_in(share, share.actions, contexts.acting(service, principal), policy)
    if not _may_be_one_of(principal, owner):
        return False
    if share.via_service is not None:
        service = Principal(PrincipalType.SERVICE, share.via_service)
        return _is_let_in(share, share.actions, contexts.acting(service, principal), policy)
    functions = contexts.acting(LAMBDA_PRINCIPAL, principal)
    return bool(share.lambda_regions) and _is_let_in(share, LAMBDA_PULL, functions, policy)


def _is_let_in(share: Share, actions: frozenset[str], context: RequestContext, policy: ParsedPolicy) -> bool:
    """Return whether callers may meet the conditions of a share, and no Deny takes all of its actions from them."""
    matcher = policy.matcher
    excluding = [one.statement for one in share.statements if one.statement.excludes]
    if any(matcher.applies(statement, context) is Applies.NO for statement in excluding):
        return False
    if all_hold(share.conditions, context.known_keys) is Applies.NO:
        return False
    denies = (one.statement for one in policy.effective_statements if one.statement.denies)
    return bool(actions_not_denied(actions, context, denies, matcher))
