# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shares of an audit as CSV: a line for each, for each repository that has none, and for what was not read."""

from __future__ import annotations

DOCUMENTATION = r"""
name: ecr_share_csv
short_description: The shares of an audit as CSV
version_added: 1.0.0
description:
  - Writes a report on ECR repositories, the C(report.json) of the role P(imageshare.aws.ecr_share#role), as CSV
    (L(RFC 4180,https://www.rfc-editor.org/rfc/rfc4180)), with a header and one line for each share.
  - A repository that is shared with nobody, or that could not be read, has one line, without a principal.
  - The policy of a registry has a line for each of its shares, without a C(repository); the patterns of ARNs that it is
    for are in C(conditions). What it means for a repository is in the lines of that repository as well. If it could not
    be read, it has one line, with the reason in C(error), and others than those of the lines may get in by it.
  - What a spreadsheet may take for the beginning of a formula has an apostrophe before it. That is each of
    C(= + - @ | %), and the same in full width, at the beginning of a cell, and after a comma, semicolon, vertical bar,
    blank, quotation mark or backslash, because whoever opens the file chooses where cells begin.
  - Characters that are not seen or that move others, such as line breaks, tabs, marks of direction and letters that are
    written from right to left, are escapes as JSON has them, such as C(\\n) or C(\\u202e).
positional: _input
options:
  _input:
    description:
      - "The report: a dictionary whose C(registries) have C(registry_id), C(region) and C(repositories), and
        C(registry_policy) and C(hosts) where these are known. It may have the C(names) of principals."
      - Or the same as a JSON text.
    type: raw
    required: true
notes:
  - A spreadsheet that takes account ids for numbers drops their leading zeros. Import these columns as text.
author:
  - imageshare.aws contributors (@imageshare)
"""

EXAMPLES = r"""
- name: Write the shares of a registry for a spreadsheet
  ansible.builtin.copy:
    content: "{{ ecr_share_report | imageshare.aws.ecr_share_csv }}"
    dest: "{{ playbook_dir }}/report.csv"
    mode: "0600"
  vars:
    ecr_share_report:
      names:
        "111122223333": checkout-prod
      registries:
        - registry_id: "123456789012"
          region: us-east-1
          hosts: [images]
          repositories:
            - name: app
              public: false
              unscoped_service: false
              registry_policy_read: true
              shares:
                - principal: "111122223333"
                  principal_type: account
                  access: [pull, describe]
                  other_actions: []
                  can_pull: true
                  can_push: false
                  lambda_regions: []
                  conditions: []
                  statements:
                    - policy: repository
                      position: 1
                      sid: null
                  denied_by: []
                  managed: true
"""

RETURN = r"""
_value:
  description:
    - "The columns are C(registry_id), C(region), C(hosts), C(repository), C(principal), C(principal_name),
      C(principal_type), C(via_service), C(access), C(other_actions), C(can_pull), C(can_push), C(lambda_regions),
      C(lambda_regions_denied), C(conditional), C(conditions), C(statements), C(denied_by), C(defeated), C(managed), and
      of the repository C(public), C(unscoped_service), C(registry_policy_read), C(drift) and C(error)."
    - The C(hosts) are those of the inventory that the registry is of. The C(principal_name) is what the C(names) of the
      report call the principal, and empty if they do not name it.
    - The C(repository) is empty for the policy of a registry, and C(template) with a prefix for a creation template.
    - The capabilities of C(access) are joined by plus signs, actions and regions are separated by spaces, all else by
      semicolons.
    - Where there is a C(via_service), that service has the access, and acts for the principal.
    - The drift names each grant that is missing or undeclared by its principal, its access and the regions of its
      Lambda functions.
    - A statement is its position and its C(Sid) as a JSON string, with C(registry) before it if it is one of the
      registry policy, and C(written by) behind it if a service itself has written it. A condition is its operator, its
      key and its values as JSON. After a C(Deny) statement stands what of the share it C(denies), or C(may deny) where
      that depends on the request, or where it takes only a part.
    - A share that is C(defeated) is one of which the C(Deny) statements leave nothing.
  type: str
  sample: |
    registry_id,region,hosts,repository,principal,principal_name,principal_type,via_service,access,other_actions,can_pull,can_push,lambda_regions,lambda_regions_denied,conditional,conditions,statements,denied_by,defeated,managed,public,unscoped_service,registry_policy_read,drift,error
    123456789012,us-east-1,images,app,111122223333,checkout-prod,account,,pull+describe,,true,false,,,false,,1,,false,true,false,false,true,,
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ansible_collections.imageshare.aws.plugins.plugin_utils._old_core import refuse_old_core

refuse_old_core()

from ansible.errors import AnsibleFilterError
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.capabilities import CAPABILITIES
from ansible_collections.imageshare.aws.plugins.module_utils._text import message, visible

# What an audit says of each capability without which some actions are of no use.
_USABLE = tuple(f"can_{capability.name}" for capability in CAPABILITIES if capability.required)
# What a policy says of itself.
_OF_POLICY = ("public", "unscoped_service", "registry_policy_read")
COLUMNS = (
    "registry_id",
    "region",
    "hosts",
    "repository",
    "principal",
    "principal_name",
    "principal_type",
    "via_service",
    "access",
    "other_actions",
    *_USABLE,
    "lambda_regions",
    "lambda_regions_denied",
    "conditional",
    "conditions",
    "statements",
    "denied_by",
    "defeated",
    "managed",
    *_OF_POLICY,
    "drift",
    "error",
)
# What a spreadsheet reads as a formula, also in the width of East Asia, where a cell begins. A cell begins where its
# user says: after any separator, of which blanks are one, and quotation marks may be dropped.
# https://owasp.org/www-community/attacks/CSV_Injection
_SIGNS = "=+@|%\\-\uff1d\uff0b\uff20\uff5c\uff05\uff0d\u2212"
_QUOTES = "\"'`\u2018\u2019\u201c\u201d\\\\"
_FORMULA = re.compile(rf"(?<![^\s,;|{_QUOTES}])[{_SIGNS}]")


def ecr_share_csv(report: Mapping[str, Any] | str) -> str:
    """Return a report as CSV, with CRLF after each line.

    Args:
        report: The report, or its JSON.

    Raises:
        AnsibleFilterError: It is not a report.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    try:
        for line in _lines(json.loads(report) if isinstance(report, str) else report):
            writer.writerow({column: _harmless(_text(value)) for column, value in line.items()})
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise AnsibleFilterError(
            message(f"ecr_share_csv: not a report on ECR repositories ({type(error).__name__}: {error})")
        ) from error
    return text.getvalue()


