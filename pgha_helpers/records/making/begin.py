"""The first and the last verb of every notebook: they open and close the record."""

from __future__ import annotations

import contextlib
import getpass
import platform
import time
from typing import Any

from ...model import Pair, Verdicts, frontend
from ...model.errors import NotAchieved, Unhealthy
from ...model.foreign import ODD
from ...model.show import Table, present, utc
from ...run.events import FORMAT, RUN_BEGUN
from ...run.journal import Journal, read
from ...run.parameters import load_pair, read_parameters
from ...run.redaction import Redactor, secrets_of
from ...run.run import Clients, NoClients, Run
from ...wire.doors import Door
from ...wire.lock import Lock
from . import kernel
from .folder import announced_folder, id_of
from .history import EarlierRuns
from .newest_change import newest_change
from .numbering import make_folder, new_id
from .provenance import provenance, unfinished
from .summary import write_summary


def begin(notebook: str, **parameters: Any) -> Run:
    """Begin a run: read parameters and pair strictly, open the journal, say where the record is.

    Raises BadParameters, naming what is wrong and what is allowed. A run that was begun earlier in
    this kernel and has not ended is abandoned, and the new one names it.
    """
    asked = read_parameters(notebook, parameters)
    pair = load_pair(asked["pair"])
    folder = announced_folder() or make_folder(pair, notebook, new_id())
    run_id = id_of(folder)
    operator = asked["operator"] or getpass.getuser()
    holder = (
        f"run {run_id}, {notebook}, by {operator} on {platform.node()}, begun {utc(time.time())}"
    )
    doors = {node.name: Door(node, pair) for node in pair}
    lock = Lock(doors.values(), holder, pair.timeouts.lock)
    scrub = Redactor(secrets_of(pair))
    journal, history = Journal(folder, scrub.facts), EarlierRuns(folder, pair.name)
    clients = _clients_of(pair)
    run = Run(run_id, notebook, pair, asked, folder, journal, doors, lock, clients, history)
    continues = kernel.unfinished_run() or unfinished(notebook, pair.name, folder.parent, folder)
    kernel.enter(run, scrub)
    run.journal.write(
        RUN_BEGUN,
        format=FORMAT,
        run=run_id,
        notebook=notebook,
        pair=pair.name,
        operator=operator,
        **{"typed": bool(asked["operator"]), "from": platform.node(), "reason": asked["reason"]},
        ticket=asked["ticket"],
        parameters=asked,
        continues=continues,
        **provenance(notebook, folder),
    )
    present(_header(run, pair, operator), pgha={"run": run_id, "record": str(folder)})
    with contextlib.suppress(OSError, *ODD):  # records that cannot be read keep nobody from work
        _tell_newest_change(run)
    return run


def conclude(run: Run, verdicts: Verdicts) -> Verdicts:
    """The last verb: the run ends with the worst verdict.

    A verify that found something critical, or could not see, raises Unhealthy; a change whose aim
    is not reached raises NotAchieved. Warnings end well, and `pgha run` tells them by its exit
    code.
    """
    if run.notebook != "verify" and verdicts.worst != "ok":
        _close(run, "failed", str(verdicts))
        print(verdicts)
        raise NotAchieved(
            "the aim was not reached; see what is in the way above",
            "run rebuild, or verify for more",
        )
    _close(run, {"ok": "done"}.get(verdicts.worst, verdicts.worst), "")
    if verdicts.worst in ("critical", "unknown"):
        print(verdicts)
        reasons = "; ".join(dict.fromkeys(v.reason for v in verdicts.against))
        raise Unhealthy(f"{verdicts.worst}: {reasons}", "the remedy stands beside each check")
    return verdicts


def _close(run: Run, outcome: str, words: str) -> None:
    run.end(outcome, words=words)
    with contextlib.suppress(OSError):  # a full disk: the next `pgha records` writes it
        write_summary(run.folder, read(run.folder))
    lost = ". BUT ITS JOURNAL IS NOT WHOLE: it counts as interrupted, with exit code 5"
    if run.journal.whole:
        lost = ""
    print(f"Run {run.id} ended: {outcome}{lost}. Record: {run.folder}")


def _header(run: Run, pair: Pair, operator: str) -> Table:
    reason = str(run.parameters["reason"]) or "none given"
    return Table(
        ("run", "pair", "operator", "reason", "record"),
        [(run.id, pair.name, operator, reason, str(run.folder))],
    )


def _tell_newest_change(run: Run) -> None:
    """What happened to this pair last, before anything is asked: its page may have been lost."""
    change = newest_change(run.folder.parent, run.pair.name, but=run.folder)
    if change is None:
        return
    print(f"Newest change of this pair: {change}", flush=True)
    if change.goes_on:
        print("Wait for its end before you change anything.", flush=True)
    here = bool(change.file) and change.file == run.journal.events[0].get("file")
    if not (frontend.somebody() and (change.young or change.goes_on)):
        return
    if here:
        print("It was run in this notebook. Where the page lost it, it went on in the kernel:")
    present(change.steps())


def _clients_of(pair: Pair) -> Clients:
    """Whoever leads them, loaded only where there are any: a light verify waits for nothing."""
    if not pair.clients:
        return NoClients()
    from ...clients import HeldClients

    return HeldClients(pair)
