# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""What an audit says about creation templates: who would get what in the repositories that ECR creates by them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .._evaluation.adoption import NOTHING, Adoptable
from .._evaluation.evaluator import PolicyEvaluator
from .._iam.document import PolicyError, parse
from .._registry import EcrError, Registry, Template
from .._repository_names import label_text, template_label
from .adoption import adoptable_of
from .adoption_to_come import AdoptedTemplates, adopted_templates
from .backup_writer import BackupRun
from .bulk import failed
from .findings import findings
from .options import AuditRequest
from .results import RepositoryResult
from .targets import NO_POLICY

_NONE = Template("", (), None)


@dataclass(frozen=True)
class TemplateResult(RepositoryResult):
    """What the policy of a creation template says.

    Args:
        template: The template.
        findings: Members of the row; None where the policy could not be read.
        adoptable: What of it can be declared by itself, and what cannot.
    """

    template: Template = _NONE
    findings: Mapping[str, Any] | None = None
    adoptable: Adoptable = NOTHING

    def to_dict(self) -> dict[str, Any]:
        """Return the row of the template, in plain values."""
        place = {"prefix": self.template.prefix, "applied_for": list(self.template.applied_for)}
        return {**place, **(self.findings or {}), **self._error_members()}


@dataclass(frozen=True)
class TemplatesRead:
    """The creation templates of a registry, or why they are not known.

    Args:
        results: One for each of them.
        error: Why they could not be read; None where they could.
        error_code: The error code that AWS answered; None where AWS answered none.
    """

    results: tuple[TemplateResult, ...] = ()
    error: str | None = None
    error_code: str | None = None

    @property
    def failed(self) -> list[str]:
        """The labels of those that were not saved, or whose policy could not be read."""
        return [result.name for result in self.results if result.error is not None]

    @property
    def errors(self) -> tuple[str, ...]:
        """Why some of them failed."""
        return tuple(result.error for result in self.results if result.error is not None)

    @property
    def adopted(self) -> AdoptedTemplates:
        """What of them is declared, and what cannot be."""
        return adopted_templates({one.template.prefix: one.adoptable for one in self.results})

    def to_dict(self) -> dict[str, Any]:
        """Return what the task returns, in plain values."""
        read = {"read": self.error is None, "error": self.error, "error_code": self.error_code}
        return {"templates": [result.to_dict() for result in self.results], "templates_read": read}


def read_templates(
    request: AuditRequest, registry: Registry, evaluator: PolicyEvaluator, snapshot: BackupRun | None
) -> TemplatesRead:
    """Return what the creation templates of a registry say, which one call lists, and save them in a snapshot.

    Args:
        request: What is asked for.
        registry: Where they are.
        evaluator: That of the registry.
        snapshot: Where to save them; None for nowhere.
    """
    try:
        templates, owner = registry.templates(), registry.owner() if snapshot else ""
    except EcrError as error:
        return TemplatesRead(error=str(error), error_code=error.code)

    def audited(template: Template) -> TemplateResult:
        result = TemplateResult(template_label(template.prefix), template=template)
        try:
            policy = None if template.policy is None else parse(template.policy)
            if snapshot is not None:
                target = registry.template(template.prefix)
                snapshot.save(target, owner, policy=template.policy, written=template.policy)
        except PolicyError as error:
            return replace(result, error=f"{label_text(result.name)}: the policy could not be parsed: {error}")
        except Exception as error:  # The surprise of one template must not hide what the others say.
            return failed(result, error)
        found = findings(policy, evaluator, registry_policy=NO_POLICY, principal=request.principal)
        return replace(
            result,
            findings={**({"policy": policy} if request.include_policy else {}), **found},
            adoptable=adoptable_of(evaluator.parse(policy, None, NO_POLICY), policy, request.principal),
        )

    results = tuple(map(audited, templates))
    # Of one who is asked for, only what lets it in.
    wanted = (one for one in results if request.principal is None or one.findings is None or one.findings["shares"])
    return TemplatesRead(tuple(wanted))
