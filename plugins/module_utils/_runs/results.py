# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""What a run returns: an object for each repository, and their sum. They become plain values when a task ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

from .._errors import SUMMARIES, PolicyWarning, certain_first
from .._iam.document import Policy
from .._registry import REGISTRY, REPOSITORY, TEMPLATE, StoredPolicy
from .._repository_names import REGISTRY_LABEL, template_prefix
from .._sharing.merge import Change, RevokedActions, UnmanagedValue
from .._text import printable, visible
from .registry_policy import RegistryPolicyRead

MAX_ERRORS_SHOWN = 5
# In characters: rows have their warnings in full.
MAX_WARNING_SHOWN = 1_000


@dataclass(frozen=True)
class RepositoryResult:
    """What became of one repository.

    Args:
        name: Its name, or a name or pattern that matches none.
        error: Why it failed, with its name; None if it did not.
        error_code: The error code that AWS answered; None where AWS answered none.
        missing: Whether there is no such repository.
    """

    name: str
    error: str | None = None
    error_code: str | None = None
    missing: bool = False

    def _error_members(self) -> dict[str, Any]:
        if self.error is not None:
            return {"error": self.error, "error_code": self.error_code}
        return {"missing": True} if self.missing else {}


@dataclass(frozen=True)
class PolicyDiff:
    """A policy before and after, as Ansible shows them.

    Args:
        name: What the policy belongs to.
        before: A text; empty for no policy.
        after: The same.
    """

    name: str
    before: str
    after: str

    def to_dict(self) -> dict[str, str]:
        """Return it as Ansible takes it."""
        return {
            "before_header": self.name,
            "before": self.before,
            "after_header": self.name,
            "after": self.after,
        }


@dataclass(frozen=True)
class WriteResult(RepositoryResult):
    """What became of one repository in a run that writes. In check mode, what would become of it.

    Args:
        registry_id: The account that owns the registry; None where AWS did not say it.
        changed: Whether its policy was written; also where there is an error beside it.
        granted: What principals gained.
        revoked: What principals lost.
        revoked_actions: What else they lost.
        warnings: What a person should know about the policy afterwards.
        unmanaged_values: What is in managed statements and belongs to no principal.
        policy: The policy afterwards, if it changed and is asked for.
        diff: The policy before and after, if it changed and that is asked for.
        restored_from: The file of the backup that it was put back from.
        stored: What was read before it was written.
    """

    registry_id: str | None = None
    changed: bool = False
    granted: tuple[Change, ...] = ()
    revoked: tuple[Change, ...] = ()
    revoked_actions: tuple[RevokedActions, ...] = ()
    warnings: tuple[PolicyWarning, ...] = ()
    unmanaged_values: tuple[UnmanagedValue, ...] = ()
    policy: Policy | None = None
    diff: PolicyDiff | None = None
    restored_from: str | None = None
    stored: StoredPolicy | None = field(default=None, repr=False)

    def to_dict(self, *, include_policy: bool) -> dict[str, Any]:
        """Return the row of the repository, in plain values."""
        unmanaged = [{"sid": _sid(value.sid), "value": printable(value.value)} for value in self.unmanaged_values]
        return {
            "name": self.name,
            "changed": self.changed,
            "granted": _changes(self.granted),
            "revoked": _changes(self.revoked),
            **({"revoked_actions": list(map(_actions, self.revoked_actions))} if self.revoked_actions else {}),
            "warnings": [_warning(warning) for warning in self.warnings],
            **({"policy": self.policy} if include_policy and self.changed else {}),
            **({"unmanaged_values": unmanaged} if unmanaged else {}),
            **({} if self.restored_from is None else {"restored_from": self.restored_from}),
            **self._error_members(),
        }


Result = TypeVar("Result", bound=RepositoryResult)


