# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which folders go with a container or a job, by the texts of machines and containers of all kinds."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._containers import Surroundings, look, lost, what_is_lost

# mountinfo, as far as it matters.
DISK = "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw"
PROC = "22 27 0:21 / /proc rw - proc proc rw"
DOCKER = (
    "612 519 0:52 / / rw,relatime - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/AB:"
    "/var/lib/docker/overlay2/l/CD,upperdir=/var/lib/docker/overlay2/ef/diff,workdir=/var/lib/docker/overlay2/ef/work"
)
PODMAN = (
    "88 76 0:51 / / rw,relatime - overlay overlay rw,lowerdir=/home/awx/.local/share/containers/storage/overlay/l/A"
)
ROOTLESS = "88 76 0:51 / / rw,nodev - fuse.fuse-overlayfs fuse-overlayfs rw,user_id=0"
POD = (
    "1201 1100 0:310 / / rw,relatime master:4 - overlay overlay rw,lowerdir=/var/lib/containerd/"
    "io.containerd.snapshotter.v1.overlayfs/snapshots/7/fs,upperdir=/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/8/fs"
)
STICK = "25 1 0:22 / / rw,noatime - overlay airootfs rw,lowerdir=/run/live/sfs,upperdir=/run/live/cow/upper"
HOSTS = "630 612 254:1 /var/lib/docker/containers/0a/hosts /etc/hosts rw,relatime - ext4 /dev/vda1 rw"
VOLUME = "640 612 254:1 /srv/backups /backups rw,relatime - ext4 /dev/vda1 rw"
BLANK = r"641 612 254:1 /srv/old\040ones /old\040ones rw,relatime - ext4 /dev/vda1 rw"
BREAKS = "641 612 254:1 /srv/odd /a\x85b\rc\u2028d rw,relatime - ext4 /dev/vda1 rw"
MEMORY = "641 612 0:60 / /tmp rw - tmpfs tmpfs rw,size=65536k"
HOST_MEMORY = "642 612 0:40 /out /out rw - tmpfs tmpfs rw"
LAYERS = "643 612 0:77 / /etc/pki rw - overlay overlay rw,lowerdir=/etc/pki,upperdir=/var/tmp/x/upper"
NESTED = "644 612 0:52 /workspace /workspace rw - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/AB"
AWX = "645 88 254:1 /tmp/awx_42_xiwm3e /runner rw,relatime - xfs /dev/mapper/root rw"
AWX_OWN_TMP = "645 88 254:9 /awx_42_xiwm3e /runner rw,relatime - xfs /dev/mapper/tmp rw"
NAVIGATOR = "646 88 254:1 /tmp/ansible-navigator_k3d/artifacts /runner/artifacts rw - ext4 /dev/sda2 rw"
PROJECT = "647 88 254:1 /home/me/project /home/me/project rw - ext4 /dev/sda2 rw"
RUNNER = "648 88 254:1 /srv/runner /runner rw - ext4 /dev/sda2 rw"

CONTAINER, JOB = "when this container ends", "when this job ends"


def mounts(*lines: str, cgroup: str = "0::/", marked: bool = False) -> Surroundings:
    return Surroundings("\n".join(lines) + "\n", cgroup, marked)


