"""A way over ssh from one node to the other, as rsync takes it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ..embedded import Lab
from .runs import changed_pair

KEYS = "it's a key"


def ssh_pair(pair: Lab, folder: Path, *names: str) -> Path:
    """The lab's pair file with a way to each of `names` (db0) from the other node: files with odd
    names.
    """
    told = {
        name: {"peer_ssh": _way(pair, name, "db0" if name == "db1" else "db1")}
        for name in names or ("db0",)
    }
    return changed_pair(pair, folder, **told)


def _way(pair: Lab, name: str, other: str) -> dict[str, object]:
    keys = pair.node(other).home / KEYS
    keys.mkdir(mode=0o700, exist_ok=True)
    for file in ("id_ed25519", "known_hosts"):
        shutil.copy(pair.folder / file, keys / file)
        (keys / file).chmod(0o600)
    owner = pair.node(name).data_directory.stat()
    for path in (keys, *keys.iterdir()):
        os.chown(path, owner.st_uid, owner.st_gid)
    user, port = pair.node(name).data_directory.owner(), pair.node(name).ssh_port
    files = {"key": str(keys / "id_ed25519"), "known_hosts": str(keys / "known_hosts")}
    return {"host": "127.0.0.1", "port": port, "user": user, **files}
