# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._role.audited import AuditedRegistry, HostAudit, audited
from ansible_collections.imageshare.aws.plugins.module_utils._role.exceptions import Accepted
from ansible_collections.imageshare.aws.plugins.module_utils._role.finding import KINDS, Finding
from ansible_collections.imageshare.aws.plugins.module_utils._role.findings import findings, not_looked_at
from ansible_collections.imageshare.aws.plugins.module_utils._runs import findings as rows
from ansible_collections.imageshare.aws.plugins.module_utils._sharing import merge
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.capabilities import NAMES
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.managed_statements import ManagedStatements
from ansible_collections.imageshare.aws.tests.support import audits, builders
from ansible_collections.imageshare.aws.tests.support.audited import NOBODY, Grant, grant, registries
from ansible_collections.imageshare.aws.tests.support.audits import deny, repository, share, statement
from ansible_collections.imageshare.aws.tests.support.builders import (
    ACCOUNT,
    DELETED_ROLE,
    ORGANIZATION,
    OTHER,
    OWNER,
    ROLE,
    SESSION,
    UNIT,
    USER,
)
from ansible_collections.imageshare.aws.tests.support.laws import laws
from hypothesis import given
from hypothesis import strategies as st

Share = dict[str, Any]
TODAY = date(2026, 11, 26)
CONDITION = {"operator": "StringEquals", "key": "aws:SourceVpc", "values": ["vpc-1"]}
SERVICE = "codebuild.amazonaws.com"
OTHERS = ["ecr:DescribeImages", "ecr:StartImageScan"]


def of(known: Sequence[AuditedRegistry], *accepted: Accepted) -> tuple[Finding, ...]:
    return findings(known, accepted, TODAY, {ACCOUNT: "checkout"})


def told(found: Sequence[Finding]) -> list[str]:
    """Each finding in a line: kind, whether it is only possible, where if not in app, who, what."""
    return [
        " ".join(
            filter(
                None,
                (
                    one.kind,
                    "" if one.certain else "possibly",
                    {"app": "", None: "registry"}.get(one.repository, one.repository),
                    one.principal,
                    one.what,
                ),
            )
        )
        for one in found
    ]


def in_app(*shares: Share, grants: Sequence[Grant] = (NOBODY,), **more: Any) -> list[str]:
    return told(of(registries(repository("app", *shares, **more), grants=grants)))


