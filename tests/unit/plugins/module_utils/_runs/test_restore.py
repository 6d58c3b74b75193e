# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policies are saved before they are replaced, and put back where nobody has changed them since."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._iam.document import PolicyComparison, parse
from ansible_collections.imageshare.aws.plugins.module_utils._registry import EcrError, StoredPolicy
from ansible_collections.imageshare.aws.plugins.module_utils._runs.backup_reader import find
from ansible_collections.imageshare.aws.plugins.module_utils._runs.backups import (
    MANIFEST_NAME,
    Backup,
    BackupError,
    Manifest,
    manifest_to_text,
    to_text,
)
from ansible_collections.imageshare.aws.plugins.module_utils._runs.restore import run
from ansible_collections.imageshare.aws.plugins.module_utils._runs.share import run as share
from ansible_collections.imageshare.aws.tests.support import policies as generated
from ansible_collections.imageshare.aws.tests.support import policy_text
from ansible_collections.imageshare.aws.tests.support.builders import ACCOUNT, DELETED_ROLE, OTHER, grant, root
from ansible_collections.imageshare.aws.tests.support.in_memory import OWNER, InMemory, Vanishing, Verbatim
from ansible_collections.imageshare.aws.tests.support.laws import laws
from ansible_collections.imageshare.aws.tests.support.runs import allowing, only, rows, text_of, to_restore, to_share
from hypothesis import given
from hypothesis import strategies as st

ROLE = f"arn:aws:iam::{OTHER}:role/ci"
_PULL = ("ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage", "ecr:BatchCheckLayerAvailability")
TIME = "2026-01-31T12:00:00Z"


allow = partial(allowing, sid="others", actions="ecr:*")

equal = PolicyComparison("aws").equal
BEFORE, AFTER = text_of(allow(root(ACCOUNT))), text_of(allow(root(ACCOUNT)), allow(root(OTHER), sid="new"))
THEIRS = text_of(allow(root(ACCOUNT)), allow(root(OTHER), sid="new"), allow(ROLE, sid="theirs"))


def saved(
    folder: Path, repository: str = "base", policy: str | None = BEFORE, written: str | None = AFTER, **members: str
) -> Path:
    """A file with a backup, in a folder that is made."""
    place = {"partition": "aws", "registry_id": OWNER, "region": "us-east-1", "time": TIME, **members}
    folder.mkdir(exist_ok=True, parents=True)
    file = folder / f"{repository.replace('/', '-')}-{place['registry_id']}-{place['region']}.json"
    file.write_text(
        to_text(Backup(kind="repository", name=repository, policy=policy, written=written, **place)), encoding="utf-8"
    )
    return file


def manifest(folder: Path, number: int | None = 1, *failed: str, **members: str) -> None:
    """The manifest of a run, which comes to its end if it has a number of repositories."""
    about = {"kind": "share", "partition": "aws", "registry_id": OWNER, "region": "us-east-1", **members}
    about = {"time": "2026-01-31T12:00:00.000000Z", "collection_version": "1.0.0", **about}
    text = manifest_to_text(Manifest(**about, repositories=number, failed=failed))
    (folder / MANIFEST_NAME).write_text(text, encoding="utf-8")


# --- saving before writing ---


def test_the_policy_is_saved_as_it_was_read_before_it_is_replaced(tmp_path: Path) -> None:
    class Watched(InMemory):
        """Tells what was read before the write, and what there was in backups by then."""

        def read(self, name: str) -> StoredPolicy:
            self.last = super().read(name)
            return self.last

        def write(self, name: str, text: str, *, force: bool, patient: bool) -> str:
            self.shown = self.last
            self.seen = {found.backup.name: found.backup for found in find(str(tmp_path))}
            return super().write(name, text, force=force, patient=patient)

    registry = Watched({"base": BEFORE})

    result = share(to_share("base", backup_dir=tmp_path), registry)

    backup = registry.seen["base"]
    assert (backup.policy, backup.written) == (registry.shown.text, registry.sent["base"])
    assert (backup.partition, backup.registry_id, backup.region) == ("aws", OWNER, "us-east-1")
    assert Path(result.backup_path or "").parent == tmp_path


