# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the connection are documented as the amazon.aws that is installed reads them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.amazon.aws.plugins.doc_fragments import assume_role, common
from ansible_collections.amazon.aws.plugins.doc_fragments import region as region_fragment
from ansible_collections.amazon.aws.plugins.module_utils import botocore
from ansible_collections.amazon.aws.plugins.module_utils.modules import aws_argument_spec
from ansible_collections.imageshare.aws.plugins.doc_fragments._connection import ModuleDocFragment

PLUGINS = Path(__file__).resolve().parents[4] / "plugins"
OF_MODULES: dict[str, Any] = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)
OF_INVENTORY: dict[str, Any] = yaml.safe_load(ModuleDocFragment.INVENTORY)


def facts(option: Mapping[str, Any]) -> dict[str, Any]:
    """What decides how an option is read."""
    return {
        "type": option.get("type", "str"),
        "aliases": sorted(option.get("aliases", [])),
        "default": option.get("default"),
        "choices": option.get("choices"),
        "required": option.get("required", False),
    }


def test_modules_have_the_options_of_amazon_aws_and_no_others() -> None:
    assert {name: facts(option) for name, option in OF_MODULES["options"].items()} == {
        name: facts(option) for name, option in aws_argument_spec().items()
    }


def test_modules_name_the_variables_that_stand_in_for_options_in_their_order() -> None:
    read = {name: option["fallback"][1] for name, option in aws_argument_spec().items() if "fallback" in option}
    named = {name: re.findall(r"E\((\w+)\)", str(option)) for name, option in OF_MODULES["options"].items()}
    assert {name: variables for name, variables in named.items() if variables} == read


def test_the_inventory_has_the_options_of_amazon_aws_and_no_others() -> None:
    theirs: dict[str, Any] = {}
    for fragment in (common, region_fragment, assume_role):
        theirs |= yaml.safe_load(fragment.ModuleDocFragment.PLUGINS)["options"]
    ours = OF_INVENTORY["options"]
    assert {name: facts(option) for name, option in ours.items()} == {
        name: facts(option) for name, option in theirs.items()
    }
    assert {name: option.get("env") for name, option in ours.items()} == {
        name: option.get("env") for name, option in theirs.items()
    }


@pytest.mark.parametrize("library", ["boto3", "botocore"])
def test_no_newer_boto3_is_asked_for_than_amazon_aws_wants(library: str) -> None:
    wanted = getattr(botocore, f"MINIMUM_{library.upper()}_VERSION")
    for documented in (OF_MODULES, OF_INVENTORY):
        (named,) = re.findall(rf"{library} >= ([\d.]+)", "\n".join(documented["requirements"]))
        assert tuple(map(int, named.split("."))) <= tuple(map(int, wanted.split(".")))


def test_no_documentation_needs_another_collection() -> None:
    found = {
        fragment
        for path in PLUGINS.rglob("*.py")
        for block in re.findall(
            r"^extends_documentation_fragment:\n((?:  - .*\n)+)", path.read_text("utf-8"), re.MULTILINE
        )
        for fragment in re.findall(r"- (\S+)", block)
    }
    assert "imageshare.aws._connection" in found
    assert {name for name in found if not name.startswith(("imageshare.aws.", "ansible.builtin."))} == set()
