# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The repository creation templates of the embedded ECR, of which moto has none.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-creation-templates.html
"""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

from embedded_answers import invalid, page
from moto.core.exceptions import ServiceException
from moto.ecr.models import ECRBackend

ROOT = "ROOT"
# Who creates a repository that nobody asked for, and what the template for it must be applied for.
CAUSES = {"push": "CREATE_ON_PUSH", "cache": "PULL_THROUGH_CACHE", "replication": "REPLICATION"}

Template = dict[str, Any]
# A template that is not there is made, and one that becomes None is taken away.
Change = Callable[[Template | None], Template | None]

_POLICY, _MUTABILITY, _FILTERS = "repositoryPolicy", "imageTagMutability", "imageTagMutabilityExclusionFilters"
_DATES = ("createdAt", "updatedAt")
_COMPONENT = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_PREFIX = rf"{_COMPONENT}(?:/{_COMPONENT})*/?|{ROOT}"
_MUTABILITIES = ("MUTABLE", "IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION", "MUTABLE_WITH_EXCLUSION")
_LONGEST = {"description": 256, "lifecyclePolicy": 30_720}
# Fields beside prefix and dates: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_RepositoryCreationTemplate.html
_FIELDS = {
    *_LONGEST,
    "encryptionConfiguration",
    "resourceTags",
    _MUTABILITY,
    _FILTERS,
    _POLICY,
    "appliedFor",
    "customRoleArn",
}
# What a template has that says nothing of it, as AWS answered Terraform's tests.
_DEFAULTS: Template = {"encryptionConfiguration": {"encryptionType": "AES256"}, _MUTABILITY: "MUTABLE"}


class Templates:
    """Those of each account and region.

    Args:
        accept: The text that AWS stores for the policy that it is given; raises what refuses it.
        show: What one read shows of a stored text.
        resets_mutability: Whether an update without a mutability makes a template mutable.
    """

    def __init__(
        self,
        accept: Callable[[ECRBackend, str], str],
        show: Callable[[str], str],
        resets_mutability: Callable[[], bool],
    ) -> None:
        self._accept, self._show, self._resets_mutability = accept, show, resets_mutability
        self._lock = Lock()
        self.operations: Mapping[str, Callable[[ECRBackend, dict[str, Any]], dict[str, Any]]] = {
            "DescribeRepositoryCreationTemplates": self._describe,
            "CreateRepositoryCreationTemplate": self._create,
            "UpdateRepositoryCreationTemplate": self._update,
            "DeleteRepositoryCreationTemplate": self._delete,
        }
        self.forget()

    def forget(self) -> None:
        self._of: defaultdict[tuple[str, str], dict[str, Template]] = defaultdict(dict)

    def plant(self, backend: ECRBackend, prefix: str, fields: Template) -> None:
        """Store a template in place of any other of its prefix, with a policy that AWS might refuse."""
        _check_prefix(prefix)
        if unknown := fields.keys() - _FIELDS:
            raise ValueError(f"no field of a template: {', '.join(sorted(unknown))}")
        _check(backend, template := _DEFAULTS | fields)
        self._change(backend, prefix, lambda _old: {"prefix": prefix, **template})

    def stored(self, backend: ECRBackend) -> dict[str, Template]:
        """By prefix all fields but the dates."""
        return {
            template["prefix"]: {name: value for name, value in template.items() if name not in ("prefix", *_DATES)}
            for template in self._templates(backend).values()
        }

    def meddle(self, backend: ECRBackend, prefix: str, fields: Mapping[str, Any]) -> None:
        """Give a template other fields, unless it is gone; None takes one away."""

        def changed(old: Template | None) -> Template | None:
            return old and {name: value for name, value in {**old, **fields}.items() if value is not None}

        self._change(backend, prefix, changed)

    def remove(self, backend: ECRBackend, prefix: str) -> None:
        self._change(backend, prefix, lambda _old: None)

    def for_new(self, backend: ECRBackend, name: str, by: str) -> Template | None:
        """The template for a repository that ECR creates by ``push``, ``cache`` or ``replication``.

        The longest prefix wins, ``prod`` means ``prod/``, and ROOT is for what no other template matches. One that is
        not applied for this cause counts as none, so that a shorter one or ROOT is taken: AWS does not document that.
        """
        if by not in CAUSES:
            raise ValueError(f"ECR creates no repository by {by}, but by {', '.join(CAUSES)}")
        matching = {
            key: template
            for key, template in self._templates(backend).items()
            if CAUSES[by] in template["appliedFor"] and (key == ROOT or name.startswith(key))
        }
        longest = max(matching, key=lambda key: 0 if key == ROOT else len(key), default=None)
        return longest and matching[longest]

    def _describe(self, backend: ECRBackend, params: dict[str, Any]) -> dict[str, Any]:
        found = self._templates(backend)
        asked = params.get("prefixes") or found
        for prefix in asked:
            _check_prefix(prefix)
            if _key(prefix) not in found:
                raise _missing(backend, prefix)
        keys, token = page({_key(prefix) for prefix in asked}, params)
        shown = [self._shown(found[key]) for key in keys]
        return {"registryId": backend.account_id, "repositoryCreationTemplates": shown, **token}

    def _create(self, backend: ECRBackend, params: dict[str, Any]) -> dict[str, Any]:
        def created(old: Template | None) -> Template:
            if old:
                raise ServiceException(
                    "TemplateAlreadyExistsException",
                    f"The template with prefix '{params['prefix']}' already exists in the registry with id "
                    f"'{backend.account_id}'",
                )
            return {"prefix": params["prefix"], **_DEFAULTS}

        return self._put(backend, params, created)

    def _update(self, backend: ECRBackend, params: dict[str, Any]) -> dict[str, Any]:
        def updated(old: Template | None) -> Template:
            if old is None:
                raise _missing(backend, params["prefix"])
            # "If this parameter is omitted, the default setting of MUTABLE will be used", whereas all else is kept:
            # https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_UpdateRepositoryCreationTemplate.html
            if _MUTABILITY in params or self._resets_mutability():
                return {name: value for name, value in old.items() if name != _FILTERS} | {_MUTABILITY: "MUTABLE"}
            return old

        return self._put(backend, params, updated)

    def _put(self, backend: ECRBackend, params: dict[str, Any], of_old: Change) -> dict[str, Any]:
        """Store what is sent above what becomes of the template that is there, if any. An empty text empties."""
        _check_prefix(params["prefix"])

        def put(old: Template | None) -> Template:
            sent = {name: value for name, value in params.items() if name in _FIELDS}
            found = {name: value for name, value in {**(of_old(old) or {}), **sent}.items() if sent.get(name) != ""}
            _check(backend, found)
            if sent.get(_POLICY):
                found[_POLICY] = self._accept(backend, sent[_POLICY])
            return found

        return self._answer(backend, self._change(backend, params["prefix"], put) or {})

    def _delete(self, backend: ECRBackend, params: dict[str, Any]) -> dict[str, Any]:
        _check_prefix(params["prefix"])
        deleted: list[Template] = []

        def remove(old: Template | None) -> None:
            if old is None:
                raise _missing(backend, params["prefix"])
            deleted.append(old)

        self._change(backend, params["prefix"], remove)
        return self._answer(backend, deleted[0])

    def _templates(self, backend: ECRBackend) -> dict[str, Template]:
        with self._lock:
            return dict(self._of[backend.account_id, backend.region_name])

    def _change(self, backend: ECRBackend, prefix: str, change: Change) -> Template | None:
        with self._lock:
            templates, key = self._of[backend.account_id, backend.region_name], _key(prefix)
            old = templates.get(key)
            new, now = change(old), time.time()
            if new:
                templates[key] = {**new, "createdAt": old["createdAt"] if old else now, "updatedAt": now}
            else:
                templates.pop(key, None)
            return templates.get(key)

    def _answer(self, backend: ECRBackend, template: Template) -> dict[str, Any]:
        return {"registryId": backend.account_id, "repositoryCreationTemplate": self._shown(template)}

    def _shown(self, template: Template) -> Template:
        return template | {_POLICY: self._show(template[_POLICY])} if _POLICY in template else template


def told(answer: Mapping[str, Any]) -> list[str]:
    """The prefixes of the templates in an answer of any operation."""
    one = answer.get("repositoryCreationTemplate")
    return [template["prefix"] for template in answer.get("repositoryCreationTemplates", [one] if one else [])]


def _key(prefix: str) -> str:
    return prefix if prefix == ROOT else prefix.rstrip("/") + "/"


def _check_prefix(prefix: str) -> None:
    if len(prefix) > 256 or not re.fullmatch(_PREFIX, prefix):
        raise invalid("prefix", f"must satisfy regular expression '^({_PREFIX})$'")


def _check(backend: ECRBackend, template: Template) -> None:
    """All but the policy."""
    for name, longest in _LONGEST.items():
        if len(template.get(name, "")) > longest:
            raise invalid(name, f"must have length less than or equal to {longest}")
    if unknown := {*template.get("appliedFor", ["nothing"])} - {*CAUSES.values()}:
        raise invalid("appliedFor", f"must be some of {', '.join(CAUSES.values())}, not {', '.join(unknown)}")
    if template[_MUTABILITY] not in _MUTABILITIES:
        raise invalid(_MUTABILITY, f"must be one of {', '.join(_MUTABILITIES)}")
    filters = template.get(_FILTERS)
    backend.validate_image_tag_mutability_params_compatibility(template[_MUTABILITY], filters)
    if filters is not None and not 1 <= len(filters) <= 5:
        raise invalid(_FILTERS, "must have between 1 and 5 members")
    for one in filters or []:
        if one["filterType"] != "WILDCARD" or not re.fullmatch(r"[0-9a-zA-Z._*-]{1,128}", one["filter"]):
            raise invalid(_FILTERS, "must be of the type WILDCARD, and of letters, digits and ._*-")


def _missing(backend: ECRBackend, prefix: str) -> ServiceException:
    # The words of AWS are not documented; these are ours.
    return ServiceException(
        "TemplateNotFoundException",
        f"The template with prefix '{prefix}' does not exist in the registry with id '{backend.account_id}'",
    )
