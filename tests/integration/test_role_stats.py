# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run hands on to a controller: numbers of all its plays, and nothing that anybody else has written."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from ansible_collections.imageshare.aws.plugins.module_utils._errors import SUMMARIES
from ansible_collections.imageshare.aws.plugins.module_utils._role.finding import KINDS
from ansible_collections.imageshare.aws.tests.integration.conftest import Play
from ansible_collections.imageshare.aws.tests.integration.inventories import (
    OTHER_ACCOUNT,
    OTHER_ROLE,
    registries,
    repositories,
)
from ansible_collections.imageshare.aws.tests.integration.statements import BUILDS, TEAM, policy
from ansible_collections.imageshare.aws.tests.support.ansible_process import Done
from ansible_collections.imageshare.aws.tests.support.embedded_aws import ACCOUNT, REGION, EmbeddedAws

# A stranger's words, of which none may be handed on.
SID = "{{ 7 * 7 }}"
EVERYONE = {"Sid": SID, "Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}
PUBLIC = {"certain": 1, "possible": 0}
# Registries, and repositories of another inventory: two plays.
INVENTORY = {
    **registries(
        {"ecr_share_repositories": ["*"], "ecr_share_regions": [REGION]},
        images={},
        other={"ecr_share_assume_role_arn": OTHER_ROLE, "ecr_share_registry_id": OTHER_ACCOUNT},
    ),
    **repositories(own={"ecr_repository_name": "tools/own", "ecr_region": "eu-west-1"}),
    "all": {"vars": {"ecr_share_grants": [{"principals": [TEAM]}]}},
}
SHOWN = {"ANSIBLE_SHOW_CUSTOM_STATS": "true"}


def handed_on(done: Done) -> dict[str, Any]:
    """What a controller gets of a run."""
    found = re.findall(r"^\tRUN: (\{.*\})$", done.output, re.MULTILINE)
    assert len(found) == 1, done.output
    return dict(json.loads(found[0]))


def words_of(value: Any) -> set[str]:
    """All texts in there; the rest are numbers."""
    if isinstance(value, dict):
        return set(value).union(*map(words_of, value.values()))
    assert isinstance(value, int)
    return set()


def test_numbers_of_all_plays_are_handed_on(aws: EmbeddedAws, play: Play, tmp_path: Path) -> None:
    aws.plant_many({"base/a": policy(BUILDS), "base/b": policy(EVERYONE)})
    aws.plant_many({"base/a": None}, OTHER_ACCOUNT)
    aws.plant("tools/own", None, ACCOUNT, "eu-west-1")
    nothing = {"registries": 3, "failed_registries": 0, "registry_policies": 0, "templates": 0}
    backups = f"ecr_share_backup_dir={tmp_path}/backups"

    checked = handed_on(play("share", INVENTORY, "--check", **SHOWN))
    shared = handed_on(play("share", INVENTORY, "-e", backups, **SHOWN))

    numbers = {**nothing, "repositories": 4, "changed": 4, "failed": 0, "warnings": {"public": PUBLIC}}
    assert checked == {"ecr_share_stats": {"share": {**numbers, "check_mode": True}}}
    assert shared == {"ecr_share_stats": {"share": {**numbers, "check_mode": False}}}

    # The next job gets them as a variable.
    variable = json.dumps({**shared, "ecr_share_fail_on": ["public", "drift"]})
    done = play("audit", INVENTORY, "-e", variable, **SHOWN)
    assert done.code == 2
    audited = handed_on(done)
    found = audited["ecr_share_stats"]["audit"]
    assert (found["failing"], found["findings"]["public"], found["accepted"]) == (1, PUBLIC, 0)
    assert (found["registries"], found["repositories"], found["failed_registries"]) == (3, 4, 0)

    offboarded = handed_on(play("offboard", INVENTORY, "-e", f"ecr_share_offboard={TEAM}", **SHOWN))
    left = offboarded["ecr_share_stats"]["offboard"]
    # Everyone gets in, and nobody is named: of the two plays, one has a registry with such a policy.
    assert left["verdicts"] == {"still_in": 0, "unknown": 0, "possible": 1, "out": 1}
    assert (left["changed"], left["repositories"], left["check_mode"]) == (4, 4, False)

    restored = handed_on(play("restore", INVENTORY, "-e", f"ecr_share_backup_path={tmp_path}/backups", **SHOWN))
    assert restored["ecr_share_stats"]["restore"]["failed_registries"] == 0

    words = set().union(*map(words_of, (checked, shared, audited, offboarded, restored)))
    assert words & {*SUMMARIES, *KINDS} >= {"public"}
    # Names of ours alone: no repository, no principal, no host.
    assert all(re.fullmatch("[a-z_]+", word) for word in words)
    assert not words & {"images", "other", "own"}
