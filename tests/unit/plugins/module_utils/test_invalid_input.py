# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values that nobody can mean, as Ansible hands them on: each is refused, and the refusal names its place."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.imageshare.aws.plugins.filter.ecr_share_internal import ecr_share_internal
from ansible_collections.imageshare.aws.plugins.module_utils._errors import InvalidInputError
from ansible_collections.imageshare.aws.plugins.module_utils._inventory.filters import read_filter
from ansible_collections.imageshare.aws.plugins.module_utils._runs.backups import BackupError, find
from ansible_collections.imageshare.aws.plugins.module_utils._runs.options import read_request, read_restore_request
from ansible_collections.imageshare.aws.plugins.modules import ecr_share_policy, ecr_share_policy_restore
from ansible_collections.imageshare.aws.tests.support.hostile_options import (
    FILTERS,
    GRANTS,
    NAMES,
    OPTIONS,
    PATHS,
    PRINCIPALS,
    RESTORE_OPTIONS,
    VARIABLES,
)

GRANT = {"principals": ["111122223333"]}


def problems(spec: Any, options: dict[str, Any], **read: Any) -> str:
    """What is said of options, by Ansible or by us, in one text."""
    validated = ArgumentSpecValidator(deepcopy(spec)).validate(options)
    if validated.error_messages:
        return ". ".join(validated.error_messages)
    reader = read.pop("reader")
    with pytest.raises(InvalidInputError) as refusal:
        reader(validated.validated_parameters, check_mode=False, diff=False, **read)
    return ". ".join(refusal.value.problems)


def of_sharing(**options: Any) -> str:
    given = {"repositories": ["base/python"], "grants": [GRANT], **options}
    return problems(
        ecr_share_policy.ARGUMENT_SPEC,
        given,
        reader=read_request,
        partition="aws",
        partition_of_region=lambda _region: "aws",
    )


@pytest.mark.parametrize(("value", "said"), NAMES.values(), ids=NAMES.keys())
def test_a_repository_is_refused(value: Any, said: str) -> None:
    assert of_sharing(repositories=[value]).startswith(f"repositories: {said}")


@pytest.mark.parametrize(("value", "said"), NAMES.values(), ids=NAMES.keys())
def test_a_repository_of_a_grant_is_refused(value: Any, said: str) -> None:
    told = of_sharing(repositories=["*"], grants=[GRANT, {**GRANT, "repositories": [value]}])
    assert told.startswith(f"grants[1] (principal 111122223333): repositories: {said}")


@pytest.mark.parametrize(("grant", "place", "said"), GRANTS.values(), ids=GRANTS.keys())
@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_grant_is_refused(grant: Any, place: str, said: str, state: str) -> None:
    told = of_sharing(grants=[GRANT, grant], state=state)
    assert place in told
    assert said in told


@pytest.mark.parametrize(("value", "said"), PRINCIPALS.values(), ids=PRINCIPALS.keys())
@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_principal_is_refused(value: Any, said: str, state: str) -> None:
    told = of_sharing(grants=[GRANT, {"principals": [value]}], state=state)
    assert told.startswith(f"grants[1] (principal {value}): ")
    assert said in told


@pytest.mark.parametrize(("options", "said"), OPTIONS.values(), ids=OPTIONS.keys())
def test_an_option_of_sharing_is_refused(options: dict[str, Any], said: str) -> None:
    (name,) = options
    told = of_sharing(**options)
    assert name in told
    assert said in told


@pytest.mark.parametrize(("options", "said"), RESTORE_OPTIONS.values(), ids=RESTORE_OPTIONS.keys())
def test_an_option_of_restoring_is_refused(options: dict[str, Any], said: str) -> None:
    (name,) = options
    told = problems(
        ecr_share_policy_restore.ARGUMENT_SPEC, {"backup_path": "/backups", **options}, reader=read_restore_request
    )
    assert name in told
    assert said in told


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS.keys())
def test_a_path_is_refused(path: str) -> None:
    with pytest.raises(BackupError, match=r"is not a valid path$"):
        find(path)
    if path:
        assert of_sharing(backup_dir=path) == f"backup_dir: {path!a} is not a valid path"


@pytest.mark.parametrize(("variables", "said"), VARIABLES.values(), ids=VARIABLES.keys())
def test_a_variable_of_the_role_is_refused(variables: dict[str, Any], said: str) -> None:
    (name,) = variables
    registry = {"ecr_share_repositories": ["base/python"], "ecr_share_grants": [GRANT], **variables}
    with pytest.raises(Exception, match=r"^Nothing was done\. ") as refusal:
        ecr_share_internal(registry, "plan")
    assert name in str(refusal.value)
    assert said in str(refusal.value)


@pytest.mark.parametrize(("names", "tags", "said"), FILTERS.values(), ids=FILTERS.keys())
def test_a_filter_of_the_inventory_is_refused(names: Any, tags: Any, said: str) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        read_filter(names, tags)
    (problem,) = refusal.value.problems
    assert problem.startswith(said)
