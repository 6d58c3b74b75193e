# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policy documents: what is read and what is refused, what is equal in meaning, and how it is printed."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._iam.arns import root_arn
from ansible_collections.imageshare.aws.plugins.module_utils._iam.document import (
    PolicyComparison,
    PolicyError,
    parse,
    serialise,
    statements,
)
from ansible_collections.imageshare.aws.tests.support import builders
from ansible_collections.imageshare.aws.tests.support.builders import EAST, OTHER_ROOT, ROOT, policy
from ansible_collections.imageshare.aws.tests.support.hostile_policies import KEPT, REFUSED
from ansible_collections.imageshare.aws.tests.support.realistic_policies import REALISTIC

allow = partial(builders.statement, Sid="s", Principal={"AWS": ROOT}, Action="ecr:BatchGetImage")


def one(**elements: Any) -> dict[str, Any]:
    """A policy of one statement, but for the given elements of it."""
    return policy(allow(**elements))


def when(**operators: Any) -> dict[str, Any]:
    return one(Condition=operators)


# --- parse ---


@pytest.mark.parametrize(("text", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_a_text_that_cannot_be_kept_to_the_letter_is_refused(text: str, reason: str) -> None:
    with pytest.raises(PolicyError) as refusal:
        parse(text)
    assert reason in str(refusal.value)


@pytest.mark.parametrize("text", KEPT.values(), ids=KEPT.keys())
def test_what_is_read_is_written_to_the_letter(text: str) -> None:
    assert serialise(parse(text)) == text


@pytest.mark.parametrize("document", REALISTIC.values(), ids=REALISTIC.keys())
def test_a_realistic_policy_is_read_however_it_is_indented(document: dict[str, Any]) -> None:
    assert parse(json.dumps(document, indent=3)) == document


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert parse('{"Statement":{"Sid":"\\ud83d\\udc33"}}') == {"Statement": {"Sid": "🐳"}}


def test_the_length_that_aws_limits_counts_characters() -> None:
    assert len(serialise(policy(Id="🐳"))) == len(serialise(policy(Id="x")))


STATEMENTS = {
    "none of no policy": (None, []),
    "none of an empty list": ({"Statement": []}, []),
    "one of an object": ({"Statement": {"Sid": "s"}}, [{"Sid": "s"}]),
    "all of a list, in order": ({"Statement": [{"Sid": "b"}, {"Sid": "a"}]}, [{"Sid": "b"}, {"Sid": "a"}]),
}


@pytest.mark.parametrize(("document", "expected"), STATEMENTS.values(), ids=STATEMENTS.keys())
def test_the_statements_of_a_policy(document: Any, expected: list[Any]) -> None:
    assert statements(document) == expected


# --- equal ---

SAME = {
    "no policy and no policy": (None, None),
    "the order of members": (one(), {"Statement": [dict(reversed(allow().items()))], "Version": "2008-10-17"}),
    "the order of statements": (policy(allow(Sid="a"), allow(Sid="b")), policy(allow(Sid="b"), allow(Sid="a"))),
    "the order of statements without Sid": (
        policy(allow(Sid=None), allow(Sid=None, Effect="Deny")),
        policy(allow(Sid=None, Effect="Deny"), allow(Sid=None)),
    ),
    "one statement as an object and as a list": ({"Statement": allow()}, {"Statement": [allow()]}),
    "the order of actions": (
        one(Action=["ecr:PutImage", "ecr:BatchGetImage"]),
        one(Action=["ecr:BatchGetImage", "ecr:PutImage"]),
    ),
    "an action as a scalar and in a list": (one(Action="ecr:*"), one(Action=["ecr:*"])),
    "an action that is listed twice": (one(Action=["ecr:*", "ecr:*"]), one(Action="ecr:*")),
    "the case of actions": (one(Action="ECR:batchgetimage"), one(Action="ecr:BatchGetImage")),
    "an action that is listed in two cases": (one(Action=["ecr:PutImage", "ecr:putimage"]), one(Action="ecr:PutImage")),
    "the case, order and scalar of NotAction": (
        one(Action=None, NotAction=["ecr:PutImage"]),
        one(Action=None, NotAction="ECR:PutImage"),
    ),
    "the order of principals": (one(Principal={"AWS": [ROOT, OTHER_ROOT]}), one(Principal={"AWS": [OTHER_ROOT, ROOT]})),
    "a principal as a scalar and in a list": (
        one(Principal={"Service": "lambda.amazonaws.com"}),
        one(Principal={"Service": ["lambda.amazonaws.com"]}),
    ),
    "the kinds of a principal in another order": (
        one(Principal={"AWS": ROOT, "Service": "ecs.amazonaws.com"}),
        one(Principal={"Service": "ecs.amazonaws.com", "AWS": ROOT}),
    ),
    "an account id and its root ARN": (one(Principal={"AWS": "111122223333"}), one(Principal={"AWS": ROOT})),
    "an account by both of its names and by one": (
        one(Principal={"AWS": [ROOT, "111122223333"]}),
        one(Principal={"AWS": "111122223333"}),
    ),
    "a star and a star in the map": (one(Principal="*"), one(Principal={"AWS": "*"})),
    "a star and a star in a list": (one(Principal="*"), one(Principal={"AWS": ["*", "*"]})),
    "the case of a condition's operator": (when(StringLike={"k": "a"}), when(stringLIKE={"k": "a"})),
    "the case of a condition's key": (
        when(StringLike={"aws:sourceARN": EAST}),
        when(StringLike={"aws:SourceArn": EAST}),
    ),
    "the order of operators and of keys": (
        when(Bool={"k": "true"}, StringLike={"a": "x", "b": "y"}),
        when(StringLike={"b": "y", "a": "x"}, Bool={"k": "true"}),
    ),
    "the order of a condition's values": (when(StringLike={"k": ["a", "b"]}), when(StringLike={"k": ["b", "a"]})),
    "a condition's value as a scalar and twice in a list": (
        when(StringLike={"k": "a"}),
        when(StringLike={"k": ["a", "a"]}),
    ),
    "true and its word": (when(Bool={"k": True}), when(Bool={"k": "true"})),
    "false and its word in a list": (when(Bool={"k": False}), when(Bool={"k": ["false"]})),
    "true and its word in one list": (when(Bool={"k": [True, "true"]}), when(Bool={"k": "true"})),
    "no Version and the first one": ({"Statement": [allow()]}, one()),
}

DIFFERENT = {
    "a policy and none": (one(), None),
    "an empty policy and none": (policy(), None),
    "the two versions": (one(), policy(allow(), Version="2012-10-17")),
    "no Version and the second one": ({"Statement": []}, {"Version": "2012-10-17", "Statement": []}),
    "an Id and none": (policy(allow(), Id="x"), one()),
    "two Ids": (policy(allow(), Id="x"), policy(allow(), Id="X")),
    "a statement more": (one(), policy(allow(), allow(Effect="Deny"))),
    "a statement that is there twice": (one(), policy(allow(), allow())),
    "two Sids": (one(Sid="a"), one(Sid="b")),
    "two Sids that differ in case": (one(Sid="a"), one(Sid="A")),
    "a Sid and none": (one(), one(Sid=None)),
    "Sids that are exchanged": (
        policy(allow(Sid="a"), allow(Sid="b", Effect="Deny")),
        policy(allow(Sid="b"), allow(Sid="a", Effect="Deny")),
    ),
    "two effects": (one(), one(Effect="Deny")),
    "an action more": (one(Action=["ecr:PutImage"]), one(Action=["ecr:PutImage", "ecr:ListImages"])),
    "Action and NotAction": (one(), one(Action=None, NotAction="ecr:BatchGetImage")),
    "an empty list and none": (one(Action=[]), one(Action=None)),
    "Principal and NotPrincipal": (one(), one(Principal=None, NotPrincipal={"AWS": ROOT})),
    "a principal more": (one(), one(Principal={"AWS": [ROOT, OTHER_ROOT]})),
    "a star and a star beside another": (one(Principal="*"), one(Principal={"AWS": ["*", ROOT]})),
    "a star and a star beside a service": (
        one(Principal="*"),
        one(Principal={"AWS": "*", "Service": "ecs.amazonaws.com"}),
    ),
    "a star and a star as a service": (one(Principal="*"), one(Principal={"Service": "*"})),
    "an account id and a root ARN in another partition": (
        one(Principal={"AWS": "111122223333"}),
        one(Principal={"AWS": "arn:aws-cn:iam::111122223333:root"}),
    ),
    "an account id and its root ARN in NotPrincipal": (
        one(Principal=None, NotPrincipal={"AWS": "111122223333"}),
        one(Principal=None, NotPrincipal={"AWS": ROOT}),
    ),
    "an account id and its root ARN in a condition": (
        when(StringEquals={"aws:PrincipalArn": "111122223333"}),
        when(StringEquals={"aws:PrincipalArn": ROOT}),
    ),
    "an account id and its root ARN as another kind of principal": (
        one(Principal={"Federated": "111122223333"}),
        one(Principal={"Federated": ROOT}),
    ),
    "an account and a role in it": (one(), one(Principal={"AWS": ROOT.replace("root", "role/ci")})),
    "the case of a principal": (
        one(Principal={"AWS": ROOT.replace("root", "role/ci")}),
        one(Principal={"AWS": ROOT.replace("root", "role/CI")}),
    ),
    "a condition and none": (when(StringLike={"k": "a"}), one()),
    "StringEquals and StringLike": (when(StringEquals={"k": "a"}), when(StringLike={"k": "a"})),
    "StringLike and ArnLike": (when(StringLike={"k": "a"}), when(ArnLike={"k": "a"})),
    "the case of a condition's value": (when(StringLike={"k": "a"}), when(StringLike={"k": "A"})),
    "the case of the word true": (when(Bool={"k": True}), when(Bool={"k": "True"})),
    "keys that differ in case and one of them": (when(StringLike={"k": "a", "K": "a"}), when(StringLike={"k": "a"})),
    "keys that differ in case with exchanged values": (
        when(StringLike={"k": "a", "K": "b"}),
        when(StringLike={"k": "b", "K": "a"}),
    ),
    "operators that differ in case and one of them": (
        when(StringLike={"k": "a"}, stringlike={"k": "a"}),
        when(StringLike={"k": "a"}),
    ),
    "an element that differs in case": (one(Effect=None, effect="Allow"), one()),
}


@pytest.mark.parametrize(("first", "second"), SAME.values(), ids=SAME.keys())
def test_policies_are_equal_in_meaning_but_for(first: Any, second: Any) -> None:
    assert PolicyComparison("aws").equal(first, second)
    assert PolicyComparison("aws").equal(second, first)


@pytest.mark.parametrize(("first", "second"), DIFFERENT.values(), ids=DIFFERENT.keys())
def test_policies_differ_in_meaning_by(first: Any, second: Any) -> None:
    assert not PolicyComparison("aws").equal(first, second)
    assert not PolicyComparison("aws").equal(second, first)


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_an_account_id_is_the_root_arn_of_the_registrys_own_partition(partition: str) -> None:
    by_id = one(Principal={"AWS": "111122223333"})
    by_arn = one(Principal={"AWS": root_arn("111122223333", partition)})
    assert root_arn("111122223333", partition) == f"arn:{partition}:iam::111122223333:root"
    assert PolicyComparison(partition).equal(by_id, by_arn)
    assert not PolicyComparison("aws-iso").equal(by_id, by_arn)


# --- canonical and pretty ---


def test_the_canonical_form_has_one_order_and_one_spelling() -> None:
    written = {
        "Statement": {
            "Condition": {"StringLike": {"b": ["y", "x", "y"], "a": [True]}, "Bool": {"k": "z"}},
            "Action": ["ecr:PutImage", "ecr:BatchGetImage", "ecr:PutImage"],
            "Principal": {"Service": ["ecs.amazonaws.com"], "AWS": ["444455556666", ROOT, "111122223333"]},
            "Effect": "Allow",
            "Sid": "s",
        },
        "Id": "i",
    }
    assert json.dumps(PolicyComparison("aws").canonical(written)) == json.dumps(
        {
            "Version": "2008-10-17",
            "Id": "i",
            "Statement": [
                {
                    "Sid": "s",
                    "Effect": "Allow",
                    "Principal": {"AWS": [ROOT, OTHER_ROOT], "Service": "ecs.amazonaws.com"},
                    "Action": ["ecr:BatchGetImage", "ecr:PutImage"],
                    "Condition": {"Bool": {"k": "z"}, "StringLike": {"a": "true", "b": ["x", "y"]}},
                }
            ],
        }
    )


def test_the_canonical_form_keeps_what_a_person_wrote_in_some_order_or_case() -> None:
    written = policy(allow(Sid="b", Action="ECR:batchGetImage"), allow(Sid="a", Condition={"stringLike": {"K": "v"}}))
    assert PolicyComparison("aws").canonical(written) == written


def test_the_canonical_form_has_members_that_no_policy_has_at_the_end() -> None:
    written = {"Zzz": 1, "Aaa": [2], "Statement": [{"Efect": "Allow", "Sid": "s"}], "Version": "2012-10-17"}
    result = PolicyComparison("aws").canonical(written)
    assert list(result) == ["Version", "Statement", "Aaa", "Zzz"]
    assert list(result["Statement"][0]) == ["Sid", "Efect"]


@pytest.mark.parametrize("document", REALISTIC.values(), ids=REALISTIC.keys())
def test_the_canonical_form_of_a_realistic_policy_is_its_own_and_means_the_same(document: dict[str, Any]) -> None:
    result = PolicyComparison("aws").canonical(document)
    assert PolicyComparison("aws").equal(result, document)
    assert json.dumps(PolicyComparison("aws").canonical(result)) == json.dumps(result)


def test_no_policy_is_printed_as_no_text() -> None:
    assert PolicyComparison("aws").pretty(None) == ""


def test_a_policy_is_printed_in_its_canonical_form() -> None:
    assert PolicyComparison("aws").pretty({"Statement": {"Action": ["ecr:*"], "Sid": "für alle"}}) == (
        "{\n"
        '  "Version": "2008-10-17",\n'
        '  "Statement": [\n'
        "    {\n"
        '      "Sid": "für alle",\n'
        '      "Action": "ecr:*"\n'
        "    }\n"
        "  ]\n"
        "}\n"
    )
