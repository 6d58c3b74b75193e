# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans of the role: which runs variables ask for, what is refused, and that a plan grants what the hosts declare."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.filter.ecr_share_plan import ecr_share_plan
from ansible_collections.imageshare.aws.plugins.module_utils._errors import InvalidInputError
from ansible_collections.imageshare.aws.plugins.module_utils._repository_names import matches, select
from ansible_collections.imageshare.aws.plugins.module_utils._role.plan import KNOWN, Run, batches, plan
from hypothesis import given
from hypothesis import strategies as st

TEAM, PARTNER = "111122223333", "444455556666"
ORGANIZATION = "o-a1b2c3d4e5"


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


def planned(play: Mapping[str, Any], **more: Any) -> Any:
    return plan(play, read_options=as_written, **more)


def of_hosts(play: Mapping[str, Any] | None = None, **hosts: Mapping[str, Any]) -> Any:
    """The plan for hosts that are repositories, run on the first, which sees its own variables below the play's."""
    current = next(iter(hosts))
    return planned({**DEFAULTS, **hosts[current], **(play or {})}, hosts=hosts, current=current)


def problems(*arguments: Any, **more: Any) -> tuple[str, ...]:
    with pytest.raises(InvalidInputError) as refusal:
        planned(*arguments, **more)
    return refusal.value.problems


def granted(runs: Iterable[Any], name: str) -> list[tuple[str, str]]:
    """Whom runs give what in a repository."""
    return sorted(
        (option["principal"], option.get("access", "pull"))
        for run in runs
        if matches(run.repositories, name)
        for option in run.grants
        if option.get("repositories") is None or matches(option["repositories"], name)
    )


class TestRegistry:
    def test_is_one_run(self) -> None:
        (connection,) = planned(registry())
        assert (connection.profile, connection.assume_role_arn) == (None, None)
        assert connection.runs == (Run("base/*", None, None, ("base/*",), (grant(),)),)

    def test_is_a_run_a_region(self) -> None:
        (connection,) = planned(registry(ecr_share_regions=["us-east-1", "eu-west-1", "us-east-1"]))
        assert [run.region for run in connection.runs] == ["us-east-1", "eu-west-1"]
        assert [run.label for run in connection.runs] == ["us-east-1: base/*", "eu-west-1: base/*"]

    def test_takes_a_text_for_a_list_as_ansible_does(self) -> None:
        (connection,) = planned(
            registry(ecr_share_repositories="base/*, tools", ecr_share_regions="us-east-1,eu-west-1")
        )
        assert [(run.region, run.repositories) for run in connection.runs] == [
            ("us-east-1", ("base/*", "tools")),
            ("eu-west-1", ("base/*", "tools")),
        ]

    def test_adds_the_grants_of_all_variables_that_begin_so(self) -> None:
        variables = registry(
            ecr_share_grants_team=[grant(PARTNER, access="push")],
            ecr_share_grants_extra=[grant(ORGANIZATION, repositories=["base/go"])],
        )
        (connection,) = planned(variables)
        (run,) = connection.runs
        assert [option["principal"] for option in run.grants] == [TEAM, ORGANIZATION, PARTNER]

    def test_needs_no_grants_of_its_own(self) -> None:
        (connection,) = planned(registry(ecr_share_grants=[], ecr_share_grants_team=[grant(PARTNER)]))
        assert connection.runs[0].grants == (grant(PARTNER),)

    def test_is_of_its_connection(self) -> None:
        role = "arn:aws:iam::123456789012:role/registry"
        (connection,) = planned(
            registry(
                ecr_share_profile="prod",
                ecr_share_assume_role_arn=role,
                ecr_share_assume_role_external_id="x1",
                ecr_share_registry_id="123456789012",
            )
        )
        assert (connection.label, connection.profile) == (role, "prod")
        assert (connection.assume_role_arn, connection.assume_role_external_id) == (role, "x1")
        assert connection.runs[0].registry_id == "123456789012"

    def test_can_be_restored_without_grants_or_repositories(self) -> None:
        variables = registry(ecr_share_grants=[], ecr_share_repositories=[])
        (connection,) = planned(variables, granting=False)
        assert connection.runs == (Run("all", None, None, (), ()),)

    def test_can_be_audited_without_grants_or_repositories(self) -> None:
        assert planned(registry(ecr_share_grants=[], ecr_share_repositories=[]), required=False) == ()

    def test_with_grants_needs_repositories_to_be_audited_too(self) -> None:
        with pytest.raises(InvalidInputError, match="ecr_share_repositories is empty"):
            planned(registry(ecr_share_repositories=[]), required=False)


