#!/usr/bin/env bash
# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# usage: tools/iam-simulate.sh
#
# Installs @cloud-copilot/iam-simulate, an engine that evaluates IAM policies and shares no code with the collection,
# into build/iam-simulate; instant if it is there already. A test compares the collection with it. Exits with 69, and
# says why, where that cannot be done: the engine is a witness, and users need no Node.js.
set -euo pipefail
cd "$(dirname "$0")/.."

tools/npm.sh tests/support/iam_simulate build/iam-simulate
