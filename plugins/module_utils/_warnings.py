# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""What a person should know about a repository after a merge: warnings, each with its repository, Sid and principal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.imageshare.aws.plugins.module_utils._access import (
    EVERYONE,
    Applies,
    actions_beyond,
    applies,
    covers,
    is_public,
    reaches,
    reaches_any_account,
    reaches_functions,
    strongest,
    unique_ids,
)
from ansible_collections.imageshare.aws.plugins.module_utils._grants import Access, Grant, Kind
from ansible_collections.imageshare.aws.plugins.module_utils._policy import Policy, Statement, labelled
from ansible_collections.imageshare.aws.plugins.module_utils._templates import (
    ACTIONS,
    LAMBDA_ACTIONS,
    functions_arn,
    recognise,
)

# What the task says once for each kind, after the number of repositories.
SUMMARIES = {
    "public": "are open to everyone, or to any account",
    "denied": "have a Deny that defeats a declared grant, or may defeat it",
    "lambda_region": "are in a region that no declared lambda_regions covers",
    "excess_access": "leave a principal, certainly or possibly, with access beyond the declared",
    "orphan": "have deleted principals in their policy",
    "stored_differently": "have now another policy than the one that was sent",
}


@dataclass(frozen=True)
class PolicyWarning:
    """kind: a key of SUMMARIES. sid: of the statement, None where it has none or none is meant."""

    kind: str
    message: str
    sid: str | None = None
    principals: tuple[str, ...] = ()


@dataclass(frozen=True)
class Place:
    """The repository that is spoken of: its name, and the region and partition of its registry."""

    repository: str
    region: str
    partition: str


def after_sharing(policy: Policy | None, declared: Sequence[Grant], place: Place) -> tuple[PolicyWarning, ...]:
    """Warnings about a policy that grants were merged into. declared: one grant a principal."""
    return (
        *_public(policy, place),
        *_denied(policy, declared, place),
        *_uncovered_region(declared, place),
        *_excess(policy, declared, place),
    )


def after_unsharing(policy: Policy | None, named: Sequence[Grant], place: Place) -> tuple[PolicyWarning, ...]:
    """Warnings about a policy that principals were taken out of. Of the grants, only the principals count."""
    nothing = [Grant(grant.principal, Access.LAMBDA, ()) for grant in named]
    return (*_public(policy, place), *_excess(policy, nothing, place))


def about_orphans(policy: Policy | None, place: Place, *, writing: bool, pruned: bool) -> tuple[PolicyWarning, ...]:
    """Warnings about the ids of deleted principals that a policy still has.

    writing: whether the policy is about to be stored, which AWS then refuses.
    pruned: whether they were taken out of the managed statements; those in foreign ones are then worth a word.
    """
    found = []
    for label, statement in labelled(policy):
        orphans = unique_ids(statement)
        if orphans and (writing or pruned):
            advice = "set prune_orphans" if recognise(statement) else "take them out of it by hand"
            refusal = ", and AWS refuses to store a policy that does" if writing else ""
            text = f"{label} names deleted principals, {_listed(orphans)}{refusal}: {advice}"
            found.append(PolicyWarning("orphan", f"{place.repository}: {text}", _sid(statement), orphans))
    return tuple(found)


def _public(policy: Policy | None, place: Place) -> Iterable[PolicyWarning]:
    for label, statement in labelled(policy):
        if is_public(statement):
            text = f'{label} lets everyone ("*", without a condition) use {_some(actions_beyond(statement, ()))}'
            yield PolicyWarning(
                "public", f"{place.repository}: the repository is public: {text}", _sid(statement), (EVERYONE,)
            )
        managed = recognise(statement)
        if managed and managed[0].slot.takes_wildcards:
            for value in managed[1]:
                if reaches_any_account(value):
                    yield PolicyWarning(
                        "public",
                        f"{place.repository}: {label} is open to accounts that it does not name: {value}",
                        _sid(statement),
                        (value,),
                    )


