"""Promoting a standby, and seeing that nothing is misled by what it was before."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable
from concurrent.futures import Future

from .. import dialect
from ..errors import CommandFailed, NotAchieved, QueryFailed, Refusal, TooSlow, Undecided, Unreachable
from ..run import Run
from ..show import span
from ..wire.doors import Door
from .servers import in_recovery

#: Ends a script: the startup process looks round. Once recovery has ended there is none.
WAKE = """
for p in /proc/[0-9]*; do
  if [ "$p/cwd" -ef "$1" ]; then
    title=; read -r title < "$p/cmdline"
    case "$title" in *": startup "*) kill -HUP "${p#/proc/}" 2>/dev/null;; esac
  fi
done
exit 0
"""

#: Without pg_read_all_stats there is no such row: what a process is, is hidden, too.
_STARTUP = "select coalesce(wait_event, '') as waits_for from pg_stat_activity where backend_type = 'startup'"
_HEARD = 0.003  # seconds after which the startup process has heard that it is to promote, unless it sleeps on
_WOKEN = 0.02  # seconds that waking it may take, on a busy machine
_AGAIN = 0.3  # seconds after which it is asked again
_POLL = 0.0005  # seconds between two looks: this wait ends the outage

_TIMELINES = """
select timeline_id as told, ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int as now
  from pg_control_checkpoint()
"""


def prove_timeline(run: Run, name: str) -> None:
    """See that a primary's control file shows the timeline it writes on, once it has written a checkpoint.

    pg_rewind believes that file, and up to 15 was misled by it in 3 of 3 tries. Raises NotAchieved.
    """
    with run.deed(name, "see that its control file shows its timeline") as deed:
        deed.changed = False
        row = run.doors[name].sql.read(_TIMELINES)[0]
        if row["told"] != row["now"]:
            raise NotAchieved(
                f"the control file of {name} shows timeline {row['told']}, and it writes on {row['now']}",
                "run this notebook again",
            )
        deed.say(f"saw that its control file shows timeline {row['told']}")


def promote(run: Run, name: str, major: int, meanwhile: Callable[[], object] = lambda: None) -> None:
    """Promote a standby and wait until it is writable. Raises Undecided if the answer was lost.

    `meanwhile` is done once it was asked: the server needs some 30 ms, whatever we do. A startup process that hears of
    it while it waits for a walreceiver then sleeps a whole wal_retrieve_retry_interval (seen on 15: 5 of 40, within
    milliseconds of losing the primary or after WAL was brought over), so it is woken where it still sleeps. To ask
    again would wake it, too, but leave a file `promote` behind (40 of 40): that is done only every 300 ms, and `arm`
    removes what is left.
    """
    door = run.doors[name]
    with run.deed(name, "promote") as deed:
        if not in_recovery(door):
            deed.already("it was writable")
            return
        deadline = time.monotonic() + run.timeouts.promote
        trouble, asked = _ask_to_promote(run, door, major), time.monotonic()
        look_at, waking = asked + _HEARD, None
        meanwhile()
        while True:
            if time.monotonic() - asked > _AGAIN:
                trouble, asked = _ask_to_promote(run, door, major), time.monotonic()
                look_at = asked + _HEARD
            if _is_writable(door):
                return
            if time.monotonic() > look_at and (waking is None or waking.done()):
                pause, waking = _wake_if_asleep(run, door)
                look_at = time.monotonic() + pause
            if time.monotonic() > deadline:
                raise Undecided(
                    f"{name} was asked to promote and takes no writes after {span(run.timeouts.promote)}: {trouble}",
                    "the promotion may still come: do not start the old primary. Run this notebook again",
                )
            time.sleep(_POLL)


def _ask_to_promote(run: Run, door: Door, major: int) -> str:
    """Ask once. What goes wrong is only told: the promotion may have come meanwhile, and the next look decides."""
    run.lock.check(door.node.name)
    try:
        if dialect.has("pg_promote", major):
            door.sql.do("select pg_promote(wait => false)")
        else:
            door.run(door.binary("pg_ctl"), "promote", "-s", "-W", "-D", door.node.data_directory)
    except (QueryFailed, CommandFailed, TooSlow, Unreachable) as trouble:
        return trouble.what
    return "it said nothing"


def wake_startup(door: Door) -> None:
    """SIGHUP: whatever the startup process waits for, it looks round, and sees that it is to promote."""
    with contextlib.suppress(Refusal):
        door.script(WAKE, door.node.data_directory, within=1)  # a shell that hangs must not hold the promotion up


def _wake_if_asleep(run: Run, door: Door) -> tuple[float, Future[None] | None]:
    """Wake the startup process where it sleeps, or cannot be seen.

    Gives seconds until another look is worth it, and the waking, which must be over by then: a shell may hang.
    """
    seen = []
    with contextlib.suppress(QueryFailed, TooSlow, Unreachable):
        seen = [str(row["waits_for"]) for row in door.sql.read(_STARTUP)]
    if not seen or seen[0].startswith("Recovery"):
        return _WOKEN, run.aside(lambda: wake_startup(door))
    return (math.inf if seen[0].startswith("WALCopy") else _HEARD), None  # by then it makes the new timeline


def _is_writable(door: Door) -> bool:
    try:
        return not in_recovery(door)
    except (Unreachable, TooSlow):
        return False
