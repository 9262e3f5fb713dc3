"""The transfers of one copy.

The data directory, each tablespace, and the control file into a room of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

from ....facts.disk import ask_control
from ....facts.rsync import RsyncRoad, estimate
from ....facts.tablespaces import Tablespace
from ....model import Control, Running
from ....model.errors import NotAchieved
from ....model.node_config import EMPTY, NodeConfigs
from ....model.rsync import ANYWHERE, Moved, data_filters
from ....run.run import Run
from ....wire.doors import Door
from ..progress import Progress
from .pages import PAGES_LIST, make_pages_equal
from .transfer import transfer

STAGE = "pgha-control"


#: A file that differs is written into, and not beside. A death on the way leaves no less than it
#: does with files that are renamed whole: a directory that is half the one and half the other,
#: which nobody can start, and which the next run compares by content again.
_INTO = "--inplace"
#: Over a network what matters is bytes. A changed page is the unit in which two copies of one
#: database differ; large files are compared by such pages before rsync is asked. To find one that
#: rsync must look for costs the processor several times what a copy does, so that on one machine a
#: file that differs is copied whole.
_BLOCKS = ("--no-whole-file", "--block-size=8192", _INTO)
_WHOLE = ("--whole-file", _INTO)

_EMPTY = f"""
cd "$1" && rm -f {PAGES_LIST} {PAGES_LIST}.* || exit; shift
for d; do [ -e "$d" ] || {{ mkdir -- "$d" && chmod --reference=. "$d"; }} || exit 1; done
"""

_LINK = """
set -e
mkdir -p -- "$1/pg_tblspc" "$3"
chmod 700 "$3"
ln -sfn -- "$3" "$1/pg_tblspc/$2"
sync -f "$1/pg_tblspc" "$3"
"""


@dataclass(frozen=True)
class Copy:
    """A copy under way of a running `source` into `directory`.

    `configs` are each node's own; the source's configuration comes along where it is `taken`.
    `into` tells whether the directory holds an older copy that may be written into. `basis` is an
    older, stopped copy from which equal files are taken: copied, and never linked, because two
    clusters would then write into one file.
    """

    run: Run
    door: Door
    road: RsyncRoad
    source: Running
    directory: str
    configs: NodeConfigs
    taken: bool = True
    spaces: tuple[Tablespace, ...] = ()
    basis: str = ""
    into: Future[bool] | None = None
    total: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "total", estimate(self.run, self.source.node))

    def make(self) -> Moved:
        """Copy everything that a backup needs but backup_label.

        Raises NotAchieved.
        """
        home = self.road.directory
        for space in self.spaces:
            _link(self.door, self.directory, space)
        blocks = self._blocks()
        with Progress(self.run, f"copy to {self.door.node.name}") as progress:
            moved = self._transfer((home, self.directory), "base", self._filters, blocks, progress)
            for space in self.spaces:
                paths = (f"{space.location}/{space.inside}", f"{space.target}/{space.inside}")
                moved += self._transfer(paths, ".", lambda: [*ANYWHERE], blocks, progress)
        empty = map(self.door.spelled, (*EMPTY, "pg_wal/archive_status"))
        self.door.script(_EMPTY, self.directory, *empty)
        return moved + self._stage_control()

    def _transfer(
        self,
        paths: tuple[str, str],
        top: str,
        filters: Callable[[], list[str]],
        blocks: tuple[str, ...],
        to: Progress,
    ) -> Moved:
        moved = Moved()
        equal = list[str]()
        if blocks:
            moved, equal = make_pages_equal(
                self.run, self.door, self.road, paths, self.directory, top, self._after(to)
            )
        options = [*equal, "--checksum", *blocks, *(f"--filter={rule}" for rule in filters())]
        if self.basis:
            options.append(f"--copy-dest={self.basis}")
        return moved + transfer(self.run, self.door, self.road, paths, options, self._after(to))

    def _filters(self) -> list[str]:
        mine = self.configs.mine
        theirs = self.configs.theirs
        own = None if self.taken else (*mine.named, *theirs.named)
        spaces = [space.oid for space in self.spaces]
        return data_filters((*mine.logs, *theirs.logs), own, spaces, self.source.major)

    def _after(self, to: Progress) -> Callable[[int], object]:
        """Tells how far a transfer is, beyond what was done before it."""
        before = to.samples[-1][1]
        return lambda done: to.at(before + done, self.total)

    def _blocks(self) -> tuple[str, ...]:
        if self.into is None or not self.into.result():
            return ()
        return _BLOCKS if self.road.ssh else _WHOLE

    def _stage_control(self) -> Moved:
        """The control file, whole.

        It may be caught while the server writes it, and is then copied again.
        """
        stage = f"{self.directory}/{STAGE}"
        door = self.door
        door.script('mkdir -p -- "$1/global"; chmod 700 "$1" "$1/global"', stage)
        moved = Moved()
        control = ""
        for _ in range(5):
            moved += self._fetch_control(f"{stage}/global")
            found = ask_control(door, stage)
            if isinstance(found, Control) and found.system_id == self.source.system_id:
                return moved
            control = found if isinstance(found, str) else f"it is of system {found.system_id}"
            time.sleep(0.1)
        raise NotAchieved(
            f"the control file that came from {self.source.node} is not good: {control}",
            "look whether the data directory in the pair file is the one that the server serves",
        )

    def _fetch_control(self, to: str) -> Moved:
        source = f"{self.road.directory}/global"
        if self.road.ssh:
            only = ["-I", "--filter=+ /pg_control", "--filter=- *"]
            return transfer(self.run, self.door, self.road, (source, to), only)
        self.door.run("cp", "--", f"{source}/pg_control", to)  # rsync takes 0.05 s to begin
        return Moved()


def _link(door: Door, directory: str, space: Tablespace) -> None:
    """Make its directory and its link: the next run finds it there, and the server too."""
    door.script(_LINK, directory, str(space.oid), space.target)