class TestRepositories:
    def test_can_be_audited_without_grants(self) -> None:
        hosts = {"a": repository("base/a", ecr_share_grants=[]), "b": repository("base/b", ecr_share_grants=[])}
        assert planned(DEFAULTS, hosts=hosts, current="a", required=False) == ()
        (connection,) = planned(DEFAULTS, hosts=hosts, current="a", granting=False)
        assert connection.runs[0].repositories == ("base/a", "base/b")

    def test_of_one_registry_are_one_run(self) -> None:
        (connection,) = of_hosts(a=repository("base/a"), b=repository("base/b"))
        (run,) = connection.runs
        assert run.label == "us-east-1: base/a, base/b"
        assert (run.region, run.registry_id, run.repositories) == ("us-east-1", "123456789012", ("base/a", "base/b"))
        assert run.grants == ({**grant(), "repositories": None},)

    def test_of_each_registry_and_region_are_a_run(self) -> None:
        connections = of_hosts(
            a=repository("base/a"),
            b=repository("base/a", ecr_region="eu-west-1"),
            c=repository("base/a", ecr_registry_id="210987654321"),
        )
        (connection,) = connections
        assert [(run.region, run.registry_id) for run in connection.runs] == [
            ("us-east-1", "123456789012"),
            ("eu-west-1", "123456789012"),
            ("us-east-1", "210987654321"),
        ]

    def test_of_each_profile_and_role_are_a_connection(self) -> None:
        connections = of_hosts(
            a=repository("base/a"),
            b=repository("base/b", ecr_profile="prod"),
            c=repository("base/c", ecr_profile="prod", ecr_share_profile="other"),
            d=repository("base/d", ecr_share_assume_role_arn="arn:aws:iam::123456789012:role/x"),
        )
        assert [connection.profile for connection in connections] == [None, "prod", "other", None]

    def test_get_the_grants_of_their_own_groups(self) -> None:
        (connection,) = of_hosts(
            a=repository("base/a", ecr_share_grants_team=[grant(PARTNER, access="push")]),
            b=repository("base/b"),
            c=repository("base/c", ecr_share_grants=[grant(ORGANIZATION)]),
        )
        assert granted(connection.runs, "base/a") == [(TEAM, "pull"), (PARTNER, "push")]
        assert granted(connection.runs, "base/b") == [(TEAM, "pull")]
        assert granted(connection.runs, "base/c") == [(ORGANIZATION, "pull")]

    def test_get_what_a_grant_of_patterns_covers(self) -> None:
        own = [grant(repositories=["services/*"]), grant(PARTNER)]
        (connection,) = of_hosts(
            a=repository("base/a", ecr_share_grants=own), b=repository("services/b", ecr_share_grants=own)
        )
        assert granted(connection.runs, "base/a") == [(PARTNER, "pull")]
        assert granted(connection.runs, "services/b") == [(TEAM, "pull"), (PARTNER, "pull")]

    def test_without_grants_are_reported_and_get_nothing(self) -> None:
        (connection,) = of_hosts(a=repository("base/a"), b=repository("base/b", ecr_share_grants=[]))
        (run,) = connection.runs
        assert run.repositories == ("base/a", "base/b")
        assert granted([run], "base/b") == []

    def test_get_the_grants_that_the_play_sets_above_the_inventory(self) -> None:
        (connection,) = of_hosts(
            {"ecr_share_grants": [grant(PARTNER)]},
            a=repository("base/a"),
            b=repository("base/b", ecr_share_grants=[grant(ORGANIZATION)]),
        )
        assert granted(connection.runs, "base/a") == granted(connection.runs, "base/b") == [(PARTNER, "pull")]

    def test_keep_their_own_grants_below_the_defaults_of_the_role(self) -> None:
        (connection,) = of_hosts(a=repository("base/a", ecr_share_grants=[]), b=repository("base/b"))
        assert granted(connection.runs, "base/b") == [(TEAM, "pull")]

    def test_may_be_many(self) -> None:
        hosts = {f"h{n}": repository(f"base/r{n}") for n in range(500)}
        (connection,) = of_hosts(**hosts)
        (run,) = connection.runs
        assert (len(run.repositories), len(run.grants), run.label) == (500, 1, "us-east-1: 500 repositories")


