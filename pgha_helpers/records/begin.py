"""The first and the last verb of every notebook: they open and close the record."""

from __future__ import annotations

import atexit
import getpass
import platform
import subprocess
import sys
import time
from importlib.metadata import version
from typing import Any

from ..errors import Failure, NotAchieved, Refusal, Unhealthy
from ..journal import Journal
from ..lock import Lock
from ..model import Pair, Verdicts
from ..parameters import load_pair, read_parameters
from ..parameters.pair_file import CHECKOUT
from ..run import Run
from ..show import Table, present, utc
from ..wire.doors import Door
from .folder import announced_folder, id_of, make_folder, new_id
from .summary import write_summary

_runs: list[Run] = []  # of this kernel, the newest last


def begin(notebook: str, **parameters: Any) -> Run:
    """Begin a run: read the parameters and the pair strictly, open the journal, and say where the record is.

    Raises BadParameters, naming what is wrong and what is allowed. A run that was begun earlier in this kernel and
    has not ended is abandoned, and the new one names it.
    """
    asked = read_parameters(notebook, parameters)
    pair = load_pair(asked["pair"])
    folder = announced_folder() or make_folder(pair, notebook, new_id())
    run_id = id_of(folder)
    operator = asked["operator"] or getpass.getuser()
    holder = f"run {run_id}, {notebook}, by {operator} on {platform.node()}, begun {utc(time.time())}"
    doors = {node.name: Door(node, pair) for node in pair}
    lock = Lock(doors.values(), holder, pair.timeouts.lock)
    run = Run(run_id, notebook, pair, asked, folder, Journal(folder), doors, lock)
    continues = _abandon_earlier()
    run.journal.write(
        "run begun",
        run=run_id,
        notebook=notebook,
        pair=pair.name,
        operator=operator,
        **{"typed": bool(asked["operator"]), "from": platform.node(), "reason": asked["reason"]},
        ticket=asked["ticket"],
        parameters=asked,
        continues=continues,
        version=version("pgha_helpers"),
        git=_git(),
        python=platform.python_version(),
    )
    _runs.append(run)
    _watch_kernel()
    present(_header(run, pair, operator))
    return run


def conclude(run: Run, verdicts: Verdicts) -> Verdicts:
    """The last verb: the run ends with the worst verdict.

    A verify that found something critical, or could not see, raises Unhealthy; a change whose aim is not reached
    raises NotAchieved. Warnings end well, and `pgha run` tells them by its exit code.
    """
    if run.notebook != "verify" and verdicts.worst != "ok":
        _close(run, "failed", str(verdicts))
        print(verdicts)
        raise NotAchieved("the aim was not reached; see what is in the way above", "run rebuild, or verify for more")
    _close(run, {"ok": "done"}.get(verdicts.worst, verdicts.worst), "")
    if verdicts.worst in ("critical", "unknown"):
        print(verdicts)
        reasons = "; ".join(dict.fromkeys(v.reason for v in verdicts.against))
        raise Unhealthy(f"{verdicts.worst}: {reasons}", "the remedy stands beside each check")
    return verdicts


def _close(run: Run, outcome: str, words: str) -> None:
    run.end(outcome, words=words)
    write_summary(run.folder)
    print(f"Run {run.id} ended: {outcome}. Record: {run.folder}")


def _header(run: Run, pair: Pair, operator: str) -> Table:
    reason = str(run.parameters["reason"]) or "none given"
    return Table(
        ("run", "pair", "operator", "reason", "record"), [(run.id, pair.name, operator, reason, str(run.folder))]
    )


def _abandon_earlier() -> str:
    """End a run of this kernel that was begun and not ended; gives the id of the newest earlier run."""
    for earlier in _runs:
        _end_as_left(earlier)
    return _runs[-1].id if _runs else ""


def _end_as_left(run: Run) -> None:
    """Close a run that no verb has ended: by what its journal says last."""
    errors = [e for e in run.journal.events if e["event"] == "error"]
    changed = any(e["event"] == "deed begun" for e in run.journal.events)
    outcome = "abandoned" if not errors else "failed" if changed else "refused"
    run.end(outcome)
    write_summary(run.folder)
    run.journal.close()


def _leave() -> None:
    for run in _runs:
        _end_as_left(run)


def _watch_kernel() -> None:
    """See every error of every cell, and the kernel's end. Once per kernel."""
    if len(_runs) > 1:
        return
    atexit.register(_leave)
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is not None:
        shell.events.register("post_run_cell", _see_error)


def _see_error(result: Any) -> None:
    """Called by IPython after each cell. It sees SystemExit too, which a custom exception handler does not."""
    error = result.error_before_exec or result.error_in_exec
    run = _runs[-1] if _runs else None
    if error is None or run is None or run.ended:
        return
    kind = (
        "interrupted"
        if isinstance(error, KeyboardInterrupt)
        else "refusal"
        if isinstance(error, Refusal)
        else "failure"
        if isinstance(error, Failure)
        else "error"
    )
    run.journal.write("error", kind=kind, type=type(error).__name__, error=str(error))
    run.lock.release()  # a notebook left open over night must not keep everybody else out
    write_summary(run.folder)


def _git() -> dict[str, Any] | None:
    """Commit of the checkout and whether it has changes; None outside a git checkout."""

    def git(*words: str) -> str:
        command = ["git", "-C", str(CHECKOUT), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=5).stdout.strip()

    try:
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain"))}
    except (OSError, subprocess.SubprocessError):
        return None
