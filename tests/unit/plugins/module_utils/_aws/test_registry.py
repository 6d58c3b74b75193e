# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The adapters of AWS, over a stub of boto3's client: errors, writes that are repeated, partitions of regions."""

from __future__ import annotations

import itertools
import json
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._aws import calls, errors
from ansible_collections.imageshare.aws.plugins.module_utils._aws.errors import FaultError, FaultKind, Operation
from ansible_collections.imageshare.aws.plugins.module_utils._aws.registry import (
    Registry,
    TaggedRegistry,
    partition_of_region,
    scope_matters,
)
from ansible_collections.imageshare.aws.plugins.module_utils._aws.retries import (
    CircuitBreaker,
    RetryPolicy,
    RunStoppedError,
)
from ansible_collections.imageshare.aws.plugins.module_utils._registry import (
    EcrError,
    PolicyChangedError,
    PolicyMissingError,
    PolicyRefusedError,
    RepositoryMissingError,
    StoredRegistryPolicy,
)
from ansible_collections.imageshare.aws.plugins.module_utils._runs.share import run
from ansible_collections.imageshare.aws.tests.support.builders import root
from ansible_collections.imageshare.aws.tests.support.in_memory import OWNER
from ansible_collections.imageshare.aws.tests.support.runs import allowing, text_of, to_share
from ansible_collections.imageshare.aws.tests.support.virtual_time import VirtualTime
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

OLD, NEW, THEIRS = (
    text_of(allowing(root(account), sid=account)) for account in (OWNER, "111122223333", "777788889999")
)
LOST = ConnectionClosedError(endpoint_url="https://ecr")
OURS = run.__code__.co_filename.removesuffix("_runs/share.py")
UNREACHABLE = EndpointConnectionError(endpoint_url="https://ecr")


def refusal(code: str, said: str = "No", status: int = 400) -> ClientError:
    response = {"Error": {"Code": code, "Message": said}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "Operation")


class Client:
    """A client of boto3 for a repository with a policy.

    Before each call of a kind, what is next in its list happens: an error is raised before AWS has done anything, and
    one in a tuple after it. None lets the call through.
    """

    def __init__(self, text: str | None = OLD) -> None:
        self.text = text
        self.calls: list[str] = []
        self.sets: list[Any] = []
        self.gets: list[Any] = []
        config = SimpleNamespace(retries={"total_max_attempts": 1})
        self.meta = SimpleNamespace(partition="aws", region_name="us-east-1", config=config)

    def get_repository_policy(self, *, repositoryName: str) -> dict[str, Any]:
        return self._call("get", self.gets, lambda: None)

    def set_repository_policy(self, *, repositoryName: str, policyText: str, force: bool) -> dict[str, Any]:
        return self._call("set", self.sets, lambda: setattr(self, "text", policyText))

    def delete_repository_policy(self, *, repositoryName: str) -> dict[str, Any]:
        return self._call("delete", self.sets, lambda: setattr(self, "text", None), answer=self.text)

    def _call(
        self, name: str, happening: list[Any], do: Callable[[], None], answer: str | None = None
    ) -> dict[str, Any]:
        self.calls.append(name)
        step = happening.pop(0) if happening else None
        if isinstance(step, Exception):
            raise step
        if callable(step):
            step(self)
        do()
        if isinstance(step, tuple):
            raise step[0]
        text = self.text if answer is None else answer
        if text is None:
            raise refusal("RepositoryPolicyNotFoundException")
        return {"registryId": OWNER, "policyText": text}


def write(
    client: Client, text: str | None = NEW, *, reading: float = 0, between: float = 0, **more: Any
) -> tuple[str | None, float]:
    """Read the policy, and write another in its place, in virtual time. Returns the answer, and how long it took.

    reading: how long the answer to the first read takes, in seconds. between: how long passes after it.
    """
    time = VirtualTime()
    if reading:
        client.gets.insert(0, lambda _client: time.sleep(reading))

    def job() -> str | None:
        retries = RetryPolicy(breaker=CircuitBreaker(time.clock, time.sleep))
        target = Registry(client, lambda: None, None, retries).repository("base")
        options = {"force": False, "retry_invalid_principal": False, **more}
        stored = target.read()
        time.sleep(between)
        return target.write(text, replacing=stored, **options)

    (answer,) = time.run(job)
    return answer, time.clock()


