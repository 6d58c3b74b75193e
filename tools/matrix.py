# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the tests on every combination of versions that the collection claims, and on some that it refuses.

The table below is what is claimed: a unit test holds the documents and the metadata against it. nox runs its cells one
after the other, see tools/noxfile.py. In the end the matrix is printed as a table, and written to build/matrix.md.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"
ENVIRONMENTS = BUILD / "nox"
RESULTS = ENVIRONMENTS / "results"
ALLOW_MISSING = "allow-missing-interpreters"
NO_INTERPRETER = "no interpreter"

# The pure core, and each part of what a run goes through, as real processes. What a file left out would show on one
# version, it would show on all of them. Measurements, the tools and the test equipment are not what is tried here.
UNIT = (
    "tests/unit",
    "--hypothesis-profile=sparse",
    "--ignore=tests/unit/plugins/module_utils/_evaluation/test_cost.py",
    "--ignore=tests/unit/support",
    "--ignore=tests/unit/tools",
)
# Nothing else imports boto3, which tests/unit/plugins/module_utils/test_purity.py checks.
UNIT_OF_BOTO3 = ("tests/unit/plugins/module_utils/_aws", "--hypothesis-profile=sparse")
MODULES = tuple(
    f"tests/integration/test_{name}.py"
    for name in (
        "input",
        "sharing",
        "registry_sharing",
        "template_sharing",
        "auditing",
        "restoring",
        "repository_info",
        "inventory",
        "role",
        "playbooks",
    )
)


@dataclass(frozen=True)
class Cell:
    """Versions, and what is run with them.

    ansible: the package, which carries ansible-core and amazon.aws. core, amazon_aws: what it is chosen for.
    boto3: the exact version of boto3 and botocore; None for the newest. tests: arguments of pytest, a run each.
    """

    name: str
    python: str
    core: str
    amazon_aws: str
    ansible: str
    boto3: str | None
    tests: tuple[tuple[str, ...], ...]

    @property
    def refused(self) -> bool:
        return self.tests == REFUSALS

    @property
    def requirements(self) -> tuple[str, ...]:
        boto3 = ("boto3<2",) if self.boto3 is None else (f"boto3=={self.boto3}", f"botocore=={self.boto3}")
        return (f"ansible=={self.ansible}", *boto3)


REFUSALS = (("tests/old_cores",),)
EVERYTHING = (UNIT, MODULES)
# What an old boto3 does not know, tests/old_boto3 shows, in the place of what cannot be done with it. The first one
# that amazon.aws 10 takes knows neither creation templates nor the settings of an account, of which the scope of
# registry policies is one. The first one that amazon.aws 11 takes knows both, but not all fields of templates. Both
# use what Python 3.12 deprecates.
OLD_UTCNOW = "-Wignore:datetime.datetime.utcnow:DeprecationWarning"
UNKNOWN_TO_1_34 = tuple(
    "--deselect=tests/unit/plugins/module_utils/_aws/test_registry.py"
    f"::test_an_operation_exists_at_aws_with_its_answer[{operation}]"
    for operation in ("DESCRIBE_TEMPLATES", "GET_ACCOUNT_SETTING", "UPDATE_TEMPLATE")
)
WITH_1_34 = (
    (*UNIT_OF_BOTO3, *UNKNOWN_TO_1_34, OLD_UTCNOW),
    (
        *(name for name in MODULES if "template_sharing" not in name and "registry_sharing" not in name),
        "tests/old_boto3/test_boto3_1_34.py",
        "--deselect=tests/integration/test_auditing.py::TestDocumentation::test_all_that_it_says_to_return_is_returned",
        # Whoever is taken out is looked for in templates as well, which fails.
        "--deselect=tests/integration/test_role.py::TestAbsence"
        "::test_needs_those_who_lose_their_access_whatever_grants_are_declared",
        "--deselect=tests/integration/test_role.py::TestAConditionOnTheRole"
        "::test_is_told_what_was_found_and_fails_on_findings",
        OLD_UTCNOW,
    ),
)
WITH_1_35 = (
    (*UNIT_OF_BOTO3, OLD_UTCNOW),
    (
        *(name for name in MODULES if "template_sharing" not in name),
        "tests/old_boto3/test_boto3_1_35.py",
        OLD_UTCNOW,
    ),
)

