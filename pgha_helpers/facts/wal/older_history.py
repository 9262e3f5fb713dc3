"""Histories of timelines as they were written before 9.3: by segments, not by positions."""

from __future__ import annotations

import re

from ...model import Lsn
from ...model.errors import CommandFailed
from ...model.foreign import lines_of
from ...model.positions import SEGMENT, is_segment, segment_start
from ...wire.doors import Door
from .waldump import waldump

_LSN = re.compile(r"lsn: ([0-9A-F]+/[0-9A-F]+)")
#: The first record of a timeline, a checkpoint that names it. $1 number of the timeline.
_FIRST = 'tli=$1; shift; "$@" 2>/dev/null | grep -m 1 "CHECKPOINT_SHUTDOWN redo .*; tli $tli;"; :'


def by_positions(door: Door, timeline: int, text: str) -> str:
    """A timeline's history in the form since 9.3: where each timeline was left, as this node's WAL
    tells it.

    Where that WAL is gone, the start of the segment: too early is a copy too many, too late would
    be a commit lost. Raises Unreachable or TooSlow.
    """
    if text in door.read:
        return door.read[text]
    lines = [line.split("\t") for line in lines_of(text)]
    told = [line for line in lines if len(line) > 1 and is_segment(line[1].strip())]
    if not told:
        return text
    children = [*(int(line[0]) for line in told[1:]), timeline]
    for line, child in zip(told, children, strict=True):
        line[1] = str(_fork(door, line[1].strip(), child))
    door.read[text] = "\n".join("\t".join(line) for line in lines) + "\n"
    return door.read[text]


def _fork(door: Door, segment: str, child: int) -> Lsn:
    """Where a timeline was left in this segment, for that one."""
    argv = (*waldump(door), "-p", door.wal, f"{child:08X}{segment[8:]}")
    try:
        told = door.script(_FIRST, str(child), *argv, within=door.patience).text
    except CommandFailed:
        told = ""
    found = _LSN.search(told)
    return Lsn.parse(found[1]) if found else segment_start(segment, SEGMENT).lsn
