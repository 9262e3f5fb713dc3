"""`pgha run`: a notebook through papermill and our engine.

It gives an exit code, and its executed copy lies in the record.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ...model import Pair
from ...model.errors import said
from ...run.events import ERROR, GATE_PASSED, RUN_BEGUN
from ...run.finding import find_notebook
from ...run.journal import Story, held_by_writer, read
from ...run.parameters.notebooks import names_of_nodes, read_parameters
from ...run.parameters.pair_file import load_pair
from ...run.redaction import Redactor, secrets_of
from ..engine import SignalReceived
from ..engine.prestarted_kernel import EarlyKernel
from ..engine.signals import deferring, stopping
from .ending import last_seen
from .folder import FolderLock
from .numbering import make_folder, new_id
from .outbox import attend_to
from .outcome import REFUSED, could_see, exit_code
from .summary import summarise

EXECUTED = "notebook.ipynb"
KERNEL = "python3"


def run_notebook(
    kernel: EarlyKernel, notebook: str, given: Mapping[str, Any], cell_timeout: float | None = None
) -> int:
    """Run a notebook to its end, complete its record, and give the exit code.

    Raises BadParameters before it begins.
    """
    asked, pair, folder = prepare_run(notebook, given)
    kernel.announce(folder)
    number = 0
    # how the run ends is decided in there: a later signal must not tell otherwise
    with FolderLock(folder), deferring():
        try:
            with stopping():
                _papermill(
                    kernel,
                    find_notebook(notebook),
                    folder,
                    asked,
                    cell_timeout,
                    Redactor(secrets_of(pair)),
                )
        except SignalReceived as stopped:
            number = stopped.number
        kernel.kill()  # after a second signal it still runs, and its record could not be completed
        return _close(folder, pair, number)


def prepare_run(notebook: str, given: Mapping[str, Any]) -> tuple[dict[str, Any], Pair, Path]:
    """Strict parameters, and a new record folder. Raises BadParameters."""
    asked = read_parameters(notebook, given)
    pair = load_pair(asked["pair"])
    names_of_nodes(asked, pair)
    return asked, pair, make_folder(pair, notebook, new_id())


def _papermill(
    kernel: EarlyKernel,
    source: Path,
    folder: Path,
    parameters: Mapping[str, Any],
    cell_timeout: float | None,
    scrub: Redactor,
) -> None:
    # jsonschema imports it where it is there, for formats that no notebook uses: 0.8 s of every
    # start
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    import papermill

    # what the report needs is loaded while the kernel works: afterwards somebody would wait for it
    loading = threading.Thread(target=_preload, name="pgha-preload", daemon=True)
    loading.start()
    try:
        papermill.execute_notebook(
            source,
            folder / EXECUTED,
            dict(parameters),
            engine_name="pgha",
            kernel_name=KERNEL,
            progress_bar=False,
            stdout_file=sys.stdout,
            stderr_file=sys.stderr,
            execution_timeout=cell_timeout,
            kernel=kernel,
            scrub=scrub,
            finished=lambda: _has_ended(folder),
            settle=loading.join,
            changes=lambda: is_changing(folder),
        )
    except papermill.exceptions.PapermillExecutionError:
        pass  # the journal tells it, and the exit code
    except Exception as error:
        # a kernel that died or never started: the record says how far it came
        words = scrub.text(
            f"The notebook could not be run to its end: {type(error).__name__}: {error}"
        )
        print(words, file=sys.stderr, flush=True)


def _preload() -> None:
    with suppress(Exception):  # whoever completes the record meets it again
        from ..reading import executed, retention
        from . import seal

        executed.preload()
        del retention, seal  # they had to be imported, no more


def _has_ended(folder: Path) -> bool:
    """Whether the run has written its last line, so that its kernel has nothing left to do."""
    try:
        return read(folder).state == "ended"
    except OSError:
        return False


def is_changing(folder: Path) -> bool:
    """Whether a run has passed its gate and not ended."""
    try:
        story = read(folder)
    except OSError:
        return False
    return story.state == "running" and bool(story.last(GATE_PASSED))


def _close(folder: Path, pair: Pair, number: int) -> int:
    try:
        story = read(folder)
    except OSError:
        print(
            f"The notebook ended before it began a run. See {folder / EXECUTED}",
            file=sys.stderr,
            flush=True,
        )
        return 128 + number if number else REFUSED
    code = exit_code(story, number)
    complete(folder, pair, "pgha run", story)
    if could_see(story):
        attend_to(pair, beat=folder.name)
    print(
        Redactor(secrets_of(pair)).text(f"{_words(story)} Exit code {code}. Record: {folder}"),
        flush=True,
    )
    return code


def complete(folder: Path, pair: Pair, by: str, story: Story | None = None) -> None:
    """Complete a record and thin the older ones.

    `story` is its journal, where that was read since its writer has gone. What cannot be done is
    said, and never changes how the run ended.
    """
    from ..reading.retention import thin
    from .chain_notes import note_completion
    from .seal import seal

    try:
        if not held_by_writer(folder):
            told = story or read(folder)
            seal(folder, told, pair, by)
            note_completion(folder, told, pair)
            thin(pair)
    except Exception as error:  # whatever it is: the run is over, and its exit code is known
        words = Redactor(secrets_of(pair)).text(f"THE RECORD IS NOT COMPLETE: {said(error)}")
        print(f"{words}\nThe next `pgha records` completes it: {folder}", flush=True)


def _words(story: Story) -> str:
    """What no verb has said: why a run stopped, and how things stand if it had changed anything."""
    error = story.last(ERROR)
    kind = "" if error.get("unforeseen") else f"{error.get('type')}: "
    told = []
    if error and story.outcome not in ("done", "rehearsed"):
        told = [f"{kind}{error['error']}", *(last_seen(summarise(story)) if story.changed else ())]
    return "\n".join([*told, f"Run {story.first(RUN_BEGUN).get('run')}: {story.outcome}."])
