# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the checks of ``make test``, the single-threaded ones beside those that use all cores.

- A lane runs its checks one after the other, and all lanes run at the same time.
- The output of a check goes to build/checks/<check>.log, and is printed as a whole when the check ends.
- The first check that fails ends the others. Its output is the last one that is printed.
- Each check is a process group of its own that reads nothing, so that it can be ended with all that it has started, and
  so that a terminal, or none, makes no difference.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

LOGS = Path(__file__).resolve().parents[1] / "build" / "checks"
# Between being asked to end and being killed.
GRACE = 20


@dataclass(frozen=True)
class Done:
    """seconds: from beginning to end. cpu: seconds of processors, of all processes of the check together."""

    check: str
    code: int
    seconds: float
    cpu: float

    def __str__(self) -> str:
        result = "passed" if self.code == 0 else f"failed with {self.code}"
        return f"{self.check:12} {result:14} {self.seconds:5.0f} s {self.cpu:6.0f} s of processors"


class Checks:
    """The checks that run. command: what runs a check, once its name is added."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopped = False
        # A check that began, or that ended; None of a lane that ended.
        self.events: SimpleQueue[str | Done | None] = SimpleQueue()

    def run_lane(self, checks: Sequence[str]) -> None:
        for check in checks:
            if not self._run(check):
                break
        self.events.put(None)

    def stop(self) -> None:
        """End what runs, and begin nothing more."""
        with self._lock:
            self._stopped = True
            running = tuple(self._running)
        for process in running:
            _signal(process, signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        while time.monotonic() < deadline and any(map(_has_members, running)):
            time.sleep(0.1)
        for process in running:
            _signal(process, signal.SIGKILL)

    def _run(self, check: str) -> bool:
        """Whether the lane is to go on."""
        begin = time.monotonic()
        with (LOGS / f"{check}.log").open("wb") as log:
            with self._lock:
                if self._stopped:
                    return False
                process = subprocess.Popen(
                    [*self._command, check],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    process_group=0,
                )
                self._running.add(process)
            self.events.put(check)
            _pid, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        with self._lock:
            self._running.discard(process)
            # What was ended did not fail.
            if self._stopped:
                return False
            self._stopped = process.returncode != 0
        self.events.put(Done(check, process.returncode, time.monotonic() - begin, usage.ru_utime + usage.ru_stime))
        return process.returncode == 0


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _has_members(process: subprocess.Popen[bytes]) -> bool:
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return False
    return True


def _show(done: Done) -> None:
    print(f"\n----- {done.check} -----", flush=True)
    with (LOGS / f"{done.check}.log").open("rb") as log:
        sys.stdout.buffer.write(log.read())
    sys.stdout.buffer.flush()
    print(done, flush=True)


def run(command: Sequence[str], lanes: Sequence[Sequence[str]]) -> int:
    LOGS.mkdir(parents=True, exist_ok=True)
    checks = Checks(command)
    begin = time.monotonic()
    finished: list[Done] = []
    begun: list[str] = []
    threads = [threading.Thread(target=checks.run_lane, args=(lane,), daemon=True) for lane in lanes]
    try:
        for thread in threads:
            thread.start()
        going_on = len(lanes)
        while going_on:
            match checks.events.get():
                case None:
                    going_on -= 1
                case str(check):
                    begun.append(check)
                    print(f"{check} has begun.", flush=True)
                case Done() as done:
                    finished.append(done)
                    if done.code:
                        break
                    _show(done)
    finally:
        checks.stop()
    failed = next((done for done in finished if done.code), None)
    if failed:
        _show(failed)
    print(f"\n{time.monotonic() - begin:.0f} s, {sum(done.cpu for done in finished):.0f} s of processors:")
    print(*finished, sep="\n")
    ended = [check for check in begun if check not in {done.check for done in finished}]
    if ended:
        print(f"Not finished: {', '.join(ended)}.")
    if failed:
        print(f"\nThe check {failed.check} failed. By itself: make {failed.check}")
        return 1
    print(f"\nAll checks passed: {', '.join(check for lane in lanes for check in lane)}.")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lane", action="append", type=str.split, required=True, help="checks, one after the other")
    parser.add_argument("command", nargs="+", help="what runs a check, once its name is added")
    arguments = parser.parse_args()
    for number in (signal.SIGHUP, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda number, _frame: sys.exit(128 + number))
    try:
        return run(arguments.command, arguments.lane)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


if __name__ == "__main__":
    sys.exit(main())
