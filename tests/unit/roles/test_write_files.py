# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The script of the role that writes the files of a report."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from ansible_collections.imageshare.aws.plugins.filter.ecr_share_internal import ecr_share_internal

SCRIPT = Path(__file__).resolve().parents[3] / "roles" / "ecr_share" / "files" / "write_files.py"
FILES = {"report.html": "<p>{{ 7 * 7 }} é 🐳\r\n", "report.json": '{"a": "\\ud800"}'}


def write(directory: Path, files: Mapping[str, str] = FILES, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT, *options, "ecr_share_report_dir", directory],
        input=ecr_share_internal(files, "pack"),
        capture_output=True,
        text=True,
        check=False,
    )


def modes(directory: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in (directory, *directory.iterdir())}


def test_files_are_written_to_the_letter_for_their_owner_alone(tmp_path: Path) -> None:
    done = write(tmp_path / "reports" / "ecr")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert {path.name: path.read_bytes().decode() for path in (tmp_path / "reports" / "ecr").iterdir()} == FILES
    assert modes(tmp_path / "reports" / "ecr") == {"ecr": 0o700, "report.html": 0o600, "report.json": 0o600}
    assert modes(tmp_path / "reports")["reports"] == 0o700


def test_files_replace_earlier_ones_in_a_directory_that_keeps_its_mode(tmp_path: Path) -> None:
    directory = tmp_path / "ecr"
    directory.mkdir(mode=0o750)
    for name in (*FILES, "other"):
        (directory / name).write_text("an earlier one", encoding="utf-8")
    (directory / "other").chmod(0o644)
    assert write(directory).returncode == 0
    assert modes(directory) == {"ecr": 0o750, "report.html": 0o600, "report.json": 0o600, "other": 0o644}
    assert (directory / "other").read_text(encoding="utf-8") == "an earlier one"


def test_new_files_replace_none_and_if_one_is_there_none_is_written(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text("mine", encoding="utf-8")
    done = write(tmp_path, FILES, "--new")
    assert done.returncode == 1
    assert done.stderr == (
        f"ecr_share_report_dir: there is such a file already, and it is not overwritten: {tmp_path}/report.json\n"
    )
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == {"report.json": "mine"}
    assert write(tmp_path / "other", FILES, "--new").returncode == 0


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("mine", encoding="utf-8")
    (tmp_path / "ecr").mkdir()
    (tmp_path / "ecr" / "report.json").symlink_to(tmp_path / "other")
    assert write(tmp_path / "ecr").returncode == 0
    assert (tmp_path / "other").read_text(encoding="utf-8") == "mine"


def test_what_cannot_be_written_is_reported_in_a_line_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = write(tmp_path / "file" / "ecr")
    assert done.returncode == 1
    assert done.stderr == f"ecr_share_report_dir: Not a directory: {tmp_path}/file/ecr\n"
    (tmp_path / "ecr" / "report.json").mkdir(parents=True)
    done = write(tmp_path / "ecr", {"report.json": "{}"})
    assert done.stderr.startswith("ecr_share_report_dir: Is a directory: ")
    assert [path.name for path in (tmp_path / "ecr").iterdir()] == ["report.json"]
