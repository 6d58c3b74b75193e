# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What grants apply to: which runs come of it, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._errors import InvalidInputError
from ansible_collections.imageshare.aws.plugins.module_utils._role.kinds import (
    Kind,
    kind_of,
    numbers,
    problem_with_place,
)
from ansible_collections.imageshare.aws.plugins.module_utils._role.lists import (
    HostListings,
    Listing,
    TemplateRun,
    slips,
    template_slips,
)
from ansible_collections.imageshare.aws.plugins.module_utils._role.plan import Plan, Purpose, plan
from ansible_collections.imageshare.aws.plugins.module_utils._role.run import Run
from ansible_collections.imageshare.aws.plugins.module_utils._role.variables import ORIGIN
from ansible_collections.imageshare.aws.plugins.plugin_utils._grant_options import read_grant_options

TEAM, PARTNER, OWNER, OTHER = "111122223333", "444455556666", "123456789012", "210987654321"
GRANT = f"ecr_share_grants[0] (principal {TEAM})"
ALL = ["repositories", "registry", "templates"]


def grant(*apply_to: str, principal: str = TEAM, **more: Any) -> dict[str, Any]:
    return {"principals": [principal], "apply_to": list(apply_to), **more}


def planned(*grants: Mapping[str, Any], purpose: Purpose = Purpose.SHARE, **variables: Any) -> Plan:
    """The plan of a host that is a registry."""
    own = {"ecr_share_grants": list(grants), "ecr_share_repositories": ["base/*"], **variables}
    return plan(own, host="images", purpose=purpose, read_options=read_grant_options)