def test_that_there_was_none_is_saved_and_that_there_will_be_none(tmp_path: Path) -> None:
    registry = InMemory({"base": None})
    share(to_share("base", backup_dir=tmp_path / "first"), registry)
    share(to_share("base", sharing=False, backup_dir=tmp_path / "second"), registry)
    (first,), (second,) = find(str(tmp_path / "first")), find(str(tmp_path / "second"))
    assert (first.backup.policy, first.backup.written) == (None, registry.sent["base"])
    assert second.backup.written is None
    assert equal(parse(second.backup.policy or ""), parse(registry.sent["base"]))


UNWRITTEN: dict[str, tuple[str | None, dict[str, Any]]] = {
    "in check mode": (BEFORE, {"check_mode": True}),
    "where nothing changes": (None, {"sharing": False}),
    "of a policy that would be too long": (text_of(allow(root(ACCOUNT), sid="x" * 10_000)), {}),
}


@pytest.mark.parametrize(("text", "changes"), UNWRITTEN.values(), ids=UNWRITTEN.keys())
def test_nothing_is_saved(text: str | None, changes: dict[str, Any], tmp_path: Path) -> None:
    registry = InMemory({"base": text})
    assert share(to_share("base", backup_dir=tmp_path / "backups", **changes), registry).backup_path is None
    assert list(tmp_path.iterdir()) == []
    assert ("owner",) not in registry.journal


def test_what_chooses_nothing_from_the_backups_of_a_registry_is_warned_about(tmp_path: Path) -> None:
    saved(tmp_path)

    def warned(*repositories: str, **changes: Any) -> list[int]:
        found = run(to_restore(tmp_path, repositories=repositories, **changes), InMemory({"base": AFTER}))
        return [len(row["warnings"]) for row in rows(found)]

    assert warned("bsae", "x*", missing_ok=True) == [1, 1]
    assert warned("base", "bsae", "x*", missing_ok=True) == [0, 0, 0]
    assert warned("bsae") == [0]


def test_what_cannot_be_saved_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    registry = InMemory({"base": BEFORE, "web": None})
    result = share(to_share("base", "web", backup_dir=tmp_path / "file"), registry)
    assert [row["error"].split(":")[0] for row in rows(result)] == ["base", "web"]
    assert all("could not save a backup of its policy" in row["error"] for row in rows(result))
    assert (registry.written, result.changed, result.backup_path) == ([], False, None)


def test_whose_the_registry_is_is_asked_only_where_no_answer_says_it(tmp_path: Path) -> None:
    registry = InMemory({"base": BEFORE})
    share(to_share("base", backup_dir=tmp_path), registry)
    assert ("owner",) not in registry.journal
    registry.policies["web"] = None
    share(to_share("web", backup_dir=None), registry)
    assert ("owner",) not in registry.journal
    registry.policies["web"] = None
    share(to_share("web", backup_dir=tmp_path), registry)
    assert registry.journal.count(("owner",)) == 1


def test_without_an_owner_a_repository_without_a_policy_fails(tmp_path: Path) -> None:
    class Unknown(InMemory):
        def owner(self) -> str:
            raise EcrError("could not determine the registry ID. Set registry_id")

    registry = Unknown({"base": BEFORE, "web": None})
    result = share(to_share("base", "web", backup_dir=tmp_path), registry)
    assert [row["changed"] for row in rows(result)] == [True, False]
    assert rows(result)[1]["error"].endswith("Set registry_id")
    assert registry.policies["web"] is None


# --- what becomes of a policy ---

# Of each: what is there now, what was backed up, what was written then, and whether it is put back.
STATES: dict[str, tuple[str | None, str | None, str | None, bool | None]] = {
    "as it was written": (AFTER, BEFORE, AFTER, True),
    "as it was written, in another spelling": (AFTER.replace(root(ACCOUNT), ACCOUNT), BEFORE, AFTER, True),
    "first policy": (AFTER, None, AFTER, True),
    "policy that was deleted": (None, BEFORE, None, True),
    "never written": (BEFORE, BEFORE, AFTER, False),
    "never written, in another spelling": (BEFORE.replace(root(ACCOUNT), ACCOUNT), BEFORE, AFTER, False),
    "first policy that was never written": (None, None, AFTER, False),
    "policy that was never deleted": (BEFORE, BEFORE, None, False),
    "changed since": (THEIRS, BEFORE, AFTER, None),
    "changed since, from none": (THEIRS, None, AFTER, None),
    "made since it was deleted": (THEIRS, BEFORE, None, None),
    "deleted since": (None, BEFORE, AFTER, None),
}


