#!/usr/bin/env bash
# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# usage: tools/browser.sh
#
# Installs the browser that the tests of the report drive, from Debian's packages and as root; instant if it is there
# already. Without it, these tests are skipped.
set -euo pipefail

if type -P chromium chromedriver >/dev/null; then
    exit
fi
if ! type -P apt-get >/dev/null || ((EUID != 0)); then
    echo "To test the report, install chromium and chromedriver; from Debian's packages, root can do that here." >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update --quiet=2
# The fonts have the arrows and the Greek letter of the report.
apt-get install --quiet=2 --yes --no-install-recommends chromium chromium-driver fonts-dejavu-core
