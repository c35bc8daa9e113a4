# shellcheck shell=sh
# What this machine has to be.

look() {
    system
    processor
    room
    fresh
    if [ -e "$waits" ]; then
        refuse "the box still waits for its restart." "sudo reboot" "Then run this again."
    fi
}

system() {
    ID='' VERSION_ID='' PRETTY_NAME='an unknown system'
    # shellcheck disable=SC1091
    . /etc/os-release
    case $ID:$VERSION_ID in
    debian:12) python=3.11 ;;
    debian:13) python=3.13 ;;
    raspbian:*) refuse "$PRETTY_NAME is the 32 bit system." "Write the 64 bit Raspberry Pi OS to the card." ;;
    *) refuse "$PRETTY_NAME is not supported: it has to be Raspberry Pi OS or Debian, release 12 (Bookworm) or 13 (Trixie)." ;;
    esac
    say "ok  $PRETTY_NAME"
}

processor() {
    case $(dpkg --print-architecture) in
    arm64) machine=aarch64 ;;
    amd64) machine=x86_64 ;;
    armhf | armel) refuse "this is a 32 bit system." "Write the 64 bit Raspberry Pi OS to the card." ;;
    *) machine=$(uname -m) ;;
    esac
    program=cardscanner-cp$(printf %s "$python" | tr -d .)-$machine
    [ -d "$here/site/program/$program" ] || refuse \
        "this tarball has no program for Python $python on $machine, only: $(cd "$here/site/program" && echo *)." \
        "Take the tarball that was made for this machine (cardscanner-tools dist --machine $machine)."
    say "ok  Python $python on $machine"
}

room() {
    free_mib=$(df -Pm /var | awk 'NR == 2 { print $4 }')
    provisioned || [ "$free_mib" -ge $NEED_MIB ] || refuse \
        "only $free_mib MiB are free on the disk of /var, it takes $NEED_MIB." "Use a larger card (16 GB or more), or make room."
    say "ok  $free_mib MiB free"
}

# What is signed says until when it may be installed. A clock that was not set yet is in the past, and refuses nothing.
fresh() {
    expires=$(sed -n 's/.*"expires": *"\([0-9-]*\)T.*/\1/p' "$here/site/index.json" | head -n 1)
    [ -n "$expires" ] || refuse "$here/site/index.json does not say until when it counts."
    outdated=no
    [ "$(date -u +%Y%m%d)" -le "$(printf %s "$expires" | tr -d -)" ] || outdated=yes
    if [ $outdated = no ]; then
        say "ok  signed, to be installed by $expires"
    elif provisioned; then
        say "    signed, to be installed by $expires: nothing is updated from it, what is chosen is applied"
    else
        refuse "this tarball was to be installed by $expires." "Get a newer one. Is the clock right? It says $(date -u +%F)."
    fi
}
