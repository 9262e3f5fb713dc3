"""`pgha run`: a notebook through papermill and our engine, with an exit code and its executed copy in the record."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ..archive.executed import preload
from ..archive.retention import thin
from ..archive.seal import note_completion, seal
from ..engine import Stopped
from ..engine.signals import deferring, stopping
from ..journal import Story, held_by_writer, read
from ..model import Pair
from ..parameters import load_pair, read_parameters
from ..parameters.pair_file import CHECKOUT
from ..redaction import Redactor, secrets_of
from .folder import ROAD, VARIABLE, Keeping, make_folder, new_id
from .outcome import REFUSED, exit_code

EXECUTED = "notebook.ipynb"
KERNEL = "python3"


def run_notebook(notebook: str, given: Mapping[str, Any], cell_timeout: float | None = None) -> int:
    """Run a notebook to its end, complete its record, and give the exit code. Raises BadParameters before it begins."""
    asked, pair, folder = prepare(notebook, given, "pgha run")
    number = 0
    with Keeping(folder):
        try:
            with stopping():
                _papermill(source_of(notebook), folder / EXECUTED, asked, cell_timeout, Redactor(secrets_of(pair)))
        except Stopped as stopped:
            number = stopped.number
        return _close(folder, pair, number)


def prepare(notebook: str, given: Mapping[str, Any], road: str) -> tuple[dict[str, Any], Pair, Path]:
    """Strict parameters, and a record folder that the kernel's first run will find. Raises BadParameters."""
    asked = read_parameters(notebook, given)
    pair = load_pair(asked["pair"])
    folder = make_folder(pair, notebook, new_id())
    os.environ[VARIABLE], os.environ[ROAD] = str(folder), road
    # a kernel of the user's own that is called python3 would be another Python, without pgha_helpers
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    return asked, pair, folder


def source_of(notebook: str) -> Path:
    """The notebook in the checkout."""
    return CHECKOUT / "notebooks" / f"{notebook}.ipynb"


def _papermill(
    source: Path, target: Path, parameters: Mapping[str, Any], cell_timeout: float | None, scrub: Redactor
) -> None:
    # jsonschema imports it where it is there, for formats that no notebook uses: 0.8 s of every start
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    import papermill
    from traitlets.config import Config

    # what the report needs is loaded while the kernel works: afterwards somebody would wait for it
    threading.Thread(target=preload, name="pgha-preload", daemon=True).start()
    try:
        with TemporaryDirectory(prefix="pgha-") as private:
            papermill.execute_notebook(
                source,
                target,
                dict(parameters),
                engine_name="pgha",
                kernel_name=KERNEL,
                progress_bar=False,
                stdout_file=sys.stdout,
                stderr_file=sys.stderr,
                execution_timeout=cell_timeout,
                # sockets in a folder of our own: over TCP any user of this machine could listen to the kernel
                config=Config({"KernelManager": {"transport": "ipc", "ip": f"{private}/kernel"}}),
            )
    except papermill.exceptions.PapermillExecutionError:
        pass  # the journal tells it, and the exit code
    except Exception as error:  # a kernel that died or never started: the record says how far it came
        words = scrub.text(f"The notebook could not be run to its end: {type(error).__name__}: {error}")
        print(words, file=sys.stderr, flush=True)


def _close(folder: Path, pair: Pair, number: int) -> int:
    try:
        story = read(folder)
    except FileNotFoundError:
        print(f"The notebook ended before it began a run. See {folder / EXECUTED}", file=sys.stderr, flush=True)
        return 128 + number if number else REFUSED
    code = exit_code(story, number)
    with deferring():  # how the run ended is decided: a signal now must not tell otherwise
        complete(folder, pair, "pgha run")
    print(Redactor(secrets_of(pair)).text(f"{_words(story)} Exit code {code}. Record: {folder}"), flush=True)
    return code


def complete(folder: Path, pair: Pair, by: str) -> None:
    """Complete a record and thin the older ones. What cannot be done is said, and never changes how the run ended."""
    try:
        if not held_by_writer(folder):
            seal(folder, pair, by)
            note_completion(folder, pair)
            thin(pair)
    except Exception as error:  # whatever it is: the run is over, and its exit code is known
        words = Redactor(secrets_of(pair)).text(f"THE RECORD IS NOT COMPLETE: {type(error).__name__}: {error}")
        print(f"{words}\nThe next `pgha records` completes it: {folder}", flush=True)


def _words(story: Story) -> str:
    error = story.last("error")
    told = f"{error['type']}: {error['error']}\n" if error and story.outcome not in ("done", "rehearsed") else ""
    return f"{told}Run {story.first('run begun').get('run')}: {story.outcome}."
