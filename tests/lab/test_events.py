"""What a record says after everything that can end a run: the table of what papermill's own engine
gets wrong.

Measured on papermill 2.7.0: after the events that are marked with *, the cell and those that never
ran are saved as `completed`, and the notebook as without an exception.
"""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen

import pytest

from pgha_helpers.records.reading.manifest import read_manifest
from pgha_helpers.run.journal import read

from ..conftest import finish
from ..embedded import Lab
from .checkouts import EVENT, LATER, altered_checkout, start, statuses
from .servers import records, wait_for

SLEEP = "print('here', flush=True)\nimport time; time.sleep(60)"


def nothing(_: Popen[str], __: Path) -> None:
    """The event is in the cell itself."""


def send(number: int) -> Callable[[Popen[str], Path], None]:
    def when_it_sleeps(run: Popen[str], records_folder: Path) -> None:
        def sleeps() -> bool:  # papermill saves the notebook when a cell begins
            saved = records_folder.glob("*/notebook.ipynb")
            return any(statuses(executed).get(EVENT) == "running" for executed in saved)

        assert wait_for(sleeps, within=60), "the cell did not begin"
        time.sleep(0.3)
        run.send_signal(number)

    return when_it_sleeps


#: What a second interrupt after the cell's end does to ipykernel: it is idle again, and the reply
#: is never sent.
LOSES_ITS_REPLY = """
session = get_ipython().kernel.session
def forgets(stream, what, *more, send=session.send, **options):
    if what == "execute_reply":
        raise KeyboardInterrupt
    return send(stream, what, *more, **options)
session.send = forgets
"""

#: event: (the cell's text, tags, what else happens, further words, exit code, event, later,
#: exception, outcome)
EVENTS = {
    "nothing": ("1", (), nothing, (), 0, "completed", "completed", None, "done"),
    "exception": (
        "raise ValueError('x')",
        (),
        nothing,
        (),
        4,
        "failed",
        "pending",
        True,
        "refused",
    ),
    "kernel killed *": (
        "import os; os.kill(os.getpid(), 9)",
        (),
        nothing,
        (),
        4,
        "failed",
        "pending",
        True,
        "interrupted",
    ),
    "time-out *": (
        SLEEP,
        (),
        nothing,
        ("--cell-timeout", "6s"),
        4,
        "failed",
        "pending",
        True,
        "refused",
    ),
    "Ctrl-C *": (SLEEP, (), send(signal.SIGINT), (), 130, "failed", "pending", True, "refused"),
    "SIGTERM": (SLEEP, (), send(signal.SIGTERM), (), 143, "failed", "pending", True, "refused"),
    "SIGHUP": (SLEEP, (), send(signal.SIGHUP), (), 129, "failed", "pending", True, "refused"),
    "sys.exit(3)": (
        "import sys; sys.exit(3)",
        (),
        nothing,
        (),
        4,
        "failed",
        "pending",
        True,
        "refused",
    ),
    "sys.exit(0)": (
        "import sys; sys.exit(0)",
        (),
        nothing,
        (),
        4,
        "completed",
        "pending",
        None,
        "refused",
    ),
    "quit() *": ("quit()", (), nothing, (), 4, "completed", "pending", None, "abandoned"),
    "raises-exception": (
        "1/0",
        ("raises-exception",),
        nothing,
        (),
        0,
        "completed",
        "completed",
        None,
        "done",
    ),
    "reply lost": (LOSES_ITS_REPLY, (), nothing, (), 4, "failed", "pending", True, "abandoned"),
    "reply lost after SIGTERM": (
        *(
            f"{LOSES_ITS_REPLY}\n{SLEEP}",
            (),
            send(signal.SIGTERM),
            (),
            143,
            "failed",
            "pending",
            True,
            "refused",
        ),
    ),
    "input()": ("input()", (), nothing, (), 4, "failed", "pending", True, "refused"),
}


@pytest.mark.parametrize("name", EVENTS)
def test_the_record_tells_the_truth(pair: Lab, tmp_path: Path, name: str) -> None:
    cell, tags, happen, words, code, event, later, exception, outcome = EVENTS[name]
    known = set(records(pair))
    checkout = altered_checkout(tmp_path, cell, tags)
    if LOSES_ITS_REPLY in cell:
        _give_up_early(checkout)
    run = start(checkout, "run", "verify", str(pair.pair_file), *words)
    happen(run, pair.folder / "records")
    out, err = finish(run)
    (folder,) = set(records(pair)) - known
    told = statuses(folder / "notebook.ipynb")
    assert (run.returncode, told[EVENT], told[LATER], told["exception"]) == (
        code,
        event,
        later,
        exception,
    ), out + err
    story = read(folder)
    assert story.outcome == outcome and not story.broken
    assert json.loads((folder / "record.json").read_text())["outcome"] == outcome
    assert ("it went on" in out) == (later == "completed")
    assert "Traceback" not in err, "a foreseeable end is a sentence"
    _is_complete(folder, outcome)


