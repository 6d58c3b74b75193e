# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Do the jobs of an estate, from adopting to recovering, and print what each costs as a table in Markdown.

The repositories are those of tests/support/estate.py, as many as are asked for, in three accounts and two regions. Each
step is one command, and begins where the one before it ended. With C(--keep), what each has printed is kept as well.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.imageshare.aws.tests.support import estate
from ansible_collections.imageshare.aws.tests.support.ansible_process import Done, ansible
from ansible_collections.imageshare.aws.tests.support.embedded_aws import EmbeddedAws

STRANGER = "555566667777"
NEWCOMER = {"newcomer": "730000000099"}
LEAVES = "risk-prod"
FAIL_ON = ["public", "undeclared", "excess"]
OVERWRITTEN = 12
HEAD = ("job", "step", "seconds", "calls to AWS", "lines printed", "exit status")


@dataclass(frozen=True)
class Step:
    """One command.

    Args:
        job: The number of the job that it is a part of.
        title: What it is for.
        playbook: Its name in the collection.
        inventory: What the person has written before.
        options: What the command line says.
        before: What happens to the policies before.
    """

    job: int
    title: str
    playbook: str
    inventory: dict[str, Any]
    options: Sequence[str] = ()
    before: Callable[[EmbeddedAws], None] | None = None


@dataclass(frozen=True)
class Cost:
    """What a step has cost. calls: to AWS, by operation. lines: that were printed."""

    step: Step
    done: Done
    calls: dict[str, int]

    @property
    def lines(self) -> int:
        return len(self.done.output.splitlines())


def steps(home: Path, purged: dict[str, Any]) -> Iterator[Step]:
    """Yield the commands of all jobs. purged: further variables of each inventory that shares."""
    without = estate.inventory(ecr_share_grants=None, ecr_share_repositories=None)
    declared = estate.inventory(**purged)
    yield Step(1, "adopt", "adopt", without, [f"ecr_share_adopt_dir={home}/host_vars"])
    yield Step(1, "the adopted, foreseen", "share", without, ["--check"])
    yield Step(2, "foresee the declared", "share", declared, ["--check"], _forget_adopted(home))
    yield Step(2, "share the declared", "share", declared, [f"ecr_share_backup_dir={home}/backups"])
    yield Step(2, "share again", "share", declared)
    more = {**estate.NAMES, **NEWCOMER}
    onboarded = estate.inventory(
        **purged, ecr_share_principals=more, ecr_share_grants=estate.grants([*estate.CONSUMERS, *NEWCOMER])
    )
    yield Step(3, "foresee a newcomer", "share", onboarded, ["--check"])
    fewer = [name for name in estate.CONSUMERS if name != LEAVES]
    removed = estate.inventory(**purged, ecr_share_grants=estate.grants(fewer))
    yield Step(4, "audit without one of them", "audit", removed, [_json(ecr_share_fail_on=["undeclared"])])
    yield Step(4, "purge it", "share", removed)
    yield Step(5, "foresee an offboarding", "offboard", removed, [f"ecr_share_offboard={estate.LEFT}", "--check"])
    yield Step(5, "offboard", "offboard", removed, [f"ecr_share_offboard={estate.LEFT}"])
    yield Step(
        6,
        "audit with a stranger",
        "audit",
        removed,
        [_json(ecr_share_fail_on=FAIL_ON), f"ecr_share_report_dir={home}/report"],
        _let_in_a_stranger,
    )
    yield Step(7, "is X out?", "ask", removed, [f"ecr_share_ask_principals={estate.LEFT}"])
    yield Step(7, "who can push?", "ask", removed, ["ecr_share_ask_access=push", "ecr_share_ask_repositories=prod/*"])
    yield Step(7, "who is not on our list?", "audit", removed)
    yield Step(8, "snapshot", "snapshot", removed, [f"ecr_share_backup_dir={home}/snapshots"])
    yield Step(
        8,
        "put back",
        "restore",
        removed,
        [f"ecr_share_backup_path={home}/snapshots"],
        _overwrite,
    )
    yield Step(9, "the change as text", "share", onboarded, ["--check", f"ecr_share_report_dir={home}/changes"])


def run(home: Path, size: int, latency: float) -> Iterator[Cost]:
    """Do all steps over so many repositories, each call to AWS taking so many seconds."""
    declared = {"ecr_share_purge_grants": True, "ecr_share_purge_deleted_principals": True}
    with EmbeddedAws() as aws:
        estate.plant(aws, estate.large_estate(size))
        aws.settings(latency=latency)
        for step in steps(home, declared):
            if step.before is not None:
                step.before(aws)
            (home / "inventory.yml").write_text(yaml.safe_dump(step.inventory, sort_keys=False), encoding="utf-8")
            aws.reset_calls()
            yield Cost(step, ansible(aws, home, "playbook", *_arguments(home, step)), aws.calls())


def row(cost: Cost) -> str:
    """Return a row of the table."""
    calls = ", ".join(f"{operation} {count:,}" for operation, count in sorted(cost.calls.items()))
    seconds, code = f"{cost.done.seconds:.1f}", str(cost.done.code)
    return _cells([str(cost.step.job), cost.step.title, seconds, calls, str(cost.lines), code])


def _cells(texts: Sequence[str]) -> str:
    return f"| {' | '.join(texts)} |"


def _arguments(home: Path, step: Step) -> list[str]:
    options = [part for option in step.options for part in ([option] if option.startswith("--") else ["-e", option])]
    return ["-i", str(home / "inventory.yml"), f"imageshare.aws.{step.playbook}", *options]


def _json(**variables: Any) -> str:
    return json.dumps(variables)


def _forget_adopted(home: Path) -> Callable[[EmbeddedAws], None]:
    def forget(_aws: EmbeddedAws) -> None:
        for path in (home / "host_vars").iterdir():
            path.unlink()

    return forget


def _let_in_a_stranger(aws: EmbeddedAws) -> None:
    for (account, region, name), text in estate.stored(aws).items():
        if name == "services/cart":
            aws.plant(name, estate.with_stranger(text, STRANGER, estate.READ_AND_WRITE), account, region)
        elif name == "services/search":
            aws.plant(name, estate.with_stranger(text, STRANGER, ("*",)), account, region)


def _overwrite(aws: EmbeddedAws) -> None:
    places = [place for place in estate.stored(aws) if place[2].startswith("prod/")]
    for account, region, name in places[:OVERWRITTEN]:
        aws.plant(name, estate.with_stranger(None, STRANGER, ("ecr:*",)), account, region)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", type=int, default=1000, help="how many repositories; 69 is one estate")
    parser.add_argument("--latency", type=float, default=0.03, help="seconds of each call to AWS")
    parser.add_argument("--keep", type=Path, help="a folder for what each step has printed")
    options = parser.parse_args()
    # Each command begins with nothing imported, as a person's does.
    os.environ["COLD_PROCESSES"] = "1"
    print(f"{options.size:,} repositories in six registries, and {options.latency:g} s for each call to AWS:\n")
    print(f"{_cells(HEAD)}\n{_cells(['---'] * len(HEAD))}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for number, cost in enumerate(run(Path(folder), options.size, options.latency), 1):
            print(row(cost), flush=True)
            if options.keep is not None:
                _keep(options.keep, number, cost)


def _keep(folder: Path, number: int, cost: Cost) -> None:
    command = " ".join(["ansible-playbook", *_arguments(Path(), cost.step)])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{number:02}-job-{cost.step.job}-{cost.step.playbook}.txt").write_text(
        f"$ {command}\n{cost.done.output}\nexit status {cost.done.code}\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