class TestWrites:
    def test_is_sent_once_where_nothing_is_in_the_way(self) -> None:
        client = Client()
        assert write(client) == (NEW, 0)
        assert client.calls == ["get", "set"]

    @pytest.mark.parametrize("text", [NEW, None], ids=["set", "delete"])
    def test_is_not_sent_again_if_it_is_stored_although_the_answer_was_lost(self, text: str | None) -> None:
        client = Client()
        client.sets = [(LOST,)]
        assert write(client, text)[0] == text
        assert client.calls == ["get", "delete" if text is None else "set", "get"]

    def test_is_sent_again_if_the_policy_is_still_the_one_that_was_read(self) -> None:
        client = Client()
        client.sets = [LOST, LOST]
        assert write(client)[0] == client.text == NEW
        assert client.calls == ["get", "set", "get", "set", "get", "set"]

    def test_is_sent_again_at_once_if_it_never_left(self) -> None:
        client = Client()
        client.sets = [UNREACHABLE]
        assert write(client)[0] == NEW
        assert client.calls == ["get", "set", "set"]

    def test_leaves_alone_what_somebody_else_wrote_meanwhile(self) -> None:
        client = Client()
        client.sets = [LOST]
        client.gets = [None, lambda found: setattr(found, "text", THEIRS)]
        with pytest.raises(PolicyChangedError):
            write(client)
        assert client.text == THEIRS

    @pytest.mark.parametrize("text", [NEW, None], ids=["set", "delete"])
    @pytest.mark.parametrize(("reading", "between"), [(1.0, 0), (0, 1.0), (0.3, 0.3)])
    def test_looks_first_if_its_read_is_older_than_a_moment(
        self, text: str | None, reading: float, between: float
    ) -> None:
        client = Client()
        assert write(client, text, reading=reading, between=between)[0] == text
        assert client.calls == ["get", "get", "delete" if text is None else "set"]

    @pytest.mark.parametrize(("reading", "between"), [(0.4, 0), (0, 0.4)])
    def test_does_not_look_where_it_is_fast(self, reading: float, between: float) -> None:
        client = Client()
        assert write(client, reading=reading, between=between)[0] == NEW
        assert client.calls == ["get", "set"]

    @pytest.mark.parametrize("theirs", [THEIRS, NEW, None], ids=["another", "the same", "none"])
    def test_leaves_alone_what_somebody_else_wrote_before_it_was_sent(self, theirs: str | None) -> None:
        client = Client()
        client.gets = [None, lambda found: setattr(found, "text", theirs)]
        with pytest.raises(PolicyChangedError) as changed:
            write(client, between=1.0)
        assert not changed.value.outcome_unknown
        assert client.calls == ["get", "get"]

    def test_looks_now_and_then_where_it_has_to_wait(self) -> None:
        client = Client()
        client.sets = [refusal("ThrottlingException")] * 250
        answer, seconds = write(client)
        assert (answer, client.text) == (NEW, NEW)
        assert seconds > 1
        assert 1 < client.calls.count("get") < 251 / 3

    def test_fails_with_the_doubt_if_it_can_be_neither_sent_nor_read_back(self) -> None:
        client = Client()
        client.sets = [(LOST,)]
        client.gets = [None, *[refusal("ServerException", status=500)] * 100]
        with pytest.raises(EcrError, match="whether AWS has stored it is not known"):
            write(client)

    def test_fails_without_a_doubt_if_it_is_known_not_to_be_stored(self) -> None:
        client = Client()
        client.sets = [LOST] * 8
        with pytest.raises(FaultError) as failed:
            write(client)
        assert "not known" not in str(failed.value)
        assert client.calls == ["get", *["set", "get"] * 8]

    def test_what_is_deleted_already_need_not_be_deleted(self) -> None:
        client = Client()
        client.sets = [lambda found: setattr(found, "text", None)]

        def gone(found: Client) -> None:
            found.text = None
            raise refusal("RepositoryPolicyNotFoundException")

        client.sets = [gone]
        assert write(client, None)[0] is None

    @pytest.mark.parametrize(("retry", "tries"), [(True, 11), (False, 1)])
    def test_waits_for_a_new_principal_if_there_is_one(self, retry: bool, tries: int) -> None:
        client = Client()
        client.sets = [refusal("InvalidParameterException", "Invalid repository policy provided")] * 100
        with pytest.raises(PolicyRefusedError):
            write(client, retry_invalid_principal=retry)
        assert client.calls.count("set") == tries

    def test_a_run_that_is_stopped_sends_nothing(self) -> None:
        client = Client()
        registry = Registry(client, lambda: None)
        registry.stop("interrupted")
        with pytest.raises(RunStoppedError, match="interrupted"):
            registry.repository("base").read()
        assert client.calls == []


