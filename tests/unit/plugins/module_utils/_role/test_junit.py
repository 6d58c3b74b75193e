# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from xml.etree import ElementTree

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._role.audited import AuditedRegistry, HostAudit, audited
from ansible_collections.imageshare.aws.plugins.module_utils._role.exceptions import Accepted
from ansible_collections.imageshare.aws.plugins.module_utils._role.findings import findings
from ansible_collections.imageshare.aws.plugins.module_utils._role.junit import junit
from ansible_collections.imageshare.aws.tests.support import audits
from ansible_collections.imageshare.aws.tests.support.audited import registries
from ansible_collections.imageshare.aws.tests.support.audits import repository, share, statement
from ansible_collections.imageshare.aws.tests.support.builders import ACCOUNT, OTHER
from ansible_collections.imageshare.aws.tests.support.laws import laws
from hypothesis import given
from hypothesis import strategies as st

NOW = "2026-11-26T19:00:00Z"
STRANGER, EVERYONE = share(ACCOUNT, "account", "pull", 1), share("*", "everyone", "pull", 1)
UNREAD = {"name": "web", "error": "web: AccessDenied", "error_code": None}


def opened(known: Sequence[AuditedRegistry], *accepted: Accepted, fail_on: Sequence[str] = ()) -> ElementTree.Element:
    found = findings(known, accepted, date(2026, 11, 26), {})
    text = junit(found, known, fail_on, NOW)
    assert text.isascii()
    return ElementTree.fromstring(text)


def outcomes(root: ElementTree.Element) -> dict[str, str]:
    """By test case, what came of it."""
    return {case.attrib["name"]: " ".join(child.tag for child in case) for case in root.iter("testcase")}


def test_there_is_a_case_for_each_repository_and_for_the_registry_policy() -> None:
    root = opened(registries(repository("app", STRANGER), repository("cli"), UNREAD, host="prod"))
    assert outcomes(root) == {"the registry policy": "", "app": "failure", "cli": "", "web": "error"}
    assert {case.attrib["classname"] for case in root.iter("testcase")} == {"prod 123456789012 us-east-1"}
    numbers = {"tests": "4", "failures": "1", "errors": "1", "skipped": "0"}
    for element in (root, root[0]):
        assert {name: element.attrib[name] for name in numbers} == numbers
    (failure,) = root.iter("failure")
    assert failure.attrib == {"type": "undeclared", "message": f"{ACCOUNT} has pull, and no grant is for it"}
    assert failure.text == f"undeclared: {ACCOUNT} has pull, and no grant is for it (statements 1)"


@pytest.mark.parametrize(
    ("fail_on", "outcome"),
    [
        ([], "failure"),
        (["public"], "failure system-out"),
        (["public", "undeclared"], "failure"),
        (["drift"], "system-out"),
    ],
)
def test_findings_of_other_kinds_than_those_to_fail_on_are_output(fail_on: list[str], outcome: str) -> None:
    known = registries(repository("app", STRANGER, EVERYONE))
    assert outcomes(opened(known, fail_on=fail_on))["app"] == outcome


def test_what_could_not_be_read_is_an_error_whatever_the_kinds() -> None:
    policy = audits.registry_policy(error="no")
    found = outcomes(opened(registries(UNREAD, policy=policy), fail_on=["drift"]))
    assert found == {"the registry policy": "error", "web": "error"}


def test_registry_that_could_not_be_read_is_an_error() -> None:
    known = audited([HostAudit("images", [audits.failed("AccessDenied")], [], compared=False)])
    assert outcomes(opened(known)) == {"us-east-1": "error"}


def test_what_is_accepted_is_output_of_a_case_that_passes() -> None:
    accepted = Accepted("ecr_share_accepted[0]", "agreed", principal=ACCOUNT, until=date(2026, 12, 31))
    root = opened(registries(repository("app", STRANGER)), accepted)
    assert outcomes(root)["app"] == "system-out"
    (output,) = root.iter("system-out")
    assert str(output.text).endswith("(statements 1) [accepted until 2026-12-31: agreed]")


def test_an_exception_that_nothing_needs_is_a_case_of_its_own() -> None:
    root = opened(registries(repository("app")), Accepted("ecr_share_accepted[0]", "agreed", principal=OTHER))
    (case,) = (case for case in root.iter("testcase") if case.attrib["classname"] == "ecr_share_accepted")
    assert case.find("failure") is not None


@laws(100)
@given(st.text(min_size=1, max_size=20) | st.sampled_from(["\0", "\ud800", "\ufffe", "]]>", "<a&\"'", "\u001b[31m"]))
def test_whatever_others_have_written_a_parser_opens_it(text: str) -> None:
    bad = share(text, "other", "pull", 1, statements=[statement(1, text)])
    known = registries(repository("app", bad), {"name": f"x{text}", "error": text, "error_code": None})
    root = opened(known)
    assert root.attrib["tests"] == str(len(list(root.iter("testcase")))) == "3"
