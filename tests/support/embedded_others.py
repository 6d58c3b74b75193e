# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What somebody else does to policies and templates between two calls, as Settings.others of the embedded ECR says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

import policy_text
from embedded_templates import Templates, told
from moto.ecr.models import ECRBackend


@dataclass(frozen=True)
class Theirs:
    """What a rule finds to change.

    Args:
        label: What is counted apart, for its ``times``.
        version: That of a policy where there was none.
        text: The policy that is there, if any.
        store: Stores another, or None.
        delete: Takes away all of it.
        meddle: Gives it other fields, if it has any.
    """

    label: str
    version: str
    text: str | None
    store: Callable[[str | None], None]
    delete: Callable[[], None]
    meddle: Callable[[Mapping[str, Any]], None] | None = None

    def change(self, rule: Mapping[str, Any]) -> None:
        if rule.get("delete"):
            self.delete()
            return
        if self.meddle and "fields" in rule:
            self.meddle(rule["fields"])
        if "policy" in rule:
            self.store(rule["policy"] and policy_text.stored(rule["policy"]))
        elif "statement" in rule:
            found = json.loads(self.text) if self.text else {"Version": self.version, "Statement": []}
            found["Statement"] = [*found["Statement"], rule["statement"]]
            self.store(policy_text.stored(found))


def changed_by_others(
    rule: Mapping[str, Any], name: str | None, backend: ECRBackend, templates: Templates, answer: Mapping[str, Any]
) -> Iterator[Theirs]:
    """What a rule is for, after a call that named this repository, if any, and was answered so."""
    if rule.get("registry"):
        yield Theirs(
            "registry policy",
            "2012-10-17",
            backend.registry_policy,
            store=partial(setattr, backend, "registry_policy"),
            delete=partial(setattr, backend, "registry_policy", None),
        )
    elif "template" in rule:
        stored = templates.stored(backend)
        for prefix in told(answer):
            if prefix in stored and fnmatchcase(prefix, rule["template"]):
                text = stored[prefix].get("repositoryPolicy")
                yield _of_template(prefix, text, partial(templates.meddle, backend, prefix), templates, backend)
    elif name in backend.repositories and fnmatchcase(name, rule.get("repository", "*")):
        repository = backend.repositories[name]
        yield Theirs(
            name,
            "2008-10-17",
            repository.policy,
            store=partial(setattr, repository, "policy"),
            delete=partial(backend.repositories.pop, name),
        )


def _of_template(
    prefix: str,
    text: str | None,
    meddle: Callable[[Mapping[str, Any]], None],
    templates: Templates,
    backend: ECRBackend,
) -> Theirs:
    return Theirs(
        f"template {prefix}",
        "2008-10-17",
        text,
        store=lambda stored: meddle({"repositoryPolicy": stored}),
        delete=partial(templates.remove, backend, prefix),
        meddle=meddle,
    )
