# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever a policy is, sharing it is refused with a reason, or keeps all that is not its own to the letter."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._iam.document import (
    PolicyComparison,
    PolicyError,
    parse,
    serialise,
    statements,
)
from ansible_collections.imageshare.aws.plugins.module_utils._runs.backups import (
    Backup,
    BackupError,
    from_text,
    to_text,
)
from ansible_collections.imageshare.aws.plugins.module_utils._runs.restore import run as restore
from ansible_collections.imageshare.aws.plugins.module_utils._runs.share import run
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.managed_statements import ManagedStatements
from ansible_collections.imageshare.aws.tests.support.builders import LAMBDA, LAMBDA_PULL, PULL, REPOSITORY, grant
from ansible_collections.imageshare.aws.tests.support.hostile_policies import KEPT, REFUSED
from ansible_collections.imageshare.aws.tests.support.in_memory import OWNER, InMemory, Verbatim
from ansible_collections.imageshare.aws.tests.support.laws import laws
from ansible_collections.imageshare.aws.tests.support.runs import to_restore, to_share
from hypothesis import given
from hypothesis import strategies as st

NAME = "base/python"
LAWS = laws(400)
# Of each, the options that are not as in the first.
MODES: dict[str, dict[str, Any]] = {
    "present": {},
    "purge_grants": {"purge_grants": True, "purge_deleted_principals": True},
    "absent": {"sharing": False},
    "absent, orphans as well": {"sharing": False, "purge_deleted_principals": True},
}


class Lenient(Verbatim):
    """A registry that takes every text as it is, too."""

    def write(self, name: str, text: str, *, force: bool, patient: bool) -> str:
        self.journal.append(("write", name, {"force": force, "patient": patient}))
        self.policies[name] = text
        return text


GRANTS = (
    grant("111122223333", ["pull"], ["us-east-1"]),
    grant("arn:aws:iam::444455556666:role/ci", ["push"]),
    grant("o-a1b2c3d4e5", ["pull", "push"]),
    grant("o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*", ["pull"]),
)


def row(registry: InMemory, **changes: Any) -> Mapping[str, Any]:
    """The only row of a run, which can be printed as any result can."""
    result = run(to_share(NAME, grants=GRANTS, concurrency=1, diff=True, **changes), registry)
    returned = result.to_dict(diff=True, include_policy=True)
    json.dumps(returned)
    (single,) = returned["repositories"]
    return dict(single)


def spelt(text: str) -> Any:
    """A policy in which each number is the text that it is written with."""
    return json.loads(text, parse_int="number {}".format, parse_float="number {}".format)


def foreign(text: str) -> list[str]:
    """The foreign statements of a policy, to the letter."""
    pairs = zip(statements(spelt(text)), statements(parse(text)), strict=True)
    managed = ManagedStatements("aws", REPOSITORY)
    return [json.dumps(to_the_letter) for to_the_letter, statement in pairs if managed.match(statement) is None]


def members(text: str) -> list[str]:
    """All of a policy but its statements, to the letter."""
    return [json.dumps(member) for member in spelt(text).items() if member[0] != "Statement"]


def assert_kept(text: str, changes: Mapping[str, Any]) -> None:
    """A run keeps all that is not its own to the letter, and leaves nothing for a second run to do."""
    registry = Lenient({NAME: text})
    first = row(registry, **changes)
    if "error" in first:
        # AWS takes no policy of this length, so it is left alone.
        assert "characters long, and AWS allows 10,240" in first["error"]
        assert (registry.written, registry.policies) == ([], {NAME: text})
        return
    stored = registry.policies[NAME]
    assert (foreign(stored) if stored else []) == foreign(text)
    if stored:
        assert members(stored) == members(text)
        assert first["changed"] or stored == text
    assert len(registry.written) == first["changed"]
    assert not row(registry, **changes)["changed"]


