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


def deny(position: int, *denies: str, certain: bool = True, policy: str = "repository") -> dict[str, Any]:
    return {"policy": policy, "position": position, "sid": None, "denies": list(denies), "certain": certain}


def maybe(position: int, *denies: str, policy: str = "repository") -> dict[str, Any]:
    return deny(position, *denies, certain=False, policy=policy)


def defeated(*access: str, by: int = 9, **more: Any) -> dict[str, Any]:
    denies = [deny(by, *access, *(["lambda"] if more.get("lambda_regions") else []))]
    return share(*access, **{"denied_by": denies, "defeated": True, "can_pull": False, "can_push": False, **more})


PULL_ACTIONS = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
PUSH_ACTIONS = ["ecr:BatchCheckLayerAvailability", "ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload", "ecr:PutImage"]
SCAN_ACTIONS = ["ecr:StartImageScan"]
ADMIN_ACTIONS = ["ecr:SetRepositoryPolicy"]
LAMBDA_ALONE = {"lambda_regions": ["us-east-1"]}
IF = {"conditions": [CONDITION]}
OF_LAMBDA = {"statements": [{"policy": "repository", "position": 1, "sid": None, "written_by": "lambda.amazonaws.com"}]}
OF_REGISTRY = {"policy": "registry"}


def share(*access: str, other: list[str] | None = None, principal: str = TEAM, **more: Any) -> dict[str, Any]:
    return audits.share(principal, "account", " ".join(access), other_actions=other or [], **more)


