# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.imageshare.aws.tests.integration.desk import Desk
from ansible_collections.imageshare.aws.tests.integration.documented import DOCUMENTED
from ansible_collections.imageshare.aws.tests.support import estate
from ansible_collections.imageshare.aws.tests.support.ansible_process import Done, ansible
from ansible_collections.imageshare.aws.tests.support.embedded_aws import SECRET_KEY, EmbeddedAws
from ansible_collections.imageshare.aws.tests.support.module_process import (
    AUDIT,
    BACKUPS,
    RESTORE,
    SHARE,
    SHARE_REGISTRY,
    SHARE_TEMPLATES,
    Result,
    run_module,
)

Run = Callable[..., Result]
Play = Callable[..., Done]


@pytest.fixture(scope="session")
def process() -> Iterator[EmbeddedAws]:
    with EmbeddedAws() as running:
        yield running


@pytest.fixture
def aws(process: EmbeddedAws) -> EmbeddedAws:
    process.reset()
    return process


@pytest.fixture(scope="module")
def desk(process: EmbeddedAws, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """The estate as others have made it, and a folder to look after it."""
    estate.plant(process, estate.estate())
    return Desk(process, tmp_path_factory.mktemp("desk"))


@pytest.fixture
def play(aws: EmbeddedAws, tmp_path: Path) -> Play:
    """Run a playbook of the collection over an inventory, given as data or as the path of one."""

    def run(name: str, inventory: Any, *arguments: str, **environment: str) -> Done:
        if not isinstance(inventory, Path):
            path = tmp_path / "inventory.yml"
            path.write_text(yaml.safe_dump(inventory), encoding="utf-8")
            inventory = path
        return ansible(
            aws, tmp_path, "playbook", "-i", inventory, f"imageshare.aws.{name}", *arguments, environment=environment
        )

    return run


@pytest.fixture
def run(aws: EmbeddedAws) -> Run:
    """Run the module that shares, see tests/support/module_process.py; every result keeps what its documentation
    promises.
    """
    return _checked(aws, SHARE)


@pytest.fixture
def share_registry(aws: EmbeddedAws) -> Run:
    """Run the module that shares by the policy of the registry, likewise."""
    return _checked(aws, SHARE_REGISTRY)


@pytest.fixture
def share_templates(aws: EmbeddedAws) -> Run:
    """Run the module that shares by creation templates, likewise."""
    return _checked(aws, SHARE_TEMPLATES)


@pytest.fixture
def restore(aws: EmbeddedAws) -> Run:
    """Run the module that restores, likewise."""
    return _checked(aws, RESTORE)


@pytest.fixture
def audit(aws: EmbeddedAws) -> Run:
    """Run the module that audits, likewise."""
    return _checked(aws, AUDIT)


@pytest.fixture
def backups(aws: EmbeddedAws) -> Run:
    """Run the module that lists backups, likewise."""
    return _checked(aws, BACKUPS)


def _checked(aws: EmbeddedAws, module: str) -> Run:
    def checked(**options: Any) -> Result:
        result = run_module(aws, module=module, **options)
        DOCUMENTED[module].seen(result.values)
        assert SECRET_KEY not in result.text
        assert "Traceback" not in result.text
        return result

    return checked
