# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables and the picture of docs/performance.md, made from the figures in results.json.

As a script it makes them again from the figures that are there.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any
from xml.sax.saxutils import escape

FOLDER = Path(__file__).resolve().parent
RESULTS = FOLDER / "results.json"
PAGE, PICTURE = (FOLDER.parent / "docs" / name for name in ("performance.md", "images/performance.svg"))
BEGIN, END = "<!-- Made by make bench: begin -->", "<!-- Made by make bench: end -->"

# What a run of the module is held against: a play that does nothing, and a script that makes the same calls.
READING, WRITING = ("ping", "boto3 reads"), ("ping", "boto3 writes")
COLUMNS = ("ping", "boto3 reads", "boto3 writes", "check", "check --diff", "apply", "unchanged", "audit")
LOOPED = ("ecs_ecr apply", "ecs_ecr unchanged")
AT_A_TIME = " at a time"
DRAWN = {
    "ecs_ecr apply": "community.aws.ecs_ecr in a loop",
    "apply": "ecr_share_policy, everything changes",
    "unchanged": "ecr_share_policy, nothing changes",
    "boto3 reads": "boto3 alone, reads",
    "ping": "a play with one ping",
}


class Figures:
    def __init__(self, results: Mapping[str, Any]) -> None:
        self.machine: Mapping[str, Any] = results["machine"]
        self.ceiling: int = results["ceiling"]
        self.rounds = {
            (run["contender"], run["latency"], run["repositories"]): run["rounds"] for run in results["runs"]
        }

    @property
    def latencies(self) -> list[float]:
        return sorted({latency for _name, latency, _size in self.rounds})

    def sizes(self, name: str, latency: float) -> list[int]:
        return sorted(size for found, at, size in self.rounds if (found, at) == (name, latency))

    def middle(self, name: str, latency: float, size: int, what: str = "seconds") -> float:
        return median(cost[what] for cost in self.rounds[name, latency, size])

    def ratio(self, name: str, others: Sequence[str], latency: float, size: int) -> float:
        """By the median of the rounds, in each of which they took turns."""
        rounds = zip(*(self.rounds[found, latency, size] for found in (name, *others)), strict=True)
        return median(own["seconds"] / sum(cost["seconds"] for cost in rest) for own, *rest in rounds)

    def largest(self, what: str, size: int, *names: str) -> float:
        return max(
            cost[what]
            for (name, _latency, found), costs in self.rounds.items()
            if name in names and found == size
            for cost in costs
        )


def aims(figures: Figures) -> Iterable[tuple[str, str, str]]:
    """What was aimed at, how much it was to be, and how much it is; none of those that were not measured."""
    slow = figures.latencies[-1]
    sizes = figures.sizes("unchanged", slow)
    if 1 in sizes:
        one = figures.ratio("unchanged", LOOPED[1:], slow, 1)
        yield "1 repository, nothing changes: time, as a share of one task of `ecs_ecr`", "1.00", f"{one:.2f}"
    if 1000 in sizes:
        many = figures.ratio("unchanged", READING, slow, 1000)
        yield "1,000 repositories, nothing changes: time, as a share of boto3 alone and a `ping`", "1.10", f"{many:.2f}"
        audit = figures.middle("audit", slow, 1000) - figures.middle("boto3 reads", slow, 1000)
        yield "1,000 repositories, an audit: seconds more than boto3 alone", "1.60", f"{audit:.2f}"
    if {1000, 5000}.issubset(sizes):
        for name in ("unchanged", "apply"):
            few, many = (figures.middle(name, slow, size) - figures.middle("ping", slow, size) for size in (1000, 5000))
            what = f"5,000 repositories, `{name}`: time beyond a `ping`, in times that of 1,000"
            yield what, "5.0", f"{many / few:.1f}"
    size = max(sizes)
    for diff, plays in (("", ("check", "apply", "unchanged")), (" --diff", ("check --diff",))):
        how = f"{size:,} repositories{' with `--diff`' if diff else ''}"
        for what, names in (("the module's process", (f"module{diff}",)), ("the largest process of a play", plays)):
            yield f"{how}: memory of {what}", "200 MB", f"{figures.largest('memory', size, *names):.0f} MB"


