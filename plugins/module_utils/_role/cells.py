# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""The cells of the report: what all shares of one principal in one repository amount to.

The rules:

- A cell is a set of levels: the capabilities, replication, the pull of Lambda functions, a service, other actions, and
  admin. Shares add up.
- A share that is C(defeated) counts for nothing. For the others, what the audit says of a capability (C(can_pull),
  C(can_push)) decides, because it heeds what several Deny statements take together and what several shares give
  together. Of what it says nothing, a share has it if its access names it and no Deny certainly takes it. Admin, other
  actions and the pull of Lambda functions are many things: a Deny of one of them leaves the others, so only what is
  defeated loses admin or other actions, and the pull of Lambda functions is taken where that of all regions is.
- A share that a service has for the principal (C(via_service)) counts as that service alone: the principal itself can
  do none of it.
- The statement that AWS Lambda itself has written counts as the pull of Lambda functions alone, and is said to be kept
  by it. That Lambda may keep it up, which the audit has as a share of its own, counts for nothing beside other shares.
- Actions that belong to a capability of the cell are not other actions; for what a service does, the capabilities are
  those that its actions amount to. Beside admin, other actions are not a level: whoever may change the policy can have
  all of them.
- A cell is conditional if it would be another without the shares that have conditions.
- A cell that is left with nothing shows the levels that were granted, as defeated.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import Any

from .._sharing.capabilities import CAPABILITIES, Access, Capability, ordered

Actions = frozenset[str]
# The names of levels.
Names = frozenset[str]


@dataclass(frozen=True)
class Level:
    """What a cell can have, as the page shows it.

    Args:
        name: What cells call it.
        glyph: What stands for it in a cell.
        label: What the legend says.
        colours: The colours in the light and in the dark theme.
        alarm: Whether it stands out from the others.
        of_registries: Whether only a registry policy as a whole has it, and no cell.
    """

    name: str
    glyph: str
    label: str
    colours: tuple[str, str]
    alarm: bool = False
    of_registries: bool = False


_REPLICATE = Level("replicate", "⇄", "may replicate images into it", ("#4d7c0f", "#bef264"))
_CREATE = Level("create", "+", "may create repositories", ("#57534e", "#d6d3d1"), of_registries=True)
_LAMBDA = Level("lambda", "λ", "Lambda pulls", ("#6d28d9", "#c4b5fd"))
_SERVICE = Level("service", "s", "a service uses it for them", ("#a21caf", "#f0abfc"))
_OTHER = Level("other", "…", "other actions", ("#475569", "#cbd5e1"))
_ADMIN = Level("admin", "!", "may change the policy or delete", ("#b0321d", "#f08a73"), alarm=True)
LEVELS = (
    *(
        Level(capability.name, capability.glyph, f"can {capability.name}", capability.colours)
        for capability in CAPABILITIES
    ),
    _REPLICATE,
    _CREATE,
    _LAMBDA,
    _SERVICE,
    _OTHER,
    _ADMIN,
)
_ORDER = {level.name: position for position, level in enumerate(LEVELS)}
# What an access names beside capabilities, with the actions that are it.
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry-permissions.html
_ACTIONS = {_REPLICATE.name: ("ecr:ReplicateImage",), _CREATE.name: ("ecr:CreateRepository",)}
_UPKEEP = "upkeep of its own statement"
# What a Deny takes, as its sentence says it, where that is not the name.
_TAKEN = {
    _REPLICATE.name: "replication",
    _CREATE.name: "the creation of repositories",
    _LAMBDA.name: "the pull of Lambda functions",
    _OTHER.name: _OTHER.label,
}
# What is many things, of which a Deny may take one for certain.
_MANY = frozenset({_LAMBDA.name, _OTHER.name, _ADMIN.name})
# What is said of somebody who is denied it, where that is not the name.
_CANNOT = {
    _REPLICATE.name: "cannot replicate images into it",
    _CREATE.name: "cannot create repositories",
    _LAMBDA.name: "Lambda functions cannot pull",
    _SERVICE.name: "a service cannot use it for them",
    _OTHER.name: "cannot do other actions",
    _ADMIN.name: "cannot change the policy or delete",
}


