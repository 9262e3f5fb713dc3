"""What pg_rewind would need and find. Read only."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from ...judgement.plans.rebuild import Rewinding
from ...model import Lsn, Pair, Position, Running, dialect
from ...model.disk import Control
from ...model.foreign import Told
from ...model.grants import REWIND_FUNCTIONS
from ...model.major import Major
from ...model.positions import segment_name
from ...run.run import Run
from ...wire.doors import Door
from ...wire.scripts import script_file
from ..connection import keys_of, try_source
from ..queries import query
from .history import wal_files

_CHECKPOINT = re.compile(
    r"lsn: ([0-9A-F]+/[0-9A-F]+), .*desc: CHECKPOINT_\w+ redo ([0-9A-F]+/[0-9A-F]+)"
)

_NODE = script_file(__file__, "rewinding.sh")
_UNREADABLE = script_file(__file__, "unreadable.sh")
_RESTORE = '"$1" -D "$2" -C restore_command 2>/dev/null; :'

#: The checkpoints of one segment, up to the fork.
_IN_SEGMENT = """
"$1" -p "$2" -r XLOG "$3" 2>/dev/null | grep -E 'desc: CHECKPOINT_(ONLINE|SHUTDOWN)'; :
"""


def read_rewinding(
    ours: Door,
    theirs: Door,
    primary: Running,
    control: Control,
    fork: Position,
    last: Position,
    files: Mapping[str, dict[str, int]],
    run: Run,
) -> Rewinding:
    """What a rewind of the node would need. `files` are those of pg_wal, by node."""
    node = theirs.node
    answer = _ask_node(theirs)
    segment = control.segment
    common, searched = _common_checkpoint(theirs, fork, segment, files[node.name])
    checkpoint = redo = None
    needed, replayed = searched, list[str]()
    if common:
        checkpoint, redo = common
        needed = _names(checkpoint, last.lsn, segment)
        replayed = _names(redo, primary.written, segment)
    missing = _missing(needed, files[node.name])
    unreadable = ours.script(_UNREADABLE, ours.node.data_directory, within=ours.patience)
    granted = is_granted(ours, run.pair)
    return Rewinding(
        program=bool(answer.all("program")),
        another=answer.one("another"),
        hints=bool(answer.all("hints")),
        strangers=answer.all("strange"),
        unreadable=tuple(unreadable.lines),
        checkpoint=checkpoint,
        redo=redo,
        missing=missing,
        source_missing=_missing(replayed, files[primary.node]),
        restore_command=_restore_command(theirs, primary.major) if missing else "",
        tablespaces=_foreign_tablespaces(ours, answer.all("tablespace")),
        granted=granted,
        source=try_source(theirs, run.pair, keys_of(run, node.name)) if granted else "",
        config_outside=bool(node.config_directory),
        clean=control.state.startswith("shut down"),
    )


def _ask_node(door: Door) -> Told:
    node = door.node
    answer = door.script(_NODE, node.data_directory, node.bin_directory, within=door.patience)
    return Told(answer.lines)


def is_granted(door: Door, pair: Pair) -> bool:
    """Whether the replication role may call what pg_rewind calls."""
    asked = [pair.replication_user, list(REWIND_FUNCTIONS)]
    row = door.sql.read(query("may rewind"), asked)[0]
    return bool(row["so"])


def _restore_command(door: Door, major: Major) -> str:
    # before, it stands in recovery.conf, which pg_rewind does not read
    if not dialect.has("standby_signal", major):
        return ""
    return door.script(_RESTORE, door.binary("postgres"), door.node.configuration).text


def _foreign_tablespaces(ours: Door, there: Sequence[str]) -> tuple[str, ...]:
    """Tablespaces of the primary that the node has no link for.

    Pg_rewind would make it to the primary's own path.
    """
    rows = ours.sql.read(query("own tablespaces"))
    return tuple(row["name"] for row in rows if row["oid"] not in there)


def _common_checkpoint(
    door: Door, fork: Position, segment: int, files: dict[str, int]
) -> tuple[tuple[Lsn, Lsn] | None, list[str]]:
    """The last checkpoint before the fork, its redo, and the segments searched for it."""
    searched = []
    for suffix in _backwards(fork.lsn, segment):
        searched.append(suffix)
        names = [name for name in files if _is(name, suffix, fork.timeline)]
        if not names:
            break
        if found := _last_checkpoint(door, max(names), fork):
            return found, searched
    return None, searched


def _last_checkpoint(door: Door, name: str, fork: Position) -> tuple[Lsn, Lsn] | None:
    """The last checkpoint of a segment that lies before the fork, and its redo position."""
    wal = door.wal
    answer = door.script(_IN_SEGMENT, door.binary("pg_waldump"), wal, name, within=door.patience)
    last = None
    for at, redo in _CHECKPOINT.findall(answer.text):
        if Lsn.parse(at) < fork.lsn:
            last = Lsn.parse(at), Lsn.parse(redo)
    return last


def _backwards(end: Lsn, segment: int) -> Iterator[str]:
    newest = (int(end) - 1) // segment
    for number in range(newest, -1, -1):
        yield _name(number, segment)


def _name(number: int, segment: int) -> str:
    """The name of a segment without its timeline."""
    return segment_name(Position(0, Lsn(number * segment)), segment)[8:]


def _is(name: str, suffix: str, timeline: int) -> bool:
    """Whether it is this segment, on this timeline or an earlier one."""
    if len(name) != 24 or not name.endswith(suffix):
        return False
    return int(name[:8], 16) <= timeline


def _names(first: Lsn, last: Lsn, segment: int) -> list[str]:
    """The segments from one position to another, without their timelines."""
    numbers = range(int(first) // segment, int(last) // segment + 1)
    return [_name(number, segment) for number in numbers]


def removed(door: Door, redo: Lsn, end: Lsn, segment: int) -> tuple[str, ...]:
    """Segments of `redo` to `end` that pg_wal no longer has, without their timelines."""
    needed = _names(redo, end, segment)
    return _missing(needed, wal_files(door))


def _missing(needed: list[str], files: dict[str, int]) -> tuple[str, ...]:
    have = {name[8:] for name in files if len(name) == 24}
    return tuple(suffix for suffix in needed if suffix not in have)
