# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""One run that writes many policies, whatever they become: sharing and restoring differ in their planner alone.

Rules
-----
- Each policy is read, planned and written back to back by one worker. Whatever takes long, and does not decide what is
  written, comes after the write: warnings and diffs. If AWS turns out to have another policy than the one that was
  read, all is done again with what is there now, up to `MAX_TRIES` times.
- Before a policy is written, the one that it replaces is saved.
- Between the read and the write somebody else may write, and one of the two is lost. If it is ours, a read afterwards
  shows that. So a moment after the whole run is written, each policy that was written is read once more, and written
  again where it was overwritten, up to `MAX_TRIES` times. What somebody else loses, only they can know.
- What was written stays in the result, whatever goes wrong afterwards: the error or the warning is beside it.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from .._errors import PolicyWarning, RepositoryContext, certain_first
from .._iam.document import Policy, PolicyComparison, PolicyError, parse
from .._iam.principals import policy_unique_ids
from .._registry import (
    SHORTEN,
    EcrError,
    PolicyChangedError,
    PolicyRefusedError,
    PolicyTarget,
    Registry,
    RepositoryMissingError,
    StoredPolicy,
)
from .._sharing.merge import Merged
from .._text import message as visible_message
from .._text import words
from .backup_writer import BackupRun
from .bulk import allow_missing, failed, failed_names, run_each
from .options import WriteOptions
from .results import PolicyDiff, WriteResult, WriteRunResult
from .targets import context_of

MAX_TRIES = 8
# In seconds: two writers who were in each other's way should not be so again.
MAX_PAUSE = 0.5
# In seconds. Who read a policy before it was written here may write it after, as soon as their own answers arrive.
BEFORE_LOOK = 0.1


@dataclass(frozen=True)
class PlannedWrite:
    """A policy that is to replace another.

    Args:
        target: Which policy.
        replaces: What was read.
        policy: The new policy, which differs in meaning; None for none.
        text: The same, as it is sent.
        new_principals: The principals that AWS may refuse because they do not exist.
        retry_invalid_principal: Whether these may have been created a moment ago.
        advice: What to do about the ids of deleted principals, as a sentence.
    """

    target: PolicyTarget
    replaces: StoredPolicy
    policy: Policy | None
    text: str | None
    new_principals: tuple[str, ...]
    retry_invalid_principal: bool
    advice: str


@dataclass(frozen=True)
class Plan:
    """What a run means to do to one policy.

    Args:
        result: What becomes of it if the write succeeds, without warnings and diff.
        find_warnings: Finds what a person should know about it. It takes long, so it is asked after the write.
        make_diff: Returns the policy before and after, if that is asked for. It takes long as well.
        write: None if nothing is to be written.
    """

    result: WriteResult
    find_warnings: Callable[[], Iterable[PolicyWarning]]
    make_diff: Callable[[], PolicyDiff | None]
    write: PlannedWrite | None = None

    def whole_result(self, *more: PolicyWarning) -> WriteResult:
        """Return the result with its diff, and with its warnings and more of them."""
        warnings = certain_first([*self.find_warnings(), *more])
        return replace(self.result, warnings=warnings, diff=self.make_diff())


class Planner(Protocol):
    """What policies are to become. It reads and writes nothing itself."""

    def covers(self, label: str) -> bool:
        """Return whether anything is asked for; a policy that is not covered is not even read."""

    def plan(self, target: PolicyTarget, stored: StoredPolicy) -> Plan:
        """Plan what a policy becomes. Raises PolicyError, EcrError."""


