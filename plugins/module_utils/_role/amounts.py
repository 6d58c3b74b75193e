# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""How much somebody has: capabilities, other actions, and the regions whose Lambda functions pull.

The rules for what a share amounts to:

- A share that is C(defeated) is nothing. What Deny statements take for certain is left out of the others: capabilities,
  C(admin) and C(replicate) by their names, a capability that C(can_…) denies, and regions that are denied.
- A capability that the shares of a principal make usable together counts, though none of them has all of its actions.
- The rest is certain, or possible: under a condition of the share, or where a Deny may take it. Of other actions, the
  audit does not say which of them a Deny takes, so they are possible if it takes some.
- What AWS Lambda needs to keep up its own statement is nothing: the pull beside it is a share of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .._sharing.capabilities import CAPABILITIES, NAMES
from .._text import word, words

Share = Mapping[str, Any]
Names = frozenset[str]

EVERY_REGION = "*"
# So many other actions are named in a sentence; of more, their number.
_MOST_ACTIONS = 3
# What Deny statements call the pull by Lambda functions.
_LAMBDA = "lambda"
_ADMIN = "admin"
# What an access names beside capabilities, the most dangerous last.
REPORTED_ONLY = ("replicate", "create", _ADMIN)
_ORDER = {name: position for position, name in enumerate((*NAMES, *REPORTED_ONLY))}
_CAN = tuple((capability.name, f"can_{capability.name}") for capability in CAPABILITIES if capability.required)
# Members that a share has only if something is special about it.
_SPECIAL = frozenset({"defeated", "lambda_regions_denied", "via_service"})
_NOTHING: Names = frozenset()


@dataclass(frozen=True)
class Amount:
    """What somebody has, or may have.

    Args:
        access: The names of capabilities, and C(replicate), C(create), C(admin).
        other_actions: The actions that are no part of them.
        lambda_regions: The regions whose functions pull; C(*) is every region.
    """

    access: Names = _NOTHING
    other_actions: Names = _NOTHING
    lambda_regions: Names = _NOTHING

    def __bool__(self) -> bool:
        return bool(self.access or self.other_actions or self.lambda_regions)

    def __or__(self, other: Amount) -> Amount:
        return Amount(
            self.access | other.access,
            self.other_actions | other.other_actions,
            self.lambda_regions | other.lambda_regions,
        )

    def __sub__(self, other: Amount) -> Amount:
        return Amount(
            self.access - other.access,
            self.other_actions - other.other_actions,
            self.lambda_regions - other.lambda_regions,
        )

    @property
    def ordered_access(self) -> tuple[str, ...]:
        """The access in the order of the table of capabilities."""
        return tuple(sorted(self.access, key=lambda name: (_ORDER.get(name, len(_ORDER)), name)))

    @property
    def words(self) -> str:
        """All of it, for people; empty for nothing."""
        return _words(self)

    def beyond(self, declared: Amount) -> Amount:
        """Return what of it is more than somebody has that is declared.

        A capability is declared also where the others that are declared have all actions that it needs.
        """
        return _beyond(self, declared)


NOTHING = Amount()


@dataclass(frozen=True)
class Amounts:
    """What shares amount to. possible: what they may give beside what is certain."""

    certain: Amount = NOTHING
    possible: Amount = NOTHING

    def __bool__(self) -> bool:
        return bool(self.certain or self.possible)

    def beyond(self, declared: Amount) -> Amounts:
        """Return what of them is more than somebody has that is declared."""
        return _both_beyond(self, declared)


def together(shares: Sequence[Share], *, heeding_conditions: bool = True) -> Amounts:
    """Return what all shares of one principal in one place amount to.

    Args:
        shares: The shares, as an audit has them.
        heeding_conditions: Whether their conditions make them possible alone; False where anybody can meet them.
    """
    if len(shares) == 1 and _is_plain(shares[0]):
        # Nearly all are like that, and there may be a million.
        (share,) = shares
        said = tuple(share.get(can) for _name, can in _CAN)
        return _plain(tuple(share["access"]), tuple(share["other_actions"]), tuple(share["lambda_regions"]), said)
    certain, possible, usable = NOTHING, NOTHING, _NOTHING
    for share in shares:
        if share.get("defeated") or _is_upkeep(share):
            continue
        left = _left(share)
        if not left and share["access"]:
            # It is not defeated, so a part of a capability is left: an action or two, and no row says which.
            possible |= Amount(other_actions=_parts(tuple(share["access"])))
        elif heeding_conditions and share["conditions"]:
            possible |= left
        elif share["denied_by"]:
            doubtful = _doubtful(share, left)
            certain, possible = certain | (left - doubtful), possible | doubtful
        else:
            certain |= left
        usable = usable.union(_usable(share))
    certain = _completed(certain, usable)
    return Amounts(certain, _completed(certain | possible, usable) - certain)


