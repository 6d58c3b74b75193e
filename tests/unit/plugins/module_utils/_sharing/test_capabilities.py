# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of capabilities: what must hold of every row, so that one more cannot do harm."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.capabilities import (
    CAPABILITIES,
    NAMES,
    SHARED_STATEMENTS,
    Capability,
    action_sets,
    actions_of,
    ordered,
    split,
    statement_sets,
    title,
    versions,
)
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.ecr_actions import REPOSITORY_ACTIONS

ACCESSES = [frozenset(names) for size in range(len(NAMES) + 1) for names in combinations(NAMES, size)]
ROWS = pytest.mark.parametrize("row", CAPABILITIES, ids=NAMES)


@ROWS
def test_a_later_set_of_actions_has_all_of_the_earlier_ones(row: Capability) -> None:
    assert all(set(earlier) < set(later) for earlier, later in pairwise(row.action_sets))


@ROWS
def test_actions_are_those_that_a_repository_policy_can_grant(row: Capability) -> None:
    assert all(REPOSITORY_ACTIONS.issuperset(actions) for actions in row.action_sets)
    assert row.required <= set(row.action_sets[0])


def test_names_titles_and_glyphs_are_distinct() -> None:
    for distinct in ("name", "title", "glyph", "colours"):
        assert len({getattr(row, distinct) for row in CAPABILITIES}) == len(CAPABILITIES)


def test_statements_are_shared_by_capabilities_that_exist() -> None:
    assert all(len(access) > 1 and access <= set(NAMES) for access in SHARED_STATEMENTS)


@pytest.mark.parametrize("access", ACCESSES, ids=lambda access: "+".join(ordered(access)) or "none")
def test_an_access_is_split_into_statements_that_add_up_to_it(access: frozenset[str]) -> None:
    parts = split(access)
    assert set(parts) <= set(statement_sets())
    assert sum(map(len, parts)) == len(access)
    assert frozenset().union(*parts) == access


@pytest.mark.parametrize("access", ACCESSES[1:], ids=lambda access: "+".join(ordered(access)))
def test_an_access_has_the_newest_actions_of_its_capabilities_and_no_others(access: frozenset[str]) -> None:
    newest = {action for row in CAPABILITIES if row.name in access for action in row.action_sets[-1]}
    assert set(actions_of(access)) == newest
    assert len(actions_of(access)) == len(newest)
    assert all(set(actions) <= newest for actions in action_sets(access))
    assert versions(frozenset(actions_of(access))).keys() >= access


def test_lambda_alone_has_no_actions_of_its_own() -> None:
    assert actions_of(frozenset()) == ()
    assert title(frozenset()) == ""
