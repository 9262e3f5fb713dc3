"""`pgha open` whose terminal goes away: JupyterLab ends, but never in the middle of a change."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pgha_helpers.records.making import interactive
from pgha_helpers.run.journal import Journal

NAME = "20261122T101010Z-prod-promote-0000000a"


@pytest.mark.parametrize(
    ("last", "waits"), [("deed begun", True), ("gate passed", False), ("error", False)]
)
def test_a_terminal_that_goes_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: str, waits: bool
) -> None:
    (tmp_path / NAME).mkdir()
    journal = Journal(tmp_path / NAME)
    for event in (
        "run begun",
        "gate passed",
        *(("deed begun",) if last != "gate passed" else ()),
        last,
    ):
        journal.write(event)
    monkeypatch.setattr(interactive, "records_of", lambda pair: tmp_path)
    jupyter = subprocess.Popen(["sleep", "60"])
    pair: Any = SimpleNamespace(name="prod")

    def hang_up() -> None:
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGHUP)
        time.sleep(0.7)
        journal.write("run ended", outcome="done")

    thread, began = threading.Thread(target=hang_up), time.monotonic()
    thread.start()
    try:
        assert interactive._attend(jupyter, tmp_path / NAME, pair) == 0
        assert (time.monotonic() - began > 0.9) == waits
    finally:
        thread.join()
        journal.close()
        jupyter.kill()
        jupyter.wait()
