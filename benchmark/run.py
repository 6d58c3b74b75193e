# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure the module beside boto3 alone, beside community.aws.ecs_ecr in a loop, and beside a play that does nothing.

All of them talk in turn to one embedded AWS, which runs in a process of its own, and what they asked of it is checked.
The figures go to results.json; pages.py makes the tables and the picture of docs/performance.md from them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from importlib.metadata import version
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.imageshare.aws.tests.support.embedded_aws import EmbeddedAws
from pages import RESULTS, summary, write_pages
from plain import POLICY

ROOT = Path(__file__).resolve().parents[1]
SIZES, MANY = (1, 50, 200, 1000), 5000
LATENCIES = (0.0, 0.03)
ROUNDS = 3
# As many as the module has by default, and other numbers that it takes.
THREADS, WORKERS = 8, (1, 2, 4, 8, 16)
WORKED_ON = 200
# Each turn of a loop costs what the one before did, so ten tell as much as a thousand.
LONGEST_LOOP = 10
ASKED_FOR_CEILING = 1000
GRANTS = [
    {"principals": ["111122223333"], "lambda_regions": ["us-east-1"]},
    {"principals": ["arn:aws:iam::444455556666:role/ci"], "access": ["pull", "push"]},
    {"principals": ["o-exampleorg1"]},
]

Names = Sequence[str]
Task = Mapping[str, Any]


class Unexpected(Exception):
    """Something did not do what it is measured for. The message says what."""


@dataclass(frozen=True)
class Cost:
    """seconds: from beginning to end. cpu: seconds of processors, of the process and all that it started. memory: MB
    of the largest of these processes.
    """

    seconds: float
    cpu: float
    memory: float


@dataclass(frozen=True)
class Contender:
    """Something that is measured. reads, writes: how often it does so with each repository; None for any number."""

    name: str
    work: Callable[[Bench, Names], Cost]
    reads: int | None = None
    writes: int | None = None


