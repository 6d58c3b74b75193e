# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Try on a real AWS account what the embedded AWS of the tests only claims, and clean up. See docs/acceptance.md.

Exit status: 0 if the modules did what they must, whatever AWS answered; 1 if one did not, or if something could not be
taken away; 2 if nothing was done; 128 and the number of the signal that ended it early.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from ansible_collections.imageshare.aws.tests.acceptance.account import Account, Interrupted, Stop, said
from ansible_collections.imageshare.aws.tests.acceptance.belongings import (
    Belongings,
    leftovers,
    registry_policy,
    registry_scope,
)
from ansible_collections.imageshare.aws.tests.acceptance.embedded import OWNER, PROFILE, variables
from ansible_collections.imageshare.aws.tests.acceptance.modules import CHECKED, Checks, Wrong
from ansible_collections.imageshare.aws.tests.acceptance.probes import PROBES
from ansible_collections.imageshare.aws.tests.acceptance.report import EXPECTED, Report
from ansible_collections.imageshare.aws.tests.acceptance.stage import NotTried, Stage
from ansible_collections.imageshare.aws.tests.support.embedded_aws import EmbeddedAws
from botocore.exceptions import BotoCoreError, ClientError

ROOT = Path(__file__).resolve().parents[2]
KINDS = ("lambda", "registry", "roles", "scope", "templates")
NOTHING_DONE = 2
NEEDS = """
Nothing was done. This tries on a real AWS account what the embedded AWS of the tests only claims. It needs:

- credentials, from where boto3 takes them, such as AWS_PROFILE, or ARGUMENTS='--profile NAME'
- a region: AWS_REGION, or the one of the profile, or --region
- your word for the account that they are of: ACCOUNT=123456789012
- the IAM actions that docs/acceptance.md lists

A second account, which pulls, is welcome: --consumer-profile NAME. Only repositories are made, below a prefix of their
own, if nothing more is asked for: --also roles templates registry lambda. The cost is next to nothing: a few hundred
requests, which are free, and a few kilobytes of images for some minutes.
"""


class Refused(Exception):
    """Nothing is to be done. The message says why."""


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="make acceptance", description=__doc__.splitlines()[0])
    options.add_argument("--account", help="must be that of the credentials")
    options.add_argument("--profile", help="of the account with the registry; otherwise as boto3 finds it")
    options.add_argument("--consumer-profile", help="of a second account, which pulls")
    options.add_argument("--region", help="otherwise as boto3 finds it")
    options.add_argument(
        "--also", nargs="+", choices=KINDS, default=[], help="what else to make, or to change meanwhile"
    )
    options.add_argument(
        "--registry-of-others",
        action="store_true",
        help="with --also registry: go on if the registry has a policy; its statements stay, and it is put back",
    )
    options.add_argument("--only", nargs="+", metavar="PART", help="of the parts that the report names, these alone")
    options.add_argument("--patience", type=float, default=30.0, help="seconds to wait for what AWS does after a while")
    options.add_argument("--output", type=Path, default=ROOT / "build" / "acceptance", help="the folder of the report")
    options.add_argument("--clean", action="store_true", help="take away what earlier runs have left, and do no more")
    options.add_argument(
        "--embedded", action="store_true", help="ask the embedded AWS instead, and write down anew what it answers"
    )
    return options


def accounts(arguments: argparse.Namespace, stop: Stop) -> tuple[Account, Account | None]:
    """The account with the registry, and the other one, if any."""
    try:
        # boto3 looks at AWS_DEFAULT_REGION alone.
        owner = Account.of(arguments.profile, arguments.region or os.environ.get("AWS_REGION"), stop)
    except (BotoCoreError, ClientError) as error:
        raise Refused(f"No credentials were found, or AWS does not know them: {said(error)}") from None
    if not owner.session.region_name:
        raise Refused("No region was found.")
    if arguments.account != owner.id:
        given = f"ACCOUNT={arguments.account}" if arguments.account else "no ACCOUNT"
        raise Refused(f"The credentials are of account {owner.id}, and {given} was given.")
    if not arguments.consumer_profile:
        return owner, None
    try:
        consumer = Account.of(arguments.consumer_profile, owner.region, stop)
    except (BotoCoreError, ClientError) as error:
        raise Refused(f"The second account cannot be used: {said(error)}") from None
    if consumer.id == owner.id:
        raise Refused(f"Both profiles are of account {owner.id}.")
    return owner, consumer


def clean(arguments: argparse.Namespace, owner: Account, consumer: Account | None) -> int:
    """Take away what runs before this one have left."""
    owner.stop.cleaning = True
    found = leftovers(owner, consumer, arguments.output)
    if not found:
        print(f"Nothing is left of earlier runs in account {owner.id}, {owner.region}.")
    return max((_clean(belongings)[0] for belongings in found), default=0)


def _clean(belongings: Belongings) -> tuple[int, list[str]]:
    belongings.owner.stop.cleaning = True
    gone, left = belongings.clean()
    for one in gone:
        print(f"taken away: {one}")
    for one in left:
        print(f"LEFT BEHIND: {one}")
    if left:
        print("Try again with ARGUMENTS=--clean, which finds it by its prefix and tags.")
    return int(bool(left)), left


