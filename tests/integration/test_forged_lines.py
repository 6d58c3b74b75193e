# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What strangers have written in policies, tags, files and answers, and what Ansible prints of it.

All characters of NASTY are in one text, with a line behind each that wants to be believed.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.imageshare.aws.tests.integration.inventories import registries, repositories, sharing
from ansible_collections.imageshare.aws.tests.integration.statements import TEAM, allow, policy, root
from ansible_collections.imageshare.aws.tests.support.ansible_process import ansible
from ansible_collections.imageshare.aws.tests.support.embedded_aws import EmbeddedAws
from ansible_collections.imageshare.aws.tests.support.module_process import run_module
from ansible_collections.imageshare.aws.tests.support.nasty_texts import ALL, FORGED, forging

GRANTS = [{"principals": [TEAM], "access": ["pull", "push"]}]
OTHER = "444455556666"
# Of each: a statement in which a stranger has put the text.
STATEMENTS: dict[str, Any] = {
    "a Sid": allow("pull", "*", Sid=ALL),
    "an action": {**allow("pull", "*"), "Action": ["ecr:*", ALL]},
    "an action that is spared": {"Effect": "Allow", "Principal": "*", "NotAction": [ALL]},
    "a principal": allow("pull", ALL),
    "a principal of more": {**allow("pull", root(TEAM)), "Action": "ecr:*", "Principal": {"AWS": ["*", ALL]}},
    "an operator": {**allow("pull", "*"), "Condition": {ALL: {"aws:SourceVpc": "vpc-1"}}},
    "a key": {**allow("pull", "*"), "Condition": {"StringEquals": {ALL: "vpc-1"}}},
    "a value": {**allow("pull", "*"), "Condition": {"StringEquals": {"aws:PrincipalAccount": [ALL, OTHER]}}},
    "a source": {
        "Effect": "Allow",
        "Principal": {"Service": ["lambda.amazonaws.com", ALL]},
        "Action": "ecr:BatchGetImage",
        "Condition": {"StringLike": {"aws:SourceArn": [ALL, f"arn:aws:lambda:*:{OTHER}:*"]}},
    },
    "a Deny": {**allow("pull", root(TEAM), Sid=ALL), "Effect": "Deny"},
    "a Deny with conditions": {
        **allow("pull", "*", Sid=ALL),
        "Effect": "Deny",
        "Condition": {"StringNotEquals": {"aws:SourceVpc": ALL}},
    },
    "a resource": {**allow("pull", "*"), "Resource": ALL},
    "another member": {**allow("pull", "*"), ALL: ALL},
}
KEPT = {f"kept/{number:02}": policy(statement) for number, statement in enumerate(STATEMENTS.values())}
REFUSED = {
    "refused/key": f"{{{json.dumps(ALL)}: 1, {json.dumps(ALL)}: 2}}",
    "refused/number": '{"Statement": {"k": 0.12345678901234567890}}',
    "refused/text": ALL,
}


def assert_harmless(output: str, *, allowed: str = "\n") -> None:
    """Nothing in it is obeyed, hidden or moved by a terminal, and nothing that was forged begins a line."""
    assert forging(output, allowed) == []
    assert [line for line in output.splitlines() if line.startswith(FORGED)] == []


def play(aws: EmbeddedAws, folder: Path, tasks: list[dict[str, Any]], *arguments: str, **more: Any) -> str:
    playbook = folder / "playbook.yml"
    interpreter = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    where = {"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": interpreter}
    playbook.write_text(yaml.safe_dump([{**where, "tasks": tasks}]), encoding="utf-8")
    return ansible(aws, folder, "playbook", "-i", "localhost,", playbook, *arguments, **more).output


@pytest.mark.parametrize("options", [{}, {"state": "absent"}, {"purge_grants": True}], ids=str)
def test_a_policy_forges_no_line_of_a_run_that_writes(
    aws: EmbeddedAws, tmp_path: Path, options: dict[str, Any]
) -> None:
    aws.plant_many(KEPT)
    task = {"imageshare.aws.ecr_share_policy": {"repositories": ["*"], "grants": GRANTS, **options}}
    output = play(aws, tmp_path, [task], "--check", "--diff")
    assert "ok=1 " in output
    assert "[WARNING]" in output
    assert FORGED in output
    assert_harmless(output)


def test_a_policy_forges_no_message_of_a_row(aws: EmbeddedAws) -> None:
    aws.plant_many({**KEPT, **REFUSED})
    result = run_module(aws, repositories=["*"], grants=GRANTS, check=True)
    for row in result.rows.values():
        for text in (row.get("error", ""), *(warning["message"] for warning in row["warnings"])):
            assert_harmless(text, allowed="")
    for text in (result.message, *result.warnings):
        assert_harmless(text, allowed="")
        assert len(text) < 8_000


