# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""C(make acceptance) does what docs/acceptance.md says, with the embedded AWS in the place of the real one."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.imageshare.aws.tests.acceptance.belongings import FAMILY
from ansible_collections.imageshare.aws.tests.acceptance.embedded import (
    CONSUMER,
    OWNER,
    PROFILE,
    consumer,
    variables,
)
from ansible_collections.imageshare.aws.tests.acceptance.report import EXPECTED
from ansible_collections.imageshare.aws.tests.acceptance.run import KINDS, parser
from ansible_collections.imageshare.aws.tests.integration.statements import allow, policy, root
from ansible_collections.imageshare.aws.tests.support import warm_python
from ansible_collections.imageshare.aws.tests.support.embedded_aws import REGION, SECRET_KEY, EmbeddedAws
from ansible_collections.imageshare.aws.tests.support.waiting import until

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "acceptance.md").read_text(encoding="utf-8")
ACCEPTANCE = "ansible_collections.imageshare.aws.tests.acceptance.run"
REPLICATION = {
    **allow("pull", root("444455556666"), Sid="Replication"),
    "Action": ["ecr:ReplicateImage", "ecr:CreateRepository"],
    "Resource": f"arn:aws:ecr:us-east-1:{OWNER}:repository/*",
}
OF_OTHERS = {"Version": "2012-10-17", "Statement": [REPLICATION]}
# Reading, which is all that a run does that refuses.
HARMLESS = re.compile("GetCallerIdentity|Get|List|Describe")
# What AWS asks for beside the action of an operation.
PUSH = {"BatchCheckLayerAvailability", "CompleteLayerUpload", "InitiateLayerUpload", "PutImage", "UploadLayerPart"}
BESIDE = {*(f"ecr:{name}" for name in PUSH), "ecr:PutLifecyclePolicy", "ecr:TagResource", "iam:PassRole", "iam:TagRole"}
# Where there is something left of an earlier run, and no policy of others.
ELSEWHERE = {"ecr:DeleteRegistryPolicy", "ecr:ListTagsForResource"}
# Its operations are in the paths of requests, where nobody looks.
OF_LAMBDA = {"lambda:CreateFunction", "lambda:DeleteFunction", "lambda:ListFunctions"}
# Those of the test, and what needs no permission or none of this account.
OF_NOBODY = {"lambda:", "organizations:CreateOrganization", "sts:AssumeRole", "sts:GetCallerIdentity"}


