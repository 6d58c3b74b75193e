# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run over many repositories, against a registry in memory that treats policies as AWS does."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import replace

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._errors import PolicyWarning
from ansible_collections.imageshare.aws.plugins.module_utils._registry import EcrError, StoredPolicy
from ansible_collections.imageshare.aws.plugins.module_utils._runs.options import Request
from ansible_collections.imageshare.aws.plugins.module_utils._runs.results import WriteResult, WriteRunResult
from ansible_collections.imageshare.aws.plugins.module_utils._runs.share import run
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.grants import Grant
from ansible_collections.imageshare.aws.tests.support import policy_text
from ansible_collections.imageshare.aws.tests.support.builders import (
    ACCOUNT,
    DELETED_ROLE,
    ORGANIZATION,
    OTHER,
    PULL,
    grant,
    root,
)
from ansible_collections.imageshare.aws.tests.support.in_memory import OWNER, InMemory, Vanishing, Verbatim
from ansible_collections.imageshare.aws.tests.support.realistic_policies import REALISTIC
from ansible_collections.imageshare.aws.tests.support.runs import allowing, change, only, rows, text_of, to_share


def names(result: WriteRunResult) -> list[str]:
    return [found.name for found in result.results]


ROLE = f"arn:aws:iam::{OTHER}:role/ci"
SHARED = text_of(allowing(root(ACCOUNT)))
UNTOUCHED = {"changed": False, "granted": [], "revoked": [], "warnings": []}

# --- what is done, and foretold ---


def test_a_first_policy() -> None:
    registry = InMemory({"base": None})
    statement = {**allowing(), "Principal": {"AWS": root(ACCOUNT)}}
    assert only(run(to_share("base"), registry)) == {
        "name": "base",
        "changed": True,
        "granted": [change(ACCOUNT)],
        "revoked": [],
        "warnings": [],
        "policy": {"Version": "2008-10-17", "Statement": [statement]},
    }
    assert json.loads(registry.policies["base"] or "") == {"Version": "2008-10-17", "Statement": [statement]}


# Of each, the policies before and what is asked of all.
RUNS: dict[str, tuple[dict[str, str | None], Request]] = {
    "no policy": ({"base": None}, to_share("base")),
    "a policy of others": ({"base": text_of(allowing(root(OTHER)))}, to_share("base")),
    "shared already": ({"base": SHARED}, to_share("base")),
    "more access": ({"base": SHARED}, to_share("base", grants=(grant(ACCOUNT, ["pull", "push"]),))),
    "Lambda": ({"base": SHARED}, to_share("base", grants=(grant(ACCOUNT, regions=("us-east-1",)),))),
    "several, of which some are shared": ({"a1": SHARED, "a2": None, "b1": SHARED, "b2": None}, to_share("*")),
    "purge_grants": (
        {"base": text_of(allowing(root(ACCOUNT), root(OTHER), root(OWNER)))},
        to_share("base", purge_grants=True),
    ),
    "the last principal leaves": ({"base": SHARED}, to_share("base", sharing=False)),
    "nobody leaves": ({"base": text_of(allowing(root(OTHER)))}, to_share("base", sharing=False)),
    "a missing one among others": ({"base": None}, to_share("nowhere", "base", "x*")),
    "a missing one that may be": ({"base": None}, to_share("nowhere", "base", "x*", missing_ok=True)),
    "a broken one among others": ({"base": None, "broken": "{"}, to_share("*")),
    "an orphan is pruned": (
        {"base": text_of(allowing(DELETED_ROLE, root(OTHER)))},
        to_share("base", purge_deleted_principals=True),
    ),
    "a warning": (
        {"base": text_of({"Effect": "Deny", "Principal": "*", "Action": "ecr:BatchGetImage"})},
        to_share("base"),
    ),
    **{f"realistic: {title}": ({"base": json.dumps(found)}, to_share("base")) for title, found in REALISTIC.items()},
}
DONE = {title: found for title, found in RUNS.items() if "wide-open" not in title}


