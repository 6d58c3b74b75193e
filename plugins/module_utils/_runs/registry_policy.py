# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""The policy of the registry as runs use it: read once, and where it could not be read, that is known and said."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from .._evaluation.evaluator import RegistryPolicy
from .._iam.document import PolicyError, parse
from .._registry import EcrError, Registry


@dataclass(frozen=True)
class RegistryPolicyRead:
    """The policy of a registry, or why it is not known.

    Args:
        policy: The policy; None where it could not be read.
        error: Why it could not be read; None where it could.
        error_code: The error code that AWS answered; None where AWS answered none.
    """

    policy: RegistryPolicy | None
    error: str | None = None
    error_code: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return what results say of the reading, in plain values."""
        return {"read": self.policy is not None, "error": self.error, "error_code": self.error_code}


class RegistryPolicyReader:
    """Reads the policy of a registry when it is asked for, once. May be used by several threads.

    Args:
        registry: The registry.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._reading = threading.Lock()
        self._found: RegistryPolicyRead | None = None

    def read(self) -> RegistryPolicyRead:
        """Return the policy, or why it cannot be had."""
        with self._reading:
            if self._found is None:
                self._found = self._read()
            return self._found

    def owner(self) -> str | None:
        """Return the account that owns the registry, if the policy of the registry makes that of weight.

        AWS does not say whose a repository without a policy is, and whether a Resource covers it depends on that.
        """
        found = self.read().policy
        if found is None or found.policy is None:
            return None
        try:
            return self._registry.owner()
        except EcrError:
            return None

    def _read(self) -> RegistryPolicyRead:
        try:
            stored = self._registry.registry_policy()
            policy = None if stored.text is None else parse(stored.text)
        except EcrError as error:
            return RegistryPolicyRead(None, str(error), error.code)
        except PolicyError as error:
            return RegistryPolicyRead(None, f"the policy of the registry could not be parsed: {error}")
        return RegistryPolicyRead(RegistryPolicy(policy, stored.scope))
