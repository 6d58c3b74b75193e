# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who gets in, and whether somebody is out, as a person reads it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._role.answers import ReadRegistry, answer, offboarded
from ansible_collections.imageshare.aws.tests.support import audits

TEAM, PARTNER, ORGANIZATION = "111122223333", "444455556666", "o-exampleorg1"
HERE, THERE = "prod us-east-1", "prod eu-west-1"
CONDITION = {"operator": "StringEquals", "key": "aws:SourceVpc", "values": ["vpc-1"]}
EXISTING = {HERE: ("app", "web"), THERE: ("app",)}


def share(principal: str, principal_type: str, access: str, matches: str | None, **more: Any) -> dict[str, Any]:
    found = audits.share(principal, principal_type, access, 1, **more)
    return found if matches is None else {**found, "matches": matches}


def read(
    *rows: dict[str, Any], registry: str = HERE, principal: str | None = TEAM, error: str | None = None, **policy: Any
) -> ReadRegistry:
    return ReadRegistry(registry, principal, rows, audits.registry_policy(**policy), error)


def row(name: str, *shares: dict[str, Any]) -> dict[str, Any]:
    return audits.repository(name, *shares)


ITSELF = share(TEAM, "account", "pull", "exact")
MEMBER = share(f"arn:aws:iam::{TEAM}:role/ci", "role", "pull", "member")
POSSIBLE = share(ORGANIZATION, "organization", "pull", "possible")
UNDER_CONDITION = share(TEAM, "account", "pull", "exact", conditions=[CONDITION])
DOUBTFUL = share(TEAM, "account", "pull", "exact", denied_by=[audits.deny(2, "pull", certain=False)])
DEFEATED = share(TEAM, "account", "pull", "exact", denied_by=[audits.deny(2, "pull")], defeated=True)


def asked(*registries: ReadRegistry, access: tuple[str, ...] = ()) -> tuple[str, ...]:
    principals = [TEAM] if registries[0].principal else []
    return answer(registries, asked=principals, access=access, names={TEAM: "checkout"}, existing=EXISTING)


class TestQuestions:
    def test_are_answered_with_what_is_certain_first(self) -> None:
        lines = asked(read(row("app", POSSIBLE), row("web", ITSELF)), read(row("app", MEMBER), registry=THERE))
        assert lines == (
            f"+ checkout {TEAM} pull: 1 repository: web in {HERE}",
            f"+ arn:aws:iam::{TEAM}:role/ci pull (it is a part of {TEAM}): 1 repository: app in {THERE}",
            f"? {ORGANIZATION} pull (if {TEAM} is a part of it): 1 repository: app in {HERE}",
            f"checkout {TEAM} gets in",
        )

    def test_that_nobody_gets_in_is_said_with_what_was_looked_at(self) -> None:
        assert asked(read(), read(registry=THERE)) == (
            f"checkout {TEAM} gets in nowhere (2 registries were looked at)",
        )

    def test_say_first_what_was_not_read(self) -> None:
        assert asked(read(error="AccessDenied"), read(registry=THERE)) == (
            f"? not read, so somebody may get in by it: {HERE}: AccessDenied",
            f"checkout {TEAM} gets in nowhere that was read (1 registry was looked at)",
        )

    @pytest.mark.parametrize(
        ("access", "told"),
        [
            ((), [TEAM, PARTNER]),
            (("push",), [PARTNER]),
            (("pull",), [TEAM, PARTNER]),
            (("admin",), []),
        ],
    )
    def test_about_an_access_leave_the_others_out(self, access: tuple[str, ...], told: list[str]) -> None:
        shares = [
            share(TEAM, "account", "pull", None),
            share(PARTNER, "account", "pull push", None, can_push=True),
        ]
        lines = asked(read(row("app", *shares), principal=None), access=access)
        assert [line.split()[1] for line in lines if line.startswith("+")] == [
            "checkout" if one == TEAM else one for one in told
        ]
        if not told:
            assert lines == ("nobody has admin (1 registry was looked at)",)

    @pytest.mark.parametrize("way", [POSSIBLE, UNDER_CONDITION], ids=["a part of it", "under a condition"])
    def test_claim_nothing_of_who_may_get_in(self, way: dict[str, Any]) -> None:
        lines = asked(read(row("app", way)))
        assert lines[-1] == f"checkout {TEAM} may get in, as the above says (1 registry was looked at)"

    @pytest.mark.parametrize(
        ("way", "access", "last"),
        [
            (ITSELF, ("pull",), "has pull"),
            (ITSELF, ("push", "admin"), "has push or admin nowhere (1 registry was looked at)"),
            (POSSIBLE, ("pull",), "may have pull, as the above says (1 registry was looked at)"),
        ],
    )
    def test_about_an_access_say_nothing_of_others(
        self, way: dict[str, Any], access: tuple[str, ...], last: str
    ) -> None:
        assert asked(read(row("app", way)), access=access)[-1] == f"checkout {TEAM} {last}"


