# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._role.cells import LEVELS, Cell, cells
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.capabilities import NAMES
from ansible_collections.imageshare.aws.tests.support import audits
from hypothesis import given
from hypothesis import strategies as st

TEMPLATES = Path(__file__).resolve().parents[5] / "roles/ecr_share/templates"
TEAM = "111122223333"
CONDITION = {"operator": "StringEquals", "key": "aws:SourceVpc", "values": ["vpc-1"]}
MAYBE = {"position": 8, "sid": None, "certain": False}
AGAIN = {"position": 7, "sid": "Again", "certain": False}
SURELY = {"position": 9, "sid": "No more", "certain": True}
PULL_ACTIONS = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
PUSH_ACTIONS = ["ecr:BatchCheckLayerAvailability", "ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload", "ecr:PutImage"]
SCAN_ACTIONS = ["ecr:StartImageScan"]
ADMIN_ACTIONS = ["ecr:SetRepositoryPolicy"]
LAMBDA_ALONE = {"lambda_regions": ["us-east-1"]}
IF = {"conditions": [CONDITION]}


def share(*access: str, other: list[str] | None = None, principal: str = TEAM, **more: Any) -> dict[str, Any]:
    return audits.share(principal, "account", " ".join(access), other_actions=other or [], **more)


PULL, PUSH, DESCRIBE, FUNCTIONS = share("pull"), share("push"), share("describe"), share(**LAMBDA_ALONE)
SCAN, ADMIN = share(other=SCAN_ACTIONS), share("admin", other=ADMIN_ACTIONS)
CUT = share("pull", denied_by=[MAYBE], can_pull=False)
DEAD = share("push", denied_by=[SURELY], can_push=False)

