# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""The table of capabilities: what a grant can give, and by which actions.

The rules:

- A principal's access is a set of capabilities, and sets add up. There are no names for combinations.
- A set of actions that was published once is recognised for ever. A later one goes after it in the same row, and has
  all of its actions; the last of a row is what a declared principal gets.
- Each capability has a statement of its own. Only what SHARED_STATEMENTS lists shares one.
- Nothing else in the collection lists the capabilities: choices, Sids, statements, the consumer's policy and the report
  are made from this table.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, product

# The names of capabilities. The empty set is the access of an account whose Lambda functions alone may pull.
Access = frozenset[str]
Actions = tuple[str, ...]


@dataclass(frozen=True)
class Capability:
    """A named set of actions.

    Args:
        name: What grants and results call it.
        title: The same as a part of a Sid.
        action_sets: Every set of actions that was ever published for it, the newest last, each in the order of a new
            statement.
        required: The actions without which nothing comes of it, whatever else is granted. Rows of an audit say for each
            capability that has some whether a principal can use it.
        dispensable: The actions without which clients manage all the same.
        allows_lambda: Whether Lambda functions may be given the pull beside it.
        needs_login: Whether a client logs in to the registry for it, which takes C(ecr:GetAuthorizationToken).
        glyph: What stands for it in a cell of the report.
        colours: The colours of that cell in the light and in the dark theme.
    """

    name: str
    title: str
    action_sets: tuple[Actions, ...]
    required: frozenset[str]
    dispensable: frozenset[str]
    allows_lambda: bool
    needs_login: bool
    glyph: str
    colours: tuple[str, str]


# https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policy-examples.html
_PULL = ("ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage", "ecr:BatchCheckLayerAvailability")
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html
_UPLOAD = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:PutImage",
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
)

CAPABILITIES = (
    Capability(
        name="pull",
        title="Pull",
        action_sets=(_PULL,),
        # A layer that is asked for need not be looked for first.
        required=frozenset({"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}),
        dispensable=frozenset({"ecr:BatchCheckLayerAvailability"}),
        allows_lambda=True,
        needs_login=True,
        glyph="↓",
        colours=("#2563eb", "#60a5fa"),
    ),
    Capability(
        name="push",
        title="Push",
        # Clients ask for the manifest before they push it, which takes BatchGetImage.
        action_sets=(_UPLOAD, (*_UPLOAD, "ecr:BatchGetImage")),
        # The layers of an image may be there already.
        required=frozenset({"ecr:PutImage"}),
        # Only some clients ask for the manifest.
        dispensable=frozenset({"ecr:BatchGetImage"}),
        allows_lambda=False,
        needs_login=True,
        glyph="↑",
        colours=("#b45309", "#fbbf24"),
    ),
    Capability(
        name="describe",
        title="Describe",
        action_sets=(("ecr:DescribeRepositories", "ecr:DescribeImages", "ecr:ListImages"),),
        required=frozenset(),
        dispensable=frozenset(),
        allows_lambda=False,
        needs_login=False,
        glyph="i",
        colours=("#0f766e", "#5eead4"),
    ),
)
SHARED_STATEMENTS: tuple[Access, ...] = (frozenset({"pull", "push"}),)

# https://docs.aws.amazon.com/lambda/latest/dg/images-create.html#gettingstarted-images-permissions
LAMBDA_ACTIONS = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
LAMBDA_SERVICE = "lambda.amazonaws.com"

NAMES = tuple(capability.name for capability in CAPABILITIES)
DEFAULT_ACCESS: Access = frozenset({NAMES[0]})
ALLOW_LAMBDA: Access = frozenset(capability.name for capability in CAPABILITIES if capability.allows_lambda)


def ordered(access: Iterable[str]) -> tuple[str, ...]:
    """Return the names of capabilities in the order of the table."""
    wanted = frozenset(access)
    return tuple(name for name in NAMES if name in wanted)


def statement_sets() -> tuple[Access, ...]:
    """Return the sets of capabilities that have a statement of their own, those of one capability first."""
    return (*(frozenset({name}) for name in NAMES), *SHARED_STATEMENTS)


@lru_cache(maxsize=256)
def split(access: Access) -> tuple[Access, ...]:
    """Return the sets of capabilities whose statements together grant an access, no capability twice."""
    found = []
    left = access
    for capabilities in sorted(statement_sets(), key=len, reverse=True):
        if capabilities <= left:
            found.append(capabilities)
            left -= capabilities
    return tuple(found)


@lru_cache(maxsize=256)
def action_sets(access: Access) -> tuple[Actions, ...]:
    """Return every set of actions that an access was ever written with in one statement, the newest last."""
    rows = [capability.action_sets for capability in CAPABILITIES if capability.name in access]
    newest_first = [tuple(dict.fromkeys(chain.from_iterable(sets))) for sets in reversed(list(product(*rows)))]
    distinct = {frozenset(actions): actions for actions in reversed(newest_first)}
    order = dict.fromkeys(map(frozenset, newest_first))
    return tuple(distinct[actions] for actions in reversed(order))


def actions_of(access: Access) -> Actions:
    """Return the actions that an access has when it is declared now; none for Lambda alone."""
    return action_sets(access)[-1] if access else ()


@lru_cache(maxsize=4096)
def versions(actions: frozenset[str]) -> dict[str, int]:
    """Return the capabilities that a set of actions includes, each with the position of the newest set that it has."""
    return {
        capability.name: version
        for capability in CAPABILITIES
        for version, included in enumerate(capability.action_sets)
        if actions.issuperset(included)
    }


def title(access: Collection[str]) -> str:
    """Return what Sids call an access, such as C(PullAndPush)."""
    return "And".join(capability.title for capability in CAPABILITIES if capability.name in access)
