# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report that the role's audit writes, from what is stored in AWS to the files."""

from __future__ import annotations

import csv
import json
import re
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.imageshare.aws.tests.integration.conftest import Play
from ansible_collections.imageshare.aws.tests.integration.inventories import (
    GRANTS,
    OTHER_ACCOUNT,
    OTHER_REGION,
    OTHER_ROLE,
    registries,
    repositories,
    sharing,
)
from ansible_collections.imageshare.aws.tests.integration.statements import (
    BUILDS,
    CI,
    DELETED_ROLE,
    PARTNER,
    STRANGER,
    TEAM,
    allow,
    policy,
    root,
)
from ansible_collections.imageshare.aws.tests.support.ansible_process import ansible
from ansible_collections.imageshare.aws.tests.support.embedded_aws import ACCOUNT, REGION, EmbeddedAws
from ansible_collections.imageshare.aws.tests.support.report_schema import VALIDATOR

HERE, THERE, OTHERS = f"{ACCOUNT} {REGION}", f"{ACCOUNT} {OTHER_REGION}", f"{OTHER_ACCOUNT} {REGION}"
TO_TEAM = {"principal": TEAM, "access": ["pull"], "lambda_regions": []}
NO_DRIFT: tuple[Any, ...] = ()
# Of a whole audit with a report, however many repositories and hosts there are.
MOST_TASKS = 80


