# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What would be an empty page on Ansible Galaxy is told."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.imageshare.aws.tools.galaxy_pages import empty_pages

DOCUMENTED = {"doc": {"description": ["It does."], "options": [{"name": "at"}]}, "examples": "- it:", "return": [{}]}
NAMES = {"module": "make_it", "filter": "filter_it", "inventory": "list_it"}
RESULT: dict[str, Any] = {
    "requires_ansible": ">=2.19.0",
    "contents": [{"name": "all_of_it", "content_type": "role", "description": "Makes it"}],
    "docs_blob": {
        "collection_readme": {"html": "<h1>"},
        "contents": [
            *(
                {"content_type": kind, "content_name": name, "doc_strings": dict(DOCUMENTED)}
                for kind, name in NAMES.items()
            ),
            {"content_type": "role", "content_name": "all_of_it", "readme_html": "<h1>"},
        ],
    },
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A collection with one of each."""
    (tmp_path / "roles" / "all_of_it").mkdir(parents=True)
    for kind, name in NAMES.items():
        folder = tmp_path / "plugins" / {"module": "modules"}.get(kind, kind)
        folder.mkdir(parents=True)
        (folder / f"{name}.py").touch()
    return tmp_path


def test_nothing_is_told_of_a_collection_that_is_documented(root: Path) -> None:
    inventory = RESULT["docs_blob"]["contents"][2]
    assert list(empty_pages(RESULT, root)) == []
    # It has no results.
    without = {**inventory, "doc_strings": {**DOCUMENTED, "return": None}}
    blob = {**RESULT["docs_blob"], "contents": [*RESULT["docs_blob"]["contents"][:2], without]}
    assert not any("inventory" in told for told in empty_pages({**RESULT, "docs_blob": blob}, root))


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        pytest.param(
            lambda result, pages: pages[0].update(doc_strings=None),
            "module make_it has no description, options, examples, return",
            id="module",
        ),
        pytest.param(
            lambda result, pages: pages[1]["doc_strings"].update(examples=""),
            "filter filter_it has no examples",
            id="filter",
        ),
        pytest.param(
            lambda result, pages: pages.pop(2),
            "inventory list_it has no description, options, examples",
            id="inventory",
        ),
        pytest.param(lambda result, pages: pages.pop(3), "role all_of_it has no README", id="README"),
        pytest.param(
            lambda result, pages: pages[3].update(readme_html='<a href="#here"></a><a href="../docs/share.md"></a>'),
            "the README of role all_of_it has relative links: ../docs/share.md",
            id="links of a role",
        ),
        pytest.param(
            lambda result, pages: result["docs_blob"]["collection_readme"].update(
                html='<a href="https://example.com"></a><img src="docs/report.png">'
            ),
            "the README of the collection has relative links: docs/report.png",
            id="picture",
        ),
        pytest.param(
            lambda result, pages: result["contents"][0].update(description=None),
            "role all_of_it has no description",
            id="role",
        ),
        pytest.param(
            lambda result, pages: result.update(requires_ansible=None),
            "the collection does not say which ansible-core it needs",
            id="ansible-core",
        ),
    ],
)
def test_what_is_empty_is_told(
    damage: Callable[[dict[str, Any], list[dict[str, Any]]], object], told: str, root: Path
) -> None:
    result = copy.deepcopy(RESULT)
    damage(result, result["docs_blob"]["contents"])
    assert list(empty_pages(result, root)) == [told]
