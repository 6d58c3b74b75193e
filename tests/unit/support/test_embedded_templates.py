# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Repository creation templates of the embedded AWS, and what others do to them and to the registry's policy."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from itertools import chain
from typing import Any

import pytest
from ansible_collections.imageshare.aws.tests.support.embedded_aws import ACCOUNT, EmbeddedAws
from ansible_collections.imageshare.aws.tests.unit.support.embedded_calls import (
    GONE,
    ROLE,
    ROOT,
    outcome,
    policy,
    raw_call,
    shared_with,
    statement,
)
from botocore.exceptions import ClientError

PUSH, CACHE, REPLICATION = "CREATE_ON_PUSH", "PULL_THROUGH_CACHE", "REPLICATION"
EXCEPTIONS = [{"filterType": "WILDCARD", "filter": "dev-*"}]
GUARDED = {"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION", "imageTagMutabilityExclusionFilters": EXCEPTIONS}
DEFAULTS = {
    "appliedFor": [PUSH],
    "encryptionConfiguration": {"encryptionType": "AES256"},
    "imageTagMutability": "MUTABLE",
}
FULL = {
    "description": "Of all services",
    "encryptionConfiguration": {"encryptionType": "KMS"},
    "resourceTags": [{"Key": "team", "Value": "a"}],
    "lifecyclePolicy": '{"rules": []}',
    "customRoleArn": f"arn:aws:iam::{ACCOUNT}:role/ecr",
    **GUARDED,
}
INVALID, MISSING = "InvalidParameterException", "TemplateNotFoundException"
ALL = "DescribeRepositoryCreationTemplates"


def create(client: Any, prefix: str = "services", **fields: Any) -> dict[str, Any]:
    parameters = {"prefix": prefix, "appliedFor": [PUSH], **fields}
    return client.create_repository_creation_template(**parameters)["repositoryCreationTemplate"]


def update(client: Any, prefix: str = "services", **fields: Any) -> dict[str, Any]:
    return client.update_repository_creation_template(prefix=prefix, **fields)["repositoryCreationTemplate"]


def delete(client: Any, prefix: str = "services") -> dict[str, Any]:
    return client.delete_repository_creation_template(prefix=prefix)["repositoryCreationTemplate"]


def describe(client: Any, *prefixes: str) -> list[dict[str, Any]]:
    asked = {"prefixes": list(prefixes)} if prefixes else {}
    return client.describe_repository_creation_templates(**asked)["repositoryCreationTemplates"]


def text_of(client: Any, prefix: str = "services") -> str | None:
    (template,) = describe(client, prefix)
    return template.get("repositoryPolicy")


