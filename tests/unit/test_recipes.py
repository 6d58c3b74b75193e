# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The recipes of CONTRIBUTING.md do what they say: each is carried out in a copy of the collection.

A recipe is a section with blocks of ``diff``. The first line of a block names a file, and the others are lines of it
that are kept, taken out and put in. They must be there exactly once.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SECTIONS = re.split(r"^### ", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
RECIPES = {
    section.partition("\n")[0]: re.findall(r"^```diff\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    for section in SECTIONS
    if "```diff" in section
}

# Of each recipe, what is so afterwards. It is run in the copy, and fails if it is not.
PROOFS = {
    "Add a capability": """
        from {utils}._iam.principals import read_principal
        from {utils}._role.cells import LEVELS
        from {utils}._runs.options import GRANT_OPTIONS
        from {utils}._sharing.consumer_policy import consumer_policy
        from {utils}._sharing.grants import Grant
        from {utils}._sharing.managed_statements import ManagedStatements
        from {utils}._sharing.merge import share

        grant = Grant(read_principal("111122223333", "aws"), frozenset({{"pull", "scan"}}))
        policy = share(None, [grant], managed=ManagedStatements("aws"), registry_id="123456789012").policy
        actions = {{statement["Sid"]: statement["Action"] for statement in policy["Statement"]}}
        scan = ["ecr:DescribeImageScanFindings", "ecr:StartImageScan"]
        assert actions.keys() == {{"AllowPull", "AllowScan"}} and actions["AllowScan"] == scan, actions
        assert "scan" in GRANT_OPTIONS["access"]["choices"]
        asked = consumer_policy(grant, ["arn:aws:ecr:us-east-1:123456789012:repository/app"])["Statement"][-1]
        assert asked["Sid"] == "PullAndScan" and set(scan) < set(asked["Action"]), asked
        assert "scan" in {{level.name for level in LEVELS}}
    """,
    "Add a set of actions": """
        from {utils}._iam.principals import read_principal
        from {utils}._sharing.grants import Grant
        from {utils}._sharing.managed_statements import ManagedStatements
        from {utils}._sharing.merge import share

        managed = ManagedStatements("aws")
        upload = ["BatchCheckLayerAvailability", "PutImage", "InitiateLayerUpload", "UploadLayerPart"]
        upload = [f"ecr:{{name}}" for name in [*upload, "CompleteLayerUpload", "BatchGetImage"]]
        roots = [f"arn:aws:iam::{{account}}:root" for account in ("111122223333", "444455556666")]
        allow = {{"Sid": "AllowPush", "Effect": "Allow", "Principal": {{"AWS": roots}}, "Action": upload}}
        before = {{"Version": "2012-10-17", "Statement": [allow]}}
        grant = Grant(read_principal("111122223333", "aws"), frozenset({{"push"}}))
        merged = share(before, [grant], managed=managed, registry_id="123456789012")
        old, new = merged.policy["Statement"]
        assert (old["Action"], old["Principal"]) == (upload, {{"AWS": roots[1]}}), old
        assert (new["Action"], new["Principal"]) == ([*upload, "ecr:DescribeImages"], {{"AWS": roots[0]}}), new
        assert not share(merged.policy, [grant], managed=managed, registry_id="123456789012").changed
    """,
    "Retry an error of AWS": """
        from botocore.exceptions import ClientError
        from {utils}._aws.errors import GET_REPOSITORY_POLICY
        from {utils}._aws.retries import CircuitBreaker, RetryPolicy

        class Client:
            tries = 0

            def get_repository_policy(self):
                self.tries += 1
                if self.tries < 4:
                    raise ClientError({{"Error": {{"Code": "SlowDown", "Message": "Later."}}}}, "GetRepositoryPolicy")
                return {{"policyText": "text"}}

        client, now = Client(), [0.0]

        def sleep(seconds):
            now[0] += seconds

        retries = RetryPolicy(breaker=CircuitBreaker(clock=lambda: now[0], sleep=sleep))
        answer = retries.run(lambda: GET_REPOSITORY_POLICY.send(client, {{}}))
        assert (answer, client.tries) == ({{"policyText": "text"}}, 4), (answer, client.tries)
    """,
    "Call another operation": """
        from types import SimpleNamespace
        from {utils}._aws.errors import DESCRIBE_REGISTRY
        from {utils}._aws.registry import Registry
        from {utils}._registry import EcrError

        asked = []

        class Client:
            meta = SimpleNamespace(partition="aws", region_name="us-east-1", config=SimpleNamespace(retries=None))

            def describe_registry(self, **parameters):
                asked.append(parameters)
                return {{"replicationConfiguration": {{"rules": []}}}} if len(asked) == 1 else {{}}

        registry = Registry(Client(), lambda: None)
        assert registry.replication() == {{"rules": []}}
        try:
            DESCRIBE_REGISTRY.send(Client(), {{}})
        except EcrError as error:
            assert "could not read the replication (DescribeRegistry)" in str(error), error
        assert asked == [{{}}, {{}}], asked
    """,
    "Warn of something": """
        from {utils}._errors import SUMMARIES, RepositoryContext
        from {utils}._evaluation.evaluator import PolicyEvaluator
        from {utils}._evaluation.policy_warnings import sharing_warnings

        allow = {{"Effect": "Allow", "Principal": {{"AWS": "111122223333"}}, "Action": "ecr:BatchGetImage"}}
        policy = PolicyEvaluator("aws", "123456789012").parse({{"Statement": [{{"Sid": "a", **allow}}, allow]}})
        warnings = sharing_warnings(policy, (), RepositoryContext("app", "us-east-1", "123456789012"))
        told = [(warning.kind, warning.message, warning.certain) for warning in warnings]
        assert told == [("statement_without_sid", "app: statement 2 has no Sid", True)], told
        assert "statement_without_sid" in SUMMARIES
    """,
    "Return another value": """
        from types import SimpleNamespace
        from {utils}._iam.principals import read_principal
        from {utils}._registry import StoredPolicy
        from {utils}._runs.policy_writes import planned
        from {utils}._sharing.grants import Grant
        from {utils}._sharing.managed_statements import ManagedStatements
        from {utils}._sharing.merge import share

        grant = Grant(read_principal("111122223333", "aws"), lambda_regions=("us-east-1",))
        merged = share(None, [grant], managed=ManagedStatements("aws"), registry_id="123456789012")
        target, options = SimpleNamespace(label="app"), SimpleNamespace(diff=False, include_policy=False)
        plan = planned(target, StoredPolicy(None, None), None, merged, tuple, options, "aws", lambda: None)
        result = plan.result
        row = result.to_dict(include_policy=False)
        assert row["statements"] == 2, row
    """,
}


def carry_out(block: str, plugins: Path) -> None:
    """Change the file that a block of a recipe names."""
    named, _newline, changes = block.partition("\n")
    path = plugins / named.removeprefix("--- plugins/")
    lines = changes.splitlines(keepends=True)
    assert {line[0] for line in lines} <= {" ", "-", "+", "\n"}, "every line is kept, taken out or put in"
    before, after = ("".join(line[1:] or line for line in lines if line[0] != other) for other in "+-")
    text = path.read_text(encoding="utf-8")
    assert text.count(before) == 1, f"{named} has these lines once:\n{before}"
    path.write_text(text.replace(before, after), encoding="utf-8")


@pytest.fixture
def copied(tmp_path: Path) -> Callable[[str], subprocess.CompletedProcess[str]]:
    """A copy of the plugins in which a recipe is carried out, and then what runs a program there."""
    plugins = tmp_path / "ansible_collections" / "imageshare" / "aws" / "plugins"
    shutil.copytree(ROOT / "plugins", plugins, ignore=shutil.ignore_patterns("__pycache__"))

    def run(recipe: str) -> subprocess.CompletedProcess[str]:
        for block in RECIPES[recipe]:
            carry_out(block, plugins)
        margin = re.compile(r"^        ", re.MULTILINE)
        program = margin.sub("", PROOFS[recipe]).format(utils="ansible_collections.imageshare.aws.plugins.module_utils")
        return subprocess.run(
            [sys.executable, "-c", program],
            cwd=tmp_path,
            env={"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def test_every_recipe_has_a_proof() -> None:
    assert RECIPES.keys() == PROOFS.keys()


@pytest.mark.parametrize("recipe", PROOFS)
def test_a_recipe_does_what_it_says(recipe: str, copied: Callable[[str], subprocess.CompletedProcess[str]]) -> None:
    done = copied(recipe)
    assert done.returncode == 0, done.stderr
