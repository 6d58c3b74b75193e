# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""What a person should know about a repository after a merge.

A warning is certain if what it says is so for every request. Certain warnings come first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .._errors import PolicyWarning, RepositoryContext, certain_first
from .._iam.conditions import Applies, strongest
from .._iam.principals import EVERYONE, PrincipalType
from .._sharing.capabilities import LAMBDA_SERVICE, actions_of
from .._sharing.grants import Grant
from .._text import word, words
from .actions import LAMBDA_PULL
from .effective_access import Share
from .evaluator import ParsedPolicy
from .statements import ParsedStatement

_FUNCTIONS_PULL = "the pull by Lambda functions in "
# The conditions by which a statement says for whom a service may act.
_SOURCES = ("aws:sourcearn", "aws:sourceaccount")
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
            *_denied(policy, grants, repository),
            *_uncovered_regions(grants, repository),
            *_excess(policy, grants, repository),
            *(_undeclared(policy, grants, repository) if purge_grants else ()),
        )
    )


def unsharing_warnings(
    policy: ParsedPolicy, grants: Sequence[Grant], repository: RepositoryContext
) -> tuple[PolicyWarning, ...]:
    """Return the warnings about a policy that principals were taken out of.

    Args:
        policy: The policy after the merge.
        grants: Of which the principals count, and nothing else.
        repository: The repository that has the policy.
    """
    nothing = [Grant(grant.principal, frozenset(), ()) for grant in grants]
    return certain_first((*_public(policy, repository), *_excess(policy, nothing, repository)))


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
            *_let_in_again(policy, present, repository),
            *_denied_no_more(policy, present, repository),
        )
    )


def deleted_principal_warnings(
    policy: ParsedPolicy, repository: RepositoryContext, *, writing: bool, purged: bool
) -> tuple[PolicyWarning, ...]:
    """Return the warnings about the ids of deleted principals that a policy still has.

    Args:
        policy: The policy after the merge.
        repository: The repository that has the policy.
        writing: Whether the policy is about to be stored, which AWS then refuses.
        purged: Whether they were taken out of the managed statements; those in the others are then worth a warning.
    """
    result = []
    for numbered in policy.statements:
        names = numbered.statement.deleted_principals
        if names and (writing or purged):
            advice = "Set purge_deleted_principals" if numbered.statement.managed else "Remove them from it by hand"
            refusal = ", and AWS refuses to store a policy that does" if writing else ""
            text = f"{numbered.label} names deleted principals ({_listed(names)}){refusal}. {advice}"
            result.append(repository.warning("deleted_principal", text, sid=numbered.sid, principals=names))
    return tuple(result)


def _public(policy: ParsedPolicy, repository: RepositoryContext) -> Iterable[PolicyWarning]:
    for public in policy.public_statements():
        numbered = public.statement
        actions = _some(policy.matcher.additional_actions(numbered.statement, ()))
        for name in public.opened_by:
            if name == EVERYONE.name and public.grants_everyone:
                condition = (
                    "under a condition that anybody can meet"
                    if numbered.statement.conditions
                    else "without a condition"
                )
                text = f'the repository is public: {numbered.label} allows everyone ("*", {condition}) to use {actions}'
            elif name == LAMBDA_SERVICE:
                functions = "Lambda functions of every account"
                text = f"{numbered.label} allows {functions} to use {actions}: no condition names an account"
            else:
                text = f"{numbered.label} is open to accounts that it does not name: {word(name)}"
            yield repository.warning("public", text, sid=numbered.sid, principals=(name,))


def _denied(policy: ParsedPolicy, grants: Sequence[Grant], repository: RepositoryContext) -> Iterable[PolicyWarning]:
    for numbered in policy.effective_statements:
        if not numbered.statement.denies:
            continue
        verdicts = {grant.principal.name: _denies(numbered.statement, grant, policy) for grant in grants}
        for verdict, names in _by_verdict(verdicts):
            text = (
                f"denies {_listed(names)} what is declared: a Deny overrides every Allow"
                if verdict is Applies.YES
                else f"may deny {_listed(names)} what is declared, under its conditions or for a part of them"
            )
            yield repository.warning(
                "explicit_deny",
                f"{numbered.label} {text}",
                certain=verdict is Applies.YES,
                sid=numbered.sid,
                principals=names,
            )


