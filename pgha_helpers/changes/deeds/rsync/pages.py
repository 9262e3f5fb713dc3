"""Large files of an older copy, before rsync: their pages are compared where they stand.

A page of a database stays where it is, so two copies differ in pages and nothing has to be looked
for elsewhere. rsync looks for it, byte by byte, and what that costs depends on what is in the
pages: with random bytes no more than the digests here, which take 6 s of the processor for 1.1 GB;
with 1.1 GB of pgbench's, whose rows are alike, 49 s where most pages differed. On one machine the
bytes themselves are compared: 0.5 s, and 2.2 s where rsync copies the files whole. rsync goes on to
compare all other files, and these, too, where this cannot be done (no perl, or an ssh that runs
nothing but rsync).
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from functools import cache
from pathlib import Path

from ....facts.rsync import RsyncRoad
from ....model.rsync import Moved
from ....run.run import Run
from ....wire.attended import attend
from ....wire.doors import Door
from ..flushing import flushing

#: The files to compare, and rsync's rules for those that are equal. Half a copy may hold both; the
#: next run makes anew.
PAGES_LIST = "pgha-pages"
RULES = f"{PAGES_LIST}.done"

#: $1 the directory, $2 the list, $3 where below the directory relations lie; then the program. Only
#: what is surely a relation: names of any other kind are rsync's.
_LARGE = r"""
cd "$1" 2>/dev/null || exit 0
list=$2 top=$3; shift 3
find "$top" -regextype posix-extended -type f -size +1023k \
  -regex '[a-z.]+/[0-9]+/[0-9]+(_[a-z]+)?(\.[0-9]+)?' -print |
  sed 's:^\./::' > "$list" || exit
[ -s "$list" ] || exit 0
exec "$@"
"""


def make_pages_equal(
    run: Run,
    door: Door,
    road: RsyncRoad,
    paths: tuple[str, str],
    scratch: str,
    top: str,
    at: Callable[[int], object],
) -> tuple[Moved, list[str]]:
    """Make large relations below the second directory of `paths` like the source's first.

    They lie below `top` (`base`, or `.` in a tablespace); `scratch` is the directory for the list.
    Gives what was moved, and the options with which rsync leaves alone what is equal now: none
    where this could not be done. `at` is told the bytes done. Raises TooSlow and Unreachable.
    """
    source, target = paths
    listed = f"{scratch}/{PAGES_LIST}"
    rest = ("far", listed, *_there(road, source)) if road.ssh else ("near", listed, source)
    program = ("perl", "-e", _program(), "--", target, *rest)
    told: dict[str, int] = {}
    said: list[str] = []

    def hear(line: str) -> None:
        word, _, number = line.partition(" ")
        if not number.isdecimal():
            said.append(line)
            return
        told[word] = int(number)
        if word == "compared":
            at(told[word])

    argv = ["sh", "-c", _LARGE, "sh", target, listed, top, *program]
    if attend(door, flushing(target, argv), hear, run.timeouts.clone):
        why = "; ".join(said[-2:]) or "no words"
        print(f"  large files are compared by rsync, which takes longer: {why}")
        return Moved(), []
    if "compared" not in told:
        return Moved(), []  # nothing is as large
    moved = Moved(told["sent"], told["received"], told["written"], told["files"])
    return moved, [f"--filter=. {scratch}/{RULES}"]


def _there(road: RsyncRoad, source: str) -> list[str]:
    """The program on the source: what it is to do is its last word."""
    return [*road.ssh, road.host.strip("[]"), shlex.join(("perl", "-e", _program(), "--", source))]


@cache
def _program() -> str:
    return Path(__file__).with_name("pages.pl").read_text("utf-8")
