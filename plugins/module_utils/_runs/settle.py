# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""What somebody else writes meanwhile: a step that comes too late is taken again, and what was written is looked at.

Between a read and a write somebody else may write, and either of the two writes is lost. If it is ours, that shows in a
look afterwards, and it is made again. Of what somebody else loses, nobody but they can know.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from .._errors import PolicyWarning
from .._iam.document import PolicyError
from .._registry import EcrError, PolicyChangedError
from .backups import BackupError
from .bulk import Work
from .results import Outcome, Row, warned

_MOST_TRIES = 8
# In seconds: who was in each other's way should not be so again.
_LONGEST_PAUSE = 0.5


@dataclass(frozen=True)
class Settling:
    """step: reads a policy, and writes it if it is not as it should be. pause: sleeps for so many seconds."""

    step: Work
    pause: Callable[[float], None]

    def attempt(self, name: str, warnings: list[PolicyWarning]) -> Outcome:
        """Take the step, and again if somebody else changes the policy in the middle of it.

        Raises EcrError if they always do, and what the step raises.
        """
        for _try in range(_MOST_TRIES):
            warnings.clear()
            try:
                return self.step(name, warnings)
            except PolicyChangedError:
                self._wait()
        raise EcrError(
            f"each of the {_MOST_TRIES} times that its policy was about to be written, somebody else had just changed "
            "it. To do: see who else writes it, and run again"
        )

    def confirm(self, name: str, written: Outcome) -> Outcome:
        """Look whether what was written is still there, and write again what somebody else has overwritten.

        Returns what the last write has done. Raises EcrError if somebody else overwrites it every time.
        """
        for _try in range(_MOST_TRIES):
            if not _can_be_confirmed(written.row):
                return written
            try:
                now = self.attempt(name, [])
            except (BackupError, EcrError, PolicyError) as error:
                message = f"{name}: its policy was written, but a look at it afterwards did not confirm that: {error}"
                return warned(written, PolicyWarning("not_verified", message, repository=name))
            if not now.row["changed"]:
                return written
            written = now
            self._wait()
        raise EcrError(
            f"somebody else overwrote its policy each of the {_MOST_TRIES} times that it was written. To do: see who "
            "else writes it, and run again"
        )

    def _wait(self) -> None:
        self.pause(random.uniform(0, _LONGEST_PAUSE))


def _can_be_confirmed(row: Row) -> bool:
    # What AWS itself makes of a policy cannot be mended by writing it once more.
    return bool(row["changed"]) and all(warning["kind"] != "stored_policy_differs" for warning in row["warnings"])
