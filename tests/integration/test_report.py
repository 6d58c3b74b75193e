# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of an audit, as Ansible renders it and as a browser shows it.

What a cell means is tested in tests/unit/plugins/module_utils/_role/test_cells.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from unicodedata import bidirectional

import pytest
import yaml
from ansible_collections.imageshare.aws.plugins.filter import ecr_share_csv
from ansible_collections.imageshare.aws.tests.integration import statements
from ansible_collections.imageshare.aws.tests.integration.inventories import OTHER_REGION, registries, sharing
from ansible_collections.imageshare.aws.tests.support import audits, nasty_texts
from ansible_collections.imageshare.aws.tests.support.ansible_process import ansible
from ansible_collections.imageshare.aws.tests.support.audits import audit, reported, share
from ansible_collections.imageshare.aws.tests.support.browser import BROWSER, DRIVER, Page, chromium, render
from ansible_collections.imageshare.aws.tests.support.embedded_aws import REGION, EmbeddedAws
from ansible_collections.imageshare.aws.tests.support.module_process import run_playbook
from selenium.webdriver import Chrome
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

pytestmark = pytest.mark.skipif(
    not (BROWSER and DRIVER),
    reason="THE REPORT IS NOT TESTED: there is no chromium with its chromedriver; tools/browser.sh installs them",
)

MOST_ROWS, MOST_LAYOUTS = 100, 20
HOSTILE = (
    "<script>window.owned = 1</script>",
    "</script><script>window.owned = 1</script><!--",
    "<img src=x onerror='window.owned = 1'>",
    "{{ 7 * 7 }} {% raw %} {# note #}",
    "\u2028\u2029 line & paragraph",
    "javascript:window.owned=1 \" ' ` ${1} \\u003c",
    '=HYPERLINK("http://127.0.0.1:9/")',
)
# The page leaves letters that are written from right to left, and keeps their direction to themselves.
UNSEEN = [row for row in nasty_texts.NASTY.values() if not (row[0].isprintable() and bidirectional(row[0]) in "RAN")]
NASTY = [f"a{character}b" for character, _shown in UNSEEN]
RIGHT_TO_LEFT = "\u05d0\u05d1\u05d2"
# The places of our own characters, which are ASCII, in each line of what is displayed: by line, from left to right.
PLACES = """
const walker = document.createTreeWalker(arguments[0], NodeFilter.SHOW_TEXT);
const lines = new Map();
while (walker.nextNode()) {
  const block = walker.currentNode.parentElement.closest("p, li, dd, h2, pre, th, button, #here");
  for (let index = 0; index < walker.currentNode.length; index += 1) {
    const range = document.createRange();
    range.setStart(walker.currentNode, index);
    range.setEnd(walker.currentNode, index + 1);
    const [place] = range.getClientRects();
    if (!place || walker.currentNode.data.charCodeAt(index) > 126 || !block) continue;
    const line = lines.get(block) ?? lines.set(block, new Map()).get(block);
    const top = Math.round(place.top);
    line.set(top, [...(line.get(top) ?? []), [walker.currentNode.data[index], place.left]]);
  }
}
return [...lines.values()].flatMap((line) => [...line.values()]);
"""
# Of rows that look alike, the account and the region that can be read: no letter of them is cut.
IN_FULL = """
return [...document.querySelectorAll("#grid .twin .where")].map((where) => {
  const edge = where.getBoundingClientRect().right;
  return [...where.querySelectorAll("bdi")].slice(0, 2).map((part) => {
    const place = part.getBoundingClientRect();
    return place.width > 0 && place.right <= edge ? part.textContent : "cut";
  });
});
"""
# Of whatever is displayed, of tooltips, and of what is read out.
TEXTS = """
return [document.body.innerText,
  ...[...document.querySelectorAll("[title]")].map((found) => found.title),
  ...[...document.querySelectorAll("[aria-label]")].map((found) => found.ariaLabel)];
"""


