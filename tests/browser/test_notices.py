"""Who is told of a planned move in JupyterLab, and when: by `pgha open`, to a web server that keeps
what comes.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from playwright.sync_api import BrowserContext, expect

from pgha_helpers.model.notices import Notice, NoticeKind
from pgha_helpers.model.show import utc
from pgha_helpers.monitoring.meanwhile import EVERY
from pgha_helpers.records.making.outbox import Outbox
from pgha_helpers.run.journal import read
from pgha_helpers.run.parameters.pair_file import load_pair

from ..embedded import Lab
from ..lab.receivers import receiver
from ..lab.runs import changed_pair, to_promote
from ..lab.servers import ask, standby_of, writable
from .desk import PATIENCE, Desk, opened

TWO_LOOKS = 2.2 * EVERY  # in which `pgha open` has looked twice whether there is anything to tell


def trial(path: Path, title: str) -> None:
    """Something to tell, which whoever may send it sends."""
    pair = load_pair(str(path))
    told = Notice(utc(time.time()), pair.name, NoticeKind.TRIAL, "", title, "text", pair.notify)
    Outbox(pair).keep(told)


@contextlib.contextmanager
def window_held(pair: Lab, standby: str) -> Iterator[None]:
    """A primary that is stopped within this waits for its standby: so long there is none."""
    ((walreceiver,),) = ask(pair, standby, "select pid from pg_stat_wal_receiver")
    os.kill(walreceiver, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(walreceiver, signal.SIGCONT)


def at(desk: Desk, event: str) -> float:
    """When something happened, in seconds since the epoch."""
    return datetime.fromisoformat(read(desk.record).first(event)["at"]).timestamp()


def wait_for(desk: Desk, event: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not read(desk.record).first(event):
        assert time.monotonic() < deadline, read(desk.record).events[-1]
        desk.page.wait_for_timeout(100)


def test_a_gate_that_waits_is_told_once_and_nothing_from_the_consent_to_the_end(
    pair: Lab, browser: BrowserContext, tmp_path: Path
) -> None:
    target = standby_of(pair)
    with receiver("web") as web:
        path = changed_pair(
            pair,
            tmp_path,
            notify=[f"json://127.0.0.1:{web.port}/chat"],
            gate_waits="2s",
            records=str(tmp_path / "records"),
        )
        impatient = replace(pair, pair_file=path)
        with opened(browser, impatient, "promote", tmp_path, reason="noticed") as desk:
            desk.run_all_above("hand_over(run, plan)")
            expect(desk.box).to_be_visible()
            (gate,) = web.arrived(1, within=PATIENCE)
            assert gate.startswith(f"changed: promote {target}")
            assert ": the gate waits for an answer, since " in gate
            assert web.came[0].at - at(desk, "gate shown") > 2

            desk.answer(to_promote(target))
            expect(desk.gate).to_contain_text("Consent given")
            trial(path, "past the gate")
            with window_held(pair, target):
                desk.run_cell("hand_over(run, plan)")
                wait_for(desk, "outage begins")
                trial(path, "in the window")
                desk.page.wait_for_timeout(TWO_LOOKS * 1000)
                assert writable(pair) == [], "clients are without a primary"
                assert web.titles == [gate]
            desk.ended("hand_over(run, plan)")
            assert writable(pair) == [target]
            desk.page.wait_for_timeout(TWO_LOOKS * 500)
            assert web.titles == [gate], "the change goes on"
            desk.run_from("follow(run, plan)")
            wait_for(desk, "run ended")
            told = web.arrived(4, within=PATIENCE)
            assert len(told) == 4, "while JupyterLab is open, and not when it is closed"
        assert at(desk, "outage ended") - at(desk, "outage begins") > TWO_LOOKS
        (done,) = {*told[1:]} - {"past the gate", "in the window"}
        assert done.startswith(f"changed: promote {target}") and f": done: {target} is" in done
        assert all(one.at > at(desk, "run ended") for one in web.came[1:])
    assert len(web.came) == 4, "each once, the gate that waited on, too"
