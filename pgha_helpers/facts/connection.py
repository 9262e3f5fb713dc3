"""The very connection that a node uses as a standby, tried from the node, as the user that will use it."""

from __future__ import annotations

from ..conninfo import PROOF, primary_conninfo, source_conninfo
from ..model import Pair
from ..wire.doors import Door


def try_connection(door: Door, pair: Pair, system_id: str) -> str:
    """Why this node cannot replicate from the other one, which is `system_id`; empty where it can.

    The connection names a passfile on the node and never a password.
    """
    told = f"{primary_conninfo(pair, door.node, PROOF)} dbname=replication replication=true"
    answer = door.run(*(door.binary("psql"), "-w", "-X", "-A", "-t", "-c", "IDENTIFY_SYSTEM", told), okay=range(256))
    if answer.status:
        return answer.complaint or f"psql ended with status {answer.status}"
    other = pair.other(door.node.name).name
    return "" if answer.text.split("|")[0] == system_id else f"another system than {other} answers: {answer.text}"


def try_source(door: Door, pair: Pair) -> str:
    """Why pg_rewind on this node could not read the other one's files; empty where it can."""
    asked = "select length(pg_read_binary_file('global/pg_control'))"
    argv = ("-w", "-X", "-A", "-t", "-c", asked, source_conninfo(pair, door.node))
    answer = door.run(door.binary("psql"), *argv, okay=range(256))
    return answer.complaint or f"psql ended with status {answer.status}" if answer.status else ""
