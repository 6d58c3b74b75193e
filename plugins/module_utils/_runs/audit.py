# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""One run that audits a registry: the policy of each repository is read, and evaluated with that of the registry.

Nothing is written to AWS. What is read may be saved, as a snapshot.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

from .._evaluation.adoption import NOTHING, Adoptable
from .._evaluation.evaluator import ParsedPolicy, PolicyEvaluator, RegistryPolicy
from .._iam.document import PolicyError, parse
from .._iam.principals import Principal
from .._registry import EcrError, PolicyTarget, Registry
from .._repository_names import REGISTRY_LABEL, is_pattern, select
from .._sharing.registry_statements import RegistryStatements
from .._text import word
from .adoption import NOTHING_OF_REGISTRY, adoptable_of, adopted, belonging_to
from .adoption_to_come import AdoptedPolicy, adopted_policy
from .audit_templates import TemplatesRead, read_templates
from .backup_writer import BackupRun
from .backups import SNAPSHOT, BackupError
from .bulk import allow_missing, failed, failed_names, nothing_matches, run_each
from .findings import by_principal, counts, findings, registry_findings
from .options import AuditRequest
from .registry_policy import RegistryPolicyRead, RegistryPolicyReader
from .results import MAX_ERRORS_SHOWN, RepositoryResult, RunResult

_ALL = "*"


@dataclass(frozen=True)
class AuditResult(RepositoryResult):
    """What the policy of a repository says.

    Args:
        findings: Members of the row; None where the policy could not be read.
        address: Members of the row that say where the repository is.
        adoptable: What of the policy can be declared, and what cannot.
    """

    findings: Mapping[str, Any] | None = None
    address: Mapping[str, Any] | None = None
    adoptable: Adoptable = NOTHING

    def to_dict(self) -> dict[str, Any]:
        """Return the row of the repository, in plain values."""
        return {"name": self.name, **(self.address or {}), **(self.findings or {}), **self._error_members()}


@dataclass(frozen=True)
class AuditRunResult(RunResult[AuditResult]):
    """What a run returns that audits.

    Args:
        partition: That of the registry.
        region: That of the registry.
        registry_id: The account that owns it; None where that is not known.
        registry_policy: What its policy says, and whether that is known.
        backup_path: The directory of the snapshot; None where none was saved.
        backup_trouble: What to tell of it; None for nothing.
        adopted: The grants that would declare what is there, and what none can.
        templates: What the creation templates say; None where they were not asked for.
        unsaved: Why the policy of the registry is not in the snapshot; None for no failure.
    """

    partition: str
    region: str
    registry_id: str | None
    registry_policy: Mapping[str, Any]
    adopted: Mapping[str, Any]
    backup_path: str | None = None
    backup_trouble: str | None = None
    templates: TemplatesRead | None = None
    unsaved: str | None = None

    @property
    def failures(self) -> tuple[str, ...]:
        of_templates = () if self.templates is None else self.templates.errors
        of_registry = () if self.unsaved is None else (self.unsaved,)
        return (*super().failures, *of_templates[:MAX_ERRORS_SHOWN], *of_registry)

    @property
    def message(self) -> str:
        return super().message if super().failures else " | ".join(self.failures)

    def to_dict(self, *, rows_as_text: bool = False) -> dict[str, Any]:
        """Return what the task returns, in plain values.

        Args:
            rows_as_text: Whether all that grows with the registry is one text. Ansible handles a text in a small part
                of the time that it takes for as many values.
        """
        rows = [result.to_dict() for result in self.results]
        grown = {
            "repositories": rows,
            "principals": by_principal(rows),
            "registry_policy": self.registry_policy,
            **({} if self.templates is None else self.templates.to_dict()),
            **self.adopted,
        }
        return {
            **({"rows_as_text": json.dumps(grown)} if rows_as_text else grown),
            "summary": counts(rows),
            **({} if self.backup_path is None else {"backup_path": self.backup_path}),
            "partition": self.partition,
            "region": self.region,
            "registry_id": self.registry_id,
        }


