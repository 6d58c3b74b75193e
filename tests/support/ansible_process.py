# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible's commands as processes against the embedded AWS, in an environment that is made here from nothing."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.imageshare.aws.tests.support import foreign_deprecations, warm_python
from ansible_collections.imageshare.aws.tests.support.embedded_aws import SECRET_KEY, EmbeddedAws
from ansible_collections.imageshare.aws.tests.support.module_process import ansible_settings, clean_environment


@dataclass(frozen=True)
class Done:
    """output: all that was printed. seconds: how long it took."""

    code: int
    output: str
    seconds: float

    @property
    def flat(self) -> str:
        """The output as one line, for messages that Ansible wraps."""
        return " ".join(self.output.split())

    def recap(self, host: str) -> dict[str, int]:
        """What the last recap counts for a host."""
        lines = re.findall(rf"^{re.escape(host)} +: (.*)$", self.output, re.MULTILINE)
        return {name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", lines[-1])}


def ansible(
    aws: EmbeddedAws,
    home: Path,
    command: str,
    *arguments: str | Path,
    environment: Mapping[str, str] | None = None,
    timeout: float = 600,
) -> Done:
    """Run a command such as C(playbook). home: a folder of the test's own, which stands in for the user's.

    Whatever a run is about, it prints no secret, no traceback and no warning of deprecation.
    """
    begin = time.monotonic()
    process = warm_python.run(
        warm_python.COMMAND_LINE,
        [command, *map(str, arguments)],
        clean_environment(aws, {**ansible_settings(home), **(environment or {})}),
        timeout=timeout,
        folder=str(home),
        merge=True,
    )
    output = foreign_deprecations.lines_without(process.stdout)
    done = Done(process.returncode, output, time.monotonic() - begin)
    assert SECRET_KEY not in done.output, done.output
    assert "Traceback" not in done.output, done.output
    assert "DEPRECATION" not in done.output, done.output
    return done
