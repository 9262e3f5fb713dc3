"""How the standby can serve queries, and what that costs."""

from __future__ import annotations

from ...model import Snapshot
from ...model.errors import NotSeen
from ...model.show import Table, size
from .check import check


def read_traffic(now: Snapshot) -> Table:
    """How the standby can serve queries, and what that costs: a row per question. Needs a close
    look.
    """
    head = ("reads from the standby", "", "what it means")
    try:
        return Table(head, _reads(now))
    except (NotSeen, ValueError) as unknown:
        return Table(head, [("not known", "", str(unknown).split("\n")[0])])


def _reads(now: Snapshot) -> list[tuple[str, str, str]]:
    primary, standby = now.primary, now.standby
    ours, theirs = now.closely(primary.node), now.closely(standby.node)
    delay = theirs.settings["max_standby_streaming_delay"]
    feedback = theirs.settings.get("hot_standby_feedback", "not there")
    hosts, ports = (
        ",".join(str(getattr(node, key)) for node in now.pair) for key in ("host", "port")
    )
    with_it = (
        f"{primary.node} keeps the dead rows of {ours.standby_xmin_age} transactions from "
        "vacuum for it"
    )
    without = "a query that needs rows vacuumed on the primary is cancelled after that delay"
    return [
        (
            "connect to",
            f"host={hosts} port={ports} target_session_attrs=prefer-standby",
            "libpq 14 or newer; the same text is right after a move. Older: name the standby alone",
        ),
        (
            "how old an answer may be",
            f"{size(now.lag())} behind",
            "a row just committed may not be there yet",
        ),
        (
            "queries cancelled by replay",
            str(theirs.conflicts),
            f"since the statistics of {standby.node} began (pg_stat_database_conflicts)",
        ),
        (
            "max_standby_streaming_delay",
            delay,
            "so long a query may hold replay up: the lag grows meanwhile, and a move waits for it",
        ),
        (
            "hot_standby_feedback",
            feedback,
            with_it if feedback == "on" else without,
        ),
    ]


@check(value=lambda now: "nobody" if not now.disk(now.standby.node).held else "somebody")
def nobody_holds_up_replay(now: Snapshot) -> str | None:
    """No query and no lock on the standby holds up its replay.

    End whoever does, the oldest transactions in pg_stat_activity there, or lower
    max_standby_streaming_delay and reload: a switchover would wait for them, and be aborted.
    """
    node = now.standby.node
    return f"a query or a lock on {node} holds up its replay" if now.disk(node).held else None
