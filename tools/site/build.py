# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""usage: build.py SITE SCRATCH

Builds the site into the folder SITE, and what it is built from into SCRATCH: the pages of docs/, those of the project,
and one for each plugin and role.

- docs/index.md says what there is: each section is a part of the navigation, in its order and by its names.
- A link from a page to another, relative or by its address at GitHub, leads to the page of the site. Any other link to
  a file of the repository leads to GitHub.
- Pages are made from plugins by antsibull-docs, and all of it becomes HTML by Sphinx, whose settings are in conf.py.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
HOME = "https://github.com/imageshare/imageshare.aws"
_BLOB = f"{HOME}/blob/main/"
_LINK = re.compile(r"\[([^\[\]]*)\]\(([^()\s]+)\)")
_FENCE = re.compile(r"(^ *```.*?^ *```$)", re.MULTILINE | re.DOTALL)
# Pages that are no part of docs/, and their places in the site.
_OTHERS = {
    "roles/ecr_share/README.md": "role.md",
    "README.md": "readme.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.rst": "changelog.rst",
    "CODE_OF_CONDUCT.md": "code-of-conduct.md",
    "SECURITY.md": "security-policy.md",
    "MAINTAINERS.md": "maintainers.md",
}
_KINDS = {"module": "Modules", "filter": "Filters", "inventory": "Inventory plugins", "role": "Roles"}
_PLUGIN = re.compile(r"^imageshare\.aws\.(\w+) (\w+) -- (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Plugin:
    name: str
    kind: str
    about: str

    @property
    def page(self) -> str:
        return f"{self.name}_{self.kind}"


class Pages:
    """The documents of the repository that are pages, by their paths in it, and where each is in the site."""

    def __init__(self) -> None:
        self.places = {f"docs/{path.name}": path.name for path in sorted((ROOT / "docs").glob("*.md"))}
        self.places |= {path: place for path, place in _OTHERS.items() if (ROOT / path).exists()}
        # Short names of pages, as the index has them.
        self.parts: dict[str, dict[str, str]] = {}
        index = (ROOT / "docs/index.md").read_text(encoding="utf-8")
        for section in re.split(r"^## ", index, flags=re.MULTILINE)[1:]:
            links = ((name, self.at("docs", target)[0]) for name, target in _LINK.findall(section))
            self.parts[section.partition("\n")[0]] = {path: name for name, path in links if path in self.places}
        self.names = {path: name for part in self.parts.values() for path, name in part.items()}

    def at(self, folder: str, target: str) -> tuple[str, str]:
        """What a link in a document of a folder leads to, as a path in the repository, and the heading there."""
        path, _hash, heading = target.partition("#")
        if path.startswith(_BLOB):
            return path.removeprefix(_BLOB), heading
        if "://" in path or not path:
            return "", heading
        return os.path.normpath(PurePosixPath(folder) / path), heading

    def link(self, folder: str, text: str, target: str) -> str:
        """A link of a document as it is in the site."""
        path, heading = self.at(folder, target)
        end = f"#{heading}" if heading else ""
        if path in self.places:
            # A page that is called by its file has a name there.
            name = self.names.get(path, text) if text == PurePosixPath(path).name else text
            return f"[{name}]({self.places[path]}{end})"
        if not path or (path.startswith("docs/") and (ROOT / path).is_file()):
            return f"[{text}]({target})"
        kind = "tree" if (ROOT / path).is_dir() else "blob"
        return f"[{text}]({HOME}/{kind}/main/{path}{end})"

    def text(self, path: str) -> str:
        """A document as it is in the site."""
        text = (ROOT / path).read_text(encoding="utf-8")
        folder = str(PurePosixPath(path).parent)
        if path.endswith(".rst"):
            return without_contents(text)
        # What is in a block of code is no link.
        parts = _FENCE.split(text)
        parts[::2] = [_LINK.sub(lambda link: self.link(folder, link[1], link[2]), part) for part in parts[::2]]
        return "".join(parts)

    def navigation(self) -> Iterator[str]:
        for caption, pages in self.parts.items():
            entries = [f"{name} <{PurePosixPath(self.places[path]).stem}>" for path, name in pages.items()]
            if caption == "Reference":
                entries.append("Modules and plugins <plugins/index>")
            yield "\n".join(("```{toctree}", ":hidden:", f":caption: {caption}", "", *entries, "```", ""))


def _environment() -> dict[str, str]:
    """What the tools are run with: those beside this Python come first."""
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def without_contents(text: str) -> str:
    """A document of reStructuredText without a list of its contents, which the theme has beside each page."""
    return re.sub(r"^\.\. contents::.*\n(?:   .*\n)*", "", text, flags=re.MULTILINE)


def write_plugins(folder: Path, home: Path) -> None:
    """Write the pages of all plugins, and a list of them."""
    folder.mkdir(mode=0o755, parents=True)
    home.mkdir(parents=True, exist_ok=True)
    words = ["collection", "--use-current", "--squash-hierarchy", "--fail-on-error", "--no-add-antsibull-docs-version"]
    # Without the ceiling, it takes what is in .venv for a part of this repository that git ignores.
    environment = {**_environment(), "HOME": str(home), "GIT_CEILING_DIRECTORIES": str(ROOT / ".venv" / "lib")}
    command = ["antsibull-docs", *words, "--no-indexes", f"--dest-dir={folder}", "imageshare.aws"]
    subprocess.run(command, check=True, env=environment)
    plugins = []
    for path in sorted(folder.glob("*.rst")):
        text = path.read_text(encoding="utf-8")
        if (found := _PLUGIN.search(text)) is None:
            # An index that nothing leads to.
            path.unlink()
            continue
        plugin = Plugin(found[1], found[2], found[3])
        plugins.append(plugin)
        # The navigation has this page.
        text = re.sub(r"^:orphan:$", "", without_contents(text), flags=re.MULTILINE)
        # Names such as ``imageshare.aws.ecr_share_policy module`` are enough for a title.
        title = f"{plugin.name} {plugin.kind}"
        text = text.replace(f"{found[0]}\n{'+' * len(found[0])}", f"{title}\n{'+' * len(title)}\n\n{plugin.about}.")
        path.write_text(text, encoding="utf-8")
    (folder / "index.md").write_text("\n".join(_list_of(plugins)), encoding="utf-8")


def _list_of(plugins: list[Plugin]) -> Iterator[str]:
    yield "# Modules and plugins\n"
    yield "Every option, return value and example, as `ansible-doc` has them, too.\n"
    for kind, heading in _KINDS.items():
        ours = [plugin for plugin in plugins if plugin.kind == kind]
        yield f"## {heading}\n\n| Name | What it does |\n| --- | --- |"
        yield from (f"| [{plugin.name}]({plugin.page}.rst) | {plugin.about} |" for plugin in ours)
        entries = (f"{plugin.name} <{plugin.page}>" for plugin in ours)
        yield "\n".join(("", "```{toctree}", ":hidden:", "", *entries, "```", ""))


def build(site: Path, scratch: Path) -> None:
    """Build the site anew."""
    source = scratch / "source"
    for old in (source, site):
        shutil.rmtree(old, ignore_errors=True)
    write_plugins(source / "plugins", scratch / "home")
    pages = Pages()
    for path, place in pages.places.items():
        (source / place).write_text(pages.text(path), encoding="utf-8")
    shutil.copytree(ROOT / "docs" / "images", source / "images")
    shutil.copy(ROOT / "docs" / "report.schema.json", source)
    with (source / "index.md").open("a", encoding="utf-8") as index:
        index.write("\n" + "\n".join(pages.navigation()))
    options = ["--builder=html", "--fail-on-warning", "--keep-going", "--quiet", "--jobs=auto", "--fresh-env"]
    trees = f"--doctree-dir={scratch / 'trees'}"
    command = ["sphinx-build", *options, f"--conf-dir={HERE}", trees, str(source), str(site)]
    subprocess.run(command, check=True, env=_environment())
    # What is of use to Sphinx alone.
    (site / ".buildinfo").unlink(missing_ok=True)


if __name__ == "__main__":
    SITE, SCRATCH = (Path(argument).resolve() for argument in sys.argv[1:])
    build(SITE, SCRATCH)
    print(f"The site: {SITE / 'index.html'}")
