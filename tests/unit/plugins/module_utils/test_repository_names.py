# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of repositories and the patterns that choose among them."""

from __future__ import annotations

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._repository_names import (
    Selection,
    is_pattern,
    matches,
    problem_with,
    select,
)

GOOD = {
    "a word": "base",
    "two characters": "ab",
    "digits": "42",
    "a path": "base/python/slim",
    "dots, underscores and hyphens": "my-team/web.app_v2",
    "256 characters": "a" * 256,
    "what a URI has, elsewhere": "web.dkr.ecr/public",
    "a star": "*",
    "a star that crosses paths": "services/*",
    "question marks and sets": "v?/[a-c]/[!x]",
}


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD.keys())
def test_a_name_or_pattern_may_be(text: str) -> None:
    assert problem_with(text) is None


@pytest.mark.parametrize("text", ["*", "base/*", "v?", "[ab]c"])
def test_a_pattern_has_a_wildcard(text: str) -> None:
    assert is_pattern(text)


@pytest.mark.parametrize("text", ["base", "base/python", "a.b_c-d", "]"])
def test_a_plain_name_has_none(text: str) -> None:
    assert not is_pattern(text)


MATCHES = {
    "a name is itself": (["base"], "base", True),
    "a name is no prefix": (["base"], "base/python", False),
    "a name is no pattern, whatever a dot means elsewhere": (["a.b"], "axb", False),
    "a star crosses slashes": (["services/*"], "services/web/front", True),
    "a star may stand for nothing": (["services/*"], "services/", True),
    "a star needs what is before it": (["services/*"], "services", False),
    "a question mark is one character": (["v?"], "v1", True),
    "a question mark is not two": (["v?"], "v10", False),
    "a set is one of its characters": (["v[12]"], "v2", True),
    "a set is no other": (["v[12]"], "v3", False),
    "a set may be all others": (["v[!12]"], "v3", True),
    "a pattern has a case": (["b*"], "Base", False),
    "a dot in a pattern is a dot": (["a.*"], "axb", False),
    "one of several is enough": (["web", "base/*"], "base/python", True),
    "none of several": (["web", "base/*"], "services", False),
    "nothing matches nothing": ([], "base", False),
}


@pytest.mark.parametrize(("patterns", "name", "expected"), MATCHES.values(), ids=MATCHES.keys())
def test_matching(patterns: list[str], name: str, expected: bool) -> None:
    assert matches(patterns, name) is expected


EXISTING = ["web", "services/web", "base/ruby", "base/python"]
SELECTIONS = {
    "names come in the order asked for": (["web", "base/ruby"], ["web", "base/ruby"], []),
    "a name need not exist": (["nowhere"], ["nowhere"], []),
    "a name comes once": (["web", "base/ruby", "web"], ["web", "base/ruby"], []),
    "a pattern's repositories are sorted": (["base/*"], ["base/python", "base/ruby"], []),
    "a pattern chooses no new name": (["base/[!p]*"], ["base/ruby"], []),
    "a name keeps its place before the pattern that has it as well": (
        ["base/ruby", "base/*", "web"],
        ["base/ruby", "base/python", "web"],
        [],
    ),
    "a pattern keeps its place before the name": (
        ["base/*", "web", "base/python"],
        ["base/python", "base/ruby", "web"],
        [],
    ),
    "two patterns may choose the same": (["*web", "services/*"], ["services/web", "web"], []),
    "a pattern that chooses none is told, once": (["x*", "web", "y*", "x*"], ["web"], ["x*", "y*"]),
    "a bracket that is never closed is itself, and chooses none": (["base[*"], [], ["base[*"]),
    "everything": (["*"], ["base/python", "base/ruby", "services/web", "web"], []),
}


@pytest.mark.parametrize(("wanted", "names", "unmatched"), SELECTIONS.values(), ids=SELECTIONS.keys())
def test_selecting(wanted: list[str], names: list[str], unmatched: list[str]) -> None:
    assert select(wanted, EXISTING) == Selection(tuple(names), tuple(unmatched))
