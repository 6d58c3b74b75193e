# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file of variables that declares what is there: as text, and as what a reader of YAML makes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
import yaml
from ansible_collections.imageshare.aws.plugins.module_utils._role.adoption import AdoptedRegistry, adoption
from ansible_collections.imageshare.aws.tests.support.builders import ACCOUNT, DELETED_ROLE, OTHER, OWNER, ROLE
from ansible_collections.imageshare.aws.tests.support.laws import laws
from ansible_collections.imageshare.aws.tests.support.nasty_texts import ALL, HALF, forging
from hypothesis import given
from hypothesis import strategies as st

EAST, WEST = "us-east-1", "eu-west-1"
EXISTING = ("base/node", "base/python", "prod/cart", "prod/search", "tools/ci")


def grant(
    *principals: str, access: Sequence[str] = ("pull",), repositories: Sequence[str] = EXISTING, **more: Any
) -> Any:
    return {"principals": list(principals), "access": list(access), "repositories": list(repositories), **more}


def undeclarable(reason: str, *repositories: str, **more: Any) -> dict[str, Any]:
    members = {"policy": "repository", "position": 1, "sid": "All", "principals": ["*"], **more}
    return {"repositories": list(repositories), "reason": reason, **members}


def registry(
    *grants: Mapping[str, Any],
    region: str = EAST,
    undeclarable: Sequence[Mapping[str, Any]] = (),
    repositories: Sequence[str] = EXISTING,
) -> AdoptedRegistry:
    return AdoptedRegistry(OWNER, region, grants, undeclarable, repositories)


def written(*registries: AdoptedRegistry, names: Mapping[str, str] | None = None) -> str:
    return adoption("prod", registries, names or {})


def test_grants_for_repositories_to_come_say_what_they_apply_to() -> None:
    text = written(
        registry(
            grant(ACCOUNT, repositories=["services/*"], apply_to=["registry"]),
            grant(ACCOUNT, repositories=["services/*"], apply_to=["templates"], lambda_regions=[EAST]),
            repositories=("services/a", "services/b"),
        )
    )
    assert yaml.safe_load(text)["ecr_share_grants_adopted"] == [
        {"principals": [ACCOUNT], "access": ["pull"], "repositories": ["services/*"], "apply_to": ["registry"]},
        {
            "principals": [ACCOUNT],
            "access": ["pull"],
            "lambda_regions": [EAST],
            "repositories": ["services/*"],
            "apply_to": ["templates"],
        },
    ]
    assert "today" not in text.split("ecr_share_grants_adopted")[1]


def test_what_could_not_be_read_is_said() -> None:
    unread = {"creation templates": "AccessDenied: {{ no }}"}
    lines = written(replace(registry(), unread=unread), registry(region=WEST)).splitlines()
    assert lines[-1] == (
        "# Not declared, because it could not be read: creation templates in us-east-1: AccessDenied: {{ no }}"
    )


def test_a_file_is_as_a_person_would_write_it() -> None:
    everyone = undeclarable("It is for everyone.", "tools/ci")
    rest = "No capability has ecr:DeleteRepository. unmanaged_access=revoke takes that away."
    wider = ["ecr:DescribeRepositories", "ecr:ListImages"]
    common = grant(ROLE, access=["pull", "push"], repositories=["tools/ci"])
    text = written(
        registry(
            grant(ACCOUNT, OTHER, access=["pull", "describe"], repositories=["prod/cart", "prod/search"], wider=wider),
            common,
            undeclarable=[
                everyone,
                undeclarable(rest, "prod/cart", "prod/search", sid=None, principals=[ACCOUNT, OTHER]),
            ],
        ),
        registry(
            common,
            grant(ACCOUNT, lambda_regions=[WEST]),
            region=WEST,
            undeclarable=[everyone],
        ),
        names={"checkout": ACCOUNT},
    )
    assert (
        text
        == f"""\
---
# Who may use the repositories of {OWNER} today, as grants for the host prod.
# To share it takes nothing from anybody. Comments say where a grant gives more than there is.

ecr_share_repositories: ["*"]
ecr_share_regions: [us-east-1, eu-west-1]

ecr_share_grants_adopted:
  - principals:
      - checkout  # {ACCOUNT}
      - "{OTHER}"
    access: [pull, describe]  # more than there is today: ecr:DescribeRepositories, ecr:ListImages
    repositories: [prod/cart, prod/search]  # all that prod/* matches today
    regions: [us-east-1]
  - principals:
      - "{ROLE}"
    access: [pull, push]
    repositories: [tools/ci]
  - principals:
      - checkout  # {ACCOUNT}
    access: [pull]
    lambda_regions: [eu-west-1]
    repositories: [base/node, base/python, prod/cart, prod/search, tools/ci]  # all that * matches today
    regions: [eu-west-1]

# What no grant can express. It stays as it is, unless its reason says something else:
#
# - tools/ci, statement "All": everyone
#   It is for everyone.
#
# - prod/* in us-east-1: checkout, {OTHER}
#   No capability has ecr:DeleteRepository. unmanaged_access=revoke takes that away.
"""
    )


def test_where_there_is_nothing_the_file_says_so() -> None:
    assert yaml.safe_load(written(registry())) == {
        "ecr_share_repositories": ["*"],
        "ecr_share_regions": [EAST],
        "ecr_share_grants_adopted": [],
    }


