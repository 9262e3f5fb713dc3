"""Who promotes the standby of a primary that was killed: by hand at once, or by the runbook's
verbs.
"""

from __future__ import annotations

import contextlib
import io
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from pgha_helpers import look
from pgha_helpers.changes import plan_rebuild
from pgha_helpers.model import DeedKind
from pgha_helpers.records.making.folder import record_folders
from pgha_helpers.run.journal import read

from ...embedded import Lab
from ...lab.runs import carry_out, running
from ..switchover.nodes import Nodes, ask

# how the deeds of a salvage begin that copy WAL, and wait for its replay
COPY, REPLAY = "brought over", "replayed to"
_POLL = 0.0005  # seconds, as the runbook's own


@dataclass(frozen=True)
class Promoted:
    """Seconds until the standby took writes, from the passed gate or, by hand, from the request.

    Of these, those of copying WAL and of replaying it; `at_gate` are those before, from the typed
    words on.
    """

    seconds: float
    copying: float = 0.0
    replaying: float = 0.0
    at_gate: float = 0.0


class Contender(Protocol):
    """Somebody who can promote. `lab` is the pair of its own."""

    name: str
    lab: Lab

    def promote(self, new: str) -> Promoted: ...


class ByHand:
    """`pg_promote` over a session that is open, at once, whatever the dead primary's disk holds."""

    name = "promoted by hand"

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    def promote(self, new: str) -> Promoted:
        with Nodes.of(self.lab).session(new) as session:
            began = time.monotonic()
            ask(session, "select pg_promote(false)")
            while ask(session, "select pg_is_in_recovery()"):
                time.sleep(_POLL)
            return Promoted(time.monotonic() - began)


class Ours:
    """The notebook's verbs over ssh: fence, salvage, proof, promotion.

    The clock begins when the gate was passed: see docs/bench.md.
    """

    name = "pgha, its verbs"

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    def promote(self, new: str) -> Promoted:
        with contextlib.redirect_stdout(io.StringIO()):
            carry_out(self.lab, "promote", f"promote {new}", occasion="failover")
        return _told(record_folders(self.lab.folder / "records")[0])


def _told(record: Path) -> Promoted:
    """What the journal tells: from the typed words to the gate, and from the gate to the end of the
    promotion.
    """
    events = read(record).events
    deeds = [event for event in events if event["event"] == "deed ended"]
    promoted = next(
        deed["began"] + deed["seconds"] for deed in deeds if deed["kind"] == DeedKind.PROMOTE
    )
    answered, passed = (
        next(
            datetime.fromisoformat(event["at"]).timestamp()
            for event in events
            if event["event"] == name
        )
        for name in ("gate answered", "gate passed")
    )
    copying, replaying = (
        sum(deed["seconds"] for deed in deeds if str(deed["did"]).startswith(words))
        for words in (COPY, REPLAY)
    )
    return Promoted(promoted - passed, copying, replaying, passed - answered)


def make_whole(lab: Lab) -> None:
    """Rebuild whatever is not the primary, by the runbook."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        with running(lab, "rebuild") as rehearsed:
            consent = plan_rebuild(rehearsed, look(rehearsed)).consent
        carry_out(lab, "rebuild", consent)
