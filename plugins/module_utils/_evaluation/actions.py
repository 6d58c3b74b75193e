# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""The actions of ECR that a statement includes, and what they amount to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from .._iam.document import Statement, strings
from .._iam.patterns import PatternSet, is_literal
from .._sharing.capabilities import CAPABILITIES, LAMBDA_ACTIONS
from .._sharing.ecr_actions import OTHER_ACTIONS, REPOSITORY_ACTIONS

# Whoever may use one of these can let others in, lock them out, or destroy what they pull. A lifecycle policy deletes
# images: https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
ADMIN_ACTIONS = frozenset(
    {
        "ecr:BatchDeleteImage",
        "ecr:DeleteRepository",
        "ecr:DeleteRepositoryPolicy",
        "ecr:PutLifecyclePolicy",
        "ecr:SetRepositoryPolicy",
    }
)

# Whoever may use one of these puts tags on a repository, so that the request has tags.
TAGGING_ACTIONS = frozenset({"ecr:CreateRepository", "ecr:TagResource"})
# Only the policy of a registry can grant it: it is asked for before there is a repository.
CREATE_REPOSITORY = "ecr:CreateRepository"
# What a registry looked at in its policy before its scope was extended. "ecr:*" stood for these.
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry-permissions.html
ACTIONS_OF_SCOPE_V1 = frozenset({CREATE_REPOSITORY, "ecr:BatchImportUpstreamImage", "ecr:ReplicateImage"})

LAMBDA_PULL = frozenset(LAMBDA_ACTIONS)
# With what other clients use beside it.
WHOLE_PULL = LAMBDA_PULL.union(*(one.action_sets[-1] for one in CAPABILITIES if one.required == LAMBDA_PULL))
# What no grant gives, and access_of() names all the same: by the name, the actions of which one is enough. Whoever may
# replicate puts images here, and moves their tags: https://docs.aws.amazon.com/AmazonECR/latest/userguide/replication.html
ADMIN, REPLICATE, CREATE = "admin", "replicate", "create"
REPORTED_ONLY: Mapping[str, frozenset[str]] = {
    REPLICATE: frozenset({"ecr:ReplicateImage"}),
    CREATE: frozenset({CREATE_REPOSITORY}),
    ADMIN: ADMIN_ACTIONS,
}
_SPELLING = {action.lower(): action for action in REPOSITORY_ACTIONS}
# By whether CREATE_REPOSITORY counts.
_KNOWN = {False: _SPELLING, True: {**_SPELLING, CREATE_REPOSITORY.lower(): CREATE_REPOSITORY}}
_ELSEWHERE = frozenset(action.lower() for action in OTHER_ACTIONS)
_NAME = re.compile(r"ecr:[A-Za-z]+")


# Many principals have the same.
@lru_cache(maxsize=1024)
def access_of(actions: frozenset[str], *, administers: bool = True) -> tuple[str, ...]:
    """Return the names of the capabilities that actions include as a whole, and those of REPORTED_ONLY.

    Args:
        actions: The actions.
        administers: Whether ADMIN_ACTIONS make somebody an administrator.
    """
    return (
        *(capability.name for capability in CAPABILITIES if _included(capability.action_sets, actions)),
        *(name for name, one_of in REPORTED_ONLY.items() if actions & one_of and (administers or name != ADMIN)),
    )


@lru_cache(maxsize=1024)
def other_actions(actions: frozenset[str]) -> frozenset[str]:
    """Return the actions that are not a part of the capabilities that they include as a whole."""
    return actions.difference(*(_included(capability.action_sets, actions) for capability in CAPABILITIES))


def granted_actions(statement: Statement, *, creating: bool = False) -> frozenset[str]:
    """Return the actions on a repository that a statement's Action or NotAction includes, spelt as AWS does.

    Wildcards stand for what is in REPOSITORY_ACTIONS. A name that the tables do not have counts as it is written: AWS
    may be ahead of them.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notaction.html

    Args:
        statement: The statement.
        creating: Whether CREATE_REPOSITORY counts as well.
    """
    if "NotAction" in statement:
        excluded, known = strings(statement["NotAction"]), _KNOWN[creating]
        if not excluded or "Action" in statement:
            return frozenset()
        return frozenset(known.values()) - _expanded(excluded, creating)
    return _expanded(strings(statement.get("Action")), creating)


def included_actions(statement: Statement, actions: frozenset[str], known: frozenset[str]) -> frozenset[str]:
    """Return which of some actions a statement includes, be they in the tables or not.

    Args:
        statement: The statement.
        actions: The actions.
        known: Those that it includes of the tables.
    """
    found, strange = actions & known, actions - REPOSITORY_ACTIONS - known
    if not strange:
        return found
    excluding = "NotAction" in statement
    patterns = PatternSet([name.lower() for name in strings(statement.get("NotAction" if excluding else "Action"))])
    return found.union(action for action in strange if patterns.contains(action.lower()) is not excluding)


def additional_actions(
    statement: Statement, known: Iterable[str], among: frozenset[str] | None = None
) -> tuple[str, ...]:
    """Return the ECR actions of a statement that are not known, as the statement spells them.

    A wildcard is never known: what it stands for may grow. What no repository policy can grant is left out. Of
    NotAction the result says C(all but …).

    Args:
        statement: The statement.
        known: The actions that are expected.
        among: The actions of which a spelling must include one; None for any.
    """
    if "NotAction" in statement:
        return (f"all but {', '.join(strings(statement['NotAction']))}",)
    ignored = {*_ELSEWHERE, *(action.lower() for action in known)}
    return tuple(
        action
        for action in dict.fromkeys(strings(statement.get("Action")))
        if action.lower() not in ignored
        and (action.lower().startswith("ecr:") or "*" in action.split(":")[0])
        and (among is None or among & _expanded((action,)))
    )


def _included(action_sets: Iterable[Iterable[str]], actions: frozenset[str]) -> frozenset[str]:
    """Return what actions include of a capability: nothing if none of its sets is there as a whole."""
    return frozenset[str]().union(*(included for included in action_sets if actions.issuperset(included)))


@lru_cache(maxsize=256)
def _expanded(patterns: tuple[str, ...], creating: bool = False) -> frozenset[str]:
    known = _KNOWN[creating]
    result: set[str] = set()
    with_wildcards = [pattern.lower() for pattern in patterns if not is_literal(pattern)]
    if with_wildcards:
        included = PatternSet(with_wildcards)
        result.update(action for lower, action in known.items() if included.contains(lower))
    for name in patterns:
        if name.lower() in known:
            result.add(known[name.lower()])
        elif _NAME.fullmatch(name) and name.lower() not in _ELSEWHERE:
            result.add(name)
    return frozenset(result)
