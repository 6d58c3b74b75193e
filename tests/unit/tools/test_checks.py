# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The driver of C(make test)."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[3] / "tools"
# Two that wait for each other, so that each sees the other run; one that fails once the endless one has begun.
SCRIPT = """\
case $1 in
    first) echo first began; echo >one; read -r _line <two;;
    second) read -r _line <one; echo >two; echo second began;;
    endless) sleep 600 & echo $! >pid; echo >begun; wait;;
    failing) read -r _line <begun; echo broken; exit 3;;
    *) echo "$1 ran"; test -t 0 || cat;;
esac
"""

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run lanes of checks of the script. Returns the exit code and the output."""
    monkeypatch.syspath_prepend(TOOLS)
    import checks

    for name in ("one", "two", "begun"):
        os.mkfifo(tmp_path / name)
    (tmp_path / "script").write_text(SCRIPT, encoding="utf-8")
    monkeypatch.setattr(checks, "LOGS", tmp_path / "logs")
    monkeypatch.chdir(tmp_path)

    def run_lanes(*lanes: Sequence[str]) -> tuple[int, str]:
        return checks.run(["sh", "script"], lanes), capsys.readouterr().out

    return run_lanes


def test_lanes_run_at_the_same_time_and_their_checks_one_after_the_other(run: Run) -> None:
    code, output = run(["first", "third"], ["second"])

    assert code == 0
    assert output.index("first began") < output.index("third ran")
    assert output.count("second began") == 1
    assert "All checks passed: first, third, second." in output


def test_first_that_fails_ends_the_others_and_is_shown_last(run: Run, tmp_path: Path) -> None:
    code, output = run(["quick", "failing", "never"], ["endless"])

    assert code == 1
    assert output.index("quick ran") < output.index("broken") < output.index("make failing")
    assert "Not finished: endless." in output
    assert "never" not in output
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text(encoding="utf-8")), 0)
