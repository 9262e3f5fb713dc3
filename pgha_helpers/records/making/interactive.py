"""`pgha open`: JupyterLab on a parameterised copy, so that the source is never saved over."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ...model import Pair
from ...model.errors import BadParameters
from ...model.foreign import ODD
from ...run.checkout import RECORD, ROAD, environment
from ...run.events import ERROR, RUN_BEGUN
from ...run.journal import JOURNAL, read
from ..engine import SignalReceived
from ..engine.signals import deferring, stopping
from ..reading.manifest import MANIFEST
from ..reading.outages import length
from .files import copy_notebook
from .folder import FolderLock, record_folders, records_of
from .headless import EXECUTED, complete, prepare_run
from .lab_server import LabServer, tab_name
from .newest_change import newest_change
from .numbering import add_line
from .seal import complete_all
from .sequence import UNUSED
from .summary import summarise

_AGAIN = 10.0  # seconds in which a second Ctrl-C is taken for the answer to "a run goes on"


def prepare_copy(notebook: str, given: Mapping[str, Any]) -> tuple[Pair, Path]:
    """A copy in a new record folder, and its pair. Raises BadParameters."""
    asked, pair, folder = prepare_run(notebook, given)
    wanted = {key: value for key, value in asked.items() if key in {"pair", *given}}
    return pair, copy_notebook(notebook, wanted, folder / EXECUTED)


def open_notebook(
    notebook: str,
    given: Mapping[str, Any],
    *,
    browser: bool = True,
    watching: Callable[[Pair], AbstractContextManager[object]] = nullcontext,
) -> int:
    """Open JupyterLab on a copy of the notebook until Ctrl-C, then complete its records.

    Raises BadParameters. Gives JupyterLab's exit status, or 0 if it was ended from here. `watching`
    goes on as long as it is open.
    """
    if find_spec("jupyterlab") is None:
        raise BadParameters(
            "JupyterLab is not installed beside pgha",
            f"{sys.executable} -m pip install 'pgha_helpers[jupyterlab]', in a checkout "
            "'.[jupyterlab]'; or run it headless: pgha run",
        )
    pair, copy = prepare_copy(notebook, given)
    folder = copy.parent
    with FolderLock(folder):
        _say_what_was(folder, pair)
        shown = _as_tab(copy, tab_name(notebook, pair.name))
        server = LabServer(folder, shown.name, _environment(folder), browser=browser)
        print(f"JupyterLab is starting. Its own output: {server.log}", flush=True)
        where = threading.Thread(target=_say_where, args=(server, notebook), daemon=True)
        where.start()
        with watching(pair):
            status = _attend(server.process, folder, pair)
        with deferring():
            server.end()
            if shown != copy:
                shown.unlink(missing_ok=True)
            if status:
                print(f"JupyterLab ended with status {status}. It said last:", flush=True)
                print(server.last_words(), flush=True)
            _complete(copy, pair)
    return status


def _environment(folder: Path) -> dict[str, str]:
    """A kernel of the user's own that is called python3 would be another Python, without us."""
    own = {RECORD: str(folder), ROAD: "pgha open", "JUPYTER_PREFER_ENV_PATH": "1"}
    return environment(**own)


def _say_what_was(folder: Path, pair: Pair) -> None:
    print(f"Record: {folder}", flush=True)
    with contextlib.suppress(OSError, *ODD):
        change = newest_change(folder.parent, pair.name, but=folder)
        if change is not None:
            print(f"Newest change of this pair: {change}", flush=True)


def _as_tab(copy: Path, name: str) -> Path:
    """The copy under the name that its tab is to have; itself where the disk knows no links."""
    link = copy.with_name(name)
    try:
        link.symlink_to(copy.name)
    except OSError:
        return copy
    return link


def _say_where(server: LabServer, notebook: str) -> None:
    """Where JupyterLab is open, once it is, and what to do there."""
    address = server.address()
    if not address:
        return
    gate = "It changes nothing."
    if notebook != "verify":
        gate = "It stops at its gate: nothing is changed before the words shown there are typed."
    print(
        f"Open in a browser, if none has opened by itself: {address}\n"
        f"Choose Run > Run All Cells, or go cell by cell with Shift+Enter. {gate}\n"
        "When you are done, Ctrl-C here ends JupyterLab and seals the record.",
        flush=True,
    )


def _complete(copy: Path, pair: Pair) -> None:
    """Seal what was run, and say what that is."""
    folder = copy.parent
    unsealed = [path for path in record_folders(records_of(pair)) if not _is_sealed(path)]
    # runs that were begun again in this JupyterLab
    for complaint in complete_all(pair, "pgha open", note=True):
        print(complaint, flush=True)
    if (folder / JOURNAL).exists():
        complete(folder, pair, "pgha open")
    else:
        _drop_unused(pair, copy)
    for path in reversed(unsealed):
        if _is_sealed(path):
            print(f"Sealed: {_how_it_ended(path)}. {path}", flush=True)


def _is_sealed(folder: Path) -> bool:
    return (folder / MANIFEST).exists()


def _how_it_ended(folder: Path) -> str:
    story = read(folder)
    begun = story.first(RUN_BEGUN)
    outage = length(summarise(story))
    without = f"; clients without a primary: {outage}" if outage else ""
    return f"run {begun.get('run')}, {begun.get('notebook')}: {story.outcome}{without}"


def _attend(jupyter: subprocess.Popen[bytes], folder: Path, pair: Pair) -> int:
    """Wait for JupyterLab's end or a signal, and give the exit status.

    While a run goes on, it waits for the second Ctrl-C. A terminal that goes away (SIGHUP)
    interrupts no run that has passed its gate: JupyterLab ends after it.
    """
    warned = 0.0
    while True:
        try:
            with stopping():
                return jupyter.wait()
        except SignalReceived as stopped:
            soon = time.monotonic() - warned < _AGAIN
            if stopped.number == signal.SIGHUP:
                with deferring():
                    _wait_for_runs(jupyter, folder, pair)
            elif stopped.number == signal.SIGINT and not soon and _goes_on(folder, pair):
                warned = time.monotonic()
                print(
                    f"\nA run goes on. Ctrl-C again within {_AGAIN:.0f} s interrupts it and ends "
                    "JupyterLab.",
                    flush=True,
                )
                continue
            return 0


def _goes_on(folder: Path, pair: Pair) -> bool:
    """Whether a run of this JupyterLab has changed something, and neither ended nor failed."""
    since = [path for path in record_folders(records_of(pair)) if path.name >= folder.name]
    begun = [path for path in since if (path / JOURNAL).exists()]
    return any(_changes(path) for path in begun)


def _changes(folder: Path) -> bool:
    try:
        story = read(folder)
    except OSError:
        return False
    return story.state == "running" and story.changed and story.events[-1]["event"] != ERROR


def _wait_for_runs(jupyter: subprocess.Popen[bytes], folder: Path, pair: Pair) -> None:
    while jupyter.poll() is None and _goes_on(folder, pair):
        time.sleep(0.2)


def _drop_unused(pair: Pair, copy: Path) -> None:
    """A copy in which nothing was run is no record."""
    copy.unlink(missing_ok=True)
    shutil.rmtree(copy.parent / ".ipynb_checkpoints", ignore_errors=True)
    if any(copy.parent.iterdir()):
        print(f"Nothing was run; what was saved is still in {copy.parent}", flush=True)
    else:
        add_line(pair, UNUSED, record=copy.parent.name)
        copy.parent.rmdir()
        print("Nothing was run; the record folder is removed.", flush=True)
