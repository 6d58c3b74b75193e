# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run did, as a person reads it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._role.summary import (
    MOST_FAILURES,
    MOST_GRANTS,
    MOST_WARNINGS,
    RegistryRun,
    Telling,
    markdown,
    summary,
)

TEAM, PARTNER = "111122223333", "444455556666"
NAMES = {TEAM: "checkout-prod"}


def change(principal: str, *access: str, lambda_regions: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"principal": principal, "access": list(access), "lambda_regions": list(lambda_regions)}


def row(name: str, *granted: Any, revoked: tuple[Any, ...] = (), **more: Any) -> dict[str, Any]:
    changed = bool(granted or revoked)
    return {"name": name, "changed": changed, "granted": list(granted), "revoked": list(revoked), **more}


def warning(kind: str, message: str, *, certain: bool = True) -> dict[str, Any]:
    return {"kind": kind, "message": message, "certain": certain}


def done(
    registry: str, *rows: dict[str, Any], existing: tuple[str, ...] | None = None, error: str | None = None, **more: Any
) -> RegistryRun:
    names = tuple(one["name"] for one in rows) if existing is None else existing
    return RegistryRun(registry, "123456789012", names, {"repositories": list(rows), "error": error, **more})


def test_a_run_is_told_from_what_is_lost_to_where_more_can_be_seen() -> None:
    lines = summary(
        [
            done(
                "prod eu-central-1",
                row("prod/a", change(TEAM, "pull"), revoked=(change(PARTNER, "push"),)),
                row("prod/b", change(TEAM, "pull")),
                row("tools", warnings=[warning("public", "tools: the repository is public")]),
                backup_path="/srv/backups/1",
            ),
            done("prod eu-west-1", row("prod/a", change(TEAM, "pull")), row("prod/b", change(TEAM, "pull"))),
        ],
        Telling(NAMES),
    )
    assert lines == (
        "REVOKES",
        f"- {PARTNER} push: 1 repository: prod/a in prod eu-central-1",
        "GRANTS",
        f"+ checkout-prod {TEAM} pull: 4 repositories: prod/* in prod eu-central-1; * in prod eu-west-1",
        "WARNINGS",
        "! public: 1 repository, such as prod eu-central-1: tools: the repository is public",
        "4 of 5 repositories changed in 2 registries",
        "  prod 123456789012 eu-central-1: 2 of 3 changed",
        "  prod 123456789012 eu-west-1: 2 of 2 changed",
        "The policies from before are in /srv/backups/1",
        "--diff shows each policy before and after",
    )


def test_a_check_says_that_nothing_was_written() -> None:
    lines = summary([done("prod", row("app", change(TEAM, "pull")))], Telling(check_mode=True, diff=True))
    assert lines == (
        "GRANTS (check mode: nothing was written)",
        f"+ {TEAM} pull: 1 repository: app in prod",
        "1 of 1 repositories would change in 1 registry",
    )


def test_a_run_that_changed_nothing_is_one_line() -> None:
    assert summary([done("prod", row("app"))], Telling()) == ("0 of 1 repositories changed in 1 registry",)


def test_failures_come_first_and_each_repository_is_told() -> None:
    rows = [row(f"r{n:02}", error=f"r{n:02}: AccessDenied", error_code=None) for n in range(MOST_FAILURES + 5)]
    lines = summary(
        [
            done("prod", *rows, row("app", change(TEAM, "pull")), error="25 of 26 repositories failed"),
            done("staging", error="role/x: AccessDenied"),
        ],
        Telling(),
    )
    assert lines[:2] == ("FAILED", "x prod: r00: AccessDenied")
    assert lines[MOST_FAILURES + 1] == "x and 6 more"
    assert lines[MOST_FAILURES + 2] == "GRANTS"
    assert "1 of 26 repositories changed in 1 registry, 25 failed" in lines


def test_whoever_loses_access_is_never_left_out_and_others_are_if_there_is_no_room() -> None:
    accounts = [f"{100000000000 + number}" for number in range(60)]
    run = done("prod", *(row("app", change(one, "pull"), revoked=(change(one, "push"),)) for one in accounts))
    lines = summary([run], Telling())
    assert sum(line.startswith("- ") for line in lines) == 60
    assert sum(line.startswith("+ ") for line in lines) == MOST_GRANTS + 1
    assert (
        f"+ and {60 - MOST_GRANTS} more lines for {60 - MOST_GRANTS} principals: ecr_share_report_dir writes all"
        in str(lines)
    )
    assert sum(line.startswith("+ ") for line in summary([run], Telling(whole=True))) == 60


