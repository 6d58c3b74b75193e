# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Backups of policies on disk: a directory for each run, with a file for each policy, and a manifest.

This file has their formats. They are made in backup_writer, and read in backup_reader.

Rules
-----
- A backup is on disk, and outlasts a crash of the machine, before the policy that it is of is replaced.
- A file is there as a whole or not at all. One that a run left unfinished has a name of its own, and is passed over.
- The manifest is there before the first backup, and says that the run goes on. It is replaced when the run has come to
  its end. So whatever ends a run before, its directory says of itself that it may lack something.
- A directory is used only if every file in it is a backup or its manifest, so that nothing is begun with a part of
  them. One without a manifest, as it was made before there were any, is used, and told.
- What others could have changed is no backup: see safe_paths.
- What was published once is read for ever, so another format gets another number.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from typing import Any

from .._iam.document import MAX_LENGTH, PolicyError, parse, serialise
from .._registry import REGISTRY, REPOSITORY, TEMPLATE
from .._repository_names import REGISTRY_LABEL, is_name, is_template_prefix, template_prefix
from .._text import message as visible_message

FORMAT = 1
# That of galaxy.yml, which a module cannot read: it is not sent to the managed host.
COLLECTION_VERSION = "1.0.0"


def _is_template_label(text: str) -> bool:
    prefix = template_prefix(text)
    return prefix is not None and is_template_prefix(prefix)


