# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Share the repositories of many registries with one command, by numbers of forks, and print a table in Markdown.

Each registry is a host with a role to assume, as a company has them. All share the same grants. In each round the
largest number of forks shares first. Then every number shares again, where nothing changes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import yaml
from ansible_collections.imageshare.aws.tests.support.embedded_aws import EmbeddedAws
from ansible_collections.imageshare.aws.tests.support.module_process import ansible_settings, clean_environment

FORKS = (1, 5, 10, 20)
REGISTRIES, REPOSITORIES = 100, 20
GRANTS = [
    {"principals": ["111122223333", "444455556666"], "access": ["pull", "describe"]},
    {"principals": ["o-exampleorg1"], "repositories": ["base/*"]},
]
FIRST, AGAIN = "first", "again"
PAGE = Path(__file__).resolve().parents[1] / "docs" / "performance.md"
BEGIN, END = "<!-- Made by benchmark/forks.py: begin -->", "<!-- Made by benchmark/forks.py: end -->"


@dataclass(frozen=True)
class Cost:
    """seconds: from beginning to end. cpu: seconds of processors, of all processes. memory: MB of the largest of them.
    calls: to AWS.
    """

    seconds: float
    cpu: float
    memory: float
    calls: int


def accounts(number: int) -> list[str]:
    return [f"{200000000000 + position}" for position in range(number)]


def names(number: int) -> list[str]:
    return [f"{'base' if position % 2 else 'services'}/r{position:03}" for position in range(number)]


def inventory(registries: int) -> str:
    hosts = {
        f"registry-{position:03}": {"ecr_share_assume_role_arn": f"arn:aws:iam::{account}:role/share-images"}
        for position, account in enumerate(accounts(registries))
    }
    common = {"ecr_share_repositories": ["*"], "ecr_share_regions": ["us-east-1"], "ecr_share_grants": GRANTS}
    return yaml.safe_dump({"ecr_registries": {"vars": common, "hosts": hosts}}, sort_keys=False)


def share(aws: EmbeddedAws, home: Path, forks: int) -> Cost:
    """Run the playbook once, as a process that begins with nothing."""
    aws.reset_calls()
    command = ["ansible", "playbook", f"--forks={forks}", f"--inventory={home}/inventory.yml", "imageshare.aws.share"]
    with (home / "printed.txt").open("wb") as printed:
        begin = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            stdout=printed,
            stderr=subprocess.STDOUT,
            env=clean_environment(aws, ansible_settings(home)),
        )
        _pid, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"It ended with {process.returncode}: {(home / 'printed.txt').read_text(encoding='utf-8')[-2000:]}")
    # In KiB on Linux.
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6, sum(aws.calls().values()))


def measure(
    home: Path, registries: int, repositories: int, latency: float, forks: Sequence[int], rounds: int
) -> Iterator[tuple[int, str, Cost]]:
    """Yield what each run has cost."""
    (home / "inventory.yml").write_text(inventory(registries), encoding="utf-8")
    with EmbeddedAws() as aws:
        for _round in range(rounds):
            aws.reset()
            for account in accounts(registries):
                aws.plant_many(dict.fromkeys(names(repositories), None), account)
            aws.settings(latency=latency)
            for number, which in ((max(forks), FIRST), *((number, AGAIN) for number in forks)):
                yield number, which, share(aws, home, number)


def table(costs: Sequence[tuple[int, str, Cost]]) -> Iterator[str]:
    """Yield the lines of the table, with the median of the rounds."""
    yield "| Forks | | seconds | seconds of CPU | MB of the largest process | calls to AWS |"
    yield f"| --- | --- |{' ---: |' * 4}"
    for forks, which in dict.fromkeys((number, name) for number, name, _cost in costs):
        own = [cost for number, name, cost in costs if (number, name) == (forks, which)]
        figures = [median(figure) for figure in zip(*((one.seconds, one.cpu, one.memory) for one in own), strict=True)]
        calls = median(one.calls for one in own)
        yield f"| {forks} | {which} | {' | '.join(f'{figure:.0f}' for figure in figures)} | {calls:,.0f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--registries", type=int, default=REGISTRIES, help="how many")
    parser.add_argument("--repositories", type=int, default=REPOSITORIES, help="how many in each")
    parser.add_argument("--latency", type=float, default=0.03, help="seconds of each call to AWS")
    parser.add_argument("--forks", type=int, nargs="+", default=FORKS, help="numbers of forks")
    parser.add_argument("--rounds", type=int, default=3, help="how often")
    parser.add_argument("--page", action="store_true", help="write the table into docs/performance.md, too")
    options = parser.parse_args()
    costs = []
    with tempfile.TemporaryDirectory() as folder:
        for forks, which, cost in measure(
            Path(folder), options.registries, options.repositories, options.latency, options.forks, options.rounds
        ):
            load = os.getloadavg()[0]
            print(
                f"{forks} forks, {which}: {cost.seconds:.1f} s, {cost.cpu:.1f} s of CPU, {cost.memory:.0f} MB, "
                f"{cost.calls} calls, load {load:.1f}",
                flush=True,
            )
            costs.append((forks, which, cost))
    made = "\n".join(table(costs))
    print(f"\n{made}")
    if options.page:
        before, _begin, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        _old, _end, after = rest.partition(END)
        PAGE.write_text(f"{before}{BEGIN}\n\n{made}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