def test_what_is_whole_leaves_nothing_out() -> None:
    every = [f"r{number:02}" for number in range(60)]
    kinds = [warning(f"kind{number}", "maybe", certain=False) for number in range(MOST_WARNINGS + 3)]
    rows = [row(name, change(TEAM, "pull")) for name in every[::2]]
    rows += [row(name, error=f"{name}: no", error_code=None) for name in every[1::2]]
    run = done("prod", *rows, row("odd", warnings=kinds), error="30 of 61 repositories failed")
    whole, screen = summary([run], Telling(whole=True)), summary([run], Telling())
    assert f"+ {TEAM} pull: 30 repositories: {', '.join(every[::2])} in prod" in whole
    assert [line.split()[2] for line in whole if line.startswith("x ")] == [f"{name}:" for name in every[1::2]]
    assert sum(line.startswith("! kind") for line in whole) == MOST_WARNINGS + 3
    assert not any(" more" in line for line in whole)
    assert {"x and 10 more", "! and 3 more kinds"} <= set(screen)


def test_actions_that_are_no_capability_stand_beside_what_was_lost() -> None:
    actions = ["ecr:A", "ecr:B", "ecr:C", "ecr:D"]
    rows = [
        row("app", revoked=(change(TEAM, "pull"),), revoked_actions=[{"principal": TEAM, "actions": actions[:1]}]),
        row("web", revoked_actions=[{"principal": TEAM, "actions": actions}]),
    ]
    lines = summary([done("prod", *rows)], Telling())
    assert lines[1:3] == (
        f"- {TEAM} pull, ecr:A: 1 repository: app in prod",
        f"- {TEAM} ecr:A, ecr:B, 2 more: 1 repository: web in prod",
    )


def test_functions_are_told_with_their_regions() -> None:
    (_title, line, *_rest) = summary(
        [done("prod", row("app", change(TEAM, "pull", lambda_regions=("us-east-1", "eu-west-1"))))], Telling()
    )
    assert line == f"+ {TEAM} pull, Lambda in us-east-1, eu-west-1: 1 repository: app in prod"


def test_certain_warnings_come_before_possible_ones_of_any_kind() -> None:
    rows = [
        row("a", warnings=[warning("excess_access", "a: maybe", certain=False)]),
        row("b", warnings=[warning("excess_access", "b: maybe", certain=False), warning("excess_access", "b: surely")]),
        row("c", warnings=[warning("public", "c: " + "x" * 500)]),
    ]
    lines = [line for line in summary([done("prod", *rows)], Telling()) if line.startswith("!")]
    assert lines[0] == "! excess_access: 1 repository, such as prod: b: surely"
    assert lines[1].startswith("! public: 1 repository, such as prod: c: xxx")
    assert len(lines[1]) < 250
    assert lines[2] == "! excess_access, possibly: 1 repository, such as prod: a: maybe"


def test_notes_of_the_play_are_told() -> None:
    assert '! ecr_share_repositories: "x" matches nothing' in summary(
        [done("prod", row("app"))], Telling(notes=['ecr_share_repositories: "x" matches nothing'])
    )


@pytest.mark.parametrize("text", ["{{ 7 * 7 }}", "a\nb", "\x1b[31mred", "x" * 900, "``` fence"])
def test_texts_of_others_stay_in_their_line_and_forge_nothing(text: str) -> None:
    rows = [
        row(
            "app",
            revoked=(change(text, "pull"),),
            warnings=[warning("public", f"app: {text}")],
            error=f"app: {text}",
            revoked_actions=[{"principal": PARTNER, "actions": [text]}],
        )
    ]
    lines = summary([done("prod", *rows, error="1 of 1 repositories failed")], Telling({PARTNER: "partner"}))
    assert all(line.isprintable() for line in lines)
    written = markdown(lines, check_mode=True, generated_at="2026-11-25T06:30:00Z")
    fence = written.split("diff\n")[0].splitlines()[-1]
    assert written.count(f"\n{fence}") == 2
    assert fence not in "\n".join(lines)


def test_the_file_for_a_pull_request_shows_the_lines_as_a_difference() -> None:
    written = markdown(["REVOKES", "- a", "+ b"], check_mode=False, generated_at="2026-11-25T06:30:00Z")
    assert written == "# What sharing changed\n\n2026-11-25T06:30:00Z\n\n```diff\nREVOKES\n- a\n+ b\n```\n"


def told(*paths: str | None) -> list[str]:
    runs = [
        RegistryRun(f"images {number}", None, None, {"repositories": [], "error": None, "backup_path": path})
        for number, path in enumerate(paths)
    ]
    return [line for line in summary(runs, Telling()) if line.startswith("The policies from before")]


def test_of_one_registry_is_its_directory_and_of_several_the_one_around_them() -> None:
    assert told("/backups/20261125/images-a", None) == ["The policies from before are in /backups/20261125/images-a"]
    assert told("/backups/20261125/images-a", "/backups/20261125/images-b") == [
        "The policies from before are in /backups/20261125"
    ]
    assert told(None) == []


