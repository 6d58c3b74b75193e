# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of the task: what they mean, and every refusal, all at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._errors import InvalidInputError
from ansible_collections.imageshare.aws.plugins.module_utils._iam.principals import Principal, PrincipalType
from ansible_collections.imageshare.aws.plugins.module_utils._runs.options import (
    MAX_CONCURRENCY,
    AuditRequest,
    Request,
    RestoreRequest,
    read_audit_request,
    read_request,
    read_restore_request,
)
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.grants import Grant

ACCOUNT = "111122223333"
ROLE = "arn:aws:iam::444455556666:role/ci"
PARTITIONS = {"us-east-1": "aws", "eu-west-1": "aws", "cn-north-1": "aws-cn"}


def options(**changes: Any) -> dict[str, Any]:
    """The module's options as Ansible hands them over, but for the given ones."""
    return {
        "repositories": ["base"],
        "grants": [grant()],
        "state": "present",
        "purge_grants": False,
        "purge_deleted_principals": False,
        "unmanaged_access": "keep",
        "whole_account": False,
        "on_missing": "fail",
        "registry_id": None,
        "force_set_policy": False,
        "concurrency": 8,
        "backup_dir": None,
        "include_policy": False,
        **changes,
    }


def grant(principal: str = ACCOUNT, **changes: Any) -> dict[str, Any]:
    return {"principals": [principal], "access": ["pull"], "lambda_regions": None, "repositories": None, **changes}


def read(check_mode: bool = False, diff: bool = False, **changes: Any) -> Request:
    return read_request(
        options(**changes), partition="aws", partition_of_region=PARTITIONS.get, check_mode=check_mode, diff=diff
    )


def problems(**changes: Any) -> tuple[str, ...]:
    with pytest.raises(InvalidInputError) as refusal:
        read(**changes)
    return refusal.value.problems


# --- taken ---


def test_what_the_defaults_ask_for() -> None:
    assert read() == Request(
        repositories=("base",),
        grants=(Grant(Principal(PrincipalType.ACCOUNT, ACCOUNT, ACCOUNT)),),
        sharing=True,
        purge_grants=False,
        purge_deleted_principals=False,
        missing_ok=False,
        force_set_policy=False,
        concurrency=8,
        backup_dir=None,
        check_mode=False,
        diff=False,
    )


def test_what_all_options_together_ask_for() -> None:
    flags = ("purge_grants", "purge_deleted_principals", "force_set_policy", "check_mode", "diff", "include_policy")
    asked = read(on_missing="skip", concurrency=MAX_CONCURRENCY, **dict.fromkeys(flags, True))
    expected = replace(read(), missing_ok=True, concurrency=MAX_CONCURRENCY, **dict.fromkeys(flags, True))
    assert asked == replace(expected, warn_of_unmatched=True)
    assert [getattr(asked, flag) for flag in flags] == [True] * len(flags)
    taking = read(state="absent", unmanaged_access="revoke", whole_account=True)
    assert taking == replace(read(), sharing=False, revoke_unmanaged=True, whole_account=True)