# Of each: the variables of a registry that are wrong, and what is said.
REFUSED = {
    "a misspelt variable": (
        {"ecr_share_grant": [grant()]},
        "ecr_share_grant is no variable of this role; is ecr_share_grants meant?",
    ),
    "a misspelt option": (
        {"ecr_share_prune": True},
        "ecr_share_prune is no variable of this role; is ecr_share_profile meant?",
    ),
    "no grants at all": (
        {"ecr_share_grants": []},
        "ecr_share_grants is empty: name at least one principal, there or in",
    ),
    "a folder for backups that depends on where one is": (
        {"ecr_share_backup_dir": "backups"},
        "ecr_share_backup_dir: backups is not an absolute path",
    ),
    "a folder for a report that depends on where one is": (
        {"ecr_share_report_dir": "./report"},
        "ecr_share_report_dir: ./report is not an absolute path",
    ),
    "a region without a name": (
        {"ecr_share_regions": ["us-east-1", ""]},
        "ecr_share_regions: '' is not the name of a region",
    ),
    "no repositories": ({"ecr_share_repositories": []}, "ecr_share_repositories is empty"),
    "a repository in capitals": ({"ecr_share_repositories": ["Base"]}, 'ecr_share_repositories: "Base" is not'),
    "an account that YAML took for octal": (
        {"ecr_share_grants_team": [grant(), grant("1402433619")]},
        "ecr_share_grants_team[1] (principal 1402433619): 1402433619 has 10 digits, an account id has 12. YAML reads",
    ),
    "a principal of a wrong shape": (
        {"ecr_share_grants": [grant("everyone")]},
        "ecr_share_grants[0] (principal everyone): not a valid principal",
    ),
    "a grant's repository that is none": (
        {"ecr_share_grants": [grant(repositories=["Base"])]},
        'ecr_share_grants[0] (principal 111122223333): repositories: "Base" is not a repository name',
    ),
    "Lambda access for a role": (
        {
            "ecr_share_grants": [
                grant("arn:aws:iam::111122223333:role/x", access="lambda", lambda_regions=["us-east-1"])
            ]
        },
        "ecr_share_grants[0] (principal arn:aws:iam::111122223333:role/x): Lambda access is for accounts only",
    ),
}


class TestRefusals:
    @pytest.mark.parametrize(("wrong", "said"), REFUSED.values(), ids=REFUSED.keys())
    def test_name_the_variable(self, wrong: dict[str, Any], said: str) -> None:
        (problem,) = problems(registry(**wrong))
        assert problem.startswith(said)

    def test_come_all_at_once(self) -> None:
        found = problems(registry(ecr_share_grants=[grant("x")], ecr_share_grants_b=[grant("y")], ecr_share_x=1))
        assert [problem.split(" ")[0] for problem in found] == [
            "ecr_share_x",
            "ecr_share_grants[0]",
            "ecr_share_grants_b[0]",
        ]

    def test_of_a_partition_are_left_to_the_module(self) -> None:
        assert planned(registry(ecr_share_grants=[grant("arn:aws-cn:iam::111122223333:root")]))

    def test_do_not_count_what_the_role_keeps_for_itself(self) -> None:
        assert planned(registry(ecr_share__run="20261125T101500Z"))

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
        (problem,) = problems({**DEFAULTS, **hosts["odd"]}, hosts=hosts, current="odd")
        assert problem.startswith(f"{variable} of the host odd")
        assert f"is not {said}" in problem

    def test_tell_of_an_option_that_differs_between_hosts(self) -> None:
        hosts = {"a": repository("base/a"), "b": repository("base/b", ecr_share_purge_grants=True)}
        (problem,) = problems({**DEFAULTS, **hosts["a"]}, hosts=hosts, current="a")
        assert problem.startswith("ecr_share_purge_grants differs between a and b")

    def test_never_tell_a_secret(self) -> None:
        hosts = {name: repository("base/a", ecr_share_secret_key=f"of-{name}") for name in ("a", "b")}
        (problem,) = problems({**DEFAULTS, **hosts["a"]}, hosts=hosts, current="a")
        assert "of-a" not in problem

    def test_are_for_no_grants_on_any_host(self) -> None:
        hosts = {name: repository(f"base/{name}", ecr_share_grants=[]) for name in ("a", "b")}
        (problem,) = problems({**DEFAULTS, **hosts["a"]}, hosts=hosts, current="a")
        assert problem.startswith("ecr_share_grants is empty")