class Bench:
    """home: a folder that stands in for the user's."""

    def __init__(self, aws: EmbeddedAws, home: Path) -> None:
        self._aws, self._home = aws, home
        registry = yaml.safe_load((ROOT / "demo" / "registry.yml").read_text(encoding="utf-8"))
        statements = registry["unmanaged"] | registry["managed"]
        self._policies = {
            name: {"Version": "2012-10-17", "Statement": [statements[key] for key in keys]} if keys else None
            for name, keys in registry["repositories"].items()
        }
        (home / "ansible.cfg").touch()
        self._environment = {
            "PATH": os.environ["PATH"],
            "LC_ALL": "C.UTF-8",
            "HOME": str(home),
            "ANSIBLE_CONFIG": str(home / "ansible.cfg"),
            "ANSIBLE_HOME": str(home / "ansible"),
            "ANSIBLE_REMOTE_TMP": str(home / "remote"),
            **aws.environment(),
            # amazon.aws takes its endpoint from AWS_URL, and boto3 from this one.
            "AWS_ENDPOINT_URL": aws.url,
        }

    def ceiling(self) -> float:
        """How many reads a second the AWS answers at no latency, when two processes ask at a time."""
        names = self.plant(ASKED_FOR_CEILING, 0.0)
        with ThreadPoolExecutor() as two:
            costs = list(two.map(lambda _number: self.boto3(names), range(2)))
        return 2 * len(names) / max(cost.seconds for cost in costs)

    def round(self, repositories: int, latency: float, contenders: Sequence[Contender]) -> Iterator[tuple[str, Cost]]:
        """Every contender once, in an order in which each leaves the repositories as the next one needs them."""
        names = self.plant(repositories, latency)
        for contender in contenders:
            self._aws.reset_calls()
            yield contender.name, contender.work(self, names)
            calls = self._aws.calls()
            for operation, wanted in (
                ("GetRepositoryPolicy", contender.reads),
                ("SetRepositoryPolicy", contender.writes),
            ):
                if wanted is not None and calls.get(operation, 0) != wanted * repositories:
                    raise Unexpected(f"{contender.name} of {repositories} repositories asked AWS for {calls}")

    def plant(self, repositories: int, latency: float) -> list[str]:
        """The policies of the demonstration, over and over, each in a repository of its own."""
        self._aws.reset()
        kinds = islice(cycle(self._policies.items()), repositories)
        planted = {f"{name}-{number:04}": policy for number, (name, policy) in enumerate(kinds)}
        self._aws.plant_many(planted)
        self._aws.settings(latency=latency)
        return list(planted)

    def play(self, task: Task, *arguments: str) -> Cost:
        play = {
            "hosts": "localhost",
            "connection": "local",
            "gather_facts": False,
            "vars": {"ansible_python_interpreter": sys.executable},
            "tasks": [{"name": "Measure", **task}],
        }
        playbook = self._home / "playbook.yml"
        playbook.write_text(json.dumps([play]), encoding="utf-8")
        return self._run(["-m", "ansible", "playbook", "--inventory=localhost,", *arguments, str(playbook)])

    def boto3(self, names: Names, *, write: bool = False) -> Cost:
        asked = {"repositories": names, "threads": THREADS, "write": write}
        return self._run([str(ROOT / "benchmark" / "plain.py")], json.dumps(asked))

    def module(self, options: Mapping[str, Any]) -> Cost:
        """The module without Ansible around it."""
        command = ["-m", "ansible_collections.imageshare.aws.plugins.modules.ecr_share_policy"]
        return self._run(command, json.dumps({"ANSIBLE_MODULE_ARGS": options}))

    def _run(self, arguments: Sequence[str], text: str = "") -> Cost:
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as printed:
            given.write(text.encode())
            given.seek(0)
            begin = time.monotonic()
            process = subprocess.Popen(
                [sys.executable, *arguments],
                stdin=given,
                stdout=printed,
                stderr=subprocess.STDOUT,
                env=self._environment,
            )
            _pid, status, usage = os.wait4(process.pid, 0)
            seconds = time.monotonic() - begin
            process.returncode = os.waitstatus_to_exitcode(status)
            printed.seek(0)
            if process.returncode:
                raise Unexpected(f"{' '.join(arguments)} ended with {process.returncode}: {printed.read()[-2000:]!r}")
        # In KiB on Linux, and here in MB.
        return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6)


def options(names: Names, workers: int = THREADS) -> dict[str, Any]:
    return {"repositories": names, "grants": GRANTS, "purge_deleted_principals": True, "concurrency": workers}


def share(names: Names, workers: int = THREADS) -> Task:
    return {"imageshare.aws.ecr_share_policy": options(names, workers)}


def work(workers: int) -> Contender:
    return Contender(f"{workers} at a time", lambda bench, names: bench.play(share(names, workers), "--check"), 1, 0)


def audit(names: Names) -> Task:
    return {"imageshare.aws.ecr_share_policy_info": {"repositories": names, "concurrency": THREADS}}


def loop(names: Names) -> Task:
    return {"community.aws.ecs_ecr": {"name": "{{ item }}", "policy": POLICY}, "loop": names}