def as_shown(text: str) -> str:
    """A text of HOSTILE as the page shows it."""
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def statement(position: int) -> dict[str, Any]:
    return {"Sid": f"Statement{position}", "Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}


def repository(name: str, *shares: dict[str, Any], **more: Any) -> dict[str, Any]:
    policy = {"Version": "2008-10-17", "Statement": [statement(position) for position in range(1, 10)]}
    return audits.repository(name, *shares, **{"policy": policy, **more})


def hostile(number: int, text: str) -> dict[str, Any]:
    """A repository with this text wherever somebody else may have written."""
    return repository(
        f"hostile/{number}{text}",
        share(
            text,
            "other",
            text,
            other_actions=[text],
            lambda_regions=[text],
            conditions=[{"operator": text, "key": text, "values": [text, text]}],
            via_service=text,
            # Another one, so that the share is not what a service keeps.
            statements=[audits.statement(1, text, written_by=text), audits.statement(2, text)],
            denied_by=[audits.deny(1, text, sid=text, certain=False)],
        ),
        policy={"Statement": {"Sid": text, text: text}},
        uri=text,
        error=text,
        deleted_principals=[text],
        unmanaged_statements=[audits.statement(1, text)],
        unscoped_service=True,
        unscoped_service_statements=[audits.statement(1, text, "registry")],
        registry_policy_read=False,
        drift={
            "missing": [{"principal": text, "access": [text], "lambda_regions": [text]}],
            "undeclared": [],
        },
    )


def hostile_report(*texts: str) -> str:
    """A report with these texts wherever somebody else may have written."""
    found = [
        audits.finding(
            "undeclared" if index else text,
            text,
            "other",
            repository=f"hostile/{index}{text}",
            name=text,
            access=[text],
            other_actions=[text],
            lambda_regions=[text],
            statements=[audits.statement(1, text)],
            message=text,
            accepted={"reason": text, "until": text} if index % 2 else None,
        )
        for index, text in enumerate(texts)
    ]
    # Of a registry that the report does not have, and of none.
    found += [audits.finding("unread", registry_id=text, region=text, host=text, message=text) for text in texts]
    return reported(
        audit(*(hostile(number, text) for number, text in enumerate(texts)), policy=hostile_policy(*texts)),
        names={text: text for text in texts},
        findings=found,
        not_looked_at=texts,
    )


def hostile_policy(*texts: str) -> dict[str, Any]:
    """A registry policy with these texts wherever somebody else may have written, a share for each."""
    return audits.registry_policy(
        *(
            audits.registry_share(
                text,
                "other",
                text,
                1,
                text,
                conditions=[{"operator": text, "key": text, "values": [text]}],
                via_service=text,
                statements=[audits.statement(1, text, "registry")],
                denied_by=[audits.deny(1, text, sid=text, policy="registry")],
            )
            for text in texts
        ),
        scope=texts[0],
        public_statements=[audits.statement(1, text, "registry") for text in texts],
        policy={"Statement": {text: text for text in texts}},
    )


TEAM, OTHER, CI = "111122223333", "444455556666", "arn:aws:iam::444455556666:role/ci"
LAMBDA = {"lambda_regions": ["us-east-1", "eu-west-1"], "managed": True}
CONDITION = {"operator": "StringEquals", "key": "aws:SourceVpc", "values": ["vpc-1", "vpc-2"]}
MAYBE = audits.deny(8, "pull", "push", "describe", certain=False)
PART = audits.deny(8, "pull", certain=False)
SURELY = audits.deny(9, "push", sid="No more")
FROZEN = audits.deny(2, "push", sid="Freeze", policy="registry")
PLAIN = reported(
    audit(
        repository(
            "app",
            share(TEAM, "account", "pull", 1, 2, **LAMBDA),
            share(OTHER, "account", "pull", 3),
            share(OTHER, "account", "push", 4, conditions=[CONDITION]),
            share(CI, "role", "pull push describe", 5, denied_by=[MAYBE]),
        ),
        repository("base/go", share(TEAM, "account", "push", 1, denied_by=[SURELY], defeated=True, can_push=False)),
        repository(
            "base/python",
            share("*", "everyone", "pull", 1),
            share(TEAM, "account", "pull", 2),
            public=True,
            public_statements=[audits.statement(1, "Statement1"), audits.statement(3)],
        ),
        repository("empty", policy=None, policy_length=0),
        repository(
            "full",
            share("codebuild.amazonaws.com", "service", "", 1, other_actions=["ecr:ListImages"]),
            policy_length=8193,
        ),
        {"name": "secret", "error": "secret: AccessDeniedException", "error_code": "AccessDeniedException"},
    ),
    audit(
        repository(
            "app",
            share(OTHER, "account", "admin", 1, other_actions=["ecr:SetRepositoryPolicy"]),
            share(CI, "role", "pull", 2, denied_by=[PART], can_pull=False),
            drift={"missing": [], "undeclared": []},
        ),
        repository(
            "old",
            share("AROAEXAMPLE7DELETED42", "deleted", "pull", 1),
            share(TEAM, "account", "", 2, lambda_regions=["*"]),
            deleted_principals=["AROAEXAMPLE7DELETED42"],
            unmanaged_statements=[audits.statement(1, "Statement1")],
            drift={
                "missing": [{"principal": CI, "access": ["pull", "push"], "lambda_regions": []}],
                "undeclared": [{"principal": TEAM, "access": [], "lambda_regions": ["*"]}],
            },
        ),
        region="us-west-2",
    ),
)
# What the policy of the first registry says.
MIRROR, EVERYWHERE = "arn:aws:ecr:us-east-1:123456789012:repository/base/*", "arn:aws:ecr:*:*:repository/app"
REPLICATION: list[dict[str, Any]] = [
    {"Sid": "Replication", "Effect": "Allow", "Action": "ecr:ReplicateImage", "Resource": MIRROR},
    {"Sid": "Freeze", "Effect": "Deny", "Action": "ecr:PutImage", "Resource": "*"},
]
WRITTEN_BY_LAMBDA = audits.statement(3, "LambdaECRImageRetrievalPolicy", written_by="lambda.amazonaws.com")
REGISTRY_POLICIES = reported(
    audit(
        repository(
            "base/go",
            share(OTHER, "account", "replicate", statements=[audits.statement(1, "Replication", "registry")]),
            share(CI, "role", "pull push", 4, can_push=False, denied_by=[FROZEN]),
            share(TEAM, "account", "pull describe", 1, can_pull=False, via_service="codebuild.amazonaws.com"),
            share(
                "123456789012",
                "account",
                "",
                lambda_regions=["eu-west-1", "us-east-1"],
                lambda_regions_denied=["eu-west-1"],
                statements=[WRITTEN_BY_LAMBDA],
                denied_by=[audits.deny(2, "lambda", policy="registry")],
            ),
            share(
                "123456789012",
                "account",
                "",
                via_service="lambda.amazonaws.com",
                other_actions=["ecr:SetRepositoryPolicy"],
                statements=[WRITTEN_BY_LAMBDA],
            ),
        ),
        repository(
            "web",
            share("emr-serverless.amazonaws.com", "service", "pull", 2),
            unscoped_service=True,
            unscoped_service_statements=[audits.statement(2, "Statement2"), audits.statement(4, None, "registry")],
        ),
        policy=audits.registry_policy(
            audits.registry_share(OTHER, "account", "replicate create", 1, MIRROR, EVERYWHERE),
            audits.registry_share(TEAM, "account", "pull", 3, conditions=[CONDITION], via_service="*"),
            policy_length=1234,
            policy={"Version": "2012-10-17", "Statement": REPLICATION},
        ),
    ),
    audit(
        repository("app", share(TEAM, "account", "pull", 1), registry_policy_read=False),
        region="us-west-2",
        policy=audits.registry_policy(error="GetRegistryPolicy: AccessDeniedException"),
    ),
    audit(
        repository("app"),
        region="eu-west-1",
        policy=audits.registry_policy(
            audits.registry_share("*", "everyone", "pull", 1, "*"),
            public=True,
            public_statements=[audits.statement(1, "Registry1", "registry")],
        ),
    ),
    audit(repository("app"), region="eu-north-1"),
    audit(repository("app"), region="eu-central-1"),
    audit(repository("app"), region="eu-south-1", policy=audits.registry_policy(policy_length=99)),
)
# What a company has: two registries of two hosts, names for its principals, grants, and findings.
SANDBOX, ORGANIZATION = "210987654321", "o-a1b2c3d4e5"
ACCEPTED = {"reason": "Until they have moved", "until": "2027-03-31"}
PUSHES = {"access": ["push"], "statements": [audits.statement(2, "Statement2")], "repository": "prod/api"}
ESTATE = audits.of_hosts(
    {
        "images-prod": [
            audit(
                repository("base/go", share(TEAM, "account", "pull", 1), share(OTHER, "account", "pull", 2)),
                repository(
                    "prod/api",
                    share(TEAM, "account", "pull", 1),
                    share(OTHER, "account", "pull push", 2),
                    share(CI, "role", "pull", 3),
                ),
                repository("prod/web/shop", share(TEAM, "account", "pull", 1, lambda_regions=["us-east-1"])),
                repository("product"),
            )
        ],
        "images-sandbox": [
            audit(
                repository(
                    "prod/api",
                    share(
                        "999988887777",
                        "account",
                        "",
                        1,
                        via_service="codebuild.amazonaws.com",
                        other_actions=["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:StartImageScan"],
                    ),
                ),
                repository("tools/[x]"),
                registry_id=SANDBOX,
                region="ap-southeast-2",
            )
        ],
    },
    results=[
        {
            "connection": "these credentials",
            "label": "us-east-1",
            "region": "us-east-1",
            "registry_id": "123456789012",
            "error": None,
            "repositories": [
                {
                    "name": "base/go",
                    "changed": True,
                    "granted": [
                        {"principal": ORGANIZATION, "access": ["pull"], "lambda_regions": []},
                        {"principal": TEAM, "access": ["push"], "lambda_regions": []},
                    ],
                    "revoked": [],
                }
            ],
        }
    ],
    names={TEAM: "checkout-prod", OTHER: "partner", "123456789012": "base-images"},
    findings=[
        audits.finding("undeclared", CI, "role", **{**PUSHES, "access": ["pull"]}, message="Nobody shares with ci."),
        audits.finding("excess", OTHER, "account", **PUSHES, name="partner", message="partner may push."),
        audits.finding("excess", OTHER, "account", **PUSHES, certain=False, message="partner may push, perhaps."),
        audits.finding("unread", host="images-far", registry_id=None, region="eu-west-1", message="It failed."),
        audits.finding(
            "undeclared", OTHER, "account", repository="base/go", access=["pull"], message="Old.", accepted=ACCEPTED
        ),
    ],
    not_looked_at=["Policies of IAM.", "Endpoint policies."],
)
# A report of a collection that knows one more capability.
ANOTHER_LEVEL = json.loads(reported(audit(repository("app", share(TEAM, "account", "pull", 1)))))
SIGN = {"name": "sign", "glyph": "§", "label": "can sign", "colours": ["#00008b", "#add8e6"], "alarm": False}
ANOTHER_LEVEL["levels"].append(SIGN)
ANOTHER_LEVEL["views"][0] |= {"levels": ["pull", "push", "describe", "sign"], "words": "pull, push, describe and sign"}
EVERY_LEVEL = json.loads(reported(audit(repository("app", share(TEAM, "account", "pull", 1)))))
EVERY_LEVEL["views"][0]["levels"] = ["pull", "push", "describe", "replicate", "lambda", "service", "other", "admin"]
LONG = "AllowPull" * 330
_PULLS = {"access": ["pull"], "lambda_regions": []}
REPORTS = {
    "plain": PLAIN,
    "estate": ESTATE,
    "another-level": json.dumps(ANOTHER_LEVEL),
    "every-level": json.dumps(EVERY_LEVEL),
    "long": reported(
        audit(repository("app", share(TEAM, "account", "pull", 1, statements=[audits.statement(1, LONG)])))
    ),
    "hostile": hostile_report(*HOSTILE),
    "nasty": hostile_report(*NASTY),
    "right-to-left": hostile_report(RIGHT_TO_LEFT),
    "unread": reported(audit(repository("app"), policy=audits.registry_policy(error=HOSTILE[0]))),
    "registry-policies": REGISTRY_POLICIES,
    "failed": reported(audits.failed("AccessDeniedException")),
    "without-policies": reported(audit(audits.repository("app", share(TEAM, "account", "pull", 1))), compared=False),
    "nothing": reported(audit()),
    "templates": reported(
        audit(
            repository("app"),
            policy=audits.registry_policy(
                drift={
                    "missing": [{**_PULLS, "principal": TEAM, "repositories": ["services/*"]}],
                    "undeclared": [],
                    "undeclared_actions": [{"principal": OTHER, "actions": ["ecr:PutImage"], "repositories": ["*"]}],
                }
            ),
            templates=[audits.template("services", share(TEAM, "account", "pull", 1))],
        ),
    ),
    "two-partitions": reported(
        audit(repository("app", share(TEAM, "account", "pull", 1))),
        audit(repository("app", share(TEAM, "account", "pull", 1)), region="cn-north-1", partition="aws-cn"),
    ),
    "company": audits.report(repositories=1000, principals=50, most_shares=25),
}


COMPANY_PRINCIPALS = len(
    {
        (one["principal_type"], one["principal"])
        for registry in json.loads(REPORTS["company"])["registries"]
        for row in registry["repositories"]
        for one in row.get("shares", ())
    }
)


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
        assert json.loads(data) == json.loads(REPORTS[name])
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

    def test_example_of_the_filter_makes_what_is_documented(self, aws: EmbeddedAws, tmp_path: Path) -> None:
        assert run_playbook(aws, tmp_path, ecr_share_csv.EXAMPLES).code == 0
        sample = yaml.safe_load(ecr_share_csv.RETURN)["_value"]["sample"]
        assert (tmp_path / "report.csv").read_bytes() == sample.replace("\n", "\r\n").encode()


class TestSafety:
    @pytest.mark.parametrize("number", range(len(HOSTILE)))
    def test_hostile_text_is_shown_and_runs_nothing(self, opened: Callable[[str], Page], number: int) -> None:
        page, text = opened("hostile"), as_shown(HOSTILE[number])
        row = page.rows.index(f"hostile/{number}{text}")
        (column,) = (index for index, label in enumerate(page.columns) if label == f"{text} {text}")
        page.cell(row, column).click()
        shown = "".join(page.texts("#detail"))
        assert f'1 "{text}", written by {text} itself' in shown
        assert f"{text} uses it for them." in shown
        assert f"{text} {text}: {text}, {text}" in shown
        policy = {"Sid": HOSTILE[number], HOSTILE[number]: HOSTILE[number]}
        assert policy in map(json.loads, page.texts("#detail pre"))
        page.press(Keys.HOME, Keys.ENTER)
        assert page.texts("#detail .alarm") == [text, "The registry policy was not read, others may get in by it."]
        page.driver.find_element("css selector", "#registry-policies button").click()
        assert text in "".join(page.texts("#detail"))
        page.driver.execute_script("document.querySelector('#grid thead th:last-child').click()")
        page.click("#counts", "findings")
        assert text in "".join(page.texts("#detail"))
        assert text in "".join(page.texts("#not-looked-at li"))
        assert page.driver.execute_script("return [window.owned, document.images.length]") == [None, 0]

    def test_what_is_not_seen_is_shown_wherever_it_stands(self, opened: Callable[[str], Page]) -> None:
        page = opened("nasty")
        texts: list[str] = page.driver.execute_script(TEXTS)
        for row in range(len(NASTY)):
            page.row(row).click()
            texts += page.driver.execute_script(TEXTS)
            columns = page.driver.find_elements("css selector", "#detail .link")
            columns[-1].click()
            texts += page.driver.execute_script(TEXTS)
        for opener in (page.find("#registry-policies button"), page.find("#counts button")):
            opener.click()
            texts += page.driver.execute_script(TEXTS)
        texts += page.texts("#places option") + page.texts("#detail details") + page.texts("#not-looked-at")
        # Isolates are what the page itself writes around a foreign text in an attribute.
        assert [text for text in texts if nasty_texts.forging(text, allowed="\n\t\u2068\u2069\xa0")] == []
        assert all(text.count("\u2068") == text.count("\u2069") for text in texts)
        whole = "".join(texts)
        assert [shown for _character, shown in UNSEEN if f"a{shown}b" not in whole] == []

    @pytest.mark.parametrize(
        "where",
        ["the matrix", "a cell", "a repository", "a principal", "all principals", "the registry policy", "findings"],
    )
    def test_what_is_written_from_right_to_left_moves_nothing_else(
        self, opened: Callable[[str], Page], where: str
    ) -> None:
        page = opened("right-to-left")
        match where:
            case "a cell":
                page.cell(0, 0).click()
            case "a repository":
                page.row(0).click()
            case "a principal":
                page.head(0).click()
            case "all principals":
                page.click("#counts", "principals")
            case "the registry policy":
                page.click("#registry-policies", "300 characters, 1 share")
            case "findings":
                page.click("#counts", "findings")
        # The headers of columns are turned.
        for selector in ("#grid tbody", "#here", "#detail", "#not-looked-at"):
            for line in page.driver.execute_script(PLACES, page.find(selector)):
                places = [left for _own, left in line]
                assert places == sorted(places), line
        assert RIGHT_TO_LEFT in "".join(page.texts("bdi"))
        foreign = page.driver.execute_script(
            "return [...document.querySelectorAll('bdi')].map((found) => getComputedStyle(found).unicodeBidi)"
        )
        assert set(foreign) == {"isolate"}

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
        # An image of the style is not asked for before something is drawn.
        plain.settle()
        assert plain.driver.execute_script("return window.owned") is None
        (complaint, *_more) = plain.complaints()
        assert "Content Security Policy" in complaint


class TestCounts:
    def test_count_narrows_the_rows_until_it_is_pressed_again(self, plain: Page) -> None:
        for count, number, rows in (
            ("repositories", 8, ["app", "app", "base/go", "base/python", "empty", "full", "old", "secret"]),
            ("shares", 12, ["app", "app", "base/go", "base/python", "full", "old"]),
            ("public", 1, ["base/python"]),
            ("with deleted principals", 1, ["old"]),
            ("near the size limit", 1, ["full"]),
            ("denied", 3, ["app", "app", "base/go"]),
            ("failed to read", 1, ["secret"]),
            # One of them has the declared access by other statements than the newest.
            ("drifted", 2, ["app", "old"]),
        ):
            assert f"{number}{count}" in plain.texts("#counts button")
            plain.click("#counts", count)
            assert plain.rows == rows, count
            plain.click("#counts", count)
            assert len(plain.rows) == 8

    def test_principals_are_listed_with_those_of_most_repositories_first(self, plain: Page) -> None:
        plain.click("#counts", "principals")
        assert plain.texts("#detail li")[:2] == [f"account {TEAM}4", f"account {OTHER}2"]
        plain.click("#detail", TEAM)
        assert len(plain.texts("#detail li")) == 4

    def test_drift_is_not_counted_where_nothing_was_compared(self, opened: Callable[[str], Page]) -> None:
        assert not any("drifted" in text for text in opened("without-policies").texts("#counts button"))


class TestFilters:
    def test_text_leaves_the_rows_and_columns_that_belong_to_it(self, plain: Page) -> None:
        for field, text, rows, columns in (
            ("repository", "BASE/", ["base/go", "base/python"], ["everyone", TEAM]),
            ("principal", "role/CI", ["app", "app"], [f"role/ci {OTHER}"]),
            ("principal", "AWS service", ["full"], ["codebuild.amazonaws.com"]),
            ("principal", "nobody", [], []),
        ):
            plain.fill(field, text)
            assert (plain.rows, plain.columns) == (rows, columns)
            assert plain.find("#nothing").is_displayed() is (not rows)
            plain.click("#filters", "Clear")
            assert plain.shown == "8 of 8 repositories, 6 of 6 principals"

    def test_legend_leaves_the_cells_that_have_each_level_and_mark(self, plain: Page) -> None:
        for entries, rows in (
            (["can pull"], ["app", "base/python", "old"]),
            (["can push"], ["app"]),
            (["can pull", "can push", "can describe"], ["app"]),
            (["Lambda"], ["app", "old"]),
            (["Lambda", "can pull"], ["app"]),
            (["Lambda", "can push"], []),
            (["may change the policy"], ["app"]),
            (["other actions"], ["full"]),
            (["under a condition"], ["app"]),
            (["partly or maybe denied"], ["app"]),
            (["can push", "under a condition", "partly or maybe denied"], []),
            (["may replicate images into it"], []),
            (["a service uses it"], []),
            (["denied"], ["app", "base/go"]),
            (["denied", "can push"], []),
        ):
            for entry in entries:
                plain.click("#legend", entry)
            assert plain.rows == rows, entries
            for entry in entries:
                plain.click("#legend", entry)
            assert len(plain.rows) == 8

    def test_registry_leaves_its_repositories(self, plain: Page) -> None:
        regions = {"us-east-1": 6, "us-west-2": 2, "123456789012": 8, "123456789012 us-west-2": 2}
        for where, number in regions.items():
            plain.fill("registry", where)
            assert len(plain.rows) == number, where

    def test_one_registry_leaves_no_choice(self, opened: Callable[[str], Page]) -> None:
        assert not opened("hostile").find("#registry").is_displayed()

    def test_one_account_id_in_two_partitions_is_two_accounts(self, opened: Callable[[str], Page]) -> None:
        assert set(opened("two-partitions").columns) == {f"{TEAM} (aws)", f"{TEAM} (aws-cn)"}

    def test_status_counts_what_is_shown(self, plain: Page) -> None:
        status = plain.find("#shown")
        assert (status.aria_role, status.text) == ("status", "8 of 8 repositories, 6 of 6 principals")
        plain.fill("repository", "base/go")
        assert status.text == "1 of 8 repositories, 1 of 6 principals"


class TestPatterns:
    """A filter that is a pattern is as in a grant; that is fnmatch."""

    def test_of_repositories(self, opened: Callable[[str], Page]) -> None:
        page = opened("estate")
        names = ["base/go", "prod/api", "prod/api", "prod/web/shop", "product", "tools/[x]"]
        assert page.rows == names
        for pattern in (
            "prod/*",
            "prod*",
            "*/api",
            "*o*",
            "prod/???",
            "[bp]*",
            "[!p]*",
            "[a-c]ase/go",
            "[z-a]*",
            "[!z-a]*",
            "tools/[[]x]",
            "tools/[]x[]x]",
            "prod[^/]*",
            "prod/api[",
            "*.*",
            "[/-]*",
            "nothing*",
        ):
            page.fill("repository", pattern)
            assert page.rows == [name for name in names if fnmatchcase(name, pattern)], pattern
        page.fill("repository", "od/a")
        assert page.rows == ["prod/api", "prod/api"]

    def test_of_principals_and_of_registries(self, opened: Callable[[str], Page]) -> None:
        page = opened("estate")
        for field, text, rows in (
            ("principal", "checkout*", ["base/go", "prod/api", "prod/web/shop"]),
            ("principal", "*2222*", ["base/go", "prod/api", "prod/web/shop"]),
            ("principal", "role/*", ["prod/api"]),
            ("principal", "prod*", []),
            ("registry", "*-sandbox", ["prod/api", "tools/[x]"]),
            ("registry", "ap-* 2109*", ["prod/api", "tools/[x]"]),
            ("registry", "ap-* base-images", []),
        ):
            page.fill(field, text)
            assert page.rows == rows, text
            page.find("#clear").click()


class TestNames:
    @pytest.fixture
    def page(self, opened: Callable[[str], Page]) -> Page:
        return opened("estate")

    def test_of_principals_are_beside_their_ids(self, page: Page) -> None:
        assert page.columns == ["999988887777", f"checkout-prod {TEAM}", f"partner {OTHER}", f"role/ci partner {OTHER}"]
        page.fill("repository", "base/go")
        page.cell(0, 0).click()
        assert page.texts("#detail h2") == [f"base/go → {TEAM} (checkout-prod)"]
        assert f"account {TEAM} (checkout-prod)" in page.detail
        page.row(0).click()
        assert f"missing: {TEAM} (checkout-prod): push" in page.detail
        page.click("#counts", "principals")
        assert f"role {CI} (partner)1" in page.texts("#detail li")

    def test_of_principals_find_them_and_what_is_in_their_accounts(self, page: Page) -> None:
        page.fill("principal", "Partner")
        assert page.columns == [f"partner {OTHER}", f"role/ci partner {OTHER}"]

    def test_of_hosts_are_beside_their_registries_and_find_them(self, page: Page) -> None:
        assert page.texts("#grid .where")[0] == "123456789012 us-east-1 base-images images-prod"
        page.fill("registry", "images-sandbox")
        assert page.rows == ["prod/api", "tools/[x]"]
        page.row(1).click()
        assert f"{SANDBOX} in ap-southeast-2 (images-sandbox)" in page.detail
        options = page.driver.execute_script(
            "return [...document.querySelectorAll('#places option')].map((one) => one.value)"
        )
        assert options == [
            "123456789012",
            "us-east-1",
            "base-images",
            "images-prod",
            SANDBOX,
            "ap-southeast-2",
            "images-sandbox",
        ]

    def test_of_the_only_host_is_said_once(self, plain: Page, opened: Callable[[str], Page]) -> None:
        assert plain.find("#origin").text.endswith(" from 2 registries of images")
        assert opened("hostile").find("#origin").text.endswith(" from 123456789012 in us-east-1 of images")

    @pytest.mark.parametrize("width", [1600, 900, 400])
    def test_of_repositories_in_two_registries_have_account_and_region_in_full(self, page: Page, width: int) -> None:
        page.resize(width, 900)
        found = page.driver.execute_script(IN_FULL)
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        assert found == [["123456789012", "us-east-1"], [SANDBOX, "ap-southeast-2"]]


class TestDifferences:
    """What is declared against what is there."""

    @pytest.fixture
    def page(self, opened: Callable[[str], Page]) -> Page:
        return opened("estate")

    def test_are_shown_by_a_switch(self, page: Page) -> None:
        assert not page.find("#differences").is_displayed()
        switch = page.button("#legend", "what differs")
        assert switch.get_attribute("aria-pressed") == "false"
        switch.send_keys(Keys.SPACE)
        assert switch.get_attribute("aria-pressed") == "true"
        assert page.rows == ["base/go", "prod/api"]
        assert page.columns == [ORGANIZATION, f"checkout-prod {TEAM}", f"partner {OTHER}", f"role/ci partner {OTHER}"]
        assert page.shown == "2 of 6 repositories, 4 of 5 principals"
        for row, column, words, parts in (
            (0, 0, "nothing; declared and missing: pull", ["missing"]),
            (0, 1, "pull; declared and missing: push", ["same", "missing"]),
            # Somebody has accepted it.
            (0, 2, "pull", [""]),
            (1, 2, "pull and push; more than declared: push", ["same", "too-much"]),
            (1, 3, "pull; not on our list: pull", ["too-much"]),
        ):
            cell = page.cell(row, column)
            assert cell.accessible_name == words
            classes = [part.get_attribute("class") for part in cell.find_elements("css selector", ".mark > *")]
            assert [" ".join(one.split()[1:]) for one in classes] == parts, words
        page.cell(0, 0).click()
        assert page.texts("#detail h2") == [f"base/go → {ORGANIZATION}"]
        assert "nothing; declared and missing: pull" in page.detail
        for part, rows in (("declared, not there", ["base/go"]), ("there, not declared", ["prod/api"])):
            page.click("#legend", part)
            assert page.rows == rows
            page.click("#legend", part)
        page.click("#legend", "what differs")
        assert page.shown == "6 of 6 repositories, 4 of 4 principals"

    def test_that_no_grant_names_somebody_is_a_filter(self, page: Page) -> None:
        page.click("#legend", "not on our list")
        assert page.button("#legend", "not on our list").get_attribute("aria-pressed") == "true"
        assert (page.rows, page.columns) == (["prod/api"], [f"role/ci partner {OTHER}"])
        page.find("#clear").click()
        assert page.button("#legend", "not on our list").get_attribute("aria-pressed") == "false"
        assert len(page.rows) == 6

    def test_are_not_offered_where_nothing_was_compared(self, opened: Callable[[str], Page]) -> None:
        assert not opened("without-policies").button("#legend", "what differs").is_displayed()


class TestFindings:
    @pytest.fixture
    def page(self, opened: Callable[[str], Page]) -> Page:
        made = opened("estate")
        made.click("#counts", "findings")
        return made

    def test_are_listed_as_they_come_with_their_places(self, page: Page) -> None:
        assert "4findings" in page.texts("#counts button")
        assert page.texts("#detail h3") == ["not on our list: 1", "more than declared: 2", "not read: 1"]
        place = 'prod/api, 123456789012 us-east-1 base-images images-prod, statement 2 "Statement2"'
        assert page.texts("#detail > ul > li") == [
            f"Nobody shares with ci.{place}",
            f"partner may push.{place}",
            f"possible partner may push, perhaps.{place}",
            "It failed.registry policy, images-far eu-west-1",
        ]

    def test_that_are_accepted_are_folded_away_with_their_reasons(self, page: Page) -> None:
        folded = page.find("#detail details")
        assert folded.text == "Accepted: 1"
        folded.find_element("css selector", "summary").send_keys(Keys.ENTER)
        assert "Old.\nUntil they have moved (until 2027-03-31)\nbase/go, 123456789012" in folded.text

    def test_lead_to_their_places_and_back(self, page: Page) -> None:
        page.fill("repository", "tools")
        page.driver.find_elements("css selector", "#detail .findings .link")[1].click()
        assert page.focused == f"prod/api → {OTHER} (partner)"
        assert "more than declared partner may push." in page.texts("#detail .findings li")[0]
        # It is marked in the matrix, whatever that was narrowed to.
        assert len(page.rows) == 6
        assert page.find("#grid td.open").accessible_name == "pull and push"
        page.click("#detail", "Back")
        assert page.focused == "Findings"
        assert page.texts("#detail .close") == ["Close"]

    def test_are_with_what_they_are_about(self, page: Page) -> None:
        openers: tuple[tuple[Callable[[], WebElement], int], ...] = (
            (lambda: page.row(1), 3),
            (lambda: page.cell(1, 3), 1),
            (lambda: page.head(2), 2),
            (lambda: page.row(4), 0),
        )
        for opener, number in openers:
            opener().click()
            assert len(page.texts("#detail > .findings > li")) == number

    def test_of_thousands_are_a_hundred_and_a_button(self, company: Page) -> None:
        company.click("#counts", "findings")
        lists = company.driver.find_elements("css selector", "#detail > .findings")
        before = [len(one.find_elements("css selector", ":scope > li")) for one in lists]
        assert max(before) == 101
        longest = lists[before.index(101)].find_elements("css selector", ":scope > li > .link")[-1]
        number = int(longest.text.removeprefix("All "))
        longest.click()
        assert len(lists[before.index(101)].find_elements("css selector", ":scope > li")) == number

    def test_say_what_was_not_looked_at(self, page: Page, opened: Callable[[str], Page]) -> None:
        said = page.find("#not-looked-at")
        assert said.text == "Not looked at: Policies of IAM. Endpoint policies."
        said.find_element("css selector", "summary").click()
        assert said.text.splitlines()[1:] == ["Policies of IAM.", "Endpoint policies."]
        assert not opened("plain").find("#not-looked-at").is_displayed()


class TestOrder:
    def test_rows(self, plain: Page) -> None:
        plain.choose("row-order", "most shares first")
        assert plain.rows[:4] == ["app", "app", "base/python", "old"]
        plain.choose("row-order", "longest policy first")
        assert (plain.rows[0], plain.rows[-2:]) == ("full", ["empty", "secret"])

    def test_columns(self, plain: Page) -> None:
        by_type = ["everyone", TEAM, OTHER, f"role/ci {OTHER}", "codebuild.amazonaws.com", "AROAEXAMPLE7DELETED42"]
        assert plain.columns == by_type
        plain.choose("column-order", "by name")
        assert plain.columns[:2] == [TEAM, OTHER]
        assert plain.columns[-1] == f"role/ci {OTHER}"
        plain.choose("column-order", "most shares first")
        assert plain.columns[:2] == [TEAM, OTHER]

    def test_numbers_in_names_count(self, company: Page) -> None:
        assert company.rows[:3] == ["base/alpine", "base/alpine-2", "base/alpine-3"]


class TestCells:
    def test_cell_shows_its_levels_and_what_stands_in_their_way(self, plain: Page) -> None:
        for row, column, words, glyphs, marks in (
            (0, 0, "nothing", "", ""),
            (0, 1, "pull, also Lambda functions", "↓λ", ""),
            (0, 2, "pull and push, under a condition", "↓↑", "conditional"),
            (0, 3, "pull, push and describe, a Deny may take pull, push and describe, or a part", "↓↑i", "doubtful"),
            (1, 2, "admin", "!", ""),
            (2, 1, "push, defeated by a Deny", "↑", "defeated"),
            (5, 4, "other actions", "…", ""),
            (6, 1, "Lambda functions pull", "λ", ""),
        ):
            cell = plain.cell(row, column)
            assert (cell.accessible_name, cell.text.replace("\n", "")) == (words, glyphs)
            classes = plain.driver.execute_script("return arguments[0].firstChild?.className ?? ''", cell)
            assert classes.removeprefix("mark").strip() == marks

    @pytest.mark.parametrize(("scheme", "colour"), [("light", "#00008b"), ("dark", "#add8e6")])
    def test_levels_and_their_colours_are_data(self, opened: Callable[[str], Page], scheme: str, colour: str) -> None:
        page = opened("another-level")
        page.click("#legend", "can sign")
        assert page.cell(0, 0).accessible_name == "pull, push, describe and sign"
        with page.scheme(scheme):
            part = "getComputedStyle(document.querySelector('td .mark').lastChild)"
            assert page.driver.execute_script(f"return {part}.getPropertyValue('--colour')") == colour

    def test_all_levels_of_a_cell_are_within_it(self, opened: Callable[[str], Page]) -> None:
        cell = opened("every-level").cell(0, 0)
        mark = cell.find_element("css selector", ".mark")
        parts = [part.rect for part in mark.find_elements("css selector", "span")]
        assert len(parts) == 8
        assert len({(part["x"], part["y"]) for part in parts}) == 8
        assert all(part["y"] + part["height"] <= mark.rect["y"] + mark.rect["height"] for part in parts)
        # No lower than its letters.
        assert all(part["height"] >= 10 for part in parts)


class TestDetails:
    def test_public_repository_says_through_which_statements(self, plain: Page) -> None:
        plain.fill("repository", "python")
        plain.row(0).click()
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
        assert "Lambda functions in us-east-1, eu-west-1." in plain.detail
        assert [json.loads(text) for text in plain.texts("#detail pre")] == [statement(1), statement(2)]

    def test_shares_of_one_principal_are_listed_apart(self, plain: Page) -> None:
        plain.cell(0, 2).click()
        first, second = plain.texts("#detail .share")
        assert "unmanaged" in first
        assert "Only if" not in first
        assert "aws:SourceVpc StringEquals: vpc-1, vpc-2" in second

    def test_deny_is_shown_with_its_statement_and_effect(self, plain: Page) -> None:
        plain.cell(0, 3).click()
        assert plain.texts("#detail .alarm") == ["8 may deny pull, push and describe, or a part"]
        assert [json.loads(text) for text in plain.texts("#detail pre")] == [statement(5), statement(8)]
        plain.cell(2, 1).click()
        assert plain.texts("#detail .alarm") == ["All of it is denied.", '9 "No more" denies all of it']
        plain.cell(1, 3).click()
        assert plain.texts("#detail .alarm") == [
            "cannot pull: statement 8 denies a part of it",
            "8 denies a part of pull",
        ]

    def test_repository_opens_its_policy_its_drift_and_its_deleted_principals(self, plain: Page) -> None:
        plain.row(6).click()
        assert "500 of 10,240 characters" in plain.detail
        assert f"missing: {CI}: pull, push" in plain.detail
        assert f"undeclared: {TEAM}: Lambda functions in every region" in plain.detail
        assert 'Statement 1 "Statement1"' in plain.detail
        assert "AROAEXAMPLE7DELETED42" in plain.texts("#detail li")
        assert json.loads(plain.texts("#detail pre")[0])["Version"] == "2008-10-17"

    def test_repository_that_failed_opens_its_error(self, plain: Page) -> None:
        plain.row(7).click()
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


def test_templates_are_rows_and_counted_as_such(opened: Callable[[str], Page]) -> None:
    page = opened("templates")
    assert page.shown == "2 of 2 repositories and templates, 1 of 1 principal"
    page.click("#counts", "repositories and templates")
    page.row(page.rows.index("template services")).click()
    assert "CREATE_ON_PUSH" in page.detail


class TestRegistryPolicies:
    """What registries allow on all of their repositories."""

    def test_that_are_not_as_declared_say_for_which_repositories(self, opened: Callable[[str], Page]) -> None:
        page = opened("templates")
        page.find("#registry-policies button").click()
        assert f"missing: {TEAM}: pull for services/*" in page.detail
        assert f"undeclared_actions: {OTHER}: ecr:PutImage for *" in page.detail

    @pytest.fixture
    def page(self, opened: Callable[[str], Page]) -> Page:
        return opened("registry-policies")

    def test_are_told_in_one_line_by_what_they_mean(self, page: Page) -> None:
        assert page.find("#registry-policies").text.startswith("Registry policies")
        assert page.texts("#registry-policies button") == [
            "1 not read, others may get in by it",
            "1 open to everyone, or to any account",
            "1 with shares",
            "1 that lets nobody in, and may deny",
            "2 none",
        ]
        assert len(page.texts("#registry-policies .alarm")) == 2

    def test_of_one_registry_is_told_as_such(self, opened: Callable[[str], Page]) -> None:
        for name, words in (("plain", "2 none"), ("nothing", "none"), ("unread", "not read, others may get in by it")):
            assert opened(name).texts("#registry-policies button") == [words]
        assert opened("right-to-left").texts("#registry-policies button") == ["300 characters, 1 share"]
        assert opened("nothing").find("#registry-policies").text.startswith("Registry policy\n")

    def test_that_was_not_read_says_why(self, page: Page) -> None:
        page.click("#registry-policies", "1 not read, others may get in by it")
        assert "Registry policy of 123456789012 in us-west-2" in page.detail
        assert page.texts("#detail .alarm") == ["It was not read, others may get in by it."]
        assert "GetRegistryPolicy: AccessDeniedException" in page.detail
        assert "Public" not in page.detail

    def test_says_who_gets_what_of_which_repositories(self, page: Page) -> None:
        page.click("#registry-policies", "1 with shares")
        assert "1,234 of 10,240 characters" in page.detail
        replication, service = page.texts("#detail .share")
        assert f"account {OTHER}" in page.detail
        assert "replicate and create repositories" in replication
        assert "For the repositories" in replication
        assert page.texts("#detail .share:first-of-type .plain li") == ["base/*", EVERYWHERE]
        assert "Only if" not in replication
        assert "unmanaged" not in replication
        assert "For all repositories.Any AWS service uses it for them: pull." in service
        assert "aws:SourceVpc StringEquals: vpc-1, vpc-2" in service
        assert [json.loads(text) for text in page.texts("#detail .share:first-of-type pre")] == [REPLICATION[0]]
        assert json.loads(page.texts("#detail > pre")[0])["Statement"] == REPLICATION

    def test_that_is_public_says_through_which_statements(self, page: Page) -> None:
        page.click("#registry-policies", "1 open to everyone, or to any account")
        assert 'to any account, through statement 1 "Registry1" of the registry policy' in page.detail
        assert page.texts("#detail h3")[0] == "everyone"

    def test_of_several_registries_are_listed(self, page: Page) -> None:
        page.click("#registry-policies", "2 none")
        assert page.texts("#detail li") == ["123456789012 in eu-north-1: none", "123456789012 in eu-central-1: none"]
        page.click("#detail", "123456789012 in eu-north-1: none")
        assert page.find("#detail dl").text.splitlines()[:2] == ["Policy", "none"]
        page.press(Keys.ESCAPE)
        assert not page.detail

    def test_statement_of_one_is_called_so_and_shown_in_the_details_of_a_cell(self, page: Page) -> None:
        page.fill("repository", "base/go")
        page.cell(0, page.columns.index(OTHER)).click()
        assert '1 "Replication" of the registry policy' in page.detail
        assert [json.loads(text) for text in page.texts("#detail pre")] == [REPLICATION[0]]
        page.cell(0, page.columns.index(f"role/ci {OTHER}")).click()
        assert page.texts("#detail .alarm") == [
            "cannot push: statement 2 of the registry policy denies it",
            '2 "Freeze" of the registry policy denies push',
        ]
        assert [json.loads(text) for text in page.texts("#detail pre")] == [statement(4), REPLICATION[1]]

    def test_repository_says_that_it_was_read_without(self, page: Page) -> None:
        page.fill("registry", "us-west-2")
        page.row(0).click()
        assert page.texts("#detail .alarm") == ["The registry policy was not read, others may get in by it."]
        assert "Public\nnot by its own policy" in page.detail
        page.click("#detail", "not read, others may get in by it")
        assert "AccessDeniedException" in page.detail

    def test_cell_of_what_was_not_read_does_not_say_that_it_is_nothing(self, page: Page) -> None:
        row = page.driver.find_elements("css selector", "#grid tbody tr:not(.filler)")[4]
        assert "us-west-2" in row.text
        assert (page.cell(4, 3).accessible_name, page.cell(3, 3).accessible_name) == ("nothing known", "nothing")
        page.cell(4, 3).click()
        assert page.detail.endswith("Access\nnothing known")
        assert page.find("#here").text.endswith(": nothing known")

    def test_are_left_out_where_no_run_came_so_far(self, opened: Callable[[str], Page]) -> None:
        assert not opened("failed").find("#registry-policies").is_displayed()


class TestServices:
    """What AWS services do for others."""

    @pytest.fixture
    def page(self, opened: Callable[[str], Page]) -> Page:
        opened_page = opened("registry-policies")
        opened_page.fill("repository", "base/go")
        return opened_page

    def test_share_through_a_service_says_so(self, page: Page) -> None:
        cell = page.cell(0, page.columns.index(TEAM))
        assert (cell.accessible_name, cell.text) == ("a service uses it for them", "s")
        cell.click()
        assert "codebuild.amazonaws.com uses it for them: pull, describe." in page.detail

    def test_statement_that_lambda_has_written_is_called_so(self, page: Page) -> None:
        cell = page.cell(0, page.columns.index("123456789012"))
        assert cell.text == "λ"
        cell.click()
        assert 'LambdaECRImageRetrievalPolicy", written by lambda.amazonaws.com itself' in page.detail
        assert "Lambda functions in eu-west-1, us-east-1." in page.detail
        assert page.texts("#detail .alarm") == [
            "Lambda functions in eu-west-1 cannot.",
            "2 of the registry policy denies the pull of Lambda functions, or a part",
        ]
        pull, upkeep = page.texts("#detail .share")
        assert "kept by AWS Lambda" in pull
        assert "kept by AWS LambdaWhat Lambda may do for thatecr:SetRepositoryPolicyThrough" in upkeep

    def test_are_found_by_their_names(self, page: Page) -> None:
        page.find("#clear").click()
        for text, columns in (
            ("lambda", ["123456789012"]),
            ("CodeBuild*", [TEAM]),
            ("emr", ["emr-serverless.amazonaws.com"]),
        ):
            page.fill("principal", text)
            assert page.columns == columns, text
            assert len(page.rows) == 1, text

    def test_share_lists_the_actions_that_the_pull_of_a_service_does_not_need(
        self, opened: Callable[[str], Page]
    ) -> None:
        page = opened("estate")
        page.fill("principal", "codebuild")
        page.cell(0, 0).click()
        assert "codebuild.amazonaws.com uses it for them: pull." in page.detail
        assert page.texts("#detail .plain li") == ["ecr:StartImageScan"]

    def test_one_without_a_source_condition_has_a_badge_and_a_count(self, page: Page) -> None:
        page.fill("repository", "web")
        badge = page.find("#grid tbody .badge.alarm")
        assert (badge.text, badge.get_attribute("title")) == (
            "unscoped service",
            "open to a service without a source condition",
        )
        assert "1unscoped service" in page.texts("#counts button")
        page.click("#filters", "Clear")
        page.click("#counts", "unscoped service")
        assert page.rows == ["web"]
        page.row(0).click()
        through = 'source condition, through statements 2 "Statement2", 4 of the registry policy'
        assert through in page.detail
        assert "Public\nno" in page.detail


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
        company.scroll(12_000)
        assert "base/alpine" not in company.rows
        company.press(Keys.ARROW_DOWN)
        assert company.focused.startswith("base/alpine-4 → ")

    def test_grid_is_one_stop_of_the_tab_key(self, company: Page) -> None:
        assert len(company.texts("#grid [tabindex='0']")) == 1
        company.cell(4, 4).click()
        assert len(company.texts("#grid [tabindex='0']")) == 1


class TestReaders:
    def test_matrix_is_a_grid_that_says_its_size(self, company: Page) -> None:
        grid = company.find("#grid")
        assert grid.aria_role == "grid"
        assert grid.accessible_name.startswith("Repositories by principals")
        assert (grid.get_attribute("aria-rowcount"), grid.get_attribute("aria-colcount")) == (
            "1001",
            str(COMPANY_PRINCIPALS + 1),
        )
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
        with plain.scheme(scheme):
            plain.row(6).click()
            found = plain.contrasts()
        assert len(found) > 60
        assert [(text, ratio) for text, ratio in found if ratio < 4.5] == []


def test_paper_has_every_row(company: Page) -> None:
    drawn = "document.querySelectorAll('#grid tbody tr:not(.filler)').length"
    company.fill("repository", "base/")
    company.driver.execute_script(f"addEventListener('beforeprint', () => {{ window.printed = {drawn}; }})")
    company.driver.execute_cdp_cmd("Page.printToPDF", {})
    assert company.shown.startswith("200 of")
    assert company.driver.execute_script("return window.printed") == 200
    assert company.driver.execute_script(f"return {drawn}") < 100


class TestCost:
    """What counts, for how long a page of 1,000 repositories and 50 principals takes, is how much is drawn."""

    def test_page_draws_the_rows_in_sight(self, company: Page) -> None:
        number = COMPANY_PRINCIPALS
        assert company.shown == f"1,000 of 1,000 repositories, {number} of {number} principals"
        assert 10 < len(company.rows) < MOST_ROWS
        assert company.metrics()["LayoutCount"] < MOST_LAYOUTS

    def test_action_draws_the_rows_in_sight(self, company: Page) -> None:
        # One character, because each is an action of its own.
        actions: dict[str, Callable[[Page], None]] = {
            "filter by principal": lambda page: page.fill("principal", "r"),
            "filter by repository": lambda page: page.fill("repository", "p"),
            "filter by level": lambda page: page.click("#legend", "can pull"),
            "filter by count": lambda page: page.click("#counts", "denied"),
            "filter by pattern": lambda page: page.fill("repository", "*"),
            "filter by difference": lambda page: page.click("#legend", "what differs"),
            "filter by registry": lambda page: page.fill("registry", "e"),
            "sort rows": lambda page: page.choose("row-order", "most shares first"),
            "sort columns": lambda page: page.choose("column-order", "most shares first"),
            "open the findings": lambda page: page.click("#counts", "findings"),
            "open a cell": lambda page: page.cell(3, 7).click(),
            "open a principal": lambda page: page.head(7).click(),
            "open a repository": lambda page: page.row(3).click(),
            "scroll far away": lambda page: page.scroll(14_000),
        }
        for name, action in actions.items():
            before = company.metrics()["LayoutCount"]
            action(company)
            company.settle()
            assert 0 < company.metrics()["LayoutCount"] - before < MOST_LAYOUTS, name
            assert 10 < len(company.rows) < MOST_ROWS, name
            if name.startswith("filter"):
                company.click("#filters", "Clear")
                company.settle()


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
    for_all = {**statements.allow("pull", statements.root(OTHER), Sid=HOSTILE[1]), "Resource": "*"}
    process.plant_registry_policy({"Version": "2012-10-17", "Statement": [for_all]})
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

    def test_has_every_registry_with_its_drift_its_failures_and_its_statements(self, page: Page) -> None:
        assert page.rows == ["app", "app", "hostile", "secret"]
        for count in ("4repositories", "1public", "1failed to read", "2drifted"):
            assert count in page.texts("#counts button")
        page.click("#counts", "drifted")
        assert page.rows == ["app", "hostile"]
        page.row(0).click()
        assert f"missing: {TEAM}: pull" in page.detail
        assert OTHER_REGION in page.detail
        page.click("#counts", "drifted")
        page.fill("principal", TEAM)
        page.cell(0, 0).click()
        assert json.loads(page.texts("#detail pre")[0])["Sid"] == "AllowPull"

    def test_has_the_policy_of_each_registry(self, page: Page) -> None:
        assert page.texts("#registry-policies button") == ["1 with shares", "1 none"]
        page.click("#registry-policies", "1 with shares")
        assert f"account {OTHER}" in page.detail
        assert f'1 "{HOSTILE[1]}" of the registry policy' in page.detail
        assert "For all repositories." in page.detail
        assert json.loads(page.texts("#detail .share pre")[0])["Sid"] == HOSTILE[1]
        page.press(Keys.ESCAPE)
        cell = page.cell(page.rows.index("hostile"), page.columns.index(OTHER))
        assert cell.accessible_name == "pull"
        cell.click()
        assert json.loads(page.texts("#detail pre")[0])["Sid"] == HOSTILE[1]
        assert page.driver.execute_script("return [window.owned, document.images.length]") == [None, 0]

    def test_shows_what_strangers_have_written_and_runs_none_of_it(self, page: Page) -> None:
        page.fill("repository", "hostile")
        for text in HOSTILE:
            column = page.columns.index(as_shown(text))
            page.driver.execute_script(
                "document.querySelectorAll('#grid tbody tr:not(.filler)')[0].children[arguments[0]].click()", column + 1
            )
            assert f'"{as_shown(text)}"' in "".join(page.texts("#detail"))
            assert json.loads(page.texts("#detail pre")[0])["Sid"] == text
        assert page.driver.execute_script("return [window.owned, document.images.length]") == [None, 0]
