"""A bad night: a switchover under load, something that goes wrong at a chosen moment, and what must
hold afterwards.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pgha_helpers import conclude, follow, gate, hand_over, judged, look, plan_promotion, require
from pgha_helpers.changes import proofs
from pgha_helpers.changes.deeds import promoting, standby, stopping
from pgha_helpers.judgement.checks import AFTER
from pgha_helpers.model.errors import NotConfirmed
from pgha_helpers.run.journal import Story, read

from ..embedded import Lab, Load
from .runs import carry_out, changed_pair, running, to_promote
from .servers import Watch, postmaster, writable

#: Moments of the window, each by the function that begins there.
MOMENTS: dict[str, tuple[Any, str]] = {
    "before it is armed": (standby, "arm"),
    "armed": (stopping, "stop_primary"),
    "during the stop": (stopping, "glance"),
    "before the proof": (proofs, "_prove_replayed"),
    "before the last proof": (proofs, "_prove_record"),
    "before promote": (promoting, "promote"),
    "after promote was sent": (promoting, "_hear"),
}


def once_before(
    monkeypatch: pytest.MonkeyPatch, room: Any, name: str, trouble: Callable[[], object]
) -> None:
    """Let something happen once, just before a function is called; the function itself stays what
    it is.
    """
    really, due = getattr(room, name), [trouble]

    def then(*given: Any, **named: Any) -> Any:
        if due:
            due.pop()()
        return really(*given, **named)

    monkeypatch.setattr(room, name, then)


class Night:
    """One test's night. `target` is the standby that is to become primary."""

    def __init__(self, pair: Lab, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pair = pair
        self.old = writable(pair)[0]
        self.target = "db1" if self.old == "db0" else "db0"
        self.folder = folder
        self._monkeypatch = monkeypatch
        self.story = Story([], "")

    def at(self, moment: str, trouble: Callable[[], object]) -> None:
        """Let this happen once, just before that moment; what the product does then is its own."""

        def first_stop() -> None:  # the first look at the file brings the signal with it
            os.kill(postmaster(self.pair, self.old), signal.SIGINT)
            trouble()

        once_before(
            self._monkeypatch,
            *MOMENTS[moment],
            first_stop if moment == "during the stop" else trouble,
        )

    def rerun_with(self, room: Any, name: str, deed: Callable[..., object]) -> None:
        """The next run meets this one trouble, and no other."""
        self._monkeypatch.undo()
        self._monkeypatch.setattr(room, name, deed)

    @contextlib.contextmanager
    def watched(self) -> Iterator[Load]:
        """Clients write, and both nodes are looked at every 5 ms. Afterwards: never two writable,
        no row lost.
        """
        with Watch(self.pair) as watch, Load(self.pair.dsn, clients=2, think=0.01) as load:
            yield load
        assert watch.overlaps == 0
        assert load.acknowledged > 20 and load.missing(self.pair.dsn) == []

    def switch_over(self, **parameters: Any) -> None:
        """The notebook's cells. `timeouts` and `limits` are the pair's; the record's story is kept,
        however it ends.
        """
        changes = {key: parameters.pop(key, {}) for key in ("timeouts", "limits")}
        path = changed_pair(self.pair, self.folder, **changes)
        given = {"confirm": to_promote(self.target), **parameters}
        with running(path, "promote", **given) as run:
            try:
                before = look(run, closely=True)
                plan = plan_promotion(run, before)
                require(run, plan, before)
                plan = gate(run, plan)
                hand_over(run, plan)
                follow(run, plan)
                conclude(run, judged(run, AFTER, look(run)))
            finally:
                self.story = read(run.folder)

    def told(self, event: str) -> dict[str, Any]:
        """The last event of this kind that the record tells."""
        return self.story.last(event)

    def converges(self, **parameters: Any) -> None:
        """Run again with the same words, it reaches its aim; nothing of the bad night is left.

        Once more if what the gate showed has changed while it asked: a promotion that was pending
        may come then.
        """
        self._monkeypatch.undo()
        for last in (False, True):
            try:
                carry_out(self.pair, "promote", to_promote(self.target), **parameters)
                break
            except SystemExit:  # the gate's way out where nothing is left to do
                break
            except NotConfirmed:
                assert not last
        assert writable(self.pair) == [self.target]


def interrupt() -> None:
    """Ctrl-C, as it reaches a kernel."""
    os.kill(os.getpid(), signal.SIGINT)
