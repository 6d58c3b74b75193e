# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of an audit, as Ansible renders it and as a browser shows it."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.imageshare.aws.plugins.filter import ecr_share_csv
from ansible_collections.imageshare.aws.tests.integration import statements
from ansible_collections.imageshare.aws.tests.integration.inventories import OTHER_REGION, registries, sharing
from ansible_collections.imageshare.aws.tests.support import audits
from ansible_collections.imageshare.aws.tests.support.ansible_process import ansible
from ansible_collections.imageshare.aws.tests.support.browser import BROWSER, DRIVER, Page, chromium, render
from ansible_collections.imageshare.aws.tests.support.embedded_aws import REGION, EmbeddedAws
from ansible_collections.imageshare.aws.tests.support.module_process import run_playbook
from selenium.webdriver import Chrome
from selenium.webdriver.common.keys import Keys

pytestmark = [
    pytest.mark.skipif(
        not (BROWSER and DRIVER),
        reason="THE REPORT IS NOT TESTED: there is no chromium with its chromedriver; tools/browser.sh installs them",
    ),
    # One browser, and one rendering, are enough.
    pytest.mark.xdist_group("report"),
]

SECONDS = 1.0
HOSTILE = (
    "<script>window.owned = 1</script>",
    "</script><script>window.owned = 1</script><!--",
    "<img src=x onerror='window.owned = 1'>",
    "{{ 7 * 7 }} {% raw %} {# note #}",
    "\u2028\u2029 line & paragraph",
    "javascript:window.owned=1 \" ' ` ${1} \\u003c",
    '=HYPERLINK("http://127.0.0.1:9/")',
)


def share(principal: str, kind: str, access: str, *positions: int, **more: Any) -> dict[str, Any]:
    return {
        "principal": principal,
        "kind": kind,
        "access": access,
        "can_pull": access in ("pull", "pull_push"),
        "can_push": access in ("push", "pull_push"),
        "actions": [],
        "lambda_regions": [],
        "conditions": [],
        "statements": [{"position": position, "sid": f"Statement{position}"} for position in positions],
        "denied_by": [],
        "managed": False,
        **more,
    }


def statement(position: int, **more: Any) -> dict[str, Any]:
    return {"Sid": f"Statement{position}", "Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage", **more}


def repository(name: str, *shares: dict[str, Any], **more: Any) -> dict[str, Any]:
    policy = {"Version": "2008-10-17", "Statement": [statement(position) for position in range(1, 10)]}
    return {
        "name": name,
        "arn": f"arn:aws:ecr:us-east-1:123456789012:repository/{name}",
        "uri": f"123456789012.dkr.ecr.us-east-1.amazonaws.com/{name}",
        "registry_id": "123456789012",
        "region": "us-east-1",
        "policy": policy,
        "policy_length": 500,
        "policy_room": 9740,
        "shares": list(shares),
        "public": False,
        "public_statements": [],
        "deleted_principals": [],
        "unmanaged_statements": [],
        **more,
    }


def without(row: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != name}


def registry(*repositories: dict[str, Any], region: str = "us-east-1", partition: str = "aws") -> dict[str, Any]:
    return {
        "registry_id": "123456789012",
        "region": region,
        "partition": partition,
        "repositories": list(repositories),
    }


def report(*registries: dict[str, Any], check: bool = True) -> dict[str, Any]:
    return {"generated_at": "2026-11-20T06:30:00Z", "check": check, "registries": list(registries)}