def _give_up_early(checkout: Path) -> None:
    """Wait a second for a reply that never comes, not ten."""
    file = checkout / "pgha_helpers" / "records" / "engine" / "execution.py"
    known = file.read_text()
    file.write_text(known.replace("_REPLY = 10.0", "_REPLY = 1.0"))
    assert file.read_text() != known


def _is_complete(folder: Path, outcome: str) -> None:
    told = read_manifest(folder / "manifest.json")
    assert not told.wrong and set(told.files) >= {
        "journal.jsonl",
        "record.json",
        "notebook.ipynb",
        "report.html",
    }
    assert bool(told.told["completed"]["late"]) == (outcome == "interrupted")
    assert not re.search(r"(src|href)\s*=\s*[\"']?https?:", (folder / "report.html").read_text())


def test_what_nobody_foresaw_is_a_sentence_and_its_traceback_is_in_the_record(
    pair: Lab, tmp_path: Path
) -> None:
    known = set(records(pair))
    checkout = altered_checkout(tmp_path, "run.doors = {}\nlook(run)")
    out, err = finish(start(checkout, "run", "verify", str(pair.pair_file), "-p", "light=true"))
    (folder,) = set(records(pair)) - known
    words = "pgha did not foresee this: KeyError: 'db0' (facts/look.py, line "
    assert (
        words in out
        and f"its traceback: {folder / 'journal.jsonl'}" in out
        and "nothing was changed" in out
    )
    executed = json.loads((folder / "notebook.ipynb").read_text())
    (shown,) = [
        o["traceback"]
        for c in executed["cells"]
        for o in c.get("outputs", ())
        if o["output_type"] == "error"
    ]
    assert len(shown) == 1 and words in shown[0], "a wall of it helps nobody at 3 am"
    assert any(
        "sight(run.doors[name])" in line for line in read(folder).last("error")["unforeseen"]
    )
    assert "Traceback" not in out + err


def test_a_kernel_that_cannot_be_started(pair: Lab, tmp_path: Path) -> None:
    """Papermill's own engine saves a notebook of one cell as completed."""
    known = set(records(pair))
    checkout = altered_checkout(tmp_path, "1")
    (checkout / "ipykernel_launcher.py").write_text(
        "raise SystemExit('no kernel today, password=hunter2')"
    )
    run = start(checkout, "run", "verify", str(pair.pair_file))
    out, err = finish(run)
    (folder,) = set(records(pair)) - known
    told = statuses(folder / "notebook.ipynb")
    assert run.returncode == 4 and "no kernel today, password=[redacted]" in err, out + err
    assert set(told.values()) == {"pending", True} and "Traceback" not in err


def test_a_kernel_of_somebody_elses_choice_is_not_used(pair: Lab, tmp_path: Path) -> None:
    """A kernel that is called python3 may be another Python, without pgha_helpers; `pgha run` uses
    its own.
    """
    spec = tmp_path / "kernels" / "python3" / "kernel.json"
    spec.parent.mkdir(parents=True)
    spec.write_text(
        json.dumps(
            {"argv": ["/no/such/python", "{connection_file}"], "display_name": "x", "language": "x"}
        )
    )
    run = start(
        altered_checkout(tmp_path, "1"),
        "run",
        "verify",
        str(pair.pair_file),
        JUPYTER_PATH=str(tmp_path),
    )
    out, err = finish(run)
    assert run.returncode == 0, out + err


def test_a_signal_stops_work_at_once(pair: Lab, tmp_path: Path) -> None:
    """Under papermill's own engine a kernel works on for most of a second after SIGTERM."""
    marks = tmp_path / "marks"
    cell = (
        f"import time\nfor n in range(600): open({str(marks)!r}, 'a').write('x'); time.sleep(0.05)"
    )
    checkout = altered_checkout(tmp_path, cell)
    run = start(checkout, "run", "verify", str(pair.pair_file), "-p", "light=true")
    assert wait_for(marks.exists, 60)
    run.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    seen = len(marks.read_text())
    finish(run)
    assert run.returncode == 143 and len(marks.read_text()) == seen, (
        "nothing is written after the interrupt"
    )
