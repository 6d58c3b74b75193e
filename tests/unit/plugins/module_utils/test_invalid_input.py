# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of invalid input, as Ansible hands it on: each is refused, and the refusal names its place."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.imageshare.aws.plugins.filter.ecr_share_internal import ecr_share_internal
from ansible_collections.imageshare.aws.plugins.module_utils._errors import InvalidInputError
from ansible_collections.imageshare.aws.plugins.module_utils._inventory.filters import read_filter
from ansible_collections.imageshare.aws.plugins.module_utils._runs.backup_reader import find
from ansible_collections.imageshare.aws.plugins.module_utils._runs.backups import BackupError
from ansible_collections.imageshare.aws.plugins.module_utils._runs.options import (
    read_audit_request,
    read_backup_list_request,
    read_request,
    read_restore_request,
)
from ansible_collections.imageshare.aws.plugins.module_utils._runs.registry_options import (
    read_registry_request,
    read_template_request,
)
from ansible_collections.imageshare.aws.plugins.module_utils._text import word
from ansible_collections.imageshare.aws.plugins.modules import (
    ecr_share_backup_info,
    ecr_share_creation_template,
    ecr_share_policy,
    ecr_share_policy_info,
    ecr_share_policy_restore,
    ecr_share_registry_policy,
)
from ansible_collections.imageshare.aws.tests.support.invalid_input import (
    AUDIT_OPTIONS,
    BACKUP_LIST_OPTIONS,
    CONTRADICTIONS,
    FILTERS,
    GRANTS,
    IAM_PATTERNS,
    JOBS,
    NAMES,
    NARROWED,
    OPTIONS,
    PATHS,
    PRINCIPALS,
    REGISTRY_GRANTS,
    RESTORE_OPTIONS,
    TEMPLATE_OPTIONS,
    TO_COME_OPTIONS,
    VARIABLES,
    Words,
)

GRANT = {"principals": ["111122223333"]}
PARTITIONS = {"us-east-1": "aws", "eu-west-1": "aws", "cn-north-1": "aws-cn"}
STATES = pytest.mark.parametrize("state", ["present", "absent"])


def rows(table: dict[str, Any]) -> Any:
    """The rows of a table, each under its name."""
    return pytest.mark.parametrize("row", table.values(), ids=table.keys())


def missing(words: Words, message: str) -> list[str]:
    """Those of the words that a message has not."""
    return [one for one in ((words,) if isinstance(words, str) else words) if one not in message]


def read(spec: Any, reader: Any, options: dict[str, Any], **more: Any) -> Any:
    """What a reader makes of options behind an argument spec, or what Ansible or we say of them, in one text."""
    validated = ArgumentSpecValidator(deepcopy(spec)).validate(options)
    if validated.error_messages:
        return ". ".join(validated.error_messages)
    try:
        return reader(validated.validated_parameters, **more)
    except InvalidInputError as refusal:
        return ". ".join(refusal.problems)


def share(**options: Any) -> Any:
    return read(
        ecr_share_policy.ARGUMENT_SPEC,
        read_request,
        {"repositories": ["base/python"], "grants": [GRANT], **options},
        partition="aws",
        partition_of_region=PARTITIONS.get,
        check_mode=False,
        diff=False,
    )


def share_registry(**options: Any) -> Any:
    return read(
        ecr_share_registry_policy.ARGUMENT_SPEC,
        read_registry_request,
        {"grants": [GRANT], **options},
        partition="aws",
        partition_of_region=PARTITIONS.get,
        check_mode=False,
        diff=False,
    )


def share_templates(**options: Any) -> Any:
    return read(
        ecr_share_creation_template.ARGUMENT_SPEC,
        read_template_request,
        {"prefixes": ["services"], "grants": [GRANT], **options},
        partition="aws",
        partition_of_region=PARTITIONS.get,
        check_mode=False,
        diff=False,
    )


def restore(**options: Any) -> Any:
    spec, given = ecr_share_policy_restore.ARGUMENT_SPEC, {"backup_path": "/backups", **options}
    return read(spec, read_restore_request, given, check_mode=False, diff=False)


