# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""What a person should know about a repository after a merge: warnings, each with its repository, Sid and principal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from .._errors import PolicyWarning
from .._iam.conditions import Applies, strongest
from .._iam.document import Policy, label_of, statements
from .._iam.principals import PrincipalType
from .._sharing.capabilities import LAMBDA_SERVICE, actions_of
from .._sharing.grants import Grant
from .actions import LAMBDA_PULL, additional_actions
from .effective_access import Share, shares
from .matching import Opening, applies, match_principal, openings, reaches_functions
from .request_context import EVERYONE, context_of, functions
from .statements import ANSWERS, ParsedStatement, parse_statement, valid_statements

_Rules = Sequence[tuple[int, ParsedStatement]]
# The conditions by which a statement says for whom a service may act.
_SOURCES = ("aws:sourcearn", "aws:sourceaccount")


@dataclass(frozen=True)
class Place:
    """The repository that is spoken of: its name, the region and partition of its registry, and whose that is, None
    where it is not known.
    """

    repository: str
    region: str
    partition: str
    registry_id: str | None = None


def after_sharing(
    policy: Policy | None, declared: Sequence[Grant], place: Place, *, purged_for: str | None = None
) -> tuple[PolicyWarning, ...]:
    """Warnings about a policy that grants were merged into.

    declared: one grant a principal.
    purged_for: the account that owns the registry, if all other grants were ended; None if not.
    """
    rules, opened = valid_statements(policy), openings(policy, place.partition, place.registry_id)
    return (
        *_public(opened, place),
        *_denied(rules, declared, place),
        *_uncovered_region(declared, place),
        *_excess(rules, opened, declared, place),
        *(() if purged_for is None else _undeclared(policy, rules, opened, declared, place, purged_for)),
    )


def after_unsharing(policy: Policy | None, named: Sequence[Grant], place: Place) -> tuple[PolicyWarning, ...]:
    """Warnings about a policy that principals were taken out of. Of the grants, only the principals count."""
    nothing = [Grant(grant.principal, frozenset(), ()) for grant in named]
    opened = openings(policy, place.partition, place.registry_id)
    return (*_public(opened, place), *_excess(valid_statements(policy), opened, nothing, place))


def about_orphans(policy: Policy | None, place: Place, *, writing: bool, pruned: bool) -> tuple[PolicyWarning, ...]:
    """Warnings about the ids of deleted principals that a policy still has.

    writing: whether the policy is about to be stored, which AWS then refuses.
    pruned: whether they were taken out of the managed statements; those in foreign ones are then worth a word.
    """
    found = []
    for position, rule in enumerate(map(parse_statement, statements(policy)), start=1):
        if rule.deleted_principals and (writing or pruned):
            advice = "set purge_deleted_principals" if rule.managed else "take them out of it by hand"
            refusal = ", and AWS refuses to store a policy that does" if writing else ""
            names = rule.deleted_principals
            text = f"{_label(position, rule)} names deleted principals, {_listed(names)}{refusal}: {advice}"
            found.append(PolicyWarning("deleted_principal", f"{place.repository}: {text}", rule.sid, names))
    return tuple(found)


def _public(opened: Iterable[Opening], place: Place) -> Iterable[PolicyWarning]:
    for opening in opened:
        rule, label = opening.rule, _label(opening.position, opening.rule)
        actions = _some(_beyond(rule, ()))
        condition = (
            "under a condition that anybody can meet" if rule.statement.get("Condition") else "without a condition"
        )
        for entry in opening.entries:
            if entry == EVERYONE and opening.to_everyone:
                text = f'the repository is public: {label} lets everyone ("*", {condition}) use {actions}'
            elif entry == LAMBDA_SERVICE:
                text = f"{label} lets Lambda functions of every account use {actions}: no condition names an account"
            else:
                text = f"{label} is open to accounts that it does not name: {entry}"
            yield PolicyWarning("public", f"{place.repository}: {text}", rule.sid, (entry,))


def _denied(rules: _Rules, declared: Sequence[Grant], place: Place) -> Iterable[PolicyWarning]:
    for position, rule in rules:
        if not rule.denies:
            continue
        verdicts = {grant.principal.name: _deny_applies(rule, grant, place) for grant in declared}
        for verdict, names in _by_verdict(verdicts):
            text = (
                f"denies {_listed(names)} what is granted here: a Deny wins over every Allow"
                if verdict is Applies.YES
                else f"may deny {_listed(names)} what is granted here, under its conditions or for a part of them"
            )
            message = f"{place.repository}: {_label(position, rule)} {text}"
            yield PolicyWarning("explicit_deny", message, rule.sid, names)


def _deny_applies(rule: ParsedStatement, grant: Grant, place: Place) -> Applies:
    denied, partition = rule.actions, place.partition
    callers = [context_of(grant.principal, partition)] if denied.intersection(actions_of(grant.access)) else []
    if denied & LAMBDA_PULL:
        callers += [functions(grant.principal.name, region, partition) for region in grant.lambda_regions or ()]
    return strongest(applies(rule, denied_callers, partition) for denied_callers in callers)


