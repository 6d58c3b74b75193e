# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether conditions hold for callers of whom not everything is known: decided where it is certain, and only there."""

from __future__ import annotations

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._iam.comparisons import (
    ABSENT,
    IPV4,
    UNKNOWN,
    Applies,
    KnownKey,
    inverse,
    is_open,
    strongest,
)
from ansible_collections.imageshare.aws.plugins.module_utils._iam.conditions import (
    Condition,
    all_hold,
    conditions,
    holds,
    is_valid_condition,
)
from ansible_collections.imageshare.aws.plugins.module_utils._iam.patterns import ANY_PART
from ansible_collections.imageshare.aws.tests.support.builders import ACCOUNT, EAST, ORGANIZATION, UNIT

NO, CONDITIONALLY, YES = Applies.NO, Applies.CONDITIONALLY, Applies.YES
TEXT, SOMETIMES = KnownKey("platform"), KnownKey("platform", present=False)
ROLES = KnownKey(f"arn:aws:iam::{ACCOUNT}:role/*")
PATHS = KnownKey(UNIT)
NOW = KnownKey("2026-11-26T12:00:00Z")
LATELY = KnownKey("*", between=(1_764_028_800.0 + 31_536_000, 1_764_208_800.0 + 31_536_000))
STRANGERS_ADDRESS = KnownKey("*", unnamed=True)

