# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Paths that nobody else can change: who restores a policy trusts every file, and every folder above it.

Rules
-----
- A file or folder belongs to root or to the user who runs this, and nobody else may write it.
- A folder that anybody may write but in which each may remove only what is theirs, such as C(/tmp), may be above one.
- A link may be on the way if root made it, such as C(/var/run), or the user who runs this, and nobody else could have
  put it there.
- What the bits of a group allow is no harm if the group has nobody else in it, as where each user has one of the same
  name. Behind a directory service nobody can tell who is in a group. With an access control list, these bits say what
  anybody in that may do at most.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from shlex import quote

ROOT = 0
# Those of the kernel.
MAX_LINKS = 40


class UnsafePathError(Exception):
    """Somebody else could change what is at a path. The message says who, and what to do."""


@dataclass(frozen=True)
class Entry:
    """What is at a path, as C(lstat) tells it.

    Args:
        path: Where it is.
        mode: Its type and permissions.
        owner: The number of the user that it belongs to.
        group: That of the group.
        has_acl: Whether it has an access control list.
    """

    path: str
    mode: int
    owner: int
    group: int
    has_acl: bool = False


@dataclass(frozen=True)
class Trust:
    """Whom to trust.

    Args:
        user: The number of the user who runs this.
        is_private: Whether a group has nobody in it but a user, by their numbers.
    """

    user: int
    is_private: Callable[[int, int], bool]

    def problem(self, entry: Entry, *, above: bool = False) -> str | None:
        """Return who else could change a file or folder, and what to do; None if nobody can.

        Args:
            entry: The file or folder; of anything else nothing is said.
            above: Whether it is a folder above one that is looked at by itself.
        """
        path = quoted(entry.path)
        if not stat.S_ISDIR(entry.mode) and not stat.S_ISREG(entry.mode):
            return None
        if entry.owner not in (ROOT, self.user):
            others = "root" if self.user == ROOT else f"root or to {user_name(self.user)}"
            return (
                f"it belongs to {user_name(entry.owner)}, and not to {others}, who runs this. If it can be trusted, "
                f"run this as that user, or: chown {user_name(self.user)} {path}"
            )
        writers = self._writers(entry)
        sticky = above and stat.S_ISDIR(entry.mode) and bool(entry.mode & stat.S_ISVTX)
        if not writers or sticky:
            return None
        group = "somebody in its access control list" if entry.has_acl else f"the group {group_name(entry.group)}"
        who = " and ".join({"g": group, "o": "everybody"}[which] for which in writers)
        return (
            f"{who} may write it (mode {stat.S_IMODE(entry.mode):04o}). Choose a directory outside of it, or, if all "
            f"that is there can be trusted: chmod {writers}-w {path}"
        )

    def problem_with_link(self, entry: Entry) -> str | None:
        """Return why a link may not be on the way; None if it may."""
        if entry.owner in (ROOT, self.user):
            return None
        return f"it is a link that {user_name(entry.owner)} made. Name what it leads to"

    def _writers(self, entry: Entry) -> str:
        private = not entry.has_acl and self.is_private(entry.group, entry.owner)
        group = bool(entry.mode & stat.S_IWGRP) and not private
        return ("g" if group else "") + ("o" if entry.mode & stat.S_IWOTH else "")


def trust() -> Trust:
    """Return whom the user who runs this can trust."""
    return Trust(os.geteuid(), is_private_group)


def look(path: str) -> Entry:
    """Return what is at a path, without following it. Raises OSError."""
    found = os.lstat(path)
    return Entry(path, found.st_mode, found.st_uid, found.st_gid, _has_acl(path))


def _has_acl(path: str) -> bool:
    # https://man7.org/linux/man-pages/man5/acl.5.html. Other systems, and other kinds of lists, have no such attribute.
    with suppress(AttributeError, OSError):
        return bool(os.getxattr(path, "system.posix_acl_access", follow_symlinks=False))
    return False


def resolve(path: str, trusted: Trust, *, above: bool = False, looking: Callable[[str], Entry] = look) -> str:
    """Return where a path leads, of which nobody else can change any part, up to the root folder.

    Args:
        path: An absolute path. What it names need not exist; then the nearest folder above it that exists is checked.
        trusted: Whom to trust.
        above: Whether what is checked will be in a folder of its own in there.
        looking: Returns what is at a path.

    Raises:
        UnsafePathError: Somebody else can.
        OSError: A part cannot be looked at.
    """
    parts = [part for part in reversed(path.split("/")) if part]
    place, links = "/", 0
    _check(looking(place), trusted, above=above or bool(parts))
    while parts:
        name = parts.pop()
        if name in (".", ".."):
            place = os.path.dirname(place) if name == ".." else place
            continue
        try:
            entry = looking(os.path.join(place, name))
        except FileNotFoundError:
            return os.path.join(place, name, *reversed(parts))
        if stat.S_ISLNK(entry.mode):
            links += 1
            why = trusted.problem_with_link(entry)
            if why or links > MAX_LINKS:
                raise UnsafePathError(f"{shown(entry.path)}: {why or 'too many links'}")
            target = os.readlink(entry.path)
            parts += [part for part in reversed(target.split("/")) if part]
            place = "/" if target.startswith("/") else place
            continue
        _check(entry, trusted, above=above or bool(parts))
        place = entry.path
    return place


def make_directory(path: str) -> None:
    """Make a folder that only its owner can use, whatever the umask. Raises OSError."""
    os.mkdir(path, mode=0o700)
    os.chmod(path, 0o700)


def make_directories(path: str) -> None:
    """Make a folder, and each above it that is missing, for their owner alone. Raises OSError."""
    missing = []
    while not os.path.lexists(path):
        missing.append(path)
        path = os.path.dirname(path)
    for folder in reversed(missing):
        # Another run may have made it meanwhile.
        with suppress(FileExistsError):
            make_directory(folder)


def shown(path: str) -> str:
    """Return a path as a message has it: what cannot be printed could forge one."""
    return path if path.isprintable() else ascii(path)


def quoted(path: str) -> str:
    """Return a path as a shell takes it."""
    return quote(path) if path.isprintable() else ascii(path)


def user_name(number: int) -> str:
    """Return the name of a user, or else its number."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def group_name(number: int) -> str:
    """Return the name of a group, or else its number."""
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


@lru_cache(maxsize=64)
def is_private_group(group: int, user: int) -> bool:
    """Return whether a group is the one that a user has for itself, with nobody else in it."""
    try:
        account, named = pwd.getpwuid(user), grp.getgrgid(group)
    except KeyError:
        return False
    if (account.pw_gid, account.pw_name) != (group, named.gr_name) or not {account.pw_name}.issuperset(named.gr_mem):
        return False
    return all(other.pw_uid == user for other in pwd.getpwall() if other.pw_gid == group)


def _check(entry: Entry, trusted: Trust, *, above: bool) -> None:
    why = trusted.problem(entry, above=above)
    if why:
        raise UnsafePathError(f"{shown(entry.path)}: {why}")
