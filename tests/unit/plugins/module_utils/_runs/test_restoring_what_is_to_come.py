# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The policy of a registry, and those of creation templates, are put back as those of repositories are.

What holds of every restoring is in test_restore.py and test_restoring_what_was_written.py.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._iam.document import PolicyComparison, parse
from ansible_collections.imageshare.aws.plugins.module_utils._registry import StoredPolicy
from ansible_collections.imageshare.aws.plugins.module_utils._runs import (
    restore,
    share,
    share_registry,
    share_templates,
)
from ansible_collections.imageshare.aws.plugins.module_utils._runs.backup_reader import find
from ansible_collections.imageshare.aws.plugins.module_utils._runs.backups import BackupError, file_name
from ansible_collections.imageshare.aws.plugins.module_utils._runs.options import read_restore_request
from ansible_collections.imageshare.aws.tests.support.builders import ACCOUNT, OTHER, OTHER_ROOT, OWNER, allow, grant
from ansible_collections.imageshare.aws.tests.support.in_memory import InMemory, Verbatim
from ansible_collections.imageshare.aws.tests.support.runs import allowing, change, rows, text_of, to_restore, to_share

REGISTRY, SERVICES = "registry policy", "template services"
ALL = f"arn:aws:ecr:us-east-1:{OWNER}:repository/*"
OF_REGISTRY = text_of({**allow(OTHER_ROOT, Sid="theirs", Action="ecr:ReplicateImage"), "Resource": ALL})
THEIRS_OF_REGISTRY = text_of({**allow(OTHER_ROOT, Sid="others", Action="ecr:ReplicateImage"), "Resource": "*"})
BEFORE, THEIRS = (text_of(allow(OTHER_ROOT, Sid=sid, Action="ecr:*")) for sid in ("before", "theirs"))
FIELDS = {"appliedFor": ["CREATE_ON_PUSH"], "imageTagMutability": "IMMUTABLE"}


def estate() -> InMemory:
    """A repository, the registry and a template, each with a policy of somebody else."""
    templates = {"services": {**FIELDS, "repositoryPolicy": BEFORE}}
    return Verbatim({"base": BEFORE}, registry_policy=OF_REGISTRY, templates=templates)


def shared(folder: Path) -> InMemory:
    """The same after three runs, which share them with an account and save them in a folder."""
    registry, everyone = estate(), {"grants": (grant(ACCOUNT),), "backup_dir": str(folder)}
    share.run(to_share("base", **everyone), registry)
    share_registry.run(to_share(REGISTRY, **everyone), registry)
    share_templates.run(to_share("*", **everyone), registry)
    registry.journal.clear()
    return registry


def meaning(text: str | None) -> Any:
    """The policy in one form, however AWS has spelt it; None for none."""
    return None if text is None else PolicyComparison("aws").canonical(parse(text))


def policies(registry: InMemory) -> dict[str, Any]:
    found = (registry.repository("base"), registry.policy_of_registry(), registry.template("services"))
    return {target.label: meaning(target.read().text) for target in found}


def restored(folder: Path, registry: InMemory, **options: Any) -> dict[str, dict[str, Any]]:
    result = restore.run(to_restore(folder, **options), registry)
    return {row["name"]: row for row in rows(result)}


def test_all_that_was_shared_is_put_back_as_it_was_and_told_by_its_name(tmp_path: Path) -> None:
    registry = shared(tmp_path)
    found = restored(tmp_path, registry)
    assert list(found) == ["base", REGISTRY, SERVICES]
    assert policies(registry) == policies(estate())
    assert {name: row["revoked"] for name, row in found.items()} == {
        "base": [change(ACCOUNT)],
        REGISTRY: [{**change(ACCOUNT), "repositories": ["*"]}],
        SERVICES: [change(ACCOUNT)],
    }
    files = {name: Path(row["restored_from"]).name for name, row in found.items()}
    assert files == {"base": "base.json", REGISTRY: "registry--policy.json", SERVICES: "template--services.json"}
    assert not any(row["changed"] for row in restored(tmp_path, registry).values())


def test_other_fields_of_a_template_stay(tmp_path: Path) -> None:
    registry = shared(tmp_path)
    restored(tmp_path, registry)
    assert registry.of_templates["services"].items() >= FIELDS.items()


def test_check_mode_writes_nothing_and_foretells_the_rows(tmp_path: Path) -> None:
    registry = shared(tmp_path)
    foretold = restored(tmp_path, registry, check_mode=True)
    assert registry.written == []
    assert foretold == restored(tmp_path, registry)