@pytest.mark.parametrize(("policies", "asked"), RUNS.values(), ids=RUNS.keys())
def test_a_dry_run_writes_nothing(policies: dict[str, str | None], asked: Request) -> None:
    registry = InMemory(policies)
    run(replace(asked, check_mode=True, diff=True), registry)
    assert registry.written == []
    assert registry.policies == policies


@pytest.mark.parametrize(("policies", "asked"), DONE.values(), ids=DONE.keys())
def test_a_dry_run_foretells_rows_and_diffs(policies: dict[str, str | None], asked: Request) -> None:
    foretold = run(replace(asked, check_mode=True, diff=True), InMemory(policies))
    assert foretold == run(replace(asked, diff=True), InMemory(policies))


@pytest.mark.parametrize(("policies", "asked"), RUNS.values(), ids=RUNS.keys())
def test_as_many_writes_as_changes_and_one_read_for_each_and_a_look_at_what_was_written(
    policies: dict[str, str | None], asked: Request
) -> None:
    registry = InMemory(policies)
    foretold = run(replace(asked, check_mode=True), registry)
    reads = [call[1] for call in registry.journal if call[0] == "read"]
    assert sorted(reads) == sorted(set(reads))
    registry.journal.clear()
    done = run(asked, registry)
    assert sorted(call[1] for call in registry.written) == sorted(r.name for r in foretold.results if r.changed)
    looks = [found.name for found in done.results if found.changed]
    assert sorted(call[1] for call in registry.journal if call[0] == "read") == sorted([*reads, *looks])
    # A moment before the look, and never else.
    assert [call for call in registry.journal if call[0] == "pause"] == [("pause",)] * bool(looks)


@pytest.mark.parametrize(("policies", "asked"), DONE.values(), ids=DONE.keys())
def test_a_second_run_changes_nothing_and_writes_nothing(policies: dict[str, str | None], asked: Request) -> None:
    registry = InMemory(policies)
    run(asked, registry)
    after_first = dict(registry.policies)
    registry.journal.clear()
    second = run(replace(asked, diff=True), registry)
    assert not second.changed
    assert registry.written == []
    assert registry.policies == after_first
    assert all("policy" not in row and not row["granted"] and not row["revoked"] for row in rows(second))
    assert not any(found.diff for found in second.results)


def test_each_policy_is_read_right_before_it_is_written_and_looked_at_in_the_end() -> None:
    registry = InMemory({"base": None, "web": None})
    run(to_share("base", "web", concurrency=1), registry)
    assert [call[:2] for call in registry.journal] == [
        ("read", "base"),
        ("write", "base"),
        # The warnings heed it, and they come after the write.
        ("registry_policy",),
        ("read", "web"),
        ("write", "web"),
        # Who read them before may write now.
        ("pause",),
        ("read", "base"),
        ("read", "web"),
    ]


def test_the_last_principal_takes_the_policy_along() -> None:
    registry = InMemory({"base": SHARED})
    found = only(run(to_share("base", sharing=False), registry))
    assert (found["policy"], found["revoked"]) == (None, [change(ACCOUNT)])
    assert registry.written == [("delete", "base")]


def test_a_repository_without_a_policy_has_nothing_to_take_away() -> None:
    registry = InMemory({"base": None})
    assert only(run(to_share("base", sharing=False), registry)) == {"name": "base", **UNTOUCHED}
    assert registry.written == []


def test_purge_spares_the_owner() -> None:
    found = only(run(*purging(OWNER)))
    assert found["revoked"] == [change(OTHER)]
    assert found["policy"]["Statement"][0]["Principal"]["AWS"].count(root(OWNER)) == 1


def test_purge_does_nothing_when_it_is_not_known_whom_to_spare() -> None:
    asked, registry = purging(None)
    assert only(run(asked, registry))["error"] == (
        "base: AWS did not say which account owns the registry, and purge_grants must spare that account"
    )
    assert registry.written == []


def purging(owner: str | None) -> tuple[Request, InMemory]:
    registry = InMemory({"base": text_of(allowing(root(ACCOUNT), root(OTHER), root(OWNER)))})
    registry.whose = owner
    return to_share("base", purge_grants=True), registry