CELLS = (
    Cell("core-2.19", "3.11", "2.19", "10.1", "12.3.0", None, EVERYTHING),
    Cell("core-2.19-lowest-boto3", "3.11", "2.19", "10.1", "12.3.0", "1.34.0", WITH_1_34),
    Cell("core-2.20", "3.12", "2.20", "10.3", "13.8.0", None, EVERYTHING),
    Cell("core-2.20-lowest-boto3", "3.12", "2.20", "10.3", "13.8.0", "1.34.0", WITH_1_34),
    Cell("core-2.21", "3.13", "2.21", "11.4", "14.5.0", None, EVERYTHING),
    Cell("core-2.21-lowest-boto3", "3.13", "2.21", "11.4", "14.5.0", "1.35.0", WITH_1_35),
    Cell("refused-2.18", "3.11", "2.18", "9.5", "11.13.0", None, REFUSALS),
    Cell("refused-2.17", "3.11", "2.17", "8.2", "10.7.0", None, REFUSALS),
    Cell("refused-2.16", "3.11", "2.16", "7.6", "9.13.0", None, REFUSALS),
)


@dataclass(frozen=True)
class Row:
    """What a cell came to."""

    cell: Cell
    versions: str
    tests: str
    seconds: str
    result: str


def counts(cell: Cell) -> tuple[int, int]:
    """Return how many tests were run, and how many of them failed."""
    tests, failed = 0, 0
    for report in sorted(RESULTS.glob(f"{cell.name}.*.xml")):
        for suite in ElementTree.parse(report).getroot().iter("testsuite"):
            tests += int(suite.get("tests", 0)) - int(suite.get("skipped", 0))
            failed += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
    return tests, failed


def rows() -> Iterator[Row]:
    for cell in CELLS:
        path = RESULTS / f"{cell.name}.json"
        if not path.exists():
            yield Row(cell, "", "", "", "not run")
            continue
        told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        tests, failed = counts(cell)
        wrong = [name for name in ("core", "amazon_aws") if not told[name].startswith(f"{getattr(cell, name)}.")]
        result = told["result"]
        if result == "passed" and wrong:
            result = f"not the {' and '.join(wrong)} of the cell"
        elif result == "passed" and cell.refused:
            result = "refused"
        versions = " | ".join(told[name] for name in ("python", "core", "amazon_aws", "boto3"))
        yield Row(cell, versions, f"{tests - failed} of {tests}", f"{told['seconds']:.0f}", result)


def table(found: list[Row]) -> str:
    lines = ["| Cell | Python | ansible-core | amazon.aws | boto3 | Tests passed | Seconds | Result |"]
    lines.append("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for row in found:
        versions = row.versions or f"{row.cell.python} | {row.cell.core} | {row.cell.amazon_aws} | "
        lines.append(f"| {row.cell.name} | {versions} | {row.tests} | {row.seconds} | {row.result} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cell", action="append", choices=[cell.name for cell in CELLS], help="this one, and no other")
    parser.add_argument(f"--{ALLOW_MISSING}", action="store_true", help="do not fail where a Python is not there")
    arguments = parser.parse_args()
    chosen = arguments.cell or [cell.name for cell in CELLS]
    RESULTS.mkdir(parents=True, exist_ok=True)
    for old in RESULTS.iterdir():
        old.unlink()
    command = [sys.executable, "-m", "nox", f"--noxfile={Path(__file__).with_name('noxfile.py')}"]
    command += [f"--envdir={ENVIRONMENTS}", "--default-venv-backend=uv", "--reuse-existing-virtualenvs"]
    command += ["--sessions", *chosen, "--", *([ALLOW_MISSING] if arguments.allow_missing_interpreters else [])]
    done = subprocess.run(command, check=False)
    found = [row for row in rows() if row.cell.name in chosen]
    text = table(found)
    (BUILD / "matrix.md").write_text(text, encoding="utf-8")
    print(f"\n{text}")
    fine = {"passed", "refused", *((NO_INTERPRETER,) if arguments.allow_missing_interpreters else ())}
    for row in found:
        if row.result == NO_INTERPRETER:
            print(f"MISSING: there is no Python {row.cell.python}, so {row.cell.name} was not tried.", file=sys.stderr)
    failed = [row.cell.name for row in found if row.result not in fine]
    if failed:
        print(f"Not as it should be: {', '.join(failed)}.", file=sys.stderr)
    return 1 if failed or done.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
