# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans of the role: which runs variables ask for, what is refused, and that a plan grants what the hosts declare."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from ansible_collections.imageshare.aws.plugins.filter.ecr_share_internal import ecr_share_internal
from ansible_collections.imageshare.aws.plugins.module_utils._errors import InvalidInputError
from ansible_collections.imageshare.aws.plugins.module_utils._repository_names import matches, select
from ansible_collections.imageshare.aws.plugins.module_utils._role.kinds import Kind
from ansible_collections.imageshare.aws.plugins.module_utils._role.plan import (
    Plan,
    Purpose,
    Sharing,
    connection_options,
    plan,
    plan_values,
    read_plan,
)
from ansible_collections.imageshare.aws.plugins.module_utils._role.run import (
    AssumedRole,
    Connection,
    Run,
    batches,
    narrowed,
)
from ansible_collections.imageshare.aws.plugins.module_utils._role.variables import KNOWN, ORIGIN, throttle
from ansible_collections.imageshare.aws.tests.support.laws import laws
from hypothesis import given
from hypothesis import strategies as st

TEAM, PARTNER = "111122223333", "444455556666"
ORGANIZATION = "o-a1b2c3d4e5"
ROLE = "arn:aws:iam::123456789012:role/registry"


def grant(principal: str = TEAM, **more: Any) -> dict[str, Any]:
    return {"principals": [principal], **more}


def registry(**more: Any) -> dict[str, Any]:
    """The variables of a host that is a registry, but for the given ones."""
    return {
        "ecr_share_repositories": ["base/*"],
        "ecr_share_grants": [grant()],
        "ecr_share_state": "present",
        "ecr_share_regions": [],
        **more,
    }


def repository(name: str, **more: Any) -> dict[str, Any]:
    """The variables of a host that is a repository, but for the given ones."""
    return {
        "ecr_repository_name": name,
        "ecr_region": "us-east-1",
        "ecr_registry_id": "123456789012",
        "ecr_share_grants": [grant()],
        **more,
    }


DEFAULTS = {"ecr_share_grants": [], "ecr_share_repositories": [], "ecr_share_state": "present"}


def as_written(_name: str, value: Any) -> Any:
    return value


def planned(play: Mapping[str, Any], **more: Any) -> Plan:
    return plan(play, read_options=as_written, **{"host": "images", **more})


def of_hosts(play: Mapping[str, Any] | None = None, purpose: Purpose = Purpose.SHARE, **hosts: Any) -> Plan:
    """The plan for hosts that are repositories, run on the first, which sees its own variables below the play's."""
    first = next(iter(hosts))
    return planned({**DEFAULTS, **hosts[first], **(play or {})}, hosts=hosts, host=first, purpose=purpose)


def run(*repositories: str, region: str | None = None, grants: Iterable[Any] = ()) -> Run:
    return Run("", "images", Connection(0, "these credentials", None), region, None, repositories, tuple(grants))


def problems(*arguments: Any, **more: Any) -> tuple[str, ...]:
    with pytest.raises(InvalidInputError) as refusal:
        planned(*arguments, **more)
    return refusal.value.problems


def declared(run: Run) -> list[dict[str, Any]]:
    """The grants of a run as they were declared, without where."""
    return [{name: value for name, value in option.items() if name != ORIGIN} for option in run.grants]


def of_repositories(found: Plan) -> list[Run]:
    """The runs of a plan for repositories that there are."""
    return [run for run in found.runs if run.kind == Kind.REPOSITORIES]


def granted(runs: Iterable[Any], name: str) -> list[tuple[str, str]]:
    """Whom runs give what in a repository."""
    return sorted(
        (principal, "+".join(option.get("access", ["pull"])))
        for run in runs
        if matches(run.repositories, name)
        for option in run.grants
        for principal in option["principals"]
        if option.get("repositories") is None or matches(option["repositories"], name)
    )


