# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The questions to AWS. Each probe makes what it needs, asks, and returns the answers; what AWS says is never wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from ansible_collections.imageshare.aws.tests.acceptance import belongings
from ansible_collections.imageshare.aws.tests.acceptance.account import ACCEPTED, answered, said
from ansible_collections.imageshare.aws.tests.acceptance.belongings import listed, meaning
from ansible_collections.imageshare.aws.tests.acceptance.image import TAG, PushRefused, push
from ansible_collections.imageshare.aws.tests.acceptance.stage import (
    LAMBDA_PULL,
    NOBODY,
    PULL,
    Answers,
    NotTried,
    Stage,
    allow,
)
from botocore.exceptions import ClientError

LONGEST = 10_240
_READS = 10
_LAMBDA = {"Service": "lambda.amazonaws.com"}


@dataclass(frozen=True)
class Probe:
    """Args:
    ask: What asks.
    about: What it is to find out.
    needs: What must be asked for, beside repositories: consumer, or kinds of Belongings.
    """

    ask: Callable[[Stage], Answers]
    about: str
    needs: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        return self.ask.__name__


# What comes back.


def rewriting(stage: Stage) -> Answers:
    name = stage.ours.repository("rewriting")
    patterns = [f"{stage.owner.root}/b", f"{stage.owner.root}/a"]
    statement = {
        "Condition": {"StringLike": {"aws:PrincipalArn": patterns}},
        "Action": ["ecr:ListImages", "ecr:BatchGetImage"],
        "Principal": {"AWS": stage.owner.id},
        "Effect": "Allow",
        "Sid": "Odd",
    }
    sent = {"Statement": [statement], "Id": "acceptance", "Version": "2012-10-17"}
    stage.owner.ecr.set_repository_policy(repositoryName=name, policyText=json.dumps(sent))
    text = stage.get(name) or ""
    policy = json.loads(text)
    (found,) = policy["Statement"]
    (values,) = found["Condition"]["StringLike"].values()
    answers = {
        "members of a policy": ", ".join(policy),
        "members of a statement": ", ".join(found),
        "an account id as principal": json.dumps(found["Principal"]["AWS"]),
        "two actions": ", ".join(found["Action"]),
        "two values of a condition": "as sent" if values == patterns else json.dumps(values),
        "the text begins with": json.dumps(text[:40]),
    }
    stage.set(name, allow([stage.owner.root], ["ecr:BatchGetImage"]))
    read = [json.loads(stage.get(name) or "")["Statement"][0] for _time in range(_READS)]
    answers["a list of one action"] = _kinds(one["Action"] for one in read)
    answers["a list of one principal"] = _kinds(one["Principal"]["AWS"] for one in read)
    stage.set(name, allow([stage.owner.root, stage.owner.root]))
    answers["a principal twice"] = json.dumps(json.loads(stage.get(name) or "")["Statement"][0]["Principal"]["AWS"])
    others: dict[str, Any] = {
        "no Version": {"Statement": [allow(stage.owner.root)]},
        "a statement that is in no list": {"Version": "2012-10-17", "Statement": allow(stage.owner.root)},
        "letters of actions": {"Version": "2012-10-17", "Statement": [allow(stage.owner.root, "ECR:batchgetIMAGE")]},
        "a condition on an organization": {
            "Version": "2012-10-17",
            "Statement": [allow("*", Condition={"StringEquals": {"aws:PrincipalOrgID": ["o-a1b2c3d4e5"]}})],
        },
        "a number and a boolean in a condition": {
            "Version": "2012-10-17",
            "Statement": [
                allow(
                    stage.owner.root,
                    Condition={
                        "NumericLessThan": {"aws:MultiFactorAuthAge": 100},
                        "Bool": {"aws:SecureTransport": True},
                    },
                )
            ],
        },
    }
    for what, other in others.items():
        answers[what] = _stored(stage, name, other)
    return answers


def _kinds(values: Any) -> str:
    return " or ".join(sorted({"a list" if isinstance(value, list) else "a text" for value in values}))


def _stored(stage: Stage, name: str, policy: Mapping[str, Any]) -> str:
    try:
        stage.owner.ecr.set_repository_policy(repositoryName=name, policyText=json.dumps(policy))
    except ClientError as error:
        return said(error)
    found = json.loads(stage.get(name) or "")
    # Which of the two a list of one principal is, has a question of its own.
    for one in listed(found["Statement"]):
        if isinstance(one["Principal"], dict):
            one["Principal"] = {kind: listed(named) for kind, named in one["Principal"].items()}
    return json.dumps(found)


