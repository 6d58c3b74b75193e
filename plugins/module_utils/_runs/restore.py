# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""One run that puts backed up policies back, where nobody has changed them since."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from os.path import dirname
from typing import Any

from .._errors import PolicyWarning, RepositoryContext
from .._evaluation.evaluator import PolicyEvaluator
from .._evaluation.policy_warnings import unsharing_warnings
from .._iam.arns import repository_arn
from .._iam.document import MAX_LENGTH, Policy, PolicyComparison, PolicyError, parse, serialise
from .._iam.principals import policy_principals
from .._repository_names import select
from .._sharing.merge import replaced
from .backups import Backup, BackupError, Saved, find
from .bulk import run_each
from .options import RestoreRequest
from .results import Outcome, Result, outcome
from .settle import Settling
from .share import managed_statements
from .store import Registry, Replacement, Store, open_store

# A registry: the 12-digit account that owns it, and its region.
_Whose = tuple[str, str]
_MOST_RUNS_TOLD = 10


@dataclass(frozen=True)
class Restored:
    """left_out: how many of the backups are of other registries, in the order of these."""

    result: Result
    left_out: Mapping[_Whose, int]

    @property
    def warnings(self) -> tuple[str, ...]:
        left_out = f"Backups of other registries were left out: {_listed(self.left_out)}. Restore them with other tasks"
        return (*([left_out] if self.left_out else []), *self.result.warnings)

    def report(self, *, diff: bool) -> dict[str, Any]:
        """What a task returns. diff: whether diffs are asked for."""
        left_out = [
            {"registry_id": owner, "region": region, "backups": count}
            for (owner, region), count in self.left_out.items()
        ]
        return {**self.result.report(diff=diff), "left_out": left_out}


def run(request: RestoreRequest, registry: Registry) -> Restored:
    """Put the backups of one registry back, or in a dry run find out what would be done.

    registry: of any owner; it says the region, and whose the credentials are.

    Raises BackupError if the backups cannot be used, or if it is not clear which are meant. Raises EcrError if nobody
    says whose the registry is. All other errors are rows.
    """
    saved = find(request.backup)
    if not saved:
        raise BackupError(f"{request.backup} has no backup at all. To do: check backup")
    number = Counter(_whose(found) for found in saved)
    owner = request.registry_id or registry.owner()
    here = [found for found in saved if _whose(found) == (owner, registry.region)]
    if not here and not request.missing_ok:
        raise BackupError(
            f"{request.backup} has no backup of registry {owner} in {registry.region}. What it has: {_listed(number)}. "
            "To do: check backup, region and registry_id"
        )
    left_out = {whose: number[whose] for whose in sorted(number) if whose != (owner, registry.region)}
    return Restored(_restore(here, request, registry.of(owner)), left_out)


def _whose(saved: Saved) -> _Whose:
    return saved.backup.registry_id, saved.backup.region


def _listed(number: Mapping[_Whose, int]) -> str:
    return ", ".join(f"{count} of {owner} in {region}" for (owner, region), count in sorted(number.items()))


def _restore(here: Sequence[Saved], request: RestoreRequest, registry: Registry) -> Result:
    by_name: dict[str, list[Saved]] = {}
    for found in here:
        by_name.setdefault(found.backup.repository, []).append(found)
    selection = select(request.repositories, list(by_name))
    names = [name for name in selection.names if name in by_name]
    chosen = {name: _only(by_name[name], registry.partition) for name in names}
    unmatched = [(name, f"there is no backup of {name}") for name in selection.names if name not in by_name]
    unmatched += [(pattern, f'no repository in the backup matches "{pattern}"') for pattern in selection.unmatched]
    store = open_store(registry, dry=request.dry, force=request.force, backup_dir=request.backup_dir)
    evaluator = PolicyEvaluator(registry.partition, here[0].backup.registry_id if here else None)

    def work(name: str, warnings: list[PolicyWarning]) -> Outcome:
        return _restore_one(chosen[name], request, store, evaluator, warnings)

    settling = Settling(work, registry.pause)
    result = run_each(
        names,
        settling.attempt,
        unmatched,
        concurrency=request.concurrency,
        missing_ok=request.missing_ok,
        look=None if request.dry else settling.confirm,
    )
    return replace(result, backup=store.backup)


