# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Grants: which texts name a principal, what is refused and in which words, and how grants add up."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._errors import InvalidInputError
from ansible_collections.imageshare.aws.plugins.module_utils._iam.arns import is_unique_id
from ansible_collections.imageshare.aws.plugins.module_utils._iam.principals import (
    Principal,
    PrincipalType,
    read_principal,
)
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.grants import (
    Grant,
    gather,
    grant_label,
    read_grants,
)
from ansible_collections.imageshare.aws.tests.support.builders import (
    ACCOUNT,
    ORGANIZATION,
    ROLE,
    ROOT,
    SESSION,
    UNIT,
    USER,
)
from ansible_collections.imageshare.aws.tests.support.policies import ACCESS

PULL, PUSH, PULL_PUSH = frozenset({"pull"}), frozenset({"push"}), frozenset({"pull", "push"})
PARTITION_OF_REGION = {"us-east-1": "aws", "eu-west-1": "aws", "cn-north-1": "aws-cn", "us-gov-west-1": "aws-us-gov"}


def read(*options: dict[str, Any], partition: str = "aws", sharing: bool = True) -> tuple[Grant, ...]:
    return read_grants(options, partition=partition, sharing=sharing, partition_of_region=PARTITION_OF_REGION.get)


def problems_of(*options: dict[str, Any], **more: Any) -> tuple[str, ...]:
    with pytest.raises(InvalidInputError) as refusal:
        read(*options, **more)
    assert str(refusal.value) == "; ".join(refusal.value.problems)
    return refusal.value.problems


# --- read_principal ---

# Of each: the text, and what it names, which is called by the text itself unless it is an account.
NAMED = {
    "an account id": (ACCOUNT, PrincipalType.ACCOUNT),
    "an account id that begins with 0": ("012345678901", PrincipalType.ACCOUNT),
    "a root ARN, which is its account": (ROOT, PrincipalType.ACCOUNT),
    "a role": (ROLE, PrincipalType.ROLE),
    "a role with a path": (f"{ROLE[:-2]}a/b/ci", PrincipalType.ROLE),
    "a role with every character that a name may have": (f"{ROLE}_+=,.@-Z9", PrincipalType.ROLE),
    "a service-linked role": (f"{ROLE[:-2]}aws-service-role/ecs.amazonaws.com/ECS", PrincipalType.ROLE),
    "a user": (USER, PrincipalType.USER),
    "a user with a path": (f"{USER[:-5]}teams/bob", PrincipalType.USER),
    "a user who is called root": (f"{USER[:-5]}root", PrincipalType.USER),
    "a session of a role": (SESSION, PrincipalType.SESSION),
    "a session that is called after a person": (f"{SESSION}@example.com", PrincipalType.SESSION),
    "a federated user": (f"arn:aws:sts::{ACCOUNT}:federated-user/bob", PrincipalType.SESSION),
    "an organization": (ORGANIZATION, PrincipalType.ORGANIZATION),
    "a unit with all below it": (UNIT, PrincipalType.ORGANIZATIONAL_UNIT),
    "a unit alone": (UNIT[:-1], PrincipalType.ORGANIZATIONAL_UNIT),
    "a unit in a unit": (f"{UNIT[:-1]}ou-ab12-22222222/*", PrincipalType.ORGANIZATIONAL_UNIT),
    "an organization's root with all below it": (f"{ORGANIZATION}/r-ab12/*", PrincipalType.ORGANIZATIONAL_UNIT),
}


@pytest.mark.parametrize(("text", "kind"), NAMED.values(), ids=NAMED.keys())
def test_a_text_names(text: str, kind: PrincipalType) -> None:
    account = text.split(":")[4] if text.startswith("arn:") else text if text.isdigit() else None
    name = account if kind is PrincipalType.ACCOUNT else text
    assert read_principal(text, "aws") == Principal(kind, name or "", account)


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov", "aws-iso-b", "aws-eusc"])
@pytest.mark.parametrize("resource", ["iam::111122223333:root", "iam::111122223333:role/ci"])
def test_an_arn_names_a_principal_in_its_own_partition_alone(partition: str, resource: str) -> None:
    assert read_principal(f"arn:{partition}:{resource}", partition) is not None
    assert read_principal(f"arn:{partition}:{resource}", "aws-iso") is None


