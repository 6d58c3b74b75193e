# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The jobs of somebody who asks who gets in, and takes an account out that left the company.

Each begins with the planted estate and an inventory as a user writes it, as in test_jobs_adopting.py.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.imageshare.aws.tests.integration.desk import Desk, told
from ansible_collections.imageshare.aws.tests.support import estate
from ansible_collections.imageshare.aws.tests.support.ansible_process import Done
from ansible_collections.imageshare.aws.tests.support.estate_callers import Place, access, difference

LEFT = estate.LEFT
INVENTORY = estate.inventory()
WHOLE_REGISTRIES = estate.inventory(ecr_share_grants=None, ecr_share_repositories=None)
PLANTED = {(one.account, one.region, one.name): one.text for one in estate.estate()}
OF_LEFT = {place for place, text in PLANTED.items() if text is not None and LEFT in text}
# Somebody who was let in by the policy of a registry, by a condition, which nothing takes apart.
REGISTRY_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "old partners",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:PrincipalAccount": LEFT}},
        }
    ],
}


@pytest.fixture
def planted(desk: Desk) -> Desk:
    desk.plant(PLANTED)
    return desk


class TestOffboarding:
    """Job 5: an account is taken out everywhere, by one command whose exit status can be believed."""

    def test_no_statement_names_the_account_and_nobody_else_loses_anything(self, planted: Desk) -> None:
        done = planted.play("offboard", INVENTORY, ecr_share_offboard=LEFT)

        assert done.code == 0, done.output
        now = planted.stored()
        assert [place for place, text in now.items() if text is not None and LEFT in text] == []
        assert {place for place in now if now[place] != PLANTED[place]} == OF_LEFT
        before, after = access(PLANTED), access(now)
        assert difference(after, before) == {}
        lost = difference(before, after)
        assert {place for place, _caller in lost} == OF_LEFT
        assert all(LEFT in caller for _place, caller in lost)
        lines = told(done)
        assert lines[0] == "REVOKES"
        assert _named_in(lines[1:]) >= {place[2] for place in OF_LEFT}
        assert lines[-1].startswith(f"{LEFT} is out, but for what is possible (69 repositories in 6 registries")
        possible = lines[lines.index("MAY STILL GET IN") + 1 : -1]
        assert _named_in(possible) == {
            "ml/sagemaker",
            "sandbox/playground",
            "shared/fluent-bit",
            "shared/otel-collector",
            "shared/public-demo",
        }

    def test_the_status_is_that_of_a_failure_if_the_policy_of_a_registry_lets_it_in(self, planted: Desk) -> None:
        planted.aws.plant_registry_policy(REGISTRY_POLICY, estate.STAGING, estate.IRELAND)

        done = planted.play("offboard", INVENTORY, "--limit", "staging", ecr_share_offboard=LEFT)

        assert done.code == 2
        lines = told(done)
        assert lines[-1].startswith(f"{LEFT} still gets in")
        (line,) = [line for line in lines if line.startswith(f"+ {LEFT}")]
        assert "staging eu-west-1" in line
        assert "of the registry policy" in line
        assert "tools/terraform" in line

    def test_nobody_is_called_out_who_may_be_in_a_registry_that_cannot_be_reached(self, planted: Desk) -> None:
        hosts = INVENTORY["ecr_registries"]["hosts"]
        lost = {**hosts["data"], "ecr_share_endpoint_url": "http://127.0.0.1:9"}
        inventory = {"ecr_registries": {**INVENTORY["ecr_registries"], "hosts": {"data": hosts["data"], "lost": lost}}}

        done = planted.play("offboard", inventory, ecr_share_offboard=LEFT, ecr_share_regions=[estate.FRANKFURT])

        assert done.code == 2
        assert f"{LEFT} is out as far as could be read" in told(done)[-1]
        assert any(line.startswith("? ") and "lost" in line for line in told(done))
        assert done.recap("lost")["failed"] == 1
        assert done.recap("data")["failed"] == 0
        assert LEFT not in (planted.stored()[estate.DATA, estate.FRANKFURT, "ml/notebook"] or "")

        asked = planted.play("ask", inventory, ecr_share_ask_principals=LEFT, ecr_share_regions=[estate.FRANKFURT])
        assert asked.code == 2
        assert told(asked)[0].startswith("? not read, so somebody may get in by it: lost eu-central-1: ")

    def test_an_owner_is_refused_and_so_is_unsharing_what_all_groups_declare(self, planted: Desk) -> None:
        owner = planted.play("offboard", INVENTORY, ecr_share_offboard=[LEFT, estate.DATA])
        everything = planted.play("share", INVENTORY, ecr_share_state="absent")

        assert owner.code == everything.code == 2
        assert "Nothing was done" in owner.flat
        assert f"{estate.DATA} owns the registry data" in owner.flat
        assert "Nothing was done. ecr_share_absent_principals is empty: name at least one principal" in everything.flat
        assert planted.stored() == PLANTED


