#!/usr/bin/env bash
# Starts the appliance under a real systemd: a Debian 12 with the units as docs/install.md lays them down, booted in a
# virtual machine, which then checks itself (inside/checks.sh). Prints one line a check; exit 0 when all are ok.
#   tests/systemd/boot.sh FOLDER          FOLDER: for the Debian, the image and the log; about 4 GB
# Needs root (or fakeroot's rights to chroot), debootstrap, qemu-system-x86, and a Python of Debian 12's version (PYTHON).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
repo=$(cd "$here/../.." && pwd)
mkdir -p "$1"
work=$(cd "$1" && pwd)
python=${PYTHON:-python3}
root=$work/bookworm

"$repo/tools/systemd_chroot.sh" bookworm "$root" python3 python3-venv python3-systemd linux-image-cloud-amd64 \
    initramfs-tools mosquitto mosquitto-clients

# The product, as `pip install` puts it on a box; the dependencies only when they have changed.
needs=$(sed -n '/^dependencies = /,/^]/p' "$repo/pyproject.toml" | sha256sum | cut -d' ' -f1)
if [ "$(cat "$root/opt/wheels/.needs" 2>/dev/null)" != "$needs" ]; then
    rm -rf "$root/opt/wheels" "$root/opt/cardscanner"
    # Annoy is compiled here, by default for this very processor, which the emulated one is not.
    ANNOY_COMPILER_ARGS=-O3,-ffast-math,-fno-associative-math,-DANNOYLIB_MULTITHREADED_BUILD,-std=c++14 \
        "$python" -m pip wheel -q --no-cache-dir -w "$root/opt/wheels" "$repo"
    chroot "$root" python3 -m venv --system-site-packages /opt/cardscanner/venv
    chroot "$root" /opt/cardscanner/venv/bin/pip install -q --no-index --find-links /opt/wheels cardscanner
    echo "$needs" >"$root/opt/wheels/.needs"
fi
site=$(echo "$root"/opt/cardscanner/venv/lib/python3*/site-packages)
rm -rf "$site/cardscanner"
cp -r "$repo/device/cardscanner" "$site/"
rm -rf "$root"/opt/cardscanner/{models,systemd}
cp -r "$repo"/{models,systemd} "$root/opt/cardscanner/"

# The scanner in miniature of the other tests: an emulated processor is some fifty times slower than a real one, and
# with the shipped network one frame would take longer than any watchdog waits.
rm -rf "$root/opt/checks" "$root/opt/scanner"
PYTHONPATH="$repo/device:$repo/tests" "$python" -c \
    'import sys, pathlib, small_scanner; small_scanner.small_scanner(pathlib.Path(sys.argv[1]))' "$root/opt/scanner"
chmod -R a+rX "$root/opt/scanner"
cp -r "$here/inside" "$root/opt/checks"
cp "$here/inside/checks.service" "$root/etc/systemd/system/"
ln -sf /etc/systemd/system/checks.service "$root/etc/systemd/system/multi-user.target.wants/checks.service"
# Nothing of an earlier boot: the users, the state, and the broker that starts by itself.
rm -rf "$root"/{etc,var/lib,var/log}/cardscanner "$root"/etc/systemd/system/cardscanner* "$root"/var/log/journal/*
rm -f "$root/etc/systemd/system/multi-user.target.wants/mosquitto.service"
chroot "$root" userdel -f cardscanner 2>/dev/null || true
mkdir -p "$root/var/log/journal"

# Root's files stay root's; a fresh image each time.
rm -f "$work/image"
mke2fs -q -F -t ext4 -d "$root" "$work/image" 3G >/dev/null
rm -f "$work/verdict.log"
timeout "${LIMIT_S:-3000}" qemu-system-x86_64 -accel tcg -cpu max -smp 2 -m 2048 -display none -no-reboot -nic none \
    -kernel "$root"/boot/vmlinuz-* -initrd "$root"/boot/initrd.img-* -drive "file=$work/image,if=virtio,format=raw" \
    -append "root=/dev/vda rw console=ttyS0 systemd.show_status=no" \
    -serial "file:$work/console.log" -serial "file:$work/verdict.log" </dev/null
cat "$work/verdict.log"
tail -1 "$work/verdict.log" | grep -q "^verdict: .* 0 failed"