def test_a_policy_that_is_refused_forges_no_line(aws: EmbeddedAws, tmp_path: Path) -> None:
    aws.plant_many(REFUSED)
    options = {"repositories": ["*"]}
    tasks = [
        {"imageshare.aws.ecr_share_policy": {**options, "grants": GRANTS}, "ignore_errors": True},
        {"imageshare.aws.ecr_share_policy_info": options, "ignore_errors": True},
    ]
    output = play(aws, tmp_path, tasks)
    assert output.count("3 of 3 repositories failed") >= 2
    assert_harmless(output)


def test_a_policy_forges_no_line_where_ansible_prints_rows(aws: EmbeddedAws, tmp_path: Path) -> None:
    aws.plant_many({**KEPT, **REFUSED})
    options = {"repositories": ["*"]}
    tasks = [
        {"imageshare.aws.ecr_share_policy": {**options, "grants": GRANTS, "purge_grants": True}, "ignore_errors": True},
        {"imageshare.aws.ecr_share_policy_info": options, "ignore_errors": True},
    ]
    output = play(aws, tmp_path, tasks, "--check", "-v")
    assert output.count('"sid": "') > 9
    assert {character for character in output if not character.isprintable()} == {"\n"}


class _Stranger(BaseHTTPRequestHandler):
    answer: tuple[int, str, bytes] = (200, "", b"")

    def do_POST(self) -> None:
        status, kind, content = self.server.answer
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


JSON = "application/x-amz-json-1.1"
ANSWERS: dict[str, tuple[int, str, bytes]] = {
    "a code": (400, JSON, json.dumps({"__type": ALL, "message": "no"}).encode()),
    "a message": (400, JSON, json.dumps({"__type": "InvalidParameterException", "message": ALL}).encode()),
    "a long message": (400, JSON, json.dumps({"__type": "AccessDeniedException", "message": ALL * 20}).encode()),
    "a page": (403, "text/html", f"<html>\n<p>{ALL}\n</html>".encode()),
    "what is no JSON": (400, JSON, ALL.encode()),
    "a policy": (200, JSON, json.dumps({"policyText": ALL, "repositories": []}).encode()),
    "a policy with a key twice": (
        200,
        JSON,
        json.dumps({"policyText": REFUSED["refused/key"], "registryId": OTHER}).encode(),
    ),
    "repositories": (
        200,
        JSON,
        json.dumps(
            {
                "repositories": [
                    {
                        "repositoryName": ALL,
                        "repositoryArn": ALL,
                        "repositoryUri": ALL,
                        "registryId": ALL,
                        "createdAt": 0,
                        "imageTagMutability": ALL,
                    }
                ],
                "policyText": ALL,
            }
        ).encode(),
    ),
}