LAMBDA: Share = share(ACCOUNT, "account", "", 1, lambda_regions=["us-east-1"])
UPKEEP: Share = share(
    ACCOUNT,
    "account",
    "",
    1,
    via_service="lambda.amazonaws.com",
    other_actions=["ecr:SetRepositoryPolicy"],
    statements=[statement(1, "Lambda", written_by="lambda.amazonaws.com")],
)
PARTS = [
    share(ACCOUNT, "account", "", 1, other_actions=["ecr:BatchGetImage"], can_pull=True),
    share(ACCOUNT, "account", "", 2, other_actions=["ecr:GetDownloadUrlForLayer"], can_pull=True),
]


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        pytest.param([], [], id="nobody"),
        pytest.param([share(ACCOUNT, "account", "pull", 1)], [f"undeclared {ACCOUNT} pull"], id="account"),
        pytest.param([share(ROLE, "role", "push", 1)], [f"undeclared {ROLE} push"], id="role"),
        pytest.param([share(UNIT, "organizational_unit", "pull", 1)], [f"undeclared {UNIT} pull"], id="unit"),
        pytest.param(
            [share("arn:aws-cn:iam::1:root", "other", "pull", 1)],
            ["undeclared arn:aws-cn:iam::1:root pull"],
            id="other",
        ),
        pytest.param([LAMBDA], [f"undeclared {ACCOUNT} Lambda in us-east-1"], id="functions"),
        pytest.param([UPKEEP], [], id="what Lambda needs to keep up its statement"),
        pytest.param(
            [share(ACCOUNT, "account", "pull", 1, via_service=SERVICE)],
            [f"undeclared {ACCOUNT} pull"],
            id="service for it",
        ),
        pytest.param([share(OWNER, "account", "pull push admin", 1)], [], id="the owner"),
        pytest.param([share(f"arn:aws:iam::{OWNER}:role/ci", "role", "admin", 1)], [], id="a role of the owner"),
        pytest.param(
            [share(ACCOUNT, "account", "pull", 1), share(ACCOUNT, "account", "push", 2)],
            [f"undeclared {ACCOUNT} pull, push"],
            id="two shares are one finding",
        ),
        pytest.param(PARTS, [f"undeclared {ACCOUNT} pull"], id="parts that are a pull together"),
        pytest.param(
            [PARTS[0], {**PARTS[1], "conditions": [CONDITION]}],
            [
                f"undeclared {ACCOUNT} ecr:BatchGetImage",
                f"undeclared possibly {ACCOUNT} pull",
            ],
            id="parts that are a pull under a condition",
        ),
        pytest.param(
            [share(ACCOUNT, "account", "pull", 1, conditions=[CONDITION])],
            [f"undeclared possibly {ACCOUNT} pull"],
            id="under a condition",
        ),
        pytest.param(
            [share(ACCOUNT, "account", "pull", 1), share(ACCOUNT, "account", "pull push", 2, conditions=[CONDITION])],
            [f"undeclared {ACCOUNT} pull", f"undeclared possibly {ACCOUNT} push"],
            id="what is possible beside what is certain",
        ),
        pytest.param(
            [share(ACCOUNT, "account", "pull", 1, denied_by=[deny(2, "pull", certain=False)])],
            [f"undeclared possibly {ACCOUNT} pull"],
            id="that a Deny may take",
        ),
        pytest.param(
            [share(ACCOUNT, "account", "pull push", 1, denied_by=[deny(2, "push")], can_push=False)],
            [f"undeclared {ACCOUNT} pull"],
            id="of which a Deny takes a part",
        ),
        pytest.param(
            [share(ACCOUNT, "account", "pull", 1, denied_by=[deny(2, "pull")], defeated=True)],
            [],
            id="that is defeated",
        ),
        pytest.param(
            [share(ACCOUNT, "account", "describe", 1, denied_by=[deny(2, "describe")])],
            [f"undeclared possibly {ACCOUNT} ecr:DescribeImages, ecr:DescribeRepositories, ecr:ListImages"],
            id="of which a Deny takes a part, and leaves an action or two",
        ),
        pytest.param(
            [share(ACCOUNT, "account", "admin", 1, other_actions=OTHERS, denied_by=[deny(2, "other")])],
            [f"undeclared {ACCOUNT} admin", f"undeclared possibly {ACCOUNT} ecr:DescribeImages, ecr:StartImageScan"],
            id="of whose other actions a Deny takes some",
        ),
        pytest.param(
            [
                share(
                    ACCOUNT,
                    "account",
                    "pull",
                    1,
                    lambda_regions=["us-east-1", "eu-west-1"],
                    lambda_regions_denied=["us-east-1"],
                )
            ],
            [f"undeclared {ACCOUNT} pull, Lambda in eu-west-1"],
            id="whose functions are denied in one region",
        ),
    ],
)
def test_whoever_no_grant_is_for_is_undeclared(shares: list[Share], expected: list[str]) -> None:
    assert in_app(*shares) == expected


