"""What a run sees of its kernel: the cells, their errors, the end.

And what it keeps the kernel from saying.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import traceback
from collections.abc import Mapping
from typing import Any

from ...model import frontend
from ...model.errors import Failure, HaError, Refusal, unforeseen
from ...run.checkout import ROAD
from ...run.events import CELL_BEGUN, DEED_BEGUN, ERROR
from ...run.journal import read
from ...run.redaction import Redactor
from ...run.run import Run
from .provenance import cells_of, digest
from .summary import write_summary

_runs: list[Run] = []  # of this kernel, the newest last
_sources: dict[str, Mapping[str, str]] = {}  # by notebook: digest of each code cell -> its id
_mouth: list[Redactor] = []  # what everything that the kernel says goes through; one per run


def enter(run: Run, scrub: Redactor) -> None:
    """Attend to a run until it or the kernel ends.

    A run that was begun earlier here and not ended is abandoned.
    """
    for earlier in _runs:
        close_as_left(earlier)
    _mouth.append(scrub)
    _sources[run.notebook] = cells_of(run.notebook)
    _runs.append(run)
    if len(_runs) > 1:
        return
    atexit.register(_leave)
    shell = frontend.shell()
    if shell is not None:
        shell.events.register("pre_run_cell", _see_cell)
        shell.events.register("post_run_cell", _see_error)
        shell.set_custom_exc((Exception,), _say_unforeseen)
        _show_no_good_end(shell)
        _watch_mouth(getattr(shell, "kernel", None))


def unfinished_run() -> str:
    """The id of this kernel's newest earlier run, if that came to no good end; else empty."""
    if _runs and _runs[-1].ended in ("", "abandoned", "failed"):
        return _runs[-1].id
    return ""


def close_as_left(run: Run) -> None:
    """Close a run that no verb has ended: by what its journal says last."""
    errors = [e for e in run.journal.events if e["event"] == ERROR]
    changed = any(e["event"] == DEED_BEGUN for e in run.journal.events)
    # the disk refuses, or the interpreter ends: there is nobody left to tell
    outcome = "abandoned"
    if errors:
        outcome = "failed" if changed else "refused"
    with contextlib.suppress(Exception):
        run.end(outcome)
        write_summary(run.folder, read(run.folder))
    run.journal.close()


def _leave() -> None:
    for run in _runs:
        close_as_left(run)


def _current() -> Run | None:
    if _runs and not _runs[-1].ended:
        return _runs[-1]
    return None


def _see_cell(info: Any) -> None:
    """Called by IPython before each cell: which it is, and whether its text is the source's."""
    run = _current()
    if run is None:
        return
    text = digest(info.raw_cell)
    known = _sources[run.notebook].get(text, "")
    with contextlib.suppress(Refusal):
        run.journal.write(
            CELL_BEGUN, cell=known or info.cell_id or "", sha256=text, as_in_source=bool(known)
        )


def _see_error(result: Any) -> None:
    """Called by IPython after each cell.

    It sees SystemExit too, which a custom exception handler does not.
    """
    error = result.error_before_exec or result.error_in_exec
    run = _current()
    if error is None or run is None:
        return
    with contextlib.suppress(Refusal, OSError):
        run.journal.write(ERROR, kind=_kind(error), type=type(error).__name__, **_words(run, error))
        write_summary(run.folder, read(run.folder))
    run.lock.release()  # a notebook left open over night must not keep everybody else out


def _say_unforeseen(
    shell: Any, kind: type[Exception], error: Exception, trace: Any, tb_offset: int | None = None
) -> None:
    """Called by IPython instead of showing an exception.

    One of our own code gets a sentence, like our own errors. The traceback is in the journal.
    """
    run = _current()
    if run is not None and (words := _words(run, error)).get("unforeseen"):
        error._render_traceback_ = lambda: [words["error"]]  # type: ignore[attr-defined]
    shell.showtraceback((kind, error, trace), tb_offset)


def _show_no_good_end(shell: Any) -> None:
    """SystemExit 0 is how a run ends well in mid-notebook: IPython would show it as an error.

    Papermill's own engine knows such an end only by the error that is shown.
    """
    if not (frontend.somebody() or os.environ.get(ROAD)):
        return
    show = shell.showtraceback

    def unless_it_ended(*told: Any, **how: Any) -> None:
        left = sys.exc_info()[1]
        well = isinstance(left, SystemExit) and not left.code and _current() is None
        if not well:
            show(*told, **how)

    shell.showtraceback = unless_it_ended


def _words(run: Run, error: BaseException) -> dict[str, Any]:
    """What the journal tells of an error; of one that nobody foresaw its traceback, too."""
    told = "" if isinstance(error, HaError | KeyboardInterrupt | SystemExit) else unforeseen(error)
    if not told:
        return {"error": str(error)}
    remedy = "nothing was changed"
    if run.steps:
        remedy = "run it again with the same words: it looks first"
    words = (
        f"{told}\n  What to do: {remedy}. For whoever mends pgha, its traceback: {run.journal.path}"
    )
    return {"error": words, "unforeseen": traceback.format_exception(error)}


def _kind(error: BaseException) -> str:
    kinds = {KeyboardInterrupt: "interrupted", Refusal: "refusal", Failure: "failure"}
    return next((word for kind, word in kinds.items() if isinstance(error, kind)), "error")


def _watch_mouth(kernel: Any) -> None:
    """Every message of the kernel goes through one method.

    Tables, streams, tracebacks with locals, and replies.
    """
    session = getattr(kernel, "session", None)
    if session is None:
        return
    send = session.send

    def clean(
        stream: Any, msg_or_type: Any, content: Any = None, *more: Any, **options: Any
    ) -> Any:
        if isinstance(msg_or_type, dict):
            msg_or_type = {**msg_or_type, "content": _clean(msg_or_type["content"])}
        return send(stream, msg_or_type, _clean(content), *more, **options)

    session.send = clean
    # ipykernel also writes what child processes print, as it is, to the terminal that the kernel
    # was started from
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        if (copy := getattr(stream, "_original_stdstream_copy", None)) is not None:
            os.dup2(nowhere, copy)


def _clean(content: Any) -> Any:
    for scrub in _mouth:
        content = scrub.whole(content)
    return content