def repository(name: str, *grants: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """The variables of a host that is a repository."""
    of_host = {"ecr_repository_name": name, "ecr_region": "us-east-1", "ecr_registry_id": OWNER}
    return {**of_host, "ecr_share_grants": list(grants), **more}


def of_repositories(purpose: Purpose = Purpose.SHARE, **hosts: Mapping[str, Any]) -> Plan:
    first = next(iter(hosts))
    return plan(hosts[first], hosts, purpose=purpose, host=first, read_options=read_grant_options)


def told(run: Run) -> tuple[str, list[tuple[Any, ...]]]:
    """The kind of a run, and of its grants the principals, the patterns and the regions of functions."""
    return run.kind, [(*one["principals"], one.get("repositories"), one.get("lambda_regions")) for one in run.grants]


def problems(*grants: Mapping[str, Any], **more: Any) -> tuple[str, ...]:
    with pytest.raises(InvalidInputError) as refusal:
        planned(*grants, **more)
    return refusal.value.problems


class TestRuns:
    @pytest.mark.parametrize("kinds", [[], *([kind] for kind in ALL), ALL[1:], ALL], ids=str)
    def test_are_of_each_kind_that_a_grant_applies_to_and_of_no_other(self, kinds: list[str]) -> None:
        found = planned(grant(*kinds) if kinds else {"principals": [TEAM]})
        assert [run.kind for run in found.runs] == (kinds or ["repositories"])
        assert all("apply_to" not in one for run in found.runs for one in run.grants)

    def test_hold_the_grants_of_their_kind(self) -> None:
        found = planned(
            grant("registry", repositories=["services/*"]),
            grant("repositories", "templates", principal=PARTNER, lambda_regions=["us-east-1"]),
        )
        assert [told(run) for run in found.runs] == [
            ("repositories", [(PARTNER, None, ["us-east-1"])]),
            ("registry", [(TEAM, ["services/*"], None)]),
            ("templates", [(PARTNER, None, ["us-east-1"])]),
        ]

    def test_give_no_functions_to_the_registry(self) -> None:
        found = planned(grant("repositories", "registry", lambda_regions=["us-east-1"]))
        assert [told(run) for run in found.runs] == [
            ("repositories", [(TEAM, None, ["us-east-1"])]),
            ("registry", [(TEAM, None, None)]),
        ]

    def test_are_one_for_each_region_with_its_grants(self) -> None:
        found = planned(
            grant("registry", regions=["eu-west-1"]),
            grant("registry", principal=PARTNER),
            ecr_share_regions=["us-east-1", "eu-west-1"],
        )
        assert [(run.label, told(run)[1]) for run in found.runs] == [
            ("us-east-1: registry policy", [(PARTNER, None, None)]),
            ("eu-west-1: registry policy", [(TEAM, None, None), (PARTNER, None, None)]),
        ]

    @pytest.mark.parametrize(
        ("written", "templates"),
        [
            pytest.param({}, ("*",), id="all if none are named"),
            pytest.param(
                {"ecr_share_templates": ["services/", "ROOT"]}, ("services/", "ROOT"), id="those that are named"
            ),
            pytest.param({"ecr_share_templates": "team-*,a"}, ("team-*", "a"), id="as a text"),
        ],
    )
    def test_are_for_templates(self, written: dict[str, Any], templates: tuple[str, ...]) -> None:
        (run,) = planned(grant("templates"), **written).runs
        assert (run.templates, run.repositories) == (templates, ())
        assert run.label == f"templates {', '.join(templates)}"

    def test_need_no_repositories_for_what_is_for_none(self) -> None:
        found = planned(grant("registry"), ecr_share_repositories=[])
        assert [run.kind for run in found.runs] == ["registry"]

    @pytest.mark.parametrize("purpose", [Purpose.ADOPT, Purpose.ASK, Purpose.SNAPSHOT, Purpose.RESTORE])
    def test_are_of_no_grants_where_none_are_heeded(self, purpose: Purpose) -> None:
        needed = dict.fromkeys(("ecr_share_adopt_dir", "ecr_share_backup_dir", "ecr_share_backup_path"), "/srv")
        found = planned(grant(*ALL), purpose=purpose, **needed)
        assert {run.kind for run in (*found.runs, *found.reads, *found.lists)} == {"repositories"}

    @pytest.mark.parametrize(
        ("purpose", "variables"),
        [
            (Purpose.OFFBOARD, {"ecr_share_offboard": [PARTNER]}),
            (Purpose.SHARE, {"ecr_share_state": "absent", "ecr_share_absent_principals": [PARTNER]}),
        ],
    )
    def test_take_access_from_all_kinds_whatever_grants_apply_to(
        self, purpose: Purpose, variables: dict[str, Any]
    ) -> None:
        found = planned(grant("templates"), purpose=purpose, ecr_share_templates=["services"], **variables)
        assert [told(run) for run in found.runs] == [(kind, [(PARTNER, None, None)]) for kind in ALL]
        assert [run.templates for run in found.runs] == [(), (), ("*",)]


class TestHostsThatAreRepositories:
    def test_have_one_run_for_their_registry_with_each_grant_once(self) -> None:
        shared = grant("repositories", "registry", repositories=["base/*"])
        found = of_repositories(
            a=repository("base/a", shared), b=repository("base/b", shared, grant("registry", repositories=["web"]))
        )
        assert [told(run) for run in found.runs] == [
            ("repositories", [(TEAM, None, None)]),
            ("registry", [(TEAM, ["base/*"], None), (TEAM, ["web"], None)]),
        ]

    def test_do_not_share_a_whole_registry_unless_that_is_said(self) -> None:
        with pytest.raises(InvalidInputError) as refusal:
            of_repositories(a=repository("base/a", grant("registry")))
        assert refusal.value.problems == (
            f"{GRANT}: apply_to: this host is one repository, and a grant that applies to registry or templates is for "
            "many: name them in its repositories",
        )

    def test_are_offboarded_from_all_kinds_in_one_run_each(self) -> None:
        found = of_repositories(
            Purpose.OFFBOARD,
            a=repository("base/a", ecr_share_offboard=[PARTNER]),
            b=repository("base/b", ecr_share_offboard=[PARTNER]),
        )
        assert [told(run) for run in found.runs] == [(kind, [(PARTNER, None, None)]) for kind in ALL]


NO_LAMBDA = "lambda_regions: AWS documents Lambda for the policies of repositories"
INVALID = {
    "nothing": (grant(), "apply_to is empty: leave it out"),
    "a slip": (
        grant("template"),
        "apply_to: template is none of repositories, registry, templates; did you mean templates?",
    ),
    "something else": (grant("x"), "apply_to: x is none of repositories, registry, templates"),
    "one of several": (grant("registry", "registries"), "apply_to: registries is none of"),
    "functions in a registry": (grant("registry", lambda_regions=["us-east-1"]), NO_LAMBDA),
    "functions alone": (
        grant(*ALL, access=[], lambda_regions=["us-east-1"]),
        "apply_to: access: [] is for Lambda alone",
    ),
    "a bracket in a registry": (
        grant("registry", repositories=["base/[ab]"]),
        'repositories: "base/[ab]" is not a pattern that IAM knows',
    ),
    "a bracket in a template": (
        grant("repositories", "templates", repositories=["[a-c]*"]),
        'repositories: "[a-c]*" is not a pattern that IAM knows',
    ),
    "no pattern": (grant("registry", repositories=[]), "repositories is empty: leave it out"),
}


class TestRefusals:
    @pytest.mark.parametrize("name", INVALID)
    def test_say_what_is_wrong_and_in_which_grant(self, name: str) -> None:
        written, said = INVALID[name]
        (problem,) = problems(written)
        assert problem.startswith(f"{GRANT}: {said}")

    @pytest.mark.parametrize(
        "written",
        [
            pytest.param(grant("repositories", repositories=["base/[ab]"]), id="a bracket for shells"),
            pytest.param(grant("templates", lambda_regions=["us-east-1"]), id="functions in a template"),
            pytest.param(grant("registry", lambda_regions=[]), id="no functions in a registry"),
        ],
    )
    def test_are_not_for_what_aws_has(self, written: dict[str, Any]) -> None:
        assert planned(written).runs

    @pytest.mark.parametrize(
        ("templates", "said"),
        [
            ([], "ecr_share_templates is empty: name at least one"),
            (["Services"], 'ecr_share_templates: "Services" is not a prefix of repository names'),
            ([None], "ecr_share_templates: None is not a prefix"),
            (7, "ecr_share_templates: 7 is not a prefix"),
        ],
    )
    def test_are_for_templates_that_are_none(self, templates: Any, said: str) -> None:
        (problem,) = problems(grant("templates"), ecr_share_templates=templates)
        assert problem.startswith(said)

    @pytest.mark.parametrize("kind", ["registry", "templates"])
    def test_are_for_the_registry_of_another_account_than_that_of_the_role(self, kind: str) -> None:
        role = f"arn:aws:iam::{OTHER}:role/registry"
        of_other = {"ecr_share_registry_id": OWNER, "ecr_share_assume_role_arn": role}
        (problem,) = problems(grant(kind), **of_other)
        assert problem == (
            f"ecr_share_registry_id: {OWNER} owns the registry, and the credentials are of {OTHER}: AWS's API has the "
            "policy and the templates of the caller's own registry alone"
        )
        assert planned(grant("repositories"), **of_other).runs
        assert planned(grant(kind), **{**of_other, "ecr_share_registry_id": OTHER}).runs
        # Whoever is to be out must not stay in repositories because of that.
        assert planned(purpose=Purpose.OFFBOARD, ecr_share_offboard=[PARTNER], **of_other).runs


class TestPatterns:
    @pytest.mark.parametrize(("kinds", "refused"), [(["registry"], False), (["templates"], False), (ALL, True)])
    def test_need_match_nothing_where_they_are_for_coming_repositories_alone(
        self, kinds: list[str], refused: bool
    ) -> None:
        found = planned(grant(*kinds, repositories=["coming/*"]), grant("repositories", principal=PARTNER))
        listings = [Listing(run.key, ("base/a",), OWNER) for run in found.lists]
        said = slips([HostListings(found, listings)], complete=True)
        expected = (f'{GRANT}: repositories: "coming/*" matches no repository in the registry of this play',)
        assert said.problems == (expected if refused else ())
        assert said.warnings == ()


class TestTemplateSlips:
    """What the variables name, and no template is for: rows of one registry or two."""

    VARIABLES: ClassVar = {"ecr_share_templates": ["services", "old", "*"]}

    def told(self, *of_registries: list[str]) -> tuple[str, ...]:
        """What is told of rows that are missing."""
        found = planned(grant("templates", repositories=["web/*", "web"]), **self.VARIABLES)
        (run,) = found.runs
        rows = [[{"name": f"template {name}", "missing": True} for name in names] for names in of_registries]
        return template_slips(TemplateRun(run, [*some, {"name": "template there"}]) for some in rows)

    def test_are_none_where_each_is_in_one_of_the_registries(self) -> None:
        assert self.told([]) == self.told(["old", "web/*, web"], ["services"]) == ()

    def test_are_told_once_with_the_variable(self) -> None:
        assert self.told(["old", "web/*, web", "*"], ["old", "web/*, web"]) == (
            'ecr_share_templates: "old" matches no creation template in any registry of this play',
            f'{GRANT}: repositories: no creation template is for "web/*, web" alone, in no registry of this play',
        )


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("base/python", Kind.REPOSITORIES),
        ("registry", Kind.REPOSITORIES),
        ("templates", Kind.REPOSITORIES),
        ("registry policy", Kind.REGISTRY),
        ("template ROOT", Kind.TEMPLATES),
    ],
)
def test_rows_are_of_what_their_name_says(name: str, kind: Kind) -> None:
    assert kind_of(name) == kind


def test_rows_are_counted_by_kind() -> None:
    names = ["template a", "base/a", "registry policy", "template b"]
    assert numbers(names) == "1 repository, 1 registry policy, 2 templates"
    assert numbers(names * 2) == "2 repositories, 2 registry policies, 4 templates"


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("base/*", True),
        ("base", True),
        ("ROOT", False),
        ("x y", False),
        ("template ROOT", True),
        ("template services/*", True),
        ("template /a", False),
        ("registry policy", False),
    ],
)
def test_places_are_repositories_and_templates(text: str, valid: bool) -> None:
    assert (problem_with_place(text) is None) is valid


def test_what_is_declared_keeps_where_it_was_declared() -> None:
    assert [one[ORIGIN] for run in planned(grant(*ALL)).runs for one in run.grants] == [GRANT] * 3
