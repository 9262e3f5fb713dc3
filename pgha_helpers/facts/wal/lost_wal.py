"""What a lost primary's disk holds beyond its standby, and whether it still is what was read there.

Where nothing ran any more when the gate was shown, all of this was read for the estimate. Nothing
is read twice within the outage: a fingerprint tells whether anything has touched that WAL since.
"""

from __future__ import annotations

import contextlib

from ...model import Control, Lsn, Position
from ...model.errors import CommandFailed, NotAchieved
from ...model.lost_wal import Behind, Found, LostWal
from ...run.run import Run
from ...wire.doors import Door
from .divergence import digest_before
from .end import find_end, last_bytes, whole_records_behind
from .pieces import pieces, read_piece

#: Inode, size and time of change of every file of WAL, and of the control file, which each start of
#: a server writes.
FINGERPRINT = 'cd "$1" && stat -c "%n %i %s %z" global/pg_control pg_wal/*'


def look_for_end(run: Run, old: str, here: Position, control: Control) -> Found:
    """Where the old primary's WAL ends, by one pg_waldump on its disk.

    The standby, which has replayed up to `here`, reads its own meanwhile. Raises NotAchieved where
    the end cannot be told.
    """
    door = run.doors[old]
    new = run.pair.other(old).name
    segment = control.segment
    coming = run.aside(lambda: digest_before(run.doors[new], here, segment))
    try:
        start = Lsn(max(here.lsn, control.redo))
        end = find_end(door, Position(here.timeline, start), segment)
        theirs = ""
        if end.last is not None:
            theirs = digest_before(door, here, segment)
    finally:
        ours = coming.result()
    return Found(here, end, {new: ours, old: theirs}, segment)


def look_behind(old: Door, found: Found) -> Behind:
    """What stands at the end that was found."""
    damage = whole_records_behind(old, found.end, found.segment)
    last = last_bytes(old, found.end, found.segment)
    return Behind(damage, last)


def wal_fingerprint(door: Door) -> str:
    """What changes with any change to a node's WAL; empty where that cannot be told."""
    try:
        return door.script(FINGERPRINT, door.node.data_directory).text
    except CommandFailed:
        return ""


def read_lost_wal(run: Run, old: str, here: Position, control: Control) -> LostWal:
    """Read all of it, unless this run did and nothing has touched it since.

    The gate looks twice, once in a hurry. It is remembered with the run; whoever asks for a node on
    which something runs forgets it.
    """
    if known := still_there(run, old, here):
        return known
    door = run.doors[old]
    before = wal_fingerprint(door)
    found = look_for_end(run, old, here, control)
    lacking = {}
    if found.end.last is not None:
        first = pieces(here, found.end.behind, found.segment)[:1]
        # a delayed standby may stand before all WAL that is left there: the estimate is exact
        # without it
        with contextlib.suppress(CommandFailed, NotAchieved):
            lacking = {piece: read_piece(door, piece) for piece in first}
    lost = LostWal(old, before, found, look_behind(door, found), lacking)
    run.seen.lost_wal = lost
    return lost


def still_there(run: Run, old: str, here: Position, now: str = "") -> LostWal | None:
    """What this run has read there, if the disk and the standby are as they were then.

    `now` is the fingerprint of the disk where that was just taken, and nothing ran there any more.
    """
    known = run.seen.lost_wal
    if known is None or not known.fingerprint:
        return None
    if (known.node, known.found.here) != (old, here):
        return None
    now = now or wal_fingerprint(run.doors[old])
    return known if now == known.fingerprint else None
