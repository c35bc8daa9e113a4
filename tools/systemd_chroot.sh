#!/usr/bin/env bash
# A small Debian of a given release in a folder, with its own systemd: tools/systemd_chroot.sh bookworm FOLDER [PACKAGE...]
# Takes packages from where this machine's apt takes them. Needs root and debootstrap. A finished folder is used again.
set -euo pipefail
release=$1 root=$2
shift 2
[ -e "$root/.finished" ] && exit 0

# The first source that has main: a deb822 file's URIs, or a one-line source's address.
mirror=$({
    awk '$1 == "URIs:" { print $2 }' /etc/apt/sources.list.d/debian*.sources 2>/dev/null || true
    awk '$1 == "deb" { sub(/\[[^]]*\]/, ""); print $2 }' /etc/apt/sources.list 2>/dev/null || true
} | head -1)
[ -n "$mirror" ] || { echo "no Debian source in /etc/apt: where would the packages come from?" >&2; exit 1; }

rm -rf "$root"
mkdir -p "$(dirname "$root")"
include=$(IFS=,; echo "systemd,systemd-sysv,udev,dbus,kmod,$*")
debootstrap --variant=minbase --include="${include%,}" "$release" "$root" "$mirror" >"$root.log" 2>&1 || {
    tail -5 "$root.log" >&2
    exit 1
}
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
touch "$root/.finished"
