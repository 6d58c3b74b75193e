# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.imageshare.aws.tests.integration.documented import DOCUMENTED
from ansible_collections.imageshare.aws.tests.support.embedded_aws import SECRET_KEY, EmbeddedAws
from ansible_collections.imageshare.aws.tests.support.module_process import AUDIT, RESTORE, SHARE, Result, run_module

Run = Callable[..., Result]


@pytest.fixture(scope="session")
def process() -> Iterator[EmbeddedAws]:
    with EmbeddedAws() as running:
        yield running


@pytest.fixture
def aws(process: EmbeddedAws) -> EmbeddedAws:
    process.reset()
    return process


@pytest.fixture
def run(aws: EmbeddedAws) -> Run:
    """Run the module that shares, see tests/support/module_process.py; every result keeps what its documentation
    promises.
    """
    return _checked(aws, SHARE)


@pytest.fixture
def restore(aws: EmbeddedAws) -> Run:
    """Run the module that restores, likewise."""
    return _checked(aws, RESTORE)


@pytest.fixture
def audit(aws: EmbeddedAws) -> Run:
    """Run the module that audits, likewise."""
    return _checked(aws, AUDIT)


def _checked(aws: EmbeddedAws, module: str) -> Run:
    def checked(**options: Any) -> Result:
        result = run_module(aws, module=module, **options)
        DOCUMENTED[module].seen(result.values)
        assert SECRET_KEY not in result.text
        assert "Traceback" not in result.text
        return result

    return checked