@dataclass(frozen=True)
class RunResult(Generic[Result]):
    """What a run returns.

    Args:
        results: One for each repository, in the order asked for.
    """

    # What its results are of.
    things: ClassVar[str] = "repositories"
    results: tuple[Result, ...]

    @property
    def failures(self) -> tuple[str, ...]:
        """The errors, the first few of them in full."""
        errors = [result.error for result in self.results if result.error is not None]
        more = [f"and {len(errors) - MAX_ERRORS_SHOWN} more"] if len(errors) > MAX_ERRORS_SHOWN else []
        return (*errors[:MAX_ERRORS_SHOWN], *more)

    @property
    def message(self) -> str:
        """What a task says that fails because repositories did."""
        failed, number = sum(result.error is not None for result in self.results), len(self.results)
        others = ", the others are done" if failed < number else ""
        return f"{failed} of {number} {self.things} failed{others}. {' | '.join(self.failures)}"


@dataclass(frozen=True)
class WriteRunResult(RunResult[WriteResult]):
    """What a run returns that writes.

    Args:
        backup_path: The directory with the policies from before; None where none was saved.
        registry_policy: The policy of the registry, which the warnings heed; None where it was not asked for.
        warn_of_unread: Whether to warn if that could not be read.
        backup_trouble: What to tell of the backups of this run; None for nothing.
    """

    backup_path: str | None = None
    registry_policy: RegistryPolicyRead | None = None
    warn_of_unread: bool = False
    backup_trouble: str | None = None

    @property
    def changed(self) -> bool:
        return any(result.changed for result in self.results)

    @property
    def trouble(self) -> tuple[str, ...]:
        """What to tell of the backups."""
        return () if self.backup_trouble is None else (self.backup_trouble,)

    @property
    def summary(self) -> dict[str, int]:
        """The results, counted. A repository that was written and failed afterwards counts as both."""
        results = self.results
        return {
            self.things: len(results),
            "changed": sum(result.changed for result in results),
            "missing": sum(result.missing and result.error is None for result in results),
            "failed": sum(result.error is not None for result in results),
            "warnings": sum(len(result.warnings) for result in results),
            "unchanged": sum(not (result.changed or result.missing or result.error is not None) for result in results),
        }

    @property
    def warnings(self) -> tuple[str, ...]:
        """One sentence for each kind of warning, those with certain ones first."""
        by_kind: dict[str, list[PolicyWarning]] = {}
        for result in self.results:
            # One a repository counts, a certain one if there is any.
            of_one: dict[str, PolicyWarning] = {}
            for warning in certain_first(result.warnings):
                of_one.setdefault(warning.kind, warning)
            for kind, warning in of_one.items():
                by_kind.setdefault(kind, []).append(warning)
        kinds = [kind for kind in SUMMARIES if kind in by_kind]
        kinds.sort(key=lambda kind: not any(warning.certain for warning in by_kind[kind]))
        sentences = tuple(self._sentence(kind, by_kind[kind]) for kind in kinds)
        sentences = (*sentences, *self.trouble)
        unread = self.registry_policy.error if self.registry_policy and self.warn_of_unread else None
        if unread is None:
            return sentences
        said = "The policy of the registry is not known, and whoever it lets in still gets in: "
        return (*sentences, said + visible(unread, MAX_WARNING_SHOWN))

    @property
    def changes(self) -> list[dict[str, Any]]:
        """What principals lost, and then what they gained, each of it with all repositories that it is so in: those of
        the policy of a registry are patterns, and creation templates are listed by themselves.
        """
        names: dict[tuple[str, _GroupedChange], list[str]] = {}
        for result in self.results:
            kind, name = _kind_and_name(result.name)
            for change in _grouped(result):
                names.setdefault((kind, change), []).append(name)
        lost_first = sorted(names.items(), key=lambda item: item[0][1].change != _REVOKED)
        return [{**change.to_dict(), **_places(kind, listed)} for (kind, change), listed in lost_first]

    def to_dict(self, *, diff: bool, include_policy: bool) -> dict[str, Any]:
        """Return what the task returns, in plain values.

        Args:
            diff: Whether diffs are asked for.
            include_policy: Whether the rows of changed repositories have their policies.
        """
        return {
            "changed": self.changed,
            **self._rows([result.to_dict(include_policy=include_policy) for result in self.results]),
            "changes": self.changes,
            "summary": self.summary,
            **({} if self.backup_path is None else {"backup_path": self.backup_path}),
            **({} if self.registry_policy is None else {"registry_policy": self.registry_policy.to_dict()}),
            **({"diff": [result.diff.to_dict() for result in self.results if result.diff]} if diff else {}),
        }

    def _rows(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        return {self.things: rows}

    def _sentence(self, kind: str, warnings: Sequence[PolicyWarning]) -> str:
        certain = sum(warning.certain for warning in warnings)
        doubt = "" if certain == len(warnings) else f", {certain or 'none'} of them for certain"
        return (
            f"{len(warnings)} of {len(self.results)} {self.things} {SUMMARIES[kind]}{doubt} (see the warnings in their "
            f"rows). The first: {visible(certain_first(warnings)[0].message, MAX_WARNING_SHOWN)}"
        )


def _kind_and_name(label: str) -> tuple[str, str]:
    """Return what has the policy with a label, and the name of that."""
    prefix = template_prefix(label)
    if prefix is not None:
        return TEMPLATE, prefix
    return (REGISTRY if label == REGISTRY_LABEL else REPOSITORY), label


def _places(kind: str, names: Sequence[str]) -> dict[str, Any]:
    if kind == REPOSITORY:
        return {"repositories": names}
    # A change of the policy of a registry has its patterns.
    return {"policy": kind, **({"templates": names} if kind == TEMPLATE else {})}


_REVOKED, _GRANTED = "revoked", "granted"


@dataclass(frozen=True)
class _GroupedChange:
    """What happened to one principal in some repositories.

    Args:
        change: C(revoked) or C(granted).
        access: What it gained or lost.
        other_actions: What it lost beside that.
    """

    change: str
    access: Change
    other_actions: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it in plain values."""
        return {
            "change": self.change,
            **_change(self.access),
            "other_actions": list(map(printable, self.other_actions)),
        }


def _grouped(result: WriteResult) -> Iterator[_GroupedChange]:
    others = {(one.principal, one.repositories): one.actions for one in result.revoked_actions}
    for change in result.revoked:
        yield _GroupedChange(_REVOKED, change, others.pop((change.principal, change.repositories), ()))
    for (principal, repositories), actions in others.items():
        yield _GroupedChange(_REVOKED, Change(principal, (), repositories=repositories), actions)
    for change in result.granted:
        yield _GroupedChange(_GRANTED, change)


def _changes(changes: Sequence[Change]) -> list[dict[str, Any]]:
    return list(map(_change, changes))


def _change(change: Change) -> dict[str, Any]:
    return {
        "principal": printable(change.principal),
        "access": list(change.access),
        "lambda_regions": list(map(printable, change.lambda_regions)),
        **_repositories(change.repositories),
    }


def _actions(revoked: RevokedActions) -> dict[str, Any]:
    actions = list(map(printable, revoked.actions))
    return {"principal": printable(revoked.principal), "actions": actions, **_repositories(revoked.repositories)}


def _repositories(patterns: Sequence[str]) -> dict[str, Any]:
    """Return the patterns of the repositories that something is for, where there are such."""
    return {"repositories": list(map(printable, patterns))} if patterns else {}


def _warning(warning: PolicyWarning) -> dict[str, Any]:
    principals = list(map(printable, warning.principals))
    return {**asdict(warning), "sid": _sid(warning.sid), "principals": principals}


def _sid(sid: str | None) -> str | None:
    return None if sid is None else printable(sid)
