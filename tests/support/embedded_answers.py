# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What operations of the embedded ECR have in common: how they refuse a parameter, and how they answer in pages."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping
from typing import Any

from moto.core.exceptions import ServiceException
from moto.ecr.exceptions import InvalidParameterException


def invalid(parameter: str, constraint: str) -> ServiceException:
    return InvalidParameterException(f"Invalid parameter at '{parameter}' failed to satisfy constraint: '{constraint}'")


def page(names: Iterable[str], params: Mapping[str, Any]) -> tuple[list[str], dict[str, str]]:
    """The names that a page has, sorted, and the token of the next one, if any, as a member of the answer."""
    size, token = params.get("maxResults"), params.get("nextToken")
    size = 100 if size is None else size
    if not 1 <= size <= 1000:
        raise invalid("maxResults", "must be between 1 and 1000")
    try:
        last = urlsafe_b64decode(token or "").decode()
    except ValueError:
        raise invalid("nextToken", "must be a token from an earlier answer") from None
    left = sorted(name for name in names if name > last)
    more = len(left) > size
    return left[:size], {"nextToken": urlsafe_b64encode(left[size - 1].encode()).decode()} if more else {}
