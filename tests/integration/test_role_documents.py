# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role says of itself holds: its argument specification, its defaults, its README and the examples."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.imageshare.aws.plugins.filter import (
    ecr_consumer_policy,
    ecr_share_internal,
)
from ansible_collections.imageshare.aws.plugins.module_utils._role.variables import KNOWN
from ansible_collections.imageshare.aws.plugins.module_utils._runs.options import GRANT_OPTIONS
from ansible_collections.imageshare.aws.plugins.modules import ecr_share_policy, ecr_share_policy_restore
from ansible_collections.imageshare.aws.tests.integration.inventories import (
    GRANTS,
    OTHER_ACCOUNT,
    OTHER_REGION,
    repositories,
)
from ansible_collections.imageshare.aws.tests.integration.statements import BUILDS, policy
from ansible_collections.imageshare.aws.tests.support.ansible_process import Done, ansible
from ansible_collections.imageshare.aws.tests.support.embedded_aws import ACCOUNT, REGION, EmbeddedAws
from ansible_collections.imageshare.aws.tests.support.module_process import run_playbook

ROOT = Path(__file__).resolve().parents[2]
ROLE = ROOT / "roles" / "ecr_share"
README = (ROLE / "README.md").read_text(encoding="utf-8")
SPECS = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]
DEFAULTS = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text(encoding="utf-8"))
# As the first entry point that has it describes it.
OPTIONS = {name: option for entry in reversed(SPECS.values()) for name, option in entry["options"].items()}
# Alone, the name of the option would say too little among the variables of the role.
_RENAMED = {"to": "ecr_share_restore_to", "apply_to": "ecr_share_restore_apply_to"}
BLOCKS = [yaml.safe_load(text) for text in re.findall(r"^```yaml\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)]


def contract(option: dict[str, Any]) -> dict[str, Any]:
    """What of an option decides which values it takes."""
    return {name: option[name] for name in ("type", "elements", "choices", "required", "default") if name in option}


def test_defaults_are_those_of_the_specification() -> None:
    for entry in SPECS.values():
        specified = {name: option["default"] for name, option in entry["options"].items() if "default" in option}
        assert specified.items() <= DEFAULTS.items()
    assert DEFAULTS.keys() <= OPTIONS.keys()
    assert all("default" in OPTIONS[name] for name in DEFAULTS)


def test_every_variable_is_known_to_the_plan() -> None:
    assert {*OPTIONS, "ecr_share_result", "ecr_share_stats"} == set(KNOWN)


def test_options_of_a_grant_are_those_of_the_module() -> None:
    specified = dict(OPTIONS["ecr_share_grants"]["options"])
    # The role has several regions and several modules, and each module one.
    for name in ("regions", "apply_to"):
        assert contract(specified.pop(name)) == {"type": "list", "elements": "str"}
    assert {name: contract(option) for name, option in specified.items()} == {
        name: contract(option) for name, option in GRANT_OPTIONS.items()
    }


@pytest.mark.parametrize(
    ("entry", "module", "differing"),
    [
        pytest.param("main", ecr_share_policy, {"repositories", "grants", "include_policy"}, id="main"),
        pytest.param(
            "restore", ecr_share_policy_restore, {"repositories", "on_missing", "include_policy"}, id="restore"
        ),
    ],
)
def test_variables_are_the_options_of_the_module(entry: str, module: Any, differing: set[str]) -> None:
    """Those that differ: the role needs other variables of a host that is a registry than of one that is a repository,
    restores what there is, and has no use for policies.
    """
    options = SPECS[entry]["options"]
    for name, option in module.ARGUMENT_SPEC.items():
        if name not in differing:
            assert contract(options[_RENAMED.get(name, f"ecr_share_{name}")]) == contract(option), name


def test_readme_has_the_table_of_the_specification() -> None:
    rows = []
    for name in dict.fromkeys(name for entry in SPECS.values() for name in entry["options"]):
        option = OPTIONS[name]
        elements = f" of {option['elements']}" if "elements" in option else ""
        default = f"`{json.dumps(option['default']).strip(chr(34))}`" if "default" in option else ""
        said = option["description"] if isinstance(option["description"], str) else option["description"][0]
        meaning = re.sub(r"[CVOM]\(([^)]*)\)", r"`\1`", " ".join(said.split()))
        rows.append(f"| `{name}` | {option['type']}{elements} | {default} | {meaning} |")
    table = README.split("| Variable | Type | Default | Meaning |\n| --- | --- | --- | --- |\n")[1].split("\n\n")[0]
    assert table.splitlines() == rows


@pytest.mark.parametrize(
    ("filter_", "shown"),
    [
        (ecr_consumer_policy, "ecr:GetAuthorizationToken"),
        (ecr_share_internal, "us-east-1: base"),
    ],
    ids=lambda value: getattr(value, "__name__", "").rpartition(".")[2] or None,
)
def test_examples_of_the_filters_run(filter_: Any, shown: str, aws: EmbeddedAws, tmp_path: Path) -> None:
    aws.plant("base/python", policy(BUILDS))
    played = run_playbook(aws, tmp_path, filter_.EXAMPLES)
    assert played.code == 0, played.text
    assert "[WARNING]" not in played.text, played.text
    assert shown in played.text


class TestReadme:
    def test_registries_are_shared_and_audited(self, aws: EmbeddedAws, tmp_path: Path) -> None:
        inventory, share, audit, *_others = BLOCKS
        for region in (REGION, OTHER_REGION):
            aws.plant_many({"base/python": policy(BUILDS), "tools": policy(BUILDS)}, region=region)
        planted = aws.policies()

        drifted = self.play(aws, tmp_path, inventory, audit)
        assert drifted.code == 2
        assert "that ecr_share_fail_on names: " in drifted.flat
        assert aws.policies() == planted
        assert self.play(aws, tmp_path, inventory, share).recap("images")["changed"] == 1
        for region in (REGION, OTHER_REGION):
            shared = aws.policies(region=region)
            assert shared["tools"] == planted["tools"]
            assert shared["base/python"] != planted["base/python"]

    def test_grants_of_groups_add_up(self) -> None:
        variables = {**BLOCKS[3], "ecr_share_repositories": ["base/*"]}
        (run,) = ecr_share_internal.ecr_share_internal(variables, "plan")["runs"]
        assert len(run["grants"]) == 3

    def test_grants_for_repositories_to_come_are_runs_of_their_own(self) -> None:
        runs = ecr_share_internal.ecr_share_internal({**BLOCKS[4], "ecr_share_repositories": ["*"]}, "plan")["runs"]
        assert [(run["kind"], len(run["grants"])) for run in runs] == [
            ("repositories", 1),
            ("registry", 1),
            ("templates", 1),
        ]

    def test_repositories_are_shared(self, aws: EmbeddedAws, tmp_path: Path) -> None:
        aws.plant_many({"app": None, "web": None})
        common = {"ansible_python_interpreter": "{{ ansible_playbook_python }}", "ecr_share_grants": GRANTS}
        inventory = repositories(common, app={}, web={})
        done = self.play(aws, tmp_path, inventory, BLOCKS[5])
        assert done.code == 0, done.output
        assert all(aws.policies().values())

    @staticmethod
    def play(aws: EmbeddedAws, folder: Path, inventory: Any, example: Any, *extra: str) -> Done:
        for name, content in (("inventory.yml", inventory), ("play.yml", example)):
            (folder / name).write_text(yaml.safe_dump(content), encoding="utf-8")
        return ansible(aws, folder, "playbook", "-i", folder / "inventory.yml", folder / "play.yml", *extra)


# Of each inventory in examples/: what is granted there, by account, region and repository.
EXAMPLES: dict[str, dict[tuple[str, str, str], set[str]]] = {
    "one_account": {
        (ACCOUNT, REGION, "base/python"): {"AllowOrganizationPull", "AllowLambdaPull"},
        (ACCOUNT, REGION, "services/api"): {"AllowOrganizationPull", "AllowLambdaPull", "AllowPullAndPush"},
    },
    "several_accounts": {
        (ACCOUNT, REGION, "base/python"): {"AllowOrganizationPull", "AllowPull", "AllowLambdaPull"},
        (ACCOUNT, REGION, "services/api"): {"AllowOrganizationPull", "AllowPull", "AllowLambdaPull"},
        (ACCOUNT, OTHER_REGION, "base/python"): {"AllowOrganizationPull", "AllowPull", "AllowLambdaPull"},
        (ACCOUNT, OTHER_REGION, "services/api"): {"AllowOrganizationPull", "AllowPull", "AllowLambdaPull"},
        (OTHER_ACCOUNT, REGION, "base/python"): {"AllowOrganizationPull", "AllowPullAndPush"},
        (OTHER_ACCOUNT, REGION, "services/api"): {"AllowOrganizationPull", "AllowPullAndPush"},
    },
    "by_tag/ecr_repositories.yml": {
        (ACCOUNT, REGION, "base/python"): {"AllowOrganizationPull"},
        (ACCOUNT, REGION, "services/api"): {"AllowOrganizationPull", "AllowPullAndPush"},
        (ACCOUNT, OTHER_REGION, "base/python"): {"AllowOrganizationPull"},
        (ACCOUNT, OTHER_REGION, "services/api"): {"AllowOrganizationPull", "AllowPullAndPush"},
    },
}


@pytest.mark.parametrize("example", EXAMPLES)
def test_inventory_of_the_examples_shares_what_it_says(example: str, aws: EmbeddedAws, tmp_path: Path) -> None:
    for account in (ACCOUNT, OTHER_ACCOUNT):
        for region in (REGION, OTHER_REGION):
            aws.plant_many(dict.fromkeys(("base/python", "services/api", "tools"), None), account, region)
            tags = {"base/python": {"share": "yes"}, "services/api": {"share": "yes", "team": "payments"}}
            aws.tag_many(tags, account, region)

    extra = ("-e", f"ecr_share_backup_dir={tmp_path}/backups")
    done = ansible(aws, tmp_path, "playbook", "-i", ROOT / "examples" / example, "imageshare.aws.share", *extra)
    assert done.code == 0, done.output
    assert "[WARNING]" not in done.output, done.output
    found = {
        (account, region, name): {statement["Sid"] for statement in json.loads(text)["Statement"]}
        for account in (ACCOUNT, OTHER_ACCOUNT)
        for region in (REGION, OTHER_REGION)
        for name, text in aws.policies(account, region).items()
        if text
    }
    assert found == EXAMPLES[example]


def test_every_example_is_run() -> None:
    listed = {example.split("/")[0] for example in EXAMPLES}
    # The one for images is in test_execution_environment.py.
    listed.add("execution_environment")
    assert {path.name for path in (ROOT / "examples").iterdir() if path.is_dir()} == listed
