# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The jobs of somebody who begins with an estate that others have made: write down what is there, and keep it so.

Each begins with the planted estate and an inventory as a user writes it. What becomes of a policy is tested elsewhere;
here, whether the job gets done, by what people are told and by what an independent evaluator says of the policies.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import yaml
from ansible_collections.imageshare.aws.tests.integration.desk import Desk, told
from ansible_collections.imageshare.aws.tests.support import estate
from ansible_collections.imageshare.aws.tests.support.ansible_process import Done
from ansible_collections.imageshare.aws.tests.support.estate_callers import Place, access, difference

# The shares of accounts, roles and organizations that are in the policies; services and everyone are none.
SHARES = 299
FULL = (estate.PROD, estate.FRANKFURT, "shared/everything-image")
WITHOUT_GRANTS = estate.inventory(ecr_share_grants=None, ecr_share_repositories=None)
STRANGER = "555566667777"
PARTNER = "arn:aws:iam::888877776666:role/puller"
# What somebody has looked at after adopting.
KNOWN = [
    {"principal": "*", "repositories": ["shared/public-demo", "sandbox/*"], "reason": "meant for everyone"},
    {"principal": PARTNER, "repositories": ["ml/partner-export"], "reason": "contract with the partner"},
]
FAIL_ON = ["public", "undeclared", "drift"]


@dataclass(frozen=True)
class TakenOver:
    """first: the run that shared the file. second: that of the policy which had no room. texts: of the policies in the
    end.
    """

    first: Done
    second: Done
    between: Mapping[Place, str | None]
    texts: Mapping[Place, str | None]


@pytest.fixture(scope="module")
def adopted(desk: Desk) -> Desk:
    planted = desk.stored()
    done = desk.play("adopt", WITHOUT_GRANTS, ecr_share_adopt_dir=f"{desk.home}/host_vars")
    assert done.code == 0, done.output
    assert desk.aws.calls().keys() == {
        "DescribeRepositories",
        "GetRepositoryPolicy",
        "GetRegistryPolicy",
        "DescribeRepositoryCreationTemplates",
    }
    assert desk.aws.calls()["GetRepositoryPolicy"] == len(planted)
    assert desk.stored() == planted
    return desk


@pytest.fixture(scope="module")
def taken_over(adopted: Desk) -> TakenOver:
    first = adopted.play("share", WITHOUT_GRANTS)
    between = adopted.stored()
    # As the file says.
    alone = {"ecr_share_repositories": [FULL[2]], "ecr_share_unmanaged_access": "revoke"}
    second = adopted.play("share", WITHOUT_GRANTS, "--limit", "prod", **alone)
    return TakenOver(first, second, between, adopted.stored())


class TestAdopting:
    """Job 1: what is there is written down as grants, and to share them changes nothing."""

    def test_nearly_all_shares_are_declared_and_the_others_are_listed_with_the_reason(self, adopted: Desk) -> None:
        declared = {
            (estate.HOSTS[host], region, name, principal)
            for host, variables in _files(adopted).items()
            for grant in variables["ecr_share_grants_adopted"]
            for region in grant.get("regions", estate.REGIONS)
            for name in grant["repositories"]
            for principal in grant["principals"]
        }
        assert len(declared) >= 0.9 * SHARES
        told_of = {host: _comments(adopted, host) for host in estate.HOSTS}
        for host, listed in (
            ("data", 'ml/partner-export in eu-central-1, statement "Partner": arn:aws:iam::888877776666:role/puller'),
            ("data", 'ml/sagemaker in eu-central-1, statement "SageMaker": sagemaker.amazonaws.com'),
            ("prod", 'prod/payments, statement "DenyPushExceptCI": everyone It is a Deny'),
            ("prod", 'lambda/*, statement "LambdaECRImageRetrievalPolicy": 614200000101 AWS Lambda writes it'),
            ("prod", "prod/legacy-monolith in eu-central-1: AROAEXAMPLEDELETED001 The role or user was deleted"),
            ("prod", 'shared/public-demo in eu-central-1, statement "everyone": everyone It is for everyone'),
            ("prod", 'prod/gateway, statement "newstatement": pricing-dev No capability has'),
            ("staging", 'sandbox/playground in eu-central-1, statement "x": everyone It is for everyone, under a'),
        ):
            assert listed in told_of[host]

    def test_people_read_names_and_are_told_what_is_wider(self, adopted: Desk) -> None:
        text = (adopted.home / "host_vars" / "prod.yml").read_text(encoding="utf-8")
        assert "- checkout-dev  # 730000000001\n" in text
        assert (
            "access: [pull, describe]  # more than there is today: ecr:DescribeRepositories, ecr:ListImages\n" in text
        )

    def test_sharing_the_file_changes_nothing_that_anybody_can_do(self, adopted: Desk, taken_over: TakenOver) -> None:
        wider = {action for host in estate.HOSTS for action in _wider(adopted, host)}
        assert wider == {"ecr:DescribeRepositories", "ecr:ListImages"}
        before = access({(one.account, one.region, one.name): one.text for one in estate.estate()})
        for texts in (taken_over.between, taken_over.texts):
            after = access(texts)
            assert difference(before, after) == {}
            assert set().union(*difference(after, before).values()) <= wider
        for done in (taken_over.first, taken_over.second):
            assert not any(line.startswith(("REVOKES", "- ")) for line in told(done))

    def test_a_policy_without_room_is_told_before_and_is_taken_over_with_revoke(
        self, adopted: Desk, taken_over: TakenOver
    ) -> None:
        assert f"{FULL[2]} in eu-central-1 It is declared, but beside what is there" in _comments(adopted, "prod")
        assert taken_over.first.code == 2
        lines = told(taken_over.first)
        assert lines[0] == "FAILED"
        assert FULL[2] in lines[1]
        assert len([line for line in lines if line.startswith("x ")]) == 1
        assert taken_over.second.code == 0, taken_over.second.output
        assert taken_over.between[FULL] != taken_over.texts[FULL]

    def test_the_audit_afterwards_finds_no_drift_and_nobody_who_is_not_listed(
        self, adopted: Desk, taken_over: TakenOver
    ) -> None:
        adopted.plant(taken_over.texts)
        done = adopted.play("audit", WITHOUT_GRANTS, ecr_share_fail_on=FAIL_ON, ecr_share_accepted=KNOWN)
        assert done.code == 0, done.output
        kinds = {line.split()[0] for line in told(done)}
        assert kinds.isdisjoint({"drift", "undeclared", "public"})
        assert "deleted_principal" in kinds