# Of each: the operator, the values, what is known of the key, and whether the condition holds.
HOLD: dict[str, tuple[str, list[str], KnownKey, Applies]] = {
    # A value that is known
    "an equal text": ("StringEquals", ["platform"], TEXT, YES),
    "one of several texts": ("StringEquals", ["data", "platform"], TEXT, YES),
    "another text": ("StringEquals", ["data"], TEXT, NO),
    "a text in another case": ("StringEquals", ["Platform"], TEXT, NO),
    "a text in another case, of no weight": ("StringEqualsIgnoreCase", ["Platform"], TEXT, YES),
    "an operator in another case": ("sTRINGeQUALS", ["platform"], TEXT, YES),
    "a star to the letter": ("StringEquals", ["*"], TEXT, NO),
    "a pattern": ("StringLike", ["plat*m"], TEXT, YES),
    "a question mark": ("StringLike", ["platfor?"], TEXT, YES),
    "a question mark too many": ("StringLike", ["platform?"], TEXT, NO),
    "no equal text": ("StringNotEquals", ["platform"], TEXT, NO),
    "none of several texts": ("StringNotEquals", ["data", "web"], TEXT, YES),
    "no pattern": ("StringNotLike", ["d*"], TEXT, YES),
    "a boolean": ("Bool", ["true"], KnownKey("true"), YES),
    "a boolean in another case": ("Bool", ["False"], KnownKey("true"), NO),
    "any boolean": ("Bool", ["true", "false"], KnownKey("true"), YES),
    "no value at all": ("StringEquals", [], TEXT, NO),
    # A key that is not there
    "nothing equals a missing key": ("StringEquals", ["platform"], ABSENT, NO),
    "everything differs from a missing key": ("StringNotEquals", ["platform"], ABSENT, YES),
    "a missing key, if it exists": ("StringEqualsIfExists", ["platform"], ABSENT, YES),
    "a missing key differs, if it exists": ("StringNotEqualsIfExists", ["platform"], ABSENT, YES),
    "all values of a missing key": ("ForAllValues:StringEquals", ["platform"], ABSENT, YES),
    "any value of a missing key": ("ForAnyValue:StringEquals", ["platform"], ABSENT, NO),
    "any value of a missing key that differs": ("ForAnyValue:StringNotEquals", ["platform"], ABSENT, NO),
    "any value of a missing key, if it exists, of which AWS says both": (
        "ForAnyValue:StringEqualsIfExists",
        ["platform"],
        ABSENT,
        CONDITIONALLY,
    ),
    "a missing key is null": ("Null", ["true"], ABSENT, YES),
    "a missing key is not there": ("Null", ["false"], ABSENT, NO),
    "a known key is null": ("null", ["true"], TEXT, NO),
    "a known key is there": ("Null", ["False"], TEXT, YES),
    "a key is null or not": ("Null", ["true", "false"], UNKNOWN, YES),
    # A key that may be there
    "a text of a key that may be missing": ("StringEquals", ["platform"], SOMETIMES, CONDITIONALLY),
    "another text of a key that may be missing": ("StringEquals", ["data"], SOMETIMES, NO),
    "a text of a key that may be missing, if it exists": ("StringEqualsIfExists", ["platform"], SOMETIMES, YES),
    "no other text of a key that may be missing": ("StringNotEquals", ["data"], SOMETIMES, YES),
    "null of a key that may be missing": ("Null", ["true"], SOMETIMES, CONDITIONALLY),
    # A value that is not known
    "a text of an unknown key": ("StringEquals", ["platform"], UNKNOWN, CONDITIONALLY),
    "no text of an unknown key": ("StringNotEquals", ["platform"], UNKNOWN, CONDITIONALLY),
    "anything of an unknown key": ("StringLike", ["*"], UNKNOWN, CONDITIONALLY),
    "anything of an unknown key, if it exists": ("StringLikeIfExists", ["*"], UNKNOWN, YES),
    "all values of an unknown key, whatever they are": ("ForAllValues:StringLike", ["*"], UNKNOWN, YES),
    "null of an unknown key": ("Null", ["false"], UNKNOWN, CONDITIONALLY),
    # A value that is known by its pattern
    "a pattern that takes in the known one": ("StringLike", [f"arn:*:{ACCOUNT}:role/*"], ROLES, YES),
    "a pattern that meets the known one": ("ArnLike", ["arn:aws:iam::*:role/ci"], ROLES, CONDITIONALLY),
    "a pattern of something else": ("ArnLike", [f"arn:aws:iam::{ACCOUNT}:user/*"], ROLES, NO),
    "no pattern of something else": ("ArnNotLike", [f"arn:aws:iam::{ACCOUNT}:user/*"], ROLES, YES),
    "no pattern that takes in the known one": ("ArnNotLike", ["arn:aws:iam::*:*"], ROLES, NO),
    "one of the known ones": ("ArnEquals", [f"arn:aws:iam::{ACCOUNT}:role/ci"], ROLES, CONDITIONALLY),
    "wildcards in ArnEquals, too": ("ArnEquals", ["arn:aws:iam::*:*"], ROLES, YES),
    "no ARN at all, which is not defined": ("ArnLike", ["*"], ROLES, CONDITIONALLY),
    "a star that would cross a colon": ("ArnLike", ["arn:*:role/ci:a:b:c"], ROLES, NO),
    # Several values
    "any value in the unit": ("ForAnyValue:StringLike", [f"{ORGANIZATION}/*"], PATHS, YES),
    "all values in the unit": ("ForAllValues:StringLike", [f"{ORGANIZATION}/*"], PATHS, YES),
    "any value in another organization": ("ForAnyValue:StringLike", ["o-z9y8x7w6v5/*"], PATHS, NO),
    "any value not in another organization": ("ForAnyValue:StringNotLike", ["o-z9y8x7w6v5/*"], PATHS, YES),
    "several values without a word on several, which is not defined": (
        "StringLike",
        [f"{ORGANIZATION}/*"],
        PATHS,
        CONDITIONALLY,
    ),
    # Addresses
    "an address in a network": ("IpAddress", ["203.0.113.0/24"], KnownKey("203.0.113.9"), YES),
    "an address in another network": ("IpAddress", ["198.51.100.0/24"], KnownKey("203.0.113.9"), NO),
    "an address that is no network": ("IpAddress", ["203.0.113.9"], KnownKey("203.0.113.9"), YES),
    "an address outside of a network": ("NotIpAddress", ["198.51.100.0/24"], KnownKey("203.0.113.9"), YES),
    "every address": ("IpAddress", ["0.0.0.0/0"], KnownKey("203.0.113.9"), YES),
    "every address of another kind": ("IpAddress", ["::/0"], KnownKey("203.0.113.9"), NO),
    "every address of one kind": ("IpAddress", ["0.0.0.0/0"], KnownKey(IPV4), YES),
    "both halves of all addresses": ("IpAddress", ["0.0.0.0/1", "128.0.0.0/1"], KnownKey(IPV4), YES),
    "one kind of two": ("IpAddress", ["0.0.0.0/0"], KnownKey("*"), CONDITIONALLY),
    "both kinds": ("IpAddress", ["0.0.0.0/0", "::/0"], KnownKey("*"), YES),
    "a network of a stranger, which is somebody's": ("IpAddress", ["203.0.113.0/24"], STRANGERS_ADDRESS, NO),
    "a private network of a stranger": ("IpAddress", ["10.0.0.0/7", "fd00::/8"], STRANGERS_ADDRESS, CONDITIONALLY),
    "only private networks of a stranger": ("IpAddress", ["10.0.0.0/8", "fd00::/8"], STRANGERS_ADDRESS, NO),
    "what is no address": ("IpAddress", ["somewhere"], KnownKey("203.0.113.9"), CONDITIONALLY),
    # Dates and numbers
    "a date before": ("DateLessThan", ["2030-01-01T00:00:00Z"], NOW, YES),
    "a date before, in a time zone": ("DateLessThan", ["2026-11-26T13:00:00+02:00"], NOW, NO),
    "a date before, in seconds": ("DateLessThan", ["4102444800"], NOW, YES),
    "a year": ("DateGreaterThan", ["2020"], NOW, YES),
    "a month": ("DateGreaterThan", ["2026-12"], NOW, NO),
    "a day, exactly": ("DateEquals", ["2026-11-26"], KnownKey("2026-11-26T00:00:00Z"), YES),
    "another day": ("DateNotEquals", ["2026-11-26"], KnownKey("2026-11-25"), YES),
    "any time of a day": ("DateGreaterThanEquals", ["2026-11-26"], LATELY, CONDITIONALLY),
    "a time that is always later": ("DateGreaterThanEquals", ["2026-11-20"], LATELY, YES),
    "one of the times": ("DateEquals", ["2026-11-26"], LATELY, CONDITIONALLY),
    "a date of a key that is not there": ("DateGreaterThan", ["2020-01-01"], ABSENT, NO),
    "a date if it is there": ("DateGreaterThanIfExists", ["2020-01-01"], ABSENT, YES),
    "a date that is none": ("DateLessThan", ["tomorrow"], NOW, CONDITIONALLY),
    "a date of which nothing is known": ("DateLessThan", ["2030-01-01"], KnownKey("*"), CONDITIONALLY),
    "a number": ("NumericEquals", ["1.0"], KnownKey("1"), YES),
    "a lesser number": ("NumericLessThan", ["3600"], KnownKey("60"), YES),
    "a number that is no lesser": ("NumericLessThan", ["60"], KnownKey("60"), NO),
    "one of two numbers": ("NumericEquals", ["2", "1"], KnownKey("1"), YES),
    "a number that is none": ("NumericEquals", ["one"], KnownKey("1"), CONDITIONALLY),
    "a number that is not finite": ("NumericLessThan", ["inf"], KnownKey("1"), CONDITIONALLY),
    # What is not decided here
    "an operator that there is not": ("StringMatches", ["platform"], TEXT, CONDITIONALLY),
    "a quantifier that there is not": ("ForSome:StringEquals", ["platform"], TEXT, CONDITIONALLY),
    "a policy variable": ("StringEquals", ["${aws:PrincipalTag/team}"], TEXT, CONDITIONALLY),
    "a text beside a policy variable": ("StringEquals", ["${aws:username}", "platform"], TEXT, YES),
    "the policy variable of the key itself": ("StringEquals", ["${Some:Key}"], TEXT, YES),
    "the policy variable of the key itself, where it is not there": ("StringEquals", ["${some:key}"], ABSENT, NO),
    "not the policy variable of the key itself": ("StringNotEquals", ["${some:key}"], TEXT, NO),
    "none of no value, of which AWS says nothing": ("StringNotEquals", [], TEXT, CONDITIONALLY),
}


