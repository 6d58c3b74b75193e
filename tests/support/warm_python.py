# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Python modules as processes of their own that begin with their imports done.

A module of the collection spends most of a short run on importing boto3 and Ansible, and so does a command of Ansible.
Here, a server for either, one a test process, imports what they import, and each run is a fork of it:

- A run has its own standard streams, environment, signal handlers and exit code, and nothing of another run: the
  server itself runs nothing and makes nothing but forks.
- The module's own file is executed anew as ``__main__``, as ``python -m`` does, and the interpreter ends as usual.
- What modules import does not depend on the environment of a run. What Ansible's commands import does in one module,
  its constants, which each run loads again.
- With ``COLD_PROCESSES`` in the environment of the tests, every run is an interpreter that starts from nothing. So is
  one in whose environment there is something else that is read at the start.
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
from collections.abc import Mapping, Sequence
from functools import cache
from threading import Lock

# Ahead of a request: the length of its JSON. In an answer: the id of the process, and then its exit code.
_NUMBER = struct.Struct("!i")
_BASE = {"LC_ALL": "C.UTF-8"}
_READ_AT_THE_START = ("LANG", "LC_", "PYTHON")
# Ansible's commands read all of its variables at the start; those that every test sets are no trouble.
COMMAND_LINE = "ansible"
_COMMANDS = ("ansible.cli.inventory", "ansible.cli.playbook", "boto3")
_HARMLESS = {"ANSIBLE_CONFIG", "ANSIBLE_HOME", "ANSIBLE_NOCOLOR", "ANSIBLE_REMOTE_TMP"}
_lock = Lock()


def run(
    module: str,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    *,
    text: str = "",
    timeout: float,
    folder: str | None = None,
    merge: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Run C(python -m module) with these arguments, in this environment alone.

    text: its standard input. folder: where it runs, if not here. merge: whether standard error is in the output.
    """
    if "COLD_PROCESSES" in os.environ or not _can_be_warm(module, environment):
        return subprocess.run(
            [sys.executable, "-m", module, *arguments],
            input=text,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if merge else subprocess.PIPE,
            text=True,
            env=dict(environment),
            cwd=folder,
            timeout=timeout,
            check=False,
        )
    with _lock:
        server = _server(module == COMMAND_LINE)
    return server.run([module, *arguments], environment, text, timeout, folder or os.getcwd(), merge)


def _can_be_warm(module: str, environment: Mapping[str, str]) -> bool:
    if module == COMMAND_LINE and {name for name in environment if name.startswith("ANSIBLE_")} - _HARMLESS:
        return False
    return {name: environment[name] for name in environment if name.startswith(_READ_AT_THE_START)} == _BASE


@cache
def _server(_of_commands: bool) -> _Server:
    return _Server()


class _Server:
    """The server, from the outside. It ends when the process that started it does."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair()
        self._home = tempfile.TemporaryDirectory()
        configuration = os.path.join(self._home.name, "ansible.cfg")
        with theirs, open(configuration, "w", encoding="utf-8"):
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                # Not a terminal, so that standard output is buffered as in a pipe or a file.
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env={
                    "PATH": os.environ["PATH"],
                    "HOME": self._home.name,
                    "ANSIBLE_CONFIG": configuration,
                    "ANSIBLE_NOCOLOR": "true",
                    **_BASE,
                },
            )
        atexit.register(self._close)

    def _close(self) -> None:
        self._control.close()
        self._process.wait()
        self._home.cleanup()

    def run(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        text: str,
        timeout: float,
        folder: str,
        merge: bool,
    ) -> subprocess.CompletedProcess[str]:
        ours, theirs = socket.socketpair()
        with ours, tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            given.write(text.encode())
            given.seek(0)
            with theirs:
                request = json.dumps([command, folder, dict(environment)]).encode()
                streams = [file.fileno() for file in (given, out, out if merge else err, theirs)]
                with _lock:
                    socket.send_fds(self._control, [_NUMBER.pack(len(request))], streams)
                    self._control.sendall(request)
            process = _number(ours)
            if not select.select([ours], [], [], timeout)[0]:
                os.kill(process, signal.SIGKILL)
                raise subprocess.TimeoutExpired(list(command), timeout)
            code = _number(ours)
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess(list(command), code, out.read().decode(), err.read().decode())


def _number(source: socket.socket) -> int:
    (number,) = _NUMBER.unpack(source.recv(_NUMBER.size, socket.MSG_WAITALL))
    return int(number)


# That of a process that starts here from nothing: ignored, if whoever started the tests ignores it.
_INHERITED = signal.getsignal(signal.SIGINT)


def _serve(control: socket.socket) -> tuple[list[str], str, dict[str, str], list[int]]:
    """Fork a process for each request. Returns in such a process alone, with the module and its arguments, the working
    directory, the environment and the standard streams.
    """
    # Whoever interrupts the tests ends the process that started the server.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        header, streams, _flags, _address = socket.recv_fds(control, _NUMBER.size, 4)
        if not header:
            os._exit(0)
        command, folder, environment = json.loads(control.recv(*_NUMBER.unpack(header), socket.MSG_WAITALL))
        _import_once(command[0])
        *standard, status = streams
        # Of the three processes, the one between the server and the run waits for the run.
        keeper = os.fork()
        if not keeper:
            process = os.fork()
            if not process:
                control.close()
                os.close(status)
                return command, folder, environment, standard
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
        for name in _COMMANDS if module == COMMAND_LINE else (module,):
            importlib.import_module(name)
    except Exception:
        return
    if module != COMMAND_LINE:
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
    signal.signal(signal.SIGINT, _INHERITED)


def main() -> None:
    # The folder of this file is no place to import from.
    del sys.path[0]
    command, folder, environment, standard = _serve(socket.socket(fileno=int(sys.argv[1])))
    _become(folder, environment, standard)
    sys.path.insert(0, folder)
    sys.argv = command
    if command[0] == COMMAND_LINE:
        importlib.reload(sys.modules["ansible.constants"])
    runpy.run_module(command[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
