# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""One run that shares the repositories that ECR will create by creation templates.

A template is for the repositories below its prefix that ECR itself creates, and only at that moment. Of several that
match, the one with the longest prefix counts, and no other:
https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-creation-templates.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .._errors import PolicyWarning, RepositoryContext, certain_first
from .._iam.document import PolicyError, parse
from .._iam.patterns import PatternSet
from .._iam.principals import PrincipalType
from .._registry import PolicyTarget, Registry, Template
from .._repository_names import is_pattern, select, template_label, template_prefix, template_repositories
from .._sharing.grants import Grant
from .._sharing.managed_statements import ManagedStatements
from .._sharing.merge import Merged, share
from .._sharing.registry_statements import include
from .._text import quoted, word, words
from .bulk import place_of
from .options import Request
from .policy_writes import run_writes
from .results import WriteResult, WriteRunResult
from .share import SharingPlanner

_MAY_VANISH = frozenset({PrincipalType.ROLE, PrincipalType.USER, PrincipalType.SESSION})


@dataclass(frozen=True)
class TemplatesRunResult(WriteRunResult):
    """What a run returns that writes the policies of creation templates."""

    things = "templates"

    def _rows(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        return {self.things: list(map(_row, rows))}


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of a template: of a prefix or pattern that matches none, it has the text."""
    others = {name: value for name, value in row.items() if name != "name"}
    prefix = template_prefix(row["name"])
    return {"prefix": row["name"] if prefix is None else prefix, **others}


def run(request: Request, registry: Registry) -> TemplatesRunResult:
    """Share by creation templates, or in check mode find out what would be done.

    Raises:
        EcrError: The templates cannot be listed. All other errors are in the results.
    """
    templates = {template.prefix: template for template in registry.templates()}
    selected, reasons = _select(request, templates, registry)
    planner = TemplatePlanner(request, registry, templates, selected)
    for position, text in planner.grants_for_none():
        why = f"grants[{position}]: no template of this task is for repositories that all match {quoted(text)} alone"
        reasons.setdefault(text, why)
    result = run_writes(
        [registry.template(prefix) for prefix in selected],
        planner,
        request,
        registry,
        unmatched=[WriteResult(text, error=why, missing=True) for text, why in reasons.items()],
    )
    rows = tuple(planner.with_warnings(row, reasons.get(row.name)) for row in result.results)
    return TemplatesRunResult(rows, result.backup_path, backup_trouble=result.backup_trouble)


def _select(
    request: Request, templates: Mapping[str, Template], registry: Registry
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the prefixes of the templates that are asked for, and why others are none."""
    wanted = [_spelt(text, templates) for text in request.repositories]
    selection = select(wanted, list(templates))
    reasons = {
        text: f"no creation template matches {quoted(text)} in {place_of(registry)}" for text in selection.unmatched
    }
    for prefix in selection.names:
        if prefix not in templates:
            reasons[prefix] = (
                f"{word(prefix)}: there is no creation template with this prefix in {place_of(registry)}. This module "
                "makes none: create it first, or correct the prefix"
            )
    return tuple(prefix for prefix in selection.names if prefix in templates), reasons


def _spelt(text: str, templates: Mapping[str, Template]) -> str:
    """Return a prefix as a template has it: with or without the slash at its end, it is the same."""
    other = text.removesuffix("/") if text.endswith("/") else f"{text}/"
    return other if not is_pattern(text) and text not in templates and other in templates else text


class TemplatePlanner(SharingPlanner):
    """What the policies of creation templates become when grants are merged into them.

    Args:
        request: What is asked for.
        registry: Where the templates are.
        templates: All that there are, by their prefix.
        selected: The prefixes of those that are asked for.
    """

    def __init__(
        self, request: Request, registry: Registry, templates: Mapping[str, Template], selected: Sequence[str]
    ) -> None:
        super().__init__(request, registry)
        self._templates, self._selected = templates, selected

    def is_for(self, grant: Grant, label: str) -> bool:
        """Return whether a grant is for all repositories that a template is for."""
        prefix = template_prefix(label)
        return prefix is not None and include(grant.repositories, template_repositories(prefix))

    def grants_for_none(self) -> Iterator[tuple[int, str]]:
        """Yield the grants that are narrowed to what no template of the task is for: their position, and to what."""
        labels = list(map(template_label, self._selected))
        for grant in self._request.grants:
            if grant.repositories and not any(self.is_for(grant, label) for label in labels):
                yield grant.position, ", ".join(grant.repositories)

    def with_warnings(self, result: WriteResult, why_missing: str | None) -> WriteResult:
        """Return a result with the warnings that no plan has, because nothing is written for them."""
        context = RepositoryContext(result.name, self._registry.region, result.registry_id)
        warnings = [*result.warnings, *self._too_narrow(result.name, context)]
        if self._request.warn_of_unmatched and result.missing and result.error is None and why_missing:
            # A warning begins with the name as well.
            said = why_missing.removeprefix(f"{word(result.name)}: ")
            warnings.append(context.warning("pattern_not_matched", said))
        return replace(result, warnings=certain_first(warnings))

    def more_warnings(
        self, target: PolicyTarget, merged: Merged, grants: Sequence[Grant], context: RepositoryContext
    ) -> Iterable[PolicyWarning]:
        if not self._request.sharing:
            return
        gained = {change.principal for change in merged.granted}
        names = [grant.principal.name for grant in grants if grant.principal.kind in _MAY_VANISH]
        new = [name for name in names if name in gained]
        if new:
            text = (
                f"{words(new)} may be deleted before ECR creates a repository by this template, and AWS does not say "
                "what becomes of that repository. Name accounts or an organization instead"
            )
            yield context.warning("role_in_template", text, certain=False, principals=new)
        yield from self._shadowed(target, grants, context)

    def _too_narrow(self, label: str, context: RepositoryContext) -> Iterator[PolicyWarning]:
        prefix = template_prefix(label)
        if prefix is None:
            return
        repositories = template_repositories(prefix)
        partial = [
            grant
            for grant in self._request.grants
            if grant.repositories
            and not self.is_for(grant, label)
            and PatternSet(grant.repositories).overlaps(repositories)
            and not self._is_for_a_more_specific_one(grant, repositories)
        ]
        by_patterns: dict[tuple[str, ...], list[str]] = {}
        for grant in partial:
            by_patterns.setdefault(grant.repositories or (), []).append(grant.principal.name)
        for patterns, names in by_patterns.items():
            text = (
                f"the template is for {repositories}, and the grant of {words(names)} for {words(patterns)} alone, so "
                "nothing was done for them here"
            )
            yield context.warning("grant_too_narrow", text, principals=names)

    def _is_for_a_more_specific_one(self, grant: Grant, repositories: str) -> bool:
        """Return whether all repositories of a grant get another template than that for these."""
        others = (template_repositories(prefix) for prefix in self._templates)
        return any(
            other != repositories
            and include((repositories,), other)
            and all(include((other,), pattern) for pattern in grant.repositories or ())
            for other in others
        )

    def _shadowed(
        self, target: PolicyTarget, grants: Sequence[Grant], context: RepositoryContext
    ) -> Iterator[PolicyWarning]:
        """Yield warnings about more specific templates which lack what this one has."""
        prefix = str(template_prefix(target.label))
        mine = self._templates[prefix]
        for other in self._templates.values():
            if other.prefix == prefix or other.prefix in self._selected:
                continue
            if not include((template_repositories(prefix),), template_repositories(other.prefix)):
                continue
            lacking = self._lacking(other, grants)
            if lacking:
                certain = not set(mine.applied_for).isdisjoint(other.applied_for)
                rest = "" if certain else ", unless AWS does so only for what that one is applied for"
                text = (
                    f"repositories below {word(other.prefix)} get the template of that prefix, and not this one{rest}. "
                    f"It lacks the grants of {words(lacking)}"
                )
                yield context.warning("shadowed", text, certain=certain, principals=lacking)

    def _lacking(self, template: Template, grants: Sequence[Grant]) -> list[str]:
        """Return whose grants are not in a template."""
        try:
            policy = None if template.policy is None else parse(template.policy)
        except PolicyError:
            policy = None
        managed = ManagedStatements(self._registry.partition)
        merged = share(policy, grants, managed=managed, registry_id="")
        return list(dict.fromkeys(change.principal for change in merged.granted))
