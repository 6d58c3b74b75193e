# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run makes in an account, and how all of it is found and taken away again, by that run or by another.

Everything has a name below a prefix of its own, C(imageshare-acceptance-) and eight random characters. The first that
is made is a repository C(PREFIX/run), with a tag that says what else there may be, and it is the last that is taken
away. So a later run finds what one that was killed has left. The policy of the registry is saved before it is touched.
All that is added to it is about repositories below the prefix, or has a Sid of the run; that is how it is told apart
from what others have there.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ansible_collections.imageshare.aws.tests.acceptance.account import Account, code, pages, said
from botocore.exceptions import BotoCoreError, ClientError

FAMILY = "imageshare-acceptance"
_RUN = rf"{FAMILY}-[0-9a-f]{{8}}"
_CONSUMER = f"{FAMILY}-consumer"
_MARK = "run"
_ASSUMED_BY_LAMBDA = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
# Of each: what it is, and what takes it away.
Deletions = list[tuple[str, Callable[[], Any]]]
_PATIENCE = 120.0
_SCOPE = "REGISTRY_POLICY_SCOPE"


@dataclass
class Belongings:
    """Those of one run.

    Args:
        owner: The account with the registry.
        consumer: Another account that pulls, if there is one.
        saved: The folder in which the policy of the registry is kept meanwhile.
        prefix: That of all names.
        kinds: What else there may be beside repositories: templates, roles, lambda, registry, scope.
        functions_in: The account that has the functions.
    """

    owner: Account
    consumer: Account | None
    saved: Path
    prefix: str = field(default_factory=lambda: f"{FAMILY}-{secrets.token_hex(4)}")
    kinds: frozenset[str] = frozenset()
    functions_in: str = ""
    _roles_made: list[tuple[Account, str]] = field(default_factory=list)

    def begin(self) -> None:
        self.repository(_MARK)

    def repository(self, name: str, **fields: Any) -> str:
        """Make a repository, and return its whole name."""
        whole = f"{self.prefix}/{name}"
        tags = [{"Key": FAMILY, "Value": " ".join(sorted(self.kinds))}, {"Key": _CONSUMER, "Value": self.functions_in}]
        self.owner.ecr.create_repository(repositoryName=whole, tags=tags, **fields)
        return whole

    def role(self, name: str, account: Account | None = None) -> str:
        """Make a role that may do nothing and that Lambda alone can assume, and return its ARN."""
        where, whole = account or self.owner, f"{self.prefix}-{name}"
        self._roles_made.append((where, whole))
        answer = where.iam.create_role(
            Path=f"/{self.prefix}/",
            RoleName=whole,
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [_ASSUMED_BY_LAMBDA]}),
            Tags=[{"Key": FAMILY, "Value": self.prefix}],
        )
        return str(answer["Role"]["Arn"])

    def delete_role(self, name: str) -> None:
        self.owner.iam.delete_role(RoleName=f"{self.prefix}-{name}")

    def template(self, name: str, **fields: Any) -> str:
        whole = f"{self.prefix}/{name}"
        self.owner.ecr.create_repository_creation_template(prefix=whole, **fields)
        return whole

    def resource(self, name: str = "*") -> str:
        """The ARN of repositories below the prefix, for a statement of the registry's policy."""
        return self.owner.repository_arn(f"{self.prefix}/{name}")

    # The policy of the registry.

    @property
    def sid(self) -> str:
        """What tells a statement of this run in the policy of the registry that names no repository."""
        return "".join(word.capitalize() for word in self.prefix.split("-"))

    def registry_policy(self) -> str | None:
        return registry_policy(self.owner)

    def save_registry_policy(self) -> None:
        self.saved.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"policyText": self.registry_policy()})
        self._file.write_text(text, encoding="utf-8")

    def put_in_registry_policy(self, *statements: Mapping[str, Any]) -> None:
        """Have these beside what others have there, in place of all that this run has put there before."""
        policy = self._policy_of_others()
        self._store(_text_of({**policy, "Statement": [*policy["Statement"], *statements]}))

    def restore_registry_policy(self) -> str:
        """Take out what this run has put there, and return what was done.

        If nobody else has changed the policy meanwhile, that is the saved text, to the letter.
        """
        saved = json.loads(self._file.read_text(encoding="utf-8")) if self._file.exists() else {}
        before = saved.get("policyText")
        policy = self._policy_of_others()
        unchanged = bool(saved) and meaning(json.dumps(policy)) == meaning(before)
        self._store(before if unchanged else _text_of(policy))
        if not saved:
            return "what this run had in the policy of the registry"
        self._file.unlink()
        if unchanged:
            return "what this run had in the policy of the registry, which is as it was"
        return "what this run had in the policy of the registry; others have changed it meanwhile, which is kept"

    def restore_registry_scope(self) -> None:
        """Where it was not V2, it was never touched."""
        if registry_scope(self.owner) != "V2":
            self.owner.ecr.put_account_setting(name=_SCOPE, value="V2")

    def _policy_of_others(self) -> dict[str, Any]:
        policy = json.loads(self.registry_policy() or '{"Version": "2012-10-17", "Statement": []}')
        statements = listed(policy["Statement"])
        return {**policy, "Statement": [one for one in statements if self._is_of_others(one)]}

    def _is_of_others(self, statement: Any) -> bool:
        return f"repository/{self.prefix}/" not in json.dumps(statement) and statement.get("Sid") != self.sid

    def _store(self, text: str | None) -> None:
        found = self.registry_policy()
        if meaning(text) == meaning(found):
            # A policy of others that AWS would refuse today can stay, but it cannot be put.
            return
        if text is None:
            self.owner.ecr.delete_registry_policy()
        else:
            self.owner.ecr.put_registry_policy(policyText=text)

    @property
    def _file(self) -> Path:
        return self.saved / f"registry-policy-{self.prefix}.json"

    # Cleaning up.

    def clean(self) -> tuple[list[str], list[str]]:
        """Take away all that there is. Returns what went, and what could not be taken away, with what AWS said."""
        gone: list[str] = []
        left: list[str] = []

        def attempt(what: str, do: Callable[[], Any]) -> None:
            try:
                done = do()
            except (ClientError, BotoCoreError) as error:
                if not isinstance(error, ClientError) or code(error) not in _GONE_ALREADY:
                    left.append(f"{what}: {said(error)}")
            else:
                gone.append(done if isinstance(done, str) else what)

        if "registry" in self.kinds:
            attempt("the policy of the registry", self.restore_registry_policy)
        if "scope" in self.kinds:
            attempt("what this run had as the scope of the registry's policy", self.restore_registry_scope)
        for what, do in self._found(left):
            attempt(what, do)
        mark = f"{self.prefix}/{_MARK}"
        if not left:
            attempt(f"repository {mark}", lambda: self._delete_repository(mark))
        return gone, left

    def _found(self, left: list[str]) -> Iterator[tuple[str, Callable[[], Any]]]:
        """What there is, in the order in which it can go, and how."""
        listings: list[tuple[str, Callable[[], Deletions]]] = []
        if "lambda" in self.kinds and (self.consumer is None or self.consumer.id != self.functions_in):
            left.append(f"functions and a role in account {self.functions_in}: give its --consumer-profile")
        elif self.consumer and "lambda" in self.kinds:
            listings += [
                ("functions", partial(self._functions, self.consumer)),
                ("roles of the second account", partial(self._roles, self.consumer)),
            ]
        if "roles" in self.kinds:
            listings.append(("roles", partial(self._roles, self.owner)))
        if "templates" in self.kinds:
            listings.append(("templates", self._templates))
        listings.append(("repositories", self._repositories))
        for what, find in listings:
            try:
                yield from find()
            except (ClientError, BotoCoreError) as error:
                left.append(f"{what}: {said(error)}")

    def _functions(self, account: Account) -> Deletions:
        names = [one["FunctionName"] for one in pages(account.functions.list_functions, "Functions")]
        return [
            (f"function {name}", partial(self._delete_function, account, name))
            for name in names
            if name.startswith(f"{self.prefix}-")
        ]

    def _roles(self, account: Account) -> Deletions:
        listed_now = pages(account.iam.list_roles, "Roles", PathPrefix=f"/{self.prefix}/")
        # A role that was made a moment ago may not be listed yet.
        names = {one["RoleName"] for one in listed_now} | {name for where, name in self._roles_made if where is account}
        return [(f"role {name}", partial(account.iam.delete_role, RoleName=name)) for name in sorted(names)]

    def _templates(self) -> Deletions:
        ecr = self.owner.ecr
        found = pages(ecr.describe_repository_creation_templates, "repositoryCreationTemplates")
        prefixes = [one["prefix"] for one in found if one["prefix"].startswith(f"{self.prefix}/")]
        delete = ecr.delete_repository_creation_template
        return [(f"template {prefix}", partial(delete, prefix=prefix)) for prefix in prefixes]

    def _repositories(self) -> Deletions:
        names = [one["repositoryName"] for one in pages(self.owner.ecr.describe_repositories, "repositories")]
        return [
            (f"repository {name}", partial(self._delete_repository, name))
            for name in names
            if name.startswith(f"{self.prefix}/") and name != f"{self.prefix}/{_MARK}"
        ]

    def _delete_function(self, account: Account, name: str) -> None:
        def deleted() -> bool:
            try:
                account.functions.delete_function(FunctionName=name)
            except ClientError as error:
                # Lambda is still at work on a function that is new.
                if code(error) != "ResourceConflictException":
                    raise
                return False
            return True

        if not account.stop.until(deleted, _PATIENCE):
            account.functions.delete_function(FunctionName=name)

    def _delete_repository(self, name: str) -> None:
        self.owner.ecr.delete_repository(repositoryName=name, force=True)


