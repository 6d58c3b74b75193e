# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which repositories an inventory lists, by name and by tag."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._errors import InvalidInputError
from ansible_collections.imageshare.aws.plugins.module_utils._inventory.filters import read_filter

TAGS = {"team": "platform", "share": "yes", "note": ""}
TAKEN = {
    "no filter": {},
    "the value of a tag": {"team": "platform"},
    "one of several values": {"team": ["payments", "platform"]},
    "a key with any value": {"share": None},
    "a key whose value is empty": {"note": None},
    "an empty value": {"note": ""},
    "several keys that all match": {"team": "platform", "share": ["yes"], "note": None},
}
LEFT_OUT = {
    "another value": {"team": "payments"},
    "none of several values": {"team": ["payments", "web"]},
    "a key that is not there": {"owner": None},
    "one key of two that matches": {"team": "platform", "share": "no"},
    "a value in other case": {"team": "Platform"},
    "a key in other case": {"Team": "platform"},
    "a part of a value": {"team": "plat"},
    "a pattern, which tags have none of": {"team": "plat*"},
    "an empty value of a key that is not there": {"owner": ""},
}
REFUSED = {
    "no names at all": ([], {}, ["repositories is empty"]),
    "a name that is none": (["Base/python"], {}, ['repositories: "Base/python" is not a repository name']),
    "a name that YAML takes for a number": ([42], {}, ["repositories: 42 is not a string"]),
    "a URI": (["123456789012.dkr.ecr.us-east-1.amazonaws.com/base"], {}, ["repositories: "]),
    "a boolean": (["*"], {"share": True}, ["tags[share]: True is not a string; quote"]),
    "a number in a list": (["*"], {"cost": ["1", 2]}, ["tags[cost]: 2 is not a string; quote"]),
    "a map": (["*"], {"team": {"name": "web"}}, ["tags[team]: {'name': 'web'} is not a string"]),
    "null in a list": (["*"], {"team": [None]}, ["tags[team]: None is not a string"]),
    "an empty list": (["*"], {"team": []}, ["tags[team] is empty"]),
    "a key that is no string": (["*"], {7: "x"}, ["tags: the key 7 is not a string; quote it"]),
    "several problems at once": (["-"], {"a": 1, "b": []}, ["repositories: ", "tags[a]: ", "tags[b] is empty"]),
}


@pytest.mark.parametrize("tags", TAKEN.values(), ids=TAKEN.keys())
def test_tags_let_a_repository_through(tags: dict[str, Any]) -> None:
    assert read_filter(["*"], tags).matches("base/python", TAGS)


@pytest.mark.parametrize("tags", LEFT_OUT.values(), ids=LEFT_OUT.keys())
def test_tags_leave_a_repository_out(tags: dict[str, Any]) -> None:
    assert not read_filter(["*"], tags).matches("base/python", TAGS)


@pytest.mark.parametrize(
    ("names", "taken"),
    [(["base/python"], True), (["base/*"], True), (["web", "base/*"], True), (["base"], False), (["web/*"], False)],
)
def test_one_name_or_pattern_must_match(names: list[str], taken: bool) -> None:
    assert read_filter(names, {}).matches("base/python", {}) is taken


def test_names_and_tags_must_both_match() -> None:
    wanted = read_filter(["base/*"], {"team": "platform"})
    assert wanted.matches("base/python", TAGS)
    assert not wanted.matches("web", TAGS)
    assert not wanted.matches("base/python", {})


def test_names_and_patterns_that_match_nothing_are_told() -> None:
    wanted = read_filter(["base/*", "web", "tools/*", "api"], {})
    assert wanted.unmatched(iter(["base/python", "api"])) == ("web", "tools/*")


@pytest.mark.parametrize(("names", "tags", "problems"), REFUSED.values(), ids=REFUSED.keys())
def test_every_problem_names_its_option(names: list[Any], tags: dict[Any, Any], problems: list[str]) -> None:
    with pytest.raises(InvalidInputError) as refused:
        read_filter(names, tags)
    assert len(refused.value.problems) == len(problems)
    assert all(map(str.startswith, refused.value.problems, problems))
