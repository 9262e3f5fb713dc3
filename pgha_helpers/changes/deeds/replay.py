"""Replay on a standby that is to be promoted.

What holds it is taken away, and it is watched to its end.
"""

from __future__ import annotations

import contextlib
import time

from ...facts.queries import query
from ...facts.replay import held_up, in_recovery, receives, replayed
from ...facts.wal.end import find_end
from ...model import DeedKind, Lsn, Position, Running, dialect
from ...model.errors import NotAchieved, QueryFailed, TooSlow, Unreachable
from ...model.major import Major
from ...model.show import size, span
from ...run.run import Run
from ...wire.doors import Door
from ...wire.scripts import script_file
from . import servers
from .for_now import change_for_now
from .promoting import wake_startup

_STUCK = 1.0  # seconds that a walreceiver may take to notice that its primary is gone
_EVERY = 5.0  # seconds between two lines about a replay under way
_POLL = 0.005
_WAKE = 0.02  # seconds between two signals to the startup process
_SIGNAL_RECEIVER = script_file(__file__, "signal_receiver.sh")


def cut_off(run: Run, seen: Running, old: str) -> None:
    """See that the standby's walreceiver has ended, and end it where it hangs.

    While it lives, be it on a dead connection or stopped itself, the startup process waits for it
    and does not look at the files in pg_wal (seen on 18). Raises NotAchieved where it cannot be
    ended.
    """
    door = run.doors[seen.node]

    def gone() -> bool | None:
        return None if receives(door, seen.major) else True

    gone_itself = NotAchieved(
        f"{seen.node} does not answer any more", "read its log, then run this notebook again"
    )
    late = NotAchieved(
        f"{seen.node} still receives WAL although {old} was ended",
        "which server feeds it? look there",
    )
    words = f"see that it receives nothing from {old} any more"
    with run.deed(seen.node, words, DeedKind.CUT_OFF) as deed:
        deed.changed = False
        for end in (None, _let_it_go, _terminate, _kill):
            if end:
                deed.changed = True
                deed.say(
                    f"ended its walreceiver, which hung: it receives nothing from {old} any more"
                )
                end(door, seen)
            try:
                servers.wait(gone, _STUCK, lambda: late, _POLL)
                return
            except Unreachable:
                # killed, it takes the server with it, which comes back as the standby that it was
                servers.wait(lambda: _answers(door), run.timeouts.start, lambda: gone_itself, 0.05)
                return
            except NotAchieved:
                continue
        raise late


def _let_it_go(door: Door, seen: Running) -> None:
    """Without a primary it has nothing to connect to. Before 13 that would take a restart."""
    if dialect.has("reload_conninfo", seen.major):
        door.sql.do("alter system set primary_conninfo = ''")
        door.sql.do("select pg_reload_conf()")


def _terminate(door: Door, _: Running | None = None) -> None:
    door.script(_SIGNAL_RECEIVER, door.node.data_directory, "TERM CONT")


def _kill(door: Door, seen: Running) -> None:
    door.script(_SIGNAL_RECEIVER, door.node.data_directory, "KILL")


def _answers(door: Door) -> bool | None:
    try:
        return in_recovery(door) or None
    except (Unreachable, TooSlow, QueryFailed):
        return None


def let_go(run: Run, seen: Running, skip_delay: bool) -> None:
    """Resume a replay that is paused, and take away a delay, if that was consented to.

    Until it is promoted.
    """
    if seen.replay_paused:
        with run.deed(seen.node, "resume replay, which was paused", DeedKind.RESUME_REPLAY):
            run.doors[seen.node].sql.do("select pg_wal_replay_resume()")
    if seen.replay_delay and skip_delay:
        change_for_now(run, seen.node, "recovery_min_apply_delay", "0")


def wait_for_archive(run: Run, name: str) -> None:
    """Let the startup process give up a restore_command, and hear that there is none any more.

    It reads its settings only where it waits for WAL. Asked to promote before, it would ask the
    archive on: five times what one call takes (tried). One that cannot be seen, or does not come
    back, is not waited for any longer.
    """
    sql = run.doors[name].sql

    def sleeps() -> bool | None:
        seen = [str(row["waits_for"]) for row in sql.read(query("startup process"))]
        return not seen or seen[0].startswith("Recovery") or None

    with run.deed(name, "let its restore_command end", DeedKind.WAIT_FOR_ARCHIVE) as deed:
        deed.changed = False
        with contextlib.suppress(NotAchieved, QueryFailed):
            servers.wait(sleeps, run.timeouts.replay, lambda: NotAchieved("it hangs"), _POLL)


def replay_past(run: Run, name: str, goal: Lsn, patience: float, wake: bool = False) -> Lsn | None:
    """Wait until the standby has replayed past `goal`, for as long as it comes nearer.

    None where it stands still. Tells every five seconds how much is left, and how long that takes
    at the rate seen. `wake` wakes the startup process, which sleeps wal_retrieve_retry_interval
    between two looks at pg_wal.
    """
    door = run.doors[name]
    began = since = told = woken = time.monotonic()
    at = first = newest = replayed(door)
    while at <= goal:
        now = time.monotonic()
        if at > newest:
            newest, since = at, now
        if now - since > patience:
            return None
        if now - told > _EVERY and at > first:
            left = goal - at
            rate = (at - first) / (now - began)
            print(
                f"  {name}: {size(left)} to replay, about {span(left / rate)} at {size(rate)} "
                "a second",
                flush=True,
            )
            told = now
        if wake and now - woken > _WAKE:
            wake_startup(door)
            if not dialect.has("reload_conninfo", Major.of(door.sql.version)):
                _terminate(door)  # it is begun anew, and connects to what does not answer
            woken = time.monotonic()
        time.sleep(servers.POLL if now - began < 1 else _POLL)
        at = replayed(door)
    return at


def replay_what_it_has(run: Run, seen: Running) -> None:
    """Let the standby replay all that it has received, which is what it will open with.

    Raises NotAchieved.
    """
    with run.deed(seen.node, "replay what it has received", DeedKind.REPLAY) as deed:
        deed.changed = False
        sql = run.doors[seen.node].sql
        row = sql.read(query("positions"))[0]
        received, at = sql.position(row["received"]), sql.position(row["replayed"])
        if at < received:
            at = _replay_up_to(run, seen, received)
        deed.say(f"replayed what it has received, to {at}")


def _replay_up_to(run: Run, seen: Running, received: Lsn) -> Lsn:
    """Where it stands after its last whole record.

    What it has may end with the beginning of another one.
    """
    name = seen.node
    door = run.doors[seen.node]
    for patience in (min(_STUCK, run.timeouts.replay), run.timeouts.replay):
        if past := replay_past(run, name, Lsn(received - 1), patience):
            return past
        at = replayed(door)
        if (
            find_end(door, Position(seen.timeline, at), int(seen.settings["wal_segment_size"])).last
            is None
        ):
            return at
    raise NotAchieved(
        f"{name} has received {received} and stands still at {at}, {size(received - at)} before "
        f"it{held_up(door)}",
        f"read the log of {name}: what holds its replay? Then run this notebook again",
    )
