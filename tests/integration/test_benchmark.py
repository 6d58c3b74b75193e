# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The benchmark measures what it says, and its page shows what it measured. How fast that is, no test says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[2]
BENCHMARK = ROOT / "benchmark"


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(BENCHMARK)
    import pages

    return pages


@pytest.fixture
def results() -> Any:
    return json.loads((BENCHMARK / "results.json").read_text(encoding="utf-8"))


def test_benchmark_measures_every_contender(tmp_path: Path, pages: Any) -> None:
    written = tmp_path / "results.json"
    arguments = ["--sizes", "1", "2", "--latencies", "0", "--rounds", "1", "--results", str(written)]
    done = subprocess.run(
        [sys.executable, str(BENCHMARK / "run.py"), *arguments],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    found = json.loads(written.read_text(encoding="utf-8"))
    measured = {run["contender"] for run in found["runs"]}
    workers = {f"{number}{pages.AT_A_TIME}" for number in (1, 2, 4, 8, 16)}
    assert measured == {*pages.COLUMNS, *pages.LOOPED, *workers, "module", "module --diff"}
    assert all(cost["seconds"] > 0 and cost["memory"] > 0 for run in found["runs"] for cost in run["rounds"])
    assert "1 repository, nothing changes" in done.stdout
    ElementTree.fromstring(pages.picture(pages.Figures(found)))


def test_page_shows_the_figures_that_were_measured(pages: Any, results: Any) -> None:
    page = pages.PAGE.read_text(encoding="utf-8")
    assert pages.with_tables(page, results) == page
    assert pages.picture(pages.Figures(results)) == pages.PICTURE.read_text(encoding="utf-8")


def test_new_figures_change_nothing_but_the_tables(pages: Any, results: Any) -> None:
    page = f"# Before\n\n{pages.BEGIN}\nold\n{pages.END}\n\nAfter.\n"
    made = pages.with_tables(page, results)
    assert made.startswith(f"# Before\n\n{pages.BEGIN}\n")
    assert made.endswith(f"{pages.END}\n\nAfter.\n")
    assert "old" not in made
    assert results["machine"]["processor"] in made
