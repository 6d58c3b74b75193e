# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the variables of a play name that is in none of its registries."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._role.lists import (
    HostListings,
    Listing,
    Slips,
    read_listing,
    slips,
)
from ansible_collections.imageshare.aws.plugins.module_utils._role.plan import Purpose, plan
from hypothesis import given
from hypothesis import strategies as st

TEAM, OWNER = "111122223333", "123456789012"
GRANT = f"ecr_share_grants[0] (principal {TEAM})"


def host(*names: str, error: str | None = None, purpose: Purpose = Purpose.SHARE, **variables: Any) -> HostListings:
    """A host with one registry. names: its repositories."""
    given = {"ecr_share_repositories": ["base/*"], "ecr_share_grants": [{"principals": [TEAM]}], **variables}
    planned = plan(given, host="images", purpose=purpose, read_options=lambda _name, value: value)
    listed = None if error else tuple(names)
    return HostListings(planned, [Listing(run.key, listed, OWNER, error) for run in planned.lists])


def narrowed(*texts: str, **more: Any) -> list[dict[str, Any]]:
    return [{"principals": [TEAM], "repositories": list(texts), **more}]


def test_what_one_registry_has_is_no_slip() -> None:
    wanted = {"ecr_share_repositories": ["base/*", "services/*", "tools"], "ecr_share_grants": narrowed("services/*")}
    assert slips([host("base/a", **wanted), host("services/a", "tools", **wanted)], complete=True) == Slips()


# Of each: the hosts, and what is said.
NOWHERE: dict[str, tuple[list[HostListings], str]] = {
    "a pattern": (
        [host("base/a", ecr_share_repositories=["base/*", "bse/*"])],
        'ecr_share_repositories: "bse/*" matches no repository in the registry of this play; did you mean base/*?',
    ),
    "a name, in two registries": (
        [host("base/a", ecr_share_repositories=["base/*", "tools"])] * 2,
        'ecr_share_repositories: "tools" matches no repository in any of the 2 registries of this play',
    ),
    "the pattern of a grant": (
        [host("base/a", ecr_share_grants=narrowed("services/*"))],
        f'{GRANT}: repositories: "services/*" matches no repository in the registry of this play',
    ),
    "the regions of a grant": (
        [host("base/a", ecr_share_regions=["us-east-1"], ecr_share_grants=narrowed("base/a", regions=["us-east-9"]))],
        f"{GRANT}: regions: none of them is a region of a registry of this play",
    ),
    "what is asked for": (
        [host("base/a", purpose=Purpose.ASK, ecr_share_ask_repositories=["prd/*"])],
        'ecr_share_ask_repositories: "prd/*" matches no repository in the registry of this play',
    ),
}


@pytest.mark.parametrize(("hosts", "said"), NOWHERE.values(), ids=NOWHERE.keys())
def test_what_none_has_is_told_once_by_its_variable(hosts: list[HostListings], said: str) -> None:
    found = slips(hosts, complete=True)
    assert [problem for problem in found.problems if problem.startswith(said)] == list(found.problems)
    assert len(found.problems) == 1
    assert found.warnings == ()
    unsure = slips(hosts, complete=False)
    assert unsure.problems == ()
    assert any(said.partition(";")[0] in warning for warning in unsure.warnings)


def test_what_may_be_nowhere_is_a_warning() -> None:
    (warning,) = slips(
        [host("base/a", ecr_share_repositories=["base/*", "xx"], ecr_share_on_missing="skip")], complete=True
    ).warnings
    assert warning.startswith('ecr_share_repositories: "xx" matches no repository')


def test_what_a_grant_is_for_and_the_play_is_not_is_a_warning() -> None:
    found = slips([host("base/a", "services/a", ecr_share_grants=narrowed("base/a", "services/*"))], complete=True)
    said = f'ecr_share_repositories: "services/*" of {GRANT} is not among them, and not shared'
    assert found == Slips(warnings=(said,))


def test_what_could_not_be_listed_is_no_slip_and_leaves_doubt() -> None:
    unlisted = host(error="AccessDenied", ecr_share_repositories=["services/*"], ecr_share_grants=narrowed("s/*"))
    found = slips([host("base/a", ecr_share_repositories=["base/*", "xx"]), unlisted], complete=True)
    assert found.problems == ()
    (warning,) = found.warnings
    assert warning.endswith("; others of this play are not known")