# What has a policy, and whether a text is the name of such a thing.
KINDS: Mapping[str, Callable[[str], bool]] = {
    REPOSITORY: is_name,
    REGISTRY: REGISTRY_LABEL.__eq__,
    TEMPLATE: _is_template_label,
}
# The same in the words of the option apply_to, which are those of a grant.
APPLY_TO: Mapping[str, str] = {"repositories": REPOSITORY, "registry": REGISTRY, "templates": TEMPLATE}
# What made the backups. A snapshot has only read, so what it found and what it "wrote" are the same.
SHARE, RESTORE, SNAPSHOT = "share", "restore", "snapshot"
RUN_KINDS = (SHARE, RESTORE, SNAPSHOT)
MANIFEST_NAME = "manifest.json"
# Most file systems take 255 bytes.
MAX_PLAIN_NAME_LENGTH = 200
UNFINISHED_SUFFIX = ".unfinished"
TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
# Two runs may begin in the same second.
RUN_TIME_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"
_PLACE = {
    "partition": re.compile(r"[a-z]+(?:-[a-z]+)*"),
    "registry_id": re.compile(r"[0-9]{12}"),
    "region": re.compile(r"[a-z]+(?:-[a-z]+)*-[0-9]+"),
}
_OF_BACKUPS = {**_PLACE, "time": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")}
_OF_MANIFESTS = {
    **_PLACE,
    "kind": re.compile("|".join(RUN_KINDS)),
    "time": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z"),
    "collection_version": re.compile(r"[0-9]+(?:\.[0-9]+){2}(?:[-+][0-9A-Za-z.+-]{1,40})?"),
}


class BackupError(Exception):
    """A backup cannot be saved, or cannot be used. The message says which, why, and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(visible_message(message))


@dataclass(frozen=True)
class Backup:
    """A policy as it was before a run wrote.

    Args:
        kind: What has the policy, a key of KINDS.
        partition: That of the registry.
        registry_id: The 12-digit account that owns the registry.
        region: That of the registry.
        name: Such as that of the repository.
        time: In UTC, such as C(2026-01-31T12:00:00Z).
        policy: The text as AWS returned it; None for none.
        written: The text that was about to be sent; None where the policy was about to be deleted. In a snapshot, the
            same as policy.
    """

    kind: str
    partition: str
    registry_id: str
    region: str
    name: str
    time: str
    policy: str | None
    written: str | None

    @property
    def is_snapshot(self) -> bool:
        """Whether nothing was about to be written. A run saves nothing where it would change nothing."""
        return self.policy == self.written


@dataclass(frozen=True)
class Manifest:
    """What a directory says of the run that made it.

    Args:
        kind: What the run did, one of RUN_KINDS.
        partition: That of the registry.
        registry_id: The 12-digit account that owns the registry.
        region: That of the registry.
        time: When the directory was made, in UTC, such as C(2026-01-31T12:00:00.000000Z).
        collection_version: The version of the collection that made it.
        repositories: How many have a backup in it; None as long as the run goes on.
        failed: The names of those that the run was asked for, and of which it did not do, or does not know, all.
    """

    kind: str
    partition: str
    registry_id: str
    region: str
    time: str
    collection_version: str
    repositories: int | None = None
    failed: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether the run came to its end, and did all that it was asked for."""
        return self.repositories is not None and not self.failed


def file_name(kind: str, name: str) -> str:
    """Return the name of the file for a policy: distinct for distinct names, and of at most 255 bytes.

    No name of a repository has two of C(. _ -) beside each other, so C(__) stands for C(/), and C(--) for a cut, or for
    the blank in the labels of registry policies and creation templates.

    Args:
        kind: What has the policy.
        name: Its name.
    """
    if not KINDS[kind](name):
        raise BackupError(f'"{name}" is not the name of a {kind}, so no backup can be named for it')
    plain = name.replace(" ", "--").replace("/", "__")
    if len(plain) > MAX_PLAIN_NAME_LENGTH or f"{plain}.json" == MANIFEST_NAME:
        plain = f"{plain[: MAX_PLAIN_NAME_LENGTH - 66]}--{sha256(name.encode()).hexdigest()}"
    return f"{plain}.json"


def to_text(backup: Backup) -> str:
    """Return a backup as its file has it."""
    return json.dumps({"format": FORMAT, **asdict(backup)}, indent=2) + "\n"


def manifest_to_text(manifest: Manifest) -> str:
    """Return a manifest as its file has it."""
    return json.dumps({"format": FORMAT, "complete": manifest.complete, **asdict(manifest)}, indent=2) + "\n"


def from_text(text: str) -> Backup:
    """Return the backup that a file has. Raises BackupError for anything that to_text() has not written."""
    document = _members(text, Backup, "a backup of a policy")
    for name, value in document.items():
        if name in ("policy", "written"):
            _check_policy(name, value)
        elif name == "kind":
            _check_text(name, value, value in KINDS if isinstance(value, str) else False)
        else:
            _check_text(name, value, name == "name" or _matches(_OF_BACKUPS[name], value))
    if not KINDS[document["kind"]](document["name"]):
        raise BackupError(f"its name is not that of a {document['kind']}: {document['name'][:40]!a}")
    return Backup(**document)


def manifest_from_text(text: str) -> Manifest:
    """Return the manifest that a file has. Raises BackupError for anything that manifest_to_text() has not written."""
    document = _members(text, Manifest, "the manifest of a run", "complete")
    complete, repositories, failed = (document.pop(name) for name in ("complete", "repositories", "failed"))
    for name, value in document.items():
        _check_text(name, value, _matches(_OF_MANIFESTS[name], value))
    if not (repositories is None or (repositories.__class__ is int and repositories >= 0)):
        raise BackupError("its repositories is neither a number nor null")
    if not isinstance(failed, list) or not all(isinstance(name, str) and _is_name(name) for name in failed):
        raise BackupError("its failed is not a list of names")
    manifest = Manifest(**document, repositories=repositories, failed=tuple(failed))
    if complete is not manifest.complete:
        raise BackupError("its complete is not what its repositories and its failed say")
    return manifest


def problem_with_path(path: str) -> str | None:
    """Return why a text is no path that an option may have; None if it is one."""
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return f"{path!a} is not a valid path"
    if not path or "\0" in path:
        return f"{path!a} is not a valid path"
    # Nobody chooses the working directory of a module.
    return None if os.path.isabs(path) else f"{path!a} is not an absolute path. Begin it with / or ~"


def _members(text: str, of: type[Backup | Manifest], what: str, *more: str) -> dict[str, Any]:
    try:
        document = json.loads(text, object_pairs_hook=_unique_keys)
    except (ValueError, RecursionError):
        raise BackupError("it is not valid JSON") from None
    if not isinstance(document, dict):
        raise BackupError("it is not a JSON object")
    version = document.pop("format", None)
    if version.__class__ is not int or version != FORMAT:
        raise BackupError(f"it is not {what} in format {FORMAT}")
    names = {*more, *(field.name for field in fields(of))}
    if document.keys() != names:
        raise BackupError(f"its members are not format and {', '.join(sorted(names))}")
    return document


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key occurs twice")
    return dict(pairs)


def _is_name(text: str) -> bool:
    return any(is_valid(text) for is_valid in KINDS.values())


def _matches(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _check_text(name: str, value: Any, valid: bool) -> None:
    if not isinstance(value, str):
        raise BackupError(f"its {name} is not a text")
    if not valid:
        raise BackupError(f"its {name} is not valid: {value[:40]!a}")


def _check_policy(name: str, value: Any) -> None:
    if value is None:
        return
    if not isinstance(value, str):
        raise BackupError(f"its {name} is neither a text nor null")
    try:
        length = len(serialise(parse(value)))
    except PolicyError as error:
        raise BackupError(f"its {name} is not a policy: {error}") from None
    if length > MAX_LENGTH:
        raise BackupError(f"its {name} is longer than AWS allows")