def run(request: AuditRequest, registry: Registry) -> AuditRunResult:
    """Find out who gets what in a registry.

    Raises:
        EcrError: There are patterns, and the repositories cannot be listed. All other errors are in the results.
    """
    existing = registry.names() if any(map(is_pattern, request.repositories)) else []
    selection = select(request.repositories, existing)
    # A registry may be empty, and then all of it was audited.
    unmatched = [pattern for pattern in selection.unmatched if pattern != _ALL]
    evaluator = cache(
        partial(PolicyEvaluator, registry.partition, region=registry.region, now=time.time(), check=registry.check)
    )
    registry_policy = RegistryPolicyReader(registry)
    snapshot = _snapshot(request, registry)

    def audit(target: PolicyTarget) -> AuditResult:
        result, stored = AuditResult(target.label), target.read()
        of_registry = registry_policy.read().policy
        owner = stored.registry_id or registry_policy.owner()
        try:
            policy = None if stored.text is None else parse(stored.text)
        except PolicyError as error:
            return replace(result, error=f"{word(target.label)}: the policy could not be parsed: {error}")
        if snapshot is not None:
            snapshot.save(target, owner or registry.owner(), policy=stored.text, written=stored.text)
        resource = target.resource_arn(owner)
        found = findings(
            policy, evaluator(owner), resource=resource, registry_policy=of_registry, principal=request.principal
        )
        parsed = evaluator(owner).parse(policy, resource, of_registry or RegistryPolicy())
        return replace(
            result,
            findings={**({"policy": policy} if request.include_policy else {}), **found},
            adoptable=adoptable_of(parsed, policy, request.principal, resource=resource),
        )

    results = run_each(
        [registry.repository(name) for name in selection.names],
        audit,
        result_type=AuditResult,
        concurrency=request.concurrency,
    )
    read = registry_policy.read()
    templates: TemplatesRead | None = None
    if request.include_templates:
        templates = read_templates(request, registry, evaluator(_owner(registry)), snapshot)
    trouble = unsaved = None
    if snapshot is not None:
        # Whoever names repositories means no others.
        if request.repositories == (_ALL,):
            unsaved = _save_registry_policy(registry, snapshot)
        lacking = [REGISTRY_LABEL] if unsaved else []
        trouble = snapshot.finish([*failed_names(results), *(templates.failed if templates else ()), *lacking])
    results += tuple(AuditResult(text, error=nothing_matches(text, registry), missing=True) for text in unmatched)
    if request.missing_ok:
        results = allow_missing(results)
    wanted = tuple(result for result in results if request.principal is None or _has_shares(result))
    owner: str | None = None
    try:
        owner = registry.owner()
        wanted = _with_addresses(wanted, registry, owner)
    except EcrError as error:
        wanted = _without_owner(wanted, error)
    said = _said_of_registry(read, evaluator(owner), request)
    of_registry = evaluator(owner).parse_registry_policy(read.policy or RegistryPolicy())
    grants = adopted(
        {result.name: result.adoptable for result in wanted},
        of_registry,
        request.principal,
        of_registry=_adopted_policy(of_registry, registry, owner, request.principal),
        of_templates=None if templates is None else templates.adopted,
    )
    return AuditRunResult(
        wanted,
        registry.partition,
        registry.region,
        owner,
        said,
        grants,
        backup_path=None if snapshot is None else snapshot.path,
        backup_trouble=trouble,
        templates=templates,
        unsaved=unsaved,
    )


def _adopted_policy(
    policy: ParsedPolicy, registry: Registry, owner: str | None, principal: Principal | None
) -> AdoptedPolicy:
    """Return what of the policy of a registry is declared: nothing where nobody knows whose it is."""
    if owner is None:
        return NOTHING_OF_REGISTRY
    managed = RegistryStatements(registry.partition, registry.region, owner)
    return adopted_policy(policy.own_statements, managed, owner, belonging_to(principal, policy))


def _owner(registry: Registry) -> str | None:
    try:
        return registry.owner()
    except EcrError:
        return None


def _save_registry_policy(registry: Registry, snapshot: BackupRun) -> str | None:
    """Save the policy of the registry, if it can be had: the result says whether it was read.

    Returns:
        Why it is not in the snapshot although AWS answered it; None if it is, or if there is none to save.
    """
    try:
        text, owner = registry.registry_policy().text, registry.owner()
    except EcrError:
        return None
    try:
        if text is not None:
            # One file that is no backup would keep all the others from being restored.
            parse(text)
        # An empty registry is not worth a directory.
        if text is not None or snapshot.path is not None:
            snapshot.save(registry.policy_of_registry(), owner, policy=text, written=text)
    except PolicyError as error:
        return f"{REGISTRY_LABEL}: the policy could not be parsed: {error}"
    except BackupError as error:
        return f"{REGISTRY_LABEL}: {error}"
    return None


def _snapshot(request: AuditRequest, registry: Registry) -> BackupRun | None:
    if not request.backup_dir:
        return None
    return BackupRun(request.backup_dir, kind=SNAPSHOT, partition=registry.partition, region=registry.region)


def _said_of_registry(found: RegistryPolicyRead, evaluator: PolicyEvaluator, request: AuditRequest) -> dict[str, Any]:
    """Return what the policy of the registry says, and whether that is known."""
    known = found.policy or RegistryPolicy()
    said = registry_findings(known, evaluator, request.principal)
    return {
        **found.to_dict(),
        **said,
        "policy_length": None if found.policy is None else said["policy_length"],
        **({"policy": known.policy} if request.include_policy else {}),
    }


def _has_shares(result: AuditResult) -> bool:
    return result.findings is None or bool(result.findings["shares"])


def _with_addresses(results: tuple[AuditResult, ...], registry: Registry, owner: str) -> tuple[AuditResult, ...]:
    host = registry.host if results else ""

    def address(name: str) -> dict[str, Any]:
        return {
            "arn": registry.repository(name).resource_arn(owner),
            "uri": f"{host}/{name}",
            "registry_id": owner,
            "region": registry.region,
        }

    return tuple(
        result if result.findings is None else replace(result, address=address(result.name)) for result in results
    )


def _without_owner(results: tuple[AuditResult, ...], error: EcrError) -> tuple[AuditResult, ...]:
    return tuple(result if result.findings is None else failed(AuditResult(result.name), error) for result in results)