def tables(figures: Figures) -> Iterable[str]:
    machine = figures.machine
    yield (
        f"Measured on {machine['date']} with {machine['threads']} threads on {machine['processor']}, "
        f"{machine['cores']} cores, {machine['memory_gib']} GiB, {machine['system']}; Python {machine['python']}, "
        f"ansible-core {machine['ansible-core']}, boto3 {machine['boto3']}. The server answers up to "
        f"{figures.ceiling:,} reads a second. The load of the machine was {machine['load']} at the beginning."
    )
    yield "### Aims\n\n" + _table(("What", "At most", "Measured"), aims(figures))
    for latency in figures.latencies:
        yield f"### Seconds, at {latency * 1000:.0f} ms a call\n\n" + _table(
            ("Repositories", *COLUMNS, "unchanged ÷ (ping + boto3 reads)", "apply ÷ (ping + boto3 writes)"),
            (
                (
                    f"{size:,}",
                    *(f"{figures.middle(name, latency, size):.2f}" for name in COLUMNS),
                    f"{figures.ratio('unchanged', READING, latency, size):.2f}",
                    f"{figures.ratio('apply', WRITING, latency, size):.2f}",
                )
                for size in figures.sizes("unchanged", latency)
            ),
        )
    yield "### Seconds, in a loop\n\n" + _table(
        ("Latency", "Repositories", *LOOPED, "unchanged, for each repository more"), _loops(figures)
    )
    ((size, latency),) = {(size, at) for name, at, size in figures.rounds if name.endswith(AT_A_TIME)}
    workers = [name for name, _at, _size in figures.rounds if name.endswith(AT_A_TIME)]
    yield f"### Seconds, by `concurrency`, for {size:,} repositories at {latency * 1000:.0f} ms a call\n\n" + _table(
        ["`concurrency`", *(name.removesuffix(AT_A_TIME) for name in workers)],
        [["check", *(f"{figures.middle(name, latency, size):.2f}" for name in workers)]],
    )
    first, *others = figures.sizes("unchanged", 0.0)
    yield "### Seconds of CPU\n\n" + _table(
        ("Repositories", *COLUMNS, "unchanged, beyond boto3 reads, for each repository more"),
        (
            (
                f"{size:,}",
                *(f"{figures.middle(name, 0.0, size, 'cpu'):.2f}" for name in COLUMNS),
                f"{(_own(figures, size) - _own(figures, first)) / (size - first):.5f}",
            )
            for size in others
        ),
    )


def _own(figures: Figures, size: int) -> float:
    return figures.middle("unchanged", 0.0, size, "cpu") - figures.middle("boto3 reads", 0.0, size, "cpu")


