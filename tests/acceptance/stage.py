# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a probe has at hand."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.imageshare.aws.tests.acceptance.account import Account, code, said
from ansible_collections.imageshare.aws.tests.acceptance.belongings import Belongings
from ansible_collections.imageshare.aws.tests.acceptance.image import LAYER, TAG, digest
from botocore.exceptions import ClientError

# Of each question, what AWS says, with no word that is of this account or this run.
Answers = dict[str, str]

PULL = ("ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage", "ecr:BatchCheckLayerAvailability")
LAMBDA_PULL = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
# Of an id that IAM gives to roles and users, and that nobody has.
NOBODY = "AROA" + "IMAGESHARE0000000"
PULLED = "pulled"


class NotTried(Exception):
    """A question could not be asked. The message says why."""


@dataclass
class Stage:
    """Args:
    owner: The account with the registry.
    consumer: Another account, if there is one.
    ours: What this run makes.
    folder: Where the modules save policies.
    patience: For how many seconds to wait for what AWS may take a while to do.
    asked: What may be made or changed, beside repositories: kinds of Belongings, and consumer where there is one.
    """

    owner: Account
    consumer: Account | None
    ours: Belongings
    folder: Path
    patience: float
    asked: frozenset[str]
    organization: str | None = field(default=None, init=False)

    @property
    def other(self) -> Account:
        """Who pulls."""
        if self.consumer is None:
            raise NotTried("there is no second account")
        return self.consumer

    def until(self, reached: Callable[[], bool]) -> bool:
        return self.owner.stop.until(reached, self.patience)

    def settled(self, ask: Callable[[], str], is_it: Callable[[str], bool]) -> str:
        """The answer, once it is such a one, or once AWS has had its time."""
        answers: list[str] = []

        def reached() -> bool:
            answers.append(ask())
            return is_it(answers[-1])

        self.until(reached)
        return answers[-1]

    def plain(self, text: str) -> str:
        """A text without what differs from account to account and from run to run."""
        words = {self.ours.prefix: "PREFIX", self.owner.id: "OWNER", self.owner.region: "REGION"}
        if self.consumer:
            words[self.consumer.id] = "CONSUMER"
        if self.organization:
            words[self.organization] = "ORGANIZATION"
        for found, word in words.items():
            text = text.replace(found, word)
        text = re.sub(r"\bA(?:ROA|IDA)[A-Z0-9]{12,}\b", "AROA...", text)
        return re.sub(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "UUID", text)

    # Policies of repositories.

    def set(self, repository: str, *statements: Mapping[str, Any], **fields: Any) -> str:
        """Set this policy, and return the text that AWS answers."""
        policy = {"Version": "2008-10-17", "Statement": list(statements)}
        answer = self.owner.ecr.set_repository_policy(
            repositoryName=repository, policyText=json.dumps(policy), **fields
        )
        return str(answer["policyText"])

    def get(self, repository: str) -> str | None:
        try:
            return str(self.owner.ecr.get_repository_policy(repositoryName=repository)["policyText"])
        except ClientError as error:
            if code(error) == "RepositoryPolicyNotFoundException":
                return None
            raise

    @contextmanager
    def registry_policy(self, *statements: Mapping[str, Any]) -> Iterator[None]:
        """These are in the policy of the registry, beside what others have there."""
        self.ours.put_in_registry_policy(*statements)
        try:
            yield
        finally:
            self.ours.put_in_registry_policy()

    # Images.

    def pull(self, repository: str) -> str:
        """What AWS says if the other account pulls the image: its manifest, and where the layer is."""
        asked = {"registryId": self.owner.id, "repositoryName": repository}
        try:
            got = self.other.ecr.batch_get_image(**asked, imageIds=[{"imageTag": TAG}])
            self.other.ecr.get_download_url_for_layer(**asked, layerDigest=digest(LAYER))
        except ClientError as error:
            return said(error)
        return PULLED if got["images"] else f"no image: {got['failures']}"

    def pulls(self, repository: str, *, in_the_end: bool) -> str:
        """The same, once AWS has come round to letting it, or to not letting it."""
        return self.settled(lambda: self.pull(repository), lambda answer: (answer == PULLED) is in_the_end)


def allow(principal: Any, actions: Sequence[str] | str = PULL, **members: Any) -> dict[str, Any]:
    """A statement; a text or list of principals is of AWS."""
    named = principal if isinstance(principal, dict) or principal == "*" else {"AWS": principal}
    action = actions if isinstance(actions, str) else list(actions)
    return {"Effect": "Allow", "Principal": named, "Action": action, **members}
