"""Promoting a standby, and seeing that nothing is misled by what it was before."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable
from concurrent.futures import Future

from ...facts.disk import read_disk
from ...facts.queries import query
from ...facts.replay import in_recovery
from ...model import DeedKind, dialect
from ...model.errors import (
    CommandFailed,
    NotAchieved,
    QueryFailed,
    Refusal,
    TooSlow,
    Undecided,
    Unreachable,
)
from ...model.major import Major
from ...model.show import span
from ...run.events import WOKEN
from ...run.run import Run
from ...wire.doors import Door
from ...wire.scripts import script_file
from ...wire.sql import Row, Session

#: Ends a script: the startup process looks round. Once recovery has ended there is none.
WAKE = script_file(__file__, "wake.sh")

# milliseconds after which the startup process has heard that it is to promote, unless it sleeps on
_HEARD = 15
_WOKEN = 25  # milliseconds that waking it may take, on a busy machine
_TURNS = 300  # milliseconds for which the server itself waits
_AGAIN = 0.3  # seconds after which it is asked again
# seconds before it is watched on, and before a session is tried that was lost
_PAUSE, _LOST = 0.001, 0.02


def prove_timeline(run: Run, name: str) -> None:
    """See that a primary's control file shows its timeline, once it wrote a checkpoint.

    pg_rewind believes that file, and up to 15 was misled by it in 3 of 3 tries. Raises NotAchieved.
    """
    words = "see that its control file shows its timeline"
    with run.deed(name, words, DeedKind.PROVE_TIMELINE) as deed:
        deed.changed = False
        row = run.doors[name].sql.read(query("timelines"))[0]
        told = row["told"] or _timeline_on_disk(run.doors[name])
        if told != row["now"]:
            raise NotAchieved(
                f"the control file of {name} shows timeline {told}, and it writes on {row['now']}",
                "run this notebook again",
            )
        deed.say(f"saw that its control file shows timeline {told}")


def _timeline_on_disk(door: Door) -> int:
    control = read_disk(door).control
    return control.checkpoint.timeline if control else 0


def promote(
    run: Run, name: str, major: Major, meanwhile: Callable[[], object] = lambda: None
) -> None:
    """Promote a standby and wait until it is writable. Raises Undecided if the answer was lost.

    `meanwhile` is done once it was asked: the server needs some 30 ms, whatever we do.
    """
    with run.deed(name, "promote", DeedKind.PROMOTE) as deed:
        deadline = time.monotonic() + run.timeouts.promote
        promotion = Promotion(run, run.doors[name], major)
        if promotion.turn(meanwhile) == "writable" and promotion.at_once:
            deed.already("it was writable")
        while promotion.state != "writable":
            if time.monotonic() > deadline:
                raise Undecided(
                    f"{name} was asked to promote and takes no writes after "
                    f"{span(run.timeouts.promote)}: {promotion.trouble}",
                    "the promotion may still come: do not start the old primary. Run this "
                    "notebook again",
                )
            time.sleep(_PAUSE if promotion.state else _LOST)
            promotion.turn()
        if told := _left_segment(run.doors[name].sql):
            deed.say(f"promoted, {told}")


class Promotion:
    """A promotion under way.

    The server itself waits for it, so that it costs one round trip and no looks from here. A
    startup process that hears of it while it waits for a walreceiver then sleeps a whole
    wal_retrieve_retry_interval (seen on 15: 5 of 40, within milliseconds of losing the primary or
    after WAL was brought over), so it is woken where it still sleeps. To ask again would wake it,
    too, but leave a file `promote` behind (40 of 40): that is done only every 300 ms, and `arm`
    removes what is left.
    """

    def __init__(self, run: Run, door: Door, major: Major) -> None:
        self._run = run
        self._door = door
        self._major = major
        self._asked = -math.inf
        self._look_at = _HEARD
        self._waking: Future[None] | None = None
        self.state = ""  # recovering, asleep or writable; refused; empty where nothing was heard
        self.at_once = False  # whether it was so before anything was waited for
        self.trouble = "it said nothing"

    def turn(self, meanwhile: Callable[[], object] = lambda: None) -> str:
        """Ask for it where it is time to, do `meanwhile`, and hear how far it is.

        What goes wrong is only told: it may have been heard, and the next turn sees what has come
        of it.
        """
        try:
            sent = self._send()
            try:
                meanwhile()
            finally:  # until its answer is heard, the session is good for nothing else
                self.state, self.at_once = _hear(sent)
        except (QueryFailed, CommandFailed, TooSlow, Unreachable) as trouble:
            self.state, self.trouble = "", trouble.what
        if self.state == "asleep" and (self._waking is None or self._waking.done()):
            self._waking = self._run.aside(lambda: wake_startup(self._door))
            self._look_at = _WOKEN
            self._run.journal.write(WOKEN, node=self._door.node.name)
        return self.state

    def _send(self) -> Callable[[], list[Row]]:
        asking = time.monotonic() - self._asked > _AGAIN
        if asking:
            self._run.lock.check(self._door.node.name)
            self._asked = time.monotonic()
            self._look_at = _HEARD
        if (
            asking
            and not dialect.has("pg_promote", self._major)
            and (asking := in_recovery(self._door))
        ):
            _ask_for_promotion(self._door, self._major)
        return self._door.sql.ask(query("promote"), [asking, self._look_at, _TURNS])


def _left_segment(sql: Session) -> str:
    """What came of leaving the segment in which the timeline began, where that is wanted. It is
    promoted, and clients wait: nothing that goes wrong here may hold them up.
    """
    try:
        if dialect.mended("rereads_switch_segment", sql.version):
            return ""
        sql.do("select pg_switch_wal()")
    except (QueryFailed, TooSlow, Unreachable) as trouble:
        return f"and has not left its segment: {trouble.what}. Type: select pg_switch_xlog()"
    return "and left the segment in which its timeline began"


def _ask_for_promotion(door: Door, major: Major) -> None:
    """Before 12 no SQL does it; and on 9.0 no program, but the trigger file of our definition."""
    data = door.node.data_directory
    if dialect.has("ctl_promote", major):
        door.run(door.binary("pg_ctl"), "promote", "-s", "-W", "-D", data)
    else:
        door.script(': > "$1/promote"\n' + WAKE, data)


def _hear(sent: Callable[[], list[Row]]) -> tuple[str, bool]:
    """How far it is, and whether it was so at once."""
    told = sent()[0]
    return told["state"], told["turn"] == 0


def wake_startup(door: Door) -> None:
    """SIGHUP: whatever the startup process waits for, it sees that it is to promote."""
    with contextlib.suppress(Refusal):
        # a shell that hangs must not hold the promotion up
        door.script(WAKE, door.node.data_directory, within=1)