TAKEN: dict[str, tuple[dict[str, Any], str, Any]] = {
    "absent does not share": ({"state": "absent"}, "sharing", False),
    "unmanaged access is kept with absent": ({"state": "absent"}, "revoke_unmanaged", False),
    "unmanaged access may be revoked with present": ({"unmanaged_access": "revoke"}, "revoke_unmanaged", True),
    "a whole account, if a role is named": (
        {"state": "absent", "whole_account": True, "grants": [grant(ROLE)]},
        "whole_account",
        True,
    ),
    "purge_deleted_principals with absent": (
        {"purge_deleted_principals": True, "state": "absent"},
        "purge_deleted_principals",
        True,
    ),
    "missing matters to absent": ({"on_missing": "fail", "state": "absent"}, "missing_ok", False),
    "missing skipped with absent": ({"on_missing": "skip", "state": "absent"}, "missing_ok", True),
    "names and patterns in the order asked for": (
        {"repositories": ["web", "services/*", "base"]},
        "repositories",
        ("web", "services/*", "base"),
    ),
    "the id of a registry": ({"registry_id": "012345670123"}, "sharing", True),
    "an empty id of a registry, as templates make it": ({"registry_id": ""}, "sharing", True),
    "a grant with members left out": (
        {"grants": [{"principals": [ACCOUNT]}]},
        "grants",
        (Grant(Principal(PrincipalType.ACCOUNT, ACCOUNT, ACCOUNT)),),
    ),
    "grants in the order asked for": (
        {"grants": [grant(ROLE, access=["pull", "push"]), grant(lambda_regions=["us-east-1"])]},
        "grants",
        (
            Grant(Principal(PrincipalType.ROLE, ROLE, "444455556666"), frozenset({"pull", "push"})),
            Grant(Principal(PrincipalType.ACCOUNT, ACCOUNT, ACCOUNT), frozenset({"pull"}), ("us-east-1",)),
        ),
    ),
}


@pytest.mark.parametrize(("changes", "member", "expected"), TAKEN.values(), ids=TAKEN.keys())
def test_it_is_taken(changes: dict[str, Any], member: str, expected: Any) -> None:
    assert getattr(read(**changes), member) == expected


NARROWED = {
    "to a name of the task": (["base", "web"], ["web"]),
    "to a name that a pattern of the task matches": (["services/*"], ["services/web"]),
    "to a pattern that matches a name of the task": (["base", "services/web"], ["services/*"]),
    "to the pattern of the task": (["services/*"], ["services/*"]),
    "to a pattern that may match what another one finds": (["services/*"], ["*/web"]),
    "to a name and a pattern": (["base", "services/*"], ["base", "services/w*"]),
    "to a pattern that only the registry can answer": (["base", "services/*"], ["elsewhere/*"]),
}


@pytest.mark.parametrize(("wanted", "narrowed"), NARROWED.values(), ids=NARROWED.keys())
def test_a_grant_may_be_narrowed(wanted: list[str], narrowed: list[str]) -> None:
    assert read(repositories=wanted, grants=[grant(repositories=narrowed)]).grants[0].repositories == tuple(narrowed)


# --- refused ---


def test_all_problems_are_told_at_once() -> None:
    refused = problems(
        repositories=["Base", "web", "-x*y", "a:b"],
        grants=[
            grant("everybody", repositories=["nowhere"]),
            grant(access=["push"], lambda_regions=["us-east-1"], repositories=[]),
            grant(ROLE, access=[], repositories=["web", "Web"]),
        ],
        purge_grants=True,
        state="present",
        concurrency=0,
        registry_id="1",
    )
    assert [problem.split(": ")[0] for problem in refused] == [
        "grants[0] (principal everybody)",
        f"grants[1] (principal {ACCOUNT})",
        f"grants[2] (principal {ROLE})",
        f"grants[2] (principal {ROLE})",
        "repositories",
        "repositories",
        "grants[0] (principal everybody)",
        f"grants[1] (principal {ACCOUNT})",
        f"grants[2] (principal {ROLE})",
        "concurrency",
        "registry_id",
    ]


def test_problems_of_the_state_are_told_with_the_others() -> None:
    refused = problems(repositories=[], grants=[], purge_grants=True, state="absent", concurrency=99, registry_id="x")
    assert [problem.split()[0] for problem in refused] == [
        "grants",
        "repositories",
        "purge_grants",
        "concurrency:",
        "registry_id:",
    ]


WARNED: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "regions that boto3 knows": ({"grants": [grant(lambda_regions=["us-east-1", "*"])]}, ()),
    "a region that it does not": (
        {"grants": [grant(lambda_regions=["us-esat-1"]), grant(lambda_regions=["us-east-1", "us-esat-1"])]},
        ("lambda_regions: boto3 knows no region us-esat-1. If it is not a new one, correct it and run again",),
    ),
    "regions that absent ignores": ({"state": "absent", "grants": [grant(lambda_regions=["us-esat-1"])]}, ()),
}


