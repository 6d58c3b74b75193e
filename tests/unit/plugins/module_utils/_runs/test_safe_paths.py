# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which paths nobody else can change: by owner, permissions and place, and by links on the way."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._runs import safe_paths
from ansible_collections.imageshare.aws.plugins.module_utils._runs.safe_paths import (
    ROOT,
    Entry,
    Trust,
    UnsafePathError,
    is_private_group,
    look,
    make_directories,
    resolve,
)

ME, OTHER = 1000, 1001
OWN_GROUP, STAFF = 1000, 50
TRUST = Trust(ME, lambda group, user: (group, user) == (OWN_GROUP, ME))
FILE, FOLDER, LINK = stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK

# Of each: owner, group, type and mode, and the words of the problem, first by itself and then above another.
MODES: dict[str, tuple[int, int, int, str | None, str | None]] = {
    "my own": (ME, STAFF, FOLDER | 0o700, None, None),
    "my own, that all may read": (ME, STAFF, FOLDER | 0o755, None, None),
    "my file": (ME, STAFF, FILE | 0o600, None, None),
    "root's": (ROOT, ROOT, FOLDER | 0o755, None, None),
    "another's": (OTHER, STAFF, FOLDER | 0o700, "chown", "chown"),
    "another's sticky": (OTHER, STAFF, FOLDER | 0o1777, "chown", "chown"),
    "another's file": (OTHER, STAFF, FILE | 0o400, "chown", "chown"),
    "a group's": (ME, STAFF, FOLDER | 0o770, "chmod g-w", "chmod g-w"),
    "a group's file": (ME, STAFF, FILE | 0o660, "chmod g-w", "chmod g-w"),
    "my own group's": (ME, OWN_GROUP, FOLDER | 0o775, None, None),
    "my own group's file": (ME, OWN_GROUP, FILE | 0o664, None, None),
    "my group's, but root's": (ROOT, OWN_GROUP, FOLDER | 0o775, "chmod g-w", "chmod g-w"),
    "everybody's": (ME, OWN_GROUP, FOLDER | 0o777, "chmod o-w", "chmod o-w"),
    "everybody's file": (ROOT, STAFF, FILE | 0o666, "chmod go-w", "chmod go-w"),
    "a sticky file": (ROOT, STAFF, FILE | 0o1666, "chmod go-w", "chmod go-w"),
    "root's sticky": (ROOT, ROOT, FOLDER | 0o1777, "chmod go-w", None),
    "my sticky": (ME, STAFF, FOLDER | 0o1770, "chmod g-w", None),
}


@pytest.mark.parametrize(("owner", "group", "mode", "itself", "above"), MODES.values(), ids=MODES.keys())
def test_who_else_can_change_what(owner: int, group: int, mode: int, itself: str | None, above: str | None) -> None:
    entry = Entry("/srv/back ups", mode, owner, group)
    for words, told in ((itself, TRUST.problem(entry)), (above, TRUST.problem(entry, above=True))):
        assert (words is None) == (told is None)
        assert (words or "") in (told or "")
        assert told is None or told.endswith("'/srv/back ups'")


def test_what_a_private_group_may_do_is_said_by_an_access_control_list() -> None:
    entry = Entry("/srv/b", FOLDER | 0o770, ME, OWN_GROUP)
    assert TRUST.problem(entry) is None
    told = TRUST.problem(replace(entry, has_acl=True))
    assert "somebody in its access control list may write it" in str(told)
    assert TRUST.problem(replace(entry, has_acl=True, mode=FOLDER | 0o750)) is None


def test_an_access_control_list_is_seen(tmp_path: os.PathLike[str], monkeypatch: pytest.MonkeyPatch) -> None:
    # Few file systems of a test have any.
    assert not look(os.fspath(tmp_path)).has_acl
    monkeypatch.setattr(os, "getxattr", lambda _path, name, follow_symlinks: name.encode())
    assert look(os.fspath(tmp_path)).has_acl


def test_a_problem_tells_the_mode() -> None:
    assert "(mode 1777)" in str(TRUST.problem(Entry("/tmp", FOLDER | 0o1777, ROOT, ROOT)))


class Disk:
    """What is at paths: folders that are root's, unless something else is said of them."""

    def __init__(self, entries: Mapping[str, tuple[int, int]]) -> None:
        self._entries = entries

    def look(self, path: str) -> Entry:
        if path.endswith("/missing"):
            raise FileNotFoundError(path)
        owner, mode = self._entries.get(path, (ROOT, FOLDER | 0o755))
        return Entry(path, mode, owner, STAFF)


