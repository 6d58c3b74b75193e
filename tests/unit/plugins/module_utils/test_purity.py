# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The core is pure, and arrows run one way."""

from __future__ import annotations

import ast
import graphlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PLUGINS = Path(__file__).resolve().parents[4] / "plugins"
UTILS = PLUGINS / "module_utils"
# What stands in each package, and which of the others it may import.
MAY_IMPORT = {
    "_text": set(),
    "_core_version": set(),
    "_containers": {"_text"},
    "_errors": {"_text", "_repository_names"},
    "_registry": {"_text"},
    "_repository_names": {"_text"},
    "_iam": {"_text", "_errors"},
    "_sharing": {"_text", "_errors", "_iam", "_repository_names"},
    "_evaluation": {"_text", "_errors", "_iam", "_sharing"},
    "_aws": {"_text", "_core_version", "_registry", "_repository_names", "_iam"},
    "_runs": {"_text", "_containers", "_errors", "_registry", "_repository_names", "_iam", "_sharing", "_evaluation"},
    "_tasks": {"_errors", "_registry", "_aws", "_runs"},
    "_inventory": {"_text", "_errors", "_registry", "_repository_names", "_iam"},
    "_role": {"_text", "_errors", "_repository_names", "_iam", "_sharing"},
}
DOCUMENTATION = ("DOCUMENTATION", "EXAMPLES", "RETURN")


FILES = sorted(UTILS.rglob("*.py"))


def package(path: Path) -> str:
    """The package below module_utils that a file is in, or its own name."""
    return path.relative_to(UTILS).with_suffix("").parts[0]


def imports(path: Path) -> Iterator[str]:
    """The modules that a file imports, those of ours relative to module_utils."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            here = path.relative_to(UTILS).parts[: -node.level] if node.level else ()
            names = [node.module] if node.module else [alias.name for alias in node.names]
            yield from (".".join((*here, name)) for name in names)


def is_documentation(node: ast.stmt) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else []
    return any(isinstance(target, ast.Name) and target.id in DOCUMENTATION for target in targets)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_imports_the_standard_library_and_packages_below_its_own(path: Path) -> None:
    found = set(imports(path))
    ours = {module for module in found if module.startswith("_")} - {"__future__"}
    assert {module.split(".")[0] for module in ours} <= {*MAY_IMPORT[package(path)], package(path)}
    if package(path) not in ("_aws", "_tasks"):
        assert {module.split(".")[0] for module in found - ours} <= sys.stdlib_module_names


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_partition_is_written_down(path: Path) -> None:
    assert "arn:aws:" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "path", sorted([*PLUGINS.glob("inventory/*.py"), *PLUGINS.glob("modules/*.py")]), ids=lambda path: path.name
)
def test_no_partition_is_written_down_outside_the_documentation(path: Path) -> None:
    code = [node for node in ast.parse(path.read_text(encoding="utf-8")).body if not is_documentation(node)]
    assert "arn:aws:" not in "\n".join(map(ast.unparse, code))


def test_every_package_has_its_place() -> None:
    assert {package(path) for path in FILES} == set(MAY_IMPORT)


def test_packages_import_in_one_direction() -> None:
    assert len(list(graphlib.TopologicalSorter(MAY_IMPORT).static_order())) == len(MAY_IMPORT)


def test_only_one_package_imports_boto3() -> None:
    talking = {package(path) for path in FILES if any("boto" in module for module in imports(path))}
    assert talking == {"_aws"}
