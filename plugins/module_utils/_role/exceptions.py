# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""The exceptions of an audit, C(ecr_share_accepted): what somebody knows and accepts, with the reason, until a day.

The rules:

- An entry is for a principal or for a Sid, exactly: not for the roles of an account, nor for the members of an
  organization. A finding that several statements make is accepted by a Sid if all of them have it.
- Patterns in C(repositories) are for repositories. What templates and the policy of the registry let in is accepted by
  an entry that names no repositories, or that names them as rows do: C(template services), C(template *) and
  C(registry policy).
- An entry is valid through the whole of its last day in UTC.
- It counts for the hosts alone whose variables have it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from .._errors import InvalidInputError
from .._iam.arns import is_unique_id
from .._iam.principals import EVERYONE, invalid_principal_reason, read_principal
from .._repository_names import REGISTRY_LABEL
from .._text import one_line, quoted, word, words
from .finding import ACCEPTABLE, Acceptance, Finding
from .kinds import problem_with_place
from .template_rows import place_matches

_MEMBERS = ("kinds", "principal", "reason", "registries", "repositories", "sid", "until")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
_SERVICE = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.amazonaws\.com(?:\.[a-z]+)?")
# Others that a policy may name, such as providers of identities: the ARN, or the canonical id of an account.
_OTHER = re.compile(r"arn:[^:\s]+:(?:iam|sts|cloudfront):[^\s*?]+|[0-9a-f]{64}")


@dataclass(frozen=True)
class Accepted:
    """One entry.

    Args:
        label: What messages call it.
        reason: Why.
        principal: Whom it is for, as shares say it; None if it is for a Sid.
        sid: The Sid of the statements that it is for; None if it is for a principal.
        repositories: The names and patterns that it is for, as rows have them; None for all.
        kinds: The kinds of findings that it is for; empty for all that can be accepted.
        registries: The ids of accounts and names of hosts that it is for; empty for all.
        until: The last day on which it is valid; None for no end.
        hosts: The hosts whose variables have it; empty for all.
    """

    label: str
    reason: str
    principal: str | None = None
    sid: str | None = None
    repositories: tuple[str, ...] | None = None
    kinds: tuple[str, ...] = ()
    registries: tuple[str, ...] = ()
    until: date | None = None
    hosts: tuple[str, ...] = ()

    @property
    def acceptance(self) -> Acceptance:
        return Acceptance(self.reason, None if self.until is None else self.until.isoformat())

    @property
    def subject(self) -> str:
        """Whom or what it is for, for people."""
        if self.principal is not None:
            return "everyone" if self.principal == EVERYONE.name else word(self.principal)
        return f"statements with the Sid {quoted(self.sid or '')}"

    def is_over(self, today: date) -> bool:
        """Return whether its last day has passed. today: the day in UTC."""
        return self.until is not None and today > self.until

    def is_for(self, registry_id: str, hosts: Collection[str]) -> bool:
        """Return whether it is for a registry. hosts: those that are this registry."""
        wanted = not self.registries or registry_id in self.registries or not set(hosts).isdisjoint(self.registries)
        return wanted and (not self.hosts or not set(hosts).isdisjoint(self.hosts))

    def covers(self, finding: Finding) -> bool:
        """Return whether it is for a finding of a registry that it is for."""
        if finding.kind not in (self.kinds or ACCEPTABLE):
            return False
        if self.repositories is not None and not place_matches(
            self.repositories, REGISTRY_LABEL if finding.repository is None else finding.repository
        ):
            return False
        if self.principal is not None:
            return finding.principal == self.principal
        return bool(finding.statements) and all(statement.sid == self.sid for statement in finding.statements)


def read_accepted(variable: str, value: Any, principals: Mapping[str, str] | None = None) -> tuple[Accepted, ...]:
    """Return the exceptions that a variable holds.

    Args:
        variable: Its name.
        value: Its value.
        principals: By the names that people have for them, the principals.

    Raises:
        InvalidInputError: With every problem of every entry; each begins with the variable and the position.
    """
    if value in (None, ""):
        return ()
    if not isinstance(value, (list, tuple)):
        raise InvalidInputError([f"{variable} is not a list of exceptions"])
    problems = [
        f"{variable}[{index}]: {problem}"
        for index, entry in enumerate(value)
        for problem in _problems(entry, principals or {})
    ]
    if problems:
        raise InvalidInputError(problems)
    return tuple(_read(f"{variable}[{index}]", entry, principals or {}) for index, entry in enumerate(value))