TEAM, OTHER, CI = "111122223333", "444455556666", "arn:aws:iam::444455556666:role/ci"
LAMBDA = {"lambda_regions": ["us-east-1", "eu-west-1"], "managed": True}
CONDITION = {"operator": "StringEquals", "key": "aws:SourceVpc", "values": ["vpc-1", "vpc-2"]}
MAYBE = {"position": 8, "sid": None, "certain": False}
SURELY = {"position": 9, "sid": "No more", "certain": True}
PLAIN = report(
    registry(
        repository(
            "app",
            share(TEAM, "account", "pull", 1, 2, **LAMBDA),
            share(OTHER, "account", "pull", 3),
            share(OTHER, "account", "push", 4, conditions=[CONDITION]),
            share(CI, "role", "pull_push", 5, denied_by=[MAYBE]),
        ),
        repository("base/go", share(TEAM, "account", "push", 1, denied_by=[SURELY], can_push=False)),
        repository(
            "base/python",
            share("*", "everyone", "pull", 1),
            share(TEAM, "account", "pull", 2),
            public=True,
            public_statements=[{"position": 1, "sid": "Statement1"}, {"position": 3, "sid": None}],
        ),
        repository("empty", policy=None, policy_length=0),
        repository(
            "full",
            share("codebuild.amazonaws.com", "service", "partial", 1, actions=["ecr:ListImages"]),
            policy_length=8193,
        ),
        {"name": "secret", "error": "secret: AccessDeniedException"},
    ),
    registry(
        repository("app", share(OTHER, "account", "admin", 1), drift={"granted": [], "revoked": []}),
        repository(
            "old",
            share("AROAEXAMPLE7DELETED42", "deleted", "pull", 1),
            share(TEAM, "account", "lambda", 2, lambda_regions=["*"]),
            orphans=["AROAEXAMPLE7DELETED42"],
            unmanaged_statements=[{"position": 1, "sid": "Statement1"}],
            drift={
                "granted": [{"principal": CI, "access": ["pull"], "lambda_regions": []}],
                "revoked": [{"principal": TEAM, "access": [], "lambda_regions": ["*"]}],
            },
        ),
        region="us-west-2",
    ),
)
PUSHING = ["ecr:BatchCheckLayerAvailability", "ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload", "ecr:PutImage"]
PULLING = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
LOOKING = ["ecr:DescribeImages"]


def partial(*actions: str, **can: bool) -> dict[str, Any]:
    return share(TEAM, "account", "partial", 2, actions=sorted(actions), **can)


def admin(*actions: str, **can: bool) -> dict[str, Any]:
    return share(TEAM, "account", "admin", 3, actions=sorted({*actions, "ecr:SetRepositoryPolicy"}), **can)


PULL, PUSH = share(TEAM, "account", "pull", 1, managed=True), share(TEAM, "account", "push", 1)
CUT = share(TEAM, "account", "pull", 1, denied_by=[MAYBE], can_pull=False)
# What one principal has by several shares: the repository, the shares, what its cell says and shows, and its entries in
# the legend.
TOGETHER: tuple[tuple[str, list[dict[str, Any]], str, str, set[str]], ...] = (
    ("pull", [PULL], "pull", "↓", {"can pull"}),
    ("pull and push apart", [PULL, PUSH], "pull and push", "⇅", {"can pull", "can push", "can do both"}),
    (
        "pull, and push with more",
        [PULL, partial(*PUSHING, *LOOKING, can_push=True)],
        "pull, push and more",
        "⇅+",
        {"can pull", "can push", "can do both", "other actions"},
    ),
    (
        "pull, and push in other words",
        [PULL, partial(*PUSHING, can_push=True)],
        "pull and push",
        "⇅",
        {"can pull", "can push", "can do both"},
    ),
    ("pull, and looking", [PULL, partial(*LOOKING)], "pull and more", "↓+", {"can pull", "other actions"}),
    (
        "pull with looking",
        [partial(*PULLING, *LOOKING, can_pull=True)],
        "pull and more",
        "↓+",
        {"can pull", "other actions"},
    ),
    ("pull in other words", [partial(*PULLING, can_pull=True)], "pull", "↓", {"can pull"}),
    ("a half of pull", [partial(PULLING[0])], "other actions", "…", {"other actions"}),
    ("policy alone", [admin()], "admin", "!", {"may change the policy"}),
    (
        "all",
        [admin(*PULLING, *PUSHING, can_pull=True, can_push=True)],
        "admin, can pull and push",
        "!⇅",
        {"can pull", "can push", "can do both", "may change the policy"},
    ),
    ("pull, and policy", [PULL, admin()], "admin, can pull", "!↓", {"can pull", "may change the policy"}),
    (
        "pull, and more under a condition",
        [PULL, {**partial(*LOOKING), "conditions": [CONDITION]}],
        "pull and more, under a condition",
        "↓+",
        {"can pull", "other actions", "under a condition"},
    ),
    (
        "pull, a part of it denied",
        [CUT],
        "pull granted, cannot pull: statement 8 denies a part of it",
        "↓",
        {"denied"},
    ),
    (
        "pull, a part of it denied, and push",
        [CUT, PUSH],
        "push, cannot pull: statement 8 denies a part of it",
        "↑",
        {"can push", "partly or maybe denied"},
    ),
    (
        "push, denied, and pull",
        [{**PUSH, "denied_by": [SURELY], "can_push": False}, PULL],
        "pull, cannot push: statement 9 denies it",
        "↓",
        {"can pull", "partly or maybe denied"},
    ),
    (
        "looking, with Lambda",
        [partial(*LOOKING), share(TEAM, "account", "lambda", 4, lambda_regions=["*"])],
        "other actions, also Lambda functions",
        "…λ",
        {"other actions", "Lambda"},
    ),
)
LEGEND = {
    "can pull",
    "can push",
    "can do both",
    "Lambda",
    "other actions",
    "may change the policy",
    "under a condition",
    "partly or maybe denied",
    "denied",
}
LONG = "AllowPull" * 330
REPORTS = {
    "plain": PLAIN,
    "together": report(registry(*(repository(name, *shares) for name, shares, *_cell in TOGETHER))),
    "long": report(
        registry(
            repository("app", share(TEAM, "account", "pull", 1, statements=[{"position": 1, "sid": LONG}])),
        )
    ),
    "hostile": report(
        registry(
            *(
                repository(
                    f"hostile/{number}{text}",
                    share(
                        text,
                        "other",
                        "partial",
                        1,
                        actions=[text],
                        conditions=[{"operator": text, "key": text, "values": [text]}],
                        statements=[{"position": 1, "sid": text}],
                        denied_by=[{"position": 1, "sid": text, "certain": False}],
                    ),
                    policy={"Statement": {"Sid": text}},
                    uri=text,
                    error=text,
                    orphans=[text],
                    unmanaged_statements=[{"position": 1, "sid": text}],
                    drift={"granted": [{"principal": text, "access": text, "lambda_regions": [text]}], "revoked": []},
                )
                for number, text in enumerate(HOSTILE)
            ),
        )
    ),
    "without-policies": report(
        registry(
            {
                key: value
                for key, value in repository("app", share(TEAM, "account", "pull", 1)).items()
                if key != "policy"
            }
        ),
        check=False,
    ),
    "older": report(registry(repository("app", without(without(PULL, "can_pull"), "can_push")))),
    "nothing": report(registry()),
    "two-partitions": report(
        registry(repository("app", share(TEAM, "account", "pull", 1))),
        registry(repository("app", share(TEAM, "account", "pull", 1)), region="cn-north-1", partition="aws-cn"),
    ),
    "company": audits.report(repositories=1000, principals=50, most_shares=25),
}