@pytest.mark.parametrize(("changes", "warnings"), WARNED.values(), ids=WARNED.keys())
def test_a_region_may_be_new_or_a_slip(changes: dict[str, Any], warnings: tuple[str, ...]) -> None:
    assert read(**changes).warnings == warnings


@pytest.mark.parametrize("missing", ["fail", "skip"])
@pytest.mark.parametrize(
    ("changes", "takes_away"),
    [
        ({"state": "absent"}, True),
        ({"purge_grants": True}, True),
        ({"unmanaged_access": "revoke"}, True),
        ({"purge_deleted_principals": True}, False),
    ],
)
def test_what_takes_access_away_from_nothing_is_warned_about_where_it_does_not_fail(
    changes: dict[str, Any], takes_away: bool, missing: str
) -> None:
    asked = read(on_missing=missing, **changes)
    assert (asked.missing_ok, asked.warn_of_unmatched) == (missing == "skip", takes_away and missing == "skip")


def test_a_pattern_of_a_grant_that_matches_no_name_is_skipped_if_that_is_asked_for() -> None:
    grants = [grant(repositories=["base", "x*"])]
    assert "matches none of the repositories" in problems(grants=grants)[0]
    assert read(grants=grants, on_missing="skip").grants[0].repositories == ("base", "x*")
    assert "matches none" not in str(problems(grants=[grant(repositories=["x"])], on_missing="skip"))


def test_the_options_are_not_changed() -> None:
    given = options(repositories=["base", "base"], grants=[grant(repositories=["base"], lambda_regions=["us-east-1"])])
    same = options(repositories=["base", "base"], grants=[grant(repositories=["base"], lambda_regions=["us-east-1"])])
    read_request(given, partition="aws", partition_of_region=PARTITIONS.get, check_mode=False, diff=False)
    assert given == same


# --- restoring ---


def restore_options(**changes: Any) -> dict[str, Any]:
    return {
        "backup_path": "/backups",
        "repositories": ["*"],
        "apply_to": None,
        "to": "before",
        "overwrite": False,
        "on_missing": "fail",
        "registry_id": None,
        "force_set_policy": False,
        "concurrency": 8,
        "backup_dir": None,
        "include_policy": False,
        **changes,
    }


def test_what_the_defaults_of_restoring_ask_for() -> None:
    assert read_restore_request(restore_options(), check_mode=False, diff=False) == RestoreRequest(
        backup_path="/backups",
        repositories=("*",),
        to="before",
        overwrite=False,
        registry_id=None,
        missing_ok=False,
        force_set_policy=False,
        concurrency=8,
        backup_dir=None,
        check_mode=False,
        diff=False,
    )


def test_what_all_options_of_restoring_together_ask_for() -> None:
    same = {
        "to": "written",
        "overwrite": True,
        "registry_id": ACCOUNT,
        "force_set_policy": True,
        "include_policy": True,
    }
    given = restore_options(on_missing="skip", repositories=["web", "b*"], concurrency=1, **same)
    assert read_restore_request(given, check_mode=True, diff=True) == RestoreRequest(
        backup_path="/backups",
        repositories=("web", "b*"),
        kinds=("repository",),
        missing_ok=True,
        concurrency=1,
        backup_dir=None,
        check_mode=True,
        diff=True,
        **same,
    )


@pytest.mark.parametrize(
    ("given", "kinds"),
    [
        pytest.param({}, ("repository", "registry", "template"), id="all"),
        pytest.param({"repositories": ["web"]}, ("repository",), id="whoever names repositories means no others"),
        pytest.param({"repositories": ["web"], "apply_to": ["registry"]}, ("registry",), id="what is named"),
        pytest.param({"apply_to": ["templates", "templates"]}, ("template",), id="each once"),
    ],
)
def test_what_has_the_policies_that_are_put_back(given: dict[str, Any], kinds: tuple[str, ...]) -> None:
    assert read_restore_request(restore_options(**given), check_mode=False, diff=False).kinds == kinds