def _only(saved: Sequence[Saved], partition: str) -> Saved:
    first = saved[0]
    if len(saved) > 1:
        directories = sorted({dirname(found.path) for found in saved})
        choices = directories if len(directories) > 1 else [found.path for found in saved]
        earlier = f" and {len(choices) - _MOST_RUNS_TOLD} earlier ones" if len(choices) > _MOST_RUNS_TOLD else ""
        raise BackupError(
            f"there are {len(saved)} backups of {first.backup.repository}. To do: name the one that is meant, of "
            f"{', '.join(choices[-_MOST_RUNS_TOLD:])}{earlier}; to go back over several runs, restore the latest first"
        )
    if first.backup.partition != partition:
        raise BackupError(
            f"{first.path} says that {first.backup.region} is in the partition {first.backup.partition}, and it is in "
            f"{partition}"
        )
    return first


def _restore_one(
    saved: Saved, request: RestoreRequest, store: Store, evaluator: PolicyEvaluator, warnings: list[PolicyWarning]
) -> Outcome:
    backup, registry = saved.backup, store.registry
    name, partition = backup.repository, registry.partition
    after, written = _parsed(backup.policy), _parsed(backup.written)
    stored = registry.read(name)
    before = _parsed(stored.text)
    merged = replaced(before, after, managed=managed_statements(registry, name, stored))
    if merged.changed and not request.overwrite and not PolicyComparison(partition).equal(before, written):
        raise PolicyError(_why_not(before, written, backup, partition))
    # Nobody is named: what is left are warnings of a policy that is open to everyone.
    arn = repository_arn(name, backup.registry_id, registry.region, partition)
    warnings += unsharing_warnings(
        evaluator.parse(after, arn), (), RepositoryContext(name, registry.region, backup.registry_id)
    )
    if merged.changed:
        new = Replacement(
            before=stored,
            policy=after,
            text=_sendable(backup.policy),
            newcomers=_newcomers(before, after, partition),
            patient=False,
            advice=f"take them out of a copy of {saved.path}, and restore that",
        )
        warnings += store.put(name, new)
    return outcome(name, warnings, before, merged, partition=partition, diff=request.diff)


def _parsed(text: str | None) -> Policy | None:
    return None if text is None else parse(text)


def _sendable(text: str | None) -> str | None:
    # AWS shows a policy with more white space than it was sent with, and counts all of it when it is sent again.
    return text if text is None or len(text) <= MAX_LENGTH else serialise(parse(text))


def _newcomers(before: Policy | None, after: Policy | None, partition: str) -> tuple[str, ...]:
    known = set() if before is None else set(policy_principals(PolicyComparison(partition).canonical(before)))
    named = () if after is None else policy_principals(PolicyComparison(partition).canonical(after))
    return tuple(principal for principal in named if principal not in known)


def _why_not(before: Policy | None, written: Policy | None, backup: Backup, partition: str) -> str:
    if before is None:
        what = "was deleted"
    else:
        compare = PolicyComparison(partition)
        found, lost = compare.statements_only_in(before, written), compare.statements_only_in(written, before)
        labels = {
            "another": [label for label in found if label in lost],
            "new": [label for label in found if label not in lost],
            "gone": [label for label in lost if label not in found],
        }
        told = "; ".join(f"{how}: {', '.join(listed)}" for how, listed in labels.items() if listed)
        what = f"was changed ({told or 'its Version or Id'})"
    return (
        f"it {what} after the run that backed it up at {backup.time}. To do: restore later runs first, if there are "
        "any. To put this backup back all the same, set overwrite; check mode and --diff show what that would undo"
    )