@pytest.mark.parametrize(("now", "before", "written", "restored"), STATES.values(), ids=STATES.keys())
@pytest.mark.parametrize("overwrite", [False, True], ids=["", "overwritten"])
def test_what_becomes_of_a_policy(
    now: str | None, before: str | None, written: str | None, restored: bool | None, overwrite: bool, tmp_path: Path
) -> None:
    saved(tmp_path, policy=before, written=written)
    registry = InMemory({"base": now})
    dry = run(to_restore(tmp_path, overwrite=overwrite, check_mode=True, diff=True), InMemory({"base": now}))

    result = run(to_restore(tmp_path, overwrite=overwrite, diff=True), registry)

    assert result == dry
    row = only(result)
    changed = restored if restored is not None else overwrite
    assert row["changed"] is changed
    assert ("error" in row) == (restored is None and not overwrite)
    if changed:
        assert registry.sent.get("base") == before
        assert row["policy"] == (before and json.loads(before))
        written = "write" if before else "delete"
        assert [call[0] for call in registry.journal] == ["owner", "of", "read", written, "pause", "read"]
        assert (registry.policies["base"] is None) == (before is None)
        assert result.results[0].diff
    else:
        assert registry.written == []
        assert registry.policies["base"] == now
        assert result.results[0].diff is None


DIFFERENCES: dict[str, tuple[str | None, str]] = {
    "a statement more": (THEIRS, 'it was changed (new: statement "theirs") after'),
    "a statement less": (BEFORE, 'it was changed (gone: statement "new") after'),
    "another principal": (
        AFTER.replace(ACCOUNT, "777788889999"),
        'it was changed (different: statement "others") after',
    ),
    "a principal that was deleted": (AFTER.replace(root(OTHER), DELETED_ROLE), '(different: statement "new") after'),
    "another version": (AFTER.replace("2008-10-17", "2012-10-17"), "it was changed (its Version or Id) after"),
    "the same statement twice": (
        text_of(allow(root(ACCOUNT)), allow(root(OTHER), sid="new"), allow(root(OTHER), sid="new")),
        'it was changed (new: statement "new") after',
    ),
    "a statement without a name": (
        text_of(allow(root(ACCOUNT)), allow(root(OTHER), sid="new"), {**allow(ROLE), "Sid": None}),
        "it was changed (new: statement 3) after",
    ),
    "nothing any more": (None, "it was deleted after"),
}


@pytest.mark.parametrize(("now", "said"), DIFFERENCES.values(), ids=DIFFERENCES.keys())
def test_a_refusal_says_what_differs_and_what_to_do(now: str | None, said: str, tmp_path: Path) -> None:
    # A policy that never was: what is there now is neither of the two.
    saved(tmp_path, policy=text_of(allow(ROLE)))
    error = only(run(to_restore(tmp_path), Verbatim({"base": now})))["error"]
    assert error.startswith("base: policy not changed: ")
    assert [words for words in (said, TIME, "Restore later runs first", "overwrite") if words not in error] == []


def test_the_text_goes_back_as_it_was_read_or_without_white_space_if_that_is_too_long(tmp_path: Path) -> None:
    short = policy_text.pretty(json.loads(BEFORE))
    long = policy_text.pretty(json.loads(text_of(*(allow(root(f"{n:012}"), sid=f"s{n}") for n in range(75)))))
    assert len(long) > 10_240
    for name, text in {"short": short, "long": long}.items():
        saved(tmp_path, name, policy=text)
    registry = InMemory({"short": AFTER, "long": AFTER})

    assert run(to_restore(tmp_path), registry).failures == ()

    assert registry.sent["short"] == short
    assert json.loads(registry.sent["long"]) == json.loads(long)


# Of each: the policy that was backed up, who does not exist, and what the error says.
REFUSALS: dict[str, tuple[str, frozenset[str], str]] = {
    "a role that was deleted since": (
        text_of(allow(root(ACCOUNT), ROLE)),
        frozenset({ROLE}),
        f"Check that each of these principals exists, and that the region is enabled for it: {ROLE}.",
    ),
    "one that is in the policy now": (BEFORE, frozenset({root(ACCOUNT)}), "None of the principals is new here"),
    "one that had been deleted before": (
        text_of(allow(root(ACCOUNT), DELETED_ROLE)),
        frozenset(),
        f"AWS refuses: {DELETED_ROLE}.",
    ),
}


