# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The core is pure, and arrows run one way."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PLUGINS = Path(__file__).resolve().parents[4] / "plugins"
UTILS = PLUGINS / "module_utils"
OURS = "ansible_collections.imageshare.aws.plugins.module_utils."
# Each file but the one that talks to AWS, and which of the others it may import.
MAY_IMPORT = {
    "_policy": set(),
    "_grants": set(),
    "_names": set(),
    "_templates": {"_grants", "_policy"},
    "_backup": {"_names", "_policy"},
    "_merge": {"_templates", "_grants", "_policy"},
    "_actions": {"_conditions", "_templates", "_policy"},
    "_conditions": {"_policy"},
    "_callers": {"_conditions", "_templates", "_grants"},
    "_rules": {"_actions", "_callers", "_conditions", "_templates", "_grants", "_policy"},
    "_access": {"_rules", "_actions", "_callers", "_conditions", "_templates", "_grants", "_policy"},
    "_shares": {"_access", "_rules", "_actions", "_callers", "_conditions", "_templates", "_grants", "_policy"},
    "_warnings": {
        *("_shares", "_access", "_rules", "_actions", "_callers", "_conditions", "_templates", "_grants", "_policy")
    },
    "_signals": set(),
    "_plan": {"_grants", "_names"},
    "_filter": {"_grants", "_names"},
    "_request": {"_backup", "_grants", "_names"},
    "_result": {"_merge", "_policy", "_warnings"},
    "_findings": {"_access", "_policy", "_result", "_shares"},
    "_consumer": {"_grants", "_names", "_templates"},
    "_report": set(),
}
BELOW = {*MAY_IMPORT, "_ecr"}
MAY_IMPORT |= {"_pace": set(), "_retry": {"_pace"}}
MAY_IMPORT |= {
    "_store": {"_access", "_backup", "_ecr", "_policy", "_warnings"},
    "_bulk": {"_backup", "_ecr", "_policy", "_result", "_warnings"},
    "_listing": {"_ecr"},
    "_settle": {"_backup", "_bulk", "_ecr", "_policy", "_result", "_warnings"},
    "_share": {*BELOW, "_bulk", "_settle", "_store"},
    "_restore": {*BELOW, "_bulk", "_settle", "_store"},
    "_audit": {*BELOW, "_bulk"},
}
DOCUMENTATION = ("DOCUMENTATION", "EXAMPLES", "RETURN")


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports by a relative name"
            yield node.module or ""


def is_documentation(node: ast.stmt) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else []
    return any(isinstance(target, ast.Name) and target.id in DOCUMENTATION for target in targets)


@pytest.mark.parametrize("name", MAY_IMPORT)
def test_pure_file_imports_the_standard_library_and_what_is_below_it(name: str) -> None:
    found = set(imports(UTILS / f"{name}.py"))
    ours = {module for module in found if module.startswith(OURS)}
    assert {module.removeprefix(OURS) for module in ours} <= MAY_IMPORT[name]
    assert {module.split(".")[0] for module in found - ours} <= sys.stdlib_module_names


@pytest.mark.parametrize("path", sorted(UTILS.glob("*.py")), ids=lambda path: path.name)
def test_no_partition_is_written_down(path: Path) -> None:
    assert "arn:aws:" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "path", sorted([*PLUGINS.glob("inventory/*.py"), *PLUGINS.glob("modules/*.py")]), ids=lambda path: path.name
)
def test_no_partition_is_written_down_outside_the_documentation(path: Path) -> None:
    code = [node for node in ast.parse(path.read_text(encoding="utf-8")).body if not is_documentation(node)]
    assert "arn:aws:" not in "\n".join(map(ast.unparse, code))


def test_every_file_has_its_place() -> None:
    assert {path.stem for path in UTILS.glob("*.py")} == {*MAY_IMPORT, "_ecr"}


def test_only_one_file_talks_to_aws() -> None:
    talking = {path.name for path in UTILS.glob("*.py") if any("boto" in module for module in imports(path))}
    assert talking == {"_ecr.py"}
