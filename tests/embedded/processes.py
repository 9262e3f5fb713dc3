"""Processes: which belong to a lab, and how to end exactly those.

On Linux everything is read from /proc: a pid file can be stale, renamed or gone, a working
directory cannot. Elsewhere (macOS, untested) `postmaster.pid` and `ps` are the best there is.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from .errors import LabError

PROC = Path("/proc")
ENVIRONMENT_MARK = "PGHA_LAB_HOME"
_POLL_SECONDS = 0.02


def postgres_in(data_directory: Path) -> list[int]:
    """Processes of PostgreSQL that have this data directory as working directory."""
    if not _has_proc():
        return _from_pid_files([data_directory])
    wanted = os.path.realpath(data_directory)
    return [pid for pid in _pids() if _cwd(pid) == wanted and _comm(pid) == "postgres"]


def postgres_below(home: Path) -> list[int]:
    """Processes of PostgreSQL in any directory below `home`: a runbook renames data directories and
    makes new ones.
    """
    if not _has_proc():
        return _from_pid_files(path.parent for path in home.glob("*/*/postmaster.pid"))
    prefix = os.path.realpath(home) + "/"
    return [pid for pid in _pids() if _cwd(pid).startswith(prefix) and _comm(pid) == "postgres"]


def all_of_lab(home: Path) -> list[int]:
    """Every process of the lab: PostgreSQL, the ssh servers, and whatever was started through
    them.
    """
    mark = os.fsencode(f"{ENVIRONMENT_MARK}={os.path.realpath(home)}")
    marked = [pid for pid in _pids() if mark in _environment(pid)] if _has_proc() else []
    return sorted({*postgres_below(home), *marked})


def running(*words: str) -> list[int]:
    """Processes that have all these words among their arguments; none where there is no /proc."""
    wanted = {os.fsencode(word) for word in words}
    if _has_proc():
        return [pid for pid in _pids() if wanted <= set(_read(pid, "cmdline").split(b"\0"))]
    return []


def of_session(leader: int) -> list[int]:
    """Processes of the session that this one leads; it alone where there is no /proc."""
    if not _has_proc():
        return [leader]
    stats = {pid: _stat(pid) for pid in _pids()}
    return [
        pid for pid, of in stats.items() if len(of) > 3 and of[0] != "Z" and of[3] == str(leader)
    ]


def seconds_of_processor(leader: int) -> float:
    """What the processes of its session have used, with their children that have ended."""
    used = [sum(map(int, _stat(pid)[11:15])) for pid in of_session(leader)]
    return sum(used) / os.sysconf("SC_CLK_TCK")


def start_time(pid: int) -> str:
    """When a process started, in the system's own words; empty when there is none. Tells a reused
    pid.
    """
    if _has_proc():
        fields = _stat(pid)
        return fields[19] if fields and fields[0] != "Z" else ""
    answer = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return answer.stdout.strip()


def is_alive(pid: int, started: str) -> bool:
    """Whether the process that had this pid at that start time is still there."""
    return bool(started) and start_time(pid) == started


def send(pids: Iterable[int], *signals: signal.Signals) -> None:
    """Send each signal to each process; one that is gone already is no fault."""
    for pid in pids:
        for number in signals:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


def roots(pids: list[int]) -> list[int]:
    """Those of `pids` whose parent is not among them: the postmasters, of a set of PostgreSQL
    processes.
    """
    return [pid for pid in pids if _parent(pid) not in pids]


def orphans(pids: list[int]) -> list[int]:
    """Those of a set of PostgreSQL processes whose postmaster is dead (a backend's title is
    `postgres: ...`).
    """
    return [pid for pid in roots(pids) if _read(pid, "cmdline").startswith(b"postgres: ")]


def kill_all(find: Callable[[], list[int]]) -> None:
    """Kill -9 everything that `find` gives, new ones included. Raises LabError when one stays for 5
    s.
    """
    if not end_all(find, signal.SIGKILL, within=5.0):
        raise LabError(
            f"processes {find()} survive kill -9: is a disk hanging, or are they another user's?"
        )


def end_all(find: Callable[[], list[int]], number: signal.Signals, within: float) -> bool:
    """Signal the topmost processes that `find` gives until none is left; false after `within`
    seconds.

    They are continued too: a process stopped by SIGSTOP would hear nothing else.
    """
    deadline = time.monotonic() + within
    signalled: set[int] = set()
    while found := find():
        fresh = set(found if number is signal.SIGKILL else roots(found)) - signalled
        send(fresh, number)
        send(set(found) - signalled, signal.SIGCONT)
        signalled |= fresh
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _has_proc() -> bool:
    return (PROC / "self" / "cwd").exists()


def _pids() -> list[int]:
    own = os.getpid()
    return [
        int(entry.name)
        for entry in PROC.iterdir()
        if entry.name.isdigit() and int(entry.name) != own
    ]


def _cwd(pid: int) -> str:
    try:
        return str((PROC / str(pid) / "cwd").readlink())
    except OSError:
        return ""


def _read(pid: int, name: str) -> bytes:
    try:
        return (PROC / str(pid) / name).read_bytes()
    except OSError:
        return b""


def _comm(pid: int) -> str:
    return os.fsdecode(_read(pid, "comm")).strip()


def _environment(pid: int) -> list[bytes]:
    return _read(pid, "environ").split(b"\0")


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on (field 3); the command before it may hold
    spaces.
    """
    return os.fsdecode(_read(pid, "stat")).rpartition(")")[2].split()


def _parent(pid: int) -> int:
    if not _has_proc():
        return 0
    fields = _stat(pid)
    return int(fields[1]) if fields else 0


def _from_pid_files(data_directories: Iterable[Path]) -> list[int]:
    found = []
    for directory in data_directories:
        with contextlib.suppress(OSError, ValueError, IndexError):
            pid = int((directory / "postmaster.pid").read_text("utf-8").splitlines()[0])
            os.kill(pid, 0)
            found.append(pid)
    return found
