"""What a lost primary has beyond its standby.

Read from its disk where a shell answers, else from earlier records.
"""

from __future__ import annotations

import re
from dataclasses import replace

from ...judgement.plans.loss_estimate import PROMOTION, LossEstimate
from ...judgement.plans.rebuild import own_timeline
from ...model import Control, Lsn, Position, Running, Snapshot, Stopped
from ...model.errors import HaError, understood
from ...model.sightings import disk_of
from ...run.run import Run
from ..queries import query
from .history import wal_files
from .lost_wal import read_lost_wal
from .pieces import parts_of_segments
from .record import dump

_TIME = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.\d+)? UTC")
#: Where each commit starts, and when it was made. Reading begins at a record: elsewhere pg_waldump
#: may find none.
_COMMITS = r"""
sed -n 's/.* lsn: \([0-9A-F/]*\),.*desc: COMMIT[^0-9]*\(.*\)/\1 \2/p'
"""


def estimate_loss(run: Run, now: Snapshot, old: str) -> LossEstimate:
    """Look for it.

    What cannot be read is said in the answer; raises nothing for a node that is silent.
    """
    target = now.standby
    seen = now[old]
    last = _last_commit(run, target)
    disk = disk_of(seen)
    known = run.history.last_known(old, target.system_id)
    if disk is None:
        return LossEstimate(unread=str(seen), known=known, last_commit=last)
    if disk.control is None or disk.no_wal:
        return LossEstimate(unread=disk.no_wal or disk.blank, known=known, last_commit=last)
    try:
        found = _read(run, old, target, disk.control, own_timeline(disk))
    except HaError as unread:
        return LossEstimate(unread=unread.what, known=known, last_commit=last)
    if not isinstance(seen, Stopped):
        run.seen.lost_wal = None  # a backend may go on writing: what was read is no end
    return replace(found, known=known, last_commit=last)


def _read(run: Run, old: str, target: Running, control: Control, timeline: int) -> LossEstimate:
    """The end of the WAL on a disk, and the commits there that the standby has not received."""
    if timeline != target.timeline:
        return LossEstimate(Position(timeline, control.least_end.lsn))
    lost = read_lost_wal(run, old, Position(timeline, target.replayed), control)
    end = Position(timeline, lost.found.end.behind)
    damaged = lost.behind.goes_on
    if end.lsn <= target.position.lsn:
        return LossEstimate(end, damaged=damaged)
    commits = _commits_beyond(run, old, target, control, timeline)
    first, last = "", ""
    if commits:
        first = _time(commits[0])
        last = _time(commits[-1])
    room = _room(run, target, lost.found.here, end.lsn, control.segment)
    grows = end.lsn - target.replayed
    return LossEstimate(end, len(commits), first, last, room, grows, damaged)


def _commits_beyond(
    run: Run, old: str, target: Running, control: Control, timeline: int
) -> list[str]:
    """The commits on the old primary's disk that the standby has not received, a line each."""
    door = run.doors[old]
    since = Position(timeline, Lsn(max(target.replayed, control.redo)))
    commits = dump(door, since, control.segment, only="Transaction", through=_COMMITS).lines
    beyond = []
    with understood(old, "what pg_waldump tells of its commits"):
        for commit in commits:
            lsn = commit.partition(" ")[0]
            if Lsn.parse(lsn) >= target.position.lsn:
                beyond.append(commit)
    return beyond


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
    sql = run.doors[target.node].sql
    row = sql.read(query("last commit replayed"))[0]
    return str(row["at"] or "")
