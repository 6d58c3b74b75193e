# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Versions that are said in several places are the same. That of the collection in code is in test_manifests.py."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]


def load(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def added() -> Iterator[tuple[str, str]]:
    """What says since when it is there, and since when."""
    for path in (*(ROOT / "plugins").rglob("*.py"), *(ROOT / "roles").rglob("argument_specs.yml")):
        for version in re.findall(
            r"^ *version_added: *[\"']?([^\s\"']+)", path.read_text(encoding="utf-8"), re.MULTILINE
        ):
            yield str(path.relative_to(ROOT)), version


def test_nothing_is_newer_than_the_collection() -> None:
    version = numbers(load("galaxy.yml")["version"])
    assert [(path, since) for path, since in added() if numbers(since) > version] == []


def test_modules_plugins_and_entry_points_say_since_when_they_are_there() -> None:
    named = {path for path, _since in added()}
    documented = {
        str(path.relative_to(ROOT))
        for folder in ("filter", "inventory", "modules")
        for path in (ROOT / "plugins" / folder).glob("*.py")
    }
    assert documented
    assert documented - named == set()
    specs = load("roles/ecr_share/meta/argument_specs.yml")["argument_specs"]
    assert [name for name, spec in specs.items() if "version_added" not in spec] == []


def test_the_role_needs_the_ansible_core_of_the_collection() -> None:
    needed = load("roles/ecr_share/meta/main.yml")["galaxy_info"]["min_ansible_version"]
    assert load("meta/runtime.yml")["requires_ansible"] == f">={needed}.0"