class TestRegistry:
    def test_is_one_run(self) -> None:
        found = planned(registry())
        connection = Connection(0, "these credentials", None)
        origin = {ORIGIN: f"ecr_share_grants[0] (principal {TEAM})"}
        whole = Run("base/*", "images", connection, None, None, ("base/*",), ({**grant(), **origin},))
        assert found.runs == (whole,)
        assert (found.roles, found.reads) == ((), ())

    def test_is_listed_once_a_region_with_grants_or_without(self) -> None:
        variables = registry(ecr_share_regions=["us-east-1", "eu-west-1"])
        found = planned(variables)
        assert [(run.region, run.grants, run.repositories) for run in found.lists] == [
            ("us-east-1", (), ("base/*",)),
            ("eu-west-1", (), ("base/*",)),
        ]
        assert {run.key for run in found.lists} == {run.key for run in found.runs}
        audited = planned({**variables, "ecr_share_grants": []}, purpose=Purpose.AUDIT)
        assert [run.region for run in audited.lists] == ["us-east-1", "eu-west-1"]
        restored = planned({**variables, "ecr_share_backup_path": "/srv/b"}, purpose=Purpose.RESTORE)
        assert (len(restored.runs), restored.lists) == (2, ())

    def test_is_a_run_a_region(self) -> None:
        found = planned(registry(ecr_share_regions=["us-east-1", "eu-west-1", "us-east-1"]))
        assert [(run.region, run.label, run.registry) for run in found.runs] == [
            ("us-east-1", "us-east-1: base/*", "images us-east-1"),
            ("eu-west-1", "eu-west-1: base/*", "images eu-west-1"),
        ]

    def test_takes_a_text_for_a_list_as_ansible_does(self) -> None:
        found = planned(registry(ecr_share_repositories="base/*, tools", ecr_share_regions="us-east-1,eu-west-1"))
        assert [(run.region, run.repositories) for run in found.runs] == [
            ("us-east-1", ("base/*", "tools")),
            ("eu-west-1", ("base/*", "tools")),
        ]

    def test_adds_the_grants_of_all_variables_that_begin_so(self) -> None:
        variables = registry(
            ecr_share_grants_team=[grant(PARTNER, access=["push"])],
            ecr_share_grants_extra=[grant(ORGANIZATION, repositories=["base/go"])],
        )
        (run,) = planned(variables).runs
        assert [option["principals"] for option in run.grants] == [[TEAM], [ORGANIZATION], [PARTNER]]

    def test_needs_no_grants_of_its_own(self) -> None:
        (run,) = planned(registry(ecr_share_grants=[], ecr_share_grants_team=[grant(PARTNER)])).runs
        assert declared(run) == [grant(PARTNER)]

    def test_is_of_its_connection(self) -> None:
        found = planned(
            registry(
                ecr_share_profile="prod",
                ecr_share_assume_role_arn=ROLE,
                ecr_share_assume_role_external_id="x1",
                ecr_share_registry_id="123456789012",
                ecr_share_regions=["us-east-1", "eu-west-1"],
            )
        )
        assert found.roles == (AssumedRole(0, ROLE, "x1", "us-east-1", "prod"),)
        assert {run.connection for run in found.runs} == {Connection(0, ROLE, "prod")}
        assert {run.registry_id for run in found.runs} == {"123456789012"}
        assert [run.registry for run in found.runs] == ["123456789012 us-east-1", "123456789012 eu-west-1"]

    def test_can_be_restored_without_grants_or_repositories(self) -> None:
        variables = registry(ecr_share_grants=[], ecr_share_repositories=[], ecr_share_backup_path="/srv/b")
        found = planned(variables, purpose=Purpose.RESTORE)
        assert [(run.label, run.repositories, run.grants) for run in found.runs] == [("all", (), ())]

    def test_can_be_audited_without_grants_or_repositories(self) -> None:
        found = planned(registry(ecr_share_grants=[], ecr_share_repositories=[]), purpose=Purpose.AUDIT)
        assert found.runs == ()
        assert [(run.label, run.repositories) for run in found.reads] == [("all", ())]

    def test_with_grants_needs_repositories_to_be_audited_too(self) -> None:
        with pytest.raises(InvalidInputError, match="ecr_share_repositories is empty"):
            planned(registry(ecr_share_repositories=[]), purpose=Purpose.AUDIT)

    @pytest.mark.parametrize("report_dir", ["", "/srv/report"])
    def test_is_always_read_by_an_audit(self, report_dir: str) -> None:
        found = planned(registry(ecr_share_report_dir=report_dir), purpose=Purpose.AUDIT)
        assert [(run.grants, run.repositories, run.principal) for run in found.reads] == [((), ("base/*",), None)]
        assert [declared(run) for run in found.runs] == [[grant()]]
        assert found.report_dir == (report_dir or None)

    @pytest.mark.parametrize(
        ("kinds", "fails"),
        [
            (["drift"], True),
            ("undeclared, public", True),
            (["excess"], True),
            (["public", "unread"], False),
            ([], False),
        ],
    )
    def test_needs_grants_to_fail_on_what_is_compared_with_them(self, kinds: Any, fails: bool) -> None:
        variables = registry(ecr_share_grants=[], ecr_share_fail_on=kinds)
        if fails:
            assert problems(variables, purpose=Purpose.AUDIT)[0].startswith("ecr_share_grants is empty")
        else:
            assert planned(variables, purpose=Purpose.AUDIT).fail_on == tuple(kinds)

    def test_fails_on_findings_in_an_audit_alone(self) -> None:
        variables = registry(ecr_share_fail_on=["drift"])
        assert planned(variables, purpose=Purpose.AUDIT).fail_on == ("drift",)
        assert planned(variables).fail_on == ()

    def test_saves_backups_in_a_directory_of_the_run_but_not_in_an_audit(self) -> None:
        variables = registry(ecr_share_backup_dir="/srv/backups")
        assert planned(variables, backup_name="20260131").backup_dir == "/srv/backups/20260131"
        assert planned(variables, backup_name="20260131", purpose=Purpose.AUDIT).backup_dir is None
        assert planned(registry()).backup_dir is None

    @pytest.mark.parametrize(
        ("others", "most"),
        [
            pytest.param([{}, {}], 1, id="the same credentials and region"),
            pytest.param([{"ecr_share_profile": "a"}, {"ecr_share_profile": "b"}], 0, id="two profiles"),
            pytest.param(
                [{"ecr_share_regions": "us-east-1"}, {"ecr_share_regions": ["eu-west-1"]}], 0, id="two regions"
            ),
            pytest.param(
                [{"ecr_share_regions": "us-east-1,eu-west-1"}, {"ecr_share_regions": ["eu-west-1"]}],
                1,
                id="a region in common",
            ),
            pytest.param([{"ecr_share_regions": 5}, {"ecr_share_regions": [{}]}], 0, id="what another host refuses"),
        ],
    )
    def test_is_shared_by_one_host_after_the_other_if_it_may_be_one(self, others: Any, most: int) -> None:
        assert throttle(others) == most
        assert planned(registry(), most_at_once=most).throttle == most
        assert planned(registry(), most_at_once=most, purpose=Purpose.AUDIT).throttle == 0

    def test_has_the_grants_for_its_region(self) -> None:
        everywhere, east = grant(), grant(PARTNER, regions=["us-east-1"])
        variables = registry(ecr_share_regions=["us-east-1", "eu-west-1"], ecr_share_grants=[everywhere, east])
        first, second = planned(variables).runs
        assert (first.region, declared(first)) == ("us-east-1", [everywhere, grant(PARTNER)])
        assert (second.region, declared(second)) == ("eu-west-1", [everywhere])

    def test_tells_where_a_grant_was_declared_as_it_was_written(self) -> None:
        variables = registry(
            ecr_share_principals={"checkout": TEAM},
            ecr_share_grants=[],
            ecr_share_grants_team=[grant(PARTNER), grant("checkout", access=["push"])],
        )
        (run,) = planned(variables).runs
        assert [(option[ORIGIN], option["principals"]) for option in run.grants] == [
            (f"ecr_share_grants_team[0] (principal {PARTNER})", [PARTNER]),
            ("ecr_share_grants_team[1] (principal checkout)", [TEAM]),
        ]

    def test_names_the_grants_of_regions_that_it_has_not(self) -> None:
        far, near = grant(regions=["ap-south-1"]), grant(PARTNER, regions=["us-east-1"])
        found = planned(registry(ecr_share_regions=["us-east-1"], ecr_share_grants=[far, near]))
        assert found.idle == (f"ecr_share_grants[0] (principal {TEAM})",)
        assert [declared(run) for run in found.runs] == [[grant(PARTNER)]]

    def test_knows_the_names_of_principals(self) -> None:
        names = {"ecr_share_principals": {"checkout": TEAM}, "ecr_share_principals_extra": {"ours": ORGANIZATION}}
        assert planned(registry(**names)).names == {TEAM: "checkout", ORGANIZATION: "ours"}


