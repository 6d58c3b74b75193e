# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The jobs of somebody who has one list for all registries: foresee, share, onboard, take away, recover, review.

Each begins with the planted estate and an inventory as a user writes it, as in test_jobs_adopting.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._iam.document import PolicyComparison, parse
from ansible_collections.imageshare.aws.tests.integration.desk import Desk, told
from ansible_collections.imageshare.aws.tests.support import estate
from ansible_collections.imageshare.aws.tests.support.ansible_process import Done
from ansible_collections.imageshare.aws.tests.support.estate_callers import NOBODY, Place, access, difference
from ansible_collections.imageshare.aws.tests.support.evaluator import is_match

# Of a terminal as people have them, without the lines that Ansible prints around what it is told.
SCREEN = 50
DECLARED: dict[str, Any] = {"ecr_share_purge_grants": True, "ecr_share_purge_deleted_principals": True}
LEAVES, ITS_ID = "risk-prod", estate.CONSUMERS["risk-prod"]
NEWCOMER = {"newcomer": "730000000099"}
STRANGER = "555566667777"


@dataclass(frozen=True)
class Shared:
    """foreseen: the dry run. before, after: the texts of the policies. backups: where those from before are."""

    foreseen: Done
    before: Mapping[Place, str | None]
    after: Mapping[Place, str | None]
    backups: str


@pytest.fixture(scope="module")
def shared(desk: Desk) -> Shared:
    before, backups = desk.stored(), f"{desk.home}/backups"
    foreseen = desk.play("share", estate.inventory(**DECLARED), "--check")
    assert foreseen.code == 0, foreseen.output
    assert desk.stored() == before
    done = desk.play("share", estate.inventory(**DECLARED), ecr_share_backup_dir=backups)
    assert done.code == 0, done.output
    assert _changes(done) == _changes(foreseen)
    return Shared(foreseen, before, desk.stored(), backups)


class TestForeseeing:
    """Job 2: the dry run of what should be."""

    def test_it_fits_on_one_screen(self, shared: Shared) -> None:
        assert len(told(shared.foreseen)) <= SCREEN
        assert "60 of 62 repositories would change in 5 registries" in told(shared.foreseen)

    def test_all_that_is_taken_away_is_in_its_first_lines_with_who_and_where(self, shared: Shared) -> None:
        lost = {(_who(caller), place[2]) for place, caller in difference(access(shared.before), access(shared.after))}
        assert len(lost) > 3
        lines = told(shared.foreseen)
        assert lines[0].startswith("REVOKES")
        first = lines[1 : lines.index("GRANTS (check mode: nothing was written)")]
        assert [(who, name) for who, name in lost if not any(who in one and _is_in(name, one) for one in first)] == []
        names = {account: name for name, account in estate.CONSUMERS.items()}
        for account in {who for who, _name in lost} & names.keys():
            assert any(f"- {names[account]} {account} " in line for line in first)


class TestChanging:
    """Jobs 3, 4 and 9: the list changes."""

    def test_a_newcomer_is_one_line_of_a_file_and_one_of_a_dry_run_and_of_a_pull_request(
        self, desk: Desk, shared: Shared
    ) -> None:
        desk.plant(shared.after)
        wanted = estate.inventory(
            **DECLARED,
            ecr_share_principals={**estate.NAMES, **NEWCOMER},
            ecr_share_grants=estate.grants([*estate.CONSUMERS, *NEWCOMER]),
        )
        done = desk.play("share", wanted, "--check", ecr_share_report_dir=f"{desk.home}/changes")
        assert done.code == 0, done.output
        (line,) = _changes(done)
        assert line.startswith("+ newcomer 730000000099 pull: 40 repositories: prod/*")
        text = (desk.home / "changes" / "changes.md").read_text(encoding="utf-8")
        assert len([line for line in text.splitlines() if "newcomer" in line]) == 1
        assert "40 repositories" in text
        assert len(text.splitlines()) < SCREEN
        assert desk.stored() == shared.after

    def test_whoever_is_taken_off_the_list_is_found_by_name_and_is_out_after_purging(
        self, desk: Desk, shared: Shared
    ) -> None:
        desk.plant(shared.after)
        fewer = estate.grants([name for name in estate.CONSUMERS if name != LEAVES])
        wanted = estate.inventory(**DECLARED, ecr_share_grants=fewer)

        audit = desk.play("audit", wanted, ecr_share_fail_on=["drift", "undeclared"])
        assert audit.code == 2
        lines = [line for line in told(audit) if f"{LEAVES} {ITS_ID}" in line]
        assert any(line.startswith("undeclared") and "pull" in line for line in lines)
        assert desk.stored() == shared.after

        purged = desk.play("share", wanted)
        assert purged.code == 0, purged.output
        assert told(purged)[0].startswith("REVOKES")
        assert all(line.startswith(f"- {LEAVES} {ITS_ID} ") for line in _changes(purged))
        assert _reach(desk.stored(), ITS_ID) == _reach(desk.stored(), NOBODY) < _reach(shared.after, ITS_ID)


class TestRecovering:
    """Job 8: somebody overwrites policies after the last good run."""

    def test_one_command_puts_back_what_is_broken_and_leaves_the_rest_alone(self, desk: Desk, shared: Shared) -> None:
        desk.plant(shared.after)
        broken = [place for place in shared.after if place[2].startswith("prod/")][:12]
        lost = [place for place in broken if "DenyPushExceptCI" in (shared.after[place] or "")]
        assert lost
        desk.overwrite(dict.fromkeys(broken, estate.with_stranger(None, STRANGER, ("ecr:*",))))
        desk.aws.reset_calls()

        done = desk.play(
            "restore",
            estate.inventory(**DECLARED),
            ecr_share_backup_path=shared.backups,
            ecr_share_restore_to="written",
        )

        assert done.code == 0, done.output
        assert desk.aws.calls()["SetRepositoryPolicy"] == len(broken)
        now = desk.stored()
        equal = PolicyComparison("aws").equal
        for place, text in shared.after.items():
            if place in broken:
                assert equal(_parsed(now[place]), _parsed(text)), place
            else:
                assert now[place] == text
        assert all("DenyPushExceptCI" in (now[place] or "") for place in lost)
        assert access(now) == access(shared.after)
        assert "12 of 60 repositories changed in 6 registries" in told(done)


def _changes(done: Done) -> list[str]:
    """The lines that say who gains and who loses access."""
    return [line for line in told(done) if line.startswith(("+ ", "- "))]


def _who(caller: str) -> str:
    """The account or the role of a caller."""
    return re.sub(r"^functions of (\S+) in .*", r"\1", caller.removesuffix(" of the organization"))


def _reach(texts: Mapping[Place, str | None], account: str) -> set[Place]:
    """Where an account gets in that is in no organization."""
    return {place for place, caller in access(texts) if caller == account}


def _is_in(repository: str, line: str) -> bool:
    """Whether a line of a summary names a repository, by itself or by a pattern."""
    listed = line.partition(" repositor")[2].partition(": ")[2]
    return any(is_match(name, repository) for name in re.findall(r"[a-z*][a-z0-9/*-]*", listed))


def _parsed(text: str | None) -> Any:
    return None if text is None else parse(text)
