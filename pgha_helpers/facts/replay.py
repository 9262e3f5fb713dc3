"""Where a standby is, asked again and again over the open session: no look, which takes longer."""

from __future__ import annotations

import contextlib

from ..model import Lsn, dialect
from ..model.errors import HaError
from ..model.major import Major
from ..wire.doors import Door
from .disk import read_disk
from .queries import query


def in_recovery(door: Door) -> bool:
    """Whether the server is in recovery, over the open session. Raises Unreachable or TooSlow."""
    return bool(door.sql.read("select pg_is_in_recovery() as so")[0]["so"])


def replayed(door: Door) -> Lsn:
    """Up to where a standby has replayed."""
    return door.sql.position(door.sql.read(query("positions"))[0]["replayed"])


def held_up(door: Door) -> str:
    """What holds up its replay, to be added to a sentence; empty where nobody does, or where its
    shell does not say: the sentence is about something worse.
    """
    with contextlib.suppress(HaError):
        if read_disk(door, within=1).held:  # clients may be waiting for a primary
            return f": a query or a lock on {door.node.name} holds it up"
    return ""


def receives(door: Door, major: Major) -> bool:
    """Whether this node has a walreceiver, be it one that only connects: up to 18 no view shows
    that one, and the startup process waits for it (seen on 18: nothing was replayed for 33 s).
    Raises as a query or a script does.
    """
    if dialect.has("backend_type", major):
        return bool(door.sql.read(query("walreceiver's process")))
    return bool(read_disk(door).receiver)
