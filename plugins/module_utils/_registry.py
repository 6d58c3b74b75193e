# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""What a run needs of AWS: the policies of a registry, and the errors that reading and writing them may raise."""

from __future__ import annotations

from dataclasses import dataclass

# What to do about a policy that is too long.
SHORTEN = "grant access to an organization (o-…) instead of many accounts, or take away what is no longer needed"


class EcrError(Exception):
    """AWS did not do what it was asked. The message says what, what AWS said, and what to do."""


class RepositoryMissingError(EcrError):
    """The repository does not exist in this registry and region."""


class PolicyChangedError(EcrError):
    """Somebody else changed the policy: it is neither what was read nor what was to be written."""


class PolicyRefusedError(EcrError):
    """AWS takes the policy for invalid, often because one of its principals does not exist."""


@dataclass(frozen=True)
class StoredPolicy:
    """text: the policy as AWS returned it, None for none. registry_id: the account that owns it, None where AWS has no
    policy to say it of.
    """

    text: str | None
    registry_id: str | None
