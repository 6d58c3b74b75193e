# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Whether a folder goes when the container goes in which this runs, or when the job does.

Rules
-----
- A false alarm on an ordinary machine is worse than a folder that nobody is warned of. So it has to be certain that
  this is a container: its root is made of layers, and an engine has left its mark. A file such as C(/.dockerenv) alone
  proves nothing, for machines are made from images as well, nor does a layered root, which systems on a stick have.
- What is written into the root goes with the container. So does what is written into a file system that was made for
  the container: its own memory, or layers over a folder of the host, which podman's option C(:O) makes.
- A folder of the host that is mounted stays, but for that of a job: AWX and ansible-navigator make one for each job,
  mount it as C(/runner), and delete it when the job has ended.
- In a pod of AWX nothing is mounted at C(/runner), which is then in the root.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from ._text import word

# Set by tests, and by nobody else: where to look for what is in the root otherwise.
ROOT = "IMAGESHARE_AWS_ROOT"
_LAYERED = ("overlay", "fuse.fuse-overlayfs", "aufs")
_IN_MEMORY = ("tmpfs", "ramfs")
_MARKERS = (".dockerenv", "run/.containerenv")
# What engines mount into each container, whatever it is for.
_MOUNTED_BY_ENGINES = frozenset({"/etc/hosts", "/etc/hostname", "/run/.containerenv"})
_OF_ENGINES = re.compile(r"docker|libpod|kubepods|containerd|crio|/containers/storage/")
# https://github.com/ansible/awx, JOB_FOLDER_PREFIX, and the private data directory of ansible-navigator.
_OF_JOBS = re.compile(r"/(?:awx_[0-9]+_|ansible-navigator_)[^/]*(?:/|$)")
_ESCAPED = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True)
class Surroundings:
    """Texts that tell where this runs.

    Args:
        mounts: Those of C(/proc/self/mountinfo); empty where there is no such file.
        cgroup: Those of C(/proc/self/cgroup).
        marked: Whether there is a file that engines put into containers.
    """

    mounts: str
    cgroup: str = ""
    marked: bool = False


@dataclass(frozen=True)
class _Mount:
    """A line of mountinfo: what of a file system is mounted where."""

    root: str
    point: str
    kind: str
    options: str


def what_is_lost(path: str, around: Surroundings) -> str | None:
    """Return what to tell of a folder that goes with a container or a job; None if it stays, or if nobody can tell.

    Args:
        path: Where it is, without links.
        around: Where this runs.
    """
    mounts = list(_mounts(around.mounts))
    root = next((mount for mount in reversed(mounts) if mount.point == "/"), None)
    if root is None or root.kind not in _LAYERED or not _is_of_engine(root, mounts, around):
        return None
    # Of several that are mounted at one place, the last is seen.
    mount = max(reversed(mounts), key=lambda one: (_holds(one.point, path), len(one.point)))
    if _OF_JOBS.search(mount.root):
        return (
            f"{word(path)} is lost when this job ends, because the folder of the job is deleted then. Copy it "
            "elsewhere in the same job, or mount a folder that stays"
        )
    if mount is root or (mount.root == "/" and mount.kind in (*_LAYERED, *_IN_MEMORY)):
        return (
            f"{word(path)} is lost when this container ends, because it is on no folder that is mounted there. Copy it "
            "elsewhere in the same job, or mount a folder that stays"
        )
    return None


def lost(path: str) -> str | None:
    """Return what to tell of a folder of this machine, likewise."""
    return what_is_lost(os.path.realpath(path), look(os.environ.get(ROOT, "/")))


def look(root: str) -> Surroundings:
    """Return where this runs. root: the folder in which to look."""
    marked = any(os.path.exists(os.path.join(root, name)) for name in _MARKERS)
    return Surroundings(
        _read(os.path.join(root, "proc/self/mountinfo")), _read(os.path.join(root, "proc/self/cgroup")), marked
    )


def _read(path: str) -> str:
    # As the kernel has it: a path may hold what is no UTF-8, or a carriage return.
    with suppress(OSError), open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
        return file.read()
    return ""


def _mounts(text: str) -> Iterator[_Mount]:
    # https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html
    # Other line breaks than this one are a part of a path.
    for line in text.split("\n"):
        before, separator, after = line.partition(" - ")
        of_mount, of_system = before.split(" "), after.split(" ")
        if separator and len(of_mount) >= 6 and len(of_system) >= 3:
            yield _Mount(_unescaped(of_mount[3]), _unescaped(of_mount[4]), of_system[0], of_system[2])


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 8)), text)


def _holds(point: str, path: str) -> bool:
    return point == "/" or path == point or path.startswith(f"{point}/")


def _is_of_engine(root: _Mount, mounts: list[_Mount], around: Surroundings) -> bool:
    return (
        around.marked
        or _OF_ENGINES.search(around.cgroup) is not None
        or _OF_ENGINES.search(root.options) is not None
        or not _MOUNTED_BY_ENGINES.isdisjoint(mount.point for mount in mounts)
    )
