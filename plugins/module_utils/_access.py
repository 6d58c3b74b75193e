# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Whom a statement of a policy reaches, and with what.

How IAM decides: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html

The limits: a policy does not say which accounts an organization has, what tags a caller carries or where a call comes
from. What hangs on such a thing is said to apply conditionally; nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any

from ansible_collections.imageshare.aws.plugins.module_utils._grants import (
    Kind,
    Principal,
    is_unique_id,
    read_principal,
)
from ansible_collections.imageshare.aws.plugins.module_utils._policy import Policy, Statement, statements
from ansible_collections.imageshare.aws.plugins.module_utils._templates import LAMBDA_SERVICE


class Applies(Enum):
    """How far a statement applies to a principal, in rising order."""

    NO = 0
    CONDITIONALLY = 1
    YES = 2


@dataclass(frozen=True)
class Reach:
    """How far a statement applies to a principal, and via which of its entries.

    via: an account as its id, NotPrincipal by that name, all else as the statement has it.
    """

    via: str
    applies: Applies


EVERYONE = "*"
# Cannot be granted by a repository policy: https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policies.html
_WITHOUT_EFFECT = "ecr:getauthorizationtoken"


def applies(statement: Statement, principal: Principal, action: str, partition: str) -> Applies:
    """How far a statement, Allow or Deny, applies to a principal's use of an action.

    action: such as C(ecr:BatchGetImage), without wildcards.
    """
    if not covers(statement, action):
        return Applies.NO
    return strongest(reach.applies for reach in reaches(statement, principal, partition))


def strongest(verdicts: Iterable[Applies]) -> Applies:
    """The one that applies furthest; NO for none."""
    return max(verdicts, key=lambda verdict: verdict.value, default=Applies.NO)


def covers(statement: Statement, action: str) -> bool:
    """Whether a statement's Action or NotAction includes an action.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html
    """
    if "NotAction" in statement:
        return not any(_matches(pattern, action, re.IGNORECASE) for pattern in _strings(statement["NotAction"]))
    return any(_matches(pattern, action, re.IGNORECASE) for pattern in _strings(statement.get("Action")))


def actions_beyond(statement: Statement, known: Iterable[str]) -> tuple[str, ...]:
    """The ECR actions of a statement that are not among the known ones, as the statement spells them.

    A wildcard counts as beyond: what it stands for may grow. Of NotAction it says C(all but …).
    """
    if "NotAction" in statement:
        return (f"all but {', '.join(_strings(statement['NotAction']))}",)
    ignored = {_WITHOUT_EFFECT, *(action.lower() for action in known)}
    return tuple(
        action
        for action in dict.fromkeys(_strings(statement.get("Action")))
        if action.lower() not in ignored and (action.lower().startswith("ecr:") or "*" in action.split(":")[0])
    )


def reaches(statement: Statement, principal: Principal, partition: str) -> tuple[Reach, ...]:
    """The entries of a statement through which it reaches a principal; empty for none.

    An account's root stands for every role, user and session of the account, and one of these for a part of its
    account: the statement then applies conditionally. So does one with a condition that the policy cannot decide.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
    """
    if "NotPrincipal" in statement:
        found = [Reach("NotPrincipal", _all_but(_aws_entries(statement["NotPrincipal"]), principal, partition))]
    else:
        found = [_entry_reach(entry, principal, partition) for entry in _aws_entries(statement.get("Principal"))]
    for operator, key, values in _conditions(statement):
        membership = _MEMBERSHIPS.get((operator, key))
        if membership is None:
            found = [Reach(reach.via, _weaker(reach.applies, Applies.CONDITIONALLY)) for reach in found]
        else:
            found = [
                Reach(
                    value if reach.via == EVERYONE else reach.via,
                    _weaker(reach.applies, membership(value, principal)),
                )
                for reach in found
                for value in values
            ]
    return tuple(reach for reach in found if reach.applies is not Applies.NO)


def reaches_functions(statement: Statement, account: str, apart: Iterable[str] = ()) -> Applies:
    """How far a statement applies to the Lambda service when it acts for functions of an account.

    apart: patterns of functions that do not count; what is left are the others.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
    """
    if not _reaches_lambda(statement):
        return Applies.NO
    apart = tuple(apart)
    verdict = Applies.YES
    for operator, key, values in _conditions(statement):
        if (operator, key) in _MEMBERSHIPS:
            return Applies.NO  # A service belongs to no organization.
        if operator.removeprefix("foranyvalue:") not in _MATCHING or key not in _SOURCES:
            verdict = Applies.CONDITIONALLY
        elif not any(
            _SOURCES[key](value, account) and not any(_matches(pattern, value) for pattern in apart) for value in values
        ):
            return Applies.NO
    return verdict


def is_public(statement: Statement) -> bool:
    """Whether an Allow reaches everyone on earth who has an AWS account: an unconditional C(*), or NotPrincipal."""
    if statement.get("Effect") != "Allow" or statement.get("Condition") or not actions_beyond(statement, ()):
        return False
    return "NotPrincipal" in statement or EVERYONE in _aws_entries(statement.get("Principal"))


def reaches_any_account(value: str) -> bool:
    """Whether a pattern for a source ARN or for an organization path is open to accounts that it does not spell.

    Patterns that spell an account, or an organization at their beginning, are not; all others with a wildcard are.
    """
    return bool(_WILDCARD.search(value)) and not _SPELLS_WHOSE.search(value)


def unique_ids(statement: Statement) -> tuple[str, ...]:
    """The ids of deleted roles and users among a statement's principals."""
    return tuple(dict.fromkeys(entry for entry in _principals(statement) if is_unique_id(entry)))