def _denies(deny: ParsedStatement, grant: Grant, policy: ParsedPolicy) -> Applies:
    """Return how far a Deny applies to what a grant declares."""
    contexts = policy.matcher.contexts
    declared = [contexts.of(grant.principal)] if deny.actions.intersection(actions_of(grant.access)) else []
    if deny.actions & LAMBDA_PULL:
        declared += [contexts.functions(grant.principal.name, region) for region in grant.lambda_regions or ()]
    return strongest(policy.matcher.applies(deny, context) for context in declared)


def _uncovered_regions(grants: Sequence[Grant], repository: RepositoryContext) -> Iterable[PolicyWarning]:
    names = tuple(
        grant.principal.name
        for grant in grants
        if grant.lambda_regions and not {repository.region, "*"}.intersection(grant.lambda_regions)
    )
    if names:
        text = f"the repository is in {repository.region}, which no declared lambda_regions of {_listed(names)} covers"
        why = "a function pulls its image from its own region only"
        yield repository.warning("lambda_region_not_covered", f"{text}: {why}", principals=names)


def _excess(policy: ParsedPolicy, grants: Sequence[Grant], repository: RepositoryContext) -> Iterable[PolicyWarning]:
    by_name = {grant.principal.name: grant for grant in grants}
    declared = {access: actions_of(access) for access in {grant.access for grant in grants}}
    everyone = {public.statement.position for public in policy.public_statements() if public.grants_everyone}
    for numbered in policy.effective_statements:
        statement = numbered.statement
        if statement.denies or not statement.actions or numbered.position in everyone:
            continue
        excess = {access: policy.matcher.additional_actions(statement, known) for access, known in declared.items()}
        found: dict[tuple[Applies, tuple[str, ...], str], list[str]] = {}
        for grant in grants:
            actions = excess[grant.access]
            matched = policy.matcher.match_principal(statement, grant.principal) if actions else {}
            for name, verdict in matched.items():
                if name not in by_name or excess[by_name[name].access]:
                    found.setdefault((verdict, actions, name), []).append(grant.principal.name)
        for (verdict, actions, name), names in found.items():
            verb = "still allows" if verdict is Applies.YES else "may still allow"
            matched_as = "" if [name] == names else f", as {word(name)}"
            yield repository.warning(
                "excess_access",
                f"{numbered.label} {verb} {_listed(names)} more than the declared access{matched_as}: {_some(actions)}",
                certain=verdict is Applies.YES,
                sid=numbered.sid,
                principals=names,
            )
        verdicts = {
            grant.principal.name: policy.matcher.applies_to_functions(
                statement, grant.principal.name, grant.lambda_regions
            )
            for grant in grants
            if grant.lambda_regions is not None
            and grant.principal.kind is PrincipalType.ACCOUNT
            and policy.matcher.additional_actions(statement, ())
        }
        for verdict, names_of_accounts in _by_verdict(verdicts):
            verb = "still allows" if verdict is Applies.YES else "may still allow"
            accounts = _listed(names_of_accounts)
            yield repository.warning(
                "excess_access",
                f"{numbered.label} {verb} Lambda functions of {accounts} to pull beyond the declared lambda_regions",
                certain=verdict is Applies.YES,
                sid=numbered.sid,
                principals=names_of_accounts,
            )


