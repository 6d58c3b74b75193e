# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""The cells of the report: what all shares of one principal in one repository amount to.

The rules:

- A cell is a set of levels: the capabilities, the pull of Lambda functions, other actions, and admin. Shares add up.
- A share that a Deny certainly defeats counts for nothing. For the others, what the audit says of a capability
  (C(can_pull), C(can_push)) decides, because it heeds what several Deny statements take together and what several
  shares give together. Of a capability of which it says nothing, a share has it if its access names it.
- Actions that belong to a capability of the cell are not other actions. Beside admin, other actions are not a level:
  whoever may change the policy can have all of them.
- A cell is conditional if it would be another without the shares that have conditions.
- A cell that is left with nothing shows the levels that were granted, as defeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import Any

from .._sharing.capabilities import CAPABILITIES, Access, Capability, ordered

Actions = frozenset[str]


@dataclass(frozen=True)
class Level:
    """What a cell can have, as the page shows it.

    Args:
        name: What cells call it.
        glyph: What stands for it in a cell.
        label: What the legend says.
        colours: The colours in the light and in the dark theme.
        alarm: Whether it stands out from the others.
    """

    name: str
    glyph: str
    label: str
    colours: tuple[str, str]
    alarm: bool = False


_LAMBDA = Level("lambda", "λ", "Lambda pulls", ("#6d28d9", "#c4b5fd"))
_OTHER = Level("other", "…", "other actions", ("#475569", "#cbd5e1"))
_ADMIN = Level("admin", "!", "may change the policy or delete", ("#b0321d", "#f08a73"), alarm=True)
LEVELS = (
    *(
        Level(capability.name, capability.glyph, f"can {capability.name}", capability.colours)
        for capability in CAPABILITIES
    ),
    _LAMBDA,
    _OTHER,
    _ADMIN,
)


@dataclass(frozen=True)
class View:
    """How shares are shown.

    Args:
        levels: The names of their levels, in the order of LEVELS.
        marks: C(conditional), C(doubtful) where a Deny may apply or applies to a part, or C(defeated).
        name: The levels in words.
        words: The levels, and what stands in their way.
        cannot: What was granted and is certainly denied, a sentence for each capability.
        denials: Of a single share, what each of its Deny statements does to it.
    """

    levels: tuple[str, ...]
    marks: tuple[str, ...]
    name: str
    words: str
    cannot: tuple[str, ...]
    denials: tuple[str, ...]


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
    position: int
    certain: bool


@dataclass(frozen=True)
class _Share:
    """What matters of a share for its cell. usable: the capabilities that its principal has in the end."""

    access: Access
    other_actions: Actions
    admin: bool
    usable: Access
    functions: bool
    conditional: bool
    denied_by: tuple[_Denial, ...]

    @property
    def defeated(self) -> bool:
        return any(denial.certain for denial in self.denied_by)

    @property
    def granted(self) -> Access:
        """The capabilities that it would have if there were no Deny statements."""
        known = self.other_actions.union(*(_surely(capability) for capability in _in(self.access)))
        return self.access.union(
            capability.name for capability in CAPABILITIES if capability.required and capability.required <= known
        )


@dataclass(frozen=True)
class _Amount:
    """What shares amount to."""

    capabilities: Access = frozenset()
    functions: bool = False
    other: bool = False
    admin: bool = False

    @property
    def levels(self) -> tuple[str, ...]:
        rest = {_LAMBDA.name: self.functions, _OTHER.name: self.other, _ADMIN.name: self.admin}
        return (*ordered(self.capabilities), *(name for name, applies in rest.items() if applies))

    @property
    def name(self) -> str:
        names = ordered(self.capabilities)
        if self.admin:
            return f"{_ADMIN.name}, can {_listed(names)}" if names else _ADMIN.name
        if names:
            return _listed((*names, "more") if self.other else names)
        if self.other:
            return _OTHER.label
        return "Lambda functions pull" if self.functions else "nothing"

    @property
    def also(self) -> tuple[str, ...]:
        """What the name does not say."""
        named = self.capabilities or self.other or self.admin
        return ("also Lambda functions",) if self.functions and named else ()


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


