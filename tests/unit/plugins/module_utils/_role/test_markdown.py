# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._role.audited import AuditedRegistry
from ansible_collections.imageshare.aws.plugins.module_utils._role.exceptions import Accepted
from ansible_collections.imageshare.aws.plugins.module_utils._role.findings import findings, not_looked_at
from ansible_collections.imageshare.aws.plugins.module_utils._role.markdown import markdown
from ansible_collections.imageshare.aws.tests.support import audits
from ansible_collections.imageshare.aws.tests.support.audited import change, drifted, registries
from ansible_collections.imageshare.aws.tests.support.audits import repository, share, statement
from ansible_collections.imageshare.aws.tests.support.builders import ACCOUNT, OTHER
from ansible_collections.imageshare.aws.tests.support.laws import laws
from hypothesis import given
from hypothesis import strategies as st

NOW = "2026-11-26T19:00:00Z"
CELL = re.compile(r"`[^`|\n]*`")


def text_of(known: Sequence[AuditedRegistry], *accepted: Accepted) -> str:
    found = findings(known, accepted, date(2026, 11, 26), {ACCOUNT: "checkout"})
    return markdown(found, known, not_looked_at(known), NOW)


def test_a_reviewer_reads_first_what_is_revoked_and_then_what_is_granted_and_found() -> None:
    gone, new = change(OTHER, "push"), change(ACCOUNT, "pull", "us-east-1")
    drift = [drifted("prod/a", [new], [gone]), drifted("prod/b", [new], [gone]), drifted("tool")]
    stranger = share("555566667777", "account", "pull", 1, statements=[statement(1, "a|b")])
    known = registries(
        repository("prod/a", stranger),
        repository("prod/b", share("*", "everyone", "pull", 1)),
        repository("tool", share("555566667777", "account", "push", 1, conditions=[{"operator": "", "key": ""}])),
        drift=drift,
        policy=audits.registry_policy(error="Access | denied"),
    )
    accepted = Accepted("ecr_share_accepted[0]", "for @everybody", principal="*", until=date(2026, 12, 31))
    assert (
        text_of(known, accepted)
        == """\
# Shares of ECR repositories

**8 findings**, 1 accepted, in 3 repositories. Read at 2026-11-26T19:00:00Z.

## What sharing would change

### REVOKES

| Principal | Access | Repositories |
| --- | --- | --- |
| `444455556666` | `push` | `prod/*` (`images 123456789012 us-east-1`) |

### GRANTS

| Principal | Access | Repositories |
| --- | --- | --- |
| `checkout 111122223333` | `pull, Lambda in us-east-1` | `prod/*` (`images 123456789012 us-east-1`) |

The same access, by other statements, in 1 repository: `tool` (`images 123456789012 us-east-1`)

## Findings

### undeclared

| Principal | Access | Where | Statements |
| --- | --- | --- | --- |
| `555566667777` | `pull` | `prod/a` (`images 123456789012 us-east-1`) | `statement 1 "a\\u007cb"` |
| `555566667777` | possibly `push` | `tool` (`images 123456789012 us-east-1`) | `statement 1 "Statement1"` |

### unread

| What | Where |
| --- | --- |
| `the registry policy was not read, and others may get in by it: Access \\u007c denied` | `the registry policy` \
(`images 123456789012 us-east-1`) |

## Accepted

| Kind | Principal | Where | Reason | Until |
| --- | --- | --- | --- | --- |
| public | `everyone` | `prod/b` (`images 123456789012 us-east-1`) | `for @everybody` | 2026-12-31 |

## Not looked at

- `images 123456789012 us-east-1: the registry policy was not read, and others may get in by it`
"""
    )


def test_without_anything_that_is_said() -> None:
    assert (
        text_of(registries(repository("app")))
        == """\
# Shares of ECR repositories

**0 findings**, 0 accepted, in 1 repository. Read at 2026-11-26T19:00:00Z.

## What sharing would change

Nothing.

## Findings

None.
"""
    )


ANYTHING = st.text(alphabet=st.sampled_from("`|\\\n\r@#<>&[]()!*_~ \t\u2028\u202eaé\ud800"), min_size=1, max_size=12)


@laws(200)
@given(ANYTHING, ANYTHING, ANYTHING)
def test_what_others_have_written_is_code_and_nothing_else(sid: str, principal: str, reason: str) -> None:
    """Outside of code spans, there are our own words alone; each row has as many cells as its head."""
    shares: list[dict[str, Any]] = [
        share(principal, "other", "", 1, other_actions=[f"ecr:{sid}"], statements=[statement(1, sid)]),
        share("*", "everyone", "pull", 2),
    ]
    known = registries(
        repository("app", *shares),
        {"name": sid, "error": reason, "error_code": None},
        drift=[drifted("app", [change(principal, "pull", sid)], [change(principal, "push")])],
    )
    told = text_of(known, Accepted("ecr_share_accepted[0]", reason, principal="*"))
    ours = CELL.sub("", told)
    assert told.isascii() or all(line.isprintable() for line in told.split("\n"))
    assert not set(ours) & set("`\\@<>&[]!~")
    for table in ours.split("\n\n"):
        rows = [row for row in table.split("\n") if row.startswith("|")]
        assert len({row.count("|") for row in rows}) <= 1


@pytest.mark.parametrize("number", [40, 41])
def test_a_table_is_no_longer_than_anybody_reads(number: int) -> None:
    rows = [repository(f"r{index}", share(f"{index:012}", "account", "pull", 1)) for index in range(number)]
    told = text_of(registries(*rows))
    assert told.count("\n| `") == 40
    assert ("And 1 more" in told) is (number == 41)
