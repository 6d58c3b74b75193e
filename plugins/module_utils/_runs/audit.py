# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""One run that audits a registry: each repository's policy is read, and what it grants is told. Nothing is written."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Protocol

from .._errors import PolicyWarning
from .._evaluation.evaluator import PolicyEvaluator
from .._iam.arns import repository_arn
from .._iam.document import PolicyError, parse
from .._registry import EcrError, StoredPolicy
from .._repository_names import is_pattern, select
from .bulk import run_each
from .findings import by_principal, counts, findings
from .options import AuditRequest
from .results import Outcome, Result, Row

_ALL = "*"


class Registry(Protocol):
    """What an audit needs of a registry; _ecr.Registry says what its members are."""

    partition: str
    region: str

    @property
    def host(self) -> str: ...
    def owner(self) -> str: ...
    def names(self) -> list[str]: ...
    def read(self, name: str) -> StoredPolicy: ...


@dataclass(frozen=True)
class Audit:
    """result: a row for each repository. registry_id: None where nobody says whose the registry is."""

    result: Result
    partition: str
    region: str
    registry_id: str | None

    def report(self, *, as_json: bool) -> dict[str, Any]:
        """What a task returns. as_json: whether with all that grows with the registry as a text."""
        found = {"repositories": list(self.result.rows), "principals": by_principal(self.result.rows)}
        return {
            **({"json": json.dumps(found)} if as_json else found),
            "summary": counts(self.result.rows),
            "partition": self.partition,
            "region": self.region,
            "registry_id": self.registry_id,
        }


def run(request: AuditRequest, registry: Registry) -> Audit:
    """Find out who gets what in a registry.

    Raises EcrError if patterns are asked for and the repositories cannot be listed; all other errors are rows.
    """
    existing = registry.names() if any(map(is_pattern, request.repositories)) else []
    selection = select(request.repositories, existing)
    # A registry may be empty, and then all of it was looked at.
    unmatched = [(pattern, f'no repository matches "{pattern}"') for pattern in selection.unmatched if pattern != _ALL]

    evaluator_of = lru_cache(maxsize=2)(partial(PolicyEvaluator, registry.partition))

    def work(name: str, _warnings: list[PolicyWarning]) -> Outcome:
        return Outcome(_look(name, request, registry, evaluator_of))

    result = run_each(
        selection.names,
        work,
        unmatched,
        concurrency=request.concurrency,
        missing_ok=request.missing_ok,
        make_row=_row,
    )
    rows = [row for row in result.rows if request.principal is None or row.get("shares", True)]
    try:
        registry_id = registry.owner()
    except EcrError as error:
        return Audit(Result(_failed(rows, error), ()), registry.partition, registry.region, None)
    return Audit(Result(_placed(rows, registry, registry_id), ()), registry.partition, registry.region, registry_id)


def _look(
    name: str, request: AuditRequest, registry: Registry, evaluator_of: Callable[[str | None], PolicyEvaluator]
) -> Row:
    stored = registry.read(name)
    try:
        policy = None if stored.text is None else parse(stored.text)
    except PolicyError as error:
        return {"name": name, "error": f"{name}: its policy cannot be understood, because {error}"}
    owner = stored.registry_id
    arn = None if owner is None else repository_arn(name, owner, registry.region, registry.partition)
    found = findings(policy, evaluator_of(owner), resource=arn, principal=request.principal)
    return {"name": name, **({"policy": policy} if request.include_policy else {}), **found}


def _row(name: str, _warnings: Sequence[PolicyWarning] = (), **more: Any) -> Row:
    return {"name": name, **more}


def _placed(rows: Sequence[Row], registry: Registry, registry_id: str) -> tuple[Row, ...]:
    """Rows with the addresses of repositories that were looked at.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
    """

    def place(name: str) -> Mapping[str, str]:
        return {
            "name": name,
            "arn": f"arn:{registry.partition}:ecr:{registry.region}:{registry_id}:repository/{name}",
            "uri": f"{registry.host}/{name}",
            "registry_id": registry_id,
            "region": registry.region,
        }

    return tuple({**place(row["name"]), **row} if "shares" in row else row for row in rows)


def _failed(rows: Sequence[Row], error: EcrError) -> tuple[Row, ...]:
    return tuple({"name": row["name"], "error": f"{row['name']}: {error}"} if "shares" in row else row for row in rows)
