# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that shares by creation templates, against a registry in memory: which of them, what they become, what is said.

What every run does that writes is in test_share.py and test_policy_writes.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._registry import EcrError, StoredPolicy
from ansible_collections.imageshare.aws.plugins.module_utils._runs.backup_reader import find
from ansible_collections.imageshare.aws.plugins.module_utils._runs.options import Request
from ansible_collections.imageshare.aws.plugins.module_utils._runs.share_templates import TemplatesRunResult, run
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.grants import Grant
from ansible_collections.imageshare.aws.tests.support.builders import (
    ACCOUNT,
    EAST,
    ORGANIZATION,
    OTHER,
    OTHER_ROOT,
    OWNER,
    ROLE,
    ROOT,
    SESSION,
    UNIT,
    USER,
    allow,
    grant,
    root,
)
from ansible_collections.imageshare.aws.tests.support.in_memory import InMemory, Verbatim
from ansible_collections.imageshare.aws.tests.support.runs import allowing, change, text_of, to_share

PUSH, CACHE, REPLICATION = "CREATE_ON_PUSH", "PULL_THROUGH_CACHE", "REPLICATION"
SHARED, THEIRS = text_of(allowing(ROOT)), text_of(allow(OTHER_ROOT, Sid="theirs", Action="ecr:*"))
PLACE = "in the registry of these credentials in us-east-1"


def registry(*prefixes: str, **policies: str | None) -> InMemory:
    """Templates for pushes: without a policy by these prefixes, and with one by their names."""
    listed = {**dict.fromkeys(prefixes), **policies}
    fields = {"appliedFor": [PUSH], "imageTagMutability": "MUTABLE", "description": "for teams"}
    return Verbatim({}, templates={prefix: {**fields, "repositoryPolicy": text} for prefix, text in listed.items()})


def to(*prefixes: str, grants: tuple[Grant, ...] = (grant(ACCOUNT),), **changes: Any) -> Request:
    return to_share(*prefixes, grants=grants, **changes)


def rows(result: TemplatesRunResult) -> dict[str, dict[str, Any]]:
    returned = result.to_dict(diff=False, include_policy=False)["templates"]
    return {row["prefix"]: row for row in returned}


def changed(asked: Request, found: InMemory) -> list[str]:
    return [prefix for prefix, row in rows(run(asked, found)).items() if row["changed"]]


def warned(asked: Request, found: InMemory) -> list[tuple[str, str, bool, tuple[str, ...]]]:
    """Of every row, the kinds of its warnings, whether they are certain, and whom they name."""
    result = run(asked, found)
    return [
        (prefix, one["kind"], one["certain"], tuple(one["principals"]))
        for prefix, row in rows(result).items()
        for one in row["warnings"]
    ]


# --- which templates ---

# Of each: the templates that there are, what is asked for, and which of them get the grant.
SELECTED: dict[str, tuple[tuple[str, ...], tuple[str, ...], list[str]]] = {
    "all, ROOT among them": (("services", "ROOT", "base/"), ("*",), ["ROOT", "base/", "services"]),
    "ROOT alone": (("services", "ROOT"), ("ROOT",), ["ROOT"]),
    "a prefix is no pattern": (("services", "services/web"), ("services",), ["services"]),
    "a pattern": (("services/web", "services/api", "base"), ("services/*",), ["services/api", "services/web"]),
    "several, each once": (("services", "base"), ("base", "*", "services"), ["base", "services"]),
    "a slash that the template has not": (("services",), ("services/",), ["services"]),
    "a slash that it has": (("services/",), ("services",), ["services/"]),
    "a small root is a prefix": (("root", "ROOT"), ("root",), ["root"]),
}


@pytest.mark.parametrize(("there", "wanted", "expected"), SELECTED.values(), ids=SELECTED.keys())
def test_templates_are_selected(there: tuple[str, ...], wanted: tuple[str, ...], expected: list[str]) -> None:
    found = registry(*there)
    assert changed(to(*wanted), found) == expected
    assert [prefix for prefix in there if found.of_templates[prefix]["repositoryPolicy"]] == [
        prefix for prefix in there if prefix in expected
    ]


NOT_THERE = {
    "nope": f"nope: there is no creation template with this prefix {PLACE}. "
    "This module makes none: create it first, or correct the prefix",
    "x*": f'no creation template matches "x*" {PLACE}',
    "base/*": 'grants[1]: no template of this task is for repositories that all match "base/*" alone',
}