_GONE_ALREADY = {
    "NoSuchEntity",
    "RepositoryNotFoundException",
    "ResourceNotFoundException",
    "TemplateNotFoundException",
}


def leftovers(owner: Account, consumer: Account | None, saved: Path) -> list[Belongings]:
    """What earlier runs have left, or runs that go on at this moment are using."""
    found = []
    for one in pages(owner.ecr.describe_repositories, "repositories"):
        if named := re.fullmatch(rf"({_RUN})/{_MARK}", one["repositoryName"]):
            answer = owner.ecr.list_tags_for_resource(resourceArn=one["repositoryArn"])
            tags = {tag["Key"]: tag["Value"] for tag in answer["tags"]}
            if FAMILY in tags:
                kinds = frozenset(tags[FAMILY].split())
                found.append(Belongings(owner, consumer, saved, named[1], kinds, tags.get(_CONSUMER, "")))
    return found


def registry_policy(account: Account) -> str | None:
    try:
        return str(account.ecr.get_registry_policy()["policyText"])
    except ClientError as error:
        if code(error) == "RegistryPolicyNotFoundException":
            return None
        raise


def registry_scope(account: Account) -> str:
    return str(account.ecr.get_account_setting(name=_SCOPE)["value"])


def _text_of(policy: Mapping[str, Any]) -> str | None:
    return json.dumps(policy) if policy["Statement"] else None


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def meaning(text: str | None) -> Any:
    """A policy without what has no weight in it: the order of lists, and whether a list of one is a list."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: plain(member) for name, member in sorted(value.items())}
        if isinstance(value, list):
            members = sorted((plain(member) for member in value), key=json.dumps)
            return members[0] if len(members) == 1 else members
        return value

    policy = json.loads(text) if text else {}
    return [plain(one) for one in listed(policy.get("Statement", []))]
