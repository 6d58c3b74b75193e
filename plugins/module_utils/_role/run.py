# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Runs of modules: what the hosts of a play bring, as few runs as possible, and a run cut to what there is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .._repository_names import REGISTRY_LABEL, select, unmatched
from .kinds import Kind, of_kind
from .variables import Credentials, GrantOptions, Member, canonical, covers


@dataclass(frozen=True)
class Connection:
    """Credentials that runs share, without the secrets.

    Args:
        number: Tells connections of the same label apart.
        label: What messages call it.
        profile: None where it is not set.
    """

    number: int
    label: str
    profile: str | None


@dataclass(frozen=True)
class AssumedRole:
    """An IAM role to assume before the runs of a connection.

    Args:
        connection: The number of the connection.
        region: Where to assume it; None for the region of the environment.
        profile: The profile to assume it with, if any.
    """

    connection: int
    arn: str
    external_id: str | None
    region: str | None
    profile: str | None


@dataclass(frozen=True)
class Run:
    """One run of a module.

    Args:
        label: What messages call it.
        registry: What messages call its registry.
        region: None for that of the connection.
        registry_id: None for that of the connection.
        repositories: The names and patterns of repositories that it is for, if it is for some.
        principal: Who is asked for, by a run that reads; None for all.
        kind: What it is for.
        templates: The prefixes and patterns of templates that it is for, if it is for some.
    """

    label: str
    registry: str
    connection: Connection
    region: str | None
    registry_id: str | None
    repositories: tuple[str, ...]
    grants: tuple[GrantOptions, ...] = ()
    principal: str | None = None
    kind: str = Kind.REPOSITORIES.value
    templates: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[int, str | None, str | None]:
        """Return what tells the registry of a run from the others of its plan; its batches have the same."""
        return (self.connection.number, self.region, self.registry_id)


def read_run(values: Mapping[str, Any]) -> Run:
    """Return the run of which these are the values, as dataclasses.asdict() makes them."""
    return Run(
        **{
            **values,
            "connection": Connection(**values["connection"]),
            "repositories": tuple(values["repositories"]),
            "grants": tuple(values["grants"]),
            "templates": tuple(values.get("templates", ())),
        }
    )


def narrowed(run: Run, existing: Sequence[str]) -> Run:
    """Return a run for what of it there is: the repositories that a grant covers, and the grants that cover one.

    Args:
        existing: The names of all repositories of its registry.
    """
    there = frozenset(existing)
    names = [name for name in select(run.repositories, existing).names if name in there]
    covered = [name for name in names if any(covers(grant, name) for grant in run.grants)]
    return replace(run, repositories=tuple(covered), grants=tuple(_narrowed_to(covered, run.grants)))


def batches(run: Run, size: int) -> tuple[Run, ...]:
    """Split a run over names into runs of at most so many of them, whose labels tell the progress."""
    names, total = run.repositories, len(run.repositories)
    parts = [names[start : start + size] for start in range(0, total, size)]
    return tuple(
        replace(
            run,
            label=_batch_label(run.region, part, number * size + 1, total),
            repositories=part,
            grants=tuple(_narrowed_to(part, run.grants)),
        )
        for number, part in enumerate(parts)
    )


def runs_of(members: Iterable[Member], host: str) -> Iterator[tuple[Credentials, Run]]:
    """Yield one run for all members that share credentials, a registry and a region, with or without grants.

    Behind it come those for the policy of that registry and for its templates, if grants apply to them.

    Args:
        members: What the hosts of the play bring.
        host: The host that does the runs.
    """
    by_credentials: dict[Credentials, dict[tuple[str | None, str | None], list[Member]]] = {}
    for member in members:
        of_connection = by_credentials.setdefault(member.credentials, {})
        of_connection.setdefault((member.region, member.registry_id), []).append(member)
    for number, (credentials, by_registry) in enumerate(by_credentials.items()):
        connection = Connection(number, credentials.label, credentials.profile)
        for (region, registry_id), of_registry in by_registry.items():
            names = tuple(dict.fromkeys(name for member in of_registry for name in member.repositories))
            registry = " ".join(filter(None, (registry_id or host, region)))
            grants = _united(of_registry, names)
            run = Run(_label(region, names), registry, connection, region, registry_id, names, grants)
            yield credentials, run
            yield from ((credentials, one) for one in _beyond_repositories(run, of_registry))


def _beyond_repositories(run: Run, members: Sequence[Member]) -> Iterator[Run]:
    """Yield the runs for the registry of a run itself, and for its templates."""
    grants = {canonical(grant): grant for member in members for grant in member.beyond}.values()
    templates = tuple(dict.fromkeys(prefix for member in members for prefix in member.templates))
    for kind, label, wanted in (
        (Kind.REGISTRY, REGISTRY_LABEL, ()),
        (Kind.TEMPLATES, f"templates {', '.join(templates)}", templates),
    ):
        granted = of_kind(grants, kind)
        if granted:
            label = f"{run.region}: {label}" if run.region else label
            yield replace(run, label=label, repositories=(), grants=granted, kind=kind.value, templates=wanted)


def _united(members: Sequence[Member], names: Sequence[str]) -> tuple[GrantOptions, ...]:
    """Return the grants of members of one registry. Several of them hold one repository each."""
    if len(members) == 1:
        return members[0].grants
    holders: dict[str, tuple[GrantOptions, dict[str, None]]] = {}
    for member in members:
        for grant in member.grants:
            _grant, covered = holders.setdefault(canonical(grant), (grant, {}))
            covered.update(dict.fromkeys(member.repositories))
    return tuple(
        {**grant, "repositories": None if len(covered) == len(names) else list(covered)}
        for grant, covered in holders.values()
    )


def _narrowed_to(names: Sequence[str], grants: Iterable[GrantOptions]) -> Iterator[GrantOptions]:
    """Yield grants with what covers one of these repositories."""
    for grant in grants:
        if grant.get("repositories") is None:
            yield grant
            continue
        unused = set(unmatched(grant["repositories"], names))
        kept = [text for text in grant["repositories"] if text not in unused]
        if kept:
            yield {**grant, "repositories": kept}


def _label(region: str | None, repositories: Sequence[str]) -> str:
    what = ", ".join(repositories or ["all"]) if len(repositories) <= 3 else f"{len(repositories):,} repositories"
    return f"{region}: {what}" if region else what


def _batch_label(region: str | None, names: Sequence[str], first: int, total: int) -> str:
    stems = {name.split("/")[0] for name in names}
    stem = stems.pop() if len(stems) == 1 else "repositories"
    what = f"{stem} {first:,}–{first + len(names) - 1:,} of {total:,}"
    return f"{region}: {what}" if region else what
