# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""Grants that a plugin gets as variables, read as a module reads its options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.imageshare.aws.plugins.module_utils._errors import InvalidInputError
from ansible_collections.imageshare.aws.plugins.module_utils._runs.options import GRANT_OPTIONS

# A host of the role may have several regions, and the module has one; and each module is for one of what grants apply
# to. The plan says what is wrong with these.
_OPTIONS: Mapping[str, Any] = {
    **GRANT_OPTIONS,
    "regions": {"type": "list", "elements": "str"},
    "apply_to": {"type": "list", "elements": "str"},
}


def read_grant_options(name: str, value: Any) -> Sequence[Mapping[str, Any]]:
    """Return grants as the argument specification of the module reads them, with what the role adds.

    Args:
        name: The variable that holds them, which messages name.

    Raises:
        InvalidInputError: If they are not grants.
    """
    options = value if isinstance(value, list) else [value]
    odd = [key for option in options if isinstance(option, Mapping) for key in option if not isinstance(key, str)]
    if odd:
        raise InvalidInputError([f"{name}: the key {key!r} of a grant is not a string" for key in odd])
    spec = {name: {"type": "list", "elements": "dict", "options": deepcopy(dict(_OPTIONS)), "required": True}}
    result = ArgumentSpecValidator(spec).validate({name: value})
    if result.error_messages:
        raise InvalidInputError(result.error_messages)
    validated: Sequence[Mapping[str, Any]] = result.validated_parameters[name]
    return validated