def of_registry(**elements: Any) -> str:
    """The text of a registry policy whose statement has these elements besides others."""
    statement = {"Effect": "Allow", "Principal": {"AWS": OWNER}, "Resource": "*", **elements}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


PLAIN, WILD = of_registry(Action="ecr:BatchGetImage"), of_registry(Action=["ecr:BatchGetImage", "ecr:*"])
NO_REGISTRY_POLICY = refusal("RegistryPolicyNotFoundException")
DENIED = refusal("AccessDeniedException")


class RegistryClient:
    """Clients of boto3 for a registry with a policy, and for STS: each call answers what is given, or raises it."""

    def __init__(
        self, policy: str | Exception, setting: str | Exception = "V2", caller: str | Exception = OWNER
    ) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        config = SimpleNamespace(retries={"total_max_attempts": 1})
        self.meta = SimpleNamespace(partition="aws", region_name="us-east-1", config=config)
        self._policy, self._setting, self._caller = policy, setting, caller

    def get_registry_policy(self, **parameters: Any) -> dict[str, Any]:
        return self._call("policy", parameters, policyText=self._policy)

    def get_account_setting(self, **parameters: Any) -> dict[str, Any]:
        return self._call("setting", parameters, value=self._setting)

    def get_caller_identity(self, **parameters: Any) -> dict[str, Any]:
        return self._call("caller", parameters, Account=self._caller)

    def _call(self, name: str, parameters: dict[str, Any], **answer: str | Exception) -> dict[str, Any]:
        self.calls.append((name, parameters))
        for value in answer.values():
            if isinstance(value, Exception):
                raise value
        return answer

    @property
    def called(self) -> list[str]:
        return [name for name, _parameters in self.calls]

    def registry(self, registry_id: str | None = None) -> Registry:
        # Each look at the clock takes ten seconds, so that nobody sleeps.
        seconds = itertools.count(0, 10)
        retries = RetryPolicy(breaker=CircuitBreaker(lambda: next(seconds), lambda _seconds: None))
        return Registry(self, lambda: self, registry_id, retries)


