"""The very connection that a node uses as a standby, tried from the node, as the user that will use it."""

from __future__ import annotations

from ..conninfo import PROOF, primary_conninfo
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
