# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._repository_names import select
from ansible_collections.imageshare.aws.plugins.module_utils._role.places import compressed
from ansible_collections.imageshare.aws.tests.support.laws import laws
from hypothesis import given
from hypothesis import strategies as st

ALL = ["base/node", "base/python", "prod/eu/api", "prod/eu/web", "prod/us/api", "tool"]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], ()),
        (["tool"], ("tool",)),
        (["base/node"], ("base/node",)),
        (["base/node", "base/python"], ("base/*",)),
        (["prod/eu/web", "prod/eu/api"], ("prod/eu/*",)),
        (["prod/eu/api", "prod/us/api"], ("prod/eu/api", "prod/us/api")),
        # A folder of one is a name, within a whole folder it is a part of the pattern.
        (["prod/us/api"], ("prod/us/api",)),
        (["prod/us/api", "prod/eu/api", "prod/eu/web"], ("prod/*",)),
        (["tool", "base/node", "prod/eu/api", "base/python"], ("tool", "base/*", "prod/eu/api")),
        (ALL, ("*",)),
        (["tool", "tool"], ("tool",)),
        # What does not exist is never a part of a pattern.
        (["base/node", "base/python", "base/ruby"], ("base/*", "base/ruby")),
        ([*ALL, "us-east-1: *"], ("*", "us-east-1: *")),
    ],
)
def test_names_are_as_short_as_they_can_be(names: list[str], expected: tuple[str, ...]) -> None:
    assert compressed(names, ALL) == expected


def test_what_looks_like_a_pattern_is_no_folder() -> None:
    unlisted = ["a*/x", "a*/y", "ab/z"]
    assert compressed(["a*/x", "a*/y"], unlisted) == ("a*/x", "a*/y")


NAME = st.lists(st.sampled_from(["a", "b", "ab", "c"]), min_size=1, max_size=3).map("/".join)


@laws(200)
@given(
    st.lists(NAME, unique=True).flatmap(
        lambda every: st.tuples(st.just(every), st.lists(st.sampled_from(every or [""])))
    )
)
def test_result_selects_the_names_and_no_others(case: tuple[list[str], list[str]]) -> None:
    every, names = case
    names = [name for name in names if name]
    found = compressed(names, every)
    assert set(select(found, every).names) == set(names)
    assert len(found) <= len(set(names))
