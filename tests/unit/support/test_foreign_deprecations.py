# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.imageshare.aws.tests.support.foreign_deprecations import lines_without, values_without

THEIRS = "Importing 'to_native' from 'ansible.module_utils._text' is deprecated. Use another."
OURS = "Importing 'cgi' is deprecated."
INTRODUCTION = (
    "[WARNING]: Deprecation warnings can be disabled by setting `deprecation_warnings=False` in ansible.cfg.\n"
)


def test_what_is_printed_of_others_is_left_out_with_its_introduction() -> None:
    text = f"TASK [a]\n{INTRODUCTION}[DEPRECATION WARNING]: {THEIRS}\nok: [b]\n"
    assert lines_without(text) == "TASK [a]\nok: [b]\n"


def test_what_is_printed_of_ours_stays_with_the_introduction() -> None:
    text = f"{INTRODUCTION}[DEPRECATION WARNING]: {OURS}\n"
    assert lines_without(text) == text
    assert lines_without(f"{text}[DEPRECATION WARNING]: {THEIRS}\n") == text


def test_what_names_it_and_is_no_deprecation_stays() -> None:
    text = f"[WARNING]: statement {THEIRS}\n"
    assert lines_without(text) == text


def test_what_is_returned_of_others_is_left_out_and_of_ours_stays() -> None:
    assert values_without({"changed": True, "deprecations": [{"msg": THEIRS}]}) == {"changed": True}
    ours = {"deprecations": [{"msg": OURS}]}
    assert values_without(ours) == ours
    assert values_without({"deprecations": [{"msg": THEIRS}, {"msg": OURS}]}) == ours
    assert values_without({"changed": False}) == {"changed": False}
