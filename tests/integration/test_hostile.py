# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hostile options, variables and policies, in real runs: many in each, so that it is quick. Each is told by its place,
and nothing is written that should not be.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.imageshare.aws.plugins.module_utils._iam.document import parse, statements
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.managed_statements import ManagedStatements
from ansible_collections.imageshare.aws.tests.integration.conftest import Run
from ansible_collections.imageshare.aws.tests.integration.statements import BUILDS, ORGANIZATION, TEAM, policy
from ansible_collections.imageshare.aws.tests.support import policy_text
from ansible_collections.imageshare.aws.tests.support.ansible_process import ansible
from ansible_collections.imageshare.aws.tests.support.embedded_aws import EmbeddedAws
from ansible_collections.imageshare.aws.tests.support.hostile_policies import KEPT, REFUSED
from ansible_collections.imageshare.aws.tests.support.invalid_input import (
    FILTERS,
    NAMES,
    PATHS,
    PRINCIPALS,
    VARIABLES,
)

GRANTS = [{"principals": [TEAM]}]
# AWS is patient with an organization's id: it need not exist.
ORGANIZATIONS = [{"principals": [ORGANIZATION], "access": ["pull", "push"]}]

LEFT_ALONE = {f"left-alone/p{number:03}": row for number, row in enumerate(REFUSED.values())}
ODD = {f"odd/p{number:03}": text for number, text in enumerate(KEPT.values())}
ALL = {name: text for name, (text, _reason) in LEFT_ALONE.items()} | ODD
# ansible-core itself takes no half of a character, and YAML has none.
WHOLE_CHARACTERS = {name: path for name, path in PATHS.items() if name != "half of a character"}


class TestPolicies:
    @pytest.mark.parametrize(
        "options",
        [
            pytest.param({}, id="to share"),
            pytest.param({"purge_grants": True, "purge_deleted_principals": True}, id="to purge"),
            pytest.param({"state": "absent"}, id="to share no more"),
        ],
    )
    def test_are_left_alone_or_kept_to_the_letter(self, aws: EmbeddedAws, run: Run, options: dict[str, Any]) -> None:
        aws.plant_many(ALL)

        foretold = run(repositories=["*"], grants=ORGANIZATIONS, check=True, diff=True, **options)
        assert aws.actions() == {"ecr:DescribeRepositories", "ecr:GetRegistryPolicy", "ecr:GetRepositoryPolicy"}
        assert aws.policies() == ALL
        done = run(repositories=["*"], grants=ORGANIZATIONS, diff=True, **options)

        now = aws.policies()
        for name, (text, reason) in LEFT_ALONE.items():
            assert reason in done.rows[name]["error"], name
            assert done.rows[name]["error"] == foretold.rows[name]["error"]
            assert now[name] == text, name
        written = {name for operation, name in aws.journal() if operation.startswith(("Set", "Delete"))}
        assert written <= ODD.keys()
        for name, text in ODD.items():
            row = done.rows[name]
            if "error" in row or not row["changed"]:
                # AWS will not take such a policy from anybody, or it is as it should be.
                assert now[name] == text, name
                continue
            assert foreign(parse(now[name] or "")) == foreign(parse(policy_text.stored(parse(text)))), name
        assert "unexpected" not in done.text + foretold.text
        unforeseen = {name: row["error"] for name, row in foretold.rows.items() if name in ODD and "error" in row}
        assert [error for error in unforeseen.values() if "characters long, and AWS allows" not in error] == []


MANAGED = ManagedStatements("aws")


def foreign(document: Any) -> list[str]:
    return sorted(json.dumps(statement) for statement in statements(document) if MANAGED.match(statement) is None)


