"""The runbook: its notebook's verbs in this process, and `pgha run promote` as a user types it.
Both over ssh.
"""

from __future__ import annotations

import contextlib
import io
from dataclasses import replace
from pathlib import Path

from pgha_helpers.records.making.folder import record_folders
from pgha_helpers.run.journal import read

from ...embedded import Lab
from ...embedded.cluster import SUPERUSER
from ...lab.runs import carry_out, changed_pair, to_promote
from ..commands import pgha
from ..executed import stages
from .bouncer import Bouncer
from .contender import POOLER, Deed, Told, parts_of, pause_of
from .nodes import PROGRAMS, Nodes
from .private import Private


class Ours:
    """The procedure alone, without a kernel."""

    name = "pgha, its verbs"
    version = ""

    def __init__(self, lab: Lab, pair_file: Path | None = None) -> None:
        self.nodes = Nodes.of(lab)
        self.pair_file = pair_file or lab.pair_file
        self._records = lab.folder / "records"

    @property
    def dsn(self) -> str:
        return self.nodes.writable_dsn

    def switch(self, old: str, new: str) -> Told:
        with contextlib.redirect_stdout(io.StringIO()):
            carry_out(self.pair_file, "promote", to_promote(new))
        return told_by(record_folders(self._records)[0])


class OursAsTyped(Ours):
    """The command: papermill, a kernel, and a record that is complete when it ends."""

    name = "pgha run promote"
    _weighed = False  # that takes a tenth of a core, so only the first one is

    def switch(self, old: str, new: str) -> Told:
        words = ("run", "promote", str(self.pair_file), "-p", f"confirm={to_promote(new)}")
        ran, self._weighed = pgha(*words, weigh=not self._weighed), True
        return replace(told_by(ran.record), memory=ran.memory, stages=stages(ran))


class OursFarAway(Ours):
    """The procedure, by an operator for whom each answer takes this long; the pair file says by
    which road.
    """

    away = 0.020  # seconds
    name = f"{Ours.name}, {away * 1000:.0f} ms away"


class OursWithBouncer(Ours):
    """The procedure, with clients that it pauses in PgBouncer meanwhile."""

    name = "pgha, pgbouncer paused"

    def __init__(self, lab: Lab, private: Private) -> None:
        super().__init__(lab)
        self._bouncer = Bouncer(private, lab, self.nodes.servers[self.nodes.roles()[0]].port)
        self.pair_file = changed_pair(lab, lab.folder, clients=[_client(self._bouncer)])

    @property
    def dsn(self) -> str:
        return self._bouncer.dsn


def _client(bouncer: Bouncer) -> dict[str, object]:
    """What the pair file says of it."""
    return {
        "name": POOLER,
        "kind": "pgbouncer",
        "port": bouncer.port,
        "user": SUPERUSER,
        "file": str(bouncer.databases),
        "databases": ["postgres"],
        "bin_directory": str(PROGRAMS),
    }


def told_by(record: Path) -> Told:
    """What a record says. The first deed comes right after the gate, the last one when both nodes
    are as is wanted.
    """
    story = read(record)
    deeds = [
        Deed(*(event[key] for key in Deed._fields))
        for event in story.events
        if event["event"] == "deed ended"
    ]
    ended, window = max(deed.began + deed.seconds for deed in deeds), story.last("outage ended")
    cost = {"processor": window["processor"], "trips": window["trips"]}
    return Told(parts_of(deeds), pause_of(deeds), ended - deeds[0].began, **cost)
