"""`pgha open`: JupyterLab on a parameterised copy, so that the source is never saved over."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ...model import Pair
from ...model.errors import BadParameters
from ...model.foreign import text_of
from ...run.checkout import RECORD, ROAD, environment, python
from ...run.events import ERROR
from ...run.finding import find_notebook
from ...run.journal import read
from ..engine import SignalReceived
from ..engine.signals import deferring, stopping
from ..reading.notebooks import TYPED
from .folder import FolderLock, record_folders, records_of
from .headless import EXECUTED, complete, prepare_run
from .numbering import add_line
from .seal import complete_all
from .sequence import UNUSED

# overrides.json: the notebook is saved every few seconds
SETTINGS = Path(__file__).parent / "jupyterlab"
_AGAIN = 10.0  # seconds in which a second Ctrl-C is taken for the answer to "a run goes on"


def copy_notebook(notebook: str, parameters: Mapping[str, Any], target: Path) -> Path:
    """Write a copy of a notebook with these parameters in a cell of their own."""
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    from papermill.iorw import load_notebook_node, write_ipynb
    from papermill.parameterize import parameterize_notebook

    write_ipynb(
        parameterize_notebook(
            load_notebook_node(str(find_notebook(notebook))), dict(parameters), comment=TYPED
        ),
        str(target),
    )
    return target


def prepare_copy(notebook: str, given: Mapping[str, Any]) -> tuple[Pair, Path]:
    """A copy in a new record folder, and its pair. Raises BadParameters."""
    asked, pair, folder = prepare_run(notebook, given)
    wanted = {key: value for key, value in asked.items() if key in {"pair", *given}}
    return pair, copy_notebook(notebook, wanted, folder / EXECUTED)


def jupyterlab(root: Path, first: str, *, browser: bool = True) -> list[str]:
    """The command that opens this environment's JupyterLab on `root`, on 127.0.0.1 only."""
    command = python("jupyterlab", "--ip=127.0.0.1", f"--ServerApp.root_dir={root}")
    command += [
        f"--LabApp.default_url=/lab/tree/{first}",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        f"--LabApp.app_settings_dir={SETTINGS}",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    if not browser:
        command.append("--no-browser")
    return command


def open_notebook(notebook: str, given: Mapping[str, Any], *, browser: bool = True) -> int:
    """Open JupyterLab on a copy of the notebook until Ctrl-C, then complete its records.

    Raises BadParameters. Gives JupyterLab's exit status, or 0 if it was ended from here.
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
        print(
            f"Record: {folder}\nCtrl-C here ends JupyterLab and completes the record.", flush=True
        )
        # a kernel of the user's own that is called python3 would be another Python, without
        # pgha_helpers
        told = environment(
            **{RECORD: str(folder), ROAD: "pgha open", "JUPYTER_PREFER_ENV_PATH": "1"}
        )
        command = jupyterlab(folder, copy.name, browser=browser)
        # a session of its own: Ctrl-C is ours to hear, and JupyterLab would ask back for it
        pipe: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        jupyter = subprocess.Popen(command, start_new_session=True, env=told, **pipe)
        threading.Thread(target=_pass_on, args=(jupyter,), name="pgha-jupyter", daemon=True).start()
        status = _attend(jupyter, folder, pair)
        with deferring():
            _end(jupyter)
            for complaint in complete_all(
                pair, "pgha open", note=True
            ):  # runs that were begun again in this JupyterLab
                print(complaint, flush=True)
            if (folder / "journal.jsonl").exists():
                complete(folder, pair, "pgha open")
            else:
                _drop_unused(pair, copy)
    return status


def _pass_on(jupyter: subprocess.Popen[bytes]) -> None:
    """What JupyterLab says, by our own mouth.

    A terminal that takes nothing would hold it, and the kernel with it.
    """
    for line in jupyter.stdout or ():
        print(text_of(line), end="", flush=True)


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


def _end(jupyter: subprocess.Popen[bytes]) -> None:
    """End JupyterLab, which ends its kernels, if it still runs."""
    jupyter.terminate()
    try:
        jupyter.wait(30)
    except subprocess.TimeoutExpired:
        jupyter.kill()
        jupyter.wait()


def _goes_on(folder: Path, pair: Pair) -> bool:
    """Whether a run of this JupyterLab has changed something, and neither ended nor failed."""
    since = [path for path in record_folders(records_of(pair)) if path.name >= folder.name]
    begun = [path for path in since if (path / "journal.jsonl").exists()]
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
