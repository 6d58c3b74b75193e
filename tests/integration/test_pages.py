# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pages of docs/ hold true: their commands run, their YAML is what they need, and they print what is shown."""

from __future__ import annotations

import ast
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.imageshare.aws.tests.integration import pages
from ansible_collections.imageshare.aws.tests.integration.pages import Block
from ansible_collections.imageshare.aws.tests.support.ansible_process import ansible
from ansible_collections.imageshare.aws.tests.support.embedded_aws import EmbeddedAws

# Those with commands. The inventory is on the first of them, and all others go on from it.
INVENTORY = "share.md"
TO_COME = "coming-repositories.md"
CONTROLLERS = "automation.md"
JOBS = (
    "getting-started.md",
    INVENTORY,
    "adopt.md",
    "audit.md",
    "ask.md",
    "offboard.md",
    "recover.md",
    TO_COME,
    CONTROLLERS,
)
OTHER_TOOLS = "coming-from.md"
# Those with examples that test_documents.py runs, one by one.
OF_EXAMPLES = (
    "accounts-and-regions.md",
    "backups.md",
    "grants.md",
    "many-repositories.md",
    "permissions.md",
    "report.md",
    "warnings.md",
)
TO_UNDERSTAND = ("index.md", "limits.md", "merging.md", "security.md")
WITHOUT_COMMANDS = (OTHER_TOOLS, "acceptance.md", "messages.md", "performance.md", "reliability.md")
_STAMP = "20261125T024700Z"


@dataclass
class Reader:
    """Does what a page says, in a folder of its own, and keeps what was printed last."""

    aws: EmbeddedAws
    folder: Path
    codes: list[int] = field(default_factory=list)
    printed: str = ""

    def write(self, block: Block) -> None:
        path = self.folder / str(block.file)
        beside = path.parent.with_suffix(".yml")
        path.parent.mkdir(parents=True, exist_ok=True)
        if beside.is_file():
            # Ansible takes a file or a folder of this name, and pages say so.
            shutil.copy(beside, path.parent / "main.yml")
        path.write_text(block.text, encoding="utf-8")

    def run(self, block: Block) -> None:
        self.codes, self.printed = [], ""
        for command in block.commands:
            for name in ("$PWD", "$HOME"):
                command = command.replace(name, str(self.folder))
            if _STAMP in command:
                command = command.replace(_STAMP, self.latest_backup)
            self._run(shlex.split(command))

    def play(self, tasks: Any) -> None:
        playbook = self.folder / "playbook.yml"
        playbook.write_text(
            yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]), encoding="utf-8"
        )
        self.codes, self.printed = [], ""
        self._run(["ansible-playbook", str(playbook)])

    @property
    def latest_backup(self) -> str:
        """The name of the newest directory of a run that shared."""
        runs = (self.folder / "ecr-backups").glob("*/*/manifest.json")
        return max(path.parent.parent.name for path in runs if '"share"' in path.read_text(encoding="utf-8"))

    def _run(self, words: list[str]) -> None:
        if words[0] == "ansible-playbook":
            done = ansible(self.aws, self.folder, "playbook", *words[1:])
            self.codes.append(done.code)
            self.printed += done.output
        elif words[:-1] == ["aws", "ecr", "delete-repository-policy", "--repository-name"]:
            self.aws.client().delete_repository_policy(repositoryName=words[-1])
        else:
            assert words[0] in ("cat", "cp"), words
            done_ = subprocess.run(words, cwd=self.folder, check=True, capture_output=True, text=True)
            self.printed += done_.stdout