@pytest.mark.parametrize(("operator", "values", "known", "expected"), HOLD.values(), ids=HOLD.keys())
def test_a_condition_holds_for(operator: str, values: list[str], known: KnownKey, expected: Applies) -> None:
    key = "aws:PrincipalOrgPaths" if known is PATHS else "some:Key"
    assert holds(Condition(operator, key, tuple(values)), known) is expected


STRANGER = KnownKey("o-*", unnamed=True)
STRANGERS = KnownKey("????????????", every=True, unnamed=True)
ALL_FUNCTIONS = KnownKey(f"arn:aws:lambda:{ANY_PART}:{ACCOUNT}:function:*", every=True)
# Of each: the conditions, what is known of all keys, whether they hold for all callers, and for one of them.
FOR_ONE: dict[str, tuple[list[tuple[str, str]], KnownKey, Applies, Applies]] = {
    "some function": ([("StringLike", EAST)], ALL_FUNCTIONS, CONDITIONALLY, YES),
    "another function": ([("StringNotLike", EAST)], ALL_FUNCTIONS, CONDITIONALLY, YES),
    "a function of another account": ([("StringLike", EAST.replace("1", "2"))], ALL_FUNCTIONS, NO, NO),
    "two conditions that different functions may meet": (
        [("StringLike", EAST), ("StringNotLike", EAST)],
        ALL_FUNCTIONS,
        CONDITIONALLY,
        CONDITIONALLY,
    ),
    "a policy variable": ([("StringLike", "${aws:username}*")], ALL_FUNCTIONS, CONDITIONALLY, CONDITIONALLY),
    "any organization": ([("StringLike", "o-*")], STRANGER, YES, YES),
    "some organizations, whose ids nobody chooses": ([("StringLike", "o-a*")], STRANGER, CONDITIONALLY, CONDITIONALLY),
    "an organization that is named, which is no stranger's": ([("StringEquals", ORGANIZATION)], STRANGER, NO, NO),
    "another organization than the named one": ([("StringNotEquals", ORGANIZATION)], STRANGER, YES, YES),
    "some accounts": ([("StringLike", "1111*")], STRANGERS, CONDITIONALLY, YES),
    "an account that is named, by a pattern that needs none": ([("StringLike", ACCOUNT)], STRANGERS, NO, NO),
    "a key that nothing is known of": ([("StringLike", "a*")], UNKNOWN, CONDITIONALLY, CONDITIONALLY),
    "no condition": ([], UNKNOWN, YES, YES),
}