@dataclass
class Acceptance:
    """The acceptance, and an AWS with two accounts, in which others have things."""

    aws: EmbeddedAws
    environment: dict[str, str]
    output: Path
    code: int = -1
    printed: str = ""

    def run(self, *arguments: str, **environment: str | None) -> Acceptance:
        done = warm_python.run(
            ACCEPTANCE, self.arguments(*arguments), self.variables(environment), timeout=600, merge=True
        )
        self.code, self.printed = done.returncode, done.stdout
        assert "Traceback" not in self.printed, self.printed
        assert SECRET_KEY not in self.printed
        return self

    @contextmanager
    def started(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """One that has begun; it heeds signals, whatever the tests were started to ignore."""
        with subprocess.Popen(
            [sys.executable, "-m", ACCEPTANCE, *self.arguments(*arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.variables({}),
            start_new_session=True,
            preexec_fn=_heed_signals,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def arguments(self, *arguments: str) -> list[str]:
        own = ["--patience", "0", "--output", str(self.output)]
        return [*own, *([] if "--account" in arguments else ["--account", OWNER]), *arguments]

    def variables(self, changes: dict[str, Any]) -> dict[str, str]:
        found = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": os.devnull, **self.environment, **changes}
        return {name: value for name, value in found.items() if value is not None}

    @property
    def report(self) -> Any:
        return json.loads((self.output / "report.json").read_text(encoding="utf-8"))

    @property
    def verdicts(self) -> dict[tuple[str, str], str]:
        return {(one["probe"], one["question"]): one["verdict"] for one in self.report["findings"]}

    def left(self) -> set[str]:
        """All that is there of the acceptance."""
        iam, ecr = self.aws.client("iam"), self.aws.client()
        roles = [one["RoleName"] for one in iam.list_roles()["Roles"]]
        functions = consumer(self.aws, "lambda").list_functions()["Functions"]
        theirs = [one["RoleName"] for one in consumer(self.aws, "iam").list_roles()["Roles"]]
        repositories = [one["repositoryName"] for one in ecr.describe_repositories()["repositories"]]
        names = {*roles, *theirs, *repositories, *self.aws.templates(), *(one["FunctionName"] for one in functions)}
        assert {"app", "theirs", "of-others"} <= names
        return names - {"app", "theirs", "of-others"}


def _heed_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture
def acceptance(aws: EmbeddedAws, tmp_path: Path) -> Acceptance:
    environment = variables(aws, tmp_path)
    aws.plant("app", policy(allow("pull", root("444455556666"), Sid="Others")))
    aws.plant_template("theirs")
    aws.client("iam").create_role(RoleName="of-others", AssumeRolePolicyDocument="{}")
    return Acceptance(aws, environment, tmp_path / "output")


def registry_policy(acceptance: Acceptance) -> Any:
    return json.loads(acceptance.aws.registry_policy() or "null")


def test_all_of_it_gets_the_answers_that_are_held_as_data_and_leaves_nothing(acceptance: Acceptance) -> None:
    acceptance.aws.client().put_registry_policy(policyText=json.dumps(OF_OTHERS))
    others = acceptance.aws.policies(), acceptance.aws.templates(), acceptance.aws.registry_policy()

    acceptance.run("--also", *KINDS, "--registry-of-others", "--consumer-profile", PROFILE)

    assert acceptance.code == 0, acceptance.printed
    report = acceptance.report
    asked = {(probe, question) for probe, of in json.loads(EXPECTED.read_text()).items() for question in of}
    assert acceptance.verdicts == dict.fromkeys(asked, "same")
    assert report["not_tried"] == {}
    assert {how for done in report["modules"].values() for how in done.values()} == {"as it should be"}
    assert acceptance.left() == set()
    assert (acceptance.aws.policies(), acceptance.aws.templates(), acceptance.aws.registry_policy()) == others
    page = (acceptance.output / "report.md").read_text(encoding="utf-8")
    assert not {OWNER, CONSUMER} & set(re.findall(r"\d{12}", json.dumps(report) + page))
    assert sorted(path.name for path in acceptance.output.iterdir()) == ["report.json", "report.md"]
    shown = {action for text in blocks("json") for one in json.loads(text)["Statement"] for action in one["Action"]}
    assert shown == acceptance.aws.actions() - OF_NOBODY | BESIDE | ELSEWHERE | OF_LAMBDA


class TestRefusals:
    """Nothing is done, and the exit status says so."""

    @pytest.mark.parametrize(
        ("arguments", "environment", "said"),
        [
            pytest.param(
                (),
                {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None, "AWS_CONFIG_FILE": os.devnull},
                "No credentials were found",
                id="no credentials",
            ),
            pytest.param((), {"AWS_REGION": None, "AWS_DEFAULT_REGION": None}, "No region was found", id="no region"),
            pytest.param(("--account", ""), {}, f"are of account {OWNER}, and no ACCOUNT was given", id="no account"),
            pytest.param(("--account", CONSUMER), {}, f"and ACCOUNT={CONSUMER} was given", id="another account"),
            pytest.param(("--profile", "none"), {}, "The config profile (none) could not be found", id="no profile"),
            pytest.param(("--consumer-profile", "none"), {}, "The second account cannot be used", id="no second one"),
            pytest.param(
                ("--account", CONSUMER, "--profile", PROFILE, "--consumer-profile", PROFILE),
                {},
                f"Both profiles are of account {CONSUMER}",
                id="one account twice",
            ),
            pytest.param(("--also", "registry"), {}, "This registry has a policy already", id="a policy of others"),
        ],
    )
    def test_it_says_why_and_what_it_needs(
        self, acceptance: Acceptance, arguments: tuple[str, ...], environment: dict[str, str | None], said: str
    ) -> None:
        acceptance.aws.plant_registry_policy(OF_OTHERS)
        acceptance.aws.reset_calls()
        acceptance.run(*arguments, **environment)
        assert acceptance.code == 2
        assert said in acceptance.printed
        assert "It needs:" in acceptance.printed
        assert [call for call in acceptance.aws.calls() if not HARMLESS.match(call)] == []
        assert not acceptance.output.exists()


@pytest.mark.parametrize("other", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_the_region_is_in_one_variable_or_in_the_other(acceptance: Acceptance, other: str) -> None:
    acceptance.run("--clean", **{other: None})
    assert acceptance.code == 0, acceptance.printed
    assert acceptance.printed == f"Nothing is left of earlier runs in account {OWNER}, {REGION}.\n"


class TestParts:
    def test_without_a_second_account_and_without_options_the_rest_is_not_tried(self, acceptance: Acceptance) -> None:
        only = ("rewriting", "pull_by_registry_policy", "template_update", "lambda_pull", "module_shares")
        acceptance.run("--also", "lambda", "--only", *only)
        assert acceptance.code == 0, acceptance.printed
        report = acceptance.report
        assert {probe for probe, _question in acceptance.verdicts} == {"rewriting"}
        assert set(acceptance.verdicts.values()) == {"same"}
        assert report["not_tried"]["pull_by_registry_policy"] == "there is no second account, not asked for: registry"
        assert report["not_tried"]["lambda_pull"] == "there is no second account"
        assert report["not_tried"]["template_update"] == "not asked for: templates"
        assert report["not_tried"]["refusals"] == "left out"
        assert set(report["modules"]) == {"module_shares"}
        assert acceptance.left() == set()
        assert {"PutRegistryPolicy", "CreateRepositoryCreationTemplate"}.isdisjoint(acceptance.aws.calls())

    def test_an_aws_that_differs_is_told_and_is_no_failure(self, acceptance: Acceptance) -> None:
        acceptance.aws.settings(resets_mutability=False)
        acceptance.run("--also", "templates", "--only", "template_update")
        assert acceptance.code == 0, acceptance.printed
        differs = [question for (_probe, question), verdict in acceptance.verdicts.items() if verdict == "differs"]
        assert differs == ["imageTagMutability, left out of an update"]
        page = (acceptance.output / "report.md").read_text(encoding="utf-8")
        assert "| `template_update` | `imageTagMutability, left out of an update` | `IMMUTABLE` | `MUTABLE` |" in page

    def test_a_module_that_does_not_do_what_it_must_is_a_failure(self, acceptance: Acceptance) -> None:
        # To the module it is as if AWS put another statement into each policy that it gets.
        meddling = {"after": "SetRepositoryPolicy", "repository": "*/modules/share", "times": 99}
        acceptance.aws.settings(others=[{**meddling, "statement": allow("push", root("444455556666"), Sid="Theirs")}])
        acceptance.run("--only", "module_shares")
        assert acceptance.code == 1
        done = acceptance.report["modules"]["module_shares"]
        assert done["sharing again changes nothing"] == "as it should be"
        assert done["the module succeeds"].startswith("WRONG: ecr_share_policy_restore failed: ")
        assert "module_shares: the module succeeds: WRONG: ecr_share_policy_restore failed: " in acceptance.printed
        assert acceptance.left() == set()

    def test_what_the_credentials_may_not_do_is_not_tried(self, acceptance: Acceptance) -> None:
        acceptance.aws.settings(deny=[{"operation": "SetRepositoryPolicy", "repository": "*/rewriting"}])
        acceptance.run("--only", "rewriting", "refusals")
        assert acceptance.code == 0, acceptance.printed
        assert "AccessDeniedException" in acceptance.report["not_tried"]["rewriting"]
        assert {probe for probe, _question in acceptance.verdicts} == {"refusals"}

    def test_the_older_scope_of_a_registry_is_left_alone(self, acceptance: Acceptance) -> None:
        acceptance.aws.settings(registry_policy_scope="V1")
        acceptance.run("--also", "scope", "--only", "registry_scope", "older_scope")
        assert acceptance.code == 0, acceptance.printed
        assert acceptance.verdicts == {("registry_scope", "scope"): "differs"}
        assert acceptance.report["not_tried"]["older_scope"] == "the scope is V1, and might not come back"
        assert "PutAccountSetting" not in acceptance.aws.calls()

    def test_who_may_not_even_begin_is_told(self, acceptance: Acceptance) -> None:
        acceptance.aws.settings(deny=[{"operation": "CreateRepository"}])
        acceptance.run()
        assert acceptance.code == 1
        assert "AWS said AccessDeniedException" in acceptance.printed
        assert acceptance.left() == set()


SLOW = ("--also", "registry", "roles", "templates", "--registry-of-others")


class TestInterruptions:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_who_is_interrupted_cleans_up(self, acceptance: Acceptance, number: signal.Signals) -> None:
        acceptance.aws.client().put_registry_policy(policyText=json.dumps(OF_OTHERS))
        before = acceptance.aws.registry_policy()
        # Slow enough for the signal to arrive in the middle, however busy the machine is.
        acceptance.aws.settings(latency=0.1)
        with acceptance.started(*SLOW, "--only", "new_principal", "registry_policy", "template_update") as process:
            until(lambda: acceptance.aws.calls().get("PutRegistryPolicy", 0) > 2)
            process.send_signal(number)
            acceptance.aws.settings(latency=0.5)
            # Somebody without patience.
            until(lambda: acceptance.aws.calls().get("DeleteRepository", 0) > 0)
            process.send_signal(number)
            assert process.stdout
            printed = process.stdout.read()
            assert process.wait(timeout=60) == 128 + number
        assert "Traceback" not in printed
        assert "Cleaning up; that ends by itself." in printed
        assert acceptance.left() == set()
        assert acceptance.aws.registry_policy() == before
        assert acceptance.report["ended_by"] == number.name
        assert "new_principal" in {probe for probe, _question in acceptance.verdicts}

    @pytest.mark.parametrize("forgotten", [False, True], ids=["the saved policy is there", "it is gone"])
    def test_what_a_run_that_is_killed_leaves_the_next_one_finds(self, acceptance: Acceptance, forgotten: bool) -> None:
        acceptance.aws.client().put_registry_policy(policyText=json.dumps(OF_OTHERS))
        acceptance.aws.settings(latency=0.1)
        only = ("template_update", "new_principal", "registry_policy")
        with acceptance.started(*SLOW, "--only", *only) as process:
            until(lambda: acceptance.aws.calls().get("PutRegistryPolicy", 0) > 2)
            process.kill()
            process.wait(timeout=60)
        acceptance.aws.settings(latency=0)
        left = acceptance.left()
        (prefix,) = {re.split("-new|/", name)[0] for name in left}
        assert f"{prefix}-new" in left
        if forgotten:
            acceptance.output = acceptance.output / "another"

        acceptance.run("--only", "registry_scope")
        assert f"{prefix} is there, of a run that goes on or was killed" in acceptance.printed
        assert acceptance.left() == left

        acceptance.run("--clean")
        assert acceptance.code == 0, acceptance.printed
        assert acceptance.left() == set()
        assert registry_policy(acceptance)["Statement"][0]["Sid"] == "Replication"
        assert len(registry_policy(acceptance)["Statement"]) == 1

        acceptance.run("--clean")
        assert acceptance.code == 0
        assert "Nothing is left" in acceptance.printed

    def test_what_others_have_changed_meanwhile_is_kept(self, acceptance: Acceptance) -> None:
        rule = {"after": "GetAccountSetting", "registry": True, "times": 1}
        theirs = {**REPLICATION, "Sid": "Later"}
        acceptance.aws.settings(others=[{**rule, "statement": theirs}])
        acceptance.run("--also", "registry", "--only", "registry_scope", "registry_policy")
        assert acceptance.code == 0, acceptance.printed
        assert "others have changed it meanwhile, which is kept" in acceptance.printed
        assert [one["Sid"] for one in registry_policy(acceptance)["Statement"]] == ["Later"]

    def test_what_cannot_be_taken_away_is_told_and_found_again(self, acceptance: Acceptance) -> None:
        acceptance.aws.settings(deny=[{"operation": "DeleteRepository", "repository": "*/rewriting"}])
        acceptance.run("--only", "rewriting")
        assert acceptance.code == 1
        assert "LEFT BEHIND: repository imageshare-acceptance-" in acceptance.printed
        assert len(acceptance.report["left"]) == 1
        assert len(acceptance.left()) == 2
        acceptance.aws.settings(deny=[])
        acceptance.run("--clean")
        assert acceptance.code == 0
        assert acceptance.left() == set()

    def test_functions_are_taken_away_with_the_credentials_of_their_account(self, acceptance: Acceptance) -> None:
        prefix = f"{FAMILY}-0123abcd"
        tags = {FAMILY: "lambda", f"{FAMILY}-consumer": CONSUMER}
        acceptance.aws.client().create_repository(
            repositoryName=f"{prefix}/run", tags=[{"Key": key, "Value": value} for key, value in tags.items()]
        )
        consumer(acceptance.aws, "iam").create_role(
            RoleName=f"{prefix}-lambda", Path=f"/{prefix}/", AssumeRolePolicyDocument="{}"
        )
        acceptance.run("--clean")
        assert acceptance.code == 1
        assert f"functions and a role in account {CONSUMER}: give its --consumer-profile" in acceptance.printed
        assert acceptance.left() == {f"{prefix}/run", f"{prefix}-lambda"}
        acceptance.run("--clean", "--consumer-profile", PROFILE)
        assert acceptance.code == 0, acceptance.printed
        assert acceptance.left() == set()

    def test_a_policy_of_others_that_aws_would_refuse_stays(self, acceptance: Acceptance) -> None:
        dead = {**REPLICATION, "Principal": {"AWS": "AROAEXAMPLEEXAMPLEEXA"}}
        acceptance.aws.plant_registry_policy({**OF_OTHERS, "Statement": [dead]})
        before = acceptance.aws.registry_policy()
        acceptance.run("--also", "registry", "--registry-of-others", "--only", "registry_policy")
        assert acceptance.code == 0, acceptance.printed
        assert "Invalid registry policy provided" in acceptance.report["not_tried"]["registry_policy"]
        assert acceptance.aws.registry_policy() == before

    def test_what_has_no_tag_of_a_run_is_somebody_elses(self, acceptance: Acceptance) -> None:
        name = f"{FAMILY}-00000000/run"
        acceptance.aws.client().create_repository(repositoryName=name)
        acceptance.run("--clean")
        assert acceptance.left() == {name}


def test_make_leads_to_the_account_of_whoever_runs_it(acceptance: Acceptance) -> None:
    own = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    command = ["make", "--old-file=test-environment", "acceptance", f"ACCOUNT={CONSUMER}"]
    variables = {**acceptance.variables({}), "PATH": own}
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"The credentials are of account {OWNER}, and ACCOUNT={CONSUMER} was given." in done.stdout


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_commands_of_the_page_have_options_that_there_are() -> None:
    commands = [shlex.split(line) for text in blocks("shell") for line in text.splitlines()]
    assert len(commands) > 3
    for command in commands:
        given = dict(word.split("=", 1) for word in command if re.match("[A-Z_]+=", word))
        assert command[:2] == ["make", "acceptance"]
        parser().parse_args(shlex.split(given.get("ARGUMENTS", "")))
    options = {name for action in parser()._actions for name in action.option_strings if name.startswith("--")}
    assert {name for name in options - {"--help", "--account"} if f"`{name}" not in PAGE} == set()


def test_page_says_that_nobody_had_an_account() -> None:
    assert "**Nobody had an account yet.**" in PAGE
