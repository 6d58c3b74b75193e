# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""What a person should know about a repository after a merge.

A warning is certain if what it says is so for every request. Certain warnings come first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

from .._errors import PolicyWarning, RepositoryContext, certain_first
from .._iam.comparisons import Applies
from .._iam.principals import EVERYONE, PrincipalType
from .._sharing.capabilities import CAPABILITIES, LAMBDA_SERVICE, Access
from .._sharing.grants import Grant
from .._text import word, words
from .actions import LAMBDA_PULL
from .evaluator import ParsedPolicy
from .excess_warnings import excess_warnings, undeclared_warnings
from .regained_access import lifted_deny_warnings, regained_access_warnings
from .request_context import ANY_SERVICE
from .statements import NumberedStatement, ParsedStatement
from .warning_words import about, some_actions

_LAMBDA_PULL = "the pull"


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
            *excess_warnings(policy, grants, repository),
            *(undeclared_warnings(policy, grants, repository) if purge_grants else ()),
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
        (*_public(policy, repository), *_unscoped(policy, repository), *excess_warnings(policy, nothing, repository))
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
            *regained_access_warnings(policy, present, repository),
            *lifted_deny_warnings(policy, present, repository),
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
            text = f"{numbered.label} names deleted principals ({words(names)}){refusal}. {advice}"
            result.append(about(numbered, repository, "deleted_principal", text, names))
    return tuple(result)


def _public(policy: ParsedPolicy, repository: RepositoryContext) -> Iterable[PolicyWarning]:
    for public in policy.public_statements():
        numbered = public.statement
        actions = some_actions(policy.matcher.additional_actions(numbered.statement, ()))
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
            yield about(numbered, repository, "public", text, (name,))


def _unscoped(policy: ParsedPolicy, repository: RepositoryContext) -> Iterable[PolicyWarning]:
    for unscoped in policy.unscoped_statements():
        numbered = unscoped.statement
        actions = some_actions(policy.matcher.additional_actions(numbered.statement, ()))
        services = "any service" if unscoped.services == (ANY_SERVICE.name,) else words(unscoped.services)
        text = (
            f"{numbered.label} allows {services}, on behalf of any account, to use {actions}: no condition on "
            "aws:SourceArn, aws:SourceAccount or the like names an account"
        )
        yield about(numbered, repository, "unscoped_service", text, unscoped.services)


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
                f"{LAMBDA_SERVICE} the declared pull for functions of {words(names)}"
                if what == _LAMBDA_PULL
                else f"{words(names)} the declared access ({what})"
            )
            text = (
                f"denies {taken}: a Deny overrides every Allow"
                if verdict is Applies.YES
                else f"may deny {taken}, under its conditions or for a part of them"
            )
            yield about(
                numbered, repository, "explicit_deny", f"{numbered.label} {text}", names, certain=verdict is Applies.YES
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
            parts.append(f"a part of {capability.name} ({some_actions(sorted(lost))})")
    return ", ".join(whole + parts)


def _uncovered_regions(grants: Sequence[Grant], repository: RepositoryContext) -> Iterable[PolicyWarning]:
    names = tuple(
        grant.principal.name
        for grant in grants
        if grant.lambda_regions and not {repository.region, "*"}.intersection(grant.lambda_regions)
    )
    if names:
        text = (
            f"{repository.thing} is in {repository.region}, which no declared lambda_regions of {words(names)} covers"
        )
        why = "a function pulls its image from its own region only"
        yield repository.warning("lambda_region_not_covered", f"{text}: {why}", principals=names)