def audit(**options: Any) -> Any:
    return read(ecr_share_policy_info.ARGUMENT_SPEC, read_audit_request, options, partition="aws")


def list_backups(**options: Any) -> Any:
    spec, given = ecr_share_backup_info.ARGUMENT_SPEC, {"backup_dir": "/backups", **options}
    return read(spec, read_backup_list_request, given)


@rows(NAMES)
def test_a_repository_is_refused(row: Any) -> None:
    value, said = row
    assert share(repositories=[value]).startswith(f"repositories: {said}")
    narrowed = share(repositories=["*"], grants=[GRANT, {**GRANT, "repositories": [value]}])
    assert narrowed.startswith(f"grants[1] (principal 111122223333): repositories: {said}")


@STATES
@rows(NARROWED)
def test_a_grant_narrowed_to_what_the_task_has_not_is_refused(row: Any, state: str) -> None:
    wanted, narrowed, said = row
    grants = [GRANT, {**GRANT, "repositories": narrowed}]
    told = share(repositories=wanted, grants=grants, state=state)
    assert told == f"grants[1] (principal 111122223333): repositories{said}"


@STATES
@rows(GRANTS)
def test_a_grant_is_refused(row: Any, state: str) -> None:
    grant, *words = row
    assert missing(tuple(words), share(grants=[GRANT, grant], state=state)) == []


@STATES
@rows(PRINCIPALS)
def test_a_principal_is_refused(row: Any, state: str) -> None:
    value, words = row
    told = share(grants=[GRANT, {"principals": [value]}], state=state)
    name = "" if value is None else str(value).strip()
    assert told.startswith(f"grants[1] (principal {word(name)}): " if name else "grants[1]: ")
    assert missing(words, told) == []


TO_COME = pytest.mark.parametrize("of", [share_registry, share_templates], ids=["registry", "templates"])


@TO_COME
@STATES
@rows(IAM_PATTERNS)
def test_a_pattern_of_repositories_to_come_is_refused(row: Any, state: str, of: Any) -> None:
    patterns, said = row
    told = of(grants=[GRANT, {**GRANT, "repositories": patterns}], state=state)
    assert told.startswith(f"grants[1] (principal 111122223333): {said}")


@TO_COME
@pytest.mark.parametrize("name", ["an octal number", "everybody", "a deleted role", "of another partition"])
def test_a_principal_of_repositories_to_come_is_refused(name: str, of: Any) -> None:
    value, words = PRINCIPALS[name]
    told = of(grants=[GRANT, {"principals": [value]}])
    assert told.startswith("grants[1] (principal ")
    assert missing(words, told) == []


@rows(REGISTRY_GRANTS)
def test_a_grant_for_a_registry_is_refused(row: Any) -> None:
    options, changes, words = row
    told = share_registry(grants=[GRANT, {**GRANT, **changes}], **options)
    assert told.startswith("grants[1] (principal 111122223333): ")
    assert missing(words, told) == []
    # What would be wrong with regions, if they were not refused, does not matter.
    assert told.count("grants[1]") == 1


@pytest.mark.parametrize("changes", [{"lambda_regions": ["us-east-1"]}, {"access": []}], ids=["regions", "no access"])
def test_what_a_grant_for_a_registry_gives_does_not_matter_where_it_is_taken_away(changes: dict[str, Any]) -> None:
    (declared,) = share_registry(grants=[{**GRANT, **changes}], state="absent").grants
    assert declared.principal.name == "111122223333"


@pytest.mark.parametrize(
    "options",
    [
        {"state": "absent", "unmanaged_access": "revoke"},
        {"state": "absent", "whole_account": True},
        {"unmanaged_access": "revoke"},
    ],
    ids=lambda options: " ".join(options),
)
def test_patterns_are_refused_only_where_the_whole_policy_is_meant(options: dict[str, Any]) -> None:
    narrowed = {**GRANT, "repositories": ["services/*"]}
    assert share_registry(grants=[GRANT], **options).grants
    assert share_templates(grants=[narrowed], **options).grants
    assert share_registry(grants=[narrowed], state="absent").grants
    if "state" not in options:
        assert share_registry(grants=[narrowed], **options).grants