@dataclass(frozen=True)
class View:
    """How shares are shown.

    Args:
        levels: The names of their levels, in the order of LEVELS.
        marks: C(conditional), C(doubtful) where a Deny may apply or applies to a part, or C(defeated).
        name: The levels in words.
        words: The levels, and what stands in their way.
        cannot: What was granted and is certainly denied, a sentence for each level.
        denials: Of a single share, what each of its Deny statements does to it.
        kept: Whether AWS Lambda itself keeps the statement that gives Lambda functions the pull.
        service_access: Of a single share that a service has, what its actions amount to.
        other_actions: Of a single share, the actions that belong to none of its capabilities.
    """

    levels: tuple[str, ...]
    marks: tuple[str, ...]
    name: str
    words: str
    cannot: tuple[str, ...]
    denials: tuple[str, ...]
    kept: bool = False
    service_access: tuple[str, ...] = ()
    other_actions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cell:
    """A principal in a repository.

    Args:
        shares: The positions of its shares among those of the repository, from 0.
        view: What they amount to together.
        share_views: The view of each.
    """

    shares: tuple[int, ...]
    view: View
    share_views: tuple[View, ...]


@dataclass(frozen=True)
class _Denial:
    """A Deny statement. denies: the names of what it takes, all of each if that is certain."""

    of_registry: bool
    position: int
    denies: Names
    certain: bool


@dataclass(frozen=True)
class _Share:
    """What matters of a share for its cell.

    granted: the names of levels that it would have if there were no Deny statements; usable: those that are left;
    amounts_to: the capabilities of its actions, whoever uses them; upkeep: whether it is for AWS Lambda to keep up its
    own statement.
    """

    granted: Names
    usable: Names
    amounts_to: Names
    other_actions: Actions
    conditional: bool
    defeated: bool
    via_service: bool
    kept: bool
    upkeep: bool
    denied_by: tuple[_Denial, ...]


@dataclass(frozen=True)
class _Amount:
    """What shares amount to."""

    names: Names = frozenset()

    @property
    def levels(self) -> tuple[str, ...]:
        return in_order(self.names)

    @property
    def name(self) -> str:
        named = {_REPLICATE.name: _REPLICATE.name, _CREATE.name: "create repositories"}
        can = [*ordered(self.names), *(verb for name, verb in named.items() if name in self.names)]
        if _ADMIN.name in self.names:
            return f"{_ADMIN.name}, can {listed(can)}" if can else _ADMIN.name
        if can:
            return listed((*can, "more") if _OTHER.name in self.names else can)
        if _OTHER.name in self.names:
            return _OTHER.label
        if _LAMBDA.name in self.names:
            return "Lambda functions pull"
        return _SERVICE.label if _SERVICE.name in self.names else "nothing"

    @property
    def also(self) -> tuple[str, ...]:
        """What the name does not say."""
        others = self.names - {_LAMBDA.name, _SERVICE.name}
        functions = ("also Lambda functions",) if _LAMBDA.name in self.names and others else ()
        service = ("also a service for them",) if _SERVICE.name in self.names and len(self.names) > 1 else ()
        return (*functions, *service)


def cells(shares: Sequence[Mapping[str, Any]]) -> tuple[Cell, ...]:
    """Return the cells of a repository, in the order in which its shares name the principals.

    Args:
        shares: The shares of one row of an audit.
    """
    by_principal: dict[tuple[str, str], list[int]] = {}
    for index, share in enumerate(shares):
        by_principal.setdefault((share["principal_type"], share["principal"]), []).append(index)
    read = [_read(share) for share in shares]
    return tuple(
        Cell(tuple(indexes), _view(tuple(read[index] for index in indexes)), tuple(_view((read[i],)) for i in indexes))
        for indexes in by_principal.values()
    )


def levels_of(granted: Mapping[str, Any]) -> Names:
    """Return the names of the levels of a grant or a finding.

    Args:
        granted: Its C(access), C(other_actions) and C(lambda_regions), of which each may be left out.
    """
    others = {_OTHER.name} if granted.get("other_actions") else set()
    functions = {_LAMBDA.name} if granted.get("lambda_regions") else set()
    return frozenset(_ORDER).intersection(granted.get("access", ())) | others | functions


def _read(share: Mapping[str, Any]) -> _Share:
    defeated = bool(share.get("defeated"))
    denied_by = tuple(
        _Denial(
            of_registry=deny.get("policy") == "registry",
            position=deny["position"],
            # Words of ours alone: the page takes them for that.
            denies=frozenset(_ORDER).intersection(deny.get("denies", ())),
            certain=deny["certain"],
        )
        for deny in share["denied_by"]
    )
    granted = _granted(share)
    return _Share(
        granted=granted,
        usable=frozenset() if defeated else _usable(share, granted, denied_by),
        amounts_to=_amounts_to(share),
        other_actions=frozenset(share["other_actions"]),
        conditional=bool(share["conditions"]),
        defeated=defeated,
        via_service="via_service" in share,
        kept=_is_written_by_service(share),
        upkeep=_is_written_by_service(share) and not share["lambda_regions"],
        denied_by=denied_by,
    )