# The shares of one principal, the levels and marks of its cell, and what the cell says.
CELLS: dict[str, tuple[list[dict[str, Any]], str, str, str]] = {
    "one capability": ([PULL], "pull", "", "pull"),
    "two, apart": ([PULL, PUSH], "pull push", "", "pull and push"),
    "two, together": ([share("pull", "push")], "pull push", "", "pull and push"),
    "in the order of the table": ([DESCRIBE, PUSH, PULL], "pull push describe", "", "pull, push and describe"),
    "push, by actions of which one belongs to it and one to nothing": (
        [PULL, share(other=[*PUSH_ACTIONS, *SCAN_ACTIONS], can_push=True)],
        "pull push other",
        "",
        "pull, push and more",
    ),
    "push, without an action that it has but does not need": (
        [PULL, share(other=PUSH_ACTIONS, can_push=True)],
        "pull push",
        "",
        "pull and push",
    ),
    "pull, without an action that it has but does not need": (
        [share(other=PULL_ACTIONS, can_pull=True)],
        "pull",
        "",
        "pull",
    ),
    "pull and more, apart": ([PULL, SCAN], "pull other", "", "pull and more"),
    "pull and more, together": ([share("pull", other=SCAN_ACTIONS)], "pull other", "", "pull and more"),
    "a half of a capability": ([share(other=PULL_ACTIONS[:1])], "other", "", "other actions"),
    "what another share has anyway": ([PULL, share(other=PULL_ACTIONS[:1])], "pull", "", "pull"),
    "two halves": (
        [share(other=PULL_ACTIONS[:1], can_pull=True), share(other=PULL_ACTIONS[1:], can_pull=True)],
        "pull",
        "",
        "pull",
    ),
    "admin alone": ([ADMIN], "admin", "", "admin"),
    "admin, with all": (
        [share("pull", "push", "describe", "admin", other=[*ADMIN_ACTIONS, *SCAN_ACTIONS])],
        "pull push describe admin",
        "",
        "admin, can pull, push and describe",
    ),
    "admin, and pull apart": ([PULL, ADMIN], "pull admin", "", "admin, can pull"),
    "Lambda alone": ([FUNCTIONS], "lambda", "", "Lambda functions pull"),
    "pull with Lambda": ([share("pull", **LAMBDA_ALONE)], "pull lambda", "", "pull, also Lambda functions"),
    "other actions, and Lambda apart": ([SCAN, FUNCTIONS], "lambda other", "", "other actions, also Lambda functions"),
    "admin, and Lambda apart": ([ADMIN, FUNCTIONS], "lambda admin", "", "admin, also Lambda functions"),
    "all under a condition": ([share("pull", **IF)], "pull", "conditional", "pull, under a condition"),
    "a part under a condition": (
        [PULL, share(other=SCAN_ACTIONS, **IF)],
        "pull other",
        "conditional",
        "pull and more, under a condition",
    ),
    "Lambda under a condition": (
        [PULL, share(**LAMBDA_ALONE, **IF)],
        "pull lambda",
        "conditional",
        "pull, also Lambda functions, under a condition",
    ),
    "the same with a condition and without": ([PULL, share("pull", **IF)], "pull", "", "pull"),
    "perhaps denied": (
        [share("pull", "push", denied_by=[MAYBE])],
        "pull push",
        "doubtful",
        "pull and push, a Deny may defeat it or a part",
    ),
    "denied": ([DEAD], "push", "defeated", "push, defeated by a Deny"),
    "denied, with a condition": (
        [share("describe", denied_by=[SURELY], **IF)],
        "describe",
        "defeated",
        "describe, defeated by a Deny",
    ),
    "Lambda denied": (
        [share(**LAMBDA_ALONE, denied_by=[SURELY])],
        "lambda",
        "defeated",
        "Lambda functions pull, defeated by a Deny",
    ),
    "a part denied, which leaves nothing": (
        [CUT],
        "pull",
        "defeated",
        "pull granted, cannot pull: statement 8 denies a part of it",
    ),
    "a part denied, which leaves another capability": (
        [share("pull", "describe", denied_by=[MAYBE], can_pull=False)],
        "describe",
        "doubtful",
        "describe, cannot pull: statement 8 denies a part of it",
    ),
    "a part denied, and another share": (
        [CUT, PUSH],
        "push",
        "doubtful",
        "push, cannot pull: statement 8 denies a part of it",
    ),
    "one denied, and another share": ([DEAD, PULL], "pull", "doubtful", "pull, cannot push: statement 9 denies it"),
    "one denied of which nothing else is said": (
        [share("describe", denied_by=[SURELY]), PULL],
        "pull",
        "doubtful",
        "pull, cannot describe: statement 9 denies it",
    ),
    "one denied that another share gives": ([DEAD, PUSH], "push", "doubtful", "push, a Deny may defeat it or a part"),
    "a part denied by one of two": (
        [share("pull", denied_by=[AGAIN, MAYBE], can_pull=False)],
        "pull",
        "defeated",
        "pull granted, cannot pull: statements 7, 8 deny a part of it, or may",
    ),
    "both granted, and denied by two": (
        [DEAD, share("push", denied_by=[{**SURELY, "position": 5}], can_push=False), PULL],
        "pull",
        "doubtful",
        "pull, cannot push: statements 9, 5 deny it",
    ),
    "a capability in other actions, denied": (
        [share(other=PULL_ACTIONS, denied_by=[MAYBE], can_pull=False)],
        "other",
        "doubtful",
        "other actions, cannot pull: statement 8 denies a part of it",
    ),
}


@pytest.mark.parametrize(("shares", "levels", "marks", "words"), CELLS.values(), ids=CELLS)
def test_shares_of_a_principal_amount_to(shares: list[dict[str, Any]], levels: str, marks: str, words: str) -> None:
    (cell,) = cells(shares)
    assert (" ".join(cell.view.levels), " ".join(cell.view.marks), cell.view.words) == (levels, marks, words)
    assert cell.shares == tuple(range(len(shares)))


