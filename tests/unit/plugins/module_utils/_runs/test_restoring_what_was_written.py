# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""After somebody else's overwriting, what runs wrote is put back, and so is a snapshot: what differs, and no more."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._iam.document import PolicyComparison, parse
from ansible_collections.imageshare.aws.plugins.module_utils._registry import EcrError, StoredPolicy
from ansible_collections.imageshare.aws.plugins.module_utils._runs.audit import run as audit
from ansible_collections.imageshare.aws.plugins.module_utils._runs.backups import (
    MANIFEST_NAME,
    Backup,
    BackupError,
    Manifest,
    file_name,
    manifest_to_text,
    to_text,
)
from ansible_collections.imageshare.aws.plugins.module_utils._runs.options import AuditRequest
from ansible_collections.imageshare.aws.plugins.module_utils._runs.restore import run as restore
from ansible_collections.imageshare.aws.plugins.module_utils._runs.share import run as share
from ansible_collections.imageshare.aws.tests.support import policies as generated
from ansible_collections.imageshare.aws.tests.support import policy_text
from ansible_collections.imageshare.aws.tests.support.builders import ACCOUNT, OTHER, grant, root
from ansible_collections.imageshare.aws.tests.support.in_memory import OWNER, InMemory
from ansible_collections.imageshare.aws.tests.support.laws import laws
from ansible_collections.imageshare.aws.tests.support.runs import allowing, only, rows, text_of, to_restore, to_share
from hypothesis import given
from hypothesis import strategies as st

allow = partial(allowing, sid="others", actions="ecr:*")
to_written = partial(to_restore, to="written")
FOUND = text_of(allow(root(ACCOUNT)))
WROTE = text_of(allow(root(ACCOUNT)), allow(root(OTHER), sid="new"))
LATER = text_of(allow(root(ACCOUNT)), allow(root(OTHER), sid="later"))
THEIRS = text_of(allow(root("999988887777"), sid="overwritten"))


def snapshot_of(registry: InMemory, folder: Path | str) -> str:
    """Save all policies of a registry, and return where."""
    asked = AuditRequest(
        repositories=("*",),
        missing_ok=False,
        concurrency=8,
        include_policy=False,
        principal=None,
        backup_dir=str(folder),
    )
    path = audit(asked, registry).backup_path
    assert path is not None
    return path


def kept(
    folder: Path,
    policies: dict[str, tuple[str | None, str | None]],
    *,
    hour: int = 12,
    ended: bool | None = True,
    failed: tuple[str, ...] = (),
    kind: str = "share",
) -> Path:
    """A directory as a run leaves it, with what it found and wrote. ended: None for one without a manifest."""
    time = f"2026-01-31T{hour:02}:00:00"
    place = {"partition": "aws", "registry_id": OWNER, "region": "us-east-1"}
    folder.mkdir(parents=True)
    for name, (policy, written) in policies.items():
        backup = Backup(kind="repository", name=name, time=f"{time}Z", policy=policy, written=written, **place)
        (folder / file_name("repository", name)).write_text(to_text(backup), encoding="utf-8")
    if ended is not None:
        number = len(policies) if ended else None
        about = Manifest(kind, time=f"{time}.000000Z", collection_version="1.0.0", repositories=number, **place)
        (folder / MANIFEST_NAME).write_text(manifest_to_text(replace(about, failed=failed)), encoding="utf-8")
    return folder


def equal(first: str | None, second: str | None) -> bool:
    return PolicyComparison("aws").equal(first and parse(first), second and parse(second))


# --- one run ---

