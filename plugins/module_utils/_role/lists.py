# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""What is in the registries of a play, and what the variables name that is in none of them.

One list of grants serves many registries. So a name or pattern need not match in each of them, and one that matches in
none is a slip, which is told once, by its variable, before anything is written. As long as not all registries of the
play are known, such as where one could not be listed, it may be meant for those: that is a warning. So is a grant for
repositories that are there, but not among those of ecr_share_repositories: a run may be narrowed to some of them.

Templates are not listed before a run, so what the variables name of them, and is nowhere, is told after it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, TypeAlias

from .._iam.principals import PrincipalType, read_principal
from .._repository_names import matches, select, template_label, unmatched
from .._text import message, quoted, word, words
from .kinds import APPLY_TO, Kind
from .plan import ASKED_REPOSITORIES, Plan, Purpose
from .run import Run
from .variables import ORIGIN

RunKey: TypeAlias = "tuple[int, str | None, str | None]"
_REPOSITORIES = "ecr_share_repositories"


@dataclass(frozen=True)
class Listing:
    """The repositories of the registry of a run.

    Args:
        key: That of the run.
        names: None where they could not be listed.
        owner: The account that owns the registry; None where nobody said it, as of one without repositories.
        error: Why they could not be listed.
    """

    key: RunKey
    names: tuple[str, ...] | None
    owner: str | None = None
    error: str | None = None


@dataclass(frozen=True)
class HostListings:
    """What a host plans, and what is in its registries."""

    plan: Plan
    listings: Sequence[Listing]

    def names(self, key: RunKey) -> tuple[str, ...] | None:
        """Return the names of the repositories of a run; None where they are not known."""
        return next((listing.names for listing in self.listings if listing.key == key), None)

    def is_all(self, run: Run) -> bool:
        """Return whether a run is for all repositories of its registry, as far as that is known."""
        names = self.names(run.key)
        return names is not None and all(matches(run.repositories or ("*",), name) for name in names)


@dataclass(frozen=True)
class Slips:
    """What the variables of a play name that is nowhere.

    Args:
        problems: Because of these nothing may be done.
        warnings: These may be meant.
    """

    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class TemplateRun:
    """A run for templates, and the rows that it returned."""

    run: Run
    rows: Sequence[Mapping[str, Any]]


def read_listing(values: Mapping[str, Any]) -> Listing:
    """Return the listing of which these are the values: C(key), C(names) as one text, C(owner) and C(error)."""
    number, region, registry_id = values["key"]
    names = values["names"]
    return Listing(
        (number, region, registry_id), None if names is None else tuple(names.split()), values["owner"], values["error"]
    )


def _shared_policies(hosts: Sequence[HostListings], *, complete: bool) -> Iterator[str]:
    """Yield why hosts would undo each other's grants in what a registry has once: its policy, and its templates.

    Args:
        hosts: Those of the play that act.
        complete: Whether these are all hosts of the play.
    """
    found: dict[tuple[str, str | None, str], list[tuple[str, Run]]] = {}
    for host in hosts:
        sharing = host.plan.sharing.state == "present" and host.plan.purpose in (Purpose.SHARE, Purpose.AUDIT)
        once = [run for run in host.plan.runs if sharing and run.kind != Kind.REPOSITORIES]
        # A host that acts for others is a repository.
        if once and not host.plan.lists and not complete:
            yield (
                f"{once[0].grants[0][ORIGIN]}: {APPLY_TO}: all hosts of a registry have its policy and its templates "
                "in common, and not all of them are in this play. Run without a limit and serial, or declare it for a "
                "host of ecr_registries"
            )
        owners = {listing.key: listing.owner for listing in host.listings}
        for run in once:
            owner = run.registry_id or owners.get(run.key)
            if owner is not None:
                found.setdefault((owner, run.region, run.kind), []).append((host.plan.host, run))
    for (owner, region, kind), runs in found.items():
        declared = {json.dumps([_without_origin(run.grants), run.templates], sort_keys=True) for _host, run in runs}
        if len(declared) > 1:
            names, where = words(dict.fromkeys(host for host, _run in runs)), f" in {region}" if region else ""
            yield (
                f"{names}: these are one registry, {owner}{where}, and declare different grants for its {kind}, so "
                "that each would take away what the other declares. Declare them for a group that they have in common"
            )


def _without_origin(grants: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in grant.items() if name != ORIGIN} for grant in grants]


def slips(hosts: Sequence[HostListings], *, complete: bool) -> Slips:
    """Return what the variables of a play name and is in no registry of it, each once.

    Args:
        hosts: Those of the play that are registries.
        complete: Whether these are all hosts of the play, so that nothing can be meant for another.
    """
    shared = list(_shared_policies(hosts, complete=complete))
    complete = complete and all(listing.names is not None for host in hosts for listing in host.listings)
    listed = sum(listing.names is not None for host in hosts for listing in host.listings)
    known = {name for host in hosts for listing in host.listings for name in listing.names or ()}
    matched: dict[tuple[str, str], bool] = {}
    optional: set[tuple[str, str]] = set()
    for host in hosts:
        for where, text, found in _texts(host):
            matched[where, text] = matched.get((where, text), False) or found
            if host.plan.unmatched_ok:
                optional.add((where, text))
    problems = [*shared, *(owned for host in hosts for owned in _owners(host))]
    warnings: list[str] = []
    for (where, text), found in matched.items():
        if found:
            continue
        if unmatched([text], known):
            said = f"{where}: {quoted(text)} matches no repository in {_registries(listed)}{_nearest(text, known)}"
        else:
            said = f"{where}: {quoted(text)} matches no repository of {_REPOSITORIES}"
        if complete and (where, text) not in optional:
            problems.append(said)
        else:
            warnings.append(said if complete else f"{said}; others of this play are not known")
    for said in _idle(hosts):
        (problems if complete else warnings).append(said)
    warnings += _left_out(hosts)
    return Slips(tuple(dict.fromkeys(map(message, problems))), tuple(dict.fromkeys(map(message, warnings))))


