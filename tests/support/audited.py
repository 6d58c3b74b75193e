# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Registries as the files about findings have them: what was read, and what is declared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.imageshare.aws.plugins.module_utils._role.audited import (
    AuditedRegistry,
    Declaration,
    HostAudit,
    audited,
)
from ansible_collections.imageshare.aws.tests.support import audits
from ansible_collections.imageshare.aws.tests.support.builders import OWNER

Grant = dict[str, Any]
Change = dict[str, Any]


def grant(*principals: str, access: str | None = None, **more: Any) -> Grant:
    """Return a grant as the role has it. access: the capabilities, with spaces between; left out if None."""
    return {"principals": list(principals), **({} if access is None else {"access": access.split()}), **more}


# For somebody else than all others, so that there is something to compare with.
NOBODY = grant("999988887777")


def registries(
    *rows: dict[str, Any],
    grants: Sequence[Grant] = (NOBODY,),
    repositories: Sequence[str] = ("*",),
    drift: Sequence[dict[str, Any]] = (),
    policy: dict[str, Any] | None = None,
    templates: Sequence[dict[str, Any]] | str | None = None,
    beyond: Sequence[Declaration] = (),
    host: str = "images",
    owner: str = OWNER,
    region: str = "us-east-1",
    error: str | None = None,
) -> tuple[AuditedRegistry, ...]:
    """Return one registry that was read and compared.

    Args:
        rows: Its repositories.
        grants: What is declared.
        repositories: What that is for.
        drift: Rows of the run in check mode, of repositories that it would change.
        policy: The policy of the registry; none if it is left out.
        templates: Its templates, or why they could not be read; None where nobody asked for them.
        beyond: What is declared for the policy of the registry, and for templates.
        host: The host that is this registry.
        owner: The account that owns it.
        region: Its region.
        error: Why the run in check mode failed.
    """
    read = audits.audit(*rows, policy=policy, registry_id=owner, region=region, templates=templates)
    answer = replace(read, grants=grants, repositories=repositories, beyond=beyond)
    run = {"connection": answer.connection, "region": answer.region, "registry_id": answer.registry_id}
    results = [{**run, "label": "all", "repositories": list(drift), "error": error}]
    return audited([HostAudit(host, [answer], results, compared=True)])


def drifted(
    name: str, granted: Sequence[dict[str, Any]] = (), revoked: Sequence[dict[str, Any]] = ()
) -> dict[str, Any]:
    """Return the row of a repository that sharing would change."""
    return {"name": name, "changed": True, "granted": list(granted), "revoked": list(revoked)}


def change(principal: str, access: str, *lambda_regions: str) -> Change:
    """Return what sharing would grant or revoke. access: the capabilities, with spaces between."""
    return {"principal": principal, "access": access.split(), "lambda_regions": list(lambda_regions)}
