# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The benchmark measures what it says, and its page shows what it measured. How fast that is, no test says."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from ansible_collections.imageshare.aws.tests.support import warm_python

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


def commands(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """What ansible-playbook would run: modules, by their Python names, and what each reads."""
    *options, playbook = arguments[3:]
    (task,) = json.loads(Path(playbook).read_text(encoding="utf-8"))[0]["tasks"]
    (name,) = (key for key in task if "." in key)
    namespace, collection, module = name.split(".")
    builtin = (namespace, collection) == ("ansible", "builtin")
    package = "ansible" if builtin else f"ansible_collections.{namespace}.{collection}.plugins"
    modes = {"_ansible_check_mode": "--check" in options, "_ansible_diff": "--diff" in options}
    for item in task.get("loop", [""]):
        values = {key: item if value == "{{ item }}" else value for key, value in task[name].items()}
        yield f"{package}.modules.{module}", json.dumps({"ANSIBLE_MODULE_ARGS": {**values, **modes}})


def test_benchmark_measures_every_contender(
    tmp_path: Path, pages: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without Ansible around the modules, but for the first play: C(make bench) has it around all of them."""
    import run

    kinds: list[str] = []

    class Bench(run.Bench):
        def _run(self, arguments: Sequence[str], text: str = "") -> Any:
            playing = list(arguments[:3]) == ["-m", "ansible", "playbook"]
            kind = "play" if playing else arguments[-1]
            kinds.append(kind)
            if not playing or kinds.count(kind) == 1:
                return super()._run(arguments, text)
            for module, given in commands(arguments):
                done = warm_python.run(module, [], self._environment, text=given, timeout=600)
                assert done.returncode == 0, done.stdout
            return run.Cost(1.0, 1.0, 1.0)

    written = tmp_path / "results.json"
    arguments = ["--sizes", "1", "2", "--latencies", "0", "--rounds", "1", "--results", str(written)]
    monkeypatch.setattr(sys, "argv", ["run.py", *arguments])
    monkeypatch.setattr(run, "Bench", Bench)
    monkeypatch.setattr(run, "ASKED_FOR_CEILING", 20)

    assert run.main() == 0, capsys.readouterr().err

    found = json.loads(written.read_text(encoding="utf-8"))
    measured = {run["contender"] for run in found["runs"]}
    workers = {f"{number}{pages.AT_A_TIME}" for number in (1, 2, 4, 8, 16)}
    assert measured == {*pages.COLUMNS, *pages.LOOPED, *workers, "module", "module --diff"}
    assert all(cost["seconds"] > 0 and cost["memory"] > 0 for run in found["runs"] for cost in run["rounds"])
    assert "1 repository, nothing changes" in capsys.readouterr().out
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
