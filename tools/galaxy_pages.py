# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fail where Ansible Galaxy would show an empty page, or a link that leads nowhere.

usage: python tools/galaxy_pages.py RESULT ROOT

RESULT is what Galaxy's importer has made of the artifact, as JSON; ROOT is the collection. The importer succeeds even
where a plugin has no documentation, and leaves its page empty. READMEs are shown without the files beside them, so that
links in these must be whole URLs.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

# What users call by name, by the folder that holds it.
PLUGINS = {"filter": "filter", "inventory": "inventory", "modules": "module"}
# An inventory returns nothing; it makes hosts.
SECTIONS = {
    "filter": ("description", "options", "examples", "return"),
    "inventory": ("description", "options", "examples"),
    "module": ("description", "options", "examples", "return"),
}


def empty_pages(result: Mapping[str, Any], root: Path) -> Iterator[str]:
    """Say what each page lacks that should be there."""
    blob = result["docs_blob"]
    yield from _problems_with_readme("the collection", blob["collection_readme"]["html"])
    if not result["requires_ansible"]:
        yield "the collection does not say which ansible-core it needs"
    pages = {(page["content_type"], page["content_name"]): page for page in blob["contents"]}
    described = {content["name"]: content["description"] for content in result["contents"]}
    for folder, kind in PLUGINS.items():
        for path in sorted((root / "plugins" / folder).glob("*.py")):
            page = pages.get((kind, path.stem), {}).get("doc_strings") or {}
            sections = {**(page.get("doc") or {}), "examples": page.get("examples"), "return": page.get("return")}
            missing = [name for name in SECTIONS[kind] if not sections.get(name)]
            if missing:
                yield f"{kind} {path.stem} has no {', '.join(missing)}"
    for path in sorted((root / "roles").iterdir()):
        yield from _problems_with_readme(f"role {path.name}", pages.get(("role", path.name), {}).get("readme_html"))
        if not described.get(path.name):
            yield f"role {path.name} has no description"


def _problems_with_readme(whose: str, html: str | None) -> Iterator[str]:
    if not html:
        yield f"{whose} has no README"
        return
    relative = re.findall(r'\b(?:href|src)="(?!https://|#)([^"]*)"', html)
    if relative:
        yield f"the README of {whose} has relative links: {', '.join(relative)}"


def main() -> None:
    result, root = (Path(argument) for argument in sys.argv[1:])
    problems = list(empty_pages(json.loads(result.read_text(encoding="utf-8")), root))
    if problems:
        raise SystemExit("Ansible Galaxy would not show all that it should: " + "; ".join(problems) + ".")
    print("Every module, plugin and role has a page with documentation, and whole links.")


if __name__ == "__main__":
    main()
