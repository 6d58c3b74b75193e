# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.


"""The backups of one run, on their way to disk. The rules are in backups."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count

from .._containers import lost
from .._registry import PolicyTarget
from .._text import message
from .backups import (
    COLLECTION_VERSION,
    MANIFEST_NAME,
    RESTORE,
    RUN_TIME_FORMAT,
    SHARE,
    SNAPSHOT,
    TIME_FORMAT,
    UNFINISHED_SUFFIX,
    Backup,
    BackupError,
    Manifest,
    file_name,
    manifest_to_text,
    problem_with_path,
    to_text,
)
from .safe_paths import UnsafePathError, make_directories, make_directory, resolve, shown, trust

_NOT_WRITTEN = "So the policy was not written"
# What a run does about a policy that it cannot save.
_CONSEQUENCE = {SHARE: _NOT_WRITTEN, RESTORE: _NOT_WRITTEN, SNAPSHOT: "So it is not in the snapshot"}


class BackupRun:
    """The backups of one run, in a directory of their own that is made with the first of them.

    May be used by several threads.

    Args:
        parent: The directory that holds those of all runs, as an absolute path; it is made as well.
        kind: What the run does, one of RUN_KINDS.
        partition: That of the registry.
        region: That of the registry.
        now: Returns the time.
    """

    def __init__(
        self,
        parent: str,
        *,
        kind: str,
        partition: str,
        region: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._parent, self._kind = os.path.abspath(parent), kind
        self._partition, self._region, self._now = partition, region, now
        self._lock = threading.Lock()
        self._made: str | None = None
        # Once its file is there.
        self._manifest: Manifest | None = None
        self._saved: set[str] = set()

    @property
    def path(self) -> str | None:
        """The absolute path of the run's directory; None as long as no backup was saved."""
        return self._made if self._saved else None

    def save(self, target: PolicyTarget, registry_id: str, *, policy: str | None, written: str | None) -> None:
        """Bring a backup to disk, so that it outlasts even a crash of the machine.

        Args:
            target: Which policy.
            registry_id: The account that owns the registry.
            policy: The text as AWS returned it; None for none.
            written: The text that is about to be sent; None where the policy is about to be deleted.

        Raises:
            BackupError: It could not be saved.
        """
        backup = Backup(
            kind=target.kind,
            partition=self._partition,
            registry_id=registry_id,
            region=self._region,
            name=target.label,
            time=self._now().strftime(TIME_FORMAT),
            policy=policy,
            written=written,
        )
        try:
            _write(self._directory(registry_id), file_name(backup.kind, backup.name), to_text(backup))
        except (OSError, UnsafePathError) as error:
            raise BackupError(
                f"could not save a backup of its policy: {error}. {_CONSEQUENCE[self._kind]}. Check backup_dir."
            ) from error
        with self._lock:
            self._saved.add(backup.name)

    def finish(self, failed: Iterable[str]) -> str | None:
        """Let the manifest say that the run came to its end, if anything was saved.

        What is told is the same for all registries of a run, so that Ansible tells it once.

        Args:
            failed: The names of what the run was asked for, and did not do.

        Returns:
            None, or what to tell: that could not be written, though what was saved is there all the same, or what was
            saved goes with the container.
        """
        if self.path is None or self._manifest is None:
            return None
        ended = replace(self._manifest, repositories=len(self._saved), failed=tuple(sorted(failed)))
        try:
            _write(self.path, MANIFEST_NAME, manifest_to_text(ended), keep=False)
        except OSError as error:
            return message(
                f"All is saved in {shown(self.path)}, but its {MANIFEST_NAME} could not be completed, so it will be "
                f"taken for that of a run that was interrupted: {error}"
            )
        going = lost(self._parent)
        return None if going is None else message(f"backup_dir: {going}")

    def _directory(self, registry_id: str) -> str:
        with self._lock:
            now = self._now()
            if self._made is None:
                make_directories(self._parent)
                # Somebody else may have made one of them since it was looked at.
                resolve(self._parent, trust(), above=True)
                name = f"{now.strftime('%Y%m%dT%H%M%SZ')}-{registry_id}-{self._region}-{secrets.token_hex(4)}"
                path = os.path.join(self._parent, name)
                make_directory(path)
                _flush_directory(self._parent)
                self._made = path
            if self._manifest is None:
                manifest = Manifest(
                    kind=self._kind,
                    partition=self._partition,
                    registry_id=registry_id,
                    region=self._region,
                    time=now.strftime(RUN_TIME_FORMAT),
                    collection_version=COLLECTION_VERSION,
                )
                _write(self._made, MANIFEST_NAME, manifest_to_text(manifest))
                self._manifest = manifest
            return self._made


def problem_with_directory(path: str) -> str | None:
    """Return why no directory for backups can be used or made at a path; None if it can, as far as can be seen."""
    why = problem_with_path(path)
    if why is not None:
        return why
    path = nearest = os.path.abspath(path)
    while not os.path.lexists(nearest):
        nearest = os.path.dirname(nearest)
    if not os.path.isdir(nearest):
        return f"{shown(nearest)} is not a directory"
    try:
        resolve(path, trust(), above=True)
    except UnsafePathError as error:
        return f"what is saved there could not be restored. {error}"
    except OSError as error:
        return f"{shown(path)[:200]}: {error.strerror}"
    return None if os.access(nearest, os.W_OK | os.X_OK) else f"{shown(nearest)} cannot be written to"


def _write(directory: str, name: str, text: str, *, keep: bool = True) -> None:
    """Make a file that is there as a whole or not at all, whatever happens meanwhile.

    A run that writes a policy again, because somebody else has overwritten it, saves what it replaces each time. The
    last is what undoes the run. An earlier one is kept beside it, under a name with a number.

    Args:
        directory: Where.
        name: What it is called.
        text: What is in it.
        keep: Whether to keep an earlier one.
    """
    path = os.path.join(directory, name)
    unfinished = path + UNFINISHED_SUFFIX
    try:
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            # The umask may have taken from it what its owner needs.
            os.fchmod(file.fileno(), 0o600)
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        if keep and os.path.lexists(path):
            number = next(number for number in count(1) if not os.path.lexists(f"{path}.{number}"))
            os.link(path, f"{path}.{number}", follow_symlinks=False)
        os.replace(unfinished, path)
    except OSError:
        with suppress(OSError):
            os.unlink(unfinished)
        raise
    _flush_directory(directory)


def _flush_directory(path: str) -> None:
    # The name of a file is in its directory, and lost with it.
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
