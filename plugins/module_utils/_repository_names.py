# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Names of repositories, and the shell patterns that select among them: C(*) crosses C(/). And what else has a policy:
the registry, and creation templates.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache

from ._text import quoted, word

# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html
_PART = r"[a-z0-9]+(?:[._-][a-z0-9]+)*"
_NAME = re.compile(rf"(?=.{{2,256}}\Z){_PART}(?:/{_PART})*")
# A repository's URI has the form of a name, and is none: 123456789012.dkr.ecr.us-east-1.amazonaws.com/base/python.
_ADDRESS = re.compile(r"arn:|https?:|[0-9]{12}\.dkr[.-]|public\.ecr\.aws/")
# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_RepositoryCreationTemplate.html
_PREFIX = re.compile(rf"(?=.{{1,256}}\Z){_PART}(?:/{_PART})*/?")
# The creation template for repositories that no other template is for.
ROOT = "ROOT"
# What messages and rows call the policy of a registry. No repository can be called so, and none a template's label.
REGISTRY_LABEL = "registry policy"
_TEMPLATE_LABEL = "template "
_PATTERN = re.compile(r"[a-z0-9._/*?\[\]!-]{1,256}")


@dataclass(frozen=True)
class Selection:
    """The repositories that names and patterns select.

    Args:
        names: In the order asked for, each once.
        unmatched: The patterns that match none.
    """

    names: tuple[str, ...]
    unmatched: tuple[str, ...]


def is_pattern(text: str) -> bool:
    """Return whether a text is a pattern rather than a name."""
    return any(character in text for character in "*?[")


def is_name(text: str) -> bool:
    """Return whether a text can be the name of a repository."""
    return _NAME.fullmatch(text) is not None


def template_label(prefix: str) -> str:
    """Return what messages and rows call a creation template."""
    return _TEMPLATE_LABEL + prefix


def template_prefix(label: str) -> str | None:
    """Return the prefix of the creation template with a label; None for the label of anything else."""
    return label.removeprefix(_TEMPLATE_LABEL) if label.startswith(_TEMPLATE_LABEL) else None


def label_text(label: str) -> str:
    """Return the label of what has a policy as messages have it: a name that is none is quoted."""
    prefix = template_prefix(label)
    if prefix is not None:
        return template_label(word(prefix))
    return label if label == REGISTRY_LABEL else word(label)


def template_repositories(prefix: str) -> str:
    """Return the pattern of the repositories that a creation template is for, those of more specific ones among them.

    C(prod) and C(prod/) are the same:
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-creation-templates.html
    """
    return "*" if prefix == ROOT else f"{prefix.removesuffix('/')}/*"


def is_template_prefix(text: str) -> bool:
    """Return whether a text can be the prefix of a creation template."""
    return text == ROOT or _PREFIX.fullmatch(text) is not None


def problem_with_prefix(text: object) -> str | None:
    """Return why a value is neither the prefix of a creation template nor a pattern; None if it is one."""
    if isinstance(text, str) and (_PATTERN.fullmatch(text) if is_pattern(text) else is_template_prefix(text)):
        return None
    what = f"a prefix of repository names, nor {ROOT}, nor a pattern with * ? [ ]"
    return f"{quoted(text) if isinstance(text, str) else repr(text)} is not {what}"


def problem_with(text: object) -> str | None:
    """Return why a value is neither the name of a repository nor a pattern; None if it is one."""
    if not isinstance(text, str):
        return f"{text!r} is not a string"
    if _ADDRESS.match(text):
        return f"{quoted(text)} is an ARN or a URI: write the repository's name alone, such as base/python"
    if _PATTERN.fullmatch(text) if is_pattern(text) else _NAME.fullmatch(text):
        return None
    what = "a repository name, nor a pattern with * ? [ ] (lower case, digits, and . _ - / between)"
    return f"{quoted(text)} is not {what}"


def problem_with_iam_pattern(text: object) -> str | None:
    """Return why a value is neither the name of a repository nor a pattern of IAM, which has C(*) and C(?) alone; None
    if it is one.
    """
    if isinstance(text, str) and any(character in text for character in "[]!"):
        return f"{quoted(text)} is not a pattern that IAM knows, which has * and ? alone: name what [ ] stands for"
    problem = problem_with(text)
    return None if problem is None else problem.replace("a pattern with * ? [ ] (", "a pattern with * ? (")


def matches(texts: Iterable[str], name: str) -> bool:
    """Return whether one of the names or patterns matches a repository."""
    names, patterns = _names_and_patterns(tuple(texts))
    return name in names or any(fnmatchcase(name, pattern) for pattern in patterns)


def matches_prefix(texts: Iterable[str], prefix: str) -> bool:
    """Return whether one of the prefixes or patterns matches a creation template; a slash at the end has no weight."""
    return matches([text.removesuffix("/") for text in texts], prefix.removesuffix("/"))


def unmatched(texts: Iterable[str], names: Iterable[str]) -> tuple[str, ...]:
    """Return the names and patterns that match none of these repositories."""
    existing = dict.fromkeys(names)
    return tuple(
        text
        for text in texts
        if not (any(fnmatchcase(name, text) for name in existing) if is_pattern(text) else text in existing)
    )


@lru_cache(maxsize=1024)
def _names_and_patterns(texts: tuple[str, ...]) -> tuple[frozenset[str], tuple[str, ...]]:
    # A grant may name a thousand repositories, and each of these is held against it.
    patterns = tuple(text for text in texts if is_pattern(text))
    return frozenset(texts).difference(patterns), patterns


def select(wanted: Sequence[str], existing: Sequence[str]) -> Selection:
    """Return the repositories that names and patterns match, each once.

    Args:
        wanted: Names and patterns.
        existing: The names in the registry, for patterns. A plain name is selected whether it is there or not.
    """
    selected: dict[str, None] = {}
    unmatched = []
    for text in dict.fromkeys(wanted):
        if is_pattern(text):
            names = [name for name in sorted(existing) if fnmatchcase(name, text)]
            if not names:
                unmatched.append(text)
        else:
            names = [text]
        selected.update(dict.fromkeys(names))
    return Selection(tuple(selected), tuple(unmatched))
