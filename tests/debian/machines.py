"""Machines for a test: each with its own network, files and processes, over the root of this one.

What is installed here is installed there; what a machine writes stays in its memory, and goes with
it. None has a road to anywhere but the others.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pgha_helpers.run.checkout import CHECKOUT

from ..lab.hosts import ip

#: A process 1 that waits for whatever is left to it: a dead server that nobody waits for would be
#: taken for a living one.
_FIRST = """
import os, time
print("up", flush=True)
while True:
    try:
        os.wait()
    except ChildProcessError:
        time.sleep(0.05)
"""
#: Mounts are of this process's own name space, and so end with it.
_BOOT = """
set -e
place=$1 name=$2 address=$3 first=$4; shift 4
mount -t tmpfs -o mode=755,size=3g machine "$place"
mkdir "$place/upper" "$place/work" "$place/root"
root=$place/root
mount -t overlay -o "lowerdir=/,upperdir=$place/upper,workdir=$place/work" machine "$root"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
for path; do mount --rbind "$path" "$root$path"; done
mount -t tmpfs -o mode=755 machine "$root/run"
for path in /tmp /dev/shm; do mount -t tmpfs -o mode=1777 machine "$root$path"; done
hostname "$name"
printf '127.0.0.1 localhost\\n%s %s\\n' "$address" "$name" > "$root/etc/hosts"
: > "$root/etc/resolv.conf"
exec chroot "$root" "$first" -c "$PGHA_FIRST"
"""
PATH = f"{sys.base_prefix}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Machine:
    """One of them, while it is up."""

    def __init__(self, place: Path, name: str, address: str, space: str, undo: ExitStack) -> None:
        self.name = name
        place.mkdir()
        words = ["sh", str(place), name, address, sys.executable, *_elsewhere()]
        own = ["--mount", "--pid", "--ipc", "--uts", "--kill-child", "--propagation", "private"]
        self._process = subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{space}", "unshare", *own, "sh", "-c", _BOOT, *words],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PGHA_FIRST": _FIRST},
        )
        undo.callback(self._end)
        assert self._process.stdout and self._process.stdout.readline() == "up\n", name
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        self._first = children.read_text().split()[0]

    def enter(self, *command: str, home: str = "/root") -> list[str]:
        """The command that runs this one there, as root, with nothing of the test's environment."""
        told = [f"HOME={home}", f"PATH={PATH}", "LANG=C.UTF-8", "TERM=xterm", "USER=root"]
        spaces = ["-m", "-n", "-p", "-i", "-u", "-r", "-w", "--", "env", "-i", *told]
        at_home = ["sh", "-c", 'cd "$HOME" && exec "$@"', "sh"]
        return ["nsenter", "-t", self._first, *spaces, *at_home, *command]

    def run(self, script: str) -> str:
        """Run lines of sh there. What they say."""
        done = subprocess.run(
            self.enter("sh", "-ec", script), capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, f"{self.name}: {script}: {done.stderr}{done.stdout}"
        return done.stdout

    def _end(self) -> None:
        self._process.kill()  # and with it its process 1, and with that all others
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()


def _elsewhere() -> list[str]:
    """What the tests run from, where that is on another disk than the root."""
    paths = {str(CHECKOUT), sys.prefix, sys.base_prefix}
    return [path for path in sorted(paths) if Path(path).stat().st_dev != Path("/").stat().st_dev]


@contextmanager
def machines(folder: Path, addresses: Mapping[str, str]) -> Iterator[dict[str, Machine]]:
    """Machines by name, behind one switch, each with its address."""
    token = f"pgha{secrets.token_hex(3)}"
    switch = f"{token}-switch"
    with ExitStack() as undo:
        for space in (switch, *(f"{token}-{name}" for name in addresses)):
            ip("netns", "add", space)
            undo.callback(ip, "netns", "del", space)
            ip("link", "set", "lo", "up", inside=space)
        ip("link", "add", "bridge", "type", "bridge", inside=switch)
        ip("link", "set", "bridge", "up", inside=switch)
        for name, address in addresses.items():
            space = f"{token}-{name}"
            ends = ("type", "veth", "peer", "name", name, "netns", switch)
            ip("link", "add", "eth0", *ends, inside=space)
            ip("address", "add", f"{address}/24", "dev", "eth0", inside=space)
            ip("link", "set", "eth0", "up", inside=space)
            ip("link", "set", name, "master", "bridge", "up", inside=switch)
        yield {
            name: Machine(folder / name, name, address, f"{token}-{name}", undo)
            for name, address in addresses.items()
        }