class TestWhoLosesAccess:
    """The state absent, and offboarding."""

    ABSENT: ClassVar = registry(ecr_share_state="absent", ecr_share_absent_principals=["checkout", PARTNER])
    NAMES: ClassVar = {"ecr_share_principals": {"checkout": TEAM}}

    def test_is_named_for_it_and_not_by_grants(self) -> None:
        found = planned({**self.ABSENT, **self.NAMES, "ecr_share_grants": [grant(ORGANIZATION)]})
        (run,) = of_repositories(found)
        assert declared(run) == [{"principals": [TEAM]}, {"principals": [PARTNER]}]
        assert run.repositories == ("base/*",)
        assert (found.principals, found.sharing) == ((TEAM, PARTNER), Sharing("absent"))

    def test_needs_no_grants(self) -> None:
        assert planned({**self.ABSENT, **self.NAMES, "ecr_share_grants": []}).runs

    def test_is_not_who_the_grants_name(self) -> None:
        (problem,) = problems(registry(ecr_share_state="absent"))
        assert problem == "ecr_share_absent_principals is empty: name at least one principal"

    def test_loses_what_options_say(self) -> None:
        more = {"ecr_share_unmanaged_access": "revoke", "ecr_share_whole_account": "yes"}
        found = planned({**self.ABSENT, **self.NAMES, **more})
        assert found.sharing == Sharing("absent", unmanaged_access="revoke", whole_account=True)

    def test_is_offboarded_everywhere_whatever_the_play_says(self) -> None:
        variables = registry(
            ecr_share_offboard=[TEAM, PARTNER],
            ecr_share_purge_grants=True,
            ecr_share_regions=["us-east-1", "eu-west-1"],
        )
        found = planned(variables, purpose=Purpose.OFFBOARD)
        assert found.sharing == Sharing("absent", unmanaged_access="revoke", whole_account=True)
        assert [(run.region, run.repositories, declared(run)) for run in of_repositories(found)] == [
            (region, ("*",), [{"principals": [TEAM]}, {"principals": [PARTNER]}])
            for region in ("us-east-1", "eu-west-1")
        ]
        # Afterwards each of them is asked for in each registry.
        assert [(run.region, run.principal, run.repositories) for run in found.reads] == [
            (region, principal, ("*",)) for region in ("us-east-1", "eu-west-1") for principal in (TEAM, PARTNER)
        ]
        assert found.unmatched_ok

    @pytest.mark.parametrize("value", [[TEAM], TEAM, int(TEAM), f" {TEAM} ,{TEAM}", ["checkout"], "checkout"])
    def test_is_offboarded_as_it_is_written_on_a_command_line(self, value: Any) -> None:
        found = planned(registry(ecr_share_offboard=value, **self.NAMES), purpose=Purpose.OFFBOARD)
        assert found.principals == (TEAM,)

    @pytest.mark.parametrize("grants", [[], [grant()], [grant("no principal")]])
    def test_is_offboarded_whatever_grants_are_declared(self, grants: Any) -> None:
        found = planned(registry(ecr_share_offboard=[PARTNER], ecr_share_grants=grants), purpose=Purpose.OFFBOARD)
        assert [declared(run) for run in found.runs] == [[{"principals": [PARTNER]}]] * 3

    @pytest.mark.parametrize(
        ("principal", "access", "told"),
        [
            (TEAM, "itself", True),
            (f"arn:aws:iam::{TEAM}:root", "as a root", True),
            (f"arn:aws:iam::{TEAM}:role/ci", "a role of it", True),
            (PARTNER, "another", False),
        ],
    )
    def test_is_told_of_if_grants_still_name_it(self, principal: str, access: str, told: bool) -> None:
        variables = registry(ecr_share_offboard=[TEAM], ecr_share_grants=[grant(principal)])
        found = planned(variables, purpose=Purpose.OFFBOARD).still_named
        shown = TEAM if principal.endswith(":root") else principal
        assert found == ((f"ecr_share_grants[0] (principal {principal}) names {shown}",) if told else ())

    def test_is_who_the_play_says_for_all_hosts_that_are_repositories(self) -> None:
        found = of_hosts(
            {"ecr_share_offboard": [TEAM]}, Purpose.OFFBOARD, a=repository("base/a"), b=repository("base/b")
        )
        (run,) = of_repositories(found)
        assert (run.repositories, declared(run)) == (("*",), [{"principals": [TEAM], "repositories": None}])
        assert [(read.principal, read.repositories) for read in found.reads] == [(TEAM, ("*",))]
        assert found.still_named == (f"ecr_share_grants[0] (principal {TEAM}) names {TEAM}",)

    @pytest.mark.parametrize("value", [[TEAM, ""], [TEAM, None], f"{TEAM},"])
    def test_is_refused_if_one_of_them_is_empty(self, value: Any) -> None:
        (problem,) = problems(registry(ecr_share_offboard=value), purpose=Purpose.OFFBOARD)
        assert problem == "ecr_share_offboard[1]: principal is empty"

    def test_is_told_of_if_the_grants_of_any_repository_name_it(self) -> None:
        found = of_hosts(
            {"ecr_share_offboard": [PARTNER], "ecr_share_grants": []},
            Purpose.OFFBOARD,
            a=repository("base/a"),
            b=repository("base/b", ecr_share_grants_team=[grant(PARTNER)]),
        )
        assert found.still_named == (f"ecr_share_grants_team[0] (principal {PARTNER}) names {PARTNER}",)