@rows(CONTRADICTIONS)
def test_a_grant_for_templates_that_contradicts_itself_is_refused(row: Any) -> None:
    changes, words = row
    told = share_templates(grants=[GRANT, {**GRANT, **changes}])
    assert told.startswith("grants[1] (principal ")
    assert missing(words, told) == []


def test_all_problems_of_a_task_are_told_at_once() -> None:
    bad = {"principals": ["*"], "repositories": ["[a]"], "lambda_regions": ["us-east-1"]}
    expected = ("AWS takes no wildcard in a principal", "is not a pattern that IAM knows", "whole_account requires")
    told = share_registry(grants=[bad], whole_account=True)
    assert missing((*expected, "lambda_regions: AWS documents"), told) == []
    told = share_templates(grants=[bad], whole_account=True, prefixes=["Services"], concurrency=99)
    assert missing((*expected, 'prefixes: "Services"', "99 is not between"), told) == []


@rows(CONTRADICTIONS)
def test_a_grant_that_contradicts_itself_is_refused_unless_it_is_taken_away(row: Any) -> None:
    changes, words = row
    grant = {**GRANT, **changes}
    (name,) = grant["principals"]
    told = share(grants=[GRANT, grant])
    assert told.startswith(f"grants[1] (principal {word(name)}): ")
    assert missing(words, told) == []
    assert share(grants=[GRANT, grant], state="absent").grants[1].principal.name == name


@pytest.mark.parametrize(
    ("of", "row"),
    [
        pytest.param(of, row, id=f"{of.__name__} {name}")
        for of, table in (
            (share, OPTIONS),
            (restore, RESTORE_OPTIONS),
            (audit, AUDIT_OPTIONS),
            (list_backups, BACKUP_LIST_OPTIONS),
            (share_registry, TO_COME_OPTIONS),
            (share_templates, TO_COME_OPTIONS),
            (share_templates, TEMPLATE_OPTIONS),
        )
        for name, row in table.items()
    ],
)
def test_an_option_is_refused(of: Any, row: Any) -> None:
    options, words = row
    told = of(**options)
    assert missing(words, told) == []
    assert next(iter(options)) in told


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS.keys())
def test_a_path_is_refused(path: str) -> None:
    with pytest.raises(BackupError, match=r"is not a valid path$"):
        find(path)
    if path:
        assert share(backup_dir=path) == f"backup_dir: {path!a} is not a valid path"


@rows(VARIABLES)
def test_a_variable_of_the_role_is_refused(row: Any) -> None:
    variables, said = row
    (name,) = variables
    registry = {"ecr_share_repositories": ["base/python"], "ecr_share_grants": [GRANT], **variables}
    planned = ecr_share_internal(registry, "plan")
    assert not planned["acts"]
    assert any(name in problem for problem in planned["problems"])
    assert any(said in problem for problem in planned["problems"])


@rows(JOBS)
def test_variables_that_do_not_go_together_are_refused(row: Any) -> None:
    purpose, variables, said = row
    registry = {"ecr_share_repositories": ["base/python"], "ecr_share_grants": [GRANT], **variables}
    planned = ecr_share_internal(registry, "plan", purpose=purpose)
    assert not planned["acts"]
    (problem,) = planned["problems"]
    assert problem.startswith(said)
    # Whoever mistypes a name is told which one is near.
    assert ("did you mean checkout?" in problem) is ("chekout" in problem)


@rows(FILTERS)
def test_a_filter_of_the_inventory_is_refused(row: Any) -> None:
    names, tags, said = row
    with pytest.raises(InvalidInputError) as refusal:
        read_filter(names, tags)
    (problem,) = refusal.value.problems
    assert problem.startswith(said)