@pytest.fixture(params=ANSWERS.values(), ids=ANSWERS.keys())
def stranger(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of something that answers in place of AWS."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Stranger) as server:
        server.answer = request.param
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_an_answer_forges_no_line(aws: EmbeddedAws, tmp_path: Path, stranger: str) -> None:
    place = {"endpoint_url": stranger, "registry_id": OTHER}
    tasks = [
        {
            "imageshare.aws.ecr_share_policy_info": {"repositories": ["app"], **place},
            "ignore_errors": True,
        },
        {
            "imageshare.aws.ecr_share_policy": {"repositories": ["app", "b*"], "grants": GRANTS, **place},
            "ignore_errors": True,
        },
        {"imageshare.aws.ecr_repository_info": place, "ignore_errors": True},
    ]
    source = tmp_path / "x.ecr_repositories.yml"
    options = {"plugin": "imageshare.aws.ecr_repositories", "endpoint_url": stranger, "regions": ["us-east-1"]}
    source.write_text(yaml.safe_dump(options))
    output = play(aws, tmp_path, tasks)
    output += ansible(aws, tmp_path, "inventory", "-i", source, "--graph").output
    assert "ok=3 " in output
    assert_harmless(output)


def test_a_policy_forges_no_line_of_an_audit_of_the_role(aws: EmbeddedAws, tmp_path: Path) -> None:
    aws.plant_many({**KEPT, **REFUSED})
    reports = tmp_path / "reports"
    wanted = sharing(ecr_share_repositories=["*"], ecr_share_grants=GRANTS, ecr_share_report_dir=str(reports))
    source = tmp_path / "inventory.yml"
    source.write_text(yaml.safe_dump(registries(wanted, images={})), encoding="utf-8")
    done = ansible(aws, tmp_path, "playbook", "-i", source, "imageshare.aws.audit")
    assert f"{len(REFUSED)} of {len(KEPT) + len(REFUSED)} repositories failed" in done.flat
    assert f"{TEAM} lacks pull, push: {len(KEPT)} repositories: kept/* " in done.flat
    assert_harmless(done.output)
    assert_harmless((reports / "report.md").read_text(encoding="utf-8"))
    assert (reports / "report.junit.xml").read_text(encoding="utf-8").isascii()
    assert_harmless((reports / "report.csv").read_text(encoding="utf-8"), allowed="\r\n")
    assert (reports / "report.json").read_text(encoding="utf-8").isascii()
    assert forging((reports / "report.html").read_text(encoding="utf-8")) == []


def test_variables_of_an_inventory_forge_no_line(aws: EmbeddedAws, tmp_path: Path) -> None:
    variables: dict[str, Any] = {
        "grants": sharing(ecr_share_grants=[{"principals": [ALL]}]),
        "repositories": sharing(ecr_share_repositories=[ALL]),
        "regions": sharing(ecr_share_regions=[ALL]),
        "directory": sharing(ecr_share_backup_dir=ALL),
        "narrowed": sharing(ecr_share_grants=[{"principals": [TEAM], "repositories": [ALL]}]),
        "lambda": sharing(ecr_share_grants=[{"principals": [TEAM], "lambda_regions": [ALL]}]),
    }
    source = tmp_path / "inventory.yml"
    source.write_text(yaml.safe_dump(registries({}, **variables)), encoding="utf-8")
    done = ansible(aws, tmp_path, "playbook", "-i", source, "imageshare.aws.share")
    assert done.flat.count("Nothing was done") >= len(variables)
    assert_harmless(done.output)


def test_a_host_that_is_a_repository_forges_no_line(aws: EmbeddedAws, tmp_path: Path) -> None:
    source = tmp_path / "inventory.yml"
    hosts = {"app": {"ecr_repository_name": ALL}, "web": {"ecr_region": ALL}}
    source.write_text(yaml.safe_dump(repositories({"ecr_share_grants": GRANTS}, **hosts)), encoding="utf-8")
    done = ansible(aws, tmp_path, "playbook", "-i", source, "imageshare.aws.share")
    assert "is not the name of a region" in done.flat
    assert_harmless(done.output)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"repositories": [ALL]}, id="a name"),
        pytest.param({"repositories": ["nothing/*"], "profiles": [ALL]}, id="a profile"),
        pytest.param({"regions": [ALL]}, id="a region"),
        pytest.param({"tags": {ALL: []}}, id="a tag"),
        pytest.param({ALL: 1}, id="an option"),
        pytest.param({"assume_role_arn": ALL}, id="a role"),
    ],
)
def test_options_of_an_inventory_forge_no_line(aws: EmbeddedAws, tmp_path: Path, options: dict[str, Any]) -> None:
    source = tmp_path / "x.ecr_repositories.yml"
    source.write_text(
        yaml.safe_dump({"plugin": "imageshare.aws.ecr_repositories", "regions": ["us-east-1"], **options})
    )
    done = ansible(aws, tmp_path, "inventory", "-i", source, "--graph")
    assert "[WARNING]" in done.output
    assert_harmless(done.output)


def test_tags_forge_no_line_where_groups_are_made_of_them(aws: EmbeddedAws, tmp_path: Path) -> None:
    aws.plant("app", None)
    aws.tag_many({"app": {"team": ALL[:250]}})
    source = tmp_path / "x.ecr_repositories.yml"
    groups = {"keyed_groups": [{"key": "ecr_tags.team", "prefix": "team"}]}
    source.write_text(yaml.safe_dump({"plugin": "imageshare.aws.ecr_repositories", "regions": ["us-east-1"], **groups}))
    done = ansible(aws, tmp_path, "inventory", "-i", source, "--graph")
    assert "team" in done.output
    assert_harmless(done.output)


def test_a_file_and_its_name_forge_no_line_where_backups_are_restored(aws: EmbeddedAws, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    name = ALL.replace("\0", "")[:80].replace("/", "")
    (folder / f"{name}.json").write_text(json.dumps({"format": 1, ALL: 1}), encoding="utf-8")
    output = play(aws, tmp_path, [{"imageshare.aws.ecr_share_policy_restore": {"backup_path": str(folder)}}])
    assert "not every file there can be restored" in output
    assert_harmless(output)


def test_filters_forge_no_line(aws: EmbeddedAws, tmp_path: Path) -> None:
    arn = "arn:aws:ecr:us-east-1:123456789012:repository/a"
    uses = (
        "{{ {text: 1} | imageshare.aws.ecr_share_csv }}",
        "{{ {'registries': [{text: 1}]} | imageshare.aws.ecr_share_csv }}",
        f"{{{{ {{'principals': text}} | imageshare.aws.ecr_consumer_policy('{arn}') }}}}",
        "{{ {'principals': '111122223333'} | imageshare.aws.ecr_consumer_policy(text) }}",
        "{{ {} | imageshare.aws.ecr_share_internal(text) }}",
    )
    tasks = [
        {"ansible.builtin.assert": {"that": f"{use[2:-2]} == ''"}, "vars": {"text": ALL}, "ignore_errors": True}
        for use in uses
    ]
    output = play(aws, tmp_path, tasks)
    assert f"ignored={len(uses)} " in output
    assert_harmless(output)
