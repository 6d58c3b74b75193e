# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A process that begins with its imports done does what one does that starts from nothing."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.imageshare.aws.tests.support import warm_python

Run = Callable[..., subprocess.CompletedProcess[str]]
ENVIRONMENT = {"LC_ALL": "C.UTF-8", "HOME": "/nowhere"}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the text of a module."""

    def started(text: str, given: str = "", timeout: float = 60) -> subprocess.CompletedProcess[str]:
        (tmp_path / "example.py").write_text(text, encoding="utf-8")
        return warm_python.run("example", [], ENVIRONMENT, text=given, timeout=timeout)

    monkeypatch.chdir(tmp_path)
    return started


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("import sys; print(len(sys.argv), sys.path[0], __name__, __file__)", id="arguments and paths"),
        pytest.param("import os; print(sorted(os.environ.items()), os.getcwd())", id="environment"),
        pytest.param("import signal as s; print(s.getsignal(s.SIGINT), s.getsignal(s.SIGTERM))", id="signal handlers"),
        pytest.param("import sys; print(sys.stdin.read(), sys.stdin.isatty()); sys.exit(3)", id="input and exit code"),
        pytest.param("import sys; print('ü', file=sys.stderr); sys.exit('why')", id="standard error"),
        pytest.param("import atexit; atexit.register(print, 'last'); print('first')", id="what is done at the end"),
        pytest.param("raise KeyError('x')", id="an exception"),
        pytest.param("import os; os.kill(os.getpid(), 9)", id="killed"),
        pytest.param("import threading as t; print([one.name for one in t.enumerate()])", id="threads"),
    ],
)
def test_it_does_what_a_process_does_that_starts_from_nothing(
    run: Run, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    warm = run(text, "päckchen" * 10_000)
    monkeypatch.setenv("COLD_PROCESSES", "1")
    cold = run(text, "päckchen" * 10_000)

    assert (warm.returncode, warm.stdout) == (cold.returncode, cold.stdout)
    assert warm.stderr.splitlines()[-1:] == cold.stderr.splitlines()[-1:]


def test_nothing_of_a_run_is_left_to_the_next(run: Run) -> None:
    text = "import json, os; print(hasattr(json, 'left'), 'LEFT' in os.environ); json.left = os.environ['LEFT'] = 'x'"
    assert [run(text).stdout for _time in range(2)] == ["False False\n"] * 2


def test_what_hangs_is_killed(run: Run) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        run("import time; time.sleep(600)", timeout=0.5)
    assert run("print('still there')").stdout == "still there\n"