def policy_unique_ids(policy: Policy | None) -> tuple[str, ...]:
    """The ids of deleted roles and users anywhere in a policy, for whose sake AWS refuses to store it."""
    return tuple(entry for entry in policy_principals(policy) if is_unique_id(entry))


def policy_principals(policy: Policy | None) -> tuple[str, ...]:
    """The AWS principals that a policy names anywhere, as it spells them, without the C(*) for everyone."""
    entries = (entry for statement in statements(policy) for entry in _principals(statement))
    return tuple(dict.fromkeys(entry for entry in entries if entry != EVERYONE))


def _entry_reach(entry: str, principal: Principal, partition: str) -> Reach:
    if entry == EVERYONE:
        return Reach(EVERYONE, Applies.YES)
    named = read_principal(entry, partition)
    if named is None or named.account is None or named.account != principal.account:
        return Reach(entry, Applies.NO)
    if named == principal or named.kind is Kind.ACCOUNT or _is_session_of(principal, named):
        return Reach(named.name, Applies.YES)
    if principal.kind is Kind.ACCOUNT or _is_session_of(named, principal):
        return Reach(named.name, Applies.CONDITIONALLY)
    return Reach(named.name, Applies.NO)


def _all_but(entries: Iterable[str], principal: Principal, partition: str) -> Applies:
    named = [found for found in (read_principal(entry, partition) for entry in entries) if found is not None]
    account = any(found.kind is Kind.ACCOUNT and found.account == principal.account for found in named)
    if principal.kind is Kind.ACCOUNT:
        # The account is spared, its roles and users are not unless they are named as well.
        return Applies.CONDITIONALLY if account else Applies.YES
    if any(found == principal or _is_session_of(principal, found) for found in named):
        return Applies.NO if account else Applies.CONDITIONALLY
    return Applies.YES


def _is_session_of(session: Principal, role: Principal) -> bool:
    """A session's ARN has the role's name, which is unique in its account, and not the role's path."""
    return (
        session.kind is Kind.SESSION
        and role.kind is Kind.ROLE
        and session.account == role.account
        and session.name.split(":assumed-role/")[-1].split("/")[0] == role.name.rsplit("/", 1)[-1]
    )


def _in_organization(organization: str, principal: Principal) -> Applies:
    if principal.account is not None:
        return Applies.CONDITIONALLY
    return Applies.YES if principal.name.split("/")[0] == organization else Applies.NO


def _below_path(pattern: str, principal: Principal) -> Applies:
    if principal.account is not None:
        return Applies.CONDITIONALLY
    path = principal.name.removesuffix("*")
    if principal.kind is Kind.ORGANIZATIONAL_UNIT and (pattern == principal.name or _matches(pattern, path)):
        return Applies.YES
    return Applies.CONDITIONALLY if _matches(f"{path}*", pattern) or _WILDCARD.search(pattern[:-1]) else Applies.NO


# Conditions on "everyone" that name an organization or a part of it, as {(operator, key): how far}, in lower case.
_MEMBERSHIPS: Mapping[tuple[str, str], Callable[[str, Principal], Applies]] = {
    ("stringequals", "aws:principalorgid"): _in_organization,
    ("foranyvalue:stringlike", "aws:principalorgpaths"): _below_path,
}
_MATCHING = frozenset({"stringequals", "stringlike", "arnequals", "arnlike"})
# Conditions on whose behalf a service acts: whether a value admits a function of an account.
_SOURCES: Mapping[str, Callable[[str, str], bool]] = {
    "aws:sourcearn": lambda value, account: f":{account}:" in value or reaches_any_account(value),
    "aws:sourceaccount": lambda value, account: value == account or reaches_any_account(value),
}
_WILDCARD = re.compile(r"[*?]")
_SPELLS_WHOSE = re.compile(r":[0-9]{12}:|^o-[a-z0-9]{10,32}/")


def _conditions(statement: Statement) -> Iterable[tuple[str, str, tuple[str, ...]]]:
    """(operator, key, values) of each condition, operator and key in lower case."""
    condition = statement.get("Condition")
    for operator, keys in condition.items() if isinstance(condition, dict) else ():
        for key, value in keys.items() if isinstance(keys, dict) else ():
            yield operator.lower(), key.lower(), _strings(value)


def _reaches_lambda(statement: Statement) -> bool:
    if "NotPrincipal" in statement:
        return LAMBDA_SERVICE not in _services(statement["NotPrincipal"])
    principal = statement.get("Principal")
    return LAMBDA_SERVICE in _services(principal) or EVERYONE in _aws_entries(principal)


def _services(principal: Any) -> tuple[str, ...]:
    return _strings(principal.get("Service")) if isinstance(principal, dict) else ()


def _principals(statement: Statement) -> Iterable[str]:
    return (entry for name in ("Principal", "NotPrincipal") for entry in _aws_entries(statement.get(name)))


def _aws_entries(principal: Any) -> tuple[str, ...]:
    if isinstance(principal, dict):
        return _strings(principal.get("AWS"))
    return (EVERYONE,) if principal == EVERYONE else ()


def _strings(value: Any) -> tuple[str, ...]:
    return tuple(item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str))


def _weaker(first: Applies, second: Applies) -> Applies:
    return min(first, second, key=lambda verdict: verdict.value)


def _matches(pattern: str, text: str, flags: int = 0) -> bool:
    return _compiled(pattern, flags).fullmatch(text) is not None


@lru_cache(maxsize=1024)
def _compiled(pattern: str, flags: int) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), flags | re.DOTALL)
