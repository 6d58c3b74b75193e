# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""What tasks ask for that share repositories to come: by the policy of the registry, or by creation templates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .._repository_names import REGISTRY_LABEL, problem_with_iam_pattern, problem_with_prefix
from .._sharing.grants import grant_label
from .options import Request, is_sharing, read_declared, request_of

# What the sibling has, and what has no use here: AWS checks no lockout, and a registry is one.
_OF_OWN_REGISTRY: Mapping[str, Any] = {"force_set_policy": False}
_OF_ONE_POLICY: Mapping[str, Any] = {**_OF_OWN_REGISTRY, "on_missing": "fail", "concurrency": 1}


def read_registry_request(
    options: Mapping[str, Any],
    *,
    partition: str,
    partition_of_region: Callable[[str], str | None],
    check_mode: bool,
    diff: bool,
) -> Request:
    """Return what the options of the module for the policy of a registry ask for.

    Raises:
        InvalidInputError: With every problem.
    """
    options = {**options, **_OF_ONE_POLICY}
    declared = read_declared(options, partition=partition, partition_of_region=partition_of_region, functions=False)
    problems = [*_problems_with_patterns(options), *_problems_with_lambda(options), *_problems_with_narrowing(options)]
    return request_of(options, declared, (REGISTRY_LABEL,), problems=problems, check_mode=check_mode, diff=diff)


def read_template_request(
    options: Mapping[str, Any],
    *,
    partition: str,
    partition_of_region: Callable[[str], str | None],
    check_mode: bool,
    diff: bool,
) -> Request:
    """Return what the options of the module for creation templates ask for; the names are prefixes and patterns.

    Raises:
        InvalidInputError: With every problem.
    """
    options = {**options, **_OF_OWN_REGISTRY}
    declared = read_declared(options, partition=partition, partition_of_region=partition_of_region)
    prefixes = tuple(options["prefixes"])
    problems = [f"prefixes: {problem}" for problem in map(problem_with_prefix, prefixes) if problem]
    if not prefixes:
        problems.append("prefixes is empty: name at least one prefix, ROOT, or a pattern")
    problems += _problems_with_patterns(options)
    return request_of(options, declared, prefixes, problems=problems, check_mode=check_mode, diff=diff)


def _grants(options: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for index, grant in enumerate(options["grants"]):
        yield grant_label("grants", index, grant.get("principals")), grant


def _problems_with_patterns(options: Mapping[str, Any]) -> Iterator[str]:
    for label, grant in _grants(options):
        patterns = grant.get("repositories")
        if patterns is None:
            continue
        if not patterns:
            yield f"{label}: repositories is empty: leave it out for every repository"
        yield from (
            f"{label}: repositories: {why}" for why in map(problem_with_iam_pattern, patterns) if why is not None
        )


def _problems_with_lambda(options: Mapping[str, Any]) -> Iterator[str]:
    if not is_sharing(options):
        return
    for label, grant in _grants(options):
        if grant.get("lambda_regions"):
            yield (
                f"{label}: lambda_regions: AWS documents the pull by Lambda for policies of repositories, not for that "
                "of a registry. Use imageshare.aws.ecr_share_policy, and imageshare.aws.ecr_share_creation_template "
                "for repositories to come"
            )
        elif grant.get("access") == []:
            yield f"{label}: access is empty: name at least one capability"


def _problems_with_narrowing(options: Mapping[str, Any]) -> Iterator[str]:
    """Yield what can be said of no part of a registry: that is not what its unmanaged statements are about."""
    wider = [
        text
        for text, given in (
            ("unmanaged_access=revoke", options["unmanaged_access"] == "revoke"),
            ("whole_account", options["whole_account"]),
        )
        if given
    ]
    if is_sharing(options) or not wider:
        return
    for label, grant in _grants(options):
        if grant.get("repositories") is not None:
            yield f"{label}: repositories: with {' and '.join(wider)}, principals leave the whole policy. Leave it out"
