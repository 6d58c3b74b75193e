# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ECR of the embedded AWS: faults and counters for every call, and the operations that moto simplifies or lacks.

GetResources of the Resource Groups Tagging API counts as one of its calls, because repositories are all that it lists.

The repositories are those of moto's own backends: what is created through moto is there, and the other way round.
"""

from __future__ import annotations

import math
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from itertools import product
from random import Random
from threading import Lock
from typing import Any

import policy_text
from embedded_answers import invalid, page
from embedded_images import layer_url, pulled
from embedded_others import changed_by_others
from embedded_roles import Roles, is_id_of_role, shown
from embedded_tagging import get_resources
from embedded_templates import Templates
from moto.core.exceptions import ServiceException
from moto.core.responses import BaseResponse
from moto.core.utils import unix_time
from moto.ecr.exceptions import (
    RegistryPolicyNotFoundException,
    RepositoryNotFoundException,
    RepositoryPolicyNotFoundException,
)
from moto.ecr.models import ECRBackend, Repository, ecr_backends
from moto.moto_api._internal import moto_api_backend
from moto.utilities.utils import get_partition

# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutAccountSetting.html
SCOPE_SETTING = "REGISTRY_POLICY_SCOPE"
# They have no registryId: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetRegistryPolicy.html
_OF_OWN_REGISTRY = {
    "GetRegistryPolicy",
    "PutRegistryPolicy",
    "DeleteRegistryPolicy",
    "GetAccountSetting",
    "PutAccountSetting",
    "DescribeRepositoryCreationTemplates",
    "CreateRepositoryCreationTemplate",
    "UpdateRepositoryCreationTemplate",
    "DeleteRepositoryCreationTemplate",
}


# By other accounts as well, as far as policies let them.
_OF_IMAGES = {"BatchGetImage": pulled, "GetDownloadUrlForLayer": layer_url}


class Verbatim(str):
    """A planted policy, which every read shows to the letter."""


@dataclass(frozen=True)
class Settings:
    """How this AWS behaves. A call that a fault befalls does nothing.

    ``throttle``, ``server_error``, ``bad_gateway`` (502 and a page) and ``drop`` (closed without an answer) are shares
    of all ECR calls, and so are those of ``damage``; all add up to 1 at most. A call that damage befalls is done, and
    then its answer is ``lost`` (closed without any), ``reset`` half-way, ``truncated`` (half of the JSON as if it were
    all), ``garbled`` (a page instead of JSON) or left ``hang``ing for ``hang_seconds``.
    ``latency`` is in seconds a call, ``rate_limit`` in calls a second. The credentials expire after ``expire_after``
    calls. ``deny`` holds ``{operation, repository, template}``, all shell patterns, ``*`` where left out;
    GetCallerIdentity can be denied, too. A rule with a ``template`` is for the operations of templates alone; what
    reads all of them is denied to ``*``.
    ``missing_principals`` lists principals that do not exist, or maps them to the seconds until they do (null: never).
    Unique ids never exist, unless mapped to seconds. They are missing in all policies alike.
    ``registry_policy_scope`` is that of each registry, V1 or V2, until V2 is put there.
    ``others`` holds what somebody else does right after a call of ``{after: operation, repository: pattern}`` was done
    and before it is answered, as often as ``times`` (once) a repository: ``delete`` the repository, set its ``policy``,
    or add a ``statement`` to it. With ``registry: true`` in the place of ``repository`` it is the registry's own
    policy, which ``delete`` takes away; with ``template: pattern`` each template that the call answers, which may get
    other ``fields`` as well, null for none.
    ``resets_mutability`` says whether an update of a template without its mutability makes it MUTABLE.
    """

    seed: int = 0
    latency: float = 0.0
    throttle: float = 0.0
    server_error: float = 0.0
    bad_gateway: float = 0.0
    drop: float = 0.0
    damage: dict[str, float] = field(default_factory=dict)
    hang_seconds: float = 5.0
    expire_after: int | None = None
    rate_limit: float | None = None
    deny: list[dict[str, str]] = field(default_factory=list)
    missing_principals: dict[str, float | None] | list[str] = field(default_factory=dict)
    principal_not_found_message: bool = False
    others: list[dict[str, Any]] = field(default_factory=list)
    registry_policy_scope: str = "V2"
    resets_mutability: bool = True

    def __post_init__(self) -> None:
        if self.registry_policy_scope not in policy_text.OF_REGISTRY:
            raise ValueError(f"no scope of registry policies: {self.registry_policy_scope}")


class DamagedAnswer(Exception):
    """The call was done, and its answer is to arrive like this, if at all."""

    def __init__(self, how: str, answer: dict[str, Any], hang_seconds: float) -> None:
        super().__init__(how)
        self.how, self.answer, self.hang_seconds = how, answer, hang_seconds


class BadGateway(Exception):
    """What stands between the client and AWS answers in its place."""


class EmbeddedEcr:
    """``calls`` and ``journal`` hold what was let through, ``refused`` what a fault befell; each call is in one.
    ``damaged`` holds those of ``calls`` whose answers were damaged.
    """

    def __init__(self, settings: Settings) -> None:
        self._lock = Lock()
        self._initial = self.settings = settings
        # Of the server, which knows it.
        self.url = ""
        self._templates = Templates(
            partial(self._accepted, grammar=policy_text.OF_REPOSITORY, parameter="RepositoryPolicy"),
            self._shown,
            lambda: self.settings.resets_mutability,
        )
        self._operations = {
            "GetRepositoryPolicy": self._get,
            "SetRepositoryPolicy": self._set,
            "DeleteRepositoryPolicy": self._delete,
            "DescribeRepositories": self._describe,
            "GetRegistryPolicy": self._get_of_registry,
            "PutRegistryPolicy": self._put_of_registry,
            "DeleteRegistryPolicy": self._delete_of_registry,
            "GetAccountSetting": self._get_setting,
            "PutAccountSetting": self._put_setting,
            "GetResources": get_resources,
            "GetAuthorizationToken": self._token,
            **self._templates.operations,
        }
        self.reset(everything=True)

    def reset(self, *, everything: bool = False) -> None:
        """Forget calls and journal; or everything, and return to the settings of the start."""
        with self._lock:
            self.calls: Counter[str] = Counter()
            self.refused: Counter[str] = Counter()
            self.damaged: Counter[str] = Counter()
            self.journal: list[tuple[str, str | None]] = []
        if everything:
            self._with_new_scope: set[tuple[str, str]] = set()
            self._roles = Roles()
            self._templates.forget()
            moto_api_backend.reset()
            self.change(asdict(self._initial))

    def change(self, named: dict[str, Any]) -> None:
        """Replace the settings that are named. All that is random begins again; an unknown name is a TypeError."""
        settings = Settings(**(asdict(self.settings) | named))
        with self._lock:
            self.settings = settings
            self._dice = Random(settings.seed)
            self._order = Random(settings.seed)
            self._tokens, self._filled = math.inf, time.monotonic()
            self._arrived = 0
            self._meddled: Counter[tuple[int, str]] = Counter()
            if "missing_principals" in named:
                missing = settings.missing_principals
                delays = missing if isinstance(missing, dict) else dict.fromkeys(missing)
                self._exists_at = {
                    principal: math.inf if delay is None else self._filled + delay
                    for principal, delay in delays.items()
                }

    def plant(self, account: str, region: str, repository: str, text: str | None) -> None:
        """Store a policy that AWS might refuse, or none, in a repository that is created when needed."""
        backend = ecr_backends[account][region]
        if repository not in backend.repositories:
            backend.create_repository(repository, None, {}, {}, "MUTABLE", [])
        backend.repositories[repository].policy = None if text is None else Verbatim(text)

    def plant_registry_policy(self, account: str, region: str, text: str | None) -> None:
        """Store a policy of a registry that AWS might refuse, or none."""
        ecr_backends[account][region].registry_policy = None if text is None else Verbatim(text)

    def registry_policy(self, account: str, region: str) -> str | None:
        return ecr_backends[account][region].registry_policy

    def plant_template(
        self, account: str, region: str, prefix: str, policy: str | None, fields: Mapping[str, Any]
    ) -> None:
        """Store a template, with a policy that AWS might refuse, or none; fields as boto3 spells them."""
        text = {} if policy is None else {"repositoryPolicy": Verbatim(policy)}
        self._templates.plant(ecr_backends[account][region], prefix, {**fields, **text})

    def templates(self, account: str, region: str) -> dict[str, dict[str, Any]]:
        return self._templates.stored(ecr_backends[account][region])

    def create_as_ecr(self, account: str, region: str, name: str, by: str) -> bool:
        """Create a repository as ECR does by ``push``, ``cache`` or ``replication``, and tell whether it did.

        It gets the policy and the mutability that its template has now, even if one of its principals was deleted in
        the meantime: AWS does not document what it does then. A push for which there is no template creates nothing.
        Nothing happens to a repository that is there.
        """
        backend = ecr_backends[account][region]
        template = self._templates.for_new(backend, name, by)
        if name in backend.repositories or (template is None and by == "push"):
            return False
        of_template = template or {}
        mutability = of_template.get("imageTagMutability", "MUTABLE")
        filters = of_template.get("imageTagMutabilityExclusionFilters")
        created = backend.create_repository(name, None, {}, {}, mutability, [], filters)
        created.policy = of_template.get("repositoryPolicy") or None
        return True

    def tag(self, account: str, region: str, repository: str, tags: Mapping[str, str]) -> None:
        """Give a repository these tags, and no others."""
        backend = ecr_backends[account][region]
        arn = _repository(backend, repository).arn
        backend.tagger.delete_all_tags_for_resource(arn)
        backend.tagger.tag_resource(arn, [{"Key": key, "Value": value} for key, value in tags.items()])

    def policies(self, account: str, region: str) -> dict[str, str | None]:
        return {name: repository.policy for name, repository in ecr_backends[account][region].repositories.items()}

    def call(
        self, operation: str, params: dict[str, Any], headers: Mapping[str, str]
    ) -> tuple[int, dict[str, Any]] | None:
        """Status and answer, or None where moto has them. Raises ConnectionAbortedError where there is to be none, and
        DamagedAnswer or BadGateway.
        """
        account, region = caller(headers)
        own = operation in _OF_OWN_REGISTRY
        backend = ecr_backends[account if own else params.get("registryId") or account][region]
        do = self._operations.get(operation)
        if operation in _OF_IMAGES:
            do = partial(_OF_IMAGES[operation], caller=account)
        with self._lock:
            fault = self._fault(operation, params, backend)
            damaged = isinstance(fault, DamagedAnswer) and do is not None
            if fault and not isinstance(fault, DamagedAnswer):
                self.refused[operation] += 1
            else:
                self.calls[operation] += 1
                self.damaged[operation] += damaged
                self.journal.append((operation, _touched(operation, params)))
        time.sleep(self.settings.latency)
        try:
            if fault and not isinstance(fault, DamagedAnswer):
                raise fault
            answer = do and do(backend, params)
            self._meddle(operation, params.get("repositoryName"), backend, answer or {})
            if isinstance(fault, DamagedAnswer) and answer is not None:
                raise DamagedAnswer(fault.how, answer, fault.hang_seconds)
            return answer and (200, answer)
        except ServiceException as error:
            status = 500 if error.code == "ServerException" else 400
            return status, {"__type": error.code, "message": error.message}

    def _fault(self, operation: str, params: dict[str, Any], backend: ECRBackend) -> Exception | None:
        settings = self.settings
        self._arrived += 1
        if settings.expire_after is not None and self._arrived > settings.expire_after:
            return ServiceException("ExpiredTokenException", "The security token included in the request is expired")
        fault = None if operation == "GetCallerIdentity" else self._fault_on_the_way()
        if fault:
            return fault
        names = params.get("repositoryNames") or [params.get("repositoryName") or "*"]
        for name, template in product(names, _templates_of(operation, params)):
            if any(
                fnmatchcase(operation, rule.get("operation", "*"))
                and fnmatchcase(name, rule.get("repository", "*"))
                and ("template" not in rule or (template is not None and fnmatchcase(template, rule["template"])))
                for rule in settings.deny
            ):
                return _access_denied(operation, name, backend)
        return None

    def _fault_on_the_way(self) -> Exception | None:
        settings, roll = self.settings, self._dice.random()
        throttled = ServiceException("ThrottlingException", "Rate exceeded")
        failed = ServiceException("ServerException", "Something went wrong on the server's side")
        faults = [
            (settings.throttle, throttled),
            (settings.server_error, failed),
            (settings.bad_gateway, BadGateway()),
            (settings.drop, ConnectionAbortedError()),
            *((share, DamagedAnswer(how, {}, settings.hang_seconds)) for how, share in settings.damage.items()),
        ]
        for share, fault in faults:
            if roll < share:
                return fault
            roll -= share
        if self._exceeds_rate():
            return throttled
        return None

    def _exceeds_rate(self) -> bool:
        """Take one from a bucket that fills at the limit and holds the calls of a tenth of a second, at least one."""
        rate, now = self.settings.rate_limit, time.monotonic()
        if rate is None:
            return False
        self._tokens = min(max(1.0, rate / 10), self._tokens + (now - self._filled) * rate)
        self._filled = now
        if self._tokens < 1:
            return True
        self._tokens -= 1
        return False

    def _meddle(self, operation: str, name: str | None, backend: ECRBackend, answer: Mapping[str, Any]) -> None:
        for number, rule in enumerate(self.settings.others):
            if rule["after"] != operation:
                continue
            for theirs in changed_by_others(rule, name, backend, self._templates, answer):
                with self._lock:
                    self._meddled[number, theirs.label] += 1
                    if self._meddled[number, theirs.label] > rule.get("times", 1):
                        continue
                theirs.change(rule)

    def _get(self, backend: ECRBackend, params: dict[str, Any]) -> dict[str, Any]:
        return self._policy_answer(*_with_policy(backend, params))

    def _delete(self, backend: ECRBackend, params: dict[str, Any]) -> dict[str, Any]:
        repository, text = _with_policy(backend, params)
        repository.policy = None
        return self._policy_answer(repository, text)

    def _set(self, backend: ECRBackend, params: dict[str, Any]) -> dict[str, Any]:
        repository = _repository(backend, params["repositoryName"])
        repository.policy = text = self._accepted(
            backend, params["policyText"], policy_text.OF_REPOSITORY, force=params.get("force", False)
        )
        return self._policy_answer(repository, text)

    def _policy_answer(self, repository: Repository, text: str) -> dict[str, Any]:
        return {
            "registryId": repository.registry_id,
            "repositoryName": repository.name,
            "policyText": self._shown(text),
        }

    def _get_of_registry(self, backend: ECRBackend, _params: dict[str, Any]) -> dict[str, Any]:
        text = backend.registry_policy
        if text is None:
            raise RegistryPolicyNotFoundException(backend.account_id)
        return self._answer_of_registry(backend, text)

    def _put_of_registry(self, backend: ECRBackend, params: dict[str, Any]) -> dict[str, Any]:
        grammar = policy_text.OF_REGISTRY[self._scope(backend)]
        backend.registry_policy = text = self._accepted(backend, params["policyText"], grammar)
        return self._answer_of_registry(backend, text)

    def _delete_of_registry(self, backend: ECRBackend, params: dict[str, Any]) -> dict[str, Any]:
        answer = self._get_of_registry(backend, params)
        backend.registry_policy = None
        return answer

    def _answer_of_registry(self, backend: ECRBackend, text: str) -> dict[str, Any]:
        return {"registryId": backend.account_id, "policyText": self._shown(text)}

    def _get_setting(self, backend: ECRBackend, params: dict[str, Any]) -> dict[str, Any]:
        if params["name"] != SCOPE_SETTING:
            raise invalid("name", f"the embedded AWS knows {SCOPE_SETTING} alone")
        return {"name": SCOPE_SETTING, "value": self._scope(backend)}

    def _put_setting(self, backend: ECRBackend, params: dict[str, Any]) -> dict[str, Any]:
        # V1 is no value any more: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutAccountSetting.html
        if params["value"] != "V2":
            raise invalid("value", f"{SCOPE_SETTING} must be V2")
        if params["name"] == SCOPE_SETTING:
            self._with_new_scope.add((backend.account_id, backend.region_name))
        return self._get_setting(backend, params)

    def _scope(self, backend: ECRBackend) -> str:
        changed = (backend.account_id, backend.region_name) in self._with_new_scope
        return "V2" if changed else self.settings.registry_policy_scope

    def _accepted(
        self,
        backend: ECRBackend,
        text: str,
        grammar: policy_text.Grammar,
        *,
        force: bool = False,
        parameter: str = "PolicyText",
    ) -> str:
        partition = get_partition(backend.region_name)
        exists_at = {policy_text.root_arn(name, partition): moment for name, moment in self._exists_at.items()}

        def missing(principal: str) -> bool:
            of_nobody = policy_text.is_unique_id(principal) and not is_id_of_role(principal)
            by_default = math.inf if of_nobody or self._roles.was_deleted(principal) else 0.0
            return time.monotonic() < exists_at.get(principal, by_default)

        missing_message = policy_text.NOT_FOUND if self.settings.principal_not_found_message else None
        try:
            accepted = policy_text.accept(text, partition, missing, missing_message, force, grammar)
        except policy_text.PolicyRefused as refused:
            raise invalid(parameter, str(refused)) from None
        return self._roles.stored(accepted)

    def _shown(self, text: str) -> str:
        if isinstance(text, Verbatim):
            return text
        with self._lock:
            return policy_text.answer(shown(text), self._order)

    def _token(self, backend: ECRBackend, _params: dict[str, Any]) -> dict[str, Any]:
        """Leads a client that pushes to this server."""
        token = b64encode(f"AWS:{backend.account_id}/{backend.region_name}".encode()).decode()
        expires = time.time() + 12 * 60 * 60
        data = {"authorizationToken": token, "expiresAt": expires, "proxyEndpoint": self.url}
        return {"authorizationData": [data]}

    def _describe(self, backend: ECRBackend, params: dict[str, Any]) -> dict[str, Any]:
        names, size, token = (params.get(name) for name in ("repositoryNames", "maxResults", "nextToken"))
        if names is not None:
            if size is not None or token is not None:
                raise invalid("maxResults", "must not be given together with repositoryNames")
            if not 1 <= len(names) <= 100:
                raise invalid("repositoryNames", "must have between 1 and 100 members")
            return {"repositories": [_described(_repository(backend, name)) for name in names]}
        names, token = page(list(backend.repositories), params)
        return {"repositories": [_described(_repository(backend, name)) for name in names], **token}


def caller(headers: Mapping[str, str]) -> tuple[str, str]:
    """Account, as moto finds it, and region of a signed request."""
    response = BaseResponse()
    response.headers, response.querystring = headers, {}
    return response.get_current_account(), headers["Authorization"].split("/")[2]


def _templates_of(operation: str, params: Mapping[str, Any]) -> list[str] | list[None]:
    """The templates that a call names, ``*`` for all, and None for another call."""
    if not operation.endswith(("CreationTemplate", "CreationTemplates")):
        return [None]
    return params.get("prefixes") or [params.get("prefix") or "*"]


def _touched(operation: str, params: Mapping[str, Any]) -> str | None:
    """The one repository or template that a call is for, if there is one."""
    templates = _templates_of(operation, params)
    if len(templates) == 1 and templates[0] not in (None, "*"):
        return f"template {templates[0]}"
    return params.get("repositoryName")


def _access_denied(operation: str, name: str, backend: ECRBackend) -> ServiceException:
    partition = get_partition(backend.region_name)
    action = f"ecr:{operation}"
    resource = f"on resource: arn:{partition}:ecr:{backend.region_name}:{backend.account_id}:repository/{name} "
    if operation in _OF_OWN_REGISTRY:
        resource = "on resource: * "
    if operation == "GetResources":
        action, resource = f"tag:{operation}", ""
    return ServiceException(
        "AccessDeniedException",
        f"User: arn:{partition}:iam::{backend.account_id}:user/embedded is not authorized to perform: {action} "
        f"{resource}because no identity-based policy allows the {action} action",
    )


def _repository(backend: ECRBackend, name: str) -> Repository:
    try:
        return backend.repositories[name]
    except KeyError:
        raise RepositoryNotFoundException(name, backend.account_id) from None


def _with_policy(backend: ECRBackend, params: dict[str, Any]) -> tuple[Repository, str]:
    repository = _repository(backend, params["repositoryName"])
    text = repository.policy
    if text is None:
        raise RepositoryPolicyNotFoundException(repository.name, backend.account_id)
    return repository, text


def _described(repository: Repository) -> dict[str, Any]:
    filters = repository.image_tag_mutability_exclusion_filters
    return {
        "repositoryArn": repository.arn,
        "registryId": repository.registry_id,
        "repositoryName": repository.name,
        "repositoryUri": repository.uri,
        "createdAt": unix_time(repository.created_at),
        "imageTagMutability": repository.image_tag_mutability,
        "imageScanningConfiguration": repository.image_scanning_configuration,
        "encryptionConfiguration": repository.encryption_configuration,
    } | ({"imageTagMutabilityExclusionFilters": filters} if filters else {})
