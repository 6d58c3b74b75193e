# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is claimed is what C(make matrix) covers, and what it says of its cells holds."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from ansible_collections.imageshare.aws.plugins.module_utils._core_version import LOWEST, refusal

ROOT = Path(__file__).resolve().parents[3]
TOOLS = ROOT / "tools"
SUITE = '<testsuites><testsuite tests="{}" failures="{}" errors="0" skipped="1"/></testsuites>'


@pytest.fixture
def matrix(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(TOOLS)
    import matrix

    return matrix


def version(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))


def read(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


class TestClaims:
    @pytest.fixture
    def lowest(self, matrix: ModuleType) -> dict[str, str]:
        """The lowest version of each that a cell covers."""
        cells = [cell for cell in matrix.CELLS if not cell.refused]
        names = ("python", "core", "amazon_aws", "boto3")
        return {
            name: min((getattr(cell, name) for cell in cells if getattr(cell, name)), key=version) for name in names
        }

    def test_of_the_metadata_are_the_lowest_versions_that_are_covered(self, lowest: dict[str, str]) -> None:
        assert read("meta/runtime.yml")["requires_ansible"] == f">={lowest['core']}.0"
        assert read("galaxy.yml")["dependencies"] == {"amazon.aws": f">={lowest['amazon_aws']}.0"}
        assert read("tests/config.yml")["modules"]["python_requires"] == f">={lowest['python']}"
        assert read("roles/ecr_share/meta/main.yml")["galaxy_info"]["min_ansible_version"] == lowest["core"]
        required = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
        assert {f"boto3>={lowest['boto3']}", f"botocore>={lowest['boto3']}"} <= set(required)
        assert version(lowest["core"]) == LOWEST

    def test_of_the_readme_are_the_same(self, matrix: ModuleType, lowest: dict[str, str]) -> None:
        text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
        assert f"ansible-core {lowest['core']} or later, and Python {lowest['python']} or later" in text
        assert f"amazon.aws {lowest['amazon_aws']}.0 or later" in text
        of_11 = {cell.boto3 for cell in matrix.CELLS if cell.amazon_aws.startswith("11.") and cell.boto3}
        (newer,) = (boto3.removesuffix(".0") for boto3 in of_11)
        assert f"boto3 {lowest['boto3'].removesuffix('.0')} or later (amazon.aws 11 needs {newer})" in text

    def test_are_covered_with_the_newest_and_the_lowest_boto3(self, matrix: ModuleType) -> None:
        boto3: dict[str, set[bool]] = {}
        for cell in matrix.CELLS:
            if not cell.refused:
                boto3.setdefault(cell.core, set()).add(cell.boto3 is None)
        assert len(boto3) == 3
        assert set(map(frozenset, boto3.values())) == {frozenset({True, False})}

    def test_are_those_of_the_environment_of_all_other_targets(self, matrix: ModuleType) -> None:
        pinned = re.findall(r"^ansible==([\d.]+)", (ROOT / "requirements/demo.txt").read_text("utf-8"), re.MULTILINE)
        assert set(pinned) <= {cell.ansible for cell in matrix.CELLS}

    def test_leave_out_what_is_refused(self, matrix: ModuleType) -> None:
        for cell in matrix.CELLS:
            assert (refusal(f"{cell.core}.0") is not None) == cell.refused, cell.name


def test_what_a_cell_runs_exists(matrix: ModuleType) -> None:
    for cell in matrix.CELLS:
        for argument in (argument for tests in cell.tests for argument in tests):
            path = argument.removeprefix("--ignore=").removeprefix("--deselect=").partition("::")[0]
            assert argument.startswith(("-W", "--hypothesis-profile")) or (ROOT / path).exists(), argument


def test_its_requirements_are_those_of_the_other_tests() -> None:
    lines, others = (
        {line for name in names for line in (ROOT / "requirements" / name).read_text("utf-8").splitlines()}
        for names in (["matrix.txt"], ["demo.txt", "test.txt"])
    )
    assert {line for line in lines if not line.startswith("#")} <= others


class TestTable:
    @pytest.fixture
    def told(self, matrix: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
        """Note down what a cell came to, and return its row."""
        monkeypatch.setattr(matrix, "RESULTS", tmp_path)

        def row(name: str, result: str, failures: int = 0, **versions: str) -> Any:
            cell = next(cell for cell in matrix.CELLS if cell.name == name)
            found = {
                "python": f"{cell.python}.1",
                "core": f"{cell.core}.14",
                "amazon_aws": f"{cell.amazon_aws}.2",
                "boto3": cell.boto3 or "1.44.0",
            }
            kept = json.dumps({**found, **versions, "seconds": 12.3, "result": result})
            (tmp_path / f"{name}.json").write_text(kept, encoding="utf-8")
            (tmp_path / f"{name}.0.xml").write_text(SUITE.format(10, failures), encoding="utf-8")
            (tmp_path / f"{name}.1.xml").write_text(SUITE.format(5, 0), encoding="utf-8")
            return next(row for row in matrix.rows() if row.cell.name == name)

        return row

    def test_has_the_versions_that_were_installed_and_the_tests_that_passed(
        self, matrix: ModuleType, told: Any
    ) -> None:
        row = told("core-2.19", "passed")
        line = "| core-2.19 | 3.11.1 | 2.19.14 | 10.1.2 | 1.44.0 | 13 of 13 | 12 | passed |"
        assert line in matrix.table([row]).splitlines()

    def test_says_what_failed_and_what_was_not_run(self, matrix: ModuleType, told: Any) -> None:
        assert (told("core-2.19", "failed", failures=2).tests, told("refused-2.18", "passed").result) == (
            "11 of 13",
            "refused",
        )
        results = {row.cell.name: row.result for row in matrix.rows()}
        assert results["core-2.19"] == "failed"
        assert results["core-2.20"] == "not run"

    def test_takes_no_other_version_for_the_one_of_the_cell(self, told: Any) -> None:
        assert told("core-2.19", "passed", core="2.20.1").result == "not the core of the cell"


@pytest.mark.parametrize("allowed", [False, True], ids=["not allowed", "allowed"])
def test_a_python_that_is_missing_is_named_and_fails_unless_it_may_be(tmp_path: Path, allowed: bool) -> None:
    tools, commands = tmp_path / "tools", tmp_path / "commands"
    tools.mkdir()
    commands.mkdir()
    for name in ("matrix.py", "noxfile.py"):
        shutil.copy(TOOLS / name, tools)
    # An uv that finds nothing, and would fail if it were to install anything.
    (commands / "uv").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    (commands / "uv").chmod(0o755)
    option = ["--allow-missing-interpreters"] if allowed else []

    done = subprocess.run(
        [sys.executable, str(tools / "matrix.py"), "--cell", "core-2.21", "--cell", "core-2.20", *option],
        env={"PATH": f"{commands}:{os.defpath}", "HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert "MISSING: there is no Python 3.13, so core-2.21 was not tried." in done.stderr
    # It does not keep the next one from being tried.
    assert "MISSING: there is no Python 3.12, so core-2.20 was not tried." in done.stderr
    written = (tmp_path / "build" / "matrix.md").read_text(encoding="utf-8")
    assert written in done.stdout
    assert written.count("| no interpreter |") == 2
    assert (done.returncode == 0) == allowed