@pytest.mark.parametrize(
    ("grants", "found", "expected"),
    [
        ([grant(ACCOUNT)], share(ACCOUNT, "account", "pull", 1), []),
        ([grant(f"arn:aws:iam::{ACCOUNT}:root")], share(ACCOUNT, "account", "pull", 1), []),
        ([grant(ACCOUNT)], share(ACCOUNT, "account", "pull push", 1), [f"excess {ACCOUNT} push"]),
        ([grant(ACCOUNT), grant(ACCOUNT, access="push")], share(ACCOUNT, "account", "pull push", 1), []),
        ([grant(ACCOUNT, access="pull describe")], share(ACCOUNT, "account", "pull", 1), []),
        # Actions that belong to what is declared are no more than that.
        ([grant(ACCOUNT, access="describe")], share(ACCOUNT, "account", "", 1, other_actions=OTHERS[:1]), []),
        (
            [grant(ACCOUNT)],
            share(ACCOUNT, "account", "pull", 1, other_actions=OTHERS),
            [f"excess {ACCOUNT} ecr:DescribeImages, ecr:StartImageScan"],
        ),
        ([grant(ACCOUNT)], share(ACCOUNT, "account", "pull admin", 1), [f"excess {ACCOUNT} admin"]),
        (
            [grant(ACCOUNT)],
            share(ACCOUNT, "account", "pull push", 1, conditions=[CONDITION]),
            [f"excess possibly {ACCOUNT} push"],
        ),
        ([grant(ACCOUNT)], share(ACCOUNT, "account", "pull push", 1, can_push=False, denied_by=[deny(2, "push")]), []),
        ([grant(ACCOUNT, lambda_regions=["us-east-1"])], LAMBDA, []),
        ([grant(ACCOUNT, access="", lambda_regions=["*"])], LAMBDA, []),
        ([grant(ACCOUNT, lambda_regions=["eu-west-1"])], LAMBDA, [f"excess {ACCOUNT} Lambda in us-east-1"]),
        # A grant that leaves them out says nothing of functions, so they are not declared.
        ([grant(ACCOUNT)], LAMBDA, [f"excess {ACCOUNT} Lambda in us-east-1"]),
        (
            [grant(ACCOUNT, lambda_regions=["us-east-1"])],
            {**LAMBDA, "lambda_regions": ["*"]},
            [f"excess {ACCOUNT} Lambda in *"],
        ),
        ([grant(ACCOUNT)], share(ACCOUNT, "account", "pull", 1, via_service=SERVICE), []),
        ([grant(ACCOUNT)], share(ACCOUNT, "account", "push", 1, via_service=SERVICE), [f"excess {ACCOUNT} push"]),
        # Whatever is in a declared account is within its grants, and no more.
        ([grant(ACCOUNT)], share(ROLE, "role", "pull", 1), []),
        ([grant(ACCOUNT)], share(USER, "user", "push", 1), [f"excess {USER} push"]),
        ([grant(ACCOUNT), grant(ROLE, access="push")], share(ROLE, "role", "pull push", 1), []),
        ([grant(ROLE)], share(SESSION, "session", "pull", 1), []),
        ([grant(USER)], share(SESSION, "session", "pull", 1), [f"undeclared {SESSION} pull"]),
        ([grant(ROLE)], share(ACCOUNT, "account", "pull", 1), [f"undeclared {ACCOUNT} pull"]),
        # An organization is a principal of its own.
        ([grant(ORGANIZATION)], share(ORGANIZATION, "organization", "pull", 1), []),
        ([grant(ORGANIZATION)], share(UNIT, "organizational_unit", "pull", 1), []),
        ([grant(UNIT)], share(f"{UNIT[:-1]}ou-ab12-22222222/", "organizational_unit", "pull", 1), []),
        ([grant(UNIT)], share(ORGANIZATION, "organization", "pull", 1), [f"undeclared {ORGANIZATION} pull"]),
        ([grant(ORGANIZATION)], share(ACCOUNT, "account", "pull", 1), [f"undeclared {ACCOUNT} pull"]),
        # What a grant is for.
        (
            [grant(ACCOUNT, repositories=["base/*"])],
            share(ACCOUNT, "account", "pull", 1),
            [f"undeclared {ACCOUNT} pull"],
        ),
        ([grant(ACCOUNT, repositories=["a*"])], share(ACCOUNT, "account", "pull", 1), []),
        ([grant(ACCOUNT, repositories=["app", "gone"])], share(ACCOUNT, "account", "pull", 1), []),
        ([grant(ACCOUNT, repositories=[])], share(ACCOUNT, "account", "pull", 1), [f"undeclared {ACCOUNT} pull"]),
    ],
)
def test_declared_principals_may_have_what_is_declared(grants: list[Grant], found: Share, expected: list[str]) -> None:
    assert in_app(found, grants=grants) == expected


OPEN = {"public": True, "public_statements": [statement(1, "Open")]}
ANY_BUILDS = share(SERVICE, "service", "pull", 1)


