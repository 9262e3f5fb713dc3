"""Starting and stopping one server."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from ...facts.processes import read_processes, shutdown_phase
from ...facts.replay import in_recovery
from ...facts.server_log import ServerLog, resolve
from ...facts.sighting import sight
from ...facts.starting import read_start, waiting_trigger
from ...model import DeedKind, Running, Stopped
from ...model.errors import CommandFailed, HaError, NotAchieved, Undecided
from ...model.pair import Commands
from ...model.show import span
from ...run.run import Run
from ...wire.doors import Door
from ...wire.scripts import shell_functions

_T = TypeVar("_T")
_GONE = 10.0  # seconds without any process after a start: it has ended, and does not come any more
# seconds between looks inside the outage window; pg_ctl and pg_promote look every 100 ms
POLL = 0.001

#: Signal $2 to every process of the server in the data directory $1.
_SIGNAL = (
    shell_functions("each_process.sh")
    + """
signal=$2
send() { kill "-$signal" "${1#/proc/}" 2>/dev/null; }
each_process "$1" send
exit 0
"""
)

#: A crash leaves its pid file. PostgreSQL refuses to start while *any* process of its user carries
#: that number, be it a zombie or one that got the number after a reboot; no process has this data
#: directory open, so the file is stale.
_CLEAR_PID_FILE = """
for p in /proc/[0-9]*; do [ "$p/cwd" -ef "$1" ] && exit 0; done
rm -f -- "$1/postmaster.pid"
"""

#: Signal the postmaster, directly: a service manager may turn a slow stop into a kill.
_SIGNAL_POSTMASTER = """
[ -e "$1/postmaster.pid" ] || exit 1
read -r pid < "$1/postmaster.pid"
[ "/proc/$pid/cwd" -ef "$1" ] && kill "-$2" "$pid"
"""


def start(run: Run, name: str) -> ServerLog:
    """Start a server the way its service does, and wait until it answers SQL.

    Gives its log from here on. Raises NotAchieved with what the log says, and for a standby that a
    trigger file would promote at once.
    """
    door = run.doors[name]
    with run.deed(name, "start the server", DeedKind.START) as deed:
        seen = sight(door)
        log = ServerLog(door, run.pair.other(name).name)
        if isinstance(seen, Running):
            deed.already("the server was running")
            return log
        if isinstance(seen, Stopped):
            if trigger := waiting_trigger(door, seen.disk):
                raise NotAchieved(
                    f"{name} was not started: the trigger file {trigger!r} of its standby "
                    "definition exists, and would promote it at once",
                    f"find out who made that file; remove it on {name}, and run this "
                    "notebook again",
                )
            door.script(_CLEAR_PID_FILE, door.node.data_directory)
        try:
            _start(run, door)
        except CommandFailed as error:
            complaint, remedy = log.words()
            raise NotAchieved(f"{error.what}{complaint}", remedy) from error
        _wait_for_sql(run, door, log)
        return log


def _start(run: Run, door: Door) -> None:
    node = door.node
    within = run.timeouts.start
    if isinstance(node.service, Commands):
        if node.service.enable:  # a fence may have disabled it
            door.login.run(*node.service.enable)
        door.login.run(*node.service.start, within=within)
    elif node.service == "pg_ctl":
        home = resolve(door, node.state_directory)
        door.run("mkdir", "-p", home)
        log = f"{home}/server.log"
        config = ("-D", node.configuration)
        door.run(door.binary("pg_ctl"), "start", "-s", "-W", *config, "-l", log, within=within)
    else:
        _, version, cluster = node.service.split()
        door.run("pg_ctlcluster", version, cluster, "start", within=within)


def _wait_for_sql(run: Run, door: Door, log: ServerLog) -> None:
    began = seen_alive = time.monotonic()
    while not _answers(door) and not isinstance(seen := sight(door), Running):
        now = time.monotonic()
        ended = isinstance(seen, Stopped)
        seen_alive = seen_alive if ended else now
        if (
            now > began + run.timeouts.start
            or now > seen_alive + _GONE
            or log.is_final(ended, may_open=True)
        ):
            complaint, remedy = log.words()
            words = (
                f"{door.node.name} does not answer {span(now - began)} after its start: "
                f"{seen}{complaint}"
            )
            raise NotAchieved(words, remedy)


def _answers(door: Door) -> bool:
    """Whether SQL is answered within a fifth of a second.

    To look at all else takes processor from what recovers.
    """
    deadline = time.monotonic() + 0.2
    while time.monotonic() < deadline:
        with contextlib.suppress(HaError):
            in_recovery(door)
            return True
        time.sleep(0.02)
    return False


def prove_start(
    run: Run, name: str, directory: str = "", wanted: Mapping[str, str] | None = None
) -> None:
    """Rehearse the start of a server, from the files of a copy where a `directory` is named.

    Raises NotAchieved where it would not come up, or not with the settings that are `wanted`.
    """
    door = run.doors[name]
    with run.deed(name, "rehearse its start", DeedKind.REHEARSE_START) as deed:
        deed.changed = False
        answers = not directory and isinstance(sight(door), Running)
        start = read_start(door, directory, runs=answers, also=wanted or ())
        settings = door.spelled("postgresql.auto.conf")
        remedy = f"it was not stopped. Mend that on {name}, then run this notebook again"
        if start.refused:
            raise NotAchieved(f"{name} would not start again: {'; '.join(start.refused)}", remedy)
        other = [
            setting
            for setting, value in (wanted or {}).items()
            if start.settings.get(setting) != value
        ]
        if other:
            raise NotAchieved(
                f"what was written for the next start of {name} would have no effect: "
                f"{', '.join(other)}",
                f"see which file or option there overrules {settings}; {remedy}",
            )
        deed.say(
            f"rehearsed its start{f' from {directory}' if directory else ''}: it would come up"
        )


def stop(
    run: Run, name: str, why: str, proved: bool = False, kind: DeedKind = DeedKind.STOP
) -> None:
    """Stop a server fast and wait for its last process.

    Raises Undecided, naming what is left, at the deadline. Only one that would come up again is
    stopped, unless that is `proved` or does not matter. Raises NotAchieved, and it runs on.
    """
    door = run.doors[name]
    if not proved and read_processes(door):
        prove_start(run, name)
    with run.deed(name, f"stop the server: {why}", kind) as deed:
        if not read_processes(door):
            deed.already("the server was stopped")
            return
        if not signal_postmaster(door, "INT"):
            # the postmaster is dead, its backends are not
            door.script(_SIGNAL, door.node.data_directory, "TERM")
        wait_for_last_process(run, door)


def signal_postmaster(door: Door, name: str) -> bool:
    """Signal the postmaster: INT stops it fast, QUIT at once and without a checkpoint.

    False where there is none.
    """
    answer = door.script(_SIGNAL_POSTMASTER, door.node.data_directory, name, okay=(0, 1))
    return answer.status == 0


def wait_for_last_process(run: Run, door: Door) -> None:
    """Wait until no process has the data directory open.

    Raises Undecided that names the processes left.
    """

    def too_late() -> Undecided:
        left = (
            f"{door.node.name} has not stopped after {span(run.timeouts.shutdown)}: "
            f"{shutdown_phase(door)}"
        )
        return Undecided(
            left,
            "end what it waits for, then run this notebook again: it goes on from what it finds",
        )

    wait(
        lambda: None if read_processes(door) else True, run.timeouts.shutdown, too_late, pause=0.01
    )


def end_every_process(run: Run, name: str) -> None:
    """Kill every process that has this data directory open, and look again.

    Backends of a dead postmaster are among them.
    """
    door = run.doors[name]
    with run.deed(name, "end every process of the data directory", DeedKind.END_PROCESSES) as deed:
        found = read_processes(door)
        if not found:
            deed.already("no process has the data directory open")
            return
        deadline = time.monotonic() + run.timeouts.shutdown
        while left := read_processes(door):
            if time.monotonic() > deadline:
                told = "; ".join(map(str, left))
                raise NotAchieved(
                    f"processes of {name} cannot be ended: {told}", "fence the machine itself"
                )
            door.script(_SIGNAL, door.node.data_directory, "KILL")
            time.sleep(0.05)
        deed.say(f"ended every process of the data directory ({len(found)} found)")


def checkpoint(
    run: Run, name: str, why: str, meanwhile: Callable[[], object] = lambda: None
) -> float:
    """CHECKPOINT; gives its seconds.

    `meanwhile` is done beside it, and asks this server nothing.
    """
    with run.deed(name, f"checkpoint: {why}", DeedKind.CHECKPOINT):
        began = time.monotonic()
        done = run.aside(
            lambda: run.doors[name].sql.do("checkpoint", within=run.timeouts.checkpoint)
        )
        meanwhile()
        done.result()
        return time.monotonic() - began


def wait(
    done: Callable[[], _T | None],
    within: float,
    too_late: Callable[[], HaError],
    pause: float = POLL,
) -> _T:
    """Ask until there is an answer.

    At the deadline ask once more, then raise what `too_late` says.
    """
    deadline = time.monotonic() + within
    while (answer := done()) is None:
        if time.monotonic() > deadline:
            raise too_late()
        time.sleep(pause)
    return answer
