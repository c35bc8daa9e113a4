#!/bin/sh
# Install Home Assistant into a virtual environment of its own: homeassistant.sh FOLDER
# It wants a newer Python than the scanner. HOMEASSISTANT_BASE names one; otherwise the first that is new enough.
set -eu
folder=$1

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 13))' 2>/dev/null
}

find_python() {
    for candidate in "${HOMEASSISTANT_BASE:-}" python3.14 python3.13 python3 \
        "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[3-9]*/bin/python3; do
        if [ -n "$candidate" ] && new_enough "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    echo "Home Assistant needs Python 3.13 or newer: install one, or name it in HOMEASSISTANT_BASE" >&2
    return 1
}

python=$(find_python)
"$python" -m venv "$folder"
"$folder/bin/pip" install --quiet homeassistant
constraints=$("$folder/bin/python" -c 'import homeassistant as h; print(h.__path__[0] + "/package_constraints.txt")')
# What its MQTT integration would install at its first start.
"$folder/bin/pip" install --quiet --constraint "$constraints" paho-mqtt
touch "$folder/.ready"
