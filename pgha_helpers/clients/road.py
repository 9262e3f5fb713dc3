"""The clients' own road: a session through their own connection string, and a row written and deleted on it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

from ..actions.canary import make_canary_table
from ..errors import HaError, NotAchieved, Refusal
from ..facts.canary import TABLE
from ..model import Client, Pair
from ..run import Run
from ..show import span
from ..wire.sql import Row, Session

_WHERE = """
select current_database() as database, current_user as role, pg_is_in_recovery() as in_recovery,
       current_setting('transaction_read_only') = 'on' as read_only,
       (select system_identifier::text from pg_control_system()) as system_id
"""


class Road:
    """What a client with this connection string finds at its end."""

    def __init__(self, client: Client, pair: Pair) -> None:
        self.name = client.name
        settings: dict[str, Any] = {"dsn": client.dsn, "application_name": "pgha canary"}
        if client.passfile:
            settings["passfile"] = os.path.expanduser(client.passfile)  # noqa: PTH111 (a libpq value)
        self._patience = pair.timeouts.start
        self._prepared = False
        self._sql = Session(client.name, settings, pair.timeouts.connect, pair.timeouts.statement)

    def why_not(self, system_id: str) -> Iterator[str]:
        """Why a row could not be written through it now."""
        try:
            here = self._where()
        except HaError as silence:
            yield f"its dsn: {silence.what}"
            return
        if here["in_recovery"]:
            yield "its dsn leads to a standby"
        elif here["read_only"]:
            yield "its dsn leads to read-only transactions (default_transaction_read_only)"
        if here["system_id"] != system_id:
            yield f"its dsn leads to another system, {here['system_id']}"

    def prepare(self, run: Run, primary: str) -> str:
        """See that the client's role may write the row; gives what was done for it, or an empty string.

        The table is made by the runbook's own role, in the database to which the road leads.
        """
        here = self._where()
        with_rights = run.doors[primary].session(here["database"])
        try:
            made = make_canary_table(with_rights, here["role"])
        finally:
            with_rights.close()
        self._prepared = True
        return made

    def write(self, run: Run, primary: str) -> float:
        """Write a row and delete it again; gives the seconds until it was written.

        The clients' road may need a moment to lead to the new primary, so it is tried until timeouts.start has
        passed. Raises NotAchieved with the last reason.
        """
        began, key = time.monotonic(), f"{run.id} through {self.name}"
        while True:
            try:
                if not self._prepared:  # the old primary was lost, or it is the rerun of a run that died
                    self.prepare(run, primary)
                self._sql.do(f"insert into {TABLE} (run, seq) values (%s, 0)", [key])
                took = time.monotonic() - began
                self._sql.do(f"delete from {TABLE} where run = %s", [key])
                return took
            except Refusal as trouble:
                self._sql.close()  # the next try shall take the whole road anew
                if time.monotonic() - began > self._patience:
                    raise NotAchieved(
                        f"no row could be written through the dsn of {self.name} for {span(self._patience)}: "
                        f"{trouble.what}",
                        "look where that road leads now",
                    ) from None
            time.sleep(0.02)

    def close(self) -> None:
        """Let the session go."""
        self._sql.close()

    def _where(self) -> Row:
        return self._sql.read(_WHERE)[0]
