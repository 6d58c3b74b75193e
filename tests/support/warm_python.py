# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Python modules as processes of their own that begin with their imports done.

A module of the collection spends most of a short run on importing boto3 and Ansible. Here, one server per test process
imports what a module imports, and each run is a fork of it:

- A run has its own standard streams, environment, signal handlers and exit code, and nothing of another run: the
  server itself runs nothing and makes nothing but forks.
- The module's own file is executed anew as ``__main__``, as ``python -m`` does, and the interpreter ends as usual.
- What modules import must not depend on the environment of a run. Ansible's command line does, so it is not run here.
- With ``COLD_PROCESSES`` in the environment of the tests, every run is an interpreter that starts from nothing. So is
  one whose environment an interpreter reads when it starts.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from threading import Lock

# Ahead of a request: the length of its JSON. In an answer: the id of the process, and then its exit code.
_NUMBER = struct.Struct("!i")
_BASE = {"LC_ALL": "C.UTF-8"}
_READ_AT_THE_START = ("LANG", "LC_", "PYTHON")
_lock = Lock()


def run(module: str, text: str, environment: Mapping[str, str], timeout: float) -> subprocess.CompletedProcess[str]:
    """Run C(python -m module) with this text as its standard input, and in this environment alone."""
    read_at_the_start = {name: environment[name] for name in environment if name.startswith(_READ_AT_THE_START)}
    if "COLD_PROCESSES" in os.environ or read_at_the_start != _BASE:
        return subprocess.run(
            [sys.executable, "-m", module],
            input=text,
            capture_output=True,
            text=True,
            env=dict(environment),
            timeout=timeout,
            check=False,
        )
    with _lock:
        server = _server()
    return server.run(module, text, environment, timeout)


@cache
def _server() -> _Server:
    return _Server()


class _Server:
    """The server, from the outside. It ends when the process that started it does."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                # Not a terminal, so that standard output is buffered as in a pipe or a file.
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env={"PATH": os.environ["PATH"], "HOME": os.devnull, **_BASE},
            )
        atexit.register(self._close)

    def _close(self) -> None:
        self._control.close()
        self._process.wait()

    def run(
        self, module: str, text: str, environment: Mapping[str, str], timeout: float
    ) -> subprocess.CompletedProcess[str]:
        ours, theirs = socket.socketpair()
        with ours, tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            given.write(text.encode())
            given.seek(0)
            with theirs:
                request = json.dumps([module, os.getcwd(), dict(environment)]).encode()
                streams = [file.fileno() for file in (given, out, err, theirs)]
                with _lock:
                    socket.send_fds(self._control, [_NUMBER.pack(len(request))], streams)
                    self._control.sendall(request)
            process = _number(ours)
            if not select.select([ours], [], [], timeout)[0]:
                os.kill(process, signal.SIGKILL)
                raise subprocess.TimeoutExpired(module, timeout)
            code = _number(ours)
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess([module], code, out.read().decode(), err.read().decode())


def _number(source: socket.socket) -> int:
    (number,) = _NUMBER.unpack(source.recv(_NUMBER.size, socket.MSG_WAITALL))
    return int(number)


def _serve(control: socket.socket) -> tuple[str, str, dict[str, str], list[int]]:
    """Fork a process for each request. Returns in such a process alone, with the module, the working directory, the
    environment and the standard streams.
    """
    # Whoever interrupts the tests ends the process that started the server.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        header, streams, _flags, _address = socket.recv_fds(control, _NUMBER.size, 4)
        if not header:
            os._exit(0)
        module, folder, environment = json.loads(control.recv(*_NUMBER.unpack(header), socket.MSG_WAITALL))
        _import_once(module)
        *standard, status = streams
        # Of the three processes, the one between the server and the run waits for the run.
        keeper = os.fork()
        if not keeper:
            process = os.fork()
            if not process:
                control.close()
                os.close(status)
                return module, folder, environment, standard
            os.write(status, _NUMBER.pack(process))
            code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
            os.write(status, _NUMBER.pack(code))
            os._exit(0)
        for stream in streams:
            os.close(stream)
        _reap()


@cache
def _import_once(module: str) -> None:
    """Import what a module imports. What fails here fails in the run, too, and is told there."""
    try:
        importlib.import_module(module)
    except Exception:
        return
    # It is to be executed anew, by another name.
    del sys.modules[module]
    # What is there now is there for good: a fork need not copy it to count references.
    gc.collect()
    gc.freeze()


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _become(folder: str, environment: Mapping[str, str], standard: list[int]) -> None:
    for number, stream in enumerate(standard):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def main() -> None:
    # The folder of this file is no place to import from.
    del sys.path[0]
    module, folder, environment, standard = _serve(socket.socket(fileno=int(sys.argv[1])))
    _become(folder, environment, standard)
    sys.path.insert(0, folder)
    sys.argv = [module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
