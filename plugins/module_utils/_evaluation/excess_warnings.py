# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Warnings about what statements allow beyond what is declared: to declared principals, and to others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .._errors import PolicyWarning, RepositoryContext
from .._iam.comparisons import Applies
from .._iam.principals import ORGANIZATIONS, PrincipalType
from .._sharing.capabilities import LAMBDA_SERVICE, actions_of
from .._sharing.grants import Grant
from .._text import word, words
from .actions import LAMBDA_PULL, additional_actions
from .effective_access import Share
from .evaluator import ParsedPolicy
from .matching import StatementMatcher
from .public_access import actions_not_denied
from .request_context import RequestContext
from .statements import NumberedStatement, ParsedStatement
from .warning_words import about, service_name, some_actions

# The conditions that say for which of somebody's resources a service acts: there may always be one.
_SOURCES = ("aws:sourcearn", "aws:sourceaccount")


def excess_warnings(
    policy: ParsedPolicy, grants: Sequence[Grant], repository: RepositoryContext
) -> Iterable[PolicyWarning]:
    """Yield warnings about what statements allow principals beyond what is declared, and no Deny takes for certain."""
    taking = not any(grant.access or grant.lambda_regions for grant in grants)
    by_name = {grant.principal.name: grant for grant in grants}
    declared = {access: frozenset(actions_of(access)) for access in {grant.access for grant in grants}}
    everyone = {public.statement for public in policy.public_statements() if public.grants_everyone}
    denies = tuple(numbered.statement for numbered in policy.effective_statements if numbered.statement.denies)
    contexts, matcher = policy.matcher.contexts, policy.matcher
    allows = [one for one in policy.effective_statements if not one.statement.denies and one.statement.actions]
    pulling = _pulling_functions(policy, grants)
    for numbered in allows:
        if numbered in everyone:
            continue
        statement = numbered.statement
        excess = {access: matcher.additional_actions(statement, tuple(known)) for access, known in declared.items()}
        found: dict[tuple[Applies, tuple[str, ...], str], list[str]] = {}
        for grant in grants:
            matched = matcher.match_principal(statement, grant.principal) if excess[grant.access] else {}
            if not matched:
                continue
            actions, doubt = excess[grant.access], False
            if denies:
                left = actions_not_denied(statement.actions, contexts.of(grant.principal), denies, matcher)
                known = declared[grant.access]
                actions = additional_actions(statement.document, known, left) if left - known else ()
                doubt = _may_be_denied(left - known, contexts.of(grant.principal), denies, matcher)
            for name, how_far in matched.items() if actions else ():
                if taking and name in by_name and name != grant.principal.name:
                    # It is told of whoever has the name.
                    continue
                verdict = min(how_far, Applies.CONDITIONALLY if doubt else Applies.YES)
                if name not in by_name or excess[by_name[name].access]:
                    found.setdefault((verdict, actions, name), []).append(grant.principal.name)
        for (verdict, actions, name), names in found.items():
            verb = "still allows" if verdict is Applies.YES else "may still allow"
            matched_as = "" if [name] == names else f", as {word(name)}"
            what = f"access{matched_as}" if taking else f"more than the declared access{matched_as}"
            yield about(
                numbered,
                repository,
                "excess_access",
                f"{numbered.label} {verb} {words(names)} {what}: {some_actions(actions)}",
                names,
                certain=verdict is Applies.YES,
            )
        for verdict, names_of_accounts in _by_verdict(pulling.get(numbered, {})):
            verb = "still allows" if verdict is Applies.YES else "may still allow"
            beyond = "" if taking else " beyond the declared lambda_regions"
            yield about(
                numbered,
                repository,
                "excess_access",
                f"{numbered.label} {verb} Lambda functions of {words(names_of_accounts)} to pull{beyond}",
                names_of_accounts,
                certain=verdict is Applies.YES,
            )
    yield from _excess_through_services(policy, grants, repository)


def _pulling_functions(
    policy: ParsedPolicy, grants: Iterable[Grant]
) -> Mapping[NumberedStatement, Mapping[str, Applies]]:
    """Return by which statements Lambda functions of accounts may pull beyond the declared regions, and how far.

    A pull takes two actions, which may come from two statements.
    """
    matcher = policy.matcher
    denies = tuple(one.statement for one in policy.effective_statements if one.statement.denies)
    allows = [
        one for one in policy.effective_statements if not one.statement.denies and one.statement.actions & LAMBDA_PULL
    ]
    found: dict[NumberedStatement, dict[str, Applies]] = {}
    for grant in grants:
        if grant.lambda_regions is None or grant.principal.kind is not PrincipalType.ACCOUNT:
            continue
        name = grant.principal.name
        verdicts = {one: matcher.applies_to_functions(one.statement, name, grant.lambda_regions) for one in allows}
        given = frozenset[str]().union(*(one.statement.actions for one, verdict in verdicts.items() if verdict))
        if not given >= LAMBDA_PULL:
            continue
        if (
            denies
            and not actions_not_denied(given, matcher.contexts.functions(name, "*"), denies, matcher) >= LAMBDA_PULL
        ):
            continue
        doubt = _may_be_denied(LAMBDA_PULL, matcher.contexts.functions(name, "*"), denies, matcher)
        for numbered, verdict in verdicts.items():
            if verdict is not Applies.NO:
                found.setdefault(numbered, {})[name] = Applies.CONDITIONALLY if doubt else verdict
    return found


