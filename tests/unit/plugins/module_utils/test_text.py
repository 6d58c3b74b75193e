# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from ansible_collections.imageshare.aws.plugins.module_utils._aws.errors import GET_REPOSITORY_POLICY, FaultError
from ansible_collections.imageshare.aws.plugins.module_utils._errors import InvalidInputError, RepositoryContext
from ansible_collections.imageshare.aws.plugins.module_utils._iam.document import (
    PolicyComparison,
    PolicyError,
    label_of,
    parse,
)
from ansible_collections.imageshare.aws.plugins.module_utils._inventory.listing import ListingError
from ansible_collections.imageshare.aws.plugins.module_utils._inventory.listing import label_of as source
from ansible_collections.imageshare.aws.plugins.module_utils._registry import EcrError, PolicyChangedError
from ansible_collections.imageshare.aws.plugins.module_utils._runs.backups import BackupError
from ansible_collections.imageshare.aws.plugins.module_utils._runs.bulk import failed
from ansible_collections.imageshare.aws.plugins.module_utils._runs.results import WriteResult
from ansible_collections.imageshare.aws.plugins.module_utils._sharing.grants import grant_label
from ansible_collections.imageshare.aws.plugins.module_utils._text import (
    MAX_MESSAGE_LENGTH,
    message,
    quoted,
    visible,
    visible_lines,
    word,
    words,
)
from ansible_collections.imageshare.aws.tests.support.nasty_texts import ALL, HALF, NASTY, forging
from hypothesis import given
from hypothesis import strategies as st

TABLE = pytest.mark.parametrize(("character", "shown"), [*NASTY.values(), HALF], ids=[*NASTY, "half of a character"])
ANY = st.text(st.one_of(st.characters(), st.sampled_from(f'{ALL}{HALF[0]}"\\\\')))


@TABLE
def test_what_is_not_seen_or_moves_others_is_an_escape_of_json(character: str, shown: str) -> None:
    assert forging(character, allowed="")
    assert visible(f"a{character}b") == f"a{shown}b"
    assert quoted(f"a{character}b") == f'"a{shown}b"'
    assert word(f"a{character}b") == f'"a{shown}b"'


@pytest.mark.parametrize(
    "text", ["", "a b", "bäse", "语", "🐳", 'a"b\\\\c', "arn:aws:iam::111122223333:role/ci", "e\u0301"]
)
def test_what_is_seen_is_as_it_was(text: str) -> None:
    assert visible(text) == message(text) == text


@given(ANY)
def test_whatever_is_shown_is_seen_and_shown_once(text: str) -> None:
    for shown in (visible(text), quoted(text), word(text), visible(text, 20), message(text)):
        assert forging(shown, allowed="") == []
    assert visible(visible(text)) == visible(text)


@given(ANY)
def test_a_quoted_text_is_json_and_can_be_read_back(text: str) -> None:
    shown = quoted(text, 10**6)
    assert json.loads(shown).encode("utf-16", "surrogatepass") == text.encode("utf-16", "surrogatepass")


@given(ANY, st.integers(0, 40))
def test_a_limit_cuts_between_escapes_and_says_so(text: str, most: int) -> None:
    whole, cut = visible(text), visible(text, most)
    assert cut == whole if len(whole) <= most else cut.endswith("…") and len(cut) <= most + 1
    assert whole.startswith(cut.removesuffix("…"))
    whole, cut = quoted(text, 10**6), quoted(text, most)
    assert len(cut) <= most + 3
    assert cut == whole or json.loads(cut.removesuffix("…")) is not None