class TestQuestions:
    def test_are_read_for_each_who_is_asked_for(self) -> None:
        variables = registry(
            ecr_share_principals={"checkout": TEAM}, ecr_share_ask_principals=["checkout", "*"], ecr_share_grants=[]
        )
        found = planned(variables, purpose=Purpose.ASK)
        assert found.runs == ()
        assert [(run.principal, run.repositories) for run in found.reads] == [(TEAM, ("*",)), ("*", ("*",))]
        assert found.principals == (TEAM, "*")

    def test_are_for_all_if_nobody_is_asked_for(self) -> None:
        found = planned(registry(ecr_share_ask_repositories=["prod/*"]), purpose=Purpose.ASK)
        assert [(run.principal, run.repositories) for run in found.reads] == [(None, ("prod/*",))]
        assert [run.repositories for run in found.lists] == [("prod/*",)]

    def test_need_no_repositories_of_the_play(self) -> None:
        found = planned(registry(ecr_share_repositories=[], ecr_share_grants=[]), purpose=Purpose.ASK)
        assert [run.repositories for run in found.reads] == [("*",)]


@pytest.mark.parametrize(
    ("purpose", "variable"),
    [
        (Purpose.ADOPT, "ecr_share_adopt_dir"),
        (Purpose.SNAPSHOT, "ecr_share_backup_dir"),
        (Purpose.RESTORE, "ecr_share_backup_path"),
    ],
)
def test_entry_points_name_the_variable_that_they_need(purpose: Purpose, variable: str) -> None:
    (problem,) = problems(registry(), purpose=purpose)
    assert problem.startswith(f"{variable} is empty")
    assert planned(registry(**{variable: "/srv/x"}), purpose=purpose).acts