class TestAStranger:
    """Job 6: somebody is let in by hand."""

    @pytest.fixture
    def let_in(self, adopted: Desk, taken_over: TakenOver) -> Desk:
        adopted.plant(taken_over.texts)
        actions = {"services/cart": estate.READ_AND_WRITE, "services/search": ("*",)}
        adopted.overwrite(
            {
                place: estate.with_stranger(text, STRANGER, actions[place[2]])
                for place, text in taken_over.texts.items()
                if place[2] in actions
            }
        )
        return adopted

    def test_fails_the_nightly_audit_whose_first_lines_say_where(self, let_in: Desk) -> None:
        folder = let_in.home / "report"
        nightly = {"ecr_share_fail_on": FAIL_ON, "ecr_share_accepted": KNOWN, "ecr_share_report_dir": str(folder)}
        done = let_in.play("audit", WITHOUT_GRANTS, **nightly)
        assert done.code == 2
        lines = [line for line in told(done)[:4] if line.startswith("undeclared")]
        assert all(STRANGER in line for line in lines)
        assert any("services/search (staging 614200000102 eu-central-1)" in line and "admin" in line for line in lines)
        assert any("services/cart (staging 614200000102 eu-central-1)" in line and "push" in line for line in lines)
        assert told(done)[0] == lines[0]
        assert done.recap("staging")["failed"] == 1
        assert done.recap("prod")["failed"] == done.recap("data")["failed"] == 0
        findings = json.loads((folder / "report.json").read_text(encoding="utf-8"))["findings"]
        found = {one["repository"] for one in findings if one["principal"] == STRANGER}
        assert found == {"services/cart", "services/search"}

    @pytest.mark.parametrize(("until", "code"), [("2099-12-31", 0), ("2020-12-31", 2)])
    def test_an_accepted_exception_makes_it_green_until_its_date(self, let_in: Desk, until: str, code: int) -> None:
        exception = {"principal": STRANGER, "repositories": "services/*", "reason": "a trial", "until": until}
        nightly = {"ecr_share_fail_on": [*FAIL_ON, "exception"], "ecr_share_accepted": [KNOWN[0], exception]}
        done = let_in.play("audit", WITHOUT_GRANTS, "--limit", "staging", **nightly)
        assert done.code == code, done.output
        over = [line for line in told(done) if line.startswith("exception")]
        assert [until in line for line in over] == [True] * (code // 2)


def _files(desk: Desk) -> Mapping[str, Any]:
    """The variables of each host."""
    return {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in (desk.home / "host_vars").iterdir()}


def _comments(desk: Desk, host: str) -> str:
    """The comments that have lines of their own, as one line."""
    text = (desk.home / "host_vars" / f"{host}.yml").read_text(encoding="utf-8")
    return " ".join(" ".join(line[1:].strip(" -") for line in text.splitlines() if line.startswith("#")).split())


def _wider(desk: Desk, host: str) -> Iterator[str]:
    """The actions that grants of the file give beside what is there."""
    text = (desk.home / "host_vars" / f"{host}.yml").read_text(encoding="utf-8")
    for listed in re.findall(r"# more than there is today: (.*)$", text, re.MULTILINE):
        yield from listed.split(", ")