def test_values_that_no_grant_could_have_written_are_named() -> None:
    registry = InMemory({"base": text_of(allowing(DELETED_ROLE, root(ACCOUNT)))})
    assert only(run(to_share("base"), registry))["unmanaged_values"] == [{"sid": "AllowPull", "value": DELETED_ROLE}]


def test_a_write_carries_the_policy_that_it_replaces_as_it_was_read() -> None:
    registry = Verbatim({"base": text_of(allowing(root(OTHER))), "web": None, "shared": SHARED})
    before = dict(registry.policies)
    run(to_share("*"), registry)
    assert sorted(registry.replaced) == [("base", before["base"]), ("web", None)]


@pytest.mark.parametrize("include_policy", [True, False])
def test_the_policy_is_in_changed_rows_if_it_is_asked_for(include_policy: bool) -> None:
    result = run(to_share("base", "shared", include_policy=include_policy), InMemory({"base": None, "shared": SHARED}))
    found = result.to_dict(diff=False, include_policy=include_policy)["repositories"]
    assert ["policy" in row for row in found] == [include_policy, False]
    assert (result.results[0].policy is not None) is include_policy


# --- diffs ---


def diffs(asked: Request, registry: InMemory) -> list[dict[str, str]]:
    shown: list[dict[str, str]] = run(replace(asked, diff=True), registry).to_dict(diff=True, include_policy=False)[
        "diff"
    ]
    return shown


def test_a_diff_shows_both_policies_in_one_form() -> None:
    (diff,) = diffs(to_share("base", "web"), InMemory({"base": None, "web": SHARED}))
    statement = {"Sid": "AllowPull", "Effect": "Allow", "Principal": {"AWS": root(ACCOUNT)}, "Action": sorted(PULL)}
    after = {"Version": "2008-10-17", "Statement": [statement]}
    assert diff == {
        "before_header": "base",
        "before": "",
        "after_header": "base",
        "after": json.dumps(after, indent=2) + "\n",
    }


def test_a_deleted_policy_is_empty_afterwards() -> None:
    (diff,) = diffs(to_share("base", sharing=False), InMemory({"base": SHARED}))
    assert json.loads(diff["before"])["Statement"][0]["Sid"] == "AllowPull"
    assert diff["after"] == ""


def test_no_diff_where_none_is_asked_for() -> None:
    result = run(to_share("base"), InMemory({"base": None}))
    assert result.results[0].diff is None
    assert "diff" not in result.to_dict(diff=False, include_policy=True)


def test_no_diff_of_what_failed() -> None:
    registry = InMemory({"base": None}, missing=frozenset({root(ACCOUNT)}))
    assert diffs(to_share("base"), registry) == []


# --- which repositories ---


def test_plain_names_are_not_looked_up() -> None:
    registry = InMemory({"base": None, "web": None})
    run(to_share("base", "web"), registry)
    assert ("names",) not in registry.journal


def test_patterns_are_looked_up_once() -> None:
    registry = InMemory({"base": None, "web": None})
    assert names(run(to_share("b*", "web", "w*"), registry)) == ["base", "web"]
    assert registry.journal.count(("names",)) == 1


# Of each: what is asked for, and the names and errors of the rows beyond those of the repositories.
# AWS says only of a name that it does not exist.
NOWHERE = " in the registry of these credentials in us-east-1. Check it, the region and registry_id."
CODES = {"nowhere": "RepositoryNotFoundException"}
UNMATCHED: dict[str, tuple[Request, list[tuple[str, str]]]] = {
    "a name": (to_share("nowhere", "base"), [("nowhere", "nowhere: could not read the policy: it does not exist")]),
    "a pattern": (to_share("x*", "base"), [("x*", f'no repository matches "x*"{NOWHERE}')]),
    "two patterns": (
        to_share("x*", "base", "y*"),
        [("x*", f'no repository matches "x*"{NOWHERE}'), ("y*", f'no repository matches "y*"{NOWHERE}')],
    ),
    "what a grant is narrowed to": (
        to_share("b*", grants=(grant(ACCOUNT), grant(OTHER, repositories=("base", "x*")))),
        [("x*", 'grants[1]: no repository of this task matches "x*"')],
    ),
    "what several grants are narrowed to": (
        to_share("b*", grants=(grant(ACCOUNT, repositories=("b*", "x*")), grant(OTHER, repositories=("x*", "y*")))),
        [
            ("x*", 'grants[0], grants[1]: no repository of this task matches "x*"'),
            ("y*", 'grants[1]: no repository of this task matches "y*"'),
        ],
    ),
    "what the task and a grant name": (
        to_share("base", "x*", grants=(grant(ACCOUNT), grant(OTHER, repositories=("x*",)))),
        [("x*", f'no repository matches "x*"{NOWHERE}')],
    ),
    "a name that a grant is narrowed to": (
        to_share("b*", grants=(grant(ACCOUNT), grant(OTHER, repositories=("bottle",)))),
        [("bottle", 'grants[1]: no repository of this task matches "bottle"')],
    ),
}