class TestRepositories:
    def test_can_be_audited_without_grants(self) -> None:
        hosts = {"a": repository("base/a", ecr_share_grants=[]), "b": repository("base/b", ecr_share_grants=[])}
        found = of_hosts({"ecr_share_grants": []}, Purpose.AUDIT, **hosts)
        assert found.runs == ()
        assert [run.repositories for run in found.reads] == [("base/a", "base/b")]

    def test_of_one_registry_are_one_run(self) -> None:
        (run,) = of_hosts(a=repository("base/a"), b=repository("base/b")).runs
        assert (run.label, run.registry) == ("us-east-1: base/a, base/b", "123456789012 us-east-1")
        assert (run.region, run.registry_id, run.repositories) == ("us-east-1", "123456789012", ("base/a", "base/b"))
        assert declared(run) == [{**grant(), "repositories": None}]
        assert of_hosts(a=repository("base/a")).lists == ()

    def test_of_each_registry_and_region_are_a_run(self) -> None:
        found = of_hosts(
            a=repository("base/a"),
            b=repository("base/a", ecr_region="eu-west-1"),
            c=repository("base/a", ecr_registry_id="210987654321"),
        )
        assert [(run.region, run.registry_id) for run in found.runs] == [
            ("us-east-1", "123456789012"),
            ("eu-west-1", "123456789012"),
            ("us-east-1", "210987654321"),
        ]
        assert len({run.key for run in found.runs}) == 3

    def test_of_each_profile_and_role_are_a_connection(self) -> None:
        found = of_hosts(
            a=repository("base/a"),
            b=repository("base/b", ecr_profile="prod"),
            c=repository("base/c", ecr_profile="prod", ecr_share_profile="other"),
            d=repository("base/d", ecr_share_assume_role_arn=ROLE),
            e=repository("base/e", ecr_share_assume_role_arn=ROLE, ecr_share_assume_role_external_id="x1"),
        )
        assert [run.connection for run in found.runs] == [
            Connection(0, "these credentials", None),
            Connection(1, "profile prod", "prod"),
            Connection(2, "profile other", "other"),
            Connection(3, ROLE, None),
            Connection(4, ROLE, None),
        ]
        assert [(role.connection, role.external_id) for role in found.roles] == [(3, None), (4, "x1")]

    def test_get_the_grants_of_their_own_groups(self) -> None:
        found = of_hosts(
            a=repository("base/a", ecr_share_grants_team=[grant(PARTNER, access=["push"])]),
            b=repository("base/b"),
            c=repository("base/c", ecr_share_grants=[grant(ORGANIZATION)]),
        )
        assert granted(found.runs, "base/a") == [(TEAM, "pull"), (PARTNER, "push")]
        assert granted(found.runs, "base/b") == [(TEAM, "pull")]
        assert granted(found.runs, "base/c") == [(ORGANIZATION, "pull")]

    def test_get_what_a_grant_of_patterns_covers(self) -> None:
        own = [grant(repositories=["services/*"]), grant(PARTNER)]
        found = of_hosts(a=repository("base/a", ecr_share_grants=own), b=repository("services/b", ecr_share_grants=own))
        assert granted(found.runs, "base/a") == [(PARTNER, "pull")]
        assert granted(found.runs, "services/b") == [(TEAM, "pull"), (PARTNER, "pull")]

    def test_without_grants_are_reported_and_get_nothing(self) -> None:
        (run,) = of_hosts(a=repository("base/a"), b=repository("base/b", ecr_share_grants=[])).runs
        assert run.repositories == ("base/a", "base/b")
        assert granted([run], "base/b") == []

    def test_without_grants_in_their_registry_are_not_touched(self) -> None:
        hosts = {"a": repository("base/a"), "b": repository("base/b", ecr_region="eu-west-1", ecr_share_grants=[])}
        assert [run.region for run in of_hosts(**hosts).runs] == ["us-east-1"]
        audited = of_hosts({}, Purpose.AUDIT, **hosts)
        assert [run.region for run in audited.runs] == ["us-east-1"]
        assert [run.region for run in audited.reads] == ["us-east-1", "eu-west-1"]

    def test_get_the_grants_that_the_play_sets_above_the_inventory(self) -> None:
        found = of_hosts(
            {"ecr_share_grants": [grant(PARTNER)]},
            a=repository("base/a"),
            b=repository("base/b", ecr_share_grants=[grant(ORGANIZATION)]),
        )
        assert granted(found.runs, "base/a") == granted(found.runs, "base/b") == [(PARTNER, "pull")]

    def test_keep_their_own_grants_below_the_defaults_of_the_role(self) -> None:
        found = of_hosts(a=repository("base/a", ecr_share_grants=[]), b=repository("base/b"))
        assert granted(found.runs, "base/b") == [(TEAM, "pull")]

    def test_get_the_grants_for_their_region(self) -> None:
        own = [grant(regions=["us-east-1"]), grant(PARTNER)]
        east, west = (
            repository("base/a", ecr_region=region, ecr_share_grants=own) for region in ("us-east-1", "eu-west-1")
        )
        found = of_hosts(a=east, b=west)
        assert [granted([run], "base/a") for run in found.runs] == [
            [(TEAM, "pull"), (PARTNER, "pull")],
            [(PARTNER, "pull")],
        ]

    def test_may_be_many(self) -> None:
        (run,) = of_hosts(**{f"h{n}": repository(f"base/r{n}") for n in range(500)}).runs
        assert (len(run.repositories), len(run.grants), run.label) == (500, 1, "us-east-1: 500 repositories")


