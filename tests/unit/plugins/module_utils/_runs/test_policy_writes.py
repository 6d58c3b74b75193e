# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of a run if somebody else writes the same policies at the same time."""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._registry import (
    EcrError,
    PolicyChangedError,
    RepositoryMissingError,
    StoredPolicy,
)
from ansible_collections.imageshare.aws.plugins.module_utils._repository_names import REGISTRY_LABEL
from ansible_collections.imageshare.aws.plugins.module_utils._runs import restore as _restore
from ansible_collections.imageshare.aws.plugins.module_utils._runs import share_registry
from ansible_collections.imageshare.aws.plugins.module_utils._runs.backup_reader import find
from ansible_collections.imageshare.aws.plugins.module_utils._runs.share import run
from ansible_collections.imageshare.aws.tests.support.builders import ACCOUNT, OTHER, grant, root
from ansible_collections.imageshare.aws.tests.support.in_memory import InMemory
from ansible_collections.imageshare.aws.tests.support.races import REGISTRY, Race, figures
from ansible_collections.imageshare.aws.tests.support.runs import allowing, change, only, text_of, to_restore, to_share

MINE = allowing(root(OTHER), sid="Mine", actions="ecr:*")
THEIRS = allowing("arn:aws:iam::777788889999:root", sid="Theirs", actions="ecr:*")


class Contested(InMemory):
    """A registry in which somebody else writes, too: each of the given policies takes the place of ours after a write
    of ours; None for those that let it be.

    too_late: for how many writes of ours it turns out that they have just added a statement.
    """

    def __init__(self, policies: Mapping[str, str | None], *theirs: str | None, too_late: int = 0) -> None:
        super().__init__(policies)
        self.theirs, self.too_late = list(theirs), too_late

    def write(self, name: str, text: str, *, force: bool, patient: bool) -> str:
        if self.too_late:
            self.too_late -= 1
            self.journal.append(("write", name, "too late"))
            self.policies[name] = text_of(MINE, {**THEIRS, "Sid": f"Theirs{self.too_late}"})
            raise PolicyChangedError("somebody else changed the policy")
        answer = super().write(name, text, force=force, patient=patient)
        if self.theirs:
            self.policies[name] = self.theirs.pop(0) or self.policies[name]
        return answer

    @property
    def calls(self) -> list[str]:
        return [call[0] for call in self.journal if call[0] != "registry_policy"]


def sids(registry: InMemory, name: str = "base") -> list[str]:
    return [statement["Sid"] for statement in json.loads(registry.policies[name] or "{}")["Statement"]]


def test_what_somebody_else_overwrote_is_written_again() -> None:
    registry = Contested({"base": text_of(MINE)}, text_of(MINE, THEIRS))

    row = only(run(to_share("base"), registry))

    assert sids(registry) == ["Mine", "Theirs", "AllowPull"]
    assert (row["changed"], row["granted"], row["warnings"]) == (True, [change(ACCOUNT)], [])
    assert registry.calls == ["read", "write", "pause", "read", "write", "pause", "read"]


def test_what_somebody_else_added_is_left_alone() -> None:
    shared = text_of(MINE, allowing(root(ACCOUNT)), THEIRS)
    registry = Contested({"base": text_of(MINE)}, shared)

    row = only(run(to_share("base"), registry))

    assert registry.policies["base"] == shared
    assert (row["changed"], row["warnings"]) == (True, [])
    assert registry.calls == ["read", "write", "pause", "read"]


