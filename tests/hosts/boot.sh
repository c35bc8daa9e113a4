#!/usr/bin/env bash
# Boots a Debian's own systemd in namespaces of its own: boot.sh NAME BASE DISK, with the console's terminal in $CONSOLE.
# BASE is only read; what the host writes stays in DISK, so that it can be started again. A line on standard input says that
# the network is there. Ends as process 1 does: by SIGHUP where it rebooted, by SIGINT where it switched itself off.
set -euo pipefail
export name=$1 base=$2 disk=$3

# A group of processes of its own: without it, its systemd would own those of this machine.
groups=/sys/fs/cgroup
[ -d $groups/unified ] && groups=$groups/unified
mkdir -p "$groups/$name" "$disk"/{upper,work,root,boot}
echo $$ >"$groups/$name/cgroup.procs"

# shellcheck disable=SC2016
inside='
set -e
read -r go
root=$disk/root
mount -t overlay -o "lowerdir=$base,upperdir=$disk/upper,workdir=$disk/work" host "$root"
cd "$root"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
# What belongs to the whole machine is only read.
for shared in proc/sys/kernel proc/sys/vm proc/sys/fs; do
    mount --bind $shared $shared
    mount -o remount,bind,ro $shared
done
cat /proc/sys/kernel/random/uuid >"$disk/boot/id"
mount --bind "$disk/boot/id" proc/sys/kernel/random/boot_id     # another at each start: programs tell a restart by it
for folder in run tmp dev; do mount -t tmpfs -o mode=$([ $folder = tmp ] && echo 1777 || echo 755) tmpfs $folder; done
while read -r device numbers; do mknod -m 666 dev/$device c $numbers; done <<END
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
END
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
for stream in 0:stdin 1:stdout 2:stderr; do ln -s fd/${stream%:*} dev/${stream#*:}; done
touch dev/console
mount --bind "$CONSOLE" dev/console
hostname "$name"
mkdir -p .old
pivot_root . .old
umount -l /.old
mount --make-rshared / # as outside of containers: systemd hands services their credentials that way
# Neither this machine clock nor its modules are the host business.
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=namespaces \
    setpriv --bounding-set=-sys_time,-sys_module,-sys_rawio,-syslog --inh-caps=-sys_time \
    /lib/systemd/systemd --system --log-target=console
'
exec unshare --mount --pid --fork --uts --ipc --net --cgroup --kill-child --propagation private bash -c "$inside"
