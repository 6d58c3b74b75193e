# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes into an image with the collection: ansible-builder finds what it needs, and takes the example.

No image is built here: that needs an engine for containers, and a network.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible_collections.amazon.aws.plugins.module_utils.botocore import MINIMUM_BOTO3_VERSION, MINIMUM_BOTOCORE_VERSION
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "execution_environment" / "execution-environment.yml"


def run(folder: Path, command: str, *arguments: str | Path) -> str:
    """Run a command of this environment, in a folder."""
    done = subprocess.run(
        [Path(sys.executable).with_name(command), *arguments], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the artifact is installed, as ansible-builder has it in an image."""
    folder = tmp_path_factory.mktemp("artifact")
    run(ROOT, "ansible-galaxy", "collection", "build", "--output-path", folder)
    (artifact,) = folder.glob("imageshare-aws-*.tar.gz")
    # amazon.aws is found among the packages of this environment, so that nothing is asked of a network.
    run(folder, "ansible-galaxy", "collection", "install", "--force", "--collections-path", folder, artifact)
    return folder


def test_builder_finds_what_the_artifact_needs_of_python(installed: Path) -> None:
    said = run(installed, "ansible-builder", "introspect", "--sanitize", installed)

    found = yaml.safe_load(said)
    assert found["system"] == []
    # Behind each of them is the collection that asks for it.
    requirements = [Requirement(line.partition("#")[0]) for line in found["python"]]
    assert [requirement.name for requirement in requirements] == ["boto3", "botocore"]
    assert {line.partition("# from collection ")[2] for line in found["python"]} == {"imageshare.aws"}


def test_image_gets_what_amazon_aws_takes(installed: Path) -> None:
    """An image with less would warn in each task, and one with more would shut out versions that are claimed."""
    text = (installed / "ansible_collections" / "imageshare" / "aws" / "requirements.txt").read_text(encoding="utf-8")
    lines = [Requirement(line) for line in text.splitlines() if line and not line.startswith("#")]
    lowest = {line.name: str(line.specifier).removeprefix(">=") for line in lines}
    # The newest amazon.aws asks for more than the lowest that is supported, and brings that with it.
    assert {name: version <= known for name, version, known in _beside(lowest)} == {"boto3": True, "botocore": True}


def _beside(lowest: dict[str, str]) -> list[tuple[str, tuple[int, ...], tuple[int, ...]]]:
    known = {"boto3": MINIMUM_BOTO3_VERSION, "botocore": MINIMUM_BOTOCORE_VERSION}
    return [(name, _numbers(version), _numbers(known[name])) for name, version in lowest.items()]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def test_builder_takes_the_example(tmp_path: Path) -> None:
    shutil.copy(EXAMPLE, tmp_path)
    run(tmp_path, "ansible-builder", "create", "--output-filename", "Containerfile")

    context = tmp_path / "context"
    asked = yaml.safe_load((context / "_build" / "requirements.yml").read_text(encoding="utf-8"))
    assert [one["name"] for one in asked["collections"]] == ["imageshare.aws"]
    recipe = (context / "Containerfile").read_text(encoding="utf-8")
    # What the collections need is looked for where they are installed, as above.
    assert "ansible-galaxy collection install" in recipe
    assert "introspect.py introspect" in recipe
    assert 'ARG ANSIBLE_INSTALL_REFS="ansible-core>=2.19 ansible-runner"' in recipe
    # Fedora's image has no Python since it has a package manager that needs none.
    assert 'ARG PYPKG="python3"' in recipe
    assert "RUN $PKGMGR install $PYPKG -y" in recipe