# Of each: how its run ended (None where nobody knows), whether it failed for it, what the policy is now, and what
# becomes of it; None where it is refused.
STATES: dict[str, tuple[bool | None, bool, str | None, bool | None]] = {
    "as it was written": (True, False, WROTE, False),
    "as it was written, in another spelling": (True, False, WROTE.replace(root(ACCOUNT), ACCOUNT), False),
    "overwritten by somebody else": (True, False, THEIRS, True),
    "overwritten with what was there before": (True, False, FOUND, True),
    "deleted by somebody else": (True, False, None, True),
    "overwritten after a run that was killed": (False, False, THEIRS, True),
    "as it was written by a run that was killed": (False, False, WROTE, False),
    "as it was before a run that was killed": (False, False, FOUND, None),
    "as it was before a run that nobody knows of": (None, False, FOUND, None),
    "overwritten after a run that nobody knows of": (None, False, THEIRS, True),
    "of a run that failed for it": (True, True, FOUND, None),
    "overwritten after a run that failed for it": (True, True, THEIRS, None),
    "of a run that failed for it, and written since": (True, True, WROTE, False),
}


@pytest.mark.parametrize(("ended", "failed", "now", "restored"), STATES.values(), ids=STATES.keys())
@pytest.mark.parametrize("overwrite", [False, True], ids=["", "overwritten"])
def test_what_becomes_of_a_policy(
    ended: bool | None, failed: bool, now: str | None, restored: bool | None, overwrite: bool, tmp_path: Path
) -> None:
    folder = kept(tmp_path / "run", {"base": (FOUND, WROTE)}, ended=ended, failed=("base",) if failed else ())
    registry = InMemory({"base": now})
    asked = to_written(folder, overwrite=overwrite, diff=True)
    dry = restore(replace(asked, check_mode=True), InMemory({"base": now}))

    result = restore(asked, registry)

    assert result == dry
    row = only(result)
    changed = restored if restored is not None else overwrite
    assert row["changed"] is changed
    assert ("error" in row) == (restored is None and not overwrite)
    assert ("set overwrite; check mode and --diff" in row.get("error", "")) == ("error" in row)
    assert row.get("restored_from") == (str(folder / "base.json") if changed else None)
    assert equal(registry.policies["base"], WROTE if changed else now)
    assert only(restore(asked, InMemory({"base": WROTE})))["changed"] is False


def test_what_was_deleted_is_deleted_again(tmp_path: Path) -> None:
    registry = InMemory({"base": THEIRS})
    assert only(restore(to_written(kept(tmp_path / "run", {"base": (FOUND, None)})), registry))["changed"]
    assert registry.policies["base"] is None


def test_who_gets_in_again_is_warned_about(tmp_path: Path) -> None:
    folder = kept(tmp_path / "run", {"base": (FOUND, WROTE)})
    (warning,) = only(restore(to_written(folder), InMemory({"base": FOUND})))["warnings"]
    assert (warning["kind"], warning["certain"], warning["principals"]) == ("excess_access", True, [OTHER])


# --- several runs ---


def test_the_last_that_was_written_is_meant_of_each(tmp_path: Path) -> None:
    kept(tmp_path / "z-first", {"base": (FOUND, WROTE), "web": (FOUND, WROTE)}, hour=1)
    kept(tmp_path / "a-second", {"base": (WROTE, LATER)}, hour=2)
    registry = InMemory({"base": THEIRS, "web": THEIRS, "app": THEIRS})

    done = rows(restore(to_written(tmp_path), registry))

    assert {row["name"]: Path(row["restored_from"]).parent.name for row in done} == {
        "base": "a-second",
        "web": "z-first",
    }
    assert equal(registry.policies["base"], LATER)
    assert equal(registry.policies["web"], WROTE)
    assert equal(registry.policies["app"], THEIRS)


@pytest.mark.parametrize("now", [LATER, THEIRS, WROTE])
def test_what_a_run_failed_for_does_not_bring_back_what_an_earlier_one_wrote(tmp_path: Path, now: str) -> None:
    """The later run may have taken access away, and have written that before it failed."""
    kept(tmp_path / "first", {"base": (FOUND, WROTE)}, hour=1)
    kept(tmp_path / "second", {"base": (WROTE, LATER)}, hour=2, failed=("base",))
    registry = InMemory({"base": now})
    row = only(restore(to_written(tmp_path), registry))
    assert (row["changed"], "error" in row) == (False, now != LATER)
    assert equal(registry.policies["base"], now)


