"""What a pair goes through in its life, on whichever version of PostgreSQL: what tests do once and
trials on each.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pgha_helpers import HEALTHY, judged, look
from pgha_helpers.facts.queries import all_queries
from pgha_helpers.model.errors import QueryFailed
from pgha_helpers.wire.doors import Door

from ..embedded import Lab, Load
from .dying import Words
from .runs import carry_out, running, to_promote
from .servers import Watch, writable

#: What a query's parameters may be where not a text and a number will do.
_ASKED = {
    "settings": [["port"]],
    "as it would start": [["port"]],
    "lack the canary's table": [["postgres"]],
    "relations of files": [[1663], [1259]],
    "may rewind": ["postgres", ["pg_ls_dir(text)"]],
    "holdings": [[], [], [], [], "postgres"],
    "transactions to drain": [1.0],
    "still open": [1, "2020-01-01"],
    "end a session": [1, "2020-01-01"],
    "promote": [False, 1, 1],
    "replayed past": ["0/0", 3],
    "replayed past, and the record there": ["0/0", 3, "PG_VERSION", 0, 1],
    "hasty": [],  # what looks like parameters in it is none
    "bytes of a file": ["PG_VERSION", 0, 1],
}
#: What acts, and what needs the canary's table, which there is none of.
_NOT_ASKED = {"make a slot", "begin a backup", "end a backup", "canary's rows"}
_NOT_ASKED |= {"canary's grantees", "lack the canary's table"}

_SETTLED = 50  # acknowledged rows before and after a switchover


@dataclass(frozen=True)
class Switched:
    """One switchover under load: rows acknowledged and lost, seconds without a commit, and moments
    at which both nodes took writes.
    """

    acknowledged: int
    lost: int
    outage: float
    overlaps: int


def alive(pair: Lab, words: Words) -> str:
    """For `converging`: a run that nobody kills."""
    carry_out(pair, words.notebook, words.consent, **words.parameters)
    return ""


def against(pair: Lab) -> Sequence[str]:
    """What verify says against the pair, beyond warnings, each with its check."""
    with running(pair, "verify", light=True) as run:
        verdicts = judged(run, HEALTHY, look(run, closely=True))
    bad = [one for one in verdicts if one.level in ("critical", "unknown")]
    return [f"{one.title} {one.reason}" for one in bad]


def unanswered(pair: Lab) -> list[str]:
    """The queries that a node does not answer, in that version's own words."""
    with running(pair, "verify") as run:
        doors = run.doors.values()
        return [name for name in all_queries() if not all(_is_answered(it, name) for it in doors)]


def _is_answered(door: Door, name: str) -> bool:
    statement = all_queries()[name]
    if name in _NOT_ASKED:
        return True
    count = door.sql.spelled(statement).count("%s")
    asked = _ASKED.get(name, ["postgres"] * count)
    try:
        door.sql.read(statement, asked)
    except QueryFailed as refused:
        # a standby may refuse what it has no position for; the package of 10 has a newer
        # extension's control file
        return bool(re.search("recovery is in progress|[.]control", refused.what))
    return True


def switched(pair: Lab) -> Switched:
    """The primary moves to the other node while clients write, and still do afterwards."""
    (old,) = writable(pair)
    new = "db1" if old == "db0" else "db0"
    with Watch(pair) as watch, Load(pair.dsn, clients=2, think=0.01) as load:
        load.more(_SETTLED)
        carry_out(pair, "promote", to_promote(new))
        load.more(_SETTLED)
    assert writable(pair) == [new]
    lost = len(load.missing(pair.dsn))
    return Switched(load.acknowledged, lost, load.longest_gap(), watch.overlaps)