class TestRegistryPolicy:
    @pytest.mark.parametrize(
        ("text", "found"), [(PLAIN, PLAIN), (NO_REGISTRY_POLICY, None), ("no policy", "no policy")]
    )
    def test_is_read_as_it_is_and_none_is_no_error(self, text: str | Exception, found: str | None) -> None:
        client = RegistryClient(text)
        assert client.registry().registry_policy() == StoredRegistryPolicy(found, None)
        assert client.calls == [("policy", {})]

    @pytest.mark.parametrize("setting", ["V1", "V2"])
    def test_scope_is_asked_for_where_it_makes_a_difference(self, setting: str) -> None:
        client = RegistryClient(WILD, setting)
        assert client.registry().registry_policy() == StoredRegistryPolicy(WILD, setting)
        assert client.calls == [("policy", {}), ("setting", {"name": "REGISTRY_POLICY_SCOPE"})]

    @pytest.mark.parametrize("setting", [DENIED, refusal("InvalidParameterException"), LOST, "V3", ""], ids=repr)
    def test_scope_that_cannot_be_had_is_not_known(self, setting: str | Exception) -> None:
        assert RegistryClient(WILD, setting).registry().registry_policy() == StoredRegistryPolicy(WILD, "unknown")

    def test_scope_is_not_known_to_an_old_botocore(self) -> None:
        client = RegistryClient(WILD)
        old = SimpleNamespace(meta=client.meta, get_registry_policy=client.get_registry_policy)
        assert Registry(old, lambda: None).registry_policy() == StoredRegistryPolicy(WILD, "unknown")

    @pytest.mark.parametrize("text", [PLAIN, WILD, NO_REGISTRY_POLICY, DENIED], ids=["plain", "wild", "none", "denied"])
    def test_is_asked_for_once_by_however_many_threads(self, text: str | Exception) -> None:
        client = RegistryClient(text)
        registry = client.registry(OWNER)

        def ask(_number: int) -> StoredRegistryPolicy | str:
            try:
                return registry.registry_policy()
            except EcrError as error:
                return str(error)

        with ThreadPoolExecutor(10) as pool:
            answers = list(pool.map(ask, range(30)))
        assert answers == answers[:1] * 30
        assert client.called == ["caller", "policy", *["setting"] * (text == WILD)]

    def test_refusal_tells_what_to_allow(self) -> None:
        with pytest.raises(EcrError) as failed:
            RegistryClient(DENIED).registry().registry_policy()
        assert failed.value.code == "AccessDeniedException"
        assert str(failed.value) == (
            "could not read the registry policy (GetRegistryPolicy): AccessDeniedException: No. "
            'Allow the caller ecr:GetRegistryPolicy on the resource "*".'
        )

    def test_is_tried_again_where_aws_is_out_of_order(self) -> None:
        client = RegistryClient(refusal("ServerException", status=500))
        with pytest.raises(FaultError):
            client.registry().registry_policy()
        assert client.called == ["policy"] * 8

    def test_of_the_account_that_is_asked_for_is_read_if_it_is_the_callers(self) -> None:
        client = RegistryClient(PLAIN)
        assert client.registry().of(OWNER).registry_policy() == StoredRegistryPolicy(PLAIN, None)
        assert client.calls == [("caller", {}), ("policy", {})]

    def test_of_another_account_is_not_asked_for(self) -> None:
        client = RegistryClient(PLAIN)
        with pytest.raises(EcrError) as failed:
            client.registry("222222222222").registry_policy()
        assert (failed.value.code, client.called) == (None, ["caller"])
        assert str(failed.value) == (
            "could not read the registry policy of account 222222222222 (GetRegistryPolicy): "
            f"AWS's API has it for the caller's own registry alone, that of account {OWNER}. "
            "Use credentials of account 222222222222."
        )

    def test_is_not_asked_for_where_the_caller_is_not_known(self) -> None:
        client = RegistryClient(PLAIN, caller=DENIED)
        with pytest.raises(EcrError, match=r"registry policy of account 222222222222 .*GetCallerIdentity") as failed:
            client.registry("222222222222").registry_policy()
        assert (failed.value.code, client.called) == ("AccessDeniedException", ["caller"])

    def test_says_whose_registry_it_is(self) -> None:
        client = RegistryClient(PLAIN)
        answer = {"policyText": PLAIN, "registryId": "222222222222"}
        told = SimpleNamespace(meta=client.meta, get_registry_policy=lambda: answer)
        registry = Registry(told, lambda: client)
        registry.registry_policy()
        assert registry.owner() == "222222222222"
        assert client.calls == []


@pytest.mark.parametrize(
    ("text", "matters"),
    [
        (PLAIN, False),
        (of_registry(Action=["ecr:ReplicateImage", "ecr:CreateRepository"], Sid="*"), False),
        (of_registry(Action="ecr:*"), True),
        (of_registry(Action="*"), True),
        (of_registry(Action=["ecr:BatchGetImage", "ecr:Put?mage"]), True),
        (of_registry(NotAction="ecr:PutImage"), True),
        (json.dumps({"Statement": json.loads(WILD)["Statement"][0]}), True),
        (of_registry(Action=7), False),
        ("*", False),
        ('{"Statement": "ecr:*"}', False),
    ],
)
def test_the_scope_of_a_registry_policy_matters_where_it_has_a_wildcard(text: str, matters: bool) -> None:
    assert scope_matters(text) is matters


