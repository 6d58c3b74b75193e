# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of principals: one meaning each, and shown beside the ids."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._errors import InvalidInputError
from ansible_collections.imageshare.aws.plugins.module_utils._role.principal_names import (
    PrincipalNames,
    labelled,
    read_names,
    united_names,
)

TEAM, PARTNER = "111122223333", "444455556666"
ROLE = "arn:aws:iam::111122223333:role/ci"


@pytest.mark.parametrize(
    ("value", "principal"),
    [
        pytest.param(TEAM, TEAM, id="an account"),
        pytest.param(111122223333, TEAM, id="an account as YAML leaves it"),
        pytest.param(f"arn:aws:iam::{TEAM}:root", TEAM, id="the root of an account"),
        pytest.param(ROLE, ROLE, id="a role"),
        pytest.param("o-exampleorg1", "o-exampleorg1", id="an organization"),
        pytest.param(f" {TEAM} ", TEAM, id="with blanks around"),
    ],
)
def test_a_name_stands_for_any_principal_that_a_grant_can_have(value: Any, principal: str) -> None:
    names = read_names({"ecr_share_principals": {"checkout-prod": value}})
    assert names.principal("checkout-prod") == principal
    assert labelled(principal, names.by_principal()) == f"checkout-prod {principal}"


def test_groups_add_names_each_under_a_variable_of_its_own() -> None:
    names = read_names(
        {"ecr_share_principals": {"team": TEAM}, "ecr_share_principals_x": {"team": TEAM, "partner": PARTNER}}
    )
    assert names.principals == {"team": TEAM, "partner": PARTNER}


def test_what_is_no_name_is_left_as_it_is() -> None:
    names = PrincipalNames({"team": TEAM})
    assert [names.principal(text) for text in (PARTNER, "teem", " team ")] == [PARTNER, "teem", TEAM]
    assert labelled(PARTNER, names.by_principal()) == PARTNER
    assert names.suggestion("teem") == ". It is not a name in ecr_share_principals either; did you mean team?"
    assert PrincipalNames().suggestion("teem") == ""


def test_of_several_names_the_first_is_shown() -> None:
    assert PrincipalNames({"new": TEAM, "old": TEAM}).by_principal() == {TEAM: "new"}
    assert united_names([PrincipalNames({"a": TEAM}), PrincipalNames({"b": TEAM, "c": PARTNER})]) == {
        TEAM: "a",
        PARTNER: "c",
    }


# Of each: the variables, and what is said of them.
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a name with two meanings": (
        {"ecr_share_principals": {"team": TEAM}, "ecr_share_principals_x": {"team": PARTNER}},
        f"ecr_share_principals_x: team is {PARTNER}, and ecr_share_principals says {TEAM}: a name has one meaning",
    ),
    "a name that is an account": (
        {"ecr_share_principals": {PARTNER: TEAM}},
        f"ecr_share_principals: {PARTNER}: this is a principal itself and not a name for one",
    ),
    "a key that YAML takes for a number": (
        {"ecr_share_principals": {444455556666: TEAM}},
        "ecr_share_principals: 4444",
    ),
    "a name with a template": ({"ecr_share_principals": {"{{ x }}": TEAM}}, "a name has up to 64 letters"),
    "an octal number": ({"ecr_share_principals": {"team": 0o12345670123}}, "YAML reads a number that begins with 0"),
    "no principal": ({"ecr_share_principals": {"team": "nobody"}}, "not a valid principal"),
    "everyone": ({"ecr_share_principals": {"all": "*"}}, "AWS takes no wildcard in a principal"),
    "nothing": ({"ecr_share_principals": {"team": None}}, '"None" is not a principal'),
    "a list": ({"ecr_share_principals": [TEAM]}, "ecr_share_principals is not a mapping of names to principals"),
}


@pytest.mark.parametrize(("variables", "said"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_meant_is_refused(variables: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        read_names(variables)
    (problem,) = refusal.value.problems
    assert said in problem