class Report:
    """The three files in a folder, which hold the same."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        text = (folder / "report.json").read_text(encoding="utf-8")
        self.whole = json.loads(text)
        VALIDATOR.validate(self.whole)
        self.rows: dict[str, dict[str, Any]] = {
            f"{registry['registry_id']} {registry['region']}": {row["name"]: row for row in registry["repositories"]}
            for registry in self.whole["registries"]
        }
        self.all_rows = [row for rows in self.rows.values() for row in rows.values()]
        page = (folder / "report.html").read_text(encoding="utf-8")
        (self.data,) = re.findall(r'<script type="application/json" id="report">(.*?)</script>', page)
        assert json.loads(self.data) == self.whole
        self.policies: dict[str, dict[str, Any]] = {
            f"{registry['registry_id']} {registry['region']}": registry["registry_policy"]
            for registry in self.whole["registries"]
            if registry["registry_policy"]
        }
        with (folder / "report.csv").open(encoding="utf-8", newline="") as file:
            every = list(csv.DictReader(file))
        # Those of the registry policies belong to no repository.
        self.lines = [line for line in every if line["repository"]]
        self.lines_of_policies = [line for line in every if not line["repository"]]
        assert len(self.lines) == sum(len(row.get("shares") or ("none",)) for row in self.all_rows)
        assert len(self.lines_of_policies) == sum(
            len(policy["shares"]) if policy["read"] else 1 for policy in self.policies.values()
        )

    def drift(self, registry: str) -> dict[str, Any]:
        """What of each repository of a registry is missing, and what is undeclared; nothing if it is as declared."""
        return {
            name: (row["drift"]["missing"], row["drift"]["undeclared"]) if "drift" in row else NO_DRIFT
            for name, row in self.rows[registry].items()
        }

    def principals(self, registry: str) -> dict[str, list[str]]:
        return {name: [share["principal"] for share in row["shares"]] for name, row in self.rows[registry].items()}


def modes(folder: Path) -> dict[str, str]:
    return {path.name: stat.filemode(path.stat().st_mode) for path in (folder, *folder.iterdir())}


class TestSeveralRegistries:
    """Two accounts and two regions, of which one has drift, one is shared as declared, and one has no grants."""

    @pytest.fixture
    def inventory(self, aws: EmbeddedAws, tmp_path: Path) -> dict[str, Any]:
        aws.plant_many({"app": policy(allow("pull", root(STRANGER))), "web": None})
        aws.plant_many({"app": policy(BUILDS, allow("pull", root(TEAM))), "tools": None}, region=OTHER_REGION)
        aws.plant_many({"cli": policy(allow("push", CI, DELETED_ROLE)), "empty": None}, account=OTHER_ACCOUNT)
        return registries(
            {"ecr_share_report_dir": f"{tmp_path}/reports/ecr"},
            drifted=sharing(
                ecr_share_repositories=["app", "web"], ecr_share_purge_grants=True, ecr_share_regions=[REGION]
            ),
            declared=sharing(ecr_share_regions=[OTHER_REGION]),
            unshared={"ecr_share_regions": [REGION], "ecr_share_assume_role_arn": OTHER_ROLE},
        )

    def test_are_in_one_report(self, aws: EmbeddedAws, play: Play, tmp_path: Path, inventory: dict[str, Any]) -> None:
        planted = aws.policies()

        done = play("audit", inventory)

        assert done.code == 0, done.output
        found = Report(tmp_path / "reports" / "ecr")
        to_stranger = {**TO_TEAM, "principal": STRANGER}
        assert found.drift(HERE) == {"app": ([TO_TEAM], [to_stranger]), "web": ([TO_TEAM], [])}
        assert found.drift(THERE) == {"app": NO_DRIFT}
        assert found.drift(OTHERS) == {"cli": NO_DRIFT, "empty": NO_DRIFT}
        assert found.principals(HERE) == {"app": [STRANGER], "web": []}
        # A service uses it for them.
        assert found.principals(THERE) == {"app": [PARTNER, TEAM]}
        assert [share.get("via_service") for share in found.rows[THERE]["app"]["shares"]] == [
            "codebuild.amazonaws.com",
            None,
        ]
        assert sorted(found.principals(OTHERS)["cli"]) == [DELETED_ROLE, CI]
        assert [share["managed"] for share in found.rows[THERE]["app"]["shares"]] == [False, True]
        assert found.rows[THERE]["app"]["policy"] == policy(BUILDS, allow("pull", root(TEAM)))
        assert found.rows[OTHERS]["cli"]["arn"] == f"arn:aws:ecr:{REGION}:{OTHER_ACCOUNT}:repository/cli"
        assert found.whole["compared"] is True
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found.whole["generated_at"])
        assert modes(found.folder) == {
            "ecr": "drwx------",
            "report.csv": "-rw-------",
            "report.html": "-rw-------",
            "report.json": "-rw-------",
            "report.junit.xml": "-rw-------",
            "report.md": "-rw-------",
        }
        # What was compared is read again, and nothing is written.
        assert aws.calls() == {
            "DescribeRepositories": 1 + 1 + 1,
            "GetRepositoryPolicy": 3 + 3 + 2,
            "GetRegistryPolicy": 2 + 2 + 1,
            "DescribeRepositoryCreationTemplates": 1 + 1 + 1,
        }
        assert aws.policies() == planted
        assert done.recap("declared")["changed"] == done.recap("unshared")["changed"] == 0
        assert f'"unshared {OTHER_ACCOUNT} {REGION}: 2 repositories, 2 principals, ' in done.output
        assert len(done.output.splitlines()) < 250
        assert f"The report is in {found.folder}: report.html, report.md, report.csv" in done.flat
        drift = {(line["repository"], line["principal"]): line["drift"] for line in found.lines}
        assert drift["web", ""] == f"missing: {TEAM} pull"
        assert drift["empty", ""] == ""

    def test_have_a_report_with_check_as_well_because_it_is_what_was_asked_for(
        self, play: Play, tmp_path: Path, inventory: dict[str, Any]
    ) -> None:
        done = play("audit", inventory, "--check", "--diff", "--limit", "drifted,localhost")
        assert done.code == 0, done.output
        assert f"{TEAM} lacks pull: 2 repositories: * (drifted {ACCOUNT} {REGION})" in done.output
        assert set(Report(tmp_path / "reports" / "ecr").rows) == {HERE}

    def test_replace_an_earlier_report_in_a_folder_that_keeps_its_mode(
        self, play: Play, tmp_path: Path, inventory: dict[str, Any]
    ) -> None:
        folder = tmp_path / "reports" / "ecr"
        folder.mkdir(parents=True, mode=0o750)
        for name in ("html", "csv", "json", "md", "junit.xml"):
            (folder / f"report.{name}").write_text("an earlier one", encoding="utf-8")
        done = play("audit", inventory, "--limit", "declared,localhost", "--diff")
        assert done.code == 0, done.output
        assert set(Report(folder).rows) == {THERE}
        assert modes(folder) == {"ecr": "drwxr-x---", **dict.fromkeys(modes(folder).keys() - {"ecr"}, "-rw-------")}
        assert "an earlier one" not in done.output

    def test_can_be_done_one_after_the_other_and_have_a_folder_each(
        self, aws: EmbeddedAws, tmp_path: Path, inventory: dict[str, Any]
    ) -> None:
        """Two batches of a play, the first with two hosts in one folder, and then another play."""
        hosts = inventory["ecr_registries"]["hosts"]
        hosts["unshared"]["ecr_share_report_dir"] = f"{tmp_path}/other"
        audit = {"ansible.builtin.import_role": {"name": "imageshare.aws.ecr_share", "tasks_from": "audit"}}
        common = {
            "gather_facts": False,
            "connection": "local",
            "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
            "tasks": [audit],
        }
        plays = [{"hosts": "drifted,unshared", "serial": 1, **common}, {"hosts": "declared", **common}]
        (tmp_path / "inventory.yml").write_text(yaml.safe_dump(inventory), encoding="utf-8")
        (tmp_path / "play.yml").write_text(yaml.safe_dump(plays), encoding="utf-8")
        done = ansible(aws, tmp_path, "playbook", "-i", tmp_path / "inventory.yml", tmp_path / "play.yml")
        assert done.code == 0, done.output
        assert set(Report(tmp_path / "reports" / "ecr").rows) == {HERE, THERE}
        assert set(Report(tmp_path / "other").rows) == {OTHERS}


def test_audit_after_a_share_has_the_declared_grants_as_its_managed_shares(
    aws: EmbeddedAws, play: Play, tmp_path: Path
) -> None:
    aws.plant_many({"app": policy(BUILDS), "services/api": policy(allow("push", root(TEAM), Sid="before"))})
    organization = "o-exampleorg1"
    grants: list[dict[str, Any]] = [
        {"principals": [TEAM], "lambda_regions": [REGION]},
        {"principals": [CI], "access": ["pull", "push"], "repositories": ["services/*"]},
        {"principals": [organization]},
        {"principals": [PARTNER], "access": [], "lambda_regions": ["*"]},
    ]
    wanted = {"ecr_share_repositories": ["*"], "ecr_share_grants": grants, "ecr_share_report_dir": f"{tmp_path}/report"}
    inventory = registries(wanted, images={})

    assert play("share", inventory).code == 0
    done = play("audit", inventory, "-e", '{"ecr_share_fail_on": ["drift"]}')

    assert done.code == 0, done.output
    found = Report(tmp_path / "report")
    for name, granted in {"app": [grants[0], *grants[2:]], "services/api": grants}.items():
        managed = {
            (share["principal"], tuple(share["access"]), tuple(share["lambda_regions"]))
            for share in found.rows[HERE][name]["shares"]
            if share["managed"]
        }
        assert managed == {
            (*grant["principals"], tuple(grant.get("access", ["pull"])), tuple(grant.get("lambda_regions", ())))
            for grant in granted
        }
        assert "drift" not in found.rows[HERE][name]
    unmanaged = [share for share in found.rows[HERE]["app"]["shares"] if not share["managed"]]
    assert [share["via_service"] for share in unmanaged] == ["codebuild.amazonaws.com"]


HOSTILE = (
    "{{ 7 * 7 }}",
    "{{ lookup('ansible.builtin.pipe', 'touch owned') }}",
    "{% raw %}{% endraw %}{# note #}",
    "</script><script>window.owned = 1</script><!--",
    "!unsafe &amp; ' \" \\",
    "\u2028\u2029 é 🐳",
    "=HYPERLINK(1)",
)


def test_what_strangers_have_written_is_in_the_report_to_the_letter_and_never_evaluated(
    aws: EmbeddedAws, play: Play, tmp_path: Path
) -> None:
    """In Sids, in principals, in condition keys and in values, with drift and without."""
    statements = [
        {**allow("pull", text, Sid=text), "Condition": {"StringEquals": {text: text}}, "Action": "ecr:BatchGetImage"}
        for text in HOSTILE
    ]
    for number, statement in enumerate(statements):
        aws.plant(f"app/{number}", json.dumps(policy(statement, allow("pull", root(STRANGER)))))
    broken = {"app/half": json.dumps(policy(allow("pull", "\ud800"))), "app/none": "{{ 7 * 7 }} <script>"}
    aws.plant_many(broken)
    inventory = registries(
        sharing(
            ecr_share_repositories=["app/*"], ecr_share_report_dir=f"{tmp_path}/report", ecr_share_purge_grants=True
        ),
        images={},
    )

    done = play("audit", inventory, "-vv", "--diff")

    assert done.code == 2, done.output
    assert "2 of 9 repositories failed" in done.flat
    found = Report(tmp_path / "report")
    rows = found.rows[HERE]
    for number, (text, statement) in enumerate(zip(HOSTILE, statements, strict=True)):
        row = rows[f"app/{number}"]
        assert row["policy"]["Statement"][0] == statement
        (share,) = (share for share in row["shares"] if not share["managed"])
        # What is not printable is shown wherever Ansible may print it. The policy itself is kept to the letter.
        shown = text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
        assert (share["principal"], share["statements"][0]["sid"]) == (shown, shown)
        assert share["conditions"] == [{"operator": "StringEquals", "key": shown, "values": [shown]}]
        assert row["drift"]["missing"] == [TO_TEAM]
        (line,) = (line for line in found.lines if line["repository"] == f"app/{number}" and line["managed"] == "false")
        # A sign that may begin a formula has an apostrophe before it.
        assert line["principal"].replace("'", "") == shown.replace("'", "")
        assert line["principal"].startswith("'") == text.startswith("=")
    for name in broken:
        assert "the policy could not be parsed" in rows[name]["error"]
    assert not set("<>&") & set(found.data)
    assert found.data.isascii()
    assert list(tmp_path.rglob("owned")) == []


class TestWhatCannotBeRead:
    def test_is_in_the_report_with_the_reason_and_fails_the_run_after_that(
        self, aws: EmbeddedAws, play: Play, tmp_path: Path
    ) -> None:
        """One registry cannot be listed, one repository cannot be read, and one role cannot be assumed."""
        aws.plant_many({"app": None, "secret": None})
        aws.plant("app", None, region=OTHER_REGION)
        aws.settings(deny=[{"operation": "DescribeRepositories"}, {"repository": "secret"}])
        inventory = registries(
            {"ecr_share_report_dir": f"{tmp_path}/report"},
            listed=sharing(ecr_share_repositories=["app", "secret"]),
            unlisted={"ecr_share_regions": [OTHER_REGION]},
            strange=sharing(ecr_share_assume_role_arn="no ARN", ecr_share_regions=[REGION, OTHER_REGION]),
            misspelt=sharing(ecr_share_grant=[]),
        )

        done = play("audit", inventory)

        assert done.code == 2
        rows = Report(tmp_path / "report").rows
        assert set(rows) == {HERE, f"unlisted {OTHER_REGION}", f"strange {REGION}", f"strange {OTHER_REGION}"}
        assert rows[HERE]["app"]["shares"] == []
        assert "AccessDeniedException" in rows[HERE]["secret"]["error"]
        errors = {line["repository"]: line["error"] for line in Report(tmp_path / "report").lines}
        assert errors["secret"] == rows[HERE]["secret"]["error"]
        assert "AccessDeniedException" in rows[f"unlisted {OTHER_REGION}"][f"{OTHER_REGION}: all"]["error"]
        assert rows[f"strange {REGION}"][f"{REGION}: app"]["error"].startswith("no ARN: Parameter validation failed")
        for line in (
            "unread            could not be read: secret: could not read the policy (GetRepositoryPolicy): ",
            f"Not looked at: unlisted {OTHER_REGION}: could not be read",
            f"Not looked at: strange {REGION}: could not be read",
            f"Not looked at: strange {OTHER_REGION}: could not be read",
        ):
            assert line in done.output, (line, done.output)
        for host in ("listed", "unlisted", "strange", "misspelt"):
            assert done.recap(host)["failed"] == 1


class TestWithoutGrants:
    def test_all_repositories_are_read_once_and_an_empty_registry_is_no_failure(
        self, aws: EmbeddedAws, play: Play, tmp_path: Path
    ) -> None:
        aws.plant_many({"app": policy(allow("pull", root(TEAM))), "open": policy(allow("pull", "*")), "web": None})
        empty = {"ecr_share_regions": [OTHER_REGION], "ecr_share_report_dir": f"{tmp_path}/report"}
        done = play("audit", registries(images={}, empty=empty))
        assert done.code == 0, done.output
        assert f'"images {ACCOUNT} {REGION}: 3 repositories, 2 principals, 1 finding"' in done.output
        assert f'"public            everyone pull: 1 repository: open (images {ACCOUNT} {REGION}), ' in done.output
        # An empty registry gives no names to go on with: it is listed once more.
        assert aws.calls() == {
            "DescribeRepositories": 3,
            "GetRepositoryPolicy": 3,
            "GetRegistryPolicy": 2,
            "DescribeRepositoryCreationTemplates": 2,
            "GetCallerIdentity": 1,
        }
        found = Report(tmp_path / "report")
        assert (found.all_rows, found.whole["compared"]) == ([], False)

    def test_report_is_on_the_host_that_runs_ansible_whatever_the_inventory_says_of_it(
        self, aws: EmbeddedAws, play: Play, tmp_path: Path
    ) -> None:
        """Whoever names localhost in an inventory has Ansible look for its Python, and log in to it."""
        aws.plant("app", policy(allow("pull", root(TEAM))))
        inventory = {"all": {"hosts": {"localhost": {"ansible_python_interpreter": "/nowhere/python"}}}}
        wanted = {"ecr_share_report_dir": "~/reports"}
        done = play("audit", {**inventory, **registries(wanted, images={})}, "--limit", "images")
        assert done.code == 0, done.output
        assert "[WARNING]" not in done.output
        assert Report(tmp_path / "reports").principals(HERE) == {"app": [TEAM]}

    def test_what_cannot_be_meant_is_refused_before_anything_is_done(
        self, aws: EmbeddedAws, play: Play, tmp_path: Path
    ) -> None:
        (tmp_path / "report").write_text("a file", encoding="utf-8")
        hosts = {
            "drift": sharing(ecr_share_grants=[], ecr_share_fail_on=["drift"]),
            "file": {"ecr_share_report_dir": f"{tmp_path}/report"},
            "relative": {"ecr_share_report_dir": "reports"},
        }
        done = play("audit", registries(**hosts))
        assert done.code == 2
        for said in (
            "ecr_share_grants is empty: name at least one principal",
            f"ecr_share_report_dir: {tmp_path}/report exists and is not a directory",
            "ecr_share_report_dir: reports is not an absolute path",
        ):
            assert said in done.flat
        assert [done.recap(host)["failed"] for host in hosts] == [1, 1, 1]
        assert aws.calls() == {}


MIRROR = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/base/*"
OF_REGISTRY: list[dict[str, Any]] = [
    {**allow("pull", root(PARTNER), Sid="Partner"), "Resource": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/app"},
    {
        "Sid": "Replication",
        "Effect": "Allow",
        "Principal": {"AWS": root(TEAM)},
        "Action": ["ecr:CreateRepository", "ecr:ReplicateImage"],
        "Resource": MIRROR,
    },
    {**{name: value for name, value in BUILDS.items() if name != "Condition"}, "Sid": "Builds", "Resource": "*"},
]


class TestRegistryPolicies:
    """What the registry itself allows, by a policy of its own."""

    @pytest.fixture(autouse=True)
    def inventory(self, aws: EmbeddedAws, tmp_path: Path) -> dict[str, Any]:
        aws.plant_many({"app": policy(allow("push", root(TEAM))), "base/go": None})
        aws.plant_registry_policy({"Version": "2012-10-17", "Statement": OF_REGISTRY})
        return registries({"ecr_share_report_dir": f"{tmp_path}/report"}, images={"ecr_share_regions": [REGION]})

    def test_are_in_the_report_and_count_for_each_repository(
        self, play: Play, tmp_path: Path, inventory: dict[str, Any]
    ) -> None:
        done = play("audit", inventory)

        assert done.code == 0, done.output
        found = Report(tmp_path / "report")
        of_app = {share["principal"]: share for share in found.rows[HERE]["app"]["shares"]}
        assert of_app[PARTNER]["statements"] == [{"policy": "registry", "position": 1, "sid": "Partner"}]
        assert [share["access"] for share in found.rows[HERE]["base/go"]["shares"] if share["principal"] == TEAM] == [
            ["replicate"]
        ]
        registry_policy = found.policies[HERE]
        assert (registry_policy["read"], registry_policy["unscoped_service"]) == (True, True)
        assert registry_policy["policy"]["Statement"][1]["Sid"] == "Replication"
        of_registry = {line["statements"]: line for line in found.lines_of_policies}
        replication = of_registry['registry 2 "Replication"']
        assert (replication["principal"], replication["access"]) == (TEAM, "replicate+create")
        assert (replication["conditional"], replication["conditions"]) == ("false", f'Resource ARN ["{MIRROR}"]')
        lines = {line["principal"]: line for line in found.lines if line["repository"] == "app"}
        assert lines[PARTNER]["statements"] == 'registry 1 "Partner"'
        assert {line["registry_policy_read"] for line in found.lines} == {"true"}
        assert "unscoped_service  codebuild.amazonaws.com" in done.output

    def test_that_cannot_be_read_are_told_and_no_failure(
        self, aws: EmbeddedAws, play: Play, tmp_path: Path, inventory: dict[str, Any]
    ) -> None:
        aws.settings(deny=[{"operation": "GetRegistryPolicy"}])

        done = play("audit", inventory)

        assert done.code == 0, done.output
        assert "the registry policy was not read, and others may get in by it: " in done.flat
        found = Report(tmp_path / "report")
        assert found.principals(HERE) == {"app": [TEAM], "base/go": []}
        assert found.policies[HERE]["read"] is False
        (line,) = found.lines_of_policies
        assert "AccessDeniedException" in line["error"]
        assert (line["registry_policy_read"], line["repository"], line["principal"]) == ("false", "", "")
        assert {line["registry_policy_read"] for line in found.lines} == {"false"}


class TestRepositoriesOfTheInventory:
    def test_are_in_the_report_of_the_registries(self, aws: EmbeddedAws, play: Play, tmp_path: Path) -> None:
        """100 hosts, of which one is a repository of the registry above, too, under another connection."""
        names = [f"services/s{number:03}" for number in range(100)]
        aws.plant_many(dict.fromkeys((*names, "app"), policy(allow("pull", root(STRANGER)))))
        common = {"ecr_share_report_dir": f"{tmp_path}/report"}
        granted = {"ecr_share_grants": [{"principals": [PARTNER]}]}
        of_repositories = repositories({**common, "ecr_share_grants": GRANTS}, **{name: {} for name in names})
        of_registries = registries(
            common, images={"ecr_share_repositories": ["app", names[0]], "ecr_share_regions": [REGION], **granted}
        )

        done = play("audit", {**of_registries, **of_repositories})

        assert done.code == 0, done.output
        # One run for all hosts, whose tasks are few.
        assert done.output.count("TASK [") < MOST_TASKS
        found = Report(tmp_path / "report")
        assert set(found.rows) == {HERE}
        assert set(found.rows[HERE]) == {"app", *names}
        to_partner = {**TO_TEAM, "principal": PARTNER}
        assert found.drift(HERE)["app"] == ([to_partner], [])
        assert found.drift(HERE)[names[0]] == ([to_partner, TO_TEAM], [])
        assert found.drift(HERE)[names[1]] == ([TO_TEAM], [])
        assert aws.calls() == {
            # The hosts that are repositories were listed by their inventory.
            "DescribeRepositories": 1,
            "GetRepositoryPolicy": 2 * (2 + 100),
            "GetRegistryPolicy": 2 * 2,
            "DescribeRepositoryCreationTemplates": 2,
            "GetCallerIdentity": 2,
        }


def test_output_stays_short_however_much_there_is(aws: EmbeddedAws, play: Play, tmp_path: Path) -> None:
    """200 repositories with 20 principals each, all of them not as declared, in tasks of 50."""
    accounts = [root(f"{100000000000 + number}") for number in range(20)]
    aws.plant_many({f"s/{number:03}": policy(allow("pull", *accounts)) for number in range(200)})
    more = {"ecr_share_batch_size": 50, "ecr_share_report_dir": f"{tmp_path}/report"}

    done = play("audit", registries(sharing(ecr_share_repositories=["s/*"], **more), images={}))

    assert done.code == 0, done.output
    found = Report(tmp_path / "report")
    assert len(found.lines) == 4000
    assert set(map(len, found.drift(HERE).values())) == {2}
    assert len(done.output) < 20_000
    assert done.output.count("TASK [") < MOST_TASKS
    assert aws.calls()["GetRepositoryPolicy"] == 2 * 200