def run_writes(
    targets: Sequence[PolicyTarget],
    planner: Planner,
    options: WriteOptions,
    registry: Registry,
    *,
    unmatched: Sequence[WriteResult] = (),
) -> WriteRunResult:
    """Bring policies to what is planned, or in check mode find out what would be done.

    Args:
        targets: The policies.
        planner: What they become.
        options: How.
        registry: Where they are.
        unmatched: The results of names and patterns that match none; they come last.
    """
    writes = PolicyWrites(planner, options, registry)
    results = run_each(
        targets,
        partial(writes.write, check_mode=options.check_mode),
        result_type=WriteResult,
        concurrency=options.concurrency,
    )
    if not options.check_mode:
        if any(map(_is_verifiable, results)):
            writes.wait_for_others()
        written = {result.name: result for result in results}
        results = run_each(
            targets,
            lambda target: writes.verify(target, written[target.label]),
            result_type=WriteResult,
            concurrency=options.concurrency,
        )
    trouble = writes.finish_backups(results)
    results = (*results, *unmatched)
    return WriteRunResult(
        allow_missing(results) if options.missing_ok else results, writes.backup_path, backup_trouble=trouble
    )


def planned(
    target: PolicyTarget,
    stored: StoredPolicy,
    before: Policy | None,
    merged: Merged,
    find_warnings: Callable[[], Iterable[PolicyWarning]],
    options: WriteOptions,
    registry: Registry,
    write: Callable[[], PlannedWrite],
) -> Plan:
    """Return what is to be done to a policy.

    Args:
        target: Which policy.
        stored: What was read.
        before: The same, parsed.
        merged: What it becomes.
        find_warnings: Finds what a person should know about it.
        options: Those of the run.
        registry: Where it is.
        write: Returns how it is written, if it changes.
    """

    def make_diff() -> PolicyDiff | None:
        if not (merged.changed and options.diff):
            return None
        # All may have had the same policy, and get the same: their texts need to be in memory only once.
        before_text, after_text = map(
            sys.intern, map(PolicyComparison(registry.partition).pretty, (before, merged.policy))
        )
        return PolicyDiff(target.label, before_text, after_text)

    result = WriteResult(
        target.label,
        registry_id=stored.registry_id,
        changed=merged.changed,
        granted=merged.granted,
        revoked=merged.revoked,
        revoked_actions=merged.revoked_actions,
        unmanaged_values=merged.unmanaged_values,
        policy=merged.policy if merged.changed and options.include_policy else None,
        # The text of each policy of a long run would be kept.
        stored=stored if stored.fields else None,
    )
    return Plan(result, find_warnings, make_diff, write() if merged.changed else None)


@dataclass(frozen=True)
class _Attempt:
    """What came of reading, planning and writing once.

    Args:
        result: What became of the policy.
        differs: Whether it was found to be other than planned.
    """

    result: WriteResult
    differs: bool


