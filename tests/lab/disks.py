"""A disk that only one node of a lab has: both run on one machine, where a path would be the same
for both.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ..embedded import Lab
from .servers import ssh_server, wait_for

_UP = "import sys, pathlib; from tests import embedded; embedded.up(pathlib.Path(sys.argv[1]))"
_MOUNT = 'mount -t tmpfs -o "size=$1,mode=755,uid=$2,gid=$3" tmpfs "$4" && shift 4 && exec "$@"'


@contextmanager
def place(pair: Lab, need: Callable[..., None], name: str = "pgha $disk ") -> Iterator[Path]:
    """An empty directory of the server user, for disks to be mounted on. Needs root, as CI has
    it.
    """
    if os.geteuid() != 0:
        pytest.skip("needs root, to mount a disk that only one node sees")
    need("unshare", "util-linux")
    folder = Path(tempfile.mkdtemp(prefix=name, dir="/var/tmp"))
    owner = pair.node("db0").home.stat()
    os.chown(folder, owner.st_uid, owner.st_gid)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def give_disk(pair: Lab, node: str, where: Path, size: str = "300m") -> None:
    """Let this node see an empty disk of its own here: its ssh server, and whatever is started
    through it.

    It goes with the last process that sees it. Nothing of the node may run but its ssh server.
    """
    old = ssh_server(pair, node)
    owner = pair.node(node).home.stat()
    os.kill(old, signal.SIGKILL)
    assert wait_for(lambda: not Path(f"/proc/{old}/cwd").exists())
    mount = ["sh", "-c", _MOUNT, "sh", size, str(owner.st_uid), str(owner.st_gid), str(where)]
    command = ["unshare", "-m", *mount, sys.executable, "-c", _UP, str(pair.folder)]
    subprocess.run(command, check=True, cwd=Path.cwd())


def as_seen_by(pair: Lab, node: str, path: Path) -> Path:
    """A path as this node sees it, for the test to look at."""
    return Path(f"/proc/{ssh_server(pair, node)}/root{path}")
