# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules of the collection must do, whatever AWS is like."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.imageshare.aws.tests.acceptance.belongings import meaning
from ansible_collections.imageshare.aws.tests.acceptance.stage import Stage, allow

_MODULES = "ansible_collections.imageshare.aws.plugins.modules"
_DIFFERS = "stored_policy_differs"
# An action that no module grants, so that the statement is unmanaged.
_UNMANAGED = ("ecr:DescribeImageScanFindings",)


class Wrong(Exception):
    """A module failed, or printed something that is no result."""


@dataclass
class Checks:
    """done: what was to be, and whether it was."""

    stage: Stage
    done: dict[str, str] = field(default_factory=dict)

    def expect(self, what: str, is_so: bool, why: object = "") -> None:
        self.done[what] = "as it should be" if is_so else f"WRONG: {self.stage.plain(str(why))}"

    def run(self, module: str, *, check: bool = False, **options: Any) -> dict[str, Any]:
        """Run a module as a process of its own, with the credentials of the owner."""
        kept = {name: value for name, value in os.environ.items() if name not in ("AWS_PROFILE", "AWS_SESSION_TOKEN")}
        process = subprocess.run(
            [sys.executable, "-m", f"{_MODULES}.{module}"],
            input=json.dumps({"ANSIBLE_MODULE_ARGS": {"_ansible_check_mode": check, **options}}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**kept, **self.stage.owner.environment()},
            check=False,
            # A signal from the terminal is for this process, which lets the module end.
            start_new_session=True,
        )
        self.stage.owner.stop.look()
        try:
            values: dict[str, Any] = json.loads(process.stdout)
        except ValueError:
            raise Wrong(f"{module} printed {process.stdout[-2000:]}") from None
        if values.get("failed"):
            raise Wrong(f"{module} failed: {values.get('msg')}")
        return values


def module_shares(checks: Checks) -> None:
    stage = checks.stage
    name = stage.ours.repository("modules/share")
    principal = (stage.consumer or stage.owner).id
    stage.set(name, allow(stage.owner.root, _UNMANAGED, Sid="Unmanaged"))
    before = stage.get(name)
    options: dict[str, Any] = {
        "repositories": [name],
        "grants": [{"principals": [principal], "access": ["pull", "describe"], "lambda_regions": [stage.owner.region]}],
    }
    backups: dict[str, Any] = {"backup_dir": str(stage.folder / "backups")}

    foreseen = checks.run("ecr_share_policy", check=True, **options)
    checks.expect("check mode foresees a change, and makes none", foreseen["changed"] and stage.get(name) == before)
    shared = checks.run("ecr_share_policy", **options, **backups)
    checks.expect("sharing changes the policy", shared["changed"])
    differs = [one["message"] for one in shared["repositories"][0]["warnings"] if one["kind"] == _DIFFERS]
    checks.expect("what was stored is what was sent", not differs, differs)
    after = stage.get(name)
    checks.expect("the unmanaged statement is kept", meaning(before)[0] in meaning(after), after)
    again = checks.run("ecr_share_policy", **options)
    checks.expect("sharing again changes nothing", not again["changed"], again["repositories"])
    audit = checks.run("ecr_share_policy_info", repositories=[name])
    found = [one for one in audit["repositories"][0]["shares"] if one["principal"] == principal]
    pulls = any(one["can_pull"] and {"pull", "describe"} <= set(one["access"]) for one in found)
    checks.expect("the audit tells the share", pulls, audit["repositories"])
    restored = checks.run("ecr_share_policy_restore", backup_path=shared["backup_path"])
    same = meaning(stage.get(name)) == meaning(before)
    checks.expect("restoring puts the policy back", restored["changed"] and same, stage.get(name))
    checks.run("ecr_share_policy", **options)
    checks.run("ecr_share_policy", state="absent", **options)
    checks.expect("unsharing leaves the policy as it was", meaning(stage.get(name)) == meaning(before), stage.get(name))
    stage.owner.ecr.delete_repository_policy(repositoryName=name)
    checks.run("ecr_share_policy", **options)
    checks.run("ecr_share_policy", state="absent", **options)
    checks.expect("unsharing leaves no policy where there was none", stage.get(name) is None, stage.get(name))


