# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Count where the engine contradicts the code of a checkout, by kind of condition.

usage: python tests/support/iam_simulate/compare.py [--examples] [CHECKOUT]

The points and claims are those of this checkout; the code is that of CHECKOUT, or of this one.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parents[3]
NAMESPACE = "ansible_collections/imageshare/aws"


def main(arguments: list[str]) -> None:
    """Run the comparison in a process that imports the code of the checkout and the tests of this one."""
    places = [argument for argument in arguments if argument != "--examples"]
    if "IAM_COMPARED" in os.environ:
        compare(examples="--examples" in arguments)
        return
    with tempfile.TemporaryDirectory() as folder:
        collection = Path(folder, NAMESPACE)
        collection.mkdir(parents=True)
        (collection / "plugins").symlink_to(Path(places[0] if places else HERE).resolve() / "plugins")
        (collection / "tests").symlink_to(HERE / "tests")
        environment = {**os.environ, "PYTHONPATH": folder, "IAM_COMPARED": "yes", "PYTHONDONTWRITEBYTECODE": "1"}
        status = os.spawnve(os.P_WAIT, sys.executable, [sys.executable, __file__, *arguments], environment)
    raise SystemExit(status)


def compare(*, examples: bool) -> None:
    """Print a table of the disagreements, and the shortest policy of each sort if ``examples``."""
    from ansible_collections.imageshare.aws.tests.support import iam_claims

    began = time.monotonic()
    evaluator = iam_claims.evaluator_of_all()
    asked = iam_claims.points()
    verdicts = [iam_claims.verdict(point, evaluator) for point in asked]
    claimed = iam_claims.claims(evaluator)
    made = time.monotonic()
    answers = iam_claims.ask(asked, claimed)
    answered = time.monotonic()
    found = list(iam_claims.disagreements(verdicts, asked, claimed, answers))
    print(f"{made - began:.1f} s for the questions, {answered - made:.1f} s for the answers")
    print(f"{len(asked)} points: {dict(Counter(said.name for said in verdicts))}")
    print(f"{len(claimed)} claims:")
    for name, number in Counter(claim.name for claim in claimed).items():
        print(f"  {number:6} {name}")
    print("explained by what AWS documents:", dict(Counter(one for each in found for one in each.explained_by)))
    print("overstated:", dict(Counter(one.what for one in found if one.overstated)))
    unexplained = [one for one in found if not one.explained_by and not one.overstated]
    print(f"{len(unexplained)} disagreements:")
    for what, number in sorted(Counter(one.what for one in unexplained).items()):
        print(f"  {number:6} {what}")
    print("by kind:")
    kinds = Counter((kind, one.what) for one in unexplained for kind in one.kinds)
    for (kind, what), number in sorted(kinds.items()):
        print(f"  {number:6} {kind:32} {what}")
    if examples:
        shortest: dict[tuple[str, str], iam_claims.Disagreement] = {}
        for one in sorted(unexplained, key=lambda each: len(json.dumps(each.policy))):
            keys = sorted({key for each in one.policy["Statement"] for _op, key, _values in _conditions(each)})
            shortest.setdefault((one.what, " ".join(keys)), one)
        for one in list(shortest.values())[:100]:
            looked_at = {key.lower() for each in one.policy["Statement"] for _op, key, _values in _conditions(each)}
            known = {key: value for key, value in one.context.items() if key.lower() in looked_at}
            print(f"\n{one.what}; the engine: {one.engine}\n  {json.dumps(one.policy['Statement'])}")
            print(f"  {one.principal} {one.action} {json.dumps(known)}")


def _conditions(statement: dict[str, object]) -> list[tuple[str, str, tuple[str, ...]]]:
    from ansible_collections.imageshare.aws.tests.support.callers import conditions_of

    return conditions_of(statement)


if __name__ == "__main__":
    main(sys.argv[1:])