@pytest.mark.parametrize(
    ("shares", "more", "expected"),
    [
        ([share("*", "everyone", "pull", 1)], OPEN, ["public * pull"]),
        ([share("*", "everyone", "pull", 1, conditions=[CONDITION])], OPEN, ["public * pull"]),
        ([share("*", "everyone", "pull", 1, conditions=[CONDITION])], {}, ["public possibly * pull"]),
        (
            [share("*", "everyone", "pull", 1, denied_by=[deny(2, "pull", certain=False)])],
            {},
            ["public possibly * pull"],
        ),
        (
            [share("*", "everyone", "pull", 1), share("*", "everyone", "push", 2, conditions=[CONDITION])],
            OPEN,
            ["public * pull", "public possibly * push"],
        ),
        # The audit is sure, whatever its shares say.
        ([], OPEN, ["public *"]),
        (
            [ANY_BUILDS],
            {"unscoped_service_statements": [statement(1, "Statement1")]},
            [f"unscoped_service {SERVICE} pull"],
        ),
        ([{**ANY_BUILDS, "conditions": [CONDITION]}], {}, [f"unscoped_service possibly {SERVICE} pull"]),
        ([ANY_BUILDS, share("*", "everyone", "pull", 1)], OPEN, ["public * pull"]),
        (
            [share(DELETED_ROLE, "deleted", "pull", 1)],
            {"deleted_principals": [DELETED_ROLE]},
            [f"deleted_principal {DELETED_ROLE}"],
        ),
    ],
)
@pytest.mark.parametrize("grants", [(), (NOBODY,)], ids=["nothing declared", "something declared"])
def test_what_nobody_should_want_is_found_whatever_is_declared(
    shares: list[Share], more: dict[str, Any], expected: list[str], grants: tuple[Grant, ...]
) -> None:
    assert in_app(*shares, grants=grants, **more) == expected


def test_without_any_grant_nobody_is_undeclared_and_that_is_said() -> None:
    known = registries(repository("app", share(ACCOUNT, "account", "pull", 1)), grants=())
    assert of(known) == ()
    assert not_looked_at(known) == ("No grants are declared, so who gets in was compared with nothing.",)


def test_a_registry_without_grants_is_compared_if_another_has_some() -> None:
    here = registries(repository("app", share(ACCOUNT, "account", "pull", 1)), grants=())
    there = registries(grants=[grant(ACCOUNT)])
    assert told(of((*here, *there))) == [f"undeclared {ACCOUNT} pull"]


TEAM = {"principal": ACCOUNT, "access": ["pull"], "lambda_regions": []}


class TestDrift:
    def of(self, granted: Sequence[Any] = (), revoked: Sequence[Any] = ()) -> tuple[Finding, ...]:
        drift = [{"name": "app", "changed": True, "granted": list(granted), "revoked": list(revoked)}]
        return of(registries(repository("app"), drift=drift))

    def test_is_what_is_missing_and_what_is_too_much(self) -> None:
        push = {**TEAM, "access": ["push"], "lambda_regions": ["us-east-1"]}
        found = self.of([TEAM], [push, {**push, "access": ["describe"]}])
        assert told(found) == [f"drift {ACCOUNT} push, describe, Lambda in us-east-1", f"drift {ACCOUNT} lacks pull"]
        assert [one.principal_type for one in found] == ["account", "account"]
        assert [one.message for one in found] == [
            f"checkout {ACCOUNT} has push, describe, Lambda in us-east-1 by managed statements, "
            "which is not declared for it",
            f"checkout {ACCOUNT} lacks pull, which is declared for it",
        ]

    def test_is_also_actions_that_are_no_capability(self) -> None:
        actions = {"revoked_actions": [{"principal": ACCOUNT, "actions": ["ecr:StartImageScan"]}]}
        drift = {"name": "app", "changed": True, "granted": [], "revoked": [], **actions}
        assert told(of(registries(repository("app"), drift=[drift]))) == [f"drift {ACCOUNT} ecr:StartImageScan"]

    def test_is_other_statements_for_the_same_access(self) -> None:
        (found,) = self.of()
        assert (found.kind, found.principal, found.what) == ("drift", None, "")


