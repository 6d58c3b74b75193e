#!/usr/bin/env bash
# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# usage: tools/package.sh
#
# Builds the collection into build/package, installs the artifact, and has ansible-doc read every plugin of it.
set -euo pipefail
cd "$(dirname "$0")/.."

build=$PWD/build/package
installed=$build/collections
rm -rf "$build"
mkdir -p "$build"

ansible-galaxy collection build --output-path "$build"
artifact=$(compgen -G "$build/imageshare-aws-*.tar.gz")

# build_ignore is a list of what to leave out, so whatever nobody thought of gets in. git knows better.
tar -tzf "$artifact" | grep -v '/$' | sort >"$build/contents.txt"
{
    printf '%s\n' FILES.json MANIFEST.json
    git ls-files --cached --others --exclude-standard
} | sort | comm -13 - "$build/contents.txt" >"$build/leaked.txt"
grep -E '^(\.|benchmark/|build/|demo/|requirements/|tools/|tests/(integration|old_cores|output|support|unit)/)' "$build/contents.txt" \
    >>"$build/leaked.txt" || true
if [[ -s $build/leaked.txt ]]; then
    echo "These files must not be in the artifact; see build_ignore in galaxy.yml:" >&2
    cat "$build/leaked.txt" >&2
    exit 1
fi

# Needs no network: amazon.aws is found among the packages of the environment. So is the collection itself, which would
# count as installed already.
ANSIBLE_COLLECTIONS_PATH=$installed ansible-galaxy collection install --force --collections-path "$installed" "$artifact"

shopt -s extglob failglob
# Every plugin that users call by name: a folder is named for its type, but for that of the modules.
for folder in "$installed"/ansible_collections/imageshare/aws/plugins/!(doc_fragments|module_utils|plugin_utils)/; do
    type=$(basename "$folder")
    type=${type/#modules/module}
    files=("$folder"*.py)
    plugins=("${files[@]##*/}")
    plugins=("${plugins[@]/#/imageshare.aws.}")
    # Nor may the repository stand in for the artifact here.
    ANSIBLE_COLLECTIONS_PATH=$installed ansible-doc --type "$type" --json "${plugins[@]%.py}" |
        python -c '
import json, sys
from pathlib import Path
kind, *files = sys.argv[1:]
documented = json.load(sys.stdin)
for file in files:
    plugin = f"imageshare.aws.{Path(file).stem}"
    found = documented[plugin]["doc"]["filename"]
    if found != file:
        raise SystemExit(f"{plugin} is documented by {found} instead of {file}")
    print(f"{kind} {plugin}: installed and documented.")
' "$type" "${files[@]}"
done