@pytest.mark.parametrize(("asked", "expected"), UNMATCHED.values(), ids=UNMATCHED.keys())
def test_what_matches_nothing_fails_and_the_others_are_done(asked: Request, expected: list[tuple[str, str]]) -> None:
    registry = InMemory({"base": None})
    result = run(asked, registry)
    failed = [found for found in rows(result) if found["name"] != "base"]
    assert failed == [
        {"name": name, **UNTOUCHED, "error": error, "error_code": CODES.get(name)} for name, error in expected
    ]
    assert [call[1] for call in registry.written] == ["base"]


@pytest.mark.parametrize("sharing", [True, False], ids=["present", "absent"])
@pytest.mark.parametrize(("asked", "expected"), UNMATCHED.values(), ids=UNMATCHED.keys())
def test_what_matches_nothing_may_be_missing(asked: Request, expected: list[tuple[str, str]], sharing: bool) -> None:
    result = run(replace(asked, missing_ok=True, sharing=sharing), InMemory({"base": None}))
    missing = [found for found in rows(result) if found["name"] != "base"]
    assert missing == [{"name": name, **UNTOUCHED, "missing": True} for name, _error in expected]
    assert result.failures == ()


@pytest.mark.parametrize("sharing", [True, False], ids=["purging", "absent"])
def test_a_name_or_pattern_that_takes_access_away_from_nothing_is_warned_about(sharing: bool) -> None:
    narrowed = (grant(ACCOUNT), grant(OTHER, repositories=("services/*",)))
    result = run(
        to_share(*("nowhere", "base", "x*"), grants=narrowed, sharing=sharing, missing_ok=True, warn_of_unmatched=True),
        InMemory({"base": None}),
    )
    warned = [(found.name, warning.kind, warning.certain) for found in result.results for warning in found.warnings]
    assert warned == [(name, "pattern_not_matched", True) for name in ("nowhere", "x*", "services/*")]
    (told,) = result.warnings
    assert told.startswith("3 of 4 repositories are names or patterns that match nothing, so that nothing was done")
    assert told.endswith(
        "The first: nowhere: there is no repository of this name in the registry of these credentials in us-east-1"
    )


def test_all_repositories_of_an_empty_registry_are_none_to_take_access_away_from() -> None:
    asked = to_share("*", sharing=False)
    assert "error" in only(run(asked, InMemory({})))
    skipping = replace(asked, missing_ok=True, warn_of_unmatched=True)
    assert only(run(skipping, InMemory({})))["warnings"][0]["kind"] == "pattern_not_matched"


def test_what_fails_for_another_reason_is_not_called_missing() -> None:
    asked = to_share("base", sharing=False, missing_ok=True, warn_of_unmatched=True)
    assert only(run(asked, InMemory({"base": "{"})))["warnings"] == []


def test_a_repository_may_vanish_before_it_is_written() -> None:
    assert "error" in only(run(to_share("base"), Vanishing({"base": None})))
    assert only(run(to_share("base", missing_ok=True), Vanishing({"base": None})))["missing"] is True


