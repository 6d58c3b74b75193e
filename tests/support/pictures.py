# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""usage: pictures.py FOLDER

Pictures of the report for a person to look at: in light and in dark, each 1600, 900 and 400 pixels wide, some with a
cell, the registry policies or the findings opened, or with what differs, and on paper. report.png is the one of
docs/report.md.
"""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from ansible_collections.imageshare.aws.tests.support.audits import report
from ansible_collections.imageshare.aws.tests.support.browser import Page, chromium, render
from ansible_collections.imageshare.aws.tests.support.embedded_aws import EmbeddedAws

# Width and height of the window, and what is clicked.
_CELL = "#grid tbody tr:nth-child({row}) td:has(.mark)"
_POLICIES = "#registry-policies button"
_DIFFERS = "#legend > :nth-child(3) > :last-child"
_FINDINGS = "#counts button"
_SIZES = {
    "wide": (1600, 1000, _CELL.format(row=2)),
    "medium": (900, 800, None),
    "narrow": (400, 800, None),
    "phone": (400, 800, _CELL.format(row=5)),
    "policy": (1600, 1000, f"{_POLICIES}:nth-of-type(2)"),
    "policy-phone": (400, 800, _POLICIES),
    "differs": (1600, 1000, _DIFFERS),
    "differs-medium": (900, 800, _DIFFERS),
    "findings": (1600, 1000, _FINDINGS),
    "findings-phone": (400, 800, _FINDINGS),
}


def take(folder: Path) -> None:
    """Write the pictures into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as temporary, EmbeddedAws() as aws:
        work = Path(temporary)
        render(aws, work, {"small": report(48, 24, 8), "large": report()})
        for scheme in ("light", "dark"):
            with chromium(work / f"profile-{scheme}") as driver, Page(driver).scheme(scheme):
                page = Page(driver)
                page.open(work / "small.html")
                page.find(f"{_CELL.format(row=7)}:has(.mark :nth-child(2))").click()
                driver.save_screenshot(str(folder / ("report.png" if scheme == "light" else "report-dark.png")))
                page.open(work / "large.html")
                for name, (width, height, clicked) in _SIZES.items():
                    page.resize(width, height)
                    page.driver.refresh()
                    if clicked:
                        page.find(clicked).click()
                    driver.save_screenshot(str(folder / f"{name}-{scheme}.png"))
                options = {"preferCSSPageSize": True, "printBackground": True}
                printed = driver.execute_cdp_cmd("Page.printToPDF", options)
                (folder / f"print-of-{scheme}.pdf").write_bytes(base64.b64decode(printed["data"]))


if __name__ == "__main__":
    take(Path(sys.argv[1]))
