# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Count where the engine contradicts the code of a checkout, by kind of condition.

usage: python tests/support/iam_simulate/compare.py [--examples] [CHECKOUT]

The points and claims are those of this checkout; the code is that of CHECKOUT, or of this one. With --examples it also
prints the shortest policy for each claim and set of condition keys.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ansible_collections.imageshare.aws.tests.support.iam_claims import Disagreement

HERE = Path(__file__).resolve().parents[3]
NAMESPACE = "ansible_collections/imageshare/aws"


def main(arguments: Sequence[str]) -> None:
    """Run the comparison in a process that imports the code of the checkout and the tests of this one."""
    if "IAM_COMPARED" in os.environ:
        compare(examples="--examples" in arguments)
        return
    places = [argument for argument in arguments if argument != "--examples"]
    with tempfile.TemporaryDirectory() as folder:
        collection = Path(folder, NAMESPACE)
        collection.mkdir(parents=True)
        (collection / "plugins").symlink_to(Path(places[0] if places else HERE).resolve() / "plugins")
        (collection / "tests").symlink_to(HERE / "tests")
        environment = {**os.environ, "PYTHONPATH": folder, "IAM_COMPARED": "yes", "PYTHONDONTWRITEBYTECODE": "1"}
        status = os.spawnve(os.P_WAIT, sys.executable, [sys.executable, __file__, *arguments], environment)
    raise SystemExit(status)


def compare(*, examples: bool) -> None:
    """Print tables of the disagreements, and the shortest policies if ``examples``."""
    # They import the code that is compared.
    from ansible_collections.imageshare.aws.tests.support import iam_claims

    began = monotonic()
    evaluator = iam_claims.evaluator_of_all()
    asked = iam_claims.points()
    verdicts = [iam_claims.verdict(point, evaluator) for point in asked]
    claimed = iam_claims.claims(evaluator)
    made = monotonic()
    answers = iam_claims.ask(asked, claimed)
    answered = monotonic()
    found = list(iam_claims.disagreements(verdicts, asked, claimed, answers))
    print(f"{made - began:.0f} s for the questions, {answered - made:.0f} s for the answers")
    print(f"{len(asked)} points: {dict(Counter(said.name for said in verdicts))}; {len(claimed)} claims")
    print("explained by what AWS documents:")
    for sentence, number in Counter(one for each in found for one in each.explained_by).items():
        print(f"  {number:6} {sentence}")
    contradicted = [one for one in found if not one.explained_by]
    columns = {f"{column}": name for column, name in zip("ABCDEFGH", iam_claims.CLAIMS, strict=True)}
    columns |= {"Y": "point: YES", "N": "point: NO"}
    told = Counter(claim.name for claim in claimed) + Counter(f"point: {said.name}" for said in verdicts)
    wrong = Counter(one.what for one in contradicted if not one.overstated)
    overstated = Counter(one.what for one in contradicted if one.overstated)
    print("contradicted (and overstated: only Deny statements with conditions close what is said to be open), of all:")
    for column, name in columns.items():
        print(f"  {column} {wrong[name]:6} {overstated[name]:6} {told[name]:6} {name}")
    print("contradicted, by kind of condition:")
    print(f"  {'':32}" + "".join(f"{column:>5}" for column in columns))
    by_kind = Counter((kind, one.what) for one in contradicted if not one.overstated for kind in one.kinds)
    for kind in sorted({kind for kind, _what in by_kind}):
        print(f"  {kind:32}" + "".join(f"{by_kind[kind, name] or '':>5}" for name in columns.values()))
    if examples:
        _print_shortest(contradicted)


def _print_shortest(contradicted: Sequence[Disagreement]) -> None:
    shortest: dict[tuple[str, bool, str], Disagreement] = {}
    for one in sorted(contradicted, key=lambda each: len(json.dumps(each.policy))):
        shortest.setdefault((one.what, one.overstated, " ".join(sorted(_keys(one)))), one)
    for one in shortest.values():
        print(f"\n{'overstated, ' if one.overstated else ''}{one}")


def _keys(one: Disagreement) -> set[str]:
    conditions = [keys for each in one.policy["Statement"] for keys in each.get("Condition", {}).values()]
    return {key.lower() for keys in conditions for key in keys}


if __name__ == "__main__":
    main(sys.argv[1:])
