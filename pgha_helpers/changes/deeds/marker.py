"""A marker: something written on the primary now, and seen to arrive."""

from __future__ import annotations

from ...facts.queries import query
from ...model import DeedKind, Lsn
from ...model.errors import NotAchieved
from ...model.show import span
from ...run.run import Run
from .servers import replayed, wait


def send_marker(run: Run, primary: str, standby: str) -> None:
    """Write a message into the primary's WAL, and wait until the standby has replayed past it.

    Raises NotAchieved. It touches no table: WAL itself carries it.
    """
    ours, theirs = run.doors[primary].sql, run.doors[standby]
    with run.deed(primary, f"send a marker to {standby}", DeedKind.SEND_MARKER) as deed:
        at = Lsn.parse(ours.do(query("marker"), [run.id])[0]["at"])

        def arrived() -> bool | None:
            return replayed(theirs) >= at or None

        within = run.timeouts.replay
        late = f"{standby} has not replayed a marker of {primary} at {at} within {span(within)}"
        wait(arrived, within, lambda: NotAchieved(late, "run verify: it says what holds replay up"))
        deed.say(f"a marker at {at} arrived on {standby}")
