# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""One run that puts policies back from their backups: what an earlier run found, or what it wrote.

Rules
-----
- To what a run found, a policy is put back only if it is as the run wrote it. What somebody else has changed since
  would be lost otherwise.
- To what a run wrote, it is put back whatever it is now, since that is what it is asked for; but not if the run may
  never have written it, so that nobody gets what nobody ever had.
- To a snapshot, it is put back whatever it is now: the run that made the snapshot has written nothing.
- What is equal in meaning is left alone. `overwrite` lifts the first two.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

from .._errors import PolicyWarning, RepositoryContext
from .._evaluation.evaluator import PolicyEvaluator
from .._evaluation.policy_warnings import restoring_warnings
from .._iam.document import Policy, PolicyComparison, PolicyError, parse, serialise
from .._iam.principals import policy_principals
from .._registry import REPOSITORY, PolicyTarget, Registry, StoredPolicy
from .._repository_names import select
from .._sharing.merge import replaced
from .backup_choice import chosen_backups, notes, parsed
from .backup_reader import Saved, find
from .backups import APPLY_TO, Backup, BackupError
from .options import WRITTEN, RestoreRequest
from .policy_writes import Plan, PlannedWrite, planned, run_writes
from .results import WriteResult, WriteRunResult
from .targets import context_of, evaluated, managed_statements, target_of

# A registry: the 12-digit account that owns it, and its region.
_RegistryKey = tuple[str, str]
_NEVER_WRITTEN = (
    "So what that run was about to write may never have been its policy. To write it all the same, set overwrite; "
    "check mode and --diff show what that would do."
)