class TestLength:
    def test_a_policy_that_is_too_long_only_for_what_aws_makes_of_it_is_told_with_what_to_do(
        self, aws: EmbeddedAws, run: Run
    ) -> None:
        # Nobody stores such a policy by AWS's interface, which writes root ARNs. By another way it may be there.
        accounts = [f"{number:012}" for number in range(400)]
        before = policy({"Sid": "many", "Effect": "Allow", "Principal": {"AWS": accounts}, "Action": "ecr:ListImages"})
        aws.plant("app", before)
        planted = aws.policies()

        result = run(repositories=["app"], grants=ORGANIZATIONS)

        assert "must have length less than or equal to 10240" in result.row["error"]
        assert "Grant access to an organization" in result.row["error"]
        assert aws.policies() == planted

    def test_characters_count_and_not_bytes(self, aws: EmbeddedAws, run: Run) -> None:
        before = policy({**BUILDS, "Sid": "🐳" * 9_000})
        aws.plant("app", before)

        assert run(repositories=["app"], grants=ORGANIZATIONS).changed
        assert json.loads(aws.policies()["app"] or "")["Statement"][0] == before["Statement"][0]


class TestOptions:
    def test_all_bad_principals_and_names_are_told_at_once(self, aws: EmbeddedAws, run: Run) -> None:
        aws.plant("app", None)
        principals = [value for value, _said in PRINCIPALS.values()]
        narrowed = [value for value, _said in NAMES.values()]
        grants = [*({"principals": [value]} for value in principals), {**GRANTS[0], "repositories": narrowed}]

        result = run(repositories=["*"], grants=grants)

        assert result.message.startswith("Nothing was done. ")
        for index, (name, (_value, words)) in enumerate(PRINCIPALS.items()):
            (problem,) = re.findall(rf"grants\[{index}\][ :].*?(?=\. grants\[)", result.message, re.DOTALL)
            assert all(word in problem for word in ((words,) if isinstance(words, str) else words)), name
        place = f"grants[{len(principals)}] (principal {TEAM}): repositories: "
        assert result.message.count(place) == len(NAMES)
        assert aws.actions() == set()

    @pytest.mark.parametrize("path", WHOLE_CHARACTERS.values(), ids=WHOLE_CHARACTERS.keys())
    def test_a_path_of_backups_that_is_none_is_refused(self, aws: EmbeddedAws, restore: Run, path: str) -> None:
        result = restore(backup_path=path)
        assert result.message.startswith("Nothing was done")
        assert "is not a valid path" in result.message
        assert aws.actions() == set()


def test_each_bad_variable_of_the_role_is_named_on_its_host(aws: EmbeddedAws, tmp_path: Path) -> None:
    aws.plant_many({"base": None, "base/python": None})
    # Ansible fills in templates before the role sees them.
    rows = [variables for variables, _said in VARIABLES.values() if "{{" not in str(variables)]
    hosts = {f"host{number:02}": variables for number, variables in enumerate(rows)}
    common = {"ecr_share_repositories": ["base/python"], "ecr_share_grants": GRANTS}
    inventory = tmp_path / "inventory.yml"
    inventory.write_text(yaml.safe_dump({"ecr_registries": {"vars": common, "hosts": hosts}}), encoding="utf-8")

    done = ansible(
        aws, tmp_path, "playbook", "-i", inventory, "imageshare.aws.share", environment={"ANSIBLE_FORKS": "8"}
    )

    assert done.code == 2
    for host, (name,) in hosts.items():
        assert done.recap(host)["failed"] == 1, host
        (told,) = re.findall(rf"^fatal: \[{host}\].*?(?=^\S|\Z)", done.output, re.MULTILINE | re.DOTALL)
        assert name in told, host
    assert aws.actions() == set()


def test_each_bad_filter_of_an_inventory_is_named(aws: EmbeddedAws, tmp_path: Path) -> None:
    aws.plant("base/python", None)
    sources: list[str] = []
    rows = {name: row for name, row in FILTERS.items() if name != "half of a character"}
    for number, (names, tags, _said) in enumerate(rows.values()):
        source = tmp_path / f"{number:02}.ecr_repositories.yml"
        options = {"plugin": "imageshare.aws.ecr_repositories", "repositories": names, "tags": tags}
        source.write_text(yaml.safe_dump(options), encoding="utf-8")
        sources += ["-i", str(source)]

    done = ansible(aws, tmp_path, "inventory", *sources, "--list", environment={"COLUMNS": "10000"})

    assert [name for name, (_names, _tags, said) in rows.items() if said not in done.output] == []
    assert aws.actions() == set()
