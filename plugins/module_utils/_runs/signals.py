# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is private to the collection: it may change at any time.

"""A run that is interrupted stops soon, and still tells what it has done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def stop_on_signals(give_up: Callable[[str], None]) -> None:
    """Let an interrupted run give up. A second signal ends the process at once.

    give_up: takes the reason. It is called in the middle of whatever the main thread does, so it may take no lock.
    """

    def handle(number: int, _frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        give_up(f"it was interrupted by {signal.Signals(number).name}. To do: run again; what was done stays done")

    # Only the main thread may set handlers.
    if threading.current_thread() is threading.main_thread():
        for number in _SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, handle)
