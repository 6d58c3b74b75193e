# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""GitHub's workflows run what is there. actionlint, in ``make lint``, looks at all else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.imageshare.aws.tools.matrix import CELLS

ROOT = Path(__file__).resolve().parents[3]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
WORKFLOWS: dict[str, dict[str, Any]] = {
    path.name: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))
}
JOBS = {f"{name} {job}": definition for name, flow in WORKFLOWS.items() for job, definition in flow["jobs"].items()}


def commands(job: dict[str, Any]) -> str:
    return "\n".join(step.get("run", "") for step in job["steps"])


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS.keys())
def test_targets_and_tools_that_a_job_calls_exist(job: dict[str, Any]) -> None:
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z-]+)", commands(job))) <= targets
    assert all((ROOT / tool).is_file() for tool in re.findall(r"\btools/\S+", commands(job)))


def test_the_checks_of_a_release_and_of_every_change_are_called() -> None:
    called = {name: set(re.findall(r"\bmake ([a-z-]+)", commands(job))) for name, job in JOBS.items()}
    assert called["test.yml test"] == {"test"}
    assert called["matrix.yml matrix"] == {"matrix"}
    assert called["weekly.yml thorough"] == {"test-thorough"}
    assert called["weekly.yml matrix"] == {"matrix"}
    assert called["docs.yml build"] == {"docs"}
    assert {"package", "galaxy"} <= called["release.yml build"]


def test_every_python_is_tested_that_makes_an_environment() -> None:
    first, last = re.findall(r"Python 3\.(\d+) to 3\.(\d+)", (ROOT / "tools" / "environment.sh").read_text("utf-8"))[0]
    tested = WORKFLOWS["test.yml"]["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert tested == [f"3.{minor}" for minor in range(int(first), int(last) + 1)]


def test_every_python_of_the_matrix_is_there() -> None:
    (setup,) = (step for step in JOBS["matrix.yml matrix"]["steps"] if "setup-python" in step.get("uses", ""))
    assert set(setup["with"]["python-version"].split()) == {cell.python for cell in CELLS}


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_may_read_and_no_more_but_to_deploy_pages(name: str) -> None:
    flow = WORKFLOWS[name]
    assert flow["permissions"] == {"contents": "read"}
    more = {job: definition["permissions"] for job, definition in flow["jobs"].items() if "permissions" in definition}
    assert more == ({"deploy": {"pages": "write", "id-token": "write"}} if name == "docs.yml" else {})


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS.keys())
def test_an_action_has_a_major_version_and_a_secret_goes_to_one_step(job: dict[str, Any]) -> None:
    assert all(re.fullmatch(r"actions/[\w-]+@v\d+", step["uses"]) for step in job["steps"] if "uses" in step)
    assert "secrets." not in str({key: value for key, value in job.items() if key != "steps"})
    assert sum("secrets." in str(step) for step in job["steps"]) <= 1


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_says_that_it_has_never_run(name: str) -> None:
    text = (ROOT / ".github" / "workflows" / name).read_text(encoding="utf-8")
    assert "This workflow has never run on GitHub yet." in text.partition("\n---\n")[0].replace("\n# ", " ")