class TestAsking:
    """Job 7: a question is one command, and changes nothing."""

    def test_is_it_out(self, planted: Desk) -> None:
        lines = _asked(planted, ecr_share_ask_principals=LEFT)
        certain = [line for line in lines if line.startswith("+ ")]
        assert _named_in(certain) == {place[2] for place in OF_LEFT}
        assert all(LEFT in line for line in certain)
        assert [line for line in lines if line.startswith("? ")] == lines[len(certain) : -1]
        assert lines[-1] == f"{LEFT} gets in"

    def test_who_can_push_to_these(self, planted: Desk) -> None:
        lines = _asked(planted, ecr_share_ask_access="push", ecr_share_ask_repositories="prod/*")
        who = {caller for (place, caller), actions in access(PLANTED).items() if _pushes(place, actions)}
        told_of = " ".join(lines)
        assert {"730000000007", "730000000008"} < who
        for caller in who:
            assert caller.removesuffix(" of the organization") in told_of
        # A Deny spares the role that runs the builds alone.
        assert any(line.startswith("?") and "role/jenkins" in line for line in lines) or "role/jenkins" not in told_of
        assert planted.aws.calls().keys() == {
            "DescribeRepositories",
            "GetRepositoryPolicy",
            "GetRegistryPolicy",
            "DescribeRepositoryCreationTemplates",
        }

    def test_who_is_not_on_our_list(self, planted: Desk) -> None:
        folder = planted.home / "report"
        done = planted.play("audit", estate.inventory(ecr_share_repositories=["*"]), ecr_share_report_dir=str(folder))
        assert done.code == 0, done.output
        lines = [line for line in told(done) if line.startswith("undeclared")]
        findings = json.loads((folder / "report.json").read_text(encoding="utf-8"))["findings"]
        strangers = {one["principal"] for one in findings if one["kind"] == "undeclared"}
        listed = {*estate.NAMES.values(), estate.PROD, estate.STAGING, estate.DATA}
        partner = "arn:aws:iam::888877776666:role/puller"
        assert {LEFT, "730000000012", partner} <= strangers - listed
        for principal in (LEFT, partner):
            assert any(principal in line for line in lines)
        assert "<script" in (folder / "report.html").read_text(encoding="utf-8")
        assert planted.stored() == PLANTED


# Of each host: the variables that are wrong, and what is said of them.
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no_reason": (
        {"ecr_share_accepted": [{"principal": LEFT}]},
        "ecr_share_accepted[0]: reason is empty: say why it is accepted",
    ),
    "no_date": (
        {"ecr_share_accepted": [{"principal": LEFT, "reason": "a trial", "until": "2026-02-30"}]},
        'ecr_share_accepted[0]: until: "2026-02-30" is not a day such as 2026-12-31',
    ),
    "defined_twice": (
        {"ecr_share_principals_partner": {"checkout-dev": LEFT}},
        f"ecr_share_principals_partner: checkout-dev is {LEFT}, and ecr_share_principals says 730000000001",
    ),
    "unknown_name": (
        {"ecr_share_grants_partner": [{"principals": "checkout-dve"}]},
        "did you mean checkout-dev?",
    ),
}