def run(arguments: argparse.Namespace, owner: Account, consumer: Account | None) -> int:
    look_around(arguments, owner, consumer)
    asked = frozenset(arguments.also)
    kinds = set(asked)
    if consumer is None:
        kinds -= {"lambda"}
    if "scope" in asked and registry_scope(owner) != "V2":
        # It is left alone, also by whoever cleans up.
        kinds -= {"scope"}
    ours = Belongings(
        owner, consumer, arguments.output, kinds=frozenset(kinds), functions_in=consumer.id if consumer else ""
    )
    report = Report(
        {
            "asked": owner.ecr.meta.endpoint_url,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "asked for": ", ".join(["repositories", *sorted(ours.kinds), *(["a second account"] if consumer else [])]),
            "boto3": version("boto3"),
        }
    )
    end = 0
    folder = tempfile.TemporaryDirectory()
    may = asked | ({"consumer"} if consumer else set())
    stage = Stage(owner, consumer, ours, Path(folder.name), arguments.patience, may)
    try:
        if "registry" in ours.kinds:
            ours.save_registry_policy()
        ours.begin()
        ask(stage, report, arguments.only)
        check(stage, report, arguments.only)
    except Interrupted as interrupted:
        report.ended_by = str(interrupted)
        end = 128 + signal.Signals[report.ended_by]
    finally:
        folder.cleanup()
        failed, left = _clean(ours)
        report.left = [stage.plain(one) for one in left]
        report.write(arguments.output)
    print(f"\n{report.summary()}")
    for one in report.wrong:
        print(one)
    print(f"The report is {arguments.output / 'report.md'}, and report.json beside it.")
    if arguments.embedded and not (end or arguments.only):
        EXPECTED.write_text(json.dumps(report.answers, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return end or int(bool(failed or report.wrong))


def look_around(arguments: argparse.Namespace, owner: Account, consumer: Account | None) -> None:
    """Whether there is anything that this run must not touch; what is left of others is told."""
    for other in leftovers(owner, consumer, arguments.output):
        print(f"{other.prefix} is there, of a run that goes on or was killed: ARGUMENTS=--clean takes it away.")
    if "registry" in arguments.also and not arguments.registry_of_others and registry_policy(owner):
        raise Refused(
            "This registry has a policy already. With --registry-of-others it is saved, statements "
            "for repositories below the prefix of this run are added to it meanwhile, and it is put back."
        )


def ask(stage: Stage, report: Report, only: Sequence[str] | None) -> None:
    for probe in PROBES:
        if missing := _missing(stage, probe.needs) or _left_out(probe.name, only):
            report.not_tried[probe.name] = missing
            continue
        print(f"{probe.name}: {probe.about}", flush=True)
        try:
            answers = probe.ask(stage)
        except NotTried as why:
            report.not_tried[probe.name] = stage.plain(str(why))
        except ClientError as error:
            report.not_tried[probe.name] = stage.plain(f"AWS said {said(error)}")
        except Exception as error:
            # AWS may answer in a way that nobody thought of. All other questions are as good as before.
            report.not_tried[probe.name] = stage.plain(f"broke, with {type(error).__name__}: {error}")
        else:
            report.answers[probe.name] = {question: stage.plain(answer) for question, answer in answers.items()}


def check(stage: Stage, report: Report, only: Sequence[str] | None) -> None:
    for part, needs in CHECKED.items():
        name = part.__name__
        if missing := _missing(stage, needs) or _left_out(name, only):
            report.not_tried[name] = missing
            continue
        print(f"{name}: what the modules do", flush=True)
        checks = Checks(stage)
        try:
            part(checks)
        except ClientError as error:
            report.not_tried[name] = stage.plain(f"AWS said {said(error)}")
        except Wrong as wrong:
            checks.expect("the module succeeds", False, wrong)
        except Exception as error:
            checks.expect("the module returns a result", False, f"{type(error).__name__}: {error}")
        report.modules[name] = checks.done


def _missing(stage: Stage, needs: frozenset[str]) -> str:
    """What a part needs that there is not, as the reason not to try it."""
    return ", ".join(
        "there is no second account" if one == "consumer" else f"not asked for: {one}"
        for one in sorted(needs - stage.asked)
    )


def _left_out(name: str, only: Sequence[str] | None) -> str:
    return "" if only is None or name in only else "left out"


def on_embedded(arguments: argparse.Namespace, do: Callable[[argparse.Namespace], int]) -> int:
    with tempfile.TemporaryDirectory() as folder, EmbeddedAws() as aws:
        os.environ.update(variables(aws, Path(folder)))
        arguments.account, arguments.consumer_profile = OWNER, PROFILE
        arguments.also, arguments.patience = KINDS, 0.0
        return do(arguments)


def main() -> int:
    arguments = parser().parse_args()
    stop = Stop()
    stop.listen()

    def do(arguments: argparse.Namespace) -> int:
        owner, consumer = accounts(arguments, stop)
        return clean(arguments, owner, consumer) if arguments.clean else run(arguments, owner, consumer)

    try:
        return on_embedded(arguments, do) if arguments.embedded else do(arguments)
    except Refused as refused:
        print(refused, NEEDS, sep="\n", end="")
        return NOTHING_DONE
    except Interrupted as interrupted:
        print(f"Nothing was made before {interrupted}.")
        return 128 + signal.Signals[str(interrupted)]
    except (BotoCoreError, ClientError) as error:
        print(f"AWS said {said(error)}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