def _may_be_denied(
    actions: frozenset[str], context: RequestContext, denies: Iterable[ParsedStatement], matcher: StatementMatcher
) -> bool:
    """Return whether a Deny may take some actions from callers, or takes them from a part."""
    return any(actions & deny.actions and matcher.applies(deny, context) is Applies.CONDITIONALLY for deny in denies)


def _excess_through_services(
    policy: ParsedPolicy, grants: Iterable[Grant], repository: RepositoryContext
) -> Iterable[PolicyWarning]:
    """Yield warnings about what a service may do for principals beyond what is declared.

    Where lambda_regions is left out, what Lambda does for the functions of an account is left alone.
    """
    through = [
        share for share in policy.shares() if share.via_service is not None or share.principal.kind in ORGANIZATIONS
    ]
    by_principal = {grant.principal: grant for grant in grants} if through else {}
    for share in through:
        grant = by_principal.get(share.principal)
        if grant is None or share.defeated:
            continue
        known = frozenset(actions_of(grant.access))
        certain = not (share.conditions or share.denied_by)
        verb = "still allows" if certain else "may still allow"
        for numbered in share.statements:
            excess = (share.actions & numbered.statement.actions) - known
            if share.via_service is not None and excess:
                service, what = service_name(share.via_service), some_actions(sorted(excess))
            elif share.lambda_regions and grant.lambda_regions == () and share.principal.kind in ORGANIZATIONS:
                service, what = LAMBDA_SERVICE, "the pull"
            else:
                continue
            yield about(
                numbered,
                repository,
                "excess_access",
                f"{numbered.label} {verb} {service}, on behalf of {word(share.principal.name)}, to use {what}",
                (share.principal.name,),
                certain=certain,
            )


def undeclared_warnings(
    policy: ParsedPolicy, grants: Sequence[Grant], repository: RepositoryContext
) -> Iterable[PolicyWarning]:
    """Yield warnings about whom a purge leaves in, though no grant names them: by an unmanaged statement, or by a value
    that is no grant's.
    """
    declared = {name for grant in grants for name in (grant.principal.name, grant.principal.account) if name}
    known = {repository.registry_id, *declared}
    open_ones = open_statements(policy)
    # By statement, and by whether it is certain: who is let in, and whose they are; and by which services.
    found: dict[tuple[NumberedStatement, bool], dict[str, str]] = {}
    through: dict[tuple[NumberedStatement, bool], dict[str, None]] = {}
    for share, certain in undenied_shares(policy):
        undeclared = {name: owner for name, owner in let_in_by(share) if not known.intersection((name, owner))}
        for numbered in share.statements:
            if numbered not in open_ones:
                found.setdefault((numbered, certain), {}).update(undeclared)
                if share.via_service is not None and undeclared:
                    through.setdefault((numbered, certain), {})[service_name(share.via_service)] = None
    for numbered in policy.effective_statements:
        for certain, verb in ((True, "still gives"), (False, "may still give")):
            let_in = found.get((numbered, certain), {})
            # Where a whole account is let in, so are its users and functions.
            names = tuple(name for name, owner in let_in.items() if name == owner or owner not in let_in)
            if names:
                services = through.get((numbered, certain), {})
                by = f" through {', '.join(services)}" if services else ""
                whom = f"{words(names)}{by}, whom no grant names"
                text = f"{numbered.label} {verb} access to {whom}. purge_grants does not change it"
                yield about(numbered, repository, "excess_access", text, names, certain=certain)


def _by_verdict(verdicts: Mapping[str, Applies]) -> Iterable[tuple[Applies, tuple[str, ...]]]:
    for verdict in (Applies.YES, Applies.CONDITIONALLY):
        names = tuple(name for name, found in verdicts.items() if found is verdict)
        if names:
            yield verdict, names


def undenied_shares(policy: ParsedPolicy) -> Iterable[tuple[Share, bool]]:
    """Yield the shares that no Deny defeats for certain, each with whether it is certain itself."""
    for share in policy.shares():
        if not share.defeated:
            met = all(condition.key.lower() in _SOURCES for condition in share.conditions)
            yield share, met and not share.denied_by


def let_in_by(share: Share) -> Iterable[tuple[str, str]]:
    """Return whom a share lets in, by name, and whose they are: an account, an organization, or the name again."""
    if share.principal.kind is PrincipalType.DELETED:
        return []
    return [(share.principal.name, _owner(share.principal.name))]


def open_statements(policy: ParsedPolicy) -> set[NumberedStatement]:
    """Return the statements that a warning of their own says to be open."""
    public = {one.statement for one in policy.public_statements()}
    return public.union(one.statement for one in policy.unscoped_statements())


def _owner(name: str) -> str:
    """Return the account of an ARN, the organization of a path, and any other name as it is."""
    return name.split(":")[4] if name.count(":") >= 5 else name.split("/")[0]