def test_every_problem_of_restoring_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    wrong = restore_options(
        repositories=["Base"],
        concurrency=0,
        registry_id="123",
        backup_dir=str(tmp_path / "file" / "below"),
        backup_path="backups",
    )
    with pytest.raises(InvalidInputError) as refusal:
        read_restore_request(wrong, check_mode=False, diff=False)
    places = ["repositories", "concurrency", "registry_id", "backup_dir", "backup_path"]
    assert [problem.split(":")[0] for problem in refusal.value.problems] == places


# --- auditing ---


def audit_options(**changes: Any) -> dict[str, Any]:
    return {
        "repositories": ["*"],
        "principal": None,
        "include_policy": True,
        "backup_dir": None,
        "on_missing": "fail",
        "registry_id": None,
        "concurrency": 8,
        **changes,
    }


def test_what_the_defaults_of_auditing_ask_for() -> None:
    assert read_audit_request(audit_options(), partition="aws") == AuditRequest(
        repositories=("*",), principal=None, include_policy=True, missing_ok=False, concurrency=8
    )


@pytest.mark.parametrize("check_mode", [False, True])
def test_nothing_is_to_be_saved_in_check_mode(check_mode: bool, tmp_path: Path) -> None:
    request = read_audit_request(audit_options(backup_dir=str(tmp_path)), partition="aws", check_mode=check_mode)
    assert request.backup_dir == (None if check_mode else str(tmp_path))


AUDITED: dict[str, tuple[str, Principal]] = {
    "an account": (ACCOUNT, Principal(PrincipalType.ACCOUNT, ACCOUNT, ACCOUNT)),
    "an account by its root": (f"arn:aws:iam::{ACCOUNT}:root", Principal(PrincipalType.ACCOUNT, ACCOUNT, ACCOUNT)),
    "a role": (ROLE, Principal(PrincipalType.ROLE, ROLE, ROLE.split(":")[4])),
    "an organization": ("o-a1b2c3d4e5", Principal(PrincipalType.ORGANIZATION, "o-a1b2c3d4e5")),
    "a unit": ("o-a1b2c3d4e5/r-ab12/*", Principal(PrincipalType.ORGANIZATIONAL_UNIT, "o-a1b2c3d4e5/r-ab12/*")),
    "everyone": ("*", Principal(PrincipalType.EVERYONE, "*")),
    "a service": (" ecs.amazonaws.com ", Principal(PrincipalType.SERVICE, "ecs.amazonaws.com")),
    "a service of a region": (
        "codebuild.cn-north-1.amazonaws.com.cn",
        Principal(PrincipalType.SERVICE, "codebuild.cn-north-1.amazonaws.com.cn"),
    ),
    "a deleted role": ("AROAEXAMPLEROLE123456", Principal(PrincipalType.DELETED, "AROAEXAMPLEROLE123456")),
}


@pytest.mark.parametrize(("principal", "meant"), AUDITED.values(), ids=AUDITED.keys())
def test_whose_shares_an_audit_is_about(principal: str, meant: Principal) -> None:
    assert read_audit_request(audit_options(principal=principal), partition="aws").principal == meant


def test_every_problem_of_auditing_is_told() -> None:
    wrong = audit_options(repositories=["Base", "x y"], concurrency=17, registry_id="123", principal="lambda")
    with pytest.raises(InvalidInputError) as refusal:
        read_audit_request(wrong, partition="aws")
    places = ["repositories", "repositories", "concurrency", "registry_id", "principal lambda"]
    assert [problem.split(":")[0] for problem in refusal.value.problems] == places