# In the order in which they take turns.
CONTENDERS = (
    Contender("ping", lambda bench, _names: bench.play({"ansible.builtin.ping": {}}), reads=0, writes=0),
    Contender("boto3 reads", lambda bench, names: bench.boto3(names), reads=1, writes=0),
    Contender("check", lambda bench, names: bench.play(share(names), "--check"), reads=1, writes=0),
    Contender("check --diff", lambda bench, names: bench.play(share(names), "--check", "--diff"), reads=1, writes=0),
    Contender("apply", lambda bench, names: bench.play(share(names)), writes=1),
    Contender("unchanged", lambda bench, names: bench.play(share(names)), reads=1, writes=0),
    Contender("audit", lambda bench, names: bench.play(audit(names)), reads=1, writes=0),
    Contender("boto3 writes", lambda bench, names: bench.boto3(names, write=True), reads=1, writes=1),
)
# The peer, which knows one repository at a time and sets its policy as a whole.
LOOPED = (
    Contender("ecs_ecr apply", lambda bench, names: bench.play(loop(names)), writes=1),
    Contender("ecs_ecr unchanged", lambda bench, names: bench.play(loop(names)), writes=0),
)
AT_A_TIME = tuple(map(work, WORKERS))
# Without Ansible around it, to see what memory the module itself takes.
ALONE = (
    Contender("module", lambda bench, names: bench.module(options(names) | {"_ansible_check_mode": True})),
    Contender(
        "module --diff",
        lambda bench, names: bench.module(options(names) | {"_ansible_check_mode": True, "_ansible_diff": True}),
    ),
)


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    processors = Path("/proc/cpuinfo")
    text = processors.read_text(encoding="utf-8") if processors.exists() else ""
    model = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "processor": model[1] if model else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **{name: version(name) for name in ("ansible-core", "boto3", "moto")},
        "threads": THREADS,
        "load": round(os.getloadavg()[0], 1),
    }


def measure(bench: Bench, sizes: Sequence[int], latencies: Sequence[float], rounds: int) -> dict[str, Any]:
    runs: dict[tuple[str, float, int], list[Cost]] = {}

    def note(repositories: int, latency: float, contenders: Sequence[Contender]) -> None:
        for name, cost in bench.round(repositories, latency, contenders):
            runs.setdefault((name, latency, repositories), []).append(cost)
            print(
                f"{latency * 1000:3.0f} ms {repositories:6,} {name:18} {cost.seconds:7.2f} s "
                f"{cost.cpu:7.2f} s of CPU {cost.memory:5.0f} MB",
                flush=True,
            )

    where = machine()
    # The first process of a kind compiles what later ones load.
    for contenders in (CONTENDERS, LOOPED):
        for _cost in bench.round(1, 0.0, contenders):
            pass
    ceiling = bench.ceiling()
    looped = (1, min(LONGEST_LOOP, sizes[-1]))
    for latency in latencies:
        for repositories in sorted({*sizes, *looped}):
            for _number in range(rounds if repositories < MANY else 1):
                if repositories in sizes:
                    note(repositories, latency, CONTENDERS)
                if repositories in looped:
                    note(repositories, latency, LOOPED)
    for _number in range(rounds):
        note(min(WORKED_ON, sizes[-1]), latencies[-1], AT_A_TIME)
    note(sizes[-1], 0.0, ALONE)
    return {
        "machine": where,
        "ceiling": round(ceiling),
        "runs": [
            {
                "contender": name,
                "latency": latency,
                "repositories": repositories,
                "rounds": [{key: round(value, 3) for key, value in asdict(cost).items()} for cost in costs],
            }
            for (name, latency, repositories), costs in runs.items()
        ],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES, help="how many repositories at a time")
    parser.add_argument("--many", action="store_true", help=f"{MANY:,} repositories, too")
    parser.add_argument("--latencies", nargs="+", type=float, default=LATENCIES, help="in seconds a call")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often, up to a thousand repositories")
    parser.add_argument("--results", type=Path, help="write the figures there, and leave the documentation alone")
    arguments = parser.parse_args()
    sizes = sorted({*arguments.sizes, *([MANY] if arguments.many else [])})
    with tempfile.TemporaryDirectory() as home, EmbeddedAws() as aws:
        try:
            results = measure(Bench(aws, Path(home)), sizes, arguments.latencies, arguments.rounds)
        except Unexpected as error:
            print(f"The benchmark failed: {error}", file=sys.stderr)
            return 1
    (arguments.results or RESULTS).write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    if not arguments.results:
        write_pages(results)
    print(summary(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
