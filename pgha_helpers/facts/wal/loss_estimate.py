"""What a lost primary has beyond its standby.

Read from its disk where a shell answers, else from earlier records.
"""

from __future__ import annotations

import re
from dataclasses import replace

from ...judgement.plans.loss_estimate import PROMOTION, LossEstimate
from ...model import Control, Lsn, Position, Running, Snapshot, Stopped
from ...model.errors import HaError, understood
from ...model.sightings import disk_of
from ...run.run import Run
from .history import wal_files
from .lost_wal import read_lost_wal
from .pieces import parts_of_segments
from .record import dump

_TIME = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.\d+)? UTC")
_LAST = (
    "select to_char(pg_last_xact_replay_timestamp() at time zone 'UTC', "
    '\'YYYY-MM-DD"T"HH24:MI:SS"Z"\') as at'
)
#: Where each commit starts, and when it was made. Reading begins at a record: elsewhere pg_waldump
#: may find none.
_COMMITS = r"""
sed -n 's/.* lsn: \([0-9A-F/]*\),.*desc: COMMIT[^0-9]*\(.*\)/\1 \2/p'
"""


def estimate_loss(run: Run, now: Snapshot, old: str) -> LossEstimate:
    """Look for it.

    What cannot be read is said in the answer; raises nothing for a node that is silent.
    """
    target, seen = now.standby, now[old]
    last = _last_commit(run, target)
    disk, known = disk_of(seen), run.history.last_known(old, target.system_id)
    if disk is None or disk.control is None or disk.no_wal:
        return LossEstimate(
            unread=disk.no_wal or disk.blank if disk else str(seen), known=known, last_commit=last
        )
    try:
        found = _read(run, old, target, disk.control, max(disk.histories, default=1))
        if not isinstance(seen, Stopped):
            run.seen.lost_wal = None  # a backend may go on writing: what was read is no end
        return replace(found, known=known, last_commit=last)
    except HaError as unread:
        return LossEstimate(unread=unread.what, known=known, last_commit=last)


def _read(run: Run, old: str, target: Running, control: Control, newest: int) -> LossEstimate:
    """The end of the WAL on a disk, and the commits there that the standby has not received."""
    timeline = max(control.checkpoint.timeline, newest)
    if timeline != target.timeline:
        return LossEstimate(Position(timeline, control.least_end.lsn))
    lost, here = (
        read_lost_wal(run, old, Position(timeline, target.replayed), control),
        target.position,
    )
    end, damaged = lost.found.end, lost.behind.goes_on
    if end.behind <= here.lsn:
        return LossEstimate(Position(timeline, end.behind), damaged=damaged)
    since = Position(timeline, Lsn(max(target.replayed, control.redo)))
    lines = dump(run.doors[old], since, control.segment, only="Transaction", through=_COMMITS).lines
    with understood(old, "what pg_waldump tells of its commits"):
        beyond = [line for line in lines if Lsn.parse(line.partition(" ")[0]) >= here.lsn]
    first, newest_of = (_time(beyond[0]), _time(beyond[-1])) if beyond else ("", "")
    room, grows = (
        _room(run, target, lost.found.here, end.behind, control.segment),
        end.behind - target.replayed,
    )
    return LossEstimate(
        Position(timeline, end.behind), len(beyond), first, newest_of, room, grows, damaged
    )


def _room(run: Run, target: Running, since: Position, until: Lsn, segment: int) -> int:
    """Bytes of disk that the standby needs for that WAL, and for its promotion after that.

    Which of these segments it has at hand is asked only where there may be too little room.
    """
    names = {part.name for part in parts_of_segments(since, until, segment)}
    free = target.disk.wal_free if target.disk else None
    if free is not None and free < (len(names) + PROMOTION) * segment:
        names -= wal_files(run.doors[target.node]).keys()
    return (len(names) + PROMOTION) * segment


def _time(line: str) -> str:
    found = _TIME.search(line)
    return f"{found[1]}T{found[2]}Z" if found else "a time that cannot be read"


def _last_commit(run: Run, target: Running) -> str:
    return str(run.doors[target.node].sql.read(_LAST)[0]["at"] or "")
