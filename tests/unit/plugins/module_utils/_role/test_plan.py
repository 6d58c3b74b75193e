# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans of the role: which runs variables ask for, what is refused, and that a plan grants what the hosts declare."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

import pytest
from ansible_collections.imageshare.aws.plugins.filter.ecr_share_internal import ecr_share_internal
from ansible_collections.imageshare.aws.plugins.module_utils._errors import InvalidInputError
from ansible_collections.imageshare.aws.plugins.module_utils._repository_names import matches, select
from ansible_collections.imageshare.aws.plugins.module_utils._role.plan import (
    AssumedRole,
    Connection,
    Plan,
    Purpose,
    Run,
    batches,
    connection_options,
    needs_listing,
    plan,
    read_plan,
)
from ansible_collections.imageshare.aws.plugins.module_utils._role.variables import KNOWN
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
        assert found.runs == (Run("base/*", "images", connection, None, None, ("base/*",), (grant(),)),)
        assert (found.roles, found.reads) == ((), ())

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
        assert run.grants == (grant(PARTNER),)

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
        found = planned(registry(ecr_share_grants=[], ecr_share_repositories=[]), purpose=Purpose.RESTORE)
        assert [(run.label, run.repositories, run.grants) for run in found.runs] == [("all", (), ())]

    def test_can_be_audited_without_grants_or_repositories(self) -> None:
        found = planned(registry(ecr_share_grants=[], ecr_share_repositories=[]), purpose=Purpose.AUDIT)
        assert found.runs == ()
        assert [(run.label, run.repositories) for run in found.reads] == [("all", ())]

    def test_with_grants_needs_repositories_to_be_audited_too(self) -> None:
        with pytest.raises(InvalidInputError, match="ecr_share_repositories is empty"):
            planned(registry(ecr_share_repositories=[]), purpose=Purpose.AUDIT)

    def test_is_read_by_an_audit_of_grants_only_for_a_report(self) -> None:
        assert planned(registry(), purpose=Purpose.AUDIT).reads == ()
        found = planned(registry(ecr_share_report_dir="/srv/report"), purpose=Purpose.AUDIT)
        assert (found.report_dir, [run.grants for run in found.reads]) == ("/srv/report", [()])
        assert [run.grants for run in found.runs] == [(grant(),)]

    @pytest.mark.parametrize(("value", "fails"), [(True, True), ("true", True), ("yes", True), (False, False)])
    def test_needs_grants_to_fail_on_drift(self, value: Any, fails: bool) -> None:
        variables = registry(ecr_share_grants=[], ecr_share_fail_on_drift=value)
        if fails:
            assert problems(variables, purpose=Purpose.AUDIT)[0].startswith("ecr_share_grants is empty")
        else:
            assert planned(variables, purpose=Purpose.AUDIT).reads

    def test_saves_backups_in_a_directory_of_the_run_but_not_in_an_audit(self) -> None:
        variables = registry(ecr_share_backup_dir="/srv/backups")
        assert planned(variables, backup_name="20260131").backup_dir == "/srv/backups/20260131"
        assert planned(variables, backup_name="20260131", purpose=Purpose.AUDIT).backup_dir is None
        assert planned(registry()).backup_dir is None

    @pytest.mark.parametrize(
        ("others", "throttle"),
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
    def test_is_shared_by_one_host_after_the_other_if_it_may_be_one(self, others: Any, throttle: int) -> None:
        assert planned(registry(), others=others).throttle == throttle
        assert planned(registry(), others=others, purpose=Purpose.AUDIT).throttle == 0


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
        assert run.grants == ({**grant(), "repositories": None},)

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
        audited = of_hosts({"ecr_share_report_dir": "/srv/report"}, Purpose.AUDIT, **_with_report(hosts))
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

    def test_may_be_many(self) -> None:
        (run,) = of_hosts(**{f"h{n}": repository(f"base/r{n}") for n in range(500)}).runs
        assert (len(run.repositories), len(run.grants), run.label) == (500, 1, "us-east-1: 500 repositories")


def _with_report(hosts: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: {**own, "ecr_share_report_dir": "/srv/report"} for name, own in hosts.items()}


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
        assert json.loads(json.dumps(asdict(read))) == values
        assert read.runs[0].connection.label == ROLE

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


class TestBatches:
    @given(whole=runs(), size=st.integers(1, 4))
    def test_grant_what_the_whole_grants(self, whole: Run, size: int) -> None:
        parts = batches(whole, NAMES, size, unmatched_ok=False)
        for name in select(whole.repositories, NAMES).names:
            assert granted(parts, name) == granted([whole], name)

    @given(whole=runs(), size=st.integers(1, 4))
    def test_hold_each_covered_repository_once_in_order(self, whole: Run, size: int) -> None:
        parts = batches(whole, NAMES, size, unmatched_ok=False)
        names = [name for part in parts for name in part.repositories]
        assert names == [name for name in select(whole.repositories, NAMES).names if granted([whole], name)]
        assert {part.key for part in parts} <= {whole.key}
        assert all(1 <= len(part.repositories) <= size and part.grants for part in parts)

    def test_tell_how_far_they_are(self) -> None:
        existing = [f"services/s{number:04}" for number in range(1000)]
        whole = run("services/*", region="us-east-1", grants=[grant()])
        labels = [part.label for part in batches(whole, existing, 100, unmatched_ok=False)]
        assert labels[1] == "us-east-1: services 101–200 of 1,000"
        assert labels[-1] == "us-east-1: services 901–1,000 of 1,000"

    def test_of_several_kinds_are_repositories(self) -> None:
        whole = run(*NAMES, grants=[grant()])
        assert [part.label for part in batches(whole, [], 4, unmatched_ok=False)] == [
            "repositories 1–4 of 6",
            "repositories 5–6 of 6",
        ]

    def test_refuse_what_matches_nothing(self) -> None:
        whole = run("base/*", "tool/*", grants=[grant(repositories=["base/x*"])])
        with pytest.raises(InvalidInputError) as refusal:
            batches(whole, NAMES, 4, unmatched_ok=False)
        assert refusal.value.problems == (
            'ecr_share_repositories: "tool/*" matches no repository',
            'ecr_share_grants (principal 111122223333): repositories: "base/x*" matches no repository',
        )

    @pytest.mark.parametrize(
        ("wanted", "size", "listed"), [("base/*", 5, True), ("base/go", 5, False), ("*", 0, False)]
    )
    def test_need_a_list_only_for_patterns(self, wanted: str, size: int, listed: bool) -> None:
        found = planned(registry(ecr_share_repositories=[wanted], ecr_share_batch_size=size))
        assert bool(needs_listing(found)) is listed

    def test_tell_what_matches_nothing_in_the_last_if_that_is_no_failure(self) -> None:
        narrowed = grant(PARTNER, repositories=["x*", "base/go", "base/nothing"])
        whole = run("base/*", "tool/*", grants=[grant(), narrowed])
        first, last = batches(whole, NAMES, 2, unmatched_ok=True)
        assert first.repositories == ("base/go", "base/node")
        assert first.grants == (grant(), grant(PARTNER, repositories=["base/go"]))
        assert last.repositories == ("base/python", "tool/*", "base/nothing")
        assert last.grants == (grant(), grant(PARTNER, repositories=["x*", "base/nothing"]))

    @pytest.mark.parametrize(
        ("wanted", "narrowed", "repositories"),
        [("x*", None, ("x*",)), ("x*", ["y*"], ("x*",)), ("base/*", ["y*"], ("base/go",))],
    )
    def test_tell_it_also_where_nothing_else_is_to_be_done(
        self, wanted: str, narrowed: list[str] | None, repositories: tuple[str, ...]
    ) -> None:
        grants = (grant(repositories=narrowed),)
        (only,) = batches(run(wanted, grants=grants), NAMES, 2, unmatched_ok=True)
        assert (only.label, only.repositories, only.grants) == (repositories[0], repositories, grants)

    def test_refuse_a_grant_for_a_repository_that_is_not_meant(self) -> None:
        with pytest.raises(InvalidInputError, match='"tools" matches no repository'):
            batches(run("base/*", grants=[grant(repositories=["tools"])]), NAMES, 2, unmatched_ok=True)


def test_known_variables_are_named_once() -> None:
    assert len(set(KNOWN)) == len(KNOWN)
