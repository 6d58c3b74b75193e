# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The desk of somebody who looks after the estate: a folder with an inventory, and one command at a time."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.imageshare.aws.tests.support import estate
from ansible_collections.imageshare.aws.tests.support.ansible_process import Done, ansible
from ansible_collections.imageshare.aws.tests.support.embedded_aws import EmbeddedAws
from ansible_collections.imageshare.aws.tests.support.estate_callers import Place

_MESSAGE = re.compile(r'^ok: \[[^]]+\] => (\{\n    "msg": \[.*?^\})', re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Desk:
    """aws: where the estate is. home: the folder."""

    aws: EmbeddedAws
    home: Path

    def play(self, playbook: str, inventory: Mapping[str, Any], *options: str, **variables: Any) -> Done:
        """Run a playbook of the collection over an inventory. variables: what the command line says of them."""
        path = self.home / "inventory.yml"
        path.write_text(yaml.safe_dump(inventory, sort_keys=False), encoding="utf-8")
        said = ["-e", json.dumps(variables)] if variables else []
        return ansible(self.aws, self.home, "playbook", "-i", path, f"imageshare.aws.{playbook}", *said, *options)

    def stored(self) -> dict[Place, str | None]:
        """Return the text of each policy."""
        return estate.stored(self.aws)

    def plant(self, texts: Mapping[Place, str | None]) -> None:
        """Bring the estate to these policies."""
        estate.plant(self.aws, (estate.Repository(*place, text) for place, text in texts.items()))

    def overwrite(self, texts: Mapping[Place, Any]) -> None:
        """Overwrite some policies, as somebody else would."""
        for (account, region, name), policy in texts.items():
            self.aws.plant(name, policy, account, region)


def told(done: Done) -> list[str]:
    """Return the lines that the play told people, without Ansible's own."""
    return [line for found in _MESSAGE.findall(done.output) for line in json.loads(found)["msg"]]
