#!/usr/bin/env bash
# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# usage: tools/sanity.sh
#
# Runs every test of `ansible-test sanity` on this machine, on the Python of the environment, and on what users install;
# fails if one of them did not look at anything. The tests and tools of the repository have linters of their own.
set -euo pipefail
cd "$(dirname "$0")/.."

build=$PWD/build/sanity
venv=$PWD/.venv
copy=$build/ansible_collections/imageshare/aws
version=$(python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
site_packages=$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')

# ansible-test refuses a collection outside of ansible_collections/<namespace>/<name>, so the artifact is unpacked there.
# The copy is a repository, too: in one of ours it would be an ignored folder, and every file skipped.
rm -rf "$copy" "$build/artifact"
mkdir -p "$copy" "$build/artifact"
ansible-galaxy collection build --output-path "$build/artifact" >"$build/artifact.log"
tar -xzf "$(compgen -G "$build/artifact/imageshare-aws-*.tar.gz")" -C "$copy"
git -C "$copy" init --quiet

# Documentation and imports refer to amazon.aws.
mkdir -p "$build/ansible_collections/amazon"
ln -sfn "$site_packages/ansible_collections/amazon/aws" "$build/ansible_collections/amazon/aws"

# ansible-test makes an environment for each kind of test, in a home of its own here, and starts pip there without the
# variables of whoever runs this. The user's settings of pip and uv still hold there.
user_home=$HOME
export HOME=$build/home
cache=$HOME/.ansible/test/cache
mkdir -p "$cache" "$HOME/.config"
if [[ -d $user_home/.config/pip ]]; then
    ln -sfn "$user_home/.config/pip" "$HOME/.config/pip"
fi
install -m 700 /dev/null "$HOME/uv-install"
{
    echo '#!/usr/bin/env bash'
    declare -px | grep -E '^declare -x (PIP_|SSL_|UV_|[a-z]+_proxy=|[A-Z]+_PROXY=)' || true
    echo "export HOME=${user_home@Q} UV_CACHE_DIR=\${UV_CACHE_DIR:-${venv@Q}/cache/uv} UV_SYSTEM_CERTS=1"
    echo "exec ${venv@Q}/bin/uv pip install --quiet \"\$@\""
} >"$HOME/uv-install"

# To put pip into these environments, ansible-test downloads a script from a server of its own, unless it is in the
# cache: one name for ansible-core 2.19, one for 2.20 and 2.21.
for name in get_pip_24_2.py get_pip_25_2.py; do
    cp tools/sanity_pip.py "$cache/$name"
done

# By itself, because what pip prints would bury the results.
make_environments() {
    (cd "$copy" && ansible-test sanity --color no --python "$version" --prime-venvs) >"$build/environments.log" 2>&1
}
if ! make_environments; then
    echo "uv cannot make the environments; pip tries, which takes longer." >&2
    rm "$HOME/uv-install"
    if ! make_environments; then
        cat "$build/environments.log"
        exit 1
    fi
fi

cd "$copy"

ansible-test sanity --color no --python "$version" --junit

# ansible-test succeeds where every file is skipped, and where a tool that a test needs is not there.
ran=0
for test in $(ansible-test sanity --list-tests 2>/dev/null); do
    report=$(compgen -G "tests/output/junit/ansible-test-sanity-$test*.xml" || true)
    case $test in
        # Nothing to look at: the collection has no PowerShell, no shell scripts and no __init__.py.
        pslint | shellcheck | empty-init) ;;
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