def _granted(share: Mapping[str, Any]) -> Names:
    """Return the levels that a share would have if there were no Deny statements."""
    functions: Names = frozenset({_LAMBDA.name} if share["lambda_regions"] else ())
    if _is_written_by_service(share):
        return functions or frozenset({_SERVICE.name})
    if "via_service" in share:
        return functions | {_SERVICE.name}
    return _amounts_to(share) | functions | ({_OTHER.name} if share["other_actions"] else set())


def _amounts_to(share: Mapping[str, Any]) -> Names:
    """Return what the access and the actions of a share amount to, for whoever uses them."""
    access = frozenset(share["access"])
    known = frozenset(share["other_actions"]).union(*(_surely(capability) for capability in _in(access)))
    complete = {capability.name for capability in CAPABILITIES if capability.required and capability.required <= known}
    return access.intersection(_ORDER) | complete


def _is_written_by_service(share: Mapping[str, Any]) -> bool:
    return bool(share["statements"]) and all("written_by" in statement for statement in share["statements"])


def _usable(share: Mapping[str, Any], granted: Names, denied_by: Iterable[_Denial]) -> Names:
    """Return the levels that a share, which is not defeated, has in the end."""
    taken = _names(denial for denial in denied_by if denial.certain) - _MANY
    if set(share["lambda_regions"]) <= set(share.get("lambda_regions_denied", ())):
        taken |= {_LAMBDA.name}
    said = {
        capability.name: share[f"can_{capability.name}"]
        for capability in CAPABILITIES
        if f"can_{capability.name}" in share and not ("via_service" in share or _is_written_by_service(share))
    }
    return granted.difference(taken, said) | {name for name, can in said.items() if can}


@lru_cache(maxsize=4096)
def _view(shares: tuple[_Share, ...]) -> View:
    """Return how the shares of one principal are shown together."""
    shares = tuple(share for share in shares if not share.upkeep) or shares
    left = [share for share in shares if not share.defeated]
    now = _amount((share, share.usable) for share in left)
    defeated = now == _Amount()
    # Where a Deny leaves nothing, the cell says what it strikes out.
    shown = _amount((share, share.granted) for share in left or shares) if defeated else now
    unconditional = _amount((share, share.usable) for share in left if not share.conditional)
    cut = _cut(shares) if left else {}
    conditional = not defeated and unconditional != now
    doubtful = not defeated and any(share.denied_by for share in shares)
    marks = {"conditional": conditional, "doubtful": doubtful, "defeated": defeated}
    cannot = tuple(f"{_CANNOT.get(name, f'cannot {name}')}: {_cut_by(name, cut[name])}" for name in cut)
    single = shares[0] if len(shares) == 1 else None
    upkeep = shares[0].upkeep
    name = _UPKEEP if upkeep else shown.name
    functions = [share for share in shares if _LAMBDA.name in share.granted]
    kept = upkeep or (_LAMBDA.name in shown.names and all(share.kept for share in functions))
    words = (
        f"{name} granted" if defeated and left else name,
        *shown.also,
        *(("kept by AWS Lambda",) if kept else ()),
        *(("under a condition",) if conditional else ()),
        *(() if left else ("defeated by a Deny",)),
        *cannot,
        *(_doubts(left, cut.keys()) if doubtful else ()),
    )
    return View(
        levels=shown.levels,
        marks=tuple(mark for mark, applies in marks.items() if applies),
        name=name,
        words=", ".join(words),
        cannot=cannot,
        kept=kept,
        denials=tuple(_effect(denial, single, cut.keys()) for denial in single.denied_by) if single else (),
        service_access=in_order(single.amounts_to) if single and single.via_service else (),
        other_actions=tuple(sorted(single.other_actions - _belonging(single.amounts_to))) if single else (),
    )


def _amount(shares: Iterable[tuple[_Share, Names]]) -> _Amount:
    """Return what shares amount to, of which each has some levels."""
    known = list(shares)
    names: Names = frozenset().union(*(having for _share, having in known))
    belonging = _belonging(names)
    others = any(_OTHER.name in having and share.other_actions - belonging for share, having in known)
    return _Amount(names if others and _ADMIN.name not in names else names - {_OTHER.name})