@pytest.mark.parametrize("changes", MODES.values(), ids=MODES.keys())
@pytest.mark.parametrize(("text", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_it_is_left_alone(text: str, reason: str, changes: dict[str, Any]) -> None:
    registry = Lenient({NAME: text})
    told = row(registry, **changes)
    assert told["error"].startswith(f"{NAME}: policy not changed: ")
    assert reason in told["error"]
    assert (registry.written, registry.policies) == ([], {NAME: text})


@pytest.mark.parametrize("changes", MODES.values(), ids=MODES.keys())
@pytest.mark.parametrize("text", KEPT.values(), ids=KEPT.keys())
def test_it_is_kept_to_the_letter(text: str, changes: dict[str, Any]) -> None:
    assert_kept(text, changes)


# --- backups ---


@pytest.mark.parametrize("member", ["policy", "written"])
@pytest.mark.parametrize(("text", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_a_backup_of_it_is_refused(text: str, reason: str, member: str) -> None:
    texts: dict[str, Any] = {"policy": None, "written": None, member: text}
    backup = Backup("repository", "aws", OWNER, "us-east-1", NAME, "2026-01-31T12:00:00Z", **texts)
    with pytest.raises(BackupError, match=f"^its {member} is not a policy: ") as refusal:
        from_text(to_text(backup))
    assert reason in str(refusal.value)


@pytest.mark.parametrize("text", KEPT.values(), ids=KEPT.keys())
def test_it_goes_back_to_the_letter(text: str, tmp_path: Path) -> None:
    registry = Lenient({NAME: text})
    if not row(registry, backup_dir=str(tmp_path))["changed"]:
        return
    assert restore(to_restore(tmp_path, concurrency=1, diff=True), registry).failures == ()
    assert registry.policies == {NAME: text}


# --- any JSON ---

# What code may look for, so that examples get past its first questions.
WORDS = """
Version Id Statement Sid Effect Principal NotPrincipal Action NotAction Condition AWS Service Allow Deny * true
ecr:* ECR:batchgetimage ecr:BatchGetImage ecr:GetDownloadUrlForLayer ecr:BatchCheckLayerAvailability AllowPull
StringLike ArnLike StringEquals ForAnyValue:StringLike Bool Null IpAddress DateLessThan
aws:sourceARN aws:SourceArn aws:PrincipalOrgID aws:PrincipalOrgPaths aws:PrincipalArn ${aws:userid}
111122223333 arn:aws:iam::111122223333:root arn:aws:iam::444455556666:role/ci AROAEXAMPLEROLE123456 o-a1b2c3d4e5
lambda.amazonaws.com arn:aws:lambda:us-east-1:111122223333:function:*
"""
WORD = st.sampled_from(["", *WORDS.split()])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = WORD | st.text(max_size=5)
ANYTHING = st.recursive(
    SCALARS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
VALUES = WORD | st.lists(WORD | SCALARS, max_size=3) | ANYTHING


def some_of(**elements: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=elements)


CONDITIONS = st.dictionaries(WORD, st.dictionaries(WORD, VALUES, max_size=2) | ANYTHING, max_size=2) | ANYTHING
PRINCIPALS = st.just("*") | some_of(AWS=VALUES, Service=VALUES) | ANYTHING
# Managed, or nearly.
NEAR = (
    (PULL, st.fixed_dictionaries({"AWS": VALUES}), {}),
    (PULL, st.just("*"), {"Condition": CONDITIONS}),
    (LAMBDA_PULL, st.just(LAMBDA), {"Condition": CONDITIONS}),
)
STATEMENTS = st.one_of(
    some_of(
        Sid=VALUES,
        Effect=st.sampled_from(("Allow", "Deny")) | ANYTHING,
        Principal=PRINCIPALS,
        NotPrincipal=PRINCIPALS,
        Action=VALUES,
        NotAction=VALUES,
        Condition=CONDITIONS,
        Resource=ANYTHING,
    ),
    *(
        st.fixed_dictionaries(
            {"Effect": st.just("Allow"), "Action": st.just(list(actions)), "Principal": principal, **condition},
            optional={"Sid": VALUES, "Resource": st.sampled_from(["*", REPOSITORY, [REPOSITORY]]) | VALUES},
        )
        for actions, principal, condition in NEAR
    ),
)
POLICIES = st.fixed_dictionaries(
    {"Statement": STATEMENTS | st.lists(STATEMENTS, max_size=4)},
    optional={"Version": VALUES, "Id": VALUES, "x": VALUES},
)


@LAWS
@given(POLICIES | ANYTHING)
def test_any_json_is_read_and_written_to_the_letter_or_refused(document: Any) -> None:
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    try:
        policy = parse(text)
    except PolicyError:
        return
    assert serialise(policy) == text
    assert PolicyComparison("aws").equal(PolicyComparison("aws").canonical(policy), policy)


@LAWS
@given(st.from_regex(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,20})?", fullmatch=True))
def test_any_number_is_written_to_the_letter_or_refused(number: str) -> None:
    text = f'{{"Id":{number},"Statement":[]}}'
    with suppress(PolicyError):
        assert serialise(parse(text)) == text


@LAWS
@given(st.sampled_from([*KEPT.values()]), st.integers(0, 500), st.integers(0, 9), st.text(max_size=3))
def test_any_text_is_read_or_refused(text: str, begin: int, count: int, inserted: str) -> None:
    for damaged in (text[:begin] + inserted + text[begin + count :], inserted):
        with suppress(PolicyError):
            parse(damaged)


@LAWS
@given(POLICIES, st.sampled_from([*MODES.values()]))
def test_any_policy_is_kept_to_the_letter(policy: Any, changes: dict[str, Any]) -> None:
    assert_kept(json.dumps(policy), changes)
