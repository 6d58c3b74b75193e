# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decide what a repository policy allows, sharing no code with the collection that it judges.

Every rule names its page of the IAM User Guide, https://docs.aws.amazon.com/IAM/latest/UserGuide/. Only the
repository policy speaks here: what the requester's own account must allow besides is left out. ``Resource`` counts
only where it is said which repository the policy is of.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from ipaddress import ip_address, ip_network
from operator import eq, ge, gt, le, lt
from typing import Any

_ELEMENTS = frozenset(
    {"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"}
)
_PRINCIPAL_TYPES = frozenset({"AWS", "Service", "Federated", "CanonicalUser"})


_VARIABLE = re.compile(r"\$\{([^}]*)\}")


class UnsupportedCondition(ValueError):
    """A condition operator, or the absence of a policy variable, that this evaluator cannot decide."""


@dataclass(frozen=True)
class Requester:
    """Who asks, and from where.

    ``principal`` is an IAM or STS ARN, or a service name such as ``lambda.amazonaws.com``. A role's ARN stands for
    the role itself, as named by no particular session. ``context`` has one value or several for each condition key;
    nothing is derived, so a policy that looks at ``aws:PrincipalArn`` needs it here.
    """

    principal: str
    context: Mapping[str, str | Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """One action that a principal asks for; the fields are those of Requester."""

    principal: str
    action: str
    context: Mapping[str, str | Sequence[str]] = field(default_factory=dict)


def is_allowed(policy: Any, request: Request, resource: str | None = None) -> bool:
    """Tell whether the policy allows the request. ``policy`` is a parsed document of any shape, or None; ``resource``
    the ARN of the repository.

    Raises UnsupportedCondition, whoever asks, for an operator that is not supported and where it would matter that a
    variable has no value, and ValueError for an address that is in no CIDR form.
    """
    return bool(effective_actions(policy, Requester(request.principal, request.context), [request.action], resource))


def effective_actions(
    policy: Any, requester: Requester, actions: Iterable[str], resource: str | None = None
) -> frozenset[str]:
    """Return those of the actions that the policy allows the requester. Raises as is_allowed does.

    Everything is denied by default, and an explicit Deny wins: reference_policies_evaluation-logic.html.
    """
    wanted = frozenset(actions)
    covered: dict[str, set[str]] = {"Allow": set(), "Deny": set()}
    for statement in _statements(policy):
        if (
            conditions_hold(statement.get("Condition", {}), requester.context)
            and _concerns(statement, requester)
            and (resource is None or _is_about(statement, resource, requester.context))
        ):
            covered[statement["Effect"]].update(action for action in wanted if covers(statement, action))
    return frozenset(covered["Allow"] - covered["Deny"])


def _statements(policy: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the statements that have an effect at all: reference_policies_grammar.html.

    A misspelt or missing element, two that exclude each other, or no principal or no action voids a statement; for the
    last two see access-analyzer-reference-policy-checks.html, "Empty array action" and "Empty array principal".
    """
    statements = policy.get("Statement") if isinstance(policy, Mapping) else None
    for statement in statements if isinstance(statements, list) else [statements]:
        if (
            isinstance(statement, Mapping)
            and statement.keys() <= _ELEMENTS
            and statement.get("Effect") in ("Allow", "Deny")
            and _is_principal(_only(statement, "Principal", "NotPrincipal"))
            and _is_text(_only(statement, "Action", "NotAction"))
            and _is_condition(statement.get("Condition", {}))
        ):
            yield statement


def _only(statement: Mapping[str, Any], name: str, negated_name: str) -> Any:
    values = [statement[key] for key in (name, negated_name) if key in statement]
    return values[0] if len(values) == 1 else None


def _is_text(value: Any) -> bool:
    return bool(value) and all(isinstance(item, str) for item in _items(value))


def _is_principal(value: Any) -> bool:
    if isinstance(value, Mapping):
        names = [name for listed in value.values() for name in _items(listed)]
        return value.keys() <= _PRINCIPAL_TYPES and _is_text(names)
    return isinstance(value, str) and value == "*"


def _is_condition(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(keys, Mapping)
        and all(isinstance(item, (str, bool, int, float)) for values in keys.values() for item in _items(values))
        for keys in value.values()
    )


def _items(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def covers(statement: Mapping[str, Any], action: str) -> bool:
    """Whether a statement names an action. Names are compared without regard to case and may hold ``*`` and ``?``.

    reference_policies_elements_action.html; all but the named ones: reference_policies_elements_notaction.html.
    """
    patterns = _items(_only(statement, "Action", "NotAction"))
    return any(is_match(pattern.lower(), action.lower()) for pattern in patterns) != ("NotAction" in statement)


def _is_about(statement: Mapping[str, Any], resource: str, context: Mapping[str, Any]) -> bool:
    """reference_policies_elements_resource.html, reference_policies_elements_notresource.html.

    Neither of them means every resource here, as in a policy that cannot have them.
    """
    if not statement.keys() & {"Resource", "NotResource"}:
        return True
    patterns = _only(statement, "Resource", "NotResource")
    if not _is_text(patterns):
        return False
    present = {key.lower(): _items(values) for key, values in context.items()}
    member = "NotResource" if "NotResource" in statement else "Resource"
    return any(is_match(pattern, resource) for pattern in _texts(member, patterns, present)) != (member != "Resource")


def _concerns(statement: Mapping[str, Any], requester: Requester) -> bool:
    """reference_policies_elements_principal.html, reference_policies_elements_notprincipal.html.

    A Principal stands for all that it contains: an account for its identities, a role for its sessions. A Deny with
    NotPrincipal spares only those whose account, role and session are *all* named. An Allow with NotPrincipal, which
    AWS calls unsupported today, is read as it was documented: whoever is named in any way is left out.
    """
    layers = _layers(requester.principal)
    negated = "NotPrincipal" in statement
    named = _named(statement["NotPrincipal" if negated else "Principal"], requester.principal)
    if negated and statement["Effect"] == "Deny":
        return "*" not in named and not all(layer & named for layer in layers)
    return bool(named & frozenset({"*"}).union(*layers)) != negated


def _named(element: Any, principal: str) -> frozenset[str]:
    """The names in a principal element that can mean this principal; only a whole ``*`` is a wildcard there."""
    if element == "*":
        return frozenset({"*"})
    identities = frozenset(_without_path(name) for name in _items(element.get("AWS", [])))
    if principal.startswith("arn:"):
        return identities
    return frozenset(_items(element.get("Service", []))) | (identities & {"*"})


@cache
def _layers(principal: str) -> tuple[frozenset[str], ...]:
    """The names of whatever contains a principal, outermost first, and its own last."""
    if not principal.startswith("arn:"):
        return (frozenset({principal}),)
    _arn, partition, _service, _region, account, resource = principal.split(":", 5)
    root = f"arn:{partition}:iam::{account}:root"
    layers = [frozenset({account, root})]
    kind, _slash, name = resource.partition("/")
    if kind == "assumed-role":
        layers.append(frozenset({f"arn:{partition}:iam::{account}:role/{name.partition('/')[0]}"}))
    if principal != root:
        layers.append(frozenset({_without_path(principal)}))
    return tuple(layers)


@cache
def _without_path(arn: str) -> str:
    """A session's ARN lacks the path of its role, and a role's name is unique in its account whatever the path.

    reference_identifiers.html, "IAM ARNs"; reference_iam-quotas.html.
    """
    return re.sub(r"^(arn:[^:]+:iam::\d{12}:role/).*/", r"\1", arn)


def conditions_hold(condition: Mapping[str, Mapping[str, Any]], context: Mapping[str, Any]) -> bool:
    """Operators and keys are ANDed; names of keys have no case: reference_policies_elements_condition.html.

    An empty value is none at all: the same page, "Null".
    """
    present = {key.lower(): [value for value in _items(values) if value != ""] for key, values in context.items()}
    results = [
        _operator(name)(_texts(name, expected, present), present.get(key.lower(), []))
        for name, keys in condition.items()
        for key, expected in keys.items()
    ]
    return all(results)


def _texts(operator: str, expected: Any, present: Mapping[str, Sequence[str]]) -> list[str]:
    """The expected values. One with a variable that has no value equals nothing: reference_policies_variables.html,
    "Policy variables with no value". Whether nothing is equal to it then is not said.
    """
    texts = [_text(value, present) for value in _items(expected)]
    if None in texts and "not" in operator.lower():
        raise UnsupportedCondition(f"a policy variable without a value in {expected!r}")
    return [text for text in texts if text is not None]


def _text(value: str | bool | float, present: Mapping[str, Sequence[str]]) -> str | None:
    """The value as a text, with those of its variables; None if one of them has not exactly one, without a wildcard."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    found = {name: present.get(name.strip().lower(), []) for name in _VARIABLE.findall(text)}
    if any(len(values) != 1 or set("*?$") & set(values[0]) for values in found.values()):
        return None
    return _VARIABLE.sub(lambda match: found[match[1]][0], text)


@cache
def _operator(name: str) -> Callable[[list[str], list[str]], bool]:
    """Return the test of one key's (expected, actual) values: reference_policies_elements_condition_operators.html.

    The values of a key are ORed, those of a negated operator NORed, and ``ForAllValues:`` holds for a key that is not
    there: reference_policies_condition-logic-multiple-context-keys-or-values.html and
    reference_policies_condition-single-vs-multi-valued-context-keys.html. An empty list of expected values matches at
    most a missing key: access-analyzer-reference-policy-checks.html, "Empty array condition". Two cases that the pages
    leave open: several values without a set operator count as ``ForAnyValue:``, and ``ForAnyValue:…IfExists`` holds
    for a missing key.
    """
    lowered = name.lower()
    if lowered == "null":
        return lambda expected, actual: ("false" if actual else "true") in [value.lower() for value in expected]
    parsed = re.fullmatch(r"(?:(foranyvalue|forallvalues):)?(\w+?)(ifexists)?", lowered)
    if not parsed or parsed[2] not in _OPERATORS:
        raise UnsupportedCondition(f"condition operator {name!r}")
    quantifier, (matches, negated), tolerant = parsed[1], _OPERATORS[parsed[2]], bool(parsed[3])

    def holds(expected: list[str], actual: list[str]) -> bool:
        if not actual:
            return tolerant or quantifier == "forallvalues" or (negated and not quantifier and bool(expected))
        results = [any(matches(value, found) for value in expected) != negated for found in actual]
        every = quantifier == "forallvalues" or (negated and not quantifier)
        return bool(expected) and (all(results) if every else any(results))

    return holds


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile("".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in text))


def is_match(pattern: str, value: str) -> bool:
    return _pattern(pattern).fullmatch(value) is not None


def _arn(pattern: str, value: str) -> bool:
    """Each of the six parts of an ARN is compared by itself, so no wildcard crosses a colon before the last."""
    patterns, values = pattern.split(":", 5), value.split(":", 5)
    return len(patterns) == len(values) == 6 and all(map(is_match, patterns, values))


def _same(expected: str, value: str) -> bool:
    return expected == value


def _same_caseless(expected: str, value: str) -> bool:
    return expected.lower() == value.lower()


def _address(network: str, value: str) -> bool:
    return ip_address(value) in ip_network(network)


def _moment(text: str) -> Decimal | None:
    """Seconds since 1970, of such a number or of a W3C date: the page of _operator, "Date condition operators"."""
    try:
        return Decimal(text)
    except InvalidOperation:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return Decimal(str((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()))


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _compared(
    read: Callable[[str], Decimal | None], holds: Callable[[Decimal, Decimal], bool]
) -> Callable[[str, str], bool]:
    """A comparison of the actual value with the expected one; what is no date or number matches nothing."""

    def compare(expected: str, value: str) -> bool:
        wanted, found = read(expected), read(value)
        return wanted is not None and found is not None and holds(found, wanted)

    return compare


# By the end of its name, in lower case: how the actual value compares with the expected one, and whether it is negated.
_ORDERS: dict[str, tuple[Callable[[Decimal, Decimal], bool], bool]] = {
    "equals": (eq, False),
    "notequals": (eq, True),
    "lessthan": (lt, False),
    "lessthanequals": (le, False),
    "greaterthan": (gt, False),
    "greaterthanequals": (ge, False),
}
# By lower-case name: how an expected value is compared with an actual one, and whether the operator is negated.
_OPERATORS: dict[str, tuple[Callable[[str, str], bool], bool]] = {
    "stringequals": (_same, False),
    "stringnotequals": (_same, True),
    "stringequalsignorecase": (_same_caseless, False),
    "stringnotequalsignorecase": (_same_caseless, True),
    "stringlike": (is_match, False),
    "stringnotlike": (is_match, True),
    "arnequals": (_arn, False),
    "arnlike": (_arn, False),
    "arnnotequals": (_arn, True),
    "arnnotlike": (_arn, True),
    "bool": (_same_caseless, False),
    "ipaddress": (_address, False),
    "notipaddress": (_address, True),
    **{
        f"{kind}{order}": (_compared(read, holds), negated)
        for kind, read in (("date", _moment), ("numeric", _number))
        for order, (holds, negated) in _ORDERS.items()
    },
}
