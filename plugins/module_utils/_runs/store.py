# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Put one policy in the place of another: its length, the backup before, and what AWS makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from .._errors import PolicyWarning, RepositoryContext
from .._iam.document import MAX_LENGTH, Policy, PolicyComparison, PolicyError, parse
from .._iam.principals import policy_unique_ids
from .._registry import SHORTEN, EcrError, PolicyRefusedError, StoredPolicy
from .backups import BackupRun


class Registry(Protocol):
    """What a run needs of a registry; _ecr.Registry says what its methods do."""

    partition: str
    region: str

    def of(self, registry_id: str) -> Registry: ...
    def owner(self) -> str: ...
    def names(self) -> list[str]: ...
    def read(self, name: str) -> StoredPolicy: ...
    def write(self, name: str, text: str, *, force: bool, patient: bool) -> str: ...
    def delete(self, name: str) -> None: ...
    def pause(self, seconds: float) -> None: ...


@dataclass(frozen=True)
class Replacement:
    """A policy that is to take the place of another.

    before: what was read. policy: the new one, None for none; it differs in meaning. text: its text, as it is to be
    sent. newcomers: principals that AWS may refuse because they do not exist. patient: whether these may have been made
    a moment ago. advice: what to do about unique ids of deleted principals.
    """

    before: StoredPolicy
    policy: Policy | None
    text: str | None
    newcomers: Sequence[str]
    patient: bool
    advice: str


@dataclass(frozen=True)
class Store:
    """Where the policies of a run go.

    dry: whether nothing is written anywhere. force: whether to set a policy even if it keeps the caller from ever
    setting another. backups: where a policy is saved before it is replaced, None for nowhere.
    """

    registry: Registry
    dry: bool
    force: bool
    backups: BackupRun | None

    @property
    def backup(self) -> str | None:
        """The path of the directory that the run's backups are in; None where there is none."""
        return self.backups.path if self.backups else None

    def put(self, name: str, new: Replacement) -> tuple[PolicyWarning, ...]:
        """Replace the policy of a repository, and return what to warn about.

        Raises PolicyError for one that is too long, BackupError, PolicyChangedError if it is no longer the one before
        as far as one can see, EcrError.
        """
        if new.text is not None and len(new.text) > MAX_LENGTH:
            raise PolicyError(
                f"it would be {len(new.text):,} characters long, and AWS allows {MAX_LENGTH:,}. To do: {SHORTEN}"
            )
        if self.dry:
            return ()
        if self.backups:
            # Of a repository without a policy AWS does not say who owns it.
            owner = new.before.registry_id or self.registry.owner()
            self.backups.save(name, owner, policy=new.before.text, written=new.text)
        if new.policy is None or new.text is None:
            self.registry.delete(name)
            return ()
        answer = self._write(name, new, new.text)
        if _means(answer, new.policy, self.registry.partition):
            return ()
        context = RepositoryContext(name, self.registry.region, new.before.registry_id)
        text = f"AWS stored another policy than the one that was sent. It has now: {answer}"
        return (context.warning("stored_policy_differs", text),)

    def _write(self, name: str, new: Replacement, text: str) -> str:
        orphans = policy_unique_ids(new.policy)
        try:
            return self.registry.write(name, text, force=self.force, patient=new.patient and not orphans)
        except PolicyRefusedError as error:
            raise EcrError(f"{error} {_suspects(orphans, new)}") from error


def open_store(registry: Registry, *, dry: bool, force: bool, backup_dir: str | None) -> Store:
    """The store of a registry. backup_dir: the path of the directory for the backups of all runs, None for none."""
    backups = None
    if backup_dir:
        backups = BackupRun(backup_dir, partition=registry.partition, region=registry.region)
    return Store(registry, dry, force, backups)


def _means(text: str, policy: Policy, partition: str) -> bool:
    try:
        return PolicyComparison(partition).equal(parse(text), policy)
    except PolicyError:
        return False


def _suspects(orphans: Sequence[str], new: Replacement) -> str:
    if orphans:
        return f"It names deleted principals, which AWS refuses: {', '.join(orphans)}. To do: {new.advice}."
    if new.newcomers:
        return f"Does each of these exist, and is its region enabled: {', '.join(new.newcomers)}?"
    return "None of the principals is new here: look for one that was deleted, or for what AWS no longer accepts."
