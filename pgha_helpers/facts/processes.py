"""The processes of a server, by their titles: who is still there, and what a shutdown waits for."""

from __future__ import annotations

from ..model import Lsn, Phase, Process, Sender, phase_of
from ..model.foreign import lines_of
from ..wire.doors import Door
from ..wire.scripts import script_file
from .disk import ask_control

_PROCESSES = script_file(__file__, "processes.sh")
_FILES = """
echo files
for f in standby.signal recovery.signal recovery.conf; do [ ! -e "$1/$f" ] || echo "$f"; done
"""
#: Both at once, because it is asked in an outage. $1 data directory.
FENCED = _PROCESSES + _FILES


def read_processes(door: Door) -> tuple[Process, ...]:
    """Every process that has the data directory open. Raises as a command does."""
    answer = door.script(_PROCESSES, door.node.data_directory)
    return _processes(answer.lines)


def _processes(lines: list[str]) -> tuple[Process, ...]:
    found = []
    for line in lines:
        pid, _, title = line.strip().partition(" ")
        if pid.isdecimal():
            found.append(Process(int(pid), title.strip()))
    return tuple(found)


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
    control = ask_control(door)
    state = control if isinstance(control, str) else control.state
    return phase_of(state, read_processes(door))


def process_in_words(process: Process, senders: tuple[Sender, ...]) -> str:
    """A process in words; a walsender with whoever the primary fed by it before the stop."""
    fed = next((sender for sender in senders if sender.pid == process.pid), None)
    if fed is None:
        return str(process)
    place = fed.address or "a local socket"
    held = "which acknowledges nothing"
    if fed.flushed != Lsn(0):
        held = f"which has acknowledged {fed.flushed}"
    return f"walsender {process.pid} for {fed.application or fed.user} at {place}, {held}"