def module_purges_deleted_principals(checks: Checks) -> None:
    stage = checks.stage
    name = stage.ours.repository("modules/deleted")
    role = stage.ours.role("modules")
    options: dict[str, Any] = {"repositories": [name], "grants": [{"principals": [role]}]}
    # The module itself waits for a principal that is new.
    shared = checks.run("ecr_share_policy", **options)
    checks.expect("a role that was made a moment ago is let in", shared["changed"])
    stage.ours.delete_role("modules")
    gone = stage.until(lambda: role not in (stage.get(name) or ""))
    checks.expect("the role is shown no more once it was deleted", gone, stage.get(name))
    other = [{"principals": [stage.owner.id]}]
    checks.run("ecr_share_policy", repositories=[name], grants=other, purge_deleted_principals=True)
    checks.expect("its id is purged", "AROA" not in (stage.get(name) or "AROA"), stage.get(name))


def module_shares_registry(checks: Checks) -> None:
    stage = checks.stage
    # Beside what others have there, if anything.
    with stage.registry_policy({**allow(stage.owner.root, _UNMANAGED), "Resource": stage.ours.resource("unmanaged")}):
        before = stage.ours.registry_policy()
        principal = (stage.consumer or stage.owner).id
        options: dict[str, Any] = {
            "grants": [{"principals": [principal], "repositories": [f"{stage.ours.prefix}/modules/*"]}]
        }
        shared = checks.run("ecr_share_registry_policy", **options)
        checks.expect("sharing changes the policy", shared["changed"])
        after = meaning(stage.ours.registry_policy())
        checks.expect("every other statement is kept", all(one in after for one in meaning(before)), after)
        again = checks.run("ecr_share_registry_policy", **options)
        checks.expect("sharing again changes nothing", not again["changed"], again["registry"])
        checks.run("ecr_share_registry_policy", state="absent", **options)
        now = stage.ours.registry_policy()
        checks.expect("unsharing leaves the policy as it was", meaning(now) == meaning(before), now)


def module_shares_template(checks: Checks) -> None:
    stage = checks.stage
    fields = {"description": "Of the acceptance", "imageTagMutability": "IMMUTABLE", "appliedFor": ["REPLICATION"]}
    prefix = stage.ours.template("modules/template", **fields)
    options: dict[str, Any] = {
        "prefixes": [prefix],
        "grants": [{"principals": [(stage.consumer or stage.owner).id]}],
    }
    shared = checks.run("ecr_share_creation_template", **options)
    checks.expect("sharing changes the template", shared["changed"])
    again = checks.run("ecr_share_creation_template", **options)
    checks.expect("sharing again changes nothing", not again["changed"], again["templates"])
    asked = {"prefixes": [prefix]}
    (found,) = stage.owner.ecr.describe_repository_creation_templates(**asked)["repositoryCreationTemplates"]
    kept = all(found[name] == value for name, value in fields.items())
    checks.expect("every other field is kept", kept, found)
    checks.run("ecr_share_creation_template", state="absent", **options)
    (found,) = stage.owner.ecr.describe_repository_creation_templates(**asked)["repositoryCreationTemplates"]
    checks.expect("unsharing leaves no policy", not found.get("repositoryPolicy"), found)


# Of each: what it needs beside repositories.
CHECKED: Mapping[Callable[[Checks], None], frozenset[str]] = {
    module_shares: frozenset(),
    module_purges_deleted_principals: frozenset({"roles"}),
    module_shares_registry: frozenset({"registry"}),
    module_shares_template: frozenset({"templates"}),
}
