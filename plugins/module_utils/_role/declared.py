# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""What is declared for whom, in each repository of a registry.

Whose grants count for a principal:

- its own;
- for a role, a user or a session those of its account, and for a session those of its role;
- for an organizational unit those of its organization, and of a unit that it is below.

What counts where:

- In a repository, the grants that apply to repositories and are for it, and those that apply to the registry and whose
  patterns match it.
- In a template, the grants that apply to templates, or to the registry, if they are for all that it is for.
- In the policy of the registry, the grants for all repositories that a statement is for, those to come among them.

An account is not covered by the grants of an organization, because nobody can see from here what it is a member of, nor
by those of its roles.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache, reduce
from operator import or_

from .._iam.principals import ORGANIZATIONS, Principal, PrincipalType, is_session_of, read_principal
from .._repository_names import matches, matches_prefix, select, template_prefix, template_repositories
from .._sharing.capabilities import DEFAULT_ACCESS
from .._sharing.registry_statements import include
from .amounts import NOTHING, Amount
from .audited import AuditedRegistry, Declaration
from .kinds import Kind
from .template_rows import is_for
from .variables import GrantOptions

# Whom the grants of others than its account may be for.
_IN_OTHERS = (PrincipalType.SESSION, *ORGANIZATIONS)


class Declared:
    """Grants that are for the same repositories.

    Args:
        grants: The grants. Whatever names no principal is left out: that is refused before an audit.
    """

    def __init__(self, grants: Iterable[GrantOptions]) -> None:
        self._of: dict[Principal, Amount] = {}
        for grant in grants:
            amount = _amount(grant)
            for principal in filter(None, map(_principal, grant["principals"])):
                self._of[principal] = self._of.get(principal, NOTHING) | amount
        # What covers others than itself and the members of an account.
        self._wide = [one for one in self._of if one.kind in (*ORGANIZATIONS, PrincipalType.ROLE)]
        # A thousand policies may name the same principals.
        self._known: dict[Principal, Amount | None] = {}

    def of(self, principal: Principal) -> Amount | None:
        """Return what is declared for a principal; None if no grant is for it."""
        if principal not in self._known:
            self._known[principal] = self._added_up(principal)
        return self._known[principal]

    def _added_up(self, principal: Principal) -> Amount | None:
        near = [principal]
        if principal.account is not None:
            near.append(Principal(PrincipalType.ACCOUNT, principal.account, principal.account))
        wide = [one for one in self._wide if _covers(one, principal)] if principal.kind in _IN_OTHERS else []
        found = [self._of[one] for one in dict.fromkeys((*near, *wide)) if one in self._of]
        return reduce(or_, found) if found else None


class DeclaredInRegistry:
    """What is declared for the repositories of a registry.

    Args:
        registry: The registry.
    """

    def __init__(self, registry: AuditedRegistry) -> None:
        listed = [row["name"] for row in registry.rows]
        self._prefixes = {name: prefix for name in listed if (prefix := template_prefix(name)) is not None}
        self._names = [name for name in listed if name not in self._prefixes]
        self._selected: dict[tuple[str, ...], frozenset[str]] = {}
        grants: list[GrantOptions] = []
        anywhere: list[GrantOptions] = []
        covering: dict[str, list[int]] = {name: [] for name in listed}
        for declaration in registry.declared:
            for grant in declaration.grants:
                for name in self._covered(declaration, grant.get("repositories")):
                    # A name that a grant has and the registry has not is not among them.
                    if name in covering:
                        covering[name].append(len(grants))
                grants.append(grant)
                if declaration.kind != Kind.TEMPLATES:
                    anywhere.append(grant)
        # Most repositories have the same grants.
        groups = {tuple(indexes) for indexes in covering.values()}
        by_group = {indexes: Declared(grants[index] for index in indexes) for indexes in groups}
        self._of = {name: by_group[tuple(indexes)] for name, indexes in covering.items()}
        self._anywhere = Declared(anywhere)
        self._registry = registry

    def _covered(self, declaration: Declaration, narrowed: Sequence[str] | None) -> Iterable[str]:
        """Return the names of the rows that a grant is for.

        Args:
            declaration: The grants that it is one of.
            narrowed: The names and patterns that it is narrowed to; None for none.
        """
        if declaration.kind == Kind.TEMPLATES:
            mine = {name: one for name, one in self._prefixes.items() if matches_prefix(declaration.templates, one)}
            covered_templates = {name: prefix for name, prefix in mine.items() if is_for(narrowed, prefix)}
            # Repositories that ECR has created by them have it.
            created = [template_repositories(prefix) for prefix in covered_templates.values()]
            return [*covered_templates, *(name for name in self._names if matches(created, name))]
        of_run = self._matching(declaration.repositories or ("*",))
        covered = of_run if narrowed is None else of_run & self._matching(narrowed)
        if declaration.kind == Kind.REGISTRY:
            return covered.union(name for name, prefix in self._prefixes.items() if is_for(narrowed, prefix))
        return covered

    def _matching(self, texts: Sequence[str]) -> frozenset[str]:
        key = tuple(texts)
        if key not in self._selected:
            self._selected[key] = frozenset(select(key, self._names).names)
        return self._selected[key]

    def of_patterns(self, patterns: Sequence[str]) -> Declared:
        """Return what is declared for all repositories of some patterns of IAM, those to come among them."""
        return Declared(
            grant
            for declaration in self._registry.declared
            if declaration.kind != Kind.TEMPLATES and _include(declaration.repositories, patterns)
            for grant in declaration.grants
            if _include(grant.get("repositories"), patterns)
        )

    def of(self, name: str | None) -> Declared:
        """Return what is declared for a repository or a template; with None, for the policy of the registry."""
        return self._anywhere if name is None else self._of[name]


def _include(repositories: Sequence[str] | None, patterns: Sequence[str]) -> bool:
    """Return whether names and patterns, all for none, are for all that patterns of IAM match."""
    return all(include(repositories, one) or matches(repositories or (), one) for one in patterns)


@lru_cache(maxsize=4096)
def principal_of(principal_type: str, name: str) -> Principal:
    """Return the principal that a share names."""
    kind = PrincipalType(principal_type)
    read = read_principal(name, None)
    return read if read is not None and read.kind is kind else Principal(kind, name)


def _amount(grant: GrantOptions) -> Amount:
    access = grant.get("access")
    return Amount(
        DEFAULT_ACCESS if access is None else frozenset(access),
        lambda_regions=frozenset(grant.get("lambda_regions") or ()),
    )


def _principal(name: object) -> Principal | None:
    return read_principal(str(name).strip(), None)


def _covers(declared: Principal, principal: Principal) -> bool:
    """Return whether the grants of a role, an organization or a unit are for a session or a unit, too."""
    if declared.kind is PrincipalType.ROLE:
        return is_session_of(principal, declared)
    if principal.kind not in ORGANIZATIONS:
        return False
    if declared.kind is PrincipalType.ORGANIZATION:
        return principal.name.startswith(f"{declared.name}/")
    return declared.name.endswith("*") and principal.name.startswith(declared.name.removesuffix("*"))
