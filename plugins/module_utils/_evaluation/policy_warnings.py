# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""What a person should know about a repository after a merge.

A warning is certain if what it says is so for every request. Certain warnings come first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache

from .._errors import PolicyWarning, RepositoryContext, certain_first
from .._iam.comparisons import Applies
from .._iam.principals import EVERYONE, ORGANIZATIONS, PrincipalType
from .._sharing.capabilities import CAPABILITIES, LAMBDA_SERVICE, Access, actions_of
from .._sharing.grants import Grant
from .._text import word, words
from .actions import LAMBDA_PULL, additional_actions
from .effective_access import Share
from .evaluator import ParsedPolicy
from .matching import StatementMatcher
from .public_access import actions_not_denied
from .request_context import ANY_SERVICE, RequestContext
from .statements import NumberedStatement, ParsedStatement

# The conditions that say for which of somebody's resources a service acts: there may always be one.
_SOURCES = ("aws:sourcearn", "aws:sourceaccount")
_LAMBDA_PULL = "the pull"
_FUNCTIONS_PULL = "the pull by Lambda functions in "
# How what NotAction lets in is told.
_ALL_BUT = "all but "


def sharing_warnings(
    policy: ParsedPolicy, grants: Sequence[Grant], repository: RepositoryContext, *, purge_grants: bool = False
) -> tuple[PolicyWarning, ...]:
    """Return the warnings about a policy that grants were merged into.

    Args:
        policy: The policy after the merge.
        grants: One for each principal.
        repository: The repository that has the policy.
        purge_grants: Whether all other grants were ended.
    """
    return certain_first(
        (
            *_public(policy, repository),
            *_unscoped(policy, repository),
            *_denied(policy, grants, repository),
            *_uncovered_regions(grants, repository),
            *_excess(policy, grants, repository),
            *(_undeclared(policy, grants, repository) if purge_grants else ()),
        )
    )


def unsharing_warnings(
    policy: ParsedPolicy, grants: Sequence[Grant], repository: RepositoryContext, *, whole_account: bool = False
) -> tuple[PolicyWarning, ...]:
    """Return the warnings about a policy that principals were taken out of.

    Args:
        policy: The policy after the merge.
        grants: Of which the principals count, and nothing else.
        repository: The repository that has the policy.
        whole_account: Whether the roles, users and sessions of accounts were taken out as well.
    """
    named = [grant.principal for grant in grants]
    accounts = {principal.name for principal in named if principal.kind is PrincipalType.ACCOUNT}
    listed = (who for numbered in policy.effective_statements for who in numbered.statement.principals)
    members = [who for who in listed if who.account in accounts] if whole_account else []
    nothing = [Grant(principal, frozenset(), ()) for principal in dict.fromkeys([*named, *members])]
    return certain_first(
        (*_public(policy, repository), *_unscoped(policy, repository), *_excess(policy, nothing, repository))
    )


def restoring_warnings(
    policy: ParsedPolicy, present: ParsedPolicy, repository: RepositoryContext
) -> tuple[PolicyWarning, ...]:
    """Return the warnings about a policy that is put back.

    Args:
        policy: The policy afterwards.
        present: The policy that it replaces.
        repository: The repository that has them.
    """
    return certain_first(
        (
            *_public(policy, repository),
            *_unscoped(policy, repository),
            *_let_in_again(policy, present, repository),
            *_denied_no_more(policy, present, repository),
        )
    )


def deleted_principal_warnings(
    policy: ParsedPolicy,
    repository: RepositoryContext,
    *,
    writing: bool,
    purged: bool,
    is_managed: Callable[[NumberedStatement], bool] = lambda numbered: numbered.statement.managed,
) -> tuple[PolicyWarning, ...]:
    """Return the warnings about the ids of deleted principals that a policy still has.

    Args:
        policy: The policy after the merge.
        repository: The repository that has the policy.
        writing: Whether the policy is about to be stored, which AWS then refuses.
        purged: Whether they were taken out of the managed statements; those in the others are then worth a warning.
        is_managed: Returns whether a statement is managed.
    """
    result = []
    for numbered in policy.own_statements:
        names = numbered.statement.deleted_principals
        if names and (writing or purged):
            advice = "Set purge_deleted_principals" if is_managed(numbered) else "Remove them from it by hand"
            refusal = ", and AWS refuses to store a policy that does" if writing else ""
            text = f"{numbered.label} names deleted principals ({_listed(names)}){refusal}. {advice}"
            result.append(
                repository.warning(
                    "deleted_principal", text, policy=numbered.origin.value, sid=numbered.sid, principals=names
                )
            )
    return tuple(result)


