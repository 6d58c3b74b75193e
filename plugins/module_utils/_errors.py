# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Invalid input, and warnings: what the collection says to a person, whatever it was doing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ._repository_names import label_text
from ._text import message

# What the task says once for each kind, after the number of repositories.
SUMMARIES = {
    "public": "are open to everyone, or to any account",
    "unscoped_service": "let a service in on behalf of any account",
    "explicit_deny": "have a Deny that defeats a declared grant, or may defeat it",
    "lambda_region_not_covered": "are in a region that no declared lambda_regions covers",
    "excess_access": "let a principal do, certainly or possibly, more than is declared, or than before",
    "deleted_principal": "have deleted principals in their policy",
    "stored_policy_differs": "have now another policy than the one that was sent",
    "shadowed": "are not for all that they seem to be for: more specific ones are, and lack a grant, or may",
    "grant_too_narrow": "are for more repositories than a grant is for, so that it is not in them",
    "role_in_template": "name roles or users, which may be deleted before a repository is created",
    "pattern_not_matched": "are names or patterns that match nothing, so that nothing was done for them",
    "not_verified": "were written, but could not be verified afterwards",
}


class InvalidInputError(ValueError):
    """Options that are not valid.

    Args:
        problems: One message for each of them, which begins with the name of the option.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(map(message, problems))
        super().__init__("; ".join(self.problems))


@dataclass(frozen=True)
class PolicyWarning:
    """Something that a person should know about the policy of a repository.

    Args:
        kind: A key of SUMMARIES.
        message: One sentence that begins with the name of the repository.
        certain: Whether it is so for every request, whatever the policy cannot decide.
        repository: The name of the repository, or the pattern that matched none.
        region: The region of its registry.
        registry_id: The account that owns the registry; None where AWS did not say it.
        policy: Whose policy has the statement, C(repository) or C(registry); None where none is meant.
        sid: The Sid of the statement; None where it has none or none is meant.
        principals: Whom it is about.
    """

    kind: str
    message: str
    certain: bool = True
    repository: str = ""
    region: str = ""
    registry_id: str | None = None
    policy: str | None = None
    sid: str | None = None
    principals: tuple[str, ...] = ()


@dataclass(frozen=True)
class RepositoryContext:
    """The repository that a warning is about, or the registry or creation template whose policy it is about.

    Args:
        repository: Its name.
        region: The region of its registry.
        registry_id: The account that owns the registry; None where AWS did not say it.
        thing: What it is, in a sentence.
    """

    repository: str
    region: str
    registry_id: str | None = None
    thing: str = "the repository"

    def warning(
        self,
        kind: str,
        text: str,
        *,
        certain: bool = True,
        policy: str | None = None,
        sid: str | None = None,
        principals: Iterable[str] = (),
    ) -> PolicyWarning:
        """Return a warning about this repository, whose name its message begins with."""
        said = message(f"{label_text(self.repository)}: {text}")
        return PolicyWarning(
            kind, said, certain, self.repository, self.region, self.registry_id, policy, sid, tuple(principals)
        )


def certain_first(warnings: Iterable[PolicyWarning]) -> tuple[PolicyWarning, ...]:
    """Return warnings in the same order, but all that are certain before the others."""
    return tuple(sorted(warnings, key=lambda warning: not warning.certain))
