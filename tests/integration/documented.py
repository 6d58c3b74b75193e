# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules' documentation promises, in a form that results can be held against."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

import yaml
from ansible_collections.imageshare.aws.plugins.modules import (
    ecr_repository_info,
    ecr_share_backup_info,
    ecr_share_creation_template,
    ecr_share_policy,
    ecr_share_policy_info,
    ecr_share_policy_restore,
    ecr_share_registry_policy,
)
from ansible_collections.imageshare.aws.tests.support.module_process import (
    AUDIT,
    BACKUPS,
    REPOSITORIES,
    RESTORE,
    SHARE,
    SHARE_REGISTRY,
    SHARE_TEMPLATES,
)

_TYPES = {"str": str, "bool": bool, "int": int, "list": list, "dict": dict}
# Of every module, or of Ansible itself:
# https://docs.ansible.com/ansible/latest/reference_appendices/common_return_values.html
_COMMON = ("changed", "failed", "msg", "diff")


# What members of changes have besides where they are not of repositories.
_OF_OTHERS = {
    "repositories": {"description": "Patterns.", "returned": "of a registry", "type": "list", "elements": "str"},
    "templates": {"description": "Prefixes.", "returned": "of templates", "type": "list", "elements": "str"},
    "policy": {"description": "Of what.", "returned": "of others than repositories", "type": "str"},
}
_CHANGES = ("granted", "revoked", "revoked_actions", "changes")


class Documented:
    """What a module's documentation promises. examples: its tasks.

    rows: what it returns about each of its policies. like: what it refers to where it describes nothing itself.
    """

    def __init__(self, module: ModuleType, rows: str = "repositories", like: Documented | None = None) -> None:
        self.examples: list[dict[str, Any]] = yaml.safe_load(module.EXAMPLES)
        self._notes: list[str] = yaml.safe_load(module.DOCUMENTATION)["notes"]
        self._return: dict[str, Any] = yaml.safe_load(module.RETURN)
        self._rows = self._return.get(rows, {}).get("contains", {})
        if like is not None:
            _refer(self._rows, like._rows)
            _refer(self._return, like._return)
        elif "revoked" in self._rows:
            # It says of itself that it is described there.
            self._rows["revoked"]["contains"] = self._rows["granted"]["contains"]

    def values(self) -> set[str]:
        """The paths of all documented values, such as C(repositories.granted.principal)."""
        return set(_paths(self._return, ""))

    def seen(self, result: Mapping[str, Any]) -> set[str]:
        """The paths of a result's values. An AssertionError tells of one that is not as documented, or not at all."""
        returned = {name: value for name, value in result.items() if name not in _COMMON}
        return set(_seen(self._return, returned, ""))

    def warning_kinds(self) -> set[str]:
        """The kinds of warnings that the documentation explains."""
        explained = self._rows["warnings"]["contains"]["kind"]["description"]
        return set(re.findall(r"V\((\w+)\)", str(explained)))

    def row_description(self, name: str) -> str:
        """What the documentation says of a member of rows."""
        return str(self._rows[name]["description"])

    def permissions(self) -> str:
        """What the documentation says of the IAM actions that are needed, and when."""
        return " ".join(note for note in self._notes if re.search(r"C\((?:ecr|sts):", note))


def _refer(fields: Mapping[str, Any], others: Mapping[str, Any]) -> None:
    """Let fields that say of themselves that they are described there be so."""
    for name in (*_CHANGES, "warnings", "unmanaged_values"):
        if name in fields and "contains" not in fields[name]:
            contains = others[name]["contains"]
            fields[name]["contains"] = {**contains, **_OF_OTHERS} if name in _CHANGES else contains


_SHARING = Documented(ecr_share_policy)
DOCUMENTED = {
    SHARE: _SHARING,
    RESTORE: Documented(ecr_share_policy_restore),
    AUDIT: Documented(ecr_share_policy_info),
    SHARE_REGISTRY: Documented(ecr_share_registry_policy, "registry", _SHARING),
    SHARE_TEMPLATES: Documented(ecr_share_creation_template, "templates", _SHARING),
    BACKUPS: Documented(ecr_share_backup_info),
    REPOSITORIES: Documented(ecr_repository_info),
}


def _paths(fields: Mapping[str, Any], parent: str) -> Iterator[str]:
    for name, field in fields.items():
        yield f"{parent}{name}"
        yield from _paths(field.get("contains", {}), f"{parent}{name}.")


def _seen(fields: Mapping[str, Any], found: Mapping[str, Any], parent: str) -> Iterator[str]:
    assert found.keys() <= fields.keys(), f"{parent or 'the result'} has values that are not documented"
    always = {name for name, field in fields.items() if field["returned"] == "always"}
    assert always <= found.keys(), f"{parent or 'the result'} lacks values that are always returned"
    for name, value in found.items():
        field, path = fields[name], f"{parent}{name}"
        yield path
        if value is None:
            assert "null" in str(field["description"]), f"{path} is null"
            continue
        assert value.__class__ is _TYPES[field["type"]], f"{path} is {value!r}"
        for element in value if isinstance(value, list) else [value]:
            if isinstance(value, list):
                assert element.__class__ is _TYPES[field["elements"]], f"{path} has {element!r}"
            if "contains" in field:
                yield from _seen(field["contains"], element, f"{path}.")
