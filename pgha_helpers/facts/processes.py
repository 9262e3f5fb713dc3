"""The processes of a server, by their titles: who is still there, and what a shutdown waits for."""

from __future__ import annotations

from ..model import Lsn, Phase, Process, Sender, phase_of
from ..model.foreign import lines_of
from ..wire.doors import Door
from .disk import parse_control

#: A process is PostgreSQL's if it works in this very directory and carries the name; see disk.sh.
_PROCESSES = """
for p in /proc/[0-9]*; do
  if [ "$p/cwd" -ef "$1" ]; then
    name=; read -r name < "$p/comm" 2>/dev/null
    case "$name" in postgres|postmaster)
      title=$(tr '\\0\\n' '  ' < "$p/cmdline" 2>/dev/null) &&
        printf '%s %s\\n' "${p#/proc/}" "$title";;
    esac
  fi
done; :
"""

_FILES = """
echo files
for f in standby.signal recovery.signal recovery.conf; do [ ! -e "$1/$f" ] || echo "$f"; done
"""
#: Both at once, because it is asked in an outage. $1 data directory.
FENCED = _PROCESSES + _FILES


def read_processes(door: Door) -> tuple[Process, ...]:
    """Every process that has the data directory open. Raises as a command does."""
    return _processes(door.script(_PROCESSES, door.node.data_directory).lines)


def _processes(lines: list[str]) -> tuple[Process, ...]:
    words = [line.strip().partition(" ") for line in lines]
    return tuple(Process(int(pid), title.strip()) for pid, _, title in words if pid.isdecimal())


def parse_fenced(text: str) -> tuple[tuple[Process, ...], tuple[str, ...]]:
    """Read the answer of FENCED: every process, and the files of a standby definition.

    Raises ValueError.

    >>> parse_fenced("7 postgres: writer \\nfiles\\nstandby.signal\\n")
    ((Process(pid=7, title='postgres: writer'),), ('standby.signal',))
    """
    lines = lines_of(text)
    if "files" not in lines:
        raise ValueError("it ends before its files")
    between = lines.index("files")
    return _processes(lines[:between]), tuple(lines[between + 1 :])


def shutdown_phase(door: Door) -> Phase:
    """How far the shutdown has come. Raises as a command does."""
    told = door.run(door.binary("pg_controldata"), "-D", door.node.data_directory, okay=range(256))
    control = parse_control([told.complaint, *told.lines])
    return phase_of(control if isinstance(control, str) else control.state, read_processes(door))


def process_in_words(process: Process, senders: tuple[Sender, ...]) -> str:
    """A process in words; a walsender with whoever the primary fed by it before the stop."""
    fed = next((s for s in senders if s.pid == process.pid), None)
    if fed is None:
        return str(process)
    held = ", which acknowledges nothing"
    if fed.flushed != Lsn(0):
        held = f", which has acknowledged {fed.flushed}"
    return (
        f"walsender {process.pid} for {fed.application or fed.user} at "
        f"{fed.address or 'a local socket'}{held}"
    )