def _denied(policy: Policy | None, declared: Sequence[Grant], place: Place) -> Iterable[PolicyWarning]:
    for label, statement in labelled(policy):
        if statement.get("Effect") != "Deny":
            continue
        verdicts = {grant.principal.name: _deny_applies(statement, grant, place) for grant in declared}
        for verdict, names in _by_verdict(verdicts):
            text = (
                f"denies {_listed(names)} what is granted here: a Deny wins over every Allow"
                if verdict is Applies.YES
                else f"may deny {_listed(names)} what is granted here, under its conditions or for a part of them"
            )
            yield PolicyWarning("denied", f"{place.repository}: {label} {text}", _sid(statement), names)


def _deny_applies(statement: Statement, grant: Grant, place: Place) -> Applies:
    verdicts = [applies(statement, grant.principal, action, place.partition) for action in ACTIONS[grant.access]]
    if grant.lambda_regions and any(covers(statement, action) for action in LAMBDA_ACTIONS):
        verdicts.append(reaches_functions(statement, grant.principal.name))
    return strongest(verdicts)


def _uncovered_region(declared: Sequence[Grant], place: Place) -> Iterable[PolicyWarning]:
    outside = tuple(
        grant.principal.name
        for grant in declared
        if grant.lambda_regions and not {place.region, "*"}.intersection(grant.lambda_regions)
    )
    if outside:
        text = f"is in {place.region}, which no declared lambda_regions of {_listed(outside)} covers"
        why = "a function pulls its image from its own region only"
        yield PolicyWarning("lambda_region", f"{place.repository} {text}: {why}", None, outside)


def _excess(policy: Policy | None, declared: Sequence[Grant], place: Place) -> Iterable[PolicyWarning]:
    by_name = {grant.principal.name: grant for grant in declared}
    for label, statement in labelled(policy):
        if statement.get("Effect") != "Allow" or is_public(statement):
            continue
        found: dict[tuple[Applies, tuple[str, ...], str], list[str]] = {}
        for grant in declared:
            beyond = actions_beyond(statement, ACTIONS[grant.access])
            for reach in reaches(statement, grant.principal, place.partition) if beyond else ():
                other = by_name.get(reach.via)
                if other is None or actions_beyond(statement, ACTIONS[other.access]):
                    found.setdefault((reach.applies, beyond, reach.via), []).append(grant.principal.name)
        for (verdict, actions, via), names in found.items():
            verb = "still gives" if verdict is Applies.YES else "may still give"
            through = "" if [via] == names else f", through {via}"
            text = f"{verb} {_listed(names)} access beyond the declared{through}: {_some(actions)}"
            yield PolicyWarning("excess_access", f"{place.repository}: {label} {text}", _sid(statement), tuple(names))
        functions = {grant.principal.name: _functions_beyond(statement, grant, place) for grant in declared}
        for verdict, accounts in _by_verdict(functions):
            verb = "still lets" if verdict is Applies.YES else "may still let"
            text = f"{verb} Lambda functions of {_listed(accounts)} pull beyond the declared lambda_regions"
            yield PolicyWarning("excess_access", f"{place.repository}: {label} {text}", _sid(statement), accounts)


def _functions_beyond(statement: Statement, grant: Grant, place: Place) -> Applies:
    """How far Lambda functions of an account may pull other than by the declared regions, if any are declared."""
    if grant.lambda_regions is None or grant.principal.kind is not Kind.ACCOUNT or not actions_beyond(statement, ()):
        return Applies.NO
    account = grant.principal.name
    declared = [functions_arn(account, region, place.partition) for region in grant.lambda_regions]
    return reaches_functions(statement, account, apart=declared)


def _by_verdict(verdicts: Mapping[str, Applies]) -> Iterable[tuple[Applies, tuple[str, ...]]]:
    for verdict in (Applies.YES, Applies.CONDITIONALLY):
        names = tuple(name for name, found in verdicts.items() if found is verdict)
        if names:
            yield verdict, names


def _sid(statement: Statement) -> str | None:
    sid = statement.get("Sid")
    return sid if isinstance(sid, str) else None


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


def _some(actions: Sequence[str], most: int = 5) -> str:
    more = f" and {len(actions) - most} more" if len(actions) > most else ""
    return ", ".join(actions[:most]) + more