def order_of_principals(stage: Stage) -> Answers:
    name = stage.ours.repository("order-of-principals")
    roles = [stage.ours.role(f"order-{letter}") for letter in "dbca"]
    _with_young_role(stage, lambda: stage.set(name, allow(roles)))
    read = [json.loads(stage.get(name) or "")["Statement"][0]["Principal"]["AWS"] for _time in range(_READS)]
    return {
        "ids or ARNs": "the ARNs that were sent" if all(sorted(one) == sorted(roles) for one in read) else "others",
        "order": "as sent"
        if all(one == roles for one in read)
        else "another, always the same"
        if all(one == read[0] for one in read)
        else "another at each read",
    }


# Refusals.


def refusals(stage: Stage) -> Answers:
    name = stage.ours.repository("refusals")
    root, ecr = stage.owner.root, stage.owner.ecr
    fine = allow(root)
    own, foreign = stage.owner.repository_arn(name), stage.owner.repository_arn(f"{stage.ours.prefix}/another")
    statements: dict[str, Any] = {
        "Resource of *": {**fine, "Resource": "*"},
        "Resource of the repository itself": {**fine, "Resource": own},
        "Resource of another repository": {**fine, "Resource": foreign},
        "NotResource": {**fine, "NotResource": foreign},
        "no Principal": {"Effect": "Allow", "Action": "ecr:BatchGetImage"},
        "NotPrincipal in an Allow": {"Effect": "Allow", "NotPrincipal": {"AWS": root}, "Action": "ecr:BatchGetImage"},
        "NotPrincipal in a Deny": {"Effect": "Deny", "NotPrincipal": {"AWS": root}, "Action": "ecr:BatchGetImage"},
        "no Action": {"Effect": "Allow", "Principal": {"AWS": root}},
        "an action of another service": allow(root, "s3:GetObject"),
        "an action that does not exist": allow(root, "ecr:PullEverything"),
        "an action without a service": allow(root, "BatchGetImage"),
        "an unknown member": {**fine, "Comment": "none"},
        "an Effect of neither kind": {**fine, "Effect": "Perhaps"},
        "an empty list of principals": allow([]),
        "an organization as principal": allow("o-a1b2c3d4e5"),
        "a service as principal": allow(_LAMBDA),
        "a service that does not exist": allow({"Service": "nobody.amazonaws.com"}),
        "an account that does not exist": allow("000000000000"),
        "a role that does not exist": allow(f"{root.removesuffix('root')}role/{stage.ours.prefix}-never"),
        "the id of a role that does not exist": allow(NOBODY),
        "a pattern as principal": allow(f"{root.removesuffix('root')}role/*"),
        "an unknown condition operator": {**fine, "Condition": {"Resembles": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}},
        "an unknown condition key": {**fine, "Condition": {"StringEquals": {"aws:Nothing": "none"}}},
        "a Sid with a space": {**fine, "Sid": "Two words"},
    }
    policies: dict[str, Any] = {
        **{what: {"Version": "2008-10-17", "Statement": [one]} for what, one in statements.items()},
        "a Sid twice": {"Version": "2008-10-17", "Statement": [{**fine, "Sid": "Twice"}, {**fine, "Sid": "Twice"}]},
        "no statements": {"Version": "2008-10-17", "Statement": []},
        "an unknown Version": {"Version": "2020-01-01", "Statement": [fine]},
        "an unknown member of the policy": {"Version": "2008-10-17", "Statement": [fine], "Comment": "none"},
    }
    texts = {
        **{what: json.dumps(policy) for what, policy in policies.items()},
        "no JSON": "{",
        "a member twice": json.dumps(policies["Resource of *"]).replace('"Resource": "*"', '"Sid": "A", "Sid": "B"'),
        "10,240 characters": _padded(fine, LONGEST),
        "10,241 characters": _padded(fine, LONGEST + 1),
        "10,241 characters, of which many are spaces": json.dumps({"Statement": [fine]}).ljust(LONGEST + 1),
    }
    answers = {
        what: answered(partial(ecr.set_repository_policy, repositoryName=name, policyText=text))
        for what, text in texts.items()
    }
    if stage.get(name) is not None:
        ecr.delete_repository_policy(repositoryName=name)
    answers["read a policy that is not there"] = answered(lambda: ecr.get_repository_policy(repositoryName=name))
    answers["delete a policy that is not there"] = answered(lambda: ecr.delete_repository_policy(repositoryName=name))
    gone = f"{stage.ours.prefix}/never"
    answers["read a policy of no repository"] = answered(lambda: ecr.get_repository_policy(repositoryName=gone))
    return answers


