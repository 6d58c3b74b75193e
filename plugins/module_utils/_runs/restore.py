# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""One run that puts policies back from their backups, unless somebody has changed them since."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from os.path import dirname
from typing import Any

from .._errors import PolicyWarning, RepositoryContext
from .._evaluation.evaluator import PolicyEvaluator
from .._evaluation.policy_warnings import restoring_warnings
from .._iam.document import Policy, PolicyComparison, PolicyError, parse, serialise
from .._iam.principals import policy_principals
from .._registry import PolicyTarget, Registry, StoredPolicy
from .._repository_names import select
from .._sharing.merge import replaced
from .backups import Backup, BackupError, Saved, find
from .options import RestoreRequest
from .policy_writes import Plan, PlannedWrite, managed_statements, planned, run_writes
from .results import WriteResult, WriteRunResult

# A registry: the 12-digit account that owns it, and its region.
_RegistryKey = tuple[str, str]
MAX_RUNS_SHOWN = 10


@dataclass(frozen=True)
class RestoreRunResult(WriteRunResult):
    """What a run returns that restores.

    Args:
        skipped_backups: How many of the backups are of other registries, in the order of these.
    """

    skipped_backups: tuple[tuple[_RegistryKey, int], ...] = ()

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
    wrong = None if here else f"nothing was restored: there is no backup of registry {owner} in {registry.region}"
    result = _restore(here, request, registry.of(owner), f"{wrong}, but {_listed(number)}" if wrong else None)
    skipped = tuple((other, number[other]) for other in sorted(number) if other != key)
    return RestoreRunResult(result.results, result.backup_path, skipped_backups=skipped)


def _registry_key(saved: Saved) -> _RegistryKey:
    return saved.backup.registry_id, saved.backup.region


def _listed(number: Mapping[_RegistryKey, int]) -> str:
    return ", ".join(f"{count} of {owner} in {region}" for (owner, region), count in sorted(number.items()))


def _restore(here: Sequence[Saved], request: RestoreRequest, registry: Registry, wrong: str | None) -> WriteRunResult:
    """Restore the backups of a registry.

    Args:
        here: The backups.
        request: What is asked for.
        registry: The registry.
        wrong: Why there are none.
    """
    by_name: dict[str, list[Saved]] = {}
    for found in here:
        by_name.setdefault(found.backup.name, []).append(found)
    selection = select(request.repositories, list(by_name))
    names = [name for name in selection.names if name in by_name]
    chosen = {name: _only(by_name[name], registry.partition) for name in names}
    unmatched = [(name, f"there is no backup of {name}") for name in selection.names if name not in by_name]
    unmatched += [(pattern, f'no repository in the backup matches "{pattern}"') for pattern in selection.unmatched]
    # A run may not have changed all that is named; but where it changed none of them, others may be meant.
    warned = not names and request.missing_ok
    return run_writes(
        [registry.repository(name) for name in names],
        RestoringPlanner(chosen, request, registry),
        request,
        registry,
        unmatched=[_unmatched_result(text, wrong or why, registry.region, warned=warned) for text, why in unmatched],
    )


def _unmatched_result(text: str, why: str, region: str, *, warned: bool) -> WriteResult:
    warning = RepositoryContext(text, region).warning("pattern_not_matched", why)
    return WriteResult(text, error=why, missing=True, warnings=(warning,) if warned else ())


def _only(saved: Sequence[Saved], partition: str) -> Saved:
    first = saved[0]
    if len(saved) > 1:
        directories = sorted({dirname(found.path) for found in saved})
        choices = directories if len(directories) > 1 else [found.path for found in saved]
        earlier = f" and {len(choices) - MAX_RUNS_SHOWN} earlier ones" if len(choices) > MAX_RUNS_SHOWN else ""
        raise BackupError(
            f"there are {len(saved)} backups of {first.backup.name}. Name the one that is meant, of "
            f"{', '.join(choices[-MAX_RUNS_SHOWN:])}{earlier}; to go back over several runs, restore the latest first."
        )
    if first.backup.partition != partition:
        raise BackupError(
            f"{first.path} says that {first.backup.region} is in the partition {first.backup.partition}, and it is in "
            f"{partition}"
        )
    return first


class RestoringPlanner:
    """What policies become when backups are put back.

    Args:
        saved: The backups by the label of their policy.
        request: What is asked for.
        registry: Where the policies are.
    """

    def __init__(self, saved: Mapping[str, Saved], request: RestoreRequest, registry: Registry) -> None:
        self._saved, self._request, self._region = saved, request, registry.region
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
        after, written, before = _parsed(backup.policy), _parsed(backup.written), _parsed(stored.text)
        merged = replaced(before, after, managed=managed_statements(target, stored, self._partition))
        if merged.changed and not self._request.overwrite and not self._comparison.equal(before, written):
            raise PolicyError(self._why_not(before, written, backup))

        def warnings() -> tuple[PolicyWarning, ...]:
            # Where there is no policy AWS does not say whose the registry is; the backup does.
            registry_id = owner or backup.registry_id
            evaluator, arn = self._evaluator(registry_id), target.resource_arn(registry_id)
            context = RepositoryContext(target.label, self._region, registry_id)
            return restoring_warnings(evaluator.parse(after, arn), evaluator.parse(before, arn), context)

        def write() -> PlannedWrite:
            return PlannedWrite(
                target,
                replaces=stored,
                policy=after,
                text=_sendable(backup.policy, target.max_length),
                new_principals=self._new_principals(before, after),
                retry_invalid_principal=False,
                advice=f"Remove them from a copy of {saved.path}, and restore that.",
            )

        return planned(target, stored, before, merged, warnings, self._request, self._partition, write)

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


def _parsed(text: str | None) -> Policy | None:
    return None if text is None else parse(text)


def _sendable(text: str | None, max_length: int) -> str | None:
    # AWS shows a policy with more white space than it was sent with, and counts all of it when it is sent again.
    return text if text is None or len(text) <= max_length else serialise(parse(text))
