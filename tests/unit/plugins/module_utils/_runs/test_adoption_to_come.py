# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The grants for repositories to come: of the policy of a registry, and of creation templates."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._evaluation.adoption import Adoptable, Declaration
from ansible_collections.imageshare.aws.plugins.module_utils._iam.principals import Principal, PrincipalType
from ansible_collections.imageshare.aws.plugins.module_utils._repository_names import template_repositories
from ansible_collections.imageshare.aws.plugins.module_utils._runs.adoption_to_come import adopted_templates
from ansible_collections.imageshare.aws.plugins.module_utils._runs.audit import run
from ansible_collections.imageshare.aws.plugins.module_utils._runs.options import AuditRequest
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.capabilities import NAMES
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.grants import read_grants
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.merge import share
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.registry_statements import (
    RegistryStatements,
    include,
)
from ansible_collections.imageshare.aws.tests.support.builders import (
    ACCOUNT,
    DELETED_ROLE,
    OTHER,
    OTHER_ROOT,
    OWNER,
    ROOT,
    allow,
    deny,
    policy,
    principal,
    root,
)
from ansible_collections.imageshare.aws.tests.support.in_memory import Verbatim
from ansible_collections.imageshare.aws.tests.support.laws import laws
from hypothesis import given
from hypothesis import strategies as st

ARN = f"arn:aws:ecr:us-east-1:{OWNER}:repository/"


def in_registry(statement: Mapping[str, Any], pattern: str) -> dict[str, Any]:
    return {**statement, "Resource": f"{ARN}{pattern}"}


def of_registry(*statements: Mapping[str, Any], **asked: Any) -> dict[str, Any]:
    """What an audit says of a registry with this policy, and no repository."""
    registry = Verbatim({}, registry_policy=json.dumps(policy(*statements)))
    whole = {"repositories": ("*",), "missing_ok": True, "concurrency": 1, "principal": None, "include_policy": False}
    return run(AuditRequest(**{**whole, **asked}), registry).to_dict()


class TestRegistryPolicy:
    def test_managed_statements_are_declared_with_their_patterns(self) -> None:
        found = of_registry(
            in_registry(allow(ROOT, OTHER_ROOT), "services/*"),
            in_registry(allow(ROOT), "base/*"),
            in_registry(allow(ROOT, Action=PUSH), "base/*"),
        )
        assert found["registry_grants"] == [
            {"principals": [ACCOUNT], "access": ["pull", "push"], "repositories": ["base/*"]},
            {"principals": [ACCOUNT, OTHER], "access": ["pull"], "repositories": ["services/*"]},
        ]
        assert (found["grants"], found["undeclarable"]) == ([], [])

    def test_what_the_newest_actions_have_more_is_wider(self) -> None:
        (one,) = of_registry(in_registry(allow(ROOT, Action=PUSH[:-1]), "*"))["registry_grants"]
        assert (one["access"], one["wider"]) == (["push"], PUSH[-1:])

    @pytest.mark.parametrize(
        "statement",
        [
            pytest.param({**allow(ROOT), "Resource": "*"}, id="all resources"),
            pytest.param({**allow(ROOT), "Resource": [f"{ARN}a", f"{ARN}b"]}, id="several resources"),
            pytest.param(in_registry(allow(ROOT, Action="ecr:*"), "*"), id="other actions"),
            pytest.param(in_registry(deny(ROOT), "*"), id="a Deny"),
            pytest.param(in_registry(allow(root(OWNER)), "*"), id="the owner"),
        ],
    )
    def test_other_statements_are_told(self, statement: dict[str, Any]) -> None:
        found = of_registry(statement)
        assert found["registry_grants"] == []
        (told,) = found["undeclarable"]
        assert (told["policy"], told["reason"]) == (
            "registry",
            "It is in the policy of the registry, and no grant for the registry declares it.",
        )

    def test_deleted_principals_beside_others_are_told(self) -> None:
        found = of_registry(in_registry(allow(ROOT, DELETED_ROLE), "*"))
        assert [one["principals"] for one in found["registry_grants"]] == [[ACCOUNT]]
        assert [one["principals"] for one in found["undeclarable"]] == [[DELETED_ROLE]]

    def test_of_one_principal_is_what_is_its_own(self) -> None:
        role = f"arn:aws:iam::{ACCOUNT}:role/ci"
        found = of_registry(in_registry(allow(ROOT, OTHER_ROOT, role), "*"), principal=principal(ACCOUNT))
        assert [one["principals"] for one in found["registry_grants"]] == [[ACCOUNT, role]]

    def test_to_share_what_is_declared_changes_nothing(self) -> None:
        statements = [in_registry(allow(ROOT), "a/*"), in_registry(allow(OTHER_ROOT, Action=PUSH), "*")]
        grants = read_grants(
            of_registry(*statements)["registry_grants"],
            partition="aws",
            sharing=True,
            partition_of_region=lambda _region: None,
        )
        managed = RegistryStatements("aws", "us-east-1", OWNER)
        assert not share(policy(*statements), grants, managed=managed, registry_id=OWNER).changed