def lock_out(stage: Stage) -> Answers:
    name = stage.ours.repository("lock-out")
    # It can still be deleted, with or without its policy.
    deny = {"Effect": "Deny", "Principal": "*", "Action": "ecr:SetRepositoryPolicy"}
    ecr = stage.owner.ecr
    return {
        "a Deny of another policy": answered(lambda: stage.set(name, deny)),
        "the same with force": answered(lambda: stage.set(name, deny, force=True)),
        "another policy then": answered(lambda: stage.set(name, allow(stage.owner.root))),
        "delete it then": answered(lambda: ecr.delete_repository_policy(repositoryName=name)),
    }


def _padded(statement: Mapping[str, Any], length: int) -> str:
    """A policy of this length, most of which is a Sid."""
    text = json.dumps({"Version": "2008-10-17", "Statement": [{"Sid": "", **statement}]}, separators=(",", ":"))
    return text.replace('"Sid":""', f'"Sid":"{"A" * (length - len(text))}"')


# Principals that come and go.


def new_principal(stage: Stage) -> Answers:
    name = stage.ours.repository("new-principal")
    role = stage.ours.role("new")
    at_once = answered(lambda: stage.set(name, allow(role)))
    return {
        "a role that was made a moment ago": at_once,
        "a while later": _once_accepted(stage, lambda: stage.set(name, allow(role))),
    }


def deleted_principal(stage: Stage) -> Answers:
    name = stage.ours.repository("deleted-principal")
    role = stage.ours.role("deleted")
    statements = (allow(role, Sid="Role"), allow(stage.owner.root, Sid="Root"))
    _with_young_role(stage, lambda: stage.set(name, *statements))
    stage.ours.delete_role("deleted")

    def shown() -> str:
        return _principal_of("Role", stage.get(name))

    stage.until(lambda: shown() != role)
    text = stage.get(name) or ""
    ecr = stage.owner.ecr
    answers = {
        "what is shown": shown(),
        "set what was read": answered(lambda: ecr.set_repository_policy(repositoryName=name, policyText=text)),
        "set its ARN": answered(lambda: stage.set(name, allow(role))),
    }
    again = stage.ours.role("deleted")
    stage.until(lambda: shown() == again)
    answers["what is shown once there is another of its name"] = shown()
    return answers


def _principal_of(sid: str, text: str | None) -> str:
    """The one principal of a statement."""
    found = next(one for one in json.loads(text or "")["Statement"] if one.get("Sid") == sid)
    return str(listed(found["Principal"]["AWS"])[0])


def _with_young_role(stage: Stage, do: Callable[[], Any]) -> None:
    """Do something with a role that was made a moment ago, as soon as AWS knows it."""
    if (refused := _once_accepted(stage, do)) != ACCEPTED:
        raise NotTried(f"a role that was made before was refused: {refused}")


def _once_accepted(stage: Stage, do: Callable[[], Any]) -> str:
    return stage.settled(lambda: answered(do), lambda answer: answer == ACCEPTED)


# The policy of the registry.


def registry_scope(stage: Stage) -> Answers:
    return {"scope": belongings.registry_scope(stage.owner)}


def older_scope(stage: Stage) -> Answers:
    found = belongings.registry_scope(stage.owner)
    if found != "V2":
        raise NotTried(f"the scope is {found}, and might not come back")
    put = partial(stage.owner.ecr.put_account_setting, name="REGISTRY_POLICY_SCOPE", value="V1")
    try:
        return {"put V1": answered(put)}
    finally:
        stage.ours.restore_registry_scope()


