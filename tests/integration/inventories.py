# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Inventories of registries and of repositories, and what one that a document shows needs to be run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.imageshare.aws.tests.integration.statements import TEAM
from ansible_collections.imageshare.aws.tests.support.embedded_aws import ACCOUNT, REGION, EmbeddedAws
from ansible_collections.imageshare.aws.tests.support.module_process import profiles

OTHER_ACCOUNT, OTHER_REGION = "210987654321", "eu-west-1"
OTHER_ROLE = f"arn:aws:iam::{OTHER_ACCOUNT}:role/registry"
GRANTS = [{"principals": [TEAM]}]


def registries(common: Mapping[str, Any] | None = None, **hosts: Mapping[str, Any]) -> dict[str, Any]:
    """An inventory of registries. common: the variables of all of them."""
    return {"ecr_registries": {"vars": dict(common or {}), "hosts": {name: dict(own) for name, own in hosts.items()}}}


def repositories(common: Mapping[str, Any] | None = None, **hosts: Mapping[str, Any]) -> dict[str, Any]:
    """An inventory of repositories, as the inventory plugin makes it."""
    own = {
        name: {"ecr_repository_name": name, "ecr_region": REGION, "ecr_registry_id": ACCOUNT, **variables}
        for name, variables in hosts.items()
    }
    return {"ecr_repositories": {"vars": dict(common or {}), "hosts": own}}


def sharing(**more: Any) -> dict[str, Any]:
    return {"ecr_share_repositories": ["app"], "ecr_share_grants": GRANTS, **more}


def plant_registries(
    aws: EmbeddedAws, folder: Path, options: Mapping[str, Any], tags: Mapping[str, str]
) -> dict[str, str]:
    """Plant C(base/python) with these tags, and C(web) without, in each region of each profile that an inventory names.

    Returns what to add to the environment for its profiles, each of which leads to an account of its own.
    """
    accounts = {name: f"{number:012}" for number, name in enumerate(options.get("profiles", ()), 1)}
    for account in accounts.values() or [ACCOUNT]:
        for region in options["regions"]:
            aws.plant_many({"base/python": None, "web": None}, account, region)
            aws.tag_many({"base/python": tags}, account, region)
    return profiles(aws, folder, accounts)
