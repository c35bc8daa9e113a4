# shellcheck shell=sh
# What a person chooses: by option, else as it was chosen before, else by answering, else the default. It becomes an inventory.

CHOICES='device_id game camera chip database broker broker_user updates'

choose() {
    # Another broker knows nothing of the user and the secrets of the one before.
    another_broker=no
    [ -z "$chosen_broker" ] || [ "$chosen_broker" = "$(remembered broker)" ] || another_broker=yes
    for name in $CHOICES; do
        eval "now=\$chosen_$name"
        # shellcheck disable=SC2154
        [ -n "$now" ] || [ "$name$another_broker" = broker_useryes ] || eval "chosen_$name=\$(remembered $name)"
    done
    compiled=$(find "$here/site/model" -name '*.hef' | head -n 1)
    answer device_id "Name of this scanner in MQTT" "$(serial_number)"
    answer game "Which game's cards" pokemon
    answer camera "Camera: pi, usb, usb:N, or the file of a recording" pi
    answer chip "What recognises: ai_hat, ai_kit, none (the Pi's processor)" "$([ -n "$compiled" ] && echo ai_hat || echo none)"
    databases=$(ls "$here/site/database")
    # The only one is no question.
    [ -n "$chosen_database" ] || [ "$(echo "$databases" | wc -l)" -gt 1 ] || chosen_database=$databases
    answer database "Which database of cards, of $(echo $databases)" ''
    answer broker "Where scans go: here (a broker on this box), or HOST[:PORT]" here
    [ "$chosen_broker" = here ] || answer broker_user "How it knows this box (nothing: no login)" ''
    check_choices
    for name in $CHOICES; do eval "say \"    $name: \$chosen_$name\""; done
}

remembered() { [ ! -f $kept/choices ] || sed -n "s/^$1=//p" $kept/choices; }

answer() { # NAME QUESTION DEFAULT
    eval "now=\$chosen_$1"
    [ -z "$now" ] || return 0
    now=
    if [ $ask = yes ]; then
        printf '%s [%s]: ' "$2" "$3"
        read -r now || true
    fi
    eval "chosen_$1=\${now:-\$3}"
}

# As the scanner itself names a box without a device_id.
serial_number() {
    serial=$(tr -cd 'a-z0-9' 2>/dev/null </proc/device-tree/serial-number | tail -c 12 || true)
    [ -n "$serial" ] || serial=$(sha256sum </etc/machine-id | cut -c 1-12)
    printf %s "$serial"
}

