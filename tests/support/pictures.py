# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""usage: pictures.py FOLDER

Pictures of the report, to be looked at by a person: light (that of the README), dark, narrow and on paper.
"""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from ansible_collections.imageshare.aws.tests.support.audits import report
from ansible_collections.imageshare.aws.tests.support.browser import Page, chromium, render
from ansible_collections.imageshare.aws.tests.support.embedded_aws import EmbeddedAws
from selenium.webdriver.common.keys import Keys


def take(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as temporary, EmbeddedAws() as aws:
        work = Path(temporary)
        render(aws, work, {"small": report(48, 24, 8), "large": report()})
        for dark in (False, True):
            with chromium(work / f"profile-{dark}") as driver:
                page = Page(driver)
                scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
                driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
                page.open(work / "small.html")
                page.cell(4, 12).click()
                driver.save_screenshot(str(folder / ("dark.png" if dark else "report.png")))
                page.press(Keys.ESCAPE)
                page.open(work / "large.html")
                printed = driver.execute_cdp_cmd(
                    "Page.printToPDF", {"preferCSSPageSize": True, "printBackground": True}
                )
                (folder / ("print-of-dark.pdf" if dark else "print.pdf")).write_bytes(base64.b64decode(printed["data"]))
                if not dark:
                    driver.save_screenshot(str(folder / "large.png"))
                    driver.set_window_size(760, 860)
                    page.cell(3, 2).click()
                    driver.save_screenshot(str(folder / "narrow.png"))


if __name__ == "__main__":
    take(Path(sys.argv[1]))
