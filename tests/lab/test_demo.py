"""`make demo` waits for a step as long as something moves, and shows what it said when it fails."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from ..embedded import Lab, demo, processes, up
from ..embedded.patience import attended

_BUSY = "import time; end = time.process_time() + 2\nwhile time.process_time() < end: pass"
_STUCK = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("it hangs", child.pid, flush=True)
time.sleep(600)
"""


def test_what_computes_in_silence_is_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    code, said = attended([sys.executable, "-c", _BUSY], "verify", patience=1.0, each=0.5)
    assert (code, said) == (0, "")
    assert "verify: " in capsys.readouterr().out  # and it is told meanwhile


def test_what_neither_says_nor_does_anything_is_given_up_with_all_it_started() -> None:
    began = time.monotonic()
    code, said = attended([sys.executable, "-c", _STUCK], "verify", patience=2.0)
    assert code != 0 and time.monotonic() - began < 20
    assert said.startswith("it hangs") and "Given up: for 2 s it said nothing" in said
    child = int(said.split()[2])
    assert not processes.start_time(child)


def test_a_failed_step_shows_what_it_said_and_is_the_last(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On two servers whose pair file nobody can read."""

    def made(folder: Path) -> Lab:
        lab = up(folder)
        lab.pair_file.write_text("nodes: [")
        return lab

    monkeypatch.setattr(demo, "up", made)
    assert demo.main(tmp_path / "lab") == 1
    told = capsys.readouterr().out
    assert "`pgha run setup` said:" in told and "BadParameters" in told
    assert "setup: exit code 64" in told and "verify ..." not in told
    assert "The demo ends here" in told