def test_changes_are_told_of_each_kind_by_itself(tmp_path: Path) -> None:
    result = restore.run(to_restore(tmp_path), shared(tmp_path)).to_dict(diff=False, include_policy=False)
    members = ("policy", "repositories", "templates")
    places = [{name: one[name] for name in members if name in one} for one in result["changes"]]
    assert places == [
        {"repositories": ["base"]},
        {"policy": "registry", "repositories": ["*"]},
        {"policy": "template", "templates": ["services"]},
    ]


# --- which of them ---

# Of each: the options of the module, and what is put back.
CHOSEN: dict[str, tuple[dict[str, Any], list[str]]] = {
    "nothing said": ({}, ["base", REGISTRY, SERVICES]),
    "all repositories": ({"repositories": ["*"]}, ["base", REGISTRY, SERVICES]),
    "a repository": ({"repositories": ["base"]}, ["base"]),
    "a pattern": ({"repositories": ["b*"]}, ["base"]),
    "the registry": ({"apply_to": ["registry"]}, [REGISTRY]),
    "templates": ({"apply_to": ["templates"]}, [SERVICES]),
    "repositories": ({"apply_to": ["repositories"]}, ["base"]),
    "two kinds": ({"apply_to": ["templates", "registry"]}, [REGISTRY, SERVICES]),
    "a repository and the registry": (
        {"repositories": ["base"], "apply_to": ["registry", "repositories"]},
        ["base", REGISTRY],
    ),
}


@pytest.mark.parametrize(("options", "expected"), CHOSEN.values(), ids=CHOSEN.keys())
def test_kinds_choose_what_is_put_back(options: dict[str, Any], expected: list[str], tmp_path: Path) -> None:
    registry = shared(tmp_path)
    after, before = policies(registry), policies(estate())
    asked = {
        "repositories": ["*"],
        "apply_to": None,
        "to": "before",
        "overwrite": False,
        "registry_id": None,
        "on_missing": "fail",
        "force_set_policy": False,
        "concurrency": 1,
        "backup_dir": None,
        "include_policy": False,
        "backup_path": str(tmp_path),
        **options,
    }
    result = restore.run(read_restore_request(asked, check_mode=False, diff=False), registry)
    assert [row["name"] for row in rows(result)] == expected
    assert policies(registry) == {name: (before if name in expected else after)[name] for name in after}


def test_a_kind_that_was_not_saved_fails_or_is_nothing(tmp_path: Path) -> None:
    registry = estate()
    share.run(to_share("base", backup_dir=str(tmp_path)), registry)
    with pytest.raises(BackupError, match=r"has backups of repositories alone for registry.*Check apply_to"):
        restored(tmp_path, registry, kinds=("registry", "template"))
    asked = to_restore(tmp_path, kinds=("registry",), named_kinds=("registry",), missing_ok=True)
    result = restore.run(asked, registry)
    assert (rows(result), result.notes) == (
        [],
        ("There is no backup of registry here, so nothing of it was restored.",),
    )


def test_all_repositories_of_a_backup_that_has_none_are_no_failure(tmp_path: Path) -> None:
    registry = estate()
    share_registry.run(to_share(REGISTRY, grants=(grant(ACCOUNT),), backup_dir=str(tmp_path)), registry)
    assert list(restored(tmp_path, registry)) == [REGISTRY]


# --- what becomes of them ---

# Of each: how it is now (None for as it was written), what is asked for, and what becomes of it; None for a refusal.
NOW = {
    "as it was written": (False, {}, True),
    "changed by others": (True, {}, None),
    "changed by others, overwritten": (True, {"overwrite": True}, True),
    "changed by others, to what was written": (True, {"to": "written"}, True),
    "as it was written, to that": (False, {"to": "written"}, False),
}


@pytest.mark.parametrize(("meddled", "options", "expected"), NOW.values(), ids=NOW.keys())
def test_what_others_changed_since_is_lost_on_request_alone(
    meddled: bool, options: dict[str, Any], expected: bool | None, tmp_path: Path
) -> None:
    registry = shared(tmp_path)
    written = policies(registry)
    if meddled:
        registry._store(REGISTRY, THEIRS_OF_REGISTRY)
        registry._store(SERVICES, THEIRS)
    now = policies(registry)
    found = restored(tmp_path, registry, kinds=("registry", "template"), **options)
    assert [row["changed"] for row in found.values()] == [bool(expected)] * 2
    refusals = ["set overwrite; check mode and --diff" in row.get("error", "") for row in found.values()]
    assert refusals == [expected is None] * 2
    goal = written if options.get("to") == "written" else policies(estate())
    for name in (REGISTRY, SERVICES):
        assert policies(registry)[name] == (goal if expected else now)[name]


