#!/usr/bin/env bash
# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# usage: tools/galaxy.sh
#
# Builds the artifact, and has Galaxy's importer read it as Ansible Galaxy would, without amazon.aws. Fails on any error
# and on any warning, and where a plugin or role would have a page without documentation. The importer's environment is
# in build/galaxy/venv, and made once.
set -euo pipefail
cd "$(dirname "$0")/.."

build=$PWD/build/galaxy
venv=$build/venv
work=$build/work
uv=$PWD/.venv/bin/uv
mkdir -p "$build"

# Its copy is written last, so that an interrupted installation does not count. The folder is part of it, as scripts in an
# environment begin with its path.
recipe() {
    echo "folder: $venv"
    python --version
    cat requirements/galaxy.txt
}

if [[ ! -e $venv/recipe || $(recipe) != "$(<"$venv/recipe")" ]]; then
    echo "Installing requirements/galaxy.txt."
    rm -rf "$venv"
    python -m venv "$venv"
    export PIP_CACHE_DIR=${PIP_CACHE_DIR:-$PWD/.venv/cache/pip} UV_CACHE_DIR=${UV_CACHE_DIR:-$PWD/.venv/cache/uv}
    if ! UV_SYSTEM_CERTS=1 "$uv" pip install --quiet --python "$venv/bin/python" --requirement requirements/galaxy.txt; then
        echo "uv cannot install the packages; pip tries, which takes longer." >&2
        "$venv/bin/python" -m pip install --quiet --requirement requirements/galaxy.txt
    fi
    recipe >"$venv/recipe"
fi

rm -rf "$work"
mkdir -p "$work/home"
ansible-galaxy collection build --output-path "$work" >"$work/build.log"

# What owners of a private Galaxy may turn on. Its flake8 is off there, too: it knows no protocols, whose methods are a line
# each, and ruff looks for whatever else it would find. The file stands in for one in /etc.
cat >"$work/galaxy-importer.cfg" <<'END'
[galaxy-importer]
check_required_tags = true
require_v1_or_greater = true
run_flake8 = false
END

# The importer unpacks the artifact outside of this repository. Within it, in a folder that git ignores, its ansible-lint
# would look at nothing.
cd "$work"
code=0
env --unset ANSIBLE_HOME HOME="$work/home" PATH="$venv/bin:$PATH" GALAXY_IMPORTER_CONFIG="$work/galaxy-importer.cfg" \
    "$venv/bin/python" -m galaxy_importer.main imageshare-aws-*.tar.gz >importer.log 2>&1 || code=$?
if ((code)) || grep -qE '^(CRITICAL|ERROR|WARNING)' importer.log || ! grep -q 'completed successfully' importer.log; then
    cat importer.log >&2
    echo "Galaxy's importer has something to say about the artifact; it exited with $code." >&2
    exit 1
fi
grep -E '^(Importing|Linting collection|Importer)' importer.log
python ../../../tools/galaxy_pages.py importer_result.json ../../..
