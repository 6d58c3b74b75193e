# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Show the collection at work: the playbook share.yml, four times over the registry of registry.yml, and coming.yml.

The AWS is an embedded one, on this machine. Each step is checked, and the first that does not do what it says ends the
demonstration with exit status 1. The whole output of the playbooks stays in build/demo.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.imageshare.aws.tests.support.embedded_aws import EmbeddedAws

ROOT = Path(__file__).resolve().parent.parent
LOGS = Path("build", "demo")
WIDTH = 110
DIFFS_SHOWN = 1

Policies = Mapping[str, str | None]


class Unexpected(Exception):
    """A step did not do what it says. The message says what."""


@dataclass(frozen=True)
class Seen:
    """What a run of the playbook was seen to do. changes: how many repositories its diff shows."""

    lists: int
    reads: int
    writes: int
    changed: bool
    changes: int


class Demonstration:
    def __init__(self, aws: EmbeddedAws, registry: Mapping[str, Any]) -> None:
        self._aws = aws
        self._unmanaged = {
            name: [registry["unmanaged"][key] for key in keys if key in registry["unmanaged"]]
            for name, keys in registry["repositories"].items()
        }
        self._warned: set[str] = set()
        statements = registry["unmanaged"] | registry["managed"]
        aws.plant_many(
            {
                name: {"Version": "2012-10-17", "Statement": [statements[key] for key in keys]} if keys else None
                for name, keys in registry["repositories"].items()
            }
        )
        self._before = aws.policies()
        aws.plant_registry_policy(registry["registry_policy"])
        for prefix, fields in registry["templates"].items():
            aws.plant_template(prefix, **fields)

    def run(self) -> None:
        say(
            f"An AWS for this demonstration runs at {self._aws.url}. Its registry has {len(self._before)} "
            f"repositories, and {sum(map(bool, self._before.values()))} of them have a policy already. demo/share.yml "
            "shares those in base/ and services/ with an account and its Lambda functions, a CI role and an "
            "organization."
        )
        expected = self._check()
        self._share(expected)
        self._share_again()
        self._unshare()
        self._share_what_is_to_come()

    def _check(self) -> int:
        heading("1. Check.", "Check mode reports each change without making it.")
        seen = self._play("1-check.log", "--check", "--diff")
        expect(seen.changes > 0, "there is something to change")
        expect(seen.writes == 0 and self._aws.policies() == self._before, "check mode writes nothing")
        return seen.changes

    def _share(self, expected: int) -> None:
        heading("2. Share.", "The same without --check. Grants go into the policies that are there, beside the rest.")
        seen = self._play("2-share.log")
        expect(seen.changed and seen.writes == expected, f"{expected} policies are written, as reported before")
        self._prove_kept()

    def _share_again(self) -> None:
        heading("3. Share again.", "What is as it should be is read, and not written.")
        shared = self._aws.policies()
        seen = self._play("3-share-again.log")
        expect(not seen.changed and seen.writes == 0 and self._aws.policies() == shared, "nothing changes")

    def _unshare(self) -> None:
        heading(
            "4. Unshare.",
            "With state: absent, the principals are removed from the statements that the collection manages.",
        )
        seen = self._play("4-unshare.log", "--extra-vars", "state=absent")
        expect(seen.changed and seen.writes > 0, "policies are written")
        self._prove_kept()

    def _share_what_is_to_come(self) -> None:
        heading(
            "5. Share what does not exist yet.",
            "By the policy of the registry, beside what that has for replication, and by a template.",
        )
        name, others = "services/new", statements_of(self._aws.registry_policy())
        templates = self._aws.templates()
        output = self._run("5-to-come.log", "demo/coming.yml")
        expect(" changed=0 " not in output, "the policy of the registry and the template change")
        kept = [one for one in statements_of(self._aws.registry_policy()) if spelling(one) in map(spelling, others)]
        expect(len(kept) == len(others), "the registry's policy keeps the statements of others to the letter")
        for prefix, before in templates.items():
            after = self._aws.templates()[prefix]
            same = {key: value for key, value in after.items() if key != "repositoryPolicy"}
            expect(same == before, f"the template {prefix} keeps every other field: {same}")
        expect(name not in self._aws.policies(), f"{name} does not exist")
        expect(self._aws.create_as_ecr(name, "push"), "a push creates the repository")
        policy = statements_of(self._aws.policies()[name])
        expect([one["Sid"] for one in policy] == ["AllowPull", "AllowOrganizationPull"], f"{name} is shared")
        say(
            f"Then somebody pushes, and ECR creates {name}. Proof: it lets the account and the organization pull at "
            "once, and nobody had to run anything. The template is as immutable as before, and the statement for "
            "replication is there to the letter."
        )

    def _play(self, log: str, *arguments: str) -> Seen:
        """Run the playbook, show an excerpt of what it prints, and what the AWS saw meanwhile."""
        output = self._run(log, "demo/share.yml", *arguments)
        calls = self._aws.calls()
        # The policy of the registry, which the warnings heed.
        once = calls.pop("GetRegistryPolicy", 0)
        seen = Seen(
            lists=calls.pop("DescribeRepositories", 0),
            reads=calls.pop("GetRepositoryPolicy", 0),
            writes=calls.pop("SetRepositoryPolicy", 0) + calls.pop("DeleteRepositoryPolicy", 0),
            changed=" changed=0 " not in output,
            changes=len(diffs(output)),
        )
        expect(not calls, f"no other calls are made: {calls}")
        expect(once == 1, "the policy of the registry is read once")
        each = f"{seen.lists} list, {seen.reads} reads, {seen.writes} writes"
        say(f"AWS saw {each}, and one read of the registry's policy.")
        return seen

    def _run(self, log: str, playbook: str, *arguments: str) -> str:
        """Run a playbook, show an excerpt of what it prints, and return all of it."""
        command = ["ansible-playbook", playbook, *arguments]
        say("$ " + " ".join(command))
        self._aws.reset_calls()
        done = subprocess.run(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        path = LOGS / log
        (ROOT / path).write_text(done.stdout, encoding="utf-8")
        if done.returncode:
            for line in done.stdout.splitlines():
                print(textwrap.shorten(line, 1000) if len(line) > 1000 else line)
            raise Unexpected(f"ansible-playbook ended with {done.returncode}")
        for line in excerpt(done.stdout, path, self._warned):
            show(line)
        return done.stdout

    def _prove_kept(self) -> None:
        """Hold every policy against what was planted, with no help of the collection's own code."""
        after = self._aws.policies()
        for name, statements in self._unmanaged.items():
            spelt = [spelling(statement) for statement in statements]
            kept = [text for text in map(spelling, statements_of(after[name])) if text in spelt]
            expect(kept == spelt, f"{name} keeps every unmanaged statement, to the letter and in place")
        uncovered = [name for name in after if not name.startswith(("base/", "services/"))]
        expect(all(after[name] == self._before[name] for name in uncovered), "the others are untouched")
        read = {name for _operation, name in self._aws.journal()}
        expect(read.isdisjoint(uncovered), "the others are not even read")
        count = sum(map(len, self._unmanaged.values()))
        say(
            f"Proof: all {count} statements of others are there to the letter; the {len(uncovered)} repositories "
            "elsewhere were not even read."
        )


def statements_of(text: str | None) -> list[Any]:
    return json.loads(text)["Statement"] if text else []


def spelling(statement: Mapping[str, Any]) -> str:
    """A statement to the letter, but for the order of its principals, which AWS itself changes at every read."""
    principal = statement["Principal"]
    if isinstance(principal, dict):
        principal = {kind: sorted(named) if isinstance(named, list) else named for kind, named in principal.items()}
    return json.dumps({**statement, "Principal": principal})


def diffs(output: str) -> list[str]:
    """The diffs in what ansible-playbook prints, each up to the empty line after it."""
    return re.findall(r"^--- before: .*?\n\n", output, re.MULTILINE | re.DOTALL)


def excerpt(output: str, log: Path, warned: set[str]) -> Iterable[str]:
    """The lines worth showing: from the first task on, some of the diffs, and each warning once."""
    more = diffs(output)[DIFFS_SHOWN:]
    if more:
        output = output.replace("".join(more), f"... and {len(more)} more diffs like this one, all of them in {log}\n")
    lines = output[output.index("TASK [") : output.index("PLAY RECAP")].splitlines()
    for line in filter(None, lines):
        if line not in warned:
            yield re.sub(r" \*+$", "", line)
        if line.startswith("[WARNING]"):
            warned.add(line)


def heading(title: str, sentence: str) -> None:
    print(f"\n{painted(title, '1')} {sentence}")


def say(text: str) -> None:
    print(textwrap.fill(text, WIDTH))


def show(line: str) -> None:
    colour = {"+": "32", "-": "31", "[": "35"}.get(line[0], "")
    print(painted(textwrap.fill(line, WIDTH, initial_indent="  ", subsequent_indent="    "), colour))


def painted(text: str, colour: str) -> str:
    return f"\033[{colour}m{text}\033[0m" if colour and sys.stdout.isatty() else text


def expect(true: bool, claim: str) -> None:
    if not true:
        raise Unexpected(f"this does not hold: {claim}")


def isolate(home: Path) -> None:
    """Let nothing of the user's settings and credentials reach the processes that start here."""
    configuration = home / "ansible.cfg"
    configuration.touch()
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    os.environ.clear()
    os.environ.update(
        PATH=path,
        HOME=str(home),
        LC_ALL="C.UTF-8",
        ANSIBLE_CONFIG=str(configuration),
        ANSIBLE_HOME=str(home / "ansible"),
        ANSIBLE_LOCALHOST_WARNING="false",
        ANSIBLE_INVENTORY_UNPARSED_WARNING="false",
    )


def main() -> int:
    (ROOT / LOGS).mkdir(parents=True, exist_ok=True)
    registry = yaml.safe_load((ROOT / "demo" / "registry.yml").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as home:
        isolate(Path(home))
        with EmbeddedAws() as aws:
            os.environ.update(aws.environment())
            try:
                Demonstration(aws, registry).run()
            except Unexpected as error:
                print(f"\nThe demonstration failed: {error}.\nThe output is in {LOGS}.", file=sys.stderr)
                return 1
    heading("Where to go next:", "docs/getting-started.md has a playbook of your own. docs/index.md lists all pages.")
    say("demo/share.yml and coming.yml are the playbooks, registry.yml holds what they met, build/demo all output.")
    say("To see every option: .venv/bin/ansible-doc imageshare.aws.ecr_share_policy. To run every check: make test.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