check_choices() {
    matches "$chosen_device_id" '[a-z0-9-]{1,32}' && [ "$chosen_device_id" != all ] ||
        wrong "--device-id '$chosen_device_id': 1 to 32 of a-z, 0-9 and -, and not all"
    matches "$chosen_game" '[a-z0-9-]+' || wrong "--game '$chosen_game': a-z, 0-9 and -"
    case $chosen_camera in
    pi | usb) ;;
    usb:*) matches "$chosen_camera" 'usb:[0-9]+' || wrong "--camera '$chosen_camera': usb:0 is the first" ;;
    /home/* | /root/* | /tmp/*) wrong "--camera: the scanner sees neither homes nor /tmp: put the recording into /var/local" ;;
    /*) [ -f "$chosen_camera" ] || wrong "--camera: there is no recording $chosen_camera" ;;
    *) wrong "--camera '$chosen_camera': pi, usb, usb:N, or a file by its whole path, /..." ;;
    esac
    case $chosen_chip in
    ai_hat | ai_kit) [ -n "$compiled" ] || refuse \
        "the model of this tarball is not compiled for the Hailo chip (no .hef; docs/hailo.md says how to)." \
        "Take --chip none: the Pi's processor runs the same network. With a newer tarball: --chip $chosen_chip" ;;
    none) ;;
    *) wrong "--chip '$chosen_chip': ai_hat, ai_kit or none" ;;
    esac
    echo "$databases" | grep -qxF -- "$chosen_database" || wrong "--database '$chosen_database': the tarball has $(echo $databases)"
    matches "$chosen_broker" '[A-Za-z0-9._-]+(:[0-9]{1,5})?' || wrong "--broker '$chosen_broker': here, or HOST[:PORT]"
    matches "$chosen_broker_user" '[^"'"'"'\\]*' || wrong "--broker-user: no quotes, no backslashes"
    [ "$chosen_broker" != here ] || [ -z "$chosen_broker_user$password_file$ca_file" ] ||
        wrong "--broker here has users and passwords of its own; --broker-... belong to another HOST"
    matches "$chosen_updates" '(https://[^"'"'"' \\]+)?' || wrong "--updates '$chosen_updates': an address that begins with https://"
}

matches() { printf '%s\n' "$1" | grep -qxE -- "$2"; }

# Values are quoted where they need it; nothing in them ends a quotation, as check_choices has seen.
write_inventory() { # everything into $work; its text names files in $place, where they will be
    umask 077
    secrets
    {
        printf '# Written by install.sh; what was chosen stands in choices beside it.\n'
        printf 'all:\n  hosts:\n    this_box:\n  vars:\n'
        variables | sed 's/^/    /'
        printf 'boxes:\n  hosts:\n    this_box:\n'
        [ "$chosen_broker" != here ] || printf 'brokers:\n  hosts:\n    this_box:\n'
    } >"$work/hosts.yml"
    vars=${vars_file:-$kept/vars.yml}
    [ ! -f "$vars" ] || cat "$vars" >"$work/vars.yml"
    umask 022
}

variables() {
    cat <<END
ansible_connection: local
ansible_python_interpreter: /usr/bin/python3
ansible_become: false
base_firewall_networks: [192.168.0.0/16, 10.0.0.0/8, 172.16.0.0/12, "fe80::/10", "fd00::/8"]
cardscanner_site: $(quoted "$here/site")
cardscanner_source: "$chosen_updates"
cardscanner_database: "$chosen_database"
cardscanner_hailo: $([ "$chosen_chip" = none ] && echo false || echo true)
hailo_board: $([ "$chosen_chip" = ai_kit ] && echo ai_kit || echo ai_hat)
cardscanner_pi_camera: $([ "$chosen_camera" = pi ] && echo true || echo false)
cardscanner_config: "{{ box_chosen | combine(box_config | default({}), recursive=true) }}"
box_chosen:
  device_id: "$chosen_device_id"
  game: "$chosen_game"
  camera: $(camera)
  embedder: {backend: $([ "$chosen_chip" = none ] && echo onnx || echo hailo)}
  publish: $(publish)
END
    credentials
    [ "$chosen_broker" != here ] || own_broker
}

quoted() { printf "'%s'" "$(printf %s "$1" | sed "s/'/''/g")"; }

camera() {
    case $chosen_camera in
    pi) echo '{backend: picamera2}' ;;
    usb) echo '{backend: opencv, device: 0}' ;;
    usb:*) echo "{backend: opencv, device: ${chosen_camera#usb:}}" ;;
    *) echo "{backend: replay, path: $(quoted "$chosen_camera"), loop: true}" ;;
    esac
}

publish() {
    case $chosen_broker in
    here) host=localhost port=1883 user=$chosen_device_id ;;
    *:*) host=${chosen_broker%:*} port=${chosen_broker##*:} user=$chosen_broker_user ;;
    *) host=$chosen_broker port=$([ -f "$work/broker-ca.pem" ] && echo 8883 || echo 1883) user=$chosen_broker_user ;;
    esac
    said="host: $host, port: $port"
    [ -z "$user" ] || said="$said, username: \"$user\""
    # shellcheck disable=SC2016
    [ ! -f "$work/mqtt-password" ] || said="$said, password_file: \$CREDENTIALS_DIRECTORY/mqtt-password"
    # shellcheck disable=SC2016
    [ ! -f "$work/broker-ca.pem" ] || said="$said, tls: {ca_file: \$CREDENTIALS_DIRECTORY/broker-ca.pem}"
    echo "{$said}"
}

# What was given now, or before; for a broker of our own, passwords that nobody had to invent.
secrets() {
    if [ "$chosen_broker" = here ]; then
        for user in "$chosen_device_id" homeassistant inventory reader; do
            grep -s "^$user " $kept/passwords || echo "$user $(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')"
        done >"$work/passwords"
        sed -n "s/^$chosen_device_id //p" "$work/passwords" >"$work/mqtt-password"
    else
        secret mqtt-password "$password_file"
        secret broker-ca.pem "$ca_file"
    fi
}

secret() { # NAME FILE
    file=$2
    [ -n "$file" ] || [ "$another_broker" = yes ] || file=$kept/$1
    [ ! -f "$file" ] || cat "$file" >"$work/$1"
    [ "$1" != mqtt-password ] || [ -f "$work/$1" ] || [ -z "$chosen_broker_user" ] || ask_password >"$work/$1"
}

ask_password() {
    [ $ask = yes ] || refuse "$chosen_broker knows this box as $chosen_broker_user: with which password?" \
        "--broker-password-file FILE"
    printf 'Password of %s at %s: ' "$chosen_broker_user" "$chosen_broker" >&2
    stty -echo
    read -r password || true
    stty echo
    echo >&2
    printf %s "$password"
}

credentials() {
    echo 'cardscanner_credentials:'
    for name in mqtt-password broker-ca.pem; do
        [ ! -f "$work/$name" ] || printf '  %s: "{{ lookup(%s, %s) }}"\n' $name "'ansible.builtin.file'" "'$place/$name'"
    done
    [ -f "$work/mqtt-password" ] || [ -f "$work/broker-ca.pem" ] || echo '  {}'
}

own_broker() {
    echo 'broker_tls: false'
    echo 'broker_port: 1883'
    echo "broker_scanners: [\"$chosen_device_id\"]"
    echo 'broker_users:'
    while read -r user password; do
        echo "  - {name: \"$user\", password: \"$password\"}"
    done <"$work/passwords"
}

keep_choices() {
    mkdir -p $kept && chmod 700 $kept
    for name in $CHOICES; do eval "printf '%s=%s\n' $name \"\$chosen_$name\""; done >"$work/choices"
    for name in choices hosts.yml vars.yml passwords mqtt-password broker-ca.pem; do
        if [ ! -f "$work/$name" ]; then
            rm -f "$kept/$name"
        elif ! cmp -s "$work/$name" "$kept/$name"; then
            install -m 600 "$work/$name" "$kept/$name"
        fi
    done
}

where_scans_go() {
    if [ "$chosen_broker" = here ]; then
        echo "$address:1883; users and passwords: sudo cat $kept/passwords"
    else
        echo "$chosen_broker"
    fi
}