class PolicyWrites:
    """The writes of one run. May be used by several threads."""

    def __init__(self, planner: Planner, options: WriteOptions, registry: Registry) -> None:
        self._planner, self._options, self._registry = planner, options, registry
        self._backups: BackupRun | None = None
        if options.backup_dir and not options.check_mode:
            self._backups = BackupRun(
                options.backup_dir, kind=options.run_kind, partition=registry.partition, region=registry.region
            )

    @property
    def backup_path(self) -> str | None:
        """The directory that the backups of the run are in; None where there is none."""
        return self._backups.path if self._backups else None

    def finish_backups(self, results: Sequence[WriteResult]) -> str | None:
        """Let the backups of the run say that it came to its end. Returns what to tell if they cannot.

        Args:
            results: All that the run did.
        """
        return None if self._backups is None else self._backups.finish(failed_names(results))

    def write(self, target: PolicyTarget, *, check_mode: bool) -> WriteResult:
        """Read, plan and write a policy, and that again if somebody else changes it in between.

        Args:
            target: Which policy.
            check_mode: Whether it is not written.
        """
        if not self._planner.covers(target.label):
            return WriteResult(target.label)
        return self._attempt(target, check_mode=check_mode).result

    def wait_for_others(self) -> None:
        """Let those write who had read a policy before it was written here: a look that comes at once misses them."""
        with suppress(EcrError):  # Whoever looks is told that the run was stopped.
            self._registry.pause(BEFORE_LOOK)

    def verify(self, target: PolicyTarget, written: WriteResult) -> WriteResult:
        """Read whether what was written is still there, and write again what somebody else has overwritten.

        Returns:
            The result of the last write; with a warning if it could not be read again, with an error if somebody else
            has overwritten it and it could not be written again.
        """
        writes = 1
        while _is_verifiable(written):
            again = writes <= MAX_TRIES
            attempt = self._attempt(target, check_mode=not again)
            found = attempt.result
            if found.error is not None:
                return _overwritten(written, found) if attempt.differs else self._not_verified(written, found)
            changed = _changed_fields(written, found)
            if changed is not None:
                return replace(written, error=changed)
            if not attempt.differs:
                return written
            if not again:
                overwritten = (
                    f"{target.label}: somebody else overwrote its policy each of the {writes} times that it was "
                    "written. Find out who else writes it, and run again."
                )
                return replace(written, error=overwritten)
            written, writes = found, writes + 1
            try:
                self._pause()
            except EcrError as error:
                return self._not_verified(written, failed(written, error))
        return written

    def _attempt(self, target: PolicyTarget, *, check_mode: bool) -> _Attempt:
        """Read, plan and write a policy, and that again if somebody else changes it in between."""
        differs = False
        # What may have been stored before somebody else changed the policy.
        sent: WriteResult | None = None
        for number in range(MAX_TRIES):
            result, written = WriteResult(target.label), False
            plan: Plan | None = None
            try:
                if number:
                    self._pause()
                plan = self._planner.plan(target, target.read())
                if plan.write is None:
                    return _Attempt(self._with_unknown_write(plan.whole_result(), sent), differs=sent is not None)
                differs = True
                warnings = self._store(plan.write, check_mode=check_mode)
                # It is written, and stays in the result whatever happens.
                result, written = replace(plan.result, warnings=warnings), True
                return _Attempt(plan.whole_result(*warnings), differs=True)
            except PolicyChangedError as error:
                if error.outcome_unknown and plan is not None:
                    sent = replace(plan.result, diff=plan.make_diff())
            except RepositoryMissingError as error:
                return _Attempt(failed(WriteResult(target.label), error), differs)
            except EcrError as error:
                if written:
                    error = EcrError(f"not all that there is to say of its policy was found: {error}", error.code)
                elif plan is not None:
                    # They may say what stands in the way of the write.
                    result = replace(result, warnings=_warnings_or_none(plan))
                return _Attempt(self._with_unknown_write(failed(result, error), sent), differs)
            except Exception as error:  # The surprise of one repository must not hide what was done to the others.
                return _Attempt(self._with_unknown_write(failed(result, error), sent), differs)
        always_changed = (
            f"each of the {MAX_TRIES} times that its policy was about to be written, somebody else had just changed "
            "it. Find out who else writes it, and run again."
        )
        result = failed(WriteResult(target.label), EcrError(always_changed))
        return _Attempt(self._with_unknown_write(result, sent), differs)

    def _with_unknown_write(self, result: WriteResult, sent: WriteResult | None) -> WriteResult:
        """Return a result with what was sent before, if anything was, of which nobody knows whether AWS stored it."""
        if sent is None:
            return result
        text = (
            "a new policy was sent, AWS did not answer, and somebody else changed the policy before it could be read "
            "again: it may have been stored in between"
        )
        context = RepositoryContext(sent.name, self._registry.region, sent.registry_id)
        warnings = certain_first([*result.warnings, context.warning("not_verified", text, certain=False)])
        return replace(sent, warnings=warnings, error=result.error, error_code=result.error_code)

    def _store(self, write: PlannedWrite, *, check_mode: bool) -> tuple[PolicyWarning, ...]:
        """Replace a policy, and return what to warn about.

        Raises:
            PolicyError: It is too long.
            BackupError: The policy that it replaces could not be saved.
            PolicyChangedError: AWS has another policy than the one that was read, as far as could be seen.
            EcrError: Any other error.
        """
        target, text = write.target, write.text
        if text is not None and len(text) > target.max_length:
            raise PolicyError(
                f"it would be {len(text):,} characters long, and AWS allows {target.max_length:,}. {SHORTEN}"
            )
        if check_mode:
            return ()
        if self._backups:
            # Of a repository without a policy AWS does not say who owns it.
            owner = write.replaces.registry_id or self._registry.owner()
            self._backups.save(target, owner, policy=write.replaces.text, written=text)
        deleted = policy_unique_ids(write.policy)
        try:
            stored = target.write(
                text,
                replacing=write.replaces,
                force=self._options.force_set_policy,
                retry_invalid_principal=write.retry_invalid_principal and not deleted,
            )
        except PolicyRefusedError as error:
            causes = _possible_causes(deleted, write)
            raise EcrError(f"{str(error).rstrip('.')}. {causes}", error.code) from error
        if stored is None or self._means(stored, write.policy):
            return ()
        difference = f"AWS stored another policy than the one that was sent. It has now: {stored}"
        context = context_of(target, self._registry.region, write.replaces.registry_id)
        return (context.warning("stored_policy_differs", difference),)

    def _means(self, text: str, policy: Policy | None) -> bool:
        try:
            return PolicyComparison(self._registry.partition).equal(parse(text), policy)
        except PolicyError:
            return False

    def _not_verified(self, written: WriteResult, found: WriteResult) -> WriteResult:
        reason = str(found.error).removeprefix(f"{found.name}: ")
        text = f"its policy was written, but reading it afterwards did not confirm that: {reason}"
        context = RepositoryContext(written.name, self._registry.region, written.registry_id)
        warning = context.warning("not_verified", text)
        return replace(written, warnings=certain_first([*written.warnings, warning]))

    def _pause(self) -> None:
        self._registry.pause(random.uniform(0, MAX_PAUSE))


