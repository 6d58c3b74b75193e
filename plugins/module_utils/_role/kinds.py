# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""What grants apply to: repositories that exist, the policy of the registry, and repository creation templates.

* One word of a grant says it, C(apply_to), and it may have several of them. Each is a run of a module of its own.
* What a run changes is told by rows, and rows by their names: those of the registry policy and of templates have a
  blank, which no repository has.
* What is for repositories to come has patterns of IAM, which knows C(*) and C(?), and no brackets. Both cross C(/).
* AWS documents the pull by Lambda functions for repository policies alone, so nothing of it goes to registry policies.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from enum import StrEnum
from typing import Any

from .._iam.principals import read_principal
from .._repository_names import (
    REGISTRY_LABEL,
    problem_with,
    problem_with_iam_pattern,
    problem_with_prefix,
    template_prefix,
)
from .._text import word

GrantOptions = Mapping[str, Any]


class Kind(StrEnum):
    """What a grant applies to, and what a run is for."""

    REPOSITORIES = "repositories"
    REGISTRY = "registry"
    TEMPLATES = "templates"


APPLY_TO = "apply_to"
# How rows of each kind are counted.
_COUNTED = {
    Kind.REPOSITORIES: ("repository", "repositories"),
    Kind.REGISTRY: (REGISTRY_LABEL, "registry policies"),
    Kind.TEMPLATES: ("template", "templates"),
}


def kinds_of(grant: GrantOptions) -> tuple[str, ...]:
    """Return what a grant applies to, as it is written."""
    value = grant.get(APPLY_TO)
    if value is None:
        return (Kind.REPOSITORIES.value,)
    return tuple(value) if isinstance(value, (list, tuple)) else (str(value),)


def problems_with(grant: GrantOptions) -> Iterator[str]:
    """Yield what is wrong with a grant because of what it applies to."""
    kinds = kinds_of(grant)
    if not kinds:
        yield f"{APPLY_TO} is empty: leave it out to grant access to the repositories that there are"
    for name in kinds:
        if name not in [kind.value for kind in Kind]:
            nearest = get_close_matches(str(name), list(Kind), n=1, cutoff=0.5)
            hint = f"; did you mean {nearest[0]}?" if nearest else ""
            yield f"{APPLY_TO}: {word(str(name))} is none of {', '.join(Kind)}{hint}"
    if set(kinds) - {Kind.REPOSITORIES}:
        yield from _problems_of_patterns(grant)
    if Kind.REGISTRY in kinds:
        yield from _problems_of_registry(grant, kinds)


def _problems_of_patterns(grant: GrantOptions) -> Iterator[str]:
    patterns = grant.get("repositories")
    if patterns == []:
        yield "repositories is empty: leave it out to grant access to all repositories"
    for text in patterns or ():
        problem = problem_with_iam_pattern(text)
        # What is no name of anything is told for every grant.
        if problem is not None and problem_with(text) is None:
            yield f"repositories: {problem}"


def _problems_of_registry(grant: GrantOptions, kinds: Sequence[str]) -> Iterator[str]:
    if grant.get("access") == []:
        yield (
            f"{APPLY_TO}: access: [] is for Lambda alone, and AWS documents Lambda for the policies of repositories: "
            f"take {Kind.REGISTRY} out"
        )
    elif grant.get("lambda_regions") and set(kinds) == {Kind.REGISTRY.value}:
        yield (
            "lambda_regions: AWS documents Lambda for the policies of repositories, and this grant applies to the "
            f"{Kind.REGISTRY} alone: leave it out, or apply it to {Kind.REPOSITORIES} or {Kind.TEMPLATES} as well"
        )


def problems_with_templates(grants: Iterable[GrantOptions], templates: Sequence[Any], variable: str) -> Iterator[str]:
    """Yield what is wrong with the templates that grants are for.

    Args:
        grants: Those of a host.
        templates: The prefixes and patterns, as they are written.
        variable: The variable that has them.
    """
    if not templates and of_kind(grants, Kind.TEMPLATES):
        yield f"{variable} is empty: name at least one template or pattern, or leave it out for all"
    yield from (f"{variable}: {problem}" for problem in map(problem_with_prefix, templates) if problem)