def _public(policy: ParsedPolicy, repository: RepositoryContext) -> Iterable[PolicyWarning]:
    for public in policy.public_statements():
        numbered = public.statement
        actions = _some(policy.matcher.additional_actions(numbered.statement, ()))
        for name in public.opened_by:
            if name == EVERYONE.name:
                condition = (
                    "under a condition that anybody can meet"
                    if numbered.statement.conditions
                    else "without a condition"
                )
                everyone = f'{numbered.label} allows everyone ("*", {condition}) to use {actions}'
                text = f"{repository.thing} is public: {everyone}"
            else:
                text = f"{numbered.label} is open to accounts that it does not name: {word(name)}"
            yield repository.warning("public", text, policy=numbered.origin.value, sid=numbered.sid, principals=(name,))


def _unscoped(policy: ParsedPolicy, repository: RepositoryContext) -> Iterable[PolicyWarning]:
    for unscoped in policy.unscoped_statements():
        numbered = unscoped.statement
        actions = _some(policy.matcher.additional_actions(numbered.statement, ()))
        services = "any service" if unscoped.services == (ANY_SERVICE.name,) else _listed(unscoped.services)
        text = (
            f"{numbered.label} allows {services}, on behalf of any account, to use {actions}: no condition on "
            "aws:SourceArn, aws:SourceAccount or the like names an account"
        )
        yield repository.warning(
            "unscoped_service", text, policy=numbered.origin.value, sid=numbered.sid, principals=unscoped.services
        )


def _denied(policy: ParsedPolicy, grants: Sequence[Grant], repository: RepositoryContext) -> Iterable[PolicyWarning]:
    for numbered in policy.effective_statements:
        if not numbered.statement.denies:
            continue
        # By whether it is certain, and what is denied: to whom.
        found: dict[tuple[Applies, str], list[str]] = {}
        for grant in grants:
            for verdict, what in _denies(numbered.statement, grant, policy, repository.region):
                found.setdefault((verdict, what), []).append(grant.principal.name)
        for (verdict, what), names in found.items():
            taken = (
                f"{LAMBDA_SERVICE} the declared pull for functions of {_listed(names)}"
                if what == _LAMBDA_PULL
                else f"{_listed(names)} the declared access ({what})"
            )
            text = (
                f"denies {taken}: a Deny overrides every Allow"
                if verdict is Applies.YES
                else f"may deny {taken}, under its conditions or for a part of them"
            )
            yield repository.warning(
                "explicit_deny",
                f"{numbered.label} {text}",
                certain=verdict is Applies.YES,
                policy=numbered.origin.value,
                sid=numbered.sid,
                principals=names,
            )


def _denies(deny: ParsedStatement, grant: Grant, policy: ParsedPolicy, region: str) -> Iterable[tuple[Applies, str]]:
    """Yield what a Deny takes of what a grant declares, and how far.

    Functions pull in the region of the repository. Where that is not declared, all that are declared are asked about.
    """
    contexts, applies = policy.matcher.contexts, policy.matcher.applies
    what = _denied_access(deny.actions, grant.access)
    if what:
        verdict = applies(deny, contexts.of(grant.principal))
        if verdict is not Applies.NO:
            yield verdict, what
    if deny.actions & LAMBDA_PULL:
        declared = grant.lambda_regions or ()
        regions = (region,) if {region, "*"}.intersection(declared) else declared
        verdicts = {applies(deny, contexts.functions(grant.principal.name, one)) for one in regions} or {Applies.NO}
        if verdicts != {Applies.NO}:
            yield min(verdicts) or Applies.CONDITIONALLY, _LAMBDA_PULL


@lru_cache(maxsize=256)
def _denied_access(denied: frozenset[str], access: Access) -> str:
    """Return the capabilities of an access without an action that they need, and those without a part; empty for none.

    What a capability can do without is no part of it.
    """
    whole, parts = [], []
    for capability in CAPABILITIES:
        if capability.name not in access:
            continue
        lost = denied.intersection(capability.action_sets[-1]) - capability.dispensable
        if denied & capability.required:
            whole.append(capability.name)
        elif lost:
            parts.append(f"a part of {capability.name} ({_some(sorted(lost))})")
    return ", ".join(whole + parts)