@pytest.mark.parametrize(
    ("around", "path", "said"),
    [
        pytest.param(Surroundings(""), "/srv", None, id="no Linux"),
        pytest.param(Surroundings("of another form"), "/srv", None, id="a mountinfo of another form"),
        pytest.param(mounts(DISK, PROC), "/srv", None, id="a machine"),
        pytest.param(mounts(DISK, MEMORY), "/tmp/x", None, id="memory of a machine"),
        pytest.param(mounts(DISK, marked=True), "/srv", None, id="a machine that was made from an image"),
        pytest.param(mounts(DISK, cgroup="0::/system.slice/docker.service"), "/srv", None, id="the engine itself"),
        pytest.param(mounts(STICK, PROC), "/srv", None, id="a system on a stick"),
        pytest.param(mounts(DOCKER, PROC), "/srv", CONTAINER, id="docker"),
        pytest.param(mounts(DOCKER, HOSTS, VOLUME), "/backups/2026", None, id="a volume"),
        pytest.param(mounts(DOCKER, HOSTS, VOLUME), "/backups", None, id="a volume itself"),
        pytest.param(mounts(DOCKER, HOSTS, VOLUME), "/backups-of-old", CONTAINER, id="beside a volume"),
        pytest.param(mounts(DOCKER, BLANK), "/old ones/2026", None, id="a volume with a blank"),
        pytest.param(
            mounts(DOCKER, BREAKS), "/a\x85b\rc\u2028d/2026", None, id="a volume with line breaks of other kinds"
        ),
        pytest.param(
            mounts(DOCKER, VOLUME, VOLUME.replace("/srv/backups", "/tmp/awx_42_xiwm3e")),
            "/backups",
            JOB,
            id="the last of two",
        ),
        pytest.param(mounts(DOCKER, MEMORY), "/tmp/x", CONTAINER, id="memory of the container"),
        pytest.param(mounts(DOCKER, HOST_MEMORY), "/out/x", None, id="memory of the host"),
        pytest.param(mounts(PODMAN, LAYERS), "/etc/pki/x", CONTAINER, id="layers over a folder of the host"),
        pytest.param(mounts(DOCKER, NESTED), "/workspace/x", None, id="a folder of a container around this one"),
        pytest.param(mounts(ROOTLESS, PROC), "/srv", None, id="layers, and no mark"),
        pytest.param(mounts(ROOTLESS, PROC, marked=True), "/srv", CONTAINER, id="rootless podman"),
        pytest.param(mounts(ROOTLESS, HOSTS), "/srv", CONTAINER, id="a file that engines mount"),
        pytest.param(mounts(ROOTLESS, cgroup="0::/kubepods/burstable/pod1"), "/srv", CONTAINER, id="a group of a pod"),
        pytest.param(mounts(POD, PROC), "/runner/project", CONTAINER, id="a pod of AWX"),
        pytest.param(mounts(PODMAN, AWX, marked=True), "/runner/project/x", JOB, id="an execution node of AWX"),
        pytest.param(
            mounts(PODMAN, AWX_OWN_TMP, marked=True), "/runner", JOB, id="an execution node with its own /tmp"
        ),
        pytest.param(mounts(PODMAN, AWX, VOLUME), "/backups", None, id="a path that AWX exposes to jobs"),
        pytest.param(mounts(PODMAN, NAVIGATOR), "/runner/artifacts/x", JOB, id="artifacts of ansible-navigator"),
        pytest.param(
            mounts(PODMAN, NAVIGATOR, PROJECT), "/home/me/project/x", None, id="a project in ansible-navigator"
        ),
        pytest.param(mounts(PODMAN, RUNNER), "/runner/project", None, id="a folder of ansible-runner that stays"),
        pytest.param(
            mounts(PODMAN, AWX, VOLUME.replace("/backups ", "/runner ")), "/runner", None, id="mounted over it"
        ),
    ],
)
def test_folder_is_lost(around: Surroundings, path: str, said: str | None) -> None:
    found = what_is_lost(path, around)
    assert (found is None) is (said is None), found
    if said is not None:
        assert said in str(found)
        assert str(found).startswith(f"{path} is lost ")


def test_texts_are_read_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert look(str(tmp_path)) == Surroundings("")
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "self" / "mountinfo").write_text(ROOTLESS, encoding="utf-8")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".containerenv").touch()
    assert look(str(tmp_path)) == Surroundings(ROOTLESS, "", True)

    monkeypatch.setenv("IMAGESHARE_AWS_ROOT", str(tmp_path))
    (tmp_path / "link").symlink_to(tmp_path)
    assert str(lost(str(tmp_path / "link" / "later"))).startswith(f"{tmp_path}/later is lost")


def test_a_path_is_found_whatever_bytes_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mountinfo = tmp_path / "proc" / "self" / "mountinfo"
    mountinfo.parent.mkdir(parents=True)
    folder = os.fsencode(tmp_path) + b"/old\xe9\r"
    mount = b"640 612 254:1 /srv " + folder + b" rw - ext4 /dev/vda1 rw\n"
    mountinfo.write_bytes(DOCKER.encode() + b"\n" + mount)
    monkeypatch.setenv("IMAGESHARE_AWS_ROOT", str(tmp_path))

    assert lost(os.fsdecode(folder) + "/2026") is None
    assert lost(f"{tmp_path}/old") is not None


def test_many_mounts_take_no_time() -> None:
    # A container that sees those of its host may have thousands.
    many = [f"{number} 612 254:1 /srv/{number} /mnt/{number} rw - ext4 /dev/vda1 rw" for number in range(20_000)]
    begin = time.process_time()
    assert what_is_lost("/mnt/19999/x", mounts(DOCKER, *many)) is None
    assert time.process_time() - begin < 5