def _loops(figures: Figures) -> Iterable[tuple[str, ...]]:
    for latency in figures.latencies:
        for size in figures.sizes(LOOPED[1], latency):
            seconds = [figures.middle(name, latency, size) for name in LOOPED]
            more = (seconds[1] - figures.middle(LOOPED[1], latency, 1)) / (size - 1) if size > 1 else 0
            yield (
                f"{latency * 1000:.0f} ms",
                f"{size:,}",
                *(f"{number:.2f}" for number in seconds),
                f"{more:.2f}" if more else "",
            )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 780, 420, 64, 280, 24, 48
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.faint { fill: #59636e } .grid { stroke: #d1d9e0; stroke-width: 1 }
.line { fill: none; stroke-width: 2; stroke-linejoin: round } .guess { stroke-dasharray: 5 5 }
.c0 { --c: #bc4c00 } .c1 { --c: #1a7f37 } .c2 { --c: #0969da } .c3 { --c: #8250df } .c4 { --c: #59636e }
.line { stroke: var(--c) } circle, text.name { fill: var(--c) }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc } .faint { fill: #9198a1 } .grid { stroke: #3d444d }
  .c0 { --c: #f0883e } .c1 { --c: #3fb950 } .c2 { --c: #58a6ff } .c3 { --c: #bc8cff } .c4 { --c: #9198a1 }
}
"""


def picture(figures: Figures) -> str:
    """Time against the number of repositories, both on scales of powers of ten."""
    latency = max(figures.latencies)
    lines = {
        name: [(size, figures.middle(name, latency, size)) for size in figures.sizes(name, latency)] for name in DRAWN
    }
    most = max(size for size, _seconds in lines["unchanged"])
    # A loop is measured up to ten turns, and goes on as it began.
    (first, begin), *_between, (last, end) = lines["ecs_ecr apply"]
    guess = end + (end - begin) / max(last - first, 1) * (most - last)
    seconds = [second for line in lines.values() for _size, second in line] + [guess]
    across = _scale(1, most, LEFT, WIDTH - RIGHT)
    up = _scale(10 ** math.floor(math.log10(min(seconds))), max(seconds), HEIGHT - BOTTOM, TOP)
    title = f"Seconds by number of repositories, at {latency * 1000:.0f} ms a call"
    body = [f"<title>{title}</title>", f"<style>{STYLE}</style>"]
    for second in _powers(min(seconds), max(seconds)):
        body.append(f'<path class="grid" d="M{LEFT} {up(second):.1f}H{WIDTH - RIGHT}"/>')
        body.append(_text(LEFT - 8, up(second) + 4, f"{second:,g} s", "faint", "end"))
    for size in figures.sizes("unchanged", latency):
        body.append(_text(across(size), HEIGHT - BOTTOM + 20, f"{size:,}", "faint", "middle"))
    body.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, "repositories", "faint", "middle"))
    ends = {name: up(line[-1][1]) for name, line in lines.items()} | {"ecs_ecr apply": up(guess)}
    places = _apart(ends, 17)
    for number, (name, line) in enumerate(lines.items()):
        body.append(f'<g class="c{number}">')
        body.append(_path([(across(size), up(second)) for size, second in line], "line"))
        if name == "ecs_ecr apply" and most > last:
            body.append(_path([(across(last), up(end)), *_on(across, up, last, end, most, guess)], "line guess"))
        body += [f'<circle cx="{across(size):.1f}" cy="{up(second):.1f}" r="3"/>' for size, second in line]
        body.append(_text(WIDTH - RIGHT + 12, places[name] + 4, DRAWN[name], "name", "start"))
        body.append("</g>")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">\n'
        + "\n".join(body)
        + "\n</svg>\n"
    )


_Scale = Callable[[float], float]


def _scale(low: float, high: float, begin: float, end: float) -> _Scale:
    return lambda value: begin + (end - begin) * math.log(value / low) / math.log(max(high / low, 1.001))


def _powers(low: float, high: float) -> Iterable[float]:
    return (10.0**power for power in range(math.floor(math.log10(low)), math.floor(math.log10(high)) + 1))


def _on(across: _Scale, up: _Scale, size: int, begin: float, most: int, end: float) -> Iterable[tuple[float, float]]:
    """A straight line is a curve on these scales."""
    for step in range(1, 21):
        at = size * (most / size) ** (step / 20)
        yield across(at), up(begin + (end - begin) * (at - size) / (most - size))


def _apart(places: Mapping[str, float], least: float) -> dict[str, float]:
    """Places for texts, moved down where they would lie on each other."""
    found: dict[str, float] = {}
    before = -math.inf
    for name, place in sorted(places.items(), key=lambda item: item[1]):
        before = found[name] = max(place, before + least)
    return found


def _path(points: Iterable[tuple[float, float]], kind: str) -> str:
    return f'<path class="{kind}" d="M{" L".join(f"{x:.1f} {y:.1f}" for x, y in points)}"/>'


def _text(x: float, y: float, text: str, kind: str, anchor: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def with_tables(page: str, results: Mapping[str, Any]) -> str:
    """A page with new tables between its markers."""
    before, _begin, rest = page.partition(BEGIN)
    _old, _end, after = rest.partition(END)
    made = "\n\n".join(tables(Figures(results)))
    return f"{before}{BEGIN}\n\n{made}\n\n{END}{after}"


def summary(results: Mapping[str, Any]) -> str:
    """The aims, for a terminal."""
    lines = (f"{what}: {found} (at most {most})" for what, most, found in aims(Figures(results)))
    return "\n".join(lines).replace("`", "")


def write_pages(results: Mapping[str, Any]) -> None:
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), results), encoding="utf-8")
    PICTURE.write_text(picture(Figures(results)), encoding="utf-8")


if __name__ == "__main__":
    write_pages(json.loads(RESULTS.read_text(encoding="utf-8")))