def test_each_principal_has_a_cell_and_each_share_its_view() -> None:
    shares = [PULL, share("push", principal="o-1"), {**PULL, "principal_type": "other"}, PUSH]
    found = cells(shares)
    assert [cell.shares for cell in found] == [(0, 3), (1,), (2,)]
    assert [view.words for view in found[0].share_views] == ["pull", "push"]
    assert found[1].share_views == (found[1].view,)
    assert cells([]) == ()


@pytest.mark.parametrize(
    ("denied", "can_pull", "effects"),
    [
        ([SURELY, MAYBE], False, ["denies all of it", "may deny it or a part"]),
        ([MAYBE], True, ["may deny it or a part"]),
        ([MAYBE], False, ["denies a part of it"]),
        ([MAYBE, AGAIN], False, ["denies a part of it, or may"] * 2),
    ],
)
def test_share_says_what_each_deny_does(denied: list[dict[str, Any]], can_pull: bool, effects: list[str]) -> None:
    (cell,) = cells([share("pull", denied_by=denied, can_pull=can_pull)])
    assert list(cell.view.denials) == effects


SHARES = st.builds(
    share,
    st.sampled_from(["pull", "push", "describe", "admin"]),
    other=st.lists(st.sampled_from([*PULL_ACTIONS, *PUSH_ACTIONS, *SCAN_ACTIONS]), unique=True),
    lambda_regions=st.sampled_from([[], ["*"]]),
    conditions=st.sampled_from([[], [CONDITION]]),
    denied_by=st.lists(st.sampled_from([MAYBE, AGAIN, SURELY]), unique_by=lambda denial: denial["position"]),
    can_pull=st.booleans(),
    can_push=st.booleans(),
)


def only(shares: list[dict[str, Any]]) -> Cell:
    (cell,) = cells(shares)
    return cell


class TestProperties:
    @given(st.lists(SHARES, min_size=1, max_size=4), st.randoms())
    def test_order_of_shares_has_no_weight(self, shares: list[dict[str, Any]], random: Any) -> None:
        other = random.sample(shares, len(shares))
        one, two = only(shares).view, only(other).view
        assert (one.levels, one.marks, one.name) == (two.levels, two.marks, two.name)

    @given(st.lists(SHARES, min_size=1, max_size=4), SHARES)
    def test_one_more_share_takes_no_capability_away(
        self, shares: list[dict[str, Any]], another: dict[str, Any]
    ) -> None:
        before, after = only(shares).view, only([*shares, another]).view
        if "defeated" not in before.marks:
            assert set(before.levels) & {*NAMES, "lambda", "admin"} <= set(after.levels)
            assert "defeated" not in after.marks

    @given(st.lists(SHARES, min_size=1, max_size=4))
    def test_cell_has_a_level_and_is_defeated_or_not(self, shares: list[dict[str, Any]]) -> None:
        view = only(shares).view
        assert set(view.levels) <= {level.name for level in LEVELS}
        assert view.levels
        assert view.marks in ((), ("conditional",), ("doubtful",), ("conditional", "doubtful"), ("defeated",))


def test_levels_are_told_apart() -> None:
    for shown in (
        [level.name for level in LEVELS],
        [level.glyph for level in LEVELS],
        [level.label for level in LEVELS],
    ):
        assert len(set(shown)) == len(LEVELS)
    for theme in (0, 1):
        assert len({level.colours[theme] for level in LEVELS}) == len(LEVELS)
    assert [level.name for level in LEVELS][: len(NAMES)] == list(NAMES)


@pytest.mark.parametrize("name", ["report.js", "report.css", "report.html.j2"])
def test_page_names_no_capability(name: str) -> None:
    """So that a new one is one row of the table."""
    text = (TEMPLATES / name).read_text(encoding="utf-8")
    # A list is pushed to in JavaScript.
    words = {word.lower() for word in re.findall(r"(?<!\.)\b[A-Za-z_]+", text)}
    assert not words & {*NAMES, *(f"can_{name}" for name in NAMES)}
