# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task asks of a run, the texts of policies that it meets, and the rows that it returns."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ansible_collections.imageshare.aws.plugins.module_utils._runs.options import Request, RestoreRequest
from ansible_collections.imageshare.aws.plugins.module_utils._runs.results import WriteRunResult
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.grants import Grant
from ansible_collections.imageshare.aws.tests.support.builders import ACCOUNT, PULL, grant

_COMMON: dict[str, Any] = {
    "missing_ok": False,
    "force_set_policy": False,
    "concurrency": 8,
    "backup_dir": None,
    "check_mode": False,
    "diff": False,
    "include_policy": True,
}


def to_share(*repositories: str, grants: Iterable[Grant] = (grant(ACCOUNT),), **changes: Any) -> Request:
    """Return what asks to share repositories, with an account unless there are other grants."""
    positioned = tuple(replace(declared, position=position) for position, declared in enumerate(grants))
    asked = {"sharing": True, "purge_grants": False, "purge_deleted_principals": False, **_COMMON, **changes}
    return Request(repositories=repositories, grants=positioned, **asked)


def to_restore(backup: Path | str | None, **changes: Any) -> RestoreRequest:
    """Return what asks to restore all that is in a backup."""
    asked = {"repositories": ("*",), "to": "before", "overwrite": False, "registry_id": None, **_COMMON, **changes}
    return RestoreRequest(backup_path=str(backup), **asked)


def allowing(*principals: str, sid: str = "AllowPull", actions: str | Iterable[str] = PULL) -> dict[str, Any]:
    """Return a statement that allows AWS identities actions: a managed one, unless other actions are given."""
    listed = actions if isinstance(actions, str) else list(actions)
    return {"Sid": sid, "Effect": "Allow", "Principal": {"AWS": list(principals)}, "Action": listed}


def text_of(*statements: Mapping[str, Any]) -> str:
    """Return the text of a policy of these statements."""
    return json.dumps({"Version": "2008-10-17", "Statement": list(statements)})


def change(principal: str, *access: str, regions: Iterable[str] = ()) -> dict[str, Any]:
    """Return what a row says to have been granted or revoked; the pull unless something else is given."""
    return {"principal": principal, "access": list(access or ["pull"]), "lambda_regions": list(regions)}


def rows(result: WriteRunResult) -> list[dict[str, Any]]:
    """Return the rows as a task returns them, with the policies of those that changed."""
    returned: list[dict[str, Any]] = result.to_dict(diff=False, include_policy=True)["repositories"]
    return returned


def only(result: WriteRunResult) -> dict[str, Any]:
    """Return the only row."""
    (row,) = rows(result)
    return row