def _read(share: Mapping[str, Any]) -> _Share:
    access = frozenset(share["access"])
    denied_by = tuple(_Denial(denial["position"], denial["certain"]) for denial in share["denied_by"])
    defeated = any(denial.certain for denial in denied_by)
    return _Share(
        access=frozenset(ordered(access)),
        other_actions=frozenset(share["other_actions"]),
        admin=_ADMIN.name in access,
        usable=frozenset()
        if defeated
        else frozenset(
            capability.name
            for capability in CAPABILITIES
            if share.get(f"can_{capability.name}", capability.name in access)
        ),
        functions=bool(share["lambda_regions"]),
        conditional=bool(share["conditions"]),
        denied_by=denied_by,
    )


@lru_cache(maxsize=4096)
def _view(shares: tuple[_Share, ...]) -> View:
    """Return how the shares of one principal are shown together."""
    left = [share for share in shares if not share.defeated]
    now = _amount((share, share.usable) for share in left)
    defeated = now == _Amount()
    # Where a Deny leaves nothing, the cell says what it strikes out.
    shown = _amount((share, share.granted) for share in left or shares) if defeated else now
    unconditional = _amount((share, share.usable) for share in left if not share.conditional)
    cannot = _cannot(shares) if left else ()
    conditional = not defeated and unconditional != now
    doubtful = not defeated and any(share.denied_by for share in shares)
    marks = {"conditional": conditional, "doubtful": doubtful, "defeated": defeated}
    words = (
        f"{shown.name} granted" if defeated and left else shown.name,
        *shown.also,
        *(("under a condition",) if conditional else ()),
        *(("a Deny may defeat it or a part",) if doubtful and not cannot else ()),
        *(() if left else ("defeated by a Deny",)),
        *cannot,
    )
    return View(
        levels=shown.levels,
        marks=tuple(mark for mark, applies in marks.items() if applies),
        name=shown.name,
        words=", ".join(words),
        cannot=cannot,
        denials=tuple(_effect(denial, shares[0], cannot) for denial in shares[0].denied_by) if len(shares) == 1 else (),
    )


def _amount(shares: Iterable[tuple[_Share, Access]]) -> _Amount:
    """Return what shares amount to, of which each has some capabilities."""
    known = list(shares)
    capabilities: Access = frozenset().union(*(having for _share, having in known))
    admin = any(share.admin for share, _having in known)
    belonging = _belonging(capabilities)
    return _Amount(
        capabilities=capabilities,
        functions=any(share.functions for share, _having in known),
        other=not admin and any(share.other_actions - belonging for share, _having in known),
        admin=admin,
    )


def _cannot(shares: Sequence[_Share]) -> tuple[str, ...]:
    """Return a sentence for each capability that shares are granted and none of them has."""
    usable: Access = frozenset().union(*(share.usable for share in shares))
    denied = [share for share in shares if share.denied_by]
    cut = {
        capability.name: [share for share in denied if capability.name in share.granted]
        for capability in CAPABILITIES
        if capability.name not in usable
    }
    return tuple(f"cannot {name}: {_cut_by(granted)}" for name, granted in cut.items() if granted)


def _cut_by(shares: Iterable[_Share]) -> str:
    """Return which statements deny a capability.

    Of several Deny statements none of which certainly defeats all of a share, an audit does not say which one takes
    the action that is missed.
    """
    denials = [denial for share in shares for denial in share.denied_by]
    certain = [denial for denial in denials if denial.certain]
    positions = list(dict.fromkeys(denial.position for denial in certain or denials))
    what = "it" if certain else "a part of it"
    if len(positions) == 1:
        return f"statement {positions[0]} denies {what}"
    return f"statements {', '.join(map(str, positions))} deny {what}{'' if certain else ', or may'}"


def _effect(denial: _Denial, share: _Share, cannot: Sequence[str]) -> str:
    if denial.certain:
        return "denies all of it"
    if not cannot:
        return "may deny it or a part"
    return "denies a part of it" if len(share.denied_by) == 1 else "denies a part of it, or may"


def _in(access: Access) -> tuple[Capability, ...]:
    return tuple(capability for capability in CAPABILITIES if capability.name in access)


def _surely(capability: Capability) -> Actions:
    """Return the actions that whoever has a capability has, whichever of its sets that is."""
    return reduce(frozenset.__and__, map(frozenset, capability.action_sets))


@lru_cache(maxsize=256)
def _belonging(access: Access) -> Actions:
    """Return the actions of all sets of some capabilities."""
    return frozenset(action for capability in _in(access) for actions in capability.action_sets for action in actions)


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