# Of each error: the fault, the code in the row, what a run sees, and a part of the advice.
ERRORS: dict[str, tuple[Exception, FaultKind | None, str | None, type[EcrError], str]] = {
    "denied": (refusal("AccessDeniedException"), None, "AccessDeniedException", EcrError, "on this repository."),
    "no such repository": (
        refusal("RepositoryNotFoundException"),
        None,
        "RepositoryNotFoundException",
        RepositoryMissingError,
        "registry_id.",
    ),
    "no policy": (
        refusal("RepositoryPolicyNotFoundException"),
        None,
        "RepositoryPolicyNotFoundException",
        PolicyMissingError,
        "",
    ),
    "no policy of the registry": (
        NO_REGISTRY_POLICY,
        None,
        "RegistryPolicyNotFoundException",
        PolicyMissingError,
        "",
    ),
    "throttled": (refusal("ThrottlingException"), FaultKind.THROTTLED, "ThrottlingException", FaultError, "later."),
    "expired": (
        refusal("ExpiredTokenException"),
        FaultKind.AUTHENTICATION,
        "ExpiredTokenException",
        FaultError,
        "Renew",
    ),
    "out of order": (
        refusal("ServerException", status=500),
        FaultKind.TRANSIENT,
        "ServerException",
        FaultError,
        "later.",
    ),
    "an unknown error of a server": (refusal("Oops", status=503), FaultKind.TRANSIENT, "Oops", FaultError, ""),
    "an unknown refusal": (refusal("Oops"), None, "Oops", EcrError, ""),
    "no answer in time": (ReadTimeoutError(endpoint_url="x"), FaultKind.TIMEOUT, None, FaultError, ""),
    "no connection in time": (ConnectTimeoutError(endpoint_url="x"), FaultKind.TIMEOUT, None, FaultError, ""),
    "no connection": (UNREACHABLE, FaultKind.TRANSIENT, None, FaultError, ""),
    "a connection that broke": (LOST, FaultKind.TRANSIENT, None, FaultError, ""),
    "no credentials": (NoCredentialsError(), FaultKind.AUTHENTICATION, None, FaultError, ""),
    "another error of botocore": (BotoCoreError(), None, None, EcrError, ""),
}


@pytest.mark.parametrize(("error", "fault", "code", "raised", "advice"), ERRORS.values(), ids=ERRORS.keys())
def test_an_error_of_botocore_becomes_one_of_ours(
    error: Exception, fault: FaultKind | None, code: str | None, raised: type[EcrError], advice: str
) -> None:
    client = Client()
    client.gets = [error]
    with pytest.raises(EcrError) as failed:
        errors.GET_REPOSITORY_POLICY.send(client, {"repositoryName": "base"})
    assert type(failed.value) is raised
    assert (getattr(failed.value, "fault", None), failed.value.code) == (fault, code)
    assert str(failed.value).startswith("could not read the policy (GetRepositoryPolicy): ")
    assert advice in str(failed.value)


NOT_SENT = (UNREACHABLE, ConnectTimeoutError(endpoint_url="x"), refusal("ThrottlingException"), NoCredentialsError())


@pytest.mark.parametrize("error", [*NOT_SENT, LOST, ReadTimeoutError(endpoint_url="x"), refusal("Oops", status=500)])
def test_whether_a_request_may_have_arrived_is_known(error: Exception) -> None:
    client = Client()
    client.gets = [error]
    with pytest.raises(FaultError) as failed:
        errors.GET_REPOSITORY_POLICY.send(client, {"repositoryName": "base"})
    assert failed.value.may_have_been_sent is (error not in NOT_SENT)


def test_an_answer_that_is_cut_short_is_none() -> None:
    client = SimpleNamespace(list_tags_for_resource=lambda **_: {"ResponseMetadata": {}})
    with pytest.raises(FaultError) as failed:
        errors.LIST_TAGS_FOR_RESOURCE.send(client, {}, "of base")
    assert failed.value.fault is FaultKind.TRANSIENT
    assert "could not read the tags of base (ListTagsForResource)" in str(failed.value)


def test_a_page_in_place_of_an_answer_is_cut() -> None:
    client = Client()
    client.gets = [refusal("502", "x" * 10_000, status=502)]
    with pytest.raises(FaultError) as failed:
        errors.GET_REPOSITORY_POLICY.send(client, {"repositoryName": "base"})
    assert len(str(failed.value)) < 600


def unknown_members(shape: Any, at_aws: Any) -> list[str]:
    """The members of the shape of an answer that AWS's answer has not."""
    if isinstance(shape, list):
        return unknown_members(shape[0], at_aws.member)
    if not isinstance(shape, dict):
        return []
    known = {name: at_aws.members.get(name.rstrip("?")) for name in shape}
    return [
        *(name for name, found in known.items() if found is None),
        *(unknown for name, found in known.items() if found for unknown in unknown_members(shape[name], found)),
    ]