def registry_policy(stage: Stage) -> Answers:
    resource = stage.ours.resource()
    fine = {**allow(stage.owner.id), "Resource": resource}
    answers: Answers = {}
    with stage.registry_policy({**fine, "Action": list(PULL[::-1]), "Sid": "Odd"}):
        policy = json.loads(stage.ours.registry_policy() or "")
        (found,) = (one for one in policy["Statement"] if one.get("Sid") == "Odd")
        answers["members of a statement"] = ", ".join(found)
        answers["an account id as principal"] = json.dumps(listed(found["Principal"]["AWS"])[0])
        answers["order of actions"] = "as sent" if found["Action"] == list(PULL[::-1]) else ", ".join(found["Action"])
    organization = {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}
    statements: dict[str, Any] = {
        # Without a Resource it would not be told apart from those of others, but for this Sid.
        "no Resource": allow(stage.owner.root, Sid=stage.ours.sid),
        "a pattern of repositories": fine,
        "a list of two": {**fine, "Resource": [resource, stage.ours.resource("a/*")]},
        "a question mark": {**fine, "Resource": stage.ours.resource("?")},
        "* with an organization": {**allow("*", Condition=organization), "Resource": resource},
        "a service": {**allow(_LAMBDA, LAMBDA_PULL), "Resource": resource},
        "NotPrincipal in a Deny": {
            "Effect": "Deny",
            "NotPrincipal": {"AWS": stage.owner.root},
            "Action": "ecr:PutImage",
            "Resource": resource,
        },
        "all of ECR": {**fine, "Action": "ecr:*"},
        "an action of another service": {**fine, "Action": "s3:GetObject"},
        "an account that does not exist": {**fine, "Principal": {"AWS": "000000000000"}},
        "the id of a role that does not exist": {**fine, "Principal": {"AWS": NOBODY}},
    }
    for what, statement in statements.items():
        answers[what] = answered(partial(stage.ours.put_in_registry_policy, statement))
        stage.ours.put_in_registry_policy()
    return answers


def deleted_principal_in_registry_policy(stage: Stage) -> Answers:
    role = stage.ours.role("registry")
    statement = {**allow(role, Sid=stage.ours.sid), "Resource": stage.ours.resource()}
    put = stage.ours.put_in_registry_policy
    _with_young_role(stage, lambda: put(statement))

    def shown() -> str:
        return _principal_of(stage.ours.sid, stage.ours.registry_policy())

    try:
        stage.ours.delete_role("registry")
        stage.until(lambda: shown() != role)
        text = stage.ours.registry_policy()
        return {
            "what is shown": shown(),
            "put what was read": answered(lambda: stage.owner.ecr.put_registry_policy(policyText=text)),
        }
    finally:
        put()


# Pulls of another account.


def pull_by_repository_policy(stage: Stage) -> Answers:
    name = _with_image(stage, "pull-by-repository-policy")
    before = stage.pull(name)
    stage.set(name, allow(stage.other.id))
    return {"without a policy": before, "with one": stage.pulls(name, in_the_end=True)}


def pull_by_registry_policy(stage: Stage) -> Answers:
    name = _with_image(stage, "pull-by-registry-policy")
    before = stage.pull(name)
    with stage.registry_policy({**allow(stage.other.root), "Resource": stage.ours.resource()}):
        after = stage.pulls(name, in_the_end=True)
    return {
        "without a policy": before,
        "by the policy of the registry alone": after,
        "once that is gone": stage.pulls(name, in_the_end=False),
    }


def pull_by_organization(stage: Stage) -> Answers:
    name = _with_image(stage, "pull-by-organization")
    try:
        stage.organization = stage.other.organizations.describe_organization()["Organization"]["Id"]
    except ClientError as error:
        raise NotTried(f"the organization of the second account is not known: {said(error)}") from None
    statement = allow("*", Condition={"StringEquals": {"aws:PrincipalOrgID": stage.organization}})
    with stage.registry_policy({**statement, "Resource": stage.ours.resource()}):
        by_registry = stage.pulls(name, in_the_end=True)
    stage.pulls(name, in_the_end=False)
    stage.set(name, statement)
    return {
        "by the policy of the registry alone": by_registry,
        "by the policy of the repository": stage.pulls(name, in_the_end=True),
    }


def deny_against_allow(stage: Stage) -> Answers:
    name = _with_image(stage, "deny-against-allow")
    resource, root = stage.ours.resource(), stage.other.root
    deny = {**allow(root), "Effect": "Deny"}
    stage.set(name, allow(root))
    stage.pulls(name, in_the_end=True)
    with stage.registry_policy({**deny, "Resource": resource}):
        by_registry = stage.pulls(name, in_the_end=False)
    stage.set(name, deny)
    with stage.registry_policy({**allow(root), "Resource": resource}):
        by_repository = stage.pulls(name, in_the_end=False)
    return {
        "a Deny of the registry, an Allow of the repository": by_registry,
        "a Deny of the repository, an Allow of the registry": by_repository,
    }


