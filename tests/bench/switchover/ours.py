"""The runbook: its notebook's verbs in this process, and `pgha run promote` as a user types it. Both over ssh."""

from __future__ import annotations

import contextlib
import io
import json

from pgha_helpers.lab import Lab
from tests.lab.runs import carry_out

from ..commands import Memory, pgha
from .contender import Told, parts_of
from .nodes import Nodes


class Ours:
    """The procedure alone, without a kernel."""

    name = "pgha, its verbs"

    def __init__(self, lab: Lab) -> None:
        self.nodes = Nodes.of(lab)
        self._lab = lab

    @property
    def dsn(self) -> str:
        return self.nodes.writable_dsn

    def switch(self, old: str, new: str) -> Told:
        with contextlib.redirect_stdout(io.StringIO()):
            deeds = carry_out(self._lab, "promote", f"promote {new}")
        return _told([(deed.did, deed.began, deed.seconds) for deed in deeds])


class OursAsTyped(Ours):
    """The command: papermill, a kernel, and a record that is complete when it ends."""

    name = "pgha run promote"

    def switch(self, old: str, new: str) -> Told:
        ran = pgha("run", "promote", str(self._lab.pair_file), "-p", f"confirm=promote {new}", weigh=True)
        told = json.loads((ran.record / "record.json").read_text())
        deeds = [(deed["did"], deed["began"], deed["seconds"]) for deed in told["deeds"]]
        return _told(deeds, memory=ran.memory)


def _told(deeds: list[tuple[str, float, float]], memory: Memory | None = None) -> Told:
    """The first deed comes right after the gate, the last one when both nodes are as they should be."""
    ended = max(began + seconds for _, began, seconds in deeds)
    return Told(parts_of(deeds), after_gate=ended - deeds[0][1], memory=memory)