def _uncovered_regions(grants: Sequence[Grant], repository: RepositoryContext) -> Iterable[PolicyWarning]:
    names = tuple(
        grant.principal.name
        for grant in grants
        if grant.lambda_regions and not {repository.region, "*"}.intersection(grant.lambda_regions)
    )
    if names:
        text = (
            f"{repository.thing} is in {repository.region}, which no declared lambda_regions of {_listed(names)} covers"
        )
        why = "a function pulls its image from its own region only"
        yield repository.warning("lambda_region_not_covered", f"{text}: {why}", principals=names)


def _excess(policy: ParsedPolicy, grants: Sequence[Grant], repository: RepositoryContext) -> Iterable[PolicyWarning]:
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
            yield repository.warning(
                "excess_access",
                f"{numbered.label} {verb} {_listed(names)} {what}: {_some(actions)}",
                certain=verdict is Applies.YES,
                policy=numbered.origin.value,
                sid=numbered.sid,
                principals=names,
            )
        for verdict, names_of_accounts in _by_verdict(pulling.get(numbered, {})):
            verb = "still allows" if verdict is Applies.YES else "may still allow"
            beyond = "" if taking else " beyond the declared lambda_regions"
            yield repository.warning(
                "excess_access",
                f"{numbered.label} {verb} Lambda functions of {_listed(names_of_accounts)} to pull{beyond}",
                certain=verdict is Applies.YES,
                policy=numbered.origin.value,
                sid=numbered.sid,
                principals=names_of_accounts,
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
                service, what = _service(share.via_service), _some(sorted(excess))
            elif share.lambda_regions and grant.lambda_regions == () and share.principal.kind in ORGANIZATIONS:
                service, what = LAMBDA_SERVICE, "the pull"
            else:
                continue
            yield repository.warning(
                "excess_access",
                f"{numbered.label} {verb} {service}, on behalf of {word(share.principal.name)}, to use {what}",
                certain=certain,
                policy=numbered.origin.value,
                sid=numbered.sid,
                principals=(share.principal.name,),
            )


def _service(name: str) -> str:
    return "any service" if name == ANY_SERVICE.name else word(name)


def _undeclared(
    policy: ParsedPolicy, grants: Sequence[Grant], repository: RepositoryContext
) -> Iterable[PolicyWarning]:
    """Yield warnings about whom a purge leaves in, though no grant names them: by an unmanaged statement, or by a value
    that is no grant's.
    """
    declared = {name for grant in grants for name in (grant.principal.name, grant.principal.account) if name}
    known = {repository.registry_id, *declared}
    open_ones = _open_statements(policy)
    # By statement, and by whether it is certain: who is let in, and whose they are; and by which services.
    found: dict[tuple[NumberedStatement, bool], dict[str, str]] = {}
    through: dict[tuple[NumberedStatement, bool], dict[str, None]] = {}
    for share, certain in _undenied_shares(policy):
        undeclared = {name: owner for name, owner in _let_in(share) if not known.intersection((name, owner))}
        for numbered in share.statements:
            if numbered not in open_ones:
                found.setdefault((numbered, certain), {}).update(undeclared)
                if share.via_service is not None and undeclared:
                    through.setdefault((numbered, certain), {})[_service(share.via_service)] = None
    for numbered in policy.effective_statements:
        for certain, verb in ((True, "still gives"), (False, "may still give")):
            let_in = found.get((numbered, certain), {})
            # Where a whole account is let in, so are its users and functions.
            names = tuple(name for name, owner in let_in.items() if name == owner or owner not in let_in)
            if names:
                services = through.get((numbered, certain), {})
                by = f" through {', '.join(services)}" if services else ""
                whom = f"{_listed(names)}{by}, whom no grant names"
                text = f"{numbered.label} {verb} access to {whom}. purge_grants does not change it"
                yield repository.warning(
                    "excess_access",
                    text,
                    certain=certain,
                    policy=numbered.origin.value,
                    sid=numbered.sid,
                    principals=names,
                )


def _open_statements(policy: ParsedPolicy) -> set[NumberedStatement]:
    """Return the statements that a warning of their own says to be open."""
    public = {one.statement for one in policy.public_statements()}
    return public.union(one.statement for one in policy.unscoped_statements())


def _let_in(share: Share) -> Iterable[tuple[str, str]]:
    """Return whom a share lets in, by name, and whose they are: an account, an organization, or the name again."""
    if share.principal.kind is PrincipalType.DELETED:
        return []
    return [(share.principal.name, _owner(share.principal.name))]


def _owner(name: str) -> str:
    """Return the account of an ARN, the organization of a path, and any other name as it is."""
    return name.split(":")[4] if name.count(":") >= 5 else name.split("/")[0]


def _by_verdict(verdicts: Mapping[str, Applies]) -> Iterable[tuple[Applies, tuple[str, ...]]]:
    for verdict in (Applies.YES, Applies.CONDITIONALLY):
        names = tuple(name for name, found in verdicts.items() if found is verdict)
        if names:
            yield verdict, names


def _listed(names: Sequence[str]) -> str:
    return words(names)


def _some(actions: Sequence[str]) -> str:
    return _first(list(map(_action, actions)))


def _first(texts: Sequence[str], most: int = 5) -> str:
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


def _action(text: str) -> str:
    # What NotAction spares follows words of our own.
    spared = text.removeprefix(_ALL_BUT)
    return word(text) if spared == text else _ALL_BUT + words(spared.split(", "))


def _let_in_again(
    policy: ParsedPolicy, present: ParsedPolicy, repository: RepositoryContext
) -> Iterable[PolicyWarning]:
    """Yield warnings about whom a policy gives what the present one does not, by any statement."""
    certainly, possibly = _given(present, certain=True), _given(present, certain=False)
    open_ones = _open_statements(policy)
    # By statement, and by whether it is certain: who is let in, and what to.
    found: dict[tuple[NumberedStatement, bool], dict[str, set[str]]] = {}
    for share, certain in _undenied_shares(policy):
        given = certainly if certain else possibly
        for name, owner in _let_in(share):
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
                what = _first(sorted(set().union(*names.values())))
                text = f"{numbered.label} {verb} {_listed(tuple(names))}: the present policy does not allow {what}"
                yield repository.warning(
                    "excess_access",
                    text,
                    certain=certain,
                    policy=numbered.origin.value,
                    sid=numbered.sid,
                    principals=names,
                )


def _denied_no_more(
    policy: ParsedPolicy, present: ParsedPolicy, repository: RepositoryContext
) -> Iterable[PolicyWarning]:
    kept = [numbered.statement for numbered in policy.effective_statements if numbered.statement.denies]
    for numbered in present.effective_statements:
        deny = numbered.statement
        if deny.denies and not any(_same_deny(deny, other) and deny.actions <= other.actions for other in kept):
            actions = _some(sorted(deny.actions))
            text = f"{numbered.label} of the present policy, a Deny, is taken back: it denies {actions}"
            yield repository.warning("excess_access", text, policy=numbered.origin.value, sid=numbered.sid)


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
    for share, is_certain in _undenied_shares(policy):
        if is_certain or not certain:
            for name, _owner_of_name in _let_in(share):
                given.setdefault(name, set()).update(_what(share))
    return given


def _undenied_shares(policy: ParsedPolicy) -> Iterable[tuple[Share, bool]]:
    """Yield the shares that no Deny defeats for certain, each with whether it is certain itself."""
    for share in policy.shares():
        if not share.defeated:
            met = all(condition.key.lower() in _SOURCES for condition in share.conditions)
            yield share, met and not share.denied_by


def _what(share: Share) -> set[str]:
    return {*_told(share.actions, share), *_functions(share)}


def _told(actions: Iterable[str], share: Share) -> set[str]:
    """Return what actions are called, which a service may use in the place of the principal."""
    through = "" if share.via_service is None else f" through {_service(share.via_service)}"
    return {f"{action}{through}" for action in actions}


def _functions(share: Share) -> set[str]:
    return {f"{_FUNCTIONS_PULL}{word(region)}" for region in share.lambda_regions}


def _without(gained: set[str], had: set[str]) -> set[str]:
    every_region = f"{_FUNCTIONS_PULL}*" in had
    return {what for what in gained - had if not (every_region and what.startswith(_FUNCTIONS_PULL))}