def test_a_grant_is_narrowed() -> None:
    registry = InMemory({"base": None, "services/web": None, "services/api": None})
    narrowed = (grant(ACCOUNT), grant(ROLE, ["push"], repositories=("services/*",)))
    granted = {found["name"]: found["granted"] for found in rows(run(to_share("*", grants=narrowed), registry))}
    assert granted == {
        "base": [change(ACCOUNT)],
        "services/api": [change(ACCOUNT), change(ROLE, "push")],
        "services/web": [change(ACCOUNT), change(ROLE, "push")],
    }


def test_grants_of_one_principal_add_up_where_both_cover() -> None:
    registry = InMemory({"base": None, "web": None})
    grants = (grant(ACCOUNT), grant(ACCOUNT, ["push"], repositories=("web",)))
    result = run(to_share("base", "web", grants=grants), registry)
    assert [found["granted"] for found in rows(result)] == [[change(ACCOUNT)], [change(ACCOUNT, "pull", "push")]]


@pytest.mark.parametrize("purge", [True, False], ids=["purge", "no purge"])
def test_a_repository_that_no_grant_covers_is_not_even_read(purge: bool) -> None:
    registry = InMemory({"base": None, "web": text_of(allowing(root(OTHER)))})
    result = run(
        to_share("base", "web", grants=(grant(ACCOUNT, repositories=("base",)),), purge_grants=purge), registry
    )
    assert rows(result)[1] == {"name": "web", **UNTOUCHED}
    assert ("read", "web") not in registry.journal


# --- order ---


def test_rows_come_in_the_order_asked_for_whichever_is_done_first() -> None:
    asked = [f"r{number}" for number in reversed(range(8))]

    class Backwards(InMemory):
        """Each repository is answered after the one that was asked for next."""

        def __init__(self, policies: Mapping[str, str | None]) -> None:
            super().__init__(policies)
            self.answered = {name: threading.Event() for name in asked}
            self.answers: list[str] = []

        def read(self, name: str) -> StoredPolicy:
            position = asked.index(name) + 1
            if position < len(asked) and not self.answered[asked[position]].wait(timeout=3):
                raise EcrError("eight workers do not work at the same time")
            self.answers.append(name)
            self.answered[name].set()
            return super().read(name)

    registry = Backwards(dict.fromkeys(asked))
    result = run(to_share(*asked, diff=True), registry)
    assert registry.answers[:8] == asked[::-1]
    assert names(result) == asked
    assert [found.diff.name for found in result.results if found.diff] == asked
    assert result.failures == ()


def test_what_matches_nothing_comes_last() -> None:
    narrowed = (grant(ACCOUNT), grant(OTHER, repositories=("z*",)))
    result = run(to_share("x*", "web", "b*", "nowhere", grants=narrowed), InMemory({"base": None, "web": None}))
    assert names(result) == ["web", "base", "nowhere", "x*", "z*"]


# --- trouble ---

LONG = "policy not changed: it would be"


def test_who_prunes_orphans_is_not_told_to() -> None:
    text = text_of(allowing(DELETED_ROLE, sid="others", actions="ecr:*"))
    found = only(run(to_share("base", purge_deleted_principals=True), InMemory({"base": text})))
    assert found["error"].endswith(f"{DELETED_ROLE}. Remove them from the unmanaged statements by hand.")


@pytest.mark.parametrize("check_mode", [True, False], ids=["check mode", "real"])
def test_a_policy_that_would_be_too_long_is_left_alone(check_mode: bool) -> None:
    text = text_of(allowing(*(root(f"{number:012}") for number in range(280)), sid="others"))
    registry = InMemory({"base": text})
    grants = tuple(grant(f"9{n:011}") for n in range(30))
    found = only(run(to_share("base", grants=grants, check_mode=check_mode), registry))
    assert found["error"].startswith(f"base: {LONG} ")
    assert "AWS allows 10,240. Grant access to an organization" in found["error"]
    assert registry.written == []