class TestRegistryPolicy:
    ARN = f"arn:aws:ecr:us-east-1:{OWNER}:repository/*"

    def of(self, *found: dict[str, Any], policy: dict[str, Any], grants: Sequence[Grant] = (NOBODY,)) -> list[str]:
        return told(of(registries(*found, policy=policy, grants=grants)))

    def test_whom_it_lets_in_is_found_once_and_not_in_each_repository(self) -> None:
        policy = audits.registry_policy(audits.registry_share(ACCOUNT, "account", "pull create", 1, self.ARN))
        seen = audits.registry_share(ACCOUNT, "account", "pull", 1)
        found = self.of(repository("app", seen), repository("web", seen), policy=policy)
        assert found == [f"undeclared registry {ACCOUNT} pull, create"]

    def test_what_a_repository_adds_is_found_there(self) -> None:
        policy = audits.registry_policy(audits.registry_share(ACCOUNT, "account", "pull", 1, self.ARN))
        both = {
            **audits.registry_share(ACCOUNT, "account", "pull push", 1),
            "statements": [statement(1, None), statement(1, "Registry1", "registry")],
        }
        assert self.of(repository("app", both), policy=policy) == [
            f"undeclared registry {ACCOUNT} pull",
            f"undeclared {ACCOUNT} pull, push",
        ]

    def test_whom_it_lets_in_beyond_the_repositories_that_are_declared_is_found_there(self) -> None:
        policy = audits.registry_policy(audits.registry_share(ACCOUNT, "account", "pull", 1, self.ARN))
        seen = audits.registry_share(ACCOUNT, "account", "pull", 1)
        found = self.of(
            repository("app", seen),
            repository("web", seen),
            policy=policy,
            grants=[grant(ACCOUNT, repositories=["web"])],
        )
        assert found == [f"excess registry {ACCOUNT} pull"]

    @pytest.mark.parametrize(
        ("declared", "found"),
        [
            (["*"], []),
            (["services/*"], []),
            (["serv*"], []),
            (["services/web"], [f"excess registry {ACCOUNT} pull"]),
            (["tools/*"], [f"excess registry {ACCOUNT} pull"]),
        ],
    )
    def test_what_no_grant_is_for_is_found_though_no_repository_has_it_yet(
        self, declared: list[str], found: list[str]
    ) -> None:
        arn = f"arn:aws:ecr:us-east-1:{OWNER}:repository/services/*"
        policy = audits.registry_policy(audits.registry_share(ACCOUNT, "account", "pull", 1, arn))
        assert self.of(repository("app"), policy=policy, grants=[grant(ACCOUNT, repositories=declared)]) == found

    def test_that_is_public_is_found_once(self) -> None:
        opening = {"public": True, "public_statements": [statement(1, "Open", "registry")]}
        policy = audits.registry_policy(audits.registry_share("*", "everyone", "pull", 1, self.ARN), **opening)
        seen = audits.registry_share("*", "everyone", "pull", 1)
        assert self.of(repository("app", seen, **opening), policy=policy) == ["public registry * pull"]

    def test_that_was_not_read_is_found_and_nothing_is_claimed(self) -> None:
        known = registries(repository("app"), policy=audits.registry_policy(error="AccessDenied"))
        (found,) = of(known)
        assert (found.kind, found.repository, found.certain) == ("unread", None, True)
        assert found.message == "the registry policy was not read, and others may get in by it: AccessDenied"
        assert not_looked_at(known) == (
            f"images {OWNER} us-east-1: the registry policy was not read, and others may get in by it",
        )

    def test_that_names_somebody_who_was_deleted_is_found(self) -> None:
        policy = audits.registry_policy(audits.registry_share(DELETED_ROLE, "deleted", "pull", 1))
        assert self.of(policy=policy) == [f"deleted_principal registry {DELETED_ROLE}"]


def test_repository_that_could_not_be_read_is_found() -> None:
    (found,) = of(registries({"name": "app", "error": "app: no\n way", "error_code": None}))
    assert (found.kind, found.repository, found.message) == ("unread", "app", "could not be read: app: no way")