def lambda_pull(stage: Stage) -> Answers:
    name = _with_image(stage, "lambda-pull")
    other, functions = stage.other, stage.other.functions
    role = stage.ours.role("lambda", other)
    arn = f"arn:{other.partition}:lambda:{other.region}:{other.id}:function:*"
    condition = {"StringLike": {"aws:SourceArn": arn}}
    statements = (allow(other.root), allow(_LAMBDA, LAMBDA_PULL, Condition=condition))
    suffix = "amazonaws.com.cn" if other.partition == "aws-cn" else "amazonaws.com"
    uri = f"{stage.owner.id}.dkr.ecr.{stage.owner.region}.{suffix}/{name}:{TAG}"

    def create(name: str) -> str:
        # A new role cannot be assumed at once, and a policy may take its time.
        function = {"FunctionName": f"{stage.ours.prefix}-{name}", "PackageType": "Image", "Role": role}
        return _once_accepted(stage, lambda: functions.create_function(**function, Code={"ImageUri": uri}))

    answers = {"without a policy": create("none")}
    if "registry" in stage.asked:
        resource = {"Resource": stage.ours.resource()}
        with stage.registry_policy(*({**one, **resource} for one in statements)):
            answers["by the policy of the registry alone"] = create("registry")
    stage.set(name, *statements)
    answers["by the policy of the repository"] = create("repository")
    return answers


def _with_image(stage: Stage, name: str) -> str:
    """A repository with an image."""
    # Before anything is made.
    _ = stage.other
    whole = stage.ours.repository(name)
    push(stage.owner, whole)
    return whole


# Creation templates.


def template_update(stage: Stage) -> Answers:
    ecr = stage.owner.ecr
    lifecycle = json.dumps(
        {
            "rules": [
                {
                    "rulePriority": 1,
                    "selection": {
                        "tagStatus": "untagged",
                        "countType": "sinceImagePushed",
                        "countUnit": "days",
                        "countNumber": 1,
                    },
                    "action": {"type": "expire"},
                }
            ]
        }
    )
    policy = json.dumps({"Version": "2008-10-17", "Statement": [allow(stage.owner.root)]})
    prefix = stage.ours.template(
        "template-update",
        description="Of the acceptance",
        imageTagMutability="IMMUTABLE",
        appliedFor=["REPLICATION"],
        lifecyclePolicy=lifecycle,
        repositoryPolicy=policy,
    )

    def now() -> dict[str, Any]:
        answer = ecr.describe_repository_creation_templates(prefixes=[prefix])
        return dict(answer["repositoryCreationTemplates"][0])

    before = now()
    ecr.update_repository_creation_template(prefix=prefix, description="Of the acceptance, again")
    after = now()
    fields = ("lifecyclePolicy", "repositoryPolicy", "appliedFor", "encryptionConfiguration")
    emptied = answered(
        lambda: ecr.update_repository_creation_template(
            prefix=prefix, imageTagMutability="IMMUTABLE", repositoryPolicy=""
        )
    )
    return {
        "imageTagMutability, left out of an update": after["imageTagMutability"],
        **{
            f"{one}, left out of an update": "kept" if _same(one, before[one], after.get(one)) else str(after.get(one))
            for one in fields
        },
        "an empty repositoryPolicy": emptied,
        "what is left of the policy then": json.dumps(now().get("repositoryPolicy")),
        "the prefix that is shown": before["prefix"],
        "update what is not there": answered(
            lambda: ecr.update_repository_creation_template(prefix=f"{prefix}-never", description="none")
        ),
        "read what is not there": answered(
            lambda: ecr.describe_repository_creation_templates(prefixes=[f"{prefix}-never"])
        ),
        "a policy with a Resource": answered(
            lambda: ecr.update_repository_creation_template(
                prefix=prefix,
                imageTagMutability="IMMUTABLE",
                repositoryPolicy=policy.replace('"Effect"', '"Resource": "*", "Effect"'),
            )
        ),
        "a policy with a role that does not exist": answered(
            lambda: ecr.update_repository_creation_template(
                prefix=prefix, imageTagMutability="IMMUTABLE", repositoryPolicy=policy.replace(stage.owner.root, NOBODY)
            )
        ),
    }