@dataclass(frozen=True)
class RestoreRunResult(WriteRunResult):
    """What a run returns that restores.

    Args:
        skipped_backups: How many of the backups are of other registries, in the order of these.
        notes: What a person should know about the backups that were meant, a sentence each.
    """

    skipped_backups: tuple[tuple[_RegistryKey, int], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        return (*super().warnings, *self.notes)

    def to_dict(self, *, diff: bool, include_policy: bool) -> dict[str, Any]:
        skipped = [
            {"registry_id": owner, "region": region, "backups": number}
            for (owner, region), number in self.skipped_backups
        ]
        return {**super().to_dict(diff=diff, include_policy=include_policy), "skipped_backups": skipped}


def run(request: RestoreRequest, registry: Registry) -> RestoreRunResult:
    """Put the backups of one registry back, or in check mode find out what would be done.

    Args:
        request: What is asked for.
        registry: That of the credentials; it gives the region, and the registry of any other owner.

    Raises:
        BackupError: The backups cannot be used, or it is not clear which are meant.
        EcrError: The owner of the registry is not known. All other errors are in the results.
    """
    saved = find(request.backup_path)
    if not saved:
        raise BackupError(f"{request.backup_path} has no backup at all. Check backup_path.")
    number = Counter(map(_registry_key, saved))
    owner = request.registry_id or registry.owner()
    key = (owner, registry.region)
    here = [found for found in saved if _registry_key(found) == key]
    if not here and not request.missing_ok:
        raise BackupError(
            f"{request.backup_path} has no backup of registry {owner} in {registry.region}. What it has: "
            f"{_listed(number)}. Check backup_path, region and registry_id."
        )
    if here and not any(found.backup.kind in request.kinds for found in here) and not request.missing_ok:
        alone = _of_kinds({found.backup.kind for found in here})
        raise BackupError(
            f"{request.backup_path} has backups of {alone} alone for registry {owner} in {registry.region}. Check "
            "apply_to."
        )
    wrong = None if here else f"nothing was restored: there is no backup of registry {owner} in {registry.region}"
    there = {found.backup.kind for found in here}
    here = [found for found in here if found.backup.kind in request.kinds]
    lacking = [kind for kind in request.named_kinds if kind not in there] if there else []
    chosen = chosen_backups(here, request, registry.partition)
    result = _restore(chosen, request, registry.of(owner), f"{wrong}, but {_listed(number)}" if wrong else None)
    return RestoreRunResult(
        result.results,
        result.backup_path,
        backup_trouble=result.backup_trouble,
        skipped_backups=tuple((other, number[other]) for other in sorted(number) if other != key),
        notes=(
            *notes(saved, here, chosen, request, registry.partition),
            *(f"There is no backup of {_of_kinds([kind])} here, so nothing of it was restored." for kind in lacking),
        ),
    )


def _of_kinds(kinds: Container[str]) -> str:
    return ", ".join(word for word, kind in APPLY_TO.items() if kind in kinds)


def _registry_key(saved: Saved) -> _RegistryKey:
    return saved.backup.registry_id, saved.backup.region


def _listed(number: Mapping[_RegistryKey, int]) -> str:
    return ", ".join(f"{count} of {owner} in {region}" for (owner, region), count in sorted(number.items()))


def _restore(
    chosen: Mapping[str, Saved], request: RestoreRequest, registry: Registry, wrong: str | None
) -> WriteRunResult:
    """Restore the backups of a registry.

    Args:
        chosen: The backup of each repository.
        request: What is asked for.
        registry: The registry.
        wrong: Why there are none.
    """
    others = [name for name, found in chosen.items() if found.backup.kind != REPOSITORY]
    wanted = request.repositories if REPOSITORY in request.kinds else ()
    selection = select(wanted, [name for name in chosen if name not in others])
    names = [*(name for name in selection.names if name in chosen), *others]
    unmatched = [(name, f"there is no backup of {name}") for name in selection.names if name not in chosen]
    # A run may have changed the policy of the registry alone.
    patterns = [pattern for pattern in selection.unmatched if pattern != "*" or not others]
    unmatched += [(pattern, f'no repository in the backup matches "{pattern}"') for pattern in patterns]
    # A run may not have changed all that is named; but where it changed none of them, others may be meant. That there
    # are only backups of other registries is normal where one directory has those of all.
    warned = not names and request.missing_ok and wrong is None
    return run_writes(
        [target_of(registry, name) for name in names],
        RestoringPlanner(chosen, request, registry),
        request,
        registry,
        unmatched=[_unmatched_result(text, wrong or why, registry.region, warned=warned) for text, why in unmatched],
    )


def _unmatched_result(text: str, why: str, region: str, *, warned: bool) -> WriteResult:
    warning = RepositoryContext(text, region).warning("pattern_not_matched", why)
    return WriteResult(text, error=why, missing=True, warnings=(warning,) if warned else ())


class RestoringPlanner:
    """What policies become when backups are put back.

    Args:
        saved: The backups by the label of their policy.
        request: What is asked for.
        registry: Where the policies are.
    """

    def __init__(self, saved: Mapping[str, Saved], request: RestoreRequest, registry: Registry) -> None:
        self._saved, self._request, self._registry, self._region = saved, request, registry, registry.region
        self._partition, self._comparison = registry.partition, PolicyComparison(registry.partition)
        self._evaluator = cache(partial(PolicyEvaluator, registry.partition, check=registry.check))

    def covers(self, label: str) -> bool:
        return label in self._saved

    def plan(self, target: PolicyTarget, stored: StoredPolicy) -> Plan:
        """Plan that the backup of a policy is put back.

        Raises:
            PolicyError: It was changed since, or cannot be kept to the letter.
        """
        saved = self._saved[target.label]
        backup, owner = saved.backup, stored.registry_id
        text = backup.written if self._request.to == WRITTEN else backup.policy
        after, before = parsed(text), parsed(stored.text)
        merged = replaced(before, after, managed=managed_statements(target, stored, self._registry))
        if merged.changed and not self._request.overwrite:
            self._check(before, saved)

        def warnings() -> tuple[PolicyWarning, ...]:
            # Where there is no policy AWS does not say whose the registry is; the backup does.
            registry_id = owner or backup.registry_id
            evaluator = self._evaluator(registry_id)
            there, back = (evaluated(policy, target, evaluator, registry_id) for policy in (before, after))
            return restoring_warnings(back, there, context_of(target, self._region, registry_id))

        def write() -> PlannedWrite:
            return PlannedWrite(
                target,
                replaces=stored,
                policy=after,
                text=_sendable(text, target.max_length),
                new_principals=self._new_principals(before, after),
                retry_invalid_principal=False,
                advice=f"Remove them from a copy of {saved.path}, and restore that.",
            )

        plan = planned(target, stored, before, merged, warnings, self._request, self._registry, write)
        return replace(plan, result=replace(plan.result, restored_from=saved.path)) if merged.changed else plan

    def _check(self, now: Policy | None, saved: Saved) -> None:
        """Raise PolicyError if a policy is not to be replaced, unless that is insisted on.

        Args:
            now: The policy.
            saved: Its backup.
        """
        backup, equal = saved.backup, self._comparison.equal
        if backup.is_snapshot:
            return
        if self._request.to != WRITTEN:
            written = parsed(backup.written)
            if not equal(now, written):
                raise PolicyError(self._why_not(now, written, backup))
        elif saved.confirmed is False:
            raise PolicyError(f"the run that backed it up at {backup.time} failed for it. {_NEVER_WRITTEN}")
        elif saved.confirmed is None and equal(now, parsed(backup.policy)):
            raise PolicyError(
                f"it is as it was before the run that backed it up at {backup.time}, of which nobody can tell whether "
                f"it came to its end. {_NEVER_WRITTEN}"
            )

    def _new_principals(self, before: Policy | None, after: Policy | None) -> tuple[str, ...]:
        known = set() if before is None else set(policy_principals(self._comparison.canonical(before)))
        named = () if after is None else policy_principals(self._comparison.canonical(after))
        return tuple(principal for principal in named if principal not in known)

    def _why_not(self, before: Policy | None, written: Policy | None, backup: Backup) -> str:
        if before is None:
            what = "was deleted"
        else:
            added = self._comparison.statements_only_in(before, written)
            removed = self._comparison.statements_only_in(written, before)
            labels = {
                "different": [label for label in added if label in removed],
                "new": [label for label in added if label not in removed],
                "gone": [label for label in removed if label not in added],
            }
            differences = "; ".join(f"{how}: {', '.join(listed)}" for how, listed in labels.items() if listed)
            what = f"was changed ({differences or 'its Version or Id'})"
        return (
            f"it {what} after the run that backed it up at {backup.time}. Restore later runs first, if there are any. "
            "To put this backup back all the same, set overwrite; check mode and --diff show what that would undo."
        )


def _sendable(text: str | None, max_length: int) -> str | None:
    # AWS shows a policy with more white space than it was sent with, and counts all of it when it is sent again.
    return text if text is None or len(text) <= max_length else serialise(parse(text))
