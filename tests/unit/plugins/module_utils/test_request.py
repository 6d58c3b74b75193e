# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module's options: what they ask for, and what cannot be meant."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._grants import Access, Grant, InputError, Kind, Principal
from ansible_collections.imageshare.aws.plugins.module_utils._request import Request, read_request

ACCOUNT = "111122223333"


def options(**given: Any) -> dict[str, Any]:
    """The options as Ansible hands them over, with its defaults."""
    return {
        "repositories": ["base/python", "services/*"],
        "grants": [{"principal": ACCOUNT, "access": "pull", "lambda_regions": None, "repositories": None}],
        "state": "present",
        "purge": False,
        "prune_orphans": False,
        "missing": "fail",
        "registry_id": None,
        "force_set_policy": False,
        "concurrency": 8,
        **given,
    }


def read(check_mode: bool = False, diff: bool = False, **given: Any) -> Request:
    return read_request(
        options(**given),
        partition="aws",
        partition_of_region={"us-east-1": "aws", "cn-north-1": "aws-cn"}.get,
        check_mode=check_mode,
        diff=diff,
    )


def problems_of(**given: Any) -> tuple[str, ...]:
    with pytest.raises(InputError) as refusal:
        read(**given)
    return refusal.value.problems


def test_the_defaults_share_carefully() -> None:
    assert read() == Request(
        repositories=("base/python", "services/*"),
        grants=(Grant(Principal(Kind.ACCOUNT, ACCOUNT, ACCOUNT), Access.PULL),),
        sharing=True,
        purge=False,
        prune_orphans=False,
        missing_ok=False,
        force=False,
        concurrency=8,
        dry=False,
        diff=False,
    )


# Of each: the options, and the member of the request with its value.
MEANINGS: dict[str, tuple[dict[str, Any], str, Any]] = {
    "state absent takes away": ({"state": "absent"}, "sharing", False),
    "purge": ({"purge": True}, "purge", True),
    "prune_orphans": ({"prune_orphans": True}, "prune_orphans", True),
    "missing skip": ({"missing": "skip"}, "missing_ok", True),
    "what is to be taken away may be missing": ({"state": "absent"}, "missing_ok", True),
    "force_set_policy": ({"force_set_policy": True}, "force", True),
    "one worker": ({"concurrency": 1}, "concurrency", 1),
    "sixteen workers": ({"concurrency": 16}, "concurrency", 16),
    "check mode": ({"check_mode": True}, "dry", True),
    "diff mode": ({"diff": True}, "diff", True),
}


@pytest.mark.parametrize(("given", "member", "value"), MEANINGS.values(), ids=MEANINGS.keys())
def test_an_option_means(given: dict[str, Any], member: str, value: Any) -> None:
    assert getattr(read(**given), member) == value


def narrowed(*texts: str) -> list[dict[str, Any]]:
    return [{"principal": ACCOUNT, "repositories": list(texts)}]


ACCEPTED: dict[str, dict[str, Any]] = {
    "a registry of another account": {"registry_id": "012345678901"},
    "an empty registry id, as templates make it": {"registry_id": ""},
    "pruning where access is taken away": {"state": "absent", "prune_orphans": True},
    "a narrowed grant to a name of the task": {"grants": narrowed("base/python")},
    "a narrowed grant to a name that a pattern of the task has": {"grants": narrowed("services/web")},
    "a narrowed grant to a pattern of the task": {"grants": narrowed("services/*")},
    "a narrowed grant to a pattern that has a name of the task": {"grants": narrowed("base/*")},
    "a narrowed grant to a pattern within one of the task": {"grants": narrowed("services/web-*")},
    "a narrowed grant to a pattern of plain names": {"repositories": ["a1", "b1"], "grants": narrowed("a*")},
}


@pytest.mark.parametrize("given", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_nothing_is_wrong_with(given: dict[str, Any]) -> None:
    assert read(**given).grants


# Of each: the options, and the words that the one problem must have, the place of it first.
REFUSED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "no repository": ({"repositories": []}, ["repositories is empty", "at least one"]),
    "no name": ({"repositories": ["base/python", "Base"]}, ['repositories: "Base" is not a repository name']),
    "no grant": ({"grants": []}, ["grants is empty"]),
    "no principal": ({"grants": [{"principal": "me"}]}, ["grants[0] (principal me): ", "no principal"]),
    "purge with absent": ({"state": "absent", "purge": True}, ["purge goes with state: present alone"]),
    "no worker": ({"concurrency": 0}, ["concurrency: 0 is not between 1 and 16"]),
    "seventeen workers": ({"concurrency": 17}, ["concurrency: 17 is not between 1 and 16"]),
    "a registry id with a digit less": ({"registry_id": "12345678901"}, ['registry_id: "12345678901"', "quote it"]),
    "a registry id that is a word": ({"registry_id": "twelve-chars"}, ["registry_id", "12-digit"]),
    "a registry id in other digits": ({"registry_id": "١٢٣٤٥٦٧٨٩٠١٢"}, ["registry_id", "12-digit"]),
    "a grant narrowed to nothing": (
        {"grants": narrowed()},
        [f"grants[0] (principal {ACCOUNT}): repositories is empty", "leave it out"],
    ),
    "a grant narrowed to what is no name": (
        {"grants": narrowed("Base")},
        [f"grants[0] (principal {ACCOUNT}): repositories: ", '"Base" is not a repository name'],
    ),
    "a grant narrowed to a name that is not the task's": (
        {"grants": narrowed("base/ruby")},
        ["grants[0]", '"base/ruby" is not among the repositories of the task'],
    ),
    "a grant narrowed to a pattern that has none of the task's names": (
        {"repositories": ["base/python"], "grants": narrowed("services/*")},
        ["grants[0]", '"services/*" matches none of the repositories of the task'],
    ),
}


@pytest.mark.parametrize(("given", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_refused(given: dict[str, Any], words: list[str]) -> None:
    (problem,) = problems_of(**given)
    assert problem.startswith(words[0])
    assert [word for word in words if word not in problem] == []


def test_all_problems_are_told_at_once() -> None:
    problems = problems_of(
        repositories=["base/python", "Base", "arn:aws:ecr:us-east-1:123456789012:repository/base"],
        grants=[
            {"principal": "012345"},
            {"principal": ACCOUNT, "access": "lambda", "lambda_regions": ["cn-north-1"], "repositories": ["nowhere"]},
        ],
        state="present",
        concurrency=99,
        registry_id="1",
    )
    assert [problem.split(" ")[0].rstrip(":") for problem in problems] == [
        "grants[0]",
        "grants[1]",
        "repositories",
        "repositories",
        "grants[1]",
        "concurrency",
        "registry_id",
    ]


def test_what_contradicts_itself_does_not_matter_where_access_is_taken_away() -> None:
    taken = read(state="absent", grants=[{"principal": ACCOUNT, "access": "push", "lambda_regions": ["nowhere"]}])
    assert [grant.principal.name for grant in taken.grants] == [ACCOUNT]