OPERATIONS = {name: found for name, found in vars(errors).items() if isinstance(found, Operation)}


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
def test_an_operation_exists_at_aws_with_its_answer(operation: Operation) -> None:
    import boto3

    service = {"sts": "sts", "tag": "resourcegroupstaggingapi", "ecr": "ecr"}[operation.iam_action.split(":")[0]]
    model = boto3.client(service, region_name="us-east-1").meta.service_model.operation_model(operation.name)
    assert unknown_members(operation.answer, model.output_shape) == []
    assert operation.iam_action.endswith(f":{operation.name}")


DIRECTLY = ("send_directly", "send")


def test_next_to_nothing_is_between_a_worker_and_boto3() -> None:
    class Watched(Client):
        frames: dict[str, list[str]]

        def get_repository_policy(self, **parameters: Any) -> dict[str, Any]:
            self._note("get")
            return super().get_repository_policy(**parameters)

        def set_repository_policy(self, **parameters: Any) -> dict[str, Any]:
            self._note("set")
            return super().set_repository_policy(**parameters)

        def _note(self, name: str) -> None:
            found = [frame for frame in traceback.extract_stack() if frame.filename.startswith(OURS)]
            self.frames.setdefault(name, [frame.name for frame in found])

    client = Watched(None)
    client.frames = {}
    result = run(to_share("base"), Registry(client, lambda: None))
    assert result.changed
    assert json.loads(client.text or "")["Statement"]
    assert client.frames["get"] == ["work_on", "write", "_attempt", "read", "run", "send", *DIRECTLY]
    assert client.frames["set"] == ["work_on", "write", "_attempt", "_store", "write", "send", "_send", *DIRECTLY]


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("us-east-1", "aws"),
        ("eu-west-1", "aws"),
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
        ("us-east-99", None),
        ("US-EAST-1", None),
        ("", None),
    ],
)
def test_the_partition_of_a_region(region: str, partition: str | None) -> None:
    assert partition_of_region(region) == partition


class Pages:
    """Clients that answer pages without end: each token leads to the next, by a rule."""

    def __init__(self, following: Callable[[int], str], items: Callable[[int], list[Any]]) -> None:
        self.number, self._following, self._items = 0, following, items
        config = SimpleNamespace(retries={"total_max_attempts": 1})
        self.meta = SimpleNamespace(partition="aws", region_name="us-east-1", config=config)

    def describe_repositories(self, **_parameters: Any) -> dict[str, Any]:
        self.number += 1
        return {"repositories": self._items(self.number), "nextToken": self._following(self.number)}

    def get_resources(self, **_parameters: Any) -> dict[str, Any]:
        self.number += 1
        return {"ResourceTagMappingList": self._items(self.number), "PaginationToken": self._following(self.number)}


# Of each: which token follows a page, and what the error says.
ENDLESS: dict[str, tuple[Callable[[int], str], str]] = {
    "the same token": (lambda _number: "a", "a pagination token that it had answered before"),
    "two tokens in turn": (lambda number: "ab"[number % 2], "a pagination token that it had answered before"),
    "always another": (str, "empty pages in a row"),
}


@pytest.mark.parametrize(("following", "said"), ENDLESS.values(), ids=ENDLESS.keys())
@pytest.mark.parametrize("what", ["repositories", "tags"])
def test_a_listing_without_end_ends_with_an_error(what: str, following: Callable[[int], str], said: str) -> None:
    pages = Pages(following, lambda _number: [])
    registry = TaggedRegistry(pages, lambda: None, pages)
    with pytest.raises(EcrError, match=said):
        getattr(registry, what)()
    assert pages.number <= 100


def test_a_listing_of_more_pages_than_a_registry_can_fill_ends_with_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "MAX_PAGES", 300)
    pages = Pages(str, lambda number: [{"repositoryName": f"app-{number}"}])
    with pytest.raises(EcrError, match="300 pages, and no end"):
        Registry(pages, lambda: None).names()


def test_empty_pages_in_between_are_no_end() -> None:
    pages = Pages(
        lambda number: str(number) if number < 250 else "", lambda n: [{"repositoryName": "app"}] * (n % 5 == 0)
    )
    assert len(Registry(pages, lambda: None).names()) == 50