UNIQUE_IDS = {
    "a role's": ("AROAEXAMPLEROLE123456", True),
    "a user's": ("AIDAEXAMPLEUSER123456", True),
    "a group's": ("AGPAEXAMPLEGROUP12345", False),
    "an access key's": ("AKIAIOSFODNN7EXAMPLE", False),
    "a role's with a session": ("AROAEXAMPLEROLE123456:nightly", False),
    "one in lower case": ("aroaexamplerole123456", False),
    "a word that begins like one": ("AROA", False),
    "a number": (123456789012, False),
}


@pytest.mark.parametrize(("value", "expected"), UNIQUE_IDS.values(), ids=UNIQUE_IDS.keys())
def test_the_id_of_a_deleted_principal_is(value: object, expected: bool) -> None:
    assert is_unique_id(value) is expected


# --- read_grants ---

ACCOUNT_ITSELF = Principal(PrincipalType.ACCOUNT, ACCOUNT, ACCOUNT)
READ = {
    "pull is what is meant where nothing is said": ({"principals": [ACCOUNT]}, Grant(ACCOUNT_ITSELF)),
    "options left out by Ansible are null": (
        {"principals": [ACCOUNT], "access": None, "lambda_regions": None, "repositories": None},
        Grant(ACCOUNT_ITSELF, PULL, None, None),
    ),
    "blanks around a principal do not count": ({"principals": [f" {ACCOUNT}\n"]}, Grant(ACCOUNT_ITSELF)),
    "a root ARN is its account": ({"principals": [ROOT], "access": ["push"]}, Grant(ACCOUNT_ITSELF, PUSH)),
    "no region is not the same as none named": (
        {"principals": [ACCOUNT], "lambda_regions": []},
        Grant(ACCOUNT_ITSELF, lambda_regions=()),
    ),
    "regions keep their order, each once": (
        {
            "principals": [ACCOUNT],
            "access": ["pull", "push"],
            "lambda_regions": ["us-east-1", "eu-west-1", "us-east-1"],
        },
        Grant(ACCOUNT_ITSELF, PULL_PUSH, ("us-east-1", "eu-west-1")),
    ),
    "every region is one star": (
        {"principals": [ACCOUNT], "access": [], "lambda_regions": ["*"]},
        Grant(ACCOUNT_ITSELF, frozenset(), ("*",)),
    ),
    "a region that nobody knows may be a new one": (
        {"principals": [ACCOUNT], "lambda_regions": ["mars-north-1"]},
        Grant(ACCOUNT_ITSELF, lambda_regions=("mars-north-1",)),
    ),
    "push may say that there are no regions": (
        {"principals": [ACCOUNT], "access": ["push"], "lambda_regions": []},
        Grant(ACCOUNT_ITSELF, PUSH, ()),
    ),
    "a role may say that there are no regions": (
        {"principals": [ROLE], "lambda_regions": []},
        Grant(Principal(PrincipalType.ROLE, ROLE, ACCOUNT), lambda_regions=()),
    ),
    "a grant may be narrowed": (
        {"principals": [ORGANIZATION], "repositories": ["base/*", "web", "base/*"]},
        Grant(Principal(PrincipalType.ORGANIZATION, ORGANIZATION), repositories=("base/*", "web")),
    ),
}


@pytest.mark.parametrize(("option", "expected"), READ.values(), ids=READ.keys())
def test_a_grant_is_read(option: dict[str, Any], expected: Grant) -> None:
    assert read(option) == (expected,)


@pytest.mark.parametrize(
    ("partition", "region", "elsewhere"),
    [
        ("aws", "us-east-1", "cn-north-1"),
        ("aws-cn", "cn-north-1", "us-east-1"),
        ("aws-us-gov", "us-gov-west-1", "us-east-1"),
    ],
)
def test_regions_are_those_of_the_registrys_partition(partition: str, region: str, elsewhere: str) -> None:
    (grant,) = read({"principals": [ACCOUNT], "lambda_regions": [region, "*"]}, partition=partition)
    assert grant.lambda_regions == (region, "*")
    (problem,) = problems_of({"principals": [ACCOUNT], "lambda_regions": [elsewhere]}, partition=partition)
    assert f"{elsewhere} is in another partition than the registry ({partition})" in problem


def test_each_principal_of_a_grant_has_one_of_its_own() -> None:
    grants = read({"principals": [ACCOUNT, ROLE, ACCOUNT], "access": ["push", "describe"]}, {"principals": [USER]})
    assert [(grant.principal.name, sorted(grant.access), grant.position) for grant in grants] == [
        (ACCOUNT, ["describe", "push"], 0),
        (ROLE, ["describe", "push"], 0),
        (USER, ["pull"], 1),
    ]