PULL, PUSH, DESCRIBE, FUNCTIONS = share("pull"), share("push"), share("describe"), share(**LAMBDA_ALONE)
SCAN, ADMIN = share(other=SCAN_ACTIONS), share("admin", other=ADMIN_ACTIONS)
REPLICATE = share("replicate", other=["ecr:ReplicateImage"])
SERVICE = share("pull", via_service="codebuild.amazonaws.com", can_pull=False)
UPKEEP = share(other=ADMIN_ACTIONS, via_service="lambda.amazonaws.com", **OF_LAMBDA)
CUT = share("pull", denied_by=[maybe(8, "pull")], can_pull=False)
DEAD = defeated("push")

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
    "replication": ([REPLICATE], "replicate", "", "replicate"),
    "replication, and more": (
        [PULL, share("replicate", "admin", other=ADMIN_ACTIONS)],
        "pull replicate admin",
        "",
        "admin, can pull and replicate",
    ),
    "what a service does": ([SERVICE], "service", "", "a service uses it for them"),
    "whatever a service does, admin as well": (
        [share("push", "admin", other=[*ADMIN_ACTIONS, *SCAN_ACTIONS], via_service="*", can_push=False)],
        "service",
        "",
        "a service uses it for them",
    ),
    "what a service does, and what the principal does itself": (
        [SERVICE, PUSH],
        "push service",
        "",
        "push, also a service for them",
    ),
    "a service, and Lambda": (
        [SERVICE, FUNCTIONS],
        "lambda service",
        "",
        "Lambda functions pull, also a service for them",
    ),
    "all of it at once": (
        [PULL, SERVICE, FUNCTIONS],
        "pull lambda service",
        "",
        "pull, also Lambda functions, also a service for them",
    ),
    "a service under a condition": (
        [PULL, {**SERVICE, **IF}],
        "pull service",
        "conditional",
        "pull, also a service for them, under a condition",
    ),
    "what AWS Lambda has written itself": (
        [share(other=ADMIN_ACTIONS, **LAMBDA_ALONE, **OF_LAMBDA)],
        "lambda",
        "",
        "Lambda functions pull, kept by AWS Lambda",
    ),
    "the same, if it were called admin": (
        [share("admin", other=ADMIN_ACTIONS, **LAMBDA_ALONE, **OF_LAMBDA, via_service="lambda.amazonaws.com")],
        "lambda",
        "",
        "Lambda functions pull, kept by AWS Lambda",
    ),
    "what AWS Lambda has written, and may keep up": (
        [share(**LAMBDA_ALONE, **OF_LAMBDA), UPKEEP],
        "lambda",
        "",
        "Lambda functions pull, kept by AWS Lambda",
    ),
    "the same, of which the pull is denied": (
        [
            share(**LAMBDA_ALONE, **OF_LAMBDA, lambda_regions_denied=["us-east-1"], denied_by=[deny(2, "lambda")]),
            UPKEEP,
        ],
        "lambda",
        "defeated",
        "Lambda functions pull granted, kept by AWS Lambda, Lambda functions cannot pull: statement 2 denies it",
    ),
    "what AWS Lambda and what a grant has written": (
        [share(**LAMBDA_ALONE, **OF_LAMBDA), PULL, FUNCTIONS],
        "pull lambda",
        "",
        "pull, also Lambda functions",
    ),
    "the upkeep alone": ([UPKEEP], "service", "", "upkeep of its own statement, kept by AWS Lambda"),
    "what AWS Lambda has written, together with what somebody else has": (
        [
            share(
                other=ADMIN_ACTIONS,
                **LAMBDA_ALONE,
                statements=[*OF_LAMBDA["statements"], {"policy": "repository", "position": 2, "sid": None}],
            )
        ],
        "lambda other",
        "",
        "other actions, also Lambda functions",
    ),
    "perhaps denied": (
        [share("pull", "push", denied_by=[maybe(8, "pull", "push")])],
        "pull push",
        "doubtful",
        "pull and push, a Deny may take pull and push, or a part",
    ),
    "perhaps denied, in part": (
        [share("pull", "push", "admin", **LAMBDA_ALONE, denied_by=[maybe(8, "lambda", "admin"), maybe(3, "push")])],
        "pull push lambda admin",
        "doubtful",
        "admin, can pull and push, also Lambda functions, "
        "a Deny may take push, the pull of Lambda functions and admin, or a part",
    ),
    "denied": ([DEAD], "push", "defeated", "push, defeated by a Deny"),
    "denied, with a condition": (
        [defeated("describe", **IF)],
        "describe",
        "defeated",
        "describe, defeated by a Deny",
    ),
    "Lambda denied": (
        [defeated(**LAMBDA_ALONE, lambda_regions_denied=["us-east-1"])],
        "lambda",
        "defeated",
        "Lambda functions pull, defeated by a Deny",
    ),
    "a service denied": (
        [{**SERVICE, "denied_by": [deny(9, "pull")], "defeated": True}],
        "service",
        "defeated",
        "a service uses it for them, defeated by a Deny",
    ),
    "a service denied, and another share": (
        [{**SERVICE, "denied_by": [deny(9, "pull")], "defeated": True}, PUSH],
        "push",
        "doubtful",
        "push, a service cannot use it for them: statement 9 denies it",
    ),
    "a part of what a service does, denied": (
        [share("pull", "describe", via_service="*", can_pull=False, denied_by=[deny(9, "pull")])],
        "service",
        "doubtful",
        "a service uses it for them, a Deny takes a part",
    ),
    "Lambda denied in all regions, which leaves the pull": (
        [share("pull", **LAMBDA_ALONE, denied_by=[deny(9, "lambda")], lambda_regions_denied=["us-east-1"])],
        "pull",
        "doubtful",
        "pull, Lambda functions cannot pull: statement 9 denies it",
    ),
    "Lambda denied in one of two regions": (
        [
            share(
                lambda_regions=["eu-west-1", "us-east-1"],
                lambda_regions_denied=["us-east-1"],
                denied_by=[maybe(9, "lambda")],
            )
        ],
        "lambda",
        "doubtful",
        "Lambda functions pull, a Deny may take the pull of Lambda functions, or a part",
    ),
    "Lambda denied in all regions of one share, which another has": (
        [share(**LAMBDA_ALONE, denied_by=[deny(9, "lambda")], lambda_regions_denied=["us-east-1"]), FUNCTIONS],
        "lambda",
        "doubtful",
        "Lambda functions pull, a Deny takes the pull of Lambda functions, or a part",
    ),
    "a capability of which nothing else is said, denied": (
        [share("pull", "describe", denied_by=[deny(9, "describe")])],
        "pull",
        "doubtful",
        "pull, cannot describe: statement 9 denies it",
    ),
    "replication denied, and a part of what an administrator may do": (
        [
            share(
                "describe",
                "replicate",
                "admin",
                other=[*ADMIN_ACTIONS, *SCAN_ACTIONS, "ecr:ReplicateImage"],
                denied_by=[deny(9, "admin", "other"), deny(2, "replicate", **OF_REGISTRY)],
            )
        ],
        "describe admin",
        "doubtful",
        "admin, can describe, cannot replicate images into it: statement 2 of the registry policy denies it, "
        "a Deny takes other actions and admin, or a part",
    ),
    "admin denied as a whole": (
        [share("admin", other=ADMIN_ACTIONS, denied_by=[deny(9, "admin")], defeated=True), PULL],
        "pull",
        "doubtful",
        "pull, cannot change the policy or delete: statement 9 denies it",
    ),
    "a part of other actions denied": (
        [share("pull", other=SCAN_ACTIONS, denied_by=[deny(9, "other"), maybe(8, "other", "pull")])],
        "pull other",
        "doubtful",
        "pull and more, a Deny takes other actions, or a part, a Deny may take pull and other actions, or a part",
    ),
    "other actions denied as a whole": (
        [share(other=SCAN_ACTIONS, denied_by=[deny(9, "other")], defeated=True), PULL],
        "pull",
        "doubtful",
        "pull, cannot do other actions: statement 9 denies it",
    ),
    "other actions denied, beside admin that is not": (
        [ADMIN, share(other=SCAN_ACTIONS, denied_by=[deny(9, "other")], defeated=True)],
        "admin",
        "doubtful",
        "admin, a Deny takes a part",
    ),
    "Lambda denied in one of two regions for certain": (
        [
            share(
                lambda_regions=["eu-west-1", "us-east-1"],
                lambda_regions_denied=["us-east-1"],
                denied_by=[deny(9, "lambda")],
            )
        ],
        "lambda",
        "doubtful",
        "Lambda functions pull, a Deny takes the pull of Lambda functions, or a part",
    ),
    "denied by the repository and by the registry": (
        [
            share(
                "pull",
                "describe",
                can_pull=False,
                denied_by=[deny(4, "pull"), deny(2, "pull", **OF_REGISTRY), deny(6, "pull"), deny(3, "describe")],
            ),
            PUSH,
        ],
        "push",
        "doubtful",
        "push, cannot pull: statements 4, 6 and statement 2 of the registry policy deny it, "
        "cannot describe: statement 3 denies it",
    ),
    "denied by two of the registry": (
        [defeated("push", denied_by=[deny(1, "push", **OF_REGISTRY), deny(2, "push", **OF_REGISTRY)]), PULL],
        "pull",
        "doubtful",
        "pull, cannot push: statements 1, 2 of the registry policy deny it",
    ),
    "denied for certain by one, and perhaps by another": (
        [share("pull", "describe", can_pull=False, denied_by=[deny(4, "pull"), maybe(5, "pull", "describe")])],
        "describe",
        "doubtful",
        "describe, cannot pull: statement 4 denies it, a Deny may take describe, or a part",
    ),
    "a part denied, which leaves nothing": (
        [CUT],
        "pull",
        "defeated",
        "pull granted, cannot pull: statement 8 denies a part of it",
    ),
    "a part denied, which leaves another capability": (
        [share("pull", "describe", denied_by=[maybe(8, "pull")], can_pull=False)],
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
        [defeated("describe"), PULL],
        "pull",
        "doubtful",
        "pull, cannot describe: statement 9 denies it",
    ),
    "one denied that another share gives": ([DEAD, PUSH], "push", "doubtful", "push, a Deny takes a part"),
    "a part denied by one of two": (
        [share("pull", denied_by=[maybe(7, "pull"), maybe(8, "pull")], can_pull=False)],
        "pull",
        "defeated",
        "pull granted, cannot pull: statements 7, 8 deny a part of it, or may",
    ),
    "both granted, and denied by two": (
        [DEAD, defeated("push", by=5), PULL],
        "pull",
        "doubtful",
        "pull, cannot push: statements 9, 5 deny it",
    ),
    "a capability in other actions, denied": (
        [share(other=PULL_ACTIONS, denied_by=[maybe(8, "pull")], can_pull=False)],
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


# The Deny statements of a share that is granted pull, push and describe, what it can and whether it is defeated, and
# what they do.
EFFECTS: dict[str, tuple[list[dict[str, Any]], dict[str, Any], list[str]]] = {
    "all": (
        [deny(9, "pull", "push", "describe"), maybe(8, "pull")],
        {"can_pull": False, "can_push": False, "defeated": True},
        ["denies all of it", "may deny pull, or a part"],
    ),
    "all, together": (
        [deny(9, "pull", "push"), deny(8, "describe")],
        {"can_pull": False, "can_push": False, "defeated": True},
        ["denies pull and push", "denies describe"],
    ),
    "some": ([deny(9, "push", "describe")], {"can_push": False}, ["denies push and describe"]),
    "perhaps some": ([maybe(8, "pull", "describe")], {}, ["may deny pull and describe, or a part"]),
    "a part, that counts": ([maybe(8, "pull")], {"can_pull": False}, ["denies a part of pull"]),
    "a part that counts, and perhaps more": (
        [maybe(8, "describe", "pull")],
        {"can_pull": False},
        ["denies a part of pull, may deny describe, or a part"],
    ),
    "a part, by one of two": (
        [maybe(8, "pull"), maybe(7, "pull")],
        {"can_pull": False},
        ["denies a part of pull, or may"] * 2,
    ),
    "a part of what is many things": (
        [deny(9, "push", "admin", "other"), deny(7, "lambda")],
        {"can_push": False, "lambda_regions": ["us-east-1", "eu-west-1"], "lambda_regions_denied": ["eu-west-1"]},
        ["denies push, denies other actions and admin, or a part", "denies the pull of Lambda functions, or a part"],
    ),
    "Lambda in all regions": (
        [deny(7, "lambda")],
        {"lambda_regions": ["us-east-1"], "lambda_regions_denied": ["us-east-1"]},
        ["denies the pull of Lambda functions"],
    ),
    "the same statement, certainly and perhaps": (
        [deny(9, "pull"), maybe(9, "push")],
        {"can_pull": False},
        ["denies pull", "may deny push, or a part"],
    ),
}


@pytest.mark.parametrize(
    ("one", "access", "others"),
    [
        (share("pull", other=SCAN_ACTIONS), (), ("ecr:StartImageScan",)),
        (share(other=PULL_ACTIONS, can_pull=True), (), ()),
        (share(other=[*PULL_ACTIONS, *SCAN_ACTIONS], via_service="*"), ("pull",), ("ecr:StartImageScan",)),
        (share("describe", via_service="*"), ("describe",), ()),
        (UPKEEP, (), ("ecr:SetRepositoryPolicy",)),
    ],
    ids=["an account", "a pull by its actions", "a service's pull by its actions", "a service", "AWS Lambda"],
)
def test_share_names_the_actions_that_belong_to_no_capability(
    one: dict[str, Any], access: tuple[str, ...], others: tuple[str, ...]
) -> None:
    (cell,) = cells([one])
    assert (cell.view.service_access, cell.view.other_actions) == (access, others)
    assert cell.share_views == (cell.view,)


@pytest.mark.parametrize(
    ("shares", "kept"),
    [
        ([share(**LAMBDA_ALONE, **OF_LAMBDA), UPKEEP], True),
        ([UPKEEP], True),
        ([PULL, share(**LAMBDA_ALONE, **OF_LAMBDA)], True),
        ([FUNCTIONS, share(**LAMBDA_ALONE, **OF_LAMBDA)], False),
        ([FUNCTIONS], False),
        ([PULL], False),
    ],
)
def test_cell_says_whether_aws_lambda_keeps_the_pull_of_its_functions(shares: list[dict[str, Any]], kept: bool) -> None:
    assert only(shares).view.kept is kept


@pytest.mark.parametrize(("denied", "more", "effects"), EFFECTS.values(), ids=EFFECTS)
def test_share_says_what_each_deny_does(denied: list[dict[str, Any]], more: dict[str, Any], effects: list[str]) -> None:
    (cell,) = cells([share("pull", "push", "describe", denied_by=denied, **more)])
    assert list(cell.view.denials) == effects


DENIED = st.sampled_from(["pull", "push", "describe", "lambda", "admin", "replicate", "other"])
SHARES = st.builds(
    share,
    st.sampled_from(["pull", "push", "describe", "admin", "replicate"]),
    other=st.lists(st.sampled_from([*PULL_ACTIONS, *PUSH_ACTIONS, *SCAN_ACTIONS]), unique=True),
    lambda_regions=st.sampled_from([[], ["*"]]),
    conditions=st.sampled_from([[], [CONDITION]]),
    denied_by=st.lists(
        st.builds(
            deny,
            st.integers(1, 3),
            DENIED,
            certain=st.booleans(),
            policy=st.sampled_from(["repository", "registry"]),
        ),
        max_size=3,
    ),
    defeated=st.booleans(),
    lambda_regions_denied=st.sampled_from([[], ["*"]]),
    can_pull=st.booleans(),
    can_push=st.booleans(),
)
SHARES |= SHARES.map(lambda one: {**one, "via_service": "*", "can_pull": False, "can_push": False})


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
            assert set(before.levels) & {*NAMES, "replicate", "lambda", "service", "admin"} <= set(after.levels)
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


@pytest.mark.parametrize("name", sorted(path.name for path in TEMPLATES.glob("report*")))
def test_page_names_no_capability(name: str) -> None:
    """So that a new one is one row of the table."""
    text = (TEMPLATES / name).read_text(encoding="utf-8")
    # A list is pushed to in JavaScript.
    words = {word.lower() for word in re.findall(r"(?<!\.)\b[A-Za-z_]+", text)}
    assert not words & {*NAMES, *(f"can_{name}" for name in NAMES)}