def _changed_fields(written: WriteResult, found: WriteResult) -> str | None:
    """Return which fields beside the policy are others than before the write; None for none."""
    before, after = written.stored, found.stored
    if before is None or after is None:
        return None
    names = after.changed_fields(before)
    if not names:
        return None
    changes = ", ".join(f"{name} was {before.fields.get(name)!r} and is {after.fields.get(name)!r}" for name in names)
    return visible_message(
        f"{written.name}: its policy was written, but not only that has changed since it was read: {changes}. "
        "Somebody else may have changed it at the same time. Check it, and put right what is wrong."
    )


def _overwritten(written: WriteResult, found: WriteResult) -> WriteResult:
    """Return the result of a write that somebody else has overwritten, and that could not be repeated."""
    reason = str(found.error).removeprefix(f"{found.name}: ")
    error = (
        f"{found.name}: somebody else overwrote its policy after it was written, and it could not be written again: "
    )
    return replace(written, error=error + reason, error_code=found.error_code)


def _warnings_or_none(plan: Plan) -> tuple[PolicyWarning, ...]:
    try:
        return plan.whole_result().warnings
    except EcrError:  # The run was stopped, which its error says.
        return ()


def _is_verifiable(result: WriteResult) -> bool:
    # What AWS itself makes of a policy cannot be mended by writing it once more.
    differs = any(warning.kind == "stored_policy_differs" for warning in result.warnings)
    return result.changed and result.error is None and not differs


def _possible_causes(deleted: Sequence[str], write: PlannedWrite) -> str:
    if deleted:
        return f"It names deleted principals, which AWS refuses: {words(deleted)}. {write.advice}"
    if write.new_principals:
        names = words(write.new_principals)
        return f"Check that each of these principals exists, and that the region is enabled for it: {names}."
    return "None of the principals is new here: look for one that was deleted, or for what AWS no longer accepts."