@pytest.mark.parametrize(("required", "known", "for_all", "for_one"), FOR_ONE.values(), ids=FOR_ONE.keys())
def test_conditions_hold_for_all_or_for_one(
    required: list[tuple[str, str]], known: KnownKey, for_all: Applies, for_one: Applies
) -> None:
    listed = [Condition(operator, "some:Key", (value,)) for operator, value in required]
    assert all_hold(listed, {"some:key": known}) is for_all
    assert all_hold(listed, {"some:key": known}, for_one=True) is for_one


def test_before_the_policy_language_of_2012_a_variable_is_a_text() -> None:
    statement = {"Condition": {"StringEquals": {"some:Key": "${some:Key}", "aws:PrincipalArn": "${aws:PrincipalArn}"}}}
    known_keys = {"some:key": KnownKey("${some:Key}"), "aws:principalarn": ROLES}
    assert [holds(one, known_keys[one.key.lower()]) for one in conditions(statement)] == [YES, YES]
    # A role has no such ARN.
    older = conditions(statement, has_variables=False)
    assert [holds(one, known_keys[one.key.lower()]) for one in older] == [YES, NO]


# Keys of which no value has a wildcard, and one that may have any text.
LITERALS = {
    "aws:PrincipalArn": NO,
    "aws:SourceArn": NO,
    "aws:PrincipalOrgID": NO,
    "aws:userid": NO,
    "aws:PrincipalTag/team": NO,
    "aws:SourceVpce": NO,
    "aws:UserAgent": CONDITIONALLY,
}