PUSH = [
    "ecr:BatchCheckLayerAvailability",
    "ecr:PutImage",
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "ecr:BatchGetImage",
]
TEAM = Principal(PrincipalType.ACCOUNT, ACCOUNT, ACCOUNT)


def of_templates(**access: str) -> tuple[list[tuple[str, str]], list[str]]:
    """What is declared of one account, by the pattern, and the templates of which something is not.

    Args:
        access: By the prefix, with __ for its slashes, the capabilities.
    """
    found = adopted_templates(
        {
            prefix.replace("__", "/"): Adoptable((Declaration(TEAM, tuple(what.split())),) if what else ())
            for prefix, what in access.items()
        }
    )
    return (
        [(one.pattern, " ".join(one.declaration.access)) for one in found.grants],
        [prefix for prefix, _one in found.undeclarable],
    )


class TestTemplates:
    @pytest.mark.parametrize(
        ("access", "declared", "told"),
        [
            pytest.param({"services": "pull"}, [("services/*", "pull")], [], id="one"),
            pytest.param({"services": "pull", "web": ""}, [("services/*", "pull")], [], id="one of several"),
            pytest.param({"ROOT": "pull", "services": "pull"}, [("*", "pull")], [], id="all"),
            pytest.param({"ROOT": "pull", "services": ""}, [], ["ROOT"], id="the widest alone"),
            pytest.param({"ROOT": "", "services": "pull"}, [("services/*", "pull")], [], id="all but the widest"),
            pytest.param(
                {"ROOT": "pull", "services": "pull push"},
                [("*", "pull"), ("services/*", "pull push")],
                [],
                id="more in a narrower one",
            ),
            pytest.param(
                {"ROOT": "pull", "services": "pull push", "services__web": "pull"},
                [("services/web/*", "pull")],
                ["ROOT", "services"],
                id="a grant for all would take the push from one",
            ),
            pytest.param(
                {"services": "pull", "services__web": "push"}, [("services/web/*", "push")], ["services"], id="others"
            ),
        ],
    )
    def test_are_declared_if_all_that_the_grant_is_for_are_so(
        self, access: dict[str, str], declared: list[tuple[str, str]], told: list[str]
    ) -> None:
        grants, undeclarable = of_templates(**access)
        assert (grants, sorted(set(undeclarable))) == (declared, told)

    PREFIXES = ("ROOT", "a", "a/b", "a/b/c", "a/d", "e")

    @laws(300)
    @given(st.dictionaries(st.sampled_from(PREFIXES), st.frozensets(st.sampled_from(NAMES)), min_size=1))
    def test_to_share_what_is_declared_gives_and_takes_nothing(self, access: Mapping[str, frozenset[str]]) -> None:
        def there(names: frozenset[str]) -> tuple[Declaration, ...]:
            return (Declaration(TEAM, tuple(sorted(names))),) if names else ()

        found = adopted_templates({prefix: Adoptable(there(names)) for prefix, names in access.items()})
        told = {prefix for prefix, _one in found.undeclarable}
        for prefix, names in access.items():
            covering = [
                one.declaration.access for one in found.grants if include((one.pattern,), template_repositories(prefix))
            ]
            # Where no grant is for it, it stays as it is, and that is told.
            if covering:
                assert frozenset(name for given in covering for name in given) == names
            else:
                assert prefix in told or not names
