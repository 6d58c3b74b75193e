# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Warnings about what a policy that is put back gives again: access that the present one does not give, by an Allow or
without a Deny.
"""

from __future__ import annotations

from collections.abc import Iterable

from .._errors import PolicyWarning, RepositoryContext
from .._iam.principals import EVERYONE
from .._text import word, words
from .effective_access import Share
from .evaluator import ParsedPolicy
from .excess_warnings import let_in_by, open_statements, undenied_shares
from .statements import NumberedStatement, ParsedStatement
from .warning_words import about, first_of, service_name, some_actions

_FUNCTIONS_PULL = "the pull by Lambda functions in "


def regained_access_warnings(
    policy: ParsedPolicy, present: ParsedPolicy, repository: RepositoryContext
) -> Iterable[PolicyWarning]:
    """Yield warnings about whom a policy gives what the present one does not, by any statement."""
    certainly, possibly = _given(present, certain=True), _given(present, certain=False)
    open_ones = open_statements(policy)
    # By statement, and by whether it is certain: who is let in, and what to.
    found: dict[tuple[NumberedStatement, bool], dict[str, set[str]]] = {}
    for share, certain in undenied_shares(policy):
        given = certainly if certain else possibly
        for name, owner in let_in_by(share):
            had = set().union(*(given.get(known, ()) for known in (name, owner, EVERYONE.name)))
            gained = set() if repository.registry_id in (name, owner) else _without(_what(share), had)
            for numbered in share.statements:
                actions = gained & {*_told(numbered.statement.actions, share), *_functions(share)}
                if actions and numbered not in open_ones:
                    found.setdefault((numbered, certain), {}).setdefault(name, set()).update(actions)
    for numbered in policy.effective_statements:
        for certain, verb in ((True, "lets in again"), (False, "may let in again")):
            names = found.get((numbered, certain), {})
            if names:
                what = first_of(sorted(set().union(*names.values())))
                text = f"{numbered.label} {verb} {words(tuple(names))}: the present policy does not allow {what}"
                yield about(numbered, repository, "excess_access", text, names, certain=certain)


def lifted_deny_warnings(
    policy: ParsedPolicy, present: ParsedPolicy, repository: RepositoryContext
) -> Iterable[PolicyWarning]:
    kept = [numbered.statement for numbered in policy.effective_statements if numbered.statement.denies]
    for numbered in present.effective_statements:
        deny = numbered.statement
        if deny.denies and not any(_same_deny(deny, other) and deny.actions <= other.actions for other in kept):
            actions = some_actions(sorted(deny.actions))
            text = f"{numbered.label} of the present policy, a Deny, is taken back: it denies {actions}"
            yield about(numbered, repository, "excess_access", text)


def _same_deny(one: ParsedStatement, other: ParsedStatement) -> bool:
    """Return whether two statements deny the same requests, but for the actions."""
    return (one.excludes, set(one.principals), _requirements(one)) == (
        other.excludes,
        set(other.principals),
        _requirements(other),
    )


def _requirements(statement: ParsedStatement) -> set[tuple[str, str, frozenset[str]]]:
    return {(one.operator.lower(), one.key.lower(), frozenset(one.values)) for one in statement.conditions}


def _given(policy: ParsedPolicy, *, certain: bool) -> dict[str, set[str]]:
    """Return what a policy gives, certainly or at all, by the name of whom it lets in."""
    given: dict[str, set[str]] = {}
    for share, is_certain in undenied_shares(policy):
        if is_certain or not certain:
            for name, _owner_of_name in let_in_by(share):
                given.setdefault(name, set()).update(_what(share))
    return given


def _what(share: Share) -> set[str]:
    return {*_told(share.actions, share), *_functions(share)}


def _told(actions: Iterable[str], share: Share) -> set[str]:
    """Return what actions are called, which a service may use in the place of the principal."""
    through = "" if share.via_service is None else f" through {service_name(share.via_service)}"
    return {f"{action}{through}" for action in actions}


def _functions(share: Share) -> set[str]:
    return {f"{_FUNCTIONS_PULL}{word(region)}" for region in share.lambda_regions}


def _without(gained: set[str], had: set[str]) -> set[str]:
    every_region = f"{_FUNCTIONS_PULL}*" in had
    return {what for what in gained - had if not (every_region and what.startswith(_FUNCTIONS_PULL))}