def test_what_is_skipped_because_it_is_not_there_is_counted_as_no_repository() -> None:
    rows = [
        {"name": "app", "changed": True, "granted": [], "revoked": []},
        {"name": "base/*", "changed": False, "granted": [], "revoked": [], "missing": True},
        {"name": "web", "changed": False, "granted": [], "revoked": [], "missing": True, "error": "web: not there"},
    ]
    run = RegistryRun("images us-east-1", None, None, {"repositories": rows, "error": None})
    assert "1 of 2 repositories changed in 1 registry, 1 failed" in summary([run], Telling())


def of_pattern(principal: str, *access: str, patterns: tuple[str, ...] = ("*",)) -> dict[str, Any]:
    """A change of the policy of a registry."""
    return {**change(principal, *access), "repositories": list(patterns)}


def test_the_registry_policy_and_templates_have_lines_and_counts_of_their_own() -> None:
    pull = change(TEAM, "pull")
    lines = summary(
        [
            done("prod eu-central-1", row("prod/a", pull), row("web"), existing=("prod/a", "web")),
            done("prod eu-central-1", row("registry policy", of_pattern(TEAM, "pull", patterns=("services/*",)))),
            done(
                "prod eu-central-1",
                row("template services", pull, warnings=[warning("role_in_template", "ci may go", certain=False)]),
                row("template ROOT", pull, revoked=(change(PARTNER, "push"),)),
                row("template old"),
            ),
        ],
        Telling(diff=True),
    )
    assert lines == (
        "REVOKES",
        f"- {PARTNER} push: 1 template: ROOT in prod eu-central-1",
        "GRANTS",
        f"+ {TEAM} pull: 2 templates: services, ROOT in prod eu-central-1",
        f"+ {TEAM} pull: 1 repository: prod/a in prod eu-central-1",
        f"+ {TEAM} pull: registry policy for services/* in prod eu-central-1",
        "WARNINGS",
        "! role_in_template, possibly: 1 template, such as prod eu-central-1: ci may go",
        "1 of 2 repositories, 1 of 1 registry policies, 2 of 3 templates changed in 1 registry",
    )


def test_patterns_of_one_principal_and_access_are_a_line_and_the_same_ones_are_told_once() -> None:
    both = (of_pattern(TEAM, "pull", patterns=("services/*",)), of_pattern(TEAM, "pull"))
    taken = {"principal": PARTNER, "actions": ["ecr:X"], "repositories": ["old/*"]}
    rows = [row("registry policy", *both, revoked_actions=[taken])]
    lines = summary([done(f"{host} us-east-1", *rows, existing=()) for host in ("a", "b", "c")], Telling(diff=True))
    assert lines[:4] == (
        "REVOKES",
        f"- {PARTNER} ecr:X: registry policy for old/* in all 3 registries",
        "GRANTS",
        f"+ {TEAM} pull: registry policy for services/*, * in all 3 registries",
    )
    assert lines[4:6] == (
        "3 of 3 registry policies changed in 3 registries",
        "  a 123456789012 us-east-1: 1 of 1 registry policies changed",
    )


@pytest.mark.parametrize(
    ("names", "number"),
    [
        (["registry policy"], "1 registry policy"),
        (["app", "template a"], "1 repository, 1 template"),
        (
            ["template a", "template b", "registry policy", "app", "web"],
            "2 repositories, 1 registry policy, 2 templates",
        ),
    ],
)
def test_warnings_are_counted_by_what_they_are_about(names: list[str], number: str) -> None:
    rows = [row(name, warnings=[warning("public", f"{name}: open")]) for name in names]
    assert f"! public: {number}, such as prod: {names[0]}: open" in summary([done("prod", *rows)], Telling())


@pytest.mark.parametrize(
    ("check_mode", "who", "told"),
    [
        pytest.param(True, TEAM, False, id="would lose it there"),
        pytest.param(True, PARTNER, True, id="keeps it there"),
        pytest.param(False, TEAM, True, id="has it after the run"),
    ],
)
def test_a_check_does_not_warn_of_what_the_policy_of_the_registry_would_no_longer_allow(
    check_mode: bool, who: str, told: bool
) -> None:
    still = {**warning("excess_access", "app: still"), "policy": "registry", "principals": [who]}
    rows = [row("registry policy", revoked=(of_pattern(TEAM, "pull"),)), row("app", warnings=[still])]
    assert ("WARNINGS" in summary([done("prod", *rows)], Telling(check_mode=check_mode))) is told


def test_what_was_put_back_is_told_by_the_same_words() -> None:
    rows = [row("template a", change(TEAM, "pull")), row("registry policy", of_pattern(TEAM, "pull")), row("app")]
    assert summary([done("prod", *rows)], Telling())[1:4] == (
        f"+ {TEAM} pull: 1 template: a in prod",
        f"+ {TEAM} pull: registry policy for * in prod",
        "0 of 1 repositories, 1 of 1 registry policies, 1 of 1 templates changed in 1 registry",
    )
