"""What pg_rewind would need and find. Read only."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from ...judgement.plans.rebuild import Rewinding
from ...model import Lsn, Pair, Position, Running, dialect
from ...model.foreign import Told
from ...model.positions import segment_name
from ...model.sightings import Control
from ...run.run import Run
from ...wire.doors import Door
from ..connection import keys_of, try_source
from .history import wal_files

_CHECKPOINT = re.compile(
    r"lsn: ([0-9A-F]+/[0-9A-F]+), .*desc: CHECKPOINT_\w+ redo ([0-9A-F]+/[0-9A-F]+)"
)

#: $1 data directory, $2 directory of programs. One answer a line, "word rest".
_NODE = r"""
[ -x "$2/pg_rewind" ] && echo program
"$2/pg_controldata" -D "$1" | sed -n \
  -e "s/^wal_log_hints setting: *on$/hints/p" -e "s/^Data page checksum version: *[1-9].*/hints/p"
real=$(readlink -m -- "$1")
for link in "$real"/pg_tblspc/*; do [ -L "$link" ] && echo "tablespace $(basename "$link")"; done
cd "$real" && find . pg_wal/ pg_tblspc/*/ ! -type l ! -name postmaster.pid \
  \( ! -uid "$(id -u)" -o ! -writable -o \( ! -type f ! -type d \) \) \
  -printf 'strange %p\n' 2>/dev/null |
  sed 's: \./: :' | sort -u | head -n 50
exit 0
"""
#: What pg_rewind cannot read over SQL: it would end half-way. $1 the primary's data directory.
_UNREADABLE = r"""
cd "$1" && find . pg_wal/ pg_tblspc/*/ ! -type l \
  \( ! -readable -o \( -type d ! -executable \) -o \( ! -type f ! -type d \) \) \
  -printf '%p\n' 2>/dev/null |
  sed 's:^\./::' | sort -u | head -n 50
"""
_RESTORE = '"$1" -D "$2" -C restore_command 2>/dev/null; :'

#: The checkpoints of one segment, up to the fork.
_IN_SEGMENT = """
"$1" -p "$2" -r XLOG "$3" 2>/dev/null | grep -E 'desc: CHECKPOINT_(ONLINE|SHUTDOWN)'; :
"""
_GRANTED = """
select bool_and(has_function_privilege(%s, f, 'execute')) as so
  from unnest(%s::text[]) as f
"""

#: What pg_rewind calls on its source.
FUNCTIONS = (
    "pg_ls_dir(text, boolean, boolean)",
    "pg_stat_file(text, boolean)",
    "pg_read_binary_file(text)",
    "pg_read_binary_file(text, bigint, bigint, boolean)",
)


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
    node, told = theirs.node, _told(theirs)
    source, its = files[primary.node], files[node.name]
    common, searched = _common_checkpoint(theirs, fork, control.segment, its)
    checkpoint, redo = common or (None, None)
    needed = _names(checkpoint, last.lsn, control.segment) if checkpoint else searched
    replayed = _names(redo, primary.written, control.segment) if redo else []
    missing = _missing(needed, its)
    return Rewinding(
        program=bool(told.all("program")),
        hints=bool(told.all("hints")),
        strangers=told.all("strange"),
        unreadable=tuple(
            ours.script(_UNREADABLE, ours.node.data_directory, within=ours.patience).lines
        ),
        checkpoint=checkpoint,
        redo=redo,
        missing=missing,
        source_missing=_missing(replayed, source),
        restore_command=_restore_command(theirs, primary.version // 10000) if missing else "",
        tablespaces=_foreign_tablespaces(ours, told.all("tablespace")),
        granted=(granted := is_granted(ours, run.pair)),
        source=try_source(theirs, run.pair, keys_of(run, node.name)) if granted else "",
        config_outside=bool(node.config_directory),
        clean=control.state.startswith("shut down"),
    )


def _told(door: Door) -> Told:
    return Told(
        door.script(
            _NODE, door.node.data_directory, door.node.bin_directory, within=door.patience
        ).lines
    )


def is_granted(door: Door, pair: Pair) -> bool:
    """Whether the replication role may call what pg_rewind calls."""
    return bool(door.sql.read(_GRANTED, [pair.replication_user, list(FUNCTIONS)])[0]["so"])


def _restore_command(door: Door, major: int) -> str:
    # before, it stands in recovery.conf, which pg_rewind does not read
    if not dialect.has("standby_signal", major):
        return ""
    return door.script(_RESTORE, door.binary("postgres"), door.node.configuration).text


def _foreign_tablespaces(ours: Door, there: Sequence[str]) -> tuple[str, ...]:
    """Tablespaces of the primary that the node has no link for.

    Pg_rewind would make it to the primary's own path.
    """
    rows = ours.sql.read(
        "select oid::text as oid, spcname::text as name from pg_tablespace where oid > 16383"
    )
    return tuple(row["name"] for row in rows if row["oid"] not in there)


def _common_checkpoint(
    door: Door, fork: Position, segment: int, files: dict[str, int]
) -> tuple[tuple[Lsn, Lsn] | None, list[str]]:
    """The last checkpoint before the fork, its redo, and the segments searched for it."""
    searched = []
    for suffix in _backwards(fork.lsn, segment):
        searched.append(suffix)
        name = next(
            (name for name in sorted(files, reverse=True) if _is(name, suffix, fork.timeline)), ""
        )
        if not name:
            break
        script = (
            _IN_SEGMENT,
            door.binary("pg_waldump"),
            f"{door.node.data_directory}/pg_wal",
            name,
        )
        found = _CHECKPOINT.findall(door.script(*script, within=door.patience).text)
        before = [
            (Lsn.parse(at), Lsn.parse(redo)) for at, redo in found if Lsn.parse(at) < fork.lsn
        ]
        if before:
            return before[-1], searched
    return None, searched


def _backwards(end: Lsn, segment: int) -> Iterator[str]:
    for number in range((int(end) - 1) // segment, -1, -1):
        yield segment_name(Position(0, Lsn(number * segment)), segment)[8:]


def _is(name: str, suffix: str, timeline: int) -> bool:
    """Whether it is this segment, on this timeline or an earlier one."""
    return len(name) == 24 and name.endswith(suffix) and int(name[:8], 16) <= timeline


def _names(first: Lsn, last: Lsn, segment: int) -> list[str]:
    """The segments from one position to another, without their timelines."""
    numbers = range(int(first) // segment, int(last) // segment + 1)
    return [segment_name(Position(0, Lsn(number * segment)), segment)[8:] for number in numbers]


def removed(door: Door, redo: Lsn, end: Lsn, segment: int) -> tuple[str, ...]:
    """Segments of `redo` to `end` that pg_wal no longer has, without their timelines."""
    return _missing(_names(redo, end, segment), wal_files(door))


def _missing(needed: list[str], files: dict[str, int]) -> tuple[str, ...]:
    have = {name[8:] for name in files if len(name) == 24}
    return tuple(suffix for suffix in needed if suffix not in have)