def pattern(operator: str, key: str, value: str) -> dict[str, Any]:
    condition = {"operator": operator, "key": key, "values": [value]}
    return share("*", "everyone", "pull", "possible", conditions=[condition])


# Of each: the share, and whether it is certain that somebody gets in; None for nobody.
WAYS: dict[str, tuple[dict[str, Any], bool | None]] = {
    "itself": (ITSELF, True),
    "a part of it": (MEMBER, True),
    "an organization": (POSSIBLE, False),
    "everyone": (share("*", "everyone", "pull", "possible"), False),
    "under a condition": (UNDER_CONDITION, False),
    "if no Deny applies": (DOUBTFUL, False),
    "certainly denied": (DEFEATED, None),
    "a pattern of its roles": (pattern("ArnLike", "aws:PrincipalArn", f"arn:aws:iam::{TEAM}:role/*"), True),
    "its functions": (pattern("ArnLike", "aws:SourceArn", f"arn:aws:lambda:us-east-1:{TEAM}:function:x"), True),
    "a pattern of several accounts": (pattern("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/ci"), False),
    "all but a pattern": (pattern("ArnNotLike", "aws:PrincipalArn", f"arn:aws:iam::{TEAM}:role/*"), False),
    "a pull beside a push that may be denied": (
        share(TEAM, "account", "pull push", "exact", denied_by=[audits.deny(2, "push", certain=False)], can_push=True),
        True,
    ),
}