def test_the_longest_policy_is_written() -> None:
    statement = {"Effect": "Allow", "Principal": {"Service": "codebuild.amazonaws.com"}, "Action": "ecr:BatchGetImage"}
    short = InMemory({"base": text_of({"Sid": "", **statement})})
    length = len(json.dumps(only(run(to_share("base"), short))["policy"], separators=(",", ":")))
    sids = {10_240: "x" * (10_240 - length), 10_241: "x" * (10_241 - length)}
    rows = {n: only(run(to_share("base"), InMemory({"base": text_of({"Sid": sids[n], **statement})}))) for n in sids}
    assert rows[10_240]["changed"]
    assert f"{LONG} 10,241 characters long" in rows[10_241]["error"]


# Of each: the policy before, the grants, who does not exist, whether to be patient, and what the error says.
REFUSALS: dict[str, tuple[str | None, tuple[Grant, ...], str, bool, str]] = {
    "a new account": (
        None,
        (grant(ACCOUNT), grant(ROLE)),
        ROLE,
        True,
        f"Check that each of these principals exists, and that the region is enabled for it: {ACCOUNT}, {ROLE}.",
    ),
    "a new role beside what was there": (
        SHARED,
        (grant(ACCOUNT), grant(ROLE)),
        ROLE,
        True,
        f"Check that each of these principals exists, and that the region is enabled for it: {ROLE}.",
    ),
    "one that was there": (
        text_of(allowing(root(OTHER), sid="others", actions="ecr:*")),
        (grant(ORGANIZATION),),
        root(OTHER),
        False,
        "None of the principals is new here: look for one that was deleted, or for what AWS no longer accepts.",
    ),
    "an orphan in a managed statement": (
        text_of(allowing(DELETED_ROLE, root(OTHER))),
        (grant(ACCOUNT),),
        DELETED_ROLE,
        False,
        f"It names deleted principals, which AWS refuses: {DELETED_ROLE}. Set purge_deleted_principals",
    ),
    "an orphan in a foreign statement": (
        text_of(allowing(DELETED_ROLE, sid="others", actions="ecr:*")),
        (grant(ACCOUNT),),
        DELETED_ROLE,
        False,
        f"It names deleted principals, which AWS refuses: {DELETED_ROLE}. Remove them from the unmanaged statements by "
        "hand.",
    ),
}


@pytest.mark.parametrize(("text", "grants", "missing", "patient", "said"), REFUSALS.values(), ids=REFUSALS.keys())
def test_a_refused_policy_names_the_suspects(
    text: str | None, grants: tuple[Grant, ...], missing: str, patient: bool, said: str
) -> None:
    registry = InMemory({"base": text}, missing=frozenset({missing}))
    found = only(run(to_share("base", grants=grants), registry))
    assert found["error"].startswith("base: could not set the policy: Invalid repository policy provided")
    assert found["error_code"] == "InvalidParameterException"
    assert said in found["error"]
    assert (found["changed"], found["granted"], "policy" in found) == (False, [], False)
    assert registry.written == [("write", "base", {"force": False, "patient": patient})]
    assert registry.policies == {"base": text}


def test_a_refusal_of_what_takes_access_away_is_not_waited_for() -> None:
    text = text_of(allowing(root(ACCOUNT)), allowing(root(OTHER), sid="others", actions="ecr:*"))
    registry = InMemory({"base": text}, missing=frozenset({root(OTHER)}))
    assert "None of the principals is new" in only(run(to_share("base", sharing=False), registry))["error"]
    assert registry.written == [("write", "base", {"force": False, "patient": False})]


def test_a_refusal_keeps_its_warnings() -> None:
    registry = InMemory({"base": text_of(allowing(DELETED_ROLE, root(OTHER)))})
    (warning,) = only(run(to_share("base"), registry))["warnings"]
    assert (warning["kind"], warning["sid"], warning["principals"]) == (
        "deleted_principal",
        "AllowPull",
        [DELETED_ROLE],
    )


def test_a_pruned_orphan_is_no_obstacle() -> None:
    registry = InMemory({"base": text_of(allowing(DELETED_ROLE, root(OTHER)))})
    found = only(run(to_share("base", purge_deleted_principals=True), registry))
    assert (found["granted"], found["revoked"]) == ([change(ACCOUNT)], [change(DELETED_ROLE)])
    assert DELETED_ROLE not in (registry.policies["base"] or "")