def problems_of_owner(grants: Iterable[GrantOptions], registry_id: str | None, role_arn: str | None) -> Iterator[str]:
    """Yield that grants apply to a registry that is known to be another account's than the caller's.

    Args:
        grants: Those of a host.
        registry_id: The account that owns the registry of the host; None for the caller's own.
        role_arn: The role that is assumed; None for none, so that nobody knows the caller yet.
    """
    role = None if role_arn is None else read_principal(role_arn, None)
    if registry_id is None or role is None or role.account in (None, registry_id):
        return
    if any(True for _grant in beyond_repositories(grants)):
        yield not_own(registry_id, role.account)


def not_own(registry_id: str, caller: str | None) -> str:
    """Return why nothing but repositories can be shared of the registry of another account."""
    return (
        f"{word(registry_id)} owns the registry, and the credentials are of {word(caller or '')}: AWS's API has the "
        "policy and the templates of the caller's own registry alone"
    )


def problems_of_repository(grants: Iterable[GrantOptions], origin: str) -> Iterator[str]:
    """Yield the grants of a host that is one repository, and that would be for all of its registry.

    Args:
        grants: Those of the host.
        origin: The member of a grant that says where it was declared.
    """
    for grant in beyond_repositories(grants):
        if grant.get("repositories") is None:
            yield (
                f"{grant[origin]}: {APPLY_TO}: this host is one repository, and a grant that applies to "
                f"{Kind.REGISTRY} or {Kind.TEMPLATES} is for many: name them in its repositories"
            )


def of_kind(grants: Iterable[GrantOptions], kind: Kind) -> tuple[GrantOptions, ...]:
    """Return the grants that apply to something, as its module takes them."""
    return tuple(_as_options(grant, kind) for grant in grants if kind in kinds_of(grant))


def _as_options(grant: GrantOptions, kind: Kind) -> GrantOptions:
    left_out = (APPLY_TO, "lambda_regions") if kind is Kind.REGISTRY else (APPLY_TO,)
    return {name: value for name, value in grant.items() if name not in left_out}


def beyond_repositories(grants: Iterable[GrantOptions]) -> tuple[GrantOptions, ...]:
    """Return the grants that apply to anything but repositories that there are."""
    return tuple(grant for grant in grants if set(kinds_of(grant)) - {Kind.REPOSITORIES})


def problem_with_place(text: object) -> str | None:
    """Return why a value is neither a repository, a template as rows name it, nor a pattern; None if it is one."""
    prefix = template_prefix(text) if isinstance(text, str) else None
    return problem_with(text) if prefix is None else problem_with_prefix(prefix)


def kind_of(name: str) -> Kind:
    """Return what a row is of."""
    if template_prefix(name) is not None:
        return Kind.TEMPLATES
    return Kind.REGISTRY if name == REGISTRY_LABEL else Kind.REPOSITORIES


def narrows(condition: Mapping[str, Any]) -> bool:
    """Return whether a condition of a share says for which repositories its statement is."""
    return bool(condition["operator"] == "Resource" and condition["key"] == "ARN")


def patterns_of(share: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the patterns of the repositories that a share of the policy of a registry is for."""
    named = [value for one in share["conditions"] if narrows(one) for value in one["values"]]
    return tuple(str(value).split(":repository/", 1)[-1] for value in named) or ("*",)


def counted(number: int, kind: Kind) -> str:
    """Return a number of rows of a kind, in words."""
    one, many = _COUNTED[kind]
    return f"{number:,} {one if number == 1 else many}"


def plural(kind: Kind) -> str:
    """Return what several rows of a kind are called."""
    return _COUNTED[kind][1]


def numbers(names: Iterable[str]) -> str:
    """Return how many rows of each kind there are, in words; that there is no repository if there is none at all."""
    kinds = [kind_of(name) for name in names]
    found = [counted(kinds.count(kind), kind) for kind in Kind if kind in kinds]
    return ", ".join(found) or counted(0, Kind.REPOSITORIES)