def _lines(report: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    names = report.get("names", {})
    for registry in report["registries"]:
        of_registry = {
            "registry_id": registry["registry_id"],
            "region": registry["region"],
            "hosts": " ".join(registry.get("hosts", ())),
        }
        policy = registry.get("registry_policy")
        if policy:
            yield from ({**of_registry, **line} for line in _lines_of_policy(policy, names))
        for repository in registry["repositories"]:
            of_repository = {
                **of_registry,
                "repository": repository["name"],
                # What could not be read is neither public nor not.
                **{member: repository.get(member, "") for member in _OF_POLICY},
                "drift": "; ".join(_drift(repository["drift"])) if "drift" in repository else "",
                "error": repository.get("error") or "",
            }
            shares = repository.get("shares", ())
            yield from ({**of_repository, **_share(share, names)} for share in shares)
            if not shares:
                yield of_repository


def _lines_of_policy(policy: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yield the lines of a registry policy, which belong to no repository."""
    if not policy["read"]:
        yield {"registry_policy_read": False, "error": policy["error"]}
        return
    of_policy = {
        **{member: policy.get(member, "") for member in _OF_POLICY},
        "registry_policy_read": True,
        "drift": "; ".join(_drift(policy["drift"])) if "drift" in policy else "",
    }
    if not policy["shares"] and "drift" in policy:
        yield of_policy
    for share in policy["shares"]:
        # For which repositories it is does not make it conditional.
        conditional = any((one["operator"], one["key"]) != ("Resource", "ARN") for one in share["conditions"])
        yield {**of_policy, **_share(share, names), "conditional": conditional}


def _share(share: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "principal": share["principal"],
        "principal_name": names.get(share["principal"], ""),
        "principal_type": share["principal_type"],
        "via_service": share.get("via_service", ""),
        "access": "+".join(share["access"]),
        "other_actions": " ".join(share["other_actions"]),
        **{member: share[member] for member in _USABLE},
        "lambda_regions": " ".join(share["lambda_regions"]),
        "lambda_regions_denied": " ".join(share.get("lambda_regions_denied", ())),
        "conditional": bool(share["conditions"]),
        "conditions": "; ".join(map(_condition, share["conditions"])),
        "statements": "; ".join(map(_statement, share["statements"])),
        "denied_by": "; ".join(map(_deny, share["denied_by"])),
        "defeated": share.get("defeated", False),
        "managed": share["managed"],
    }


def _drift(drift: Mapping[str, Any]) -> Iterator[str]:
    if not any(drift.values()):
        yield "the same access, by other statements"
    for kind, grants in drift.items():
        for grant in grants:
            regions, patterns = grant.get("lambda_regions", ()), grant.get("repositories", ())
            parts = (
                f"{kind}:",
                grant["principal"],
                "+".join(grant.get("access", ())),
                *grant.get("actions", ()),
                *(("Lambda in", *regions) if regions else ()),
                *(("for", *patterns) if patterns else ()),
            )
            yield " ".join(filter(None, parts))


def _condition(condition: Mapping[str, Any]) -> str:
    return f"{condition['operator']} {condition['key']} {json.dumps(condition['values'])}"


def _statement(statement: Mapping[str, Any]) -> str:
    sid, service = statement["sid"], statement.get("written_by")
    parts = (
        "registry" if statement.get("policy") == "registry" else "",
        str(statement["position"]),
        "" if sid is None else json.dumps(sid),
        f"written by {service}" if service else "",
    )
    return " ".join(filter(None, parts))


def _deny(deny: Mapping[str, Any]) -> str:
    return f"{_statement(deny)} {'denies' if deny['certain'] else 'may deny'} {'+'.join(deny.get('denies', ()))}"


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)


def _harmless(text: str) -> str:
    """Return a text in one line, in which an apostrophe is before whatever may begin a formula."""
    return _FORMULA.sub(lambda sign: f"'{sign[0]}", visible(text))


class FilterModule:
    """The filters of this file, as Ansible asks for them."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"ecr_share_csv": ecr_share_csv}