class TestOperations:
    def test_one_is_created_with_all_its_fields_and_answered_by_every_operation(
        self, aws: EmbeddedAws, ecr: Any
    ) -> None:
        created = create(ecr, appliedFor=[PUSH, CACHE], **FULL)
        wanted = {**FULL, "appliedFor": [PUSH, CACHE]}
        assert aws.templates() == {"services": wanted}
        dates = {"createdAt": created["createdAt"], "updatedAt": created["createdAt"]}
        assert created == {"prefix": "services", **wanted, **dates}
        assert describe(ecr) == describe(ecr, "services") == [created]
        assert delete(ecr) == created
        assert (aws.templates(), describe(ecr)) == ({}, [])

    def test_one_that_says_nothing_has_defaults(self, aws: EmbeddedAws, ecr: Any) -> None:
        create(ecr)
        assert aws.templates() == {"services": DEFAULTS}

    def test_answers_tell_the_registry_and_dates_as_numbers(self, aws: EmbeddedAws, ecr: Any) -> None:
        before = time.time()
        create(ecr)
        update(ecr, description="later")
        _status, answer = raw_call(aws, ALL, {})
        (template,) = answer["repositoryCreationTemplates"]
        assert answer["registryId"] == ACCOUNT
        assert before <= template["createdAt"] < template["updatedAt"] <= time.time()

    @pytest.mark.parametrize(
        ("call", "error"),
        [
            pytest.param(lambda ecr: create(ecr, "there"), "TemplateAlreadyExistsException", id="create what is there"),
            pytest.param(lambda ecr: create(ecr, "there/"), "TemplateAlreadyExistsException", id="with another end"),
            pytest.param(lambda ecr: update(ecr, "none"), MISSING, id="update"),
            pytest.param(lambda ecr: delete(ecr, "none"), MISSING, id="delete"),
            pytest.param(lambda ecr: describe(ecr, "there", "none"), MISSING, id="describe"),
        ],
    )
    def test_what_is_there_or_not_is_told(
        self, aws: EmbeddedAws, ecr: Any, call: Callable[[Any], Any], error: str
    ) -> None:
        aws.plant_template("there")
        assert outcome(lambda: call(ecr)) == error
        assert aws.templates() == {"there": DEFAULTS}

    @pytest.mark.parametrize("prefix", ["a", "a/b-c/d_e", "a__b.c/", "ROOT", "a" * 256])
    def test_prefixes_that_are_accepted(self, aws: EmbeddedAws, ecr: Any, prefix: str) -> None:
        assert create(ecr, prefix)["prefix"] == prefix
        assert [*aws.templates()] == [prefix]

    @pytest.mark.parametrize("prefix", ["A", "/a", "a//b", "a_", "a*", "ROOT/", "root/ROOT", "a" * 257, "a\n"])
    def test_prefixes_that_are_refused(self, aws: EmbeddedAws, prefix: str) -> None:
        ecr = aws.client(parameter_validation=False)
        calls = [lambda name=name: name(ecr, prefix) for name in (create, update, delete, describe)]
        assert {outcome(call) for call in calls} == {INVALID}

    @pytest.mark.parametrize(
        "fields",
        [
            {"description": "x" * 257},
            {"lifecyclePolicy": "x" * 30_721},
            {"appliedFor": ["PULL"]},
            {"imageTagMutability": "FIXED"},
            {"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION"},
            {"imageTagMutability": "MUTABLE_WITH_EXCLUSION"},
            {"imageTagMutability": "IMMUTABLE", "imageTagMutabilityExclusionFilters": EXCEPTIONS},
            {"imageTagMutabilityExclusionFilters": EXCEPTIONS},
            {**GUARDED, "imageTagMutabilityExclusionFilters": []},
            {**GUARDED, "imageTagMutabilityExclusionFilters": EXCEPTIONS * 6},
            {**GUARDED, "imageTagMutabilityExclusionFilters": [{"filterType": "REGEX", "filter": "a"}]},
            {**GUARDED, "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "a?"}]},
        ],
        ids=lambda fields: str(fields)[:70],
    )
    def test_fields_that_are_refused(self, aws: EmbeddedAws, fields: dict[str, Any]) -> None:
        ecr = aws.client(parameter_validation=False)
        assert outcome(lambda: create(ecr, **fields)) == INVALID
        aws.plant_template("services", **FULL)
        planted = aws.templates()
        assert outcome(lambda: update(ecr, **fields)) == INVALID
        assert aws.templates() == planted

    def test_one_without_a_cause_is_refused(self, aws: EmbeddedAws) -> None:
        assert raw_call(aws, "CreateRepositoryCreationTemplate", {"prefix": "a"})[1]["__type"] == INVALID

    @pytest.mark.parametrize(
        ("parameters", "sizes"),
        [
            pytest.param({}, [100, 50], id="a hundred a page by default"),
            pytest.param({"maxResults": 1000}, [150], id="all of them"),
            pytest.param({"maxResults": 75}, [75, 75], id="no empty page after a full one"),
            pytest.param({"maxResults": 1, "prefixes": ["app-003", "app-001"]}, [1, 1], id="those that are named"),
        ],
    )
    def test_pages(self, aws: EmbeddedAws, ecr: Any, parameters: dict[str, Any], sizes: list[int]) -> None:
        for number in range(150):
            aws.plant_template(f"app-{number:03}")
        pages = [ecr.describe_repository_creation_templates(**parameters)]
        while token := pages[-1].get("nextToken"):
            pages.append(ecr.describe_repository_creation_templates(**parameters, nextToken=token))
        found = [[template["prefix"] for template in page["repositoryCreationTemplates"]] for page in pages]
        assert [len(page) for page in found] == sizes
        assert sorted(chain(*found)) == sorted(parameters.get("prefixes", aws.templates()))

    @pytest.mark.parametrize("parameters", [{"maxResults": 0}, {"maxResults": 1001}, {"nextToken": "x"}], ids=str)
    def test_pages_that_are_refused(self, aws: EmbeddedAws, parameters: dict[str, Any]) -> None:
        ecr = aws.client(parameter_validation=False)
        assert outcome(lambda: ecr.describe_repository_creation_templates(**parameters)) == INVALID

    def test_each_account_and_region_has_its_own_whatever_registry_is_named(
        self, aws: EmbeddedAws, clients: dict[str, Any]
    ) -> None:
        aws.plant_template("mine")
        aws.plant_template("theirs", account="222222222222")
        assert describe(clients["cn-north-1"]) == []
        _status, answer = raw_call(aws, ALL, {"registryId": "222222222222"})
        assert [template["prefix"] for template in answer["repositoryCreationTemplates"]] == ["mine"]


class TestUpdate:
    @pytest.mark.parametrize(
        ("sent", "changed"),
        [
            pytest.param(GUARDED, {}, id="what is not sent is kept"),
            pytest.param({**GUARDED, "appliedFor": [CACHE]}, {"appliedFor": [CACHE]}, id="the causes"),
            pytest.param(
                {**GUARDED, "description": "", "lifecyclePolicy": "", "repositoryPolicy": ""},
                {"description": None, "lifecyclePolicy": None, "repositoryPolicy": None},
                id="an empty text empties",
            ),
            pytest.param(
                {"description": "new"},
                {
                    "description": "new",
                    "imageTagMutability": "MUTABLE",
                    "imageTagMutabilityExclusionFilters": None,
                },
                id="without its mutability it is mutable",
            ),
            pytest.param(
                {"imageTagMutability": "IMMUTABLE"},
                {"imageTagMutability": "IMMUTABLE", "imageTagMutabilityExclusionFilters": None},
                id="a mutability without filters",
            ),
        ],
    )
    def test_changes(self, aws: EmbeddedAws, ecr: Any, sent: dict[str, Any], changed: dict[str, Any]) -> None:
        aws.plant_template("services", policy(), **FULL)
        (planted,) = aws.templates().values()
        update(ecr, **sent)
        wanted = {name: value for name, value in {**planted, **changed}.items() if value is not None}
        assert aws.templates() == {"services": wanted}

    def test_the_mutability_can_be_kept_as_a_setting(self, aws: EmbeddedAws, ecr: Any) -> None:
        aws.settings(resets_mutability=False)
        aws.plant_template("services", **FULL)
        update(ecr, description="new")
        assert aws.templates()["services"].items() >= GUARDED.items()


class TestPolicy:
    @pytest.mark.parametrize(
        "refused",
        [
            pytest.param("pull, please", id="text that is not JSON"),
            pytest.param(policy(Statement=[]), id="no statement"),
            pytest.param(policy(statement(Resource="*")), id="a Resource"),
            pytest.param(shared_with(GONE), id="a deleted principal"),
            pytest.param(shared_with(ROLE), id="a principal that is missing"),
        ],
    )
    def test_one_that_a_repository_could_not_have_is_refused(self, aws: EmbeddedAws, ecr: Any, refused: Any) -> None:
        aws.settings(missing_principals=[ROLE])
        text = refused if isinstance(refused, str) else json.dumps(refused)
        aws.plant_template("there")
        for call in (lambda: create(ecr, repositoryPolicy=text), lambda: update(ecr, "there", repositoryPolicy=text)):
            with pytest.raises(ClientError, match="'Invalid repository policy provided'") as caught:
                call()
            assert caught.value.response["Error"]["Code"] == INVALID
        assert aws.templates() == {"there": DEFAULTS}

    def test_one_that_is_too_long_is_refused(self, aws: EmbeddedAws) -> None:
        ecr = aws.client(parameter_validation=False)
        with pytest.raises(ClientError, match="must have length less than or equal to 10240"):
            create(ecr, repositoryPolicy=json.dumps(policy(Id="x" * 10_240)))

    def test_it_is_stored_and_shown_as_that_of_a_repository(self, aws: EmbeddedAws, ecr: Any) -> None:
        principals = [f"arn:aws:iam::444455556666:role/{number}" for number in range(6)]
        sent = json.dumps(shared_with("111122223333", *principals))
        create(ecr, repositoryPolicy=sent)
        ecr.set_repository_policy(repositoryName="app", policyText=sent)
        assert aws.templates()["services"]["repositoryPolicy"] == aws.policies()["app"]
        orders = [json.loads(text_of(ecr) or "")["Statement"][0]["Principal"]["AWS"] for _time in range(10)]
        assert len({tuple(order) for order in orders}) > 5
        assert all(sorted(order) == sorted([ROOT, *principals]) for order in orders)

    @pytest.mark.parametrize("planted", ["no policy", "", json.dumps(shared_with(GONE), indent=1)])
    def test_a_planted_text_is_shown_to_the_letter_until_another_is_sent(
        self, aws: EmbeddedAws, ecr: Any, planted: str
    ) -> None:
        aws.plant_template("services", planted)
        assert [text_of(ecr) for _time in range(3)] == [planted] * 3
        update(ecr, description="its policy is kept")
        assert aws.templates()["services"]["repositoryPolicy"] == text_of(ecr) == planted
        update(ecr, repositoryPolicy=json.dumps(policy()))
        assert json.loads(text_of(ecr) or "") == policy()


class TestCreationByEcr:
    @pytest.mark.parametrize(
        ("name", "by", "prefix"),
        [
            pytest.param("prod/app", "push", "prod", id="a prefix ends with a slash that it need not show"),
            pytest.param("prod/eu/app", "push", "prod/eu/", id="the longest prefix wins"),
            pytest.param("prod", "push", "ROOT", id="a name that is the prefix itself"),
            pytest.param("production/app", "push", "ROOT", id="a name that only begins with its letters"),
            pytest.param("prod/eu/app", "cache", "prod", id="the longest of those for the cause"),
            pytest.param("prod/app", "replication", "copies", id="none for the cause"),
        ],
    )
    def test_the_template_for_it(self, aws: EmbeddedAws, ecr: Any, name: str, by: str, prefix: str) -> None:
        causes = {"ROOT": [PUSH], "prod": [PUSH, CACHE], "prod/eu/": [PUSH], "copies": [REPLICATION]}
        for planted, applied_for in causes.items():
            aws.plant_template(planted, policy(statement(Sid=planted)), applied_for=applied_for)
        assert aws.create_as_ecr(name, by)
        wanted = None if prefix == "copies" else aws.templates()[prefix]["repositoryPolicy"]
        assert aws.policies() == {"app": None, name: wanted}

    def test_it_gets_the_policy_and_the_mutability_of_that_moment(self, aws: EmbeddedAws, ecr: Any) -> None:
        create(ecr, repositoryPolicy=json.dumps(policy()), **GUARDED)
        assert aws.create_as_ecr("services/new", "push")
        update(ecr, repositoryPolicy=json.dumps(shared_with(ROLE)))
        stored = ecr.get_repository_policy(repositoryName="services/new")["policyText"]
        assert json.loads(stored) == policy()
        (created,) = ecr.describe_repositories(repositoryNames=["services/new"])["repositories"]
        assert created.items() >= GUARDED.items()

    @pytest.mark.parametrize(("by", "created"), [("push", False), ("cache", True), ("replication", True)])
    def test_without_a_template_a_push_creates_nothing(self, aws: EmbeddedAws, by: str, created: bool) -> None:
        assert aws.create_as_ecr("new", by) == created
        assert aws.policies() == ({"new": None} if created else {})

    def test_nothing_happens_to_a_repository_that_is_there(self, aws: EmbeddedAws, ecr: Any) -> None:
        aws.plant_template("ROOT", policy())
        assert not aws.create_as_ecr("app", "push")
        assert aws.policies() == {"app": None}

    def test_a_client_creates_without_a_template(self, aws: EmbeddedAws, ecr: Any) -> None:
        aws.plant_template("ROOT", policy(), **GUARDED)
        created = ecr.create_repository(repositoryName="new")["repository"]
        assert (created["imageTagMutability"], aws.policies()["new"]) == ("MUTABLE", None)

    def test_it_happens_in_one_account_and_region(self, aws: EmbeddedAws) -> None:
        where = {"account": "222222222222", "region": "eu-west-1"}
        aws.plant_template("ROOT", policy(), **where)
        assert not aws.create_as_ecr("new", "push")
        assert aws.create_as_ecr("new", "push", **where)
        assert aws.policies(**where) == {"new": json.dumps(policy())}


class TestControl:
    def test_one_is_planted_in_the_place_of_another_and_gone_with_a_reset(self, aws: EmbeddedAws) -> None:
        aws.plant_template("services", policy(), **FULL)
        aws.plant_template("services/", applied_for=[CACHE])
        assert aws.templates() == {"services/": {**DEFAULTS, "appliedFor": [CACHE]}}
        aws.reset_calls()
        assert aws.templates() != {}
        aws.reset()
        assert aws.templates() == {}

    @pytest.mark.parametrize(
        ("request_", "complaint"),
        [
            pytest.param(lambda aws: aws.plant_template("a", text="x"), "no field of a template: text", id="a field"),
            pytest.param(lambda aws: aws.plant_template("A"), "prefix", id="a prefix"),
            pytest.param(
                lambda aws: aws.plant_template("a", imageTagMutability="MUTABLE_WITH_EXCLUSION"),
                "imageTagMutabilityExclusionFilters",
                id="an impossible mutability",
            ),
            pytest.param(lambda aws: aws.create_as_ecr("a", "pull"), "by pull, but by push, cache", id="a cause"),
        ],
    )
    def test_mistakes_are_told(self, aws: EmbeddedAws, request_: Callable[[EmbeddedAws], Any], complaint: str) -> None:
        with pytest.raises(ValueError, match=re.escape(complaint)):
            request_(aws)

    def test_the_journal_tells_the_template(self, aws: EmbeddedAws, ecr: Any) -> None:
        aws.plant_template("base")
        create(ecr)
        describe(ecr, "services")
        describe(ecr, "services", "base")
        describe(ecr)
        update(ecr)
        delete(ecr)
        assert aws.journal() == [
            ("CreateRepositoryCreationTemplate", "template services"),
            (ALL, "template services"),
            (ALL, None),
            (ALL, None),
            ("UpdateRepositoryCreationTemplate", "template services"),
            ("DeleteRepositoryCreationTemplate", "template services"),
        ]
        assert aws.actions() >= {f"ecr:{operation}" for operation, _touched in aws.journal()}


class TestFaults:
    @pytest.mark.parametrize(
        ("rule", "denied"),
        [
            pytest.param({"template": "*"}, {"all", "base", "services"}, id="any template"),
            pytest.param({"template": "serv*"}, {"services"}, id="some templates"),
            pytest.param({"operation": "Describe*", "template": "base"}, {"base"}, id="both match"),
            pytest.param({"operation": "Update*", "template": "base"}, set(), id="another operation"),
            pytest.param({"operation": ALL}, {"all", "base", "services"}, id="an operation"),
            pytest.param({"repository": "base"}, set(), id="a repository of that name"),
        ],
    )
    def test_denied_access(self, aws: EmbeddedAws, ecr: Any, rule: dict[str, str], denied: set[str]) -> None:
        aws.plant_template("base")
        aws.plant_template("services")
        aws.settings(deny=[rule])
        calls = {"all": (), "base": ("base",), "services": ("services",)}
        found = {name: outcome(lambda prefixes=prefixes: describe(ecr, *prefixes)) for name, prefixes in calls.items()}
        assert {name for name, code in found.items() if code == "AccessDeniedException"} == denied
        assert {found[name] for name in found.keys() - denied} <= {"answered"}

    def test_a_rule_for_templates_spares_everything_else(self, aws: EmbeddedAws, ecr: Any) -> None:
        aws.settings(deny=[{"template": "*"}])
        assert outcome(ecr.describe_repositories) == "answered"

    def test_who_is_denied_is_told_the_resource_that_iam_knows(self, aws: EmbeddedAws, ecr: Any) -> None:
        aws.settings(deny=[{"template": "services"}])
        with pytest.raises(ClientError, match=r"ecr:CreateRepositoryCreationTemplate on resource: \* because"):
            create(ecr)

    @pytest.mark.parametrize(
        ("settings", "error", "is_done"),
        [
            ({"throttle": 1}, "ThrottlingException", False),
            ({"server_error": 1}, "ServerException", False),
            ({"drop": 1}, "ConnectionClosedError", False),
            ({"expire_after": 0}, "ExpiredTokenException", False),
            ({"damage": {"lost": 1}}, "ConnectionClosedError", True),
        ],
        ids=str,
    )
    def test_all_others_befall_them_as_well(
        self, aws: EmbeddedAws, ecr: Any, settings: dict[str, Any], error: str, is_done: bool
    ) -> None:
        aws.plant_template("services")
        aws.settings(**settings)
        assert outcome(lambda: delete(ecr)) == error
        assert (aws.templates() == {}) == is_done
        counted = {"DeleteRepositoryCreationTemplate": 1}
        assert (aws.calls(), aws.refused()) == ((counted, {}) if is_done else ({}, counted))


def parsed(template: dict[str, Any]) -> dict[str, Any]:
    """A template whose policy, if it is a text, is what the text says."""
    text = template.get("repositoryPolicy")
    return {**template, "repositoryPolicy": json.loads(text) if isinstance(text, str) else text}


THEIRS = statement(Sid="Theirs", Principal={"AWS": ROLE})


class TestOthers:
    """What somebody else does between two calls."""

    @pytest.mark.parametrize(
        ("change", "left"),
        [
            pytest.param({"fields": {"description": "new"}}, {"description": "new"}, id="a field"),
            pytest.param(
                {"fields": {"imageTagMutability": "MUTABLE", "imageTagMutabilityExclusionFilters": None}},
                {"imageTagMutability": "MUTABLE", "imageTagMutabilityExclusionFilters": None},
                id="the mutability",
            ),
            pytest.param({"policy": policy(THEIRS)}, {"repositoryPolicy": policy(THEIRS)}, id="another policy"),
            pytest.param({"policy": None}, {"repositoryPolicy": None}, id="no policy"),
            pytest.param(
                {"statement": THEIRS, "fields": {"description": None}},
                {"repositoryPolicy": policy(statement(), THEIRS), "description": None},
                id="one more statement, and no description",
            ),
        ],
    )
    def test_they_change_a_template(
        self, aws: EmbeddedAws, ecr: Any, change: dict[str, Any], left: dict[str, Any]
    ) -> None:
        aws.plant_template("services", policy(), **FULL)
        aws.plant_template("base", policy())
        before = aws.templates()
        aws.settings(others=[{"after": ALL, "template": "serv*", **change}])
        assert [text_of(ecr), text_of(ecr, "base")] == [json.dumps(policy())] * 2, "answered as it was before"
        wanted = {name: value for name, value in {**before["services"], **left}.items() if value is not None}
        found = aws.templates()
        assert found.pop("base") == before["base"]
        assert [*found] == ["services"]
        assert parsed(found["services"]) == parsed(wanted)

    def test_they_delete_each_template_that_is_answered(self, aws: EmbeddedAws, ecr: Any) -> None:
        for prefix in ("base", "services/a", "services/b"):
            aws.plant_template(prefix)
        aws.settings(others=[{"after": ALL, "template": "services/*", "delete": True}])
        assert len(describe(ecr)) == 3
        assert [*aws.templates()] == ["base"]

    def test_they_add_to_a_template_as_often_as_told(self, aws: EmbeddedAws, ecr: Any) -> None:
        create(ecr)
        update_, rule = "UpdateRepositoryCreationTemplate", {"template": "*", "statement": THEIRS, "times": 2}
        aws.settings(others=[{"after": update_, **rule}])
        for added in (1, 2, 2):
            update(ecr)
            assert len(json.loads(text_of(ecr) or "")["Statement"]) == added

    @pytest.mark.parametrize(
        ("after", "change", "left"),
        [
            ("GetRegistryPolicy", {"statement": THEIRS}, ["Pull", "Theirs"]),
            ("PutRegistryPolicy", {"statement": THEIRS}, ["Pull", "Theirs"]),
            ("PutRegistryPolicy", {"policy": policy(THEIRS)}, ["Theirs"]),
            ("GetRegistryPolicy", {"policy": None}, None),
            ("GetRegistryPolicy", {"delete": True}, None),
            ("DeleteRegistryPolicy", {"statement": THEIRS}, ["Theirs"]),
            ("GetRepositoryPolicy", {"delete": True}, ["Pull"]),
        ],
        ids=str,
    )
    def test_they_change_the_policy_of_the_registry(
        self, aws: EmbeddedAws, ecr: Any, after: str, change: dict[str, Any], left: list[str] | None
    ) -> None:
        ours = policy(statement(Resource="*"))
        aws.plant_registry_policy(ours)
        aws.settings(others=[{"after": after, "registry": True, **change}])
        if after == "PutRegistryPolicy":
            ecr.put_registry_policy(policyText=json.dumps(ours))
        elif after == "GetRegistryPolicy":
            assert json.loads(ecr.get_registry_policy()["policyText"]) == ours, "answered as it was before"
        elif after == "DeleteRegistryPolicy":
            ecr.delete_registry_policy()
        text = aws.registry_policy()
        assert (text and [one["Sid"] for one in json.loads(text)["Statement"]]) == left

    def test_they_begin_a_registry_policy_as_all_examples_of_aws_do(self, aws: EmbeddedAws, ecr: Any) -> None:
        aws.plant_registry_policy(policy(statement(Resource="*")))
        aws.settings(others=[{"after": "DeleteRegistryPolicy", "registry": True, "statement": THEIRS}])
        ecr.delete_registry_policy()
        assert json.loads(aws.registry_policy() or "")["Version"] == "2012-10-17"