@pytest.mark.parametrize(("text", "missing", "said"), REFUSALS.values(), ids=REFUSALS.keys())
def test_a_policy_that_aws_refuses_names_the_suspects(
    text: str, missing: frozenset[str], said: str, tmp_path: Path
) -> None:
    file = saved(tmp_path, policy=text)
    registry = InMemory({"base": AFTER}, missing)
    error = only(run(to_restore(tmp_path), registry))["error"]
    assert said in error
    assert (f"Remove them from a copy of {file}" in error) == (DELETED_ROLE in text)
    assert registry.written == [("write", "base", {"force": False, "patient": False})]
    assert registry.policies["base"] == AFTER


def test_rows_tell_who_is_gone_of_managed_statements(tmp_path: Path) -> None:
    registry = InMemory({"base": text_of(allow(ROLE, sid="theirs"))})
    shared = share(to_share("base", backup_dir=tmp_path), registry)
    row = only(run(to_restore(tmp_path), registry))
    assert (row["revoked"], row["granted"]) == (rows(shared)[0]["granted"], [])


def test_rows_tell_who_is_back_and_who_is_gone_whoever_has_written_the_statements(tmp_path: Path) -> None:
    """After somebody has overwritten a policy, the first thing to know is who loses what."""
    intruder = {"Sid": "mine", "Effect": "Allow", "Principal": {"AWS": root(OTHER)}, "Action": "ecr:*"}
    described = {**allow(root(ACCOUNT)), "Action": [*_PULL, "ecr:DescribeImages"]}
    saved(tmp_path, policy=text_of(described), written=text_of(described))
    row = only(run(to_restore(tmp_path, overwrite=True), InMemory({"base": text_of(intruder)})))
    assert row["granted"] == [{"principal": ACCOUNT, "access": ["pull"], "lambda_regions": []}]
    assert row["revoked"] == [{"principal": OTHER, "access": ["pull", "push", "describe"], "lambda_regions": []}]
    assert row["revoked_actions"] == [{"principal": OTHER, "actions": ["ecr:*"]}]


def test_rows_tell_nothing_of_whoever_keeps_what_it_had_by_another_statement(tmp_path: Path) -> None:
    saved(tmp_path, policy=BEFORE, written=AFTER)
    row = only(run(to_restore(tmp_path), InMemory({"base": AFTER})))
    assert [change["principal"] for change in row["revoked"]] == [OTHER]
    assert row["granted"] == []


def test_a_policy_that_is_open_to_everyone_is_warned_about(tmp_path: Path) -> None:
    saved(tmp_path, policy=text_of({**allow(), "Principal": "*"}))
    (warning,) = only(run(to_restore(tmp_path), InMemory({"base": AFTER})))["warnings"]
    assert warning["kind"] == "public"


def test_restoring_saves_as_well_so_that_it_can_be_undone(tmp_path: Path) -> None:
    saved(tmp_path / "first")
    registry = InMemory({"base": THEIRS})
    asked = to_restore(tmp_path / "first", overwrite=True, backup_dir=str(tmp_path / "second"))
    backup = run(asked, registry).backup_path
    assert only(run(to_restore(backup), registry))["changed"]
    assert equal(parse(registry.policies["base"] or ""), parse(THEIRS))


def test_force_is_handed_on(tmp_path: Path) -> None:
    saved(tmp_path)
    registry = InMemory({"base": AFTER})
    run(to_restore(tmp_path, force_set_policy=True), registry)
    assert registry.written == [("write", "base", {"force": True, "patient": False})]


# --- which backups ---


def test_names_and_patterns_choose_among_the_backups(tmp_path: Path) -> None:
    for name in ("base/go", "base/python", "web"):
        saved(tmp_path, name)
    registry = InMemory(dict.fromkeys(["base/go", "base/python", "web", "app"], AFTER))

    def found(*repositories: str, **changes: Any) -> list[tuple[str, str]]:
        result = run(to_restore(tmp_path, check_mode=True, repositories=repositories, **changes), registry)
        return [(row["name"], row.get("error", row.get("missing", row["changed"]))) for row in rows(result)]

    assert found("*") == [("base/go", True), ("base/python", True), ("web", True)]
    assert found("web", "base/*") == [("web", True), ("base/go", True), ("base/python", True)]
    assert found("app", "x*", "web") == [
        ("web", True),
        ("app", "there is no backup of app"),
        ("x*", 'no repository in the backup matches "x*"'),
    ]
    del registry.policies["web"]
    assert found("web", "app", "x*", missing_ok=True) == [("web", True), ("app", True), ("x*", True)]
    assert "does not exist" in found("web")[0][1]