@pytest.mark.parametrize("slow", ["_evaluation.policy_warnings._public", "_iam.document.PolicyComparison.pretty"])
def test_nothing_slow_is_between_read_and_write(slow: str, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Contested({"base": text_of(MINE)})
    package, found = run.__module__.removesuffix("_runs.share"), []
    original = pkgutil.resolve_name(f"{package}{slow}")

    def note(*arguments: Any) -> Any:
        found.append(list(registry.calls))
        return original(*arguments)

    monkeypatch.setattr(f"{package}{slow}", note)
    run(to_share("base", diff=True), registry)

    assert found
    assert all(calls[:2] == ["read", "write"] for calls in found)


def test_a_surprise_after_a_write_does_not_hide_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: Any, **_options: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(f"{run.__module__}.sharing_warnings", fail)
    registry = Contested({"base": text_of(MINE)})
    row = only(run(to_share("base"), registry))

    assert (row["changed"], row["granted"]) == (True, [change(ACCOUNT)])
    assert "unexpected ZeroDivisionError" in row["error"]


class Stopped(Contested):
    """A registry in which the run is stopped while it computes what there is to say of a policy."""

    def check(self) -> None:
        raise EcrError("the run was stopped")


def test_a_run_that_is_stopped_after_a_write_tells_the_write() -> None:
    registry = Stopped({"base": text_of(MINE)})
    row = only(run(to_share("base", grants=[grant(ACCOUNT, ["push"])]), registry))

    assert sids(registry) == ["Mine", "AllowPush"]
    assert (row["changed"], row["granted"]) == (True, [change(ACCOUNT, "push")])
    assert "the run was stopped" in row["error"]


def test_a_run_that_is_stopped_before_a_write_fails_says_why_it_fails() -> None:
    registry = Stopped({"base": text_of(MINE)})
    registry.missing = frozenset({root(ACCOUNT)})
    row = only(run(to_share("base"), registry))

    assert not row["changed"]
    assert "InvalidParameterException" in str(row["error_code"])


def test_a_policy_that_is_too_long_is_not_even_evaluated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{run.__module__}.sharing_warnings", None)
    many = [grant(str(number)) for number in range(100_000_000_000, 100_000_001_000)]
    row = only(run(to_share("base", grants=many), Contested({"base": text_of(MINE)})))

    assert "characters long" in row["error"]
    assert (row["changed"], row["warnings"]) == (False, [])


def test_what_is_taken_away_stays_away() -> None:
    shared = text_of(MINE, allowing(root(ACCOUNT)))
    registry = Contested({"base": shared}, shared)

    row = only(run(to_share("base", sharing=False), registry))

    assert sids(registry) == ["Mine"]
    assert row["revoked"] == [change(ACCOUNT)]


def test_who_comes_too_late_begins_again_with_what_is_there() -> None:
    registry = Contested({"base": text_of(MINE)}, too_late=3)

    row = only(run(to_share("base", diff=True), registry))

    assert sids(registry) == ["Mine", "Theirs0", "AllowPull"]
    assert (row["changed"], row["warnings"]) == (True, [])
    assert registry.calls == ["read", "write", "pause"] * 4 + ["read"]


def test_who_is_too_late_every_time_says_so() -> None:
    registry = Contested({"base": text_of(MINE)}, too_late=1000)

    row = only(run(to_share("base"), registry))

    assert row["changed"] is False
    assert "each of the 8 times" in row["error"]
    assert "Find out who else writes it" in row["error"]
    assert registry.calls.count("write") == 8


class TestOverwrittenEveryTime:
    """AWS was written, whatever somebody else does afterwards, and the row says so beside the error."""

    PUBLIC: ClassVar = {**MINE, "Sid": "Public", "Principal": "*"}

    def test_the_row_keeps_what_the_last_write_did(self) -> None:
        registry = Contested({"base": text_of(self.PUBLIC)}, *[text_of(self.PUBLIC)] * 1000)

        result = run(to_share("base", diff=True), registry)

        row = only(result)
        assert (row["changed"], row["granted"]) == (True, [change(ACCOUNT)])
        assert [warning["kind"] for warning in row["warnings"]] == ["public"]
        assert len(row["policy"]["Statement"]) == 2
        (diff,) = result.to_dict(diff=True, include_policy=False)["diff"]
        assert "AllowPull" in diff["after"]
        assert "AllowPull" not in diff["before"]
        assert (result.changed, result.summary["changed"], result.summary["failed"]) == (True, 1, 1)

    def test_the_error_counts_the_writes(self) -> None:
        registry = Contested({"base": text_of(MINE)}, *[text_of(MINE)] * 1000)

        row = only(run(to_share("base"), registry))

        assert registry.calls.count("write") == 9
        assert registry.calls[-1] == "read"
        assert "somebody else overwrote its policy each of the 9 times that it was written" in row["error"]
        assert row["error_code"] is None

    def test_the_ninth_write_may_stay(self) -> None:
        registry = Contested({"base": text_of(MINE)}, *[text_of(MINE)] * 8)

        row = only(run(to_share("base"), registry))

        assert (row["changed"], row["warnings"], "error" in row) == (True, [], False)
        assert registry.calls.count("write") == 9

    @pytest.mark.parametrize("method", ["read", "write", "pause"])
    def test_nor_is_it_lost_where_writing_again_fails(self, method: str) -> None:
        class Failing(Contested):
            def _fail(self, name: str) -> None:
                if name == method and self.written:
                    raise EcrError("not attempted, because the run was stopped")

            def read(self, name: str) -> StoredPolicy:
                self._fail("read")
                return super().read(name)

            def write(self, name: str, text: str, *, force: bool, patient: bool) -> str:
                self._fail("write")
                return super().write(name, text, force=force, patient=patient)

            def pause(self, seconds: float) -> None:
                self._fail("pause")
                super().pause(seconds)

        row = only(run(to_share("base"), Failing({"base": text_of(MINE)}, text_of(MINE))))

        assert (row["changed"], row["granted"]) == (True, [change(ACCOUNT)])
        if method == "write":
            # It was read, and is other than it should be: that is more than a doubt.
            assert "somebody else overwrote its policy after it was written" in row["error"]
            assert "not attempted, because the run was stopped" in row["error"]
            assert row["warnings"] == []
        else:
            assert [warning["kind"] for warning in row["warnings"]] == ["not_verified"]
            assert "error" not in row

    def test_nor_is_one_whose_answer_was_lost_before_somebody_else_wrote(self) -> None:
        class Lost(InMemory):
            def write(self, name: str, text: str, *, force: bool, patient: bool) -> str:
                super().write(name, text, force=force, patient=patient)
                if len(self.written) == 1:
                    raise PolicyChangedError("somebody else changed it", outcome_unknown=True)
                return self.policies[name] or ""

        row = only(run(to_share("base"), Lost({"base": text_of(MINE)})))

        assert (row["changed"], row["granted"]) == (True, [change(ACCOUNT)])
        assert [(warning["kind"], warning["certain"]) for warning in row["warnings"]] == [("not_verified", False)]
        assert "error" not in row

    def test_every_policy_that_was_replaced_is_on_disk(self, tmp_path: Path) -> None:
        registry = Contested({"base": text_of(MINE)}, text_of(THEIRS))

        result = run(replace(to_share("base"), backup_dir=str(tmp_path)), registry)

        (folder,) = tmp_path.iterdir()
        saved = {path.name: json.loads(path.read_text())["policy"] for path in folder.glob("base*")}
        assert saved.keys() == {"base.json", "base.json.1"}
        assert "AllowPull" not in saved["base.json.1"]
        assert saved["base.json"] != saved["base.json.1"]
        assert [found.backup.policy for found in find(str(folder))] == [saved["base.json"]]
        assert [found.backup.policy for found in find(str(folder / "base.json.1"))] == [saved["base.json.1"]]
        assert result.changed

    def test_nor_by_a_surprise(self) -> None:
        class Surprising(Contested):
            def read(self, name: str) -> StoredPolicy:
                if self.written:
                    raise KeyError("policyText")
                return super().read(name)

        row = only(run(to_share("base"), Surprising({"base": text_of(MINE)})))

        assert (row["changed"], [warning["kind"] for warning in row["warnings"]]) == (True, ["not_verified"])


def test_what_aws_itself_stores_differently_is_not_written_again() -> None:
    class Otherwise(InMemory):
        def write(self, name: str, text: str, *, force: bool, patient: bool) -> str:
            super().write(name, text_of(MINE), force=force, patient=patient)
            return text_of(MINE)

    registry = Otherwise({"base": text_of(MINE)})

    row = only(run(to_share("base"), registry))

    assert [warning["kind"] for warning in row["warnings"]] == ["stored_policy_differs"]
    assert len(registry.written) == 1


@pytest.mark.parametrize("error", [EcrError, RepositoryMissingError])
def test_a_look_that_fails_is_a_warning(error: type[EcrError]) -> None:
    class Failing(InMemory):
        def read(self, name: str) -> StoredPolicy:
            if self.written:
                raise error("not attempted, because the run was stopped")
            return super().read(name)

    result = run(to_share("base"), Failing({"base": text_of(MINE)}))

    row = only(result)
    (warning,) = row["warnings"]
    assert (row["changed"], warning["kind"]) == (True, "not_verified")
    assert "did not confirm that: not attempted, because the run was stopped" in warning["message"]
    assert len(result.warnings) == 1


class TestBackups:
    """The policy that is saved is the one that was really replaced."""

    def test_of_a_write_that_came_too_late(self, tmp_path: Path) -> None:
        registry = Contested({"base": text_of(MINE)}, too_late=2)
        run(to_share("base", backup_dir=str(tmp_path)), registry)
        self.check(tmp_path, registry, ["Mine", "Theirs0"])

    def test_of_a_write_that_was_overwritten(self, tmp_path: Path) -> None:
        registry = Contested({"base": text_of(MINE)}, text_of(MINE, THEIRS))
        run(to_share("base", backup_dir=str(tmp_path)), registry)
        self.check(tmp_path, registry, ["Mine", "Theirs"])

    @staticmethod
    def check(path: Path, registry: Contested, replaced: list[str]) -> None:
        (saved,) = find(str(path))
        assert [statement["Sid"] for statement in json.loads(saved.backup.policy or "")["Statement"]] == replaced
        assert saved.backup.written == registry.sent["base"]


class TestRestoring:
    @staticmethod
    def shared(path: Path, *theirs: str | None) -> Contested:
        registry = Contested({"base": text_of(MINE)})
        run(to_share("base", backup_dir=str(path)), registry)
        registry.journal.clear()
        registry.theirs += theirs
        return registry

    def test_what_somebody_else_wrote_afterwards_stays_and_is_told(self, tmp_path: Path) -> None:
        registry = self.shared(tmp_path, text_of(MINE, THEIRS))

        row = only(_restore.run(to_restore(tmp_path), registry))

        assert sids(registry) == ["Mine", "Theirs"]
        (warning,) = row["warnings"]
        assert (row["changed"], warning["kind"]) == (True, "not_verified")
        assert 'new: statement "Theirs"' in warning["message"]

    def test_unless_it_is_to_be_overwritten(self, tmp_path: Path) -> None:
        registry = self.shared(tmp_path, text_of(MINE, THEIRS))

        row = only(_restore.run(to_restore(tmp_path, overwrite=True), registry))

        assert sids(registry) == ["Mine"]
        assert (row["changed"], row["warnings"]) == (True, [])

    def test_who_comes_too_late_looks_again_whether_it_was_changed(self, tmp_path: Path) -> None:
        registry = self.shared(tmp_path)
        registry.too_late = 1

        row = only(_restore.run(to_restore(tmp_path), registry))

        assert 'new: statement "Theirs0"; gone: statement "AllowPull"' in row["error"]
        assert sids(registry) == ["Mine", "Theirs0"]


def test_the_figures_of_races_are_those_of_their_seed() -> None:
    first, again, other = (figures(seed, interleavings=100, repositories=50) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_of_two_runs_over_the_same_repositories_no_update_is_lost() -> None:
    found = figures(seed=1, interleavings=200, repositories=100)
    assert sum(race.lost for (_name, way, _writer), race in found.items() if way == "without a look") > 0
    assert found["two runs", "with a look", "first run"] == Race(200, 0, 0)
    assert found["two runs", "with a look", "second run"] == Race(200, 0, 0)
    assert found["a run and another writer", "with a look", "run"] == Race(200, 0, 0)


def test_of_the_policy_of_a_registry_the_look_finds_most_of_the_lost_updates() -> None:
    found = figures(seed=1, interleavings=200, repositories=1, of=REGISTRY)
    for race, writer in (("two runs", "first run"), ("two runs", "second run"), ("a run and another writer", "run")):
        without, looking = (found[race, way, writer].lost for way in ("without a look", "with a look"))
        assert looking < without / 2


@pytest.mark.parametrize(
    ("changes", "calls"),
    [
        pytest.param({}, ["read", "registry_policy_scope", "read", "write", "read"], id="granting"),
        pytest.param({"check_mode": True}, ["read", "registry_policy_scope"], id="granting in check mode"),
        pytest.param({"sharing": False}, ["read"], id="where nothing is granted"),
    ],
)
def test_between_the_read_of_a_registry_policy_and_its_write_nothing_is_asked(
    changes: dict[str, Any], calls: list[str]
) -> None:
    registry = InMemory({}, registry_policy=text_of({**allowing(ACCOUNT, sid="Theirs"), "Resource": "*"}))
    result = share_registry.run(to_share(REGISTRY_LABEL, **changes), registry)
    assert not result.failures
    assert [call[0] for call in registry.journal if call[0] not in ("owner", "pause")] == calls
