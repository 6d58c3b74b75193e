# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the first boto3 that amazon.aws 11 takes does not know is told, and all else is done. C(make matrix) runs this.

It knows creation templates, but not the exclusions from the mutability of tags, which an update would lose.
"""

from __future__ import annotations

import json

from ansible_collections.imageshare.aws.tests.integration.statements import BUILDS, TEAM, policy, root
from ansible_collections.imageshare.aws.tests.integration.test_template_sharing import EXCLUDING
from ansible_collections.imageshare.aws.tests.support.embedded_aws import EmbeddedAws
from ansible_collections.imageshare.aws.tests.support.module_process import SHARE_TEMPLATES, run_module


def test_a_template_with_exclusions_is_left_alone_and_the_others_are_shared(aws: EmbeddedAws) -> None:
    aws.plant_template("exclusive", policy(BUILDS), **EXCLUDING)
    aws.plant_template("services", policy(BUILDS), imageTagMutability="IMMUTABLE")
    before = aws.templates()

    result = run_module(aws, module=SHARE_TEMPLATES, prefixes=["*"], grants=[{"principals": [TEAM]}])

    assert result.failed
    rows = {row["prefix"]: row for row in result.values["templates"]}
    assert (
        "this boto3 does not know for which tags, so an update would lose them. Use a newer boto3."
        in (rows["exclusive"]["error"])
    )
    assert rows["services"]["changed"]
    assert aws.templates()["exclusive"] == before["exclusive"]
    shared = aws.templates()["services"]
    assert shared["imageTagMutability"] == "IMMUTABLE"
    _kept, added = json.loads(shared["repositoryPolicy"])["Statement"]
    assert added["Principal"] == {"AWS": root(TEAM)}