def missing(**changes: Any) -> TemplatesRunResult:
    grants = (grant(ACCOUNT), grant(OTHER, repositories=["base/*"]))
    return run(to("nope", "services", "x*", grants=grants, **changes), registry("services", "base"))


def test_what_there_is_not_fails_and_the_others_are_done() -> None:
    result = missing()
    assert {prefix: row["error"] for prefix, row in rows(result).items() if "error" in row} == NOT_THERE
    assert next(iter(rows(result))) == "services"
    assert rows(result)["services"]["changed"]
    assert result.message.startswith("3 of 4 templates failed, the others are done. ")
    assert result.summary == {
        "templates": 4,
        "changed": 1,
        "unchanged": 0,
        "missing": 0,
        "failed": 3,
        "warnings": 0,
    }


def test_what_there_is_not_may_be_missing() -> None:
    result = missing(missing_ok=True)
    assert [prefix for prefix, row in rows(result).items() if row.get("missing")] == ["x*", "nope", "base/*"]
    assert (result.failures, result.summary["missing"], result.warnings) == ((), 3, ())


def test_what_there_is_not_is_warned_about_where_access_is_taken_away() -> None:
    result = missing(missing_ok=True, warn_of_unmatched=True, sharing=False)
    told = {
        prefix: [(one["kind"], one["message"]) for one in row["warnings"]]
        for prefix, row in rows(result).items()
        if row["warnings"]
    }
    assert told == {
        "x*": [("pattern_not_matched", f"x*: {NOT_THERE['x*']}")],
        "nope": [("pattern_not_matched", NOT_THERE["nope"])],
        "base/*": [("pattern_not_matched", f"base/*: {NOT_THERE['base/*']}")],
    }


def test_a_template_may_vanish_before_it_is_read() -> None:
    class Vanishing(Verbatim):
        def read(self, name: str) -> StoredPolicy:
            self.of_templates.clear()
            return super().read(name)

    row = rows(run(to("services"), Vanishing({}, templates=registry("services").of_templates)))["services"]
    assert (row["error"], row["error_code"]) == (
        "template services: could not read it: it does not exist",
        "TemplateNotFoundException",
    )


def test_templates_that_cannot_be_listed_end_the_run() -> None:
    class Closed(InMemory):
        def templates(self) -> Any:
            raise EcrError("could not read the creation templates", "AccessDeniedException")

    with pytest.raises(EcrError, match="could not read the creation templates"):
        run(to("services"), Closed({}))


# --- which grants ---

# Of each: what a grant is narrowed to, and which of these templates it is for: ROOT, services, services/web, base.
COVERED: dict[str, tuple[list[str], list[str]]] = {
    "all": (["*"], ["ROOT", "base", "services", "services/web"]),
    "what is below a prefix": (["services/*"], ["services", "services/web"]),
    "more than that": (["s*"], ["services", "services/web"]),
    "that and others": (["base/*", "services/*"], ["base", "services", "services/web"]),
    "what is below a more specific one": (["services/web/*"], ["services/web"]),
    "a part of what is below": (["services/*/x", "base/python"], []),
    "the prefix itself": (["services"], []),
}


@pytest.mark.parametrize(("patterns", "expected"), COVERED.values(), ids=COVERED.keys())
def test_a_grant_is_for_templates_whose_repositories_it_is_all_for(patterns: list[str], expected: list[str]) -> None:
    grants = (grant(ACCOUNT, repositories=patterns),)
    for end in ("", "/"):
        there = [f"{prefix}{end}" for prefix in ("services", "services/web", "base")]
        found = changed(to("*", grants=grants, missing_ok=True), registry("ROOT", *there))
        assert [prefix.removesuffix("/") for prefix in found] == expected


@pytest.mark.parametrize("purge", [True, False])
def test_a_template_that_no_grant_is_for_is_not_even_read(purge: bool) -> None:
    found = registry(base=THEIRS, services=None)
    run(to("*", grants=(grant(ACCOUNT, repositories=["services/*"]),), purge_grants=purge), found)
    assert ("read", "template base") not in found.journal