@pytest.mark.parametrize(
    ("more", "sentences"),
    [
        ({}, []),
        ({"repositories": ()}, []),
        ({"repositories": ("base/*", "app")}, ["only base/*, app was read, no other repository"]),
        ({"error": "throttled"}, ["not compared with what is declared: throttled"]),
    ],
)
def test_what_was_not_looked_at_is_said(more: dict[str, Any], sentences: list[str]) -> None:
    assert not_looked_at(registries(**more)) == tuple(f"images {OWNER} us-east-1: {one}" for one in sentences)


def test_registry_that_could_not_be_read_is_found_and_said() -> None:
    known = audited([HostAudit("images", [audits.failed("AccessDenied")], [], compared=True)])
    (found,) = of(known)
    assert (found.kind, found.host, found.registry_id, found.region) == ("unread", "images", "images", "us-east-1")
    assert not_looked_at(known)[-1] == "images us-east-1: could not be read"


def test_a_finding_says_where_who_what_and_through_which_statements() -> None:
    found = share(ACCOUNT, "account", "push", 2, other_actions=["ecr:StartImageScan"], lambda_regions=["us-east-1"])
    more = share(ACCOUNT, "account", "pull", 1, managed=True)
    (finding,) = of(registries(repository("services/cart", found, more), grants=[grant(ACCOUNT)], host="staging"))
    assert finding.to_dict() == {
        "kind": "excess",
        "certain": True,
        "host": "staging",
        "registry_id": OWNER,
        "region": "us-east-1",
        "repository": "services/cart",
        "principal": ACCOUNT,
        "principal_type": "account",
        "name": "checkout",
        "access": ["push"],
        "other_actions": ["ecr:StartImageScan"],
        "lambda_regions": ["us-east-1"],
        "statements": [{"policy": "repository", "position": 2, "sid": "Statement2"}],
        "message": f"checkout {ACCOUNT} has push, ecr:StartImageScan, Lambda in us-east-1, "
        "which is more than its grants give",
        "accepted": None,
    }


def test_a_registry_of_several_hosts_is_found_once_and_their_grants_add_up() -> None:
    shares = [share(ACCOUNT, "account", "pull", 1), share(OTHER, "account", "pull", 1), share(USER, "user", "push", 1)]
    answers = {
        "one": replace(audits.audit(repository("app", *shares)), grants=[grant(ACCOUNT)], repositories=("app",)),
        "two": replace(audits.audit(repository("app", *shares)), grants=[grant(OTHER)], repositories=("*",)),
    }
    known = audited([HostAudit(name, [answer], [], compared=True) for name, answer in answers.items()])
    (found,) = of(known)
    assert (found.host, found.kind, found.principal) == ("one", "excess", USER)


def test_the_most_dangerous_is_first_and_what_is_certain_before_what_is_possible() -> None:
    shares = [
        share(OTHER, "account", "pull", 1, conditions=[CONDITION]),
        share(ACCOUNT, "account", "pull push", 1),
        share("333344445555", "account", "pull", 1),
        share("*", "everyone", "pull", 1, conditions=[CONDITION]),
    ]
    found = of(
        registries(
            repository("app", *shares, deleted_principals=[DELETED_ROLE]),
            {"name": "web", "error": "no", "error_code": None},
            grants=[grant(ACCOUNT)],
        )
    )
    assert [f"{one.kind} {one.certain}" for one in found] == [
        "public False",
        "undeclared True",
        "undeclared False",
        "excess True",
        "deleted_principal True",
        "unread True",
    ]
    assert [KINDS.index(one.kind) for one in found] == sorted(KINDS.index(one.kind) for one in found)


ACCESS = st.sets(st.sampled_from(NAMES))
PRINCIPALS = st.sampled_from([(ACCOUNT, "account"), (OTHER, "account"), (ORGANIZATION, "organization"), (USER, "user")])


