# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policies as long as AWS stores them, made to be slow to read, and grants that fit into them.

Everything that can be long or many is: patterns, values, conditions, statements, principals, actions. A generator takes
a ``random.Random``, so that a case can be had again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import count, islice, product
from random import Random
from typing import Any

from ansible_collections.imageshare.aws.plugins.module_utils._iam.document import MAX_LENGTH
from ansible_collections.imageshare.aws.tests.support import builders

Statement = dict[str, Any]
# What a pattern repeats, again and again.
_UNITS = ("*a", "*b", "?*", "*?", "a*a", "*:*", "a", "?", "*a*b", "ab*", "*/", "*1", ":*", "??*")
_BEGINNINGS = ("", "*", "arn:aws:iam::", "arn:aws:*:", "arn:*:*:*:*:", "o-a1b2c3d4e5/", "arn:aws:lambda:*:*:function:")
_ARNS, _PATHS, _SOURCES = ("aws:PrincipalArn",), ("aws:PrincipalOrgPaths",), ("aws:SourceArn",)
_OTHER_KEYS = (
    "aws:PrincipalOrgID",
    "aws:userid",
    "aws:PrincipalTag/team",
    "aws:PrincipalServiceName",
)
_OPERATORS = (
    "StringLike",
    "StringNotLike",
    "StringEquals",
    "StringNotEquals",
    "ArnLike",
    "ArnNotLike",
    "StringEqualsIgnoreCase",
    "ForAnyValue:StringLike",
    "ForAllValues:StringNotLike",
    "StringLikeIfExists",
)
_REGIONS = ("us-east-1", "eu-west-1")


def account(number: int) -> str:
    """An account id."""
    return str(100_000_000_000 + number)