# Of each: what the variable holds, and what Ansible's argument specification says of it.
MALFORMED = {
    "a misspelt key": ([{"principle": TEAM}], "ecr_share_grants_team.principle. Supported parameters include"),
    "an unknown access": ([grant(access="read")], "value of access must be one of: pull, push, pull_push, lambda"),
    "no list": ("all", "option 'ecr_share_grants_team' is of type str"),
    "nothing": (None, "ecr_share_grants_team"),
}


class TestFilter:
    @pytest.mark.parametrize(("value", "said"), MALFORMED.values(), ids=MALFORMED.keys())
    def test_refuses_what_is_no_grant(self, value: Any, said: str) -> None:
        with pytest.raises(Exception, match=r"^Nothing was done\. ") as refusal:
            ecr_share_plan(registry(ecr_share_grants_team=value))
        assert said in str(refusal.value)
        assert "ecr_share_grants_team" in str(refusal.value)

    def test_takes_an_account_as_yaml_leaves_it(self) -> None:
        (connection,) = ecr_share_plan(registry(ecr_share_grants=[{"principals": [111122223333]}]))
        (option,) = connection["runs"][0]["grants"]
        assert (option["principal"], option["access"]) == (TEAM, "pull")

    def test_returns_no_secret(self) -> None:
        returned = ecr_share_plan(registry(ecr_share_secret_key="keep-this-one-secret"))
        assert "keep-this-one-secret" not in str(returned)


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
    return Run("", "us-east-1", None, tuple(wanted), grants)


class TestBatches:
    @given(run=runs(), size=st.integers(1, 4))
    def test_grant_what_the_whole_grants(self, run: Run, size: int) -> None:
        parts = batches(run, NAMES, size, missing_ok=False)
        for name in select(run.repositories, NAMES).names:
            assert granted(parts, name) == granted([run], name)

    @given(run=runs(), size=st.integers(1, 4))
    def test_hold_each_covered_repository_once_in_order(self, run: Run, size: int) -> None:
        parts = batches(run, NAMES, size, missing_ok=False)
        names = [name for part in parts for name in part.repositories]
        assert names == [name for name in select(run.repositories, NAMES).names if granted([run], name)]
        assert all(1 <= len(part.repositories) <= size and part.grants for part in parts)

    def test_tell_how_far_they_are(self) -> None:
        existing = [f"services/s{number:04}" for number in range(1000)]
        run = Run("", "us-east-1", None, ("services/*",), (grant(),))
        labels = [part.label for part in batches(run, existing, 100, missing_ok=False)]
        assert labels[1] == "us-east-1: services 101–200 of 1,000"
        assert labels[-1] == "us-east-1: services 901–1,000 of 1,000"

    def test_of_several_kinds_are_repositories(self) -> None:
        run = Run("", None, None, NAMES, (grant(),))
        assert [part.label for part in batches(run, [], 4, missing_ok=False)] == [
            "repositories 1–4 of 6",
            "repositories 5–6 of 6",
        ]

    def test_refuse_what_matches_nothing(self) -> None:
        run = Run("", None, None, ("base/*", "tool/*"), (grant(repositories=["base/x*"]),))
        with pytest.raises(InvalidInputError) as refusal:
            batches(run, NAMES, 4, missing_ok=False)
        assert refusal.value.problems == (
            'ecr_share_repositories: "tool/*" matches no repository',
            'ecr_share_grants (principal 111122223333): repositories: "base/x*" matches no repository',
        )

    def test_leave_out_what_matches_nothing_if_that_is_no_failure(self) -> None:
        run = Run("", None, None, ("base/*", "tool/*"), (grant(), grant(PARTNER, repositories=["x*"])))
        (part,) = batches(run, NAMES, 4, missing_ok=True)
        assert part.grants == (grant(),)


def test_known_variables_are_named_once() -> None:
    assert len(set(KNOWN)) == len(KNOWN)
