"""What is known of the canary's table, by whichever session is asked, and which of its rows are there."""

from __future__ import annotations

from dataclasses import dataclass

from ..wire.sql import Session
from .queries import query

TABLE = "pgha.canary"


@dataclass(frozen=True)
class CanaryTable:
    """The table as one session sees it.

    `started` tells servers apart: two sessions that read the same moment there are on one server.
    """

    database: str
    user: str
    started: str
    there: bool
    may_write: bool
    may_make: bool


def read_canary_table(sql: Session) -> CanaryTable:
    """Ask a session. Raises Unreachable, TooSlow or QueryFailed."""
    return CanaryTable(**sql.read(query("canary's table"))[0])


def canary_rows(sql: Session, run: str) -> set[int]:
    """The sequence numbers of a run's rows that are there. Raises Unreachable, TooSlow or QueryFailed."""
    return {row["seq"] for row in sql.read(query("canary's rows"), [run])}