class TestConnectionOptions:
    OWN: ClassVar = {"endpoint_url": "http://aws", "access_key": "AKIA", "secret_key": "", "session_token": None}
    KEYS: ClassVar = {"access_key": "ASIA", "secret_key": "s", "session_token": "t", "expiration": "soon"}

    def test_of_a_run_are_those_that_are_set(self) -> None:
        (run,) = planned(registry(ecr_share_profile="prod", ecr_share_regions=["us-east-1"])).runs
        assert connection_options(run, self.OWN, {}) == {
            "endpoint_url": "http://aws",
            "access_key": "AKIA",
            "profile": "prod",
            "region": "us-east-1",
        }

    def test_of_a_run_with_a_role_are_the_keys_of_the_role(self) -> None:
        found = planned(
            registry(ecr_share_profile="prod", ecr_share_assume_role_arn=ROLE, ecr_share_registry_id="123456789012")
        )
        (run,), (role,) = found.runs, found.roles
        assert connection_options(role, self.OWN, {}) == {
            "endpoint_url": "http://aws",
            "access_key": "AKIA",
            "profile": "prod",
        }
        assert connection_options(run, self.OWN, {0: self.KEYS}) == {
            "endpoint_url": "http://aws",
            "access_key": "ASIA",
            "secret_key": "s",
            "session_token": "t",
            "registry_id": "123456789012",
        }