def _same(field: str, one: Any, other: Any) -> bool:
    if field == "repositoryPolicy":
        return bool(meaning(one) == meaning(other))
    return bool(json.loads(one) == json.loads(other) if field == "lifecyclePolicy" else one == other)


def template_at_creation(stage: Stage) -> Answers:
    policy = {"Version": "2008-10-17", "Statement": [allow(stage.owner.root, Sid="OfTheTemplate")]}
    # ECR takes the template with the longest prefix. What if that one is not for a push?
    outer = stage.ours.template("created", appliedFor=["CREATE_ON_PUSH"], repositoryPolicy=json.dumps(policy))
    inner = f"{stage.ours.prefix}/created/cache"
    stage.ours.template("created/cache", appliedFor=["PULL_THROUGH_CACHE"])
    return {
        "a push below a template for pushes": _pushed(stage, f"{outer}/one"),
        "a push below a longer one that is for caches": _pushed(stage, f"{inner}/one"),
        "a push below no template": _pushed(stage, f"{stage.ours.prefix}/uncreated/one"),
    }


def template_with_deleted_principal(stage: Stage) -> Answers:
    role = stage.ours.role("template")
    policy = json.dumps({"Version": "2008-10-17", "Statement": [allow(role, Sid="OfTheTemplate")]})
    ecr = stage.owner.ecr
    prefix = stage.ours.template("dead", appliedFor=["CREATE_ON_PUSH"])

    def give() -> Any:
        return ecr.update_repository_creation_template(prefix=prefix, repositoryPolicy=policy)

    at_once = answered(give)
    _with_young_role(stage, give)
    stage.ours.delete_role("template")

    def text() -> str:
        (found,) = ecr.describe_repository_creation_templates(prefixes=[prefix])["repositoryCreationTemplates"]
        return str(found["repositoryPolicy"])

    stage.until(lambda: role not in text())
    return {
        "a role that was made a moment ago": at_once,
        "what is shown once it was deleted": _principal_of("OfTheTemplate", text()),
        "a push then": _pushed(stage, f"{prefix}/one"),
    }


def _pushed(stage: Stage, name: str) -> str:
    """What becomes of a push to a repository that is not there."""
    try:
        push(stage.owner, name)
    except PushRefused as refused:
        return str(refused)
    text = stage.get(name)
    if text is None:
        return "created, without a policy"
    (statement,) = json.loads(text)["Statement"]
    return f"created, with the statement {statement['Sid']} for {_principal_of(statement['Sid'], text)}"


PROBES = (
    Probe(rewriting, "what comes back of a policy that was sent"),
    Probe(order_of_principals, "whether principals keep their order", frozenset({"roles"})),
    Probe(refusals, "what AWS refuses, and its words"),
    Probe(lock_out, "a policy that keeps its owner from setting another"),
    Probe(new_principal, "a role that was made a moment ago", frozenset({"roles"})),
    Probe(deleted_principal, "what becomes of a role in a policy when it is deleted", frozenset({"roles"})),
    Probe(registry_scope, "which scope the policy of the registry has"),
    Probe(older_scope, "whether the older scope can still be set", frozenset({"scope"})),
    Probe(registry_policy, "what the policy of a registry may be", frozenset({"registry"})),
    Probe(
        deleted_principal_in_registry_policy,
        "what becomes of a role in the policy of a registry when it is deleted",
        frozenset({"registry", "roles"}),
    ),
    Probe(pull_by_repository_policy, "a pull of another account, as everybody does it", frozenset({"consumer"})),
    Probe(
        pull_by_registry_policy,
        "a pull of another account by the policy of the registry alone",
        frozenset({"consumer", "registry"}),
    ),
    Probe(pull_by_organization, "the same by a condition on an organization", frozenset({"consumer", "registry"})),
    Probe(
        deny_against_allow,
        "whether a Deny in one of the two policies defeats an Allow in the other",
        frozenset({"consumer", "registry"}),
    ),
    Probe(lambda_pull, "which policy lets Lambda pull", frozenset({"consumer", "lambda"})),
    Probe(template_update, "what an update of a creation template keeps", frozenset({"templates"})),
    Probe(template_at_creation, "which template a new repository gets", frozenset({"templates"})),
    Probe(
        template_with_deleted_principal,
        "what becomes of a push if the template names a role that was deleted",
        frozenset({"templates", "roles"}),
    ),
)
