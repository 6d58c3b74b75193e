# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""The report as JUnit XML, which build servers show: a test case for each repository, and one for each registry policy.

- A finding of a kind that C(ecr_share_fail_on) names is a failure; if it names none, each finding is.
- What could not be read is an error, whatever the kinds: nothing is known of it.
- What else was found, and what is accepted, is the output of its case, which passes if nothing else is wrong.
- What is wrong with exceptions is a case for each of them.

https://github.com/testmoapp/junitxml
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from .._text import visible
from .audited import AuditedRegistry
from .finding import EXCEPTION, KINDS, UNREAD, Finding
from .groups import REGISTRY_POLICY, label_of

_SUITE = "ECR repository shares"
_ACCEPTED = "ecr_share_accepted"


@dataclass(frozen=True)
class _Case:
    """A test case. findings: what was found in it, accepted or not."""

    classname: str
    name: str
    findings: tuple[Finding, ...]


def junit(
    findings: Sequence[Finding], registries: Sequence[AuditedRegistry], fail_on: Collection[str], generated_at: str
) -> str:
    """Return the report as JUnit XML, in ASCII.

    Args:
        findings: What the audit found.
        registries: What it read.
        fail_on: The kinds of findings that are failures; all if there are none.
        generated_at: The time in UTC, in the form of ISO 8601.
    """
    failing = frozenset(fail_on) or frozenset(KINDS)
    cases = [*_cases(findings, registries)]
    suite = ElementTree.Element("testsuite", {"name": _SUITE, "timestamp": generated_at.removesuffix("Z")})
    elements = [_element(case, failing) for case in cases]
    suite.extend(elements)
    numbers = {
        "tests": len(elements),
        "failures": sum(element.find("failure") is not None for element in elements),
        "errors": sum(element.find("error") is not None for element in elements),
        "skipped": 0,
    }
    suite.attrib |= {name: str(number) for name, number in numbers.items()}
    whole = ElementTree.Element("testsuites", {"name": _SUITE, **suite.attrib})
    whole.append(suite)
    ElementTree.indent(whole)
    text: bytes = ElementTree.tostring(whole, encoding="us-ascii", xml_declaration=True)
    return f"{text.decode('ascii')}\n"


def _cases(findings: Iterable[Finding], registries: Iterable[AuditedRegistry]) -> Iterator[_Case]:
    by_place: dict[tuple[str, str, str | None], list[Finding]] = {}
    exceptions: list[Finding] = []
    for finding in findings:
        if finding.kind == EXCEPTION:
            exceptions.append(finding)
        else:
            by_place.setdefault((finding.registry_id, finding.region, finding.repository), []).append(finding)
    for registry in registries:
        key = registry.key
        label = label_of(registry.hosts[0], key.registry_id, key.region)
        names = [None, *(row["name"] for row in registry.rows)] if registry.policy is not None else []
        for name in names or [row["name"] for row in registry.rows]:
            found = by_place.get((key.registry_id, key.region, name), ())
            yield _Case(label, name or REGISTRY_POLICY, tuple(found))
    yield from (_Case(_ACCEPTED, finding.message, (finding,)) for finding in exceptions)


def _element(case: _Case, failing: Collection[str]) -> ElementTree.Element:
    # Points mean packages to those that read it.
    element = ElementTree.Element("testcase", {"classname": _text(case.classname), "name": _text(case.name)})
    open_ones = [finding for finding in case.findings if finding.accepted is None]
    errors = [finding for finding in open_ones if finding.kind == UNREAD]
    failures = [finding for finding in open_ones if finding.kind != UNREAD and finding.kind in failing]
    told = [finding for finding in case.findings if finding not in errors and finding not in failures]
    # One of them: readers count a case once.
    for tag, some in (("error", errors), ("failure", [] if errors else failures)):
        if some:
            kinds = ", ".join(dict.fromkeys(finding.kind for finding in some))
            child = ElementTree.SubElement(element, tag, {"type": kinds, "message": _text(some[0].message)})
            child.text = "\n".join(map(_line, (*some, *(failures if errors else ()))))
    if told:
        ElementTree.SubElement(element, "system-out").text = "\n".join(map(_line, told))
    return element


def _line(finding: Finding) -> str:
    sids = ", ".join(
        f"{'' if one.policy == 'repository' else 'registry policy '}{one.position}" for one in finding.statements
    )
    through = f" (statements {sids})" if sids else ""
    possibly = "" if finding.certain else " (possible)"
    until = finding.accepted and finding.accepted.until
    reason = f" [accepted{f' until {until}' if until else ''}: {finding.accepted.reason}]" if finding.accepted else ""
    return _text(f"{finding.kind}{possibly}: {finding.message}{through}{reason}")


def _text(text: str) -> str:
    """Return a text that XML can hold: it forbids most of what is not printable."""
    return visible(text)