def accepted_by(hosts: Mapping[str, Sequence[Accepted]]) -> tuple[Accepted, ...]:
    """Return the exceptions of several hosts. What a group says, all of its hosts have: it is one.

    Args:
        hosts: By the name of a host, what its variables have.
    """
    holders: dict[Accepted, list[str]] = {}
    for host, entries in hosts.items():
        for entry in entries:
            holders.setdefault(entry, []).append(host)
    return tuple(replace(entry, hosts=tuple(dict.fromkeys(names))) for entry, names in holders.items())


def _read(label: str, entry: Mapping[str, Any], principals: Mapping[str, str]) -> Accepted:
    principal, repositories = entry.get("principal"), entry.get("repositories")
    return Accepted(
        label=label,
        reason=one_line(entry["reason"]),
        principal=None if principal is None else _principal(str(principal).strip(), principals),
        sid=entry.get("sid"),
        repositories=None if repositories is None else tuple(_listed(repositories)),
        kinds=tuple(_listed(entry.get("kinds"))),
        registries=tuple(map(str, _listed(entry.get("registries")))),
        until=_day(entry.get("until")),
    )


def _problems(entry: Any, principals: Mapping[str, str]) -> Iterator[str]:
    if not isinstance(entry, Mapping):
        yield f"is not an exception with {', '.join(_MEMBERS)}"
        return
    for name in entry:
        if name not in _MEMBERS:
            yield f"{word(str(name))} is not a part of an exception, which has {', '.join(_MEMBERS)}"
    reason, principal, sid = (entry.get(name) for name in ("reason", "principal", "sid"))
    if not isinstance(reason, str) or not reason.strip():
        yield "reason is empty: say why it is accepted"
    if (principal is None) is (sid is None):
        yield "name either a principal or the sid of a statement" + ("" if sid is None else ", and not both")
    if sid is not None and (not isinstance(sid, str) or not sid):
        yield f"sid: {_shown(sid)} is not the Sid of a statement"
    if principal is not None:
        yield from _problems_with_principal(principal, principals)
    yield from _problems_with_lists(entry)
    if entry.get("until") is not None and _day(entry["until"]) is None:
        yield f"until: {_shown(entry['until'])} is not a day such as 2026-12-31"


def _problems_with_principal(value: Any, principals: Mapping[str, str]) -> Iterator[str]:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        yield f"principal: {_shown(value)} is not the name or the id of a principal"
    elif _principal(str(value).strip(), principals) is None:
        text = str(value).strip()
        yield f"principal {word(text)}: is no name of ecr_share_principals, and {invalid_principal_reason(text, None)}"


def _problems_with_lists(entry: Mapping[str, Any]) -> Iterator[str]:
    for name in ("repositories", "kinds", "registries"):
        value = entry.get(name)
        if value is not None and not isinstance(value, (str, int, list, tuple)):
            yield f"{name} is not a list"
        elif value in ([], ()):
            yield f"{name} is empty: leave it out for all"
    places = [one for one in _listed(entry.get("repositories")) if one != REGISTRY_LABEL]
    yield from (f"repositories: {why}" for why in map(problem_with_place, places) if why)
    for kind in _listed(entry.get("kinds")):
        if kind not in ACCEPTABLE:
            yield f"kinds: {_shown(kind)} is none of those that can be accepted: {', '.join(ACCEPTABLE)}"
    for registry in _listed(entry.get("registries")):
        if isinstance(registry, bool) or not isinstance(registry, (str, int)) or not str(registry).strip():
            yield f"registries: {_shown(registry)} is neither the id of an account nor the name of a host"


def _principal(text: str, principals: Mapping[str, str]) -> str | None:
    """Return a principal as shares say it; None if a text is none."""
    text = principals.get(text, text)
    read = read_principal(text, None)
    if read is not None:
        return read.name
    known = text == EVERYONE.name or is_unique_id(text) or _SERVICE.fullmatch(text) or _OTHER.fullmatch(text)
    return text if known else None


def _listed(value: Any) -> list[Any]:
    """Return a list; one text will do for a list of one."""
    if value is None or isinstance(value, Mapping):
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _day(value: Any) -> date | None:
    """Return the day that a value is; None if it is none. YAML reads days, so it may be one already."""
    if isinstance(value, datetime):
        return None
    if isinstance(value, date):
        return value
    if not isinstance(value, str) or not _DAY.fullmatch(value.strip()):
        return None
    try:
        return date.fromisoformat(value.strip())
    except ValueError:
        return None


def _shown(value: Any) -> str:
    return quoted(value) if isinstance(value, str) else words([repr(value)])
