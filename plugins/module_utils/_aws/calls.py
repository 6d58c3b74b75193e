# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""The calls of one run to one registry: who it belongs to, and how each call is tried.

* A registry of another account is named in each call that has a registryId. Where an operation has none, it is on the
  caller's own registry, so whose that is is asked first.
* A listing ends at some time whatever AWS answers.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from .._registry import EcrError
from . import deadlines
from .errors import GET_CALLER_IDENTITY, Operation
from .retries import RetryPolicy

# A registry holds 100,000 repositories. Pages may be empty, such as those of a filter, but hardly so many in a row.
MAX_PAGES, MAX_EMPTY_PAGES = 10_000, 100
# One try of an operation.
Call = Callable[[], Mapping[str, Any]]


class RegistryCalls:
    """What is called of the private registry of an account in a region, from several threads.

    Args:
        client: The client of boto3 for ECR.
        identity: Makes a client of STS, in case that the caller's account must be asked for.
        registry_id: The 12-digit account that owns it; None for the caller's own.
        retries: Those of the run.
        send: Makes one try of an operation.
    """

    def __init__(
        self,
        client: Any,
        identity: Callable[[], Any],
        registry_id: str | None = None,
        retries: RetryPolicy | None = None,
        send: deadlines.Send = deadlines.send_directly,
    ) -> None:
        self.client, self._identity, self._send = client, identity, send
        self.requested_owner = registry_id
        self._registry_parameter = {"registryId": registry_id} if registry_id else {}
        self._owner = registry_id
        self._asking_for_owner = threading.Lock()
        self._owner_error: EcrError | None = None
        self._caller_account: str | None = None
        self.retries = retries or RetryPolicy(retries_enabled=not _botocore_retries(client))
        self.partition: str = client.meta.partition
        self.region: str = client.meta.region_name

    def owner(self) -> str:
        """Return the 12-digit account that owns the registry: as it was asked for, or as an answer said, or else the
        caller's. That is asked for once, even if it cannot be had.
        """
        with self._asking_for_owner:
            if self._owner is not None:
                return self._owner
            if self._owner_error is None:
                try:
                    self._owner = self._caller()
                except EcrError as error:
                    text = f"could not determine the registry ID: {str(error).rstrip('.')}. Set registry_id."
                    self._owner_error = EcrError(text, error.code)
                else:
                    return self._owner
            raise self._owner_error

    def note_owner(self, registry_id: str | None) -> None:
        """Remember whose registry it is, as an answer said."""
        self._owner = registry_id or self._owner

    def stop(self, reason: str) -> None:
        """Let every call from now on fail at once, for this reason; also those of other registries of this caller."""
        self.retries.breaker.stop(reason)

    def pause(self, seconds: float) -> None:
        """Sleep, but not after the run has stopped."""
        self.retries.breaker.sleep(seconds)

    def check(self) -> None:
        """Raise RunStoppedError if the run has stopped."""
        self.retries.breaker.check()

    def call(self, operation: Operation, **parameters: Any) -> Call:
        """Prepare a try of an operation on this registry."""
        return self.attempt(operation, self.client, {**parameters, **self._registry_parameter})

    def own_call(self, operation: Operation, **parameters: Any) -> Call:
        """Prepare a try of an operation that has no registryId, because it is on the caller's own registry.

        Raises:
            EcrError: It is another account's.
        """
        self.check_own(operation)
        return self.attempt(operation, self.client, parameters)

    def check_own(self, operation: Operation) -> None:
        """Raise EcrError unless the registry is the caller's own: the operation has no registryId.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetRegistryPolicy.html
        """
        if self.requested_owner is None:
            return
        subject = f"of account {self.requested_owner}"
        try:
            caller = self._caller()
        except EcrError as error:
            raise EcrError(operation.error_text(str(error), subject), error.code) from error
        if caller != self.requested_owner:
            why = (
                f"AWS's API has it for the caller's own registry alone, that of account {caller}. Use credentials of "
                f"account {self.requested_owner}."
            )
            raise EcrError(operation.error_text(why, subject))

    def attempt(self, operation: Operation, client: Any, parameters: Mapping[str, Any], subject: str = "") -> Call:
        return partial(self._send, operation, client, parameters, subject, is_stopped=self.retries.breaker.is_stopped)

    def listed(
        self, operation: Operation, page_call: Callable[[Mapping[str, str]], Call], *, items: str, token: str
    ) -> list[Mapping[str, Any]]:
        """Return all that the pages of a listing have, which end at some time whatever AWS answers."""
        found: list[Mapping[str, Any]] = []
        parameter: dict[str, str] = {}
        seen: set[str] = set()
        empty = 0
        for _number in range(MAX_PAGES):
            page = self.retries.run(page_call(parameter))
            found += page[items]
            following = page.get(token)
            if not following:
                return found
            if following in seen:
                raise EcrError(operation.error_text("AWS answered a pagination token that it had answered before"))
            empty = 0 if page[items] else empty + 1
            if empty >= MAX_EMPTY_PAGES:
                raise EcrError(operation.error_text(f"AWS answered {empty} empty pages in a row, and no end"))
            seen.add(following)
            parameter = {token: following}
        raise EcrError(operation.error_text(f"AWS answered {MAX_PAGES:,} pages, and no end"))

    def _caller(self) -> str:
        """Return the account of the caller."""
        if self._caller_account is None:
            answer = self.retries.run(self.attempt(GET_CALLER_IDENTITY, self._identity(), {}))
            self._caller_account = str(answer["Account"])
        return self._caller_account


def _botocore_retries(client: Any) -> bool:
    # A user's aws_config may let botocore try again by itself.
    return bool((client.meta.config.retries or {}).get("total_max_attempts") != 1)
