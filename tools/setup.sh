#!/usr/bin/env bash
# Makes .venv and installs the project with the given extras: tools/setup.sh demo,tools,dev
#
# annoy comes as source. It needs a C++ compiler and Python's headers; where the headers are missing and we may
# not install packages, Debian's header package is unpacked beside the virtual environment instead.
set -euo pipefail
cd "$(dirname "$0")/.."
extras="$1"
python="${PYTHON:-python3}"
venv=.venv

die() {
    echo "setup: $*" >&2
    exit 1
}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    die "Python 3.11 or newer is needed; $python is $("$python" --version 2>&1)"

if [ ! -x "$venv/bin/pip" ]; then
    "$python" -m venv "$venv" || die "no virtual environment could be made: sudo apt install python3-venv"
fi
export PIP_DISABLE_PIP_VERSION_CHECK=1

headers_in() {
    [ -f "$1/Python.h" ]
}

unpack_headers() { # into $1; needs apt's lists, not root
    local version package
    version="$("$venv/bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
    package="libpython${version}-dev"
    mkdir -p "$1"
    (
        cd "$1"
        if ! apt-get download "$package" libexpat1-dev >/dev/null 2>&1; then
            [ "$(id -u)" = 0 ] && apt-get update -qq && apt-get download "$package" >/dev/null 2>&1
        fi
        for file in ./*.deb; do dpkg-deb -x "$file" .; done
        rm -f ./*.deb
    ) || die "Python's headers are needed to compile annoy: sudo apt install python3-dev"
    echo "$PWD/$1/usr/include/python${version}:$PWD/$1/usr/include:$PWD/$1/usr/include/python${version}"
}

prepare_compiler() {
    if ! command -v g++ >/dev/null && ! command -v clang++ >/dev/null; then
        tools/system_packages.sh g++
    fi
    local include
    include="$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["include"])')"
    if ! headers_in "$include"; then
        CPATH="$(unpack_headers "$venv/headers")${CPATH:+:$CPATH}"
        export CPATH
    fi
}

"$venv/bin/python" -c 'import annoy' 2>/dev/null || prepare_compiler
echo "setup: installing into $venv ($extras)"
if [[ ",$extras," == *,train,* ]]; then
    "$venv/bin/pip" install --quiet torch==2.13.0
fi
"$venv/bin/pip" install --quiet --use-pep517 --editable ".[$extras]"
