# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Put pip into an environment that ansible-test has made, in the place of the script that it would download.

Where ``~/uv-install`` is there, what is put there is no pip: it has the name, and hands to that command what is to be
installed, which takes a second instead of ten for each environment. Otherwise it is the pip that Python brings along.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

UV_INSTALL = Path.home() / "uv-install"
STAND_IN = f"""\
import os
import shutil
import sys

command, *arguments = (argument for argument in sys.argv[1:] if argument != "--disable-pip-version-check")
if command == "install":
    os.execv({str(UV_INSTALL)!r}, ["uv-install", "--python", sys.executable, *arguments])
elif command == "uninstall":
    # This is the last step, and its only package is pip.
    shutil.rmtree(os.path.dirname(__file__))
"""


def main() -> None:
    if UV_INSTALL.exists():
        package = Path(sysconfig.get_path("purelib")) / "pip"
        package.mkdir()
        (package / "__init__.py").touch()
        (package / "__main__.py").write_text(STAND_IN, encoding="utf-8")
        return
    requirements = [argument for argument in sys.argv[1:] if not argument.startswith("--no-")]
    subprocess.run([sys.executable, "-m", "ensurepip"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *requirements], check=True)


if __name__ == "__main__":
    main()
