#!/bin/busybox sh
# Process 1 of the guest: the host's root, read-only, becomes the lower layer of an overlay whose upper layer is in
# memory; the command runs in that. It talks with the host by three ports: "stdout" and "stderr" carry the command's own,
# "control" takes the exit code. QEMU shares folders by 9p, its ports are virtio-serial's, and "control" brings the
# settings first; user-mode Linux shares them by hostfs, its ports are serial lines, and $settings is a file of the host.

busybox=/bin/busybox
$busybox mkdir -p /bin /run
$busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev

# The console is what the host shows when no exit code comes.
fail() {
  echo "init: $*" >/dev/console
  end_machine
}

# A module that is built into this kernel is not there to be loaded: what lacks in earnest fails below.
for module in $(cat /boot-modules); do modprobe -q $module; done

if [ -n "$settings" ]; then
  end_machine() { poweroff -f; }
  port() {
    case $1 in
    stdout) echo /dev/ttyS0 ;;
    stderr) echo /dev/ttyS1 ;;
    control) echo /dev/ttyS2 ;;
    esac
  }
  share() { mount -t hostfs -o "$2,$3" none "$4"; } # tag path mode place
  for port in stdout stderr control; do stty -F "$(port $port)" raw -echo; done
  # What io_uring maps is freed twice here (6.12), and Node.js 22 asks for it.
  echo 2 2>/dev/null >/proc/sys/kernel/io_uring_disabled
else
  end_machine() { reboot -f; }
  # Ports are numbered as they are found; their names are in sysfs.
  port() {
    for entry in /sys/class/virtio-ports/*; do
      [ "$(cat $entry/name 2>/dev/null)" != "$1" ] || echo "/dev/${entry##*/}"
    done
  }
  share() {
    [ "$3" = ro ] && cache=loose || cache=mmap
    mount -t 9p -o "trans=virtio,version=9p2000.L,msize=512000,$3,cache=$cache" "$1" "$4"
  }
fi

exec 3<>"$(port control)" || fail 'no control port'
[ -n "$settings" ] || { read -r size <&3 && head -c "$size" <&3 >/run/settings; }
share host / ro /host || fail 'the host root cannot be mounted'
. "${settings:+/host}${settings:-/run/settings}" # sets: writable modules end_mark run_as command

mount -t tmpfs -o size=75%,mode=755 scratch /scratch
mkdir /scratch/upper /scratch/work
mount -t overlay -o lowerdir=/host,upperdir=/scratch/upper,workdir=/scratch/work overlay /root || fail 'no overlay'

mount -t proc proc /root/proc
mount -t sysfs sys /root/sys
mount --bind /dev /root/dev
mkdir -p /dev/pts /dev/shm
mount -t devpts -o mode=620,ptmxmode=666 devpts /root/dev/pts
mount -t tmpfs -o mode=1777 shm /root/dev/shm
ln -sf /proc/self/fd /dev/fd
ln -sf fd/0 /dev/stdin
ln -sf fd/1 /dev/stdout
ln -sf fd/2 /dev/stderr
mount -t tmpfs -o mode=755 run /root/run
mkdir -p /root/run/lock /root/run/ktls-pipe/bin

# Lines TAG PATH: folders of the host that may be written.
echo "$writable" | while read -r tag path; do
  [ -n "$tag" ] || continue
  mkdir -p "/root$path"
  share "$tag" "$path" rw "/root$path" || fail "$path cannot be mounted"
done || exit

# The kernel's own requests for modules run /sbin/modprobe here, outside the command's root. The command gets the same
# one, and what else a machine without kmod and iproute2 lacks.
mkdir -p /root/usr/lib/modules
mount --bind /lib/modules /root/usr/lib/modules
cp $busybox /root/run/ktls-pipe/bin/busybox
for applet in modprobe insmod lsmod rmmod ip sysctl; do ln -s busybox /root/run/ktls-pipe/bin/$applet; done
for module in $modules; do modprobe $module || fail "module $module cannot be loaded"; done

ip link set lo up
ulimit -H -n 1048576
hostname kernel-vm

printf %s "$command" >/root/run/ktls-pipe/command
mkfifo -m 666 /run/stdout /run/stderr
cat /run/stdout >"$(port stdout)" &
stdout_copier=$!
cat /run/stderr >"$(port stderr)" &
stderr_copier=$!
setsid chroot /root $run_as /bin/sh /run/ktls-pipe/command 3>&- </dev/null >/run/stdout 2>/run/stderr
code=$?

# What the command left in the background may keep the pipes open: it gets a second to say its last.
attempts=50
while [ $attempts -gt 0 ] && { kill -0 $stdout_copier || kill -0 $stderr_copier; } 2>/dev/null; do
  usleep 20000
  attempts=$((attempts - 1))
done
kill -9 $stdout_copier $stderr_copier 2>/dev/null
wait
printf %s "$end_mark" >"$(port stdout)"
printf %s "$end_mark" >"$(port stderr)"
sync
echo "exit $code" >&3
# The host ends the machine when it has received all of it.
read -r _ <&3
end_machine
