# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module's documentation promises, in a form that results can be held against."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from ansible_collections.imageshare.aws.plugins.modules import ecr_share_policy

_TYPES = {"str": str, "bool": bool, "int": int, "list": list, "dict": dict}
# Of every module, or of Ansible itself:
# https://docs.ansible.com/ansible/latest/reference_appendices/common_return_values.html
_COMMON = ("changed", "failed", "msg", "diff")

EXAMPLES: list[dict[str, Any]] = yaml.safe_load(ecr_share_policy.EXAMPLES)
_RETURN: dict[str, Any] = yaml.safe_load(ecr_share_policy.RETURN)
_rows = _RETURN["repositories"]["contains"]
# It says of itself that it is described there.
_rows["revoked"]["contains"] = _rows["granted"]["contains"]


def values() -> set[str]:
    """The paths of all documented values, such as C(repositories.granted.principal)."""
    return set(_paths(_RETURN, ""))


def seen(result: Mapping[str, Any]) -> set[str]:
    """The paths of a result's values. An AssertionError tells of one that is not as documented, or not documented."""
    returned = {name: value for name, value in result.items() if name not in _COMMON}
    return set(_seen(_RETURN, returned, ""))


def warning_kinds() -> set[str]:
    """The kinds of warnings that the documentation explains."""
    explained = _rows["warnings"]["contains"]["kind"]["description"]
    return set(re.findall(r"V\((\w+)\)", str(explained)))


def iam_actions() -> set[str]:
    """The IAM actions that the documentation says are needed."""
    (note,) = (note for note in yaml.safe_load(ecr_share_policy.DOCUMENTATION)["notes"] if "IAM actions" in note)
    return set(re.findall(r"C\(ecr:(\w+)\)", note))


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