@pytest.mark.parametrize("purpose", [Purpose.OFFBOARD, Purpose.SHARE])
def test_an_owner_cannot_be_taken_out_of_its_own_registry(purpose: Purpose) -> None:
    variables = {"ecr_share_offboard": [OWNER], "ecr_share_absent_principals": [OWNER]}
    state = {"ecr_share_state": "absent"} if purpose is Purpose.SHARE else {}
    wanted = {name: value for name, value in variables.items() if state or name == "ecr_share_offboard"}
    (problem,) = slips([host("base/a", purpose=purpose, **wanted, **state)], complete=True).problems
    assert problem.startswith(f"{OWNER} owns the registry images")


def test_an_owner_cannot_be_taken_out_of_its_own_repositories() -> None:
    own = {"ecr_repository_name": "base/a", "ecr_region": "us-east-1", "ecr_registry_id": OWNER}
    planned = plan(
        {**own, "ecr_share_offboard": [OWNER]},
        {"a": own},
        host="a",
        purpose=Purpose.OFFBOARD,
        read_options=lambda _name, value: value,
    )
    (problem,) = slips([HostListings(planned, [])], complete=True).problems
    assert problem.startswith(f"{OWNER} owns the registry {OWNER}: ")


def test_an_owner_can_be_asked_for_whatever_the_state_says() -> None:
    variables = {"ecr_share_state": "absent", "ecr_share_ask_principals": [OWNER]}
    assert slips([host("base/a", purpose=Purpose.ASK, **variables)], complete=True) == Slips()


def test_all_of_an_empty_registry_may_be_meant() -> None:
    assert slips([host(ecr_share_repositories=["*"], ecr_share_grants=narrowed("*"))], complete=True) == Slips()


def test_a_role_of_the_owner_can_be_taken_out() -> None:
    role = f"arn:aws:iam::{OWNER}:role/old"
    assert slips([host("base/a", purpose=Purpose.OFFBOARD, ecr_share_offboard=[role])], complete=True) == Slips()


NAMES = ("base/go", "base/python", "services/api", "tools")


@given(
    texts=st.lists(st.sampled_from(("*", "base/*", "services/*", "x/*", *NAMES)), min_size=1, unique=True),
    here=st.sets(st.sampled_from(NAMES)),
    there=st.sets(st.sampled_from(NAMES)),
)
def test_what_is_told_is_what_matches_in_no_registry(texts: list[str], here: set[str], there: set[str]) -> None:
    hosts = [host(*sorted(names), ecr_share_repositories=texts) for names in (here, there)]
    told = [problem.split('"')[1] for problem in slips(hosts, complete=True).problems]
    assert told == [text for text in texts if text != "*" and not any(fnmatchcase(name, text) for name in here | there)]


def test_a_listing_is_read_back_from_plain_values() -> None:
    values = {"key": [0, "us-east-1", None], "names": "a b/c", "owner": OWNER, "error": None}
    assert read_listing(values) == Listing((0, "us-east-1", None), ("a", "b/c"), OWNER)
    assert read_listing({**values, "names": None, "error": "no"}).names is None


class TestPoliciesThatARegistryHasOnce:
    """Its policy, and its templates: hosts that declare them apart would undo each other's grants."""

    TO_REGISTRY = narrowed("base/*", apply_to=["registry"])
    OTHERS = narrowed("services/*", apply_to=["registry"])

    def test_two_hosts_that_are_one_registry_may_not_differ(self) -> None:
        hosts = [host("base/a", ecr_share_grants=self.TO_REGISTRY), host("base/a", ecr_share_grants=self.OTHERS)]
        (said,) = slips(hosts, complete=True).problems
        assert f"these are one registry, {OWNER}, and declare different grants for its registry" in said

    @pytest.mark.parametrize(
        "others",
        [TO_REGISTRY, narrowed("base/*"), [{"principals": [TEAM]}]],
        ids=["the same", "for repositories", "for all repositories"],
    )
    def test_what_is_not_in_each_others_way_is_no_slip(self, others: list[dict[str, Any]]) -> None:
        hosts = [host("base/a", ecr_share_grants=grants) for grants in (self.TO_REGISTRY, others)]
        assert slips(hosts, complete=True) == Slips()

    @pytest.mark.parametrize("complete", [True, False])
    def test_hosts_that_are_repositories_must_all_be_in_the_play(self, complete: bool) -> None:
        variables = {"ecr_repository_name": "base/a", "ecr_share_grants": self.TO_REGISTRY}
        planned = plan(variables, {"a": variables}, host="a", read_options=lambda _name, value: value)
        found = slips([HostListings(planned, [])], complete=complete).problems
        assert bool(found) is not complete
        assert all("not all of them are in this play" in said for said in found)
