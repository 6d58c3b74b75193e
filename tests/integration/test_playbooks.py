# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module in playbooks, as ansible-playbook runs it: defaults for the group, YAML's ways, and what is printed."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.imageshare.aws.tests.integration.statements import TEAM, allow, policy, root
from ansible_collections.imageshare.aws.tests.support.embedded_aws import (
    ACCESS_KEY,
    REGION,
    SECRET_KEY,
    EmbeddedAws,
)
from ansible_collections.imageshare.aws.tests.support.module_process import run_playbook

# All that the module could know of the AWS from elsewhere.
FROM_ELSEWHERE = ("AWS_URL", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
SHARE = """\
- name: Share
  imageshare.aws.ecr_share_policy:
    repositories: [app, base/*]
    grants:
      - principal: "111122223333"
  register: result_share
"""


def test_defaults_of_the_group_reach_the_module_and_no_secret_is_printed(aws: EmbeddedAws, tmp_path: Path) -> None:
    aws.plant_many({"app": None, "not-json": SECRET_KEY})
    tasks = f"""\
- name: With the defaults of the group
  module_defaults:
    group/imageshare.aws.aws:
      region: {REGION}
      endpoint_url: {aws.url}
      access_key: {ACCESS_KEY}
      secret_key: {SECRET_KEY}
  block:
    - name: Succeed
      imageshare.aws.ecr_share_policy:
        repositories: [app]
        grants: [principal: "111122223333"]
      register: result_success
    - name: Fail
      imageshare.aws.ecr_share_policy:
        repositories: [not-json, not-there]
        grants: [principal: "111122223333"]
      register: result_failure
      ignore_errors: true
"""

    played = run_playbook(aws, tmp_path, tasks, "-vvv", environment=dict.fromkeys(FROM_ELSEWHERE))

    assert played.registered["result_success"]["changed"]
    assert played.registered["result_failure"]["summary"]["failed"] == 2
    assert "ecr_share_policy" in played.text
    assert "module_args" in played.text, "-vvv prints the arguments"
    assert SECRET_KEY not in played.text
    assert SECRET_KEY not in str(played.registered)
    assert "Traceback" not in played.text


def test_check_and_diff_show_what_the_run_then_does(aws: EmbeddedAws, tmp_path: Path) -> None:
    aws.plant_many({"app": None, "base/go": policy(allow("pull", root(TEAM))), "base/python": None})
    planted = aws.policies()

    checked = run_playbook(aws, tmp_path, SHARE, "--check", "--diff")
    assert aws.policies() == planted
    done = run_playbook(aws, tmp_path, SHARE, "--diff")
    again = run_playbook(aws, tmp_path, SHARE, "--diff")

    assert checked.registered == done.registered
    assert aws.policies() != planted
    for played in (checked, done):
        assert "--- before: app\n+++ after: app\n" in played.text
        assert "--- before: base/python\n+++ after: base/python\n" in played.text
        assert '+        "AWS": "arn:aws:iam::111122223333:root"\n' in played.text
        assert "base/go" not in played.text
    assert not again.registered["result_share"]["changed"]
    assert "+++" not in again.text


def test_a_task_that_fails_registers_what_was_done(aws: EmbeddedAws, tmp_path: Path) -> None:
    aws.plant_many({"app": None, "base/go": "{"})

    played = run_playbook(aws, tmp_path, SHARE + "  ignore_errors: true\n", "--diff")

    registered = played.registered["result_share"]
    assert (registered["failed"], registered["changed"]) == (True, True)
    assert [row["name"] for row in registered["repositories"]] == ["app", "base/go"]
    assert registered["summary"]["failed"] == 1
    assert [shown["after_header"] for shown in registered["diff"]] == ["app"]
    assert "1 of 2 repositories failed" in played.text


def test_numbers_of_accounts_without_quotes(aws: EmbeddedAws, tmp_path: Path) -> None:
    aws.plant("app", None)
    tasks = """\
- name: YAML takes this one for octal
  imageshare.aws.ecr_share_policy:
    repositories: [app]
    grants:
      - principal: 444455556666
      - principal: 012345670123
  register: result_octal
  ignore_errors: true
- name: And leaves this one as it is
  imageshare.aws.ecr_share_policy:
    repositories: [app]
    grants:
      - principal: 111122223333
    registry_id: 123456789012
  register: result_decimal
"""

    played = run_playbook(aws, tmp_path, tasks)

    octal = played.registered["result_octal"]
    assert octal["failed"]
    assert "grants[1]" in octal["msg"]
    assert 'quote account ids, as in "012345670123"' in octal["msg"]
    decimal = played.registered["result_decimal"]
    assert decimal["repositories"][0]["policy"] == policy(allow("pull", root(TEAM)))


def test_warnings_are_printed_and_registered(aws: EmbeddedAws, tmp_path: Path) -> None:
    denied = {"Sid": "no more", "Effect": "Deny", "Principal": {"AWS": root(TEAM)}, "Action": "ecr:*"}
    aws.plant_many({"app": policy(denied), "base/go": policy(denied), "base/python": None})

    played = run_playbook(aws, tmp_path, SHARE)

    (warning,) = played.registered["result_share"]["warnings"]
    assert warning.startswith("2 of 3 repositories have a Deny")
    assert f"[WARNING]: {warning}" in " ".join(played.text.split())
    assert played.text.count("[WARNING]") == 1
    assert "DEPRECATION" not in played.text
