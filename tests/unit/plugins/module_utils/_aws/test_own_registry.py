# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The adapters for what AWS has for the caller's own registry alone: its policy, and its creation templates.

How a write is repeated, and when it looks first, is in test_registry.py.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._aws.registry import Registry
from ansible_collections.imageshare.aws.plugins.module_utils._aws.retries import CircuitBreaker, RetryPolicy
from ansible_collections.imageshare.aws.plugins.module_utils._registry import (
    EcrError,
    PolicyChangedError,
    PolicyRefusedError,
    PolicyTarget,
    RepositoryMissingError,
    StoredPolicy,
    Template,
)
from ansible_collections.imageshare.aws.tests.support.builders import OTHER, root
from ansible_collections.imageshare.aws.tests.support.in_memory import OWNER
from ansible_collections.imageshare.aws.tests.support.runs import allowing, text_of
from botocore.exceptions import ClientError, ConnectionClosedError

OLD, NEW, THEIRS = (text_of(allowing(root(account), sid=account)) for account in (OWNER, OTHER, "777788889999"))
LOST = ConnectionClosedError(endpoint_url="https://ecr")
FILTERS = [{"filterType": "WILDCARD", "filter": "dev-*"}]
EXCLUDING = {"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION", "imageTagMutabilityExclusionFilters": FILTERS}


