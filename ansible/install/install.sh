#!/bin/sh
# Makes a Raspberry Pi with Raspberry Pi OS a card scanner, brings one up to date, or finds that there is nothing to do.
# It runs the playbooks beside it on this very machine, with Debian's own Ansible.
set -eu
umask 022
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
kept=/etc/cardscanner/install
log=/var/log/cardscanner-install.log
waits=/run/cardscanner-restart-needed
NEED_MIB=3000

usage() {
    cat <<END
sudo ./install.sh [OPTION]...

Makes this Raspberry Pi a card scanner. Run again it changes nothing; run from a newer tarball it updates. What is
chosen is kept in $kept, so the next run needs no options.

  --device-id NAME           the scanner's name in MQTT: a-z, 0-9 and - (default: the Pi's serial number)
  --game NAME                which cards it will see (default: pokemon)
  --camera pi|usb|usb:N|FILE Raspberry Pi's camera, the (Nth) USB camera, or a recording, played for ever (default: pi)
  --chip ai_hat|ai_kit|none  what recognises; none: the Pi's own processor (default: ai_hat if the model here is
                             compiled for it)
  --database NAME            which of the tarball's databases of cards is installed (default: the only one)
  --broker here|HOST[:PORT]  where scans go; here: a Mosquitto on this box (default: here)
  --broker-user NAME         how HOST knows this box (default: no login)
  --broker-password-file F   F holds the password and nothing else
  --broker-ca FILE           HOST speaks TLS with a certificate of this authority
  --updates ADDRESS          https://... where newer releases are looked for (default: only newer tarballs)
  --vars FILE                further variables of the roles, YAML; box_config in it goes into cardscanner.yaml
  --non-interactive          ask nothing, take the defaults; also when the input is no terminal
  --check                    look and tell what would be done; changes nothing
  --help, --version

Examples
  sudo ./install.sh                                                        asks what it has to know
  sudo ./install.sh --non-interactive --broker homeassistant.local --broker-user box1 --broker-password-file pw.txt
  sudo ./install.sh --camera usb --chip none --device-id counter-2

Exit status: 0 done; 1 it failed, and the last lines say why; 2 wrong options; 3 restart the box, then run it again.
Everything is kept in $log.
END
}

say() { printf '%s\n' "$*"; }
step() { printf '\n== %s\n' "$*"; }
refuse() { # what is wrong, then what to do
    printf '\ninstall.sh: %s\n' "$1" >&2
    shift
    [ $# -eq 0 ] || printf '    %s\n' "$@" >&2
    exit 1
}
wrong() {
    printf 'install.sh: %s\nTry: ./install.sh --help\n' "$*" >&2
    exit 2
}

version() { sed -n 's/^version: *//p' "$here/ansible/galaxy.yml"; }

# What was damaged on its way must not run; this file is the first to be used and the first to be looked at.
whole() {
    [ -f "$here/SHA256SUMS" ] || refuse "$here/SHA256SUMS is missing: this is not a whole tarball." "Unpack it again."
    damaged=$(cd "$here" && sha256sum --check --strict --quiet SHA256SUMS 2>&1) || refuse \
        "files of this tarball are damaged or missing:" "$damaged" "Copy the tarball to the box again, and unpack it anew."
}

options() {
    chosen_device_id='' chosen_game='' chosen_camera='' chosen_chip='' chosen_database=''
    chosen_broker='' chosen_broker_user='' chosen_updates=''
    password_file='' ca_file='' vars_file='' ask=yes only_check=no
    [ -t 0 ] || ask=no
    while [ $# -gt 0 ]; do
        case $1 in
        --help) usage && exit 0 ;;
        --version) version && exit 0 ;;
        --non-interactive) ask=no && shift && continue ;;
        --check) only_check=yes ask=no && shift && continue ;;
        --*=*) option=${1%%=*} value=${1#*=} && shift ;;
        --*) option=$1 && [ $# -gt 1 ] || wrong "$1 is no option, or needs a value"
            value=$2 && shift 2 ;;
        *) wrong "$1 is no option" ;;
        esac
        case $option in
        --device-id) chosen_device_id=$value ;;
        --game) chosen_game=$value ;;
        --camera) chosen_camera=$value ;;
        --chip) chosen_chip=$value ;;
        --database) chosen_database=$value ;;
        --broker) chosen_broker=$value ;;
        --broker-user) chosen_broker_user=$value ;;
        --broker-password-file) password_file=$value ;;
        --broker-ca) ca_file=$value ;;
        --updates) chosen_updates=$value ;;
        --vars) vars_file=$value ;;
        *) wrong "$option is no option" ;;
        esac
    done
    for file in "$password_file" "$ca_file" "$vars_file"; do
        [ -z "$file" ] || [ -r "$file" ] || refuse "$file cannot be read."
    done
}