# Of each: the templates, what the grant is narrowed to, and those that are left as they are with a warning.
TOO_NARROW: dict[str, tuple[tuple[str, ...], list[str], list[str]]] = {
    "a part": (("services", "base"), ["services/*/x"], ["services"]),
    "a part of ROOT": (("ROOT",), ["services/*"], ["ROOT"]),
    "a part of several": (("ROOT", "services"), ["*/web"], ["ROOT", "services"]),
    "nothing of it": (("base",), ["services/*"], []),
    "all of it": (("services",), ["services/*"], []),
    "what a more specific template is for": (("ROOT", "services"), ["services/*"], []),
}


@pytest.mark.parametrize(("there", "patterns", "expected"), TOO_NARROW.values(), ids=TOO_NARROW.keys())
@pytest.mark.parametrize("sharing", [True, False], ids=["present", "absent"])
def test_a_grant_for_a_part_of_a_template_is_not_put_in_and_warned_about(
    there: tuple[str, ...], patterns: list[str], expected: list[str], sharing: bool
) -> None:
    found = registry(**dict.fromkeys(there, THEIRS))
    asked = to("*", grants=(grant(ACCOUNT, repositories=patterns),), missing_ok=True, sharing=sharing)
    assert warned(asked, found) == [(prefix, "grant_too_narrow", True, (ACCOUNT,)) for prefix in expected]
    assert [found.of_templates[prefix]["repositoryPolicy"] for prefix in expected] == [THEIRS] * len(expected)


def test_grants_that_are_too_narrow_alike_are_one_warning() -> None:
    grants = tuple(grant(name, repositories=["services/*/x"]) for name in (ACCOUNT, OTHER))
    ((_prefix, kind, _certain, names),) = warned(to("*", grants=grants, missing_ok=True), registry("services"))
    assert (kind, names) == ("grant_too_narrow", (ACCOUNT, OTHER))


# --- what becomes of them ---


def test_grants_are_merged_as_into_a_repository() -> None:
    found = registry(services=THEIRS)
    result = run(to("services", grants=(grant(ACCOUNT, ["pull"], ["us-east-1"]),)), found)
    (theirs, pulling, functions) = json.loads(found.of_templates["services"]["repositoryPolicy"])["Statement"]
    assert theirs == json.loads(THEIRS)["Statement"][0]
    assert (pulling["Sid"], pulling["Principal"], "Resource" in pulling) == ("AllowPull", {"AWS": ROOT}, False)
    assert functions["Condition"] == {"StringLike": {"aws:sourceARN": EAST}}
    assert rows(result) == {
        "services": {
            "prefix": "services",
            "changed": True,
            "granted": [change(ACCOUNT, regions=["us-east-1"])],
            "revoked": [],
            "warnings": [],
        }
    }


def test_a_new_policy_has_the_version_of_a_repositorys() -> None:
    found = registry("services")
    run(to("services"), found)
    assert json.loads(found.of_templates["services"]["repositoryPolicy"])["Version"] == "2008-10-17"


def test_the_last_principal_empties_the_policy() -> None:
    found = registry(services=SHARED)
    result = run(to("services", sharing=False, include_policy=True), found)
    assert found.of_templates["services"]["repositoryPolicy"] is None
    assert result.to_dict(diff=False, include_policy=True)["templates"][0]["policy"] is None
    assert found.written == [("delete", "template services")]


# Of each: the policy before, and what is asked.
RUNS: dict[str, tuple[str | None, Request]] = {
    "no policy": (None, to("services")),
    "a policy of others": (THEIRS, to("services")),
    "shared already": (SHARED, to("services")),
    "purged": (text_of(allowing(ROOT, OTHER_ROOT, root(OWNER))), to("services", purge_grants=True)),
    "the last principal leaves": (SHARED, to("services", sharing=False)),
    "taken out of what others wrote": (THEIRS, to("*", grants=(grant(OTHER),), sharing=False, revoke_unmanaged=True)),
    "a broken policy": ("{", to("services")),
    "one that is missing": (None, to("services", "x*")),
}