@pytest.fixture(scope="module")
def folder(process: EmbeddedAws, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("reports")
    render(process, made, REPORTS)
    return made


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        driver.get("about:blank")
        driver.execute_cdp_cmd("Performance.enable", {})
        yield driver


@pytest.fixture
def opened(browser: Chrome, folder: Path) -> Iterator[Callable[[str], Page]]:
    """Open the page of a report. Whatever is done with it: it asks for nothing else, and the console stays silent."""
    page, addresses = Page(browser), []

    def open_page(name: str) -> Page:
        address = folder / f"{name}.html"
        addresses.append(address.as_uri())
        page.open(address)
        return page

    page.requests()
    yield open_page
    assert page.requests() == addresses
    assert page.complaints() == []


@pytest.fixture
def plain(opened: Callable[[str], Page]) -> Page:
    return opened("plain")


@pytest.fixture
def company(opened: Callable[[str], Page]) -> Page:
    return opened("company")


class TestRendering:
    @pytest.mark.parametrize("name", REPORTS)
    def test_data_is_in_the_page_to_the_letter(self, folder: Path, name: str) -> None:
        text = (folder / f"{name}.html").read_text(encoding="utf-8")
        (data,) = re.findall(r'<script type="application/json" id="report">(.*?)</script>', text)
        assert json.loads(data) == REPORTS[name]
        assert not {"<", ">", "&", "\u2028", "\u2029"} & set(data)

    def test_page_is_the_same_whatever_the_data_but_for_the_data(self, folder: Path) -> None:
        def around(name: str) -> str:
            text = (folder / f"{name}.html").read_text(encoding="utf-8")
            data = re.search(r'id="report">(.*)</script>', text)
            nonce = re.search(r"script-src 'nonce-(\w+)'", text)
            assert data
            assert nonce
            return text.replace(data[1], "").replace(nonce[1], "")

        assert around("hostile") == around("plain")

    @pytest.mark.parametrize("name", REPORTS)
    def test_csv_has_a_line_for_each_share_and_each_repository_without(self, folder: Path, name: str) -> None:
        with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            lines = list(csv.DictReader(file))
        expected = [
            (row["name"], entry["access"], row.get("error", ""))
            for group in REPORTS[name]["registries"]
            for row in group["repositories"]
            for entry in row.get("shares") or [{"access": ""}]
        ]
        found = [(line["repository"], line["access"], line["error"].removeprefix("'")) for line in lines]
        assert found == expected

    def test_example_of_the_filter_makes_what_is_documented(self, aws: EmbeddedAws, tmp_path: Path) -> None:
        assert run_playbook(aws, tmp_path, ecr_share_csv.EXAMPLES).code == 0
        sample = yaml.safe_load(ecr_share_csv.RETURN)["_value"]["sample"]
        assert (tmp_path / "report.csv").read_bytes() == sample.replace("\n", "\r\n").encode()


class TestSafety:
    @pytest.mark.parametrize("number", range(len(HOSTILE)))
    def test_hostile_text_is_shown_and_runs_nothing(self, opened: Callable[[str], Page], number: int) -> None:
        page, text = opened("hostile"), HOSTILE[number]
        row = page.rows.index(f"hostile/{number}{text}")
        (column,) = (index for index, label in enumerate(page.columns) if label == text)
        page.cell(row, column).click()
        shown = "".join(page.texts("#detail"))
        assert f'1 "{text}"' in shown
        assert f"{text} {text}: {text}" in shown
        assert json.dumps({"Sid": text}, indent=2, ensure_ascii=False) in page.texts("#detail pre")
        page.press(Keys.HOME, Keys.ENTER)
        assert page.texts("#detail .alarm") == [text]
        page.driver.execute_script("document.querySelector('#grid thead th:last-child').click()")
        assert page.driver.execute_script("return [window.owned, document.images.length]") == [None, 0]

    @pytest.mark.parametrize(
        "attempt",
        [
            "document.body.append(Object.assign(document.createElement('script'), {text: 'window.owned = 1'}))",
            "document.body.innerHTML += '<img src=x onerror=\"window.owned = 1\">'",
            "document.body.append(Object.assign(document.createElement('img'), {src: 'http://127.0.0.1:9/'}))",
            "navigator.sendBeacon('http://127.0.0.1:9/')",
            "document.body.style.backgroundImage = 'url(http://127.0.0.1:9/)'",
        ],
    )
    def test_browser_refuses_what_the_page_does_not_do(self, plain: Page, attempt: str) -> None:
        # The driver's own scripts are exempt from the policy of the page; what they leave behind is not.
        plain.driver.execute_script(f"setTimeout(() => {{ {attempt} }})")
        plain.driver.execute_async_script("setTimeout(arguments[0], 100)")
        assert plain.driver.execute_script("return window.owned") is None
        (complaint, *_more) = plain.complaints()
        assert "Content Security Policy" in complaint


class TestCounts:
    @pytest.mark.parametrize(
        ("count", "number", "rows"),
        [
            ("repositories", 8, ["app", "app", "base/go", "base/python", "empty", "full", "old", "secret"]),
            ("shares", 11, ["app", "app", "base/go", "base/python", "full", "old"]),
            ("public", 1, ["base/python"]),
            ("deleted_principals", 1, ["old"]),
            ("near the size limit", 1, ["full"]),
            ("denied", 2, ["app", "base/go"]),
            ("failed to read", 1, ["secret"]),
            ("drifted", 1, ["old"]),
        ],
    )
    def test_count_narrows_the_rows_until_it_is_pressed_again(
        self, plain: Page, count: str, number: int, rows: list[str]
    ) -> None:
        assert f"{number}{count}" in plain.texts("#counts button")
        plain.click("#counts", count)
        assert plain.rows == rows
        plain.click("#counts", count)
        assert len(plain.rows) == 8

    def test_principals_are_listed_with_those_of_most_repositories_first(self, plain: Page) -> None:
        plain.click("#counts", "principals")
        assert plain.texts("#detail li")[:2] == [f"account {TEAM}4", f"account {OTHER}2"]
        plain.click("#detail", TEAM)
        assert len(plain.texts("#detail li")) == 4

    def test_drift_is_not_counted_where_nobody_looked(self, opened: Callable[[str], Page]) -> None:
        assert not any("drifted" in text for text in opened("without-policies").texts("#counts button"))


class TestFilters:
    @pytest.mark.parametrize(
        ("field", "text", "rows", "columns"),
        [
            ("repository", "BASE/", ["base/go", "base/python"], ["everyone", TEAM]),
            ("principal", "role/CI", ["app"], [f"role/ci {OTHER}"]),
            ("principal", "service", ["full"], ["codebuild.amazonaws.com"]),
            ("principal", "nobody", [], []),
        ],
    )
    def test_text_leaves_the_rows_and_columns_that_belong_to_it(
        self, plain: Page, field: str, text: str, rows: list[str], columns: list[str]
    ) -> None:
        plain.fill(field, text)
        assert (plain.rows, plain.columns) == (rows, columns)
        assert plain.find("#nothing").is_displayed() is (not rows)
        plain.click("#filters", "Clear")
        assert plain.shown == "8 of 8 repositories, 6 of 6 principals"

    @pytest.mark.parametrize(
        ("entries", "rows"),
        [
            (["can pull"], ["app", "base/python", "old"]),
            (["can push"], ["app"]),
            (["can do both"], ["app"]),
            (["Lambda"], ["app", "old"]),
            (["may change the policy"], ["app"]),
            (["other actions"], ["full"]),
            (["other actions", "may change the policy"], ["app", "full"]),
            (["under a condition"], ["app"]),
            (["partly or maybe denied"], ["app"]),
            (["can do both", "under a condition", "partly or maybe denied"], []),
        ],
    )
    def test_legend_leaves_the_cells_of_its_levels_and_marks(
        self, plain: Page, entries: list[str], rows: list[str]
    ) -> None:
        for entry in entries:
            plain.click("#legend", entry)
        assert plain.rows == rows
        for entry in entries:
            plain.click("#legend", entry)
        assert len(plain.rows) == 8

    @pytest.mark.parametrize(
        ("place", "number"),
        [("us-east-1", 6), ("us-west-2", 2), ("123456789012", 8), ("123456789012 us-west-2", 2)],
    )
    def test_place_leaves_its_repositories(self, plain: Page, place: str, number: int) -> None:
        plain.choose("place", place)
        assert len(plain.rows) == number

    def test_one_registry_leaves_no_choice(self, opened: Callable[[str], Page]) -> None:
        assert not opened("hostile").find("#place").is_displayed()

    def test_one_account_id_in_two_partitions_is_two_accounts(self, opened: Callable[[str], Page]) -> None:
        assert set(opened("two-partitions").columns) == {f"{TEAM} (aws)", f"{TEAM} (aws-cn)"}

    def test_what_is_shown_is_told(self, plain: Page) -> None:
        status = plain.find("#shown")
        assert (status.aria_role, status.text) == ("status", "8 of 8 repositories, 6 of 6 principals")
        plain.fill("repository", "base/go")
        assert status.text == "1 of 8 repositories, 1 of 6 principals"


class TestOrder:
    def test_rows(self, plain: Page) -> None:
        plain.choose("row-order", "most shares first")
        assert plain.rows[:3] == ["app", "base/python", "old"]
        plain.choose("row-order", "longest policy first")
        assert (plain.rows[0], plain.rows[-2:]) == ("full", ["empty", "secret"])

    def test_columns(self, plain: Page) -> None:
        by_kind = ["everyone", TEAM, OTHER, f"role/ci {OTHER}", "codebuild.amazonaws.com", "AROAEXAMPLE7DELETED42"]
        assert plain.columns == by_kind
        plain.choose("column-order", "by name")
        assert plain.columns[:2] == [TEAM, OTHER]
        assert plain.columns[-1] == f"role/ci {OTHER}"
        plain.choose("column-order", "most shares first")
        assert plain.columns[:2] == [TEAM, OTHER]

    def test_numbers_in_names_count(self, company: Page) -> None:
        assert company.rows[:3] == ["base/alpine", "base/alpine-2", "base/alpine-3"]


class TestCells:
    @pytest.mark.parametrize(
        ("row", "column", "words", "glyph"),
        [
            (0, 1, "pull, also Lambda functions", "↓λ"),
            (0, 2, "pull and push, under a condition", "⇅"),
            (0, 3, "pull and push, a Deny may defeat it or a part", "⇅"),
            (0, 0, "nothing", ""),
            (1, 2, "admin", "!"),
            (2, 1, "push, defeated by a Deny", "↑"),
            (5, 4, "other actions", "…"),
            (6, 1, "Lambda functions pull", "λ"),
        ],
    )
    def test_cell_says_the_widest_level_and_what_stands_in_its_way(
        self, plain: Page, row: int, column: int, words: str, glyph: str
    ) -> None:
        cell = plain.cell(row, column)
        assert (cell.accessible_name, cell.text.replace("\n", "")) == (words, glyph)

    @pytest.mark.parametrize(
        ("name", "words", "glyphs"), [(name, words, glyphs) for name, _shares, words, glyphs, _legend in TOGETHER]
    )
    def test_cell_says_what_all_shares_of_a_principal_amount_to(
        self, opened: Callable[[str], Page], name: str, words: str, glyphs: str
    ) -> None:
        page = opened("together")
        cell = page.cell(page.rows.index(name), 0)
        assert (cell.accessible_name, cell.text.replace("\n", "")) == (words, glyphs)

    def test_report_that_does_not_say_who_can_pull_goes_by_the_level(self, opened: Callable[[str], Page]) -> None:
        page = opened("older")
        page.click("#legend", "can pull")
        assert page.cell(0, 0).accessible_name == "pull"

    @pytest.mark.parametrize("entry", sorted(LEGEND))
    def test_cell_is_found_by_what_any_of_the_shares_can(self, opened: Callable[[str], Page], entry: str) -> None:
        page = opened("together")
        page.click("#legend", entry)
        expected = {name for name, _shares, _words, _glyphs, legend in TOGETHER if entry in legend}
        assert set(page.rows) == expected

    @pytest.mark.parametrize("cell", [cell for cell in TOGETHER if CUT in cell[1]], ids=lambda cell: cell[0])
    def test_share_that_a_deny_cuts_says_what_it_cannot(
        self, opened: Callable[[str], Page], cell: tuple[str, Any, str, str, Any]
    ) -> None:
        page = opened("together")
        page.cell(page.rows.index(cell[0]), 0).click()
        assert page.texts("#detail .alarm") == [
            "cannot pull: statement 8 denies a part of it",
            "8 denies a part of it",
        ]


class TestDetails:
    def test_public_repository_says_through_which_statements(self, plain: Page) -> None:
        plain.fill("repository", "python")
        plain.find("#grid tbody tr:nth-child(2) th").click()
        assert 'to any account, through statements 1 "Statement1", 3' in plain.detail

    def test_text_of_any_length_stays_within_the_panel(self, opened: Callable[[str], Page]) -> None:
        page = opened("long")
        page.cell(0, 0).click()
        assert LONG in page.detail
        panel = page.find("#detail")
        assert panel.get_property("scrollWidth") <= panel.get_property("clientWidth")

    def test_cell_opens_its_statements(self, plain: Page) -> None:
        plain.cell(0, 1).click()
        assert f"app → {TEAM}" in plain.detail
        assert "managed" in plain.detail
        assert "Lambda functions in us-east-1, eu-west-1 may pull." in plain.detail
        assert [json.loads(text) for text in plain.texts("#detail pre")] == [statement(1), statement(2)]

    def test_shares_of_one_principal_are_told_apart(self, plain: Page) -> None:
        plain.cell(0, 2).click()
        first, second = plain.texts("#detail .share")
        assert "foreign" in first
        assert "Only if" not in first
        assert "aws:SourceVpc StringEquals: vpc-1, vpc-2" in second

    def test_deny_is_told_with_its_statement(self, plain: Page) -> None:
        plain.cell(0, 3).click()
        assert plain.texts("#detail .alarm") == ["8 may deny it or a part"]
        assert [json.loads(text) for text in plain.texts("#detail pre")] == [statement(5), statement(8)]
        plain.cell(2, 1).click()
        assert plain.texts("#detail .alarm") == ['9 "No more" denies all of it']

    def test_repository_opens_its_policy_its_drift_and_its_orphans(self, plain: Page) -> None:
        plain.find("#grid tbody tr:nth-child(8) th").click()
        assert "500 of 10,240 characters" in plain.detail
        assert f"missing: {CI}: pull" in plain.detail
        assert f"too much: {TEAM}: Lambda functions in every region" in plain.detail
        assert 'Statement 1 "Statement1"' in plain.detail
        assert json.loads(plain.texts("#detail pre")[0])["Version"] == "2008-10-17"

    def test_repository_that_failed_opens_its_error(self, plain: Page) -> None:
        plain.find("#grid tbody tr:nth-child(9) th").click()
        assert plain.texts("#detail .alarm") == ["secret: AccessDeniedException"]
        assert "characters" not in plain.detail

    def test_report_without_policies_says_so(self, opened: Callable[[str], Page]) -> None:
        page = opened("without-policies")
        page.cell(0, 0).click()
        assert "made without the policies" in page.detail

    def test_report_of_nothing_says_so(self, opened: Callable[[str], Page]) -> None:
        page = opened("nothing")
        assert page.shown == "0 of 0 repositories, 0 of 0 principals"
        assert page.find("#nothing").is_displayed()


class TestKeyboard:
    def test_arrows_move_enter_opens_and_escape_returns(self, plain: Page) -> None:
        plain.find("#clear").send_keys(Keys.TAB)
        for _entry in range(20):
            if plain.focused.startswith("app"):
                break
            plain.press(Keys.TAB)
        plain.press(Keys.ARROW_RIGHT, Keys.ARROW_DOWN, Keys.ARROW_DOWN)
        assert plain.focused.startswith(f"base/go → account {TEAM}: push")
        plain.press(Keys.ENTER)
        assert plain.focused == f"base/go → {TEAM}"
        plain.press(Keys.ESCAPE)
        assert not plain.detail
        assert plain.focused.startswith(f"base/go → account {TEAM}: push")

    def test_headers_are_cells_like_others(self, plain: Page) -> None:
        plain.cell(0, 1).click()
        plain.press(Keys.ARROW_UP)
        assert plain.focused == f"account {TEAM}"
        plain.press(Keys.ENTER)
        assert len(plain.texts("#detail li")) == 4
        plain.press(Keys.ESCAPE, Keys.ARROW_DOWN, Keys.HOME)
        assert plain.focused == "app (123456789012 us-east-1)"

    def test_keys_reach_the_end_of_a_thousand_rows_and_come_back(self, company: Page) -> None:
        company.cell(0, 0).click()
        company.press(Keys.ESCAPE)
        company.driver.switch_to.active_element.send_keys(Keys.CONTROL, Keys.END)
        assert company.rows[-1] == "tools/scanner-19"
        assert company.focused.startswith("tools/scanner-19 → ")
        company.press(Keys.PAGE_UP)
        assert not company.focused.startswith("tools/scanner-19 → ")
        company.driver.switch_to.active_element.send_keys(Keys.CONTROL, Keys.HOME)
        assert company.focused.startswith("base/alpine (")

    def test_focus_outlives_a_scroll_that_takes_its_row_away(self, company: Page) -> None:
        company.cell(2, 3).click()
        scroll(company, 12_000)
        drawn(company)
        assert "base/alpine" not in company.rows
        company.press(Keys.ARROW_DOWN)
        assert company.focused.startswith("base/alpine-4 → ")

    def test_grid_is_one_stop_of_the_tab_key(self, company: Page) -> None:
        assert len(company.texts("#grid [tabindex='0']")) == 1
        company.cell(4, 4).click()
        assert len(company.texts("#grid [tabindex='0']")) == 1


class TestReaders:
    def test_matrix_is_a_grid_whose_size_is_told(self, company: Page) -> None:
        grid = company.find("#grid")
        assert grid.aria_role == "grid"
        assert grid.accessible_name.startswith("Repositories by principals")
        assert (grid.get_attribute("aria-rowcount"), grid.get_attribute("aria-colcount")) == ("1001", "51")
        assert company.find("#grid thead th:nth-child(2)").aria_role == "columnheader"
        assert company.find("#grid tbody th").aria_role == "rowheader"
        assert company.cell(0, 0).aria_role == "gridcell"
        row = company.find("#grid tbody tr:nth-child(3)")
        assert (row.aria_role, row.get_attribute("aria-rowindex")) == ("row", "3")

    def test_every_control_has_a_name(self, plain: Page) -> None:
        plain.cell(0, 1).click()
        controls = plain.driver.find_elements("css selector", "button, input, select")
        displayed = [control for control in controls if control.is_displayed()]
        assert len(displayed) > 20
        assert all(control.accessible_name for control in displayed)

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_text_stands_out_from_what_is_behind_it(self, plain: Page, scheme: str) -> None:
        """By 4.5 to 1: https://www.w3.org/TR/WCAG22/#contrast-minimum"""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        plain.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        plain.find("#grid tbody tr:nth-child(8) th").click()
        found = plain.driver.execute_script(CONTRASTS)
        plain.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
        assert len(found) > 60
        assert [(text, ratio) for text, ratio in found if ratio < 4.5] == []


# Each text that is displayed, and the contrast with the nearest background behind it.
CONTRASTS = """
const numbers = (colour) => (colour.match(/[\\d.]+/g) ?? []).map(Number);
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


def test_paper_has_every_row(company: Page) -> None:
    drawn = "document.querySelectorAll('#grid tbody tr:not(.filler)').length"
    company.fill("repository", "base/")
    company.driver.execute_script(f"addEventListener('beforeprint', () => {{ window.printed = {drawn}; }})")
    company.driver.execute_cdp_cmd("Page.printToPDF", {})
    assert company.shown.startswith("200 of")
    assert company.driver.execute_script("return window.printed") == 200
    assert company.driver.execute_script(f"return {drawn}") < 100


class TestSpeed:
    """Of 1,000 repositories and 50 principals: script, style and layout."""

    def test_page_opens(self, company: Page) -> None:
        assert company.shown == "1,000 of 1,000 repositories, 50 of 50 principals"
        assert 0 < busy(company) < SECONDS

    @pytest.mark.parametrize(
        "action",
        [
            # One character, because each is an action of its own.
            pytest.param(lambda page: page.fill("principal", "r"), id="filter by principal"),
            pytest.param(lambda page: page.fill("repository", "p"), id="filter by repository"),
            pytest.param(lambda page: page.click("#legend", "can pull"), id="filter by level"),
            pytest.param(lambda page: page.click("#counts", "denied"), id="filter by count"),
            pytest.param(lambda page: page.choose("place", "eu-west-1"), id="filter by region"),
            pytest.param(lambda page: page.choose("row-order", "most shares first"), id="sort rows"),
            pytest.param(lambda page: page.choose("column-order", "most shares first"), id="sort columns"),
            pytest.param(lambda page: page.cell(3, 7).click(), id="open a cell"),
            pytest.param(lambda page: page.find("#grid thead th:nth-child(9)").click(), id="open a principal"),
            pytest.param(lambda page: page.find("#grid tbody tr:nth-child(5) th").click(), id="open a repository"),
            pytest.param(lambda page: scroll(page, 14_000), id="scroll far away"),
        ],
    )
    def test_matrix_answers(self, company: Page, action: Callable[[Page], None]) -> None:
        before = busy(company)
        action(company)
        drawn(company)
        assert 0 < busy(company) - before < SECONDS


def busy(page: Page) -> float:
    metrics = page.metrics()
    return sum(metrics[name] for name in ("ScriptDuration", "LayoutDuration", "RecalcStyleDuration"))


def scroll(page: Page, pixels: int) -> None:
    page.driver.execute_script("document.getElementById('scroller').scrollTop = arguments[0]", pixels)


def drawn(page: Page) -> None:
    """Wait until what was done is to be seen."""
    page.driver.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")


@pytest.fixture(scope="module")
def audited(process: EmbeddedAws, tmp_path_factory: pytest.TempPathFactory) -> Path:
    process.reset()
    made = tmp_path_factory.mktemp("audited")
    team = statements.allow("pull", statements.root(TEAM))
    hostile = [
        {**statements.allow("pull", text, Sid=text), "Condition": {"StringEquals": {text: text}}} for text in HOSTILE
    ]
    process.plant_many({"app": statements.policy(team), "hostile": statements.policy(*hostile)})
    process.plant_many({"app": statements.policy(statements.allow("pull", "*")), "secret": "none"}, region=OTHER_REGION)
    wanted = sharing(ecr_share_repositories=["*"], ecr_share_report_dir=str(made))
    inventory = registries({**wanted, "ecr_share_regions": [REGION, OTHER_REGION]}, images={})
    (made / "inventory.yml").write_text(yaml.safe_dump(inventory), encoding="utf-8")
    done = ansible(process, made, "playbook", "-i", made / "inventory.yml", "imageshare.aws.audit")
    assert done.code == 2, done.output
    assert "1 of 2 repositories failed" in done.flat
    return made


class TestPageOfTheRole:
    """What is stored in AWS, written by the playbook that audits, and opened in the browser."""

    @pytest.fixture
    def page(self, opened: Callable[[str], Page], audited: Path) -> Page:
        return opened(str(audited / "report"))

    def test_has_every_registry_with_its_drift_and_its_failures(self, page: Page) -> None:
        assert page.rows == ["app", "app", "hostile", "secret"]
        for count in ("4repositories", "1public", "1failed to read", "2drifted"):
            assert count in page.texts("#counts button")
        page.click("#counts", "drifted")
        assert page.rows == ["app", "hostile"]
        page.find("#grid tbody tr:nth-child(2) th").click()
        assert f"missing: {TEAM}: pull" in page.detail
        assert OTHER_REGION in page.detail

    def test_tells_the_statement_of_a_declared_grant(self, page: Page) -> None:
        page.fill("principal", TEAM)
        page.cell(0, 0).click()
        assert f"app → {TEAM}" in page.detail
        assert "managed" in page.detail
        assert json.loads(page.texts("#detail pre")[0])["Sid"] == "AllowPull"

    def test_shows_what_strangers_have_written_and_runs_none_of_it(self, page: Page) -> None:
        page.fill("repository", "hostile")
        for text in HOSTILE:
            column = page.columns.index(text)
            page.driver.execute_script(
                "document.querySelectorAll('#grid tbody tr:not(.filler)')[0].children[arguments[0]].click()", column + 1
            )
            assert f'"{text}"' in "".join(page.texts("#detail"))
            assert json.loads(page.texts("#detail pre")[0])["Sid"] == text
        assert page.driver.execute_script("return [window.owned, document.images.length]") == [None, 0]
