# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""README.md, pages with single tasks, and CONTRIBUTING.md hold true: examples run, and what is named exists."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.imageshare.aws.plugins.module_utils._errors import SUMMARIES
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.managed_statements import NEWEST, ORGANIZATIONS
from ansible_collections.imageshare.aws.tests.integration import pages
from ansible_collections.imageshare.aws.tests.integration.inventories import plant_registries
from ansible_collections.imageshare.aws.tests.integration.statements import allow, policy, root
from ansible_collections.imageshare.aws.tests.support.ansible_process import Done, ansible
from ansible_collections.imageshare.aws.tests.support.embedded_aws import EmbeddedAws
from ansible_collections.imageshare.aws.tests.support.module_process import run_inventory

ROOT = Path(__file__).resolve().parents[2]
HOME = "https://github.com/imageshare/imageshare.aws"
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
# They show what to write, one by one. Those that a reader goes through from the top to the bottom are in test_pages.py.
REGISTRIES_PAGE, REPORT_PAGE = (pages.read(name) for name in ("accounts-and-regions.md", "report.md"))
GRANTS_PAGE, WARNINGS_PAGE, PERMISSIONS_PAGE = (
    pages.read(name) for name in ("grants.md", "warnings.md", "permissions.md")
)
OTHERS = (pages.read(name) for name in ("many-repositories.md", "backups.md"))
SHOWING = "".join((README, *OTHERS, REGISTRIES_PAGE, REPORT_PAGE, GRANTS_PAGE, WARNINGS_PAGE, PERMISSIONS_PAGE))
# Every example changes this: it grants something else to the account that examples name, and something to a stranger.
PLANTED = policy(allow("old push", root("111122223333"), root("777788889999"), Sid="Uploads"), Version="2012-10-17")


