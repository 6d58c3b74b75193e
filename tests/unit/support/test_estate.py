# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The estate that the jobs begin with is the one that its description promises."""

from __future__ import annotations

import json

from ansible_collections.imageshare.aws.tests.support import estate
from ansible_collections.imageshare.aws.tests.support.estate_callers import NOBODY, access, difference

LIMIT = 10_240
PLANTED = {(one.account, one.region, one.name): one.text for one in estate.estate()}


def test_there_are_69_repositories_in_six_registries_and_forty_consumers() -> None:
    assert len(PLANTED) == len(estate.estate()) == 69
    assert {place[:2] for place in PLANTED} == {
        (account, region) for account in estate.HOSTS.values() for region in estate.REGIONS
    }
    assert len(set(estate.CONSUMERS.values())) == 40
    assert (estate.CONSUMERS["checkout-dev"], estate.CONSUMERS["risk-prod"]) == ("730000000001", "730000000041")


def test_one_policy_is_near_the_limit_and_none_is_beyond() -> None:
    lengths = sorted(len(text) for text in PLANTED.values() if text is not None)
    assert LIMIT - 500 < lengths[-1] <= LIMIT
    assert lengths[-2] < 2_000


def test_a_larger_one_has_the_same_policies_in_as_many_repositories_as_asked_for() -> None:
    large = estate.large_estate(150)
    assert len({(one.account, one.region, one.name) for one in large}) == 150
    assert {one.text for one in large} == set(PLANTED.values())


def test_the_evaluator_sees_who_left_in_six_repositories_and_a_stranger_where_everyone_is() -> None:
    may = access(PLANTED)
    left = {place for place, caller in may if estate.LEFT in caller}
    nobody = {place for place, caller in may if NOBODY in caller}
    named = {place for place, text in PLANTED.items() if text is not None and estate.LEFT in text}
    assert len(named) == 6
    assert left == named | nobody
    assert {name for _account, _region, name in nobody} == {
        "sandbox/playground",
        "shared/fluent-bit",
        "shared/otel-collector",
        "shared/public-demo",
    }


def test_the_evaluator_sees_what_a_stranger_gains() -> None:
    place = (estate.STAGING, estate.FRANKFURT, "services/search")
    changed = {**PLANTED, place: json.dumps(estate.with_stranger(PLANTED[place], NOBODY, ("ecr:PutImage",)))}
    gained = difference(access(changed), access(PLANTED))
    assert gained == {
        (place, NOBODY): {"ecr:PutImage"},
        (place, f"{NOBODY} of the organization"): {"ecr:PutImage"},
    }
    assert difference(access(PLANTED), access(changed)) == {}