def test_backups_of_other_regions_are_skipped_and_counted(tmp_path: Path) -> None:
    saved(tmp_path / "here")
    manifest(tmp_path / "here")
    for name in ("base", "web"):
        saved(tmp_path / "there", name, region="eu-west-1")
    registry = InMemory({"base": AFTER, "web": AFTER})
    restored = run(to_restore(tmp_path), registry)
    assert [row["name"] for row in rows(restored)] == ["base"]
    assert dict(restored.skipped_backups) == {(OWNER, "eu-west-1"): 2}
    # That there are some is normal.
    assert restored.warnings == ()
    assert restored.to_dict(diff=False, include_policy=False)["skipped_backups"] == [
        {"registry_id": OWNER, "region": "eu-west-1", "backups": 2}
    ]


# Of each: the registries of the backups, the one that is asked for, the one that is taken, and whether AWS is asked.
REGISTRIES: dict[str, tuple[list[str], str | None, str, bool]] = {
    "the caller's": ([OTHER, OWNER], None, OWNER, True),
    "the one that is asked for": ([OTHER, OWNER], OTHER, OTHER, False),
}


@pytest.mark.parametrize(("owners", "asked", "taken", "asks"), REGISTRIES.values(), ids=REGISTRIES.keys())
def test_one_registry_is_restored(owners: list[str], asked: str | None, taken: str, asks: bool, tmp_path: Path) -> None:
    for owner in owners:
        saved(tmp_path, f"of/{owner}", registry_id=owner)
    registry = InMemory({f"of/{owner}": AFTER for owner in owners})
    restored = run(to_restore(tmp_path, registry_id=asked), registry)
    assert only(restored)["name"] == f"of/{taken}"
    assert ("of", taken) in registry.journal
    assert (("owner",) in registry.journal) is asks
    assert sum(dict(restored.skipped_backups).values()) == len(owners) - 1


def test_a_registry_of_which_nothing_was_saved_may_be_missing(tmp_path: Path) -> None:
    saved(tmp_path, registry_id=OTHER)
    registry = InMemory({"base": AFTER})
    restored = run(to_restore(tmp_path, repositories=("*", "base", "web"), missing_ok=True), registry)
    assert [(row["name"], row["changed"], row["missing"]) for row in rows(restored)] == [
        ("base", False, True),
        ("web", False, True),
        ("*", False, True),
    ]
    assert dict(restored.skipped_backups) == {(OTHER, "us-east-1"): 1}
    assert (restored.warnings, registry.written) == ((), [])


NOT_MEANT: dict[str, tuple[Callable[[Path], object], dict[str, Any], str]] = {
    "no backup at all": (lambda path: None, {}, "has no backup at all"),
    "none of the region": (
        lambda path: saved(path, region="eu-west-1"),
        {},
        f"has no backup of registry {OWNER} in us-east-1. What it has: 1 of {OWNER} in eu-west-1. Check",
    ),
    "none of the registry": (
        saved,
        {"registry_id": OTHER},
        f"has no backup of registry {OTHER} in us-east-1. What it has: 1 of {OWNER} in us-east-1",
    ),
    "none of the caller's registry": (
        lambda path: saved(path, registry_id=OTHER),
        {},
        f"has no backup of registry {OWNER} in us-east-1",
    ),
    "a region of another partition": (
        lambda path: saved(path, partition="aws-cn"),
        {},
        "says that us-east-1 is in the partition aws-cn, and it is in aws",
    ),
    "a damaged one of another region": (
        lambda path: [saved(path), (path / "x.json").touch()],
        {},
        "x.json: it is not valid JSON",
    ),
    "two of a repository": (
        lambda path: [saved(path / "run-1"), saved(path / "run-2"), saved(path / "run-2", "web")],
        {},
        "there are 2 backups of base. Name the one that is meant, of {path}/run-1, {path}/run-2; to go back",
    ),
    "two of a repository in one directory": (
        lambda path: shutil.copy(saved(path), path / "copy.json"),
        {},
        "of {path}/base-123456789012-us-east-1.json, {path}/copy.json; to go back",
    ),
    "very many of a repository": (
        lambda path: [saved(path / f"run-{number:02}") for number in range(30)],
        {},
        "of {path}/run-20, ",
    ),
}