def blocks(document: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", document, re.MULTILINE | re.DOTALL)


def values(node: Any, key: str) -> Iterator[Any]:
    """What a key holds, wherever it occurs."""
    members = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, member in members:
        if name == key:
            yield member
        yield from values(member, key)


YAML = [yaml.safe_load(text) for text in blocks(SHOWING, "yaml")]
INVENTORIES = [example for example in YAML if "plugin" in example]
(REGISTRIES,) = (example for example in YAML if "ecr_registries" in example)
READING = [example for example in YAML if "ecr_share_policy_info" in str(example) or "ecr_consumer" in str(example)]
EXAMPLES = [example for example in YAML if example not in (*INVENTORIES, REGISTRIES, *READING)]
REPOSITORIES = {text.replace("*", "example") for listed in values(EXAMPLES, "repositories") for text in listed}


def play(example: Any, aws: EmbeddedAws, home: Path, times: int) -> list[int]:
    """Run an example, and count the tasks that changed something each time. Tasks become a play, as with a reader."""
    if not all("hosts" in item for item in example):
        example = [{"name": "Play", "hosts": "localhost", "gather_facts": False, "tasks": example}]
    playbook, configuration = home / "playbook.yml", home / "ansible.cfg"
    settings = "[defaults]\nlocalhost_warning = false\n[inventory]\ninventory_unparsed_warning = false\n"
    configuration.write_text(settings, encoding="utf-8")
    playbook.write_text(yaml.safe_dump(example), encoding="utf-8")
    done = ansible(aws, home, "playbook", *[playbook] * times)
    assert done.code == 0, done.output
    # Whoever restores is told whom that lets in again.
    warnings = [line for line in done.output.splitlines() if "[WARNING]" in line and "lets in again" not in line]
    assert warnings == [], done.output
    # Each recap counts what the playbooks before it did as well.
    totals = map(int, re.findall(r"^localhost +:.* changed=(\d+) ", done.output, re.MULTILINE))
    return [after - before for before, after in pairwise([0, *totals])]


@pytest.mark.parametrize("position", [pytest.param(n, id=example[0]["name"]) for n, example in enumerate(EXAMPLES)])
def test_example_changes_something_once(position: int, aws: EmbeddedAws, tmp_path: Path) -> None:
    aws.plant_many(dict.fromkeys(REPOSITORIES, PLANTED))
    aws.plant_template("services")
    restoring = "imageshare.aws.ecr_share_policy_restore" in EXAMPLES[position][0]
    to_come = not {"imageshare.aws.ecr_share_registry_policy", "imageshare.aws.ecr_share_creation_template"}.isdisjoint(
        EXAMPLES[position][0]
    )
    if restoring:
        # What it restores, the example before it saves.
        play(EXAMPLES[position - 1], aws, tmp_path, times=1)
    assert play(EXAMPLES[position], aws, tmp_path, times=2) == [1, 0]
    as_planted = {text and json.dumps(json.loads(text)) for text in aws.policies().values()} == {json.dumps(PLANTED)}
    assert as_planted is (restoring or to_come)


@pytest.mark.parametrize("example", [pytest.param(example, id=example[0]["name"]) for example in READING])
def test_example_that_reads_changes_nothing(example: Any, aws: EmbeddedAws, tmp_path: Path) -> None:
    aws.plant_many(dict.fromkeys(REPOSITORIES, PLANTED))
    planted = aws.policies()
    assert play(example, aws, tmp_path, times=2) == [0, 0]
    assert aws.policies() == planted


@pytest.mark.parametrize("example", INVENTORIES)
def test_inventory_lists_what_is_tagged_and_makes_its_groups(example: Any, aws: EmbeddedAws, tmp_path: Path) -> None:
    tags = {key: value or "any" for key, value in example["tags"].items()}
    environment = plant_registries(aws, tmp_path, example, tags)

    listed = run_inventory(aws, tmp_path, example, environment=environment)

    assert listed.warnings == []
    assert {host["ecr_repository_name"] for host in listed.hosts.values()} == {"base/python"}
    assert len(listed.hosts) == len(example["profiles"]) * len(example["regions"])
    assert {f"{keyed['prefix']}_any" for keyed in example["keyed_groups"]} <= listed.groups.keys()


def test_registries_are_shared_audited_and_restored(aws: EmbeddedAws, tmp_path: Path) -> None:
    (text,) = (text for text in blocks(REGISTRIES_PAGE, "shell") if "imageshare.aws.share" in text)
    commands = [line.split()[1:] for line in text.splitlines()]
    (tmp_path / "inventory.yml").write_text(yaml.safe_dump(REGISTRIES), encoding="utf-8")
    registries = (("123456789012", "us-east-1"), ("123456789012", "eu-west-1"), ("210987654321", "us-east-1"))
    for registry in registries:
        aws.plant_many({"base/go": PLANTED, "tools": None}, *registry)

    def run(arguments: list[str], **named: str) -> Done:
        named = {"$PWD": str(tmp_path), "$HOME": str(tmp_path), **named}
        for name, value in named.items():
            arguments = [argument.replace(name, value) for argument in arguments]
        return ansible(aws, tmp_path, "playbook", *arguments)

    (text,) = (text for text in blocks(REPORT_PAGE, "shell") if "ecr_share_report_dir" in text)
    (share, audit, restore), report = commands, text.split()[1:]
    assert run(share).code == 0
    for registry in registries:
        sids = [statement["Sid"] for statement in json.loads(aws.policies(*registry)["base/go"] or "")["Statement"]]
        of_staging = ["AllowPull"] if registry == registries[2] else []
        assert sids == ["Uploads", *of_staging, "AllowOrganizationPull"]
        assert aws.policies(*registry)["tools"] is None
    # One run for both: they are the same but for their variables.
    assert report[:4] == [*audit[:3], "-e"]
    assert run(audit + report[3:]).code == 0
    found = json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8"))["registries"]
    assert len(found) == 3
    assert not any("drift" in row for registry in found for row in registry["repositories"])
    named = set(re.findall(r"`(report\.[\w.]+)`", REPORT_PAGE))
    assert {path.name for path in (tmp_path / "report").iterdir()} == named
    (backup,) = (tmp_path / "ecr-backups").iterdir()
    assert run(restore, **{"20261125T024700Z": backup.name}).code == 0
    assert [json.loads(aws.policies(*registry)["base/go"] or "") for registry in registries] == [PLANTED] * 3


def test_policy_that_is_shown_is_the_one_that_is_stored(aws: EmbeddedAws, tmp_path: Path) -> None:
    page = pages.read("getting-started.md")
    example = yaml.safe_load(blocks(page, "yaml")[0])
    ((repository,),) = values(example, "repositories")
    aws.plant(repository, None)
    play(example, aws, tmp_path, times=1)
    assert json.loads(aws.policies()[repository]) == json.loads(blocks(page, "json")[0])


def test_json_is_json() -> None:
    found = [json.loads(text) for path in pages.FOLDER.glob("*.md") for text in blocks(pages.read(path.name), "json")]
    assert all(policy["Version"] and policy["Statement"] for policy in found)
    assert found


def test_tables_name_every_new_statement_and_every_kind_of_warning() -> None:
    # Those of organizations and units are called like the others, but for how they begin.
    whole = {slot.sid for slot in NEWEST if not slot.sid.startswith(ORGANIZATIONS.sid)}
    named = whole | {slot.shape.sid for slot in NEWEST if slot.sid not in whole}
    assert {name for name in named if f"`{name}`" not in GRANTS_PAGE} == set()
    assert {name for name in SUMMARIES if f"`{name}`" not in WARNINGS_PAGE} == set()


@pytest.mark.parametrize("document", [README, CONTRIBUTING], ids=["README.md", "CONTRIBUTING.md"])
def test_targets_that_are_named_exist(document: str) -> None:
    # One rule may be for several targets.
    rules = re.findall(r"^([a-z][a-z -]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    targets = set(" ".join(rules).split())
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)(?=`|$)", document, re.MULTILINE))
    assert named
    assert named <= targets


def test_paths_that_contributing_links_exist() -> None:
    assert {path for path in re.findall(r"\]\(([^):]+)\)", CONTRIBUTING) if not (ROOT / path).exists()} == set()


@pytest.mark.parametrize("path", ["README.md", "roles/ecr_share/README.md"])
class TestWhatGalaxyShows:
    """It shows these documents at addresses of its own, where a relative link leads nowhere."""

    def test_has_full_addresses_alone(self, path: str) -> None:
        linked = re.findall(r"\]\(([^)]+)\)", (ROOT / path).read_text(encoding="utf-8"))
        assert linked
        assert [address for address in linked if not address.startswith("https://")] == []

    def test_links_to_what_is_there(self, path: str) -> None:
        ours = re.compile(rf"\]\({HOME}/(?:blob|tree|raw)/main/([^)#]+)(?:#([^)]+))?\)")
        linked = ours.findall((ROOT / path).read_text(encoding="utf-8"))
        assert linked
        assert [path for path, _heading in linked if not (ROOT / path).exists()] == []
        missing = [(path, end) for path, end in linked if end and end not in headings(ROOT / path)]
        assert missing == []


def headings(path: Path) -> set[str]:
    """The headings of a document, as the ends of addresses."""
    found = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in found}


def test_readme_is_short_and_in_the_order_of_certified_collections() -> None:
    assert len(README.splitlines()) < 165
    assert re.findall(r"^## (.*)$", README, re.MULTILINE) == [
        "Description",
        "Requirements",
        "Installation",
        "Use Cases",
        "Testing",
        "Contributing",
        "Support",
        "Release Notes and Roadmap",
        "Related Information",
        "License Information",
    ]


def test_paths_that_contributing_names_exist() -> None:
    named = re.findall(r"`((?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:md|yml|toml))`", CONTRIBUTING)
    assert "plugins/module_utils/_sharing/" in named
    assert {path for path in named if not (ROOT / path).exists()} == {"purge-deleted-principals-in-rows.yml"}


def test_code_layout_is_complete() -> None:
    table = re.search(r"^## Code layout\n(.*?)^Files import", CONTRIBUTING, re.MULTILINE | re.DOTALL)
    assert table is not None
    named = set(re.findall(r"`(?:plugins/module_utils/)?([^`/]+(?:/[^`/]+)*/?)`", table[1]))
    found = {path.relative_to(ROOT) for path in (ROOT / "plugins").rglob("*.py")}
    rooms = {"/".join(path.parts[2:3] if path.parts[1] == "module_utils" else path.parts[:2]) for path in found}
    assert {room for room in rooms if not {room, f"{room}/"} & named} == set()
    assert len(re.findall(r"^\| `", table[1], re.MULTILINE)) < 15
