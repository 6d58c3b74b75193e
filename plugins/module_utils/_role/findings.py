# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""What an audit finds: who gets in beside what is declared, and what nobody should want anyway.

The rules:

- Every share counts, whatever statement it is from, and whether grants cover the repository or not. It is held against
  what is declared for its principal in its repository, as declared.py says.
- Somebody for whom no grant is, is C(undeclared); somebody with more than the grants give is C(excess). What a role, a
  user, a session, Lambda functions or another service of a declared account have is within the grants of the account if
  the account itself might have it, and excess if not. The pull of functions is declared by C(lambda_regions) alone:
  where a grant leaves them out, functions that pull are more than is declared.
- The account that owns the registry, with all that is in it, needs no grant.
- Everyone is C(public), a service without a source C(unscoped_service), the id of somebody who was deleted
  C(deleted_principal), whatever is declared, and none of them is undeclared as well.
- C(drift) is what sharing would change, so it may tell of the same access as C(undeclared) and C(excess) do. What is
  missing and what is too much are two findings.
- A template is as a repository, and what it lets in is what repositories to come let in.
- What is only possible, because of a condition or a Deny, is a finding of its own, and only beside what is certain.
  What is certainly denied is none.
- Whatever the policy of the registry lets in alone is found once, without a repository. It is found in a repository if
  only there it is more than declared.
- Without a single grant in the whole play there is nothing to compare with, so nobody is undeclared.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import compress
from typing import Any, TypeAlias

from .._iam.principals import PrincipalType, read_principal
from .._text import message, one_line, word, words
from .amounts import NOTHING, Amount, Amounts, Share, together
from .audited import AuditedRegistry, Row
from .declared import Declared, DeclaredInRegistry, principal_of
from .exceptions import Accepted
from .finding import COMPARED, EXCEPTION, KINDS, UNREAD, Finding, statements_named, who
from .groups import label_of
from .kinds import Kind, narrows, patterns_of
from .template_rows import ALL_TEMPLATES

# Whom it is about, as shares say it: the type, None where that is not known, and the principal.
_Subject: TypeAlias = "tuple[str | None, str]"
_Group = Sequence[Share]
_ORDER = {kind: position for position, kind in enumerate(KINDS)}
# So many patterns are named in a sentence.
_MOST_PATTERNS = 5
# Whoever these are, a policy lets in anybody by them, or nobody.
_FOR_ANYBODY = (PrincipalType.EVERYONE, PrincipalType.SERVICE)
_MAY = ", if conditions are met or no Deny takes it"


@dataclass(frozen=True)
class _Place:
    """Where something is found. repository: None for the policy of the registry."""

    registry: AuditedRegistry
    repository: str | None
    names: Mapping[str, str]

    def who(self, principal: str) -> str:
        """Return a principal of this place as people read it."""
        return who(principal, self.names.get(principal))

    def finding(self, kind: str, said: str, subject: _Subject | None = None, **more: Any) -> Finding:
        key, (principal_type, principal) = self.registry.key, subject or (None, None)
        return Finding(
            kind=kind,
            host=self.registry.host_of(self.repository),
            registry_id=key.registry_id,
            region=key.region,
            repository=self.repository,
            message=message(said),
            principal=principal,
            principal_type=principal_type,
            name=None if principal is None else self.names.get(principal),
            **{"certain": True, **more},
        )


@dataclass(frozen=True)
class _Found:
    """What one principal has that is a finding.

    Args:
        kind: Of which kind.
        amounts: What.
        shares: Those that it has it from.
        opening: The statements that certainly let in anybody, as the audit says.
        patterns: The repositories that it is for, where the policy of the registry gives it.
    """

    kind: str
    amounts: Amounts
    shares: _Group
    opening: Sequence[Row] = ()
    patterns: tuple[str, ...] = ()


def findings(
    registries: Iterable[AuditedRegistry], accepted: Iterable[Accepted], today: date, names: Mapping[str, str]
) -> tuple[Finding, ...]:
    """Return what an audit finds, the most dangerous first, and of each kind what is certain before what is possible.

    Args:
        registries: What was read, and what is declared.
        accepted: The exceptions.
        today: The day in UTC.
        names: By principals, the names that people have for them.
    """
    known, entries = list(registries), list(accepted)
    comparing = _is_declared(known)
    needed: dict[Accepted, bool] = {}
    found: list[Finding] = []
    for registry in known:
        entries_here = [entry for entry in entries if entry.is_for(registry.key.registry_id, registry.hosts)]
        for finding in _of_registry(registry, names, comparing=comparing):
            covering = [entry for entry in entries_here if entry.covers(finding)]
            needed |= dict.fromkeys(covering, True)
            valid = next((entry for entry in covering if not entry.is_over(today)), None)
            found.append(finding if valid is None else replace(finding, accepted=valid.acceptance))
    for entry in entries:
        found += _of_exception(entry, known, today, names, is_needed=entry in needed, comparing=comparing)
    return tuple(sorted(found, key=_order))


