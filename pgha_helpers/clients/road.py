"""The clients' own road: a session by their own connection string, and a row written through it.

The row is deleted again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from ..model import Client, Pair
from ..model.errors import HaError, NotAchieved, NotSafe, Refusal
from ..model.here import here
from ..model.show import span
from ..run.run import Run
from ..wire.doors import Door
from ..wire.sql import Session
from .canary.making import make_canary_table
from .canary.table import TABLE, read_canary_table, read_road_end

#: A pooler lets no session pin its search_path: whatever is not a literal is qualified.
_INSERT = f"insert into {TABLE} (run, seq) values (%s, 0)"
_DELETE = f"delete from {TABLE} where run operator(pg_catalog.=) %s"


class Road:
    """What a client with this connection string finds at its end."""

    def __init__(self, client: Client, pair: Pair) -> None:
        self.name = client.name
        settings: dict[str, Any] = {"dsn": client.dsn, "application_name": "pgha canary"}
        if client.passfile:
            settings["passfile"] = here(client.passfile)
        self._patience = pair.timeouts.start
        self._prepared = False
        self._sql = Session(client.name, settings, pair.timeouts.connect, pair.timeouts.statement)

    def why_not(self, door: Door, system_id: str) -> Iterator[str]:
        """Why a row could not be written through it now.

        `door` is the primary's, which is `system_id`.
        """
        try:
            here = read_road_end(self._sql)
        except HaError as silence:
            yield f"its dsn: {silence.what}"
            return
        if here.in_recovery:
            yield "its dsn leads to a standby"
        elif here.read_only:
            yield "its dsn leads to read-only transactions (default_transaction_read_only)"
        if here.system_id != system_id:
            yield f"its dsn leads to another system, {here.system_id}"
        else:
            yield from _strangers(door, here.database)

    def prepare(self, run: Run, primary: str) -> str:
        """See that the client's role may write the row; gives what was done for it, or nothing.

        The table is made by the runbook's own role, in the database to which the road leads.
        """
        here = read_road_end(self._sql)
        with closing(run.doors[primary].session(here.database)) as with_rights:
            made = make_canary_table(with_rights, run.pair.user, here.user)
        self._prepared = True
        return made

    def write(self, run: Run, primary: str) -> float:
        """Write a row and delete it again; gives the seconds until it was written.

        The clients' road may need a moment to lead to the new primary, so it is tried until
        timeouts.start has passed. Raises NotAchieved with the last reason.
        """
        began, key = time.monotonic(), f"{run.id} through {self.name}"
        while True:
            try:
                # the old primary was lost, or it is the rerun of a run that died
                if not self._prepared:
                    self.prepare(run, primary)
                self._sql.do(_INSERT, [key])
                took = time.monotonic() - began
                self._sql.do(_DELETE, [key])
                return took
            except Refusal as trouble:
                self._sql.close()  # the next try shall take the whole road anew
                if time.monotonic() - began > self._patience or isinstance(trouble, NotSafe):
                    raise NotAchieved(
                        f"no row could be written through the dsn of {self.name} for "
                        f"{span(time.monotonic() - began)}: {trouble.what}",
                        trouble.remedy or "look where that road leads now",
                    ) from None
            time.sleep(0.02)

    def close(self) -> None:
        """Let the session go."""
        self._sql.close()


def _strangers(door: Door, database: str) -> Iterator[str]:
    """Why no row is written into the table of this database, though it could be."""
    try:
        with closing(door.session(database)) as ours:
            why = read_canary_table(ours, door.user).why_not
    except HaError as silence:
        why = silence.what
    if why:
        yield why
