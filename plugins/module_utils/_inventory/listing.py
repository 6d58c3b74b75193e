# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""The repositories of several registries, as the variables of hosts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .._registry import EcrError, RepositoryMissingError, TaggedRegistry
from .._text import message as visible_message
from .._text import quoted, word

# Registries at a time, and of one whose tags are not listed, repositories at a time.
CONCURRENCY = 8

# The variables of a host: JSON's types alone, so that they can be cached.
Repository = Mapping[str, Any]


@dataclass(frozen=True)
class Source:
    """A registry, and the profile that leads to it: None where there is no choice of profiles."""

    profile: str | None
    registry: TaggedRegistry

    @property
    def label(self) -> str:
        return label_of(self.profile, self.registry.region)


@dataclass(frozen=True)
class Listing:
    """What an inventory lists.

    Args:
        repositories: Each once, in the order of the registries and of their names.
        warnings: What a person should know.
    """

    repositories: tuple[Repository, ...]
    warnings: tuple[str, ...]


class ListingError(Exception):
    """Registries that could not be listed, each with its profile and region, what AWS said, and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(visible_message(message))


def label_of(profile: str | None, region: str | None) -> str:
    """Return what messages call a registry. The region is None where boto3 is to find one."""
    whose = f"profile {word(profile)}, " if profile else ""
    return f"{whose}{word(region) if region else 'default region'}"


def list_registries(sources: Sequence[Source]) -> Listing:
    """Return the repositories of all registries.

    Raises:
        ListingError: If one of them cannot be listed: half of an inventory is worse than none.
    """
    with ThreadPoolExecutor(max_workers=CONCURRENCY) as workers:
        outcomes = list(workers.map(_try_one, sources))
    failures = [outcome for outcome in outcomes if isinstance(outcome, str)]
    if failures:
        raise ListingError(f"{len(failures)} of {len(sources)} registries could not be listed. {' | '.join(failures)}")
    listings = [outcome for outcome in outcomes if isinstance(outcome, Listing)]
    return _united(sources, listings)


def _try_one(source: Source) -> Listing | str:
    try:
        return _list_one(source)
    except EcrError as error:
        return f"{source.label}: {error}"


def _list_one(source: Source) -> Listing:
    described = sorted(source.registry.repositories(), key=lambda repository: str(repository["repositoryName"]))
    if not described:
        return Listing((), ())
    for repository in described:
        uri = str(repository["repositoryUri"])
        # It becomes the name of a host, which Ansible prints as it is.
        if word(uri) != uri:
            raise EcrError(f"AWS answered {quoted(uri)}, which is not the URI of a repository")
    warnings: tuple[str, ...] = ()
    try:
        listed = source.registry.tags()
    except EcrError as error:
        tags = _ask_for_all_tags(source.registry, described, error)
        warnings = (
            f"{source.label}: {error} Each of the {len(described)} repositories was asked for its tags instead.",
        )
    else:
        tags = [listed.get(repository["repositoryArn"], {}) for repository in described]
    return Listing(tuple(_variables(source, described, tags)), warnings)


def _ask_for_all_tags(
    registry: TaggedRegistry, described: Sequence[Mapping[str, Any]], refusal: EcrError
) -> list[dict[str, str] | None]:
    with ThreadPoolExecutor(max_workers=CONCURRENCY) as workers:
        try:
            return list(workers.map(lambda repository: _ask_for_tags(registry, repository), described))
        except EcrError as error:
            raise EcrError(f"{refusal} Nor would it list them for each repository: {error}") from error


def _ask_for_tags(registry: TaggedRegistry, repository: Mapping[str, Any]) -> dict[str, str] | None:
    try:
        return registry.tags_of(repository["repositoryName"], repository["repositoryArn"])
    except RepositoryMissingError:
        # Deleted since it was listed.
        return None


def in_utc(moment: datetime) -> str:
    """Return a moment as results and variables have it, such as C(2026-01-31T12:00:00Z)."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _variables(
    source: Source, described: Sequence[Mapping[str, Any]], tags: Sequence[Mapping[str, str] | None]
) -> Iterator[Repository]:
    for repository, its_tags in zip(described, tags, strict=True):
        if its_tags is None:
            continue
        yield {
            "ecr_repository_name": repository["repositoryName"],
            "ecr_repository_arn": repository["repositoryArn"],
            "ecr_repository_uri": repository["repositoryUri"],
            "ecr_registry_id": repository["registryId"],
            "ecr_created_at": in_utc(repository["createdAt"]),
            "ecr_image_tag_mutability": repository["imageTagMutability"],
            "ecr_region": source.registry.region,
            "ecr_tags": dict(its_tags),
            **({"ecr_profile": source.profile} if source.profile else {}),
        }


def _united(sources: Sequence[Source], listings: Sequence[Listing]) -> Listing:
    """All listings as one: a registry that several profiles lead to counts for the first of them."""
    found: dict[str, tuple[Source, Repository]] = {}
    warnings: dict[str, None] = {}
    for source, listing in zip(sources, listings, strict=True):
        warnings.update(dict.fromkeys(listing.warnings))
        for repository in listing.repositories:
            first, kept = found.setdefault(repository["ecr_repository_uri"], (source, repository))
            if kept is not repository:
                registry = f"the registry {repository['ecr_registry_id']}"
                warning = f"{source.label}: leads to {registry}, as {first.label} does, with which it is listed"
                warnings[warning] = None
    return Listing(tuple(repository for _source, repository in found.values()), tuple(warnings))