def not_looked_at(registries: Iterable[AuditedRegistry]) -> tuple[str, ...]:
    """Return what an audit has not looked at, so that nothing is claimed of it: one sentence for each."""
    known = list(registries)
    undeclared = () if _is_declared(known) else ("No grants are declared, so who gets in was compared with nothing.",)
    return (*undeclared, *(message(sentence) for registry in known for sentence in _not_read(registry)))


def _is_declared(registries: Iterable[AuditedRegistry]) -> bool:
    return any(declaration.grants for registry in registries for declaration in registry.declared)


def _not_read(registry: AuditedRegistry) -> Iterator[str]:
    key = registry.key
    where = label_of(registry.hosts[0], key.registry_id, key.region)
    if registry.policy is None:
        yield f"{where}: could not be read"
    elif not registry.policy["read"]:
        yield f"{where}: the registry policy was not read, and others may get in by it"
    if registry.templates is not None and not registry.templates["read"]:
        yield f"{where}: the creation templates were not read, and repositories to come may let in others"
    patterns = [one.repositories for one in registry.declared if one.kind == Kind.REPOSITORIES]
    if patterns and all(one and "*" not in one for one in patterns):
        every = list(dict.fromkeys(text for one in patterns for text in one))
        more = f" and {len(every) - _MOST_PATTERNS} more" if len(every) > _MOST_PATTERNS else ""
        yield f"{where}: only {words(every[:_MOST_PATTERNS])}{more} was read, no other repository"
    yield from (f"{where}: not compared with what is declared: {one_line(failure)}" for failure in registry.failures)


def _of_registry(registry: AuditedRegistry, names: Mapping[str, str], *, comparing: bool) -> Iterator[Finding]:
    declared = DeclaredInRegistry(registry)
    whole = _Place(registry, None, names)
    of_policy = list(_of_policy(whole, declared, comparing=comparing))
    yield from of_policy
    everywhere: dict[tuple[str, str | None], Amounts] = {}
    for finding in of_policy:
        key = (_as_found_everywhere(finding.kind), finding.principal)
        known = everywhere.get(key, Amounts())
        everywhere[key] = (
            replace(known, certain=known.certain | finding.amount)
            if finding.certain
            else replace(known, possible=known.possible | finding.amount)
        )
    for row in registry.rows:
        place = replace(whole, repository=row["name"])
        if row.get("error"):
            what = "templates could not be read" if row["name"] == ALL_TEMPLATES else "could not be read"
            yield place.finding(UNREAD, f"{what}: {one_line(row['error'])}")
            continue
        for subject, found in _of_shares(row, row["shares"], registry, declared.of(row["name"]), comparing=comparing):
            yield from _told(
                place, subject, _without(found, everywhere.get((_as_found_everywhere(found.kind), subject[1])))
            )
        yield from _of_deleted(place, row)
        if comparing and "drift" in row:
            yield from _of_drift(place, row["drift"])


def _as_found_everywhere(kind: str) -> str:
    # Whoever is declared for some repositories, and has others by the policy of the registry, has too much there.
    return "undeclared" if kind == "excess" else kind


def _of_policy(place: _Place, declared: DeclaredInRegistry, *, comparing: bool) -> Iterator[Finding]:
    """Yield what the policy of a registry lets in beside what is declared for the repositories of its statements."""
    policy = place.registry.policy
    if policy is None:
        return
    if not policy["read"]:
        said = f"the registry policy was not read, and others may get in by it: {one_line(str(policy['error']))}"
        yield place.finding(UNREAD, said)
        return
    # For which repositories a share is does not make it conditional.
    by_patterns: dict[tuple[str, ...], list[Share]] = {}
    for share in policy["shares"]:
        rest = [one for one in share["conditions"] if not narrows(one)]
        by_patterns.setdefault(patterns_of(share), []).append({**share, "conditions": rest})
    shares = [share for group in by_patterns.values() for share in group]
    anywhere = declared.of(None)
    for subject, found in _of_shares(policy, shares, place.registry, anywhere, comparing=False):
        yield from _told(place, subject, found)
    for patterns, group in by_patterns.items() if comparing else ():
        named = [share for share in group if share["principal_type"] not in _FOR_ANYBODY]
        closed = {"public_statements": (), "unscoped_service_statements": ()}
        for subject, found in _of_shares(closed, named, place.registry, declared.of_patterns(patterns), comparing=True):
            kind = found.kind if anywhere.of(principal_of(*subject)) is None else "excess"
            yield from _told(place, subject, replace(found, kind=kind, patterns=patterns))
    deleted = (share["principal"] for share in shares if share["principal_type"] == PrincipalType.DELETED)
    yield from (_deleted(place, principal, shares) for principal in dict.fromkeys(deleted))
    if comparing and "drift" in policy:
        yield from _of_drift(place, policy["drift"])


