#!/usr/bin/env bash
# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# usage: tools/npm.sh SOURCE TARGET
#
# Installs what the package-lock.json in SOURCE names into TARGET, and copies the scripts there that use it; instant if it
# is there already. Exits with 69, and says why, where that cannot be done: nothing that users install needs Node.js.
set -euo pipefail
cd "$(dirname "$0")/.."

source=$1
target=$2

unavailable() {
    echo "$source cannot be used: $1" >&2
    exit 69
}

for command in node npm; do
    command -v "$command" >/dev/null || unavailable "there is no $command on PATH"
done
major=$(node --print 'process.versions.node.split(".")[0]')
((major >= 18)) || unavailable "Node.js is too old: $(node --version)"

mkdir -p "$target"
if ! cmp -s "$source/package-lock.json" "$target/installed.json"; then
    rm -rf "$target/node_modules" "$target/installed.json"
    cp "$source/package.json" "$source/package-lock.json" "$target/"
    npm ci --prefix "$target" --ignore-scripts --no-audit --no-fund --fetch-retries=1 --fetch-timeout=30000 \
        >"$target/npm.log" 2>&1 || unavailable "npm cannot install it: $(tail -n 3 "$target/npm.log" | tr '\n' ' ')"
    cp "$source/package-lock.json" "$target/installed.json"
fi
cp "$source"/*.mjs "$target/"