@pytest.mark.parametrize(("key", "expected"), LITERALS.items())
def test_a_star_that_is_taken_to_the_letter_is_in_no_identifier(key: str, expected: Applies) -> None:
    known = KnownKey("*")
    assert holds(Condition("StringEquals", key, ("a*",)), known) is expected
    assert holds(Condition("StringNotEqualsIgnoreCase", key, ("a*", "b?")), known) is inverse(expected)


def test_what_strangers_choose_may_be_what_a_variable_says() -> None:
    known_keys = {"aws:principaltag/": KnownKey("*", present=False, every=True), "aws:principalarn": ROLES}
    same = Condition("StringEquals", "aws:PrincipalTag/a", ("${aws:PrincipalTag/b}",))
    assert all_hold([same], known_keys) is CONDITIONALLY
    assert all_hold([same], known_keys, for_one=True) is YES
    theirs = Condition("StringLike", "aws:PrincipalTag/a", ("${aws:PrincipalArn}",))
    assert all_hold([theirs], known_keys, for_one=True) is CONDITIONALLY


def test_what_is_known_of_all_tags_is_known_of_each() -> None:
    tag = Condition("StringEquals", "aws:PrincipalTag/team", ("platform",))
    assert all_hold([tag], {"aws:principaltag/": TEXT}) is YES
    assert all_hold([tag], {"aws:principaltag/": TEXT, "aws:principaltag/team": ABSENT}) is NO
    assert all_hold([tag], {"aws:principaltag": TEXT}) is CONDITIONALLY


OPEN = {
    "a star": ("*", True),
    "functions of every account": ("arn:aws:lambda:*:*:function:*", True),
    "functions of some accounts": ("arn:aws:lambda:us-east-1:11112222????:function:*", True),
    "one function's name in every account": ("arn:aws:lambda:us-east-1:*:function:resize", True),
    "an account's functions": (EAST, False),
    "an account's functions in every region": (f"arn:aws:lambda:*:{ACCOUNT}:function:*", False),
    "all of an account": (f"arn:*:*:*:{ACCOUNT}:*", False),
    "one function": (f"{EAST[:-1]}resize", False),
    "every organization": ("o-*", True),
    "units of every organization": ("o-*/*", True),
    "every organization's root": ("o-*/r-*/*", True),
    "an organization": (ORGANIZATION, False),
    "a unit": (UNIT, False),
    "an account's id beside a star": ("111122223333*", False),
    "the beginning of accounts' ids": ("1111*", True),
    "sessions of a role": ("AROAEXAMPLEROLE123456:*", False),
    "sessions of any role": ("AROA*", True),
    "federated users of an account": (f"{ACCOUNT}:*", False),
    "units of an organization": (f"{ORGANIZATION}/*/ou-ab12-*", False),
}


@pytest.mark.parametrize(("value", "expected"), OPEN.values(), ids=OPEN.keys())
def test_a_pattern_is_open_to_any_account_by(value: str, expected: bool) -> None:
    assert is_open(value) is expected


def test_conditions_are_read_as_they_are_written() -> None:
    block = {"Bool": {"aws:SecureTransport": False}, "NumericLessThan": {"s3:max": [5]}, "Null": {}}
    assert conditions({"Condition": block}) == (
        Condition("Bool", "aws:SecureTransport", ("false",)),
        Condition("NumericLessThan", "s3:max", ("5",)),
    )
    assert conditions({}) == conditions({"Condition": {}}) == ()


@pytest.mark.parametrize("block", [None, [], "x", {"Bool": "x"}, {"Bool": None}])
def test_a_condition_that_is_none_cannot_be_read(block: object) -> None:
    assert not is_valid_condition({"Condition": block})


def test_verdicts_are_in_order() -> None:
    assert strongest([]) is NO
    assert strongest([CONDITIONALLY, NO]) is CONDITIONALLY
    assert strongest([NO, YES, CONDITIONALLY]) is YES
    assert [inverse(verdict) for verdict in (NO, CONDITIONALLY, YES)] == [YES, CONDITIONALLY, NO]
