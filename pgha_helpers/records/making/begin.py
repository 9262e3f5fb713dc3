"""The first and the last verb of every notebook: they open and close the record."""

from __future__ import annotations

import contextlib
import getpass
import platform
import time
from functools import cache
from typing import Any

from ...model import ClientSeen, Outage, Pair, Snapshot, Verdicts
from ...model.errors import NotAchieved, Unhealthy
from ...model.foreign import ODD
from ...model.show import Table, present, utc
from ...run.journal import Journal
from ...run.parameters import load_pair, read_parameters
from ...run.redaction import Redactor, secrets_of
from ...run.run import Run
from ...wire.doors import Door
from ...wire.lock import Lock
from . import kernel
from .chain_notes import chained_notes
from .earlier_runs import known_rates, last_known, stories
from .folder import announced_folder, id_of, make_folder, new_id, record_folders
from .outage import outage_of_change
from .provenance import provenance, unfinished
from .summary import write_summary


def begin(notebook: str, **parameters: Any) -> Run:
    """Begin a run: read the parameters and the pair strictly, open the journal, and say where the
    record is.

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
    run = Run(run_id, notebook, pair, asked, folder, Journal(folder, scrub.facts), doors, lock)
    run.ask_clients = lambda now: _clients(run, now)
    run.recorded = lambda system_id, beyond: chained_notes(folder.parent, system_id, beyond)
    run.last_known = lambda node, system_id: last_known(folder.parent, pair.name, node, system_id)
    run.outage = lambda: _outage(run)
    run.rates = cache(lambda: known_rates(folder.parent, pair.name))
    continues = kernel.before() or unfinished(notebook, pair.name, folder.parent, folder)
    kernel.enter(run, scrub)
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
        **provenance(notebook, folder),
    )
    present(_header(run, pair, operator), pgha={"run": run_id, "record": str(folder)})
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
        write_summary(run.folder)
    lost = (
        ""
        if run.journal.whole
        else ". BUT ITS JOURNAL IS NOT WHOLE: it counts as interrupted, with exit code 5"
    )
    print(f"Run {run.id} ended: {outcome}{lost}. Record: {run.folder}")


def _header(run: Run, pair: Pair, operator: str) -> Table:
    reason = str(run.parameters["reason"]) or "none given"
    return Table(
        ("run", "pair", "operator", "reason", "record"),
        [(run.id, pair.name, operator, reason, str(run.folder))],
    )


def _outage(run: Run) -> Outage | None:
    """Of this run's change. Records that cannot be read must not spoil its end: then its own
    journal tells.
    """
    records, own = run.folder.parent, run.journal.events
    older = (events for folder, events in stories(records, run.pair.name) if folder != run.folder)
    try:
        return outage_of_change(own, older, {id_of(folder) for folder in record_folders(records)})
    except (OSError, *ODD):
        return outage_of_change(own, ())


def _clients(run: Run, now: Snapshot) -> tuple[ClientSeen, ...]:
    if not run.pair.clients:
        return ()
    from ...clients import look_at_clients

    return look_at_clients(run, now)
