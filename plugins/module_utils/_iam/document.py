# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""A repository policy as a document: read it, compare it in meaning, print it.

Grammar of a policy: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, DecimalException
from json.encoder import encode_basestring
from typing import Any

from .._text import message as visible_message
from .._text import quoted, visible_lines
from .arns import is_account_id, root_arn

Statement = Mapping[str, Any]
Policy = Mapping[str, Any]

# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_SetRepositoryPolicy.html
MAX_LENGTH = 10_240
# What IAM assumes when Version is left out.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html
DEFAULT_VERSION = "2008-10-17"

# A statement's deepest element is a condition's list of values, five levels below the policy.
_MAX_DEPTH = 32
_POLICY_ORDER = ("Version", "Id", "Statement")
_STATEMENT_ORDER = (
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
)


class PolicyError(ValueError):
    """A text is not a policy, or not one that can be kept to the letter. The message says why."""

    def __init__(self, message: str) -> None:
        super().__init__(visible_message(message))


class _Number(float):
    """A number that Python would spell in another way than its text, such as 1.50."""

    text: str

    def __new__(cls, text: str) -> _Number:
        number = super().__new__(cls, text)
        number.text = text
        return number


def parse(text: str) -> dict[str, Any]:
    """Read a policy from JSON text.

    Returns:
        The policy. C(Statement) is one statement (an object) or a list of them, as the text has it.

    Raises:
        PolicyError: For text that is not JSON, for JSON that is not a policy, and for what a second serialisation could
            not reproduce: duplicate keys, lone surrogates, numbers beyond a double's precision.
    """
    try:
        document = json.loads(
            text,
            object_pairs_hook=_unique_keys,
            parse_int=_exact_int,
            parse_float=_exact_float,
            parse_constant=_no_constant,
        )
    except PolicyError:
        raise
    except RecursionError:
        raise PolicyError("it is nested deeper than any policy") from None
    except ValueError as error:
        raise PolicyError(f"it is not valid JSON ({error})") from None
    if not isinstance(document, dict):
        raise PolicyError("it is not a JSON object")
    if _is_deeper(document, _MAX_DEPTH):
        raise PolicyError("it is nested deeper than any policy")
    if "Statement" not in document:
        raise PolicyError("it has no Statement")
    if not all(isinstance(statement, dict) for statement in _as_list(document["Statement"])):
        raise PolicyError("its Statement is neither an object nor a list of objects")
    try:
        json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise PolicyError("it holds half of a surrogate pair, which is not a character") from None
    return document


def serialise(policy: Policy) -> str:
    """Return the compact JSON text of a policy, members in their order. Its length is what AWS limits."""
    return _compact(policy)


def statements(policy: Policy | None) -> list[Statement]:
    """Return the statements of a policy, in their order; none for no policy."""
    return [] if policy is None else list(_as_list(policy["Statement"]))


def spelling(value: Any) -> Any:
    """Return a value of a condition as IAM compares it: a number or a boolean as its text.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
    """
    if isinstance(value, bool):
        return str(value).lower()
    return _compact(value) if isinstance(value, (int, float)) else value


def label_of(position: int, statement: Statement) -> str:
    """Return what messages call a statement: its Sid, or else its position, which counts from 1."""
    sid = statement.get("Sid")
    return f"statement {quoted(sid)}" if isinstance(sid, str) else f"statement {position}"


def labelled(policy: Policy | None) -> Iterator[tuple[str, Statement]]:
    """Yield each statement with its label."""
    for position, statement in enumerate(statements(policy), start=1):
        yield label_of(position, statement), statement


def strings(value: Any) -> tuple[str, ...]:
    """Return the texts of an element that may be one or a list of them, and nothing else that is in it."""
    return tuple(item for item in _as_list(value) if isinstance(item, str))