# From here on everything is also in the log.
begin_log() {
    touch "$log" && chmod 640 "$log"
    mkfifo "$work/said"
    tee -a "$log" <"$work/said" &
    teeing=$!
    exec 3>&1 4>&2 >"$work/said" 2>&1
    say "$(date -u +%FT%TZ) install.sh $(version) from $here"
}

finish() {
    status=$?
    if [ -n "${teeing:-}" ]; then
        exec >&3 2>&4
        wait "$teeing" || true
    fi
    rm -rf "$work"
    exit $status
}

install_ansible() {
    [ ! -x /usr/bin/ansible-playbook ] || return 0
    step "Installing Debian's Ansible"
    apt-get -q -o DPkg::Lock::Timeout=300 update || refuse "apt could not fetch its lists." \
        "Is the box online? ping deb.debian.org" "Then run this again."
    apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends ansible-core || refuse \
        "apt could not install ansible-core." "Its own words are above. If dpkg was interrupted: sudo dpkg --configure -a"
}

play() { # [OPTION...] PLAYBOOK...
    [ ! -f "$place/vars.yml" ] || set -- --extra-vars "@$place/vars.yml" "$@"
    (cd "$here/ansible" && ANSIBLE_CONFIG=ansible.cfg ANSIBLE_NOCOLOR=1 PYTHONUNBUFFERED=1 /usr/bin/ansible-playbook \
        --inventory "$place/hosts.yml" "$@" </dev/null)
}

provision() {
    set -- playbooks/site.yml
    # The program first: it takes the old configuration, while the one before may not take the new.
    if provisioned && [ $outdated = no ] && [ -z "$chosen_updates" ]; then
        set -- playbooks/update.yml "$@"
    fi
    play --extra-vars '{"cardscanner_update": ["program", "model", "database"]}' "$@" || refuse \
        "it did not come to its end. The task that failed, and why, are above and in $log." \
        "Mend that and run this again: what is done already is not done twice."
}

provisioned() { [ -x /opt/cardscanner/venv/bin/python ] && [ -f /etc/cardscanner/cardscanner.yaml ]; }

tell() {
    name=$(cat /proc/sys/kernel/hostname)
    address=$(hostname -I | cut -d ' ' -f 1)
    step "This box is a card scanner now"
    say "Page        http://$name.local:8080 or http://$address:8080"
    say "Claim code  sudo -u cardscanner cardscanner account code   (whoever enters it on the page owns the box)"
    say "Scans       topic cardscanner/$chosen_device_id/scan at $(where_scans_go)"
    say "Is it well? sudo systemctl status cardscanner"
    say "Log         $log"
}

main() {
    options "$@"
    [ "$(id -u)" = 0 ] || refuse "this needs root." "Run it as: sudo ./install.sh"
    whole
    . "$here/parts/checks.sh"
    . "$here/parts/choices.sh"
    work=$(mktemp -d)
    trap finish EXIT
    [ $only_check = yes ] || begin_log
    step "Looking at this box"
    look
    step "Choosing"
    choose
    if [ $only_check = yes ]; then
        place=$work
        write_inventory
        say "Nothing was changed. Without --check this would $(provisioned && echo look for changes and newer releases || echo make it a card scanner)."
        ! { provisioned && [ -x /usr/bin/ansible-playbook ]; } || play --check --diff playbooks/site.yml
        return 0
    fi
    install_ansible
    place=$kept
    write_inventory
    keep_choices
    step "Provisioning; the first time this takes a while"
    provision
    if [ -e $waits ]; then
        step "Restart the box for chip and camera: sudo reboot"
        say "Then run this again: sudo $here/install.sh"
        exit 3
    fi
    tell
}

# Its functions are of use without it, too: . ./install.sh
[ "${0##*/}" != install.sh ] || main "$@"
