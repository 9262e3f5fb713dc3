"""What is known of the canary's table, and of the end of the road by which clients come.

The table lies in a schema of our own, in a database whose owner may be anybody: he could have made
both before us, with a trigger that turns him into a superuser when one writes there. So a superuser
reads the catalog first. Schema and table have to belong to superusers, nobody else may make
anything in or on them, and nothing is on the table but its key; then nobody can have planted
anything, and nobody can until a superuser lets him. What is found else is a stranger, and the table
is left alone. Rows are written by role pgha_canary, which can do nothing else; by the clients' own
road by their role, which gets no more than this table.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...facts.queries import query
from ...wire.sql import Session

TABLE = "pgha.canary"
WRITER = "pgha_canary"  # nobody can log in as this role: a session of the runbook begins as it


@dataclass(frozen=True)
class CanaryTable:
    """The table as it is for `user`, the runbook's own role, in one database.

    `started` tells servers apart, in seconds since the epoch. `ready`: table and role are there,
    and that user may take the role. `strangers` tells what is not ours.
    """

    database: str
    started: float
    user: str
    may_make: bool
    role: bool
    schema: bool
    there: bool
    ready: bool
    strangers: tuple[str, ...] = ()

    @property
    def why_not(self) -> str:
        """Why nobody of ours touches it; empty if it is ours, or is not there."""
        told = "; ".join(self.strangers)
        if not told:
            return ""
        return f"{TABLE} in database {self.database} is not as pgha makes it: {told}"


@dataclass(frozen=True)
class RoadEnd:
    """What a client finds at the end of its road. `started` is that of the server, as above."""

    database: str
    user: str
    started: float
    in_recovery: bool
    read_only: bool
    system_id: str


def read_canary_table(sql: Session, user: str) -> CanaryTable:
    """Ask a session of the runbook's own what that role, which is to write, may do with it.

    Raises Unreachable, TooSlow or QueryFailed.
    """
    strangers = tuple(row["words"] for row in sql.read(query("canary's strangers")))
    return CanaryTable(**sql.read(query("canary's table"), [user])[0], strangers=strangers)


def read_road_end(sql: Session) -> RoadEnd:
    """Ask a session by the clients' road. Raises Unreachable, TooSlow or QueryFailed."""
    told = dict(sql.read(query("road's end"))[0])
    told["read_only"] = told["read_only"] == "on"
    told["system_id"] = str(told["system_id"])
    return RoadEnd(**told)


def lacking(sql: Session, *roles: str) -> list[str]:
    """Those of these roles that may not write and delete rows of the table, which is there."""
    return [row["name"] for row in sql.read(query("lack the canary's table"), [list(roles)])]


def canary_rows(sql: Session, run: str) -> set[int]:
    """The sequence numbers of a run's rows that are there.

    Raises Unreachable, TooSlow or QueryFailed.
    """
    return {row["seq"] for row in sql.read(query("canary's rows"), [run])}