def _of_shares(
    row: Row, shares: Iterable[Share], registry: AuditedRegistry, declared: Declared, *, comparing: bool
) -> Iterator[tuple[_Subject, _Found]]:
    """Yield whoever gets in beside what is declared, and what each has.

    Args:
        row: A repository, or the policy of a registry: what C(public_statements) and the like are of.
        shares: Its shares.
        registry: Its registry.
        declared: What is declared there.
    """
    by_subject: dict[_Subject, list[Share]] = {}
    for share in shares:
        by_subject.setdefault((share["principal_type"], share["principal"]), []).append(share)
    public, unscoped = (_keys(row[name]) for name in ("public_statements", "unscoped_service_statements"))
    everyone = (PrincipalType.EVERYONE.value, "*")
    if public:
        by_subject.setdefault(everyone, [])
    for subject, group in by_subject.items():
        principal_type = subject[0]
        if principal_type == PrincipalType.EVERYONE:
            yield subject, _Found("public", _open(group, public), group, row["public_statements"])
        elif principal_type == PrincipalType.SERVICE:
            others = [share for share in group if not _keys(share["statements"]) <= public]
            yield subject, _Found("unscoped_service", _open(others, unscoped), others)
        elif principal_type != PrincipalType.DELETED and comparing:
            principal = principal_of(*subject)
            if principal.account != registry.key.registry_id:
                amount = declared.of(principal)
                beyond = together(group).beyond(amount or NOTHING)
                if beyond:
                    yield subject, _Found("undeclared" if amount is None else "excess", beyond, group)


def _open(group: _Group, opening: Collection[tuple[str, int]]) -> Amounts:
    """Return what anybody has from shares: for certain from the statements that an audit says are open to anybody."""
    through = [not _keys(share["statements"]).isdisjoint(opening) for share in group]
    known = together(list(compress(group, through)), heeding_conditions=False)
    rest = together([share for share, is_open in zip(group, through, strict=True) if not is_open])
    certain = known.certain | known.possible
    return Amounts(certain, (rest.certain | rest.possible) - certain)


def _keys(statements: Iterable[Row]) -> frozenset[tuple[str, int]]:
    return frozenset((one["policy"], one["position"]) for one in statements)


def _without(found: _Found, everywhere: Amounts | None) -> _Found:
    """Return what is found in a repository without what is found everywhere, if it is from the registry's policy."""
    statements = (*(one for share in found.shares for one in share["statements"]), *found.opening)
    if everywhere is None or any(one["policy"] != "registry" for one in statements):
        return found
    known = everywhere.certain | everywhere.possible
    left = Amounts(found.amounts.certain - known, found.amounts.possible - known)
    return replace(found, amounts=left, opening=())


def _told(place: _Place, subject: _Subject, found: _Found) -> Iterator[Finding]:
    """Yield what a principal has, and what it possibly has, each with the statements that give some of it."""
    for certain, amount in ((True, found.amounts.certain), (False, found.amounts.possible)):
        opening = found.opening if certain else ()
        if amount or opening:
            giving = [share for share in found.shares if _gives(share, amount)]
            said = _sentence(place, subject[1], replace(found, shares=giving), amount, certain=certain)
            yield place.finding(
                found.kind,
                said,
                subject,
                certain=certain,
                amount=amount,
                statements=statements_named(opening or (one for share in giving for one in share["statements"])),
            )


def _gives(share: Share, amount: Amount) -> bool:
    """Return whether a share has a part in an amount; what several give together, all of them give."""
    access, other_actions = share["access"], share["other_actions"]
    if share.get("defeated"):
        return False
    return bool(
        amount.access.intersection(access)
        or amount.other_actions.intersection(other_actions)
        or amount.lambda_regions.intersection(share["lambda_regions"])
        or any(share.get(f"can_{name}") for name in amount.access)
    )