@dataclass(frozen=True)
class PolicyComparison:
    """Compares policies of a partition in their meaning.

    Of no weight are: the order of statements and of lists, a scalar or a list of one, duplicates in a list, the case
    of actions and of condition operators and keys, C(*) and C({"AWS": "*"}), an account id and its root ARN in this
    partition as a Principal, C(true) and C("true") or C(100) and C("100") in a condition, no Version and 2008-10-17.

    Any other difference counts, so two policies that differ here may still have the same effect: a Sid, the case of a
    value, StringEquals and StringLike.
    """

    partition: str

    def equal(self, first: Policy | None, second: Policy | None) -> bool:
        """Return whether two policies, or none, mean the same."""
        if first is None or second is None:
            return first is second
        return self._meaning(first) == self._meaning(second)

    def canonical(self, policy: Policy) -> dict[str, Any]:
        """Return the same policy in one spelling, for people and for comparison.

        Members and lists have a fixed order, lists have no duplicates, a list of one is its value, accounts are root
        ARNs, and statements have the order they had.
        """
        result = dict(policy)
        result.setdefault("Version", DEFAULT_VERSION)
        result["Statement"] = [self._canonical_statement(statement) for statement in statements(policy)]
        return _ordered(result, _POLICY_ORDER)

    def pretty(self, policy: Policy | None) -> str:
        """Return the canonical form as indented text that ends with a newline; empty for no policy.

        It is JSON in which everything is seen, because Ansible prints it.
        """
        if policy is None:
            return ""
        return visible_lines(json.dumps(self.canonical(policy), indent=2, ensure_ascii=False)) + "\n"

    def statements_only_in(self, first: Policy | None, second: Policy | None) -> tuple[str, ...]:
        """Return the labels of the statements of the first policy that the second has not, or not as often."""
        known = Counter(self._statement_meaning(statement) for statement in statements(second))
        labels = []
        for label, statement in labelled(first):
            meaning = self._statement_meaning(statement)
            if known[meaning]:
                known[meaning] -= 1
            else:
                labels.append(label)
        return tuple(labels)

    def _statement_meaning(self, statement: Statement) -> str:
        return _text(_fold_statement(self._canonical_statement(statement)))

    def _meaning(self, policy: Policy) -> tuple[str, list[str]]:
        document = self.canonical(policy)
        folded = sorted(_text(_fold_statement(statement)) for statement in document.pop("Statement"))
        return _text(document), folded

    def _canonical_statement(self, statement: Statement) -> dict[str, Any]:
        rules: dict[str, Callable[[Any], Any]] = {
            "Sid": _same,
            "Effect": _same,
            "Principal": lambda value: _canonical_principal(value, self._account_as_root_arn),
            "NotPrincipal": lambda value: _canonical_principal(value, _same),
            "Condition": _canonical_condition,
        }
        result = {name: rules.get(name, _canonical_list)(value) for name, value in statement.items()}
        return _ordered(result, _STATEMENT_ORDER)

    def _account_as_root_arn(self, member: Any) -> Any:
        return root_arn(member, self.partition) if is_account_id(member) else member


def _canonical_principal(principal: Any, spelling: Callable[[Any], Any]) -> Any:
    if not isinstance(principal, dict):
        return principal
    result = {}
    for kind, value in sorted(principal.items()):
        members = [spelling(member) if kind == "AWS" else member for member in _as_list(value)]
        result[kind] = _canonical_list(members)
    return "*" if result == {"AWS": "*"} else result


def _canonical_condition(condition: Any) -> Any:
    if not isinstance(condition, dict):
        return condition
    return {
        operator: (
            {key: _canonical_list([spelling(value) for value in _as_list(keys[key])]) for key in sorted(keys)}
            if isinstance(keys, dict)
            else keys
        )
        for operator, keys in sorted(condition.items())
    }


def _canonical_list(value: Any) -> Any:
    members = {_text(member): member for member in _as_list(value)}
    result = [members[text] for text in sorted(members)]
    return result[0] if len(result) == 1 else result


def _fold_statement(statement: Statement) -> dict[str, Any]:
    folded = dict(statement)
    for name in ("Action", "NotAction"):
        if name in folded:
            folded[name] = _canonical_list(
                [action.lower() if isinstance(action, str) else action for action in _as_list(folded[name])]
            )
    if isinstance(folded.get("Condition"), dict):
        folded["Condition"] = _fold_keys(
            {
                operator: _fold_keys(keys) if isinstance(keys, dict) else keys
                for operator, keys in folded["Condition"].items()
            }
        )
    return folded


def _fold_keys(mapping: Mapping[str, Any]) -> Mapping[str, Any]:
    # Two keys that differ only in case are two conditions, both of which must hold: folding them would drop one.
    folded = {key.lower(): value for key, value in mapping.items()}
    return folded if len(folded) == len(mapping) else mapping


def _ordered(mapping: Mapping[str, Any], order: tuple[str, ...]) -> dict[str, Any]:
    names = [name for name in order if name in mapping] + sorted(name for name in mapping if name not in order)
    return {name: mapping[name] for name in names}


def _compact(value: Any) -> str:
    # Not by json.dumps, which has no way to keep the spelling of a number.
    if isinstance(value, str):
        return encode_basestring(value)
    if isinstance(value, Mapping):
        return "{" + ",".join([f"{encode_basestring(name)}:{_compact(member)}" for name, member in value.items()]) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join([_compact(member) for member in value]) + "]"
    return value.text if isinstance(value, _Number) else json.dumps(value)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _same(value: Any) -> Any:
    return value


def _as_list(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else (value,)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        names = [name for name, _value in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise PolicyError(f"the key {quoted(twice)} occurs twice in one object")
    return result


def _exact_int(text: str) -> int | _Number:
    try:
        number = int(text)
    except ValueError:  # More digits than Python reads.
        raise _not_exact(text) from None
    return number if str(number) == text else _Number(text)


def _exact_float(text: str) -> float:
    number = float(text)
    if repr(number) == text:
        return number
    try:
        exact = math.isfinite(number) and Decimal(repr(number)) == Decimal(text)
    except DecimalException:  # An exponent beyond every decimal.
        exact = False
    if not exact:
        raise _not_exact(text)
    return _Number(text)


def _not_exact(text: str) -> PolicyError:
    return PolicyError(f"the number {text[:40]} cannot be kept exactly")


def _no_constant(text: str) -> None:
    raise PolicyError(f"it is not valid JSON ({text} is not a number)")


def _is_deeper(document: Any, limit: int) -> bool:
    layer = [document]
    for _level in range(limit):
        layer = [
            child
            for node in layer
            if isinstance(node, (dict, list))
            for child in (node.values() if isinstance(node, dict) else node)
        ]
    return bool(layer)
