# Runs inside the booted machine, as root: installs the appliance as docs/install.md says and checks what it promises.
set -u
source /opt/checks/saying.sh
unit=cardscanner.service
shipped=/opt/cardscanner/systemd

say "this is $(systemctl --version | head -1), process 1 is $(cat /proc/1/comm), kernel $(uname -r)"

# --- as in docs/install.md
set -e
install -m 644 $shipped/*.service $shipped/*.timer /etc/systemd/system/
install -D -m 644 -t /etc/sysusers.d $shipped/sysusers.d/cardscanner.conf
install -D -m 644 -t /etc/tmpfiles.d $shipped/tmpfiles.d/cardscanner.conf
install -D -m 644 -t /etc/udev/rules.d $shipped/udev/61-cardscanner.rules
install -D -m 644 -t /etc/systemd/system/cardscanner.service.d $shipped/cardscanner.service.d/mqtt-credentials.conf
systemd-sysusers
systemd-tmpfiles --create
install -m 640 -g cardscanner /opt/checks/cardscanner.yaml /etc/cardscanner/cardscanner.yaml
printf hunter2-in-the-vault > /etc/cardscanner/mqtt-password
systemd-tmpfiles --create
udevadm control --reload
set +e
# Under software emulation everything takes its time, starting most of all; the watchdog stays as it is.
mkdir -p /run/systemd/system/cardscanner.service.d
printf '[Service]\nTimeoutStartSec=600\n' > /run/systemd/system/cardscanner.service.d/emulated.conf
systemctl daemon-reload

check "sysusers made the user with the group video" eval 'id -nG cardscanner | grep -qw video'
check "tmpfiles keep the password for root alone" \
    eval '[ "$(stat -c "%a %U" /etc/cardscanner/mqtt-password)" = "600 root" ]'
check "udev reads the rule for the Hailo chip without a complaint" eval \
    'udevadm test /sys/class/mem/null > /tmp/udev 2>&1; grep -q 61-cardscanner /tmp/udev && ! grep 61-cardscanner.rules:[0-9] /tmp/udev'

# --- a broker that wants the password
printf 'listener 1883 127.0.0.1\nallow_anonymous false\npassword_file /run/broker-passwords\n' > /run/broker.conf
mosquitto_passwd -b -c /run/broker-passwords box1 hunter2-in-the-vault 2>/dev/null
chmod 644 /run/broker-passwords
mosquitto -c /run/broker.conf -d
mosquitto_sub -h 127.0.0.1 -u box1 -P hunter2-in-the-vault -t 'cardscanner/booted/#' -v > /run/heard.txt &

scans() { grep -c '^cardscanner/booted/scan ' /run/heard.txt; }
more_scans() { local before; before=$(scans); within 300 eval "[ \$(scans) -gt $before ]"; }
main_pid() { systemctl show -P MainPID $unit; }
property() { systemctl show -P "$1" $unit; }

# --- start
began=$(date +%s)
check "systemctl start comes back when READY=1 was said" systemctl start $unit
say "start took $(($(date +%s) - began)) s; exposure level: $(systemd-analyze security $unit --no-pager | tail -1 | sed 's,.*service: ,,')"
check "the unit is active, with the status that the daemon gave" \
    eval '[ "$(property ActiveState) $(property StatusText)" = "active scanning" ]'
check "scans reach the broker" more_scans
pid=$(main_pid)

# --- who it is and what it may do
status() { awk -v key="$1:" '$1 == key { $1 = ""; print substr($0, 2) }' "/proc/$pid/status"; }
check "it runs as the user cardscanner" eval '[ "$(stat -c %U /proc/$pid)" = cardscanner ]'
check "it has no capability, and can get none" \
    eval '[ "$(status CapEff) $(status CapBnd) $(status NoNewPrivs)" = "0000000000000000 0000000000000000 1" ]'
check "its system calls are filtered" eval '[ "$(status Seccomp)" = 2 ]'
within_it() { nsenter --target "$pid" --mount "$@"; }
check "the system is read-only for it" eval '! within_it touch /usr/x /etc/x 2>/dev/null'
check "its state directory is not" within_it touch /var/lib/cardscanner/x
check "homes are hidden from it" eval '[ -z "$(within_it ls -A /root)" ]'
in_its_group() { bash -c 'echo $$ > "/sys/fs/cgroup$(cut -d: -f3 /proc/'"$pid"'/cgroup)/cgroup.procs" && exec "$@"' - "$@"; }
check "a disk can be read outside its group" head -c1 /dev/vda
check "a disk cannot be read inside its group" eval '! in_its_group head -c1 /dev/vda 2>/dev/null'
check "the null device can be used inside its group" in_its_group head -c1 /dev/zero
check "the credential is a file that only it can read" eval \
    '[ "$(within_it cat /run/credentials/$unit/mqtt-password)" = hunter2-in-the-vault ]'
check "the password went the way of the credential: the broker let it in" eval 'grep -q "^cardscanner/booted/status online" /run/heard.txt'

# --- its journal
journal() { journalctl --sync; journalctl -u $unit -o json --no-pager "$@"; }
check "a log line has its fields in the journal" eval 'journal DECISION=match | grep -q "\"MESSAGE\":\"card decided"'
check "and its level as priority" eval 'journal PRIORITY=6 | grep -q "\"MESSAGE\":\"ready"'
check "and the thread it comes from is ours" eval 'journal SYSLOG_IDENTIFIER=cardscanner | grep -q "card decided"'
check "the password is nowhere in the journal" eval '! journalctl --no-pager | grep -q hunter2-in-the-vault'

# --- reload
cp /etc/cardscanner/cardscanner.yaml /run/good.yaml
sed -i 's/^camera:/cammera:/' /etc/cardscanner/cardscanner.yaml
systemctl reload $unit
check "a reload of a bad configuration is an error in the journal" \
    within 120 eval 'journal PRIORITY=3 | grep -q "the new configuration cannot be used"'
cp /run/good.yaml /etc/cardscanner/cardscanner.yaml
sed -i 's,gone_s: 0.05,gone_s: 0.06,' /etc/cardscanner/cardscanner.yaml
systemctl reload $unit
check "a reload of a good one is taken" within 300 eval 'journal REASON=reload | grep -q stopped'
check "reloaded, it is active in the same process" \
    within 300 eval '[ "$(main_pid) $(property ActiveState) $(property StatusText)" = "$pid active scanning" ]'
check "and scans again" more_scans

# --- watchdog
before=$(property NRestarts)
stopped=$(date +%s)
kill -STOP "$pid"
check "a process that hangs is killed by the watchdog" \
    within 60 eval 'journalctl --sync; journalctl --no-pager -u $unit | grep -q "Watchdog timeout"'
killed=$(date +%s)
say "killed $((killed - stopped)) s after it was stopped"
check "within WatchdogSec" eval '[ $((killed - stopped)) -le 32 ]'
check "and started again by systemd" within 600 eval '[ "$(property NRestarts) $(property ActiveState)" = "$((before + 1)) active" ]'
check "it scans again" more_scans
say "scanning $(($(date +%s) - killed)) s after the kill"

# --- stop
began=$(date +%s)
check "systemctl stop is obeyed" systemctl stop $unit
say "stop took $(($(date +%s) - began)) s"
check "in time and in order" eval '[ "$(property Result) $(property ExecMainStatus)" = "success 0" ] && [ $(($(date +%s) - began)) -lt 10 ]'
sleep 1
check "and the broker was told" eval 'grep "^cardscanner/booted/status" /run/heard.txt | tail -1 | grep -q offline'

# --- looking for updates
check "the update check runs in its sandbox" systemctl start cardscanner-update.service
check "and leaves what it found to the daemon" eval 'grep -q 99.0.0 /var/lib/cardscanner/releases/state.json'
check "its timer has a next time" eval \
    'systemctl start cardscanner-update.timer && systemctl list-timers --no-pager | grep -q cardscanner-update'

# --- what starting again cannot mend, and what it may
sed -i 's/^camera:/cammera:/' /etc/cardscanner/cardscanner.yaml
systemctl start $unit 2>/dev/null
check "a mistake in the configuration is exit 78, and not tried again" \
    eval '[ "$(property ExecMainStatus) $(property ActiveState) $(property NRestarts)" = "78 failed 0" ]'
sleep 2
check "nor in ten minutes" eval '! systemctl -q is-active cardscanner-retry.timer'
cp /run/good.yaml /etc/cardscanner/cardscanner.yaml
systemctl reset-failed $unit
printf '[Service]\nExecStart=\nExecStart=/bin/false\nType=exec\n' > /run/systemd/system/cardscanner.service.d/failing.conf
printf '[Timer]\nOnActiveSec=\nOnActiveSec=30s\nAccuracySec=1s\n' | install -D /dev/stdin /run/systemd/system/cardscanner-retry.timer.d/soon.conf
systemctl daemon-reload
systemctl start --no-block $unit
check "a scanner that fails at once is started five times at most" within 100 eval \
    '[ "$(property ActiveState)" = failed ] && journal | grep -q "Start request repeated too quickly" && [ "$(property NRestarts)" -le 5 ]'
check "then a timer waits to try it again" within 20 systemctl -q is-active cardscanner-retry.timer
rm /run/systemd/system/cardscanner.service.d/failing.conf
printf '[Unit]\nStartLimitIntervalSec=10s\n' > /run/systemd/system/cardscanner.service.d/emulated-limit.conf
systemctl daemon-reload
check "and it is tried again, and comes back" within 600 eval '[ "$(property ActiveState)" = active ]'
systemctl stop $unit

verdict
