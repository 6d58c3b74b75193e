# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a play did, as numbers alone."""

from __future__ import annotations

from typing import Any

from ansible_collections.imageshare.aws.plugins.module_utils._role.audited import AuditedRegistry, RegistryKey
from ansible_collections.imageshare.aws.plugins.module_utils._role.finding import Acceptance, Finding
from ansible_collections.imageshare.aws.plugins.module_utils._role.stats import added, stats_of_audit, stats_of_runs
from ansible_collections.imageshare.aws.plugins.module_utils._role.summary import RegistryRun

OWNER = "123456789012"
NAME = "base/{{ 7 * 7 }}"


def run(registry: str, *rows: dict[str, Any], error: str | None = None) -> RegistryRun:
    return RegistryRun(registry, OWNER, None, {"repositories": list(rows), "error": error})


def row(name: str, *warnings: tuple[str, bool], changed: bool = False, **more: Any) -> dict[str, Any]:
    said = [{"kind": kind, "certain": certain, "message": NAME, "principals": []} for kind, certain in warnings]
    return {"name": name, "changed": changed, "granted": [], "revoked": [], "warnings": said, **more}


def finding(kind: str, *, certain: bool = True, accepted: bool = False) -> Finding:
    why = Acceptance("known", None) if accepted else None
    return Finding(kind, certain, "prod", OWNER, "us-east-1", NAME, NAME, accepted=why)


def texts_of(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*map(texts_of, value.values()))
    assert isinstance(value, int)
    return set()


def test_runs_are_counted_by_what_has_the_policy_and_warnings_by_their_kind() -> None:
    counted = stats_of_runs(
        [
            run(
                "prod us-east-1",
                # A repository that is warned of twice is one, and certain if any of the warnings is.
                row(NAME, ("public", False), ("public", True), ("excess_access", False), changed=True),
                row("base/b", ("public", False), error="no", changed=False),
                row("none/*", missing=True),
            ),
            run("prod us-east-1", row("registry policy", changed=True), row("template ROOT")),
            run("stage", error="AccessDenied"),
        ],
        check_mode=True,
    )
    assert counted == {
        "check_mode": True,
        "registries": 2,
        "failed_registries": 1,
        "repositories": 2,
        "registry_policies": 1,
        "templates": 1,
        "changed": 2,
        "failed": 1,
        "warnings": {"public": {"certain": 1, "possible": 1}, "excess_access": {"certain": 0, "possible": 1}},
    }


def test_audits_are_counted_by_the_kinds_of_what_nobody_has_accepted() -> None:
    registry = AuditedRegistry(RegistryKey("aws", OWNER, "us-east-1"), ("prod",), ({"name": NAME, "shares": []},))
    found = [finding("public"), finding("public", certain=False), finding("drift"), finding("public", accepted=True)]
    counted = stats_of_audit([registry], found, failed=["prod us-east-1", "prod us-east-1"], failing=2)
    assert counted == {
        "registries": 1,
        "failed_registries": 1,
        "repositories": 1,
        "registry_policies": 0,
        "templates": 0,
        "findings": {"public": {"certain": 1, "possible": 1}, "drift": {"certain": 1, "possible": 0}},
        "accepted": 1,
        "failing": 2,
    }
    assert not any("{" in text or "/" in text for text in texts_of(counted))


def test_numbers_of_two_plays_add_up() -> None:
    first = {"share": {"check_mode": False, "changed": 1, "warnings": {"public": {"certain": 1, "possible": 0}}}}
    second = {
        "share": {
            "check_mode": False,
            "changed": 2,
            "warnings": {"public": {"certain": 2, "possible": 1}, "excess_access": {"certain": 1, "possible": 0}},
        },
        "audit": {"failing": 3},
    }
    assert added(first, second) == {
        "share": {
            "check_mode": False,
            "changed": 3,
            "warnings": {"public": {"certain": 3, "possible": 1}, "excess_access": {"certain": 1, "possible": 0}},
        },
        "audit": {"failing": 3},
    }
    assert added({}, first) == first == added(first, {})
    assert added({"check_mode": True}, {"check_mode": False}) == {"check_mode": True}