def template_slips(runs: Iterable[TemplateRun]) -> tuple[str, ...]:
    """Return what the variables of a play name, and what no template is for in any of its registries, each once.

    Args:
        runs: Those that came so far as to look for templates.
    """
    found: dict[tuple[str, str], bool] = {}
    for one in runs:
        missing = {row["name"] for row in one.rows if row.get("missing")}
        # All templates may be none.
        named = [("ecr_share_templates: ", text) for text in one.run.templates if text != "*"]
        named += [
            (f"{grant[ORIGIN]}: repositories: ", ", ".join(grant["repositories"]))
            for grant in one.run.grants
            if grant.get("repositories")
        ]
        for key in named:
            found[key] = found.get(key, False) or template_label(key[1]) not in missing
    return tuple(
        message(f"{where}no creation template is for {quoted(text)} alone, in no registry of this play")
        if "repositories" in where
        else message(f"{where}{quoted(text)} matches no creation template in any registry of this play")
        for (where, text), is_there in found.items()
        if not is_there
    )


def _texts(host: HostListings) -> Iterator[tuple[str, str, bool]]:
    """Yield what a host names, where, and whether its registries have it, of those that could be listed."""
    for run in host.plan.lists:
        names = host.names(run.key)
        if names is None:
            continue
        # A registry may be empty, and then all of it is meant.
        wanted = [text for text in run.repositories if text != "*"]
        missing = set(unmatched(wanted, names))
        variable = ASKED_REPOSITORIES if host.plan.purpose == Purpose.ASK else _REPOSITORIES
        yield from ((variable, text, text not in missing) for text in wanted)
    for run in host.plan.runs:
        # What applies to coming repositories alone, none of those that there are need match.
        names = host.names(run.key) if run.kind == Kind.REPOSITORIES else None
        if names is None:
            continue
        for grant in run.grants:
            wanted = [text for text in grant.get("repositories") or [] if text != "*"]
            missing = set(unmatched(wanted, names))
            yield from ((f"{grant[ORIGIN]}: repositories", text, text not in missing) for text in wanted)


def _left_out(hosts: Iterable[HostListings]) -> Iterator[str]:
    """Yield what grants name that is there, and is in no run: nobody shares it. It is one sentence for all."""
    shared: dict[tuple[str, str], bool] = {}
    for host in hosts:
        for run in host.plan.runs:
            if run.kind != Kind.REPOSITORIES:
                continue
            names = host.names(run.key) or ()
            there = frozenset(names)
            selected = [name for name in select(run.repositories, names).names if name in there]
            for grant in run.grants:
                wanted = grant.get("repositories") or []
                nowhere, not_selected = set(unmatched(wanted, names)), set(unmatched(wanted, selected))
                for key in ((grant[ORIGIN], text) for text in wanted if text not in nowhere):
                    shared[key] = shared.get(key, False) or key[1] not in not_selected
    left = [key for key, found in shared.items() if not found]
    if left:
        (origin, text), number = left[0], len({text for _origin, text in left})
        first = f"{quoted(text)} of {origin}"
        what = f"{first} is" if number == 1 else f"{number} that grants name, such as {first}, are"
        yield f"{_REPOSITORIES}: {what} not among them, and not shared"


def _owners(host: HostListings) -> Iterator[str]:
    """Yield what is wrong with taking their own access from those who own a registry: it is no access of a grant."""
    # Whoever asks for somebody takes nothing away, whatever the state says.
    if host.plan.sharing.state != "absent" or host.plan.purpose == Purpose.ASK:
        return
    # Of hosts that are repositories nobody lists the registry, and the inventory says whose it is.
    owners = {run.registry_id: run.registry_id for run in host.plan.runs}
    owners |= {listing.owner: host.plan.host for listing in host.listings}
    for text in host.plan.principals:
        principal = read_principal(text, None)
        if principal is not None and principal.kind is PrincipalType.ACCOUNT and principal.name in owners:
            registry = word(owners[principal.name] or "")
            yield (
                f"{word(principal.name)} owns the registry {registry}: an owner has access without any grant, and "
                "cannot be taken out of its own registry"
            )


def _idle(hosts: Iterable[HostListings]) -> Iterator[str]:
    """Yield the grants whose regions are those of no registry."""
    known = list(hosts)
    used = {grant[ORIGIN] for host in known for run in host.plan.runs for grant in run.grants}
    for origin in dict.fromkeys(origin for host in known for origin in host.plan.idle):
        if origin not in used:
            yield f"{origin}: regions: none of them is a region of a registry of this play"


def _registries(number: int) -> str:
    return "the registry of this play" if number == 1 else f"any of the {number} registries of this play"


def _nearest(text: str, known: Iterable[str]) -> str:
    stems = {f"{name.split('/')[0]}/*" for name in known if "/" in name} if "*" in text else set(known)
    nearest = get_close_matches(text, sorted(stems), n=1, cutoff=0.75)
    return f"; did you mean {word(nearest[0])}?" if nearest else ""