def refusal(code: str, said: str = "No") -> ClientError:
    response = {"Error": {"Code": code, "Message": said}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    return ClientError(response, "Operation")


class Client:
    """Clients of boto3 for ECR and STS. Templates are told in pages of two.

    calls: the operations in order, with their parameters. Before each call of an operation, what is next in its list
    of `happening` happens: an error is raised before AWS has done anything, one in a tuple after it, and what can be
    called is called.
    """

    def __init__(
        self, policy: str | None = OLD, templates: dict[str, dict[str, Any]] | None = None, caller: str = OWNER
    ) -> None:
        self.policy, self.found, self.caller = policy, templates or {}, caller
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.happening: dict[str, list[Any]] = {}
        config = SimpleNamespace(retries={"total_max_attempts": 1})
        self.meta = SimpleNamespace(partition="aws", region_name="us-east-1", config=config)

    def get_caller_identity(self) -> dict[str, Any]:
        return self._call("GetCallerIdentity", {}, lambda: {"Account": self.caller})

    def get_registry_policy(self, **parameters: Any) -> dict[str, Any]:
        return self._call("GetRegistryPolicy", parameters, self._policy)

    def put_registry_policy(self, **parameters: Any) -> dict[str, Any]:
        def put() -> dict[str, Any]:
            self.policy = parameters["policyText"]
            return self._policy()

        return self._call("PutRegistryPolicy", parameters, put)

    def delete_registry_policy(self, **parameters: Any) -> dict[str, Any]:
        def delete() -> dict[str, Any]:
            answer, self.policy = self._policy(), None
            return answer

        return self._call("DeleteRegistryPolicy", parameters, delete)

    def describe_repository_creation_templates(
        self, prefixes: list[str] | None = None, nextToken: str = "0", **parameters: Any
    ) -> dict[str, Any]:
        def describe() -> dict[str, Any]:
            start = int(nextToken)
            listed = prefixes or list(self.found)[start : start + 2]
            if any(prefix not in self.found for prefix in listed):
                raise refusal("TemplateNotFoundException")
            more = {} if prefixes or start + 2 >= len(self.found) else {"nextToken": str(start + 2)}
            return {
                "registryId": OWNER,
                "repositoryCreationTemplates": [{"prefix": name, **self.found[name]} for name in listed],
                **more,
            }

        asked = {**parameters, **({} if prefixes is None else {"prefixes": prefixes})}
        return self._call("DescribeRepositoryCreationTemplates", asked, describe)

    def update_repository_creation_template(self, **parameters: Any) -> dict[str, Any]:
        prefix = parameters["prefix"]

        def update() -> dict[str, Any]:
            changes = {name: value for name, value in parameters.items() if name != "prefix"}
            self.found[prefix] = {**self.found[prefix], "updatedAt": len(self.calls), **changes}
            return {"registryId": OWNER, "repositoryCreationTemplate": {"prefix": prefix, **self.found[prefix]}}

        return self._call("UpdateRepositoryCreationTemplate", parameters, update)

    def _policy(self) -> dict[str, Any]:
        if self.policy is None:
            raise refusal("RegistryPolicyNotFoundException")
        return {"registryId": OWNER, "policyText": self.policy}

    def _call(self, name: str, parameters: dict[str, Any], do: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        self.calls.append((name, parameters))
        step = self.happening[name].pop(0) if self.happening.get(name) else None
        if isinstance(step, Exception):
            raise step
        if callable(step):
            step()
        answer = do()
        if isinstance(step, tuple):
            raise step[0]
        return answer

    @property
    def called(self) -> list[str]:
        return [name for name, _parameters in self.calls]

    def registry(self, registry_id: str | None = None) -> Registry:
        # Nobody sleeps, and no time passes.
        seconds = itertools.count(0, 0.001)
        retries = RetryPolicy(breaker=CircuitBreaker(lambda: next(seconds), lambda _seconds: None))
        return Registry(self, lambda: self, registry_id, retries)


def write(target: PolicyTarget, text: str | None = NEW, *, replacing: StoredPolicy | None = None) -> str | None:
    stored = target.read() if replacing is None else replacing
    return target.write(text, replacing=stored, force=False, retry_invalid_principal=False)


READ, WRITE, REMOVE = "GetRegistryPolicy", "PutRegistryPolicy", "DeleteRegistryPolicy"
DESCRIBE, UPDATE = "DescribeRepositoryCreationTemplates", "UpdateRepositoryCreationTemplate"


class TestThePolicyOfTheRegistry:
    @pytest.mark.parametrize(("text", "owner"), [(OLD, OWNER), (None, None)], ids=["a policy", "none"])
    def test_is_read_with_its_owner(self, text: str | None, owner: str | None) -> None:
        client = Client(text)
        assert client.registry().policy_of_registry().read() == StoredPolicy(text, owner)
        assert client.calls == [(READ, {})]

    @pytest.mark.parametrize("before", [OLD, None], ids=["a policy", "none"])
    def test_is_written_without_an_id(self, before: str | None) -> None:
        client = Client(before)
        assert write(client.registry().policy_of_registry()) == NEW
        assert client.calls == [(READ, {}), (WRITE, {"policyText": NEW})]

    def test_is_deleted_and_that_there_is_none_already_is_no_error(self) -> None:
        client = Client()
        assert write(client.registry().policy_of_registry(), None) is None
        assert client.calls == [(READ, {}), (REMOVE, {})]
        assert write(client.registry().policy_of_registry(), None, replacing=StoredPolicy(OLD, OWNER, 1e9)) is None

    def test_refusal_is_told_from_other_errors(self) -> None:
        client = Client()
        said = "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid registry policy provided'"
        client.happening[WRITE] = [refusal("InvalidParameterException", said)]
        with pytest.raises(PolicyRefusedError):
            write(client.registry().policy_of_registry())

    def test_lost_answer_is_looked_after(self) -> None:
        client = Client()
        client.happening[WRITE] = [(LOST,)]
        assert write(client.registry().policy_of_registry()) == NEW
        assert client.called == [READ, WRITE, READ]

    def test_that_somebody_else_wrote_after_a_slow_read_is_left_alone(self) -> None:
        client = Client()
        client.happening[READ] = [None, lambda: setattr(client, "policy", THEIRS)]
        target = client.registry().policy_of_registry()
        stored = target.read()
        with pytest.raises(PolicyChangedError):
            write(target, replacing=StoredPolicy(stored.text, OWNER, float("-inf")))
        assert client.called == [READ, READ]

    def test_has_no_resource_of_its_own(self) -> None:
        assert Client().registry().policy_of_registry().resource_arn(OWNER) is None


class TestATemplate:
    def templates(self, **fields: Any) -> dict[str, dict[str, Any]]:
        whole = {"appliedFor": ["CREATE_ON_PUSH"], "imageTagMutability": "IMMUTABLE", "repositoryPolicy": OLD, **fields}
        return {"services": {name: value for name, value in whole.items() if value is not None}}

    def test_is_read_with_its_other_fields_but_for_what_an_update_changes(self) -> None:
        client = Client(templates=self.templates(updatedAt=1, description="for teams"))
        stored = client.registry().template("services").read()
        assert (stored.text, stored.registry_id) == (OLD, OWNER)
        assert stored.fields == {
            "prefix": "services",
            "appliedFor": ["CREATE_ON_PUSH"],
            "imageTagMutability": "IMMUTABLE",
            "description": "for teams",
        }
        assert client.calls == [(DESCRIBE, {"prefixes": ["services"]})]

    @pytest.mark.parametrize("empty", [None, ""])
    def test_may_have_no_policy(self, empty: str | None) -> None:
        stored = Client(templates=self.templates(repositoryPolicy=empty)).registry().template("services").read()
        assert (stored.text, stored.registry_id) == (None, OWNER)

    @pytest.mark.parametrize(
        "sent",
        [{"imageTagMutability": "IMMUTABLE"}, EXCLUDING, {**EXCLUDING, "imageTagMutability": "MUTABLE_WITH_EXCLUSION"}],
        ids=lambda sent: sent["imageTagMutability"],
    )
    @pytest.mark.parametrize("text", [NEW, None], ids=["set", "emptied"])
    def test_is_sent_what_it_would_lose_and_nothing_else(self, sent: dict[str, Any], text: str | None) -> None:
        client = Client(templates=self.templates(description="for teams", **sent))
        assert write(client.registry().template("services"), text) == text
        assert client.calls[-1] == (UPDATE, {"prefix": "services", "repositoryPolicy": text or "", **sent})

    def test_is_read_again_right_before_each_update(self) -> None:
        client = Client(templates=self.templates())
        client.happening[UPDATE] = [refusal("ThrottlingException"), (LOST,)]
        assert write(client.registry().template("services")) == NEW
        assert client.called == [DESCRIBE, DESCRIBE, UPDATE, DESCRIBE, UPDATE, DESCRIBE]

    @pytest.mark.parametrize(
        "theirs",
        [{"repositoryPolicy": THEIRS}, {"imageTagMutability": "MUTABLE"}, {"description": "theirs"}, EXCLUDING],
        ids=lambda theirs: next(iter(theirs)),
    )
    def test_that_somebody_else_changed_since_the_read_is_left_alone(self, theirs: dict[str, Any]) -> None:
        client = Client(templates=self.templates())
        client.happening[DESCRIBE] = [None, lambda: client.found["services"].update(theirs)]
        with pytest.raises(PolicyChangedError):
            write(client.registry().template("services"))
        assert UPDATE not in client.called

    def test_that_was_only_updated_is_the_same(self) -> None:
        client = Client(templates=self.templates(updatedAt=1))
        client.happening[DESCRIBE] = [None, lambda: client.found["services"].update(updatedAt=2)]
        assert write(client.registry().template("services")) == NEW

    def test_of_which_an_older_boto3_does_not_know_the_exclusions_is_left_alone(self) -> None:
        client = Client(templates=self.templates(imageTagMutability="IMMUTABLE_WITH_EXCLUSION"))
        with pytest.raises(EcrError, match=r"this boto3 does not know for which tags.*Use a newer boto3"):
            write(client.registry().template("services"))
        assert UPDATE not in client.called

    @pytest.mark.parametrize("prefix", ["nope", "services/"])
    def test_that_there_is_not_is_missing(self, prefix: str) -> None:
        with pytest.raises(RepositoryMissingError, match="Check its prefix and the region"):
            Client(templates=self.templates()).registry().template(prefix).read()

    def test_that_an_answer_has_not_is_missing(self) -> None:
        client = Client(templates=self.templates())
        other = {"registryId": OWNER, "repositoryCreationTemplates": []}
        client.describe_repository_creation_templates = lambda **_parameters: other  # type: ignore[method-assign]
        with pytest.raises(RepositoryMissingError, match="there is no such creation template"):
            client.registry().template("services").read()

    def test_is_deleted_between_read_and_write(self) -> None:
        client = Client(templates=self.templates())
        client.happening[DESCRIBE] = [None, client.found.clear]
        with pytest.raises(RepositoryMissingError):
            write(client.registry().template("services"))

    def test_update_that_is_denied_tells_what_to_allow(self) -> None:
        client = Client(templates=self.templates())
        client.happening[UPDATE] = [refusal("AccessDeniedException")]
        with pytest.raises(EcrError) as denied:
            write(client.registry().template("services"))
        assert "ecr:UpdateRepositoryCreationTemplate" in str(denied.value)
        assert "ecr:SetRepositoryPolicy" in str(denied.value)


class TestTheTemplates:
    def test_are_listed_in_pages(self) -> None:
        found = {
            "ROOT": {"appliedFor": ["CREATE_ON_PUSH", "REPLICATION"], "repositoryPolicy": OLD},
            "base/": {"appliedFor": [], "repositoryPolicy": ""},
            "services": {},
        }
        client = Client(templates=found)
        assert client.registry().templates() == [
            Template("ROOT", ("CREATE_ON_PUSH", "REPLICATION"), OLD),
            Template("base/", (), None),
            Template("services", (), None),
        ]
        assert client.calls == [(DESCRIBE, {"maxResults": 1000})] * 2

    def test_are_not_known_to_an_older_boto3(self) -> None:
        client = Client()
        old = SimpleNamespace(meta=client.meta, get_registry_policy=client.get_registry_policy)
        with pytest.raises(EcrError, match=r"this boto3 does not know creation templates\. Use a newer one"):
            Registry(old, lambda: client).templates()

    def test_that_cannot_be_listed_tell_what_to_allow(self) -> None:
        client = Client()
        client.happening[DESCRIBE] = [refusal("AccessDeniedException")]
        with pytest.raises(EcrError, match="ecr:DescribeRepositoryCreationTemplates"):
            client.registry().templates()


_FIELDS = {"prefix": "services", "appliedFor": ["CREATE_ON_PUSH"], "imageTagMutability": "IMMUTABLE"}
FRESH = StoredPolicy(OLD, OWNER, 1e9, _FIELDS)
# What is done to the registry of another account, which AWS would do to the caller's own.
DONE: dict[str, Callable[[Registry], Any]] = {
    "the policy is read": lambda registry: registry.policy_of_registry().read(),
    "the policy is written": lambda registry: write(registry.policy_of_registry(), replacing=FRESH),
    "the policy is deleted": lambda registry: write(registry.policy_of_registry(), None, replacing=FRESH),
    "a template is read": lambda registry: registry.template("services").read(),
    "a template is written": lambda registry: write(registry.template("services"), replacing=FRESH),
    "the templates are listed": lambda registry: registry.templates(),
}


@pytest.mark.parametrize("do", DONE.values(), ids=DONE.keys())
@pytest.mark.parametrize("made", ["asked for", "of"])
def test_the_registry_of_another_account_never_is_the_callers_own(do: Callable[[Registry], Any], made: str) -> None:
    client = Client(templates=TestATemplate().templates())
    registry = client.registry(OTHER) if made == "asked for" else client.registry().of(OTHER)
    with pytest.raises(EcrError, match=f"that of account {OWNER}. Use credentials of account {OTHER}"):
        do(registry)
    assert client.called == ["GetCallerIdentity"]


@pytest.mark.parametrize("do", DONE.values(), ids=DONE.keys())
def test_the_callers_own_may_be_asked_for_by_its_id(do: Callable[[Registry], Any]) -> None:
    client = Client(templates=TestATemplate().templates())
    do(client.registry(OWNER))
    assert client.called.count("GetCallerIdentity") == 1