@given(st.recursive(ANY, lambda each: st.lists(each) | st.dictionaries(ANY, each)))
def test_json_stays_the_same_json(value: object) -> None:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    assert json.loads(visible_lines(text)) == json.loads(text)
    assert forging(visible_lines(text)) == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ecr:*", "ecr:*"),
        ("arn:aws:iam::111122223333:role/a/b+c=d,e.f@g-h_i", "arn:aws:iam::111122223333:role/a/b+c=d,e.f@g-h_i"),
        ("o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*", "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*"),
        ("everyone. Nothing was done", '"everyone. Nothing was done"'),
        ('a"b', r'"a\"b"'),
        ("a\\b", r'"a\\b"'),
        ("語", '"語"'),
    ],
)
def test_a_word_is_quoted_unless_it_looks_like_a_name(text: str, shown: str) -> None:
    assert word(text) == words([text]) == shown


def test_long_texts_do_not_fill_the_screen() -> None:
    assert len(label_of(1, {"Sid": "a" * 10_000})) < 300
    assert len(label_of(1, {"Sid": "\U000e0041" * 10_000})) < 300
    assert len(str(EcrError("a" * 10**6))) == MAX_MESSAGE_LENGTH + 1


def test_no_principal_that_iam_allows_is_cut() -> None:
    arn = f"arn:aws-us-gov:iam::111122223333:role/{'p' * 510}/{'n' * 64}"
    assert word(arn) == arn


def _raised(call: Callable[[], object]) -> str:
    try:
        return str(call())
    except (PolicyError, EcrError) as error:
        return str(error)


def _answer(code: str, text: str) -> object:
    from botocore.exceptions import ClientError

    class Client:
        def get_repository_policy(self) -> object:
            raise ClientError({"Error": {"Code": code, "Message": text}}, "GetRepositoryPolicy")

    return GET_REPOSITORY_POLICY.send(Client(), {}, f"of {text}")


COMPARISON = PolicyComparison("aws")
# Of each place where a foreign text becomes a message: what it makes of one.
PLACES: dict[str, Callable[[str], str]] = {
    "an invalid option": lambda text: str(InvalidInputError([text])),
    "the problems of options": lambda text: "".join(InvalidInputError([text, text]).problems),
    "an error of AWS": lambda text: str(EcrError(text)),
    "a change by others": lambda text: str(PolicyChangedError(text)),
    "a policy that is none": lambda text: str(PolicyError(text)),
    "a backup that is none": lambda text: str(BackupError(text)),
    "registries that could not be listed": lambda text: str(ListingError(text)),
    "a warning": lambda text: RepositoryContext("app", "us-east-1").warning("public", text).message,
    "a warning about a name": lambda text: RepositoryContext(text, "us-east-1").warning("public", "x").message,
    "an error of a repository": lambda text: str(failed(WriteResult(text), EcrError("x")).error),
    "a surprise": lambda text: str(failed(WriteResult("app"), RuntimeError(text)).error),
    "a Sid": lambda text: label_of(1, {"Sid": text}),
    "a principal of a grant": lambda text: grant_label("grants", 0, [text]),
    "a profile": lambda text: source(text, text),
    "a key that occurs twice": lambda text: _raised(lambda: parse(f"{{{json.dumps(text)}:1,{json.dumps(text)}:2}}")),
    "the message of an answer": lambda text: _raised(lambda: _answer("ServerException", text)),
    "the code of an answer": lambda text: _raised(lambda: _answer(text, "x")),
    "a policy of a difference": lambda text: "".join(
        COMPARISON.pretty({"Statement": [{"Sid": text, text: text}]}).split("\n")
    ),
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
@TABLE
def test_no_place_lets_a_foreign_text_forge_a_line(place: Callable[[str], str], character: str, shown: str) -> None:
    said = place(f"a{character}b")
    assert forging(said, allowed="") == []
    # White space of an answer of AWS is all the same.
    assert shown in said or character.isspace()


def test_the_code_of_an_answer_is_short_and_seen() -> None:
    with pytest.raises(FaultError) as caught:
        _answer("ServerException", "x")
    assert caught.value.code == "ServerException"
    with pytest.raises(EcrError) as odd:
        _answer(ALL, "x")
    assert forging(str(odd.value.code), allowed="") == []
    assert len(str(odd.value.code)) <= 101