def _sentence(place: _Place, principal: str, found: _Found, amount: Amount, *, certain: bool) -> str:
    has, may = ("has", "") if certain else ("may have", _MAY)
    services = {share.get("via_service") for share in found.shares}
    through = f" through {words(sorted(map(str, services)))}" if services and None not in services else ""
    narrowed = f" for {words(found.patterns)}" if found.patterns not in ((), ("*",)) else ""
    by = f" by the registry policy{narrowed}" if place.repository is None else ""
    who_has = f"{place.who(principal)} {has} {amount.words or 'access'}"
    return f"{who_has}{through}{by}{may}{_WHY[found.kind]}"


_WHY = {
    "public": ", and that is anybody",
    "undeclared": ", and no grant is for it",
    "excess": ", which is more than its grants give",
    "unscoped_service": ", on behalf of any account",
}


def _of_deleted(place: _Place, row: Row) -> Iterator[Finding]:
    yield from (_deleted(place, principal, row["shares"]) for principal in row["deleted_principals"])


def _deleted(place: _Place, principal: str, shares: Iterable[Share]) -> Finding:
    naming = (one for share in shares if share["principal"] == principal for one in share["statements"])
    said = (
        f"{word(principal)} is the id of a role or user that was deleted, and AWS refuses to store the policy with it"
    )
    subject = (PrincipalType.DELETED.value, principal)
    return place.finding("deleted_principal", said, subject, statements=statements_named(naming))


def _of_drift(place: _Place, drift: Row) -> Iterator[Finding]:
    """Yield what sharing would change, by principal: what is missing, and what is too much.

    In the policy of a registry, what is for the same repositories is one.
    """
    told = False
    for direction, why in _DRIFT.items():
        amounts: dict[tuple[str, tuple[str, ...]], Amount] = {}
        for change in (*drift[direction], *drift.get(f"{direction}_actions", ())):
            key = (change["principal"], tuple(change.get("repositories", ())))
            amounts[key] = amounts.get(key, NOTHING) | _amount_of_change(change)
        for (principal, patterns), amount in amounts.items():
            told = True
            read = read_principal(principal, None)
            subject = (None if read is None else read.kind.value, principal)
            where = f" by the registry policy for {words(patterns)}" if patterns else ""
            said = why.format(who=place.who(principal), what=f"{amount.words or 'access'}{where}")
            yield place.finding("drift", said, subject, amount=amount, lacking=direction == "missing")
    if not told:
        yield place.finding("drift", "the access is as declared, by other statements than sharing would write")


_DRIFT = {
    "missing": "{who} lacks {what}, which is declared for it",
    "undeclared": "{who} has {what} by managed statements, which is not declared for it",
}


def _amount_of_change(change: Row) -> Amount:
    """Return the amount that is granted or revoked: capabilities and regions, or actions that are no capability."""
    return Amount(*(frozenset(change.get(name, ())) for name in ("access", "actions", "lambda_regions")))


def _of_exception(
    entry: Accepted,
    registries: Sequence[AuditedRegistry],
    today: date,
    names: Mapping[str, str],
    *,
    is_needed: bool,
    comparing: bool,
) -> Iterator[Finding]:
    """Yield that an exception is over, or that nothing needs it.

    What was not read may need it, and without grants nothing is compared, so then it is not certain, or not said.
    """
    about = [one for one in registries if entry.is_for(one.key.registry_id, one.hosts)]
    is_over = entry.is_over(today)
    unknown = not about or (not comparing and not COMPARED.isdisjoint(entry.kinds or COMPARED))
    if not is_over and (is_needed or unknown):
        return
    unread = any(_is_unread(one) for one in about)
    if is_over:
        still = "is still needed" if is_needed else "nothing needs it any more"
        said = f"was valid until {entry.until}, and {still}"
    else:
        said = "accepts nothing that is there" + (", as far as it could be read" if unread else "")
    key = about[0].key if about else None
    yield Finding(
        kind=EXCEPTION,
        certain=is_over or not unread,
        host=next((host for one in about for host in one.hosts if not entry.hosts or host in entry.hosts), "")
        or next(iter(entry.hosts), ""),
        registry_id="" if key is None else key.registry_id,
        region="" if key is None else key.region,
        repository=None,
        message=message(f"{entry.label} ({entry.subject}: {one_line(entry.reason)}) {said}"),
        principal=entry.principal,
        name=None if entry.principal is None else names.get(entry.principal),
    )


def _is_unread(registry: AuditedRegistry) -> bool:
    policy = registry.policy
    return policy is None or not policy["read"] or any(row.get("error") for row in registry.rows)


def _order(finding: Finding) -> tuple[Any, ...]:
    return (
        _ORDER[finding.kind],
        not finding.certain,
        finding.host,
        finding.registry_id,
        finding.region,
        finding.repository or "",
        finding.principal or "",
        finding.message,
    )