class TestRefusals:
    def test_come_all_at_once(self) -> None:
        found = problems(registry(ecr_share_grants=[grant("x")], ecr_share_grants_b=[grant("y")], ecr_share_x=1))
        assert [problem.split(" ")[0] for problem in found] == [
            "ecr_share_x",
            "ecr_share_grants[0]",
            "ecr_share_grants_b[0]",
        ]

    def test_of_a_partition_are_left_to_the_module(self) -> None:
        assert planned(registry(ecr_share_grants=[grant("arn:aws-cn:iam::111122223333:root")]))

    @pytest.mark.parametrize(
        ("variable", "value", "said"),
        [
            *(("ecr_repository_name", name, "the name of a repository") for name in (None, "Base", "base/*", 7)),
            *(("ecr_region", region, "the name of a region") for region in ("US-EAST-1", 1, ["us-east-1"], {"a": 1})),
            *((f"ecr_{name}", ["x"], "a text") for name in ("registry_id", "profile", "share_assume_role_arn")),
        ],
    )
    def test_tell_of_a_host_that_is_no_repository(self, variable: str, value: Any, said: str) -> None:
        hosts = {"odd": repository("base/a", **{variable: value})}
        (problem,) = problems({**DEFAULTS, **hosts["odd"]}, hosts=hosts, host="odd")
        assert problem.startswith(f"{variable} of the host odd")
        assert f"is not {said}" in problem

    def test_tell_of_an_option_that_differs_between_hosts(self) -> None:
        hosts = {"a": repository("base/a"), "b": repository("base/b", ecr_share_purge_grants=True)}
        (problem,) = problems({**DEFAULTS, **hosts["a"]}, hosts=hosts, host="a")
        assert problem.startswith("ecr_share_purge_grants differs between a and b")

    def test_never_tell_a_secret(self) -> None:
        hosts = {name: repository("base/a", ecr_share_secret_key=f"of-{name}") for name in ("a", "b")}
        (problem,) = problems({**DEFAULTS, **hosts["a"]}, hosts=hosts, host="a")
        assert "of-a" not in problem

    def test_are_for_no_grants_on_any_host(self) -> None:
        hosts = {name: repository(f"base/{name}", ecr_share_grants=[]) for name in ("a", "b")}
        (problem,) = problems({**DEFAULTS, **hosts["a"]}, hosts=hosts, host="a")
        assert problem.startswith("ecr_share_grants is empty")


@pytest.mark.parametrize(
    ("purge", "kinds", "refused"),
    [
        (True, ["templates"], True),
        (True, ["templates", "repositories"], False),
        (True, ["registry"], False),
        (False, ["templates"], False),
    ],
)
def test_a_purge_does_not_take_away_what_templates_give(purge: bool, kinds: list[str], refused: bool) -> None:
    variables = registry(
        ecr_share_purge_grants=purge, ecr_share_grants=[grant(PARTNER), {**grant(TEAM), "apply_to": kinds}]
    )
    if not refused:
        assert planned(variables).runs
        return
    (problem,) = problems(variables)
    assert problem.startswith(f"ecr_share_grants[1] (principal {TEAM}): apply_to: with ecr_share_purge_grants, ")


class TestFilter:
    def test_takes_an_account_as_yaml_leaves_it(self) -> None:
        found = ecr_share_internal(registry(ecr_share_grants=[{"principals": 111122223333}]), "plan")
        (option,) = found["runs"][0]["grants"]
        assert (option["principals"], option["access"]) == ([TEAM], ["pull"])

    def test_returns_no_secret(self) -> None:
        returned = ecr_share_internal(registry(ecr_share_secret_key="keep-this-one-secret"), "plan")
        assert "keep-this-one-secret" not in str(returned)

    def test_returns_what_can_be_read_back(self) -> None:
        variables = registry(ecr_share_assume_role_arn=ROLE, ecr_share_report_dir="/srv/report")
        values = json.loads(json.dumps(ecr_share_internal(variables, "plan", purpose="audit", host="images")))
        read = read_plan(values)
        assert json.loads(json.dumps(plan_values(read))) == values
        assert read.runs[0].connection.label == ROLE

    @pytest.mark.parametrize("purpose", Purpose)
    def test_returns_what_can_be_read_back_for_each_entry_point(self, purpose: Purpose) -> None:
        exception = {"principal": TEAM, "kinds": ["undeclared"], "reason": "old", "until": "2026-12-31"}
        variables = registry(
            ecr_share_accepted=[exception],
            ecr_share_adopt_dir="/srv/adopt",
            ecr_share_ask_principals=[TEAM],
            ecr_share_backup_dir="/srv/backups",
            ecr_share_backup_path="/srv/backups/x",
            ecr_share_fail_on=["drift"],
            ecr_share_offboard=[TEAM],
            ecr_share_principals={"checkout": TEAM},
        )
        found = planned(variables, purpose=purpose)
        assert read_plan(json.loads(json.dumps(plan_values(found)))) == found

    def test_leaves_it_to_the_first_repository_of_the_play_to_act(self) -> None:
        hosts = {name: repository(f"base/{name}") for name in ("a", "b", "c")}
        more = {"play_hosts": ["b", "c"], "repositories": ["a", "b", "c"], "hostvars": hosts}
        first, second = (
            read_plan(ecr_share_internal({**DEFAULTS, **hosts[name]}, "plan", host=name, **more)) for name in "bc"
        )
        assert (first.acts, first.runs[0].repositories) == (True, ("base/b", "base/c"))
        assert second == Plan("c", acts=False)

    def test_refuses_a_directory_for_the_report_that_is_none(self, tmp_path: Path) -> None:
        (tmp_path / "report").touch()
        variables = registry(ecr_share_report_dir=f"{tmp_path}/report", ecr_share_repositories=[])
        problems = ecr_share_internal(variables, "plan", purpose="audit")["problems"]
        assert any("exists and is not a directory" in problem for problem in problems)
        assert any("ecr_share_repositories is empty" in problem for problem in problems)
        assert ecr_share_internal(registry(ecr_share_report_dir=str(tmp_path)), "plan", purpose="audit")["acts"]

    def test_refuses_an_unknown_step(self) -> None:
        with pytest.raises(Exception, match="'guess' is not a step"):
            ecr_share_internal({}, "guess")


