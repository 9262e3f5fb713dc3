"""Sessions of clients: waiting for their transactions to end, and ending those that do not."""

from __future__ import annotations

import time

from ...facts.queries import query
from ...model import DeedKind
from ...model.errors import NotAchieved
from ...model.show import span
from ...run.run import Run
from ...wire.doors import Door
from ...wire.sql import Row

_PAUSE = 0.05  # seconds between looks; nothing stands still meanwhile


def drain(run: Run, name: str, seconds: float) -> None:
    """Wait up to `seconds` for long or idle transactions, then end the sessions of those left.

    Long is what is older than the limit `long_transaction`. Only the transactions that are there at
    the beginning count: those that begin later are nobody's fault. Raises NotAchieved where a
    session outlives its end.
    """
    door = run.doors[name]
    with run.deed(
        name,
        f"drain: wait up to {span(seconds)} for long and idle transactions",
        DeedKind.DRAIN,
    ) as deed:
        found = door.sql.read(query("transactions to drain"), [run.pair.limits.long_transaction])
        if not found:
            deed.already("no transaction was long or idle")
            return
        left = found
        deadline = time.monotonic() + seconds
        while (left := [row for row in left if _open(door, row)]) and time.monotonic() < deadline:
            time.sleep(_PAUSE)
        deed.changed = False
        deed.say(
            f"drain: {len(found) - len(left)} of {len(found)} long and idle transactions ended "
            "by themselves"
        )
    for row in left:
        _end(run, name, row)


def _end(run: Run, name: str, row: Row) -> None:
    """End the session of one transaction, and see it gone.

    A transaction that has ended meanwhile is left alone.
    """
    door = run.doors[name]
    who = f"pid {row['pid']} ({row['user']}, {row['application'] or 'no application_name'})"
    what = (
        f"{row['state']} in {row['database']}, open for {span(row['age'])}, last command "
        f"{row['command'] or 'none'}"
    )
    with run.deed(name, f"end the session of {who}: {what}", DeedKind.END_SESSION) as deed:
        if not door.sql.do(query("end a session"), _key(row)):
            deed.already(f"the transaction of {who} had ended by itself")
            return
        deadline = time.monotonic() + run.timeouts.statement
        while _open(door, row):
            if time.monotonic() > deadline:
                raise NotAchieved(
                    f"{who} on {name} does not end: {what}",
                    "look at what it waits for, then try again",
                )
            time.sleep(_PAUSE)


def _open(door: Door, row: Row) -> bool:
    return bool(door.sql.read(query("still open"), _key(row)))


def _key(row: Row) -> list[object]:
    """A process number may be given to another, and a session may begin another transaction.

    Both must fit.
    """
    return [row["pid"], row["begun"]]
