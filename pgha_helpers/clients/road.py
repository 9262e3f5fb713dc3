"""The clients' own road: a session through their own connection string, and a row written and deleted on it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

from ..errors import HaError, NotAchieved, QueryFailed, Refusal
from ..model import Client, Pair
from ..run import Run
from ..show import span
from ..wire.sql import Row, Session, identifier

TABLE = "pgha.canary"

_WHERE = """
select current_database() as database, current_user as role, pg_is_in_recovery() as in_recovery,
       current_setting('transaction_read_only') = 'on' as read_only,
       (select system_identifier::text from pg_control_system()) as system_id
"""

_MAY_WRITE = """
select to_regclass('pgha.canary') is not null
       and has_schema_privilege(%s, 'pgha', 'usage')
       and (select bool_and(has_table_privilege(%s, 'pgha.canary', needed))
            from unnest(array['select', 'insert', 'delete']) as needed) as so
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
            made = _ensure(with_rights, here["role"])
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


def _ensure(sql: Session, role: str) -> str:
    try:
        if sql.read(_MAY_WRITE, [role, role])[0]["so"]:
            return ""
    except QueryFailed:  # the schema is missing
        pass
    sql.do("create schema if not exists pgha")
    sql.do(
        f"create table if not exists {TABLE} (run text not null, seq bigint not null, "
        "at timestamptz not null default clock_timestamp(), primary key (run, seq))"
    )
    sql.do(f"grant usage on schema pgha to {identifier(role)}")
    sql.do(f"grant select, insert, delete on {TABLE} to {identifier(role)}")
    return f"table {TABLE}, which {role} may write"
