# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.imageshare.aws.tests.support.embedded_aws import EmbeddedAws


@pytest.fixture(scope="session")
def process() -> Iterator[EmbeddedAws]:
    with EmbeddedAws() as running:
        yield running


@pytest.fixture
def aws(process: EmbeddedAws) -> EmbeddedAws:
    process.reset()
    return process
