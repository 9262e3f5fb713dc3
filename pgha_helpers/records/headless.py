"""`pgha run`: a notebook through papermill, with an exit code and its executed copy in the record."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any

import psutil

from ..journal import Story, read
from ..parameters import load_pair, read_parameters
from ..parameters.pair_file import CHECKOUT
from .folder import VARIABLE, make_folder, new_id
from .outcome import REFUSED, exit_code
from .summary import write_summary

EXECUTED = "notebook.ipynb"
KERNEL = "python3"
_GRACE = 10.0  # seconds that a kernel gets after the second signal
_ENDINGS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


def run_notebook(notebook: str, given: Mapping[str, Any]) -> int:
    """Run a notebook to its end and give the exit code. Raises BadParameters before anything is begun."""
    asked, folder = prepare(notebook, given)
    stop = threading.Event()
    number = _attended(lambda: _papermill(source_of(notebook), folder / EXECUTED, asked, stop), stop, folder)
    return _close(folder, number)


def _attended(work: Callable[[], None], stop: threading.Event, folder: Path) -> int:
    """Do the work in a thread, and hear signals here; gives the number of the one that ended it, or 0.

    nbclient puts its own handlers in place of ours when it runs in the main thread. A signal that was ignored when we
    were started (nohup) stays ignored.
    """
    heard: list[int] = []

    def hear(number: int, _: FrameType | None) -> None:
        heard.append(number)
        stop.set()

    mine = [number for number in _ENDINGS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, hear) for number in mine}
    worker = threading.Thread(target=work, name="papermill", daemon=True)
    worker.start()
    leave = float("inf")
    while worker.is_alive() and time.monotonic() < leave:
        worker.join(0.3 if heard else 0.05)
        if heard:
            _end_kernel(folder)
        if len(heard) > 1:  # asked twice: whoever asks is not willing to wait for a kernel that does not listen
            leave = min(leave, time.monotonic() + _GRACE)
    for number, handler in before.items():
        signal.signal(number, handler)
    return heard[0] if heard else 0


def _end_kernel(folder: Path) -> None:
    """Interrupt the cell that runs, unless the journal tells that it has noticed; kill a kernel that has not begun.

    Asked again and again, because between two cells a kernel does not listen. One that is interrupted while it starts
    neither starts nor ends, and it has nothing to close.
    """
    events = []
    with suppress(FileNotFoundError):
        events = [event["event"] for event in read(folder).events]
    if events[-1:] in (["error"], ["run ended"]):
        return
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if "ipykernel_launcher" in child.cmdline():
                child.send_signal(signal.SIGINT if events else signal.SIGKILL)


def prepare(notebook: str, given: Mapping[str, Any]) -> tuple[dict[str, Any], Path]:
    """Strict parameters, and a record folder that the kernel's first run will find. Raises BadParameters."""
    asked = read_parameters(notebook, given)
    folder = make_folder(load_pair(asked["pair"]), notebook, new_id())
    os.environ[VARIABLE] = str(folder)
    # a kernel of the user's own that is called python3 would be another Python, without pgha_helpers
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    return asked, folder


def source_of(notebook: str) -> Path:
    """The notebook in the checkout."""
    return CHECKOUT / "notebooks" / f"{notebook}.ipynb"


def _papermill(source: Path, target: Path, parameters: Mapping[str, Any], stop: threading.Event) -> None:
    # jsonschema imports it where it is there, for formats that no notebook uses: 0.8 s of every start
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    import papermill
    from traitlets.config import Config

    if stop.is_set():  # a signal that came before there was a kernel to interrupt
        return
    try:
        with TemporaryDirectory(prefix="pgha-") as private:
            papermill.execute_notebook(
                source,
                target,
                dict(parameters),
                kernel_name=KERNEL,
                progress_bar=False,
                stdout_file=sys.stdout,
                stderr_file=sys.stderr,
                # sockets in a folder of our own: over TCP any user of this machine could listen to the kernel
                config=Config({"KernelManager": {"transport": "ipc", "ip": f"{private}/kernel"}}),
            )
    except papermill.exceptions.PapermillExecutionError:
        pass  # the journal tells it, and the exit code
    except Exception as error:  # a kernel that died or never started: the record says how far it came
        print(f"The notebook could not be run to its end: {type(error).__name__}: {error}", file=sys.stderr, flush=True)


def _close(folder: Path, number: int) -> int:
    try:
        story = read(folder)
    except FileNotFoundError:
        print(f"The notebook ended before it began a run. See {folder / EXECUTED}", file=sys.stderr, flush=True)
        return 128 + number if number else REFUSED
    write_summary(folder)
    code = exit_code(story, number)
    print(f"{_words(story)} Exit code {code}. Record: {folder}", flush=True)
    return code


def _words(story: Story) -> str:
    error = story.last("error")
    told = f"{error['type']}: {error['error']}\n" if error and story.outcome not in ("done", "rehearsed") else ""
    return f"{told}Run {story.first('run begun').get('run')}: {story.outcome}."