def test_two_of_the_same_second_are_told_apart_by_their_runs(tmp_path: Path) -> None:
    registry = InMemory({"base": FOUND})
    for account in ("111111111111", "222222222222", "333333333333"):
        assert share(to_share("base", grants=[grant(account)], backup_dir=tmp_path), registry).changed
    shared = registry.policies["base"]
    registry.policies["base"] = THEIRS
    assert only(restore(to_written(tmp_path), registry))["changed"]
    assert equal(registry.policies["base"], shared)


def test_two_that_nothing_tells_apart_are_refused(tmp_path: Path) -> None:
    kept(tmp_path / "one", {"base": (FOUND, WROTE)})
    kept(tmp_path / "two", {"base": (FOUND, LATER)})
    registry = InMemory({"base": THEIRS})
    with pytest.raises(BackupError, match=r"there are 2 backups of base from the same time, .*/one, .*/two\."):
        restore(to_written(tmp_path), registry)
    assert registry.written == []


def test_two_of_the_same_text_need_not_be_told_apart(tmp_path: Path) -> None:
    for name in ("one", "copy"):
        kept(tmp_path / name, {"base": (FOUND, WROTE)})
    assert only(restore(to_written(tmp_path), InMemory({"base": THEIRS})))["changed"]


def test_to_before_several_are_refused_all_the_same(tmp_path: Path) -> None:
    kept(tmp_path / "first", {"base": (FOUND, WROTE)}, hour=1)
    kept(tmp_path / "second", {"base": (WROTE, LATER)}, hour=2)
    with pytest.raises(BackupError, match=r"there are 2 backups of base\. Name the one"):
        restore(to_restore(tmp_path), InMemory({"base": LATER}))


# --- snapshots ---


@pytest.mark.parametrize("to", ["before", "written"])
def test_what_differs_from_a_snapshot_is_put_back_and_nothing_else(to: str, tmp_path: Path) -> None:
    policies = {"base": FOUND, "web": WROTE, "none": None, "app": LATER, "ml": None}
    registry = InMemory(policies)
    path = snapshot_of(registry, tmp_path)
    registry.policies |= {"base": THEIRS, "none": THEIRS, "app": None, "new": THEIRS}
    registry.journal.clear()

    result = restore(to_restore(path, to=to), registry)

    assert (result.failures, result.notes) == ((), ())
    assert {row["name"] for row in rows(result) if row["changed"]} == {"base", "none", "app"}
    assert {call[1] for call in registry.written} == {"base", "none", "app"}
    assert all(equal(registry.policies[name], text) for name, text in policies.items())
    assert registry.policies["new"] == THEIRS


def test_a_run_and_a_snapshot_together_mend_all(tmp_path: Path) -> None:
    """A run saves what it changes alone, so what it found as it should be takes a snapshot."""
    registry = InMemory({"base": FOUND, "web": None, "none": None})
    snapshot_of(registry, tmp_path)
    share(to_share("web", backup_dir=tmp_path), registry)
    healthy = dict(registry.policies)
    registry.policies |= {"base": THEIRS, "web": THEIRS}

    result = restore(to_written(tmp_path), registry)

    changed = {row["name"]: row["changed"] for row in rows(result)}
    assert changed == {"base": True, "web": True, "none": False}
    assert all(equal(registry.policies[name], text) for name, text in healthy.items())
    assert result.notes == ()


def test_a_snapshot_that_may_be_of_the_damage_is_warned_about(tmp_path: Path) -> None:
    registry = InMemory({"base": FOUND, "web": FOUND})
    run_of = share(to_share("base", "web", backup_dir=tmp_path), registry).backup_path
    shared = registry.policies["base"]
    registry.policies["base"] = THEIRS
    snapshot_of(registry, tmp_path)

    result = restore(to_written(tmp_path), registry)
    assert not result.changed
    (warning,) = result.notes
    assert warning.startswith("The latest backup of base is a snapshot of another policy than the one")

    named = restore(to_written(run_of), registry)
    assert ([row["changed"] for row in rows(named)], named.notes) == ([True, False], ())
    assert equal(registry.policies["base"], shared)