def _cut(shares: Sequence[_Share]) -> dict[str, list[_Share]]:
    """Return each level that shares are granted and none of them has, with the shares that a Deny cuts."""
    usable: Names = frozenset().union(*(share.usable for share in shares))
    # Admin has all other actions.
    hidden = {_OTHER.name} if _ADMIN.name in usable else set()
    denied = [share for share in shares if share.denied_by]
    cut = {
        name: [share for share in denied if name in _amount([(share, share.granted)]).names]
        for name in _ORDER
        if name not in usable | hidden
    }
    return {name: granted for name, granted in cut.items() if granted}


def _cut_by(name: str, shares: Iterable[_Share]) -> str:
    """Return which statements deny a level.

    Of several Deny statements none of which certainly takes it, an audit does not say which one takes the action that
    is missed.
    """
    every = [denial for share in shares for denial in share.denied_by]
    denials = [denial for denial in every if name in denial.denies] or every
    certain = [denial for denial in denials if denial.certain]
    statements = {of: _positions(certain or denials, of_registry=of) for of in (False, True)}
    subject = " and ".join(
        f"{'statement' if len(positions) == 1 else 'statements'} {', '.join(map(str, positions))}"
        f"{' of the registry policy' if of_registry else ''}"
        for of_registry, positions in statements.items()
        if positions
    )
    what = "it" if certain else "a part of it"
    if sum(map(len, statements.values())) == 1:
        return f"{subject} denies {what}"
    return f"{subject} deny {what}{'' if certain else ', or may'}"


def _positions(denials: Iterable[_Denial], *, of_registry: bool) -> tuple[int, ...]:
    return tuple(dict.fromkeys(denial.position for denial in denials if denial.of_registry is of_registry))


def _doubts(shares: Iterable[_Share], cut: Collection[str]) -> tuple[str, ...]:
    """Return what Deny statements take in part, or may take, of shares, beside the levels that are cut."""
    denials = [denial for share in shares for denial in share.denied_by]
    possible = [denial for denial in denials if not denial.certain]
    names = _names(possible).difference(cut)
    parts = (_names(denial for denial in denials if denial.certain) & _MANY).difference(cut)
    doubts = (
        *((f"a Deny takes {_taken(parts)}, or a part",) if parts else ()),
        *((f"a Deny may take {_taken(names)}, or a part",) if names or (possible and not cut) else ()),
    )
    return doubts or (() if cut else ("a Deny takes a part",))


def _effect(denial: _Denial, share: _Share, cut: Collection[str]) -> str:
    """Return what a Deny statement does to a share."""
    certain = [each for each in share.denied_by if each.certain]
    if denial.certain and share.defeated and len(certain) == 1:
        return "denies all of it"
    if denial.certain:
        some = (denial.denies & _MANY).difference(cut)
        whole = denial.denies - some
        effects = (
            *((f"denies {_taken(whole)}",) if whole or not some else ()),
            *((f"denies {_taken(some)}, or a part",) if some else ()),
        )
        return ", ".join(effects)
    # What is cut, and no certain Deny does it, this one does, or another that may.
    parts = denial.denies.intersection(cut) - _names(certain)
    alone = not any(each is not denial and not each.certain and parts & each.denies for each in share.denied_by)
    rest = denial.denies - parts
    effects = (
        *((f"denies a part of {_taken(parts)}{'' if alone else ', or may'}",) if parts else ()),
        *((f"may deny {_taken(rest)}, or a part",) if rest or not parts else ()),
    )
    return ", ".join(effects)


def _names(denials: Iterable[_Denial]) -> Names:
    return frozenset().union(*(denial.denies for denial in denials))


def _taken(names: Iterable[str]) -> str:
    """Return what a Deny takes in words."""
    return listed([_TAKEN.get(name, name) for name in in_order(names)] or ["it"])


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names of levels in the order of LEVELS."""
    return tuple(sorted(names, key=lambda name: _ORDER[name]))


def _in(access: Access) -> tuple[Capability, ...]:
    return tuple(capability for capability in CAPABILITIES if capability.name in access)


def _surely(capability: Capability) -> Actions:
    """Return the actions that whoever has a capability has, whichever of its sets that is."""
    return reduce(frozenset.__and__, map(frozenset, capability.action_sets))


@lru_cache(maxsize=256)
def _belonging(names: Names) -> Actions:
    """Return the actions of some levels, those of all sets of a capability."""
    of_capabilities = (actions for capability in _in(names) for actions in capability.action_sets)
    of_others = (actions for name, actions in _ACTIONS.items() if name in names)
    return frozenset(action for actions in (*of_capabilities, *of_others) for action in actions)


def listed(words: Sequence[str]) -> str:
    """Return words as an enumeration."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
