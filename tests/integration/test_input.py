# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that cannot be meant: refused by the module in words that say which and why, before AWS is asked anything."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.imageshare.aws.tests.integration.conftest import Run
from ansible_collections.imageshare.aws.tests.integration.statements import (
    ORGANIZATION,
    TEAM,
    allow,
    policy,
    root,
)
from ansible_collections.imageshare.aws.tests.support.embedded_aws import EmbeddedAws
from ansible_collections.imageshare.aws.tests.support.invalid_input import CONTRADICTIONS, OPTIONS, PRINCIPALS, Words

GRANT = {"principals": [TEAM]}
OCTAL = PRINCIPALS["an octal number"][0]


# One of each part of the table of tests/support/invalid_input.py, whose rows are run through the same readers in
# tests/unit/plugins/module_utils/test_invalid_input.py; test_hostile.py has all that can be refused at once.
@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param({"grants": [GRANT, {"principals": [OCTAL]}, GRANT]}, PRINCIPALS["an octal number"][1], id="octal"),
        pytest.param(
            {"grants": [GRANT, {**GRANT, **CONTRADICTIONS["a region of another partition"][0]}, GRANT]},
            CONTRADICTIONS["a region of another partition"][1],
            id="a region of another partition",
        ),
        pytest.param(
            {"grants": [GRANT, {**GRANT, "repositories": ["services/*"]}, GRANT]},
            "matches none of the repositories",
            id="narrowed to nothing of the task",
        ),
    ],
)
def test_a_bad_grant_is_named_by_its_number(aws: EmbeddedAws, run: Run, options: dict[str, Any], words: Words) -> None:
    aws.plant("base/python", None)

    result = run(repositories=["base/python"], **options)

    assert result.failed
    assert result.message.startswith("Nothing was done. grants[1]")
    assert [word for word in ((words,) if isinstance(words, str) else words) if word not in result.message] == []
    assert aws.journal() == []


@pytest.mark.parametrize(
    "name", ["no repositories", "a state in capitals", "a purge with absent", "a concurrency of 17"]
)
def test_a_bad_option_is_named(aws: EmbeddedAws, run: Run, name: str) -> None:
    options, words = OPTIONS[name]
    aws.plant("base/python", None)

    result = run(**{"repositories": ["base/python"], "grants": [GRANT], **options})

    assert result.failed
    assert next(iter(options)) in result.message
    assert [word for word in ((words,) if isinstance(words, str) else words) if word not in result.message] == []
    assert aws.journal() == []


def test_all_problems_are_told_at_once(aws: EmbeddedAws, run: Run) -> None:
    result = run(
        repositories=["Base"],
        grants=[{"principals": ["*"]}, GRANT, {"principals": [ORGANIZATION], "lambda_regions": ["nowhere"]}],
        concurrency=99,
        registry_id="1",
    )

    expected = [
        "grants[0]",
        "grants[2]",
        "accounts only",
        '"nowhere" is not a region',
        "Base",
        "concurrency",
        "registry_id",
    ]
    assert [word for word in expected if word not in result.message] == []
    assert "grants[1]" not in result.message


def test_other_ways_to_write_a_grant_mean_the_same(aws: EmbeddedAws, run: Run) -> None:
    aws.plant("base/python", policy(allow("pull", root(TEAM))))
    principals = [int(TEAM), root(TEAM), f" {TEAM} "]

    result = run(
        repositories=["base/python"],
        grants=[*({"principals": [principal]} for principal in principals), {**GRANT, "lambda_regions": []}],
    )

    assert (result.failed, result.changed) == (False, False)
