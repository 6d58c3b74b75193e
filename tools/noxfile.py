# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a cell of the matrix does. C(make matrix) runs it, see tools/matrix.py, which has the table."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import nox

sys.path.insert(0, str(Path(__file__).parent))
import matrix

VERSIONS = """
import json, platform, boto3, ansible.release
from importlib.resources import files
manifest = json.loads((files("ansible_collections.amazon.aws") / "MANIFEST.json").read_text())
print(json.dumps({
    "python": platform.python_version(),
    "core": ansible.release.__version__,
    "amazon_aws": manifest["collection_info"]["version"],
    "boto3": boto3.__version__,
}))
"""
COLLECTIONS = "import sysconfig; print(sysconfig.get_path('purelib'))"


@functools.cache
def interpreter(version: str) -> str | None:
    """Return the path of a Python of this version that runs. uv executes what it finds, but heeds what pyenv hides."""
    environment = dict(os.environ)
    if shutil.which("pyenv"):
        listed = subprocess.run(["pyenv", "versions", "--bare"], capture_output=True, text=True, check=False)
        environment["PYENV_VERSION"] = ":".join(listed.stdout.split())
    command = ["uv", "python", "find", "--no-python-downloads", "--no-project", "--system", version]
    found = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    return found.stdout.strip() or None


def keep(cell: matrix.Cell, result: str, seconds: float = 0, versions: dict[str, Any] | None = None) -> None:
    unknown = dict.fromkeys(("core", "amazon_aws", "boto3"), "")
    told = {"python": cell.python, **unknown, **(versions or {}), "seconds": seconds, "result": result}
    (matrix.RESULTS / f"{cell.name}.json").write_text(json.dumps(told), encoding="utf-8")


def run(session: nox.Session, cell: matrix.Cell) -> None:
    begin = time.monotonic()
    versions: dict[str, Any] = {}
    result = "failed"
    try:
        session.chdir(matrix.ROOT)
        session.install("--requirement", "requirements/matrix.txt", *cell.requirements)
        collections = Path(str(session.run("python", "-c", COLLECTIONS, silent=True)).strip()) / "ansible_collections"
        link = collections / "imageshare" / "aws"
        link.parent.mkdir(exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(matrix.ROOT)
        versions = json.loads(str(session.run("python", "-c", VERSIONS, silent=True)))
        for number, tests in enumerate(cell.tests):
            command = ["python", "-m", "pytest", "--quiet", "-p", "no:cacheprovider"]
            # More than there are cores, because many tests wait.
            command += ["--numprocesses", "4", "--dist", "loadfile" if number else "load"]
            command += [f"--junit-xml={matrix.RESULTS / f'{cell.name}.{number}.xml'}", *tests]
            # 1: some tests failed, and the others are run all the same.
            session.run(*command, success_codes=(0, 1))
        tests, failed = matrix.counts(cell)
        if failed:
            session.error(f"{failed} of {tests} tests failed.")
        result = "passed"
    finally:
        keep(cell, result, time.monotonic() - begin, versions)


def missing(session: nox.Session, cell: matrix.Cell) -> None:
    keep(cell, matrix.NO_INTERPRETER)
    reason = f"There is no Python {cell.python} here that runs, so this cell is not tried."
    if matrix.ALLOW_MISSING in session.posargs:
        session.skip(reason)
    session.error(reason)


for _cell in matrix.CELLS:
    _python = interpreter(_cell.python)
    _run = functools.partial(run if _python else missing, cell=_cell)
    _run.__name__ = _run.__qualname__ = _cell.name  # type: ignore[attr-defined]
    _run.__doc__ = None
    nox.session(_run, name=_cell.name, python=_python or False)