@pytest.mark.parametrize(
    ("repositories", "remark"),
    [
        (["prod/cart", "prod/search"], "  # all that prod/* matches today"),
        (["base/node", "base/python", "prod/cart", "prod/search"], "  # all that base/* and prod/* match today"),
        (EXISTING, "  # all that * matches today"),
        (["prod/cart"], ""),
        (["prod/cart", "base/node"], ""),
        # A pattern for a single one suggests more than is known.
        (["tools/ci"], ""),
        (["prod/cart", "prod/search", "tools/ci"], ""),
    ],
)
def test_a_pattern_is_suggested_where_it_matches_exactly_what_is_listed(repositories: list[str], remark: str) -> None:
    text = written(registry(grant(ACCOUNT, repositories=repositories)))
    (line,) = [line for line in text.splitlines() if line.startswith("    repositories:")]
    assert line == f"    repositories: [{', '.join(repositories)}]{remark}"


def test_no_pattern_is_suggested_that_matches_something_else_in_another_region_of_the_grant() -> None:
    listed = grant(ACCOUNT, repositories=["prod/cart", "prod/search"])
    other = registry(listed, region=WEST, repositories=[*EXISTING, "prod/secret"])
    assert "# all that" not in written(registry(listed), other)
    assert "# all that prod/* matches today" in written(registry(listed), registry(listed, region=WEST))


def test_the_same_grant_of_two_regions_is_written_once_with_all_that_it_gives() -> None:
    texts = [grant(ACCOUNT, wider=["ecr:ListImages"]), grant(ACCOUNT, wider=["ecr:DescribeImages"])]
    text = written(registry(texts[0]), registry(texts[1], region=WEST))
    assert text.count("- principals:") == 1
    assert "# more than there is today: ecr:DescribeImages, ecr:ListImages" in text
    assert "regions" not in yaml.safe_load(text)["ecr_share_grants_adopted"][0]


def test_what_ansible_would_take_for_a_template_is_never_a_value() -> None:
    evil = f"arn:aws:iam::{ACCOUNT}:role/{{{{lookup('pipe','id')}}}}/ci"
    text = written(registry(grant(evil, OTHER), grant(evil, access=["push"])), names={"{{ x }}": OTHER})
    (only,) = yaml.safe_load(text)["ecr_share_grants_adopted"]
    assert only["principals"] == [OTHER]
    assert f'"{OTHER}"  # "{{{{ x }}}}"' in text
    assert "#   Ansible would take the name for a template." in text


def test_a_name_stands_for_the_account_that_its_root_names() -> None:
    text = written(registry(grant(ACCOUNT)), names={"checkout": f"arn:aws:iam::{ACCOUNT}:root"})
    assert yaml.safe_load(text)["ecr_share_grants_adopted"][0]["principals"] == ["checkout"]


# What YAML takes for something else than a text.
OTHER_VALUES = (
    "no",
    "null",
    "1e3",
    "0123",
    "2001-01-01",
    "a: b",
    "- a",
    "#",
    "a #b",
    "'",
    '"',
    "\\",
    "",
    " ",
    "*",
    "&a",
    "!a x",
)
TEXTS = st.text(max_size=40) | st.sampled_from((ALL, HALF[0], *OTHER_VALUES))
LISTS = st.lists(TEXTS, min_size=1, max_size=12, unique=True)


@laws(200)
@given(
    st.lists(st.tuples(LISTS, LISTS, LISTS, st.sets(st.sampled_from((EAST, WEST)), min_size=1)), max_size=4),
    # The role takes no empty name.
    st.dictionaries(TEXTS.filter(bool), TEXTS, max_size=3),
    LISTS,
)
def test_a_reader_of_yaml_finds_exactly_the_grants_whatever_the_texts(
    found: list[tuple[list[str], list[str], list[str], set[str]]], names: dict[str, str], texts: list[str]
) -> None:
    registries = [
        registry(
            *(
                grant(*principals, repositories=repositories, lambda_regions=regions, wider=texts)
                for principals, repositories, regions, where in found
                if region in where
            ),
            region=region,
            undeclarable=[undeclarable(texts[0], *texts, sid=texts[0], principals=texts)],
            repositories=texts,
        )
        for region in (EAST, WEST)
    ]
    text = adoption(texts[0], registries, names)
    assert forging(text) == []
    named = {identifier: name for name, identifier in sorted(names.items(), reverse=True)}

    def shown(principal: str) -> str:
        name = named.get(principal, principal)
        return principal if "{{" in name or "{%" in name or "{#" in name else name

    for region in (EAST, WEST):
        expected = [
            (list(map(shown, kept)), ["pull"], repositories, regions)
            for principals, repositories, regions, where in found
            if region in where
            and (kept := [one for one in principals if not any(mark in one for mark in ("{{", "{%", "{#"))])
        ]
        read = [
            (one["principals"], one["access"], one["repositories"], one["lambda_regions"])
            for one in yaml.safe_load(text)["ecr_share_grants_adopted"]
            if region in one.get("regions", (EAST, WEST))
        ]
        assert sorted(map(str, set(map(str, read)))) == sorted(set(map(str, expected)))


def test_a_deleted_principal_is_told_as_it_is() -> None:
    text = written(
        registry(undeclarable=[undeclarable("The role or user was deleted.", "a", principals=[DELETED_ROLE])])
    )
    assert f'# - a, statement "All": {DELETED_ROLE}\n#   The role or user was deleted.' in text


def test_lines_of_comments_are_not_long() -> None:
    accounts = [str(100_000_000_000 + number) for number in range(100)]
    text = written(registry(undeclarable=[undeclarable("It is for everyone.", "a", "b", principals=accounts)]))
    assert max(map(len, text.splitlines())) <= 120
    assert all(account in text for account in accounts)


def test_what_the_registry_policy_gives_to_no_repository_that_is_there_is_told() -> None:
    text = written(registry(undeclarable=[undeclarable("It is for everyone.", policy="registry")]))
    assert "It is for everyone." in text
    assert yaml.safe_load(text)["ecr_share_grants_adopted"] == []
