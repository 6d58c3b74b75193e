# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""What the modules that share have in common once their options are declared: one task, from its options to its end."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Protocol

# Not AnsibleAWSModule's own warn: it hands its warnings on in a way that ansible-core deprecates.
from ansible.module_utils.common.warnings import warn
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ._aws.registry import connect, partition_of_region
from ._errors import InvalidInputError
from ._registry import EcrError, Registry
from ._runs.bulk import stop_on_signals
from ._runs.options import Request
from ._runs.results import WriteRunResult

# Set by the role, and by nobody else: it tells the warnings of all registries together, by kind.
QUIET = "IMAGESHARE_AWS_QUIET"


class ReadRequest(Protocol):
    """Reads the options of a module. Raises InvalidInputError with every problem."""

    def __call__(
        self,
        options: Mapping[str, Any],
        *,
        partition: str,
        partition_of_region: Callable[[str], str | None],
        check_mode: bool,
        diff: bool,
    ) -> Request: ...


def share(
    argument_spec: Mapping[str, Any], read_request: ReadRequest, run: Callable[[Request, Registry], WriteRunResult]
) -> None:
    """Do one task that shares. It ends the process, as every module does.

    Args:
        argument_spec: The options of the module; without C(concurrency), one policy is written at a time.
        read_request: Reads them.
        run: Does what they ask for.
    """
    module = AnsibleAWSModule(argument_spec=argument_spec, supports_check_mode=True)
    registry = connect(module, concurrency=module.params.get("concurrency", 1))
    stop_on_signals(registry.stop)
    try:
        request = read_request(
            module.params,
            partition=registry.partition,
            partition_of_region=partition_of_region,
            check_mode=module.check_mode,
            diff=module._diff,
        )
        result = run(request, registry)
    except InvalidInputError as error:
        module.fail_json(msg="Nothing was done. " + ". ".join(error.problems))
    except EcrError as error:
        module.fail_json(msg=f"Nothing was done: {error}")
    # Trouble with backups is in no row.
    told = result.trouble if QUIET in os.environ else result.warnings
    for warning in (*request.warnings, *told):
        warn(warning)
    report = result.to_dict(diff=request.diff, include_policy=request.include_policy)
    if result.failures:
        module.fail_json(msg=result.message, **report)
    module.exit_json(**report)
