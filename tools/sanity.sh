#!/usr/bin/env bash
# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# usage: tools/sanity.sh
#
# Runs every test of `ansible-test sanity` on this machine, on the Python of the environment, and fails if one of them
# did not look at anything.
set -euo pipefail
cd "$(dirname "$0")/.."

build=$PWD/build/sanity
copy=$build/ansible_collections/imageshare/aws
version=$(python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
site_packages=$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')

# ansible-test refuses a collection outside of ansible_collections/<namespace>/<name>, so it gets a copy of what git has
# or would take. The copy is a repository, too: in one of ours it would be an ignored folder, and every file skipped.
rm -rf "$copy"
mkdir -p "$copy"
git ls-files -z --cached --others --exclude-standard |
    while IFS= read -r -d '' file; do
        # A file that is deleted, but not yet in git, is among them.
        if [[ -e $file || -L $file ]]; then
            printf '%s\0' "$file"
        fi
    done | tar -c --null -T - | tar -x -C "$copy"
git -C "$copy" init --quiet

# Documentation and imports refer to amazon.aws.
mkdir -p "$build/ansible_collections/amazon"
ln -sfn "$site_packages/ansible_collections/amazon/aws" "$build/ansible_collections/amazon/aws"

# ansible-test makes an environment for each kind of test, in a home of its own here. The user's settings of pip
# still hold there.
user_home=$HOME
export HOME=$build/home
cache=$HOME/.ansible/test/cache
mkdir -p "$cache" "$HOME/.config"
if [[ -d $user_home/.config/pip ]]; then
    ln -sfn "$user_home/.config/pip" "$HOME/.config/pip"
fi

# To put pip into these environments, ansible-test downloads a script from a server of its own, unless it is in the
# cache. Python brings pip along, so this does instead: one name for ansible-core 2.19, one for 2.20 and 2.21.
for name in get_pip_24_2.py get_pip_25_2.py; do
    cat >"$cache/$name" <<'SCRIPT'
import subprocess
import sys

requirements = [argument for argument in sys.argv[1:] if not argument.startswith("--no-")]
subprocess.run([sys.executable, "-m", "ensurepip"], check=True, stdout=subprocess.DEVNULL)
subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *requirements], check=True)
SCRIPT
done

cd "$copy"

# By itself, because what pip prints would bury the results.
if ! ansible-test sanity --color no --python "$version" --prime-venvs >"$build/environments.log" 2>&1; then
    cat "$build/environments.log"
    exit 1
fi

ansible-test sanity --color no --python "$version" --junit

# ansible-test succeeds where every file is skipped, and where a tool that a test needs is not there.
ran=0
for test in $(ansible-test sanity --list-tests 2>/dev/null); do
    report=$(compgen -G "tests/output/junit/ansible-test-sanity-$test*.xml" || true)
    case $test in
        # Nothing to look at: the collection has no PowerShell and no __init__.py.
        pslint | empty-init) ;;
        *)
            if [[ -z $report ]] || grep -q '<skipped' "$report"; then
                echo "The sanity test $test did not run." >&2
                exit 1
            fi
            ;;
    esac
    ran=$((ran + 1))
done
if ((ran == 0)); then
    echo "ansible-test looked at no file." >&2
    exit 1
fi
echo "$ran sanity tests passed."