PLACES: dict[str, tuple[str, dict[str, tuple[int, int]], str | None]] = {
    "all of it is root's or mine": ("/home/me/backups", {"/home/me": (ME, FOLDER | 0o700)}, None),
    "below a sticky folder": ("/tmp/mine", {"/tmp": (ROOT, FOLDER | 0o1777), "/tmp/mine": (ME, FOLDER | 0o700)}, None),
    "to be made": ("/tmp/missing", {"/tmp": (ROOT, FOLDER | 0o1777)}, None),
    "a sticky folder": ("/tmp", {"/tmp": (ROOT, FOLDER | 0o1777)}, "/tmp: "),
    "above that is another's": ("/home/you/b/c", {"/home/you": (OTHER, FOLDER | 0o755)}, "/home/you: "),
    "above that is everybody's": ("/srv/b", {"/srv": (ROOT, FOLDER | 0o777)}, "/srv: "),
    "the root folder is everybody's": ("/srv", {"/": (ROOT, FOLDER | 0o777)}, "/: "),
    "nearest that exists is everybody's": ("/srv/missing/x", {"/srv": (ROOT, FOLDER | 0o777)}, "/srv: "),
    "a link of another": ("/tmp/link", {"/tmp/link": (OTHER, LINK | 0o777)}, "/tmp/link: it is a link"),
}


@pytest.mark.parametrize(("path", "entries", "problem"), PLACES.values(), ids=PLACES.keys())
def test_no_part_of_a_path_may_be_changed_by_others(
    path: str, entries: dict[str, tuple[int, int]], problem: str | None
) -> None:
    if problem is None:
        assert resolve(path, TRUST, looking=Disk(entries).look) == path
    else:
        with pytest.raises(UnsafePathError, match=f"^{problem}"):
            resolve(path, TRUST, looking=Disk(entries).look)


def test_what_will_have_a_folder_of_its_own_may_be_sticky() -> None:
    assert resolve("/tmp", TRUST, above=True, looking=Disk({"/tmp": (ROOT, FOLDER | 0o1777)}).look) == "/tmp"


LINKS = {
    "to an absolute path": ({"/var/run": "/run"}, "/var/run/backups", "/run/backups"),
    "to a relative path": ({"/tmp": "private/tmp"}, "/tmp/backups", "/private/tmp/backups"),
    "to another place": ({"/a/b": "../c/./d"}, "/a/b/e", "/c/d/e"),
    "to a link": ({"/a": "b", "/b": "/c"}, "/a/x", "/c/x"),
}


@pytest.mark.parametrize(("links", "path", "place"), LINKS.values(), ids=LINKS.keys())
@pytest.mark.parametrize("owner", [ROOT, ME])
def test_a_link_that_root_or_the_user_made_is_followed_and_where_it_leads_is_checked(
    links: dict[str, str], path: str, place: str, owner: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "readlink", lambda link: links[link])
    entries = dict.fromkeys(links, (owner, LINK | 0o777))
    assert resolve(path, TRUST, looking=Disk(entries).look) == place
    with pytest.raises(UnsafePathError, match=f"^{place}: it belongs to"):
        resolve(path, TRUST, looking=Disk({**entries, place: (OTHER, FOLDER | 0o700)}).look)


def test_links_in_a_circle_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "readlink", lambda _link: "/a")
    with pytest.raises(UnsafePathError, match="too many links"):
        resolve("/a", TRUST, looking=Disk({"/a": (ROOT, LINK | 0o777)}).look)


ME_ACCOUNT = SimpleNamespace(pw_name="me", pw_uid=ME, pw_gid=OWN_GROUP)
YOU_ACCOUNT = SimpleNamespace(pw_name="you", pw_uid=OTHER, pw_gid=OTHER)
GROUPS = {
    "with nobody listed": (OWN_GROUP, "me", [], [YOU_ACCOUNT], True),
    "with its user listed": (OWN_GROUP, "me", ["me"], [], True),
    "with somebody else listed": (OWN_GROUP, "me", ["me", "you"], [], False),
    "that somebody else has as well": (
        OWN_GROUP,
        "me",
        [],
        [SimpleNamespace(pw_name="you", pw_uid=OTHER, pw_gid=OWN_GROUP)],
        False,
    ),
    "that is not the user's first": (STAFF, "me", [], [], False),
    "of a directory service, which lists nobody": (OWN_GROUP, "domain users", [], [], False),
}


@pytest.mark.parametrize(("group", "name", "members", "others", "private"), GROUPS.values(), ids=GROUPS.keys())
def test_a_group_with_nobody_else_in_it_is_private(
    group: int,
    name: str,
    members: list[str],
    others: list[SimpleNamespace],
    private: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pwd, "getpwuid", lambda _user: ME_ACCOUNT)
    monkeypatch.setattr(pwd, "getpwall", lambda: [ME_ACCOUNT, *others])
    monkeypatch.setattr(grp, "getgrgid", lambda _group: SimpleNamespace(gr_name=name, gr_mem=members))
    assert is_private_group.__wrapped__(group, ME) is private


def test_a_group_or_user_without_a_name_is_not_private() -> None:
    assert is_private_group.__wrapped__(3_999_999_999, 3_999_999_999) is False
    assert safe_paths.user_name(3_999_999_999) == safe_paths.group_name(3_999_999_999) == "3999999999"


def test_a_folder_that_another_run_makes_meanwhile_will_do(
    tmp_path: os.PathLike[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make = os.mkdir

    def twice(path: str, mode: int) -> None:
        make(path, mode)
        make(path, mode)

    monkeypatch.setattr(os, "mkdir", twice)
    make_directories(os.path.join(tmp_path, "a", "b"))
    assert os.path.isdir(os.path.join(tmp_path, "a", "b"))
