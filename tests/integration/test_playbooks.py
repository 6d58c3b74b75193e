# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module in playbooks, as ansible-playbook runs it: defaults for the group, YAML's ways, and what is printed."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.imageshare.aws.tests.integration.statements import TEAM, allow, policy, root
from ansible_collections.imageshare.aws.tests.support.embedded_aws import (
    ACCESS_KEY,
    REGION,
    SECRET_KEY,
    EmbeddedAws,
)
from ansible_collections.imageshare.aws.tests.support.module_process import Played, run_playbook

# All that the module could know of the AWS from elsewhere.
FROM_ELSEWHERE = ("AWS_URL", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
DENIED = {"Sid": "no more", "Effect": "Deny", "Principal": {"AWS": root(TEAM)}, "Action": "ecr:*"}
TASKS = f"""\
- name: With defaults for the group
  module_defaults:
    group/imageshare.aws.aws:
      region: {REGION}
      endpoint_url: %s
      access_key: {ACCESS_KEY}
      secret_key: {SECRET_KEY}
  block:
    - name: An account as YAML leaves it
      imageshare.aws.ecr_share_policy:
        repositories: [app]
        grants:
          - principals: 111122223333
        registry_id: 123456789012
        include_policy: true
      register: result_decimal
    - name: The group has all modules
      imageshare.aws.ecr_share_policy_info:
        repositories: [app]
      register: result_audit
    - name: An account that YAML takes for octal
      imageshare.aws.ecr_share_policy:
        repositories: [app]
        grants:
          - principals: 444455556666
          - principals: [012345670123]
      register: result_octal
      ignore_errors: true
    - name: Repositories of which some fail
      imageshare.aws.ecr_share_policy:
        repositories: [web, not-json, not-there]
        grants:
          - principals: "111122223333"
      register: result_partial
      ignore_errors: true
    - name: Repositories to be warned about
      imageshare.aws.ecr_share_policy:
        repositories: [denied/*, app]
        grants:
          - principals: "111122223333"
      register: result_warned
"""
SHARE = """\
- name: Share
  imageshare.aws.ecr_share_policy:
    repositories: [app, base/*]
    grants:
      - principals: "111122223333"
  register: result_share
"""


@pytest.fixture(scope="module")
def played(process: EmbeddedAws, tmp_path_factory: pytest.TempPathFactory) -> Played:
    process.reset()
    process.plant_many(
        {
            "app": None,
            "denied/api": policy(DENIED),
            "denied/web": policy(DENIED),
            # A policy that cannot be read must not be told either.
            "not-json": SECRET_KEY,
            "web": None,
        }
    )
    folder = tmp_path_factory.mktemp("played")
    # The arguments of the module are printed: since ansible-core 2.21 only where asked for.
    environment = {**dict.fromkeys(FROM_ELSEWHERE), "ANSIBLE_INJECT_INVOCATION": "true"}
    return run_playbook(process, folder, TASKS % process.url, "-vvv", "--diff", environment=environment)


class TestTasks:
    def test_defaults_of_the_group_and_numbers_of_accounts_reach_the_module(self, played: Played) -> None:
        (row,) = played.registered["result_decimal"]["repositories"]
        assert row["policy"] == policy(allow("pull", root(TEAM)))
        (row,) = played.registered["result_audit"]["repositories"]
        assert [share["principal"] for share in row["shares"]] == [TEAM]

    def test_what_yaml_takes_for_octal_is_refused_with_advice(self, played: Played) -> None:
        octal = played.registered["result_octal"]
        assert octal["failed"]
        assert octal["msg"].startswith("Nothing was done. grants[1]")
        assert 'quote account ids, as in "012345670123"' in octal["msg"]

    def test_a_task_that_fails_registers_what_was_done(self, played: Played) -> None:
        partial = played.registered["result_partial"]
        assert (partial["failed"], partial["changed"]) == (True, True)
        assert [row["name"] for row in partial["repositories"]] == ["web", "not-json", "not-there"]
        assert (partial["summary"]["changed"], partial["summary"]["failed"]) == (1, 2)
        assert [shown["after_header"] for shown in partial["diff"]] == ["web"]
        assert "2 of 3 repositories failed" in played.text

    def test_warnings_are_registered_and_printed_once(self, played: Played) -> None:
        (warning,) = played.registered["result_warned"]["warnings"]
        assert warning.startswith("2 of 3 repositories have a Deny")
        assert " ".join(played.text.split()).count(f"[WARNING]: {warning}") == 1
        assert played.text.count("[WARNING]") == 1
        assert "DEPRECATION" not in played.text

    def test_no_secret_is_printed_or_registered(self, played: Played) -> None:
        assert "module_args" in played.text
        assert ACCESS_KEY in played.text
        assert SECRET_KEY not in played.text
        assert SECRET_KEY not in str(played.registered)
        assert "Traceback" not in played.text


def test_check_and_diff_show_what_the_run_then_does(aws: EmbeddedAws, tmp_path: Path) -> None:
    aws.plant_many({"app": None, "base/go": policy(allow("pull", root(TEAM))), "base/python": None})
    planted = aws.policies()

    checked = run_playbook(aws, tmp_path, SHARE, "--check", "--diff")
    assert aws.policies() == planted
    done = run_playbook(aws, tmp_path, SHARE + SHARE.replace("result_share", "result_again"), "--diff")

    assert checked.registered["result_share"] == done.registered["result_share"]
    assert not done.registered["result_again"]["changed"]
    assert aws.policies() != planted
    for played in (checked, done):
        assert played.text.count("--- before: app\n+++ after: app\n") == 1
        assert played.text.count("--- before: base/python\n+++ after: base/python\n") == 1
        assert played.text.count('+        "AWS": "arn:aws:iam::111122223333:root"\n') == 2
        assert "base/go" not in played.text