class TestOffboarding:
    def judged(self, *registries: ReadRegistry, **more: Any) -> Any:
        given = {"principals": [TEAM], "still_named": [], "names": {}, "existing": EXISTING, "check_mode": False}
        return offboarded({"prod": registries}, **{**given, **more})

    @pytest.mark.parametrize(("way", "certain"), WAYS.values(), ids=WAYS.keys())
    def test_fails_if_somebody_certainly_still_gets_in_and_tells_what_is_possible(
        self, way: dict[str, Any], certain: bool | None
    ) -> None:
        judged = self.judged(read(row("app", way)))
        assert judged.failures == ({"prod": f"{TEAM} still gets in"} if certain else {})
        assert ("STILL GETS IN" in judged.lines, "MAY STILL GET IN" in judged.lines) == (
            certain is True,
            certain is False,
        )
        last = {True: "still gets in", False: "is out, but for what is possible", None: "is out"}[certain]
        assert judged.lines[-1] == f"{TEAM} {last} (3 repositories in 1 registry were looked at)"

    def test_fails_if_a_registry_policy_alone_lets_somebody_in(self) -> None:
        way = {**ITSELF, "statements": [audits.statement(3, "Mirror", "registry")]}
        registry = ReadRegistry(HERE, TEAM, (), audits.registry_policy(way), None)
        judged = self.judged(registry)
        assert judged.failures == {"prod": f"{TEAM} still gets in"}
        assert 'through statement 3 "Mirror" of the registry policy' in judged.lines[1]

    def test_fails_if_a_registry_policy_lets_somebody_in_to_repositories_to_come(self) -> None:
        coming = audits.registry_share(
            TEAM, "account", "pull", 1, "arn:aws:ecr:us-east-1:123456789012:repository/new/*"
        )
        registry = ReadRegistry(
            HERE, TEAM, (row("app", POSSIBLE),), audits.registry_policy({**coming, "matches": "exact"}), None
        )
        judged = self.judged(registry)
        assert judged.failures == {"prod": f"{TEAM} still gets in"}
        assert "every repository that its Resource covers" in judged.lines[1]

    def test_says_which_registries_were_not_looked_at(self) -> None:
        judged = self.judged(read(), not_judged=["staging"])
        assert judged.lines[-2:] == (
            "NOT LOOKED AT, so nobody knows: staging",
            f"{TEAM} is out of what was looked at alone (3 repositories in 1 registry were looked at)",
        )

    @pytest.mark.parametrize(
        "registry",
        [read(error="AccessDenied"), ReadRegistry(HERE, TEAM, (), audits.registry_policy(error="AccessDenied"), None)],
        ids=["a repository", "the registry policy"],
    )
    def test_fails_if_anything_was_not_read_because_then_nobody_knows(self, registry: ReadRegistry) -> None:
        judged = self.judged(registry)
        assert judged.failures["prod"].startswith("not read: ")
        assert judged.lines[-1].startswith(f"{TEAM} is out as far as could be read")

    def test_tells_each_of_several_by_itself(self) -> None:
        here, there = read(row("app", ITSELF)), read(row("app", {**POSSIBLE}), principal=PARTNER)
        judged = self.judged(here, there, principals=[TEAM, PARTNER])
        looked = "(3 repositories in 1 registry were looked at)"
        assert judged.lines[-2:] == (
            f"{TEAM} still gets in {looked}",
            f"{PARTNER} is out, but for what is possible {looked}",
        )
        assert judged.failures == {"prod": f"{TEAM} still gets in"}

    def test_knows_nothing_of_a_host_that_returned_nothing(self) -> None:
        given = {"principals": [TEAM], "still_named": [], "names": {}, "existing": EXISTING, "check_mode": False}
        judged = offboarded({"prod": [read()], "dev": []}, **given)
        assert "? dev: nothing was read" in judged.lines
        assert judged.lines[-1].startswith(f"{TEAM} is out as far as could be read")
        assert judged.failures == {"dev": "not read: nothing was read"}

    def test_says_how_many_more_ways_in_there_are(self) -> None:
        ways = [share(f"arn:aws:iam::{TEAM}:role/r{number}", "role", "pull", "member") for number in range(45)]
        assert self.judged(read(row("app", *ways))).lines[-2] == "and 5 more"

    def test_counts_no_repositories_of_a_registry_that_nobody_has_listed(self) -> None:
        assert self.judged(read(), existing={}).lines[-1] == f"{TEAM} is out (1 registry was looked at)"

    def test_claims_nothing_in_check_mode(self) -> None:
        judged = self.judged(check_mode=True)
        assert judged.failures == {}
        assert judged.lines == (f"check mode: whether {TEAM} is out is known after a run",)

    def test_warns_where_grants_would_give_the_access_back(self) -> None:
        judged = self.judged(read(), still_named=[f"ecr_share_grants[0] (principal {TEAM}) names {TEAM}"])
        assert judged.lines[0] == (
            f"! ecr_share_grants[0] (principal {TEAM}) names {TEAM}: the next run that shares gives it access again"
        )


@pytest.mark.parametrize(
    ("wanted", "number"),
    [(("*",), 2), (("services/api",), 2), (("serv*",), 2), (("base/*",), 1), (("base/*", "services/new"), 2)],
)
def test_the_policy_of_the_registry_is_told_if_it_is_for_what_was_asked_for(
    wanted: tuple[str, ...], number: int
) -> None:
    arn = "arn:aws:ecr:us-east-1:123456789012:repository/services/*"
    policy = audits.registry_policy(audits.registry_share(TEAM, "account", "pull", 1, arn))
    registry = ReadRegistry(HERE, None, [], policy, None, None, wanted)
    assert len(answer([registry], asked=[], access=[], names={}, existing=EXISTING)) == number
