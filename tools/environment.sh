#!/usr/bin/env bash
# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# usage: tools/environment.sh demo|test
#
# Brings .venv to what requirements/<name>.txt asks for; instant if it is there already.
# PYTHON, if set, is the interpreter to use: an environment made with another version of Python is made anew.
set -euo pipefail
cd "$(dirname "$0")/.."

name=$1
root=$PWD
venv=$root/.venv
python=$venv/bin/python

# Prints the version of an interpreter that can make the environment; fails for every other one.
# Only running it tells: version managers put commands on PATH that do nothing but print an error, and some
# distributions ship Python without the parts that make an environment. ansible-core 2.21 ends at Python 3.14.
usable_version() {
    "$1" -c '
import ensurepip, sys, venv
if not (3, 11) <= sys.version_info[:2] <= (3, 14):
    raise SystemExit(1)
print("%d.%d" % sys.version_info[:2])
' 2>/dev/null
}

choose_interpreter() {
    local candidates=(python3 python3.14 python3.13 python3.12 python3.11 python)
    if [[ -n ${PYTHON:-} ]]; then
        candidates=("$PYTHON")
    fi
    local candidate
    for candidate in "${candidates[@]}"; do
        if usable_version "$candidate" >/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "No Python 3.11 to 3.14 with venv and ensurepip among: ${candidates[*]}" >&2
    echo "Name one: make PYTHON=/path/to/python3" >&2
    return 1
}

# What the environment is made from. Its copy in .venv is written last, so an interrupted installation does not count.
# The folder is part of it: an environment that was copied along with its repository still leads to the original.
recipe() {
    echo "folder: $root"
    cat requirements/demo.txt
    if [[ $1 == test ]]; then
        cat requirements/docs.txt requirements/test.txt
    fi
}

is_current() {
    [[ -e $venv/$1.recipe && $(recipe "$1") == "$(<"$venv/$1.recipe")" ]]
}

made_elsewhere() {
    compgen -G "$venv/*.recipe" >/dev/null && ! grep -qxF "folder: $root" "$venv"/*.recipe
}

install_requirements() {
    # In the environment, so that the user's own caches stay as they are.
    export PIP_CACHE_DIR=${PIP_CACHE_DIR:-$venv/cache/pip} UV_CACHE_DIR=${UV_CACHE_DIR:-$venv/cache/uv}
    export PIP_DISABLE_PIP_VERSION_CHECK=1
    # Without the system's certificates, uv trusts its own list alone, and fails behind a proxy that inspects TLS.
    if "$python" -m pip install --quiet --requirement requirements/installer.txt &&
        UV_SYSTEM_CERTS=1 "$venv/bin/uv" pip install --quiet --python "$python" --requirement "requirements/$name.txt"; then
        return
    fi
    echo "uv cannot install the packages; pip tries, which takes longer." >&2
    "$python" -m pip install --quiet --requirement "requirements/$name.txt"
}

# Two of them at a time would make one environment between them. Whoever waits finds it made. The lock is on a file that
# stays; where there is no flock, as on macOS, nobody waits.
exec 9<"requirements/$name.txt"
if type -P flock >/dev/null; then
    flock 9
fi

wanted=
reason=
if [[ -n ${PYTHON:-} ]]; then
    interpreter=$(choose_interpreter)
    wanted=$(usable_version "$interpreter")
fi

if [[ -e $venv ]]; then
    if ! has=$(usable_version "$python"); then
        reason="its Python does not run"
    elif made_elsewhere; then
        reason="it belongs to another folder"
    elif [[ -n $wanted && $has != "$wanted" ]]; then
        reason="it has Python $has, and PYTHON asks for $wanted"
    fi
    if [[ -n $reason ]]; then
        echo "Removing .venv: $reason."
        rm -rf "$venv"
    fi
fi

if is_current "$name"; then
    exit
fi

if [[ ! -e $venv ]]; then
    interpreter=$(choose_interpreter)
    echo "Creating .venv with $(command -v "$interpreter") ($("$interpreter" --version))."
    "$interpreter" -m venv "$venv"
fi

echo "Installing requirements/$name.txt."
rm -f "$venv"/*.recipe
install_requirements

# Lets Ansible, pytest and the linters find the collection, under its name, without any setting.
collections=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/ansible_collections
mkdir -p "$collections/imageshare"
ln -sfn "$root" "$collections/imageshare/aws"

# Stands in for the configuration files in the user's home and in /etc.
: >"$venv/ansible.cfg"

recipe demo >"$venv/demo.recipe"
if [[ $name == test ]]; then
    recipe test >"$venv/test.recipe"
fi
