"""A pair that was set up once and is put back as it was for each test that wants one of its own.

To make a pair takes five seconds of a machine: initdb, two ssh servers, a setup with its copy. To
put its servers' homes back, and the record of its setup, takes a third of one.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from .. import embedded as lab
from ..embedded import Lab
from .runs import carry_out
from .servers import ask, stop_cleanly, wait_for_answer

#: Set up, so that db1 streams, which was a cluster of its own before or an empty directory; or db0
#: is a cluster, db1 an empty directory, and nothing is set up yet.
Made = Literal["of two clusters", "set up", "empty"]
_NOT_OURS = "sshd.log"  # the ssh servers go on, and write there
#: How each file was left.
Known = dict[Path, tuple[int, int] | None]


class KeptPair:
    """One pair below `folder`, with the programs in `programs` (None: the wheel's); `made` says
    what it is then.
    """

    def __init__(self, folder: Path, programs: Path | None, made: Made) -> None:
        self._folder, self._programs, self._made = folder, programs, made
        self._homes = folder / "homes"
        self._known: Known = {}

    def as_it_was(self) -> Lab:
        """The pair, just made."""
        place = self._folder / "lab"
        if not (place / "lab.json").exists() or not self._homes.exists():
            self._make(place)
        pair = lab.find(place)
        for node in pair.nodes.values():
            pair.kill(node.name)
            _put_back(self._homes / node.name, node.home, self._known)
        shutil.rmtree(place / "records", ignore_errors=True)
        if (self._homes / "records").exists():
            shutil.copytree(self._homes / "records", place / "records")  # the nodes have noted it
        pair = lab.up(place)
        if self._made != "empty":
            state = "select state from pg_stat_replication"
            wait_for_answer(pair, "db0", state, "streaming", within=30)
        return pair

    @contextlib.contextmanager
    def lent(self) -> Iterator[Lab]:
        """The same for one test. Nothing of it runs afterwards."""
        pair = self.as_it_was()
        try:
            yield pair
        finally:
            for name in pair.nodes:
                pair.kill(name)

    def remove(self) -> None:
        """Take it down, with what tests have made beside its nodes."""
        place = self._folder / "lab"
        home = lab.find(place).home if (place / "lab.json").exists() else None
        lab.down(place, remove=True)
        if home:
            shutil.rmtree(home, ignore_errors=True)
        shutil.rmtree(self._homes, ignore_errors=True)

    def _make(self, place: Path) -> None:
        self.remove()
        start = "clusters" if self._made == "of two clusters" else "empty"
        pair = lab.up(place, start=start, programs=self._programs)
        # initdb makes checksums only from 18 on, and setup would have to restart db0 for the hints
        if self._programs:
            ask(pair, "db0", "alter system set wal_log_hints = on")
            pair.kill("db0")
            lab.up(place)
        if self._made != "empty":
            carry_out(pair, "setup", "setup db1", primary="db0")
            shutil.copytree(place / "records", self._homes / "records")
        self._homes.mkdir(exist_ok=True)
        for node in pair.nodes.values():
            if pair.processes(node.name):
                stop_cleanly(pair, node.name)
            subprocess.run(["cp", "-a", "--", node.home, self._homes / node.name], check=True)


@contextlib.contextmanager
def kept(folder: Path, programs: Path | None, made: Made) -> Iterator[KeptPair]:
    """One that is taken down at the end."""
    pair = KeptPair(folder, programs, made)
    try:
        yield pair
    finally:
        pair.remove()


def _put_back(template: Path, place: Path, known: Known) -> None:
    """Make a directory like its template, where it is not as it was left the last time.

    Nothing is made anew that can be written over: ext4 without a journal takes a millisecond for
    each file that is made soon after many were removed, and a cluster has a thousand.
    """
    wanted = {path.name: path for path in template.iterdir() if path.name != _NOT_OURS}
    for there in place.iterdir():
        if there.name != _NOT_OURS and _kind(there) != _kind(wanted.get(there.name)):
            _remove(there)
    for name, source in wanted.items():
        target = place / name
        if target in known and known[target] == _mark(target) and not source.is_dir():
            continue
        if source.is_symlink():
            target.unlink(missing_ok=True)
            target.symlink_to(source.readlink())
        elif source.is_dir():
            target.mkdir(exist_ok=True)
            _put_back(source, target, known)
        else:
            shutil.copyfile(source, target)
        owner = source.lstat()
        os.chown(target, owner.st_uid, owner.st_gid, follow_symlinks=False)
        shutil.copystat(source, target, follow_symlinks=False)
        known[target] = _mark(target)


def _kind(path: Path | None) -> int:
    return stat.S_IFMT(path.lstat().st_mode) if path else 0


def _mark(path: Path) -> tuple[int, int] | None:
    """What every change of a file changes. None where there is none."""
    if not os.path.lexists(path):
        return None
    found = path.lstat()
    return found.st_ino, found.st_ctime_ns


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
