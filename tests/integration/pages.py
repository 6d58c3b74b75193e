# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pages of docs/ as what they tell a reader to do, and the registries in which the reader does it.

A page is read from the top to the bottom, as a reader would:

- A block of YAML whose first line names a file is written into that file.
- A block of YAML that is a play or a list of tasks is played.
- A block of shell is run, line by line. Blocks of other languages, such as what belongs to other tools, are not.
- A block of text is what is printed. Each of its lines must be in the output of what was run before it. An ellipsis
  stands for what is left out, and a time for any other. Where it shows C(FAILED!), the run must fail, and only there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.imageshare.aws.tests.integration.inventories import OTHER_ACCOUNT
from ansible_collections.imageshare.aws.tests.integration.statements import (
    DELETED_ROLE,
    PARTNER,
    STRANGER,
    TEAM,
    allow,
    allow_organization,
    policy,
    root,
)
from ansible_collections.imageshare.aws.tests.support.embedded_aws import ACCOUNT, EmbeddedAws

FOLDER = Path(__file__).resolve().parents[2] / "docs"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# ((?:[\w.-]+/)*[\w-]+\.ya?ml)\n")
_TIME = re.compile(r"\d{8}T\d{6}Z|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")

_PULL = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
_BY_HAND = {
    "Sid": "CrossAccountPull",
    "Effect": "Allow",
    "Principal": {"AWS": [root(TEAM), root(PARTNER)]},
    "Action": [*_PULL, "ecr:DescribeImages"],
}
_CONTRACTOR = {
    "Sid": "contractor",
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{STRANGER}:role/deploy"},
    "Action": [*_PULL, "ecr:PutImage", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload"],
}
_EVERYONE = {"Sid": "demo", "Effect": "Allow", "Principal": "*", "Action": _PULL}
# What is there before anybody has heard of this collection, by the account that owns it.
REGISTRIES: Mapping[str, Mapping[str, Any]] = {
    ACCOUNT: {
        "base/node": policy(allow_organization("pull", "o-exampleorg1")),
        "base/python": policy(allow_organization("pull", "o-exampleorg1")),
        "services/api": policy(_BY_HAND, allow("pull", root(STRANGER))),
        "services/web": policy(_BY_HAND, _CONTRACTOR),
        "tools/demo": policy(_EVERYONE),
    },
    OTHER_ACCOUNT: {
        "base/python": policy(allow_organization("pull", "o-exampleorg1")),
        "services/api": policy(_BY_HAND),
        "services/web": None,
        "tools/old": policy(allow("pull", DELETED_ROLE)),
    },
}


@dataclass(frozen=True)
class Block:
    """A part of a page. language: C(yaml), C(shell), C(text) and so on."""

    language: str
    text: str

    @property
    def file(self) -> str | None:
        """The file that it is, if it names one."""
        named = _FILE.match(self.text)
        return named[1] if named and self.language == "yaml" else None

    @property
    def commands(self) -> list[str]:
        """Its lines, those together that a backslash joins."""
        return self.text.replace("\\\n", " ").splitlines() if self.language == "shell" else []


def read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def blocks(page: str) -> list[Block]:
    return [Block(language, text) for language, text in _BLOCK.findall(page)]


def plant(aws: EmbeddedAws) -> None:
    """Make the registries of the reader."""
    for account, policies in REGISTRIES.items():
        aws.plant_many(policies, account)


def plant_what_is_to_come(aws: EmbeddedAws) -> None:
    """Give both registries a creation template, and one of them a policy for replication."""
    for account in REGISTRIES:
        aws.plant_template("services", account=account)
    resource = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/mirror/*"
    replication = {"Sid": "Replication", "Effect": "Allow", "Principal": {"AWS": root(OTHER_ACCOUNT)}}
    actions = ["ecr:ReplicateImage", "ecr:CreateRepository"]
    aws.plant_registry_policy(policy({**replication, "Action": actions, "Resource": resource}))


def not_printed(shown: str, output: str) -> Iterator[str]:
    """Yield the lines of a block of text that are not in an output."""
    printed = [_normal(line) for line in output.splitlines()]
    for line in map(_normal, shown.splitlines()):
        parts = [part for part in map(str.strip, line.split("…")) if part]
        wanted = re.compile(".*".join(map(re.escape, parts)))
        if not any(wanted.search(one) for one in printed):
            yield line


def _normal(line: str) -> str:
    """A line as a person reads it: without what JSON adds, which Ansible prints lists as."""
    read_ = line.strip().removesuffix(",")
    if read_.startswith('"') and read_.endswith('"'):
        read_ = read_[1:-1]
    return _TIME.sub("TIME", " ".join(read_.replace('\\"', '"').replace("\\\\", "\\").split()))