def _undeclared(
    policy: ParsedPolicy, grants: Sequence[Grant], repository: RepositoryContext
) -> Iterable[PolicyWarning]:
    """Yield warnings about whom a purge leaves in, though no grant names them: by an unmanaged statement, or by a value
    that is no grant's.
    """
    declared = {name for grant in grants for name in (grant.principal.name, grant.principal.account) if name}
    known = {repository.registry_id, *declared}
    public = {public.statement.position for public in policy.public_statements()}
    # By statement, and by whether it is certain: who is let in, and whose they are.
    found: dict[tuple[int, bool], dict[str, str]] = {}
    for share in policy.shares():
        if any(denial.certain for denial in share.denied_by):
            continue
        undeclared = {name: owner for name, owner in _let_in(share) if not known.intersection((name, owner))}
        certain = all(condition.key.lower() in _SOURCES for condition in share.conditions)
        for numbered in share.statements:
            if numbered.position not in public:
                found.setdefault((numbered.position, certain), {}).update(undeclared)
    for numbered in policy.effective_statements:
        for certain, verb in ((True, "still gives"), (False, "may still give")):
            let_in = found.get((numbered.position, certain), {})
            # Where a whole account is let in, so are its users and functions.
            names = tuple(name for name, owner in let_in.items() if name == owner or owner not in let_in)
            if names:
                whom = f"{_listed(names)}, whom no grant names"
                text = f"{numbered.label} {verb} access to {whom}. purge_grants does not change it"
                yield repository.warning("excess_access", text, certain=certain, sid=numbered.sid, principals=names)


def _let_in(share: Share) -> Iterable[tuple[str, str]]:
    """Return whom a share lets in, by name, and whose they are: an account, an organization, or the name again."""
    if share.principal.kind is PrincipalType.DELETED:
        return []
    sources = [
        value for condition in share.conditions if condition.key.lower() in _SOURCES for value in condition.values
    ]
    names = sources if share.principal.kind is PrincipalType.SERVICE and sources else [share.principal.name]
    return [(name, _owner(name)) for name in names]


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
    public = {public.statement.position for public in policy.public_statements()}
    # By statement, and by whether it is certain: who is let in, and what to.
    found: dict[tuple[int, bool], dict[str, set[str]]] = {}
    for share, certain in _undenied_shares(policy):
        given = certainly if certain else possibly
        for name, owner in _let_in(share):
            had = set().union(*(given.get(known, ()) for known in (name, owner, EVERYONE.name)))
            gained = set() if repository.registry_id in (name, owner) else _without(_what(share), had)
            for numbered in share.statements:
                actions = gained & {*numbered.statement.actions, *_functions(share)}
                if actions and numbered.position not in public:
                    found.setdefault((numbered.position, certain), {}).setdefault(name, set()).update(actions)
    for numbered in policy.effective_statements:
        for certain, verb in ((True, "lets in again"), (False, "may let in again")):
            names = found.get((numbered.position, certain), {})
            if names:
                what = _first(sorted(set().union(*names.values())))
                text = f"{numbered.label} {verb} {_listed(tuple(names))}: the present policy does not allow {what}"
                yield repository.warning("excess_access", text, certain=certain, sid=numbered.sid, principals=names)


def _denied_no_more(
    policy: ParsedPolicy, present: ParsedPolicy, repository: RepositoryContext
) -> Iterable[PolicyWarning]:
    kept = [numbered.statement for numbered in policy.effective_statements if numbered.statement.denies]
    for numbered in present.effective_statements:
        deny = numbered.statement
        if deny.denies and not any(_same_deny(deny, other) and deny.actions <= other.actions for other in kept):
            actions = _some(sorted(deny.actions))
            text = f"{numbered.label} of the present policy, a Deny, is taken back: it denies {actions}"
            yield repository.warning("excess_access", text, sid=numbered.sid)


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
        if not any(denial.certain for denial in share.denied_by):
            met = all(condition.key.lower() in _SOURCES for condition in share.conditions)
            yield share, met and not share.denied_by


def _what(share: Share) -> set[str]:
    return {*share.actions, *_functions(share)}


def _functions(share: Share) -> set[str]:
    return {f"{_FUNCTIONS_PULL}{word(region)}" for region in share.lambda_regions}


def _without(gained: set[str], had: set[str]) -> set[str]:
    every_region = f"{_FUNCTIONS_PULL}*" in had
    return {what for what in gained - had if not (every_region and what.startswith(_FUNCTIONS_PULL))}