def test_all_problems_of_all_grants_are_told_at_once() -> None:
    problems = problems_of(
        {"principals": ["012345"]},
        {"principals": [ACCOUNT]},
        {"principals": [ROLE], "access": []},
        {"principals": ["444455556666"], "access": ["push"], "lambda_regions": ["us-east-1", "nowhere", "cn-north-1"]},
        {"principals": ["*"]},
    )
    assert [problem.split(":")[0].split(" ")[0] for problem in problems] == [
        "grants[0]",
        "grants[2]",
        "grants[2]",
        "grants[3]",
        "grants[3]",
        "grants[3]",
        "grants[4]",
    ]


# --- gather ---


def grant(access: str = "pull", regions: list[str] | None = None, who: str = ACCOUNT) -> Grant:
    (result,) = read({"principals": [who], "access": ACCESS[access], "lambda_regions": regions}, sharing=False)
    return result


SUMS = {
    "pull and pull are pull": ([grant("pull"), grant("pull")], grant("pull")),
    "pull and describe add up": (
        [grant("pull"), grant("describe")],
        Grant(Principal(PrincipalType.ACCOUNT, ACCOUNT, ACCOUNT), frozenset({"pull", "describe"})),
    ),
    "pull and push are both": ([grant("pull"), grant("push")], grant("pull_push")),
    "push and pull are both": ([grant("push"), grant("pull")], grant("pull_push")),
    "pull and both are both": ([grant("pull"), grant("pull_push")], grant("pull_push")),
    "both and push are both": ([grant("pull_push"), grant("push")], grant("pull_push")),
    "three grants add up as well": ([grant("push"), grant("push"), grant("pull")], grant("pull_push")),
    "lambda adds its regions to the pull": (
        [grant("pull"), grant("lambda", ["us-east-1"])],
        grant("pull", ["us-east-1"]),
    ),
    "the pull is added to lambda": (
        [grant("lambda", ["us-east-1"]), grant("pull_push")],
        grant("pull_push", ["us-east-1"]),
    ),
    "lambda and lambda are lambda": (
        [grant("lambda", ["us-east-1"]), grant("lambda", ["eu-west-1"])],
        grant("lambda", ["us-east-1", "eu-west-1"]),
    ),
    "regions unite, each once": (
        [grant(regions=["us-east-1", "eu-west-1"]), grant(regions=["eu-west-1", "*"])],
        grant(regions=["us-east-1", "eu-west-1", "*"]),
    ),
    "no region and left out are no region": ([grant(regions=[]), grant(regions=None)], grant(regions=[])),
    "left out and no region are no region": ([grant(regions=None), grant(regions=[])], grant(regions=[])),
    "left out and left out are left out": ([grant(regions=None), grant(regions=None)], grant(regions=None)),
    "no region and a region are that region": ([grant(regions=[]), grant(regions=["*"])], grant(regions=["*"])),
    "left out and a region are that region": ([grant(regions=None), grant(regions=["*"])], grant(regions=["*"])),
    "an account and its root ARN are one": ([grant("pull"), grant("push", who=ROOT)], grant("pull_push")),
}


@pytest.mark.parametrize(("grants", "expected"), SUMS.values(), ids=SUMS.keys())
def test_grants_of_one_principal_add_up(grants: list[Grant], expected: Grant) -> None:
    assert gather(grants) == (expected,)


def test_an_account_its_role_its_session_and_its_organization_are_four() -> None:
    grants = tuple(grant(who=who) for who in (ACCOUNT, ROLE, SESSION, ORGANIZATION))
    assert gather(grants) == grants


def test_principals_come_in_the_order_of_their_first_mention() -> None:
    grants = [grant("push", who=ROLE), grant("pull"), grant("pull", who=ROLE), grant("push", who=ORGANIZATION)]
    assert gather(grants) == (grant("pull_push", who=ROLE), grant("pull"), grant("push", who=ORGANIZATION))


def test_what_is_gathered_is_narrowed_no_more() -> None:
    (narrowed,) = read({"principals": [ACCOUNT], "repositories": ["base/*"]})
    assert gather([narrowed]) == gather([narrowed, grant()]) == (grant(),)


def test_no_grants_are_gathered_to_none() -> None:
    assert gather([]) == ()


def test_a_grant_for_many_is_named_by_some_of_them() -> None:
    assert grant_label("grants", 1, ["ci", "web", "api"]) == "grants[1] (principal ci, web, api)"
    assert grant_label("grants", 1, list("abcde")) == "grants[1] (principal a, b, c and 2 more)"