def test_a_policy_that_locks_the_caller_out_is_set_by_force_alone() -> None:
    text = text_of({"Effect": "Deny", "Principal": "*", "Action": "ecr:SetRepositoryPolicy"})
    assert policy_text.LOCKS_OUT in only(run(to_share("base"), InMemory({"base": text})))["error"]
    assert only(run(to_share("base", force_set_policy=True), InMemory({"base": text})))["changed"]


ANSWERS = {
    "another principal": SHARED.replace(ACCOUNT, OTHER),
    "a statement less": '{"Version":"2008-10-17","Statement":[]}',
    "another version": SHARED.replace("2008-10-17", "2012-10-17"),
    "what is no policy": "null",
    "what is no JSON": "",
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
def test_a_policy_that_was_stored_differently_is_warned_about(answer: str) -> None:
    class Rewriting(InMemory):
        def write(self, name: str, text: str, *, force: bool, patient: bool) -> str:
            super().write(name, text, force=force, patient=patient)
            return answer

    found = only(run(to_share("base"), Rewriting({"base": None})))
    message = f"base: AWS stored another policy than the one that was sent. It has now: {answer}"
    assert found["changed"]
    (warning,) = found["warnings"]
    assert (warning["kind"], warning["message"], warning["certain"]) == ("stored_policy_differs", message, True)
    assert (warning["repository"], warning["region"]) == ("base", "us-east-1")


class Troubled(InMemory):
    """One method fails for one repository."""

    def __init__(self, method: str, name: str, error: Exception) -> None:
        super().__init__({"first": SHARED, "second": SHARED, "third": SHARED})
        self._fault, self._error = (method, name), error

    def read(self, name: str) -> StoredPolicy:
        self._fail("read", name)
        return super().read(name)

    def write(self, name: str, text: str, *, force: bool, patient: bool) -> str:
        self._fail("write", name)
        return super().write(name, text, force=force, patient=patient)

    def delete(self, name: str) -> None:
        self._fail("delete", name)
        super().delete(name)

    def _fail(self, method: str, name: str) -> None:
        if (method, name) == self._fault:
            raise self._error


MORE = (grant(ACCOUNT, ["pull", "push"]),)
SURPRISE = (
    "second: unexpected KeyError: 'policyText'. Check its policy, which may have been written if the "
    "task writes, and please report this to the collection imageshare.aws"
)
TROUBLE: dict[str, tuple[str, bool, Exception, str]] = {
    "reading": ("read", True, EcrError("AWS says no", "ServerException"), "second: AWS says no"),
    "writing": ("write", True, EcrError("AWS says no", "ServerException"), "second: AWS says no"),
    "deleting": ("delete", False, EcrError("AWS says no", "ServerException"), "second: AWS says no"),
    "reading, unexpectedly": ("read", True, KeyError("policyText"), SURPRISE),
    "writing, unexpectedly": ("write", True, KeyError("policyText"), SURPRISE),
    "deleting, unexpectedly": ("delete", False, KeyError("policyText"), SURPRISE),
}


@pytest.mark.parametrize(("method", "sharing", "error", "said"), TROUBLE.values(), ids=TROUBLE.keys())
def test_trouble_with_one_does_not_keep_the_others(method: str, sharing: bool, error: Exception, said: str) -> None:
    registry = Troubled(method, "second", error)
    result = run(to_share("first", "second", "third", grants=MORE, sharing=sharing), registry)
    assert [found.changed for found in result.results] == [True, False, True]
    code = error.code if isinstance(error, EcrError) else None
    assert rows(result)[1] == {"name": "second", **UNTOUCHED, "error": said, "error_code": code}
    assert result.failures == (said,)
    assert result.changed
    assert registry.policies["second"] == SHARED


def test_a_list_that_cannot_be_had_ends_the_run() -> None:
    class Closed(InMemory):
        def names(self) -> list[str]:
            raise EcrError("could not list the repositories")

    registry = Closed({"base": None})
    with pytest.raises(EcrError, match="could not list the repositories"):
        run(to_share("base", "b*"), registry)
    assert registry.journal == []


# --- the result ---


def warned(kind: str, name: str, *, certain: bool = True) -> PolicyWarning:
    return PolicyWarning(kind, f"{name}: {kind}", certain, "base", "us-east-1", OWNER, "repository", "Sid", (ACCOUNT,))


def result_of(name: str, *warnings: PolicyWarning, error: str | None = None) -> WriteResult:
    return WriteResult(name, warnings=warnings, error=error)


def failed(count: int) -> WriteRunResult:
    return WriteRunResult((result_of("fine"), *(result_of(f"r{n}", error=f"r{n}: no") for n in range(count))))


def test_the_rows_are_counted() -> None:
    registry = InMemory(
        {
            "broken": "{",
            "deny": text_of({"Sid": "D", "Effect": "Deny", "Principal": "*", "Action": "ecr:BatchGetImage"}),
            "new": None,
            "shared": SHARED,
        }
    )
    asked = to_share("*", "x*", "nowhere", missing_ok=True)
    assert run(asked, registry).summary == {
        "repositories": 6,
        "changed": 2,
        "missing": 2,
        "failed": 1,
        "warnings": 1,
        "unchanged": 1,
    }


def test_nothing_is_counted_in_no_rows() -> None:
    result = WriteRunResult(())
    assert set(result.summary.values()) == {0}
    assert (result.changed, result.failures, result.warnings) == (False, (), ())


# How many failed, and the last of what is told of them.
FAILURES = {"none": (0, []), "one": (1, []), "five": (5, []), "six": (6, ["and 1 more"]), "many": (50, ["and 45 more"])}


@pytest.mark.parametrize(("count", "more"), FAILURES.values(), ids=FAILURES.keys())
def test_the_first_failures_are_told_in_full(count: int, more: list[str]) -> None:
    assert list(failed(count).failures) == [f"r{n}: no" for n in range(min(count, 5))] + more
    assert failed(count).summary["failed"] == count


def test_a_repository_that_was_written_and_failed_counts_as_both() -> None:
    result = WriteRunResult((WriteResult("a", changed=True, error="a: no"), WriteResult("b")))
    assert result.summary == {"repositories": 2, "changed": 1, "missing": 0, "failed": 1, "warnings": 0, "unchanged": 1}
    assert result.changed


def test_each_kind_is_warned_about_once_with_its_number_of_repositories_and_certain_ones_first() -> None:
    result = WriteRunResult(
        (
            result_of("a", warned("explicit_deny", "a first", certain=False), warned("explicit_deny", "a second")),
            result_of("b", warned("deleted_principal", "b"), warned("explicit_deny", "b", certain=False)),
            result_of("c", warned("public", "c", certain=False), error="c: no"),
            result_of("d"),
        )
    )
    see = "(see the warnings in their rows). The first:"
    assert [warning.split(" repositories ")[0] for warning in result.warnings] == ["2 of 4", "1 of 4", "1 of 4"]
    assert [warning.split(f"{see} ")[1] for warning in result.warnings] == [
        "a second: explicit_deny",
        "b: deleted_principal",
        "c: public",
    ]
    assert f", 1 of them for certain {see}" in result.warnings[0]
    assert "certain" not in result.warnings[1]
    assert f", none of them for certain {see}" in result.warnings[2]
    assert result.summary["warnings"] == 5


def test_a_warning_in_a_row_is_plain_data() -> None:
    row = result_of("a", warned("explicit_deny", "a")).to_dict(include_policy=False)
    assert row["warnings"] == [
        {
            "kind": "explicit_deny",
            "message": "a: explicit_deny",
            "certain": True,
            "repository": "base",
            "region": "us-east-1",
            "registry_id": OWNER,
            "policy": "repository",
            "sid": "Sid",
            "principals": [ACCOUNT],
        }
    ]


@pytest.mark.parametrize(("policies", "asked"), RUNS.values(), ids=RUNS.keys())
def test_a_result_is_plain_data(policies: dict[str, str | None], asked: Request) -> None:
    result = run(replace(asked, diff=True), InMemory(policies)).to_dict(diff=True, include_policy=True)
    assert json.loads(json.dumps(result)) == result