@pytest.mark.parametrize(("policy", "asked"), RUNS.values(), ids=RUNS.keys())
def test_a_dry_run_writes_nothing_and_foretells_rows_and_diffs(policy: str | None, asked: Request) -> None:
    dry, real = registry(services=policy), registry(services=policy)
    foretold = run(replace(asked, check_mode=True, diff=True), dry)
    assert dry.written == []
    done = run(replace(asked, diff=True), real)
    assert replace_reads(foretold) == replace_reads(done)
    diffs = done.to_dict(diff=True, include_policy=False)["diff"]
    assert [diff["before_header"] for diff in diffs] == ["template services"] * done.changed
    real.journal.clear()
    assert not run(asked, real).changed
    assert real.written == []


def replace_reads(result: TemplatesRunResult) -> TemplatesRunResult:
    """The result without what was read, which is not told."""
    return replace(result, results=tuple(replace(row, stored=None) for row in result.results))


def test_purge_spares_the_owner() -> None:
    found = registry(services=text_of(allowing(OTHER_ROOT, root(OWNER))))
    run(to("services", purge_grants=True), found)
    (kept,) = json.loads(found.of_templates["services"]["repositoryPolicy"])["Statement"]
    assert kept["Principal"]["AWS"] == [root(OWNER), ROOT]


def test_changes_have_the_prefixes() -> None:
    told = run(to("*"), registry("ROOT", "services")).to_dict(diff=False, include_policy=False)["changes"]
    assert told == [
        {
            "change": "granted",
            "principal": ACCOUNT,
            "access": ["pull"],
            "lambda_regions": [],
            "other_actions": [],
            "policy": "template",
            "templates": ["ROOT", "services"],
        }
    ]


# --- other fields ---


class Meddled(Verbatim):
    """Templates that somebody else changes at the second read of each, which is the look after the write."""

    def __init__(self, templates: Mapping[str, Mapping[str, Any]], **fields: Any) -> None:
        super().__init__({}, templates=templates)
        self._fields, self._reads = fields, 0

    def read(self, name: str) -> StoredPolicy:
        self._reads += 1
        if self._reads == 2:
            self.of_templates["services"] |= self._fields
        return super().read(name)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"imageTagMutability": "IMMUTABLE"}, "imageTagMutability was 'MUTABLE' and is 'IMMUTABLE'"),
        ({"description": "for all"}, "description was 'for teams' and is 'for all'"),
        ({"customRoleArn": ROLE}, f"customRoleArn was None and is '{ROLE}'"),
    ],
    ids=["mutability", "description", "a new one"],
)
def test_a_field_that_is_another_after_the_write_is_an_error_beside_what_was_done(
    fields: dict[str, Any], said: str
) -> None:
    result = run(to("services"), Meddled(registry("services").of_templates, **fields))
    row = rows(result)["services"]
    assert (row["changed"], row["granted"]) == (True, [change(ACCOUNT)])
    assert row["error"].startswith("template services: its policy was written, but not only that has changed since")
    assert said in row["error"]
    assert (result.changed, result.summary["failed"], result.summary["changed"]) == (True, 1, 1)


def test_the_order_of_what_a_field_lists_has_no_weight() -> None:
    fields = registry("services").of_templates["services"]
    tags = [{"Key": "team", "Value": "a"}, {"Key": "cost", "Value": "1"}]
    found = Meddled({"services": {**fields, "resourceTags": tags}}, resourceTags=tags[::-1])
    assert run(to("services"), found).failures == ()


def test_each_changed_template_is_written_once_and_read_before_and_after() -> None:
    found = registry("base", services=SHARED)
    run(to("*", concurrency=1), found)
    assert [call[:2] for call in found.journal] == [
        ("templates",),
        ("read", "template base"),
        ("write", "template base"),
        ("read", "template services"),
        ("pause",),
        ("read", "template base"),
    ]


# --- warnings ---


def shadowed(asked: Request, found: InMemory) -> list[tuple[str, bool, tuple[str, ...]]]:
    return [(prefix, sure, names) for prefix, kind, sure, names in warned(asked, found) if kind == "shadowed"]


