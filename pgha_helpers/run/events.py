"""Every event of a journal, and its fields: what is not declared here cannot be written.

Beside its own fields each line has `n`, `at`, `event` and `prev`, see `journal.py`. Readers name an
event by its constant. Whoever renames an event or a field, or gives it another meaning, counts
`FORMAT` up and mends what is read of older journals, as `format_1.py` does.
"""

from __future__ import annotations

#: Of journals, told by RUN_BEGUN. Up to 0.1 none was told, and deeds had no kind.
FORMAT = 2


class EventName(str):
    """The name of an event, with the fields that it may have.

    One that is `flushed` must survive a power cut before anything else happens. The rest is written
    at once, and flushed with the next of these: on a busy disk a flush takes tens of milliseconds,
    and a run has a hundred events.
    """

    fields: frozenset[str]
    flushed: bool

    def undeclared(self, fields: object) -> str:
        """Those of a mapping's keys that are not declared, in words; empty where all are."""
        return ", ".join(sorted(set(fields) - self.fields))  # type: ignore[call-overload]


EVENTS: dict[str, EventName] = {}


def _event(name: str, fields: str = "", *, flushed: bool = False) -> EventName:
    declared = EventName(name)
    declared.fields, declared.flushed = frozenset(fields.split()), flushed
    EVENTS[name] = declared
    return declared


# The run. `parameters` is what was typed, `source` and `versions` say which code it was, `road` and
# `file` how it was run; `unforeseen` is the traceback of an error that is not one of ours.
RUN_BEGUN = _event(
    "run begun",
    "format run notebook pair operator typed from reason ticket parameters continues"
    " road file source git version versions",
    flushed=True,
)
CELL_BEGUN = _event("cell begun", "cell sha256 as_in_source")
ERROR = _event("error", "kind type error unforeseen", flushed=True)
RUN_ENDED = _event("run ended", "outcome deeds words", flushed=True)

# What was seen, judged and planned.
SEEN = _event("seen", "nodes facts vantages")
CLIENTS_SEEN = _event("clients seen", "clients")
JUDGED = _event("judged", "worst verdicts")
PLANNED = _event("planned", "plan")
READY = _event("ready", "switchover failover")

# The gate, and the chain of the runs that changed a system.
GATE_SHOWN = _event("gate shown", "wanted plan")
GATE_ANSWERED = _event("gate answered", "answer right by seconds", flushed=True)
GATE_REOPENED = _event("gate reopened", "because plan")
GATE_PASSED = _event("gate passed", "locked")
NOT_LOCKED = _event("not locked", "nodes")
CHAINED = _event("chained", "system_id number previous forked torn", flushed=True)
NOT_NOTED = _event("not noted", "node because")

# Deeds. `kind` is a DeedKind; `did` is for people, and nothing decides by it.
DEED_BEGUN = _event("deed begun", "node kind did", flushed=True)
DEED_ENDED = _event("deed ended", "node kind did changed began seconds")
DEED_FAILED = _event("deed failed", "node kind did error seconds", flushed=True)

# The time without a primary.
OUTAGE_BEGINS = _event("outage begins", "old new intent synchronous told", flushed=True)
OUTAGE_GOES_ON = _event("outage goes on", "old new synchronous")
OUTAGE_ENDED = _event("outage ended", "new processor trips", flushed=True)
OUTAGE = _event("outage", "since until seconds at_least at_most over runs words")
ABORT = _event("abort", "old because", flushed=True)
GOES_ON = _event("goes on", "because")
STOPPING = _event("stopping", "node phase seconds")
DEADLINE = _event("deadline", "node phase seconds choice")
WOKEN = _event("woken", "node")

# An old primary that is lost: how it was fenced, and what was saved of it.
FENCED_BY = _event("fenced by", "node way words")
NOT_FENCED = _event("not fenced", "node way because")
NOT_ARMED = _event("not armed", "node because")
NOT_DEFINED = _event("not defined", "node because")
NOT_DISABLED = _event("not disabled", "node because")
NOT_SALVAGED = _event("not salvaged", "node because")
DAMAGED_WAL = _event("damaged WAL", "node end goes_on")
NEVER_ARCHIVED = _event("never archived", "node before after")
DIVERGED_KEPT = _event("diverged kept", "file node sha256 bytes transactions")

# What was measured, and the files that show it. Of several samples `bytes` and `seconds` tell how
# they lie, as a Spread; sizes are bytes, on the primary.
SAMPLED = _event("sampled", "rows worst_bytes worst_seconds bytes seconds processor sha256")
SIZED = _event("sized", "node databases wal")
THROUGHPUT = _event("throughput", "bytes total seconds sha256")
DRAWN = _event("drawn", "file sha256")
NOT_WRITTEN = _event("not written", "file because")
NO_CANARY = _event("no canary", "because")
CANARY_BEGUN = _event("canary begun", "road think longest rows")
CANARY_ENDED = _event(
    "canary ended",
    "attempts acknowledged refused unanswered outage median p99 said because"
    " rows lost behind sha256",
)