def test_a_snapshot_of_which_a_part_is_missing_says_so_and_mends_the_rest(tmp_path: Path) -> None:
    class Unreadable(InMemory):
        def read(self, name: str) -> StoredPolicy:
            if name == "web":
                raise EcrError("AccessDeniedException")
            return super().read(name)

    path = snapshot_of(Unreadable({"base": FOUND, "web": FOUND}), tmp_path)
    registry = InMemory({"base": THEIRS, "web": THEIRS})
    result = restore(to_restore(path), registry)
    assert [row["name"] for row in rows(result)] == ["base"]
    (warning,) = result.notes
    assert warning == (
        f"A backup may not be whole, and what it lacks is left as it is: {path}: its run failed for web."
    )
    assert registry.policies["web"] == THEIRS


def test_a_directory_without_a_manifest_is_told_and_a_file_by_itself_is_not(tmp_path: Path) -> None:
    folder = kept(tmp_path / "run", {"base": (FOUND, WROTE)}, ended=None)
    result = restore(to_restore(folder), InMemory({"base": WROTE}))
    assert only(result)["changed"]
    assert [f"{folder}: it has no manifest.json" in warning for warning in result.warnings] == [True]
    assert restore(to_restore(folder / "base.json"), InMemory({"base": WROTE})).warnings == ()


# --- laws ---


@st.composite
def stored_texts(draw: st.DrawFn) -> str | None:
    """A policy that AWS takes, as it stores it; or none."""
    kinds = generated.managed_statements("aws"), generated.unmanaged_statements("aws")
    found = {"Version": "2012-10-17", "Statement": draw(st.lists(st.one_of(kinds), max_size=4))}
    try:
        return policy_text.accept(json.dumps(found), "aws", policy_text.is_unique_id, force=True)
    except policy_text.PolicyRefused:
        return None


registries = st.lists(stored_texts(), min_size=1, max_size=4).map(
    lambda texts: {f"r{number}": text for number, text in enumerate(texts)}
)


@laws(60)
@given(registries, generated.grants("aws"), st.data())
def test_whatever_is_overwritten_after_runs_and_a_snapshot_one_restore_mends_it_and_touches_nothing_else(
    policies: dict[str, str | None], drawn: Any, data: st.DataObject
) -> None:
    registry = InMemory(policies)
    everyone = {"force_set_policy": True}
    granted = grant(generated.principal_of(drawn), drawn.get("access") or ["pull"])
    with TemporaryDirectory() as folder:
        snapshot_of(registry, folder)
        chosen = data.draw(st.lists(st.sampled_from(sorted(policies)), min_size=1, unique=True))
        share(to_share(*chosen, grants=(granted,), backup_dir=folder, **everyone), registry)
        # What AWS refuses, such as what is too long, was not shared.
        healthy = dict(registry.policies)
        overwritten = data.draw(st.dictionaries(st.sampled_from(sorted(policies)), stored_texts()))
        registry.policies |= overwritten
        broken = {name for name, text in overwritten.items() if not equal(text, healthy[name])}
        registry.journal.clear()

        asked = to_written(folder, **everyone)
        foretold = restore(replace(asked, check_mode=True), InMemory(registry.policies))
        mended = restore(asked, registry)

        assert {row["name"] for row in rows(foretold) if row["changed"]} == broken
        assert (mended.failures, mended.notes) == ((), ())
        assert {row["name"] for row in rows(mended) if row["changed"]} == broken
        assert {call[1] for call in registry.written} == broken
        assert all(equal(registry.policies[name], text) for name, text in healthy.items())
        assert not restore(asked, registry).changed