@laws(200)
@given(
    st.dictionaries(PRINCIPALS, ACCESS.filter(bool), max_size=4),
    st.lists(st.tuples(PRINCIPALS, ACCESS.filter(bool)), max_size=4),
)
def test_every_share_that_is_not_within_grants_is_found_and_nothing_else(
    declared: dict[tuple[str, str], set[str]], shared: list[tuple[tuple[str, str], set[str]]]
) -> None:
    """The second half is an oracle of its own: sets of names, and an account covers its user."""
    shares = [share(*who, " ".join(access), index + 1) for index, (who, access) in enumerate(shared)]
    grants = [NOBODY, *(grant(who, access=" ".join(access)) for (who, _type), access in declared.items())]
    found = of(registries(repository("app", *shares), grants=grants))
    expected: dict[str, tuple[str, set[str]]] = {}
    for who in dict.fromkeys(who for who, _access in shared):
        having = set().union(*(access for other, access in shared if other == who))
        covering = [one for one in (who, (ACCOUNT, "account") if who[0] == USER else who) if one in declared]
        beyond = having - set().union(*(declared[one] for one in covering))
        if beyond:
            expected[who[0]] = ("excess" if covering else "undeclared", beyond)
    assert {one.principal: (one.kind, set(one.amount.access)) for one in found} == expected
    assert len(found) == len(expected)
    assert all(one.certain for one in found)


WHOLE = st.tuples(ACCESS.filter(bool), st.sampled_from([(), ("us-east-1",), ("*",)]))


@laws(100)
@given(st.dictionaries(st.sampled_from([ACCOUNT, OTHER, ROLE, UNIT, ORGANIZATION]), WHOLE, min_size=1), st.data())
def test_what_was_shared_is_found_only_as_far_as_it_is_no_longer_declared(
    shared: dict[str, tuple[set[str], tuple[str, ...]]], data: st.DataObject
) -> None:
    """With policies as the collection writes them, and shares as its audit tells them."""
    wanted = [
        builders.grant(who, access, regions if "pull" in access and who in (ACCOUNT, OTHER) else ())
        for who, (access, regions) in shared.items()
    ]
    policy = merge.share(None, wanted, managed=ManagedStatements("aws", builders.REPOSITORY), registry_id=OWNER).policy
    row = {"name": "app", **rows.findings(policy, audits.evaluator(OWNER), resource=builders.REPOSITORY)}
    declared = [
        grant(one.principal.name, access=" ".join(one.access), lambda_regions=list(one.lambda_regions or ()))
        for one in wanted
    ]
    assert of(registries(row, grants=declared)) == ()
    gone = data.draw(st.integers(0, len(declared) - 1))
    left = [NOBODY, *declared[:gone], *declared[gone + 1 :]]
    found = of(registries(row, grants=left))
    # A role of an account and a unit of an organization that are still declared may be within that.
    assert {one.principal for one in found} <= {wanted[gone].principal.name}
    if wanted[gone].principal.name not in (ROLE, UNIT):
        (finding,) = found
        assert (finding.kind, finding.certain) == ("undeclared", True)
        assert finding.amount.access == wanted[gone].access


def test_hundreds_of_strangers_are_one_finding_each() -> None:
    strangers = [f"{number:012}" for number in range(300)]
    shares = [share(who, "account", "pull", index + 1) for index, who in enumerate(strangers)]
    shares += [share(who, "account", "push", index + 301, managed=True) for index, who in enumerate(strangers)]
    found = of(registries(repository("app", *shares)))
    assert [one.principal for one in found] == strangers
    assert {len(one.statements) for one in found} == {2}


def test_an_estate_is_read_without_a_share_that_findings_do_not_understand() -> None:
    """Shares as the collection makes them of real policies, of every kind."""
    evaluator = audits.evaluator(OWNER)
    policy = builders.policy(
        builders.allow(builders.ROOT),
        builders.allow_functions(builders.EAST),
        builders.allow(Sid="Open"),
        builders.statement(Principal={"Service": SERVICE}),
        builders.statement(Principal={"Federated": "cognito-identity.amazonaws.com"}),
        builders.when("StringEquals", "aws:PrincipalOrgID", ORGANIZATION),
        builders.allow(DELETED_ROLE),
        builders.deny(USER),
    )
    row = {"name": "app", **rows.findings(policy, evaluator, resource=builders.REPOSITORY)}
    assert {one.kind for one in of(registries(row))} == {
        "public",
        "undeclared",
        "unscoped_service",
        "deleted_principal",
    }
