# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report in a real browser: rendered by Ansible, opened from disk in a headless Chromium."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ansible_collections.imageshare.aws.tests.support.embedded_aws import EmbeddedAws
from ansible_collections.imageshare.aws.tests.support.module_process import run_playbook
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

ROOT = Path(__file__).resolve().parents[2]
# tools/browser.sh installs both.
BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")

_OPTIONS = (
    "--headless",
    # root, as in many containers, gets no sandbox.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    # Else Chromium itself asks Google's servers for this and that.
    "--no-first-run",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_RENDER = """\
- name: Render the page of {name}
  ansible.builtin.template:
    src: {template}
    dest: "{{{{ playbook_dir }}}}/{name}.html"
    mode: "0600"
  vars:
    ecr_share_report: "{{{{ lookup('ansible.builtin.file', playbook_dir ~ '/{name}.json') }}}}"
"""


def render(aws: EmbeddedAws, folder: Path, reports: Mapping[str, str]) -> None:
    """Write C(<name>.html) of each report, a JSON text, into the folder, by a playbook."""
    template = ROOT / "roles/ecr_share/templates/report.html.j2"
    for name, report in reports.items():
        (folder / f"{name}.json").write_text(report, encoding="utf-8")
    tasks = "".join(_RENDER.format(name=name, template=template) for name in reports)
    played = run_playbook(aws, folder, tasks)
    assert played.code == 0, played.text
    assert "[WARNING]" not in played.text, played.text


# Each text that is displayed, and the contrast with the nearest background behind it: 4.5 to 1 is enough.
# https://www.w3.org/TR/WCAG22/#contrast-minimum
_CONTRASTS = """
// The parts of a mixed colour go up to 1.
const scale = (colour, index) => (colour.startsWith("color(") && index < 3 ? 255 : 1);
const numbers = (colour) => (colour.match(/[\\d.]+/g) ?? []).map((part, index) => part * scale(colour, index));
const light = ([red, green, blue]) => [red, green, blue].map((part) => part / 255)
  .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
  .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
const behind = (element) => {
  const colour = numbers(getComputedStyle(element).backgroundColor);
  return colour.length === 3 || colour[3] > 0 ? colour : behind(element.parentElement);
};
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const found = [];
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
  const [one, other] = [light(numbers(getComputedStyle(element).color)), light(behind(element))];
  found.push([walker.currentNode.data, (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05)]);
}
return found;
"""


_WITH_TEXT = """
return [...document.querySelectorAll(arguments[0])].filter((found) => found.textContent.includes(arguments[1]));
"""


@contextmanager
def chromium(profile: Path, width: int = 1400, height: int = 1000) -> Iterator[Chrome]:
    """A browser that notes what it logs and requests. profile: a folder of its own."""
    options = ChromeOptions()
    options.binary_location = BROWSER or ""
    for option in (*_OPTIONS, f"--user-data-dir={profile}", f"--window-size={width},{height}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    # With both paths named, Selenium looks for nothing and fetches nothing.
    driver = Chrome(options=options, service=ChromeService(DRIVER))
    try:
        yield driver
    finally:
        driver.quit()


class Page:
    """The page of a report, as somebody sees and uses it."""

    def __init__(self, driver: Chrome) -> None:
        self.driver = driver

    def open(self, path: Path) -> None:
        self.driver.get(path.as_uri())

    @contextmanager
    def scheme(self, name: str) -> Iterator[None]:
        """Prefer a colour scheme, light or dark."""
        self._emulate({"name": "prefers-color-scheme", "value": name})
        yield
        self._emulate()

    def _emulate(self, *features: dict[str, str]) -> None:
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": list(features)})

    def resize(self, width: int, height: int) -> None:
        """Set the size of the screen: a window is no narrower than 500 pixels."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def find(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def texts(self, selector: str) -> list[str]:
        found = self.driver.execute_script(
            "return [...document.querySelectorAll(arguments[0])].map((found) => found.textContent)", selector
        )
        return list(found)

    @property
    def shown(self) -> str:
        return self.find("#shown").text

    @property
    def rows(self) -> list[str]:
        """The repositories that are drawn."""
        return self.texts("#grid tbody .name")

    @property
    def columns(self) -> list[str]:
        return self.texts("#grid thead .label")

    @property
    def detail(self) -> str:
        """The text of the panel; empty if it is closed."""
        return self.find("#detail").text

    @property
    def focused(self) -> str:
        """What has the focus, in the words of the line above the matrix or of the page."""
        element = self.driver.switch_to.active_element
        return self.find("#here").text if element.tag_name in ("td", "th") else element.text

    def press(self, *keys: str) -> None:
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    def fill(self, field: str, text: str) -> None:
        self.find(f"#{field}").clear()
        self.find(f"#{field}").send_keys(text)

    def choose(self, field: str, choice: str) -> None:
        self.find(f"#{field} option[value='{choice}']").click()

    def button(self, selector: str, text: str) -> WebElement:
        """The button whose last line is a text, or the only one that has it."""
        buttons: list[WebElement] = self.driver.execute_script(_WITH_TEXT, f"{selector} button", text)
        (button,) = [found for found in buttons if found.text.splitlines()[-1:] == [text]] or buttons
        return button

    def click(self, selector: str, text: str) -> None:
        """Click such a button."""
        self.button(selector, text).click()

    def cell(self, row: int, column: int) -> WebElement:
        """A drawn one; both from 0."""
        return self.driver.find_elements(By.CSS_SELECTOR, "#grid tbody tr:not(.filler)")[row].find_elements(
            By.TAG_NAME, "td"
        )[column]

    def head(self, column: int) -> WebElement:
        """The header of a column; from 0."""
        return self.find(f"#grid thead th:nth-child({column + 2})")

    def row(self, row: int) -> WebElement:
        """The header of a drawn row; from 0."""
        return self.find(f"#grid tbody tr:nth-child({row + 2}) th")

    def scroll(self, pixels: int) -> None:
        self.driver.execute_script("document.getElementById('scroller').scrollTop = arguments[0]", pixels)
        self.settle()

    def settle(self) -> None:
        """Wait until what was done can be seen."""
        self.driver.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")

    def contrasts(self) -> list[tuple[str, float]]:
        """Each text that is displayed, with its contrast."""
        return [(text, ratio) for text, ratio in self.driver.execute_script(_CONTRASTS)]

    def metrics(self) -> dict[str, float]:
        """Seconds and counts so far: https://chromedevtools.github.io/devtools-protocol/tot/Performance/"""
        found = self.driver.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
        return {metric["name"]: metric["value"] for metric in found}

    def complaints(self) -> list[str]:
        """What the console has said since the last time."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """The addresses that were asked for since the last time, without those that the page's own policy refused."""
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        refused = {event["params"]["requestId"] for event in events if event["params"].get("blockedReason") == "csp"}
        return [
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent" and event["params"]["requestId"] not in refused
        ]
