# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was found, beside what the embedded AWS answers: for people in Markdown, and in JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.imageshare.aws.tests.acceptance.probes import PROBES
from ansible_collections.imageshare.aws.tests.acceptance.stage import Answers

EXPECTED = Path(__file__).with_name("embedded.json")
ABOUT = {probe.name: probe.about for probe in PROBES}


@dataclass
class Report:
    """Args:
    of: What was asked, when, and with what.
    answers: Those of each probe.
    modules: What each module was to do, and whether it did.
    not_tried: Of probes and modules, why.
    left: What could not be taken away.
    ended_by: The signal that ended the run early.
    """

    of: Mapping[str, str]
    answers: dict[str, Answers] = field(default_factory=dict)
    modules: dict[str, dict[str, str]] = field(default_factory=dict)
    not_tried: dict[str, str] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    ended_by: str | None = None

    @property
    def wrong(self) -> list[str]:
        return [
            f"{name}: {what}: {how}"
            for name, done in self.modules.items()
            for what, how in done.items()
            if how.startswith("WRONG")
        ]

    def findings(self) -> Iterator[dict[str, str | None]]:
        expected = expected_answers()
        for name, answers in self.answers.items():
            for question, answer in answers.items():
                embedded = expected.get(name, {}).get(question)
                verdict = "same" if answer == embedded else "differs"
                yield {"probe": name, "question": question, "aws": answer, "embedded": embedded, "verdict": verdict}

    def summary(self) -> str:
        verdicts = [finding["verdict"] for finding in self.findings()]
        checks = sum(map(len, self.modules.values()))
        return (
            f"{verdicts.count('same')} answers are those of the embedded AWS, {verdicts.count('differs')} differ, "
            f"{len(self.not_tried)} parts were not tried. The modules were right in {checks - len(self.wrong)} of "
            f"{checks} checks."
        )

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "report.json").write_text(json.dumps(self._data(), indent=2) + "\n", encoding="utf-8")
        (folder / "report.md").write_text(self._page(), encoding="utf-8")

    def _data(self) -> dict[str, Any]:
        return {
            **self.of,
            "summary": self.summary(),
            "ended_by": self.ended_by,
            "findings": list(self.findings()),
            "modules": self.modules,
            "not_tried": self.not_tried,
            "left": self.left,
        }

    def _page(self) -> str:
        lines = ["# What AWS answered", "", *(f"- {name}: {value}" for name, value in self.of.items()), ""]
        lines += [self.summary(), ""]
        if self.ended_by:
            lines += [f"**The run was ended early, by {self.ended_by}.**", ""]
        if self.left:
            lines += ["## Left behind", "", *(f"- {one}" for one in self.left), ""]
        lines += ["## The modules", "", *_table("Part", "What was to be", "Was it?", rows=self._module_rows())]
        differing = [one for one in self.findings() if one["verdict"] == "differs"]
        lines += ["## What differs from the embedded AWS", ""]
        lines += _table("Probe", "Question", "AWS", "Embedded AWS", rows=map(_row, differing))
        lines += ["## Not tried", "", *_table("Part", "Why", rows=self.not_tried.items())]
        for name, about in ABOUT.items():
            same = [one for one in self.findings() if one["probe"] == name and one["verdict"] == "same"]
            if same:
                rows = [(one["question"], one["aws"]) for one in same]
                lines += [f"## The same: {about}", "", *_table("Question", "AWS, and the embedded one", rows=rows)]
        return "\n".join(lines)

    def _module_rows(self) -> Iterator[tuple[str, str, str]]:
        for name, done in self.modules.items():
            for what, how in done.items():
                yield name, what, how


def expected_answers() -> dict[str, Answers]:
    return dict(json.loads(EXPECTED.read_text(encoding="utf-8"))) if EXPECTED.exists() else {}


def _row(finding: Mapping[str, str | None]) -> tuple[str | None, ...]:
    return finding["probe"], finding["question"], finding["aws"], finding["embedded"]


def _table(*head: str, rows: Any) -> list[str]:
    body = ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]
    if not body:
        return ["Nothing.", ""]
    return ["| " + " | ".join(head) + " |", "| " + " | ".join("---" for _cell in head) + " |", *body, ""]


def _cell(text: str | None) -> str:
    # AWS chooses the words, and a table must survive them.
    return "–" if text is None else "`" + " ".join(text.replace("|", "\\|").replace("`", "'").split()) + "`"
