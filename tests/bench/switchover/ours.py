"""The runbook: its notebook's verbs in this process, and `pgha run promote` as a user types it. Both over ssh."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import fields

from pgha_helpers.lab import Lab
from pgha_helpers.lab.cluster import SUPERUSER
from pgha_helpers.model import Pair
from tests.lab.runs import carry_out, changed_pair

from ..commands import Memory, pgha
from .bouncer import Bouncer
from .contender import POOLER, Deed, Told, Unavailable, parts_of, pause_of
from .nodes import PROGRAMS, Nodes
from .private import Private


class Ours:
    """The procedure alone, without a kernel."""

    name = "pgha, its verbs"
    version = ""

    def __init__(self, lab: Lab) -> None:
        self.nodes = Nodes.of(lab)
        self.pair_file = lab.pair_file

    @property
    def dsn(self) -> str:
        return self.nodes.writable_dsn

    def switch(self, old: str, new: str) -> Told:
        with contextlib.redirect_stdout(io.StringIO()):
            deeds = carry_out(self.pair_file, "promote", f"promote {new}")
        return _told([Deed(deed.node, deed.did, deed.began, deed.seconds) for deed in deeds])


class OursAsTyped(Ours):
    """The command: papermill, a kernel, and a record that is complete when it ends."""

    name = "pgha run promote"

    def switch(self, old: str, new: str) -> Told:
        ran = pgha("run", "promote", str(self.pair_file), "-p", f"confirm=promote {new}", weigh=True)
        told = json.loads((ran.record / "record.json").read_text())
        return _told([Deed(*(deed[key] for key in Deed._fields)) for deed in told["deeds"]], ran.memory)


class OursWithBouncer(Ours):
    """The procedure, with clients that it pauses in PgBouncer meanwhile."""

    name = "pgha, pgbouncer paused"

    def __init__(self, lab: Lab, private: Private) -> None:
        super().__init__(lab)
        if "clients" not in {field.name for field in fields(Pair)}:
            raise Unavailable("pair files have no key clients yet")
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


def _told(deeds: list[Deed], memory: Memory | None = None) -> Told:
    """The first deed comes right after the gate, the last one when both nodes are as they should be."""
    ended = max(deed.began + deed.seconds for deed in deeds)
    return Told(parts_of(deeds), pause_of(deeds), ended - deeds[0].began, memory)