def _is_plain(share: Share) -> bool:
    """Return whether nothing stands in the way of a share that its principal has for itself."""
    special = share["conditions"] or share["denied_by"] or not _SPECIAL.isdisjoint(share)
    return not special and not _is_written_by_service(share)


@lru_cache(maxsize=4096)
def _plain(
    access: tuple[str, ...], other_actions: tuple[str, ...], regions: tuple[str, ...], said: tuple[bool | None, ...]
) -> Amounts:
    """Return what a plain share amounts to. said: whether each of _CAN holds, None where that is not known."""
    usable = frozenset(name for (name, _can), can in zip(_CAN, said, strict=True) if can)
    lacking = frozenset(name for (name, _can), can in zip(_CAN, said, strict=True) if can is False)
    left = Amount(frozenset(access) - lacking, frozenset(other_actions), frozenset(regions))
    return Amounts(_completed(left, usable))


def _is_upkeep(share: Share) -> bool:
    return _is_written_by_service(share) and not share["lambda_regions"]


def _is_written_by_service(share: Share) -> bool:
    statements = share["statements"]
    return bool(statements) and all("written_by" in statement for statement in statements)


def _left(share: Share) -> Amount:
    """Return what no Deny takes of a share for certain."""
    regions = frozenset(share["lambda_regions"]).difference(share.get("lambda_regions_denied", ()))
    if _is_written_by_service(share):
        # Beside the pull, it is upkeep.
        return Amount(lambda_regions=regions)
    taken = {name for deny in share["denied_by"] if deny["certain"] for name in deny["denies"]}
    if "via_service" not in share:
        # That is about the principal itself.
        taken.update(name for name, can in _CAN if not share.get(can, True))
    return Amount(frozenset(share["access"]).difference(taken), frozenset(share["other_actions"]), regions)


@lru_cache(maxsize=256)
def _parts(access: tuple[str, ...]) -> Names:
    """Return the actions of capabilities."""
    return frozenset(action for one in CAPABILITIES if one.name in access for action in one.action_sets[0])


def _usable(share: Share) -> Iterator[str]:
    """Yield the capabilities that an audit says a principal can use by this share and others."""
    if not _is_written_by_service(share):
        yield from (name for name, can in _CAN if share.get(can))


@lru_cache(maxsize=4096)
def _completed(amount: Amount, usable: Names) -> Amount:
    """Return an amount with the capabilities that its parts make usable together."""
    least = (one.action_sets[0] for one in CAPABILITIES if one.name in amount.access)
    actions = amount.other_actions.union(*least)
    whole = {one.name for one in CAPABILITIES if one.name in usable and one.required and one.required <= actions}
    access = amount.access | whole
    belonging = (actions for one in CAPABILITIES if one.name in access for actions in one.action_sets)
    return Amount(access, amount.other_actions.difference(*belonging), amount.lambda_regions)


def _doubtful(share: Share, left: Amount) -> Amount:
    """Return what Deny statements may take of what they leave of a share for certain."""
    may = frozenset(name for deny in share["denied_by"] if not deny["certain"] for name in deny["denies"])
    # What is no capability of the share is some of its other actions, and nobody says which.
    known = frozenset(NAMES).intersection(share["access"]) | {_LAMBDA}
    some = [deny for deny in share["denied_by"] if not known.issuperset(deny["denies"])]
    # One Deny that takes other actions for certain leaves some of an administrator's, and several may leave none.
    several = {_ADMIN} if len(some) > 1 else _NOTHING
    return Amount(
        left.access & (may | several),
        left.other_actions if some else _NOTHING,
        left.lambda_regions if _LAMBDA in may else _NOTHING,
    )


@lru_cache(maxsize=4096)
def _words(amount: Amount) -> str:
    # Whoever may change the policy can have all others.
    others = [] if _ADMIN in amount.access else sorted(amount.other_actions)
    many = (f"{len(others)} other actions",) if len(others) > _MOST_ACTIONS else ()
    functions = (f"Lambda in {words(sorted(amount.lambda_regions))}",) if amount.lambda_regions else ()
    return ", ".join((*map(word, (*amount.ordered_access, *([] if many else others))), *many, *functions))


@lru_cache(maxsize=4096)
def _both_beyond(amounts: Amounts, declared: Amount) -> Amounts:
    certain = amounts.certain.beyond(declared)
    return Amounts(certain, amounts.possible.beyond(declared) - certain)


@lru_cache(maxsize=4096)
def _beyond(amount: Amount, declared: Amount) -> Amount:
    actions = frozenset(
        action
        for one in CAPABILITIES
        if one.name in declared.access
        for actions in one.action_sets
        for action in actions
    )
    included = declared.access | {
        one.name
        for one in CAPABILITIES
        if any(actions.issuperset(each) for each in one.action_sets) or (one.required and one.required <= actions)
    }
    regions = amount.lambda_regions if EVERY_REGION in declared.lambda_regions else declared.lambda_regions
    return amount - Amount(included, actions, regions)
