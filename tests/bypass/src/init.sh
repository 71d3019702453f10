#!/bin/sh
# The guest's first process: mounts what programs expect, then runs what the test sends through the second serial port, a command a line,
# and answers with its output and a line "@@ NUMBER STATUS".
export PATH=/bin:/sbin HOME=/root
# A first file system is open to all, and DPDK takes no drivers from such a folder.
chmod 755 /
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/shm /dev/hugepages
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
ip link set lo up
exec </dev/ttyS1 >/dev/ttyS1 2>&1
# Every byte as it is: no echo, no carriage returns.
stty raw -echo
echo "@@ 0 0"
# In a process of its own. What a command left running becomes a child of the first process when that command has ended, and when a child of it ends busybox's
# read begins anew and forgets what it had of a line.
(
    # A test that has gone leaves no guest behind. busybox has this option.
    # shellcheck disable=SC3045
    while read -r -t 900 number command; do
        sh -c "$command" </dev/null 2>&1
        status=$?
        echo
        echo "@@ $number $status"
    done
)
poweroff -f