@pytest.mark.parametrize(("make", "changes", "said"), NOT_MEANT.values(), ids=NOT_MEANT.keys())
def test_nothing_is_done_if_it_is_not_clear_what_is_meant(
    make: Callable[[Path], object], changes: dict[str, Any], said: str, tmp_path: Path
) -> None:
    make(tmp_path)
    registry = InMemory({"base": AFTER, "web": AFTER})
    with pytest.raises(BackupError, match=re.escape(said.replace("{path}", str(tmp_path)))):
        run(to_restore(tmp_path, **changes), registry)
    assert [call for call in registry.journal if call[0] not in ("owner", "of")] == []


def test_of_several_backups_only_those_that_are_asked_for_must_be_clear(tmp_path: Path) -> None:
    for repository in ("base", "web"):
        saved(tmp_path / "run-1", repository)
    saved(tmp_path / "run-2", "web")
    registry = InMemory({"base": AFTER, "web": AFTER})
    assert only(run(to_restore(tmp_path, repositories=("base",)), registry))["changed"]


# --- laws ---

LAWS = laws(60)


@st.composite
def stored_texts(draw: st.DrawFn) -> str:
    """A policy that AWS takes, as it stores it."""
    kinds = generated.managed_statements("aws"), generated.unmanaged_statements("aws")
    found = {"Version": "2012-10-17", "Statement": draw(st.lists(st.one_of(kinds), min_size=1, max_size=4))}
    try:
        return policy_text.accept(json.dumps(found), "aws", policy_text.is_unique_id, force=True)
    except policy_text.PolicyRefused:
        return BEFORE


@LAWS
@given(
    st.lists(st.none() | stored_texts(), min_size=1, max_size=4),
    generated.grants("aws"),
    st.booleans(),
    st.integers(0, 4),
)
def test_a_run_is_undone_wherever_it_ended(texts: list[str | None], drawn: Any, sharing_: bool, ended: int) -> None:
    class Killed(InMemory):
        """Does no more than so many writes; what comes then never reaches it."""

        def write(self, name: str, text: str, *, force: bool, patient: bool) -> str:
            self._count()
            return super().write(name, text, force=force, patient=patient)

        def delete(self, name: str) -> None:
            self._count()
            super().delete(name)

        def _count(self) -> None:
            if len(self.written) >= ended:
                raise EcrError("killed")

    before = {f"r{number}": text for number, text in enumerate(texts)}
    registry = Killed(before)
    grants = (grant(generated.principal_of(drawn), drawn.get("access") or ["pull"]),)
    with TemporaryDirectory() as folder:
        asked = to_share(
            *before, backup_dir=folder, sharing=sharing_, grants=grants, force_set_policy=True, concurrency=1
        )
        shared = share(asked, registry)
        touched = {call[1] for call in registry.written}
        later = InMemory(registry.policies)
        if shared.backup_path:
            ask = to_restore(shared.backup_path, force_set_policy=True, diff=True)
            foretold = run(replace(ask, check_mode=True), InMemory(registry.policies))
            done = run(ask, later)
            assert done == foretold
            assert done.failures == ()
            assert {row["name"] for row in rows(done) if row["changed"]} == touched
            again = run(ask, InMemory(later.policies))
            assert (again.changed, again.failures) == (False, ())
        else:
            assert touched == set()
    for name, text in before.items():
        assert parsed_equal(later.policies[name], text)
        assert name in touched or later.policies[name] == text


def parsed_equal(first: str | None, second: str | None) -> bool:
    return equal(None if first is None else parse(first), None if second is None else parse(second))


def test_a_repository_that_vanished_may_be_missing(tmp_path: Path) -> None:
    saved(tmp_path)
    assert "error" in only(run(to_restore(tmp_path), Vanishing({"base": AFTER})))
    assert only(run(to_restore(tmp_path, missing_ok=True), Vanishing({"base": AFTER})))["missing"] is True
