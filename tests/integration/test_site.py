# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The site that C(make docs) builds: its links, and how a browser shows its pages, opened from disk."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import pytest
from ansible_collections.imageshare.aws.tests.integration import pages
from ansible_collections.imageshare.aws.tests.support.browser import BROWSER, DRIVER, Page, chromium
from ansible_collections.imageshare.aws.tests.support.waiting import until

ROOT = Path(__file__).resolve().parents[2]
HOME = "https://github.com/imageshare/imageshare.aws"
NARROW = 400
# What goes beyond the screen, and is in nothing that scrolls by itself.
BEYOND = """
const scrolls = (element) => element && element !== document.documentElement
  && (["auto", "scroll", "hidden"].includes(getComputedStyle(element).overflowX) || scrolls(element.parentElement));
const page = document.documentElement;
return [
  ...(page.scrollWidth > page.clientWidth ? ["the page"] : []),
  ...[...document.querySelectorAll("article *")].filter((element) => element.checkVisibility()
    && element.getBoundingClientRect().right > page.clientWidth + 1 && !scrolls(element))
    .map((element) => element.outerHTML.slice(0, 100))];
"""
# Tables of options that scroll at all: they are lists on a narrow screen.
SCROLLING = """
return [...document.querySelectorAll(".table-wrapper:has(.ansible-option-table)")]
  .filter((box) => box.scrollWidth > box.clientWidth).map((box) => box.textContent.trim().slice(0, 100));
"""
NOT_LOADED = """
return [...document.images].filter((image) => !(image.complete && image.naturalWidth)).map((image) => image.src);
"""
FOUND = "return [...document.querySelectorAll('#search-results li a')].map((found) => found.textContent)"


@dataclass
class Document(HTMLParser):
    """What a page links, what it loads, and what can be linked in it."""

    path: Path
    links: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value for name, value in attrs if value}
        self.anchors |= {named[name] for name in ("id", "name") if name in named}
        if tag == "a" and "href" in named:
            self.links.append(named["href"])
        # An icon or a sheet is loaded; what stands before, after or above a page is not.
        elif tag == "link" and not {"next", "prev", "search", "canonical"} & set(named.get("rel", "").split()):
            self.loaded.append(named["href"])
        elif "src" in named:
            self.loaded.append(named["src"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, ROOT / "tools/site/build.py", folder / "site", folder / "scratch"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout
    return folder / "site"


@pytest.fixture(scope="module")
def documents(site: Path) -> dict[Path, Document]:
    return {path: Document(path) for path in sorted(site.rglob("*.html"))}


class TestLinks:
    def test_lead_to_a_page_and_to_a_place_in_it(self, documents: dict[Path, Document]) -> None:
        broken = []
        for path, document in documents.items():
            for link in filter(is_internal, document.links):
                target, place = resolved(path, link)
                if not target.is_file() or (place and target in documents and place not in documents[target].anchors):
                    broken.append((path.name, link))
        assert broken == []
        assert sum(len(document.links) for document in documents.values()) > 1000

    def test_lead_to_every_page_from_the_first(self, site: Path, documents: dict[Path, Document]) -> None:
        reached, following = set(), [site / "index.html"]
        while following:
            if (path := following.pop()) in documents and path not in reached:
                reached.add(path)
                following += [resolved(path, link)[0] for link in filter(is_internal, documents[path].links)]
        # That page is what its field leads to.
        assert set(documents) - reached <= {site / "search.html"}

    def test_to_the_repository_lead_to_what_is_there(self, documents: dict[Path, Document]) -> None:
        ours = re.compile(rf"{HOME}/(?:blob|tree|raw)/main/([^#]+)")
        linked = [found[1] for document in documents.values() for link in document.links if (found := ours.match(link))]
        assert "examples" in linked
        # The first release brings the other.
        assert [path for path in linked if not (ROOT / path).exists()] == []


def test_nothing_is_loaded_from_elsewhere(documents: dict[Path, Document]) -> None:
    loaded = {(path, address) for path, document in documents.items() for address in document.loaded}
    assert [address for _path, address in loaded if not is_internal(address)] == []
    assert [address for path, address in loaded if not resolved(path, address)[0].is_file()] == []


def test_every_page_and_plugin_is_there(site: Path) -> None:
    there = {path.stem for path in site.glob("*.html")}
    assert {path.stem for path in pages.FOLDER.glob("*.md")} <= there
    kinds = {"modules": "module", "filter": "filter", "inventory": "inventory"}
    plugins = {
        f"{path.stem}_{kind}" for folder, kind in kinds.items() for path in (ROOT / "plugins" / folder).glob("*.py")
    }
    assert {path.stem for path in (site / "plugins").glob("*.html")} == {*plugins, "ecr_share_role", "index"}


def test_picture_says_what_it_shows() -> None:
    picture = pages.FOLDER / "images" / "merging.svg"
    root = ElementTree.fromstring(picture.read_text(encoding="utf-8"))
    texts = [root.findtext(f"{{http://www.w3.org/2000/svg}}{name}") for name in ("title", "desc")]
    assert all(texts)
    assert root.attrib["aria-labelledby"] == "title desc"
    assert picture.stat().st_size < 8000


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with chromium(tmp_path_factory.mktemp("profile"), width=1200) as driver:
        # Leave the page that it begins with, which is its own and loads this and that.
        driver.get("about:blank")
        page = Page(driver)
        page.requests()
        yield page


@pytest.mark.skipif(
    not (BROWSER and DRIVER),
    reason="THE SITE IS NOT LOOKED AT: there is no chromium with its chromedriver; tools/browser.sh installs them",
)
class TestInABrowser:
    @pytest.mark.parametrize("width", [NARROW, 1200])
    def test_every_page_is_readable_and_complains_of_nothing(
        self, page: Page, site: Path, documents: dict[Path, Document], width: int
    ) -> None:
        page.resize(width, 900)
        beyond, missing, requested = {}, {}, set()
        for path in documents:
            page.open(path)
            beyond[path.name] = [*page.driver.execute_script(BEYOND), *page.driver.execute_script(SCROLLING)]
            missing[path.name] = page.driver.execute_script(NOT_LOADED)
            assert page.complaints() == []
            requested |= set(page.requests())
        assert {name: found for name, found in beyond.items() if found} == {}
        assert {name: found for name, found in missing.items() if found} == {}
        assert site.joinpath("index.html").as_uri() in requested
        assert [address for address in requested if not address.startswith((site.as_uri(), "data:"))] == []

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize(
        "name",
        ["index", "merging", "grants", "getting-started", "plugins/ecr_share_policy_module", "plugins/ecr_share_role"],
    )
    def test_text_can_be_read_in_light_and_in_dark(self, page: Page, site: Path, scheme: str, name: str) -> None:
        page.resize(1200, 900)
        with page.scheme(scheme):
            page.open(site / f"{name}.html")
            shown = page.contrasts()
        assert len(shown) > 50
        assert [(text, ratio) for text, ratio in shown if ratio < 4.5] == []

    def test_search_finds_pages(self, page: Page, site: Path) -> None:
        page.driver.get(f"{(site / 'search.html').as_uri()}?q=offboard")
        until(lambda: "Take somebody out" in page.driver.execute_script(FOUND))


def is_internal(link: str) -> bool:
    return not urlsplit(link).scheme and not urlsplit(link).netloc


def resolved(path: Path, link: str) -> tuple[Path, str]:
    """The file that a link of a page leads to, and the place in it."""
    parts = urlsplit(link)
    return (path.parent / unquote(parts.path)).resolve() if parts.path else path, unquote(parts.fragment)
