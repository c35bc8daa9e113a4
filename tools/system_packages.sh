#!/usr/bin/env bash
# Makes sure that the programs (or, of those without one, the files) of some Debian packages are here: tools/system_packages.sh mosquitto g++
# Installs them when we may; otherwise says the one command to run.
set -euo pipefail
PATH="$PATH:/usr/sbin:/usr/local/sbin"

missing=()
for package in "$@"; do
    command -v "$package" >/dev/null || dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

install="apt-get install -y --no-install-recommends ${missing[*]}"
if [ "$(id -u)" = 0 ]; then
    run=()
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    run=(sudo -n)
else
    echo "missing: ${missing[*]}. Please run: sudo $install" >&2
    exit 1
fi
echo "installing ${missing[*]}"
# Packages that start a service must not do so here; the tests start their own broker.
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
"${run[@]}" apt-get update -qq
# shellcheck disable=SC2086
"${run[@]}" $install >/dev/null
