# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write files into a directory, all in one process.

usage: write_files.py [--new] VARIABLE DIRECTORY < PACKED

VARIABLE is the variable of the role that names the directory, for messages. With --new no file replaces another, and if
one of them is there already, none is written.

PACKED is a JSON object of texts by file name, compressed by zlib, as base64. A report has three files and may have
megabytes, and ansible.builtin.copy starts two processes for each file.

Each file replaces an earlier one at once, and only its owner can read it. A directory that exists keeps its mode.
"""

from __future__ import annotations

import argparse
import base64
import errno
import json
import os
import sys
import tempfile
import zlib


def write_files(directory: str, packed: bytes, *, new: bool) -> None:
    files = json.loads(zlib.decompress(base64.b64decode(packed)))
    os.makedirs(directory, mode=0o700, exist_ok=True)
    for name in files if new else ():
        path = os.path.join(directory, name)
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, "there is such a file already, and it is not overwritten", path)
    for name, text in files.items():
        # The mode of such a file is 0600.
        descriptor, path = tempfile.mkstemp(prefix=f".{name}.", dir=directory)
        try:
            with open(descriptor, "w", encoding="utf-8", newline="") as file:
                file.write(text)
            os.replace(path, os.path.join(directory, name))
        except BaseException:
            os.unlink(path)
            raise


if __name__ == "__main__":
    os.umask(0o077)
    parser = argparse.ArgumentParser()
    parser.add_argument("--new", action="store_true")
    parser.add_argument("variable")
    parser.add_argument("directory")
    options = parser.parse_args()
    try:
        write_files(options.directory, sys.stdin.buffer.read(), new=options.new)
    except OSError as error:
        sys.exit(f"{options.variable}: {error.strerror}: {error.filename or options.directory}")