# Of each: what the more specific template is applied for and has, and the warning about ROOT, if any.
SHADOWS: dict[str, tuple[list[str], str | None, tuple[bool, tuple[str, ...]] | None]] = {
    "applied for the same": ([PUSH], None, (True, (ACCOUNT, OTHER))),
    "applied for the same and more": ([CACHE, PUSH], None, (True, (ACCOUNT, OTHER))),
    "applied for something else": ([CACHE, REPLICATION], None, (False, (ACCOUNT, OTHER))),
    "it has one of the grants": ([PUSH], SHARED, (True, (OTHER,))),
    "it has a part of a grant": (
        [PUSH],
        text_of(allowing(ROOT, OTHER_ROOT, actions="ecr:BatchGetImage")),
        (True, (ACCOUNT, OTHER)),
    ),
    "it has all": ([PUSH], text_of(allowing(ROOT, OTHER_ROOT)), None),
    "it has more": ([PUSH], text_of(allowing(ROOT, OTHER_ROOT), json.loads(THEIRS)["Statement"][0]), None),
    "it cannot be read": ([PUSH], "{", (True, (ACCOUNT, OTHER))),
}


@pytest.mark.parametrize(("applied_for", "policy", "expected"), SHADOWS.values(), ids=SHADOWS.keys())
def test_a_more_specific_template_that_lacks_the_grants_is_warned_about(
    applied_for: list[str], policy: str | None, expected: tuple[bool, tuple[str, ...]] | None
) -> None:
    found = registry("ROOT", services=policy)
    found.of_templates["services"]["appliedFor"] = applied_for
    told = shadowed(to("ROOT", grants=(grant(ACCOUNT), grant(OTHER))), found)
    assert told == ([] if expected is None else [("ROOT", *expected)])


# Of each: the templates, which are asked for, and those that are shadowed.
NESTED: dict[str, tuple[tuple[str, ...], tuple[str, ...], list[str]]] = {
    "both are asked for": (("ROOT", "services"), ("*",), []),
    "one beside it": (("base", "services"), ("services",), []),
    "one above it": (("ROOT", "services"), ("services",), []),
    "one below it": (("services", "services/web"), ("services",), ["services"]),
    "one whose name only begins alike": (("services", "services-old"), ("services",), []),
    "one below it, with a slash": (("services/", "services/web/"), ("services",), ["services/"]),
    "two below it": (("services", "services/web", "services/api"), ("services",), ["services", "services"]),
}


@pytest.mark.parametrize(("there", "wanted", "expected"), NESTED.values(), ids=NESTED.keys())
def test_only_templates_below_one_shadow_it(
    there: tuple[str, ...], wanted: tuple[str, ...], expected: list[str]
) -> None:
    assert [prefix for prefix, _sure, _names in shadowed(to(*wanted), registry(*there))] == expected


def test_whoever_takes_access_away_is_not_told_of_shadows_and_roles() -> None:
    found = registry("services", ROOT=text_of(allowing(ROLE)))
    assert warned(to("ROOT", grants=(grant(ROLE),), sharing=False), found) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [(ACCOUNT, False), (ORGANIZATION, False), (UNIT, False), (ROLE, True), (USER, True), (SESSION, True)],
)
def test_whoever_may_be_deleted_later_is_warned_about_when_named_first(name: str, expected: bool) -> None:
    found = registry("services")
    asked = to("services", grants=(grant(name),))
    assert warned(asked, found) == [("services", "role_in_template", False, (name,))] * expected
    assert warned(asked, found) == []


def test_the_task_tells_each_kind_with_a_count_of_templates() -> None:
    result = run(to("ROOT", "base", grants=(grant(ROLE),)), registry("ROOT", "base", "services"))
    first, second = result.warnings
    assert first.startswith("1 of 2 templates are not for all that they seem to be for")
    assert second.startswith("2 of 2 templates name roles or users, which may be deleted")
    assert ", none of them for certain" in second


# --- backups ---


def test_policies_are_saved_before_they_are_replaced(tmp_path: Path) -> None:
    found = registry("ROOT", **{"services/web/": THEIRS})
    result = run(to("*", backup_dir=str(tmp_path)), found)
    saved = {one.path.rpartition("/")[2]: one.backup for one in find(result.backup_path or "")}
    assert {file: (one.kind, one.name, one.policy) for file, one in saved.items()} == {
        "template--ROOT.json": ("template", "template ROOT", None),
        "template--services__web__.json": ("template", "template services/web/", THEIRS),
    }
    assert {one.registry_id for one in saved.values()} == {OWNER}


def test_what_cannot_be_saved_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found = registry("ROOT", "services")
    result = run(to("*", backup_dir=str(tmp_path / "file")), found)
    assert [error.partition(": ")[0] for error in result.failures] == ["template ROOT", "template services"]
    assert (found.written, result.backup_path) == ([], None)