def _uncovered_region(declared: Sequence[Grant], place: Place) -> Iterable[PolicyWarning]:
    outside = tuple(
        grant.principal.name
        for grant in declared
        if grant.lambda_regions and not {place.region, "*"}.intersection(grant.lambda_regions)
    )
    if outside:
        text = f"is in {place.region}, which no declared lambda_regions of {_listed(outside)} covers"
        why = "a function pulls its image from its own region only"
        yield PolicyWarning("lambda_region_not_covered", f"{place.repository} {text}: {why}", None, outside)


def _excess(
    rules: _Rules, opened: Iterable[Opening], declared: Sequence[Grant], place: Place
) -> Iterable[PolicyWarning]:
    by_name = {grant.principal.name: grant for grant in declared}
    told = {opening.position for opening in opened if opening.to_everyone}
    for position, rule in rules:
        if rule.denies or position in told:
            continue
        found: dict[tuple[Applies, tuple[str, ...], str], list[str]] = {}
        for grant in declared:
            beyond = _beyond(rule, actions_of(grant.access))
            for reach in match_principal(rule, grant.principal, place.partition) if beyond else ():
                other = by_name.get(reach.via)
                if other is None or _beyond(rule, actions_of(other.access)):
                    found.setdefault((reach.applies, beyond, reach.via), []).append(grant.principal.name)
        for (verdict, actions, via), names in found.items():
            verb = "still gives" if verdict is Applies.YES else "may still give"
            through = "" if [via] == names else f", through {via}"
            text = f"{verb} {_listed(names)} access beyond the declared{through}: {_some(actions)}"
            yield PolicyWarning(
                "excess_access", f"{place.repository}: {_label(position, rule)} {text}", rule.sid, tuple(names)
            )
        beyond_regions = {grant.principal.name: _functions_beyond(rule, grant, place) for grant in declared}
        for verdict, accounts in _by_verdict(beyond_regions):
            verb = "still lets" if verdict is Applies.YES else "may still let"
            text = f"{verb} Lambda functions of {_listed(accounts)} pull beyond the declared lambda_regions"
            yield PolicyWarning(
                "excess_access", f"{place.repository}: {_label(position, rule)} {text}", rule.sid, accounts
            )


def _functions_beyond(rule: ParsedStatement, grant: Grant, place: Place) -> Applies:
    """How far Lambda functions of an account may pull other than by the declared regions, if any are declared."""
    if grant.lambda_regions is None or grant.principal.kind is not PrincipalType.ACCOUNT or not _beyond(rule, ()):
        return Applies.NO
    return reaches_functions(rule, grant.principal.name, place.partition, apart=grant.lambda_regions)


def _undeclared(
    policy: Policy | None,
    rules: _Rules,
    opened: Iterable[Opening],
    declared: Sequence[Grant],
    place: Place,
    owner: str,
) -> Iterable[PolicyWarning]:
    """Whom a purge leaves in, though no grant names them: by a foreign statement, or by a value that is no grant's."""
    known = {owner, *(name for grant in declared for name in (grant.principal.name, grant.principal.account) if name)}
    told = {opening.position for opening in opened}
    # By statement, and by whether it is certain: whoever is let in, and whose they are.
    found: dict[tuple[int, bool], dict[str, str]] = {}
    for share in shares(policy, place.partition, owner):
        strange = {name: whose for name, whose in _let_in(share) if not known.intersection((name, whose))}
        if any(denial.certain for denial in share.denied_by):
            continue
        certainly = all(condition.key.lower() in _SOURCES for condition in share.conditions)
        for source in share.statements:
            if source.position not in told:
                found.setdefault((source.position, certainly), {}).update(strange)
    for position, rule in rules:
        for certainly, verb in ((True, "still lets"), (False, "may still let")):
            let_in = found.get((position, certainly), {})
            # Where a whole account is let in, so are its users and functions.
            names = tuple(name for name, whose in let_in.items() if name == whose or whose not in let_in)
            if names:
                text = f"{_label(position, rule)} {verb} in {_listed(names)}, and no grant does: purge keeps it"
                yield PolicyWarning("excess_access", f"{place.repository}: {text}", rule.sid, names)


def _let_in(share: Share) -> Iterable[tuple[str, str]]:
    """Whoever a share lets in, by name, and whose they are: an account, an organization, or the name again."""
    sources = [
        value for condition in share.conditions if condition.key.lower() in _SOURCES for value in condition.values
    ]
    if share.kind == "deleted":
        return []
    if share.kind == "service" and sources:
        return [(source, _owner(source)) for source in sources]
    return [(share.principal, _owner(share.principal))]


def _owner(name: str) -> str:
    """The account of an ARN, the organization of a path, and any other name as it is."""
    return name.split(":")[4] if name.count(":") >= 5 else name.split("/")[0]


def _by_verdict(verdicts: Mapping[str, Applies]) -> Iterable[tuple[Applies, tuple[str, ...]]]:
    for verdict in (Applies.YES, Applies.CONDITIONALLY):
        names = tuple(name for name, found in verdicts.items() if found is verdict)
        if names:
            yield verdict, names


@lru_cache(maxsize=ANSWERS)
def _beyond(rule: ParsedStatement, known: tuple[str, ...]) -> tuple[str, ...]:
    return additional_actions(rule.statement, known)


def _label(position: int, rule: ParsedStatement) -> str:
    return label_of(position, rule.statement)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


def _some(actions: Sequence[str], most: int = 5) -> str:
    more = f" and {len(actions) - most} more" if len(actions) > most else ""
    return ", ".join(actions[:most]) + more