def _pattern(random: Random, length: int) -> str:
    unit = random.choice(_UNITS)
    beginning = random.choice(_BEGINNINGS)
    return beginning + (unit * (length // len(unit) + 1))[: max(1, length)] + random.choice(("", "*", "b", "x*"))


# Of each: the keys that have such values, and what yields as many different ones as are wanted.
_VALUES: dict[str, tuple[tuple[str, ...], Callable[[Random], Iterator[str]]]] = {
    "accounts": (("aws:PrincipalAccount", "aws:SourceAccount"), lambda _random: map(account, count())),
    "roles": (_ARNS, lambda _random: (f"arn:aws:iam::{account(number)}:role/{number}" for number in count())),
    "sessions": (
        _ARNS,
        lambda _random: (f"arn:aws:sts::{account(number)}:assumed-role/{'a' * 40}/x" for number in count()),
    ),
    "units": (_PATHS, lambda _random: (f"o-a1b2c3d4e5/r-ab12/ou-ab12-{number:08}/*" for number in count())),
    "parts of an organization": (
        _PATHS,
        lambda random: (f"o-a1b2c3d4e5/{_pattern(random, random.choice((40, 900, 4400)))}" for _number in count()),
    ),
    "parts of organizations": (_PATHS, lambda _random: (f"o-*/r-*/*{number}*/*" for number in count())),
    "functions": (_SOURCES, lambda _random: (builders.functions(account(number)) for number in count())),
    "single functions": (
        _SOURCES,
        lambda _random: (builders.functions(account(number), name="f") for number in count()),
    ),
    "functions of any account": (_SOURCES, lambda _random: (f"arn:aws:lambda:*:*:*{number}*" for number in count())),
    "short patterns": (
        (*_ARNS, *_PATHS, *_SOURCES),
        lambda _random: (f"*{number}*{letter}*" for number in count() for letter in "abcd"),
    ),
    "some patterns": (
        (*_ARNS, *_PATHS, *_SOURCES),
        lambda random: (_pattern(random, 60) + str(number) for number in count()),
    ),
    "long patterns": (
        (*_ARNS, *_PATHS, *_SOURCES),
        lambda random: (_pattern(random, random.choice((400, 2000, 4500))) for _number in count()),
    ),
}


def _values(kind: str, random: Random) -> Iterator[str]:
    return _VALUES[kind][1](random)


def _fill(values: Iterator[str], length: int) -> list[str]:
    """As many values as fit into a length, and one at least."""
    result: list[str] = []
    for value in values:
        length -= len(value) + 3
        if result and length < 0:
            break
        result.append(value)
    return result


def _spellings(key: str, number: int) -> list[str]:
    """So many spellings of a condition key, each of which is a condition of its own."""
    spellings = product(*((letter.lower(), letter.upper()) for letter in key[4:10]))
    return [f"aws:{''.join(letters)}{key[10:]}" for letters in islice(spellings, number)]


def _condition(random: Random, kind: str, length: int) -> Any:
    if random.random() < 0.1:
        # As many as there can be, and nothing is known of any.
        return {random.choice(_OPERATORS): {f"{number:x}": "" for number in range(length // 9)}}
    number = random.choice((1, 1, 1, 2, 8, 60))
    key = random.choice(_VALUES[kind][0] if random.random() < 0.8 else _OTHER_KEYS)
    operator = random.choice(_OPERATORS)
    if key in _PATHS and random.random() < 0.8:
        # Of a key with several values, nothing is decided without a word on several.
        operator = "ForAnyValue:StringLike"
    listed = _values(kind, random)
    return {operator: {spelt: _fill(listed, length // number - 24) for spelt in _spellings(key, number)}}


def _principal(random: Random, length: int) -> Any:
    kind = random.choice(("everyone", "everyone", "service", "accounts", "roles"))
    if kind == "everyone":
        return "*"
    if kind == "service":
        return random.choice((builders.LAMBDA, {"Service": ["lambda.amazonaws.com", "codebuild.amazonaws.com"]}))
    return {"AWS": _fill(_values(kind, random), length)}


def _actions(random: Random, length: int) -> Any:
    return random.choice(
        ("ecr:*", "*", list(builders.PULL), list(builders.LAMBDA_PULL), _fill(_values("some patterns", random), length))
    )


def slow_statement(random: Random, kind: str, length: int) -> Statement:
    """A statement of about that length, which may have a condition with values of that kind."""
    within, action_length = random.choice(((0.9, 0.0), (0.5, 0.0), (0.5, 0.0), (0.3, 0.6), (0.0, 0.0)))
    principal = _principal(random, int(length * (0.9 - within - action_length)))
    member = random.choice(("Principal", "Principal", "Principal", "NotPrincipal"))
    if member == "NotPrincipal" and not (isinstance(principal, dict) and "AWS" in principal):
        member = "Principal"
    return {
        "Effect": "Deny" if member == "NotPrincipal" else random.choice(("Allow", "Allow", "Deny")),
        member: principal,
        "Action": _actions(random, int(length * action_length)),
        **({"Condition": _condition(random, kind, int(length * within))} if within else {}),
    }


def slow_policy(random: Random, length: int) -> dict[str, Any]:
    """A policy that is no longer than that."""
    number = random.choice((1, 1, 2, 2, 3, 10, 60))
    if random.random() < 0.2:
        return _duel(random, length)
    if random.random() < 0.1:
        return _product(random, length)
    # Alike, so that what one statement names is compared with what another denies, or all kinds.
    kinds = random.choice(([random.choice(list(_VALUES))], list(_VALUES)))
    statements: list[Statement] = []
    for _number in range(number):
        statements.append(slow_statement(random, random.choice(kinds), max(60, length // number - 120)))
        if len(json.dumps(builders.policy(*statements), separators=(",", ":"))) > length:
            statements.pop()
    return builders.policy(*statements or [builders.allow(builders.ACCOUNT)])


def _duel(random: Random, length: int) -> dict[str, Any]:
    """A policy that lets in a part of an organization by one long pattern, and denies another part by another."""
    patterns = (
        f"o-a1b2c3d4e5/{_pattern(random, min(random.choice((900, 5000)), length // 2 - 200))}" for _number in range(2)
    )
    return builders.policy(
        *(
            builders.when("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", pattern, Effect=effect)
            for effect, pattern in zip(("Allow", "Deny"), patterns, strict=True)
        )
    )


def _product(random: Random, length: int) -> dict[str, Any]:
    """A policy that lets in as many as possible, each under as many conditions as possible."""
    values = {f"{number:x}": "" for number in range(length // 2 // 9)}
    accounts = _fill(_values("accounts", random), length // 2 - 200)
    chosen = random.random()
    if chosen < 0.3:
        services = _fill((f"s{number:x}.x" for number in count()), length // 2 - 200)
        acting = {"StringEquals": {"aws:SourceAccount": accounts}}
        return builders.policy(builders.allow(Principal={"Service": services}, Condition=acting))
    if chosen < 0.6:
        return builders.policy(builders.allow(*accounts, Condition={"StringLike": values}))
    named = {"StringEquals": {"aws:PrincipalAccount": accounts}, "StringLike": values}
    return builders.policy(builders.allow(Condition=named))


def slow_grants(random: Random, length: int) -> list[dict[str, Any]]:
    """Grants, as options of the module, that take about that length in a policy."""
    kind = random.choice(("accounts", "accounts", "roles", "units", "sessions"))
    functions = kind == "accounts" and random.random() < 0.6
    access = [] if functions and random.random() < 0.5 else random.choice((["pull"], ["pull", "push"]))
    names = _values(kind, random)
    # An account becomes its root ARN, and a pattern of functions in each region.
    each = {"accounts": 42 * bool(access) + 62 * len(_REGIONS) * functions, "sessions": 90}.get(kind, 45)
    return [
        {
            "principals": list(islice(names, max(1, (length - 400) // each))),
            "access": access,
            "lambda_regions": list(_REGIONS) if functions else None,
        }
    ]


def slow_case(random: Random) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A policy, and grants that fit into it beside what it has."""
    length = random.choice((MAX_LENGTH, 9000, 5000, 5000, 2000))
    return slow_policy(random, length - 100), slow_grants(random, MAX_LENGTH - length)
