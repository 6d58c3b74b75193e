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
from typing import Any

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
  vars: &{name}
    # As a module's result, what a file holds is no template.
    ecr_share_report: "{{{{ lookup('ansible.builtin.file', playbook_dir ~ '/{name}.json') | from_json }}}}"
- name: Write the shares of {name}
  ansible.builtin.copy:
    content: "{{{{ ecr_share_report | imageshare.aws.ecr_share_csv }}}}"
    dest: "{{{{ playbook_dir }}}}/{name}.csv"
    mode: "0600"
  vars: *{name}
"""


def render(aws: EmbeddedAws, folder: Path, reports: Mapping[str, Any]) -> None:
    """Write C(<name>.html) and C(<name>.csv) of each report into the folder, by a playbook as a user would run it."""
    template = ROOT / "roles/ecr_share/templates/report.html.j2"
    for name, report in reports.items():
        (folder / f"{name}.json").write_text(json.dumps(report), encoding="utf-8")
    tasks = "".join(_RENDER.format(name=name, template=template) for name in reports)
    played = run_playbook(aws, folder, tasks)
    assert played.code == 0, played.text
    assert "[WARNING]" not in played.text, played.text


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

    def click(self, selector: str, text: str) -> None:
        """The button with this in it, or with nothing else."""
        buttons = [
            found for found in self.driver.find_elements(By.CSS_SELECTOR, f"{selector} button") if text in found.text
        ]
        (button,) = [found for found in buttons if found.text == text] or buttons
        button.click()

    def cell(self, row: int, column: int) -> WebElement:
        """A drawn one; both from 0."""
        return self.driver.find_elements(By.CSS_SELECTOR, "#grid tbody tr:not(.filler)")[row].find_elements(
            By.TAG_NAME, "td"
        )[column]

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
