# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Repository creation templates beside repositories: as rows with a name, and what grants say of them.

* A row is called C(template PREFIX). No repository can be called so.
* Where templates could not be read, one row stands for all of them, C(template *), and says why.
* A grant is for a template if it is for all repositories that ECR may create from it. C(services/*) is for the template
  C(services), and C(*) alone for C(ROOT).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .._iam.patterns import PatternSet
from .._repository_names import (
    REGISTRY_LABEL,
    matches,
    matches_prefix,
    template_label,
    template_prefix,
    template_repositories,
)
from .._sharing.registry_statements import include

Row = Mapping[str, Any]
ALL_TEMPLATES = template_label("*")
# Any character is more than these stand for.
_BRACKETS = re.compile(r"\[[^\]]*\]")


def template_rows(found: Mapping[str, Any]) -> list[Row]:
    """Return a row for each template that the module that audits has read."""
    return [{**row, "name": template_label(row["prefix"])} for row in found.get("templates", ())]


def unread_row(templates_read: Row) -> Row:
    """Return the row for templates that could not be read."""
    return {
        "name": ALL_TEMPLATES,
        "error": templates_read["error"],
        "error_code": templates_read.get("error_code"),
    }


def unread_to_come(found: Mapping[str, Any]) -> dict[str, str]:
    """Return what the module that audits could not read that is for repositories to come, and why."""
    ways = {REGISTRY_LABEL: found.get("registry_policy"), "creation templates": found.get("templates_read")}
    return {what: str(way["error"]) for what, way in ways.items() if way is not None and not way["read"]}


def is_for(patterns: Sequence[str] | None, prefix: str) -> bool:
    """Return whether a grant is for all repositories that a template is for.

    Args:
        patterns: The names and patterns of the grant; None for all.
        prefix: The prefix of the template, or C(ROOT).
    """
    return include(patterns, template_repositories(prefix))


def concerns(patterns: Sequence[str], prefix: str) -> bool:
    """Return whether a template may be for a repository that one of some names and patterns of shells matches."""
    return PatternSet(_BRACKETS.sub("?", pattern) for pattern in patterns).overlaps(template_repositories(prefix))


def place_matches(texts: Iterable[str], name: str) -> bool:
    """Return whether names and patterns match a row: patterns match repositories, or templates with C(template) before
    them, and the policy of a registry is named as it is.
    """
    if name == REGISTRY_LABEL:
        return name in texts
    prefix = template_prefix(name)
    of_templates = {text: template_prefix(text) for text in texts}
    if prefix is None:
        return matches([text for text, pattern in of_templates.items() if pattern is None], name)
    return matches_prefix([pattern for pattern in of_templates.values() if pattern is not None], prefix)
