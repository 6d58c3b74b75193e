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
# What a user needs, and tests/config.yml, which tells whoever checks the artifact the Python versions that it supports.
# Pictures are in the pages of the site, as nothing shows those of an artifact.
files='(CHANGELOG\.(md|rst)|COPYING|FILES\.json|MANIFEST\.json|README\.md|SECURITY\.md|bindep\.txt|requirements\.txt)'
# No file that an editor or a merge leaves behind has such a name.
name='[^./][^/]*'
folders="(changelogs/(changelog|config)\.yaml|docs/$name\.(json|md)|tests/config\.yml"
folders+="|(examples|meta|playbooks|plugins|roles)/($name/)*$name\.(css|j2|js|json|md|py|txt|yml))"
grep -vxE "$files|$folders" "$build/contents.txt" >>"$build/leaked.txt" || true
# What is behind a link gets in, wherever that leads.
while IFS= read -r file; do
    if [[ -L $file ]]; then
        echo "$file"
    fi
done <"$build/contents.txt" >>"$build/leaked.txt"
if [[ -s $build/leaked.txt ]]; then
    echo "These files must not be in the artifact; see build_ignore in galaxy.yml:" >&2
    sort --unique "$build/leaked.txt" >&2
    exit 1
fi

size=$(wc -c <"$artifact")
if ((size > 400000)); then
    echo "The artifact has $size bytes, and should have less than 400,000." >&2
    exit 1
fi

# A page must not lead to one that stays behind.
mkdir "$build/unpacked"
tar -xzf "$artifact" -C "$build/unpacked"
(
    cd "$build/unpacked"
    code=0
    while IFS=: read -r page link; do
        link=${link#*](}
        link=${link%%[#)]*}
        if [[ ! -e $(dirname "$page")/$link ]]; then
            echo "$page links to $link, which is not in the artifact." >&2
            code=1
        fi
    done < <(grep -roE --include='*.md' '\]\([^:)#]+\.md[#)]' .)
    exit $code
)
echo "The artifact has $(wc -l <"$build/contents.txt") files and $size bytes."

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