@pytest.mark.parametrize("name", JOBS)
def test_page_does_what_it_says_and_prints_what_it_shows(name: str, aws: EmbeddedAws, tmp_path: Path) -> None:
    pages.plant(aws)
    if name == TO_COME:
        pages.plant_what_is_to_come(aws)
    if name == CONTROLLERS:
        aws.client("s3").create_bucket(Bucket="ecr-share-backups")
    reader = Reader(aws, tmp_path)
    for block in pages.blocks(pages.read(INVENTORY)):
        if block.file:
            reader.write(block)
    for block, following in zip(found := pages.blocks(pages.read(name)), [*found[1:], None], strict=True):
        content = yaml.safe_load(block.text) if block.language == "yaml" else None
        shown = following.text if following is not None and following.language == "text" else ""
        if block.file:
            reader.write(block)
        elif isinstance(content, list):
            reader.play(content)
        elif block.language == "shell":
            reader.run(block)
        if shown:
            assert list(pages.not_printed(shown, reader.printed)) == [], reader.printed
        # A playbook that was written into a file is run by a command further down.
        if block.language == "shell" or (isinstance(content, list) and not block.file):
            assert any(reader.codes) is ("FAILED!" in shown), reader.printed


def test_page_on_other_tools_has_commands_of_other_pages() -> None:
    """So they have run, and have printed what is shown."""
    run = [block for name in JOBS for block in pages.blocks(pages.read(name))]
    commands = {command for block in run for command in block.commands}
    shown = {line for block in run if block.language == "text" for line in block.text.splitlines()}
    blocks = pages.blocks(pages.read(OTHER_TOOLS))
    assert {command for block in blocks for command in block.commands} <= commands
    assert {line for block in blocks if block.language == "text" for line in block.text.splitlines()} <= shown


def test_every_page_is_run_or_has_no_commands() -> None:
    without = {*WITHOUT_COMMANDS, *TO_UNDERSTAND}
    assert {path.name for path in pages.FOLDER.glob("*.md")} == {*JOBS, *OF_EXAMPLES, *without}
    assert not any(block.file for name in without for block in pages.blocks(pages.read(name)))


def test_first_page_names_every_other() -> None:
    named = set(re.findall(r"\]\(([\w-]+\.md)\)", pages.read("index.md")))
    assert {path.name for path in pages.FOLDER.glob("*.md")} == {*named, "index.md"}


@pytest.mark.parametrize("name", [*JOBS, *OF_EXAMPLES, *TO_UNDERSTAND, *WITHOUT_COMMANDS])
def test_paths_that_a_page_links_exist(name: str) -> None:
    linked = re.findall(r"\]\(([^):]+)\)", pages.read(name))
    assert [path for path in linked if not (pages.FOLDER / path.partition("#")[0]).exists()] == []


@pytest.mark.parametrize("name", JOBS)
def test_page_of_a_job_says_what_can_go_wrong_and_what_it_takes(name: str) -> None:
    page = pages.read(name)
    assert "\n## What can go wrong\n" in page
    assert "\n## IAM actions\n" in page
    assert len(page.splitlines()) < 175


class TestMessages:
    """What docs/messages.md quotes, somebody says."""

    def test_code_has_every_message(self) -> None:
        said = list(texts_of_the_code())
        assert [message for message in quoted_messages() if not any(is_in(message, text) for text in said)] == []

    def test_code_has_no_message_that_nobody_says(self) -> None:
        assert not any(is_in("… is not a variable of this part; did you mean …?", text) for text in texts_of_the_code())

    def test_every_row_says_why_and_what_to_do(self) -> None:
        rows = re.findall(r"^\| `.*$", pages.read("messages.md"), re.MULTILINE)
        assert len(rows) > 50
        assert [row for row in rows if len(re.findall(r"(?<=\| )[^|]+(?= \|)", row)) != 3] == []


def quoted_messages() -> list[str]:
    return re.findall(r"^\| `([^`]+)` \|", pages.read("messages.md"), re.MULTILINE)


def is_in(message: str, text: str) -> bool:
    """Whether a text holds a message, whose ellipses stand for anything."""
    parts = [re.escape(part) for part in re.split(r"\s*…\s*", message) if part]
    return re.search(".*".join(parts), text, re.DOTALL) is not None


def texts_of_the_code() -> Iterator[str]:
    """The texts in plugins, with an ellipsis for each value in them, and the tasks of the role."""
    root = pages.FOLDER.parent
    for path in (root / "plugins").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
    for path in (root / "roles" / "ecr_share" / "tasks").glob("*.yml"):
        yield " ".join(path.read_text(encoding="utf-8").split())