def test_what_had_no_policy_has_none_again(tmp_path: Path) -> None:
    registry = Verbatim({}, templates={"services": FIELDS})
    for run, name in ((share_registry.run, REGISTRY), (share_templates.run, "services")):
        run(to_share(name, grants=(grant(ACCOUNT),), backup_dir=str(tmp_path)), registry)
    found = restored(tmp_path, registry)
    assert [row["changed"] for row in found.values()] == [True, True]
    assert (registry.policy_of_registry().read().text, registry.template("services").read().text) == (None, None)


def test_what_a_registry_lost_is_told_by_its_patterns(tmp_path: Path) -> None:
    registry = shared(tmp_path)
    registry._store(REGISTRY, text_of({**allowing(OTHER_ROOT), "Resource": ALL}))
    row = restored(tmp_path, registry, kinds=("registry",), overwrite=True)[REGISTRY]
    assert row["revoked"] == [{**change(OTHER), "repositories": ["*"]}]


@pytest.mark.parametrize("missing_ok", [True, False])
def test_a_template_that_is_gone_is_missing_and_the_others_are_put_back(missing_ok: bool, tmp_path: Path) -> None:
    registry = shared(tmp_path)
    registry.of_templates.clear()
    found = restored(tmp_path, registry, missing_ok=missing_ok)
    assert [found[name]["changed"] for name in ("base", REGISTRY)] == [True, True]
    assert (found[SERVICES].get("missing", False), "error" in found[SERVICES]) == (missing_ok, not missing_ok)


def test_a_field_that_is_another_after_the_write_is_an_error_beside_what_was_done(tmp_path: Path) -> None:
    class Meddled(Verbatim):
        reads = 0

        def read(self, name: str) -> StoredPolicy:
            self.reads += 1
            if self.reads == 2:
                self.of_templates["services"]["imageTagMutability"] = "MUTABLE"
            return super().read(name)

    row = restored(tmp_path, Meddled({}, templates=shared(tmp_path).of_templates), kinds=("template",))[SERVICES]
    assert row["changed"]
    assert "imageTagMutability was 'IMMUTABLE' and is 'MUTABLE'" in row["error"]


def test_what_would_open_the_registry_is_warned_about(tmp_path: Path) -> None:
    registry = Verbatim({}, registry_policy=text_of({**allow(Sid="open"), "Resource": ALL}))
    share_registry.run(to_share(REGISTRY, grants=(grant(ACCOUNT),), backup_dir=str(tmp_path)), registry)
    registry._store(REGISTRY, OF_REGISTRY)
    warnings = restored(tmp_path, registry, overwrite=True)[REGISTRY]["warnings"]
    assert [(one["kind"], one["sid"]) for one in warnings] == [("public", "open")]
    assert warnings[0]["message"].startswith("registry policy: the registry is public")


def test_a_restoring_saves_what_it_replaces(tmp_path: Path) -> None:
    registry = shared(tmp_path / "first")
    after = policies(registry)
    restored(tmp_path / "first", registry, backup_dir=str(tmp_path / "second"))
    assert {one.backup.name: meaning(one.backup.policy) for one in find(str(tmp_path / "second"))} == after
    restored(tmp_path / "second", registry)
    assert policies(registry) == after


# --- files ---

named = pytest.mark.parametrize(
    ("kind", "name", "file"),
    [
        ("registry", "registry policy", "registry--policy.json"),
        ("template", "template ROOT", "template--ROOT.json"),
        ("template", "template services", "template--services.json"),
        ("template", "template services/", "template--services__.json"),
        ("template", "template services/web.v1/", "template--services__web.v1__.json"),
        ("repository", "registry/policy", "registry__policy.json"),
        ("repository", "template/services", "template__services.json"),
        ("repository", "registry-policy", "registry-policy.json"),
    ],
)


@named
def test_each_kind_has_files_of_its_own(kind: str, name: str, file: str) -> None:
    assert file_name(kind, name) == file


def test_long_prefixes_have_files_of_their_own_that_any_file_system_takes() -> None:
    names = [f"template {prefix}" for prefix in ("a" * 256, "a" * 255, "a" * 255 + "/", "a/" * 128)]
    files = list(map(partial(file_name, "template"), names))
    assert len(set(files)) == len(files)
    assert all(len(f"{file}.unfinished".encode()) <= 255 for file in files)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("registry", "registry"),
        ("registry", "template ROOT"),
        ("registry", "base"),
        ("template", "services"),
        ("template", "template "),
        ("template", "template Services"),
        ("template", "template ../services"),
        ("template", "template root policy"),
        ("repository", "registry policy"),
        ("repository", "template services"),
    ],
)
def test_what_is_none_of_a_kind_has_no_file(kind: str, name: str) -> None:
    with pytest.raises(BackupError, match=f"is not the name of a {kind}"):
        file_name(kind, name)
