#!/usr/bin/env bash
# Becomes a manager of systemd user units: user_manager.sh CGROUP, with XDG_RUNTIME_DIR and HOME set. Needs root.
set -euo pipefail
# In a cgroup of its own, since a manager moves what it finds in its cgroup; CGROUP/cgroup.kill ends all of it.
mkdir "$1"
echo $$ > "$1/cgroup.procs"
mkdir -p /run/systemd
# In a mount namespace of its own this machine looks booted with systemd, and cgroups begin at CGROUP.
exec unshare --fork --kill-child=SIGKILL --mount --propagation private --cgroup --ipc bash -c '
  mount -t tmpfs tmpfs /run/systemd
  mkdir -p /run/systemd/system
  mount -t cgroup2 none /sys/fs/cgroup
  exec /lib/systemd/systemd --user --log-target=console'
