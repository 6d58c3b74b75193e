# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policies as nobody should write them, and as they may come from AWS or from a file all the same.

Refused are those of which a second text could not be the same to the letter, or of which it cannot be said what a
statement is. Kept are all others: what an odd statement means is AWS's affair, so it is foreign, and stays.
"""

from __future__ import annotations

import json
from typing import Any

_ROOT = "arn:aws:iam::111122223333:root"
_PULL = ["ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage", "ecr:BatchCheckLayerAvailability"]
# A statement for other repositories is nobody's but its author's.
_ELSEWHERE = "arn:aws:ecr:*:*:repository/elsewhere/*"
_LAMBDA_PULL = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]


def _with(*statements: Any, **members: Any) -> str:
    """The compact text of a policy of these statements."""
    policy = {"Version": "2012-10-17", **members, "Statement": list(statements)}
    return json.dumps(policy, separators=(",", ":"), ensure_ascii=False)


def _allow(**elements: Any) -> dict[str, Any]:
    """A statement that lets an account pull, but for these elements: the shape of a managed one."""
    return {"Effect": "Allow", "Principal": {"AWS": _ROOT}, "Action": _PULL, **elements}


def _functions(condition: Any) -> dict[str, Any]:
    """A statement for Lambda functions, with any condition."""
    principal = {"Service": "lambda.amazonaws.com"}
    return {"Effect": "Allow", "Principal": principal, "Action": _LAMBDA_PULL, "Condition": condition}


# Of each: the text, and a part of why it is refused.
REFUSED: dict[str, tuple[str, str]] = {
    "an empty text": ("", "not valid JSON"),
    "a text that is not JSON": ("{'Statement': []}", "not valid JSON"),
    "JSON with a comma too many": ('{"Statement": [],}', "not valid JSON"),
    "JSON with more behind it": ('{"Statement": []} {}', "not valid JSON"),
    "a byte order mark": ('\ufeff{"Statement": []}', "not valid JSON"),
    "a list": ("[]", "not a JSON object"),
    "a string": ('"Statement"', "not a JSON object"),
    "null": ("null", "not a JSON object"),
    "an object without Statement": ('{"Version": "2012-10-17"}', "no Statement"),
    "Statement in lower case": ('{"statement": []}', "no Statement"),
    "Statement null": ('{"Statement": null}', "neither an object nor a list of objects"),
    "a Statement that is text": ('{"Statement": "*"}', "neither an object nor a list of objects"),
    "a list of statements with null": ('{"Statement": [{}, null]}', "neither an object nor a list of objects"),
    "a list of statements with a list": ('{"Statement": [[{}]]}', "neither an object nor a list of objects"),
    "a key that occurs twice in the policy": ('{"Statement": [], "Statement": []}', '"Statement" occurs twice'),
    "a key that occurs twice far inside": (
        '{"Statement": {"Condition": {"StringLike": {"aws:SourceArn": "a", "k": 1, "aws:SourceArn": "a"}}}}',
        '"aws:SourceArn" occurs twice',
    ),
    "a key that occurs twice, once escaped": ('{"Statement": [], "\\u0053tatement": []}', '"Statement" occurs twice'),
    "NaN": ('{"Statement": {"k": NaN}}', "NaN is not a number"),
    "Infinity": ('{"Statement": {"k": -Infinity}}', "-Infinity is not a number"),
    "a number beyond every double": ('{"Statement": {"k": 1e999}}', "the number 1e999 cannot be kept"),
    "a number too small for a double": ('{"Statement": {"k": 1e-999}}', "the number 1e-999 cannot be kept"),
    "a number too small for a decimal": ('{"Statement": {"k": 1e-99999999999999999999}}', "cannot be kept exactly"),
    "a zero with an exponent beyond every decimal": ('{"Statement": {"k": 0e99999999999999999999}}', "cannot be kept"),
    "a number with more digits than a double": ('{"Statement": {"k": 0.12345678901234567890}}', "cannot be kept"),
    "an integer of 5,000 digits": (f'{{"Statement": {{"k": {"1" * 5000}}}}}', "cannot be kept"),
    "lists forty deep": (f'{{"Statement": {{"k": {"[" * 40}{"]" * 40}}}}}', "nested deeper"),
    "lists deeper than the parser": (f'{{"Statement": {{"k": {"[" * 100_000}{"]" * 100_000}}}}}', "nested deeper"),
    "objects deeper than the parser": ('{"Statement":' * 100_000 + "1" + "}" * 100_000, "nested deeper"),
    "half of a surrogate pair in a value": ('{"Statement": {"Sid": "\\ud83d"}}', "surrogate"),
    "half of a surrogate pair in a key": ('{"Statement": {"\\udc00": 1}}', "surrogate"),
    "white space alone": (" \n\t", "not valid JSON"),
    "a number": ("5", "not a JSON object"),
    "true": ("true", "not a JSON object"),
    "a text of text": (json.dumps('{"Statement":[]}'), "not a JSON object"),
    "an empty object": ("{}", "no Statement"),
    "YAML": ("Statement:\n  - Effect: Allow", "not valid JSON"),
    "XML": ("<Statement/>", "not valid JSON"),
    "a comment": ('{"Statement": [] /* none */}', "not valid JSON"),
    "a key without quotes": ("{Statement: []}", "not valid JSON"),
    "a string that is not ended": ('{"Statement": [{"Sid": "a}]}', "not valid JSON"),
    "a line break within a string": ('{"Statement": [{"Sid": "a\nb"}]}', "not valid JSON"),
    "a NUL within a string": ('{"Statement": [{"Sid": "a\0b"}]}', "not valid JSON"),
    "a NUL behind it": ('{"Statement": []}\0', "not valid JSON"),
    "an escape that is none": ('{"Statement": [{"Sid": "\\x41"}]}', "not valid JSON"),
    "a plus sign": ('{"Statement": {"k": +1}}', "not valid JSON"),
    "a hexadecimal number": ('{"Statement": {"k": 0x10}}', "not valid JSON"),
    "a number that begins with zero": ('{"Statement": {"k": 012}}', "not valid JSON"),
    "a Statement that is a number": ('{"Statement": 5}', "neither an object nor a list of objects"),
    "a Statement that is true": ('{"Statement": true}', "neither an object nor a list of objects"),
    "a list of statements with a number": ('{"Statement": [{}, 1.5]}', "neither an object nor a list of objects"),
    "a list of statements in a list": ('{"Statement": [[]]}', "neither an object nor a list of objects"),
    "STATEMENT in capitals": ('{"STATEMENT": []}', "no Statement"),
    "two actions": ('{"Statement": [{"Action": "ecr:PutImage", "Action": "*"}]}', '"Action" occurs twice'),
    "two principals": ('{"Statement": [{"Principal": {"AWS": "*", "AWS": []}}]}', '"AWS" occurs twice'),
    "two conditions": ('{"Statement": [{"Condition": {}, "Condition": {}}]}', '"Condition" occurs twice'),
    "two Sids that are the same": ('{"Statement": [{"Sid": "a", "Sid": "a"}]}', '"Sid" occurs twice'),
    "two empty keys": ('{"Statement": [{"": 1, "": 1}]}', '"" occurs twice'),
    "objects forty deep": ('{"Statement": ' + '{"k": ' * 40 + "1" + "}" * 40 + "}", "nested deeper"),
    "a deep Id": (f'{{"Statement": [], "Id": {"[" * 40}{"]" * 40}}}', "nested deeper"),
    "the other half of a surrogate pair": ('{"Statement": {"Sid": "\\udc33"}}', "surrogate"),
    "a surrogate pair the wrong way round": ('{"Statement": {"Sid": "\\udc33\\ud83d"}}', "surrogate"),
}

# Of each, the text without white space.
KEPT: dict[str, str] = {
    "members in any order": '{"Statement":[{"Action":"ecr:*","Sid":"b","Effect":"Allow"}],"Id":"x","Version":"2012"}',
    "one statement as an object": '{"Statement":{"Sid":"s"}}',
    "no statement at all": '{"Statement":[]}',
    "an empty list and an empty object": '{"Statement":[{"Principal":{"AWS":[]},"Condition":{}}]}',
    "a list of one": '{"Statement":[{"Action":["ecr:*"]}]}',
    "a duplicate in a list": '{"Statement":[{"Action":["ecr:*","ecr:*"]}]}',
    "keys that differ only in case": '{"Statement":[{"Condition":{"StringLike":{"k":"a","K":"b"}}}]}',
    "unknown elements": '{"Statement":[{"Efect":"Allow"}],"Comment":null}',
    "null, true and false": '{"Statement":[{"Condition":{"Null":{"k":true,"l":false,"m":null}}}]}',
    "integers, however large": '{"Statement":[{"k":123456789012345678901234567890,"l":-1,"m":0}]}',
    "fractions": '{"Statement":[{"k":0.1,"l":-12.75}]}',
    "numbers that Python spells in another way": (
        '{"Version":1e3,"Statement":[{"k":[1.50,1e3,1E5,-0,-0.0,0.0e0,1.0,1e+05,5e-324,123456789.50]},{"1.50":1.5}]}'
    ),
    "characters beyond ASCII": '{"Statement":[{"Sid":"für alle 🐳"}]}',
    "quotes and control characters": '{"Statement":[{"Sid":"\\"a\\\\b\\n\\u0001\\""}]}',
    "lists as deep as a condition's by far": '{"Statement":[{"k":[[[[[[[["a"]]]]]]]]}]}',
    "a statement without an element": _with({}),
    "many statements without an element": _with(*([{}] * 200)),
    "a Version that is null": _with(_allow(), Version=None),
    "a Version that is a number": _with(_allow(), Version=2012),
    "a Version that is a list": _with(_allow(), Version=["2012-10-17"]),
    "a Version of the future": _with(_allow(), Version="2031-01-01"),
    "an Id that is an object": _with(_allow(), Id={"a": [1]}),
    "a key without a character": _with(_allow(), **{"": ""}),
    "keys that Python has a use for": _with({"__class__": "a", "__dict__": {}, "self": None}),
    "a template of Ansible's": _with(_allow(Sid="{{ 7 * 7 }}{% raw %}", **{"{{ k }}": 1})),
    **{
        f"a Sid that is {name}": _with(_allow(Sid=value, Resource=_ELSEWHERE))
        for name, value in {
            "null": None,
            "a number": 5,
            "true": True,
            "a list": ["AllowPull"],
            "an object": {"AllowPull": 1},
            "empty": "",
            "9,000 characters long": "s" * 9_000,
            "a NUL": "a\0b",
            "from right to left": "\u202eelba\u202c",
            "of no width": "\u200b\ufeff",
            "two lines": "a\r\nb\u2028c",
            "an escape sequence of terminals": "\x1b[2J\x7f",
            "composed in another way": "a\u0308",
            "not a character": "\uffff\U0010ffff",
        }.items()
    },
    **{
        f"an Effect that is {name}": _with(_allow(Effect=value))
        for name, value in {
            "null": None,
            "a number": 1,
            "in lower case": "allow",
            "a list": ["Allow"],
            "an object": {"Allow": True},
            "empty": "",
        }.items()
    },
    "no Effect": _with({"Principal": "*", "Action": _PULL}),
    **{
        f"a Principal that is {name}": _with(_allow(Principal=value))
        for name, value in {
            "null": None,
            "a number": 5,
            "false": False,
            "empty": "",
            "an empty object": {},
            "an empty list": [],
            "a list of accounts": [_ROOT],
            "an account": _ROOT,
            "a list of everybody": ["*"],
            "null in its map": {"AWS": None},
            "a number in its map": {"AWS": 111122223333},
            "an object in its map": {"AWS": {"AWS": _ROOT}},
            "an empty list in its map": {"AWS": []},
            "null in a list": {"AWS": [_ROOT, None]},
            "a number in a list": {"AWS": [_ROOT, 444455556666]},
            "a list in a list": {"AWS": [[_ROOT]]},
            "an object in a list": {"AWS": [_ROOT, {"AWS": _ROOT}]},
            "everybody and an account": {"AWS": ["*", _ROOT]},
            "everybody, twice": {"AWS": ["*", "*"]},
            "of a kind in lower case": {"aws": _ROOT},
            "of two kinds that differ in case": {"AWS": _ROOT, "aws": "*"},
            "of a kind without a name": {"": _ROOT},
            "of a kind that there is not": {"Azure": "*"},
            "of every kind": {"AWS": _ROOT, "Service": "a", "Federated": "b", "CanonicalUser": "c"},
        }.items()
    },
    "a principal and none": _with(_allow(NotPrincipal={"AWS": "*"})),
    "a NotPrincipal that is null": _with({"Effect": "Deny", "NotPrincipal": None, "Action": "*"}),
    "a NotPrincipal that is a number": _with({"Effect": "Deny", "NotPrincipal": {"AWS": 5}, "Action": "*"}),
    "no principal": _with({"Effect": "Allow", "Action": _PULL}),
    **{
        f"an Action that is {name}": _with(_allow(Action=value))
        for name, value in {
            "null": None,
            "a number": 5,
            "an object": {"ecr:*": True},
            "empty": "",
            "an empty list": [],
            "null in a list": [*_PULL, None],
            "a list in a list": [_PULL],
            "a number in a list": [*_PULL, 1],
            "of 9,000 stars": "*" * 9_000,
            "of many patterns": ["ecr:" + "*a" * 200],
            "of no service": "BatchGetImage",
            "another service's": "s3:GetObject",
            "in letters that are not what they seem": "\u0435cr:BatchGetImage",
            "in letters that change their number in lower case": "ecr:\u0130",
        }.items()
    },
    "an action and none": _with(_allow(NotAction="ecr:*")),
    "a NotAction that is null": _with({"Effect": "Allow", "Principal": "*", "NotAction": None}),
    **{
        f"a Condition that is {name}": _with(_functions(value))
        for name, value in {
            "null": None,
            "a number": 5,
            "a text": "StringLike",
            "a list": [{"StringLike": {"aws:sourceARN": "*"}}],
            "an empty object": {},
            "null for its keys": {"StringLike": None},
            "a text for its keys": {"StringLike": "aws:sourceARN"},
            "a list for its keys": {"StringLike": ["aws:sourceARN"]},
            "no keys": {"StringLike": {}},
            "null for its values": {"StringLike": {"aws:sourceARN": None}},
            "no values": {"StringLike": {"aws:sourceARN": []}},
            "a number for its values": {"StringLike": {"aws:sourceARN": 5}},
            "an object for its values": {"StringLike": {"aws:sourceARN": {"a": "b"}}},
            "null among its values": {"StringLike": {"aws:sourceARN": ["*", None]}},
            "a list among its values": {"StringLike": {"aws:sourceARN": [["*"]]}},
            "of an operator without a name": {"": {"aws:sourceARN": "*"}},
            "of a key without a name": {"StringLike": {"": "*"}},
            "of an operator that there is not": {"StringSimilar": {"aws:sourceARN": "*"}},
            "of quantifiers alone": {"ForAllValues:": {"aws:sourceARN": "*"}},
            "of operators that differ in case": {"StringLike": {"k": "a"}, "stringlike": {"k": "a"}},
            "of keys that differ in case": {"StringLike": {"aws:sourceARN": "*", "aws:SourceArn": "*"}},
            "of ranges that are none": {"IpAddress": {"aws:SourceIp": ["::/999", "10.0.0.0/-1", "x", ""]}},
            "of dates that are none": {"DateLessThan": {"aws:CurrentTime": ["never", 1e308, -1]}},
            "of numbers that are none": {"NumericEquals": {"s3:max-keys": ["NaN", "", "1e999", True]}},
            "of booleans that are none": {"Bool": {"aws:SecureTransport": ["perhaps", 2, None]}},
            "of a Null that is neither": {"Null": {"aws:SourceArn": "maybe"}},
            "of a variable that is not ended": {"StringLike": {"aws:sourceARN": "${aws:PrincipalAccount"}},
            "of variables in variables": {"StringLike": {"aws:sourceARN": "${${${*}}}"}},
            "of stars that could take for ever": {"StringLike": {"aws:PrincipalArn": "*a" * 300 + "b"}},
            "of 2,000 values": {"StringLike": {"k": ["v"] * 2_000}},
        }.items()
    },
    **{
        f"a Resource that is {name}": _with(_allow(Resource=value))
        for name, value in {
            "null": None,
            "a number": 5,
            "empty": "",
            "an empty list": [],
            "everything, in a list with a number": ["*", 5],
            "everything, twice": ["*", "*"],
            "everything, in an object": {"*": "*"},
            "a list in a list": [["*"]],
            "a variable that is not ended": "arn:aws:ecr:*:*:repository/${aws:username",
            "stars that could take for ever": "*a" * 300 + "b",
        }.items()
    },
    "a Resource and a NotResource": _with(_allow(Resource="*", NotResource="*")),
    "a NotResource that is an object": _with(_allow(NotResource={"*": None})),
    "an element that differs in case": _with(_allow(action="*", SID="x")),
    "statements with one Sid": _with(
        *(_allow(Sid="AllowPull", Action=action) for action in ("ecr:*", "*", "ecr:Get*"))
    ),
    "a statement that is there a hundred times": _with(*([_allow(Sid="s", Resource=_ELSEWHERE)] * 100)),
    "a policy of 100,000 characters": _with(_allow(Sid="s" * 100_000, Resource=_ELSEWHERE)),
    "characters beyond ASCII everywhere": _with({"Süd": {"ключ": ["值", "🐳"]}}, Id="für alle"),
}