def test_what_is_wrong_is_told_of_each_host_before_anything_is_read(planted: Desk) -> None:
    common = {**INVENTORY["ecr_registries"]["vars"], "ecr_share_regions": ["eu-central-1"]}
    hosts = {name: own for name, (own, _message) in REFUSED.items()}
    planted.aws.reset_calls()
    done = planted.play("audit", {"ecr_registries": {"vars": common, "hosts": hosts}})
    assert done.code == 2
    for name, (_own, message) in REFUSED.items():
        told_of = _failure(done, name)
        assert told_of.startswith("Nothing was done. ")
        assert message in told_of
    assert planted.aws.actions() == set()


def test_a_typo_in_a_pattern_is_told_once_by_its_variable_before_anything_is_written(planted: Desk) -> None:
    grants = [*estate.grants(), {"principals": "acme", "repositories": ["serivces/*"]}]
    done = planted.play("share", estate.inventory(ecr_share_grants=grants))
    assert done.code == 2
    fatal = [line for line in done.output.splitlines() if line.startswith("fatal: ")]
    assert len(fatal) == 1
    assert (
        r"Nothing was done. ecr_share_grants[4] (principal acme): repositories: \"serivces/*\" matches no repository in"
        " any of the 6 registries of this play; did you mean services/*?"
    ) in fatal[0]
    assert planted.stored() == PLANTED


@pytest.mark.parametrize("kind", ["below a file", "others may change it"])
def test_a_snapshot_is_refused_where_it_would_not_be_safe(planted: Desk, kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "snapshots"
    if kind == "below a file":
        folder.touch()
        folder = folder / "today"
    else:
        folder.mkdir()
        folder.chmod(0o777)
    planted.aws.reset_calls()
    options = {"ecr_share_backup_dir": str(folder), "ecr_share_regions": [estate.FRANKFURT]}
    done = planted.play("snapshot", WHOLE_REGISTRIES, "--limit", "data", **options)
    assert done.code == 2
    assert "backup_dir: " in _failure(done, "data")
    assert "GetRepositoryPolicy" not in planted.aws.calls()


def test_a_backup_without_its_manifest_is_restored_and_that_is_told(planted: Desk, tmp_path: Path) -> None:
    where = {"ecr_share_regions": [estate.FRANKFURT]}
    saved = planted.play("snapshot", WHOLE_REGISTRIES, "--limit", "data", ecr_share_backup_dir=str(tmp_path), **where)
    assert saved.code == 0, saved.output
    (manifest,) = tmp_path.glob("**/manifest.json")
    manifest.unlink()
    place = (estate.DATA, estate.FRANKFURT, "ml/train")
    planted.overwrite({place: None})

    done = planted.play("restore", WHOLE_REGISTRIES, "--limit", "data", ecr_share_backup_path=str(tmp_path), **where)

    assert done.code == 0, done.output
    assert access({place: planted.stored()[place]}) == access({place: PLANTED[place]})
    assert "A backup may not be whole" in done.flat
    assert "it has no manifest.json" in done.flat


def _asked(desk: Desk, **question: Any) -> list[str]:
    desk.aws.reset_calls()
    done = desk.play("ask", INVENTORY, **question)
    assert done.code == 0, done.output
    assert desk.stored() == PLANTED
    return told(done)


def _pushes(place: Place, actions: frozenset[str]) -> bool:
    return place[2].startswith("prod/") and {"ecr:PutImage", "ecr:InitiateLayerUpload"} <= actions


def _named_in(lines: list[str]) -> set[str]:
    """The names of repositories in lines of a summary."""
    return {name for line in lines for name in re.findall(r"\b[a-z]+/[a-z-]+\b", line) if not name.startswith("role/")}


def _failure(done: Done, host: str) -> str:
    """Why a host failed."""
    (text,) = re.findall(rf"^fatal: \[{host}\]: FAILED! => (\{{.*\}})$", done.output, re.MULTILINE)
    return str(json.loads(text)["msg"])