NAMES = ("base/go", "base/node", "base/python", "services/api", "services/web", "tools")
PATTERNS = ("*", "base/*", "services/*", "*o*", *NAMES)


@st.composite
def runs(draw: st.DrawFn) -> Run:
    wanted = draw(st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=4, unique=True))
    chosen = select(wanted, NAMES).names
    narrowing = st.none() | st.lists(
        st.sampled_from([text for text in PATTERNS if any(matches([text], name) for name in chosen)]), min_size=1
    )
    principals = draw(st.lists(st.sampled_from((TEAM, PARTNER, ORGANIZATION)), min_size=1, max_size=3))
    grants = tuple(grant(principal, repositories=draw(narrowing)) for principal in principals)
    return run(*wanted, region="us-east-1", grants=grants)


class TestNarrowed:
    """A run, for what of it is in a registry."""

    @laws(200)
    @given(whole=runs(), existing=st.lists(st.sampled_from(NAMES), unique=True))
    def test_grants_exactly_what_the_whole_grants_on_what_there_is(self, whole: Run, existing: list[str]) -> None:
        part = narrowed(whole, existing)
        wanted = set(select(whole.repositories, existing).names) & set(existing)
        for name in NAMES:
            assert granted([part], name) == (granted([whole], name) if name in wanted else [])

    @laws(200)
    @given(whole=runs(), existing=st.lists(st.sampled_from(NAMES), unique=True))
    def test_names_each_repository_that_is_there_and_covered_and_no_grant_without(
        self, whole: Run, existing: list[str]
    ) -> None:
        part = narrowed(whole, existing)
        chosen = [name for name in select(whole.repositories, existing).names if name in existing]
        assert list(part.repositories) == [name for name in chosen if granted([whole], name)]
        for option in part.grants:
            for text in option["repositories"] or ():
                assert any(matches([text], name) for name in part.repositories)
        assert (part.key, part.label) == (whole.key, whole.label)
        assert narrowed(part, existing) == part

    def test_leaves_out_what_is_in_another_registry(self) -> None:
        whole = run("base/*", "tools", grants=[grant(repositories=["base/go", "base/ruby"]), grant(PARTNER)])
        part = narrowed(whole, ["base/go", "base/node"])
        assert part.repositories == ("base/go", "base/node")
        assert part.grants == (grant(repositories=["base/go"]), grant(PARTNER))

    def test_of_what_no_grant_covers_is_nothing(self) -> None:
        part = narrowed(run("base/*", grants=[grant(repositories=["services/*"])]), NAMES)
        assert (part.repositories, part.grants) == ((), ())


class TestBatches:
    @given(whole=runs(), size=st.integers(1, 4))
    def test_grant_what_the_whole_grants(self, whole: Run, size: int) -> None:
        parts = batches(narrowed(whole, NAMES), size)
        for name in select(whole.repositories, NAMES).names:
            assert granted(parts, name) == granted([whole], name)

    @given(whole=runs(), size=st.integers(1, 4))
    def test_hold_each_covered_repository_once_in_order(self, whole: Run, size: int) -> None:
        parts = batches(narrowed(whole, NAMES), size)
        names = [name for part in parts for name in part.repositories]
        assert names == [name for name in select(whole.repositories, NAMES).names if granted([whole], name)]
        assert {part.key for part in parts} <= {whole.key}
        assert all(1 <= len(part.repositories) <= size and part.grants for part in parts)

    def test_tell_how_far_they_are(self) -> None:
        existing = [f"services/s{number:04}" for number in range(1000)]
        whole = narrowed(run("services/*", region="us-east-1", grants=[grant()]), existing)
        labels = [part.label for part in batches(whole, 100)]
        assert labels[1] == "us-east-1: services 101–200 of 1,000"
        assert labels[-1] == "us-east-1: services 901–1,000 of 1,000"

    def test_of_several_kinds_are_repositories(self) -> None:
        assert [part.label for part in batches(run(*NAMES, grants=[grant()]), 4)] == [
            "repositories 1–4 of 6",
            "repositories 5–6 of 6",
        ]


def test_known_variables_are_named_once() -> None:
    assert len(set(KNOWN)) == len(KNOWN)
